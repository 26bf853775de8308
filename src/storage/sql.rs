//! What every room needs to speak SQL: error conversion, cursor paging, values stored by name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Code, Error, Result};

/// A set of values stored by name: each with its canonical name (in the database and the API) and its Chinese label (on pages).
#[macro_export]
macro_rules! text_enum {
    ($(#[$outer:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $slug:literal, $label:literal;)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $type { $($(#[$doc])* $name),+ }

        impl $type {
            /// Every value, in the order in which lists show them.
            pub const ALL: &'static [$type] = &[$($type::$name),+];

            /// Canonical name.
            pub fn as_str(self) -> &'static str { match self { $($type::$name => $slug),+ } }

            /// What a page shows.
            pub fn label(self) -> &'static str { match self { $($type::$name => $label),+ } }

            /// Reads a canonical name.
            pub fn parse(text: &str) -> Option<$type> { match text { $($slug => Some($type::$name),)+ _ => None } }

            /// Reads a stored name; an unknown one is a defect.
            pub fn stored(text: &str) -> $crate::error::Result<$type> {
                $type::parse(text).ok_or_else(|| $crate::error::Error::defect(format_args!("unknown {} {text}", stringify!($type))))
            }
        }
    };
}

/// Seconds after which a database that is gone or overrun may answer again.
const RETRY_S: u64 = 5;

/// What a failure of the database means to who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It is gone, overrun, or gave up on the statement: another try may succeed.
    Unavailable,
    /// Two who wait for each other: the next try succeeds.
    Again,
    /// There is no room to write.
    Full,
    /// Words that it cannot keep.
    Unkeepable,
    /// A defect.
    Unforeseen,
}

/// The meaning of a code: SQLSTATE of PostgreSQL (its table A), or the extended result code of SQLite as a number.
fn meaning_of(code: &str) -> Meaning {
    if code.len() != 5
        && let Ok(number) = code.parse::<u32>()
    {
        // The low byte is the primary code: BUSY and LOCKED; READONLY, IOERR and FULL, which all mean that nothing can be written.
        return match number & 0xff {
            5 | 6 => Meaning::Again,
            8 | 10 | 13 => Meaning::Full,
            _ => Meaning::Unforeseen,
        };
    }
    match code {
        "40001" | "40P01" | "55P03" => Meaning::Again,
        "53100" => Meaning::Full,
        // Only a NUL character does that: text is UTF-8 before it comes here. SQLite keeps it.
        "22021" => Meaning::Unkeepable,
        "57014" | "25006" | "25P03" => Meaning::Unavailable,
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P0") => Meaning::Unavailable,
        _ => Meaning::Unforeseen,
    }
}

/// Turns a driver failure into the product's error: no connection → 503, no room → 507, words that PostgreSQL cannot keep → 400, everything else → 500.
pub fn failed(source: sqlx::Error) -> Error {
    let meaning = match &source {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Meaning::Unavailable,
        sqlx::Error::Database(failure) => failure.code().map_or(Meaning::Unforeseen, |code| meaning_of(&code)),
        _ => Meaning::Unforeseen,
    };
    let unavailable = || Error::new(Code::Unavailable, "数据库暂时不可用，请稍后再试。");
    match meaning {
        Meaning::Unavailable => unavailable().retry_after(RETRY_S).caused_by(source),
        Meaning::Again => unavailable().retry_after(1).caused_by(source),
        Meaning::Full => Error::full().caused_by(source),
        Meaning::Unkeepable => Error::new(Code::Malformed, "提交的文字里有不能保存的控制字符，请删去后再提交。").caused_by(source),
        Meaning::Unforeseen => Error::internal("statement failed", source),
    }
}

/// Whether a failure is the breach of a unique constraint.
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(d) if d.is_unique_violation())
}

/// One page of a list and where the next begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Opaque place to go on from; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Builds a page from up to `limit + 1` rows: one more than asked for means that there is a next page.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|last| encode_cursor(&key(last))) } else { None };
        Page { items: rows, next }
    }

    /// The same page with other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// Packs a keyset into an opaque cursor.
pub fn encode_cursor<K: Serialize>(key: &K) -> String {
    serde_json::to_vec(key).map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default()
}

/// Before everything that is kept: where a list in the order of time begins. Asked in the same words as every other page, it lets both engines seek.
pub fn beginning_of_time() -> (DateTime<Utc>, Uuid) {
    (DateTime::UNIX_EPOCH, Uuid::nil())
}

/// After everything that is kept: where a list begins that shows the newest first.
pub fn end_of_time() -> (DateTime<Utc>, Uuid) {
    // The last second of the year 9999, the last that both engines sort as they sort the others.
    (DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::UNIX_EPOCH), Uuid::max())
}

/// Reads a cursor that a client sent back.
pub fn decode_cursor<K: DeserializeOwned>(cursor: &str) -> Result<K> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::invalid("cursor", "翻页标识无效，请从第一页重新开始。"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_engines_mean_the_same() {
        for (code, meaning) in [
            ("57P01", Meaning::Unavailable),
            ("08006", Meaning::Unavailable),
            ("53300", Meaning::Unavailable),
            ("57014", Meaning::Unavailable),
            ("40001", Meaning::Again),
            ("40P01", Meaning::Again),
            ("5", Meaning::Again),
            ("261", Meaning::Again),
            ("53100", Meaning::Full),
            ("13", Meaning::Full),
            ("778", Meaning::Full),
            ("8", Meaning::Full),
            ("22021", Meaning::Unkeepable),
            ("23505", Meaning::Unforeseen),
            ("11", Meaning::Unforeseen),
            ("2067", Meaning::Unforeseen),
            ("42601", Meaning::Unforeseen),
        ] {
            assert_eq!(meaning_of(code), meaning, "{code}");
        }
    }

    #[test]
    fn cursors_round_trip_and_garbage_is_refused() {
        let key = ("标题".to_owned(), 7i64);
        assert_eq!(decode_cursor::<(String, i64)>(&encode_cursor(&key)).unwrap(), key);
        for bad in ["", "!!", "bnVsbA", "%00"] {
            assert_eq!(decode_cursor::<(String, i64)>(bad).unwrap_err().code, Code::Invalid, "{bad}");
        }
    }

    #[test]
    fn a_page_ends_when_no_row_is_left_over() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!((page.items.len(), page.next.is_some()), (2, true));
        assert!(Page::cut(vec![1, 2], 2, |n| *n).next.is_none());
    }
}
