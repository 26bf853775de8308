//! `backup`: a copy of an installation on the embedded engine, made while it runs.
//!
//! A backup grows under a name that ends with `.partial` and gets its own name when everything in it lies safely on the disk. The key of personal data is
//! never part of it, only the key's short name.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::app::{Access, App};
use crate::audit::checking::{self, ANCHOR_FILE, Anchor};
use crate::config::Config;
use crate::error::{Code, Error, Result, is_full};
use crate::storage::Db;
use crate::storage::snapshot::{self, AuditFact, Content, DATABASE_FILE, FileFact, Manifest, some_of};

/// Looks for a content whose row is still there: who removes one removes the content first and commits then.
const LOOKS: u32 = 20;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Refuses an installation whose data lie elsewhere, and names the way for it.
pub fn require_embedded(config: &Config) -> Result<()> {
    if !config.is_postgres() && config.s3.is_none() {
        return Ok(());
    }
    Err(Error::startup(
        "zhitong backup 和 zhitong restore 只用于内置数据库和本地文件；PostgreSQL 请用 pg_dump 或 pg_basebackup，对象存储请用它自己的多版本功能，做法见 README.zh-CN.md 的“备份与恢复”。",
    ))
}

/// `backup`
pub async fn backup(config: Config, folder: &Path) -> Result<ExitCode> {
    require_embedded(&config)?;
    let partial = partial_of(folder)?;
    if folder.symlink_metadata().is_ok() {
        return Err(Error::startup(format!("{} 已经存在。备份不覆盖任何东西，请换一个文件夹名，例如加上日期。", folder.display())));
    }
    let app = App::open(config, Access::ReadOnly).await?;
    if !app.db.pending_migrations().await?.is_empty() {
        return Err(Error::startup("数据库结构属于旧版本的软件，请用原来的版本备份，或者先运行 zhitong migrate。"));
    }
    make_folder(&partial)?;
    let manifest = match take(&app, &partial).await {
        Ok(manifest) => manifest,
        Err(error) => {
            // Half a backup is of no use to anybody; why it failed is what is told.
            drop(std::fs::remove_dir_all(&partial));
            return Err(if error.code == Code::Full { no_room() } else { error });
        }
    };
    std::fs::rename(&partial, folder)
        .map_err(|e| Error::startup(format!("备份已写好，但不能从 {} 改名为 {}：{e}。", partial.display(), folder.display())))?;
    File::open(parent_of(folder))?.sync_all()?;
    report(folder, &manifest);
    if !manifest.lost.is_empty() {
        return Ok(ExitCode::from(2));
    }
    snapshot::note_backup(&app.db, manifest.made_at)
        .await
        .map_err(|e| Error::startup("备份已完成，但没有能在数据库中记下时间，zhitong doctor 会以为没有备份。").caused_by(e))?;
    Ok(if manifest.audit.is_whole { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn report(folder: &Path, manifest: &Manifest) {
    let bytes: u64 = manifest.files.values().map(|fact| fact.bytes).sum();
    println!(
        "已备份到 {}：{} 张表、{} 个文件，共 {} MiB，审计日志 {} 条。",
        folder.display(),
        manifest.tables.len(),
        manifest.files.len(),
        bytes.div_ceil(MIB),
        manifest.audit.entries
    );
    if manifest.is_key_inside {
        println!("这是示例：它的密钥在数据库里。正式运行的密钥不会进入备份。");
    } else {
        println!("密钥（编号 {}）不在备份里，请另行保管；没有它，备份中的个人信息无法读取。", manifest.key_id);
    }
    if !manifest.audit.is_whole {
        println!("注意：审计日志不完整，备份照原样保存了它。请运行 zhitong audit verify 查看。");
    }
    if !manifest.lost.is_empty() {
        println!("注意：数据目录中有 {} 个文件缺失或损坏，不在备份里：{}", manifest.lost.len(), some_of(&manifest.lost));
    }
}

/// Fills a folder with everything and its manifest.
async fn take(app: &App, partial: &Path) -> Result<Manifest> {
    let data_dir = &app.config.data_dir;
    // Before the database: so each anchor of the file is about entries that the copy has.
    let kept = keep_anchors(data_dir, partial)?;
    let made_at = app.clock.now();
    let database = partial.join(DATABASE_FILE);
    snapshot::copy_database(&app.db, &database).await?;

    let copy = snapshot::open_copy(&database).await?;
    snapshot::check_whole(&copy).await?;
    let audit = audit_fact(&copy, app, &kept).await?;
    let tables = snapshot::count_rows(&copy).await?;
    let migration = snapshot::newest_migration(&copy).await?;
    let mut contents = snapshot::list_contents(&copy, App::CONTENT_COLUMNS).await?;
    copy.close().await;

    let mut files = BTreeMap::new();
    for name in [DATABASE_FILE, ANCHOR_FILE] {
        let file = partial.join(name);
        if file.exists() {
            files.insert(name.to_owned(), snapshot::fact_of(&file)?);
        }
    }
    snapshot::add_originals(data_dir, &mut contents)?;
    let (mut gone, mut lost) = (Vec::new(), Vec::new());
    for (path, content) in contents {
        // Where contents are lost, they are lost by the disk, and waiting for each would take hours.
        let looks = if lost.is_empty() { LOOKS } else { 1 };
        match copy_content(app, partial, &path, &content, looks).await? {
            Copied::Whole(fact) => drop(files.insert(path, fact)),
            Copied::Gone => gone.push(path),
            Copied::Lost => lost.push(path),
        }
    }
    let manifest = Manifest {
        format: Manifest::FORMAT,
        software: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        migration,
        key_id: app.data_key.id().to_owned(),
        is_key_inside: app.config.data_key.0.is_empty() && app.config.data_key_file.is_none(),
        audit,
        tables,
        files,
        gone,
        lost,
    };
    manifest.write(partial)?;
    snapshot::sync_folders(partial)?;
    Ok(manifest)
}

async fn audit_fact(copy: &Db, app: &App, kept: &[Anchor]) -> Result<AuditFact> {
    let checked = checking::verify_anchored(copy, &app.data_key, kept).await?;
    Ok(AuditFact { entries: checked.entries, last_hash: checked.last_hash, is_whole: checked.broken_at.is_none() })
}

/// Copies the file of anchors up to its last whole line, and gives the anchors in it.
fn keep_anchors(data_dir: &Path, partial: &Path) -> Result<Vec<Anchor>> {
    let mut bytes = match std::fs::read(data_dir.join(ANCHOR_FILE)) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(not_copied(ANCHOR_FILE, e)),
    };
    // The service may be in the middle of a line.
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
    let to = partial.join(ANCHOR_FILE);
    let mut file = File::create_new(&to)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    checking::read_file(&to)
}

/// What became of a content.
enum Copied {
    /// It is in the backup.
    Whole(FileFact),
    /// It was removed together with the row that named it, after the database was copied.
    Gone,
    /// A row names it, and it is not there or not what it was.
    Lost,
}

async fn copy_content(app: &App, partial: &Path, path: &str, content: &Content, looks: u32) -> Result<Copied> {
    let (from, to) = (app.config.data_dir.join(path), partial.join(path));
    for look in 1..=looks {
        match snapshot::copy_file(&from, &to) {
            Ok(fact) if fact.sha256 == content.hash.as_str() => return Ok(Copied::Whole(fact)),
            Ok(_) => {
                std::fs::remove_file(&to)?;
                return Ok(Copied::Lost);
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
                if !snapshot::is_named(&app.db, content).await? {
                    return Ok(Copied::Gone);
                }
                if look < looks {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Err(e) => return Err(not_copied(path, e)),
        }
    }
    Ok(Copied::Lost)
}

/// Why a file could not be copied, as one sentence.
pub fn not_copied(path: &str, failure: std::io::Error) -> Error {
    if is_full(&failure) {
        return no_room().caused_by(failure);
    }
    Error::startup(format!("无法复制 {path}：{failure}。"))
}

fn no_room() -> Error {
    Error::startup("磁盘空间不足，没有留下任何文件；请换一个更大的磁盘，或者清理后再试。")
}

/// The name under which a backup grows.
fn partial_of(folder: &Path) -> Result<PathBuf> {
    let mut name = folder.file_name().ok_or_else(|| Error::startup("请给出备份文件夹的名称，例如 backups/2026-01-31。"))?.to_owned();
    name.push(".partial");
    Ok(folder.with_file_name(name))
}

fn parent_of(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of a backup, for this user alone: names and opinions are in it.
fn make_folder(partial: &Path) -> Result<()> {
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists => Error::startup(format!(
            "{} 还在：另一次备份正在进行，或者上一次没有完成。没有备份在进行的话，请删除它再试。",
            partial.display()
        )),
        _ => Error::startup(format!("无法建立 {}：{e}。请检查路径和权限。", partial.display())),
    };
    std::fs::create_dir_all(parent_of(partial)).map_err(failed)?;
    DirBuilder::new().mode(0o700).create(partial).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_grows_beside_its_own_place() {
        for (folder, partial) in [("a/b", "a/b.partial"), ("b", "b.partial"), ("a/2026-01-31/", "a/2026-01-31.partial")] {
            assert_eq!(partial_of(Path::new(folder)).unwrap(), Path::new(partial));
        }
        assert!(partial_of(Path::new("..")).is_err() && partial_of(Path::new("/")).is_err());
        assert_eq!((parent_of(Path::new("b")), parent_of(Path::new("a/b"))), (Path::new("."), Path::new("a")));
    }
}
