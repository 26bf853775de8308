//! 工作人员账号: made, changed and closed by administrators.
//!
//! `signing_in.rs` is the way from a password to a session, `second_factor.rs` the codes of the telephone, `passwords.rs` which passwords are
//! taken and how they change, `listing.rs` how administrators and auditors find accounts. An account is never deleted: what somebody did
//! stays theirs.

pub mod listing;
pub mod passwords;
pub mod second_factor;
pub mod signing_in;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Actor, Caller, Permission, Role, parse_role};
use crate::audit::{self, Act, NewEntry};
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource, OrganId, StationId};
use crate::storage::cache::Cache;
use crate::storage::crypto::{DataKey, FieldCipher};
use crate::storage::sql::{failed, is_duplicate};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What the sign-in of staff and their accounts work with.
#[derive(Clone, Copy)]
pub struct StaffDoor<'a> {
    /// Accounts and sessions.
    pub db: &'a Db,
    /// Limits, and sign-ins that are half-way.
    pub cache: &'a Cache,
    /// The present.
    pub clock: &'a Clock,
    /// Tokens and secrets.
    pub ids: &'a IdSource,
    /// Limits and lifetimes.
    pub rules: &'a Rules,
    /// Key of keyed hashes.
    pub key: &'a DataKey,
    /// Seals the secrets of the second step.
    pub cipher: &'a FieldCipher,
    /// Name under which an authenticator shows the account.
    pub site_name: &'a str,
}

/// A staff account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffAccount {
    /// Id.
    pub id: AccountId,
    /// Role.
    pub role: Role,
    /// Name as pages show it.
    pub display_name: String,
    /// Name for signing in.
    pub login_name: String,
    /// The organ it works for.
    pub organ: Option<OrganId>,
    /// The contact point it works for.
    pub contact_point: Option<ContactPointId>,
    /// The station of that point, when it works for one station only.
    pub station: Option<StationId>,
    /// Whether it may sign in.
    pub is_active: bool,
    /// Whether its password is good for choosing another one only.
    pub must_change_password: bool,
    /// Whether a second step is set up.
    pub has_second_factor: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A staff account to be made with a password of its own choice.
#[derive(Clone, Debug)]
pub struct NewStaff<'a> {
    /// Name for signing in: 2 to 64 characters, no spaces; compared in lower case.
    pub login_name: &'a str,
    /// Name as pages show it.
    pub display_name: &'a str,
    /// Any role but [`Role::Citizen`].
    pub role: Role,
    /// See [`passwords::check_rule`].
    pub password: &'a str,
    /// For [`Role::CountyStaff`]: the organ.
    pub organ: Option<OrganId>,
    /// For [`Role::PointStaff`]: the contact point.
    pub contact_point: Option<ContactPointId>,
    /// For [`Role::PointStaff`]: the station, or the whole point.
    pub station: Option<StationId>,
    /// Whether the account belongs to the demonstration.
    pub is_demonstration: bool,
}

/// What an administrator says of an account.
#[derive(Clone, Copy, Debug)]
pub struct StaffChange<'a> {
    /// Name as pages show it: 1 to 50 characters.
    pub display_name: &'a str,
    /// Any role but [`Role::Citizen`].
    pub role: Role,
    /// For [`Role::CountyStaff`] an organ of a county, for others none.
    pub organ: Option<OrganId>,
    /// For [`Role::PointStaff`] the contact point, for others none.
    pub contact_point: Option<ContactPointId>,
    /// For [`Role::PointStaff`] a station of that point, or none for the whole point.
    pub station: Option<StationId>,
}

#[derive(FromRow)]
struct StaffRow {
    id: AccountId,
    role: String,
    display_name: String,
    login_name: String,
    organ_id: Option<OrganId>,
    contact_point_id: Option<ContactPointId>,
    station_id: Option<StationId>,
    is_active: bool,
    must_change_password: bool,
    has_second_factor: bool,
    created_at: DateTime<Utc>,
}

impl StaffRow {
    fn into_account(self) -> Result<StaffAccount> {
        Ok(StaffAccount {
            id: self.id,
            role: parse_role(&self.role)?,
            display_name: self.display_name,
            login_name: self.login_name,
            organ: self.organ_id,
            contact_point: self.contact_point_id,
            station: self.station_id,
            is_active: self.is_active,
            must_change_password: self.must_change_password,
            has_second_factor: self.has_second_factor,
            created_at: self.created_at,
        })
    }
}

/// Longest shown name, in characters.
const NAME_CHARACTERS: usize = 50;
/// Random bytes of a one-time password.
const ONE_TIME_BYTES: usize = 9;

const INSERT: &str =
    "INSERT INTO account (id, role, display_name, login_name, password_hash, contact_point_id, is_active, is_demonstration,
    created_at, updated_at, must_change_password, organ_id, station_id) VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7, $8, $8, $9, $10, $11)";
const FIND_BY_NAME: &str =
    "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, is_active, must_change_password,
    totp_confirmed_at IS NOT NULL AS has_second_factor, created_at FROM account WHERE login_name = $1";
const FIND: &str = "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, is_active, must_change_password,
    totp_confirmed_at IS NOT NULL AS has_second_factor, created_at FROM account WHERE id = $1 AND login_name IS NOT NULL";
const CHANGE: &str =
    "UPDATE account SET display_name = $2, role = $3, contact_point_id = $4, updated_at = $5, organ_id = $6, station_id = $7 WHERE id = $1";
const SET_ACTIVE: &str = "UPDATE account SET is_active = $2, updated_at = $3 WHERE id = $1 AND is_active <> $2";
const COUNT_OTHER_ADMINISTRATORS: &str =
    "SELECT COUNT(*) FROM account WHERE role = 'administrator' AND is_active AND password_hash IS NOT NULL AND id <> $1";
const COUNT_POINT: &str = "SELECT COUNT(*) FROM contact_point WHERE id = $1 AND status = 'open'";
const COUNT_STATION: &str = "SELECT COUNT(*) FROM collection_station WHERE id = $1 AND contact_point_id = $2 AND closed_at IS NULL";
const COUNT_COUNTY: &str = "SELECT COUNT(*) FROM organ WHERE id = $1 AND tier = 'county'";
const END_SESSIONS: &str = "DELETE FROM session WHERE account_id = $1";
/// Changes of staff accounts go one after another, so that two administrators cannot close each other's account at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239003)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[INSERT, FIND_BY_NAME, FIND, CHANGE, SET_ACTIVE, COUNT_OTHER_ADMINISTRATORS, COUNT_POINT, COUNT_STATION, COUNT_COUNTY, END_SESSIONS];

/// Makes a staff account with a given password; `by` is `None` when the system itself makes it. A name that is taken is [`Code::Conflict`].
pub async fn create_staff(db: &Db, clock: &Clock, ids: &IdSource, by: Option<AccountId>, new: NewStaff<'_>) -> Result<AccountId> {
    insert(db, clock, ids, by, new, false).await
}

/// Makes a staff account with a one-time password, which is given back and shown once; the first sign-in ends in choosing another.
pub async fn add_staff(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    login_name: &str,
    new: StaffChange<'_>,
) -> Result<(AccountId, String)> {
    by.require(Permission::ManageAccounts)?;
    check_change(db, &new).await?;
    let password = ids.secret(ONE_TIME_BYTES);
    let staff = NewStaff {
        login_name,
        display_name: new.display_name.trim(),
        role: new.role,
        password: &password,
        organ: new.organ,
        contact_point: new.contact_point,
        station: new.station,
        is_demonstration: false,
    };
    let id = insert(db, clock, ids, by.account_id(), staff, true).await?;
    Ok((id, password))
}

async fn insert(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Option<AccountId>,
    new: NewStaff<'_>,
    must_change_password: bool,
) -> Result<AccountId> {
    let ready = checked(new)?;
    let password_hash = passwords::hash(ready.new.password).await?;
    let mut tx = db.begin().await?;
    let id = insert_in(&mut tx, clock, ids, by, &ready, &password_hash, must_change_password).await?;
    tx.commit().await?;
    Ok(id)
}

/// An account that may be made: its names and its password keep the rules.
#[derive(Clone, Debug)]
pub struct Ready<'a> {
    new: NewStaff<'a>,
    login_name: String,
}

/// Checks an account that somebody makes for themselves, and where they will work.
pub async fn prepare<'a>(db: &Db, new: NewStaff<'a>) -> Result<Ready<'a>> {
    check_name(new.display_name)?;
    check_workplace(db, new.role, new.organ, new.contact_point, new.station).await?;
    checked(new)
}

fn checked(new: NewStaff<'_>) -> Result<Ready<'_>> {
    let login_name = login_name_key(new.login_name);
    if !(2..=64).contains(&login_name.chars().count()) || login_name.chars().any(|c| c.is_whitespace() || c.is_control() || c == ':') {
        return Err(Error::invalid("login_name", "登录名应为 2 至 64 个字符，不含空格和冒号。"));
    }
    passwords::check_rule(&login_name, new.password)?;
    if !new.role.is_staff() {
        return Err(Error::invalid("role", "市民账号由市民自己登录产生，不能在这里建立。"));
    }
    Ok(Ready { new, login_name })
}

/// Makes an account inside a transaction; without `by` the person makes it for themselves. A name that is taken is [`Code::Conflict`].
pub async fn insert_in(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    by: Option<AccountId>,
    ready: &Ready<'_>,
    password_hash: &str,
    must_change_password: bool,
) -> Result<AccountId> {
    let (new, login_name) = (&ready.new, &ready.login_name);
    let id = AccountId(ids.next());
    let now = clock.now();
    on_tx!(&mut *tx, c => sqlx::query(INSERT)
        .bind(id).bind(new.role.as_str()).bind(new.display_name.trim()).bind(login_name).bind(password_hash).bind(new.contact_point)
        .bind(new.is_demonstration).bind(now).bind(must_change_password).bind(new.organ).bind(new.station).execute(c).await.map(drop))
    .map_err(|e| if is_duplicate(&e) { Error::new(Code::Conflict, "这个登录名已被使用，请换一个。") } else { failed(e) })?;
    note(tx, clock, by, Act::CreateAccount, id, new.role.as_str()).await?;
    Ok(id)
}

/// Changes name, role and contact point. Another role or workplace ends the account's sessions: the rights of a session are those it began with.
pub async fn change_staff(db: &Db, clock: &Clock, by: Actor<'_>, id: AccountId, change: StaffChange<'_>) -> Result<StaffAccount> {
    by.require(Permission::ManageAccounts)?;
    check_change(db, &change).await?;
    let mut tx = begin_change(db).await?;
    let held = get_in(&mut tx, id).await?;
    if held.role == Role::Administrator && change.role != Role::Administrator && held.is_active {
        keep_an_administrator(&mut tx, id).await?;
    }
    let is_moved =
        (held.role, held.organ, held.contact_point, held.station) != (change.role, change.organ, change.contact_point, change.station);
    let changed = StaffAccount {
        display_name: change.display_name.trim().to_owned(),
        role: change.role,
        organ: change.organ,
        contact_point: change.contact_point,
        station: change.station,
        ..held.clone()
    };
    if changed == held {
        return Ok(held);
    }
    on_tx!(&mut tx, c => sqlx::query(CHANGE)
        .bind(id).bind(&changed.display_name).bind(changed.role.as_str()).bind(changed.contact_point).bind(clock.now()).bind(changed.organ).bind(changed.station)
        .execute(c).await.map(drop))
    .map_err(failed)?;
    if is_moved {
        end_sessions(&mut tx, id).await?;
    }
    let detail = format!("{} -> {}", held.role.as_str(), changed.role.as_str());
    note(&mut tx, clock, by.account_id(), Act::ChangeAccount, id, &detail).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Closes an account, or opens it again. Closing ends its sessions; the last administrator stays. Repeating it changes nothing.
pub async fn set_active(db: &Db, clock: &Clock, by: Actor<'_>, id: AccountId, is_active: bool) -> Result<StaffAccount> {
    by.require(Permission::ManageAccounts)?;
    let mut tx = begin_change(db).await?;
    let held = get_in(&mut tx, id).await?;
    if !is_active && held.role == Role::Administrator && held.is_active {
        keep_an_administrator(&mut tx, id).await?;
    }
    let changed: u64 =
        on_tx!(&mut tx, c => sqlx::query(SET_ACTIVE).bind(id).bind(is_active).bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if changed > 0 {
        if !is_active {
            end_sessions(&mut tx, id).await?;
        }
        let act = if is_active { Act::ReactivateAccount } else { Act::DeactivateAccount };
        note(&mut tx, clock, by.account_id(), act, id, "").await?;
    }
    tx.commit().await?;
    Ok(StaffAccount { is_active, ..held })
}

/// Ends every session of an account, without closing it.
pub async fn end_sessions_of(db: &Db, clock: &Clock, by: Actor<'_>, id: AccountId) -> Result<()> {
    by.require(Permission::ManageAccounts)?;
    let mut tx = begin_change(db).await?;
    get_in(&mut tx, id).await?;
    end_sessions(&mut tx, id).await?;
    note(&mut tx, clock, by.account_id(), Act::EndSessions, id, "").await?;
    tx.commit().await
}

/// Gives a staff account another password and ends its sessions; for the installation itself.
pub async fn set_password(db: &Db, clock: &Clock, by: Actor<'_>, login_name: &str, password: &str) -> Result<()> {
    by.require(Permission::ManageAccounts)?;
    let account = find_staff(db, login_name).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    passwords::check_rule(&account.login_name, password)?;
    let hash = passwords::hash(password).await?;
    let mut tx = begin_change(db).await?;
    passwords::store(&mut tx, clock, account.id, &hash, false).await?;
    end_sessions(&mut tx, account.id).await?;
    note(&mut tx, clock, by.account_id(), Act::ChangePassword, account.id, "").await?;
    tx.commit().await
}

/// Finds a staff account by the name it signs in with.
pub async fn find_staff(db: &Db, login_name: &str) -> Result<Option<StaffAccount>> {
    let key = login_name_key(login_name);
    let row: Option<StaffRow> = on_db!(db, pool => sqlx::query_as(FIND_BY_NAME).bind(&key).fetch_optional(pool).await).map_err(failed)?;
    row.map(StaffRow::into_account).transpose()
}

/// A staff account; administrators and auditors see all.
pub async fn get_staff(db: &Db, by: &Caller, id: AccountId) -> Result<StaffAccount> {
    by.require(Permission::ReadAccounts)?;
    let row: Option<StaffRow> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这个账号"))?.into_account()
}

async fn get_in(tx: &mut Tx, id: AccountId) -> Result<StaffAccount> {
    let row: Option<StaffRow> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这个账号"))?.into_account()
}

async fn check_change(db: &Db, change: &StaffChange<'_>) -> Result<()> {
    check_name(change.display_name)?;
    check_workplace(db, change.role, change.organ, change.contact_point, change.station).await
}

fn check_name(name: &str) -> Result<()> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS || name.chars().any(char::is_control) {
        return Err(Error::invalid("display_name", format!("姓名应为 1 至 {NAME_CHARACTERS} 个字符。")));
    }
    Ok(())
}

/// Passes when a role works where it is said to: point staff at an open point or at a station of it, county staff for the organ of a county,
/// everybody else for the bureau.
pub(super) async fn check_workplace(
    db: &Db,
    role: Role,
    organ: Option<OrganId>,
    point: Option<ContactPointId>,
    station: Option<StationId>,
) -> Result<()> {
    match (role, point, station) {
        (Role::Citizen, ..) => return Err(Error::invalid("role", "工作人员账号不能是市民角色。")),
        (Role::PointStaff, None, _) => return Err(Error::invalid("contact_point_id", "联系点工作人员需要选定所属的联系点。")),
        (Role::PointStaff, Some(point), station) => {
            let found: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_POINT).bind(point).fetch_one(pool).await).map_err(failed)?;
            if found == 0 {
                return Err(Error::invalid("contact_point_id", "没有这个联系点，或者它已经关闭，请重新选择。"));
            }
            if let Some(station) = station {
                let found: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_STATION).bind(station).bind(point).fetch_one(pool).await)
                    .map_err(failed)?;
                if found == 0 {
                    return Err(Error::invalid("station_id", "所选的信息采集点不属于这个联系点，或者已经关闭，请重新选择。"));
                }
            }
        }
        (_, Some(_), _) => return Err(Error::invalid("contact_point_id", "只有联系点工作人员才属于联系点。")),
        (_, _, Some(_)) => return Err(Error::invalid("station_id", "只有联系点工作人员才属于信息采集点。")),
        (_, None, None) => {}
    }
    match (role, organ) {
        (Role::CountyStaff, None) => Err(Error::invalid("organ_id", "县区司法局工作人员需要选定所属的县区司法局。")),
        (Role::CountyStaff, Some(organ)) => {
            let found: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_COUNTY).bind(organ).fetch_one(pool).await).map_err(failed)?;
            if found == 1 { Ok(()) } else { Err(Error::invalid("organ_id", "没有这个县区司法局，请重新选择。")) }
        }
        (_, Some(_)) => Err(Error::invalid("organ_id", "只有县区司法局工作人员才属于县区司法局。")),
        (_, None) => Ok(()),
    }
}

async fn keep_an_administrator(tx: &mut Tx, id: AccountId) -> Result<()> {
    let others: i64 = on_tx!(tx, c => sqlx::query_scalar(COUNT_OTHER_ADMINISTRATORS).bind(id).fetch_one(c).await).map_err(failed)?;
    if others > 0 {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, "这是最后一个可用的管理员账号，不能停用或改作他用。请先另设一名管理员。"))
}

/// Begins a change of staff accounts.
async fn begin_change(db: &Db) -> Result<Tx> {
    let mut tx = db.begin().await?;
    if let Tx::Postgres(transaction) = &mut tx {
        sqlx::query(LOCK).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(tx)
}

async fn end_sessions(tx: &mut Tx, id: AccountId) -> Result<()> {
    on_tx!(tx, c => sqlx::query(END_SESSIONS).bind(id).execute(c).await.map(drop)).map_err(failed)
}

/// Writes the audit entry of an act on an account.
async fn note(tx: &mut Tx, clock: &Clock, by: Option<AccountId>, act: Act, id: AccountId, detail: &str) -> Result<()> {
    let entry = NewEntry { account_id: by, act, subject: "account", subject_id: Some(id.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}

/// Login names are compared without surrounding space and in lower case.
fn login_name_key(name: &str) -> String {
    name.trim().to_lowercase()
}
