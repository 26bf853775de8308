//! Signing in, being known, signing out; the audit log.

use poem::http::Method;
use serde_json::json;
use zhitong::accounts::{NewStaff, Role, create_staff};
use zhitong::config::Rules;
use zhitong::error::Code;

use crate::support::TestApp;

async fn add_staff(app: &TestApp, login_name: &str) {
    let new = NewStaff {
        login_name,
        display_name: "经办",
        role: Role::Handler,
        password: "correct horse battery",
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap();
}

#[tokio::test]
async fn staff_sign_in_and_out() {
    let app = TestApp::start().await;
    add_staff(&app, "Li.Ming").await;
    let body = json!({"name": " li.ming ", "password": "correct horse battery"});
    let session = app.post("/sessions/staff", None, body).await.expect(201);
    let token = session["token"].as_str().unwrap();
    assert_eq!(session["expires_at"], "2026-03-02T14:00:00+00:00");
    assert_eq!(session["account"]["role"], "handler");
    assert_eq!(app.get("/account", Some(token)).await.expect(200)["display_name"], "经办");
    app.call(Method::DELETE, "/sessions/current", Some(token), &[], None).await.expect(204);
    app.get("/account", Some(token)).await.expect_problem(Code::LoginRequired);
    app.get("/drafts", Some(token)).await.expect_problem(Code::LoginRequired);
    app.finish().await;
}

#[tokio::test]
async fn a_session_ends_at_its_instant() {
    let app = TestApp::start().await;
    let token = app.token(Role::Reviewer).await;
    app.clock.advance(chrono::Duration::hours(12) - chrono::Duration::microseconds(1));
    app.get("/account", Some(&token)).await.expect(200);
    app.clock.advance(chrono::Duration::microseconds(1));
    app.get("/account", Some(&token)).await.expect_problem(Code::LoginRequired);
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let app = TestApp::start_with(Rules { failed_logins: 3, ..Rules::default() }).await;
    add_staff(&app, "wang").await;
    let try_with = |name: &str, password: &str| {
        let body = json!({"name": name, "password": password});
        let app = &app;
        async move { app.post("/sessions/staff", None, body).await }
    };
    let wrong = try_with("wang", "wrong").await.expect_problem(Code::LoginFailed);
    let unknown = try_with("nobody", "wrong").await.expect_problem(Code::LoginFailed);
    assert_eq!(wrong["detail"], unknown["detail"]);
    try_with("wang", "wrong").await.expect_problem(Code::LoginFailed);
    try_with("wang", "wrong").await.expect_problem(Code::LoginFailed);
    try_with("wang", "correct horse battery").await.expect_problem(Code::TooMany);
    try_with("another", "wrong").await.expect_problem(Code::LoginFailed);
    app.finish().await;
}

#[tokio::test]
async fn a_citizen_is_the_same_person_at_every_visit() {
    let app = TestApp::start().await;
    let sign_in = |code: &str| {
        let body = json!({"code": code});
        let app = &app;
        async move { app.post("/sessions/wechat", None, body).await }
    };
    let first = sign_in("sandbox-zhao").await.expect(201);
    assert_eq!(first["account"]["role"], "citizen");
    sign_in("sandbox-zhao").await.expect_problem(Code::LoginFailed);
    let second = sign_in("sandbox-zhao.again").await.expect(201);
    assert_eq!(first["account"]["id"], second["account"]["id"]);
    assert_ne!(first["token"], second["token"]);
    let other = sign_in("sandbox-qian").await.expect(201);
    assert_ne!(first["account"]["id"], other["account"]["id"]);
    sign_in("sandbox-error-40029").await.expect_problem(Code::LoginFailed);
    sign_in("sandbox-error-45011").await.expect_problem(Code::TooMany);
    sign_in("sandbox-error--1").await.expect_problem(Code::Upstream);
    sign_in("含中文").await.expect_invalid("code");
    app.finish().await;
}

#[tokio::test]
async fn secrets_are_not_stored() {
    let app = TestApp::start().await;
    let session = app.post("/sessions/wechat", None, json!({"code": "sandbox-zhao"})).await.expect(201);
    let token = session["token"].as_str().unwrap();
    let stored: Vec<String> = zhitong::on_db!(&app.app.db, pool =>
        sqlx::query_scalar("SELECT token_hash FROM session UNION ALL SELECT openid_hash FROM account").fetch_all(pool).await)
    .unwrap();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|value| value.len() == 64 && value != token && !value.contains("zhao") && !value.contains("sandbox")));
    app.finish().await;
}

#[tokio::test]
async fn the_audit_log_tells_who_signed_in_and_refuses_to_be_changed() {
    let app = TestApp::start().await;
    add_staff(&app, "wang").await;
    app.post("/sessions/staff", None, json!({"name": "wang", "password": "wrong"})).await.expect_problem(Code::LoginFailed);
    app.post("/sessions/staff", None, json!({"name": "wang", "password": "correct horse battery"})).await.expect(201);
    let auditor = app.token(Role::Auditor).await;
    let page = app.get("/audit/entries?limit=3", Some(&auditor)).await.expect(200);
    let acts: Vec<(&str, bool)> =
        page["items"].as_array().unwrap().iter().map(|e| (e["act"].as_str().unwrap(), e["is_success"].as_bool().unwrap())).collect();
    assert_eq!(acts, [("create_account", true), ("sign_in", true), ("sign_in", false)]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = app.get(&format!("/audit/entries?limit=3&cursor={cursor}"), Some(&auditor)).await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);

    for statement in ["UPDATE audit_entry SET is_success = TRUE", "DELETE FROM audit_entry"] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    let checked = app.get("/audit/verification", Some(&auditor)).await.expect(200);
    assert_eq!((checked["entries"].as_i64(), checked.get("broken_at")), (Some(4), None));
    app.finish().await;
}

#[tokio::test]
async fn a_change_behind_the_audit_log_shows() {
    let app = TestApp::start().await;
    for name in ["aa", "bb", "cc"] {
        add_staff(&app, name).await;
    }
    // Somebody with the rights of the database's owner takes the guard away first.
    let (unguard, guard) = match &app.app.db {
        zhitong::storage::Db::Sqlite(_) => ("DROP TRIGGER audit_entry_is_never_changed", None),
        zhitong::storage::Db::Postgres(_) => (
            "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_is_never_changed",
            Some("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_is_never_changed"),
        ),
    };
    let run = |statement: &'static str| {
        let app = &app;
        async move {
            let mut tx = app.app.db.begin().await.unwrap();
            zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).unwrap();
            tx.commit().await.unwrap();
        }
    };
    run(unguard).await;
    run("UPDATE audit_entry SET detail = 'auditor' WHERE seq = 2").await;
    assert_eq!(zhitong::audit::verify(&app.app.db).await.unwrap().broken_at, Some(2));
    run("UPDATE audit_entry SET detail = 'handler' WHERE seq = 2").await;
    assert_eq!(zhitong::audit::verify(&app.app.db).await.unwrap().broken_at, None);
    if let Some(guard) = guard {
        run(guard).await;
    }
    app.finish().await;
}
