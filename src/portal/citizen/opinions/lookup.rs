//! `/opinions/lookup`: state and answer of an opinion that was posted without signing in, and the appeal against its hiding.

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Form;
use poem::web::cookie::CookieJar;
use poem::{Request, handler};
use serde::Deserialize;

use super::views::{held, own_view};
use super::{check_form, draft_url, form_token, speaker};
use crate::drafts::{self, Viewer};
use crate::error::{Code, Error};
use crate::opinions::moderation::appeals::APPEAL_CHARACTERS;
use crate::opinions::reading::AuthorState;
use crate::opinions::{enclosures, lookups};
use crate::portal::pages::moderation::AppealBox;
use crate::portal::pages::opinions::{HeldFile, OpinionLookupPage, OwnView};
use crate::portal::pages::{Link, Section};
use crate::portal::staff::moderation::{appeal_box, desk};
use crate::portal::visits::{Failure, Page, Visit};

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
    /// Set when the author appeals against a hiding.
    text: Option<String>,
}

/// What a look-up came to.
struct Found {
    view: OwnView,
    draft: Option<Link>,
    files: Vec<HeldFile>,
    appeal: Option<AppealBox>,
    may_appeal: bool,
}

/// What is wrong, and beside which field it is said.
struct Wrong {
    error: Error,
    is_of_appeal: bool,
}

/// The form.
#[handler]
pub async fn show_lookup(visit: Visit, cookies: &CookieJar) -> Page {
    page(&visit, cookies, Typed::default(), None, None)
}

/// What was typed.
#[derive(Default)]
struct Typed {
    code: String,
    text: String,
}

/// The form comes back. The code never stands in an address, so that it is in no log and no history.
#[handler]
pub async fn look_up(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let app = &visit.app;
    let address = app.client_address(request);
    let mut typed = Typed { code: sent.code.chars().take(60).collect(), text: String::new() };
    if let Err(error) = check_form(&visit, cookies, &sent.csrf) {
        return page(&visit, cookies, typed, None, Some(Wrong { error, is_of_appeal: false }));
    }
    let opinion = match lookups::look_up(&app.db, &app.cache, &app.config.rules, &app.data_key, address, &sent.code).await {
        Ok(opinion) => opinion,
        Err(error) if matches!(error.code, Code::NotFound | Code::TooMany) => {
            return page(&visit, cookies, typed, None, Some(Wrong { error, is_of_appeal: false }));
        }
        Err(error) => return Err(Failure(error)),
    };
    let mut wrong = None;
    if let Some(text) = sent.text {
        // The same words sent twice are one appeal, so a double click does no harm.
        match lookups::appeal(desk(&visit), &opinion, &text).await {
            Ok(()) => {}
            Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
                typed.text = text;
                wrong = Some(Wrong { error, is_of_appeal: true });
            }
            Err(error) => return Err(Failure(error)),
        }
    }
    let state = AuthorState::of_unnamed(&opinion);
    let item = lookups::get_display(&app.db, &opinion).await?;
    let (appeal, may_appeal) = (item.appeal.as_ref().map(appeal_box), item.may_appeal());
    let draft = match drafts::get_draft(&app.db, &app.clock, Viewer::Public(visit.caller.as_ref()), opinion.draft_id).await {
        Ok(draft) => Some(Link { url: draft_url(draft.id, opinion.address.as_deref()), text: draft.title }),
        Err(error) if error.code == Code::NotFound => None,
        Err(error) => return Err(Failure(error)),
    };
    // A file is sent to people who are signed in, so that here it has its name only.
    let files = enclosures::list_enclosures(&app.db, opinion.id).await?.into_iter().map(|file| held(file, false)).collect();
    let view = own_view(app, opinion, state, None, item.hidden).await?;
    page(&visit, cookies, typed, Some(Found { view, draft, files, appeal, may_appeal }), wrong)
}

fn page(visit: &Visit, cookies: &CookieJar, typed: Typed, found: Option<Found>, wrong: Option<Wrong>) -> Page {
    let secret = speaker(visit, cookies);
    let status = wrong.as_ref().map_or(StatusCode::OK, |w| StatusCode::from_u16(w.error.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    let retry_after_s = wrong.as_ref().and_then(|w| w.error.retry_after_s);
    let is_of_appeal = wrong.as_ref().is_some_and(|w| w.is_of_appeal);
    let problem = wrong.map(|w| w.error.fields.into_iter().next().map_or(w.error.detail, |field| field.message));
    let (appeal_problem, problem) = if is_of_appeal { (problem, None) } else { (None, problem) };
    let (found, draft, files, appeal, may_appeal) = match found {
        Some(f) => (Some(f.view), f.draft, f.files, f.appeal, f.may_appeal),
        None => (None, None, Vec::new(), None, false),
    };
    let shown = OpinionLookupPage {
        layout: visit.layout(Section::Drafts),
        csrf: form_token(visit, &secret),
        code: typed.code,
        problem,
        found,
        draft,
        files,
        appeal,
        may_appeal,
        typed: typed.text,
        appeal_problem,
        limit: APPEAL_CHARACTERS,
    };
    let mut response = visit.show_as(status, &shown)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}
