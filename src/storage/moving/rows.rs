//! The rows of a table: written in batches, each with the place that it reached in one transaction, and compared one by one.

use std::cmp::Ordering;

use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqlitePool};

use super::tables::{Row, Table};
use crate::error::{Code, Error, Result};
use crate::storage::sql::failed;

/// Most rows, and about the most bytes, that are written in one transaction.
const BATCH_ROWS: usize = 10_000;
const BATCH_BYTES: usize = 8 << 20;
/// Places of a table that are named one by one.
const NAMED: usize = 20;

/// What is wrong with the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Rows that are the same.
    pub same: i64,
    /// Rows that are not.
    pub different: i64,
    /// The first of those, each as one sentence.
    pub named: Vec<String>,
}

impl Compared {
    fn differs(&mut self, sentence: impl FnOnce() -> String) {
        self.different += 1;
        if self.named.len() < NAMED {
            self.named.push(sentence());
        }
    }
}

fn of_sqlite(row: &SqliteRow, values: usize) -> sqlx::Result<Row> {
    (0..values).map(|at| row.try_get::<Option<String>, _>(at)).collect()
}

fn of_postgres(row: &PgRow, values: usize) -> sqlx::Result<Row> {
    (0..values).map(|at| row.try_get::<Option<String>, _>(at)).collect()
}

/// Places with NUL characters, which PostgreSQL cannot keep: table, key and column of each.
pub async fn find_nul(source: &SqlitePool, table: &Table) -> Result<Vec<String>> {
    let Some(statement) = table.select_nul_in_sqlite() else { return Ok(Vec::new()) };
    let mut rows = sqlx::query(AssertSqlSafe(statement)).persistent(false).fetch(source);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let row = of_sqlite(&row, table.columns.len()).map_err(failed)?;
        for (column, value) in table.columns.iter().zip(&row) {
            if value.as_deref().is_some_and(|words| column.kind.has_nul(words)) {
                found.push(format!("{}（{}）的 {}", table.name, table.key_of(&row), column.name));
            }
        }
    }
    Ok(found)
}

/// Writes the rows that are not written yet, and gives how many the table has then. `on_batch` hears that number after each batch.
pub async fn copy(source: &SqlitePool, target: &mut PgConnection, table: &Table, on_batch: &mut dyn FnMut(i64)) -> Result<i64> {
    let broken_off =
        |e: sqlx::Error| Error::new(Code::Internal, format!("搬运 {} 时中断；已写入的部分保留，再次运行即继续。", table.name)).caused_by(e);
    let (after, mut copied, is_whole): (String, i64, bool) =
        sqlx::query_as("SELECT after, copied, is_whole FROM moving_table WHERE name = $1")
            .bind(&table.name)
            .fetch_one(&mut *target)
            .await
            .map_err(broken_off)?;
    if is_whole {
        return Ok(copied);
    }
    let (mut batch, mut batch_rows, mut place) = (String::new(), 0, after.clone());
    let mut rows = sqlx::query(AssertSqlSafe(table.select_in_sqlite(&after))).persistent(false).fetch(source);
    while let Some(row) = rows.try_next().await.map_err(broken_off)? {
        table.write(&of_sqlite(&row, table.columns.len()).map_err(broken_off)?, &mut batch);
        place = row.try_get(table.columns.len()).map_err(broken_off)?;
        batch_rows += 1;
        let is_full = batch_rows >= BATCH_ROWS || batch.len() >= BATCH_BYTES;
        if is_full && !table.names_itself {
            copied += write(target, table, &batch, &place, false).await.map_err(broken_off)?;
            on_batch(copied);
            (batch_rows, batch) = (0, String::new());
        }
    }
    copied += write(target, table, &batch, &place, true).await.map_err(broken_off)?;
    Ok(copied)
}

/// Writes a batch and the place that it reached, in one transaction.
async fn write(target: &mut PgConnection, table: &Table, batch: &str, place: &str, is_whole: bool) -> sqlx::Result<i64> {
    let mut tx = target.begin().await?;
    let mut written = 0;
    if !batch.is_empty() {
        let mut copying = tx.copy_in_raw(&table.copy_statement()).await?;
        copying.send(batch.as_bytes()).await?;
        written = i64::try_from(copying.finish().await?).unwrap_or(i64::MAX);
    }
    sqlx::query("UPDATE moving_table SET after = $1, copied = copied + $2, is_whole = $3 WHERE name = $4")
        .bind(place)
        .bind(written)
        .bind(is_whole)
        .bind(&table.name)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(written)
}

/// Compares every row of a table on both engines, value by value. What differs is named by its key and its columns, never by its values.
pub async fn compare(source: &SqlitePool, target: &mut PgConnection, table: &Table) -> Result<Compared> {
    let values = table.columns.len();
    let mut ours = sqlx::query(AssertSqlSafe(table.select_in_sqlite("")))
        .persistent(false)
        .fetch(source)
        .map(|row| row.and_then(|row| of_sqlite(&row, values)).map(|row| table.canonical(row)));
    let mut theirs = sqlx::query(AssertSqlSafe(table.select_in_postgres()))
        .persistent(false)
        .fetch(target)
        .map(|row| row.and_then(|row| of_postgres(&row, values)).map(|row| table.canonical(row)));
    let mut compared = Compared::default();
    let mut one = ours.try_next().await.map_err(failed)?;
    let mut other = theirs.try_next().await.map_err(failed)?;
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(compared),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => table.compare_keys(one, other),
        };
        match (order, &one, &other) {
            (Ordering::Equal, Some(one), Some(other)) if one == other => compared.same += 1,
            (Ordering::Equal, Some(one), Some(other)) => compared
                .differs(|| format!("{}（{}）：{} 不同", table.name, table.key_of(one), table.differing_columns(one, other).join("、"))),
            (Ordering::Less, Some(one), _) => compared.differs(|| format!("{}（{}）：新库没有", table.name, table.key_of(one))),
            (Ordering::Greater, _, Some(other)) => compared.differs(|| format!("{}（{}）：旧库没有", table.name, table.key_of(other))),
            _ => {}
        }
        if order != Ordering::Greater {
            one = ours.try_next().await.map_err(failed)?;
        }
        if order != Ordering::Less {
            other = theirs.try_next().await.map_err(failed)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_differences_are_named_and_all_are_counted() {
        let mut compared = Compared::default();
        for n in 0..50 {
            compared.differs(|| n.to_string());
        }
        assert_eq!((compared.different, compared.named.len(), compared.named.last().map(String::as_str)), (50, NAMED, Some("19")));
    }
}
