//! 编码与纯文本: bytes → characters → lines.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

use super::{Format, Limits, SourceDocument, unreadable};
use crate::error::{Code, Error, Result};

/// Share of undecodable characters (one in this many) above which a text is refused instead of read with gaps.
const MAX_DAMAGED_ONE_IN: usize = 200;

/// Characters decoded from bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text; lines end with `\n`, no byte order mark, no NUL.
    pub text: String,
    /// Name of the encoding found (`UTF-8`, `gb18030` …).
    pub encoding: &'static str,
    /// Places that could not be decoded; each stands as U+FFFD in the text.
    pub damaged: usize,
}

/// Decodes bytes of unknown encoding: byte order mark, then `declared` (from a page's `charset`), then UTF-8, then detection
/// among the Chinese and other encodings.
///
/// # Errors
/// [`Code::UnreadableFile`] when no encoding fits.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> Result<Decoded> {
    let (encoding, skip) = match Encoding::for_bom(bytes) {
        Some((encoding, skip)) => (encoding, skip),
        None => (guess(bytes, declared), 0),
    };
    let body = bytes.get(skip..).unwrap_or_default();
    let (decoded, _) = encoding.decode_without_bom_handling(body);
    let already_there = if encoding == UTF_8 { body.windows(3).filter(|w| *w == "\u{FFFD}".as_bytes()).count() } else { 0 };
    let damaged = decoded.matches('\u{FFFD}').count().saturating_sub(already_there);
    if damaged > 0 && damaged > decoded.len() / 3 / MAX_DAMAGED_ONE_IN {
        return Err(unreadable(format_args!("无法判断文字编码（按 {} 解码有 {damaged} 处乱码），请另存为 UTF-8", encoding.name())));
    }
    Ok(Decoded { text: normalise_lines(&decoded), encoding: encoding.name(), damaged })
}

/// The encoding of bytes without a byte order mark.
fn guess(bytes: &[u8], declared: Option<&str>) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return utf16_without_mark(bytes).unwrap_or(UTF_8);
    }
    let fits = |encoding: &'static Encoding| !encoding.decode_without_bom_handling(bytes).1;
    // GB18030 is a superset of what pages declare as gb2312 or gbk.
    let widened = |encoding: &'static Encoding| if encoding == GBK { GB18030 } else { encoding };
    if let Some(encoding) = declared.and_then(|label| Encoding::for_label(label.as_bytes())).map(widened)
        && fits(encoding)
    {
        return encoding;
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return encoding;
    }
    // Mostly UTF-8 with a broken place is still UTF-8.
    let lossy = String::from_utf8_lossy(bytes);
    let (broken, wide) = (lossy.matches('\u{FFFD}').count(), lossy.chars().filter(|c| !c.is_ascii()).count());
    if broken * MAX_DAMAGED_ONE_IN < wide {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guessed = widened(detector.guess(Some(b"cn"), Utf8Detection::Deny));
    // A short Chinese text may look like another legacy encoding; the texts read here are Chinese.
    if guessed != GB18030 && !guessed.name().eq_ignore_ascii_case("big5") && fits(GB18030) { GB18030 } else { guessed }
}

/// UTF-16 without a mark shows as a NUL in every other byte of its ASCII characters.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..4096).unwrap_or(bytes);
    let zeros = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let enough = (sample.len() / 40).max(2);
    match () {
        () if odd >= enough && even * 10 < odd => Some(UTF_16LE),
        () if even >= enough && odd * 10 < even => Some(UTF_16BE),
        () => None,
    }
}

/// Whether the first bytes of a file can be text at all: no NUL unless UTF-16, few control bytes.
pub fn looks_like_text(head: &[u8]) -> bool {
    if Encoding::for_bom(head).is_some() || utf16_without_mark(head).is_some() {
        return true;
    }
    let control = head.iter().filter(|b| matches!(b, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    !head.contains(&0) && control * 50 <= head.len()
}

/// The first bytes as text, for recognising a format; a character cut at the end is dropped.
pub fn decode_lossy(head: &[u8]) -> String {
    match Encoding::for_bom(head) {
        Some((encoding, skip)) => encoding.decode_without_bom_handling(head.get(skip..).unwrap_or_default()).0.into_owned(),
        None => utf16_without_mark(head).unwrap_or(UTF_8).decode_without_bom_handling(head).0.into_owned(),
    }
}

/// One kind of line end, no byte order marks, no NUL. Nothing else is touched.
pub(crate) fn normalise_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                lines.push('\n');
            }
            '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => lines.push('\n'),
            '\0' | '\u{FEFF}' => {}
            other => lines.push(other),
        }
    }
    lines
}

/// Reads a plain text file: everything is body.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<SourceDocument> {
    let (text, notices) = decode_within(bytes, limits)?;
    Ok(SourceDocument { notices, ..SourceDocument::new(Format::Text, text) })
}

/// Decodes a whole text file and checks its lines; the notices say what was lost.
pub(super) fn decode_within(bytes: &[u8], limits: &Limits) -> Result<(String, Vec<String>)> {
    let decoded = decode(bytes, None)?;
    check_lines(&decoded.text, limits)?;
    Ok((decoded.text, damage_notice(decoded.damaged).into_iter().collect()))
}

/// Says how many places could not be decoded.
pub(super) fn damage_notice(damaged: usize) -> Option<String> {
    (damaged > 0).then(|| format!("有 {damaged} 处字符无法解码，以“\u{FFFD}”标出。"))
}

/// Refuses a text with a line longer than any legal text has.
pub(super) fn check_lines(text: &str, limits: &Limits) -> Result<()> {
    match text.split('\n').position(|line| line.len() > limits.max_line_bytes) {
        Some(index) => Err(line_too_long(index as u64 + 1, limits)),
        None => Ok(()),
    }
}

/// The sentence for a line over the limit; lines count from 1.
pub(super) fn line_too_long(line: u64, limits: &Limits) -> Error {
    let limit = limits.max_line_bytes;
    let limit = if limit >= 1 << 20 { format!("{} MB", limit >> 20) } else { format!("{limit} 字节") };
    Error::new(Code::TooLarge, format!("第 {line} 行超过单行上限 {limit}，没有读取。"))
}
