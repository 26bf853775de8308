//! The parts of a workbook, looked through before a library reads them: how much they hold, and what a person should know about them.

use std::collections::HashSet;
use std::io::{BufRead, Cursor};

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use super::damaged;
use crate::documents::archive::Archive;
use crate::documents::docx::attribute;
use crate::documents::unreadable;
use crate::error::{Code, Error, Result};

/// Most strings that the cells of a workbook share.
const SHARED_STRINGS: u64 = 3_000_000;
/// Most merged regions of a sheet.
const REGIONS: u64 = 100_000;
/// Most elements of the styles.
const STYLES: u64 = 1_000_000;
/// Deepest nesting of elements.
const DEPTH: usize = 100;

/// Kinds of relationships whose parts are read, whatever the parts are named.
const READ: &[&str] = &["officeDocument", "worksheet", "chartsheet", "dialogsheet"];

/// What a look at the parts found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Rows that are hidden, over all sheets.
    pub hidden_rows: u64,
    /// Rows, with content or without.
    pub rows: u64,
    /// Cells with a formula.
    pub formulas: u64,
    /// Whether a macro is enclosed.
    pub has_macros: bool,
    /// Whether something points at other files or at data sources.
    pub has_outside_links: bool,
}

/// Looks through every part: how much it holds, and what stands in it where it is XML. What a relationship names may have any name.
///
/// # Errors
/// [`Code::TooLarge`] over a limit, [`Code::UnreadableFile`] for damaged or hostile parts.
pub(super) fn look_through(archive: &mut Archive<Cursor<&[u8]>>) -> Result<Findings> {
    let mut findings = Findings::default();
    let names: Vec<String> = archive.names().map(|name| name.to_ascii_lowercase()).collect();
    let (mut named, mut others) = (HashSet::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        findings.has_macros |= name.ends_with("vbaproject.bin") || name.contains("/macrosheets/");
        findings.has_outside_links |= name.starts_with("xl/externallinks/") || name == "xl/connections.xml";
        let is_xml = archive.inspect(index, |stream| {
            let is_xml = name.ends_with(".xml") || name.ends_with(".rels") || begins_as_xml(stream)?;
            if is_xml {
                look(stream, name, &mut findings, &mut named)?;
            }
            Ok(is_xml)
        })?;
        if !is_xml {
            others.push(last_of(name));
        }
    }
    if others.iter().any(|name| named.contains(*name)) {
        return Err(damaged("a sheet that is no XML"));
    }
    Ok(findings)
}

/// Whether the first byte that is no blank and no mark of the encoding begins an element.
fn begins_as_xml(stream: &mut dyn BufRead) -> Result<bool> {
    loop {
        match stream.fill_buf().map_err(damaged)?.first() {
            Some(b'<') => return Ok(true),
            Some(byte) if byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf) => stream.consume(1),
            _ => return Ok(false),
        }
    }
}

/// The last part of a path.
fn last_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Values of an attribute; more than one stand where somebody means harm.
fn values(element: &BytesStart<'_>, name: &str) -> Vec<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().filter(|attribute| attribute.key.local_name().as_ref() == name);
    found.map(|attribute| attribute.value.into_owned()).collect()
}

/// Keeps the names of parts that a relationship of some kinds names.
fn relate(element: &BytesStart<'_>, named: &mut HashSet<String>) {
    let is_read = values(element, "Type").iter().any(|kind| READ.contains(&last_of(kind)));
    for target in values(element, "Target").iter().filter(|_| is_read) {
        named.insert(last_of(target).to_ascii_lowercase());
        if let Ok(target) = unescape(target) {
            named.insert(last_of(&target).to_ascii_lowercase());
        }
    }
}

fn look(stream: &mut dyn BufRead, name: &str, findings: &mut Findings, named: &mut HashSet<String>) -> Result<()> {
    let mut is_sheet = false;
    let mut reader = Reader::from_reader(stream);
    let mut buffer = Vec::new();
    let (mut depth, mut elements, mut strings, mut regions) = (0usize, 0u64, 0u64, 0u64);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(damaged)?;
        let (element, opens) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::DocType(_) => return Err(unreadable("表格中含有实体声明，可能是恶意文件")),
            Event::Eof => return Ok(()),
            _ => continue,
        };
        depth += usize::from(opens);
        if depth > DEPTH {
            return Err(unreadable(format_args!("表格内容的嵌套超过 {DEPTH} 层")));
        }
        // A sheet is known by its outermost element; its part may have any name.
        is_sheet |= elements == 0 && element.local_name().as_ref() == "worksheet";
        elements += 1;
        let place = match element.local_name().as_ref() {
            "c" | "row" => values(element, "r"),
            "dimension" | "f" | "mergeCell" => values(element, "ref"),
            _ => Vec::new(),
        };
        if place.iter().any(|place| is_no_area(place)) {
            return Err(unreadable("表格中有无法识别的单元格位置"));
        }
        match element.local_name().as_ref() {
            "row" if is_sheet => {
                findings.rows += 1;
                findings.hidden_rows += u64::from(is_set(element, "hidden"));
            }
            "f" if is_sheet => findings.formulas += 1,
            "mergeCell" => regions += 1,
            "si" => strings += 1,
            "Relationship" if name.ends_with(".rels") => relate(element, named),
            "sst" => {
                let claimed = values(element, "uniqueCount").iter().filter_map(|count| count.parse::<u64>().ok()).max().unwrap_or(0);
                within(claimed, SHARED_STRINGS, "共享文字")?;
            }
            _ => {}
        }
        within(strings, SHARED_STRINGS, "共享文字")?;
        within(regions, REGIONS, "合并单元格")?;
        if name.ends_with("styles.xml") {
            within(elements, STYLES, "单元格格式")?;
        }
    }
}

/// Whether a place such as `B12` or `A1:C3` is none that can be counted with: it has so many letters or digits that columns and rows go past 32 bits, or it ends
/// before it begins.
fn is_no_area(place: &str) -> bool {
    let corners: Option<Vec<(u32, u32)>> = place.split(':').map(corner).collect();
    corners.is_none_or(|corners| corners.windows(2).any(|pair| pair[1].0 < pair[0].0 || pair[1].1 < pair[0].1))
}

/// Column and row of a corner of an area; `None` when it has too many letters or digits. What is neither counts for nothing: the reader refuses it.
fn corner(place: &str) -> Option<(u32, u32)> {
    let letters = place.bytes().filter(u8::is_ascii_alphabetic);
    let digits = place.bytes().filter(u8::is_ascii_digit);
    let column = letters
        .clone()
        .fold(0, |sum: u32, letter| sum.saturating_mul(26).saturating_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1));
    let row = digits.clone().fold(0, |sum: u32, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    (letters.count() <= 6 && digits.count() <= 9).then_some((column, row))
}

fn is_set(element: &BytesStart<'_>, name: &str) -> bool {
    attribute(element, name).is_some_and(|value| matches!(value.as_str(), "1" | "true"))
}

fn within(count: u64, limit: u64, what: &str) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Error::new(Code::TooLarge, format!("表格中的{what}超过上限 {limit} 个，可能是恶意文件，没有读取。")))
}
