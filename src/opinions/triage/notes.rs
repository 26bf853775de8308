//! Notes among staff, and reasons that are used again on one draft. Neither ever reaches the public.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts::{self, Draft};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, OpinionId};
use crate::opinions::feedback::REASON_CHARACTERS;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// A note on an opinion.
#[derive(Clone, Debug, FromRow)]
pub struct Note {
    /// Id.
    pub id: Uuid,
    /// Name of who wrote it.
    pub author_name: String,
    /// What it says.
    pub body: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A reason that is used again.
#[derive(Clone, Debug, FromRow)]
pub struct ReasonText {
    /// Id.
    pub id: Uuid,
    /// The reason.
    pub body: String,
}

const INSERT_NOTE: &str =
    "INSERT INTO opinion_note (id, opinion_id, author_id, body, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const FIND_NOTE: &str = "SELECT opinion_id, author_id, body FROM opinion_note WHERE id = $1";
const FIND_OPINION: &str = "SELECT draft_id FROM opinion WHERE id = $1";
const LIST_NOTES: &str =
    "SELECT n.id, a.display_name AS author_name, n.body, n.created_at FROM opinion_note n JOIN account a ON a.id = n.author_id
    WHERE n.opinion_id = $1 ORDER BY n.created_at, n.id LIMIT 200";
const INSERT_REASON: &str =
    "INSERT INTO reason_text (id, draft_id, body, created_by, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const FIND_REASON: &str = "SELECT draft_id, body FROM reason_text WHERE id = $1";
const COUNT_REASONS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM reason_text WHERE draft_id = $1";
const DROP_REASON: &str = "DELETE FROM reason_text WHERE id = $1 AND draft_id = $2";
const LIST_REASONS: &str = "SELECT id, body FROM reason_text WHERE draft_id = $1 ORDER BY created_at, id";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[INSERT_NOTE, FIND_NOTE, FIND_OPINION, LIST_NOTES, INSERT_REASON, FIND_REASON, COUNT_REASONS, DROP_REASON, LIST_REASONS];

/// Longest note, in characters.
const NOTE_CHARACTERS: usize = 2_000;
/// Most reasons kept for a draft.
const MOST_REASONS: i64 = 100;

/// Writes a note on an opinion. The id is made by the caller: the same note under the same id is written once. A note is never changed.
pub async fn write_note(db: &Db, clock: &Clock, by: &Caller, opinion: OpinionId, id: Uuid, body: &str) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let body = body.replace("\r\n", "\n");
    let body = body.trim();
    if body.is_empty() || body.chars().count() > NOTE_CHARACTERS {
        return Err(Error::invalid("body", format!("请填写备注，不超过 {NOTE_CHARACTERS} 个字。")));
    }
    let mut tx = db.begin().await?;
    let draft: Option<DraftId> =
        on_tx!(&mut tx, c => sqlx::query_scalar(FIND_OPINION).bind(opinion).fetch_optional(c).await).map_err(failed)?;
    draft.ok_or_else(|| Error::not_found("这条意见"))?;
    let written: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT_NOTE)
        .bind(id).bind(opinion).bind(by.account_id).bind(body).bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if written == 0 {
        let known: (OpinionId, AccountId, String) =
            on_tx!(&mut tx, c => sqlx::query_as(FIND_NOTE).bind(id).fetch_one(c).await).map_err(failed)?;
        return if known == (opinion, by.account_id, body.to_owned()) { Ok(()) } else { Err(reused("备注")) };
    }
    record(&mut tx, clock, by, Act::WriteNote, ("opinion", opinion.0), &id.to_string()).await?;
    tx.commit().await
}

/// The notes on an opinion, the first one first, at most two hundred; for staff only.
pub async fn list_notes(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Vec<Note>> {
    caller.require(Permission::ReadOpinions)?;
    let draft: Option<DraftId> =
        on_db!(db, pool => sqlx::query_scalar(FIND_OPINION).bind(opinion).fetch_optional(pool).await).map_err(failed)?;
    draft.ok_or_else(|| Error::not_found("这条意见"))?;
    on_db!(db, pool => sqlx::query_as(LIST_NOTES).bind(opinion).fetch_all(pool).await).map_err(failed)
}

/// Keeps a reason for use on other opinions of the draft. The id is made by the caller: the same under the same id is kept once.
pub async fn keep_reason(db: &Db, clock: &Clock, by: &Caller, draft: DraftId, id: Uuid, body: &str) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let body = body.replace("\r\n", "\n");
    let body = body.trim();
    if body.is_empty() || body.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("body", format!("请填写理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let known: Option<(DraftId, String)> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND_REASON).bind(id).fetch_optional(c).await).map_err(failed)?;
    if let Some(known) = known {
        return if known == (draft, body.to_owned()) { Ok(()) } else { Err(reused("常用理由")) };
    }
    let kept: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_REASONS).bind(draft).fetch_one(c).await).map_err(failed)?;
    if kept >= MOST_REASONS {
        return Err(Error::new(Code::Conflict, format!("一份草案最多保存 {MOST_REASONS} 条常用理由，请先删去不用的。")));
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT_REASON)
        .bind(id).bind(draft).bind(body).bind(by.account_id).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    record(&mut tx, clock, by, Act::KeepReason, ("draft", draft.0), &format!("kept {id}")).await?;
    tx.commit().await
}

/// Removes a kept reason; answers that used it keep their words. One that is gone already is no failure.
pub async fn remove_reason(db: &Db, clock: &Clock, by: &Caller, draft: DraftId, id: Uuid) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let removed: u64 =
        on_tx!(&mut tx, c => sqlx::query(DROP_REASON).bind(id).bind(draft).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if removed > 0 {
        record(&mut tx, clock, by, Act::KeepReason, ("draft", draft.0), &format!("removed {id}")).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The reasons kept for a draft.
pub async fn list_reasons(db: &Db, caller: &Caller, draft: &Draft) -> Result<Vec<ReasonText>> {
    caller.require(Permission::ReadOpinions)?;
    on_db!(db, pool => sqlx::query_as(LIST_REASONS).bind(draft.id).fetch_all(pool).await).map_err(failed)
}

fn reused(what: &str) -> Error {
    Error::new(Code::KeyReused, format!("这个编号已用于另一条{what}。新的{what}请换一个编号再提交。"))
}

async fn record(tx: &mut Tx, clock: &Clock, by: &Caller, act: Act, subject: (&str, Uuid), detail: &str) -> Result<()> {
    let (subject, id) = subject;
    let entry = NewEntry { account_id: Some(by.account_id), act, subject, subject_id: Some(id), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
