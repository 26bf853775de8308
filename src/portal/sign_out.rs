//! `/sign-out` for citizens and `/logout` for staff: the one way out.

use poem::web::Form;
use poem::web::cookie::CookieJar;
use poem::{Route, handler, post};
use serde::Deserialize;

use super::visits::{Page, SESSION_COOKIE, Visit, cookie, see_other};
use crate::accounts::sessions;

/// The forms of the bars lead here.
pub fn routes(route: Route) -> Route {
    route.at("/sign-out", post(sign_out)).at("/logout", post(sign_out))
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// Ends the session of this browser. Whoever has none has nothing to sign out of.
#[handler]
async fn sign_out(visit: Visit, cookies: &CookieJar, Form(form): Form<Token>) -> Page {
    if let (Some(caller), Some(session)) = (&visit.caller, &visit.session) {
        visit.check_form(&form.csrf)?;
        sessions::revoke(&visit.app.db, &visit.app.clock, caller, session).await?;
    }
    cookies.add(cookie(&visit.app, SESSION_COOKIE, "", Some(0)));
    Ok(see_other("/"))
}
