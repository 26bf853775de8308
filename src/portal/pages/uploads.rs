//! Pages of uploaded files of opinions.

use askama::Template;

use super::rounds::SelectOption;
use super::{Badge, Choice, Fact, Layout, Link};

/// What was just done, or what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Words; empty for nothing.
    pub text: String,
    /// Whether it is a problem.
    pub is_problem: bool,
}

/// A batch in a list.
#[derive(Clone, Debug)]
pub struct BatchLine {
    /// The batch.
    pub link: Link,
    /// Where it stands.
    pub badge: Badge,
    /// Numbers.
    pub summary: String,
    /// Who and when.
    pub meta: String,
}

/// `/point/tasks/{id}/uploads`
#[derive(Template)]
#[template(path = "uploads/list.html")]
pub struct UploadsPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The task.
    pub task: Link,
    /// The draft.
    pub draft: String,
    /// What was done, or what is wrong.
    pub told: Told,
    /// Whether files are taken.
    pub may_upload: bool,
    /// Why they are not, and what to do.
    pub closed: &'static str,
    /// Whether it is the page of the task where something is to be done.
    pub leads_to_task: bool,
    /// Batches, the newest first.
    pub batches: Vec<BatchLine>,
    /// Next page.
    pub next: Option<String>,
}

/// A column to be mapped.
#[derive(Clone, Debug)]
pub struct ColumnChoice {
    /// Letter.
    pub letter: String,
    /// Heading.
    pub heading: String,
    /// The first cells below it, shortened.
    pub samples: Vec<String>,
    /// What it may say.
    pub options: Vec<SelectOption>,
}

/// A sheet with its columns.
#[derive(Clone, Debug)]
pub struct SheetBox {
    /// Index.
    pub index: usize,
    /// Name.
    pub name: String,
    /// Numbers.
    pub about: String,
    /// Whether its rows are taken.
    pub is_used: bool,
    /// Whether its columns are known.
    pub is_mapped: bool,
    /// Columns.
    pub columns: Vec<ColumnChoice>,
}

/// What holds for the whole batch.
#[derive(Clone, Debug)]
pub struct DefaultsBox {
    /// Day, as a date field has it.
    pub collected_on: String,
    /// Ways of collecting.
    pub methods: Vec<SelectOption>,
    /// Stations.
    pub stations: Vec<SelectOption>,
    /// Activities of the point.
    pub activities: Vec<SelectOption>,
    /// Whether the people agreed.
    pub consents: Vec<SelectOption>,
    /// Who collected.
    pub collector: String,
    /// Where.
    pub place: String,
}

/// A row of a batch.
#[derive(Clone, Debug)]
pub struct RowLine {
    /// 第 N 行, with its sheet.
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// Where the opinion hangs.
    pub place: String,
    /// Its first words.
    pub text: String,
    /// What is wrong, with the column, and whether it is an error.
    pub problems: Vec<(String, bool)>,
    /// Where it is corrected; empty where it cannot be.
    pub url: String,
}

/// `/point/uploads/{id}`
#[derive(Template)]
#[template(path = "uploads/batch.html")]
pub struct BatchPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The list it stands in.
    pub list: String,
    /// Its own path.
    pub url: String,
    /// Name of the file.
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// Who, when, how large.
    pub meta: String,
    /// What was done, or what is wrong.
    pub told: Told,
    /// Whether work goes on.
    pub is_working: bool,
    /// Whether it broke off.
    pub is_stalled: bool,
    /// How far.
    pub percent: Option<u8>,
    /// Why it broke off, or cannot be read.
    pub failure: String,
    /// How it was read.
    pub notices: Vec<String>,
    /// Rows by what they became.
    pub counts: Vec<Fact>,
    /// How the numbers add up.
    pub sum: String,
    /// Whether columns and settings may be changed.
    pub is_open: bool,
    /// Whether a person has to map columns first.
    pub needs_mapping: bool,
    /// Sheets.
    pub sheets: Vec<SheetBox>,
    /// What holds for all rows.
    pub defaults: Option<DefaultsBox>,
    /// What is said before rows without a day get that of the batch; empty when there are none.
    pub undated: String,
    /// The revision that forms carry back.
    pub revision: i64,
    /// Rows that can become opinions.
    pub ready: i64,
    /// Rows that have to be corrected.
    pub problems: i64,
    /// Whether rows can be committed.
    pub may_commit: bool,
    /// Whether the batch can be taken back.
    pub may_undo: bool,
    /// Whether it can be given up.
    pub may_discard: bool,
    /// Which rows are shown.
    pub filters: Vec<Choice>,
    /// Rows.
    pub rows: Vec<RowLine>,
    /// Next page.
    pub next: Option<String>,
}

/// A cell of a row as it is corrected.
#[derive(Clone, Debug)]
pub struct CellBox {
    /// Index of the column.
    pub column: usize,
    /// What the column is called.
    pub label: String,
    /// Its words.
    pub words: String,
    /// What is wrong with it.
    pub problems: Vec<String>,
    /// Whether one of these is an error.
    pub is_wrong: bool,
    /// Lines that it takes.
    pub lines: usize,
}

/// `/point/uploads/{id}/rows/{ordinal}`
#[derive(Template)]
#[template(path = "uploads/row.html")]
pub struct RowPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The batch.
    pub batch: Link,
    /// Its own path.
    pub url: String,
    /// 第 N 行
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// What was done, or what is wrong.
    pub told: Told,
    /// What is wrong with the row as a whole.
    pub whole: Vec<String>,
    /// Cells.
    pub cells: Vec<CellBox>,
    /// Whether it can still be changed.
    pub may_change: bool,
    /// What a correction is made on.
    pub seen: i64,
    /// The next row that has to be corrected.
    pub next: Option<String>,
}
