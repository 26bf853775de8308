//! Operations on sessions, and on the caller's own account and messages. Staff sign in by `staff_sessions.rs`, citizens by `citizens.rs`.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::{SignedIn, token_of};
use super::problem::Problem;
use crate::accounts::sessions::{self, Session};
use crate::accounts::{Caller, Permission};
use crate::app::App;
use crate::error::Error;
use crate::notifications;

/// Who is signed in.
#[derive(Object)]
pub struct AccountView {
    /// Id
    id: Uuid,
    /// citizen, point_staff, county_staff, drafter, handler, reviewer, administrator or auditor
    role: String,
    /// The role in Chinese
    role_label: String,
    /// Name as pages show it
    display_name: String,
    /// The organ it works for
    #[oai(skip_serializing_if_is_none)]
    organ_id: Option<Uuid>,
    /// The contact point it works for
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
    /// The station of that point, when it works for one station only
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
}

/// A new session.
#[derive(Object)]
pub struct SessionView {
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

fn account_view(caller: Caller) -> AccountView {
    AccountView {
        id: caller.account_id.0,
        role: caller.role.as_str().into(),
        role_label: caller.role.label().into(),
        display_name: caller.display_name,
        organ_id: caller.organ.map(|o| o.0),
        contact_point_id: caller.contact_point.map(|c| c.0),
        station_id: caller.station.map(|s| s.0),
    }
}

/// A new session as its owner gets it.
pub fn session_view(session: Session) -> SessionView {
    SessionView { token: session.token, expires_at: session.expires_at, account: account_view(session.caller) }
}

/// The answer to a sign-in.
pub(super) fn created(session: Session) -> SessionResponse {
    SessionResponse::Created(Json(session_view(session)), "no-store".into())
}

/// The operations.
pub struct AccountsApi;

#[OpenApi(tag = "Tag::Accounts")]
impl AccountsApi {
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
}
