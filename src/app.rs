//! Builds configuration, database, cache, originals, search and clock once, and hands them on.

use std::sync::Arc;

use crate::accounts::wechat::{self, Wechat};
use crate::config::{Config, Secret};
use crate::corpus::import::Importer;
use crate::error::{Error, Result};
use crate::ids::{Clock, IdSource};
use crate::search::SearchService;
use crate::storage::blobs::Blobs;
use crate::storage::cache::Cache;
use crate::storage::crypto::DataKey;
use crate::storage::{DataDirLock, Db, settings};
use crate::telemetry::Metrics;

/// Everything a request needs. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// Relational database.
    pub db: Db,
    /// Shared cache.
    pub cache: Cache,
    /// Originals.
    pub blobs: Blobs,
    /// The search index and the catalogue of titles.
    pub search: SearchService,
    /// The present.
    pub clock: Clock,
    /// Ids and secrets.
    pub ids: IdSource,
    /// Key of keyed hashes.
    pub data_key: DataKey,
    /// WeChat, live or sandbox.
    pub wechat: Arc<dyn Wechat>,
    /// Metrics.
    pub metrics: Metrics,
    /// Claim on the data directory; `None` for commands that only read.
    _lock: Option<DataDirLock>,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Whether a command changes the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does, and must be alone.
    Exclusive,
    /// It only reads, beside a running server.
    ReadOnly,
}

impl App {
    /// Opens everything for a command: claims the data directory, migrates, reads the index.
    pub async fn open(config: Config, access: Access) -> Result<App> {
        let lock = match access {
            Access::Exclusive => Some(DataDirLock::acquire(&config.data_dir)?),
            Access::ReadOnly => {
                if !config.is_postgres() && !config.data_dir.join("zhitong.db").exists() {
                    return Err(Error::startup(format!(
                        "数据目录 {} 中还没有数据。请先运行 `zhitong serve` 或 `zhitong import`。",
                        config.data_dir.display()
                    )));
                }
                None
            }
        };
        let db = Db::open(&config).await?;
        if access == Access::Exclusive {
            db.migrate().await?;
        }
        let cache = Cache::open(&config).await?;
        Self::assemble(config, db, cache, Clock::System, IdSource::Random, lock).await
    }

    /// Puts given parts together; tests bring their own database, clock and ids.
    pub async fn assemble(config: Config, db: Db, cache: Cache, clock: Clock, ids: IdSource, lock: Option<DataDirLock>) -> Result<App> {
        let blobs = Blobs::open(&config)?;
        let data_key = Self::data_key(&config, &db, &ids, lock.is_some()).await?;
        let search = SearchService::open(&config.data_dir.join("search"))?;
        let wechat = wechat::open(&config.wechat, &cache)?;
        Ok(App(Arc::new(Parts { config, db, cache, blobs, search, clock, ids, data_key, wechat, metrics: Metrics::new(), _lock: lock })))
    }

    /// What imports into this application's corpus.
    pub fn importer(&self) -> Importer {
        Importer { db: self.db.clone(), blobs: self.blobs.clone(), clock: self.clock.clone(), ids: self.ids.clone() }
    }

    /// The configured key; the demonstration makes one on its first start and keeps it beside its data.
    async fn data_key(config: &Config, db: &Db, ids: &IdSource, may_write: bool) -> Result<DataKey> {
        if !config.data_key.0.is_empty() {
            return DataKey::from_hex(&config.data_key);
        }
        const NAME: &str = "demonstration_data_key";
        let key = match settings::find(db, NAME).await? {
            Some(key) => key,
            None if may_write => settings::put_if_absent(db, NAME, &ids.secret(32)).await?,
            None => return Err(Error::startup("还没有初始化，请先运行 `zhitong serve`。")),
        };
        DataKey::from_hex(&Secret(key))
    }
}
