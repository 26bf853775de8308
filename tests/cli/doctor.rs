//! One fact after the other is broken, and `doctor` names it, says how to mend it, and ends with 2.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use zhitong::storage::Db;

use crate::operations::findings;
use crate::{run, text, zhitong};

/// A production installation that is in order as far as its own folder goes.
struct Installation {
    _folder: tempfile::TempDir,
    data: PathBuf,
    file: PathBuf,
    keys: PathBuf,
}

impl Installation {
    fn new() -> Installation {
        let folder = tempfile::tempdir().unwrap();
        let (data, file, keys) = (folder.path().join("data"), folder.path().join("zhitong.toml"), folder.path().join("keys.toml"));
        std::fs::write(&file, format!("data_key_file = '{}'", keys.display())).unwrap();
        let made = Installation { _folder: folder, data, file, keys };
        for arguments in [&["keys", "add"][..], &["migrate"], &["account", "add", "chen.ke", "--name", "陈科", "--role", "administrator"]]
        {
            let output = run(made.command().args(arguments));
            assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        }
        made
    }

    fn command(&self) -> Command {
        let mut command = zhitong(&self.data);
        command.arg("--config").arg(&self.file);
        command
    }

    /// Whether what a finding is about is fine, and what it says.
    fn finding(&self, name: &str) -> (bool, String) {
        found(&mut self.command(), name)
    }

    /// Writes to the database behind the back of the service.
    fn write(&self, statements: &[&'static str]) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = Db::open_sqlite(&self.data.join("zhitong.db"), 1).await.unwrap();
            for statement in statements {
                let mut tx = db.begin().await.unwrap();
                zhitong::on_tx!(&mut tx, c => sqlx::query(*statement).execute(c).await.map(drop)).unwrap();
                tx.commit().await.unwrap();
            }
            db.close().await;
        });
    }
}

/// The finding of that name of a doctor that is called so; one that is not fine ends with 2.
fn found(command: &mut Command, name: &str) -> (bool, String) {
    let output = run(command.args(["doctor", "--json"]));
    let all = findings(&output);
    assert_eq!(output.status.code(), Some(if all.iter().all(|(_, is_fine, _)| *is_fine) { 0 } else { 2 }), "{}", text(&output.stderr));
    let (_, is_fine, detail) = all.iter().find(|(found, ..)| found == name).unwrap_or_else(|| panic!("{name}: {all:?}"));
    (*is_fine, detail.clone())
}

/// The same command as the last thing that a shell does; `before` comes first.
fn after(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before} && exec \"$@\"")).arg("sh").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn an_installation_in_order_is_found_so_and_each_broken_fact_is_named() {
    let it = Installation::new();
    for name in ["version", "jobs", "notifications", "originals", "keys"] {
        let (is_fine, detail) = it.finding(name);
        assert!(is_fine, "{name}: {detail}");
    }
    let said = |name: &str, advice: &str| {
        let (is_fine, detail) = it.finding(name);
        assert!(!is_fine && detail.contains(advice), "{name}: {detail}");
    };

    it.write(&["INSERT INTO import_job (id, state, name, is_dry_run, done, report, failure, created_at, updated_at)
        VALUES (x'01900000000070008000000000000001', 'running', '法规', FALSE, 0, '{}', '', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')"]);
    assert!(it.finding("jobs").0, "it waits for its turn");
    it.write(&["UPDATE import_job SET worker = x'01900000000070008000000000000009'"]);
    said("jobs", "自动接着做");

    it.write(&["INSERT INTO outbox (id, account_id, event, subject_id, about, created_at, attempts, failure, given_up_at)
        SELECT x'01900000000070008000000000000002', id, 'opinion_received', id, '草案', '2026-01-01T00:00:00+00:00', 10, 'internal', '2026-01-02T00:00:00+00:00'
        FROM account"]);
    said("notifications", "/staff/deliveries");

    // Where a trial content should go stands something else.
    let shelf = it.data.join("blobs/doctor");
    std::fs::remove_dir_all(&shelf).unwrap();
    std::fs::write(&shelf, "").unwrap();
    said("originals", "blobs");
    std::fs::remove_file(&shelf).unwrap();
    assert!(it.finding("originals").0);

    it.write(&["INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9001, 'of a successor', TRUE, x'00', 0)"]);
    said("version", "新版本");
}

#[test]
fn a_key_file_that_its_group_reads_is_taken_and_told() {
    let it = Installation::new();
    std::fs::set_permissions(&it.keys, std::fs::Permissions::from_mode(0o440)).unwrap();
    let (is_fine, detail) = it.finding("keys");
    assert!(is_fine && detail.contains("用户组"), "{detail}");
    for open in [0o444, 0o460] {
        std::fs::set_permissions(&it.keys, std::fs::Permissions::from_mode(open)).unwrap();
        let (is_fine, detail) = it.finding("keys");
        assert!(!is_fine && detail.contains("chmod 600"), "{open:o}: {detail}");
    }
}

#[test]
fn too_few_open_files_are_named() {
    let it = Installation::new();
    let (is_fine, detail) = found(&mut after("ulimit -n 1000", &it.command()), "file_limit");
    assert!(!is_fine && detail.contains("1000") && detail.contains("LimitNOFILE"), "{detail}");
    let (is_fine, detail) = found(after("ulimit -n 1000", &it.command()).env("ZHITONG_CONNECTIONS", "700"), "file_limit");
    assert!(is_fine, "{detail}");
}

#[test]
fn a_disk_without_room_is_named() {
    let it = Installation::new();
    assert!(it.finding("disk").1.contains(&it.data.display().to_string()));
    let small = |options: &str| {
        let mount = format!("mount -t tmpfs -o {options} none '{}'", it.data.display());
        let mut command = Command::new("unshare");
        let inner = after(&mount, &it.command());
        command.arg("-m").arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    };
    if !may_mount() {
        return eprintln!("SKIPPED: a small disk, because only root can mount one");
    }
    let (is_fine, detail) = found(&mut small("size=64m"), "disk");
    assert!(!is_fine && detail.contains("剩余 64 MiB") && detail.contains("扩容"), "{detail}");
}

/// Whether a mount namespace of one's own is to be had.
fn may_mount() -> bool {
    Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success())
}
