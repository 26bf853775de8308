//! Notifications: one effect for each event, tried again, never lost; and WeChat messages, each for one consent.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::FromRow;
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::config::{Secret, WechatTemplate};
use zhitong::error::{Code, Error, Result};
use zhitong::ids::AccountId;
use zhitong::notifications::carrying::{CLAIM_SECONDS, Carried, Carrier, Letter, MOST_TRIES, carry_due, pause_after};
use zhitong::notifications::subscriptions::{self, Quota};
use zhitong::notifications::{self, AsPost, Event, Post, deliver_pending, outbox};
use zhitong::server::upkeep;
use zhitong::storage::{Db, Tx};

use crate::support::TestApp;

/// A template that tells of answers.
fn template(id: &str) -> WechatTemplate {
    let fields = [("thing1", "{about}"), ("thing2", "{title}"), ("time3", "{time}")];
    WechatTemplate {
        id: id.into(),
        events: vec!["opinion_answered".into()],
        page: "pages/opinion?id={subject}".into(),
        fields: fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

async fn start(template_id: &str) -> TestApp {
    let template = template(template_id);
    TestApp::start_as(move |config| config.wechat.templates = vec![template]).await
}

/// A person with an account, and how they sign in again.
struct Person {
    token: String,
    account: AccountId,
    name: String,
    codes: Mutex<u32>,
}

impl Person {
    async fn new(app: &TestApp, name: &str) -> Person {
        let body = app.post("/sessions/wechat", None, json!({"code": format!("sandbox-{name}")})).await.expect(201);
        let account = AccountId(body["account"]["id"].as_str().unwrap().parse().unwrap());
        Person { token: body["token"].as_str().unwrap().into(), account, name: name.into(), codes: Mutex::new(0) }
    }

    /// Accepts or refuses one message, as the mini-program tells it.
    async fn choose(&self, app: &TestApp, template: &str, choice: &str, key: &str) -> crate::support::Answer {
        let code = {
            let mut n = self.codes.lock().unwrap();
            *n += 1;
            format!("sandbox-{}.{n}", self.name)
        };
        let body = json!({"code": code, "choices": [{"template_id": template, "choice": choice}]});
        app.call(poem::http::Method::POST, "/account/subscriptions", Some(&self.token), &[("Idempotency-Key", key)], Some(body)).await
    }

    async fn quota(&self, app: &TestApp, template: &str) -> Quota {
        subscriptions::list_quotas(&app.app.db, self.account).await.unwrap().get(template).copied().unwrap_or_default()
    }

    /// Announces an answer and delivers it to the inbox.
    async fn is_answered(&self, app: &TestApp, post: Post<'_>) {
        let mut tx = app.app.db.begin().await.unwrap();
        let about = "《清河市共享雨伞管理办法》第四条（回执号 YJ1）";
        notifications::announce(&mut tx, &app.clock, &app.app.ids, self.account, Event::OpinionAnswered, Uuid::from_u128(7), about)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(deliver_pending(post, 100).await.unwrap(), 1);
    }
}

#[derive(Debug, FromRow)]
struct Send {
    state: String,
    attempts: i64,
    failure: String,
    openid_sealed: Option<String>,
}

async fn sends(app: &TestApp) -> Vec<Send> {
    let statement = "SELECT s.state, s.attempts, s.failure, c.openid_sealed FROM subscription_send s JOIN subscription_consent c ON c.id = s.consent_id ORDER BY s.message_id";
    zhitong::on_db!(&app.app.db, pool => sqlx::query_as(statement).fetch_all(pool).await).unwrap()
}

/// A carrier that answers as it is told, and keeps what it carried.
#[derive(Default)]
struct Told {
    answers: Mutex<Vec<&'static str>>,
    carried: Mutex<Vec<BTreeMap<String, String>>>,
}

impl Told {
    fn answering(answers: &[&'static str]) -> Told {
        Told { answers: Mutex::new(answers.iter().rev().copied().collect()), carried: Mutex::default() }
    }

    fn count(&self) -> usize {
        self.carried.lock().unwrap().len()
    }
}

impl Carrier for Told {
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Carried>> {
        assert!(letter.openid.starts_with("sandbox-"));
        self.carried.lock().unwrap().push(letter.fields.clone());
        let answer = self.answers.lock().unwrap().pop().unwrap_or("sent");
        Box::pin(async move {
            match answer {
                "sent" => Ok(Carried::Sent),
                "refused" => Ok(Carried::Refused),
                "rejected" => Ok(Carried::Rejected(40037)),
                "hangs" => std::future::pending().await,
                _ => Err(Error::new(Code::Upstream, "busy")),
            }
        })
    }
}

#[tokio::test]
async fn a_consent_is_one_act_of_its_own_person() {
    let app = start("t-answer").await;
    let (wang, li) = (Person::new(&app, "wang").await, Person::new(&app, "li").await);
    for _ in 0..2 {
        let seen = wang.choose(&app, "t-answer", "accept", "choice-0001").await.expect(200);
        assert_eq!((&seen[0]["left"], &seen[0]["events"]), (&json!(1), &json!(["opinion_answered"])), "the same act counts once");
    }
    wang.choose(&app, "t-answer", "accept", "choice-0002").await.expect(200);
    for choice in ["reject", "ban", "filter"] {
        assert_eq!(
            wang.choose(&app, "t-answer", choice, "choice-0003").await.expect(200)[0]["left"],
            2,
            "{choice} gives and takes nothing"
        );
    }
    wang.choose(&app, "t-other", "accept", "choice-0004").await.expect_invalid("choices");
    // Somebody else's code proves nothing.
    let body = json!({"code": "sandbox-li.9", "choices": [{"template_id": "t-answer", "choice": "accept"}]});
    let sent =
        app.call(poem::http::Method::POST, "/account/subscriptions", Some(&wang.token), &[("Idempotency-Key", "choice-0005")], Some(body));
    sent.await.expect_problem(Code::Forbidden);
    assert_eq!(li.quota(&app, "t-answer").await, Quota::default());
    // Twenty are kept.
    for n in 0..25 {
        wang.choose(&app, "t-answer", "accept", &format!("many-{n:04}")).await.expect(200);
    }
    assert_eq!(wang.quota(&app, "t-answer").await.left, subscriptions::MOST_CONSENTS);
    let stored: Vec<String> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT openid_sealed FROM subscription_consent").fetch_all(pool).await)
            .unwrap();
    assert!(!stored.is_empty() && stored.iter().all(|s| s.starts_with("v1.") && !s.contains("sandbox")), "{stored:?}");
    app.finish().await;
}

#[tokio::test]
async fn an_event_spends_one_consent_and_is_sent_once() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    wang.choose(&app, "t-answer", "accept", "choice-0001").await.expect(200);
    let told = Told::default();
    let post = Post { carrier: &told, ..app.app.post() };
    // Two workers at once, for the inbox and for WeChat.
    wang.is_answered(&app, post).await;
    let (a, b) = tokio::join!(carry_due(post, 10), carry_due(post, 10));
    assert_eq!((a.unwrap() + b.unwrap(), told.count()), (1, 1));
    let fields = told.carried.lock().unwrap().first().cloned().unwrap();
    assert_eq!((fields["thing2"].as_str(), fields["time3"].as_str()), ("意见已反馈", "2026年3月2日 10:00"));
    // The quota is gone: the next event stays in the inbox.
    wang.is_answered(&app, post).await;
    assert_eq!(carry_due(post, 10).await.unwrap(), 0);
    assert_eq!(wang.quota(&app, "t-answer").await, Quota { left: 0, spent: 1, dropped: 0 });
    let seen = sends(&app).await;
    assert!(seen.len() == 1 && seen[0].state == "sent" && seen[0].openid_sealed.is_none(), "the address is erased: {seen:?}");
    let inbox = app.get("/account/messages", Some(&wang.token)).await.expect(200);
    assert_eq!(inbox["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.get("/account/messages/unread", Some(&wang.token)).await.expect(200)["unread"], 2);
    assert_eq!(app.post("/account/messages/read-all", Some(&wang.token), json!({})).await.expect(200)["marked"], 2);
    assert_eq!(app.get("/account/messages/unread", Some(&wang.token)).await.expect(200)["unread"], 0);
    app.finish().await;
}

#[tokio::test]
async fn wechat_may_fail_in_every_way() {
    // Template, name of the person, state that it ends in, consents left of three.
    for (template_id, name, state, left, failure) in [
        ("t-answer", "refuses-all", "refused", 0, ""),
        ("sandbox-error-43101", "wang", "refused", 0, ""),
        ("sandbox-error-40003", "wang", "refused", 0, ""),
        ("sandbox-error-40037", "wang", "failed", 2, "errcode 40037"),
        ("sandbox-error-47003", "wang", "failed", 2, "errcode 47003"),
        ("sandbox-error--1", "wang", "pending", 2, "upstream"),
        ("sandbox-error-40001", "wang", "pending", 2, "upstream"),
        ("t-answer", "wang", "sent", 2, ""),
    ] {
        let app = start(template_id).await;
        let person = Person::new(&app, name).await;
        for key in ["choice-0001", "choice-0002", "choice-0003"] {
            person.choose(&app, template_id, "accept", key).await.expect(200);
        }
        person.is_answered(&app, app.app.post()).await;
        assert_eq!(carry_due(app.app.post(), 10).await.unwrap(), 1);
        let seen = sends(&app).await;
        assert_eq!((seen[0].state.as_str(), seen[0].failure.as_str()), (state, failure), "{template_id} {name}");
        let quota = person.quota(&app, template_id).await;
        assert_eq!((quota.left, quota.spent, quota.dropped), (left, 1, 2 - left), "{template_id} {name}");
        assert_eq!(seen[0].openid_sealed.is_some(), state == "pending");
        if state == "pending" {
            // Tried again with growing pauses, and given up in the end; one consent is spent, not six.
            for attempt in 1..MOST_TRIES {
                assert_eq!(carry_due(app.app.post(), 10).await.unwrap(), 0, "not before its time");
                app.clock.advance(pause_after(attempt));
                assert_eq!(carry_due(app.app.post(), 10).await.unwrap(), 1);
            }
            app.clock.advance(chrono::Duration::days(1));
            assert_eq!(carry_due(app.app.post(), 10).await.unwrap(), 0);
            let seen = sends(&app).await;
            assert_eq!((seen[0].state.as_str(), seen[0].attempts, seen[0].openid_sealed.is_none()), ("failed", MOST_TRIES, true));
            assert_eq!(person.quota(&app, template_id).await.spent, 1);
            let admin = app.token(Role::Administrator).await;
            let failures = app.get("/deliveries/wechat-failures", Some(&admin)).await.expect(200);
            assert_eq!(failures["items"][0]["failure"], "upstream");
            assert_eq!(outbox::count_backlog(&app.app.db).await.unwrap().wechat_failed, 1);
        }
        app.finish().await;
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_marking_spends_no_second_consent() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    for key in ["choice-0001", "choice-0002"] {
        wang.choose(&app, "t-answer", "accept", key).await.expect(200);
    }
    // The worker dies while WeChat has the message: nobody hears the answer.
    let told = Told::answering(&["hangs", "refused"]);
    let post = Post { carrier: &told, ..app.app.post() };
    wang.is_answered(&app, post).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), carry_due(post, 10)).await.is_err());
    assert_eq!(carry_due(post, 10).await.unwrap(), 0, "the claim holds");
    app.clock.advance(chrono::Duration::seconds(CLAIM_SECONDS));
    // WeChat says 43101: the message of this consent went out before. The other consent is worth what it was.
    assert_eq!((carry_due(post, 10).await.unwrap(), told.count()), (1, 2));
    let seen = sends(&app).await;
    assert_eq!((seen.len(), seen[0].state.as_str(), seen[0].attempts), (1, "refused", 2));
    assert_eq!(wang.quota(&app, "t-answer").await, Quota { left: 1, spent: 1, dropped: 0 });
    app.finish().await;
}

#[tokio::test]
async fn an_erased_account_is_sent_nothing() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    for key in ["choice-0001", "choice-0002"] {
        wang.choose(&app, "t-answer", "accept", key).await.expect(200);
    }
    let told = Told::default();
    let post = Post { carrier: &told, ..app.app.post() };
    wang.is_answered(&app, post).await;
    let mut tx = app.app.db.begin().await.unwrap();
    subscriptions::forget(&mut tx, &app.clock, wang.account).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((carry_due(post, 10).await.unwrap(), told.count()), (0, 0));
    let held: Vec<Option<String>> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT openid_sealed FROM subscription_consent").fetch_all(pool).await)
            .unwrap();
    assert_eq!(held, [None, None]);
    assert_eq!(wang.quota(&app, "t-answer").await.left, 0);
    app.finish().await;
}

#[tokio::test]
async fn a_consent_is_never_used_twice() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    wang.choose(&app, "t-answer", "accept", "choice-0001").await.expect(200);
    wang.is_answered(&app, app.app.post()).await;
    for statement in [
        "UPDATE subscription_consent SET state = 'granted' WHERE account_id = $1",
        "UPDATE subscription_consent SET message_id = NULL WHERE account_id = $1",
    ] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(
            zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(wang.account).execute(c).await.map(drop)).is_err(),
            "{statement}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_is_not_at_hand_is_waited_for() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    wang.choose(&app, "t-answer", "accept", "choice-0001").await.expect(200);
    let other = zhitong::storage::crypto::FieldCipher::of_key(&Secret("6b".repeat(32)), &app.app.ids).unwrap();
    let told = Told::default();
    let post = Post { carrier: &told, cipher: &other, ..app.app.post() };
    wang.is_answered(&app, post).await;
    assert_eq!((carry_due(post, 10).await.unwrap(), told.count()), (1, 0));
    assert_eq!(sends(&app).await[0].state, "pending");
    app.clock.advance(pause_after(1));
    let post = Post { carrier: &told, ..app.app.post() };
    assert_eq!((carry_due(post, 10).await.unwrap(), told.count()), (1, 1));
    assert_eq!(sends(&app).await[0].state, "sent");
    app.finish().await;
}

#[tokio::test]
async fn a_bad_event_holds_back_nobody_else() {
    let app = TestApp::start().await;
    let wang = Person::new(&app, "wang").await;
    let admin = app.token(Role::Administrator).await;
    let auditor = app.token(Role::Auditor).await;
    let bad = app.app.ids.next();
    let mut tx = app.app.db.begin().await.unwrap();
    // A row that this version does not understand, from a newer one, say.
    let statement =
        "INSERT INTO outbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, 'event_of_tomorrow', $1, '', $3)";
    zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(bad).bind(wang.account).bind(app.clock.now()).execute(c).await.map(drop))
        .unwrap();
    notifications::announce(&mut tx, &app.clock, &app.app.ids, wang.account, Event::OpinionReceived, bad, "第四条").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(deliver_pending(app.app.post(), 100).await.unwrap(), 1, "the good one");
    let mut tries = 1;
    while outbox::count_pending(&app.app.db).await.unwrap() > 0 {
        assert_eq!(deliver_pending(app.app.post(), 100).await.unwrap(), 0, "not before its time");
        app.clock.advance(outbox::pause_after(tries - 1));
        assert_eq!(deliver_pending(app.app.post(), 100).await.unwrap(), 0);
        tries += 1;
    }
    assert_eq!(tries, outbox::MOST_TRIES);
    let admin_now = app.token(Role::Administrator).await;
    let list = app.get("/deliveries/given-up", Some(&admin_now)).await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["id"], &items[0]["attempts"]), (1, &json!(bad.to_string()), &json!(outbox::MOST_TRIES)));
    drop((admin, auditor));
    // Staff see it on a page, and have it tried again once this version understands it.
    let cookie = format!("zhitong_session={admin_now}");
    let page = app.raw("/staff/deliveries", &[("cookie", &cookie)]).await;
    let html = String::from_utf8(page.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("event_of_tomorrow") && html.contains("重新投递"), "{html}");
    let (_, rest) = html.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap();
    let sent = app.raw_form(&format!("/staff/deliveries/{bad}/retry"), &cookie, format!("csrf={csrf}")).await;
    assert_eq!(sent.status().as_u16(), 303);
    app.post(&format!("/deliveries/given-up/{bad}/retry"), Some(&admin_now), Value::Null).await.expect(204);
    let statement = "UPDATE outbox SET event = 'opinion_answered' WHERE id = $1";
    crate::moderation::set(&app, statement, bad).await;
    assert_eq!(deliver_pending(app.app.post(), 100).await.unwrap(), 1);
    assert_eq!(outbox::count_backlog(&app.app.db).await.unwrap(), outbox::Backlog::default());
    app.finish().await;
}

/// Announces an event for somebody.
async fn announce(app: &TestApp, person: &Person, event: Event) {
    let mut tx = app.app.db.begin().await.unwrap();
    let subject = app.app.ids.next();
    notifications::announce(&mut tx, &app.clock, &app.app.ids, person.account, event, subject, "第四条").await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_another_instance_is_delivering_is_left_to_it() {
    let app = TestApp::start().await;
    let wang = Person::new(&app, "wang").await;
    if matches!(app.app.db, Db::Sqlite(_)) {
        // One writer at a time: nobody delivers while another does.
        return app.finish().await;
    }
    for _ in 0..3 {
        announce(&app, &wang, Event::OpinionReceived).await;
    }
    // Another instance is at the first two of them.
    let mut other = app.app.db.begin().await.unwrap();
    let hold = "SELECT id FROM outbox ORDER BY created_at, id LIMIT 2 FOR UPDATE";
    if let Tx::Postgres(transaction) = &mut other {
        sqlx::query(hold).fetch_all(&mut **transaction).await.unwrap();
    }
    let delivered = tokio::time::timeout(Duration::from_secs(5), deliver_pending(app.app.post(), 2)).await;
    assert_eq!(delivered.expect("it waits for the other").unwrap(), 1, "the one that is free, though two came before it");
    other.commit().await.unwrap();
    assert_eq!(deliver_pending(app.app.post(), 100).await.unwrap(), 2);
    assert_eq!(outbox::count_pending(&app.app.db).await.unwrap(), 0);
    app.finish().await;
}

#[tokio::test]
async fn what_was_delivered_months_ago_is_removed_and_what_is_asked_for_stays() {
    let app = start("t-answer").await;
    let wang = Person::new(&app, "wang").await;
    wang.choose(&app, "t-answer", "accept", "choice-0001").await.expect(200);
    let told = Told::default();
    let post = Post { carrier: &told, ..app.app.post() };
    wang.is_answered(&app, post).await;
    assert_eq!(carry_due(post, 10).await.unwrap(), 1);
    for event in [Event::OpinionReceived, Event::OpinionExcluded] {
        announce(&app, &wang, event).await;
    }
    assert_eq!(deliver_pending(post, 100).await.unwrap(), 2);
    let kept = async || -> (Vec<String>, usize, i64) {
        let tidied = upkeep::tidy(&app.app).await;
        assert_eq!(tidied.unwrap(), 0);
        let events: Vec<String> =
            zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT event FROM outbox ORDER BY event").fetch_all(pool).await)
                .unwrap();
        let inbox: i64 =
            zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM inbox").fetch_one(pool).await)
                .unwrap();
        (events, sends(&app).await.len(), inbox)
    };
    app.clock.advance(chrono::Duration::days(90));
    let all = ["opinion_answered", "opinion_excluded", "opinion_received"].map(str::to_owned).to_vec();
    assert_eq!(kept().await, (all, 1, 3));
    // One that was never delivered stays, however old.
    announce(&app, &wang, Event::OpinionReceived).await;
    app.clock.advance(chrono::Duration::days(1));
    let left = ["opinion_excluded", "opinion_received"].map(str::to_owned).to_vec();
    assert_eq!(kept().await, (left, 0, 3));
    assert_eq!(wang.quota(&app, "t-answer").await, Quota { left: 0, spent: 1, dropped: 0 }, "the ledger is read by its person");
    app.clock.advance(chrono::Duration::days(91));
    assert_eq!(deliver_pending(post, 100).await.unwrap(), 1);
    assert_eq!(kept().await.0.len(), 2);
    app.finish().await;
}
