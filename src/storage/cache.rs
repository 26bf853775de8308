//! What several instances share and may lose: rate limits, short-lived tokens, cached reads. Redis, or in process.
//!
//! Nothing here is the only copy of a fact. Redis commands live in this file and nowhere else.

use std::sync::Arc;
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
                Ok(entry.into_entry().and_then(|e| e.into_value().value.parse().ok()).unwrap_or(1))
            }
            Cache::Redis { connection, prefix } => {
                // One script, so that a crash between the two commands cannot leave a counter that never expires.
                let script = redis::Script::new(
                    "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n",
                );
                script
                    .key(format!("{prefix}{key}"))
                    .arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX))
                    .invoke_async(&mut connection.clone())
                    .await
                    .map_err(unavailable)
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
    async fn values_are_kept_and_forgotten() {
        let cache = Cache::in_process();
        cache.put("a", "甲", Duration::from_secs(60)).await.unwrap();
        assert_eq!(cache.get("a").await.unwrap().as_deref(), Some("甲"));
        cache.forget("a").await.unwrap();
        assert_eq!(cache.get("a").await.unwrap(), None);
    }
}
