//! What several instances share and may lose: rate limits, short-lived tokens, cached reads. Redis, or in process.
//!
//! Nothing here is the only copy of a fact. Redis commands live in this file and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moka::Expiry;
use moka::future::Cache as Moka;
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::config::Config;
use crate::error::{Code, Error, Result};

/// The shared cache.
#[derive(Clone)]
pub enum Cache {
    /// Inside this process; enough for one instance.
    InProcess(Moka<String, Entry>),
    /// A Redis server, with a prefix before every key.
    Redis {
        /// Reconnects by itself.
        connection: ConnectionManager,
        /// So that several deployments can share a server.
        prefix: Arc<str>,
    },
}

/// A value kept in process, with its lifetime.
#[derive(Clone)]
pub struct Entry {
    value: Arc<str>,
    lifetime: Duration,
    expires_at: Option<std::time::Instant>,
}

struct PerEntry;

impl Expiry<String, Entry> for PerEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: std::time::Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }
    fn expire_after_update(&self, _: &String, entry: &Entry, now: std::time::Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.expires_at.map_or(entry.lifetime, |at| at.saturating_duration_since(now)))
    }
}

/// Number of values the in-process cache keeps; the least used go first.
const IN_PROCESS_ENTRIES: u64 = 200_000;

impl Cache {
    /// Opens the configured cache.
    pub async fn open(config: &Config) -> Result<Cache> {
        if config.redis_url.0.is_empty() {
            return Ok(Self::in_process());
        }
        Self::redis(&config.redis_url.0, "zhitong:").await
    }

    /// A cache of this process alone.
    pub fn in_process() -> Cache {
        Cache::InProcess(Moka::builder().max_capacity(IN_PROCESS_ENTRIES).expire_after(PerEntry).build())
    }

    /// A cache on a Redis server.
    pub async fn redis(url: &str, prefix: &str) -> Result<Cache> {
        let client =
            redis::Client::open(url).map_err(|e| Error::startup("Redis 地址无法识别，应形如 redis://主机:端口/。").caused_by(e))?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(2)
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(Some(Duration::from_secs(1)));
        let connection = ConnectionManager::new_with_config(client, config)
            .await
            .map_err(|e| Error::startup("连不上 Redis，请检查 redis_url 和网络。").caused_by(e))?;
        Ok(Cache::Redis { connection, prefix: prefix.into() })
    }

    /// Reads a value.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        match self {
            Cache::InProcess(cache) => Ok(cache.get(key).await.map(|entry| entry.value.to_string())),
            Cache::Redis { connection, prefix } => connection.clone().get(format!("{prefix}{key}")).await.map_err(unavailable),
        }
    }

    /// Keeps a value for a lifetime.
    pub async fn put(&self, key: &str, value: &str, lifetime: Duration) -> Result<()> {
        match self {
            Cache::InProcess(cache) => {
                cache.insert(key.to_owned(), Entry { value: value.into(), lifetime, expires_at: None }).await;
                Ok(())
            }
            Cache::Redis { connection, prefix } => {
                connection.clone().set_ex(format!("{prefix}{key}"), value, lifetime.as_secs().max(1)).await.map_err(unavailable)
            }
        }
    }

    /// Keeps a value for a lifetime unless one is there, and says whether it was kept: of several callers at once, one succeeds.
    /// Lifetimes are whole milliseconds.
    pub async fn put_if_absent(&self, key: &str, value: &str, lifetime: Duration) -> Result<bool> {
        match self {
            Cache::InProcess(cache) => {
                let entry = Entry { value: value.into(), lifetime, expires_at: None };
                Ok(cache.entry(key.to_owned()).or_insert(entry).await.is_fresh())
            }
            Cache::Redis { connection, prefix } => {
                let kept: Option<String> = redis::cmd("SET")
                    .arg(format!("{prefix}{key}"))
                    .arg(value)
                    .arg("NX")
                    .arg("PX")
                    .arg(milliseconds(lifetime))
                    .query_async(&mut connection.clone())
                    .await
                    .map_err(unavailable)?;
                Ok(kept.is_some())
            }
        }
    }

    /// Forgets a value if it is still the given one: whoever made a claim ends their own and nobody else's.
    pub async fn forget_if(&self, key: &str, value: &str) -> Result<()> {
        match self {
            Cache::InProcess(cache) => {
                cache
                    .entry(key.to_owned())
                    .and_compute_with(|held| {
                        let is_same = held.is_some_and(|held| *held.into_value().value == *value);
                        std::future::ready(if is_same { moka::ops::compute::Op::Remove } else { moka::ops::compute::Op::Nop })
                    })
                    .await;
                Ok(())
            }
            Cache::Redis { connection, prefix } => {
                let script =
                    redis::Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0");
                let _gone: i64 =
                    script.key(format!("{prefix}{key}")).arg(value).invoke_async(&mut connection.clone()).await.map_err(unavailable)?;
                Ok(())
            }
        }
    }

    /// Forgets a value.
    pub async fn forget(&self, key: &str) -> Result<()> {
        match self {
            Cache::InProcess(cache) => {
                cache.invalidate(key).await;
                Ok(())
            }
            Cache::Redis { connection, prefix } => connection.clone().del(format!("{prefix}{key}")).await.map_err(unavailable),
        }
    }

    /// Counts one event under a key and gives the number in the present window, which starts with its first event.
    pub async fn count(&self, key: &str, window: Duration) -> Result<u64> {
        Ok(self.count_and_left(key, window).await?.0)
    }

    /// As [`Cache::count`], with the time until the window ends.
    pub async fn count_and_left(&self, key: &str, window: Duration) -> Result<(u64, Duration)> {
        match self {
            Cache::InProcess(cache) => {
                let entry = cache
                    .entry(key.to_owned())
                    .and_compute_with(|old| {
                        let now = std::time::Instant::now();
                        let next = match old.map(|e| e.into_value()) {
                            Some(e) if e.expires_at.is_some_and(|at| at > now) => {
                                let seen = e.value.parse::<u64>().unwrap_or(0) + 1;
                                Entry { value: seen.to_string().into(), ..e }
                            }
                            _ => Entry { value: "1".into(), lifetime: window, expires_at: Some(now + window) },
                        };
                        std::future::ready(moka::ops::compute::Op::Put(next))
                    })
                    .await;
                let entry = entry.into_entry().map(|e| e.into_value());
                let left = entry.as_ref().and_then(|e| e.expires_at).map(|at| at.saturating_duration_since(std::time::Instant::now()));
                Ok((entry.and_then(|e| e.value.parse().ok()).unwrap_or(1), left.unwrap_or(window)))
            }
            Cache::Redis { connection, prefix } => {
                // One script, so that a crash between the two commands cannot leave a counter that never expires.
                let script = redis::Script::new(
                    "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
                    return {n, redis.call('PTTL', KEYS[1])}",
                );
                let (seen, left_ms): (u64, i64) = script
                    .key(format!("{prefix}{key}"))
                    .arg(milliseconds(window))
                    .invoke_async(&mut connection.clone())
                    .await
                    .map_err(unavailable)?;
                Ok((seen, Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))))
            }
        }
    }

    /// Whether the cache answers.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Cache::InProcess(_) => Ok(()),
            Cache::Redis { connection, .. } => {
                redis::cmd("PING").query_async::<String>(&mut connection.clone()).await.map(drop).map_err(unavailable)
            }
        }
    }

    /// Kind of the cache, for `doctor`.
    pub fn kind(&self) -> &'static str {
        match self {
            Cache::InProcess(_) => "in-process",
            Cache::Redis { .. } => "redis",
        }
    }
}

/// A time in whole milliseconds, at least one.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Values made a moment ago, kept in this process up to a budget of memory.
pub struct Recent<T> {
    values: Moka<String, Arc<Made<T>>>,
    lifetime: Duration,
}

struct Made<T> {
    value: Arc<T>,
    weight: u32,
    at: std::time::Instant,
    is_being_renewed: AtomicBool,
}

impl<T: Send + Sync + 'static> Recent<T> {
    /// Keeps values for `lifetime`, and for as long again while one caller makes a value anew; `budget` is the sum of all weights.
    pub fn new(budget: u64, lifetime: Duration) -> Recent<T> {
        let values = Moka::builder().max_capacity(budget).weigher(|_, made: &Arc<Made<T>>| made.weight).time_to_live(lifetime * 2).build();
        Recent { values, lifetime }
    }

    /// The value under a key; `None` when there is none, and to the first caller after its lifetime, who is to make it anew.
    pub async fn find(&self, key: &str) -> Option<Arc<T>> {
        let made = self.values.get(key).await?;
        let is_old = made.at.elapsed() >= self.lifetime;
        if is_old && !made.is_being_renewed.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(made.value.clone())
    }

    /// Keeps a value.
    pub async fn put(&self, key: String, value: T, weight: usize) {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let made = Made { value: Arc::new(value), weight, at: std::time::Instant::now(), is_being_renewed: AtomicBool::new(false) };
        self.values.insert(key, Arc::new(made)).await;
    }
}

fn unavailable(source: redis::RedisError) -> Error {
    Error::new(Code::Unavailable, "缓存服务暂时不可用，请稍后再试。").caused_by(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counting_starts_anew_when_the_window_has_passed() {
        let cache = Cache::in_process();
        let window = Duration::from_millis(60);
        assert_eq!(cache.count("k", window).await.unwrap(), 1);
        assert_eq!(cache.count("k", window).await.unwrap(), 2);
        tokio::time::sleep(Duration::from_millis(90)).await;
        assert_eq!(cache.count("k", window).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn one_caller_renews_what_is_old_and_the_others_see_the_old() {
        let recent = Recent::new(100, Duration::from_millis(200));
        assert!(recent.find("k").await.is_none());
        recent.put("k".into(), 1, 1).await;
        assert_eq!(recent.find("k").await.as_deref(), Some(&1));
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert!(recent.find("k").await.is_none(), "the first caller makes it anew");
        assert_eq!(recent.find("k").await.as_deref(), Some(&1), "the second does not wait");
        recent.put("k".into(), 2, 1).await;
        assert_eq!(recent.find("k").await.as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn values_are_kept_and_forgotten() {
        let cache = Cache::in_process();
        cache.put("a", "甲", Duration::from_secs(60)).await.unwrap();
        assert_eq!(cache.get("a").await.unwrap().as_deref(), Some("甲"));
        cache.forget("a").await.unwrap();
        assert_eq!(cache.get("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_claim_is_won_once_and_ended_by_its_holder_alone() {
        let cache = Cache::in_process();
        let long = Duration::from_secs(60);
        assert!(cache.put_if_absent("claim", "a", long).await.unwrap());
        assert!(!cache.put_if_absent("claim", "b", long).await.unwrap());
        cache.forget_if("claim", "b").await.unwrap();
        assert_eq!(cache.get("claim").await.unwrap().as_deref(), Some("a"));
        cache.forget_if("claim", "a").await.unwrap();
        assert!(cache.put_if_absent("claim", "b", Duration::from_millis(40)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(cache.put_if_absent("claim", "c", long).await.unwrap(), "a claim of somebody who died ends by itself");
    }
}
