//! Operations on what is held about oneself: binding a phone, taking a copy, erasing the account.

use chrono::{DateTime, Utc};
use poem::Request;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use super::callers::{SignedIn, own_token};
use super::problem::Problem;
use crate::accounts::Permission;
use crate::accounts::citizens::phones::Phone;
use crate::app::App;
use crate::error::Error;
use crate::personal_data::binding::{self, Binding};
use crate::personal_data::copies::{self, OwnData};
use crate::personal_data::erasure::{self, RETAINED};

/// A phone is bound: either a phone with its one-time code, or the code that WeChat gave for the phone it knows.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PhoneBindingBody {
    /// Mainland mobile number
    #[oai(validator(min_length = 11, max_length = 20), skip_serializing_if_is_none)]
    phone: Option<String>,
    /// The code that was sent to it for the purpose `bind_phone`
    #[oai(validator(min_length = 1, max_length = 16), skip_serializing_if_is_none)]
    code: Option<String>,
    /// Instead of the two: the code of the mini-program's phone button. With the sandbox: `sandbox-phone-13800138000`
    #[oai(validator(min_length = 1, max_length = 256), skip_serializing_if_is_none)]
    wechat_code: Option<String>,
}

/// What binding a phone did.
#[derive(Object)]
struct PhoneBindingView {
    /// Whether the phone had an account of its own, which was taken up into this one
    is_merged: bool,
}

/// A named value.
#[derive(Object)]
struct DatumView {
    /// Stable name
    key: String,
    /// Name in Chinese
    name: String,
    /// Value; instants in Asia/Shanghai
    value: String,
}

/// One thing that is held.
#[derive(Object)]
struct HeldEntryView {
    /// Its named values
    fields: Vec<DatumView>,
}

/// One kind of thing that is held.
#[derive(Object)]
struct HeldView {
    /// Stable name
    key: String,
    /// Name in Chinese
    title: String,
    /// Things
    entries: Vec<HeldEntryView>,
}

/// Everything that is held about a person.
#[derive(Object)]
struct OwnDataView {
    /// When the copy was taken
    copied_at: DateTime<Utc>,
    /// What is held
    held: Vec<HeldView>,
}

/// A copy.
#[derive(ApiResponse)]
enum OwnDataResponse {
    /// Everything that is held
    #[oai(status = 200)]
    Copy(
        Json<OwnDataView>,
        /// Never kept by a cache
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// The account is to be erased.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ErasureBody {
    /// The word 注销, typed by the person
    #[oai(validator(min_length = 1, max_length = 10))]
    confirmation: String,
}

/// Something that is kept.
#[derive(Object)]
struct RetainedView {
    /// What
    what: String,
    /// Why, with the law
    why: String,
}

/// The account is erased.
#[derive(Object)]
struct ErasureView {
    /// When
    erased_at: DateTime<Utc>,
    /// What is kept without the person, and why
    retained: Vec<RetainedView>,
}

fn own_data_view(data: OwnData) -> OwnDataView {
    let datum = |d: copies::Datum| DatumView { key: d.key.into(), name: d.name.into(), value: d.value };
    let held = |h: copies::Held| HeldView {
        key: h.key.into(),
        title: h.title.into(),
        entries: h.entries.into_iter().map(|fields| HeldEntryView { fields: fields.into_iter().map(datum).collect() }).collect(),
    };
    OwnDataView { copied_at: data.copied_at, held: data.held.into_iter().map(held).collect() }
}

/// The operations.
pub struct PersonalDataApi;

#[OpenApi(tag = "Tag::Accounts")]
impl PersonalDataApi {
    /// Bind a phone to the account that is signed in. When the phone has an account of its own without WeChat, that one is taken up into this one:
    /// its opinions, answers, followed drafts and messages move, its sessions end. An account of another WeChat user is a conflict.
    #[oai(path = "/account/phone", method = "put", operation_id = "bind_phone")]
    async fn bind_phone(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        body: Json<PhoneBindingBody>,
    ) -> Result<Json<PhoneBindingView>, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        let address = app.client_address(request);
        let bound = match (&body.phone, &body.code, &body.wechat_code) {
            (Some(phone), Some(code), None) => {
                binding::bind_with_code(app.reception(), &caller, &Phone::parse(phone)?, code, address).await?
            }
            (None, None, Some(code)) => binding::bind_with_wechat(app.reception(), &caller, code, address).await?,
            _ => return Err(Error::invalid("phone", "请提供 phone 和 code，或者只提供 wechat_code。").into()),
        };
        Ok(Json(PhoneBindingView { is_merged: bound == Binding::Merged }))
    }

    /// A copy of everything that is held about oneself. Taking it is recorded.
    #[oai(path = "/account/copy", method = "get", operation_id = "copy_own_data")]
    async fn copy_own_data(&self, app: Data<&App>, request: &Request, signed_in: SignedIn) -> Result<OwnDataResponse, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        let data = copies::copy_of_own_data(app.reception(), &caller, &own_token(request)?).await?;
        Ok(OwnDataResponse::Copy(Json(own_data_view(data)), "no-store".into()))
    }

    /// Erase one's own account: what identifies the person is removed at once, every session ends. Opinions stay without their author.
    #[oai(path = "/account/erasure", method = "post", operation_id = "erase_own_account")]
    async fn erase_own_account(&self, app: Data<&App>, signed_in: SignedIn, body: Json<ErasureBody>) -> Result<Json<ErasureView>, Problem> {
        let caller = signed_in.with(Permission::ManageOwnAccount)?;
        let erased_at = erasure::erase_own_account(app.reception(), &caller, &body.confirmation).await?;
        let retained = RETAINED.iter().map(|r| RetainedView { what: r.what.into(), why: r.why.into() }).collect();
        Ok(Json(ErasureView { erased_at, retained }))
    }
}
