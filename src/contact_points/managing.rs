//! Keeping contact points: who may change which, and the changes of what a point tells about itself and of its stations.
//!
//! The bureau keeps every point, county staff those of their organ; any other point is "not found" for them. A change names the revision it was
//! made from, so that nobody overwrites what somebody else has just written. Every change is an entry of the point's history and of the audit log.
//! `terms.rs` opens, renews and closes, `persons.rs` keeps the responsible persons.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;

use super::acts::{self, KeyedAct};
use super::{ContactPoint, Coordinates, NewContactPoint, NewStation, PointFilter, PointStatus, get_point, list_points, words_of_point};
use crate::accounts::{Caller, Permission, Role};
use crate::audit::{self, Act, NewEntry};
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource, OrganId, StationId};
use crate::storage::crypto::{DataKey, FieldCipher};
use crate::storage::sql::{Page, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

/// What the care for contact points works with.
#[derive(Clone, Copy)]
pub struct Keeping<'a> {
    /// Points.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Ids.
    pub ids: &'a IdSource,
    /// Seals names and telephone numbers.
    pub cipher: &'a FieldCipher,
    /// Key of keyed hashes.
    pub key: &'a DataKey,
    /// Lifetimes.
    pub rules: &'a Rules,
}

text_enum! {
    /// What happened to a point.
    PointAct {
        /// It was opened.
        Opened = "opened", "设立";
        /// What it tells about itself was changed.
        Changed = "changed", "修改信息";
        /// Its term was renewed.
        Renewed = "renewed", "续期";
        /// It was closed.
        Closed = "closed", "关闭";
        /// It was opened again.
        Reopened = "reopened", "恢复";
        /// A station was added.
        StationAdded = "station_added", "新增信息采集点";
        /// A station was changed.
        StationChanged = "station_changed", "修改信息采集点";
        /// A station was closed.
        StationClosed = "station_closed", "关闭信息采集点";
        /// A closed station was opened again.
        StationReopened = "station_reopened", "恢复信息采集点";
        /// A responsible person was added.
        PersonAdded = "person_added", "新增负责人";
        /// A responsible person was changed.
        PersonChanged = "person_changed", "修改负责人";
        /// A responsible person was removed.
        PersonRemoved = "person_removed", "移除负责人";
    }
}

/// An entry of a point's history.
#[derive(Clone, Debug)]
pub struct PointEntry {
    /// The revision that resulted.
    pub revision: i64,
    /// What happened.
    pub act: PointAct,
    /// Why, or what.
    pub reason: String,
    /// The term that began with it.
    pub term: Option<(NaiveDate, NaiveDate)>,
    /// Shown name of who did it; `None`: the installation itself.
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

#[derive(FromRow)]
struct EntryRow {
    revision: i64,
    act: String,
    reason: String,
    term_begins_on: Option<NaiveDate>,
    term_ends_on: Option<NaiveDate>,
    display_name: Option<String>,
    at: DateTime<Utc>,
}

/// Longest name of a point, a station or a unit, in characters.
const NAME_CHARACTERS: usize = 100;
/// Longest address or opening hours, in characters.
const LINE_CHARACTERS: usize = 200;
/// Longest introduction, in characters.
const TEXT_CHARACTERS: usize = 4_000;
/// Most topics.
const TOPICS: usize = 20;
/// Longest reason, in characters.
const REASON_CHARACTERS: usize = 500;
/// Random bytes in the key of a point or station that is made here.
const CODE_BYTES: usize = 8;

// The lock of every change: the revision is counted on first, so of two changes from one revision the second finds nothing.
const COUNT_ON: &str = "UPDATE contact_point SET revision = revision + 1, updated_at = $4
    WHERE id = $1 AND revision = $2 AND (organ_id = $3 OR $3 IS NULL) RETURNING status, organ_id, term_begins_on, term_ends_on";
const INSERT: &str = "INSERT INTO contact_point (id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region,
    address, opening_hours, introduction, how_to_take_part, topics, is_demonstration, created_at, updated_at, organ_id, longitude_microdegrees,
    latitude_microdegrees, term_begins_on, term_ends_on, words)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, FALSE, $16, $16, $17, $18, $19, $20, $21, $22)";
const CHANGE: &str = "UPDATE contact_point SET name = $2, kind = $3, established_by = $4, legal_basis = $5, established_on = $6, host_unit = $7,
    host_kind = $8, region = $9, address = $10, opening_hours = $11, introduction = $12, how_to_take_part = $13, topics = $14, organ_id = $15,
    longitude_microdegrees = $16, latitude_microdegrees = $17, words = $18 WHERE id = $1";
const COUNT_ORGAN: &str = "SELECT COUNT(*) FROM organ WHERE id = $1";
const INSERT_ENTRY: &str =
    "INSERT INTO contact_point_entry (contact_point_id, revision, act, reason, term_begins_on, term_ends_on, by_account, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const LIST_ENTRIES: &str = "SELECT e.revision, e.act, e.reason, e.term_begins_on, e.term_ends_on, a.display_name, e.at
    FROM contact_point_entry e LEFT JOIN account a ON a.id = e.by_account WHERE e.contact_point_id = $1 ORDER BY e.revision DESC";
const INSERT_STATION: &str =
    "INSERT INTO collection_station (id, contact_point_id, code, ordinal, name, address, opening_hours, longitude_microdegrees,
    latitude_microdegrees)
    VALUES ($1, $2, $3, (SELECT COALESCE(MAX(ordinal) + 1, 0) FROM collection_station WHERE contact_point_id = $2), $4, $5, $6, $7, $8)";
const CHANGE_STATION: &str = "UPDATE collection_station SET name = $3, address = $4, opening_hours = $5, longitude_microdegrees = $6,
    latitude_microdegrees = $7 WHERE id = $1 AND contact_point_id = $2";
const CLOSE_STATION: &str =
    "UPDATE collection_station SET closed_at = $3 WHERE id = $1 AND contact_point_id = $2 AND closed_at IS NULL RETURNING name";
const REOPEN_STATION: &str =
    "UPDATE collection_station SET closed_at = NULL WHERE id = $1 AND contact_point_id = $2 AND closed_at IS NOT NULL RETURNING name";
const END_SESSIONS_OF_STATION: &str = "DELETE FROM session WHERE account_id IN (SELECT id FROM account WHERE station_id = $1)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    COUNT_ON,
    INSERT,
    CHANGE,
    COUNT_ORGAN,
    INSERT_ENTRY,
    LIST_ENTRIES,
    INSERT_STATION,
    CHANGE_STATION,
    CLOSE_STATION,
    REOPEN_STATION,
    END_SESSIONS_OF_STATION,
];

/// What a point was when its revision was counted on.
#[derive(FromRow)]
pub(super) struct Held {
    pub status: String,
    pub organ_id: Option<OrganId>,
    pub term_begins_on: Option<NaiveDate>,
    pub term_ends_on: Option<NaiveDate>,
}

/// The organ to whose points a caller is limited; `None` for the bureau, which sees all.
pub fn organ_of(caller: &Caller) -> Result<Option<OrganId>> {
    match (caller.role, caller.organ) {
        (Role::CountyStaff, None) => Err(Error::new(Code::Forbidden, "您的账号还没有所属的县区司法局，请联系管理员。")),
        (Role::CountyStaff, organ) => Ok(organ),
        _ => Ok(None),
    }
}

/// A point that the caller keeps or reads for keeping; any other is "not found".
pub async fn get_kept_point(db: &Db, caller: &Caller, id: ContactPointId) -> Result<ContactPoint> {
    caller.require(Permission::ReadContactPoints)?;
    let own = organ_of(caller)?;
    let point = get_point(db, id).await?;
    if own.is_some() && point.facts.organ != own { Err(absent()) } else { Ok(point) }
}

/// Points that the caller keeps, closed ones too, by region and name.
pub async fn list_kept_points(
    db: &Db,
    caller: &Caller,
    filter: &PointFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<ContactPoint>> {
    caller.require(Permission::ReadContactPoints)?;
    let own = organ_of(caller)?;
    let filter = PointFilter { organ: own.or(filter.organ), ..filter.clone() };
    list_points(db, &filter, cursor, limit).await
}

/// The history of a point, the newest entry first.
pub async fn list_point_entries(db: &Db, caller: &Caller, id: ContactPointId) -> Result<Vec<PointEntry>> {
    get_kept_point(db, caller, id).await?;
    let rows: Vec<EntryRow> = on_db!(db, pool => sqlx::query_as(LIST_ENTRIES).bind(id).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            Ok(PointEntry {
                revision: row.revision,
                act: PointAct::stored(&row.act)?,
                reason: row.reason,
                term: row.term_begins_on.zip(row.term_ends_on),
                by: row.display_name,
                at: row.at,
            })
        })
        .collect()
}

/// Opens a point. The same key with the same content gives the same point again. County staff open points of their organ.
pub async fn open_point(at: Keeping<'_>, caller: &Caller, key: &str, new: NewContactPoint) -> Result<ContactPoint> {
    caller.require(Permission::ManageContactPoints)?;
    let mut tx = at.db.begin().await?;
    let (id, is_new) = open_in(&mut tx, at, caller, key, new).await?;
    if is_new {
        tx.commit().await?;
    }
    get_point(at.db, id).await
}

/// Opens a point in a transaction; `false`: it was opened under this key before, and nothing is to be committed.
pub(super) async fn open_in(
    tx: &mut Tx,
    at: Keeping<'_>,
    caller: &Caller,
    key: &str,
    new: NewContactPoint,
) -> Result<(ContactPointId, bool)> {
    let own = organ_of(caller)?;
    let mut new = checked(new)?;
    new.organ = own.or(new.organ);
    super::terms::check_term(new.term)?;
    let id = ContactPointId(at.ids.next());
    if let Some(known) = acts::claim(tx, at, caller, key, KeyedAct::OpenPoint, &sent(&new), id.0).await? {
        return Ok((ContactPointId(known), false));
    }
    check_organ(tx, new.organ).await?;
    let place = new.coordinates;
    let now = at.clock.now();
    let code = format!("p-{}", at.ids.secret(CODE_BYTES));
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(id).bind(&code).bind(&new.name).bind(new.kind.as_str()).bind(&new.established_by).bind(&new.legal_basis).bind(new.established_on)
        .bind(&new.host_unit).bind(new.host_kind.as_str()).bind(&new.region).bind(&new.address).bind(&new.opening_hours).bind(&new.introduction)
        .bind(&new.how_to_take_part).bind(Json(&new.topics)).bind(now).bind(new.organ).bind(place.map(|p| p.longitude_microdegrees))
        .bind(place.map(|p| p.latitude_microdegrees)).bind(new.term.map(|t| t.0)).bind(new.term.map(|t| t.1)).bind(words_of_point(&new))
        .execute(c).await.map(drop))
    .map_err(failed)?;
    for station in &new.stations {
        insert_station(tx, at, StationId(at.ids.next()), id, station).await?;
    }
    note(tx, at.clock, Some(caller.account_id), id, 1, PointAct::Opened, "", new.term).await?;
    Ok((id, true))
}

/// Changes what a point tells about itself; key, term, stations and mark of the demonstration stay. County staff cannot give a point away.
pub async fn change_point(
    at: Keeping<'_>,
    caller: &Caller,
    id: ContactPointId,
    from_revision: i64,
    new: NewContactPoint,
) -> Result<ContactPoint> {
    caller.require(Permission::ManageContactPoints)?;
    let mut new = checked(new)?;
    let mut tx = at.db.begin().await?;
    let held = count_on(&mut tx, at, caller, id, from_revision).await?;
    if caller.role == Role::CountyStaff {
        new.organ = held.organ_id;
    }
    check_organ(&mut tx, new.organ).await?;
    let place = new.coordinates;
    on_tx!(&mut tx, c => sqlx::query(CHANGE)
        .bind(id).bind(&new.name).bind(new.kind.as_str()).bind(&new.established_by).bind(&new.legal_basis).bind(new.established_on)
        .bind(&new.host_unit).bind(new.host_kind.as_str()).bind(&new.region).bind(&new.address).bind(&new.opening_hours).bind(&new.introduction)
        .bind(&new.how_to_take_part).bind(Json(&new.topics)).bind(new.organ).bind(place.map(|p| p.longitude_microdegrees))
        .bind(place.map(|p| p.latitude_microdegrees)).bind(words_of_point(&new)).execute(c).await.map(drop))
    .map_err(failed)?;
    note(&mut tx, at.clock, Some(caller.account_id), id, from_revision + 1, PointAct::Changed, "", None).await?;
    tx.commit().await?;
    get_point(at.db, id).await
}

/// Adds a station at the end of the list. The same key with the same content adds nothing more.
pub async fn add_station(
    at: Keeping<'_>,
    caller: &Caller,
    key: &str,
    point: ContactPointId,
    from_revision: i64,
    new: NewStation,
) -> Result<StationId> {
    caller.require(Permission::ManageContactPoints)?;
    let new = checked_station(new)?;
    let id = StationId(at.ids.next());
    let mut tx = at.db.begin().await?;
    let said = (point, &new.name, &new.address, &new.opening_hours);
    if let Some(known) = acts::claim(&mut tx, at, caller, key, KeyedAct::AddStation, &said, id.0).await? {
        return Ok(StationId(known));
    }
    require_open(&count_on(&mut tx, at, caller, point, from_revision).await?)?;
    insert_station(&mut tx, at, id, point, &new).await?;
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::StationAdded, &new.name, None).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes what a station tells about itself.
pub async fn change_station(
    at: Keeping<'_>,
    caller: &Caller,
    point: ContactPointId,
    station: StationId,
    from_revision: i64,
    new: NewStation,
) -> Result<()> {
    caller.require(Permission::ManageContactPoints)?;
    let new = checked_station(new)?;
    let mut tx = at.db.begin().await?;
    count_on(&mut tx, at, caller, point, from_revision).await?;
    let place = new.coordinates;
    let changed: u64 = on_tx!(&mut tx, c => sqlx::query(CHANGE_STATION)
        .bind(station).bind(point).bind(&new.name).bind(&new.address).bind(&new.opening_hours).bind(place.map(|p| p.longitude_microdegrees))
        .bind(place.map(|p| p.latitude_microdegrees)).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if changed == 0 {
        return Err(absent_station());
    }
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::StationChanged, &new.name, None).await?;
    tx.commit().await
}

/// Closes a station with a reason: its staff cannot sign in any more, what came through it stays.
pub async fn close_station(
    at: Keeping<'_>,
    caller: &Caller,
    point: ContactPointId,
    station: StationId,
    from_revision: i64,
    reason: &str,
) -> Result<()> {
    caller.require(Permission::ManageContactPoints)?;
    let reason = checked_reason(reason)?;
    let mut tx = at.db.begin().await?;
    count_on(&mut tx, at, caller, point, from_revision).await?;
    let name: Option<String> = on_tx!(&mut tx, c => sqlx::query_scalar(CLOSE_STATION)
        .bind(station).bind(point).bind(at.clock.now()).fetch_optional(c).await)
    .map_err(failed)?;
    let name = name.ok_or_else(absent_station)?;
    on_tx!(&mut tx, c => sqlx::query(END_SESSIONS_OF_STATION).bind(station).execute(c).await.map(drop)).map_err(failed)?;
    let what = format!("{name}：{reason}");
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::StationClosed, &what, None).await?;
    tx.commit().await
}

/// Opens a closed station again.
pub async fn reopen_station(at: Keeping<'_>, caller: &Caller, point: ContactPointId, station: StationId, from_revision: i64) -> Result<()> {
    caller.require(Permission::ManageContactPoints)?;
    let mut tx = at.db.begin().await?;
    require_open(&count_on(&mut tx, at, caller, point, from_revision).await?)?;
    let name: Option<String> =
        on_tx!(&mut tx, c => sqlx::query_scalar(REOPEN_STATION).bind(station).bind(point).fetch_optional(c).await).map_err(failed)?;
    let name = name.ok_or_else(absent_station)?;
    note(&mut tx, at.clock, Some(caller.account_id), point, from_revision + 1, PointAct::StationReopened, &name, None).await?;
    tx.commit().await
}

/// Counts the revision on, as the first thing of a change: of two changes from one revision the second is told so.
pub(super) async fn count_on(tx: &mut Tx, at: Keeping<'_>, caller: &Caller, id: ContactPointId, from_revision: i64) -> Result<Held> {
    let own = organ_of(caller)?;
    let held: Option<Held> = on_tx!(tx, c => sqlx::query_as(COUNT_ON)
        .bind(id).bind(from_revision).bind(own).bind(at.clock.now()).fetch_optional(c).await)
    .map_err(failed)?;
    match held {
        Some(held) => Ok(held),
        None => {
            // Whether it is absent, or another was first. A reader needs the right to read anyway.
            get_kept_point(at.db, caller, id).await?;
            Err(Error::new(Code::Conflict, "这个联系点刚刚被别人修改过，请刷新页面，看过最新内容后再改。"))
        }
    }
}

/// Passes for a point that works.
pub(super) fn require_open(held: &Held) -> Result<()> {
    if PointStatus::stored(&held.status)? == PointStatus::Open {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, "这个联系点已经关闭。如需修改，请先恢复。"))
}

/// Writes the entry of the history and of the audit log.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(super) async fn note(
    tx: &mut Tx,
    clock: &Clock,
    by: Option<AccountId>,
    point: ContactPointId,
    revision: i64,
    act: PointAct,
    reason: &str,
    term: Option<(NaiveDate, NaiveDate)>,
) -> Result<()> {
    on_tx!(tx, c => sqlx::query(INSERT_ENTRY)
        .bind(point).bind(revision).bind(act.as_str()).bind(reason).bind(term.map(|t| t.0)).bind(term.map(|t| t.1)).bind(by).bind(clock.now())
        .execute(c).await.map(drop))
    .map_err(failed)?;
    let act_of_log = match act {
        PointAct::Opened => Act::OpenContactPoint,
        PointAct::Renewed => Act::RenewContactPoint,
        PointAct::Closed => Act::CloseContactPoint,
        PointAct::Reopened => Act::ReopenContactPoint,
        _ => Act::ChangeContactPoint,
    };
    let entry = NewEntry {
        account_id: by,
        act: act_of_log,
        subject: "contact_point",
        subject_id: Some(point.0),
        is_success: true,
        detail: act.as_str(),
    };
    audit::append(tx, clock, entry).await
}

/// A reason as it is kept: 1 to 500 characters.
pub(super) fn checked_reason(reason: &str) -> Result<String> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::invalid("reason", "请说明理由。"));
    }
    line("reason", "理由", reason, REASON_CHARACTERS)
}

async fn insert_station(tx: &mut Tx, at: Keeping<'_>, id: StationId, point: ContactPointId, new: &NewStation) -> Result<()> {
    let place = new.coordinates;
    let code = format!("s-{}", at.ids.secret(CODE_BYTES));
    on_tx!(tx, c => sqlx::query(INSERT_STATION)
        .bind(id).bind(point).bind(&code).bind(&new.name).bind(&new.address).bind(&new.opening_hours).bind(place.map(|p| p.longitude_microdegrees))
        .bind(place.map(|p| p.latitude_microdegrees)).execute(c).await.map(drop))
    .map_err(failed)
}

async fn check_organ(tx: &mut Tx, organ: Option<OrganId>) -> Result<()> {
    let Some(organ) = organ else { return Ok(()) };
    let found: i64 = on_tx!(tx, c => sqlx::query_scalar(COUNT_ORGAN).bind(organ).fetch_one(c).await).map_err(failed)?;
    if found == 1 { Ok(()) } else { Err(Error::invalid("organ_id", "没有这个司法局，请重新选择。")) }
}

/// A text of one or more lines within its length, without control characters.
pub(super) fn line(field: &str, name: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > most {
        return Err(Error::invalid(field, format!("{name}不超过 {most} 个字符。")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::invalid(field, format!("{name}里有不能保存的控制字符，请删去。")));
    }
    Ok(text)
}

/// As [`line`], for what may not be empty.
pub(super) fn filled(field: &str, name: &str, text: &str, most: usize) -> Result<String> {
    let text = line(field, name, text, most)?;
    if text.is_empty() { Err(Error::invalid(field, format!("请填写{name}。"))) } else { Ok(text) }
}

fn checked(new: NewContactPoint) -> Result<NewContactPoint> {
    check_coordinates(new.coordinates)?;
    let topics: Result<Vec<String>> =
        new.topics.iter().filter(|topic| !topic.trim().is_empty()).map(|topic| line("topics", "话题", topic, NAME_CHARACTERS)).collect();
    let topics = topics?;
    if topics.len() > TOPICS {
        return Err(Error::invalid("topics", format!("常谈话题不超过 {TOPICS} 个。")));
    }
    Ok(NewContactPoint {
        name: filled("name", "名称", &new.name, NAME_CHARACTERS)?,
        established_by: filled("established_by", "设立机关", &new.established_by, NAME_CHARACTERS)?,
        legal_basis: line("legal_basis", "设立依据", &new.legal_basis, LINE_CHARACTERS)?,
        host_unit: filled("host_unit", "所在单位", &new.host_unit, NAME_CHARACTERS)?,
        region: filled("region", "所在地区", &new.region, NAME_CHARACTERS)?,
        address: filled("address", "地址", &new.address, LINE_CHARACTERS)?,
        opening_hours: line("opening_hours", "开放时间", &new.opening_hours, LINE_CHARACTERS)?,
        introduction: line("introduction", "简介", &new.introduction, TEXT_CHARACTERS)?,
        how_to_take_part: line("how_to_take_part", "参与方式", &new.how_to_take_part, TEXT_CHARACTERS)?,
        topics,
        stations: new.stations.into_iter().map(checked_station).collect::<Result<_>>()?,
        ..new
    })
}

fn checked_station(new: NewStation) -> Result<NewStation> {
    check_coordinates(new.coordinates)?;
    Ok(NewStation {
        name: filled("name", "名称", &new.name, NAME_CHARACTERS)?,
        address: line("address", "地址", &new.address, LINE_CHARACTERS)?,
        opening_hours: line("opening_hours", "开放时间", &new.opening_hours, LINE_CHARACTERS)?,
        ..new
    })
}

fn check_coordinates(place: Option<Coordinates>) -> Result<()> {
    let is_on_earth = |p: Coordinates| p.longitude_microdegrees.abs() <= 180_000_000 && p.latitude_microdegrees.abs() <= 90_000_000;
    if place.is_none_or(is_on_earth) {
        Ok(())
    } else {
        Err(Error::invalid("coordinates", "经度应在 ±180 之间，纬度应在 ±90 之间。"))
    }
}

/// What makes one opening the same as another.
fn sent(new: &NewContactPoint) -> impl Serialize + '_ {
    let stations: Vec<(&str, &str, &str)> =
        new.stations.iter().map(|s| (s.name.as_str(), s.address.as_str(), s.opening_hours.as_str())).collect();
    (
        (&new.name, new.kind, &new.established_by, &new.legal_basis, new.established_on, &new.host_unit, new.host_kind, &new.region),
        (&new.address, &new.opening_hours, &new.introduction, &new.how_to_take_part, &new.topics, new.organ, new.term, stations),
    )
}

fn absent() -> Error {
    Error::not_found("这个立法基层联系点")
}

fn absent_station() -> Error {
    Error::not_found("这个信息采集点")
}
