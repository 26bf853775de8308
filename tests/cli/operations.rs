//! What an operator does by command: the first administrator, keys, the audit log, and what the doctor finds of the settings.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use zhitong::accounts::staff::second_factor::SEALED;
use zhitong::ids::{Clock, IdSource};
use zhitong::storage::Db;
use zhitong::storage::crypto::FieldCipher;

use crate::{run, text, zhitong};

/// A production installation that is not in order yet.
fn production(folder: &Path, settings: &str) -> impl Fn(&[&str]) -> Output + use<> {
    let (data, file) = (folder.join("data"), folder.join("zhitong.toml"));
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(&file, settings).unwrap();
    move |arguments: &[&str]| run(zhitong(&data).arg("--config").arg(&file).args(arguments))
}

pub fn findings(output: &Output) -> Vec<(String, bool, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let list = report["findings"].as_array().unwrap();
    list.iter().map(|f| (word(f, "name"), f["is_fine"].as_bool().unwrap(), word(f, "detail"))).collect()
}

#[test]
fn the_doctor_names_everything_that_is_not_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let zhitong =
        production(folder.path(), &format!("data_key = '{}'\npublic_url = 'http://x'\n[rules]\nstaff_totp = 'optional'", "5a".repeat(32)));
    let before = zhitong(&["doctor", "--json"]);
    assert_eq!(before.status.code(), Some(2));
    assert!(findings(&before).iter().any(|(name, fine, detail)| name == "database" && !fine && detail.contains("zhitong migrate")));

    assert!(zhitong(&["migrate"]).status.success());
    let found = findings(&zhitong(&["doctor", "--json"]));
    for (name, advice) in [
        ("wechat", "沙箱"),
        ("public_url", "https://"),
        ("staff_totp", "两步验证"),
        ("keys", "随机"),
        ("administrators", "zhitong account add"),
        ("index", "zhitong reindex"),
    ] {
        let (_, is_fine, detail) = found.iter().find(|(found, ..)| found == name).unwrap_or_else(|| panic!("{name}: {found:?}"));
        assert!(!is_fine && detail.contains(advice), "{name}: {detail}");
    }
    for name in ["settings", "data_dir", "database", "clock", "migrations", "cache", "originals", "audit", "receipts", "sealed"] {
        assert!(found.iter().any(|(found, fine, _)| found == name && *fine), "{name}: {found:?}");
    }
    let human = zhitong(&["doctor"]);
    assert!(text(&human.stdout).contains("需处理"), "{}", text(&human.stdout));

    // A missing key is a finding among the others, not the end of them.
    let without = production(folder.path(), "public_url = 'https://x.example'");
    let found = findings(&without(&["doctor", "--json"]));
    assert!(found.iter().any(|(name, fine, detail)| name == "settings" && !fine && detail.contains("data_key")), "{found:?}");
    assert!(found.iter().any(|(name, fine, _)| name == "public_url" && *fine));
    assert!(found.iter().any(|(name, fine, _)| name == "staff_totp" && *fine), "required unless it is said otherwise");
}

#[test]
fn the_first_administrator_is_made_by_command_and_the_log_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let zhitong = production(folder.path(), &format!("data_key = '{}'", IdSource::Random.secret(32)));
    assert!(zhitong(&["migrate"]).status.success());
    let made = zhitong(&["account", "add", "Chen.Ke", "--name", "陈科", "--role", "administrator"]);
    assert!(made.status.success() && text(&made.stdout).contains("一次性密码"), "{}", text(&made.stderr));
    let again = zhitong(&["account", "add", "chen.ke", "--name", "陈科", "--role", "administrator"]);
    assert!(!again.status.success() && text(&again.stderr).contains("已被使用"));
    assert!(text(&zhitong(&["account", "add", "x.y", "--name", "甲", "--role", "king"]).stderr).contains("administrator"));
    assert!(zhitong(&["account", "reset-password", "chen.ke"]).status.success());
    assert!(zhitong(&["account", "reset-second-factor", "chen.ke"]).status.success());
    assert!(text(&zhitong(&["account", "reset-password", "nobody"]).stderr).contains("没有登录名"));

    let anchor: Value = serde_json::from_slice(&zhitong(&["audit", "anchor"]).stdout).unwrap();
    assert_eq!(anchor["entries"], 3);
    let checked: Value = serde_json::from_slice(&zhitong(&["audit", "verify", "--json"]).stdout).unwrap();
    assert_eq!((checked["entries"].as_i64(), checked["anchors"].as_i64()), (Some(3), Some(2)), "in the database and in the file");
    let lines = text(&zhitong(&["audit", "export"]).stdout);
    let acts: Vec<Value> = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["act"].clone()).collect();
    assert_eq!(acts, ["create_account", "reset_password", "reset_second_factor", "export_audit"]);

    // Somebody with the database in their hands cuts the end off, and puts everything in it in order again.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open_sqlite(&folder.path().join("data/zhitong.db"), 1).await.unwrap();
        for statement in [
            "DROP TRIGGER audit_entry_is_never_removed",
            "DROP TRIGGER audit_tip_only_grows",
            "DROP TRIGGER audit_anchor_is_never_removed",
            "DELETE FROM audit_entry WHERE seq > 1",
            "DELETE FROM audit_anchor",
            "UPDATE audit_tip SET entries = 1, hash = (SELECT hash FROM audit_entry)",
        ] {
            let mut tx = db.begin().await.unwrap();
            zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).unwrap();
            tx.commit().await.unwrap();
        }
        db.close().await;
    });
    let checked = zhitong(&["audit", "verify"]);
    assert_eq!(checked.status.code(), Some(2));
    assert!(text(&checked.stdout).contains("第 2 条"), "{}", text(&checked.stdout));
}

/// What takes a database back to where it was before receipts were sealed.
const BEFORE_SEALS: &[&str] = &[
    "DROP TRIGGER opinion_receipt_is_never_changed",
    "DROP INDEX opinion_unsealed",
    "DROP INDEX opinion_sealed",
    "ALTER TABLE opinion DROP COLUMN sealed_in",
    "ALTER TABLE opinion DROP COLUMN seal_mark",
    "DELETE FROM _sqlx_migrations WHERE version >= 19",
];

#[test]
fn the_log_of_a_database_without_seals_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let zhitong = production(folder.path(), &format!("data_key = '{}'", IdSource::Random.secret(32)));
    assert!(zhitong(&["migrate"]).status.success());
    assert!(zhitong(&["account", "add", "chen.ke", "--name", "陈科", "--role", "administrator"]).status.success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let change = |statements: &'static [&'static str]| {
        runtime.block_on(async {
            let db = Db::open_sqlite(&folder.path().join("data/zhitong.db"), 1).await.unwrap();
            for statement in statements {
                let mut tx = db.begin().await.unwrap();
                zhitong::on_tx!(&mut tx, c => sqlx::query(*statement).execute(c).await.map(drop)).unwrap();
                tx.commit().await.unwrap();
            }
            db.close().await;
        });
    };
    change(BEFORE_SEALS);
    let checked = zhitong(&["audit", "verify"]);
    let said = text(&checked.stdout);
    assert!(
        checked.status.success() && said.contains("审计日志完整") && said.contains("回执还没有封存"),
        "{said}{}",
        text(&checked.stderr)
    );
    let checked: Value = serde_json::from_slice(&zhitong(&["audit", "verify", "--json"]).stdout).unwrap();
    assert_eq!((&checked["entries"], &checked["seals"], &checked["different"]), (&Value::from(1), &Value::Null, &Value::Null));
    change(&["DROP TRIGGER audit_entry_is_never_changed", "UPDATE audit_entry SET detail = 'x'"]);
    let checked = zhitong(&["audit", "verify"]);
    assert!(checked.status.code() == Some(2) && text(&checked.stdout).contains("第 1 条起不一致"), "{}", text(&checked.stdout));
}

#[test]
fn a_check_of_the_log_that_breaks_off_says_so_to_a_machine() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("data_key = '{}'", IdSource::Random.secret(32));
    let zhitong = production(folder.path(), &settings);
    let told = |zhitong: &dyn Fn(&[&str]) -> Output| {
        let (person, machine) = (zhitong(&["audit", "verify"]), zhitong(&["audit", "verify", "--json"]));
        assert_eq!(machine.status.code(), person.status.code(), "{}", text(&person.stderr));
        let object: Value = serde_json::from_slice(&machine.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&machine.stdout)));
        (person, object)
    };
    // Nothing is there yet.
    let (person, object) = told(&zhitong);
    assert!(person.status.code() == Some(1) && object["failure"]["code"] == "startup", "{object}");
    assert!(zhitong(&["migrate"]).status.success());
    assert!(zhitong(&["account", "add", "chen.ke", "--name", "陈科", "--role", "administrator"]).status.success());
    let (person, object) = told(&zhitong);
    assert!(person.status.success() && object["failure"].is_null() && object["different"] == 0, "{object}");

    // Another key, and none.
    let (other, none) = (format!("data_key = '{}'", IdSource::Random.secret(32)), "public_url = 'https://x.example'");
    for (settings, sentence) in [(other.as_str(), "密钥不对"), (none, "data_key")] {
        let (person, object) = told(&production(folder.path(), settings));
        assert!(person.status.code() == Some(1) && text(&person.stderr).contains(sentence), "{}", text(&person.stderr));
        assert!(object["failure"]["detail"].as_str().is_some_and(|detail| detail.contains(sentence)), "{object}");
        assert!(object["entries"].is_null() && object["seals"].is_null(), "{object}");
    }

    // The log can be read, its seals cannot.
    let zhitong = production(folder.path(), &settings);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open_sqlite(&folder.path().join("data/zhitong.db"), 1).await.unwrap();
        for statement in BEFORE_SEALS.iter().filter(|statement| !statement.contains("_sqlx_migrations")) {
            let mut tx = db.begin().await.unwrap();
            zhitong::on_tx!(&mut tx, c => sqlx::query(*statement).execute(c).await.map(drop)).unwrap();
            tx.commit().await.unwrap();
        }
        db.close().await;
    });
    let (person, object) = told(&zhitong);
    assert!(person.status.code() == Some(1) && text(&person.stdout).contains("审计日志完整"), "{}", text(&person.stderr));
    assert_eq!((&object["entries"], &object["seals"]), (&Value::from(1), &Value::Null), "{object}");
    assert!(object["failure"]["cause"].as_str().is_some_and(|cause| cause.contains("sealed_in")), "{object}");
}

/// Sealed texts put straight into the table.
const SEALED_ROWS: usize = 6_000;
const PHONE: &str = "13800001234";

#[test]
fn a_killed_rotation_goes_on_and_nothing_can_be_read_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (data, keys) = (folder.path().join("data"), folder.path().join("keys.toml"));
    let with_keys = |arguments: &[&str]| {
        let mut command = zhitong(&data);
        command.env("ZHITONG_DATA_KEY_FILE", &keys).args(arguments);
        command
    };
    assert!(run(&mut with_keys(&["keys", "add"])).status.success());
    assert!(run(&mut with_keys(&["migrate"])).status.success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let file = data.join("zhitong.db");
    runtime.block_on(async {
        let cipher = FieldCipher::of_file(&keys, &IdSource::Random).unwrap();
        let db = Db::open_sqlite(&file, 1).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for _ in 0..SEALED_ROWS {
            let sealed = cipher.seal(SEALED.purpose, PHONE).unwrap();
            zhitong::on_tx!(&mut tx, c => sqlx::query(
                "INSERT INTO account (id, role, display_name, is_active, is_demonstration, created_at, updated_at, totp_sealed)
                VALUES ($1, 'handler', 'x', TRUE, FALSE, $2, $2, $3)")
                .bind(IdSource::Random.next()).bind(Clock::System.now()).bind(&sealed).execute(c).await.map(drop))
            .unwrap();
        }
        tx.commit().await.unwrap();
        db.close().await;
    });
    let plain = |name: &str| std::fs::read(data.join(name)).is_ok_and(|bytes| bytes.windows(PHONE.len()).any(|w| w == PHONE.as_bytes()));
    assert!(std::fs::metadata(&file).unwrap().len() > 1_000_000);
    assert!(!plain("zhitong.db") && !plain("zhitong.db-wal"), "the phone can be read in the file");

    assert!(run(&mut with_keys(&["keys", "add"])).status.success());
    let mut rotating = with_keys(&["keys", "rotate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(rotating.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains(&format!("/ {SEALED_ROWS}")), "{first}");
    rotating.kill().unwrap();
    rotating.wait().unwrap();
    let mut said = String::new();
    rotating.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.is_empty(), "it was killed before its end: {said}");

    let status = text(&run(&mut with_keys(&["keys", "status"])).stdout);
    let counted: Vec<usize> = status.lines().filter_map(|l| l.strip_suffix(" 项")?.rsplit(' ').next()?.parse().ok()).collect();
    assert!(counted.len() == 2 && counted[0] >= 500 && counted[1] > 0 && counted[0] + counted[1] == SEALED_ROWS, "{status}");
    let doctor = run(&mut with_keys(&["doctor", "--json"]));
    assert!(findings(&doctor).iter().any(|(name, fine, detail)| name == "sealed" && !fine && detail.contains("keys rotate")));

    let done = run(&mut with_keys(&["keys", "rotate"]));
    assert!(done.status.success() && text(&done.stdout).contains("全部"), "{}", text(&done.stderr));
    let status = text(&run(&mut with_keys(&["keys", "status"])).stdout);
    assert!(status.contains(&format!("加密与读取  {SEALED_ROWS} 项")) && status.contains("只读取  0 项"), "{status}");
    runtime.block_on(async {
        let cipher = FieldCipher::of_file(&keys, &IdSource::Random).unwrap();
        let db = Db::open_sqlite(&file, 1).await.unwrap();
        let sealed: Vec<String> =
            zhitong::on_db!(&db, pool => sqlx::query_scalar("SELECT totp_sealed FROM account WHERE totp_sealed IS NOT NULL").fetch_all(pool).await)
                .unwrap();
        assert_eq!(sealed.len(), SEALED_ROWS);
        assert!(sealed.iter().all(|s| cipher.open(SEALED.purpose, s).unwrap() == PHONE));
        db.close().await;
    });
    assert!(!plain("zhitong.db") && !plain("zhitong.db-wal"));

    // Readable by others; lost; of another installation: each one sentence.
    let refused = |command: &mut Command, sentence: &str| {
        let output = run(command);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(sentence) && said.trim().lines().count() == 1, "{said}");
    };
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&mut with_keys(&["keys", "rotate"]), "chmod 600");
    let doctor = run(&mut with_keys(&["doctor", "--json"]));
    assert!(findings(&doctor).iter().any(|(name, fine, detail)| name == "keys" && !fine && detail.contains("chmod 600")));
    std::fs::rename(&keys, folder.path().join("elsewhere.toml")).unwrap();
    refused(&mut with_keys(&["keys", "status"]), "无法读取密钥文件");
    assert!(run(&mut with_keys(&["keys", "add"])).status.success());
    refused(&mut with_keys(&["keys", "status"]), "密钥不对");
}
