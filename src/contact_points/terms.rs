//! 设立、续期、关闭、恢复: how long a point works. A term that runs out closes nothing by itself; it is shown, and a person decides.

use chrono::NaiveDate;

use super::managing::{Keeping, PointAct, checked_reason, count_on, note, organ_of};
use super::{ContactPoint, PointStatus, get_point};
use crate::accounts::{Caller, Permission};
use crate::error::{Code, Error, Result};
use crate::ids::ContactPointId;
use crate::storage::Db;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Longest term, in years of 366 days.
const TERM_YEARS: i64 = 20;

const SET_TERM: &str = "UPDATE contact_point SET term_begins_on = $2, term_ends_on = $3 WHERE id = $1";
const SET_STATUS: &str = "UPDATE contact_point SET status = $2 WHERE id = $1";
const END_SESSIONS: &str = "DELETE FROM session WHERE account_id IN (SELECT id FROM account WHERE contact_point_id = $1)";
const REVOKE_INVITATIONS: &str = "UPDATE staff_invitation SET revoked_at = $2, revoked_by = $3
    WHERE contact_point_id = $1 AND used_at IS NULL AND revoked_at IS NULL";
const LIST_ENDING: &str = "SELECT id FROM contact_point WHERE status = 'open' AND term_ends_on <= $1 AND (organ_id = $2 OR $2 IS NULL)
    ORDER BY term_ends_on, region, name, id LIMIT 100";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[SET_TERM, SET_STATUS, END_SESSIONS, REVOKE_INVITATIONS, LIST_ENDING];

/// Passes a term that has a first and a last day in this order.
pub(super) fn check_term(term: Option<(NaiveDate, NaiveDate)>) -> Result<()> {
    match term {
        Some((first, last)) if last < first => Err(Error::invalid("term_ends_on", "任期的最后一天不能早于第一天。")),
        Some((first, last)) if (last - first).num_days() > TERM_YEARS * 366 => {
            Err(Error::invalid("term_ends_on", format!("任期不超过 {TERM_YEARS} 年。")))
        }
        _ => Ok(()),
    }
}

/// Gives a point that works another term.
pub async fn renew_point(
    at: Keeping<'_>,
    caller: &Caller,
    id: ContactPointId,
    from_revision: i64,
    term: (NaiveDate, NaiveDate),
    reason: &str,
) -> Result<ContactPoint> {
    caller.require(Permission::ManageContactPoints)?;
    check_term(Some(term))?;
    let reason = checked_reason(reason)?;
    let mut tx = at.db.begin().await?;
    let held = count_on(&mut tx, at, caller, id, from_revision).await?;
    super::managing::require_open(&held)?;
    if held.term_ends_on.is_some_and(|ends| term.1 <= ends) && held.term_begins_on.is_some() {
        return Err(Error::invalid("term_ends_on", "续期后的最后一天应当晚于现任期的最后一天。"));
    }
    on_tx!(&mut tx, c => sqlx::query(SET_TERM).bind(id).bind(term.0).bind(term.1).execute(c).await.map(drop)).map_err(failed)?;
    note(&mut tx, at.clock, Some(caller.account_id), id, from_revision + 1, PointAct::Renewed, &reason, Some(term)).await?;
    tx.commit().await?;
    get_point(at.db, id).await
}

/// Closes a point with a reason: its staff are signed out and cannot sign in, open invitations end; opinions and history stay.
pub async fn close_point(at: Keeping<'_>, caller: &Caller, id: ContactPointId, from_revision: i64, reason: &str) -> Result<ContactPoint> {
    caller.require(Permission::ManageContactPoints)?;
    let reason = checked_reason(reason)?;
    let mut tx = at.db.begin().await?;
    let held = count_on(&mut tx, at, caller, id, from_revision).await?;
    super::managing::require_open(&held)?;
    on_tx!(&mut tx, c => sqlx::query(SET_STATUS).bind(id).bind(PointStatus::Closed.as_str()).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(END_SESSIONS).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(REVOKE_INVITATIONS).bind(id).bind(at.clock.now()).bind(caller.account_id).execute(c).await.map(drop))
        .map_err(failed)?;
    note(&mut tx, at.clock, Some(caller.account_id), id, from_revision + 1, PointAct::Closed, &reason, None).await?;
    tx.commit().await?;
    get_point(at.db, id).await
}

/// Opens a closed point again, with a term or without an end. Its staff can sign in again.
pub async fn reopen_point(
    at: Keeping<'_>,
    caller: &Caller,
    id: ContactPointId,
    from_revision: i64,
    term: Option<(NaiveDate, NaiveDate)>,
    reason: &str,
) -> Result<ContactPoint> {
    caller.require(Permission::ManageContactPoints)?;
    check_term(term)?;
    let reason = checked_reason(reason)?;
    let mut tx = at.db.begin().await?;
    let held = count_on(&mut tx, at, caller, id, from_revision).await?;
    if PointStatus::stored(&held.status)? == PointStatus::Open {
        return Err(Error::new(Code::Conflict, "这个联系点正在运行，不需要恢复。"));
    }
    on_tx!(&mut tx, c => sqlx::query(SET_STATUS).bind(id).bind(PointStatus::Open.as_str()).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SET_TERM).bind(id).bind(term.map(|t| t.0)).bind(term.map(|t| t.1)).execute(c).await.map(drop))
        .map_err(failed)?;
    note(&mut tx, at.clock, Some(caller.account_id), id, from_revision + 1, PointAct::Reopened, &reason, term).await?;
    tx.commit().await?;
    get_point(at.db, id).await
}

/// Points whose term ends until a day, or has ended, the earliest first; those that the caller keeps, at most 100.
pub async fn list_ending_terms(db: &Db, caller: &Caller, until: NaiveDate) -> Result<Vec<ContactPoint>> {
    caller.require(Permission::ReadContactPoints)?;
    let own = organ_of(caller)?;
    let ids: Vec<ContactPointId> =
        on_db!(db, pool => sqlx::query_scalar(LIST_ENDING).bind(until).bind(own).fetch_all(pool).await).map_err(failed)?;
    let mut points = Vec::with_capacity(ids.len());
    for id in ids {
        points.push(get_point(db, id).await?);
    }
    Ok(points)
}
