//! Rows on their way from a reader: bounded, in order, with merged cells filled.

use super::{Row, Table, TableLimits};
use crate::error::{Code, Error, Result};

/// Places of merged regions that are looked at for each cell that a file may have.
const LOOKS_PER_CELL: usize = 8;
/// Hidden sheets that are named.
const NAMED: usize = 20;
/// Longest name of a sheet, in characters.
const NAME_CHARACTERS: usize = 100;

/// What is left of the limits of one file, and what was left out.
pub(super) struct Budget<'a> {
    limits: &'a TableLimits,
    rows: usize,
    cells: usize,
    text_bytes: usize,
    tables: usize,
    /// Places that merged regions were looked at, over all sheets.
    looks: usize,
    pub left_out_right: bool,
}

/// A merged region, from 0, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    pub first: (u32, u32),
    pub last: (u32, u32),
}

impl<'a> Budget<'a> {
    pub fn new(limits: &'a TableLimits) -> Budget<'a> {
        Budget { limits, rows: 0, cells: 0, text_bytes: 0, tables: 0, looks: 0, left_out_right: false }
    }

    fn row(&mut self) -> Result<()> {
        self.rows += 1;
        if self.rows > self.limits.max_rows {
            return Err(Error::new(Code::TooLarge, format!("表格超过上限 {} 行，请分成几个文件上传。", self.limits.max_rows)));
        }
        Ok(())
    }

    fn cell(&mut self, bytes: usize) -> Result<()> {
        self.cells += 1;
        self.text_bytes += bytes;
        if self.cells > self.limits.max_cells {
            return Err(Error::new(
                Code::TooLarge,
                format!("表格超过上限 {} 个单元格（合并单元格按其覆盖的格数计算），请分成几个文件上传。", self.limits.max_cells),
            ));
        }
        if self.text_bytes > self.limits.max_text_bytes {
            return Err(Error::new(
                Code::TooLarge,
                format!("表格中的文字超过上限 {} MB，请分成几个文件上传。", self.limits.max_text_bytes >> 20),
            ));
        }
        Ok(())
    }

    /// Counts places of a merged region. Regions do not overlap in what people make, so they cover little more than there are cells.
    fn look(&mut self, places: usize) -> Result<()> {
        self.looks = self.looks.saturating_add(places);
        if self.looks > self.limits.max_cells.saturating_mul(LOOKS_PER_CELL) {
            return Err(Error::new(Code::TooLarge, "合并单元格互相重叠过多，可能是恶意文件，没有读取。"));
        }
        Ok(())
    }

    pub fn notices(&self) -> Vec<String> {
        let limit = self.limits.max_columns;
        self.left_out_right.then(|| format!("第 {limit} 列以右还有内容，没有读入。")).into_iter().collect()
    }
}

/// A table that grows cell by cell.
pub(super) struct Growing<'b, 'a> {
    budget: &'b mut Budget<'a>,
    table: Table,
}

impl<'b, 'a> Growing<'b, 'a> {
    pub fn new(budget: &'b mut Budget<'a>, sheet: &str, is_1904: bool) -> Result<Growing<'b, 'a>> {
        budget.tables += 1;
        if budget.tables > budget.limits.max_tables {
            return Err(Error::new(Code::TooLarge, format!("文件超过上限 {} 个工作表或表格。", budget.limits.max_tables)));
        }
        Ok(Growing { budget, table: Table { sheet: named(sheet), is_1904, ..Table::default() } })
    }

    /// Adds words at a place counted from 0. Cells come row by row; empty words leave no trace.
    pub fn put(&mut self, row: u32, column: u32, words: &str) -> Result<()> {
        let words = tidy(words);
        if words.is_empty() {
            return Ok(());
        }
        let column = column as usize;
        if column >= self.budget.limits.max_columns {
            self.budget.left_out_right = true;
            return Ok(());
        }
        self.budget.cell(words.len())?;
        let number = row.saturating_add(1);
        match self.table.rows.last().map(|last| last.number) {
            Some(last) if last == number => {}
            Some(last) if last > number => return Err(super::unreadable("工作表中行的次序混乱")),
            _ => {
                self.budget.row()?;
                self.table.rows.push(Row { number, ..Row::default() });
            }
        }
        if let Some(row) = self.table.rows.last_mut() {
            place(&mut row.cells, column, words);
        }
        Ok(())
    }

    /// Fills merged regions from their first cells. Only rows with words of their own are filled.
    pub fn merge(&mut self, regions: &[Region]) -> Result<()> {
        for region in regions {
            let ((top, left), (bottom, right)) = (region.first, region.last);
            let right = right.min(self.budget.limits.max_columns as u32 - 1);
            if top > bottom || left > right {
                continue;
            }
            let from = self.table.rows.partition_point(|row| row.number <= top);
            let Some(first) = self.table.rows.get(from).filter(|row| row.number == top + 1) else { continue };
            let words = first.cell(left as usize).to_owned();
            if words.is_empty() {
                continue;
            }
            for row in self.table.rows.iter_mut().skip(from).take_while(|row| row.number <= bottom.saturating_add(1)) {
                self.budget.look((right - left) as usize + 1)?;
                for column in left..=right {
                    if !row.cell(column as usize).is_empty() {
                        continue;
                    }
                    self.budget.cell(words.len())?;
                    place(&mut row.cells, column as usize, words.clone());
                    if let Some(spread) = u16::try_from(column).ok().filter(|c| u32::from(*c) > left) {
                        row.spread.push(spread);
                    }
                }
            }
        }
        for row in &mut self.table.rows {
            row.spread.sort_unstable();
        }
        Ok(())
    }

    /// The table; `None` without content.
    pub fn finish(mut self) -> Option<Table> {
        let (first, last) = (self.table.rows.first()?.number, self.table.rows.last()?.number);
        self.table.first_row = first;
        self.table.blank_rows = last - u32::try_from(self.table.rows.len()).unwrap_or(last);
        Some(self.table)
    }
}

/// The name of a sheet, as far as it is kept.
fn named(sheet: &str) -> String {
    sheet.chars().take(NAME_CHARACTERS).collect()
}

/// Sheets that are left out because they are hidden.
#[derive(Default)]
pub(super) struct Hidden {
    named: Vec<String>,
    count: usize,
}

impl Hidden {
    pub fn add(&mut self, sheet: &str) {
        self.count += 1;
        if self.count <= NAMED {
            self.named.push(format!("“{}”", named(sheet)));
        }
    }

    pub fn notice(&self) -> Option<String> {
        let more = if self.count > NAMED { format!("等 {} 张", self.count) } else { String::new() };
        let names = self.named.join("、");
        (self.count > 0).then(|| format!("隐藏的工作表{names}{more}没有读入；其中如有意见，请取消隐藏后重新上传。"))
    }
}

fn place(cells: &mut Vec<String>, column: usize, words: String) {
    if cells.len() <= column {
        cells.resize(column + 1, String::new());
    }
    if let Some(cell) = cells.get_mut(column) {
        *cell = words;
    }
}

/// Words without control characters and without white space around them; one kind of line end.
fn tidy(words: &str) -> String {
    let is_space = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    let words = words.trim_matches(is_space);
    if !words.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return words.replace("_x000D_", "");
    }
    words.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// A number as people write it: 12, not 12.0.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { value.to_string() }
}

/// An instant in a cell: the day, and the time of day where it has one.
pub(super) fn moment((year, month, day, hour, minute, second, _): (u16, u8, u8, u8, u8, u8, u16)) -> String {
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}
