//! The demonstration city served on a real port with a clock that the test moves, and a browser that visits it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use poem::listener::{Acceptor, Listener, TcpListener};
use serde_json::{Value, json};
use zhitong::app::App;
use zhitong::config::{Config, Secret};
use zhitong::ids::{Clock, IdSource};
use zhitong::seeding::{self, DemonstrationLogin};
use zhitong::server;
use zhitong::storage::cache::Cache;
use zhitong::storage::{DataDirLock, Db};

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
        Site { logins, address, serving, _folder: folder }
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

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A browser window of its own, with its own cookies.
pub struct Browser {
    /// Its remote control.
    pub client: Client,
    driver: Child,
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
        Browser { client, driver }
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
        self.client.execute("arguments[0].scrollIntoView({block: 'center'})", vec![serde_json::to_value(&element).unwrap()]).await.unwrap();
        element.click().await.unwrap();
    }

    /// Keeps a picture of the page, whole.
    pub async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artefacts");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
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

    /// Signs a member of staff in.
    pub async fn sign_in_staff(&self, site: &Site, name: &str) {
        self.visit(site, "/login").await;
        self.fill("input[name=name]", name).await;
        self.fill("input[name=password]", site.password(name)).await;
        self.press("main button[type=submit]").await;
        self.find("form[action='/logout']").await;
    }

    /// Closes the window.
    pub async fn close(mut self) {
        self.client.clone().close().await.unwrap();
        // It may have ended with its last window, which is what is wanted.
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
