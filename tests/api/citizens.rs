//! Citizens: phone and one-time code, what must be declared, own sessions, and the pages of all that.

use chrono::Duration;
use poem::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use zhitong::accounts::citizens::consent::require_standing;
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::accounts::citizens::{self, openid_of};
use zhitong::accounts::sms::{BROKEN_PHONE, BUSY_PHONE};
use zhitong::accounts::{Role, sessions};
use zhitong::error::Code;
use zhitong::ids::AccountId;

use crate::pages::Browser;
use crate::support::{Answer, TestApp};

const PHONE: &str = "13812345678";

async fn ask(app: &TestApp, phone: &str, purpose: &str) -> Answer {
    app.post("/phone-codes", None, json!({"phone": phone, "purpose": purpose})).await
}

/// Asks for a code a minute after the last one, and reads it where only a test can.
async fn code(app: &TestApp, phone: &str, purpose: &str) -> String {
    app.clock.advance(Duration::seconds(61));
    ask(app, phone, purpose).await.expect(202);
    app.app.sms.shown_code(phone).await.unwrap().unwrap()
}

async fn sign_in(app: &TestApp, phone: &str, code: &str) -> Answer {
    app.post("/sessions/phone", None, json!({"phone": phone, "code": code})).await
}

async fn enter(app: &TestApp, phone: &str) -> Value {
    let code = code(app, phone, "sign_in").await;
    sign_in(app, phone, &code).await.expect(201)
}

/// A code of six digits that is not the given one.
fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

fn account(session: &Value) -> AccountId {
    AccountId(session["account"]["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_phone_and_a_code_let_a_person_in() {
    let app = TestApp::start().await;
    let sent = ask(&app, "+86 138-1234-5678", "sign_in").await.expect(202);
    assert_eq!(sent["sent_to"], "138****5678");
    assert_eq!(sent["expires_at"], "2026-03-02T02:05:00+00:00");
    assert!(sent.get("demonstration_code").is_none(), "outside the demonstration nobody is told the code");
    let code = app.app.sms.shown_code(PHONE).await.unwrap().unwrap();
    sign_in(&app, PHONE, &other(&code)).await.expect_problem(Code::LoginFailed);
    let first = sign_in(&app, PHONE, &code).await.expect(201);
    assert_eq!(first["account"]["role"], "citizen");
    sign_in(&app, PHONE, &code).await.expect_problem(Code::LoginFailed);
    let second = enter(&app, PHONE).await;
    assert_eq!(first["account"]["id"], second["account"]["id"]);
    assert_ne!(first["token"], second["token"]);
    assert_ne!(enter(&app, "13912345678").await["account"]["id"], first["account"]["id"]);
    app.finish().await;
}

#[tokio::test]
async fn neither_phone_nor_code_nor_openid_is_stored_in_clear() {
    let app = TestApp::start().await;
    let session = app.post("/sessions/wechat", None, json!({"code": "sandbox-zhao"})).await.expect(201);
    let openid = openid_of(&app.app.db, &app.app.field_cipher, account(&session)).await.unwrap().unwrap();
    enter(&app, PHONE).await;
    let code = code(&app, PHONE, "sign_in").await;
    let stored: Vec<String> = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(
        "SELECT COALESCE(phone_hash, '') || ' ' || COALESCE(phone_sealed, '') || ' ' || COALESCE(openid_hash, '') || ' ' || COALESCE(openid_sealed, '')
        || ' ' || display_name FROM account UNION ALL SELECT phone_hash || ' ' || code_hash || ' ' || purpose FROM phone_code
        UNION ALL SELECT act || ' ' || detail FROM audit_entry").fetch_all(pool).await)
    .unwrap();
    assert!(stored.len() >= 5, "{stored:?}");
    for row in stored {
        assert!(!row.contains(PHONE) && !row.contains("5678") && !row.contains(&code) && !row.contains(&openid), "{row}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_code_ends_after_five_minutes_five_tries_or_another_code() {
    let app = TestApp::start().await;
    let late = code(&app, PHONE, "sign_in").await;
    app.clock.advance(Duration::minutes(5));
    sign_in(&app, PHONE, &late).await.expect_problem(Code::LoginFailed);

    let guessed = code(&app, PHONE, "sign_in").await;
    for _ in 0..5 {
        sign_in(&app, PHONE, &other(&guessed)).await.expect_problem(Code::LoginFailed);
    }
    sign_in(&app, PHONE, &guessed).await.expect_problem(Code::LoginFailed);

    let old = code(&app, PHONE, "sign_in").await;
    let new = code(&app, PHONE, "sign_in").await;
    if old != new {
        sign_in(&app, PHONE, &old).await.expect_problem(Code::LoginFailed);
    }
    sign_in(&app, PHONE, &new).await.expect(201);

    let for_binding = code(&app, PHONE, "bind_phone").await;
    sign_in(&app, PHONE, &for_binding).await.expect_problem(Code::LoginFailed);
    app.finish().await;
}

#[tokio::test]
async fn a_phone_gets_one_code_a_minute_and_five_an_hour() {
    let app = TestApp::start().await;
    ask(&app, PHONE, "sign_in").await.expect(202);
    app.clock.advance(Duration::seconds(59));
    let soon = ask(&app, PHONE, "sign_in").await.expect_problem(Code::TooMany);
    assert!(soon["detail"].as_str().unwrap().contains("1 秒"), "{soon}");
    for _ in 0..4 {
        app.clock.advance(Duration::seconds(61));
        ask(&app, PHONE, "sign_in").await.expect(202);
    }
    app.clock.advance(Duration::seconds(61));
    ask(&app, PHONE, "sign_in").await.expect_problem(Code::TooMany);
    ask(&app, "13912345678", "sign_in").await.expect(202);
    app.finish().await;
}

#[tokio::test]
async fn nobody_learns_whether_a_phone_is_known() {
    let app = TestApp::start().await;
    enter(&app, PHONE).await;
    app.clock.advance(Duration::seconds(61));
    let (known, unknown) = (ask(&app, PHONE, "sign_in").await.expect(202), ask(&app, "13812340000", "sign_in").await.expect(202));
    assert_eq!(known.as_object().unwrap().keys().collect::<Vec<_>>(), unknown.as_object().unwrap().keys().collect::<Vec<_>>());
    assert_eq!(known["expires_at"], unknown["expires_at"]);
    let wrong = |phone: &'static str| sign_in(&app, phone, "no code");
    let (known, unknown, never_asked) = (wrong(PHONE).await, wrong("13812340000").await, wrong("13812349999").await);
    let detail = known.expect_problem(Code::LoginFailed)["detail"].clone();
    assert_eq!(unknown.expect_problem(Code::LoginFailed)["detail"], detail);
    assert_eq!(never_asked.expect_problem(Code::LoginFailed)["detail"], detail);
    app.finish().await;
}

#[tokio::test]
async fn a_gateway_that_fails_costs_the_person_no_minute() {
    let app = TestApp::start().await;
    ask(&app, BROKEN_PHONE, "sign_in").await.expect_problem(Code::Upstream);
    ask(&app, BROKEN_PHONE, "sign_in").await.expect_problem(Code::Upstream);
    ask(&app, BUSY_PHONE, "sign_in").await.expect_problem(Code::TooMany);
    ask(&app, "12345678901", "sign_in").await.expect_invalid("phone");
    app.finish().await;
    let off = TestApp::start_as(|config| config.sms.gateway = zhitong::config::SmsMode::Off).await;
    ask(&off, PHONE, "sign_in").await.expect_problem(Code::Conflict);
    off.finish().await;
}

#[tokio::test]
async fn what_must_be_declared_comes_before_the_first_opinion() {
    let app = TestApp::start().await;
    let session = enter(&app, PHONE).await;
    let (token, id) = (session["token"].as_str(), account(&session));
    let standing = || require_standing(&app.app.db, id);
    assert_eq!(standing().await.unwrap_err().code, Code::ConsentRequired);
    let profile = app.get("/account/profile", token).await.expect(200);
    assert_eq!(
        (&profile["phone"], &profile["needs_privacy_consent"], &profile["age"]),
        (&json!("138****5678"), &json!(true), &json!("unknown"))
    );

    let notice = app.get("/privacy-notice", None).await.expect(200);
    assert_eq!(notice["version"], PRIVACY_VERSION);
    app.put("/account/privacy-consent", token, json!({"version": "1999-01"})).await.expect_invalid("privacy_version");
    app.put("/account/privacy-consent", token, json!({"version": PRIVACY_VERSION})).await.expect(204);
    app.put("/account/privacy-consent", token, json!({"version": PRIVACY_VERSION})).await.expect(204);
    assert_eq!(standing().await.unwrap_err().code, Code::ConsentRequired);
    app.put("/account/age", token, json!({"is_fourteen_or_over": true})).await.expect(204);
    assert!(!standing().await.unwrap().is_minor);
    let profile = app.get("/account/profile", token).await.expect(200);
    assert_eq!((&profile["may_post_opinions"], &profile["needs_privacy_consent"]), (&json!(true), &json!(false)));

    let auditor = app.token(Role::Auditor).await;
    let log = app.get("/audit/entries?limit=20", Some(&auditor)).await.expect(200);
    let acts: Vec<&str> = log["items"].as_array().unwrap().iter().map(|e| e["act"].as_str().unwrap()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "accept_privacy_notice").count(), 1, "a repetition is no second act: {acts:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_child_needs_a_guardian_who_holds_a_phone() {
    let app = TestApp::start().await;
    let says = json!({"code": "sandbox-child", "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": false});
    let session = app.post("/sessions/wechat", None, says).await.expect(201);
    let (token, id) = (session["token"].as_str(), account(&session));
    assert_eq!(require_standing(&app.app.db, id).await.unwrap_err().code, Code::ConsentRequired);
    let guardian_phone = "13698765432";
    let consent = |code: &str| json!({"name": "周某", "relation": "parent", "phone": guardian_phone, "code": code});
    app.put("/account/guardian-consent", token, consent("000000")).await.expect_invalid("code");
    let for_signing_in = code(&app, guardian_phone, "sign_in").await;
    app.put("/account/guardian-consent", token, consent(&for_signing_in)).await.expect_invalid("code");
    let code = code(&app, guardian_phone, "guardian_consent").await;
    app.put("/account/guardian-consent", token, consent(&code)).await.expect(204);
    assert!(require_standing(&app.app.db, id).await.unwrap().is_minor);
    let profile = app.get("/account/profile", token).await.expect(200);
    assert_eq!((&profile["guardian"]["phone"], &profile["guardian"]["relation"]), (&json!("136****5432"), &json!("parent")));
    let stored: String = zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar(
        "SELECT guardian_name_sealed || guardian_phone_sealed FROM account WHERE guardian_name_sealed IS NOT NULL").fetch_one(pool).await)
    .unwrap();
    assert!(!stored.contains("周") && !stored.contains("5432"));

    let grown = app.token(Role::Citizen).await;
    let code = self::code(&app, guardian_phone, "guardian_consent").await;
    app.put("/account/guardian-consent", Some(&grown), consent(&code)).await.expect_problem(Code::Conflict);
    app.finish().await;
}

#[tokio::test]
async fn own_sessions_are_seen_and_ended_and_nobody_elses() {
    let app = TestApp::start().await;
    let (one, two, three) = (enter(&app, PHONE).await, enter(&app, PHONE).await, enter(&app, PHONE).await);
    let stranger = enter(&app, "13912345678").await;
    let token = |session: &Value| session["token"].as_str().unwrap().to_owned();
    let (one, two, three, stranger) = (token(&one), token(&two), token(&three), token(&stranger));
    let listed = app.get("/account/sessions", Some(&one)).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items.iter().filter(|s| s["is_current"] == true).count(), 1);
    assert!(!listed.to_string().contains(&one[..16]), "a handle is no part of a token");
    let mine = items.iter().find(|s| s["is_current"] == false).unwrap()["handle"].as_str().unwrap().to_owned();
    app.call(Method::DELETE, &format!("/account/sessions/{mine}"), Some(&stranger), &[], None).await.expect(204);
    assert_eq!(app.get("/account/sessions", Some(&one)).await.expect(200)["items"].as_array().unwrap().len(), 3);
    app.call(Method::DELETE, &format!("/account/sessions/{mine}"), Some(&one), &[], None).await.expect(204);
    app.call(Method::DELETE, "/account/sessions/zz", Some(&one), &[], None).await.expect_problem(Code::NotFound);
    assert_eq!(app.get("/account/sessions", Some(&one)).await.expect(200)["items"].as_array().unwrap().len(), 2);
    let ended = app.call(Method::DELETE, "/account/sessions", Some(&one), &[], None).await.expect(200);
    assert_eq!(ended["ended"], 1);
    app.get("/account", Some(&one)).await.expect(200);
    for gone in [two, three] {
        app.get("/account", Some(&gone)).await.expect_problem(Code::LoginRequired);
    }
    app.get("/account", Some(&stranger)).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn a_person_signs_in_and_out_on_the_pages() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let turned_away = browser.get("/me", "").await;
    assert_eq!(turned_away.header(header::LOCATION), "/sign-in?next=%2Fme");
    let door = browser.get("/sign-in?next=%2Fme%2Fage", "").await;
    let cookie = door.cookie("zhitong_door");
    assert!(door.html.contains("name=\"next\" value=\"/me/age\""));

    let forged = browser.submit("/sign-in/code", "", &format!("csrf={}&phone={PHONE}", door.csrf())).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let wrong = browser.submit("/sign-in/code", &cookie, &format!("csrf={}&phone=123&next=%2Fme%2Fage", door.csrf())).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.html.contains("value=\"123\"") && wrong.html.contains("aria-invalid"), "{}", wrong.html);
    let asked = browser.submit("/sign-in/code", &cookie, &format!("csrf={}&phone={PHONE}&next=%2Fme%2Fage", door.csrf())).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.html.contains("138****5678"), "{}", asked.html);
    let code = app.app.sms.shown_code(PHONE).await.unwrap().unwrap();
    assert!(!asked.html.contains(&code), "outside the demonstration the page does not tell the code");

    let form = |code: &str, agreed: &str, next: &str| format!("csrf={}&phone={PHONE}&code={code}&agreed={agreed}&next={next}", door.csrf());
    let unread = browser.submit("/sign-in", &cookie, &form(&code, "", "%2Fme")).await;
    assert!(unread.status == StatusCode::BAD_REQUEST && unread.html.contains("勾选同意"), "{}", unread.html);
    let guessed = browser.submit("/sign-in", &cookie, &form(&other(&code), "yes", "%2Fme")).await;
    assert!(guessed.status == StatusCode::BAD_REQUEST && guessed.html.contains("验证码不正确"), "{}", guessed.html);

    // A session planted beforehand is not the one that counts afterwards.
    let planted = enter(&app, "13912345678").await["token"].as_str().unwrap().to_owned();
    let code = self::code(&app, PHONE, "sign_in").await;
    let both = format!("{cookie}; zhitong_session={planted}");
    let entered = browser.submit("/sign-in", &both, &form(&code, "yes", "%2F%2Fevil.example")).await;
    assert_eq!((entered.status, entered.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/"), "only to places of this site");
    let set = entered.cookies.iter().find(|c| c.starts_with("zhitong_session=")).unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Max-Age=2592000"), "{set}");
    assert!(!set.contains(&planted));
    app.get("/account", Some(&planted)).await.expect_problem(Code::LoginRequired);
    let session = entered.cookie("zhitong_session");

    let me = browser.get("/me", &session).await;
    assert!(me.html.contains("138****5678") && me.html.contains("去说明") && me.html.contains("当前"), "{}", me.html);
    assert_eq!(me.header(header::CACHE_CONTROL), "no-store");
    assert!(!me.html.contains(PHONE));
    let said = browser.submit("/me/age", &session, &format!("csrf={}&age=fourteen_or_over&next=%2Fme", me.csrf())).await;
    assert_eq!(said.header(header::LOCATION), "/me?done=age");
    let me = browser.get("/me?done=age", &session).await;
    assert!(me.html.contains("已满十四周岁") && me.html.contains("已记录您的说明") && !me.html.contains("去说明"), "{}", me.html);
    let unmarked = browser.submit("/sign-out", &session, "csrf=").await;
    assert_eq!(unmarked.status, StatusCode::FORBIDDEN);
    browser.submit("/sign-out", &session, &format!("csrf={}", me.csrf())).await;
    assert_eq!(browser.get("/me", &session).await.status, StatusCode::SEE_OTHER);
    app.finish().await;
}

#[tokio::test]
async fn the_session_cookie_is_secure_where_the_site_is() {
    let app = TestApp::start_as(|config| config.public_url = "https://lifa.example".into()).await;
    let browser = Browser::of(&app);
    let door = browser.get("/sign-in", "").await;
    assert!(door.cookies.iter().all(|c| c.contains("Secure")), "{:?}", door.cookies);
    app.finish().await;
}

#[tokio::test]
async fn a_guardian_consents_on_the_pages() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let session = format!("zhitong_session={}", enter(&app, PHONE).await["token"].as_str().unwrap());
    let page = browser.get("/me/age", &session).await;
    let csrf = page.csrf();
    let nothing = browser.submit("/me/age", &session, &format!("csrf={csrf}")).await;
    assert!(nothing.status == StatusCode::BAD_REQUEST && nothing.html.contains("请选择一项"));
    let said = browser.submit("/me/age", &session, &format!("csrf={csrf}&age=under_fourteen&next=%2Fdrafts")).await;
    assert_eq!(said.header(header::LOCATION), "/me/guardian?next=%2Fdrafts");
    let form = |code: &str| format!("csrf={csrf}&name=%E5%91%A8%E6%9F%90&relation=parent&phone=13698765432&code={code}&next=%2Fdrafts");
    let asked = browser.submit("/me/guardian/code", &session, &form("")).await;
    assert!(asked.status == StatusCode::OK && asked.html.contains("136****5432"), "{}", asked.html);
    let code = app.app.sms.shown_code("13698765432").await.unwrap().unwrap();
    let wrong = browser.submit("/me/guardian", &session, &form(&other(&code))).await;
    assert!(
        wrong.status == StatusCode::BAD_REQUEST && wrong.html.contains("验证码不正确") && wrong.html.contains("周某"),
        "{}",
        wrong.html
    );
    let done = browser.submit("/me/guardian", &session, &form(&code)).await;
    assert_eq!(done.header(header::LOCATION), "/drafts");
    assert!(browser.get("/me", &session).await.html.contains("周某（父母，136****5432）"));
    app.finish().await;
}

#[tokio::test]
async fn two_clicks_at_once_send_one_code() {
    let app = TestApp::start().await;
    let answers = futures_util::future::join_all((0..8).map(|_| ask(&app, PHONE, "sign_in"))).await;
    let sent = answers.iter().filter(|a| a.status == 202).count();
    assert_eq!((sent, answers.iter().filter(|a| a.status == 429).count()), (1, 7));
    app.finish().await;
}

#[tokio::test]
async fn a_closed_account_has_no_openid_and_no_standing() {
    let app = TestApp::start().await;
    let session = app.post("/sessions/wechat", None, json!({"code": "sandbox-zhao"})).await.expect(201);
    let id = account(&session);
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE account SET is_active = FALSE WHERE id = $1").bind(id).execute(c).await.map(drop))
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(citizens::openid_of(&app.app.db, &app.app.field_cipher, id).await.unwrap(), None);
    assert_eq!(require_standing(&app.app.db, id).await.unwrap_err().code, Code::LoginRequired);
    assert!(sessions::find_caller(&app.app.db, &app.clock, session["token"].as_str().unwrap()).await.unwrap().is_none());
    app.post("/sessions/wechat", None, json!({"code": "sandbox-zhao.2"})).await.expect_problem(Code::LoginFailed);
    app.finish().await;
}
