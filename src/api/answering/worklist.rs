//! The work list of a draft, its counts, and how far the answering is.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::views::*;
use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::opinions::find_draft;
use crate::api::opinions::views::StanceName;
use crate::api::problem::Problem;
use crate::app::App;
use crate::error::Error;
use crate::ids::{AccountId, DraftVersionId};
use crate::opinions::triage::progress::{list_overdue, list_progress};
use crate::opinions::triage::worklist::{HandledBy, WorkFilter, count_work, list_tags, list_work};

/// A tag in use.
#[derive(Object)]
struct OpinionTagView {
    /// Tag
    tag: String,
    /// Opinions that carry it
    opinions: i64,
}

/// Handler of the filter: a person, or `none`.
fn handled_by(handler: Option<String>) -> Result<Option<HandledBy>, Error> {
    match handler.as_deref() {
        None | Some("") => Ok(None),
        Some("none") => Ok(Some(HandledBy::Nobody)),
        Some(id) => id
            .parse::<Uuid>()
            .map(|id| Some(HandledBy::Person(AccountId(id))))
            .map_err(|_| Error::invalid("handler", "经办人员应为其编号，或者 none（尚未分派）。")),
    }
}

/// The operations.
pub struct WorkListApi;

#[OpenApi(tag = "Tag::Answering")]
impl WorkListApi {
    /// Opinions of a draft by what staff look for, in one of three orders.
    #[oai(path = "/drafts/:draft_id/work", method = "get", operation_id = "list_work")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list_work(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only on this article or heading and what stands in it; `whole` = on the draft as a whole
        #[oai(validator(max_length = 200))]
        Query(article): Query<Option<String>>,
        /// Only on this version
        Query(version_id): Query<Option<Uuid>>,
        /// Only those that stand here; without it all but withdrawn ones
        Query(state): Query<Option<StateName>>,
        /// Only those of this visibility
        Query(display): Query<Option<VisibilityName>>,
        /// Only those that came this way
        Query(channel): Query<Option<ChannelName>>,
        /// Only those of this attitude
        Query(stance): Query<Option<StanceName>>,
        /// Only those handled by this person; `none` = by nobody yet
        #[oai(validator(max_length = 36))]
        Query(handler): Query<Option<String>>,
        /// Only those of this group
        Query(group_id): Query<Option<Uuid>>,
        /// Only those with this tag
        #[oai(validator(max_length = 20))]
        Query(tag): Query<Option<String>>,
        /// Only those with these words
        #[oai(validator(max_length = 100))]
        Query(text): Query<Option<String>>,
        /// Only those whose answer was given back
        #[oai(default)]
        Query(returned): Query<bool>,
        /// Of each group, only the first that matches
        #[oai(default)]
        Query(grouped): Query<bool>,
        /// Order
        #[oai(default)]
        Query(order): Query<OrderName>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<WorkPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let filter = WorkFilter {
            article,
            version: version_id.map(DraftVersionId),
            state: state.map(Into::into),
            display: display.map(Into::into),
            channel: channel.map(Into::into),
            stance: stance.map(Into::into),
            handler: handled_by(handler)?,
            group: group_id,
            tag,
            text,
            is_returned: returned,
            is_grouped: grouped,
        };
        let page = list_work(&app.db, &caller, &draft, &filter, order.into(), cursor.as_deref(), limit as usize).await?;
        let page = page.map(work_item_view);
        Ok(Json(WorkPageView { items: page.items, next_cursor: page.next }))
    }

    /// The four numbers of all opinions that match: opinions, distinct texts, people, by channel; and where they stand.
    #[oai(path = "/drafts/:draft_id/work-counts", method = "get", operation_id = "count_work")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn count_work(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only on this article or heading and what stands in it; `whole` = on the draft as a whole
        #[oai(validator(max_length = 200))]
        Query(article): Query<Option<String>>,
        /// Only those that stand here; without it all but withdrawn ones
        Query(state): Query<Option<StateName>>,
        /// Only those that came this way
        Query(channel): Query<Option<ChannelName>>,
        /// Only those handled by this person; `none` = by nobody yet
        #[oai(validator(max_length = 36))]
        Query(handler): Query<Option<String>>,
        /// Only those of this group
        Query(group_id): Query<Option<Uuid>>,
        /// Only those with this tag
        #[oai(validator(max_length = 20))]
        Query(tag): Query<Option<String>>,
        /// Only those with these words
        #[oai(validator(max_length = 100))]
        Query(text): Query<Option<String>>,
    ) -> Result<Json<WorkCountsView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let filter = WorkFilter {
            article,
            state: state.map(Into::into),
            channel: channel.map(Into::into),
            handler: handled_by(handler)?,
            group: group_id,
            tag,
            text,
            ..WorkFilter::default()
        };
        Ok(Json(counts_view(count_work(&app.db, &caller, &draft, &filter).await?)))
    }

    /// How far each article of a version is on which there are opinions, in the order of the text.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/progress", method = "get", operation_id = "list_progress")]
    async fn list_progress(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
    ) -> Result<Json<Vec<ArticleProgressView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let list = list_progress(&app.db, &caller, &draft, DraftVersionId(version_id)).await?;
        Ok(Json(list.into_iter().map(progress_view).collect()))
    }

    /// The tags in use on a draft, the most used first, at most a hundred.
    #[oai(path = "/drafts/:draft_id/tags", method = "get", operation_id = "list_opinion_tags")]
    async fn list_opinion_tags(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<Vec<OpinionTagView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let tags = list_tags(&app.db, &caller, &draft).await?;
        Ok(Json(tags.into_iter().map(|(tag, opinions)| OpinionTagView { tag, opinions }).collect()))
    }

    /// Drafts whose round ended longer ago than the configured days and that have opinions without a public answer.
    #[oai(path = "/overdue-feedback", method = "get", operation_id = "list_overdue_feedback")]
    async fn list_overdue_feedback(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<Vec<OverdueView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let list = list_overdue(&app.db, &app.clock, &app.config.rules, &caller).await?;
        Ok(Json(list.into_iter().map(overdue_view).collect()))
    }
}
