//! What happens to a task after it was sent: further points, and calling it off.

use super::days::check_due;
use super::{Task, TaskState, assign, collecting_round, find_task, record};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::Act;
use crate::contact_points::assignments::moving::{NewStep, REASON_CHARACTERS, step};
use crate::contact_points::assignments::{Step, hold};
use crate::drafts::{consultations, hold_draft};
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, Clock, CollectionTaskId, ContactPointId, IdSource};
use crate::on_tx;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};

const HOLD: &str = "UPDATE collection_task SET updated_at = $2 WHERE id = $1";
const STATE: &str = "SELECT state FROM collection_task WHERE id = $1";
const CANCEL: &str = "UPDATE collection_task SET state = 'cancelled', cancel_reason = $2 WHERE id = $1";
const OPEN_ASSIGNMENTS: &str =
    "SELECT id FROM collection_assignment WHERE task_id = $1 AND state NOT IN ('accepted', 'cancelled') ORDER BY id";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[HOLD, STATE, CANCEL, OPEN_ASSIGNMENTS];

/// Holds a task until the transaction ends, and gives its state.
pub(super) async fn hold_task(tx: &mut Tx, clock: &Clock, id: CollectionTaskId) -> Result<TaskState> {
    on_tx!(&mut *tx, c => sqlx::query(HOLD).bind(id).bind(clock.now()).execute(c).await.map(drop)).map_err(failed)?;
    let state: Option<String> = on_tx!(tx, c => sqlx::query_scalar(STATE).bind(id).fetch_optional(c).await).map_err(failed)?;
    TaskState::stored(&state.ok_or_else(|| Error::not_found("这项征集任务"))?)
}

/// Passes when a task goes on.
pub(super) fn require_open(state: TaskState) -> Result<()> {
    match state {
        TaskState::Open => Ok(()),
        TaskState::Cancelled => Err(Error::new(Code::Conflict, "这项征集任务已经取消，不能再改动。")),
    }
}

/// Holds draft and task until the transaction ends, while the task goes on and its round collects; the first thing of a transaction that sends it to more points.
pub(super) async fn hold_collecting(tx: &mut Tx, clock: &Clock, task: &Task) -> Result<()> {
    hold_draft(tx, task.draft_id).await?;
    require_open(hold_task(tx, clock, task.id).await?)?;
    let round = consultations::get_round_in(tx, task.draft_id, task.consultation_id).await?;
    collecting_round(Some(round), clock.now()).map(drop)
}

/// Sends a task to further points; those that have it already keep what they have.
///
/// # Errors
/// [`Code::Conflict`] for a task that was called off or whose due date is over, and when its round does not collect any more.
pub async fn add_points(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    id: CollectionTaskId,
    points: &[ContactPointId],
) -> Result<Task> {
    caller.require(Permission::ManageCollectionTasks)?;
    if points.is_empty() || points.len() > super::MOST_POINTS {
        return Err(Error::invalid("points", format!("请至少选择一个联系点，一次不超过 {} 个。", super::MOST_POINTS)));
    }
    let task = find_task(db, id).await?;
    check_due(task.due_on(), clock.now()).map_err(|_| Error::new(Code::Conflict, "任务的截止日期已过，请下达新的任务。"))?;
    let by = Actor::Person(caller);
    let mut tx = db.begin().await?;
    hold_collecting(&mut tx, clock, &task).await?;
    let mut added = 0;
    for point in points {
        added += i32::from(assign(&mut tx, clock, ids, by, id, &task.title, *point, None, task.due_at).await?.is_some());
    }
    if added > 0 {
        record(&mut tx, clock, by, Act::SendTask, id, &format!("{added} further points")).await?;
        tx.commit().await?;
    }
    find_task(db, id).await
}

/// Calls a task off: every assignment that is not accepted is cancelled with the same reason. Repeating it changes nothing.
pub async fn cancel_task(db: &Db, clock: &Clock, ids: &IdSource, caller: &Caller, id: CollectionTaskId, reason: &str) -> Result<Task> {
    caller.require(Permission::ManageCollectionTasks)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请填写理由，不超过 {REASON_CHARACTERS} 个字，联系点会看到。")));
    }
    let by = Actor::Person(caller);
    let mut tx = db.begin().await?;
    if hold_task(&mut tx, clock, id).await? == TaskState::Cancelled {
        return find_task(db, id).await;
    }
    let open: Vec<AssignmentId> = on_tx!(&mut tx, c => sqlx::query_scalar(OPEN_ASSIGNMENTS).bind(id).fetch_all(c).await).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(CANCEL).bind(id).bind(reason).execute(c).await.map(drop)).map_err(failed)?;
    for assignment in open {
        let held = hold(&mut tx, assignment).await?;
        // Another one may have accepted it since it was listed.
        if held.state.after(Step::Cancel).is_some() {
            step(&mut tx, clock, ids, by, held, NewStep { step: Step::Cancel, reason, revision: None }).await?;
        }
    }
    record(&mut tx, clock, by, Act::CancelTask, id, "").await?;
    tx.commit().await?;
    find_task(db, id).await
}
