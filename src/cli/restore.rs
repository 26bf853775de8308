//! `restore`: an installation anew from a backup, in a data directory of its own.
//!
//! Everything is copied and checked in a folder inside the new directory and moves to its place at the end, the database last: a directory without one
//! holds no installation.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use super::backup::{not_copied, require_embedded};
use crate::app::App;
use crate::audit::checking::{self, ANCHOR_FILE};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::{IdSource, shanghai};
use crate::storage::crypto::{FieldCipher, rotation};
use crate::storage::snapshot::{self, CONTENT_FOLDER, DATABASE_FILE, Manifest, some_of};
use crate::storage::{DataDirLock, Db};

/// Where everything is copied to before it moves to its place.
const WORKSHOP: &str = "restore.partial";
/// Name of the file that [`DataDirLock`] keeps.
const LOCK: &str = "lock";

/// `restore`
pub async fn restore(config: Config, folder: &Path) -> Result<ExitCode> {
    require_embedded(&config)?;
    let manifest = Manifest::read(folder)?;
    check_key(&config, &manifest)?;
    let target = config.data_dir.clone();
    let _lock = DataDirLock::acquire(&target)?;
    require_empty(&target)?;
    let workshop = target.join(WORKSHOP);
    if workshop.exists() {
        // Left by a restore that was killed; nobody else is at work while we hold the lock.
        std::fs::remove_dir_all(&workshop)?;
    }
    let outcome = match bring_back(folder, &manifest, &workshop) {
        Ok(()) => examine(&config, &manifest, &workshop).await,
        Err(error) => Err(error),
    };
    let notes = match outcome {
        Ok(notes) => notes,
        Err(error) => {
            // What is wrong is what is told; what was copied is of no use.
            drop(std::fs::remove_dir_all(&workshop));
            return Err(error);
        }
    };
    for name in [CONTENT_FOLDER, ANCHOR_FILE, DATABASE_FILE] {
        let from = workshop.join(name);
        if from.exists() {
            std::fs::rename(&from, target.join(name))?;
        }
    }
    std::fs::remove_dir_all(&workshop)?;
    File::open(&target)?.sync_all()?;
    println!(
        "已恢复到 {}：{} 张表、{} 个文件、审计日志 {} 条，都与备份清单一致（备份于 {}）。",
        target.display(),
        manifest.tables.len(),
        manifest.files.len(),
        manifest.audit.entries,
        shanghai(manifest.made_at).format("%Y-%m-%d %H:%M:%S")
    );
    for note in &notes {
        println!("注意：{note}");
    }
    println!("接下来请用这个数据目录启动服务，检索索引会自动重建；再运行 zhitong doctor 检查。");
    Ok(if notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Refuses a key that is not the one of the backup, before anything is written.
fn check_key(config: &Config, manifest: &Manifest) -> Result<()> {
    let configured = match &config.data_key_file {
        Some(file) => Some(FieldCipher::of_file(file, &IdSource::Random)?),
        None if config.data_key.0.is_empty() => None,
        None => Some(FieldCipher::of_key(&config.data_key, &IdSource::Random)?),
    };
    match configured {
        Some(cipher) if cipher.data_key().id() != manifest.key_id => Err(Error::startup(format!(
            "密钥不对：这份备份的个人信息用的是编号 {} 的密钥，现在配置的是 {}。请换回原来的 data_key（或密钥文件中的 hash_key）。",
            manifest.key_id,
            cipher.data_key().id()
        ))),
        None if !manifest.is_key_inside => {
            Err(Error::startup(format!("这份备份需要编号 {} 的密钥：请用 --config 给出配置文件，并放好其中的密钥文件。", manifest.key_id)))
        }
        _ => Ok(()),
    }
}

/// Refuses a directory that holds anything but what a claim, or a restore that was killed, leaves there.
fn require_empty(target: &Path) -> Result<()> {
    for entry in std::fs::read_dir(target)? {
        let name = entry?.file_name();
        if name != LOCK && name != WORKSHOP {
            return Err(Error::startup(format!(
                "{} 里已经有 {}。恢复不覆盖任何东西，请用 --data-dir 指定一个新的数据目录。",
                target.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// Copies every file of the manifest and compares it.
fn bring_back(folder: &Path, manifest: &Manifest, workshop: &Path) -> Result<()> {
    let mut damaged = Vec::new();
    for (name, fact) in &manifest.files {
        if !snapshot::stays_below(name) {
            damaged.push(format!("{name}（不是备份中的路径）"));
            continue;
        }
        match snapshot::copy_file(&folder.join(name), &workshop.join(name)) {
            Ok(found) if found == *fact => {}
            Ok(_) => damaged.push(format!("{name}（内容变了）")),
            Err(e) if e.kind() == ErrorKind::NotFound => damaged.push(format!("{name}（缺失）")),
            Err(e) => return Err(not_copied(name, e)),
        }
    }
    if damaged.is_empty() {
        snapshot::sync_folders(workshop)?;
        return Ok(());
    }
    Err(Error::startup(format!("备份已损坏，没有恢复任何东西：{}。", some_of(&damaged))))
}

/// Compares the database with the manifest, and gives what somebody should know.
async fn examine(config: &Config, manifest: &Manifest, workshop: &Path) -> Result<Vec<String>> {
    let copy = snapshot::open_copy(&workshop.join(DATABASE_FILE)).await?;
    let notes = compare(config, manifest, workshop, &copy).await;
    copy.close().await;
    notes
}

async fn compare(config: &Config, manifest: &Manifest, workshop: &Path, copy: &Db) -> Result<Vec<String>> {
    let differs = |what: &str| Error::startup(format!("备份与它的清单不一致（{what}），没有恢复任何东西。"));
    snapshot::check_whole(copy).await?;
    if snapshot::newest_migration(copy).await? != manifest.migration {
        return Err(differs("数据库结构"));
    }
    let found = snapshot::count_rows(copy).await?;
    let tables: BTreeSet<&String> = found.keys().chain(manifest.tables.keys()).collect();
    let different: Vec<String> = tables.into_iter().filter(|name| found.get(*name) != manifest.tables.get(*name)).cloned().collect();
    if !different.is_empty() {
        return Err(differs(&format!("行数：{}", some_of(&different))));
    }
    let contents = snapshot::list_contents(copy, App::CONTENT_COLUMNS).await?;
    let is_known = |path: &String| manifest.files.contains_key(path) || manifest.gone.contains(path) || manifest.lost.contains(path);
    let absent: Vec<String> = contents.into_keys().filter(|path| !is_known(path)).collect();
    if !absent.is_empty() {
        return Err(differs(&format!("没有列出 {}", some_of(&absent))));
    }

    let cipher = App::field_cipher(config, copy, &IdSource::Random, false).await?;
    let anchors = workshop.join(ANCHOR_FILE);
    let kept = if anchors.exists() { checking::read_file(&anchors)? } else { Vec::new() };
    let checked = checking::verify_anchored(copy, &cipher.data_key(), &kept).await?;
    if (checked.entries, &checked.last_hash, checked.broken_at.is_none())
        != (manifest.audit.entries, &manifest.audit.last_hash, manifest.audit.is_whole)
    {
        return Err(differs("审计日志"));
    }

    let mut notes = Vec::new();
    if !manifest.audit.is_whole {
        notes.push("审计日志在备份时就不完整，请运行 zhitong audit verify 查看。".to_owned());
    }
    if !manifest.lost.is_empty() {
        notes.push(format!("备份时就缺失或损坏的文件：{}。", some_of(&manifest.lost)));
    }
    let known = cipher.key_ids();
    let counts = rotation::count_by_key(copy, App::SEALED_COLUMNS).await?;
    let missing: Vec<String> = counts.into_keys().filter(|id| !known.contains(id)).collect();
    if !missing.is_empty() {
        notes.push(format!("缺少编号 {} 的密钥，有内容无法读取；请把它加回密钥文件的 keys。", missing.join("、")));
    }
    Ok(notes)
}
