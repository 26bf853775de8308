//! The file → rows and columns.

use std::collections::HashMap;

use sqlx::QueryBuilder;
use sqlx::types::Json;
use uuid::Uuid;

use super::receiving::overtaken;
use super::{Batch, Sheet, Uploads, seal};
use crate::accounts::Caller;
use crate::contact_points::assignments;
use crate::contact_points::materials::marked_version;
use crate::documents::tables::{self, Table, TableFile, TableLimits};
use crate::error::{Error, Result};
use crate::ids::DraftVersionId;
use crate::opinions::offline::columns::{Field, recognise};
use crate::storage::blobs::BlobHash;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Rows written in one transaction, and by one statement.
const ROWS_PER_TRANSACTION: usize = 1_000;
const ROWS_PER_STATEMENT: usize = 100;

/// Said of a template that was made for another version.
const OUTDATED: &str = "这份表格是按草案的另一稿生成的，条款可能有变动，请核对每一行对应的条文；新的表格在任务页面下载。";

const FORGET_ROWS: &str = "DELETE FROM upload_row WHERE batch_id = $1";
const INSERT_ROWS: &str = "INSERT INTO upload_row (batch_id, ordinal, id, sheet, row_number, cells_sealed, state, problems, has_warnings, provision_label, skip_reason) ";
const PROGRESS: &str = "UPDATE upload_batch SET done = $3, total = $4, heard_at = $5 WHERE id = $1 AND worker = $2";
const FINISH: &str = "UPDATE upload_batch SET state = 'checking', revision = revision + 1, done = 0, total = $3, heard_at = $4, format = $5, layout = $6, notices = $7
    WHERE id = $1 AND worker = $2 AND state = 'reading'";
const REMEMBERED: &str = "SELECT signature, fields FROM upload_mapping WHERE contact_point_id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FORGET_ROWS, PROGRESS, FINISH, REMEMBERED];

/// Reads the file of a batch. Begun anew after a break, it forgets what it had.
pub(super) async fn read(at: &Uploads, caller: &Caller, batch: &Batch, worker: Uuid) -> Result<()> {
    let hash = BlobHash::parse(&batch.blob_hash).ok_or_else(|| Error::defect("a batch without a content"))?;
    let bytes = at.blobs.get(&hash).await?;
    let name = batch.name.clone();
    let mut file = tokio::task::spawn_blocking(move || tables::read(&name, &bytes, &TableLimits::default()))
        .await
        .map_err(|e| Error::internal("reading a table broke off", e))??;
    let known: Vec<(String, Json<Vec<Field>>)> =
        on_db!(&at.db, pool => sqlx::query_as(REMEMBERED).bind(batch.contact_point_id).fetch_all(pool).await).map_err(failed)?;
    let known: HashMap<String, Vec<Field>> = known.into_iter().map(|(signature, fields)| (signature, fields.0)).collect();
    let sheets = sheets_of(&file, &known);
    let assignment = assignments::get_own(&at.db, caller, batch.assignment_id).await?;
    if is_made_for_another(&file, assignment.version_id) {
        file.notices.push(OUTDATED.into());
    }
    let total = i64::try_from(file.tables.iter().map(|table| table.rows.len()).sum::<usize>()).unwrap_or(i64::MAX);
    let mut tx = at.db.begin().await?;
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
            let heard: u64 = on_tx!(&mut tx, c => sqlx::query(PROGRESS)
                .bind(batch.id).bind(worker).bind(ordinal).bind(total).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
            if heard == 0 {
                return Err(overtaken());
            }
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

/// The sheets of a file with their columns: as somebody mapped the same headings before, else as they are recognised.
fn sheets_of(file: &TableFile, known: &HashMap<String, Vec<Field>>) -> Vec<Sheet> {
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
            && let Some(before) = sheets.last().filter(|before| goes_on(before, table))
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

fn goes_on(before: &Sheet, table: &Table) -> bool {
    let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    before.layout.is_certain && width > 1 && width <= before.layout.columns.len() && width + 2 >= before.layout.columns.len()
}
