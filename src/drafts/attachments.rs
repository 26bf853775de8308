//! 附件 of a version: tables, drawings, the research report. Added and removed until the version is published, handed out with it from then on.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::versions::{self, DraftVersion};
use super::{lock_draft, record};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::documents::attachments::{recognise, shown_name};
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftAttachmentId, DraftId, DraftVersionId, IdSource};
use crate::storage::Db;
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// The column that names the files.
pub const CONTENTS: ContentColumn = ContentColumn { table: "draft_attachment", column: "blob_hash", shelf: "" };
/// Largest file, in bytes: 20 MiB.
pub const ATTACHMENT_BYTES: usize = 20 << 20;
/// Most files of one version.
pub const ATTACHMENTS: usize = 20;

/// A file attached to a version.
#[derive(Clone, Debug, FromRow)]
pub struct DraftAttachment {
    /// Id.
    pub id: DraftAttachmentId,
    /// Name to show and to download under.
    pub name: String,
    /// Media type, found from the content.
    pub media_type: String,
    /// Size.
    pub size_bytes: i64,
    /// Content.
    pub blob_hash: String,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

const INSERT: &str = "INSERT INTO draft_attachment (id, version_id, name, media_type, size_bytes, blob_hash, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (version_id, blob_hash) DO NOTHING";
const LIST: &str =
    "SELECT id, name, media_type, size_bytes, blob_hash, created_at FROM draft_attachment WHERE version_id = $1 ORDER BY created_at, id";
const REMOVE: &str = "DELETE FROM draft_attachment WHERE id = $1 AND version_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, REMOVE];

/// The files of a version, in the order of adding. The version itself was found for the same viewer.
pub async fn list_attachments(db: &Db, version: DraftVersionId) -> Result<Vec<DraftAttachment>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(version).fetch_all(pool).await).map_err(failed)
}

/// Adds a file to a version that is not published and gives all files of the version. The same content twice is one file.
#[expect(clippy::too_many_arguments, reason = "the parts of the application and the parts of the act, each named at the call")]
pub async fn add_attachment(
    db: &Db,
    blobs: &Blobs,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    (name, bytes): (String, Vec<u8>),
) -> Result<Vec<DraftAttachment>> {
    by.require(Permission::EditDrafts)?;
    if bytes.len() > ATTACHMENT_BYTES {
        return Err(Error::new(Code::TooLarge, format!("单个附件不超过 {} MB。", ATTACHMENT_BYTES >> 20)));
    }
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let (name, kind, bytes) = tokio::task::spawn_blocking(move || recognise(&bytes).map(|kind| (shown_name(&name, kind), kind, bytes)))
        .await
        .map_err(|e| Error::internal("reading an attachment stopped", e))??;
    let hash = blobs.put(bytes).await?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let held = versions::unpublished_version(&mut tx, draft, version).await?;
    let known: Vec<DraftAttachment> = on_tx!(&mut tx, c => sqlx::query_as(LIST).bind(version).fetch_all(c).await).map_err(failed)?;
    if known.iter().any(|attachment| attachment.blob_hash == hash.as_str()) {
        return Ok(known);
    }
    if known.len() >= ATTACHMENTS {
        return Err(Error::new(Code::Conflict, format!("一个稿次最多 {ATTACHMENTS} 个附件，请先移除不需要的。")));
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(DraftAttachmentId(ids.next())).bind(version).bind(&name).bind(kind.media_type()).bind(size).bind(hash.as_str())
        .bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    record(&mut tx, clock, by, Act::AddDraftAttachment, draft, &format!("{} {}", held.number, hash.as_str())).await?;
    tx.commit().await?;
    list_attachments(db, version).await
}

/// Takes a file off a version that is not published; one that is not there stays away.
pub async fn remove_attachment(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    id: DraftAttachmentId,
) -> Result<()> {
    by.require(Permission::EditDrafts)?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let held = versions::unpublished_version(&mut tx, draft, version).await?;
    let removed = on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(id).bind(version).execute(c).await.map(|done| done.rows_affected()))
        .map_err(failed)?;
    if removed > 0 {
        record(&mut tx, clock, by, Act::RemoveDraftAttachment, draft, &format!("{} {id}", held.number)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A file of a version with its content. The version itself was found for the same viewer.
pub async fn get_attachment(db: &Db, blobs: &Blobs, version: &DraftVersion, id: DraftAttachmentId) -> Result<(DraftAttachment, Vec<u8>)> {
    let found = list_attachments(db, version.id).await?.into_iter().find(|attachment| attachment.id == id);
    let attachment = found.ok_or_else(|| Error::not_found("这个附件"))?;
    let hash = BlobHash::parse(&attachment.blob_hash).ok_or_else(|| Error::defect("an attachment has no readable hash"))?;
    let content = blobs.get(&hash).await?;
    Ok((attachment, content))
}
