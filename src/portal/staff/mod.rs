//! Pages of the legislative staff: the desk, imports, and here signing in and out.

pub mod answering;
pub mod deliveries;
pub mod desk;
pub mod drafting;
pub mod imports;
pub mod moderation;

use std::net::IpAddr;

use poem::handler;
use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::web::{Form, Query};
use poem::{Request, Response};
use serde::Deserialize;

use super::pages::Section;
use super::pages::staff::LoginPage;
use super::visits::{FORM_COOKIE, Failure, Page, SESSION_COOKIE, Visit, cookie, is_same, see_other};
use super::{links, texts};
use crate::accounts::logins::{self, Door};
use crate::accounts::sessions;
use crate::error::Code;

/// Where a login leads when nothing else was asked for.
const DESK: &str = "/staff";
/// Bytes of the secret that ties the login form to its browser.
const FORM_SECRET_BYTES: usize = 16;

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// `/login`
#[handler]
pub async fn show_login(visit: Visit, cookies: &CookieJar, Query(Next { next }): Query<Next>) -> Page {
    let next = landing(&next);
    if visit.caller.as_ref().is_some_and(|caller| caller.role.is_staff()) {
        return Ok(see_other(&next));
    }
    login_page(&visit, cookies, StatusCode::OK, String::new(), None, next)
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
pub async fn sign_in(visit: Visit, request: &Request, cookies: &CookieJar, Form(form): Form<Credentials>) -> Page {
    let app = &visit.app;
    let next = landing(&form.next);
    let secret = cookies.get(FORM_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default();
    if secret.is_empty() || !is_same(&login_token(&visit, &secret), &form.csrf) {
        return login_page(&visit, cookies, StatusCode::FORBIDDEN, form.name, Some(texts::STALE_FORM.into()), next);
    }
    let door = Door { db: &app.db, cache: &app.cache, clock: &app.clock, ids: &app.ids, rules: &app.config.rules };
    match logins::sign_in_with_password(door, &form.name, &form.password, client_address(&visit, request)).await {
        Ok(session) => {
            // A session cookie: the browser forgets it, the server ends it at its own hour.
            cookies.add(cookie(app, SESSION_COOKIE, &session.token, None));
            cookies.add(cookie(app, FORM_COOKIE, "", Some(0)));
            Ok(see_other(&next))
        }
        Err(error) if matches!(error.code, Code::LoginFailed | Code::TooMany | Code::Invalid) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::UNAUTHORIZED);
            login_page(&visit, cookies, status, form.name, Some(error.detail), next)
        }
        Err(error) => Err(Failure(error)),
    }
}

fn login_page(visit: &Visit, cookies: &CookieJar, status: StatusCode, name: String, problem: Option<String>, next: String) -> Page {
    let secret = visit.app.ids.secret(FORM_SECRET_BYTES);
    cookies.add(cookie(&visit.app, FORM_COOKIE, &secret, None));
    let csrf = login_token(visit, &secret);
    let mut response = visit.show_as(status, &LoginPage { layout: visit.layout(Section::None), csrf, name, problem, next })?;
    // The form carries a secret of this browser.
    response.headers_mut().insert(poem::http::header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn login_token(visit: &Visit, secret: &str) -> String {
    visit.app.data_key.keyed_hash("portal-login-form", secret)
}

fn landing(next: &str) -> String {
    if next.is_empty() { DESK.into() } else { links::local(next).into() }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// `/logout`
#[handler]
pub async fn sign_out(visit: Visit, cookies: &CookieJar, Form(form): Form<Token>) -> std::result::Result<Response, Failure> {
    if let (Some(caller), Some(session)) = (&visit.caller, &visit.session) {
        visit.check_form(&form.csrf)?;
        sessions::revoke(&visit.app.db, &visit.app.clock, caller, session).await?;
    }
    cookies.add(cookie(&visit.app, SESSION_COOKIE, "", Some(0)));
    Ok(see_other("/"))
}

fn client_address(visit: &Visit, request: &Request) -> Option<IpAddr> {
    let peer = request.remote_addr().as_socket_addr()?.ip();
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    Some(visit.app.config.client_address(peer, forwarded))
}
