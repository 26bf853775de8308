//! Reading: one text into lines that carry words, free of layout and of the marks of collections.
//!
//! Reads: plain text or Markdown. Writes: [`Source`], the lines in order with their numbers. `normalise` is defined here by the very same
//! reading, so what the parser sees and what it must not lose are one thing.

use std::borrow::Cow;

/// One line with words in it.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// Number of the line in the input, from 1.
    pub number: u32,
    /// Number of Markdown heading marks before it; 0 for running text.
    pub level: u8,
    /// The words: no layout at either end, no invisible characters within.
    pub text: Cow<'a, str>,
}

/// A text as lines.
#[derive(Debug, Default)]
pub(super) struct Source<'a> {
    pub lines: Vec<Line<'a>>,
    /// Index of the first line of the body, where the collection marks the end of the header.
    pub header_end: Option<usize>,
}

/// Characters that carry no words and never reach a provision: white space of every width, control characters, zero-width and
/// direction marks, the byte-order mark, the soft hyphen.
pub(super) fn is_layout(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Layout that takes no room at all: removed even between words.
pub(super) fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{00AD}' | '\u{180E}')
}

/// What the tree of a text must add up to: its words without layout.
///
/// Removed are layout characters (see `is_layout`), one to six `#` at the start of a line, a line that is a collection's mark
/// (`<!-- INFO END -->`: capitals in an HTML comment), and the front matter between two lines `---` at the very top when every line of it is
/// `key: value` or `- value`. Everything else stays, in order.
pub fn normalise(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for line in read(text).lines {
        words.extend(line.text.chars().filter(|c| !is_layout(*c)));
    }
    words
}

/// A text without its layout characters.
pub(super) fn compact(text: &str) -> String {
    text.chars().filter(|c| !is_layout(*c)).collect()
}

/// Splits a text into lines with words.
pub(super) fn read(text: &str) -> Source<'_> {
    let mut source = Source::default();
    let mut rest = text;
    let mut number = 1u32;
    let mut front = Front::Unseen;
    let front_end = front_matter_end(text);
    while !rest.is_empty() {
        let end = rest.find(is_break).unwrap_or(rest.len());
        let raw = rest.get(..end).unwrap_or_default();
        let here = number;
        rest = rest.get(end..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("\r\n") {
            (rest, number) = (after, number.saturating_add(1));
        } else if let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            number = number.saturating_add(u32::from(c == '\n' || c == '\r'));
        }
        if let Some(last) = front_end
            && front != Front::Over
        {
            front = if here >= last { Front::Over } else { Front::Inside };
            continue;
        }
        push_line(&mut source, raw, here);
    }
    source
}

#[derive(PartialEq)]
enum Front {
    Unseen,
    Inside,
    Over,
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{000B}' | '\u{000C}' | '\u{0085}' | '\u{2028}' | '\u{2029}')
}

fn push_line<'a>(source: &mut Source<'a>, raw: &'a str, number: u32) {
    let mut text = raw.trim_matches(is_layout);
    let mut level = 0u8;
    let marks = text.bytes().take_while(|b| *b == b'#').count();
    if (1..=6).contains(&marks) {
        level = marks as u8;
        text = text.get(marks..).unwrap_or_default().trim_matches(is_layout);
    }
    if text.is_empty() {
        return;
    }
    if let Some(mark) = collection_mark(text) {
        if mark == "INFO END" && source.header_end.is_none() {
            source.header_end = Some(source.lines.len());
        }
        return;
    }
    let text =
        if text.chars().any(is_invisible) { Cow::Owned(text.chars().filter(|c| !is_invisible(*c)).collect()) } else { Cow::Borrowed(text) };
    source.lines.push(Line { number, level, text });
}

/// The words of a line such as `<!-- INFO END -->`.
fn collection_mark(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    (!inner.is_empty() && inner.bytes().all(|b| b.is_ascii_uppercase() || b == b' ')).then_some(inner)
}

/// Line number of the `---` that closes the front matter, when the text begins with one.
fn front_matter_end(text: &str) -> Option<u32> {
    let mut lines = text.split('\n').map(|l| l.trim_matches(is_layout)).zip(1u32..);
    let opening = lines.by_ref().find(|(l, _)| !l.is_empty())?;
    if opening.0 != "---" {
        return None;
    }
    for (line, number) in lines.take(100) {
        if line == "---" {
            return Some(number);
        }
        let key = line.split(':').next().unwrap_or_default();
        let listed = line.starts_with("- ");
        if !(line.is_empty() || listed || (line.contains(':') && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b)))) {
            return None;
        }
    }
    None
}
