//! Engines behind one door: the relational database, the cache, the originals, the cipher.
//!
//! [`Db`] is the only switch between SQLite and PostgreSQL. A statement is one text, compiled for both by [`on_db!`] and [`on_tx!`];
//! see `sql.rs` for paging and `migrations/README.md` for the schema.

pub mod blobs;
pub mod cache;
pub mod crypto;
pub mod engines;
pub mod leases;
pub mod machine;
pub mod moving;
pub mod recent;
pub mod settings;
pub mod snapshot;
pub mod sql;

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::ids::Clock;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The migrations of a set, for a database that may know newer ones: while instances are exchanged one by one, and when an upgrade is taken back, this
/// software meets a schema that its successor has already expanded.
fn tolerant(known: &Migrator) -> Migrator {
    Migrator { migrations: known.migrations.clone(), ignore_missing: true, ..Migrator::DEFAULT }
}

/// The name under which every connection to a PostgreSQL server says whose it is.
const APPLICATION: &str = "zhitong";

/// The setting that a migration raises when it takes something away: the newest migration of the oldest software that goes on without it.
const SCHEMA_FLOOR: &str = "schema_floor";

/// The relational database.
#[derive(Clone)]
pub enum Db {
    /// The embedded engine.
    Sqlite(SqliteDb),
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// SQLite has one writer at a time; a pool of one keeps writers in a fair queue while readers go on.
#[derive(Clone)]
pub struct SqliteDb {
    /// Connections for reading.
    pub read: SqlitePool,
    /// The single connection for writing.
    pub write: SqlitePool,
}

/// A write transaction on either engine; dropped without [`Tx::commit`] it is rolled back.
pub enum Tx {
    /// On SQLite, begun IMMEDIATE: a deferred one that reads first and writes later would fail when busy.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL, read committed.
    Postgres(Transaction<'static, Postgres>),
}

/// Runs one expression against the pool of whichever engine is in use, for reading.
#[macro_export]
macro_rules! on_db {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            $crate::storage::Db::Sqlite(sqlite) => {
                let $pool = &sqlite.read;
                $body
            }
            $crate::storage::Db::Postgres($pool) => $body,
        }
    };
}

/// Runs one expression against the connection of a write transaction.
#[macro_export]
macro_rules! on_tx {
    ($tx:expr, $connection:ident => $body:expr) => {
        match $tx {
            $crate::storage::Tx::Sqlite(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
            $crate::storage::Tx::Postgres(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
        }
    };
}

impl Db {
    /// Opens the configured engine; on SQLite creates the file.
    pub async fn open(config: &Config) -> Result<Db> {
        if config.is_postgres() {
            return Self::open_postgres(&config.database_url.0, config.database_connections).await;
        }
        Self::open_sqlite(&config.data_dir.join("zhitong.db"), config.database_connections).await
    }

    /// Opens a PostgreSQL database by URL.
    pub async fn open_postgres(url: &str, connections: u32) -> Result<Db> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| Error::startup("数据库地址无法识别，应形如 postgres://用户@主机/库名。"))?
            .application_name(APPLICATION)
            // The server ends what an instance began that cannot be reached any more, and frees its locks.
            // Every statement is planned with its values: most filters are optional, and one plan for all values reads whole tables for the absent ones.
            .options([
                ("statement_timeout", "600000"),
                ("lock_timeout", "20000"),
                ("idle_in_transaction_session_timeout", "60000"),
                ("plan_cache_mode", "force_custom_plan"),
                // Compiling a plan takes longer than most statements run, half a second for the counts of a large round, and every connection does it anew.
                ("jit", "off"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(3))
            .connect_with(options)
            .await
            .map_err(|e| Error::startup("连不上 PostgreSQL，请检查 database_url、网络和账号权限。").caused_by(e))?;
        Ok(Db::Postgres(pool))
    }

    /// Opens (and creates) a SQLite database file.
    pub async fn open_sqlite(file: &Path, connections: u32) -> Result<Db> {
        // FULL, not NORMAL: what was acknowledged must survive a power cut.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-32768")
            .statement_cache_capacity(256);
        // A file loses no connection: neither pool asks an idle one whether it is still there, which would be one more way to its thread and back each time.
        let opening = |e: sqlx::Error| Error::startup(format!("无法打开数据库文件 {}，请检查磁盘和权限。", file.display())).caused_by(e);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false)
            // A full disk makes the engine end a transaction by itself, which the driver takes for one that goes on: such a connection is not used again.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(opening)?;
        // A reader loses its pages with every commit, and sorts the slower the larger its cache is: each has an eighth of the writer's.
        let read = SqlitePoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_with(options.pragma("cache_size", "-4096").pragma("query_only", "true"))
            .await
            .map_err(opening)?;
        Ok(Db::Sqlite(SqliteDb { read, write }))
    }

    /// Brings the schema up to date; safe to repeat, and on PostgreSQL safe from several instances at once.
    ///
    /// # Errors
    /// [`Code::Startup`] when a migration fails, or when this software is older than what the schema still serves.
    pub async fn migrate(&self) -> Result<()> {
        self.check_floor().await?;
        let failed = |e| Error::startup("数据库结构升级没有成功，数据未被改动；请查看日志。").caused_by(e);
        match self {
            Db::Sqlite(sqlite) => {
                tolerant(&SQLITE).run(&sqlite.write).await.map_err(failed)?;
                sqlx::query(GIVE_KEYS).execute(&sqlite.write).await.map_err(|e| failed(e.into()))?;
            }
            Db::Postgres(pool) => tolerant(&POSTGRES).run(pool).await.map_err(failed)?,
        }
        Ok(())
    }

    /// Numbers of the migrations of this software that the database has not seen; with all of them when it has seen none.
    pub async fn pending_migrations(&self) -> Result<Vec<i64>> {
        let applied = self.applied_migrations().await?;
        Ok(self.known().iter().map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
    }

    /// Numbers of the migrations that the database has seen and this software does not know: a newer one has been here.
    pub async fn newer_migrations(&self) -> Result<Vec<i64>> {
        let known: Vec<i64> = self.known().iter().map(|migration| migration.version).collect();
        Ok(self.applied_migrations().await?.into_iter().filter(|version| !known.contains(version)).collect())
    }

    /// The migrations of this software for the engine.
    fn known(&self) -> &'static Migrator {
        match self {
            Db::Sqlite(_) => &SQLITE,
            Db::Postgres(_) => &POSTGRES,
        }
    }

    /// Refuses a database from which something was taken away that this software needs.
    async fn check_floor(&self) -> Result<()> {
        let found: std::result::Result<Option<String>, sqlx::Error> = on_db!(self, pool =>
            sqlx::query_scalar("SELECT value FROM setting WHERE name = $1").bind(SCHEMA_FLOOR).fetch_optional(pool).await);
        let floor = match found {
            Ok(floor) => floor.and_then(|number| number.parse::<i64>().ok()),
            // The table comes with the first migration.
            Err(sqlx::Error::Database(_)) => None,
            Err(e) => return Err(sql::failed(e)),
        };
        let newest = self.known().iter().map(|migration| migration.version).max();
        if floor > newest {
            return Err(Error::startup("数据库已由更新的版本整理过，这个版本需要的内容已经移除，不能再使用它。请换用较新的版本。"));
        }
        Ok(())
    }

    async fn applied_migrations(&self) -> Result<Vec<i64>> {
        let applied: std::result::Result<Vec<i64>, sqlx::Error> =
            on_db!(self, pool => sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(pool).await);
        match applied {
            Ok(applied) => Ok(applied),
            // The table comes with the first migration.
            Err(sqlx::Error::Database(_)) => Ok(Vec::new()),
            Err(e) => Err(sql::failed(e)),
        }
    }

    /// How many connections are open, and how many of them are idle.
    pub fn connections(&self) -> (u64, u64) {
        let (open, idle) = match self {
            Db::Sqlite(sqlite) => (sqlite.read.size() + sqlite.write.size(), sqlite.read.num_idle() + sqlite.write.num_idle()),
            Db::Postgres(pool) => (pool.size(), pool.num_idle()),
        };
        (u64::from(open), idle as u64)
    }

    /// How far the server's clock goes before ours, in milliseconds; `None` for the embedded engine, which has none of its own.
    pub async fn clock_ahead_ms(&self, clock: &Clock) -> Result<Option<i64>> {
        let Db::Postgres(pool) = self else { return Ok(None) };
        let before = clock.now();
        let theirs: chrono::DateTime<chrono::Utc> =
            sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(pool).await.map_err(sql::failed)?;
        // The middle of question and answer.
        let ours = before + (clock.now() - before) / 2;
        Ok(Some((theirs - ours).num_milliseconds()))
    }

    /// A setting of the server by its name; `None` for the embedded engine, whose settings are ours.
    pub async fn server_setting(&self, name: &str) -> Result<Option<String>> {
        let Db::Postgres(pool) = self else { return Ok(None) };
        let value: String = sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(pool).await.map_err(sql::failed)?;
        Ok(Some(value))
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(sqlite) => Tx::Sqlite(sqlite.write.begin_with("BEGIN IMMEDIATE").await.map_err(sql::failed)?),
            Db::Postgres(pool) => Tx::Postgres(pool.begin().await.map_err(sql::failed)?),
        })
    }

    /// Waits for the turn of this instance at what only one of those over a database may do at a time; `number` names it. On SQLite nobody waits: whoever
    /// has the data directory is alone.
    pub async fn take_turn(&self, number: i64) -> Result<Turn> {
        let Db::Postgres(pool) = self else { return Ok(Turn { _connection: None }) };
        loop {
            let mut connection = pool.acquire().await.map_err(sql::failed)?;
            let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
                .bind(number)
                .fetch_one(&mut *connection)
                .await
                .map_err(sql::failed)?;
            if is_ours {
                // The server ends the turn with the connection, also when this process dies.
                connection.close_on_drop();
                return Ok(Turn { _connection: Some(connection) });
            }
            drop(connection);
            tokio::time::sleep(TURN_PAUSE).await;
        }
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<()> {
        let answer: i64 =
            on_db!(self, pool => sqlx::query_scalar("SELECT CAST(1 AS BIGINT)").fetch_one(pool).await).map_err(sql::failed)?;
        if answer == 1 { Ok(()) } else { Err(Error::new(Code::Unavailable, "数据库没有正常应答。")) }
    }

    /// Name of the engine, for `doctor` and logs.
    pub fn engine(&self) -> &'static str {
        match self {
            Db::Sqlite(_) => "sqlite",
            Db::Postgres(_) => "postgresql",
        }
    }

    /// Closes every connection; on SQLite also folds the write-ahead log into the file.
    pub async fn close(&self) {
        match self {
            Db::Sqlite(sqlite) => {
                sqlite.read.close().await;
                sqlite.write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes the writes durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(transaction) => transaction.commit().await,
            Tx::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(sql::failed)
    }
}

/// The turn of one instance; over when dropped, and when the process dies. See [`Db::take_turn`].
#[derive(Debug)]
pub struct Turn {
    _connection: Option<PoolConnection<Postgres>>,
}

/// Keys for what software before 0024 inserted after an upgrade was taken back; on PostgreSQL a trigger gives them at once. Looked for in an index.
const GIVE_KEYS: &str = "UPDATE opinion SET text_hash = text_hash WHERE id IN (SELECT id FROM opinion WHERE text_key IS NULL)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[GIVE_KEYS];

/// Time between two looks whether a turn is free.
const TURN_PAUSE: Duration = Duration::from_millis(200);

/// The exclusive claim of one process on a data directory; released when dropped, and by the system when the process dies.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Creates the directory when absent, for this user alone, and claims it.
    pub fn acquire(data_dir: &Path) -> Result<DataDirLock> {
        let failed = |e: std::io::Error| Error::startup(format!("无法使用数据目录 {}：{e}。请检查路径和权限。", data_dir.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(data_dir.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::startup(format!(
                "数据目录 {} 正被另一个进程使用。请先停止它，或用 --data-dir 指定别的目录。",
                data_dir.display()
            ))),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn software_goes_on_with_a_newer_schema_until_it_is_below_the_floor() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("zhitong.db"), 1).await.unwrap();
        db.migrate().await.unwrap();
        let newest = db.known().iter().map(|migration| migration.version).max().unwrap();
        let Db::Sqlite(sqlite) = &db else { unreachable!("it was opened as SQLite") };
        let later =
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, 'later', TRUE, X'00', 0)";
        sqlx::query(later).bind(newest + 5).execute(&sqlite.write).await.unwrap();
        settings::put(&db, SCHEMA_FLOOR, &newest.to_string()).await.unwrap();
        db.migrate().await.expect("what came later only added");
        settings::put(&db, SCHEMA_FLOOR, &(newest + 1).to_string()).await.unwrap();
        assert_eq!(db.migrate().await.unwrap_err().code, Code::Startup);
        db.close().await;
    }
}
