//! Photos, recordings and papers of an activity. They may show persons, so they are for the point and the bureau only, and their contents go after them when
//! they are removed: they lie on a shelf of their own in the store of originals, by content hash.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{get_activity, get_own, record};
use crate::accounts::Caller;
use crate::audit::Act;
use crate::contact_points::assignments::own_point;
use crate::documents::downloads;
use crate::documents::recordings::{self, RecordingKind};
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, Clock, IdSource};
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Where the files lie in the store.
const SHELF: &str = "activities/";
/// The column that names them.
pub const CONTENTS: ContentColumn = ContentColumn { table: "activity_file", column: "blob_hash", shelf: SHELF };
/// Most files of one activity.
pub const FILES: usize = 50;

/// A file of an activity.
#[derive(Clone, Debug)]
pub struct ActivityFile {
    /// Id.
    pub id: Uuid,
    /// Name to show and to download under.
    pub name: String,
    /// Kind, by its content.
    pub kind: RecordingKind,
    /// Size.
    pub size_bytes: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
    hash: String,
}

impl ActivityFile {
    /// The value of `Content-Disposition` that hands it out as a download.
    pub fn disposition(&self) -> String {
        downloads::disposition(false, &format!("material.{}", self.kind.extension()), &self.name)
    }
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    size_bytes: i64,
    blob_hash: String,
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_file(self) -> Result<ActivityFile> {
        Ok(ActivityFile {
            id: self.id,
            name: self.name,
            kind: RecordingKind::stored(&self.kind)?,
            size_bytes: self.size_bytes,
            created_at: self.created_at,
            hash: self.blob_hash,
        })
    }
}

const LIST: &str =
    "SELECT id, name, kind, size_bytes, blob_hash, created_at FROM activity_file WHERE activity_id = $1 ORDER BY created_at, id";
const HOLD: &str = "UPDATE collection_activity SET updated_at = $3 WHERE id = $1 AND contact_point_id = $2";
const INSERT: &str = "INSERT INTO activity_file (id, activity_id, name, kind, size_bytes, blob_hash, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (activity_id, blob_hash) DO NOTHING";
const REMOVE: &str = "DELETE FROM activity_file WHERE id = $1 AND activity_id = $2";
const REMOVE_ALL: &str = "DELETE FROM activity_file WHERE activity_id = $1";
const COUNT_BLOB: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM activity_file WHERE blob_hash = $1";
/// On PostgreSQL, adding and removing look at the store one after another; on SQLite their transactions do so by themselves.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239016)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, HOLD, INSERT, REMOVE, REMOVE_ALL, COUNT_BLOB];

/// The files of an activity that the caller was shown, in the order of adding.
pub async fn list_files(db: &Db, activity: ActivityId) -> Result<Vec<ActivityFile>> {
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST).bind(activity).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter().map(Row::into_file).collect()
}

/// Adds a file to an activity of the caller's own point and gives all its files. The same content twice is one file.
///
/// # Errors
/// By content as [`recordings::recognise`]; [`Code::Conflict`] when there are too many.
pub async fn add_file(
    db: &Db,
    blobs: &Blobs,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    activity: ActivityId,
    (name, bytes): (String, Vec<u8>),
) -> Result<Vec<ActivityFile>> {
    let point = own_point(caller)?;
    get_own(db, caller, activity).await?;
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let (name, kind, bytes) = tokio::task::spawn_blocking(move || {
        let kind = recordings::recognise(&bytes)?;
        Ok::<_, Error>((recordings::shown_name(&name, kind), kind, bytes))
    })
    .await
    .map_err(|e| Error::internal("looking at a file stopped", e))??;
    let shelf = blobs.shelf(SHELF);
    let hash = BlobHash::of(&bytes);
    let mut tx = db.begin().await?;
    lock_store(&mut tx).await?;
    let held: u64 =
        on_tx!(&mut tx, c => sqlx::query(HOLD).bind(activity).bind(point).bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if held == 0 {
        return Err(super::absent());
    }
    let known: Vec<Row> = on_tx!(&mut tx, c => sqlx::query_as(LIST).bind(activity).fetch_all(c).await).map_err(failed)?;
    if known.iter().any(|row| row.blob_hash == hash.as_str()) {
        return known.into_iter().map(Row::into_file).collect();
    }
    if known.len() >= FILES {
        return Err(Error::new(Code::Conflict, format!("一次活动最多 {FILES} 个文件，请先移除不需要的。")));
    }
    // Under the lock: nobody removes the same content in between.
    shelf.put(bytes).await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(ids.next()).bind(activity).bind(&name).bind(kind.as_str()).bind(size).bind(hash.as_str()).bind(caller.account_id).bind(clock.now())
        .execute(c).await.map(drop))
    .map_err(failed)?;
    record(&mut tx, clock, caller, Act::AddActivityFile, activity, hash.as_str()).await?;
    tx.commit().await?;
    list_files(db, activity).await
}

/// Removes a file of an activity of the caller's own point, its content too; one that is gone already stays away.
pub async fn remove_file(db: &Db, blobs: &Blobs, clock: &Clock, caller: &Caller, activity: ActivityId, id: Uuid) -> Result<()> {
    get_own(db, caller, activity).await?;
    let Some(file) = list_files(db, activity).await?.into_iter().find(|file| file.id == id) else { return Ok(()) };
    let mut tx = db.begin().await?;
    lock_store(&mut tx).await?;
    let removed: u64 =
        on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(id).bind(activity).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if removed > 0 {
        record(&mut tx, clock, caller, Act::RemoveActivityFile, activity, &file.hash).await?;
        tx.commit().await?;
        forget(db, blobs, std::slice::from_ref(&file.hash)).await;
    }
    Ok(())
}

/// A file of an activity of the caller's own point, with its bytes.
pub async fn read_own(db: &Db, blobs: &Blobs, caller: &Caller, activity: ActivityId, id: Uuid) -> Result<(ActivityFile, Vec<u8>)> {
    get_own(db, caller, activity).await?;
    read(db, blobs, activity, id).await
}

/// A file of an activity with its bytes, for the bureau.
pub async fn read_file(db: &Db, blobs: &Blobs, caller: &Caller, activity: ActivityId, id: Uuid) -> Result<(ActivityFile, Vec<u8>)> {
    get_activity(db, caller, activity).await?;
    read(db, blobs, activity, id).await
}

async fn read(db: &Db, blobs: &Blobs, activity: ActivityId, id: Uuid) -> Result<(ActivityFile, Vec<u8>)> {
    let file = list_files(db, activity).await?.into_iter().find(|file| file.id == id).ok_or_else(|| Error::not_found("这个文件"))?;
    let hash = BlobHash::parse(&file.hash).ok_or_else(|| Error::defect("a file of an activity has no readable hash"))?;
    let bytes = blobs.shelf(SHELF).get(&hash).await?;
    Ok((file, bytes))
}

/// Takes the files off an activity that is being removed, and gives the hashes of their contents.
pub(super) async fn take_all(tx: &mut Tx, activity: ActivityId) -> Result<Vec<String>> {
    lock_store(tx).await?;
    let rows: Vec<Row> = on_tx!(&mut *tx, c => sqlx::query_as(LIST).bind(activity).fetch_all(c).await).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(REMOVE_ALL).bind(activity).execute(c).await.map(drop)).map_err(failed)?;
    Ok(rows.into_iter().map(|row| row.blob_hash).collect())
}

/// Removes contents that no file has any more. After the commit that took the files away, so that no row ever names a content that is gone; what cannot be
/// removed then is nobody's to see any more, and is said in the log.
pub(super) async fn forget(db: &Db, blobs: &Blobs, hashes: &[String]) {
    for hash in hashes {
        if let Err(error) = forget_one(db, blobs, hash).await {
            tracing::error!(
                hash,
                error = error.code.slug(),
                cause = error.cause_chain(),
                "a removed file of an activity is still in the store"
            );
        }
    }
}

/// Under the lock of the store: nobody adds the same content between the count and the removal.
async fn forget_one(db: &Db, blobs: &Blobs, hash: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    lock_store(&mut tx).await?;
    let left: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_BLOB).bind(hash).fetch_one(c).await).map_err(failed)?;
    if left == 0
        && let Some(hash) = BlobHash::parse(hash)
    {
        blobs.shelf(SHELF).remove(&hash).await?;
    }
    Ok(())
}

async fn lock_store(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}
