//! 市、县两级司法局: the two tiers above a contact point. The bureau of the installation is the organ of the city; county staff work for one below it.

use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::ids::{Clock, IdSource, OrganId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Tier of an organ.
    Tier {
        /// 市级
        City = "city", "市级";
        /// 县区级
        County = "county", "县区级";
    }
}

/// An organ that keeps contact points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organ {
    /// Id.
    pub id: OrganId,
    /// Stable key.
    pub code: String,
    /// Name.
    pub name: String,
    /// Tier.
    pub tier: Tier,
    /// The organ above.
    pub parent: Option<OrganId>,
    /// Where it is competent.
    pub region: String,
    /// Whether it belongs to the demonstration.
    pub is_demonstration: bool,
}

/// What a list says of an organ.
#[derive(Clone, Debug)]
pub struct NewOrgan {
    /// Stable key: an organ that is loaded again under its key is changed, not added.
    pub code: String,
    /// Name.
    pub name: String,
    /// Tier.
    pub tier: Tier,
    /// The organ above, for a county.
    pub parent: Option<OrganId>,
    /// Where it is competent.
    pub region: String,
    /// Whether it belongs to the demonstration.
    pub is_demonstration: bool,
}

#[derive(FromRow)]
struct Row {
    id: OrganId,
    code: String,
    name: String,
    tier: String,
    parent_id: Option<OrganId>,
    region: String,
    is_demonstration: bool,
}

impl Row {
    fn into_organ(self) -> Result<Organ> {
        Ok(Organ {
            id: self.id,
            code: self.code,
            name: self.name,
            tier: Tier::stored(&self.tier)?,
            parent: self.parent_id,
            region: self.region,
            is_demonstration: self.is_demonstration,
        })
    }
}

const PUT: &str = "INSERT INTO organ (id, code, name, tier, parent_id, region, is_demonstration, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
    ON CONFLICT (code) DO UPDATE SET name = $3, tier = $4, parent_id = $5, region = $6, is_demonstration = $7, updated_at = $8 RETURNING id";
const LIST: &str = "SELECT id, code, name, tier, parent_id, region, is_demonstration FROM organ ORDER BY tier, region, name, id";
const FIND: &str = "SELECT id, code, name, tier, parent_id, region, is_demonstration FROM organ WHERE id = $1";
const FIND_BY_CODE: &str = "SELECT id FROM organ WHERE code = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[PUT, LIST, FIND, FIND_BY_CODE];

/// Writes an organ inside a transaction; a known code is changed.
pub async fn put_organ(tx: &mut Tx, clock: &Clock, ids: &IdSource, new: &NewOrgan) -> Result<OrganId> {
    on_tx!(tx, c => sqlx::query_scalar(PUT)
        .bind(OrganId(ids.next())).bind(&new.code).bind(&new.name).bind(new.tier.as_str()).bind(new.parent).bind(&new.region)
        .bind(new.is_demonstration).bind(clock.now()).fetch_one(c).await)
    .map_err(failed)
}

/// Every organ, that of the city first. A city has some ten; the list has no pages.
pub async fn list_organs(db: &Db) -> Result<Vec<Organ>> {
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter().map(Row::into_organ).collect()
}

/// An organ, or "not found".
pub async fn get_organ(db: &Db, id: OrganId) -> Result<Organ> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这个司法局"))?.into_organ()
}

/// Finds an organ by its stable key.
pub async fn find_organ_by_code(db: &Db, code: &str) -> Result<Option<OrganId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_BY_CODE).bind(code).fetch_optional(pool).await).map_err(failed)
}
