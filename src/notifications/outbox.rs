//! From the outbox to the inboxes: each event once, tried again with growing pauses, and given up in sight of the staff.
//!
//! Whoever marks the row of an event writes the message and spends the consent to a WeChat message, in one transaction. So several instances, and a worker that
//! crashes at any point, give each event exactly one effect.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use tokio::sync::watch;
use uuid::Uuid;

use super::{AsPost, Event, Post, carrying, subscriptions};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

#[derive(Clone, FromRow)]
struct Row {
    id: Uuid,
    account_id: AccountId,
    event: String,
    subject_id: Uuid,
    about: String,
    created_at: DateTime<Utc>,
    attempts: i64,
}

macro_rules! list_due {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, event, subject_id, about, created_at, attempts FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL
            AND (next_attempt_at IS NULL OR next_attempt_at <= $1) ORDER BY created_at, id LIMIT $2",
            $rest
        )
    };
}

const LIST_DUE: &str = list_due!("");
// What another instance is delivering is left to it, so that several share the work instead of waiting for each other.
const LIST_FREE: &str = list_due!(" FOR UPDATE SKIP LOCKED");
const COUNT_PENDING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL";
const COUNT_GIVEN_UP: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NOT NULL";
const OLDEST_DUE: &str = "SELECT created_at FROM outbox
    WHERE delivered_at IS NULL AND given_up_at IS NULL AND (next_attempt_at IS NULL OR next_attempt_at <= $1) ORDER BY created_at, id LIMIT 1";
const MARK_DELIVERED: &str = "UPDATE outbox SET delivered_at = $2 WHERE id = $1 AND delivered_at IS NULL AND given_up_at IS NULL";
const INSERT_INBOX: &str = "INSERT INTO inbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
const NOTE_FAILURE: &str = "UPDATE outbox SET attempts = attempts + 1, failure = $3, next_attempt_at = $4, given_up_at = $5
    WHERE id = $1 AND attempts = $2 AND delivered_at IS NULL AND given_up_at IS NULL";
const LIST_GIVEN_UP: &str =
    "SELECT id, event, attempts, failure, given_up_at FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NOT NULL
    AND ((given_up_at, id) < ($1, $2) OR $1 IS NULL) ORDER BY given_up_at DESC, id DESC LIMIT $3";
const TRY_AGAIN: &str = "UPDATE outbox SET attempts = 0, next_attempt_at = NULL, given_up_at = NULL WHERE id = $1 AND delivered_at IS NULL AND given_up_at IS NOT NULL";
const STANDS: &str = "SELECT given_up_at IS NULL FROM outbox WHERE id = $1";
// Who was told that an opinion needs no answer is looked up here when the next batch of the draft is published.
const FORGET: &str = "DELETE FROM outbox WHERE id IN
    (SELECT id FROM outbox WHERE delivered_at < $1 AND event <> 'opinion_excluded' ORDER BY delivered_at, id LIMIT $2)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    LIST_DUE,
    OLDEST_DUE,
    COUNT_PENDING,
    COUNT_GIVEN_UP,
    MARK_DELIVERED,
    INSERT_INBOX,
    NOTE_FAILURE,
    LIST_GIVEN_UP,
    TRY_AGAIN,
    STANDS,
    FORGET,
];

/// Events delivered in one transaction, and messages sent in one go.
const BATCH: u32 = 200;
/// Time between two looks at the outbox.
const PAUSE: Duration = Duration::from_secs(2);
/// Time after a failure of the engine.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);
/// Days for which what was delivered is kept.
pub(super) const KEPT_DAYS: i64 = 90;
/// Rows removed in one transaction.
pub(super) const FORGOTTEN_AT_ONCE: i64 = 1_000;
/// Tries of one event before it is given up: spread over some nine hours.
pub const MOST_TRIES: i64 = 10;

/// Time after a try that failed: one minute, doubled each time, three hours at most.
pub fn pause_after(attempts: i64) -> chrono::Duration {
    let doubled = u32::try_from(attempts.clamp(0, 16)).ok().and_then(|n| 1_i64.checked_shl(n)).unwrap_or(1);
    chrono::Duration::minutes(doubled.min(180))
}

/// Delivers up to `limit` events that are due and says how many it moved.
///
/// They go in one transaction; when that fails, one by one, so that one bad event holds back nobody else's. An event that fails by itself is tried again later
/// ([`pause_after`]), and after [`MOST_TRIES`] it waits for the staff. A failure of the engine, two instances that wait for each other among them, counts as no try.
pub async fn deliver_pending(at: Post<'_>, limit: u32) -> Result<u32> {
    let due: Vec<Row> = on_db!(at.db, pool => sqlx::query_as(LIST_DUE).bind(at.clock.now()).bind(i64::from(limit)).fetch_all(pool).await)
        .map_err(failed)?;
    if due.is_empty() {
        return Ok(0);
    }
    match deliver_free(at, &due, limit).await {
        Ok(delivered) => return Ok(delivered),
        Err(error) if error.code == Code::Unavailable => return Err(error),
        Err(_) => {}
    }
    let mut delivered = 0;
    for row in &due {
        match deliver_alone(at, row).await {
            Ok(n) => delivered += n,
            Err(error) if error.code == Code::Unavailable => return Err(error),
            Err(error) => note_failure(at, row, &error).await?,
        }
    }
    Ok(delivered)
}

/// Delivers what is due in one transaction: on SQLite what was found, on PostgreSQL as much as no other instance is delivering.
async fn deliver_free(at: Post<'_>, due: &[Row], limit: u32) -> Result<u32> {
    let now = at.clock.now();
    let mut tx = at.db.begin().await?;
    let free: Option<Vec<Row>> = match &mut tx {
        Tx::Sqlite(_) => None,
        Tx::Postgres(transaction) => {
            let found = sqlx::query_as(LIST_FREE).bind(now).bind(i64::from(limit)).fetch_all(&mut **transaction).await;
            Some(found.map_err(failed)?)
        }
    };
    let delivered = deliver_all(&mut tx, at, free.as_deref().unwrap_or(due), now).await?;
    tx.commit().await?;
    Ok(delivered)
}

async fn deliver_alone(at: Post<'_>, row: &Row) -> Result<u32> {
    let mut tx = at.db.begin().await?;
    let delivered = deliver_all(&mut tx, at, std::slice::from_ref(row), at.clock.now()).await?;
    tx.commit().await?;
    Ok(delivered)
}

async fn deliver_all(tx: &mut Tx, at: Post<'_>, rows: &[Row], now: DateTime<Utc>) -> Result<u32> {
    let mut delivered = 0;
    for row in rows {
        delivered += u32::from(deliver_one(tx, at, row, now).await?);
    }
    Ok(delivered)
}

async fn deliver_one(tx: &mut Tx, at: Post<'_>, row: &Row, now: DateTime<Utc>) -> Result<bool> {
    let event = Event::parse(&row.event).ok_or_else(|| Error::defect(format_args!("unknown event {}", row.event)))?;
    let claimed: u64 =
        on_tx!(tx, c => sqlx::query(MARK_DELIVERED).bind(row.id).bind(now).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if claimed == 0 {
        return Ok(false);
    }
    on_tx!(tx, c => sqlx::query(INSERT_INBOX)
        .bind(row.id).bind(row.account_id).bind(&row.event).bind(row.subject_id).bind(&row.about).bind(row.created_at).execute(c).await.map(drop))
    .map_err(failed)?;
    if let Some(letter) = at.templates.compose(event, row.subject_id, &row.about, row.created_at) {
        subscriptions::spend(tx, row.account_id, row.id, event, letter, now).await?;
    }
    Ok(true)
}

async fn note_failure(at: Post<'_>, row: &Row, error: &Error) -> Result<()> {
    let now = at.clock.now();
    let given_up = row.attempts + 1 >= MOST_TRIES;
    let cause = error.cause_chain();
    tracing::error!(event = row.event, attempts = row.attempts + 1, given_up, cause, "an event could not be delivered");
    let next = now + pause_after(row.attempts);
    let mut tx = at.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(NOTE_FAILURE)
        .bind(row.id).bind(row.attempts).bind(error.code.slug()).bind(next).bind(given_up.then_some(now)).execute(c).await.map(drop))
    .map_err(failed)?;
    tx.commit().await
}

/// Numbers of what waits and of what was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events on their way to an inbox.
    pub pending: i64,
    /// Events that were given up and wait for the staff.
    pub given_up: i64,
    /// WeChat messages on their way.
    pub wechat_pending: i64,
    /// WeChat messages that WeChat did not take.
    pub wechat_failed: i64,
}

/// Delivers until it is told to stop, and reports the backlog. A failure is logged and tried again: the rows stay where they are.
pub async fn deliver_until_stopped(holder: impl AsPost, report: impl Fn(Backlog), mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        let post = holder.post();
        let pause = match deliver_and_carry(post).await {
            Ok((backlog, is_full)) => {
                report(backlog);
                if is_full { Duration::ZERO } else { PAUSE }
            }
            Err(error) => {
                tracing::error!(cause = error.cause_chain(), "notifications could not be delivered; they are tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(post.ids.about(pause)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

async fn deliver_and_carry(at: Post<'_>) -> Result<(Backlog, bool)> {
    let delivered = deliver_pending(at, BATCH).await?;
    carrying::carry_due(at, BATCH).await?;
    Ok((count_backlog(at.db).await?, delivered == BATCH))
}

/// Removes what was delivered months ago, and says how much: it stands in the inbox, and nobody looks for it here.
pub async fn forget_delivered(db: &Db, clock: &Clock) -> Result<u64> {
    forget(db, clock, FORGET).await
}

/// Removes with a statement, some rows at a time, what is older than [`KEPT_DAYS`].
pub(super) async fn forget(db: &Db, clock: &Clock, statement: &'static str) -> Result<u64> {
    let before = clock.now() - chrono::Duration::days(KEPT_DAYS);
    let mut gone = 0;
    loop {
        let mut tx = db.begin().await?;
        let some: u64 = on_tx!(&mut tx, c => sqlx::query(statement)
            .bind(before).bind(FORGOTTEN_AT_ONCE).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
        tx.commit().await?;
        gone += some;
        if some < FORGOTTEN_AT_ONCE as u64 {
            return Ok(gone);
        }
    }
}

/// Events that are not delivered and not given up.
pub async fn count_pending(db: &Db) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_PENDING).fetch_one(pool).await).map_err(failed)
}

/// When the oldest event was written that is due and not delivered; `None` = there is none.
pub async fn oldest_due(db: &Db, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    on_db!(db, pool => sqlx::query_scalar(OLDEST_DUE).bind(now).fetch_optional(pool).await).map_err(failed)
}

/// What waits and what was given up.
pub async fn count_backlog(db: &Db) -> Result<Backlog> {
    let pending = count_pending(db).await?;
    let given_up: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_GIVEN_UP).fetch_one(pool).await).map_err(failed)?;
    let (wechat_pending, wechat_failed) = carrying::count_backlog(db).await?;
    Ok(Backlog { pending, given_up, wechat_pending, wechat_failed })
}

/// An event that was given up. Who it was for is left out.
#[derive(Clone, Debug, FromRow)]
pub struct GivenUp {
    /// Id, for another try.
    pub id: Uuid,
    /// Canonical name of the event.
    pub event: String,
    /// Tries.
    pub attempts: i64,
    /// Code of the last failure.
    pub failure: String,
    /// When it was given up.
    pub given_up_at: DateTime<Utc>,
}

/// Events that were given up, the newest first.
pub async fn list_given_up(db: &Db, cursor: Option<&str>, limit: usize) -> Result<Page<GivenUp>> {
    let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<GivenUp> =
        on_db!(db, pool => sqlx::query_as(LIST_GIVEN_UP).bind(at).bind(id).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.given_up_at, row.id)))
}

/// Puts an event that was given up back among those that are due, and says whether it did: one that is there already changes nothing.
pub async fn try_again(tx: &mut Tx, event: Uuid) -> Result<bool> {
    let back: u64 = on_tx!(tx, c => sqlx::query(TRY_AGAIN).bind(event).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if back == 1 {
        return Ok(true);
    }
    let known: Option<bool> = on_tx!(tx, c => sqlx::query_scalar(STANDS).bind(event).fetch_optional(c).await).map_err(failed)?;
    if known.is_some() { Ok(false) } else { Err(Error::not_found("这条通知")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let minutes: Vec<i64> = (0..MOST_TRIES).map(|n| pause_after(n).num_minutes()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 180, 180]);
        assert_eq!(pause_after(i64::MAX).num_minutes(), 180);
        assert_eq!(pause_after(-1).num_minutes(), 1);
    }
}
