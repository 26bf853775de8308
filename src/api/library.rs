//! Operations on laws, regulations, rules and normative documents: search, suggest, documents, versions, provisions.

use std::collections::BTreeSet;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::day::Day;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::corpus::classification::{Category, Level, label_of};
use crate::corpus::reading::{self, WorkFilter};
use crate::corpus::{StoredProvision, Version, Work};
use crate::error::{Error, Result as DomainResult};
use crate::ids::{VersionId, WorkId};
use crate::search::{self, Filters, Proximity, Scope, SearchRequest, SearchResponse};
use crate::storage::blobs::BlobHash;

/// Seconds that a public read may be kept by browsers and proxies; the ETag makes the next read cheap.
const PUBLIC_READ: &str = "public, max-age=30";
/// Longest query that is read.
const QUERY_CHARACTERS: usize = 500;
/// Most items of one page.
const PAGE_ITEMS: usize = 100;

/// A successful public read, which may be cached.
#[derive(ApiResponse)]
pub enum Public<T: poem_openapi::types::Type + poem_openapi::types::ToJSON> {
    /// Found
    #[oai(status = 200)]
    Found(
        Json<T>,
        /// How long it may be kept
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// Not modified since the ETag of `If-None-Match`
    #[oai(status = 304)]
    NotModified,
}

fn public<T: poem_openapi::types::Type + poem_openapi::types::ToJSON>(body: T) -> Public<T> {
    Public::Found(Json(body), PUBLIC_READ.into())
}

/// What is searched.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
pub enum ScopeParameter {
    /// Full text and titles
    Everything,
    /// Titles only
    Titles,
}

/// How near the words of the query must stand.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case")]
pub enum ProximityParameter {
    /// Anywhere
    Anywhere,
    /// All in one article
    SameArticle,
    /// All in one paragraph 款
    SameParagraph,
}

/// A run of plain text; escape it before showing it.
#[derive(Object)]
struct SegmentView {
    /// Text
    text: String,
    /// Whether it matches the query
    is_highlighted: bool,
}

/// A provision, or a document as a whole, that was found.
#[derive(Object)]
struct HitView {
    /// Document
    document_id: Uuid,
    /// Version
    version_id: Uuid,
    /// Title of the version
    title: String,
    /// 发文字号
    #[oai(skip_serializing_if = "String::is_empty", default)]
    document_number: String,
    /// 效力位阶
    level: String,
    /// 时效性 on the day that was asked for
    validity: String,
    /// First day in force
    #[oai(skip_serializing_if_is_none)]
    effective_on: Option<Day>,
    /// First day no longer in force
    #[oai(skip_serializing_if_is_none)]
    ended_on: Option<Day>,
    /// Address of the provision; empty for the document as a whole
    address: String,
    /// Marker as printed, e.g. 第二十条之一
    label: String,
    /// Chapter and section
    path: String,
    /// 条旨
    heading: String,
    /// Score; comparable within one answer only
    score: f32,
    /// Part of the text around the best matches
    snippet: Vec<SegmentView>,
    /// Id that the source gives the provision
    #[oai(skip_serializing_if_is_none)]
    source_id: Option<String>,
    /// Where people read it
    url: String,
}

/// The provision that the query names, whole.
#[derive(Object)]
struct AnswerView {
    /// It, as a hit
    hit: HitView,
    /// Its paragraphs 款
    paragraphs: Vec<String>,
    /// The 款 that the query names, from 1
    #[oai(skip_serializing_if_is_none)]
    paragraph: Option<u32>,
    /// The 项 that the query names, from 1
    #[oai(skip_serializing_if_is_none)]
    item: Option<u32>,
}

/// A document with its best provisions.
#[derive(Object)]
struct GroupView {
    /// Document
    document_id: Uuid,
    /// Version
    version_id: Uuid,
    /// Title
    title: String,
    /// Provisions of it that were found
    count: u64,
    /// Its best provisions, best first
    hits: Vec<HitView>,
}

/// One value of a facet.
#[derive(Object)]
struct FacetValueView {
    /// Canonical value
    value: String,
    /// What a page shows
    label: String,
    /// Provisions found that have it
    count: u64,
    /// Whether the request filters on it
    is_chosen: bool,
}

/// Counts for one filter; its own restriction is left out of account.
#[derive(Object)]
struct FacetView {
    /// category, level, validity, organ, region or year
    name: String,
    /// Values
    values: Vec<FacetValueView>,
}

/// What a search found.
#[derive(Object)]
struct SearchView {
    /// Provisions found, over all pages
    total_articles: u64,
    /// Documents found, over all pages
    total_documents: u64,
    /// The provision that the query names, on the first page
    #[oai(skip_serializing_if_is_none)]
    answer: Option<AnswerView>,
    /// Hits of this page when not grouped, best first
    hits: Vec<HitView>,
    /// Documents of this page when grouped, best first
    groups: Vec<GroupView>,
    /// Counts for filters
    facets: Vec<FacetView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
    /// A better spelling when little was found
    #[oai(skip_serializing_if_is_none)]
    did_you_mean: Option<String>,
}

/// A completion while typing.
#[derive(Object)]
struct SuggestionView {
    /// What to show
    display: String,
    /// What to put into the search box
    completion: String,
    /// Document it leads to
    document_id: Uuid,
}

/// A document, as lists show it.
#[derive(Object)]
struct DocumentView {
    /// Id
    id: Uuid,
    /// Title of the newest version
    title: String,
    /// 类别
    category: String,
    /// 效力位阶
    level: String,
    /// Region
    region: String,
    /// Issuing organ
    organ: String,
    /// Whether it belongs to the demonstration
    is_demonstration: bool,
    /// Where people read it
    url: String,
}

/// One page of documents.
#[derive(Object)]
struct DocumentPageView {
    /// Documents that pass the filter, over all pages
    total: i64,
    /// Documents, by title
    items: Vec<DocumentView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A version, without its text.
#[derive(Object)]
struct VersionView {
    /// Id
    id: Uuid,
    /// Title in this version
    title: String,
    /// 题注
    title_note: String,
    /// Issuing organ
    organ: String,
    /// 发文字号
    document_number: String,
    /// 通过日期
    #[oai(skip_serializing_if_is_none)]
    adopted_on: Option<Day>,
    /// 公布日期
    #[oai(skip_serializing_if_is_none)]
    promulgated_on: Option<Day>,
    /// 施行日期
    #[oai(skip_serializing_if_is_none)]
    effective_on: Option<Day>,
    /// First day no longer in force
    #[oai(skip_serializing_if_is_none)]
    ended_on: Option<Day>,
    /// 时效性 on the day that was asked for
    validity: String,
    /// Whether this is the version to read on the day that was asked for
    is_current: bool,
    /// Scheme of the source's own validity code
    source_scheme: String,
    /// The source's own validity code
    source_code: String,
    /// Number of 条
    article_count: i64,
    /// Whether the original file can be downloaded
    has_original: bool,
}

/// How another document is related.
#[derive(Object)]
struct RelationView {
    /// amends, repeals or supersedes
    relation: String,
    /// Whether this document is the one that amends, repeals or supersedes
    is_active: bool,
    /// The other document
    document_id: Uuid,
    /// Its title
    title: String,
}

/// A document with its versions.
#[derive(Object)]
struct DocumentDetailView {
    /// The document
    document: DocumentView,
    /// Its versions, the earliest first
    versions: Vec<VersionView>,
    /// Its relations to others
    relations: Vec<RelationView>,
}

/// A node of a text.
#[derive(Object)]
struct ProvisionView {
    /// Stable address, e.g. `art-20-1/para-2/item-3`
    address: String,
    /// title, chapter, article, paragraph, item, …
    kind: String,
    /// Place in reading order, from 0
    ordinal: i64,
    /// Ordinal of the node it belongs to
    #[oai(skip_serializing_if_is_none)]
    parent: Option<i64>,
    /// Marker as printed
    label: String,
    /// Number
    #[oai(skip_serializing_if_is_none)]
    number: Option<u32>,
    /// 之-number
    #[oai(skip_serializing_if_is_none)]
    sub_number: Option<u32>,
    /// Heading
    heading: String,
    /// Own words, without those of the nodes below
    text: String,
    /// Id that the source gives it
    #[oai(skip_serializing_if_is_none)]
    source_id: Option<String>,
}

/// A version with its text.
#[derive(Object)]
struct VersionTextView {
    /// The version
    version: VersionView,
    /// Its nodes, in reading order
    provisions: Vec<ProvisionView>,
}

/// A provision with what stands below it.
#[derive(Object)]
struct ProvisionTextView {
    /// The version it was read from
    version: VersionView,
    /// The provision first, then what belongs to it, in reading order
    provisions: Vec<ProvisionView>,
}

/// An original file.
#[derive(ApiResponse)]
enum OriginalResponse {
    /// The file, as it was imported
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Always a download, never shown by the browser
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

/// The operations.
pub struct LibraryApi;

#[OpenApi(tag = "Tag::Library")]
impl LibraryApi {
    /// Search provisions: one box for titles, article numbers, document numbers, short names, pinyin and plain language.
    #[oai(path = "/search", method = "get", operation_id = "search")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented query parameter")]
    async fn search(
        &self,
        app: Data<&App>,
        /// The query, at most 500 characters
        Query(q): Query<String>,
        /// Document now open, so that 第二十条 alone means its article
        Query(document): Query<Option<Uuid>>,
        /// 类别, alternatives
        Query(category): Query<Option<Vec<String>>>,
        /// 效力位阶, alternatives
        Query(level): Query<Option<Vec<String>>>,
        /// 时效性, alternatives
        Query(validity): Query<Option<Vec<String>>>,
        /// Issuing organ, alternatives
        Query(organ): Query<Option<Vec<String>>>,
        /// Region, alternatives
        Query(region): Query<Option<Vec<String>>>,
        /// Year of promulgation, alternatives
        Query(year): Query<Option<Vec<i32>>>,
        /// The day whose law is asked for; today when absent
        Query(on): Query<Option<Day>>,
        /// Search every version and not only the one that stands on that day
        #[oai(default)]
        Query(all_versions): Query<bool>,
        /// What is searched
        Query(scope): Query<Option<ScopeParameter>>,
        /// How near the words must stand
        Query(proximity): Query<Option<ProximityParameter>>,
        /// Earlier queries whose words must all occur as well
        Query(within): Query<Option<Vec<String>>>,
        /// Collect provisions under their documents
        #[oai(default)]
        Query(grouped): Query<bool>,
        /// Hits, or documents when grouped, on a page: 1 to 100
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Public<SearchView>, Problem> {
        check_query("q", &q)?;
        let within = within.unwrap_or_default();
        for earlier in &within {
            check_query("within", earlier)?;
        }
        let request = SearchRequest {
            query: q,
            context_work: document,
            only_in_context: false,
            filters: Filters {
                category: category.unwrap_or_default(),
                level: level.unwrap_or_default(),
                validity: validity.unwrap_or_default(),
                organ: organ.unwrap_or_default(),
                region: region.unwrap_or_default(),
                year: year.unwrap_or_default(),
            },
            as_of: on.map_or_else(|| app.clock.today(), |day| day.0),
            all_versions,
            scope: match scope {
                Some(ScopeParameter::Titles) => Scope::Titles,
                _ => Scope::Everything,
            },
            proximity: match proximity {
                Some(ProximityParameter::SameArticle) => Proximity::SameArticle,
                Some(ProximityParameter::SameParagraph) => Proximity::SameParagraph,
                _ => Proximity::None,
            },
            within,
            cursor,
            limit: limit as usize,
            group_by_document: grouped,
            switches: BTreeSet::new(),
        };
        Ok(public(search_view(app.search.search(request).await?)))
    }

    /// Complete what is being typed: titles, short names, pinyin, and article numbers after a title.
    #[oai(path = "/suggest", method = "get", operation_id = "suggest")]
    async fn suggest(
        &self,
        app: Data<&App>,
        /// What has been typed so far, at most 500 characters
        Query(q): Query<String>,
        /// At most this many: 1 to 20
        #[oai(default = "default_suggestions", validator(minimum(value = "1"), maximum(value = "20")))]
        Query(limit): Query<u32>,
    ) -> Result<Public<Vec<SuggestionView>>, Problem> {
        check_query("q", &q)?;
        let found = search::suggest::complete(&q, &app.search.titles(), limit as usize);
        Ok(public(
            found
                .into_iter()
                .map(|s| SuggestionView { display: s.text, completion: s.completion, document_id: s.work_id })
                .collect::<Vec<_>>(),
        ))
    }

    /// List documents by title.
    #[oai(path = "/documents", method = "get", operation_id = "list_documents")]
    async fn list_documents(
        &self,
        app: Data<&App>,
        /// 类别
        Query(category): Query<Option<String>>,
        /// 效力位阶
        Query(level): Query<Option<String>>,
        /// Region
        Query(region): Query<Option<String>>,
        /// Documents on a page: 1 to 100
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Public<DocumentPageView>, Problem> {
        let filter = WorkFilter {
            category: category.map(|c| Category::parse(&c).ok_or_else(|| Error::invalid("category", "没有这个类别。"))).transpose()?,
            level: level.map(|l| Level::parse(&l).ok_or_else(|| Error::invalid("level", "没有这个效力位阶。"))).transpose()?,
            region,
        };
        let total = reading::count_works(&app.db, &filter).await?;
        let page = reading::list_works(&app.db, &filter, cursor.as_deref(), (limit as usize).min(PAGE_ITEMS)).await?;
        Ok(public(DocumentPageView { total, next_cursor: page.next.clone(), items: page.items.into_iter().map(document_view).collect() }))
    }

    /// Number of documents of each category.
    #[oai(path = "/facets", method = "get", operation_id = "list_facets")]
    async fn list_facets(&self, app: Data<&App>) -> Result<Public<Vec<FacetView>>, Problem> {
        let counted = reading::count_by_category(&app.db).await?;
        let values = counted
            .into_iter()
            .map(|(category, count)| FacetValueView {
                value: category.as_str().into(),
                label: category.label().into(),
                count: u64::try_from(count).unwrap_or(0),
                is_chosen: false,
            })
            .collect();
        Ok(public(vec![FacetView { name: "category".into(), values }]))
    }

    /// A document with its versions and relations.
    #[oai(path = "/documents/:id", method = "get", operation_id = "get_document")]
    async fn get_document(
        &self,
        app: Data<&App>,
        /// Document
        Path(id): Path<Uuid>,
        /// The day whose law is asked for; today when absent
        Query(on): Query<Option<Day>>,
    ) -> Result<Public<DocumentDetailView>, Problem> {
        let day = on.map_or_else(|| app.clock.today(), |day| day.0);
        let work = reading::get_work(&app.db, WorkId(id)).await?;
        let versions = reading::list_versions(&app.db, work.id, day).await?;
        let relations = reading::list_relations(&app.db, work.id).await?;
        let current = reading::version_on(&versions, day).map(|v| v.id);
        Ok(public(DocumentDetailView {
            document: document_view(work),
            versions: versions.into_iter().map(|v| version_view(v, current)).collect(),
            relations: relations
                .into_iter()
                .map(|r| RelationView {
                    relation: r.relation.as_str().into(),
                    is_active: r.is_active,
                    document_id: r.work_id.0,
                    title: r.title,
                })
                .collect(),
        }))
    }

    /// The text of a version.
    #[oai(path = "/documents/:id/versions/:version", method = "get", operation_id = "get_version")]
    async fn get_version(
        &self,
        app: Data<&App>,
        /// Document
        Path(id): Path<Uuid>,
        /// Version
        Path(version): Path<Uuid>,
    ) -> Result<Public<VersionTextView>, Problem> {
        let (version, current) = find_version(&app, WorkId(id), VersionId(version)).await?;
        let provisions = reading::list_provisions(&app.db, version.id).await?;
        Ok(public(VersionTextView {
            version: version_view(version, current),
            provisions: provisions.into_iter().map(provision_view).collect(),
        }))
    }

    /// One provision with all below it, in the version that stands on a day.
    #[oai(path = "/documents/:id/provision", method = "get", operation_id = "get_provision")]
    async fn get_provision(
        &self,
        app: Data<&App>,
        /// Document
        Path(id): Path<Uuid>,
        /// Address, e.g. `art-20-1/para-2/item-3`
        Query(address): Query<String>,
        /// The day whose law is asked for; today when absent
        Query(on): Query<Option<Day>>,
    ) -> Result<Public<ProvisionTextView>, Problem> {
        let day = on.map_or_else(|| app.clock.today(), |day| day.0);
        let work = reading::get_work(&app.db, WorkId(id)).await?;
        let versions = reading::list_versions(&app.db, work.id, day).await?;
        let Some(version) = reading::version_on(&versions, day).cloned() else {
            return Err(Error::not_found("这部法规文件的文本").into());
        };
        let provisions = reading::list_provisions(&app.db, version.id).await?;
        let below = format!("{address}/");
        let found: Vec<ProvisionView> =
            provisions.into_iter().filter(|p| p.address == address || p.address.starts_with(&below)).map(provision_view).collect();
        if found.first().is_none_or(|first| first.address != address) {
            return Err(Error::not_found("这个条文").into());
        }
        let current = Some(version.id);
        Ok(public(ProvisionTextView { version: version_view(version, current), provisions: found }))
    }

    /// Download the original file of a version.
    #[oai(path = "/documents/:id/versions/:version/original", method = "get", operation_id = "get_original")]
    async fn get_original(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Document
        Path(id): Path<Uuid>,
        /// Version
        Path(version): Path<Uuid>,
    ) -> Result<OriginalResponse, Problem> {
        session.with(Permission::ImportDocuments)?;
        let (version, _) = find_version(&app, WorkId(id), VersionId(version)).await?;
        let Some(hash) = version.blob_hash.as_deref().and_then(BlobHash::parse) else { return Err(Error::not_found("原件").into()) };
        let content = app.blobs.get(&hash).await?;
        // The name is data of others: only letters that a header can carry, and never a path.
        let extension: String =
            version.source_name.rsplit('.').next().unwrap_or("").chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let name = format!("{}.{}", version.id, if extension.is_empty() { "bin" } else { &extension });
        Ok(OriginalResponse::Found(Binary(content), format!("attachment; filename=\"{name}\"")))
    }
}

fn default_limit() -> u32 {
    20
}

fn default_suggestions() -> u32 {
    8
}

fn check_query(field: &str, text: &str) -> DomainResult<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "请输入要查找的内容。"));
    }
    if text.chars().count() > QUERY_CHARACTERS {
        return Err(Error::invalid(field, format!("查询最多 {QUERY_CHARACTERS} 个字，请缩短。")));
    }
    Ok(())
}

async fn find_version(app: &App, work: WorkId, version: VersionId) -> DomainResult<(Version, Option<VersionId>)> {
    let day = app.clock.today();
    let versions = reading::list_versions(&app.db, work, day).await?;
    let current = reading::version_on(&versions, day).map(|v| v.id);
    let found = versions.into_iter().find(|v| v.id == version).ok_or_else(|| Error::not_found("这个版本"))?;
    Ok((found, current))
}

/// Path of the page that shows a provision in a version.
fn page_of(work: Uuid, version: Uuid, address: &str) -> String {
    if address.is_empty() { format!("/laws/{work}/{version}") } else { format!("/laws/{work}/{version}#{address}") }
}

fn document_view(work: Work) -> DocumentView {
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

fn version_view(version: Version, current: Option<VersionId>) -> VersionView {
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

fn provision_view(provision: StoredProvision) -> ProvisionView {
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

fn search_view(found: SearchResponse) -> SearchView {
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
        did_you_mean: found.did_you_mean,
    }
}
