//! `/sign-in`: phone, then code, then in. Works without a script; where to go afterwards is a path of this site.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::cookie::CookieJar;
use poem::web::{Form, Query};
use poem::{Request, Response, Route, get, handler, post};
use serde::Deserialize;

use crate::accounts::citizens::codes::{self, Purpose};
use crate::accounts::citizens::logins::{self, Declaration};
use crate::accounts::citizens::phones::Phone;
use crate::accounts::citizens::privacy::PRIVACY_VERSION;
use crate::accounts::sessions;
use crate::error::{Code, Error, Result};
use crate::portal::pages::Section;
use crate::portal::pages::account::{CodeStep, SignInCodePage, SignInPage};
use crate::portal::visits::{Failure, Page, SESSION_COOKIE, Visit, cookie, is_same, see_other};
use crate::portal::{links, texts};

/// Cookie that ties the forms of somebody who is not logged in to their browser.
const DOOR_COOKIE: &str = "zhitong_door";
/// Bytes of its secret.
const SECRET_BYTES: usize = 16;
/// Where a sign-in leads when nothing else was asked for.
const HOME: &str = "/me";

/// The pages.
pub fn routes(route: Route) -> Route {
    route.at("/sign-in", get(show_sign_in).post(sign_in)).at("/sign-in/code", post(send_code))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    why: String,
}

/// `/sign-in`
#[handler]
async fn show_sign_in(visit: Visit, cookies: &CookieJar, Query(Next { next, why }): Query<Next>) -> Page {
    let next = landing(&next);
    if visit.citizen().is_ok() {
        return Ok(see_other(&next));
    }
    phone_page(&visit, cookies, StatusCode::OK, String::new(), None, texts::interrupted(&why), next)
}

/// What both steps send.
#[derive(Deserialize)]
struct SignInForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    agreed: String,
    #[serde(default)]
    next: String,
}

/// The first step comes back: a code is sent.
#[handler]
async fn send_code(visit: Visit, request: &Request, cookies: &CookieJar, Form(form): Form<SignInForm>) -> Page {
    let next = landing(&form.next);
    if !is_own(&visit, cookies, &form.csrf) {
        return phone_page(&visit, cookies, StatusCode::FORBIDDEN, form.phone, Some(texts::STALE_FORM.into()), "", next);
    }
    let app = &visit.app;
    let sent = match Phone::parse(&form.phone) {
        Ok(phone) => {
            codes::send_code(app.reception(), Purpose::SignIn, &phone, visit.app.client_address(request)).await.map(|sent| (phone, sent))
        }
        Err(error) => Err(error),
    };
    match sent {
        Ok((phone, sent)) => {
            let shown_code = shown_code(&visit, &phone).await?;
            let step = CodeStep { sent_to: sent.sent_to, phone: phone.digits().into(), shown_code, ..CodeStep::default() };
            code_page(&visit, cookies, StatusCode::OK, step, false, None, next)
        }
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) => phone_page(&visit, cookies, status_of(&error), form.phone, Some(error.detail), "", next),
    }
}

/// The second step comes back: the code is checked.
#[handler]
async fn sign_in(visit: Visit, request: &Request, cookies: &CookieJar, Form(form): Form<SignInForm>) -> Page {
    let next = landing(&form.next);
    if !is_own(&visit, cookies, &form.csrf) {
        return phone_page(&visit, cookies, StatusCode::FORBIDDEN, form.phone, Some(texts::STALE_FORM.into()), "", next);
    }
    let app = &visit.app;
    let phone = match Phone::parse(&form.phone) {
        Ok(phone) => phone,
        Err(error) => return phone_page(&visit, cookies, StatusCode::BAD_REQUEST, form.phone, Some(error.detail), "", next),
    };
    let step = CodeStep { sent_to: phone.masked(), phone: phone.digits().into(), ..CodeStep::default() };
    if form.agreed != "yes" {
        let step = CodeStep { shown_code: shown_code(&visit, &phone).await?, typed: form.code, ..step };
        return code_page(&visit, cookies, StatusCode::BAD_REQUEST, step, false, Some(texts::account::AGREE_FIRST.into()), next);
    }
    let says = Declaration { privacy_version: Some(PRIVACY_VERSION.into()), is_fourteen_or_over: None };
    match logins::sign_in_with_phone(app.reception(), &phone, &form.code, &says, &app.origin(request)).await {
        Ok(session) => {
            // Whoever was logged in here before is not any more; the new session has a name of its own, so none can be planted beforehand.
            if let (Some(caller), Some(token)) = (&visit.caller, &visit.session) {
                sessions::revoke(&app.db, &app.clock, caller, token).await?;
            }
            let lifetime_s = u64::from(app.config.rules.citizen_session_days) * 24 * 3_600;
            cookies.add(cookie(app, SESSION_COOKIE, &session.token, Some(lifetime_s)));
            cookies.add(cookie(app, DOOR_COOKIE, "", Some(0)));
            Ok(see_other(&next))
        }
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) => {
            let status = status_of(&error);
            let step = CodeStep { problem: Some(error.detail), shown_code: shown_code(&visit, &phone).await?, ..step };
            code_page(&visit, cookies, status, step, true, None, next)
        }
    }
}

/// The code that was sent, where nothing is sent: in the demonstration.
pub async fn shown_code(visit: &Visit, phone: &Phone) -> Result<Option<String>> {
    if visit.app.config.is_demonstration { visit.app.sms.shown_code(phone.digits()).await } else { Ok(None) }
}

/// Status of a form that comes back with a problem.
pub fn status_of(error: &Error) -> StatusCode {
    let status = if error.code == Code::LoginFailed { 400 } else { error.code.status() };
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
}

fn phone_page(
    visit: &Visit,
    cookies: &CookieJar,
    status: StatusCode,
    phone: String,
    problem: Option<String>,
    notice: &'static str,
    next: String,
) -> Page {
    let csrf = door_token(visit, cookies);
    let is_on = visit.app.sms.is_on();
    let page = SignInPage { layout: visit.layout(Section::None), csrf, phone, problem, notice, next, is_on };
    unkept(visit.show_as(status, &page)?)
}

fn code_page(
    visit: &Visit,
    cookies: &CookieJar,
    status: StatusCode,
    step: CodeStep,
    has_agreed: bool,
    agreement_problem: Option<String>,
    next: String,
) -> Page {
    let csrf = door_token(visit, cookies);
    let page = SignInCodePage { layout: visit.layout(Section::None), csrf, step, has_agreed, agreement_problem, next };
    unkept(visit.show_as(status, &page)?)
}

/// A form with a secret of this browser is kept by no cache.
fn unkept(mut response: Response) -> Page {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The token of this browser's forms; two tabs share it.
fn door_token(visit: &Visit, cookies: &CookieJar) -> String {
    let held = cookies.get(DOOR_COOKIE).map(|c| c.value_str().to_owned()).filter(|secret| is_secret(secret));
    let secret = held.unwrap_or_else(|| {
        let secret = visit.app.ids.secret(SECRET_BYTES);
        cookies.add(cookie(&visit.app, DOOR_COOKIE, &secret, None));
        secret
    });
    token_of(visit, &secret)
}

fn is_secret(text: &str) -> bool {
    text.len() == 2 * SECRET_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn token_of(visit: &Visit, secret: &str) -> String {
    visit.app.data_key.keyed_hash("portal-door-form", secret)
}

/// Whether a form comes from this browser.
fn is_own(visit: &Visit, cookies: &CookieJar, token: &str) -> bool {
    let secret = cookies.get(DOOR_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default();
    is_secret(&secret) && is_same(&token_of(visit, &secret), token)
}

fn landing(next: &str) -> String {
    match links::local(next) {
        _ if next.is_empty() => HOME.into(),
        path if path.starts_with("/sign-in") => HOME.into(),
        path => path.into(),
    }
}
