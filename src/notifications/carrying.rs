//! Carrying messages to WeChat.
//!
//! What is guaranteed: a message is handed to WeChat at least once, and spends one consent. A worker claims a message for a while, hands it over outside any
//! transaction, and marks what became of it; when it crashes between the two, another worker hands it over again after the claim has run out. WeChat
//! itself lets only one message through for each consent and answers the second with 43101, which is then taken for "it has arrived or was refused".
//! A failure that may pass is tried again [`MOST_TRIES`] times; what fails for good stays in the inbox only, and the staff see it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Post, outbox, subscriptions};
use crate::error::Result;
use crate::ids::{AccountId, Clock};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, on_tx};

/// Who carries messages out of the house.
pub trait Carrier: Send + Sync {
    /// Hands one message over. An error may pass: it is tried again.
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Carried>>;
}

/// A message on its way.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub openid: String,
    /// Template.
    pub template_id: String,
    /// Page that a tap opens.
    pub page: String,
    /// Values by the names of the template.
    pub fields: BTreeMap<String, String>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was taken.
    Sent,
    /// The person refuses, or the one message of the consent has gone out.
    Refused,
    /// It will never be taken, with the code of the answer.
    Rejected(i64),
}

#[derive(FromRow)]
struct Row {
    message_id: Uuid,
    consent_id: Uuid,
    account_id: AccountId,
    template_id: String,
    page: String,
    fields: Json<BTreeMap<String, String>>,
    attempts: i64,
    is_uncertain: bool,
    openid_sealed: Option<String>,
}

const LIST_DUE: &str =
    "SELECT s.message_id, s.consent_id, s.account_id, s.template_id, s.page, s.fields, s.attempts, s.is_uncertain, c.openid_sealed
    FROM subscription_send s JOIN subscription_consent c ON c.id = s.consent_id
    WHERE s.state = 'pending' AND s.next_attempt_at <= $1 ORDER BY s.next_attempt_at, s.message_id LIMIT $2";
// The number of tries is the claim: whoever raises it tries, and only that try may mark the outcome.
const CLAIM: &str = "UPDATE subscription_send SET attempts = attempts + 1, next_attempt_at = $3, is_uncertain = TRUE
    WHERE message_id = $1 AND attempts = $2 AND state = 'pending' AND next_attempt_at <= $4";
const END: &str =
    "UPDATE subscription_send SET state = $3, failure = $4, ended_at = $5 WHERE message_id = $1 AND attempts = $2 AND state = 'pending'";
const LATER: &str =
    "UPDATE subscription_send SET next_attempt_at = $3, failure = $4 WHERE message_id = $1 AND attempts = $2 AND state = 'pending'";
const ERASE: &str = "UPDATE subscription_consent SET openid_sealed = NULL WHERE id = $1 AND openid_sealed IS NOT NULL";
const DROP: &str = "UPDATE subscription_consent SET state = 'dropped', ended_at = $3, openid_sealed = NULL
    WHERE account_id = $1 AND template_id = $2 AND state = 'granted'";
const COUNT: &str = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM subscription_send WHERE state = 'pending'),
    (SELECT CAST(COUNT(*) AS BIGINT) FROM subscription_send WHERE state = 'failed')";
const LIST_FAILED: &str = "SELECT message_id, event, template_id, attempts, failure, ended_at FROM subscription_send WHERE state = 'failed'
    AND ((ended_at, message_id) < ($1, $2) OR $1 IS NULL) ORDER BY ended_at DESC, message_id DESC LIMIT $3";
const FORGET: &str = "DELETE FROM subscription_send WHERE message_id IN
    (SELECT message_id FROM subscription_send WHERE state IN ('sent', 'refused') AND ended_at < $1 ORDER BY ended_at, message_id LIMIT $2)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_DUE, CLAIM, END, LATER, ERASE, DROP, COUNT, LIST_FAILED, FORGET];

/// Tries of one message, spread over some two hours.
pub const MOST_TRIES: i64 = 6;
/// How long a claim holds. Longer than the longest call.
pub const CLAIM_SECONDS: i64 = 120;
/// Longest time of one call, whatever the carrier itself allows.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// Time after a try that failed: two minutes, three times as long each time.
pub fn pause_after(attempts: i64) -> chrono::Duration {
    let tripled = u32::try_from(attempts.clamp(1, 5) - 1).map_or(1, |n| 3_i64.pow(n));
    chrono::Duration::minutes(2 * tripled)
}

/// Hands over up to `limit` messages that are due and says how many it tried. Safe from several instances at once and after a crash.
pub async fn carry_due(at: Post<'_>, limit: u32) -> Result<u32> {
    let due: Vec<Row> = on_db!(at.db, pool => sqlx::query_as(LIST_DUE).bind(at.clock.now()).bind(i64::from(limit)).fetch_all(pool).await)
        .map_err(failed)?;
    let mut tried = 0;
    for row in due {
        if claim(at, &row).await? {
            tried += 1;
            carry_one(at, row).await?;
        }
    }
    Ok(tried)
}

/// Removes messages that WeChat took or the person refused months ago, and says how many. The ledger of consents stays, because people read it.
pub async fn forget_carried(db: &Db, clock: &Clock) -> Result<u64> {
    outbox::forget(db, clock, FORGET).await
}

async fn claim(at: Post<'_>, row: &Row) -> Result<bool> {
    let now = at.clock.now();
    let until = now + chrono::Duration::seconds(CLAIM_SECONDS);
    let mut tx = at.db.begin().await?;
    let claimed: u64 = on_tx!(&mut tx, c => sqlx::query(CLAIM)
        .bind(row.message_id).bind(row.attempts).bind(until).bind(now).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    Ok(claimed == 1)
}

/// How a try ended.
enum Outcome {
    /// For good: the state, why, and whether the person's other consents to the template are worth nothing.
    Ended(&'static str, String, bool),
    /// Another try may succeed.
    Later(String),
}

async fn carry_one(at: Post<'_>, row: Row) -> Result<()> {
    let attempt = row.attempts + 1;
    let outcome = match &row.openid_sealed {
        None => Outcome::Ended("failed", "erased".into(), false),
        Some(sealed) => match at.cipher.open(subscriptions::PURPOSE, sealed) {
            Err(error) => Outcome::Later(error.code.slug().into()),
            Ok(openid) => {
                let letter = Letter { openid, template_id: row.template_id.clone(), page: row.page.clone(), fields: row.fields.0.clone() };
                match tokio::time::timeout(LONGEST_CALL, at.carrier.carry(&letter)).await {
                    Ok(Ok(Carried::Sent)) => Outcome::Ended("sent", String::new(), false),
                    // After a try whose answer was never heard, a refusal may as well say that it has arrived.
                    Ok(Ok(Carried::Refused)) => Outcome::Ended("refused", String::new(), !row.is_uncertain),
                    Ok(Ok(Carried::Rejected(code))) => Outcome::Ended("failed", format!("errcode {code}"), false),
                    Ok(Err(error)) => Outcome::Later(error.code.slug().into()),
                    Err(_) => Outcome::Later("timeout".into()),
                }
            }
        },
    };
    let outcome = match outcome {
        Outcome::Later(failure) if attempt >= MOST_TRIES => Outcome::Ended("failed", failure, false),
        other => other,
    };
    let now = at.clock.now();
    let mut tx = at.db.begin().await?;
    match outcome {
        Outcome::Later(failure) => {
            let next = now + pause_after(attempt);
            on_tx!(&mut tx, c => sqlx::query(LATER).bind(row.message_id).bind(attempt).bind(next).bind(&failure).execute(c).await.map(drop))
                .map_err(failed)?;
        }
        Outcome::Ended(state, failure, drops_others) => {
            let ended: u64 = on_tx!(&mut tx, c => sqlx::query(END)
                .bind(row.message_id).bind(attempt).bind(state).bind(&failure).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
            if ended == 1 {
                on_tx!(&mut tx, c => sqlx::query(ERASE).bind(row.consent_id).execute(c).await.map(drop)).map_err(failed)?;
                if drops_others {
                    on_tx!(&mut tx, c => sqlx::query(DROP).bind(row.account_id).bind(&row.template_id).bind(now).execute(c).await.map(drop))
                        .map_err(failed)?;
                }
            }
        }
    }
    tx.commit().await
}

/// Messages on their way, and messages that failed for good.
pub async fn count_backlog(db: &Db) -> Result<(i64, i64)> {
    on_db!(db, pool => sqlx::query_as(COUNT).fetch_one(pool).await).map_err(failed)
}

/// A message that WeChat did not take. Who it was for is left out; it stands in the inbox all the same.
#[derive(Clone, Debug, FromRow)]
pub struct FailedSend {
    /// Id of the message.
    pub message_id: Uuid,
    /// Canonical name of the event.
    pub event: String,
    /// Template.
    pub template_id: String,
    /// Tries.
    pub attempts: i64,
    /// Why the last try failed.
    pub failure: String,
    /// When it was given up.
    pub ended_at: DateTime<Utc>,
}

/// Messages that WeChat did not take, the newest first.
pub async fn list_failed(db: &Db, cursor: Option<&str>, limit: usize) -> Result<Page<FailedSend>> {
    let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<FailedSend> =
        on_db!(db, pool => sqlx::query_as(LIST_FAILED).bind(at).bind(id).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.ended_at, row.message_id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow() {
        let minutes: Vec<i64> = (1..=MOST_TRIES).map(|n| pause_after(n).num_minutes()).collect();
        assert_eq!(minutes, [2, 6, 18, 54, 162, 162]);
        assert!(LONGEST_CALL.as_secs() < u64::try_from(CLAIM_SECONDS).unwrap(), "a claim outlasts its call");
    }
}
