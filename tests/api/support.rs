//! The application under test, with ready callers.

use std::path::PathBuf;
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
use zhitong::accounts::{Actor, Caller, NewStaff, Role, create_staff};
use zhitong::app::App;
use zhitong::config::{Config, Rules, Secret};
use zhitong::contact_points::assignments::Step;
use zhitong::contact_points::assignments::moving::{NewStep, take_own_step};
use zhitong::contact_points::organs::{NewOrgan, Tier, put_organ};
use zhitong::contact_points::seeds::load_points;
use zhitong::contact_points::tasks::{NewTask, send_task};
use zhitong::drafts::{due, following};
use zhitong::error::Code;
use zhitong::ids::{AssignmentId, Clock, ContactPointId, DraftId, IdSource, OrganId, StationId};
use zhitong::notifications::AsPost;
use zhitong::storage::blobs::BlobHash;
use zhitong::storage::cache::Cache;
use zhitong::storage::{DataDirLock, Db};
use zhitong::{notifications, server};

/// Writes the opinion with receipt number `$3` once more, as `$1` with receipt number `$2`.
pub const COPY_OPINION: &str =
    "INSERT INTO opinion (id, receipt_number, draft_id, consultation_id, version_id, account_id, author_kind, channel,
    provision_label, stance, body, reason, is_public, state, content_hash, text_hash, posted_at, text_key, person_key)
    SELECT $1, $2, draft_id, consultation_id, version_id, account_id, author_kind, channel, provision_label, stance,
    body, reason, is_public, 'received', content_hash, text_hash, posted_at, text_key, person_key FROM opinion WHERE receipt_number = $3";

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

/// Two contact points.
const POINTS: &str = r#"
demonstration = false

[[contact_point]]
slug = "donghu"
name = "东湖社区联系点"
kind = "government"
established_by = "清河市司法局"
host_unit = "东湖社区居民委员会"
host_kind = "community"
region = "清河市东湖区"
address = "东湖路1号"

[[contact_point.station]]
slug = "donghu-1"
name = "东湖一号采集点"
address = "东湖路3号"

[[contact_point.station]]
slug = "donghu-2"
name = "东湖二号采集点"
address = "东湖路5号"

[[contact_point]]
slug = "xishan"
name = "西山村联系点"
kind = "government"
established_by = "清河市司法局"
host_unit = "西山村村民委员会"
host_kind = "village"
region = "清河市西山区"
address = "西山村1号"
"#;

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

/// A content whose folder does not answer until it is given back.
#[must_use]
pub struct Away {
    folder: PathBuf,
    kept: PathBuf,
}

impl Away {
    pub fn give_back(self) {
        std::fs::remove_file(&self.folder).unwrap();
        std::fs::rename(&self.kept, &self.folder).unwrap();
    }
}

impl TestApp {
    /// Makes the store fail, as one that is away does, for a content on a shelf of it.
    pub fn take_content_away(&self, shelf: &str, content: &[u8]) -> Away {
        let hash = BlobHash::of(content);
        let folder = self.app.config.data_dir.join("blobs").join(shelf).join(&hash.as_str()[..2]);
        let kept = folder.with_extension("away");
        std::fs::rename(&folder, &kept).unwrap();
        // Something is there, and it is no folder: not the same as a content that is gone.
        std::fs::write(&folder, "").unwrap();
        Away { folder, kept }
    }

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
            Ok(url) => Cache::redis(&url, &format!("{}:", IdSource::Random.secret(8))).unwrap(),
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
        let organ = if role == Role::CountyStaff { Some(self.county("county").await) } else { None };
        self.staff_token(role, organ, None, None).await
    }

    /// Token of a new staff account that works somewhere.
    pub async fn staff_token(
        &self,
        role: Role,
        organ: Option<OrganId>,
        contact_point: Option<ContactPointId>,
        station: Option<StationId>,
    ) -> String {
        let login_name = format!("{}-{}", role.as_str(), self.app.ids.next().simple());
        let new = NewStaff {
            login_name: &login_name,
            display_name: role.label(),
            role,
            password: "a long pass phrase",
            organ,
            contact_point,
            station,
            is_demonstration: false,
        };
        let account_id = create_staff(&self.app.db, &self.clock, &self.app.ids, None, new).await.unwrap();
        let caller = Caller { account_id, role, display_name: role.label().into(), organ, contact_point, station };
        let mut tx = self.app.db.begin().await.unwrap();
        let session = sessions::issue(&mut tx, &self.clock, &self.app.ids, &self.app.config.rules, caller).await.unwrap();
        tx.commit().await.unwrap();
        session.token
    }

    /// The organ of a county, made when it is not there.
    pub async fn county(&self, code: &str) -> OrganId {
        let new = NewOrgan {
            code: code.into(),
            name: format!("{code}司法局"),
            tier: Tier::County,
            parent: None,
            region: "清河市云渡区".into(),
            is_demonstration: false,
        };
        let mut tx = self.app.db.begin().await.unwrap();
        let id = put_organ(&mut tx, &self.clock, &self.app.ids, &new).await.unwrap();
        tx.commit().await.unwrap();
        id
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

    /// Sends a form with fields and files.
    pub async fn form(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        fields: &[(&str, String)],
        files: &[(&str, &str, &[u8])],
    ) -> Answer {
        let mut form = Vec::new();
        for (name, value) in fields {
            form.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
        }
        for (name, file, bytes) in files {
            let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(bytes);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--edge--\r\n");
        let mut request = self.client.request(method, format!("/api/v1{path}")).content_type("multipart/form-data; boundary=edge");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        read(request.body(form).send().await.0).await
    }

    /// Applies to become a contact point.
    pub async fn apply_for_selection(&self, call: &str, key: &str, unit: &str, documents: &[(&str, &[u8])]) -> Answer {
        let fields = [
            ("unit_name", unit),
            ("host_kind", "community"),
            ("region", "清河市云渡区"),
            ("address", "甲路1号"),
            ("introduction", "居民四千户，常年开展议事。"),
            ("contact_name", "示例甲"),
            ("contact_phone", "0752-1234567"),
        ];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let files: Vec<(&str, &str, &[u8])> = documents.iter().map(|(name, bytes)| ("documents", *name, *bytes)).collect();
        self.form(Method::POST, &format!("/selections/{call}/applications"), None, Some(key), &fields, &files).await
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

    /// Two contact points of the same city, the first with two stations; their ids.
    pub async fn contact_points(&self) -> [String; 2] {
        load_points(&self.app.db, &self.clock, &self.app.ids, Actor::System, POINTS).await.unwrap();
        let page = self.get("/contact-points", None).await.expect(200);
        let id = |name: &str| {
            let point = page["items"].as_array().unwrap().iter().find(|point| point["name"] == name).unwrap();
            point["id"].as_str().unwrap().to_owned()
        };
        [id("东湖社区联系点"), id("西山村联系点")]
    }

    /// Token of a new account that works for a contact point.
    pub async fn point_staff(&self, point: &str) -> String {
        let login_name = format!("point-{}", self.app.ids.next().simple());
        let new = NewStaff {
            login_name: &login_name,
            display_name: "联系点小李",
            role: Role::PointStaff,
            password: "a long pass phrase",
            organ: None,
            contact_point: Some(ContactPointId(point.parse().unwrap())),
            station: None,
            is_demonstration: false,
        };
        create_staff(&self.app.db, &self.clock, &self.app.ids, None, new).await.unwrap();
        let body = self.post("/sessions/staff", None, json!({"name": login_name, "password": "a long pass phrase"})).await.expect(201);
        body["token"].as_str().unwrap().to_owned()
    }

    /// A county organ for each contact point, which keeps it from now on; their ids.
    pub async fn county_organs(&self, points: &[&str]) -> Vec<String> {
        const KEEP: &str = "UPDATE contact_point SET organ_id = $2 WHERE id = $1";
        let mut organs = Vec::new();
        let mut tx = self.app.db.begin().await.unwrap();
        for (n, point) in (1..).zip(points) {
            let new = NewOrgan {
                code: format!("county-{n}"),
                name: format!("第{n}县司法局"),
                tier: Tier::County,
                parent: None,
                region: format!("第{n}县"),
                is_demonstration: false,
            };
            let organ = put_organ(&mut tx, &self.clock, &self.app.ids, &new).await.unwrap();
            let point = ContactPointId(point.parse().unwrap());
            zhitong::on_tx!(&mut tx, c => sqlx::query(KEEP).bind(point).bind(organ).execute(c).await.map(drop)).unwrap();
            organs.push(organ.to_string());
        }
        tx.commit().await.unwrap();
        organs
    }

    /// Token of a new account that works for a county organ.
    pub async fn county_staff(&self, organ: &str) -> String {
        let login_name = format!("county-{}", self.app.ids.next().simple());
        let new = NewStaff {
            login_name: &login_name,
            display_name: "县局小王",
            role: Role::CountyStaff,
            password: "a long pass phrase",
            organ: Some(OrganId(organ.parse().unwrap())),
            contact_point: None,
            station: None,
            is_demonstration: false,
        };
        create_staff(&self.app.db, &self.clock, &self.app.ids, None, new).await.unwrap();
        let body = self.post("/sessions/staff", None, json!({"name": login_name, "password": "a long pass phrase"})).await.expect(201);
        body["token"].as_str().unwrap().to_owned()
    }

    /// A page as the holder of a token sees it.
    pub async fn page(&self, path: &str, token: &str) -> String {
        let cookie = format!("zhitong_session={token}");
        let response = self.raw(path, &[("cookie", &cookie)]).await;
        let status = response.status().as_u16();
        let html = String::from_utf8(response.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
        assert_eq!(status, 200, "{path}: {html}");
        html
    }

    /// Who holds a token.
    pub async fn caller(&self, token: &str) -> Caller {
        sessions::find_caller(&self.app.db, &self.clock, token).await.unwrap().unwrap()
    }

    /// Sends a collection task for the newest round of a draft, due on 30 March 2026; what it became for each point, in their order.
    pub async fn collection_task(&self, draft: &str, points: &[&str]) -> Vec<String> {
        const OF_POINT: &str = "SELECT id FROM collection_assignment WHERE task_id = $1 AND contact_point_id = $2";
        let points: Vec<ContactPointId> = points.iter().map(|point| ContactPointId(point.parse().unwrap())).collect();
        let new = NewTask {
            draft: DraftId(draft.parse().unwrap()),
            title: "雨伞办法意见征集".into(),
            instructions: "请走访沿街商户和居民。".into(),
            questions: vec!["归还时限是否合适？".into()],
            addresses: vec!["art-4".into()],
            due_on: "2026-03-30".parse().unwrap(),
            points: points.clone(),
            organs: Vec::new(),
        };
        let task = send_task(&self.app.db, &self.clock, &self.app.ids, Actor::System, None, new).await.unwrap();
        let mut assignments = Vec::new();
        for point in points {
            let id: AssignmentId =
                zhitong::on_db!(&self.app.db, pool => sqlx::query_scalar(OF_POINT).bind(task.id).bind(point).fetch_one(pool).await)
                    .unwrap();
            assignments.push(id.to_string());
        }
        assignments
    }

    /// Acknowledges an assignment and begins to collect, as the staff of its point.
    pub async fn start_collecting(&self, token: &str, assignment: &str) {
        let caller = self.caller(token).await;
        for step in [Step::Acknowledge, Step::Start] {
            let new = NewStep { step, reason: "", revision: None };
            let id = AssignmentId(assignment.parse().unwrap());
            take_own_step(&self.app.db, &self.clock, &self.app.ids, &caller, id, new).await.unwrap();
        }
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

    /// Ends the test: nothing that was announced may be left undelivered, the audit log must hold, and every opinion is counted by its text and its author.
    pub async fn finish(self) {
        let left = notifications::count_pending(&self.app.db).await.unwrap() + following::count_pending(&self.app.db).await.unwrap();
        self.is_finished.store(true, Ordering::SeqCst);
        assert_eq!(left, 0, "the outbox holds events that the test did not deliver");
        let checked = zhitong::audit::verify(&self.app.db).await.unwrap();
        assert_eq!(checked.broken_at, None, "the audit log does not hold");
        let keys: Vec<KeysRow> = zhitong::on_db!(&self.app.db, pool => sqlx::query_as("SELECT o.receipt_number, o.text_hash, o.account_id,
            v.person_hash, o.text_key, o.person_key FROM opinion o LEFT JOIN opinion_provenance v ON v.opinion_id = o.id").fetch_all(pool).await)
        .unwrap();
        for (number, text, account, person, text_key, person_key) in keys {
            let author = account.map(|id| id.simple().to_string()).or(person);
            assert_eq!([text_key, person_key], [Some(text), author].map(|hash| hash.map(key_of)), "{number}");
        }
        self.app.db.close().await;
    }

    /// Ends a test that broke the audit log on purpose.
    pub async fn abandon(self) {
        self.is_finished.store(true, Ordering::SeqCst);
        self.app.db.close().await;
    }
}

/// An opinion with what its keys are made of, and with them.
type KeysRow = (String, String, Option<uuid::Uuid>, Option<String>, Option<i64>, Option<i64>);

/// The last 60 bits of a hash, as the schema says it.
fn key_of(hash: String) -> i64 {
    i64::from_str_radix(&hash[hash.len() - 15..], 16).unwrap()
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
