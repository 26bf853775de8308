//! Giving opinions to handlers, tags, exclusions, notes among staff, reusable reasons.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::opinions;
use super::views::ExclusionReasonName;
use crate::accounts::{Actor, Permission};
use crate::api::Tag;
use crate::api::accounts::NothingResponse;
use crate::api::callers::SignedIn;
use crate::api::opinions::find_draft;
use crate::api::problem::Problem;
use crate::app::App;
use crate::error::Error;
use crate::ids::{AccountId, OpinionId};
use crate::opinions::triage::handling::{self, Assigned};
use crate::opinions::triage::notes;

/// A person who can handle opinions.
#[derive(Object)]
struct HandlerView {
    /// Account
    id: Uuid,
    /// Name
    name: String,
}

/// Giving opinions to a handler; either opinions or an article.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AssignmentBody {
    /// Opinions
    #[oai(default, validator(max_items = 200))]
    opinions: Vec<Uuid>,
    /// Instead: an article with all its opinions that are not answered; `whole` = the draft as a whole
    #[oai(skip_serializing_if_is_none, validator(max_length = 200))]
    article: Option<String>,
    /// The handler; nobody when absent
    #[oai(skip_serializing_if_is_none)]
    handler_id: Option<Uuid>,
}

/// How many opinions an act touched.
#[derive(Object)]
struct TouchedView {
    /// Opinions
    opinions: i64,
}

/// Tags to be put on and taken off.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TagsBody {
    /// Opinions
    #[oai(validator(max_items = 200))]
    opinions: Vec<Uuid>,
    /// Tags to be put on
    #[oai(default, validator(max_items = 10))]
    add: Vec<String>,
    /// Tags to be taken off
    #[oai(default, validator(max_items = 10))]
    remove: Vec<String>,
}

/// Opinions that need no answer.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ExclusionBody {
    /// Opinions
    #[oai(validator(max_items = 200))]
    opinions: Vec<Uuid>,
    /// Why; absent = take them in again
    #[oai(skip_serializing_if_is_none)]
    reason: Option<ExclusionReasonName>,
}

/// A text to be kept.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TextBody {
    /// The text
    #[oai(validator(max_length = 5000))]
    body: String,
}

/// A note among staff.
#[derive(Object)]
struct OpinionNoteView {
    /// Id
    id: Uuid,
    /// Who wrote it
    author_name: String,
    /// What it says
    body: String,
    /// When
    created_at: DateTime<Utc>,
}

/// A reason that is used again.
#[derive(Object)]
struct ReasonView {
    /// Id
    id: Uuid,
    /// The reason
    body: String,
}

/// The operations.
pub struct HandlingApi;

#[OpenApi(tag = "Tag::Answering")]
impl HandlingApi {
    /// People who can handle opinions.
    #[oai(path = "/handlers", method = "get", operation_id = "list_handlers")]
    async fn list_handlers(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<Vec<HandlerView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let handlers = handling::list_handlers(&app.db, &caller).await?;
        Ok(Json(handlers.into_iter().map(|person| HandlerView { id: person.id.0, name: person.display_name }).collect()))
    }

    /// Give opinions of a draft to a handler, one by one or by article.
    #[oai(path = "/drafts/:draft_id/assignments", method = "post", operation_id = "assign_opinions")]
    async fn assign_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<AssignmentBody>,
    ) -> Result<Json<TouchedView>, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let body = body.0;
        let what = match body.article {
            None => Assigned::Opinions(opinions(body.opinions)),
            Some(article) if body.opinions.is_empty() => Assigned::Article(article),
            Some(_) => return Err(Error::invalid("article", "请选择意见，或者选择整条条文，不要同时选择。").into()),
        };
        let handler = body.handler_id.map(AccountId);
        let opinions = handling::assign_opinions(&app.db, &app.clock, &caller, draft_id.into(), &what, handler).await?;
        Ok(Json(TouchedView { opinions }))
    }

    /// Put tags on opinions of a draft and take others off.
    #[oai(path = "/drafts/:draft_id/tags", method = "post", operation_id = "tag_opinions")]
    async fn tag_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<TagsBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let body = body.0;
        let chosen = opinions(body.opinions);
        handling::tag_opinions(&app.db, &app.clock, &caller, draft_id.into(), &chosen, &body.add, &body.remove).await?;
        Ok(NothingResponse::Done)
    }

    /// Exclude opinions of a draft from feedback for a listed reason, or take them in again.
    #[oai(path = "/drafts/:draft_id/exclusions", method = "post", operation_id = "exclude_opinions")]
    async fn exclude_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<ExclusionBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let body = body.0;
        let reason = body.reason.map(Into::into);
        let chosen = opinions(body.opinions);
        handling::exclude_opinions(&app.db, &app.clock, Actor::Person(&caller), draft_id.into(), &chosen, reason).await?;
        Ok(NothingResponse::Done)
    }

    /// Notes among staff on an opinion.
    #[oai(path = "/opinions/:opinion_id/notes", method = "get", operation_id = "list_opinion_notes")]
    async fn list_opinion_notes(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<Vec<OpinionNoteView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let notes = notes::list_notes(&app.db, &caller, OpinionId(opinion_id)).await?;
        let view = |n: notes::Note| OpinionNoteView { id: n.id, author_name: n.author_name, body: n.body, created_at: n.created_at };
        Ok(Json(notes.into_iter().map(view).collect()))
    }

    /// Write a note under an id of the caller's choice; the same note under the same id is written once.
    #[oai(path = "/opinions/:opinion_id/notes/:note_id", method = "put", operation_id = "write_opinion_note")]
    async fn write_opinion_note(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        /// Id of the new note, made by the caller
        Path(note_id): Path<Uuid>,
        body: Json<TextBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        notes::write_note(&app.db, &app.clock, &caller, OpinionId(opinion_id), note_id, &body.body).await?;
        Ok(NothingResponse::Done)
    }

    /// Reasons kept for use on other opinions of a draft.
    #[oai(path = "/drafts/:draft_id/reason-texts", method = "get", operation_id = "list_reason_texts")]
    async fn list_reason_texts(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<Vec<ReasonView>>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let reasons = notes::list_reasons(&app.db, &caller, &draft).await?;
        Ok(Json(reasons.into_iter().map(|r| ReasonView { id: r.id, body: r.body }).collect()))
    }

    /// Keep a reason under an id of the caller's choice; the same under the same id is kept once.
    #[oai(path = "/drafts/:draft_id/reason-texts/:reason_id", method = "put", operation_id = "keep_reason_text")]
    async fn keep_reason_text(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Id of the new reason, made by the caller
        Path(reason_id): Path<Uuid>,
        body: Json<TextBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        notes::keep_reason(&app.db, &app.clock, &caller, draft_id.into(), reason_id, &body.body).await?;
        Ok(NothingResponse::Done)
    }

    /// Remove a kept reason; answers that used it keep their words.
    #[oai(path = "/drafts/:draft_id/reason-texts/:reason_id", method = "delete", operation_id = "remove_reason_text")]
    async fn remove_reason_text(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Reason
        Path(reason_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        notes::remove_reason(&app.db, &app.clock, &caller, draft_id.into(), reason_id).await?;
        Ok(NothingResponse::Done)
    }
}
