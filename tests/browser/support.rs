//! The demonstration city served on a real port with a clock that the test moves, and a browser that visits it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use chrono::{DateTime, TimeZone, Utc};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use poem::Response;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::test::TestClient;
use serde_json::{Value, json};
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::accounts::{Actor, sessions};
use zhitong::app::App;
use zhitong::config::{Config, Secret};
use zhitong::contact_points::assignments::Step;
use zhitong::contact_points::assignments::moving::{NewStep, take_own_step};
use zhitong::contact_points::tasks::{NewTask, send_task};
use zhitong::drafts::{due, following};
use zhitong::ids::{AssignmentId, Clock, DraftId, IdSource};
use zhitong::notifications::AsPost;
use zhitong::opinions::offline::batches;
use zhitong::seeding::{self, DemonstrationLogin};
use zhitong::storage::cache::Cache;
use zhitong::storage::{DataDirLock, Db};
use zhitong::{notifications, server};

/// Ten o'clock on Monday 2 March 2026 in Shanghai: where every journey begins.
pub fn beginning() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap()
}

/// The size of a phone, in CSS px.
pub const PHONE: (u32, u32) = (390, 844);
/// The size of a desktop window, in CSS px.
pub const DESKTOP: (u32, u32) = (1280, 900);

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demonstration, served on a port of this machine.
pub struct Site {
    /// Logins of its staff.
    pub logins: Vec<DemonstrationLogin>,
    /// Its clock, which stands still until the test moves it.
    pub clock: Clock,
    app: App,
    client: TestClient<BoxEndpoint<'static, Response>>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Site {
    /// Loads the demonstration into a fresh folder and serves it.
    pub async fn start() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config { data_dir: folder.path().to_owned(), data_key: Secret("5a".repeat(32)), page_cache_ms: 0, ..Config::default() };
        let lock = DataDirLock::acquire(&config.data_dir).unwrap();
        let db = Db::open_sqlite(&folder.path().join("zhitong.db"), 4).await.unwrap();
        db.migrate().await.unwrap();
        let clock = Clock::fixed(beginning());
        let app = App::assemble(config, db, Cache::in_process(), clock.clone(), IdSource::Random, Some(lock)).await.unwrap();
        seeding::load(&app).await.unwrap();
        let logins = seeding::renew_passwords(&app).await.unwrap();
        app.search.catch_up(&app.db, &clock).await.unwrap();
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let routes = server::routes(&app);
        let serving = tokio::spawn(async move { poem::Server::new_with_acceptor(acceptor).run(routes).await.unwrap() });
        let client = TestClient::new(server::routes(&app));
        Site { logins, clock, app, client, address, serving, _folder: folder }
    }

    /// What the API answers to a request that it accepts.
    #[track_caller]
    pub fn api(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        let mut request = self.client.request(method, format!("/api/v1{path}")).header("Idempotency-Key", self.app.ids.next().to_string());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let path = path.to_owned();
        async move {
            let response = request.send().await.0;
            let status = response.status();
            let bytes = response.into_body().into_bytes().await.unwrap();
            assert!(status.is_success(), "{caller}: {path}: {status}: {}", String::from_utf8_lossy(&bytes));
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
        }
    }

    /// Session of a citizen, who is the same person under the same name.
    pub async fn citizen(&self, name: &str) -> String {
        let code = format!("sandbox-{name}.{}", self.app.ids.next().simple());
        let says = json!({"code": code, "privacy_version": PRIVACY_VERSION, "is_fourteen_or_over": true});
        text(&self.api(Method::POST, "/sessions/wechat", None, Some(says)).await, "token")
    }

    /// Session of one of the demonstration's staff.
    pub async fn staff(&self, name: &str) -> String {
        let body = json!({"name": name, "password": self.password(name)});
        text(&self.api(Method::POST, "/sessions/staff", None, Some(body)).await, "token")
    }

    /// Posts an opinion; its id.
    pub async fn speak(&self, draft: &str, token: &str, opinion: Value) -> String {
        let receipt = self.api(Method::POST, &format!("/drafts/{draft}/opinions"), Some(token), Some(opinion)).await;
        text(&receipt, "opinion_id")
    }

    /// Imports a document; the id of the job, which has ended.
    pub async fn import(&self, token: &str, name: &str, content: &str) -> String {
        let form = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"dry_run\"\r\n\r\ntrue\r\n\
            --edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n{content}\r\n--edge--\r\n"
        );
        let request = self.client.post("/api/v1/imports").content_type("multipart/form-data; boundary=edge");
        let response = request.header("authorization", format!("Bearer {token}")).body(form).send().await.0;
        assert!(response.status().is_success(), "{}", response.status());
        let job: Value = serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap();
        let id = text(&job, "id");
        while self.api(Method::GET, &format!("/imports/{id}"), Some(token), None).await["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        id
    }

    /// Lets a unit apply to become a contact point.
    pub async fn apply(&self, call: &str, unit: &str) {
        let field = |name: &str, value: &str| format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let form = [
            ("unit_name", unit),
            ("host_kind", "university"),
            ("region", "清河市云渡区"),
            ("address", "槐荫巷6号"),
            ("introduction", "学员两千余人，常年开设法治课。"),
            ("contact_name", "示例乙"),
            ("contact_phone", "0752-7654321"),
        ];
        let form: String = form.iter().map(|(name, value)| field(name, value)).collect();
        let file = "--edge\r\nContent-Disposition: form-data; name=\"documents\"; filename=\"证明.pdf\"\r\n\r\n%PDF-1.7\n\r\n--edge--\r\n";
        let request = self.client.post(format!("/api/v1/selections/{call}/applications"));
        let request = request.content_type("multipart/form-data; boundary=edge").header("Idempotency-Key", self.app.ids.secret(16));
        let response = request.body(form + file).send().await.0;
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// Writes an opinion down as the staff of the point; its id.
    pub async fn record(&self, assignment: &str, body: &str) -> String {
        let field = |(name, value): (&str, &str)| format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let said = [
            ("citation", "第三条"),
            ("stance", "amend"),
            ("body", body),
            ("consent", "given"),
            ("method", "symposium"),
            ("collected_on", "2026-03-02"),
        ];
        let form = said.map(field).concat() + "--edge--\r\n";
        let token = self.staff("point").await;
        let request = self.client.post(format!("/api/v1/own-point/assignments/{assignment}/opinions"));
        let request = request.content_type("multipart/form-data; boundary=edge").header("Idempotency-Key", self.app.ids.secret(16));
        let response = request.header("authorization", format!("Bearer {token}")).body(form).send().await.0;
        assert!(response.status().is_success(), "{}", response.status());
        let receipt: Value = serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap();
        text(&receipt, "opinion_id")
    }

    /// Does what is due by the clock, and delivers what was announced.
    pub async fn settle(&self) {
        let app = &self.app;
        due::run_due(&app.db, &app.clock, &app.ids, &app.config.rules).await.unwrap();
        while following::tell_some(&app.db, &app.clock, &app.ids, 500).await.unwrap().is_some() {}
        notifications::deliver_pending(AsPost::post(app), 1_000).await.unwrap();
        app.search.catch_up(&app.db, &app.clock).await.unwrap();
    }

    /// Uploads a file of opinions as the demonstration's contact point; the id of the batch, whose dry run has ended.
    pub async fn upload_opinions(&self, assignment: &str, name: &str, bytes: Vec<u8>) -> String {
        let (token, uploads) = (self.staff("point").await, self.app.uploads());
        let caller = sessions::find_caller(&self.app.db, &self.app.clock, &token).await.unwrap().unwrap();
        let uploaded = batches::upload(&uploads, &caller, AssignmentId(assignment.parse().unwrap()), name, bytes).await.unwrap();
        batches::work(uploads, caller, uploaded.batch, uploaded.worker.unwrap()).await;
        uploaded.batch.to_string()
    }

    /// Address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Password of one of the demonstration's staff.
    pub fn password(&self, name: &str) -> &str {
        &self.logins.iter().find(|login| login.login_name == name).unwrap().password
    }
}

impl Site {
    /// Sends a task on a draft to the point of the demonstration's staff, who begin to collect; the assignment.
    pub async fn collecting(&self, draft: &str) -> String {
        let app = &self.app;
        let token = self.staff("point").await;
        let caller = sessions::find_caller(&app.db, &app.clock, &token).await.unwrap().unwrap();
        let new = NewTask {
            draft: DraftId(draft.parse().unwrap()),
            title: "公共厕所办法意见征集".into(),
            instructions: "请开一次座谈会。".into(),
            questions: Vec::new(),
            addresses: Vec::new(),
            due_on: "2026-03-16".parse().unwrap(),
            points: vec![caller.contact_point.unwrap()],
            organs: Vec::new(),
        };
        let task = send_task(&app.db, &app.clock, &app.ids, Actor::System, None, new).await.unwrap();
        const OF_TASK: &str = "SELECT id FROM collection_assignment WHERE task_id = $1";
        let id: AssignmentId = zhitong::on_db!(&app.db, pool => sqlx::query_scalar(OF_TASK).bind(task.id).fetch_one(pool).await).unwrap();
        for step in [Step::Acknowledge, Step::Start] {
            let new = NewStep { step, reason: "", revision: None };
            take_own_step(&app.db, &app.clock, &app.ids, &caller, id, new).await.unwrap();
        }
        id.to_string()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A member of a JSON object that is text.
#[track_caller]
pub fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// A picture of the page beyond what the window shows, cut off where nobody looks any more.
#[derive(Debug)]
struct WholePicture {
    width: u64,
    height: u64,
    scale: f64,
}

impl WebDriverCompatibleCommand for WholePicture {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        let clip = json!({"x": 0, "y": 0, "width": self.width, "height": self.height.min(4_000), "scale": self.scale});
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        (Method::POST, Some(json!({"cmd": "Page.captureScreenshot", "params": params}).to_string()))
    }
}

/// Whether the browser has a line.
#[derive(Debug)]
struct Line {
    is_cut: bool,
}

impl WebDriverCompatibleCommand for Line {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/chromium/network_conditions", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        // Of a line that holds: faster than anything that is measured here, in bytes a second.
        let speed = 1 << 30;
        let conditions = json!({"offline": self.is_cut, "latency": 0, "download_throughput": speed, "upload_throughput": speed});
        (Method::POST, Some(json!({"network_conditions": conditions}).to_string()))
    }
}

/// A browser window of its own, with its own cookies.
pub struct Browser {
    /// Its remote control.
    pub client: Client,
    driver: Child,
    /// Barriers found so far, each once.
    wrong: Mutex<BTreeSet<String>>,
}

/// What is needed to drive a browser, or why nothing can be driven.
fn tools() -> Result<PathBuf, String> {
    let axe = std::env::var("ZHITONG_AXE").map_err(|_| "ZHITONG_AXE does not name axe.min.js".to_owned())?;
    if !Path::new(&axe).is_file() {
        return Err(format!("ZHITONG_AXE names {axe}, which is not there"));
    }
    for program in ["chromedriver", "chromium"] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(axe.into())
}

/// Whether a browser can be driven; says so when not.
pub fn is_ready(test: &str) -> bool {
    match tools() {
        Ok(_) => true,
        Err(why) => {
            println!("SKIPPED: {test}: {why}");
            false
        }
    }
}

impl Browser {
    /// Opens a window; a phone is told that it is touched.
    pub async fn open(size: (u32, u32)) -> Browser {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = loop {
            let line = lines.next().expect("chromedriver names its port").unwrap();
            if let Some(port) = line.split("started successfully on port ").nth(1) {
                break port.trim_end_matches('.').trim().parse().expect("a port");
            }
        };
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut arguments = vec![
            "--headless".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-dev-shm-usage".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--no-first-run".into(),
            "--hide-scrollbars".into(),
        ];
        arguments.push(format!("--window-size={},{}", size.0, size.1));
        let mut options = json!({"args": arguments});
        if size == PHONE {
            options["mobileEmulation"] = json!({"deviceMetrics": {"width": size.0, "height": size.1, "pixelRatio": 2.0, "touch": true}});
        }
        let mut capabilities = Capabilities::new();
        capabilities.insert("browserName".into(), json!("chrome"));
        capabilities.insert("goog:chromeOptions".into(), options);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser window opens");
        Browser { client, driver, wrong: Mutex::default() }
    }

    /// Goes to a page.
    pub async fn visit(&self, site: &Site, path: &str) {
        self.client.goto(&site.url(path)).await.unwrap();
    }

    /// The one thing that a selector names, waited for.
    #[track_caller]
    pub fn find(&self, css: &str) -> impl Future<Output = Element> {
        let caller = std::panic::Location::caller();
        let (client, css) = (self.client.clone(), css.to_owned());
        async move {
            let found = client.wait().at_most(PATIENCE).for_element(Locator::Css(&css)).await;
            match found {
                Ok(element) => element,
                Err(error) => panic!("{caller}: no {css} at {}: {error}", client.current_url().await.unwrap()),
            }
        }
    }

    /// Types into a field, in place of what stands there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses something, after it was brought into view.
    pub async fn press(&self, css: &str) {
        let element = self.find(css).await;
        self.bring_into_view(&element).await.unwrap();
        element.click().await.unwrap();
    }

    async fn bring_into_view(&self, element: &Element) -> Result<Value, CmdError> {
        self.client.execute("arguments[0].scrollIntoView({block: 'center'})", vec![serde_json::to_value(element).unwrap()]).await
    }

    /// Presses the button, link or fold of the page that carries some words.
    #[track_caller]
    pub fn press_named(&self, words: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        // What can be seen, the page's own before the frame's; the shortest words win, so that a long card does not hide its button.
        const MARK: &str = "document.querySelectorAll('[data-pressed]').forEach(e => e.removeAttribute('data-pressed'));
            const found = [...document.querySelectorAll('main a, main button, main summary, main label, header a')]
                .filter(e => e.textContent.includes(arguments[0]) && e.getClientRects().length)
                .sort((a, b) => Boolean(a.closest('header')) - Boolean(b.closest('header')) || a.textContent.trim().length - b.textContent.trim().length)[0];
            if (found) found.setAttribute('data-pressed', '');
            return Boolean(found)";
        let words = words.to_owned();
        async move {
            for _ in 0..PATIENCE.as_millis() / 100 {
                // A script of the page may put something new in its place at any moment.
                if self.client.execute(MARK, vec![json!(words)]).await.is_ok_and(|found| found == true)
                    && let Ok(element) = self.client.find(Locator::Css("[data-pressed]")).await
                    && self.bring_into_view(&element).await.is_ok()
                    && element.click().await.is_ok()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("{caller}: nothing to press is called {words} at {}: {}", self.client.current_url().await.unwrap(), self.words().await);
        }
    }

    /// What the page says.
    pub async fn words(&self) -> String {
        let said = self.client.execute("return document.body ? document.body.innerText : ''", vec![]).await;
        said.ok().and_then(|said| said.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until the page says something.
    #[track_caller]
    pub fn sees(&self, words: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let words = words.to_owned();
        async move {
            for _ in 0..PATIENCE.as_millis() / 100 {
                if self.words().await.contains(&words) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!("{caller}: {} does not say {words}: {}", self.client.current_url().await.unwrap(), self.words().await);
        }
    }

    /// How many elements a selector names now.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// The words of one element.
    pub async fn read(&self, css: &str) -> String {
        let element = self.find(css).await;
        // As written, also inside a fold that is closed.
        element.prop("textContent").await.unwrap().unwrap_or_default().trim().to_owned()
    }

    /// Chooses a radio button, a box or an entry of a list.
    pub async fn choose(&self, css: &str) {
        let element = self.find(css).await;
        let choose = "const e = arguments[0];
            if (e.tagName === 'OPTION') { e.selected = true; e.parentElement.dispatchEvent(new Event('change', {bubbles: true})); return }
            e.scrollIntoView({block: 'center'}); if (!e.checked) e.click()";
        self.client.execute(choose, vec![serde_json::to_value(&element).unwrap()]).await.unwrap();
    }

    /// What stands in a field.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Cuts the browser's line, or mends it.
    pub async fn offline(&self, is_cut: bool) {
        self.client.issue_cmd(Line { is_cut }).await.unwrap();
    }

    /// Path of the page, without what follows it.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Enters a session that the API gave.
    pub async fn enter(&self, site: &Site, session: &str) {
        self.visit(site, "/about").await;
        self.client.execute("document.cookie = `zhitong_session=${arguments[0]}; path=/`", vec![json!(session)]).await.unwrap();
    }

    /// A step of a journey, or a page of the walk: its picture is kept, and its barriers are counted against the window.
    pub async fn step(&self, name: &str) {
        let at = self.client.current_url().await.unwrap();
        let mut found = self.violations().await;
        if self.is_too_wide().await {
            found.push(format!("scrolls sideways, because of {}", self.beyond_the_window().await));
        }
        self.picture(name).await;
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.extend(found.into_iter().map(|found| format!("{name} {}: {found}", at.path())));
    }

    /// Counts something against the window.
    pub fn wrong(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
    }

    /// Keeps a picture of the page, whole.
    pub async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artefacts");
        std::fs::create_dir_all(&folder).unwrap();
        let size = "return [document.documentElement.clientWidth, document.documentElement.scrollHeight,
            devicePixelRatio]";
        let size = self.client.execute(size, vec![]).await.unwrap();
        let whole =
            WholePicture { width: size[0].as_u64().unwrap(), height: size[1].as_u64().unwrap(), scale: 1.0 / size[2].as_f64().unwrap() };
        let answer = self.client.issue_cmd(whole).await.unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().expect("a picture")).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// Serious and critical violations that axe-core finds on the page, each as one line.
    pub async fn violations(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(tools().unwrap()).unwrap();
        // Given to the browser by its remote control, so that the page's own policy need not allow it.
        self.client.execute(&axe, vec![]).await.unwrap();
        let run = "const done = arguments[arguments.length - 1];
            axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})
                .then(found => done(found.violations), error => done(String(error)));";
        let found = self.client.execute_async(run, vec![]).await.unwrap();
        let Value::Array(found) = found else { panic!("axe-core did not run: {found}") };
        found
            .iter()
            .filter(|violation| matches!(violation["impact"].as_str(), Some("serious" | "critical")))
            .map(|violation| {
                let places: Vec<&str> = violation["nodes"].as_array().unwrap().iter().filter_map(|n| n["html"].as_str()).take(3).collect();
                format!("{}: {} {places:?}", violation["id"], violation["help"])
            })
            .collect()
    }

    /// Whether the page is wider than the window, which makes a phone scroll sideways.
    pub async fn is_too_wide(&self) -> bool {
        let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1";
        self.client.execute(wide, vec![]).await.unwrap() == Value::Bool(true)
    }

    /// The first elements that reach beyond the right edge of the window.
    async fn beyond_the_window(&self) -> Value {
        let find = "const edge = document.documentElement.clientWidth + 1;
            return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > edge).slice(0, 4)
                .map(e => e.outerHTML.slice(0, 160));";
        self.client.execute(find, vec![]).await.unwrap()
    }

    /// Signs a member of staff in.
    pub async fn sign_in_staff(&self, site: &Site, name: &str) {
        self.visit(site, "/login").await;
        self.fill("input[name=name]", name).await;
        self.fill("input[name=password]", site.password(name)).await;
        self.press("main button[type=submit]").await;
        self.find("form[action='/logout']").await;
    }

    /// Closes the window; nothing may have been found wrong with what it showed.
    pub async fn close(self) {
        let wrong = self.finish().await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Closes the window, and says what was found wrong with what it showed.
    pub async fn finish(mut self) -> Vec<String> {
        let wrong = std::mem::take(&mut *self.wrong.lock().unwrap_or_else(PoisonError::into_inner));
        self.client.clone().close().await.unwrap();
        // It may have ended with its last window, which is what is wanted.
        drop(self.driver.kill());
        drop(self.driver.wait());
        wrong.into_iter().collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
