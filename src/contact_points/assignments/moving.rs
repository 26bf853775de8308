//! The moves of an assignment: each in one transaction with its entry, its audit entry and what it tells others.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Assignment, AssignmentState, Step, count_held_opinions, hold, hold_own, own_point};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, AssignmentId, Clock, ContactPointId, IdSource};
use crate::notifications::{self, Event};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Longest reason, in characters.
pub const REASON_CHARACTERS: usize = 2_000;

/// One thing that happened to an assignment.
#[derive(Clone, Debug, FromRow)]
pub struct AssignmentEntry {
    /// From 1.
    pub number: i64,
    /// Canonical name of what happened: `send`, a [`Step`], or what was done about an extension.
    pub step: String,
    /// Canonical name of the state after it.
    pub state: String,
    /// Why, in the words of who did it; may be empty.
    pub reason: String,
    /// Name of who did it; `None` for the installation itself.
    pub by_name: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl AssignmentEntry {
    /// What happened, as a page shows it.
    pub fn label(&self) -> &'static str {
        match self.step.as_str() {
            "send" => "下达任务",
            "ask_extension" => "申请延期",
            "grant_extension" => "同意延期",
            "refuse_extension" => "不同意延期",
            step => Step::parse(step).map_or("其他", Step::label),
        }
    }
}

const INSERT_ENTRY: &str =
    "INSERT INTO assignment_entry (assignment_id, number, step, state, reason, account_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const MOVE: &str = "UPDATE collection_assignment SET state = $2, revision = $3, updated_at = $4 WHERE id = $1";
const MARK_SUBMITTED: &str =
    "UPDATE collection_assignment SET submitted_at = $2, first_submitted_at = COALESCE(first_submitted_at, $2) WHERE id = $1";
const LIST: &str = "SELECT e.number, e.step, e.state, e.reason, b.display_name AS by_name, e.at FROM assignment_entry e
    LEFT JOIN account b ON b.id = e.account_id WHERE e.assignment_id = $1 ORDER BY e.number";
const LAST_REASON: &str = "SELECT reason FROM assignment_entry WHERE assignment_id = $1 AND number = $2";
const STAFF_OF_POINT: &str = "SELECT id FROM account WHERE contact_point_id = $1 AND role = 'point_staff' AND is_active ORDER BY id";
// Who sent the task; when that account is closed, everybody who could have.
const SENDERS: &str = "SELECT s.id FROM collection_task t JOIN account s ON s.id = t.created_by WHERE t.id = $1 AND s.is_active
    UNION SELECT b.id FROM collection_task t JOIN account b ON b.role IN ('handler', 'administrator') AND b.is_active WHERE t.id = $1
    AND NOT EXISTS (SELECT 1 FROM account s WHERE s.id = t.created_by AND s.is_active) ORDER BY 1";

// The table belongs to `opinions`; only its state is asked for.
const COUNT_COMMITTING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM upload_batch WHERE assignment_id = $1 AND state = 'committing'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT_ENTRY, MOVE, MARK_SUBMITTED, LIST, LAST_REASON, STAFF_OF_POINT, SENDERS, COUNT_COMMITTING];

/// A move that somebody makes.
#[derive(Clone, Copy, Debug)]
pub struct NewStep<'a> {
    /// Which.
    pub step: Step,
    /// Why; a return, a cancellation, and a submission without any opinion need it.
    pub reason: &'a str,
    /// The revision that the person saw; `None` = whatever it is.
    pub revision: Option<i64>,
}

/// Makes a move of the point: acknowledge, start, submit. The same move again changes nothing.
///
/// # Errors
/// [`Code::NotFound`] for the assignment of another point, [`Code::Conflict`] when its state does not allow the move.
pub async fn take_own_step(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    id: AssignmentId,
    new: NewStep<'_>,
) -> Result<Assignment> {
    own_point(caller)?;
    if !matches!(new.step, Step::Acknowledge | Step::Start | Step::Submit) {
        return Err(Error::new(Code::Forbidden, "这一步由司法局办理。"));
    }
    let mut tx = db.begin().await?;
    let held = hold_own(&mut tx, caller, id).await?;
    if new.step == Step::Submit && new.reason.trim().is_empty() && count_held_opinions(&mut tx, &held).await? == 0 {
        return Err(Error::invalid("reason", "还没有录入意见。确实没有征集到意见的，请写一句说明（例如开展了哪些工作）再提交。"));
    }
    if new.step == Step::Submit && held.state.takes_opinions() {
        let committing: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_COMMITTING).bind(id).fetch_one(c).await).map_err(failed)?;
        if committing > 0 {
            let sentence = "有一批意见正在导入，或者导入中断了；请等它完成（中断的请点“继续”或者撤销），再提交。";
            return Err(Error::new(Code::Conflict, sentence));
        }
    }
    step(&mut tx, clock, ids, Actor::Person(caller), held, new).await?;
    tx.commit().await?;
    super::get_own(db, caller, id).await
}

/// Makes a move of the bureau: return, accept, cancel. The same move again changes nothing.
pub async fn take_step(db: &Db, clock: &Clock, ids: &IdSource, caller: &Caller, id: AssignmentId, new: NewStep<'_>) -> Result<Assignment> {
    caller.require(Permission::ManageCollectionTasks)?;
    if !matches!(new.step, Step::Return | Step::Accept | Step::Cancel) {
        return Err(Error::new(Code::Forbidden, "这一步由联系点办理。"));
    }
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, id).await?;
    step(&mut tx, clock, ids, Actor::Person(caller), held, new).await?;
    tx.commit().await?;
    super::get_assignment(db, caller, id).await
}

/// Makes a move of a held assignment, in the transaction that holds it; says whether it changed anything.
pub(in crate::contact_points) async fn step(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    held: Assignment,
    new: NewStep<'_>,
) -> Result<bool> {
    let reason = new.reason.trim();
    let needs_reason = matches!(new.step, Step::Return | Step::Cancel);
    if (needs_reason && reason.is_empty()) || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请填写理由，不超过 {REASON_CHARACTERS} 个字，联系点会看到。")));
    }
    if is_repetition(tx, &held, new.step, reason).await? {
        return Ok(false);
    }
    let state = held
        .state
        .after(new.step)
        .ok_or_else(|| Error::new(Code::Conflict, format!("这项征集任务目前处于“{}”，不能{}。", held.state.label(), new.step.label())))?;
    if new.revision.is_some_and(|seen| seen != held.revision) {
        return Err(Error::new(Code::Conflict, "这项征集任务刚刚有了新的变化，请刷新页面，看过之后再操作。"));
    }
    let now = clock.now();
    write_entry(tx, clock, &held, new.step.as_str(), state, reason, by.account_id()).await?;
    if state == AssignmentState::Submitted {
        on_tx!(&mut *tx, c => sqlx::query(MARK_SUBMITTED).bind(held.id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    }
    let event = match new.step {
        Step::Acknowledge | Step::Start => None,
        Step::Submit => Some(Event::AssignmentSubmitted),
        Step::Return => Some(Event::AssignmentReturned),
        Step::Accept => Some(Event::AssignmentAccepted),
        Step::Cancel => Some(Event::AssignmentCancelled),
    };
    match event {
        None => {}
        Some(event @ Event::AssignmentSubmitted) => tell_bureau(tx, clock, ids, &held, event).await?,
        Some(event) => tell_point(tx, clock, ids, &held, event).await?,
    }
    let act = match new.step {
        Step::Acknowledge | Step::Start => Act::TakeUpAssignment,
        Step::Submit => Act::SubmitAssignment,
        Step::Return => Act::ReturnAssignment,
        Step::Accept => Act::AcceptAssignment,
        Step::Cancel => Act::CancelAssignment,
    };
    record(tx, clock, by, act, held.id, new.step.as_str()).await?;
    Ok(true)
}

/// Whether the last entry is the same move with the same words, and nothing came after it.
async fn is_repetition(tx: &mut Tx, held: &Assignment, step: Step, reason: &str) -> Result<bool> {
    use AssignmentState::*;
    let result = match step {
        Step::Acknowledge => Acknowledged,
        Step::Start => Collecting,
        Step::Submit => Submitted,
        Step::Return => Returned,
        Step::Accept => Accepted,
        Step::Cancel => Cancelled,
    };
    if held.state != result {
        return Ok(false);
    }
    let last: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(LAST_REASON).bind(held.id).bind(held.revision).fetch_optional(c).await).map_err(failed)?;
    Ok(last.is_some_and(|last| last == reason))
}

/// Writes the next entry of a held assignment and its state.
pub(in crate::contact_points) async fn write_entry(
    tx: &mut Tx,
    clock: &Clock,
    held: &Assignment,
    step: &str,
    state: AssignmentState,
    reason: &str,
    by: Option<AccountId>,
) -> Result<()> {
    let (now, revision) = (clock.now(), held.revision + 1);
    insert_entry(tx, held.id, revision, step, state, reason, by, now).await?;
    on_tx!(tx, c => sqlx::query(MOVE).bind(held.id).bind(state.as_str()).bind(revision).bind(now).execute(c).await.map(drop))
        .map_err(failed)
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(in crate::contact_points) async fn insert_entry(
    tx: &mut Tx,
    id: AssignmentId,
    number: i64,
    step: &str,
    state: AssignmentState,
    reason: &str,
    by: Option<AccountId>,
    at: DateTime<Utc>,
) -> Result<()> {
    on_tx!(tx, c => sqlx::query(INSERT_ENTRY)
        .bind(id).bind(number).bind(step).bind(state.as_str()).bind(reason).bind(by).bind(at).execute(c).await.map(drop))
    .map_err(failed)
}

/// Everything that happened to an assignment that the caller was shown, the first thing first.
pub async fn list_entries(db: &Db, assignment: &Assignment) -> Result<Vec<AssignmentEntry>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(assignment.id).fetch_all(pool).await).map_err(failed)
}

/// What a message names.
pub(in crate::contact_points) fn about(held: &Assignment) -> String {
    format!("“{}”", held.task_title)
}

/// Tells every member of the staff of a point.
pub(in crate::contact_points) async fn tell_point(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    held: &Assignment,
    event: Event,
) -> Result<()> {
    let staff = staff_of(tx, held.contact_point_id).await?;
    let told: Vec<_> = staff.into_iter().map(|to| (to, held.id.0, about(held))).collect();
    notifications::announce_all(tx, clock, ids, event, &told).await
}

/// Tells who sent the task.
pub(in crate::contact_points) async fn tell_bureau(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    held: &Assignment,
    event: Event,
) -> Result<()> {
    let senders: Vec<AccountId> =
        on_tx!(&mut *tx, c => sqlx::query_scalar(SENDERS).bind(held.task_id).fetch_all(c).await).map_err(failed)?;
    let about = format!("{}（{}）", about(held), held.point_name);
    let told: Vec<_> = senders.into_iter().map(|to| (to, held.id.0, about.clone())).collect();
    notifications::announce_all(tx, clock, ids, event, &told).await
}

/// The open accounts that work for a point.
pub(in crate::contact_points) async fn staff_of(tx: &mut Tx, point: ContactPointId) -> Result<Vec<AccountId>> {
    on_tx!(tx, c => sqlx::query_scalar(STAFF_OF_POINT).bind(point).fetch_all(c).await).map_err(failed)
}

/// Writes the audit entry of an act on an assignment; last in its transaction.
pub(in crate::contact_points) async fn record(
    tx: &mut Tx,
    clock: &Clock,
    by: Actor<'_>,
    act: Act,
    id: AssignmentId,
    detail: &str,
) -> Result<()> {
    let entry = NewEntry { account_id: by.account_id(), act, subject: "assignment", subject_id: Some(id.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
