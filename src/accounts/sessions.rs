//! Sessions: issued at sign-in, looked up at every request, revoked at sign-out. The token is opaque; only its SM3 hash is stored.

use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;

use super::{Caller, Role, parse_role, record};
use crate::audit::Act;
use crate::config::Rules;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource, OrganId, StationId};
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// A session as its owner gets it, once.
#[derive(Clone)]
pub struct Session {
    /// The secret that proves the session: 64 hexadecimal digits.
    pub token: String,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
    /// Whose it is.
    pub caller: Caller,
}

const INSERT: &str = "INSERT INTO session (token_hash, account_id, created_at, expires_at, device) VALUES ($1, $2, $3, $4, $5)";
const DELETE_EXPIRED: &str = "DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session WHERE expires_at <= $1 ORDER BY expires_at, token_hash LIMIT 1000)";
// Whoever works for a closed point or station has no session, however they came by one.
const FIND: &str = "SELECT a.id, a.role, a.display_name, a.organ_id, a.contact_point_id, a.station_id FROM session s
    JOIN account a ON a.id = s.account_id LEFT JOIN contact_point p ON p.id = a.contact_point_id
    LEFT JOIN collection_station st ON st.id = a.station_id
    WHERE s.token_hash = $1 AND s.expires_at > $2 AND a.is_active AND COALESCE(p.status, 'open') = 'open' AND st.closed_at IS NULL";
const FIND_OF: &str = "SELECT a.id, a.role, a.display_name, a.organ_id, a.contact_point_id, a.station_id FROM account a
    LEFT JOIN contact_point p ON p.id = a.contact_point_id LEFT JOIN collection_station st ON st.id = a.station_id
    WHERE a.id = $1 AND a.is_active AND COALESCE(p.status, 'open') = 'open' AND st.closed_at IS NULL";
const DELETE: &str = "DELETE FROM session WHERE token_hash = $1";
const LIST: &str = "SELECT token_hash, created_at, expires_at, device FROM session WHERE account_id = $1 AND expires_at > $2
    ORDER BY created_at DESC, token_hash LIMIT 200";
const DELETE_ONE: &str = "DELETE FROM session WHERE account_id = $1 AND substr(token_hash, 1, 16) = $2";
const DELETE_OTHERS: &str = "DELETE FROM session WHERE account_id = $1 AND token_hash <> $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, DELETE_EXPIRED, FIND, FIND_OF, DELETE, LIST, DELETE_ONE, DELETE_OTHERS];

#[derive(FromRow)]
struct CallerRow {
    id: AccountId,
    role: String,
    display_name: String,
    organ_id: Option<OrganId>,
    contact_point_id: Option<ContactPointId>,
    station_id: Option<StationId>,
}

impl CallerRow {
    fn into_caller(self) -> Result<Caller> {
        Ok(Caller {
            account_id: self.id,
            role: parse_role(&self.role)?,
            display_name: self.display_name,
            organ: self.organ_id,
            contact_point: self.contact_point_id,
            station: self.station_id,
        })
    }
}

/// A session as its owner sees it in the list of their own.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Names the session in the list; the beginning of the token's hash, which opens nothing.
    pub handle: String,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
    /// The device, in words; empty when it is not known.
    pub device: String,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// Digits of a handle.
const HANDLE_DIGITS: usize = 16;

#[derive(FromRow)]
struct SessionRow {
    token_hash: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    device: String,
}

/// Issues a session, in the transaction of the sign-in. Sessions that have ended are removed on the way.
pub async fn issue(tx: &mut Tx, clock: &Clock, ids: &IdSource, rules: &Rules, caller: Caller) -> Result<Session> {
    issue_on(tx, clock, ids, rules, caller, "").await
}

/// As [`issue`], with the device in words, for the owner's list.
pub async fn issue_on(tx: &mut Tx, clock: &Clock, ids: &IdSource, rules: &Rules, caller: Caller, device: &str) -> Result<Session> {
    let now = clock.now();
    let lifetime = match caller.role {
        Role::Citizen => Duration::days(i64::from(rules.citizen_session_days)),
        _ => Duration::hours(i64::from(rules.staff_session_hours)),
    };
    let expires_at = now + lifetime;
    let token = ids.secret(TOKEN_BYTES);
    on_tx!(tx, c => sqlx::query(INSERT).bind(sm3_hex(token.as_bytes())).bind(caller.account_id).bind(now).bind(expires_at).bind(device).execute(c).await.map(drop))
        .map_err(failed)?;
    Ok(Session { token, expires_at, caller })
}

/// Removes some of the sessions that have ended, and says how many.
pub async fn forget_expired(db: &Db, clock: &Clock) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone: u64 =
        on_tx!(&mut tx, c => sqlx::query(DELETE_EXPIRED).bind(clock.now()).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    tx.commit().await?;
    Ok(gone)
}

/// Who holds a token; `None` when it is unknown, has ended, was revoked, or its account, contact point or station is closed.
pub async fn find_caller(db: &Db, clock: &Clock, token: &str) -> Result<Option<Caller>> {
    // Whatever was sent becomes a hash of fixed length, so the lookup does not depend on how much of a token is right.
    let hash = sm3_hex(token.as_bytes());
    let now = clock.now();
    let row: Option<CallerRow> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(&hash).bind(now).fetch_optional(pool).await).map_err(failed)?;
    row.map(CallerRow::into_caller).transpose()
}

/// Who an account is, for work that it began and that goes on without it; `None` when a session of it would not count.
pub async fn find_caller_of(db: &Db, account: AccountId) -> Result<Option<Caller>> {
    let row: Option<CallerRow> = on_db!(db, pool => sqlx::query_as(FIND_OF).bind(account).fetch_optional(pool).await).map_err(failed)?;
    row.map(CallerRow::into_caller).transpose()
}

/// Ends a session; a token that has ended already is no failure.
pub async fn revoke(db: &Db, clock: &Clock, caller: &Caller, token: &str) -> Result<()> {
    let hash = sm3_hex(token.as_bytes());
    let mut tx = db.begin().await?;
    let ended: u64 = on_tx!(&mut tx, c => sqlx::query(DELETE).bind(&hash).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if ended > 0 {
        record(&mut tx, clock, Some(caller.account_id), Act::SignOut, true, "").await?;
    }
    tx.commit().await
}

/// The caller's own sessions that count, the newest first; at most 200. `token` is the one that asks.
pub async fn list_own(db: &Db, clock: &Clock, caller: &Caller, token: &str) -> Result<Vec<OpenSession>> {
    let own = sm3_hex(token.as_bytes());
    let rows: Vec<SessionRow> =
        on_db!(db, pool => sqlx::query_as(LIST).bind(caller.account_id).bind(clock.now()).fetch_all(pool).await).map_err(failed)?;
    let show = |row: SessionRow| OpenSession {
        handle: row.token_hash.get(..HANDLE_DIGITS).unwrap_or_default().to_owned(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        device: row.device,
        is_current: row.token_hash == own,
    };
    Ok(rows.into_iter().map(show).collect())
}

/// Ends one of the caller's own sessions; one that has ended already is no failure.
pub async fn end_one(db: &Db, clock: &Clock, caller: &Caller, handle: &str) -> Result<()> {
    if handle.len() != HANDLE_DIGITS || !handle.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::not_found("这个登录"));
    }
    let mut tx = db.begin().await?;
    let ended: u64 =
        on_tx!(&mut tx, c => sqlx::query(DELETE_ONE).bind(caller.account_id).bind(handle).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if ended > 0 {
        record(&mut tx, clock, Some(caller.account_id), Act::SignOut, true, "one of the own sessions").await?;
    }
    tx.commit().await
}

/// Ends all sessions of the caller but the one that asks, and says how many those were.
pub async fn end_others(db: &Db, clock: &Clock, caller: &Caller, token: &str) -> Result<u64> {
    let own = sm3_hex(token.as_bytes());
    let mut tx = db.begin().await?;
    let ended: u64 =
        on_tx!(&mut tx, c => sqlx::query(DELETE_OTHERS).bind(caller.account_id).bind(&own).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if ended > 0 {
        record(&mut tx, clock, Some(caller.account_id), Act::SignOut, true, "all other own sessions").await?;
    }
    tx.commit().await?;
    Ok(ended)
}
