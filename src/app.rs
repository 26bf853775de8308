//! Builds configuration, database, cache, originals, search and clock once, and hands them on.

use std::net::IpAddr;
use std::sync::Arc;

use poem::Request;
use poem::http::header::USER_AGENT;

use crate::accounts::citizens::logins::{Origin, device_of};
use crate::accounts::citizens::{self, Reception};
use crate::accounts::sms::{self, SmsGateway};
use crate::accounts::staff::{StaffDoor, second_factor};
use crate::accounts::wechat::{self, Wechat};
use crate::config::{Config, Secret};
use crate::contact_points::activities::files;
use crate::contact_points::managing::Keeping;
use crate::contact_points::persons;
use crate::contact_points::selection::applying::{self, Applying};
use crate::corpus::import::Importer;
use crate::corpus::{jobs, store};
use crate::drafts::{attachments, versions};
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, IdSource, OpinionId};
use crate::notifications::subscriptions::{self, Templates};
use crate::notifications::{AsPost, Post};
use crate::opinions::enclosures;
use crate::opinions::moderation::checking::{AsChecker, Checker};
use crate::opinions::moderation::words::WordList;
use crate::opinions::moderation::{self, Submission};
use crate::opinions::offline::batches::{self, Uploads};
use crate::opinions::offline::recording::Recorder;
use crate::opinions::offline::{entry, provenance};
use crate::opinions::{Counter, Display, Taken};
use crate::sealed_column;
use crate::search::SearchService;
use crate::storage::blobs::Blobs;
use crate::storage::cache::Cache;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::crypto::{DataKey, FieldCipher};
use crate::storage::engines::Engines;
use crate::storage::leases::Begun;
use crate::storage::snapshot::ContentColumn;
use crate::storage::{DataDirLock, Db, moving, settings};
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
    /// Seals and opens fields of personal data.
    pub field_cipher: FieldCipher,
    /// WeChat, live or sandbox.
    pub wechat: Arc<dyn Wechat>,
    /// Which events go out through WeChat.
    pub templates: Templates,
    /// Words that keep an opinion from being shown unseen.
    pub words: Arc<WordList>,
    /// One-time codes to phones, live or sandbox.
    pub sms: Arc<dyn SmsGateway>,
    /// Metrics.
    pub metrics: Metrics,
    /// Which engines answer.
    pub engines: Engines,
    /// How many opinions this process took.
    pub opinions_taken: Taken,
    /// Imports and work at uploaded tables that requests began.
    pub begun: Begun,
    /// Claim on the data directory; `None` for commands that only read.
    _lock: Option<DataDirLock>,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AsChecker for App {
    fn checker(&self) -> Checker<'_> {
        Checker {
            db: &self.db,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.config.rules.moderation,
            words: &self.words,
            wechat: &*self.wechat,
        }
    }
}

impl AsPost for App {
    fn post(&self) -> Post<'_> {
        Post {
            db: &self.db,
            clock: &self.clock,
            ids: &self.ids,
            templates: &self.templates,
            cipher: &self.field_cipher,
            carrier: &self.wechat,
        }
    }
}

/// Whether a command changes the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does, and must be alone.
    Exclusive,
    /// It leaves the files of the directory alone and only asks the database, beside a running server.
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
        if moving::is_under_way(&db).await? {
            return Err(Error::startup("这个数据库正在搬入数据，还没有完成。请先把 zhitong migrate-store 运行到底，再使用它。"));
        }
        if access == Access::Exclusive {
            db.migrate().await?;
        }
        let cache = Cache::open(&config).await?;
        Self::assemble(config, db, cache, Clock::System, IdSource::Random, lock).await
    }

    /// Puts given parts together; tests bring their own database, clock and ids.
    pub async fn assemble(config: Config, db: Db, cache: Cache, clock: Clock, ids: IdSource, lock: Option<DataDirLock>) -> Result<App> {
        let blobs = Blobs::open(&config)?;
        let field_cipher = Self::field_cipher(&config, &db, &ids, lock.is_some()).await?;
        let data_key = field_cipher.data_key();
        let search = SearchService::open(&config.data_dir.join("search"))?;
        let wechat = wechat::open(&config.wechat, &cache)?;
        let templates = Templates::open(&config.wechat.templates)?;
        let words = Arc::new(WordList::open(config.rules.moderation.words_file.as_deref())?);
        let sms = sms::open(&config, &cache)?;
        let metrics = Metrics::new();
        Ok(App(Arc::new(Parts {
            config,
            db,
            cache,
            blobs,
            search,
            clock,
            ids,
            data_key,
            field_cipher,
            wechat,
            templates,
            words,
            sms,
            metrics,
            engines: Engines::default(),
            opinions_taken: Taken::default(),
            begun: Begun::default(),
            _lock: lock,
        })))
    }

    /// Address of the client of a request: the peer, or what a configured proxy says; a forwarded address from anybody else is ignored.
    pub fn client_address(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.remote_addr().as_socket_addr()?.ip();
        let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        Some(self.config.client_address(peer, forwarded))
    }

    /// Where a request to sign in comes from.
    pub fn origin(&self, request: &Request) -> Origin {
        let agent = request.headers().get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Origin { address: self.client_address(request), device: device_of(agent) }
    }

    /// What takes opinions and votes.
    pub fn counter(&self, request: &Request) -> Counter<'_> {
        Counter {
            db: &self.db,
            cache: &self.cache,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.config.rules,
            address: self.client_address(request),
            taken: &self.opinions_taken,
        }
    }

    /// What receives citizens.
    pub fn reception(&self) -> Reception<'_> {
        Reception {
            db: &self.db,
            cache: &self.cache,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.config.rules,
            key: &self.data_key,
            cipher: &self.field_cipher,
            sms: &*self.sms,
            wechat: &*self.wechat,
        }
    }

    /// The openid of an author who came through WeChat, for the channel and the text check of an opinion. A failure is logged and means none: an opinion
    /// is taken all the same, and a person looks at it.
    pub async fn openid_of(&self, author: AccountId) -> Option<String> {
        citizens::openid_of(&self.db, &self.field_cipher, author).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.code.slug(), cause = error.cause_chain(), "an opinion is checked without WeChat");
            None
        })
    }

    /// Checks an opinion that was just posted or changed, after its commit: see [`moderation::submit`]. Never fails.
    pub async fn check_opinion(&self, opinion: OpinionId, openid: Option<&str>, has_attachments: bool) -> Display {
        moderation::submit(self.checker(), Submission { opinion, openid, has_attachments }).await
    }

    /// What the sign-in of staff and their accounts work with.
    pub fn staff_door(&self) -> StaffDoor<'_> {
        StaffDoor {
            db: &self.db,
            cache: &self.cache,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.config.rules,
            key: &self.data_key,
            cipher: &self.field_cipher,
            site_name: &self.config.site_name,
        }
    }

    /// What the care for contact points works with.
    pub fn keeping(&self) -> Keeping<'_> {
        Keeping {
            db: &self.db,
            clock: &self.clock,
            ids: &self.ids,
            cipher: &self.field_cipher,
            key: &self.data_key,
            rules: &self.config.rules,
        }
    }

    /// What writing offline opinions works with.
    pub fn recorder(&self) -> Recorder<'_> {
        Recorder {
            db: &self.db,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.config.rules,
            key: &self.data_key,
            cipher: &self.field_cipher,
            words: &self.words,
            taken: &self.opinions_taken,
        }
    }

    /// What taking applications to become a contact point works with.
    pub fn applying(&self, request: &Request) -> Applying<'_> {
        Applying { keeping: self.keeping(), cache: &self.cache, blobs: &self.blobs, address: self.client_address(request) }
    }

    /// What imports into this application's corpus.
    pub fn importer(&self) -> Importer {
        Importer { db: self.db.clone(), blobs: self.blobs.clone(), clock: self.clock.clone(), ids: self.ids.clone() }
    }

    /// What uploads of offline opinions work with.
    pub fn uploads(&self) -> Uploads {
        Uploads {
            db: self.db.clone(),
            blobs: self.blobs.shelf(batches::SHELF),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            rules: Arc::new(self.config.rules.clone()),
            key: self.data_key.clone(),
            cipher: self.field_cipher.clone(),
            words: self.words.clone(),
            taken: self.opinions_taken.clone(),
        }
    }

    /// Every column with sealed personal data, for `zhitong keys`. A new sealed column is named here.
    pub const SEALED_COLUMNS: &'static [SealedColumn] = &[
        second_factor::SEALED,
        citizens::SEALED_OPENID,
        citizens::SEALED_PHONE,
        citizens::SEALED_GUARDIAN_NAME,
        citizens::SEALED_GUARDIAN_PHONE,
        persons::SEALED_NAME,
        persons::SEALED_PHONE,
        applying::SEALED_NAME,
        applying::SEALED_PHONE,
        sealed_column!("subscription_consent", "openid_sealed", subscriptions::PURPOSE),
        provenance::SEALED_PERSON,
        provenance::SEALED_CONTACT,
        batches::SEALED_ROWS,
    ];

    /// Every column that names contents of the store of originals, for `zhitong backup`. A new one is named here.
    pub const CONTENT_COLUMNS: &'static [ContentColumn] = &[
        store::ORIGINALS,
        jobs::FILES,
        versions::ORIGINALS,
        attachments::CONTENTS,
        enclosures::CONTENTS,
        files::CONTENTS,
        applying::CONTENTS,
        entry::SCANS,
        batches::ORIGINALS,
    ];

    /// The configured keys, once they are known to be those that the data was written with.
    pub async fn field_cipher(config: &Config, db: &Db, ids: &IdSource, may_write: bool) -> Result<FieldCipher> {
        let cipher = match &config.data_key_file {
            Some(file) => FieldCipher::of_file(file, ids)?,
            None => FieldCipher::of_key(&Self::single_key(config, db, ids, may_write).await?, ids)?,
        };
        let (name, ours) = ("data_key_id", cipher.data_key().id().to_owned());
        let theirs = match settings::find(db, name).await? {
            Some(id) => id,
            None if may_write => settings::put_if_absent(db, name, &ours).await?,
            None => ours.clone(),
        };
        if ours != theirs {
            return Err(Error::startup(format!(
                "密钥不对：这个数据库的个人信息用的是编号 {theirs} 的密钥，现在配置的是 {ours}。请换回原来的 data_key（或密钥文件中的 hash_key）。"
            )));
        }
        Ok(cipher)
    }

    /// The configured key; the demonstration makes one on its first start and keeps it beside its data.
    pub async fn single_key(config: &Config, db: &Db, ids: &IdSource, may_write: bool) -> Result<Secret> {
        if !config.data_key.0.is_empty() {
            return Ok(config.data_key.clone());
        }
        const NAME: &str = "demonstration_data_key";
        match settings::find(db, NAME).await? {
            Some(key) => Ok(Secret(key)),
            None if may_write => settings::put_if_absent(db, NAME, &ids.secret(32)).await.map(Secret),
            None => Err(Error::startup("还没有初始化，请先运行 `zhitong serve`。")),
        }
    }
}
