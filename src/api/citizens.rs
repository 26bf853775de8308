//! Operations of citizens: signing in with WeChat or a phone, what must be declared, one's own account and sessions.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::Tag;
use super::accounts::{NothingResponse, SessionResponse, created};
use super::callers::{SignedIn, own_token};
use super::problem::Problem;
use crate::accounts::citizens::codes::{self, Purpose};
use crate::accounts::citizens::consent::{self, NewConsent, Relation};
use crate::accounts::citizens::logins::{self, Declaration};
use crate::accounts::citizens::phones::{Phone, masked};
use crate::accounts::citizens::privacy::{PRIVACY_VERSION, SECTIONS};
use crate::accounts::citizens::{Profile, own_profile};
use crate::accounts::{Permission, sessions};
use crate::app::App;

/// A citizen signs in with WeChat.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct WechatLoginBody {
    /// The code of `wx.login()`; good for one use within five minutes. With the sandbox: `sandbox-NAME` or `sandbox-NAME.ANYTHING`
    #[oai(validator(min_length = 1, max_length = 256))]
    code: String,
    /// The version of the privacy notice that the person accepts now
    #[oai(validator(max_length = 20), skip_serializing_if_is_none)]
    privacy_version: Option<String>,
    /// Whether the person says to be fourteen or over
    #[oai(skip_serializing_if_is_none)]
    is_fourteen_or_over: Option<bool>,
}

/// A citizen signs in with a phone.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PhoneLoginBody {
    /// Mainland mobile number
    #[oai(validator(min_length = 11, max_length = 20))]
    phone: String,
    /// The six digits that were sent to it
    #[oai(validator(min_length = 1, max_length = 16))]
    code: String,
    /// The version of the privacy notice that the person accepts now
    #[oai(validator(max_length = 20), skip_serializing_if_is_none)]
    privacy_version: Option<String>,
    /// Whether the person says to be fourteen or over
    #[oai(skip_serializing_if_is_none)]
    is_fourteen_or_over: Option<bool>,
}

/// What a one-time code is for.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum CodePurpose {
    SignIn,
    BindPhone,
    GuardianConsent,
}

/// A one-time code is asked for.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PhoneCodeBody {
    /// Mainland mobile number
    #[oai(validator(min_length = 11, max_length = 20))]
    phone: String,
    /// A code is good for nothing else
    purpose: CodePurpose,
}

/// A one-time code is on its way.
#[derive(Object)]
struct PhoneCodeView {
    /// The phone, masked
    sent_to: String,
    /// First instant at which the code is no good any more
    expires_at: DateTime<Utc>,
    /// When another one may be asked for
    again_at: DateTime<Utc>,
    /// The code itself; in the demonstration only, where nothing is sent
    #[oai(skip_serializing_if_is_none)]
    demonstration_code: Option<String>,
}

/// A code was sent.
#[derive(ApiResponse)]
enum PhoneCodeResponse {
    /// The code is on its way
    #[oai(status = 202)]
    Sent(
        Json<PhoneCodeView>,
        /// Never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// A section of the privacy notice.
#[derive(Object)]
struct PrivacySectionView {
    /// Heading
    heading: String,
    /// Paragraphs
    paragraphs: Vec<String>,
}

/// The privacy notice.
#[derive(Object)]
struct PrivacyNoticeView {
    /// Version, to be sent back when the person accepts it
    version: String,
    /// Sections
    sections: Vec<PrivacySectionView>,
}

/// A version of the privacy notice is accepted.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PrivacyBody {
    /// The version that the person has read
    #[oai(validator(min_length = 1, max_length = 20))]
    version: String,
}

/// What the person says of their age.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AgeBody {
    /// Fourteen or over
    is_fourteen_or_over: bool,
}

/// Who a guardian is.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum GuardianRelation {
    Parent,
    Grandparent,
    Sibling,
    Other,
}

/// A guardian consents.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct GuardianBody {
    /// Name of the guardian
    #[oai(validator(min_length = 1, max_length = 30))]
    name: String,
    /// Who the guardian is
    relation: GuardianRelation,
    /// The guardian's phone
    #[oai(validator(min_length = 11, max_length = 20))]
    phone: String,
    /// The code that was sent to it for this purpose
    #[oai(validator(min_length = 1, max_length = 16))]
    code: String,
}

/// A guardian who consented.
#[derive(Object)]
struct GuardianView {
    /// Name
    name: String,
    /// Phone, masked
    phone: String,
    /// parent, grandparent, sibling or other
    relation: String,
    /// When
    consented_at: DateTime<Utc>,
}

/// What is held about one's own account.
#[derive(Object)]
struct ProfileView {
    /// Name as pages show it
    display_name: String,
    /// Since when
    created_at: DateTime<Utc>,
    /// Whether a WeChat user is bound
    has_wechat: bool,
    /// The phone that is bound, masked
    #[oai(skip_serializing_if_is_none)]
    phone: Option<String>,
    /// The version of the privacy notice that was accepted last
    #[oai(skip_serializing_if_is_none)]
    privacy_version: Option<String>,
    /// When it was accepted
    #[oai(skip_serializing_if_is_none)]
    privacy_accepted_at: Option<DateTime<Utc>>,
    /// Whether the present notice must be accepted before the next opinion
    needs_privacy_consent: bool,
    /// unknown, fourteen_or_over or under_fourteen
    age: String,
    /// The guardian who consented
    #[oai(skip_serializing_if_is_none)]
    guardian: Option<GuardianView>,
    /// Whether an opinion of the person would be taken now, as far as the account goes
    may_post_opinions: bool,
}

/// One's own session.
#[derive(Object)]
struct OwnSessionView {
    /// Names the session in this list; it opens nothing
    handle: String,
    /// When it was issued
    created_at: DateTime<Utc>,
    /// First instant at which it no longer counts
    expires_at: DateTime<Utc>,
    /// The device, in words; empty when it is not known
    device: String,
    /// Whether it is the one that asks
    is_current: bool,
}

/// One's own sessions.
#[derive(Object)]
struct OwnSessionsView {
    /// Sessions, the newest first
    items: Vec<OwnSessionView>,
}

/// Sessions were ended.
#[derive(Object)]
struct EndedSessionsView {
    /// How many
    ended: u64,
}

fn profile_view(profile: Profile) -> ProfileView {
    let (version, at) = profile.privacy.unzip();
    let has_accepted = version.as_deref() == Some(PRIVACY_VERSION);
    let may_post = match profile.age {
        consent::Age::Unknown => false,
        consent::Age::FourteenOrOver => has_accepted,
        consent::Age::UnderFourteen => has_accepted && profile.guardian.is_some(),
    };
    ProfileView {
        display_name: profile.display_name,
        created_at: profile.created_at,
        has_wechat: profile.has_wechat,
        phone: profile.phone.as_deref().map(masked),
        privacy_version: version,
        privacy_accepted_at: at,
        needs_privacy_consent: !has_accepted,
        age: profile.age.as_str().into(),
        guardian: profile.guardian.map(|g| GuardianView {
            name: g.name,
            phone: masked(&g.phone),
            relation: g.relation.as_str().into(),
            consented_at: g.consented_at,
        }),
        may_post_opinions: may_post,
    }
}

/// The operations.
pub struct CitizensApi;

#[OpenApi(tag = "Tag::Accounts")]
impl CitizensApi {
    /// Sign in as a citizen, with the code that the mini-program got from WeChat. The account is made on the first visit.
    #[oai(path = "/sessions/wechat", method = "post", operation_id = "sign_in_wechat")]
    async fn sign_in_wechat(&self, app: Data<&App>, request: &Request, body: Json<WechatLoginBody>) -> Result<SessionResponse, Problem> {
        let says = Declaration { privacy_version: body.0.privacy_version, is_fourteen_or_over: body.0.is_fourteen_or_over };
        Ok(created(logins::sign_in_with_wechat(app.reception(), &body.0.code, &says, &app.origin(request)).await?))
    }

    /// Send a one-time code to a phone: six digits, good for five minutes and five tries. The answer does not tell whether the phone is known.
    #[oai(path = "/phone-codes", method = "post", operation_id = "send_phone_code")]
    async fn send_phone_code(&self, app: Data<&App>, request: &Request, body: Json<PhoneCodeBody>) -> Result<PhoneCodeResponse, Problem> {
        let phone = Phone::parse(&body.phone)?;
        let purpose = match body.purpose {
            CodePurpose::SignIn => Purpose::SignIn,
            CodePurpose::BindPhone => Purpose::BindPhone,
            CodePurpose::GuardianConsent => Purpose::GuardianConsent,
        };
        let sent = codes::send_code(app.reception(), purpose, &phone, app.client_address(request)).await?;
        let shown = if app.config.is_demonstration { app.sms.shown_code(phone.digits()).await? } else { None };
        let view = PhoneCodeView { sent_to: sent.sent_to, expires_at: sent.expires_at, again_at: sent.again_at, demonstration_code: shown };
        Ok(PhoneCodeResponse::Sent(Json(view), "no-store".into()))
    }

    /// Sign in as a citizen, with a phone and the code that was sent to it. The account is made on the first visit.
    #[oai(path = "/sessions/phone", method = "post", operation_id = "sign_in_phone")]
    async fn sign_in_phone(&self, app: Data<&App>, request: &Request, body: Json<PhoneLoginBody>) -> Result<SessionResponse, Problem> {
        let phone = Phone::parse(&body.phone)?;
        let says = Declaration { privacy_version: body.0.privacy_version, is_fourteen_or_over: body.0.is_fourteen_or_over };
        Ok(created(logins::sign_in_with_phone(app.reception(), &phone, &body.0.code, &says, &app.origin(request)).await?))
    }

    /// The privacy notice, to be shown before anything is handed over.
    #[oai(path = "/privacy-notice", method = "get", operation_id = "get_privacy_notice")]
    async fn get_privacy_notice(&self, app: Data<&App>) -> Result<Json<PrivacyNoticeView>, Problem> {
        let sections = SECTIONS
            .iter()
            .map(|s| PrivacySectionView {
                heading: s.heading.into(),
                paragraphs: s.paragraphs.iter().map(|p| p.replace("{bureau}", &app.config.bureau_name)).collect(),
            })
            .collect();
        Ok(Json(PrivacyNoticeView { version: PRIVACY_VERSION.into(), sections }))
    }

    /// What is held about one's own account.
    #[oai(path = "/account/profile", method = "get", operation_id = "get_own_profile")]
    async fn get_own_profile(&self, app: Data<&App>, signed_in: SignedIn) -> Result<Json<ProfileView>, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        Ok(Json(profile_view(own_profile(&app.db, &app.field_cipher, &caller).await?)))
    }

    /// Accept the privacy notice. Repeating it changes nothing.
    #[oai(path = "/account/privacy-consent", method = "put", operation_id = "accept_privacy_notice")]
    async fn accept_privacy_notice(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        body: Json<PrivacyBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        consent::accept_privacy(app.reception(), &caller, &body.version).await?;
        Ok(NothingResponse::Done)
    }

    /// Say whether one is fourteen. A person under fourteen needs a guardian's consent before an opinion is taken.
    #[oai(path = "/account/age", method = "put", operation_id = "state_age")]
    async fn state_age(&self, app: Data<&App>, signed_in: SignedIn, body: Json<AgeBody>) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        consent::state_age(app.reception(), &caller, body.is_fourteen_or_over).await?;
        Ok(NothingResponse::Done)
    }

    /// Record a guardian's consent, proved by a code sent to the guardian's phone for the purpose `guardian_consent`.
    #[oai(path = "/account/guardian-consent", method = "put", operation_id = "record_guardian_consent")]
    async fn record_guardian_consent(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        body: Json<GuardianBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        let relation = match body.relation {
            GuardianRelation::Parent => Relation::Parent,
            GuardianRelation::Grandparent => Relation::Grandparent,
            GuardianRelation::Sibling => Relation::Sibling,
            GuardianRelation::Other => Relation::Other,
        };
        let phone = Phone::parse(&body.phone)?;
        let new = NewConsent { name: &body.name, relation, phone: &phone, code: &body.code };
        consent::record_guardian_consent(app.reception(), &caller, new, app.client_address(request)).await?;
        Ok(NothingResponse::Done)
    }

    /// One's own sessions that count, the newest first.
    #[oai(path = "/account/sessions", method = "get", operation_id = "list_own_sessions")]
    async fn list_own_sessions(&self, app: Data<&App>, request: &Request, signed_in: SignedIn) -> Result<Json<OwnSessionsView>, Problem> {
        let caller = signed_in.caller();
        let items = sessions::list_own(&app.db, &app.clock, &caller, &own_token(request)?).await?;
        let show = |s: sessions::OpenSession| OwnSessionView {
            handle: s.handle,
            created_at: s.created_at,
            expires_at: s.expires_at,
            device: s.device,
            is_current: s.is_current,
        };
        Ok(Json(OwnSessionsView { items: items.into_iter().map(show).collect() }))
    }

    /// End one of one's own sessions; one that has ended already is no failure.
    #[oai(path = "/account/sessions/:handle", method = "delete", operation_id = "end_own_session")]
    async fn end_own_session(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Handle of the session, as in the list
        #[oai(validator(max_length = 64))]
        Path(handle): Path<String>,
    ) -> Result<NothingResponse, Problem> {
        sessions::end_one(&app.db, &app.clock, &signed_in.caller(), &handle).await?;
        Ok(NothingResponse::Done)
    }

    /// End all of one's own sessions but the one that asks.
    #[oai(path = "/account/sessions", method = "delete", operation_id = "end_other_sessions")]
    async fn end_other_sessions(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
    ) -> Result<Json<EndedSessionsView>, Problem> {
        let ended = sessions::end_others(&app.db, &app.clock, &signed_in.caller(), &own_token(request)?).await?;
        Ok(Json(EndedSessionsView { ended }))
    }
}
