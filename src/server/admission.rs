//! How many requests are worked on at once. Past what the engines can do, another request only makes all others slower: it waits for a moment, and
//! is then asked to come back, so that those who were let in are answered in time.

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
/// Reads at once, for each connection to the database: most of a read is not spent in the database.
const READS_PER_CONNECTION: u32 = 4;
/// Writes at once on PostgreSQL, for each connection: an opinion from WeChat waits for WeChat's check of its words while it holds no connection.
const WRITES_PER_CONNECTION: u32 = 4;
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

/// Requests of one class.
struct Class {
    running: Semaphore,
    waiting: Semaphore,
    longest_wait: Duration,
}

impl Class {
    fn new(running: u32, waiting: usize, longest_wait: Duration) -> Class {
        Class { running: Semaphore::new(running.max(1) as usize), waiting: Semaphore::new(waiting), longest_wait }
    }

    /// A turn, at once or after a short wait; `None` when nobody could be let in.
    async fn admit(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.running.try_acquire() {
            return Some(turn);
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
    /// As many at once as goes with the connections to the database.
    pub fn new(config: &Config, metrics: Metrics) -> Admission {
        let connections = config.database_connections;
        let writes = if config.is_postgres() { connections.saturating_mul(WRITES_PER_CONNECTION) } else { WRITES_ON_SQLITE };
        Admission {
            reads: Class::new(connections.saturating_mul(READS_PER_CONNECTION), WAITING, READ_WAIT),
            writes: Class::new(writes, WAITING, WRITE_WAIT),
            metrics,
        }
    }

    /// Lets a request in for as long as what is given back is held. Nothing is held for what needs no engine; [`Code::Unavailable`] when too many
    /// are there.
    pub async fn admit(&self, method: &Method, path: &str, chance: u8) -> Result<Option<SemaphorePermit<'_>>> {
        if is_free(path) {
            return Ok(None);
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let (class, name) = if is_read { (&self.reads, "read") } else { (&self.writes, "write") };
        match class.admit().await {
            Some(turn) => Ok(Some(turn)),
            None => {
                self.metrics.shed(name);
                Err(crowded(chance))
            }
        }
    }
}

/// Whether a path is always answered: what operators ask in an overload, and what pages already sent are made of.
fn is_free(path: &str) -> bool {
    path == "/metrics" || path.starts_with("/health/") || path.starts_with("/assets/")
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
        // Writers do not hold readers up.
        let read = admission.admit(&Method::GET, "/drafts", 0).await.unwrap();
        assert!(read.is_some());
        assert!(admission.admit(&Method::GET, "/drafts", 0).await.is_err(), "the wait has its end");
        for free in ["/metrics", "/health/live", "/health/ready", "/assets/site.css"] {
            assert!(admission.admit(&Method::GET, free, 0).await.unwrap().is_none(), "{free}");
        }
        drop(write);
        assert!(admission.admit(&Method::PUT, "/api/v1/drafts", 0).await.unwrap().is_some());
        let text = admission.metrics.encode().unwrap();
        assert!(text.contains("zhitong_shed_total{class=\"read\"} 1") && text.contains("zhitong_shed_total{class=\"write\"} 1"), "{text}");
    }

    #[tokio::test]
    async fn whoever_waits_is_let_in_when_a_turn_is_free() {
        let class = Class::new(1, 1, Duration::from_secs(60));
        let turn = class.admit().await.unwrap();
        let (waited, ()) = tokio::join!(class.admit(), async {
            tokio::task::yield_now().await;
            assert!(class.admit().await.is_none(), "only one may wait");
            drop(turn);
        });
        assert!(waited.is_some());
    }
}
