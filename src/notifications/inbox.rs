//! 站内消息: what people read.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::Event;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, on_tx};

/// A message in an inbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Id.
    pub id: Uuid,
    /// What happened.
    pub event: Event,
    /// The thing, e.g. an opinion.
    pub subject_id: Uuid,
    /// What the person reads.
    pub sentence: String,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    event: String,
    subject_id: Uuid,
    about: String,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_message(self) -> Result<Message> {
        let event = Event::parse(&self.event).ok_or_else(|| Error::defect(format_args!("unknown event {}", self.event)))?;
        let sentence = event.sentence(&self.about);
        Ok(Message { id: self.id, event, subject_id: self.subject_id, sentence, created_at: self.created_at, read_at: self.read_at })
    }
}

const LIST: &str = "SELECT id, event, subject_id, about, created_at, read_at FROM inbox
    WHERE account_id = $1 AND ((created_at, id) < ($2, $3) OR $2 IS NULL) ORDER BY created_at DESC, id DESC LIMIT $4";
const FIND: &str = "SELECT id, event, subject_id, about, created_at, read_at FROM inbox WHERE id = $1 AND account_id = $2";
const COUNT_UNREAD: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM inbox WHERE account_id = $1 AND read_at IS NULL";
const MARK_READ: &str = "UPDATE inbox SET read_at = COALESCE(read_at, $3) WHERE id = $1 AND account_id = $2";
const MARK_ALL_READ: &str = "UPDATE inbox SET read_at = $3 WHERE account_id = $1 AND read_at IS NULL AND created_at <= $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, FIND, COUNT_UNREAD, MARK_READ, MARK_ALL_READ];

/// The messages of a person, the newest first.
pub async fn list_inbox(db: &Db, account: AccountId, cursor: Option<&str>, limit: usize) -> Result<Page<Message>> {
    let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(LIST).bind(account).bind(at).bind(id).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.created_at, row.id));
    let items: Result<Vec<Message>> = page.items.into_iter().map(Row::into_message).collect();
    Ok(Page { items: items?, next: page.next })
}

/// One message of a person.
pub async fn get_message(db: &Db, account: AccountId, message: Uuid) -> Result<Message> {
    let row: Option<Row> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(message).bind(account).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这条消息"))?.into_message()
}

/// How many messages a person has not read.
pub async fn count_unread(db: &Db, account: AccountId) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_UNREAD).bind(account).fetch_one(pool).await).map_err(failed)
}

/// Marks a message of a person as read; repeating it keeps the first instant.
pub async fn mark_read(db: &Db, clock: &Clock, account: AccountId, message: Uuid) -> Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let found: u64 =
        on_tx!(&mut tx, c => sqlx::query(MARK_READ).bind(message).bind(account).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if found == 0 {
        return Err(Error::not_found("这条消息"));
    }
    tx.commit().await
}

/// Marks every message up to an instant as read, and says how many they were: what came after the person looked stays unread.
pub async fn mark_all_read(db: &Db, clock: &Clock, account: AccountId, up_to: DateTime<Utc>) -> Result<u64> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let marked: u64 =
        on_tx!(&mut tx, c => sqlx::query(MARK_ALL_READ).bind(account).bind(up_to).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    tx.commit().await?;
    Ok(marked)
}
