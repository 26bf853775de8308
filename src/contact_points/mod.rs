//! 立法基层联系点: units outside government that collect opinions, with their collection stations (信息采集点).
//!
//! Points are listed by region and name, never by how much they collect: a ranking of contact points is not wanted (国办函〔2026〕12号).
//! `seeds.rs` loads a list from TOML.

pub mod seeds;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::error::{Error, Result};
use crate::ids::{Clock, ContactPointId, IdSource, StationId};
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
}

/// A contact point.
#[derive(Clone, Debug)]
pub struct ContactPoint {
    /// Id.
    pub id: ContactPointId,
    /// What it tells about itself, with its stations empty: they stand in `stations`, with their ids.
    pub facts: NewContactPoint,
    /// Its stations, in order.
    pub stations: Vec<Station>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A collection station.
#[derive(Clone, Debug, FromRow)]
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
                is_demonstration: self.is_demonstration,
                stations: Vec::new(),
            },
            stations,
            updated_at: self.updated_at,
        })
    }
}

const UPSERT_POINT: &str = "INSERT INTO contact_point (id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address,
    opening_hours, introduction, how_to_take_part, topics, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
    ON CONFLICT (code) DO UPDATE SET name = $3, kind = $4, established_by = $5, legal_basis = $6, established_on = $7, host_unit = $8, host_kind = $9,
    region = $10, address = $11, opening_hours = $12, introduction = $13, how_to_take_part = $14, topics = $15, is_demonstration = $16, updated_at = $17
    RETURNING id";
const UPSERT_STATION: &str =
    "INSERT INTO collection_station (id, contact_point_id, code, ordinal, name, address, opening_hours) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (code) DO UPDATE SET contact_point_id = $2, ordinal = $4, name = $5, address = $6, opening_hours = $7";
const LIST_POINTS: &str =
    "SELECT id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address, opening_hours,
    introduction, how_to_take_part, topics, is_demonstration, updated_at FROM contact_point
    WHERE (kind = $1 OR $1 IS NULL) AND ((region, name, id) > ($2, $3, $4) OR $2 IS NULL) ORDER BY region, name, id LIMIT $5";
const FIND_POINT: &str =
    "SELECT id, code, name, kind, established_by, legal_basis, established_on, host_unit, host_kind, region, address, opening_hours,
    introduction, how_to_take_part, topics, is_demonstration, updated_at FROM contact_point WHERE id = $1";
const LIST_STATIONS: &str =
    "SELECT id, contact_point_id, code, name, address, opening_hours FROM collection_station ORDER BY contact_point_id, ordinal";
const STATIONS_OF_POINT: &str =
    "SELECT id, contact_point_id, code, name, address, opening_hours FROM collection_station WHERE contact_point_id = $1 ORDER BY ordinal";
const FIND_BY_CODE: &str = "SELECT id FROM contact_point WHERE code = $1";
const FIND_STATION_BY_CODE: &str = "SELECT id FROM collection_station WHERE code = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[UPSERT_POINT, UPSERT_STATION, LIST_POINTS, FIND_POINT, LIST_STATIONS, STATIONS_OF_POINT, FIND_BY_CODE, FIND_STATION_BY_CODE];

/// Writes a point and its stations inside a transaction; a known code is changed. A station that is no longer in the list stays, because opinions may
/// have come through it.
async fn put_point(tx: &mut Tx, clock: &Clock, ids: &IdSource, new: &NewContactPoint) -> Result<ContactPointId> {
    let id: ContactPointId = on_tx!(tx, c => sqlx::query_scalar(UPSERT_POINT)
        .bind(ContactPointId(ids.next())).bind(&new.code).bind(&new.name).bind(new.kind.as_str()).bind(&new.established_by).bind(&new.legal_basis)
        .bind(new.established_on).bind(&new.host_unit).bind(new.host_kind.as_str()).bind(&new.region).bind(&new.address).bind(&new.opening_hours)
        .bind(&new.introduction).bind(&new.how_to_take_part).bind(Json(&new.topics)).bind(new.is_demonstration).bind(clock.now())
        .fetch_one(c).await)
    .map_err(failed)?;
    for (ordinal, station) in (0i64..).zip(&new.stations) {
        on_tx!(tx, c => sqlx::query(UPSERT_STATION)
            .bind(StationId(ids.next())).bind(id).bind(&station.code).bind(ordinal).bind(&station.name).bind(&station.address).bind(&station.opening_hours)
            .execute(c).await.map(drop))
        .map_err(failed)?;
    }
    Ok(id)
}

/// Contact points by region and name, with their stations.
pub async fn list_points(db: &Db, kind: Option<PointKind>, cursor: Option<&str>, limit: usize) -> Result<Page<ContactPoint>> {
    let after: Option<(String, String, ContactPointId)> = cursor.map(decode_cursor).transpose()?;
    let (region, name, id) = after.map_or((None, None, None), |(r, n, i)| (Some(r), Some(n), Some(i)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<PointRow> = on_db!(db, pool => sqlx::query_as(LIST_POINTS)
        .bind(kind.map(PointKind::as_str)).bind(&region).bind(&name).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.region.clone(), row.name.clone(), row.id));
    let stations: Vec<Station> = on_db!(db, pool => sqlx::query_as(LIST_STATIONS).fetch_all(pool).await).map_err(failed)?;
    let mut by_point: HashMap<ContactPointId, Vec<Station>> = HashMap::new();
    for station in stations {
        by_point.entry(station.contact_point_id).or_default().push(station);
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

/// A contact point with its stations, or "not found".
pub async fn get_point(db: &Db, id: ContactPointId) -> Result<ContactPoint> {
    let row: Option<PointRow> = on_db!(db, pool => sqlx::query_as(FIND_POINT).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let row = row.ok_or_else(|| Error::not_found("这个立法基层联系点"))?;
    let stations: Vec<Station> = on_db!(db, pool => sqlx::query_as(STATIONS_OF_POINT).bind(id).fetch_all(pool).await).map_err(failed)?;
    row.into_point(stations)
}

/// Finds a point by its stable key.
pub async fn find_point_by_code(db: &Db, code: &str) -> Result<Option<ContactPointId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_BY_CODE).bind(code).fetch_optional(pool).await).map_err(failed)
}

/// Finds a station by its stable key.
pub async fn find_station_by_code(db: &Db, code: &str) -> Result<Option<StationId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_STATION_BY_CODE).bind(code).fetch_optional(pool).await).map_err(failed)
}
