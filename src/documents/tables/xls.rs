//! Excel 97–2003 workbooks (.xls).

use std::io::Cursor;

use calamine::{Reader, SheetType, SheetVisible, Xls, XlsError, open_workbook_from_rs};

use super::rows::{Budget, Growing, Hidden, Region};
use super::xlsx::words;
use super::{TableFile, TableFormat, TableLimits, biff, damaged, encrypted};
use crate::error::{Error, Result};

pub(super) fn read(bytes: &[u8], limits: &TableLimits) -> Result<TableFile> {
    let findings = biff::look_through(bytes, limits)?;
    let mut book: Xls<Cursor<Vec<u8>>> = open_workbook_from_rs(Cursor::new(findings.workbook)).map_err(refused)?;
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
        let range = book.worksheet_range(&sheet.name).map_err(refused)?;
        let (top, left) = range.start().unwrap_or_default();
        let mut table = Growing::new(&mut budget, &sheet.name, is_1904)?;
        for (row, column, value) in range.used_cells() {
            let (row, column) = (u32::try_from(row).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX));
            table.put(top.saturating_add(row), left.saturating_add(column), &words(value))?;
        }
        let regions = book.merge_cells_by_sheet_name(&sheet.name).unwrap_or_default();
        let regions: Vec<Region> = regions.iter().map(|r| Region { first: r.start, last: r.end }).collect();
        table.merge(&regions)?;
        tables.extend(table.finish());
    }
    let mut notices = budget.notices();
    notices.extend(hidden.notice());
    if findings.formulas > 0 {
        notices.push(format!("表格中有 {} 个公式，没有计算，采用文件中保存的结果。", findings.formulas));
    }
    if findings.has_macros {
        notices.push("文件中含有宏，没有读取，也不会运行。".into());
    }
    Ok(TableFile { format: TableFormat::Xls, tables, around: String::new(), notices })
}

fn refused(error: XlsError) -> Error {
    match error {
        XlsError::Password => encrypted(),
        other => damaged(other),
    }
}
