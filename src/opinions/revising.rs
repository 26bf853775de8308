//! Changing and withdrawing an opinion until its round ends. Every replaced wording is kept; the database refuses to change it.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::acts::{self, Claim, Done, KeyedAct, check_key};
use super::posting::receiving_round;
use super::reading::{self, Opinion};
use super::wording::{Wording, checked, content_hash, place};
use super::{Counter, Display, NewOpinion, OpinionState, Stance, enclosures};
use crate::accounts::{Caller, Permission};
use crate::drafts;
use crate::drafts::consultations::{self, Consultation};
use crate::error::{Code, Error, Result};
use crate::ids::OpinionId;
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What changing or withdrawing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revised {
    /// The revision that stands now.
    pub revision: i64,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Whether this answers a repetition: nothing new was written.
    pub is_repetition: bool,
}

/// One wording of an opinion.
#[derive(Clone, Debug)]
pub struct Revision {
    /// From 1.
    pub revision: i64,
    /// Since when it stood.
    pub written_at: DateTime<Utc>,
    /// When the next one replaced it; `None` for the present one.
    pub replaced_at: Option<DateTime<Utc>>,
    /// The words.
    pub wording: Wording,
}

#[derive(FromRow)]
struct RevisionRow {
    revision: i64,
    address: Option<String>,
    provision_label: String,
    stance: String,
    quote_start: Option<i64>,
    quote_text: String,
    proposed_text: String,
    body: String,
    reason: String,
    is_public: bool,
    written_at: DateTime<Utc>,
    replaced_at: DateTime<Utc>,
}

const KEEP_OLD: &str = "INSERT INTO opinion_revision (opinion_id, revision, address, provision_label, stance, quote_start, quote_text, proposed_text, body,
    reason, is_public, display, written_at, replaced_at)
    SELECT id, revision, address, provision_label, stance, quote_start, quote_text, proposed_text, body, reason, is_public, display,
    COALESCE(updated_at, posted_at), COALESCE($4, posted_at) FROM opinion WHERE id = $1 AND revision = $2 AND state IN ('received', 'answer_prepared', 'answer_reviewed')
    AND consultation_id = $3 ON CONFLICT (opinion_id, revision) DO NOTHING";
const REPLACE: &str = "UPDATE opinion SET revision = $2, updated_at = $3, address = $4, provision_label = $5, stance = $6, quote_start = $7,
    quote_text = $8, proposed_text = $9, body = $10, reason = $11, is_public = $12, display = $13, text_hash = $14, state = 'received', group_id = NULL
    WHERE id = $1";
const WITHDRAW: &str = "UPDATE opinion SET state = 'withdrawn', withdrawn_at = $4, group_id = NULL
    WHERE id = $1 AND revision = $2 AND consultation_id = $3 AND state IN ('received', 'answer_prepared', 'answer_reviewed')";
const STANDS: &str = "SELECT revision, state FROM opinion WHERE id = $1";
const LIST: &str =
    "SELECT revision, address, provision_label, stance, quote_start, quote_text, proposed_text, body, reason, is_public, written_at,
    replaced_at FROM opinion_revision WHERE opinion_id = $1 ORDER BY revision";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[KEEP_OLD, REPLACE, WITHDRAW, STANDS, LIST];

/// Gives an own opinion other words. `revision` is the one that the author had before their eyes: when another one stands, nothing is lost and the
/// failure is [`Code::Conflict`]. The wording goes through the same check as a new one, and an answer that was only prepared is to be written anew.
pub async fn edit_opinion(
    at: Counter<'_>,
    caller: &Caller,
    opinion: OpinionId,
    key: &str,
    revision: i64,
    new: NewOpinion,
) -> Result<Revised> {
    check_key(key)?;
    let own = own_opinion(at.db, caller, opinion).await?;
    let new = checked(at.rules, new)?;
    let enclosed = enclosures::contents(at.db, &new.attachments).await?;
    let hash = sm3_hex(format!("{opinion}\0{revision}\0{}", content_hash(own.draft_id, &new, &enclosed)).as_bytes());
    let next = revision.saturating_add(1);
    let claim =
        Claim { actor: Some(caller.account_id), key, act: KeyedAct::Edit, content_hash: &hash, subject: opinion.0, revision: Some(next) };
    if let Some(done) = acts::find_done(at.db, claim).await? {
        return Ok(repeated(done));
    }
    let attachments = new.attachments.clone();
    // An opinion speaks of the version of its own round, also when another one exists by now.
    let wording = place(at.db, own.version_id, new).await?;
    let mut tx = at.db.begin().await?;
    if let Some(done) = acts::claim(&mut tx, at.clock, claim).await? {
        return Ok(repeated(done));
    }
    let now = require_open(&mut tx, at, &own).await?;
    let kept: u64 = on_tx!(&mut tx, c => sqlx::query(KEEP_OLD).bind(opinion).bind(revision).bind(own.consultation_id).bind(now).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if kept == 0 {
        return Err(why_not(&mut tx, opinion, revision).await?);
    }
    on_tx!(&mut tx, c => sqlx::query(REPLACE)
        .bind(opinion).bind(next).bind(now).bind(&wording.address).bind(&wording.provision_label).bind(wording.stance.as_str()).bind(wording.quote_start)
        .bind(&wording.quote_text).bind(&wording.proposed_text).bind(&wording.body).bind(&wording.reason).bind(wording.is_public)
        .bind(Display::Checking.as_str()).bind(wording.text_hash()).execute(c).await.map(drop))
    .map_err(failed)?;
    enclosures::bind_to_opinion(&mut tx, at.clock, at.rules, opinion, own.draft_id, Some(caller.account_id), &attachments, next).await?;
    super::moderation::check_anew(&mut tx, at.clock, opinion).await?;
    tx.commit().await?;
    Ok(Revised { revision: next, at: now, is_repetition: false })
}

/// Takes an own opinion back. It leaves counts and lists; its author and staff still find it.
pub async fn withdraw_opinion(at: Counter<'_>, caller: &Caller, opinion: OpinionId, key: &str, revision: i64) -> Result<Revised> {
    check_key(key)?;
    let own = own_opinion(at.db, caller, opinion).await?;
    let hash = sm3_hex(format!("{opinion}\0{revision}").as_bytes());
    let claim = Claim {
        actor: Some(caller.account_id),
        key,
        act: KeyedAct::Withdraw,
        content_hash: &hash,
        subject: opinion.0,
        revision: Some(revision),
    };
    let mut tx = at.db.begin().await?;
    if let Some(done) = acts::claim(&mut tx, at.clock, claim).await? {
        return Ok(repeated(done));
    }
    let now = require_open(&mut tx, at, &own).await?;
    let done: u64 = on_tx!(&mut tx, c => sqlx::query(WITHDRAW).bind(opinion).bind(revision).bind(own.consultation_id).bind(now).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if done == 0 {
        return Err(why_not(&mut tx, opinion, revision).await?);
    }
    tx.commit().await?;
    Ok(Revised { revision, at: now, is_repetition: false })
}

fn repeated(done: Done) -> Revised {
    Revised { revision: done.revision.unwrap_or(1), at: done.at, is_repetition: true }
}

async fn own_opinion(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Opinion> {
    caller.require(Permission::PostOpinion)?;
    Ok(reading::get_own_opinion(db, caller, opinion).await?.opinion)
}

/// The instant of the act, when the round of the opinion still takes opinions then.
async fn require_open(tx: &mut Tx, at: Counter<'_>, opinion: &Opinion) -> Result<DateTime<Utc>> {
    drafts::hold_draft(tx, opinion.draft_id).await?;
    let newest = consultations::newest_round_in(tx, opinion.draft_id).await?;
    let now = at.clock.now();
    changeable(newest, now, opinion).map(|_| now)
}

/// The round of an opinion that can still be changed; else the failure that a change would meet.
pub async fn require_changeable(db: &Db, now: DateTime<Utc>, opinion: &Opinion) -> Result<Consultation> {
    match opinion.state {
        OpinionState::Withdrawn => return Err(Error::new(Code::Conflict, "这条意见已经撤回。")),
        OpinionState::Answered | OpinionState::Excluded => {
            return Err(Error::new(Code::Conflict, "这条意见已经有办理结果，不能再修改或者撤回。"));
        }
        OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed => {}
    }
    changeable(consultations::newest_round(db, opinion.draft_id).await?, now, opinion)
}

fn changeable(newest: Option<Consultation>, now: DateTime<Utc>, opinion: &Opinion) -> Result<Consultation> {
    let ended = || Error::new(Code::NotOpen, "这条意见所在的一轮征求意见已经结束，不能再修改或者撤回。");
    match receiving_round(newest, now, false) {
        // While late opinions are taken, only they can still be changed.
        Ok((newest, is_late)) if newest.id == opinion.consultation_id && is_late <= opinion.is_late => Ok(newest),
        Ok(_) => Err(ended()),
        Err(error) if error.code == Code::NotOpen => Err(ended()),
        Err(error) => Err(error),
    }
}

/// Why nothing was written.
async fn why_not(tx: &mut Tx, opinion: OpinionId, revision: i64) -> Result<Error> {
    let (stands, state): (i64, String) = on_tx!(tx, c => sqlx::query_as(STANDS).bind(opinion).fetch_one(c).await).map_err(failed)?;
    let sentence = match OpinionState::stored(&state)? {
        OpinionState::Withdrawn => "这条意见已经撤回。",
        OpinionState::Answered | OpinionState::Excluded => "这条意见已经有办理结果，不能再修改或者撤回。",
        _ if stands != revision => "这条意见刚刚在别处改过，请刷新后在最新的内容上修改。",
        _ => "这条意见正在别处修改，请稍后刷新再试。",
    };
    Ok(Error::new(Code::Conflict, sentence))
}

/// Every wording that an opinion had, the first one first and the present one last, for its author and for staff.
pub async fn list_revisions(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Vec<Revision>> {
    let present = reading::get_opinion(db, caller, opinion).await?;
    let rows: Vec<RevisionRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(opinion).fetch_all(pool).await).map_err(failed)?;
    let mut revisions = Vec::with_capacity(rows.len() + 1);
    for row in rows {
        revisions.push(Revision {
            revision: row.revision,
            written_at: row.written_at,
            replaced_at: Some(row.replaced_at),
            wording: Wording {
                address: row.address,
                provision_label: row.provision_label,
                stance: Stance::stored(&row.stance)?,
                quote_start: row.quote_start,
                quote_text: row.quote_text,
                proposed_text: row.proposed_text,
                body: row.body,
                reason: row.reason,
                is_public: row.is_public,
            },
        });
    }
    revisions.push(Revision {
        revision: present.revision,
        written_at: present.updated_at.unwrap_or(present.posted_at),
        replaced_at: None,
        wording: Wording {
            address: present.address,
            provision_label: present.provision_label,
            stance: present.stance,
            quote_start: present.quote_start,
            quote_text: present.quote_text,
            proposed_text: present.proposed_text,
            body: present.body,
            reason: present.reason,
            is_public: present.is_public,
        },
    });
    Ok(revisions)
}
