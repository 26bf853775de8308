//! Pages of 修改对照 and 条文沿革.

use askama::Template;

use super::{Badge, Fact, Layout, Link};

/// A text that can be chosen.
#[derive(Clone, Debug)]
pub struct TextChoice {
    /// Its id.
    pub id: String,
    /// Which text it is.
    pub name: String,
}

/// A piece of words.
#[derive(Clone, Debug)]
pub struct WordPiece {
    /// `same`, `del` or `ins`.
    pub kind: &'static str,
    /// The words, not escaped.
    pub text: String,
}

/// One provision, or those that became one or several.
#[derive(Clone, Debug)]
pub struct CompareRow {
    /// How it continues.
    pub badge: Badge,
    /// What it was called; empty when it was added.
    pub old_label: String,
    /// What it is called; empty when it was deleted.
    pub new_label: String,
    /// Anchor.
    pub id: String,
    /// Whether it is a heading.
    pub is_heading: bool,
    /// Whether the words are the same.
    /// Words of both sides.
    pub pieces: Vec<WordPiece>,
}

impl CompareRow {
    /// The words of one side.
    pub fn side(&self, is_old: bool) -> impl Iterator<Item = &WordPiece> {
        let other = if is_old { "ins" } else { "del" };
        self.pieces.iter().filter(move |piece| piece.kind != other)
    }
}

/// A row, or the provisions between two rows that did not change.
#[derive(Clone, Debug)]
pub enum CompareLine {
    /// A row.
    Row(CompareRow),
    /// What was left out, as a sentence.
    Gap(String),
}

/// `/drafts/{id}/compare` and `/laws/{work}/compare`
#[derive(Template)]
#[template(path = "compare.html")]
pub struct ComparePage {
    /// Frame.
    pub layout: Layout,
    /// What is compared.
    pub title: String,
    /// Where the reader came from.
    pub back: Link,
    /// Name of the list it belongs to, and its path.
    pub section: Link,
    /// Path of this page.
    pub path: String,
    /// Texts to choose from.
    pub choices: Vec<TextChoice>,
    /// Chosen older text.
    pub from: String,
    /// Chosen newer text.
    pub to: String,
    /// Whether the two stand side by side.
    pub is_side: bool,
    /// Whether what was kept is shown too.
    pub shows_all: bool,
    /// This page with the other view.
    pub other_view: String,
    /// This page with or without what was kept.
    pub other_extent: String,
    /// The document 对照表.
    pub sheet: String,
    /// Name of the older text.
    pub old_name: String,
    /// Name of the newer text.
    pub new_name: String,
    /// How many provisions continue in each way.
    pub counts: Vec<Fact>,
    /// Why nothing is compared.
    pub problem: Option<String>,
    /// What is shown.
    pub lines: Vec<CompareLine>,
}
