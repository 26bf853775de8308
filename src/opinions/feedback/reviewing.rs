//! The second person: lets prepared answers pass, or gives them back with a remark. Nobody reviews what they wrote themselves.

use sqlx::FromRow;
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, OpinionId};
use crate::on_tx;
use crate::opinions::OpinionState;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};

/// What is reviewed.
#[derive(Clone, Debug)]
pub enum Reviewed {
    /// Single answers, each with the revision that was read; at most [`MOST_AT_ONCE`].
    Answers(Vec<(OpinionId, i64)>),
    /// All prepared answers of the members of a group.
    Group(Uuid),
    /// All prepared answers of the draft that somebody else wrote.
    Everything,
}

/// What the second person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be published.
    Pass,
    /// Back to whoever wrote it, with what is to be mended.
    Return(String),
}

/// Most single answers in one review.
pub const MOST_AT_ONCE: usize = 200;
/// Longest remark, in characters.
const REMARK_CHARACTERS: usize = 500;

const FIND: &str = "SELECT o.receipt_number, o.state, p.revision, p.prepared_by, o.revision = p.opinion_revision AS is_current
    FROM opinion o LEFT JOIN disposition p ON p.opinion_id = o.id WHERE o.id = $1 AND o.draft_id = $2";
const COUNT_OPEN: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion o JOIN disposition p ON p.opinion_id = o.id
    WHERE o.draft_id = $1 AND (o.group_id = $2 OR $2 IS NULL) AND o.state = 'answer_prepared' AND p.opinion_revision = o.revision
    AND (p.prepared_by <> $3 OR p.prepared_by IS NULL OR $3 IS NULL)";
const PASS: &str = "UPDATE disposition SET reviewed_by = $3, reviewed_at = $4 WHERE published_at IS NULL AND reviewed_at IS NULL
    AND opinion_id IN (SELECT id FROM opinion WHERE draft_id = $1 AND state = 'answer_prepared') AND EXISTS
    (SELECT 1 FROM opinion o WHERE o.id = disposition.opinion_id AND o.draft_id = $1 AND (o.group_id = $2 OR $2 IS NULL) AND o.state = 'answer_prepared'
    AND o.revision = disposition.opinion_revision) AND (prepared_by <> $3 OR prepared_by IS NULL OR $3 IS NULL)";
const RETURN: &str = "UPDATE disposition SET returned_by = $3, returned_at = $4, returned_remark = $5, revision = revision + 1
    WHERE published_at IS NULL AND opinion_id IN
    (SELECT o.id FROM opinion o WHERE o.draft_id = $1 AND (o.group_id = $2 OR $2 IS NULL) AND o.state = 'answer_prepared')
    AND (prepared_by <> $3 OR prepared_by IS NULL OR $3 IS NULL)";
const PASS_ONE: &str = "UPDATE disposition SET reviewed_by = $2, reviewed_at = $3 WHERE opinion_id = $1 AND published_at IS NULL";
const RETURN_ONE: &str =
    "UPDATE disposition SET reviewed_by = NULL, reviewed_at = NULL, returned_by = $2, returned_at = $3, returned_remark = $4,
    revision = revision + 1 WHERE opinion_id = $1 AND published_at IS NULL";
const FOLLOW: &str = "UPDATE opinion SET state = CASE WHEN EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = opinion.id AND d.returned_at IS NOT NULL)
    THEN 'received' ELSE 'answer_reviewed' END
    WHERE draft_id = $1 AND ((state = 'answer_prepared'
    AND EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = opinion.id AND (d.reviewed_at IS NOT NULL OR d.returned_at IS NOT NULL)))
    OR (state = 'answer_reviewed' AND EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = opinion.id AND d.returned_at IS NOT NULL)))";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, COUNT_OPEN, PASS, RETURN, PASS_ONE, RETURN_ONE, FOLLOW];

#[derive(FromRow)]
struct Row {
    receipt_number: String,
    state: String,
    revision: Option<i64>,
    prepared_by: Option<AccountId>,
    is_current: Option<bool>,
}

/// Lets prepared answers pass, or gives them back, and says how many. Of single answers either all are reviewed or none: one that was changed since it was
/// read, that the reviewer wrote, or that does not wait for a review is [`Code::Conflict`] and named. An answer that has passed can still be given back
/// until it is published. Of a group or the whole draft the reviewer's own answers, and those to words that the author changed since, are left out.
pub async fn review_dispositions(db: &Db, clock: &Clock, by: Actor<'_>, draft: DraftId, what: Reviewed, verdict: Verdict) -> Result<i64> {
    by.require(Permission::ReviewFeedback)?;
    let remark = match &verdict {
        Verdict::Pass => "",
        Verdict::Return(remark) => remark.trim(),
    };
    if matches!(verdict, Verdict::Return(_)) && (remark.is_empty() || remark.chars().count() > REMARK_CHARACTERS) {
        return Err(Error::invalid("remark", format!("退回时请写明需要修改什么，不超过 {REMARK_CHARACTERS} 个字。")));
    }
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let is_pass = verdict == Verdict::Pass;
    let reviewed = match &what {
        Reviewed::Answers(answers) => review_each(&mut tx, clock, by, draft, answers, is_pass.then_some(()).ok_or(remark)).await?,
        Reviewed::Group(_) | Reviewed::Everything => {
            let group = if let Reviewed::Group(group) = &what { Some(*group) } else { None };
            review_many(&mut tx, clock, by, draft, group, is_pass.then_some(()).ok_or(remark)).await?
        }
    };
    on_tx!(&mut tx, c => sqlx::query(FOLLOW).bind(draft).execute(c).await.map(drop)).map_err(failed)?;
    let ids = match &what {
        Reviewed::Answers(answers) => answers.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(" "),
        Reviewed::Group(group) => format!("group {group}"),
        Reviewed::Everything => "everything".into(),
    };
    let act = if is_pass { Act::PassDisposition } else { Act::ReturnDisposition };
    let detail = format!("{reviewed}: {ids}");
    let entry =
        NewEntry { account_id: by.account_id(), act, subject: "draft", subject_id: Some(draft.0), is_success: true, detail: &detail };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(reviewed)
}

async fn review_each(
    tx: &mut Tx,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    answers: &[(OpinionId, i64)],
    verdict: std::result::Result<(), &str>,
) -> Result<i64> {
    if answers.is_empty() || answers.len() > MOST_AT_ONCE {
        return Err(Error::invalid("answers", format!("请选择要审核的采纳情况，一次不超过 {MOST_AT_ONCE} 条。")));
    }
    for (id, revision) in answers {
        let row: Option<Row> = on_tx!(&mut *tx, c => sqlx::query_as(FIND).bind(*id).bind(draft).fetch_optional(c).await).map_err(failed)?;
        refuse(&row.ok_or_else(|| Error::not_found("这条意见"))?, *revision, by, verdict.is_ok())?;
    }
    for (id, _) in answers {
        match verdict {
            Ok(()) => on_tx!(&mut *tx, c => sqlx::query(PASS_ONE).bind(*id).bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop)),
            Err(remark) => {
                on_tx!(&mut *tx, c => sqlx::query(RETURN_ONE).bind(*id).bind(by.account_id()).bind(clock.now()).bind(remark).execute(c).await.map(drop))
            }
        }
        .map_err(failed)?;
    }
    Ok(i64::try_from(answers.len()).unwrap_or(i64::MAX))
}

fn refuse(row: &Row, revision: i64, by: Actor<'_>, is_pass: bool) -> Result<()> {
    let number = &row.receipt_number;
    let state = OpinionState::stored(&row.state)?;
    let is_waiting = state == OpinionState::AnswerPrepared || (!is_pass && state == OpinionState::AnswerReviewed);
    let sentence = if row.revision != Some(revision) {
        format!("回执号 {number} 的采纳情况已被修改，请刷新后重新审核。")
    } else if !is_waiting {
        format!("回执号 {number} 的采纳情况不在待审核状态（{}），请刷新后再审核。", state.label())
    } else if row.prepared_by.is_some() && row.prepared_by == by.account_id() {
        format!("回执号 {number} 的采纳情况由您本人拟定，应当由另一位审核人员审核。")
    } else if is_pass && row.is_current != Some(true) {
        format!("回执号 {number} 的意见在拟定采纳情况之后被作者修改过，请退回重新拟定。")
    } else {
        return Ok(());
    };
    Err(Error::new(Code::Conflict, sentence))
}

async fn review_many(
    tx: &mut Tx,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    group: Option<Uuid>,
    verdict: std::result::Result<(), &str>,
) -> Result<i64> {
    let me = by.account_id();
    let open: i64 =
        on_tx!(&mut *tx, c => sqlx::query_scalar(COUNT_OPEN).bind(draft).bind(group).bind(me).fetch_one(c).await).map_err(failed)?;
    if open == 0 {
        return Err(Error::new(Code::Conflict, "没有待您审核的采纳情况：您本人拟定的，应当由另一位审核人员审核。"));
    }
    let now = clock.now();
    let done = match verdict {
        Ok(()) => on_tx!(&mut *tx, c => sqlx::query(PASS).bind(draft).bind(group).bind(me).bind(now).execute(c).await.map(|d| d.rows_affected())),
        Err(remark) => {
            on_tx!(&mut *tx, c => sqlx::query(RETURN).bind(draft).bind(group).bind(me).bind(now).bind(remark).execute(c).await.map(|d| d.rows_affected()))
        }
    }
    .map_err(failed)?;
    Ok(i64::try_from(done).unwrap_or(i64::MAX))
}
