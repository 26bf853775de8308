//! How administrators and auditors find staff accounts.

use super::{StaffAccount, StaffRow};
use crate::accounts::{Caller, Permission, Role};
use crate::error::{Error, Result};
use crate::ids::ContactPointId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};

/// Longest text looked for, in characters.
const QUERY_CHARACTERS: usize = 64;

const LIST: &str = "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, is_active, must_change_password,
    totp_confirmed_at IS NOT NULL AS has_second_factor, created_at FROM account
    WHERE login_name IS NOT NULL AND (role = $1 OR $1 IS NULL) AND (is_active = $2 OR $2 IS NULL)
    AND (login_name LIKE $3 ESCAPE '\\' OR lower(display_name) LIKE $3 ESCAPE '\\' OR $3 IS NULL)
    AND (login_name > $4 OR $4 IS NULL) ORDER BY login_name LIMIT $5";
const LIST_OF_POINT: &str =
    "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, is_active, must_change_password,
    totp_confirmed_at IS NOT NULL AS has_second_factor, created_at FROM account WHERE contact_point_id = $1 AND login_name IS NOT NULL
    AND EXISTS (SELECT 1 FROM contact_point p WHERE p.id = $1 AND (p.organ_id = $2 OR $2 IS NULL)) ORDER BY login_name LIMIT 500";
const COUNT_ACTIVE: &str = "SELECT COUNT(*) FROM account WHERE role = $1 AND is_active AND password_hash IS NOT NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, LIST_OF_POINT, COUNT_ACTIVE];

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct StaffFilter {
    /// Part of the login name or of the shown name; empty = all.
    pub query: String,
    /// Of one role.
    pub role: Option<Role>,
    /// Open or closed ones.
    pub is_active: Option<bool>,
}

/// Staff accounts by login name.
pub async fn list_staff(db: &Db, by: &Caller, filter: &StaffFilter, cursor: Option<&str>, limit: usize) -> Result<Page<StaffAccount>> {
    by.require(Permission::ReadAccounts)?;
    let after: Option<String> = cursor.map(decode_cursor).transpose()?;
    let query = filter.query.trim().to_lowercase();
    if query.chars().count() > QUERY_CHARACTERS || query.contains('\0') || after.as_ref().is_some_and(|a| a.contains('\0')) {
        return Err(Error::invalid("q", format!("要查找的内容不超过 {QUERY_CHARACTERS} 个字符。")));
    }
    let pattern = (!query.is_empty()).then(|| format!("%{}%", query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<StaffRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(filter.role.map(Role::as_str)).bind(filter.is_active).bind(&pattern).bind(&after).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let accounts = rows.into_iter().map(StaffRow::into_account).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(accounts, limit, |account| account.login_name.clone()))
}

/// Accounts of a contact point by login name, for those who keep the point; county staff see those of their organ's points.
pub async fn list_staff_of_point(db: &Db, by: &Caller, point: ContactPointId) -> Result<Vec<StaffAccount>> {
    by.require(Permission::ReadContactPoints)?;
    if by.role == Role::CountyStaff && by.organ.is_none() {
        return Ok(Vec::new());
    }
    let rows: Vec<StaffRow> =
        on_db!(db, pool => sqlx::query_as(LIST_OF_POINT).bind(point).bind(by.organ).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter().map(StaffRow::into_account).collect()
}

/// Number of accounts of a role that may sign in; for `doctor`.
pub async fn count_active(db: &Db, role: Role) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_ACTIVE).bind(role.as_str()).fetch_one(pool).await).map_err(failed)
}
