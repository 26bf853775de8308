//! Which passwords are taken, and how they change.

use std::net::IpAddr;

use super::signing_in::{self, Limits};
use super::{ONE_TIME_BYTES, StaffDoor, begin_change, end_sessions, get_in, note};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::Act;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, IdSource};
use crate::on_tx;
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx, crypto};

/// Least length of a staff password, in characters.
pub const PASSWORD_CHARACTERS: usize = 12;
/// Longest password, in bytes: hashing takes time with the length.
pub const PASSWORD_BYTES: usize = 1_024;
/// Fewest different characters.
const DIFFERENT_CHARACTERS: usize = 5;

/// Passwords and beginnings of passwords that are long enough and still among the first that anybody tries; in lower case, without marks.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "012345678901",
    "987654321098",
    "112233445566",
    "123123123123",
    "1234512345",
    "123qweasdzxc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "qazwsxedcrfv",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwer1234",
    "abcd1234",
    "abc123456",
    "a123456789",
    "aa123456",
    "password",
    "passw0rd",
    "administrator",
    "admin123",
    "welcome123",
    "iloveyou",
    "letmein",
    "woaini1314",
    "woaini520",
    "5201314",
    "zhongguo",
    "china123",
];

const STORE: &str = "UPDATE account SET password_hash = $2, must_change_password = $3, updated_at = $4 WHERE id = $1";
const END_OTHERS: &str = "DELETE FROM session WHERE account_id = $1 AND token_hash <> $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[STORE, END_OTHERS];

/// Passes a password that may be chosen: at least [`PASSWORD_CHARACTERS`] characters, not the login name, none of the most common ones.
pub fn check_rule(login_name: &str, password: &str) -> Result<()> {
    let refuse = |why: String| Err(Error::invalid("password", why));
    if password.chars().count() < PASSWORD_CHARACTERS {
        return refuse(format!("密码不少于 {PASSWORD_CHARACTERS} 个字符，可以用一句自己记得住的话。"));
    }
    if password.len() > PASSWORD_BYTES {
        return refuse(format!("密码不超过 {PASSWORD_BYTES} 个字节。"));
    }
    let plain: String = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let name: String = login_name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let without_numbers = plain.trim_matches(|c: char| c.is_ascii_digit());
    if !name.is_empty() && (plain == name || without_numbers == name || plain == name.repeat(2)) {
        return refuse("密码不能就是登录名，请换一个。".into());
    }
    let different: std::collections::BTreeSet<char> = password.chars().collect();
    let is_common = COMMON.iter().any(|common| {
        // The common word with a few characters after it, or twice.
        plain.strip_prefix(common).is_some_and(|rest| rest.chars().count() <= 4 || rest == *common)
    });
    if is_common || different.len() < DIFFERENT_CHARACTERS {
        return refuse("这个密码太常见，容易被猜到，请换一个。".into());
    }
    Ok(())
}

/// Changes the caller's own password, and ends their other sessions. A wrong present password counts like a failed sign-in.
pub async fn change_own_password(
    door: StaffDoor<'_>,
    caller: &Caller,
    token: &str,
    present: &str,
    new: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    caller.require(Permission::KeepOwnLogin)?;
    let account = signing_in::find_by_id(door.db, caller.account_id).await?.ok_or_else(|| Error::not_found("这个账号"))?;
    let limits = Limits::of(&account.login_name, address, door.rules, door.clock);
    limits.check(door.cache).await?;
    if !signing_in::is_password_of(present, Some(&account.password_hash)).await? {
        limits.count_failure(door, Some(caller.account_id)).await?;
        return Err(Error::invalid("current_password", "现在的密码不正确。"));
    }
    check_rule(&account.login_name, new)?;
    if present == new {
        return Err(Error::invalid("password", "新密码与现在的相同，请换一个。"));
    }
    let hash = hash(new).await?;
    let mut tx = begin_change(door.db).await?;
    store(&mut tx, door.clock, caller.account_id, &hash, false).await?;
    let kept = sm3_hex(token.as_bytes());
    on_tx!(&mut tx, c => sqlx::query(END_OTHERS).bind(caller.account_id).bind(&kept).execute(c).await.map(drop)).map_err(failed)?;
    note(&mut tx, door.clock, Some(caller.account_id), Act::ChangePassword, caller.account_id, "").await?;
    tx.commit().await
}

/// Gives an account a one-time password, which is given back and shown once, and ends its sessions. The second step stays as it is.
pub async fn reset_password(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, id: AccountId) -> Result<String> {
    by.require(Permission::ManageAccounts)?;
    refuse_own(by, id)?;
    let password = ids.secret(ONE_TIME_BYTES);
    let hash = hash(&password).await?;
    let mut tx = begin_change(db).await?;
    get_in(&mut tx, id).await?;
    store(&mut tx, clock, id, &hash, true).await?;
    end_sessions(&mut tx, id).await?;
    note(&mut tx, clock, by.account_id(), Act::ResetPassword, id, "").await?;
    tx.commit().await?;
    Ok(password)
}

/// What resets somebody's way in is for other people's accounts: with a stolen session it would be a way around one's own password and codes.
pub(super) fn refuse_own(by: Actor<'_>, id: AccountId) -> Result<()> {
    if by.account_id() == Some(id) {
        return Err(Error::new(Code::Conflict, "自己的密码和两步验证请在“我的账号”中更改，或请另一名管理员重置。"));
    }
    Ok(())
}

/// Hashes a password away from the threads that serve requests.
pub async fn hash(password: &str) -> Result<String> {
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || crypto::hash_password(&password)).await.map_err(|e| Error::internal("hashing stopped", e))?
}

/// Stores the hash of a password.
pub(super) async fn store(tx: &mut Tx, clock: &Clock, id: AccountId, hash: &str, must_change: bool) -> Result<()> {
    on_tx!(tx, c => sqlx::query(STORE).bind(id).bind(hash).bind(must_change).bind(clock.now()).execute(c).await.map(drop)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_and_telling_passwords_are_refused() {
        for bad in [
            "short",
            "elevenchars",
            "aaaaaaaaaaaa",
            "abababababab",
            "password1234",
            "Password!2026",
            "passwordpassword",
            "1qaz2wsx3edc",
            "1QAZ2wsx3edc!",
            "qwertyuiop12",
            "123456789012",
            "administrator",
            "Lin.Xiaoming",
            "linxiaoming2026",
            "lin.xiaoming.lin.xiaoming",
        ] {
            assert!(check_rule("lin.xiaoming", bad).is_err(), "{bad}");
        }
        assert!(check_rule("lin", &"长".repeat(400)).is_err());
        for good in [
            "a long pass phrase",
            "correct horse battery",
            "雨后的石板路上有三只猫在散步",
            "password of the seven hills",
            "4f9c0a1be2d83c7766",
        ] {
            assert!(check_rule("lin.xiaoming", good).is_ok(), "{good}");
        }
    }
}
