//! What the author sees of their own opinions.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::Opinion;
use super::rows::{Row, columns, limits_backwards, select};
use crate::accounts::{Caller, Permission};
use crate::error::{Error, Result};
use crate::ids::{AccountId, OpinionId};
use crate::opinions::{Display, OpinionState};
use crate::storage::Db;
use crate::storage::sql::{Page, failed};
use crate::{on_db, text_enum};

text_enum! {
    /// Where an opinion stands, in the words of its author.
    AuthorState {
        /// It came in; others do not see it, because the author or the round keeps it back.
        Received = "received", "已收到";
        /// It is looked at before others may see it.
        Checking = "checking", "审核中";
        /// Others may see it.
        Shown = "shown", "已展示";
        /// It is not shown; it is counted and answered all the same.
        Hidden = "hidden", "不予展示";
        /// Its answer is public.
        Answered = "answered", "已反馈";
        /// It needs no answer, for a listed reason.
        Excluded = "excluded", "不作反馈";
        /// The author took it back.
        Withdrawn = "withdrawn", "已撤回";
    }
}

impl AuthorState {
    /// Where an opinion without an account stands. Whether its round shows it is not asked: it is received until there is more to say.
    pub fn of_unnamed(opinion: &Opinion) -> AuthorState {
        match (opinion.state, opinion.display) {
            (OpinionState::Withdrawn, _) => AuthorState::Withdrawn,
            (OpinionState::Answered, _) => AuthorState::Answered,
            (OpinionState::Excluded, _) => AuthorState::Excluded,
            (_, Display::Hidden) => AuthorState::Hidden,
            (_, Display::Checking | Display::Review) => AuthorState::Checking,
            (_, Display::Shown) => AuthorState::Received,
        }
    }
}

/// An opinion with what its author wants to know.
#[derive(Clone, Debug)]
pub struct OwnOpinion {
    /// The opinion, without an answer that is only prepared.
    pub opinion: Opinion,
    /// Where it stands.
    pub state: AuthorState,
    /// Title of its draft.
    pub draft_title: String,
    /// First instant at which it can no longer be changed, as far as the round has said.
    pub closes_at: DateTime<Utc>,
    /// Number of the version it speaks of.
    pub version_number: i64,
}

#[derive(FromRow)]
struct OwnRow {
    #[sqlx(flatten)]
    opinion: Row,
    author_state: String,
    draft_title: String,
    closes_at: DateTime<Utc>,
    version_number: i64,
}

impl OwnRow {
    fn into_own(self) -> Result<OwnOpinion> {
        Ok(OwnOpinion {
            opinion: for_author(self.opinion.into_opinion()?),
            state: AuthorState::stored(&self.author_state)?,
            draft_title: self.draft_title,
            closes_at: self.closes_at,
            version_number: self.version_number,
        })
    }
}

/// Where an opinion stands for its author, in SQL: lists are narrowed by it.
macro_rules! author_state {
    () => {
        "CASE WHEN o.state = 'withdrawn' THEN 'withdrawn' WHEN o.state = 'answered' THEN 'answered' WHEN o.state = 'excluded' THEN 'excluded'
        WHEN o.display = 'hidden' THEN 'hidden' WHEN o.display IN ('checking', 'review') THEN 'checking'
        WHEN o.is_public AND c.shows_opinions THEN 'shown' ELSE 'received' END"
    };
}

macro_rules! select_own {
    ($rest:expr) => {
        select!(
            concat!(", d.title AS draft_title, c.closes_at, v.number AS version_number, ", author_state!(), " AS author_state"),
            concat!(
                "JOIN draft d ON d.id = o.draft_id JOIN consultation c ON c.id = o.consultation_id JOIN draft_version v ON v.id = o.version_id ",
                $rest
            )
        )
    };
}

const LIST_OWN: &str = select_own!(concat!(
    "WHERE o.account_id = $1 AND ($2 = ",
    author_state!(),
    " OR $2 IS NULL) AND (o.posted_at, o.id) < ($3, $4) ORDER BY o.posted_at DESC, o.id DESC LIMIT $5"
));
const FIND_OWN: &str = select_own!("WHERE o.id = $1 AND o.account_id = $2");
const FIND_BY_CODE: &str = select!("WHERE o.lookup_hash = $1");

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_OWN, FIND_OWN, FIND_BY_CODE];

/// What the caller has said, the newest first; `state` narrows. An answer that is only prepared is not shown.
pub async fn list_own_opinions(
    db: &Db,
    caller: &Caller,
    state: Option<AuthorState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<OwnOpinion>> {
    caller.require(Permission::PostOpinion)?;
    let (at, id, wanted) = limits_backwards(cursor, limit)?;
    let rows: Vec<OwnRow> = on_db!(db, pool => sqlx::query_as(LIST_OWN)
        .bind(caller.account_id).bind(state.map(AuthorState::as_str)).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| row.opinion.key());
    let items: Result<Vec<OwnOpinion>> = page.items.into_iter().map(OwnRow::into_own).collect();
    Ok(Page { items: items?, next: page.next })
}

/// One of the caller's own opinions; "not found" for every other one.
pub async fn get_own_opinion(db: &Db, caller: &Caller, id: OpinionId) -> Result<OwnOpinion> {
    caller.require(Permission::PostOpinion)?;
    let account: AccountId = caller.account_id;
    let row: Option<OwnRow> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(id).bind(account).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这条意见"))?.into_own()
}

/// The opinion that was posted without an account under a code, by the hash of the code, as its author sees it.
pub async fn find_by_code(db: &Db, code_hash: &str) -> Result<Option<Opinion>> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND_BY_CODE).bind(code_hash).fetch_optional(pool).await).map_err(failed)?;
    Ok(row.map(Row::into_opinion).transpose()?.map(for_author))
}

/// The author's view: an answer exists for them when it is public.
pub(super) fn for_author(opinion: Opinion) -> Opinion {
    let disposition = opinion.disposition.filter(|d| d.published_at.is_some());
    let state = match opinion.state {
        OpinionState::Answered | OpinionState::Withdrawn | OpinionState::Excluded => opinion.state,
        OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed => OpinionState::Received,
    };
    Opinion { disposition, state, ..opinion }
}
