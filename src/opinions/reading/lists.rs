//! Opinions one by one and in lists, for staff.

use super::own::for_author;
use super::rows::{Row, columns, limits, page_of, select};
use super::{Opinion, PublicOpinion};
use crate::accounts::{Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{Clock, OpinionId};
use crate::on_db;
use crate::opinions::OpinionState;
use crate::storage::Db;
use crate::storage::sql::{Page, failed};

const LIST_FOR_STAFF: &str = select!(
    "WHERE o.draft_id = $1 AND (o.state = $2 OR $2 IS NULL) AND (o.posted_at, o.id) > ($3, $4) ORDER BY o.posted_at, o.id LIMIT $5"
);
const LIST_READY: &str =
    select!("WHERE o.draft_id = $1 AND o.state = 'answer_reviewed' AND (o.posted_at, o.id) > ($2, $3) ORDER BY o.posted_at, o.id LIMIT $4");
const FIND: &str = select!("WHERE o.id = $1");

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_FOR_STAFF, LIST_READY, FIND];

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
    Ok(page_of(rows, limit)?.map(|opinion| PublicOpinion::as_if_published(opinion, now)))
}

/// One opinion, for staff or for its author; "not found" for everybody else.
pub async fn get_opinion(db: &Db, caller: &Caller, id: OpinionId) -> Result<Opinion> {
    let absent = || Error::not_found("这条意见");
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let opinion = row.ok_or_else(absent)?.into_opinion()?;
    if caller.may(Permission::ReadOpinions) {
        return Ok(opinion);
    }
    if opinion.author == Some(caller.account_id) { Ok(for_author(opinion)) } else { Err(absent()) }
}
