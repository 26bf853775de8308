//! What makes one creating act the same as another: the key that its sender chose, together with everything that was sent.

use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::storage::crypto::sm3_hex;

/// Passes a key that a client made for one act.
pub fn check_key(key: &str) -> Result<()> {
    if (8..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::invalid("Idempotency-Key", "重复提交标识应为 8 至 128 个可见的英文字符或数字。"))
}

/// Hash of everything that was sent.
pub fn content_hash<T: Serialize>(sent: &T) -> Result<String> {
    let bytes = serde_json::to_vec(sent).map_err(|e| Error::internal("what was sent cannot be written", e))?;
    Ok(sm3_hex(&bytes))
}

/// Passes when the key came with the same content before.
pub fn require_same(known_hash: &str, hash: &str) -> Result<()> {
    if known_hash == hash {
        return Ok(());
    }
    Err(Error::new(Code::KeyReused, "这个重复提交标识已经用于另一项内容，请换一个标识后再提交。"))
}
