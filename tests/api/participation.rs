//! Taking part: quoted and proposed words, files, changing and withdrawing, speaking without an account, agreeing, and what others see.

use poem::http::{Method, header};
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::config::{LimitRules, Quota, Rules};
use zhitong::error::Code;
use zhitong::server::upkeep;

use crate::support::TestApp;

const PNG: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\x01";
const SECRET_KEY: &str = "5e9c1f7ab2d84c03a6e0f1d2c3b4a596";

fn opinion(body: &str) -> Value {
    json!({"address": "art-4", "stance": "amend", "body": body, "is_public": true})
}

fn id(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn edit(app: &TestApp, token: &str, opinion: &str, key: &str, revision: i64, new: Value) -> crate::support::Answer {
    let body = json!({"revision": revision, "opinion": new});
    app.call(Method::PUT, &format!("/opinions/{opinion}"), Some(token), &[("Idempotency-Key", key)], Some(body)).await
}

async fn withdraw(app: &TestApp, token: &str, opinion: &str, key: &str, revision: i64) -> crate::support::Answer {
    let path = format!("/opinions/{opinion}/withdrawal");
    app.call(Method::POST, &path, Some(token), &[("Idempotency-Key", key)], Some(json!({"revision": revision}))).await
}

#[tokio::test]
async fn words_are_quoted_and_proposed_on_what_stands_there() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let citizen = Some(citizen.as_str());
    let mut new = opinion("时间太短");
    new["quote_text"] = json!("二十四小时");
    new["proposed_text"] = json!("使用者应当在四十八小时内归还。");
    let receipt = app.post_opinion(&draft, citizen, "key-00000001", new.clone()).await.expect(201);
    let stored = app.get(&format!("/opinions/{}", id(&receipt["opinion_id"])), citizen).await.expect(200);
    assert_eq!((&stored["quote_text"], &stored["quote_start"]), (&json!("二十四小时"), &json!(6)));
    assert_eq!(stored["proposed_text"], "使用者应当在四十八小时内归还。");
    // A selection runs over several lines, with white space as the browser likes it.
    let long = json!({"address": "art-3", "stance": "amend", "body": "合并", "is_public": true, "quote_text": "（二）在雨季增加投放数量；  （三）公布", "quote_start": 20});
    let receipt = app.post_opinion(&draft, citizen, "key-00000002", long).await.expect(201);
    let stored = app.get(&format!("/opinions/{}", id(&receipt["opinion_id"])), citizen).await.expect(200);
    assert_eq!(stored["quote_text"], "（二）在雨季增加投放数量；\n（三）公布");
    // A wording alone is an opinion; the wording that stands there already is none.
    let wording = json!({"address": "art-4", "stance": "amend", "is_public": true, "proposed_text": "使用者应当当日归还。"});
    app.post_opinion(&draft, citizen, "key-00000003", wording).await.expect(201);
    let same = json!({"address": "art-4", "stance": "amend", "is_public": true, "proposed_text": "使用者应当在二十四小时内归还。"});
    app.post_opinion(&draft, citizen, "key-00000004", same).await.expect_invalid("body");
    new["quote_text"] = json!("七十二小时");
    app.post_opinion(&draft, citizen, "key-00000004", new).await.expect_invalid("quote_text");
    let nowhere = json!({"stance": "amend", "body": "改", "is_public": true, "quote_text": "雨伞"});
    app.post_opinion(&draft, citizen, "key-00000004", nowhere).await.expect_invalid("quote_text");
    assert_eq!(app.deliver().await, 3);
    app.finish().await;
}

#[tokio::test]
async fn an_opinion_is_changed_with_its_history_until_the_round_ends() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let other = app.token(Role::Citizen).await;
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("第一稿")).await.expect(201);
    let it = id(&receipt["opinion_id"]).to_owned();
    edit(&app, &other, &it, "edit-0000001", 1, opinion("别人")).await.expect_problem(Code::NotFound);
    app.clock.advance(chrono::Duration::hours(1));
    let done =
        edit(&app, &citizen, &it, "edit-0000001", 1, json!({"stance": "oppose", "body": "第二稿", "is_public": false})).await.expect(200);
    assert_eq!((&done["revision"], &done["at"]), (&json!(2), &json!("2026-03-02T03:00:00+00:00")));
    // The same change again is the same change; another one under its key, or on words that were replaced, is none.
    let again = edit(&app, &citizen, &it, "edit-0000001", 1, json!({"stance": "oppose", "body": "第二稿", "is_public": false})).await;
    assert_eq!(again.expect(200), done);
    edit(&app, &citizen, &it, "edit-0000001", 1, opinion("别的")).await.expect_problem(Code::KeyReused);
    edit(&app, &citizen, &it, "edit-0000002", 1, opinion("迟到的")).await.expect_problem(Code::Conflict);
    edit(&app, &citizen, &it, "edit-0000003", 2, opinion("第三稿")).await.expect(200);

    let history = app.get(&format!("/opinions/{it}/revisions"), Some(&citizen)).await.expect(200);
    let bodies: Vec<&str> = history.as_array().unwrap().iter().map(|r| r["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["第一稿", "第二稿", "第三稿"]);
    assert_eq!((&history[1]["provision_label"], &history[1]["is_public"]), (&json!("全文"), &json!(false)));
    assert!(history[0]["replaced_at"] == "2026-03-02T03:00:00+00:00" && history[2]["replaced_at"].is_null());
    app.get(&format!("/opinions/{it}/revisions"), Some(&other)).await.expect_problem(Code::NotFound);
    let handler = app.token(Role::Handler).await;
    app.get(&format!("/opinions/{it}/revisions"), Some(&handler)).await.expect(200);

    let end: chrono::DateTime<chrono::Utc> = "2026-04-01T16:00:00Z".parse().unwrap();
    app.clock.advance(end - app.clock.now() - chrono::Duration::hours(24 * 20));
    let citizen = app.post("/sessions/wechat", None, json!({"code": "sandbox-citizen1.again"})).await.expect(201);
    let citizen = id(&citizen["token"]);
    app.clock.advance(end - app.clock.now());
    edit(&app, citizen, &it, "edit-0000004", 3, opinion("太晚")).await.expect_problem(Code::NotOpen);
    withdraw(&app, citizen, &it, "gone-0000001", 3).await.expect_problem(Code::NotOpen);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn two_changes_at_once_are_one() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("第一稿")).await.expect(201);
    let it = id(&receipt["opinion_id"]);
    let (a, b) = tokio::join!(
        edit(&app, &citizen, it, "edit-0000001", 1, opinion("甲")),
        edit(&app, &citizen, it, "edit-0000002", 1, opinion("乙"))
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(app.get(&format!("/opinions/{it}/revisions"), Some(&citizen)).await.expect(200).as_array().unwrap().len(), 2);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn what_was_withdrawn_leaves_counts_and_lists_and_stays_with_its_author() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    app.allow(true, false).await;
    let citizen = app.token(Role::Citizen).await;
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion("算了")).await.expect(201);
    let it = id(&receipt["opinion_id"]);
    let shown = format!("/drafts/{draft}/public-opinions");
    assert_eq!(app.get(&shown, None).await.expect(200)["items"].as_array().unwrap().len(), 1);
    let done = withdraw(&app, &citizen, it, "gone-0000001", 1).await.expect(200);
    assert_eq!(withdraw(&app, &citizen, it, "gone-0000001", 1).await.expect(200), done);
    withdraw(&app, &citizen, it, "gone-0000002", 1).await.expect_problem(Code::Conflict);
    edit(&app, &citizen, it, "edit-0000001", 1, opinion("再说")).await.expect_problem(Code::Conflict);
    assert_eq!(app.get(&shown, None).await.expect(200)["items"], json!([]));
    assert_eq!(app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200)["opinions"], 0);
    assert_eq!(app.get(&format!("/drafts/{draft}/provision-opinion-counts"), None).await.expect(200), json!([]));
    let own = app.get("/account/opinions", Some(&citizen)).await.expect(200);
    assert_eq!((&own["items"][0]["author_state_label"], &own["items"][0]["body"]), (&json!("已撤回"), &json!("算了")));
    assert_eq!(app.get("/account/opinions?state=shown", Some(&citizen)).await.expect(200)["items"], json!([]));
    assert_eq!(app.get("/account/opinions?state=withdrawn", Some(&citizen)).await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn files_come_with_an_opinion_and_only_staff_and_author_get_them() {
    let app = TestApp::start_with(Rules { enclosure_mib: 1, enclosures: 2, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    let (citizen, other, handler) = (app.token(Role::Citizen).await, app.token(Role::Citizen).await, app.token(Role::Handler).await);
    let up = |key: &'static str, name: &'static str, bytes: Vec<u8>| {
        let (app, draft, citizen) = (&app, draft.clone(), citizen.clone());
        async move { app.upload_enclosure(&draft, Some(&citizen), key, name, &bytes).await }
    };
    let photo = up("file-0000001", "路口 照片.png", PNG.to_vec()).await.expect(200);
    assert_eq!((&photo["name"], &photo["kind"]), (&json!("路口 照片.png"), &json!("png")));
    assert_eq!(up("file-0000001", "路口 照片.png", PNG.to_vec()).await.expect(200), photo, "the same key");
    assert_eq!(up("file-0000002", "路口 照片.png", PNG.to_vec()).await.expect(200), photo, "the same file");
    up("file-0000001", "另一张.png", PNG.to_vec()).await.expect_problem(Code::KeyReused);
    // What a name promises counts for nothing.
    up("file-0000003", "图.png", b"<html><script>alert(1)</script></html>".to_vec()).await.expect_problem(Code::UnsupportedMedia);
    up("file-0000003", "空.pdf", Vec::new()).await.expect_problem(Code::UnreadableFile);
    up("file-0000003", "大.pdf", [b"%PDF-1.7".to_vec(), vec![b' '; 1 << 20]].concat()).await.expect_problem(Code::TooLarge);
    let paper = up("file-0000004", "材料.png", b"%PDF-1.7 text".to_vec()).await.expect(200);
    assert_eq!(paper["kind"], "pdf");

    let mut new = opinion("见附件");
    new["attachments"] = json!([photo["id"], paper["id"]]);
    app.post_opinion(&draft, Some(&other), "key-00000001", new.clone()).await.expect_invalid("attachments");
    let receipt = app.post_opinion(&draft, Some(&citizen), "key-00000001", new.clone()).await.expect(201);
    assert_eq!(app.post_opinion(&draft, Some(&citizen), "key-00000001", new.clone()).await.expect(200), receipt);
    app.post_opinion(&draft, Some(&citizen), "key-00000002", new.clone()).await.expect_invalid("attachments");
    new["attachments"] = json!([photo["id"], paper["id"], "01980000-0000-7000-8000-00000000ffff"]);
    app.post_opinion(&draft, Some(&citizen), "key-00000003", new.clone()).await.expect_invalid("attachments");

    let it = id(&receipt["opinion_id"]);
    let path = format!("/opinion-attachments/{}", id(&photo["id"]));
    for token in [&citizen, &handler] {
        let authorization = format!("Bearer {token}");
        let sent = app.raw(&format!("/api/v1{path}"), &[("authorization", &authorization)]).await;
        assert_eq!(sent.status(), 200);
        let of = |name: header::HeaderName| sent.headers().get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(of(header::CONTENT_TYPE), ["application/octet-stream"]);
        let name = "attachment; filename=\"attachment.png\"; filename*=UTF-8''%E8%B7%AF%E5%8F%A3%20%E7%85%A7%E7%89%87.png";
        assert_eq!(of(header::CONTENT_DISPOSITION), [name]);
        assert_eq!(of(header::X_CONTENT_TYPE_OPTIONS), ["nosniff"]);
        assert!(of(header::CONTENT_SECURITY_POLICY)[0].contains("sandbox"));
        assert_eq!(sent.into_body().into_bytes().await.unwrap(), PNG);
    }
    app.get(&path, Some(&other)).await.expect_problem(Code::NotFound);
    app.get(&path, None).await.expect_problem(Code::LoginRequired);

    // A change that leaves a file out keeps it in the history only.
    let mut second = opinion("只留一件");
    second["attachments"] = json!([paper["id"]]);
    edit(&app, &citizen, it, "edit-0000001", 1, second).await.expect(200);
    let files = app.get(&format!("/opinions/{it}/attachments"), Some(&citizen)).await.expect(200);
    assert_eq!((files.as_array().unwrap().len(), &files[0]["name"]), (1, &json!("材料.png")));
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn uploads_that_came_with_no_opinion_are_removed() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let tidy = async || upkeep::tidy(&app.app).await.unwrap();
    let first = app.upload_enclosure(&draft, Some(&citizen), "file-0000001", "甲.png", PNG).await.expect(200);
    let kept = app.upload_enclosure(&draft, Some(&citizen), "file-0000002", "乙.png", PNG).await.expect(200);
    let mut new = opinion("见附件");
    new["attachments"] = json!([kept["id"]]);
    app.post_opinion(&draft, Some(&citizen), "key-00000001", new.clone()).await.expect(201);
    assert_eq!(tidy().await, 0);
    app.clock.advance(chrono::Duration::hours(24));
    assert_eq!(tidy().await, 1);
    // The same content came with an opinion under another name, and stays.
    let file = app.get(&format!("/opinion-attachments/{}", id(&kept["id"])), Some(&citizen)).await;
    assert_eq!(file.status, 200);
    new["attachments"] = json!([first["id"]]);
    app.post_opinion(&draft, Some(&citizen), "key-00000002", new).await.expect_invalid("attachments");
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn people_speak_without_an_account_where_the_round_allows_it() {
    let limits = LimitRules {
        anonymous_opinion_per_address: Quota { count: 4, seconds: 3_600 },
        lookup_per_address: Quota { count: 5, seconds: 600 },
        ..LimitRules::default()
    };
    let app = TestApp::start_with(Rules { limits, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    let path = format!("/drafts/{draft}/anonymous-opinions");
    let post = async |key: &str, body: Value| app.call(Method::POST, &path, None, &[("Idempotency-Key", key)], Some(body)).await;
    post(SECRET_KEY, opinion("不留名")).await.expect_problem(Code::LoginRequired);
    app.upload_enclosure(&draft, None, SECRET_KEY, "图.png", PNG).await.expect_problem(Code::LoginRequired);
    app.allow(false, true).await;
    post("key-00000001", opinion("不留名")).await.expect_invalid("Idempotency-Key");
    let photo = app.upload_enclosure(&draft, None, SECRET_KEY, "图.png", PNG).await.expect(200);
    let mut new = opinion("不留名");
    new["attachments"] = json!([photo["id"]]);
    let receipt = post(SECRET_KEY, new.clone()).await.expect(201);
    assert_eq!(post(SECRET_KEY, new).await.expect(200), receipt, "a repetition gives the code again");
    post(SECRET_KEY, opinion("别的")).await.expect_problem(Code::KeyReused);

    let code = id(&receipt["lookup_code"]).to_owned();
    assert_eq!(code.len(), 19);
    let look = async |code: &str| app.post("/opinion-lookups", None, json!({"code": code})).await;
    let found = look(&code.to_lowercase().replace('-', " ")).await.expect(200);
    assert_eq!(
        (&found["body"], &found["receipt_number"], &found["state"]),
        (&json!("不留名"), &receipt["receipt_number"], &json!("received"))
    );
    look("0000-0000-0000-0000").await.expect_problem(Code::NotFound);
    look("短").await.expect_problem(Code::NotFound);
    // Nobody else reaches it, and the code itself is stored nowhere.
    let citizen = app.token(Role::Citizen).await;
    app.get(&format!("/opinions/{}", id(&found["id"])), Some(&citizen)).await.expect_problem(Code::NotFound);
    let stored: String =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT lookup_hash FROM opinion WHERE lookup_hash IS NOT NULL").fetch_one(pool).await).unwrap();
    assert!(!stored.contains(&code.replace('-', "")) && stored.len() == 64);

    for n in 0..2 {
        post(&format!("{SECRET_KEY}{n}"), opinion("再来")).await.expect(201);
    }
    post(&format!("{SECRET_KEY}9"), opinion("再来")).await.expect_problem(Code::TooMany);
    for _ in 0..2 {
        look("0000-0000-0000-0000").await.expect_problem(Code::NotFound);
    }
    look(&code).await.expect_problem(Code::TooMany);
    let counts = app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200);
    assert_eq!((&counts["opinions"], &counts["signed_in_people"]), (&json!(3), &json!(0)));
    app.finish().await;
}

#[tokio::test]
async fn people_agree_once_and_not_with_themselves() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let (author, reader) = (app.token(Role::Citizen).await, app.token(Role::Citizen).await);
    let receipt = app.post_opinion(&draft, Some(&author), "key-00000001", opinion("改")).await.expect(201);
    let path = format!("/opinions/{}/vote", id(&receipt["opinion_id"]));
    let put = async |token: &str, key: &str, choice: &str| {
        app.call(Method::PUT, &path, Some(token), &[("Idempotency-Key", key)], Some(json!({"choice": choice}))).await
    };
    put(&reader, "vote-0000001", "agree").await.expect_problem(Code::NotFound);
    app.allow(true, false).await;
    let tally = put(&reader, "vote-0000001", "agree").await.expect(200);
    assert_eq!(tally, json!({"agree": 1, "disagree": 0, "own_choice": "agree"}));
    assert_eq!(put(&reader, "vote-0000001", "agree").await.expect(200), tally);
    assert_eq!(put(&reader, "vote-0000002", "agree").await.expect(200), tally, "a person counts once");
    assert_eq!(put(&reader, "vote-0000003", "disagree").await.expect(200), json!({"agree": 0, "disagree": 1, "own_choice": "disagree"}));
    put(&author, "vote-0000004", "agree").await.expect_problem(Code::Conflict);
    let shown = app.get(&format!("/drafts/{draft}/public-opinions?address=art-4"), Some(&reader)).await.expect(200);
    assert_eq!(shown["items"][0]["tally"], json!({"agree": 0, "disagree": 1, "own_choice": "disagree"}));
    assert_eq!(shown["items"][0]["is_own"], false);
    let gone = app.call(Method::DELETE, &path, Some(&reader), &[("Idempotency-Key", "vote-0000005")], None).await.expect(200);
    assert_eq!(gone, json!({"agree": 0, "disagree": 0}));
    let end: chrono::DateTime<chrono::Utc> = "2026-04-01T16:00:00Z".parse().unwrap();
    app.clock.advance(chrono::Duration::days(20));
    let late = app.token(Role::Citizen).await;
    app.clock.advance(end - app.clock.now());
    put(&late, "vote-0000006", "agree").await.expect_problem(Code::NotOpen);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn others_see_what_the_round_shows_and_the_place_of_what_was_hidden() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let (author, reader) = (app.token(Role::Citizen).await, app.token(Role::Citizen).await);
    let on =
        |address: &str, body: &str, is_public: bool| json!({"address": address, "stance": "amend", "body": body, "is_public": is_public});
    for (n, new) in [
        on("art-3", "第三条的意见", true),
        on("art-3/para-1/item-2", "第二项的意见", true),
        on("art-3", "不公开的意见", false),
        on("art-4", "被隐藏的意见", true),
        on("art-4", "还在审核的意见", true),
        json!({"stance": "support", "body": "整体赞成", "is_public": true}),
    ]
    .into_iter()
    .enumerate()
    {
        app.post_opinion(&draft, Some(&author), &format!("key-0000000{n}"), new).await.expect(201);
    }
    const HIDE: &str = "UPDATE opinion SET display = CASE WHEN body = '被隐藏的意见' THEN 'hidden' ELSE 'checking' END WHERE body IN ('被隐藏的意见', '还在审核的意见')";
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(HIDE).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    let list = async |query: &str| app.get(&format!("/drafts/{draft}/public-opinions{query}"), Some(&reader)).await.expect(200);
    assert_eq!(list("").await["items"], json!([]), "this round keeps opinions back");
    app.allow(true, false).await;
    let all = list("").await;
    let seen: Vec<(Option<&str>, bool)> =
        all["items"].as_array().unwrap().iter().map(|o| (o["body"].as_str(), o["is_hidden"].as_bool().unwrap())).collect();
    assert_eq!(seen, [(Some("整体赞成"), false), (None, true), (Some("第二项的意见"), false), (Some("第三条的意见"), false)]);
    assert!(!all.to_string().contains("不公开的意见") && !all.to_string().contains("审核的意见"));
    let of = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((of(&list("?address=art-3").await), of(&list("?whole=true").await), of(&list("?address=art-1").await)), (2, 1, 0));
    let first = list("?limit=3").await;
    let rest = list(&format!("?limit=3&cursor={}", id(&first["next_cursor"]))).await;
    assert_eq!((of(&first), of(&rest), rest["next_cursor"].is_null()), (3, 1, true));
    let counts = app.get(&format!("/drafts/{draft}/provision-opinion-counts"), None).await.expect(200);
    assert!(counts.as_array().unwrap().contains(&json!({"address": "art-3", "opinions": 2, "shown": 1})), "{counts}");
    assert!(counts.as_array().unwrap().contains(&json!({"opinions": 1, "shown": 1})), "{counts}");
    // The author knows of each in plain words.
    let own = app.get("/account/opinions", Some(&author)).await.expect(200);
    let states: Vec<&str> = own["items"].as_array().unwrap().iter().map(|o| o["author_state_label"].as_str().unwrap()).collect();
    assert_eq!(states, ["已展示", "审核中", "不予展示", "已收到", "已展示", "已展示"]);
    assert_eq!(app.deliver().await, 6);
    app.finish().await;
}
