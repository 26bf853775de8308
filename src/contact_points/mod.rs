//! 立法基层联系点: units outside government that collect opinions, with their collection stations (信息采集点).
//!
//! Points are listed by region and name, never by how much they collect: a ranking of contact points is not wanted (国办函〔2026〕12号).
//! `organs.rs` knows the two tiers above them. `managing.rs` changes points and stations, `terms.rs` opens, renews and closes, `persons.rs` keeps the
//! responsible persons, `invitations.rs` brings staff in, `selection/` finds new points, `acts.rs` hears each act once, `seeds.rs` loads a list from TOML.
//! `tasks/` is what the bureau asks points to collect, `assignments/` what each does for it, `activities/` where opinions are collected, `materials.rs` what is printed for it, `once.rs` what
//! makes a repetition known.

pub mod activities;
pub mod acts;
pub mod assignments;
pub mod collecting;
pub mod invitations;
pub mod managing;
pub mod materials;
pub mod once;
pub mod organs;
pub mod persons;
pub mod seeds;
pub mod selection;
pub mod tasks;
pub mod terms;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, ContactPointId, IdSource, OrganId, StationId};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Which organ the point belongs to; the two kinds have different legal bases.
    PointKind {
        /// 政府立法基层联系点
        Government = "government", "政府立法基层联系点";
        /// 人大基层立法联系点
        PeoplesCongress = "peoples_congress", "人大基层立法联系点";
    }
}

text_enum! {
    /// What kind of unit hosts the point.
    HostKind {
        /// 社区居民委员会
        Community = "community", "社区";
        /// 协会、商会
        Association = "association", "协会";
        /// 律师事务所
        LawFirm = "law_firm", "律师事务所";
        /// 高校
        University = "university", "高校";
        /// 村民委员会
        Village = "village", "村";
        /// 企业
        Company = "company", "企业";
        /// Anything else.
        Other = "other", "其他单位";
    }
}

text_enum! {
    /// Whether a point works.
    PointStatus {
        /// It collects opinions.
        Open = "open", "运行中";
        /// It was closed; what it collected stays.
        Closed = "closed", "已关闭";
    }
}

/// A place on the map (WGS 84), in millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coordinates {
    /// Longitude, east positive.
    pub longitude_microdegrees: i64,
    /// Latitude, north positive.
    pub latitude_microdegrees: i64,
}

impl Coordinates {
    fn stored(longitude: Option<i64>, latitude: Option<i64>) -> Option<Coordinates> {
        Some(Coordinates { longitude_microdegrees: longitude?, latitude_microdegrees: latitude? })
    }
}

/// What a contact point tells about itself.
#[derive(Clone, Debug)]
pub struct NewContactPoint {
    /// Stable key: a point that is loaded again under its key is changed, not added.
    pub code: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: PointKind,
    /// Organ that set it up.
    pub established_by: String,
    /// Legal basis by short reference.
    pub legal_basis: String,
    /// Since when.
    pub established_on: Option<NaiveDate>,
    /// Unit that hosts it.
    pub host_unit: String,
    /// Kind of that unit.
    pub host_kind: HostKind,
    /// City and district.
    pub region: String,
    /// Where to find it.
    pub address: String,
    /// When somebody is there.
    pub opening_hours: String,
    /// Who they are.
    pub introduction: String,
    /// How to take part.
    pub how_to_take_part: String,
    /// What people there talk about most.
    pub topics: Vec<String>,
    /// The organ that keeps it; `None`: the bureau of the installation alone.
    pub organ: Option<OrganId>,
    /// Where it is on the map.
    pub coordinates: Option<Coordinates>,
    /// First and last day of its present term; `None`: without an end.
    pub term: Option<(NaiveDate, NaiveDate)>,
    /// Whether it belongs to the demonstration.
    pub is_demonstration: bool,
    /// Its stations, in order.
    pub stations: Vec<NewStation>,
}

/// What a collection station tells about itself.
#[derive(Clone, Debug)]
pub struct NewStation {
    /// Stable key.
    pub code: String,
    /// Name.
    pub name: String,
    /// Where to find it.
    pub address: String,
    /// When somebody is there.
    pub opening_hours: String,
    /// Where it is on the map.
    pub coordinates: Option<Coordinates>,
}

/// A contact point.
#[derive(Clone, Debug)]
pub struct ContactPoint {
    /// Id.
    pub id: ContactPointId,
    /// What it tells about itself, with its stations empty: they stand in `stations`, with their ids.
    pub facts: NewContactPoint,
    /// Whether it works.
    pub status: PointStatus,
    /// One more with each change; a change names the one it was made from.
    pub revision: i64,
    /// Its stations that work, in order.
    pub stations: Vec<Station>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A collection station.
#[derive(Clone, Debug)]
pub struct Station {
    /// Id.
    pub id: StationId,
    /// Whose station it is.
    pub contact_point_id: ContactPointId,
    /// Stable key.
    pub code: String,
    /// Name.
    pub name: String,
    /// Where to find it.
    pub address: String,
    /// When somebody is there.
    pub opening_hours: String,
    /// Where it is on the map.
    pub coordinates: Option<Coordinates>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Which points a list shows.
#[derive(Clone, Debug, Default)]
pub struct PointFilter {
    /// Of one kind.
    pub kind: Option<PointKind>,
    /// Of one city and district, exactly as points name it.
    pub region: Option<String>,
    /// Words of the name, the host, the place or the topics; empty = all.
    pub query: String,
    /// Kept by one organ.
    pub organ: Option<OrganId>,
    /// Working or closed ones.
    pub status: Option<PointStatus>,
}

impl PointFilter {
    /// What the public sees: the points that work.
    pub fn working() -> PointFilter {
        PointFilter { status: Some(PointStatus::Open), ..PointFilter::default() }
    }
}

#[derive(FromRow)]
struct StationRow {
    id: StationId,
    contact_point_id: ContactPointId,
    code: String,
    name: String,
    address: String,
    opening_hours: String,
    longitude_microdegrees: Option<i64>,
    latitude_microdegrees: Option<i64>,
    closed_at: Option<DateTime<Utc>>,
}

impl StationRow {
    fn into_station(self) -> Station {
        Station {
            id: self.id,
            contact_point_id: self.contact_point_id,
            code: self.code,
            name: self.name,
            address: self.address,
            opening_hours: self.opening_hours,
            coordinates: Coordinates::stored(self.longitude_microdegrees, self.latitude_microdegrees),
            closed_at: self.closed_at,
        }
    }
}

#[derive(FromRow)]
struct PointRow {
    id: ContactPointId,
    code: String,
    name: String,
    kind: String,
    established_by: String,
    legal_basis: String,
    established_on: Option<NaiveDate>,
    host_unit: String,
    host_kind: String,
    region: String,
    address: String,
    opening_hours: String,
    introduction: String,
    how_to_take_part: String,
    topics: Json<Vec<String>>,
    is_demonstration: bool,
    organ_id: Option<OrganId>,
    status: String,
    longitude_microdegrees: Option<i64>,
    latitude_microdegrees: Option<i64>,
    term_begins_on: Option<NaiveDate>,
    term_ends_on: Option<NaiveDate>,
    revision: i64,
    updated_at: DateTime<Utc>,
}

impl PointRow {
    fn into_point(self, stations: Vec<Station>) -> Result<ContactPoint> {
        Ok(ContactPoint {
            id: self.id,
            facts: NewContactPoint {
                code: self.code,
                name: self.name,
                kind: PointKind::stored(&self.kind)?,
                established_by: self.established_by,
                legal_basis: self.legal_basis,
                established_on: self.established_on,
                host_unit: self.host_unit,
                host_kind: HostKind::stored(&self.host_kind)?,
                region: self.region,
                address: self.address,
                opening_hours: self.opening_hours,
                introduction: self.introduction,
                how_to_take_part: self.how_to_take_part,
                topics: self.topics.0,
                organ: self.organ_id,
                coordinates: Coordinates::stored(self.longitude_microdegrees, self.latitude_microdegrees),
                term: self.term_begins_on.zip(self.term_ends_on),
                is_demonstration: self.is_demonstration,
                stations: Vec::new(),
            },
            status: PointStatus::stored(&self.status)?,
            revision: self.revision,
            stations,
            updated_at: self.updated_at,
        })
    }
}

const UPSERT_POINT: &str = "INSERT INTO contact_point (id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address,
    opening_hours, introduction, how_to_take_part, topics, is_demonstration, created_at, updated_at, organ_id, longitude_microdegrees,
    latitude_microdegrees, term_begins_on, term_ends_on, words)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $19, $20, $21, $22, $23)
    ON CONFLICT (code) DO UPDATE SET name = $3, kind = $4, established_by = $5, legal_basis = $6, established_on = $7, host_unit = $8, host_kind = $9,
    region = $10, address = $11, opening_hours = $12, introduction = $13, how_to_take_part = $14, topics = $15, is_demonstration = $16, updated_at = $17,
    organ_id = $18, longitude_microdegrees = $19, latitude_microdegrees = $20, words = $23, revision = contact_point.revision + 1
    RETURNING id, revision";
const UPSERT_STATION: &str =
    "INSERT INTO collection_station (id, contact_point_id, code, ordinal, name, address, opening_hours, longitude_microdegrees, latitude_microdegrees)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (code) DO UPDATE SET contact_point_id = $2, ordinal = $4, name = $5, address = $6, opening_hours = $7, longitude_microdegrees = $8,
    latitude_microdegrees = $9";
const INSERT_ENTRY: &str =
    "INSERT INTO contact_point_entry (contact_point_id, revision, act, reason, term_begins_on, term_ends_on, by_account, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const LIST_POINTS: &str =
    "SELECT id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address, opening_hours,
    introduction, how_to_take_part, topics, is_demonstration, organ_id, status, longitude_microdegrees, latitude_microdegrees, term_begins_on,
    term_ends_on, revision, updated_at FROM contact_point
    WHERE (kind = $1 OR $1 IS NULL) AND (region = $2 OR $2 IS NULL) AND (words LIKE $3 ESCAPE '\\' OR $3 IS NULL)
    AND (organ_id = $4 OR $4 IS NULL) AND (status = $5 OR $5 IS NULL) AND ((region, name, id) > ($6, $7, $8) OR $6 IS NULL)
    ORDER BY region, name, id LIMIT $9";
const FIND_POINT: &str =
    "SELECT id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address, opening_hours,
    introduction, how_to_take_part, topics, is_demonstration, organ_id, status, longitude_microdegrees, latitude_microdegrees, term_begins_on,
    term_ends_on, revision, updated_at FROM contact_point WHERE id = $1";
const STATIONS_OF_POINTS: &str = "SELECT s.id, s.contact_point_id, s.code, s.name, s.address, s.opening_hours, s.longitude_microdegrees,
    s.latitude_microdegrees, s.closed_at FROM collection_station s JOIN contact_point p ON p.id = s.contact_point_id
    WHERE s.closed_at IS NULL AND (p.region, p.name, p.id) >= ($1, $2, $3) AND (p.region, p.name, p.id) <= ($4, $5, $6)
    ORDER BY s.contact_point_id, s.ordinal, s.id";
const STATIONS_OF_POINT: &str =
    "SELECT id, contact_point_id, code, name, address, opening_hours, longitude_microdegrees, latitude_microdegrees,
    closed_at FROM collection_station WHERE contact_point_id = $1 ORDER BY ordinal, id";
const LIST_REGIONS: &str = "SELECT region, COUNT(*) FROM contact_point WHERE status = 'open' GROUP BY region ORDER BY region";
const FIND_BY_CODE: &str = "SELECT id FROM contact_point WHERE code = $1";
const FIND_STATION_BY_CODE: &str = "SELECT id FROM collection_station WHERE code = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    UPSERT_POINT,
    UPSERT_STATION,
    INSERT_ENTRY,
    LIST_POINTS,
    FIND_POINT,
    STATIONS_OF_POINTS,
    STATIONS_OF_POINT,
    LIST_REGIONS,
    FIND_BY_CODE,
    FIND_STATION_BY_CODE,
];

/// Longest text looked for, in characters.
const QUERY_CHARACTERS: usize = 64;

/// What the finder compares: lower case, full-width letters and digits as half-width ones.
fn words_of(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        c => c,
    };
    text.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

fn words_of_point(new: &NewContactPoint) -> String {
    words_of(&[new.name.as_str(), &new.host_unit, &new.region, &new.address, &new.topics.join(" ")].join(" "))
}

/// Writes a point and its stations inside a transaction; a known code is changed. A station that is no longer in the list stays, because opinions may
/// have come through it.
async fn put_point(tx: &mut Tx, clock: &Clock, ids: &IdSource, new: &NewContactPoint) -> Result<ContactPointId> {
    let place = new.coordinates;
    let (id, revision): (ContactPointId, i64) = on_tx!(tx, c => sqlx::query_as(UPSERT_POINT)
        .bind(ContactPointId(ids.next())).bind(&new.code).bind(&new.name).bind(new.kind.as_str()).bind(&new.established_by).bind(&new.legal_basis)
        .bind(new.established_on).bind(&new.host_unit).bind(new.host_kind.as_str()).bind(&new.region).bind(&new.address).bind(&new.opening_hours)
        .bind(&new.introduction).bind(&new.how_to_take_part).bind(Json(&new.topics)).bind(new.is_demonstration).bind(clock.now())
        .bind(new.organ).bind(place.map(|p| p.longitude_microdegrees)).bind(place.map(|p| p.latitude_microdegrees))
        .bind(new.term.map(|t| t.0)).bind(new.term.map(|t| t.1)).bind(words_of_point(new))
        .fetch_one(c).await)
    .map_err(failed)?;
    for (ordinal, station) in (0i64..).zip(&new.stations) {
        let place = station.coordinates;
        on_tx!(tx, c => sqlx::query(UPSERT_STATION)
            .bind(StationId(ids.next())).bind(id).bind(&station.code).bind(ordinal).bind(&station.name).bind(&station.address).bind(&station.opening_hours)
            .bind(place.map(|p| p.longitude_microdegrees)).bind(place.map(|p| p.latitude_microdegrees))
            .execute(c).await.map(drop))
        .map_err(failed)?;
    }
    if revision == 1 {
        on_tx!(tx, c => sqlx::query(INSERT_ENTRY)
            .bind(id).bind(revision).bind("opened").bind("").bind(new.term.map(|t| t.0)).bind(new.term.map(|t| t.1))
            .bind(None::<AccountId>).bind(clock.now()).execute(c).await.map(drop))
        .map_err(failed)?;
    }
    Ok(id)
}

/// Contact points by region and name, with their stations that work.
pub async fn list_points(db: &Db, filter: &PointFilter, cursor: Option<&str>, limit: usize) -> Result<Page<ContactPoint>> {
    let after: Option<(String, String, ContactPointId)> = cursor.map(decode_cursor).transpose()?;
    let (region, name, id) = after.map_or((None, None, None), |(r, n, i)| (Some(r), Some(n), Some(i)));
    let query = words_of(filter.query.trim());
    let holds_nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
    if query.chars().count() > QUERY_CHARACTERS || query.contains('\0') || [&filter.region, &region, &name].into_iter().any(holds_nul) {
        return Err(Error::invalid("q", format!("要查找的内容不超过 {QUERY_CHARACTERS} 个字符。")));
    }
    let pattern = (!query.is_empty()).then(|| format!("%{}%", query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<PointRow> = on_db!(db, pool => sqlx::query_as(LIST_POINTS)
        .bind(filter.kind.map(PointKind::as_str)).bind(&filter.region).bind(&pattern).bind(filter.organ)
        .bind(filter.status.map(PointStatus::as_str)).bind(&region).bind(&name).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.region.clone(), row.name.clone(), row.id));
    let mut by_point: HashMap<ContactPointId, Vec<Station>> = HashMap::new();
    if let (Some(first), Some(last)) = (page.items.first(), page.items.last()) {
        let stations: Vec<StationRow> = on_db!(db, pool => sqlx::query_as(STATIONS_OF_POINTS)
            .bind(&first.region).bind(&first.name).bind(first.id).bind(&last.region).bind(&last.name).bind(last.id).fetch_all(pool).await)
        .map_err(failed)?;
        for station in stations {
            by_point.entry(station.contact_point_id).or_default().push(station.into_station());
        }
    }
    let items: Result<Vec<ContactPoint>> = page
        .items
        .into_iter()
        .map(|row| {
            let stations = by_point.remove(&row.id).unwrap_or_default();
            row.into_point(stations)
        })
        .collect();
    Ok(Page { items: items?, next: page.next })
}

/// A contact point with its stations that work, or "not found". A closed point is found too: what it collected stays.
pub async fn get_point(db: &Db, id: ContactPointId) -> Result<ContactPoint> {
    let row: Option<PointRow> = on_db!(db, pool => sqlx::query_as(FIND_POINT).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let row = row.ok_or_else(|| Error::not_found("这个立法基层联系点"))?;
    let stations = list_stations(db, id).await?.into_iter().filter(|station| station.closed_at.is_none()).collect();
    row.into_point(stations)
}

/// Every station of a point, closed ones too, in order.
pub async fn list_stations(db: &Db, point: ContactPointId) -> Result<Vec<Station>> {
    let rows: Vec<StationRow> = on_db!(db, pool => sqlx::query_as(STATIONS_OF_POINT).bind(point).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(StationRow::into_station).collect())
}

/// Cities and districts with the number of points that work there, in the order of their names.
pub async fn list_regions(db: &Db) -> Result<Vec<(String, i64)>> {
    on_db!(db, pool => sqlx::query_as(LIST_REGIONS).fetch_all(pool).await).map_err(failed)
}

/// Finds a point by its stable key.
pub async fn find_point_by_code(db: &Db, code: &str) -> Result<Option<ContactPointId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_BY_CODE).bind(code).fetch_optional(pool).await).map_err(failed)
}

/// Finds a station by its stable key.
pub async fn find_station_by_code(db: &Db, code: &str) -> Result<Option<StationId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_STATION_BY_CODE).bind(code).fetch_optional(pool).await).map_err(failed)
}
