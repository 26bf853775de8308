//! 网页标记的度量: refuses markup that would cost a tree builder far more than its size, before one is started.
//!
//! The tree builder of a browser looks through the open elements for every tag, compares every attribute of a tag with those before it, and
//! repeats unclosed formatting elements in every following block. Each is bounded here in one pass over the bytes.

use super::Limits;
use crate::error::{Code, Error, Result};

/// Most attributes of one element; real ones have a dozen.
const MAX_ATTRIBUTES: usize = 500;

/// Elements that cannot have content: they open nothing.
const VOID: &[&[u8]] = &[
    b"area",
    b"base",
    b"br",
    b"col",
    b"embed",
    b"hr",
    b"img",
    b"input",
    b"link",
    b"meta",
    b"param",
    b"source",
    b"track",
    b"wbr",
    b"!doctype",
];

/// Elements that the next of their kind closes by itself.
const SELF_CLOSING: &[&[u8]] = &[
    b"p",
    b"li",
    b"dt",
    b"dd",
    b"tr",
    b"td",
    b"th",
    b"tbody",
    b"thead",
    b"tfoot",
    b"option",
    b"optgroup",
    b"colgroup",
    b"caption",
    b"rp",
    b"rt",
];

/// Elements that are opened again in the next block when they were not closed.
const FORMATTING: &[&[u8]] =
    &[b"a", b"b", b"big", b"code", b"em", b"font", b"i", b"nobr", b"s", b"small", b"strike", b"strong", b"tt", b"u"];

/// Elements inside which a new list item, row or cell does not close the one outside.
const SCOPES: &[&[u8]] = &[b"table", b"ul", b"ol", b"dl"];

/// Elements whose content is no markup.
const RAW_TEXT: &[&[u8]] = &[b"script", b"style", b"textarea", b"title", b"xmp", b"noembed", b"noframes"];

/// Refuses a page that nests deeper, has more elements, or has more attributes on one element than allowed.
pub(super) fn check(page: &[u8], limits: &Limits) -> Result<()> {
    let mut open: Vec<&[u8]> = Vec::new();
    let (mut elements, mut unclosed_formatting) = (0usize, 0usize);
    let mut at = 0;
    while let Some(found) = page.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'<')) {
        at += found + 1;
        let Some(rest) = page.get(at..) else { break };
        if rest.starts_with(b"!--") {
            at += rest.windows(3).position(|window| window == b"-->").map_or(rest.len(), |end| end + 3);
            continue;
        }
        let is_end = rest.first() == Some(&b'/');
        let from = usize::from(is_end);
        let length =
            rest.get(from..).unwrap_or_default().iter().take_while(|b| !matches!(b, b' ' | b'\t' | b'\n' | 0x0C | b'>' | b'/')).count();
        let name = rest.get(from..from + length).unwrap_or_default();
        if !name.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        at += from + length;
        let (tag_length, attributes) = measure_tag(page.get(at..).unwrap_or_default());
        at += tag_length;
        if attributes > MAX_ATTRIBUTES {
            return Err(refused(format_args!("一个元素的属性超过 {MAX_ATTRIBUTES} 个")));
        }
        let is_formatting = is_one_of(name, FORMATTING);
        if is_end {
            unclosed_formatting = unclosed_formatting.saturating_sub(usize::from(is_formatting));
            // An end tag closes its element and whatever is still open inside; without such an element it is ignored.
            if let Some(index) = open.iter().rposition(|opened| opened.eq_ignore_ascii_case(name)) {
                open.truncate(index);
            }
            continue;
        }
        elements += 1 + unclosed_formatting;
        if elements > limits.max_elements {
            return Err(refused(format_args!("元素超过 {} 个", limits.max_elements)));
        }
        if is_one_of(name, RAW_TEXT) {
            at += end_of_raw_text(page.get(at..).unwrap_or_default(), name);
            continue;
        }
        if is_one_of(name, VOID) {
            continue;
        }
        unclosed_formatting += usize::from(is_formatting);
        if is_one_of(name, SELF_CLOSING)
            && let Some(index) = open.iter().rposition(|opened| opened.eq_ignore_ascii_case(name))
            && !open.get(index..).unwrap_or_default().iter().any(|opened| is_one_of(opened, SCOPES))
        {
            open.truncate(index);
        }
        open.push(name);
        if open.len() > limits.max_depth {
            return Err(refused(format_args!("元素的嵌套超过 {} 层", limits.max_depth)));
        }
    }
    Ok(())
}

fn refused(what: std::fmt::Arguments<'_>) -> Error {
    Error::new(Code::UnreadableFile, format!("网页{what}，没有读取。"))
}

fn is_one_of(name: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Length of a tag from behind its name to behind its `>`, and the number of its attributes.
fn measure_tag(rest: &[u8]) -> (usize, usize) {
    let (mut quote, mut attributes) = (None, 0);
    let mut before = b' ';
    for (index, byte) in rest.iter().copied().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => continue,
            None if byte == b'>' => return (index + 1, attributes),
            // A quote opens only a value.
            None if matches!(byte, b'"' | b'\'') && before == b'=' => quote = Some(byte),
            None => {}
        }
        let is_gap = byte.is_ascii_whitespace() || byte == b'/';
        if !is_gap {
            let follows_gap =
                index == 0 || rest.get(index - 1).is_some_and(|b| b.is_ascii_whitespace() || *b == b'/' || matches!(b, b'"' | b'\''));
            attributes += usize::from(follows_gap && quote.is_none());
            before = byte;
        }
    }
    (rest.len(), attributes)
}

/// Length up to the end tag of an element whose content is no markup.
fn end_of_raw_text(rest: &[u8], name: &[u8]) -> usize {
    let is_end = |window: &[u8]| window.starts_with(b"</") && window.get(2..).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    rest.windows(name.len() + 2).position(is_end).map_or(rest.len(), |at| at + name.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::read;

    /// Reads a page through the whole path; refusals must be quick, and what is accepted must be read quickly too.
    fn outcome(page: &str) -> Result<crate::documents::SourceDocument> {
        let started = std::time::Instant::now();
        let result = read("页.html", page.as_bytes(), &Limits::default());
        assert!(started.elapsed().as_secs() < 10, "{}…", page.chars().take(60).collect::<String>());
        result
    }

    #[test]
    fn costly_markup_is_refused() {
        let numbered = |count: usize, piece: &dyn Fn(usize) -> String| (0..count).map(piece).collect::<String>();
        for body in [
            "<div>".repeat(1_000_000),
            "<b>".repeat(100_000),
            "<span class=a>".repeat(100_000),
            "<table><tr><td>".repeat(100_000),
            "<x-y>".repeat(100_000),
            "<p>".repeat(1_000_000),
            numbered(100_000, &|n| format!("<b id={n}><p>")),
            format!("<div {}>", numbered(200_000, &|n| format!("a{n}=1 "))),
            format!("<div {}>", numbered(200_000, &|n| format!("a{n}/"))),
            format!("<div {}>", numbered(200_000, &|n| format!("a{n}=\"\""))),
        ] {
            assert!(outcome(&format!("<html><body>{body}")).is_err(), "{}…", body.chars().take(40).collect::<String>());
        }
    }

    #[test]
    fn ordinary_markup_is_not() {
        // Elements that close each other do not nest; quotes hide what looks like markup.
        let flat = format!("<html><body>{}<ul>{}</ul>", "<p>段落".repeat(20_000), "<li>项".repeat(20_000));
        assert_eq!(outcome(&flat).unwrap().body.lines().count(), 40_000);
        let quoted = format!("<html><body><img alt=\"{}\" src='{}'><p>文</p>", "<div>".repeat(2_000), "a b ".repeat(2_000));
        assert_eq!(outcome(&quoted).unwrap().body, "文\n");
        let rows = format!("<html><body><table>{}</table>", "<tr><td>一<td>二".repeat(10_000));
        assert_eq!(outcome(&rows).unwrap().body.lines().count(), 10_000);
        let script = format!("<html><body><script>{}</script><p>文</p>", "if (a<b) x('<div>');".repeat(2_000));
        assert_eq!(outcome(&script).unwrap().body, "文\n");
    }

    #[test]
    fn malformed_markup_ends() {
        for page in [
            "<html><body><",
            "<html></",
            "<html><body><!--",
            "<html><script>",
            "<html><a <b <c",
            "<html><body></p></p></div>文</td>",
            "<html><p a=\"",
            "<html><title>",
        ] {
            assert!(outcome(page).is_ok(), "{page}");
        }
    }
}
