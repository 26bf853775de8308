//! Operations on a draft before it is opened to the public, and once it has become law: the text and its corrections (here), `attachments.rs`,
//! `bases.rs` (legal bases), `promulgation.rs`.

mod attachments;
mod bases;
mod promulgation;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::drafts::{DraftKindName, DraftTextView, DraftVersionView, DraftView, draft_view, text_view, version_view};
use super::problem::Problem;
use crate::accounts::{Actor, Permission};
use crate::app::App;
use crate::corpus::structure::typed::LineKind;
use crate::drafts::corrections::{self, Corrected, Correction, CorrectionAct, Note};
use crate::drafts::particulars::{self, DraftChange};
use crate::drafts::versions::{self, NewVersionFile};
use crate::drafts::{self, Viewer, explanations};
use crate::error::{Error, Result as DomainResult};

/// The capabilities of this room.
pub type Operations = (TextsApi, attachments::AttachmentsApi, bases::LegalBasesApi, promulgation::PromulgationApi);

/// See [`Operations`].
pub fn operations() -> Operations {
    (TextsApi, attachments::AttachmentsApi, bases::LegalBasesApi, promulgation::PromulgationApi)
}

/// What a line of a text is.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "LineKind")]
enum LineKindName {
    /// 标题
    Title,
    /// 题注
    TitleNote,
    /// 目录
    Contents,
    /// 序言: its heading, or a paragraph of it
    Preamble,
    /// 编
    Part,
    /// 分编
    SubPart,
    /// 章
    Chapter,
    /// 节
    Section,
    /// 条 with its first paragraph
    Article,
    /// A further 款
    Paragraph,
    /// 项 or 目: the style of the marker tells the depth
    Item,
    /// A heading 一、, or one without a number
    Heading,
    /// 一、 with its first paragraph
    Unit,
    /// Words outside any article
    Text,
    /// 附件
    Attachment,
    /// A table, one row a line
    Table,
    /// 落款
    Signature,
}

/// What is to be done to a line.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
enum CorrectionName {
    /// Other words (`text`), another kind (`kind`); a line break in the words makes two lines
    Edit,
    /// Cut before character `at`
    Split,
    /// Join with the line before
    Join,
    /// Put a line after line `line` (0: at the top)
    Insert,
    /// Remove the line
    Remove,
    /// Say that the line is right as it was read
    Accept,
}

/// A correction of one line.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CorrectionBody {
    /// The revision of the text that the caller saw; refused when somebody else was quicker
    #[oai(validator(minimum(value = "0")))]
    revision: i64,
    /// What is to be done
    action: CorrectionName,
    /// Which line, from 1
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    line: u32,
    /// For `split`: characters that stay on the line
    #[oai(default, validator(maximum(value = "1000000")))]
    at: u32,
    /// For `edit` and `insert`: what the line is; for `edit` as before when absent
    #[oai(skip_serializing_if_is_none)]
    kind: Option<LineKindName>,
    /// For `edit` and `insert`: the words
    #[oai(default, validator(max_length = 50000))]
    text: String,
}

/// The revision that is acted on.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct RevisionBody {
    /// The revision of the text that the caller saw
    #[oai(validator(minimum(value = "0")))]
    revision: i64,
}

/// A correction was made.
#[derive(Object)]
struct CorrectedView {
    /// Revision of the text now
    revision: i64,
    /// The line to look at
    line: u64,
    /// edit, split, join, insert, remove or accept; an undo names what was taken back
    act: String,
}

/// A doubt of the parser.
#[derive(Object)]
struct NoteView {
    /// Its number
    code: String,
    /// What was found
    detail: String,
}

/// A line of a text that is being corrected.
#[derive(Object)]
struct LineView {
    /// From 1
    number: u64,
    /// What it is
    kind: LineKindName,
    /// Its words, marker included
    text: String,
    /// Address of the provision that begins on it
    address: String,
    /// What is doubtful about it
    notes: Vec<NoteView>,
}

/// The lines of a version.
#[derive(Object)]
struct LinesView {
    /// Revision of the text
    revision: i64,
    /// Whether it may still be corrected
    is_correctable: bool,
    /// The lines
    lines: Vec<LineView>,
    /// Doubts about the text as a whole
    notes: Vec<NoteView>,
}

/// A correction as the history keeps it.
#[derive(Object)]
struct PastCorrectionView {
    /// The revision it made
    revision: i64,
    /// edit, split, join, insert, remove, accept or undo
    act: String,
    /// First line concerned
    line: i64,
    /// Words before
    before: String,
    /// Words after
    after: String,
    /// The revision that it took back
    #[oai(skip_serializing_if_is_none)]
    undoes: Option<i64>,
    /// Whether it was taken back later
    is_undone: bool,
    /// Who did it
    by: String,
    /// When
    at: DateTime<Utc>,
}

/// A pasted text.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PastedBody {
    /// The text, a line for each paragraph
    #[oai(validator(max_length = 3000000))]
    text: String,
    /// 草案说明; needed before the text is published
    #[oai(default, validator(max_length = 100000))]
    explanation: String,
}

/// An explanation.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ExplanationBody {
    /// The `explanation_revision` that the caller saw; refused when somebody else was quicker
    #[oai(validator(minimum(value = "0")))]
    revision: i64,
    /// 草案说明
    #[oai(validator(max_length = 100000))]
    text: String,
}

/// Other particulars of a draft.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct DraftChangeBody {
    /// Title of what it is to become, without 征求意见稿
    #[oai(validator(max_length = 200))]
    title: String,
    /// What it is to become; a government rule may not be called 条例
    kind: DraftKindName,
    /// 起草单位
    #[oai(validator(max_length = 200))]
    drafting_unit: String,
}

/// A version was added.
#[derive(ApiResponse)]
enum AddedVersion {
    /// Added
    #[oai(status = 201)]
    Created(Json<DraftTextView>),
}

fn note_view(note: Note) -> NoteView {
    NoteView { code: note.code, detail: note.detail }
}

fn corrected_view(done: Corrected) -> Json<CorrectedView> {
    Json(CorrectedView { revision: done.revision, line: done.line as u64, act: done.act.as_str().into() })
}

/// What the body asks for.
fn correction(body: CorrectionBody, kind_before: LineKind) -> DomainResult<Correction> {
    let line = body.line as usize;
    let kind = body.kind.map(LineKind::from);
    Ok(match body.action {
        CorrectionName::Edit => Correction::Edit { line, kind: kind.unwrap_or(kind_before), text: body.text },
        CorrectionName::Split => Correction::Split { line, at: body.at as usize },
        CorrectionName::Join => Correction::Join { line },
        CorrectionName::Insert => {
            let kind = kind.ok_or_else(|| Error::invalid("kind", "请说明新的一行是什么（条、款、项……）。"))?;
            Correction::Insert { after: line, kind, text: body.text }
        }
        CorrectionName::Remove => Correction::Remove { line },
        CorrectionName::Accept => Correction::Accept { line },
    })
}

/// The operations on the text of a draft.
pub struct TextsApi;

#[OpenApi(tag = "Tag::Drafts")]
impl TextsApi {
    /// Change title, kind and drafting unit of a draft that is still being prepared.
    #[oai(path = "/drafts/:draft_id", method = "put", operation_id = "change_draft")]
    async fn change_draft(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<DraftChangeBody>,
    ) -> Result<Json<DraftView>, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let change = DraftChange { title: body.0.title, kind: body.0.kind.into(), drafting_unit: body.0.drafting_unit };
        let draft = particulars::change_draft(&app.db, &app.clock, Actor::Person(&caller), draft_id.into(), change).await?;
        Ok(Json(draft_view(draft)))
    }

    /// Add a version from a pasted text.
    #[oai(path = "/drafts/:draft_id/pasted-versions", method = "post", operation_id = "paste_draft_version")]
    async fn paste_draft_version(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<PastedBody>,
    ) -> Result<AddedVersion, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let file = NewVersionFile::pasted(body.0.text, body.0.explanation);
        let actor = Actor::Person(&caller);
        let version = versions::add_version(&app.db, &app.blobs, &app.clock, &app.ids, actor, draft_id.into(), file).await?;
        Ok(AddedVersion::Created(Json(text_view(&app, Viewer::Public(Some(&caller)), version).await?)))
    }

    /// The text of a version as lines to be corrected, with the doubts of the parser beside the lines they concern.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/lines", method = "get", operation_id = "list_draft_lines")]
    async fn list_draft_lines(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
    ) -> Result<Json<LinesView>, Problem> {
        let caller = signed_in.with(Permission::ReadUnpublishedDrafts)?;
        let viewer = Viewer::Public(Some(&caller));
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        let text = corrections::list_lines(&app.db, &version).await?;
        let line_view = |line: corrections::EditableLine| LineView {
            number: line.number as u64,
            kind: line.kind.into(),
            text: line.text,
            address: line.address,
            notes: line.notes.into_iter().map(note_view).collect(),
        };
        Ok(Json(LinesView {
            revision: version.revision,
            is_correctable: version.published_at.is_none(),
            lines: text.lines.into_iter().map(line_view).collect(),
            notes: text.whole.into_iter().map(note_view).collect(),
        }))
    }

    /// Correct a line of a version that is not published.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/corrections", method = "post", operation_id = "correct_draft_version")]
    async fn correct_draft_version(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        body: Json<CorrectionBody>,
    ) -> Result<Json<CorrectedView>, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let (body, actor) = (body.0, Actor::Person(&caller));
        let revision = body.revision;
        let kind_before = match (body.kind, body.action) {
            (None, CorrectionName::Edit) => {
                let viewer = Viewer::Public(Some(&caller));
                let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
                let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
                let lines = corrections::list_lines(&app.db, &version).await?.lines;
                lines.get((body.line as usize).saturating_sub(1)).map_or(LineKind::Paragraph, |line| line.kind)
            }
            _ => LineKind::Paragraph,
        };
        let correction = correction(body, kind_before)?;
        let done =
            corrections::correct_version(&app.db, &app.clock, actor, draft_id.into(), version_id.into(), revision, correction).await?;
        Ok(corrected_view(done))
    }

    /// Take the last correction back; called again, the one before it.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/undo", method = "post", operation_id = "undo_draft_correction")]
    async fn undo_draft_correction(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        body: Json<RevisionBody>,
    ) -> Result<Json<CorrectedView>, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let actor = Actor::Person(&caller);
        let done = corrections::undo_correction(&app.db, &app.clock, actor, draft_id.into(), version_id.into(), body.0.revision).await?;
        Ok(corrected_view(done))
    }

    /// Corrections of a version, the newest first.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/corrections", method = "get", operation_id = "list_draft_corrections")]
    async fn list_draft_corrections(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        /// At most this many: 1 to 1000
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "1000")))]
        Query(limit): Query<u32>,
    ) -> Result<Json<Vec<PastCorrectionView>>, Problem> {
        let caller = signed_in.with(Permission::ReadUnpublishedDrafts)?;
        let viewer = Viewer::Public(Some(&caller));
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        let past = corrections::list_corrections(&app.db, version.id, limit).await?;
        let view = |past: corrections::PastCorrection| PastCorrectionView {
            revision: past.revision,
            act: CorrectionAct::as_str(past.act).into(),
            line: past.line,
            before: past.before,
            after: past.after,
            undoes: past.undoes,
            is_undone: past.is_undone,
            by: past.by,
            at: past.at,
        };
        Ok(Json(past.into_iter().map(view).collect()))
    }

    /// Write the explanation 草案说明 of a version that is not published.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/explanation", method = "put", operation_id = "write_draft_explanation")]
    async fn write_draft_explanation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        body: Json<ExplanationBody>,
    ) -> Result<Json<DraftVersionView>, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let (body, actor) = (body.0, Actor::Person(&caller));
        let version =
            explanations::write_explanation(&app.db, &app.clock, actor, draft_id.into(), version_id.into(), body.revision, &body.text)
                .await?;
        Ok(Json(version_view(version)))
    }
}
