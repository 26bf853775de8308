//! Operations on the feedback report 采纳情况反馈报告 of a round, and on one opinion as everybody sees it.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::find_draft;
use super::views::{DispositionKindName, NamedCountView, PublicAnswerView, StanceName, answer_view};
use crate::api::Tag;
use crate::api::callers::Anyone;
use crate::api::problem::Problem;
use crate::app::App;
use crate::documents::writing::attachment;
use crate::drafts::consultations;
use crate::opinions::reading::{PublicOpinion, Words, get_public_opinion};
use crate::opinions::report::{self, Report, ReportCounts, Site, document, table};

/// What became of the opinions of a round, all but the entries.
#[derive(Object)]
struct FeedbackReportView {
    /// Title, e.g. 《…》公开征求意见采纳情况反馈
    title: String,
    /// Draft
    draft_id: Uuid,
    /// Number of the round, from 1
    round: i64,
    /// The version that people spoke of
    version_id: Uuid,
    /// Since when it is public; absent in the preview that staff see
    #[oai(skip_serializing_if_is_none)]
    published_at: Option<DateTime<Utc>>,
    /// 公众参与过程, by paragraph
    process: Vec<String>,
    /// What the bureau says of the opinions as a whole
    summary: String,
    /// 意见条数: opinions received, without those withdrawn
    opinions: i64,
    /// 不同文本: distinct texts among them
    distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors
    signed_in_people: i64,
    /// Those that came after the end of the round, while late ones were still taken
    late: i64,
    /// Opinions withdrawn by their authors; in no other number
    withdrawn: i64,
    /// Rows of the report: opinions less exclusions, less those still open
    answered: i64,
    /// Opinions whose answer is still to come
    open: i64,
    /// Opinions that need no answer, in all
    excluded: i64,
    /// Opinions received by channel
    by_channel: Vec<NamedCountView>,
    /// Rows by outcome
    by_disposition: Vec<NamedCountView>,
    /// Opinions that need no answer, by listed reason
    exclusions: Vec<NamedCountView>,
    /// Path of the page
    page: String,
}

/// One numbered entry: an opinion, or several that were answered together.
#[derive(Object)]
struct ReportEntryView {
    /// From 1, in the order of the text
    number: i64,
    /// What is printed over the entries of its article
    unit: String,
    /// Opinions in it
    submissions: i64,
    /// Distinct texts among them
    distinct_texts: i64,
    /// Distinct signed-in people among the authors
    signed_in_people: i64,
    /// The opinion that stands for it, with the answer
    opinion: PublicAnswerView,
}

/// One page of entries.
#[derive(Object)]
struct ReportEntryPageView {
    /// Entries
    items: Vec<ReportEntryView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An opinion as everybody sees it. What its author keeps back, and what was hidden, is absent.
#[derive(Object)]
struct PublicOpinionView {
    /// Id
    id: Uuid,
    /// Draft
    draft_id: Uuid,
    /// The version it speaks of
    version_id: Uuid,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// How it came
    channel: String,
    /// When it came
    posted_at: DateTime<Utc>,
    /// Whether the author keeps the words back
    is_withheld: bool,
    /// Whether the words were hidden by moderation
    is_hidden: bool,
    /// A kind of person or unit
    #[oai(skip_serializing_if_is_none)]
    author_kind: Option<String>,
    /// Attitude
    #[oai(skip_serializing_if_is_none)]
    stance: Option<StanceName>,
    /// The words that it points at
    #[oai(skip_serializing_if_is_none)]
    quote_text: Option<String>,
    /// The opinion
    #[oai(skip_serializing_if_is_none)]
    body: Option<String>,
    /// Why
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// The wording that it proposes
    #[oai(skip_serializing_if_is_none)]
    proposed_text: Option<String>,
    /// With its answer, once that is public
    #[oai(skip_serializing_if_is_none)]
    answer: Option<PublicAnswerView>,
}

/// The report as a document.
#[derive(ApiResponse)]
enum ReportDocumentResponse {
    /// The document
    #[oai(status = 200, content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    Found(
        Binary<Vec<u8>>,
        /// Suggested file name
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

/// The report as a table.
#[derive(ApiResponse)]
enum ReportTableResponse {
    /// The spreadsheet
    #[oai(status = 200, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")]
    Found(
        Binary<Vec<u8>>,
        /// Suggested file name
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

async fn find_report(app: &App, anyone: &Anyone, draft: Uuid, round: Uuid) -> Result<Report, Problem> {
    let caller = anyone.0.as_ref();
    let draft = find_draft(app, caller, draft).await?;
    let round = consultations::get_round(&app.db, &draft, round.into()).await?;
    Ok(report::get_report(&app.db, caller, draft, round).await?)
}

fn report_view(report: &Report, counts: &ReportCounts) -> FeedbackReportView {
    let named = |name: &str, label: &str, count: i64| NamedCountView { name: name.into(), label: label.into(), count };
    FeedbackReportView {
        title: report.title(),
        draft_id: report.draft.id.0,
        round: report.round.round,
        version_id: report.version.id.0,
        published_at: report.round.feedback_published_at,
        process: document::process(report, counts),
        summary: report.round.feedback_summary.clone(),
        opinions: counts.opinions,
        distinct_texts: counts.distinct_texts,
        signed_in_people: counts.signed_in_people,
        late: counts.late,
        withdrawn: counts.withdrawn,
        answered: counts.answered,
        open: counts.open,
        excluded: counts.excluded(),
        by_channel: counts.by_channel.iter().map(|(channel, n)| named(channel.as_str(), channel.label(), *n)).collect(),
        by_disposition: counts.by_disposition.iter().map(|(kind, n)| named(kind.as_str(), kind.label(), *n)).collect(),
        exclusions: counts.exclusions.iter().map(|(reason, n)| named(reason.as_str(), reason.label(), *n)).collect(),
        page: report.path(),
    }
}

fn opinion_view(draft: Uuid, opinion: PublicOpinion) -> PublicOpinionView {
    PublicOpinionView {
        id: opinion.id.0,
        draft_id: draft,
        version_id: opinion.version_id.0,
        address: opinion.address.clone(),
        provision_label: opinion.provision_label.clone(),
        channel: opinion.channel.as_str().into(),
        posted_at: opinion.posted_at,
        is_withheld: opinion.words == Words::Withheld,
        is_hidden: opinion.words == Words::Hidden,
        author_kind: opinion.author_kind.clone(),
        stance: opinion.stance.map(Into::into),
        quote_text: opinion.quote_text.clone().filter(|words| !words.is_empty()),
        body: opinion.body.clone(),
        reason: opinion.reason.clone(),
        proposed_text: opinion.proposed_text.clone().filter(|words| !words.is_empty()),
        answer: answer_view(opinion),
    }
}

/// The operations.
pub struct ReportApi;

#[OpenApi(tag = "Tag::Opinions")]
impl ReportApi {
    /// What became of the opinions of a round 采纳情况反馈报告, for everybody once it is published; before, as a preview for staff.
    #[oai(path = "/drafts/:draft_id/consultations/:consultation_id/report", method = "get", operation_id = "get_feedback_report")]
    async fn get_feedback_report(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Round
        Path(consultation_id): Path<Uuid>,
    ) -> Result<Json<FeedbackReportView>, Problem> {
        let report = find_report(&app, &anyone, draft_id, consultation_id).await?;
        Ok(Json(report_view(&report, &report::count(&app.db, &report).await?)))
    }

    /// The entries of a report in the order of the text; opinions that were answered together are one entry.
    #[oai(path = "/drafts/:draft_id/consultations/:consultation_id/report/entries", method = "get", operation_id = "list_report_entries")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn list_report_entries(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Round
        Path(consultation_id): Path<Uuid>,
        /// Only those with this outcome
        Query(kind): Query<Option<DispositionKindName>>,
        /// Entries on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ReportEntryPageView>, Problem> {
        let report = find_report(&app, &anyone, draft_id, consultation_id).await?;
        let (now, kind) = (app.clock.now(), kind.map(Into::into));
        let page = report::list_entries(&app.db, &report, now, kind, cursor.as_deref(), limit as usize).await?;
        let items = page.items.into_iter().filter_map(|entry| {
            Some(ReportEntryView {
                number: entry.number,
                unit: report.unit_label(entry.opinion.address.as_deref()),
                submissions: entry.submissions,
                distinct_texts: entry.distinct_texts,
                signed_in_people: entry.signed_in_people,
                opinion: answer_view(entry.opinion)?,
            })
        });
        Ok(Json(ReportEntryPageView { items: items.collect(), next_cursor: page.next }))
    }

    /// The report as a Word document.
    #[oai(path = "/drafts/:draft_id/consultations/:consultation_id/report/document", method = "get", operation_id = "get_report_document")]
    async fn get_report_document(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Round
        Path(consultation_id): Path<Uuid>,
    ) -> Result<ReportDocumentResponse, Problem> {
        let report = find_report(&app, &anyone, draft_id, consultation_id).await?;
        let bytes = document::write_document(&app.db, &report, &Site::of(&app.config), app.clock.now()).await?;
        Ok(ReportDocumentResponse::Found(Binary(bytes), attachment(&document::file_name(&report))))
    }

    /// Every opinion of the report as a row of a spreadsheet 意见汇总表, with its lasting id and link.
    #[oai(path = "/drafts/:draft_id/consultations/:consultation_id/report/table", method = "get", operation_id = "get_report_table")]
    async fn get_report_table(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Round
        Path(consultation_id): Path<Uuid>,
    ) -> Result<ReportTableResponse, Problem> {
        let report = find_report(&app, &anyone, draft_id, consultation_id).await?;
        let bytes = table::write_table(&app.db, &report, &Site::of(&app.config), app.clock.now()).await?;
        Ok(ReportTableResponse::Found(Binary(bytes), attachment(&table::file_name(&report))))
    }

    /// One opinion as everybody sees it: once it is answered, or while its round shows opinions. The lasting link of each row of a report.
    #[oai(path = "/opinions/:opinion_id/public", method = "get", operation_id = "get_public_opinion")]
    async fn get_public_opinion(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<PublicOpinionView>, Problem> {
        let (draft, opinion) = get_public_opinion(&app.db, opinion_id.into()).await?;
        find_draft(&app, anyone.0.as_ref(), draft.0).await?;
        Ok(Json(opinion_view(draft.0, opinion)))
    }
}
