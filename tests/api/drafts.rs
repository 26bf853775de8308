//! Drafts, their versions, their rounds.

use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::{DRAFT_TEXT, TestApp};

#[tokio::test]
async fn a_draft_is_unseen_until_it_is_published() {
    let app = TestApp::start().await;
    let id = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let citizen = app.token(Role::Citizen).await;
    for token in [None, Some(citizen.as_str())] {
        app.get(&format!("/drafts/{id}"), token).await.expect_problem(Code::NotFound);
        assert_eq!(app.get("/drafts", token).await.expect(200)["items"], json!([]));
    }
    let detail = app.get(&format!("/drafts/{id}"), Some(&handler)).await.expect(200);
    assert_eq!(detail["draft"]["state"], "preparing");
    let version = detail["versions"][0]["id"].as_str().unwrap();
    let text_path = format!("/drafts/{id}/versions/{version}");
    app.get(&text_path, None).await.expect_problem(Code::NotFound);

    let round = json!({"notice": "欢迎提出意见。"});
    let round = app.post(&format!("/drafts/{id}/consultations"), Some(&handler), round).await.expect(201);
    assert_eq!(round["phase"], "open");
    assert_eq!(round["closes_on"], "2026-04-01", "thirty days, the first not counted");
    assert_eq!(round["closes_at"], "2026-04-01T16:00:00+00:00", "24:00 in Shanghai");
    assert_eq!(round["notice_title"], "关于公开征求《清河市共享雨伞管理办法（征求意见稿）》意见的公告");
    let seen = app.get(&format!("/drafts/{id}"), None).await.expect(200);
    assert_eq!(seen["draft"]["state"], "consulting");
    let text = app.get(&text_path, None).await.expect(200);
    let addresses: Vec<&str> = text["provisions"].as_array().unwrap().iter().map(|p| p["address"].as_str().unwrap()).collect();
    for address in ["art-1", "art-3/para-1/item-2", "art-3/para-2", "art-5"] {
        assert!(addresses.contains(&address), "{address} in {addresses:?}");
    }
    assert_eq!(text["version"]["article_count"], 5);
    app.finish().await;
}

#[tokio::test]
async fn the_days_that_are_left_are_counted_like_the_days_of_the_round() {
    let app = TestApp::start().await;
    let id = app.open_draft().await;
    let path = format!("/drafts/{id}");
    let page = async || String::from_utf8(app.raw(&path, &[]).await.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    let first = page().await;
    assert!(first.contains("还剩 <b>30</b> 天") && first.contains("共 30 日"), "{first}");
    app.clock.advance(chrono::Duration::days(29));
    let last_but_one = page().await;
    assert!(last_but_one.contains("还剩 <b>1</b> 天"), "{last_but_one}");
    app.clock.advance(chrono::Duration::days(1));
    let last = page().await;
    assert!(last.contains("<b>今天</b>截止"), "{last}");
    app.finish().await;
}

#[tokio::test]
async fn a_rule_is_not_called_by_the_name_of_a_regulation() {
    let app = TestApp::start().await;
    let drafter = app.token(Role::Drafter).await;
    let body = |kind: &str| json!({"title": "清河市共享雨伞管理条例", "kind": kind, "drafting_unit": "清河市城市管理局"});
    let refused = app.post("/drafts", Some(&drafter), body("government_rule")).await.expect_invalid("title");
    assert!(refused["detail"].as_str().unwrap().contains("规章制定程序条例第七条"));
    app.post("/drafts", Some(&drafter), body("local_regulation")).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn a_short_round_needs_a_public_reason() {
    let app = TestApp::start().await;
    let id = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{id}/consultations");
    let round = |closes_on: &str, reason: &str| json!({"notice": "欢迎提出意见。", "closes_on": closes_on, "shorter_reason": reason});
    app.post(&path, Some(&handler), round("2026-03-31", "")).await.expect_invalid("shorter_reason");
    app.post(&path, Some(&handler), round("2026-03-01", "急")).await.expect_invalid("closes_on");
    app.post(&path, Some(&handler), json!({"notice": " "})).await.expect_invalid("notice");
    app.post(&path, Some(&handler), json!({"notice": "告", "opens_on": "2026-03-01"})).await.expect_invalid("opens_on");
    app.get(&format!("/drafts/{id}"), None).await.expect_problem(Code::NotFound);
    app.post(&path, Some(&handler), round("2026-03-16", "与上位法同步施行")).await.expect(201);
    let seen = app.get(&format!("/drafts/{id}"), None).await.expect(200);
    assert_eq!(seen["consultations"][0]["shorter_reason"], "与上位法同步施行");
    app.post(&path, Some(&handler), round("2026-05-01", "")).await.expect_problem(Code::Conflict);
    app.finish().await;
}

#[tokio::test]
async fn a_text_is_published_with_its_explanation_or_not_at_all() {
    let app = TestApp::start().await;
    let drafter = app.token(Role::Drafter).await;
    let handler = app.token(Role::Handler).await;
    let body = json!({"title": "清河市共享雨伞管理办法", "kind": "government_rule", "drafting_unit": "局"});
    let draft = app.post("/drafts", Some(&drafter), body).await.expect(201);
    let id = draft["id"].as_str().unwrap();
    let path = format!("/drafts/{id}/consultations");
    app.post(&path, Some(&handler), json!({"notice": "告"})).await.expect_problem(Code::Conflict);
    app.upload_version(id, Some(&drafter), "a.md", DRAFT_TEXT.as_bytes(), "").await.expect(201);
    app.post(&path, Some(&handler), json!({"notice": "告"})).await.expect_problem(Code::Conflict);
    app.upload_version(id, Some(&drafter), "a.md", DRAFT_TEXT.as_bytes(), "说明").await.expect(201);
    let round = app.post(&path, Some(&handler), json!({"notice": "告"})).await.expect(201);
    let seen = app.get(&format!("/drafts/{id}"), None).await.expect(200);
    assert_eq!(seen["versions"].as_array().unwrap().len(), 1, "the version without explanation is not public");
    assert_eq!(seen["versions"][0]["id"], round["version_id"]);
    assert_eq!(seen["versions"][0]["number"], 2);
    app.finish().await;
}

#[tokio::test]
async fn a_published_text_is_never_changed() {
    let app = TestApp::start().await;
    let id = app.open_draft().await;
    let drafter = app.token(Role::Drafter).await;
    let before = app.get(&format!("/drafts/{id}"), None).await.expect(200);
    let path = format!("/drafts/{id}/versions/{}", before["versions"][0]["id"].as_str().unwrap());
    let text = app.get(&path, None).await.expect(200);
    // A correction is another version, which nobody sees before it is published.
    let corrected = DRAFT_TEXT.replace("二十四小时", "四十八小时");
    app.upload_version(&id, Some(&drafter), "b.md", corrected.as_bytes(), "改正").await.expect(201);
    assert_eq!(app.get(&format!("/drafts/{id}"), None).await.expect(200)["versions"], before["versions"]);
    assert_eq!(app.get(&path, None).await.expect(200), text);
    for statement in [
        "UPDATE draft_provision SET body = ''",
        "DELETE FROM draft_provision",
        "UPDATE draft_version SET explanation = '' WHERE published_at IS NOT NULL",
        "DELETE FROM draft_version WHERE published_at IS NOT NULL",
    ] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_round_may_begin_later_and_ends_by_the_clock() {
    let app = TestApp::start().await;
    let id = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let round = json!({"notice": "告", "opens_on": "2026-03-05", "closes_on": "2026-04-07"});
    let round = app.post(&format!("/drafts/{id}/consultations"), Some(&handler), round).await.expect(201);
    assert_eq!((round["phase"].as_str(), round["opens_at"].as_str()), (Some("upcoming"), Some("2026-03-04T16:00:00+00:00")));
    let state = async || {
        let seen = app.get(&format!("/drafts/{id}"), None).await.expect(200);
        (seen["draft"]["state"].clone(), seen["consultations"][0]["phase"].clone())
    };
    app.clock.advance(chrono::Duration::days(4));
    assert_eq!(state().await, (json!("consulting"), json!("open")));
    app.clock.advance(chrono::Duration::days(40));
    assert_eq!(state().await, (json!("processing"), json!("closed")));
    for (asked, found) in [("consulting", 0), ("processing", 1)] {
        let page = app.get(&format!("/drafts?state={asked}"), None).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{asked}");
    }
    app.finish().await;
}

#[tokio::test]
async fn files_that_are_no_text_are_refused_with_a_reason() {
    let app = TestApp::start().await;
    let drafter = app.token(Role::Drafter).await;
    let id = app.draft().await;
    for (name, bytes, code) in [
        ("a.pdf", b"%PDF-1.7 ...".as_slice(), Code::UnsupportedMedia),
        ("a.md", b"", Code::UnreadableFile),
        ("a.md", "# 只有标题\n".as_bytes(), Code::UnreadableFile),
        ("a.docx", b"PK\x03\x04garbage", Code::UnreadableFile),
    ] {
        app.upload_version(&id, Some(&drafter), name, bytes, "说明").await.expect_problem(code);
    }
    let nowhere = "01980000-0000-7000-8000-00000000ffff";
    app.upload_version(nowhere, Some(&drafter), "a.md", DRAFT_TEXT.as_bytes(), "").await.expect_problem(Code::NotFound);
    app.finish().await;
}

#[tokio::test]
async fn pages_of_drafts_go_on_without_a_cap() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.open_draft().await;
        app.clock.advance(chrono::Duration::seconds(1));
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut path = "/drafts?limit=1".to_owned();
    loop {
        let page = app.get(&path, None).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|d| d["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/drafts?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 3);
    seen.dedup();
    assert_eq!(seen.len(), 3);
    app.get("/drafts?cursor=nonsense", None).await.expect_invalid("cursor");
    app.finish().await;
}
