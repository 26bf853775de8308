//! Operations on 条文沿革: how the provisions of one version continue in another, where a provision went, and what staff correct.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::{Anyone, SignedIn};
use super::comparison::{ProvisionPlaceView, place_view};
use super::problem::Problem;
use crate::accounts::{Actor, Permission};
use crate::app::App;
use crate::drafts::comparison::Place;
use crate::drafts::lineage::keeping::{self, KeptCorrection, NewCorrection};
use crate::drafts::lineage::{self, ContinuationKind, Correction, Text};
use crate::drafts::{self, Viewer, versions};
use crate::ids::{DraftVersionId, LineageCorrectionId};

/// How a provision continues.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ContinuationKind")]
pub(super) enum ContinuationKindName {
    /// 保留: the same words, perhaps another number
    Kept,
    /// 修改: other words at the same place in the order
    Modified,
    /// 移动: the same or nearly the same words at another place in the order
    Moved,
    /// 拆分: one became several
    Split,
    /// 合并: several became one
    Merged,
    /// 删除
    Deleted,
    /// 新增
    Added,
}

/// How provisions continue.
#[derive(Object)]
struct ProvisionRelationView {
    /// How
    kind: ContinuationKindName,
    /// In the older version; empty when it was added
    old: Vec<ProvisionPlaceView>,
    /// In the newer version; empty when it was deleted
    new: Vec<ProvisionPlaceView>,
    /// Similarity of the words, in thousandths; 1000 = the same
    similarity: u16,
    /// Whether a person said so
    is_corrected: bool,
}

/// The lineage of two versions.
#[derive(Object)]
struct LineageView {
    /// The older version
    from_version_id: Uuid,
    /// The newer version
    to_version_id: Uuid,
    /// Grows with every change: a correction made or taken back, and a correction of either text
    revision: i64,
    /// Every provision of either version, each in exactly one relation, in the order of the newer one
    relations: Vec<ProvisionRelationView>,
}

/// What is right.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct LineageCorrectionBody {
    /// The older version
    from_version_id: Uuid,
    /// The newer version
    to_version_id: Uuid,
    /// How the provisions continue; the numbers of provisions must fit it
    kind: ContinuationKindName,
    /// Addresses in the older version; none for added
    #[oai(default, validator(max_items = 50))]
    from: Vec<String>,
    /// Addresses in the newer version; none for deleted
    #[oai(default, validator(max_items = 50))]
    to: Vec<String>,
    /// Why; at most 500 characters
    #[oai(default, validator(max_length = 500))]
    reason: String,
    /// The revision of the lineage that was looked at: when something was changed since, the correction is refused; without it, it is not
    #[oai(default)]
    revision: Option<i64>,
}

/// A correction with its history.
#[derive(Object)]
struct LineageCorrectionView {
    /// Id
    id: Uuid,
    /// The older version
    from_version_id: Uuid,
    /// The newer version
    to_version_id: Uuid,
    /// What was said
    kind: ContinuationKindName,
    /// Addresses in the older version
    from: Vec<String>,
    /// Addresses in the newer version
    to: Vec<String>,
    /// Why
    reason: String,
    /// Who said so
    #[oai(skip_serializing_if_is_none)]
    corrected_by: Option<String>,
    /// When
    corrected_at: DateTime<Utc>,
    /// When it was taken back
    #[oai(skip_serializing_if_is_none)]
    withdrawn_at: Option<DateTime<Utc>>,
}

/// Corrections of a draft.
#[derive(Object)]
struct LineageCorrectionsView {
    /// The newest first; at most 1,000
    items: Vec<LineageCorrectionView>,
}

/// One place to which a provision came.
#[derive(Object)]
struct ContinuationView {
    /// What became of the provision itself
    kind: ContinuationKindName,
    /// Where to look in the later version; absent when nothing is left of it nor of its article
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// That place as it is cited; empty without a place
    label: String,
    /// Whether the place is the provision itself; if not, it is where its article went
    is_exact: bool,
}

/// Where a provision went.
#[derive(Object)]
struct ContinuationsView {
    /// Several after a split; none when the later version is not later or the address is unknown
    items: Vec<ContinuationView>,
}

/// Done, now or before.
#[derive(ApiResponse)]
enum Withdrawn {
    /// Taken back
    #[oai(status = 204)]
    Done,
}

fn places(text: &Text, list: &[usize]) -> Vec<ProvisionPlaceView> {
    let place = |i: &usize| text.nodes().get(*i).map(|node| Place { address: node.address.clone(), label: text.citation(*i) });
    list.iter().filter_map(place).map(place_view).collect()
}

fn correction_view(kept: KeptCorrection) -> LineageCorrectionView {
    LineageCorrectionView {
        id: kept.id.0,
        from_version_id: kept.from.0,
        to_version_id: kept.to.0,
        kind: kept.says.kind.into(),
        from: kept.says.old,
        to: kept.says.new,
        reason: kept.reason,
        corrected_by: kept.by,
        corrected_at: kept.at,
        withdrawn_at: kept.withdrawn_at,
    }
}

/// The lineage of two versions that the viewer may see.
async fn shown(app: &App, viewer: Viewer<'_>, draft: Uuid, from: Uuid, to: Uuid) -> Result<LineageView, Problem> {
    let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft.into()).await?;
    let older = versions::get_version(&app.db, viewer, &draft, from.into()).await?;
    let newer = versions::get_version(&app.db, viewer, &draft, to.into()).await?;
    let lineage = keeping::lineage_between(&app.db, &older, &newer).await?;
    let relations = lineage.relations.iter().map(|relation| ProvisionRelationView {
        kind: relation.kind.into(),
        old: places(&lineage.old, &relation.old),
        new: places(&lineage.new, &relation.new),
        similarity: relation.similarity,
        is_corrected: relation.is_corrected,
    });
    let revision = keeping::revision(&app.db, &older, &newer).await?;
    Ok(LineageView { from_version_id: from, to_version_id: to, revision, relations: relations.collect() })
}

/// The operations.
pub struct LineageApi;

#[OpenApi(tag = "Tag::Drafts")]
impl LineageApi {
    /// How every provision of one version continues in another, down to 款, 项 and 目.
    #[oai(path = "/drafts/:draft_id/lineage", method = "get", operation_id = "get_lineage")]
    async fn get_lineage(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// The older version
        Query(from): Query<Uuid>,
        /// The newer version
        Query(to): Query<Uuid>,
    ) -> Result<Json<LineageView>, Problem> {
        Ok(Json(shown(&app, Viewer::Public(anyone.0.as_ref()), draft_id, from, to).await?))
    }

    /// Where a provision of one version is found in a later one.
    #[oai(path = "/drafts/:draft_id/lineage/continuations", method = "get", operation_id = "list_continuations")]
    async fn list_continuations(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// The version that the address belongs to
        Query(from): Query<Uuid>,
        /// Address, e.g. `art-15/para-1/item-4`
        #[oai(validator(max_length = 200))]
        Query(address): Query<String>,
        /// The later version
        Query(to): Query<Uuid>,
    ) -> Result<Json<ContinuationsView>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let older = versions::get_version(&app.db, viewer, &draft, from.into()).await?;
        let newer = versions::get_version(&app.db, viewer, &draft, to.into()).await?;
        let found = lineage::follow(&app.db, &older, &address, &newer).await?;
        let items =
            found.into_iter().map(|c| ContinuationView { kind: c.kind.into(), address: c.address, label: c.label, is_exact: c.is_exact });
        Ok(Json(ContinuationsView { items: items.collect() }))
    }

    /// What staff corrected, with its history.
    #[oai(path = "/drafts/:draft_id/lineage/corrections", method = "get", operation_id = "list_lineage_corrections")]
    async fn list_lineage_corrections(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those of this newer version
        Query(to): Query<Option<Uuid>>,
    ) -> Result<Json<LineageCorrectionsView>, Problem> {
        let caller = signed_in.with(Permission::ReadUnpublishedDrafts)?;
        let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(&caller)), draft_id.into()).await?;
        let found = keeping::list_corrections(&app.db, Actor::Person(&caller), &draft, to.map(DraftVersionId)).await?;
        Ok(Json(LineageCorrectionsView { items: found.into_iter().map(correction_view).collect() }))
    }

    /// Correct how provisions continue, also after publication; everything that depends on it is computed anew. Answers with the whole lineage.
    #[oai(path = "/drafts/:draft_id/lineage/corrections", method = "post", operation_id = "correct_lineage")]
    async fn correct_lineage(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<LineageCorrectionBody>,
    ) -> Result<Json<LineageView>, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let body = body.0;
        let says = Correction { kind: body.kind.into(), old: body.from, new: body.to };
        let pair = (body.from_version_id.into(), body.to_version_id.into());
        let new = NewCorrection { says, reason: body.reason, revision: body.revision };
        keeping::correct(&app.db, &app.clock, &app.ids, Actor::Person(&caller), draft_id.into(), pair, new).await?;
        Ok(Json(shown(&app, Viewer::Public(Some(&caller)), draft_id, body.from_version_id, body.to_version_id).await?))
    }

    /// Take a correction back; it stays in the history.
    #[oai(path = "/drafts/:draft_id/lineage/corrections/:correction_id", method = "delete", operation_id = "withdraw_lineage_correction")]
    async fn withdraw_lineage_correction(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Correction
        Path(correction_id): Path<Uuid>,
    ) -> Result<Withdrawn, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let id = LineageCorrectionId(correction_id);
        keeping::withdraw_correction(&app.db, &app.clock, Actor::Person(&caller), draft_id.into(), id).await?;
        Ok(Withdrawn::Done)
    }
}
