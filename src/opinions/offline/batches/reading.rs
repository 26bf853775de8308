//! The file → rows and columns.

use std::collections::HashMap;

use sqlx::QueryBuilder;
use sqlx::types::Json;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use uuid::Uuid;

use super::{Batch, Sheet, Uploads, seal};
use crate::accounts::Caller;
use crate::contact_points::assignments;
use crate::contact_points::materials::marked_version;
use crate::documents::tables::{self, Table, TableFile, TableLimits};
use crate::documents::unreadable;
use crate::error::{Error, Result};
use crate::ids::DraftVersionId;
use crate::opinions::offline::columns::{Field, cut, recognise, take_back};
use crate::storage::Tx;
use crate::storage::blobs::BlobHash;
use crate::storage::leases::overtaken;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Rows written in one transaction, and by one statement.
const ROWS_PER_TRANSACTION: usize = 1_000;
const ROWS_PER_STATEMENT: usize = 100;

/// Files that are read at the same time, because each may take much memory; who comes when all are busy waits.
static READERS: Semaphore = Semaphore::const_new(2);

/// Said of a template that was made for another version.
const OUTDATED: &str = "这份表格是按草案的另一稿生成的，条款可能有变动，请核对每一行对应的条文；新的表格在任务页面下载。";

const FORGET_ROWS: &str = "DELETE FROM upload_row WHERE batch_id = $1";
const INSERT_ROWS: &str = "INSERT INTO upload_row (batch_id, ordinal, id, sheet, row_number, cells_sealed, state, problems, has_warnings, provision_label, skip_reason) ";
const PROGRESS: &str = "UPDATE upload_batch SET done = $3, total = $4, heard_at = $5 WHERE id = $1 AND worker = $2";
const FINISH: &str = "UPDATE upload_batch SET state = 'checking', revision = revision + 1, attempts = 1, done = 0, total = $3, heard_at = $4, format = $5, layout = $6, notices = $7
    WHERE id = $1 AND worker = $2 AND state = 'reading'";
const REMEMBERED: &str = "SELECT signature, fields FROM upload_mapping WHERE contact_point_id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FORGET_ROWS, PROGRESS, FINISH, REMEMBERED];

/// Reads the file of a batch. Begun anew after a break, it forgets what it had.
pub(super) async fn read(at: &Uploads, caller: &Caller, batch: &Batch, worker: Uuid) -> Result<()> {
    let mut file = table_file(at, batch).await?;
    let mut is_returned = false;
    for table in &mut file.tables {
        is_returned |= take_back(table);
    }
    let known: Vec<(String, Json<Vec<Field>>)> =
        on_db!(&at.db, pool => sqlx::query_as(REMEMBERED).bind(batch.contact_point_id).fetch_all(pool).await).map_err(failed)?;
    let known: HashMap<String, Vec<Field>> = known.into_iter().map(|(signature, fields)| (signature, fields.0)).collect();
    let sheets = sheets_of(&file, &known, is_returned);
    if is_returned {
        // Our remarks beside a table that goes on without a heading.
        for (table, sheet) in file.tables.iter_mut().zip(&sheets).filter(|(_, sheet)| sheet.layout.heading.is_none()) {
            table.rows.iter_mut().for_each(|row| cut(row, sheet.layout.columns.len()));
        }
    }
    let assignment = assignments::get_own(&at.db, caller, batch.assignment_id).await?;
    if is_made_for_another(&file, assignment.version_id) {
        file.notices.push(OUTDATED.into());
    }
    let total = i64::try_from(file.tables.iter().map(|table| table.rows.len()).sum::<usize>()).unwrap_or(i64::MAX);
    let mut tx = at.db.begin().await?;
    // Whoever was overtaken while the file was read must not touch the rows of the other.
    say_progress(&mut tx, at, batch, worker, 0, total).await?;
    on_tx!(&mut tx, c => sqlx::query(FORGET_ROWS).bind(batch.id).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await?;
    let mut ordinal = 0i64;
    for (index, table) in (0i64..).zip(&file.tables) {
        for part in table.rows.chunks(ROWS_PER_TRANSACTION) {
            // Sealed before the transaction: writers wait for rows, not for ciphers.
            let mut sealed = Vec::with_capacity(part.len());
            for row in part {
                sealed.push((ordinal, at.ids.next(), i64::from(row.number), seal(&at.cipher, row)?));
                ordinal += 1;
            }
            let mut tx = at.db.begin().await?;
            for chunk in sealed.chunks(ROWS_PER_STATEMENT) {
                on_tx!(&mut tx, c => {
                    let mut insert = QueryBuilder::new(INSERT_ROWS);
                    insert.push_values(chunk, |mut values, (ordinal, id, number, cells)| {
                        values.push_bind(batch.id).push_bind(*ordinal).push_bind(*id).push_bind(index).push_bind(*number).push_bind(cells.as_str())
                            .push_bind("pending").push_bind(Json(Vec::<String>::new())).push_bind(false).push_bind("").push_bind("");
                    });
                    insert.build().execute(c).await.map(drop)
                })
                .map_err(failed)?;
            }
            say_progress(&mut tx, at, batch, worker, ordinal, total).await?;
            tx.commit().await?;
        }
    }
    let mut tx = at.db.begin().await?;
    let finished: u64 = on_tx!(&mut tx, c => sqlx::query(FINISH)
        .bind(batch.id).bind(worker).bind(total).bind(at.clock.now()).bind(file.format.as_str()).bind(Json(&sheets)).bind(Json(&file.notices))
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if finished == 0 {
        return Err(overtaken());
    }
    tx.commit().await
}

/// Says how far the work is, and with it that it goes on; an error when somebody else took it over.
async fn say_progress(tx: &mut Tx, at: &Uploads, batch: &Batch, worker: Uuid, done: i64, total: i64) -> Result<()> {
    let heard: u64 = on_tx!(tx, c => sqlx::query(PROGRESS)
        .bind(batch.id).bind(worker).bind(done).bind(total).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if heard == 0 { Err(overtaken()) } else { Ok(()) }
}

/// The tables of the file of a batch.
async fn table_file(at: &Uploads, batch: &Batch) -> Result<TableFile> {
    let place = READERS.acquire().await.map_err(|error| Error::internal("the readers of tables are closed", error))?;
    let hash = BlobHash::parse(&batch.blob_hash).ok_or_else(|| Error::defect("a batch without a content"))?;
    let bytes = at.blobs.get(&hash).await?;
    let name = batch.name.clone();
    let read = move || {
        // Kept until the file is read, also when nobody waits for it any more.
        let _place = place;
        tables::read(&name, &bytes, &TableLimits::default())
    };
    tokio::task::spawn_blocking(read).await.map_err(broke_off)?
}

/// What it means that a reader did not come to its end: where it panicked, the file is at fault, and would be the next time as well.
fn broke_off(error: JoinError) -> Error {
    if error.is_panic() {
        tracing::warn!("a reader of tables panicked; the file is taken for damaged");
        return unreadable("表格内容已损坏，可能没有下载完；请用 Excel 或 WPS 打开并另存后再上传");
    }
    Error::internal("reading a table broke off", error)
}

/// The sheets of a file with their columns: as somebody mapped the same headings before, else as they are recognised.
fn sheets_of(file: &TableFile, known: &HashMap<String, Vec<Field>>, is_returned: bool) -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut first_ordinal = 0i64;
    for table in &file.tables {
        let rows = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
        let mut layout = recognise(table);
        let remembered = known.get(&layout.signature()).filter(|fields| fields.len() == layout.columns.len());
        let is_remembered = remembered.is_some();
        if let Some(fields) = remembered {
            layout = layout.mapped(fields);
        } else if !layout.is_certain
            && let Some(before) = sheets.last().filter(|before| goes_on(before, table, is_returned))
        {
            // A table that a page break cut in two has its heading only once.
            layout = before.layout.clone();
            (layout.heading, layout.heading_rows) = (None, 0);
        }
        sheets.push(Sheet {
            name: table.sheet.clone(),
            is_used: true,
            is_1904: table.is_1904,
            first_ordinal,
            rows,
            blank_rows: i64::from(table.blank_rows),
            layout,
            is_remembered,
        });
        first_ordinal += rows;
    }
    // Beside sheets that are understood, one that is not may be notes: it is left out and named, until a person wants it.
    if sheets.iter().any(|sheet| sheet.layout.is_certain) {
        for sheet in &mut sheets {
            sheet.is_used = sheet.layout.is_certain;
        }
    }
    sheets
}

/// Whether the file is a template of ours that was made for another version of the draft.
fn is_made_for_another(file: &TableFile, version: DraftVersionId) -> bool {
    let cells = file.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
    cells.flat_map(|cell| cell.lines()).chain(file.around.lines()).filter_map(marked_version).any(|marked| marked != version)
}

/// Whether a table may be the rest of the one before it. In a file that we handed back our remarks stand right of its columns.
fn goes_on(before: &Sheet, table: &Table, is_returned: bool) -> bool {
    let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let columns = before.layout.columns.len();
    before.layout.is_certain && width > 1 && width <= columns + usize::from(is_returned) && width + 2 >= columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::tables::Row;
    use crate::error::Code;

    #[tokio::test]
    async fn a_file_that_breaks_its_reader_is_damaged() {
        let panicked = tokio::task::spawn_blocking::<_, ()>(|| panic!("a defect of a library")).await.unwrap_err();
        let error = broke_off(panicked);
        assert!(error.code == Code::UnreadableFile && error.detail.contains("表格内容已损坏"), "{}", error.detail);
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert_eq!(broke_off(task.await.unwrap_err()).code, Code::Internal);
    }

    #[test]
    fn a_table_goes_on_beside_our_remarks() {
        let row = |number: u32, cells: &[&str]| Row { number, cells: cells.iter().map(|c| (*c).to_owned()).collect(), spread: Vec::new() };
        let table = |rows: Vec<Row>| Table { rows, ..Table::default() };
        let tables =
            vec![table(vec![row(1, &["条款", "意见"]), row(2, &["第一条", "改"])]), table(vec![row(1, &["第二条", "删", "需要更正：甲"])])];
        let file = TableFile { format: tables::TableFormat::Docx, tables, around: String::new(), notices: Vec::new() };
        let sheets = sheets_of(&file, &HashMap::new(), true);
        assert_eq!((sheets[1].layout.is_certain, sheets[1].layout.columns.len(), sheets[1].layout.heading), (true, 2, None));
        assert!(!sheets_of(&file, &HashMap::new(), false)[1].layout.is_certain);
    }
}
