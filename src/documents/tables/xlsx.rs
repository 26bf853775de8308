//! Office Open XML workbooks (.xlsx), cell by cell: what a sheet claims about its size is never believed.

use std::io::Cursor;

use calamine::{Data, DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError, open_workbook_from_rs};

use super::rows::{Budget, Growing, Hidden, Region, moment, number};
use super::{TableFile, TableFormat, TableLimits, damaged, encrypted, parts};
use crate::documents::archive::Archive;
use crate::error::{Error, Result};

pub(super) fn read(bytes: &[u8], archive: &mut Archive<Cursor<&[u8]>>, limits: &TableLimits) -> Result<TableFile> {
    let findings = parts::look_through(archive)?;
    let mut book: Xlsx<Cursor<&[u8]>> = open_workbook_from_rs(Cursor::new(bytes)).map_err(refused)?;
    let is_1904 = book.has_1904_epoch();
    let sheets = book.sheets_metadata().to_vec();
    let mut budget = Budget::new(limits);
    let mut tables = Vec::new();
    let mut hidden = Hidden::default();
    for sheet in sheets.into_iter().filter(|sheet| sheet.typ == SheetType::WorkSheet) {
        if sheet.visible != SheetVisible::Visible {
            hidden.add(&sheet.name);
            continue;
        }
        let mut table = Growing::new(&mut budget, &sheet.name, is_1904)?;
        let mut cells = book.worksheet_cells_reader(&sheet.name).map_err(refused)?;
        while let Some(cell) = cells.next_cell().map_err(refused)? {
            let (row, column) = cell.get_position();
            match cell.get_value() {
                DataRef::Empty => {}
                DataRef::SharedString(words) => table.put(row, column, words)?,
                other => table.put(row, column, &words(&Data::from(other.clone())))?,
            }
        }
        drop(cells);
        let regions = book.merge_cells_by_sheet_name(&sheet.name).map_err(refused)?;
        let regions: Vec<Region> = regions.iter().map(|r| Region { first: r.start, last: r.end }).collect();
        table.merge(&regions)?;
        tables.extend(table.finish());
    }
    let mut notices = budget.notices();
    notices.extend(hidden.notice());
    let mut say = |is_so: bool, sentence: String| {
        if is_so {
            notices.push(sentence);
        }
    };
    say(findings.hidden_rows > 0, format!("表格中有 {} 个隐藏的行，也一并读入。", findings.hidden_rows));
    say(findings.formulas > 0, format!("表格中有 {} 个公式，没有计算，采用文件中保存的结果。", findings.formulas));
    say(findings.has_macros, "文件中含有宏，没有读取，也不会运行。".into());
    say(findings.has_outside_links, "文件中含有指向其他文件或数据源的链接，没有打开，采用表中保存的值。".into());
    let kept: u64 = tables.iter().map(|table| table.rows.len() as u64).sum();
    let empty = findings.rows.saturating_sub(kept);
    say(empty >= 1000, format!("表格中有 {empty} 个没有内容的行，没有读入。"));
    Ok(TableFile { format: TableFormat::Xlsx, tables, around: String::new(), notices })
}

/// The words of a cell.
pub(super) fn words(value: &Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(words) | Data::DurationIso(words) => words.clone(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => number(*value),
        Data::Bool(true) => "是".into(),
        Data::Bool(false) => "否".into(),
        Data::Error(error) => error.to_string(),
        Data::DateTimeIso(words) => words.strip_suffix("T00:00:00").unwrap_or(words).replace('T', " "),
        // A time of day by itself has no day; years of two centuries are dates, other numbers only look like one.
        Data::DateTime(at) if at.is_datetime() && (1.0..110_000.0).contains(&at.as_f64()) => moment(at.to_ymd_hms_milli()),
        Data::DateTime(at) => number(at.as_f64()),
    }
}

fn refused(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => encrypted(),
        other => damaged(other),
    }
}
