//! Opinions one by one and in lists: for staff, for their author, for everybody.

use super::rows::{Row, columns, limits, page_of, select};
use super::{Disposition, Opinion, PublicOpinion};
use crate::accounts::{Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, OpinionId};
use crate::on_db;
use crate::opinions::OpinionState;
use crate::storage::Db;
use crate::storage::sql::{Page, failed};

const LIST_FOR_STAFF: &str = select!(
    "WHERE o.draft_id = $1 AND (o.state = $2 OR $2 IS NULL) AND ((o.posted_at, o.id) > ($3, $4) OR $3 IS NULL) ORDER BY o.posted_at, o.id LIMIT $5"
);
const LIST_ANSWERED: &str = select!(
    "WHERE o.draft_id = $1 AND (o.address = $2 OR $2 IS NULL) AND p.published_at IS NOT NULL AND ((o.posted_at, o.id) > ($3, $4) OR $3 IS NULL)
    ORDER BY o.posted_at, o.id LIMIT $5"
);
const LIST_READY: &str = select!(
    "WHERE o.draft_id = $1 AND o.state = 'answer_reviewed' AND ((o.posted_at, o.id) > ($2, $3) OR $2 IS NULL) ORDER BY o.posted_at, o.id LIMIT $4"
);
const LIST_OWN: &str =
    select!("WHERE o.account_id = $1 AND ((o.posted_at, o.id) < ($2, $3) OR $2 IS NULL) ORDER BY o.posted_at DESC, o.id DESC LIMIT $4");
const FIND: &str = select!("WHERE o.id = $1");
const OWNER: &str = "SELECT account_id FROM opinion WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_FOR_STAFF, LIST_ANSWERED, LIST_READY, LIST_OWN, FIND, OWNER];

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

/// Opinions whose answers the next batch makes public, exactly as everybody will see them; for staff.
pub async fn list_ready_answers(
    db: &Db,
    clock: &Clock,
    caller: &Caller,
    draft: &Draft,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<PublicOpinion>> {
    caller.require(Permission::ReadOpinions)?;
    let (at, id, wanted) = limits(cursor, limit)?;
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_READY).bind(draft.id).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
        .map_err(failed)?;
    let now = clock.now();
    Ok(page_of(rows, limit)?.map(|opinion| {
        let disposition = opinion.disposition.map(|d| Disposition { published_at: Some(now), ..d });
        PublicOpinion::of(Opinion { disposition, ..opinion })
    }))
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
