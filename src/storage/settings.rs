//! Small facts about the installation itself.

use super::Db;
use super::sql::failed;
use crate::error::{Error, Result};
use crate::{on_db, on_tx};

const FIND: &str = "SELECT value FROM setting WHERE name = $1";
const PUT_IF_ABSENT: &str = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const PUT: &str = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, PUT_IF_ABSENT, PUT];

/// Reads a setting.
pub async fn find(db: &Db, name: &str) -> Result<Option<String>> {
    on_db!(db, pool => sqlx::query_scalar(FIND).bind(name).fetch_optional(pool).await).map_err(failed)
}

/// Writes a setting unless it is there, and gives what is there now: of several instances that start at once, one wins.
pub async fn put_if_absent(db: &Db, name: &str, value: &str) -> Result<String> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(PUT_IF_ABSENT).bind(name).bind(value).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await?;
    find(db, name).await?.ok_or_else(|| Error::defect(format_args!("setting {name} vanished")))
}

/// Writes a setting.
pub async fn put(db: &Db, name: &str, value: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(PUT).bind(name).bind(value).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}
