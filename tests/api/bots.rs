//! The known pattern of vote-stuffing bots, replayed over real sockets: an X-Forwarded-For of its own on every request, accounts made in
//! masses, one-time codes guessed.

use std::net::SocketAddr;

use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use serde_json::{Value, json};
use zhitong::config::{Config, LimitRules, Quota};
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
        let answer = request.json(&body).send().await.unwrap();
        let retry = answer.headers().get("retry-after").map(|v| v.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), retry, answer.json().await.unwrap())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn narrow(config: &mut Config) {
    let hourly = |count| Quota { count, seconds: 3_600 };
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
