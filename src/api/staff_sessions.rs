//! Operations by which staff sign in, step by step, and keep their own way in: password and second step.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use super::accounts::{NothingResponse, SessionView, session_view};
use super::callers::{SignedIn, token_of};
use super::problem::Problem;
use crate::accounts::Permission;
use crate::accounts::staff::passwords;
use crate::accounts::staff::second_factor::{self, Enrolment};
use crate::accounts::staff::signing_in::{self, SignIn};
use crate::app::App;
use crate::error::Error;

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

/// A code of the second step.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TicketCodeBody {
    /// The ticket of the step before
    #[oai(validator(min_length = 1, max_length = 128))]
    ticket: String,
    /// Six digits of the authenticator, or a recovery code
    #[oai(validator(min_length = 1, max_length = 32))]
    code: String,
}

/// Another password in place of a one-time one.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TicketPasswordBody {
    /// The ticket of the step before
    #[oai(validator(min_length = 1, max_length = 128))]
    ticket: String,
    /// The new password: at least 12 characters
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
}

/// A ticket alone.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct TicketBody {
    /// The ticket of the step before
    #[oai(validator(min_length = 1, max_length = 128))]
    ticket: String,
}

/// A code alone.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CodeBody {
    /// Six digits of the authenticator, or a recovery code
    #[oai(validator(min_length = 1, max_length = 32))]
    code: String,
}

/// A change of the own password.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PasswordChangeBody {
    /// The present password
    #[oai(validator(min_length = 1, max_length = 1024))]
    current_password: String,
    /// The new one: at least 12 characters, not the login name, not a very common one
    #[oai(validator(min_length = 1, max_length = 1024))]
    password: String,
}

/// A sign-in that needs another step.
#[derive(Object)]
struct TicketView {
    /// Send it with the next step; it opens nothing else
    ticket: String,
    /// code: `POST /sessions/staff/code`; password: `POST /sessions/staff/password`; enrolment: `POST /sessions/staff/enrolment`
    step: String,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
    /// Codes for a lost telephone, each good once; present after the second step was set up, and shown this once
    #[oai(skip_serializing_if_is_none)]
    recovery_codes: Option<Vec<String>>,
}

/// A session, and the recovery codes that came with its last step.
#[derive(Object)]
struct EnrolledSessionView {
    /// The session
    session: SessionView,
    /// Codes for a lost telephone, each good once; shown this once
    recovery_codes: Vec<String>,
}

/// What to put into an authenticator.
#[derive(Object)]
struct EnrolmentView {
    /// The secret in base32: SHA-1, 30 seconds, 6 digits
    secret: String,
    /// The same as an address, for a QR code
    url: String,
}

/// Codes for a lost telephone.
#[derive(Object)]
struct RecoveryCodesView {
    /// Each is good once; shown this once
    recovery_codes: Vec<String>,
}

/// Where a sign-in stands.
#[derive(ApiResponse)]
enum SignInResponse {
    /// Signed in
    #[oai(status = 201)]
    Created(
        Json<SessionView>,
        /// A token is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// Another step is needed
    #[oai(status = 202)]
    Accepted(
        Json<TicketView>,
        /// A ticket is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// Where a sign-in stands after the second step was set up.
#[derive(ApiResponse)]
enum EnrolledResponse {
    /// Signed in
    #[oai(status = 201)]
    Created(
        Json<EnrolledSessionView>,
        /// A token is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// Another step is needed
    #[oai(status = 202)]
    Accepted(
        Json<TicketView>,
        /// A ticket is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// A secret that is shown once.
#[derive(ApiResponse)]
enum SecretResponse<T: poem_openapi::types::Type + poem_openapi::types::ToJSON> {
    /// Done
    #[oai(status = 200)]
    Found(
        Json<T>,
        /// A secret is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

const NO_STORE: &str = "no-store";

fn answer(state: SignIn) -> SignInResponse {
    match state {
        SignIn::Done(session) => SignInResponse::Created(Json(session_view(session)), NO_STORE.into()),
        SignIn::Next(ticket) => SignInResponse::Accepted(Json(ticket_view(ticket, None)), NO_STORE.into()),
    }
}

fn ticket_view(ticket: signing_in::Ticket, recovery_codes: Option<Vec<String>>) -> TicketView {
    TicketView { ticket: ticket.token, step: ticket.step.as_str().into(), expires_at: ticket.expires_at, recovery_codes }
}

fn secret(enrolment: Enrolment) -> SecretResponse<EnrolmentView> {
    SecretResponse::Found(Json(EnrolmentView { secret: enrolment.secret, url: enrolment.url }), NO_STORE.into())
}

fn token(request: &Request) -> Result<String, Problem> {
    let token = token_of(request).map_err(|e| Error::internal("the token of a session that was accepted is gone", e.to_string()))?;
    Ok(token.ok_or_else(|| Error::defect("a session was accepted without a token"))?)
}

/// The operations.
pub struct StaffSessionsApi;

#[OpenApi(tag = "Tag::Accounts")]
impl StaffSessionsApi {
    /// Sign in as a member of staff. The answer is a session, or a ticket for the next step.
    #[oai(path = "/sessions/staff", method = "post", operation_id = "sign_in_staff")]
    async fn sign_in_staff(&self, app: Data<&App>, request: &Request, body: Json<StaffLoginBody>) -> Result<SignInResponse, Problem> {
        let from = app.origin(request);
        Ok(answer(signing_in::sign_in_with_password(app.staff_door(), &body.name, &body.password, from).await?))
    }

    /// Go on signing in with a code of the second step, or with a recovery code. Each code is taken once.
    #[oai(path = "/sessions/staff/code", method = "post", operation_id = "sign_in_with_code")]
    async fn sign_in_with_code(&self, app: Data<&App>, request: &Request, body: Json<TicketCodeBody>) -> Result<SignInResponse, Problem> {
        let address = app.client_address(request);
        Ok(answer(signing_in::give_code(app.staff_door(), &body.ticket, &body.code, address).await?))
    }

    /// Go on signing in by choosing another password in place of a one-time one.
    #[oai(path = "/sessions/staff/password", method = "post", operation_id = "sign_in_with_new_password")]
    async fn sign_in_with_new_password(&self, app: Data<&App>, body: Json<TicketPasswordBody>) -> Result<SignInResponse, Problem> {
        Ok(answer(signing_in::give_new_password(app.staff_door(), &body.ticket, &body.password).await?))
    }

    /// Go on signing in by setting up the second step: what to put into an authenticator. Asking again gives the same until it is confirmed.
    #[oai(path = "/sessions/staff/enrolment", method = "post", operation_id = "sign_in_begin_enrolment")]
    async fn sign_in_begin_enrolment(&self, app: Data<&App>, body: Json<TicketBody>) -> Result<SecretResponse<EnrolmentView>, Problem> {
        Ok(secret(signing_in::begin_enrolment(app.staff_door(), &body.ticket).await?))
    }

    /// Confirm the second step with a first code, and go on signing in.
    #[oai(path = "/sessions/staff/enrolment/confirmation", method = "post", operation_id = "sign_in_confirm_enrolment")]
    async fn sign_in_confirm_enrolment(&self, app: Data<&App>, body: Json<TicketCodeBody>) -> Result<EnrolledResponse, Problem> {
        let (state, recovery_codes) = signing_in::confirm_enrolment(app.staff_door(), &body.ticket, &body.code).await?;
        Ok(match state {
            SignIn::Done(session) => {
                EnrolledResponse::Created(Json(EnrolledSessionView { session: session_view(session), recovery_codes }), NO_STORE.into())
            }
            SignIn::Next(ticket) => EnrolledResponse::Accepted(Json(ticket_view(ticket, Some(recovery_codes))), NO_STORE.into()),
        })
    }

    /// Change the own password; every other session of the account ends. For staff.
    #[oai(path = "/account/password", method = "put", operation_id = "change_own_password")]
    async fn change_own_password(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        body: Json<PasswordChangeBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::KeepOwnLogin)?;
        let (token, address) = (token(request)?, app.client_address(request));
        let body = &body.0;
        passwords::change_own_password(app.staff_door(), &caller, &token, &body.current_password, &body.password, address).await?;
        Ok(NothingResponse::Done)
    }

    /// Begin to set up the own second step: what to put into an authenticator. Asking again gives the same until it is confirmed. For staff.
    #[oai(path = "/account/second-factor", method = "post", operation_id = "begin_second_factor")]
    async fn begin_second_factor(&self, app: Data<&App>, signed_in: SignedIn) -> Result<SecretResponse<EnrolmentView>, Problem> {
        let caller = signed_in.with(Permission::KeepOwnLogin)?;
        Ok(secret(second_factor::begin_own(app.staff_door(), &caller).await?))
    }

    /// Confirm the own second step with a first code. For staff.
    #[oai(path = "/account/second-factor/confirmation", method = "post", operation_id = "confirm_second_factor")]
    async fn confirm_second_factor(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        body: Json<CodeBody>,
    ) -> Result<SecretResponse<RecoveryCodesView>, Problem> {
        let caller = signed_in.with(Permission::KeepOwnLogin)?;
        let recovery_codes = second_factor::confirm_own(app.staff_door(), &caller, &body.code).await?;
        Ok(SecretResponse::Found(Json(RecoveryCodesView { recovery_codes }), NO_STORE.into()))
    }

    /// Take the own second step away, with a code of it, where the rules allow that. For staff.
    #[oai(path = "/account/second-factor/removal", method = "post", operation_id = "remove_second_factor")]
    async fn remove_second_factor(&self, app: Data<&App>, signed_in: SignedIn, body: Json<CodeBody>) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::KeepOwnLogin)?;
        second_factor::remove_own(app.staff_door(), &caller, &body.code).await?;
        Ok(NothingResponse::Done)
    }
}
