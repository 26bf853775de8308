//! The live WeChat client over a real socket, against a service that answers as WeChat documents it, and as networks fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Endpoint, Request, Response, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zhitong::accounts::wechat::{Delivery, Live, SubscriptionMessage, Suggestion, TextVerdict, Wechat};
use zhitong::config::{Secret, WechatConfig};
use zhitong::error::Code;
use zhitong::ids::IdSource;
use zhitong::storage::cache::Cache;

/// What the service does.
#[derive(Default)]
struct Service {
    /// The token that is good now; every other one is answered with 42001.
    token: Mutex<String>,
    /// Tokens handed out.
    tokens: AtomicU32,
    /// Whether `stable_token` goes on naming a token that is no good unless it is forced.
    is_stubborn: bool,
    /// Error code of `stable_token`.
    token_error: i64,
    /// Answers by path, instead of the usual ones.
    answers: Mutex<HashMap<String, (u16, String)>>,
    /// Requests by path with their bodies.
    seen: Mutex<Vec<(String, Value)>>,
}

struct Handler(Arc<Service>);

impl Endpoint for Handler {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let service = &self.0;
        let path = request.uri().path().to_owned();
        let query: HashMap<String, String> = request.params().unwrap_or_default();
        let body = request.take_body().into_bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        service.seen.lock().unwrap().push((path.clone(), body.clone()));
        let say = |value: Value| Response::builder().content_type("text/plain").body(value.to_string());
        if let Some((status, text)) = service.answers.lock().unwrap().get(&path) {
            return Ok(Response::builder().status(poem::http::StatusCode::from_u16(*status).unwrap()).body(text.clone()));
        }
        if path == "/cgi-bin/stable_token" {
            assert_eq!(
                (&body["grant_type"], &body["appid"], &body["secret"]),
                (&json!("client_credential"), &json!("wx1"), &json!("s3cret"))
            );
            if service.token_error != 0 {
                return Ok(say(json!({"errcode": service.token_error, "errmsg": "no"})));
            }
            // A fetch takes its time: the others come meanwhile.
            tokio::time::sleep(Duration::from_millis(120)).await;
            let n = service.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            let mut token = service.token.lock().unwrap();
            if !(service.is_stubborn && body["force_refresh"] == false) {
                *token = format!("token-{n}");
            } else if token.is_empty() {
                *token = "token-0".into();
            }
            return Ok(say(json!({"access_token": token.clone(), "expires_in": 7200})));
        }
        if path == "/sns/jscode2session" {
            assert_eq!(
                (query["appid"].as_str(), query["secret"].as_str(), query["grant_type"].as_str()),
                ("wx1", "s3cret", "authorization_code")
            );
            let code = query["js_code"].as_str();
            return Ok(say(match code.strip_prefix("error") {
                Some(errcode) => json!({"errcode": errcode.parse::<i64>().unwrap(), "errmsg": "no"}),
                None => json!({"openid": format!("o-{code}"), "session_key": "k", "unionid": "u"}),
            }));
        }
        if query.get("access_token") != Some(&*service.token.lock().unwrap()) {
            return Ok(say(json!({"errcode": 42001, "errmsg": "access_token expired"})));
        }
        let errcode = |text: &Value| text.as_str().and_then(|t| t.strip_prefix("error")).and_then(|t| t.parse::<i64>().ok());
        Ok(say(match path.as_str() {
            "/wxa/business/getuserphonenumber" => match errcode(&body["code"]) {
                Some(errcode) => json!({"errcode": errcode, "errmsg": "no"}),
                None if body["code"] == "abroad" => {
                    json!({"errcode": 0, "phone_info": {"phoneNumber": "+85291234567", "purePhoneNumber": "91234567", "countryCode": "852"}})
                }
                None => {
                    json!({"errcode": 0, "phone_info": {"phoneNumber": "13812345678", "purePhoneNumber": "13812345678", "countryCode": 86}})
                }
            },
            "/wxa/msg_sec_check" => {
                assert_eq!((&body["version"], &body["scene"]), (&json!(2), &json!(2)));
                let content = body["content"].as_str().unwrap();
                assert!(content.chars().count() <= 2_500, "{}", content.chars().count());
                match errcode(&body["content"]) {
                    Some(errcode) => json!({"errcode": errcode, "errmsg": "no"}),
                    None if content.contains("风险") => {
                        json!({"errcode": 0, "result": {"suggest": "risky", "label": 20006}, "detail": []})
                    }
                    None if content.contains("复核") => json!({"errcode": 0, "result": {"suggest": "review", "label": 20001}}),
                    None => json!({"errcode": 0, "result": {"suggest": "pass", "label": 100}}),
                }
            }
            "/cgi-bin/message/subscribe/send" => {
                for (name, value) in body["data"].as_object().unwrap() {
                    let length = value["value"].as_str().unwrap().chars().count();
                    assert!(length >= 1 && length <= if name.starts_with("phrase") { 5 } else { 20 }, "{name}: {value}");
                }
                match errcode(&body["template_id"]) {
                    Some(errcode) => json!({"errcode": errcode, "errmsg": "no"}),
                    None => json!({"errcode": 0, "errmsg": "ok"}),
                }
            }
            other => panic!("{other} is no call of ours"),
        }))
    }
}

async fn serve(service: Service) -> (Arc<Service>, String) {
    let service = Arc::new(service);
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    let handler = Handler(service.clone());
    tokio::spawn(async move { Server::new_with_acceptor(acceptor).run(handler).await });
    (service, format!("http://{address}"))
}

async fn cache() -> Cache {
    match std::env::var("ZHITONG_TEST_REDIS") {
        Ok(url) => Cache::redis(&url, &format!("{}:", IdSource::Random.secret(8))).unwrap(),
        Err(_) => Cache::in_process(),
    }
}

fn client(base_url: &str, cache: &Cache) -> Live {
    client_that_waits(base_url, cache, 900)
}

fn client_that_waits(base_url: &str, cache: &Cache, timeout_ms: u64) -> Live {
    let config = WechatConfig {
        app_id: "wx1".into(),
        secret: Secret("s3cret".into()),
        base_url: base_url.into(),
        timeout_ms,
        ..WechatConfig::default()
    };
    Live::new(&config, cache.clone()).unwrap()
}

fn message(template_id: &str) -> SubscriptionMessage {
    let fields =
        [("thing1", "关于共享雨伞管理办法第三条第一款第二项的意见已经公布采纳情况"), ("phrase2", "部分采纳并说明"), ("thing3", "")];
    SubscriptionMessage {
        openid: "o-1".into(),
        template_id: template_id.into(),
        page: "pages/opinion?id=1".into(),
        fields: fields.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

#[tokio::test]
async fn the_five_calls_answer() {
    let (service, url) = serve(Service::default()).await;
    let cache = cache().await;
    let live = client(&url, &cache);
    assert_eq!(live.openid_of_code("c1").await.unwrap(), "o-c1");
    assert_eq!(live.phone_of_code("p1").await.unwrap(), "13812345678");
    assert_eq!(live.phone_of_code("abroad").await.unwrap_err().code, Code::Invalid);
    assert_eq!(live.check_text("o-1", "建议增加投放点").await.unwrap(), TextVerdict::PASS);
    assert_eq!(live.send_subscription(&message("t")).await.unwrap(), Delivery::Sent);
    assert_eq!(service.tokens.load(Ordering::SeqCst), 1, "one token serves all calls");
    // Another instance shares it.
    assert_eq!(client(&url, &cache).phone_of_code("p2").await.unwrap(), "13812345678");
    assert_eq!(service.tokens.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_error_code_is_told_apart() {
    let (_, url) = serve(Service::default()).await;
    let live = client(&url, &cache().await);
    for (errcode, code) in [
        (40029, Code::LoginFailed),
        (40163, Code::LoginFailed),
        (40226, Code::LoginFailed),
        (45011, Code::TooMany),
        (-1, Code::Upstream),
        (40125, Code::Upstream),
    ] {
        assert_eq!(live.openid_of_code(&format!("error{errcode}")).await.unwrap_err().code, code, "{errcode}");
    }
    for (errcode, code) in [(40029, Code::Invalid), (40163, Code::Invalid), (45011, Code::TooMany), (-1, Code::Upstream)] {
        assert_eq!(live.phone_of_code(&format!("error{errcode}")).await.unwrap_err().code, code, "{errcode}");
    }
    for errcode in [40003, 43104, 61010] {
        assert_eq!(live.check_text("o-1", &format!("error{errcode}")).await.unwrap(), TextVerdict::NOT_JUDGED, "{errcode}");
    }
    assert_eq!(live.check_text("o-1", "error87014").await.unwrap().suggestion, Suggestion::Risky);
    for errcode in [-1, 44991, 45009, 40129, 47001] {
        assert_eq!(live.check_text("o-1", &format!("error{errcode}")).await.unwrap_err().code, Code::Upstream, "{errcode}");
    }
    for errcode in [43101, 40003] {
        assert_eq!(live.send_subscription(&message(&format!("error{errcode}"))).await.unwrap(), Delivery::Refused, "{errcode}");
    }
    for errcode in [40037, 41030, 47003] {
        assert_eq!(live.send_subscription(&message(&format!("error{errcode}"))).await.unwrap(), Delivery::Rejected(errcode), "{errcode}");
    }
    for errcode in [-1, 45009] {
        assert_eq!(live.send_subscription(&message(&format!("error{errcode}"))).await.unwrap_err().code, Code::Upstream, "{errcode}");
    }
}

#[tokio::test]
async fn long_texts_are_judged_in_pieces_and_the_strictest_wins() {
    let (service, url) = serve(Service::default()).await;
    let live = client(&url, &cache().await);
    let filler = "字".repeat(2_499);
    let judged = live.check_text("o-1", &format!("需要复核{filler}{filler}")).await.unwrap();
    assert_eq!((judged.suggestion, judged.label), (Suggestion::Review, 20001));
    let judged = live.check_text("o-1", &format!("需要复核{filler}有风险{filler}")).await.unwrap();
    assert_eq!((judged.suggestion, judged.label), (Suggestion::Risky, 20006));
    let before = service.seen.lock().unwrap().len();
    assert_eq!(live.check_text("o-1", " \n").await.unwrap(), TextVerdict::PASS);
    assert_eq!(service.seen.lock().unwrap().len(), before, "an empty text costs no call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_with_a_token_that_has_ended_refresh_it_once() {
    let (service, url) = serve(Service::default()).await;
    let cache = cache().await;
    // Two instances that share a cache, and in it a token that WeChat has ended.
    // How long an answer may take is not the question here, and the machine may stand still for a second.
    let instances = [(); 2].map(|()| Arc::new(client_that_waits(&url, &cache, 9_000)));
    instances[0].phone_of_code("first").await.unwrap();
    *service.token.lock().unwrap() = "ended elsewhere".into();
    let before = service.tokens.load(Ordering::SeqCst);
    let calls = (0..100).map(|n| {
        let live = instances[n % 2].clone();
        tokio::spawn(async move { live.phone_of_code(&format!("p{n}")).await })
    });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap().unwrap(), "13812345678");
    }
    assert_eq!(service.tokens.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_token_that_wechat_names_and_refuses_is_forced_anew() {
    let (service, url) = serve(Service { is_stubborn: true, ..Service::default() }).await;
    let live = client(&url, &cache().await);
    live.phone_of_code("first").await.unwrap();
    *service.token.lock().unwrap() = String::new();
    // `stable_token` names token-0 again, which was just refused, so it is forced.
    assert_eq!(live.phone_of_code("second").await.unwrap(), "13812345678");
    let forced =
        service.seen.lock().unwrap().iter().filter(|(path, body)| path.ends_with("stable_token") && body["force_refresh"] == true).count();
    assert_eq!(forced, 1);
}

#[tokio::test]
async fn a_failing_token_service_is_not_met_with_a_queue() {
    let (service, url) = serve(Service { token_error: 40125, ..Service::default() }).await;
    let live = Arc::new(client(&url, &cache().await));
    let calls = (0..50).map(|n| {
        let live = live.clone();
        tokio::spawn(async move { live.phone_of_code(&format!("p{n}")).await })
    });
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap().unwrap_err().code, Code::Upstream);
    }
    let asked = service.seen.lock().unwrap().len();
    assert!(asked <= 2, "{asked} requests");
}

#[tokio::test]
async fn what_is_no_answer_is_an_upstream_failure_without_secrets() {
    let (service, url) = serve(Service::default()).await;
    let live = client(&url, &cache().await);
    for (status, text) in [(200, "<html>"), (200, ""), (200, "{\"errcode\":0}"), (200, "[1]"), (500, "{}"), (302, "")] {
        service.answers.lock().unwrap().insert("/sns/jscode2session".into(), (status, text.into()));
        let error = live.openid_of_code("c").await.unwrap_err();
        assert_eq!(error.code, Code::Upstream, "{status} {text}");
        let told = format!("{error:?} {}", error.cause_chain());
        assert!(!told.contains("s3cret"), "{told}");
    }
    service.answers.lock().unwrap().insert("/sns/jscode2session".into(), (200, "x".repeat(100_000)));
    assert_eq!(live.openid_of_code("c").await.unwrap_err().code, Code::Upstream);
}

/// A server that does one thing with every connection.
async fn broken(answer: &'static str, is_silent: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0u8; 1_024];
            let _read = stream.read(&mut buffer).await;
            let _written = stream.write_all(answer.as_bytes()).await;
            if is_silent {
                held.push(stream);
            }
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn silence_half_answers_and_closed_ports_end_in_time() {
    let silent = broken("", true).await;
    let half_head = broken("HTTP/1.1 200 O", false).await;
    let half_body = broken("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"openid\":\"o", false).await;
    let stalled_body = broken("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"openid\":\"o", true).await;
    for url in [silent.as_str(), &half_head, &half_body, &stalled_body, "http://127.0.0.1:1"] {
        let live = client(url, &cache().await);
        let started = std::time::Instant::now();
        let error = live.openid_of_code("c").await.unwrap_err();
        assert_eq!(error.code, Code::Upstream, "{url}");
        assert!(started.elapsed() < Duration::from_secs(5), "{url}");
        assert!(!error.cause_chain().contains("s3cret"), "{}", error.cause_chain());
        let error = live.phone_of_code("c").await.unwrap_err();
        assert!(error.code == Code::Upstream && !error.cause_chain().contains("s3cret"), "{}", error.cause_chain());
    }
}
