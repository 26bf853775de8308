//! What must be declared before a person's opinion is taken: that the privacy notice was read and is accepted (个人信息保护法 14, 17), and the
//! age; a person under fourteen needs the consent of a guardian (28, 31).
//!
//! The date of birth is not asked: the law needs to know one thing, and that is all that is kept. A guardian's consent is proved by a one-time
//! code to the guardian's phone and recorded with name, relation and instant.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::codes::{self, Purpose};
use super::phones::Phone;
use super::privacy::PRIVACY_VERSION;
use super::{GUARDIAN_NAME_PURPOSE, GUARDIAN_PHONE_PURPOSE, Reception};
use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// What a person says of their age.
    Age {
        /// Nothing yet.
        Unknown = "unknown", "未说明";
        /// Fourteen or over.
        FourteenOrOver = "fourteen_or_over", "已满十四周岁";
        /// Under fourteen.
        UnderFourteen = "under_fourteen", "不满十四周岁";
    }
}

text_enum! {
    /// Who a guardian is (民法典 27).
    Relation {
        /// 父母
        Parent = "parent", "父母";
        /// 祖父母、外祖父母
        Grandparent = "grandparent", "祖父母、外祖父母";
        /// 成年兄、姐
        Sibling = "sibling", "成年的兄、姐";
        /// Another guardian.
        Other = "other", "其他监护人";
    }
}

const ACCEPT: &str = "UPDATE account SET privacy_version = $2, privacy_accepted_at = $3, updated_at = $3
    WHERE id = $1 AND (privacy_version IS NULL OR privacy_version <> $2)";
const STATE_AGE: &str = "UPDATE account SET age = $2, age_stated_at = $3, updated_at = $3 WHERE id = $1 AND age <> $2";
const GUARDIAN: &str = "UPDATE account SET guardian_name_sealed = $2, guardian_phone_sealed = $3, guardian_relation = $4,
    guardian_consented_at = $5, updated_at = $5 WHERE id = $1 AND age = 'under_fourteen'";
const STANDING: &str = "SELECT privacy_version, age, guardian_consented_at FROM account WHERE id = $1 AND is_active";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[ACCEPT, STATE_AGE, GUARDIAN, STANDING];

/// Longest name of a guardian, in characters.
const NAME_CHARACTERS: usize = 30;

#[derive(FromRow)]
struct StandingRow {
    privacy_version: Option<String>,
    age: String,
    guardian_consented_at: Option<DateTime<Utc>>,
}

/// A person whose opinion may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Under fourteen: nothing that identifies the person may be shown with the opinion.
    pub is_minor: bool,
}

/// Passes when a person has declared what must be declared before an opinion of theirs is taken, else [`Code::ConsentRequired`].
pub async fn require_standing(db: &Db, account: AccountId) -> Result<Standing> {
    let row: Option<StandingRow> = on_db!(db, pool => sqlx::query_as(STANDING).bind(account).fetch_optional(pool).await).map_err(failed)?;
    let row = row.ok_or_else(|| Error::new(Code::LoginRequired, "登录已失效，请重新登录。"))?;
    let needed = |detail: &str| Err(Error::new(Code::ConsentRequired, detail));
    if row.privacy_version.as_deref() != Some(PRIVACY_VERSION) {
        return needed("提意见之前，请先阅读并同意个人信息保护告知。");
    }
    match (Age::stored(&row.age)?, row.guardian_consented_at) {
        (Age::Unknown, _) => needed("提意见之前，请先说明是否已满十四周岁。"),
        (Age::UnderFourteen, None) => needed("不满十四周岁的，需要监护人同意后才能提意见。也可以由监护人陪同，到立法基层联系点反映。"),
        (Age::UnderFourteen, Some(_)) => Ok(Standing { is_minor: true }),
        (Age::FourteenOrOver, _) => Ok(Standing { is_minor: false }),
    }
}

/// Passes for no version and for the present one: an older notice is not what the person is asked to accept.
pub fn check_version(version: Option<&str>) -> Result<()> {
    match version {
        None | Some(PRIVACY_VERSION) => Ok(()),
        Some(_) => Err(Error::invalid("privacy_version", format!("个人信息保护告知已更新为 {PRIVACY_VERSION}，请重新阅读。"))),
    }
}

/// Records that a citizen has read and accepts the present privacy notice. Repeating it changes nothing.
pub async fn accept_privacy(at: Reception<'_>, caller: &Caller, version: &str) -> Result<()> {
    caller.require(Permission::ManageOwnAccount)?;
    check_version(Some(version))?;
    let mut tx = at.db.begin().await?;
    write_acceptance(&mut tx, at.clock, caller.account_id, at.clock.now()).await?;
    tx.commit().await
}

/// Records what a citizen says of their age. Repeating it changes nothing.
pub async fn state_age(at: Reception<'_>, caller: &Caller, is_fourteen_or_over: bool) -> Result<()> {
    caller.require(Permission::ManageOwnAccount)?;
    let mut tx = at.db.begin().await?;
    write_age(&mut tx, at.clock, caller.account_id, is_fourteen_or_over, at.clock.now()).await?;
    tx.commit().await
}

/// A guardian's consent as it comes in.
pub struct NewConsent<'a> {
    /// Name of the guardian.
    pub name: &'a str,
    /// Who the guardian is.
    pub relation: Relation,
    /// The guardian's phone.
    pub phone: &'a Phone,
    /// The code that was sent to it.
    pub code: &'a str,
}

/// Records the consent of a guardian for a citizen who said to be under fourteen; anybody else's account is [`Code::Conflict`].
pub async fn record_guardian_consent(at: Reception<'_>, caller: &Caller, new: NewConsent<'_>, address: Option<IpAddr>) -> Result<()> {
    caller.require(Permission::ManageOwnAccount)?;
    let name: String = new.name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
        return Err(Error::invalid("name", format!("请填写监护人姓名，不超过 {NAME_CHARACTERS} 个字。")));
    }
    codes::prove(at, Purpose::GuardianConsent, new.phone, new.code, address).await?;
    let now = at.clock.now();
    let name = at.cipher.seal(GUARDIAN_NAME_PURPOSE, &name)?;
    let phone = at.cipher.seal(GUARDIAN_PHONE_PURPOSE, new.phone.digits())?;
    let mut tx = at.db.begin().await?;
    let written: u64 = on_tx!(&mut tx, c => sqlx::query(GUARDIAN)
        .bind(caller.account_id).bind(&name).bind(&phone).bind(new.relation.as_str()).bind(now).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if written == 0 {
        return Err(Error::new(Code::Conflict, "只有说明了不满十四周岁的账号才需要监护人同意。"));
    }
    append(&mut tx, at.clock, caller.account_id, Act::RecordGuardianConsent, new.relation.as_str()).await?;
    tx.commit().await
}

/// Writes the acceptance of the present notice, once.
pub(super) async fn write_acceptance(tx: &mut Tx, clock: &Clock, account: AccountId, now: DateTime<Utc>) -> Result<()> {
    let changed: u64 =
        on_tx!(tx, c => sqlx::query(ACCEPT).bind(account).bind(PRIVACY_VERSION).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if changed > 0 {
        append(tx, clock, account, Act::AcceptPrivacyNotice, PRIVACY_VERSION).await?;
    }
    Ok(())
}

/// Writes a statement of age, once.
pub(super) async fn write_age(tx: &mut Tx, clock: &Clock, account: AccountId, is_fourteen_or_over: bool, now: DateTime<Utc>) -> Result<()> {
    let age = if is_fourteen_or_over { Age::FourteenOrOver } else { Age::UnderFourteen };
    let changed: u64 =
        on_tx!(tx, c => sqlx::query(STATE_AGE).bind(account).bind(age.as_str()).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if changed > 0 {
        append(tx, clock, account, Act::StateAge, age.as_str()).await?;
    }
    Ok(())
}

async fn append(tx: &mut Tx, clock: &Clock, account: AccountId, act: Act, detail: &str) -> Result<()> {
    let entry = NewEntry { account_id: Some(account), act, subject: "account", subject_id: Some(account.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
