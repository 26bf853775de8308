//! 下载: under which name a file leaves.

use std::fmt::Write;

/// The value of `Content-Disposition` for a file under its UTF-8 name (RFC 6266, RFC 8187): to be saved, or `is_shown` in place. `plain` is the name
/// for clients that read no other; it must be ASCII without quotes.
pub fn disposition(is_shown: bool, plain: &str, name: &str) -> String {
    let how = if is_shown { "inline" } else { "attachment" };
    let mut header = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => header.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(header, "%{byte:02X}")),
        }
    }
    header
}

/// Longest name of a file, in characters.
const NAME_CHARACTERS: usize = 120;

/// The last part of a path without control characters, short enough to keep, its extension kept.
pub fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    // What turns the direction of text can make one extension look like another.
    let turns = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let clean: Vec<char> = last.trim().chars().filter(|c| !c.is_control() && !turns(*c) && *c != '"').collect();
    let from = clean.len().saturating_sub(NAME_CHARACTERS);
    let name: String = clean.get(from..).unwrap_or_default().iter().collect();
    if name.is_empty() { "附件".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_break_the_header() {
        assert_eq!(disposition(false, "x.pdf", "表 1~.pdf"), "attachment; filename=\"x.pdf\"; filename*=UTF-8''%E8%A1%A8%201~.pdf");
        assert_eq!(disposition(true, "x.png", "a\"\r\n;.png"), "inline; filename=\"x.png\"; filename*=UTF-8''a%22%0D%0A%3B.png");
    }

    #[test]
    fn names_lose_what_could_mislead() {
        assert_eq!(clean_name("C:\\照片\\路口.jpg"), "路口.jpg");
        assert_eq!(clean_name("a\u{202E}gpj.exe\r\n"), "agpj.exe");
        assert_eq!(clean_name(" / "), "附件");
        let long = clean_name(&format!("{}.pdf", "长".repeat(500)));
        assert!(long.ends_with(".pdf") && long.chars().count() == NAME_CHARACTERS);
    }
}
