//! What the clock makes happen: a round that begins is announced, an end that is near is told. Nobody needs to be present.
//!
//! What was done is written under the thing, the act and the instant at which it was due, in the transaction that announces it: several instances and
//! restarts do it once, and an end that was moved later is due anew. A round's state itself needs no act; it is read from the clock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use tokio::sync::watch;

use super::consultations::newest_round_in;
use super::{following, lock_draft};
use crate::calendar;
use crate::config::Rules;
use crate::error::Result;
use crate::ids::{Clock, ConsultationId, DraftId, IdSource};
use crate::notifications::Event;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// A round that begins, or ends soon.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Opening {
    /// The round.
    pub id: ConsultationId,
    /// Its draft.
    pub draft_id: DraftId,
    /// Title of the draft.
    pub title: String,
    /// Number of the round.
    pub round: i64,
    /// When it begins.
    pub opens_at: DateTime<Utc>,
    /// First instant that is too late.
    pub closes_at: DateTime<Utc>,
}

/// What one look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rounds announced as begun or as ending soon.
    pub announced: u32,
    /// Followers told.
    pub told: u32,
    /// Whether more is waiting already.
    pub is_more: bool,
}

macro_rules! due {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.draft_id, d.title, c.round, c.opens_at, c.closes_at FROM consultation c JOIN draft d ON d.id = c.draft_id AND d.round = c.round
            WHERE d.state = 'consulting' AND c.withdrawn_at IS NULL AND c.opens_at <= $1 AND c.closes_at > $1 AND ",
            $rest
        )
    };
}

const OPENED: &str = due!(
    "NOT EXISTS (SELECT 1 FROM timed_act t WHERE t.subject_id = c.id AND t.act = 'opened' AND t.due_at = c.opens_at)
    ORDER BY c.opens_at, c.id LIMIT $2"
);
const CLOSING: &str = due!(
    "c.closes_at <= $2 AND NOT EXISTS (SELECT 1 FROM timed_act t WHERE t.subject_id = c.id AND t.act = 'closing_soon' AND t.due_at = c.closes_at)
    ORDER BY c.closes_at, c.id LIMIT $3"
);
const CLAIM: &str =
    "INSERT INTO timed_act (subject_id, act, due_at, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT (subject_id, act, due_at) DO NOTHING";
const NEXT_CLOSING: &str = "SELECT c.closes_at FROM consultation c JOIN draft d ON d.id = c.draft_id AND d.round = c.round
    WHERE d.state = 'consulting' AND c.withdrawn_at IS NULL AND c.opens_at <= $1 AND c.closes_at > $1 ORDER BY c.closes_at LIMIT 1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[OPENED, CLOSING, CLAIM, NEXT_CLOSING];

/// Rounds read at a time.
const ROUNDS: i64 = 100;
/// Followers told in one transaction.
const FOLLOWERS: u32 = 500;
/// Transactions of followers in one look.
const TURNS: u32 = 20;
/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Time after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);

/// Does what is due at the clock's instant. Safe to repeat, and from several instances at once.
pub async fn run_due(db: &Db, clock: &Clock, ids: &IdSource, rules: &Rules) -> Result<Done> {
    let now = clock.now();
    let soon = now + chrono::Duration::days(i64::from(rules.closing_reminder_days));
    let opened: Vec<Opening> = on_db!(db, pool => sqlx::query_as(OPENED).bind(now).bind(ROUNDS).fetch_all(pool).await).map_err(failed)?;
    let closing: Vec<Opening> =
        on_db!(db, pool => sqlx::query_as(CLOSING).bind(now).bind(soon).bind(ROUNDS).fetch_all(pool).await).map_err(failed)?;
    let mut done = Done { is_more: opened.len() + closing.len() >= 100, ..Done::default() };
    for round in &opened {
        let mut tx = db.begin().await?;
        if still_holds(&mut tx, clock, round).await? && announce_opening(&mut tx, clock, ids, round).await? {
            done.announced += 1;
        }
        tx.commit().await?;
    }
    for round in &closing {
        let mut tx = db.begin().await?;
        if still_holds(&mut tx, clock, round).await? && announce_closing(&mut tx, clock, ids, rules, round).await? {
            done.announced += 1;
        }
        tx.commit().await?;
    }
    for _ in 0..TURNS {
        match following::tell_some(db, clock, ids, FOLLOWERS).await? {
            None => return Ok(done),
            Some(told) => done.told += told,
        }
    }
    Ok(Done { is_more: true, ..done })
}

/// When the next of the rounds ends that are open at an instant; `None` = none is.
pub async fn next_closing(db: &Db, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    on_db!(db, pool => sqlx::query_scalar(NEXT_CLOSING).bind(now).fetch_optional(pool).await).map_err(failed)
}

/// Whether the round is still the newest, not withdrawn, and has the same end: a person may have been quicker.
async fn still_holds(tx: &mut Tx, clock: &Clock, round: &Opening) -> Result<bool> {
    lock_draft(tx, clock, round.draft_id).await?;
    let newest = newest_round_in(tx, round.draft_id).await?;
    Ok(newest.is_some_and(|newest| newest.id == round.id && newest.withdrawn_at.is_none() && newest.closes_at == round.closes_at))
}

/// Tells the followers that a round has begun, unless that was done; says whether it was now.
pub(super) async fn announce_opening(tx: &mut Tx, clock: &Clock, ids: &IdSource, round: &Opening) -> Result<bool> {
    if !claim(tx, clock, round.id, "opened", round.opens_at).await? {
        return Ok(false);
    }
    let event = if round.round > 1 { Event::DraftReopened } else { Event::RoundOpened };
    following::announce_to_followers(tx, clock, ids, round.draft_id, event, &with_end(round)).await?;
    Ok(true)
}

/// Tells the followers that a round ends soon, unless that was done; says whether it was now. A round that began within that time needs no reminder.
async fn announce_closing(tx: &mut Tx, clock: &Clock, ids: &IdSource, rules: &Rules, round: &Opening) -> Result<bool> {
    let is_new = claim(tx, clock, round.id, "closing_soon", round.closes_at).await?;
    let is_long = round.closes_at - round.opens_at > chrono::Duration::days(i64::from(rules.closing_reminder_days));
    if !is_new || !is_long {
        return Ok(false);
    }
    following::announce_to_followers(tx, clock, ids, round.draft_id, Event::ClosingSoon, &with_end(round)).await?;
    Ok(true)
}

fn with_end(round: &Opening) -> String {
    format!("《{}》（{}24时截止）", round.title, calendar::written(calendar::last_day_before(round.closes_at)))
}

/// Whether this is the first to do it.
async fn claim(tx: &mut Tx, clock: &Clock, round: ConsultationId, act: &str, due_at: DateTime<Utc>) -> Result<bool> {
    let now = clock.now();
    let written: u64 =
        on_tx!(tx, c => sqlx::query(CLAIM).bind(round).bind(act).bind(due_at).bind(now).execute(c).await.map(|d| d.rows_affected()))
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
                tracing::error!(cause = error.cause_chain(), "what was due could not be done; it is tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(ids.about(pause)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}
