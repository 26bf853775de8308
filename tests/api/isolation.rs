//! A contact point against everything that belongs to another: nothing is read, nothing is changed, and an id that exists elsewhere is answered
//! exactly like one that exists nowhere.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::ids::AssignmentId;
use zhitong::opinions::offline::batches;

use crate::permissions::{NOWHERE, call_on, contents, described, operations};
use crate::statistics::{hold_activities, offline, record};
use crate::support::TestApp;

/// Ids of the rows of a table that belong to a point.
async fn ids_of(app: &TestApp, sql: &'static str, point: &str) -> Vec<String> {
    let point: Uuid = point.parse().unwrap();
    let ids: Vec<Uuid> = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(sql).bind(point).fetch_all(pool).await).unwrap();
    ids.into_iter().map(|id| id.to_string()).collect()
}

/// An answer without what differs between any two requests.
fn told(status: u16, body: &Value) -> (u16, Value) {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    (status, body)
}

#[tokio::test]
async fn a_point_learns_nothing_of_another_point() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    app.start_collecting(&them, &assignments[1]).await;
    hold_activities(&app, &theirs, &assignments[1]).await;
    record(&app, &them, &assignments[1], "theirs-0001", offline(Some("art-4"), "他们的意见", "王某")).await;
    let (uploads, caller) = (app.app.uploads(), app.caller(&them).await);
    let file = "条款,修改建议\n第四条,太短了\n".as_bytes().to_vec();
    let uploaded = batches::upload(&uploads, &caller, AssignmentId(assignments[1].parse().unwrap()), "表.csv", file).await.unwrap();
    batches::work(uploads, caller, uploaded.batch, uploaded.worker.unwrap()).await;
    app.deliver().await;
    app.index().await;

    let mut foreign = vec![assignments[1].clone()];
    for sql in [
        "SELECT id FROM collection_activity WHERE contact_point_id = $1",
        "SELECT id FROM upload_batch WHERE contact_point_id = $1",
        "SELECT r.id FROM upload_row r JOIN upload_batch b ON b.id = r.batch_id WHERE b.contact_point_id = $1",
        "SELECT opinion_id FROM opinion_provenance WHERE contact_point_id = $1",
        "SELECT id FROM account WHERE contact_point_id = $1",
        "SELECT f.id FROM activity_file f JOIN collection_activity a ON a.id = f.activity_id WHERE a.contact_point_id = $1",
        "SELECT x.id FROM extension_request x JOIN collection_assignment s ON s.id = x.assignment_id WHERE s.contact_point_id = $1",
    ] {
        foreign.extend(ids_of(&app, sql, &theirs).await);
    }
    assert!(foreign.len() >= 7, "{foreign:?}");

    let own = app.get("/account", Some(&us)).await.expect(200)["id"].as_str().unwrap().to_owned();
    let before = contents(&app, &own).await;
    let described = described();
    let mut compared = 0;
    for (name, method, path, body, _) in operations() {
        if !described.contains(name) || !path.contains("{id}") || name == "sign_out" {
            continue;
        }
        for id in &foreign {
            let unknown = call_on(&app, name, method.clone(), path, body.clone(), Some(&us), NOWHERE).await;
            let found = call_on(&app, name, method.clone(), path, body.clone(), Some(&us), id).await;
            let (unknown, found) = (told(unknown.status, &unknown.body), told(found.status, &found.body));
            assert_eq!(found, unknown, "{name} on {id}");
            assert!(matches!(found.0, 400 | 401 | 403 | 404 | 409), "{name} on {id}: {}", found.0);
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared}");
    let after = contents(&app, &own).await;
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");

    // Lists and numbers of one's own hold nothing of theirs, and a file cannot be laid under an assignment of theirs.
    for (name, method, path, ..) in operations() {
        if method != Method::GET || path.contains("{id}") || !path.starts_with("/own-point") {
            continue;
        }
        let page = app.get(path, Some(&us)).await;
        for id in &foreign {
            assert!(!page.body.to_string().contains(id.as_str()), "{name} lists {id}");
        }
    }
    // What the bureau sees of them is there: the test did not look for what does not exist.
    let handler = app.token(Role::Handler).await;
    let numbers = app.get(&format!("/statistics?by=point&contact_point_id={theirs}"), Some(&handler)).await.expect(200);
    assert_eq!(numbers["total"]["numbers"][0], json!({"measure": "opinions", "count": 1}));
    app.abandon().await;
}
