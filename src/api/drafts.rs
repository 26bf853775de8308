//! Operations on drafts 草案 and their versions 稿次.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::{Anyone, SignedIn};
use super::problem::Problem;
use super::rounds::{ConsultationView, list_views};
use crate::accounts::{Actor, Permission};
use crate::app::App;
use crate::documents::Limits;
use crate::drafts::versions::{self, DraftProvision, DraftVersion, NewVersionFile};
use crate::drafts::{self, Draft, DraftKind, DraftState, NewDraft, Viewer};
use crate::error::{Code, Error};

/// What a draft is to become.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "DraftKind")]
pub(super) enum DraftKindName {
    /// 地方性法规
    LocalRegulation,
    /// 政府规章
    GovernmentRule,
    /// 行政规范性文件
    NormativeDocument,
}

/// Where a draft stands.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "DraftState")]
pub(super) enum DraftStateName {
    /// 起草中: seen by staff only
    Preparing,
    /// 征求意见中
    Consulting,
    /// 意见研究处理中
    Processing,
    /// 已反馈采纳情况
    FeedbackPublished,
    /// 已公布: linked to its document in the corpus
    Promulgated,
    /// 已撤回, with a public reason
    Withdrawn,
}

/// A new draft.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct DraftBody {
    /// Title of what it is to become, without 征求意见稿
    title: String,
    /// What it is to become; a government rule may not be called 条例
    kind: DraftKindName,
    /// 起草单位
    drafting_unit: String,
}

/// A text to be added to a draft.
#[derive(Multipart)]
struct VersionForm {
    /// The text: Word (.docx), Markdown, web page or plain text
    file: Upload,
    /// 草案说明; needed before the text is published
    #[oai(default)]
    explanation: String,
}

/// A draft, as lists show it.
#[derive(Object)]
pub(super) struct DraftView {
    /// Id
    id: Uuid,
    /// Title
    title: String,
    /// What it is to become
    kind: DraftKindName,
    /// 起草单位
    drafting_unit: String,
    /// Where it stands
    state: DraftStateName,
    /// Where it stands, in Chinese
    state_label: String,
    /// When the newest round begins
    #[oai(skip_serializing_if_is_none)]
    opens_at: Option<DateTime<Utc>>,
    /// First instant that is too late for the newest round
    #[oai(skip_serializing_if_is_none)]
    closes_at: Option<DateTime<Utc>>,
    /// When it was given up
    #[oai(skip_serializing_if_is_none)]
    withdrawn_at: Option<DateTime<Utc>>,
    /// Why it was given up
    #[oai(skip_serializing_if = "String::is_empty", default)]
    withdrawal_reason: String,
    /// Whether it belongs to the demonstration
    is_demonstration: bool,
}

/// One page of drafts.
#[derive(Object)]
struct DraftPageView {
    /// Drafts, the newest first
    items: Vec<DraftView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A version, without its text.
#[derive(Object)]
pub(super) struct DraftVersionView {
    /// Id
    id: Uuid,
    /// From 1
    number: i64,
    /// Title as the text has it
    title: String,
    /// 草案说明
    explanation: String,
    /// Name of the file
    source_name: String,
    /// Number of 条
    article_count: i64,
    /// Since when it is public
    #[oai(skip_serializing_if_is_none)]
    published_at: Option<DateTime<Utc>>,
    /// Corrections of the text so far; none are possible once it is public
    revision: i64,
    /// Changes of the explanation so far
    explanation_revision: i64,
}

/// A draft with its versions and rounds.
#[derive(Object)]
struct DraftDetailView {
    /// The draft
    draft: DraftView,
    /// Its versions, the earliest first
    versions: Vec<DraftVersionView>,
    /// Its rounds, the first one first
    consultations: Vec<ConsultationView>,
}

/// A node of a text.
#[derive(Object)]
struct DraftProvisionView {
    /// Address, e.g. `art-15/para-1/item-4`; opinions hang on it
    address: String,
    /// title, chapter, article, paragraph, item, …
    kind: String,
    /// Place in reading order, from 0
    ordinal: i64,
    /// Ordinal of the node it belongs to
    #[oai(skip_serializing_if_is_none)]
    parent: Option<i64>,
    /// Marker as printed
    label: String,
    /// Heading
    heading: String,
    /// Own words, without those of the nodes below
    text: String,
}

/// What the parser was not sure of.
#[derive(Object)]
struct DraftDiagnosticView {
    /// Its number
    code: String,
    /// Line of the text as it is corrected, from 1; 0 when it is not known
    line: i64,
    /// What was found
    detail: String,
}

/// A version with its text.
#[derive(Object)]
pub(super) struct DraftTextView {
    /// The version
    version: DraftVersionView,
    /// Its nodes, in reading order
    provisions: Vec<DraftProvisionView>,
    /// What the parser was not sure of; for staff
    #[oai(skip_serializing_if = "Vec::is_empty", default)]
    diagnostics: Vec<DraftDiagnosticView>,
}

/// A draft was created.
#[derive(ApiResponse)]
enum CreatedDraft {
    /// Created
    #[oai(status = 201)]
    Created(Json<DraftView>),
}

/// A version was added.
#[derive(ApiResponse)]
enum CreatedVersion {
    /// Added
    #[oai(status = 201)]
    Created(Json<DraftTextView>),
}

pub(super) fn draft_view(draft: Draft) -> DraftView {
    DraftView {
        id: draft.id.0,
        title: draft.title,
        kind: draft.kind.into(),
        drafting_unit: draft.drafting_unit,
        state: draft.state.into(),
        state_label: draft.state.label().into(),
        opens_at: draft.opens_at,
        closes_at: draft.closes_at,
        withdrawn_at: draft.withdrawn_at,
        withdrawal_reason: draft.withdrawal_reason,
        is_demonstration: draft.is_demonstration,
    }
}

pub(super) fn version_view(version: DraftVersion) -> DraftVersionView {
    DraftVersionView {
        id: version.id.0,
        number: version.number,
        title: version.title,
        explanation: version.explanation,
        source_name: version.source_name,
        article_count: version.article_count,
        published_at: version.published_at,
        revision: version.revision,
        explanation_revision: version.explanation_revision,
    }
}

fn provision_view(provision: DraftProvision) -> DraftProvisionView {
    DraftProvisionView {
        address: provision.address,
        kind: provision.kind.as_str().into(),
        ordinal: provision.ordinal,
        parent: provision.parent,
        label: provision.label,
        heading: provision.heading,
        text: provision.text,
    }
}

pub(super) async fn text_view(app: &App, viewer: Viewer<'_>, version: DraftVersion) -> Result<DraftTextView, Problem> {
    let provisions = versions::list_provisions(&app.db, &version).await?;
    let diagnostics = if viewer.sees_unpublished() { versions::list_diagnostics(&app.db, &version).await? } else { Vec::new() };
    Ok(DraftTextView {
        version: version_view(version),
        provisions: provisions.into_iter().map(provision_view).collect(),
        diagnostics: diagnostics.into_iter().map(|d| DraftDiagnosticView { code: d.code, line: d.line, detail: d.detail }).collect(),
    })
}

/// The operations.
pub struct DraftsApi;

#[OpenApi(tag = "Tag::Drafts")]
impl DraftsApi {
    /// Drafts that the caller may see, the newest first.
    #[oai(path = "/drafts", method = "get", operation_id = "list_drafts")]
    async fn list_drafts(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Only those that stand here now
        Query(state): Query<Option<DraftStateName>>,
        /// Drafts on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<DraftPageView>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let page = drafts::list_drafts(&app.db, &app.clock, viewer, state.map(Into::into), cursor.as_deref(), limit as usize).await?;
        let page = page.map(draft_view);
        Ok(Json(DraftPageView { items: page.items, next_cursor: page.next }))
    }

    /// Create a draft; the public does not see it until a consultation is published.
    #[oai(path = "/drafts", method = "post", operation_id = "create_draft")]
    async fn create_draft(&self, app: Data<&App>, signed_in: SignedIn, body: Json<DraftBody>) -> Result<CreatedDraft, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let new = NewDraft { id: None, title: body.0.title, kind: body.0.kind.into(), drafting_unit: body.0.drafting_unit, seed_key: None };
        let draft = drafts::create_draft(&app.db, &app.clock, &app.ids, Actor::Person(&caller), new).await?;
        Ok(CreatedDraft::Created(Json(draft_view(draft))))
    }

    /// A draft with its versions and rounds.
    #[oai(path = "/drafts/:draft_id", method = "get", operation_id = "get_draft")]
    async fn get_draft(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<DraftDetailView>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let versions = versions::list_versions(&app.db, viewer, &draft).await?;
        let consultations = list_views(&app, &draft).await?;
        Ok(Json(DraftDetailView { draft: draft_view(draft), versions: versions.into_iter().map(version_view).collect(), consultations }))
    }

    /// Add a version from a file. It may be corrected until it is published; from then on a correction is a new version.
    #[oai(path = "/drafts/:draft_id/versions", method = "post", operation_id = "add_draft_version")]
    async fn add_draft_version(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        form: VersionForm,
    ) -> Result<CreatedVersion, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        if form.file.size() as u64 > Limits::MAX_FILE_BYTES {
            return Err(Error::new(Code::TooLarge, format!("文件不超过 {} MB。", Limits::MAX_FILE_BYTES >> 20)).into());
        }
        let name = form.file.file_name().unwrap_or("未命名").to_owned();
        let bytes = form.file.into_vec().await.map_err(|e| Error::internal("an upload could not be read back", e))?;
        let file = NewVersionFile { id: None, name, bytes, explanation: form.explanation };
        let actor = Actor::Person(&caller);
        let version = versions::add_version(&app.db, &app.blobs, &app.clock, &app.ids, actor, draft_id.into(), file).await?;
        Ok(CreatedVersion::Created(Json(text_view(&app, Viewer::Public(Some(&caller)), version).await?)))
    }

    /// A version with its text.
    #[oai(path = "/drafts/:draft_id/versions/:version_id", method = "get", operation_id = "get_draft_version")]
    async fn get_draft_version(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
    ) -> Result<Json<DraftTextView>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        Ok(Json(text_view(&app, viewer, version).await?))
    }
}
