//! Server-rendered pages for citizens and staff. They call the same domain functions as the API and never the API itself.
//!
//! `visits.rs` is what every request passes through, `pages/` says what each page shows, `templates/` holds the words, `library.rs`,
//! `citizen.rs` and `staff.rs` fill the pages in. To add a page: see `pages/mod.rs`, then a line in [`routes`].

mod assets;
mod citizen;
mod comparison;
mod kept;
mod library;
mod links;
mod pages;
mod point;
mod sign_out;
mod staff;
mod texts;
mod uploads;
mod visits;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::Uri;
use poem::middleware::CookieJarManager;
use poem::web::cookie::CookieJar;
use poem::{Endpoint, EndpointExt, IntoResponse, PathPattern, Request, Response, Route, get, post};

use crate::app::App;
use crate::error::Error;
use kept::KeptPages;
use visits::{Failure, Visit};

/// All pages, to be nested at `/`.
pub fn routes(app: &App) -> BoxEndpoint<'static, Response> {
    let held = app.clone();
    let kept = Arc::new(KeptPages::new(app));
    let pages = staff::moderation::routes(Route::new());
    let pages = staff::deliveries::routes(pages);
    let pages = citizen::appeals::routes(pages);
    let pages = citizen::messages::routes(pages);
    let pages = citizen::sign_in::routes(pages);
    let pages = sign_out::routes(pages);
    let pages = citizen::me::routes(pages);
    let pages = citizen::own_data::routes(pages);
    let pages = citizen::rounds::routes(pages);
    let pages = citizen::reports::routes(pages);
    let pages = comparison::routes(pages);
    let pages = staff::rounds::routes(pages)
        .at("/", get(library::show_home))
        .at("/search", get(library::search::show_results))
        .at("/laws", get(library::list_laws))
        .at("/laws/:work", get(library::document::show_document))
        .at("/laws/:work/:version", get(library::document::show_version))
        .at("/drafts", get(citizen::drafts::list_public_drafts))
        .at("/drafts/:id", get(citizen::drafts::show_draft))
        .at("/contact-points", get(citizen::contact_points::list_contact_points))
        .at("/contact-points/:id", get(citizen::contact_points::show_contact_point))
        .at("/about", get(citizen::show_about))
        .at("/display", get(citizen::switch_display))
        .at("/staff", get(staff::desk::show_desk))
        .at("/staff/import", get(staff::imports::show_import).post(staff::imports::start_import))
        .at("/staff/import/:id", get(staff::imports::show_job))
        .at("/staff/import/:id/import", post(staff::imports::import_checked));
    let pages = staff::login::routes(pages);
    let pages = staff::own_account::routes(pages);
    let pages = staff::users::routes(pages);
    let pages = staff::points::routes(pages);
    let pages = citizen::invitations::routes(pages);
    let pages = citizen::selections::routes(pages);
    let pages = staff::selections::routes(pages);
    let pages = staff::audit::routes(pages);
    let pages = staff::drafting::routes(pages);
    let pages = staff::answering::routes(pages);
    let pages = staff::statistics::routes(pages);
    let pages = point::outcomes::routes(pages);
    let pages = staff::tasks::routes(pages);
    let pages = point::routes(pages);
    let pages = uploads::routes(pages);
    let pages = citizen::opinions::routes(pages)
        .around(move |endpoint, request| {
            let (app, kept) = (held.clone(), kept.clone());
            async move { receive(endpoint, request, &app, &kept).await }
        })
        .with(CookieJarManager::new());
    Route::new().at("/assets/:file", get(assets::send_asset)).nest("/", pages).boxed()
}

/// A failure from outside the pages (an unknown path, a handler that broke) as a page.
pub fn failure(app: &App, error: poem::Error) -> Response {
    Visit::unknown(app, &Uri::default(), &CookieJar::default()).failure(error)
}

/// The page for a request that is refused before anybody looked at it.
pub fn refusal(app: &App, error: Error) -> Response {
    Visit::unknown(app, &Uri::default(), &CookieJar::default()).failure(Failure(error).into())
}

/// Gives a page that was made a moment ago, or has it made.
async fn receive<E: Endpoint>(endpoint: Arc<E>, request: Request, app: &App, kept: &KeptPages) -> poem::Result<Response> {
    let Some(name) = kept.name(&request) else { return welcome(endpoint, request, app).await };
    match kept.find(&name).await {
        kept::Page::Kept(response) => Ok(response),
        kept::Page::ToMake(turn) => kept.keep(name, turn, welcome(endpoint, request, app).await?).await,
    }
}

/// Reads who comes, and turns every failure into a page of the same look.
async fn welcome<E: Endpoint>(endpoint: Arc<E>, mut request: Request, app: &App) -> poem::Result<Response> {
    let visit = match Visit::of(app, &request).await {
        Ok(visit) => visit,
        Err(error) => return Ok(Visit::unknown(app, request.uri(), request.cookie()).failure(Failure(error).into())),
    };
    request.set_data(visit.clone());
    match endpoint.call(request).await {
        Ok(response) => Ok(response.into_response()),
        Err(error) => {
            let pattern = error.data::<PathPattern>().cloned();
            let mut response = visit.failure(error);
            if let Some(pattern) = pattern {
                response.set_data(pattern);
            }
            Ok(response)
        }
    }
}
