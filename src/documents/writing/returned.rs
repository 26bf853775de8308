//! An uploaded table handed back with a column of remarks: every row where it stood, every cell as words.

use rust_xlsxwriter::{Color, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use crate::error::{Error, Result};

/// Longest text of a cell, in UTF-16 units; the format has 32,767.
const CELL_UNITS: usize = 32_700;
/// Rows and columns of the format.
const ROWS: i64 = 1_048_576;
/// Longest name of a sheet.
const NAME_CHARACTERS: usize = 31;

fn broken(error: XlsxError) -> Error {
    Error::internal("a spreadsheet could not be written", error)
}

/// A workbook on its way.
pub struct ReturnedSheets {
    book: Workbook,
    current: Option<Worksheet>,
    names: Vec<String>,
    plain: Format,
    remark: Format,
    error: Format,
}

impl Default for ReturnedSheets {
    fn default() -> Self {
        Self::new()
    }
}

impl ReturnedSheets {
    /// An empty one.
    pub fn new() -> ReturnedSheets {
        let plain = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let remark = plain.clone().set_font_color(Color::RGB(0x0F_4C81));
        let error = plain.clone().set_font_color(Color::RGB(0xB0_1E1E)).set_bold();
        ReturnedSheets { book: Workbook::new(), current: None, names: Vec::new(), plain, remark, error }
    }

    /// Begins a sheet of some columns.
    pub fn sheet(&mut self, name: &str, columns: usize) -> Result<()> {
        self.end_sheet();
        let mut sheet = self.book.new_worksheet_with_constant_memory().map_err(broken)?;
        let bare: String = name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(NAME_CHARACTERS).collect();
        let name = match bare.trim() {
            "" => format!("表格{}", self.names.len() + 1),
            bare if self.names.iter().any(|known| known.eq_ignore_ascii_case(bare)) => format!("表格{}", self.names.len() + 1),
            bare => bare.to_owned(),
        };
        sheet.set_name(&name).map_err(broken)?;
        self.names.push(name);
        for column in 0..columns {
            sheet.set_column_width(u16::try_from(column).unwrap_or(u16::MAX), 16).map_err(broken)?;
        }
        sheet.set_column_width(u16::try_from(columns).unwrap_or(u16::MAX), 60).map_err(broken)?;
        self.current = Some(sheet);
        Ok(())
    }

    /// Writes a row at its number; the remark stands right of the last column.
    pub fn row(&mut self, number: i64, cells: &[String], columns: usize, remark: &str, is_error: bool) -> Result<()> {
        let Some(sheet) = self.current.as_mut() else { return Err(Error::defect("a row without a sheet")) };
        let Some(row) = u32::try_from(number.clamp(1, ROWS) - 1).ok() else { return Ok(()) };
        for (column, words) in (0u16..).zip(cells).filter(|(_, words)| !words.is_empty()) {
            sheet.write_string_with_format(row, column, fitted(words), &self.plain).map_err(broken)?;
        }
        if !remark.is_empty() {
            let column = u16::try_from(columns.max(cells.len())).unwrap_or(u16::MAX);
            let format = if is_error { &self.error } else { &self.remark };
            sheet.write_string_with_format(row, column, fitted(remark), format).map_err(broken)?;
        }
        Ok(())
    }

    fn end_sheet(&mut self) {
        if let Some(sheet) = self.current.take() {
            self.book.push_worksheet(sheet);
        }
    }

    /// The bytes of the file.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.end_sheet();
        self.book.save_to_buffer().map_err(broken)
    }
}

fn fitted(words: &str) -> String {
    let mut units = 0;
    words
        .chars()
        .filter(|c| matches!(c, '\t' | '\n') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')))
        .take_while(|c| {
            units += c.len_utf16();
            units <= CELL_UNITS
        })
        .collect()
}

/// Separated values on their way.
pub struct CsvSheets {
    writer: csv::Writer<Vec<u8>>,
    last: i64,
}

impl Default for CsvSheets {
    fn default() -> Self {
        Self::new()
    }
}

impl CsvSheets {
    /// Nothing yet but the mark by which spreadsheets know UTF-8.
    pub fn new() -> CsvSheets {
        let writer = csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
        CsvSheets { writer, last: 0 }
    }

    /// Begins a sheet; the sheets stand one below the other.
    pub fn sheet(&mut self) {
        self.last = 0;
    }

    /// Writes a row; what a spreadsheet would take for a formula gets an apostrophe before it.
    pub fn row(&mut self, _number: i64, cells: &[String], columns: usize, remark: &str) -> Result<()> {
        self.last += 1;
        let wide = columns.max(cells.len());
        let words = (0..wide).map(|i| cells.get(i).map_or("", String::as_str)).chain(std::iter::once(remark));
        self.writer.write_record(words.map(harmless)).map_err(|e| Error::internal("separated values could not be written", e))
    }

    /// The bytes of the file.
    pub fn finish(self) -> Result<Vec<u8>> {
        self.writer.into_inner().map_err(|e| Error::internal("separated values could not be written", e.to_string()))
    }
}

/// Words that no spreadsheet takes for a formula.
pub fn harmless(words: &str) -> String {
    let first = words.trim_start_matches([' ', '\u{3000}']).chars().next();
    if first.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')) {
        return format!("'{words}");
    }
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::tables::{TableLimits, read};

    #[test]
    fn rows_come_back_where_they_stood_and_formulas_are_words() {
        let evil = "=cmd|'/c calc'!A1".to_owned();
        let mut book = ReturnedSheets::new();
        book.sheet("意见", 2).unwrap();
        book.row(3, &["条款".into(), "意见".into()], 2, "检查结果", false).unwrap();
        book.row(5, &["第一条".into(), evil.clone()], 2, "需要更正：甲", true).unwrap();
        book.sheet("意见", 1).unwrap();
        book.row(1, &["x".into()], 1, "", false).unwrap();
        let file = read("a.xlsx", &book.finish().unwrap(), &TableLimits::default()).unwrap();
        assert_eq!((file.tables.len(), file.notices.len()), (2, 0), "no formula: {:?}", file.notices);
        let rows: Vec<(u32, Vec<String>)> = file.tables[0].rows.iter().map(|r| (r.number, r.cells.clone())).collect();
        assert_eq!(
            rows,
            [(3, vec!["条款".into(), "意见".into(), "检查结果".into()]), (5, vec!["第一条".into(), evil.clone(), "需要更正：甲".into()])]
        );
        let mut csv = CsvSheets::new();
        csv.sheet();
        csv.row(1, &[evil, " +1".into(), "@a".into(), "-5".into(), "好，\"行\n".into()], 5, "").unwrap();
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        assert_eq!(text, "\u{feff}'=cmd|'/c calc'!A1,' +1,'@a,'-5,\"好，\"\"行\n\",\r\n");
    }
}
