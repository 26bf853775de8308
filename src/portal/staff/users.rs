//! `/staff/users`: accounts of the staff, for administrators; auditors read them.

use std::time::Duration;

use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use super::login::{is_told, no_store, status_of};
use crate::accounts::staff::listing::{self, StaffFilter};
use crate::accounts::staff::{self, StaffAccount, StaffChange, passwords, second_factor};
use crate::accounts::{Actor, Permission, Role};
use crate::contact_points::organs::{self, Tier};
use crate::contact_points::{self, PointFilter};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, ContactPointId, OrganId, StationId};
use crate::portal::pages::staff_accounts::{Choosable, OneTimePasswordPage, UserForm, UserLine, UserPage, UsersPage};
use crate::portal::pages::{Badge, Section};
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Accounts on a page.
const PAGE: usize = 30;
/// Contact points offered in the form.
const POINTS: usize = 500;
/// How long the answer to a form is kept for the case that the form comes twice.
const REPEATED: Duration = Duration::from_secs(10 * 60);

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/users", get(list_users).post(add_user))
        .at("/staff/users/new", get(show_new))
        .at("/staff/users/:id", get(show_user).post(change_user))
        .at("/staff/users/:id/deactivation", post(deactivate))
        .at("/staff/users/:id/reactivation", post(reactivate))
        .at("/staff/users/:id/password-reset", post(reset_password))
        .at("/staff/users/:id/second-factor-reset", post(reset_second_factor))
        .at("/staff/users/:id/sessions-end", post(end_sessions))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
}

/// The list.
#[handler]
async fn list_users(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadAccounts)?;
    let is_active = match query.state.as_str() {
        "open" => Some(true),
        "closed" => Some(false),
        _ => None,
    };
    let filter = StaffFilter { query: query.q.clone(), role: Role::parse(&query.role).filter(|r| r.is_staff()), is_active };
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let found = listing::list_staff(&visit.app.db, caller, &filter, cursor, PAGE).await?;
    let kept = [("q", query.q.as_str()), ("role", query.role.as_str()), ("state", query.state.as_str())];
    let next = found.next.as_deref().map(|next| links::with_query("/staff/users", kept.into_iter().chain([("cursor", next)])));
    visit.show(&UsersPage {
        layout: visit.layout(Section::Staff),
        may_manage: caller.may(Permission::ManageAccounts),
        query: query.q.clone(),
        roles: roles(filter.role),
        state: query.state.clone(),
        users: found.items.iter().map(line).collect(),
        next,
    })
}

fn line(account: &StaffAccount) -> UserLine {
    let badge = match (account.is_active, account.must_change_password) {
        (false, _) => Badge { text: texts::staff_accounts::CLOSED.into(), tone: "off" },
        (true, true) => Badge { text: texts::staff_accounts::FIRST_SIGN_IN.into(), tone: "wait" },
        (true, false) => Badge { text: texts::staff_accounts::OPEN.into(), tone: "good" },
    };
    UserLine {
        url: format!("/staff/users/{}", account.id),
        login_name: account.login_name.clone(),
        name: account.display_name.clone(),
        role: account.role.label().into(),
        badge,
        has_second_factor: account.has_second_factor,
        since: texts::moment(account.created_at),
    }
}

fn roles(chosen: Option<Role>) -> Vec<Choosable> {
    let staff = Role::ALL.iter().filter(|role| role.is_staff());
    staff.map(|role| Choosable { value: role.as_str().into(), text: role.label().into(), is_chosen: Some(*role) == chosen }).collect()
}

/// Points, and stations under the names of their points.
async fn workplaces(visit: &Visit, form: &AccountForm) -> Result<(Vec<Choosable>, Vec<Choosable>)> {
    let (mut points, mut stations) = (Vec::new(), Vec::new());
    for point in contact_points::list_points(&visit.app.db, &PointFilter::working(), None, POINTS).await?.items {
        for station in point.stations {
            stations.push(choosable(station.id.to_string(), format!("{} · {}", point.facts.name, station.name), &form.station_id));
        }
        points.push(choosable(point.id.to_string(), point.facts.name, &form.contact_point_id));
    }
    Ok((points, stations))
}

async fn counties(visit: &Visit, form: &AccountForm) -> Result<Vec<Choosable>> {
    let counties = organs::list_organs(&visit.app.db).await?.into_iter().filter(|organ| organ.tier == Tier::County);
    Ok(counties.map(|organ| choosable(organ.id.to_string(), organ.name, &form.organ_id)).collect())
}

fn choosable(value: String, text: String, chosen: &str) -> Choosable {
    Choosable { is_chosen: value == chosen, value, text }
}

/// What the forms of an account send.
#[derive(Deserialize)]
struct AccountForm {
    #[serde(default)]
    csrf: String,
    /// Names one filling-in of the form.
    #[serde(default)]
    once: String,
    #[serde(default)]
    login_name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    contact_point_id: String,
    #[serde(default)]
    station_id: String,
    #[serde(default)]
    organ_id: String,
}

impl AccountForm {
    fn change(&self) -> Result<StaffChange<'_>> {
        let role = Role::parse(&self.role).ok_or_else(|| Error::invalid("role", texts::staff_accounts::CHOOSE_ROLE))?;
        // What stands in the field of another role is not meant.
        let chosen = |field: &str, value: &str, of: Role, sentence: &str| match value {
            _ if role != of => Ok(None),
            "" => Ok(None),
            id => id.parse::<Uuid>().map(Some).map_err(|_| Error::invalid(field, sentence)),
        };
        use texts::staff_accounts::{CHOOSE_ORGAN, CHOOSE_POINT, CHOOSE_STATION};
        Ok(StaffChange {
            display_name: &self.display_name,
            role,
            organ: chosen("organ_id", &self.organ_id, Role::CountyStaff, CHOOSE_ORGAN)?.map(OrganId),
            contact_point: chosen("contact_point_id", &self.contact_point_id, Role::PointStaff, CHOOSE_POINT)?.map(ContactPointId),
            station: chosen("station_id", &self.station_id, Role::PointStaff, CHOOSE_STATION)?.map(StationId),
        })
    }
}

/// The empty form.
#[handler]
async fn show_new(visit: Visit) -> Page {
    visit.staff(Permission::ManageAccounts)?;
    let once = visit.app.ids.secret(12);
    new_page(
        &visit,
        StatusCode::OK,
        &AccountForm {
            csrf: String::new(),
            once,
            login_name: String::new(),
            display_name: String::new(),
            role: String::new(),
            contact_point_id: String::new(),
            station_id: String::new(),
            organ_id: String::new(),
        },
        None,
    )
    .await
}

async fn new_page(visit: &Visit, status: StatusCode, form: &AccountForm, problem: Option<Error>) -> Page {
    let page = UserPage {
        layout: visit.layout(Section::Staff),
        form: user_form(visit, form, problem).await?,
        user: None,
        may_manage: true,
        is_own: false,
        is_active: true,
        has_second_factor: false,
        done: None,
        problem: None,
    };
    visit.show_as(status, &page)
}

async fn user_form(visit: &Visit, form: &AccountForm, problem: Option<Error>) -> Result<UserForm> {
    let field = |name: &str| problem.as_ref().and_then(|e| e.fields.iter().find(|f| f.field == name)).map(|f| f.message.clone());
    let (login_name_problem, name_problem) = (field("login_name"), field("display_name"));
    let (role_problem, point_problem) = (field("role"), field("contact_point_id"));
    let (station_problem, organ_problem) = (field("station_id"), field("organ_id"));
    let placed = [&login_name_problem, &name_problem, &role_problem, &point_problem, &station_problem, &organ_problem];
    let is_placed = placed.iter().any(|p| p.is_some());
    let (points, stations) = workplaces(visit, form).await?;
    Ok(UserForm {
        csrf: visit.form_token(),
        once: form.once.clone(),
        login_name: form.login_name.clone(),
        display_name: form.display_name.clone(),
        roles: roles(Role::parse(&form.role)),
        points,
        stations,
        organs: counties(visit, form).await?,
        login_name_problem,
        name_problem,
        role_problem,
        point_problem,
        station_problem,
        organ_problem,
        problem: problem.filter(|_| !is_placed).map(|e| e.detail),
    })
}

/// The form comes back: the account is made and its one-time password shown.
#[handler]
async fn add_user(visit: Visit, Form(form): Form<AccountForm>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    // The same form sent twice, as a double click does, gives the same answer twice.
    let key = format!("staff-added:{}:{}", caller.account_id, crate::storage::crypto::sm3_hex(form.once.as_bytes()));
    if let Some(page) = made_before(&visit, &key).await? {
        return Ok(page);
    }
    let made = match form.change() {
        Ok(change) => staff::add_staff(&app.db, &app.clock, &app.ids, Actor::Person(caller), &form.login_name, change).await,
        Err(error) => Err(error),
    };
    match made {
        Ok((id, password)) => {
            let kept = app.field_cipher.seal("staff-added", &format!("{id} {password}"))?;
            app.cache.put(&key, &kept, REPEATED).await?;
            password_page(&visit, &id.to_string(), &form.login_name, password)
        }
        Err(error) if error.code == Code::Conflict => {
            for _ in 0..20 {
                if let Some(page) = made_before(&visit, &key).await? {
                    return Ok(page);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            new_page(&visit, StatusCode::CONFLICT, &form, Some(Error::invalid("login_name", error.detail))).await
        }
        Err(error) if is_told(&error) => new_page(&visit, status_of(&error), &form, Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

async fn made_before(visit: &Visit, key: &str) -> Result<Option<poem::Response>> {
    let Some(kept) = visit.app.cache.get(key).await? else { return Ok(None) };
    let opened = visit.app.field_cipher.open("staff-added", &kept)?;
    let Some((id, password)) = opened.split_once(' ') else { return Ok(None) };
    let caller = visit.staff(Permission::ManageAccounts)?;
    let id = id.parse::<Uuid>().map(AccountId).map_err(|e| Error::internal("a kept answer cannot be read", e))?;
    let account = staff::get_staff(&visit.app.db, caller, id).await?;
    password_page(visit, &id.to_string(), &account.login_name, password.to_owned()).map(Some).map_err(|Failure(e)| e)
}

fn password_page(visit: &Visit, id: &str, login_name: &str, password: String) -> Page {
    no_store(visit.show(&OneTimePasswordPage {
        layout: visit.layout(Section::Staff),
        login_name: login_name.trim().to_lowercase(),
        password,
        url: format!("/staff/users/{id}"),
    }))
}

/// One account.
#[handler]
async fn show_user(visit: Visit, Path(id): Path<String>) -> Page {
    user_page(&visit, account_id(&id)?, StatusCode::OK, None, None, None).await
}

async fn user_page(
    visit: &Visit,
    id: AccountId,
    status: StatusCode,
    typed: Option<(&AccountForm, Error)>,
    done: Option<&'static str>,
    problem: Option<String>,
) -> Page {
    let caller = visit.staff(Permission::ReadAccounts)?;
    let account = staff::get_staff(&visit.app.db, caller, id).await?;
    let (form, error) = match typed {
        Some((form, error)) => (
            AccountForm {
                csrf: String::new(),
                once: String::new(),
                login_name: account.login_name.clone(),
                display_name: form.display_name.clone(),
                role: form.role.clone(),
                contact_point_id: form.contact_point_id.clone(),
                station_id: form.station_id.clone(),
                organ_id: form.organ_id.clone(),
            },
            Some(error),
        ),
        None => (
            AccountForm {
                csrf: String::new(),
                once: String::new(),
                login_name: account.login_name.clone(),
                display_name: account.display_name.clone(),
                role: account.role.as_str().into(),
                contact_point_id: account.contact_point.map(|p| p.to_string()).unwrap_or_default(),
                station_id: account.station.map(|s| s.to_string()).unwrap_or_default(),
                organ_id: account.organ.map(|o| o.to_string()).unwrap_or_default(),
            },
            None,
        ),
    };
    let page = UserPage {
        layout: visit.layout(Section::Staff),
        form: user_form(visit, &form, error).await?,
        user: Some(line(&account)),
        may_manage: caller.may(Permission::ManageAccounts),
        is_own: caller.account_id == id,
        is_active: account.is_active,
        has_second_factor: account.has_second_factor,
        done,
        problem,
    };
    visit.show_as(status, &page)
}

fn account_id(id: &str) -> Result<AccountId> {
    id.parse::<Uuid>().map(AccountId).map_err(|_| Error::not_found(texts::staff_accounts::THIS_ACCOUNT))
}

/// The form of an account comes back.
#[handler]
async fn change_user(visit: Visit, Path(id): Path<String>, Form(form): Form<AccountForm>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let changed = match form.change() {
        Ok(change) => staff::change_staff(&visit.app.db, &visit.app.clock, Actor::Person(caller), id, change).await,
        Err(error) => Err(error),
    };
    match changed {
        // Whoever changes their own role has no session any more.
        Ok(account) if caller.account_id == id && account.role != caller.role => Ok(see_other("/login")),
        Ok(_) => user_page(&visit, id, StatusCode::OK, None, Some(texts::staff_accounts::CHANGED), None).await,
        Err(error) if is_told(&error) => user_page(&visit, id, status_of(&error), Some((&form, error)), None, None).await,
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// After one of the buttons: the page again with what was done, or why not.
async fn after(visit: &Visit, id: AccountId, outcome: Result<()>, done: &'static str) -> Page {
    match outcome {
        Ok(()) => user_page(visit, id, StatusCode::OK, None, Some(done), None).await,
        Err(error) if is_told(&error) => user_page(visit, id, status_of(&error), None, None, Some(error.detail)).await,
        Err(error) => Err(Failure(error)),
    }
}

/// Closes an account.
#[handler]
async fn deactivate(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let outcome = staff::set_active(&visit.app.db, &visit.app.clock, Actor::Person(caller), id, false).await;
    if outcome.is_ok() && caller.account_id == id {
        return Ok(see_other("/login"));
    }
    after(&visit, id, outcome.map(drop), texts::staff_accounts::NOW_CLOSED).await
}

/// Opens an account again.
#[handler]
async fn reactivate(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let outcome = staff::set_active(&visit.app.db, &visit.app.clock, Actor::Person(caller), id, true).await;
    after(&visit, id, outcome.map(drop), texts::staff_accounts::NOW_OPEN).await
}

/// Gives an account a one-time password.
#[handler]
async fn reset_password(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let app = &visit.app;
    match passwords::reset_password(&app.db, &app.clock, &app.ids, Actor::Person(caller), id).await {
        Ok(password) => {
            let account = staff::get_staff(&app.db, caller, id).await?;
            password_page(&visit, &id.to_string(), &account.login_name, password)
        }
        Err(error) => after(&visit, id, Err(error), "").await,
    }
}

/// Takes an account's second step away.
#[handler]
async fn reset_second_factor(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let outcome = second_factor::reset_second_factor(&visit.app.db, &visit.app.clock, Actor::Person(caller), id).await;
    after(&visit, id, outcome, texts::staff_accounts::SECOND_FACTOR_RESET).await
}

/// Ends every session of an account.
#[handler]
async fn end_sessions(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::ManageAccounts)?;
    visit.check_form(&form.csrf)?;
    let id = account_id(&id)?;
    let outcome = staff::end_sessions_of(&visit.app.db, &visit.app.clock, Actor::Person(caller), id).await;
    if outcome.is_ok() && caller.account_id == id {
        return Ok(see_other("/login"));
    }
    after(&visit, id, outcome, texts::staff_accounts::SESSIONS_ENDED).await
}
