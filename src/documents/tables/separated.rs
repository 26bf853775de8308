//! Separated values: .csv as spreadsheets write it, in any encoding that `text` knows, with commas, semicolons or tabs.

use super::rows::{Budget, Growing};
use super::{TableFile, TableFormat, TableLimits, damaged};
use crate::documents::text;
use crate::documents::writing::returned::harmless;
use crate::error::Result;

/// Lines that decide which separator a file uses.
const SAMPLE_LINES: usize = 30;

pub(super) fn read(bytes: &[u8], limits: &TableLimits) -> Result<TableFile> {
    let decoded = text::decode(bytes, None)?;
    let mut notices: Vec<String> = text::damage_notice(decoded.damaged).into_iter().collect();
    if !matches!(decoded.encoding, "UTF-8") {
        notices.push(format!("文字编码按 {} 读取。", decoded.encoding));
    }
    // Spreadsheets understand a first line that names the separator.
    let (body, line, told) = match decoded.text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
        Some((mark, rest)) => (rest, 1, mark.bytes().next()),
        None => (decoded.text.as_str(), 0, None),
    };
    let separator = told.filter(u8::is_ascii).unwrap_or_else(|| separator_of(body));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(body.as_bytes());
    let mut budget = Budget::new(limits);
    let mut table = Growing::new(&mut budget, "", false)?;
    let mut record = csv::StringRecord::new();
    // A row of a spreadsheet is a record, or an empty line; lines inside quotation marks are no rows.
    let mut inner_lines = 0u64;
    while reader.read_record(&mut record).map_err(damaged)? {
        let (line_at, byte_at) = record.position().map_or((1, 0), |at| (at.line(), at.byte()));
        // The position is that before the empty lines above the record.
        let empty = body.as_bytes().iter().skip(usize::try_from(byte_at).unwrap_or(usize::MAX)).take_while(|b| **b == b'\n').count() as u64;
        let at = (line_at + empty).saturating_sub(1 + inner_lines);
        inner_lines += record.iter().map(|field| field.matches('\n').count() as u64).sum::<u64>();
        let row = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(line);
        for (column, words) in (0u32..).zip(&record) {
            table.put(row, column, meant(words))?;
        }
    }
    let tables = table.finish().into_iter().collect();
    notices.extend(budget.notices());
    Ok(TableFile { format: TableFormat::Csv, tables, around: String::new(), notices })
}

/// The words that a field stands for.
fn meant(words: &str) -> &str {
    // The apostrophe before what would be a formula is ours, from a file that was handed back.
    if let Some(rest) = words.strip_prefix('\'').filter(|rest| harmless(rest) != *rest) {
        return rest;
    }
    // ="001" is how some programs keep the zeros of a number.
    words.strip_prefix("=\"").and_then(|w| w.strip_suffix('"')).unwrap_or(words)
}

/// The separator that stands most evenly outside quotation marks in the first lines.
fn separator_of(text: &str) -> u8 {
    let mut counts = [0usize; 3];
    let mut lines = [0usize; 3];
    let mut here = [0usize; 3];
    let mut quoted = false;
    let mut seen = 0;
    for c in text.bytes().take(200_000) {
        match c {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                for ((count, lines), here) in counts.iter_mut().zip(&mut lines).zip(&mut here) {
                    *count += *here;
                    *lines += usize::from(*here > 0);
                    *here = 0;
                }
                seen += 1;
                if seen >= SAMPLE_LINES {
                    break;
                }
            }
            b',' | b';' | b'\t' if !quoted => {
                if let Some(here) = here.get_mut(usize::from(c == b';') + 2 * usize::from(c == b'\t')) {
                    *here += 1;
                }
            }
            _ => {}
        }
    }
    for ((count, lines), here) in counts.iter_mut().zip(&mut lines).zip(here) {
        *count += here;
        *lines += usize::from(here > 0);
    }
    let best =
        (0..3).max_by_key(|i| (lines.get(*i), counts.get(*i), 2 - i)).filter(|i| counts.get(*i).is_some_and(|c| *c > 0)).unwrap_or(0);
    [b',', b';', b'\t'].get(best).copied().unwrap_or(b',')
}
