//! Pages of the law: home, results, browsing, document.

use askama::Template;

use super::civic::DraftCard;
use super::{Badge, Choice, Fact, Layout, Link, Span};

/// `/`
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// Frame.
    pub layout: Layout,
    /// Example queries.
    pub examples: Vec<Link>,
    /// Number of documents held, with digit groups.
    pub works: String,
    /// Number of articles of all versions held, with digit groups.
    pub articles: String,
    /// Documents by category.
    pub categories: Vec<Choice>,
    /// Consultations that take opinions now.
    pub drafts: Vec<DraftCard>,
    /// Number of contact points.
    pub contact_points: i64,
}

/// One line of a legal text.
#[derive(Clone, Debug)]
pub struct Line {
    /// Anchor; empty = none.
    pub id: String,
    /// Class of the line: para, item, sub, plainly, sign, front.
    pub class: &'static str,
    /// Marker as printed.
    pub label: String,
    /// Words.
    pub text: String,
}

/// The provision that was asked for, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Title of the document.
    pub title: String,
    /// Where it stands: 编 › 章 › 节.
    pub path: String,
    /// Marker of the provision.
    pub label: String,
    /// 条旨
    pub heading: String,
    /// Validity on the asked day.
    pub badge: Badge,
    /// Which version this is, as a sentence.
    pub version: String,
    /// Text.
    pub lines: Vec<Line>,
    /// Citation in the usual form.
    pub citation: String,
    /// Provision inside its document.
    pub url: String,
    /// Whether the asked provision was not found and its document answers instead.
    pub is_document: bool,
}

/// An article that matches.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Marker.
    pub label: String,
    /// Where it stands.
    pub path: String,
    /// Extract.
    pub snippet: Vec<Span>,
    /// Target.
    pub url: String,
}

/// The matching articles of one document.
#[derive(Clone, Debug)]
pub struct HitGroup {
    /// Title.
    pub title: Vec<Span>,
    /// Document.
    pub url: String,
    /// Validity.
    pub badge: Badge,
    /// Level, organ, date.
    pub meta: Vec<String>,
    /// Articles.
    pub hits: Vec<Hit>,
    /// The other matches of this document.
    pub more: Option<Link>,
}

/// A facet of the result.
#[derive(Clone, Debug)]
pub struct FacetGroup {
    /// Name.
    pub name: &'static str,
    /// Values, the most frequent first.
    pub choices: Vec<Choice>,
}

/// One value that the extended form carries on unseen.
pub type Hidden = (String, String);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Documents that match.
    pub documents: u64,
    /// Articles that match.
    pub articles: u64,
    /// First answer.
    pub answer: Option<Answer>,
    /// Documents.
    pub groups: Vec<HitGroup>,
    /// Facets.
    pub facets: Vec<FacetGroup>,
    /// Filters in force; the link undoes one.
    pub active: Vec<Link>,
    /// What is to be said above the results.
    pub notice: Option<String>,
    /// Another query that finds more.
    pub did_you_mean: Option<Link>,
    /// Titles to look up instead when nothing was found.
    pub suggestions: Vec<Link>,
    /// Next page.
    pub next: Option<String>,
    /// Whether this is not the first page.
    pub first: Option<String>,
}

/// `/search`
#[derive(Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    /// Frame.
    pub layout: Layout,
    /// Whether anything was asked.
    pub is_asked: bool,
    /// Why the request could not be answered.
    pub problem: Option<String>,
    /// Whether what the visitor has just imported may be missing.
    pub is_behind: bool,
    /// Result.
    pub found: Found,
    /// Values of the extended form.
    pub on: String,
    /// Second query, within these results.
    pub within: String,
    /// `all` or `title`.
    pub scope: String,
    /// `article`, `paragraph` or empty.
    pub near: String,
    /// The other conditions, carried on.
    pub hidden: Vec<Hidden>,
    /// Examples for the empty state.
    pub examples: Vec<Link>,
}

/// A document in a list.
#[derive(Clone, Debug)]
pub struct WorkLine {
    /// Title.
    pub title: String,
    /// Target.
    pub url: String,
    /// Level, organ, region.
    pub meta: Vec<String>,
    /// 示例
    pub is_demonstration: bool,
}

/// `/laws`
#[derive(Template)]
#[template(path = "laws.html")]
pub struct LawsPage {
    /// Frame.
    pub layout: Layout,
    /// Documents that pass the filter.
    pub total: i64,
    /// Categories, levels, regions.
    pub facets: Vec<FacetGroup>,
    /// Filters in force.
    pub active: Vec<Link>,
    /// This page.
    pub works: Vec<WorkLine>,
    /// Next page.
    pub next: Option<String>,
    /// First page, when this is another.
    pub first: Option<String>,
}

/// A heading in the table of contents.
#[derive(Clone, Debug)]
pub struct TocEntry {
    /// Depth, from 1.
    pub depth: u8,
    /// Words.
    pub text: String,
    /// Anchor.
    pub id: String,
}

/// A piece of the text of a document.
#[derive(Clone, Debug)]
pub enum Block {
    /// 编, 章, 节, attachment.
    Heading {
        /// Level of the HTML heading, 2 to 6.
        level: u8,
        /// Anchor.
        id: String,
        /// Words.
        text: String,
    },
    /// 条
    Article {
        /// Anchor.
        id: String,
        /// 第二十条之一
        label: String,
        /// 条旨
        heading: String,
        /// 款, 项, 目.
        lines: Vec<Line>,
        /// Citation in the usual form.
        citation: String,
    },
    /// Anything else.
    Line(Line),
    /// A table.
    Table {
        /// Anchor.
        id: String,
        /// Cells by row.
        rows: Vec<Vec<String>>,
    },
}

/// A version in the switch.
#[derive(Clone, Debug)]
pub struct VersionLink {
    /// When it applies.
    pub text: String,
    /// Validity today.
    pub badge: Badge,
    /// Target.
    pub url: String,
    /// Whether this is the one shown.
    pub is_shown: bool,
}

/// A relation to another document.
#[derive(Clone, Debug)]
pub struct RelationLine {
    /// Kind, as words.
    pub kind: &'static str,
    /// The other document.
    pub link: Link,
}

/// `/laws/{work}` and `/laws/{work}/{version}`
#[derive(Template)]
#[template(path = "document.html")]
pub struct DocumentPage {
    /// Frame.
    pub layout: Layout,
    /// Title.
    pub title: String,
    /// Id of the work.
    pub work_id: String,
    /// Path of this page that never changes: this very version.
    pub permalink: String,
    /// Path without a version: whatever is in force.
    pub url: String,
    /// Validity on the asked day.
    pub badge: Badge,
    /// Category.
    pub category: String,
    /// 示例
    pub is_demonstration: bool,
    /// A sentence where the version shown is not the one in force today.
    pub warning: Option<String>,
    /// Where to find the version in force.
    pub current: Option<String>,
    /// Organ, number, dates.
    pub facts: Vec<Fact>,
    /// 题注
    pub notes: Vec<String>,
    /// Versions, the newest first.
    pub versions: Vec<VersionLink>,
    /// The asked day; empty = today.
    pub on: String,
    /// Relations.
    pub relations: Vec<RelationLine>,
    /// Contents.
    pub toc: Vec<TocEntry>,
    /// Text.
    pub blocks: Vec<Block>,
    /// Citation of the whole.
    pub citation: String,
    /// What the parser was not sure of; only staff see it.
    pub diagnostics: Vec<Fact>,
}
