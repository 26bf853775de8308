//! What several instances share and may lose: rate limits, short-lived tokens, cached reads. Redis, or in process.
//!
//! Nothing here is the only copy of a fact, so that Redis may be gone: every call is then answered from this process, and Redis is asked again some
//! seconds later. Meanwhile a limit holds for each instance by itself, a claim can be won once on each, and what was half done at another instance (a
//! sign-in between its two steps) begins anew. Redis commands live in this file and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::Expiry;
use moka::future::Cache as Moka;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::config::Config;
use crate::error::{Code, Error, Result};

/// The shared cache.
#[derive(Clone)]
pub enum Cache {
    /// Inside this process; enough for one instance.
    InProcess(Local),
    /// A Redis server, and what stands in for it.
    Redis(Shared),
}

/// A value kept in process, with its lifetime.
#[derive(Clone)]
struct Entry {
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

/// Number of values the in-process cache keeps; those that were not used for longest go first. A value costs up to half a KiB with its key and its places in
/// the orders of use and of expiry, so that a full cache has about 250 MiB; it takes as many different addresses, numbers or tokens within the windows of
/// their limits to fill it.
const IN_PROCESS_ENTRIES: u64 = 500_000;
/// How long Redis is left alone after it failed, in milliseconds.
const LEFT_ALONE_MS: u64 = 2_000;

/// Values of this process.
#[derive(Clone)]
pub struct Local(Moka<String, Entry>);

impl Local {
    fn new(entries: u64) -> Local {
        // The usual policy keeps what was used often and takes nothing new in its place when it is full: whoever comes then would never be counted.
        Local(Moka::builder().max_capacity(entries).eviction_policy(EvictionPolicy::lru()).expire_after(PerEntry).build())
    }

    async fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).await.map(|entry| entry.value.to_string())
    }

    async fn put(&self, key: &str, value: &str, lifetime: Duration) {
        self.0.insert(key.to_owned(), Entry { value: value.into(), lifetime, expires_at: None }).await;
    }

    async fn put_if_absent(&self, key: &str, value: &str, lifetime: Duration) -> bool {
        let entry = Entry { value: value.into(), lifetime, expires_at: None };
        // One at a time with `forget_if`. `or_insert` is a look and then a write: two callers could both be told that they were first.
        let outcome = self
            .0
            .entry(key.to_owned())
            .and_compute_with(|held| std::future::ready(if held.is_some() { Op::Nop } else { Op::Put(entry) }))
            .await;
        matches!(outcome, CompResult::Inserted(_) | CompResult::ReplacedWith(_))
    }

    async fn forget_if(&self, key: &str, value: &str) {
        self.0
            .entry(key.to_owned())
            .and_compute_with(|held| {
                let is_same = held.is_some_and(|held| *held.into_value().value == *value);
                std::future::ready(if is_same { Op::Remove } else { Op::Nop })
            })
            .await;
    }

    async fn forget(&self, key: &str) {
        self.0.invalidate(key).await;
    }

    async fn count_and_left(&self, key: &str, window: Duration) -> (u64, Duration) {
        let entry = self
            .0
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
                std::future::ready(Op::Put(next))
            })
            .await;
        let entry = entry.into_entry().map(|e| e.into_value());
        let left = entry.as_ref().and_then(|e| e.expires_at).map(|at| at.saturating_duration_since(std::time::Instant::now()));
        (entry.and_then(|e| e.value.parse().ok()).unwrap_or(1), left.unwrap_or(window))
    }
}

/// Values on a Redis server, with a prefix before every key so that several deployments can share it; while it is gone, those of this process.
#[derive(Clone)]
pub struct Shared {
    /// Reconnects by itself.
    connection: ConnectionManager,
    prefix: Arc<str>,
    local: Local,
    outage: Arc<Outage>,
}

/// When Redis failed last, on the clock of this process.
struct Outage {
    began: std::time::Instant,
    /// Milliseconds after `began` until which Redis is left alone; 0 = it answers.
    until_ms: AtomicU64,
    fallbacks: AtomicU64,
}

impl Outage {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Leaves Redis alone from now on; of several callers that saw the same `until`, one does, and may ask meanwhile.
    fn leave_alone(&self, until: u64, now: u64) -> bool {
        self.until_ms.compare_exchange(until, now + LEFT_ALONE_MS, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Shared {
    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// What Redis answers; `None` while it is gone: the caller then turns to this process. When it was left alone for long enough, one caller asks whether
    /// it is back, and the others go on by themselves until that one knows: all of them would wait for a server that does not answer.
    async fn ask<T>(&self, answer: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
        let until = self.outage.until_ms.load(Ordering::Relaxed);
        let now = self.outage.now_ms();
        let is_left_alone = until > now || until > 0 && !self.outage.leave_alone(until, now);
        if is_left_alone {
            self.outage.fallbacks.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        match answer.await {
            Ok(value) => {
                if until > 0 && self.outage.until_ms.swap(0, Ordering::Relaxed) > 0 {
                    self.local.0.invalidate_all();
                    tracing::info!("the cache service answers again");
                }
                Some(value)
            }
            Err(error) => {
                if self.outage.until_ms.swap(self.outage.now_ms() + LEFT_ALONE_MS, Ordering::Relaxed) == 0 {
                    tracing::error!(cause = %error, "the cache service is gone; this instance goes on by itself");
                }
                self.outage.fallbacks.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

impl Cache {
    /// Opens the configured cache.
    pub async fn open(config: &Config) -> Result<Cache> {
        if config.redis_url.0.is_empty() {
            return Ok(Self::in_process());
        }
        Self::redis(&config.redis_url.0, "zhitong:")
    }

    /// A cache of this process alone.
    pub fn in_process() -> Cache {
        Cache::InProcess(Local::new(IN_PROCESS_ENTRIES))
    }

    /// A cache on a Redis server, which need not answer yet.
    pub fn redis(url: &str, prefix: &str) -> Result<Cache> {
        let unusable = |e| Error::startup("Redis 地址无法识别，应形如 redis://主机:端口/ 或 rediss://主机:端口/。").caused_by(e);
        super::crypto::install_tls();
        let client = redis::Client::open(url).map_err(unusable)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_millis(500)));
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(unusable)?;
        let outage = Outage { began: std::time::Instant::now(), until_ms: AtomicU64::new(0), fallbacks: AtomicU64::new(0) };
        Ok(Cache::Redis(Shared { connection, prefix: prefix.into(), local: Local::new(IN_PROCESS_ENTRIES), outage: Arc::new(outage) }))
    }

    /// Reads a value.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(match self {
            Cache::InProcess(local) => local.get(key).await,
            Cache::Redis(shared) => match shared.ask(shared.connection.clone().get(shared.key(key))).await {
                Some(value) => value,
                None => shared.local.get(key).await,
            },
        })
    }

    /// Keeps a value for a lifetime.
    pub async fn put(&self, key: &str, value: &str, lifetime: Duration) -> Result<()> {
        match self {
            Cache::InProcess(local) => local.put(key, value, lifetime).await,
            Cache::Redis(shared) => {
                let kept = shared.ask(shared.connection.clone().set_ex(shared.key(key), value, lifetime.as_secs().max(1))).await;
                match kept {
                    Some(()) => {}
                    None => shared.local.put(key, value, lifetime).await,
                }
            }
        }
        Ok(())
    }

    /// Keeps a value for a lifetime unless one is there, and says whether it was kept: of several callers at once, one succeeds.
    /// Lifetimes are whole milliseconds.
    pub async fn put_if_absent(&self, key: &str, value: &str, lifetime: Duration) -> Result<bool> {
        Ok(match self {
            Cache::InProcess(local) => local.put_if_absent(key, value, lifetime).await,
            Cache::Redis(shared) => {
                let mut command = redis::cmd("SET");
                command.arg(shared.key(key)).arg(value).arg("NX").arg("PX").arg(milliseconds(lifetime));
                match shared.ask(command.query_async::<Option<String>>(&mut shared.connection.clone())).await {
                    Some(kept) => kept.is_some(),
                    None => shared.local.put_if_absent(key, value, lifetime).await,
                }
            }
        })
    }

    /// Forgets a value if it is still the given one: whoever made a claim ends their own and nobody else's.
    pub async fn forget_if(&self, key: &str, value: &str) -> Result<()> {
        match self {
            Cache::InProcess(local) => local.forget_if(key, value).await,
            Cache::Redis(shared) => {
                let script =
                    redis::Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0");
                let mut invocation = script.key(shared.key(key));
                invocation.arg(value);
                let gone: Option<i64> = shared.ask(invocation.invoke_async(&mut shared.connection.clone())).await;
                if gone.is_none() {
                    shared.local.forget_if(key, value).await;
                }
            }
        }
        Ok(())
    }

    /// Forgets a value.
    pub async fn forget(&self, key: &str) -> Result<()> {
        match self {
            Cache::InProcess(local) => local.forget(key).await,
            Cache::Redis(shared) => {
                let gone: Option<i64> = shared.ask(shared.connection.clone().del(shared.key(key))).await;
                if gone.is_none() {
                    shared.local.forget(key).await;
                }
            }
        }
        Ok(())
    }

    /// Counts one event under a key and gives the number in the present window, which starts with its first event.
    pub async fn count(&self, key: &str, window: Duration) -> Result<u64> {
        Ok(self.count_and_left(key, window).await?.0)
    }

    /// As [`Cache::count`], with the time until the window ends.
    pub async fn count_and_left(&self, key: &str, window: Duration) -> Result<(u64, Duration)> {
        Ok(match self {
            Cache::InProcess(local) => local.count_and_left(key, window).await,
            Cache::Redis(shared) => {
                // One script, so that a crash between the two commands cannot leave a counter that never expires.
                let script = redis::Script::new(
                    "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
                    return {n, redis.call('PTTL', KEYS[1])}",
                );
                let mut invocation = script.key(shared.key(key));
                invocation.arg(milliseconds(window));
                let counted: Option<(u64, i64)> = shared.ask(invocation.invoke_async(&mut shared.connection.clone())).await;
                match counted {
                    Some((seen, left_ms)) => (seen, Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))),
                    None => shared.local.count_and_left(key, window).await,
                }
            }
        })
    }

    /// Whether the cache answers. Asked of the engine itself, also while this process stands in for it.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Cache::InProcess(_) => Ok(()),
            Cache::Redis(shared) => {
                redis::cmd("PING").query_async::<String>(&mut shared.connection.clone()).await.map(drop).map_err(unavailable)
            }
        }
    }

    /// How often this process stood in for the engine.
    pub fn fallbacks(&self) -> u64 {
        match self {
            Cache::InProcess(_) => 0,
            Cache::Redis(shared) => shared.outage.fallbacks.load(Ordering::Relaxed),
        }
    }

    /// How the Redis server is set up, for `doctor`; `None` for the cache of this process.
    pub async fn server(&self) -> Result<Option<CacheServer>> {
        let Cache::Redis(shared) = self else { return Ok(None) };
        let told = redis::cmd("INFO").query_async::<String>(&mut shared.connection.clone()).await.map_err(unavailable)?;
        Ok(Some(CacheServer::of(&told)))
    }

    /// Kind of the cache, for `doctor`.
    pub fn kind(&self) -> &'static str {
        match self {
            Cache::InProcess(_) => "in-process",
            Cache::Redis(_) => "redis",
        }
    }
}

/// How a Redis server is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheServer {
    /// First two numbers of its version.
    pub version: (u32, u32),
    /// Most memory for values, in bytes; 0 = without limit.
    pub memory_bytes: u64,
    /// What it forgets when that is used up: the name of its policy.
    pub eviction: String,
}

impl CacheServer {
    /// Reads what the server tells of itself: lines of a name, a colon and a value.
    fn of(told: &str) -> CacheServer {
        let mut numbers = value_in(told, "redis_version").split('.').map(|number| number.parse().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        CacheServer {
            version,
            memory_bytes: value_in(told, "maxmemory").parse().unwrap_or(0),
            eviction: value_in(told, "maxmemory_policy").to_owned(),
        }
    }

    /// Whether it may forget a counter that is still needed while it keeps one that is hardly needed any more.
    pub fn forgets_at_random(&self) -> bool {
        self.memory_bytes > 0 && !matches!(self.eviction.as_str(), "noeviction" | "volatile-ttl" | "")
    }
}

/// The value of a name in such lines; empty when it is not there.
fn value_in<'a>(told: &'a str, name: &str) -> &'a str {
    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value.trim())
}

/// A time in whole milliseconds, at least one.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_callers_one_is_the_first() {
        let cache = Cache::in_process();
        for round in 0..300 {
            let callers = (0..8).map(|caller| {
                let (cache, key) = (cache.clone(), format!("claim {round}"));
                tokio::spawn(async move { cache.put_if_absent(&key, &caller.to_string(), Duration::from_secs(60)).await.unwrap() })
            });
            let told = futures_util::future::join_all(callers).await;
            assert_eq!(told.into_iter().filter(|told| *told.as_ref().unwrap()).count(), 1, "round {round}");
        }
    }

    #[test]
    fn a_server_tells_its_version_and_what_it_forgets() {
        let told = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory:268435456\r\nmaxmemory_policy:allkeys-lru\r\n";
        let server = CacheServer::of(told);
        assert_eq!((server.version, server.memory_bytes, server.eviction.as_str()), ((7, 0), 256 << 20, "allkeys-lru"));
        assert!(server.forgets_at_random() && (6, 2) < server.version);
        assert!(!CacheServer::of(&told.replace("allkeys-lru", "volatile-ttl")).forgets_at_random());
        assert!(
            !CacheServer::of(&told.replace("maxmemory:268435456", "maxmemory:0")).forgets_at_random(),
            "without a limit nothing is forgotten"
        );
        assert_eq!(CacheServer::of("").version, (0, 0));
    }

    #[tokio::test]
    async fn a_full_cache_counts_those_who_come_new() {
        let local = Local::new(10);
        let window = Duration::from_secs(60);
        for _ in 0..20 {
            for old in 0..10 {
                local.count_and_left(&format!("old {old}"), window).await;
            }
            local.0.run_pending_tasks().await;
        }
        for expected in 1..=3 {
            assert_eq!(local.count_and_left("new", window).await.0, expected);
            local.0.run_pending_tasks().await;
        }
        assert_eq!(local.0.entry_count(), 10);
    }

    #[tokio::test]
    async fn after_an_outage_one_caller_asks_and_the_others_go_on_by_themselves() {
        let Cache::Redis(shared) = Cache::redis("redis://127.0.0.1:1/", "test:").unwrap() else { unreachable!("a cache on a server") };
        let asked = AtomicU64::new(0);
        let ask = |is_back: bool| {
            let (shared, asked) = (&shared, &asked);
            let answer = async move {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(30)).await;
                if is_back { Ok(7) } else { Err(redis::RedisError::from(std::io::Error::other("gone"))) }
            };
            shared.ask(answer)
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        for (is_back, calls) in [(false, 1), (true, 2)] {
            // The pause is over.
            shared.outage.until_ms.store(1, Ordering::Relaxed);
            let answers = futures_util::future::join_all((0..8).map(|_| ask(is_back))).await;
            assert_eq!(answers.iter().flatten().count(), usize::from(is_back));
            assert_eq!(asked.load(Ordering::Relaxed), calls);
        }
        assert_eq!(shared.outage.until_ms.load(Ordering::Relaxed), 0, "it is back");
        assert_eq!(ask(true).await, Some(7));
    }

    #[tokio::test]
    async fn without_its_server_a_cache_goes_on_by_itself() {
        // A port on which nobody listens: bound and closed again.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cache = Cache::redis(&format!("redis://127.0.0.1:{port}/"), "test:").unwrap();
        assert!(cache.ping().await.is_err(), "what is gone is said to be gone");
        let long = Duration::from_secs(60);
        assert_eq!(cache.count("k", long).await.unwrap(), 1);
        assert_eq!(cache.count("k", long).await.unwrap(), 2);
        cache.put("a", "甲", long).await.unwrap();
        assert_eq!(cache.get("a").await.unwrap().as_deref(), Some("甲"));
        assert!(cache.put_if_absent("claim", "a", long).await.unwrap() && !cache.put_if_absent("claim", "b", long).await.unwrap());
        cache.forget_if("claim", "a").await.unwrap();
        assert!(cache.put_if_absent("claim", "b", long).await.unwrap());
        cache.forget("a").await.unwrap();
        assert_eq!(cache.get("a").await.unwrap(), None);
        assert_eq!(cache.fallbacks(), 10);
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
