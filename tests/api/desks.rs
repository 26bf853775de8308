//! The desks of those who answer, after the batch is public and after an answer was given back: nothing is offered that is refused, nothing waits
//! unseen.

use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::TestApp;

const CAMPAIGN: &str = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方，二十四小时太紧张了。";

/// Posts an opinion of a new citizen; its id.
async fn say(app: &TestApp, draft: &str, address: &str, body: &str) -> String {
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"address": address, "stance": "amend", "body": body, "reason": "", "is_public": true});
    app.post_opinion(draft, Some(&citizen), "key-00000001", opinion).await.expect(201)["opinion_id"].as_str().unwrap().to_owned()
}

fn answer(kind: &str, reason: &str) -> Value {
    json!({"kind": kind, "reason": reason})
}

/// How often the groups of a draft were changed, as the audit log tells it.
async fn changes(app: &TestApp) -> i64 {
    const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entry WHERE act = 'change_group'";
    zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(COUNT).fetch_one(pool).await).unwrap()
}

#[tokio::test]
async fn a_group_whose_answers_are_public_stays_as_it_is() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let mut ids = Vec::new();
    for (address, body) in [
        ("art-4", CAMPAIGN),
        ("art-4", CAMPAIGN),
        ("art-5", "施行日期太早，应当推迟到明年。"),
        ("art-5", "推迟施行。"),
        ("art-1", "写明目的。"),
        ("art-2", "写明范围。"),
    ] {
        ids.push(say(&app, &draft, address, body).await);
    }
    app.clock.advance(chrono::Duration::days(31));
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let new_group = async |members: &[&String]| {
        let id = app.app.ids.next().to_string();
        let path = format!("/drafts/{draft}/groups/{id}");
        (id, app.call(poem::http::Method::PUT, &path, Some(&handler), &[], Some(json!({"opinions": members}))).await)
    };
    let (answered, made) = new_group(&[&ids[0], &ids[1]]).await;
    made.expect(200);
    let group = format!("/opinion-groups/{answered}");
    let base = format!("/staff/drafts/{draft}");
    let side = format!("{base}/answering?at=art-4");
    let page = app.page(&side, &handler).await;
    assert!(page.contains("把这一条拆出") && page.contains("整组拆开"), "{page}");
    for (id, kind) in [(&ids[0], "partly_adopted"), (&ids[1], "not_adopted"), (&ids[4], "adopted")] {
        app.put(&format!("/opinions/{id}/disposition"), Some(&handler), answer(kind, "改为四十八小时")).await.expect(204);
    }
    app.pass_all(&draft).await;
    // The others are answered in a later batch.
    let others = json!({"opinions": [ids[2], ids[3], ids[5]], "reason": "repeated"});
    app.post(&format!("/drafts/{draft}/exclusions"), Some(&handler), others.clone()).await.expect(204);
    let preview = app.get(&format!("/drafts/{draft}/feedback-preview"), Some(&handler)).await.expect(200);
    let kinds: Vec<&str> = preview["by_disposition"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["adopted", "partly_adopted", "not_adopted"], "in their official order");
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    app.post(&format!("/drafts/{draft}/exclusions"), Some(&handler), json!({"opinions": others["opinions"]})).await.expect(204);
    let (open, made) = new_group(&[&ids[2], &ids[3]]).await;
    made.expect(200);

    let before = app.get(&group, Some(&handler)).await.expect(200);
    let entries = changes(&app).await;
    let with = |mut more: Value| {
        more["revision"] = before["revision"].clone();
        more
    };
    for (path, body) in [
        (format!("{group}/split"), with(json!({}))),
        (format!("{group}/split"), with(json!({"opinions": [ids[1]]}))),
        (format!("{group}/members"), with(json!({"opinions": [ids[4]]}))),
        (format!("/opinion-groups/{open}/merger"), json!({"revision": 1, "other": answered})),
    ] {
        let refused = app.post(&path, Some(&handler), body).await.expect_problem(Code::Conflict);
        assert!(refused["detail"].as_str().unwrap().contains("已经公布采纳情况"), "{path}: {refused}");
    }
    let (_, refused) = new_group(&[&ids[4], &ids[5]]).await;
    refused.expect_problem(Code::Conflict);
    assert_eq!(app.get(&group, Some(&handler)).await.expect(200)["revision"], before["revision"]);
    assert_eq!(changes(&app).await, entries, "the log tells of no change that was none");

    // Nothing of it is offered; a form that was open says why it is refused.
    let page = app.page(&side, &handler).await;
    assert!(page.contains("已确认") && ["把这一条拆出", "整组拆开", "并入这一组"].iter().all(|words| !page.contains(words)), "{page}");
    let page = app.page(&format!("{base}/answering?at=art-5"), &handler).await;
    assert!(page.contains("把这一条拆出") && !page.contains("并入这一组"), "there is no group that could be merged into it: {page}");
    let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap();
    let body = format!("csrf={csrf}&do=split&group={answered}&revision={}&id={}", before["revision"], ids[0]);
    let refused = app.raw_form(&format!("{base}/answering"), &format!("zhitong_session={handler}"), body).await;
    assert_eq!(refused.status(), 409);
    let html = String::from_utf8(refused.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("不能再整组拆开"), "{html}");

    // What joins it later can leave it again.
    let joined = app.post(&format!("{group}/members"), Some(&handler), with(json!({"opinions": [ids[5]]}))).await.expect(200);
    assert_eq!(joined["submissions"], 3);
    let out = json!({"revision": joined["revision"], "opinions": [ids[5]]});
    app.post(&format!("{group}/split"), Some(&handler), out).await.expect(204);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_was_given_back_is_seen_at_the_desk_and_in_the_list() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let opinion = say(&app, &draft, "art-4", CAMPAIGN).await;
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let path = format!("/opinions/{opinion}/disposition");
    app.put(&path, Some(&handler), answer("adopted", "好")).await.expect(204);
    let (desk, list) = ("/staff", format!("/staff/drafts/{draft}/opinions"));
    assert!(!app.page(desk, &handler).await.contains("审核退回"));
    let returned = json!({"answers": [{"opinion_id": opinion, "revision": 1}], "passes": false, "remark": "请写明改为多久"});
    app.post(&format!("/drafts/{draft}/reviews"), Some(&reviewer), returned).await.expect(200);

    let page = app.page(desk, &handler).await;
    assert!(page.contains("1 条采纳情况需要重新拟定") && page.contains(&format!("{list}?returned=yes")), "{page}");
    let page = app.page(&list, &handler).await;
    assert!(page.contains("badge-wait\">审核退回</span>") && page.contains("请写明改为多久"), "{page}");
    let drafter = app.token(Role::Drafter).await;
    assert!(!app.page(desk, &drafter).await.contains("需要重新拟定"), "a drafter prepares no answers");

    app.put(&path, Some(&handler), json!({"kind": "adopted", "reason": "改为四十八小时", "from_revision": 2})).await.expect(204);
    assert!(!app.page(desk, &handler).await.contains("需要重新拟定"));
    assert!(!app.page(&list, &handler).await.contains("请写明改为多久"));
    app.deliver().await;
    app.finish().await;
}
