//! The statements that count, by each dimension, and what they give.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::conditions::{
    Conditions, Ways, answer_of, counted_activities, counted_assignments, counted_opinions, outcome_of, ways, with_activities,
    with_assignments, with_opinions,
};
use super::{Dimension, Measure};
use crate::error::Result;
use crate::on_db;
use crate::opinions::Channel;
use crate::storage::Db;
use crate::storage::sql::failed;

/// Counts by a part, from one reading of the index. `$with` makes what `$joins` names, `$key` is the part, `$names` joins what the part is called. Texts and
/// people are told apart by their keys.
macro_rules! count_opinions {
    ($narrow:literal, $with:literal, $joins:literal, $key:expr, $id:literal, $label:literal, $names:literal) => {
        concat!(
            $with,
            "SELECT ",
            $id,
            ", ",
            $label,
            " AS label, g.opinions, g.texts, g.persons, g.late, g.answered, g.adopted FROM (SELECT ",
            $key,
            " AS part, CAST(COUNT(*) AS BIGINT) AS opinions, CAST(COUNT(DISTINCT o.text_key) AS BIGINT) AS texts,
            CAST(COUNT(DISTINCT o.person_key) AS BIGINT) AS persons, CAST(COUNT(*) FILTER (WHERE o.is_late) AS BIGINT) AS late,
            CAST(COUNT(*) FILTER (WHERE o.state = 'answered') AS BIGINT) AS answered,
            CAST(COUNT(adopted.kind) AS BIGINT) AS adopted ",
            counted_opinions!(
                $narrow,
                $joins,
                "LEFT JOIN disposition adopted ON adopted.opinion_id = CASE WHEN o.state = 'answered' THEN o.id END
                AND adopted.published_at IS NOT NULL AND adopted.kind IN ('adopted', 'partly_adopted')"
            ),
            " GROUP BY 1) g ",
            $names
        )
    };
}

/// Distinct keys of everything. SQLite takes half of the time of COUNT(DISTINCT) when they are so many in one part.
macro_rules! count_different {
    ($narrow:literal, $key:literal) => {
        concat!(
            "SELECT CAST(COUNT(g.different) AS BIGINT) FROM (SELECT ",
            $key,
            " AS different ",
            counted_opinions!($narrow, ""),
            " GROUP BY 1) g"
        )
    };
}

/// Opinions of one measure, all together.
macro_rules! count_all {
    ($narrow:literal,) => {
        concat!("SELECT CAST(COUNT(*) AS BIGINT) ", counted_opinions!($narrow, ""))
    };
}

const BY_CONSULTATION: Ways = ways!(
    count_opinions;
    "",
    "",
    "o.consultation_id",
    "g.part AS id, '' AS name",
    "d.title || '（第' || CAST(k.round AS TEXT) || '轮）'",
    "JOIN consultation k ON k.id = g.part JOIN draft d ON d.id = k.draft_id ORDER BY k.opens_at, k.id"
);
const BY_POINT: Ways = ways!(
    count_opinions;
    "",
    "",
    "o.contact_point_id",
    "g.part AS id, '' AS name",
    "COALESCE(c.region || ' · ' || c.name, '')",
    "LEFT JOIN contact_point c ON c.id = g.part"
);
const BY_REGION: Ways = ways!(
    count_opinions;
    "",
    "LEFT JOIN contact_point c ON c.id = o.contact_point_id",
    "c.region",
    "NULL AS id, COALESCE(g.part, '') AS name",
    "COALESCE(g.part, '')",
    ""
);
/// An address is looked up in the text of the round, whose topmost units are the articles, chapters and attachments.
const BY_ARTICLE: Ways = ways!(
    count_opinions;
    "WITH unit AS MATERIALIZED (SELECT part.address, top.address AS article, top.label, top.ordinal FROM consultation k
        JOIN draft_provision part ON part.version_id = k.version_id JOIN draft_provision top ON top.version_id = k.version_id
        AND (top.address = part.address OR top.address || '/' = substr(part.address, 1, length(top.address) + 1))
        WHERE k.id = $1 AND top.address <> '' AND top.address NOT LIKE '%/%') ",
    "LEFT JOIN unit u ON u.address = o.address",
    "u.article",
    "NULL AS id, COALESCE(g.part, '') AS name",
    "COALESCE(a.label, '')",
    "LEFT JOIN unit a ON a.address = g.part ORDER BY COALESCE(a.ordinal, -1), g.part"
);
const BY_CHANNEL: Ways = ways!(count_opinions; "", "", "o.channel", "NULL AS id, g.part AS name", "''", "");
const BY_OUTCOME: Ways = ways!(
    count_opinions;
    "",
    "LEFT JOIN disposition p ON p.opinion_id = CASE WHEN o.state = 'answered' THEN o.id END AND p.published_at IS NOT NULL",
    outcome_of!("p.kind"),
    "NULL AS id, g.part AS name",
    "''",
    ""
);
const ALL_OPINIONS: Ways = ways!(count_all;);
/// Distinct texts in all; they may stand in several rows.
pub(super) const ALL_TEXTS: Ways = ways!(count_different; "o.text_key");
/// Distinct people in all.
pub(super) const ALL_PERSONS: Ways = ways!(count_different; "o.person_key");

macro_rules! count_of_points {
    ($key:literal, $label:literal, $numbers:literal, $from:ident, $group:literal) => {
        concat!("SELECT ", $key, ", ", $label, $numbers, $from!(), $group)
    };
}

macro_rules! statements_of_points {
    ($nothing:ident, $consultation:ident, $point:ident, $region:ident, $numbers:literal, $from:ident) => {
        pub(super) const $nothing: &str = count_of_points!("NULL AS id, '' AS name", "'' AS label", $numbers, $from, "");
        const $consultation: &str = count_of_points!(
            "k.id AS id, '' AS name",
            "COALESCE(d.title || '（第' || CAST(k.round AS TEXT) || '轮）', '') AS label",
            $numbers,
            $from,
            " GROUP BY k.id, d.title, k.round, k.opens_at ORDER BY k.opens_at, k.id"
        );
        const $point: &str = count_of_points!(
            "c.id AS id, '' AS name",
            "c.region || ' · ' || c.name AS label",
            $numbers,
            $from,
            " GROUP BY c.id, c.region, c.name ORDER BY c.region, c.name, c.id"
        );
        const $region: &str =
            count_of_points!("NULL AS id, c.region AS name", "c.region AS label", $numbers, $from, " GROUP BY c.region ORDER BY c.region");
    };
}

statements_of_points!(
    ACTIVITIES,
    ACTIVITIES_BY_CONSULTATION,
    ACTIVITIES_BY_POINT,
    ACTIVITIES_BY_REGION,
    ", CAST(COUNT(*) AS BIGINT) AS first, CAST(COALESCE(SUM(a.people_reached), 0) AS BIGINT) AS second, CAST(0 AS BIGINT) AS third ",
    counted_activities
);
statements_of_points!(
    TASKS,
    TASKS_BY_CONSULTATION,
    TASKS_BY_POINT,
    TASKS_BY_REGION,
    ", CAST(COUNT(*) AS BIGINT) AS first, CAST(COUNT(*) FILTER (WHERE s.first_submitted_at < s.due_at) AS BIGINT) AS second,
    CAST(COUNT(*) FILTER (WHERE COALESCE(s.first_submitted_at, $9) >= s.due_at) AS BIGINT) AS third ",
    counted_assignments
);

macro_rules! statements {
    ($($ways:ident),*; $($other:ident),*) => {
        &[$(&$ways.all(),)* &[$($other),*]]
    };
}

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENT_LISTS: &[&[&str]] = statements!(
    BY_CONSULTATION, BY_POINT, BY_REGION, BY_ARTICLE, BY_CHANNEL, BY_OUTCOME, ALL_OPINIONS, ALL_TEXTS, ALL_PERSONS;
    ACTIVITIES, ACTIVITIES_BY_CONSULTATION, ACTIVITIES_BY_POINT, ACTIVITIES_BY_REGION, TASKS, TASKS_BY_CONSULTATION, TASKS_BY_POINT, TASKS_BY_REGION
);

/// Opinions of one part.
#[derive(FromRow)]
pub(super) struct OpinionsRow {
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) opinions: i64,
    pub(super) texts: i64,
    pub(super) persons: i64,
    pub(super) late: i64,
    pub(super) answered: i64,
    pub(super) adopted: i64,
}

/// Activities or tasks of one part.
#[derive(FromRow)]
pub(super) struct PointsRow {
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) first: i64,
    pub(super) second: i64,
    pub(super) third: i64,
}

impl OpinionsRow {
    /// Each number with what it counts.
    pub(super) fn numbers(&self) -> [(Measure, i64); 6] {
        [
            (Measure::Opinions, self.opinions),
            (Measure::Texts, self.texts),
            (Measure::Persons, self.persons),
            (Measure::Late, self.late),
            (Measure::Answered, self.answered),
            (Measure::Adopted, self.adopted),
        ]
    }
}

/// The statements for the rows of a table: opinions, activities, tasks; empty where activities and tasks cannot be told apart by it.
pub(super) fn statements_by(by: Dimension) -> (Ways, &'static str, &'static str) {
    match by {
        Dimension::Consultation => (BY_CONSULTATION, ACTIVITIES_BY_CONSULTATION, TASKS_BY_CONSULTATION),
        Dimension::Point => (BY_POINT, ACTIVITIES_BY_POINT, TASKS_BY_POINT),
        Dimension::Region => (BY_REGION, ACTIVITIES_BY_REGION, TASKS_BY_REGION),
        Dimension::Article => (BY_ARTICLE, "", ""),
        Dimension::Channel => (BY_CHANNEL, "", ""),
        Dimension::Outcome => (BY_OUTCOME, "", ""),
    }
}

/// Opinions, by parts.
pub(super) async fn opinions_by(db: &Db, ways: Ways, c: &Conditions) -> Result<Vec<OpinionsRow>> {
    on_db!(db, pool => with_opinions!(sqlx::query_as(ways.choose(c)), c, Measure::Opinions.as_str()).fetch_all(pool).await).map_err(failed)
}

/// Opinions of one measure, all together.
pub(super) async fn count_all(db: &Db, c: &Conditions, measure: Measure) -> Result<i64> {
    on_db!(db, pool => with_opinions!(sqlx::query_scalar(ALL_OPINIONS.choose(c)), c, measure.as_str()).fetch_one(pool).await)
        .map_err(failed)
}

/// Distinct texts or people in all.
pub(super) async fn count_different(db: &Db, ways: Ways, c: &Conditions) -> Result<i64> {
    on_db!(db, pool => with_opinions!(sqlx::query_scalar(ways.choose(c)), c, Measure::Opinions.as_str()).fetch_one(pool).await)
        .map_err(failed)
}

/// Activities, and the people whom they reached.
pub(super) async fn activities_by(db: &Db, sql: &'static str, c: &Conditions) -> Result<Vec<PointsRow>> {
    on_db!(db, pool => with_activities!(sqlx::query_as(sql), c).fetch_all(pool).await).map_err(failed)
}

/// Tasks, those in time, and those overdue.
pub(super) async fn tasks_by(db: &Db, sql: &'static str, c: &Conditions, now: DateTime<Utc>) -> Result<Vec<PointsRow>> {
    on_db!(db, pool => with_assignments!(sqlx::query_as(sql), c, now, Measure::Tasks.as_str()).fetch_all(pool).await).map_err(failed)
}
