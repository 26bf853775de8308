//! Moving sealed fields to the active key, beside a running service.
//!
//! Every batch is a transaction of its own. A row is written only while it still holds what was read, so a change that the service makes in
//! between is kept, and a run that was killed goes on where it stopped: what is left is what does not carry the active key.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::fields::{FieldCipher, key_of};
use crate::error::{Error, Result};
use crate::storage::Db;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Rows sealed again in one transaction.
pub const BATCH_ROWS: i64 = 500;

/// A column with sealed texts. Made with [`sealed_column!`](crate::sealed_column).
#[derive(Clone, Copy, Debug)]
pub struct SealedColumn {
    /// Table.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// The purpose its texts are sealed with.
    pub purpose: &'static str,
    /// Rows of every key.
    pub count: &'static str,
    /// The next rows that do not carry the active key.
    pub select: &'static str,
    /// Replaces one text, if it is still there.
    pub update: &'static str,
}

/// Describes a column of sealed texts to the rotation: table, with `key "…"` the name of its column of ids where that is not `id`, column, purpose.
#[macro_export]
macro_rules! sealed_column {
    ($table:literal, $column:literal, $purpose:expr) => {
        $crate::sealed_column!($table, key "id", $column, $purpose)
    };
    ($table:literal, key $key:literal, $column:literal, $purpose:expr) => {
        $crate::storage::crypto::rotation::SealedColumn {
            table: $table,
            column: $column,
            purpose: $purpose,
            // `v1.` and eight digits of the key.
            count: concat!(
                "SELECT substr(",
                $column,
                ", 1, 12), COUNT(*) FROM ",
                $table,
                " WHERE ",
                $column,
                " IS NOT NULL GROUP BY substr(",
                $column,
                ", 1, 12)"
            ),
            select: concat!(
                "SELECT ",
                $key,
                " AS id, ",
                $column,
                " FROM ",
                $table,
                " WHERE ",
                $column,
                " NOT LIKE $1 AND (",
                $key,
                " > $2 OR $2 IS NULL) ORDER BY ",
                $key,
                " LIMIT $3"
            ),
            update: concat!("UPDATE ", $table, " SET ", $column, " = $1 WHERE ", $key, " = $2 AND ", $column, " = $3"),
        }
    };
}

impl SealedColumn {
    /// Its statements, for the test that prepares them on both engines.
    pub fn statements(&self) -> [&'static str; 3] {
        [self.count, self.select, self.update]
    }
}

/// How far a rotation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Texts sealed again by this run.
    pub done: u64,
    /// Texts that did not carry the active key when the run began.
    pub total: u64,
}

/// Number of texts under every key, by its short name; texts of an unknown form under the empty name.
pub async fn count_by_key(db: &Db, columns: &[SealedColumn]) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for column in columns {
        let rows: Vec<(String, i64)> = on_db!(db, pool => sqlx::query_as(column.count).fetch_all(pool).await).map_err(failed)?;
        for (prefix, n) in rows {
            *counts.entry(key_of(&prefix).unwrap_or_default().to_owned()).or_default() += u64::try_from(n).unwrap_or(0);
        }
    }
    Ok(counts)
}

/// Seals one batch of a column again, beginning after a row. Gives the last row looked at and how many were written; `None` at the end.
pub async fn rotate_batch(db: &Db, cipher: &FieldCipher, column: &SealedColumn, after: Option<Uuid>) -> Result<Option<(Uuid, u64)>> {
    let others = format!("{}%", cipher.active_prefix()?);
    let rows: Vec<(Uuid, String)> =
        on_db!(db, pool => sqlx::query_as(column.select).bind(&others).bind(after).bind(BATCH_ROWS).fetch_all(pool).await)
            .map_err(failed)?;
    let Some((last, _)) = rows.last().cloned() else { return Ok(None) };
    // Opened and sealed before the transaction: writers wait for rows, not for ciphers.
    let mut replaced = Vec::with_capacity(rows.len());
    for (id, old) in rows {
        let text = cipher.open(column.purpose, &old).map_err(|e| {
            Error::startup(format!("{} 表 {} 列编号 {id} 的内容无法解密，已停在这里：{}", column.table, column.column, e.detail))
                .caused_by(e)
        })?;
        replaced.push((id, old, cipher.seal(column.purpose, &text)?));
    }
    let mut written = 0;
    let mut tx = db.begin().await?;
    for (id, old, new) in &replaced {
        written +=
            on_tx!(&mut tx, c => sqlx::query(column.update).bind(new).bind(id).bind(old).execute(c).await.map(|d| d.rows_affected()))
                .map_err(failed)?;
    }
    tx.commit().await?;
    Ok(Some((last, written)))
}

/// Seals everything again that does not carry the active key, and tells how far it is after every batch. Safe to stop and to repeat.
pub async fn rotate(db: &Db, cipher: &FieldCipher, columns: &[SealedColumn], mut tell: impl FnMut(Progress)) -> Result<Progress> {
    let known = cipher.key_ids();
    let counts = count_by_key(db, columns).await?;
    for (id, n) in &counts {
        if !known.contains(id) {
            return Err(Error::startup(format!(
                "有 {n} 项内容是用编号 {id} 的密钥加密的，密钥文件里没有这把密钥；请把它加回 keys 后再运行。"
            )));
        }
    }
    let active = known.first().cloned().unwrap_or_default();
    let total = counts.iter().filter(|(id, _)| **id != active).map(|(_, n)| n).sum();
    let mut progress = Progress { done: 0, total };
    for column in columns {
        let mut after = None;
        while let Some((last, written)) = rotate_batch(db, cipher, column, after).await? {
            after = Some(last);
            progress.done += written;
            tell(progress);
        }
    }
    Ok(progress)
}
