//! Taking opinions in: once, in time, on words that exist.
//!
//! What a published text says never changes, so an opinion is set against it before the transaction begins. The transaction itself asks the clock whether
//! the round is open and writes the opinion, so that posts of one draft do not wait for one another.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::acts::{check_key, check_secret_key};
use super::wording::{Wording, checked, content_hash, place};
use super::{Channel, Counter, Display, NewOpinion, OpinionState, Provenance, Receipt, enclosures, lookups};
use crate::accounts::citizens::consent;
use crate::accounts::limits::{self, Limit, network_of};
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::contact_points;
use crate::drafts::consultations::{self, Consultation, Phase};
use crate::drafts::{self, following};
use crate::error::{Code, Error, Result};
use crate::ids::{ContactPointId, DraftId, IdSource, OpinionId};
use crate::notifications::{self, Event};
use crate::storage::crypto::{DataKey, sm3_hex};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

const INSERT: &str =
    "INSERT INTO opinion (id, receipt_number, draft_id, consultation_id, version_id, account_id, author_kind, channel, contact_point_id,
    station_id, address, provision_label, stance, body, reason, is_public, state, idempotency_key, content_hash, text_hash, posted_at, display,
    quote_start, quote_text, proposed_text, lookup_hash, is_late, text_key, person_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)
    ON CONFLICT DO NOTHING";
const FIND_BY_KEY: &str = "SELECT id, receipt_number, posted_at, provision_label, is_late, content_hash FROM opinion WHERE account_id = $1 AND idempotency_key = $2";
const FIND_BY_CODE: &str =
    "SELECT id, receipt_number, posted_at, provision_label, is_late, content_hash FROM opinion WHERE lookup_hash = $1";

/// Hexadecimal digits of a hash that make a key.
const KEY_DIGITS: usize = 15;

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND_BY_KEY, FIND_BY_CODE];

#[derive(FromRow)]
struct KeyRow {
    id: OpinionId,
    receipt_number: String,
    posted_at: DateTime<Utc>,
    provision_label: String,
    is_late: bool,
    content_hash: String,
}

impl KeyRow {
    fn into_receipt(self, content_hash: &str) -> Result<Receipt> {
        if self.content_hash != content_hash {
            return Err(Error::new(Code::KeyReused, "这个重复提交标识已用于另一条意见。新的意见请换一个标识再提交。"));
        }
        Ok(Receipt {
            opinion_id: self.id,
            number: self.receipt_number,
            posted_at: self.posted_at,
            provision_label: self.provision_label,
            is_late: self.is_late,
            is_repetition: true,
        })
    }
}

/// What makes one post the same as another: the author's key, or the hash of the code that an author without an account gets.
#[derive(Clone, Copy)]
pub(super) enum Once<'a> {
    /// The author's key.
    Key(&'a str),
    /// The hash of the code.
    Code(&'a str),
    /// Whoever records it sees to that.
    Recorded,
    /// Its provenance knows it by key and content.
    Offline,
}

impl<'a> Once<'a> {
    fn key(self) -> Option<&'a str> {
        if let Once::Key(key) = self { Some(key) } else { None }
    }

    fn code(self) -> Option<&'a str> {
        if let Once::Code(code) = self { Some(code) } else { None }
    }
}

/// An opinion on its way in.
struct Post<'a> {
    draft: DraftId,
    once: Once<'a>,
    content_hash: &'a str,
    from: &'a Provenance,
    new: NewOpinion,
}

/// Posts a citizen's opinion on the round that is open. The same key with the same content gives the same receipt, also after the round has ended;
/// with other content it is [`Code::KeyReused`]. Outside a round: [`Code::NotOpen`].
pub async fn post_opinion(
    at: Counter<'_>,
    caller: &Caller,
    channel: Channel,
    draft: DraftId,
    key: &str,
    new: NewOpinion,
) -> Result<Receipt> {
    caller.require(Permission::PostOpinion)?;
    check_key(key)?;
    let new = checked(at.rules, new)?;
    let enclosed = enclosures::contents(at.db, &new.attachments).await?;
    let hash = content_hash(draft, &new, &enclosed);
    let known: Option<KeyRow> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_KEY).bind(caller.account_id).bind(key).fetch_optional(pool).await).map_err(failed)?;
    if let Some(known) = known {
        return known.into_receipt(&hash);
    }
    consent::require_standing(at.db, caller.account_id).await?;
    // The narrow limits first: what they refuse uses up nobody else's.
    limits::admit(at.cache, at.rules, Limit::OpinionPerIdentity, &format!("{}:{draft}", caller.account_id)).await?;
    limits::admit_address(at.cache, at.rules, Limit::OpinionPerAddress, at.address).await?;
    limits::admit(at.cache, at.rules, Limit::OpinionPerDraft, &draft.to_string()).await?;
    let from = Provenance {
        account_id: Some(caller.account_id),
        person_hash: None,
        author_kind: "市民".into(),
        channel,
        contact_point: through(at.db, new.contact_point.as_deref()).await?,
        station: None,
    };
    write(at, Post { draft, once: Once::Key(key), content_hash: &hash, from: &from, new }).await
}

/// Posts an opinion of somebody who is not signed in, where the round allows it, and gives the receipt with the code under which the answer can be
/// looked up. Only a keyed hash of the code is stored; the same key with the same content gives the same code again, so the key must be as hard to
/// guess as the code itself.
pub async fn post_anonymously(
    at: Counter<'_>,
    data_key: &DataKey,
    channel: Channel,
    draft: DraftId,
    key: &str,
    new: NewOpinion,
) -> Result<(Receipt, String)> {
    check_secret_key(key)?;
    let new = checked(at.rules, new)?;
    let enclosed = enclosures::contents(at.db, &new.attachments).await?;
    let hash = content_hash(draft, &new, &enclosed);
    let code = lookups::code_of(data_key, draft, key);
    let code_hash = lookups::hash_of(data_key, &code);
    let known: Option<KeyRow> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_CODE).bind(&code_hash).fetch_optional(pool).await).map_err(failed)?;
    if let Some(known) = known {
        return Ok((known.into_receipt(&hash)?, code));
    }
    limits::admit(at.cache, at.rules, Limit::AnonymousOpinionPerAddress, &address_key(at.address)).await?;
    limits::admit_address(at.cache, at.rules, Limit::OpinionPerAddress, at.address).await?;
    limits::admit(at.cache, at.rules, Limit::OpinionPerDraft, &draft.to_string()).await?;
    let from = Provenance {
        account_id: None,
        person_hash: None,
        author_kind: "未署名".into(),
        channel,
        contact_point: through(at.db, new.contact_point.as_deref()).await?,
        station: None,
    };
    let receipt = write(at, Post { draft, once: Once::Code(&code_hash), content_hash: &hash, from: &from, new }).await?;
    Ok((receipt, code))
}

/// The contact point whose address led an author here; one that does not exist is [`Code::Invalid`].
async fn through(db: &Db, code: Option<&str>) -> Result<Option<ContactPointId>> {
    let Some(code) = code else { return Ok(None) };
    let point = contact_points::find_point_by_code(db, code).await?;
    point.map(Some).ok_or_else(|| Error::invalid("contact_point", "没有这个立法基层联系点，请不要填写联系点编号，或者重新扫码。"))
}

/// One network under limits, without keeping its address.
pub(super) fn address_key(address: Option<IpAddr>) -> String {
    sm3_hex(address.map(network_of).unwrap_or_default().as_bytes())
}

/// Writes an opinion that did not come through an account. The round must be open at the clock's instant all the same.
pub(super) async fn record_opinion(at: Counter<'_>, draft: DraftId, from: &Provenance, new: NewOpinion) -> Result<Receipt> {
    let new = checked(at.rules, new)?;
    let hash = content_hash(draft, &new, &[]);
    write(at, Post { draft, once: Once::Recorded, content_hash: &hash, from, new }).await
}

async fn write(at: Counter<'_>, post: Post<'_>) -> Result<Receipt> {
    let is_anonymous = matches!(post.once, Once::Code(_));
    let (asked, _) = receiving_round(consultations::newest_round(at.db, post.draft).await?, at.clock.now(), is_anonymous)?;
    let attachments = post.new.attachments.clone();
    let wording = place(at.db, asked.version_id, post.new).await?;
    let mut tx = at.db.begin().await?;
    drafts::hold_draft(&mut tx, post.draft).await?;
    let round = consultations::newest_round_in(&mut tx, post.draft).await?;
    // The one documented instant: the clock inside the transaction that writes, once nobody can move the draft on any more.
    let now = at.clock.now();
    let (round, is_late) = receiving_round(round, now, is_anonymous)?;
    if round.version_id != asked.version_id {
        return Err(Error::new(Code::Conflict, "征求意见的稿次刚刚更换，请刷新页面后按新的稿次重新提交。"));
    }
    let id = OpinionId(at.ids.next());
    let mut number = receipt_number(at.ids, now);
    let mut wrote = insert(&mut tx, id, &number, &round, &post.once, post.content_hash, post.from, &wording, now, is_late).await?;
    if !wrote && find_written(&mut tx, &post.once, post.from).await?.is_none() {
        // Somebody else's receipt has this number: it has forty bits of chance a day.
        number = receipt_number(at.ids, now);
        wrote = insert(&mut tx, id, &number, &round, &post.once, post.content_hash, post.from, &wording, now, is_late).await?;
    }
    if !wrote {
        // The same key arrived twice at the same time, and the other one was first.
        let known = find_written(&mut tx, &post.once, post.from).await?;
        return known.ok_or_else(|| Error::defect("an opinion was neither written nor found"))?.into_receipt(post.content_hash);
    }
    enclosures::bind_to_opinion(&mut tx, at.clock, at.rules, id, post.draft, post.from.account_id, &attachments, 1).await?;
    if let Some(account) = post.from.account_id {
        let about = format!("草案{}（回执号 {number}）", wording.provision_label);
        // Who speaks wants to know what becomes of the draft; following ends with one click.
        following::follow_in(&mut tx, at.clock, account, post.draft).await?;
        notifications::announce(&mut tx, at.clock, at.ids, account, Event::OpinionReceived, id.0, &about).await?;
    }
    tx.commit().await?;
    at.taken.note(post.from.channel, 1);
    Ok(Receipt { opinion_id: id, number, posted_at: now, provision_label: wording.provision_label, is_late, is_repetition: false })
}

/// The opinion that was written under the key or the code of a post.
async fn find_written(tx: &mut Tx, once: &Once<'_>, from: &Provenance) -> Result<Option<KeyRow>> {
    match once {
        Once::Key(key) => on_tx!(tx, c => sqlx::query_as(FIND_BY_KEY).bind(from.account_id).bind(key).fetch_optional(c).await),
        Once::Code(code) => on_tx!(tx, c => sqlx::query_as(FIND_BY_CODE).bind(code).fetch_optional(c).await),
        Once::Recorded | Once::Offline => Ok(None),
    }
    .map_err(failed)
}

/// A new number for a receipt.
pub(super) fn receipt_number(ids: &IdSource, now: DateTime<Utc>) -> String {
    format!("YJ{}-{}", calendar::day_of(now).format("%Y%m%d"), ids.secret(5).to_uppercase())
}

/// The last 60 bits of hexadecimal digits, by which texts and people are told apart when they are counted. Migration 0024 says the same for what changes later;
/// not for what is inserted, because a trigger there would have SQLite look through the tables that refer to opinions.
fn key_of(digits: &str) -> Option<i64> {
    let last = digits.get(digits.len().checked_sub(KEY_DIGITS)?..)?;
    i64::from_str_radix(last, 16).ok()
}

/// False when another post under the same key was first.
#[expect(clippy::too_many_arguments, reason = "the columns of one row, each from another place")]
pub(super) async fn insert(
    tx: &mut Tx,
    id: OpinionId,
    number: &str,
    round: &Consultation,
    once: &Once<'_>,
    content_hash: &str,
    from: &Provenance,
    wording: &Wording,
    now: DateTime<Utc>,
    is_late: bool,
) -> Result<bool> {
    // What a person sends is checked before others see it; what the office itself recorded has been looked at.
    let display = if matches!(once, Once::Recorded) { Display::Shown } else { Display::Checking };
    let text_hash = wording.text_hash();
    let author = from.account_id.map(|account| account.0.simple().to_string());
    let person_key = author.as_deref().or(from.person_hash.as_deref()).and_then(key_of);
    let written: u64 = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(id).bind(number).bind(round.draft_id).bind(round.id).bind(round.version_id).bind(from.account_id).bind(&from.author_kind)
        .bind(from.channel.as_str()).bind(from.contact_point).bind(from.station).bind(&wording.address).bind(&wording.provision_label)
        .bind(wording.stance.as_str()).bind(&wording.body).bind(&wording.reason).bind(wording.is_public).bind(OpinionState::Received.as_str())
        .bind(once.key()).bind(content_hash).bind(&text_hash).bind(now).bind(display.as_str())
        .bind(wording.quote_start).bind(&wording.quote_text).bind(&wording.proposed_text).bind(once.code()).bind(is_late)
        .bind(key_of(&text_hash)).bind(person_key).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    Ok(written == 1)
}

/// The round that takes opinions at an instant, and whether they are late then; `is_anonymous`: from somebody who is not signed in.
pub(super) fn receiving_round(round: Option<Consultation>, now: DateTime<Utc>, is_anonymous: bool) -> Result<(Consultation, bool)> {
    let not_open = |detail: String| Error::new(Code::NotOpen, detail);
    let round = round.ok_or_else(|| Error::not_found("正在征求意见的草案"))?;
    match round.phase(now) {
        Phase::Open | Phase::Late if is_anonymous && !round.allows_anonymous => {
            Err(Error::new(Code::LoginRequired, "这份草案需要登录后提出意见，请先登录。"))
        }
        Phase::Open => Ok((round, false)),
        Phase::Late => Ok((round, true)),
        Phase::Upcoming => Err(not_open(format!("征求意见从 {} 开始，届时欢迎您提出意见。", calendar::chinese_day(round.opens_on())))),
        Phase::Withdrawn => Err(not_open("本轮征求意见已经提前结束，不再接收意见。".into())),
        Phase::Closed => Err(not_open(format!("本轮征求意见已于 {} 24 时结束，不再接收意见。", calendar::chinese_day(round.closes_on())))),
    }
}

/// Whether a draft takes opinions at this instant from somebody who is signed in, or from somebody who is not: the failure that a post would meet.
pub async fn require_open(db: &Db, now: DateTime<Utc>, draft: DraftId, is_anonymous: bool) -> Result<Consultation> {
    Ok(receiving_round(consultations::newest_round(db, draft).await?, now, is_anonymous)?.0)
}
