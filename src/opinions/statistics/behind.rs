//! The rows behind a number: opinions, texts, people, activities or tasks, under the same conditions under which they were counted.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::conditions::{
    Conditions, Ways, answer_of, counted_activities, counted_assignments, counted_opinions, outcome_of, ways, with_activities,
    with_assignments, with_opinions,
};
use super::{Filter, Measure, outcome_label};
use crate::accounts::Caller;
use crate::contact_points::activities::ActivityKind;
use crate::error::Result;
use crate::ids::{ActivityId, AssignmentId, DraftId, OpinionId, StationId};
use crate::on_db;
use crate::opinions::{Channel, WHOLE_DRAFT};
use crate::storage::Db;
use crate::storage::sql::{Page, beginning_of_time, decode_cursor, failed};

/// A row behind a number, with what it adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// What it is.
    pub of: Thing,
    /// What it is called: a receipt number, the title of an activity, the name of a point.
    pub name: String,
    /// What there is to say of it, one after the other.
    pub facts: Vec<String>,
    /// The beginning of the words; empty where there are none.
    pub words: String,
    /// What it adds to the number.
    pub adds: i64,
}

/// What a row behind a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An opinion on a draft.
    Opinion(DraftId, OpinionId),
    /// One of several opinions with the same words, or of the same person.
    Several(DraftId, OpinionId),
    /// An activity.
    Activity(ActivityId),
    /// A task of a point.
    Assignment(AssignmentId),
}

macro_rules! list_opinions {
    ($narrow:literal,) => {
        concat!(
            "SELECT o.id, o.draft_id, o.receipt_number, o.provision_label, o.channel, o.station_id, COALESCE(c.name, '') AS point, o.body, o.posted_at, ",
            outcome_of!(),
            " AS outcome, CAST(1 AS BIGINT) AS together ",
            counted_opinions!($narrow, "LEFT JOIN contact_point c ON c.id = o.contact_point_id"),
            " AND (o.posted_at, o.id) > ($14, $15) ORDER BY o.posted_at, o.id LIMIT $16"
        )
    };
}

/// The first of several opinions stands for them; `$of` says which belong together. They are told apart by their keys, and only those of the page are fetched.
/// SQLite and PostgreSQL agree on windows.
macro_rules! list_firsts {
    ($narrow:literal, $of:literal, $but:literal) => {
        concat!(
            "WITH firsts AS (SELECT o.id, o.posted_at, COUNT(*) OVER (PARTITION BY ",
            $of,
            ") AS together, ROW_NUMBER() OVER (PARTITION BY ",
            $of,
            " ORDER BY o.posted_at, o.id) AS place ",
            counted_opinions!($narrow, ""),
            $but,
            "), picked AS MATERIALIZED (SELECT n.id, n.posted_at, n.together FROM firsts n
            WHERE n.place = 1 AND (n.posted_at, n.id) > ($14, $15) ORDER BY n.posted_at, n.id LIMIT $16)
            SELECT o.id, o.draft_id, o.receipt_number, o.provision_label, o.channel, o.station_id, COALESCE(c.name, '') AS point, o.body, o.posted_at, ",
            outcome_of!(),
            " AS outcome, n.together FROM picked n CROSS JOIN opinion o LEFT JOIN contact_point c ON c.id = o.contact_point_id
            WHERE o.id = n.id ORDER BY n.posted_at, n.id"
        )
    };
}

const LIST_OPINIONS: Ways = ways!(list_opinions;);
/// The first opinion of each text stands for it.
const LIST_TEXTS: Ways = ways!(list_firsts; "o.text_key", "");
/// The first opinion of each person stands for the person, who is not named.
const LIST_PERSONS: Ways = ways!(list_firsts; "o.person_key", " AND o.person_key IS NOT NULL");
const LIST_ACTIVITIES: &str = concat!(
    "SELECT a.id, a.title, a.kind, a.held_on, a.place, c.name AS point, a.people_present, a.people_reached ",
    counted_activities!(),
    " AND ((a.held_on, a.id) > ($9, $10) OR $9 IS NULL) ORDER BY a.held_on, a.id LIMIT $11"
);
const LIST_ASSIGNMENTS: &str = concat!(
    "SELECT s.id, t.title, c.name AS point, s.state, s.sent_at, s.due_at, s.first_submitted_at ",
    counted_assignments!(),
    " AND ((s.sent_at, s.id) > ($11, $12) OR $11 IS NULL) ORDER BY s.sent_at, s.id LIMIT $13"
);

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENT_LISTS: &[&[&str]] =
    &[&LIST_OPINIONS.all(), &LIST_TEXTS.all(), &LIST_PERSONS.all(), &[LIST_ACTIVITIES, LIST_ASSIGNMENTS]];

#[derive(FromRow)]
struct OpinionRow {
    id: OpinionId,
    draft_id: DraftId,
    receipt_number: String,
    provision_label: String,
    channel: String,
    station_id: Option<StationId>,
    point: String,
    body: String,
    posted_at: DateTime<Utc>,
    outcome: String,
    together: i64,
}

#[derive(FromRow)]
struct ActivityRow {
    id: ActivityId,
    title: String,
    kind: String,
    held_on: NaiveDate,
    place: String,
    point: String,
    people_present: i64,
    people_reached: i64,
}

#[derive(FromRow)]
struct AssignmentRow {
    id: AssignmentId,
    title: String,
    point: String,
    state: String,
    sent_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    first_submitted_at: Option<DateTime<Utc>>,
}

/// One page of the rows behind a number; together they add up to it.
pub async fn list_behind(
    db: &Db,
    caller: &Caller,
    now: DateTime<Utc>,
    measure: Measure,
    filter: Filter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Behind>> {
    let c = Conditions::of(caller, filter)?;
    if measure.is_of_points() && !c.filter.holds_activities() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    match measure {
        Measure::Activities | Measure::Reached => {
            let after: Option<(NaiveDate, Uuid)> = cursor.map(decode_cursor).transpose()?;
            let (day, id) = after.unzip();
            let rows: Vec<ActivityRow> = on_db!(db, pool => with_activities!(sqlx::query_as(LIST_ACTIVITIES), c)
                .bind(day).bind(id).bind(wanted).fetch_all(pool).await)
            .map_err(failed)?;
            let page = Page::cut(rows, limit, |row| (row.held_on, row.id));
            Ok(page.map(|row| row.into_behind(measure)))
        }
        Measure::Tasks | Measure::OnTime | Measure::Overdue => {
            let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
            let (at, id) = after.unzip();
            let rows: Vec<AssignmentRow> = on_db!(db, pool =>
                with_assignments!(sqlx::query_as(LIST_ASSIGNMENTS), c, now, measure.as_str()).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
            .map_err(failed)?;
            let page = Page::cut(rows, limit, |row| (row.sent_at, row.id));
            Ok(page.map(AssignmentRow::into_behind))
        }
        Measure::Opinions | Measure::Texts | Measure::Persons | Measure::Late | Measure::Answered | Measure::Adopted => {
            let (ways, kind) = match measure {
                Measure::Texts => (LIST_TEXTS, Measure::Opinions),
                Measure::Persons => (LIST_PERSONS, Measure::Opinions),
                other => (LIST_OPINIONS, other),
            };
            let (at, id): (DateTime<Utc>, Uuid) = cursor.map(decode_cursor).transpose()?.unwrap_or_else(beginning_of_time);
            let rows: Vec<OpinionRow> = on_db!(db, pool =>
                with_opinions!(sqlx::query_as(ways.choose(&c)), c, kind.as_str()).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
            .map_err(failed)?;
            let page = Page::cut(rows, limit, |row| (row.posted_at, row.id));
            // What citizens wrote online may be kept back from a point, whose poster they only followed; what one station heard is not another station's to read.
            let is_of_bureau = c.scope.point.is_none() && c.scope.organ.is_none();
            let is_own = |row: &OpinionRow| caller.station.is_none() || row.station_id == caller.station;
            Ok(page.map(|row| {
                let is_shown = is_of_bureau || (row.channel == Channel::ContactPoint.as_str() && is_own(&row));
                let behind = row.into_behind(measure);
                if is_shown { behind } else { Behind { words: String::new(), ..behind } }
            }))
        }
    }
}

impl OpinionRow {
    fn into_behind(self, measure: Measure) -> Behind {
        let channel = Channel::parse(&self.channel).map_or(self.channel.as_str(), |channel| channel.label()).to_owned();
        let about = if self.provision_label.is_empty() { WHOLE_DRAFT.to_owned() } else { self.provision_label };
        let mut facts = vec![about, channel, self.point, outcome_label(&self.outcome), written(self.posted_at)];
        let of = match measure {
            Measure::Texts => {
                facts.push(format!("内容相同的共 {} 条", self.together));
                Thing::Several(self.draft_id, self.id)
            }
            Measure::Persons => {
                facts.push(format!("同一人的意见共 {} 条", self.together));
                Thing::Several(self.draft_id, self.id)
            }
            _ => Thing::Opinion(self.draft_id, self.id),
        };
        facts.retain(|fact| !fact.is_empty());
        Behind { of, name: self.receipt_number, facts, words: self.body, adds: 1 }
    }
}

impl ActivityRow {
    fn into_behind(self, measure: Measure) -> Behind {
        let kind = ActivityKind::parse(&self.kind).map_or(self.kind.as_str(), |kind| kind.label()).to_owned();
        let mut facts = vec![
            self.point,
            kind,
            crate::calendar::written(self.held_on),
            self.place,
            format!("到场 {} 人", self.people_present),
            format!("覆盖 {} 人次", self.people_reached),
        ];
        facts.retain(|fact| !fact.is_empty());
        let adds = if measure == Measure::Reached { self.people_reached } else { 1 };
        Behind { of: Thing::Activity(self.id), name: self.title, facts, words: String::new(), adds }
    }
}

impl AssignmentRow {
    fn into_behind(self) -> Behind {
        let state =
            crate::contact_points::assignments::AssignmentState::parse(&self.state).map_or(self.state.as_str(), |s| s.label()).to_owned();
        let last_day = crate::calendar::written(crate::calendar::last_day_before(self.due_at));
        let submitted = self.first_submitted_at.map_or_else(|| "尚未提交".to_owned(), |at| format!("首次提交：{}", written(at)));
        let facts = vec![self.title, state, format!("下达：{}", written(self.sent_at)), format!("应于 {last_day}前提交"), submitted];
        Behind { of: Thing::Assignment(self.id), name: self.point, facts, words: String::new(), adds: 1 }
    }
}

fn written(at: DateTime<Utc>) -> String {
    crate::calendar::written(crate::calendar::day_of(at))
}
