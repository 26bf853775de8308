//! Rows of a batch: listing them, correcting one, leaving one out.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;

use super::weighing::{JUDGE, Standard, Verdict, find_standing, repeats, verdict};
use super::{Batch, RowState, Uploads, get_batch, hold_batch, open, seal};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::documents::tables;
use crate::error::{Code, Error, Result};
use crate::ids::{ConsultationId, OpinionId, UploadBatchId};
use crate::opinions::offline::columns::Field;
use crate::opinions::offline::judging::{Judge, Problem};
use crate::opinions::offline::recording::{self, alike_content};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Longest cell that a person may write, in characters.
const CELL_CHARACTERS: usize = 32_000;
/// Longest reason, in characters.
const REASON_CHARACTERS: usize = 200;

/// Which rows a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowFilter {
    /// In this state; `None` = all.
    pub state: Option<RowState>,
    /// Only those about which something is unsure.
    pub has_warnings: bool,
}

/// A row.
#[derive(Clone, Debug)]
pub struct BatchRow {
    /// From 0, over all sheets.
    pub ordinal: i64,
    /// Index of its sheet.
    pub sheet: usize,
    /// Number in the sheet.
    pub number: i64,
    /// Its cells, one for each column of the sheet.
    pub cells: Vec<String>,
    /// Where it stands.
    pub state: RowState,
    /// What is wrong or unsure.
    pub problems: Vec<Problem>,
    /// Where the opinion hangs, as cited; empty while unknown.
    pub provision_label: String,
    /// Why a person left it out.
    pub skip_reason: String,
    /// When it was last corrected, in microseconds; 0 = never. A correction names what it was made on.
    pub seen: i64,
    /// The opinion that it became.
    pub opinion_id: Option<OpinionId>,
}

#[derive(FromRow)]
struct Row {
    ordinal: i64,
    sheet: i64,
    row_number: i64,
    cells_sealed: String,
    state: String,
    problems: Json<Vec<Problem>>,
    provision_label: String,
    skip_reason: String,
    corrected_at: Option<DateTime<Utc>>,
    opinion_id: Option<OpinionId>,
    content_hash: Option<String>,
}

impl Row {
    fn into_row(self, at: &Uploads, batch: &Batch) -> Result<BatchRow> {
        let sheet = usize::try_from(self.sheet).unwrap_or(0);
        let row = open(&at.cipher, &self.cells_sealed)?;
        let width = batch.sheets.get(sheet).map_or(0, |s| s.layout.columns.len()).max(row.cells.len());
        Ok(BatchRow {
            ordinal: self.ordinal,
            sheet,
            number: self.row_number,
            cells: (0..width).map(|column| row.own(column).to_owned()).collect(),
            state: RowState::stored(&self.state)?,
            problems: self.problems.0,
            provision_label: self.provision_label,
            skip_reason: self.skip_reason,
            seen: seen(self.corrected_at),
            opinion_id: self.opinion_id,
        })
    }
}

fn seen(corrected_at: Option<DateTime<Utc>>) -> i64 {
    corrected_at.map_or(0, |at| at.timestamp_micros())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT ordinal, sheet, row_number, cells_sealed, state, problems, provision_label, skip_reason, corrected_at, opinion_id, content_hash
            FROM upload_row ",
            $rest
        )
    };
}

const LIST: &str =
    select!("WHERE batch_id = $1 AND (state = $2 OR $2 IS NULL) AND (has_warnings OR NOT $3) AND ordinal > $4 ORDER BY ordinal LIMIT $5");
const FIND: &str = select!("WHERE batch_id = $1 AND ordinal = $2");
const SAME: &str = select!(
    "WHERE batch_id = $1 AND content_hash = $2 AND ordinal <> $3 AND state IN ('ready', 'duplicate', 'committed') ORDER BY CASE WHEN state = 'duplicate' THEN 1 ELSE 0 END, ordinal LIMIT 1"
);
const CORRECT: &str = "UPDATE upload_row SET cells_sealed = $3, corrected_by = $4, corrected_at = $5, skip_reason = '', state = 'pending' WHERE batch_id = $1 AND ordinal = $2";
const SKIP: &str = "UPDATE upload_row SET state = 'skipped', skip_reason = $3, has_warnings = FALSE, corrected_by = $4, content_hash = NULL WHERE batch_id = $1 AND ordinal = $2";
const READY_OF_SHEETS: &str =
    "SELECT sheet, CAST(COUNT(*) AS BIGINT) FROM upload_row WHERE batch_id = $1 AND state = 'ready' GROUP BY sheet";
const TOUCH: &str = "UPDATE upload_batch SET revision = revision + 1 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, FIND, SAME, CORRECT, SKIP, READY_OF_SHEETS, TOUCH];

/// Rows of a batch of the caller's own point, in the order of the file.
pub async fn list_rows(
    at: &Uploads,
    caller: &Caller,
    id: UploadBatchId,
    filter: RowFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Batch, Page<BatchRow>)> {
    let batch = get_batch(&at.db, caller, id).await?;
    let after: i64 = cursor.map(decode_cursor).transpose()?.unwrap_or(-1);
    let rows = rows_after(&at.db, id, filter, after, limit + 1).await?;
    let page = Page::cut(rows, limit, |row| row.ordinal);
    let items: Result<Vec<BatchRow>> = page.items.into_iter().map(|row| row.into_row(at, &batch)).collect();
    Ok((batch, Page { items: items?, next: page.next }))
}

/// The first rows of a sheet of a batch that the caller was shown, below its heading.
pub async fn sample_rows(at: &Uploads, batch: &Batch, sheet: usize, most: usize) -> Result<Vec<BatchRow>> {
    let Some(found) = batch.sheets.get(sheet) else { return Ok(Vec::new()) };
    let heading = found.layout.heading.map_or(0, |first| first + found.layout.heading_rows);
    let after = found.first_ordinal + i64::try_from(heading).unwrap_or(0) - 1;
    let rows = rows_after(&at.db, batch.id, RowFilter::default(), after, most).await?;
    let rows: Result<Vec<BatchRow>> = rows.into_iter().map(|row| row.into_row(at, batch)).collect();
    Ok(rows?.into_iter().filter(|row| row.sheet == sheet).collect())
}

/// How many rows of a batch that the caller was shown are ready, but stand in a table that has no column for the day: they get that of the whole batch.
pub async fn count_undated(db: &Db, batch: &Batch) -> Result<i64> {
    let ready: Vec<(i64, i64)> =
        on_db!(db, pool => sqlx::query_as(READY_OF_SHEETS).bind(batch.id).fetch_all(pool).await).map_err(failed)?;
    let is_undated = |sheet: i64| {
        let sheet = usize::try_from(sheet).ok().and_then(|i| batch.sheets.get(i));
        sheet.is_some_and(|sheet| !sheet.layout.says(Field::Date))
    };
    Ok(ready.into_iter().filter(|(sheet, _)| is_undated(*sheet)).map(|(_, rows)| rows).sum())
}

async fn rows_after(db: &Db, id: UploadBatchId, filter: RowFilter, after: i64, limit: usize) -> Result<Vec<Row>> {
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX);
    on_db!(db, pool => sqlx::query_as(LIST)
        .bind(id).bind(filter.state.map(RowState::as_str)).bind(filter.has_warnings).bind(after).bind(wanted).fetch_all(pool).await)
    .map_err(failed)
}

/// One row.
pub async fn get_row(at: &Uploads, caller: &Caller, id: UploadBatchId, ordinal: i64) -> Result<(Batch, BatchRow)> {
    let batch = get_batch(&at.db, caller, id).await?;
    let row: Option<Row> =
        on_db!(&at.db, pool => sqlx::query_as(FIND).bind(id).bind(ordinal).fetch_optional(pool).await).map_err(failed)?;
    let row = row.ok_or_else(|| Error::not_found("这一行"))?.into_row(at, &batch)?;
    Ok((batch, row))
}

/// Writes other words into the cells of a row, and judges it anew. A skipped row comes back. `seen`: [`BatchRow::seen`] of what the person corrected;
/// `None` = whatever it is.
///
/// # Errors
/// [`Code::Conflict`] when somebody else corrected the row since.
pub async fn correct_row(
    at: &Uploads,
    caller: &Caller,
    id: UploadBatchId,
    ordinal: i64,
    cells: Vec<String>,
    seen: Option<i64>,
) -> Result<BatchRow> {
    if cells.len() > tables::TableLimits::default().max_columns || cells.iter().any(|cell| cell.chars().count() > CELL_CHARACTERS) {
        return Err(Error::invalid("cells", format!("每格不超过 {CELL_CHARACTERS} 个字。")));
    }
    change(at, caller, id, ordinal, Change::Cells(cells, seen)).await
}

/// Leaves a row out, with a reason.
pub async fn skip_row(at: &Uploads, caller: &Caller, id: UploadBatchId, ordinal: i64, reason: &str) -> Result<BatchRow> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请填写跳过这一行的理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    change(at, caller, id, ordinal, Change::Skip(reason.to_owned())).await
}

enum Change {
    Cells(Vec<String>, Option<i64>),
    Skip(String),
}

async fn change(at: &Uploads, caller: &Caller, id: UploadBatchId, ordinal: i64, change: Change) -> Result<BatchRow> {
    let batch = get_batch(&at.db, caller, id).await?;
    let standard = Standard::read(at, caller, &batch).await?;
    let naming = standard.naming();
    let mut tx = at.db.begin().await?;
    recording::hold(&mut tx, caller, &standard.assignment).await?;
    let held = hold_batch(&mut tx, caller, id).await?;
    let may = matches!(held.state, super::BatchState::Checked | super::BatchState::Committed);
    held.require(held.revision, may, "更正")?;
    let mut judge = standard.judge(at, caller, &held, &naming);
    let row = find(&mut tx, id, ordinal).await?;
    if matches!(row.state.as_str(), "committed" | "undone") {
        return Err(Error::new(Code::Conflict, "这一行已经导入，不能再改；需要改动的，请撤销这一批后重新上传。"));
    }
    let hash = row.content_hash.clone();
    let detail = format!("第 {} 行", row.row_number);
    match change {
        Change::Cells(_, Some(wanted)) if wanted != seen(row.corrected_at) => {
            return Err(Error::new(Code::Conflict, "这一行刚刚被其他同事改过，下面是最新的内容；请看过之后再改。"));
        }
        Change::Cells(cells, _) => {
            let mut kept = open(&at.cipher, &row.cells_sealed)?;
            // What stood in a merged cell further left stays there, unless a person wrote into the column.
            kept.spread.retain(|column| cells.get(usize::from(*column)).is_none_or(String::is_empty));
            for (column, words) in cells.into_iter().enumerate() {
                let is_spread = u16::try_from(column).is_ok_and(|c| kept.spread.contains(&c));
                if !is_spread {
                    if kept.cells.len() <= column {
                        kept.cells.resize(column + 1, String::new());
                    }
                    if let Some(cell) = kept.cells.get_mut(column) {
                        *cell =
                            words.replace("\r\n", "\n").trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
                    }
                }
            }
            let sealed = seal(&at.cipher, &kept)?;
            on_tx!(&mut tx, c => sqlx::query(CORRECT).bind(id).bind(ordinal).bind(&sealed).bind(caller.account_id).bind(at.clock.now()).execute(c).await.map(drop))
                .map_err(failed)?;
            judge_one(&mut tx, at, &held, &mut judge, standard.round.id, ordinal).await?;
        }
        Change::Skip(reason) => {
            on_tx!(&mut tx, c => sqlx::query(SKIP).bind(id).bind(ordinal).bind(&reason).bind(caller.account_id).execute(c).await.map(drop))
                .map_err(failed)?;
        }
    }
    // A row that only repeated this one may stand by itself now.
    if let Some(hash) = hash {
        let now = find(&mut tx, id, ordinal).await?;
        if now.content_hash.as_deref() != Some(hash.as_str()) {
            let next: Option<Row> =
                on_tx!(&mut tx, c => sqlx::query_as(SAME).bind(id).bind(&hash).bind(ordinal).fetch_optional(c).await).map_err(failed)?;
            if let Some(next) = next.filter(|next| next.state == RowState::Duplicate.as_str()) {
                judge_one(&mut tx, at, &held, &mut judge, standard.round.id, next.ordinal).await?;
            }
        }
    }
    on_tx!(&mut tx, c => sqlx::query(TOUCH).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::CorrectUploadRow,
        subject: "upload_batch",
        subject_id: Some(id.0),
        is_success: true,
        detail: &detail,
    };
    let row = find(&mut tx, id, ordinal).await?.into_row(at, &held)?;
    audit::append(&mut tx, &at.clock, entry).await?;
    tx.commit().await?;
    Ok(row)
}

async fn find(tx: &mut Tx, id: UploadBatchId, ordinal: i64) -> Result<Row> {
    let row: Option<Row> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).bind(ordinal).fetch_optional(c).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这一行"))
}

/// Judges one row anew, in the order of the file: of equal rows the first that is not left out counts.
async fn judge_one(tx: &mut Tx, at: &Uploads, batch: &Batch, judge: &mut Judge<'_>, round: ConsultationId, ordinal: i64) -> Result<()> {
    let row = find(tx, batch.id, ordinal).await?;
    let Some(sheet) = usize::try_from(row.sheet).ok().and_then(|i| batch.sheets.get(i)) else { return Ok(()) };
    let mut found: Verdict = verdict(at, judge, sheet, ordinal, &open(&at.cipher, &row.cells_sealed)?);
    if let Some(plain) = found.hash.clone().filter(|_| found.is_unnamed) {
        // The first place among the rows without a name that no other row of the file holds.
        let (mut alike, mut first) = (0, row.row_number);
        loop {
            let content = alike_content(&plain, alike);
            let held: Option<Row> =
                on_tx!(&mut *tx, c => sqlx::query_as(SAME).bind(batch.id).bind(&content).bind(ordinal).fetch_optional(c).await)
                    .map_err(failed)?;
            let Some(held) = held else { break };
            if alike == 0 {
                first = held.row_number;
            }
            alike += 1;
        }
        found = found.alike(alike, first);
    }
    let mut stands = match &found.hash {
        Some(hash) => find_standing(tx, round, batch.contact_point_id, hash).await?,
        None => None,
    };
    if let (None, Some(hash)) = (&stands, &found.hash) {
        let same: Option<Row> =
            on_tx!(&mut *tx, c => sqlx::query_as(SAME).bind(batch.id).bind(hash).bind(ordinal).fetch_optional(c).await).map_err(failed)?;
        stands = same.filter(|same| same.state != RowState::Duplicate.as_str()).map(|same| {
            let name = usize::try_from(same.sheet).ok().and_then(|i| batch.sheets.get(i)).map_or("", |s| s.name.as_str());
            repeats(if batch.sheets.len() > 1 { name } else { "" }, same.row_number)
        });
    }
    let found = found.against(stands);
    on_tx!(tx, c => sqlx::query(JUDGE)
        .bind(batch.id).bind(ordinal).bind(found.state.as_str()).bind(Json(&found.problems)).bind(found.has_warnings()).bind(&found.label).bind(&found.hash)
        .execute(c).await.map(drop))
    .map_err(failed)
}
