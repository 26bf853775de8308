//! Whether the audit log is whole.
//!
//! Three things are checked against each other. The *chain*: every entry holds the hash of the one before, so a changed, missing or exchanged
//! entry shows where it stands. The *tip*: the number of entries and the hash of the last, written with every entry, so a cut-off end shows.
//! *Anchors*: from time to time the tip under the installation's key, in the database, in a file of the data directory and in the service's log.
//!
//! What they show: without the key nobody can change, remove or exchange an entry before the last anchor unnoticed, even with every right on
//! the database. What they cannot show: what somebody does who holds the key and can write the database and the file as well; then the
//! anchors that the service wrote to its log, kept on another machine, are what is left to compare with (`zhitong audit verify --anchors`).
//! Entries after the last anchor are as safe as the triggers and the tip make them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use tokio::sync::watch;

use super::{Entry, hash_of};
use crate::error::{Error, Result};
use crate::ids::Clock;
use crate::storage::Db;
use crate::storage::crypto::DataKey;
use crate::storage::sql::failed;
use crate::text_enum;
use crate::{on_db, on_tx};

text_enum! {
    /// What is wrong with the log at its first wrong place.
    Break {
        /// The entry is not what was written, or stands where another was.
        Changed = "changed", "记录被改动或调换";
        /// The entry is not there, and later ones are.
        Missing = "missing", "记录被删除";
        /// The log once went on from here.
        CutOff = "cut_off", "末尾的记录被删除";
        /// The place does not agree with an anchor that was set under the installation's key.
        Anchor = "anchor", "与用密钥封存的锚点不一致";
    }
}

/// Result of checking the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Entries that hold, counted from the first.
    pub entries: i64,
    /// Hash of the last of them.
    pub last_hash: String,
    /// Place of the first entry that is missing or changed.
    pub broken_at: Option<i64>,
    /// What is wrong there.
    pub what: Option<Break>,
    /// Anchors that agree.
    pub anchors: u64,
}

/// The end of the log at some time, under the installation's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Anchor {
    /// Number of entries.
    pub entries: i64,
    /// Hash of the last of them.
    pub hash: String,
    /// When it was set.
    pub at: DateTime<Utc>,
    /// Keyed hash over number and hash.
    pub mac: String,
}

impl Anchor {
    fn mac_of(key: &DataKey, entries: i64, hash: &str) -> String {
        key.keyed_hash("audit-anchor", &format!("{entries}:{hash}"))
    }

    fn is_ours(&self, key: &DataKey) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.mac.as_bytes(), Self::mac_of(key, self.entries, &self.hash).as_bytes()).into()
    }
}

const LIST_FORWARD: &str = "SELECT seq, at, account_id, act, subject, subject_id, is_success, detail, previous_hash, hash FROM audit_entry
    WHERE seq > $1 ORDER BY seq LIMIT $2";
const TIP: &str = "SELECT entries, hash FROM audit_tip WHERE id = 1";
const LIST_ANCHORS: &str = "SELECT entries, hash, at, mac FROM audit_anchor ORDER BY entries";
const LAST_ANCHOR: &str = "SELECT entries, hash, at, mac FROM audit_anchor ORDER BY entries DESC LIMIT 1";
const INSERT_ANCHOR: &str = "INSERT INTO audit_anchor (entries, hash, at, mac) VALUES ($1, $2, $3, $4) ON CONFLICT (entries) DO NOTHING";
const OLDEST_UNANCHORED: &str =
    "SELECT at FROM audit_entry WHERE seq > (SELECT COALESCE(MAX(entries), 0) FROM audit_anchor) ORDER BY seq LIMIT 1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_FORWARD, TIP, LIST_ANCHORS, LAST_ANCHOR, INSERT_ANCHOR, OLDEST_UNANCHORED];

/// Rows read at a time when the chain is checked.
const VERIFY_ROWS: i64 = 1_000;
/// Time between two anchors.
const ANCHOR_EVERY: Duration = Duration::from_secs(10 * 60);
/// Largest file of anchors that is read, in bytes.
const ANCHOR_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Name of the file of anchors in the data directory.
pub const ANCHOR_FILE: &str = "audit-anchors.jsonl";

/// Checks chain and tip.
pub async fn verify(db: &Db) -> Result<Verification> {
    walk(db, 0, String::new(), &BTreeMap::new()).await
}

/// Checks chain, tip, the anchors of the database, and anchors that were kept elsewhere.
pub async fn verify_anchored(db: &Db, key: &DataKey, kept: &[Anchor]) -> Result<Verification> {
    let stored: Vec<Anchor> = on_db!(db, pool => sqlx::query_as(LIST_ANCHORS).fetch_all(pool).await).map_err(failed)?;
    let mut anchors: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut forged = None;
    for anchor in stored.iter().chain(kept) {
        if anchor.is_ours(key) {
            anchors.entry(anchor.entries).or_default().push(anchor.hash.clone());
        } else {
            forged = Some(forged.map_or(anchor.entries, |at: i64| at.min(anchor.entries)));
        }
    }
    let mut checked = walk(db, 0, String::new(), &anchors).await?;
    if let Some(at) = forged.filter(|at| checked.broken_at.is_none_or(|broken| *at < broken)) {
        checked.broken_at = Some(at);
        checked.what = Some(Break::Anchor);
    }
    Ok(checked)
}

/// Walks the chain from after an entry whose hash is known.
async fn walk(db: &Db, from: i64, hash: String, anchors: &BTreeMap<i64, Vec<String>>) -> Result<Verification> {
    // Read before the entries: what is appended meanwhile only adds to them.
    let tip: Option<(i64, String)> = on_db!(db, pool => sqlx::query_as(TIP).fetch_optional(pool).await).map_err(failed)?;
    let mut checked = Verification { entries: from, last_hash: hash, broken_at: None, what: None, anchors: 0 };
    let broken = |mut checked: Verification, at: i64, what: Break| {
        checked.broken_at = Some(at);
        checked.what = Some(what);
        Ok(checked)
    };
    loop {
        let rows: Vec<Entry> =
            on_db!(db, pool => sqlx::query_as(LIST_FORWARD).bind(checked.entries).bind(VERIFY_ROWS).fetch_all(pool).await)
                .map_err(failed)?;
        if rows.is_empty() {
            break;
        }
        for entry in rows {
            let expected = checked.entries + 1;
            if entry.seq != expected {
                return broken(checked, expected, Break::Missing);
            }
            if entry.previous_hash != checked.last_hash || entry.hash != hash_of(&entry) {
                return broken(checked, expected, Break::Changed);
            }
            if tip.as_ref().is_some_and(|(entries, hash)| *entries == expected && *hash != entry.hash) {
                return broken(checked, expected, Break::Changed);
            }
            for anchored in anchors.get(&expected).into_iter().flatten() {
                if *anchored != entry.hash {
                    return broken(checked, expected, Break::Anchor);
                }
                checked.anchors += 1;
            }
            checked.entries = entry.seq;
            checked.last_hash = entry.hash;
        }
    }
    let reached = checked.entries;
    let was = tip.map_or(0, |(entries, _)| entries).max(anchors.keys().next_back().copied().unwrap_or(0));
    if was > reached {
        return broken(checked, reached + 1, Break::CutOff);
    }
    // A log with entries has a tip; without one it was taken away.
    if tip_is_missing(db, reached).await? {
        return broken(checked, reached + 1, Break::CutOff);
    }
    Ok(checked)
}

async fn tip_is_missing(db: &Db, entries: i64) -> Result<bool> {
    let tip: Option<(i64, String)> = on_db!(db, pool => sqlx::query_as(TIP).fetch_optional(pool).await).map_err(failed)?;
    Ok(entries > 0 && tip.is_none_or(|(tip, _)| tip == 0))
}

/// Sets an anchor at the present end, after checking what was written since the last one. `None` when nothing was written since, and when the
/// log does not hold: an anchor would make a break look sound. A break is logged.
pub async fn set_anchor(db: &Db, clock: &Clock, key: &DataKey) -> Result<Option<Anchor>> {
    let last: Option<Anchor> = on_db!(db, pool => sqlx::query_as(LAST_ANCHOR).fetch_optional(pool).await).map_err(failed)?;
    let (from, hash) = last.filter(|anchor| anchor.is_ours(key)).map(|a| (a.entries, a.hash)).unwrap_or_default();
    let checked = walk(db, from, hash, &BTreeMap::new()).await?;
    if let Some(at) = checked.broken_at {
        tracing::error!(at, entries = checked.entries, "the audit log does not hold; no anchor is set. Run zhitong audit verify");
        return Ok(None);
    }
    if checked.entries == from {
        return Ok(None);
    }
    let mac = Anchor::mac_of(key, checked.entries, &checked.last_hash);
    let anchor = Anchor { entries: checked.entries, hash: checked.last_hash, at: clock.now(), mac };
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT_ANCHOR)
        .bind(anchor.entries).bind(&anchor.hash).bind(anchor.at).bind(&anchor.mac).execute(c).await.map(drop))
    .map_err(failed)?;
    tx.commit().await?;
    Ok(Some(anchor))
}

/// When the oldest entry was written that no anchor holds yet; `None` = all are held.
pub async fn oldest_unanchored(db: &Db) -> Result<Option<DateTime<Utc>>> {
    on_db!(db, pool => sqlx::query_scalar(OLDEST_UNANCHORED).fetch_optional(pool).await).map_err(failed)
}

/// Adds an anchor to a file, one JSON object a line.
pub fn keep_in_file(file: &Path, anchor: &Anchor) -> Result<()> {
    let mut line = serde_json::to_string(anchor).map_err(|e| Error::internal("an anchor cannot be written", e))?;
    line.push('\n');
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()?;
    Ok(())
}

/// Reads a file of anchors. A last line that a power cut left half-written is passed over.
pub fn read_file(file: &Path) -> Result<Vec<Anchor>> {
    let unreadable = |why: String| Error::startup(format!("无法读取锚点文件 {}：{why}。", file.display()));
    if std::fs::metadata(file).map_err(|e| unreadable(e.to_string()))?.len() > ANCHOR_FILE_BYTES {
        return Err(unreadable("文件过大".into()));
    }
    let text = std::fs::read_to_string(file).map_err(|e| unreadable(e.to_string()))?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().enumerate().map(|(i, line)| serde_json::from_str(line).map_err(|e| unreadable(format!("第 {} 行：{e}", i + 1)))).collect()
}

/// Sets an anchor now, from time to time, and once more when the service stops.
pub async fn anchor_until_stopped(db: Db, clock: Clock, key: DataKey, file: PathBuf, mut stopping: watch::Receiver<bool>) {
    loop {
        match set_anchor(&db, &clock, &key).await {
            Ok(Some(anchor)) => {
                tracing::info!(entries = anchor.entries, hash = anchor.hash, mac = anchor.mac, "the audit log is anchored");
                if let Err(error) = keep_in_file(&file, &anchor) {
                    tracing::error!(cause = error.cause_chain(), "the anchor of the audit log cannot be kept in its file");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(cause = error.cause_chain(), "the audit log could not be anchored: {error}"),
        }
        if *stopping.borrow() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(ANCHOR_EVERY) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}
