//! Signing in as staff: name and password, then what else stands between them and a session.
//!
//! A failed sign-in never says which part was wrong and costs the same work for a name that does not exist. Failures are counted for a name
//! together with the address they come from, so that nobody can lock another person out from elsewhere.
//!
//! After the password come, as far as they apply: a code of the second step, the choice of another password, setting up a second step.
//! Until the last is done there is a ticket and no session; a ticket opens nothing but its next step.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use tokio::sync::Semaphore;

use super::second_factor::{self, Enrolment, Proof};
use super::{StaffDoor, begin_change, end_sessions, login_name_key, note, passwords};
use crate::accounts::citizens::logins::Origin;
use crate::accounts::limits::network_of;
use crate::accounts::sessions::{self, Session};
use crate::accounts::{Caller, parse_role, record};
use crate::audit::Act;
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, OrganId, StationId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::cache::Cache;
use crate::storage::crypto::{self, sm3_hex};
use crate::storage::sql::failed;

/// In which failed sign-ins are counted, in seconds.
const WINDOW_S: i64 = 15 * 60;
/// How long a name that has signed in from an address is exempt from that address's total.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Failures of all names together that one address may have, as a multiple of those of one name: an office shares an address.
const ADDRESS_MULTIPLE: u64 = 5;
/// Wrong codes that one account may have in a window, wherever they come from. Whoever sends codes knows the password.
const WRONG_CODES: u64 = 20;
/// Passwords checked at the same time: each takes 19 MiB and a core. It also bounds how many attempts can pass a limit together.
const CHECKS_AT_ONCE: usize = 2;
/// Time between the password and the last step.
const TICKET: Duration = Duration::from_secs(10 * 60);
/// Random bytes of a ticket.
const TICKET_BYTES: usize = 32;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_AT_ONCE);

const FIND_BY_NAME: &str = "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, password_hash,
    must_change_password, totp_sealed, totp_confirmed_at FROM account WHERE login_name = $1 AND password_hash IS NOT NULL AND is_active";
const FIND_BY_ID: &str = "SELECT id, role, display_name, login_name, organ_id, contact_point_id, station_id, password_hash,
    must_change_password, totp_sealed, totp_confirmed_at FROM account WHERE id = $1 AND login_name IS NOT NULL AND password_hash IS NOT NULL AND is_active";

const IS_POINT_CLOSED: &str = "SELECT COUNT(*) FROM contact_point WHERE id = $1 AND status <> 'open'";
const IS_STATION_CLOSED: &str = "SELECT COUNT(*) FROM collection_station WHERE id = $1 AND closed_at IS NOT NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_BY_NAME, FIND_BY_ID, IS_POINT_CLOSED, IS_STATION_CLOSED];

/// An open account, as far as signing in needs it.
#[derive(Clone, FromRow)]
pub(super) struct SigningIn {
    pub id: AccountId,
    role: String,
    display_name: String,
    pub login_name: String,
    organ_id: Option<OrganId>,
    contact_point_id: Option<ContactPointId>,
    station_id: Option<StationId>,
    pub password_hash: String,
    must_change_password: bool,
    pub totp_sealed: Option<String>,
    totp_confirmed_at: Option<DateTime<Utc>>,
}

impl SigningIn {
    /// Whether a second step is set up.
    pub fn has_second_factor(&self) -> bool {
        self.totp_confirmed_at.is_some()
    }
}

/// What a person does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give a code of the second step, or a recovery code.
    Code,
    /// Choose another password.
    Password,
    /// Set up a second step.
    Enrolment,
}

impl Step {
    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Code => "code",
            Step::Password => "password",
            Step::Enrolment => "enrolment",
        }
    }
}

/// Proof of the steps done so far.
#[derive(Clone)]
pub struct Ticket {
    /// The secret that carries the sign-in on: 64 hexadecimal digits.
    pub token: String,
    /// What comes next.
    pub step: Step,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
}

/// Where a sign-in stands.
#[derive(Clone)]
pub enum SignIn {
    /// There is a session.
    Done(Session),
    /// Something is still to be done.
    Next(Ticket),
}

/// What is kept under a ticket. The cache may lose it; then the person begins again.
#[derive(Clone, Serialize, Deserialize)]
struct Pending {
    account: AccountId,
    is_code_proved: bool,
    by_recovery: bool,
    /// Empty in a ticket from before it was noted.
    #[serde(default)]
    device: String,
    expires_at: DateTime<Utc>,
}

/// Takes name and password. `from` is where the request comes from, as far as trusted proxies tell, and the device in words.
/// Fails with [`Code::LoginFailed`], or [`Code::TooMany`] after too many failures.
pub async fn sign_in_with_password(door: StaffDoor<'_>, name: &str, password: &str, from: Origin) -> Result<SignIn> {
    let name = login_name_key(name);
    let limits = Limits::of(&name, from.address, door.rules, door.clock);
    let permit = CHECKS.acquire().await.map_err(|e| Error::internal("the gate of password checks is closed", e))?;
    limits.check(door.cache).await?;
    // A NUL would be refused by one engine and taken by the other; no name holds one.
    let row: Option<SigningIn> = if name.contains('\0') {
        None
    } else {
        on_db!(door.db, pool => sqlx::query_as(FIND_BY_NAME).bind(&name).fetch_optional(pool).await).map_err(failed)?
    };
    let is_right = is_password_of(password, row.as_ref().map(|row| row.password_hash.as_str())).await?;
    match row {
        Some(account) if is_right => {
            drop(permit);
            limits.remember(door.cache).await?;
            require_open_workplace(door, &account).await?;
            let expires_at = door.clock.now() + TICKET;
            let pending = Pending { account: account.id, is_code_proved: false, by_recovery: false, device: from.device, expires_at };
            go_on(door, None, pending, account).await
        }
        row => {
            limits.count_failure(door, row.map(|row| row.id)).await?;
            drop(permit);
            Err(Error::new(Code::LoginFailed, "登录名或密码不正确。"))
        }
    }
}

/// Takes a code of the second step, or a recovery code.
pub async fn give_code(door: StaffDoor<'_>, token: &str, code: &str, address: Option<IpAddr>) -> Result<SignIn> {
    let (mut pending, account) = find_pending(door, token, Step::Code).await?;
    let limits = Limits::of(&account.login_name, address, door.rules, door.clock);
    limits.check(door.cache).await?;
    match check_code(door, &account, code).await {
        Ok(proof) => {
            pending.is_code_proved = true;
            pending.by_recovery = proof == Proof::Recovery;
            go_on(door, Some(token), pending, account).await
        }
        Err(error) => {
            if error.code == Code::LoginFailed {
                limits.count_failure(door, Some(account.id)).await?;
            }
            Err(error)
        }
    }
}

/// Takes another password in place of a one-time one.
pub async fn give_new_password(door: StaffDoor<'_>, token: &str, password: &str) -> Result<SignIn> {
    let (pending, mut account) = find_pending(door, token, Step::Password).await?;
    passwords::check_rule(&account.login_name, password)?;
    if is_password_of(password, Some(&account.password_hash)).await? {
        return Err(Error::invalid("password", "新密码与一次性密码相同，请换一个。"));
    }
    let hash = passwords::hash(password).await?;
    let mut tx = begin_change(door.db).await?;
    passwords::store(&mut tx, door.clock, account.id, &hash, false).await?;
    end_sessions(&mut tx, account.id).await?;
    note(&mut tx, door.clock, Some(account.id), Act::ChangePassword, account.id, "").await?;
    tx.commit().await?;
    account.must_change_password = false;
    go_on(door, Some(token), pending, account).await
}

/// The secret for an authenticator. Asking again gives the same one until it is confirmed.
pub async fn begin_enrolment(door: StaffDoor<'_>, token: &str) -> Result<Enrolment> {
    let (_, account) = find_pending(door, token, Step::Enrolment).await?;
    second_factor::begin(door, account.id).await
}

/// Confirms a second step with a first code. Gives the recovery codes, which are shown this once, and where the sign-in stands.
pub async fn confirm_enrolment(door: StaffDoor<'_>, token: &str, code: &str) -> Result<(SignIn, Vec<String>)> {
    let (mut pending, account) = find_pending(door, token, Step::Enrolment).await?;
    let codes = second_factor::confirm(door, account.id, code).await?;
    pending.is_code_proved = true;
    let account = find_by_id(door.db, account.id).await?.ok_or_else(expired)?;
    Ok((go_on(door, Some(token), pending, account).await?, codes))
}

/// The step that a ticket stands before.
pub async fn step_of(door: StaffDoor<'_>, token: &str) -> Result<Option<Step>> {
    let Some((pending, account)) = read_pending(door, token).await? else { return Ok(None) };
    Ok(next_step(&pending, &account, door.rules))
}

/// Name that the person of a ticket signs in with; for the label of the password field.
pub async fn login_name_of(door: StaffDoor<'_>, token: &str) -> Result<Option<String>> {
    Ok(read_pending(door, token).await?.map(|(_, account)| account.login_name))
}

fn next_step(pending: &Pending, account: &SigningIn, rules: &Rules) -> Option<Step> {
    if account.has_second_factor() && !pending.is_code_proved {
        Some(Step::Code)
    } else if account.must_change_password {
        Some(Step::Password)
    } else if !account.has_second_factor() && second_factor::is_required(rules) {
        Some(Step::Enrolment)
    } else {
        None
    }
}

/// Whoever works for a closed contact point or station does not get in, and is told why: the password was right, so nobody else learns it.
async fn require_open_workplace(door: StaffDoor<'_>, account: &SigningIn) -> Result<()> {
    let point: i64 = on_db!(door.db, pool => sqlx::query_scalar(IS_POINT_CLOSED).bind(account.contact_point_id).fetch_one(pool).await)
        .map_err(failed)?;
    let station: i64 =
        on_db!(door.db, pool => sqlx::query_scalar(IS_STATION_CLOSED).bind(account.station_id).fetch_one(pool).await).map_err(failed)?;
    let sentence = match (point, station) {
        (0, 0) => return Ok(()),
        (0, _) => "您所属的信息采集点已经关闭，不能再登录。如有疑问，请与联系点负责人或者司法局联系。",
        _ => "您所属的立法基层联系点已经关闭，不能再登录；以前收集的意见仍然保留。如有疑问，请与司法局联系。",
    };
    let mut tx = door.db.begin().await?;
    record(&mut tx, door.clock, Some(account.id), Act::SignIn, false, "workplace closed").await?;
    tx.commit().await?;
    Err(Error::new(Code::Forbidden, sentence))
}

/// Opens the session, or hands out the ticket for what is left to do.
async fn go_on(door: StaffDoor<'_>, token: Option<&str>, pending: Pending, account: SigningIn) -> Result<SignIn> {
    if let Some(step) = next_step(&pending, &account, door.rules) {
        let is_first = token.is_none();
        let token = token.map_or_else(|| door.ids.secret(TICKET_BYTES), str::to_owned);
        let value = serde_json::to_string(&pending).map_err(|e| Error::internal("a ticket cannot be written", e))?;
        door.cache.put(&key_of(&token), &value, TICKET).await?;
        if is_first {
            let mut tx = door.db.begin().await?;
            record(&mut tx, door.clock, Some(account.id), Act::ProvePassword, true, step.as_str()).await?;
            tx.commit().await?;
        }
        return Ok(SignIn::Next(Ticket { token, step, expires_at: pending.expires_at }));
    }
    if let Some(token) = token {
        door.cache.forget(&key_of(token)).await?;
    }
    let how = match (pending.is_code_proved, pending.by_recovery) {
        (false, _) => "password",
        (true, false) => "password and code",
        (true, true) => "password and recovery code",
    };
    let caller = Caller {
        account_id: account.id,
        role: parse_role(&account.role)?,
        display_name: account.display_name,
        organ: account.organ_id,
        contact_point: account.contact_point_id,
        station: account.station_id,
    };
    let mut tx = door.db.begin().await?;
    let session = sessions::issue_on(&mut tx, door.clock, door.ids, door.rules, caller, &pending.device).await?;
    record(&mut tx, door.clock, Some(account.id), Act::SignIn, true, how).await?;
    tx.commit().await?;
    Ok(SignIn::Done(session))
}

/// Takes a code of an account's second step, or a recovery code; a wrong one is [`Code::LoginFailed`].
pub(super) async fn check_code(door: StaffDoor<'_>, account: &SigningIn, code: &str) -> Result<Proof> {
    if !account.has_second_factor() {
        return Err(Error::new(Code::Conflict, "这个账号没有启用两步验证。"));
    }
    let window = Window::at(door.clock);
    let key = format!("code-failed:{}:{}", window.number, account.id);
    if count_of(door.cache.get(&key).await?) >= WRONG_CODES {
        return Err(too_many(window));
    }
    if let Some(proof) = second_factor::take(door, account, code).await? {
        return Ok(proof);
    }
    door.cache.count(&key, window.length()).await?;
    Err(Error::new(Code::LoginFailed, "验证码不正确，或者已经用过。请输入手机上新显示的六位数字，或一个没有用过的恢复码。"))
}

async fn find_pending(door: StaffDoor<'_>, token: &str, step: Step) -> Result<(Pending, SigningIn)> {
    let (pending, account) = read_pending(door, token).await?.ok_or_else(expired)?;
    match next_step(&pending, &account, door.rules) {
        Some(next) if next == step => Ok((pending, account)),
        _ => Err(Error::new(Code::Conflict, "登录的步骤不对，请重新登录。")),
    }
}

async fn read_pending(door: StaffDoor<'_>, token: &str) -> Result<Option<(Pending, SigningIn)>> {
    let Some(value) = door.cache.get(&key_of(token)).await? else { return Ok(None) };
    let pending: Pending = serde_json::from_str(&value).map_err(|e| Error::internal("a ticket cannot be read", e))?;
    if pending.expires_at <= door.clock.now() {
        return Ok(None);
    }
    // Read anew each time: the account may have been closed, or its password reset, since the password was given.
    Ok(find_by_id(door.db, pending.account).await?.map(|account| (pending, account)))
}

pub(super) async fn find_by_id(db: &Db, id: AccountId) -> Result<Option<SigningIn>> {
    on_db!(db, pool => sqlx::query_as(FIND_BY_ID).bind(id).fetch_optional(pool).await).map_err(failed)
}

fn key_of(token: &str) -> String {
    format!("staff-ticket:{}", sm3_hex(token.as_bytes()))
}

fn expired() -> Error {
    Error::new(Code::LoginRequired, "登录已超时，请重新输入登录名和密码。")
}

/// Checks a password against a stored hash, or, with the same work, against the hash of nobody.
pub(super) async fn is_password_of(password: &str, stored: Option<&str>) -> Result<bool> {
    let stored = stored.map(str::to_owned);
    let typed = if password.len() <= passwords::PASSWORD_BYTES { password.to_owned() } else { String::new() };
    tokio::task::spawn_blocking(move || check_password(&typed, stored.as_deref()))
        .await
        .map_err(|e| Error::internal("checking a password stopped", e))?
}

fn check_password(password: &str, stored: Option<&str>) -> Result<bool> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    match stored {
        Some(hash) => Ok(crypto::verify_password(password, hash)),
        None => {
            let nobody = match NOBODY.get() {
                Some(hash) => hash,
                None => {
                    let hash = crypto::hash_password("the password of nobody")?;
                    NOBODY.get_or_init(|| hash)
                }
            };
            crypto::verify_password(password, nobody);
            Ok(false)
        }
    }
}

/// The quarter of an hour in which failures are counted together.
#[derive(Clone, Copy)]
struct Window {
    number: i64,
    left_s: u64,
}

impl Window {
    fn at(clock: &Clock) -> Window {
        let now = clock.now().timestamp();
        Window { number: now.div_euclid(WINDOW_S), left_s: u64::try_from(WINDOW_S - now.rem_euclid(WINDOW_S)).unwrap_or(1) }
    }

    fn length(self) -> Duration {
        Duration::from_secs(WINDOW_S.unsigned_abs())
    }
}

/// The counters that an attempt touches. Keys are hashes: the cache holds neither names nor addresses.
pub(super) struct Limits {
    window: Window,
    network: String,
    pair: String,
    known: String,
    address: String,
    allowed: u64,
}

impl Limits {
    pub(super) fn of(name: &str, address: Option<IpAddr>, rules: &Rules, clock: &Clock) -> Limits {
        let window = Window::at(clock);
        let network = address.map(network_of).unwrap_or_default();
        let pair = sm3_hex(format!("{network}\0{name}").as_bytes());
        Limits {
            known: format!("login-known:{pair}"),
            pair: format!("login-failed:{}:{pair}", window.number),
            address: format!("login-failed-address:{}:{}", window.number, sm3_hex(network.as_bytes())),
            network,
            allowed: u64::from(rules.failed_logins),
            window,
        }
    }

    pub(super) async fn check(&self, cache: &Cache) -> Result<()> {
        let over_pair = count_of(cache.get(&self.pair).await?) >= self.allowed;
        let over_address = count_of(cache.get(&self.address).await?) >= self.allowed.saturating_mul(ADDRESS_MULTIPLE);
        if over_pair || (over_address && cache.get(&self.known).await?.is_none()) {
            return Err(too_many(self.window));
        }
        Ok(())
    }

    /// Counts a failure and writes it into the audit log, with the moment at which the pair of name and address has to wait.
    pub(super) async fn count_failure(&self, door: StaffDoor<'_>, account: Option<AccountId>) -> Result<()> {
        let seen = self.count(door.cache).await?;
        let mut tx = door.db.begin().await?;
        // Which address, without naming it: the same mark is the same address.
        let mark = door.key.keyed_hash("audit-origin", &self.network);
        let mark = mark.get(..8).unwrap_or_default();
        record(&mut tx, door.clock, account, Act::SignIn, false, &format!("from {mark}")).await?;
        if seen == self.allowed {
            record(&mut tx, door.clock, account, Act::LockSignIn, true, &format!("from {mark}")).await?;
        }
        tx.commit().await
    }

    async fn count(&self, cache: &Cache) -> Result<u64> {
        cache.count(&self.address, self.window.length()).await?;
        cache.count(&self.pair, self.window.length()).await
    }

    async fn remember(&self, cache: &Cache) -> Result<()> {
        cache.forget(&self.pair).await?;
        cache.put(&self.known, "1", KNOWN).await
    }
}

fn count_of(value: Option<String>) -> u64 {
    value.and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn too_many(window: Window) -> Error {
    let minutes = window.left_s.div_ceil(60);
    Error::new(Code::TooMany, format!("登录失败次数过多，请 {minutes} 分钟后再试。")).retry_after(window.left_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn clock() -> Clock {
        Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap())
    }

    #[tokio::test]
    async fn failures_elsewhere_lock_nobody_out_and_pass_with_their_window() {
        let (cache, clock, rules) = (Cache::in_process(), clock(), Rules { failed_logins: 3, ..Rules::default() });
        let at = |name: &str, address: &str| Limits::of(name, Some(address.parse().unwrap()), &rules, &clock);
        let attacker = at("li", "10.0.0.9");
        for _ in 0..3 {
            attacker.check(&cache).await.unwrap();
            attacker.count(&cache).await.unwrap();
        }
        let refused = attacker.check(&cache).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after_s), (Code::TooMany, Some(900)));
        at("li", "10.0.0.1").check(&cache).await.unwrap();
        at("wang", "10.0.0.9").check(&cache).await.unwrap();
        clock.advance(chrono::Duration::seconds(899));
        assert_eq!(at("li", "10.0.0.9").check(&cache).await.unwrap_err().retry_after_s, Some(1));
        clock.advance(chrono::Duration::seconds(1));
        at("li", "10.0.0.9").check(&cache).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_tries_many_names_must_wait_but_known_names_go_on() {
        let (cache, clock, rules) = (Cache::in_process(), clock(), Rules { failed_logins: 2, ..Rules::default() });
        let at = |name: &str| Limits::of(name, Some("10.0.0.9".parse().unwrap()), &rules, &clock);
        at("wang").remember(&cache).await.unwrap();
        for n in 0..10 {
            at(&format!("name{n}")).count(&cache).await.unwrap();
        }
        assert_eq!(at("another").check(&cache).await.unwrap_err().code, Code::TooMany);
        at("wang").check(&cache).await.unwrap();
    }
}
