//! Reading the forms of these pages: plain fields, and one file, within limits; nothing of a form without its token is kept.

use std::collections::HashMap;

use poem::web::{Field, Multipart};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::portal::texts;
use crate::portal::texts::drafting as words;
use crate::portal::visits::Visit;

/// Longest plain field, in bytes: a pasted code of law.
const FIELD_BYTES: u64 = 12 << 20;
/// Most fields of a form.
const FIELDS: usize = 40;

/// A form that came with its token.
#[derive(Debug, Default)]
pub struct Sent {
    fields: HashMap<String, String>,
    /// Name and content of the file, when one was chosen.
    pub file: Option<(String, Vec<u8>)>,
}

impl Sent {
    /// A field; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// A number; 0 when it is none.
    pub fn number(&self, name: &str) -> i64 {
        self.get(name).parse().unwrap_or(0)
    }
}

/// Reads a multipart form whose first field is the token, with at most one file of at most `file_bytes`.
pub async fn read(visit: &Visit, mut multipart: Multipart, file_bytes: u64) -> Result<Sent> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let mut sent = Sent::default();
    let mut is_checked = false;
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        if name == "csrf" {
            visit.check_form(&plain(field).await?)?;
            is_checked = true;
            continue;
        }
        if !is_checked {
            return Err(Error::new(Code::Forbidden, texts::STALE_FORM));
        }
        match field.file_name().map(str::to_owned) {
            None if sent.fields.len() < FIELDS => {
                let value = plain(field).await?;
                sent.fields.insert(name, value);
            }
            None => return Err(Error::new(Code::Malformed, texts::NO_READING)),
            // A browser sends one nameless empty file when none was chosen.
            Some(file) if file.is_empty() => {}
            Some(file) => {
                let bytes = limited(field, file_bytes).await?.ok_or_else(|| Error::new(Code::TooLarge, words::FILE_TOO_LARGE))?;
                sent.file = Some((file, bytes));
            }
        }
    }
    if is_checked { Ok(sent) } else { Err(Error::new(Code::Forbidden, texts::STALE_FORM)) }
}

async fn plain(field: Field) -> Result<String> {
    let bytes = limited(field, FIELD_BYTES).await?.ok_or_else(|| Error::new(Code::TooLarge, texts::TOO_LARGE))?;
    String::from_utf8(bytes).map_err(|_| Error::new(Code::Malformed, texts::NO_READING))
}

async fn limited(field: Field, limit: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    field.into_async_read().take(limit + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// The id that a form's one-time key stands for: the same form sent twice by one person names the same thing.
pub fn keyed_id(visit: &Visit, purpose: &str, key: &str) -> Option<Uuid> {
    let account = visit.caller.as_ref()?.account_id;
    let key: Uuid = key.parse().ok()?;
    let digest = visit.app.data_key.keyed_hash("portal-form-key", &format!("{purpose} {account} {key}"));
    let bytes = hex::decode(digest.get(..32)?).ok()?;
    Some(Uuid::new_v8(bytes.try_into().ok()?))
}
