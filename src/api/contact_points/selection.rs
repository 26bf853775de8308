//! 遴选: the selection of contact points. Everybody sees public calls and their outcome and may apply; staff write, score and decide.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object, OpenApi};
use uuid::Uuid;

use super::managing::{HostKindName, TermBody};
use crate::accounts::{Caller, Permission};
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::day::Day;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::selection::applying::{self, Application, ApplicationState, NewApplication, NewDocument};
use crate::contact_points::selection::calls::{self, Criterion, NewCall, SelectionCall};
use crate::contact_points::selection::deciding::{self, Outcome};
use crate::contact_points::selection::scoring::{self, Score};
use crate::error::{Error, Result};
use crate::ids::{SelectionApplicationId, SelectionDocumentId};

/// What applications are scored by.
#[derive(Object)]
#[oai(rename = "Criterion", deny_unknown_fields)]
struct CriterionBody {
    /// Name
    name: String,
    /// What is looked at
    #[oai(default)]
    explanation: String,
    /// Most points: 1 to 1000
    maximum: i64,
}

/// A call for contact points.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CallBody {
    /// Title
    title: String,
    /// Who may apply, what for, with which documents
    notice: String,
    /// Criteria, in order
    #[oai(validator(max_items = 50))]
    criteria: Vec<CriterionBody>,
    /// First day on which applications are taken
    opens_on: Day,
    /// Last day; they are taken until its 24:00 in Asia/Shanghai
    closes_on: Day,
}

impl From<CallBody> for NewCall {
    fn from(body: CallBody) -> Self {
        let criterion = |c: CriterionBody| Criterion { name: c.name, explanation: c.explanation, maximum: c.maximum };
        NewCall {
            title: body.title,
            notice: body.notice,
            criteria: body.criteria.into_iter().map(criterion).collect(),
            opens_on: body.opens_on.0,
            closes_on: body.closes_on.0,
        }
    }
}

/// A change of a call that is not public yet.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CallChangeBody {
    /// Revision that the person saw
    revision: i64,
    /// What it says from now on
    call: CallBody,
}

/// The revision of a call that the person saw.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CallRevisionBody {
    /// Revision
    revision: i64,
}

/// Giving a call up.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CallWithdrawalBody {
    /// Revision that the person saw
    revision: i64,
    /// Why; public where the call was
    reason: String,
}

/// A call for contact points.
#[derive(Object)]
struct CallView {
    /// Id
    id: Uuid,
    /// Title
    title: String,
    /// Who may apply, what for, with which documents
    notice: String,
    /// What applications are scored by
    criteria: Vec<CriterionBody>,
    /// First day on which applications are taken
    opens_on: Day,
    /// Last day; they are taken until its 24:00 in Asia/Shanghai
    closes_on: Day,
    /// preparing, upcoming, open, closed, decided or withdrawn
    phase: String,
    /// The same in Chinese
    phase_label: String,
    /// What is said with the outcome, or why it was given up
    result_notice: String,
    /// One more with each change
    revision: i64,
    /// When it became public
    #[oai(skip_serializing_if_is_none)]
    published_at: Option<DateTime<Utc>>,
    /// When the outcome became public
    #[oai(skip_serializing_if_is_none)]
    decided_at: Option<DateTime<Utc>>,
}

/// One page of calls.
#[derive(Object)]
struct CallPageView {
    /// Calls, those that end last first
    items: Vec<CallView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A unit in the public outcome.
#[derive(Object)]
struct OutcomeUnitView {
    /// Name of the unit
    unit_name: String,
    /// City and district
    region: String,
    /// The contact point that it became
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
}

/// One page of the public outcome.
#[derive(Object)]
struct OutcomePageView {
    /// Units by name; there is no ranking
    items: Vec<OutcomeUnitView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// Which part of the outcome.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
enum OutcomeName {
    /// 入选
    Selected,
    /// 未入选
    NotSelected,
}

/// Where an application stands.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ApplicationState")]
enum ApplicationStateName {
    /// 已提交
    Submitted,
    /// 已撤回
    Withdrawn,
    /// 入选
    Selected,
    /// 未入选
    NotSelected,
}

/// An application to become a contact point.
#[derive(Debug, Multipart)]
struct ApplicationForm {
    /// Name of the unit: 1 to 100 characters
    unit_name: String,
    /// community, association, law_firm, university, village, company or other
    host_kind: HostKindName,
    /// City and district
    region: String,
    /// Where it is
    address: String,
    /// Who they are
    introduction: String,
    /// How they would collect opinions
    #[oai(default)]
    plan: String,
    /// Contact person; kept sealed
    contact_name: String,
    /// Their telephone number; kept sealed
    contact_phone: String,
    /// Documents, or none: pictures, PDF, docx without macros
    documents: Vec<Upload>,
}

/// The receipt of an application.
#[derive(Object)]
struct ApplicationReceiptView {
    /// Number
    number: String,
    /// The code under which the application is looked up and taken back; it is shown with the receipt only
    lookup_code: String,
    /// When it came
    submitted_at: DateTime<Utc>,
}

/// An application came in.
#[derive(ApiResponse)]
enum AppliedResponse {
    /// It is in
    #[oai(status = 201)]
    Created(
        Json<ApplicationReceiptView>,
        /// A code is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// It had come before
    #[oai(status = 200)]
    Repeated(
        Json<ApplicationReceiptView>,
        /// A code is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// The code of an application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ApplicationCodeBody {
    /// As it was given
    #[oai(validator(max_length = 60))]
    code: String,
}

/// An application as the unit sees it.
#[derive(Object)]
struct OwnApplicationView {
    /// Number
    number: String,
    /// Title of the call
    call_title: String,
    /// Name of the unit
    unit_name: String,
    /// submitted, withdrawn, selected or not_selected
    state: String,
    /// The same in Chinese
    state_label: String,
    /// Told with the outcome
    result_reason: String,
    /// When it came
    submitted_at: DateTime<Utc>,
}

/// An application, for staff.
#[derive(Object)]
struct ApplicationView {
    /// Id
    id: Uuid,
    /// The call
    call_id: Uuid,
    /// Number
    number: String,
    /// Name of the unit
    unit_name: String,
    /// Kind of unit
    host_kind: HostKindName,
    /// City and district
    region: String,
    /// Where it is
    address: String,
    /// Who they are
    introduction: String,
    /// How they would collect opinions
    plan: String,
    /// Contact person
    contact_name: String,
    /// Their telephone number
    contact_phone: String,
    /// Where it stands
    state: ApplicationStateName,
    /// Told to the unit with the outcome
    result_reason: String,
    /// The contact point that it became
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
    /// When it came
    submitted_at: DateTime<Utc>,
    /// Documents
    documents: Vec<SelectionDocumentView>,
    /// What members of staff think; internal
    sheets: Vec<ScoreSheetView>,
}

/// A document that came with an application.
#[derive(Object)]
struct SelectionDocumentView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// jpeg, png, webp, gif, pdf or docx, by its content
    kind: String,
    /// Size
    size_bytes: i64,
}

/// What one member of staff thinks of an application.
#[derive(Object)]
struct ScoreSheetView {
    /// Who
    account_id: Uuid,
    /// Shown name
    name: String,
    /// Points and remarks, in the order of the criteria
    scores: Vec<ScoreBody>,
    /// All points together
    total: i64,
    /// When
    scored_at: DateTime<Utc>,
}

/// One page of applications.
#[derive(Object)]
struct ApplicationPageView {
    /// Applications by name
    items: Vec<ApplicationView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// Points under one criterion.
#[derive(Object)]
#[oai(rename = "Score", deny_unknown_fields)]
struct ScoreBody {
    /// From 0 to the most of the criterion
    points: i64,
    /// Why
    #[oai(default)]
    remark: String,
}

/// The caller's scores of an application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ScoresBody {
    /// One for each criterion, in order
    #[oai(validator(max_items = 50))]
    scores: Vec<ScoreBody>,
}

/// What becomes of one application.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct OutcomeBody {
    /// Application
    application_id: Uuid,
    /// Whether the unit becomes a contact point
    is_selected: bool,
    /// Told to the unit alone
    #[oai(default)]
    reason: String,
}

/// What becomes of all applications to a call.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct OutcomesBody {
    /// Revision of the call that the person saw
    revision: i64,
    /// Every application that was not taken back
    #[oai(validator(max_items = 5000))]
    outcomes: Vec<OutcomeBody>,
    /// Public text
    #[oai(default)]
    notice: String,
}

/// Making a selected unit a contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct SelectedPointBody {
    /// Organ that sets it up
    established_by: String,
    /// Its term; without one it has no end
    term: Option<TermBody>,
}

/// The contact point that a selected unit became.
#[derive(Object)]
struct SelectedPointView {
    /// Contact point
    contact_point_id: Uuid,
}

/// A call was written.
#[derive(ApiResponse)]
enum WrittenCall {
    /// Written
    #[oai(status = 201)]
    Created(Json<CallView>),
}

/// A document.
#[derive(ApiResponse)]
enum DocumentFile {
    /// The file
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Its name
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
    ),
}

fn call_view(call: SelectionCall, now: DateTime<Utc>) -> CallView {
    let phase = call.phase_at(now);
    let criterion = |c: Criterion| CriterionBody { name: c.name, explanation: c.explanation, maximum: c.maximum };
    CallView {
        id: call.id.0,
        title: call.said.title,
        notice: call.said.notice,
        criteria: call.said.criteria.into_iter().map(criterion).collect(),
        opens_on: Day(call.said.opens_on),
        closes_on: Day(call.said.closes_on),
        phase: phase.as_str().into(),
        phase_label: phase.label().into(),
        result_notice: call.result_notice,
        revision: call.revision,
        published_at: call.published_at,
        decided_at: call.decided_at,
    }
}

async fn application_view(app: &App, caller: &Caller, application: Application) -> Result<ApplicationView> {
    let at = app.keeping();
    let (contact_name, contact_phone) = application.contact(at, caller)?;
    let documents = applying::list_documents(at, application.id).await?;
    let sheets = scoring::list_scores(at, caller, application.id).await?;
    let document =
        |d: applying::Document| SelectionDocumentView { id: d.id.0, name: d.name, kind: d.kind.as_str().into(), size_bytes: d.size_bytes };
    let sheet = |sheet: scoring::ScoreSheet| ScoreSheetView {
        account_id: sheet.account.0,
        total: sheet.total(),
        name: sheet.name,
        scored_at: sheet.scored_at,
        scores: sheet.scores.into_values().map(|s| ScoreBody { points: s.points, remark: s.remark }).collect(),
    };
    Ok(ApplicationView {
        id: application.id.0,
        call_id: application.call.0,
        number: application.number,
        unit_name: application.unit_name,
        host_kind: application.host_kind.into(),
        region: application.region,
        address: application.address,
        introduction: application.introduction,
        plan: application.plan,
        contact_name,
        contact_phone,
        state: application.state.into(),
        result_reason: application.result_reason,
        contact_point_id: application.contact_point.map(|p| p.0),
        submitted_at: application.submitted_at,
        documents: documents.into_iter().map(document).collect(),
        sheets: sheets.into_iter().map(sheet).collect(),
    })
}

fn own_view(application: Application, call: SelectionCall) -> OwnApplicationView {
    // What is decided is told once it is public.
    OwnApplicationView {
        number: application.number,
        call_title: call.said.title,
        unit_name: application.unit_name,
        state: application.state.as_str().into(),
        state_label: application.state.label().into(),
        result_reason: application.result_reason,
        submitted_at: application.submitted_at,
    }
}

/// All operations of the capability, as one member of the service.
pub type Operations = (CallsApi, SelectionDeskApi);

/// Their values.
pub const OPERATIONS: Operations = (CallsApi, SelectionDeskApi);

/// What everybody may do.
pub struct CallsApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl CallsApi {
    /// Public calls for contact points, those that end last first.
    #[oai(path = "/selections", method = "get", operation_id = "list_selection_calls")]
    async fn list_selection_calls(
        &self,
        app: Data<&App>,
        /// Calls on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<CallPageView>, Problem> {
        let page = calls::list_calls(&app.db, None, cursor.as_deref(), limit as usize).await?.map(|c| call_view(c, app.clock.now()));
        Ok(Json(CallPageView { items: page.items, next_cursor: page.next }))
    }

    /// A public call.
    #[oai(path = "/selections/:call_id", method = "get", operation_id = "get_selection_call")]
    async fn get_selection_call(
        &self,
        app: Data<&App>,
        /// Call
        Path(call_id): Path<Uuid>,
    ) -> Result<Json<CallView>, Problem> {
        Ok(Json(call_view(calls::get_public_call(&app.db, call_id.into()).await?, app.clock.now())))
    }

    /// What became of the applications, by name; empty until it is public. Scores are internal.
    #[oai(path = "/selections/:call_id/outcome", method = "get", operation_id = "list_selection_outcome")]
    async fn list_selection_outcome(
        &self,
        app: Data<&App>,
        /// Call
        Path(call_id): Path<Uuid>,
        /// Units that were selected, or those that were not; without it the selected ones
        Query(outcome): Query<Option<OutcomeName>>,
        /// Units on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OutcomePageView>, Problem> {
        let state = match outcome {
            Some(OutcomeName::NotSelected) => ApplicationState::NotSelected,
            _ => ApplicationState::Selected,
        };
        let page = applying::list_outcome(app.keeping(), call_id.into(), state, cursor.as_deref(), limit as usize).await?;
        let page =
            page.map(|a| OutcomeUnitView { unit_name: a.unit_name, region: a.region, contact_point_id: a.contact_point.map(|p| p.0) });
        Ok(Json(OutcomePageView { items: page.items, next_cursor: page.next }))
    }

    /// Apply to become a contact point, without an account.
    #[oai(path = "/selections/:call_id/applications", method = "post", operation_id = "apply_for_selection")]
    async fn apply_for_selection(
        &self,
        app: Data<&App>,
        request: &Request,
        /// Call
        Path(call_id): Path<Uuid>,
        /// Made by the client, one for each application, 32 to 128 random characters; the code of the receipt is made from it
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        form: ApplicationForm,
    ) -> Result<AppliedResponse, Problem> {
        let mut documents = Vec::with_capacity(form.documents.len());
        for file in form.documents {
            let name = file.file_name().unwrap_or_default().to_owned();
            let bytes = file.into_vec().await.map_err(|e| Error::internal("an upload could not be read back", e))?;
            documents.push(NewDocument { name, bytes });
        }
        let new = NewApplication {
            unit_name: form.unit_name,
            host_kind: form.host_kind.into(),
            region: form.region,
            address: form.address,
            introduction: form.introduction,
            plan: form.plan,
            contact_name: form.contact_name,
            contact_phone: form.contact_phone,
            documents,
        };
        let receipt = applying::apply(app.applying(request), call_id.into(), &key, new).await?;
        let view = Json(ApplicationReceiptView { number: receipt.number, lookup_code: receipt.code, submitted_at: receipt.submitted_at });
        let keep = "no-store".to_owned();
        Ok(if receipt.is_repetition { AppliedResponse::Repeated(view, keep) } else { AppliedResponse::Created(view, keep) })
    }

    /// Look an own application up by its code.
    #[oai(path = "/selection-lookups", method = "post", operation_id = "look_up_application")]
    async fn look_up_application(
        &self,
        app: Data<&App>,
        request: &Request,
        body: Json<ApplicationCodeBody>,
    ) -> Result<Json<OwnApplicationView>, Problem> {
        let (application, call) = applying::look_up_application(app.applying(request), &body.code).await?;
        Ok(Json(own_view(application, call)))
    }

    /// Take an own application back, while the call takes applications. Repeating it changes nothing.
    #[oai(path = "/selection-lookups/withdrawal", method = "post", operation_id = "withdraw_application")]
    async fn withdraw_application(
        &self,
        app: Data<&App>,
        request: &Request,
        body: Json<ApplicationCodeBody>,
    ) -> Result<Json<OwnApplicationView>, Problem> {
        applying::withdraw_application(app.applying(request), &body.code).await?;
        let (application, call) = applying::look_up_application(app.applying(request), &body.code).await?;
        Ok(Json(own_view(application, call)))
    }
}

/// What staff do.
pub struct SelectionDeskApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl SelectionDeskApi {
    /// Every call, those that are being written too.
    #[oai(path = "/selection-files", method = "get", operation_id = "list_selection_files")]
    async fn list_selection_files(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Calls on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<CallPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadSelections)?;
        let page = calls::list_calls(&app.db, Some(&caller), cursor.as_deref(), limit as usize).await?;
        let page = page.map(|c| call_view(c, app.clock.now()));
        Ok(Json(CallPageView { items: page.items, next_cursor: page.next }))
    }

    /// A call, also while it is being written.
    #[oai(path = "/selection-files/:call_id", method = "get", operation_id = "get_selection_file")]
    async fn get_selection_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
    ) -> Result<Json<CallView>, Problem> {
        let caller = signed_in.with(Permission::ReadSelections)?;
        Ok(Json(call_view(calls::get_call(&app.db, &caller, call_id.into()).await?, app.clock.now())))
    }

    /// Write a call; it is not public yet.
    #[oai(path = "/selections", method = "post", operation_id = "write_selection_call")]
    async fn write_selection_call(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Made by the client, one for each call, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<CallBody>,
    ) -> Result<WrittenCall, Problem> {
        let caller = signed_in.with(Permission::ManageSelections)?;
        let call = calls::write_call(app.keeping(), &caller, &key, body.0.into()).await?;
        Ok(WrittenCall::Created(Json(call_view(call, app.clock.now()))))
    }

    /// Change a call that is not public yet.
    #[oai(path = "/selections/:call_id", method = "put", operation_id = "change_selection_call")]
    async fn change_selection_call(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
        body: Json<CallChangeBody>,
    ) -> Result<Json<CallView>, Problem> {
        let caller = signed_in.with(Permission::ManageSelections)?;
        let CallChangeBody { revision, call } = body.0;
        let call = calls::change_call(app.keeping(), &caller, call_id.into(), revision, call.into()).await?;
        Ok(Json(call_view(call, app.clock.now())))
    }

    /// Make a call public.
    #[oai(path = "/selections/:call_id/publication", method = "post", operation_id = "publish_selection_call")]
    async fn publish_selection_call(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
        body: Json<CallRevisionBody>,
    ) -> Result<Json<CallView>, Problem> {
        let caller = signed_in.with(Permission::ManageSelections)?;
        let call = calls::publish_call(app.keeping(), &caller, call_id.into(), body.revision).await?;
        Ok(Json(call_view(call, app.clock.now())))
    }

    /// Give a call up.
    #[oai(path = "/selections/:call_id/withdrawal", method = "post", operation_id = "withdraw_selection_call")]
    async fn withdraw_selection_call(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
        body: Json<CallWithdrawalBody>,
    ) -> Result<Json<CallView>, Problem> {
        let caller = signed_in.with(Permission::ManageSelections)?;
        let call = calls::withdraw_call(app.keeping(), &caller, call_id.into(), body.revision, &body.reason).await?;
        Ok(Json(call_view(call, app.clock.now())))
    }

    /// Applications to a call, by name.
    #[oai(path = "/selections/:call_id/applications", method = "get", operation_id = "list_applications")]
    async fn list_applications(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
        /// Only those that stand here
        Query(state): Query<Option<ApplicationStateName>>,
        /// Applications on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ApplicationPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadSelections)?;
        let state = state.map(Into::into);
        let page = applying::list_applications(app.keeping(), &caller, call_id.into(), state, cursor.as_deref(), limit as usize).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for application in page.items {
            items.push(application_view(&app, &caller, application).await?);
        }
        Ok(Json(ApplicationPageView { items, next_cursor: page.next }))
    }

    /// An application with its documents and scores.
    #[oai(path = "/selection-applications/:application_id", method = "get", operation_id = "get_application")]
    async fn get_application(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Application
        Path(application_id): Path<Uuid>,
    ) -> Result<Json<ApplicationView>, Problem> {
        let caller = signed_in.with(Permission::ReadSelections)?;
        let application = applying::get_application(app.keeping(), &caller, SelectionApplicationId(application_id)).await?;
        Ok(Json(application_view(&app, &caller, application).await?))
    }

    /// A document that came with an application.
    #[oai(path = "/selection-documents/:document_id", method = "get", operation_id = "get_selection_document")]
    async fn get_selection_document(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Document
        Path(document_id): Path<Uuid>,
    ) -> Result<DocumentFile, Problem> {
        let caller = signed_in.with(Permission::ReadSelections)?;
        let (document, bytes) = applying::read_document(app.keeping(), &app.blobs, &caller, SelectionDocumentId(document_id)).await?;
        Ok(DocumentFile::Found(Binary(bytes), document.disposition(), "sandbox; default-src 'none'".into()))
    }

    /// Write the caller's own scores of an application; writing again replaces them.
    #[oai(path = "/selection-applications/:application_id/scores", method = "put", operation_id = "score_application")]
    async fn score_application(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Application
        Path(application_id): Path<Uuid>,
        body: Json<ScoresBody>,
    ) -> Result<Json<ApplicationView>, Problem> {
        let caller = signed_in.with(Permission::ScoreApplications)?;
        let scores: Vec<Score> = body.0.scores.into_iter().map(|s| Score { points: s.points, remark: s.remark }).collect();
        let application = scoring::score_application(app.keeping(), &caller, SelectionApplicationId(application_id), &scores).await?;
        Ok(Json(application_view(&app, &caller, application).await?))
    }

    /// Publish what becomes of every application, once no more are taken.
    #[oai(path = "/selections/:call_id/outcome", method = "post", operation_id = "publish_selection_outcome")]
    async fn publish_selection_outcome(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Call
        Path(call_id): Path<Uuid>,
        body: Json<OutcomesBody>,
    ) -> Result<Json<CallView>, Problem> {
        let caller = signed_in.with(Permission::DecideSelections)?;
        let outcome = |o: OutcomeBody| Outcome { application: o.application_id.into(), is_selected: o.is_selected, reason: o.reason };
        let OutcomesBody { revision, outcomes, notice } = body.0;
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(outcome).collect();
        let call = deciding::publish_outcome(app.keeping(), &caller, call_id.into(), revision, &outcomes, &notice).await?;
        Ok(Json(call_view(call, app.clock.now())))
    }

    /// Make a selected unit a contact point. Repeating it gives the same point.
    #[oai(path = "/selection-applications/:application_id/contact-point", method = "post", operation_id = "open_selected_point")]
    async fn open_selected_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Application
        Path(application_id): Path<Uuid>,
        body: Json<SelectedPointBody>,
    ) -> Result<Json<SelectedPointView>, Problem> {
        let caller = signed_in.with(Permission::DecideSelections)?;
        let term = body.term.map(TermBody::days);
        let id = SelectionApplicationId(application_id);
        let point = deciding::open_selected_point(app.keeping(), &caller, id, &body.established_by, term).await?;
        Ok(Json(SelectedPointView { contact_point_id: point.id.0 }))
    }
}
