//! Sessions: issued at sign-in, looked up at every request, revoked at sign-out. The token is opaque; only its SM3 hash is stored.

use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;

use super::{Caller, Role, parse_role, record};
use crate::audit::Act;
use crate::config::Rules;
use crate::error::Result;
use crate::ids::{AccountId, Clock, ContactPointId, IdSource};
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

const INSERT: &str = "INSERT INTO session (token_hash, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
const DELETE_EXPIRED: &str = "DELETE FROM session WHERE expires_at <= $1";
const FIND: &str = "SELECT a.id, a.role, a.display_name, a.contact_point_id FROM session s JOIN account a ON a.id = s.account_id
    WHERE s.token_hash = $1 AND s.expires_at > $2 AND a.is_active";
const DELETE: &str = "DELETE FROM session WHERE token_hash = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, DELETE_EXPIRED, FIND, DELETE];

#[derive(FromRow)]
struct CallerRow {
    id: AccountId,
    role: String,
    display_name: String,
    contact_point_id: Option<ContactPointId>,
}

/// Issues a session, in the transaction of the sign-in. Sessions that have ended are removed on the way.
pub async fn issue(tx: &mut Tx, clock: &Clock, ids: &IdSource, rules: &Rules, caller: Caller) -> Result<Session> {
    let now = clock.now();
    let lifetime = match caller.role {
        Role::Citizen => Duration::days(i64::from(rules.citizen_session_days)),
        _ => Duration::hours(i64::from(rules.staff_session_hours)),
    };
    let expires_at = now + lifetime;
    let token = ids.secret(TOKEN_BYTES);
    on_tx!(tx, c => sqlx::query(DELETE_EXPIRED).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(INSERT).bind(sm3_hex(token.as_bytes())).bind(caller.account_id).bind(now).bind(expires_at).execute(c).await.map(drop))
        .map_err(failed)?;
    Ok(Session { token, expires_at, caller })
}

/// Who holds a token; `None` when it is unknown, has ended, was revoked, or its account is closed.
pub async fn find_caller(db: &Db, clock: &Clock, token: &str) -> Result<Option<Caller>> {
    // Whatever was sent becomes a hash of fixed length, so the lookup does not depend on how much of a token is right.
    let hash = sm3_hex(token.as_bytes());
    let now = clock.now();
    let row: Option<CallerRow> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(&hash).bind(now).fetch_optional(pool).await).map_err(failed)?;
    row.map(|row| {
        Ok(Caller { account_id: row.id, role: parse_role(&row.role)?, display_name: row.display_name, contact_point: row.contact_point_id })
    })
    .transpose()
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
