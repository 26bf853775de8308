//! What the search room reads: documents as they are indexed, titles for the catalogue, and the change feed.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::reading::{get_work, list_provisions, list_versions};
use super::structure::ProvisionKind;
use super::{StoredProvision, Version, Work};
use crate::corpus::classification::Validity;
use crate::error::Result;
use crate::ids::WorkId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::failed;

const CHANGES_SINCE: &str = "SELECT seq, subject, subject_id FROM change_feed WHERE seq > $1 ORDER BY seq LIMIT $2";
const LAST_CHANGE: &str = "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM change_feed";
const CHANGED_AT: &str = "SELECT at FROM change_feed WHERE seq > $1 ORDER BY seq LIMIT 1";
const WORKS_AFTER: &str = "SELECT id FROM corpus_work WHERE id > $1 OR $1 IS NULL ORDER BY id LIMIT $2";
const LIST_TITLES: &str = "SELECT w.id, v.title, v.document_number, w.level, v.article_count FROM corpus_work w JOIN corpus_version v ON v.work_id = w.id ORDER BY w.id, v.dated_on";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[CHANGES_SINCE, LAST_CHANGE, CHANGED_AT, WORKS_AFTER, LIST_TITLES];

/// One version of a work, as the index takes it in.
#[derive(Clone, Debug)]
pub struct IndexedDocument {
    /// Work.
    pub work_id: Uuid,
    /// Version.
    pub version_id: Uuid,
    /// Title of the version.
    pub title: String,
    /// Other names that this installation knows; the general short names live in `search-index/aliases.toml`.
    pub aliases: Vec<String>,
    /// Category, canonical.
    pub category: String,
    /// Level, canonical.
    pub level: String,
    /// Region.
    pub region: String,
    /// Issuing organ.
    pub organ: String,
    /// 发文字号
    pub document_number: String,
    /// 通过日期
    pub adopted_on: Option<NaiveDate>,
    /// 公布日期
    pub promulgated_on: Option<NaiveDate>,
    /// First day in force: the effective date, else the day the version is known by.
    pub effective_on: Option<NaiveDate>,
    /// First day no longer in force: repeal, or the next version.
    pub ended_on: Option<NaiveDate>,
    /// What the source states, for the cases that dates do not decide.
    pub validity: Validity,
    /// What can be found.
    pub provisions: Vec<IndexedProvision>,
}

/// One entry of the index: an article, or in documents without 条 one unit or block.
#[derive(Clone, Debug)]
pub struct IndexedProvision {
    /// Address in the version.
    pub address: String,
    /// Marker as printed.
    pub label: String,
    /// Article number and 之-number.
    pub number: Option<(u32, u32)>,
    /// Headings above it: `第二章 义务 › 第一节 一般规定`.
    pub path: String,
    /// Own heading 条旨.
    pub heading: String,
    /// 款 with their 项, in reading order.
    pub paragraphs: Vec<String>,
    /// Id that the source gives it.
    pub source_id: Option<String>,
}

/// A change of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Number in the feed.
    pub seq: i64,
    /// The work that changed.
    pub work_id: WorkId,
}

/// A title under which a work can be found.
#[derive(Clone, Debug)]
pub struct WorkTitle {
    /// The work.
    pub work_id: Uuid,
    /// A title of one of its versions, the newest last.
    pub title: String,
    /// Document number of that version; empty when there is none.
    pub document_number: String,
    /// Level, canonical.
    pub level: String,
    /// 条 of that version.
    pub article_count: i64,
}

/// Changes after a position, in order.
pub async fn changes_since(db: &Db, seq: i64, limit: i64) -> Result<Vec<Change>> {
    let rows: Vec<(i64, String, Uuid)> =
        on_db!(db, pool => sqlx::query_as(CHANGES_SINCE).bind(seq).bind(limit).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(|(seq, _, id)| Change { seq, work_id: WorkId(id) }).collect())
}

/// Position of the newest change.
pub async fn last_change(db: &Db) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(LAST_CHANGE).fetch_one(pool).await).map_err(failed)
}

/// How many changes come after a position, and when the first of them was made.
pub async fn waiting_since(db: &Db, seq: i64) -> Result<(i64, Option<DateTime<Utc>>)> {
    let waiting = last_change(db).await? - seq;
    if waiting <= 0 {
        return Ok((waiting, None));
    }
    let at: Option<DateTime<Utc>> =
        on_db!(db, pool => sqlx::query_scalar(CHANGED_AT).bind(seq).fetch_optional(pool).await).map_err(failed)?;
    Ok((waiting, at))
}

/// Ids of works in a stable order, for building a whole index.
pub async fn works_after(db: &Db, after: Option<WorkId>, limit: i64) -> Result<Vec<WorkId>> {
    let ids: Vec<Uuid> =
        on_db!(db, pool => sqlx::query_scalar(WORKS_AFTER).bind(after).bind(limit).fetch_all(pool).await).map_err(failed)?;
    Ok(ids.into_iter().map(WorkId).collect())
}

/// Titles and document numbers of every version, for the catalogue of titles.
pub async fn list_titles(db: &Db) -> Result<Vec<WorkTitle>> {
    let rows: Vec<(Uuid, String, String, String, i64)> =
        on_db!(db, pool => sqlx::query_as(LIST_TITLES).fetch_all(pool).await).map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|(work_id, title, document_number, level, article_count)| WorkTitle { work_id, title, document_number, level, article_count })
        .collect())
}

/// All versions of a work as the index takes them in; empty when the work is gone.
pub async fn for_indexing(db: &Db, id: WorkId, today: NaiveDate) -> Result<Vec<IndexedDocument>> {
    let work = match get_work(db, id).await {
        Ok(work) => work,
        Err(e) if e.code == crate::error::Code::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let versions = list_versions(db, id, today).await?;
    let mut documents = Vec::with_capacity(versions.len());
    for version in versions {
        let provisions = list_provisions(db, version.id).await?;
        documents.push(indexed(&work, &version, &provisions));
    }
    Ok(documents)
}

fn indexed(work: &Work, version: &Version, provisions: &[StoredProvision]) -> IndexedDocument {
    IndexedDocument {
        work_id: work.id.0,
        version_id: version.id.0,
        title: version.title.clone(),
        aliases: Vec::new(),
        category: work.category.as_str().into(),
        level: work.level.as_str().into(),
        region: work.region.clone(),
        organ: if version.organ.is_empty() { work.organ.clone() } else { version.organ.clone() },
        document_number: version.document_number.clone(),
        adopted_on: version.adopted_on,
        promulgated_on: version.promulgated_on,
        effective_on: version.effective_on.or(version.dated_on),
        ended_on: version.ends_on,
        validity: version.validity,
        provisions: entries(provisions),
    }
}

/// Cuts a text into entries: articles with all below them, and units, blocks, attachments and tables that stand outside articles.
pub fn entries(provisions: &[StoredProvision]) -> Vec<IndexedProvision> {
    use ProvisionKind::*;
    // Index of the entry that each provision belongs to, by its place in the slice; ordinals equal places.
    let mut entry_of: Vec<Option<usize>> = vec![None; provisions.len()];
    let mut path_of: Vec<String> = vec![String::new(); provisions.len()];
    let mut found: Vec<IndexedProvision> = Vec::new();
    for (i, p) in provisions.iter().enumerate() {
        let parent = p.parent.and_then(|o| usize::try_from(o).ok()).filter(|o| *o < i);
        let above = parent.map(|o| path_of[o].clone()).unwrap_or_default();
        let own_title = format!("{} {}", p.label, p.heading).trim().to_owned();
        path_of[i] = if matches!(p.kind, Part | SubPart | Chapter | Section | Attachment) && !own_title.is_empty() {
            if above.is_empty() { own_title } else { format!("{above} › {own_title}") }
        } else {
            above
        };
        if matches!(p.kind, Title | TitleNote | Contents | Signature) {
            continue;
        }
        let inherited = parent.and_then(|o| entry_of[o]);
        let words = if p.kind == Article || inherited.is_none() { p.text.clone() } else { format!("{}{}{}", p.label, p.heading, p.text) };
        let starts_entry = match p.kind {
            Article => true,
            Part | SubPart | Chapter | Section => false,
            // What stands in no entry begins one of its own, so that nothing of the body is beyond search.
            _ => inherited.is_none(),
        };
        if starts_entry {
            entry_of[i] = Some(found.len());
            found.push(IndexedProvision {
                address: p.address.clone(),
                label: p.label.clone(),
                number: p.number.filter(|_| p.kind == Article).map(|n| (n.main, n.sub)),
                path: path_of[i].clone(),
                heading: p.heading.clone(),
                paragraphs: if words.is_empty() { Vec::new() } else { vec![words] },
                source_id: p.source_id.clone(),
            });
            continue;
        }
        entry_of[i] = inherited;
        if let Some(entry) = inherited.and_then(|e| found.get_mut(e)) {
            if words.is_empty() {
                continue;
            }
            match (p.kind, entry.paragraphs.last_mut()) {
                // 项 and 目 continue the 款 they belong to.
                (Item | SubItem, Some(last)) => {
                    last.push('\n');
                    last.push_str(&words);
                }
                _ => entry.paragraphs.push(words),
            }
        }
    }
    found.retain(|e| !e.paragraphs.is_empty() || !e.heading.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure::Number;

    fn node(
        ordinal: i64,
        parent: Option<i64>,
        kind: ProvisionKind,
        address: &str,
        label: &str,
        heading: &str,
        text: &str,
    ) -> StoredProvision {
        StoredProvision {
            ordinal,
            parent,
            kind,
            address: address.into(),
            label: label.into(),
            number: (kind == ProvisionKind::Article).then_some(Number { main: 1, sub: 0 }),
            heading: heading.into(),
            text: text.into(),
            source_id: None,
        }
    }

    #[test]
    fn an_article_is_one_entry_with_its_paragraphs_and_items() {
        use ProvisionKind::*;
        let nodes = [
            node(0, None, Title, "title", "", "示例条例", ""),
            node(1, None, Chapter, "chap-1", "第一章", "总则", ""),
            node(2, Some(1), Article, "art-1", "第一条", "", ""),
            node(3, Some(2), Paragraph, "art-1/para-1", "", "", "下列行为应当登记："),
            node(4, Some(3), Item, "art-1/para-1/item-1", "（一）", "", "养犬；"),
            node(5, Some(2), Paragraph, "art-1/para-2", "", "", "其他行为除外。"),
            node(6, None, Attachment, "att-1", "附件", "登记表", ""),
            node(7, Some(6), Text, "att-1/text-1", "", "", "姓名"),
        ];
        let entries = entries(&nodes);
        assert_eq!(entries.iter().map(|e| e.address.as_str()).collect::<Vec<_>>(), ["art-1", "att-1"]);
        assert_eq!(entries[0].paragraphs, ["下列行为应当登记：\n（一）养犬；", "其他行为除外。"]);
        assert_eq!(entries[0].path, "第一章 总则");
        assert_eq!(entries[1].paragraphs, ["姓名"]);
    }
}
