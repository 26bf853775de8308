//! The one way an offline opinion is written: in one transaction with its provenance and the check before its display, once by its key and once by
//! its content.
//!
//! Whether it is in time is decided by the day on which it was said, which must lie within the round; it may be entered while the point works on its
//! assignment and the answers of the round are not public.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::provenance::{CONTACT_PURPOSE, Consent, Method, PERSON_HASH, PERSON_PURPOSE};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::calendar;
use crate::config::Rules;
use crate::contact_points::assignments::{self, Assignment};
use crate::drafts::{
    self,
    consultations::{self, Consultation},
};
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, AssignmentId, Clock, ContactPointId, IdSource, OpinionId, StationId, UploadBatchId};
use crate::opinions::acts::check_key;
use crate::opinions::moderation::checking;
use crate::opinions::moderation::words::WordList;
use crate::opinions::posting::{self, Once};
use crate::opinions::wording::{self, Wording};
use crate::opinions::{Channel, NewOpinion, Provenance, Receipt, Taken};
use crate::storage::crypto::{DataKey, FieldCipher, sm3_hex};
use crate::storage::sql::{failed, is_duplicate};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What an author without a further word is called.
pub const SOMEBODY: &str = "群众";
/// Longest name, contact, collector, place and way of collecting, in characters.
pub const SHORT_CHARACTERS: usize = 100;
/// Longest kind of person, in characters.
pub const KIND_CHARACTERS: usize = 20;

/// What recording works with.
#[derive(Clone, Copy)]
pub struct Recorder<'a> {
    /// Where opinions are kept.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Ids and receipt numbers.
    pub ids: &'a IdSource,
    /// What the installation wishes.
    pub rules: &'a Rules,
    /// Key of keyed hashes, which count persons.
    pub key: &'a DataKey,
    /// Seals names and contacts.
    pub cipher: &'a FieldCipher,
    /// Words that keep an opinion from being shown unseen.
    pub words: &'a WordList,
    /// Counts what was taken.
    pub taken: &'a Taken,
}

/// An offline opinion to be written.
#[derive(Clone, Debug)]
pub struct NewOffline {
    /// What was said. Its wish to be published follows `consent`.
    pub opinion: NewOpinion,
    /// A kind of person or unit, never a name; empty = [`SOMEBODY`].
    pub author_kind: String,
    /// Name of the person or unit; may be empty.
    pub person: String,
    /// How to reach them; may be empty.
    pub contact: String,
    /// Whether they agreed to its publication.
    pub consent: Consent,
    /// How it was collected.
    pub method: Method,
    /// How, in the words of the paper; may be empty.
    pub method_words: String,
    /// Who collected it; may be empty.
    pub collector: String,
    /// Where; may be empty.
    pub place: String,
    /// When it was said.
    pub collected_on: NaiveDate,
    /// The station.
    pub station: Option<StationId>,
    /// The activity.
    pub activity: Option<ActivityId>,
    /// The provision as the paper has it; may be empty.
    pub provision_words: String,
    /// The words of the provision as the paper has them; may be empty.
    pub quoted_words: String,
    /// Batch and ordinal of the row it came in.
    pub row: Option<(UploadBatchId, i64)>,
    /// Which of the people without a name who say the same in one file, from 0: forty forms with the same words are forty opinions.
    pub alike: u32,
    /// A scan or photograph of the paper.
    pub scan: Option<Scan>,
}

/// A stored scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Name.
    pub name: String,
    /// Hash of its content in the store.
    pub hash: String,
    /// Size.
    pub bytes: i64,
}

/// What became of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was written.
    New(Receipt),
    /// It was written before: under the same key, or with the same content.
    Known(Receipt),
}

impl Recorded {
    /// The receipt, old or new.
    pub fn receipt(&self) -> &Receipt {
        match self {
            Recorded::New(receipt) | Recorded::Known(receipt) => receipt,
        }
    }
}

#[derive(FromRow)]
struct KnownRow {
    opinion_id: OpinionId,
    receipt_number: String,
    posted_at: DateTime<Utc>,
    provision_label: String,
    is_late: bool,
    content_hash: String,
}

impl KnownRow {
    /// Whether it has the content, by whichever of several people who said the same.
    fn is_content(&self, plain: &str) -> bool {
        self.content_hash.split('-').next() == Some(plain)
    }

    fn into_receipt(self) -> Receipt {
        Receipt {
            opinion_id: self.opinion_id,
            number: self.receipt_number,
            posted_at: self.posted_at,
            provision_label: self.provision_label,
            is_late: self.is_late,
            is_repetition: true,
        }
    }
}

const FIND_BY_CONTENT: &str = "SELECT v.opinion_id, o.receipt_number, o.posted_at, o.provision_label, o.is_late, v.content_hash FROM opinion_provenance v
    JOIN opinion o ON o.id = v.opinion_id WHERE v.consultation_id = $1 AND v.contact_point_id = $2 AND v.content_hash = $3 AND v.undone_at IS NULL";
const FIND_BY_KEY: &str =
    "SELECT v.opinion_id, o.receipt_number, o.posted_at, o.provision_label, o.is_late, v.content_hash FROM opinion_provenance v
    JOIN opinion o ON o.id = v.opinion_id WHERE v.contact_point_id = $1 AND v.idempotency_key = $2";
const INSERT: &str = "INSERT INTO opinion_provenance (opinion_id, consultation_id, contact_point_id, station_id, assignment_id, activity_id, batch_id, row_ordinal, collector,
    method, method_words, place, collected_on, entered_by, entered_at, consent, person_sealed, contact_sealed, person_hash, provision_words, quoted_words, scan_name,
    scan_hash, scan_bytes, content_hash, idempotency_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)";
const OWNS_STATION: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM collection_station WHERE id = $1 AND contact_point_id = $2";
const OWNS_ACTIVITY: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM collection_activity WHERE id = $1 AND contact_point_id = $2 AND (station_id = $3 OR $3 IS NULL)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_BY_CONTENT, FIND_BY_KEY, INSERT, OWNS_STATION, OWNS_ACTIVITY];

/// Hash of a person as counts know them; `None` when nothing was said about them.
pub fn person_hash(key: &DataKey, person: &str, contact: &str) -> Option<String> {
    let plain = |words: &str| words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (person, contact) = (plain(person), plain(contact));
    (!person.is_empty() || !contact.is_empty()).then(|| key.keyed_hash(PERSON_HASH, &format!("{person}\0{contact}")))
}

/// Hash of what makes an offline opinion this one and no other at its point: the words, the place they are about, and the person. White space does not
/// count, nor does when or by whom it was entered.
pub fn content_hash(opinion: &NewOpinion, provision_words: &str, person: Option<&str>) -> String {
    let plain = |words: &str| words.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let place = opinion.address.clone().unwrap_or_default();
    let mut bytes = Vec::new();
    let parts = [
        place,
        plain(provision_words),
        plain(&opinion.body),
        plain(&opinion.proposed_text),
        plain(&opinion.reason),
        opinion.stance.as_str().to_owned(),
        person.unwrap_or_default().to_owned(),
    ];
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    sm3_hex(&bytes)
}

fn plain_content(at: Recorder<'_>, new: &NewOffline) -> String {
    content_hash(&new.opinion, &new.provision_words, person_hash(at.key, &new.person, &new.contact).as_deref())
}

/// The content of the `alike`th person without a name who says the same, from 0.
pub fn alike_content(content: &str, alike: u32) -> String {
    if alike == 0 { content.to_owned() } else { format!("{content}-{alike}") }
}

/// Which of several alike a content is, from 0.
pub fn alike_of(content: &str) -> u32 {
    content.split_once('-').and_then(|(_, alike)| alike.parse().ok()).unwrap_or(0)
}

/// Whether a day lies within a round, and whether it is late; a failure says why not.
pub fn in_round(round: &Consultation, today: NaiveDate, day: NaiveDate) -> Result<bool> {
    let written = calendar::chinese_day;
    let refused = |sentence: String| Err(Error::invalid("collected_on", sentence));
    let (first, mut last) = (round.opens_on(), round.closes_on());
    if let Some(withdrawn) = round.withdrawn_at {
        last = last.min(calendar::day_of(withdrawn));
    }
    if day > today {
        return refused(format!("收集日期 {} 还没有到。", written(day)));
    }
    if day < first || day > round.late_through().filter(|_| round.withdrawn_at.is_none()).unwrap_or(last).max(last) {
        return refused(format!("收集日期 {} 不在本轮征求意见期间（{} 至 {}）。", written(day), written(first), written(last)));
    }
    Ok(day > last)
}

/// Passes when the answers of the round are not public.
pub(super) fn require_unanswered(round: &Consultation) -> Result<()> {
    if round.feedback_published_at.is_some() {
        return Err(Error::new(Code::NotOpen, "这一轮征求意见的采纳情况已经公布，不能再录入意见。"));
    }
    Ok(())
}

/// Writes one offline opinion for an assignment of the caller's own point. The same key, and the same content, give the same receipt again.
pub async fn record_offline(at: Recorder<'_>, caller: &Caller, assignment: AssignmentId, key: &str, new: NewOffline) -> Result<Recorded> {
    check_key(key)?;
    let own = assignments::get_own(at.db, caller, assignment).await?;
    let new = checked(at.rules, new)?;
    if let Some(station) = caller.station
        && new.station.is_some_and(|wanted| wanted != station)
    {
        return Err(Error::invalid("station_id", "您只能为自己所在的信息采集点录入。"));
    }
    let new = NewOffline { station: new.station.or(caller.station), ..new };
    // What was heard is heard, whatever became of the assignment since: a device that missed the answer asks again.
    let known: Option<KnownRow> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_KEY).bind(own.contact_point_id).bind(key).fetch_optional(pool).await)
            .map_err(failed)?;
    if let Some(known) = known.filter(|known| known.is_content(&plain_content(at, &new))) {
        return Ok(Recorded::Known(known.into_receipt()));
    }
    // What a published version says never changes, so this may be asked before the transaction begins.
    let wording = wording::place(at.db, own.version_id, new.opinion.clone()).await?;
    let mut tx = at.db.begin().await?;
    let (own, round) = hold(&mut tx, caller, &own).await?;
    require_own(&mut tx, caller, own.contact_point_id, &new).await?;
    let recorded = write(&mut tx, at, caller, &own, &round, Some(key), &new, wording).await?;
    if let Recorded::New(receipt) = &recorded {
        let entry = NewEntry {
            account_id: Some(caller.account_id),
            act: Act::RecordOfflineOpinion,
            subject: "opinion",
            subject_id: Some(receipt.opinion_id.0),
            is_success: true,
            detail: &receipt.number,
        };
        audit::append(&mut tx, at.clock, entry).await?;
    }
    tx.commit().await?;
    if matches!(recorded, Recorded::New(_)) {
        at.taken.note(Channel::ContactPoint, 1);
    }
    Ok(recorded)
}

/// Holds the draft and the assignment until the transaction ends, while they take opinions; the first thing of a transaction that writes.
pub(super) async fn hold(tx: &mut Tx, caller: &Caller, own: &Assignment) -> Result<(Assignment, Consultation)> {
    drafts::hold_draft(tx, own.draft_id).await?;
    let own = assignments::require_collecting(tx, caller, own.id).await?;
    let round = consultations::get_round_in(tx, own.draft_id, own.consultation_id).await?;
    require_unanswered(&round)?;
    Ok((own, round))
}

/// Station and activity belong to the point; others do not exist for it.
pub(super) async fn require_own(tx: &mut Tx, caller: &Caller, point: ContactPointId, new: &NewOffline) -> Result<()> {
    if let Some(station) = new.station
        && !owns_station(tx, point, station).await?
    {
        return Err(Error::invalid("station_id", "没有这个信息采集点，请重新选择。"));
    }
    if let Some(activity) = new.activity
        && !owns_activity(tx, caller, point, activity).await?
    {
        return Err(Error::invalid("activity_id", "没有这项征集活动，请重新选择。"));
    }
    Ok(())
}

/// Whether a station is one of a point.
pub(super) async fn owns_station(tx: &mut Tx, point: ContactPointId, station: StationId) -> Result<bool> {
    let found: i64 = on_tx!(tx, c => sqlx::query_scalar(OWNS_STATION).bind(station).bind(point).fetch_one(c).await).map_err(failed)?;
    Ok(found > 0)
}

/// Whether an activity is one of a point, and of the caller's station when they work for one only.
pub(super) async fn owns_activity(tx: &mut Tx, caller: &Caller, point: ContactPointId, activity: ActivityId) -> Result<bool> {
    let found: i64 = on_tx!(tx, c => sqlx::query_scalar(OWNS_ACTIVITY).bind(activity).bind(point).bind(caller.station).fetch_one(c).await)
        .map_err(failed)?;
    Ok(found > 0)
}

/// The opinion within its limits; its wish follows the consent.
pub(super) fn checked(rules: &Rules, new: NewOffline) -> Result<NewOffline> {
    let opinion = wording::checked(rules, NewOpinion { is_public: new.consent == Consent::Given, ..new.opinion.clone() })?;
    let long = |field: &str, what: &str, words: &str, limit: usize| {
        if words.chars().count() > limit {
            return Err(Error::invalid(field, format!("{what}不超过 {limit} 个字。")));
        }
        Ok(())
    };
    long("person", "提出人", &new.person, SHORT_CHARACTERS)?;
    long("contact", "联系方式", &new.contact, SHORT_CHARACTERS)?;
    long("collector", "收集人", &new.collector, SHORT_CHARACTERS)?;
    long("place", "地点", &new.place, SHORT_CHARACTERS)?;
    long("method_words", "收集方式", &new.method_words, SHORT_CHARACTERS)?;
    long("author_kind", "身份类别", &new.author_kind, KIND_CHARACTERS)?;
    Ok(NewOffline { opinion, ..new })
}

/// Writes an opinion that was checked, inside a transaction that holds draft and assignment.
#[expect(clippy::too_many_arguments, reason = "what one row is made of, each from another place")]
pub(super) async fn write(
    tx: &mut Tx,
    at: Recorder<'_>,
    caller: &Caller,
    own: &Assignment,
    round: &Consultation,
    key: Option<&str>,
    new: &NewOffline,
    wording: Wording,
) -> Result<Recorded> {
    let point = own.contact_point_id;
    let person = person_hash(at.key, &new.person, &new.contact);
    let plain = plain_content(at, new);
    if let Some(key) = key {
        let known: Option<KnownRow> =
            on_tx!(&mut *tx, c => sqlx::query_as(FIND_BY_KEY).bind(point).bind(key).fetch_optional(c).await).map_err(failed)?;
        match known {
            Some(known) if known.is_content(&plain) => {
                return Ok(Recorded::Known(known.into_receipt()));
            }
            Some(_) => return Err(Error::new(Code::KeyReused, "这个重复提交标识已用于另一条意见。新的意见请换一个标识再提交。")),
            None => {}
        }
    }
    let mut alike = new.alike;
    let content = loop {
        let content = alike_content(&plain, alike);
        let known: Option<KnownRow> =
            on_tx!(&mut *tx, c => sqlx::query_as(FIND_BY_CONTENT).bind(round.id).bind(point).bind(&content).fetch_optional(c).await)
                .map_err(failed)?;
        match known {
            None => break content,
            // Entered one by one, the same words without a name come from somebody else.
            Some(_) if key.is_some() && person.is_none() => alike += 1,
            Some(known) => return Ok(Recorded::Known(known.into_receipt())),
        }
    };
    let now = at.clock.now();
    let is_late = in_round(round, calendar::day_of(now), new.collected_on)?;
    let author_kind = if new.author_kind.trim().is_empty() { SOMEBODY.to_owned() } else { new.author_kind.trim().to_owned() };
    let from = Provenance {
        account_id: None,
        person_hash: person.clone(),
        author_kind,
        channel: Channel::ContactPoint,
        contact_point: Some(point),
        station: new.station,
    };
    let id = OpinionId(at.ids.next());
    let mut number = posting::receipt_number(at.ids, now);
    // Only somebody else's receipt with the same number is in the way.
    let mut tries = 0;
    while !posting::insert(tx, id, &number, round, &Once::Offline, &content, &from, &wording, now, is_late).await? {
        tries += 1;
        if tries > 3 {
            return Err(Error::defect("no number is left for a receipt"));
        }
        number = posting::receipt_number(at.ids, now);
    }
    let seal = |purpose: &str, words: &str| {
        let words = words.trim();
        (!words.is_empty()).then(|| at.cipher.seal(purpose, words)).transpose()
    };
    let (person_sealed, contact_sealed) = (seal(PERSON_PURPOSE, &new.person)?, seal(CONTACT_PURPOSE, &new.contact)?);
    let (batch, ordinal) = new.row.map_or((None, None), |(batch, ordinal)| (Some(batch), Some(ordinal)));
    let scan = new.scan.as_ref();
    on_tx!(&mut *tx, c => sqlx::query(INSERT)
        .bind(id).bind(round.id).bind(point).bind(new.station).bind(own.id).bind(new.activity).bind(batch).bind(ordinal).bind(&new.collector)
        .bind(new.method.as_str()).bind(&new.method_words).bind(&new.place).bind(new.collected_on).bind(caller.account_id).bind(now)
        .bind(new.consent.as_str()).bind(&person_sealed).bind(&contact_sealed).bind(&person).bind(&new.provision_words).bind(&new.quoted_words)
        .bind(scan.map_or("", |s| s.name.as_str())).bind(scan.map_or("", |s| s.hash.as_str())).bind(scan.map_or(0, |s| s.bytes))
        .bind(&content).bind(key).execute(c).await.map(drop))
    .map_err(|error| {
        // Two assignments of one point at the same time.
        if is_duplicate(&error) { Error::new(Code::Conflict, "同样的意见正在别处录入，请稍后再试。").caused_by(error) } else { failed(error) }
    })?;
    checking::check_recorded(tx, at.clock, at.words, id).await?;
    Ok(Recorded::New(Receipt {
        opinion_id: id,
        number,
        posted_at: now,
        provision_label: wording.provision_label,
        is_late,
        is_repetition: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opinions::Stance;

    #[test]
    fn the_same_words_of_the_same_person_are_one_opinion() {
        let opinion = NewOpinion::on(Some("art-1".into()), Stance::Amend, "删去“等”字");
        let same = NewOpinion { body: " 删去“等” 字\n".into(), is_public: false, ..opinion.clone() };
        let base = content_hash(&opinion, "第一条", Some("p"));
        assert_eq!(content_hash(&same, "第 一 条", Some("p")), base, "white space and consent do not matter");
        for other in [
            content_hash(&opinion, "第一条", None),
            content_hash(&opinion, "第一、二条", Some("p")),
            content_hash(&NewOpinion { reason: "因".into(), ..opinion.clone() }, "第一条", Some("p")),
            content_hash(&NewOpinion { address: None, ..opinion.clone() }, "第一条", Some("p")),
            content_hash(&NewOpinion { stance: Stance::Oppose, ..opinion }, "第一条", Some("p")),
        ] {
            assert_ne!(other, base);
        }
        assert_eq!((alike_content(&base, 0), alike_of(&base)), (base.clone(), 0));
        assert_eq!(alike_of(&alike_content(&base, 12)), 12);
    }
}
