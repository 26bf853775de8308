//! 表头: which column says what, in the many wordings of the tables that people fill in, and which rows are no opinions. Pure.
//!
//! A column that nobody recognises is left for a person to map; what a person mapped is remembered under [`Layout::signature`].
//!
//! | file | what |
//! |---|---|
//! | `wordings` | the wordings of headings; to teach one, add it there |
//! | `headings` | what a heading says |
//! | `recognising` | finding the heading of a table, and its columns |
//! | `lines` | lines between and below the rows |

mod headings;
mod lines;
mod recognising;
mod wordings;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use lines::{is_division, is_footer};

use crate::documents::tables::Row;
use crate::text_enum;

pub use headings::{bare, field_of};
pub use recognising::{cut, recognise, take_back};

/// Longest heading, in characters; longer words are no heading.
const HEADING: usize = 40;

text_enum! {
    /// What a column says.
    Field {
        /// Number of the row.
        Number = "number", "序号";
        /// The provision spoken of.
        Place = "place", "条款";
        /// The words of the provision, as they were quoted.
        Original = "original", "原文";
        /// The opinion.
        Body = "body", "意见内容";
        /// The wording that is proposed.
        Proposed = "proposed", "建议条文";
        /// Why.
        Reason = "reason", "理由";
        /// Attitude.
        Stance = "stance", "态度";
        /// Who said it.
        Person = "person", "提出人";
        /// The unit that said it, or that the person belongs to.
        Unit = "unit", "单位";
        /// A kind of person, never a name.
        Kind = "kind", "身份类别";
        /// How to reach them.
        Contact = "contact", "联系方式";
        /// How it was collected.
        Method = "method", "收集方式";
        /// When it was collected.
        Date = "date", "收集日期";
        /// Which station collected it.
        Station = "station", "信息采集点";
        /// Who collected it.
        Collector = "collector", "收集人";
        /// Where it was collected.
        Venue = "venue", "地点";
        /// Whether they agree to its publication.
        Consent = "consent", "是否同意公开";
        /// Nothing that is taken over.
        Ignored = "ignored", "不采用";
    }
}

impl Field {
    /// Whether several columns may say it; their words are put together.
    pub fn is_joined(self) -> bool {
        matches!(self, Field::Place | Field::Body | Field::Reason | Field::Person | Field::Unit | Field::Contact | Field::Ignored)
    }
}

/// How a table is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Index of the first row of the heading; `None` when none was found.
    pub heading: Option<usize>,
    /// Rows of the heading.
    pub heading_rows: usize,
    /// Columns from the first on.
    pub columns: Vec<Column>,
    /// Whether the columns needed to make opinions were recognised; else a person has to map them.
    pub is_certain: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its heading as written, both rows of it; empty when it has none.
    pub heading: String,
    /// What it says.
    pub field: Field,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// It stands above the heading.
    Title,
    /// The heading, or its repetition further down.
    Heading,
    /// A line between rows, such as 第二章 over the width of the table.
    Divider,
    /// It may say something.
    Data,
    /// A row of the form that nobody filled in: a number, a provision, its words, and nothing else.
    Unfilled,
    /// 合计, 填表人, 备注： and the like.
    Footer,
}

impl Layout {
    /// Name of the headings, under which a mapping is remembered: tables with the same headings have the same.
    pub fn signature(&self) -> String {
        self.columns.iter().map(|column| bare(&column.heading)).collect::<Vec<_>>().join("|")
    }

    /// The same layout with other columns. Columns that are not named say nothing.
    pub fn mapped(mut self, fields: &[Field]) -> Layout {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.field = fields.get(i).copied().unwrap_or(Field::Ignored);
        }
        self.is_certain = self.says(Field::Body) || self.says(Field::Proposed);
        self
    }

    /// Whether a column says it.
    pub fn says(&self, field: Field) -> bool {
        self.columns.iter().any(|column| column.field == field)
    }

    /// Columns that say it.
    pub fn columns_of(&self, field: Field) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().enumerate().filter(move |(_, column)| column.field == field).map(|(i, _)| i)
    }

    /// What a row says about a field; words of several columns are put together, the same words once.
    pub fn words(&self, row: &Row, field: Field) -> String {
        let mut found: Vec<&str> = Vec::new();
        for column in self.columns_of(field) {
            let words = row.own(column).trim();
            if !words.is_empty() && !found.contains(&words) {
                found.push(words);
            }
        }
        found.join(match field {
            Field::Body | Field::Reason | Field::Original => "\n",
            Field::Place => "",
            _ => " ",
        })
    }

    /// What a row is; `index` counts the rows of the table.
    pub fn kind(&self, index: usize, row: &Row) -> RowKind {
        match self.heading {
            Some(heading) if index < heading => return RowKind::Title,
            Some(heading) if index < heading + self.heading_rows => return RowKind::Heading,
            _ => {}
        }
        if self.repeats_heading(row) {
            return RowKind::Heading;
        }
        let says = |field: Field| !self.words(row, field).is_empty();
        let speaks = says(Field::Body) || says(Field::Proposed);
        let filled: Vec<(usize, &str)> = self.filled(row).collect();
        let first = filled.first().map_or("", |(_, words)| words);
        // 填表人：甲 | | 审核人：乙: what stands under the opinions belongs to the line as well.
        let all_are = filled.len() > 1 && filled.iter().all(|(_, words)| is_footer(words, 1, false));
        if all_are || is_footer(first, filled.len(), speaks && filled.len() > 1) {
            return RowKind::Footer;
        }
        if speaks {
            // Words over the width of the table, or alone in the first column, are a line between rows.
            let covers = row.spread.len() + 1 >= row.cells.len().min(self.columns.len()).max(2);
            let only_body = filled.len() == 1 && covers && self.columns.len() > 2 && row.spread.len() > 1;
            return if only_body { RowKind::Divider } else { RowKind::Data };
        }
        if filled.len() == 1 && (!row.spread.is_empty() || is_division(first)) {
            return RowKind::Divider;
        }
        let is_about_someone = [Field::Reason, Field::Stance, Field::Person, Field::Unit, Field::Contact].into_iter().any(says);
        if is_about_someone { RowKind::Data } else { RowKind::Unfilled }
    }

    /// Columns of the table with words of their own; what stands right of them, such as our remarks, says nothing about the row.
    fn filled<'a>(&self, row: &'a Row) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let width = self.columns.len();
        row.filled().take_while(move |(column, _)| *column < width)
    }

    fn repeats_heading(&self, row: &Row) -> bool {
        if self.heading.is_none() {
            return false;
        }
        let (mut same, mut filled) = (0, 0);
        for (column, words) in self.filled(row) {
            filled += 1;
            let heading = self.columns.get(column).map(|c| bare(&c.heading)).unwrap_or_default();
            let words = bare(words);
            same += usize::from(!words.is_empty() && (heading == words || (words.chars().count() > 1 && heading.ends_with(&words))));
        }
        filled >= 2 && same * 5 >= filled * 4
    }
}
