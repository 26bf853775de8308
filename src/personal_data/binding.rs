//! Binding a phone to the account that is signed in, and merging accounts when the phone has one of its own already.
//!
//! The rule: whoever is signed in with WeChat and proves to hold a phone is the person of both accounts. The phone's account is taken up into the
//! one that is signed in: its opinions, answers, votes, followed drafts and messages move, once for each person where a person has one voice; its
//! sessions end; the emptied account stays closed, so that the log still knows it. Where that would be guessing, nothing is merged:
//! - the phone's account belongs to another WeChat user;
//! - the account that is signed in has another phone already, so each of the two is somebody's own account.
//!
//! Of two statements of age the stricter one holds, with its guardian's consent.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::accounts::citizens::codes::{self, Purpose};
use crate::accounts::citizens::consent::Age;
use crate::accounts::citizens::phones::Phone;
use crate::accounts::citizens::{PHONE_PURPOSE, Reception};
use crate::accounts::limits::{Limit, admit_address};
use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::AccountId;
use crate::on_tx;
use crate::storage::Tx;
use crate::storage::sql::{failed, is_duplicate};

const HOLDER: &str = "SELECT id FROM account WHERE phone_hash = $1";
const LOCK: &str = "UPDATE account SET updated_at = $2 WHERE id = $1";
const FIND: &str = "SELECT openid_hash, phone_hash, age, guardian_consented_at, is_active FROM account WHERE id = $1";
const BIND: &str = "UPDATE account SET phone_hash = $2, phone_sealed = $3 WHERE id = $1";
const TAKE_AGE: &str = "UPDATE account SET age = (SELECT o.age FROM account o WHERE o.id = $2),
    age_stated_at = (SELECT o.age_stated_at FROM account o WHERE o.id = $2),
    guardian_name_sealed = (SELECT o.guardian_name_sealed FROM account o WHERE o.id = $2),
    guardian_phone_sealed = (SELECT o.guardian_phone_sealed FROM account o WHERE o.id = $2),
    guardian_relation = (SELECT o.guardian_relation FROM account o WHERE o.id = $2),
    guardian_consented_at = (SELECT o.guardian_consented_at FROM account o WHERE o.id = $2) WHERE id = $1";
const EMPTY: &str = "UPDATE account SET display_name = '已合并的账号', is_active = FALSE, phone_hash = NULL, phone_sealed = NULL,
    guardian_name_sealed = NULL, guardian_phone_sealed = NULL, guardian_relation = NULL, guardian_consented_at = NULL,
    privacy_version = NULL, privacy_accepted_at = NULL, erased_at = $2 WHERE id = $1";

/// Everything that moves from the account `$2` to the account `$1`, in this order. Where a person has one voice, the one of the account that is
/// signed in counts.
const MOVES: &[&str] = &[
    "DELETE FROM session WHERE account_id = $2 AND account_id <> $1",
    // A key that both accounts used would not be unique any more; the receipts are unaffected.
    "UPDATE opinion SET idempotency_key = NULL
        WHERE account_id = $2 AND idempotency_key IN (SELECT idempotency_key FROM opinion WHERE account_id = $1)",
    "UPDATE opinion SET account_id = $1 WHERE account_id = $2",
    // One voice for each person, and none about their own opinions.
    "DELETE FROM opinion_vote WHERE account_id = $2 AND opinion_id IN (SELECT opinion_id FROM opinion_vote WHERE account_id = $1)",
    "UPDATE opinion_vote SET account_id = $1 WHERE account_id = $2",
    "DELETE FROM opinion_vote WHERE account_id IN ($1, $2) AND opinion_id IN (SELECT id FROM opinion WHERE account_id = $1)",
    // A file that both uploaded and neither used stays behind, and is removed with other unused uploads.
    "UPDATE opinion_attachment SET account_id = $1 WHERE account_id = $2 AND (opinion_id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM opinion_attachment a WHERE a.account_id = $1 AND a.opinion_id IS NULL AND a.draft_id = opinion_attachment.draft_id
        AND a.blob_hash = opinion_attachment.blob_hash AND a.name = opinion_attachment.name))",
    "DELETE FROM draft_follower WHERE account_id = $2 AND draft_id IN (SELECT draft_id FROM draft_follower WHERE account_id = $1)",
    "UPDATE draft_follower SET account_id = $1 WHERE account_id = $2",
    "DELETE FROM question_answer WHERE account_id = $2 AND question_id IN (SELECT question_id FROM question_answer WHERE account_id = $1)",
    "INSERT INTO question_answer (question_id, account_id, body, answered_at, updated_at)
        SELECT a.question_id, t.id, a.body, a.answered_at, a.updated_at FROM question_answer a, account t WHERE t.id = $1 AND a.account_id = $2",
    "UPDATE question_choice SET account_id = $1 WHERE account_id = $2",
    "DELETE FROM question_answer WHERE account_id = $2 AND account_id <> $1",
    "UPDATE outbox SET account_id = $1 WHERE account_id = $2",
    "UPDATE inbox SET account_id = $1 WHERE account_id = $2",
];

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[HOLDER, LOCK, FIND, BIND, TAKE_AGE, EMPTY];
/// The moves of a merge, for the same test.
pub const MERGING: &[&str] = MOVES;

/// What binding a phone did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The phone is bound, or was already.
    Bound,
    /// The phone's own account was taken up.
    Merged,
}

#[derive(FromRow)]
struct Side {
    openid_hash: Option<String>,
    phone_hash: Option<String>,
    age: String,
    guardian_consented_at: Option<DateTime<Utc>>,
    is_active: bool,
}

/// Binds a phone that is proved by a one-time code. A second phone replaces the first.
pub async fn bind_with_code(at: Reception<'_>, caller: &Caller, phone: &Phone, code: &str, address: Option<IpAddr>) -> Result<Binding> {
    caller.require(Permission::ManageOwnAccount)?;
    codes::prove(at, Purpose::BindPhone, phone, code, address).await?;
    bind(at, caller, phone, "code").await
}

/// Binds the phone that WeChat knows, with the code that the mini-program got for it.
pub async fn bind_with_wechat(at: Reception<'_>, caller: &Caller, code: &str, address: Option<IpAddr>) -> Result<Binding> {
    caller.require(Permission::ManageOwnAccount)?;
    if code.is_empty() || code.len() > 256 || !code.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("wechat_code", "微信手机号凭证的格式不正确。"));
    }
    admit_address(at.cache, at.rules, Limit::SignInPerAddress, address).await?;
    let digits = at.wechat.phone_of_code(code).await?;
    let phone = Phone::parse(&digits)?;
    bind(at, caller, &phone, "wechat").await
}

async fn bind(at: Reception<'_>, caller: &Caller, phone: &Phone, how: &str) -> Result<Binding> {
    let own = caller.account_id;
    let phone_hash = phone.hash(at.key);
    let sealed = at.cipher.seal(PHONE_PURPOSE, phone.digits())?;
    let now = at.clock.now();
    let mut tx = at.db.begin().await?;
    let holder: Option<AccountId> =
        on_tx!(&mut tx, c => sqlx::query_scalar(HOLDER).bind(&phone_hash).fetch_optional(c).await).map_err(failed)?;
    // Both rows are held, in one order, so that two bindings at once cannot each see the state before the other.
    let mut held: Vec<AccountId> = [Some(own), holder].into_iter().flatten().collect();
    held.sort();
    held.dedup();
    for account in &held {
        on_tx!(&mut tx, c => sqlx::query(LOCK).bind(account).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    }
    let me = side(&mut tx, own).await?;
    let outcome = match holder {
        Some(holder) if holder == own => return tx.commit().await.map(|()| Binding::Bound),
        None => Binding::Bound,
        Some(other) => {
            let them = side(&mut tx, other).await?;
            may_merge(&me, &them, &phone_hash)?;
            if is_stricter(&them, &me)? {
                on_tx!(&mut tx, c => sqlx::query(TAKE_AGE).bind(own).bind(other).execute(c).await.map(drop)).map_err(failed)?;
            }
            for statement in MOVES {
                on_tx!(&mut tx, c => sqlx::query(*statement).bind(own).bind(other).execute(c).await.map(drop)).map_err(failed)?;
            }
            on_tx!(&mut tx, c => sqlx::query(EMPTY).bind(other).bind(now).execute(c).await.map(drop)).map_err(failed)?;
            Binding::Merged
        }
    };
    on_tx!(&mut tx, c => sqlx::query(BIND).bind(own).bind(&phone_hash).bind(&sealed).execute(c).await.map(drop)).map_err(|e| {
        if is_duplicate(&e) {
            Error::new(Code::Conflict, "这个手机号刚刚绑定了别的账号，请刷新后再试。")
        } else {
            failed(e)
        }
    })?;
    let (act, subject) = match (outcome, holder) {
        (Binding::Merged, Some(other)) => (Act::MergeAccounts, other),
        _ => (Act::BindPhone, own),
    };
    let entry = NewEntry { account_id: Some(own), act, subject: "account", subject_id: Some(subject.0), is_success: true, detail: how };
    audit::append(&mut tx, at.clock, entry).await?;
    tx.commit().await?;
    Ok(outcome)
}

async fn side(tx: &mut Tx, account: AccountId) -> Result<Side> {
    let row: Option<Side> = on_tx!(tx, c => sqlx::query_as(FIND).bind(account).fetch_optional(c).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这个账号"))
}

/// Passes when the phone's account may be taken up.
fn may_merge(me: &Side, them: &Side, phone_hash: &str) -> Result<()> {
    let refuse = |detail: &str| Err(Error::new(Code::Conflict, detail));
    if !them.is_active {
        return refuse("这个手机号的账号已停用，不能绑定。如有疑问，请与我们联系。");
    }
    if them.openid_hash.is_some() {
        return refuse("这个手机号已绑定另一个微信用户。请先在那个账号里更换手机号，或者注销那个账号。");
    }
    if me.phone_hash.as_deref().is_some_and(|own| own != phone_hash) {
        return refuse("这个手机号有自己的账号，而您的账号已绑定别的手机号，不能合并。请先注销其中一个账号。");
    }
    Ok(())
}

/// Whether the other side's statement of age is to be taken over: it is the stricter one, or the only one, or the one with a guardian.
fn is_stricter(them: &Side, me: &Side) -> Result<bool> {
    Ok(match (Age::stored(&them.age)?, Age::stored(&me.age)?) {
        (Age::Unknown, _) | (Age::FourteenOrOver, Age::FourteenOrOver | Age::UnderFourteen) => false,
        (Age::FourteenOrOver, Age::Unknown) | (Age::UnderFourteen, Age::Unknown | Age::FourteenOrOver) => true,
        (Age::UnderFourteen, Age::UnderFourteen) => me.guardian_consented_at.is_none() && them.guardian_consented_at.is_some(),
    })
}
