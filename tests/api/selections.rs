//! 遴选: from the public call to the contact point, with what stays internal.

use chrono::Duration;
use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::{Answer, TestApp};

const PDF: &[u8] = b"%PDF-1.7\n";

fn call_body() -> Value {
    json!({"title": "2026年基层立法联系点遴选公告", "notice": "欢迎符合条件的单位申报。", "opens_on": "2026-03-02", "closes_on": "2026-03-31",
        "criteria": [{"name": "群众基础", "maximum": 40}, {"name": "工作条件", "explanation": "场地和人员", "maximum": 60}]})
}

fn key(n: u32) -> String {
    format!("{n:032x}")
}

struct Selection {
    app: TestApp,
    reviewer: String,
    call: String,
}

impl Selection {
    /// A public call that takes applications until 31 March 2026.
    async fn open() -> Selection {
        let app = TestApp::start().await;
        let reviewer = app.token(Role::Reviewer).await;
        let headers = [("Idempotency-Key", "key-of-a-call")];
        let written = app.call(Method::POST, "/selections", Some(&reviewer), &headers, Some(call_body())).await.expect(201);
        let again = app.call(Method::POST, "/selections", Some(&reviewer), &headers, Some(call_body())).await.expect(201);
        assert_eq!(written["id"], again["id"]);
        let call = written["id"].as_str().unwrap().to_owned();
        app.get(&format!("/selections/{call}"), None).await.expect_problem(Code::NotFound);
        app.post(&format!("/selections/{call}/publication"), Some(&reviewer), json!({"revision": 1})).await.expect(200);
        assert_eq!(app.get(&format!("/selections/{call}"), None).await.expect(200)["phase"], "open");
        Selection { app, reviewer, call }
    }

    async fn apply(&self, n: u32, unit: &str) -> Answer {
        self.app.apply_for_selection(&self.call, &key(n), unit, &[("证明.pdf", PDF)]).await
    }

    async fn look_up(&self, code: &Value) -> Value {
        self.app.post("/selection-lookups", None, json!({"code": code})).await.expect(200)
    }

    /// After the last day, with a session that has not run out.
    async fn close(&mut self) {
        self.app.clock.advance(Duration::days(30));
        self.reviewer = self.app.token(Role::Reviewer).await;
        assert_eq!(self.app.get(&format!("/selections/{}", self.call), None).await.expect(200)["phase"], "closed");
    }
}

#[tokio::test]
async fn a_unit_applies_is_scored_selected_and_becomes_a_contact_point() {
    let mut s = Selection::open().await;
    let receipt = s.apply(1, "乙社区").await.expect(201);
    assert_eq!(s.apply(1, "乙社区").await.expect(200), receipt, "the same key gives the same receipt");
    s.apply(1, "丙社区").await.expect_problem(Code::KeyReused);
    // Nobody proves who they are: under one name two may apply, and staff see it until one is taken back.
    let twice = s.apply(2, "乙 社区").await.expect(201);
    let page = format!("/staff/selections/{}", s.call);
    assert_eq!(s.app.page(&page, &s.reviewer).await.matches("同名单位另有申报 1 份").count(), 2);
    s.app.post("/selection-lookups/withdrawal", None, json!({"code": twice["lookup_code"]})).await.expect(200);
    assert_eq!(s.app.page(&page, &s.reviewer).await.matches("同名单位另有申报").count(), 1, "only beside the one that was taken back");
    let second = s.apply(3, "甲社区").await.expect(201);
    let third = s.apply(4, "丁社区").await.expect(201);
    assert_eq!(s.look_up(&receipt["lookup_code"]).await["state"], "submitted");
    for _ in 0..2 {
        let taken = s.app.post("/selection-lookups/withdrawal", None, json!({"code": third["lookup_code"]})).await.expect(200);
        assert_eq!(taken["state"], "withdrawn");
    }
    s.apply(5, "丁社区").await.expect(201);

    let path = format!("/selections/{}/applications", s.call);
    let listed = s.app.get(&format!("{path}?state=submitted"), Some(&s.reviewer)).await.expect(200);
    let ids: Vec<String> = listed["items"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 3);
    let first = &listed["items"][0];
    assert_eq!((first["contact_name"].as_str(), first["documents"][0]["kind"].as_str()), (Some("示例甲"), Some("pdf")));
    let application = format!("/staff/selection-applications/{}", ids[0]);
    assert!(s.app.page(&application, &s.reviewer).await.contains("示例甲"));
    // A county sees who applies, and not whom to call: units of other counties apply too.
    let county = s.app.token(Role::CountyStaff).await;
    let seen = s.app.get(&format!("{path}?state=submitted"), Some(&county)).await.expect(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 3);
    assert!(!seen.to_string().contains("示例甲") && !seen.to_string().contains("0752-1234567"), "{seen}");
    assert_eq!((&seen["items"][0]["contact_name"], &seen["items"][0]["contact_phone"]), (&json!(""), &json!("")));
    let page = s.app.page(&application, &county).await;
    assert!(!page.contains("示例甲") && !page.contains("0752-1234567"), "{page}");
    let sealed: Vec<String> = zhitong::on_db!(&s.app.app.db, pool => sqlx::query_scalar("SELECT contact_name_sealed || contact_phone_sealed FROM selection_application")
        .fetch_all(pool).await)
    .unwrap();
    assert!(sealed.iter().all(|text| text.starts_with("v1.") && !text.contains("0752")), "{sealed:?}");

    let scores = |a: i64, b: i64| json!({"scores": [{"points": a, "remark": "扎实"}, {"points": b}]});
    let sheet = format!("/selection-applications/{}/scores", ids[0]);
    s.app.put(&sheet, Some(&s.reviewer), scores(30, 50)).await.expect_problem(Code::Conflict);
    s.close().await;
    s.apply(6, "己社区").await.expect_problem(Code::Conflict);
    s.app.post("/selection-lookups/withdrawal", None, json!({"code": second["lookup_code"]})).await.expect_problem(Code::Conflict);
    s.app.put(&sheet, Some(&s.reviewer), scores(41, 50)).await.expect_invalid("scores");
    s.app.put(&sheet, Some(&s.reviewer), json!({"scores": [{"points": 1}]})).await.expect_invalid("scores");
    s.app.put(&sheet, Some(&s.reviewer), scores(20, 50)).await.expect(200);
    s.app.put(&sheet, Some(&s.reviewer), scores(30, 50)).await.expect(200);
    let handler = s.app.token(Role::Handler).await;
    let scored = s.app.put(&sheet, Some(&handler), scores(10, 20)).await.expect(200);
    let totals: Vec<i64> = scored["sheets"].as_array().unwrap().iter().map(|sheet| sheet["total"].as_i64().unwrap()).collect();
    assert_eq!(totals.iter().sum::<i64>(), 110, "each member of staff has one sheet, the newest: {totals:?}");

    let outcome = format!("/selections/{}/outcome", s.call);
    let one = json!({"revision": 2, "outcomes": [{"application_id": ids[0], "is_selected": true}]});
    s.app.post(&outcome, Some(&handler), one.clone()).await.expect_problem(Code::Forbidden);
    s.app.post(&outcome, Some(&s.reviewer), one).await.expect_invalid("outcomes");
    // The page that says so keeps what was chosen and written.
    let page = format!("/staff/selections/{}", s.call);
    let form = s.app.page(&page, &s.reviewer).await;
    let csrf = form.rsplit_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let sent = format!("csrf={csrf}&revision=2&outcome-{0}=selected&reason-{0}=zhashi&notice=ok", ids[0]);
    let refused = s.app.raw_form(&format!("{page}/outcome"), &format!("zhitong_session={}", s.reviewer), sent).await;
    assert_eq!(refused.status().as_u16(), 400);
    let html = String::from_utf8(refused.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains(&format!("name=\"outcome-{}\" value=\"selected\" checked", ids[0])), "{html}");
    assert_eq!((html.matches(" checked").count(), html.contains("value=\"zhashi\"")), (1, true), "{html}");
    assert_eq!(s.app.get(&outcome, None).await.expect(200)["items"], json!([]), "nothing is public before it is published");
    let all: Vec<Value> =
        ids.iter().enumerate().map(|(i, id)| json!({"application_id": id, "is_selected": i < 2, "reason": "综合评议"})).collect();
    let body = json!({"revision": 2, "outcomes": all, "notice": "经评议，现予公布。"});
    s.app.post(&outcome, Some(&s.reviewer), body.clone()).await.expect(200);
    s.app.post(&outcome, Some(&s.reviewer), body).await.expect_problem(Code::Conflict);

    let public = s.app.get(&outcome, None).await.expect(200);
    let names: Vec<&str> = public["items"].as_array().unwrap().iter().map(|u| u["unit_name"].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!((names.len(), &names), (2, &sorted), "by name, not by points");
    assert!(!public.to_string().contains("points") && !public.to_string().contains("综合评议"), "{public}");
    assert_eq!(s.app.get(&format!("{outcome}?outcome=not_selected"), None).await.expect(200)["items"].as_array().unwrap().len(), 1);
    let told = s.look_up(&receipt["lookup_code"]).await;
    assert_eq!(told["result_reason"], "综合评议");

    let become_point = format!("/selection-applications/{}/contact-point", ids[0]);
    let term = json!({"begins_on": "2026-04-01", "ends_on": "2031-03-31"});
    let made = s.app.post(&become_point, Some(&s.reviewer), json!({"established_by": "清河市司法局", "term": term})).await.expect(200);
    let again = s.app.post(&become_point, Some(&s.reviewer), json!({"established_by": "清河市司法局", "term": term})).await.expect(200);
    assert_eq!(made, again);
    let point = s.app.get(&format!("/contact-points/{}", made["contact_point_id"].as_str().unwrap()), None).await.expect(200);
    assert_eq!((point["host_unit"].as_str(), point["established_on"].as_str()), (Some(names[0]), Some("2026-04-01")));
    assert_eq!(point["name"], format!("{}立法基层联系点", names[0]));
    let refused = format!("/selection-applications/{}/contact-point", ids[2]);
    s.app.post(&refused, Some(&s.reviewer), json!({"established_by": "局"})).await.expect_problem(Code::Conflict);
    assert_eq!(s.app.get(&outcome, None).await.expect(200)["items"][0]["contact_point_id"], made["contact_point_id"]);
    s.app.finish().await;
}

#[tokio::test]
async fn a_call_is_changed_before_it_is_public_and_given_up_with_a_reason() {
    let s = Selection::open().await;
    let path = format!("/selections/{}", s.call);
    s.app.put(&path, Some(&s.reviewer), json!({"revision": 2, "call": call_body()})).await.expect_problem(Code::Conflict);
    let headers = [("Idempotency-Key", "key-of-another-call")];
    let mut other = call_body();
    other["closes_on"] = json!("2026-03-01");
    s.app.call(Method::POST, "/selections", Some(&s.reviewer), &headers, Some(other.clone())).await.expect_invalid("closes_on");
    other["opens_on"] = json!("2026-02-01");
    let written = s.app.call(Method::POST, "/selections", Some(&s.reviewer), &headers, Some(other)).await.expect(201);
    let draft = format!("/selections/{}", written["id"].as_str().unwrap());
    s.app.post(&format!("{draft}/publication"), Some(&s.reviewer), json!({"revision": 1})).await.expect_invalid("closes_on");
    s.app.put(&draft, Some(&s.reviewer), json!({"revision": 1, "call": call_body()})).await.expect(200);
    s.app.put(&draft, Some(&s.reviewer), json!({"revision": 1, "call": call_body()})).await.expect_problem(Code::Conflict);
    assert_eq!(
        s.app.get("/selections", None).await.expect(200)["items"].as_array().unwrap().len(),
        1,
        "what is being written is not listed"
    );
    assert_eq!(s.app.get("/selection-files", Some(&s.reviewer)).await.expect(200)["items"].as_array().unwrap().len(), 2);
    let body = json!({"revision": 2, "reason": "条件有变"});
    s.app.post(&format!("{path}/withdrawal"), Some(&s.reviewer), body).await.expect(200);
    let public = s.app.get(&path, None).await.expect(200);
    assert_eq!((public["phase"].as_str(), public["result_notice"].as_str()), (Some("withdrawn"), Some("条件有变")));
    s.apply(1, "甲社区").await.expect_problem(Code::Conflict);
    s.app.finish().await;
}

#[tokio::test]
async fn documents_are_known_by_their_content_and_kept_within_limits() {
    let s = Selection::open().await;
    let send =
        async |n: u32, documents: &[(&str, &[u8])]| s.app.apply_for_selection(&s.call, &key(n), &format!("第{n}社区"), documents).await;
    let refused = send(1, &[("证明.pdf", b"MZ\x90\0")]).await.expect_problem(Code::UnsupportedMedia);
    assert!(refused["detail"].as_str().unwrap().contains("证明.pdf"), "{refused}");
    send(2, &[("空.pdf", b"")]).await.expect_problem(Code::UnreadableFile);
    let many: Vec<(&str, &[u8])> = (0..6).map(|_| ("证明.pdf", PDF)).collect();
    send(3, &many).await.expect_invalid("documents");
    let big = vec![b'x'; (10 << 20) + 1];
    send(4, &[("大.pdf", &big)]).await.expect_problem(Code::TooLarge);
    s.app.apply_for_selection(&s.call, "short", "甲社区", &[]).await.expect_invalid("Idempotency-Key");
    send(5, &[]).await.expect(201);
    let listed = s.app.get(&format!("/selections/{}/applications", s.call), Some(&s.reviewer)).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "what was refused left nothing behind");
    s.app.finish().await;
}
