//! Logs and metrics. A log line reads as a sentence, its fields are queryable, and a failure is logged once, at the boundary.
//!
//! Personal data never appears in a field or a label; the names of fields are the ones used here: `request_id`, `method`, `route`, `status`,
//! `took_ms`, `error`, `cause`.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: &'static str,
}

/// What is read of the installation from time to time. `None`: there is none, or it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// Seconds since the oldest event was written that is due and not in its inbox.
    pub notification_age_s: Option<f64>,
    /// Seconds until the next round of consultation ends.
    pub next_closing_s: Option<f64>,
    /// Seconds since the oldest entry of the audit log was written that no anchor holds.
    pub unanchored_s: Option<f64>,
    /// Seconds since the last backup by this program.
    pub backup_age_s: Option<f64>,
    /// Seconds by which the clock of the database goes before ours.
    pub clock_ahead_s: Option<f64>,
    /// Free space of the file system of the data directory, in bytes.
    pub free_bytes: Option<f64>,
    /// Size of that file system, in bytes.
    pub size_bytes: Option<f64>,
}

/// One more of something as long as it is held.
pub struct Held(Gauge);

impl Held {
    fn new(gauge: &Gauge) -> Held {
        gauge.inc();
        Held(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram>,
    index_lag: Gauge,
    index_lag_seconds: Gauge,
    indexed_entries: Gauge,
    resident_bytes: Gauge<f64, AtomicU64>,
    notifications: [Gauge; 4],
    unsealed: Gauge,
    engines: Family<EngineLabel, Gauge>,
    cache_fallbacks: Counter,
    shed: Family<ClassLabel, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    database_connections: Family<StateLabel, Gauge>,
    opinions: Family<ChannelLabel, Counter>,
    jobs: Family<JobLabels, Gauge>,
    readings: [Gauge<f64, AtomicU64>; 7],
    catching_up: Arc<Mutex<()>>,
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
        let index_lag_seconds = Gauge::default();
        registry.register("search_index_lag_seconds", "Seconds that a change has waited for the search index", index_lag_seconds.clone());
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
        let in_flight = Gauge::default();
        registry.register("http_requests_in_flight", "Requests that are being served, this one among them", in_flight.clone());
        let connections = Gauge::default();
        registry.register("connections", "Open connections of clients", connections.clone());
        let database_connections = Family::<StateLabel, Gauge>::default();
        registry.register("database_connections", "Connections to the database: open, and idle among them", database_connections.clone());
        let opinions = Family::<ChannelLabel, Counter>::default();
        registry.register("opinions", "Opinions that this process took, by channel", opinions.clone());
        let jobs = Family::<JobLabels, Gauge>::default();
        registry.register("jobs", "Work in the background of all instances: running, and stuck among it", jobs.clone());
        let build_info = Family::<VersionLabel, Gauge>::default();
        registry.register("build_info", "Version of this process; always 1", build_info.clone());
        build_info.get_or_create(&VersionLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        let readings = [
            ("notifications_oldest_seconds", "Time since the oldest event was written that is due and not in its inbox; NaN = none"),
            ("next_closing_seconds", "Time until the next round of consultation ends; NaN = none is open"),
            ("audit_unanchored_seconds", "Age of the oldest entry of the audit log that no anchor holds; NaN = none"),
            ("backup_age_seconds", "Time since the last backup by this program; NaN = none, or the engine has its own"),
            ("clock_ahead_seconds", "How far the clock of the database goes before ours; NaN = the same machine"),
            ("data_dir_free_bytes", "Free space of the file system of the data directory"),
            ("data_dir_size_bytes", "Size of the file system of the data directory"),
        ]
        .map(|(name, help)| {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(f64::NAN);
            registry.register(name, help, gauge.clone());
            gauge
        });
        Metrics {
            registry: Arc::new(registry),
            requests,
            durations,
            index_lag,
            index_lag_seconds,
            indexed_entries,
            resident_bytes,
            notifications,
            unsealed,
            engines,
            cache_fallbacks,
            shed,
            in_flight,
            connections,
            database_connections,
            opinions,
            jobs,
            readings,
            catching_up: Arc::default(),
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

    /// Notes how long a change has waited for the index.
    pub fn index_lag_seconds(&self, seconds: i64) {
        self.index_lag_seconds.set(seconds);
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
        self.catch_up(&self.cache_fallbacks, so_far);
    }

    /// Counts what was asked to come back: a `read`, a `write`, a large `body` or a `connection`.
    pub fn shed(&self, class: &'static str) {
        self.shed.get_or_create(&ClassLabel { class }).inc();
    }

    /// Counts a request as one that is being served, until what is given back is dropped.
    pub fn request_in_flight(&self) -> Held {
        Held::new(&self.in_flight)
    }

    /// Counts a connection as open, until what is given back is dropped.
    pub fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// Notes how many connections to the database are open, and how many of them are idle.
    pub fn database_connections(&self, open: u64, idle: u64) {
        for (state, n) in [("open", open), ("idle", idle)] {
            self.database_connections.get_or_create(&StateLabel { state }).set(i64::try_from(n).unwrap_or(i64::MAX));
        }
    }

    /// Notes how many opinions this process took through a channel since it began.
    pub fn opinions(&self, channel: &'static str, so_far: u64) {
        self.catch_up(&self.opinions.get_or_create(&ChannelLabel { channel }), so_far);
    }

    /// Brings a counter to what was counted elsewhere, also when two ask for the metrics at once.
    fn catch_up(&self, counter: &Counter, so_far: u64) {
        let alone = self.catching_up.lock().unwrap_or_else(PoisonError::into_inner);
        counter.inc_by(so_far.saturating_sub(counter.get()));
        drop(alone);
    }

    /// Notes how much work of a kind runs, and how much of it has not been heard of.
    pub fn jobs(&self, kind: &'static str, running: i64, stuck: i64) {
        for (state, n) in [("running", running), ("stuck", stuck)] {
            self.jobs.get_or_create(&JobLabels { kind, state }).set(n);
        }
    }

    /// Notes what was read of the installation.
    pub fn readings(&self, read: Readings) {
        let values = [
            read.notification_age_s,
            read.next_closing_s,
            read.unanchored_s,
            read.backup_age_s,
            read.clock_ahead_s,
            read.free_bytes,
            read.size_bytes,
        ];
        for (gauge, value) in self.readings.iter().zip(values) {
            gauge.set(value.unwrap_or(f64::NAN));
        }
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
        metrics.index_lag_seconds(7);
        let text = metrics.encode().unwrap();
        assert!(text.contains("zhitong_http_requests_total{method=\"GET\",route=\"/api/v1/search\",status=\"200\"} 1"), "{text}");
        assert!(text.contains("zhitong_search_index_lag 2"));
        assert!(text.contains("zhitong_search_index_lag_seconds 7"));
        assert!(text.contains(concat!("zhitong_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")), "{text}");
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let metrics = Metrics::new();
        let held = metrics.request_in_flight();
        assert!(metrics.encode().unwrap().contains("zhitong_http_requests_in_flight 1"));
        drop(held);
        assert!(metrics.encode().unwrap().contains("zhitong_http_requests_in_flight 0"));
    }

    #[test]
    fn what_was_read_stands_under_its_name_and_what_is_not_there_is_no_number() {
        let metrics = Metrics::new();
        metrics.readings(Readings { next_closing_s: Some(90.0), free_bytes: Some(5.0), size_bytes: Some(7.0), ..Readings::default() });
        metrics.opinions("web", 2);
        metrics.opinions("web", 3);
        metrics.jobs("import", 2, 1);
        metrics.database_connections(4, 3);
        let text = metrics.encode().unwrap();
        for line in [
            "zhitong_next_closing_seconds 90.0",
            "zhitong_data_dir_free_bytes 5.0",
            "zhitong_data_dir_size_bytes 7.0",
            "zhitong_backup_age_seconds NaN",
            "zhitong_opinions_total{channel=\"web\"} 3",
            "zhitong_jobs{kind=\"import\",state=\"stuck\"} 1",
            "zhitong_database_connections{state=\"idle\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
