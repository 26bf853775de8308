//! Moderation: what the check decides, what people decide, what an author may say against it, and who ever sees the words.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::accounts::wechat::sandbox::{ERROR_WORD, REVIEW_WORD, RISKY_WORD};
use zhitong::accounts::wechat::{Delivery, SubscriptionMessage, TextVerdict, Wechat};
use zhitong::config::{ModerationRules, WebOpinions};
use zhitong::error::{Code, Result};
use zhitong::ids::OpinionId;
use zhitong::opinions::Display;
use zhitong::opinions::moderation::checking::{AsChecker, Checker, recover_stalled};
use zhitong::opinions::moderation::{Submission, submit};

use crate::support::TestApp;

/// An openid that the sandbox knows.
const OPENID: Option<&str> = Some("sandbox-0123456789abcdef0123");

/// Runs one statement on one opinion.
pub async fn set(app: &TestApp, statement: &'static str, opinion: Uuid) {
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(opinion).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

/// Posts an opinion and puts it back to where the check has not begun.
async fn unchecked(app: &TestApp, draft: &str, token: &str, body: &str, is_public: bool) -> Uuid {
    let key = format!("key-{}", app.app.ids.next().simple());
    let new = json!({"address": "art-4", "stance": "amend", "body": body, "reason": "", "is_public": is_public});
    let receipt = app.post_opinion(draft, Some(token), &key, new).await.expect(201);
    let id = receipt["opinion_id"].as_str().unwrap().parse().unwrap();
    set(app, "UPDATE opinion SET display = 'checking' WHERE id = $1", id).await;
    id
}

/// An opinion that waits for a person because of a phone number in it.
async fn waiting(app: &TestApp, draft: &str, token: &str, body: &str) -> Uuid {
    let id = unchecked(app, draft, token, &format!("{body}，请打13800000000"), true).await;
    assert_eq!(submit(app.app.checker(), of(id)).await, Display::Review);
    id
}

fn of(opinion: Uuid) -> Submission<'static> {
    Submission { opinion: OpinionId(opinion), openid: OPENID, has_attachments: false }
}

async fn kinds(app: &TestApp, token: &str, opinion: Uuid) -> Vec<String> {
    let seen = app.get(&format!("/opinions/{opinion}/moderation"), Some(token)).await.expect(200);
    let concerns = seen["item"]["concerns"].as_array().unwrap();
    concerns.iter().map(|c| c["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_check_decides_what_is_shown() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let error = format!("改为{ERROR_WORD}-1");
    let long = format!("{}{RISKY_WORD}", "改".repeat(4_000));
    for (body, openid, expected, kind) in [
        ("改为四十八小时", OPENID, Display::Shown, None),
        ("改为四十八小时，请打13800000000", OPENID, Display::Review, Some("personal_data")),
        ("起草的都是王 八 蛋", OPENID, Display::Review, Some("words")),
        (REVIEW_WORD, OPENID, Display::Review, Some("wechat_review")),
        (&long, OPENID, Display::Review, Some("wechat_risky")),
        (&error, OPENID, Display::Review, Some("wechat_unavailable")),
        // WeChat does not know this person, or not since two hours.
        ("改为三十六小时", Some("somebody"), Display::Review, Some("wechat_unavailable")),
        ("改为三十六小时", None, Display::Review, Some("wechat_unavailable")),
    ] {
        let id = unchecked(&app, &draft, &citizen, body, true).await;
        let submission = Submission { openid, ..of(id) };
        assert_eq!(submit(app.app.checker(), submission).await, expected, "{body}");
        let found = kinds(&app, &handler, id).await;
        assert!(kind.is_none_or(|kind| found.iter().any(|k| k == kind)) && found.is_empty() == kind.is_none(), "{body}: {found:?}");
        // Again, and at the same time: nothing changes.
        let again = tokio::join!(submit(app.app.checker(), submission), submit(app.app.checker(), submission));
        assert_eq!(again, (expected, expected));
    }
    let attached = unchecked(&app, &draft, &citizen, "见照片", true).await;
    assert_eq!(submit(app.app.checker(), Submission { has_attachments: true, ..of(attached) }).await, Display::Review);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn opinions_from_elsewhere_pass_or_wait_as_configured() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    for (web, body, expected) in [
        (WebOpinions::Review, "改为四十八小时", Display::Review),
        (WebOpinions::Pass, "改为四十八小时", Display::Shown),
        (WebOpinions::Pass, "改为四十八小时，加我微信", Display::Review),
    ] {
        let id = unchecked(&app, &draft, &citizen, body, true).await;
        set(&app, "UPDATE opinion SET channel = 'web' WHERE id = $1", id).await;
        let rules = ModerationRules { web, ..ModerationRules::default() };
        let checker = Checker { rules: &rules, ..app.app.checker() };
        assert_eq!(submit(checker, Submission { openid: None, ..of(id) }).await, expected, "{web:?} {body}");
    }
    app.deliver().await;
    app.finish().await;
}

/// A WeChat that never answers, and counts how often it was asked.
#[derive(Default)]
struct Silent(AtomicU32);

impl Wechat for Silent {
    fn openid_of_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(std::future::pending())
    }
    fn phone_of_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(std::future::pending())
    }
    fn check_text<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<TextVerdict>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
    fn send_subscription<'a>(&'a self, _: &'a SubscriptionMessage) -> BoxFuture<'a, Result<Delivery>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_silent_wechat_holds_nobody_up_and_hears_no_withheld_words() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let rules = ModerationRules { wechat_timeout_ms: 50, ..ModerationRules::default() };
    let silent = Silent::default();
    let checker = Checker { rules: &rules, wechat: &silent, ..app.app.checker() };
    let withheld = unchecked(&app, &draft, &citizen, "改为四十八小时", false).await;
    assert_eq!(submit(checker, of(withheld)).await, Display::Shown);
    assert_eq!(silent.0.load(Ordering::SeqCst), 0, "what its author keeps back is not sent to WeChat");
    let public = unchecked(&app, &draft, &citizen, "改为四十八小时", true).await;
    assert_eq!(submit(checker, of(public)).await, Display::Review);
    assert_eq!(silent.0.load(Ordering::SeqCst), 1);
    let counts = app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200);
    assert_eq!(counts["opinions"], 2, "whatever is kept from the public is counted");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_check_that_broke_off_goes_to_a_person() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    // The process died between the commit of the opinion and its check.
    let id = unchecked(&app, &draft, &citizen, "改为四十八小时", true).await;
    assert_eq!(recover_stalled(app.app.checker()).await.unwrap(), 0, "a check that may still go on is left alone");
    app.clock.advance(chrono::Duration::seconds(61));
    assert_eq!(recover_stalled(app.app.checker()).await.unwrap(), 1);
    assert_eq!(recover_stalled(app.app.checker()).await.unwrap(), 0);
    assert_eq!(kinds(&app, &handler, id).await, ["interrupted"]);
    let list = app.get("/moderation/opinions", Some(&handler)).await.expect(200);
    assert_eq!(list["items"][0]["opinion_id"], id.to_string());
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_person_shows_hides_and_takes_back() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let reviewer = app.token(Role::Reviewer).await;
    let auditor = app.token(Role::Auditor).await;
    let id = waiting(&app, &draft, &citizen, "太慢").await;
    let later = waiting(&app, &draft, &citizen, "太贵").await;
    let path = |act: &str| format!("/opinions/{id}/moderation/{act}");
    let list = app.get("/moderation/opinions", Some(&auditor)).await.expect(200);
    let ids: Vec<&str> = list["items"].as_array().unwrap().iter().map(|i| i["opinion_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id.to_string(), later.to_string()], "the oldest first");
    assert_eq!(list["items"][0]["concerns"][0]["start"], 5);

    let wrong = json!({"revision": 2});
    app.post(&path("show"), Some(&handler), wrong).await.expect_problem(Code::Conflict);
    app.post(&path("show"), Some(&auditor), json!({"revision": 1})).await.expect_problem(Code::Forbidden);
    for _ in 0..2 {
        let shown = app.post(&path("show"), Some(&handler), json!({"revision": 1})).await.expect(200);
        assert_eq!(shown["display"], "shown");
    }
    let hide = json!({"revision": 1, "category": "privacy", "reason": "请去掉电话号码"});
    app.post(&path("hide"), Some(&handler), json!({"revision": 1, "category": "privacy", "reason": " "})).await.expect_invalid("reason");
    for _ in 0..2 {
        assert_eq!(app.post(&path("hide"), Some(&handler), hide.clone()).await.expect(200)["display"], "hidden");
    }
    // Another reason is another decision.
    let other = json!({"revision": 1, "category": "abuse", "reason": "因"});
    app.post(&path("hide"), Some(&reviewer), other).await.expect_problem(Code::Conflict);
    for _ in 0..2 {
        assert_eq!(app.call(Method::POST, &path("take-back"), Some(&reviewer), &[], None).await.expect(200)["display"], "review");
    }
    let seen = app.get(&format!("/opinions/{id}/moderation"), Some(&auditor)).await.expect(200);
    let steps: Vec<&str> = seen["history"].as_array().unwrap().iter().map(|e| e["step"].as_str().unwrap()).collect();
    assert!(steps.ends_with(&["refer", "show", "hide", "take_back"]), "{steps:?}");
    let hiding = &seen["history"].as_array().unwrap()[steps.len() - 2];
    assert_eq!((&hiding["category"], &hiding["reason"]), (&json!("privacy"), &json!("请去掉电话号码")));

    app.deliver().await;
    let inbox = app.get("/account/messages?limit=100", Some(&citizen)).await.expect(200);
    let told: Vec<(&str, &str)> =
        inbox["items"].as_array().unwrap().iter().map(|m| (m["event"].as_str().unwrap(), m["text"].as_str().unwrap())).collect();
    let times = |event: &str| told.iter().filter(|(e, _)| *e == event).count();
    assert_eq!((times("opinion_shown"), times("opinion_hidden")), (1, 1), "{told:?}");
    assert!(told.iter().any(|(e, text)| *e == "opinion_hidden" && text.contains("涉及个人隐私")), "{told:?}");
    let entries = app.get("/audit/entries?limit=100", Some(&auditor)).await.expect(200);
    let acts: Vec<&str> = entries["items"].as_array().unwrap().iter().map(|e| e["act"].as_str().unwrap()).collect();
    for act in ["show_opinion", "hide_opinion", "take_back_moderation"] {
        assert_eq!(acts.iter().filter(|a| **a == act).count(), 1, "{act}: {acts:?}");
    }
    // Withdrawn opinions need no decision.
    set(&app, "UPDATE opinion SET state = 'withdrawn' WHERE id = $1", id).await;
    app.post(&path("show"), Some(&handler), json!({"revision": 1})).await.expect_problem(Code::Conflict);
    assert_eq!(app.get("/moderation/opinions", Some(&handler)).await.expect(200)["items"].as_array().unwrap().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn an_author_appeals_once_and_somebody_else_decides() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let stranger = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let reviewer = app.token(Role::Reviewer).await;
    let id = waiting(&app, &draft, &citizen, "太慢").await;
    let own = format!("/account/opinions/{id}");
    let hide = json!({"revision": 1, "category": "abuse", "reason": "有骂人的话"});
    let appeal = json!({"text": "只是写了电话，没有骂人。"});
    app.post(&format!("{own}/appeal"), Some(&citizen), appeal.clone()).await.expect_problem(Code::Conflict);
    app.post(&format!("/opinions/{id}/moderation/hide"), Some(&handler), hide.clone()).await.expect(200);

    app.get(&format!("{own}/moderation"), Some(&stranger)).await.expect_problem(Code::NotFound);
    app.post(&format!("{own}/appeal"), Some(&stranger), appeal.clone()).await.expect_problem(Code::NotFound);
    let seen = app.get(&format!("{own}/moderation"), Some(&citizen)).await.expect(200);
    assert_eq!(
        (&seen["hiding"]["category"], &seen["hiding"]["reason"], &seen["may_appeal"]),
        (&json!("abuse"), &json!("有骂人的话"), &json!(true))
    );
    for _ in 0..2 {
        app.post(&format!("{own}/appeal"), Some(&citizen), appeal.clone()).await.expect(204);
    }
    app.post(&format!("{own}/appeal"), Some(&citizen), json!({"text": "再说一遍"})).await.expect_problem(Code::Conflict);

    // While it waits, only its decision changes anything, and not by who hid it.
    for act in ["take-back", "show"] {
        let body = (act == "show").then(|| json!({"revision": 1}));
        app.call(Method::POST, &format!("/opinions/{id}/moderation/{act}"), Some(&reviewer), &[], body)
            .await
            .expect_problem(Code::Conflict);
    }
    let shelf = app.get("/moderation/opinions?shelf=appealed", Some(&reviewer)).await.expect(200);
    assert_eq!(shelf["items"][0]["appeal"]["text"], "只是写了电话，没有骂人。");
    let decide = format!("/opinions/{id}/moderation/appeal");
    let granted = json!({"outcome": "granted", "reply": "确实没有骂人。"});
    app.post(&decide, Some(&handler), granted.clone()).await.expect_problem(Code::Forbidden);
    for _ in 0..2 {
        assert_eq!(app.post(&decide, Some(&reviewer), granted.clone()).await.expect(200)["display"], "shown");
    }
    app.post(&decide, Some(&reviewer), json!({"outcome": "refused", "reply": "又想了想"})).await.expect_problem(Code::Conflict);

    // Hidden again by somebody: another hiding, another appeal.
    app.post(&format!("/opinions/{id}/moderation/hide"), Some(&reviewer), hide).await.expect(200);
    app.post(&format!("{own}/appeal"), Some(&citizen), json!({"text": "还是没有骂人。"})).await.expect(204);
    app.post(&decide, Some(&handler), json!({"outcome": "refused", "reply": "电话是别人的。"})).await.expect(200);
    let seen = app.get(&format!("{own}/moderation"), Some(&citizen)).await.expect(200);
    assert_eq!((&seen["display"], &seen["appeal"]["outcome"], &seen["may_appeal"]), (&json!("hidden"), &json!("refused"), &json!(false)));
    assert_eq!(seen["appeal"]["reply"], "电话是别人的。");

    app.deliver().await;
    let events = async |token: &str| -> Vec<String> {
        let inbox = app.get("/account/messages?limit=100", Some(token)).await.expect(200);
        inbox["items"].as_array().unwrap().iter().map(|m| m["event"].as_str().unwrap().to_owned()).collect()
    };
    let told = events(&citizen).await;
    for event in ["appeal_granted", "appeal_refused"] {
        assert_eq!(told.iter().filter(|e| *e == event).count(), 1, "{told:?}");
    }
    assert_eq!(events(&reviewer).await, ["appeal_filed"], "the first; the second is against their own act");
    assert_eq!(events(&handler).await, ["appeal_filed"], "the second");
    app.finish().await;
}

#[tokio::test]
async fn history_is_never_changed() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let id = waiting(&app, &draft, &citizen, "太慢").await;
    let hide = json!({"revision": 1, "category": "abuse", "reason": "骂人"});
    app.post(&format!("/opinions/{id}/moderation/hide"), Some(&handler), hide).await.expect(200);
    app.post(&format!("/account/opinions/{id}/appeal"), Some(&citizen), json!({"text": "没有"})).await.expect(204);
    for statement in [
        "UPDATE moderation_entry SET reason = 'x' WHERE opinion_id = $1",
        "DELETE FROM moderation_entry WHERE opinion_id = $1",
        "UPDATE moderation_appeal SET body = 'x' WHERE opinion_id = $1",
        "DELETE FROM moderation_appeal WHERE opinion_id = $1",
    ] {
        let mut tx = app.app.db.begin().await.unwrap();
        let refused = zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(id).execute(c).await.map(drop));
        assert!(refused.is_err(), "{statement}");
    }
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn an_opinion_that_was_hidden_is_not_shown_by_a_rule_after_a_change() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let id = waiting(&app, &draft, &citizen, "太慢").await;
    let hide = json!({"revision": 1, "category": "privacy", "reason": "电话"});
    app.post(&format!("/opinions/{id}/moderation/hide"), Some(&handler), hide).await.expect(200);
    set(&app, "UPDATE opinion SET body = '太慢', revision = 2 WHERE id = $1", id).await;
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::opinions::moderation::check_anew(&mut tx, &app.clock, OpinionId(id)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(submit(app.app.checker(), of(id)).await, Display::Review);
    assert_eq!(kinds(&app, &handler, id).await, ["hidden_before"]);
    app.deliver().await;
    app.finish().await;
}

/// A page, as a logged-in person sees it.
async fn page(app: &TestApp, path: &str, token: Option<&str>) -> String {
    let cookie = token.map(|token| format!("zhitong_session={token}")).unwrap_or_default();
    let response = app.raw(path, &[("cookie", &cookie)]).await;
    let status = response.status().as_u16();
    let html = String::from_utf8(response.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert_eq!(status, 200, "{path}: {html}");
    html
}

/// Sends a form: status, where it leads, and the page.
async fn send(app: &TestApp, path: &str, token: &str, form: &str) -> (u16, String, String) {
    let response = app.raw_form(path, &format!("zhitong_session={token}"), form.to_owned()).await;
    let status = response.status().as_u16();
    let location = response.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    (status, location, String::from_utf8_lossy(&response.into_body().into_bytes().await.unwrap()).into_owned())
}

/// The token against forged forms.
fn csrf_of(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"csrf\" value=\"").expect("the page has a form");
    rest.split('"').next().unwrap().to_owned()
}

/// Every GET of the API with its parameters filled in.
fn reads(draft: &str, opinions: &[Uuid]) -> Vec<String> {
    let spec: Value = serde_json::from_str(&zhitong::api::spec()).unwrap();
    let mut paths = Vec::new();
    for (path, operations) in spec["paths"].as_object().unwrap() {
        if operations.get("get").is_none() {
            continue;
        }
        let path = path.replace("{draft_id}", draft);
        if path.contains("{opinion_id}") {
            paths.extend(opinions.iter().map(|id| path.replace("{opinion_id}", &id.to_string())));
        } else if !path.contains('{') {
            paths.push(path);
        }
    }
    assert!(paths.len() > 15, "{paths:?}");
    paths
}

#[tokio::test]
async fn hidden_words_leak_nowhere() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let author = app.token(Role::Citizen).await;
    let stranger = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let reviewer = app.token(Role::Reviewer).await;
    set(&app, "UPDATE consultation SET shows_opinions = TRUE WHERE draft_id = $1", draft.parse().unwrap()).await;
    // One opinion in each state of display, each with its own marker; once waiting for its answer, once answered in public.
    let states = [
        ("甲标记字", "UPDATE opinion SET display = 'shown' WHERE id = $1", true),
        ("乙标记字", "UPDATE opinion SET display = 'checking' WHERE id = $1", false),
        ("丙标记字", "UPDATE opinion SET display = 'review' WHERE id = $1", false),
        ("丁标记字", "UPDATE opinion SET display = 'hidden' WHERE id = $1", false),
        ("戊标记字", "UPDATE opinion SET display = 'shown', is_public = FALSE WHERE id = $1", false),
        ("己标记字", "UPDATE opinion SET display = 'shown', state = 'withdrawn' WHERE id = $1", false),
    ];
    let mut all = Vec::new();
    for answered in [false, true] {
        for (marker, statement, is_shown) in states {
            let marker = format!("{marker}{}", if answered { "答" } else { "待" });
            let id = unchecked(&app, &draft, &author, &format!("{marker}改为四十八小时"), true).await;
            if answered && !statement.contains("withdrawn") {
                set(
                    &app,
                    "INSERT INTO disposition (opinion_id, kind, reason, prepared_at, published_at) SELECT id, 'adopted', '采纳', posted_at, posted_at FROM opinion WHERE id = $1",
                    id,
                )
                .await;
                set(&app, "UPDATE opinion SET state = 'answered' WHERE id = $1", id).await;
            }
            set(&app, statement, id).await;
            all.push((id, marker, is_shown));
        }
    }
    // One more is hidden by a person, as it really happens.
    let hidden = waiting(&app, &draft, &author, "庚标记字").await;
    let hide = json!({"revision": 1, "category": "abuse", "reason": "骂人"});
    app.post(&format!("/opinions/{hidden}/moderation/hide"), Some(&handler), hide).await.expect(200);
    all.push((hidden, "庚标记字".into(), false));
    app.deliver().await;
    app.index().await;

    let ids: Vec<Uuid> = all.iter().map(|(id, ..)| *id).collect();
    let mut api: Vec<String> = reads(&draft, &ids).into_iter().map(|path| format!("/api/v1{path}")).collect();
    // "标记字"
    api.push("/api/v1/search?q=%E6%A0%87%E8%AE%B0%E5%AD%97".into());
    api.push("/api/v1/suggest?q=%E6%A0%87%E8%AE%B0%E5%AD%97".into());
    let mut pages: Vec<String> =
        vec!["/".into(), "/drafts".into(), format!("/drafts/{draft}"), "/search?q=%E6%A0%87%E8%AE%B0%E5%AD%97".into()];
    // Pages that may exist beside a draft; what does not exist shows nothing.
    for tail in [
        "opinions",
        "feedback",
        "report",
        "answers",
        "opinions?address=art-4",
        "feedback.docx",
        "feedback.xlsx",
        "report.docx",
        "report.xlsx",
    ] {
        pages.push(format!("/drafts/{draft}/{tail}"));
    }
    for id in &ids {
        pages.extend([
            format!("/me/opinions/{id}"),
            format!("/me/opinions/{id}/appeal"),
            format!("/opinions/{id}"),
            format!("/staff/moderation/{id}"),
        ]);
    }
    pages.extend(["/me/opinions".into(), "/me/messages".into(), "/staff/moderation".into(), "/staff/moderation?shelf=hidden".into()]);

    let mut seen_by_author = String::new();
    let mut seen_by_staff = String::new();
    let mut seen_in_public = String::new();
    for viewer in [None, Some(&stranger), Some(&author), Some(&handler), Some(&reviewer)] {
        for path in api.iter().chain(&pages) {
            let bearer = viewer.map(|token| format!("Bearer {token}")).unwrap_or_default();
            let cookie = viewer.map(|token| format!("zhitong_session={token}")).unwrap_or_default();
            let headers: &[(&str, &str)] = match viewer {
                None => &[],
                Some(_) if path.starts_with("/api") => &[("authorization", &bearer)],
                Some(_) => &[("cookie", &cookie)],
            };
            let response = app.raw(path, headers).await;
            assert!(response.status().as_u16() < 500, "{path}: {}", response.status());
            let text = String::from_utf8_lossy(&response.into_body().into_bytes().await.unwrap()).into_owned();
            let is_public_view = viewer.is_none_or(|token| *token == stranger);
            if is_public_view {
                for (_, marker, _) in all.iter().filter(|(_, _, is_shown)| !is_shown) {
                    assert!(
                        !text.contains(marker.as_str()),
                        "{path} shows {marker} to {}",
                        viewer.map_or("anybody", |_| "another citizen")
                    );
                }
                seen_in_public.push_str(&text);
            } else if viewer == Some(&author) {
                seen_by_author.push_str(&text);
            } else {
                seen_by_staff.push_str(&text);
            }
        }
    }
    for (_, marker, is_shown) in &all {
        assert!(seen_by_author.contains(marker.as_str()), "the author does not find {marker}");
        assert!(seen_by_staff.contains(marker.as_str()), "staff do not find {marker}");
        // What is answered is public; what waits is public where the round shows opinions.
        assert!(!is_shown || !marker.ends_with('答') || seen_in_public.contains(marker.as_str()), "nobody sees {marker}");
    }
    // Withdrawn ones leave the counts, everything else stays in them.
    let counts = app.get(&format!("/drafts/{draft}/opinion-counts"), None).await.expect(200);
    assert_eq!(counts["opinions"], json!(all.len() - 2));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn the_pages_of_moderation_work_without_script() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    let reviewer = app.token(Role::Reviewer).await;
    let id = waiting(&app, &draft, &citizen, "<b>太慢</b>").await;
    let seen = page(&app, "/staff/moderation", Some(&handler)).await;
    assert!(
        seen.contains("<mark>13800000000</mark>") && seen.contains("&#60;b&#62;太慢") && seen.contains("含个人信息：电话号码"),
        "{seen}"
    );
    assert!(seen.contains("使用者应当在二十四小时内归还"), "the article stands beside the opinion");
    let csrf = csrf_of(&seen);
    let back = "back=%2Fstaff%2Fmoderation%3Fshelf%3Dwaiting";
    let form = format!("csrf={csrf}&revision=1&category=privacy&reason=&{back}");
    let (status, _, _) = send(&app, &format!("/staff/moderation/{id}/hide"), &handler, "csrf=wrong&revision=1&category=privacy").await;
    assert_eq!(status, 403);
    let (status, location, html) = send(&app, &format!("/staff/moderation/{id}/hide"), &handler, &form).await;
    assert_eq!(status, 303, "{html}");
    let after = page(&app, &location, Some(&handler)).await;
    assert!(after.contains("撤销") && after.contains(&format!("/staff/moderation/{id}/take-back")), "{after}");
    // Undo, and hide again with own words.
    let (status, location, _) = send(&app, &format!("/staff/moderation/{id}/take-back"), &handler, &format!("csrf={csrf}&{back}")).await;
    assert_eq!((status, location.contains("did=take_back")), (303, true));
    let stale = format!("csrf={csrf}&revision=7&category=privacy&{back}");
    let (status, _, html) = send(&app, &format!("/staff/moderation/{id}/hide"), &handler, &stale).await;
    assert!(status == 409 && html.contains("刚刚修改") && html.contains("role=\"alert\""), "{html}");
    send(
        &app,
        &format!("/staff/moderation/{id}/hide"),
        &handler,
        &format!("csrf={csrf}&revision=1&category=privacy&reason=%E8%AF%B7%E5%8E%BB%E6%8E%89%E5%8F%B7%E7%A0%81&{back}"),
    )
    .await;

    // The author reads why, and appeals; an empty appeal keeps the form.
    let own = format!("/me/opinions/{id}/appeal");
    let seen = page(&app, &own, Some(&citizen)).await;
    assert!(seen.contains("请去掉号码") && seen.contains("涉及个人隐私") && seen.contains("提出申诉"), "{seen}");
    let csrf = csrf_of(&seen);
    let (status, _, html) = send(&app, &own, &citizen, &format!("csrf={csrf}&text=+")).await;
    assert!(status == 400 && html.contains("请写明理由"), "{html}");
    for _ in 0..2 {
        let (status, _, _) =
            send(&app, &own, &citizen, &format!("csrf={csrf}&text=%E5%8F%B7%E7%A0%81%E6%98%AF%E5%85%AC%E5%BC%80%E7%9A%84")).await;
        assert_eq!(status, 303);
    }
    assert!(page(&app, &own, Some(&citizen)).await.contains("申诉已收到"));
    let item = format!("/staff/moderation/{id}");
    assert!(page(&app, &item, Some(&handler)).await.contains("申诉须由其他同事处理"));
    let seen = page(&app, &item, Some(&reviewer)).await;
    let form = format!("csrf={}&outcome=granted&reason=%E5%8F%AF%E4%BB%A5&back=%2Fstaff%2Fmoderation%2F{id}", csrf_of(&seen));
    let (status, location, html) = send(&app, &format!("{item}/appeal"), &reviewer, &form).await;
    assert_eq!(status, 303, "{html}");
    assert!(page(&app, &location, Some(&reviewer)).await.contains("申诉成立"));
    app.deliver().await;

    // The author's messages, the newest first, lead to the thing; all can be read at once.
    let seen = page(&app, "/me/messages", Some(&citizen)).await;
    assert!(seen.contains("申诉成立") && seen.contains("条未读"), "{seen}");
    let (_, rest) = seen.split_once("href=\"/me/messages/").unwrap();
    let first = format!("/me/messages/{}", rest.split('"').next().unwrap());
    let opened = app.raw(&first, &[("cookie", &format!("zhitong_session={citizen}"))]).await;
    assert_eq!(opened.headers()["location"], own.as_str());
    let (_, rest) = seen.split_once("name=\"up_to\" value=\"").unwrap();
    let up_to = rest.split('"').next().unwrap().replace('+', "%2B").replace(':', "%3A").replace("&#43;", "%2B");
    let (status, _, _) = send(&app, "/me/messages/read-all", &citizen, &format!("csrf={csrf}&up_to={up_to}")).await;
    assert_eq!(status, 303);
    assert!(!page(&app, "/me/messages", Some(&citizen)).await.contains("条未读"));
    assert!(page(&app, "/staff/messages", Some(&reviewer)).await.contains("有人申诉"));
    app.finish().await;
}

#[tokio::test]
async fn an_author_without_an_account_learns_why_and_appeals_with_the_code() {
    let app = TestApp::start().await;
    let (handler, reviewer) = (app.token(Role::Handler).await, app.token(Role::Reviewer).await);
    let draft = app.open_draft().await;
    app.allow(true, true).await;
    let key = [("Idempotency-Key", "a-key-that-nobody-guesses-000000001")];
    let body = json!({"stance": "amend", "body": "建议增加夜间照明", "is_public": true});
    let posted = app.call(Method::POST, &format!("/drafts/{draft}/anonymous-opinions"), None, &key, Some(body)).await.expect(201);
    let code = posted["lookup_code"].as_str().unwrap();
    let look = json!({"code": code});
    let found = app.post("/opinion-lookups", None, look.clone()).await.expect(200);
    let id = found["id"].as_str().unwrap();
    let appeal = |text: &str| json!({"code": code, "text": text});
    app.post("/opinion-lookups/appeals", None, appeal("没有隐藏")).await.expect_problem(Code::Conflict);
    let hide = json!({"revision": 1, "category": "unrelated", "reason": "与本草案没有关系"});
    app.post(&format!("/opinions/{id}/moderation/hide"), Some(&handler), hide).await.expect(200);
    let found = app.post("/opinion-lookups", None, look.clone()).await.expect(200);
    assert!(found["hidden_because"].as_str().unwrap().ends_with("与本草案没有关系"), "{found}");

    app.post("/opinion-lookups/appeals", None, appeal(" ")).await.expect_invalid("text");
    app.post("/opinion-lookups/appeals", None, json!({"code": "0000-0000-0000-0000", "text": "请再看"}))
        .await
        .expect_problem(Code::NotFound);
    app.post("/opinion-lookups/appeals", None, appeal("照明在第四条里")).await.expect(204);
    app.post("/opinion-lookups/appeals", None, appeal("照明在第四条里")).await.expect(204);
    app.post("/opinion-lookups/appeals", None, appeal("再说一次")).await.expect_problem(Code::Conflict);
    // Nobody who is signed in reaches it by its id.
    let citizen = app.token(Role::Citizen).await;
    app.post(&format!("/account/opinions/{id}/appeal"), Some(&citizen), json!({"text": "我也要申诉"})).await.expect_problem(Code::NotFound);

    let decision = json!({"outcome": "granted", "reply": "确与第四条有关"});
    app.post(&format!("/opinions/{id}/moderation/appeal"), Some(&handler), decision.clone()).await.expect_problem(Code::Forbidden);
    app.post(&format!("/opinions/{id}/moderation/appeal"), Some(&reviewer), decision).await.expect(200);
    let found = app.post("/opinion-lookups", None, look).await.expect(200);
    assert_eq!((&found["display"], found.get("hidden_because")), (&json!("shown"), None));
    app.abandon().await;
}
