//! The application under test, with ready callers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeZone, Utc};
use poem::Response;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::test::TestClient;
use serde_json::{Value, json};
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::accounts::sessions;
use zhitong::accounts::{Caller, NewStaff, Role, create_staff};
use zhitong::app::App;
use zhitong::config::{Config, Rules, Secret};
use zhitong::drafts::{due, following};
use zhitong::error::Code;
use zhitong::ids::{Clock, IdSource};
use zhitong::notifications::AsPost;
use zhitong::storage::cache::Cache;
use zhitong::storage::{DataDirLock, Db};
use zhitong::{notifications, server};

/// Ten o'clock on Monday 2 March 2026 in Shanghai: where every test begins.
pub fn beginning() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap()
}

/// A short draft of our own, with paragraphs and items.
pub const DRAFT_TEXT: &str = "# 清河市共享雨伞管理办法（征求意见稿）\n\n\
第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n\n\
第二条 在本市投放共享雨伞，适用本办法。\n\n\
第三条 经营者应当遵守下列规定：\n\n\
（一）伞具干净、完好；\n\n\
（二）在雨季增加投放数量；\n\n\
（三）公布收费标准。\n\n\
经营者不得强制收集使用者的通讯录。\n\n\
第四条 使用者应当在二十四小时内归还。\n\n\
第五条 本办法自2026年6月1日起施行。\n";

/// The application, on a fresh database.
pub struct TestApp {
    /// Its parts.
    pub app: App,
    /// Its clock.
    pub clock: Clock,
    client: TestClient<BoxEndpoint<'static, Response>>,
    citizens: Mutex<u32>,
    is_finished: AtomicBool,
    _folder: tempfile::TempDir,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Content type.
    pub content_type: String,
    /// Body; null when there is none.
    pub body: Value,
}

impl Answer {
    /// Passes on a status, and gives the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Passes on a problem body of one code, and gives it.
    #[track_caller]
    pub fn expect_problem(self, code: Code) -> Value {
        assert_eq!(self.status, code.status(), "{}", self.body);
        assert_eq!(self.content_type, "application/problem+json; charset=utf-8");
        assert_eq!(self.body["code"], code.slug(), "{}", self.body);
        assert_eq!(self.body["status"], code.status());
        assert_eq!(self.body["title"], code.title());
        assert!(self.body["detail"].as_str().is_some_and(|d| !d.is_empty()));
        self.body
    }

    /// Passes on a problem with one field, and gives it.
    #[track_caller]
    pub fn expect_invalid(self, field: &str) -> Value {
        let body = self.expect_problem(Code::Invalid);
        assert_eq!(body["fields"][0]["field"], field, "{body}");
        body
    }
}

impl TestApp {
    /// Starts with the usual rules.
    pub async fn start() -> TestApp {
        Self::start_with(Rules::default()).await
    }

    /// Starts with given rules.
    pub async fn start_with(rules: Rules) -> TestApp {
        // A test looks at a page right after it changed something.
        Self::start_keeping(rules, 0).await
    }

    /// Starts with given rules; public pages are kept for some milliseconds.
    pub async fn start_keeping(rules: Rules, page_cache_ms: u64) -> TestApp {
        Self::start_as(|config| (config.rules, config.page_cache_ms) = (rules, page_cache_ms)).await
    }

    /// Starts with the usual settings, changed.
    pub async fn start_as(change: impl FnOnce(&mut Config)) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().to_owned(),
            data_key: Secret("5a".repeat(32)),
            page_cache_ms: 0,
            is_demonstration: false,
            ..Config::default()
        };
        change(&mut config);
        let lock = DataDirLock::acquire(&config.data_dir).unwrap();
        let db = match std::env::var("ZHITONG_TEST_POSTGRES") {
            Ok(server) => Db::open_postgres(&fresh_database(&server).await, 4).await.unwrap(),
            Err(_) => Db::open_sqlite(&folder.path().join("zhitong.db"), 4).await.unwrap(),
        };
        db.migrate().await.unwrap();
        let cache = match std::env::var("ZHITONG_TEST_REDIS") {
            Ok(url) => Cache::redis(&url, &format!("{}:", IdSource::Random.secret(8))).await.unwrap(),
            Err(_) => Cache::in_process(),
        };
        let clock = Clock::fixed(beginning());
        let app = App::assemble(config, db, cache, clock.clone(), IdSource::counting(), Some(lock)).await.unwrap();
        let client = TestClient::new(server::routes(&app));
        TestApp { app, clock, client, citizens: Mutex::new(0), is_finished: AtomicBool::new(false), _folder: folder }
    }

    /// Lets the search index take in everything that was stored.
    pub async fn index(&self) {
        self.app.search.catch_up(&self.app.db, &self.clock).await.unwrap();
    }

    /// The response to a GET of any path of the site, as it is.
    pub async fn raw(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.0
    }

    /// The response to a form that a browser with a cookie sends.
    pub async fn raw_form(&self, path: &str, cookie: &str, body: String) -> Response {
        let request = self.client.post(path).header("cookie", cookie).content_type("application/x-www-form-urlencoded");
        request.body(body).send().await.0
    }

    /// Token of a new account of a role; a citizen signs in through the sandbox.
    pub async fn token(&self, role: Role) -> String {
        if role == Role::Citizen {
            let n = {
                let mut n = self.citizens.lock().unwrap_or_else(PoisonError::into_inner);
                *n += 1;
                *n
            };
            let code = format!("sandbox-citizen{n}");
            let says = json!({"code": code, "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": true});
            let body = self.post("/sessions/wechat", None, says).await.expect(201);
            return body["token"].as_str().unwrap().to_owned();
        }
        let login_name = format!("{}-{}", role.as_str(), self.app.ids.next().simple());
        let new = NewStaff {
            login_name: &login_name,
            display_name: role.label(),
            role,
            password: "a long pass phrase",
            contact_point: None,
            is_demonstration: false,
        };
        let account_id = create_staff(&self.app.db, &self.clock, &self.app.ids, None, new).await.unwrap();
        let caller = Caller { account_id, role, display_name: role.label().into(), contact_point: None };
        let mut tx = self.app.db.begin().await.unwrap();
        let session = sessions::issue(&mut tx, &self.clock, &self.app.ids, &self.app.config.rules, caller).await.unwrap();
        tx.commit().await.unwrap();
        session.token
    }

    /// One request; a path is relative to `/api/v1`.
    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("/api/v1{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        read(request.send().await.0).await
    }

    /// GET
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.call(Method::GET, path, token, &[], None).await
    }

    /// POST
    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.call(Method::POST, path, token, &[], Some(body)).await
    }

    /// PUT
    pub async fn put(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.call(Method::PUT, path, token, &[], Some(body)).await
    }

    /// Uploads a file as a version of a draft.
    pub async fn upload_version(&self, draft: &str, token: Option<&str>, name: &str, bytes: &[u8], explanation: &str) -> Answer {
        self.upload(&format!("/drafts/{draft}/versions"), token, "file", name, bytes, ("explanation", explanation)).await
    }

    /// Uploads a file in a form with one more field.
    pub async fn upload(&self, path: &str, token: Option<&str>, field: &str, name: &str, bytes: &[u8], other: (&str, &str)) -> Answer {
        // By hand, as browsers send it: the name of the file in UTF-8.
        let (other_name, other_value) = other;
        let mut form = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{other_name}\"\r\n\r\n{other_value}\r\n\
            --edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n--edge--\r\n");
        let mut request = self.client.post(format!("/api/v1{path}")).content_type("multipart/form-data; boundary=edge");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read(request.body(form).send().await.0).await
    }

    /// Uploads a file for an opinion under a key; without a token as somebody who is not signed in.
    pub async fn upload_enclosure(&self, draft: &str, token: Option<&str>, key: &str, name: &str, bytes: &[u8]) -> Answer {
        let mut form = format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").into_bytes();
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n--edge--\r\n");
        let kind = if token.is_some() { "attachments" } else { "anonymous-attachments" };
        let mut request = self
            .client
            .post(format!("/api/v1/drafts/{draft}/{kind}"))
            .content_type("multipart/form-data; boundary=edge")
            .header("Idempotency-Key", key);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read(request.body(form).send().await.0).await
    }

    /// Sets whether the newest rounds show opinions and take them without a login.
    pub async fn allow(&self, shows_opinions: bool, allows_anonymous: bool) {
        const SET: &str = "UPDATE consultation SET shows_opinions = $1, allows_anonymous = $2";
        let mut tx = self.app.db.begin().await.unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query(SET).bind(shows_opinions).bind(allows_anonymous).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }

    /// Posts an opinion under a key.
    pub async fn post_opinion(&self, draft: &str, token: Option<&str>, key: &str, body: Value) -> Answer {
        self.call(Method::POST, &format!("/drafts/{draft}/opinions"), token, &[("Idempotency-Key", key)], Some(body)).await
    }

    /// A draft with a version; its id.
    pub async fn draft(&self) -> String {
        let drafter = self.token(Role::Drafter).await;
        let body = json!({"title": "清河市共享雨伞管理办法", "kind": "government_rule", "drafting_unit": "清河市城市管理局"});
        let draft = self.post("/drafts", Some(&drafter), body).await.expect(201);
        let id = draft["id"].as_str().unwrap().to_owned();
        self.upload_version(&id, Some(&drafter), "办法.md", DRAFT_TEXT.as_bytes(), "需要规范投放秩序。").await.expect(201);
        id
    }

    /// A draft on which a round is open until 24:00 of 1 April 2026; its id.
    pub async fn open_draft(&self) -> String {
        let id = self.draft().await;
        let handler = self.token(Role::Handler).await;
        let path = format!("/drafts/{id}/consultations");
        self.post(&path, Some(&handler), json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01"})).await.expect(201);
        id
    }

    /// Does what is due by the clock, and says what it did.
    pub async fn run_due(&self) -> due::Done {
        due::run_due(&self.app.db, &self.clock, &self.app.ids, &self.app.config.rules).await.unwrap()
    }

    /// Lets a second person pass every prepared answer of a draft, and says how many.
    pub async fn pass_all(&self, draft: &str) -> i64 {
        let reviewer = self.token(Role::Reviewer).await;
        let body = json!({"everything": true, "passes": true});
        self.post(&format!("/drafts/{draft}/reviews"), Some(&reviewer), body).await.expect(200)["reviewed"].as_i64().unwrap()
    }

    /// Tells the followers, delivers what is in the outbox, and says how much it was.
    pub async fn deliver(&self) -> u32 {
        while following::tell_some(&self.app.db, &self.clock, &self.app.ids, 500).await.unwrap().is_some() {}
        notifications::deliver_pending(AsPost::post(&self.app), 1_000).await.unwrap()
    }

    /// Ends the test: nothing that was announced may be left undelivered, and the audit log must hold.
    pub async fn finish(self) {
        let left = notifications::count_pending(&self.app.db).await.unwrap() + following::count_pending(&self.app.db).await.unwrap();
        self.is_finished.store(true, Ordering::SeqCst);
        assert_eq!(left, 0, "the outbox holds events that the test did not deliver");
        let checked = zhitong::audit::verify(&self.app.db).await.unwrap();
        assert_eq!(checked.broken_at, None, "the audit log does not hold");
        self.app.db.close().await;
    }

    /// Ends a test that broke the audit log on purpose.
    pub async fn abandon(self) {
        self.is_finished.store(true, Ordering::SeqCst);
        self.app.db.close().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.is_finished.load(Ordering::SeqCst), "end the test with app.finish().await");
        }
    }
}

async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let content_type = response.content_type().unwrap_or_default().to_owned();
    let bytes = response.into_body().into_bytes().await.unwrap();
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
    };
    Answer { status, content_type, body }
}

/// URL of a new database on a server.
async fn fresh_database(server: &str) -> String {
    let name = format!("zt_{}", IdSource::Random.next().simple());
    let Db::Postgres(pool) = Db::open_postgres(server, 1).await.unwrap() else { unreachable!("a PostgreSQL URL opens PostgreSQL") };
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
    pool.close().await;
    let (head, options) = server.split_once('?').map_or((server, String::new()), |(head, options)| (head, format!("?{options}")));
    let (base, _) = head.rsplit_once('/').unwrap();
    format!("{base}/{name}{options}")
}
