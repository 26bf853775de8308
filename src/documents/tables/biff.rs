//! The stream of an Excel 97–2003 workbook, looked through before a library reads it: the library makes room for the rectangle that the cells of a
//! sheet span, so two cells in opposite corners of many small sheets would take all memory.

use super::{damaged, encrypted};
use crate::error::{Code, Error, Result};

/// Most places that the rectangles of all sheets may span together.
const PLACES: u64 = 4_000_000;

/// Entry of a table of sectors: the chain ends here.
const END_OF_CHAIN: u32 = 0xffff_fffa;

/// What a look at the stream found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub formulas: u64,
    pub has_macros: bool,
}

/// Looks through the records of the workbook.
///
/// # Errors
/// [`Code::TooLarge`] over the limit, [`Code::UnreadableFile`] for a damaged, encrypted or foreign file.
pub(super) fn look_through(bytes: &[u8]) -> Result<Findings> {
    let container = Container::open(bytes).ok_or_else(|| damaged("no compound file"))?;
    let stream = container
        .stream(&["Workbook", "Book"])
        .ok_or_else(|| Error::new(Code::UnsupportedMedia, "这是旧版 Office 文件，但不是 Excel 表格；请另存为 .xlsx 后再上传。"))?;
    let mut findings = Findings { has_macros: container.has("_VBA_PROJECT_CUR"), ..Findings::default() };
    let (mut at, mut places) = (0usize, 0u64);
    let mut span: Option<[u16; 4]> = None;
    while let (Some(kind), Some(length)) = (u16_at(&stream, at), u16_at(&stream, at + 2)) {
        let data = stream.get(at + 4..at + 4 + usize::from(length)).unwrap_or_default();
        at += 4 + usize::from(length);
        match kind {
            // FILEPASS
            0x002f => return Err(encrypted()),
            // BOF and EOF of a sheet
            0x0809 | 0x000a => span = None,
            // FORMULA, MULRK, LABELSST, NUMBER, LABEL, BOOLERR, RK, RSTRING
            0x0006 | 0x00bd | 0x00fd | 0x0203 | 0x0204 | 0x0205 | 0x027e | 0x00d6 => {
                findings.formulas += u64::from(kind == 0x0006);
                let (Some(row), Some(column)) = (u16_at(data, 0), u16_at(data, 2)) else { continue };
                let last = if kind == 0x00bd { u16_at(data, data.len().saturating_sub(2)).unwrap_or(column) } else { column };
                let before = area(span);
                let [top, left, bottom, right] = span.unwrap_or([row, column, row, last]);
                span = Some([top.min(row), left.min(column), bottom.max(row), right.max(last)]);
                places += area(span) - before;
                if places > PLACES {
                    return Err(Error::new(
                        Code::TooLarge,
                        "工作表占用的范围过大（可能在很远的行或列里有零散内容）；请删去多余内容或另存为 .xlsx 后再上传。",
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(findings)
}

fn area(span: Option<[u16; 4]>) -> u64 {
    span.map_or(0, |[top, left, bottom, right]| (u64::from(bottom - top) + 1) * (u64::from(right - left) + 1))
}

/// A compound file (MS-CFB): streams in chains of sectors.
struct Container<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    chains: Vec<u32>,
    directory: Vec<u8>,
    small_below: u32,
    small_chains: Vec<u32>,
}

impl<'a> Container<'a> {
    fn open(bytes: &'a [u8]) -> Option<Container<'a>> {
        let shift = u16_at(bytes, 30)?;
        let sector_bytes = match shift {
            9 | 12 => 1usize << shift,
            _ => return None,
        };
        let mut container = Container {
            bytes,
            sector_bytes,
            chains: Vec::new(),
            directory: Vec::new(),
            small_below: u32_at(bytes, 56)?,
            small_chains: Vec::new(),
        };
        // Where the table of chains stands: 109 places in the header, the others in sectors of their own.
        let mut tables: Vec<u32> = (0..109).filter_map(|i| u32_at(bytes, 76 + 4 * i)).filter(|s| *s < END_OF_CHAIN).collect();
        let most = bytes.len() / sector_bytes + 1;
        let mut next = u32_at(bytes, 68)?;
        while next < END_OF_CHAIN && tables.len() <= most {
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

    fn stream(&self, names: &[&str]) -> Option<Vec<u8>> {
        let (_, entry) = names.iter().find_map(|name| self.entries().find(|(found, _)| found == name))?;
        let (first, size) = (u32_at(entry, 116)?, u32_at(entry, 120)?);
        if size >= self.small_below {
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
