//! 采纳情况: the official outcome of each opinion, always with a reason. Prepared by one person, published by another, in one batch per draft.
//!
//! A published answer is never changed; the database refuses it.

use sqlx::FromRow;

use super::OpinionState;
use crate::accounts::{Actor, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts::{self, DraftState, consultations, following};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, IdSource, OpinionId};
use crate::notifications::{self, Event};
use crate::storage::Db;
use crate::storage::sql::failed;
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// 采纳情况
    DispositionKind {
        /// 采纳
        Adopted = "adopted", "采纳";
        /// 部分采纳
        PartlyAdopted = "partly_adopted", "部分采纳";
        /// 未采纳
        NotAdopted = "not_adopted", "未采纳";
        /// 已有规定
        AlreadyProvided = "already_provided", "已有规定";
        /// 与本草案无关
        OutOfScope = "out_of_scope", "与本草案无关";
    }
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Answers made public now.
    pub published: u64,
    /// Opinions of the draft that still have no answer.
    pub unanswered: i64,
    /// Where the draft stands now.
    pub state: DraftState,
}

/// Longest reason and longest summary, in characters.
const REASON_CHARACTERS: usize = 5_000;

const DRAFT_OF: &str = "SELECT draft_id FROM opinion WHERE id = $1";
const STATE_OF: &str = "SELECT state FROM opinion WHERE id = $1";
const PUT: &str = "INSERT INTO disposition (opinion_id, kind, reason, prepared_by, prepared_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (opinion_id) DO UPDATE SET kind = $2, reason = $3, prepared_by = $4, prepared_at = $5";
const SET_STATE: &str = "UPDATE opinion SET state = $2 WHERE id = $1";
const LIST_PREPARED: &str = "SELECT id, account_id, receipt_number, provision_label FROM opinion WHERE draft_id = $1 AND state = 'answer_prepared' ORDER BY posted_at, id";
const PUBLISH: &str = "UPDATE disposition SET published_by = $2, published_at = $3 WHERE opinion_id = $1 AND published_at IS NULL";
const COUNT_UNANSWERED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state = 'received'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[DRAFT_OF, STATE_OF, PUT, SET_STATE, LIST_PREPARED, PUBLISH, COUNT_UNANSWERED];

#[derive(FromRow)]
struct PreparedRow {
    id: OpinionId,
    account_id: Option<AccountId>,
    receipt_number: String,
    provision_label: String,
}

/// Writes, or writes anew, the answer to an opinion. It stays unseen by the public until it is published; after that it is [`Code::Conflict`].
pub async fn prepare_disposition(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    opinion: OpinionId,
    kind: DispositionKind,
    reason: &str,
) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("采纳情况必须说明理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    let draft: Option<DraftId> =
        on_db!(db, pool => sqlx::query_scalar(DRAFT_OF).bind(opinion).fetch_optional(pool).await).map_err(failed)?;
    let draft = draft.ok_or_else(|| Error::not_found("这条意见"))?;
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let state: String = on_tx!(&mut tx, c => sqlx::query_scalar(STATE_OF).bind(opinion).fetch_one(c).await).map_err(failed)?;
    if OpinionState::stored(&state)? == OpinionState::Answered {
        return Err(Error::new(Code::Conflict, "这条意见的采纳情况已经公布，不能修改。"));
    }
    on_tx!(&mut tx, c => sqlx::query(PUT)
        .bind(opinion).bind(kind.as_str()).bind(reason).bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SET_STATE).bind(opinion).bind(OpinionState::AnswerPrepared.as_str()).execute(c).await.map(drop))
        .map_err(failed)?;
    let entry = NewEntry {
        account_id: by.account_id(),
        act: Act::PrepareDisposition,
        subject: "opinion",
        subject_id: Some(opinion.0),
        is_success: true,
        detail: kind.as_str(),
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await
}

/// Makes all prepared answers of a draft public, after its consultation has ended, and tells the authors. When no opinion is left without an answer, the
/// draft moves on. `summary` is what the bureau says of the opinions as a whole; empty keeps what was said before.
pub async fn publish_feedback(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, draft: DraftId, summary: &str) -> Result<Published> {
    by.require(Permission::PublishFeedback)?;
    let summary = summary.trim();
    if summary.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("summary", format!("总体说明不超过 {REASON_CHARACTERS} 个字。")));
    }
    let mut tx = db.begin().await?;
    let mut draft = drafts::lock_draft(&mut tx, clock, draft).await?;
    // What was said of a draft that was given up is answered all the same.
    if !matches!(draft.state, DraftState::Processing | DraftState::FeedbackPublished | DraftState::Withdrawn) {
        return Err(Error::new(Code::Conflict, format!("草案目前处于“{}”，征求意见结束之后才能公布采纳情况。", draft.state.label())));
    }
    draft.require_quiet(clock.now(), "公布采纳情况")?;
    let prepared: Vec<PreparedRow> =
        on_tx!(&mut tx, c => sqlx::query_as(LIST_PREPARED).bind(draft.id).fetch_all(c).await).map_err(failed)?;
    let unanswered: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_UNANSWERED).bind(draft.id).fetch_one(c).await).map_err(failed)?;
    // Nothing to publish is refused, except for a round that drew no opinion at all: its result is published too.
    let is_empty_round = unanswered == 0 && draft.state == DraftState::Processing;
    if prepared.is_empty() && !is_empty_round {
        return Err(Error::new(Code::Conflict, "没有已拟定、待公布的采纳情况。"));
    }
    let now = clock.now();
    let mut published = 0;
    for row in prepared {
        published += on_tx!(&mut tx, c => sqlx::query(PUBLISH).bind(row.id).bind(by.account_id()).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
        on_tx!(&mut tx, c => sqlx::query(SET_STATE).bind(row.id).bind(OpinionState::Answered.as_str()).execute(c).await.map(drop))
            .map_err(failed)?;
        if let Some(account) = row.account_id {
            let about = format!("《{}》{}（回执号 {}）", draft.title, row.provision_label, row.receipt_number);
            notifications::announce(&mut tx, clock, ids, account, Event::OpinionAnswered, row.id.0, &about).await?;
        }
    }
    consultations::put_feedback_summary(&mut tx, &draft, summary).await?;
    if unanswered == 0 {
        let before = draft.state;
        draft.state = consultations::complete_feedback(&mut tx, &draft).await?;
        if draft.state != before {
            let about = format!("《{}》", draft.title);
            following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::FeedbackPublished, &about).await?;
        }
    }
    let detail = format!("{published} published, {unanswered} unanswered");
    let entry = NewEntry {
        account_id: by.account_id(),
        act: Act::PublishFeedback,
        subject: "draft",
        subject_id: Some(draft.id.0),
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(Published { published, unanswered, state: draft.state })
}
