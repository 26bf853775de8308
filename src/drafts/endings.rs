//! 延期、提前结束、撤回: what moves the end of a round later, ends a round before its time, or gives a draft up. Each with words that are public, each told to
//! the followers, each kept: the database refuses to change an extension or a withdrawal, and to move an end to an earlier instant.
//!
//! Every act is safe to repeat: the same words again change nothing and tell nobody.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::consultations::{Consultation, LONGEST_DAYS, Phase, newest_round, newest_round_in};
use super::{Draft, DraftState, Move, following, get_draft, lock_draft, record, refused, staff_view};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, ConsultationId, DraftId, IdSource};
use crate::notifications::Event;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// 延期: one move of the end of a round.
#[derive(Clone, Debug, FromRow)]
pub struct Extension {
    /// The round.
    pub consultation_id: ConsultationId,
    /// From 1.
    pub number: i64,
    /// First instant that was too late before.
    pub closed_at_before: DateTime<Utc>,
    /// First instant that is too late since.
    pub closes_at: DateTime<Utc>,
    /// The public notice of it.
    pub notice: String,
    /// When it was published.
    pub extended_at: DateTime<Utc>,
}

impl Extension {
    /// The last day before it.
    pub fn closed_on_before(&self) -> NaiveDate {
        calendar::last_day_before(self.closed_at_before)
    }

    /// The last day since.
    pub fn closes_on(&self) -> NaiveDate {
        calendar::last_day_before(self.closes_at)
    }
}

const LIST: &str =
    "SELECT e.consultation_id, e.number, e.closed_at_before, e.closes_at, e.notice, e.extended_at FROM consultation_extension e
    JOIN consultation c ON c.id = e.consultation_id WHERE c.draft_id = $1 ORDER BY c.round, e.number";
const LAST: &str = "SELECT consultation_id, number, closed_at_before, closes_at, notice, extended_at FROM consultation_extension
    WHERE consultation_id = $1 ORDER BY number DESC LIMIT 1";
const INSERT: &str =
    "INSERT INTO consultation_extension (consultation_id, number, closed_at_before, closes_at, notice, extended_by, extended_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const MOVE_END: &str = "UPDATE consultation SET closes_at = $2, late_until = $3 WHERE id = $1";
const WITHDRAW_ROUND: &str = "UPDATE consultation SET withdrawn_at = $2, withdrawal_reason = $3 WHERE id = $1 AND withdrawn_at IS NULL";
const SET_STATE: &str = "UPDATE draft SET state = $2 WHERE id = $1";
const WITHDRAW_DRAFT: &str = "UPDATE draft SET state = $2, withdrawn_at = $3, withdrawal_reason = $4 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, LAST, INSERT, MOVE_END, WITHDRAW_ROUND, SET_STATE, WITHDRAW_DRAFT];

/// Longest notice of an extension, and longest reason, in characters.
const WORDS_CHARACTERS: usize = 2_000;

/// Moves the last day of the newest round later, before it has ended; a time for late opinions moves with it.
pub async fn extend_consultation(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    closes_on: NaiveDate,
    notice: &str,
) -> Result<Consultation> {
    by.require(Permission::OpenConsultation)?;
    let notice = words("notice", notice, "请填写延期公告，说明为什么延长")?;
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let now = clock.now();
    let round = open_or_upcoming(&mut tx, &draft, now, "延长征求意见的期限").await?;
    let last: Option<Extension> = on_tx!(&mut tx, c => sqlx::query_as(LAST).bind(round.id).fetch_optional(c).await).map_err(failed)?;
    if round.closes_on() == closes_on && last.as_ref().is_some_and(|last| last.notice == notice) {
        return Ok(round);
    }
    if closes_on <= round.closes_on() {
        let day = calendar::written(round.closes_on());
        return Err(Error::invalid("closes_on", format!("期限只能延长：新的截止日期应在{day}之后。")));
    }
    if calendar::days_between(round.opens_on(), closes_on) > LONGEST_DAYS {
        return Err(Error::invalid("closes_on", "延长之后，整个期限不能超过一年。"));
    }
    let closes_at = calendar::end_of_day(closes_on);
    let late_until = round.late_until.map(|until| until + (closes_at - round.closes_at));
    let number = last.map_or(1, |last| last.number + 1);
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(round.id).bind(number).bind(round.closes_at).bind(closes_at).bind(notice).bind(by.account_id()).bind(now).execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(MOVE_END).bind(round.id).bind(closes_at).bind(late_until).execute(c).await.map(drop))
        .map_err(failed)?;
    let about = format!("《{}》（延长至{}24时）", draft.title, calendar::written(closes_on));
    following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::RoundExtended, &about).await?;
    let detail = format!("{}: {} -> {closes_on}", round.round, round.closes_on());
    record(&mut tx, clock, by, Act::ExtendConsultation, draft.id, &detail).await?;
    tx.commit().await?;
    written_round(db, draft.id).await
}

/// Ends the newest round before its time, or before it began. What came in is kept and still answered.
pub async fn withdraw_consultation(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    reason: &str,
) -> Result<Consultation> {
    by.require(Permission::OpenConsultation)?;
    let reason = words("reason", reason, "请填写提前结束的理由，理由将公布")?;
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    if let Some(known) = newest_round_in(&mut tx, draft.id).await?.filter(|r| r.withdrawn_at.is_some() && r.withdrawal_reason == reason) {
        return Ok(known);
    }
    let now = clock.now();
    let round = open_or_upcoming(&mut tx, &draft, now, "提前结束征求意见").await?;
    let state = draft.state.after(Move::WithdrawRound).ok_or_else(|| refused(draft.state, "提前结束征求意见"))?;
    cut(&mut tx, &round, now, reason).await?;
    on_tx!(&mut tx, c => sqlx::query(SET_STATE).bind(draft.id).bind(state.as_str()).execute(c).await.map(drop)).map_err(failed)?;
    let about = format!("《{}》", draft.title);
    following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::RoundWithdrawn, &about).await?;
    record(&mut tx, clock, by, Act::WithdrawConsultation, draft.id, &round.round.to_string()).await?;
    tx.commit().await?;
    written_round(db, draft.id).await
}

/// Gives a public draft up, together with a round that has not ended. What came in is kept and still answered.
pub async fn withdraw_draft(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, draft: DraftId, reason: &str) -> Result<Draft> {
    by.require(Permission::WithdrawDraft)?;
    let reason = words("reason", reason, "请填写撤回草案的理由，理由将公布")?;
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    if draft.state == DraftState::Withdrawn && draft.withdrawal_reason == reason {
        return Ok(draft);
    }
    let state = draft.state.after(Move::Withdraw).ok_or_else(|| refused(draft.state, "撤回"))?;
    let now = clock.now();
    let round = newest_round_in(&mut tx, draft.id).await?;
    // A time for late opinions ends with the draft as well; a round that is over stays as it ended.
    if let Some(round) = round.filter(|round| matches!(round.phase(now), Phase::Upcoming | Phase::Open | Phase::Late)) {
        cut(&mut tx, &round, now, reason).await?;
    }
    on_tx!(&mut tx, c => sqlx::query(WITHDRAW_DRAFT).bind(draft.id).bind(state.as_str()).bind(now).bind(reason).execute(c).await.map(drop))
        .map_err(failed)?;
    let about = format!("《{}》", draft.title);
    following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::DraftWithdrawn, &about).await?;
    record(&mut tx, clock, by, Act::WithdrawDraft, draft.id, draft.state.as_str()).await?;
    tx.commit().await?;
    get_draft(db, clock, staff_view(by), draft.id).await
}

/// The extensions of all rounds of a draft, in their order.
pub async fn list_extensions(db: &Db, draft: &Draft) -> Result<Vec<Extension>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(draft.id).fetch_all(pool).await).map_err(failed)
}

async fn open_or_upcoming(tx: &mut Tx, draft: &Draft, now: DateTime<Utc>, act: &str) -> Result<Consultation> {
    let round = newest_round_in(tx, draft.id).await?.ok_or_else(|| refused(draft.state, act))?;
    match round.phase(now) {
        Phase::Upcoming | Phase::Open => Ok(round),
        phase @ (Phase::Late | Phase::Closed | Phase::Withdrawn) => {
            Err(Error::new(Code::Conflict, format!("最近一轮征求意见{}，不能{act}；需要继续征求意见的，请发布新的一轮。", phase.label())))
        }
    }
}

async fn cut(tx: &mut Tx, round: &Consultation, now: DateTime<Utc>, reason: &str) -> Result<()> {
    on_tx!(tx, c => sqlx::query(WITHDRAW_ROUND).bind(round.id).bind(now).bind(reason).execute(c).await.map(drop)).map_err(failed)
}

async fn written_round(db: &Db, draft: DraftId) -> Result<Consultation> {
    newest_round(db, draft).await?.ok_or_else(|| Error::defect("a consultation vanished after it was written"))
}

fn words<'a>(field: &str, text: &'a str, missing: &str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > WORDS_CHARACTERS {
        return Err(Error::invalid(field, format!("{missing}，不超过 {WORDS_CHARACTERS} 个字。")));
    }
    Ok(text)
}
