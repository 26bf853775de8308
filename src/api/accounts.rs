//! Operations on sessions, on the caller's own account and messages, and on the audit log.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::{SignedIn, client_address, token_of};
use super::problem::Problem;
use crate::accounts::logins::{self, Door};
use crate::accounts::sessions::{self, Session};
use crate::accounts::{Caller, Permission};
use crate::app::App;
use crate::error::Error;
use crate::{audit, notifications};

/// A member of staff signs in.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct StaffLoginBody {
    /// Login name
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
    /// Password
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
}

/// Who is signed in.
#[derive(Object)]
pub(super) struct AccountView {
    /// Id
    id: Uuid,
    /// citizen, point_staff, drafter, handler, reviewer, administrator or auditor
    role: String,
    /// The role in Chinese
    role_label: String,
    /// Name as pages show it
    display_name: String,
    /// The contact point it works for
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
}

/// A new session.
#[derive(Object)]
pub(super) struct SessionView {
    /// Send it as `Authorization: Bearer …`; it is shown this once
    token: String,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
    /// Who is signed in
    account: AccountView,
}

/// A session was made.
#[derive(ApiResponse)]
pub(super) enum SessionResponse {
    /// Signed in
    #[oai(status = 201)]
    Created(
        Json<SessionView>,
        /// A token is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// Done, and there is nothing to say.
#[derive(ApiResponse)]
pub enum NothingResponse {
    /// Done
    #[oai(status = 204)]
    Done,
}

/// A message to the caller.
#[derive(Object)]
struct MessageView {
    /// Id
    id: Uuid,
    /// opinion_received or opinion_answered
    event: String,
    /// The thing it is about, e.g. an opinion
    subject_id: Uuid,
    /// What the person reads
    text: String,
    /// When it happened
    created_at: DateTime<Utc>,
    /// When it was read
    #[oai(skip_serializing_if_is_none)]
    read_at: Option<DateTime<Utc>>,
}

/// One page of messages.
#[derive(Object)]
struct MessagePageView {
    /// Messages, the newest first
    items: Vec<MessageView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

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
    /// What
    act: String,
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
    /// Place of the first entry that is missing or changed
    #[oai(skip_serializing_if_is_none)]
    broken_at: Option<i64>,
}

fn account_view(caller: Caller) -> AccountView {
    AccountView {
        id: caller.account_id.0,
        role: caller.role.as_str().into(),
        role_label: caller.role.label().into(),
        display_name: caller.display_name,
        contact_point_id: caller.contact_point.map(|c| c.0),
    }
}

pub(super) fn created(session: Session) -> SessionResponse {
    let view = SessionView { token: session.token, expires_at: session.expires_at, account: account_view(session.caller) };
    SessionResponse::Created(Json(view), "no-store".into())
}

fn door(app: &App) -> Door<'_> {
    Door { db: &app.db, cache: &app.cache, clock: &app.clock, ids: &app.ids, rules: &app.config.rules }
}

/// The operations.
pub struct AccountsApi;

#[OpenApi(tag = "Tag::Accounts")]
impl AccountsApi {
    /// Sign in as a member of staff.
    #[oai(path = "/sessions/staff", method = "post", operation_id = "sign_in_staff")]
    async fn sign_in_staff(&self, app: Data<&App>, request: &Request, body: Json<StaffLoginBody>) -> Result<SessionResponse, Problem> {
        let address = client_address(&app, request);
        Ok(created(logins::sign_in_with_password(door(&app), &body.name, &body.password, address).await?))
    }

    /// Sign out: the session ends at once.
    #[oai(path = "/sessions/current", method = "delete", operation_id = "sign_out")]
    async fn sign_out(&self, app: Data<&App>, request: &Request, signed_in: SignedIn) -> Result<NothingResponse, Problem> {
        let token = token_of(request).map_err(|e| Error::internal("the token of a session that was accepted is gone", e.to_string()))?;
        let token = token.ok_or_else(|| Error::defect("a session was accepted without a token"))?;
        sessions::revoke(&app.db, &app.clock, &signed_in.caller(), &token).await?;
        Ok(NothingResponse::Done)
    }

    /// Who is signed in.
    #[oai(path = "/account", method = "get", operation_id = "get_own_account")]
    async fn get_own_account(&self, signed_in: SignedIn) -> Result<Json<AccountView>, Problem> {
        Ok(Json(account_view(signed_in.caller())))
    }

    /// Messages to the caller, the newest first.
    #[oai(path = "/account/messages", method = "get", operation_id = "list_messages")]
    async fn list_messages(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Messages on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<MessagePageView>, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        let page = notifications::list_inbox(&app.db, caller.account_id, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|m| MessageView {
            id: m.id,
            event: m.event.as_str().into(),
            subject_id: m.subject_id,
            text: m.sentence,
            created_at: m.created_at,
            read_at: m.read_at,
        });
        Ok(Json(MessagePageView { items: page.items, next_cursor: page.next }))
    }

    /// Mark a message as read; repeating it keeps the first instant.
    #[oai(path = "/account/messages/:message_id/read", method = "post", operation_id = "mark_message_read")]
    async fn mark_message_read(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Message
        Path(message_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ReadInbox)?;
        notifications::mark_read(&app.db, &app.clock, caller.account_id, message_id).await?;
        Ok(NothingResponse::Done)
    }

    /// The audit log, the newest entry first. For auditors.
    #[oai(path = "/audit/entries", method = "get", operation_id = "list_audit_entries")]
    async fn list_audit_entries(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Entries on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<AuditPageView>, Problem> {
        signed_in.with(Permission::ReadAudit)?;
        let page = audit::list_entries(&app.db, cursor.as_deref(), limit as usize).await?.map(|e| AuditEntryView {
            seq: e.seq,
            at: e.at,
            account_id: e.account_id.map(|a| a.0),
            act: e.act,
            subject: e.subject,
            subject_id: e.subject_id,
            is_success: e.is_success,
            detail: e.detail,
            hash: e.hash,
        });
        Ok(Json(AuditPageView { items: page.items, next_cursor: page.next }))
    }

    /// Check the whole audit log: every entry, and that none is missing between two. For auditors.
    #[oai(path = "/audit/verification", method = "get", operation_id = "verify_audit_log")]
    async fn verify_audit_log(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<AuditVerificationView>, Problem> {
        signed_in.with(Permission::ReadAudit)?;
        let checked = audit::verify(&app.db).await?;
        Ok(Json(AuditVerificationView { entries: checked.entries, last_hash: checked.last_hash, broken_at: checked.broken_at }))
    }
}
