//! What the service tells of itself.

use chrono::TimeDelta;
use poem::http::Method;
use serde_json::json;
use sqlx::types::Json;
use zhitong::accounts::Role;
use zhitong::audit::checking;
use zhitong::corpus::jobs;
use zhitong::drafts::due;
use zhitong::error::Code;
use zhitong::notifications::outbox;
use zhitong::opinions::Channel;
use zhitong::opinions::offline::batches;
use zhitong::storage::leases;

use crate::support::TestApp;

#[tokio::test]
async fn a_request_that_is_refused_at_the_door_is_counted_under_its_route() {
    let app = TestApp::start().await;
    app.post("/sessions/staff", None, json!({"name": "nobody", "password": "a long pass phrase"})).await.expect_problem(Code::LoginFailed);
    let large = json!({"name": "x".repeat(5 << 20), "password": "y"});
    app.post("/sessions/staff", None, large.clone()).await.expect_problem(Code::TooLarge);
    app.call(Method::POST, "/nowhere/at/all", None, &[], Some(large)).await.expect_problem(Code::TooLarge);
    let text = app.app.metrics.encode().unwrap();
    for route in ["/api/v1/sessions/staff", "(unknown)"] {
        let line = format!("zhitong_http_requests_total{{method=\"POST\",route=\"{route}\",status=\"413\"}} 1");
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.contains("zhitong_http_requests_in_flight 0"), "{text}");
    app.finish().await;
}

#[tokio::test]
async fn a_method_that_somebody_made_up_is_no_label() {
    let app = TestApp::start().await;
    for method in ["A1", "A2", "A3", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        app.call(method, "/drafts", None, &[], None).await.expect_problem(Code::MethodNotAllowed);
    }
    app.get("/drafts", None).await.expect(200);
    let text = app.app.metrics.encode().unwrap();
    assert!(text.contains("zhitong_http_requests_total{method=\"other\",route=\"/api/v1\",status=\"405\"} 4"), "{text}");
    assert!(text.contains("zhitong_http_requests_total{method=\"GET\",route=\"/api/v1/drafts\",status=\"200\"} 1"), "{text}");
    assert!(!text.contains("A1"), "{text}");
    app.finish().await;
}

#[tokio::test]
async fn opinions_are_counted_once_by_their_channel() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"stance": "amend", "body": "改为四十八小时", "is_public": true});
    let send = |key: &'static str| app.post_opinion(&draft, Some(&citizen), key, opinion.clone());
    send("key-00000001").await.expect(201);
    send("key-00000001").await.expect(200);
    send("key-00000002").await.expect(201);
    for (channel, taken) in app.app.opinions_taken.by_channel() {
        assert_eq!(taken, if channel == Channel::Wechat { 2 } else { 0 }, "{}", channel.as_str());
    }
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_read_from_time_to_time_is_what_is_there() {
    let app = TestApp::start().await;
    let (db, now) = (&app.app.db, app.clock.now());
    assert_eq!(due::next_closing(db, now).await.unwrap(), None);
    assert_eq!(outbox::oldest_due(db, now).await.unwrap(), None);
    assert_eq!((jobs::count_running(db, now).await.unwrap(), batches::count_working(db, now).await.unwrap()), ((0, 0), (0, 0)));
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"stance": "amend", "body": "改为四十八小时", "is_public": true});
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion).await.expect(201);
    let closes_at = due::next_closing(db, now).await.unwrap().unwrap();
    assert!(closes_at > now);
    assert_eq!(due::next_closing(db, closes_at).await.unwrap(), None, "its end is the first instant that is too late");
    assert!(outbox::oldest_due(db, app.clock.now()).await.unwrap().is_some_and(|at| at <= app.clock.now()));
    app.deliver().await;
    assert_eq!(outbox::oldest_due(db, app.clock.now()).await.unwrap(), None);

    assert!(checking::oldest_unanchored(db).await.unwrap().is_some(), "the draft was opened by somebody");
    checking::set_anchor(db, &app.clock, &app.app.data_key).await.unwrap().unwrap();
    assert_eq!(checking::oldest_unanchored(db).await.unwrap(), None);

    let mut tx = db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(
        "INSERT INTO import_job (id, state, name, is_dry_run, done, report, failure, created_at, updated_at) VALUES ($1, 'running', '法规', FALSE, 0, $2, '', $3, $3)"
    ).bind(app.app.ids.next()).bind(Json(json!({}))).bind(now).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs::count_running(db, now).await.unwrap(), (1, 0));
    let late = now + leases::STUCK + TimeDelta::seconds(1);
    assert_eq!(jobs::count_running(db, late).await.unwrap(), (1, 0), "it waits for its turn");
    let mut tx = db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE import_job SET worker = $1").bind(app.app.ids.next()).execute(c).await.map(drop))
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs::count_running(db, late).await.unwrap(), (1, 1));
    app.finish().await;
}
