//! Spreadsheets (.xlsx), written row by row: memory holds one row and the links, not the table.

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    Color, DataValidation, DataValidationErrorStyle, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, FormatUnderline, Url,
    Workbook, Worksheet, XlsxError,
};

use crate::error::{Error, Result};

/// Media type of a spreadsheet.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Rows below the head of a sheet; the format has 1,048,576 rows. What does not fit goes on in a further sheet.
const ROWS_PER_SHEET: u32 = 1_000_000;
/// Hyperlinks of a sheet; the format has 65,530. Further ones are plain words.
const LINKS_PER_SHEET: u32 = 65_000;
/// Longest text of a cell, in UTF-16 units; the format has 32,767.
const CELL_UNITS: usize = 32_700;
/// Height of a line, and the greatest of a row, in points; the format ends at 409.
const LINE_POINTS: f64 = 15.0;
const MOST_POINTS: f64 = 405.0;
/// What stands where a text was too long for a cell.
const CUT: &str = "……（内容过长，此处未完）";

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its head.
    pub name: &'static str,
    /// Its width, in characters of Latin script; a Chinese one takes two.
    pub width: u8,
}

/// A cell. Words are always written as words: what begins like a formula is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words; empty ones leave the cell empty.
    Text(String),
    /// A number.
    Number(i64),
    /// A day.
    Day(NaiveDate),
    /// A link, http or https, shown as its address; anything else is written as words.
    Link(String),
}

impl Cell {
    /// Words.
    pub fn text(words: impl Into<String>) -> Cell {
        Cell::Text(words.into())
    }
}

/// A spreadsheet on its way to becoming a file.
pub struct SheetWriter {
    book: Workbook,
    current: Option<Table>,
    wrapped: Format,
    day: Format,
    link: Format,
}

struct Table {
    sheet: Worksheet,
    name: String,
    columns: Vec<Column>,
    /// Sheets that this table has filled.
    filled: u32,
    row: u32,
    links: u32,
}

fn broken(error: XlsxError) -> Error {
    Error::internal("a spreadsheet could not be written", error)
}

impl SheetWriter {
    /// An empty one. `creator` is an organ, never a person.
    pub fn new(title: &str, creator: &str, made_on: NaiveDate) -> Result<SheetWriter> {
        let mut book = Workbook::new();
        let made = date(made_on)?;
        book.set_properties(&DocProperties::new().set_title(title).set_author(creator).set_creation_datetime(&made));
        let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let day = Format::new().set_align(FormatAlign::Top).set_num_format("yyyy-mm-dd");
        let link = wrapped.clone().set_font_color(Color::RGB(0x0F_4C81)).set_underline(FormatUnderline::Single);
        Ok(SheetWriter { book, current: None, wrapped, day, link })
    }

    /// Begins a table on a sheet of its own. The head stays in view and filters the rows.
    pub fn table(&mut self, name: &str, columns: &[Column]) -> Result<()> {
        self.end_table()?;
        let sheet = self.sheet(name, columns)?;
        self.current = Some(Table { sheet, name: name.to_owned(), columns: columns.to_vec(), filled: 0, row: 0, links: 0 });
        Ok(())
    }

    fn sheet(&mut self, name: &str, columns: &[Column]) -> Result<Worksheet> {
        let mut sheet = self.book.new_worksheet_with_constant_memory().map_err(broken)?;
        sheet.set_name(name).map_err(broken)?;
        let head = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::VerticalCenter).set_border_bottom(FormatBorder::Thin);
        for (at, column) in (0u16..).zip(columns) {
            sheet.set_column_width(at, f64::from(column.width)).map_err(broken)?;
            sheet.write_string_with_format(0, at, column.name, &head).map_err(broken)?;
        }
        sheet.set_freeze_panes(1, 0).map_err(broken)?;
        sheet.set_landscape();
        sheet.set_paper_size(9); // A4
        sheet.set_print_fit_to_pages(1, 0);
        sheet.set_repeat_rows(0, 0).map_err(broken)?;
        Ok(sheet)
    }

    fn end_table(&mut self) -> Result<()> {
        let Some(mut table) = self.current.take() else { return Ok(()) };
        if let (Some(last), 1..) = (table.columns.len().checked_sub(1), table.row) {
            let last = u16::try_from(last).map_err(|e| Error::internal("too many columns", e))?;
            table.sheet.autofilter(0, 0, table.row, last).map_err(broken)?;
        }
        self.book.push_worksheet(table.sheet);
        Ok(())
    }

    /// Writes the next row of the table.
    ///
    /// # Errors
    /// [`crate::error::Code::Internal`] when no table was begun, or the disk for temporary files is full.
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<()> {
        if self.current.as_ref().is_some_and(|table| table.row >= ROWS_PER_SHEET) {
            self.turn_over()?;
        }
        let Some(table) = self.current.as_mut() else { return Err(Error::defect("a row without a table")) };
        table.row += 1;
        // Not every program makes rows as high as their words when it opens a file.
        let lines = cells.iter().zip(&table.columns).map(|(cell, column)| lines(cell, column.width)).max().unwrap_or(1);
        table.sheet.set_row_height(table.row, (f64::from(lines) * LINE_POINTS).min(MOST_POINTS)).map_err(broken)?;
        for (at, cell) in (0u16..).zip(cells) {
            let (row, sheet) = (table.row, &mut table.sheet);
            match cell {
                Cell::Text(words) if words.is_empty() => Ok(&mut *sheet),
                Cell::Text(words) => sheet.write_string_with_format(row, at, fitted(words), &self.wrapped),
                // Beyond 2^53 the format has no whole numbers; nothing is counted that far.
                Cell::Number(number) => sheet.write_number_with_format(row, at, number as f64, &self.wrapped),
                Cell::Day(day) => sheet.write_datetime_with_format(row, at, &date(day)?, &self.day),
                Cell::Link(url) if is_link(&url) && table.links < LINKS_PER_SHEET => {
                    table.links += 1;
                    sheet.write_url_with_format(row, at, Url::new(url), &self.link)
                }
                Cell::Link(words) => sheet.write_string_with_format(row, at, fitted(words), &self.wrapped),
            }
            .map_err(broken)?;
        }
        Ok(())
    }

    /// Offers values for a column of the table, below its head and in as many empty rows again; other words may be written all the same.
    ///
    /// # Errors
    /// [`crate::error::Code::Internal`] when no table was begun, or the values are longer than the format takes (255 characters together).
    pub fn choices(&mut self, column: u16, values: &[&str]) -> Result<()> {
        let Some(table) = self.current.as_mut() else { return Err(Error::defect("choices without a table")) };
        let list = DataValidation::new().allow_list_strings(values).map_err(broken)?.set_error_style(DataValidationErrorStyle::Information);
        table.sheet.add_data_validation(1, column, table.row.saturating_mul(2).max(1), column, &list).map_err(broken)?;
        Ok(())
    }

    /// The table goes on in a further sheet.
    fn turn_over(&mut self) -> Result<()> {
        let Some((name, columns, filled)) = self.current.as_ref().map(|t| (t.name.clone(), t.columns.clone(), t.filled + 1)) else {
            return Ok(());
        };
        self.end_table()?;
        let sheet = self.sheet(&format!("{name}（续{filled}）"), &columns)?;
        self.current = Some(Table { sheet, name, columns, filled, row: 0, links: 0 });
        Ok(())
    }

    /// The bytes of the file.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.end_table()?;
        self.book.save_to_buffer().map_err(broken)
    }
}

/// Lines that a cell takes when its words are wrapped.
fn lines(cell: &Cell, width: u8) -> u32 {
    let Cell::Text(words) = cell else { return 1 };
    // The end of a line is often left empty: a wide character or a mark of punctuation does not fit into it.
    let width = u32::from(width).saturating_sub(2).max(1);
    let units = |line: &str| line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<u32>();
    words.split('\n').map(|line| units(line).div_ceil(width).max(1)).sum()
}

fn is_link(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn date(day: NaiveDate) -> Result<ExcelDateTime> {
    let (month, of_month) = (u8::try_from(day.month()).unwrap_or(1), u8::try_from(day.day()).unwrap_or(1));
    let year = u16::try_from(day.year()).map_err(|e| Error::internal("a day before our era", e))?;
    ExcelDateTime::from_ymd(year, month, of_month).map_err(broken)
}

/// Words as a cell takes them: without characters that XML refuses, and within the length of a cell.
fn fitted(words: String) -> String {
    let mut units = 0;
    let mut kept = String::with_capacity(words.len());
    for c in words.chars().filter(|c| matches!(c, '\t' | '\n') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))) {
        units += c.len_utf16();
        if units > CELL_UNITS {
            kept.push_str(CUT);
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};

    use super::*;

    fn book(rows: Vec<Vec<Cell>>) -> Xlsx<Cursor<Vec<u8>>> {
        let day = NaiveDate::from_ymd_opt(2026, 4, 1).unwrap();
        let mut writer = SheetWriter::new("题", "局", day).unwrap();
        writer.table("表", &[Column { name: "甲", width: 10 }, Column { name: "乙", width: 20 }]).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        open_workbook_from_rs(Cursor::new(writer.finish().unwrap())).unwrap()
    }

    #[test]
    fn cells_come_back_as_they_went_in() {
        let day = NaiveDate::from_ymd_opt(2026, 4, 1).unwrap();
        let words = "=HYPERLINK(\"http://x\",\"点\")";
        let mut read = book(vec![
            vec![Cell::text(words), Cell::Number(7)],
            vec![Cell::text("第一行\n第二行\u{0}\u{1b}"), Cell::Day(day)],
            vec![Cell::Link("javascript:alert(1)".into()), Cell::Link("https://example.com/opinions/1".into())],
        ]);
        let range = read.worksheet_range("表").unwrap();
        let at = |row, column| range.get((row, column)).cloned().unwrap();
        assert_eq!((at(0, 0), at(0, 1)), (Data::String("甲".into()), Data::String("乙".into())));
        assert_eq!((at(1, 0), at(1, 1)), (Data::String(words.into()), Data::Float(7.0)));
        assert_eq!(at(2, 0), Data::String("第一行\n第二行".into()));
        let Data::DateTime(read_day) = at(2, 1) else { panic!("{:?}", at(2, 1)) };
        assert_eq!(read_day.as_f64(), 46_113.0, "days since 1899-12-30");
        assert_eq!(
            (at(3, 0), at(3, 1)),
            (Data::String("javascript:alert(1)".into()), Data::String("https://example.com/opinions/1".into()))
        );
        assert!(read.worksheet_formula("表").unwrap().is_empty(), "nothing is a formula");
    }

    #[test]
    fn a_text_that_no_cell_holds_says_that_it_is_cut() {
        let mut read = book(vec![vec![Cell::text("字".repeat(40_000)), Cell::text("")]]);
        let range = read.worksheet_range("表").unwrap();
        let Some(Data::String(text)) = range.get((1, 0)) else { panic!("no text") };
        assert!(text.ends_with(CUT) && text.chars().count() <= 32_767);
    }
}
