//! 邀请: staff of a contact point make their own accounts, through a one-time link that says where they will work.
//!
//! The link is good once and for some days; of its code only a keyed hash is stored. Administrators invite for every point, county staff for those of
//! their organ. Closing a point revokes its open invitations.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use sqlx::FromRow;

use super::acts::{self, KeyedAct};
use super::managing::{Keeping, get_kept_point, line, organ_of};
use super::{ContactPoint, PointStatus, get_point, list_stations};
use crate::accounts::limits::{self, Limit, network_of};
use crate::accounts::staff::{self, NewStaff, passwords};
use crate::accounts::{Caller, Permission, Role};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, ContactPointId, InvitationId, StationId};
use crate::storage::Tx;
use crate::storage::cache::Cache;
use crate::storage::crypto::{DataKey, codes, sm3_hex};
use crate::storage::sql::failed;
use crate::{on_db, on_tx, text_enum};

/// Longest remark, in characters.
const REMARK_CHARACTERS: usize = 50;

text_enum! {
    /// Where an invitation stands.
    InvitationState {
        /// It waits to be used.
        Open = "open", "待接受";
        /// Somebody made an account with it.
        Used = "used", "已接受";
        /// Its days are over.
        Expired = "expired", "已过期";
        /// It was taken back.
        Revoked = "revoked", "已撤销";
    }
}

/// An invitation.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Id.
    pub id: InvitationId,
    /// The point at which the account will work.
    pub contact_point: ContactPointId,
    /// Its station, or the whole point.
    pub station: Option<StationId>,
    /// For whom, in the words of who invited.
    pub remark: String,
    /// Shown name of who invited.
    pub invited_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
    /// When an account was made with it.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Invitation {
    /// Where it stands at an instant.
    pub fn state_at(&self, now: DateTime<Utc>) -> InvitationState {
        match (self.used_at, self.revoked_at) {
            (Some(_), _) => InvitationState::Used,
            (None, Some(_)) => InvitationState::Revoked,
            _ if self.expires_at <= now => InvitationState::Expired,
            _ => InvitationState::Open,
        }
    }
}

/// An invitation that was just made; the code is shown this once.
#[derive(Clone, Debug)]
pub struct MadeInvitation {
    /// Id.
    pub id: InvitationId,
    /// The code of the link, in groups.
    pub code: String,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
}

/// What the invited person sees before they accept.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The point.
    pub point: ContactPoint,
    /// Name of the station, when it is for one station only.
    pub station: Option<String>,
    /// First instant at which it no longer counts.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: InvitationId,
    contact_point_id: ContactPointId,
    station_id: Option<StationId>,
    remark: String,
    display_name: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_invitation(self) -> Invitation {
        Invitation {
            id: self.id,
            contact_point: self.contact_point_id,
            station: self.station_id,
            remark: self.remark,
            invited_by: self.display_name,
            created_at: self.created_at,
            expires_at: self.expires_at,
            used_at: self.used_at,
            revoked_at: self.revoked_at,
        }
    }
}

const INSERT: &str =
    "INSERT INTO staff_invitation (id, role, contact_point_id, station_id, remark, code_hash, created_by, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const FIND: &str =
    "SELECT i.id, i.contact_point_id, i.station_id, i.remark, a.display_name, i.created_at, i.expires_at, i.used_at, i.revoked_at
    FROM staff_invitation i LEFT JOIN account a ON a.id = i.created_by WHERE i.id = $1";
const FIND_BY_CODE: &str =
    "SELECT i.id, i.contact_point_id, i.station_id, i.remark, a.display_name, i.created_at, i.expires_at, i.used_at, i.revoked_at
    FROM staff_invitation i LEFT JOIN account a ON a.id = i.created_by WHERE i.code_hash = $1";
const LIST: &str =
    "SELECT i.id, i.contact_point_id, i.station_id, i.remark, a.display_name, i.created_at, i.expires_at, i.used_at, i.revoked_at
    FROM staff_invitation i LEFT JOIN account a ON a.id = i.created_by WHERE i.contact_point_id = $1 ORDER BY i.created_at DESC, i.id DESC";
const USE: &str = "UPDATE staff_invitation SET used_at = $2, used_by = $3
    WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2";
const REVOKE: &str =
    "UPDATE staff_invitation SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, FIND_BY_CODE, LIST, USE, REVOKE];

/// Invites somebody to work at a point, or at one station of it. The same key with the same content gives the same link again.
pub async fn invite(
    at: Keeping<'_>,
    caller: &Caller,
    key: &str,
    point: ContactPointId,
    station: Option<StationId>,
    remark: &str,
) -> Result<MadeInvitation> {
    caller.require(Permission::InvitePointStaff)?;
    let held = get_kept_point(at.db, caller, point).await?;
    if held.status == PointStatus::Closed {
        return Err(Error::new(Code::Conflict, "这个联系点已经关闭，不能再邀请工作人员。"));
    }
    if let Some(station) = station
        && !held.stations.iter().any(|s| s.id == station)
    {
        return Err(Error::invalid("station_id", "所选的信息采集点不属于这个联系点，或者已经关闭，请重新选择。"));
    }
    let remark = line("remark", "备注", remark, REMARK_CHARACTERS)?;
    let now = at.clock.now();
    let expires_at = now + Duration::days(i64::from(at.rules.invitation_days));
    let id = InvitationId(at.ids.next());
    let code = codes::code_of(at.key, "staff-invitation-code", &format!("{}\0{key}", caller.account_id));
    let mut tx = at.db.begin().await?;
    if let Some(known) = acts::claim(&mut tx, at, caller, key, KeyedAct::Invite, &(point, station, &remark), id.0).await? {
        drop(tx);
        let known = find(at, InvitationId(known)).await?;
        return Ok(MadeInvitation { id: known.id, code, expires_at: known.expires_at });
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(Role::PointStaff.as_str()).bind(point).bind(station).bind(&remark).bind(hash_of(at.key, &code)).bind(caller.account_id)
        .bind(now).bind(expires_at).execute(c).await.map(drop))
    .map_err(failed)?;
    note(&mut tx, at, Some(caller.account_id), Act::InviteStaff, id).await?;
    tx.commit().await?;
    Ok(MadeInvitation { id, code, expires_at })
}

/// Invitations to a point, the newest first.
pub async fn list_invitations(at: Keeping<'_>, caller: &Caller, point: ContactPointId) -> Result<Vec<Invitation>> {
    get_kept_point(at.db, caller, point).await?;
    let rows: Vec<Row> = on_db!(at.db, pool => sqlx::query_as(LIST).bind(point).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(Row::into_invitation).collect())
}

/// Takes an invitation back. One that is back already stays so; one that was used is [`Code::Conflict`].
pub async fn revoke_invitation(at: Keeping<'_>, caller: &Caller, id: InvitationId) -> Result<()> {
    caller.require(Permission::InvitePointStaff)?;
    let held = find(at, id).await?;
    let is_foreign = match organ_of(caller)? {
        None => false,
        own => get_point(at.db, held.contact_point).await?.facts.organ != own,
    };
    if is_foreign {
        return Err(absent());
    }
    let mut tx = at.db.begin().await?;
    let revoked: u64 = on_tx!(&mut tx, c => sqlx::query(REVOKE)
        .bind(id).bind(at.clock.now()).bind(caller.account_id).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if revoked == 0 {
        drop(tx);
        return match find(at, id).await?.used_at {
            Some(_) => Err(Error::new(Code::Conflict, "这个邀请已经被接受，不能撤销。如需收回，请停用对应的账号。")),
            None => Ok(()),
        };
    }
    note(&mut tx, at, Some(caller.account_id), Act::RevokeInvitation, id).await?;
    tx.commit().await
}

/// What an invitation is for. Each address may ask so often that nobody finds a code by trying.
///
/// # Errors
/// [`Code::NotFound`] for a code that is none; [`Code::Conflict`], each with its own sentence, for one that was used, taken back or is over.
pub async fn look_up_invitation(at: Keeping<'_>, cache: &Cache, address: Option<IpAddr>, typed: &str) -> Result<Welcome> {
    let invitation = find_open(at, cache, address, typed).await?;
    let point = get_point(at.db, invitation.contact_point).await?;
    let station = match invitation.station {
        Some(id) => list_stations(at.db, point.id).await?.into_iter().find(|s| s.id == id).map(|s| s.name),
        None => None,
    };
    Ok(Welcome { point, station, expires_at: invitation.expires_at })
}

/// Makes the account of the invited person, bound to the point. Signing in, with its second step, follows as for everybody.
pub async fn accept_invitation(
    at: Keeping<'_>,
    cache: &Cache,
    address: Option<IpAddr>,
    typed: &str,
    login_name: &str,
    display_name: &str,
    password: &str,
) -> Result<AccountId> {
    let invitation = find_open(at, cache, address, typed).await?;
    let new = NewStaff {
        login_name,
        display_name,
        role: Role::PointStaff,
        password,
        organ: None,
        contact_point: Some(invitation.contact_point),
        station: invitation.station,
        is_demonstration: false,
    };
    let ready = staff::prepare(at.db, new).await?;
    let hash = passwords::hash(password).await?;
    let mut tx = at.db.begin().await?;
    let account = staff::insert_in(&mut tx, at.clock, at.ids, None, &ready, &hash, false).await?;
    let used: u64 = on_tx!(&mut tx, c => sqlx::query(USE)
        .bind(invitation.id).bind(at.clock.now()).bind(account).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if used == 0 {
        // Somebody was faster, or it was taken back in between: the account goes with the transaction.
        drop(tx);
        require_open(&find(at, invitation.id).await?, at.clock.now())?;
        return Err(Error::defect("an open invitation could not be used"));
    }
    note(&mut tx, at, Some(account), Act::AcceptInvitation, invitation.id).await?;
    tx.commit().await?;
    Ok(account)
}

async fn find_open(at: Keeping<'_>, cache: &Cache, address: Option<IpAddr>, typed: &str) -> Result<Invitation> {
    let network = sm3_hex(address.map(network_of).unwrap_or_default().as_bytes());
    limits::admit(cache, at.rules, Limit::LookupPerAddress, &network).await?;
    let wrong = || Error::new(Code::NotFound, "没有找到这个邀请，请核对链接或邀请码是否完整。");
    let code = codes::mended(typed).ok_or_else(wrong)?;
    let row: Option<Row> =
        on_db!(at.db, pool => sqlx::query_as(FIND_BY_CODE).bind(hash_of(at.key, &code)).fetch_optional(pool).await).map_err(failed)?;
    let invitation = row.ok_or_else(wrong)?.into_invitation();
    require_open(&invitation, at.clock.now())?;
    Ok(invitation)
}

fn require_open(invitation: &Invitation, now: DateTime<Utc>) -> Result<()> {
    let sentence = match invitation.state_at(now) {
        InvitationState::Open => return Ok(()),
        InvitationState::Used => "这个邀请已经用过：账号已经建立，请直接登录。",
        InvitationState::Expired => "这个邀请已经过期，请联系邀请您的人重新发出邀请。",
        InvitationState::Revoked => "这个邀请已被撤销，如有疑问请联系邀请您的人。",
    };
    Err(Error::new(Code::Conflict, sentence))
}

async fn find(at: Keeping<'_>, id: InvitationId) -> Result<Invitation> {
    let row: Option<Row> = on_db!(at.db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.map(Row::into_invitation).ok_or_else(absent)
}

async fn note(tx: &mut Tx, at: Keeping<'_>, by: Option<AccountId>, act: Act, id: InvitationId) -> Result<()> {
    let entry = NewEntry { account_id: by, act, subject: "staff_invitation", subject_id: Some(id.0), is_success: true, detail: "" };
    audit::append(tx, at.clock, entry).await
}

fn hash_of(key: &DataKey, code: &str) -> String {
    key.keyed_hash("staff-invitation", code)
}

fn absent() -> Error {
    Error::not_found("这个邀请")
}
