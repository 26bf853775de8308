//! The desk of a contact point: its own assignments, on shelves.

use chrono::{DateTime, Utc};

use super::{Assignment, AssignmentRow, own_point, select_assignments};
use crate::accounts::Caller;
use crate::contact_points::tasks::{self, Task};
use crate::error::Result;
use crate::ids::{AssignmentId, Clock};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, text_enum};

text_enum! {
    /// Which of its assignments a point looks at.
    Shelf {
        /// Everything that it has to do.
        Todo = "todo", "待办";
        /// Not begun.
        New = "new", "新任务";
        /// Being collected.
        Collecting = "collecting", "征集中";
        /// Given back.
        Returned = "returned", "退回补正";
        /// Not submitted, or not submitted again, in time.
        Overdue = "overdue", "已逾期";
        /// Submitted, accepted or cancelled.
        Done = "done", "已提交和办结";
    }
}

const LIST: &str = select_assignments!(
    "WHERE a.contact_point_id = $1 AND a.state IN ('sent', 'acknowledged', 'collecting', 'returned')
    AND ($2 = 'todo' OR ($2 = 'new' AND a.state IN ('sent', 'acknowledged')) OR ($2 = 'collecting' AND a.state = 'collecting')
        OR ($2 = 'returned' AND a.state = 'returned') OR ($2 = 'overdue' AND a.due_at <= $3))
    AND ((a.due_at, a.id) > ($4, $5) OR $4 IS NULL) ORDER BY a.due_at, a.id LIMIT $6"
);
const LIST_DONE: &str = select_assignments!(
    "WHERE a.contact_point_id = $1 AND a.state IN ('submitted', 'accepted', 'cancelled')
    AND ((a.sent_at, a.id) < ($2, $3) OR $2 IS NULL) ORDER BY a.sent_at DESC, a.id DESC LIMIT $4"
);
const COUNT: &str = "SELECT CAST(COUNT(*) FILTER (WHERE state IN ('sent', 'acknowledged', 'collecting', 'returned')) AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state IN ('sent', 'acknowledged')) AS BIGINT), CAST(COUNT(*) FILTER (WHERE state = 'collecting') AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state = 'returned') AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state IN ('sent', 'acknowledged', 'collecting', 'returned') AND due_at <= $2) AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state IN ('submitted', 'accepted', 'cancelled')) AS BIGINT)
    FROM collection_assignment WHERE contact_point_id = $1";
const WORK: &str =
    "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(people_present), 0) AS BIGINT), CAST(COALESCE(SUM(people_reached), 0) AS BIGINT)
    FROM collection_activity WHERE assignment_id = $1 AND contact_point_id = $2";
const UPLOADED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id
    WHERE v.assignment_id = $1 AND v.contact_point_id = $2 AND v.batch_id IS NOT NULL AND o.state <> 'withdrawn'";
const NOTE: &str =
    "SELECT r.note FROM collection_relay r JOIN collection_assignment a ON a.relay_id = r.id WHERE a.id = $1 AND a.contact_point_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, LIST_DONE, COUNT, WORK, UPLOADED, NOTE];

/// The assignments of the caller's point on one shelf: what is due first stands first, of what is done the newest.
pub async fn list_own(
    db: &Db,
    clock: &Clock,
    caller: &Caller,
    shelf: Shelf,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Assignment>> {
    let point = own_point(caller)?;
    let after: Option<(DateTime<Utc>, AssignmentId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<AssignmentRow> = if shelf == Shelf::Done {
        on_db!(db, pool => sqlx::query_as(LIST_DONE).bind(point).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    } else {
        on_db!(db, pool => sqlx::query_as(LIST)
            .bind(point).bind(shelf.as_str()).bind(clock.now()).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    }
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (if shelf == Shelf::Done { row.sent_at } else { row.due_at }, row.id));
    let items = page.items.into_iter().map(AssignmentRow::into_assignment).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next })
}

/// How many assignments of the caller's point lie on each shelf, in the order of [`Shelf::ALL`].
pub async fn count_own(db: &Db, clock: &Clock, caller: &Caller) -> Result<Vec<(Shelf, i64)>> {
    let point = own_point(caller)?;
    let counts: (i64, i64, i64, i64, i64, i64) =
        on_db!(db, pool => sqlx::query_as(COUNT).bind(point).bind(clock.now()).fetch_one(pool).await).map_err(failed)?;
    let counts = [counts.0, counts.1, counts.2, counts.3, counts.4, counts.5];
    Ok(Shelf::ALL.iter().copied().zip(counts).collect())
}

/// The task of an assignment of the caller's own point.
pub async fn get_own_task(db: &Db, caller: &Caller, assignment: &Assignment) -> Result<Task> {
    // An assignment is only ever given to its own point, and so is its task.
    let own = super::get_own(db, caller, assignment.id).await?;
    tasks::find_task(db, own.task_id).await
}

/// What the county organ added when it passed the task on; empty when nothing, or when the task came from the bureau itself.
pub async fn get_own_note(db: &Db, caller: &Caller, id: AssignmentId) -> Result<String> {
    let point = own_point(caller)?;
    let note: Option<String> =
        on_db!(db, pool => sqlx::query_scalar(NOTE).bind(id).bind(point).fetch_optional(pool).await).map_err(failed)?;
    Ok(note.unwrap_or_default())
}

/// What a point did for an assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Opinions, without those that were withdrawn or undone.
    pub opinions: i64,
    /// Of these, what came from uploaded files; the others were entered one by one.
    pub uploaded: i64,
    /// Activities.
    pub activities: i64,
    /// People present at all of them together.
    pub people_present: i64,
    /// People reached by all of them together.
    pub people_reached: i64,
}

/// What the caller's own point did for an assignment.
pub async fn count_work(db: &Db, caller: &Caller, id: AssignmentId) -> Result<Work> {
    let point = own_point(caller)?;
    let (activities, people_present, people_reached): (i64, i64, i64) =
        on_db!(db, pool => sqlx::query_as(WORK).bind(id).bind(point).fetch_one(pool).await).map_err(failed)?;
    let opinions = super::count_opinions(db, id).await?;
    let uploaded: i64 = on_db!(db, pool => sqlx::query_scalar(UPLOADED).bind(id).bind(point).fetch_one(pool).await).map_err(failed)?;
    Ok(Work { opinions, uploaded, activities, people_present, people_reached })
}
