//! The whole loop: a draft is imported and published, a citizen speaks, staff answer with a reason, the answer is public.

use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::TestApp;

async fn opinion(app: &TestApp, draft: &str, citizen: &str, key: &str, body: &str, is_public: bool) -> String {
    let body = json!({"address": "art-4", "stance": "amend", "body": body, "reason": "出差", "is_public": is_public});
    app.post_opinion(draft, Some(citizen), key, body).await.expect(201)["opinion_id"].as_str().unwrap().to_owned()
}

fn answer(kind: &str, reason: &str) -> Value {
    json!({"kind": kind, "reason": reason})
}

#[tokio::test]
async fn an_opinion_gets_its_public_answer() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let shown = opinion(&app, &draft, &citizen, "key-00000001", "改为四十八小时", true).await;
    let withheld = opinion(&app, &draft, &citizen, "key-00000002", "改为七十二小时", false).await;
    let (answers, feedback) = (format!("/drafts/{draft}/answers"), format!("/drafts/{draft}/feedback"));
    let reviewer = app.token(Role::Reviewer).await;

    // Nothing is public while the round is open, not even a prepared answer.
    app.put(&format!("/opinions/{shown}/disposition"), Some(&reviewer), answer("adopted", "有道理")).await.expect(204);
    app.post(&feedback, Some(&reviewer), json!({})).await.expect_problem(Code::Conflict);
    assert_eq!(app.get(&answers, None).await.expect(200)["items"], json!([]));

    app.clock.advance(chrono::Duration::days(31));
    let citizen = app.post("/sessions/wechat", None, json!({"code": "sandbox-citizen1.later"})).await.expect(201);
    let citizen = citizen["token"].as_str().unwrap();
    let handler = app.token(Role::Handler).await;
    let reviewer = app.token(Role::Reviewer).await;
    let own = app.get(&format!("/opinions/{shown}"), Some(citizen)).await.expect(200);
    assert_eq!((own["state"].as_str(), own.get("disposition")), (Some("received"), None), "a prepared answer is not for the author yet");
    let prepared = app.get(&format!("/drafts/{draft}/opinions?state=answer_prepared"), Some(&handler)).await.expect(200);
    assert_eq!(prepared["items"].as_array().unwrap().len(), 1);
    assert_eq!(prepared["items"][0]["disposition"]["reason"], "有道理");

    // An answer needs a reason, and is rewritten until it is public by whoever read what is there.
    let path = format!("/opinions/{shown}/disposition");
    app.put(&path, Some(&handler), answer("adopted", " ")).await.expect_invalid("reason");
    let better = json!({"kind": "partly_adopted", "reason": "改为三十六小时", "from_revision": 1});
    app.put(&path, Some(&handler), better).await.expect(204);

    // Nothing is published while an opinion has no answer that a second person let pass.
    let refused = app.post(&feedback, Some(&reviewer), json!({"summary": "共收到两条意见。"})).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("还有 2 条意见"), "{refused}");
    app.put(&format!("/opinions/{withheld}/disposition"), Some(&handler), answer("not_adopted", "周转太慢")).await.expect(204);
    app.post(&feedback, Some(&reviewer), json!({})).await.expect_problem(Code::Conflict);
    assert_eq!(app.get(&answers, None).await.expect(200)["items"], json!([]), "all or nothing");
    assert_eq!(app.pass_all(&draft).await, 2);
    let done = app.post(&feedback, Some(&reviewer), json!({"summary": "共收到两条意见。"})).await.expect(200);
    assert_eq!(done, json!({"published": 2, "excluded": 0, "state": "feedback_published"}));
    let late = json!({"kind": "adopted", "reason": "改口", "from_revision": 2});
    app.put(&path, Some(&handler), late).await.expect_problem(Code::Conflict);
    app.post(&feedback, Some(&reviewer), json!({})).await.expect_problem(Code::Conflict);

    let seen = app.get(&answers, None).await.expect(200);
    let [first, second] = seen["items"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!(first["body"], "改为四十八小时");
    assert_eq!(first["provision_label"], "第四条");
    assert_eq!(first["disposition"]["label"], "部分采纳");
    assert_eq!(first["disposition"]["reason"], "改为三十六小时");
    assert_eq!(second["is_withheld"], true);
    assert_eq!(second["disposition"]["kind"], "not_adopted");
    assert!(!seen.to_string().contains("七十二"), "what the author keeps back appears nowhere");
    for hidden in ["body", "reason", "stance", "author_kind"] {
        assert!(second.get(hidden).is_none(), "{hidden}");
    }
    assert_eq!(app.get(&format!("{answers}?address=art-1"), None).await.expect(200)["items"], json!([]));
    let page = app.get(&format!("{answers}?limit=1"), None).await.expect(200);
    let next = app.get(&format!("{answers}?limit=1&cursor={}", page["next_cursor"].as_str().unwrap()), None).await.expect(200);
    assert_eq!(next["items"][0]["id"], second["id"]);

    let detail = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    assert_eq!(detail["draft"]["state"], "feedback_published");
    assert_eq!(detail["consultations"][0]["feedback_summary"], "共收到两条意见。");
    let counts = app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200);
    assert_eq!(counts["answered"], 2);

    assert_eq!(app.get(&format!("/opinions/{shown}"), Some(citizen)).await.expect(200)["disposition"]["kind"], "partly_adopted");
    assert_eq!(app.deliver().await, 4, "two receipts and two answers");
    let messages = app.get("/account/messages", Some(citizen)).await.expect(200);
    let events: Vec<&str> = messages["items"].as_array().unwrap().iter().map(|m| m["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opinion_answered", "opinion_answered", "opinion_received", "opinion_received"]);
    app.finish().await;
}

#[tokio::test]
async fn a_published_answer_is_never_changed() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let id = opinion(&app, &draft, &citizen, "key-00000001", "改", true).await;
    app.clock.advance(chrono::Duration::days(31));
    let admin = app.token(Role::Administrator).await;
    app.put(&format!("/opinions/{id}/disposition"), Some(&admin), answer("adopted", "好")).await.expect(204);
    app.pass_all(&draft).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&admin), json!({})).await.expect(200);
    for statement in ["UPDATE disposition SET reason = 'x'", "DELETE FROM disposition"] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    assert_eq!(app.deliver().await, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_second_round_follows_and_a_silent_round_is_closed() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    app.clock.advance(chrono::Duration::days(31));
    let reviewer = app.token(Role::Reviewer).await;
    let drafter = app.token(Role::Drafter).await;
    // No opinion came: that result is published too.
    let done = app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({"summary": "未收到意见。"})).await.expect(200);
    assert_eq!(done["state"], "feedback_published");
    let text = crate::support::DRAFT_TEXT.replace("第四条 使用者", "第四条 借用人");
    app.upload_version(&draft, Some(&drafter), "二稿.md", text.as_bytes(), "第二稿说明").await.expect(201);
    let round = app.post(&format!("/drafts/{draft}/consultations"), Some(&reviewer), json!({"notice": "再次征求意见。"})).await.expect(201);
    assert_eq!(round["round"], 2);
    let detail = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    assert_eq!(detail["draft"]["state"], "consulting");
    assert_eq!(detail["versions"].as_array().unwrap().len(), 2, "the first text stays public beside the second");
    let citizen = app.token(Role::Citizen).await;
    opinion(&app, &draft, &citizen, "key-00000001", "改", true).await;
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_worker_delivers_and_stops_when_told() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    opinion(&app, &draft, &citizen, "key-00000001", "改", true).await;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(zhitong::notifications::deliver_until_stopped(app.app.clone(), |_| {}, stopping));
    let mut waited = 0;
    while app.get("/account/messages", Some(&citizen)).await.expect(200)["items"] == json!([]) {
        waited += 1;
        assert!(waited < 400, "nothing was delivered");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    stop.send(true).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), worker).await.unwrap().unwrap();
    app.finish().await;
}
