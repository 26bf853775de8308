//! Consents of a citizen to WeChat messages: whoever consents proves with a fresh login code that the openid is theirs.

use super::wechat::Wechat;
use crate::error::{Code, Error, Result};
use crate::ids::AccountId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::crypto::DataKey;
use crate::storage::sql::failed;

const FIND_HASH: &str = "SELECT openid_hash FROM account WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_HASH];

/// The openid that a login code stands for, if it is that of an account; else [`Code::Forbidden`].
pub async fn prove_openid(db: &Db, wechat: &dyn Wechat, key: &DataKey, account: AccountId, code: &str) -> Result<String> {
    let openid = wechat.openid_of_code(code).await?;
    let held: Option<Option<String>> =
        on_db!(db, pool => sqlx::query_scalar(FIND_HASH).bind(account).fetch_optional(pool).await).map_err(failed)?;
    if held.flatten().is_some_and(|held| held == key.keyed_hash("wechat-openid", &openid)) {
        return Ok(openid);
    }
    Err(Error::new(Code::Forbidden, "现在的微信不是登录这个账号的微信，请重新登录后再订阅。"))
}
