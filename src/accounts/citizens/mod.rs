//! 市民: how citizens come in, what they declare, and what they see of their own account.
//!
//! `phones.rs` reads and masks numbers, `codes.rs` sends and checks one-time codes, `logins.rs` signs in, `consent.rs` keeps what must be declared
//! before an opinion is taken, `privacy.rs` holds the notice. Copying, merging and erasing what is held about a person reaches over all rooms
//! and stands in `personal_data`.

pub mod codes;
pub mod consent;
pub mod logins;
pub mod phones;
pub mod privacy;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::sms::SmsGateway;
use super::wechat::Wechat;
use super::{Caller, Permission};
use crate::config::Rules;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, IdSource};
use crate::on_db;
use crate::sealed_column;
use crate::storage::Db;
use crate::storage::cache::Cache;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::crypto::{DataKey, FieldCipher};
use crate::storage::sql::failed;
use consent::{Age, Relation};

/// Purpose of a sealed openid.
pub const OPENID_PURPOSE: &str = "account-openid";
/// Purpose of a sealed phone number.
pub const PHONE_PURPOSE: &str = "account-phone";
/// Purpose of a guardian's sealed name.
pub const GUARDIAN_NAME_PURPOSE: &str = "guardian-name";
/// Purpose of a guardian's sealed phone number.
pub const GUARDIAN_PHONE_PURPOSE: &str = "guardian-phone";

/// Sealed openids, for the rotation of keys.
pub const SEALED_OPENID: SealedColumn = sealed_column!("account", "openid_sealed", OPENID_PURPOSE);
/// Sealed phone numbers.
pub const SEALED_PHONE: SealedColumn = sealed_column!("account", "phone_sealed", PHONE_PURPOSE);
/// Sealed names of guardians.
pub const SEALED_GUARDIAN_NAME: SealedColumn = sealed_column!("account", "guardian_name_sealed", GUARDIAN_NAME_PURPOSE);
/// Sealed phone numbers of guardians.
pub const SEALED_GUARDIAN_PHONE: SealedColumn = sealed_column!("account", "guardian_phone_sealed", GUARDIAN_PHONE_PURPOSE);

const FIND_OPENID: &str = "SELECT openid_sealed FROM account WHERE id = $1 AND is_active";
const FIND_PROFILE: &str =
    "SELECT display_name, created_at, openid_hash, phone_sealed, privacy_version, privacy_accepted_at, age, age_stated_at,
    guardian_name_sealed, guardian_phone_sealed, guardian_relation, guardian_consented_at FROM account WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_OPENID, FIND_PROFILE];

/// What receiving a citizen works with.
#[derive(Clone, Copy)]
pub struct Reception<'a> {
    /// Accounts, sessions and codes.
    pub db: &'a Db,
    /// Limits.
    pub cache: &'a Cache,
    /// The present.
    pub clock: &'a Clock,
    /// Ids, tokens and codes.
    pub ids: &'a IdSource,
    /// Limits and lifetimes.
    pub rules: &'a Rules,
    /// Keyed hashes.
    pub key: &'a DataKey,
    /// Sealed fields.
    pub cipher: &'a FieldCipher,
    /// Messages to phones.
    pub sms: &'a dyn SmsGateway,
    /// WeChat.
    pub wechat: &'a dyn Wechat,
}

/// A guardian who consented.
#[derive(Clone)]
pub struct Guardian {
    /// Name.
    pub name: String,
    /// Phone, 11 digits.
    pub phone: String,
    /// Who the guardian is.
    pub relation: Relation,
    /// When.
    pub consented_at: DateTime<Utc>,
}

/// What is held about a citizen's account, for the citizen alone.
#[derive(Clone)]
pub struct Profile {
    /// Name as pages show it.
    pub display_name: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Whether a WeChat user is bound.
    pub has_wechat: bool,
    /// The phone that is bound, 11 digits.
    pub phone: Option<String>,
    /// The version of the privacy notice that was accepted last, and when.
    pub privacy: Option<(String, DateTime<Utc>)>,
    /// What the person says of their age.
    pub age: Age,
    /// When they said so.
    pub age_stated_at: Option<DateTime<Utc>>,
    /// The guardian who consented.
    pub guardian: Option<Guardian>,
}

#[derive(FromRow)]
struct ProfileRow {
    display_name: String,
    created_at: DateTime<Utc>,
    openid_hash: Option<String>,
    phone_sealed: Option<String>,
    privacy_version: Option<String>,
    privacy_accepted_at: Option<DateTime<Utc>>,
    age: String,
    age_stated_at: Option<DateTime<Utc>>,
    guardian_name_sealed: Option<String>,
    guardian_phone_sealed: Option<String>,
    guardian_relation: Option<String>,
    guardian_consented_at: Option<DateTime<Utc>>,
}

/// What is held about the caller's own account.
pub async fn own_profile(db: &Db, cipher: &FieldCipher, caller: &Caller) -> Result<Profile> {
    caller.require(Permission::ManageOwnAccount)?;
    let row: Option<ProfileRow> =
        on_db!(db, pool => sqlx::query_as(FIND_PROFILE).bind(caller.account_id).fetch_optional(pool).await).map_err(failed)?;
    let row = row.ok_or_else(|| Error::not_found("这个账号"))?;
    let open = |purpose: &str, sealed: Option<String>| sealed.map(|sealed| cipher.open(purpose, &sealed)).transpose();
    let guardian = match (row.guardian_name_sealed, row.guardian_relation, row.guardian_consented_at) {
        (Some(name), Some(relation), Some(consented_at)) => Some(Guardian {
            name: cipher.open(GUARDIAN_NAME_PURPOSE, &name)?,
            phone: open(GUARDIAN_PHONE_PURPOSE, row.guardian_phone_sealed)?.unwrap_or_default(),
            relation: Relation::stored(&relation)?,
            consented_at,
        }),
        _ => None,
    };
    Ok(Profile {
        display_name: row.display_name,
        created_at: row.created_at,
        has_wechat: row.openid_hash.is_some(),
        phone: open(PHONE_PURPOSE, row.phone_sealed)?,
        privacy: row.privacy_version.zip(row.privacy_accepted_at),
        age: Age::stored(&row.age)?,
        age_stated_at: row.age_stated_at,
        guardian,
    })
}

/// The openid of an account, for messages and text checks; `None` when no WeChat user is bound or the account is closed.
pub async fn openid_of(db: &Db, cipher: &FieldCipher, account: AccountId) -> Result<Option<String>> {
    let sealed: Option<Option<String>> =
        on_db!(db, pool => sqlx::query_scalar(FIND_OPENID).bind(account).fetch_optional(pool).await).map_err(failed)?;
    sealed.flatten().map(|sealed| cipher.open(OPENID_PURPOSE, &sealed)).transpose()
}
