//! The known pattern of vote-stuffing bots, replayed over real sockets: an X-Forwarded-For of its own on every request, accounts made in
//! masses, one-time codes guessed.

use std::net::SocketAddr;

use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::config::{Config, LimitRules, Quota, Rules};
use zhitong::server;
use zhitong::storage::crypto::install_tls;

use crate::support::TestApp;

/// The application on a port of this machine, and somebody who sends requests there.
struct Port {
    address: SocketAddr,
    client: reqwest::Client,
    serving: tokio::task::JoinHandle<()>,
}

impl Port {
    async fn open(app: &TestApp) -> Port {
        install_tls();
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let routes = server::routes(&app.app);
        let serving = tokio::spawn(async move { Server::new_with_acceptor(acceptor).run(routes).await.unwrap() });
        Port { address, client: reqwest::Client::builder().no_proxy().build().unwrap(), serving }
    }

    /// Status, Retry-After and body of a POST that claims to come from an address.
    async fn post(&self, path: &str, claimed: &str, body: Value) -> (u16, Option<u64>, Value) {
        let request = self.client.post(format!("http://{}/api/v1{path}", self.address)).header("x-forwarded-for", claimed);
        Self::send(request.json(&body)).await
    }

    /// An agreement of somebody with an opinion, under a key.
    async fn vote(&self, opinion: &str, token: &str, key: &str) -> (u16, Option<u64>, Value) {
        let request = self.client.put(format!("http://{}/api/v1/opinions/{opinion}/vote", self.address)).bearer_auth(token);
        Self::send(request.header("idempotency-key", key).json(&json!({"choice": "agree"}))).await
    }

    /// A picture for an opinion on a draft, under a key; without a token of somebody who is not signed in.
    async fn upload(&self, draft: &str, token: Option<&str>, key: &str) -> (u16, Option<u64>, Value) {
        let kind = if token.is_some() { "attachments" } else { "anonymous-attachments" };
        let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".to_vec();
        body.extend_from_slice(b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR");
        // Each upload another file: the same one twice is one upload.
        body.extend_from_slice(key.as_bytes());
        body.extend_from_slice(b"\r\n--edge--\r\n");
        let request = self.client.post(format!("http://{}/api/v1/drafts/{draft}/{kind}", self.address));
        let request = request.header("content-type", "multipart/form-data; boundary=edge").header("idempotency-key", key).body(body);
        Self::send(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    }

    async fn send(request: reqwest::RequestBuilder) -> (u16, Option<u64>, Value) {
        let answer = request.send().await.unwrap();
        let retry = answer.headers().get("retry-after").map(|v| v.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), retry, answer.json().await.unwrap())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn hourly(count: u32) -> Quota {
    Quota { count, seconds: 3_600 }
}

fn narrow(config: &mut Config) {
    config.rules.limits = LimitRules {
        registration_per_address: hourly(5),
        code_per_address: hourly(12),
        code_try_per_address: hourly(30),
        sign_in_per_address: hourly(40),
        ..LimitRules::default()
    };
}

/// Another address for every request.
fn forged(n: u32) -> String {
    format!("198.51.{}.{}, 203.0.113.{}", n / 250, n % 250 + 1, n % 200 + 1)
}

#[tokio::test]
async fn masses_of_accounts_from_one_address_are_refused_whatever_it_claims() {
    let app = TestApp::start_as(narrow).await;
    let port = Port::open(&app).await;
    let (mut made, mut refused) = (0, 0);
    for n in 0..60 {
        let (status, retry, body) = port.post("/sessions/wechat", &forged(n), json!({"code": format!("sandbox-bot{n}")})).await;
        match status {
            201 => made += 1,
            429 => {
                refused += 1;
                assert!(retry.is_some_and(|s| (1..=3_600).contains(&s)), "{retry:?}");
                assert!(body["detail"].as_str().unwrap().contains("后再试"), "{body}");
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert_eq!((made, refused), (5, 55));
    let accounts: i64 = zhitong::on_db!(&app.app.db, pool =>
        sqlx::query_scalar("SELECT COUNT(*) FROM account WHERE role = 'citizen'").fetch_one(pool).await)
    .unwrap();
    assert_eq!(accounts, 5, "what was refused left nothing behind");
    // Somebody who has an account already is not kept out by the bot beside them, as long as they do not sign in in masses.
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn who_has_an_account_comes_in_beside_a_bot() {
    let app = TestApp::start_as(narrow).await;
    let port = Port::open(&app).await;
    assert_eq!(port.post("/sessions/wechat", "", json!({"code": "sandbox-neighbour"})).await.0, 201);
    for n in 0..20 {
        port.post("/sessions/wechat", &forged(n), json!({"code": format!("sandbox-bot{n}")})).await;
    }
    assert_eq!(port.post("/sessions/wechat", "", json!({"code": "sandbox-neighbour.2"})).await.0, 201);
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn codes_cannot_be_guessed_whatever_address_is_claimed() {
    let app = TestApp::start_as(narrow).await;
    let port = Port::open(&app).await;
    let phone = "13812345678";
    assert_eq!(port.post("/phone-codes", "", json!({"phone": phone, "purpose": "sign_in"})).await.0, 202);
    let right = app.app.sms.shown_code(phone).await.unwrap().unwrap();
    let (mut wrong, mut refused) = (0, 0);
    for n in 0..120u32 {
        // Every code but the right one, which a guess among so few would hardly meet.
        let guess = format!("{:06}", (right.parse::<u32>().unwrap() + 1 + n) % 1_000_000);
        match port.post("/sessions/phone", &forged(n), json!({"phone": phone, "code": guess})).await.0 {
            401 => wrong += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((wrong, refused), (30, 90), "the address must wait after thirty tries");
    // The code itself died with its fifth try: an honest address does not get in with it either.
    let tries: i64 =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT tries FROM phone_code").fetch_one(pool).await).unwrap();
    assert_eq!(tries, 5);
    let honest = app.post("/sessions/phone", None, json!({"phone": phone, "code": right})).await;
    assert_eq!(honest.status, 401, "{}", honest.body);
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn codes_for_many_phones_from_one_address_are_refused() {
    let app = TestApp::start_as(narrow).await;
    let port = Port::open(&app).await;
    let mut sent = 0;
    for n in 0..40 {
        let body = json!({"phone": format!("139{n:08}"), "purpose": "sign_in"});
        sent += u32::from(port.post("/phone-codes", &forged(n), body).await.0 == 202);
    }
    assert_eq!(sent, 12);
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limit_and_none_can_forge_another() {
    let app = TestApp::start_as(|config| {
        narrow(config);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    })
    .await;
    let port = Port::open(&app).await;
    let mut n = 0;
    let mut register = async |claimed: String| {
        n += 1;
        port.post("/sessions/wechat", &claimed, json!({"code": format!("sandbox-person{n}")})).await.0
    };
    for client in 1..=10 {
        assert_eq!(register(format!("203.0.113.{client}")).await, 201);
    }
    // What the client wrote before our proxies is not believed: the address is the last one that is not ours.
    let mut made = 0;
    for k in 1..=20 {
        made += u32::from(register(format!("192.0.2.{k}, 203.0.113.200, 10.0.0.7")).await == 201);
    }
    assert_eq!(made, 5);
    drop(port);
    app.finish().await;
}

/// Passes on a refusal that says when to come back.
#[track_caller]
fn expect_wait((status, retry, body): (u16, Option<u64>, Value)) {
    assert_eq!(status, 429, "{body}");
    assert!(retry.is_some_and(|s| (1..=3_600).contains(&s)), "{retry:?}");
    assert!(body["detail"].as_str().unwrap().contains("后再试"), "{body}");
}

/// An application with an open draft and an opinion on it that others may see; the draft, the opinion.
async fn with_opinion(limits: LimitRules) -> (TestApp, String, String) {
    let app = TestApp::start_with(Rules { limits, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    app.allow(true, true).await;
    let author = app.token(Role::Citizen).await;
    let new = json!({"address": "art-4", "stance": "amend", "body": "改", "is_public": true});
    let receipt = app.post_opinion(&draft, Some(&author), "key-00000001", new).await.expect(201);
    let opinion = receipt["opinion_id"].as_str().unwrap().to_owned();
    app.deliver().await;
    (app, draft, opinion)
}

#[tokio::test]
async fn votes_have_a_limit_by_identity_and_by_address() {
    let limits = LimitRules { vote_per_identity: hourly(3), vote_per_address: hourly(5), ..LimitRules::default() };
    let (app, _, opinion) = with_opinion(limits).await;
    let port = Port::open(&app).await;
    let people = [app.token(Role::Citizen).await, app.token(Role::Citizen).await, app.token(Role::Citizen).await];
    for n in 0..3 {
        assert_eq!(port.vote(&opinion, &people[0], &format!("vote-000000{n}")).await.0, 200);
    }
    for n in 3..6 {
        // What is refused for the person does not use up what the address has.
        expect_wait(port.vote(&opinion, &people[0], &format!("vote-000000{n}")).await);
    }
    for n in 0..2 {
        assert_eq!(port.vote(&opinion, &people[1], &format!("vote-000000{n}")).await.0, 200);
    }
    expect_wait(port.vote(&opinion, &people[2], "vote-0000000").await);
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn uploads_have_a_limit_by_identity_and_by_address() {
    let limits = LimitRules {
        upload_per_identity: hourly(2),
        upload_per_address: hourly(6),
        anonymous_upload_per_address: hourly(1),
        ..LimitRules::default()
    };
    let (app, draft, _) = with_opinion(limits).await;
    let port = Port::open(&app).await;
    let people = [app.token(Role::Citizen).await, app.token(Role::Citizen).await, app.token(Role::Citizen).await];
    let secret = |n: u32| format!("secret-of-somebody-not-signed-in-{n}");
    assert_eq!(port.upload(&draft, None, &secret(1)).await.0, 200);
    expect_wait(port.upload(&draft, None, &secret(2)).await);
    for person in &people[..2] {
        for n in 1..=2 {
            assert_eq!(port.upload(&draft, Some(person), &format!("file-000000{n}")).await.0, 200);
        }
        expect_wait(port.upload(&draft, Some(person), "file-0000003").await);
        assert_eq!(port.upload(&draft, Some(person), "file-0000001").await.0, 200, "a repetition is no new upload");
    }
    assert_eq!(port.upload(&draft, Some(&people[2]), "file-0000001").await.0, 200);
    expect_wait(port.upload(&draft, Some(&people[2]), "file-0000002").await);
    drop(port);
    app.finish().await;
}

#[tokio::test]
async fn opinions_have_a_limit_by_address() {
    let limits = LimitRules { opinion_per_address: hourly(2), ..LimitRules::default() };
    let (app, draft, _) = with_opinion(limits).await;
    let port = Port::open(&app).await;
    let mut answers = Vec::new();
    for n in 0..3 {
        let token = app.token(Role::Citizen).await;
        let request = port.client.post(format!("http://{}/api/v1/drafts/{draft}/opinions", port.address)).bearer_auth(token);
        let new = json!({"stance": "support", "body": "好", "is_public": true});
        answers.push(Port::send(request.header("idempotency-key", format!("key-0000000{n}")).json(&new)).await);
    }
    expect_wait(answers.pop().unwrap());
    assert!(answers.iter().all(|(status, ..)| *status == 201), "{answers:?}");
    drop(port);
    app.deliver().await;
    app.finish().await;
}
