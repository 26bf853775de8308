//! Operations on the audit log, for auditors and administrators.

use chrono::{DateTime, Utc};
use poem::Body;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::audit::Act;
use crate::audit::checking::{self, Break};
use crate::audit::reading::{self, AuditFilter, ListedEntry};
use crate::error::Error;
use crate::ids::AccountId;

/// An entry of the audit log.
#[derive(Object)]
struct AuditEntryView {
    /// Place in the chain, from 1
    seq: i64,
    /// When
    at: DateTime<Utc>,
    /// Who; absent for the system itself and for a sign-in that named no known account
    #[oai(skip_serializing_if_is_none)]
    account_id: Option<Uuid>,
    /// Name that the account shows at present
    #[oai(skip_serializing_if_is_none)]
    account_name: Option<String>,
    /// What
    act: String,
    /// What, in Chinese
    act_label: String,
    /// Kind of the thing
    subject: String,
    /// The thing
    #[oai(skip_serializing_if_is_none)]
    subject_id: Option<Uuid>,
    /// Whether it succeeded
    is_success: bool,
    /// What else matters
    detail: String,
    /// Hash of the entry, SM3
    hash: String,
}

/// One page of the audit log.
#[derive(Object)]
struct AuditPageView {
    /// Entries, the newest first
    items: Vec<AuditEntryView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// Result of checking the whole audit log.
#[derive(Object)]
struct AuditVerificationView {
    /// Entries that hold, counted from the first
    entries: i64,
    /// Hash of the last of them; keep it elsewhere, so that a cut-off end shows
    last_hash: String,
    /// Anchors under the installation's key that agree
    anchors: u64,
    /// Place of the first entry that is missing or changed
    #[oai(skip_serializing_if_is_none)]
    broken_at: Option<i64>,
    /// changed, missing, cut_off or anchor
    #[oai(skip_serializing_if_is_none)]
    what: Option<String>,
}

/// Entries of a period.
#[derive(ApiResponse)]
enum ExportResponse {
    /// One JSON object a line, the oldest first: seq, at, account_id, act, subject, subject_id, is_success, detail, previous_hash, hash
    #[oai(status = 200, content_type = "application/x-ndjson")]
    Found(
        Binary<Body>,
        /// As a file
        #[oai(header = "Content-Disposition")]
        String,
        /// Not kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

fn view(listed: ListedEntry) -> AuditEntryView {
    let entry = listed.entry;
    AuditEntryView {
        seq: entry.seq,
        at: entry.at,
        account_id: entry.account_id.map(|a| a.0),
        account_name: listed.who,
        act_label: Act::parse(&entry.act).map_or_else(|| entry.act.clone(), |act| act.label().into()),
        act: entry.act,
        subject: entry.subject,
        subject_id: entry.subject_id,
        is_success: entry.is_success,
        detail: entry.detail,
        hash: entry.hash,
    }
}

/// The operations.
pub struct AuditApi;

#[OpenApi(tag = "Tag::Audit")]
impl AuditApi {
    /// The audit log, the newest entry first. For auditors and administrators.
    #[oai(path = "/audit/entries", method = "get", operation_id = "list_audit_entries")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter of its own")]
    async fn list_audit_entries(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// From this instant on
        Query(from): Query<Option<DateTime<Utc>>>,
        /// Before this instant
        Query(until): Query<Option<DateTime<Utc>>>,
        /// Of one account
        Query(account_id): Query<Option<Uuid>>,
        /// Of one act, e.g. sign_in
        #[oai(validator(max_length = 64))]
        Query(act): Query<Option<String>>,
        /// About one kind of thing, e.g. draft
        #[oai(validator(max_length = 64))]
        Query(subject): Query<Option<String>>,
        /// About one thing
        Query(subject_id): Query<Option<Uuid>>,
        /// Only what succeeded, or only what failed
        Query(is_success): Query<Option<bool>>,
        /// Entries on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AuditPageView>, Problem> {
        signed_in.with(Permission::ReadAudit)?;
        let act = act.map(|act| Act::parse(&act).ok_or_else(|| Error::invalid("act", "没有这种操作，请核对接口说明。"))).transpose()?;
        if subject.as_ref().is_some_and(|subject| subject.contains('\0')) {
            return Err(Error::invalid("subject", "没有这种对象，请核对接口说明。").into());
        }
        let filter = AuditFilter { from, until, account_id: account_id.map(AccountId), act, subject, subject_id, is_success };
        let page = reading::list_entries(&app.db, &filter, cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(AuditPageView { items: page.items, next_cursor: page.next }))
    }

    /// Check the whole audit log: every entry, that none is missing, that the end was not cut off, and the anchors. For auditors and administrators.
    #[oai(path = "/audit/verification", method = "get", operation_id = "verify_audit_log")]
    async fn verify_audit_log(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<AuditVerificationView>, Problem> {
        signed_in.with(Permission::ReadAudit)?;
        let checked = checking::verify_anchored(&app.db, &app.data_key, &[]).await?;
        Ok(Json(AuditVerificationView {
            entries: checked.entries,
            last_hash: checked.last_hash,
            anchors: checked.anchors,
            broken_at: checked.broken_at,
            what: checked.what.map(|what: Break| what.as_str().into()),
        }))
    }

    /// Entries of a period as JSON Lines, the oldest first. The export is itself an entry. For auditors and administrators.
    #[oai(path = "/audit/export", method = "get", operation_id = "export_audit_log")]
    async fn export_audit_log(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// From this instant on
        Query(from): Query<Option<DateTime<Utc>>>,
        /// Before this instant
        Query(until): Query<Option<DateTime<Utc>>>,
    ) -> Result<ExportResponse, Problem> {
        let caller = signed_in.with(Permission::ReadAudit)?;
        let pieces = reading::export(&app.db, &app.clock, Some(caller.account_id), from, until).await?;
        Ok(ExportResponse::Found(Binary(Body::from_bytes_stream(pieces)), "attachment; filename=\"audit.jsonl\"".into(), "no-store".into()))
    }
}
