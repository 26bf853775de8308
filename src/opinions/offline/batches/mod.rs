//! 上传批次: files of opinions that the staff of a contact point upload, from the dry run to the commit and back.
//!
//! A batch is read and judged in the background; nothing of it is an opinion before somebody commits it. Every row of the file is a row here, so what came in
//! adds up: ready, duplicate, problem, skipped and rows that are no opinion. Work that a restart broke off goes on by itself where it stopped.
//!
//! A batch belongs to the point, and to the station of who uploaded it: for an account of another station it does not exist, staff of the whole point have all.
//!
//! | file | what |
//! |---|---|
//! | `receiving` | taking a file in, once; working in the background; going on after a break |
//! | `taking_up` | going on by itself when whoever worked is silent; letting go when the instance stops |
//! | `reading` | the file → rows and columns |
//! | `weighing` | rows → what they become, and what is wrong with them |
//! | `mapping` | what columns say, and what holds for the whole batch, decided by a person |
//! | `rows` | listing rows, correcting one, leaving one out |
//! | `committing`, `undoing` | rows → opinions, and back |
//! | `returning` | the file with an extra column of problems |

mod committing;
mod mapping;
mod reading;
mod receiving;
mod returning;
mod rows;
mod taking_up;
mod undoing;
mod weighing;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::columns::Layout;
use super::judging::Defaults;
use super::recording::Recorder;
use crate::accounts::Caller;
use crate::config::Rules;
use crate::contact_points::assignments::{self, own_point};
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, Clock, ContactPointId, IdSource, UploadBatchId};
use crate::opinions::Taken;
use crate::opinions::moderation::words::WordList;
use crate::storage::blobs::Blobs;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::crypto::{DataKey, FieldCipher};
use crate::storage::leases;
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, sealed_column, text_enum};

pub use committing::{Which, commit, count_open, list_left_out};
pub use mapping::{map_columns, set_defaults};
pub use receiving::{Uploaded, count_working, get_original, resume, upload, work};
pub use returning::{Returned, return_file};
pub use rows::{BatchRow, RowFilter, correct_row, count_undated, get_row, list_rows, sample_rows, skip_row};
pub use taking_up::{TakenUp, begin, take_up, take_up_until_stopped};
pub(in crate::opinions::offline) use undoing::{Undone, revive};
pub use undoing::{discard, undo};

/// Statements of the files of this folder, for the test that prepares them on both engines.
pub const STATEMENT_LISTS: &[&[&str]] = &[
    STATEMENTS,
    receiving::STATEMENTS,
    taking_up::STATEMENTS,
    reading::STATEMENTS,
    weighing::STATEMENTS,
    mapping::STATEMENTS,
    rows::STATEMENTS,
    committing::STATEMENTS,
    undoing::STATEMENTS,
];

text_enum! {
    /// Where a batch stands.
    BatchState {
        /// The file is being read.
        Reading = "reading", "正在读取";
        /// A person has to say what the columns are.
        Mapping = "mapping", "待对应列";
        /// The rows are being judged.
        Checking = "checking", "正在试导入";
        /// The dry run is done.
        Checked = "checked", "试导入完成";
        /// Rows are becoming opinions.
        Committing = "committing", "正在导入";
        /// They have.
        Committed = "committed", "已导入";
        /// Everything it created was taken back.
        Undone = "undone", "已撤销";
        /// It was given up before anything was created.
        Discarded = "discarded", "已放弃";
        /// The file cannot be read.
        Failed = "failed", "无法读取";
    }
}

impl BatchState {
    /// Whether work goes on in the background.
    pub fn is_working(self) -> bool {
        matches!(self, BatchState::Reading | BatchState::Checking | BatchState::Committing)
    }

    /// Whether columns and rows may be changed.
    pub fn is_open(self) -> bool {
        matches!(self, BatchState::Mapping | BatchState::Checked)
    }
}

text_enum! {
    /// Where a row stands.
    RowState {
        /// Not judged yet.
        Pending = "pending", "待检查";
        /// It can become an opinion.
        Ready = "ready", "可以导入";
        /// The same opinion stands already, or comes earlier in the file.
        Duplicate = "duplicate", "重复";
        /// Something has to be corrected.
        Problem = "problem", "需要更正";
        /// A person left it out, with a reason.
        Skipped = "skipped", "已跳过";
        /// A heading, a footer, an empty line of the form.
        NotOpinion = "not_opinion", "非意见行";
        /// It is an opinion.
        Committed = "committed", "已导入";
        /// It was one, and was taken back with the batch.
        Undone = "undone", "已撤销";
    }
}

/// What a sealed row is sealed for.
const ROW_PURPOSE: &str = "upload-row";

/// Sealed rows.
pub const SEALED_ROWS: SealedColumn = sealed_column!("upload_row", "cells_sealed", ROW_PURPOSE);

/// What uploads work with. Cheap enough to hand to the background.
#[derive(Clone)]
pub struct Uploads {
    /// Where batches are kept.
    pub db: Db,
    /// Originals, on a shelf of their own.
    pub blobs: Blobs,
    /// The present.
    pub clock: Clock,
    /// Ids.
    pub ids: IdSource,
    /// What the installation wishes.
    pub rules: Arc<Rules>,
    /// Key of keyed hashes.
    pub key: DataKey,
    /// Seals rows, names and contacts.
    pub cipher: FieldCipher,
    /// Words that keep an opinion from being shown unseen.
    pub words: Arc<WordList>,
    /// Counts what was taken.
    pub taken: Taken,
}

/// The shelf of uploaded files in the store of originals.
pub const SHELF: &str = "uploads/";
/// The column that names them.
pub const ORIGINALS: ContentColumn = ContentColumn { table: "upload_batch", column: "blob_hash", shelf: SHELF };

impl Uploads {
    /// What recording one opinion works with.
    pub fn recorder(&self) -> Recorder<'_> {
        Recorder {
            db: &self.db,
            clock: &self.clock,
            ids: &self.ids,
            rules: &self.rules,
            key: &self.key,
            cipher: &self.cipher,
            words: &self.words,
            taken: &self.taken,
        }
    }
}

/// A sheet of a file and what its columns say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Its name; empty for a file without sheets.
    pub name: String,
    /// Whether its rows are taken; a sheet of notes is not.
    pub is_used: bool,
    /// Whether serial numbers of days count from 1904.
    pub is_1904: bool,
    /// Ordinal of its first row.
    pub first_ordinal: i64,
    /// Rows with content.
    pub rows: i64,
    /// Rows without, before the last one with content.
    pub blank_rows: i64,
    /// Its columns.
    pub layout: Layout,
    /// Whether its columns were mapped as somebody mapped the same headings before.
    #[serde(default)]
    pub is_remembered: bool,
}

/// Rows of a batch by what they became. They add up to the rows of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state.
    pub by_state: BTreeMap<String, i64>,
    /// Rows that can be or were committed with something unsure about them.
    pub with_warnings: i64,
}

impl Counts {
    /// Rows in a state.
    pub fn of(&self, state: RowState) -> i64 {
        self.by_state.get(state.as_str()).copied().unwrap_or(0)
    }

    /// All rows with content.
    pub fn all(&self) -> i64 {
        self.by_state.values().sum()
    }
}

/// A batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Id.
    pub id: UploadBatchId,
    /// What it was uploaded for.
    pub assignment_id: AssignmentId,
    /// The point.
    pub contact_point_id: ContactPointId,
    /// Name of the file.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// What the file is; empty until it was read.
    pub format: String,
    /// Where it stands.
    pub state: BatchState,
    /// One more with each change.
    pub revision: i64,
    /// Rows worked through.
    pub done: i64,
    /// Rows to be worked through; 0 while unknown.
    pub total: i64,
    /// Last news of the work.
    pub heard_at: DateTime<Utc>,
    /// Why the work broke off; empty otherwise.
    pub failure: String,
    /// Its sheets.
    pub sheets: Vec<Sheet>,
    /// What a person should know about how it was read.
    pub notices: Vec<String>,
    /// What holds for rows that do not say it.
    pub defaults: Defaults,
    /// Who uploaded it, as pages show them.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: DateTime<Utc>,
    /// When it was committed.
    pub committed_at: Option<DateTime<Utc>>,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// Why.
    pub undo_reason: String,
    /// Rows by what they became.
    pub counts: Counts,
    is_claimed: bool,
    blob_hash: String,
}

impl Batch {
    /// Whether work should go on and nobody works.
    pub fn is_stalled(&self, now: DateTime<Utc>, rules: &Rules) -> bool {
        self.state.is_working() && (!self.is_claimed || self.heard_at < leases::silent_before(rules, now))
    }

    /// The share that is done, in percent.
    pub fn percent(&self) -> Option<u8> {
        (self.total > 0).then(|| u8::try_from(self.done.clamp(0, self.total) * 100 / self.total).unwrap_or(100))
    }

    fn require(&self, revision: i64, may: bool, act: &str) -> Result<()> {
        if !may {
            return Err(Error::new(Code::Conflict, format!("这一批目前处于“{}”，不能{act}。", self.state.label())));
        }
        if self.revision != revision {
            return Err(Error::new(Code::Conflict, "这一批刚刚有了变化，请刷新页面后再操作。"));
        }
        Ok(())
    }
}

#[derive(FromRow)]
struct Row {
    id: UploadBatchId,
    assignment_id: AssignmentId,
    contact_point_id: ContactPointId,
    name: String,
    blob_hash: String,
    size_bytes: i64,
    format: String,
    state: String,
    revision: i64,
    done: i64,
    total: i64,
    heard_at: DateTime<Utc>,
    worker: Option<Uuid>,
    failure: String,
    layout: Json<Vec<Sheet>>,
    notices: Json<Vec<String>>,
    defaults: Json<Defaults>,
    uploaded_by: String,
    uploaded_at: DateTime<Utc>,
    committed_at: Option<DateTime<Utc>>,
    undone_at: Option<DateTime<Utc>>,
    undo_reason: String,
}

impl Row {
    fn into_batch(self, counts: Counts) -> Result<Batch> {
        Ok(Batch {
            id: self.id,
            assignment_id: self.assignment_id,
            contact_point_id: self.contact_point_id,
            name: self.name,
            blob_hash: self.blob_hash,
            size_bytes: self.size_bytes,
            format: self.format,
            state: BatchState::stored(&self.state)?,
            revision: self.revision,
            done: self.done,
            total: self.total,
            heard_at: self.heard_at,
            is_claimed: self.worker.is_some(),
            failure: self.failure,
            sheets: self.layout.0,
            notices: self.notices.0,
            defaults: self.defaults.0,
            uploaded_by: self.uploaded_by,
            uploaded_at: self.uploaded_at,
            committed_at: self.committed_at,
            undone_at: self.undone_at,
            undo_reason: self.undo_reason,
            counts,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.assignment_id, b.contact_point_id, b.name, b.blob_hash, b.size_bytes, b.format, b.state, b.revision, b.done, b.total, b.heard_at, b.worker,
            b.failure, b.layout, b.notices, b.defaults, u.display_name AS uploaded_by, b.uploaded_at, b.committed_at, b.undone_at, b.undo_reason
            FROM upload_batch b JOIN account u ON u.id = b.uploaded_by ",
            $rest
        )
    };
}

const FIND_OWN: &str = select!("WHERE b.id = $1 AND b.contact_point_id = $2 AND (u.station_id = $3 OR $3 IS NULL)");
const FIND_SAME: &str = select!("WHERE b.assignment_id = $1 AND b.blob_hash = $2 AND b.state NOT IN ('undone', 'discarded', 'failed')");
const LIST_OWN: &str = select!(
    "WHERE b.assignment_id = $1 AND b.contact_point_id = $2 AND (u.station_id = $3 OR $3 IS NULL)
    AND ((b.uploaded_at, b.id) < ($4, $5) OR $4 IS NULL) ORDER BY b.uploaded_at DESC, b.id DESC LIMIT $6"
);
const COUNT: &str = "SELECT state, CAST(COUNT(*) AS BIGINT), CAST(COUNT(*) FILTER (WHERE has_warnings) AS BIGINT) FROM upload_row WHERE batch_id = $1 GROUP BY state";
const HOLD: &str = "UPDATE upload_batch SET revision = revision WHERE id = $1 AND contact_point_id = $2
    AND (EXISTS (SELECT 1 FROM account u WHERE u.id = uploaded_by AND u.station_id = $3) OR $3 IS NULL)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_OWN, FIND_SAME, LIST_OWN, COUNT, HOLD];

fn absent() -> Error {
    Error::not_found("这个上传批次")
}

fn counts_of(rows: Vec<(String, i64, i64)>) -> Counts {
    let with_warnings = rows.iter().filter(|(state, ..)| matches!(state.as_str(), "ready" | "committed")).map(|(_, _, n)| n).sum();
    Counts { by_state: rows.into_iter().map(|(state, n, _)| (state, n)).collect(), with_warnings }
}

/// A batch of the caller's own point, for an account of a station of that station; "not found" for any other.
pub async fn get_batch(db: &Db, caller: &Caller, id: UploadBatchId) -> Result<Batch> {
    let point = own_point(caller)?;
    let row: Option<Row> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(id).bind(point).bind(caller.station).fetch_optional(pool).await)
            .map_err(failed)?;
    let row = row.ok_or_else(absent)?;
    let counts: Vec<(String, i64, i64)> = on_db!(db, pool => sqlx::query_as(COUNT).bind(id).fetch_all(pool).await).map_err(failed)?;
    row.into_batch(counts_of(counts))
}

/// Batches of an assignment of the caller's own point, the newest first; an account of a station sees those of its station.
pub async fn list_batches(db: &Db, caller: &Caller, assignment: AssignmentId, cursor: Option<&str>, limit: usize) -> Result<Page<Batch>> {
    let own = assignments::get_own(db, caller, assignment).await?;
    let before: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = before.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_OWN)
        .bind(own.id).bind(own.contact_point_id).bind(caller.station).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.uploaded_at, row.id));
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        let id = row.id;
        let counts: Vec<(String, i64, i64)> = on_db!(db, pool => sqlx::query_as(COUNT).bind(id).fetch_all(pool).await).map_err(failed)?;
        items.push(row.into_batch(counts_of(counts))?);
    }
    Ok(Page { items, next: page.next })
}

/// A batch as [`get_batch`] finds it, held until the transaction ends. One that is not the caller's is not held either.
async fn hold_batch(tx: &mut Tx, caller: &Caller, id: UploadBatchId) -> Result<Batch> {
    let point = own_point(caller)?;
    on_tx!(&mut *tx, c => sqlx::query(HOLD).bind(id).bind(point).bind(caller.station).execute(c).await.map(drop)).map_err(failed)?;
    let row: Option<Row> =
        on_tx!(&mut *tx, c => sqlx::query_as(FIND_OWN).bind(id).bind(point).bind(caller.station).fetch_optional(c).await)
            .map_err(failed)?;
    let row = row.ok_or_else(absent)?;
    let counts: Vec<(String, i64, i64)> = on_tx!(&mut *tx, c => sqlx::query_as(COUNT).bind(id).fetch_all(c).await).map_err(failed)?;
    row.into_batch(counts_of(counts))
}

/// Seals a row of cells.
fn seal(cipher: &FieldCipher, row: &crate::documents::tables::Row) -> Result<String> {
    let words = serde_json::to_string(row).map_err(|e| Error::internal("a row cannot be written", e))?;
    cipher.seal(ROW_PURPOSE, &words)
}

/// Opens a sealed row of cells.
fn open(cipher: &FieldCipher, sealed: &str) -> Result<crate::documents::tables::Row> {
    let words = cipher.open(ROW_PURPOSE, sealed)?;
    serde_json::from_str(&words).map_err(|e| Error::internal("a row cannot be read", e))
}
