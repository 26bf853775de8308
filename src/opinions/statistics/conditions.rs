//! Which opinions, activities and tasks a number counts: conditions as every statement of this room takes them, so that the rows behind a number add up to it.

use chrono::{DateTime, Days, Utc};

use super::{Filter, Scope, scope_of};
use crate::accounts::Caller;
use crate::calendar;
use crate::error::Result;

/// What was answered to an opinion in public; NULL before that. Looked up only where it is asked for.
macro_rules! answer_of {
    () => {
        "(SELECT p.kind FROM disposition p WHERE p.opinion_id = o.id AND p.published_at IS NOT NULL)"
    };
}
pub(super) use answer_of;

/// What became of an opinion, as the caller may know it; `$answer` is what was answered in public. That one is not answered at all is decided before the answers are public, and until then points and
/// counties are not told: of the opinions that are counted for them, `$11` or `$12` holds, and for the bureau neither, because both are NULL.
macro_rules! outcome_of {
    () => {
        outcome_of!(answer_of!())
    };
    ($answer:expr) => {
        concat!(
            "CASE WHEN o.state = 'answered' THEN ",
            $answer,
            " WHEN o.state = 'excluded' AND ($12 = o.contact_point_id
            OR o.contact_point_id IN (SELECT organ_point.id FROM contact_point organ_point WHERE organ_point.organ_id = $11))
        AND (SELECT k.feedback_published_at FROM consultation k WHERE k.id = o.consultation_id) IS NULL THEN 'open'
        WHEN o.state = 'excluded' THEN 'excluded' ELSE 'open' END"
        )
    };
}
pub(super) use outcome_of;

/// Opinions under the conditions of a filter and a scope: `$1` to `$13`. `$narrow` is given by [`ways!`] and holds `$1`, `$3` and `$12`; `$joins` joins what
/// else is counted or named. The conditions name no column beyond those of the index `opinion_numbers`, so that a number is counted from it alone, and what is
/// looked up elsewhere is a subquery for those that are asked for it.
macro_rules! counted_opinions {
    ($narrow:literal, $($joins:literal),+) => {
        concat!(
            "FROM opinion o ",
            $($joins, " ",)+
            "WHERE o.state <> 'withdrawn' AND ",
            $narrow,
            " AND (o.id IN (SELECT collected.opinion_id FROM opinion_provenance collected
            JOIN collection_assignment given ON given.id = collected.assignment_id WHERE given.task_id = $2) OR $2 IS NULL)
        AND (NOT $4 OR o.contact_point_id IS NULL)
        AND (o.contact_point_id IN (SELECT near.id FROM contact_point near WHERE near.region = $5) OR $5 IS NULL)
        AND (CAST($6 AS TEXT) IS NULL OR COALESCE(o.address, '') = $6 OR substr(o.address, 1, length($6) + 1) = $6 || '/')
        AND (o.channel = $7 OR $7 IS NULL) AND (CAST($8 AS TEXT) IS NULL OR ",
            outcome_of!(),
            " = $8)
        AND (o.posted_at >= $9 OR $9 IS NULL) AND (o.posted_at < $10 OR $10 IS NULL)
        AND (o.contact_point_id IN (SELECT owned.id FROM contact_point owned WHERE owned.organ_id = $11) OR $11 IS NULL)
        AND ($13 = 'opinions' OR ($13 = 'late' AND o.is_late) OR ($13 = 'answered' AND o.state = 'answered')
        OR ($13 = 'adopted' AND o.state = 'answered' AND ",
            answer_of!(),
            " IN ('adopted', 'partly_adopted')))"
        )
    };
}
pub(super) use counted_opinions;

/// One statement in the ways that lead to its opinions. All have the same conditions; a way says of which it is known that they are asked for, so that SQLite,
/// which plans without the values, can seek.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    /// Through everything there is.
    pub(super) any: &'static str,
    /// When a round is chosen.
    pub(super) of_round: &'static str,
    /// When a point is chosen.
    pub(super) of_point: &'static str,
    /// When the caller may see one point.
    pub(super) of_own_point: &'static str,
}

impl Ways {
    /// All of them.
    pub(super) const fn all(self) -> [&'static str; 4] {
        [self.any, self.of_round, self.of_point, self.of_own_point]
    }

    pub(super) fn choose(self, c: &Conditions) -> &'static str {
        if c.scope.point.is_some() {
            self.of_own_point
        } else if c.filter.point.is_some() {
            self.of_point
        } else if c.filter.consultation.is_some() {
            self.of_round
        } else {
            self.any
        }
    }
}

/// Makes a statement in all [`Ways`], by a macro that takes the conditions on round and point before its other arguments.
macro_rules! ways {
    ($make:ident; $($arguments:tt)*) => {
        Ways {
            any: $make!(
                "(o.consultation_id = $1 OR $1 IS NULL) AND (o.contact_point_id = $3 OR $3 IS NULL) AND (o.contact_point_id = $12 OR $12 IS NULL)",
                $($arguments)*
            ),
            of_round: $make!(
                "o.consultation_id = $1 AND (o.contact_point_id = $3 OR $3 IS NULL) AND (o.contact_point_id = $12 OR $12 IS NULL)",
                $($arguments)*
            ),
            of_point: $make!(
                "o.contact_point_id = $3 AND (o.consultation_id = $1 OR $1 IS NULL) AND (o.contact_point_id = $12 OR $12 IS NULL)",
                $($arguments)*
            ),
            of_own_point: $make!(
                "o.contact_point_id = $12 AND (o.consultation_id = $1 OR $1 IS NULL) AND (o.contact_point_id = $3 OR $3 IS NULL)",
                $($arguments)*
            ),
        }
    };
}
pub(super) use ways;

/// Activities under the conditions of a filter and a scope.
macro_rules! counted_activities {
    () => {
        "FROM collection_activity a JOIN contact_point c ON c.id = a.contact_point_id
        LEFT JOIN collection_assignment s ON s.id = a.assignment_id LEFT JOIN collection_task t ON t.id = s.task_id
        LEFT JOIN consultation k ON k.id = COALESCE(a.consultation_id, t.consultation_id) LEFT JOIN draft d ON d.id = k.draft_id
        WHERE (k.id = $1 OR $1 IS NULL) AND (s.task_id = $2 OR $2 IS NULL) AND (c.id = $3 OR $3 IS NULL) AND (c.region = $4 OR $4 IS NULL)
        AND (a.held_on >= $5 OR $5 IS NULL) AND (a.held_on <= $6 OR $6 IS NULL) AND (c.organ_id = $7 OR $7 IS NULL) AND (c.id = $8 OR $8 IS NULL)"
    };
}
pub(super) use counted_activities;

/// Tasks of points under the conditions of a filter and a scope, `$9` being the present. A task that was called back is none.
macro_rules! counted_assignments {
    () => {
        "FROM collection_assignment s JOIN collection_task t ON t.id = s.task_id JOIN contact_point c ON c.id = s.contact_point_id
        JOIN consultation k ON k.id = t.consultation_id JOIN draft d ON d.id = k.draft_id
        WHERE s.state <> 'cancelled' AND (k.id = $1 OR $1 IS NULL) AND (s.task_id = $2 OR $2 IS NULL) AND (c.id = $3 OR $3 IS NULL)
        AND (c.region = $4 OR $4 IS NULL) AND (s.sent_at >= $5 OR $5 IS NULL) AND (s.sent_at < $6 OR $6 IS NULL)
        AND (c.organ_id = $7 OR $7 IS NULL) AND (c.id = $8 OR $8 IS NULL)
        AND ($10 = 'tasks' OR ($10 = 'on_time' AND s.first_submitted_at < s.due_at) OR ($10 = 'overdue' AND COALESCE(s.first_submitted_at, $9) >= s.due_at))"
    };
}
pub(super) use counted_assignments;

/// Conditions as the statements take them.
pub(super) struct Conditions {
    pub(super) filter: Filter,
    pub(super) scope: Scope,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Conditions {
    pub(super) fn of(caller: &Caller, filter: Filter) -> Result<Conditions> {
        let (scope, filter) = (scope_of(caller)?, filter.checked()?);
        let next = filter.until.and_then(|day| day.checked_add_days(Days::new(1)));
        Ok(Conditions { scope, from: filter.from.map(calendar::start_of_day), until: next.map(calendar::start_of_day), filter })
    }
}

/// Binds the conditions of [`counted_opinions!`]; `$measure` is the measure whose rows are wanted.
macro_rules! with_opinions {
    ($query:expr, $c:expr, $measure:expr) => {
        $query
            .bind($c.filter.consultation)
            .bind($c.filter.task)
            .bind($c.filter.point)
            .bind($c.filter.is_without_point)
            .bind($c.filter.region.as_deref())
            .bind($c.filter.article.as_deref())
            .bind($c.filter.channel.map(Channel::as_str))
            .bind($c.filter.outcome.as_deref())
            .bind($c.from)
            .bind($c.until)
            .bind($c.scope.organ)
            .bind($c.scope.point)
            .bind($measure)
    };
}
pub(super) use with_opinions;

/// Binds the conditions of [`counted_activities!`].
macro_rules! with_activities {
    ($query:expr, $c:expr) => {
        $query
            .bind($c.filter.consultation)
            .bind($c.filter.task)
            .bind($c.filter.point)
            .bind($c.filter.region.as_deref())
            .bind($c.filter.from)
            .bind($c.filter.until)
            .bind($c.scope.organ)
            .bind($c.scope.point)
    };
}
pub(super) use with_activities;

/// Binds the conditions of [`counted_assignments!`].
macro_rules! with_assignments {
    ($query:expr, $c:expr, $now:expr, $measure:expr) => {
        $query
            .bind($c.filter.consultation)
            .bind($c.filter.task)
            .bind($c.filter.point)
            .bind($c.filter.region.as_deref())
            .bind($c.from)
            .bind($c.until)
            .bind($c.scope.organ)
            .bind($c.scope.point)
            .bind($now)
            .bind($measure)
    };
}
pub(super) use with_assignments;
