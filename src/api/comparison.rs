//! Operations that compare two texts 修改对照: versions of a draft, a draft with a law, two versions of a law; as data and as .docx.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::Anyone;
use super::lineage::ContinuationKindName;
use super::problem::Problem;
use crate::app::App;
use crate::documents::writing::attachment;
use crate::drafts::comparison::{Change, Comparison, Place, Side, sheet, sources};
use crate::drafts::{self, Viewer};
use crate::error::{Error, Result as DomainResult};
use crate::ids::{VersionId, WorkId};

/// What became of a piece of words.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Change")]
enum ChangeName {
    /// In both texts
    Equal,
    /// Only in the older text
    Deleted,
    /// Only in the newer text
    Inserted,
}

/// One of the two texts.
#[derive(Object)]
struct ComparedTextView {
    /// Version of the draft, or of the law
    id: Uuid,
    /// Title as the text has it
    title: String,
    /// Which text it is, in Chinese
    name: String,
    /// Whether it comes from the library of laws
    is_law: bool,
}

/// A provision of one side.
#[derive(Object)]
pub(super) struct ProvisionPlaceView {
    /// Address, e.g. `art-15`
    address: String,
    /// As it is cited, e.g. 第十五条
    label: String,
}

/// A piece of words.
#[derive(Object)]
struct ComparedSegmentView {
    /// What became of it
    change: ChangeName,
    /// The words; lines end in a line break
    text: String,
}

/// One provision, or those that became one or several, compared.
#[derive(Object)]
struct ComparedProvisionView {
    /// How it continues
    kind: ContinuationKindName,
    /// Whether it is a heading: 编, 章, 节, the title
    is_heading: bool,
    /// In the older text
    old: Vec<ProvisionPlaceView>,
    /// In the newer text
    new: Vec<ProvisionPlaceView>,
    /// Similarity of the words, in thousandths; 1000 = the same
    similarity: u16,
    /// The words of both sides: without the inserted ones the older text, without the deleted ones the newer
    segments: Vec<ComparedSegmentView>,
}

/// How many provisions continue in one way.
#[derive(Object)]
struct KindCountView {
    /// The way
    kind: ContinuationKindName,
    /// How many, headings apart
    count: u64,
}

/// Two texts, compared.
#[derive(Object)]
struct ComparisonView {
    /// The older text
    old: ComparedTextView,
    /// The newer text
    new: ComparedTextView,
    /// How many provisions continue in each way
    counts: Vec<KindCountView>,
    /// In the order of the newer text; what was deleted stands behind what came before it
    rows: Vec<ComparedProvisionView>,
}

/// 修改对照表 as a file.
#[derive(ApiResponse)]
enum SheetResponse {
    /// The document
    #[oai(status = 200, content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    Found(
        Binary<Vec<u8>>,
        /// Suggested file name
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

fn text_view(side: Side) -> ComparedTextView {
    ComparedTextView { id: side.id, title: side.title, name: side.name, is_law: side.is_law }
}

pub(super) fn place_view(place: Place) -> ProvisionPlaceView {
    ProvisionPlaceView { address: place.address, label: place.label }
}

fn comparison_view(comparison: Comparison, changed_only: bool) -> ComparisonView {
    let counts = comparison.counts().into_iter().map(|(kind, n)| KindCountView { kind: kind.into(), count: n as u64 }).collect();
    let rows = comparison.rows.into_iter().filter(|row| !changed_only || row.is_changed()).map(|row| ComparedProvisionView {
        kind: row.kind.into(),
        is_heading: row.is_heading,
        old: row.old.into_iter().map(place_view).collect(),
        new: row.new.into_iter().map(place_view).collect(),
        similarity: row.similarity,
        segments: row.pieces.into_iter().map(|piece| ComparedSegmentView { change: piece.change.into(), text: piece.text }).collect(),
    });
    ComparisonView { rows: rows.collect(), counts, old: text_view(comparison.old), new: text_view(comparison.new) }
}

async fn sheet_response(comparison: Comparison, changed_only: bool) -> DomainResult<SheetResponse> {
    let name = format!("{}修改对照表.docx", comparison.new.title);
    let bytes = tokio::task::spawn_blocking(move || sheet::write_sheet(&comparison, changed_only))
        .await
        .map_err(|e| Error::internal("writing a document stopped", e))??;
    Ok(SheetResponse::Found(Binary(bytes), attachment(&name)))
}

async fn compared_draft(app: &App, anyone: &Anyone, draft: Uuid, from: Option<Uuid>, to: Option<Uuid>) -> DomainResult<Comparison> {
    let viewer = Viewer::Public(anyone.0.as_ref());
    let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft.into()).await?;
    sources::compare_draft(&app.db, viewer, &draft, from, to, app.clock.today()).await
}

async fn compared_law(app: &App, work: Uuid, from: Option<Uuid>, to: Option<Uuid>) -> DomainResult<Comparison> {
    sources::compare_law(&app.db, WorkId(work), from.map(VersionId), to.map(VersionId), app.clock.today()).await
}

/// The operations.
pub struct ComparisonApi;

#[OpenApi(tag = "Tag::Drafts")]
impl ComparisonApi {
    /// Compare two versions of a draft, or one with a version of any law in the library, article by article, down to characters.
    #[oai(path = "/drafts/:draft_id/comparison", method = "get", operation_id = "compare_draft")]
    async fn compare_draft(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// The older text: a version of the draft or of a law; the version before `to` when absent
        Query(from): Query<Option<Uuid>>,
        /// The newer text: a version of the draft or of a law; the newest version of the draft when absent
        Query(to): Query<Option<Uuid>>,
        /// Leave out what was kept
        #[oai(default)]
        Query(changed_only): Query<bool>,
    ) -> Result<Json<ComparisonView>, Problem> {
        Ok(Json(comparison_view(compared_draft(&app, &anyone, draft_id, from, to).await?, changed_only)))
    }

    /// The same comparison as a Word document 修改对照表.
    #[oai(path = "/drafts/:draft_id/comparison/sheet", method = "get", operation_id = "get_draft_comparison_sheet")]
    async fn get_draft_comparison_sheet(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// The older text
        Query(from): Query<Option<Uuid>>,
        /// The newer text
        Query(to): Query<Option<Uuid>>,
        /// Leave out what was kept
        #[oai(default)]
        Query(changed_only): Query<bool>,
    ) -> Result<SheetResponse, Problem> {
        let comparison = compared_draft(&app, &anyone, draft_id, from, to).await?;
        Ok(sheet_response(comparison, changed_only).await?)
    }

    /// Compare two versions of a law.
    #[oai(path = "/documents/:id/comparison", method = "get", operation_id = "compare_document", tag = "Tag::Library")]
    async fn compare_document(
        &self,
        app: Data<&App>,
        /// Document
        Path(id): Path<Uuid>,
        /// The older version; the one before `to` when absent
        Query(from): Query<Option<Uuid>>,
        /// The newer version; the newest when absent
        Query(to): Query<Option<Uuid>>,
        /// Leave out what was kept
        #[oai(default)]
        Query(changed_only): Query<bool>,
    ) -> Result<Json<ComparisonView>, Problem> {
        Ok(Json(comparison_view(compared_law(&app, id, from, to).await?, changed_only)))
    }

    /// The same comparison as a Word document 修改对照表.
    #[oai(path = "/documents/:id/comparison/sheet", method = "get", operation_id = "get_document_comparison_sheet", tag = "Tag::Library")]
    async fn get_document_comparison_sheet(
        &self,
        app: Data<&App>,
        /// Document
        Path(id): Path<Uuid>,
        /// The older version
        Query(from): Query<Option<Uuid>>,
        /// The newer version
        Query(to): Query<Option<Uuid>>,
        /// Leave out what was kept
        #[oai(default)]
        Query(changed_only): Query<bool>,
    ) -> Result<SheetResponse, Problem> {
        let comparison = compared_law(&app, id, from, to).await?;
        Ok(sheet_response(comparison, changed_only).await?)
    }
}
