//! 法规结构: text → 编·章·节·条·款·项·目. Pure, linear in the length of the text, never panics, loses no character.
//!
//! `lines` reads, `unfold` cuts run-on lines, `survey` looks over all lines once, `markers` recognises how a line begins, and the tree is built by
//! `tree` with `front` (title block), `headings` (第…章, 第…条), `units` (一、, 附件) and `bodies` (款, 项, 目, tables, signatures). What is not
//! certain stays as text and is reported in `diagnostics`.
//!
//! `typed` writes a tree down as lines that a person corrects, and builds it again from them.
//!
//! To teach it a new form: a recogniser in `markers`, its place in `tree::Builder::line`, a case in `tests`.

mod bodies;
mod diagnostics;
mod front;
mod headings;
mod lines;
mod markers;
mod survey;
#[cfg(test)]
mod tests;
mod tree;
pub mod typed;
mod unfold;
mod units;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use diagnostics::{Diagnostic, DiagnosticCode};
pub use lines::normalise;

use super::numerals;

/// What a node of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionKind {
    /// 标题
    Title,
    /// 题注: who adopted or amended it, when; document number, organ.
    TitleNote,
    /// 目录, kept apart: its lines are never provisions.
    Contents,
    /// 序言 and the words before the first article.
    Preamble,
    /// 编
    Part,
    /// 分编
    SubPart,
    /// 章
    Chapter,
    /// 节
    Section,
    /// 条
    Article,
    /// 款
    Paragraph,
    /// 项
    Item,
    /// 目 and anything below.
    SubItem,
    /// A unit 一、 or （一） of a document without articles, or a heading whose number was lost.
    Heading,
    /// Words that belong to none of the others.
    Text,
    /// 附件
    Attachment,
    /// A table, one row a line.
    Table,
    /// 落款: organ and date at the end.
    Signature,
}

impl ProvisionKind {
    /// Every kind.
    pub const ALL: &[ProvisionKind] = &[
        Self::Title,
        Self::TitleNote,
        Self::Contents,
        Self::Preamble,
        Self::Part,
        Self::SubPart,
        Self::Chapter,
        Self::Section,
        Self::Article,
        Self::Paragraph,
        Self::Item,
        Self::SubItem,
        Self::Heading,
        Self::Text,
        Self::Attachment,
        Self::Table,
        Self::Signature,
    ];

    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::TitleNote => "title_note",
            Self::Contents => "contents",
            Self::Preamble => "preamble",
            Self::Part => "part",
            Self::SubPart => "sub_part",
            Self::Chapter => "chapter",
            Self::Section => "section",
            Self::Article => "article",
            Self::Paragraph => "paragraph",
            Self::Item => "item",
            Self::SubItem => "sub_item",
            Self::Heading => "heading",
            Self::Text => "text",
            Self::Attachment => "attachment",
            Self::Table => "table",
            Self::Signature => "signature",
        }
    }
}

impl FromStr for ProvisionKind {
    type Err = ();

    /// Reads a canonical name.
    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name).ok_or(())
    }
}

/// 编号: 第二十条之一 is `{ main: 20, sub: 1 }`; `sub` 0 means there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number {
    /// The number.
    pub main: u32,
    /// The number after 之.
    pub sub: u32,
}

impl Number {
    /// A number without 之.
    pub fn new(main: u32) -> Number {
        Number { main, sub: 0 }
    }

    /// The article of this number as legal texts write it: 第二十条之一.
    pub fn to_article(self) -> String {
        let sub = if self.sub == 0 { String::new() } else { format!("之{}", numerals::to_chinese(self.sub)) };
        format!("第{}条{sub}", numerals::to_chinese(self.main))
    }
}

/// As in addresses: `20`, `20-1`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sub == 0 { write!(f, "{}", self.main) } else { write!(f, "{}-{}", self.main, self.sub) }
    }
}

/// 条款: a node of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    /// What it is.
    pub kind: ProvisionKind,
    /// Its stable name within the version, e.g. `art-20-1/para-2/item-3`. Articles are numbered through the document and stand at the top.
    pub address: String,
    /// The marker as written: 第二十条之一, （三）; empty for a paragraph.
    pub label: String,
    /// The marker's number.
    pub number: Option<Number>,
    /// Title of a chapter, or 【条旨】 of an article with its brackets.
    pub heading: String,
    /// Its own words, without those of its children.
    pub text: String,
    /// Index of the parent, always smaller than its own.
    pub parent: Option<usize>,
    /// Distance from the top.
    pub depth: u8,
    /// Line of the input, from 1.
    pub line: u32,
}

/// A text as a tree, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// Every node; parents before children, all in the order of the text.
    pub provisions: Vec<Provision>,
    /// What the parser is not sure of, by line.
    pub diagnostics: Vec<Diagnostic>,
}

impl Structure {
    /// Label, heading and text of every provision in reading order, without layout: equals [`normalise`] of the input.
    pub fn words(&self) -> String {
        let mut words = String::new();
        for provision in &self.provisions {
            for part in [&provision.label, &provision.heading, &provision.text] {
                words.extend(part.chars().filter(|c| !lines::is_layout(*c)));
            }
        }
        words
    }
}

/// Parses plain text or Markdown of one legal document.
///
/// Takes any string. Nothing is dropped or reordered: `parse(t).words() == normalise(t)`.
pub fn parse(text: &str) -> Structure {
    let source = lines::read(text);
    let mut diagnostics = Vec::new();
    let survey = survey::Survey::new(source, &mut diagnostics);
    tree::Builder::new(survey, diagnostics).build()
}
