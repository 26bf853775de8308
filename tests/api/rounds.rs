//! Rounds after they were published: scheduled, extended, withdrawn, late opinions, questions, and an answer that nothing slips past.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use zhitong::accounts::{Actor, Role};
use zhitong::drafts::{self, DraftState};
use zhitong::error::Code;
use zhitong::ids::DraftId;
use zhitong::opinions::feedback;

use crate::support::{COPY_OPINION, TestApp, beginning};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Moves the clock of a test to an instant.
fn go_to(app: &TestApp, at: &str) {
    app.clock.advance(instant(at) - app.clock.now());
}

fn opinion(body: &str) -> Value {
    json!({"address": "art-4", "stance": "amend", "body": body, "reason": "理由", "is_public": true})
}

/// A draft with a round; its id. `round` adds to what the round says.
async fn draft_with(app: &TestApp, round: Value) -> String {
    let id = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let mut body = json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01"});
    body.as_object_mut().unwrap().extend(round.as_object().unwrap().clone());
    app.post(&format!("/drafts/{id}/consultations"), Some(&handler), body).await.expect(201);
    id
}

async fn newest(app: &TestApp, draft: &str) -> Value {
    let seen = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    seen["consultations"].as_array().unwrap().last().unwrap().clone()
}

async fn state(app: &TestApp, draft: &str) -> String {
    app.get(&format!("/drafts/{draft}"), None).await.expect(200)["draft"]["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_plan_counts_the_days_and_writes_the_notice() {
    let app = TestApp::start().await;
    let id = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{id}/consultation-plan");
    let plan = app.get(&path, Some(&handler)).await.expect(200);
    assert_eq!((&plan["closes_on"], &plan["days"], &plan["is_short"]), (&json!("2026-04-01"), &json!(30), &json!(false)));
    assert_eq!(plan["period"], "自2026年3月2日（星期一）起，截止日为2026年4月1日（星期三）24时，共30日");
    assert!(plan["notice"].as_str().unwrap().contains("《清河市共享雨伞管理办法（征求意见稿）》及其说明"));
    let short = app.get(&format!("{path}?closes_on=2026-03-10&late_through=2026-03-12"), Some(&handler)).await.expect(200);
    assert_eq!((&short["days"], &short["is_short"], &short["late_until"]), (&json!(8), &json!(true), &json!("2026-03-12T16:00:00+00:00")));
    app.get(&format!("{path}?closes_on=2026-03-01"), Some(&handler)).await.expect_invalid("closes_on");
    app.get(&format!("{path}?late_through=2026-03-30"), Some(&handler)).await.expect_invalid("late_through");
    // What the template leaves open is not published by oversight.
    let round = json!({"notice": plan["notice"]});
    app.post(&format!("/drafts/{id}/consultations"), Some(&handler), round).await.expect_invalid("notice");
    app.finish().await;
}

#[tokio::test]
async fn an_extension_moves_the_end_later_and_stays_readable() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({"late_through": "2026-04-03"})).await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{draft}/extension");
    let extend = |closes_on: &str, notice: &str| app.post(&path, Some(&handler), json!({"closes_on": closes_on, "notice": notice}));
    extend("2026-04-01", "顺延").await.expect_invalid("closes_on");
    extend("2026-03-31", "提前").await.expect_invalid("closes_on");
    extend("2027-04-30", "太久").await.expect_invalid("closes_on");
    extend("2026-04-10", " ").await.expect_invalid("notice");
    let extended = extend("2026-04-10", "来信较多，延长期限。").await.expect(200);
    assert_eq!((&extended["closes_on"], &extended["closes_at"]), (&json!("2026-04-10"), &json!("2026-04-10T16:00:00+00:00")));
    assert_eq!(extended["late_until"], "2026-04-12T16:00:00+00:00", "the time for late opinions moves along");
    assert_eq!(extend("2026-04-10", "来信较多，延长期限。").await.expect(200), extended, "the same words again change nothing");
    extend("2026-04-20", "再延长。").await.expect(200);
    let seen = newest(&app, &draft).await;
    let history: Vec<(&str, &str)> = seen["extensions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["closed_on_before"].as_str().unwrap(), e["closes_on"].as_str().unwrap()))
        .collect();
    assert_eq!(history, [("2026-04-01", "2026-04-10"), ("2026-04-10", "2026-04-20")]);
    for statement in [
        "UPDATE consultation_extension SET notice = ''",
        "DELETE FROM consultation_extension",
        "UPDATE consultation SET closes_at = opens_at",
    ] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    // Before the end only: at the instant of the end it is too late.
    go_to(&app, "2026-04-20T16:00:00Z");
    let handler = app.token(Role::Handler).await;
    let body = json!({"closes_on": "2026-05-10", "notice": "晚了"});
    app.post(&path, Some(&handler), body).await.expect_problem(Code::Conflict);
    app.finish().await;
}

#[tokio::test]
async fn a_round_that_is_withdrawn_takes_nothing_more_and_is_still_answered() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({})).await;
    let (citizen, handler, reviewer) = (app.token(Role::Citizen).await, app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let posted = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改")).await.expect(201);
    let path = format!("/drafts/{draft}/round-withdrawal");
    app.post(&path, Some(&handler), json!({"reason": " "})).await.expect_invalid("reason");
    let body = json!({"reason": "上位法即将修改，草案需要重写。"});
    let withdrawn = app.post(&path, Some(&handler), body.clone()).await.expect(200);
    assert_eq!((&withdrawn["phase"], &withdrawn["withdrawal_reason"]), (&json!("withdrawn"), &body["reason"]));
    assert_eq!(app.post(&path, Some(&handler), body).await.expect(200), withdrawn, "the same words again change nothing");
    app.post(&path, Some(&handler), json!({"reason": "另一个理由"})).await.expect_problem(Code::Conflict);
    assert_eq!(state(&app, &draft).await, "processing");
    let late = app.post_opinion(&draft, Some(&citizen), "key-00000002", opinion("晚")).await.expect_problem(Code::NotOpen);
    assert!(late["detail"].as_str().unwrap().contains("提前结束"));
    app.post(&format!("/drafts/{draft}/extension"), Some(&handler), json!({"closes_on": "2026-05-01", "notice": "延"}))
        .await
        .expect_problem(Code::Conflict);
    let answer = format!("/opinions/{}/disposition", posted["opinion_id"].as_str().unwrap());
    app.put(&answer, Some(&handler), json!({"kind": "adopted", "reason": "好"})).await.expect(204);
    publish(&app, &draft, &reviewer).await;
    assert_eq!(state(&app, &draft).await, "feedback_published");
    // Received, answered, and that the round was withdrawn; whose own opinion is answered is not told of the feedback besides.
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

/// Publishes what is prepared, with the review of a second person where answers need one.
async fn publish(app: &TestApp, draft: &str, reviewer: &str) -> Value {
    app.pass_all(draft).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(reviewer), json!({})).await.expect(200)
}

#[tokio::test]
async fn a_draft_that_is_given_up_says_why_and_owes_its_answers() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({"late_through": "2026-04-08"})).await;
    let (citizen, handler, reviewer) = (app.token(Role::Citizen).await, app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改")).await.expect(201);
    let path = format!("/drafts/{draft}/withdrawal");
    app.post(&path, Some(&reviewer), json!({"reason": ""})).await.expect_invalid("reason");
    let body = json!({"reason": "不再需要单独立法。"});
    let given_up = app.post(&path, Some(&reviewer), body.clone()).await.expect(200);
    assert_eq!((&given_up["state"], &given_up["withdrawal_reason"]), (&json!("withdrawn"), &body["reason"]));
    assert_eq!(app.post(&path, Some(&reviewer), body).await.expect(200), given_up);
    assert_eq!(newest(&app, &draft).await["phase"], "withdrawn");
    app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), json!({"notice": "告"})).await.expect_problem(Code::Conflict);
    app.post_opinion(&draft, Some(&citizen), "key-00000002", opinion("晚")).await.expect_problem(Code::NotOpen);
    let own = app.get("/account/opinions", Some(&citizen)).await.expect(200);
    let answer = format!("/opinions/{}/disposition", own["items"][0]["id"].as_str().unwrap());
    app.put(&answer, Some(&handler), json!({"kind": "not_adopted", "reason": "草案已撤回"})).await.expect(204);
    assert_eq!(publish(&app, &draft, &reviewer).await["published"], 1);
    assert_eq!(state(&app, &draft).await, "withdrawn");
    // What was never public needs no public end.
    let unseen = app.draft().await;
    let refused = app.post(&format!("/drafts/{unseen}/withdrawal"), Some(&reviewer), json!({"reason": "因"})).await;
    refused.expect_problem(Code::Conflict);
    // Received, answered, withdrawn.
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

#[tokio::test]
async fn a_late_opinion_is_marked_and_waits_for_no_other_feedback() {
    let app = TestApp::start().await;
    let strict = draft_with(&app, json!({})).await;
    let lenient = draft_with(&app, json!({"late_through": "2026-04-08"})).await;
    go_to(&app, "2026-04-01T15:59:59.999999Z");
    let citizen = app.token(Role::Citizen).await;
    let in_time = app.post_opinion(&lenient, Some(&citizen), "key-00000001", opinion("赶上了")).await.expect(201);
    assert_eq!(in_time["is_late"], false);
    go_to(&app, "2026-04-01T16:00:00Z");
    app.post_opinion(&strict, Some(&citizen), "key-00000002", opinion("晚了")).await.expect_problem(Code::NotOpen);
    let late = app.post_opinion(&lenient, Some(&citizen), "key-00000002", opinion("晚了")).await.expect(201);
    assert_eq!(late["is_late"], true);
    assert_eq!(app.post_opinion(&lenient, Some(&citizen), "key-00000002", opinion("晚了")).await.expect(200), late);
    assert_eq!((newest(&app, &lenient).await["phase"].clone(), state(&app, &lenient).await.as_str()), (json!("late"), "processing"));
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let listed = app.get(&format!("/drafts/{lenient}/opinions"), Some(&handler)).await.expect(200);
    let marks: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|o| &o["is_late"]).collect();
    assert_eq!(marks, [&json!(false), &json!(true)]);
    for receipt in [&in_time, &late] {
        let answer = format!("/opinions/{}/disposition", receipt["opinion_id"].as_str().unwrap());
        app.put(&answer, Some(&handler), json!({"kind": "adopted", "reason": "好"})).await.expect(204);
    }
    // While late opinions may come, nothing is concluded and no other round begins.
    let early = app.post(&format!("/drafts/{lenient}/feedback"), Some(&reviewer), json!({})).await.expect_problem(Code::Conflict);
    assert!(early["detail"].as_str().unwrap().contains("2026年4月8日 24 时"), "{early}");
    app.post(&format!("/drafts/{lenient}/consultations"), Some(&handler), json!({"notice": "告"})).await.expect_problem(Code::Conflict);
    go_to(&app, "2026-04-08T16:00:00Z");
    let (citizen, reviewer) = (app.token(Role::Citizen).await, app.token(Role::Reviewer).await);
    app.post_opinion(&lenient, Some(&citizen), "key-00000003", opinion("太晚了")).await.expect_problem(Code::NotOpen);
    assert_eq!(publish(&app, &lenient, &reviewer).await["published"], 2);
    assert_eq!(app.deliver().await, 4, "two received, two answered");
    app.finish().await;
}

#[tokio::test]
async fn questions_are_answered_once_by_each_person_until_the_end() {
    let app = TestApp::start().await;
    let questions = json!({"shows_answers": true, "questions": [
        {"kind": "single", "wording": "是否赞成雨季增加投放？", "options": ["赞成", "不赞成"]},
        {"kind": "multiple", "wording": "哪些地方最需要？", "options": ["车站", "医院", "学校"]},
        {"kind": "text", "wording": "还有什么建议？"},
    ]});
    let draft = draft_with(&app, questions).await;
    let round = newest(&app, &draft).await;
    let id = |n: usize| round["questions"][n]["id"].as_str().unwrap().to_owned();
    assert_eq!(round["questions"][1]["options"], json!(["车站", "医院", "学校"]));
    let path = format!("/drafts/{draft}/question-answers");
    let (one, two) = (app.token(Role::Citizen).await, app.token(Role::Citizen).await);
    let answer =
        |question: String, choices: Value, body: &str| json!({"answers": [{"question_id": question, "choices": choices, "body": body}]});
    for bad in [
        answer(id(0), json!([1, 2]), ""),
        answer(id(0), json!([3]), ""),
        answer(id(0), json!([0]), ""),
        answer(id(1), json!([1]), "也说几句"),
        answer(id(2), json!([1]), ""),
        answer("01980000-0000-7000-8000-00000000ffff".into(), json!([1]), ""),
    ] {
        app.put(&path, Some(&one), bad).await.expect_invalid("answers");
    }
    app.put(&path, Some(&one), answer(id(0), json!([1]), "")).await.expect(200);
    let all = json!({"answers": [
        {"question_id": id(0), "choices": [2]},
        {"question_id": id(1), "choices": [3, 1, 1]},
        {"question_id": id(2), "body": " 多放几把 "},
    ]});
    let own = app.put(&path, Some(&one), all.clone()).await.expect(200);
    assert_eq!(app.put(&path, Some(&one), all).await.expect(200), own, "safe to repeat");
    assert_eq!(own["answers"][1], json!({"question_id": id(1), "body": "", "choices": [1, 3]}));
    assert_eq!(app.get(&path, Some(&one)).await.expect(200), own);
    app.put(&path, Some(&two), answer(id(0), json!([1]), "")).await.expect(200);
    app.put(&path, Some(&two), answer(id(2), json!([]), "不用")).await.expect(200);
    app.put(&path, Some(&two), answer(id(2), json!([]), "")).await.expect(200);
    assert_eq!(app.get(&path, Some(&two)).await.expect(200)["answers"].as_array().unwrap().len(), 1, "an empty answer takes it back");
    let counts = format!("/drafts/{draft}/consultations/{}/question-counts", round["id"].as_str().unwrap());
    let seen = app.get(&counts, None).await.expect(200);
    let numbers: Vec<(i64, Value)> =
        seen["questions"].as_array().unwrap().iter().map(|q| (q["persons"].as_i64().unwrap(), q["options"].clone())).collect();
    assert_eq!(numbers, [(2, json!([1, 1])), (1, json!([1, 0, 1])), (1, json!([]))]);
    let handler = app.token(Role::Handler).await;
    let written = app.get(&format!("/drafts/{draft}/questions/{}/written-answers", id(2)), Some(&handler)).await.expect(200);
    assert_eq!(written["items"][0]["body"], "多放几把");
    go_to(&app, "2026-04-01T16:00:00Z");
    let three = app.token(Role::Citizen).await;
    app.put(&path, Some(&three), answer(id(0), json!([1]), "")).await.expect_problem(Code::NotOpen);
    app.finish().await;
}

#[tokio::test]
async fn counts_are_for_staff_unless_the_round_says_otherwise() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({"questions": [{"kind": "text", "wording": "还有什么建议？"}]})).await;
    let round = newest(&app, &draft).await;
    let counts = format!("/drafts/{draft}/consultations/{}/question-counts", round["id"].as_str().unwrap());
    app.get(&counts, None).await.expect_problem(Code::NotFound);
    let (citizen, handler) = (app.token(Role::Citizen).await, app.token(Role::Handler).await);
    app.get(&counts, Some(&citizen)).await.expect_problem(Code::NotFound);
    app.get(&counts, Some(&handler)).await.expect(200);
    let handler_path = format!("/drafts/{}/consultations", app.draft().await);
    let many: Vec<Value> = (0..21).map(|_| json!({"kind": "text", "wording": "问？"})).collect();
    app.post(&handler_path, Some(&handler), json!({"notice": "告", "questions": many})).await.expect(400);
    let bad = json!([{"kind": "single", "wording": "问？", "options": ["一个"]}]);
    app.post(&handler_path, Some(&handler), json!({"notice": "告", "questions": bad})).await.expect_invalid("questions");
    app.finish().await;
}

/// An opinion is on its way while the round ends and feedback is published: what is published waits for it, on both engines.
#[tokio::test]
async fn feedback_waits_for_an_opinion_that_is_being_written() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({})).await;
    let id = DraftId(draft.parse().unwrap());
    let citizen = app.token(Role::Citizen).await;
    let first = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("改")).await.expect(201);
    go_to(&app, "2026-04-01T15:59:59.999999Z");
    let handler = app.token(Role::Handler).await;
    let answer = format!("/opinions/{}/disposition", first["opinion_id"].as_str().unwrap());
    app.put(&answer, Some(&handler), json!({"kind": "adopted", "reason": "好"})).await.expect(204);
    assert_eq!(app.pass_all(&draft).await, 1);

    // Another opinion was found in time and is not written yet.
    let mut tx = app.app.db.begin().await.unwrap();
    drafts::hold_draft(&mut tx, id).await.unwrap();
    go_to(&app, "2026-04-01T16:00:00Z");
    let (db, clock, ids) = (app.app.db.clone(), app.clock.clone(), app.app.ids.clone());
    let publishing = tokio::spawn(async move { feedback::publish_feedback(&db, &clock, &ids, Actor::System, id, "").await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!publishing.is_finished(), "publishing overtook an opinion that is being written");
    let (new, number) = (app.app.ids.next(), first["receipt_number"].as_str().unwrap());
    zhitong::on_tx!(&mut tx, c => sqlx::query(COPY_OPINION).bind(new).bind("YJ20260401-LAST").bind(number).execute(c).await.map(drop))
        .unwrap();
    tx.commit().await.unwrap();
    let refused = publishing.await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "the last opinion is seen as unanswered");
    assert!(refused.detail.contains("还有 1 条意见"), "{refused}");
    app.deliver().await;
    app.finish().await;
}

/// Opinions that race with the end of the round and with publishing: none is accepted after feedback was concluded without it.
#[tokio::test]
async fn no_opinion_is_left_behind_by_a_race() {
    for turn in 0..5 {
        let app = TestApp::start().await;
        let draft = draft_with(&app, json!({})).await;
        let id = DraftId(draft.parse().unwrap());
        go_to(&app, "2026-04-01T15:59:59.999999Z");
        let mut citizens = Vec::new();
        for _ in 0..8 {
            citizens.push(app.token(Role::Citizen).await);
        }
        let posts = citizens.iter().map(|citizen| app.post_opinion(&draft, Some(citizen), "key-00000001", opinion("改")));
        let publish = async {
            tokio::time::sleep(std::time::Duration::from_millis(turn)).await;
            app.clock.advance(Duration::microseconds(1));
            feedback::publish_feedback(&app.app.db, &app.clock, &app.app.ids, Actor::System, id, "").await
        };
        let (answers, published) = tokio::join!(futures_util::future::join_all(posts), publish);
        let accepted = answers.iter().filter(|answer| answer.status == 201).count();
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
        match published {
            Ok(done) => assert_eq!((done.state, accepted), (DraftState::FeedbackPublished, 0), "feedback was concluded without an opinion"),
            Err(error) => assert_eq!((error.code, accepted > 0), (Code::Conflict, true), "{error}"),
        }
        app.deliver().await;
        app.finish().await;
    }
}

#[tokio::test]
async fn every_end_of_a_round_is_in_the_audit_log() {
    let app = TestApp::start().await;
    let draft = draft_with(&app, json!({})).await;
    let (handler, reviewer, auditor) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await, app.token(Role::Auditor).await);
    let extend = json!({"closes_on": "2026-04-10", "notice": "延"});
    app.post(&format!("/drafts/{draft}/extension"), Some(&handler), extend).await.expect(200);
    app.post(&format!("/drafts/{draft}/round-withdrawal"), Some(&handler), json!({"reason": "因"})).await.expect(200);
    app.post(&format!("/drafts/{draft}/withdrawal"), Some(&reviewer), json!({"reason": "因"})).await.expect(200);
    let log = app.get("/audit/entries", Some(&auditor)).await.expect(200);
    let acts: Vec<&str> = log["items"].as_array().unwrap().iter().take(3).map(|e| e["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["withdraw_draft", "withdraw_consultation", "extend_consultation"]);
    assert_eq!(log["items"][2]["detail"], "1: 2026-04-01 -> 2026-04-10");
    assert!(app.clock.now() == beginning());
    app.finish().await;
}
