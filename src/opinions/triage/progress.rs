//! How far the answering is: by article of a version, and which drafts are overdue.

use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;

use super::{WHOLE, article_of};
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::config::Rules;
use crate::drafts::Draft;
use crate::error::Result;
use crate::ids::{Clock, DraftId, DraftVersionId};
use crate::on_db;
use crate::opinions::{OpinionState, WHOLE_DRAFT};
use crate::storage::Db;
use crate::storage::sql::failed;

/// Numbers of opinions by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All of them, without those that were withdrawn.
    pub opinions: i64,
    /// No answer is written.
    pub left: i64,
    /// An answer waits for a second person.
    pub prepared: i64,
    /// An answer has passed and is not public.
    pub reviewed: i64,
    /// The answer is public.
    pub answered: i64,
    /// They need no answer, for listed reasons.
    pub excluded: i64,
}

impl Progress {
    fn add(&mut self, state: OpinionState, n: i64) {
        let place = match state {
            OpinionState::Received => &mut self.left,
            OpinionState::AnswerPrepared => &mut self.prepared,
            OpinionState::AnswerReviewed => &mut self.reviewed,
            OpinionState::Answered => &mut self.answered,
            OpinionState::Excluded => &mut self.excluded,
            OpinionState::Withdrawn => return,
        };
        *place += n;
        self.opinions += n;
    }
}

/// How far one article is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArticleProgress {
    /// Its address; [`WHOLE`] = the draft as a whole.
    pub address: String,
    /// As printed, e.g. 第三条.
    pub label: String,
    /// Its numbers.
    pub progress: Progress,
}

/// A draft whose round ended so long ago that its opinions should be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// The draft.
    pub draft_id: DraftId,
    /// Its title.
    pub title: String,
    /// Whole days since the last day of the round.
    pub days: i64,
    /// Opinions without a public answer.
    pub unanswered: i64,
}

/// A draft with answers that a second person gave back.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Returned {
    /// The draft.
    pub draft_id: DraftId,
    /// Its title.
    pub title: String,
    /// Answers to be written anew.
    pub answers: i64,
}

const COUNT_BY_ADDRESS: &str = "SELECT address, state, CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND version_id = $2
    AND state <> 'withdrawn' GROUP BY address, state";
const LIST_ADDRESSES: &str = "SELECT address, label, heading FROM draft_provision WHERE version_id = $1 ORDER BY ordinal";
const LIST_OVERDUE: &str = "SELECT d.id, d.title, c.closes_at, CAST(COUNT(o.id) AS BIGINT) AS unanswered
    FROM draft d JOIN consultation c ON c.draft_id = d.id AND c.round = d.round
    JOIN opinion o ON o.draft_id = d.id AND o.state IN ('received', 'answer_prepared', 'answer_reviewed')
    WHERE c.closes_at <= $1 GROUP BY d.id, d.title, c.closes_at ORDER BY c.closes_at, d.id LIMIT 100";
// From what was given back to its opinions, never the other way round: there are few of the first and many of the second.
const LIST_RETURNED: &str = "WITH given_back AS MATERIALIZED (SELECT (SELECT o.draft_id FROM opinion o
    WHERE o.id = r.opinion_id AND o.state = 'received') AS of_draft FROM disposition r WHERE r.returned_at IS NOT NULL)
    SELECT d.id AS draft_id, d.title AS title, CAST(COUNT(*) AS BIGINT) AS answers FROM given_back g JOIN draft d ON d.id = g.of_draft
    GROUP BY d.id, d.title ORDER BY d.title, d.id LIMIT 100";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[COUNT_BY_ADDRESS, LIST_ADDRESSES, LIST_OVERDUE, LIST_RETURNED];

#[derive(FromRow)]
struct OverdueRow {
    id: DraftId,
    title: String,
    closes_at: DateTime<Utc>,
    unanswered: i64,
}

/// How far each article of a version is on which there are opinions, in the order of the text; the draft as a whole comes first.
pub async fn list_progress(db: &Db, caller: &Caller, draft: &Draft, version: DraftVersionId) -> Result<Vec<ArticleProgress>> {
    caller.require(Permission::ReadOpinions)?;
    let counts: Vec<(Option<String>, String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_BY_ADDRESS).bind(draft.id).bind(version).fetch_all(pool).await).map_err(failed)?;
    let places: Vec<(String, String, String)> =
        on_db!(db, pool => sqlx::query_as(LIST_ADDRESSES).bind(version).fetch_all(pool).await).map_err(failed)?;
    let mut list: Vec<(usize, ArticleProgress)> = Vec::new();
    for (address, state, n) in counts {
        let article = address.as_deref().map_or(WHOLE, article_of);
        let state = OpinionState::stored(&state)?;
        if let Some((_, known)) = list.iter_mut().find(|(_, known)| known.address == article) {
            known.progress.add(state, n);
            continue;
        }
        let found = places.iter().position(|(address, _, _)| address == article);
        let label = match found.and_then(|at| places.get(at)) {
            None => WHOLE_DRAFT.to_owned(),
            Some((_, label, heading)) if label.is_empty() => heading.clone(),
            Some((_, label, _)) => label.clone(),
        };
        let mut progress = Progress::default();
        progress.add(state, n);
        list.push((found.map_or(0, |at| at + 1), ArticleProgress { address: article.to_owned(), label, progress }));
    }
    list.sort_by_key(|(place, _)| *place);
    Ok(list.into_iter().map(|(_, article)| article).collect())
}

/// Drafts with answers that a second person gave back and that nobody wrote anew since, by title, at most a hundred.
pub async fn list_returned(db: &Db, caller: &Caller) -> Result<Vec<Returned>> {
    caller.require(Permission::ReadOpinions)?;
    on_db!(db, pool => sqlx::query_as(LIST_RETURNED).fetch_all(pool).await).map_err(failed)
}

/// Drafts whose newest round ended more than the configured number of days ago and that have opinions without a public answer, the longest overdue first, at
/// most a hundred.
pub async fn list_overdue(db: &Db, clock: &Clock, rules: &Rules, caller: &Caller) -> Result<Vec<Overdue>> {
    caller.require(Permission::ReadOpinions)?;
    let limit = clock.now() - Duration::days(i64::from(rules.feedback_days));
    let rows: Vec<OverdueRow> = on_db!(db, pool => sqlx::query_as(LIST_OVERDUE).bind(limit).fetch_all(pool).await).map_err(failed)?;
    let today = clock.today();
    Ok(rows
        .into_iter()
        .map(|row| Overdue {
            draft_id: row.id,
            title: row.title,
            // The round ends with the day before the instant that is too late.
            days: (today - calendar::day_of(row.closes_at)).num_days() + 1,
            unanswered: row.unanswered,
        })
        .collect())
}
