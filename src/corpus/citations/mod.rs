//! 引用: references in running text, found and resolved to provisions. Pure.
//!
//! `find_citations` reads one stretch of text (a paragraph, an item) from its anchors (`anchors`) and places (`grammar`); `resolve` turns what it found into addresses, given
//! the document and the place where the text stands. Names of laws without 《》 are known from [`Names`], which a caller fills from the catalogue of
//! titles and from the document's own 以下简称 (`find_aliases`); an unknown name right before 第…条 is read off the text.

mod aliases;
mod anchors;
mod grammar;
mod names;
mod resolve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::structure::Number;

pub use aliases::{Alias, find_aliases};
pub use anchors::find_citations;
pub use names::Names;
pub use resolve::{Outline, Resolution};

/// What a citation leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CitationKind {
    /// 《…法》第X条
    Named,
    /// 刑法第X条: a name without 《》.
    NamedPlainly,
    /// 《…法》 as a whole.
    Document,
    /// 依照行政诉讼法的规定: a name without 《》, as a whole.
    DocumentPlainly,
    /// 本法第X条
    ThisDocument,
    /// 第X条 by itself: this document's.
    Article,
    /// 第X款 by itself: this article's.
    Paragraph,
    /// 第X项 by itself: this paragraph's.
    Item,
    /// 第X章 by itself.
    Division,
    /// 本条
    ThisArticle,
    /// 本款
    ThisParagraph,
    /// 本项
    ThisItem,
    /// 本章, 本节, 本编
    ThisDivision,
    /// 前条, 前两条
    PreviousArticle,
    /// 前款, 上款
    PreviousParagraph,
    /// 前两款, 前三款
    PreviousParagraphs,
    /// 前项, 前两项
    PreviousItem,
    /// 附件一
    Attachment,
}

impl CitationKind {
    /// Every kind.
    pub const ALL: &[CitationKind] = &[
        Self::Named,
        Self::NamedPlainly,
        Self::Document,
        Self::DocumentPlainly,
        Self::ThisDocument,
        Self::Article,
        Self::Paragraph,
        Self::Item,
        Self::Division,
        Self::ThisArticle,
        Self::ThisParagraph,
        Self::ThisItem,
        Self::ThisDivision,
        Self::PreviousArticle,
        Self::PreviousParagraph,
        Self::PreviousParagraphs,
        Self::PreviousItem,
        Self::Attachment,
    ];

    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::NamedPlainly => "named_plainly",
            Self::Document => "document",
            Self::DocumentPlainly => "document_plainly",
            Self::ThisDocument => "this_document",
            Self::Article => "article",
            Self::Paragraph => "paragraph",
            Self::Item => "item",
            Self::Division => "division",
            Self::ThisArticle => "this_article",
            Self::ThisParagraph => "this_paragraph",
            Self::ThisItem => "this_item",
            Self::ThisDivision => "this_division",
            Self::PreviousArticle => "previous_article",
            Self::PreviousParagraph => "previous_paragraph",
            Self::PreviousParagraphs => "previous_paragraphs",
            Self::PreviousItem => "previous_item",
            Self::Attachment => "attachment",
        }
    }
}

/// Where the numbers of a place are counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The document: this one, or the one named.
    #[default]
    Document,
    /// The article that the text stands in.
    ThisArticle,
    /// The paragraph that the text stands in.
    ThisParagraph,
    /// The item that the text stands in.
    ThisItem,
    /// The part, chapter or section that the text stands in.
    ThisPart,
    /// See `ThisPart`.
    ThisChapter,
    /// See `ThisPart`.
    ThisSection,
    /// The article that the paragraph above the text's item names last; without one, where the text stands.
    NamedBefore,
    /// So many articles before.
    ArticlesBefore(u32),
    /// So many paragraphs before.
    ParagraphsBefore(u32),
    /// So many items before.
    ItemsBefore(u32),
}

/// A place in a document as far as the text names it. `None` means that the level is not named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Where counting starts.
    pub base: Base,
    /// 编
    pub part: Option<u32>,
    /// 分编
    pub sub_part: Option<u32>,
    /// 章
    pub chapter: Option<u32>,
    /// 节
    pub section: Option<u32>,
    /// 条
    pub article: Option<Number>,
    /// 款
    pub paragraph: Option<u32>,
    /// 项
    pub item: Option<u32>,
    /// 目
    pub sub_item: Option<u32>,
    /// 附件
    pub attachment: Option<u32>,
}

/// One member of a citation: a place, or a range of places at the same level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// The place.
    pub from: Place,
    /// Last place of a range (第七项至第十五项); the range includes it.
    pub to: Option<Place>,
}

/// 引用: a reference in a text, with all the members of its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What it leans on.
    pub kind: CitationKind,
    /// Title or name of another document, without 《》.
    pub title: Option<String>,
    /// What it names; empty for a document as a whole.
    pub targets: Vec<Target>,
}
