//! 赞同 and 不赞同: what people think of an opinion that is shown. One for each person, changeable and removable until the round ends.
//!
//! The numbers are a help for reading. No disposition follows from them, and nobody is ranked by them.

use sqlx::FromRow;

use super::acts::{self, Claim, KeyedAct, check_key};
use super::posting::receiving_round;
use super::{Counter, Display, OpinionState};
use crate::accounts::limits::{self, Limit};
use crate::accounts::{Caller, Permission};
use crate::drafts::{self, consultations};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, ConsultationId, DraftId, OpinionId};
use crate::storage::Tx;
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::{on_tx, text_enum};

text_enum! {
    /// What somebody thinks of another's opinion.
    Choice {
        /// They agree.
        Agree = "agree", "赞同";
        /// They do not.
        Disagree = "disagree", "不赞同";
    }
}

/// What people think of an opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many agree.
    pub agree: i64,
    /// How many disagree.
    pub disagree: i64,
    /// What the caller said.
    pub own_choice: Option<Choice>,
}

#[derive(FromRow)]
struct Target {
    draft_id: DraftId,
    consultation_id: ConsultationId,
    account_id: Option<AccountId>,
    display: String,
    is_public: bool,
    state: String,
}

const TARGET: &str = "SELECT draft_id, consultation_id, account_id, display, is_public, state FROM opinion WHERE id = $1";
const PUT: &str = "INSERT INTO opinion_vote (opinion_id, account_id, choice, voted_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (opinion_id, account_id) DO UPDATE SET choice = $3, voted_at = $4";
const REMOVE: &str = "DELETE FROM opinion_vote WHERE opinion_id = $1 AND account_id = $2";
const TALLY: &str =
    "SELECT CAST(COUNT(*) FILTER (WHERE choice = 'agree') AS BIGINT), CAST(COUNT(*) FILTER (WHERE choice = 'disagree') AS BIGINT)
    FROM opinion_vote WHERE opinion_id = $1";
const OWN: &str = "SELECT choice FROM opinion_vote WHERE opinion_id = $1 AND account_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[TARGET, PUT, REMOVE, TALLY, OWN];

/// Sets, changes or (with `None`) removes what the caller thinks of an opinion. "Not found" for an opinion whose words are not shown,
/// [`Code::Conflict`] for the caller's own, [`Code::NotOpen`] when its round has ended.
pub async fn vote(at: Counter<'_>, caller: &Caller, opinion: OpinionId, key: &str, choice: Option<Choice>) -> Result<Tally> {
    caller.require(Permission::PostOpinion)?;
    check_key(key)?;
    limits::admit(at.cache, at.rules, Limit::VotePerIdentity, &caller.account_id.to_string()).await?;
    limits::admit_address(at.cache, at.rules, Limit::VotePerAddress, at.address).await?;
    let content = sm3_hex(format!("{opinion}\0{}", choice.map_or("", Choice::as_str)).as_bytes());
    let mut tx = at.db.begin().await?;
    let absent = || Error::not_found("这条意见");
    let target: Option<Target> = on_tx!(&mut tx, c => sqlx::query_as(TARGET).bind(opinion).fetch_optional(c).await).map_err(failed)?;
    let target = target.ok_or_else(absent)?;
    let claim =
        Claim { actor: Some(caller.account_id), key, act: KeyedAct::Vote, content_hash: &content, subject: opinion.0, revision: None };
    if acts::claim(&mut tx, at.clock, claim).await?.is_some() {
        return tally(&mut tx, opinion, caller.account_id).await;
    }
    drafts::hold_draft(&mut tx, target.draft_id).await?;
    let round = consultations::newest_round_in(&mut tx, target.draft_id).await?;
    let shows_opinions = round.as_ref().is_some_and(|round| round.id != target.consultation_id || round.shows_opinions);
    let is_shown = Display::stored(&target.display)? == Display::Shown && target.is_public;
    if !is_shown || !shows_opinions || OpinionState::stored(&target.state)? == OpinionState::Withdrawn {
        return Err(absent());
    }
    if target.account_id == Some(caller.account_id) {
        return Err(Error::new(Code::Conflict, "不能对自己的意见表态。"));
    }
    let now = at.clock.now();
    let (round, is_late) = receiving_round(round, now, false)?;
    if is_late || round.id != target.consultation_id {
        return Err(Error::new(Code::NotOpen, "这条意见所在的一轮征求意见已经结束，不能再表态。"));
    }
    match choice {
        Some(choice) => on_tx!(&mut tx, c => sqlx::query(PUT).bind(opinion).bind(caller.account_id).bind(choice.as_str()).bind(now).execute(c).await.map(drop)),
        None => on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(opinion).bind(caller.account_id).execute(c).await.map(drop)),
    }
    .map_err(failed)?;
    let tally = tally(&mut tx, opinion, caller.account_id).await?;
    tx.commit().await?;
    Ok(tally)
}

async fn tally(tx: &mut Tx, opinion: OpinionId, account: AccountId) -> Result<Tally> {
    let (agree, disagree): (i64, i64) = on_tx!(tx, c => sqlx::query_as(TALLY).bind(opinion).fetch_one(c).await).map_err(failed)?;
    let own: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(OWN).bind(opinion).bind(account).fetch_optional(c).await).map_err(failed)?;
    Ok(Tally { agree, disagree, own_choice: own.as_deref().map(Choice::stored).transpose()? })
}
