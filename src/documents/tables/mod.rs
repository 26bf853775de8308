//! 表格: spreadsheets, separated values and tables of Word documents → plain rows of words.
//!
//! What a file is, its bytes say; its name never decides. Formulas are not evaluated: their last value stands in the file. Nothing outside the file is
//! opened, nothing in it is run. Dates come out as `2026-03-05`, whatever they were stored as; a date that was typed as words stays as typed.
//!
//! | file | what it reads |
//! |---|---|
//! | `xlsx`, `parts` | Office Open XML workbooks; what is looked at in their parts before they are read |
//! | `xls`, `biff` | Excel 97–2003 workbooks; the same for their stream |
//! | `separated` | .csv and .txt with commas, semicolons or tabs |
//! | `word` | tables of Word documents |

mod biff;
mod parts;
mod rows;
mod separated;
mod word;
mod xls;
mod xlsx;

#[cfg(test)]
mod tests;

use std::io::Cursor;

use serde::{Deserialize, Serialize};

use super::archive::{Archive, Content};
use super::{Format, Limits, SNIFF_BYTES, contains_utf16, extension, sniff, unreadable};
use crate::error::{Code, Error, Result};

/// How much of a file of tables is read before it is refused.
#[derive(Clone, Debug)]
pub struct TableLimits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Most bytes that one part of a workbook unpacks to.
    pub max_part_bytes: u64,
    /// Most bytes that all parts of a workbook unpack to.
    pub max_unpacked_bytes: u64,
    /// Most rows with content, over all sheets.
    pub max_rows: usize,
    /// Columns that are read; what stands further right is left out and said.
    pub max_columns: usize,
    /// Most cells with content, over all sheets; those filled from merged cells count.
    pub max_cells: usize,
    /// Most bytes of text over all cells.
    pub max_text_bytes: usize,
    /// Most sheets, and most tables of a Word document.
    pub max_tables: usize,
}

impl Default for TableLimits {
    fn default() -> Self {
        TableLimits {
            max_file_bytes: 32 << 20,
            max_part_bytes: 256 << 20,
            max_unpacked_bytes: 512 << 20,
            max_rows: 100_000,
            max_columns: 128,
            max_cells: 2_000_000,
            max_text_bytes: 128 << 20,
            max_tables: 200,
        }
    }
}

impl TableLimits {
    /// The same bounds for the reader of archives.
    fn of_archive(&self) -> Limits {
        Limits {
            max_file_bytes: self.max_part_bytes,
            max_unpacked_bytes: self.max_unpacked_bytes,
            max_entries: 10_000,
            ..Limits::default()
        }
    }
}

/// What a file of tables was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Office Open XML workbook.
    Xlsx,
    /// Excel 97–2003 workbook.
    Xls,
    /// Separated values.
    Csv,
    /// Word document.
    Docx,
}

impl TableFormat {
    /// Canonical name, also the extension.
    pub fn as_str(self) -> &'static str {
        match self {
            TableFormat::Xlsx => "xlsx",
            TableFormat::Xls => "xls",
            TableFormat::Csv => "csv",
            TableFormat::Docx => "docx",
        }
    }
}

/// Everything that a file holds in tables.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// What the file is, by its content.
    pub format: TableFormat,
    /// Sheets or tables with content, in their order.
    pub tables: Vec<Table>,
    /// What stands outside the tables of a Word document, a line each; cut off after some pages.
    pub around: String,
    /// What a person should know about how it was read, a sentence each.
    pub notices: Vec<String>,
}

/// A sheet, or one table of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Name of the sheet; 表格1 for the first table of a document.
    pub sheet: String,
    /// Number of the first row with content, from 1.
    pub first_row: u32,
    /// Rows with content, in order.
    pub rows: Vec<Row>,
    /// Rows without content before the last one that has some.
    pub blank_rows: u32,
    /// Whether serial numbers count from 1904.
    pub is_1904: bool,
}

/// A row with content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number in the sheet, from 1.
    pub number: u32,
    /// Its cells from the first column on, empty ones included, without empty ones at the end.
    pub cells: Vec<String>,
    /// Columns whose words belong to a merged cell that begins further left, in rising order.
    pub spread: Vec<u16>,
}

impl Row {
    /// The words of a column; empty when it has none.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// The words of a column unless they belong to a merged cell that begins further left.
    pub fn own(&self, column: usize) -> &str {
        if u16::try_from(column).is_ok_and(|c| self.spread.contains(&c)) { "" } else { self.cell(column) }
    }

    /// Columns with words of their own.
    pub fn filled(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.cells.len()).map(|column| (column, self.own(column))).filter(|(_, words)| !words.is_empty())
    }
}

/// Reads a file of tables.
///
/// # Errors
/// [`Code::TooLarge`] over a limit, [`Code::UnsupportedMedia`] for a kind that is not read, [`Code::UnreadableFile`] for a damaged, encrypted, hostile
/// or empty file; the detail is a sentence for the person.
pub fn read(name: &str, bytes: &[u8], limits: &TableLimits) -> Result<TableFile> {
    if bytes.len() as u64 > limits.max_file_bytes {
        return Err(Error::new(Code::TooLarge, format!("文件超过上限 {} MB，请分成几个文件上传。", limits.max_file_bytes >> 20)));
    }
    let head = bytes.get(..SNIFF_BYTES).unwrap_or(bytes);
    let mut file = match sniff(name, head) {
        Format::Zip => read_container(bytes, limits)?,
        Format::Ole => read_ole(bytes, limits)?,
        Format::Text | Format::Markdown => separated::read(bytes, limits)?,
        other => return Err(refusal(other, head)),
    };
    if file.tables.is_empty() {
        let reason =
            if file.notices.is_empty() { String::new() } else { format!("（{}）", file.notices.join("").trim_end_matches('。')) };
        let sentence = if file.format == TableFormat::Docx {
            format!("这个 Word 文件里没有填有内容的表格{reason}；请使用任务页面上的“意见填报表（Word，已列出条文）”。")
        } else {
            format!("文件里没有找到填有内容的表格行{reason}。")
        };
        return Err(Error::new(Code::UnreadableFile, sentence));
    }
    let promised = extension(name);
    let is_known = matches!(promised.as_str(), "xlsx" | "xls" | "csv" | "docx" | "xlsm" | "doc" | "et" | "wps" | "txt" | "tsv");
    let agrees = promised == file.format.as_str()
        || (matches!(promised.as_str(), "txt" | "tsv") && file.format == TableFormat::Csv)
        || (promised == "xlsm" && file.format == TableFormat::Xlsx)
        || (promised == "et" && file.format == TableFormat::Xls);
    if is_known && !agrees {
        file.notices.push(format!("扩展名是 .{promised}，内容其实是 .{}：按实际内容读取。", file.format.as_str()));
    }
    Ok(file)
}

fn read_container(bytes: &[u8], limits: &TableLimits) -> Result<TableFile> {
    let mut archive = Archive::open(Cursor::new(bytes), limits.of_archive())?;
    match archive.content() {
        Content::Document => word::read(&mut archive, limits),
        Content::Office("电子表格") if archive.names().any(|name| name.eq_ignore_ascii_case("xl/workbook.bin")) => {
            Err(Error::new(Code::UnsupportedMedia, "这是二进制工作簿（.xlsb），请另存为 .xlsx 后再上传。"))
        }
        Content::Office("电子表格") => xlsx::read(bytes, &mut archive, limits),
        Content::Office(kind) => {
            Err(Error::new(Code::UnsupportedMedia, format!("这是{kind}，不是表格；请把意见整理成 .xlsx、.csv 或 .docx 表格后再上传。")))
        }
        Content::Files => Err(Error::new(Code::UnsupportedMedia, "这是压缩包，不是表格；请解压后逐个上传其中的表格。")),
    }
}

fn read_ole(bytes: &[u8], limits: &TableLimits) -> Result<TableFile> {
    if contains_utf16(bytes, "EncryptedPackage") {
        return Err(encrypted());
    }
    if contains_utf16(bytes, "WordDocument") {
        return Err(Error::new(Code::UnsupportedMedia, "这是旧版 Word 文档（.doc），请另存为 .docx 后再上传。"));
    }
    xls::read(bytes, limits)
}

fn encrypted() -> Error {
    Error::new(Code::UnreadableFile, "文件设有打开密码，无法读取；请取消密码后另存再上传。")
}

fn refusal(format: Format, head: &[u8]) -> Error {
    let sentence = match format {
        Format::Empty => return Error::new(Code::UnreadableFile, "文件是空的，没有任何内容。"),
        Format::Html if head.windows(6).any(|w| w.eq_ignore_ascii_case(b"<table")) || head.windows(5).any(|w| w == b"<html") => {
            "这其实是网页，不是电子表格（有的系统把网页存成 .xls）；请用 Excel 或 WPS 打开后另存为 .xlsx 再上传。"
        }
        Format::Html => "这是网页，不是表格；请改用 .xlsx、.csv 或 .docx 表格。",
        Format::Pdf => "这是 PDF 文件，表格无法可靠地读出；请改用 .xlsx、.csv 或 .docx 表格。",
        Format::Image => "这是图片；请把意见录入表格后再上传，图片可以作为原件附在活动或意见上。",
        Format::OtherArchive => "这是压缩包，不是表格；请解压后逐个上传其中的表格。",
        Format::Rtf => "这是 RTF 文件；请在 Word 或 WPS 中另存为 .docx 后再上传。",
        Format::Sqlite => "这是数据库文件，不是表格。",
        _ => "无法识别文件类型；可以上传 .xlsx、.xls、.csv 和 .docx 表格。",
    };
    Error::new(Code::UnsupportedMedia, sentence)
}

/// A failure of a library on a file: damaged.
fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    unreadable("表格内容已损坏，可能没有下载完；请用 Excel 或 WPS 打开并另存后再上传").caused_by(error)
}
