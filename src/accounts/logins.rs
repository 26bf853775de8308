//! Signing in of staff, by name and password; citizens come in through `citizens/`.
//!
//! A failed sign-in never says which part was wrong and costs the same work for a name that does not exist.
//! Limits hang on the address together with the name, so that nobody can lock another person out from elsewhere.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::FromRow;
use tokio::sync::Semaphore;

use super::limits::network_of;
use super::sessions::{self, Session};
use super::{Caller, login_name_key, parse_role, record};
use crate::audit::Act;
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource};
use crate::on_db;
use crate::storage::Db;
use crate::storage::cache::Cache;
use crate::storage::crypto::{self, sm3_hex};
use crate::storage::sql::failed;

/// In which failed sign-ins are counted.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long a name that has signed in from an address is exempt from that address's total.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Failures of all names together that one address may have, as a multiple of those of one name: an office shares an address.
const ADDRESS_MULTIPLE: u64 = 5;
/// Passwords checked at the same time: each takes 19 MiB and a core. It also bounds how many attempts can pass a limit together.
const CHECKS_AT_ONCE: usize = 2;
/// Longest password that is looked at, in bytes.
const PASSWORD_BYTES: usize = 1_024;

static CHECKS: Semaphore = Semaphore::const_new(CHECKS_AT_ONCE);

const FIND_PASSWORD: &str = "SELECT id, role, display_name, contact_point_id, password_hash FROM account
    WHERE login_name = $1 AND password_hash IS NOT NULL AND is_active";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_PASSWORD];

#[derive(FromRow)]
struct PasswordRow {
    id: AccountId,
    role: String,
    display_name: String,
    contact_point_id: Option<ContactPointId>,
    password_hash: String,
}

/// What signing in works with.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    /// Accounts and sessions.
    pub db: &'a Db,
    /// Limits.
    pub cache: &'a Cache,
    /// The present.
    pub clock: &'a Clock,
    /// Tokens.
    pub ids: &'a IdSource,
    /// Limits and lifetimes.
    pub rules: &'a Rules,
}

/// Signs in a member of staff. `address` is where the request comes from, as far as trusted proxies tell.
/// Fails with [`Code::LoginFailed`], or [`Code::TooMany`] after too many failures.
pub async fn sign_in_with_password(door: Door<'_>, name: &str, password: &str, address: Option<IpAddr>) -> Result<Session> {
    let name = login_name_key(name);
    let limits = Limits::of(&name, address, door.rules);
    let permit = CHECKS.acquire().await.map_err(|e| Error::internal("the gate of password checks is closed", e))?;
    limits.check(door.cache).await?;
    let row: Option<PasswordRow> =
        on_db!(door.db, pool => sqlx::query_as(FIND_PASSWORD).bind(&name).fetch_optional(pool).await).map_err(failed)?;
    let stored = row.as_ref().map(|row| row.password_hash.clone());
    let typed = if password.len() <= PASSWORD_BYTES { password.to_owned() } else { String::new() };
    let is_right = tokio::task::spawn_blocking(move || check_password(&typed, stored.as_deref()))
        .await
        .map_err(|e| Error::internal("checking a password stopped", e))??;
    match row {
        Some(row) if is_right => {
            drop(permit);
            limits.remember(door.cache).await?;
            let caller = Caller {
                account_id: row.id,
                role: parse_role(&row.role)?,
                display_name: row.display_name,
                contact_point: row.contact_point_id,
            };
            open_session(door, caller, "password").await
        }
        row => {
            limits.count_failure(door.cache).await?;
            drop(permit);
            let mut tx = door.db.begin().await?;
            record(&mut tx, door.clock, row.map(|row| row.id), Act::SignIn, false, "password").await?;
            tx.commit().await?;
            Err(Error::new(Code::LoginFailed, "登录名或密码不正确。"))
        }
    }
}

async fn open_session(door: Door<'_>, caller: Caller, how: &str) -> Result<Session> {
    let account = caller.account_id;
    let mut tx = door.db.begin().await?;
    let session = sessions::issue(&mut tx, door.clock, door.ids, door.rules, caller).await?;
    record(&mut tx, door.clock, Some(account), Act::SignIn, true, how).await?;
    tx.commit().await?;
    Ok(session)
}

/// Checks a password against a stored hash, or, with the same work, against the hash of nobody.
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

/// The counters that an attempt touches. Keys are hashes: the cache holds neither names nor addresses.
struct Limits {
    pair: String,
    known: String,
    address: String,
    allowed: u64,
}

impl Limits {
    fn of(name: &str, address: Option<IpAddr>, rules: &Rules) -> Limits {
        let address = address.map(network_of).unwrap_or_default();
        let pair = sm3_hex(format!("{address}\0{name}").as_bytes());
        Limits {
            known: format!("login-known:{pair}"),
            pair: format!("login-failed:{pair}"),
            address: format!("login-failed-address:{}", sm3_hex(address.as_bytes())),
            allowed: u64::from(rules.failed_logins),
        }
    }

    async fn check(&self, cache: &Cache) -> Result<()> {
        let seen = |value: Option<String>| value.and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
        let over_pair = seen(cache.get(&self.pair).await?) >= self.allowed;
        let over_address = seen(cache.get(&self.address).await?) >= self.allowed.saturating_mul(ADDRESS_MULTIPLE);
        if over_pair || (over_address && cache.get(&self.known).await?.is_none()) {
            return Err(Error::new(Code::TooMany, "登录失败次数过多，请十五分钟后再试。"));
        }
        Ok(())
    }

    async fn count_failure(&self, cache: &Cache) -> Result<()> {
        cache.count(&self.pair, WINDOW).await?;
        cache.count(&self.address, WINDOW).await?;
        Ok(())
    }

    async fn remember(&self, cache: &Cache) -> Result<()> {
        cache.forget(&self.pair).await?;
        cache.put(&self.known, "1", KNOWN).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_elsewhere_lock_nobody_out() {
        let (cache, rules) = (Cache::in_process(), Rules { failed_logins: 3, ..Rules::default() });
        let at = |name: &str, address: &str| Limits::of(name, Some(address.parse().unwrap()), &rules);
        let attacker = at("li", "10.0.0.9");
        for _ in 0..3 {
            attacker.check(&cache).await.unwrap();
            attacker.count_failure(&cache).await.unwrap();
        }
        assert_eq!(attacker.check(&cache).await.unwrap_err().code, Code::TooMany);
        at("li", "10.0.0.1").check(&cache).await.unwrap();
        at("wang", "10.0.0.9").check(&cache).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_tries_many_names_must_wait_but_known_names_go_on() {
        let (cache, rules) = (Cache::in_process(), Rules { failed_logins: 2, ..Rules::default() });
        let at = |name: &str| Limits::of(name, Some("10.0.0.9".parse().unwrap()), &rules);
        at("wang").remember(&cache).await.unwrap();
        for n in 0..10 {
            at(&format!("name{n}")).count_failure(&cache).await.unwrap();
        }
        assert_eq!(at("another").check(&cache).await.unwrap_err().code, Code::TooMany);
        at("wang").check(&cache).await.unwrap();
    }
}
