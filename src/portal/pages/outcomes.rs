//! Pages of what became of the opinions that a point collected.

use askama::Template;

use super::{Badge, Fact, Layout, Link};

/// What became of an opinion.
#[derive(Clone, Debug)]
pub struct OutcomeLine {
    /// Its number.
    pub receipt: String,
    /// The provision as it is cited.
    pub about: String,
    /// Who said it, when and where.
    pub facts: Vec<Fact>,
    /// What was said.
    pub body: String,
    /// The wording that was proposed.
    pub proposed: String,
    /// Outcome.
    pub outcome: Badge,
    /// Why.
    pub reason: String,
    /// The provision that resulted.
    pub result: String,
    /// When it was made public.
    pub published: String,
    /// The sheet of this opinion alone.
    pub sheet: String,
    /// Its lasting link; empty where it has none.
    pub permalink: String,
}

/// `/point/tasks/{id}/outcomes`
#[derive(Template)]
#[template(path = "point/outcomes.html")]
pub struct OutcomesPage {
    /// Frame.
    pub layout: Layout,
    /// The task.
    pub task: Link,
    /// Title of the draft.
    pub draft: Link,
    /// How many, and what became of them.
    pub counts: Vec<Fact>,
    /// Since when the answers are public; empty before.
    pub published: String,
    /// Opinions.
    pub lines: Vec<OutcomeLine>,
    /// All sheets.
    pub sheets: String,
    /// The next page.
    pub next: Option<String>,
}

/// `/point/tasks/{id}/outcomes/sheets`
#[derive(Template)]
#[template(path = "point/sheets.html")]
pub struct SheetsPage {
    /// Frame.
    pub layout: Layout,
    /// Back to the list.
    pub back: String,
    /// Title of the draft.
    pub draft: String,
    /// Name of the point.
    pub point: String,
    /// Name of the bureau.
    pub bureau: String,
    /// Whether the names of people stand on the sheets.
    pub has_names: bool,
    /// The same sheets with names, or without.
    pub other: String,
    /// Day of printing.
    pub today: String,
    /// Sheets.
    pub lines: Vec<OutcomeLine>,
    /// The next sheets.
    pub next: Option<String>,
}
