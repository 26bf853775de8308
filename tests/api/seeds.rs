//! The demonstration: contact points and drafts in their stages, loaded through the same functions as everything else.

use std::time::Duration;

use serde_json::json;
use zhitong::accounts::Actor;
use zhitong::contact_points::seeds::load_points;
use zhitong::error::{Error, Result};
use zhitong::opinions::seeds::{Loading, load_drafts};
use zhitong::seeding;
use zhitong::storage::Db;

use crate::support::TestApp;

async fn read(path: String) -> Result<Vec<u8>> {
    std::fs::read(format!("{}/seeds/{path}", env!("CARGO_MANIFEST_DIR"))).map_err(Error::from)
}

async fn text(path: &str) -> String {
    String::from_utf8(read(path.to_owned()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_demonstration_loads_once() {
    let app = TestApp::start().await;
    let parts = &app.app;
    let loading =
        Loading { db: &parts.db, blobs: &parts.blobs, cache: &parts.cache, clock: &app.clock, ids: &parts.ids, rules: &parts.config.rules };
    let points = load_points(&parts.db, &app.clock, &parts.ids, Actor::System, &text("contact_points.toml").await).await.unwrap();
    assert!(points >= 5, "{points}");
    let list = text("drafts.toml").await;
    let loaded = load_drafts(loading, &list, read).await.unwrap();
    assert!(loaded >= 3, "{loaded}");
    assert_eq!(load_drafts(loading, &list, read).await.unwrap(), 0, "loading again adds nothing");
    for state in ["consulting", "processing", "feedback_published"] {
        let page = app.get(&format!("/drafts?state={state}"), None).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{state}: {page}");
        assert_eq!(page["items"][0]["is_demonstration"], true);
        let id = page["items"][0]["id"].as_str().unwrap();
        let counts = app.get(&format!("/drafts/{id}/opinion-counts"), None).await.expect(200);
        assert!(counts["opinions"].as_i64().unwrap() > 0, "{state}");
        let answers = app.get(&format!("/drafts/{id}/answers"), None).await.expect(200);
        let draft = app.get(&format!("/drafts/{id}"), None).await.expect(200);
        let round = &draft["consultations"][0];
        let is_open = state == "consulting";
        assert_eq!((round["shows_opinions"].as_bool(), round["allows_anonymous"].as_bool()), (Some(is_open), Some(is_open)), "{round}");
        if state == "feedback_published" {
            assert_eq!(answers["items"].as_array().unwrap().len() as i64, counts["opinions"].as_i64().unwrap());
        } else {
            assert_eq!(answers["items"], json!([]), "{state}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn the_demonstration_has_work_for_its_logins() {
    let app = TestApp::start().await;
    let seeded = seeding::load(&app.app).await.unwrap();
    let enter = async |name: &str| {
        let login = seeded.logins.iter().find(|login| login.login_name == name).unwrap();
        let body = json!({"name": name, "password": login.password});
        app.post("/sessions/staff", None, body).await.expect(201)["token"].as_str().unwrap().to_owned()
    };
    let own = app.get("/own-point/assignments", Some(&enter("point").await)).await.expect(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!((&own["items"][0]["state"], own["items"][0]["is_overdue"].as_bool()), (&json!("sent"), Some(false)));
    let asked = app.get("/own-organ/relays", Some(&enter("county").await)).await.expect(200);
    assert_eq!(asked["items"].as_array().unwrap().len(), 1, "{asked}");
    assert_eq!(asked["items"][0]["contact_points"], 0);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn instances_that_start_at_once_load_it_once() {
    let app = TestApp::start().await;
    if matches!(app.app.db, Db::Sqlite(_)) {
        // One instance has the data directory, and nobody else is there.
        return app.finish().await;
    }
    let (a, b, c) = tokio::join!(seeding::load(&app.app), seeding::load(&app.app), seeding::load(&app.app));
    let loaded = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(loaded.iter().filter(|seeded| seeded.versions > 0 && seeded.logins.len() == 7).count(), 1, "{loaded:?}");
    assert_eq!(loaded.iter().filter(|seeded| seeded.versions == 0 && seeded.logins.is_empty()).count(), 2, "{loaded:?}");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_turn_is_had_by_one_instance_at_a_time() {
    let app = TestApp::start().await;
    let first = app.app.db.take_turn(1).await.unwrap();
    drop(app.app.db.take_turn(2).await.unwrap());
    if matches!(app.app.db, Db::Postgres(_)) {
        let second = tokio::time::timeout(Duration::from_millis(600), app.app.db.take_turn(1)).await;
        assert!(second.is_err(), "two have the turn");
    }
    drop(first);
    let third = tokio::time::timeout(Duration::from_secs(10), app.app.db.take_turn(1)).await;
    drop(third.expect("nobody has the turn any more").unwrap());
    app.finish().await;
}
