//! Building addresses: percent encoding, and query strings.

use std::fmt::Write;

use super::pages::Link;

/// A text as one value of a query string.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// A path with a query string; pairs without a value are left out.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from(path);
    let mut mark = '?';
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.push(mark);
        mark = '&';
        out.push_str(name);
        out.push('=');
        out.push_str(&encode(value));
    }
    out
}

/// A path of this site to go back to, or the home page: whatever could lead elsewhere is refused.
pub fn local(path: &str) -> &str {
    let is_local =
        path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && path.chars().all(|c| !c.is_control() && c.is_ascii());
    if is_local { path } else { "/" }
}

/// The address among some links that a path belongs to: the longest that is the path or a folder above it; empty when none is.
pub fn deepest<'a>(links: &'a [Link], path: &str) -> &'a str {
    let holds = |link: &&Link| path.strip_prefix(link.url.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    links.iter().filter(holds).max_by_key(|link| link.url.len()).map_or("", |link| link.url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_empty_ones_left_out() {
        assert_eq!(with_query("/search", [("q", "养犬 a&b"), ("on", ""), ("x", "1")]), "/search?q=%E5%85%BB%E7%8A%AC%20a%26b&x=1");
        assert_eq!(with_query("/laws", []), "/laws");
    }

    #[test]
    fn only_paths_of_this_site_are_gone_back_to() {
        for bad in ["", "https://a.example", "//a.example", "/\\a.example", "/a\r\nb", "javascript:1", "/汉字"] {
            assert_eq!(local(bad), "/", "{bad}");
        }
        assert_eq!(local("/laws?x=1#art-2"), "/laws?x=1#art-2");
    }

    #[test]
    fn a_page_belongs_to_the_deepest_entry_above_it() {
        let links: Vec<Link> =
            ["/staff", "/staff/drafts", "/staff/users"].into_iter().map(|url| Link { text: String::new(), url: url.into() }).collect();
        for (path, expected) in [
            ("/staff", "/staff"),
            ("/staff/drafts", "/staff/drafts"),
            ("/staff/drafts/7/opinions", "/staff/drafts"),
            ("/staff/draftsmen", "/staff"),
            ("/drafts", ""),
        ] {
            assert_eq!(deepest(&links, path), expected, "{path}");
        }
    }
}
