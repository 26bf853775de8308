//! Whatever goes wrong, the body is a problem.

use poem::http::Method;
use serde_json::json;
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::TestApp;

#[tokio::test]
async fn every_failure_has_the_one_body() {
    let app = TestApp::start().await;
    let drafter = app.token(Role::Drafter).await;
    let drafter = Some(drafter.as_str());
    app.get("/nowhere", None).await.expect_problem(Code::NotFound);
    app.call(Method::DELETE, "/drafts", drafter, &[], None).await.expect_problem(Code::MethodNotAllowed);
    app.get("/drafts/not-an-id", None).await.expect_invalid("path");
    app.get("/drafts?limit=0", None).await.expect_problem(Code::Invalid);
    app.get("/drafts?limit=x", None).await.expect_invalid("limit");
    app.get("/drafts?state=asleep", None).await.expect_invalid("state");
    app.get("/account", None).await.expect_problem(Code::LoginRequired);
    app.get("/account", Some("wrong")).await.expect_problem(Code::LoginRequired);
    app.get("/drafts", Some("wrong")).await.expect_problem(Code::LoginRequired);
    app.call(Method::GET, "/drafts", None, &[("authorization", "Basic YTpi")], None).await.expect_problem(Code::LoginRequired);
    app.post("/drafts", drafter, json!("text")).await.expect_problem(Code::Malformed);
    app.post("/drafts", drafter, json!({})).await.expect_problem(Code::Malformed);
    app.call(Method::POST, "/drafts", drafter, &[("content-type", "text/plain")], None).await.expect_problem(Code::UnsupportedMedia);
    let refused = app.post("/sessions/staff", None, json!({"name": "", "password": "x"})).await.expect_problem(Code::Malformed);
    assert_eq!(refused["detail"], "请求内容无法读取：字段 name 不能为空。");
    assert_eq!(refused["fields"][0]["field"], "name");
    app.finish().await;
}

/// What a program sent in a wrong form is told in Chinese, with the field and what it may be.
#[tokio::test]
async fn what_cannot_be_read_is_told_without_english() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"stance": "modify", "body": "改为四十八小时", "is_public": true});
    let refused = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion).await.expect_problem(Code::Malformed);
    assert_eq!(refused["fields"][0]["field"], "stance");
    assert_eq!(refused["detail"], "请求内容无法读取：字段 stance 应为以下之一：support、amend、oppose、question，收到的是 \"modify\"。");
    let refused = app.get("/drafts?limit=0", None).await.expect_invalid("limit");
    assert_eq!(refused["detail"], "参数 limit 不能小于 1。");
    app.deliver().await;
    app.finish().await;
}

/// What is counted is what was sent: a body that unfolds on its way in would pass every limit.
#[tokio::test]
async fn a_compressed_body_is_refused() {
    let app = TestApp::start().await;
    let login = json!({"name": "nobody", "password": "a long pass phrase"});
    let send = |coding: &'static str| {
        let (app, login) = (&app, login.clone());
        async move { app.call(Method::POST, "/sessions/staff", None, &[("content-encoding", coding)], Some(login)).await }
    };
    for coding in ["gzip", "zstd", "br", "deflate", "unheard-of"] {
        send(coding).await.expect_problem(Code::UnsupportedMedia);
    }
    send("identity").await.expect_problem(Code::LoginFailed);
    app.finish().await;
}

/// A character that PostgreSQL cannot keep is the sender's failure, not ours; SQLite keeps it.
#[tokio::test]
async fn a_nul_character_is_no_failure_of_ours() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"stance": "amend", "body": "改为四十八小时", "is_public": true});
    let opinion = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion).await.expect(201);
    let handler = app.token(Role::Handler).await;
    let answer = json!({"kind": "adopted", "reason": "有\u{0}道理"});
    let path = format!("/opinions/{}/disposition", opinion["opinion_id"].as_str().unwrap());
    let answered = app.put(&path, Some(&handler), answer).await;
    if matches!(app.app.db, zhitong::storage::Db::Postgres(_)) {
        answered.expect_problem(Code::Malformed);
    } else {
        answered.expect(204);
    }
    app.deliver().await;
    app.finish().await;
}
