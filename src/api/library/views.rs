//! What the library shows of documents, versions, provisions and search results.

use poem_openapi::Object;
use uuid::Uuid;

use crate::api::day::Day;
use crate::corpus::classification::label_of;
use crate::corpus::{StoredProvision, Version, Work};
use crate::ids::VersionId;
use crate::search::{self, SearchResponse};

/// A run of plain text; escape it before showing it.
#[derive(Object)]
pub(super) struct SegmentView {
    /// Text
    pub(super) text: String,
    /// Whether it matches the query
    pub(super) is_highlighted: bool,
}

/// A provision, or a document as a whole, that was found.
#[derive(Object)]
pub(super) struct HitView {
    /// Document
    pub(super) document_id: Uuid,
    /// Version
    pub(super) version_id: Uuid,
    /// Title of the version
    pub(super) title: String,
    /// 发文字号
    #[oai(skip_serializing_if = "String::is_empty", default)]
    pub(super) document_number: String,
    /// 效力位阶
    pub(super) level: String,
    /// 时效性 on the day that was asked for
    pub(super) validity: String,
    /// First day in force
    #[oai(skip_serializing_if_is_none)]
    pub(super) effective_on: Option<Day>,
    /// First day no longer in force
    #[oai(skip_serializing_if_is_none)]
    pub(super) ended_on: Option<Day>,
    /// Address of the provision; empty for the document as a whole
    pub(super) address: String,
    /// Marker as printed, e.g. 第二十条之一
    pub(super) label: String,
    /// Chapter and section
    pub(super) path: String,
    /// 条旨
    pub(super) heading: String,
    /// Score; comparable within one answer only
    pub(super) score: f32,
    /// Part of the text around the best matches
    pub(super) snippet: Vec<SegmentView>,
    /// Id that the source gives the provision
    #[oai(skip_serializing_if_is_none)]
    pub(super) source_id: Option<String>,
    /// Where people read it
    pub(super) url: String,
}

/// The provision that the query names, whole.
#[derive(Object)]
pub(super) struct AnswerView {
    /// It, as a hit
    pub(super) hit: HitView,
    /// Its paragraphs 款
    pub(super) paragraphs: Vec<String>,
    /// The 款 that the query names, from 1
    #[oai(skip_serializing_if_is_none)]
    pub(super) paragraph: Option<u32>,
    /// The 项 that the query names, from 1
    #[oai(skip_serializing_if_is_none)]
    pub(super) item: Option<u32>,
}

/// A document with its best provisions.
#[derive(Object)]
pub(super) struct GroupView {
    /// Document
    pub(super) document_id: Uuid,
    /// Version
    pub(super) version_id: Uuid,
    /// Title
    pub(super) title: String,
    /// Provisions of it that were found
    pub(super) count: u64,
    /// Its best provisions, best first
    pub(super) hits: Vec<HitView>,
}

/// One value of a facet.
#[derive(Object)]
pub(super) struct FacetValueView {
    /// Canonical value
    pub(super) value: String,
    /// What a page shows
    pub(super) label: String,
    /// Provisions found that have it
    pub(super) count: u64,
    /// Whether the request filters on it
    pub(super) is_chosen: bool,
}

/// Counts for one filter; its own restriction is left out of account.
#[derive(Object)]
pub(super) struct FacetView {
    /// category, level, validity, organ, region or year
    pub(super) name: String,
    /// Values
    pub(super) values: Vec<FacetValueView>,
}

/// What a search found.
#[derive(Object)]
pub(super) struct SearchView {
    /// Provisions found, over all pages
    pub(super) total_articles: u64,
    /// Documents found, over all pages
    pub(super) total_documents: u64,
    /// The provision that the query names, on the first page
    #[oai(skip_serializing_if_is_none)]
    pub(super) answer: Option<AnswerView>,
    /// Hits of this page when not grouped, best first
    pub(super) hits: Vec<HitView>,
    /// Documents of this page when grouped, best first
    pub(super) groups: Vec<GroupView>,
    /// Counts for filters
    pub(super) facets: Vec<FacetView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
    /// On the first page, a sentence when the library does not hold what the query names: no document of that title, no such article, no text in
    /// force on that day
    #[oai(skip_serializing_if_is_none)]
    pub(super) notice: Option<String>,
    /// A better spelling when little was found
    #[oai(skip_serializing_if_is_none)]
    pub(super) did_you_mean: Option<String>,
    /// Only when `Read-After` asked for it: whether this instance has not come so far yet, so that something may be missing
    #[oai(skip_serializing_if_is_none)]
    pub(super) is_behind: Option<bool>,
}

/// A completion while typing.
#[derive(Object)]
pub(super) struct SuggestionView {
    /// What to show
    pub(super) display: String,
    /// What to put into the search box
    pub(super) completion: String,
    /// Document it leads to
    pub(super) document_id: Uuid,
}

/// A document, as lists show it.
#[derive(Object)]
pub(super) struct DocumentView {
    /// Id
    pub(super) id: Uuid,
    /// Title of the newest version
    pub(super) title: String,
    /// 类别
    pub(super) category: String,
    /// 效力位阶
    pub(super) level: String,
    /// Region
    pub(super) region: String,
    /// Issuing organ
    pub(super) organ: String,
    /// Whether it belongs to the demonstration
    pub(super) is_demonstration: bool,
    /// Where people read it
    pub(super) url: String,
}

/// One page of documents.
#[derive(Object)]
pub(super) struct DocumentPageView {
    /// Documents that pass the filter, over all pages
    pub(super) total: i64,
    /// Documents, by title
    pub(super) items: Vec<DocumentView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
}

/// A version, without its text.
#[derive(Object)]
pub(super) struct VersionView {
    /// Id
    pub(super) id: Uuid,
    /// Title in this version
    pub(super) title: String,
    /// 题注
    pub(super) title_note: String,
    /// Issuing organ
    pub(super) organ: String,
    /// 发文字号
    pub(super) document_number: String,
    /// 通过日期
    #[oai(skip_serializing_if_is_none)]
    pub(super) adopted_on: Option<Day>,
    /// 公布日期
    #[oai(skip_serializing_if_is_none)]
    pub(super) promulgated_on: Option<Day>,
    /// 施行日期
    #[oai(skip_serializing_if_is_none)]
    pub(super) effective_on: Option<Day>,
    /// First day no longer in force
    #[oai(skip_serializing_if_is_none)]
    pub(super) ended_on: Option<Day>,
    /// 时效性 on the day that was asked for
    pub(super) validity: String,
    /// Whether this is the version to read on the day that was asked for
    pub(super) is_current: bool,
    /// Scheme of the source's own validity code
    pub(super) source_scheme: String,
    /// The source's own validity code
    pub(super) source_code: String,
    /// Number of 条
    pub(super) article_count: i64,
    /// Whether the original file can be downloaded
    pub(super) has_original: bool,
}

/// How another document is related.
#[derive(Object)]
pub(super) struct RelationView {
    /// amends, repeals or supersedes
    pub(super) relation: String,
    /// Whether this document is the one that amends, repeals or supersedes
    pub(super) is_active: bool,
    /// The other document
    pub(super) document_id: Uuid,
    /// Its title
    pub(super) title: String,
}

/// A document with its versions.
#[derive(Object)]
pub(super) struct DocumentDetailView {
    /// The document
    pub(super) document: DocumentView,
    /// Its versions, the earliest first
    pub(super) versions: Vec<VersionView>,
    /// Its relations to others
    pub(super) relations: Vec<RelationView>,
}

/// A node of a text.
#[derive(Object)]
pub(super) struct ProvisionView {
    /// Stable address, e.g. `art-20-1/para-2/item-3`
    pub(super) address: String,
    /// title, chapter, article, paragraph, item, …
    pub(super) kind: String,
    /// Place in reading order, from 0
    pub(super) ordinal: i64,
    /// Ordinal of the node it belongs to
    #[oai(skip_serializing_if_is_none)]
    pub(super) parent: Option<i64>,
    /// Marker as printed
    pub(super) label: String,
    /// Number
    #[oai(skip_serializing_if_is_none)]
    pub(super) number: Option<u32>,
    /// 之-number
    #[oai(skip_serializing_if_is_none)]
    pub(super) sub_number: Option<u32>,
    /// Heading
    pub(super) heading: String,
    /// Own words, without those of the nodes below
    pub(super) text: String,
    /// Id that the source gives it
    #[oai(skip_serializing_if_is_none)]
    pub(super) source_id: Option<String>,
}

/// A version with its text.
#[derive(Object)]
pub(super) struct VersionTextView {
    /// The version
    pub(super) version: VersionView,
    /// Its nodes, in reading order
    pub(super) provisions: Vec<ProvisionView>,
}

/// A provision with what stands below it.
#[derive(Object)]
pub(super) struct ProvisionTextView {
    /// The version it was read from
    pub(super) version: VersionView,
    /// The provision first, then what belongs to it, in reading order
    pub(super) provisions: Vec<ProvisionView>,
}

/// Path of the page that shows a provision in a version.
fn page_of(work: Uuid, version: Uuid, address: &str) -> String {
    if address.is_empty() { format!("/laws/{work}/{version}") } else { format!("/laws/{work}/{version}#{address}") }
}

pub(super) fn document_view(work: Work) -> DocumentView {
    DocumentView {
        url: format!("/laws/{}", work.id),
        id: work.id.0,
        title: work.title,
        category: work.category.as_str().into(),
        level: work.level.as_str().into(),
        region: work.region,
        organ: work.organ,
        is_demonstration: work.is_demonstration,
    }
}

pub(super) fn version_view(version: Version, current: Option<VersionId>) -> VersionView {
    VersionView {
        id: version.id.0,
        is_current: current == Some(version.id),
        title: version.title,
        title_note: version.title_note,
        organ: version.organ,
        document_number: version.document_number,
        adopted_on: version.adopted_on.map(Day),
        promulgated_on: version.promulgated_on.map(Day),
        effective_on: version.effective_on.map(Day),
        ended_on: version.ends_on.map(Day),
        validity: version.validity.as_str().into(),
        source_scheme: version.source_code.scheme,
        source_code: version.source_code.code,
        article_count: version.article_count,
        has_original: version.blob_hash.is_some(),
    }
}

pub(super) fn provision_view(provision: StoredProvision) -> ProvisionView {
    ProvisionView {
        address: provision.address,
        kind: provision.kind.as_str().into(),
        ordinal: provision.ordinal,
        parent: provision.parent,
        label: provision.label,
        number: provision.number.map(|n| n.main),
        sub_number: provision.number.map(|n| n.sub).filter(|sub| *sub != 0),
        heading: provision.heading,
        text: provision.text,
        source_id: provision.source_id,
    }
}

fn hit_view(hit: search::Hit) -> HitView {
    HitView {
        url: page_of(hit.work_id, hit.version_id, &hit.address),
        document_id: hit.work_id,
        version_id: hit.version_id,
        title: hit.title,
        document_number: hit.document_number,
        level: hit.level,
        validity: hit.validity,
        effective_on: hit.effective_on.map(Day),
        ended_on: hit.ended_on.map(Day),
        address: hit.address,
        label: hit.label,
        path: hit.path,
        heading: hit.heading,
        score: hit.score,
        snippet: hit.snippet.into_iter().map(|s| SegmentView { text: s.text, is_highlighted: s.is_highlighted }).collect(),
        source_id: hit.source_id,
    }
}

pub(super) fn search_view(found: SearchResponse, read_after: Option<i64>) -> SearchView {
    SearchView {
        total_articles: found.total_articles,
        total_documents: found.total_documents,
        answer: found.answer.map(|a| AnswerView { hit: hit_view(a.hit), paragraphs: a.paragraphs, paragraph: a.paragraph, item: a.item }),
        hits: found.hits.into_iter().map(hit_view).collect(),
        groups: found
            .groups
            .into_iter()
            .map(|g| GroupView {
                document_id: g.work_id,
                version_id: g.version_id,
                title: g.title,
                count: g.count,
                hits: g.hits.into_iter().map(hit_view).collect(),
            })
            .collect(),
        facets: found
            .facets
            .into_iter()
            .map(|f| FacetView {
                values: f
                    .values
                    .into_iter()
                    .map(|v| FacetValueView { label: label_of(f.name, &v.value), value: v.value, count: v.count, is_chosen: v.is_chosen })
                    .collect(),
                name: f.name.into(),
            })
            .collect(),
        next_cursor: found.next_cursor,
        notice: found.notice,
        did_you_mean: found.did_you_mean,
        is_behind: read_after.map(|_| found.is_behind),
    }
}
