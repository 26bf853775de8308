//! A copy of everything that the embedded engine keeps: the database as of one instant, and the contents that it names.
//!
//! SQLite writes the copy itself, beside a running server: no writer waits for it, and what is committed meanwhile is not in it. The contents are copied
//! afterwards. They are written before the rows that name them and never changed, so all of them are there but for those whose rows were removed since.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};

use super::blobs::BlobHash;
use super::sql::failed;
use super::{Db, SqliteDb, settings};
use crate::error::{Error, Result};

/// Name of the embedded database in a data directory.
pub const DATABASE_FILE: &str = "zhitong.db";
/// Folder of contents in a data directory.
pub const CONTENT_FOLDER: &str = "blobs";
/// Name of the setting with the instant of the last backup that succeeded.
const LAST_BACKUP: &str = "last_backup";
/// Name of the manifest in a backup; it is written last.
const MANIFEST_FILE: &str = "manifest.json";
/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 16;
/// Names of a list that are given one by one.
const NAMED: usize = 20;

/// A column that names contents of the store of originals by their hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentColumn {
    /// Table.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Where its contents lie in the store; empty for the originals that are kept for ever.
    pub shelf: &'static str,
}

/// A content to copy.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its hash.
    pub hash: BlobHash,
    /// The columns that name it; none for an original of earlier days.
    named_by: Vec<ContentColumn>,
}

impl Content {
    /// Where it lies in the store; empty for the originals that are kept for ever.
    pub fn shelf(&self) -> &'static str {
        self.named_by.first().map_or("", |column| column.shelf)
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// The audit log of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFact {
    /// Entries that hold.
    pub entries: i64,
    /// Hash of the last of them.
    pub last_hash: String,
    /// Whether nothing follows them that does not hold.
    pub is_whole: bool,
}

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Form of this file.
    pub format: u32,
    /// Version of the software that made it.
    pub software: String,
    /// The instant before which everything that was acknowledged is in it.
    pub made_at: DateTime<Utc>,
    /// The newest migration of the database.
    pub migration: i64,
    /// Short name of the key of personal data. The key itself is never part of a backup.
    pub key_id: String,
    /// Whether the key lies in the database: that of a demonstration, whose data are invented.
    pub is_key_inside: bool,
    /// The audit log.
    pub audit: AuditFact,
    /// Rows by table.
    pub tables: BTreeMap<String, i64>,
    /// Files by their path.
    pub files: BTreeMap<String, FileFact>,
    /// Contents that the database names and that were removed, with their rows, while the backup was made.
    pub gone: Vec<String>,
    /// Contents that the installation itself has lost or damaged.
    pub lost: Vec<String>,
}

impl Manifest {
    /// The form that this software writes and reads.
    pub const FORMAT: u32 = 1;

    /// Reads the manifest of a backup; without one it is not whole.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let file = folder.join(MANIFEST_FILE);
        let unusable = |why: String| Error::startup(format!("{} 不是一份完整的备份：{why}。", folder.display()));
        let text = std::fs::read(&file).map_err(|e| unusable(format!("读不到 {MANIFEST_FILE}（{e}）")))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| unusable(format!("{MANIFEST_FILE} 已损坏（{e}）")))?;
        if manifest.format != Self::FORMAT {
            return Err(unusable(format!("清单的格式是第 {} 版，这个版本的软件只认识第 {} 版", manifest.format, Self::FORMAT)));
        }
        Ok(manifest)
    }

    /// Writes it, to stay.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal("the manifest cannot be written", e))?;
        let mut file = File::create_new(folder.join(MANIFEST_FILE))?;
        file.write_all(&text)?;
        file.sync_all()?;
        Ok(())
    }
}

/// Notes that a backup of everything before an instant has succeeded.
pub async fn note_backup(db: &Db, made_at: DateTime<Utc>) -> Result<()> {
    settings::put(db, LAST_BACKUP, &made_at.to_rfc3339()).await
}

/// When the last backup was made that succeeded; `None` = there was none.
pub async fn last_backup(db: &Db) -> Result<Option<DateTime<Utc>>> {
    let noted = settings::find(db, LAST_BACKUP).await?;
    Ok(noted.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|at| at.with_timezone(&Utc)))
}

/// Writes a copy of the database, as of one instant, to a file that does not exist yet.
pub async fn copy_database(db: &Db, to: &Path) -> Result<()> {
    let Db::Sqlite(sqlite) = db else { return Err(not_embedded()) };
    let name = to.to_str().ok_or_else(|| Error::startup(format!("文件夹名 {} 里有无法识别的字符，请换一个名称。", to.display())))?;
    // The connections for reading refuse VACUUM. It holds the lock of a reader: writers in other processes go on.
    sqlx::query("VACUUM INTO $1").bind(name).execute(&sqlite.write).await.map(drop).map_err(failed)?;
    File::open(to)?.sync_all()?;
    Ok(())
}

/// Opens a copy without changing a byte of it, nor making a file beside it.
pub async fn open_copy(file: &Path) -> Result<Db> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(2)
        .connect_with(options)
        .await
        .map_err(|e| Error::startup(format!("无法打开数据库副本 {}。", file.display())).caused_by(e))?;
    Ok(Db::Sqlite(SqliteDb { read: pool.clone(), write: pool }))
}

/// Has SQLite look through a whole copy.
pub async fn check_whole(copy: &Db) -> Result<()> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(embedded(copy)?).await.map_err(failed)?;
    if found == ["ok"] {
        return Ok(());
    }
    Err(Error::startup(format!("数据库没有通过完整性检查（{}）。", found.join("；"))))
}

/// Number of rows by table.
pub async fn count_rows(copy: &Db) -> Result<BTreeMap<String, i64>> {
    let pool = embedded(copy)?;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name")
            .fetch_all(pool)
            .await
            .map_err(failed)?;
    let mut counts = BTreeMap::new();
    for table in tables {
        let statement = format!("SELECT COUNT(*) FROM \"{table}\"");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(pool).await.map_err(failed)?;
        counts.insert(table, rows);
    }
    Ok(counts)
}

/// Number of the newest migration of a copy.
pub async fn newest_migration(copy: &Db) -> Result<i64> {
    sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(embedded(copy)?).await.map_err(failed)
}

/// Contents that a database names, by their path in a data directory.
pub async fn list_contents(copy: &Db, columns: &[ContentColumn]) -> Result<BTreeMap<String, Content>> {
    let pool = embedded(copy)?;
    let mut contents: BTreeMap<String, Content> = BTreeMap::new();
    for named_by in columns {
        let ContentColumn { table, column, shelf } = *named_by;
        let statement = format!("SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL AND {column} <> ''");
        let hashes: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(pool).await.map_err(failed)?;
        for text in hashes {
            let hash =
                BlobHash::parse(&text).ok_or_else(|| Error::defect(format_args!("{table}.{column} holds {text}, which is no hash")))?;
            let content = contents.entry(path_of(shelf, &hash)).or_insert_with(|| Content { hash, named_by: Vec::new() });
            content.named_by.push(*named_by);
        }
    }
    Ok(contents)
}

/// Adds the originals that no row names any more, e.g. of a version that was corrected since: they too are kept for ever.
pub fn add_originals(data_dir: &Path, contents: &mut BTreeMap<String, Content>) -> Result<()> {
    for folder in std::fs::read_dir(data_dir.join(CONTENT_FOLDER))? {
        let folder = folder?;
        // The name of a shelf is longer than the two digits with which a hash begins.
        if folder.file_name().len() != 2 {
            continue;
        }
        for file in std::fs::read_dir(folder.path())? {
            if let Some(hash) = file?.file_name().to_str().and_then(BlobHash::parse) {
                contents.entry(path_of("", &hash)).or_insert_with(|| Content { hash, named_by: Vec::new() });
            }
        }
    }
    Ok(())
}

/// Whether a row of a database still names a content.
pub async fn is_named(db: &Db, content: &Content) -> Result<bool> {
    let pool = embedded(db)?;
    for ContentColumn { table, column, .. } in &content.named_by {
        let statement = format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).bind(content.hash.as_str()).fetch_one(pool).await.map_err(failed)?;
        if rows > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies a file, to stay, to where there is none, and says what was copied. The folders above it are made.
pub fn copy_file(from: &Path, to: &Path) -> std::io::Result<FileFact> {
    let mut from = File::open(from)?;
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut to = File::create_new(to)?;
    let fact = pour(&mut from, &mut to)?;
    to.sync_all()?;
    Ok(fact)
}

/// What a file holds.
pub fn fact_of(file: &Path) -> std::io::Result<FileFact> {
    pour(&mut File::open(file)?, &mut std::io::sink())
}

fn pour(from: &mut File, to: &mut impl Write) -> std::io::Result<FileFact> {
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(FileFact { sha256: hex::encode(hasher.finalize()), bytes });
        }
        let piece = &buffer[..read];
        hasher.update(piece);
        to.write_all(piece)?;
        bytes += read as u64;
    }
}

/// Makes the names in a folder, and in the folders below it, survive a power cut.
pub fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// Whether a path of a manifest stays below the folder that it is joined to.
pub fn stays_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The first names of a list, as one line.
pub fn some_of(names: &[String]) -> String {
    let mut line = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("、");
    if names.len() > NAMED {
        line.push_str(&format!(" 等 {} 个", names.len()));
    }
    line
}

fn path_of(shelf: &str, hash: &BlobHash) -> String {
    format!("{CONTENT_FOLDER}/{shelf}{}/{}", &hash.as_str()[..2], hash.as_str())
}

fn embedded(db: &Db) -> Result<&SqlitePool> {
    match db {
        Db::Sqlite(sqlite) => Ok(&sqlite.read),
        Db::Postgres(_) => Err(not_embedded()),
    }
}

fn not_embedded() -> Error {
    Error::defect("a copy is made of the embedded engine only")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::storage::blobs::Blobs;

    #[tokio::test]
    async fn contents_lie_where_the_store_puts_them() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&Config { data_dir: folder.path().to_owned(), ..Config::default() }).unwrap();
        let hash = blobs.put("原件".into()).await.unwrap();
        blobs.shelf("shelf/").put("附件".into()).await.unwrap();
        assert!(folder.path().join(path_of("", &hash)).is_file());
        assert!(folder.path().join(path_of("shelf/", &BlobHash::of("附件".as_bytes()))).is_file());
        let mut contents = BTreeMap::new();
        add_originals(folder.path(), &mut contents).unwrap();
        assert_eq!(contents.into_keys().collect::<Vec<_>>(), [path_of("", &hash)], "what can be removed is copied only where it is named");
    }

    #[tokio::test]
    async fn a_copy_is_read_without_changing_it() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join(DATABASE_FILE), 1).await.unwrap();
        db.migrate().await.unwrap();
        let file = folder.path().join("a copy#1?.db");
        copy_database(&db, &file).await.unwrap();
        assert!(copy_database(&db, &file).await.is_err(), "nothing is written over");
        let before = fact_of(&file).unwrap();
        let copy = open_copy(&file).await.unwrap();
        check_whole(&copy).await.unwrap();
        assert_eq!(count_rows(&copy).await.unwrap(), count_rows(&db).await.unwrap());
        assert!(newest_migration(&copy).await.unwrap() > 0);
        copy.close().await;
        assert_eq!(fact_of(&file).unwrap(), before);
        let beside =
            std::fs::read_dir(folder.path()).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("a copy"));
        assert_eq!(beside.count(), 1);
        db.close().await;
    }

    #[test]
    fn paths_that_lead_elsewhere_are_known() {
        assert!(stays_below("blobs/ab/abcd") && stays_below("zhitong.db"));
        for bad in ["", "../x", "/etc/passwd", "blobs/../../x"] {
            assert!(!stays_below(bad), "{bad}");
        }
    }
}
