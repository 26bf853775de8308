//! `/staff/account`: one's own password, second step and sessions.

use poem::http::StatusCode;
use poem::web::{Form, Query};
use poem::{Request, Route, get, handler, post};
use serde::Deserialize;

use super::login::{is_told, no_store, status_of};
use super::qr;
use crate::accounts::Permission;
use crate::accounts::sessions;
use crate::accounts::staff::{passwords, second_factor};
use crate::error::Error;
use crate::portal::pages::Section;
use crate::portal::pages::account::SessionLine;
use crate::portal::pages::staff_accounts::{EnrolmentPage, OwnAccountPage, RecoveryCodesPage};
use crate::portal::texts;
use crate::portal::visits::{Failure, Page, Visit, see_other};

const HERE: &str = "/staff/account";

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/account", get(show_account))
        .at("/staff/account/password", post(change_password))
        .at("/staff/account/second-factor", get(show_enrolment).post(confirm))
        .at("/staff/account/second-factor/removal", post(remove))
        .at("/staff/account/sessions-end", post(end_sessions))
}

#[derive(Default)]
struct Told {
    password: Option<String>,
    code: Option<String>,
    done: Option<&'static str>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    done: String,
}

/// The page.
#[handler]
async fn show_account(visit: Visit, Query(asked): Query<Asked>) -> Page {
    visit.staff(Permission::KeepOwnLogin)?;
    let done = (asked.done == "sessions").then_some(texts::staff_accounts::OWN_SESSIONS_ENDED);
    page(&visit, StatusCode::OK, Told { done, ..Told::default() }).await
}

async fn page(visit: &Visit, status: StatusCode, told: Told) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    let has_second_factor = second_factor::has_own(&visit.app.db, caller).await?;
    let token = visit.session.as_deref().unwrap_or_default();
    let own = sessions::list_own(&visit.app.db, &visit.app.clock, caller, token).await?;
    let lines = own.into_iter().map(|s| SessionLine {
        handle: s.handle,
        device: if s.device.is_empty() { texts::account::UNKNOWN_DEVICE.into() } else { s.device },
        since: texts::moment(s.created_at),
        until: texts::moment(s.expires_at),
        is_current: s.is_current,
    });
    let page = OwnAccountPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        name: caller.display_name.clone(),
        role: caller.role.label().into(),
        has_second_factor,
        is_required: second_factor::is_required(&visit.app.config.rules),
        password_problem: told.password,
        code_problem: told.code,
        done: told.done,
        sessions: lines.collect(),
    };
    visit.show_as(status, &page)
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    repeated: String,
}

/// The form of the password comes back.
#[handler]
async fn change_password(visit: Visit, request: &Request, Form(form): Form<PasswordForm>) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    visit.check_form(&form.csrf)?;
    let token = visit.session.as_deref().unwrap_or_default();
    let changed = if form.password == form.repeated {
        let address = visit.app.client_address(request);
        passwords::change_own_password(visit.app.staff_door(), caller, token, &form.current_password, &form.password, address).await
    } else {
        Err(Error::invalid("repeated", texts::staff_accounts::PASSWORDS_DIFFER))
    };
    match changed {
        Ok(()) => page(&visit, StatusCode::OK, Told { done: Some(texts::staff_accounts::PASSWORD_CHANGED), ..Told::default() }).await,
        Err(error) if is_told(&error) => page(&visit, status_of(&error), Told { password: Some(error.detail), ..Told::default() }).await,
        Err(error) => Err(Failure(error)),
    }
}

/// The secret for the authenticator; the same one each time until it is confirmed.
#[handler]
async fn show_enrolment(visit: Visit) -> Page {
    enrolment(&visit, StatusCode::OK, None).await
}

async fn enrolment(visit: &Visit, status: StatusCode, problem: Option<String>) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    if second_factor::has_own(&visit.app.db, caller).await? {
        return Ok(see_other(HERE));
    }
    let enrolment = second_factor::begin_own(visit.app.staff_door(), caller).await?;
    let page = EnrolmentPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        action: "/staff/account/second-factor",
        is_required: false,
        qr: qr::svg(&enrolment.url, qr::SECOND_FACTOR)?,
        secret: qr::in_groups(&enrolment.secret),
        problem,
        next: String::new(),
    };
    no_store(visit.show_as(status, &page))
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
}

/// The first code comes back: the recovery codes are shown, this once.
#[handler]
async fn confirm(visit: Visit, Form(form): Form<CodeForm>) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    visit.check_form(&form.csrf)?;
    match second_factor::confirm_own(visit.app.staff_door(), caller, &form.code).await {
        Ok(codes) => no_store(visit.show(&RecoveryCodesPage { layout: visit.layout(Section::Staff), codes, next: HERE.into() })),
        Err(error) if is_told(&error) => enrolment(&visit, status_of(&error), Some(error.detail)).await,
        Err(error) => Err(Failure(error)),
    }
}

/// The second step is taken away.
#[handler]
async fn remove(visit: Visit, Form(form): Form<CodeForm>) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    visit.check_form(&form.csrf)?;
    match second_factor::remove_own(visit.app.staff_door(), caller, &form.code).await {
        Ok(()) => page(&visit, StatusCode::OK, Told { done: Some(texts::staff_accounts::SECOND_FACTOR_REMOVED), ..Told::default() }).await,
        Err(error) if is_told(&error) => page(&visit, status_of(&error), Told { code: Some(error.detail), ..Told::default() }).await,
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct EndForm {
    #[serde(default)]
    csrf: String,
    /// Which session; empty for all but this one.
    #[serde(default)]
    handle: String,
}

/// One session is ended, or all others are.
#[handler]
async fn end_sessions(visit: Visit, Form(form): Form<EndForm>) -> Page {
    let caller = visit.staff(Permission::KeepOwnLogin)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    if form.handle.is_empty() {
        let token = visit.session.as_deref().unwrap_or_default();
        sessions::end_others(&app.db, &app.clock, caller, token).await?;
    } else {
        sessions::end_one(&app.db, &app.clock, caller, &form.handle).await?;
    }
    Ok(see_other("/staff/account?done=sessions"))
}
