//! Logs and metrics. A log line reads as a sentence, its fields are queryable, and a failure is logged once, at the boundary.
//!
//! Personal data never appears in a field or a label; the names of fields are the ones used here: `request_id`, `method`, `route`, `status`,
//! `took_ms`, `error`, `cause`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Config, LogFormat};
use crate::error::{Error, Result};

tokio::task_local! {
    /// Id of the request being served; set by the server for the whole of it, quoted by every failure.
    pub static REQUEST_ID: String;
}

/// Starts logging to standard error, so that standard output stays for results.
pub fn start(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log).map_err(|e| Error::startup(format!("日志过滤规则 {:?} 无法识别：{e}。", config.log)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(BoxMakeWriter::new(std::io::stderr)).with_target(false);
    let started = match config.log_format {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests) keeps the first.
    if let Err(e) = started {
        tracing::debug!(cause = %e, "logging was started before");
    }
    Ok(())
}

/// Labels of one served request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineLabel {
    engine: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram>,
    index_lag: Gauge,
    indexed_entries: Gauge,
    resident_bytes: Gauge<f64, AtomicU64>,
    notifications: [Gauge; 4],
    unsealed: Gauge,
    engines: Family<EngineLabel, Gauge>,
    cache_fallbacks: Counter,
    shed: Family<ClassLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("zhitong");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("http_requests", "Requests served, by route and status", requests.clone());
        let durations = Family::<RouteLabel, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 15)));
        registry.register("http_request_seconds", "Time to serve a request", durations.clone());
        let index_lag = Gauge::default();
        registry.register("search_index_lag", "Changes of the feed that the search index has not taken in", index_lag.clone());
        let indexed_entries = Gauge::default();
        registry.register("search_index_entries", "Entries that can be found", indexed_entries.clone());
        let resident_bytes = Gauge::default();
        registry.register("resident_memory_bytes", "Resident memory of the process", resident_bytes.clone());
        let notifications = [
            ("notifications_pending", "Events on their way to an inbox"),
            ("notifications_given_up", "Events that were given up and wait for the staff"),
            ("wechat_messages_pending", "Subscription messages on their way to WeChat"),
            ("wechat_messages_failed", "Subscription messages that WeChat did not take"),
        ]
        .map(|(name, help)| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        let unsealed = Gauge::default();
        registry.register("opinions_unsealed", "Opinions whose receipts the audit log does not seal yet", unsealed.clone());
        let engines = Family::<EngineLabel, Gauge>::default();
        registry.register("engine_up", "Whether an engine answers: 1 or 0", engines.clone());
        let cache_fallbacks = Counter::default();
        registry.register("cache_fallbacks", "Questions to the shared cache that this process answered by itself", cache_fallbacks.clone());
        let shed = Family::<ClassLabel, Counter>::default();
        registry.register("shed", "What was asked to come back because too much was there, by class", shed.clone());
        Metrics {
            registry: Arc::new(registry),
            requests,
            durations,
            index_lag,
            indexed_entries,
            resident_bytes,
            notifications,
            unsealed,
            engines,
            cache_fallbacks,
            shed,
        }
    }

    /// Counts a served request. `route` is the pattern, never the path, so that labels stay few and free of data.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { method: method.into(), route: route.into(), status }).inc();
        self.durations.get_or_create(&RouteLabel { route: route.into() }).observe(took.as_secs_f64());
    }

    /// Notes how far the index is behind and how much it holds.
    pub fn index(&self, lag: i64, entries: i64) {
        self.index_lag.set(lag);
        self.indexed_entries.set(entries);
    }

    /// Notes what waits to be delivered and what was given up: events, then WeChat messages.
    pub fn notifications(&self, [pending, given_up, wechat_pending, wechat_failed]: [i64; 4]) {
        for (gauge, n) in self.notifications.iter().zip([pending, given_up, wechat_pending, wechat_failed]) {
            gauge.set(n);
        }
    }

    /// Notes how many receipts wait to be sealed.
    pub fn unsealed(&self, waiting: i64) {
        self.unsealed.set(waiting);
    }

    /// Notes whether an engine answers.
    pub fn engine(&self, engine: &'static str, is_up: bool) {
        self.engines.get_or_create(&EngineLabel { engine }).set(i64::from(is_up));
    }

    /// Notes how often this process stood in for the shared cache since it began.
    pub fn cache_fallbacks(&self, so_far: u64) {
        self.cache_fallbacks.inc_by(so_far.saturating_sub(self.cache_fallbacks.get()));
    }

    /// Counts what was asked to come back: a `read`, a `write`, a large `body` or a `connection`.
    pub fn shed(&self, class: &'static str) {
        self.shed.get_or_create(&ClassLabel { class }).inc();
    }

    /// All metrics in the text format of Prometheus.
    pub fn encode(&self) -> Result<String> {
        self.resident_bytes.set(resident_bytes().unwrap_or(0) as f64);
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|e| Error::internal("encoding metrics failed", e))?;
        Ok(text)
    }
}

/// Resident memory of this process in bytes; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    status_bytes("VmRSS:")
}

/// The most memory that was ever resident, in bytes.
pub fn peak_resident_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

fn status_bytes(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_speak_prometheus() {
        let metrics = Metrics::new();
        metrics.request("GET", "/api/v1/search", 200, Duration::from_millis(3));
        metrics.index(2, 10);
        let text = metrics.encode().unwrap();
        assert!(text.contains("zhitong_http_requests_total{method=\"GET\",route=\"/api/v1/search\",status=\"200\"} 1"), "{text}");
        assert!(text.contains("zhitong_search_index_lag 2"));
    }
}
