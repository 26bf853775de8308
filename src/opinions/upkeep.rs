//! Removing what belongs to nothing: uploads that came with no opinion, keys that are weeks old, sessions that have ended, notifications delivered months ago.

use std::time::Duration;

use tokio::sync::watch;

use super::{acts, enclosures};
use crate::accounts::sessions;
use crate::config::Rules;
use crate::error::Result;
use crate::ids::{Clock, IdSource};
use crate::notifications::{carrying, outbox};
use crate::storage::Db;
use crate::storage::blobs::Blobs;

/// Time between two rounds.
const PAUSE: Duration = Duration::from_secs(600);

/// One round; says how many uploads it removed.
pub async fn tidy(db: &Db, blobs: &Blobs, clock: &Clock, rules: &Rules) -> Result<u64> {
    acts::forget_old_keys(db, clock).await?;
    while sessions::forget_expired(db, clock).await? > 0 {}
    outbox::forget_delivered(db, clock).await?;
    carrying::forget_carried(db, clock).await?;
    enclosures::remove_unbound(db, blobs, clock, rules).await
}

/// Tidies until it is told to stop. A failure is logged and tried again in the next round.
pub async fn tidy_until_stopped(db: Db, blobs: Blobs, clock: Clock, ids: IdSource, rules: Rules, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        match tidy(&db, &blobs, &clock, &rules).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "uploads that came with no opinion were removed"),
            Err(error) => tracing::error!(cause = error.cause_chain(), "uploads could not be tidied; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(ids.about(PAUSE)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}
