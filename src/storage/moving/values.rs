//! What the columns of both engines hold, and the words in which a value of one is compared with that of the other.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a column holds, as `migrations/README.md` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id.
    Id,
    /// Words.
    Words,
    /// A number.
    Number,
    /// A truth.
    Truth,
    /// A day.
    Day,
    /// An instant.
    Instant,
    /// A structured value.
    Structure,
}

impl Kind {
    /// The kind of a type of PostgreSQL, by its name in the information schema.
    pub fn of_type(name: &str) -> Option<Kind> {
        Some(match name {
            "uuid" => Kind::Id,
            "text" => Kind::Words,
            "bigint" => Kind::Number,
            "boolean" => Kind::Truth,
            "date" => Kind::Day,
            "timestamp with time zone" => Kind::Instant,
            "jsonb" => Kind::Structure,
            _ => return None,
        })
    }

    /// What SQLite gives a value as, in words.
    pub fn in_sqlite(self, column: &str) -> String {
        match self {
            Kind::Id => format!("CASE WHEN {column} IS NULL THEN NULL ELSE lower(hex({column})) END"),
            Kind::Truth => format!("CASE {column} WHEN 0 THEN 'f' WHEN 1 THEN 't' ELSE CAST({column} AS TEXT) END"),
            _ => format!("CAST({column} AS TEXT)"),
        }
    }

    /// What PostgreSQL gives a value as, in words.
    pub fn in_postgres(self, column: &str) -> String {
        match self {
            Kind::Id => format!("replace({column}::text, '-', '')"),
            Kind::Truth => format!("CASE WHEN {column} THEN 't' WHEN NOT {column} THEN 'f' END"),
            Kind::Day => format!("to_char({column}, 'YYYY-MM-DD')"),
            Kind::Instant => format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
            Kind::Words | Kind::Number | Kind::Structure => format!("{column}::text"),
        }
    }

    /// The words of a value that are the same whichever engine gave it. What cannot be read stays as it is.
    pub fn canonical(self, words: String) -> String {
        match self {
            Kind::Instant => DateTime::parse_from_rfc3339(&words)
                .map(|at| at.with_timezone(&Utc).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
                .unwrap_or(words),
            Kind::Structure => serde_json::from_str::<Value>(&words).map(|value| plain(value).to_string()).unwrap_or(words),
            Kind::Id | Kind::Words | Kind::Number | Kind::Truth | Kind::Day => words,
        }
    }

    /// Whether a value of these words is one that SQLite keeps and PostgreSQL refuses: with a NUL character.
    pub fn has_nul(self, words: &str) -> bool {
        words.contains('\0') || (self == Kind::Structure && serde_json::from_str::<Value>(words).is_ok_and(|value| holds_nul(&value)))
    }
}

/// A structured value with its numbers in one form: PostgreSQL writes 1e5 as 100000.
fn plain(value: Value) -> Value {
    /// Up to here every whole number is a number of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => Value::from(float as i64),
            _ => Value::Number(number),
        },
        Value::Array(values) => Value::Array(values.into_iter().map(plain).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        other => other,
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(words) => words.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_both_engines_come_to_the_same_words() {
        for (kind, sqlite, postgres) in [
            (Kind::Instant, "2026-01-31T03:00:00+00:00", "2026-01-31T03:00:00.000000Z"),
            (Kind::Instant, "2026-01-31T11:00:00.120+08:00", "2026-01-31T03:00:00.120000Z"),
            (Kind::Instant, "2026-01-31T03:00:00.123456+00:00", "2026-01-31T03:00:00.123456Z"),
            (Kind::Structure, r#"{"b":1,"aa":[1.0,1e5,0.5,"\u4e00"]}"#, r#"{"b": 1, "aa": [1.0, 100000, 0.5, "一"]}"#),
            (Kind::Structure, r#"{"aa":{"y":null,"x":true}}"#, r#"{"aa": {"x": true, "y": null}}"#),
            (Kind::Words, " 两端的空格 ", " 两端的空格 "),
            (Kind::Day, "0001-01-01", "0001-01-01"),
        ] {
            assert_eq!(kind.canonical(sqlite.to_owned()), kind.canonical(postgres.to_owned()), "{sqlite}");
        }
        for (kind, one, other) in [
            (Kind::Instant, "2026-01-31T03:00:00.123456+00:00", "2026-01-31T03:00:00.123457Z"),
            (Kind::Structure, "[1, 2]", "[2, 1]"),
            (Kind::Structure, "[0.5]", "[0.25]"),
            (Kind::Structure, r#"["1"]"#, "[1]"),
            (Kind::Structure, "null", "{}"),
            (Kind::Words, "一", "一 "),
        ] {
            assert_ne!(kind.canonical(one.to_owned()), kind.canonical(other.to_owned()), "{one}");
        }
    }

    #[test]
    fn nul_characters_are_found_in_words_and_in_structures() {
        assert!(
            Kind::Words.has_nul("a\0b") && Kind::Structure.has_nul(r#"[{"a":["\u0000"]}]"#) && Kind::Structure.has_nul(r#"{"\u0000":1}"#)
        );
        assert!(!Kind::Words.has_nul(r"\u0000") && !Kind::Structure.has_nul(r#"["\\u0000"]"#) && !Kind::Structure.has_nul(r#"["\u0001"]"#));
    }
}
