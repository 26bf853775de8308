//! Speaking: the form and what follows it, one's own opinions, what others said, looking up without an account, and files.

mod files;
mod form;
mod lookup;
mod mine;
mod others;
mod speaking;
pub(in crate::portal) mod views;

use poem::web::cookie::CookieJar;
use poem::{Route, get, post};
use uuid::Uuid;

use crate::drafts::{self, Draft, Viewer};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, OpinionId};
use crate::portal::texts;
use crate::portal::visits::{Visit, cookie, is_same};

/// Cookie that ties the form to its browser, signed in or not.
const SPEAK_COOKIE: &str = "zhitong_speak";
/// Seconds for which it lasts.
const SPEAK_S: u64 = 4 * 3600;
/// Bytes of its secret, and of the key of a form.
const SECRET_BYTES: usize = 16;

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/drafts/:id/speak", get(speaking::show_form).post(speaking::post))
        .at("/drafts/:id/opinions", get(others::list_opinions))
        .at("/opinions/lookup", get(lookup::show_lookup).post(lookup::look_up))
        .at("/opinions/:id/vote", post(others::vote))
        .at("/me/opinions", get(mine::list_mine))
        .at("/me/opinions/:id", get(mine::show_mine))
        .at("/me/opinions/:id/edit", get(speaking::show_edit).post(speaking::edit))
        .at("/me/opinions/:id/withdraw", post(mine::withdraw))
        .at("/opinion-files/:id", get(files::send_file))
}

/// The browser's secret: the one it has, or a new one.
pub(super) fn speaker(visit: &Visit, cookies: &CookieJar) -> String {
    let held = cookies.get(SPEAK_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default();
    if held.len() == SECRET_BYTES * 2 && held.bytes().all(|b| b.is_ascii_hexdigit()) {
        return held;
    }
    let secret = visit.app.ids.secret(SECRET_BYTES);
    cookies.add(cookie(&visit.app, SPEAK_COOKIE, &secret, Some(SPEAK_S)));
    secret
}

/// Token that a form of this browser carries.
pub(super) fn form_token(visit: &Visit, secret: &str) -> String {
    visit.app.data_key.keyed_hash("portal-speak-form", secret)
}

/// Passes when the form came from this browser.
pub(super) fn check_form(visit: &Visit, cookies: &CookieJar, token: &str) -> Result<()> {
    let held = cookies.get(SPEAK_COOKIE).map(|c| c.value_str().to_owned()).unwrap_or_default();
    if !held.is_empty() && is_same(&form_token(visit, &held), token) {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, texts::opinions::SEND_AGAIN))
}

/// The draft of an address of ours.
pub(super) async fn find_draft(visit: &Visit, id: &str) -> Result<Draft> {
    let id = id.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
    drafts::get_draft(&visit.app.db, &visit.app.clock, Viewer::Public(visit.caller.as_ref()), id).await
}

pub(super) fn opinion_id(id: &str) -> Result<OpinionId> {
    id.parse::<Uuid>().map(OpinionId).map_err(|_| Error::not_found(texts::opinions::THIS_OPINION))
}

/// Name under which the device keeps what is typed on a draft and an article.
fn device_key(draft: DraftId, address: &str) -> String {
    format!("{draft}:{}", address.split('/').next().unwrap_or(address))
}

/// Page of a draft, at the article of an address.
pub(super) fn draft_url(draft: DraftId, address: Option<&str>) -> String {
    match address.and_then(|address| address.split('/').next()) {
        Some(unit) if !unit.is_empty() => format!("/drafts/{draft}#{unit}"),
        _ => format!("/drafts/{draft}"),
    }
}
