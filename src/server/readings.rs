//! What only a look at the installation tells: read from time to time, so that whoever asks for the metrics waits for nothing. Every statement is one that
//! an index answers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::app::App;
use crate::audit;
use crate::corpus::jobs;
use crate::drafts::due;
use crate::error::Result;
use crate::notifications::outbox;
use crate::opinions::offline::batches;
use crate::storage::engines::Engine;
use crate::storage::{machine, snapshot};
use crate::telemetry::Readings;

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(15);
/// Difference between two clocks that is told to the log, in seconds.
const SKEW_S: f64 = 2.0;

/// Reads until it is told to stop. A failure is logged and leaves what was read before.
pub async fn read_until_stopped(app: App, mut stopping: watch::Receiver<bool>) {
    let mut is_skewed = false;
    while !*stopping.borrow_and_update() {
        // While the database is gone nothing can be told, and the engines' own watch says so.
        if !app.engines.is_gone(Engine::Database) {
            match read(&app).await {
                Ok(readings) => {
                    app.metrics.readings(readings);
                    let ahead = readings.clock_ahead_s.unwrap_or_default();
                    let was_skewed = std::mem::replace(&mut is_skewed, ahead.abs() > SKEW_S);
                    if is_skewed && !was_skewed {
                        tracing::warn!(ahead_s = ahead, "the clock of the database and ours differ; let both machines keep time (NTP)");
                    }
                }
                Err(error) => tracing::warn!(cause = error.cause_chain(), "what the metrics tell could not be read: {error}"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

/// One look.
async fn read(app: &App) -> Result<Readings> {
    let (db, now) = (&app.db, app.clock.now());
    let since = |then: Option<DateTime<Utc>>| then.map(|then| seconds(now - then));
    let (running, stuck) = jobs::count_running(db, now).await?;
    app.metrics.jobs("import", running, stuck);
    let (running, stuck) = batches::count_working(db, now).await?;
    app.metrics.jobs("upload", running, stuck);
    let room = machine::room_of(&app.config.data_dir).ok();
    Ok(Readings {
        notification_age_s: since(outbox::oldest_due(db, now).await?),
        next_closing_s: due::next_closing(db, now).await?.map(|closes_at| seconds(closes_at - now)),
        unanchored_s: since(audit::checking::oldest_unanchored(db).await?),
        backup_age_s: since(snapshot::last_backup(db).await?),
        clock_ahead_s: db.clock_ahead_ms(&app.clock).await?.map(|ms| seconds(TimeDelta::milliseconds(ms))),
        free_bytes: room.map(|room| room.free as f64),
        size_bytes: room.map(|room| room.size as f64),
    })
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_seconds_also_before_now() {
        assert_eq!((seconds(TimeDelta::milliseconds(1_500)), seconds(TimeDelta::seconds(-2))), (1.5, -2.0));
    }
}
