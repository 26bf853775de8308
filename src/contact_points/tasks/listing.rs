//! What the bureau sees of its tasks: the list with counts by state, the assignments of one task, everything that is overdue.
//!
//! Points stand in the order of their region and name, never by how much they collect (国办函〔2026〕12号).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Task, TaskRow, select_tasks};
use crate::accounts::{Caller, Permission};
use crate::contact_points::assignments::{Assignment, AssignmentRow, AssignmentState, select_assignments};
use crate::error::Result;
use crate::ids::{AssignmentId, Clock, CollectionTaskId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};

/// How the assignments of a task stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Assignments in each state that has any, in the order of [`AssignmentState::ALL`].
    pub states: Vec<(AssignmentState, i64)>,
    /// Those that should have been submitted.
    pub overdue: i64,
    /// Requests for more time that wait for the bureau.
    pub extensions: i64,
}

impl TaskCounts {
    /// How many there are in all.
    pub fn total(&self) -> i64 {
        self.states.iter().map(|(_, n)| n).sum()
    }

    /// How many are in a state.
    pub fn of(&self, state: AssignmentState) -> i64 {
        self.states.iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| *n)
    }
}

#[derive(FromRow)]
struct CountRow {
    task_id: CollectionTaskId,
    state: String,
    number: i64,
    overdue: i64,
    extensions: i64,
}

const LIST: &str = select_tasks!(
    "WHERE (t.state = $1 OR $1 IS NULL) AND ((t.created_at, t.id) < ($2, $3) OR $2 IS NULL) ORDER BY t.created_at DESC, t.id DESC LIMIT $4"
);
const COUNT: &str = "SELECT a.task_id, a.state, CAST(COUNT(*) AS BIGINT) AS number,
    CAST(COUNT(*) FILTER (WHERE a.due_at <= $3 AND a.state IN ('sent', 'acknowledged', 'collecting', 'returned')) AS BIGINT) AS overdue,
    CAST(COUNT(x.id) AS BIGINT) AS extensions
    FROM collection_assignment a JOIN collection_task t ON t.id = a.task_id
    LEFT JOIN extension_request x ON x.assignment_id = a.id AND x.state = 'asked'
    WHERE (t.created_at, t.id) >= ($1, $4) AND (t.created_at, t.id) <= ($2, $5) GROUP BY a.task_id, a.state";
const COUNT_ONE: &str = "SELECT a.task_id, a.state, CAST(COUNT(*) AS BIGINT) AS number,
    CAST(COUNT(*) FILTER (WHERE a.due_at <= $2 AND a.state IN ('sent', 'acknowledged', 'collecting', 'returned')) AS BIGINT) AS overdue,
    CAST(COUNT(x.id) AS BIGINT) AS extensions
    FROM collection_assignment a LEFT JOIN extension_request x ON x.assignment_id = a.id AND x.state = 'asked'
    WHERE a.task_id = $1 GROUP BY a.task_id, a.state";
const ASSIGNMENTS: &str = select_assignments!(
    "WHERE a.task_id = $1 AND (a.state = $2 OR $2 IS NULL) AND ((p.region, p.name, a.id) > ($3, $4, $5) OR $3 IS NULL) ORDER BY p.region, p.name, a.id LIMIT $6"
);
const OVERDUE: &str = select_assignments!(
    "WHERE a.state IN ('sent', 'acknowledged', 'collecting', 'returned') AND a.due_at <= $1
    AND ((a.due_at, a.id) > ($2, $3) OR $2 IS NULL) ORDER BY a.due_at, a.id LIMIT $4"
);
const COUNT_OPINIONS: &str =
    "SELECT v.assignment_id, CAST(COUNT(*) AS BIGINT) FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id
    JOIN collection_assignment a ON a.id = v.assignment_id WHERE a.task_id = $1 AND o.state <> 'withdrawn' GROUP BY v.assignment_id";
const COUNT_OVERDUE: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM collection_assignment
    WHERE state IN ('sent', 'acknowledged', 'collecting', 'returned') AND due_at <= $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, COUNT, COUNT_ONE, ASSIGNMENTS, OVERDUE, COUNT_OPINIONS, COUNT_OVERDUE];

fn wanted(limit: usize) -> i64 {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)
}

/// Tasks with how their assignments stand, the newest first; `state` narrows to open or cancelled ones.
pub async fn list_tasks(
    db: &Db,
    clock: &Clock,
    caller: &Caller,
    state: Option<super::TaskState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<(Task, TaskCounts)>> {
    caller.require(Permission::ReadCollectionTasks)?;
    let after: Option<(DateTime<Utc>, CollectionTaskId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let rows: Vec<TaskRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(state.map(super::TaskState::as_str)).bind(at).bind(id).bind(wanted(limit)).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.created_at, row.id));
    let tasks = page.items.into_iter().map(TaskRow::into_task).collect::<Result<Vec<_>>>()?;
    let mut counts: HashMap<CollectionTaskId, TaskCounts> = HashMap::new();
    if let (Some(newest), Some(oldest)) = (tasks.first(), tasks.last()) {
        let rows: Vec<CountRow> = on_db!(db, pool => sqlx::query_as(COUNT)
            .bind(oldest.created_at).bind(newest.created_at).bind(clock.now()).bind(oldest.id).bind(newest.id).fetch_all(pool).await)
        .map_err(failed)?;
        for row in rows {
            add(counts.entry(row.task_id).or_default(), row)?;
        }
    }
    let items = tasks.into_iter().map(|task| {
        let mut counts = counts.remove(&task.id).unwrap_or_default();
        counts.states.sort();
        (task, counts)
    });
    Ok(Page { items: items.collect(), next: page.next })
}

fn add(counts: &mut TaskCounts, row: CountRow) -> Result<()> {
    counts.states.push((AssignmentState::stored(&row.state)?, row.number));
    counts.overdue += row.overdue;
    counts.extensions += row.extensions;
    Ok(())
}

/// How the assignments of one task stand. Whoever asks was shown the task.
pub async fn count_assignments(db: &Db, clock: &Clock, task: CollectionTaskId) -> Result<TaskCounts> {
    let rows: Vec<CountRow> =
        on_db!(db, pool => sqlx::query_as(COUNT_ONE).bind(task).bind(clock.now()).fetch_all(pool).await).map_err(failed)?;
    let mut counts = TaskCounts::default();
    for row in rows {
        add(&mut counts, row)?;
    }
    counts.states.sort();
    Ok(counts)
}

/// Assignments of a task by region and name of the point.
pub async fn list_assignments(
    db: &Db,
    caller: &Caller,
    task: CollectionTaskId,
    state: Option<AssignmentState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Assignment>> {
    caller.require(Permission::ReadCollectionTasks)?;
    let after: Option<(String, String, AssignmentId)> = cursor.map(decode_cursor).transpose()?;
    let (region, name, id) = after.map_or((None, None, None), |(region, name, id)| (Some(region), Some(name), Some(id)));
    let rows: Vec<AssignmentRow> = on_db!(db, pool => sqlx::query_as(ASSIGNMENTS)
        .bind(task).bind(state.map(AssignmentState::as_str)).bind(&region).bind(&name).bind(id).bind(wanted(limit)).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.point_region.clone(), row.point_name.clone(), row.id));
    let items = page.items.into_iter().map(AssignmentRow::into_assignment).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next })
}

/// Assignments of all tasks that should have been submitted, the longest overdue first.
pub async fn list_overdue(db: &Db, clock: &Clock, caller: &Caller, cursor: Option<&str>, limit: usize) -> Result<Page<Assignment>> {
    caller.require(Permission::ReadCollectionTasks)?;
    let after: Option<(DateTime<Utc>, AssignmentId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let rows: Vec<AssignmentRow> =
        on_db!(db, pool => sqlx::query_as(OVERDUE).bind(clock.now()).bind(at).bind(id).bind(wanted(limit)).fetch_all(pool).await)
            .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.due_at, row.id));
    let items = page.items.into_iter().map(AssignmentRow::into_assignment).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next })
}

/// How many assignments of all tasks should have been submitted.
pub async fn count_overdue(db: &Db, clock: &Clock, caller: &Caller) -> Result<i64> {
    caller.require(Permission::ReadCollectionTasks)?;
    on_db!(db, pool => sqlx::query_scalar(COUNT_OVERDUE).bind(clock.now()).fetch_one(pool).await).map_err(failed)
}

/// How many opinions each assignment of a task has; those without any are left out, and so are withdrawn and undone opinions.
pub async fn count_opinions(db: &Db, caller: &Caller, task: CollectionTaskId) -> Result<HashMap<AssignmentId, i64>> {
    caller.require(Permission::ReadCollectionTasks)?;
    let counts: Vec<(AssignmentId, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_OPINIONS).bind(task).fetch_all(pool).await).map_err(failed)?;
    Ok(counts.into_iter().collect())
}
