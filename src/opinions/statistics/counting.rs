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

/// Counts by a part, from one reading of the index. `$with` makes what `$joins` names, `$key` is the part, `$names` joins what the part is called.
macro_rules! count_opinions {
    ($narrow:literal, $with:literal, $joins:literal, $key:expr, $id:literal, $label:literal, $names:literal) => {
        concat!(
            $with,
            "SELECT ",
            $id,
            ", ",
            $label,
            " AS label, g.opinions, g.late, g.answered, g.adopted FROM (SELECT ",
            $key,
            " AS part, CAST(COUNT(*) AS BIGINT) AS opinions, CAST(COUNT(*) FILTER (WHERE o.is_late) AS BIGINT) AS late,
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

/// Distinct texts by a part. They are told apart by GROUP BY before they are counted: SQLite sorts for it, while COUNT(DISTINCT) and DISTINCT take it up to ten
/// times as long.
macro_rules! count_texts {
    ($narrow:literal, $with:literal, $joins:literal, $key:expr, $id:literal, $apart:literal, $group:literal) => {
        concat!(
            $with,
            "SELECT ",
            $id,
            ", CAST(COUNT(*) AS BIGINT) AS different FROM (SELECT ",
            $key,
            " AS part, o.text_hash ",
            counted_opinions!($narrow, $joins),
            " GROUP BY ",
            $apart,
            "o.text_hash) g",
            $group
        )
    };
}

/// Distinct people by a part: accounts, and those whose names a point wrote down.
macro_rules! count_persons {
    ($narrow:literal, $with:literal, $joins:literal, $key:expr, $id:literal, $apart:literal, $group:literal) => {
        concat!(
            $with,
            "SELECT ",
            $id,
            ", CAST(COUNT(g.account_id) + COUNT(g.person_hash) AS BIGINT) AS different FROM (SELECT ",
            $key,
            " AS part, o.account_id, v.person_hash ",
            counted_opinions!(
                $narrow,
                $joins,
                "LEFT JOIN opinion_provenance v ON v.opinion_id = CASE WHEN o.account_id IS NULL THEN o.id END"
            ),
            " GROUP BY ",
            $apart,
            "o.account_id, v.person_hash) g",
            $group
        )
    };
}

/// The statements that count opinions by one dimension.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// What adds up.
    pub(super) opinions: Ways,
    /// Distinct texts.
    pub(super) texts: Ways,
    /// Distinct people.
    pub(super) persons: Ways,
}

macro_rules! counted_by {
    ($with:literal, $joins:literal, $key:expr, $id:literal, $label:literal, $names:literal) => {
        Counted {
            opinions: ways!(count_opinions; $with, $joins, $key, $id, $label, $names),
            texts: ways!(count_texts; $with, $joins, $key, $id, "1, ", " GROUP BY g.part"),
            persons: ways!(count_persons; $with, $joins, $key, $id, "1, ", " GROUP BY g.part"),
        }
    };
}

const BY_CONSULTATION: Counted = counted_by!(
    "",
    "",
    "o.consultation_id",
    "g.part AS id, '' AS name",
    "d.title || '（第' || CAST(k.round AS TEXT) || '轮）'",
    "JOIN consultation k ON k.id = g.part JOIN draft d ON d.id = k.draft_id ORDER BY k.opens_at, k.id"
);
const BY_POINT: Counted = counted_by!(
    "",
    "",
    "o.contact_point_id",
    "g.part AS id, '' AS name",
    "COALESCE(c.region || ' · ' || c.name, '')",
    "LEFT JOIN contact_point c ON c.id = g.part"
);
const BY_REGION: Counted = counted_by!(
    "",
    "LEFT JOIN contact_point c ON c.id = o.contact_point_id",
    "c.region",
    "NULL AS id, COALESCE(g.part, '') AS name",
    "COALESCE(g.part, '')",
    ""
);
/// An address is looked up in the text of the round, whose topmost units are the articles, chapters and attachments.
const BY_ARTICLE: Counted = counted_by!(
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
const BY_CHANNEL: Counted = counted_by!("", "", "o.channel", "NULL AS id, g.part AS name", "''", "");
const BY_OUTCOME: Counted = counted_by!(
    "",
    "LEFT JOIN disposition p ON p.opinion_id = CASE WHEN o.state = 'answered' THEN o.id END AND p.published_at IS NOT NULL",
    outcome_of!("p.kind"),
    "NULL AS id, g.part AS name",
    "''",
    ""
);
/// Distinct texts in all; they may stand in several rows.
pub(super) const ALL_TEXTS: Ways = ways!(count_texts; "", "", "0", "NULL AS id, '' AS name", "", "");
/// Distinct people in all.
pub(super) const ALL_PERSONS: Ways = ways!(count_persons; "", "", "0", "NULL AS id, '' AS name", "", "");

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
    ($($counted:ident),*; $($ways:expr),*; $($other:ident),*) => {
        &[$(&$counted.opinions.all(), &$counted.texts.all(), &$counted.persons.all(),)* $(&$ways.all(),)* &[$($other),*]]
    };
}

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENT_LISTS: &[&[&str]] = statements!(
    BY_CONSULTATION, BY_POINT, BY_REGION, BY_ARTICLE, BY_CHANNEL, BY_OUTCOME;
    ALL_TEXTS, ALL_PERSONS;
    ACTIVITIES, ACTIVITIES_BY_CONSULTATION, ACTIVITIES_BY_POINT, ACTIVITIES_BY_REGION, TASKS, TASKS_BY_CONSULTATION, TASKS_BY_POINT, TASKS_BY_REGION
);

/// What adds up, of one part.
#[derive(FromRow)]
pub(super) struct OpinionsRow {
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) opinions: i64,
    pub(super) late: i64,
    pub(super) answered: i64,
    pub(super) adopted: i64,
}

/// How many different ones there are in one part.
#[derive(FromRow)]
pub(super) struct DifferentRow {
    pub(super) id: Option<Uuid>,
    pub(super) name: String,
    pub(super) different: i64,
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
    /// What adds up.
    pub(super) fn numbers(&self) -> [(Measure, i64); 4] {
        [
            (Measure::Opinions, self.opinions),
            (Measure::Late, self.late),
            (Measure::Answered, self.answered),
            (Measure::Adopted, self.adopted),
        ]
    }
}

/// The statements for the rows of a table: opinions, activities, tasks; empty where activities and tasks cannot be told apart by it.
pub(super) fn statements_by(by: Dimension) -> (Counted, &'static str, &'static str) {
    match by {
        Dimension::Consultation => (BY_CONSULTATION, ACTIVITIES_BY_CONSULTATION, TASKS_BY_CONSULTATION),
        Dimension::Point => (BY_POINT, ACTIVITIES_BY_POINT, TASKS_BY_POINT),
        Dimension::Region => (BY_REGION, ACTIVITIES_BY_REGION, TASKS_BY_REGION),
        Dimension::Article => (BY_ARTICLE, "", ""),
        Dimension::Channel => (BY_CHANNEL, "", ""),
        Dimension::Outcome => (BY_OUTCOME, "", ""),
    }
}

/// Counts that add up.
pub(super) async fn opinions_by(db: &Db, ways: Ways, c: &Conditions) -> Result<Vec<OpinionsRow>> {
    on_db!(db, pool => with_opinions!(sqlx::query_as(ways.choose(c)), c, Measure::Opinions.as_str()).fetch_all(pool).await).map_err(failed)
}

/// Distinct texts or people.
pub(super) async fn different_by(db: &Db, ways: Ways, c: &Conditions) -> Result<Vec<DifferentRow>> {
    on_db!(db, pool => with_opinions!(sqlx::query_as(ways.choose(c)), c, Measure::Opinions.as_str()).fetch_all(pool).await).map_err(failed)
}

/// Activities, and the people whom they reached.
pub(super) async fn activities_by(db: &Db, sql: &'static str, c: &Conditions) -> Result<Vec<PointsRow>> {
    on_db!(db, pool => with_activities!(sqlx::query_as(sql), c).fetch_all(pool).await).map_err(failed)
}

/// Tasks, those in time, and those overdue.
pub(super) async fn tasks_by(db: &Db, sql: &'static str, c: &Conditions, now: DateTime<Utc>) -> Result<Vec<PointsRow>> {
    on_db!(db, pool => with_assignments!(sqlx::query_as(sql), c, now, Measure::Tasks.as_str()).fetch_all(pool).await).map_err(failed)
}
