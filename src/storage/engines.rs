//! Which engines answer: watched beside the work, so that a request learns at once that the database is gone instead of waiting for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Db;
use super::blobs::Blobs;
use super::cache::Cache;
use super::sql::failed;
use crate::error::{Code, Error, Result};

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// The same, when the database did not answer the last one: every request waits until it is known whether it is gone.
const DOUBT: Duration = Duration::from_millis(250);
/// Looks between two looks at the originals: one such look is a request to another service.
const ORIGINALS_EVERY: u32 = 5;
/// How long an engine may take to answer a look.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Looks without an answer after which an engine is gone: one may be a hiccup.
const GONE_AFTER: u8 = 2;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The relational database.
    Database,
    /// The cache.
    Cache,
    /// The store of originals.
    Originals,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 3] = [Engine::Database, Engine::Cache, Engine::Originals];

    /// Name in metrics and in `/health/ready`.
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::Database => "database",
            Engine::Cache => "cache",
            Engine::Originals => "originals",
        }
    }
}

/// What is known of the engines. Cheap to clone; all clones know the same.
#[derive(Clone, Default)]
pub struct Engines(Arc<[AtomicU8; 3]>);

impl Engines {
    /// Whether an engine did not answer the last looks. Nobody looks before [`watch_until_stopped`] runs.
    pub fn is_gone(&self, engine: Engine) -> bool {
        self.silent(engine).load(Ordering::Relaxed) >= GONE_AFTER
    }

    fn silent(&self, engine: Engine) -> &AtomicU8 {
        let [database, cache, originals] = &*self.0;
        match engine {
            Engine::Database => database,
            Engine::Cache => cache,
            Engine::Originals => originals,
        }
    }

    /// Notes a look; the moment at which an engine goes or comes back is logged.
    fn note(&self, engine: Engine, looked: &Result<()>) {
        let silent = self.silent(engine);
        match looked {
            Ok(()) => {
                if silent.swap(0, Ordering::Relaxed) >= GONE_AFTER {
                    tracing::info!(engine = engine.as_str(), "an engine answers again");
                }
            }
            Err(error) => {
                let before = silent.load(Ordering::Relaxed);
                silent.store(before.saturating_add(1), Ordering::Relaxed);
                if before.saturating_add(1) == GONE_AFTER {
                    tracing::error!(engine = engine.as_str(), cause = error.cause_chain(), "an engine does not answer");
                }
            }
        }
    }
}

/// What is looked at with: a connection of its own, because a pool whose connections are all at work is busy, not gone; and no pool of one, which would
/// go on knocking at a closed port for as long as a look may take.
enum Probe {
    Embedded,
    Server { options: Arc<PgConnectOptions>, connection: Option<PgConnection> },
}

impl Probe {
    fn of(db: &Db) -> Probe {
        match db {
            Db::Sqlite(_) => Probe::Embedded,
            Db::Postgres(pool) => Probe::Server { options: pool.connect_options(), connection: None },
        }
    }

    async fn look(&mut self) -> Result<()> {
        let Probe::Server { options, connection } = self else {
            // A file does not go away; a full disk shows where it is written.
            return Ok(());
        };
        // Taken out while it is asked: what a look leaves behind that failed or was given up is not used again.
        let mut asked = match connection.take() {
            Some(kept) => kept,
            None => options.connect().await.map_err(failed)?,
        };
        sqlx::query("SELECT 1").execute(&mut asked).await.map_err(failed)?;
        *connection = Some(asked);
        Ok(())
    }
}

async fn within_patience(look: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(PATIENCE, look).await.unwrap_or_else(|_| Err(Error::new(Code::Unavailable, "没有应答。")))
}

/// Looks at the engines until it is told to stop; `report` hears after each round which of them answer.
pub async fn watch_until_stopped(
    engines: Engines,
    db: Db,
    cache: Cache,
    blobs: Blobs,
    mut stopping: watch::Receiver<bool>,
    report: impl Fn(Engine, bool),
) {
    let mut probe = Probe::of(&db);
    let mut round = 0u32;
    while !*stopping.borrow_and_update() {
        let originals = async {
            match round.is_multiple_of(ORIGINALS_EVERY) {
                true => Some(within_patience(blobs.ping()).await),
                false => None,
            }
        };
        let (database, shared, originals) = tokio::join!(within_patience(probe.look()), within_patience(cache.ping()), originals);
        engines.note(Engine::Database, &database);
        engines.note(Engine::Cache, &shared);
        if let Some(originals) = originals {
            engines.note(Engine::Originals, &originals);
        }
        round = round.wrapping_add(1);
        for engine in Engine::ALL {
            report(engine, !engines.is_gone(engine));
        }
        let pause = if database.is_err() && !engines.is_gone(Engine::Database) { DOUBT } else { PAUSE };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silence_is_a_hiccup_two_are_an_outage_and_one_answer_ends_it() {
        let engines = Engines::default();
        let silence = || Err(Error::new(Code::Unavailable, "没有应答。"));
        engines.note(Engine::Cache, &silence());
        assert!(!engines.is_gone(Engine::Cache));
        engines.note(Engine::Cache, &silence());
        assert!(engines.is_gone(Engine::Cache) && !engines.is_gone(Engine::Database));
        engines.note(Engine::Cache, &Ok(()));
        assert!(!engines.is_gone(Engine::Cache));
    }
}
