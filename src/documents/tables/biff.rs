//! The stream of an Excel 97–2003 workbook, looked through before a library reads it: the library makes room for what a sheet says it spans, and for the
//! rectangle that its cells span, so one record, or two cells in opposite corners of many small sheets, would take all memory.
//!
//! The walk follows the library's own, record by record, and the library then gets the very stream that was walked, in a container of ours: however a file is
//! put together, nothing else of it is read.

use super::{TableLimits, damaged, encrypted};
use crate::error::{Code, Error, Result};

/// Most places that the rectangles of all sheets may span together.
const PLACES: u64 = 4_000_000;
/// Places of the largest sheet of the format.
const SHEET_PLACES: u64 = 65_536 * 256;

/// Entry of a table of sectors: the chain ends here.
const END_OF_CHAIN: u32 = 0xffff_fffa;
/// Streams below this size stand in small sectors.
const SMALL_BELOW: u32 = 4096;

// Kinds of records.
const FORMULA: u16 = 0x0006;
const EOF: u16 = 0x000a;
const FILEPASS: u16 = 0x002f;
const BOUND_SHEET: u16 = 0x0085;
const MULRK: u16 = 0x00bd;
const DIMENSIONS: u16 = 0x0200;
const STRING: u16 = 0x0207;
const BOF: u16 = 0x0809;

/// What a look at the stream found.
#[derive(Debug)]
pub(super) struct Findings {
    pub formulas: u64,
    pub has_macros: bool,
    /// A compound file that holds the stream and nothing else.
    pub workbook: Vec<u8>,
}

/// Looks through the records of the workbook.
///
/// # Errors
/// [`Code::TooLarge`] over the limit, [`Code::UnreadableFile`] for a damaged, encrypted or foreign file.
pub(super) fn look_through(bytes: &[u8], limits: &TableLimits) -> Result<Findings> {
    let container = Container::open(bytes).ok_or_else(|| damaged("no compound file"))?;
    let entry = container
        .entry(&["Workbook", "Book"])
        .ok_or_else(|| Error::new(Code::UnsupportedMedia, "这是旧版 Office 文件，但不是 Excel 表格；请另存为 .xlsx 后再上传。"))?;
    let mut stream = container.stream(entry).ok_or_else(|| damaged("a chain of sectors broke off"))?;
    // The container of ours has no small sectors.
    stream.resize(stream.len().max(SMALL_BELOW as usize), 0);
    let mut walk = Walk { left: stream.len(), places: 0, formulas: 0 };
    for offset in sheets_of(&stream, limits.max_tables)? {
        walk.sheet(stream.get(offset..).ok_or_else(|| damaged("a sheet outside of the stream"))?)?;
    }
    let workbook = packed(&stream).ok_or_else(|| damaged("a stream that fits in no container"))?;
    Ok(Findings { formulas: walk.formulas, has_macros: container.has("_VBA_PROJECT_CUR"), workbook })
}

/// Where the sheets begin in the stream.
fn sheets_of(stream: &[u8], most: usize) -> Result<Vec<usize>> {
    let mut sheets = Vec::new();
    for record in (Records { stream }) {
        match record? {
            (FILEPASS, _) => return Err(encrypted()),
            (EOF, _) => break,
            (BOUND_SHEET, data) => sheets.push(u32_at(data, 0).ok_or_else(|| damaged("a sheet without a place"))? as usize),
            _ => {}
        }
        if sheets.len() > most {
            return Err(Error::new(Code::TooLarge, format!("文件超过上限 {most} 个工作表或表格。")));
        }
    }
    Ok(sheets)
}

/// A walk through all sheets.
struct Walk {
    /// Bytes of records that may still come: sheets share none.
    left: usize,
    places: u64,
    formulas: u64,
}

impl Walk {
    /// Walks through the records of one sheet.
    fn sheet(&mut self, stream: &[u8]) -> Result<()> {
        let mut span: Option<[u16; 4]> = None;
        // The place that words belong to which a formula gave.
        let mut formula = (0, 0);
        // Sheets inside the sheet, such as charts; their records are passed over.
        let (mut has_begun, mut depth) = (false, 0usize);
        for record in (Records { stream }) {
            let (kind, data) = record?;
            self.left = self.left.checked_sub(4 + data.len()).ok_or_else(|| damaged("sheets that share records"))?;
            match kind {
                BOF if has_begun => depth += 1,
                BOF => has_begun = true,
                EOF if depth == 0 => break,
                EOF => depth -= 1,
                _ if depth > 0 => {}
                DIMENSIONS => claimed(data)?,
                STRING => self.cell(&mut span, formula, formula.1)?,
                // LABELSST, NUMBER, LABEL, BOOLERR, RK, RSTRING beside those with a name
                FORMULA | MULRK | 0x00fd | 0x0203 | 0x0204 | 0x0205 | 0x027e | 0x00d6 => {
                    let (Some(row), Some(column)) = (u16_at(data, 0), u16_at(data, 2)) else { continue };
                    let last = if kind == MULRK { u16_at(data, data.len().saturating_sub(2)).unwrap_or(column) } else { column };
                    if kind == FORMULA {
                        self.formulas += 1;
                        formula = (row, column);
                    }
                    self.cell(&mut span, (row, column), last.max(column))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts what a cell adds to the rectangle of its sheet.
    fn cell(&mut self, span: &mut Option<[u16; 4]>, (row, column): (u16, u16), last: u16) -> Result<()> {
        let before = area(*span);
        let [top, left, bottom, right] = span.unwrap_or([row, column, row, last]);
        *span = Some([top.min(row), left.min(column), bottom.max(row), right.max(last)]);
        self.places += area(*span) - before;
        if self.places > PLACES {
            return Err(Error::new(
                Code::TooLarge,
                "工作表占用的范围过大（可能在很远的行或列里有零散内容）；请删去多余内容或另存为 .xlsx 后再上传。",
            ));
        }
        Ok(())
    }
}

fn area(span: Option<[u16; 4]>) -> u64 {
    span.map_or(0, |[top, left, bottom, right]| (u64::from(bottom - top) + 1) * (u64::from(right - left) + 1))
}

/// Checks what a sheet says it spans, the way the library understands it: the last row and the last column are not in it, and columns that cannot be begin at
/// the first.
fn claimed(data: &[u8]) -> Result<()> {
    let (rows, columns) = match data.len() {
        10 => (u16_at(data, 0).zip(u16_at(data, 2)).map(|(top, bottom)| (u32::from(top), u32::from(bottom))), (4, 6)),
        14 | 16 => (u32_at(data, 0).zip(u32_at(data, 4)), (8, 10)),
        _ => return Err(damaged("dimensions of no known length")),
    };
    let (Some((top, bottom)), Some(left), Some(right)) = (rows, u16_at(data, columns.0), u16_at(data, columns.1)) else {
        return Err(damaged("dimensions that broke off"));
    };
    let left = if left > 0xff || right < left { 0 } else { left };
    let is_empty = bottom == 0 || right == 0;
    let places = u64::from(bottom.saturating_sub(top)) * u64::from(right.saturating_sub(left));
    if is_empty || (1..=SHEET_PLACES).contains(&places) {
        return Ok(());
    }
    Err(Error::new(Code::TooLarge, "工作表占用的范围过大或者写错了；请用 Excel 或 WPS 另存为 .xlsx 后再上传。"))
}

/// The records of a stream: kind and content. Ends with an error where one breaks off.
struct Records<'a> {
    stream: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stream.is_empty() {
            return None;
        }
        let head = u16_at(self.stream, 0).zip(u16_at(self.stream, 2));
        let record = head.and_then(|(kind, length)| {
            let (data, rest) = self.stream.get(4..)?.split_at_checked(usize::from(length))?;
            Some((kind, data, rest))
        });
        let Some((kind, data, rest)) = record else {
            self.stream = &[];
            return Some(Err(damaged("a record broke off")));
        };
        self.stream = rest;
        Some(Ok((kind, data)))
    }
}

/// A compound file that holds one stream, in sectors of 4,096 bytes: the directory, the stream, the tables of the chain.
fn packed(stream: &[u8]) -> Option<Vec<u8>> {
    const SECTOR: usize = 4096;
    const ENTRIES: usize = SECTOR / 4;
    const END: u32 = 0xffff_fffe;
    const TABLE: u32 = 0xffff_fffd;
    const FREE: u32 = 0xffff_ffff;
    let length = u32::try_from(stream.len().div_ceil(SECTOR)).ok()?;
    let tables = u32::try_from((length as usize + 1).div_ceil(ENTRIES - 1)).ok().filter(|tables| *tables <= 109)?;
    let words = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = Vec::with_capacity((length as usize + tables as usize + 2) * SECTOR);
    file.extend(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    file.extend([0; 16]);
    file.extend([0x003e_u16, 4, 0xfffe, 12, 6, 0, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
    file.extend(words(&[1, tables, 0, 0, SMALL_BELOW, END, 0, END, 0]));
    file.extend(words(&(0..109).map(|i| if i < tables { length + 1 + i } else { FREE }).collect::<Vec<u32>>()));
    file.resize(SECTOR, 0);
    for (name, kind, child, first, size) in [("Root Entry", 5, 1, 0, 0), ("Workbook", 2, FREE, 1, stream.len() as u64)] {
        let start = file.len();
        file.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        file.resize(start + 64, 0);
        file.extend((name.len() as u16 * 2 + 2).to_le_bytes());
        file.extend([kind, 1]);
        file.extend(words(&[FREE, FREE, child]));
        file.resize(start + 116, 0);
        file.extend(words(&[first]));
        file.extend(size.to_le_bytes());
    }
    file.resize(2 * SECTOR, 0);
    file.extend(stream);
    file.resize((length as usize + 2) * SECTOR, 0);
    let chain = (1..=length).map(|sector| if sector == length { END } else { sector + 1 });
    let mut entries: Vec<u32> = std::iter::once(END).chain(chain).chain((0..tables).map(|_| TABLE)).collect();
    entries.resize(tables as usize * ENTRIES, FREE);
    file.extend(words(&entries));
    Some(file)
}

/// A compound file (MS-CFB): streams in chains of sectors.
struct Container<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    chains: Vec<u32>,
    directory: Vec<u8>,
    small_chains: Vec<u32>,
}

impl<'a> Container<'a> {
    fn open(bytes: &'a [u8]) -> Option<Container<'a>> {
        let shift = u16_at(bytes, 30)?;
        let sector_bytes = match shift {
            9 | 12 => 1usize << shift,
            _ => return None,
        };
        let mut container = Container { bytes, sector_bytes, chains: Vec::new(), directory: Vec::new(), small_chains: Vec::new() };
        // Where the table of chains stands: 109 places in the header, the others in sectors of their own.
        let mut tables: Vec<u32> = (0..109).filter_map(|i| u32_at(bytes, 76 + 4 * i)).filter(|s| *s < END_OF_CHAIN).collect();
        let most = bytes.len() / sector_bytes + 1;
        let mut next = u32_at(bytes, 68)?;
        for _ in 0..most {
            if next >= END_OF_CHAIN {
                break;
            }
            let sector = container.sector(next)?;
            let count = sector_bytes / 4 - 1;
            tables.extend((0..count).filter_map(|i| u32_at(sector, 4 * i)).filter(|s| *s < END_OF_CHAIN));
            next = u32_at(sector, 4 * count)?;
        }
        for table in tables.into_iter().take(most) {
            let sector = container.sector(table)?;
            let entries: Vec<u32> = (0..sector_bytes / 4).filter_map(|i| u32_at(sector, 4 * i)).collect();
            container.chains.extend(entries);
        }
        container.directory = container.chain(u32_at(bytes, 48)?)?;
        let small = container.chain(u32_at(bytes, 60)?).unwrap_or_default();
        container.small_chains = (0..small.len() / 4).filter_map(|i| u32_at(&small, 4 * i)).collect();
        Some(container)
    }

    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let from = (number as usize).checked_add(1)?.checked_mul(self.sector_bytes)?;
        self.bytes.get(from..).map(|rest| rest.get(..self.sector_bytes).unwrap_or(rest)).filter(|sector| !sector.is_empty())
    }

    fn chain(&self, first: u32) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut next = first;
        while next < END_OF_CHAIN {
            bytes.extend_from_slice(self.sector(next)?);
            if bytes.len() > self.bytes.len() + self.sector_bytes {
                return None;
            }
            next = *self.chains.get(next as usize)?;
        }
        Some(bytes)
    }

    fn entries(&self) -> impl Iterator<Item = (String, &[u8])> {
        self.directory.chunks_exact(128).map(|entry| {
            let length = usize::from(u16_at(entry, 64).unwrap_or(0)).min(64) / 2;
            let name: Vec<u16> = (0..length.saturating_sub(1)).filter_map(|i| u16_at(entry, 2 * i)).collect();
            (String::from_utf16_lossy(&name), entry)
        })
    }

    fn has(&self, name: &str) -> bool {
        self.entries().any(|(found, _)| found == name)
    }

    fn entry(&self, names: &[&str]) -> Option<&[u8]> {
        names.iter().find_map(|name| self.entries().find(|(found, _)| found == name)).map(|(_, entry)| entry)
    }

    fn stream(&self, entry: &[u8]) -> Option<Vec<u8>> {
        let (first, size) = (u32_at(entry, 116)?, u32_at(entry, 120)?);
        if size >= SMALL_BELOW {
            let mut stream = self.chain(first)?;
            stream.truncate(size as usize);
            return Some(stream);
        }
        // Small streams stand in sectors of 64 bytes inside the stream of the root entry.
        let (_, root) = self.entries().next()?;
        let container = self.chain(u32_at(root, 116)?)?;
        let mut stream = Vec::new();
        let mut next = first;
        while next < END_OF_CHAIN && stream.len() < size as usize {
            stream.extend_from_slice(container.get(next as usize * 64..(next as usize + 1) * 64)?);
            next = *self.small_chains.get(next as usize)?;
        }
        stream.truncate(size as usize);
        Some(stream)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}
