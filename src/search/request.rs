//! What a search is asked and what it answers. Plain data; nothing of the engine shows.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::facets::Facet;
use super::query::Understanding;

/// A search.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// What the person typed.
    pub query: String,
    /// The document now open, so that 第二十条 alone means its article.
    pub context_work: Option<Uuid>,
    /// Searches that document only; without `context_work` it changes nothing.
    pub only_in_context: bool,
    /// Restrictions; an empty list restricts nothing.
    pub filters: Filters,
    /// The day whose law is asked for.
    pub as_of: NaiveDate,
    /// Leaves out what is not in force on `as_of`, unless a filter on validity or `all_versions` asks for more.
    pub only_in_force: bool,
    /// Searches every version of a work and not only the one that stands on `as_of`.
    pub all_versions: bool,
    /// What is searched.
    pub scope: Scope,
    /// How near the words of the query must stand.
    pub proximity: Proximity,
    /// Earlier queries whose words must all occur as well (在结果中检索).
    pub within: Vec<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Hits, or documents when grouped, on a page; at most [`SearchRequest::LARGEST_PAGE`].
    pub limit: usize,
    /// Collects the hits of one document under it.
    pub group_by_document: bool,
    /// Names of boosts that are off, as in `search-index/weights.toml`.
    pub switches: BTreeSet<String>,
}

impl SearchRequest {
    /// Largest page; a larger `limit` is cut to it.
    pub const LARGEST_PAGE: usize = 1_000;

    /// A plain search for the law of one day, twenty hits on a page.
    pub fn new(query: impl Into<String>, as_of: NaiveDate) -> Self {
        SearchRequest {
            query: query.into(),
            context_work: None,
            only_in_context: false,
            filters: Filters::default(),
            as_of,
            only_in_force: false,
            all_versions: false,
            scope: Scope::Everything,
            proximity: Proximity::None,
            within: Vec::new(),
            cursor: None,
            limit: 20,
            group_by_document: false,
            switches: BTreeSet::new(),
        }
    }
}

/// Restrictions by facts of the document, canonical values; values of one list are alternatives.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// 类别
    pub category: Vec<String>,
    /// 效力位阶
    pub level: Vec<String>,
    /// 时效性 on the day that is asked for.
    pub validity: Vec<String>,
    /// 制定机关
    pub organ: Vec<String>,
    /// Region.
    pub region: Vec<String>,
    /// Year of promulgation, else of adoption, else of effect.
    pub year: Vec<i32>,
}

/// What is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Full text and titles.
    #[default]
    Everything,
    /// Titles only.
    Titles,
}

/// How near the words of a query must stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proximity {
    /// Anywhere; the more words occur, the better.
    #[default]
    None,
    /// All in one article.
    SameArticle,
    /// All in one 款.
    SameParagraph,
}

/// What a search found.
#[derive(Clone, Debug, Serialize)]
pub struct SearchResponse {
    /// Articles found, over all pages.
    pub total_articles: u64,
    /// Documents with at least one of them, or found by title.
    pub total_documents: u64,
    /// The provision that the query names, whole; on the first page only.
    pub answer: Option<Answer>,
    /// Hits of this page, best first; empty when grouped.
    pub hits: Vec<Hit>,
    /// Documents of this page, best first; empty when not grouped.
    pub groups: Vec<Group>,
    /// Counts for filters.
    pub facets: Vec<Facet>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
    /// A sentence for above the results when what the query names is not in the library; on the first page only.
    pub notice: Option<String>,
    /// A better spelling when little was found.
    pub did_you_mean: Option<String>,
    /// Whether a change that was to be found is not in the index yet.
    #[serde(skip)]
    pub is_behind: bool,
    /// How the query was read.
    #[serde(skip)]
    pub understanding: Understanding,
    /// Time taken, in microseconds.
    pub took_us: u64,
}

/// The one provision that a query names.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// It, as a hit.
    pub hit: Hit,
    /// Its 款, whole.
    pub paragraphs: Vec<String>,
    /// The 款 that the query names, from 1.
    pub paragraph: Option<u32>,
    /// The 项 that the query names, from 1.
    pub item: Option<u32>,
}

/// One entry found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// Work.
    pub work_id: Uuid,
    /// Version.
    pub version_id: Uuid,
    /// Title of the version.
    pub title: String,
    /// Document number; empty when there is none.
    pub document_number: String,
    /// Level, canonical.
    pub level: String,
    /// Validity on the day that was asked for, canonical.
    pub validity: String,
    /// First day in force.
    pub effective_on: Option<NaiveDate>,
    /// First day no longer in force.
    pub ended_on: Option<NaiveDate>,
    /// Address of the provision; empty for the document as a whole.
    pub address: String,
    /// Marker as printed; empty for the document as a whole.
    pub label: String,
    /// Headings above it.
    pub path: String,
    /// Own heading 条旨.
    pub heading: String,
    /// Score; comparable within one response only.
    pub score: f32,
    /// Part of the text around the best matches: plain text and whether it is highlighted. To be escaped by whoever shows it.
    pub snippet: Vec<Segment>,
    /// Id that the source gives the provision.
    pub source_id: Option<String>,
}

/// A run of plain text in a snippet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The text, never escaped.
    pub text: String,
    /// Whether it matches the query.
    pub is_highlighted: bool,
}

/// A document with its best hits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Work.
    pub work_id: Uuid,
    /// Version.
    pub version_id: Uuid,
    /// Title of the version.
    pub title: String,
    /// Articles of it that were found.
    pub count: u64,
    /// Its best hits, best first.
    pub hits: Vec<Hit>,
}
