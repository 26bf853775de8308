//! Operations on consultation rounds 公开征求意见: counting the days, publishing, extending, ending early, giving a draft up.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::day::Day;
use super::drafts::{DraftView, draft_view};
use super::problem::Problem;
use super::questions::{QuestionBody, QuestionView, question_view};
use crate::accounts::{Actor, Permission};
use crate::app::App;
use crate::drafts::consultations::{self, Consultation, Days, NewConsultation, Phase};
use crate::drafts::endings::{self, Extension};
use crate::drafts::questions::{self, NewQuestion, Question};
use crate::drafts::{self, Draft, Viewer, notices, versions};
use crate::error::{Error, Result};
use crate::ids::{Clock, DraftVersionId};

/// Where a round stands at the instant of the answer.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Phase")]
enum PhaseName {
    /// 尚未开始
    Upcoming,
    /// 征求意见中
    Open,
    /// 已截止，接收逾期意见: opinions are taken and marked as late
    Late,
    /// 已截止
    Closed,
    /// 已提前结束, with a public reason
    Withdrawn,
}

/// A new consultation round.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ConsultationBody {
    /// The version that is asked about; the newest when absent
    #[oai(skip_serializing_if_is_none)]
    version_id: Option<Uuid>,
    /// Title of the notice; made from the title of the version when absent
    #[oai(default, validator(max_length = 300))]
    notice_title: String,
    /// The notice; `plan_consultation` gives a first form of it
    #[oai(validator(max_length = 20000))]
    notice: String,
    /// First day, in Asia/Shanghai; at once when absent
    #[oai(skip_serializing_if_is_none)]
    opens_on: Option<Day>,
    /// Last day, taken until 24:00; the usual period when absent
    #[oai(skip_serializing_if_is_none)]
    closes_on: Option<Day>,
    /// Last day on which late opinions are taken and marked as late, until 24:00; they are refused when absent
    #[oai(skip_serializing_if_is_none)]
    late_through: Option<Day>,
    /// Why the round is shorter than the usual period; public, and needed when it is
    #[oai(default, validator(max_length = 2000))]
    shorter_reason: String,
    /// Whether opinions that passed moderation are shown to others while the round is open
    #[oai(default)]
    shows_opinions: bool,
    /// Whether people may speak without signing in
    #[oai(default)]
    allows_anonymous: bool,
    /// Whether everybody may see how often the questions were answered
    #[oai(default)]
    shows_answers: bool,
    /// What the public is asked besides
    #[oai(default, validator(max_items = 20))]
    questions: Vec<QuestionBody>,
}

/// A later end of a round.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ExtensionBody {
    /// The new last day, later than the present one
    closes_on: Day,
    /// The public notice of it: why the period is longer
    #[oai(validator(max_length = 2000))]
    notice: String,
}

/// Why something ends before its time.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct WithdrawalBody {
    /// The reason; public
    #[oai(validator(max_length = 2000))]
    reason: String,
}

/// 延期: one move of the end of a round.
#[derive(Object)]
struct ExtensionView {
    /// From 1
    number: i64,
    /// Last day before it
    closed_on_before: Day,
    /// Last day since
    closes_on: Day,
    /// The public notice of it
    notice: String,
    /// When it was published
    extended_at: DateTime<Utc>,
}

/// A consultation round.
#[derive(Object)]
pub(super) struct ConsultationView {
    /// Id
    id: Uuid,
    /// From 1
    round: i64,
    /// The version that is asked about
    version_id: Uuid,
    /// Where it stands at the instant of the answer
    phase: PhaseName,
    /// Title of the notice
    notice_title: String,
    /// The notice
    notice: String,
    /// Why the round is shorter than usual
    #[oai(skip_serializing_if = "String::is_empty", default)]
    shorter_reason: String,
    /// First instant at which opinions are taken
    opens_at: DateTime<Utc>,
    /// First instant that is too late
    closes_at: DateTime<Utc>,
    /// Last day on which opinions are taken, in Asia/Shanghai
    closes_on: Day,
    /// First instant that is too late also for a late opinion; absent when they are refused
    #[oai(skip_serializing_if_is_none)]
    late_until: Option<DateTime<Utc>>,
    /// Each time its end was moved later
    extensions: Vec<ExtensionView>,
    /// When it was ended before its time
    #[oai(skip_serializing_if_is_none)]
    withdrawn_at: Option<DateTime<Utc>>,
    /// Why it was
    #[oai(skip_serializing_if = "String::is_empty", default)]
    withdrawal_reason: String,
    /// Whether opinions that passed moderation are shown to others while the round is open
    shows_opinions: bool,
    /// Whether people may speak without signing in
    allows_anonymous: bool,
    /// Whether everybody may see how often the questions were answered
    shows_answers: bool,
    /// What the public is asked besides
    questions: Vec<QuestionView>,
    /// What the bureau says of the opinions as a whole
    #[oai(skip_serializing_if = "String::is_empty", default)]
    feedback_summary: String,
    /// Since when what became of its opinions is public
    #[oai(skip_serializing_if_is_none)]
    feedback_published_at: Option<DateTime<Utc>>,
}

/// A round as it would be, and the first form of its notice.
#[derive(Object)]
struct PlanView {
    /// The version that would be asked about
    version_id: Uuid,
    /// First day
    opens_on: Day,
    /// Last day, taken until 24:00
    closes_on: Day,
    /// First instant that would be too late
    closes_at: DateTime<Utc>,
    /// First instant that would be too late also for a late opinion
    #[oai(skip_serializing_if_is_none)]
    late_until: Option<DateTime<Utc>>,
    /// Days, the first not counted
    days: u32,
    /// The usual least number of days
    minimum_days: u32,
    /// Whether a public reason is needed
    is_short: bool,
    /// The period in words
    period: String,
    /// Title of the notice
    notice_title: String,
    /// The notice; what begins with 【请填写 is still to be filled in
    notice: String,
}

/// A round was published.
#[derive(ApiResponse)]
enum CreatedConsultation {
    /// Published
    #[oai(status = 201)]
    Created(Json<ConsultationView>),
}

fn extension_view(extension: &Extension) -> ExtensionView {
    ExtensionView {
        number: extension.number,
        closed_on_before: Day(extension.closed_on_before()),
        closes_on: Day(extension.closes_on()),
        notice: extension.notice.clone(),
        extended_at: extension.extended_at,
    }
}

fn consultation_view(round: Consultation, clock: &Clock, extensions: &[Extension], questions: &[Question]) -> ConsultationView {
    ConsultationView {
        id: round.id.0,
        round: round.round,
        version_id: round.version_id.0,
        phase: round.phase(clock.now()).into(),
        closes_on: Day(round.closes_on()),
        extensions: extensions.iter().filter(|e| e.consultation_id == round.id).map(extension_view).collect(),
        questions: questions.iter().filter(|q| q.consultation_id == round.id).map(question_view).collect(),
        notice_title: round.notice_title,
        notice: round.notice,
        shorter_reason: round.shorter_reason,
        opens_at: round.opens_at,
        closes_at: round.closes_at,
        late_until: round.late_until,
        withdrawn_at: round.withdrawn_at,
        withdrawal_reason: round.withdrawal_reason,
        shows_opinions: round.shows_opinions,
        allows_anonymous: round.allows_anonymous,
        shows_answers: round.shows_answers,
        feedback_summary: round.feedback_summary,
        feedback_published_at: round.feedback_published_at,
    }
}

/// The rounds of a draft, the first one first.
pub(super) async fn list_views(app: &App, draft: &Draft) -> Result<Vec<ConsultationView>> {
    let rounds = consultations::list_rounds(&app.db, draft).await?;
    let extensions = endings::list_extensions(&app.db, draft).await?;
    let questions = questions::list_questions(&app.db, draft).await?;
    Ok(rounds.into_iter().map(|round| consultation_view(round, &app.clock, &extensions, &questions)).collect())
}

/// One round as callers see it.
async fn view_of(app: &App, viewer: Viewer<'_>, round: Consultation) -> Result<ConsultationView> {
    let draft = drafts::get_draft(&app.db, &app.clock, viewer, round.draft_id).await?;
    let extensions = endings::list_extensions(&app.db, &draft).await?;
    let questions = questions::list_questions(&app.db, &draft).await?;
    Ok(consultation_view(round, &app.clock, &extensions, &questions))
}

/// The operations.
pub struct RoundsApi;

#[OpenApi(tag = "Tag::Drafts")]
impl RoundsApi {
    /// Count the days of a round that would be published now, and get the first form of its notice. Nothing is written.
    #[oai(path = "/drafts/:draft_id/consultation-plan", method = "get", operation_id = "plan_consultation")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn plan_consultation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// The version that would be asked about; the newest when absent
        Query(version_id): Query<Option<Uuid>>,
        /// First day; at once when absent
        Query(opens_on): Query<Option<Day>>,
        /// Last day; the usual period when absent
        Query(closes_on): Query<Option<Day>>,
        /// Last day on which late opinions are taken; none are when absent
        Query(late_through): Query<Option<Day>>,
        /// Why the round is shorter than the usual period
        #[oai(default, validator(max_length = 2000))]
        Query(shorter_reason): Query<String>,
    ) -> Result<Json<PlanView>, Problem> {
        let caller = signed_in.with(Permission::OpenConsultation)?;
        let viewer = Viewer::Public(Some(&caller));
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let versions = versions::list_versions(&app.db, viewer, &draft).await?;
        let version = match version_id {
            None => versions.last().ok_or_else(|| Error::not_found("这份草案的稿次"))?,
            Some(id) => versions.iter().find(|version| version.id.0 == id).ok_or_else(|| Error::not_found("这个稿次"))?,
        };
        let day = |day: Option<Day>| day.map(|day| day.0);
        let days = Days { opens_on: day(opens_on), closes_on: day(closes_on), late_through: day(late_through) };
        let span = consultations::plan(days, &app.config.rules, app.clock.now())?;
        Ok(Json(PlanView {
            version_id: version.id.0,
            opens_on: Day(span.opens_on),
            closes_on: Day(span.closes_on),
            closes_at: span.closes_at,
            late_until: span.late_until,
            days: span.days,
            minimum_days: span.minimum_days,
            is_short: span.is_short(),
            period: notices::period(&span),
            notice_title: notices::title(&version.title),
            notice: notices::compose(notices::Facts {
                title: &version.title,
                drafting_unit: &draft.drafting_unit,
                bureau: &app.config.bureau_name,
                site: &app.config.site_name,
                link: &app.config.public_link(&format!("/drafts/{draft_id}")),
                contact: &app.config.contact,
                span: &span,
                shorter_reason: &shorter_reason,
                today: app.clock.today(),
            }),
        }))
    }

    /// Publish a version with its explanation, and open a consultation round on it, at once or on a later day.
    #[oai(path = "/drafts/:draft_id/consultations", method = "post", operation_id = "open_consultation")]
    async fn open_consultation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<ConsultationBody>,
    ) -> Result<CreatedConsultation, Problem> {
        let caller = signed_in.with(Permission::OpenConsultation)?;
        let body = body.0;
        let day = |day: Option<Day>| day.map(|day| day.0);
        let question = |q: QuestionBody| NewQuestion { kind: q.kind.into(), wording: q.wording, options: q.options };
        let new = NewConsultation {
            version_id: body.version_id.map(DraftVersionId),
            notice_title: body.notice_title,
            notice: body.notice,
            days: Days { opens_on: day(body.opens_on), closes_on: day(body.closes_on), late_through: day(body.late_through) },
            shorter_reason: body.shorter_reason,
            shows_opinions: body.shows_opinions,
            allows_anonymous: body.allows_anonymous,
            shows_answers: body.shows_answers,
            questions: body.questions.into_iter().map(question).collect(),
        };
        let actor = Actor::Person(&caller);
        let rules = &app.config.rules;
        let round = consultations::open_consultation(&app.db, &app.clock, &app.ids, rules, actor, draft_id.into(), new).await?;
        Ok(CreatedConsultation::Created(Json(view_of(&app, Viewer::Public(Some(&caller)), round).await?)))
    }

    /// Move the end of the newest round later, before it has ended. The notice is public, the history stays, followers are told. The same words again
    /// change nothing.
    #[oai(path = "/drafts/:draft_id/extension", method = "post", operation_id = "extend_consultation")]
    async fn extend_consultation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<ExtensionBody>,
    ) -> Result<Json<ConsultationView>, Problem> {
        let caller = signed_in.with(Permission::OpenConsultation)?;
        let actor = Actor::Person(&caller);
        let closes_on = body.0.closes_on.0;
        let round = endings::extend_consultation(&app.db, &app.clock, &app.ids, actor, draft_id.into(), closes_on, &body.0.notice).await?;
        Ok(Json(view_of(&app, Viewer::Public(Some(&caller)), round).await?))
    }

    /// End the newest round before its time, or before it began. What came in is kept and still answered. The same words again change nothing.
    #[oai(path = "/drafts/:draft_id/round-withdrawal", method = "post", operation_id = "withdraw_consultation")]
    async fn withdraw_consultation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<WithdrawalBody>,
    ) -> Result<Json<ConsultationView>, Problem> {
        let caller = signed_in.with(Permission::OpenConsultation)?;
        let actor = Actor::Person(&caller);
        let round = endings::withdraw_consultation(&app.db, &app.clock, &app.ids, actor, draft_id.into(), &body.0.reason).await?;
        Ok(Json(view_of(&app, Viewer::Public(Some(&caller)), round).await?))
    }

    /// Give a public draft up, together with a round that has not ended. What came in is kept and still answered. The same words again change nothing.
    #[oai(path = "/drafts/:draft_id/withdrawal", method = "post", operation_id = "withdraw_draft")]
    async fn withdraw_draft(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<WithdrawalBody>,
    ) -> Result<Json<DraftView>, Problem> {
        let caller = signed_in.with(Permission::WithdrawDraft)?;
        let actor = Actor::Person(&caller);
        let draft = endings::withdraw_draft(&app.db, &app.clock, &app.ids, actor, draft_id.into(), &body.0.reason).await?;
        Ok(Json(draft_view(draft)))
    }
}
