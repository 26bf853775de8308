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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_break_the_header() {
        assert_eq!(disposition(false, "x.pdf", "表 1~.pdf"), "attachment; filename=\"x.pdf\"; filename*=UTF-8''%E8%A1%A8%201~.pdf");
        assert_eq!(disposition(true, "x.png", "a\"\r\n;.png"), "inline; filename=\"x.png\"; filename*=UTF-8''a%22%0D%0A%3B.png");
    }
}
