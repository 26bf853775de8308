//! What an attacker would try, tried: forged forms, frames, planted sessions, redirects elsewhere, scripts in what people write and upload,
//! headers in file names, a false host.
//!
//! Pages and forms are not listed here: the routes are read from the sources, and the pages are walked by their links, so that a page added
//! tomorrow is tried as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderMap, Method, StatusCode, header};
use poem::test::TestClient;
use poem::{Body, Response};
use serde_json::json;
use zhitong::accounts::{NewStaff, Role, create_staff};
use zhitong::app::App;
use zhitong::config::Config;
use zhitong::ids::{Clock, IdSource};
use zhitong::server;
use zhitong::storage::cache::Cache;

use crate::permissions::contents;
use crate::support::TestApp;

const NOWHERE: &str = "01980000-0000-7000-8000-00000000ffff";
/// Breaks out of text, of a quoted attribute and of a script.
const PAYLOAD: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
/// Most pages that one walk opens.
const PAGES: usize = 400;

/// What came back.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Seen {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn is_html(&self) -> bool {
        self.header(header::CONTENT_TYPE).starts_with("text/html")
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let set = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
        set.filter_map(|c| c.strip_prefix(name)?.strip_prefix('=')).next()
    }

    fn csrf(&self) -> &str {
        let (_, rest) = self.text.split_once("name=\"csrf\" value=\"").expect("the page has a form");
        rest.split('"').next().unwrap()
    }
}

/// A browser without scripts, before the whole server.
struct Site(TestClient<BoxEndpoint<'static, Response>>);

impl Site {
    fn of(app: &App) -> Site {
        Site(TestClient::new(server::routes(app)))
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Seen {
        let mut request = self.0.request(method, path).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.0;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().into_bytes().await.unwrap();
        Seen { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Seen {
        self.send(Method::GET, path, &[("cookie", cookie)], Body::empty()).await
    }

    async fn submit(&self, path: &str, cookie: &str, body: &str) -> Seen {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send(Method::POST, path, &[("cookie", cookie), kind], body.to_owned()).await
    }
}

/// Paths of the portal's routes, read from the sources, with whether they take GET and POST.
fn routes() -> BTreeMap<String, (bool, bool)> {
    let mut found: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|e| e != "rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (at, _) in source.match_indices(".at(") {
                let arguments = balanced(&source[at + 4..]);
                let Some(rest) = arguments.trim_start().strip_prefix('"') else { continue };
                let (route, handlers) = rest.split_once('"').unwrap();
                let known = found.entry(route.to_owned()).or_default();
                known.0 |= handlers.contains("get(");
                known.1 |= handlers.contains("post(");
            }
        }
    }
    assert!(found.len() > 25, "the routes are not where they were: {found:?}");
    found
}

/// The text up to the parenthesis that closes the one before it.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..i];
        }
    }
    text
}

/// What there is to look at: a public draft with opinions, and people.
struct City {
    draft: String,
    opinion: String,
    account: String,
    visitors: Vec<(&'static str, String)>,
}

impl City {
    async fn build(app: &TestApp) -> City {
        let drafter = app.token(Role::Drafter).await;
        let title = format!("清河市共享雨伞管理办法{PAYLOAD}");
        let body = json!({"title": title, "kind": "government_rule", "drafting_unit": format!("清河市城市管理局{PAYLOAD}")});
        let draft = app.post("/drafts", Some(&drafter), body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let text = format!("# {title}\n\n第一条 为了规范投放{PAYLOAD}，制定本办法。\n\n第二条 本办法自2026年6月1日起施行。\n");
        // The file's name goes through the form as well.
        let name = "办法<img src=x onerror=alert(1)>.md";
        app.upload_version(&draft, Some(&drafter), name, text.as_bytes(), PAYLOAD).await.expect(201);
        let handler = app.token(Role::Handler).await;
        let notice = json!({"notice": format!("欢迎提出意见。{PAYLOAD}"), "closes_on": "2026-04-01"});
        app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), notice).await.expect(201);
        let citizen = app.token(Role::Citizen).await;
        let opinion = json!({"address": "art-1", "stance": "amend", "body": PAYLOAD, "reason": PAYLOAD, "is_public": true});
        let posted = app.post_opinion(&draft, Some(&citizen), "key-of-an-opinion", opinion).await.expect(201);
        let opinion = posted["opinion_id"].as_str().unwrap().to_owned();
        app.deliver().await;
        let reviewer = app.token(Role::Reviewer).await;
        let new = NewStaff {
            login_name: "lin<b>",
            display_name: PAYLOAD,
            role: Role::Administrator,
            password: "a long pass phrase",
            organ: None,
            contact_point: None,
            station: None,
            is_demonstration: false,
        };
        let account = create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap().to_string();
        app.index().await;
        let visitors = vec![
            ("nobody", String::new()),
            ("citizen", format!("zhitong_session={citizen}")),
            ("handler", format!("zhitong_session={handler}")),
            ("reviewer", format!("zhitong_session={reviewer}")),
            ("administrator", format!("zhitong_session={}", app.token(Role::Administrator).await)),
            ("auditor", format!("zhitong_session={}", app.token(Role::Auditor).await)),
            ("county staff", format!("zhitong_session={}", app.token(Role::CountyStaff).await)),
            ("point staff", format!("zhitong_session={}", app.token(Role::PointStaff).await)),
        ];
        City { draft, opinion, account, visitors }
    }

    /// A route with the things there are in the places of its parameters.
    fn fill(&self, route: &str) -> String {
        let mut before = "";
        let mut path = String::new();
        for segment in route.split('/').skip(1) {
            path.push('/');
            path.push_str(match (segment.starts_with([':', '*', '<']), before) {
                (false, _) => segment,
                (true, "drafts") => &self.draft,
                (true, "opinions") => &self.opinion,
                (true, "users") => &self.account,
                (true, "rows") => "1",
                (true, _) => NOWHERE,
            });
            before = segment;
        }
        path
    }
}

fn is_login(location: &str) -> bool {
    let path = location.split('?').next().unwrap_or_default();
    matches!(path, "/login" | "/sign-in")
}

#[tokio::test]
async fn no_form_is_taken_without_the_token_of_its_session() {
    let app = TestApp::start().await;
    let city = City::build(&app).await;
    let site = Site::of(&app.app);
    let before = contents(&app, NOWHERE).await;
    let mut open = Vec::new();
    let posts: Vec<String> = routes().into_iter().filter(|(_, (_, posts))| *posts).map(|(route, _)| route).collect();
    assert!(posts.len() >= 12, "{posts:?}");
    for route in &posts {
        let path = city.fill(route);
        let mut is_refused = false;
        for (who, cookie) in &city.visitors {
            for csrf in ["", "0000000000000000000000000000000000000000000000000000000000000000"] {
                let form = format!("csrf={csrf}&name=x&password=x&code=1");
                let multipart = format!(
                    "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
                    --edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.md\"\r\n\r\n# a\r\n--edge--\r\n"
                );
                let plain = site.submit(&path, cookie, &form).await;
                let kind = ("content-type", "multipart/form-data; boundary=edge");
                let parts = site.send(Method::POST, &path, &[("cookie", cookie), kind], multipart).await;
                for seen in [plain, parts] {
                    is_refused |= seen.status == StatusCode::FORBIDDEN && seen.text.contains("页面停留时间过长");
                    let is_sent_to_login = seen.status == StatusCode::SEE_OTHER && is_login(seen.header(header::LOCATION));
                    // Whoever has no session has nothing to sign out of.
                    let is_idle = cookie.is_empty() && matches!(route.as_str(), "/logout" | "/sign-out");
                    if !seen.status.is_client_error() && !is_sent_to_login && !is_idle {
                        open.push(format!("{route} as {who}: {} {}", seen.status, seen.header(header::LOCATION)));
                    }
                }
            }
        }
        if !is_refused {
            open.push(format!("{route}: nobody was refused for the missing token"));
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    let after = contents(&app, NOWHERE).await;
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");
    app.finish().await;
}

/// Local links of a page.
fn links(html: &str) -> Vec<String> {
    html.match_indices("href=\"/")
        .filter_map(|(at, _)| html[at + 6..].split('"').next())
        .map(|link| link.split('#').next().unwrap_or(link).replace("&amp;", "&").replace("&#38;", "&"))
        .filter(|link| !link.starts_with("//") && !link.starts_with("/assets/"))
        .collect()
}

/// A path without its query: pages of a list look alike.
fn plain(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

#[tokio::test]
async fn no_page_can_be_framed_and_none_runs_what_people_wrote() {
    let app = TestApp::start().await;
    let city = City::build(&app).await;
    let site = Site::of(&app.app);
    let gets: Vec<String> = routes().into_iter().filter(|(_, (gets, _))| *gets).map(|(route, _)| city.fill(&route)).collect();
    let (mut wrong, mut shown, mut opened) = (Vec::new(), 0, BTreeSet::new());
    for (who, cookie) in &city.visitors {
        let mut queue: VecDeque<String> = gets.iter().cloned().collect();
        queue.extend(["/api-reference", "/nowhere", "/api/v1/drafts", "/api/v1/nowhere", "/health/live", "/metrics"].map(str::to_owned));
        queue.push_back(format!("/search?q={}", "%3Cscript%3Ealert(1)%3C/script%3E%22'%3E%3Cimg%20src=x%20onerror=alert(1)%3E"));
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut pages = 0;
        while let Some(path) = queue.pop_front() {
            // Each list once, each page once.
            if !known.insert(plain(&path).to_owned()) || pages >= PAGES {
                continue;
            }
            pages += 1;
            let seen = site.get(&path, cookie).await;
            opened.insert(plain(&path).to_owned());
            let policy = seen.header(header::CONTENT_SECURITY_POLICY);
            if seen.header(header::X_FRAME_OPTIONS) != "DENY" || !policy.contains("frame-ancestors 'none'") {
                wrong.push(format!("{path} as {who} can be framed"));
            }
            if seen.header(header::X_CONTENT_TYPE_OPTIONS) != "nosniff" {
                wrong.push(format!("{path} as {who} can be sniffed"));
            }
            if seen.status.is_server_error() {
                wrong.push(format!("{path} as {who}: {}", seen.status));
            }
            if !seen.is_html() || path.starts_with("/api-reference") {
                continue;
            }
            if policy.contains("unsafe") {
                wrong.push(format!("{path} as {who} allows inline scripts"));
            }
            if seen.text.contains("<script>alert(1)") || seen.text.contains("<img src=x") || seen.text.contains("lin<b>") {
                wrong.push(format!("{path} as {who} shows what people wrote as markup"));
            }
            shown += usize::from(seen.text.contains("script&#62;alert(1)") || seen.text.contains("script&gt;alert(1)"));
            queue.extend(links(&seen.text));
        }
        assert!(pages > 20, "{who} saw {pages} pages");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(shown >= 8, "what people wrote was shown on {shown} pages only, of {opened:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_planted_session_is_not_taken_up() {
    let app = TestApp::start().await;
    let new = NewStaff {
        login_name: "lin",
        display_name: "林晓",
        role: Role::Handler,
        password: "a long pass phrase",
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap();
    let site = Site::of(&app.app);
    let planted = "a".repeat(64);
    let login = site.get("/login", &format!("zhitong_session={planted}; zhitong_step={planted}")).await;
    assert!(login.cookie("zhitong_session").is_none_or(|value| !value.starts_with(&planted)));
    let form = login.cookie("zhitong_form").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("zhitong_session={planted}; zhitong_step={planted}; zhitong_form={form}");
    let body = format!("csrf={}&name=lin&password=a+long+pass+phrase&next=%2Fstaff", login.csrf());
    let entered = site.submit("/login", &cookie, &body).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
    let session = entered.cookie("zhitong_session").unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(session, planted);
    assert_eq!(site.get("/staff", &format!("zhitong_session={session}")).await.status, StatusCode::OK);
    assert_eq!(site.get("/staff", &format!("zhitong_session={planted}")).await.status, StatusCode::SEE_OTHER);
    // A second sign-in gives another session again, and a form of one session is nothing in another.
    let desk = site.get("/staff", &format!("zhitong_session={session}")).await;
    let other = format!("zhitong_session={}", app.token(Role::Handler).await);
    let crossed = site.submit("/logout", &other, &format!("csrf={}", desk.csrf())).await;
    assert_eq!(crossed.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

#[tokio::test]
async fn nothing_leads_elsewhere() {
    let app = TestApp::start().await;
    let new = NewStaff {
        login_name: "lin",
        display_name: "林晓",
        role: Role::Handler,
        password: "a long pass phrase",
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap();
    let site = Site::of(&app.app);
    let staff = format!("zhitong_session={}", app.token(Role::Handler).await);
    let citizen = format!("zhitong_session={}", app.token(Role::Citizen).await);
    let evil = [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "///evil.example",
        "/.//evil.example",
        "@evil.example",
        "/x\r\nLocation: https://evil.example",
    ];
    for target in evil {
        let encoded: String = target.bytes().map(|b| format!("%{b:02X}")).collect();
        let form = site.get("/login", "").await;
        let door = form.cookie("zhitong_form").unwrap().split(';').next().unwrap().to_owned();
        let body = format!("csrf={}&name=lin&password=a+long+pass+phrase&next={encoded}", form.csrf());
        let seen = [
            site.get(&format!("/login?next={encoded}"), &staff).await,
            site.get(&format!("/login/step?next={encoded}"), &staff).await,
            site.get(&format!("/display?elder=20&back={encoded}"), "").await,
            site.get(&format!("/sign-in?next={encoded}"), &citizen).await,
            site.submit("/login", &format!("zhitong_form={door}"), &body).await,
        ];
        for seen in seen.iter().filter(|seen| seen.status.is_redirection()) {
            let location = seen.header(header::LOCATION);
            let path = location.replace("%2F", "/").replace("%5C", "\\");
            let next = path.split_once('?').map_or(path.as_str(), |(path, _)| path);
            assert!(location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\"), "{target:?}: {location}");
            assert!(!next.starts_with("//") || location.starts_with("/%2F"), "{target:?}: {location}");
            assert!(!location.contains(['\r', '\n', '\\', '\t']), "{target:?}: {location}");
        }
        // The form shows a local path, or none.
        let shown = site.get(&format!("/login?next={encoded}"), "").await;
        let (_, rest) = shown.text.split_once("name=\"next\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        assert!(value.starts_with('/') && !value.starts_with("//") && !value.contains('\\'), "{target:?}: {value}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_false_host_appears_nowhere() {
    let app = TestApp::start().await;
    let city = City::build(&app).await;
    let site = Site::of(&app.app);
    let (_, staff) = &city.visitors[4];
    let paths = [
        "/",
        "/login",
        "/drafts",
        "/staff",
        "/staff/users",
        "/api/v1/service",
        "/api/v1/drafts",
        "/api-reference",
        "/api/v1/openapi.json",
        "/nowhere",
    ];
    for path in paths.into_iter().map(str::to_owned).chain([format!("/drafts/{}", city.draft)]) {
        for cookie in [staff.as_str(), ""] {
            let headers =
                [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example"), ("cookie", cookie)];
            let seen = site.send(Method::GET, &path, &headers, Body::empty()).await;
            assert!(!seen.text.contains("evil.example"), "{path}");
            assert!(seen.headers.values().all(|v| !String::from_utf8_lossy(v.as_bytes()).contains("evil.example")), "{path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn originals_are_files_to_keep_and_nothing_to_run() {
    let app = TestApp::start().await;
    let handler = app.token(Role::Handler).await;
    let html = "<!DOCTYPE html><html><head><title>清河市雨水管理办法</title></head><body><h1>清河市雨水管理办法</h1><p>2026年1月5日 清河市人民政府公布</p>\
        <p>第一条 为了节约用水<script>alert(1)</script>，制定本办法。</p><p>第二条 本办法自2026年6月1日起施行。</p><svg onload=alert(1)></svg></body></html>";
    // Quotes, an encoded line break and a path in the name.
    let name = "../清河市雨水管理办法(2026-01-05)%0d%0aSet-Cookie: a=b; x='1'.html";
    let job = app.upload("/imports", Some(&handler), "files", name, html.as_bytes(), ("dry_run", "false")).await.expect(202);
    let path = format!("/imports/{}", job["id"].as_str().unwrap());
    let mut done = app.get(&path, Some(&handler)).await.expect(200);
    for _ in 0..200 {
        if done["state"] != "running" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        done = app.get(&path, Some(&handler)).await.expect(200);
    }
    let documents = app.get("/documents", None).await.expect(200);
    let work = documents["items"][0]["id"].as_str().unwrap_or_else(|| panic!("nothing was imported: {done}")).to_owned();
    let document = app.get(&format!("/documents/{work}"), None).await.expect(200);
    let version = document["versions"][0]["id"].as_str().unwrap_or_else(|| panic!("{document}"));
    let site = Site::of(&app.app);
    let bearer = format!("Bearer {handler}");
    let path = format!("/api/v1/documents/{work}/versions/{version}/original");
    let seen = site.send(Method::GET, &path, &[("authorization", bearer.as_str())], Body::empty()).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    assert!(seen.text.contains("<script>alert(1)</script>"), "the original is kept as it came");
    is_harmless(&seen);
    let anonymous = site.get(&format!("/laws/{work}"), "").await;
    assert!(!anonymous.text.contains("<script>alert(1)") && !anonymous.text.contains("<svg onload"));
    app.finish().await;
}

/// A file of others: to keep, not to show; no type to guess, no script to run, one line for each header.
fn is_harmless(seen: &Seen) {
    let disposition = seen.header(header::CONTENT_DISPOSITION);
    assert!(disposition.starts_with("attachment"), "{disposition}");
    assert!(!disposition.contains(['\r', '\n']) && !disposition.to_lowercase().contains("set-cookie:"), "{disposition}");
    assert_eq!(seen.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let policy = seen.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(!seen.headers.contains_key(header::SET_COOKIE));
    assert!(!seen.is_html(), "{}", seen.header(header::CONTENT_TYPE));
}

/// Files that would run something if a browser showed them, under names that would write headers.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"><script>alert(1)</script></svg>".to_vec();
    let html = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>".to_vec();
    // The beginning of a picture, and a page after it.
    let both = [&[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R'][..], &html[..]].concat();
    let pdf =
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".to_vec();
    vec![
        ("a.html", html.clone()),
        ("a.svg", svg.clone()),
        ("a.png", svg),
        ("a.pdf", html.clone()),
        ("a.docx", html),
        ("a.png", both),
        ("../\u{202e}fdp.pdf", pdf.clone()),
        ("x%22%0d%0aSet-Cookie: a=b; filename='y.html'.pdf", pdf),
    ]
}

#[tokio::test]
async fn attachments_are_refused_or_files_to_keep() {
    let app = TestApp::start().await;
    let site = Site::of(&app.app);
    let (drafter, citizen) = (app.token(Role::Drafter).await, app.token(Role::Citizen).await);
    let prepared = app.draft().await;
    let versions = app.get(&format!("/drafts/{prepared}"), Some(&drafter)).await.expect(200);
    let version = versions["versions"][0]["id"].as_str().unwrap_or_else(|| panic!("{versions}")).to_owned();
    let open = app.open_draft().await;
    let bearer = |token: &str| format!("Bearer {token}");
    let (mut taken, mut refused) = (0, 0);
    for (n, (name, bytes)) in files().into_iter().enumerate() {
        let of_drafts = format!("/drafts/{prepared}/versions/{version}/attachments");
        let added = app.upload(&of_drafts, Some(&drafter), "file", name, &bytes, ("note", "")).await;
        let of_opinions = app.upload_enclosure(&open, Some(&citizen), &format!("key-of-file-{n}"), name, &bytes).await;
        for answer in [&added, &of_opinions] {
            assert!(matches!(answer.status, 200 | 201 | 400 | 413 | 415 | 422), "{name}: {} {}", answer.status, answer.body);
        }
        let is_page = name.ends_with("html") || name.ends_with("svg") || bytes.starts_with(b"<");
        for (answer, path, token) in [
            (
                &added,
                added.body.as_array().and_then(|list| list.last()).map(|f| format!("/api/v1{of_drafts}/{}", f["id"].as_str().unwrap())),
                &drafter,
            ),
            (&of_opinions, of_opinions.body["id"].as_str().map(|id| format!("/api/v1/opinion-attachments/{id}")), &citizen),
        ] {
            if answer.status >= 400 {
                refused += 1;
                continue;
            }
            assert!(!is_page, "{name} was taken as what it is not");
            let path = path.unwrap_or_else(|| panic!("{}", answer.body));
            let seen = site.send(Method::GET, &path, &[("authorization", bearer(token).as_str())], Body::empty()).await;
            // A file of an opinion that is not posted yet is nobody's to fetch.
            if seen.status == StatusCode::NOT_FOUND && path.contains("opinion-attachments") {
                continue;
            }
            assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.text);
            is_harmless(&seen);
            taken += 1;
        }
    }
    assert!(taken >= 2 && refused >= 8, "{taken} taken, {refused} refused");
    app.finish().await;
}

#[tokio::test]
async fn cookies_are_for_us_alone_and_under_https_for_https_alone() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    for (public_url, is_secure) in [("", false), ("https://zhitong.example", true)] {
        let config = Config { public_url: public_url.into(), data_dir: folder.path().to_owned(), ..app.app.config.clone() };
        let db = app.app.db.clone();
        let other = App::assemble(config, db, Cache::in_process(), Clock::System, IdSource::Random, None).await.unwrap();
        let site = Site::of(&other);
        for path in ["/login", "/display?elder=24&back=/", "/sign-in"] {
            let seen = site.get(path, "").await;
            for cookie in seen.headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap()) {
                assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{path}: {cookie}");
                assert_eq!(cookie.contains("Secure"), is_secure, "{path}: {cookie}");
            }
        }
        assert!(site.get("/login", "").await.cookie("zhitong_form").is_some());
        let hsts = site.get("/", "").await.header(header::STRICT_TRANSPORT_SECURITY).to_owned();
        assert_eq!(hsts.contains("max-age"), is_secure, "{hsts}");
    }
    app.finish().await;
}
