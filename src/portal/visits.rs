//! One visit: who comes, how the pages shall look, and how a page or a failure leaves.

use askama::Template;
use poem::http::{HeaderValue, StatusCode, Uri, header};
use poem::web::cookie::{Cookie, CookieJar, SameSite};
use poem::{FromRequest, Request, RequestBody, Response};

use super::pages::{ErrorPage, Fact, Layout, PersonBar, Section};
use super::{assets, links, texts};
use crate::accounts::{Caller, Permission, sessions};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::notifications::inbox;
use crate::telemetry::REQUEST_ID;

/// Cookie with the root size of 长辈模式.
pub const DISPLAY_COOKIE: &str = "zhitong_display";
/// Cookie with the session of whoever is logged in.
pub const SESSION_COOKIE: &str = "zhitong_session";
/// Cookie that ties the login form to its browser.
pub const FORM_COOKIE: &str = "zhitong_form";
/// Cookie with the change of the feed that searches of this browser are to find: that of the import it looked at last.
pub const READ_AFTER_COOKIE: &str = "zhitong_read_after";
/// Root sizes of 长辈模式, in px.
pub const ELDER_SIZES: [u8; 3] = [20, 24, 30];

/// Seconds after which another try may succeed, where nobody knows better.
const RETRY_S: u64 = 30;
/// Nothing but our own files, no inline script or style, no frame around us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A failure on its way to becoming a page.
pub struct Failure(pub Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure(error)
    }
}

impl From<Failure> for poem::Error {
    fn from(failure: Failure) -> Self {
        let status = StatusCode::from_u16(failure.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        poem::Error::new(failure.0, status)
    }
}

/// What a handler of a page answers.
pub type Page = std::result::Result<Response, Failure>;

/// One visit.
#[derive(Clone)]
pub struct Visit {
    /// The application.
    pub app: App,
    /// Who is logged in.
    pub caller: Option<Caller>,
    /// Token of that login.
    pub session: Option<String>,
    /// Messages that the person has not read.
    unread: i64,
    elder: u8,
    here: String,
    path: String,
    /// Page to come back to after a login that interrupts the visit, as one query value.
    back: String,
    /// What the login page says of the interruption: a code of [`texts::interrupted`].
    why: &'static str,
}

impl<'a> FromRequest<'a> for Visit {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        request.data::<Visit>().cloned().ok_or_else(|| Failure(Error::defect("a page was asked for outside the portal")).into())
    }
}

impl Visit {
    /// Reads the cookies of a request and looks the session up.
    pub async fn of(app: &App, request: &Request) -> Result<Visit> {
        let mut visit = Visit::unknown(app, request.uri(), request.cookie());
        let is_sent = !request.method().is_safe();
        if is_sent {
            visit.why = texts::SENT;
            // Where a form is sent need not be a page.
            let page = request.header(header::REFERER).and_then(|page| page.parse::<Uri>().ok());
            if let Some(page) = page.as_ref().and_then(Uri::path_and_query) {
                visit.back = links::encode(page.as_str());
            }
        }
        let session = request.cookie().get(SESSION_COOKIE).map(|c| c.value_str().to_owned()).filter(|token| !token.is_empty());
        if let Some(token) = session {
            visit.caller = sessions::find_caller(&app.db, &app.clock, &token).await?;
            visit.session = visit.caller.as_ref().map(|_| token);
            if let Some(caller) = &visit.caller {
                visit.unread = inbox::count_unread(&app.db, caller.account_id).await?;
            } else if !is_sent {
                visit.why = texts::EXPIRED;
            }
        }
        Ok(visit)
    }

    /// A visit of somebody who is not looked up.
    pub fn unknown(app: &App, uri: &Uri, cookies: &CookieJar) -> Visit {
        let elder =
            cookies.get(DISPLAY_COOKIE).and_then(|c| c.value_str().parse().ok()).filter(|size| ELDER_SIZES.contains(size)).unwrap_or(0);
        let here = links::encode(uri.path_and_query().map_or("/", |p| p.as_str()));
        let back = here.clone();
        Visit { app: app.clone(), caller: None, session: None, unread: 0, elder, here, path: uri.path().to_owned(), back, why: "" }
    }

    /// The frame of a page.
    pub fn layout(&self, section: Section) -> Layout {
        let config = &self.app.config;
        let bar = |is_staff: bool| {
            let caller = self.caller.as_ref().filter(|caller| caller.role.is_staff() == is_staff);
            caller.map(|caller| {
                let links = texts::staff_accounts::menu(caller);
                let current = links::deepest(&links, &self.path).to_owned();
                PersonBar { name: caller.display_name.clone(), csrf: self.form_token(), unread: self.unread, links, current }
            })
        };
        Layout {
            site_name: config.site_name.clone(),
            bureau_name: config.bureau_name.clone(),
            here: self.here.clone(),
            elder: self.elder,
            section,
            is_demonstration: config.is_demonstration,
            staff: bar(true),
            citizen: bar(false),
            query: String::new(),
            css: assets::url("site.css").into(),
            js: assets::url("site.js").into(),
            icon: assets::url("icon.svg").into(),
        }
    }

    /// The staff member with a right, or a failure that leads to the login.
    pub fn staff(&self, permission: Permission) -> Result<&Caller> {
        let caller = self.caller.as_ref().filter(|caller| caller.role.is_staff());
        let caller = caller.ok_or_else(|| Error::new(Code::LoginRequired, texts::STAFF_ONLY))?;
        caller.require(permission)?;
        Ok(caller)
    }

    /// The citizen who is logged in, or a failure that leads to the citizens' login.
    pub fn citizen(&self) -> Result<&Caller> {
        self.caller.as_ref().filter(|caller| !caller.role.is_staff()).ok_or_else(|| Error::new(Code::LoginRequired, texts::CITIZENS_ONLY))
    }

    /// The same visit, of somebody who is not logged in any more.
    pub fn as_nobody(&self) -> Visit {
        Visit { caller: None, session: None, ..self.clone() }
    }

    /// Token that the forms of the logged-in person carry.
    pub fn form_token(&self) -> String {
        self.session.as_deref().map(|session| self.app.data_key.keyed_hash("portal-form", session)).unwrap_or_default()
    }

    /// Passes when a form came back with the token it was given.
    pub fn check_form(&self, token: &str) -> Result<()> {
        let expected = self.form_token();
        if !expected.is_empty() && is_same(&expected, token) { Ok(()) } else { Err(Error::new(Code::Forbidden, texts::STALE_FORM)) }
    }

    /// Sends a page. What depends on a login is kept nowhere.
    pub fn show(&self, page: &impl Template) -> Page {
        self.show_as(StatusCode::OK, page)
    }

    /// Sends a page with another status.
    pub fn show_as(&self, status: StatusCode, page: &impl Template) -> Page {
        let html = page.render().map_err(|e| Error::internal("a template could not be filled", e))?;
        let keep = if self.caller.is_some() || status != StatusCode::OK { "no-store" } else { "public, no-cache" };
        Ok(dressed(Response::builder().status(status).header(header::CACHE_CONTROL, keep).header(header::VARY, "Cookie").body(html)))
    }

    /// The page of the draft that this page is one of.
    fn draft_above(&self) -> Option<String> {
        let (draft, _) = self.path.strip_prefix("/drafts/")?.split_once('/')?;
        Some(format!("/drafts/{draft}"))
    }

    /// A failure as a page; one that asks for a login leads there.
    pub fn failure(&self, error: poem::Error) -> Response {
        if error.is_from_response() {
            return error.into_response();
        }
        let status = error.status();
        let error = error.downcast::<Error>().unwrap_or_else(|other| from_framework(status, &other));
        if error.code == Code::LoginRequired {
            let is_staff_page = ["/staff", "/point"]
                .iter()
                .any(|room| self.path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            let door = if is_staff_page { "/login" } else { "/sign-in" };
            let why = if self.why.is_empty() { String::new() } else { format!("&why={}", self.why) };
            return see_other(&format!("{door}?next={}{why}", self.back));
        }
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let request_id = REQUEST_ID.try_with(String::clone).unwrap_or_default();
        // The person came too late or asks for what is not there: no number helps with that.
        let is_state = matches!(error.code, Code::Conflict | Code::NotOpen | Code::KeyReused);
        let is_expected = is_state || error.code == Code::NotFound;
        if status.is_server_error() && !error.is_counted {
            tracing::error!(request_id, error = error.code.slug(), cause = error.cause_chain(), "a page failed: {}", error.detail);
        }
        let retry_after_s = error.retry_after_s;
        let page = ErrorPage {
            layout: self.layout(Section::None),
            status: (!is_expected).then_some(status.as_u16()),
            title: error.code.title().into(),
            detail: error.detail,
            fields: error.fields.into_iter().map(|f| Fact { name: f.field, value: f.message }).collect(),
            draft: if is_state { self.draft_above().unwrap_or_default() } else { String::new() },
            request_id: if is_expected { String::new() } else { request_id },
        };
        let mut response = self.show_as(status, &page).unwrap_or_else(|Failure(e)| {
            tracing::error!(cause = e.cause_chain(), "the error page itself failed");
            Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).finish()
        });
        let is_temporary = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if let Some(seconds) = retry_after_s.or(is_temporary.then_some(RETRY_S)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Whether two tokens are the same, in a time that does not tell where they differ.
pub fn is_same(a: &str, b: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(a.as_bytes(), b.as_bytes()).into()
}

/// Sends the browser on to a local path.
pub fn see_other(path: &str) -> Response {
    dressed(
        Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, path).header(header::CACHE_CONTROL, "no-store").body(()),
    )
}

/// A cookie of ours: only for us, not for scripts.
pub fn cookie(app: &App, name: &str, value: &str, max_age_s: Option<u64>) -> Cookie {
    let mut cookie = Cookie::new_with_str(name, value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.config.public_url.starts_with("https://"));
    if let Some(seconds) = max_age_s {
        cookie.set_max_age(std::time::Duration::from_secs(seconds));
    }
    cookie
}

/// Puts on the headers that every page carries.
fn dressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// What the framework refuses, in our words.
fn from_framework(status: StatusCode, error: &poem::Error) -> Error {
    match status {
        StatusCode::NOT_FOUND => Error::new(Code::NotFound, texts::NO_PAGE),
        StatusCode::METHOD_NOT_ALLOWED => Error::new(Code::MethodNotAllowed, texts::NO_METHOD),
        StatusCode::PAYLOAD_TOO_LARGE => Error::new(Code::TooLarge, texts::TOO_LARGE),
        s if s.is_client_error() => Error::new(Code::Malformed, texts::NO_READING),
        _ => Error::internal("the framework refused a page", error.to_string()),
    }
}
