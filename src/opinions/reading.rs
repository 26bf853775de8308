//! Reading opinions: what staff see, what the author sees, what everybody sees, and the counts.
//!
//! [`PublicOpinion`] is the one form in which an opinion reaches the public, and [`PublicOpinion::of`] the one place that leaves out what the author wished
//! to keep back and what was hidden or not yet checked; pages, API and exports all take it from here.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::feedback::DispositionKind;
use super::{Channel, Display, OpinionState, Stance};
use crate::accounts::{Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{AccountId, ContactPointId, DraftId, DraftVersionId, OpinionId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};

/// An opinion with everything staff may see.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Id.
    pub id: OpinionId,
    /// Number on the receipt.
    pub receipt_number: String,
    /// Its draft.
    pub draft_id: DraftId,
    /// The version it speaks of.
    pub version_id: DraftVersionId,
    /// A kind of person or unit.
    pub author_kind: String,
    /// How it came.
    pub channel: Channel,
    /// The contact point that collected it.
    pub contact_point: Option<ContactPointId>,
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// Attitude.
    pub stance: Stance,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// The words of the provision that the author points at; may be empty.
    pub quote_text: String,
    /// Where they begin in the provision's own text, in characters.
    pub quote_start: Option<i64>,
    /// The wording that the author proposes; may be empty.
    pub proposed_text: String,
    /// Whether the author agreed to its publication.
    pub is_public: bool,
    /// Whether others may see the words.
    pub display: Display,
    /// Where it stands.
    pub state: OpinionState,
    /// From 1; one more with each change by the author.
    pub revision: i64,
    /// When it came.
    pub posted_at: DateTime<Utc>,
    /// When the author last changed it.
    pub updated_at: Option<DateTime<Utc>>,
    /// Who of the staff handles it.
    pub handler: Option<AccountId>,
    /// The group it is answered with.
    pub group: Option<Uuid>,
    /// The listed reason for which it needs no answer.
    pub exclusion: Option<String>,
    /// Its answer, prepared or public.
    pub disposition: Option<Disposition>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Disposition {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// When it was written.
    pub prepared_at: DateTime<Utc>,
    /// When a second person let it pass.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Since when it is public.
    pub published_at: Option<DateTime<Utc>>,
    /// Version and address of the provision that resulted.
    pub result: Option<(DraftVersionId, String)>,
}

/// What the public sees of the words of an opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// All of them.
    Shown,
    /// None: the author keeps them back.
    Withheld,
    /// None: hidden with a reason, or not yet checked. The place stays, so that nothing vanishes.
    Hidden,
}

/// An opinion as everybody sees it.
#[derive(Clone, Debug)]
pub struct PublicOpinion {
    /// Id, for links.
    pub id: OpinionId,
    /// The version it speaks of.
    pub version_id: DraftVersionId,
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// How it came.
    pub channel: Channel,
    /// When it came.
    pub posted_at: DateTime<Utc>,
    /// The group it is answered with.
    pub group: Option<Uuid>,
    /// Which of the fields below are given.
    pub words: Words,
    /// A kind of person or unit; `None` when the words are not shown.
    pub author_kind: Option<String>,
    /// Attitude; `None` when the words are not shown.
    pub stance: Option<Stance>,
    /// The words that the author points at; `None` when not shown.
    pub quote_text: Option<String>,
    /// The wording that the author proposes; `None` when not shown.
    pub proposed_text: Option<String>,
    /// The opinion; `None` when not shown.
    pub body: Option<String>,
    /// Why; `None` when not shown.
    pub reason: Option<String>,
    /// The public answer, once there is one.
    pub answer: Option<PublicAnswer>,
}

/// A public answer.
#[derive(Clone, Debug)]
pub struct PublicAnswer {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// Since when it is public.
    pub published_at: DateTime<Utc>,
    /// Version and address of the provision that resulted.
    pub result: Option<(DraftVersionId, String)>,
}

impl PublicOpinion {
    /// The public form: the one visibility policy of pages, API, exports and search.
    pub fn of(opinion: Opinion) -> PublicOpinion {
        let words = match (opinion.display, opinion.is_public) {
            (Display::Shown, true) => Words::Shown,
            (Display::Shown, false) => Words::Withheld,
            (Display::Checking | Display::Review | Display::Hidden, _) => Words::Hidden,
        };
        let shown = words == Words::Shown;
        let answer = opinion.disposition.and_then(|disposition| {
            let published_at = disposition.published_at?;
            Some(PublicAnswer { kind: disposition.kind, reason: disposition.reason, published_at, result: disposition.result })
        });
        PublicOpinion {
            id: opinion.id,
            version_id: opinion.version_id,
            address: opinion.address,
            provision_label: opinion.provision_label,
            channel: opinion.channel,
            posted_at: opinion.posted_at,
            group: opinion.group,
            words,
            author_kind: shown.then_some(opinion.author_kind),
            stance: shown.then_some(opinion.stance),
            quote_text: shown.then_some(opinion.quote_text),
            proposed_text: shown.then_some(opinion.proposed_text),
            body: shown.then_some(opinion.body),
            reason: shown.then_some(opinion.reason),
            answer,
        }
    }
}

/// Counts of the opinions on a draft. Each number counts something else, so each is named where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpinionCounts {
    /// 意见条数: opinions received.
    pub opinions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// Opinions whose answer is public.
    pub answered: i64,
    /// By channel.
    pub by_channel: Vec<(Channel, i64)>,
    /// Public answers by outcome.
    pub by_disposition: Vec<(DispositionKind, i64)>,
}

#[derive(FromRow)]
struct Row {
    id: OpinionId,
    receipt_number: String,
    draft_id: DraftId,
    version_id: DraftVersionId,
    author_kind: String,
    channel: String,
    contact_point_id: Option<ContactPointId>,
    address: Option<String>,
    provision_label: String,
    stance: String,
    body: String,
    reason: String,
    quote_text: String,
    quote_start: Option<i64>,
    proposed_text: String,
    is_public: bool,
    display: String,
    state: String,
    revision: i64,
    posted_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    handler_id: Option<AccountId>,
    group_id: Option<Uuid>,
    exclusion: Option<String>,
    disposition_kind: Option<String>,
    disposition_reason: Option<String>,
    prepared_at: Option<DateTime<Utc>>,
    reviewed_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    result_version_id: Option<DraftVersionId>,
    result_address: Option<String>,
}

impl Row {
    fn into_opinion(self) -> Result<Opinion> {
        let disposition = match (self.disposition_kind, self.disposition_reason, self.prepared_at) {
            (Some(kind), Some(reason), Some(prepared_at)) => Some(Disposition {
                kind: DispositionKind::stored(&kind)?,
                reason,
                prepared_at,
                reviewed_at: self.reviewed_at,
                published_at: self.published_at,
                result: self.result_version_id.zip(self.result_address),
            }),
            _ => None,
        };
        Ok(Opinion {
            id: self.id,
            receipt_number: self.receipt_number,
            draft_id: self.draft_id,
            version_id: self.version_id,
            author_kind: self.author_kind,
            channel: Channel::stored(&self.channel)?,
            contact_point: self.contact_point_id,
            address: self.address,
            provision_label: self.provision_label,
            stance: Stance::stored(&self.stance)?,
            body: self.body,
            reason: self.reason,
            quote_text: self.quote_text,
            quote_start: self.quote_start,
            proposed_text: self.proposed_text,
            is_public: self.is_public,
            display: Display::stored(&self.display)?,
            state: OpinionState::stored(&self.state)?,
            revision: self.revision,
            posted_at: self.posted_at,
            updated_at: self.updated_at,
            handler: self.handler_id,
            group: self.group_id,
            exclusion: self.exclusion,
            disposition,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.receipt_number, o.draft_id, o.version_id, o.author_kind, o.channel, o.contact_point_id, o.address, o.provision_label, o.stance, o.body,
            o.reason, o.quote_text, o.quote_start, o.proposed_text, o.is_public, o.display, o.state, o.revision, o.posted_at, o.updated_at, o.handler_id,
            o.group_id, o.exclusion, p.kind AS disposition_kind, p.reason AS disposition_reason, p.prepared_at, p.reviewed_at, p.published_at,
            p.result_version_id, p.result_address
            FROM opinion o LEFT JOIN disposition p ON p.opinion_id = o.id ",
            $rest
        )
    };
}

const LIST_FOR_STAFF: &str = select!(
    "WHERE o.draft_id = $1 AND (o.state = $2 OR $2 IS NULL) AND ((o.posted_at, o.id) > ($3, $4) OR $3 IS NULL) ORDER BY o.posted_at, o.id LIMIT $5"
);
const LIST_ANSWERED: &str = select!(
    "WHERE o.draft_id = $1 AND (o.address = $2 OR $2 IS NULL) AND p.published_at IS NOT NULL AND ((o.posted_at, o.id) > ($3, $4) OR $3 IS NULL)
    ORDER BY o.posted_at, o.id LIMIT $5"
);
const LIST_OWN: &str =
    select!("WHERE o.account_id = $1 AND ((o.posted_at, o.id) < ($2, $3) OR $2 IS NULL) ORDER BY o.posted_at DESC, o.id DESC LIMIT $4");
const FIND: &str = select!("WHERE o.id = $1");
const OWNER: &str = "SELECT account_id FROM opinion WHERE id = $1";
const COUNT: &str =
    "SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(DISTINCT text_hash) AS BIGINT), CAST(COUNT(DISTINCT account_id) AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state = 'answered') AS BIGINT) FROM opinion WHERE draft_id = $1 AND state <> 'withdrawn'";
const COUNT_BY_CHANNEL: &str =
    "SELECT channel, CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state <> 'withdrawn' GROUP BY channel ORDER BY channel";
const COUNT_BY_DISPOSITION: &str = "SELECT p.kind, CAST(COUNT(*) AS BIGINT) FROM disposition p JOIN opinion o ON o.id = p.opinion_id
    WHERE o.draft_id = $1 AND p.published_at IS NOT NULL GROUP BY p.kind ORDER BY p.kind";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_FOR_STAFF, LIST_ANSWERED, LIST_OWN, FIND, OWNER, COUNT, COUNT_BY_CHANNEL, COUNT_BY_DISPOSITION];

type Key = (DateTime<Utc>, OpinionId);

fn page_of(rows: Vec<Row>, limit: usize) -> Result<Page<Opinion>> {
    let page = Page::cut(rows, limit, |row| (row.posted_at, row.id));
    let items: Result<Vec<Opinion>> = page.items.into_iter().map(Row::into_opinion).collect();
    Ok(Page { items: items?, next: page.next })
}

fn limits(cursor: Option<&str>, limit: usize) -> Result<(Option<DateTime<Utc>>, Option<OpinionId>, i64)> {
    let after: Option<Key> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    Ok((at, id, i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)))
}

/// All opinions on a draft in the order in which they came, for staff; `state` narrows.
pub async fn list_opinions(
    db: &Db,
    caller: &Caller,
    draft: &Draft,
    state: Option<OpinionState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Opinion>> {
    caller.require(Permission::ReadOpinions)?;
    let (at, id, wanted) = limits(cursor, limit)?;
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_FOR_STAFF)
        .bind(draft.id).bind(state.map(OpinionState::as_str)).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    page_of(rows, limit)
}

/// Answered opinions on a public draft, as everybody sees them; `address` narrows to one provision.
pub async fn list_answers(
    db: &Db,
    draft: &Draft,
    address: Option<&str>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<PublicOpinion>> {
    let (at, id, wanted) = limits(cursor, limit)?;
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_ANSWERED)
        .bind(draft.id).bind(address).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    Ok(page_of(rows, limit)?.map(PublicOpinion::of))
}

/// What the caller has said, the newest first. An answer that is only prepared is not shown.
pub async fn list_own_opinions(db: &Db, caller: &Caller, cursor: Option<&str>, limit: usize) -> Result<Page<Opinion>> {
    caller.require(Permission::PostOpinion)?;
    let (at, id, wanted) = limits(cursor, limit)?;
    let rows: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(LIST_OWN).bind(caller.account_id).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
            .map_err(failed)?;
    Ok(page_of(rows, limit)?.map(for_author))
}

/// One opinion, for staff or for its author; "not found" for everybody else.
pub async fn get_opinion(db: &Db, caller: &Caller, id: OpinionId) -> Result<Opinion> {
    let absent = || Error::not_found("这条意见");
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let opinion = row.ok_or_else(absent)?.into_opinion()?;
    if caller.may(Permission::ReadOpinions) {
        return Ok(opinion);
    }
    let owner: Option<AccountId> = on_db!(db, pool => sqlx::query_scalar(OWNER).bind(id).fetch_one(pool).await).map_err(failed)?;
    if owner == Some(caller.account_id) { Ok(for_author(opinion)) } else { Err(absent()) }
}

/// The author's view: an answer exists for them when it is public.
fn for_author(opinion: Opinion) -> Opinion {
    let disposition = opinion.disposition.filter(|d| d.published_at.is_some());
    let state = match opinion.state {
        OpinionState::Answered | OpinionState::Withdrawn | OpinionState::Excluded => opinion.state,
        OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed => OpinionState::Received,
    };
    Opinion { disposition, state, ..opinion }
}

/// Counts of the opinions on a draft.
pub async fn count_opinions(db: &Db, draft: &Draft) -> Result<OpinionCounts> {
    let (opinions, distinct_texts, signed_in_people, answered) =
        on_db!(db, pool => sqlx::query_as::<_, (i64, i64, i64, i64)>(COUNT).bind(draft.id).fetch_one(pool).await).map_err(failed)?;
    let channels: Vec<(String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_BY_CHANNEL).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let outcomes: Vec<(String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_BY_DISPOSITION).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    Ok(OpinionCounts {
        opinions,
        distinct_texts,
        signed_in_people,
        answered,
        by_channel: channels.into_iter().map(|(c, n)| Ok((Channel::stored(&c)?, n))).collect::<Result<_>>()?,
        by_disposition: outcomes.into_iter().map(|(k, n)| Ok((DispositionKind::stored(&k)?, n))).collect::<Result<_>>()?,
    })
}
