//! How citizens sign in: with a WeChat code, or with a phone and a one-time code. The account is made on the first visit.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::codes::{self, Purpose};
use super::phones::Phone;
use super::{OPENID_PURPOSE, PHONE_PURPOSE, Reception, consent};
use crate::accounts::limits::{Limit, admit_address};
use crate::accounts::sessions::{self, Session};
use crate::accounts::{Caller, Role, parse_role, record};
use crate::audit::Act;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, ContactPointId};
use crate::storage::Tx;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

const FIND_BY_OPENID: &str = "SELECT id, role, display_name, contact_point_id, is_active FROM account WHERE openid_hash = $1";
const FIND_BY_PHONE: &str = "SELECT id, role, display_name, contact_point_id, is_active FROM account WHERE phone_hash = $1";
const INSERT_BY_OPENID: &str =
    "INSERT INTO account (id, role, display_name, openid_hash, openid_sealed, is_active, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, TRUE, FALSE, $6, $6) ON CONFLICT (openid_hash) DO NOTHING";
const INSERT_BY_PHONE: &str =
    "INSERT INTO account (id, role, display_name, phone_hash, phone_sealed, is_active, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, TRUE, FALSE, $6, $6) ON CONFLICT (phone_hash) WHERE phone_hash IS NOT NULL DO NOTHING";
const SEAL_OPENID: &str = "UPDATE account SET openid_sealed = $2 WHERE id = $1 AND openid_sealed IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_BY_OPENID, FIND_BY_PHONE, INSERT_BY_OPENID, INSERT_BY_PHONE, SEAL_OPENID];

/// Where a sign-in comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Address of the client, as far as trusted proxies tell.
    pub address: Option<IpAddr>,
    /// The device as its owner knows it, see [`device_of`].
    pub device: String,
}

/// What the person declares while signing in; each part may also be declared later.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// The version of the privacy notice that the person has read and accepts.
    pub privacy_version: Option<String>,
    /// Whether the person is fourteen or over.
    pub is_fourteen_or_over: Option<bool>,
}

#[derive(FromRow)]
struct Row {
    id: AccountId,
    role: String,
    display_name: String,
    contact_point_id: Option<ContactPointId>,
    is_active: bool,
}

/// Signs in with the code that the mini-program got from WeChat.
pub async fn sign_in_with_wechat(at: Reception<'_>, code: &str, says: &Declaration, from: &Origin) -> Result<Session> {
    if code.is_empty() || code.len() > 256 || !code.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("code", "微信登录凭证的格式不正确。"));
    }
    consent::check_version(says.privacy_version.as_deref())?;
    admit_address(at.cache, at.rules, Limit::SignInPerAddress, from.address).await?;
    let openid = at.wechat.openid_of_code(code).await?;
    let openid_hash = at.key.keyed_hash("wechat-openid", &openid);
    let sealed = at.cipher.seal(OPENID_PURPOSE, &openid)?;
    let known: Option<Row> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_OPENID).bind(&openid_hash).fetch_optional(pool).await).map_err(failed)?;
    if known.is_none() {
        admit_address(at.cache, at.rules, Limit::RegistrationPerAddress, from.address).await?;
    }
    let now = at.clock.now();
    let mut tx = at.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT_BY_OPENID)
        .bind(AccountId(at.ids.next())).bind(Role::Citizen.as_str()).bind("微信用户").bind(&openid_hash).bind(&sealed).bind(now)
        .execute(c).await.map(drop))
    .map_err(failed)?;
    let row: Row = on_tx!(&mut tx, c => sqlx::query_as(FIND_BY_OPENID).bind(&openid_hash).fetch_one(c).await).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(SEAL_OPENID).bind(row.id).bind(&sealed).execute(c).await.map(drop)).map_err(failed)?;
    enter(tx, at, row, says, from, "wechat").await
}

/// Signs in with a phone and the code that was sent to it. A wrong code and a phone without an account look the same: [`Code::LoginFailed`].
pub async fn sign_in_with_phone(at: Reception<'_>, phone: &Phone, code: &str, says: &Declaration, from: &Origin) -> Result<Session> {
    consent::check_version(says.privacy_version.as_deref())?;
    admit_address(at.cache, at.rules, Limit::CodeTryPerAddress, from.address).await?;
    let phone_hash = phone.hash(at.key);
    let mut tx = at.db.begin().await?;
    let is_right = codes::try_code(&mut tx, at, Purpose::SignIn, phone, code).await?;
    let known: Option<Row> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND_BY_PHONE).bind(&phone_hash).fetch_optional(c).await).map_err(failed)?;
    if !is_right {
        record(&mut tx, at.clock, known.map(|row| row.id), Act::SignIn, false, "phone").await?;
        tx.commit().await?;
        return Err(Error::new(Code::LoginFailed, codes::WRONG));
    }
    let row = match known {
        Some(row) => row,
        None => {
            if let Err(refused) = admit_address(at.cache, at.rules, Limit::RegistrationPerAddress, from.address).await {
                // The try counts, the code stays good.
                tx.commit().await?;
                return Err(refused);
            }
            let now = at.clock.now();
            let sealed = at.cipher.seal(PHONE_PURPOSE, phone.digits())?;
            on_tx!(&mut tx, c => sqlx::query(INSERT_BY_PHONE)
                .bind(AccountId(at.ids.next())).bind(Role::Citizen.as_str()).bind("手机用户").bind(&phone_hash).bind(&sealed).bind(now)
                .execute(c).await.map(drop))
            .map_err(failed)?;
            on_tx!(&mut tx, c => sqlx::query_as(FIND_BY_PHONE).bind(&phone_hash).fetch_one(c).await).map_err(failed)?
        }
    };
    codes::end(&mut tx, at, Purpose::SignIn, phone, code).await?;
    enter(tx, at, row, says, from, "phone").await
}

/// Opens a new session, which ends the sign-in; an account that is closed stays outside.
async fn enter(mut tx: Tx, at: Reception<'_>, row: Row, says: &Declaration, from: &Origin, how: &str) -> Result<Session> {
    if !row.is_active {
        record(&mut tx, at.clock, Some(row.id), Act::SignIn, false, how).await?;
        tx.commit().await?;
        return Err(Error::new(Code::LoginFailed, "这个账号已停用。如有疑问，请与我们联系。"));
    }
    let now: DateTime<Utc> = at.clock.now();
    let account = row.id;
    if says.privacy_version.is_some() {
        consent::write_acceptance(&mut tx, at.clock, account, now).await?;
    }
    if let Some(is_fourteen_or_over) = says.is_fourteen_or_over {
        consent::write_age(&mut tx, at.clock, account, is_fourteen_or_over, now).await?;
    }
    let caller = Caller {
        account_id: account,
        role: parse_role(&row.role)?,
        display_name: row.display_name,
        organ: None,
        contact_point: row.contact_point_id,
        station: None,
    };
    let session = sessions::issue_on(&mut tx, at.clock, at.ids, at.rules, caller, &from.device).await?;
    record(&mut tx, at.clock, Some(account), Act::SignIn, true, how).await?;
    tx.commit().await?;
    Ok(session)
}

/// The device as its owner knows it, from the user agent; never the user agent itself, which tells more than a list of sessions needs.
pub fn device_of(user_agent: &str) -> String {
    let has = |word: &str| user_agent.contains(word);
    let program = if has("miniProgram") || has("MiniProgramEnv") {
        "微信小程序"
    } else if has("MicroMessenger") {
        "微信内的网页"
    } else if has("Edg/") || has("EdgA/") || has("EdgiOS/") {
        "Edge 浏览器"
    } else if has("Firefox/") || has("FxiOS/") {
        "Firefox 浏览器"
    } else if has("UCBrowser") {
        "UC 浏览器"
    } else if has("QQBrowser") {
        "QQ 浏览器"
    } else if has("Chrome/") || has("CriOS/") {
        "Chrome 浏览器"
    } else if has("Safari/") {
        "Safari 浏览器"
    } else {
        return "其他设备".into();
    };
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("HarmonyOS", "鸿蒙"),
        ("OpenHarmony", "鸿蒙"),
        ("Android", "安卓"),
        ("Windows", "Windows"),
        ("Macintosh", "Mac"),
        ("Linux", "Linux"),
    ];
    match system.iter().find(|(word, _)| has(word)) {
        Some((_, name)) => format!("{program}（{name}）"),
        None => program.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_people_know_them() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome 浏览器（Windows）",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
                "Safari 浏览器（iPhone）",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116 Mobile MicroMessenger/8.0 miniProgram/wx12",
                "微信小程序（安卓）",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 浏览器（Linux）"),
            ("curl/8.5.0", "其他设备"),
            ("", "其他设备"),
        ] {
            assert_eq!(device_of(agent), name);
        }
    }
}
