//! The audit log: found, exported, and every tampering seen, on both engines.

use serde_json::{Value, json};
use zhitong::accounts::{NewStaff, Role, create_staff};
use zhitong::audit::checking::{self, Break, set_anchor, verify_anchored};
use zhitong::audit::verify;
use zhitong::error::Code;
use zhitong::storage::Db;

use crate::support::TestApp;

/// Somebody with every right on the database.
async fn tamper(app: &TestApp, statement: &'static str) {
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

/// Takes the guards away that keep the log from being changed.
async fn unguard(app: &TestApp) {
    let statements: &[&'static str] = match &app.app.db {
        Db::Sqlite(_) => &[
            "DROP TRIGGER audit_entry_is_never_changed",
            "DROP TRIGGER audit_entry_is_never_removed",
            "DROP TRIGGER audit_tip_only_grows",
            "DROP TRIGGER audit_tip_is_never_removed",
            "DROP TRIGGER audit_anchor_is_never_changed",
            "DROP TRIGGER audit_anchor_is_never_removed",
        ],
        Db::Postgres(_) => &[
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "ALTER TABLE audit_tip DISABLE TRIGGER ALL",
            "ALTER TABLE audit_anchor DISABLE TRIGGER ALL",
        ],
    };
    for statement in statements {
        tamper(app, statement).await;
    }
}

/// An application with some entries, unguarded.
async fn prepared() -> TestApp {
    let app = TestApp::start().await;
    for name in ["aa", "bb", "cc", "dd", "ee"] {
        write(&app, name).await;
    }
    unguard(&app).await;
    app
}

async fn write(app: &TestApp, login_name: &str) {
    let new = NewStaff {
        login_name,
        display_name: "周一",
        role: Role::Handler,
        password: "a long pass phrase",
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap();
}

async fn found(app: &TestApp) -> (Option<i64>, Option<Break>) {
    let checked = verify(&app.app.db).await.unwrap();
    (checked.broken_at, checked.what)
}

#[tokio::test]
async fn the_log_refuses_to_be_changed() {
    let app = TestApp::start().await;
    write(&app, "aa").await;
    set_anchor(&app.app.db, &app.clock, &app.app.data_key).await.unwrap().unwrap();
    for statement in [
        "UPDATE audit_entry SET detail = 'x'",
        "DELETE FROM audit_entry",
        "UPDATE audit_tip SET entries = 0",
        "DELETE FROM audit_tip",
        "UPDATE audit_anchor SET hash = 'x'",
        "DELETE FROM audit_anchor",
    ] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    app.finish().await;
}

#[tokio::test]
async fn every_changed_field_is_seen() {
    for (n, change) in [
        "UPDATE audit_entry SET detail = 'auditor' WHERE seq = 3",
        "UPDATE audit_entry SET is_success = NOT is_success WHERE seq = 3",
        "UPDATE audit_entry SET act = 'sign_in' WHERE seq = 3",
        "UPDATE audit_entry SET subject = 'draft' WHERE seq = 3",
        "UPDATE audit_entry SET subject_id = NULL WHERE seq = 3",
        "UPDATE audit_entry SET account_id = (SELECT id FROM account ORDER BY id LIMIT 1) WHERE seq = 3",
        "UPDATE audit_entry SET at = (SELECT expires_at FROM session LIMIT 1) WHERE seq = 3",
        "UPDATE audit_entry SET hash = (SELECT hash FROM audit_entry WHERE seq = 2) WHERE seq = 3",
        "UPDATE audit_entry SET previous_hash = hash WHERE seq = 3",
    ]
    .into_iter()
    .enumerate()
    {
        let app = prepared().await;
        // For the change of the instant: a session, whose end is another instant.
        app.token(Role::Reviewer).await;
        assert_eq!(found(&app).await, (None, None));
        tamper(&app, change).await;
        assert_eq!(found(&app).await, (Some(3), Some(Break::Changed)), "{n}: {change}");
        // Put back what `finish` checks: this log is lost on purpose.
        app.abandon().await;
    }
}

#[tokio::test]
async fn a_removed_row_is_seen_in_the_middle_and_at_the_end() {
    let app = prepared().await;
    tamper(&app, "DELETE FROM audit_entry WHERE seq = 3").await;
    assert_eq!(found(&app).await, (Some(3), Some(Break::Missing)));
    app.abandon().await;

    let app = prepared().await;
    tamper(&app, "DELETE FROM audit_entry WHERE seq = 1").await;
    assert_eq!(found(&app).await, (Some(1), Some(Break::Missing)));
    app.abandon().await;

    let app = prepared().await;
    tamper(&app, "DELETE FROM audit_entry WHERE seq >= 4").await;
    assert_eq!(found(&app).await, (Some(4), Some(Break::CutOff)));
    // The gap stays when the log goes on.
    write(&app, "ff").await;
    assert_eq!(found(&app).await, (Some(4), Some(Break::Missing)));
    app.abandon().await;

    let app = prepared().await;
    tamper(&app, "DELETE FROM audit_entry").await;
    assert_eq!(found(&app).await, (Some(1), Some(Break::CutOff)));
    app.abandon().await;

    let app = prepared().await;
    tamper(&app, "DELETE FROM audit_tip").await;
    assert_eq!(found(&app).await.1, Some(Break::CutOff));
    app.abandon().await;
}

#[tokio::test]
async fn two_exchanged_rows_are_seen() {
    let app = prepared().await;
    for statement in [
        "UPDATE audit_entry SET seq = 100 WHERE seq = 2",
        "UPDATE audit_entry SET seq = 2 WHERE seq = 3",
        "UPDATE audit_entry SET seq = 3 WHERE seq = 100",
    ] {
        tamper(&app, statement).await;
    }
    assert_eq!(found(&app).await, (Some(2), Some(Break::Changed)));
    app.abandon().await;
}

#[tokio::test]
async fn without_the_key_nobody_can_write_the_log_anew() {
    let app = prepared().await;
    let (db, key) = (&app.app.db, &app.app.data_key);
    let anchor = set_anchor(db, &app.clock, key).await.unwrap().unwrap();
    assert_eq!(anchor.entries, 5);
    assert_eq!(set_anchor(db, &app.clock, key).await.unwrap(), None, "nothing was written since");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors.jsonl");
    checking::keep_in_file(&file, &anchor).unwrap();
    let whole = verify_anchored(db, key, &checking::read_file(&file).unwrap()).await.unwrap();
    assert_eq!((whole.broken_at, whole.anchors), (None, 2));

    // Somebody cuts the end off and puts the tip back to where it then fits: chain and tip agree, the anchor does not.
    tamper(&app, "DELETE FROM audit_entry WHERE seq > 3").await;
    tamper(&app, "UPDATE audit_tip SET entries = 3, hash = (SELECT hash FROM audit_entry WHERE seq = 3)").await;
    assert_eq!(found(&app).await, (None, None));
    let checked = verify_anchored(db, key, &[]).await.unwrap();
    assert_eq!((checked.broken_at, checked.what), (Some(4), Some(Break::CutOff)));
    // The anchor in the database goes the same way, the one that was kept does not.
    tamper(&app, "DELETE FROM audit_anchor").await;
    assert_eq!(verify_anchored(db, key, &[]).await.unwrap().broken_at, None);
    let checked = verify_anchored(db, key, &checking::read_file(&file).unwrap()).await.unwrap();
    assert_eq!((checked.broken_at, checked.what), (Some(4), Some(Break::CutOff)));

    // A log written anew up to the same length has other hashes; a forged anchor has not the key.
    write(&app, "gg").await;
    write(&app, "hh").await;
    let checked = verify_anchored(db, key, std::slice::from_ref(&anchor)).await.unwrap();
    assert_eq!((checked.broken_at, checked.what), (Some(5), Some(Break::Anchor)));
    let last = verify(db).await.unwrap();
    let forged = checking::Anchor { hash: last.last_hash, ..anchor };
    let checked = verify_anchored(db, key, &[forged]).await.unwrap();
    assert_eq!(checked.what, Some(Break::Anchor));
    app.abandon().await;
}

#[tokio::test]
async fn no_anchor_is_set_on_a_broken_log() {
    let app = prepared().await;
    tamper(&app, "UPDATE audit_entry SET detail = 'x' WHERE seq = 2").await;
    assert_eq!(set_anchor(&app.app.db, &app.clock, &app.app.data_key).await.unwrap(), None);
    app.abandon().await;
}

#[tokio::test]
async fn entries_are_filtered_and_exported() {
    let app = TestApp::start().await;
    write(&app, "aa").await;
    app.clock.advance(chrono::Duration::days(1));
    for name in ["bb", "cc"] {
        write(&app, name).await;
    }
    let auditor = app.token(Role::Auditor).await;
    let count = |query: &str| {
        let (app, path, auditor) = (&app, format!("/audit/entries?limit=100&{query}"), auditor.clone());
        async move { app.get(&path, Some(&auditor)).await.expect(200)["items"].as_array().unwrap().len() }
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count("until=2026-03-03T00:00:00Z").await, 1);
    assert_eq!(count("from=2026-03-03T00:00:00Z&act=create_account").await, 3);
    assert_eq!(count("act=sign_out").await, 0);
    assert_eq!(count("subject=account&is_success=true").await, 4);
    app.get("/audit/entries?act=nothing", Some(&auditor)).await.expect_invalid("act");
    let handler = app.token(Role::Handler).await;
    app.get("/audit/entries", Some(&handler)).await.expect_problem(Code::Forbidden);

    let exported = app.get("/audit/export?from=2026-03-03T00:00:00Z", Some(&auditor)).await;
    assert_eq!((exported.status, exported.content_type.as_str()), (200, "application/x-ndjson"));
    let Value::String(lines) = exported.body else { panic!("{}", exported.body) };
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["seq"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    assert!(lines.windows(2).all(|pair| pair[0]["hash"] == pair[1]["previous_hash"]), "the chain can be followed in the export");
    assert_eq!(lines[4]["act"], "export_audit", "the export is an entry itself");
    let checked = app.get("/audit/verification", Some(&auditor)).await.expect(200);
    assert_eq!((checked["entries"].as_i64(), checked["broken_at"].as_i64()), (Some(6), None));
    assert_eq!(json!(checked["anchors"]), 0);
    app.finish().await;
}

/// What is stored names accounts and things by their ids; the page says it in words, and keeps the ids at hand.
#[tokio::test]
async fn the_page_says_what_happened_in_chinese() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"address": "art-4", "stance": "amend", "body": "改为四十八小时。", "is_public": true});
    let opinion = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion).await.expect(201);
    let opinion = opinion["opinion_id"].as_str().unwrap();
    let handler = app.token(Role::Handler).await;
    let person = app.caller(&handler).await.account_id.to_string();
    let assigned = json!({"article": "art-4", "handler_id": person});
    app.post(&format!("/drafts/{draft}/assignments"), Some(&handler), assigned).await.expect(200);
    let tagged = json!({"opinions": [opinion], "add": ["重点"]});
    app.post(&format!("/drafts/{draft}/tags"), Some(&handler), tagged).await.expect(204);

    let cookie = format!("zhitong_session={}", app.token(Role::Auditor).await);
    let page = app.raw("/staff/audit", &[("cookie", &cookie)]).await;
    let html = String::from_utf8(page.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("1 条分派给经办人员：第四条"), "{html}");
    assert!(html.contains(">1 条<details>") && html.contains(&format!("<li>{opinion}</li>")), "{html}");
    app.deliver().await;
    app.finish().await;
}
