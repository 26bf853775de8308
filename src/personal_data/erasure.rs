//! Erasing an account (个人信息保护法 47): at the person's wish, at once. What identifies the person is removed; what the law wants kept stays
//! without them, and is used for nothing else. The answer names what stays and why (50).

use chrono::{DateTime, Utc};

use crate::accounts::citizens::Reception;
use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Error, Result};
use crate::on_tx;
use crate::storage::sql::failed;

/// The word that confirms the erasure.
pub const CONFIRMATION: &str = "注销";

/// Everything that is removed of the account `$1`, in this order.
const REMOVALS: &[&str] = &[
    "DELETE FROM phone_code WHERE phone_hash IN (SELECT phone_hash FROM account WHERE id = $1)",
    "DELETE FROM session WHERE account_id = $1",
    "DELETE FROM draft_follower WHERE account_id = $1",
    // Delivery takes these rows in the same order, so neither waits for the other in a circle.
    "DELETE FROM outbox WHERE account_id = $1",
    "DELETE FROM subscription_send WHERE account_id = $1",
    "DELETE FROM subscription_consent WHERE account_id = $1",
    "DELETE FROM inbox WHERE account_id = $1",
    "DELETE FROM opinion_vote WHERE account_id = $1",
    // The next tidying removes them with their bytes.
    "UPDATE opinion_attachment SET account_id = NULL, uploaded_at = '1970-01-01T00:00:00+00:00' WHERE account_id = $1 AND opinion_id IS NULL",
    "UPDATE opinion SET idempotency_key = NULL WHERE account_id = $1",
];
/// The row stays, so that opinions of one author stay opinions of one author; whether that author was under fourteen stays too, because it
/// protects them. It says nothing else.
const ERASE: &str = "UPDATE account SET display_name = '已注销用户', is_active = FALSE, openid_hash = NULL, openid_sealed = NULL,
    phone_hash = NULL, phone_sealed = NULL, privacy_version = NULL, privacy_accepted_at = NULL, age_stated_at = NULL,
    guardian_name_sealed = NULL, guardian_phone_sealed = NULL, guardian_relation = NULL, guardian_consented_at = NULL,
    erased_at = $2, updated_at = $2 WHERE id = $1 AND erased_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[ERASE];
/// The removals, for the same test.
pub const REMOVING: &[&str] = REMOVALS;

/// Something that is kept, and why.
#[derive(Clone, Copy, Debug)]
pub struct Retained {
    /// What.
    pub what: &'static str,
    /// Why, with the law.
    pub why: &'static str,
}

/// What is kept after an erasure.
pub const RETAINED: &[Retained] = &[
    Retained {
        what: "已经提交的意见及其办理情况，去掉与您的联系",
        why: "立法过程中的公众意见属于应当归档的材料（档案法第十三条），保存期未满，依照个人信息保护法第四十七条停止除保存和办理以外的处理",
    },
    Retained { what: "已经提交的问卷回答，去掉与您的联系", why: "同上" },
    Retained {
        what: "登录和操作的日志，只有编号，不含姓名、手机号和微信标识", why: "网络日志至少保存六个月（网络安全法第二十一条）"
    },
    Retained { what: "内容审核的记录，不含您的身份", why: "处置记录应当保存（网络安全法第四十七条）" },
];

/// Erases the caller's own account. Afterwards nothing leads from an opinion to the person, every session has ended, and the person may come back
/// as somebody new. `confirmation` must be [`CONFIRMATION`].
pub async fn erase_own_account(at: Reception<'_>, caller: &Caller, confirmation: &str) -> Result<DateTime<Utc>> {
    caller.require(Permission::ManageOwnAccount)?;
    if confirmation.trim() != CONFIRMATION {
        return Err(Error::invalid("confirmation", format!("请输入“{CONFIRMATION}”两个字以确认。")));
    }
    let now = at.clock.now();
    let account = caller.account_id;
    let mut tx = at.db.begin().await?;
    for statement in REMOVALS {
        on_tx!(&mut tx, c => sqlx::query(*statement).bind(account).execute(c).await.map(drop)).map_err(failed)?;
    }
    let erased: u64 =
        on_tx!(&mut tx, c => sqlx::query(ERASE).bind(account).bind(now).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if erased > 0 {
        let entry = NewEntry {
            account_id: Some(account),
            act: Act::EraseAccount,
            subject: "account",
            subject_id: Some(account.0),
            is_success: true,
            detail: "",
        };
        audit::append(&mut tx, at.clock, entry).await?;
    }
    tx.commit().await?;
    Ok(now)
}
