//! Groups of near-identical opinions.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::opinions;
use super::views::*;
use crate::accounts::{Actor, Caller, Permission};
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::opinions::find_draft;
use crate::api::problem::Problem;
use crate::app::App;
use crate::opinions::feedback;
use crate::opinions::groups::changing::{self, Desk};
use crate::opinions::groups::{get_group, list_groups, suggesting};

/// What looking for near-identical opinions found.
#[derive(Object)]
struct FoundView {
    /// New groups
    groups: i64,
    /// Opinions in them
    grouped: i64,
    /// Opinions that joined groups that were there
    joined: i64,
}

/// Opinions of a new group.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupBody {
    /// Two or more, all on the same version
    #[oai(validator(max_items = 200))]
    opinions: Vec<Uuid>,
}

/// A change of a group.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupRevisionBody {
    /// Revision of the group that the person saw
    revision: i64,
}

/// Opinions that come into a group or leave it.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupChangeBody {
    /// Revision of the group that the person saw
    revision: i64,
    /// Opinions; without any, taking apart takes the whole group apart
    #[oai(default, validator(max_items = 200))]
    opinions: Vec<Uuid>,
}

/// Another group to be merged.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GroupMergeBody {
    /// Revision of the group that the person saw
    revision: i64,
    /// The other group; it is no more afterwards
    other: Uuid,
}

/// What writing an answer for a group did.
#[derive(Object)]
struct GroupAnsweredView {
    /// Members that have this answer now
    answered: i64,
    /// Members that keep the answer written for them alone
    kept: i64,
}

fn desk<'a>(app: &'a App, caller: &'a Caller) -> Desk<'a> {
    Desk { db: &app.db, clock: &app.clock, ids: &app.ids, by: Actor::Person(caller) }
}

/// The operations.
pub struct GroupsApi;

#[OpenApi(tag = "Tag::Answering")]
impl GroupsApi {
    /// Look for near-identical opinions of a draft and suggest groups. It may be repeated; what staff decided is never undone.
    #[oai(path = "/drafts/:draft_id/group-suggestions", method = "post", operation_id = "suggest_groups")]
    async fn suggest_groups(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<FoundView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let rules = &app.config.rules;
        let found = suggesting::suggest_groups(&app.db, &app.clock, &app.ids, rules, Actor::Person(&caller), draft_id.into()).await?;
        Ok(Json(FoundView { groups: found.groups, grouped: found.grouped, joined: found.joined }))
    }

    /// Groups of a draft, the largest first.
    #[oai(path = "/drafts/:draft_id/groups", method = "get", operation_id = "list_groups")]
    async fn list_groups(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those that stand here
        Query(state): Query<Option<GroupStateName>>,
        /// Groups on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OpinionGroupPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let page = list_groups(&app.db, &caller, &draft, state.map(Into::into), cursor.as_deref(), limit as usize).await?;
        let page = page.map(group_view);
        Ok(Json(OpinionGroupPageView { items: page.items, next_cursor: page.next }))
    }

    /// Make a confirmed group under an id of the caller's choice; the same id again is no change.
    #[oai(path = "/drafts/:draft_id/groups/:group_id", method = "put", operation_id = "create_group")]
    async fn create_group(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Id of the new group, made by the caller
        Path(group_id): Path<Uuid>,
        body: Json<GroupBody>,
    ) -> Result<Json<OpinionGroupView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        changing::create_group(desk(&app, &caller), draft_id.into(), group_id, &opinions(body.0.opinions)).await?;
        shown(&app, &caller, group_id).await
    }

    /// One group.
    #[oai(path = "/opinion-groups/:group_id", method = "get", operation_id = "get_group")]
    async fn get_group(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group
        Path(group_id): Path<Uuid>,
    ) -> Result<Json<OpinionGroupView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        shown(&app, &caller, group_id).await
    }

    /// Let a suggested group stand.
    #[oai(path = "/opinion-groups/:group_id/confirmation", method = "post", operation_id = "confirm_group")]
    async fn confirm_group(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group
        Path(group_id): Path<Uuid>,
        body: Json<GroupRevisionBody>,
    ) -> Result<Json<OpinionGroupView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        changing::confirm_group(desk(&app, &caller), group_id, body.revision).await?;
        shown(&app, &caller, group_id).await
    }

    /// Take opinions out of a group for good, or, without any named, take the whole group apart. They are not suggested together again.
    #[oai(path = "/opinion-groups/:group_id/split", method = "post", operation_id = "split_group")]
    async fn split_group(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group
        Path(group_id): Path<Uuid>,
        body: Json<GroupChangeBody>,
    ) -> Result<crate::api::accounts::NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        changing::split_group(desk(&app, &caller), group_id, body.revision, &opinions(body.0.opinions)).await?;
        Ok(crate::api::accounts::NothingResponse::Done)
    }

    /// Put opinions into a group, out of whatever group they were in.
    #[oai(path = "/opinion-groups/:group_id/members", method = "post", operation_id = "add_to_group")]
    async fn add_to_group(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group
        Path(group_id): Path<Uuid>,
        body: Json<GroupChangeBody>,
    ) -> Result<Json<OpinionGroupView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        changing::add_to_group(desk(&app, &caller), group_id, body.revision, &opinions(body.0.opinions)).await?;
        shown(&app, &caller, group_id).await
    }

    /// Put all members of another group into this one.
    #[oai(path = "/opinion-groups/:group_id/merger", method = "post", operation_id = "merge_groups")]
    async fn merge_groups(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group that stays
        Path(group_id): Path<Uuid>,
        body: Json<GroupMergeBody>,
    ) -> Result<Json<OpinionGroupView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        changing::merge_groups(desk(&app, &caller), group_id, body.revision, body.other).await?;
        shown(&app, &caller, group_id).await
    }

    /// Write the answer for a group: all members get it, but for those with an answer of their own. That confirms the group.
    #[oai(path = "/opinion-groups/:group_id/disposition", method = "put", operation_id = "prepare_group_disposition")]
    async fn prepare_group_disposition(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Group
        Path(group_id): Path<Uuid>,
        body: Json<DispositionBody>,
    ) -> Result<Json<GroupAnsweredView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let (actor, from) = (Actor::Person(&caller), body.from_revision);
        let done = feedback::prepare_group_disposition(&app.db, &app.clock, actor, group_id, from, body.0.answer()?).await?;
        Ok(Json(GroupAnsweredView { answered: done.answered, kept: done.kept }))
    }
}

async fn shown(app: &App, caller: &Caller, group: Uuid) -> Result<Json<OpinionGroupView>, Problem> {
    Ok(Json(group_view(get_group(&app.db, caller, group).await?)))
}
