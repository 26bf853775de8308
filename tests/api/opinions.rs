//! Posting opinions: once, in time, on a provision that exists.

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::config::{LimitRules, Quota, Rules};
use zhitong::error::Code;

use crate::support::TestApp;

fn opinion(body: &str) -> Value {
    json!({"address": "art-4", "stance": "amend", "body": body, "reason": "理由", "is_public": true})
}

#[tokio::test]
async fn the_same_key_is_heard_once() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let other = app.token(Role::Citizen).await;
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改为四十八小时")).await.expect(201);
    assert_eq!(receipt["provision_label"], "第四条");
    assert!(receipt["receipt_number"].as_str().unwrap().starts_with("YJ20260302-"));
    assert_eq!(app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改为四十八小时")).await.expect(200), receipt);
    for changed in [
        opinion("改为七十二小时"),
        json!({"stance": "amend", "body": "改为四十八小时", "reason": "理由", "is_public": true}),
        json!({"address": "art-4", "stance": "amend", "body": "改为四十八小时", "reason": "理由", "is_public": false}),
    ] {
        app.post_opinion(&draft, Some(&citizen), "key-00000001", changed).await.expect_problem(Code::KeyReused);
    }
    // The key belongs to the person: somebody else's is another.
    app.post_opinion(&draft, Some(&other), "key-00000001", opinion("改为四十八小时")).await.expect(201);
    app.post_opinion(&draft, Some(&citizen), "key-00000002", opinion("改为四十八小时")).await.expect(201);
    let counts = app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200);
    assert_eq!((&counts["opinions"], &counts["distinct_texts"], &counts["signed_in_people"]), (&json!(3), &json!(1), &json!(2)));
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

#[tokio::test]
async fn two_that_arrive_together_are_one() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let send = || app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改"));
    let (a, b, c) = tokio::join!(send(), send(), send());
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 201]);
    assert!(a.body == b.body && b.body == c.body);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_round_ends_to_the_microsecond() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let end: chrono::DateTime<chrono::Utc> = "2026-04-01T16:00:00Z".parse().unwrap();
    app.clock.advance(end - crate::support::beginning() - chrono::Duration::microseconds(1));
    let citizen = {
        // The first session has ended by now.
        app.get("/account", Some(&citizen)).await.expect_problem(Code::LoginRequired);
        app.token(Role::Citizen).await
    };
    let last = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("赶上了")).await.expect(201);
    app.clock.advance(chrono::Duration::microseconds(1));
    let late = app.post_opinion(&draft, Some(&citizen), "key-00000002", opinion("晚了")).await.expect_problem(Code::NotOpen);
    assert!(late["detail"].as_str().unwrap().contains("2026年4月1日 24 时"));
    // Repeating what came in time still gives its receipt.
    assert_eq!(app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("赶上了")).await.expect(200), last);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_taken_before_the_round_begins_or_without_one() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("早")).await.expect_problem(Code::NotFound);
    let round = json!({"notice": "告", "opens_on": "2026-03-05"});
    app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), round).await.expect(201);
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("早")).await.expect_problem(Code::NotOpen);
    app.clock.advance(chrono::Duration::hours(62));
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("早")).await.expect(201);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_opinion_is_said() {
    let app = TestApp::start_with(Rules { opinion_characters: 10, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let citizen = Some(citizen.as_str());
    app.post_opinion(&draft, citizen, "key-00000001", opinion(" \n ")).await.expect_invalid("body");
    app.post_opinion(&draft, citizen, "key-00000001", opinion("一二三四五六七八九十百")).await.expect_invalid("body");
    let nowhere = json!({"address": "art-99", "stance": "amend", "body": "改", "is_public": true});
    app.post_opinion(&draft, citizen, "key-00000001", nowhere).await.expect_invalid("address");
    app.post_opinion(&draft, citizen, "short", opinion("改")).await.expect_invalid("Idempotency-Key");
    app.post(&format!("/drafts/{draft}/opinions"), citizen, opinion("改")).await.expect_problem(Code::Invalid);
    let stance = json!({"stance": "loud", "body": "改", "is_public": true});
    app.post_opinion(&draft, citizen, "key-00000001", stance).await.expect_problem(Code::Malformed);
    let unknown = json!({"stance": "amend", "body": "改", "is_public": true, "author": "张三"});
    app.post_opinion(&draft, citizen, "key-00000001", unknown).await.expect_problem(Code::Malformed);
    // None of these wrote anything: the key is still free.
    app.post_opinion(&draft, citizen, "key-00000001", opinion("改")).await.expect(201);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn opinions_are_cited_as_lawyers_do() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    for (n, (address, label)) in [
        (json!("art-3/para-1/item-2"), "第三条第一款第二项"),
        (json!("art-3/para-2"), "第三条第二款"),
        (json!("art-4/para-1"), "第四条"),
        (Value::Null, "全文"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = json!({"stance": "question", "body": "为什么？", "is_public": true});
        if !address.is_null() {
            body["address"] = address;
        }
        let receipt = app.post_opinion(&draft, Some(&citizen), &format!("key-0000000{n}"), body).await.expect(201);
        assert_eq!(receipt["provision_label"], label);
    }
    assert_eq!(app.deliver().await, 4);
    app.finish().await;
}

#[tokio::test]
async fn one_identity_cannot_flood_a_draft() {
    let limits = LimitRules { opinion_per_identity: Quota { count: 2, seconds: 3_600 }, ..LimitRules::default() };
    let app = TestApp::start_with(Rules { limits, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    for n in 1..=2 {
        app.post_opinion(&draft, Some(&citizen), &format!("key-0000000{n}"), opinion("改")).await.expect(201);
    }
    app.post_opinion(&draft, Some(&citizen), "key-00000003", opinion("改")).await.expect_problem(Code::TooMany);
    // A repetition is no new opinion, and another person has a limit of their own.
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改")).await.expect(200);
    let other = app.token(Role::Citizen).await;
    app.post_opinion(&draft, Some(&other), "key-00000001", opinion("改")).await.expect(201);
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

#[tokio::test]
async fn authors_see_their_own_and_nobody_elses() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let other = app.token(Role::Citizen).await;
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("我的意见")).await.expect(201);
    let path = format!("/opinions/{}", receipt["opinion_id"].as_str().unwrap());
    assert_eq!(app.get(&path, Some(&citizen)).await.expect(200)["body"], "我的意见");
    app.get(&path, Some(&other)).await.expect_problem(Code::NotFound);
    assert_eq!(app.get("/account/opinions", Some(&citizen)).await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/account/opinions", Some(&other)).await.expect(200)["items"], json!([]));

    assert_eq!(app.get("/account/messages", Some(&citizen)).await.expect(200)["items"], json!([]), "not delivered yet");
    assert_eq!(app.deliver().await, 1);
    assert_eq!(app.deliver().await, 0, "an event is delivered once");
    let messages = app.get("/account/messages", Some(&citizen)).await.expect(200);
    assert!(messages["items"][0]["text"].as_str().unwrap().contains(receipt["receipt_number"].as_str().unwrap()));
    assert_eq!(app.get("/account/messages", Some(&other)).await.expect(200)["items"], json!([]));
    let read = format!("/account/messages/{}/read", messages["items"][0]["id"].as_str().unwrap());
    app.call(Method::POST, &read, Some(&other), &[], None).await.expect_problem(Code::NotFound);
    app.call(Method::POST, &read, Some(&citizen), &[], None).await.expect(204);
    assert_eq!(app.get("/account/messages", Some(&citizen)).await.expect(200)["items"][0]["read_at"], "2026-03-02T02:00:00+00:00");
    app.finish().await;
}
