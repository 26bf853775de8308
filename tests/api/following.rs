//! Following drafts, and what the clock makes happen: each follower is told of each event exactly once.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::drafts::following;
use zhitong::error::Code;
use zhitong::ids::{AccountId, DraftId};
use zhitong::notifications::{self, Event};

use crate::support::TestApp;

fn go_to(app: &TestApp, at: &str) {
    app.clock.advance(at.parse::<DateTime<Utc>>().unwrap() - app.clock.now());
}

/// Events in a person's inbox, the newest first.
async fn told(app: &TestApp, token: &str) -> Vec<String> {
    let inbox = app.get("/account/messages", Some(token)).await.expect(200);
    inbox["items"].as_array().unwrap().iter().map(|m| m["event"].as_str().unwrap().to_owned()).collect()
}

async fn follow(app: &TestApp, token: &str, draft: &str) {
    app.call(poem::http::Method::PUT, &format!("/account/followed-drafts/{draft}"), Some(token), &[], None).await.expect(204);
}

async fn open(app: &TestApp, draft: &str, body: Value) {
    let handler = app.token(Role::Handler).await;
    app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), body).await.expect(201);
}

#[tokio::test]
async fn following_is_begun_listed_and_ended() {
    let app = TestApp::start().await;
    let (unseen, draft) = (app.draft().await, app.open_draft().await);
    let citizen = app.token(Role::Citizen).await;
    let path = format!("/account/followed-drafts/{draft}");
    let hidden = format!("/account/followed-drafts/{unseen}");
    app.call(poem::http::Method::PUT, &hidden, Some(&citizen), &[], None).await.expect_problem(Code::NotFound);
    follow(&app, &citizen, &draft).await;
    follow(&app, &citizen, &draft).await;
    let list = app.get("/account/followed-drafts", Some(&citizen)).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["draft"]["id"], draft);
    for _ in 0..2 {
        app.call(poem::http::Method::DELETE, &path, Some(&citizen), &[], None).await.expect(204);
    }
    assert_eq!(app.get("/account/followed-drafts", Some(&citizen)).await.expect(200)["items"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn pages_of_followed_drafts_go_on_without_a_cap() {
    let app = TestApp::start().await;
    let citizen = app.token(Role::Citizen).await;
    for _ in 0..3 {
        let draft = app.open_draft().await;
        follow(&app, &citizen, &draft).await;
    }
    let (mut seen, mut path) = (0, "/account/followed-drafts?limit=2".to_owned());
    loop {
        let page = app.get(&path, Some(&citizen)).await.expect(200);
        seen += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/account/followed-drafts?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, 3);
    app.get("/account/followed-drafts?cursor=nonsense", Some(&citizen)).await.expect_invalid("cursor");
    app.finish().await;
}

#[tokio::test]
async fn a_round_that_begins_later_is_announced_when_it_does_and_once() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    open(&app, &draft, json!({"notice": "告", "opens_on": "2026-03-05", "closes_on": "2026-04-07"})).await;
    let citizen = app.token(Role::Citizen).await;
    follow(&app, &citizen, &draft).await;
    assert_eq!(app.run_due().await.announced, 0, "not before it begins");
    go_to(&app, "2026-03-04T15:59:59.999999Z");
    assert_eq!(app.run_due().await.announced, 0);
    go_to(&app, "2026-03-04T16:00:00Z");
    let done = app.run_due().await;
    assert_eq!((done.announced, done.told, done.is_more), (1, 1, false));
    for _ in 0..2 {
        assert_eq!(app.run_due().await.announced, 0, "a restart announces nothing again");
    }
    assert_eq!(app.deliver().await, 1);
    assert_eq!(told(&app, &citizen).await, ["round_opened"]);
    let inbox = app.get("/account/messages", Some(&citizen)).await.expect(200);
    assert_eq!(
        inbox["items"][0]["text"],
        "您关注的草案《清河市共享雨伞管理办法》（2026年4月7日（星期二）24时截止）开始征求意见，欢迎提出意见。"
    );
    app.finish().await;
}

#[tokio::test]
async fn two_instances_at_once_announce_once() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    open(&app, &draft, json!({"notice": "告", "opens_on": "2026-03-05"})).await;
    let mut citizens = Vec::new();
    for _ in 0..5 {
        let citizen = app.token(Role::Citizen).await;
        follow(&app, &citizen, &draft).await;
        citizens.push(citizen);
    }
    go_to(&app, "2026-03-06T00:00:00Z");
    let (a, b, c) = tokio::join!(app.run_due(), app.run_due(), app.run_due());
    assert_eq!((a.announced + b.announced + c.announced, a.told + b.told + c.told), (1, 5));
    assert_eq!(app.deliver().await, 5);
    for citizen in &citizens {
        assert_eq!(told(&app, citizen).await.len(), 1);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_end_is_told_three_days_before_and_again_when_it_moved() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    go_to(&app, "2026-03-29T15:59:59.999999Z");
    let (citizen, handler) = (app.token(Role::Citizen).await, app.token(Role::Handler).await);
    follow(&app, &citizen, &draft).await;
    assert_eq!(app.run_due().await.announced, 0);
    go_to(&app, "2026-03-29T16:00:00Z");
    assert_eq!(app.run_due().await.announced, 1);
    assert_eq!(app.run_due().await.announced, 0);
    let body = json!({"closes_on": "2026-04-10", "notice": "延"});
    app.post(&format!("/drafts/{draft}/extension"), Some(&handler), body).await.expect(200);
    assert_eq!(app.run_due().await.announced, 0, "the new end is not near");
    go_to(&app, "2026-04-08T00:00:00Z");
    assert_eq!(app.run_due().await.announced, 1, "an end that moved is told anew");
    assert_eq!(app.run_due().await.announced, 0);
    assert_eq!(app.deliver().await, 3);
    assert_eq!(told(&app, &citizen).await, ["closing_soon", "round_extended", "closing_soon"]);
    app.finish().await;
}

#[tokio::test]
async fn what_is_over_or_withdrawn_is_not_announced() {
    let app = TestApp::start().await;
    let (missed, withdrawn, short) = (app.draft().await, app.draft().await, app.draft().await);
    let citizen = app.token(Role::Citizen).await;
    for draft in [&missed, &withdrawn] {
        open(&app, draft, json!({"notice": "告", "opens_on": "2026-03-05", "closes_on": "2026-04-07"})).await;
        follow(&app, &citizen, draft).await;
    }
    open(&app, &short, json!({"notice": "告", "opens_on": "2026-03-05", "closes_on": "2026-03-06", "shorter_reason": "急"})).await;
    follow(&app, &citizen, &short).await;
    let handler = app.token(Role::Handler).await;
    app.post(&format!("/drafts/{withdrawn}/round-withdrawal"), Some(&handler), json!({"reason": "因"})).await.expect(200);
    // A round of two days: its opening says the end already.
    go_to(&app, "2026-03-05T00:00:00Z");
    assert_eq!(app.run_due().await.announced, 2);
    go_to(&app, "2026-04-30T00:00:00Z");
    assert_eq!(app.run_due().await.announced, 0);
    // Two openings and the withdrawal.
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

#[tokio::test]
async fn another_round_and_the_feedback_are_told() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    follow(&app, &citizen, &draft).await;
    let account = app.get("/account", Some(&citizen)).await.expect(200);
    let account = AccountId(account["id"].as_str().unwrap().parse().unwrap());
    go_to(&app, "2026-04-01T16:00:00Z");
    let reviewer = app.token(Role::Reviewer).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({"summary": "没有收到意见。"})).await.expect(200);
    open(&app, &draft, json!({"notice": "再次征求意见。"})).await;
    assert_eq!(app.run_due().await.announced, 0, "a round that begins at once is announced with its publishing");
    assert_eq!(app.deliver().await, 2);
    // The session has ended by now; the inbox has not.
    let inbox = notifications::list_inbox(&app.app.db, account, None, 10).await.unwrap();
    let events: Vec<Event> = inbox.items.iter().map(|message| message.event).collect();
    assert_eq!(events, [Event::DraftReopened, Event::FeedbackPublished]);
    app.finish().await;
}

#[tokio::test]
async fn many_followers_are_told_some_at_a_time_and_each_once() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let id = DraftId(draft.parse().unwrap());
    let account = "INSERT INTO account (id, role, display_name, is_active, is_demonstration, created_at, updated_at) VALUES ($1, 'citizen', '市民', TRUE, FALSE, $2, $2)";
    let mut tx = app.app.db.begin().await.unwrap();
    for _ in 0..1_203 {
        let (account_id, now) = (AccountId(app.app.ids.next()), app.clock.now());
        zhitong::on_tx!(&mut tx, c => sqlx::query(account).bind(account_id).bind(now).execute(c).await.map(drop)).unwrap();
        following::follow_in(&mut tx, &app.clock, account_id, id).await.unwrap();
    }
    tx.commit().await.unwrap();
    let handler = app.token(Role::Handler).await;
    app.post(&format!("/drafts/{draft}/round-withdrawal"), Some(&handler), json!({"reason": "因"})).await.expect(200);
    // Somebody who follows afterwards was not there.
    app.clock.advance(chrono::Duration::microseconds(1));
    let late = app.token(Role::Citizen).await;
    follow(&app, &late, &draft).await;
    let tell = || following::tell_some(&app.app.db, &app.clock, &app.app.ids, 500);
    assert_eq!(tell().await.unwrap(), Some(500));
    assert_eq!(tell().await.unwrap(), Some(500));
    assert_eq!(tell().await.unwrap(), Some(203));
    assert_eq!(tell().await.unwrap(), None);
    let (mut delivered, mut last) = (0, 1);
    while last > 0 {
        last = app.deliver().await;
        delivered += last;
    }
    assert_eq!(delivered, 1_203);
    let persons = "SELECT CAST(COUNT(DISTINCT account_id) AS BIGINT) FROM inbox";
    let persons: i64 = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(persons).fetch_one(pool).await).unwrap();
    assert_eq!(persons, 1_203);
    assert_eq!(told(&app, &late).await, Vec::<String>::new());
    app.finish().await;
}
