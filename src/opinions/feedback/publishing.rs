//! Publishing: all reviewed answers of a draft in one batch, when nothing is left without one.
//!
//! The batch waits for the end of the round, with the days on which late opinions are still taken; late ones count and are answered like all others. Withdrawn opinions are in no count. Everything is written by statements on sets, so that a batch of a hundred
//! thousand answers is a few dozen statements.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{DispositionKind, ExclusionReason, REASON_CHARACTERS};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts::{self, Draft, DraftState, consultations, following, versions};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, DraftVersionId, IdSource, OpinionId};
use crate::notifications::{self, Event};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Answers made public now.
    pub published: i64,
    /// Of these: the author has an account and is told.
    pub told: i64,
    /// Opinions that need no answer, for listed reasons.
    pub excluded: i64,
    /// Where the draft stands now.
    pub state: DraftState,
}

/// What would happen if the batch were published now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Reviewed answers, not public yet.
    pub ready: i64,
    /// Opinions without a reviewed answer, to the words they have now: while there is one, nothing can be published.
    pub unanswered: i64,
    /// Of these: an answer is written and waits for its review.
    pub waiting_for_review: i64,
    /// Of these: an answer is written to words that the author changed since.
    pub outdated: i64,
    /// 稿次: numbers of the versions that answers name and that become public with them.
    pub publishes_versions: Vec<i64>,
    /// Answers that are public already.
    pub published: i64,
    /// Reviewed answers by outcome.
    pub by_disposition: Vec<(DispositionKind, i64)>,
    /// Excluded opinions by reason.
    pub exclusions: Vec<(ExclusionReason, i64)>,
}

impl Preview {
    /// Excluded opinions in all.
    pub fn excluded(&self) -> i64 {
        self.exclusions.iter().map(|(_, n)| n).sum()
    }

    /// Why the batch cannot be published; `None` when it can. A round that drew no opinion has its result published too, once.
    pub fn refusal(&self, state: DraftState) -> Option<String> {
        // What was said of a draft that was given up is answered all the same.
        if !matches!(state, DraftState::Processing | DraftState::FeedbackPublished | DraftState::Withdrawn) {
            return Some(format!("草案目前处于“{}”，征求意见结束之后才能公布采纳情况。", state.label()));
        }
        if self.unanswered > 0 {
            return Some(format!(
                "还有 {} 条意见没有经审核的采纳情况（其中 {} 条待审核，{} 条在拟定后被作者修改）。请逐条办理并审核，或者以列明的理由列为不作反馈，再行公布。",
                self.unanswered, self.waiting_for_review, self.outdated
            ));
        }
        if self.ready == 0 && state != DraftState::Processing {
            return Some("没有已审核、待公布的采纳情况。".into());
        }
        None
    }
}

// Only what has an answer that is not public yet is read; the others are counted from an index.
const COUNT: &str = "SELECT w.ready, w.reviewed_outdated + (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion
    WHERE draft_id = $1 AND state IN ('received', 'answer_prepared')) AS unanswered, w.waiting_for_review, w.outdated,
    (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state = 'answered') AS published FROM (
    SELECT CAST(COUNT(*) FILTER (WHERE o.state = 'answer_reviewed' AND p.opinion_revision = o.revision) AS BIGINT) AS ready,
    CAST(COUNT(*) FILTER (WHERE o.state = 'answer_reviewed' AND p.opinion_revision <> o.revision) AS BIGINT) AS reviewed_outdated,
    CAST(COUNT(*) FILTER (WHERE o.state = 'answer_prepared' AND p.opinion_revision = o.revision) AS BIGINT) AS waiting_for_review,
    CAST(COUNT(*) FILTER (WHERE p.opinion_revision <> o.revision) AS BIGINT) AS outdated
    FROM opinion o JOIN disposition p ON p.opinion_id = o.id WHERE o.draft_id = $1 AND o.state IN ('answer_prepared', 'answer_reviewed')) w";
const LIST_NAMED: &str = "SELECT v.id, v.number FROM draft_version v WHERE v.draft_id = $1 AND v.published_at IS NULL AND EXISTS (
    SELECT 1 FROM opinion o JOIN disposition p ON p.opinion_id = o.id
    WHERE o.draft_id = $1 AND o.state = 'answer_reviewed' AND p.result_version_id = v.id) ORDER BY v.number";
const COUNT_READY: &str = "SELECT p.kind, CAST(COUNT(*) AS BIGINT) FROM opinion o JOIN disposition p ON p.opinion_id = o.id
    WHERE o.draft_id = $1 AND o.state = 'answer_reviewed' AND p.opinion_revision = o.revision GROUP BY p.kind";
const COUNT_EXCLUDED: &str =
    "SELECT exclusion, CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state = 'excluded' AND exclusion IS NOT NULL
    GROUP BY exclusion ORDER BY exclusion";
const LIST_TOLD: &str = "SELECT id, account_id, receipt_number, provision_label, CAST(NULL AS TEXT) AS exclusion FROM opinion
    WHERE draft_id = $1 AND state = 'answer_reviewed' AND account_id IS NOT NULL AND (id > $2 OR $2 IS NULL) ORDER BY id LIMIT $3";
// Another batch of the draft does not tell them again; the set is read once for a statement.
const LIST_EXCLUDED: &str = "SELECT id, account_id, receipt_number, provision_label, exclusion FROM opinion
    WHERE draft_id = $1 AND state = 'excluded' AND exclusion IS NOT NULL AND account_id IS NOT NULL AND (id > $2 OR $2 IS NULL)
    AND NOT EXISTS (SELECT 1 FROM outbox m WHERE m.subject_id = opinion.id AND m.event = 'opinion_excluded') ORDER BY id LIMIT $3";
const PUBLISH: &str = "UPDATE disposition SET published_by = $2, published_at = $3 WHERE published_at IS NULL
    AND opinion_id IN (SELECT id FROM opinion WHERE draft_id = $1 AND state = 'answer_reviewed')";
const SET_ANSWERED: &str = "UPDATE opinion SET state = 'answered' WHERE draft_id = $1 AND state = 'answer_reviewed'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[COUNT, LIST_NAMED, COUNT_READY, COUNT_EXCLUDED, LIST_TOLD, LIST_EXCLUDED, PUBLISH, SET_ANSWERED];

/// Authors told with one statement.
const TOLD_AT_ONCE: i64 = 4_000;

/// Id and number of a version.
type Named = (DraftVersionId, i64);

#[derive(FromRow)]
struct CountRow {
    ready: i64,
    unanswered: i64,
    waiting_for_review: i64,
    outdated: i64,
    published: i64,
}

#[derive(FromRow)]
struct ToldRow {
    id: OpinionId,
    account_id: AccountId,
    receipt_number: String,
    provision_label: String,
    exclusion: Option<String>,
}

fn preview_of(counts: CountRow, ready: Vec<(String, i64)>, excluded: Vec<(String, i64)>, named: Vec<Named>) -> Result<Preview> {
    let mut by_disposition: Vec<(DispositionKind, i64)> =
        ready.into_iter().map(|(kind, n)| Ok((DispositionKind::stored(&kind)?, n))).collect::<Result<_>>()?;
    by_disposition.sort_by_key(|(kind, _)| *kind);
    Ok(Preview {
        ready: counts.ready,
        unanswered: counts.unanswered,
        waiting_for_review: counts.waiting_for_review,
        outdated: counts.outdated,
        publishes_versions: named.into_iter().map(|(_, number)| number).collect(),
        published: counts.published,
        by_disposition,
        exclusions: excluded.into_iter().map(|(reason, n)| Ok((ExclusionReason::stored(&reason)?, n))).collect::<Result<_>>()?,
    })
}

/// What would happen if the batch were published now.
pub async fn preview_feedback(db: &Db, caller: &Caller, draft: &Draft) -> Result<Preview> {
    caller.require(Permission::ReadOpinions)?;
    let counts: CountRow = on_db!(db, pool => sqlx::query_as(COUNT).bind(draft.id).fetch_one(pool).await).map_err(failed)?;
    let ready: Vec<(String, i64)> = on_db!(db, pool => sqlx::query_as(COUNT_READY).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let excluded: Vec<(String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_EXCLUDED).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let named: Vec<Named> = on_db!(db, pool => sqlx::query_as(LIST_NAMED).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    preview_of(counts, ready, excluded, named)
}

async fn preview_in(tx: &mut Tx, draft: DraftId, named: Vec<Named>) -> Result<Preview> {
    let counts: CountRow = on_tx!(&mut *tx, c => sqlx::query_as(COUNT).bind(draft).fetch_one(c).await).map_err(failed)?;
    let ready: Vec<(String, i64)> = on_tx!(&mut *tx, c => sqlx::query_as(COUNT_READY).bind(draft).fetch_all(c).await).map_err(failed)?;
    let excluded: Vec<(String, i64)> =
        on_tx!(&mut *tx, c => sqlx::query_as(COUNT_EXCLUDED).bind(draft).fetch_all(c).await).map_err(failed)?;
    preview_of(counts, ready, excluded, named)
}

/// Makes all reviewed answers of a draft public, after its consultation has ended, and with them the versions they name; tells the authors, and moves the
/// draft on. Refused with
/// [`Code::Conflict`] while an opinion has no reviewed answer and is not excluded. `summary` is what the bureau says of the opinions as a whole; empty
/// keeps what was said before.
pub async fn publish_feedback(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, draft: DraftId, summary: &str) -> Result<Published> {
    by.require(Permission::PublishFeedback)?;
    let summary = summary.trim();
    if summary.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("summary", format!("总体说明不超过 {REASON_CHARACTERS} 个字。")));
    }
    let mut tx = db.begin().await?;
    let mut draft = drafts::lock_draft(&mut tx, clock, draft).await?;
    draft.require_quiet(clock.now(), "公布采纳情况")?;
    let named: Vec<Named> = on_tx!(&mut tx, c => sqlx::query_as(LIST_NAMED).bind(draft.id).fetch_all(c).await).map_err(failed)?;
    let preview = preview_in(&mut tx, draft.id, named.clone()).await?;
    if let Some(sentence) = preview.refusal(draft.state) {
        return Err(Error::new(Code::Conflict, sentence));
    }
    // The public can follow an answer to the provision that resulted.
    for (version, _) in named {
        versions::publish_version(&mut tx, clock, draft.id, version).await?;
    }
    let told = tell_authors(&mut tx, clock, ids, &draft, LIST_TOLD, Event::OpinionAnswered).await?;
    tell_authors(&mut tx, clock, ids, &draft, LIST_EXCLUDED, Event::OpinionExcluded).await?;
    let now: DateTime<Utc> = clock.now();
    let published: u64 = on_tx!(&mut tx, c => sqlx::query(PUBLISH)
        .bind(draft.id).bind(by.account_id()).bind(now).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SET_ANSWERED).bind(draft.id).execute(c).await.map(drop)).map_err(failed)?;
    consultations::put_feedback_summary(&mut tx, &draft, summary).await?;
    consultations::mark_feedback_published(&mut tx, &draft, now).await?;
    let before = draft.state;
    draft.state = consultations::complete_feedback(&mut tx, &draft).await?;
    if draft.state != before {
        let about = format!("《{}》", draft.title);
        following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::FeedbackPublished, &about).await?;
    }
    let excluded = preview.excluded();
    let detail = format!("{published} published, {excluded} excluded");
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
    Ok(Published { published: i64::try_from(published).unwrap_or(i64::MAX), told, excluded, state: draft.state })
}

/// Tells the authors that a statement lists: of an answer, or for which listed reason there is none; says of how many opinions.
async fn tell_authors(tx: &mut Tx, clock: &Clock, ids: &IdSource, draft: &Draft, list: &'static str, event: Event) -> Result<i64> {
    let mut after: Option<OpinionId> = None;
    let mut sent = 0;
    loop {
        let rows: Vec<ToldRow> =
            on_tx!(&mut *tx, c => sqlx::query_as(list).bind(draft.id).bind(after).bind(TOLD_AT_ONCE).fetch_all(c).await).map_err(failed)?;
        let Some(last) = rows.last() else { return Ok(sent) };
        after = Some(last.id);
        sent += i64::try_from(rows.len()).unwrap_or(0);
        let told: Result<Vec<(AccountId, Uuid, String)>> = rows.into_iter().map(|row| row.told(draft)).collect();
        notifications::announce_all(tx, clock, ids, event, &told?).await?;
    }
}

impl ToldRow {
    fn told(self, draft: &Draft) -> Result<(AccountId, Uuid, String)> {
        let (title, place, number) = (&draft.title, &self.provision_label, &self.receipt_number);
        let about = match self.exclusion.as_deref().map(ExclusionReason::stored).transpose()? {
            None => format!("《{title}》{place}（回执号 {number}）"),
            Some(reason) => format!("《{title}》{place}的意见（回执号 {number}）因“{}”列为不作反馈", reason.label()),
        };
        Ok((self.account_id, self.id.0, about))
    }
}
