//! 任务分派: what one contact point does for a collection task, from being sent to being accepted.
//!
//! [`AssignmentState::after`] is the only table of moves; `moving.rs` makes them, each with an entry that is never changed, `extensions.rs` gives more time. That
//! an assignment is overdue is no move of anybody: it is read from the clock, and `due.rs` only tells people. `own.rs` is the desk of a point.
//!
//! What staff of a point see and do goes through [`own_point`] and has the point in the WHERE clause of its statement, so that the assignment of
//! another point is exactly an assignment that does not exist.

pub mod due;
pub mod extensions;
pub mod moving;
pub mod own;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, CollectionTaskId, ConsultationId, ContactPointId, DraftId, DraftVersionId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Where an assignment stands.
    AssignmentState {
        /// The point has not looked at it.
        Sent = "sent", "待接收";
        /// The point has it.
        Acknowledged = "acknowledged", "已接收";
        /// Opinions are collected and entered.
        Collecting = "collecting", "征集中";
        /// The point handed its set of opinions in.
        Submitted = "submitted", "已提交";
        /// The bureau gave it back, with a reason.
        Returned = "returned", "退回补正";
        /// The bureau took it.
        Accepted = "accepted", "已验收";
        /// The bureau does not want it any more, with a reason.
        Cancelled = "cancelled", "已取消";
    }
}

text_enum! {
    /// What moves an assignment.
    Step {
        /// The point says that it has it.
        Acknowledge = "acknowledge", "接收任务";
        /// The point begins to collect.
        Start = "start", "开始征集";
        /// The point hands its set of opinions in.
        Submit = "submit", "提交";
        /// The bureau gives it back.
        Return = "return", "退回补正";
        /// The bureau takes it.
        Accept = "accept", "验收通过";
        /// The bureau calls it off.
        Cancel = "cancel", "取消";
    }
}

impl AssignmentState {
    /// The table of moves: the state after a step, or `None` when the step is not allowed.
    pub fn after(self, step: Step) -> Option<AssignmentState> {
        use AssignmentState::*;
        match (self, step) {
            (Sent, Step::Acknowledge) => Some(Acknowledged),
            (Acknowledged, Step::Start) => Some(Collecting),
            (Collecting | Returned, Step::Submit) => Some(Submitted),
            (Submitted, Step::Return) => Some(Returned),
            (Submitted, Step::Accept) => Some(Accepted),
            (Sent | Acknowledged | Collecting | Submitted | Returned, Step::Cancel) => Some(Cancelled),
            _ => None,
        }
    }

    /// Whether opinions may be entered, edited and undone.
    pub fn takes_opinions(self) -> bool {
        matches!(self, AssignmentState::Collecting | AssignmentState::Returned)
    }

    /// Whether the point still has something to do.
    pub fn is_with_point(self) -> bool {
        use AssignmentState::*;
        matches!(self, Sent | Acknowledged | Collecting | Returned)
    }
}

/// What one contact point does for a collection task.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Id.
    pub id: AssignmentId,
    /// The task.
    pub task_id: CollectionTaskId,
    /// The point.
    pub contact_point_id: ContactPointId,
    /// Name of the point.
    pub point_name: String,
    /// City and district of the point.
    pub point_region: String,
    /// Where it stands.
    pub state: AssignmentState,
    /// One more with each entry.
    pub revision: i64,
    /// First instant that is too late.
    pub due_at: DateTime<Utc>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// When it was first submitted: this says whether it was in time.
    pub first_submitted_at: Option<DateTime<Utc>>,
    /// When it was last submitted.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Title of the task.
    pub task_title: String,
    /// The round that opinions are collected for.
    pub consultation_id: ConsultationId,
    /// Number of that round.
    pub round: i64,
    /// First instant of the round.
    pub round_opens_at: DateTime<Utc>,
    /// First instant that is too late for the round.
    pub round_closes_at: DateTime<Utc>,
    /// The draft.
    pub draft_id: DraftId,
    /// Its title.
    pub draft_title: String,
    /// The version that the round asks about.
    pub version_id: DraftVersionId,
}

impl Assignment {
    /// The last day in time.
    pub fn due_on(&self) -> NaiveDate {
        calendar::last_day_before(self.due_at)
    }

    /// Whether the point should have submitted it before this instant and has not, or has it back and has not submitted it again. Whether it was in time is
    /// another question: the first submission answers it.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.state.is_with_point() && self.due_at <= now
    }

    /// Whether the first submission came after the due date.
    pub fn was_late(&self) -> bool {
        self.first_submitted_at.is_some_and(|at| at >= self.due_at)
    }
}

#[derive(FromRow)]
pub(in crate::contact_points) struct AssignmentRow {
    pub(in crate::contact_points) id: AssignmentId,
    task_id: CollectionTaskId,
    contact_point_id: ContactPointId,
    pub(in crate::contact_points) point_name: String,
    pub(in crate::contact_points) point_region: String,
    state: String,
    revision: i64,
    pub(in crate::contact_points) due_at: DateTime<Utc>,
    pub(in crate::contact_points) sent_at: DateTime<Utc>,
    first_submitted_at: Option<DateTime<Utc>>,
    submitted_at: Option<DateTime<Utc>>,
    task_title: String,
    consultation_id: ConsultationId,
    round: i64,
    round_opens_at: DateTime<Utc>,
    round_closes_at: DateTime<Utc>,
    draft_id: DraftId,
    draft_title: String,
    version_id: DraftVersionId,
}

impl AssignmentRow {
    pub(in crate::contact_points) fn into_assignment(self) -> Result<Assignment> {
        Ok(Assignment {
            id: self.id,
            task_id: self.task_id,
            contact_point_id: self.contact_point_id,
            point_name: self.point_name,
            point_region: self.point_region,
            state: AssignmentState::stored(&self.state)?,
            revision: self.revision,
            due_at: self.due_at,
            sent_at: self.sent_at,
            first_submitted_at: self.first_submitted_at,
            submitted_at: self.submitted_at,
            task_title: self.task_title,
            consultation_id: self.consultation_id,
            round: self.round,
            round_opens_at: self.round_opens_at,
            round_closes_at: self.round_closes_at,
            draft_id: self.draft_id,
            draft_title: self.draft_title,
            version_id: self.version_id,
        })
    }
}

/// The columns of an assignment, and the rest of the statement.
macro_rules! select_assignments {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.task_id, a.contact_point_id, p.name AS point_name, p.region AS point_region, a.state, a.revision, a.due_at, a.sent_at,
            a.first_submitted_at, a.submitted_at, t.title AS task_title, t.consultation_id, c.round, c.opens_at AS round_opens_at,
            c.closes_at AS round_closes_at, c.draft_id, d.title AS draft_title, c.version_id
            FROM collection_assignment a JOIN collection_task t ON t.id = a.task_id JOIN contact_point p ON p.id = a.contact_point_id
            JOIN consultation c ON c.id = t.consultation_id JOIN draft d ON d.id = c.draft_id ",
            $rest
        )
    };
}
pub(in crate::contact_points) use select_assignments;

const FIND: &str = select_assignments!("WHERE a.id = $1");
const FIND_OWN: &str = select_assignments!("WHERE a.id = $1 AND a.contact_point_id = $2");
const OPINIONS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id
    WHERE v.assignment_id = $1 AND o.state <> 'withdrawn'";
const HOLD: &str = "UPDATE collection_assignment SET updated_at = updated_at WHERE id = $1";
const HOLD_OWN: &str = "UPDATE collection_assignment SET updated_at = updated_at WHERE id = $1 AND contact_point_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, FIND_OWN, OPINIONS, HOLD, HOLD_OWN];

pub(super) fn absent() -> Error {
    Error::not_found("这项征集任务")
}

/// The point that a member of its staff works for; never taken from a request.
pub fn own_point(caller: &Caller) -> Result<ContactPointId> {
    caller.require(Permission::WorkAtContactPoint)?;
    caller.contact_point.ok_or_else(|| Error::new(Code::NotFound, "您的账号还没有关联到立法基层联系点，请联系司法局的管理员。"))
}

/// An assignment of the caller's own point; "not found" for any other.
pub async fn get_own(db: &Db, caller: &Caller, id: AssignmentId) -> Result<Assignment> {
    let point = own_point(caller)?;
    let row: Option<AssignmentRow> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(id).bind(point).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(absent)?.into_assignment()
}

/// An assignment, for the bureau.
pub async fn get_assignment(db: &Db, caller: &Caller, id: AssignmentId) -> Result<Assignment> {
    caller.require(Permission::ReadCollectionTasks)?;
    let row: Option<AssignmentRow> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(absent)?.into_assignment()
}

/// How many opinions an assignment has that the caller was shown; withdrawn and undone ones are none.
pub async fn count_opinions(db: &Db, id: AssignmentId) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(OPINIONS).bind(id).fetch_one(pool).await).map_err(failed)
}

/// As [`count_opinions`], of a held assignment.
pub(super) async fn count_held_opinions(tx: &mut Tx, held: &Assignment) -> Result<i64> {
    on_tx!(tx, c => sqlx::query_scalar(OPINIONS).bind(held.id).fetch_one(c).await).map_err(failed)
}

/// An assignment of the caller's own point that takes opinions at present, held until the transaction ends: it cannot be submitted, accepted or cancelled past an
/// opinion that is on its way. After [`crate::drafts::hold_draft`] in its transaction.
///
/// # Errors
/// [`Code::NotFound`] for the assignment of another point, [`Code::Conflict`] when it takes none.
pub async fn require_collecting(tx: &mut Tx, caller: &Caller, id: AssignmentId) -> Result<Assignment> {
    let assignment = hold_own(tx, caller, id).await?;
    if assignment.state.takes_opinions() {
        return Ok(assignment);
    }
    let what = match assignment.state {
        AssignmentState::Sent | AssignmentState::Acknowledged => "请先接收任务并开始征集，再录入意见。",
        AssignmentState::Submitted => "意见已经提交司法局，不能再录入、修改或者撤销；需要补正的，请联系司法局退回。",
        _ => "不能再录入、修改或者撤销意见。",
    };
    Err(Error::new(Code::Conflict, format!("这项征集任务目前处于“{}”，{what}", assignment.state.label())))
}

/// An assignment of the caller's own point, held until the transaction ends.
pub(super) async fn hold_own(tx: &mut Tx, caller: &Caller, id: AssignmentId) -> Result<Assignment> {
    let point = own_point(caller)?;
    on_tx!(&mut *tx, c => sqlx::query(HOLD_OWN).bind(id).bind(point).execute(c).await.map(drop)).map_err(failed)?;
    let row: Option<AssignmentRow> =
        on_tx!(tx, c => sqlx::query_as(FIND_OWN).bind(id).bind(point).fetch_optional(c).await).map_err(failed)?;
    row.ok_or_else(absent)?.into_assignment()
}

/// An assignment, held until the transaction ends.
pub(in crate::contact_points) async fn hold(tx: &mut Tx, id: AssignmentId) -> Result<Assignment> {
    on_tx!(&mut *tx, c => sqlx::query(HOLD).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    let row: Option<AssignmentRow> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await).map_err(failed)?;
    row.ok_or_else(absent)?.into_assignment()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_follow_the_table() {
        use AssignmentState::*;
        // One line for each state, one column for each of `Step::ALL`: acknowledge, start, submit, return, accept, cancel.
        let table = [
            (Sent, [Some(Acknowledged), None, None, None, None, Some(Cancelled)]),
            (Acknowledged, [None, Some(Collecting), None, None, None, Some(Cancelled)]),
            (Collecting, [None, None, Some(Submitted), None, None, Some(Cancelled)]),
            (Submitted, [None, None, None, Some(Returned), Some(Accepted), Some(Cancelled)]),
            (Returned, [None, None, Some(Submitted), None, None, Some(Cancelled)]),
            (Accepted, [None; 6]),
            (Cancelled, [None; 6]),
        ];
        assert_eq!(table.map(|(state, _)| state), AssignmentState::ALL);
        for (state, expected) in table {
            let found: Vec<Option<AssignmentState>> = Step::ALL.iter().map(|step| state.after(*step)).collect();
            assert_eq!(found, expected, "{state:?}");
        }
    }

    #[test]
    fn opinions_are_taken_while_the_point_works() {
        for state in AssignmentState::ALL {
            // What takes opinions can be submitted, and the other way round.
            assert_eq!(state.takes_opinions(), state.after(Step::Submit).is_some(), "{state:?}");
            let is_over = matches!(state, AssignmentState::Submitted | AssignmentState::Accepted | AssignmentState::Cancelled);
            assert_eq!(state.is_with_point(), !is_over, "{state:?}");
        }
    }
}
