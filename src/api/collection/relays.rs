//! Operations of county staff on the tasks that they pass on to their contact points. The organ is the caller's, never one that a request names.

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::views::*;
use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::tasks::relays::{self, PassingOn, pass_on};

/// The operations.
pub struct RelaysApi;

#[OpenApi(tag = "Tag::Collection")]
impl RelaysApi {
    /// Tasks that the caller's own organ is asked to pass on, the newest first.
    #[oai(path = "/own-organ/relays", method = "get", operation_id = "list_own_relays")]
    async fn list_own_relays(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Tasks on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<RelayPageView>, Problem> {
        let caller = signed_in.with(Permission::PassOnTasks)?;
        let page = relays::list_own(&app.db, &caller, cursor.as_deref(), limit as usize).await?.map(relay_view);
        Ok(Json(RelayPageView { items: page.items, next_cursor: page.next }))
    }

    /// What the contact points of the caller's own organ do for a task that it passed on, by region and name.
    #[oai(path = "/own-organ/relays/:relay_id/assignments", method = "get", operation_id = "list_own_relay_assignments")]
    async fn list_own_relay_assignments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// What was asked
        Path(relay_id): Path<Uuid>,
        /// Assignments on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AssignmentPageView>, Problem> {
        let caller = signed_in.with(Permission::PassOnTasks)?;
        let (relay, _) = relays::get_own(&app.db, &caller, relay_id).await?;
        let page = relays::list_assignments(&app.db, &caller, &relay, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|assignment| assignment_view(&app, assignment));
        Ok(Json(AssignmentPageView { items: page.items, next_cursor: page.next }))
    }

    /// Pass a task on to contact points of the caller's own organ; those that have it already keep what they have.
    #[oai(path = "/own-organ/relays/:relay_id/assignments", method = "post", operation_id = "pass_on_task")]
    async fn pass_on_task(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// What was asked
        Path(relay_id): Path<Uuid>,
        body: Json<PassingOnBody>,
    ) -> Result<Json<RelayView>, Problem> {
        let caller = signed_in.with(Permission::PassOnTasks)?;
        let new = PassingOn {
            points: body.0.contact_point_ids.into_iter().map(Into::into).collect(),
            due_on: body.0.due_on.map(|day| day.0),
            note: body.0.note,
        };
        Ok(Json(relay_view(pass_on(&app.db, &app.clock, &app.ids, &caller, relay_id, new).await?)))
    }
}
