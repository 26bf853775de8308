//! 两步验证: six digits from the person's telephone besides the password (TOTP, RFC 6238: SHA-1, 30 seconds, 6 digits).
//!
//! The secret is sealed. One step of drift either way is allowed, and a code is taken once: neither it nor an earlier one counts again.
//! Recovery codes stand in for a lost telephone; each is good once and stored as a keyed hash.

use totp_rs::{Algorithm, Builder, Totp};

use super::passwords::refuse_own;
use super::signing_in::{self, SigningIn};
use super::{StaffDoor, begin_change, end_sessions, get_in, note};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::Act;
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock};
use crate::on_tx;
use crate::sealed_column;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};

/// The sealed secrets.
pub const SEALED: SealedColumn = sealed_column!("account", "totp_sealed", "account-totp");
/// Recovery codes that a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Bytes of a secret: those of SHA-1 (RFC 4226, 4).
const SECRET_BYTES: usize = 20;
/// Random bytes of a recovery code.
const RECOVERY_BYTES: usize = 6;
/// Seconds of a step.
const STEP_S: u64 = 30;

const BEGIN: &str = "UPDATE account SET totp_sealed = $2 WHERE id = $1 AND totp_sealed IS NULL";
const CONFIRM: &str = "UPDATE account SET totp_confirmed_at = $2, totp_last_step = $3, updated_at = $2
    WHERE id = $1 AND totp_confirmed_at IS NULL AND totp_sealed IS NOT NULL";
const TAKE_STEP: &str = "UPDATE account SET totp_last_step = $2 WHERE id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2)";
const CLEAR: &str = "UPDATE account SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL, updated_at = $2 WHERE id = $1";
const INSERT_RECOVERY: &str = "INSERT INTO recovery_code (code_hash, account_id, used_at) VALUES ($1, $2, NULL)";
const USE_RECOVERY: &str = "UPDATE recovery_code SET used_at = $3 WHERE code_hash = $1 AND account_id = $2 AND used_at IS NULL";
const DELETE_RECOVERY: &str = "DELETE FROM recovery_code WHERE account_id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[BEGIN, CONFIRM, TAKE_STEP, CLEAR, INSERT_RECOVERY, USE_RECOVERY, DELETE_RECOVERY];

/// What a person puts into their authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: String,
    /// The same as an `otpauth://` address, for a QR code.
    pub url: String,
}

/// Whether the rules ask every member of staff for a second step.
pub fn is_required(rules: &Rules) -> bool {
    rules.staff_totp == Some(crate::config::StaffTotp::Required)
}

/// Whether the caller has a second step.
pub async fn has_own(db: &Db, caller: &Caller) -> Result<bool> {
    Ok(signing_in::find_by_id(db, caller.account_id).await?.is_some_and(|account| account.has_second_factor()))
}

/// Begins to set up the caller's second step. Asking again before it is confirmed gives the same secret again.
pub async fn begin_own(door: StaffDoor<'_>, caller: &Caller) -> Result<Enrolment> {
    caller.require(Permission::KeepOwnLogin)?;
    begin(door, caller.account_id).await
}

/// Confirms the caller's second step with a first code. Gives the recovery codes, which are shown this once.
pub async fn confirm_own(door: StaffDoor<'_>, caller: &Caller, code: &str) -> Result<Vec<String>> {
    caller.require(Permission::KeepOwnLogin)?;
    confirm(door, caller.account_id, code).await
}

/// Takes the caller's second step away, where the rules allow it, with a code of it.
pub async fn remove_own(door: StaffDoor<'_>, caller: &Caller, code: &str) -> Result<()> {
    caller.require(Permission::KeepOwnLogin)?;
    if is_required(door.rules) {
        return Err(Error::new(Code::Conflict, "按规定工作人员必须使用两步验证，不能停用。换手机请用恢复码登录后联系管理员重置。"));
    }
    let account = signing_in::find_by_id(door.db, caller.account_id).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    signing_in::check_code(door, &account, code).await?;
    let mut tx = begin_change(door.db).await?;
    clear(&mut tx, door.clock, caller.account_id).await?;
    note(&mut tx, door.clock, Some(caller.account_id), Act::RemoveSecondFactor, caller.account_id, "").await?;
    tx.commit().await
}

/// Takes somebody's second step away, e.g. after their telephone was lost, and ends their sessions.
pub async fn reset_second_factor(db: &Db, clock: &Clock, by: Actor<'_>, id: AccountId) -> Result<()> {
    by.require(Permission::ManageAccounts)?;
    refuse_own(by, id)?;
    let mut tx = begin_change(db).await?;
    get_in(&mut tx, id).await?;
    clear(&mut tx, clock, id).await?;
    end_sessions(&mut tx, id).await?;
    note(&mut tx, clock, by.account_id(), Act::ResetSecondFactor, id, "").await?;
    tx.commit().await
}

pub(super) async fn begin(door: StaffDoor<'_>, id: AccountId) -> Result<Enrolment> {
    let secret = door.ids.secret(SECRET_BYTES);
    let sealed = door.cipher.seal(SEALED.purpose, &secret)?;
    let mut tx = door.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(BEGIN).bind(id).bind(&sealed).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await?;
    let account = signing_in::find_by_id(door.db, id).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    if account.has_second_factor() {
        return Err(already());
    }
    let totp = totp_of(door, &account)?;
    let url = totp.to_url().map_err(|e| Error::internal("the address of an authenticator cannot be written", e.to_string()))?;
    Ok(Enrolment { secret: totp.secret().to_base32(), url })
}

pub(super) async fn confirm(door: StaffDoor<'_>, id: AccountId, code: &str) -> Result<Vec<String>> {
    let account = signing_in::find_by_id(door.db, id).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    if account.has_second_factor() {
        return Err(already());
    }
    if account.totp_sealed.is_none() {
        return Err(Error::new(Code::Conflict, "请先取得两步验证的密钥，再输入第一个验证码。"));
    }
    let step = step_of(door, &account, code)?
        .ok_or_else(|| Error::invalid("code", "验证码不正确。请确认手机的时间准确，输入当前显示的六位数字。"))?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| grouped(&door.ids.secret(RECOVERY_BYTES))).collect();
    let mut tx = begin_change(door.db).await?;
    let confirmed: u64 = on_tx!(&mut tx, c => sqlx::query(CONFIRM).bind(id).bind(door.clock.now()).bind(step).execute(c).await
        .map(|d| d.rows_affected()))
    .map_err(failed)?;
    if confirmed == 0 {
        return Err(already());
    }
    on_tx!(&mut tx, c => sqlx::query(DELETE_RECOVERY).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    for code in &codes {
        let hash = recovery_hash(door, id, code);
        on_tx!(&mut tx, c => sqlx::query(INSERT_RECOVERY).bind(&hash).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    }
    note(&mut tx, door.clock, Some(id), Act::EnrolSecondFactor, id, "").await?;
    tx.commit().await?;
    Ok(codes)
}

/// How a code proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// By the telephone.
    Code,
    /// By a recovery code.
    Recovery,
}

/// Takes a code or a recovery code: what passes here does not pass again.
pub(super) async fn take(door: StaffDoor<'_>, account: &SigningIn, code: &str) -> Result<Option<Proof>> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_lowercase();
    let mut tx = door.db.begin().await?;
    let (taken, proof): (u64, Proof) = if typed.len() == RECOVERY_BYTES * 2 && typed.bytes().all(|b| b.is_ascii_hexdigit()) {
        let hash = recovery_hash(door, account.id, &typed);
        let used = on_tx!(&mut tx, c => sqlx::query(USE_RECOVERY).bind(&hash).bind(account.id).bind(door.clock.now()).execute(c).await
            .map(|d| d.rows_affected()));
        (used.map_err(failed)?, Proof::Recovery)
    } else {
        let Some(step) = step_of(door, account, &typed)? else { return Ok(None) };
        let taken = on_tx!(&mut tx, c => sqlx::query(TAKE_STEP).bind(account.id).bind(step).execute(c).await.map(|d| d.rows_affected()));
        (taken.map_err(failed)?, Proof::Code)
    };
    tx.commit().await?;
    Ok((taken == 1).then_some(proof))
}

/// Step of a code that is right at present, within the drift.
fn step_of(door: StaffDoor<'_>, account: &SigningIn, code: &str) -> Result<Option<i64>> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if typed.len() != 6 || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let now = u64::try_from(door.clock.now().timestamp()).unwrap_or(0);
    Ok(totp_of(door, account)?.check(&typed, now).and_then(|step| i64::try_from(step).ok()))
}

fn totp_of(door: StaffDoor<'_>, account: &SigningIn) -> Result<Totp> {
    let sealed = account.totp_sealed.as_deref().ok_or_else(|| Error::defect("an account without a second step was asked for a code"))?;
    let secret = hex::decode(door.cipher.open(SEALED.purpose, sealed)?).map_err(|e| Error::internal("a stored secret is malformed", e))?;
    // Neither name may hold the colon that stands between them in the address.
    let plain = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(STEP_S)
        .with_skew(1)
        .with_secret(secret)
        .with_issuer(Some(plain(door.site_name)))
        .with_account_name(plain(&account.login_name))
        .build()
        .map_err(|e| Error::internal("a second step cannot be built from its secret", e.to_string()))
}

async fn clear(tx: &mut Tx, clock: &Clock, id: AccountId) -> Result<()> {
    on_tx!(tx, c => sqlx::query(CLEAR).bind(id).bind(clock.now()).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(DELETE_RECOVERY).bind(id).execute(c).await.map(drop)).map_err(failed)
}

fn recovery_hash(door: StaffDoor<'_>, id: AccountId, code: &str) -> String {
    door.key.keyed_hash("recovery-code", &format!("{id}:{}", code.replace('-', "")))
}

/// A code in groups of four, as people copy it.
fn grouped(code: &str) -> String {
    code.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join("-")
}

fn already() -> Error {
    Error::new(Code::Conflict, "两步验证已经启用，不需要重复设置。")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_agree_with_the_published_vector() {
        // RFC 6238, appendix B: SHA-1, the last six of eight digits.
        let totp = Builder::new().with_secret(b"12345678901234567890".to_vec()).with_step_duration(STEP_S).with_digits(6).build().unwrap();
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(totp.generate(time).to_string(), code);
        }
    }

    #[test]
    fn recovery_codes_are_written_in_groups() {
        assert_eq!(grouped("a1b2c3d4e5f6"), "a1b2-c3d4-e5f6");
    }
}
