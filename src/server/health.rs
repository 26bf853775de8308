//! What operators and their machines ask: is the process alive, is it ready, what has it counted.

use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{Response, handler};

use crate::api;
use crate::app::App;
use crate::storage::engines::Engine;

/// The process runs.
#[handler]
pub fn live() -> Response {
    Response::builder().content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(r#"{"status":"alive"}"#)
}

/// Requests can be served, and what the service goes on without. A process whose index has not yet been where the data is would find less than
/// the others, so nothing is sent to it; one that falls behind later says so and goes on. Nothing is asked of an engine here: whoever asks often would ask
/// all of them as often.
#[handler]
pub fn ready(app: Data<&App>) -> Response {
    // The facts of the watch over the engines; by that of the database requests are turned away: whoever is sent here is served.
    let [database, cache, originals] = Engine::ALL.map(|engine| !app.engines.is_gone(engine));
    let index = app.search.state(app.clock.now());
    let say = |answers: bool| if answers { "ok" } else { "unavailable" };
    let is_ready = database && index.may_serve();
    // What the service goes on without.
    let degraded: Vec<&str> = [(Engine::Cache, cache), (Engine::Originals, originals)]
        .into_iter()
        .filter(|(_, answers)| !answers)
        .map(|(engine, _)| engine.as_str())
        .collect();
    let body = serde_json::json!({
        "status": if is_ready { "ready" } else { "not ready" }, "degraded": degraded,
        "database": say(database), "cache": say(cache), "originals": say(originals), "index": index.as_str(),
    });
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Response::builder().status(status).content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(body.to_string())
}

/// The metrics of this process.
#[handler]
pub fn metrics_text(app: Data<&App>) -> poem::Result<Response> {
    app.metrics.cache_fallbacks(app.cache.fallbacks());
    let (open, idle) = app.db.connections();
    app.metrics.database_connections(open, idle);
    for (channel, taken) in app.opinions_taken.by_channel() {
        app.metrics.opinions(channel.as_str(), taken);
    }
    app.metrics.index_lag_seconds(app.search.lag_seconds(app.clock.now()));
    let text = app.metrics.encode().map_err(api::problem::Problem)?;
    Ok(Response::builder().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
