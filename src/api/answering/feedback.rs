//! Answers to opinions: written by one person, reviewed by another, published in one batch.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::views::*;
use crate::accounts::{Actor, Permission};
use crate::api::Tag;
use crate::api::accounts::NothingResponse;
use crate::api::callers::SignedIn;
use crate::api::drafts::DraftStateName;
use crate::api::opinions::find_draft;
use crate::api::opinions::views::{PublicAnswerPageView, answer_view};
use crate::api::problem::Problem;
use crate::app::App;
use crate::error::Error;
use crate::ids::OpinionId;
use crate::opinions::feedback::{self, Reviewed, Verdict};
use crate::opinions::reading::list_ready_answers;

/// An answer that was read.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ReadAnswerBody {
    /// Opinion
    opinion_id: Uuid,
    /// Revision of its answer
    revision: i64,
}

/// A review: of single answers, of a group, or of everything.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ReviewBody {
    /// Single answers
    #[oai(default, validator(max_items = 200))]
    answers: Vec<ReadAnswerBody>,
    /// Instead: the prepared answers of the members of a group
    #[oai(skip_serializing_if_is_none)]
    group_id: Option<Uuid>,
    /// Instead: all prepared answers of the draft that somebody else wrote
    #[oai(default)]
    everything: bool,
    /// Whether they pass; otherwise they go back with the remark
    passes: bool,
    /// What is to be mended; needed when they do not pass
    #[oai(default, validator(max_length = 500))]
    remark: String,
}

/// What a review did.
#[derive(Object)]
struct ReviewedView {
    /// Answers that were reviewed
    reviewed: i64,
}

/// Publishing the reviewed answers of a draft.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct FeedbackBody {
    /// What the bureau says of the opinions as a whole; what was said before stays when absent
    #[oai(default, validator(max_length = 5000))]
    summary: String,
}

/// What publishing did.
#[derive(Object)]
struct PublishedView {
    /// Answers made public now
    published: i64,
    /// Opinions that need no answer, for listed reasons
    excluded: i64,
    /// Where the draft stands now
    state: DraftStateName,
}

/// The operations.
pub struct FeedbackApi;

#[OpenApi(tag = "Tag::Answering")]
impl FeedbackApi {
    /// Write the answer to an opinion, or write it anew while it is not public.
    ///
    /// When somebody else wrote one since the named revision, nothing is saved, and the failure says what the other wrote.
    #[oai(path = "/opinions/:opinion_id/disposition", method = "put", operation_id = "prepare_disposition")]
    async fn prepare_disposition(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<DispositionBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let (actor, from) = (Actor::Person(&caller), body.from_revision);
        feedback::prepare_disposition(&app.db, &app.clock, actor, opinion_id.into(), from, body.0.answer()?).await?;
        Ok(NothingResponse::Done)
    }

    /// Let prepared answers pass, or give them back with a remark. Nobody reviews what they wrote.
    #[oai(path = "/drafts/:draft_id/reviews", method = "post", operation_id = "review_dispositions")]
    async fn review_dispositions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<ReviewBody>,
    ) -> Result<Json<ReviewedView>, Problem> {
        let caller = signed_in.with(Permission::ReviewFeedback)?;
        let body = body.0;
        let what = match (body.answers.is_empty(), body.group_id, body.everything) {
            (false, None, false) => Reviewed::Answers(body.answers.iter().map(|a| (OpinionId(a.opinion_id), a.revision)).collect()),
            (true, Some(group), false) => Reviewed::Group(group),
            (true, None, true) => Reviewed::Everything,
            _ => return Err(Error::invalid("answers", "请在逐条、整组、全部三种审核范围中选择一种。").into()),
        };
        let verdict = if body.passes { Verdict::Pass } else { Verdict::Return(body.remark) };
        let actor = Actor::Person(&caller);
        let reviewed = feedback::review_dispositions(&app.db, &app.clock, actor, draft_id.into(), what, verdict).await?;
        Ok(Json(ReviewedView { reviewed }))
    }

    /// What would happen if the reviewed answers were published now.
    #[oai(path = "/drafts/:draft_id/feedback-preview", method = "get", operation_id = "preview_feedback")]
    async fn preview_feedback(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<PreviewView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let preview = feedback::preview_feedback(&app.db, &caller, &draft).await?;
        Ok(Json(preview_view(&preview, preview.refusal(draft.state))))
    }

    /// The answers that the next batch makes public, exactly as everybody will see them.
    #[oai(path = "/drafts/:draft_id/feedback-preview/answers", method = "get", operation_id = "list_ready_answers")]
    async fn list_ready_answers(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Answers on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<PublicAnswerPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let page = list_ready_answers(&app.db, &app.clock, &caller, &draft, cursor.as_deref(), limit as usize).await?;
        Ok(Json(PublicAnswerPageView { items: page.items.into_iter().filter_map(answer_view).collect(), next_cursor: page.next }))
    }

    /// Publish all reviewed answers of a draft whose round has ended, and tell the authors. Refused while an opinion has no reviewed answer and is not excluded.
    #[oai(path = "/drafts/:draft_id/feedback", method = "post", operation_id = "publish_feedback")]
    async fn publish_feedback(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<FeedbackBody>,
    ) -> Result<Json<PublishedView>, Problem> {
        let caller = signed_in.with(Permission::PublishFeedback)?;
        let actor = Actor::Person(&caller);
        let done = feedback::publish_feedback(&app.db, &app.clock, &app.ids, actor, draft_id.into(), &body.summary).await?;
        Ok(Json(PublishedView { published: done.published, excluded: done.excluded, state: done.state.into() }))
    }
}
