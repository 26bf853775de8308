//! 关注: citizens who want to know what becomes of a draft, and telling all of them.
//!
//! An event for followers is one row, written in the transaction of the event ([`announce_to_followers`]); a worker turns it into one outbox row for each
//! follower, some at a time ([`tell_some`]), so that a draft with very many followers holds no transaction for long. How far it came is written in the same
//! transaction as the rows, so each follower is told exactly once, with several instances and after a crash.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Draft, Viewer, get_draft};
use crate::accounts::{Caller, Permission};
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, DraftId, IdSource};
use crate::notifications::{self, Event};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

const FOLLOW: &str =
    "INSERT INTO draft_follower (draft_id, account_id, followed_at) VALUES ($1, $2, $3) ON CONFLICT (draft_id, account_id) DO NOTHING";
const UNFOLLOW: &str = "DELETE FROM draft_follower WHERE draft_id = $1 AND account_id = $2";
const FINDS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM draft_follower WHERE draft_id = $1 AND account_id = $2";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM draft_follower WHERE draft_id = $1";
const LIST: &str = "SELECT draft_id, followed_at FROM draft_follower
    WHERE account_id = $1 AND ((followed_at, draft_id) < ($2, $3) OR $2 IS NULL) ORDER BY followed_at DESC, draft_id DESC LIMIT $4";
const INSERT_BROADCAST: &str = "INSERT INTO broadcast (id, draft_id, event, about, created_at)
    SELECT $1, d.id, $3, $4, $5 FROM draft d WHERE d.id = $2 AND EXISTS (SELECT 1 FROM draft_follower f WHERE f.draft_id = d.id)";
const NEXT_BROADCAST: &str = "SELECT id FROM broadcast WHERE finished_at IS NULL ORDER BY created_at, id LIMIT 1";
const CLAIM_BROADCAST: &str = "UPDATE broadcast SET reached = reached WHERE id = $1 AND finished_at IS NULL";
const READ_BROADCAST: &str = "SELECT draft_id, event, about, created_at, reached FROM broadcast WHERE id = $1";
const NEXT_FOLLOWERS: &str = "SELECT f.account_id FROM draft_follower f
    WHERE f.draft_id = $1 AND f.followed_at <= $2 AND (f.account_id > $3 OR $3 IS NULL)
    AND NOT ($4 AND EXISTS (SELECT 1 FROM opinion o WHERE o.account_id = f.account_id AND o.draft_id = f.draft_id AND o.state = 'answered'))
    ORDER BY f.account_id LIMIT $5";
const ADVANCE_BROADCAST: &str = "UPDATE broadcast SET reached = $2, finished_at = $3 WHERE id = $1";
const COUNT_PENDING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM broadcast WHERE finished_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    FOLLOW,
    UNFOLLOW,
    FINDS,
    COUNT,
    LIST,
    INSERT_BROADCAST,
    NEXT_BROADCAST,
    CLAIM_BROADCAST,
    READ_BROADCAST,
    NEXT_FOLLOWERS,
    ADVANCE_BROADCAST,
    COUNT_PENDING,
];

/// A draft that somebody follows.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The draft.
    pub draft: Draft,
    /// Since when.
    pub followed_at: DateTime<Utc>,
}

/// Follows a public draft; following it again changes nothing.
pub async fn follow_draft(db: &Db, clock: &Clock, caller: &Caller, draft: DraftId) -> Result<()> {
    caller.require(Permission::FollowDrafts)?;
    let draft = get_draft(db, clock, Viewer::Public(None), draft).await?;
    let mut tx = db.begin().await?;
    follow_in(&mut tx, clock, caller.account_id, draft.id).await?;
    tx.commit().await
}

/// Follows a draft in the transaction of something else that the person does, e.g. posting an opinion.
pub async fn follow_in(tx: &mut Tx, clock: &Clock, account: AccountId, draft: DraftId) -> Result<()> {
    let now = clock.now();
    on_tx!(tx, c => sqlx::query(FOLLOW).bind(draft).bind(account).bind(now).execute(c).await.map(drop)).map_err(failed)
}

/// Stops following; repeating it changes nothing.
pub async fn unfollow_draft(db: &Db, caller: &Caller, draft: DraftId) -> Result<()> {
    caller.require(Permission::FollowDrafts)?;
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(UNFOLLOW).bind(draft).bind(caller.account_id).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}

/// Whether a person follows a draft.
pub async fn is_following(db: &Db, account: AccountId, draft: DraftId) -> Result<bool> {
    let found: i64 = on_db!(db, pool => sqlx::query_scalar(FINDS).bind(draft).bind(account).fetch_one(pool).await).map_err(failed)?;
    Ok(found > 0)
}

/// How many follow a draft.
pub async fn count_followers(db: &Db, draft: &Draft) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT).bind(draft.id).fetch_one(pool).await).map_err(failed)
}

/// What the caller follows, the latest first.
pub async fn list_followed(db: &Db, clock: &Clock, caller: &Caller, cursor: Option<&str>, limit: usize) -> Result<Page<Followed>> {
    caller.require(Permission::FollowDrafts)?;
    let after: Option<(DateTime<Utc>, DraftId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<(DraftId, DateTime<Utc>)> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(caller.account_id).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |(draft, at)| (*at, *draft));
    let mut items = Vec::with_capacity(page.items.len());
    for (draft, followed_at) in page.items {
        items.push(Followed { draft: get_draft(db, clock, Viewer::Public(None), draft).await?, followed_at });
    }
    Ok(Page { items, next: page.next })
}

/// Announces an event to everybody who follows a draft at this instant, in the transaction of the event. `about` names the draft, e.g. 《…办法》. The same
/// event is told once for each call, so call it once for each thing that happens.
pub async fn announce_to_followers(tx: &mut Tx, clock: &Clock, ids: &IdSource, draft: DraftId, event: Event, about: &str) -> Result<()> {
    on_tx!(tx, c => sqlx::query(INSERT_BROADCAST)
        .bind(ids.next()).bind(draft).bind(event.as_str()).bind(about).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)
}

#[derive(FromRow)]
struct BroadcastRow {
    draft_id: DraftId,
    event: String,
    about: String,
    created_at: DateTime<Utc>,
    reached: Option<AccountId>,
}

/// Writes the outbox rows of up to `limit` followers of the oldest announcement that is not told to all; `None` when none is left.
pub async fn tell_some(db: &Db, clock: &Clock, ids: &IdSource, limit: u32) -> Result<Option<u32>> {
    let next: Option<Uuid> = on_db!(db, pool => sqlx::query_scalar(NEXT_BROADCAST).fetch_optional(pool).await).map_err(failed)?;
    let Some(id) = next else { return Ok(None) };
    let mut tx = db.begin().await?;
    // Another instance that works on the same announcement waits here, and reads afterwards how far this one came.
    let claimed: u64 =
        on_tx!(&mut tx, c => sqlx::query(CLAIM_BROADCAST).bind(id).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if claimed == 0 {
        return Ok(Some(0));
    }
    let row: BroadcastRow = on_tx!(&mut tx, c => sqlx::query_as(READ_BROADCAST).bind(id).fetch_one(c).await).map_err(failed)?;
    let event = Event::parse(&row.event).ok_or_else(|| Error::defect(format_args!("unknown event {}", row.event)))?;
    // An author whose own opinion was answered has been told that, and need not be told of the feedback as a whole.
    let skips_answered = event == Event::FeedbackPublished;
    let followers: Vec<AccountId> = on_tx!(&mut tx, c => sqlx::query_scalar(NEXT_FOLLOWERS)
        .bind(row.draft_id).bind(row.created_at).bind(row.reached).bind(skips_answered).bind(i64::from(limit)).fetch_all(c).await)
    .map_err(failed)?;
    let told: Vec<_> = followers.iter().map(|follower| (*follower, row.draft_id.0, row.about.clone())).collect();
    notifications::announce_all(&mut tx, clock, ids, event, &told).await?;
    let told = u32::try_from(followers.len()).unwrap_or(limit);
    let finished_at = (told < limit).then(|| clock.now());
    let reached = followers.last().copied().or(row.reached);
    on_tx!(&mut tx, c => sqlx::query(ADVANCE_BROADCAST).bind(id).bind(reached).bind(finished_at).execute(c).await.map(drop))
        .map_err(failed)?;
    tx.commit().await?;
    Ok(Some(told))
}

/// Announcements that are not told to all.
pub async fn count_pending(db: &Db) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_PENDING).fetch_one(pool).await).map_err(failed)
}
