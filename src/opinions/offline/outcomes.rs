//! 反馈单: what became of the opinions that a point collected, to be given to the people who said them.
//!
//! Only what is public is told: nothing before the answers of the round are published. An account of a station is told of the opinions of its station.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::provenance::PERSON_PURPOSE;
use crate::accounts::Caller;
use crate::contact_points::assignments::{self, Assignment};
use crate::error::Result;
use crate::ids::{AssignmentId, OpinionId};
use crate::on_db;
use crate::opinions::feedback::{DispositionKind, ExclusionReason};
use crate::storage::Db;
use crate::storage::crypto::FieldCipher;
use crate::storage::sql::{Page, decode_cursor, failed};

/// What became of an opinion that a point collected.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The opinion.
    pub opinion_id: OpinionId,
    /// Its number.
    pub receipt_number: String,
    /// Who said it; empty when nobody was named, or names were not asked for.
    pub person: String,
    /// A kind of person or unit.
    pub author_kind: String,
    /// The provision as it is cited.
    pub provision_label: String,
    /// What was said.
    pub body: String,
    /// The wording that was proposed; may be empty.
    pub proposed_text: String,
    /// When it was said.
    pub collected_on: NaiveDate,
    /// The station; empty without one.
    pub station: String,
    /// The activity; empty without one.
    pub activity: String,
    /// The answer; `None`: it needed none.
    pub answer: Option<Answer>,
    /// Why it needed none.
    pub exclusion: Option<ExclusionReason>,
}

/// A public answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// The provision that resulted, as it is cited; may be empty.
    pub result_label: String,
    /// When it was made public.
    pub published_at: DateTime<Utc>,
}

/// How many opinions of an assignment there are, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct OutcomeCounts {
    /// Opinions that count.
    pub opinions: i64,
    /// With a public answer.
    pub answered: i64,
    /// Adopted, wholly or in part.
    pub adopted: i64,
    /// Excluded for a listed reason.
    pub excluded: i64,
}

const PUBLISHED: &str = "SELECT feedback_published_at FROM consultation WHERE id = $1";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS opinions, CAST(COUNT(*) FILTER (WHERE o.state = 'answered') AS BIGINT) AS answered,
    CAST(COUNT(*) FILTER (WHERE o.state = 'answered' AND p.kind IN ('adopted', 'partly_adopted')) AS BIGINT) AS adopted,
    CAST(COUNT(*) FILTER (WHERE o.state = 'excluded') AS BIGINT) AS excluded
    FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id LEFT JOIN disposition p ON p.opinion_id = o.id
    WHERE v.assignment_id = $1 AND v.contact_point_id = $2 AND (v.station_id = $3 OR $3 IS NULL) AND o.state <> 'withdrawn'";
const LIST: &str = "SELECT o.id, o.receipt_number, v.person_sealed, o.author_kind, o.provision_label, o.body, o.proposed_text, v.collected_on, v.entered_at,
    COALESCE(s.name, '') AS station, COALESCE(a.title, '') AS activity, p.kind, p.reason, p.result_label, p.published_at, o.exclusion
    FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id LEFT JOIN disposition p ON p.opinion_id = o.id AND o.state = 'answered'
    LEFT JOIN collection_station s ON s.id = v.station_id LEFT JOIN collection_activity a ON a.id = v.activity_id
    WHERE v.assignment_id = $1 AND v.contact_point_id = $2 AND (v.station_id = $3 OR $3 IS NULL) AND o.state IN ('answered', 'excluded')
    AND (o.id = $4 OR $4 IS NULL) AND ((v.entered_at, o.id) > ($5, $6) OR $5 IS NULL) ORDER BY v.entered_at, o.id LIMIT $7";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[PUBLISHED, COUNT, LIST];

#[derive(FromRow)]
struct OutcomeRow {
    id: OpinionId,
    receipt_number: String,
    person_sealed: Option<String>,
    author_kind: String,
    provision_label: String,
    body: String,
    proposed_text: String,
    collected_on: NaiveDate,
    entered_at: DateTime<Utc>,
    station: String,
    activity: String,
    kind: Option<String>,
    reason: Option<String>,
    result_label: Option<String>,
    published_at: Option<DateTime<Utc>>,
    exclusion: Option<String>,
}

impl OutcomeRow {
    fn into_outcome(self, names: Option<&FieldCipher>) -> Result<Outcome> {
        let person = match (names, &self.person_sealed) {
            (Some(cipher), Some(sealed)) => cipher.open(PERSON_PURPOSE, sealed)?,
            _ => String::new(),
        };
        let answer = match (self.kind, self.published_at) {
            (Some(kind), Some(published_at)) => Some(Answer {
                kind: DispositionKind::stored(&kind)?,
                reason: self.reason.unwrap_or_default(),
                result_label: self.result_label.unwrap_or_default(),
                published_at,
            }),
            _ => None,
        };
        let exclusion = self.exclusion.as_deref().filter(|_| answer.is_none()).map(ExclusionReason::stored).transpose()?;
        Ok(Outcome {
            opinion_id: self.id,
            receipt_number: self.receipt_number,
            person,
            author_kind: self.author_kind,
            provision_label: self.provision_label,
            body: self.body,
            proposed_text: self.proposed_text,
            collected_on: self.collected_on,
            station: self.station,
            activity: self.activity,
            answer,
            exclusion,
        })
    }
}

/// What is asked of the outcomes of an assignment.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// One opinion only.
    pub opinion: Option<OpinionId>,
    /// Opens the names of people, for a sheet that is handed to them.
    pub names: Option<&'a FieldCipher>,
    /// Where the page begins.
    pub cursor: Option<&'a str>,
    /// Rows on a page.
    pub limit: usize,
}

/// Whether the answers of the round are public, since when, and what became of an own assignment's opinions.
pub async fn count_outcomes(db: &Db, caller: &Caller, id: AssignmentId) -> Result<(Assignment, Option<DateTime<Utc>>, OutcomeCounts)> {
    let assignment = assignments::get_own(db, caller, id).await?;
    let published: Option<DateTime<Utc>> =
        on_db!(db, pool => sqlx::query_scalar(PUBLISHED).bind(assignment.consultation_id).fetch_one(pool).await).map_err(failed)?;
    let counts: OutcomeCounts = on_db!(db, pool => sqlx::query_as(COUNT)
        .bind(id).bind(assignment.contact_point_id).bind(caller.station).fetch_one(pool).await)
    .map_err(failed)?;
    // What is answered and not public yet is not told.
    let counts = if published.is_some() { counts } else { OutcomeCounts { opinions: counts.opinions, ..OutcomeCounts::default() } };
    Ok((assignment, published, counts))
}

/// One page of what became of the opinions of an own assignment, in the order in which they were entered; empty before the answers are public.
pub async fn list_outcomes(db: &Db, caller: &Caller, id: AssignmentId, wanted: Wanted<'_>) -> Result<Page<Outcome>> {
    let (assignment, published, _) = count_outcomes(db, caller, id).await?;
    if published.is_none() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let after: Option<(DateTime<Utc>, OpinionId)> = wanted.cursor.map(decode_cursor).transpose()?;
    let (at, last) = after.unzip();
    let most = i64::try_from(wanted.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<OutcomeRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(id).bind(assignment.contact_point_id).bind(caller.station).bind(wanted.opinion).bind(at).bind(last).bind(most).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, wanted.limit, |row| (row.entered_at, row.id));
    let items: Result<Vec<Outcome>> = page.items.into_iter().map(|row| row.into_outcome(wanted.names)).collect();
    Ok(Page { items: items?, next: page.next })
}
