//! Listing and exporting the audit log.

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Act, Entry, NewEntry, append};
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Of one account.
    pub account_id: Option<AccountId>,
    /// Of one act.
    pub act: Option<Act>,
    /// About one kind of thing, e.g. `draft`.
    pub subject: Option<String>,
    /// About one thing.
    pub subject_id: Option<Uuid>,
    /// Only what succeeded, or only what failed.
    pub is_success: Option<bool>,
}

/// An entry, and who it names.
#[derive(Clone, Debug, FromRow)]
pub struct ListedEntry {
    /// The entry.
    #[sqlx(flatten)]
    pub entry: Entry,
    /// Name that the account shows at present; `None` when the entry names none, or the account is gone.
    pub who: Option<String>,
    /// Name that the account signs in with; staff only.
    pub login_name: Option<String>,
}

const LIST: &str = "SELECT e.seq, e.at, e.account_id, e.act, e.subject, e.subject_id, e.is_success, e.detail, e.previous_hash, e.hash,
    a.display_name AS who, a.login_name FROM audit_entry e LEFT JOIN account a ON a.id = e.account_id
    WHERE e.seq < $1 AND (e.at >= $2 OR $2 IS NULL) AND (e.at < $3 OR $3 IS NULL) AND (e.account_id = $4 OR $4 IS NULL)
    AND (e.act = $5 OR $5 IS NULL) AND (e.subject = $6 OR $6 IS NULL) AND (e.subject_id = $7 OR $7 IS NULL)
    AND (e.is_success = $8 OR $8 IS NULL) ORDER BY e.seq DESC LIMIT $9";
const EXPORT: &str = "SELECT seq, at, account_id, act, subject, subject_id, is_success, detail, previous_hash, hash FROM audit_entry
    WHERE seq > $1 AND (at >= $2 OR $2 IS NULL) AND (at < $3 OR $3 IS NULL) ORDER BY seq LIMIT $4";
const LIST_DETAILS: &str = "SELECT seq, detail FROM audit_entry WHERE act = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const NAME: &str = "SELECT display_name FROM account WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, EXPORT, LIST_DETAILS, NAME];

/// Entries of an export that are read at a time.
const EXPORT_ROWS: i64 = 500;

/// Entries, the newest first.
pub async fn list_entries(db: &Db, filter: &AuditFilter, cursor: Option<&str>, limit: usize) -> Result<Page<ListedEntry>> {
    let before: i64 = cursor.map(decode_cursor).transpose()?.unwrap_or(i64::MAX);
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<ListedEntry> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(before).bind(filter.from).bind(filter.until).bind(filter.account_id).bind(filter.act.map(Act::as_str))
        .bind(&filter.subject).bind(filter.subject_id).bind(filter.is_success).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    Ok(Page::cut(rows, limit, |listed| listed.entry.seq))
}

/// Name that an account of which a detail speaks shows at present; `None` when the account is gone.
pub async fn find_name(db: &Db, account: AccountId) -> Result<Option<String>> {
    on_db!(db, pool => sqlx::query_scalar(NAME).bind(account).fetch_optional(pool).await).map_err(failed)
}

/// Places and details of the entries of one act after a place in the chain, the oldest first.
pub async fn list_details(db: &Db, act: Act, after: i64, limit: i64) -> Result<Vec<(i64, String)>> {
    on_db!(db, pool => sqlx::query_as(LIST_DETAILS).bind(act.as_str()).bind(after).bind(limit).fetch_all(pool).await).map_err(failed)
}

/// Entries of a period as JSON Lines, the oldest first, read piece by piece: the log may be larger than the memory. The export is itself an
/// entry. Each line holds everything that its hash covers, so that the chain of an export can be checked without the database.
pub async fn export(
    db: &Db,
    clock: &Clock,
    by: Option<AccountId>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<impl Stream<Item = std::io::Result<String>> + Send + 'static> {
    let mut tx = db.begin().await?;
    let entry = NewEntry { account_id: by, act: Act::ExportAudit, subject: "audit", subject_id: None, is_success: true, detail: "" };
    append(&mut tx, clock, entry).await?;
    tx.commit().await?;
    Ok(stream::try_unfold((db.clone(), 0_i64), move |(db, after)| async move {
        let piece = export_piece(&db, from, until, after).await.map_err(|e| {
            tracing::error!(cause = e.cause_chain(), "an export of the audit log broke off");
            std::io::Error::other(e)
        })?;
        Ok(piece.map(|(lines, last)| (lines, (db, last))))
    }))
}

/// The next lines after an entry, with the last entry of them; `None` at the end.
async fn export_piece(db: &Db, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>, after: i64) -> Result<Option<(String, i64)>> {
    let rows: Vec<Entry> =
        on_db!(db, pool => sqlx::query_as(EXPORT).bind(after).bind(from).bind(until).bind(EXPORT_ROWS).fetch_all(pool).await)
            .map_err(failed)?;
    let Some(last) = rows.last().map(|entry| entry.seq) else { return Ok(None) };
    let mut lines = String::new();
    for entry in &rows {
        lines.push_str(&serde_json::to_string(entry).map_err(|e| Error::internal("an entry cannot be written", e))?);
        lines.push('\n');
    }
    Ok(Some((lines, last)))
}
