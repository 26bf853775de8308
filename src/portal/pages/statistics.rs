//! Pages of the numbers: a table with a picture, and the rows behind one number.

use askama::Template;

use super::answering::Filter;
use super::{Fact, Layout, Link};

/// A cell of a table of numbers.
#[derive(Clone, Debug)]
pub struct Number {
    /// As it is shown; empty where it cannot be counted.
    pub text: String,
    /// The rows behind it; `None` where there are none.
    pub url: Option<String>,
}

/// A row of a table of numbers.
#[derive(Clone, Debug)]
pub struct NumberRow {
    /// What it is of.
    pub label: String,
    /// Its numbers, by column.
    pub numbers: Vec<Number>,
}

/// `/staff/statistics`, `/point/statistics`
#[derive(Template)]
#[template(path = "statistics.html")]
pub struct StatisticsPage {
    /// Frame.
    pub layout: Layout,
    /// Where the filters lead.
    pub base: &'static str,
    /// The desk that it belongs to.
    pub desk: Link,
    /// Filters.
    pub filters: Vec<Filter>,
    /// First and last day of the period, as typed.
    pub period: [String; 2],
    /// Conditions that came with a link, not with a filter.
    pub conditions: Vec<Fact>,
    /// What is wrong with the filters.
    pub problem: Option<String>,
    /// What the rows are.
    pub by: &'static str,
    /// In which order the rows stand.
    pub order: &'static str,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// Rows.
    pub rows: Vec<NumberRow>,
    /// Everything together.
    pub total: Option<NumberRow>,
    /// A picture of one column, as SVG.
    pub picture: Option<String>,
    /// What the picture shows.
    pub pictured: &'static str,
    /// The table as a spreadsheet.
    pub download: String,
}

/// A row behind a number.
#[derive(Clone, Debug)]
pub struct BehindLine {
    /// What it is called.
    pub name: String,
    /// Where it is seen; `None` where the caller has no page of it.
    pub url: Option<String>,
    /// What there is to say of it.
    pub facts: String,
    /// The beginning of its words.
    pub words: String,
    /// What it adds to the number; empty for one.
    pub adds: String,
}

/// `/staff/statistics/rows`, `/point/statistics/rows`
#[derive(Template)]
#[template(path = "statistics_rows.html")]
pub struct StatisticsRowsPage {
    /// Frame.
    pub layout: Layout,
    /// The table.
    pub back: String,
    /// The desk that it belongs to.
    pub desk: Link,
    /// What is counted.
    pub measure: &'static str,
    /// Under which conditions.
    pub conditions: Vec<Fact>,
    /// The number.
    pub number: String,
    /// The rows behind it.
    pub lines: Vec<BehindLine>,
    /// The next page.
    pub next: Option<String>,
}
