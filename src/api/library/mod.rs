//! Operations on laws, regulations, rules and normative documents: search, suggest, documents, versions, provisions.

mod views;

use std::collections::BTreeSet;

use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, OpenApi};
use uuid::Uuid;

use views::{
    DocumentDetailView, DocumentPageView, FacetValueView, FacetView, ProvisionTextView, ProvisionView, RelationView, SearchView,
    SuggestionView, VersionTextView, document_view, provision_view, search_view, version_view,
};

use super::Tag;
use super::callers::SignedIn;
use super::day::Day;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::corpus::Version;
use crate::corpus::classification::{Category, Level};
use crate::corpus::reading::{self, WorkFilter};
use crate::error::{Error, Result as DomainResult};
use crate::ids::{VersionId, WorkId};
use crate::search::{self, Filters, Proximity, Scope, SearchRequest};
use crate::storage::blobs::BlobHash;

/// Seconds that a public read may be kept by browsers and proxies; the ETag makes the next read cheap.
const PUBLIC_READ: &str = "public, max-age=30";
/// Header with the change that a search is to find.
const READ_AFTER: &str = "Read-After";
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

/// What a search found. What somebody asks for right after a change is for nobody else, and an older answer is none to it.
#[derive(ApiResponse)]
pub enum Searched<T: poem_openapi::types::Type + poem_openapi::types::ToJSON> {
    /// Found
    #[oai(status = 200)]
    Found(
        Json<T>,
        /// How long it may be kept
        #[oai(header = "Cache-Control")]
        String,
        /// What it depends on
        #[oai(header = "Vary")]
        String,
    ),
    /// Not modified since the ETag of `If-None-Match`
    #[oai(status = 304)]
    NotModified,
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
        /// The day whose law is asked for; today when absent. With a day, only what is in force on it is found, unless `validity` or `all_versions`
        /// asks for more
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
        /// A `change_seq`, as an import has it: the search waits for it up to two seconds, and says in `is_behind` when it answers without it
        #[oai(name = "Read-After", validator(minimum(value = "0")))]
        Header(read_after): Header<Option<i64>>,
    ) -> Result<Searched<SearchView>, Problem> {
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
            only_in_force: on.is_some(),
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
        let found = app.search.search_after(&app.db, request, read_after).await?;
        let keep = if read_after.is_some() { "no-store" } else { PUBLIC_READ };
        Ok(Searched::Found(Json(search_view(found, read_after)), keep.into(), READ_AFTER.into()))
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
        let counted = reading::count_works_by_category(&app.db, &WorkFilter::default()).await?;
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
        session.with(Permission::ReadImports)?;
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
