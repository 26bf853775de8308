//! `/opinions/lookup`: state and answer of an opinion that was posted without signing in.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Form;
use poem::web::cookie::CookieJar;
use poem::{Request, handler};
use serde::Deserialize;

use super::views::own_view;
use super::{check_form, form_token, speaker};
use crate::error::{Code, Error};
use crate::opinions::lookups;
use crate::opinions::reading::AuthorState;
use crate::portal::pages::Section;
use crate::portal::pages::opinions::{OpinionLookupPage, OwnView};
use crate::portal::visits::{Failure, Page, Visit};

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
}

/// The form.
#[handler]
pub async fn show_lookup(visit: Visit, cookies: &CookieJar) -> Page {
    page(&visit, cookies, String::new(), Ok(None))
}

/// The form comes back. The code never stands in an address, so that it is in no log and no history.
#[handler]
pub async fn look_up(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let app = &visit.app;
    let code: String = sent.code.chars().take(60).collect();
    if let Err(error) = check_form(&visit, cookies, &sent.csrf) {
        return page(&visit, cookies, code, Err(error));
    }
    let address = visit.app.client_address(request);
    match lookups::look_up(&app.db, &app.cache, &app.config.rules, &app.data_key, address, &sent.code).await {
        Ok(opinion) => {
            let state = AuthorState::of_unnamed(&opinion);
            let view = own_view(app, opinion, state, None, None).await?;
            page(&visit, cookies, code, Ok(Some(view)))
        }
        Err(error) if matches!(error.code, Code::NotFound | Code::TooMany) => page(&visit, cookies, code, Err(error)),
        Err(error) => Err(Failure(error)),
    }
}

fn page(visit: &Visit, cookies: &CookieJar, code: String, found: Result<Option<OwnView>, Error>) -> Page {
    let secret = speaker(visit, cookies);
    let (status, problem, found) = match found {
        Ok(found) => (StatusCode::OK, None, found),
        Err(error) => (StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST), Some(error.detail), None),
    };
    let shown = OpinionLookupPage { layout: visit.layout(Section::Drafts), csrf: form_token(visit, &secret), code, problem, found };
    let mut response = visit.show_as(status, &shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
