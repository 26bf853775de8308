//! What everybody may do: read public calls and their outcome, apply, and look their own application up.

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::views::*;
use crate::api::Tag;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::selection::applying::{self, ApplicationState, NewApplication, NewDocument};
use crate::contact_points::selection::calls;
use crate::error::{Error, Result};

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
