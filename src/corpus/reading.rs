//! Reading the corpus: works, their versions on a day, the text of a version.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::classification::{Category, Level, Validity};
use super::store::no_day;
use super::structure::{Number, ProvisionKind};
use super::timeline::{self, Placed, VersionDates};
use super::{Relation, SourceCode, StoredProvision, Version, Work};
use crate::error::{Error, Result};
use crate::ids::{VersionId, WorkId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};

const FIND_WORK: &str = "SELECT id, title, category, level, region, organ, is_demonstration, updated_at FROM corpus_work WHERE id = $1";
const LIST_WORKS: &str = "SELECT id, title, category, level, region, organ, is_demonstration, updated_at FROM corpus_work
    WHERE (category = $1 OR $1 IS NULL) AND (level = $2 OR $2 IS NULL) AND (region = $3 OR $3 IS NULL)
    AND ((title, id) > ($4, $5) OR $4 IS NULL) ORDER BY title, id LIMIT $6";
const COUNT_WORKS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM corpus_work
    WHERE (category = $1 OR $1 IS NULL) AND (level = $2 OR $2 IS NULL) AND (region = $3 OR $3 IS NULL)";
const LIST_VERSIONS: &str = "SELECT id, work_id, title, title_note, organ, document_number, dated_on, adopted_on, promulgated_on, effective_on, repealed_on, validity,
    source_scheme, source_code, source_name, blob_hash, article_count, character_count, updated_at FROM corpus_version WHERE work_id = $1";
const LIST_PROVISIONS: &str =
    "SELECT ordinal, parent_ordinal, kind, address, label, number_main, number_sub, heading, body, source_id FROM provision
    WHERE version_id = $1 ORDER BY ordinal";
const LIST_PROVISIONS_UNDER: &str =
    "SELECT ordinal, parent_ordinal, kind, address, label, number_main, number_sub, heading, body, source_id FROM provision
    WHERE version_id = $1 AND (address = $2 OR address LIKE $3 ESCAPE '!') ORDER BY ordinal";
const LIST_DIAGNOSTICS: &str = "SELECT code, line, detail FROM structure_diagnostic WHERE version_id = $1 ORDER BY ordinal";
const LIST_RELATIONS: &str = "SELECT r.kind AS kind, w.id AS id, w.title AS title, r.from_work = $1 AS is_from FROM corpus_relation r
    JOIN corpus_work w ON w.id = CASE WHEN r.from_work = $1 THEN r.to_work ELSE r.from_work END
    WHERE r.from_work = $1 OR r.to_work = $1 ORDER BY r.kind, w.title";
const TOTALS: &str = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM corpus_work), (SELECT CAST(COUNT(*) AS BIGINT) FROM corpus_version),
    (SELECT CAST(COALESCE(SUM(article_count), 0) AS BIGINT) FROM corpus_version)";
const COUNT_WORKS_BY_CATEGORY: &str = "SELECT category, CAST(COUNT(*) AS BIGINT) FROM corpus_work
    WHERE (category = $1 OR $1 IS NULL) AND (level = $2 OR $2 IS NULL) AND (region = $3 OR $3 IS NULL) GROUP BY category";
const COUNT_WORKS_BY_LEVEL: &str = "SELECT level, CAST(COUNT(*) AS BIGINT) FROM corpus_work
    WHERE (category = $1 OR $1 IS NULL) AND (level = $2 OR $2 IS NULL) AND (region = $3 OR $3 IS NULL) GROUP BY level";
const COUNT_WORKS_BY_REGION: &str = "SELECT region, CAST(COUNT(*) AS BIGINT) FROM corpus_work
    WHERE (category = $1 OR $1 IS NULL) AND (level = $2 OR $2 IS NULL) AND (region = $3 OR $3 IS NULL) GROUP BY region ORDER BY COUNT(*) DESC, region";
const COUNT_BY_DIAGNOSTIC: &str = "SELECT code, CAST(COUNT(*) AS BIGINT) FROM structure_diagnostic GROUP BY code ORDER BY code";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    FIND_WORK,
    LIST_WORKS,
    COUNT_WORKS,
    LIST_VERSIONS,
    LIST_PROVISIONS,
    LIST_PROVISIONS_UNDER,
    LIST_DIAGNOSTICS,
    LIST_RELATIONS,
    TOTALS,
    COUNT_WORKS_BY_CATEGORY,
    COUNT_WORKS_BY_LEVEL,
    COUNT_WORKS_BY_REGION,
    COUNT_BY_DIAGNOSTIC,
];

#[derive(FromRow)]
struct WorkRow {
    id: Uuid,
    title: String,
    category: String,
    level: String,
    region: String,
    organ: String,
    is_demonstration: bool,
    updated_at: DateTime<Utc>,
}

impl WorkRow {
    fn into_work(self) -> Work {
        Work {
            id: WorkId(self.id),
            title: self.title,
            category: Category::parse(&self.category).unwrap_or(Category::Other),
            level: Level::parse(&self.level).unwrap_or(Level::Other),
            region: self.region,
            organ: self.organ,
            is_demonstration: self.is_demonstration,
            updated_at: self.updated_at,
        }
    }
}

#[derive(FromRow)]
struct VersionRow {
    id: Uuid,
    work_id: Uuid,
    title: String,
    title_note: String,
    organ: String,
    document_number: String,
    dated_on: NaiveDate,
    adopted_on: Option<NaiveDate>,
    promulgated_on: Option<NaiveDate>,
    effective_on: Option<NaiveDate>,
    repealed_on: Option<NaiveDate>,
    validity: String,
    source_scheme: String,
    source_code: String,
    source_name: String,
    blob_hash: Option<String>,
    article_count: i64,
    character_count: i64,
    updated_at: DateTime<Utc>,
}

impl VersionRow {
    fn dates(&self) -> VersionDates {
        VersionDates {
            dated_on: Some(self.dated_on).filter(|d| *d != no_day()),
            effective_on: self.effective_on,
            repealed_on: self.repealed_on,
            stated: Validity::parse(&self.validity).unwrap_or(Validity::Unknown),
        }
    }
}

#[derive(FromRow)]
struct ProvisionRow {
    ordinal: i64,
    parent_ordinal: Option<i64>,
    kind: String,
    address: String,
    label: String,
    number_main: Option<i64>,
    number_sub: Option<i64>,
    heading: String,
    body: String,
    source_id: Option<String>,
}

impl ProvisionRow {
    fn into_provision(self) -> StoredProvision {
        let number = |n: i64| u32::try_from(n).unwrap_or(0);
        StoredProvision {
            ordinal: self.ordinal,
            parent: self.parent_ordinal,
            kind: self.kind.parse().unwrap_or(ProvisionKind::Text),
            address: self.address,
            label: self.label,
            number: self.number_main.map(|main| Number { main: number(main), sub: number(self.number_sub.unwrap_or(0)) }),
            heading: self.heading,
            text: self.body,
            source_id: self.source_id,
        }
    }
}

/// What lists of works can be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct WorkFilter {
    /// Only this category.
    pub category: Option<Category>,
    /// Only this level.
    pub level: Option<Level>,
    /// Only this region.
    pub region: Option<String>,
}

/// A relation of one work to another, seen from the first.
#[derive(Clone, Debug)]
pub struct RelatedWork {
    /// Kind of the relation.
    pub relation: Relation,
    /// Whether the work asked about is the active side (it amends, repeals, supersedes).
    pub is_active: bool,
    /// The other work.
    pub work_id: WorkId,
    /// Its title.
    pub title: String,
}

/// Size of the corpus.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Works.
    pub works: i64,
    /// Versions of all works.
    pub versions: i64,
    /// 条 of all versions.
    pub articles: i64,
}

/// A diagnostic as stored.
#[derive(Clone, Debug, FromRow)]
pub struct StoredDiagnostic {
    /// Its number, e.g. `D03`.
    pub code: String,
    /// Line of the source, from 1.
    pub line: i64,
    /// What was found.
    pub detail: String,
}

/// Finds a work.
pub async fn find_work(db: &Db, id: WorkId) -> Result<Option<Work>> {
    let row: Option<WorkRow> = on_db!(db, pool => sqlx::query_as(FIND_WORK).bind(id).fetch_optional(pool).await).map_err(failed)?;
    Ok(row.map(WorkRow::into_work))
}

/// The work, or "not found".
pub async fn get_work(db: &Db, id: WorkId) -> Result<Work> {
    find_work(db, id).await?.ok_or_else(|| Error::not_found("这部法规文件"))
}

/// Works in the order of their titles, a page at a time, without a cap on how far one may go.
pub async fn list_works(db: &Db, filter: &WorkFilter, cursor: Option<&str>, limit: usize) -> Result<Page<Work>> {
    let after: Option<(String, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (title, id) = after.map_or((None, None), |(t, i)| (Some(t), Some(i)));
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows: Vec<WorkRow> = on_db!(db, pool => sqlx::query_as(LIST_WORKS)
        .bind(filter.category.map(Category::as_str)).bind(filter.level.map(Level::as_str)).bind(&filter.region).bind(&title).bind(id).bind(wanted)
        .fetch_all(pool).await)
    .map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.title.clone(), row.id)).map(WorkRow::into_work))
}

/// Number of works that pass a filter.
pub async fn count_works(db: &Db, filter: &WorkFilter) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_WORKS)
        .bind(filter.category.map(Category::as_str)).bind(filter.level.map(Level::as_str)).bind(&filter.region).fetch_one(pool).await)
    .map_err(failed)
}

/// All versions of a work, the earliest first, with their validity on a day.
pub async fn list_versions(db: &Db, work: WorkId, day: NaiveDate) -> Result<Vec<Version>> {
    let mut rows: Vec<VersionRow> = on_db!(db, pool => sqlx::query_as(LIST_VERSIONS).bind(work).fetch_all(pool).await).map_err(failed)?;
    rows.sort_by_key(|row| (row.dates().begins_on(), row.dated_on));
    let dates: Vec<VersionDates> = rows.iter().map(VersionRow::dates).collect();
    let placed = timeline::place(&dates);
    let last = rows.len().saturating_sub(1);
    Ok(rows
        .into_iter()
        .zip(dates.iter().zip(placed))
        .enumerate()
        .map(|(i, (row, (dates, placed)))| Version {
            id: VersionId(row.id),
            work_id: WorkId(row.work_id),
            title: row.title,
            title_note: row.title_note,
            organ: row.organ,
            document_number: row.document_number,
            dated_on: dates.dated_on,
            adopted_on: row.adopted_on,
            promulgated_on: row.promulgated_on,
            effective_on: row.effective_on,
            repealed_on: row.repealed_on,
            ends_on: placed.ends_on,
            validity: timeline::validity_on(dates, placed, i < last, day),
            source_code: SourceCode { scheme: row.source_scheme, code: row.source_code },
            source_name: row.source_name,
            blob_hash: row.blob_hash,
            article_count: row.article_count,
            character_count: row.character_count,
            updated_at: row.updated_at,
        })
        .collect())
}

/// The version of a list from [`list_versions`] that a reader should see on a day: in force, or the last that was, or the first to come.
pub fn version_on(versions: &[Version], day: NaiveDate) -> Option<&Version> {
    let placed: Vec<Placed> = versions.iter().map(|v| Placed { begins_on: v.effective_on.or(v.dated_on), ends_on: v.ends_on }).collect();
    timeline::current_on(&placed, day).and_then(|i| versions.get(i)).or_else(|| versions.first())
}

/// The text of a version, in reading order.
pub async fn list_provisions(db: &Db, version: VersionId) -> Result<Vec<StoredProvision>> {
    let rows: Vec<ProvisionRow> =
        on_db!(db, pool => sqlx::query_as(LIST_PROVISIONS).bind(version).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(ProvisionRow::into_provision).collect())
}

/// One provision of a version with all below it, in reading order; empty when there is none of this address.
pub async fn list_provisions_under(db: &Db, version: VersionId, address: &str) -> Result<Vec<StoredProvision>> {
    let escaped: String = address.chars().flat_map(|c| if matches!(c, '!' | '%' | '_') { vec!['!', c] } else { vec![c] }).collect();
    let below = format!("{escaped}/%");
    let rows: Vec<ProvisionRow> =
        on_db!(db, pool => sqlx::query_as(LIST_PROVISIONS_UNDER).bind(version).bind(address).bind(below).fetch_all(pool).await)
            .map_err(failed)?;
    Ok(rows.into_iter().map(ProvisionRow::into_provision).collect())
}

/// What the parser was not sure of in a version.
pub async fn list_diagnostics(db: &Db, version: VersionId) -> Result<Vec<StoredDiagnostic>> {
    on_db!(db, pool => sqlx::query_as(LIST_DIAGNOSTICS).bind(version).fetch_all(pool).await).map_err(failed)
}

/// Works that amend, repeal or supersede this one, and the other way round.
pub async fn list_relations(db: &Db, work: WorkId) -> Result<Vec<RelatedWork>> {
    let rows: Vec<(String, Uuid, String, bool)> =
        on_db!(db, pool => sqlx::query_as(LIST_RELATIONS).bind(work).fetch_all(pool).await).map_err(failed)?;
    Ok(rows
        .into_iter()
        .filter_map(|(kind, id, title, is_active)| {
            Some(RelatedWork { relation: Relation::parse(&kind)?, is_active, work_id: WorkId(id), title })
        })
        .collect())
}

/// How much there is.
pub async fn totals(db: &Db) -> Result<Totals> {
    let (works, versions, articles) =
        on_db!(db, pool => sqlx::query_as::<_, (i64, i64, i64)>(TOTALS).fetch_one(pool).await).map_err(failed)?;
    Ok(Totals { works, versions, articles })
}

async fn count_works_by(db: &Db, statement: &'static str, filter: &WorkFilter) -> Result<Vec<(String, i64)>> {
    on_db!(db, pool => sqlx::query_as(statement)
        .bind(filter.category.map(Category::as_str)).bind(filter.level.map(Level::as_str)).bind(&filter.region).fetch_all(pool).await)
    .map_err(failed)
}

/// Number of works of each category that pass a filter, in the order in which lists show categories.
pub async fn count_works_by_category(db: &Db, filter: &WorkFilter) -> Result<Vec<(Category, i64)>> {
    let rows = count_works_by(db, COUNT_WORKS_BY_CATEGORY, filter).await?;
    let mut counts: Vec<(Category, i64)> =
        rows.into_iter().map(|(name, n)| (Category::parse(&name).unwrap_or(Category::Other), n)).collect();
    counts.sort_by_key(|(category, _)| *category);
    Ok(counts)
}

/// Number of works of each level that pass a filter, the highest level first.
pub async fn count_works_by_level(db: &Db, filter: &WorkFilter) -> Result<Vec<(Level, i64)>> {
    let rows = count_works_by(db, COUNT_WORKS_BY_LEVEL, filter).await?;
    let mut counts: Vec<(Level, i64)> = rows.into_iter().map(|(name, n)| (Level::parse(&name).unwrap_or(Level::Other), n)).collect();
    counts.sort_by_key(|(level, _)| *level);
    Ok(counts)
}

/// Number of works of each region that pass a filter, the most frequent first.
pub async fn count_works_by_region(db: &Db, filter: &WorkFilter) -> Result<Vec<(String, i64)>> {
    count_works_by(db, COUNT_WORKS_BY_REGION, filter).await
}

/// Number of diagnostics of each code, over the whole corpus.
pub async fn count_by_diagnostic(db: &Db) -> Result<Vec<(String, i64)>> {
    on_db!(db, pool => sqlx::query_as(COUNT_BY_DIAGNOSTIC).fetch_all(pool).await).map_err(failed)
}
