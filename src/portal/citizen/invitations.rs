//! `/invitations`: whoever was invited to work at a contact point makes their own account.
//!
//! The code of a link stands behind its `#`, which no server and no log ever sees; a script puts it into the field, and without scripts it is typed.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Form;
use poem::web::cookie::CookieJar;
use poem::{Request, Route, get, handler, post};
use serde::Deserialize;

use super::opinions::{check_form, form_token, speaker};
use crate::contact_points::invitations::{self, Welcome};
use crate::error::{Code, Error};
use crate::portal::pages::Section;
use crate::portal::pages::points::{InvitationAcceptedPage, InvitationFormPage, InvitationPage};
use crate::portal::texts;
use crate::portal::texts::points as words;
use crate::portal::visits::{Failure, Page, Visit};

/// The pages.
pub fn routes(route: Route) -> Route {
    route.at("/invitations", get(show_invitation).post(open_invitation)).at("/invitations/acceptance", post(accept))
}

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    login_name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    repeated: String,
}

/// The field of the code.
#[handler]
async fn show_invitation(visit: Visit, cookies: &CookieJar) -> Page {
    code_page(&visit, cookies, String::new(), None)
}

/// The code comes back: what the invitation is for, and the form of the account.
#[handler]
async fn open_invitation(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let code: String = sent.code.chars().take(60).collect();
    if let Err(error) = check_form(&visit, cookies, &sent.csrf) {
        return code_page(&visit, cookies, code, Some(error));
    }
    let (app, address) = (&visit.app, visit.app.client_address(request));
    match invitations::look_up_invitation(app.keeping(), &app.cache, address, &code).await {
        Ok(welcome) => form_page(&visit, cookies, &sent, welcome, None),
        Err(error) => code_page(&visit, cookies, code, Some(error)),
    }
}

/// The form of the account comes back.
#[handler]
async fn accept(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let code: String = sent.code.chars().take(60).collect();
    if let Err(error) = check_form(&visit, cookies, &sent.csrf) {
        return code_page(&visit, cookies, code, Some(error));
    }
    let (app, address) = (&visit.app, visit.app.client_address(request));
    let accepted = if sent.password == sent.repeated {
        let (at, cache) = (app.keeping(), &app.cache);
        invitations::accept_invitation(at, cache, address, &code, &sent.login_name, &sent.display_name, &sent.password).await
    } else {
        Err(Error::invalid("repeated", texts::staff_accounts::PASSWORDS_DIFFER))
    };
    match accepted {
        Ok(_) => no_store(
            visit.show(&InvitationAcceptedPage { layout: visit.layout(Section::None), login_name: sent.login_name.trim().to_lowercase() }),
        ),
        Err(error) if error.code.status() >= 500 => Err(Failure(error)),
        Err(error) => match invitations::look_up_invitation(app.keeping(), &app.cache, address, &code).await {
            Ok(welcome) => {
                // The one conflict of an open invitation is a login name that is taken.
                let error = if error.code == Code::Conflict { Error::invalid("login_name", error.detail) } else { error };
                form_page(&visit, cookies, &sent, welcome, Some(error))
            }
            Err(error) => code_page(&visit, cookies, code, Some(error)),
        },
    }
}

fn code_page(visit: &Visit, cookies: &CookieJar, code: String, error: Option<Error>) -> Page {
    if let Some(error) = error.as_ref().filter(|e| e.code.status() >= 500) {
        return Err(Failure(Error::new(error.code, error.detail.clone())));
    }
    let secret = speaker(visit, cookies);
    let status = error.as_ref().map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    let page =
        InvitationPage { layout: visit.layout(Section::None), csrf: form_token(visit, &secret), code, problem: error.map(|e| e.detail) };
    no_store(visit.show_as(status, &page))
}

fn form_page(visit: &Visit, cookies: &CookieJar, sent: &Sent, welcome: Welcome, error: Option<Error>) -> Page {
    let secret = speaker(visit, cookies);
    let field = |name: &str| error.as_ref().and_then(|e| e.fields.iter().find(|f| f.field == name)).map(|f| f.message.clone());
    let status = error.as_ref().map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    let (login_name_problem, name_problem) = (field("login_name"), field("display_name"));
    let (password_problem, repeated_problem) = (field("password"), field("repeated"));
    let is_placed = [&login_name_problem, &name_problem, &password_problem, &repeated_problem].iter().any(|p| p.is_some());
    let page = InvitationFormPage {
        layout: visit.layout(Section::None),
        csrf: form_token(visit, &secret),
        code: sent.code.clone(),
        point: welcome.point.facts.name,
        station: welcome.station.unwrap_or_else(|| words::WHOLE_POINT.to_owned()),
        expires: texts::moment(welcome.expires_at),
        login_name: sent.login_name.clone(),
        display_name: sent.display_name.clone(),
        login_name_problem,
        name_problem,
        password_problem,
        repeated_problem,
        problem: error.filter(|_| !is_placed).map(|e| e.detail),
    };
    no_store(visit.show_as(status, &page))
}

fn no_store(page: Page) -> Page {
    let mut response = page?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
