//! How many requests are worked on at once. Past what the engines can do, another request only makes all others slower: it waits for a moment, and
//! is then asked to come back, so that those who were let in are answered in time.
//!
//! Reads and writes have turns of their own, but they share our cores, and a read is often one poll (a kept page) while a post comes
//! back to the scheduler many times, on the embedded engine with the only connection for writing in its hands. So a read steps back once after it took its turn: what others have
//! ready goes first, the turns of reads fill up when the cores are busy, and what is past them waits here instead of before the posts. While writes are
//! busy, such a read is asked to come back at once: nobody who writes is to wait for a queue of readers.

use std::time::Duration;

use poem::http::Method;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::telemetry::Metrics;

/// What somebody reads who is asked to come back.
const CROWDED: &str = "此刻提交的人很多，请稍等几秒再试；您填写的内容请先保留。";
/// Least number of seconds after which to come back; some add up to four, or all would come back together.
const RETRY_S: u64 = 2;
/// Most reads at once, for each connection to the database: most of a read is not spent in the database.
const READS_PER_CONNECTION: u32 = 4;
/// Reads at once on SQLite, for each core, when that is fewer: its work is done by our cores, and more reads only wait for one another.
const READS_PER_CORE: u32 = 4;
/// Reads at once on SQLite on a machine of few cores: some wait for a file or for the index.
const READS_AT_LEAST: u32 = 8;
/// Reads at once on PostgreSQL, for each core, when that is fewer than goes with the connections: pages are made here. Never fewer than connections, so
/// that slow statements do not keep cores idle.
const READS_PER_CORE_BESIDE_A_SERVER: u32 = 8;
/// Writes at once on PostgreSQL, for each connection: an opinion from WeChat waits for WeChat's check of its words while it holds no connection. More would
/// only wait for one another where the machine is full: what is let in is answered in as many seconds as it has turns for each post a second.
const WRITES_PER_CONNECTION: u32 = 2;
/// Writes at once on SQLite, which writes one after the other anyway; a few more keep it busy.
const WRITES_ON_SQLITE: u32 = 32;
/// Most requests of a class that wait.
const WAITING: usize = 256;
/// Longest wait of a read.
const READ_WAIT: Duration = Duration::from_millis(500);
/// Longest wait of a write.
const WRITE_WAIT: Duration = Duration::from_secs(1);

/// The refusal of whoever came while too many were there. `chance` spreads the seconds to wait.
pub fn crowded(chance: u8) -> Error {
    Error::new(Code::Unavailable, CROWDED).retry_after(RETRY_S + u64::from(chance % 5)).counted()
}

/// Reads at once.
fn reads_at_once(connections: u32, is_embedded: bool, cores: u32) -> u32 {
    let most = connections.saturating_mul(READS_PER_CONNECTION);
    most.min(if is_embedded {
        cores.saturating_mul(READS_PER_CORE).max(READS_AT_LEAST)
    } else {
        cores.saturating_mul(READS_PER_CORE_BESIDE_A_SERVER).max(connections)
    })
}

/// Requests of one class.
struct Class {
    size: usize,
    running: Semaphore,
    waiting: Semaphore,
    longest_wait: Duration,
}

impl Class {
    fn new(running: u32, waiting: usize, longest_wait: Duration) -> Class {
        let size = running.max(1) as usize;
        Class { size, running: Semaphore::new(size), waiting: Semaphore::new(waiting), longest_wait }
    }

    /// Whether fewer than half of its turns are free.
    fn is_busy(&self) -> bool {
        self.running.available_permits() * 2 < self.size
    }

    /// A turn, at once or, when it may wait, after a short while; `None` when nobody could be let in.
    async fn admit(&self, may_wait: bool) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.running.try_acquire() {
            return Some(turn);
        }
        if !may_wait {
            return None;
        }
        let _place = self.waiting.try_acquire().ok()?;
        tokio::time::timeout(self.longest_wait, self.running.acquire()).await.ok()?.ok()
    }
}

/// The classes of requests: what is read, and what is written.
pub struct Admission {
    reads: Class,
    writes: Class,
    metrics: Metrics,
}

impl Admission {
    /// As many at once as goes with the connections to the database, and on SQLite with the cores.
    pub fn new(config: &Config, metrics: Metrics) -> Admission {
        let connections = config.database_connections;
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
        let writes = if config.is_postgres() { connections.saturating_mul(WRITES_PER_CONNECTION) } else { WRITES_ON_SQLITE };
        Admission {
            reads: Class::new(reads_at_once(connections, !config.is_postgres(), cores), WAITING, READ_WAIT),
            writes: Class::new(writes, WAITING, WRITE_WAIT),
            metrics,
        }
    }

    /// Lets a request in for as long as what is given back is held. Nothing is held for what needs no engine; [`Code::Unavailable`] when too many
    /// are there. A read waits only while writes are not busy, and lets others go first when it has its turn.
    pub async fn admit(&self, method: &Method, path: &str, chance: u8) -> Result<Option<SemaphorePermit<'_>>> {
        if is_free(path) {
            return Ok(None);
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let (class, name) = if is_read { (&self.reads, "read") } else { (&self.writes, "write") };
        match class.admit(!is_read || !self.writes.is_busy()).await {
            Some(turn) => {
                if is_read {
                    tokio::task::yield_now().await;
                }
                Ok(Some(turn))
            }
            None => {
                self.metrics.shed(name);
                Err(crowded(chance))
            }
        }
    }
}

/// Whether a path is always answered: what operators ask in an overload, and what pages already sent are made of. These are the routes themselves: what
/// only begins like one is a page that is not there, and making that is work.
pub fn is_free(path: &str) -> bool {
    matches!(path, "/metrics" | "/health/live" | "/health/ready")
        || path.strip_prefix("/assets/").is_some_and(|file| !file.is_empty() && !file.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_class_refuses_and_a_free_one_admits() {
        let admission = Admission {
            reads: Class::new(1, 1, Duration::from_millis(20)),
            writes: Class::new(1, 0, Duration::from_secs(60)),
            metrics: Metrics::new(),
        };
        let write = admission.admit(&Method::POST, "/api/v1/drafts", 0).await.unwrap();
        assert!(write.is_some());
        // There is no room to wait: the refusal comes at once, with its time.
        let refused = admission.admit(&Method::DELETE, "/api/v1/drafts", 9).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after_s), (Code::Unavailable, Some(6)));
        // Writers do not hold readers up for whom there is a turn.
        let read = admission.admit(&Method::GET, "/drafts", 0).await.unwrap();
        assert!(read.is_some());
        for free in ["/metrics", "/health/live", "/health/ready", "/assets/site.css"] {
            assert!(admission.admit(&Method::GET, free, 0).await.unwrap().is_none(), "{free}");
        }
        drop(write);
        assert!(admission.admit(&Method::GET, "/drafts", 0).await.is_err(), "the wait has its end");
        assert!(admission.admit(&Method::PUT, "/api/v1/drafts", 0).await.unwrap().is_some());
        let text = admission.metrics.encode().unwrap();
        assert!(text.contains("zhitong_shed_total{class=\"read\"} 1") && text.contains("zhitong_shed_total{class=\"write\"} 1"), "{text}");
    }

    #[tokio::test]
    async fn a_read_without_a_turn_waits_only_while_writes_are_not_busy() {
        let minute = Duration::from_secs(60);
        let admission = Admission { reads: Class::new(1, 8, minute), writes: Class::new(4, 8, minute), metrics: Metrics::new() };
        let read = admission.admit(&Method::GET, "/drafts", 0).await.unwrap();
        let mut writes = Vec::new();
        let soon = Duration::from_millis(30);
        for _ in 0..2 {
            writes.push(admission.admit(&Method::POST, "/drafts", 0).await.unwrap());
            let waited = tokio::time::timeout(soon, admission.admit(&Method::GET, "/drafts", 0)).await;
            assert!(waited.is_err(), "half of the turns of writes are free: a read waits");
        }
        writes.push(admission.admit(&Method::POST, "/drafts", 0).await.unwrap());
        let refused = tokio::time::timeout(soon, admission.admit(&Method::GET, "/drafts", 0)).await.unwrap();
        assert_eq!(refused.err().map(|e| (e.code, e.retry_after_s)), Some((Code::Unavailable, Some(2))), "at once");
        drop(read);
        let again = tokio::time::timeout(soon, admission.admit(&Method::GET, "/drafts", 0)).await.unwrap();
        assert!(again.unwrap().is_some(), "a free turn is given whoever writes");
        // Writes wait for one another all the same.
        writes.push(admission.admit(&Method::POST, "/drafts", 0).await.unwrap());
        assert!(tokio::time::timeout(soon, admission.admit(&Method::POST, "/drafts", 0)).await.is_err());
    }

    #[tokio::test]
    async fn what_others_have_ready_goes_before_a_read_and_not_before_a_write() {
        let minute = Duration::from_secs(60);
        let admission = Admission { reads: Class::new(1, 1, minute), writes: Class::new(1, 1, minute), metrics: Metrics::new() };
        for (method, expected) in [(Method::POST, 0), (Method::GET, 1)] {
            let done = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
            let of_other = done.clone();
            let other = tokio::spawn(async move { of_other.fetch_add(1, std::sync::atomic::Ordering::Relaxed) });
            let turn = admission.admit(&method, "/drafts", 0).await.unwrap();
            assert_eq!((turn.is_some(), done.load(std::sync::atomic::Ordering::Relaxed)), (true, expected), "{method}");
            drop(turn);
            other.await.unwrap();
        }
    }

    #[test]
    fn reads_go_with_the_cores_on_the_embedded_engine_and_never_past_the_connections() {
        for (connections, is_embedded, cores, expected) in [
            (16, true, 2, 8),
            (16, true, 1, 8),
            (16, true, 4, 16),
            (16, true, 64, 64),
            (1, true, 64, 4),
            (16, false, 2, 16),
            (16, false, 4, 32),
            (16, false, 64, 64),
            (1, false, 2, 4),
            (u32::MAX, true, u32::MAX, u32::MAX),
        ] {
            assert_eq!(reads_at_once(connections, is_embedded, cores), expected, "{connections} {is_embedded} {cores}");
        }
    }

    #[test]
    fn only_the_routes_themselves_are_free() {
        for path in ["/health/", "/health/other", "/health/live/x", "/metrics/x", "/assets/", "/assets/a/b", "/assets", "/", "/drafts"] {
            assert!(!is_free(path), "{path}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_let_in_when_a_turn_is_free() {
        let class = Class::new(1, 1, Duration::from_secs(60));
        let turn = class.admit(true).await.unwrap();
        let (waited, ()) = tokio::join!(class.admit(true), async {
            tokio::task::yield_now().await;
            assert!(class.admit(true).await.is_none(), "only one may wait");
            drop(turn);
        });
        assert!(waited.is_some());
    }
}
