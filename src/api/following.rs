//! Operations of following 关注 drafts.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::drafts::{DraftView, draft_view};
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::drafts::following;

/// A draft that the caller follows.
#[derive(Object)]
struct FollowedView {
    /// The draft
    draft: DraftView,
    /// Since when
    followed_at: DateTime<Utc>,
}

/// One page of followed drafts.
#[derive(Object)]
struct FollowedPageView {
    /// Drafts, the latest followed first
    items: Vec<FollowedView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// Done, now or before.
#[derive(ApiResponse)]
enum Done {
    /// Done
    #[oai(status = 204)]
    Done,
}

/// The operations.
pub struct FollowingApi;

#[OpenApi(tag = "Tag::Drafts")]
impl FollowingApi {
    /// Drafts that the caller follows.
    #[oai(path = "/account/followed-drafts", method = "get", operation_id = "list_followed_drafts")]
    async fn list_followed_drafts(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Drafts on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<FollowedPageView>, Problem> {
        let caller = signed_in.with(Permission::FollowDrafts)?;
        let page = following::list_followed(&app.db, &app.clock, &caller, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|followed| FollowedView { draft: draft_view(followed.draft), followed_at: followed.followed_at });
        Ok(Json(FollowedPageView { items: page.items, next_cursor: page.next }))
    }

    /// Follow a public draft: its followers are told when a round opens, is extended or ends soon, and what became of the opinions.
    #[oai(path = "/account/followed-drafts/:draft_id", method = "put", operation_id = "follow_draft")]
    async fn follow_draft(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Done, Problem> {
        let caller = signed_in.with(Permission::FollowDrafts)?;
        following::follow_draft(&app.db, &app.clock, &caller, draft_id.into()).await?;
        Ok(Done::Done)
    }

    /// Stop following a draft.
    #[oai(path = "/account/followed-drafts/:draft_id", method = "delete", operation_id = "unfollow_draft")]
    async fn unfollow_draft(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Done, Problem> {
        let caller = signed_in.with(Permission::FollowDrafts)?;
        following::unfollow_draft(&app.db, &caller, draft_id.into()).await?;
        Ok(Done::Done)
    }
}
