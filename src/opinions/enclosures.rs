//! 附件: files enclosed with an opinion.
//!
//! A file is uploaded first and bound to its opinion when that is posted. Files lie on a shelf of their own in the store of originals, by content hash,
//! so that one that came with no opinion can be removed. They are for the author and for the staff who handle the opinion, never public.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::acts::{self, Claim, KeyedAct, check_key, check_secret_key};
use super::posting::{address_key, require_open};
use super::{Counter, reading};
use crate::accounts::limits::{self, Limit};
use crate::accounts::{Caller, Permission};
use crate::config::Rules;
use crate::documents::downloads::{self, clean_name};
use crate::documents::enclosures::{EnclosureKind, recognise};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, EnclosureId, OpinionId};
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::crypto::sm3_hex;
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Where enclosed files lie in the store.
const SHELF: &str = "enclosures/";
/// The column that names them.
pub const CONTENTS: ContentColumn = ContentColumn { table: "opinion_attachment", column: "blob_hash", shelf: SHELF };
/// Sent with every file: nothing in it may run, load or be framed.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// Files looked at in one round of tidying.
const TIDIED: i64 = 200;

/// A file as somebody sends it.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Who uploads.
#[derive(Clone, Copy, Debug)]
pub enum Uploader<'a> {
    /// Somebody who is signed in.
    Person(&'a Caller),
    /// Somebody who is not. Their words may still come with a login, so the round need not allow anonymous opinions.
    Visitor,
}

/// An uploaded file.
#[derive(Clone, Debug)]
pub struct Enclosure {
    /// Id.
    pub id: EnclosureId,
    /// The opinion it came with.
    pub opinion: Option<OpinionId>,
    /// Name.
    pub name: String,
    /// Kind, by its content.
    pub kind: EnclosureKind,
    /// Size.
    pub size_bytes: i64,
    /// When it came.
    pub uploaded_at: DateTime<Utc>,
    hash: String,
}

impl Enclosure {
    /// `Content-Disposition`: to be saved under its name; pictures may be shown in place where a page asks for it.
    pub fn disposition(&self, in_place: bool) -> String {
        let plain = format!("attachment.{}", self.kind.as_str());
        downloads::disposition(in_place && self.kind.is_image(), &plain, &self.name)
    }
}

#[derive(FromRow)]
struct Row {
    id: EnclosureId,
    opinion_id: Option<OpinionId>,
    name: String,
    kind: String,
    size_bytes: i64,
    blob_hash: String,
    uploaded_at: DateTime<Utc>,
}

impl Row {
    fn into_enclosure(self) -> Result<Enclosure> {
        Ok(Enclosure {
            id: self.id,
            opinion: self.opinion_id,
            name: self.name,
            kind: EnclosureKind::stored(&self.kind)?,
            size_bytes: self.size_bytes,
            uploaded_at: self.uploaded_at,
            hash: self.blob_hash,
        })
    }
}

const INSERT: &str = "INSERT INTO opinion_attachment (id, draft_id, account_id, place, name, kind, size_bytes, blob_hash, uploaded_at)
    VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const FIND_SAME: &str = "SELECT id, opinion_id, name, kind, size_bytes, blob_hash, uploaded_at FROM opinion_attachment
    WHERE account_id = $1 AND draft_id = $2 AND blob_hash = $3 AND name = $4 AND opinion_id IS NULL";
const FIND: &str = "SELECT id, opinion_id, name, kind, size_bytes, blob_hash, uploaded_at FROM opinion_attachment WHERE id = $1";
const LIST: &str = "SELECT id, opinion_id, name, kind, size_bytes, blob_hash, uploaded_at FROM opinion_attachment
    WHERE opinion_id = $1 AND removed_revision IS NULL ORDER BY place, id";
const BIND: &str = "UPDATE opinion_attachment SET opinion_id = $2, place = $3, added_revision = $4, account_id = $6
    WHERE id = $1 AND draft_id = $5 AND opinion_id IS NULL AND (account_id = $6 OR account_id IS NULL) AND uploaded_at > $7";
const KEEP: &str = "UPDATE opinion_attachment SET place = $3 WHERE id = $1 AND opinion_id = $2 AND removed_revision IS NULL";
const DROP: &str = "UPDATE opinion_attachment SET removed_revision = $3 WHERE id = $1 AND opinion_id = $2 AND removed_revision IS NULL";
const SUM: &str =
    "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM opinion_attachment WHERE opinion_id = $1 AND removed_revision IS NULL";
const LIST_UNBOUND: &str =
    "SELECT id, blob_hash FROM opinion_attachment WHERE opinion_id IS NULL AND uploaded_at <= $1 ORDER BY uploaded_at LIMIT $2";
const REMOVE: &str = "DELETE FROM opinion_attachment WHERE id = $1 AND opinion_id IS NULL";
const COUNT_BLOB: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_attachment WHERE blob_hash = $1";
/// On PostgreSQL, uploads and tidying look at the store one after another; on SQLite their transactions do so by themselves.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239011)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND_SAME, FIND, LIST, BIND, KEEP, DROP, SUM, LIST_UNBOUND, REMOVE, COUNT_BLOB];

/// Takes a file in for an opinion on a draft whose round is open. The same file twice is one upload.
///
/// # Errors
/// [`Code::UnsupportedMedia`] and [`Code::UnreadableFile`] by content, [`Code::TooLarge`], [`Code::TooMany`], [`Code::NotOpen`].
pub async fn upload(
    at: Counter<'_>,
    blobs: &Blobs,
    by: Uploader<'_>,
    draft: DraftId,
    key: Option<&str>,
    file: NewFile,
) -> Result<Enclosure> {
    let account = match by {
        Uploader::Person(caller) => {
            caller.require(Permission::PostOpinion)?;
            Some(caller.account_id)
        }
        Uploader::Visitor => None,
    };
    match (key, account) {
        (Some(key), Some(_)) => check_key(key)?,
        (Some(key), None) => check_secret_key(key)?,
        (None, _) => {}
    }
    require_open(at.db, at.clock.now(), draft, false).await?;
    if file.bytes.len() as u64 > u64::from(at.rules.enclosure_mib) << 20 {
        return Err(Error::new(Code::TooLarge, format!("单个附件不超过 {} MB，请压缩后再上传。", at.rules.enclosure_mib)));
    }
    let name = clean_name(&file.name);
    let (bytes, kind) = tokio::task::spawn_blocking(move || {
        let kind = recognise(&file.name, &file.bytes);
        (file.bytes, kind)
    })
    .await
    .map_err(|e| Error::internal("looking at an upload stopped", e))?;
    let kind = kind?;
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let hash = BlobHash::of(&bytes);
    let content = sm3_hex(format!("{draft}\0{name}\0{}", hash.as_str()).as_bytes());
    let id = EnclosureId(at.ids.next());
    let claimed = |key| Claim { actor: account, key, act: KeyedAct::Upload, content_hash: &content, subject: id.0, revision: None };
    if let Some(key) = key
        && let Some(done) = acts::find_done(at.db, claimed(key)).await?
    {
        return find(at.db, EnclosureId(done.subject)).await?.ok_or_else(expired);
    }
    match account {
        Some(account) => limits::admit(at.cache, at.rules, Limit::UploadPerIdentity, &account.to_string()).await?,
        None => limits::admit(at.cache, at.rules, Limit::AnonymousUploadPerAddress, &address_key(at.address)).await?,
    }
    limits::admit_address(at.cache, at.rules, Limit::UploadPerAddress, at.address).await?;
    let shelf = blobs.shelf(SHELF);
    shelf.put(bytes.clone()).await?;
    let mut tx = at.db.begin().await?;
    lock_store(&mut tx).await?;
    let now = at.clock.now();
    let written: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(draft).bind(account).bind(&name).bind(kind.as_str()).bind(size).bind(hash.as_str()).bind(now).execute(c).await
        .map(|d| d.rows_affected()))
    .map_err(failed)?;
    let row = if written == 1 {
        // Tidying may have removed the same content of somebody else's in between.
        if !shelf.holds(&hash).await? {
            shelf.put(bytes).await?;
        }
        Row { id, opinion_id: None, name, kind: kind.as_str().into(), size_bytes: size, blob_hash: hash.as_str().into(), uploaded_at: now }
    } else {
        on_tx!(&mut tx, c => sqlx::query_as(FIND_SAME).bind(account).bind(draft).bind(hash.as_str()).bind(&name).fetch_optional(c).await)
            .map_err(failed)?
            .ok_or_else(|| Error::defect("an upload was neither written nor found"))?
    };
    if let Some(key) = key {
        let claim = Claim { subject: row.id.0, ..claimed(key) };
        if let Some(done) = acts::claim(&mut tx, at.clock, claim).await? {
            // The same upload arrived twice at the same time: what was written here is left behind with the transaction.
            return find(at.db, EnclosureId(done.subject)).await?.ok_or_else(expired);
        }
    }
    tx.commit().await?;
    row.into_enclosure()
}

fn expired() -> Error {
    Error::invalid("attachments", "有附件已经失效，请重新上传。")
}

async fn lock_store(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

async fn find(db: &Db, id: EnclosureId) -> Result<Option<Enclosure>> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.map(Row::into_enclosure).transpose()
}

/// Name and content of uploaded files, for the hash of what an author sends; a file that is not there is [`Code::Invalid`].
pub async fn contents(db: &Db, ids: &[EnclosureId]) -> Result<Vec<String>> {
    let mut contents = Vec::with_capacity(ids.len());
    for id in ids {
        let enclosure = find(db, *id).await?.ok_or_else(expired)?;
        contents.push(format!("{}\0{}", enclosure.name, enclosure.hash));
    }
    Ok(contents)
}

/// Files that a form names, in its order: uploaded for it, or of the opinion that it changes. Any other is left out.
pub async fn list_named(db: &Db, ids: &[EnclosureId], opinion: Option<OpinionId>) -> Result<Vec<Enclosure>> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(find(db, *id).await?.filter(|enclosure| enclosure.opinion.is_none() || enclosure.opinion == opinion));
    }
    Ok(found)
}

/// Makes exactly these files, in this order, the files of a revision of an opinion, in the transaction that writes it.
#[expect(clippy::too_many_arguments, reason = "what a transaction works with, and what it writes")]
pub(super) async fn bind_to_opinion(
    tx: &mut Tx,
    clock: &Clock,
    rules: &Rules,
    opinion: OpinionId,
    draft: DraftId,
    account: Option<AccountId>,
    wanted: &[EnclosureId],
    revision: i64,
) -> Result<()> {
    let held: Vec<Row> =
        if revision > 1 { on_tx!(tx, c => sqlx::query_as(LIST).bind(opinion).fetch_all(c).await).map_err(failed)? } else { Vec::new() };
    for row in held.iter().filter(|row| !wanted.contains(&row.id)) {
        on_tx!(tx, c => sqlx::query(DROP).bind(row.id).bind(opinion).bind(revision).execute(c).await.map(drop)).map_err(failed)?;
    }
    // An hour less than they are kept: what is bound here is not being removed elsewhere.
    let since = clock.now() - chrono::Duration::minutes(i64::from(rules.unbound_enclosure_hours) * 60 - 60);
    for (place, id) in (0i64..).zip(wanted) {
        let bound: u64 = if held.iter().any(|row| row.id == *id) {
            on_tx!(tx, c => sqlx::query(KEEP).bind(*id).bind(opinion).bind(place).execute(c).await.map(|d| d.rows_affected()))
        } else {
            on_tx!(tx, c => sqlx::query(BIND).bind(*id).bind(opinion).bind(place).bind(revision).bind(draft).bind(account).bind(since)
                .execute(c).await.map(|d| d.rows_affected()))
        }
        .map_err(failed)?;
        if bound == 0 {
            return Err(expired());
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let sum: i64 = on_tx!(tx, c => sqlx::query_scalar(SUM).bind(opinion).fetch_one(c).await).map_err(failed)?;
    if sum > i64::from(rules.enclosures_mib) << 20 {
        return Err(Error::invalid("attachments", format!("一条意见的附件合计不超过 {} MB。", rules.enclosures_mib)));
    }
    Ok(())
}

/// The files that an opinion has at present. Whoever asks was shown the opinion.
pub async fn list_enclosures(db: &Db, opinion: OpinionId) -> Result<Vec<Enclosure>> {
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST).bind(opinion).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter().map(Row::into_enclosure).collect()
}

/// A file with its bytes, for the author of its opinion and for staff; "not found" for everybody else.
pub async fn read_enclosure(db: &Db, blobs: &Blobs, caller: &Caller, id: EnclosureId) -> Result<(Enclosure, Vec<u8>)> {
    let absent = || Error::not_found("这个附件");
    let enclosure = find(db, id).await?.ok_or_else(absent)?;
    let opinion = enclosure.opinion.ok_or_else(absent)?;
    reading::get_opinion(db, caller, opinion).await.map_err(|error| if error.code == Code::NotFound { absent() } else { error })?;
    let hash = BlobHash::parse(&enclosure.hash).ok_or_else(|| Error::defect("an enclosure has no hash"))?;
    let bytes = blobs.shelf(SHELF).get(&hash).await?;
    Ok((enclosure, bytes))
}

/// Removes files that came with no opinion in time, and says how many. A content that another upload still has stays.
pub async fn remove_unbound(db: &Db, blobs: &Blobs, clock: &Clock, rules: &Rules) -> Result<u64> {
    let before = clock.now() - chrono::Duration::hours(i64::from(rules.unbound_enclosure_hours));
    let old: Vec<(EnclosureId, String)> =
        on_db!(db, pool => sqlx::query_as(LIST_UNBOUND).bind(before).bind(TIDIED).fetch_all(pool).await).map_err(failed)?;
    if old.is_empty() {
        return Ok(0);
    }
    let shelf = blobs.shelf(SHELF);
    let mut removed = 0;
    let mut tx = db.begin().await?;
    lock_store(&mut tx).await?;
    for (id, hash) in old {
        removed += on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(id).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
        let left: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_BLOB).bind(&hash).fetch_one(c).await).map_err(failed)?;
        if left == 0
            && let Some(hash) = BlobHash::parse(&hash)
        {
            shelf.remove(&hash).await?;
        }
    }
    tx.commit().await?;
    Ok(removed)
}
