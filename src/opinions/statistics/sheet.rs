//! The numbers as a spreadsheet: the table as it stands on the page, and what was counted.

use chrono::NaiveDate;

use super::Table;
use crate::calendar;
use crate::documents::writing::xlsx::{Cell, Column, SheetWriter};
use crate::error::Result;

/// The bytes of a table of numbers as a .xlsx. `conditions` says what was counted, as name and value; the day of making follows them.
pub fn write_sheet(table: &Table, conditions: &[(&str, String)], bureau: &str, made_on: NaiveDate) -> Result<Vec<u8>> {
    let mut book = SheetWriter::new("意见征集统计", bureau, made_on)?;
    let columns: Vec<Column> = std::iter::once(Column { name: table.by.label(), width: 40 })
        .chain(table.measures.iter().map(|measure| Column { name: measure.label(), width: 14 }))
        .collect();
    book.table("统计", &columns)?;
    for row in table.rows.iter().chain([&table.total]) {
        let numbers = table.measures.iter().map(|m| row.numbers.get(m.as_str()).map_or(Cell::text(""), |n| Cell::Number(*n)));
        book.row(std::iter::once(Cell::text(row.label.clone())).chain(numbers).collect())?;
    }
    book.table("统计范围", &[Column { name: "项目", width: 20 }, Column { name: "内容", width: 60 }])?;
    for (name, value) in conditions {
        book.row(vec![Cell::text(*name), Cell::text(value.clone())])?;
    }
    book.row(vec![Cell::text("制表日期"), Cell::text(calendar::written(made_on))])?;
    for note in [
        "“不同文本”和“具名的人”在各行之间可能重复，合计按全部意见另行计算，不等于各行相加。",
        "“具名的人”包括登录提交的人和在纸质意见上署名的人；没有署名的意见不计人数。",
        "统计供内部工作使用，不作排名。",
    ] {
        book.row(vec![Cell::text("说明"), Cell::text(note)])?;
    }
    book.finish()
}
