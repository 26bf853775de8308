//! Inviting staff of contact points, and accepting an invitation.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::accounts::NothingResponse;
use crate::api::callers::SignedIn;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::invitations::{self, Invitation};
use crate::ids::{InvitationId, StationId};

/// An invitation to work at a contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct InvitationBody {
    /// A station of the point, when the account is for one station only
    station_id: Option<Uuid>,
    /// For whom, to be told apart in the list: at most 50 characters, no personal data
    #[oai(default)]
    remark: String,
}

/// An invitation that was just made.
#[derive(Object)]
struct MadeInvitationView {
    /// Id
    id: Uuid,
    /// The code, shown this once
    code: String,
    /// The link for the invited person; the code stands behind its `#`, which no server sees
    url: String,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
}

/// An invitation in the list.
#[derive(Object)]
struct InvitationView {
    /// Id
    id: Uuid,
    /// open, used, expired or revoked
    state: String,
    /// The same in Chinese
    state_label: String,
    /// The station, when it is for one station only
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// For whom
    remark: String,
    /// Who invited
    #[oai(skip_serializing_if_is_none)]
    invited_by: Option<String>,
    /// When
    created_at: DateTime<Utc>,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
    /// When an account was made with it
    #[oai(skip_serializing_if_is_none)]
    used_at: Option<DateTime<Utc>>,
    /// When it was taken back
    #[oai(skip_serializing_if_is_none)]
    revoked_at: Option<DateTime<Utc>>,
}

/// The code of an invitation.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct InvitationCodeBody {
    /// As it was given
    #[oai(validator(max_length = 60))]
    code: String,
}

/// What an invitation is for.
#[derive(Object)]
struct WelcomeView {
    /// Name of the contact point
    contact_point: String,
    /// Name of the station, when it is for one station only
    #[oai(skip_serializing_if_is_none)]
    station: Option<String>,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
}

/// The account that the invited person makes.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AcceptanceBody {
    /// The code
    #[oai(validator(max_length = 60))]
    code: String,
    /// Name for signing in: 2 to 64 characters without spaces and colons
    #[oai(validator(min_length = 1, max_length = 200))]
    login_name: String,
    /// Name as pages show it: 1 to 50 characters
    #[oai(validator(min_length = 1, max_length = 200))]
    display_name: String,
    /// At least 12 characters
    #[oai(validator(max_length = 1024))]
    password: String,
}

/// The account that was made.
#[derive(Object)]
struct AcceptedView {
    /// Id
    account_id: Uuid,
}

/// Somebody was invited.
#[derive(ApiResponse)]
enum InvitedResponse {
    /// Invited
    #[oai(status = 201)]
    Created(
        Json<MadeInvitationView>,
        /// A code is never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// The account was made.
#[derive(ApiResponse)]
enum AcceptedResponse {
    /// Made; sign in as usual
    #[oai(status = 201)]
    Created(Json<AcceptedView>),
}

fn invitation_view(invitation: Invitation, now: DateTime<Utc>) -> InvitationView {
    let state = invitation.state_at(now);
    InvitationView {
        id: invitation.id.0,
        state: state.as_str().into(),
        state_label: state.label().into(),
        station_id: invitation.station.map(|s| s.0),
        remark: invitation.remark,
        invited_by: invitation.invited_by,
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
        used_at: invitation.used_at,
        revoked_at: invitation.revoked_at,
    }
}

/// The operations.
pub struct InvitationsApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl InvitationsApi {
    /// Invite somebody to work at a contact point. The answer holds the one-time code.
    #[oai(path = "/contact-points/:contact_point_id/invitations", method = "post", operation_id = "invite_point_staff")]
    async fn invite_point_staff(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Made by the client, one for each invitation, 8 to 128 characters. The same invitation again with the same key gives the same code
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<InvitationBody>,
    ) -> Result<InvitedResponse, Problem> {
        let caller = signed_in.with(Permission::InvitePointStaff)?;
        let station = body.station_id.map(StationId);
        let made = invitations::invite(app.keeping(), &caller, &key, contact_point_id.into(), station, &body.remark).await?;
        let url = format!("{}/invitations#{}", app.config.public_url, made.code);
        let view = MadeInvitationView { id: made.id.0, code: made.code, url, expires_at: made.expires_at };
        Ok(InvitedResponse::Created(Json(view), "no-store".into()))
    }

    /// Invitations to a contact point, the newest first.
    #[oai(path = "/contact-points/:contact_point_id/invitations", method = "get", operation_id = "list_invitations")]
    async fn list_invitations(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
    ) -> Result<Json<Vec<InvitationView>>, Problem> {
        let caller = signed_in.with(Permission::ReadContactPoints)?;
        let found = invitations::list_invitations(app.keeping(), &caller, contact_point_id.into()).await?;
        Ok(Json(found.into_iter().map(|invitation| invitation_view(invitation, app.clock.now())).collect()))
    }

    /// Take an invitation back. Repeating it changes nothing; one that was used cannot be taken back.
    #[oai(path = "/invitations/:invitation_id/revocation", method = "post", operation_id = "revoke_invitation")]
    async fn revoke_invitation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Invitation
        Path(invitation_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::InvitePointStaff)?;
        invitations::revoke_invitation(app.keeping(), &caller, InvitationId(invitation_id)).await?;
        Ok(NothingResponse::Done)
    }

    /// What an invitation is for, by its code.
    #[oai(path = "/invitation-lookups", method = "post", operation_id = "look_up_invitation")]
    async fn look_up_invitation(
        &self,
        app: Data<&App>,
        request: &Request,
        body: Json<InvitationCodeBody>,
    ) -> Result<Json<WelcomeView>, Problem> {
        let address = app.client_address(request);
        let welcome = invitations::look_up_invitation(app.keeping(), &app.cache, address, &body.code).await?;
        Ok(Json(WelcomeView { contact_point: welcome.point.facts.name, station: welcome.station, expires_at: welcome.expires_at }))
    }

    /// Make the account that an invitation is for. It is good once; signing in follows as for everybody.
    #[oai(path = "/invitation-acceptances", method = "post", operation_id = "accept_invitation")]
    async fn accept_invitation(&self, app: Data<&App>, request: &Request, body: Json<AcceptanceBody>) -> Result<AcceptedResponse, Problem> {
        let (at, address) = (app.keeping(), app.client_address(request));
        let AcceptanceBody { code, login_name, display_name, password } = &body.0;
        let account = invitations::accept_invitation(at, &app.cache, address, code, login_name, display_name, password).await?;
        Ok(AcceptedResponse::Created(Json(AcceptedView { account_id: account.0 })))
    }
}
