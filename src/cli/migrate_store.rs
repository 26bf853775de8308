//! `migrate-store`: an installation on the embedded engine and local files, moved to PostgreSQL and the configured store of originals.
//!
//! The old directory is claimed and its database held still for as long as the move runs. What was moved is compared row by row and content by content
//! before anything may start on the target.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use crate::app::App;
use crate::audit::checking::{self, ANCHOR_FILE, Anchor};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::storage::blobs::Blobs;
use crate::storage::crypto::{FieldCipher, rotation};
use crate::storage::moving::{self, Moving, contents};
use crate::storage::snapshot::{self, CONTENT_FOLDER, DATABASE_FILE, some_of};
use crate::storage::{DataDirLock, Db, settings};

/// Connections for reading the old database: one is under way while another asks.
const SOURCE_CONNECTIONS: u32 = 4;
/// Fewest connections to the target, whatever is configured: the move holds one to its end, and the audit log is checked beside it.
const TARGET_CONNECTIONS: u32 = 2;
/// What a claim, and a move that was killed, leave in the new directory.
const LEFT_BEHIND: &[&str] = &["lock", CONTENT_FOLDER, ANCHOR_FILE, PARTIAL_ANCHORS];
/// Name under which the file of anchors grows in the new directory.
const PARTIAL_ANCHORS: &str = "audit-anchors.jsonl.partial";

/// `migrate-store`
pub async fn migrate_store(config: Config, from: &Path, verify_only: bool) -> Result<ExitCode> {
    if !config.is_postgres() {
        return Err(Error::startup("没有说搬到哪里：请用 --config 给出新的配置文件，其中的 database_url 指向一个空的 PostgreSQL 数据库。"));
    }
    let database = from.join(DATABASE_FILE);
    if !database.exists() {
        return Err(Error::startup(format!("{} 里没有内置数据库 {DATABASE_FILE}，请检查 --from-data-dir。", from.display())));
    }
    let _old = DataDirLock::acquire(from)?;
    require_apart(from, &config.data_dir)?;
    let _new = DataDirLock::acquire(&config.data_dir)?;
    if !verify_only {
        require_empty(&config.data_dir)?;
    }

    let source = Db::open_sqlite(&database, SOURCE_CONNECTIONS).await?;
    if !source.pending_migrations().await?.is_empty() {
        return Err(Error::startup("旧的数据库结构属于旧版本的软件，请先用这个版本的软件在旧目录上运行 zhitong migrate。"));
    }
    // Commands beside the service may write as well; while this is held none can.
    let still = source.begin().await?;
    println!("正在检查旧的数据库……");
    snapshot::check_whole(&source).await?;
    let cipher = App::field_cipher(&config, &source, &IdSource::Random, false).await?;
    let target = Db::open_postgres(&config.database_url.0, config.database_connections.max(TARGET_CONNECTIONS)).await?;
    let pending = target.pending_migrations().await?;
    if (verify_only && !pending.is_empty()) || is_of_older_software(&target, &pending).await? {
        return Err(Error::startup("目标数据库里没有搬入的数据，或者它的结构属于旧版本的软件。请换一个空的数据库。"));
    }
    if !verify_only {
        target.migrate().await?;
    }

    let it = Installation { config: &config, from, source: &source, target: &target, cipher: &cipher };
    let outcome = it.run(verify_only).await;
    drop(still);
    target.close().await;
    source.close().await;
    outcome
}

/// Whether an installation of older software was ever opened at a database. A new one has seen no migration; a move that was killed while it brought the
/// schema there left some, but never what the first start writes.
async fn is_of_older_software(target: &Db, pending: &[i64]) -> Result<bool> {
    // The table of the settings comes with the first migration.
    if pending.first().is_none_or(|first| *first == 1) {
        return Ok(false);
    }
    Ok(settings::find(target, "data_key_id").await?.is_some())
}

/// Refuses two directories that are one.
fn require_apart(from: &Path, to: &Path) -> Result<()> {
    let old = from.canonicalize()?;
    // One that is not there yet is none of those that are.
    if to.canonicalize().is_ok_and(|new| new == old) {
        return Err(Error::startup(format!(
            "新的数据目录不能就是旧的 {}。请在新的配置里把 data_dir 换成另一个目录（或用 --data-dir 指定）。",
            old.display()
        )));
    }
    Ok(())
}

/// Refuses a new directory in which something else is kept: an index of another database would be taken for that of this one.
fn require_empty(data_dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(data_dir)? {
        let name = entry?.file_name();
        if !LEFT_BEHIND.iter().any(|left| name == *left) {
            return Err(Error::startup(format!(
                "新的数据目录 {} 里已经有 {}，没有搬任何东西。请换一个空的目录。",
                data_dir.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

/// An installation between its old place and its new one.
struct Installation<'a> {
    config: &'a Config,
    from: &'a Path,
    source: &'a Db,
    target: &'a Db,
    cipher: &'a FieldCipher,
}

impl Installation<'_> {
    async fn run(&self, verify_only: bool) -> Result<ExitCode> {
        let mut moving = Moving::open(self.source, self.target).await?;
        let counts = moving::count_rows(self.source).await?;
        let old = Blobs::open(&Config { data_dir: self.from.to_owned(), ..Config::default() })?;
        let new = Blobs::open(self.config)?;
        let mut named = snapshot::list_contents(self.source, App::CONTENT_COLUMNS).await?;
        snapshot::add_originals(self.from, &mut named)?;

        if !verify_only {
            moving.require_keepable().await?;
            if moving.begin(&counts).await? {
                println!("接着上一次没有完成的搬迁继续。");
            }
            self.fill(&mut moving, &counts).await?;
        }
        let carried = if verify_only {
            contents::check(&old, &new, &named).await?
        } else {
            let total = named.len();
            contents::carry(moving.target(), &old, &new, &named, &mut |done| eprintln!("原件和附件：{done}/{total}")).await?
        };
        println!("原件和附件：{} 个，散列都相符（{}）。", carried.whole, new.kind());
        let mut different = Vec::new();
        if !carried.missing.is_empty() {
            different.push(format!("新的存储缺少或损坏 {} 个文件：{}", carried.missing.len(), some_of(&carried.missing)));
        }

        let mut rows = 0;
        println!("正在逐行核对……");
        for at in 0..moving.tables.len() {
            let compared = moving.compare(at).await?;
            rows += compared.same;
            if compared.different > 0 {
                different.push(format!("{} 有 {} 行不一致：", moving.tables[at].name, compared.different));
                different.extend(compared.named.into_iter().map(|line| format!("  {line}")));
            }
        }
        let is_whole = self.compare_audit(&mut different).await?;
        if verify_only {
            let unguarded = moving.list_unguarded().await?;
            if !unguarded.is_empty() {
                different.push(format!("搬迁没有完成，这些表的触发器还停着：{}", some_of(&unguarded)));
            }
        }
        if !different.is_empty() {
            println!("两边不一致：");
            for line in &different {
                println!("  {line}");
            }
            println!("请查明原因；要从头再搬，请换一个空的数据库。旧目录 {} 没有改动。", self.from.display());
            return Ok(ExitCode::from(2));
        }
        let mut notes = self.list_missing_keys().await?;
        if !verify_only {
            self.keep_anchors()?;
            moving.finish().await?;
        }
        println!("核对完毕：{} 张表、{rows} 行逐行一致，{} 个文件的散列相符。", moving.tables.len(), carried.whole);

        if !is_whole {
            notes.push("审计日志在旧库中就不完整，请运行 zhitong audit verify 查看。".to_owned());
        }
        if !carried.lost.is_empty() {
            notes.push(format!("旧目录中就缺失或损坏的文件有 {} 个：{}。", carried.lost.len(), some_of(&carried.lost)));
        }
        for note in &notes {
            println!("注意：{note}");
        }
        if !verify_only {
            // The move is over; the server does this by itself as well, only later.
            if let Err(error) = moving.analyze().await {
                println!("提示：没有收集到统计信息（{}），刚启动时查询可能较慢；可以在数据库里执行 ANALYZE。", error.detail);
            }
            println!("接下来请用新的配置启动服务，检索索引会自动重建；再运行 zhitong doctor 检查。");
            println!("旧目录 {} 没有改动，请保留到确认无误为止，不要再用它启动服务。", self.from.display());
        }
        Ok(if notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }

    /// Writes every table.
    async fn fill(&self, moving: &mut Moving, counts: &BTreeMap<String, i64>) -> Result<()> {
        for at in 0..moving.tables.len() {
            let name = moving.tables[at].name.clone();
            let total = counts.get(&name).copied().unwrap_or_default();
            let copied = moving.copy(at, &mut |done| eprintln!("{name}：{done}/{total} 行")).await?;
            println!("{name}：{copied} 行");
        }
        Ok(())
    }

    /// Compares the audit logs of both sides; tells whether they hold.
    async fn compare_audit(&self, different: &mut Vec<String>) -> Result<bool> {
        let kept = self.kept_anchors()?;
        let key = self.cipher.data_key();
        let ours = checking::verify_anchored(self.source, &key, &kept).await?;
        let theirs = checking::verify_anchored(self.target, &key, &kept).await?;
        if ours == theirs {
            println!("审计日志：{} 条，与旧库一致，末条散列 {}。", theirs.entries, theirs.last_hash);
        } else {
            different.push(format!("审计日志：旧库 {} 条，新库 {} 条相符", ours.entries, theirs.entries));
        }
        Ok(ours.broken_at.is_none())
    }

    fn kept_anchors(&self) -> Result<Vec<Anchor>> {
        let file = self.from.join(ANCHOR_FILE);
        if file.exists() { checking::read_file(&file) } else { Ok(Vec::new()) }
    }

    /// Copies the file of anchors to the new directory.
    fn keep_anchors(&self) -> Result<()> {
        let file = self.from.join(ANCHOR_FILE);
        if !file.exists() {
            return Ok(());
        }
        let partial = self.config.data_dir.join(PARTIAL_ANCHORS);
        if partial.exists() {
            std::fs::remove_file(&partial)?;
        }
        snapshot::copy_file(&file, &partial)?;
        std::fs::rename(&partial, self.config.data_dir.join(ANCHOR_FILE))?;
        File::open(&self.config.data_dir)?.sync_all()?;
        Ok(())
    }

    /// What somebody should know about keys with which fields were sealed and that are not configured.
    async fn list_missing_keys(&self) -> Result<Vec<String>> {
        let known = self.cipher.key_ids();
        let counts = rotation::count_by_key(self.source, App::SEALED_COLUMNS).await?;
        let missing: Vec<String> = counts.into_keys().filter(|id| !known.contains(id)).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![format!("缺少编号 {} 的密钥，有内容无法读取；请把它加回密钥文件的 keys。", missing.join("、"))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_a_schema_that_was_never_opened_is_no_older_installation() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("zhitong.db"), 1).await.unwrap();
        assert!(!is_of_older_software(&db, &[1, 2, 3]).await.unwrap(), "a new one has no table to look into");
        db.migrate().await.unwrap();
        assert!(!is_of_older_software(&db, &[2, 3]).await.unwrap());
        settings::put(&db, "data_key_id", "some").await.unwrap();
        assert!(is_of_older_software(&db, &[2, 3]).await.unwrap());
        assert!(!is_of_older_software(&db, &[]).await.unwrap(), "what has every migration is looked at table by table");
        db.close().await;
    }

    #[test]
    fn the_new_directory_is_another_one_and_empty() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        std::fs::create_dir_all(&old).unwrap();
        assert!(require_apart(&old, &new).is_ok(), "one that is not there yet");
        std::fs::create_dir_all(&new).unwrap();
        assert!(require_apart(&old, &new).is_ok());
        assert!(require_apart(&old, &new.join("../old")).unwrap_err().detail.contains("data_dir"));
        for name in LEFT_BEHIND {
            std::fs::write(new.join(name), "").unwrap();
        }
        assert!(require_empty(&new).is_ok());
        std::fs::create_dir(new.join("search")).unwrap();
        assert!(require_empty(&new).unwrap_err().detail.contains("search"));
    }
}
