//! Operations on opinions 意见建议 and their answers 采纳情况.

pub mod participation;
pub mod report;
pub mod unnamed;
pub(super) mod views;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::Tag;

use super::callers::{Anyone, SignedIn};
use super::problem::Problem;
use crate::accounts::{Caller, Permission};
use crate::app::App;
use crate::drafts::{self, Draft, Viewer};
use crate::opinions::posting::post_opinion;
use crate::opinions::reading;
use crate::opinions::{Channel, NewOpinion};
use views::*;

/// A draft that the caller may know of.
pub(super) async fn find_draft(app: &App, caller: Option<&Caller>, id: Uuid) -> Result<Draft, Problem> {
    Ok(drafts::get_draft(&app.db, &app.clock, Viewer::Public(caller), id.into()).await?)
}

/// The operations.
pub struct OpinionsApi;

#[OpenApi(tag = "Tag::Opinions")]
impl OpinionsApi {
    /// Post an opinion on the round that is open, as somebody who is signed in.
    #[oai(path = "/drafts/:draft_id/opinions", method = "post", operation_id = "post_opinion")]
    async fn post_opinion(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Made by the client, one for each opinion, 8 to 128 characters. Sending the same opinion again with the same key gives the same receipt
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<OpinionBody>,
    ) -> Result<PostedOpinion, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let openid = app.openid_of(caller.account_id).await;
        let channel = if openid.is_some() { Channel::Wechat } else { Channel::Web };
        let new = NewOpinion::from(body.0);
        let has_attachments = !new.attachments.is_empty();
        let receipt = post_opinion(app.counter(request), &caller, channel, draft.id, &key, new).await?;
        if !receipt.is_repetition {
            app.check_opinion(receipt.opinion_id, openid.as_deref(), has_attachments).await;
        }
        Ok(receipt_view(receipt))
    }

    /// All opinions on a draft, in the order in which they came. For staff.
    #[oai(path = "/drafts/:draft_id/opinions", method = "get", operation_id = "list_opinions")]
    async fn list_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those that stand here
        Query(state): Query<Option<OpinionStateName>>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OpinionPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let page = reading::list_opinions(&app.db, &caller, &draft, state.map(Into::into), cursor.as_deref(), limit as usize).await?;
        let page = page.map(opinion_view);
        Ok(Json(OpinionPageView { items: page.items, next_cursor: page.next }))
    }

    /// What the caller has said, the newest first.
    #[oai(path = "/account/opinions", method = "get", operation_id = "list_own_opinions")]
    async fn list_own_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Only those that stand here for their author
        Query(state): Query<Option<AuthorStateName>>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OpinionPageView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let page =
            reading::list_own_opinions(&app.db, &caller, state.map(Into::into), cursor.as_deref(), limit as usize).await?.map(own_view);
        Ok(Json(OpinionPageView { items: page.items, next_cursor: page.next }))
    }

    /// One opinion, for staff and for its author.
    #[oai(path = "/opinions/:opinion_id", method = "get", operation_id = "get_opinion")]
    async fn get_opinion(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<OpinionView>, Problem> {
        Ok(Json(opinion_view(reading::get_opinion(&app.db, &signed_in.caller(), opinion_id.into()).await?)))
    }

    /// Answered opinions on a draft, for everybody.
    #[oai(path = "/drafts/:draft_id/answers", method = "get", operation_id = "list_answers")]
    async fn list_answers(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those on this provision
        Query(address): Query<Option<String>>,
        /// Answers on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<PublicAnswerPageView>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let page = reading::list_answers(&app.db, &draft, address.as_deref(), cursor.as_deref(), limit as usize).await?;
        Ok(Json(PublicAnswerPageView { items: page.items.into_iter().filter_map(answer_view).collect(), next_cursor: page.next }))
    }

    /// Counts of the opinions on a draft, for everybody.
    #[oai(path = "/drafts/:draft_id/opinion-counts", method = "get", operation_id = "count_opinions")]
    async fn count_opinions(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<OpinionCountsView>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let counts = reading::count_opinions(&app.db, &draft).await?;
        let named = |name: &str, label: &str, count: i64| NamedCountView { name: name.into(), label: label.into(), count };
        Ok(Json(OpinionCountsView {
            opinions: counts.opinions,
            distinct_texts: counts.distinct_texts,
            signed_in_people: counts.signed_in_people,
            answered: counts.answered,
            by_channel: counts.by_channel.into_iter().map(|(c, n)| named(c.as_str(), c.label(), n)).collect(),
            by_disposition: counts.by_disposition.into_iter().map(|(k, n)| named(k.as_str(), k.label(), n)).collect(),
        }))
    }
}
