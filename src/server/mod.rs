//! The HTTP server: routes of all faces, what every request passes through, start and clean stop.
//!
//! A request comes through a connection with its caps and times (`connections.rs`), with a body within its limits (`bodies.rs`), when it is its turn
//! (`admission.rs`); what is refused on the way is counted and seldom told (`refusals.rs`). What only a look at the installation tells is looked up from
//! time to time (`readings.rs`), and what belongs to nothing is removed (`upkeep.rs`).

mod admission;
mod bodies;
mod connections;
mod health;
mod readings;
mod refusals;
pub mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::middleware::Compression;
use poem::{Body, Endpoint, EndpointExt, IntoResponse, PathPattern, Request, Response, Route, get};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::Instrument;

use crate::api;
use crate::app::App;
use crate::audit;
use crate::contact_points::assignments::due as assignments_due;
use crate::corpus::jobs;
use crate::drafts::due;
use crate::error::{Code, Error, Result};
use crate::notifications;
use crate::notifications::outbox::Backlog;
use crate::opinions::moderation::checking;
use crate::opinions::offline::batches;
use crate::opinions::sealing;
use crate::portal;
use crate::search;
use crate::storage::crypto::install_tls;
use crate::storage::engines::{self, Engine};
use crate::telemetry::REQUEST_ID;

use admission::Admission;
use bodies::Bodies;
pub use connections::{Port, bind, files_needed};
use refusals::{Pages, Refusals, Routes};

/// What is said, and after how many seconds somebody should come back, while the database is gone.
const DATABASE_GONE: &str = "数据库暂时不可用，请稍后再试；您填写的内容请先保留。";
const DATABASE_RETRY_S: u64 = 5;

/// What a request is counted under that no route is known for.
const UNKNOWN: &str = "(unknown)";
/// Header that carries the id of a request.
const REQUEST_ID_HEADER: &str = "x-request-id";
/// Largest body that is held in memory to compute its ETag; larger ones are sent without.
const ETAG_BYTES: usize = 8 * 1024 * 1024;

/// Policy of whatever is not a page of ours, files that people uploaded among them: shown by itself it loads and runs nothing.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// All routes, with everything that a request passes through.
pub fn routes(app: &App) -> BoxEndpoint<'static, Response> {
    let served = app.clone();
    let gates = Arc::new(Gates {
        bodies: Bodies::new(&app.config, app.metrics.clone()),
        admission: Admission::new(&app.config, app.metrics.clone()),
        routes: Routes::default(),
        refusals: Refusals::default(),
        pages: Pages::default(),
    });
    Route::new()
        .nest("/api/v1", api::routes())
        .nest("/api-reference", api::reference())
        .at("/health/live", get(health::live))
        .at("/health/ready", get(health::ready))
        .at("/metrics", get(health::metrics_text))
        .nest("/", portal::routes(app))
        .data(app.clone())
        .around(conditional)
        .with(Compression::new())
        .around(move |endpoint, request| {
            let (app, gates) = (served.clone(), gates.clone());
            async move { observe(endpoint, request, &app, &gates).await }
        })
        .boxed()
}

/// What a request passes before anybody works on it.
struct Gates {
    bodies: Bodies,
    admission: Admission,
    routes: Routes,
    refusals: Refusals,
    pages: Pages,
}

/// Gives the request an id and a span, counts it, and never lets a failure leave without a body.
async fn observe<E: Endpoint>(endpoint: Arc<E>, request: Request, app: &App, gates: &Gates) -> poem::Result<Response> {
    let started = Instant::now();
    let _in_flight = app.metrics.request_in_flight();
    let id = app.ids.next();
    let chance = id.as_bytes().last().copied().unwrap_or_default();
    let id = id.simple().to_string();
    let method = request.method().clone();
    let is_api = request.uri().path().starts_with("/api/");
    let span = tracing::info_span!("request", request_id = %id, method = %method);
    let served = REQUEST_ID.scope(id.clone(), pass(endpoint, request, app, gates, chance).instrument(span.clone())).await;
    let (mut response, route) = match served {
        Ok(response) => {
            let route = response.data::<PathPattern>().map(|p| p.0.to_string());
            (response, route)
        }
        Err(error) => {
            let route = error.data::<PathPattern>().map(|p| p.0.to_string());
            let response = REQUEST_ID
                .sync_scope(id.clone(), || if is_api { api::problem::from_framework(error) } else { portal::failure(app, error) });
            (response, route)
        }
    };
    // An unknown path is one label, or every scanner would add some.
    let route = route.unwrap_or_else(|| UNKNOWN.into());
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.metrics.request(method_label(&method), &route, status, took);
    span.in_scope(|| tracing::debug!(route, status, took_ms = took.as_secs_f64() * 1000.0, "served a request"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING_RUNS));
    if app.config.public_url.starts_with("https://") {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static("max-age=31536000"));
    }
    Ok(response)
}

/// Takes a request through the gates and has it answered. `chance` spreads those who are asked to come back.
async fn pass<E: Endpoint>(endpoint: Arc<E>, mut request: Request, app: &App, gates: &Gates, chance: u8) -> poem::Result<Response> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if app.engines.is_gone(Engine::Database) && needs_database(&path) {
        // Told at once: whoever waits for a database that is gone only holds others up.
        return refuse(app, gates, &path, Error::new(Code::Unavailable, DATABASE_GONE).retry_after(DATABASE_RETRY_S).counted()).await;
    }
    let taken = match gates.bodies.take(&mut request, chance).await {
        Ok(taken) => taken,
        Err(error) => return refuse(app, gates, &path, error).await.map(last),
    };
    // A large upload has its seat, and would hold a turn for as long as its sender is slow.
    let turn = if taken.is_on_its_way() { Ok(None) } else { gates.admission.admit(&method, &path, chance).await };
    let _turn = match turn {
        Ok(turn) => turn,
        Err(error) => return refuse(app, gates, &path, error).await,
    };
    let answered = endpoint.call(request).await.map(IntoResponse::into_response);
    let is_done = answered.as_ref().is_ok_and(|response| !response.status().is_client_error() && !response.status().is_server_error());
    if let Some(route) = pattern_of(&answered) {
        gates.routes.note(&route.0);
    }
    // Whoever read a body that broke off can only tell that it did.
    match taken.refusal().filter(|_| !is_done) {
        Some(error) => refuse(app, gates, &path, error).await.map(last),
        None => answered,
    }
}

/// The answer to a request that is not let in, counted under the route that it would have met.
async fn refuse(app: &App, gates: &Gates, path: &str, error: Error) -> poem::Result<Response> {
    let route = gates.routes.find(path);
    if error.is_counted {
        gates.refusals.note(route.as_deref().unwrap_or(UNKNOWN), &error);
    }
    let mut response = if path.starts_with("/api/") {
        api::problem::Problem(error).into_response()
    } else if error.is_counted {
        gates.pages.page(error, |error| portal::refusal(app, error)).await?
    } else {
        portal::refusal(app, error)
    };
    if let Some(route) = route {
        response.set_data(PathPattern(route));
    }
    Ok(response)
}

/// What a method is counted under: HTTP lets everybody make up more of them, and each would be a label.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The route that answered, or failed to.
fn pattern_of(answered: &poem::Result<Response>) -> Option<&PathPattern> {
    match answered {
        Ok(response) => response.data(),
        Err(error) => error.data(),
    }
}

/// Makes a response the last of its connection: what the client still sends is no request.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whether a path is answered from the database.
fn needs_database(path: &str) -> bool {
    let is_reference = path.strip_prefix("/api-reference").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !admission::is_free(path) && !is_reference && path != "/api/v1/openapi.json"
}

/// Answers 304 when the client holds what would be sent: an ETag over the body of every public read.
async fn conditional<E: Endpoint>(endpoint: Arc<E>, request: Request) -> poem::Result<Response> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let held: Option<String> = request.header(header::IF_NONE_MATCH).map(str::to_owned);
    let response = endpoint.call(request).await?.into_response();
    let is_public = response.headers().get(header::CACHE_CONTROL).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("public"));
    let tagged = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
    if !is_read || response.status() != StatusCode::OK || !is_public {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let (tag, body) = match tagged {
        // Whoever has a tag for it knows it as it is sent; it is not read a second time.
        Some(tag) => (tag, body),
        None => {
            let bytes = body
                .into_bytes_limit(ETAG_BYTES)
                .await
                .map_err(|e| Error::internal("a response could not be buffered", e))
                .map_err(api::problem::Problem)?;
            (format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..12])), Body::from_bytes(bytes))
        }
    };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    // A proxy that compresses turns the tag into a weak one; both name the same content.
    let matches = held.is_some_and(|held| held.split(',').any(|t| t.trim().trim_start_matches("W/") == tag || t.trim() == "*"));
    if matches {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    Ok(Response::from_parts(parts, body))
}

/// Serves until a stop signal, then lets requests in flight finish.
///
/// `announce` is called once requests are answered. Background work (following the change feed, what is due by the clock, delivering notifications,
/// imports and tables that nobody works at) stops with the server; what requests began of these two is let go with it.
pub async fn serve(app: App, port: Port, announce: impl FnOnce(SocketAddr)) -> Result<()> {
    install_tls();
    let bound = port.local_addr().unwrap_or(app.config.listen);
    let (stop, stopping) = watch::channel(false);
    let metrics = app.metrics.clone();
    let report = move |lag, entries| metrics.index(lag, entries);
    let follower = tokio::spawn(search::follow(app.search.clone(), app.db.clone(), app.clock.clone(), stopping.clone(), report));
    let (db, clock, ids, rules) = (app.db.clone(), app.clock.clone(), app.ids.clone(), app.config.rules.clone());
    let timed = tokio::spawn(due::run_until_stopped(db, clock, ids, rules, stopping.clone()));
    let (db, clock, ids, rules) = (app.db.clone(), app.clock.clone(), app.ids.clone(), app.config.rules.clone());
    let reminder = tokio::spawn(assignments_due::run_until_stopped(db, clock, ids, rules, stopping.clone()));
    let checker = tokio::spawn(checking::recover_until_stopped(app.clone(), stopping.clone()));
    let metrics = app.metrics.clone();
    let report = move |b: Backlog| metrics.notifications([b.pending, b.given_up, b.wechat_pending, b.wechat_failed]);
    let deliverer = tokio::spawn(notifications::deliver_until_stopped(app.clone(), report, stopping.clone()));
    let tidier = tokio::spawn(upkeep::tidy_until_stopped(app.clone(), stopping.clone()));
    let metrics = app.metrics.clone();
    let report = move |waiting| metrics.unsealed(waiting);
    let sealer = tokio::spawn(sealing::seal_until_stopped(app.db.clone(), app.clock.clone(), app.ids.clone(), stopping.clone(), report));
    let importing = tokio::spawn(jobs::work_until_stopped(app.importer(), app.config.rules.clone(), stopping.clone()));
    let taking_up = tokio::spawn(batches::take_up_until_stopped(app.uploads(), stopping.clone()));
    let metrics = app.metrics.clone();
    let report = move |engine: Engine, is_up| metrics.engine(engine.as_str(), is_up);
    let (engines, db, cache, blobs) = (app.engines.clone(), app.db.clone(), app.cache.clone(), app.blobs.clone());
    let watcher = tokio::spawn(engines::watch_until_stopped(engines, db, cache, blobs, stopping.clone(), report));
    let reader = tokio::spawn(readings::read_until_stopped(app.clone(), stopping.clone()));
    let anchors = app.config.data_dir.join(audit::checking::ANCHOR_FILE);
    let anchorer =
        tokio::spawn(audit::checking::anchor_until_stopped(app.db.clone(), app.clock.clone(), app.data_key.clone(), anchors, stopping));
    // Caught before anybody is told that the server runs: a signal right after must not kill it half-way.
    let stopped = catch_stop_signals()?;
    announce(bound);
    connections::answer(&app, port, bound, routes(&app), stopped).await;
    tracing::info!("the port is closed; finishing");
    stop.send_replace(true);
    app.begun.stop().await;
    follower.await.map_err(|e| Error::internal("the index follower broke", e))?;
    timed.await.map_err(|e| Error::internal("the work that is due by the clock broke", e))?;
    reminder.await.map_err(|e| Error::internal("the reminding of contact points broke", e))?;
    checker.await.map_err(|e| Error::internal("the worker for opinions whose check broke off broke", e))?;
    sealer.await.map_err(|e| Error::internal("the sealing of receipts broke", e))?;
    anchorer.await.map_err(|e| Error::internal("the anchoring of the audit log broke", e))?;
    deliverer.await.map_err(|e| Error::internal("the delivery of notifications broke", e))?;
    watcher.await.map_err(|e| Error::internal("the watch over the engines broke", e))?;
    reader.await.map_err(|e| Error::internal("the reading of metrics broke", e))?;
    tidier.await.map_err(|e| Error::internal("the removing of what belongs to nothing broke", e))?;
    importing.await.map_err(|e| Error::internal("the worker for imports broke", e))?;
    taking_up.await.map_err(|e| Error::internal("the worker for uploaded tables broke", e))?;
    app.db.close().await;
    tracing::info!("stopped cleanly");
    Ok(())
}

/// Catches Ctrl-C and SIGTERM from now on; the future resolves when one has come.
fn catch_stop_signals() -> Result<impl Future<Output = ()>> {
    let catching = |kind| signal(kind).map_err(|e| Error::internal("stop signals cannot be caught", e));
    let (mut interrupt, mut terminate) = (catching(SignalKind::interrupt())?, catching(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("a stop signal came; no new requests are taken");
    })
}
