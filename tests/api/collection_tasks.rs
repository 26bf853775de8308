//! Collection tasks: from the bureau to the contact points, and back.

use chrono::{DateTime, Utc};
use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::config::Rules;
use zhitong::contact_points::assignments::due::{Done, run_due};
use zhitong::contact_points::assignments::moving::{NewStep, list_entries, take_own_step, take_step};
use zhitong::contact_points::assignments::{AssignmentState, Step, get_own, require_collecting};
use zhitong::error::Code;
use zhitong::ids::AssignmentId;

use crate::statistics::{offline, record};
use crate::support::{Answer, TestApp, beginning};

fn step(step: Step, reason: &str) -> NewStep<'_> {
    NewStep { step, reason, revision: None }
}

#[tokio::test]
async fn an_assignment_belongs_to_its_point_and_moves_by_the_table() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let other = app.point_staff(&theirs).await;
    let (us, them) = (app.caller(&app.point_staff(&ours).await).await, app.caller(&other).await);
    let bureau = app.caller(&app.token(Role::Handler).await).await;
    let assignments = app.collection_task(&draft, &[&ours, &theirs]).await;
    let (db, clock, ids) = (&app.app.db, &app.clock, &app.app.ids);
    let [own, foreign] = [&assignments[0], &assignments[1]].map(|id| AssignmentId(id.parse().unwrap()));

    assert_eq!(get_own(db, &us, own).await.unwrap().state, AssignmentState::Sent);
    assert_eq!(get_own(db, &us, foreign).await.unwrap_err().code, Code::NotFound);
    assert_eq!(take_own_step(db, clock, ids, &us, foreign, step(Step::Acknowledge, "")).await.unwrap_err().code, Code::NotFound);
    assert_eq!(get_own(db, &them, foreign).await.unwrap().state, AssignmentState::Sent);
    assert_eq!(get_own(db, &bureau, own).await.unwrap_err().code, Code::Forbidden);

    let mut tx = db.begin().await.unwrap();
    assert_eq!(require_collecting(&mut tx, &us, own).await.unwrap_err().code, Code::Conflict);
    assert_eq!(require_collecting(&mut tx, &us, foreign).await.unwrap_err().code, Code::NotFound);
    drop(tx);
    assert_eq!(take_own_step(db, clock, ids, &us, own, step(Step::Start, "")).await.unwrap_err().code, Code::Conflict);
    app.start_collecting(&other, &assignments[1]).await;
    for (next, state) in [(Step::Acknowledge, AssignmentState::Acknowledged), (Step::Start, AssignmentState::Collecting)] {
        assert_eq!(take_own_step(db, clock, ids, &us, own, step(next, "")).await.unwrap().state, state);
        // Once more changes nothing.
        let again = take_own_step(db, clock, ids, &us, own, step(next, "")).await.unwrap();
        assert_eq!(again.state, state);
    }
    let mut tx = db.begin().await.unwrap();
    require_collecting(&mut tx, &us, own).await.unwrap();
    tx.commit().await.unwrap();

    let empty = take_own_step(db, clock, ids, &us, own, step(Step::Submit, " ")).await.unwrap_err();
    assert_eq!((empty.code, empty.fields[0].field.as_str()), (Code::Invalid, "reason"));
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Accept, "")).await.unwrap_err().code, Code::Conflict);
    take_own_step(db, clock, ids, &us, own, step(Step::Submit, "走访两日，没有收到意见。")).await.unwrap();
    assert_eq!(take_own_step(db, clock, ids, &us, own, step(Step::Accept, "")).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Return, "")).await.unwrap_err().code, Code::Invalid);
    let returned = take_step(db, clock, ids, &bureau, own, step(Step::Return, "请再走访学校。")).await.unwrap();
    assert!(returned.state.takes_opinions());
    take_own_step(db, clock, ids, &us, own, step(Step::Submit, "又走访一所学校，没有意见。")).await.unwrap();
    let seen = NewStep { revision: Some(returned.revision), ..step(Step::Accept, "") };
    assert_eq!(take_step(db, clock, ids, &bureau, own, seen).await.unwrap_err().code, Code::Conflict, "it was submitted since");
    let accepted = take_step(db, clock, ids, &bureau, own, step(Step::Accept, "")).await.unwrap();
    assert_eq!(accepted.state, AssignmentState::Accepted);
    assert_eq!(take_step(db, clock, ids, &bureau, own, step(Step::Cancel, "不再需要")).await.unwrap_err().code, Code::Conflict);
    let entries = list_entries(db, &accepted).await.unwrap();
    let steps: Vec<&str> = entries.iter().map(|entry| entry.step.as_str()).collect();
    assert_eq!(steps, ["send", "acknowledge", "start", "submit", "return", "submit", "accept"]);
    assert_eq!(entries[4].reason, "请再走访学校。");
    // One row for each event and person: sent to both points, submitted twice to the two of the bureau who could have sent it, returned and accepted.
    app.deliver().await;
    app.finish().await;
}

/// Rules under which nobody has to sign in again when the clock is moved.
fn long_sessions() -> Rules {
    Rules { staff_session_hours: 24 * 100, ..Rules::default() }
}

/// A task as the API takes it.
fn task(draft: &str, points: &[&str]) -> Value {
    json!({"draft_id": draft, "title": "雨伞办法意见征集", "instructions": "请走访沿街商户和居民。", "questions": ["归还时限是否合适？", " "],
        "addresses": ["art-4", "art-3/para-1/item-2"], "contact_point_ids": points})
}

async fn send(app: &TestApp, token: &str, key: &str, body: Value) -> Answer {
    app.call(Method::POST, "/collection-tasks", Some(token), &[("Idempotency-Key", key)], Some(body)).await
}

#[tokio::test]
async fn a_task_goes_down_once_and_its_counts_come_up() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let them = app.point_staff(&theirs).await;
    let bureau = app.token(Role::Handler).await;
    let sent = send(&app, &bureau, "task-key-1", task(&draft, &[&ours, &theirs, &ours])).await.expect(201);
    let id = sent["task"]["id"].as_str().unwrap().to_owned();
    // Without a due date the usual one: the last working day that leaves the bureau two before the end of the round.
    assert_eq!(sent["task"]["due_on"], "2026-03-30");
    assert_eq!(sent["task"]["questions"], json!(["归还时限是否合适？"]));
    assert_eq!(sent["states"], json!([{"state": "sent", "count": 2}]));
    assert_eq!(send(&app, &bureau, "task-key-1", task(&draft, &[&ours, &theirs, &ours])).await.expect(201)["task"]["id"], id.as_str());
    send(&app, &bureau, "task-key-1", task(&draft, &[&ours])).await.expect_problem(Code::KeyReused);
    let with = |name: &str, value: Value| {
        let mut body = task(&draft, &[&ours]);
        body[name] = value;
        body
    };
    for (name, value, field) in [
        ("title", json!(" "), "title"),
        ("instructions", json!(""), "instructions"),
        ("addresses", json!(["art-99"]), "addresses"),
        ("addresses", json!(["art-4%"]), "addresses"),
        ("due_on", json!("2026-03-01"), "due_on"),
        ("due_on", json!("2062-03-01"), "due_on"),
        ("contact_point_ids", json!([]), "points"),
        ("contact_point_ids", json!([draft]), "points"),
        ("organ_ids", json!([draft]), "organs"),
    ] {
        send(&app, &bureau, "task-key-2", with(name, value)).await.expect_invalid(field);
    }
    let late = send(&app, &bureau, "task-key-3", with("due_on", json!("2026-04-04"))).await.expect(201);
    let notices: Vec<&str> = late["notices"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(notices.len() == 2 && notices[0].contains("不是工作日") && notices[1].contains("2026年4月1日"), "{notices:?}");

    // The point sees its own, and nothing of the other's.
    let list = app.get("/own-point/assignments", Some(&us)).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let own = list["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(list["items"].as_array().unwrap().iter().all(|item| item["contact_point_id"] == ours.as_str()));
    let foreign = app.get("/own-point/assignments?shelf=new", Some(&them)).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let nowhere = "01980000-0000-7000-8000-00000000ffff";
    let body = json!({"reason": "x"});
    for step in ["acknowledgement", "start", "submission"] {
        let other =
            app.post(&format!("/own-point/assignments/{foreign}/{step}"), Some(&us), body.clone()).await.expect_problem(Code::NotFound);
        let none =
            app.post(&format!("/own-point/assignments/{nowhere}/{step}"), Some(&us), body.clone()).await.expect_problem(Code::NotFound);
        assert_eq!(other["detail"], none["detail"]);
    }
    let base = format!("/own-point/assignments/{own}");
    app.post(&format!("{base}/acknowledgement"), Some(&us), json!({})).await.expect(200);
    app.post(&format!("{base}/start"), Some(&us), json!({})).await.expect(200);
    app.post(&format!("{base}/submission"), Some(&us), json!({})).await.expect_invalid("reason");
    let submitted = app.post(&format!("{base}/submission"), Some(&us), json!({"reason": "走访两日，没有意见。"})).await.expect(200);
    assert_eq!((submitted["state"].as_str(), submitted["was_late"].as_bool()), (Some("submitted"), Some(false)));
    app.post(&format!("/assignments/{own}/return"), Some(&bureau), json!({"reason": ""})).await.expect_invalid("reason");
    app.post(&format!("/assignments/{own}/return"), Some(&bureau), json!({"reason": "请补充学校的意见。"})).await.expect(200);
    assert_eq!(app.get("/own-point/assignments?shelf=returned", Some(&us)).await.expect(200)["items"][0]["id"], own.as_str());
    app.post(&format!("{base}/submission"), Some(&us), json!({"reason": "已补充走访。"})).await.expect(200);
    app.post(&format!("/assignments/{own}/acceptance"), Some(&bureau), json!({})).await.expect(200);
    let detail = app.get(&base, Some(&us)).await.expect(200);
    assert_eq!(detail["assignment"]["state"], "accepted");
    assert_eq!(detail["entries"].as_array().unwrap().len(), 7);
    assert_eq!(detail["task"]["instructions"], "请走访沿街商户和居民。");

    let listed = app.get("/collection-tasks", Some(&bureau)).await.expect(200);
    assert_eq!(listed["items"][1]["states"], json!([{"state": "sent", "count": 1}, {"state": "accepted", "count": 1}]));
    let paged = app.get("/collection-tasks?limit=1", Some(&bureau)).await.expect(200);
    let next = format!("/collection-tasks?limit=1&cursor={}", paged["next_cursor"].as_str().unwrap());
    assert_eq!(app.get(&next, Some(&bureau)).await.expect(200)["items"][0], listed["items"][1]);
    let assignments = app.get(&format!("/collection-tasks/{id}/assignments?limit=1"), Some(&bureau)).await.expect(200);
    assert_eq!(assignments["items"][0]["contact_point_name"], "东湖社区联系点");
    let next = format!("/collection-tasks/{id}/assignments?limit=1&cursor={}", assignments["next_cursor"].as_str().unwrap());
    assert_eq!(app.get(&next, Some(&bureau)).await.expect(200)["items"][0]["id"], foreign.as_str());

    app.post(&format!("/collection-tasks/{id}/cancellation"), Some(&bureau), json!({"reason": "草案调整"})).await.expect(200);
    let counted = app.post(&format!("/collection-tasks/{id}/cancellation"), Some(&bureau), json!({"reason": "草案调整"})).await.expect(200);
    assert_eq!(counted["states"], json!([{"state": "accepted", "count": 1}, {"state": "cancelled", "count": 1}]));
    app.post(&format!("/collection-tasks/{id}/assignments"), Some(&bureau), json!({"contact_point_ids": [ours]}))
        .await
        .expect_problem(Code::Conflict);
    app.deliver().await;
    let events = |list: Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|message| message["event"].as_str().unwrap().to_owned()).rev().collect()
    };
    assert_eq!(
        events(app.get("/account/messages", Some(&us)).await.expect(200)),
        ["assignment_sent", "assignment_sent", "assignment_returned", "assignment_accepted"]
    );
    assert_eq!(events(app.get("/account/messages", Some(&them)).await.expect(200)), ["assignment_sent", "assignment_cancelled"]);
    assert_eq!(events(app.get("/account/messages", Some(&bureau)).await.expect(200)), ["assignment_submitted", "assignment_submitted"]);
    app.finish().await;
}

#[tokio::test]
async fn a_task_needs_a_round_that_collects() {
    let app = TestApp::start_with(long_sessions()).await;
    let [ours, _] = app.contact_points().await;
    let bureau = app.token(Role::Handler).await;
    let unasked = app.draft().await;
    let body = json!({"due_on": "2026-03-30"});
    let mut unasked = task(&unasked, &[&ours]);
    unasked["due_on"] = body["due_on"].clone();
    send(&app, &bureau, "task-key-1", unasked).await.expect_problem(Code::Conflict);
    let draft = app.open_draft().await;
    app.clock.advance(chrono::Duration::days(31));
    let mut over = task(&draft, &[&ours]);
    over["due_on"] = json!("2026-04-20");
    send(&app, &bureau, "task-key-2", over).await.expect_problem(Code::Conflict);
    app.finish().await;
}

#[tokio::test]
async fn further_points_need_a_round_that_collects() {
    let app = TestApp::start_with(long_sessions()).await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let organs = app.county_organs(&[&ours, &theirs]).await;
    let (bureau, county) = (app.token(Role::Handler).await, app.county_staff(&organs[0]).await);
    let mut body = task(&draft, &[&theirs]);
    // Later than the round ends: the due date does not keep further points off.
    (body["organ_ids"], body["due_on"]) = (json!([organs[0]]), json!("2026-04-20"));
    let id = send(&app, &bureau, "task-key-1", body).await.expect(201)["task"]["id"].as_str().unwrap().to_owned();
    let relay = app.get("/own-organ/relays", Some(&county)).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    app.clock.advance(chrono::Duration::days(31));
    let points = json!({"contact_point_ids": [ours]});
    for (path, token) in
        [(format!("/collection-tasks/{id}/assignments"), &bureau), (format!("/own-organ/relays/{relay}/assignments"), &county)]
    {
        let refused = app.post(&path, Some(token), points.clone()).await.expect_problem(Code::Conflict);
        assert!(refused["detail"].as_str().unwrap().contains("征求意见"), "{refused}");
    }
    let assignments = app.get(&format!("/collection-tasks/{id}/assignments"), Some(&bureau)).await.expect(200);
    assert_eq!(assignments["items"].as_array().unwrap().len(), 1, "{assignments}");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn what_was_given_back_has_a_clock_again() {
    let app = TestApp::start_with(long_sessions()).await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let bureau = app.token(Role::Handler).await;
    let own = app.collection_task(&draft, &[&ours]).await.remove(0);
    app.start_collecting(&us, &own).await;
    let submit = async |reason: &str| {
        let path = format!("/own-point/assignments/{own}/submission");
        app.post(&path, Some(&us), json!({"reason": reason})).await.expect(200)
    };
    assert_eq!(submit("没有意见。").await["was_late"], false);
    app.post(&format!("/assignments/{own}/return"), Some(&bureau), json!({"reason": "请补充。"})).await.expect(200);
    let run = async || run_due(&app.app.db, &app.clock, &app.app.ids, &app.app.config.rules).await.unwrap();
    let overdue = async || app.get("/assignments/overdue", Some(&bureau)).await.expect(200)["items"].as_array().unwrap().len();
    // Due at 24:00 of 30 March: three days before it the point is reminded, after it the assignment is overdue.
    app.clock.advance("2026-03-27T16:00:00Z".parse::<DateTime<Utc>>().unwrap() - beginning());
    assert_eq!((run().await.reminded, overdue().await), (1, 0));
    app.clock.advance(chrono::Duration::days(3));
    assert_eq!((run().await.overdue, run().await.overdue, overdue().await), (1, 0, 1));
    let shelf = app.get("/own-point/assignments?shelf=overdue", Some(&us)).await.expect(200);
    assert_eq!((shelf["items"][0]["is_overdue"].as_bool(), shelf["items"][0]["state"].as_str()), (Some(true), Some("returned")), "{shelf}");
    let counts = app.get("/own-point/assignment-counts", Some(&us)).await.expect(200);
    let counted = counts.as_array().unwrap().iter().find(|count| count["shelf"] == "overdue").unwrap();
    assert_eq!(counted["count"], 1);
    assert!(app.page("/staff/tasks", &bureau).await.contains("已逾期 1"));
    // Whether it was in time is what the first submission says.
    let again = submit("已补充走访。").await;
    assert_eq!((again["was_late"].as_bool(), again["is_overdue"].as_bool(), overdue().await), (Some(false), Some(false), 0));
    let numbers = app.get("/statistics?by=point", Some(&bureau)).await.expect(200)["total"]["numbers"].clone();
    let number = |measure: &str| numbers.as_array().unwrap().iter().find(|n| n["measure"] == measure).unwrap()["count"].as_i64();
    assert_eq!((number("on_time"), number("overdue")), (Some(1), Some(0)));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn the_bureau_reads_the_opinions_before_it_accepts_them() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let bureau = app.token(Role::Handler).await;
    let own = app.collection_task(&draft, &[&ours]).await.remove(0);
    app.start_collecting(&us, &own).await;
    let page = format!("/staff/assignments/{own}");
    assert!(!app.page(&page, &bureau).await.contains("条意见</a>"), "nothing to read");
    record(&app, &us, &own, "ours-0001", offline(Some("art-4"), "改为四十八小时", "甲")).await;
    record(&app, &us, &own, "ours-0002", offline(Some("art-2"), "增加一处", "乙")).await;
    let shown = app.page(&page, &bureau).await;
    let (before, _) = shown.split_once("\">查看这 2 条意见</a>").unwrap_or_else(|| panic!("{shown}"));
    let url = before.rsplit_once("href=\"").unwrap().1.replace("&amp;", "&").replace("&#38;", "&");
    let rows = app.page(&url, &bureau).await;
    assert!(rows.contains("改为四十八小时") && rows.contains("增加一处"), "{url}: {rows}");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn more_time_is_asked_for_with_a_reason_and_decided_once() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let bureau = app.token(Role::Handler).await;
    send(&app, &bureau, "task-key-1", task(&draft, &[&ours])).await.expect(201);
    let own = app.get("/own-point/assignments", Some(&us)).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/own-point/assignments/{own}/extensions");
    let ask = |until: &str, reason: &str| json!({"until": until, "reason": reason});
    app.post(&path, Some(&them), ask("2026-04-10", "雨季")).await.expect_problem(Code::NotFound);
    app.post(&path, Some(&us), ask("2026-04-10", " ")).await.expect_invalid("reason");
    app.post(&path, Some(&us), ask("2026-03-30", "雨季")).await.expect_invalid("until");
    let asked = app.post(&path, Some(&us), ask("2026-04-10", "雨季")).await.expect(201);
    assert_eq!(app.post(&path, Some(&us), ask("2026-04-10", "雨季")).await.expect(201), asked, "once more is the same request");
    app.post(&path, Some(&us), ask("2026-04-11", "雨季")).await.expect_problem(Code::Conflict);
    let request = asked[0]["id"].as_str().unwrap();
    let decision = format!("/assignments/{own}/extensions/{request}/decision");
    app.post(&decision, Some(&us), json!({"remark": "好"})).await.expect_problem(Code::Forbidden);
    app.post(&decision, Some(&bureau), json!({})).await.expect_invalid("remark");
    let granted = app.post(&decision, Some(&bureau), json!({"until": "2026-04-08"})).await.expect(200);
    assert_eq!(granted["due_on"], "2026-04-08");
    app.post(&decision, Some(&bureau), json!({"until": "2026-04-08"})).await.expect(200);
    app.post(&decision, Some(&bureau), json!({"remark": "不行"})).await.expect_problem(Code::Conflict);
    let again = app.post(&path, Some(&us), ask("2026-04-20", "仍需走访")).await.expect(201);
    let decision = format!("/assignments/{own}/extensions/{}/decision", again[1]["id"].as_str().unwrap());
    app.post(&decision, Some(&bureau), json!({"remark": "时间已足够"})).await.expect(200);
    let detail = app.get(&format!("/assignments/{own}"), Some(&bureau)).await.expect(200);
    let states: Vec<&str> = detail["extensions"].as_array().unwrap().iter().map(|x| x["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["granted", "refused"]);
    let steps: Vec<&str> = detail["entries"].as_array().unwrap().iter().map(|x| x["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["send", "ask_extension", "grant_extension", "ask_extension", "refuse_extension"]);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn points_are_reminded_once_for_each_due_date() {
    let app = TestApp::start_with(long_sessions()).await;
    let draft = app.open_draft().await;
    let [ours, _] = app.contact_points().await;
    let us = app.point_staff(&ours).await;
    let bureau = app.token(Role::Handler).await;
    send(&app, &bureau, "task-key-1", task(&draft, &[&ours])).await.expect(201);
    let own = app.get("/own-point/assignments", Some(&us)).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let run = async || run_due(&app.app.db, &app.clock, &app.app.ids, &app.app.config.rules).await.unwrap();
    assert_eq!(run().await, Done::default());
    // The first instant of the last three days: due at 24:00 of 30 March.
    app.clock.advance("2026-03-27T16:00:00Z".parse::<DateTime<Utc>>().unwrap() - beginning());
    let (one, other) = tokio::join!(run(), run());
    assert_eq!(one.reminded + other.reminded, 1, "several instances tell it once");
    assert_eq!(run().await.reminded, 0);
    app.clock.advance(chrono::Duration::days(3));
    assert_eq!(app.get("/assignments/overdue", Some(&bureau)).await.expect(200)["items"][0]["id"], own.as_str());
    assert_eq!(app.get("/own-point/assignments?shelf=overdue", Some(&us)).await.expect(200)["items"][0]["is_overdue"], true);
    let (one, other) = tokio::join!(run(), run());
    assert_eq!((one.overdue + other.overdue, one.reminded + other.reminded), (1, 0));
    // More time: the new date is due anew.
    let asked =
        app.post(&format!("/own-point/assignments/{own}/extensions"), Some(&us), json!({"until": "2026-04-10", "reason": "雨季"})).await;
    let request = asked.expect(201)[0]["id"].as_str().unwrap().to_owned();
    app.post(&format!("/assignments/{own}/extensions/{request}/decision"), Some(&bureau), json!({"until": "2026-04-10"})).await.expect(200);
    assert!(app.get("/assignments/overdue", Some(&bureau)).await.expect(200)["items"].as_array().unwrap().is_empty());
    assert_eq!(run().await, Done::default());
    app.clock.advance(chrono::Duration::days(8));
    assert_eq!(run().await.reminded, 1);
    app.deliver().await;
    let told: Vec<String> = app.get("/account/messages", Some(&us)).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|message| message["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["assignment_sent", "assignment_due_soon", "assignment_overdue", "extension_granted", "assignment_due_soon"]);
    app.finish().await;
}

#[tokio::test]
async fn a_county_passes_tasks_on_to_its_own_points_only() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let organs = app.county_organs(&[&ours, &theirs]).await;
    let (county, other) = (app.county_staff(&organs[0]).await, app.county_staff(&organs[1]).await);
    let us = app.point_staff(&ours).await;
    let bureau = app.token(Role::Handler).await;
    let mut body = task(&draft, &[]);
    body["organ_ids"] = json!([organs[0]]);
    let id = send(&app, &bureau, "task-key-1", body).await.expect(201)["task"]["id"].as_str().unwrap().to_owned();
    assert!(app.get("/own-organ/relays", Some(&other)).await.expect(200)["items"].as_array().unwrap().is_empty());
    let relay = app.get("/own-organ/relays", Some(&county)).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/own-organ/relays/{relay}/assignments");
    let to = |point: &str, due: &str| json!({"contact_point_ids": [point], "due_on": due, "note": "请重点走访学校。"});
    app.post(&path, Some(&other), to(&theirs, "2026-03-25")).await.expect_problem(Code::NotFound);
    app.post(&path, Some(&county), to(&theirs, "2026-03-25")).await.expect_invalid("points");
    app.post(&path, Some(&county), to(&ours, "2026-03-31")).await.expect_invalid("due_on");
    let passed = app.post(&path, Some(&county), to(&ours, "2026-03-25")).await.expect(200);
    assert_eq!(passed["contact_points"], 1);
    app.post(&path, Some(&county), to(&ours, "2026-03-25")).await.expect(200);
    assert_eq!(app.get(&path, Some(&county)).await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&format!("/collection-tasks/{id}/relays"), Some(&bureau)).await.expect(200)[0]["contact_points"], 1);
    let own = app.get("/own-point/assignments", Some(&us)).await.expect(200)["items"][0].clone();
    assert_eq!(own["due_on"], "2026-03-25");
    let page = app.page(&format!("/point/tasks/{}", own["id"].as_str().unwrap()), &us).await;
    assert!(page.contains("请重点走访学校。"), "{page}");
    app.deliver().await;
    assert_eq!(app.get("/account/messages", Some(&county)).await.expect(200)["items"][0]["event"], "task_to_pass_on");
    app.finish().await;
}
