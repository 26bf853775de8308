//! Operations of the bureau on collection tasks and what contact points do for them.

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::views::*;
use crate::accounts::{Actor, Caller, Permission};
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::problem::Problem;
use crate::app::App;
use crate::calendar;
use crate::contact_points::assignments::extensions::{Decision, decide_extension};
use crate::contact_points::assignments::moving::{NewStep, take_step};
use crate::contact_points::assignments::{self, Step};
use crate::contact_points::tasks::changing::{add_points, cancel_task};
use crate::contact_points::tasks::days::{due_notices, usual_due_on};
use crate::contact_points::tasks::relays;
use crate::contact_points::tasks::{self, NewTask, listing, send_task};
use crate::drafts::consultations;
use crate::error::{Code, Error};
use crate::ids::{AssignmentId, CollectionTaskId, DraftId};

async fn counted(app: &App, caller: &Caller, id: CollectionTaskId) -> Result<CountedTaskView, Problem> {
    let task = tasks::get_task(&app.db, caller, id).await?;
    let counts = listing::count_assignments(&app.db, &app.clock, id).await?;
    Ok(counted_view(task, counts, Vec::new()))
}

async fn moved(app: &App, caller: &Caller, id: Uuid, step: Step, body: (String, Option<i64>)) -> Result<Json<AssignmentView>, Problem> {
    let new = NewStep { step, reason: &body.0, revision: body.1 };
    let assignment = take_step(&app.db, &app.clock, &app.ids, caller, AssignmentId(id), new).await?;
    Ok(Json(assignment_view(app, assignment)))
}

/// The operations.
pub struct CollectionTasksApi;

#[OpenApi(tag = "Tag::Collection")]
impl CollectionTasksApi {
    /// Send a collection task for the newest round of a draft to contact points. Their staff are told. The answer says what is unusual about the due date.
    #[oai(path = "/collection-tasks", method = "post", operation_id = "send_collection_task")]
    async fn send_collection_task(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Made by the client, one for each task, 8 to 128 characters. Sending the same task again with the same key gives the same task
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<TaskBody>,
    ) -> Result<SentTask, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        let body = body.0;
        let draft = DraftId(body.draft_id);
        let today = app.clock.today();
        let rules = &app.config.rules.calendar;
        let due_on = match body.due_on {
            Some(day) => day.0,
            None => {
                let round = consultations::newest_round(&app.db, draft).await?;
                let round = round.ok_or_else(|| Error::new(Code::NotFound, "没有找到这份草案的征求意见，不能下达征集任务。"))?;
                usual_due_on(rules, today, round.closes_on())
            }
        };
        let new = NewTask {
            draft,
            title: body.title,
            instructions: body.instructions,
            questions: body.questions,
            addresses: body.addresses,
            due_on,
            points: body.contact_point_ids.into_iter().map(Into::into).collect(),
            organs: body.organ_ids.into_iter().map(Into::into).collect(),
        };
        let task = send_task(&app.db, &app.clock, &app.ids, Actor::Person(&caller), Some(&key), new).await?;
        let counts = listing::count_assignments(&app.db, &app.clock, task.id).await?;
        let closes_on = calendar::last_day_before(task.round_closes_at);
        let notices = due_notices(rules, today, task.due_on(), closes_on).into_iter().map(|n| n.sentence()).collect();
        Ok(SentTask::Created(Json(counted_view(task, counts, notices))))
    }

    /// Collection tasks with how their assignments stand, the newest first.
    #[oai(path = "/collection-tasks", method = "get", operation_id = "list_collection_tasks")]
    async fn list_collection_tasks(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Only open or cancelled ones
        Query(state): Query<Option<TaskStateName>>,
        /// Tasks on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<TaskPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let page = listing::list_tasks(&app.db, &app.clock, &caller, state.map(Into::into), cursor.as_deref(), limit as usize).await?;
        let page = page.map(|(task, counts)| counted_view(task, counts, Vec::new()));
        Ok(Json(TaskPageView { items: page.items, next_cursor: page.next }))
    }

    /// A collection task with how its assignments stand.
    #[oai(path = "/collection-tasks/:task_id", method = "get", operation_id = "get_collection_task")]
    async fn get_collection_task(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Task
        Path(task_id): Path<Uuid>,
    ) -> Result<Json<CountedTaskView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        Ok(Json(counted(&app, &caller, task_id.into()).await?))
    }

    /// Assignments of a task by region and name of the contact point.
    #[oai(path = "/collection-tasks/:task_id/assignments", method = "get", operation_id = "list_task_assignments")]
    async fn list_task_assignments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Task
        Path(task_id): Path<Uuid>,
        /// Only those in one state
        Query(state): Query<Option<AssignmentStateName>>,
        /// Assignments on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AssignmentPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let task = tasks::get_task(&app.db, &caller, task_id.into()).await?;
        let state = state.map(Into::into);
        let page = listing::list_assignments(&app.db, &caller, task.id, state, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|assignment| assignment_view(&app, assignment));
        Ok(Json(AssignmentPageView { items: page.items, next_cursor: page.next }))
    }

    /// Send a task to further contact points.
    #[oai(path = "/collection-tasks/:task_id/assignments", method = "post", operation_id = "add_task_assignments")]
    async fn add_task_assignments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Task
        Path(task_id): Path<Uuid>,
        body: Json<PointsBody>,
    ) -> Result<Json<CountedTaskView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        let points: Vec<_> = body.0.contact_point_ids.into_iter().map(Into::into).collect();
        let task = add_points(&app.db, &app.clock, &app.ids, &caller, task_id.into(), &points).await?;
        Ok(Json(counted(&app, &caller, task.id).await?))
    }

    /// Call a task off, with every assignment that is not accepted.
    #[oai(path = "/collection-tasks/:task_id/cancellation", method = "post", operation_id = "cancel_collection_task")]
    async fn cancel_collection_task(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Task
        Path(task_id): Path<Uuid>,
        body: Json<ReasonBody>,
    ) -> Result<Json<CountedTaskView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        let task = cancel_task(&app.db, &app.clock, &app.ids, &caller, task_id.into(), &body.0.reason).await?;
        Ok(Json(counted(&app, &caller, task.id).await?))
    }

    /// County organs that were asked to pass a task on, and what they did.
    #[oai(path = "/collection-tasks/:task_id/relays", method = "get", operation_id = "list_task_relays")]
    async fn list_task_relays(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Task
        Path(task_id): Path<Uuid>,
    ) -> Result<Json<Vec<RelayView>>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let task = tasks::get_task(&app.db, &caller, task_id.into()).await?;
        Ok(Json(relays::list_of_task(&app.db, &caller, task.id).await?.into_iter().map(relay_view).collect()))
    }

    /// Assignments of all tasks that should have been submitted, the longest overdue first.
    #[oai(path = "/assignments/overdue", method = "get", operation_id = "list_overdue_assignments")]
    async fn list_overdue_assignments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignments on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AssignmentPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let page = listing::list_overdue(&app.db, &app.clock, &caller, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|assignment| assignment_view(&app, assignment));
        Ok(Json(AssignmentPageView { items: page.items, next_cursor: page.next }))
    }

    /// What one contact point does for a task, with its history.
    #[oai(path = "/assignments/:assignment_id", method = "get", operation_id = "get_assignment")]
    async fn get_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
    ) -> Result<Json<AssignmentDetailView>, Problem> {
        let caller = signed_in.with(Permission::ReadCollectionTasks)?;
        let assignment = assignments::get_assignment(&app.db, &caller, assignment_id.into()).await?;
        let task = tasks::get_task(&app.db, &caller, assignment.task_id).await?;
        Ok(detail_view(&app, assignment, task).await?)
    }

    /// Give what a contact point submitted back to it, with a reason.
    #[oai(path = "/assignments/:assignment_id/return", method = "post", operation_id = "return_assignment")]
    async fn return_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<ReasonBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        moved(&app, &caller, assignment_id, Step::Return, (body.0.reason, body.0.revision)).await
    }

    /// Accept what a contact point submitted.
    #[oai(path = "/assignments/:assignment_id/acceptance", method = "post", operation_id = "accept_assignment")]
    async fn accept_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<StepBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        moved(&app, &caller, assignment_id, Step::Accept, (body.0.reason, body.0.revision)).await
    }

    /// Call off what one contact point does for a task.
    #[oai(path = "/assignments/:assignment_id/cancellation", method = "post", operation_id = "cancel_assignment")]
    async fn cancel_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<ReasonBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        moved(&app, &caller, assignment_id, Step::Cancel, (body.0.reason, body.0.revision)).await
    }

    /// Grant or refuse a request for more time.
    #[oai(path = "/assignments/:assignment_id/extensions/:extension_id/decision", method = "post", operation_id = "decide_extension")]
    async fn decide_extension(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        /// Request
        Path(extension_id): Path<Uuid>,
        body: Json<ExtensionDecisionBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        let caller = signed_in.with(Permission::ManageCollectionTasks)?;
        let decision = Decision { until: body.0.until.map(|day| day.0), remark: &body.0.remark };
        let assignment = decide_extension(&app.db, &app.clock, &app.ids, &caller, assignment_id.into(), extension_id, decision).await?;
        Ok(Json(assignment_view(&app, assignment)))
    }
}
