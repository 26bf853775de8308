//! Backup and restore of the embedded engine, as an operator meets them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::app::App;
use zhitong::config::Config;
use zhitong::ids::IdSource;
use zhitong::storage::blobs::Blobs;
use zhitong::storage::{Db, settings};

use crate::{PATIENCE, Running, run, text, zhitong};

const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f,
    0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x60, 0, 0, 0, 5, 0, 1, 0xa5, 0xf6, 0x45,
    0x40, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// Sends one request over a connection of its own, and reads the answer.
fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let mut request =
        format!("{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(&[request.as_bytes(), body].concat()).expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer is read");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn send_json(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let headers = [&[("Content-Type", "application/json")][..], headers].concat();
    send(address, "POST", path, &headers, body.to_string().as_bytes())
}

/// A citizen of the demonstration, who speaks on the draft that takes opinions.
struct Citizen {
    address: SocketAddr,
    authorization: String,
    draft: String,
}

impl Citizen {
    fn sign_in(address: SocketAddr) -> Citizen {
        let says = json!({"code": "sandbox-beifen", "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": true});
        let (status, session) = send_json(address, "/sessions/wechat", &[], &says);
        assert_eq!(status, 201, "{session}");
        let (_, drafts) = send(address, "GET", "/drafts?state=consulting", &[], b"");
        let draft = drafts["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{drafts}")).to_owned();
        Citizen { address, authorization: format!("Bearer {}", session["token"].as_str().unwrap()), draft }
    }

    /// Posts an opinion and gives the number of its receipt.
    fn post(&self, n: usize, attachments: &[String]) -> String {
        let key = format!("key-{n:08}");
        let says =
            json!({"address": "art-1", "stance": "amend", "body": format!("第{n}处建议"), "is_public": true, "attachments": attachments});
        let headers = [("Authorization", self.authorization.as_str()), ("Idempotency-Key", key.as_str())];
        let (status, receipt) = send_json(self.address, &format!("/drafts/{}/opinions", self.draft), &headers, &says);
        assert_eq!(status, 201, "{receipt}");
        receipt["receipt_number"].as_str().unwrap().to_owned()
    }

    /// Whether a server shows what was said, under the session of old.
    fn reads_own(&self, address: SocketAddr) -> bool {
        let (status, own) = send(address, "GET", "/account/opinions", &[("Authorization", self.authorization.as_str())], b"");
        status == 200 && own["items"].as_array().is_some_and(|items| !items.is_empty())
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let head = format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        let form = [head.as_bytes(), bytes, &b"\r\n--edge--\r\n"[..]].concat();
        let headers = [
            ("Authorization", self.authorization.as_str()),
            ("Idempotency-Key", "key-upload-1"),
            ("Content-Type", "multipart/form-data; boundary=edge"),
        ];
        let (status, file) = send(self.address, "POST", &format!("/drafts/{}/attachments", self.draft), &headers, &form);
        assert!(status == 200 || status == 201, "{status} {file}");
        file["id"].as_str().unwrap().to_owned()
    }
}

fn backup(data: &Path, folder: &Path) -> Output {
    run(zhitong(data).arg("backup").arg(folder))
}

fn restore(folder: &Path, data: &Path) -> Output {
    run(zhitong(data).arg("restore").arg(folder))
}

/// Refused with one sentence that says something.
fn refused(output: &Output, sentence: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said} {}", text(&output.stdout));
    assert!(said.contains(sentence) && said.trim().lines().count() == 1, "{said}");
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// Numbers of all receipts in a data directory.
fn receipts(data: &Path) -> BTreeSet<String> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open_sqlite(&data.join("zhitong.db"), 1).await.unwrap();
        let numbers: Vec<String> =
            zhitong::on_db!(&db, pool => sqlx::query_scalar("SELECT receipt_number FROM opinion").fetch_all(pool).await).unwrap();
        db.close().await;
        numbers.into_iter().collect()
    })
}

/// The demonstration, and originals that no row names.
fn demonstration(data: &Path, originals: usize) {
    let seeded = run(zhitong(data).arg("seed"));
    assert!(seeded.status.success(), "{}", text(&seeded.stderr));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let blobs = Blobs::open(&Config { data_dir: data.to_owned(), ..Config::default() }).unwrap();
        for n in 0..originals {
            blobs.put(format!("从前的原件{n}").into_bytes()).await.unwrap();
        }
    });
}

#[test]
fn a_backup_beside_the_running_server_holds_every_receipt_and_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, new) = (folder.path().join("data"), folder.path().join("kept/2026-01-31"), folder.path().join("new"));
    let mut server = Running::start(zhitong(&data));
    let citizen = Citizen::sign_in(server.address);
    let file = citizen.upload("图.png", PNG);
    let posted = Mutex::new(vec![citizen.post(0, &[file])]);
    let is_enough = AtomicBool::new(false);
    let (before, output) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..50 {
                if is_enough.load(Ordering::SeqCst) {
                    break;
                }
                let receipt = citizen.post(n, &[]);
                posted.lock().unwrap().push(receipt);
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        let started = Instant::now();
        while posted.lock().unwrap().len() < 4 {
            assert!(started.elapsed() < PATIENCE, "nobody could post");
            std::thread::sleep(Duration::from_millis(10));
        }
        let before = posted.lock().unwrap().clone();
        let output = backup(&data, &kept);
        is_enough.store(true, Ordering::SeqCst);
        (before, output)
    });
    assert!(output.status.success(), "{} {}", text(&output.stderr), text(&output.stdout));
    assert!(text(&output.stdout).contains("已备份到"), "{}", text(&output.stdout));
    assert_eq!(names(&folder.path().join("kept")), ["2026-01-31"]);
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(names(&kept).iter().filter(|name| name.starts_with("zhitong.db")).count(), 1, "nothing beside the database");
    assert!(citizen.reads_own(server.address), "the server goes on");

    refused(&backup(&data, &kept), "已经存在");

    // Anchors that are set later are not about this copy.
    server.signal("TERM");
    assert!(server.wait().success());
    let restored = restore(&kept, &new);
    assert!(restored.status.success(), "{} {}", text(&restored.stderr), text(&restored.stdout));
    assert!(text(&restored.stdout).contains("都与备份清单一致"), "{}", text(&restored.stdout));
    assert!(!new.join("restore.partial").exists() && new.join("zhitong.db").is_file());
    assert_eq!(std::fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
    let (all, found) = (receipts(&data), receipts(&new));
    assert!(before.iter().all(|receipt| found.contains(receipt)), "{before:?}");
    assert!(found.is_subset(&all));
    assert_eq!(files(&new.join("blobs")), files(&data.join("blobs")), "originals and files of opinions");
    let enclosed: Vec<PathBuf> = files(&new.join("blobs/enclosures")).into_iter().collect();
    assert_eq!(std::fs::read(new.join("blobs/enclosures").join(&enclosed[0])).unwrap(), PNG);
    assert!(run(zhitong(&new).args(["audit", "verify"])).status.success());

    refused(&restore(&kept, &new), "恢复不覆盖任何东西");

    // It serves, and whoever was signed in still is.
    let mut again = Running::start(zhitong(&new));
    refused(&restore(&kept, &new), "正被另一个进程使用");
    assert!(citizen.reads_own(again.address));
    assert_eq!(again.get("/health/ready").0, 200);
    again.signal("TERM");
    assert!(again.wait().success());
    let searched = run(zhitong(&new).args(["search", "养犬管理条例", "第二十条"]));
    assert!(searched.status.success() && text(&searched.stdout).contains("第二十条"), "{}", text(&searched.stdout));
    assert!(run(zhitong(&new).arg("doctor")).status.success());
}

#[test]
fn what_is_damaged_is_named_and_nothing_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, new) = (folder.path().join("data"), folder.path().join("kept"), folder.path().join("new"));
    demonstration(&data, 3);
    assert!(backup(&data, &kept).status.success());
    let blobs: Vec<PathBuf> = files(&kept.join("blobs")).into_iter().map(|path| Path::new("blobs").join(path)).collect();
    assert!(blobs.len() > 4, "{blobs:?}");
    let damage = |name: &Path, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, sentence: &str| {
        let whole = std::fs::read(kept.join(name)).unwrap();
        match change(whole.clone()) {
            Some(bytes) => std::fs::write(kept.join(name), bytes).unwrap(),
            None => std::fs::remove_file(kept.join(name)).unwrap(),
        }
        let output = restore(&kept, &new);
        refused(&output, &name.display().to_string());
        refused(&output, sentence);
        assert_eq!(names(&new), ["lock"], "nothing of it stays");
        std::fs::write(kept.join(name), whole).unwrap();
    };
    let flip = |mut bytes: Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    damage(&blobs[0], &flip, "内容变了");
    damage(&blobs[1], &|_| None, "缺失");
    damage(Path::new("zhitong.db"), &flip, "内容变了");
    damage(Path::new("zhitong.db"), &|bytes| Some(bytes[..bytes.len() / 2].to_vec()), "内容变了");

    // A manifest that is not about this backup, and none.
    let whole = std::fs::read_to_string(kept.join("manifest.json")).unwrap();
    let mut other: Value = serde_json::from_str(&whole).unwrap();
    other["tables"]["opinion"] = json!(0);
    std::fs::write(kept.join("manifest.json"), other.to_string()).unwrap();
    refused(&restore(&kept, &new), "行数：opinion");
    let mut other: Value = serde_json::from_str(&whole).unwrap();
    other["files"]["../elsewhere"] = other["files"]["zhitong.db"].clone();
    std::fs::write(kept.join("manifest.json"), other.to_string()).unwrap();
    refused(&restore(&kept, &new), "../elsewhere");
    std::fs::remove_file(kept.join("manifest.json")).unwrap();
    refused(&restore(&kept, &new), "不是一份完整的备份");
    std::fs::write(kept.join("manifest.json"), &whole).unwrap();
    assert!(restore(&kept, &new).status.success(), "the whole backup is still good");

    // What the installation itself has lost is told, and the rest is kept. Only the originals of the draft are named by rows.
    let listed = manifest(&kept)["files"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let original = listed.iter().find(|name| {
        let content = std::fs::read(kept.join(name)).unwrap();
        name.starts_with("blobs/") && !content.starts_with("从前的原件".as_bytes())
    });
    let original = original.expect("the demonstration has drafts");
    std::fs::remove_file(data.join(original)).unwrap();
    let poorer = folder.path().join("poorer");
    let output = backup(&data, &poorer);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(original.as_str()), "{}", text(&output.stdout));
    assert_eq!(manifest(&poorer)["lost"], json!([original]));
    let output = restore(&poorer, &folder.path().join("poor"));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(original.as_str()), "{}", text(&output.stdout));
}

#[test]
fn a_killed_backup_leaves_only_what_ends_with_partial() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
    demonstration(&data, 400);
    let mut was_hit = false;
    for n in 0..20 {
        let (to, partial) = (kept.join(format!("{n}")), kept.join(format!("{n}.partial")));
        let mut child =
            zhitong(&data).arg("backup").arg(&to).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("the binary starts");
        let started = Instant::now();
        while !partial.exists() && !to.exists() {
            assert!(started.elapsed() < PATIENCE, "the backup does not begin");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if to.exists() {
            // It was quicker than the signal.
            continue;
        }
        assert!(partial.is_dir() && !partial.join("manifest.json").exists());
        refused(&restore(&partial, &folder.path().join("new")), "不是一份完整的备份");
        refused(&backup(&data, &to), ".partial 还在");
        std::fs::remove_dir_all(&partial).unwrap();
        let output = backup(&data, &to);
        assert!(output.status.success(), "{}", text(&output.stderr));
        was_hit = true;
        break;
    }
    assert!(was_hit, "no backup could be killed in the middle");
    assert!(names(&kept).iter().all(|name| !name.ends_with(".partial")), "{:?}", names(&kept));
}

#[test]
fn a_backup_needs_its_key_and_never_holds_it_and_the_doctor_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, file) = (folder.path().join("data"), folder.path().join("kept"), folder.path().join("zhitong.toml"));
    let key = IdSource::Random.secret(32);
    std::fs::write(&file, format!("data_key = '{key}'")).unwrap();
    let with = |data: &Path, arguments: &[&str]| run(zhitong(data).arg("--config").arg(&file).args(arguments));
    assert!(with(&data, &["migrate"]).status.success());
    assert!(with(&data, &["account", "add", "chen.ke", "--name", "陈科", "--role", "administrator"]).status.success());
    let finding = |name: &str| {
        let report: Value = serde_json::from_slice(&with(&data, &["doctor", "--json"]).stdout).unwrap();
        let list = report["findings"].as_array().unwrap().clone();
        let found = list.into_iter().find(|finding| finding["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"));
        (found["is_fine"].as_bool().unwrap(), found["detail"].as_str().unwrap().to_owned())
    };
    let (is_fine, advice) = finding("backup");
    assert!(!is_fine && advice.contains("从来没有") && advice.contains("zhitong backup"), "{advice}");

    // The file holds the key, and everybody can read it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (is_fine, advice) = finding("permissions");
    assert!(!is_fine && advice.contains("zhitong.toml") && !advice.contains("/data"), "{advice}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(finding("permissions").0, "a new data directory is for its user alone");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (is_fine, advice) = finding("permissions");
    assert!(!is_fine && advice.contains("chmod o-rwx"), "{advice}");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();

    let output = with(&data, &["backup", kept.to_str().unwrap()]);
    assert!(output.status.success() && text(&output.stdout).contains("不在备份里"), "{}", text(&output.stderr));
    assert!(finding("backup").0);
    for name in files(&kept) {
        let bytes = std::fs::read(kept.join(&name)).unwrap();
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "the key is in {}", name.display());
    }
    let id = manifest(&kept)["key_id"].as_str().unwrap().to_owned();
    assert!(id.len() == 8 && text(&output.stdout).contains(&id));

    // Without the key, and with another.
    let new = folder.path().join("new");
    refused(&restore(&kept, &new), &id);
    refused(&run(zhitong(&new).env("ZHITONG_DATA_KEY", IdSource::Random.secret(32)).arg("restore").arg(&kept)), "密钥不对");
    assert!(!new.exists());
    let restored = with(&new, &["restore", kept.to_str().unwrap()]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert!(with(&new, &["audit", "verify"]).status.success());

    // More than a day ago.
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open_sqlite(&data.join("zhitong.db"), 1).await.unwrap();
        settings::put(&db, "last_backup", "2026-01-31T03:00:00+00:00").await.unwrap();
        db.close().await;
    });
    let (is_fine, advice) = finding("backup");
    assert!(!is_fine && advice.contains("2026-01-31 11:00") && advice.contains("26 小时"), "{advice}");
}

#[test]
fn other_engines_are_refused_with_the_way_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
    for command in ["backup", "restore"] {
        let output = run(zhitong(&data).env("ZHITONG_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none").arg(command).arg(&kept));
        refused(&output, "pg_dump");
        refused(&output, "“备份与恢复”");
    }
    assert!(!kept.exists() && !data.exists());
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.zh-CN.md")).unwrap();
    assert!(documented.contains("### 备份与恢复") && documented.contains("pg_dump"));
}

/// Hashes that find, compare or chain; no content lies in the store under them.
const NO_CONTENTS: &[&str] = &[
    "code_hash",
    "content_hash",
    "lookup_hash",
    "openid_hash",
    "password_hash",
    "person_hash",
    "phone_hash",
    "previous_hash",
    "text_hash",
    "token_hash",
];

#[test]
fn every_column_that_names_a_content_is_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut columns: Vec<(String, String)> = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open_sqlite(&folder.path().join("zhitong.db"), 1).await.unwrap();
        db.migrate().await.unwrap();
        let Db::Sqlite(sqlite) = &db else { panic!("the embedded engine was opened") };
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name LIKE '%\\_hash' ESCAPE '\\'",
        )
        .fetch_all(&sqlite.read)
        .await
        .unwrap();
        db.close().await;
        columns
    });
    columns.retain(|(_, column)| !NO_CONTENTS.contains(&column.as_str()));
    columns.sort();
    let mut known: Vec<(String, String)> = App::CONTENT_COLUMNS.iter().map(|c| (c.table.to_owned(), c.column.to_owned())).collect();
    known.sort();
    assert!(!columns.is_empty());
    assert_eq!(columns, known, "name the column in App::CONTENT_COLUMNS, or here when nothing lies in the store under its hashes");
}
