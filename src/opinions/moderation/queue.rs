//! What waits for a person, what was decided, and what an author is told: the reading side of moderation.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;

use super::appeals::AppealOutcome;
use super::{Concern, Display, HidingReason, Step};
use crate::accounts::{Caller, Permission};
use crate::error::{Error, Result};
use crate::ids::{AccountId, DraftId, DraftVersionId, OpinionId};
use crate::on_db;
use crate::opinions::{Channel, OpinionState, Stance};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::text_enum;

text_enum! {
    /// Which opinions a list of moderation shows.
    Shelf {
        /// Those that wait for a person, the oldest first.
        Waiting = "waiting", "待审核";
        /// Those against whose hiding the author appeals, the oldest appeal first.
        Appealed = "appealed", "申诉";
        /// Those that are hidden.
        Hidden = "hidden", "不予展示";
    }
}

/// An opinion as moderators read it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Id.
    pub id: OpinionId,
    /// Number on the receipt.
    pub receipt_number: String,
    /// Its draft.
    pub draft_id: DraftId,
    /// Title of the draft.
    pub draft_title: String,
    /// The version it speaks of.
    pub version_id: DraftVersionId,
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// How it came.
    pub channel: Channel,
    /// Attitude.
    pub stance: Stance,
    /// The words of the provision that the author points at; may be empty.
    pub quote_text: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// The wording that the author proposes.
    pub proposed_text: String,
    /// Whether the author agrees to its publication.
    pub is_public: bool,
    /// Whether others may see it.
    pub display: Display,
    /// Where it stands in answering.
    pub state: OpinionState,
    /// The wording; a decision names it.
    pub revision: i64,
    /// When it came.
    pub posted_at: DateTime<Utc>,
    /// Why it waits, or waited.
    pub concerns: Vec<Concern>,
    /// Since when it waits, or when it was last decided.
    pub waits_since: Option<DateTime<Utc>>,
    /// Why it is hidden.
    pub hidden: Option<Hiding>,
    /// The appeal against the last hiding.
    pub appeal: Option<Appeal>,
}

impl Item {
    /// Whether the author may appeal now: it is hidden, and nothing was said against this hiding yet.
    pub fn may_appeal(&self) -> bool {
        self.display == Display::Hidden && self.state != OpinionState::Withdrawn && self.appeal.is_none()
    }
}

/// A hiding that holds.
#[derive(Clone, Debug)]
pub struct Hiding {
    /// The listed reason.
    pub category: HidingReason,
    /// What the author is told beside it.
    pub reason: String,
    /// Who hid it; `None`: a rule.
    pub by: Option<AccountId>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Hiding {
    /// What its author is told, in one line.
    pub fn told(&self) -> String {
        [self.category.label(), &self.reason].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("。")
    }
}

/// An appeal.
#[derive(Clone, Debug)]
pub struct Appeal {
    /// What the author says.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What became of it; `None` while it waits.
    pub outcome: Option<AppealOutcome>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// What the author is told.
    pub reply: String,
}

/// An entry of the history.
#[derive(Clone, Debug)]
pub struct Entry {
    /// From 1.
    pub number: i64,
    /// The wording that was judged.
    pub revision: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Name of the person; `None` for a rule and for the author.
    pub by: Option<String>,
    /// What was done.
    pub step: Step,
    /// Where it stood afterwards.
    pub display: Display,
    /// The listed reason.
    pub category: Option<HidingReason>,
    /// Words beside it.
    pub reason: String,
    /// What the check had found.
    pub concerns: Vec<Concern>,
}

#[derive(FromRow)]
struct Row {
    id: OpinionId,
    receipt_number: String,
    draft_id: DraftId,
    draft_title: String,
    version_id: DraftVersionId,
    address: Option<String>,
    provision_label: String,
    channel: String,
    stance: String,
    quote_text: String,
    body: String,
    reason: String,
    proposed_text: String,
    is_public: bool,
    display: String,
    state: String,
    revision: i64,
    posted_at: DateTime<Utc>,
    concerns: Option<Json<Vec<Concern>>>,
    waits_since: Option<DateTime<Utc>>,
    category: Option<String>,
    hiding_reason: Option<String>,
    hidden_by: Option<AccountId>,
    hidden_at: Option<DateTime<Utc>>,
    appeal_text: Option<String>,
    appealed_at: Option<DateTime<Utc>>,
    appeal_outcome: Option<String>,
    appeal_decided_at: Option<DateTime<Utc>>,
    appeal_reply: Option<String>,
    sorted_at: DateTime<Utc>,
}

impl Row {
    fn into_item(self) -> Result<Item> {
        let hidden = match (self.category, self.hidden_at) {
            (Some(category), Some(at)) => Some(Hiding {
                category: HidingReason::stored(&category)?,
                reason: self.hiding_reason.unwrap_or_default(),
                by: self.hidden_by,
                at,
            }),
            _ => None,
        };
        let appeal = match (self.appeal_text, self.appealed_at) {
            (Some(text), Some(at)) => Some(Appeal {
                text,
                at,
                outcome: self.appeal_outcome.as_deref().map(AppealOutcome::stored).transpose()?,
                decided_at: self.appeal_decided_at,
                reply: self.appeal_reply.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Item {
            id: self.id,
            receipt_number: self.receipt_number,
            draft_id: self.draft_id,
            draft_title: self.draft_title,
            version_id: self.version_id,
            address: self.address,
            provision_label: self.provision_label,
            channel: Channel::stored(&self.channel)?,
            stance: Stance::stored(&self.stance)?,
            quote_text: self.quote_text,
            body: self.body,
            reason: self.reason,
            proposed_text: self.proposed_text,
            is_public: self.is_public,
            display: Display::stored(&self.display)?,
            state: OpinionState::stored(&self.state)?,
            revision: self.revision,
            posted_at: self.posted_at,
            concerns: self.concerns.map(|c| c.0).unwrap_or_default(),
            waits_since: self.waits_since,
            hidden,
            appeal,
        })
    }
}

macro_rules! select {
    ($sorted:literal, $rest:literal) => {
        concat!(
            "SELECT o.id, o.receipt_number, o.draft_id, d.title AS draft_title, o.version_id, o.address, o.provision_label, o.channel, o.stance, o.quote_text, o.body,
            o.reason, o.proposed_text, o.is_public, o.display, o.state, o.revision, o.posted_at, m.concerns, m.waits_since, m.category,
            m.reason AS hiding_reason, m.decided_by AS hidden_by, m.decided_at AS hidden_at, a.body AS appeal_text, a.appealed_at,
            a.outcome AS appeal_outcome, a.decided_at AS appeal_decided_at, a.reply AS appeal_reply, ",
            $sorted,
            " AS sorted_at
            FROM opinion o JOIN draft d ON d.id = o.draft_id LEFT JOIN moderation_case m ON m.opinion_id = o.id
            LEFT JOIN moderation_appeal a ON a.opinion_id = o.id AND a.hiding =
                (SELECT MAX(e.number) FROM moderation_entry e WHERE e.opinion_id = o.id AND e.act IN ('hide', 'hide_by_rule')) ",
            $rest
        )
    };
}

const LIST_WAITING: &str = select!(
    "COALESCE(m.waits_since, o.posted_at)",
    "WHERE (o.draft_id = $1 OR $1 IS NULL) AND o.display = 'review' AND o.state <> 'withdrawn'
    AND ((COALESCE(m.waits_since, o.posted_at), o.id) > ($2, $3) OR $2 IS NULL) ORDER BY COALESCE(m.waits_since, o.posted_at), o.id LIMIT $4"
);
const LIST_APPEALED: &str = select!(
    "a.appealed_at",
    "WHERE (o.draft_id = $1 OR $1 IS NULL) AND o.display = 'hidden' AND o.state <> 'withdrawn' AND a.outcome IS NULL
    AND a.appealed_at IS NOT NULL AND ((a.appealed_at, o.id) > ($2, $3) OR $2 IS NULL) ORDER BY a.appealed_at, o.id LIMIT $4"
);
const LIST_HIDDEN: &str = select!(
    "o.posted_at",
    "WHERE (o.draft_id = $1 OR $1 IS NULL) AND o.display = 'hidden' AND o.state <> 'withdrawn'
    AND ((o.posted_at, o.id) > ($2, $3) OR $2 IS NULL) ORDER BY o.posted_at, o.id LIMIT $4"
);
const FIND: &str = select!("o.posted_at", "WHERE o.id = $1");
const FIND_OWN: &str = select!("o.posted_at", "WHERE o.id = $1 AND (o.account_id = $2 OR ($2 IS NULL AND o.account_id IS NULL))");
const COUNT: &str = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE display = 'review' AND state <> 'withdrawn'),
    (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE display = 'hidden' AND state <> 'withdrawn')";
const COUNT_APPEALS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM moderation_appeal a JOIN opinion o ON o.id = a.opinion_id
    WHERE a.outcome IS NULL AND o.display = 'hidden' AND o.state <> 'withdrawn' AND a.hiding =
    (SELECT MAX(e.number) FROM moderation_entry e WHERE e.opinion_id = o.id AND e.act IN ('hide', 'hide_by_rule'))";
const HISTORY: &str = "SELECT e.number, e.revision, e.at, p.display_name, e.act, e.display, e.category, e.reason, e.concerns
    FROM moderation_entry e LEFT JOIN account p ON p.id = e.account_id WHERE e.opinion_id = $1 ORDER BY e.number LIMIT 200";
const PASSAGE: &str = "SELECT label, heading, body FROM draft_provision
    WHERE version_id = $1 AND (address = $2 OR substr(address, 1, length($2) + 1) = $2 || '/') ORDER BY ordinal LIMIT 60";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_WAITING, LIST_APPEALED, LIST_HIDDEN, FIND, FIND_OWN, COUNT, COUNT_APPEALS, HISTORY, PASSAGE];

/// One page of a shelf, of one draft or of all.
pub async fn list_items(
    db: &Db,
    caller: &Caller,
    shelf: Shelf,
    draft: Option<DraftId>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Item>> {
    caller.require(Permission::ReadModeration)?;
    let after: Option<(DateTime<Utc>, OpinionId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let statement = match shelf {
        Shelf::Waiting => LIST_WAITING,
        Shelf::Appealed => LIST_APPEALED,
        Shelf::Hidden => LIST_HIDDEN,
    };
    let rows: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(statement).bind(draft).bind(at).bind(id).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.sorted_at, row.id));
    let items: Result<Vec<Item>> = page.items.into_iter().map(Row::into_item).collect();
    Ok(Page { items: items?, next: page.next })
}

/// One opinion as moderators read it.
pub async fn get_item(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Item> {
    caller.require(Permission::ReadModeration)?;
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(opinion).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这条意见"))?.into_item()
}

/// One's own opinion with what moderation did; the findings of the check and the people behind it are left out.
pub async fn get_own_item(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Item> {
    caller.require(Permission::PostOpinion)?;
    item_of(db, Some(caller.account_id), opinion).await
}

/// An opinion that was posted without an account, for its author, who has proved to know its code.
pub(in crate::opinions) async fn get_unnamed_item(db: &Db, opinion: OpinionId) -> Result<Item> {
    item_of(db, None, opinion).await
}

/// An opinion for its author, without what only staff see: what the check found, and who hid it.
async fn item_of(db: &Db, author: Option<AccountId>, opinion: OpinionId) -> Result<Item> {
    let row: Option<Row> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(opinion).bind(author).fetch_optional(pool).await).map_err(failed)?;
    let item = row.ok_or_else(|| Error::not_found("这条意见"))?.into_item()?;
    Ok(Item { concerns: Vec::new(), hidden: item.hidden.map(|hiding| Hiding { by: None, ..hiding }), ..item })
}

/// How many opinions each shelf holds.
pub async fn count_items(db: &Db, caller: &Caller) -> Result<Vec<(Shelf, i64)>> {
    caller.require(Permission::ReadModeration)?;
    let (waiting, hidden): (i64, i64) = on_db!(db, pool => sqlx::query_as(COUNT).fetch_one(pool).await).map_err(failed)?;
    let appealed: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_APPEALS).fetch_one(pool).await).map_err(failed)?;
    Ok(vec![(Shelf::Waiting, waiting), (Shelf::Appealed, appealed), (Shelf::Hidden, hidden)])
}

/// What was done about an opinion, from the beginning.
pub async fn list_history(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Vec<Entry>> {
    caller.require(Permission::ReadModeration)?;
    type EntryRow = (i64, i64, DateTime<Utc>, Option<String>, String, String, Option<String>, String, Json<Vec<Concern>>);
    let rows: Vec<EntryRow> = on_db!(db, pool => sqlx::query_as(HISTORY).bind(opinion).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter()
        .map(|(number, revision, at, by, act, display, category, reason, concerns)| {
            Ok(Entry {
                number,
                revision,
                at,
                by,
                step: Step::stored(&act)?,
                display: Display::stored(&display)?,
                category: category.as_deref().map(HidingReason::stored).transpose()?,
                reason,
                concerns: concerns.0,
            })
        })
        .collect()
}

/// The words of the provision that an opinion speaks of, line by line; empty for the draft as a whole.
pub async fn read_passage(db: &Db, item: &Item) -> Result<Vec<String>> {
    let Some(address) = &item.address else { return Ok(Vec::new()) };
    let rows: Vec<(String, String, String)> =
        on_db!(db, pool => sqlx::query_as(PASSAGE).bind(item.version_id).bind(address).fetch_all(pool).await).map_err(failed)?;
    let lines = rows
        .into_iter()
        .map(|(label, heading, body)| [label, heading, body].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("　"));
    Ok(lines.filter(|line| !line.is_empty()).collect())
}
