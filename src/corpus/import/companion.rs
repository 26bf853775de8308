//! 随附数据库: the `db.sqlite3` that collections of statutes keep beside their files, with dates and validity.
//!
//! Reads: the tables `law(id, level, name, publish, valid_from, expired, category_id)` and `category(id, name, folder)`.
//! Writes: nothing. The file comes from strangers: it is opened immutable and read-only, its views and triggers are not trusted, and rows,
//! lengths and time are bounded.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::error::{Code, Error, Result};

/// Names under which such a database lies in a folder.
pub const FILE_NAMES: &[&str] = &["db.sqlite3"];

/// Most laws read from one database.
const MAX_ROWS: i64 = 200_000;
/// Longest time one database may take.
const MAX_SECONDS: u64 = 60;

/// What a collection says of one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Id in the collection.
    pub id: String,
    /// 法律, 行政法规, 地方性法规 …
    pub level: String,
    /// Date of publication, the one in the file name.
    pub published_on: Option<NaiveDate>,
    /// First day in force.
    pub valid_from: Option<NaiveDate>,
    /// The field `expired` as it stands: 0 or 1.
    pub expired: i64,
    /// Name of its category.
    pub category: String,
    /// Whether the collection holds a later version of the same name.
    pub has_later: bool,
}

/// The records of one database by name, and within a name by date.
#[derive(Clone, Debug, Default)]
pub struct Companion {
    by_name: HashMap<String, Vec<Record>>,
}

impl Companion {
    /// Reads a database.
    ///
    /// # Errors
    /// [`Code::UnreadableFile`] when it is no such database.
    pub async fn read(file: &Path) -> Result<Companion> {
        tokio::time::timeout(Duration::from_secs(MAX_SECONDS), load(file))
            .await
            .map_err(|_| Error::new(Code::UnreadableFile, "随附数据库读取超时，其中的日期和时效没有采用。"))?
            .map_err(|error| Error::new(Code::UnreadableFile, "随附数据库无法读取，其中的日期和时效没有采用。").caused_by(error))
    }

    /// What the collection says of a text by the name and date of its file.
    ///
    /// Without a date the only record of that name counts; several versions cannot be told apart then.
    pub fn find(&self, name: &str, date: Option<NaiveDate>) -> Option<&Record> {
        let records = self.by_name.get(name)?;
        match (date, records.as_slice()) {
            (Some(date), records) => records.iter().find(|record| record.published_on == Some(date)),
            (None, [only]) => Some(only),
            (None, records) => records.iter().find(|record| record.published_on.is_none()),
        }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.by_name.values().map(Vec::len).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

type Row = (Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<i64>, Option<String>);

async fn load(file: &Path) -> Result<Companion, sqlx::Error> {
    let mut connection: SqliteConnection = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .immutable(true)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .connect()
        .await?;
    // A view could run for ever: only real tables are read.
    let tables: Vec<(String,)> = sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('law', 'category')")
        .fetch_all(&mut connection)
        .await?;
    let has = |name: &str| tables.iter().any(|(table,)| table == name);
    let rows: Vec<Row> = match (has("law"), has("category")) {
        (false, _) => Vec::new(),
        (true, true) => {
            sqlx::query_as(
                "SELECT SUBSTR(CAST(l.id AS TEXT), 1, 200), SUBSTR(CAST(l.name AS TEXT), 1, 1000), SUBSTR(CAST(l.level AS TEXT), 1, 100),
                 SUBSTR(CAST(l.publish AS TEXT), 1, 40), SUBSTR(CAST(l.valid_from AS TEXT), 1, 40), CAST(l.expired AS INTEGER), SUBSTR(CAST(c.name AS TEXT), 1, 200)
                 FROM law l LEFT JOIN category c ON c.id = l.category_id LIMIT $1",
            )
            .bind(MAX_ROWS)
            .fetch_all(&mut connection)
            .await?
        }
        (true, false) => {
            sqlx::query_as(
                "SELECT SUBSTR(CAST(id AS TEXT), 1, 200), SUBSTR(CAST(name AS TEXT), 1, 1000), SUBSTR(CAST(level AS TEXT), 1, 100), SUBSTR(CAST(publish AS TEXT), 1, 40),
                 SUBSTR(CAST(valid_from AS TEXT), 1, 40), CAST(expired AS INTEGER), NULL FROM law LIMIT $1",
            )
            .bind(MAX_ROWS)
            .fetch_all(&mut connection)
            .await?
        }
    };
    connection.close().await?;
    let mut companion = Companion::default();
    for (id, name, level, publish, valid_from, expired, category) in rows {
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else { continue };
        let record = Record {
            id: id.unwrap_or_default(),
            level: level.unwrap_or_default(),
            published_on: date(publish),
            valid_from: date(valid_from),
            expired: expired.unwrap_or(0),
            category: category.unwrap_or_default(),
            has_later: false,
        };
        companion.by_name.entry(name.trim().to_owned()).or_default().push(record);
    }
    for records in companion.by_name.values_mut() {
        let newest = records.iter().filter_map(|record| record.published_on).max();
        for record in records {
            record.has_later = record.published_on.is_some() && record.published_on < newest;
        }
    }
    Ok(companion)
}

/// The first ten characters as a date.
fn date(text: Option<String>) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text?.trim().get(..10)?, "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn database(folder: &Path, sql: &'static str) -> std::path::PathBuf {
        let file = folder.join("db.sqlite3");
        let mut connection = SqliteConnectOptions::new().filename(&file).create_if_missing(true).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        file
    }

    #[tokio::test]
    async fn records_by_name_and_date() {
        let folder = tempfile::tempdir().unwrap();
        let file = database(
            folder.path(),
            "CREATE TABLE category (id TEXT, name TEXT, folder TEXT); INSERT INTO category VALUES ('c', '行政法', '行政法');
             CREATE TABLE law (id TEXT, level TEXT, name TEXT, publish DATE, valid_from DATE, expired INTEGER, category_id TEXT);
             INSERT INTO law VALUES ('1', '法律', '甲法', '2010-01-01', '', 1, 'c'), ('2', '法律', '甲法', '2020-01-01', '2020-03-01', 0, 'c'), ('3', '法律', '乙法', NULL, NULL, 0, 'x');",
        )
        .await;
        let companion = Companion::read(&file).await.unwrap();
        assert_eq!(companion.len(), 3);
        let date = |y| NaiveDate::from_ymd_opt(y, 1, 1);
        let old = companion.find("甲法", date(2010)).unwrap();
        assert!(old.expired == 1 && old.has_later && old.valid_from.is_none());
        let new = companion.find("甲法", date(2020)).unwrap();
        assert_eq!((new.valid_from, new.category.as_str(), new.has_later), (NaiveDate::from_ymd_opt(2020, 3, 1), "行政法", false));
        assert!(companion.find("甲法", None).is_none(), "two versions cannot be told apart without a date");
        assert!(companion.find("乙法", None).is_some() && companion.find("丙法", None).is_none());
    }

    #[tokio::test]
    async fn hostile_databases_end() {
        let folder = tempfile::tempdir().unwrap();
        let endless = database(
            folder.path(),
            "CREATE VIEW law AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id, '法律' AS level, 'x' AS name, '' AS publish, '' AS valid_from, 0 AS expired, '' AS category_id FROM n",
        )
        .await;
        assert!(Companion::read(&endless).await.unwrap().is_empty(), "a view is not read");
        let noise = folder.path().join("noise.sqlite3");
        std::fs::write(&noise, [b"SQLite format 3\0".as_slice(), &[0xAB; 5000]].concat()).unwrap();
        assert!(Companion::read(&noise).await.is_err());
        assert!(Companion::read(&folder.path().join("absent")).await.is_err());
    }
}
