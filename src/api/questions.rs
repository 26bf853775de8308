//! Operations on the questions 征集问题 of a round and their answers.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::{Anyone, SignedIn};
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::drafts::consultations;
use crate::drafts::questions::{self, Answer, Question, QuestionKind};
use crate::drafts::{self, Viewer};
use crate::ids::ConsultationId;

/// How a question is answered.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "QuestionKind")]
pub(super) enum QuestionKindName {
    /// 问答: in own words
    Text,
    /// 单选: by one of the options
    Single,
    /// 多选: by any number of the options
    Multiple,
}

/// A question to be published with a round.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct QuestionBody {
    /// How it is answered
    pub kind: QuestionKindName,
    /// The question
    #[oai(validator(max_length = 500))]
    pub wording: String,
    /// Two or more for a choice, none for own words
    #[oai(default, validator(max_items = 20))]
    pub options: Vec<String>,
}

/// A question.
#[derive(Object)]
pub(super) struct QuestionView {
    /// Id
    id: Uuid,
    /// From 1
    number: i64,
    /// How it is answered
    kind: QuestionKindName,
    /// The question
    wording: String,
    /// Options, numbered from 1 in this order
    options: Vec<String>,
}

/// What one person answers to one question.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct AnswerBody {
    /// The question
    question_id: Uuid,
    /// Own words; for a question that asks for them
    #[oai(default, validator(max_length = 2000))]
    body: String,
    /// Numbers of the options chosen
    #[oai(default, validator(max_items = 20))]
    choices: Vec<i64>,
}

/// Answers of one person.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AnswersBody {
    /// One for each question; questions that are not named keep their answers. Neither words nor choices takes an answer back.
    #[oai(validator(max_items = 20))]
    answers: Vec<AnswerBody>,
}

/// What one person answered to one question.
#[derive(Object)]
struct OwnAnswerView {
    /// The question
    question_id: Uuid,
    /// Own words
    body: String,
    /// Numbers of the options chosen
    choices: Vec<i64>,
}

/// What the caller answered.
#[derive(Object)]
struct OwnAnswersView {
    /// In the order of the questions; unanswered questions are absent
    answers: Vec<OwnAnswerView>,
}

/// How often a question was answered.
#[derive(Object)]
struct QuestionCountView {
    /// The question
    question_id: Uuid,
    /// Persons who answered it
    persons: i64,
    /// Persons who chose each option, in the order of the options
    options: Vec<i64>,
}

/// Counts of a round.
#[derive(Object)]
struct QuestionCountsView {
    /// In the order of the questions
    questions: Vec<QuestionCountView>,
}

/// An answer in own words.
#[derive(Object)]
struct WrittenAnswerView {
    /// The words
    body: String,
    /// When they were last changed
    updated_at: DateTime<Utc>,
}

/// One page of answers in own words.
#[derive(Object)]
struct WrittenAnswerPageView {
    /// Answers, the earliest first
    items: Vec<WrittenAnswerView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

pub(super) fn question_view(question: &Question) -> QuestionView {
    QuestionView {
        id: question.id,
        number: question.number,
        kind: question.kind.into(),
        wording: question.wording.clone(),
        options: question.options.clone(),
    }
}

fn answer_of(body: AnswerBody) -> Answer {
    Answer { question: body.question_id, body: body.body, choices: body.choices }
}

async fn own_answers(app: &App, caller: &crate::accounts::Caller, draft_id: Uuid) -> Result<Json<OwnAnswersView>, Problem> {
    let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(caller)), draft_id.into()).await?;
    let rounds = consultations::list_rounds(&app.db, &draft).await?;
    let mut answers = Vec::new();
    if let Some(round) = rounds.last() {
        for answer in questions::list_own_answers(&app.db, caller.account_id, round.id).await? {
            answers.push(OwnAnswerView { question_id: answer.question, body: answer.body, choices: answer.choices });
        }
    }
    Ok(Json(OwnAnswersView { answers }))
}

/// The operations.
pub struct QuestionsApi;

#[OpenApi(tag = "Tag::Drafts")]
impl QuestionsApi {
    /// What the caller answered to the questions of the newest round.
    #[oai(path = "/drafts/:draft_id/question-answers", method = "get", operation_id = "list_own_question_answers")]
    async fn list_own_question_answers(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<OwnAnswersView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        own_answers(&app, &caller, draft_id).await
    }

    /// Answer questions of the round that is open, or change the answers, until the round ends. Each person has one answer to each question.
    #[oai(path = "/drafts/:draft_id/question-answers", method = "put", operation_id = "put_question_answers")]
    async fn put_question_answers(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<AnswersBody>,
    ) -> Result<Json<OwnAnswersView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let answers: Vec<Answer> = body.0.answers.into_iter().map(answer_of).collect();
        questions::put_answers(&app.db, &app.clock, &caller, draft_id.into(), &answers).await?;
        own_answers(&app, &caller, draft_id).await
    }

    /// How often the questions of a round were answered: for staff, and for everybody when the round says so.
    #[oai(
        path = "/drafts/:draft_id/consultations/:consultation_id/question-counts",
        method = "get",
        operation_id = "count_question_answers"
    )]
    async fn count_question_answers(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Round
        Path(consultation_id): Path<Uuid>,
    ) -> Result<Json<QuestionCountsView>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let round = consultations::get_round(&app.db, &draft, ConsultationId(consultation_id)).await?;
        let counts = questions::count_answers(&app.db, viewer, &round).await?;
        let view = |count: questions::QuestionCount| QuestionCountView {
            question_id: count.question,
            persons: count.persons,
            options: count.options,
        };
        Ok(Json(QuestionCountsView { questions: counts.into_iter().map(view).collect() }))
    }

    /// Answers in own words to a question, for staff.
    #[oai(path = "/drafts/:draft_id/questions/:question_id/written-answers", method = "get", operation_id = "list_written_answers")]
    async fn list_written_answers(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Question
        Path(question_id): Path<Uuid>,
        /// Answers on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<WrittenAnswerPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(&caller)), draft_id.into()).await?;
        let page = questions::list_written_answers(&app.db, &caller, &draft, question_id, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|answer| WrittenAnswerView { body: answer.body, updated_at: answer.updated_at });
        Ok(Json(WrittenAnswerPageView { items: page.items, next_cursor: page.next }))
    }
}
