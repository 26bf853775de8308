//! A day in the API: `format: date`, as the OpenAPI specification knows it.

use std::borrow::Cow;

use chrono::NaiveDate;
use poem::web::Field;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromMultipartField, ParseFromParameter, ParseResult, ToJSON, Type};

use crate::calendar::parse_day;

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

impl Day {
    fn parse(text: &str) -> Option<Day> {
        parse_day(text).map(Day)
    }
}

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

fn refused<T: Type>() -> ParseError<T> {
    ParseError::custom("日期应形如 2026-01-31")
}

impl ParseFromJSON for Day {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        match value {
            Some(serde_json::Value::String(text)) => Day::parse(&text).ok_or_else(refused),
            _ => Err(refused()),
        }
    }
}

impl ParseFromParameter for Day {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Day::parse(value).ok_or_else(refused)
    }
}

impl ParseFromMultipartField for Day {
    async fn parse_from_multipart(field: Option<Field>) -> ParseResult<Self> {
        match field {
            Some(field) => Day::parse(&field.text().await.map_err(ParseError::custom)?).ok_or_else(refused),
            None => Err(ParseError::expected_input()),
        }
    }
}

impl ToJSON for Day {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(serde_json::Value::String(self.0.to_string()))
    }
}
