//! The pages as a browser without scripts sees them: headers, failures in the same look, the display switch, forms that cannot be forged.

use poem::endpoint::BoxEndpoint;
use poem::http::{StatusCode, header};
use poem::test::TestClient;
use poem::{EndpointExt, Response};
use zhitong::accounts::{NewStaff, Role, create_staff};
use zhitong::config::Rules;
use zhitong::portal;

use crate::support::TestApp;

/// Pages that anybody may open on an empty installation.
const OPEN_PAGES: [&str; 8] = ["/", "/laws", "/drafts", "/contact-points", "/about", "/search", "/sign-in", "/privacy"];

/// What came back.
pub struct Seen {
    /// Status.
    pub status: StatusCode,
    response: poem::http::HeaderMap,
    /// Cookies that were set.
    pub cookies: Vec<String>,
    /// Body.
    pub html: String,
}

impl Seen {
    /// A header; empty when absent.
    pub fn header(&self, name: header::HeaderName) -> &str {
        self.response.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// `name=value` of a cookie that was set.
    pub fn cookie(&self, name: &str) -> String {
        let set = self
            .cookies
            .iter()
            .find(|c| c.starts_with(&format!("{name}=")))
            .unwrap_or_else(|| panic!("{name} is not set: {:?}", self.cookies));
        set.split(';').next().unwrap().to_owned()
    }

    /// Value of the hidden field against forged forms.
    pub fn csrf(&self) -> String {
        let (_, rest) = self.html.split_once("name=\"csrf\" value=\"").expect("the page has a form");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A browser without scripts that keeps no cookies of its own.
pub struct Browser(TestClient<BoxEndpoint<'static, Response>>);

impl Browser {
    /// Looks at an application.
    pub fn of(app: &TestApp) -> Browser {
        Browser(TestClient::new(portal::routes(&app.app).map_to_response().boxed()))
    }

    /// Opens a page.
    pub async fn get(&self, path: &str, cookie: &str) -> Seen {
        see(self.0.get(path).header("cookie", cookie).send().await.0).await
    }

    /// Sends a form of a kind.
    pub async fn post(&self, path: &str, cookie: &str, kind: &str, body: impl Into<Vec<u8>>) -> Seen {
        see(self.0.post(path).header("cookie", cookie).content_type(kind).body(body.into()).send().await.0).await
    }

    /// Sends a plain form.
    pub async fn submit(&self, path: &str, cookie: &str, body: &str) -> Seen {
        self.post(path, cookie, "application/x-www-form-urlencoded", body).await
    }
}

async fn see(response: Response) -> Seen {
    let status = response.status();
    let headers = response.headers().clone();
    let cookies = headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap().to_owned()).collect();
    let html = String::from_utf8(response.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    Seen { status, response: headers, cookies, html }
}

async fn sign_in(app: &TestApp, browser: &Browser) -> String {
    let new = NewStaff {
        login_name: "lin.xiao",
        display_name: "林晓",
        role: Role::Handler,
        password: "a long pass phrase",
        organ: None,
        contact_point: None,
        station: None,
        is_demonstration: false,
    };
    create_staff(&app.app.db, &app.clock, &app.app.ids, None, new).await.unwrap();
    let form = browser.get("/login", "").await;
    let body = format!("csrf={}&name=lin.xiao&password=a+long+pass+phrase&next=%2Fstaff", form.csrf());
    let entered = browser.submit("/login", &form.cookie("zhitong_form"), &body).await;
    assert_eq!((entered.status, entered.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/staff"));
    assert!(
        entered.cookies.iter().any(|c| c.starts_with("zhitong_session=") && c.contains("HttpOnly") && c.contains("SameSite=Lax")),
        "{:?}",
        entered.cookies
    );
    entered.cookie("zhitong_session")
}

#[tokio::test]
async fn every_page_carries_the_policy() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    for path in OPEN_PAGES {
        let page = browser.get(path, "").await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(page.header(header::X_FRAME_OPTIONS), "DENY", "{path}");
        assert_eq!(page.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(page.header(header::REFERRER_POLICY), "same-origin", "{path}");
        assert!(page.html.contains("<html lang=\"zh-CN\">"), "{path}");
        // What the policy forbids may not be there either.
        assert!(!page.html.contains("style=\"") && !page.html.contains("onclick") && !page.html.contains("<script>"), "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn failures_are_pages_of_the_same_look() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    for path in [
        "/nowhere",
        "/laws/not-an-id",
        "/laws/01980000-0000-7000-8000-00000000ffff",
        "/drafts/x",
        "/contact-points/x",
        "/assets/site.000000000000.css",
    ] {
        let page = browser.get(path, "").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(path.starts_with("/assets") || page.html.contains("没有找到"), "{path}");
    }
    let wrong_day = browser.get("/search?q=%E7%8A%AC&on=yesterday", "").await;
    assert_eq!(wrong_day.status, StatusCode::BAD_REQUEST);
    assert!(wrong_day.html.contains("这样查不了") && wrong_day.html.contains("name=\"q\""), "the form stays: {}", wrong_day.html);
    assert_eq!(browser.submit("/about", "", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let marked = browser.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E&on=x", "").await;
    assert!(!marked.html.contains("<script>alert"), "what was typed is shown as text");
    app.finish().await;
}

#[tokio::test]
async fn assets_carry_their_hash_and_may_be_kept() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let page = browser.get("/", "").await;
    for (start, kind) in
        [("href=\"/assets/site", "text/css"), ("src=\"/assets/site", "text/javascript"), ("href=\"/assets/icon", "image/svg+xml")]
    {
        let (_, rest) = page.html.split_once(start).unwrap();
        let path = format!("{}{}", &start[start.find('/').unwrap()..], rest.split('"').next().unwrap());
        let asset = browser.get(&path, "").await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(
            asset.header(header::CONTENT_TYPE).starts_with(kind) && asset.header(header::CACHE_CONTROL).contains("immutable"),
            "{path}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn the_elder_mode_is_remembered_and_leads_nowhere_else() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let switched = browser.get("/display?elder=24&back=%2Flaws%3Flevel%3Dlaw", "").await;
    assert_eq!((switched.status, switched.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/laws?level=law"));
    let page = browser.get("/laws", &switched.cookie("zhitong_display")).await;
    assert!(page.html.contains("data-elder=\"24\"") && page.html.contains(">退出长辈模式</a>"), "{}", page.html);
    assert_eq!(browser.get("/display?elder=20&back=%2F%2Fevil.example", "").await.header(header::LOCATION), "/");
    // A size that is not offered is the ordinary one.
    assert!(!browser.get("/laws", "zhitong_display=99").await.html.contains("data-elder"));
    app.finish().await;
}

#[tokio::test]
async fn staff_pages_ask_for_a_login_and_forms_for_their_token() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let sent = browser.get("/staff/import", "").await;
    assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/login?next=%2Fstaff%2Fimport"));
    let forged = browser.submit("/login", "", "csrf=x&name=a&password=b").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let form = browser.get("/login", "").await;
    let wrong = browser.submit("/login", &form.cookie("zhitong_form"), &format!("csrf={}&name=nobody&password=wrong", form.csrf())).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong.html.contains("role=\"alert\"") && wrong.html.contains("value=\"nobody\"") && !wrong.html.contains("wrong"),
        "{}",
        wrong.html
    );

    let session = sign_in(&app, &browser).await;
    let desk = browser.get("/staff", &session).await;
    assert_eq!(desk.status, StatusCode::OK);
    assert_eq!(desk.header(header::CACHE_CONTROL), "no-store");
    assert!(desk.html.contains("林晓"));
    assert_eq!(browser.submit("/logout", &session, "csrf=wrong").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.submit("/logout", &session, &format!("csrf={}", desk.csrf())).await.status, StatusCode::SEE_OTHER);
    let over = browser.get("/staff", &session).await;
    assert_eq!((over.status, over.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/login?next=%2Fstaff&why=expired"));
    assert!(browser.get(over.header(header::LOCATION), "").await.html.contains("登录已过期，请重新登录。"));
    assert!(!browser.get("/login?next=%2Fstaff", "").await.html.contains("登录已过期"), "who never was signed in is not told so");
    app.finish().await;
}

#[tokio::test]
async fn a_form_that_meets_an_expired_session_says_what_is_lost_and_leads_back_to_its_page() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let file = "--edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.md\"\r\n\r\nx\r\n--edge--\r\n";
    let kind = "multipart/form-data; boundary=edge";
    let sent = browser.post("/staff/import", "zhitong_session=over", kind, file).await;
    assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/login?next=%2Fstaff%2Fimport&why=sent"));
    let told = browser.get(sent.header(header::LOCATION), "").await;
    assert!(told.html.contains("登录已过期，请重新登录；") && told.html.contains("文件也要重新选择"), "{}", told.html);
    assert!(told.html.contains("name=\"next\" value=\"/staff/import\""), "{}", told.html);
    // A form may be sent to an address that is no page: whoever signs in again comes back to the page of the form.
    let request = browser.0.post("/staff/import").header("cookie", "").header("referer", "https://lifa.example/staff?done=1");
    let sent = see(request.content_type(kind).body(file).send().await.0).await;
    assert_eq!(sent.header(header::LOCATION), "/login?next=%2Fstaff%3Fdone%3D1&why=sent");
    let citizens = browser.submit("/opinions/01980000-0000-7000-8000-00000000ffff/vote", "", "csrf=x&key=k&choice=agree").await;
    assert!(citizens.header(header::LOCATION).starts_with("/sign-in?next="), "{}", citizens.header(header::LOCATION));
    assert!(browser.get(citizens.header(header::LOCATION), "").await.html.contains("登录已过期，请重新登录；"));
    app.finish().await;
}

#[tokio::test]
async fn a_citizen_session_opens_no_staff_page() {
    let app = TestApp::start().await;
    let token = app.token(Role::Citizen).await;
    let browser = Browser::of(&app);
    assert_eq!(browser.get("/staff", &format!("zhitong_session={token}")).await.status, StatusCode::SEE_OTHER);
    // An auditor is staff, and may not import.
    let token = app.token(Role::Auditor).await;
    assert_eq!(browser.get("/staff/import", &format!("zhitong_session={token}")).await.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

#[tokio::test]
async fn an_upload_needs_its_token_and_reports_each_file() {
    let app = TestApp::start().await;
    let browser = Browser::of(&app);
    let session = sign_in(&app, &browser).await;
    let upload = |csrf: &str| {
        format!(
            "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
            --edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"清河市共享雨伞管理办法(2026-01-05).md\"\r\nContent-Type: application/octet-stream\r\n\r\n\
            # 清河市共享雨伞管理办法\n\n2026年1月5日 清河市人民政府公布\n\n<!-- INFO END -->\n\n第一条 为了方便市民出行，制定本办法。\n\n第二条 本办法自2026年6月1日起施行。\n\r\n\
            --edge\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\ndry_run\r\n--edge--\r\n"
        )
    };
    let kind = "multipart/form-data; boundary=edge";
    assert_eq!(browser.post("/staff/import", &session, kind, upload("wrong")).await.status, StatusCode::FORBIDDEN);
    let csrf = browser.get("/staff/import", &session).await.csrf();
    let started = browser.post("/staff/import", &session, kind, upload(&csrf)).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.html);
    let job = started.header(header::LOCATION).to_owned();
    // The import goes on by itself; a dry run of one small file takes milliseconds.
    let mut page = browser.get(&job, &session).await;
    for _ in 0..100 {
        if !page.html.contains("data-poll") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        page = browser.get(&job, &session).await;
    }
    assert!(page.html.contains("清河市共享雨伞管理办法(2026-01-05).md") && page.html.contains("新文件"), "{}", page.html);
    assert!(page.html.contains("试导入"));
    // What was read is shown, and nothing leads to a law that is not there.
    assert!(page.html.contains("2026年6月1日施行"), "{}", page.html);
    assert!(!page.html.contains("href=\"/search?q="), "{}", page.html);

    // The same files are imported without another upload, once also when the button is pressed twice.
    let (_, rest) = page.html.split_once("name=\"job\" value=\"").expect("the trial offers to import");
    let form = format!("csrf={}&job={}", page.csrf(), rest.split('"').next().unwrap());
    let forged = browser.submit(&format!("{job}/import"), &session, &form.replacen("csrf=", "csrf=x", 1)).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let imported = browser.submit(&format!("{job}/import"), &session, &form).await;
    assert_eq!(imported.status, StatusCode::SEE_OTHER, "{}", imported.html);
    let again = browser.submit(&format!("{job}/import"), &session, &form).await;
    assert_eq!(again.header(header::LOCATION), imported.header(header::LOCATION));
    let mut page = browser.get(imported.header(header::LOCATION), &session).await;
    for _ in 0..100 {
        if page.html.contains("新文件") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        page = browser.get(imported.header(header::LOCATION), &session).await;
    }
    assert!(page.html.contains("新文件") && page.html.contains("href=\"/search?q="), "{}", page.html);
    assert!(!page.html.contains("试导入") && !page.html.contains("现在导入"), "{}", page.html);
    app.finish().await;
}

#[tokio::test]
async fn public_pages_are_made_once_for_all_who_are_not_logged_in() {
    let app = TestApp::start_keeping(Rules::default(), 60_000).await;
    let draft = app.open_draft().await;
    let browser = Browser::of(&app);
    let (page, list) = (format!("/drafts/{draft}"), "/drafts".to_owned());
    let first = browser.get(&page, "").await;
    assert!(first.html.contains("征求意见"));
    let whole = app.raw(&page, &[]).await;
    let tag = whole.headers()[header::ETAG].to_str().unwrap().to_owned();
    let listed = browser.get(&list, "").await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = serde_json::json!({"stance": "support", "body": "同意", "is_public": true});
    app.post_opinion(&draft, Some(&citizen), "key-00000001", opinion).await.expect(201);
    // Everybody sees the page of a moment ago, larger letters are another page, and who is logged in sees the present.
    assert_eq!(browser.get(&page, "").await.html, first.html);
    assert_eq!(browser.get(&list, "").await.html, listed.html);
    assert_ne!(browser.get(&page, "zhitong_display=30").await.html, first.html);
    let present = browser.get(&list, &format!("zhitong_session={citizen}")).await;
    assert!(present.html.contains("收到意见 1 条") && !listed.html.contains("收到意见 1 条"), "{}", present.html);
    let unchanged = app.raw(&page, &[("if-none-match", &tag)]).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    app.deliver().await;
    app.finish().await;
}
