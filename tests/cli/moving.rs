//! `migrate-store` where it must not begin. That it moves everything, and goes on after a kill, is shown by `tests/province/stores.py`.

use std::path::Path;
use std::process::Output;

use super::{Running, run, text, zhitong};

/// Where no server is.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/none";

fn move_store(from: &Path, to: &Path, url: Option<&str>) -> Output {
    let mut command = zhitong(to);
    if let Some(url) = url {
        command.env("ZHITONG_DATABASE_URL", url);
    }
    run(command.arg("migrate-store").arg("--from-data-dir").arg(from))
}

fn refused(output: &Output, sentence: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said} {}", text(&output.stdout));
    assert!(said.contains(sentence), "{said}");
}

#[test]
fn what_cannot_be_moved_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    refused(&move_store(&old, &new, None), "database_url");
    refused(&move_store(&old, &new, Some(NOWHERE)), "没有内置数据库");
    assert!(!old.exists() && !new.exists());

    let mut server = Running::start(zhitong(&old));
    refused(&move_store(&old, &new, Some(NOWHERE)), "正被另一个进程使用");
    server.signal("TERM");
    assert!(server.wait().success());

    refused(&move_store(&old, &old, Some(NOWHERE)), "不能就是旧的");
    std::fs::create_dir_all(new.join("search")).unwrap();
    refused(&move_store(&old, &new, Some(NOWHERE)), "请换一个空的目录");
    std::fs::remove_dir(new.join("search")).unwrap();
    refused(&move_store(&old, &new, Some(NOWHERE)), "连不上 PostgreSQL");

    // Nothing of it changed the old installation.
    let checked = run(zhitong(&old).args(["audit", "verify"]));
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}
