//! One-time codes: six digits to a phone, good for five minutes, five tries and one purpose.
//!
//! A phone gets one code a minute. What is answered never depends on whether an account of the phone exists. Only a keyed hash of the code is
//! stored; a code that was right, or a new one, ends it.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use subtle::ConstantTimeEq;

use super::Reception;
use super::phones::Phone;
use crate::accounts::limits::{Limit, admit, admit_address};
use crate::accounts::sms::CodeMessage;
use crate::error::{Code, Error, Result};
use crate::storage::Tx;
use crate::storage::sql::failed;
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// What a code is for; it is good for nothing else.
    Purpose {
        /// Signing in with the phone.
        SignIn = "sign_in", "登录";
        /// Binding the phone to the account that is signed in.
        BindPhone = "bind_phone", "绑定手机号";
        /// A guardian's consent; the phone is the guardian's.
        GuardianConsent = "guardian_consent", "监护人同意";
    }
}

/// Minutes for which a code is good.
pub const MINUTES: i64 = 5;
/// Tries that one code takes.
const TRIES: i64 = 5;
/// Seconds between two codes to one phone.
const PAUSE_S: i64 = 60;
/// Purpose of the keyed hash of a code.
const HASH_PURPOSE: &str = "phone-code";

const LAST_SENT: &str = "SELECT sent_at FROM phone_code WHERE phone_hash = $1 AND sent_at > $2";
const KEEP: &str = "INSERT INTO phone_code (phone_hash, purpose, code_hash, sent_at, expires_at, tries) VALUES ($1, $2, $3, $4, $5, 0)
    ON CONFLICT (phone_hash) DO UPDATE SET purpose = excluded.purpose, code_hash = excluded.code_hash, sent_at = excluded.sent_at,
    expires_at = excluded.expires_at, tries = 0 WHERE phone_code.sent_at <= $6";
const TAKE_BACK: &str = "DELETE FROM phone_code WHERE phone_hash = $1 AND code_hash = $2";
const FORGET_EXPIRED: &str = "DELETE FROM phone_code WHERE expires_at <= $1";
const TRY: &str = "UPDATE phone_code SET tries = tries + 1 WHERE phone_hash = $1 AND purpose = $2 AND expires_at > $3 AND tries < $4
    RETURNING code_hash";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LAST_SENT, KEEP, TAKE_BACK, FORGET_EXPIRED, TRY];

/// A code that is on its way.
pub struct SentCode {
    /// The phone, masked.
    pub sent_to: String,
    /// First instant at which it is no good any more.
    pub expires_at: DateTime<Utc>,
    /// When another one may be asked for.
    pub again_at: DateTime<Utc>,
}

/// Sends a code. Too soon or too often: [`Code::TooMany`]; a gateway that does not take it: [`Code::Upstream`], and another try is free at once.
pub async fn send_code(at: Reception<'_>, purpose: Purpose, phone: &Phone, address: Option<IpAddr>) -> Result<SentCode> {
    if !at.sms.is_on() {
        return Err(Error::new(Code::Conflict, "本站没有开通短信验证码，请使用微信小程序。"));
    }
    let now = at.clock.now();
    let pause = Duration::seconds(PAUSE_S);
    let phone_hash = phone.hash(at.key);
    admit_address(at.cache, at.rules, Limit::CodePerAddress, address).await?;
    let last: Option<DateTime<Utc>> =
        on_db!(at.db, pool => sqlx::query_scalar(LAST_SENT).bind(&phone_hash).bind(now - pause).fetch_optional(pool).await)
            .map_err(failed)?;
    if let Some(last) = last {
        return Err(too_soon((last + pause - now).num_seconds()));
    }
    for limit in [Limit::CodePerPhone, Limit::CodePerPhoneDay] {
        admit(at.cache, at.rules, limit, &phone_hash).await?;
    }
    admit(at.cache, at.rules, Limit::CodeOverall, "").await?;
    let code = new_code(at)?;
    let code_hash = hash_of(at, purpose, &phone_hash, &code);
    let expires_at = now + Duration::minutes(MINUTES);
    let mut tx = at.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(FORGET_EXPIRED).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    let kept: u64 = on_tx!(&mut tx, c => sqlx::query(KEEP)
        .bind(&phone_hash).bind(purpose.as_str()).bind(&code_hash).bind(now).bind(expires_at).bind(now - pause)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    if kept == 0 {
        // Two requests at the same time: the other one sends.
        return Err(too_soon(PAUSE_S));
    }
    if let Err(error) = at.sms.send_code(CodeMessage { phone: phone.digits(), code: &code, minutes: MINUTES }).await {
        let mut tx = at.db.begin().await?;
        on_tx!(&mut tx, c => sqlx::query(TAKE_BACK).bind(&phone_hash).bind(&code_hash).execute(c).await.map(drop)).map_err(failed)?;
        tx.commit().await?;
        return Err(error);
    }
    Ok(SentCode { sent_to: phone.masked(), expires_at, again_at: now + pause })
}

/// Takes one try, in a transaction that is committed whatever comes out. True when the code is right; it is ended by [`end`].
pub async fn try_code(tx: &mut Tx, at: Reception<'_>, purpose: Purpose, phone: &Phone, code: &str) -> Result<bool> {
    let phone_hash = phone.hash(at.key);
    let held: Option<String> = on_tx!(tx, c => sqlx::query_scalar(TRY)
        .bind(&phone_hash).bind(purpose.as_str()).bind(at.clock.now()).bind(TRIES).fetch_optional(c).await)
    .map_err(failed)?;
    let typed = hash_of(at, purpose, &phone_hash, &plain(code));
    // The same work with and without a code that waits.
    let held = held.unwrap_or_default();
    Ok(held.as_bytes().ct_eq(typed.as_bytes()).into())
}

/// Ends the code of a phone, in the transaction of the act that it allowed: it is good once.
pub async fn end(tx: &mut Tx, at: Reception<'_>, purpose: Purpose, phone: &Phone, code: &str) -> Result<()> {
    let phone_hash = phone.hash(at.key);
    let code_hash = hash_of(at, purpose, &phone_hash, &plain(code));
    on_tx!(tx, c => sqlx::query(TAKE_BACK).bind(&phone_hash).bind(&code_hash).execute(c).await.map(drop)).map_err(failed)
}

/// Proves that whoever asks holds the phone, for an act other than signing in: counts the try, and ends the code when it is right.
pub async fn prove(at: Reception<'_>, purpose: Purpose, phone: &Phone, code: &str, address: Option<IpAddr>) -> Result<()> {
    admit_address(at.cache, at.rules, Limit::CodeTryPerAddress, address).await?;
    let mut tx = at.db.begin().await?;
    let is_right = try_code(&mut tx, at, purpose, phone, code).await?;
    if is_right {
        end(&mut tx, at, purpose, phone, code).await?;
    }
    tx.commit().await?;
    if is_right { Ok(()) } else { Err(Error::invalid("code", WRONG)) }
}

/// What a wrong, an ended and a missing code say alike.
pub const WRONG: &str = "验证码不正确或者已经失效，请核对后再试，或者重新获取。";

/// What was typed, without spaces and with full-width digits as digits.
fn plain(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace())
        .take(16)
        .map(|c| match c {
            '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
            other => other,
        })
        .collect()
}

fn hash_of(at: Reception<'_>, purpose: Purpose, phone_hash: &str, code: &str) -> String {
    at.key.keyed_hash(HASH_PURPOSE, &format!("{}\0{phone_hash}\0{code}", purpose.as_str()))
}

/// Six digits; of 2^64 values, so that none is noticeably likelier.
fn new_code(at: Reception<'_>) -> Result<String> {
    let chance = u64::from_str_radix(&at.ids.secret(8), 16).map_err(|e| Error::internal("the source of ids gave no number", e))?;
    Ok(format!("{:06}", chance % 1_000_000))
}

fn too_soon(seconds: i64) -> Error {
    let seconds = u64::try_from(seconds).unwrap_or(1).max(1);
    Error::new(Code::TooMany, format!("验证码一分钟只能获取一次，请 {seconds} 秒后再试。")).retry_after(seconds)
}
