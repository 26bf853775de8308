//! Taking opinions in: once, in time, on a provision that exists.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Channel, Counter, Display, NewOpinion, OpinionState, Provenance, Receipt, WHOLE_DRAFT};
use crate::accounts::citizens::consent;
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::config::Rules;
use crate::drafts::consultations::{self, Consultation, Phase};
use crate::drafts::{self, following, versions};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, OpinionId};
use crate::notifications::{self, Event};
use crate::storage::Tx;
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

const INSERT: &str =
    "INSERT INTO opinion (id, receipt_number, draft_id, consultation_id, version_id, account_id, author_kind, channel, contact_point_id,
    station_id, address, provision_label, stance, body, reason, is_public, state, idempotency_key, content_hash, text_hash, posted_at, display, is_late)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
    ON CONFLICT (account_id, idempotency_key) DO NOTHING";
const FIND_BY_KEY: &str = "SELECT id, receipt_number, posted_at, provision_label, is_late, content_hash FROM opinion WHERE account_id = $1 AND idempotency_key = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND_BY_KEY];

/// Window of the limit on opinions of one identity on one draft.
const WINDOW: Duration = Duration::from_secs(3600);

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
    if !(8..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("Idempotency-Key", "重复提交标识应为 8 至 128 个可见的英文字符或数字。"));
    }
    let new = checked(at.rules, new)?;
    let hash = content_hash(draft, &new);
    let known: Option<KeyRow> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_KEY).bind(caller.account_id).bind(key).fetch_optional(pool).await).map_err(failed)?;
    if let Some(known) = known {
        return known.into_receipt(&hash);
    }
    consent::require_standing(at.db, caller.account_id).await?;
    let seen = at.cache.count(&format!("opinions:{}:{draft}", caller.account_id), WINDOW).await?;
    if seen > u64::from(at.rules.opinions_per_hour) {
        return Err(Error::new(Code::TooMany, "您对这份草案提交意见过于频繁，请一小时后再试。"));
    }
    let from = Provenance {
        account_id: Some(caller.account_id),
        author_kind: "市民".into(),
        channel,
        contact_point: caller.contact_point,
        station: None,
    };
    let mut tx = at.db.begin().await?;
    let receipt = write_opinion(&mut tx, at, draft, Some(key), &hash, &from, &new).await?;
    if !receipt.is_repetition {
        let about = format!("草案{}（回执号 {}）", receipt.provision_label, receipt.number);
        // Who speaks wants to know what becomes of the draft; following ends with one click.
        following::follow_in(&mut tx, at.clock, caller.account_id, draft).await?;
        notifications::announce(&mut tx, at.clock, at.ids, caller.account_id, Event::OpinionReceived, receipt.opinion_id.0, &about).await?;
    }
    tx.commit().await?;
    Ok(receipt)
}

/// Writes an opinion that did not come through an account. The round must be open at the clock's instant all the same.
pub(super) async fn record_opinion(at: Counter<'_>, draft: DraftId, from: &Provenance, new: NewOpinion) -> Result<Receipt> {
    let new = checked(at.rules, new)?;
    let hash = content_hash(draft, &new);
    let mut tx = at.db.begin().await?;
    let receipt = write_opinion(&mut tx, at, draft, None, &hash, from, &new).await?;
    tx.commit().await?;
    Ok(receipt)
}

async fn write_opinion(
    tx: &mut Tx,
    at: Counter<'_>,
    draft: DraftId,
    key: Option<&str>,
    content_hash: &str,
    from: &Provenance,
    new: &NewOpinion,
) -> Result<Receipt> {
    drafts::hold_draft(tx, draft).await?;
    let round = consultations::newest_round_in(tx, draft).await?;
    // The one documented instant: the clock inside the transaction that writes, once nobody can move the draft on any more.
    let now = at.clock.now();
    let (round, is_late) = receiving_round(round, now)?;
    let provision_label = match &new.address {
        None => WHOLE_DRAFT.to_owned(),
        Some(address) => versions::cite_address(tx, round.version_id, address)
            .await?
            .ok_or_else(|| Error::invalid("address", "草案的这个稿次中没有这一条款，请刷新页面后重新选择。"))?,
    };
    let id = OpinionId(at.ids.next());
    let number = format!("YJ{}-{}", calendar::day_of(now).format("%Y%m%d"), at.ids.secret(5).to_uppercase());
    let words: String = new.body.chars().filter(|c| !c.is_whitespace()).collect();
    let written: u64 = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(id).bind(&number).bind(draft).bind(round.id).bind(round.version_id).bind(from.account_id).bind(&from.author_kind)
        .bind(from.channel.as_str()).bind(from.contact_point).bind(from.station).bind(&new.address).bind(&provision_label).bind(new.stance.as_str())
        .bind(&new.body).bind(&new.reason).bind(new.is_public).bind(OpinionState::Received.as_str()).bind(key).bind(content_hash)
        .bind(sm3_hex(words.as_bytes())).bind(now).bind(Display::Shown.as_str()).bind(is_late).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if written == 0 {
        // The same key arrived twice at the same time, and the other one was first.
        let known: Option<KeyRow> =
            on_tx!(tx, c => sqlx::query_as(FIND_BY_KEY).bind(from.account_id).bind(key).fetch_optional(c).await).map_err(failed)?;
        return known.ok_or_else(|| Error::defect("an opinion was neither written nor found"))?.into_receipt(content_hash);
    }
    Ok(Receipt { opinion_id: id, number, posted_at: now, provision_label, is_late, is_repetition: false })
}

/// The round that takes opinions at an instant, and whether they are late then.
fn receiving_round(round: Option<Consultation>, now: DateTime<Utc>) -> Result<(Consultation, bool)> {
    let not_open = |detail: String| Error::new(Code::NotOpen, detail);
    let round = round.ok_or_else(|| Error::not_found("正在征求意见的草案"))?;
    match round.phase(now) {
        Phase::Open => Ok((round, false)),
        Phase::Late => Ok((round, true)),
        Phase::Upcoming => Err(not_open(format!("征求意见从 {} 开始，届时欢迎您提出意见。", round.opens_on().format("%Y年%-m月%-d日")))),
        Phase::Withdrawn => Err(not_open("本轮征求意见已经提前结束，不再接收意见。".into())),
        Phase::Closed => {
            Err(not_open(format!("本轮征求意见已于 {} 24 时结束，不再接收意见。", round.closes_on().format("%Y年%-m月%-d日"))))
        }
    }
}

/// The opinion as it will be stored: trimmed, within its limits, without control characters.
fn checked(rules: &Rules, new: NewOpinion) -> Result<NewOpinion> {
    let clean = |text: &str| -> String {
        let text = text.replace("\r\n", "\n");
        text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
    };
    let new = NewOpinion { body: clean(&new.body), reason: clean(&new.reason), ..new };
    if new.body.is_empty() {
        return Err(Error::invalid("body", "请填写意见内容。"));
    }
    let limit = rules.opinion_characters;
    for (field, text) in [("body", &new.body), ("reason", &new.reason)] {
        if text.chars().count() > limit {
            return Err(Error::invalid(field, format!("内容不超过 {limit} 个字，请精简或者分成几条提交。")));
        }
    }
    if new.address.as_ref().is_some_and(|address| address.is_empty() || address.len() > 200) {
        return Err(Error::invalid("address", "条款地址无法识别；对草案整体提出意见时请不要填写。"));
    }
    Ok(new)
}

/// Hash of everything the author sent, each part with its length before it.
fn content_hash(draft: DraftId, new: &NewOpinion) -> String {
    let mut bytes = Vec::new();
    let address = new.address.as_deref().unwrap_or("");
    let wish = if new.is_public { "public" } else { "withheld" };
    for part in [draft.to_string().as_str(), address, new.stance.as_str(), &new.body, &new.reason, wish] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    sm3_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opinions::Stance;

    fn opinion(body: &str) -> NewOpinion {
        NewOpinion { address: None, stance: Stance::Amend, body: body.into(), reason: String::new(), is_public: true }
    }

    #[test]
    fn opinions_are_trimmed_and_bounded() {
        let rules = Rules { opinion_characters: 5, ..Rules::default() };
        assert_eq!(checked(&rules, opinion(" 好\u{0}的\r\n ")).unwrap().body, "好的");
        for bad in ["", " \n\t", "\u{7}", "一二三四五六"] {
            assert_eq!(checked(&rules, opinion(bad)).unwrap_err().fields.first().map(|f| f.field.as_str()), Some("body"), "{bad:?}");
        }
        assert!(checked(&rules, NewOpinion { address: Some(String::new()), ..opinion("好") }).is_err());
    }

    #[test]
    fn any_difference_makes_another_content() {
        let draft = DraftId(uuid::Uuid::from_u128(1));
        let base = opinion("改");
        let variants = [
            NewOpinion { body: "删".into(), ..base.clone() },
            NewOpinion { reason: "因".into(), ..base.clone() },
            NewOpinion { address: Some("art-1".into()), ..base.clone() },
            NewOpinion { stance: Stance::Oppose, ..base.clone() },
            NewOpinion { is_public: false, ..base.clone() },
        ];
        for variant in variants {
            assert_ne!(content_hash(draft, &variant), content_hash(draft, &base), "{variant:?}");
        }
        assert_ne!(content_hash(DraftId(uuid::Uuid::from_u128(2)), &base), content_hash(draft, &base));
    }
}
