//! What staff do: write calls, read and score applications, decide.

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use uuid::Uuid;

use super::views::*;
use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::contact_points::managing::TermBody;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::selection::applying;
use crate::contact_points::selection::calls;
use crate::contact_points::selection::deciding::{self, Outcome};
use crate::contact_points::selection::scoring::{self, Score};
use crate::error::Result;
use crate::ids::{SelectionApplicationId, SelectionDocumentId};

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
