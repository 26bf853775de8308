//! 稿次: the texts of a draft. Until it is published a text may be corrected (`corrections.rs`); from then on a correction is a new version, and the
//! database refuses to change one.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, QueryBuilder};

use super::{Draft, DraftState, Viewer, explanations, legal_bases, lineage, lock_draft, record, refused};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
pub use crate::corpus::structure::ProvisionKind;
use crate::corpus::structure::typed::{self, TypedLine};
use crate::corpus::structure::{self, Number, Provision, Structure};
use crate::documents::{self, Limits};
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftId, DraftVersionId, IdSource};
use crate::storage::blobs::Blobs;
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// The column that names the originals of texts.
pub const ORIGINALS: ContentColumn = ContentColumn { table: "draft_version", column: "blob_hash", shelf: "" };

/// A text to be added to a draft.
#[derive(Clone, Debug)]
pub struct NewVersionFile {
    /// The id that it shall have, when the same upload may come twice; the second finds the version of the first.
    pub id: Option<DraftVersionId>,
    /// Name of the file.
    pub name: String,
    /// Its bytes, in any format that [`documents::read`] knows.
    pub bytes: Vec<u8>,
    /// 草案说明: necessity, main measures, how differing opinions were reconciled. May be empty until the text is published.
    pub explanation: String,
}

impl NewVersionFile {
    /// A text that was pasted instead of uploaded.
    pub fn pasted(text: String, explanation: String) -> NewVersionFile {
        NewVersionFile { id: None, name: "粘贴的文本.txt".into(), bytes: text.into_bytes(), explanation }
    }
}

/// A version, without its text.
#[derive(Clone, Debug, FromRow)]
pub struct DraftVersion {
    /// Id.
    pub id: DraftVersionId,
    /// Its draft.
    pub draft_id: DraftId,
    /// From 1, in the order of adding.
    pub number: i64,
    /// Title as the text has it.
    pub title: String,
    /// 草案说明
    pub explanation: String,
    /// Name of the file it came from.
    pub source_name: String,
    /// The original, by content hash.
    pub blob_hash: String,
    /// Number of 条.
    pub article_count: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
    /// Since when it is public.
    pub published_at: Option<DateTime<Utc>>,
    /// Corrections of the text so far.
    pub revision: i64,
    /// Changes of the explanation so far.
    pub explanation_revision: i64,
}

/// A node of a version's text.
#[derive(Clone, Debug)]
pub struct DraftProvision {
    /// Place in reading order, from 0.
    pub ordinal: i64,
    /// Ordinal of the node it belongs to.
    pub parent: Option<i64>,
    /// Kind.
    pub kind: ProvisionKind,
    /// Address, e.g. `art-15/para-1/item-4`.
    pub address: String,
    /// Marker as printed.
    pub label: String,
    /// Number and 之-number.
    pub number: Option<Number>,
    /// Heading of a chapter, or 条旨.
    pub heading: String,
    /// Own words.
    pub text: String,
}

impl DraftProvision {
    /// The same node as the structure parser knows it; place and depth are not kept.
    pub fn to_provision(&self) -> Provision {
        Provision {
            kind: self.kind,
            address: self.address.clone(),
            label: self.label.clone(),
            number: self.number,
            heading: self.heading.clone(),
            text: self.text.clone(),
            parent: self.parent.and_then(|at| usize::try_from(at).ok()),
            depth: 0,
            line: 0,
        }
    }
}

/// What the parser was not sure of.
#[derive(Clone, Debug, FromRow)]
pub struct DraftDiagnostic {
    /// Its number.
    pub code: String,
    /// Line of the text as it is corrected, from 1; 0 when it is not known.
    pub line: i64,
    /// What was found.
    pub detail: String,
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
}

impl ProvisionRow {
    fn into_provision(self) -> DraftProvision {
        let number = |n: i64| u32::try_from(n).unwrap_or(0);
        DraftProvision {
            ordinal: self.ordinal,
            parent: self.parent_ordinal,
            kind: self.kind.parse().unwrap_or(ProvisionKind::Text),
            address: self.address,
            label: self.label,
            number: self.number_main.map(|main| Number { main: number(main), sub: number(self.number_sub.unwrap_or(0)) }),
            heading: self.heading,
            text: self.body,
        }
    }
}

const NEXT_NUMBER: &str = "SELECT CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT) FROM draft_version WHERE draft_id = $1";
const INSERT: &str =
    "INSERT INTO draft_version (id, draft_id, number, title, explanation, source_name, blob_hash, article_count, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const INSERT_PROVISIONS: &str =
    "INSERT INTO draft_provision (version_id, ordinal, parent_ordinal, kind, address, label, number_main, number_sub, heading, body) ";
const INSERT_DIAGNOSTICS: &str = "INSERT INTO draft_diagnostic (version_id, ordinal, code, line, detail) ";
const LIST: &str =
    "SELECT id, draft_id, number, title, explanation, source_name, blob_hash, article_count, created_at, published_at, revision, explanation_revision FROM draft_version
    WHERE draft_id = $1 AND ($2 OR published_at IS NOT NULL) ORDER BY number";
const FIND: &str =
    "SELECT id, draft_id, number, title, explanation, source_name, blob_hash, article_count, created_at, published_at, revision, explanation_revision FROM draft_version
    WHERE id = $1 AND draft_id = $2";
const NEWEST: &str = "SELECT id FROM draft_version WHERE draft_id = $1 ORDER BY number DESC LIMIT 1";
const PUBLISH: &str = "UPDATE draft_version SET published_at = $2 WHERE id = $1 AND published_at IS NULL";
const LIST_PROVISIONS: &str =
    "SELECT ordinal, parent_ordinal, kind, address, label, number_main, number_sub, heading, body FROM draft_provision
    WHERE version_id = $1 ORDER BY ordinal";
const REMOVE_PROVISIONS: &str = "DELETE FROM draft_provision WHERE version_id = $1";
const REMOVE_DIAGNOSTICS: &str = "DELETE FROM draft_diagnostic WHERE version_id = $1";
const LIST_DIAGNOSTICS: &str = "SELECT code, line, detail FROM draft_diagnostic WHERE version_id = $1 ORDER BY ordinal";
const FIND_ADDRESS: &str = "SELECT kind, label FROM draft_provision WHERE version_id = $1 AND address = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    NEXT_NUMBER,
    INSERT,
    LIST,
    FIND,
    NEWEST,
    PUBLISH,
    LIST_PROVISIONS,
    LIST_DIAGNOSTICS,
    FIND_ADDRESS,
    REMOVE_PROVISIONS,
    REMOVE_DIAGNOSTICS,
];

/// Rows of one INSERT: ten columns stay below SQLite's 32,766 parameters.
const ROWS_PER_INSERT: usize = 500;

/// Reads a file, takes its text apart and adds it to a draft as a new version; the file itself is kept.
/// Fails as [`documents::read`] does, and with [`Code::UnreadableFile`] when no text is found.
pub async fn add_version(
    db: &Db,
    blobs: &Blobs,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    file: NewVersionFile,
) -> Result<DraftVersion> {
    by.require(Permission::EditDrafts)?;
    let explanation = explanations::checked(&file.explanation)?;
    let name = base_name(&file.name);
    if let Some(id) = file.id
        && let Some(known) = find_version(db, draft, id).await?
    {
        return Ok(known);
    }
    let (name, bytes, read) = tokio::task::spawn_blocking(move || {
        let read = read_text(&name, &file.bytes);
        (name, file.bytes, read)
    })
    .await
    .map_err(|e| Error::internal("reading a draft stopped", e))?;
    let (title, text) = read?;
    let hash = blobs.put(bytes).await?;

    let id = file.id.unwrap_or_else(|| DraftVersionId(ids.next()));
    let mut tx = db.begin().await?;
    let owner = lock_draft(&mut tx, clock, draft).await?;
    if owner.state == DraftState::Promulgated {
        return Err(refused(owner.state, "再录入稿次"));
    }
    // Its twin may have been quicker while this one read the file.
    let twin: Option<DraftVersion> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(c).await).map_err(failed)?;
    if let Some(twin) = twin {
        return Ok(twin);
    }
    let number: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(NEXT_NUMBER).bind(draft).fetch_one(c).await).map_err(failed)?;
    let title = if title.is_empty() { &owner.title } else { &title };
    let articles = text.provisions.iter().filter(|p| p.kind == ProvisionKind::Article).count();
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(draft).bind(number).bind(title).bind(&explanation).bind(&name).bind(hash.as_str())
        .bind(i64::try_from(articles).unwrap_or(i64::MAX)).bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    write_text(&mut tx, id, &text).await?;
    legal_bases::carry_over(&mut tx, clock, ids, draft, id, &text).await?;
    lineage::keeping::relate_new(&mut tx, clock, draft, id).await?;
    record(&mut tx, clock, by, Act::AddDraftVersion, draft, &number.to_string()).await?;
    tx.commit().await?;
    find_version(db, draft, id).await?.ok_or_else(|| Error::defect("a version vanished after it was written"))
}

/// Title and structure of a file.
fn read_text(name: &str, bytes: &[u8]) -> Result<(String, Structure)> {
    let document = documents::read(name, bytes, &Limits::default())?;
    let (text, _) = document.full_text();
    let parsed = structure::parse(&text);
    if !has_words(&parsed) {
        return Err(Error::new(Code::UnreadableFile, "文件中没有读到草案正文，请检查文件内容。"));
    }
    let title = if document.title.is_empty() {
        parsed.provisions.iter().find(|p| p.kind == ProvisionKind::Title).map(|p| p.text.clone()).unwrap_or_default()
    } else {
        document.title
    };
    // What is kept is what the lines that staff correct give, so that a correction changes nothing but what it says.
    let lines = typed::lines_of(&parsed.provisions);
    let notes = typed::reading_notes(&parsed, &lines);
    let lines: Vec<TypedLine> = lines.into_iter().map(|(line, _)| line).collect();
    let mut structure = typed::build(&lines);
    structure.diagnostics.extend(notes);
    structure.diagnostics.sort_by_key(|d| d.line);
    Ok((title.trim().to_owned(), structure))
}

/// Whether a text says anything but its title.
pub(super) fn has_words(structure: &Structure) -> bool {
    structure.provisions.iter().any(|p| {
        let is_apart = matches!(p.kind, ProvisionKind::Title | ProvisionKind::TitleNote | ProvisionKind::Contents);
        let is_empty = p.text.is_empty() && p.heading.is_empty();
        !is_apart && !is_empty
    })
}

/// The last part of a path, at most 200 characters.
fn base_name(name: &str) -> String {
    let last: String = name.rsplit(['/', '\\']).next().unwrap_or(name).chars().filter(|c| !c.is_control()).collect();
    let extension_kept: String = last.trim().chars().rev().take(200).collect();
    if extension_kept.is_empty() { "未命名".into() } else { extension_kept.chars().rev().collect() }
}

async fn write_text(tx: &mut Tx, id: DraftVersionId, text: &Structure) -> Result<()> {
    let numbered: Vec<_> = (0i64..).zip(&text.provisions).collect();
    for chunk in numbered.chunks(ROWS_PER_INSERT) {
        on_tx!(tx, c => {
            let mut insert = QueryBuilder::new(INSERT_PROVISIONS);
            insert.push_values(chunk, |mut row, (ordinal, p)| {
                row.push_bind(id).push_bind(*ordinal).push_bind(p.parent.and_then(|i| i64::try_from(i).ok())).push_bind(p.kind.as_str())
                    .push_bind(&p.address).push_bind(&p.label).push_bind(p.number.map(|n| i64::from(n.main)))
                    .push_bind(p.number.map(|n| i64::from(n.sub))).push_bind(&p.heading).push_bind(&p.text);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    let numbered: Vec<_> = (0i64..).zip(&text.diagnostics).collect();
    for chunk in numbered.chunks(ROWS_PER_INSERT) {
        on_tx!(tx, c => {
            let mut insert = QueryBuilder::new(INSERT_DIAGNOSTICS);
            insert.push_values(chunk, |mut row, (ordinal, d)| {
                row.push_bind(id).push_bind(*ordinal).push_bind(d.code.as_str()).push_bind(i64::from(d.line)).push_bind(&d.detail);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    Ok(())
}

/// Versions of a draft that the viewer may see, the earliest first. The draft itself was found for the same viewer.
pub async fn list_versions(db: &Db, viewer: Viewer<'_>, draft: &Draft) -> Result<Vec<DraftVersion>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(draft.id).bind(viewer.sees_unpublished()).fetch_all(pool).await).map_err(failed)
}

/// A version; "not found" also when it is not public and the viewer may not see it.
pub async fn get_version(db: &Db, viewer: Viewer<'_>, draft: &Draft, id: DraftVersionId) -> Result<DraftVersion> {
    let version = find_version(db, draft.id, id).await?;
    version.filter(|v| v.published_at.is_some() || viewer.sees_unpublished()).ok_or_else(|| Error::not_found("这个稿次"))
}

/// Finds a version of a draft.
pub(super) async fn find_version(db: &Db, draft: DraftId, id: DraftVersionId) -> Result<Option<DraftVersion>> {
    on_db!(db, pool => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(pool).await).map_err(failed)
}

/// A version of a draft, inside a transaction.
pub(super) async fn find_version_in(tx: &mut Tx, draft: DraftId, id: DraftVersionId) -> Result<Option<DraftVersion>> {
    on_tx!(tx, c => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(c).await).map_err(failed)
}

/// The text of a version, in reading order, inside a transaction.
pub(super) async fn provisions_in(tx: &mut Tx, version: DraftVersionId) -> Result<Vec<DraftProvision>> {
    let rows: Vec<ProvisionRow> = on_tx!(tx, c => sqlx::query_as(LIST_PROVISIONS).bind(version).fetch_all(c).await).map_err(failed)?;
    Ok(rows.into_iter().map(ProvisionRow::into_provision).collect())
}

/// The text of a version, in reading order.
pub async fn list_provisions(db: &Db, version: &DraftVersion) -> Result<Vec<DraftProvision>> {
    provisions_of(db, version.id).await
}

/// The same by its id, for those who know that the version is public.
pub(super) async fn provisions_of(db: &Db, version: DraftVersionId) -> Result<Vec<DraftProvision>> {
    let rows: Vec<ProvisionRow> =
        on_db!(db, pool => sqlx::query_as(LIST_PROVISIONS).bind(version).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(ProvisionRow::into_provision).collect())
}

/// What the parser was not sure of in a version; for staff.
pub async fn list_diagnostics(db: &Db, version: &DraftVersion) -> Result<Vec<DraftDiagnostic>> {
    on_db!(db, pool => sqlx::query_as(LIST_DIAGNOSTICS).bind(version.id).fetch_all(pool).await).map_err(failed)
}

/// A version that is not published, inside a transaction that holds the draft's row.
pub(super) async fn unpublished_version(tx: &mut Tx, draft: DraftId, id: DraftVersionId) -> Result<DraftVersion> {
    let version: Option<DraftVersion> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(c).await).map_err(failed)?;
    let version = version.ok_or_else(|| Error::not_found("这个稿次"))?;
    if version.published_at.is_some() {
        return Err(Error::new(Code::Conflict, "这个稿次已经公布，内容不能再改；需要改动时请录入新的稿次。"));
    }
    Ok(version)
}

/// The text of a version and what the parser was not sure of, inside a transaction.
pub(super) async fn text_in(tx: &mut Tx, id: DraftVersionId) -> Result<(Vec<DraftProvision>, Vec<DraftDiagnostic>)> {
    let rows: Vec<ProvisionRow> = on_tx!(tx, c => sqlx::query_as(LIST_PROVISIONS).bind(id).fetch_all(c).await).map_err(failed)?;
    let diagnostics = on_tx!(tx, c => sqlx::query_as(LIST_DIAGNOSTICS).bind(id).fetch_all(c).await).map_err(failed)?;
    Ok((rows.into_iter().map(ProvisionRow::into_provision).collect(), diagnostics))
}

/// Puts another text in the place of a version's; the database refuses it once the version is published.
pub(super) async fn replace_text(tx: &mut Tx, id: DraftVersionId, text: &Structure) -> Result<()> {
    on_tx!(tx, c => sqlx::query(REMOVE_PROVISIONS).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(REMOVE_DIAGNOSTICS).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    write_text(tx, id, text).await
}

/// The version of a draft that a new round is about: the one named, or the newest. Inside a transaction.
pub(super) async fn version_for_round(tx: &mut Tx, draft: DraftId, named: Option<DraftVersionId>) -> Result<DraftVersion> {
    let id = match named {
        Some(id) => Some(id),
        None => on_tx!(tx, c => sqlx::query_scalar(NEWEST).bind(draft).fetch_optional(c).await).map_err(failed)?,
    };
    let Some(id) = id else { return Err(Error::new(Code::Conflict, "这份草案还没有稿次，请先录入草案文本。")) };
    find_version_in(tx, draft, id).await?.ok_or_else(|| Error::invalid("version_id", "这个稿次不属于这份草案。"))
}

/// Makes a version public and final; one that is public already stays as it is. The caller holds the draft's row and has checked the right to do so.
pub async fn publish_version(tx: &mut Tx, clock: &Clock, draft: DraftId, id: DraftVersionId) -> Result<()> {
    let now = clock.now();
    on_tx!(tx, c => sqlx::query(PUBLISH).bind(id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    lineage::keeping::relate_published(tx, clock, draft, id).await
}

/// How a provision of a version is cited, e.g. 第十五条第四项; `None` when the address does not exist or is no place for an opinion.
pub async fn cite_address(tx: &mut Tx, version: DraftVersionId, address: &str) -> Result<Option<String>> {
    let find = async |tx: &mut Tx, address: &str| -> Result<Option<(String, String)>> {
        on_tx!(tx, c => sqlx::query_as(FIND_ADDRESS).bind(version).bind(address).fetch_optional(c).await).map_err(failed)
    };
    let Some((kind, label)) = find(tx, address).await? else { return Ok(None) };
    if matches!(kind.parse(), Ok(ProvisionKind::Contents)) {
        return Ok(None);
    }
    // An article with a single 款 is cited without 第一款.
    let article = address.split('/').next().unwrap_or(address);
    let has_second_paragraph = find(tx, &format!("{article}/para-2")).await?.is_some();
    Ok(Some(citation_of(address, &label, has_second_paragraph)))
}

/// A citation built from an address; parts that are not 条款项目 keep their printed label, or name their kind.
pub fn citation_of(address: &str, label: &str, has_second_paragraph: bool) -> String {
    let chinese =
        |text: &str| text.split('~').next().and_then(|n| n.parse().ok()).map(crate::corpus::numerals::to_chinese).unwrap_or_default();
    let mut cited = String::new();
    for segment in address.split('/') {
        let (kind, number) = match segment.split('~').next() {
            // The one kind whose name has a hyphen of its own.
            Some(kind @ "title-note") => (kind, ""),
            _ => segment.split_once('-').unwrap_or((segment, "")),
        };
        match kind {
            "att" => cited.push_str("附件"),
            "art" => {
                let (main, sub) = number.split_once('-').unwrap_or((number, ""));
                cited.push_str(&format!("第{}条", chinese(main)));
                if !sub.is_empty() {
                    cited.push_str(&format!("之{}", chinese(sub)));
                }
            }
            "para" if has_second_paragraph || !address.starts_with("art-") => cited.push_str(&format!("第{}款", chinese(number))),
            "para" => {}
            "item" => cited.push_str(&format!("第{}项", chinese(number))),
            "sub" => cited.push_str(&format!("第{}目", chinese(number))),
            "part" => cited.push_str(&format!("第{}编", chinese(number))),
            "subpart" => cited.push_str(&format!("第{}分编", chinese(number))),
            "chap" => cited.push_str(&format!("第{}章", chinese(number))),
            "sec" => cited.push_str(&format!("第{}节", chinese(number))),
            "title" => cited.push_str("标题"),
            "title-note" => cited.push_str("题注"),
            "preamble" => cited.push_str("序言"),
            _ => {}
        }
    }
    match (cited.is_empty(), label.is_empty()) {
        (false, _) => cited,
        (true, false) => label.to_owned(),
        (true, true) => "正文".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cited_as_lawyers_do() {
        for (address, label, many, expected) in [
            ("art-15", "第十五条", false, "第十五条"),
            ("art-15/para-1/item-4", "（四）", false, "第十五条第四项"),
            ("art-15/para-2", "", true, "第十五条第二款"),
            ("art-15/para-1", "", false, "第十五条"),
            ("art-20-1/para-2/item-3/sub-1", "1.", true, "第二十条之一第二款第三项第一目"),
            ("art-103~2", "第一百零三条", false, "第一百零三条"),
            ("chap-3/sec-1", "第一节", false, "第三章第一节"),
            ("h-1/h-2", "（二）", false, "（二）"),
            ("att-1/para-2", "", false, "附件第二款"),
            ("text-7", "", false, "正文"),
            ("title", "", false, "标题"),
            ("title-note", "", false, "题注"),
            ("att-1/title-note~2", "", false, "附件题注"),
        ] {
            assert_eq!(citation_of(address, label, many), expected, "{address}");
        }
    }

    #[test]
    fn names_of_files_lose_their_folders() {
        assert_eq!(base_name("C:\\草案\\办法.docx"), "办法.docx");
        assert_eq!(base_name("../../etc/passwd"), "passwd");
        assert_eq!(base_name(" "), "未命名");
        assert_eq!(base_name("办法\0\r\n.docx"), "办法.docx");
        assert!(base_name(&format!("{}.docx", "长".repeat(900))).ends_with(".docx"));
    }
}
