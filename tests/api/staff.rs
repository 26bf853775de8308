//! Staff: the steps of signing in, passwords, the second step, accounts and their administrators.

use poem::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use zhitong::accounts::{NewStaff, Role, create_staff};
use zhitong::config::{Rules, StaffTotp};
use zhitong::error::Code;

use crate::pages::Browser;
use crate::support::TestApp;

const PASSWORD: &str = "correct horse battery";

async fn add(app: &TestApp, login_name: &str, role: Role) -> String {
    let new = NewStaff {
        login_name,
        display_name: "周一",
        role,
        password: PASSWORD,
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap().to_string()
}

async fn sign_in(app: &TestApp, name: &str, password: &str) -> crate::support::Answer {
    app.post("/sessions/staff", None, json!({"name": name, "password": password})).await
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// The code that a telephone shows, some seconds from now.
fn code(app: &TestApp, secret: &str, seconds: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(u64::try_from(app.clock.now().timestamp() + seconds).unwrap()).to_string()
}

/// A wrong code, whatever the right ones are.
fn wrong(app: &TestApp, secret: &str) -> String {
    let near: Vec<String> = (-2..=2).map(|step| code(app, secret, step * 30)).collect();
    (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
}

/// Sets a second step up for somebody with a session; its secret and recovery codes.
async fn enrol(app: &TestApp, token: &str) -> (String, Vec<String>) {
    let enrolment = app.post("/account/second-factor", Some(token), json!({})).await.expect(200);
    let secret = text(&enrolment, "secret").to_owned();
    assert!(text(&enrolment, "url").starts_with("otpauth://totp/"), "{enrolment}");
    let again = app.post("/account/second-factor", Some(token), json!({})).await.expect(200);
    assert_eq!(again["secret"], enrolment["secret"], "asking again gives the same secret");
    let path = "/account/second-factor/confirmation";
    app.post(path, Some(token), json!({"code": wrong(app, &secret)})).await.expect_invalid("code");
    let done = app.post(path, Some(token), json!({"code": code(app, &secret, 0)})).await.expect(200);
    let codes = done["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    (secret, codes)
}

#[tokio::test]
async fn a_code_is_taken_once_within_one_step_of_drift() {
    let app = TestApp::start().await;
    add(&app, "zhou", Role::Handler).await;
    let session = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let (secret, _) = enrol(&app, text(&session, "token")).await;
    app.post("/account/second-factor", session["token"].as_str(), json!({})).await.expect_problem(Code::Conflict);

    let next = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    assert_eq!(next["step"], "code");
    let ticket = text(&next, "ticket").to_owned();
    app.get("/account", Some(&ticket)).await.expect_problem(Code::LoginRequired);
    let give = |code: String| {
        let (app, ticket) = (&app, ticket.clone());
        async move { app.post("/sessions/staff/code", None, json!({"ticket": ticket, "code": code})).await }
    };
    // The code of the enrolment, and every one before it, has been used up.
    give(code(&app, &secret, 0)).await.expect_problem(Code::LoginFailed);
    give(code(&app, &secret, -30)).await.expect_problem(Code::LoginFailed);
    give(code(&app, &secret, 60)).await.expect_problem(Code::LoginFailed);
    let entered = give(code(&app, &secret, 30)).await.expect(201);
    app.get("/account", entered["token"].as_str()).await.expect(200);
    // The ticket is used up as well.
    app.clock.advance(chrono::Duration::seconds(90));
    give(code(&app, &secret, 0)).await.expect_problem(Code::LoginRequired);

    // Somebody who looked over the shoulder comes too late, on another ticket too.
    let next = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    let ticket = text(&next, "ticket").to_owned();
    let used = code(&app, &secret, 0);
    let (first, second) = tokio::join!(
        app.post("/sessions/staff/code", None, json!({"ticket": ticket, "code": used})),
        app.post("/sessions/staff/code", None, json!({"ticket": ticket, "code": used})),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    app.finish().await;
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_kept_as_a_hash() {
    let app = TestApp::start().await;
    add(&app, "zhou", Role::Handler).await;
    let session = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let (secret, codes) = enrol(&app, text(&session, "token")).await;
    assert_eq!(codes.len(), 10);
    for expected in [201, 401] {
        let ticket = sign_in(&app, "zhou", PASSWORD).await.expect(202);
        let body = json!({"ticket": ticket["ticket"], "code": codes[0].to_uppercase()});
        assert_eq!(app.post("/sessions/staff/code", None, body).await.status, expected);
    }
    let stored: Vec<String> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT code_hash FROM recovery_code").fetch_all(pool).await).unwrap();
    assert_eq!(stored.len(), 10);
    assert!(codes.iter().all(|code| !stored.iter().any(|hash| hash.contains(&code.replace('-', "")))));
    let sealed: String =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT totp_sealed FROM account WHERE totp_sealed IS NOT NULL")
            .fetch_one(pool).await)
        .unwrap();
    assert!(sealed.starts_with("v1.") && !sealed.contains(&secret));
    app.finish().await;
}

#[tokio::test]
async fn guessing_codes_ends_soon() {
    let app = TestApp::start_with(Rules { failed_logins: 4, ..Rules::default() }).await;
    add(&app, "zhou", Role::Handler).await;
    let session = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let (secret, _) = enrol(&app, text(&session, "token")).await;
    let ticket = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    let body = |code: String| json!({"ticket": ticket["ticket"], "code": code});
    for _ in 0..4 {
        app.post("/sessions/staff/code", None, body(wrong(&app, &secret))).await.expect_problem(Code::LoginFailed);
    }
    let refused = app.post("/sessions/staff/code", None, body(code(&app, &secret, 30))).await.expect_problem(Code::TooMany);
    assert!(text(&refused, "detail").contains("15 分钟"), "{refused}");
    app.clock.advance(chrono::Duration::minutes(15));
    let ticket = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    let body = json!({"ticket": ticket["ticket"], "code": code(&app, &secret, 0)});
    app.post("/sessions/staff/code", None, body).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn where_it_is_required_nobody_gets_in_without_a_second_step() {
    let app = TestApp::start_with(Rules { staff_totp: Some(StaffTotp::Required), ..Rules::default() }).await;
    add(&app, "zhou", Role::Handler).await;
    let next = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    assert_eq!(next["step"], "enrolment");
    let ticket = text(&next, "ticket");
    app.post("/sessions/staff/code", None, json!({"ticket": ticket, "code": "000000"})).await.expect_problem(Code::Conflict);
    let enrolment = app.post("/sessions/staff/enrolment", None, json!({"ticket": ticket})).await.expect(200);
    let secret = text(&enrolment, "secret").to_owned();
    let confirm = |code: String| {
        let (app, body) = (&app, json!({"ticket": ticket, "code": code}));
        async move { app.post("/sessions/staff/enrolment/confirmation", None, body).await }
    };
    confirm(wrong(&app, &secret)).await.expect_invalid("code");
    let entered = confirm(code(&app, &secret, 0)).await.expect(201);
    assert_eq!(entered["recovery_codes"].as_array().unwrap().len(), 10);
    let token = text(&entered["session"], "token").to_owned();
    app.get("/account", Some(&token)).await.expect(200);
    let removal = json!({"code": code(&app, &secret, 30)});
    app.post("/account/second-factor/removal", Some(&token), removal).await.expect_problem(Code::Conflict);
    app.finish().await;
}

#[tokio::test]
async fn a_half_way_sign_in_ends_by_itself() {
    let app = TestApp::start_with(Rules { staff_totp: Some(StaffTotp::Required), ..Rules::default() }).await;
    add(&app, "zhou", Role::Handler).await;
    let next = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    app.clock.advance(chrono::Duration::minutes(10));
    app.post("/sessions/staff/enrolment", None, json!({"ticket": next["ticket"]})).await.expect_problem(Code::LoginRequired);
    app.finish().await;
}

#[tokio::test]
async fn a_person_takes_their_second_step_away_with_a_code_of_it() {
    let app = TestApp::start().await;
    add(&app, "zhou", Role::Handler).await;
    let session = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let token = text(&session, "token").to_owned();
    let (secret, _) = enrol(&app, &token).await;
    let path = "/account/second-factor/removal";
    app.post(path, Some(&token), json!({"code": wrong(&app, &secret)})).await.expect_problem(Code::LoginFailed);
    app.post(path, Some(&token), json!({"code": code(&app, &secret, 30)})).await.expect(204);
    sign_in(&app, "zhou", PASSWORD).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let app = TestApp::start_with(Rules { failed_logins: 3, ..Rules::default() }).await;
    add(&app, "zhou", Role::Handler).await;
    let here = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let there = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let (here, there) = (text(&here, "token"), text(&there, "token"));
    let change = |current: &str, password: &str| {
        let (app, body) = (&app, json!({"current_password": current, "password": password}));
        async move { app.put("/account/password", Some(here), body).await }
    };
    change("wrong", "another long sentence").await.expect_invalid("current_password");
    for bad in ["short", "zhouzhouzhou", "123456789012", PASSWORD] {
        change(PASSWORD, bad).await.expect_invalid("password");
    }
    change(PASSWORD, "another long sentence").await.expect(204);
    app.get("/account", Some(here)).await.expect(200);
    app.get("/account", Some(there)).await.expect_problem(Code::LoginRequired);
    sign_in(&app, "zhou", PASSWORD).await.expect_problem(Code::LoginFailed);
    sign_in(&app, "zhou", "another long sentence").await.expect(201);
    // A stolen session cannot be used to try passwords without end.
    for _ in 0..3 {
        change("wrong", "x").await.expect_invalid("current_password");
    }
    change("wrong", "x").await.expect_problem(Code::TooMany);
    app.finish().await;
}

#[tokio::test]
async fn an_administrator_makes_accounts_with_one_time_passwords() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    let body = |name: &str, role: &str| json!({"login_name": name, "display_name": "吴二", "role": role});
    let made = app.post("/staff-accounts", Some(&admin), body("Wu.Er", "drafter")).await.expect(201);
    app.post("/staff-accounts", Some(&admin), body("wu.er", "drafter")).await.expect_problem(Code::Conflict);
    app.post("/staff-accounts", Some(&admin), body("w u", "drafter")).await.expect_invalid("login_name");
    app.post("/staff-accounts", Some(&admin), body("wu.san", "point_staff")).await.expect_invalid("contact_point_id");
    let nowhere = json!({"login_name": "wu.san", "display_name": "吴三", "role": "point_staff", "contact_point_id": "01980000-0000-7000-8000-00000000ffff"});
    app.post("/staff-accounts", Some(&admin), nowhere).await.expect_invalid("contact_point_id");

    let once = text(&made, "one_time_password");
    let next = sign_in(&app, "wu.er", once).await.expect(202);
    assert_eq!(next["step"], "password");
    let choose = |password: &str| {
        let (app, body) = (&app, json!({"ticket": next["ticket"], "password": password}));
        async move { app.post("/sessions/staff/password", None, body).await }
    };
    choose("short").await.expect_invalid("password");
    choose(once).await.expect_invalid("password");
    let entered = choose("a sentence of my own").await.expect(201);
    assert_eq!(entered["account"]["role"], "drafter");
    sign_in(&app, "wu.er", once).await.expect_problem(Code::LoginFailed);

    // A reset: sessions end, the old password is gone, the second step stays.
    let (secret, _) = enrol(&app, text(&entered, "token")).await;
    let id = text(&made, "account_id");
    let reset = app.post(&format!("/staff-accounts/{id}/password-reset"), Some(&admin), json!({})).await.expect(201);
    app.get("/account", entered["token"].as_str()).await.expect_problem(Code::LoginRequired);
    sign_in(&app, "wu.er", "a sentence of my own").await.expect_problem(Code::LoginFailed);
    let next = sign_in(&app, "wu.er", text(&reset, "one_time_password")).await.expect(202);
    assert_eq!(next["step"], "code", "a reset password is no way around the second step");
    let body = json!({"ticket": next["ticket"], "code": code(&app, &secret, 30)});
    assert_eq!(app.post("/sessions/staff/code", None, body).await.expect(202)["step"], "password");
    app.call(Method::POST, &format!("/staff-accounts/{id}/second-factor-reset"), Some(&admin), &[], None).await.expect(204);
    let next = sign_in(&app, "wu.er", text(&reset, "one_time_password")).await.expect(202);
    assert_eq!(next["step"], "password");
    app.finish().await;
}

#[tokio::test]
async fn accounts_are_found_changed_closed_and_opened() {
    let app = TestApp::start().await;
    let admin = app.token(Role::Administrator).await;
    for n in 0..5 {
        add(&app, &format!("zheng_{n}"), Role::Handler).await;
    }
    add(&app, "zhengx1", Role::Reviewer).await;
    let auditor = app.token(Role::Auditor).await;
    let list = |query: &str| {
        let (app, path, auditor) = (&app, format!("/staff-accounts?{query}"), auditor.clone());
        async move { app.get(&path, Some(&auditor)).await.expect(200) }
    };
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|a| a["login_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&list("q=ZHENG_").await).len(), 5, "an underscore is an underscore");
    assert_eq!(names(&list("q=zheng&role=reviewer").await), ["zhengx1"]);
    assert_eq!(names(&list("q=%E5%91%A8").await).len(), 6, "by shown name");
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("q=zheng&limit=2{cursor}")).await;
        found.extend(names(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ["zheng_0", "zheng_1", "zheng_2", "zheng_3", "zheng_4", "zhengx1"]);

    let session = sign_in(&app, "zheng_0", PASSWORD).await.expect(201);
    let id = text(&session["account"], "id").to_owned();
    let path = format!("/staff-accounts/{id}");
    let change = |name: &str, role: &str| {
        let (app, path, body, admin) = (&app, path.clone(), json!({"display_name": name, "role": role}), admin.clone());
        async move { app.put(&path, Some(&admin), body).await }
    };
    assert_eq!(change("郑零", "handler").await.expect(200)["display_name"], "郑零");
    app.get("/account", session["token"].as_str()).await.expect(200);
    assert_eq!(change("郑零", "reviewer").await.expect(200)["role"], "reviewer");
    app.get("/account", session["token"].as_str()).await.expect_problem(Code::LoginRequired);
    change(" ", "reviewer").await.expect_invalid("display_name");
    change("郑零", "citizen").await.expect_problem(Code::Malformed);

    let session = sign_in(&app, "zheng_0", PASSWORD).await.expect(201);
    for _ in 0..2 {
        assert_eq!(app.post(&format!("{path}/deactivation"), Some(&admin), json!({})).await.expect(200)["is_active"], false);
    }
    app.get("/account", session["token"].as_str()).await.expect_problem(Code::LoginRequired);
    sign_in(&app, "zheng_0", PASSWORD).await.expect_problem(Code::LoginFailed);
    assert_eq!(names(&list("is_active=false").await), ["zheng_0"]);
    app.post(&format!("{path}/reactivation"), Some(&admin), json!({})).await.expect(200);
    sign_in(&app, "zheng_0", PASSWORD).await.expect(201);
    let session = sign_in(&app, "zheng_0", PASSWORD).await.expect(201);
    app.call(Method::DELETE, &format!("{path}/sessions"), Some(&admin), &[], None).await.expect(204);
    app.get("/account", session["token"].as_str()).await.expect_problem(Code::LoginRequired);
    app.finish().await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let (first, second) = (add(&app, "first", Role::Administrator).await, add(&app, "second", Role::Administrator).await);
    let enter = |name: &'static str| {
        let app = &app;
        async move { text(&sign_in(app, name, PASSWORD).await.expect(201), "token").to_owned() }
    };
    let (one, two) = (enter("first").await, enter("second").await);
    let close = |id: &str, token: &str| {
        let (app, path, token) = (&app, format!("/staff-accounts/{id}/deactivation"), token.to_owned());
        async move { app.post(&path, Some(&token), json!({})).await }
    };
    // Both close each other at the same time: one of them stays.
    let (a, b) = tokio::join!(close(&second, &one), close(&first, &two));
    let done = [a.status, b.status].into_iter().filter(|status| *status == 200).count();
    assert_eq!(done, 1, "{} {}", a.body, b.body);
    let (left, token) = if a.status == 200 { (&first, &one) } else { (&second, &two) };
    close(left, token).await.expect_problem(Code::Conflict);
    let body = json!({"display_name": "甲", "role": "auditor"});
    app.put(&format!("/staff-accounts/{left}"), Some(token), body).await.expect_problem(Code::Conflict);
    app.post(&format!("/staff-accounts/{left}/password-reset"), Some(token), json!({})).await.expect_problem(Code::Conflict);
    app.get("/account", Some(token)).await.expect(200);
    app.finish().await;
}

#[tokio::test]
async fn every_way_in_is_in_the_audit_log() {
    let app = TestApp::start_with(Rules { failed_logins: 2, ..Rules::default() }).await;
    let id = add(&app, "zhou", Role::Handler).await;
    sign_in(&app, "nobody", "wrong").await.expect_problem(Code::LoginFailed);
    sign_in(&app, "zhou", "wrong").await.expect_problem(Code::LoginFailed);
    let session = sign_in(&app, "zhou", PASSWORD).await.expect(201);
    let (secret, codes) = enrol(&app, text(&session, "token")).await;
    let ticket = sign_in(&app, "zhou", PASSWORD).await.expect(202);
    let body = json!({"ticket": ticket["ticket"], "code": wrong(&app, &secret)});
    app.post("/sessions/staff/code", None, body).await.expect_problem(Code::LoginFailed);
    let body = json!({"ticket": ticket["ticket"], "code": codes[3]});
    app.post("/sessions/staff/code", None, body).await.expect(201);
    sign_in(&app, "zhou", "wrong").await.expect_problem(Code::LoginFailed);
    let auditor = app.token(Role::Auditor).await;
    let page = app.get(&format!("/audit/entries?account_id={id}&limit=100"), Some(&auditor)).await.expect(200);
    let acts: Vec<(&str, bool)> =
        page["items"].as_array().unwrap().iter().rev().map(|e| (text(e, "act"), e["is_success"].as_bool().unwrap())).collect();
    assert_eq!(
        acts,
        [
            ("sign_in", false),
            ("sign_in", true),
            ("enrol_second_factor", true),
            ("prove_password", true),
            ("sign_in", false),
            ("sign_in", true),
            ("sign_in", false),
            ("lock_sign_in", true),
        ]
    );
    let failed = app.get("/audit/entries?act=sign_in&is_success=false&limit=100", Some(&auditor)).await.expect(200);
    assert_eq!(failed["items"].as_array().unwrap().len(), 4, "also for a name that nobody has");
    // The log names the origin of a failure by a mark, not by an address.
    assert!(failed["items"].as_array().unwrap().iter().all(|e| text(e, "detail").starts_with("from ")), "{failed}");
    app.finish().await;
}

#[tokio::test]
async fn a_session_is_listed_with_its_device_also_after_several_steps() {
    let app = TestApp::start().await;
    add(&app, "zhou", Role::Handler).await;
    let agent = [("user-agent", "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36")];
    let body = json!({"name": "zhou", "password": PASSWORD});
    let first = app.call(Method::POST, "/sessions/staff", None, &agent, Some(body.clone())).await.expect(201);
    let (secret, _) = enrol(&app, text(&first, "token")).await;
    let next = app.call(Method::POST, "/sessions/staff", None, &agent, Some(body)).await.expect(202);
    let given = json!({"ticket": next["ticket"], "code": code(&app, &secret, 30)});
    let second = app.post("/sessions/staff/code", None, given).await.expect(201);
    let token = text(&second, "token");
    let listed = app.get("/account/sessions", Some(token)).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|s| text(s, "device").contains("Chrome") && text(s, "device").contains("Windows")), "{listed}");
    let other = items.iter().find(|s| s["is_current"] == false).unwrap();
    let path = format!("/account/sessions/{}", text(other, "handle"));
    app.call(Method::DELETE, &path, Some(token), &[], None).await.expect(204);
    app.get("/account", first["token"].as_str()).await.expect_problem(Code::LoginRequired);
    app.finish().await;
}

#[tokio::test]
async fn staff_see_where_they_are_signed_in_and_end_it_on_a_page() {
    let app = TestApp::start().await;
    add(&app, "zhou", Role::Handler).await;
    let phone = [("user-agent", "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36")];
    let body = json!({"name": "zhou", "password": PASSWORD});
    let lost = app.call(Method::POST, "/sessions/staff", None, &phone, Some(body.clone())).await.expect(201);
    let third = app.call(Method::POST, "/sessions/staff", None, &phone, Some(body.clone())).await.expect(201);
    let own = app.post("/sessions/staff", None, body).await.expect(201);
    let browser = Browser::of(&app);
    let cookie = format!("zhitong_session={}", text(&own, "token"));
    let page = browser.get("/staff/account", &cookie).await;
    assert_eq!(page.html.matches("<b>Chrome 浏览器（安卓）</b>").count(), 2, "{}", page.html);
    assert_eq!(
        page.html.matches("action=\"/staff/account/sessions-end\"").count(),
        3,
        "one for each other session, and one for all of them"
    );
    let listed = app.get("/account/sessions", lost["token"].as_str()).await.expect(200);
    let handle = listed["items"].as_array().unwrap().iter().find(|s| s["is_current"] == true).unwrap()["handle"].as_str().unwrap();
    let ended = browser.submit("/staff/account/sessions-end", &cookie, &format!("csrf={}&handle={handle}", page.csrf())).await;
    assert_eq!((ended.status, ended.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/staff/account?done=sessions"));
    app.get("/account", lost["token"].as_str()).await.expect_problem(Code::LoginRequired);
    app.get("/account", third["token"].as_str()).await.expect(200);
    browser.submit("/staff/account/sessions-end", &cookie, &format!("csrf={}", page.csrf())).await;
    app.get("/account", third["token"].as_str()).await.expect_problem(Code::LoginRequired);
    let page = browser.get("/staff/account?done=sessions", &cookie).await;
    assert!(page.html.contains("已退出。") && !page.html.contains("sessions-end"), "{}", page.html);
    app.finish().await;
}
