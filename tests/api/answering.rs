//! Staff at work: groups of near-identical opinions, the work list, handling, answers with their review, and the batch.

use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::support::{COPY_OPINION, TestApp};

const CAMPAIGN: &str = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方，二十四小时太紧张了。";

/// Posts an opinion of a new citizen; its id.
async fn say(app: &TestApp, draft: &str, address: Option<&str>, body: &str) -> String {
    let citizen = app.token(Role::Citizen).await;
    let mut opinion = json!({"stance": "amend", "body": body, "reason": "", "is_public": true});
    if let Some(address) = address {
        opinion["address"] = json!(address);
    }
    app.post_opinion(draft, Some(&citizen), "key-00000001", opinion).await.expect(201)["opinion_id"].as_str().unwrap().to_owned()
}

fn answer(kind: &str, reason: &str) -> Value {
    json!({"kind": kind, "reason": reason})
}

async fn end_round(app: &TestApp) {
    app.clock.advance(chrono::Duration::days(31));
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["opinion"]["id"].as_str().unwrap()).collect()
}

/// A campaign of four, a short text on two articles, and two opinions of their own.
async fn campaign(app: &TestApp, draft: &str) -> Vec<String> {
    let edited = CAMPAIGN.replace("出差", "外出");
    let longer = format!("{CAMPAIGN}谢谢！");
    let mut posted = Vec::new();
    for (address, body) in [
        (Some("art-4"), CAMPAIGN),
        (Some("art-4"), CAMPAIGN),
        (None, edited.as_str()),
        (Some("art-4"), longer.as_str()),
        (Some("art-3"), "同意"),
        (Some("art-4"), "同意"),
        (Some("art-3/para-1/item-2"), "雨季之外也应当保证数量。"),
    ] {
        posted.push(say(app, draft, address, body).await);
    }
    posted
}

#[tokio::test]
async fn one_at_a_time_looks_for_near_identical_opinions() {
    const CLAIM: &str = "INSERT INTO grouping_work (draft_id, worker, heard_at) VALUES ($1, $2, $3)";
    const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM grouping_work";
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    campaign(&app, &draft).await;
    let handler = app.token(Role::Handler).await;
    let suggest = format!("/drafts/{draft}/group-suggestions");
    // Another instance is at it.
    let (of, worker, now) = (draft.parse::<uuid::Uuid>().unwrap(), app.app.ids.next(), app.clock.now());
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(CLAIM).bind(of).bind(worker).bind(now).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    let refused = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("正在归并"), "{refused}");
    // It has died.
    app.clock.advance(chrono::Duration::minutes(2));
    let found = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    assert_eq!(found["groups"], 1, "{found}");
    let left: i64 = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(COUNT).fetch_one(pool).await).unwrap();
    assert_eq!(left, 0, "a claim ends with the work");
    app.abandon().await;
}

#[tokio::test]
async fn near_identical_opinions_are_suggested_and_staff_decide() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let posted = campaign(&app, &draft).await;
    let handler = app.token(Role::Handler).await;
    let suggest = format!("/drafts/{draft}/group-suggestions");
    let found = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    assert_eq!(found, json!({"groups": 1, "grouped": 4, "joined": 0}), "“同意” on two articles is two opinions");
    let found = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    assert_eq!(found, json!({"groups": 0, "grouped": 0, "joined": 0}), "looking again finds nothing new");

    let groups = app.get(&format!("/drafts/{draft}/groups"), Some(&handler)).await.expect(200);
    let group = &groups["items"][0];
    assert_eq!((group["state"].as_str(), group["body"].as_str()), (Some("suggested"), Some(CAMPAIGN)));
    assert_eq!(
        (group["submissions"].as_i64(), group["distinct_texts"].as_i64(), group["signed_in_people"].as_i64()),
        (Some(4), Some(3), Some(4))
    );
    let id = group["id"].as_str().unwrap().to_owned();
    let path = format!("/opinion-groups/{id}");
    let confirmed = app.post(&format!("{path}/confirmation"), Some(&handler), json!({"revision": group["revision"]})).await.expect(200);
    assert_eq!(confirmed["state"], "confirmed");
    app.post(&format!("{path}/split"), Some(&handler), json!({"revision": group["revision"], "opinions": [posted[2]]}))
        .await
        .expect_problem(Code::Conflict);

    // One is taken out, a second opinion joins later, and what was taken out is never suggested with the rest again.
    let split = json!({"revision": confirmed["revision"], "opinions": [posted[2]]});
    app.post(&format!("{path}/split"), Some(&handler), split).await.expect(204);
    let late = say(&app, &draft, None, &CAMPAIGN.replace("隔天", "隔日")).await;
    let found = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    assert_eq!(found, json!({"groups": 0, "grouped": 0, "joined": 1}));
    let members = app.get(&format!("/drafts/{draft}/work?group_id={id}"), Some(&handler)).await.expect(200);
    assert_eq!(ids(&members), [&posted[0], &posted[1], &posted[3], &late]);

    // Staff may put together what no comparison would, and take a whole group apart.
    let own = app.app.ids.next().to_string();
    let body = json!({"opinions": [posted[2], posted[6]]});
    for _ in 0..2 {
        let made = app
            .call(poem::http::Method::PUT, &format!("/drafts/{draft}/groups/{own}"), Some(&handler), &[], Some(body.clone()))
            .await
            .expect(200);
        assert_eq!((made["state"].as_str(), made["submissions"].as_i64()), (Some("confirmed"), Some(2)));
    }
    let present = app.get(&path, Some(&handler)).await.expect(200);
    let merged =
        app.post(&format!("{path}/merger"), Some(&handler), json!({"revision": present["revision"], "other": own})).await.expect(200);
    assert_eq!(merged["submissions"], 6);
    app.get(&format!("/opinion-groups/{own}"), Some(&handler)).await.expect_problem(Code::NotFound);
    app.post(&format!("{path}/split"), Some(&handler), json!({"revision": merged["revision"]})).await.expect(204);
    app.get(&path, Some(&handler)).await.expect_problem(Code::NotFound);
    let found = app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    assert_eq!(found, json!({"groups": 0, "grouped": 0, "joined": 0}), "what was taken apart stays apart");
    let all = app.get(&format!("/drafts/{draft}/work"), Some(&handler)).await.expect(200);
    assert_eq!(ids(&all).len(), 8, "nothing is discarded");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_group_is_answered_at_once_and_later_members_are_offered_the_answer() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let posted = campaign(&app, &draft).await;
    let handler = app.token(Role::Handler).await;
    let suggest = format!("/drafts/{draft}/group-suggestions");
    app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    let group = app.get(&format!("/drafts/{draft}/groups"), Some(&handler)).await.expect(200)["items"][0].clone();
    let path = format!("/opinion-groups/{}/disposition", group["id"].as_str().unwrap());

    // An answer of its own stays.
    app.put(&format!("/opinions/{}/disposition", posted[3]), Some(&handler), answer("adopted", "单独答复")).await.expect(204);
    let mut body = answer("partly_adopted", "延长到三十六小时");
    body["from_revision"] = group["revision"].clone();
    let done = app.put(&path, Some(&handler), body.clone()).await.expect(200);
    assert_eq!(done, json!({"answered": 3, "kept": 1}));
    let other = json!({"kind": "not_adopted", "reason": "不改", "from_revision": group["revision"]});
    let refused = app.put(&path, Some(&handler), other).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("延长到三十六小时"), "who is overtaken sees what the other wrote: {refused}");

    let reviewer = app.token(Role::Reviewer).await;
    let reviews = format!("/drafts/{draft}/reviews");
    let passed = app.post(&reviews, Some(&reviewer), json!({"group_id": group["id"], "passes": true})).await.expect(200);
    assert_eq!(passed["reviewed"], 4, "also the member with an answer of its own");

    // A later member is in the group and unanswered, until the answer of the group is given again; what was reviewed stays reviewed.
    let late = say(&app, &draft, None, &CAMPAIGN.replace("隔天", "隔日")).await;
    app.call(poem::http::Method::POST, &suggest, Some(&handler), &[], None).await.expect(200);
    let seen = app.get(&format!("/opinion-groups/{}", group["id"].as_str().unwrap()), Some(&handler)).await.expect(200);
    assert_eq!(
        (seen["submissions"].as_i64(), seen["unanswered"].as_i64(), seen["reason"].as_str()),
        (Some(5), Some(1), Some("延长到三十六小时"))
    );
    assert_eq!(app.put(&path, Some(&handler), body).await.expect(200), json!({"answered": 4, "kept": 1}));
    let waiting = app.get(&format!("/drafts/{draft}/work?state=answer_prepared"), Some(&handler)).await.expect(200);
    assert_eq!(ids(&waiting), [&late]);

    // Who leaves the group loses the answer that was written for it.
    let split = json!({"revision": app.get(&format!("/opinion-groups/{}", group["id"].as_str().unwrap()), Some(&handler)).await.expect(200)["revision"],
        "opinions": [posted[1]]});
    app.post(&format!("/opinion-groups/{}/split", group["id"].as_str().unwrap()), Some(&handler), split).await.expect(204);
    let left = app.get(&format!("/opinions/{}", posted[1]), Some(&handler)).await.expect(200);
    assert_eq!((left["state"].as_str(), left.get("disposition")), (Some("received"), None));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn two_handlers_do_not_overwrite_each_other() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let opinion = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let (first, second) = (app.token(Role::Handler).await, app.token(Role::Handler).await);
    let path = format!("/opinions/{opinion}/disposition");
    app.put(&path, Some(&first), answer("adopted", "改为四十八小时")).await.expect(204);
    let refused = app.put(&path, Some(&second), answer("not_adopted", "不改")).await.expect_problem(Code::Conflict);
    let sentence = refused["detail"].as_str().unwrap();
    assert!(sentence.contains("经办人员") && sentence.contains("采纳") && sentence.contains("改为四十八小时"), "{sentence}");
    app.put(&path, Some(&first), answer("adopted", "改为四十八小时")).await.expect(204);
    let item = app.get(&format!("/drafts/{draft}/work"), Some(&second)).await.expect(200)["items"][0].clone();
    assert_eq!((item["answer_revision"].as_i64(), item["prepared_by_name"].as_str()), (Some(1), Some("经办人员")));
    app.put(&path, Some(&second), json!({"kind": "not_adopted", "reason": "不改", "from_revision": 1})).await.expect(204);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_second_person_reviews() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let opinion = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let (reviewer, other, handler) =
        (app.token(Role::Reviewer).await, app.token(Role::Administrator).await, app.token(Role::Handler).await);
    let (path, reviews) = (format!("/opinions/{opinion}/disposition"), format!("/drafts/{draft}/reviews"));
    app.put(&path, Some(&reviewer), answer("adopted", "好")).await.expect(204);
    let one = |revision: i64, passes: bool, remark: &str| json!({"answers": [{"opinion_id": opinion, "revision": revision}], "passes": passes, "remark": remark});
    let refused = app.post(&reviews, Some(&reviewer), one(1, true, "")).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("另一位审核人员"), "{refused}");
    app.post(&reviews, Some(&reviewer), json!({"everything": true, "passes": true})).await.expect_problem(Code::Conflict);
    app.post(&reviews, Some(&handler), one(1, true, "")).await.expect_problem(Code::Forbidden);
    app.post(&reviews, Some(&other), one(7, true, "")).await.expect_problem(Code::Conflict);
    app.post(&reviews, Some(&other), one(1, false, " ")).await.expect_invalid("remark");
    app.post(&reviews, Some(&other), json!({"passes": true})).await.expect_invalid("answers");

    // Given back: it is to be written again, and the remark is seen.
    app.post(&reviews, Some(&other), one(1, false, "请写明改为多久")).await.expect(200);
    let returned = app.get(&format!("/drafts/{draft}/work?returned=true"), Some(&handler)).await.expect(200);
    assert_eq!((ids(&returned), returned["items"][0]["returned_remark"].as_str()), (vec![opinion.as_str()], Some("请写明改为多久")));
    assert_eq!(returned["items"][0]["opinion"]["state"], "received");
    app.put(&path, Some(&handler), json!({"kind": "adopted", "reason": "改为四十八小时", "from_revision": 2})).await.expect(204);
    app.post(&reviews, Some(&reviewer), one(3, true, "")).await.expect(200);
    // Passed, and given back all the same before it is published.
    app.post(&reviews, Some(&other), one(3, false, "再议")).await.expect(200);
    assert_eq!(app.get(&format!("/opinions/{opinion}"), Some(&handler)).await.expect(200)["state"], "received");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn what_needs_no_answer_is_excluded_for_a_listed_reason_and_counted() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let kept = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let advertisement = say(&app, &draft, None, "低价出售雨伞，欢迎选购。").await;
    let empty = say(&app, &draft, None, "。。。").await;
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let exclusions = format!("/drafts/{draft}/exclusions");
    app.post(&exclusions, Some(&handler), json!({"opinions": [advertisement], "reason": "abuse"})).await.expect(204);
    app.post(&exclusions, Some(&handler), json!({"opinions": [empty, kept], "reason": "unreadable"})).await.expect(204);
    app.put(&format!("/opinions/{kept}/disposition"), Some(&handler), answer("adopted", "好")).await.expect_problem(Code::Conflict);
    app.post(&exclusions, Some(&handler), json!({"opinions": [kept]})).await.expect(204);
    app.post(&exclusions, Some(&handler), json!({"opinions": [kept], "reason": "dull"})).await.expect_problem(Code::Malformed);

    end_round(&app).await;
    let (handler, reviewer_later) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    drop(reviewer);
    let preview = format!("/drafts/{draft}/feedback-preview");
    let before = app.get(&preview, Some(&handler)).await.expect(200);
    assert_eq!((before["ready"].as_i64(), before["unanswered"].as_i64()), (Some(0), Some(1)));
    assert!(before["refusal"].as_str().unwrap().contains("还有 1 条意见"), "{before}");
    app.put(&format!("/opinions/{kept}/disposition"), Some(&handler), answer("adopted", "改为四十八小时")).await.expect(204);
    app.pass_all(&draft).await;
    let after = app.get(&preview, Some(&handler)).await.expect(200);
    assert_eq!((after["ready"].as_i64(), after.get("refusal")), (Some(1), None), "{after}");
    let named: Vec<(&str, i64)> =
        after["exclusions"].as_array().unwrap().iter().map(|e| (e["label"].as_str().unwrap(), e["count"].as_i64().unwrap())).collect();
    assert_eq!(named, [("广告或恶意内容", 1), ("内容为空或无法辨认", 1)]);
    let shown = app.get(&format!("{preview}/answers"), Some(&handler)).await.expect(200);
    assert_eq!(
        (shown["items"][0]["id"].as_str(), shown["items"][0]["disposition"]["reason"].as_str()),
        (Some(kept.as_str()), Some("改为四十八小时"))
    );
    let done = app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer_later), json!({})).await.expect(200);
    assert_eq!(done, json!({"published": 1, "excluded": 2, "state": "feedback_published"}));
    app.post(&exclusions, Some(&handler), json!({"opinions": [kept], "reason": "abuse"})).await.expect_problem(Code::Conflict);
    assert_eq!(app.get(&format!("/drafts/{draft}/answers"), None).await.expect(200)["items"].as_array().unwrap().len(), 1);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn authors_whose_opinions_are_excluded_are_told_why_and_once() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let said = json!({"stance": "amend", "body": "低价出售雨伞，欢迎选购。", "reason": "", "is_public": true});
    let posted = app.post_opinion(&draft, Some(&citizen), "key-00000001", said.clone()).await.expect(201);
    let opinion = posted["opinion_id"].as_str().unwrap().to_owned();
    app.allow(false, true).await;
    let path = format!("/drafts/{draft}/anonymous-opinions");
    let key = [("Idempotency-Key", "5e9c1f7ab2d84c03a6e0f1d2c3b4a597")];
    app.call(poem::http::Method::POST, &path, None, &key, Some(said)).await.expect(201);
    let mut tx = app.app.db.begin().await.unwrap();
    let found = zhitong::on_tx!(&mut tx, c => sqlx::query_scalar("SELECT id FROM opinion WHERE account_id IS NULL").fetch_one(c).await);
    let unnamed: zhitong::ids::OpinionId = found.unwrap();
    drop(tx);
    let unnamed = unnamed.to_string();
    let kept = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let handler = app.token(Role::Handler).await;
    let exclusions = format!("/drafts/{draft}/exclusions");
    app.post(&exclusions, Some(&handler), json!({"opinions": [opinion, unnamed], "reason": "abuse"})).await.expect(204);
    let own = page(&app, &format!("/me/opinions/{opinion}"), &format!("zhitong_session={citizen}")).await;
    assert!(own.contains("原因：广告或恶意内容"), "{own}");
    let told = async || {
        let mut tx = app.app.db.begin().await.unwrap();
        let rows: Vec<(String,)> =
            zhitong::on_tx!(&mut tx, c => sqlx::query_as("SELECT about FROM outbox WHERE event = 'opinion_excluded'").fetch_all(c).await)
                .unwrap();
        rows.into_iter().map(|(about,)| about).collect::<Vec<_>>()
    };

    end_round(&app).await;
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    assert!(told().await.is_empty(), "nobody is told before the batch");
    app.put(&format!("/opinions/{kept}/disposition"), Some(&handler), answer("adopted", "改为四十八小时")).await.expect(204);
    app.pass_all(&draft).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    let words = told().await;
    assert_eq!(words.len(), 1, "only who has an account: {words:?}");
    assert!(words[0].contains("广告或恶意内容") && words[0].contains("回执号"), "{words:?}");
    app.deliver().await;

    // One is taken in again and answered in a second batch: who was told is not told again.
    app.post(&exclusions, Some(&handler), json!({"opinions": [unnamed]})).await.expect(204);
    app.put(&format!("/opinions/{unnamed}/disposition"), Some(&handler), answer("out_of_scope", "与本办法无关")).await.expect(204);
    app.pass_all(&draft).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    assert_eq!(told().await.len(), 1);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn the_work_list_finds_sorts_counts_and_pages_without_an_end() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let posted = campaign(&app, &draft).await;
    let handler = app.token(Role::Handler).await;
    let people = app.get("/handlers", Some(&handler)).await.expect(200);
    let person = people[0]["id"].as_str().unwrap();
    let work = |query: &str| format!("/drafts/{draft}/work?{query}");
    let list = async |query: &str| app.get(&work(query), Some(&handler)).await.expect(200);

    assert_eq!(ids(&list("article=art-3").await), [&posted[4], &posted[6]], "also what stands in the article");
    assert_eq!(ids(&list("article=whole").await), [&posted[2]]);
    assert_eq!(ids(&list("order=newest&limit=2").await), [&posted[6], &posted[5]]);
    let by_article = list("order=article").await;
    assert_eq!(ids(&by_article), [&posted[2], &posted[4], &posted[6], &posted[0], &posted[1], &posted[3], &posted[5]]);
    for order in ["oldest", "newest", "article"] {
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&format!("order={order}&limit=2{cursor}")).await;
            paged.extend(ids(&page).into_iter().map(str::to_owned));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let whole = list(&format!("order={order}")).await;
        assert_eq!(paged, ids(&whole), "{order}");
    }
    assert_eq!(ids(&list("text=%E9%9B%A8%E5%AD%A3").await), [&posted[6]]);
    assert_eq!(ids(&list("text=%25").await), Vec::<&str>::new(), "a sign of patterns is a plain sign");

    // Handler, tags, groups.
    let assigned = app
        .post(&format!("/drafts/{draft}/assignments"), Some(&handler), json!({"article": "art-3", "handler_id": person}))
        .await
        .expect(200);
    assert_eq!(assigned["opinions"], 2);
    assert_eq!(ids(&list(&format!("handler={person}")).await), [&posted[4], &posted[6]]);
    assert_eq!(ids(&list("handler=none").await).len(), 5);
    app.get(&work("handler=me"), Some(&handler)).await.expect_invalid("handler");
    let citizen_like = json!({"opinions": [posted[0]], "handler_id": "01980000-0000-7000-8000-00000000ffff"});
    app.post(&format!("/drafts/{draft}/assignments"), Some(&handler), citizen_like).await.expect_invalid("handler_id");
    let tags = format!("/drafts/{draft}/tags");
    app.post(&tags, Some(&handler), json!({"opinions": [posted[0], posted[1]], "add": ["重点", "时限"]})).await.expect(204);
    app.post(&tags, Some(&handler), json!({"opinions": [posted[1]], "remove": ["时限"]})).await.expect(204);
    app.post(&tags, Some(&handler), json!({"opinions": [posted[1]], "add": ["a,b"]})).await.expect_invalid("tags");
    assert_eq!(ids(&list("tag=%E6%97%B6%E9%99%90").await), [&posted[0]]);
    assert_eq!(list("tag=%E6%97%B6%E9%99%90").await["items"][0]["tags"], json!(["时限", "重点"]));
    assert_eq!(app.get(&tags, Some(&handler)).await.expect(200), json!([{"tag": "重点", "opinions": 2}, {"tag": "时限", "opinions": 1}]));
    app.call(poem::http::Method::POST, &format!("/drafts/{draft}/group-suggestions"), Some(&handler), &[], None).await.expect(200);
    assert_eq!(ids(&list("grouped=true").await), [&posted[0], &posted[4], &posted[5], &posted[6]]);

    // The four numbers, of everything and of a part.
    let counts = app.get(&format!("/drafts/{draft}/work-counts"), Some(&handler)).await.expect(200);
    assert_eq!(
        (counts["opinions"].as_i64(), counts["distinct_texts"].as_i64(), counts["signed_in_people"].as_i64()),
        (Some(7), Some(5), Some(7))
    );
    assert_eq!(counts["by_channel"], json!([{"name": "wechat", "label": "微信小程序", "count": 7}]));
    let part = app.get(&format!("/drafts/{draft}/work-counts?article=art-3"), Some(&handler)).await.expect(200);
    assert_eq!((part["opinions"].as_i64(), part["distinct_texts"].as_i64()), (Some(2), Some(2)));
    let version = list("limit=1").await["items"][0]["opinion"]["version_id"].as_str().unwrap().to_owned();
    let progress = app.get(&format!("/drafts/{draft}/versions/{version}/progress"), Some(&handler)).await.expect(200);
    let articles: Vec<(&str, i64)> =
        progress.as_array().unwrap().iter().map(|a| (a["label"].as_str().unwrap(), a["left"].as_i64().unwrap())).collect();
    assert_eq!(articles, [("全文", 1), ("第三条", 2), ("第四条", 4)]);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn notes_and_reasons_stay_among_staff() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let opinion = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let (handler, other) = (app.token(Role::Handler).await, app.token(Role::Handler).await);
    let (note, reason) = (app.app.ids.next(), app.app.ids.next());
    let path = format!("/opinions/{opinion}/notes");
    for _ in 0..2 {
        app.put(&format!("{path}/{note}"), Some(&handler), json!({"body": "与交通局核对"})).await.expect(204);
    }
    app.put(&format!("{path}/{note}"), Some(&other), json!({"body": "与交通局核对"})).await.expect_problem(Code::KeyReused);
    let notes = app.get(&path, Some(&other)).await.expect(200);
    assert_eq!((notes.as_array().unwrap().len(), notes[0]["body"].as_str()), (1, Some("与交通局核对")));
    let path = format!("/drafts/{draft}/reason-texts/{reason}");
    for _ in 0..2 {
        app.put(&path, Some(&handler), json!({"body": "上位法已有规定。"})).await.expect(204);
    }
    assert_eq!(app.get(&format!("/drafts/{draft}/reason-texts"), Some(&other)).await.expect(200)[0]["body"], "上位法已有规定。");
    for _ in 0..2 {
        app.call(poem::http::Method::DELETE, &path, Some(&other), &[], None).await.expect(204);
    }
    assert_eq!(app.get(&format!("/drafts/{draft}/reason-texts"), Some(&other)).await.expect(200), json!([]));
    for statement in ["UPDATE opinion_note SET body = 'x'", "DELETE FROM opinion_note"] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn an_answer_may_point_at_the_provision_that_resulted_and_an_old_round_is_overdue() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let opinion = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    end_round(&app).await;
    let (handler, drafter) = (app.token(Role::Handler).await, app.token(Role::Drafter).await);
    let text = crate::support::DRAFT_TEXT.replace("二十四小时", "四十八小时");
    app.upload_version(&draft, Some(&drafter), "二稿.md", text.as_bytes(), "第二稿说明").await.expect(201);
    let version = app.get(&format!("/drafts/{draft}"), Some(&handler)).await.expect(200)["versions"][1].clone();
    let first = app.get(&format!("/drafts/{draft}/work"), Some(&handler)).await.expect(200)["items"][0]["opinion"]["version_id"].clone();
    let path = format!("/opinions/{opinion}/disposition");
    let pointing = |version: &Value, address: &str| json!({"kind": "adopted", "reason": "已改", "result_version_id": version, "result_address": address});
    app.put(&path, Some(&handler), pointing(&first, "art-4")).await.expect_invalid("result_version_id");
    app.put(&path, Some(&handler), pointing(&version["id"], "art-44")).await.expect_invalid("result_address");
    app.put(&path, Some(&handler), json!({"kind": "adopted", "reason": "已改", "result_address": "art-4"}))
        .await
        .expect_invalid("result_address");
    app.put(&path, Some(&handler), pointing(&version["id"], "art-4")).await.expect(204);
    let seen = app.get(&format!("/opinions/{opinion}"), Some(&handler)).await.expect(200);
    assert_eq!(seen["disposition"]["result_label"], "第2稿第四条");
    app.pass_all(&draft).await;
    assert_eq!(app.get("/overdue-feedback", Some(&handler)).await.expect(200), json!([]));
    app.clock.advance(chrono::Duration::days(60));
    let handler = app.token(Role::Handler).await;
    let overdue = app.get("/overdue-feedback", Some(&handler)).await.expect(200);
    assert_eq!((overdue[0]["draft_id"].as_str(), overdue[0]["unanswered"].as_i64()), (Some(draft.as_str()), Some(1)), "{overdue}");
    assert_eq!(overdue[0]["days"], 61);

    // The version becomes public with the answer that names it, so that everybody can follow it.
    let reviewer = app.token(Role::Reviewer).await;
    let preview = app.get(&format!("/drafts/{draft}/feedback-preview"), Some(&reviewer)).await.expect(200);
    assert_eq!(preview["publishes_versions"], json!([2]), "{preview}");
    assert_eq!(app.get(&format!("/drafts/{draft}"), None).await.expect(200)["versions"].as_array().unwrap().len(), 1);
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    let seen = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    assert_eq!(seen["versions"].as_array().unwrap().len(), 2);
    assert!(seen["versions"][1]["published_at"].is_string(), "{seen}");
    let lineage =
        app.get(&format!("/drafts/{draft}/lineage?from={}&to={}", first.as_str().unwrap(), version["id"].as_str().unwrap()), None).await;
    assert!(lineage.expect(200)["relations"].as_array().unwrap().iter().any(|relation| relation["kind"] == "modified"));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_large_batch_is_published_by_a_few_statements() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let first = say(&app, &draft, Some("art-4"), CAMPAIGN).await;
    let number = app.get(&format!("/opinions/{first}"), Some(&app.token(Role::Handler).await)).await.expect(200)["receipt_number"].clone();
    let mut tx = app.app.db.begin().await.unwrap();
    for n in 0..4_100 {
        let new = app.app.ids.next();
        zhitong::on_tx!(&mut tx, c => sqlx::query(COPY_OPINION).bind(new).bind(format!("N{n}")).bind(number.as_str()).execute(c).await.map(drop))
            .unwrap();
    }
    tx.commit().await.unwrap();
    end_round(&app).await;
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let found =
        app.call(poem::http::Method::POST, &format!("/drafts/{draft}/group-suggestions"), Some(&handler), &[], None).await.expect(200);
    assert_eq!(found["grouped"], 4_101);
    let group = app.get(&format!("/drafts/{draft}/groups"), Some(&handler)).await.expect(200)["items"][0].clone();
    let mut body = answer("adopted", "改为四十八小时");
    body["from_revision"] = group["revision"].clone();
    let done = app.put(&format!("/opinion-groups/{}/disposition", group["id"].as_str().unwrap()), Some(&handler), body).await.expect(200);
    assert_eq!(done["answered"], 4_101);
    assert_eq!(app.pass_all(&draft).await, 4_101);
    let done = app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    assert_eq!(done["published"], 4_101);
    let mut delivered = 0;
    loop {
        match app.deliver().await {
            0 => break,
            n => delivered += n,
        }
    }
    assert_eq!(delivered, 4_102, "one receipt, and one message for each answer");
    app.finish().await;
}

/// Value of the first hidden field of a name.
fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    let (_, rest) = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name}"));
    rest.split('"').next().unwrap()
}

async fn page(app: &TestApp, path: &str, cookie: &str) -> String {
    let response = app.raw(path, &[("cookie", cookie)]).await;
    assert_eq!(response.status(), 200, "{path}");
    String::from_utf8(response.into_body().into_bytes().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_desk_works_as_plain_forms() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let posted = campaign(&app, &draft).await;
    end_round(&app).await;
    let handler = format!("zhitong_session={}", app.token(Role::Handler).await);
    let reviewer = format!("zhitong_session={}", app.token(Role::Reviewer).await);
    let base = format!("/staff/drafts/{draft}");

    // The list: the four numbers, a filter in the address, an empty state, near-identical opinions.
    let list = page(&app, &format!("{base}/opinions"), &handler).await;
    assert!(
        list.contains("条意见") && list.contains("种不同文本") && list.contains("位登录的提出人") && list.contains("条来自微信小程序"),
        "{list}"
    );
    assert!(page(&app, &format!("{base}/opinions?tag=none"), &handler).await.contains("没有符合条件的意见"));
    let csrf = hidden(&list, "csrf").to_owned();
    let refused = app.raw_form(&format!("{base}/opinions"), &handler, "csrf=wrong&do=suggest".into()).await;
    assert_eq!(refused.status(), 403);
    let found = app.raw_form(&format!("{base}/opinions"), &handler, format!("csrf={csrf}&do=suggest")).await;
    assert_eq!(found.status(), 200);
    let body = format!("csrf={csrf}&back=%2Fstaff&do=tag&tag=%E9%87%8D%E7%82%B9&id={}&id={}", posted[0], posted[6]);
    assert_eq!(app.raw_form(&format!("{base}/opinions"), &handler, body).await.status(), 303);
    assert!(page(&app, &format!("{base}/opinions"), &handler).await.contains("重点（2）"));

    // Side by side: the article, the group, its answer; a missing reason comes back with what was chosen.
    let side = page(&app, &format!("{base}/answering?at=art-4"), &handler).await;
    assert!(side.contains("使用者应当在二十四小时内归还") && side.contains("4 条意见，3 种不同文本，4 位登录的提出人"), "{side}");
    let (group, revision) = (hidden(&side, "group").to_owned(), hidden(&side, "revision").to_owned());
    let answer = |reason: &str| {
        format!(
            "csrf={csrf}&back={base}%2Fanswering&id={}&group={group}&revision={revision}&from=0&kind=adopted&reason={reason}&do=answer_group",
            posted[0]
        )
    };
    let missing = app.raw_form(&format!("{base}/answering"), &handler, answer("")).await;
    assert_eq!(missing.status(), 400);
    let html = String::from_utf8(missing.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("采纳情况必须说明理由") && html.contains("value=\"adopted\" required checked"), "{html}");
    assert_eq!(app.raw_form(&format!("{base}/answering"), &handler, answer("%E6%94%B9")).await.status(), 303);
    let work = app.get(&format!("/drafts/{draft}/work?state=answer_prepared"), Some(handler.split_once('=').unwrap().1)).await.expect(200);
    assert_eq!(ids(&work).len(), 4);

    // The batch: what is missing is said; a reviewer lets everything pass; the rest is excluded; it is published at once.
    let batch = page(&app, &format!("{base}/feedback"), &reviewer).await;
    assert!(batch.contains("还有 7 条意见") && !batch.contains("一次公布全部采纳情况"), "{batch}");
    let csrf_reviewer = hidden(&batch, "csrf").to_owned();
    let passed = app.raw_form(&format!("{base}/feedback"), &reviewer, format!("csrf={csrf_reviewer}&do=pass_all")).await;
    assert_eq!(passed.status(), 200);
    let rest: String = posted[4..].iter().map(|id| format!("&id={id}")).collect();
    let body = format!("csrf={csrf}&back=%2Fstaff&do=exclude&reason=author_wish{rest}");
    assert_eq!(app.raw_form(&format!("{base}/opinions"), &handler, body).await.status(), 303);
    let batch = page(&app, &format!("{base}/feedback"), &reviewer).await;
    assert!(batch.contains("作者要求不处理 3 条") && batch.contains("一次公布全部采纳情况"), "{batch}");
    let published =
        app.raw_form(&format!("{base}/feedback"), &reviewer, format!("csrf={csrf_reviewer}&do=publish&summary=%E5%85%B1")).await;
    let html = String::from_utf8(published.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("已公布 4 条意见的采纳情况"), "{html}");
    // A handler neither reviews nor publishes; a citizen is led to the login.
    assert_eq!(app.raw_form(&format!("{base}/feedback"), &handler, format!("csrf={csrf}&do=publish")).await.status(), 403);
    assert_eq!(app.raw(&format!("{base}/opinions"), &[]).await.status(), 303);
    app.deliver().await;
    app.finish().await;
}
