//! A contact point against everything that belongs to another, and an account of a station against what belongs to another station of its point: nothing is
//! read, nothing is changed, and an id that exists elsewhere is answered exactly like one that exists nowhere.

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::error::Code;
use zhitong::ids::{ActivityId, AssignmentId, ContactPointId, OpinionId, StationId};
use zhitong::opinions::offline::batches;
use zhitong::opinions::offline::outcomes::{Wanted, count_outcomes, list_outcomes};

use crate::permissions::{NOWHERE, call_on, contents, described, operations};
use crate::statistics::{hold_activities, offline, record};
use crate::support::TestApp;

/// Ids of the rows of a table that belong to a point or a station.
async fn ids_of(app: &TestApp, sql: &'static str, owner: &str) -> Vec<String> {
    let owner: Uuid = owner.parse().unwrap();
    let ids: Vec<Uuid> = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(sql).bind(owner).fetch_all(pool).await).unwrap();
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

/// Calls every operation about a thing on each of some ids, and passes when each is answered as an id that does not exist; says how many were compared.
async fn compare(app: &TestApp, token: &str, foreign: &[String]) -> usize {
    let described = described();
    let mut compared = 0;
    for (name, method, path, body, _) in operations() {
        if !described.contains(name) || !path.contains("{id}") || name == "sign_out" {
            continue;
        }
        for id in foreign {
            let unknown = call_on(app, name, method.clone(), path, body.clone(), Some(token), NOWHERE).await;
            let found = call_on(app, name, method.clone(), path, body.clone(), Some(token), id).await;
            let (unknown, found) = (told(unknown.status, &unknown.body), told(found.status, &found.body));
            assert_eq!(found, unknown, "{name} on {id}");
            assert!(matches!(found.0, 400 | 401 | 403 | 404 | 409), "{name} on {id}: {}", found.0);
            compared += 1;
        }
    }
    compared
}

/// The same of operations on a thing inside another, which is the caller's own: `begins` is what their paths begin with, `own` the id of the outer thing.
async fn compare_inside(app: &TestApp, token: &str, begins: &str, own: &str, foreign: &[String]) -> usize {
    let mut compared = 0;
    for (name, method, path, body, _) in operations() {
        if !path.starts_with(begins) || path.matches("{id}").count() != 2 {
            continue;
        }
        let path = path.replacen("{id}", own, 1);
        for id in foreign {
            let unknown = call_on(app, name, method.clone(), &path, body.clone(), Some(token), NOWHERE).await;
            let found = call_on(app, name, method.clone(), &path, body.clone(), Some(token), id).await;
            assert_eq!(told(found.status, &found.body), told(unknown.status, &unknown.body), "{name} on {id}");
            // What is gone stays away: removing it again is no failure.
            assert!(found.status >= 400 || method == Method::DELETE, "{name} on {id}: {}", found.status);
            compared += 1;
        }
    }
    compared
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
    let compared = compare(&app, &us, &foreign).await;
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

/// A point with two stations whose accounts collect for one assignment.
struct Stations {
    app: TestApp,
    draft: String,
    assignment: String,
    /// Staff of the whole point.
    us: String,
    /// The station that looks.
    here: String,
    /// The other one.
    there: String,
    /// Its id.
    other: String,
}

impl Stations {
    async fn start() -> Stations {
        let app = TestApp::start().await;
        let draft = app.open_draft().await;
        let [ours, _] = app.contact_points().await;
        let us = app.point_staff(&ours).await;
        let stations = app.get(&format!("/contact-points/{ours}"), None).await.expect(200)["stations"].clone();
        let [one, other] = [0, 1].map(|n: usize| stations[n]["id"].as_str().unwrap().to_owned());
        let point = ContactPointId(ours.parse().unwrap());
        let token =
            async |station: &str| app.staff_token(Role::PointStaff, None, Some(point), Some(StationId(station.parse().unwrap()))).await;
        let (here, there) = (token(&one).await, token(&other).await);
        let assignment = app.collection_task(&draft, &[&ours]).await.remove(0);
        app.start_collecting(&us, &assignment).await;
        Stations { app, draft, assignment, us, here, there, other }
    }

    fn id(&self) -> AssignmentId {
        AssignmentId(self.assignment.parse().unwrap())
    }

    /// An activity of whoever holds the token; its id.
    async fn hold(&self, token: &str, title: &str) -> String {
        let body =
            json!({"kind": "visit", "title": title, "held_on": "2026-03-01", "place": "东街", "people_present": 3, "people_reached": 9});
        let key = [("Idempotency-Key", "key-of-a-visit")];
        let held = self.app.call(Method::POST, "/own-point/activities", Some(token), &key, Some(body)).await.expect(201);
        held["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_station_learns_nothing_of_another_station() {
    let s = Stations::start().await;
    let app = &s.app;
    let (mine, theirs) = (s.hold(&s.here, "走访东街").await, s.hold(&s.there, "走访西街").await);
    let photo = b"\xFF\xD8\xFF\xE0\0\x10JFIF";
    app.upload(&format!("/own-point/activities/{theirs}/files"), Some(&s.there), "file", "会场.jpg", photo, ("note", "")).await.expect(201);
    record(app, &s.there, &s.assignment, "there-0001", offline(Some("art-4"), "那边的意见", "王某")).await;
    let (here, there) = (app.caller(&s.here).await, app.caller(&s.there).await);
    let file = "条款,修改建议\n第四条,太短了\n".as_bytes().to_vec();
    let uploaded = batches::upload(&app.app.uploads(), &there, s.id(), "表.csv", file.clone()).await.unwrap();
    batches::work(app.app.uploads(), there.clone(), uploaded.batch, uploaded.worker.unwrap()).await;
    // Nobody works at this one: somebody of its station may go on with it.
    let stalled = batches::upload(&app.app.uploads(), &there, s.id(), "停.csv", "条款,修改建议\n第五条,删\n".into()).await.unwrap();
    let own = batches::upload(&app.app.uploads(), &here, s.id(), "我.csv", "条款,修改建议\n第二条,好\n".into()).await.unwrap();
    batches::work(app.app.uploads(), here.clone(), own.batch, own.worker.unwrap()).await;
    app.clock.advance(chrono::Duration::minutes(2));
    app.deliver().await;
    app.index().await;

    let mut foreign = Vec::new();
    for sql in [
        "SELECT id FROM collection_activity WHERE station_id = $1",
        "SELECT b.id FROM upload_batch b JOIN account u ON u.id = b.uploaded_by WHERE u.station_id = $1",
        "SELECT r.id FROM upload_row r JOIN upload_batch b ON b.id = r.batch_id JOIN account u ON u.id = b.uploaded_by WHERE u.station_id = $1",
        "SELECT opinion_id FROM opinion_provenance WHERE station_id = $1",
        "SELECT id FROM account WHERE station_id = $1",
        "SELECT f.id FROM activity_file f JOIN collection_activity a ON a.id = f.activity_id WHERE a.station_id = $1",
    ] {
        foreign.extend(ids_of(app, sql, &s.other).await);
    }
    assert!(foreign.len() >= 8, "{foreign:?}");

    let account = app.get("/account", Some(&s.here)).await.expect(200)["id"].as_str().unwrap().to_owned();
    let before = contents(app, &account).await;
    let compared = compare(app, &s.here, &foreign).await;
    assert!(compared > 500, "{compared}");
    let inside = compare_inside(app, &s.here, "/own-point/assignments/", &s.assignment, &foreign).await
        + compare_inside(app, &s.here, "/own-point/activities/", &mine, &foreign).await;
    assert!(inside >= 5 * foreign.len(), "{inside}");
    let after = contents(app, &account).await;
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");

    // Lists of one's own hold nothing of theirs, on pages neither; staff of the whole point see everything.
    let of_assignment = |what: &str| format!("/own-point/assignments/{}/{what}", s.assignment);
    for path in [of_assignment("uploads"), of_assignment("opinions"), "/own-point/activities".to_owned()] {
        let (seen, all) = (app.get(&path, Some(&s.here)).await.expect(200), app.get(&path, Some(&s.us)).await.expect(200));
        for id in &foreign {
            assert!(!seen.to_string().contains(id.as_str()), "{path} lists {id}");
        }
        assert!(foreign.iter().any(|id| all.to_string().contains(id.as_str())), "{path} of the whole point: {all}");
    }
    let batch = uploaded.batch.to_string();
    let page = format!("/point/tasks/{}/uploads", s.assignment);
    assert!(!app.page(&page, &s.here).await.contains(&batch) && app.page(&page, &s.there).await.contains(&batch));

    // The same file: a sentence, and nothing of who uploaded it, when, or what became of it.
    let again = batches::upload(&app.app.uploads(), &here, s.id(), "表.csv", file.clone()).await.unwrap_err();
    assert_eq!((again.code, again.detail.as_str()), (Code::Conflict, "同样的文件已由本联系点的其他同事上传过，没有重复导入。"));
    let us = app.caller(&s.us).await;
    assert_eq!(batches::upload(&app.app.uploads(), &us, s.id(), "表.csv", file).await.unwrap().batch, uploaded.batch);
    // Nor do opinions of a file come from an activity of another station.
    let held = batches::get_batch(&app.app.db, &here, own.batch).await.unwrap();
    let mut defaults = held.defaults.clone();
    defaults.activity = Some(ActivityId(theirs.parse().unwrap()));
    let refused = batches::set_defaults(&app.app.uploads(), &here, own.batch, held.revision, defaults.clone()).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].field.as_str()), (Code::Invalid, "activity_id"));
    defaults.activity = Some(ActivityId(mine.parse().unwrap()));
    batches::set_defaults(&app.app.uploads(), &here, own.batch, held.revision, defaults).await.unwrap();
    // What is stalled is theirs, or the whole point's, to go on with.
    assert_eq!(batches::resume(&app.app.uploads(), &here, stalled.batch).await.unwrap_err().code, Code::NotFound);
    batches::resume(&app.app.uploads(), &there, stalled.batch).await.unwrap();
    app.clock.advance(chrono::Duration::minutes(2));
    batches::resume(&app.app.uploads(), &us, stalled.batch).await.unwrap();
    s.app.abandon().await;
}

#[tokio::test]
async fn a_station_reads_the_words_and_outcomes_of_its_own_opinions() {
    let s = Stations::start().await;
    let app = &s.app;
    let mut ids = Vec::new();
    for (token, key, words) in [(&s.here, "here-0001", "这边的意见"), (&s.there, "there-0001", "那边的意见")] {
        ids.push(record(app, token, &s.assignment, key, offline(Some("art-4"), words, "王某")).await);
    }
    for (token, own) in [(&s.here, vec!["这边的意见"]), (&s.there, vec!["那边的意见"]), (&s.us, vec!["这边的意见", "那边的意见"])]
    {
        for measure in ["opinions", "texts", "persons"] {
            let rows = app.get(&format!("/statistics/rows?measure={measure}"), Some(token)).await.expect(200);
            let mut words: Vec<&str> = rows["items"].as_array().unwrap().iter().map(|row| row["words"].as_str().unwrap()).collect();
            words.retain(|words| !words.is_empty());
            // Both were said by one person, whose first opinion stands for them.
            let expected: Vec<&str> = own.iter().copied().filter(|words| measure != "persons" || *words == "这边的意见").collect();
            assert_eq!(words, expected, "{measure}: {rows}");
        }
    }
    let (here, there, us) = (app.caller(&s.here).await, app.caller(&s.there).await, app.caller(&s.us).await);
    app.clock.advance(chrono::Duration::days(31));
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    for id in &ids {
        app.put(&format!("/opinions/{id}/disposition"), Some(&handler), json!({"kind": "adopted", "reason": "已研究"})).await.expect(204);
    }
    app.pass_all(&s.draft).await;
    app.post(&format!("/drafts/{}/feedback", s.draft), Some(&reviewer), json!({})).await.expect(200);
    for (caller, own) in [(&here, &ids[..1]), (&there, &ids[1..]), (&us, &ids[..])] {
        let (_, _, counts) = count_outcomes(&app.app.db, caller, s.id()).await.unwrap();
        let expected = i64::try_from(own.len()).unwrap();
        assert_eq!((counts.opinions, counts.answered), (expected, expected));
        let page = list_outcomes(&app.app.db, caller, s.id(), Wanted { limit: 10, ..Wanted::default() }).await.unwrap();
        let seen: Vec<String> = page.items.iter().map(|outcome| outcome.opinion_id.to_string()).collect();
        assert_eq!(seen, own);
    }
    let foreign = Wanted { opinion: Some(OpinionId(ids[1].parse().unwrap())), limit: 10, ..Wanted::default() };
    assert!(list_outcomes(&app.app.db, &here, s.id(), foreign).await.unwrap().items.is_empty(), "a sheet of one opinion neither");
    s.app.abandon().await;
}
