//! The HTTP server: routes of all faces, what every request passes through, start and clean stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::middleware::Compression;
use poem::{Body, Endpoint, EndpointExt, IntoResponse, PathPattern, Request, Response, Route, Server, get, handler};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::Instrument;

use crate::api;
use crate::app::App;
use crate::audit;
use crate::contact_points::assignments::due as assignments_due;
use crate::drafts::due;
use crate::error::{Error, Result};
use crate::notifications;
use crate::notifications::outbox::Backlog;
use crate::opinions::moderation::checking;
use crate::opinions::upkeep;
use crate::portal;
use crate::search;
use crate::storage::crypto::install_tls;
use crate::telemetry::REQUEST_ID;

/// Header that carries the id of a request.
const REQUEST_ID_HEADER: &str = "x-request-id";
/// Largest body that is held in memory to compute its ETag; larger ones are sent without.
const ETAG_BYTES: usize = 8 * 1024 * 1024;

/// Policy of whatever is not a page of ours, files that people uploaded among them: shown by itself it loads and runs nothing.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// All routes, with everything that a request passes through.
pub fn routes(app: &App) -> BoxEndpoint<'static, Response> {
    let served = app.clone();
    Route::new()
        .nest("/api/v1", api::routes())
        .nest("/api-reference", api::reference())
        .at("/health/live", get(live))
        .at("/health/ready", get(ready))
        .at("/metrics", get(metrics_text))
        .nest("/", portal::routes(app))
        .data(app.clone())
        .around(conditional)
        .with(Compression::new())
        .around(move |endpoint, request| {
            let app = served.clone();
            async move { observe(endpoint, request, &app).await }
        })
        .boxed()
}

/// Gives the request an id and a span, counts it, and never lets a failure leave without a body.
async fn observe<E: Endpoint>(endpoint: Arc<E>, request: Request, app: &App) -> poem::Result<Response> {
    let started = Instant::now();
    let id = app.ids.next().simple().to_string();
    let method = request.method().clone();
    let is_api = request.uri().path().starts_with("/api/");
    let span = tracing::info_span!("request", request_id = %id, method = %method);
    let served = REQUEST_ID.scope(id.clone(), endpoint.call(request).instrument(span.clone())).await;
    let (mut response, route) = match served {
        Ok(response) => {
            let response = response.into_response();
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
    let route = route.unwrap_or_else(|| "(unknown)".into());
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.metrics.request(method.as_str(), &route, status, took);
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
    let bytes = body
        .into_bytes_limit(ETAG_BYTES)
        .await
        .map_err(|e| Error::internal("a response could not be buffered", e))
        .map_err(api::problem::Problem)?;
    let tag = tagged.unwrap_or_else(|| format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..12])));
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
    Ok(Response::from_parts(parts, Body::from_bytes(bytes)))
}

#[handler]
fn live() -> Response {
    Response::builder().content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(r#"{"status":"alive"}"#)
}

#[handler]
async fn ready(app: poem::web::Data<&App>) -> Response {
    let (database, cache, blobs) = tokio::join!(app.db.ping(), app.cache.ping(), app.blobs.ping());
    let index = app.search.is_ready();
    let say = |r: &Result<()>| if r.is_ok() { "ok" } else { "unavailable" };
    let is_ready = database.is_ok() && index;
    let body = serde_json::json!({
        "status": if is_ready { "ready" } else { "not ready" },
        "database": say(&database), "cache": say(&cache), "originals": say(&blobs), "index": if index { "ok" } else { "building" },
    });
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Response::builder().status(status).content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(body.to_string())
}

#[handler]
fn metrics_text(app: poem::web::Data<&App>) -> poem::Result<Response> {
    let text = app.metrics.encode().map_err(api::problem::Problem)?;
    Ok(Response::builder().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}

/// An open port.
pub type Port = poem::listener::TcpAcceptor;

/// Opens the port, or says in one sentence why it cannot be opened.
pub async fn bind(address: SocketAddr) -> Result<Port> {
    TcpListener::bind(address).into_acceptor().await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::startup(format!("端口 {address} 已被占用。请停止占用它的程序，或用 --listen 指定别的地址。"))
        }
        std::io::ErrorKind::PermissionDenied => Error::startup(format!("没有权限监听 {address}。请改用 1024 以上的端口，或授予权限。")),
        _ => Error::startup(format!("无法监听 {address}：{e}。")),
    })
}

/// Serves until a stop signal, then lets requests in flight finish.
///
/// `announce` is called once requests are answered. Background work (following the change feed, what is due by the clock, delivering notifications) stops with the server.
pub async fn serve(app: App, port: Port, announce: impl FnOnce(SocketAddr)) -> Result<()> {
    install_tls();
    let bound = port.local_addr().first().and_then(|a| a.as_socket_addr().copied()).unwrap_or(app.config.listen);
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
    let (db, blobs, clock, rules) = (app.db.clone(), app.blobs.clone(), app.clock.clone(), app.config.rules.clone());
    let tidier = tokio::spawn(upkeep::tidy_until_stopped(db, blobs, clock, rules, stopping.clone()));
    let anchors = app.config.data_dir.join(audit::checking::ANCHOR_FILE);
    let anchorer =
        tokio::spawn(audit::checking::anchor_until_stopped(app.db.clone(), app.clock.clone(), app.data_key.clone(), anchors, stopping));
    // Caught before anybody is told that the server runs: a signal right after must not kill it half-way.
    let stopped = catch_stop_signals()?;
    announce(bound);
    let grace = Duration::from_secs(app.config.shutdown_seconds);
    Server::new_with_acceptor(port)
        .idle_timeout(Duration::from_secs(75))
        .run_with_graceful_shutdown(routes(&app), stopped, Some(grace))
        .await?;
    tracing::info!("the port is closed; finishing");
    stop.send_replace(true);
    follower.await.map_err(|e| Error::internal("the index follower broke", e))?;
    timed.await.map_err(|e| Error::internal("the work that is due by the clock broke", e))?;
    reminder.await.map_err(|e| Error::internal("the reminding of contact points broke", e))?;
    checker.await.map_err(|e| Error::internal("the worker for opinions whose check broke off broke", e))?;
    anchorer.await.map_err(|e| Error::internal("the anchoring of the audit log broke", e))?;
    deliverer.await.map_err(|e| Error::internal("the delivery of notifications broke", e))?;
    tidier.await.map_err(|e| Error::internal("the tidying of uploads broke", e))?;
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
