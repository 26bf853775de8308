//! `/login`: signing in as staff, step by step.
//!
//! After the password a cookie holds the ticket of the steps that are left; it opens nothing else. The session comes with the last step and is
//! always a new one.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::cookie::CookieJar;
use poem::web::{Form, Query};
use poem::{Request, Response, Route, get, handler, post};
use serde::Deserialize;

use super::qr;
use crate::accounts::staff::signing_in::{self, SignIn, Step};
use crate::error::{Code, Error};
use crate::portal::pages::Section;
use crate::portal::pages::staff::LoginPage;
use crate::portal::pages::staff_accounts::{EnrolmentPage, LoginCodePage, NewPasswordPage, RecoveryCodesPage};
use crate::portal::visits::{FORM_COOKIE, Failure, Page, SESSION_COOKIE, Visit, cookie, is_same, see_other};
use crate::portal::{links, texts};

/// Where a login leads when nothing else was asked for.
const DESK: &str = "/staff";
/// Bytes of the secret that ties the login form to its browser.
const FORM_SECRET_BYTES: usize = 16;
/// Cookie with the ticket of a sign-in that is half-way.
const STEP_COOKIE: &str = "zhitong_step";
/// Seconds for which a browser keeps it; the server keeps it no longer either.
const STEP_S: u64 = 600;

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/login", get(show_login).post(sign_in))
        .at("/login/step", get(show_step))
        .at("/login/code", post(give_code))
        .at("/login/password", post(give_password))
        .at("/login/enrolment", post(confirm_enrolment))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    why: String,
}

/// `/login`
#[handler]
async fn show_login(visit: Visit, cookies: &CookieJar, Query(Next { next, why }): Query<Next>) -> Page {
    let next = landing(&next);
    if visit.caller.as_ref().is_some_and(|caller| caller.role.is_staff()) {
        return Ok(see_other(&next));
    }
    login_page(&visit, cookies, StatusCode::OK, String::new(), None, texts::interrupted(&why), next)
}

/// What the login form sends.
#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// The login form comes back.
#[handler]
async fn sign_in(visit: Visit, request: &Request, cookies: &CookieJar, Form(form): Form<Credentials>) -> Page {
    let app = &visit.app;
    let next = landing(&form.next);
    let secret = cookies.get(FORM_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default();
    if secret.is_empty() || !is_same(&login_token(&visit, &secret), &form.csrf) {
        return login_page(&visit, cookies, StatusCode::FORBIDDEN, form.name, Some(texts::STALE_FORM.into()), "", next);
    }
    match signing_in::sign_in_with_password(app.staff_door(), &form.name, &form.password, app.origin(request)).await {
        Ok(state) => {
            cookies.add(cookie(app, FORM_COOKIE, "", Some(0)));
            Ok(go_on(&visit, cookies, state, &next))
        }
        Err(error) if is_told(&error) || error.code == Code::Forbidden => {
            login_page(&visit, cookies, status_of(&error), form.name, Some(error.detail), "", next)
        }
        Err(error) => Err(Failure(error)),
    }
}

/// What the forms of the later steps send.
#[derive(Deserialize)]
struct StepForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    repeated: String,
    #[serde(default)]
    next: String,
}

/// `/login/step`: whatever is left to do.
#[handler]
async fn show_step(visit: Visit, cookies: &CookieJar, Query(Next { next, .. }): Query<Next>) -> Page {
    let next = landing(&next);
    let ticket = ticket_of(cookies);
    match signing_in::step_of(visit.app.staff_door(), &ticket).await? {
        Some(step) => step_page(&visit, &ticket, step, StatusCode::OK, None, next).await,
        None => Ok(see_other(&links::with_query("/login", [("next", next.as_str())]))),
    }
}

/// The form of the code comes back.
#[handler]
async fn give_code(visit: Visit, request: &Request, cookies: &CookieJar, Form(form): Form<StepForm>) -> Page {
    let (ticket, next) = (check_step(&visit, cookies, &form)?, landing(&form.next));
    match signing_in::give_code(visit.app.staff_door(), &ticket, &form.code, visit.app.client_address(request)).await {
        Ok(state) => Ok(go_on(&visit, cookies, state, &next)),
        Err(error) => refuse_step(&visit, &ticket, Step::Code, error, next).await,
    }
}

/// The form of the new password comes back.
#[handler]
async fn give_password(visit: Visit, cookies: &CookieJar, Form(form): Form<StepForm>) -> Page {
    let (ticket, next) = (check_step(&visit, cookies, &form)?, landing(&form.next));
    let given = if form.password == form.repeated {
        signing_in::give_new_password(visit.app.staff_door(), &ticket, &form.password).await
    } else {
        Err(Error::invalid("repeated", texts::staff_accounts::PASSWORDS_DIFFER))
    };
    match given {
        Ok(state) => Ok(go_on(&visit, cookies, state, &next)),
        Err(error) => refuse_step(&visit, &ticket, Step::Password, error, next).await,
    }
}

/// The form of the first code comes back: the recovery codes are shown, this once.
#[handler]
async fn confirm_enrolment(visit: Visit, cookies: &CookieJar, Form(form): Form<StepForm>) -> Page {
    let (ticket, next) = (check_step(&visit, cookies, &form)?, landing(&form.next));
    match signing_in::confirm_enrolment(visit.app.staff_door(), &ticket, &form.code).await {
        Ok((state, codes)) => {
            let onward = go_on(&visit, cookies, state, &next);
            let next = onward.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or(DESK).to_owned();
            no_store(visit.show(&RecoveryCodesPage { layout: visit.layout(Section::None), codes, next }))
        }
        Err(error) => refuse_step(&visit, &ticket, Step::Enrolment, error, next).await,
    }
}

/// Sets the cookie of the session, or of the next step, and leads there.
fn go_on(visit: &Visit, cookies: &CookieJar, state: SignIn, next: &str) -> Response {
    match state {
        SignIn::Done(session) => {
            // A session cookie: the browser forgets it, the server ends it at its own hour.
            cookies.add(cookie(&visit.app, SESSION_COOKIE, &session.token, None));
            cookies.add(cookie(&visit.app, STEP_COOKIE, "", Some(0)));
            see_other(next)
        }
        SignIn::Next(ticket) => {
            cookies.add(cookie(&visit.app, STEP_COOKIE, &ticket.token, Some(STEP_S)));
            see_other(&links::with_query("/login/step", [("next", next)]))
        }
    }
}

/// The ticket, once the form is known to come from this browser's own page.
fn check_step(visit: &Visit, cookies: &CookieJar, form: &StepForm) -> Result<String, Failure> {
    let ticket = ticket_of(cookies);
    if ticket.is_empty() || !is_same(&step_token(visit, &ticket), &form.csrf) {
        return Err(Error::new(Code::Forbidden, texts::STALE_FORM).into());
    }
    Ok(ticket)
}

/// Shows a step again with what was wrong; a sign-in that took too long begins anew.
async fn refuse_step(visit: &Visit, ticket: &str, step: Step, error: Error, next: String) -> Page {
    match error.code {
        Code::LoginRequired => Ok(see_other(&links::with_query("/login", [("next", next.as_str())]))),
        _ if is_told(&error) => step_page(visit, ticket, step, status_of(&error), Some(error.detail), next).await,
        _ => Err(Failure(error)),
    }
}

async fn step_page(visit: &Visit, ticket: &str, step: Step, status: StatusCode, problem: Option<String>, next: String) -> Page {
    let (layout, csrf, door) = (visit.layout(Section::None), step_token(visit, ticket), visit.app.staff_door());
    no_store(match step {
        Step::Code => visit.show_as(status, &LoginCodePage { layout, csrf, problem, next }),
        Step::Password => {
            let login_name = signing_in::login_name_of(door, ticket).await?.unwrap_or_default();
            visit.show_as(status, &NewPasswordPage { layout, csrf, login_name, problem, next })
        }
        Step::Enrolment => {
            let enrolment = signing_in::begin_enrolment(door, ticket).await?;
            let page = EnrolmentPage {
                layout,
                csrf,
                action: "/login/enrolment",
                is_required: true,
                qr: qr::svg(&enrolment.url, qr::SECOND_FACTOR)?,
                secret: qr::in_groups(&enrolment.secret),
                problem,
                next,
            };
            visit.show_as(status, &page)
        }
    })
}

fn login_page(
    visit: &Visit,
    cookies: &CookieJar,
    status: StatusCode,
    name: String,
    problem: Option<String>,
    notice: &'static str,
    next: String,
) -> Page {
    let secret = visit.app.ids.secret(FORM_SECRET_BYTES);
    cookies.add(cookie(&visit.app, FORM_COOKIE, &secret, None));
    let csrf = login_token(visit, &secret);
    // The form carries a secret of this browser.
    no_store(visit.show_as(status, &LoginPage { layout: visit.layout(Section::None), csrf, name, problem, notice, next }))
}

/// A page that no cache keeps, whoever it is for.
pub(super) fn no_store(page: Page) -> Page {
    let mut response = page?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Failures that the person can do something about on the same page.
pub(in crate::portal) fn is_told(error: &Error) -> bool {
    matches!(error.code, Code::LoginFailed | Code::TooMany | Code::Invalid | Code::Conflict)
}

/// Status of a page that tells of a failure.
pub(in crate::portal) fn status_of(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

fn ticket_of(cookies: &CookieJar) -> String {
    cookies.get(STEP_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default()
}

fn login_token(visit: &Visit, secret: &str) -> String {
    visit.app.data_key.keyed_hash("portal-login-form", secret)
}

fn step_token(visit: &Visit, ticket: &str) -> String {
    visit.app.data_key.keyed_hash("portal-step-form", ticket)
}

fn landing(next: &str) -> String {
    if next.is_empty() { DESK.into() } else { links::local(next).into() }
}
