//! Writing an answer, for one opinion or for a whole group.
//!
//! Whoever saves says which state of the answer they started from; when somebody else was faster, they are told what the other wrote. The same again is no change.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{NewAnswer, overtaken};
use crate::accounts::{Actor, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, DraftVersionId, OpinionId};
use crate::opinions::OpinionState;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What writing an answer for a group did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAnswered {
    /// Members that have this answer now.
    pub answered: i64,
    /// Members that keep the answer written for them alone.
    pub kept: i64,
}

const DRAFT_OF: &str = "SELECT draft_id FROM opinion WHERE id = $1";
const FIND: &str = "SELECT o.state, o.revision, o.version_id, p.revision AS answer_revision, p.kind, p.reason, p.prepared_by, a.display_name, p.prepared_at,
    p.result_version_id, p.result_address, p.opinion_revision
    FROM opinion o LEFT JOIN disposition p ON p.opinion_id = o.id LEFT JOIN account a ON a.id = p.prepared_by WHERE o.id = $1";
const PUT: &str = "INSERT INTO disposition (opinion_id, kind, reason, prepared_by, prepared_at, opinion_revision, result_version_id, result_address, result_label)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (opinion_id) DO UPDATE SET kind = $2, reason = $3, prepared_by = $4, prepared_at = $5, opinion_revision = $6, result_version_id = $7,
    result_address = $8, result_label = $9, group_id = NULL, revision = disposition.revision + 1, reviewed_by = NULL, reviewed_at = NULL,
    returned_by = NULL, returned_at = NULL, returned_remark = ''";
const SET_STATE: &str = "UPDATE opinion SET state = $2 WHERE id = $1";

const DRAFT_OF_GROUP: &str = "SELECT draft_id FROM opinion_group WHERE id = $1";
const FIND_GROUP: &str =
    "SELECT g.version_id, g.revision, g.kind, g.reason, g.result_version_id, g.result_address, g.answered_at, a.display_name
    FROM opinion_group g LEFT JOIN account a ON a.id = g.answered_by WHERE g.id = $1";
const PUT_GROUP: &str = "UPDATE opinion_group SET kind = $2, reason = $3, result_version_id = $4, result_address = $5, result_label = $6,
    answered_by = $7, answered_at = $8, updated_at = $8, state = 'confirmed', revision = revision + 1 WHERE id = $1";
// The answer is that of the group's own row. What is the same already keeps its review.
const PUT_MEMBERS: &str = "INSERT INTO disposition (opinion_id, kind, reason, prepared_by, prepared_at, opinion_revision, result_version_id, result_address,
    result_label, group_id)
    SELECT o.id, g.kind, g.reason, g.answered_by, g.answered_at, o.revision, g.result_version_id, g.result_address, g.result_label, g.id
    FROM opinion o JOIN opinion_group g ON g.id = o.group_id
    WHERE g.id = $1 AND o.state IN ('received', 'answer_prepared', 'answer_reviewed')
    AND NOT EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = o.id AND d.group_id IS NULL)
    ON CONFLICT (opinion_id) DO UPDATE SET kind = excluded.kind, reason = excluded.reason, prepared_by = excluded.prepared_by,
    prepared_at = excluded.prepared_at, opinion_revision = excluded.opinion_revision, result_version_id = excluded.result_version_id,
    result_address = excluded.result_address, result_label = excluded.result_label, group_id = excluded.group_id, revision = disposition.revision + 1,
    reviewed_by = NULL, reviewed_at = NULL, returned_by = NULL, returned_at = NULL, returned_remark = ''
    WHERE disposition.published_at IS NULL AND (disposition.kind <> excluded.kind OR disposition.reason <> excluded.reason
    OR disposition.result_label <> excluded.result_label OR disposition.group_id <> excluded.group_id
    OR disposition.opinion_revision <> excluded.opinion_revision OR disposition.returned_at IS NOT NULL)";
const SET_MEMBER_STATES: &str = "UPDATE opinion SET state = 'answer_prepared' WHERE group_id = $1 AND state IN ('received', 'answer_reviewed')
    AND EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = opinion.id AND d.group_id = $1 AND d.reviewed_at IS NULL AND d.returned_at IS NULL)";
const COUNT_MEMBERS: &str = "SELECT CAST(COUNT(*) FILTER (WHERE d.group_id = $1) AS BIGINT), CAST(COUNT(*) FILTER (WHERE d.group_id IS NULL) AS BIGINT)
    FROM opinion o JOIN disposition d ON d.opinion_id = o.id WHERE o.group_id = $1 AND o.state IN ('answer_prepared', 'answer_reviewed', 'received')";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[DRAFT_OF, FIND, PUT, SET_STATE, DRAFT_OF_GROUP, FIND_GROUP, PUT_GROUP, PUT_MEMBERS, SET_MEMBER_STATES, COUNT_MEMBERS];

#[derive(FromRow)]
struct Present {
    state: String,
    revision: i64,
    version_id: DraftVersionId,
    answer_revision: Option<i64>,
    kind: Option<String>,
    reason: Option<String>,
    prepared_by: Option<AccountId>,
    display_name: Option<String>,
    prepared_at: Option<DateTime<Utc>>,
    result_version_id: Option<DraftVersionId>,
    result_address: Option<String>,
    opinion_revision: Option<i64>,
}

impl Present {
    fn says(&self, new: &NewAnswer, by: Actor<'_>) -> bool {
        self.kind.as_deref() == Some(new.kind.as_str())
            && self.reason.as_deref() == Some(new.reason.as_str())
            && self.prepared_by == by.account_id()
            && self.result_version_id.zip(self.result_address.clone()) == new.result
            && self.opinion_revision == Some(self.revision)
            && matches!(self.state.as_str(), "answer_prepared" | "answer_reviewed")
    }
}

/// Writes, or writes anew, the answer to an opinion. `from` is the revision of the answer that the writer saw; 0 = there was none. When another one is
/// there meanwhile: [`Code::Conflict`] with what it says. It stays unseen by the public until it is published; after that it is [`Code::Conflict`].
pub async fn prepare_disposition(db: &Db, clock: &Clock, by: Actor<'_>, opinion: OpinionId, from: i64, new: NewAnswer) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let new = new.checked()?;
    let draft: Option<DraftId> =
        on_db!(db, pool => sqlx::query_scalar(DRAFT_OF).bind(opinion).fetch_optional(pool).await).map_err(failed)?;
    let draft = draft.ok_or_else(|| Error::not_found("这条意见"))?;
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let present: Present = on_tx!(&mut tx, c => sqlx::query_as(FIND).bind(opinion).fetch_one(c).await).map_err(failed)?;
    refuse_closed(OpinionState::stored(&present.state)?)?;
    if present.says(&new, by) {
        return Ok(());
    }
    if let (Some(kind), Some(reason), Some(at)) = (&present.kind, &present.reason, present.prepared_at)
        && present.answer_revision != Some(from)
    {
        return Err(overtaken(present.display_name.as_deref(), at, kind, reason));
    }
    let label = new.result_label(&mut tx, draft, present.version_id).await?;
    let (version, address) = new.result.as_ref().map_or((None, None), |(version, address)| (Some(*version), Some(address)));
    on_tx!(&mut tx, c => sqlx::query(PUT)
        .bind(opinion).bind(new.kind.as_str()).bind(&new.reason).bind(by.account_id()).bind(clock.now()).bind(present.revision)
        .bind(version).bind(address).bind(&label).execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SET_STATE).bind(opinion).bind(OpinionState::AnswerPrepared.as_str()).execute(c).await.map(drop))
        .map_err(failed)?;
    record(&mut tx, clock, by, ("opinion", opinion.0), new.kind.as_str()).await?;
    tx.commit().await
}

fn refuse_closed(state: OpinionState) -> Result<()> {
    let sentence = match state {
        OpinionState::Answered => "这条意见的采纳情况已经公布，不能修改。",
        OpinionState::Withdrawn => "这条意见已由作者撤回，不需要答复。",
        OpinionState::Excluded => "这条意见已列为不作反馈；需要答复的，请先恢复办理。",
        OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed => return Ok(()),
    };
    Err(Error::new(Code::Conflict, sentence))
}

#[derive(FromRow)]
struct PresentGroup {
    version_id: DraftVersionId,
    revision: i64,
    kind: Option<String>,
    reason: String,
    result_version_id: Option<DraftVersionId>,
    result_address: Option<String>,
    answered_at: Option<DateTime<Utc>>,
    display_name: Option<String>,
}

/// Writes the answer for a group: all its members get it, but for those that have an answer of their own; later members are offered it. Writing it
/// confirms the group. `from` is the revision of the group that the writer saw. Repeating it gives the answer to members that came meanwhile.
pub async fn prepare_group_disposition(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    group: Uuid,
    from: i64,
    new: NewAnswer,
) -> Result<GroupAnswered> {
    by.require(Permission::PrepareFeedback)?;
    let new = new.checked()?;
    let draft: Option<DraftId> =
        on_db!(db, pool => sqlx::query_scalar(DRAFT_OF_GROUP).bind(group).fetch_optional(pool).await).map_err(failed)?;
    let draft = draft.ok_or_else(|| Error::not_found("这组同类意见"))?;
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let present: Option<PresentGroup> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND_GROUP).bind(group).fetch_optional(c).await).map_err(failed)?;
    let present = present.ok_or_else(|| Error::not_found("这组同类意见"))?;
    let is_same = present.kind.as_deref() == Some(new.kind.as_str())
        && present.reason == new.reason
        && present.result_version_id.zip(present.result_address.clone()) == new.result;
    if present.revision != from && !is_same {
        return Err(match (&present.kind, present.answered_at) {
            (Some(kind), Some(at)) => overtaken(present.display_name.as_deref(), at, kind, &present.reason),
            _ => Error::new(Code::Conflict, "这组同类意见刚刚被调整过。您的内容没有保存，请核对成员后再答复。"),
        });
    }
    let label = new.result_label(&mut tx, draft, present.version_id).await?;
    let (version, address) = new.result.as_ref().map_or((None, None), |(version, address)| (Some(*version), Some(address)));
    if !is_same {
        on_tx!(&mut tx, c => sqlx::query(PUT_GROUP)
            .bind(group).bind(new.kind.as_str()).bind(&new.reason).bind(version).bind(address).bind(&label).bind(by.account_id()).bind(clock.now())
            .execute(c).await.map(drop))
        .map_err(failed)?;
    }
    on_tx!(&mut tx, c => sqlx::query(PUT_MEMBERS).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SET_MEMBER_STATES).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    let (answered, kept): (i64, i64) =
        on_tx!(&mut tx, c => sqlx::query_as(COUNT_MEMBERS).bind(group).fetch_one(c).await).map_err(failed)?;
    record(&mut tx, clock, by, ("opinion_group", group), &format!("{} for {answered}, {kept} kept", new.kind.as_str())).await?;
    tx.commit().await?;
    Ok(GroupAnswered { answered, kept })
}

async fn record(tx: &mut Tx, clock: &Clock, by: Actor<'_>, subject: (&str, Uuid), detail: &str) -> Result<()> {
    let (subject, id) = subject;
    let entry =
        NewEntry { account_id: by.account_id(), act: Act::PrepareDisposition, subject, subject_id: Some(id), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
