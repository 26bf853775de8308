//! Operations of the staff of a contact point on its own assignments. The point is the caller's, never one that a request names.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, OpenApi};
use uuid::Uuid;

use super::views::*;
use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::assignments::extensions::ask_extension;
use crate::contact_points::assignments::moving::{NewStep, take_own_step};
use crate::contact_points::assignments::own::{self, Shelf};
use crate::contact_points::assignments::{self, Step};
use crate::contact_points::materials::{self, Material};
use crate::documents::writing::attachment;
use crate::ids::AssignmentId;

async fn moved(app: &App, signed_in: SignedIn, id: Uuid, step: Step, body: StepBody) -> Result<Json<AssignmentView>, Problem> {
    let caller = signed_in.with(Permission::WorkAtContactPoint)?;
    let new = NewStep { step, reason: &body.reason, revision: body.revision };
    let assignment = take_own_step(&app.db, &app.clock, &app.ids, &caller, AssignmentId(id), new).await?;
    Ok(Json(assignment_view(app, assignment)))
}

/// A file to print or to fill in.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "kebab-case", remote = "Material")]
enum MaterialName {
    /// The draft and its explanation (docx)
    Draft,
    /// An empty form with the usual columns (docx)
    Form,
    /// A table with one row for each article (docx)
    WordTable,
    /// The same as a spreadsheet (xlsx)
    Spreadsheet,
}

/// A file.
#[derive(ApiResponse)]
enum MaterialFile {
    /// A docx or xlsx
    #[oai(status = 200, content_type = "application/octet-stream")]
    Made(
        Binary<Vec<u8>>,
        /// Always a download
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

/// The operations.
pub struct OwnAssignmentsApi;

#[OpenApi(tag = "Tag::Collection")]
impl OwnAssignmentsApi {
    /// Assignments of the caller's own contact point: what is due first stands first, of what is done the newest.
    #[oai(path = "/own-point/assignments", method = "get", operation_id = "list_own_assignments")]
    async fn list_own_assignments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Only those on one shelf; without it what is to do
        Query(shelf): Query<Option<OwnShelfName>>,
        /// Assignments on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AssignmentPageView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let shelf = shelf.map_or(Shelf::Todo, Into::into);
        let page = own::list_own(&app.db, &app.clock, &caller, shelf, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|assignment| assignment_view(&app, assignment));
        Ok(Json(AssignmentPageView { items: page.items, next_cursor: page.next }))
    }

    /// How many assignments of the caller's own contact point lie on each shelf.
    #[oai(path = "/own-point/assignment-counts", method = "get", operation_id = "count_own_assignments")]
    async fn count_own_assignments(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<Vec<OwnShelfCountView>>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let counts = own::count_own(&app.db, &app.clock, &caller).await?;
        Ok(Json(counts.into_iter().map(|(shelf, count)| OwnShelfCountView { shelf: shelf.into(), count }).collect()))
    }

    /// An assignment of the caller's own contact point, with its task and history.
    #[oai(path = "/own-point/assignments/:assignment_id", method = "get", operation_id = "get_own_assignment")]
    async fn get_own_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
    ) -> Result<Json<AssignmentDetailView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let assignment = assignments::get_own(&app.db, &caller, assignment_id.into()).await?;
        let task = own::get_own_task(&app.db, &caller, &assignment).await?;
        Ok(own_detail_view(&app, &caller, assignment, task).await?)
    }

    /// Say that the contact point has the task.
    #[oai(path = "/own-point/assignments/:assignment_id/acknowledgement", method = "post", operation_id = "acknowledge_own_assignment")]
    async fn acknowledge_own_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<StepBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        moved(&app, signed_in, assignment_id, Step::Acknowledge, body.0).await
    }

    /// Begin to collect; from then on opinions can be entered.
    #[oai(path = "/own-point/assignments/:assignment_id/start", method = "post", operation_id = "start_own_assignment")]
    async fn start_own_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<StepBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        moved(&app, signed_in, assignment_id, Step::Start, body.0).await
    }

    /// Hand the opinions in, for the first time or after they were given back. Without any opinion a sentence of explanation is needed.
    #[oai(path = "/own-point/assignments/:assignment_id/submission", method = "post", operation_id = "submit_own_assignment")]
    async fn submit_own_assignment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<StepBody>,
    ) -> Result<Json<AssignmentView>, Problem> {
        moved(&app, signed_in, assignment_id, Step::Submit, body.0).await
    }

    /// Ask the bureau for more time; one request waits at a time.
    #[oai(path = "/own-point/assignments/:assignment_id/extensions", method = "post", operation_id = "ask_own_extension")]
    async fn ask_own_extension(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        body: Json<MoreTimeBody>,
    ) -> Result<AskedExtension, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let (until, reason) = (body.0.until.0, body.0.reason);
        let requests = ask_extension(&app.db, &app.clock, &app.ids, &caller, assignment_id.into(), until, &reason).await?;
        Ok(AskedExtension::Created(Json(requests.into_iter().map(extension_view).collect())))
    }

    /// A file to print or to fill in for an assignment of the caller's own contact point: the draft with its explanation, the opinion form, a table with one
    /// row for each article.
    #[oai(path = "/own-point/assignments/:assignment_id/materials/:material", method = "get", operation_id = "get_own_material")]
    async fn get_own_material(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment
        Path(assignment_id): Path<Uuid>,
        /// Which
        Path(material): Path<MaterialName>,
    ) -> Result<MaterialFile, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let bureau = &app.config.bureau_name;
        let (name, bytes) = materials::make_own(&app.db, &app.clock, &caller, bureau, assignment_id.into(), material.into()).await?;
        Ok(MaterialFile::Made(Binary(bytes), attachment(&name)))
    }
}
