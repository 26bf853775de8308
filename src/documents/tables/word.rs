//! Tables of Word documents (.docx): what stands around them is no row, a table inside a cell is words of the cell.

use std::io::Cursor;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::rows::{Budget, Growing, Region};
use super::{TableFile, TableFormat, TableLimits};
use crate::documents::archive::Archive;
use crate::documents::docx::{attribute, resolve};
use crate::documents::{text, unreadable};
use crate::error::Result;

/// Deepest nesting of elements.
const DEPTH: usize = 400;
/// Most bytes kept of what stands outside the tables.
const AROUND_BYTES: usize = 64 << 10;
/// Columns that one cell may span, and in which cells may be merged.
const WIDEST: u32 = 128;

pub(super) fn read(archive: &mut Archive<Cursor<&[u8]>>, limits: &TableLimits) -> Result<TableFile> {
    let has_macros = archive.names().any(|name| name.to_ascii_lowercase().ends_with("vbaproject.bin"));
    let index = archive.main_part().ok_or_else(|| unreadable("文件中没有正文部分"))?;
    let xml = text::decode(&archive.unpack(index)?, None)?.text;
    let mut budget = Budget::new(limits);
    let mut notices = Vec::new();
    let (tables, around) = tables_of(&xml, &mut budget, &mut notices)?;
    notices.extend(budget.notices());
    if has_macros {
        notices.push("文件中含有宏，没有读取，也不会运行。".into());
    }
    Ok(TableFile { format: TableFormat::Docx, tables, around, notices })
}

/// A cell as it is read.
#[derive(Default)]
struct Cell {
    words: String,
    span: u32,
    /// Goes on from the cell above it.
    continues: bool,
    is_merged_down: bool,
}

/// State of one pass.
#[derive(Default)]
struct Pass {
    depth: usize,
    /// Open tables; cells of the outermost are cells.
    tables: usize,
    row: u32,
    column: u32,
    cell: Option<Cell>,
    skipped_from: Option<usize>,
    in_text: bool,
    /// Merged downwards so far, by column: the first row and the width.
    open: Vec<(u32, u32, u32, u32)>,
    regions: Vec<Region>,
    cells: Vec<(u32, u32, String)>,
    deletions: usize,
    /// What stands outside the tables.
    around: String,
}

fn tables_of(xml: &str, budget: &mut Budget<'_>, notices: &mut Vec<String>) -> Result<(Vec<super::Table>, String)> {
    let mut reader = Reader::from_str(xml);
    let mut pass = Pass::default();
    let mut found = Vec::new();
    let mut count = 0;
    loop {
        match reader.read_event().map_err(super::damaged)? {
            Event::Start(element) => {
                pass.depth += 1;
                if pass.depth > DEPTH {
                    return Err(unreadable(format_args!("文档内容的嵌套超过 {DEPTH} 层")));
                }
                pass.open(&element);
            }
            Event::Empty(element) => {
                pass.depth += 1;
                pass.open(&element);
                pass.close(element.local_name().as_ref());
                pass.depth -= 1;
            }
            Event::End(element) => {
                let name = element.local_name();
                pass.close(name.as_ref());
                pass.depth = pass.depth.saturating_sub(1);
                if name.as_ref() == "tbl" && pass.tables == 0 && pass.skipped_from.is_none() {
                    count += 1;
                    let mut table = Growing::new(budget, &format!("表格{count}"), false)?;
                    pass.end_regions();
                    for (row, column, words) in pass.cells.drain(..) {
                        table.put(row, column, &words)?;
                    }
                    table.merge(&std::mem::take(&mut pass.regions))?;
                    found.extend(table.finish());
                    (pass.row, pass.column) = (0, 0);
                }
            }
            Event::Text(text) => pass.text(&text.xml10_content()),
            Event::CData(text) => pass.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = resolve(&reference)?;
                pass.text(character.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(unreadable("文档中含有实体声明，可能是恶意文件")),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    if pass.depth > 0 {
        return Err(unreadable("文档内容不完整，可能没有下载完"));
    }
    if pass.deletions > 0 {
        notices.push(format!("文档带有修订痕迹：去掉了删除的 {} 处。", pass.deletions));
    }
    Ok((found, pass.around))
}

impl Pass {
    fn open(&mut self, element: &BytesStart<'_>) {
        if self.skipped_from.is_some() {
            return;
        }
        match element.local_name().as_ref() {
            "del" | "moveFrom" => {
                self.deletions += 1;
                self.skipped_from = Some(self.depth);
            }
            "Fallback" | "instrText" | "delText" | "delInstrText" | "sectPr" | "tabs" => self.skipped_from = Some(self.depth),
            "tbl" => self.tables += 1,
            "tc" if self.tables == 1 => self.cell = Some(Cell { span: 1, ..Cell::default() }),
            "gridBefore" if self.tables == 1 && self.cell.is_none() => {
                self.column += number(element).unwrap_or(0).min(WIDEST);
            }
            "gridSpan" if self.tables == 1 => {
                if let (Some(cell), Some(span)) = (self.cell.as_mut(), number(element)) {
                    cell.span = span.clamp(1, WIDEST);
                }
            }
            "vMerge" if self.tables == 1 => {
                if let Some(cell) = self.cell.as_mut() {
                    cell.is_merged_down = attribute(element, "val").as_deref() == Some("restart");
                    cell.continues = !cell.is_merged_down;
                }
            }
            "t" => self.in_text = true,
            "br" | "cr" | "p" => self.line(),
            "tab" | "ptab" => self.push(" "),
            "noBreakHyphen" => self.push("-"),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if let Some(depth) = self.skipped_from {
            if depth == self.depth {
                self.skipped_from = None;
            }
            return;
        }
        match name {
            "t" => self.in_text = false,
            "tc" if self.tables == 1 => self.end_cell(),
            "tc" => self.push(" "),
            "tr" if self.tables == 1 => {
                self.row += 1;
                self.column = 0;
            }
            "tbl" => self.tables = self.tables.saturating_sub(1),
            _ => {}
        }
    }

    fn end_cell(&mut self) {
        let Some(cell) = self.cell.take() else { return };
        let (row, left, right) = (self.row, self.column, self.column + cell.span - 1);
        self.column = (right + 1).min(1 << 20);
        // A row that was merged down so far ends where a cell of its own begins.
        if cell.continues {
            if let Some(open) = self.open.iter_mut().find(|(column, ..)| *column == left) {
                open.3 = row;
            }
            return;
        }
        let ended: Vec<_> = self.open.extract_if(.., |(column, ..)| (left..=right).contains(column)).collect();
        self.regions.extend(ended.into_iter().map(region));
        // Right of the columns that are read nothing is merged: what is open stays as short as a row.
        if (cell.is_merged_down || cell.span > 1) && left < WIDEST {
            self.open.push((left, right, row, row));
        }
        if !cell.words.trim().is_empty() {
            self.cells.push((row, left, cell.words));
        }
    }

    fn end_regions(&mut self) {
        let ended: Vec<_> = self.open.drain(..).map(region).collect();
        self.regions.extend(ended);
    }

    fn text(&mut self, words: &str) {
        if self.in_text && self.skipped_from.is_none() {
            self.push(words);
        }
    }

    fn line(&mut self) {
        if self.cell.as_ref().map_or(!self.around.is_empty(), |cell| !cell.words.is_empty()) {
            self.push("\n");
        }
    }

    fn push(&mut self, words: &str) {
        if let Some(cell) = self.cell.as_mut() {
            cell.words.push_str(words);
        } else if self.tables == 0 && self.around.len() + words.len() <= AROUND_BYTES {
            self.around.push_str(words);
        }
    }
}

fn region((left, right, top, bottom): (u32, u32, u32, u32)) -> Region {
    Region { first: (top, left), last: (bottom, right) }
}

fn number(element: &BytesStart<'_>) -> Option<u32> {
    attribute(element, "val")?.parse().ok()
}
