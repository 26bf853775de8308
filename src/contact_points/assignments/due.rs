//! What the clock makes happen to assignments: staff of a point are told before the due date, and once it is over, also of one that was given back and waits to be
//! submitted again. Nobody needs to be present.
//!
//! As in `drafts/due.rs`: what was told is written under the assignment, the act and the instant at which it was due, in the transaction that tells it, so that several
//! instances and restarts tell it once, and a due date that an extension moved is due anew.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::hold;
use super::moving::tell_point;
use crate::config::Rules;
use crate::error::Result;
use crate::ids::{AssignmentId, Clock, IdSource};
use crate::notifications::Event;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

const SOON: &str = "SELECT a.id, a.due_at FROM collection_assignment a
    WHERE a.state IN ('sent', 'acknowledged', 'collecting', 'returned') AND a.due_at > $1 AND a.due_at <= $2
    AND NOT EXISTS (SELECT 1 FROM timed_act t WHERE t.subject_id = a.id AND t.act = 'assignment_due_soon' AND t.due_at = a.due_at)
    ORDER BY a.due_at, a.id LIMIT $3";
const OVERDUE: &str = "SELECT a.id, a.due_at FROM collection_assignment a
    WHERE a.state IN ('sent', 'acknowledged', 'collecting', 'returned') AND a.due_at <= $1
    AND NOT EXISTS (SELECT 1 FROM timed_act t WHERE t.subject_id = a.id AND t.act = 'assignment_overdue' AND t.due_at = a.due_at)
    ORDER BY a.due_at, a.id LIMIT $2";
const CLAIM: &str =
    "INSERT INTO timed_act (subject_id, act, due_at, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT (subject_id, act, due_at) DO NOTHING";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[SOON, OVERDUE, CLAIM];

/// Assignments read at a time.
const ASSIGNMENTS: i64 = 200;
/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(30);
/// Time after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// What one look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Assignments whose points were told that the due date is near.
    pub reminded: u32,
    /// Assignments whose points were told that it is over.
    pub overdue: u32,
    /// Whether more is waiting already.
    pub is_more: bool,
}

/// Does what is due at the clock's instant. Safe to repeat, and from several instances at once.
pub async fn run_due(db: &Db, clock: &Clock, ids: &IdSource, rules: &Rules) -> Result<Done> {
    let now = clock.now();
    let before = chrono::Duration::days(i64::from(rules.assignment_reminder_days));
    let soon: Vec<(AssignmentId, DateTime<Utc>)> =
        on_db!(db, pool => sqlx::query_as(SOON).bind(now).bind(now + before).bind(ASSIGNMENTS).fetch_all(pool).await).map_err(failed)?;
    let overdue: Vec<(AssignmentId, DateTime<Utc>)> =
        on_db!(db, pool => sqlx::query_as(OVERDUE).bind(now).bind(ASSIGNMENTS).fetch_all(pool).await).map_err(failed)?;
    let mut done = Done { is_more: soon.len().max(overdue.len()) >= 200, ..Done::default() };
    for (id, due_at) in soon {
        done.reminded += u32::from(tell(db, clock, ids, id, due_at, Event::AssignmentDueSoon, before).await?);
    }
    for (id, due_at) in overdue {
        done.overdue += u32::from(tell(db, clock, ids, id, due_at, Event::AssignmentOverdue, before).await?);
    }
    Ok(done)
}

/// Tells the staff of a point, unless that was done or somebody was quicker; says whether it did now.
async fn tell(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    id: AssignmentId,
    due_at: DateTime<Utc>,
    event: Event,
    before: chrono::Duration,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, id).await?;
    let still_holds = held.due_at == due_at && held.state.is_with_point();
    let act = if event == Event::AssignmentOverdue { "assignment_overdue" } else { "assignment_due_soon" };
    if !still_holds || !claim(&mut tx, clock, id, act, due_at).await? {
        return Ok(false);
    }
    // One that was sent within that time needs no reminder.
    let is_told = event == Event::AssignmentOverdue || due_at - held.sent_at > before;
    if is_told {
        tell_point(&mut tx, clock, ids, &held, event).await?;
    }
    tx.commit().await?;
    Ok(is_told)
}

/// Whether this is the first to do it.
async fn claim(tx: &mut Tx, clock: &Clock, id: AssignmentId, act: &str, due_at: DateTime<Utc>) -> Result<bool> {
    let now = clock.now();
    let written: u64 =
        on_tx!(tx, c => sqlx::query(CLAIM).bind(id).bind(act).bind(due_at).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    Ok(written == 1)
}

/// Does what is due until it is told to stop. A failure is logged and tried again: nothing is marked as done that was not.
pub async fn run_until_stopped(db: Db, clock: Clock, ids: IdSource, rules: Rules, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        let pause = match run_due(&db, &clock, &ids, &rules).await {
            Ok(done) if done.is_more => Duration::ZERO,
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::error!(cause = error.cause_chain(), "contact points could not be reminded; it is tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(ids.about(pause)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}
