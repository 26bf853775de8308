//! What is held about one person: bound phones and merged accounts, the copy, the erasure.

use chrono::Duration;
use poem::http::{StatusCode, header};
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::accounts::citizens::consent::require_standing;
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::error::Code;
use zhitong::ids::AccountId;
use zhitong::opinions::sealing;
use zhitong::personal_data;

use crate::pages::Browser;
use crate::support::TestApp;

const PHONE: &str = "13812345678";

async fn code(app: &TestApp, phone: &str, purpose: &str) -> String {
    app.clock.advance(Duration::seconds(61));
    app.post("/phone-codes", None, json!({"phone": phone, "purpose": purpose})).await.expect(202);
    app.app.sms.shown_code(phone).await.unwrap().unwrap()
}

async fn by_phone(app: &TestApp, phone: &str) -> Value {
    let body =
        json!({"phone": phone, "code": code(app, phone, "sign_in").await, "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": true});
    app.post("/sessions/phone", None, body).await.expect(201)
}

async fn by_wechat(app: &TestApp, code: &str) -> Value {
    let body = json!({"code": code, "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": true});
    app.post("/sessions/wechat", None, body).await.expect(201)
}

fn token(session: &Value) -> Option<&str> {
    session["token"].as_str()
}

fn account(session: &Value) -> AccountId {
    AccountId(session["account"]["id"].as_str().unwrap().parse().unwrap())
}

fn opinion(body: &str) -> Value {
    json!({"stance": "amend", "body": body, "is_public": true, "address": "art-4"})
}

async fn own_opinions(app: &TestApp, session: &Value) -> usize {
    app.get("/account/opinions", token(session)).await.expect(200)["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_phone_is_bound_and_replaced() {
    let app = TestApp::start().await;
    let session = by_wechat(&app, "sandbox-zhao").await;
    let bind = |body: Value| app.put("/account/phone", token(&session), body);
    bind(json!({})).await.expect_invalid("phone");
    bind(json!({"phone": PHONE})).await.expect_invalid("phone");
    bind(json!({"phone": PHONE, "code": "000000"})).await.expect_invalid("code");
    assert_eq!(bind(json!({"wechat_code": format!("sandbox-phone-{PHONE}")})).await.expect(200)["is_merged"], false);
    bind(json!({"wechat_code": format!("sandbox-phone-{PHONE}")})).await.expect_invalid("code");
    assert_eq!(bind(json!({"wechat_code": format!("sandbox-phone-{PHONE}.again")})).await.expect(200)["is_merged"], false);
    let profile = app.get("/account/profile", token(&session)).await.expect(200);
    assert_eq!(profile["phone"], "138****5678");
    // The phone now leads to the same account.
    assert_eq!(by_phone(&app, PHONE).await["account"]["id"], session["account"]["id"]);
    let code = code(&app, "13987654321", "bind_phone").await;
    bind(json!({"phone": "13987654321", "code": code})).await.expect(200);
    assert_eq!(app.get("/account/profile", token(&session)).await.expect(200)["phone"], "139****4321");
    assert_ne!(by_phone(&app, PHONE).await["account"]["id"], session["account"]["id"], "the first phone is free again");
    app.finish().await;
}

#[tokio::test]
async fn the_account_of_a_phone_is_taken_up_whole() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let (phone, wechat) = (by_phone(&app, PHONE).await, by_wechat(&app, "sandbox-zhao").await);
    // The same key on both sides: both opinions stay.
    app.post_opinion(&draft, token(&phone), "key-00000001", opinion("手机上提的")).await.expect(201);
    app.post_opinion(&draft, token(&wechat), "key-00000001", opinion("微信里提的")).await.expect(201);
    app.post_opinion(&draft, token(&phone), "key-00000002", opinion("又一条")).await.expect(201);
    for session in [&phone, &wechat] {
        let account = account(session);
        let mut tx = app.app.db.begin().await.unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query("INSERT INTO draft_follower (draft_id, account_id, followed_at) SELECT d.id, a.id, a.created_at
            FROM draft d, account a WHERE a.id = $1 ON CONFLICT DO NOTHING").bind(account).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }
    // Both agree with a third person's opinion, and one with the other's: one voice is left. A file that was not used yet moves, too.
    let third = by_phone(&app, "13900000033").await;
    let theirs = app.post_opinion(&draft, token(&third), "key-00000001", opinion("第三个人提的")).await.expect(201)["opinion_id"].clone();
    let others = app.post_opinion(&draft, token(&wechat), "key-00000003", opinion("微信里再提")).await.expect(201)["opinion_id"].clone();
    for (session, about, choice) in [(&phone, &theirs, "agree"), (&wechat, &theirs, "disagree"), (&phone, &others, "agree")] {
        let (id, account) = (about.as_str().unwrap().parse::<uuid::Uuid>().unwrap(), account(session));
        let put =
            "INSERT INTO opinion_vote (opinion_id, account_id, choice, voted_at) SELECT $1, id, $3, created_at FROM account WHERE id = $2";
        let mut tx = app.app.db.begin().await.unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query(put).bind(id).bind(account).bind(choice).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }
    for session in [&phone, &wechat] {
        app.upload_enclosure(&draft, token(session), "key-00000009", "说明.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n")
            .await
            .expect(200);
    }
    app.deliver().await;
    let counted = || async { app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200)["opinions"].clone() };
    let before = counted().await;
    let mut messages = 0;
    for session in [&phone, &wechat] {
        messages += app.get("/account/messages?limit=100", token(session)).await.expect(200)["items"].as_array().unwrap().len();
    }
    assert!(messages >= 3);
    let body = json!({"wechat_code": format!("sandbox-phone-{PHONE}")});
    assert_eq!(sealing::seal_some(&app.app.db, &app.clock, 100).await.unwrap(), 5);
    assert_eq!(app.put("/account/phone", token(&wechat), body).await.expect(200)["is_merged"], true);
    assert_eq!(own_opinions(&app, &wechat).await, 4);
    assert_eq!(sealing::verify(&app.app.db).await.unwrap().different, 0, "receipts are what they were");
    let votes: Vec<(uuid::Uuid, String)> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_as("SELECT account_id, choice FROM opinion_vote").fetch_all(pool).await).unwrap();
    assert_eq!(votes, [(account(&wechat).0, "disagree".to_owned())], "one voice for each person, none about their own opinion");
    let copy = app.get("/account/copy", token(&wechat)).await.expect(200).to_string();
    assert!(copy.contains("不赞同") && copy.contains("说明.pdf"), "{copy}");
    assert_eq!(counted().await, before, "no opinion is lost or doubled");
    assert_eq!(app.get("/account/messages?limit=100", token(&wechat)).await.expect(200)["items"].as_array().unwrap().len(), messages);
    let follows: i64 =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT COUNT(*) FROM draft_follower").fetch_one(pool).await).unwrap();
    assert_eq!(follows, 2, "one person follows once, and the third does");
    app.get("/account", token(&phone)).await.expect_problem(Code::LoginRequired);
    assert_eq!(by_phone(&app, PHONE).await["account"]["id"], wechat["account"]["id"]);
    app.get("/account", token(&wechat)).await.expect(200);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn what_would_be_guessing_is_not_merged() {
    let app = TestApp::start().await;
    // The phone belongs to another WeChat user.
    let (one, two) = (by_wechat(&app, "sandbox-one").await, by_wechat(&app, "sandbox-two").await);
    app.put("/account/phone", token(&one), json!({"wechat_code": format!("sandbox-phone-{PHONE}")})).await.expect(200);
    let again = json!({"wechat_code": format!("sandbox-phone-{PHONE}.two")});
    app.put("/account/phone", token(&two), again).await.expect_problem(Code::Conflict);
    // The phone has an account, and the one that is signed in has another phone.
    let three = by_phone(&app, "13700000003").await;
    let body = json!({"wechat_code": "sandbox-phone-13700000003"});
    app.put("/account/phone", token(&one), body).await.expect_problem(Code::Conflict);
    app.get("/account", token(&three)).await.expect(200);
    assert_eq!(app.get("/account/profile", token(&one)).await.expect(200)["phone"], "138****5678");
    app.finish().await;
}

#[tokio::test]
async fn the_stricter_statement_of_age_survives_a_merge() {
    let app = TestApp::start().await;
    let child = by_phone(&app, PHONE).await;
    app.put("/account/age", token(&child), json!({"is_fourteen_or_over": false})).await.expect(204);
    let wechat = by_wechat(&app, "sandbox-zhao").await;
    app.put("/account/phone", token(&wechat), json!({"wechat_code": format!("sandbox-phone-{PHONE}")})).await.expect(200);
    assert_eq!(app.get("/account/profile", token(&wechat)).await.expect(200)["age"], "under_fourteen");
    assert_eq!(require_standing(&app.app.db, account(&wechat)).await.unwrap_err().code, Code::ConsentRequired);
    app.finish().await;
}

#[tokio::test]
async fn a_person_gets_everything_that_is_held_and_no_secret() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let session = by_phone(&app, PHONE).await;
    app.post_opinion(&draft, token(&session), "key-00000001", opinion("建议延长归还时间")).await.expect(201);
    app.deliver().await;
    let copy = app.get("/account/copy", token(&session)).await.expect(200);
    let text = copy.to_string();
    for held in [PHONE, "建议延长归还时间", "清河市共享雨伞管理办法", "您对", PRIVACY_VERSION, "登录"] {
        assert!(text.contains(held), "{held}: {text}");
    }
    for key in
        ["account", "sessions", "opinions", "answers", "followed_drafts", "votes", "files", "messages", "subscription_consents", "log"]
    {
        assert!(copy["held"].as_array().unwrap().iter().any(|h| h["key"] == key), "{key}");
    }
    let acts = copy["held"].as_array().unwrap().iter().find(|h| h["key"] == "log").unwrap()["entries"].as_array().unwrap();
    let fields = acts.iter().flat_map(|act| act["fields"].as_array().unwrap());
    let details: Vec<&str> = fields.filter(|f| f["key"] == "detail").map(|f| f["value"].as_str().unwrap()).collect();
    let notice = format!("告知版本 {PRIVACY_VERSION}");
    assert_eq!(details, [notice.as_str(), "已满十四周岁", "用手机验证码"], "what the log keeps is told in words");
    let hash = zhitong::storage::crypto::sm3_hex(token(&session).unwrap().as_bytes());
    assert!(!text.contains(token(&session).unwrap()) && !text.contains(&hash));
    // Nothing of anybody else.
    let other = by_phone(&app, "13900000009").await;
    app.post_opinion(&draft, token(&other), "key-00000001", opinion("别人的话")).await.expect(201);
    app.deliver().await;
    assert!(!app.get("/account/copy", token(&session)).await.expect(200).to_string().contains("别人的话"));
    let auditor = app.token(Role::Auditor).await;
    let log = app.get("/audit/entries?limit=10", Some(&auditor)).await.expect(200).to_string();
    assert!(log.contains("export_personal_data"), "{log}");
    app.finish().await;
}

#[tokio::test]
async fn an_erased_person_is_gone_and_their_opinions_are_answered_all_the_same() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let session = by_phone(&app, PHONE).await;
    app.put("/account/phone", token(&by_wechat(&app, "sandbox-zhao").await), json!({"wechat_code": format!("sandbox-phone-{PHONE}")}))
        .await
        .expect(200);
    app.get("/account", token(&session)).await.expect_problem(Code::LoginRequired);
    let session = by_phone(&app, PHONE).await;
    let second = by_wechat(&app, "sandbox-zhao.2").await;
    assert_eq!(session["account"]["id"], second["account"]["id"]);
    let posted = app.post_opinion(&draft, token(&session), "key-00000001", opinion("建议延长归还时间")).await.expect(201);
    app.deliver().await;
    app.upload_enclosure(&draft, token(&session), "key-00000009", "说明.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n")
        .await
        .expect(200);
    let erase = |word: &str| app.post("/account/erasure", token(&session), json!({"confirmation": word}));
    erase("不").await.expect_invalid("confirmation");
    let erased = erase("注销").await.expect(200);
    assert!(erased["retained"].as_array().unwrap().iter().all(|r| !r["why"].as_str().unwrap().is_empty()));
    for session in [&session, &second] {
        app.get("/account", token(session)).await.expect_problem(Code::LoginRequired);
    }
    let row: (Option<String>, Option<String>, Option<String>, Option<String>, String, bool) =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_as(
        "SELECT openid_hash, openid_sealed, phone_hash, phone_sealed, display_name, is_active FROM account WHERE id = $1")
        .bind(account(&session)).fetch_one(pool).await)
        .unwrap();
    assert_eq!(row, (None, None, None, None, "已注销用户".to_owned(), false));
    let messages: i64 = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM inbox WHERE account_id = $1) + (SELECT COUNT(*) FROM outbox WHERE account_id = $1) + (SELECT COUNT(*) FROM session WHERE account_id = $1)")
        .bind(account(&session)).fetch_one(pool).await).unwrap();
    assert_eq!(messages, 0);
    assert_eq!(zhitong::server::upkeep::tidy(&app.app).await.unwrap(), 1);
    // The opinion is still there, counted, and waits for its answer.
    let handler = app.token(Role::Handler).await;
    let path = format!("/opinions/{}", posted["opinion_id"].as_str().unwrap());
    assert_eq!(app.get(&path, Some(&handler)).await.expect(200)["body"], "建议延长归还时间");
    assert_eq!(app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200)["opinions"], 1);
    // The person comes back as somebody new.
    let again = by_phone(&app, PHONE).await;
    assert_ne!(again["account"]["id"], session["account"]["id"]);
    assert_eq!(own_opinions(&app, &again).await, 0);
    assert_ne!(by_wechat(&app, "sandbox-zhao.3").await["account"]["id"], session["account"]["id"]);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn every_table_with_an_account_has_been_thought_of() {
    let app = TestApp::start().await;
    let tables: Vec<String> = match &app.app.db {
        zhitong::storage::Db::Sqlite(sqlite) => sqlx::query_scalar(
            "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'account_id' ORDER BY 1",
        )
        .fetch_all(&sqlite.read)
        .await
        .unwrap(),
        zhitong::storage::Db::Postgres(pool) => sqlx::query_scalar(
            "SELECT table_name::TEXT FROM information_schema.columns WHERE column_name = 'account_id' AND table_schema = 'public' ORDER BY 1",
        )
        .fetch_all(pool)
        .await
        .unwrap(),
    };
    assert!(tables.len() >= 6, "{tables:?}");
    let unknown: Vec<&String> = tables.iter().filter(|table| !personal_data::DECIDED.contains(&table.as_str())).collect();
    assert!(unknown.is_empty(), "copying, merging and erasing must know these tables; see src/personal_data/mod.rs: {unknown:?}");
    app.finish().await;
}

#[tokio::test]
async fn the_pages_bind_export_and_erase() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let session = format!("zhitong_session={}", token(&by_wechat(&app, "sandbox-zhao").await).unwrap());
    let page = browser.get("/me/phone", &session).await;
    let csrf = page.csrf();
    let wrong = browser.submit("/me/phone/code", &session, &format!("csrf={csrf}&phone=1")).await;
    assert!(wrong.status == StatusCode::BAD_REQUEST && wrong.html.contains("11 位手机号码"));
    let asked = browser.submit("/me/phone/code", &session, &format!("csrf={csrf}&phone={PHONE}")).await;
    assert!(asked.status == StatusCode::OK && asked.html.contains("138****5678"));
    let code = app.app.sms.shown_code(PHONE).await.unwrap().unwrap();
    let bound = browser.submit("/me/phone", &session, &format!("csrf={csrf}&phone={PHONE}&code={code}")).await;
    assert_eq!(bound.header(header::LOCATION), "/me?done=phone");

    let export = browser.get("/me/export", &session).await;
    assert!(export.status == StatusCode::OK && export.html.contains(PHONE) && export.html.contains("登录的设备"), "{}", export.html);
    assert!(export.html.contains("<dd>用微信</dd>") && !export.html.contains("<dd>wechat</dd>"), "{}", export.html);
    let file = browser.get("/me/export.json", &session).await;
    assert!(file.header(header::CONTENT_DISPOSITION).contains("attachment"));
    let read: Value = serde_json::from_str(&file.html).unwrap();
    assert_eq!(read["held"][0]["entries"][0]["phone"], PHONE);
    let acts = read["held"].as_array().unwrap().iter().find(|h| h["key"] == "log").unwrap()["entries"].as_array().unwrap();
    assert!(acts.iter().any(|act| act["act"] == "绑定手机号" && act["detail"] == "用手机验证码"), "{acts:?}");

    let unsure = browser.submit("/me/delete", &session, &format!("csrf={csrf}&confirmation=")).await;
    assert!(unsure.status == StatusCode::BAD_REQUEST && unsure.html.contains("请输入“注销”两个字"));
    assert_eq!(browser.submit("/me/delete", &session, "csrf=x&confirmation=%E6%B3%A8%E9%94%80").await.status, StatusCode::FORBIDDEN);
    let gone = browser.submit("/me/delete", &session, &format!("csrf={csrf}&confirmation=%E6%B3%A8%E9%94%80")).await;
    assert!(gone.status == StatusCode::OK && gone.html.contains("账号已注销") && !gone.html.contains("href=\"/me\""), "{}", gone.html);
    assert_eq!(browser.get("/me", &session).await.status, StatusCode::SEE_OTHER);
    app.finish().await;
}
