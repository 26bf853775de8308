//! `/me/phone`, `/me/export` and `/me/delete`: binding a phone, the copy of everything that is held, the erasure of the account.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Form;
use poem::web::cookie::CookieJar;
use poem::{Request, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;

use super::sign_in::{shown_code, status_of};
use crate::accounts::citizens::codes::{self, Purpose};
use crate::accounts::citizens::own_profile;
use crate::accounts::citizens::phones::{Phone, masked};
use crate::error::{Code, Result};
use crate::personal_data::binding::{self, Binding};
use crate::personal_data::copies::{self, OwnData};
use crate::personal_data::erasure::{self, CONFIRMATION, RETAINED};
use crate::portal::pages::account::{CodeStep, DeletePage, DeletedPage, ExportPage, HeldSection, PhonePage};
use crate::portal::pages::{Fact, Section};
use crate::portal::texts;
use crate::portal::visits::{Failure, Page, SESSION_COOKIE, Visit, cookie, see_other};

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/me/phone", get(show_phone).post(bind_phone))
        .at("/me/phone/code", post(send_phone_code))
        .at("/me/export", get(show_export))
        .at("/me/export.json", get(send_export))
        .at("/me/delete", get(show_delete).post(delete_account))
}

async fn phone_page(visit: &Visit, status: StatusCode, phone: String, step: Option<CodeStep>, problem: Option<String>) -> Page {
    let caller = visit.citizen()?;
    let profile = own_profile(&visit.app.db, &visit.app.field_cipher, caller).await?;
    let page = PhonePage {
        layout: visit.layout(Section::None),
        csrf: visit.form_token(),
        bound: profile.phone.as_deref().map(masked),
        phone,
        step,
        problem,
        is_on: visit.app.sms.is_on(),
    };
    visit.show_as(status, &page)
}

/// `/me/phone`
#[handler]
async fn show_phone(visit: Visit) -> Page {
    phone_page(&visit, StatusCode::OK, String::new(), None, None).await
}

#[derive(Deserialize)]
struct PhoneForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    code: String,
}

/// A code is sent to the phone that is to be bound.
#[handler]
async fn send_phone_code(visit: Visit, request: &Request, Form(form): Form<PhoneForm>) -> Page {
    visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let sent: Result<CodeStep> = async {
        let phone = Phone::parse(&form.phone)?;
        let sent = codes::send_code(app.reception(), Purpose::BindPhone, &phone, visit.app.client_address(request)).await?;
        let shown_code = shown_code(&visit, &phone).await?;
        Ok(CodeStep { sent_to: sent.sent_to, phone: phone.digits().into(), shown_code, ..CodeStep::default() })
    }
    .await;
    match sent {
        Ok(step) => phone_page(&visit, StatusCode::OK, form.phone, Some(step), None).await,
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) => phone_page(&visit, status_of(&error), form.phone, None, Some(error.detail)).await,
    }
}

/// The code comes back: the phone is bound.
#[handler]
async fn bind_phone(visit: Visit, request: &Request, Form(form): Form<PhoneForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let phone = match Phone::parse(&form.phone) {
        Ok(phone) => phone,
        Err(error) => return phone_page(&visit, StatusCode::BAD_REQUEST, form.phone, None, Some(error.detail)).await,
    };
    match binding::bind_with_code(app.reception(), caller, &phone, &form.code, visit.app.client_address(request)).await {
        Ok(Binding::Bound) => Ok(see_other("/me?done=phone")),
        Ok(Binding::Merged) => Ok(see_other("/me?done=merged")),
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) if error.code == Code::Conflict => phone_page(&visit, StatusCode::CONFLICT, form.phone, None, Some(error.detail)).await,
        Err(error) => {
            let status = status_of(&error);
            let step = CodeStep {
                sent_to: phone.masked(),
                phone: phone.digits().into(),
                shown_code: shown_code(&visit, &phone).await?,
                problem: Some(error.detail),
                ..CodeStep::default()
            };
            phone_page(&visit, status, form.phone, Some(step), None).await
        }
    }
}

async fn copy(visit: &Visit) -> Result<OwnData> {
    let caller = visit.citizen()?;
    copies::copy_of_own_data(visit.app.reception(), caller, visit.session.as_deref().unwrap_or_default()).await
}

/// `/me/export`
#[handler]
async fn show_export(visit: Visit) -> Page {
    let data = copy(&visit).await?;
    let fact = |d: copies::Datum| Fact { name: d.name.into(), value: d.value };
    let sections = data
        .held
        .into_iter()
        .map(|h| HeldSection {
            id: h.key,
            title: h.title,
            entries: h.entries.into_iter().map(|entry| entry.into_iter().map(fact).collect()).collect(),
        })
        .collect();
    visit.show(&ExportPage { layout: visit.layout(Section::None), copied_at: texts::moment(data.copied_at), sections })
}

/// `/me/export.json`
#[handler]
async fn send_export(visit: Visit) -> std::result::Result<Response, Failure> {
    let data = copy(&visit).await?;
    let held: Vec<serde_json::Value> = data
        .held
        .into_iter()
        .map(|h| {
            let entries: Vec<serde_json::Value> = h
                .entries
                .into_iter()
                .map(|entry| entry.into_iter().map(|d| (d.key.to_owned(), json!(d.value))).collect::<serde_json::Map<_, _>>().into())
                .collect();
            json!({"key": h.key, "title": h.title, "entries": entries})
        })
        .collect();
    let text = json!({"copied_at": data.copied_at, "held": held});
    Ok(Response::builder()
        .content_type("application/json; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"personal-data.json\""))
        .body(format!("{text:#}\n")))
}

fn delete_page(visit: &Visit, status: StatusCode, problem: Option<String>) -> Page {
    let page = DeletePage {
        layout: visit.layout(Section::None),
        csrf: visit.form_token(),
        confirmation: CONFIRMATION,
        retained: RETAINED.iter().map(|r| Fact { name: r.what.into(), value: r.why.into() }).collect(),
        problem,
    };
    visit.show_as(status, &page)
}

/// `/me/delete`
#[handler]
async fn show_delete(visit: Visit) -> Page {
    visit.citizen()?;
    delete_page(&visit, StatusCode::OK, None)
}

#[derive(Deserialize)]
struct DeleteForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    confirmation: String,
}

/// The erasure is confirmed.
#[handler]
async fn delete_account(visit: Visit, cookies: &CookieJar, Form(form): Form<DeleteForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    match erasure::erase_own_account(visit.app.reception(), caller, &form.confirmation).await {
        Ok(_) => {
            cookies.add(cookie(&visit.app, SESSION_COOKIE, "", Some(0)));
            // Whoever sees the page is nobody any more.
            let nobody = visit.as_nobody();
            let mut response = nobody.show(&DeletedPage { layout: nobody.layout(Section::None) })?;
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(error) if error.code == Code::Invalid => delete_page(&visit, StatusCode::BAD_REQUEST, Some(error.detail)),
        Err(error) => Err(Failure(error)),
    }
}
