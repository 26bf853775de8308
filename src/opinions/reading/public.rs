//! Opinions as everybody sees them.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::PublicOpinion;
use super::rows::{Row, columns, limits, limits_backwards, page_of, select};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{AccountId, DraftId, OpinionId};
use crate::on_db;
use crate::opinions::moderation::HidingReason;
use crate::opinions::votes::Choice;
use crate::storage::Db;
use crate::storage::sql::{Page, failed};

/// An opinion that is shown, with what others think of it.
#[derive(Clone, Debug)]
pub struct ShownOpinion {
    /// The opinion.
    pub opinion: PublicOpinion,
    /// How many agree.
    pub agree: i64,
    /// How many disagree.
    pub disagree: i64,
    /// What the viewer said of it.
    pub own_choice: Option<Choice>,
    /// Whether it is the viewer's own.
    pub is_own: bool,
    /// Why and when its words were hidden, where they were.
    pub hiding: Option<(HidingReason, DateTime<Utc>)>,
}

/// Which opinions of a draft are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// All.
    Everything,
    /// Those on the draft as a whole.
    Whole,
    /// Those on a provision and what belongs to it.
    Provision(&'a str),
}

#[derive(FromRow)]
struct ShownRow {
    #[sqlx(flatten)]
    opinion: Row,
    agree: i64,
    disagree: i64,
    own_choice: Option<String>,
    hidden_for: Option<String>,
    hidden_at: Option<DateTime<Utc>>,
}

const LIST_ANSWERED: &str = select!(
    "WHERE o.draft_id = $1 AND (o.address = $2 OR $2 IS NULL) AND p.published_at IS NOT NULL AND (o.posted_at, o.id) > ($3, $4)
    ORDER BY o.posted_at, o.id LIMIT $5"
);
// What is being checked is no row at all; what was hidden keeps its place. A withdrawn opinion is gone from here.
const LIST_SHOWN: &str = select!(
    ", (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_vote w WHERE w.opinion_id = o.id AND w.choice = 'agree') AS agree,
    (SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_vote w WHERE w.opinion_id = o.id AND w.choice = 'disagree') AS disagree,
    (SELECT w.choice FROM opinion_vote w WHERE w.opinion_id = o.id AND w.account_id = $2) AS own_choice,
    m.category AS hidden_for, COALESCE(m.decided_at, m.waits_since) AS hidden_at",
    "JOIN consultation c ON c.id = o.consultation_id LEFT JOIN moderation_case m ON m.opinion_id = o.id AND o.display = 'hidden'
    WHERE o.draft_id = $1 AND c.shows_opinions AND o.is_public AND o.display IN ('shown', 'hidden') AND o.state <> 'withdrawn'
    AND ($3 = FALSE OR o.address IS NULL) AND (o.address = $4 OR o.address LIKE $5 OR $4 IS NULL)
    AND (o.posted_at, o.id) < ($6, $7) ORDER BY o.posted_at DESC, o.id DESC LIMIT $8"
);

const FIND_PUBLIC: &str = select!(
    "JOIN consultation c ON c.id = o.consultation_id WHERE o.id = $1
    AND (o.state = 'answered' OR (c.shows_opinions AND o.is_public AND o.display IN ('shown', 'hidden') AND o.state <> 'withdrawn'))"
);

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_ANSWERED, LIST_SHOWN, FIND_PUBLIC];

/// One opinion as everybody sees it, and its draft: once it is answered, or while its round shows opinions; "not found" otherwise.
pub async fn get_public_opinion(db: &Db, id: OpinionId) -> Result<(DraftId, PublicOpinion)> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND_PUBLIC).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let opinion = row.ok_or_else(|| Error::not_found("这条意见"))?.into_opinion()?;
    Ok((opinion.draft_id, PublicOpinion::of(opinion)))
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

/// Opinions of the rounds that show them, the newest first; those that were hidden keep their place without their words.
pub async fn list_shown(
    db: &Db,
    draft: &Draft,
    viewer: Option<AccountId>,
    about: About<'_>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<ShownOpinion>> {
    let (at, id, wanted) = limits_backwards(cursor, limit)?;
    let address = if let About::Provision(address) = about { Some(address) } else { None };
    // Wildcards that somebody sends find no more than what the draft shows anyway.
    let below = address.map(|address| format!("{address}/%"));
    let rows: Vec<ShownRow> = on_db!(db, pool => sqlx::query_as(LIST_SHOWN)
        .bind(draft.id).bind(viewer).bind(about == About::Whole).bind(address).bind(&below).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| row.opinion.key());
    let items = page.items.into_iter().map(|row| {
        let opinion = row.opinion.into_opinion()?;
        let is_own = viewer.is_some() && opinion.author == viewer;
        let own_choice = row.own_choice.as_deref().map(Choice::stored).transpose()?;
        let hiding = match (row.hidden_for.as_deref().map(HidingReason::stored).transpose()?, row.hidden_at) {
            (Some(reason), Some(at)) => Some((reason, at)),
            _ => None,
        };
        Ok(ShownOpinion { opinion: PublicOpinion::of(opinion), agree: row.agree, disagree: row.disagree, own_choice, is_own, hiding })
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}
