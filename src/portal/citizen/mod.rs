//! Pages of taking part: drafts, contact points, and here the guide and the display switch.

pub mod appeals;
pub mod contact_points;
pub mod drafts;
pub mod invitations;
pub mod me;
pub mod messages;
pub mod opinions;
pub mod own_data;
pub mod reports;
pub mod rounds;
pub mod selections;
pub mod sign_in;

use poem::web::Query;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};
use serde::Deserialize;

use super::links;
use super::pages::Section;
use super::pages::civic::AboutPage;
use super::visits::{DISPLAY_COOKIE, ELDER_SIZES, Page, Visit, cookie, see_other};

/// Seconds for which the display choice is remembered.
const REMEMBERED_S: u64 = 365 * 24 * 3600;

/// `/about`
#[handler]
pub async fn show_about(visit: Visit) -> Page {
    visit.show(&AboutPage { layout: visit.layout(Section::About) })
}

#[derive(Deserialize)]
struct DisplayChoice {
    #[serde(default)]
    elder: String,
    #[serde(default)]
    back: String,
}

/// `/display`: switches 长辈模式 and goes back. A link, so that it works without a script; it changes nothing but a cookie.
#[handler]
pub async fn switch_display(visit: Visit, cookies: &CookieJar, Query(choice): Query<DisplayChoice>) -> Response {
    let size = choice.elder.parse().ok().filter(|size: &u8| ELDER_SIZES.contains(size));
    let (value, lifetime) = size.map_or((String::new(), 0), |size| (size.to_string(), REMEMBERED_S));
    cookies.add(cookie(&visit.app, DISPLAY_COOKIE, &value, Some(lifetime)));
    see_other(links::local(&choice.back))
}
