//! What a file that somebody uploads is, by its bytes. Which kinds are taken is for `attachments` and `enclosures` to say.

use std::io::Cursor;

use super::archive::{Archive, Content};
use super::{Format, Limits, SNIFF_BYTES, sniff};
use crate::error::Result;

/// Kinds that somebody may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// JPEG image.
    Jpeg,
    /// PNG image.
    Png,
    /// WebP image.
    Webp,
    /// GIF image.
    Gif,
    /// PDF.
    Pdf,
    /// Word document.
    Docx {
        /// Whether it brings macros.
        has_macros: bool,
    },
    /// Excel workbook.
    Xlsx {
        /// Whether it brings macros.
        has_macros: bool,
    },
    /// Anything else, an empty file included.
    Other(Format),
}

/// Where an Office document keeps its macros, in any of its folders.
const MACROS: &str = "vbaproject.bin";

/// Recognises a file. Nothing is unpacked: of a zip container its directory is read, with at most so many entries.
///
/// # Errors
/// [`crate::error::Code::UnreadableFile`] for a damaged container, [`crate::error::Code::TooLarge`] for one with too many entries.
pub(super) fn recognise(bytes: &[u8], max_entries: usize) -> Result<Upload> {
    let at = |range: std::ops::Range<usize>| bytes.get(range).unwrap_or_default();
    if bytes.starts_with(b"\x89PNG\r\n\x1A\n") && at(12..16) == b"IHDR" {
        return Ok(Upload::Png);
    }
    if bytes.starts_with(b"\xFF\xD8\xFF") {
        return Ok(Upload::Jpeg);
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Ok(Upload::Gif);
    }
    if bytes.starts_with(b"RIFF") && at(8..12) == b"WEBP" {
        return Ok(Upload::Webp);
    }
    match sniff("", bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) {
        Format::Pdf => Ok(Upload::Pdf),
        Format::Zip => office(bytes, max_entries),
        other => Ok(Upload::Other(other)),
    }
}

fn office(bytes: &[u8], max_entries: usize) -> Result<Upload> {
    let archive = Archive::open(Cursor::new(bytes), Limits { max_entries, ..Limits::default() })?;
    let has_macros = archive.names().any(|name| name.to_lowercase().ends_with(MACROS));
    Ok(match archive.content() {
        Content::Document => Upload::Docx { has_macros },
        Content::Office(_) if archive.names().any(|name| name.eq_ignore_ascii_case("xl/workbook.xml")) => Upload::Xlsx { has_macros },
        _ => Upload::Other(Format::Zip),
    })
}
