//! 封存: receipts under seals of the audit log, so that none can be changed, taken away or slipped in afterwards unnoticed.
//!
//! Posting writes no audit entry of its own: the log has one end, and every post would wait for every other. Instead, what came in is sealed together every few
//! seconds: one entry holds the number of receipts and a hash over them, and each receipt names the entry that seals it. A seal covers what a receipt says:
//! id, number, hash of the content as it was sent, instant. That never changes and is never removed, and the table refuses it: whoever changes or withdraws an
//! opinion, takes a batch of uploaded ones back, merges or erases accounts leaves it as it is.
//!
//! [`verify`] computes every seal anew. The log itself is checked in [`crate::audit::checking`]; its anchors make a seal as strong as an entry.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, QueryBuilder};
use tokio::sync::watch;

use crate::audit::{self, Act, NewEntry, reading};
use crate::error::{Error, Result};
use crate::ids::{Clock, IdSource, OpinionId};
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::text_enum;
use crate::{on_db, on_tx};

text_enum! {
    /// What is wrong with receipts that are sealed.
    Flaw {
        /// A receipt is not what was sealed.
        Changed = "changed", "回执与封存时不同";
        /// The seal covers more receipts than there are.
        Missing = "missing", "封存的回执有缺少";
        /// There are more receipts than the seal covers.
        Added = "added", "混入了没有封存的回执";
        /// A receipt names an entry that seals nothing.
        NoSeal = "no_seal", "回执所指的封存记录不存在";
    }
}

/// Receipts that do not agree with their seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Place of the sealing entry in the audit log.
    pub seal: i64,
    /// What is wrong.
    pub flaw: Flaw,
    /// Number of the receipt; `None` when the seal tells only that something is wrong.
    pub number: Option<String>,
}

/// Result of checking the seals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Entries of the log that seal receipts.
    pub seals: u64,
    /// Receipts that name one of them.
    pub receipts: u64,
    /// Receipts that are not sealed yet.
    pub waiting: i64,
    /// Differences found.
    pub different: u64,
    /// The first of them, [`MOST_NAMED`] at most.
    pub differences: Vec<Difference>,
}

impl Verification {
    fn note(&mut self, found: impl Iterator<Item = Difference>) {
        for difference in found {
            self.different += 1;
            if self.differences.len() < MOST_NAMED {
                self.differences.push(difference);
            }
        }
    }
}

#[derive(Clone, Debug, FromRow)]
struct Row {
    id: OpinionId,
    receipt_number: String,
    content_hash: String,
    posted_at: DateTime<Utc>,
    sealed_in: Option<i64>,
    seal_mark: Option<String>,
}

impl Row {
    /// SM3 over what the receipt says, each field with its length before it, so that no two receipts read the same.
    fn digest(&self) -> String {
        let mut bytes = Vec::new();
        for field in [&self.id.to_string(), &self.receipt_number, &self.content_hash, &self.posted_at.timestamp_micros().to_string()] {
            bytes.extend_from_slice(&(field.len() as u64).to_le_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        sm3_hex(&bytes)
    }

    /// The beginning of the digest, kept with the receipt.
    fn mark(&self) -> String {
        let mut digest = self.digest();
        digest.truncate(MARK_DIGITS);
        digest
    }
}

macro_rules! list_waiting {
    ($rest:literal) => {
        concat!(
            "SELECT id, receipt_number, content_hash, posted_at, sealed_in, seal_mark FROM opinion WHERE sealed_in IS NULL
            ORDER BY posted_at, id LIMIT $1",
            $rest
        )
    };
}

const FIND_WAITING: &str = "SELECT id FROM opinion WHERE sealed_in IS NULL LIMIT 1";
const COUNT_WAITING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE sealed_in IS NULL";
const LIST_WAITING: &str = list_waiting!("");
// Whoever holds one of the rows may wait for the end of the log, which the sealer holds already: what is held is left for the next time.
const LIST_FREE: &str = list_waiting!(" FOR NO KEY UPDATE SKIP LOCKED");
const LIST_SEALED: &str = "SELECT id, receipt_number, content_hash, posted_at, sealed_in, seal_mark FROM opinion
    WHERE sealed_in > $1 AND sealed_in <= $2 ORDER BY sealed_in, id";
// Receipts that name an entry after the last that seals any.
const COUNT_STRAYS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE sealed_in > $1";
const LIST_STRAYS: &str = "SELECT sealed_in, receipt_number FROM opinion WHERE sealed_in > $1 ORDER BY sealed_in, id LIMIT $2";
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(7239019)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_WAITING, COUNT_WAITING, LIST_WAITING, LIST_SEALED, COUNT_STRAYS, LIST_STRAYS];

/// Number of the migration that brought seals: a database without it has none.
pub const MIGRATION: i64 = 19;
/// Receipts under one seal at most.
pub const MOST: u32 = 2_000;
/// Differences that are named one by one.
pub const MOST_NAMED: usize = 20;
/// Hexadecimal digits of the digest that are kept with a receipt.
const MARK_DIGITS: usize = 16;
/// Seals that are checked at a time.
const SEALS_AT_ONCE: i64 = 20;
/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(10);
/// Time after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);

/// Seals up to `most` receipts that wait, the oldest first, in one entry of the log, and says how many; nothing while another instance does.
pub async fn seal_some(db: &Db, clock: &Clock, most: u32) -> Result<u32> {
    let waiting: Option<OpinionId> = on_db!(db, pool => sqlx::query_scalar(FIND_WAITING).fetch_optional(pool).await).map_err(failed)?;
    if waiting.is_none() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    if let Tx::Postgres(transaction) = &mut tx {
        let is_alone: bool = sqlx::query_scalar(LOCK).fetch_one(&mut **transaction).await.map_err(failed)?;
        if !is_alone {
            return Ok(0);
        }
    }
    // Before the rows: nobody waits for them while this waits for its turn at the log.
    audit::hold(&mut tx).await?;
    let rows: Vec<Row> = match &mut tx {
        Tx::Sqlite(transaction) => sqlx::query_as(LIST_WAITING).bind(i64::from(most)).fetch_all(&mut **transaction).await,
        Tx::Postgres(transaction) => sqlx::query_as(LIST_FREE).bind(i64::from(most)).fetch_all(&mut **transaction).await,
    }
    .map_err(failed)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let detail = format!("{} {}", rows.len(), root_of(&rows));
    let entry =
        NewEntry { account_id: None, act: Act::SealReceipts, subject: "opinion", subject_id: None, is_success: true, detail: &detail };
    // Not last in the transaction: the rows that are written after it are held already.
    let seal = audit::append_numbered(&mut tx, clock, entry).await?;
    let marks: Vec<(OpinionId, String)> = rows.iter().map(|row| (row.id, row.mark())).collect();
    let written: u64 = on_tx!(&mut tx, c => {
        let mut update = QueryBuilder::new("UPDATE opinion SET sealed_in = ");
        update.push_bind(seal);
        update.push(", seal_mark = m.column2 FROM (");
        update.push_values(&marks, |mut row, (opinion, mark)| {
            row.push_bind(*opinion).push_bind(mark.clone());
        });
        update.push(") AS m WHERE opinion.id = m.column1 AND opinion.sealed_in IS NULL");
        update.build().execute(c).await.map(|d| d.rows_affected())
    })
    .map_err(failed)?;
    if written != rows.len() as u64 {
        return Err(Error::defect(format_args!("a seal over {} receipts was written to {written}", rows.len())));
    }
    tx.commit().await?;
    Ok(u32::try_from(rows.len()).unwrap_or(most))
}

/// Hash over receipts in the order of their ids.
fn root_of(rows: &[Row]) -> String {
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by_key(|row| row.id);
    let digests: Vec<String> = sorted.into_iter().map(Row::digest).collect();
    sm3_hex(digests.concat().as_bytes())
}

/// Receipts that are not sealed yet.
pub async fn count_waiting(db: &Db) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_WAITING).fetch_one(pool).await).map_err(failed)
}

/// Computes every seal of the log anew, beside the running service. Whether the log itself holds is checked elsewhere.
pub async fn verify(db: &Db) -> Result<Verification> {
    let mut checked = Verification { waiting: count_waiting(db).await?, ..Verification::default() };
    let mut after = i64::MIN;
    loop {
        let seals = reading::list_details(db, Act::SealReceipts, after, SEALS_AT_ONCE).await?;
        let Some(until) = seals.last().map(|(seal, _)| *seal) else {
            let (strays, named) = find_strays(db, after).await?;
            if strays > 0 && !reading::list_details(db, Act::SealReceipts, after, 1).await?.is_empty() {
                // Sealed while this looked.
                continue;
            }
            checked.different += strays.saturating_sub(named.len() as u64);
            checked.note(named.into_iter());
            return Ok(checked);
        };
        let found: Vec<Row> =
            on_db!(db, pool => sqlx::query_as(LIST_SEALED).bind(after).bind(until).fetch_all(pool).await).map_err(failed)?;
        let mut rows: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
        for row in found {
            rows.entry(row.sealed_in.unwrap_or_default()).or_default().push(row);
        }
        for (seal, detail) in &seals {
            let own = rows.remove(seal).unwrap_or_default();
            checked.seals += 1;
            checked.receipts += own.len() as u64;
            checked.note(judge(*seal, detail, &own).into_iter());
        }
        for (seal, strays) in rows {
            checked.note(strays.into_iter().map(|row| Difference { seal, flaw: Flaw::NoSeal, number: Some(row.receipt_number) }));
        }
        after = until;
    }
}

/// How many receipts name an entry after `after`, where none seals any, and the first of them: a log that lost its seals leaves all receipts like that.
async fn find_strays(db: &Db, after: i64) -> Result<(u64, Vec<Difference>)> {
    let count: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_STRAYS).bind(after).fetch_one(pool).await).map_err(failed)?;
    let most = count.min(MOST_NAMED as i64);
    let named: Vec<(i64, String)> =
        on_db!(db, pool => sqlx::query_as(LIST_STRAYS).bind(after).bind(most).fetch_all(pool).await).map_err(failed)?;
    let named = named.into_iter().map(|(seal, number)| Difference { seal, flaw: Flaw::NoSeal, number: Some(number) });
    Ok((u64::try_from(count).unwrap_or_default(), named.collect()))
}

/// What does not agree among the receipts that name a seal, which says their number and the hash over them.
fn judge(seal: i64, detail: &str, rows: &[Row]) -> Vec<Difference> {
    let (count, root) = detail.split_once(' ').unwrap_or_default();
    let mut found: Vec<Difference> = rows
        .iter()
        .filter(|row| row.seal_mark.as_deref() != Some(row.mark().as_str()))
        .map(|row| Difference { seal, flaw: Flaw::Changed, number: Some(row.receipt_number.clone()) })
        .collect();
    match count.parse::<usize>().map(|count| rows.len().cmp(&count)) {
        Ok(Ordering::Less) => found.push(Difference { seal, flaw: Flaw::Missing, number: None }),
        Ok(Ordering::Greater) => found.push(Difference { seal, flaw: Flaw::Added, number: None }),
        Ok(Ordering::Equal) | Err(_) => {}
    }
    // Whoever changed a receipt may have changed its mark too; the seal tells all the same.
    if found.is_empty() && root != root_of(rows) {
        found.push(Difference { seal, flaw: Flaw::Changed, number: None });
    }
    found
}

/// Seals from time to time, and once more when the service stops; `report` hears how many receipts wait. A failure is logged and tried again.
pub async fn seal_until_stopped(db: Db, clock: Clock, ids: IdSource, mut stopping: watch::Receiver<bool>, report: impl Fn(i64)) {
    loop {
        let pause = match seal_and_count(&db, &clock).await {
            Ok((waiting, is_full)) => {
                report(waiting);
                if is_full { Duration::ZERO } else { PAUSE }
            }
            Err(error) => {
                tracing::error!(cause = error.cause_chain(), "receipts could not be sealed; it is tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        if *stopping.borrow_and_update() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(ids.about(pause)) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

async fn seal_and_count(db: &Db, clock: &Clock) -> Result<(i64, bool)> {
    let sealed = seal_some(db, clock, MOST).await?;
    Ok((count_waiting(db).await?, sealed == MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(count: u128) -> (String, Vec<Row>) {
        let mut rows: Vec<Row> = (1..=count)
            .map(|n| Row {
                id: OpinionId(uuid::Uuid::from_u128(n)),
                receipt_number: format!("YJ20260302-{n:010}"),
                content_hash: sm3_hex(&n.to_le_bytes()),
                posted_at: DateTime::UNIX_EPOCH,
                sealed_in: Some(7),
                seal_mark: None,
            })
            .collect();
        for row in &mut rows {
            row.seal_mark = Some(row.mark());
        }
        (format!("{} {}", rows.len(), root_of(&rows)), rows)
    }

    fn flaws(detail: &str, rows: &[Row]) -> Vec<(Flaw, Option<String>)> {
        judge(7, detail, rows).into_iter().map(|found| (found.flaw, found.number)).collect()
    }

    #[test]
    fn a_seal_holds_in_any_order_of_its_receipts() {
        let (detail, mut rows) = sealed(3);
        assert!(flaws(&detail, &rows).is_empty());
        rows.reverse();
        assert!(flaws(&detail, &rows).is_empty());
    }

    #[test]
    fn a_changed_receipt_is_named() {
        let (detail, rows) = sealed(3);
        let changes: [fn(&mut Row); 4] = [
            |row| row.id = OpinionId(uuid::Uuid::from_u128(9)),
            |row| row.receipt_number.push('0'),
            |row| row.content_hash.clear(),
            |row| row.posted_at += chrono::Duration::microseconds(1),
        ];
        for change in changes {
            let mut rows = rows.clone();
            change(&mut rows[1]);
            assert_eq!(flaws(&detail, &rows), [(Flaw::Changed, Some(rows[1].receipt_number.clone()))]);
            // With a mark to go with it only the seal tells.
            rows[1].seal_mark = Some(rows[1].mark());
            assert_eq!(flaws(&detail, &rows), [(Flaw::Changed, None)]);
        }
    }

    #[test]
    fn a_receipt_more_or_less_is_seen() {
        let (detail, rows) = sealed(3);
        assert_eq!(flaws(&detail, &rows[..2]), [(Flaw::Missing, None)]);
        assert_eq!(flaws(&detail, &[]), [(Flaw::Missing, None)]);
        assert_eq!(flaws(&detail, &sealed(4).1), [(Flaw::Added, None)]);
        assert_eq!(flaws("", &rows), [(Flaw::Changed, None)], "what is no seal seals nothing");
    }
}
