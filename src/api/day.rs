//! A day in the API: `format: date`, as the OpenAPI specification knows it.

use std::borrow::Cow;

use chrono::NaiveDate;
use poem::web::Field;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromMultipartField, ParseFromParameter, ParseResult, ToJSON, Type};

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

impl Type for Day {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date")))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

fn parse(text: &str) -> Option<Day> {
    // The form first: chrono alone would also take signs and single digits.
    let is_formed =
        text.len() == 10 && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    is_formed.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten().map(Day)
}

fn refused<T: Type>() -> ParseError<T> {
    ParseError::custom("日期应形如 2026-01-31")
}

impl ParseFromJSON for Day {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        match value {
            Some(serde_json::Value::String(text)) => parse(&text).ok_or_else(refused),
            _ => Err(refused()),
        }
    }
}

impl ParseFromParameter for Day {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        parse(value).ok_or_else(refused)
    }
}

impl ParseFromMultipartField for Day {
    async fn parse_from_multipart(field: Option<Field>) -> ParseResult<Self> {
        match field {
            Some(field) => parse(&field.text().await.map_err(ParseError::custom)?).ok_or_else(refused),
            None => Err(ParseError::expected_input()),
        }
    }
}

impl ToJSON for Day {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(serde_json::Value::String(self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_days_are_read() {
        assert!(parse("2026-02-28").is_some());
        for bad in ["2026-02-30", "2026-2-3", "20260228", "+2026-02-2", "", "2026-02-28T00:00"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
