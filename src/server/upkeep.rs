//! Removing what belongs to nothing: uploads that came with no opinion, keys that are weeks old, sessions that have ended, notifications delivered months ago, the files
//! of imports that ended.

use std::time::Duration;

use tokio::sync::watch;

use crate::accounts::sessions;
use crate::app::App;
use crate::corpus::jobs;
use crate::error::Result;
use crate::notifications::{carrying, outbox};
use crate::opinions::{acts, enclosures};

/// Time between two rounds.
const PAUSE: Duration = Duration::from_secs(600);

/// One round; says how many files it removed.
pub async fn tidy(app: &App) -> Result<u64> {
    acts::forget_old_keys(&app.db, &app.clock).await?;
    while sessions::forget_expired(&app.db, &app.clock).await? > 0 {}
    outbox::forget_delivered(&app.db, &app.clock).await?;
    carrying::forget_carried(&app.db, &app.clock).await?;
    let imported = jobs::forget_files(&app.db, &app.blobs, &app.clock).await?;
    Ok(imported + enclosures::remove_unbound(&app.db, &app.blobs, &app.clock, &app.config.rules).await?)
}

/// Tidies until it is told to stop. A failure is logged and tried again in the next round.
pub async fn tidy_until_stopped(app: App, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        match tidy(&app).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "files that belong to nothing were removed"),
            Err(error) => tracing::error!(cause = error.cause_chain(), "what belongs to nothing could not be removed; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(app.ids.about(PAUSE)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}
