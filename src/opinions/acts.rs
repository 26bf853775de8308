//! Acts that are heard once: the idempotency keys of changing, withdrawing, agreeing and uploading. (An opinion carries its own key.)

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Acts with a key.
    KeyedAct {
        /// An opinion is changed.
        Edit = "edit", "修改";
        /// An opinion is taken back.
        Withdraw = "withdraw", "撤回";
        /// Somebody agrees or disagrees, or no longer does.
        Vote = "vote", "表态";
        /// A file is uploaded.
        Upload = "upload", "上传";
    }
}

/// An act as it is claimed under a key.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose key it is; `None` for people without an account, whose keys must be secret.
    pub actor: Option<AccountId>,
    /// The key.
    pub key: &'a str,
    /// What is done.
    pub act: KeyedAct,
    /// Hash of everything that was sent.
    pub content_hash: &'a str,
    /// The opinion or the file.
    pub subject: Uuid,
    /// The revision that results.
    pub revision: Option<i64>,
}

/// What came of an act that was done before under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The opinion or the file.
    pub subject: Uuid,
    /// The revision that resulted.
    pub revision: Option<i64>,
    /// When.
    pub at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO opinion_act (actor, idempotency_key, act, content_hash, subject_id, revision, done_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (actor, idempotency_key) DO NOTHING";
const FIND: &str = "SELECT act, content_hash, subject_id, revision, done_at FROM opinion_act WHERE actor = $1 AND idempotency_key = $2";
const FORGET: &str = "DELETE FROM opinion_act WHERE done_at < $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, FORGET];

/// Days for which a key is remembered.
const REMEMBERED_DAYS: i64 = 30;
/// Fewest characters of a key that somebody without an account makes: nobody else may guess it.
const SECRET_KEY_BYTES: usize = 32;

type Row = (String, String, Uuid, Option<i64>, DateTime<Utc>);

/// Passes a key of 8 to 128 visible characters.
pub fn check_key(key: &str) -> Result<()> {
    if (8..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::invalid("Idempotency-Key", "重复提交标识应为 8 至 128 个可见的英文字符或数字。"))
}

/// Passes a key that somebody without an account may use: long enough that nobody else makes the same.
pub fn check_secret_key(key: &str) -> Result<()> {
    check_key(key)?;
    if key.len() < SECRET_KEY_BYTES {
        return Err(Error::invalid(
            "Idempotency-Key",
            format!("不登录时，重复提交标识应为 {SECRET_KEY_BYTES} 至 128 个随机的英文字符或数字。"),
        ));
    }
    Ok(())
}

/// Claims a key for an act, in the transaction of the act. `None`: it is new, and may be done. The same act with the same content gives what came of
/// it; another one is [`Code::KeyReused`].
pub async fn claim(tx: &mut Tx, clock: &Clock, claim: Claim<'_>) -> Result<Option<Done>> {
    let actor = actor_of(claim.actor);
    let now = clock.now();
    let is_new: u64 = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(&actor).bind(claim.key).bind(claim.act.as_str()).bind(claim.content_hash).bind(claim.subject).bind(claim.revision).bind(now)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if is_new == 1 {
        return Ok(None);
    }
    let row: Option<Row> = on_tx!(tx, c => sqlx::query_as(FIND).bind(&actor).bind(claim.key).fetch_optional(c).await).map_err(failed)?;
    read(row, &claim)?.ok_or_else(|| Error::defect("an idempotency key was neither written nor found")).map(Some)
}

/// What came of an act under its key, asked before the work begins.
pub async fn find_done(db: &Db, claim: Claim<'_>) -> Result<Option<Done>> {
    let actor = actor_of(claim.actor);
    let row: Option<Row> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(&actor).bind(claim.key).fetch_optional(pool).await).map_err(failed)?;
    read(row, &claim)
}

fn read(row: Option<Row>, claim: &Claim<'_>) -> Result<Option<Done>> {
    let Some((act, content_hash, subject, revision, at)) = row else { return Ok(None) };
    if act != claim.act.as_str() || content_hash != claim.content_hash {
        return Err(Error::new(Code::KeyReused, "这个重复提交标识已用于另一次操作。新的操作请换一个标识再提交。"));
    }
    Ok(Some(Done { subject, revision, at }))
}

fn actor_of(account: Option<AccountId>) -> String {
    account.map_or_else(|| "anonymous".to_owned(), |account| account.to_string())
}

/// Forgets keys that are weeks old, and says how many.
pub async fn forget_old_keys(db: &Db, clock: &Clock) -> Result<u64> {
    let before = clock.now() - Duration::days(REMEMBERED_DAYS);
    let mut tx = db.begin().await?;
    let gone = on_tx!(&mut tx, c => sqlx::query(FORGET).bind(before).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    tx.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_an_account_must_be_hard_to_guess() {
        check_key("12345678").unwrap();
        check_secret_key(&"7f".repeat(16)).unwrap();
        for bad in ["", "1234567", "有汉字的标识", "with space", &"x".repeat(129)] {
            assert!(check_key(bad).is_err() && check_secret_key(bad).is_err(), "{bad}");
        }
        assert!(check_secret_key("12345678").is_err());
    }
}
