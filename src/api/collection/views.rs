//! What operations on collection tasks take and give.

use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use crate::accounts::Caller;
use crate::api::day::Day;
use crate::app::App;
use crate::contact_points::assignments::extensions::{self, ExtensionRequest};
use crate::contact_points::assignments::moving::{self, AssignmentEntry};
use crate::contact_points::assignments::own::Shelf;
use crate::contact_points::assignments::{self, Assignment, AssignmentState};
use crate::contact_points::tasks::listing::TaskCounts;
use crate::contact_points::tasks::relays::Relay;
use crate::contact_points::tasks::{Task, TaskState};
use crate::error::Result;
use crate::opinions::offline::batches;

/// Where an assignment stands.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "AssignmentState")]
pub enum AssignmentStateName {
    /// The point has not looked at it
    Sent,
    /// The point has it
    Acknowledged,
    /// Opinions are collected and entered
    Collecting,
    /// The point handed its opinions in
    Submitted,
    /// The bureau gave it back
    Returned,
    /// The bureau took it
    Accepted,
    /// The bureau called it off
    Cancelled,
}

/// Whether a task goes on.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "TaskState")]
pub enum TaskStateName {
    /// It goes on
    Open,
    /// It was called off
    Cancelled,
}

/// Which of its assignments a point looks at.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Shelf")]
pub enum OwnShelfName {
    /// Everything that the point has to do
    Todo,
    /// Not begun
    New,
    /// Being collected
    Collecting,
    /// Given back
    Returned,
    /// Not submitted in time
    Overdue,
    /// Submitted, accepted or cancelled
    Done,
}

/// A task to be sent.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct TaskBody {
    /// The draft whose newest round opinions are collected for
    pub draft_id: Uuid,
    /// Title
    #[oai(validator(max_length = 200))]
    pub title: String,
    /// What the points are asked to do
    #[oai(validator(max_length = 10000))]
    pub instructions: String,
    /// Questions to ask people
    #[oai(default, validator(max_items = 20))]
    pub questions: Vec<String>,
    /// Addresses of provisions of interest, e.g. `art-12/para-2`, in the version that the round asks about
    #[oai(default, validator(max_items = 200))]
    pub addresses: Vec<String>,
    /// The last day in time, taken until 24:00 in Asia/Shanghai; without it the usual day
    #[oai(skip_serializing_if_is_none)]
    pub due_on: Option<Day>,
    /// Contact points that it goes to at once
    #[oai(default, validator(max_items = 500))]
    pub contact_point_ids: Vec<Uuid>,
    /// County organs that pass it on to their points
    #[oai(default, validator(max_items = 100))]
    pub organ_ids: Vec<Uuid>,
}

/// How a task is passed on.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct PassingOnBody {
    /// Contact points of the caller's own organ
    #[oai(validator(min_items = 1, max_items = 500))]
    pub contact_point_ids: Vec<Uuid>,
    /// An earlier due date for them; without it that of the task
    #[oai(skip_serializing_if_is_none)]
    pub due_on: Option<Day>,
    /// What the organ adds for its points
    #[oai(default, validator(max_length = 4000))]
    pub note: String,
}

/// A task that a county organ is asked to pass on.
#[derive(Object)]
pub struct RelayView {
    /// Id
    id: Uuid,
    /// The task
    task_id: Uuid,
    /// Its title
    task_title: String,
    /// Title of the draft
    draft_title: String,
    /// The organ
    organ_id: Uuid,
    /// Its name
    organ_name: String,
    /// The last day in time, as the task was sent
    due_on: Day,
    /// When it was sent
    sent_at: DateTime<Utc>,
    /// What the organ adds for its points
    #[oai(skip_serializing_if = "String::is_empty", default)]
    note: String,
    /// When it was first passed on
    #[oai(skip_serializing_if_is_none)]
    passed_on_at: Option<DateTime<Utc>>,
    /// To how many points
    contact_points: i64,
}

/// A page of tasks to pass on.
#[derive(Object)]
pub struct RelayPageView {
    /// The newest first
    pub items: Vec<RelayView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// What a county organ is asked to pass on, as callers see it.
pub fn relay_view(relay: Relay) -> RelayView {
    RelayView {
        id: relay.id,
        task_id: relay.task_id.0,
        organ_id: relay.organ_id.0,
        due_on: Day(relay.due_on()),
        sent_at: relay.sent_at,
        passed_on_at: relay.passed_on_at,
        contact_points: relay.points,
        task_title: relay.task_title,
        draft_title: relay.draft_title,
        organ_name: relay.organ_name,
        note: relay.note,
    }
}

/// Further points for a task.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct PointsBody {
    /// Contact points; those that have the task already keep what they have
    #[oai(validator(min_items = 1, max_items = 500))]
    pub contact_point_ids: Vec<Uuid>,
}

/// Why something is done.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why; the contact point reads it
    #[oai(validator(max_length = 4000))]
    pub reason: String,
    /// The revision of the assignment that the caller saw; a newer one is a conflict
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "1")))]
    pub revision: Option<i64>,
}

/// A step that needs no reason.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct StepBody {
    /// A remark; a submission without any opinion needs one
    #[oai(default, validator(max_length = 4000))]
    pub reason: String,
    /// The revision of the assignment that the caller saw; a newer one is a conflict
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "1")))]
    pub revision: Option<i64>,
}

/// A request for more time.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct MoreTimeBody {
    /// Last day that is asked for
    pub until: Day,
    /// Why
    #[oai(validator(max_length = 4000))]
    pub reason: String,
}

/// What the bureau decides on a request for more time.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct ExtensionDecisionBody {
    /// Last day that is granted; without it the request is refused
    #[oai(skip_serializing_if_is_none)]
    pub until: Option<Day>,
    /// Why; a refusal needs it
    #[oai(default, validator(max_length = 4000))]
    pub remark: String,
}

/// How many assignments stand in a state.
#[derive(Object)]
pub struct StateCountView {
    /// State
    state: AssignmentStateName,
    /// How many
    count: i64,
}

/// A task.
#[derive(Object)]
pub struct TaskView {
    /// Id
    id: Uuid,
    /// The draft
    draft_id: Uuid,
    /// Its title
    draft_title: String,
    /// The round that opinions are collected for
    consultation_id: Uuid,
    /// Its number
    round: i64,
    /// The version that the round asks about
    version_id: Uuid,
    /// Title
    title: String,
    /// What the points are asked to do
    instructions: String,
    /// Questions to ask people
    questions: Vec<String>,
    /// Addresses of provisions of interest
    addresses: Vec<String>,
    /// The last day in time, as it was sent
    due_on: Day,
    /// First instant that is too late, as it was sent
    due_at: DateTime<Utc>,
    /// First instant that is too late for the round
    round_closes_at: DateTime<Utc>,
    /// Whether it goes on
    state: TaskStateName,
    /// Why it was called off
    #[oai(skip_serializing_if = "String::is_empty", default)]
    cancel_reason: String,
    /// When it was sent
    created_at: DateTime<Utc>,
}

/// A task with how its assignments stand.
#[derive(Object)]
pub struct CountedTaskView {
    /// The task
    task: TaskView,
    /// Assignments by state; states without any are left out
    states: Vec<StateCountView>,
    /// Assignments that should have been submitted
    overdue: i64,
    /// Requests for more time that wait for the bureau
    waiting_extensions: i64,
    /// What is unusual about the due date, in words; empty once it was sent
    #[oai(skip_serializing_if = "Vec::is_empty", default)]
    notices: Vec<String>,
}

/// A page of tasks.
#[derive(Object)]
pub struct TaskPageView {
    /// The newest first
    pub items: Vec<CountedTaskView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// What one contact point does for a task.
#[derive(Object)]
pub struct AssignmentView {
    /// Id
    id: Uuid,
    /// The task
    task_id: Uuid,
    /// Its title
    task_title: String,
    /// The contact point
    contact_point_id: Uuid,
    /// Its name
    contact_point_name: String,
    /// Its city and district
    region: String,
    /// The draft
    draft_id: Uuid,
    /// Its title
    draft_title: String,
    /// The round that opinions are collected for
    consultation_id: Uuid,
    /// The version that the round asks about
    version_id: Uuid,
    /// Where it stands
    state: AssignmentStateName,
    /// Whether opinions may be entered, changed and undone at present
    takes_opinions: bool,
    /// One more with each entry
    revision: i64,
    /// The last day in time
    due_on: Day,
    /// First instant that is too late
    due_at: DateTime<Utc>,
    /// Whether it should have been submitted and was not
    is_overdue: bool,
    /// Whether the first submission came too late
    was_late: bool,
    /// When it was sent
    sent_at: DateTime<Utc>,
    /// When it was first submitted
    #[oai(skip_serializing_if_is_none)]
    first_submitted_at: Option<DateTime<Utc>>,
    /// When it was last submitted
    #[oai(skip_serializing_if_is_none)]
    submitted_at: Option<DateTime<Utc>>,
}

/// One thing that happened to an assignment.
#[derive(Object)]
pub struct AssignmentEntryView {
    /// From 1
    number: i64,
    /// send, acknowledge, start, submit, return, accept, cancel, ask_extension, grant_extension or refuse_extension
    step: String,
    /// Where the assignment stood after it
    state: String,
    /// Why
    reason: String,
    /// Who
    #[oai(skip_serializing_if_is_none)]
    by: Option<String>,
    /// When
    at: DateTime<Utc>,
}

/// A request for more time.
#[derive(Object)]
pub struct ExtensionRequestView {
    /// Id
    id: Uuid,
    /// asked, granted or refused
    state: String,
    /// Last day that is asked for
    asked_until: Day,
    /// Why
    reason: String,
    /// When it was asked
    asked_at: DateTime<Utc>,
    /// Last day that was granted
    #[oai(skip_serializing_if_is_none)]
    granted_until: Option<Day>,
    /// What the bureau says
    #[oai(skip_serializing_if = "String::is_empty", default)]
    remark: String,
    /// When it was decided
    #[oai(skip_serializing_if_is_none)]
    decided_at: Option<DateTime<Utc>>,
}

/// An assignment with its history.
#[derive(Object)]
pub struct AssignmentDetailView {
    /// The assignment
    assignment: AssignmentView,
    /// Its opinions, without those that were withdrawn or undone
    opinions: i64,
    /// Its task
    task: TaskView,
    /// Everything that happened to it, the first thing first
    entries: Vec<AssignmentEntryView>,
    /// Requests for more time, the first one first
    extensions: Vec<ExtensionRequestView>,
    /// Uploaded files that were not committed; a submission loses them. Only for the contact point itself
    #[oai(skip_serializing_if_is_none)]
    open_uploads: Option<i64>,
    /// Committed files with rows that were not, the oldest first; a submission loses these rows. Only for the contact point itself
    #[oai(skip_serializing_if_is_none)]
    left_out: Option<Vec<LeftOutView>>,
}

/// Rows of a committed file that are no opinions yet.
#[derive(Object)]
pub struct LeftOutView {
    /// Name of the file
    name: String,
    /// Rows that can be committed, or have to be corrected first
    rows: i64,
}

/// A page of assignments.
#[derive(Object)]
pub struct AssignmentPageView {
    /// Assignments; never ranked by how much was collected
    pub items: Vec<AssignmentView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// How many assignments lie on a shelf.
#[derive(Object)]
pub struct OwnShelfCountView {
    /// Shelf
    pub shelf: OwnShelfName,
    /// How many
    pub count: i64,
}

/// A task was sent.
#[derive(ApiResponse)]
pub enum SentTask {
    /// Sent, or sent before under the same key
    #[oai(status = 201)]
    Created(Json<CountedTaskView>),
}

/// A request for more time was made.
#[derive(ApiResponse)]
pub enum AskedExtension {
    /// All requests of the assignment, the first one first
    #[oai(status = 201)]
    Created(Json<Vec<ExtensionRequestView>>),
}

/// A task as callers see it.
pub fn task_view(task: Task) -> TaskView {
    TaskView {
        id: task.id.0,
        draft_id: task.draft_id.0,
        consultation_id: task.consultation_id.0,
        round: task.round,
        version_id: task.version_id.0,
        due_on: Day(task.due_on()),
        due_at: task.due_at,
        round_closes_at: task.round_closes_at,
        state: task.state.into(),
        created_at: task.created_at,
        draft_title: task.draft_title,
        title: task.title,
        instructions: task.instructions,
        questions: task.questions,
        addresses: task.addresses,
        cancel_reason: task.cancel_reason,
    }
}

/// A task with its counts.
pub fn counted_view(task: Task, counts: TaskCounts, notices: Vec<String>) -> CountedTaskView {
    CountedTaskView {
        task: task_view(task),
        states: counts.states.into_iter().map(|(state, count)| StateCountView { state: state.into(), count }).collect(),
        overdue: counts.overdue,
        waiting_extensions: counts.extensions,
        notices,
    }
}

/// An assignment as callers see it.
pub fn assignment_view(app: &App, assignment: Assignment) -> AssignmentView {
    AssignmentView {
        id: assignment.id.0,
        task_id: assignment.task_id.0,
        contact_point_id: assignment.contact_point_id.0,
        draft_id: assignment.draft_id.0,
        consultation_id: assignment.consultation_id.0,
        version_id: assignment.version_id.0,
        state: assignment.state.into(),
        takes_opinions: assignment.state.takes_opinions(),
        revision: assignment.revision,
        due_on: Day(assignment.due_on()),
        due_at: assignment.due_at,
        is_overdue: assignment.is_overdue(app.clock.now()),
        was_late: assignment.was_late(),
        sent_at: assignment.sent_at,
        first_submitted_at: assignment.first_submitted_at,
        submitted_at: assignment.submitted_at,
        task_title: assignment.task_title,
        contact_point_name: assignment.point_name,
        region: assignment.point_region,
        draft_title: assignment.draft_title,
    }
}

fn entry_view(entry: AssignmentEntry) -> AssignmentEntryView {
    AssignmentEntryView {
        number: entry.number,
        step: entry.step,
        state: entry.state,
        reason: entry.reason,
        by: entry.by_name,
        at: entry.at,
    }
}

/// A request for more time as callers see it.
pub fn extension_view(request: ExtensionRequest) -> ExtensionRequestView {
    ExtensionRequestView {
        id: request.id,
        state: request.state,
        asked_until: Day(request.asked_until),
        reason: request.reason,
        asked_at: request.asked_at,
        granted_until: request.granted_until.map(Day),
        remark: request.remark,
        decided_at: request.decided_at,
    }
}

/// An assignment that the caller was shown, with its task and history.
pub async fn detail_view(app: &App, assignment: Assignment, task: Task) -> Result<Json<AssignmentDetailView>> {
    let entries = moving::list_entries(&app.db, &assignment).await?;
    let requests = extensions::list_requests(&app.db, &assignment).await?;
    let opinions = assignments::count_opinions(&app.db, assignment.id).await?;
    Ok(Json(AssignmentDetailView {
        opinions,
        assignment: assignment_view(app, assignment),
        task: task_view(task),
        entries: entries.into_iter().map(entry_view).collect(),
        extensions: requests.into_iter().map(extension_view).collect(),
        open_uploads: None,
        left_out: None,
    }))
}

/// As [`detail_view`], for the point itself: also what of its files is no opinion yet.
pub async fn own_detail_view(app: &App, caller: &Caller, assignment: Assignment, task: Task) -> Result<Json<AssignmentDetailView>> {
    let open = batches::count_open(&app.db, caller, assignment.id).await?;
    let left = batches::list_left_out(&app.db, caller, assignment.id).await?;
    let Json(view) = detail_view(app, assignment, task).await?;
    let left = left.into_iter().map(|(name, rows)| LeftOutView { name, rows }).collect();
    Ok(Json(AssignmentDetailView { open_uploads: Some(open), left_out: Some(left), ..view }))
}
