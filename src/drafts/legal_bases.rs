//! 上位法依据: the provisions of higher law that a draft, or one of its provisions, rests on.
//!
//! A basis points to a version of the corpus, the one in force when it was named, and to an address in it; its words are read from there whenever it is
//! shown. A new version of the draft takes over the bases of the one before wherever the words they hang on are still there.

use chrono::NaiveDate;
use sqlx::FromRow;

use super::versions::{self, DraftProvision, DraftVersion, citation_of};
use super::{DraftKind, lock_draft, record};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::corpus::classification::{Level, Validity};
use crate::corpus::reading;
use crate::corpus::structure::{Provision, ProvisionKind, Structure};
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftId, DraftVersionId, IdSource, LegalBasisId, VersionId, WorkId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Most bases of one version.
const BASES: usize = 300;
/// Words of a basis that are shown, in characters.
const TEXT_CHARACTERS: usize = 4_000;

/// A basis with its words.
#[derive(Clone, Debug)]
pub struct LegalBasis {
    /// Id.
    pub id: LegalBasisId,
    /// Address in the draft; empty for the draft as a whole.
    pub provision: String,
    /// The work it points to.
    pub work_id: WorkId,
    /// The version it points to.
    pub version_id: VersionId,
    /// Title of that version.
    pub title: String,
    /// Address there; empty for the document as a whole.
    pub address: String,
    /// As cited, e.g. 第八十二条第一款; empty for the document as a whole.
    pub label: String,
    /// Its words, a line for each paragraph and item; empty for the document as a whole.
    pub text: String,
}

impl LegalBasis {
    /// The place in the library where it can be read.
    pub fn path(&self) -> String {
        let place = if self.address.is_empty() { String::new() } else { format!("#{}", self.address) };
        format!("/laws/{}/{}{place}", self.work_id, self.version_id)
    }
}

/// A basis to be named.
#[derive(Clone, Debug)]
pub struct NewLegalBasis {
    /// Address in the draft; empty for the draft as a whole.
    pub provision: String,
    /// The work it points to.
    pub work_id: WorkId,
    /// Place there as a citation gives it, e.g. `art-82/item-3`; empty for the document as a whole.
    pub place: String,
}

/// A place of the corpus that a citation leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Work.
    pub work_id: WorkId,
    /// Version that stands on the day.
    pub version_id: VersionId,
    /// Its title.
    pub title: String,
    /// Address in it; empty for the document as a whole.
    pub address: String,
    /// As cited.
    pub label: String,
    /// Its words.
    pub text: String,
}

/// How a document ranks beside a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It prevails over the draft.
    Higher,
    /// Neither prevails, or nobody said what it is.
    Beside,
    /// It is of the level that the draft will have.
    Same,
    /// The draft will prevail over it.
    Lower,
}

impl Rank {
    /// The rank of a level beside a draft of a kind.
    pub fn of(level: Level, kind: DraftKind) -> Rank {
        // What a city makes: a level that prevails over it prevails over what a province makes, but for the province's own.
        let own = match kind {
            DraftKind::LocalRegulation => Level::MunicipalRegulation,
            DraftKind::GovernmentRule => Level::MunicipalRule,
            DraftKind::NormativeDocument => Level::NormativeDocument,
        };
        if level == own {
            Rank::Same
        } else if level.prevails_over(own) {
            Rank::Higher
        } else if own.prevails_over(level) {
            Rank::Lower
        } else {
            Rank::Beside
        }
    }
}

/// A place that may be named as a basis, with what a drafter has to know before.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The place.
    pub located: Located,
    /// Whether it binds on the day.
    pub validity: Validity,
    /// The level of its document.
    pub level: Level,
    /// How that ranks beside the draft.
    pub rank: Rank,
}

#[derive(FromRow)]
struct BasisRow {
    id: LegalBasisId,
    address: String,
    work_id: WorkId,
    work_version_id: VersionId,
    title: String,
    basis_address: String,
    label: String,
}

const INSERT: &str =
    "INSERT INTO legal_basis (id, version_id, address, work_id, work_version_id, basis_address, label, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (version_id, address, work_id, basis_address) DO NOTHING";
const LIST: &str = "SELECT b.id, b.address, b.work_id, b.work_version_id, v.title, b.basis_address, b.label
    FROM legal_basis b JOIN corpus_version v ON v.id = b.work_version_id WHERE b.version_id = $1 ORDER BY b.created_at, b.id";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM legal_basis WHERE version_id = $1";
const REMOVE: &str = "DELETE FROM legal_basis WHERE id = $1 AND version_id = $2";
const MOVE: &str = "UPDATE legal_basis SET address = $2 WHERE id = $1";
const BEFORE: &str = "SELECT id FROM draft_version WHERE draft_id = $1 AND id <> $2 ORDER BY number DESC LIMIT 1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, COUNT, REMOVE, MOVE, BEFORE];

/// All bases of a version: those of the draft as a whole first, then in the order of naming. The version was found for the same viewer.
pub async fn list_for_version(db: &Db, version: DraftVersionId) -> Result<Vec<LegalBasis>> {
    let rows: Vec<BasisRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(version).fetch_all(pool).await).map_err(failed)?;
    read_words(db, rows).await
}

/// How many bases a version has.
pub async fn count_for_version(db: &Db, version: DraftVersionId) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT).bind(version).fetch_one(pool).await).map_err(failed)
}

/// The bases of one provision: what hangs on it, on what it stands in, and on what stands in it. Without those of the draft as a whole.
pub async fn list_for_provision(db: &Db, version: DraftVersionId, address: &str) -> Result<Vec<LegalBasis>> {
    let rows: Vec<BasisRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(version).fetch_all(pool).await).map_err(failed)?;
    let rows =
        rows.into_iter().filter(|row| !row.address.is_empty() && (is_within(&row.address, address) || is_within(address, &row.address)));
    read_words(db, rows.collect()).await
}

fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn read_words(db: &Db, rows: Vec<BasisRow>) -> Result<Vec<LegalBasis>> {
    let mut bases = Vec::with_capacity(rows.len());
    for row in rows {
        let text = words_at(db, row.work_version_id, &row.basis_address).await?;
        bases.push(LegalBasis {
            id: row.id,
            provision: row.address,
            work_id: row.work_id,
            version_id: row.work_version_id,
            title: row.title,
            address: row.basis_address,
            label: row.label,
            text,
        });
    }
    bases.sort_by_key(|basis| !basis.provision.is_empty());
    Ok(bases)
}

async fn words_at(db: &Db, version: VersionId, address: &str) -> Result<String> {
    if address.is_empty() {
        return Ok(String::new());
    }
    let provisions = reading::list_provisions_under(db, version, address).await?;
    let mut text = String::new();
    for p in provisions {
        // An article's number begins the line of its first paragraph.
        let is_first_line = text.is_empty() || text.ends_with('　');
        let own = format!("{}{}{}", p.label, p.heading, p.text);
        if own.is_empty() {
            continue;
        }
        if !is_first_line {
            text.push('\n');
        }
        text.push_str(&own);
        if p.kind == ProvisionKind::Article && p.text.is_empty() {
            text.push('　');
        }
    }
    Ok(text.trim_end_matches('　').chars().take(TEXT_CHARACTERS).collect())
}

/// Where a place of a work is in the version that stands on a day; `None` when the work or the place is not in the corpus.
pub async fn locate(db: &Db, day: NaiveDate, work: WorkId, place: &str) -> Result<Option<Located>> {
    let versions = reading::list_versions(db, work, day).await?;
    let Some(version) = reading::version_on(&versions, day) else { return Ok(None) };
    let made = |address: &str, label: String, text| Located {
        work_id: work,
        version_id: version.id,
        title: version.title.clone(),
        address: address.to_owned(),
        label,
        text,
    };
    if place.is_empty() {
        return Ok(Some(made("", String::new(), String::new())));
    }
    let provisions = reading::list_provisions(db, version.id).await?;
    // 第三条第二项 of an article whose items stand in one of several paragraphs; 第二章 of a text with parts.
    let (head, last) = place.rsplit_once('/').unwrap_or(("", place));
    let fits = |address: &str| {
        address == place
            || address.ends_with(&format!("/{place}"))
            || (!head.is_empty() && address.starts_with(&format!("{head}/")) && address.ends_with(&format!("/{last}")))
    };
    let exact = provisions.iter().find(|p| p.address == place);
    let Some(found) = exact.or_else(|| provisions.iter().find(|p| fits(&p.address))) else { return Ok(None) };
    let article = found.address.split('/').next().unwrap_or_default();
    let has_second = provisions.iter().any(|p| p.address == format!("{article}/para-2"));
    let label = citation_of(&found.address, &found.label, has_second);
    let text = words_at(db, version.id, &found.address).await?;
    Ok(Some(made(&found.address, label, text)))
}

/// Places as they are offered to a draft of a kind: what is in force and higher first, what binds no more last, else in the order given.
pub async fn offer(db: &Db, day: NaiveDate, kind: DraftKind, places: Vec<Located>) -> Result<Vec<Offered>> {
    let mut offered = Vec::with_capacity(places.len());
    for located in places {
        let level = reading::get_work(db, located.work_id).await?.level;
        let versions = reading::list_versions(db, located.work_id, day).await?;
        let validity = versions.iter().find(|v| v.id == located.version_id).map_or(Validity::Unknown, |v| v.validity);
        offered.push(Offered { located, validity, level, rank: Rank::of(level, kind) });
    }
    let binds = |validity: Validity| match validity {
        Validity::InForce => 0,
        Validity::NotYetInForce | Validity::AmendingDecision | Validity::Unknown => 1,
        Validity::Amended | Validity::Repealed | Validity::Lapsed => 2,
    };
    offered.sort_by_key(|place| (binds(place.validity), place.rank));
    Ok(offered)
}

/// Names a basis of a version, in the form in which the law stands today; the same one twice is one. Gives all bases of the version.
pub async fn add_basis(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    new: NewLegalBasis,
) -> Result<Vec<LegalBasis>> {
    by.require(Permission::EditDrafts)?;
    let held = versions::find_version(db, draft, version).await?.ok_or_else(|| Error::not_found("这个稿次"))?;
    let located = locate(db, clock.today(), new.work_id, &new.place).await?;
    let located = located.ok_or_else(|| Error::invalid("citation", "法规库里没有这部法规或者这一条，请检查名称和条号。"))?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    if !new.provision.is_empty() {
        let (provisions, _) = versions::text_in(&mut tx, version).await?;
        if !provisions.iter().any(|p| p.address == new.provision) {
            return Err(Error::invalid("provision", "这个稿次里没有这一条，请重新选择。"));
        }
    }
    let known: Vec<BasisRow> = on_tx!(&mut tx, c => sqlx::query_as(LIST).bind(version).fetch_all(c).await).map_err(failed)?;
    let is_known =
        known.iter().any(|row| row.address == new.provision && row.work_id == located.work_id && row.basis_address == located.address);
    if !is_known {
        if known.len() >= BASES {
            return Err(Error::new(Code::Conflict, format!("一个稿次最多 {BASES} 项依据。")));
        }
        insert(&mut tx, clock, ids, by, version, &new.provision, &located).await?;
        let detail = format!("{} {} {}", held.number, located.work_id, located.address);
        record(&mut tx, clock, by, Act::AddLegalBasis, draft, &detail).await?;
        tx.commit().await?;
    }
    list_for_version(db, version).await
}

async fn insert(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    version: DraftVersionId,
    provision: &str,
    at: &Located,
) -> Result<()> {
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(LegalBasisId(ids.next())).bind(version).bind(provision).bind(at.work_id).bind(at.version_id).bind(&at.address).bind(&at.label)
        .bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)
}

/// Takes a basis off a version; one that is not there stays away.
pub async fn remove_basis(db: &Db, clock: &Clock, by: Actor<'_>, draft: DraftId, version: DraftVersionId, id: LegalBasisId) -> Result<()> {
    by.require(Permission::EditDrafts)?;
    let held = versions::find_version(db, draft, version).await?.ok_or_else(|| Error::not_found("这个稿次"))?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let removed = on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(id).bind(version).execute(c).await.map(|done| done.rows_affected()))
        .map_err(failed)?;
    if removed > 0 {
        record(&mut tx, clock, by, Act::RemoveLegalBasis, draft, &format!("{} {id}", held.number)).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Lets the bases of a version follow a correction: `moved` says where an address is now. A provision that bases hang on cannot be removed.
pub(super) async fn follow_correction(tx: &mut Tx, version: DraftVersionId, moved: impl Fn(&str) -> Option<String>) -> Result<()> {
    let rows: Vec<BasisRow> = on_tx!(tx, c => sqlx::query_as(LIST).bind(version).fetch_all(c).await).map_err(failed)?;
    let mut changed = Vec::new();
    for row in rows.iter().filter(|row| !row.address.is_empty()) {
        let Some(address) = moved(&row.address) else {
            let sentence = format!("这一行挂有上位法依据（《{}》{}），请先移除依据，再删除这一行。", row.title, row.label);
            return Err(Error::new(Code::Conflict, sentence));
        };
        if address != row.address {
            changed.push((row, address));
        }
    }
    // Aside first: on the way one may stand where another was.
    for (row, _) in &changed {
        let aside = format!("moving {}", row.id);
        on_tx!(tx, c => sqlx::query(MOVE).bind(row.id).bind(&aside).execute(c).await.map(drop)).map_err(failed)?;
    }
    let mut taken: Vec<(String, WorkId, String)> = rows
        .iter()
        .filter(|row| changed.iter().all(|(other, _)| other.id != row.id))
        .map(|row| (row.address.clone(), row.work_id, row.basis_address.clone()))
        .collect();
    for (row, address) in changed {
        let place = (address, row.work_id, row.basis_address.clone());
        if taken.contains(&place) {
            // Two provisions became one, and both rested on the same words.
            on_tx!(tx, c => sqlx::query(REMOVE).bind(row.id).bind(version).execute(c).await.map(drop)).map_err(failed)?;
        } else {
            on_tx!(tx, c => sqlx::query(MOVE).bind(row.id).bind(&place.0).execute(c).await.map(drop)).map_err(failed)?;
            taken.push(place);
        }
    }
    Ok(())
}

/// Takes over the bases of the newest version before, wherever the words they hang on are in the new text, once and no more.
pub(super) async fn carry_over(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    draft: DraftId,
    version: DraftVersionId,
    text: &Structure,
) -> Result<()> {
    let before: Option<DraftVersionId> =
        on_tx!(tx, c => sqlx::query_scalar(BEFORE).bind(draft).bind(version).fetch_optional(c).await).map_err(failed)?;
    let Some(before) = before else { return Ok(()) };
    let rows: Vec<BasisRow> = on_tx!(tx, c => sqlx::query_as(LIST).bind(before).fetch_all(c).await).map_err(failed)?;
    if rows.is_empty() {
        return Ok(());
    }
    let (old, _) = versions::text_in(tx, before).await?;
    let old: Vec<Provision> = old.iter().map(DraftProvision::to_provision).collect();
    for row in rows {
        let address = if row.address.is_empty() { Some(String::new()) } else { same_words(&old, &row.address, &text.provisions) };
        let Some(address) = address else { continue };
        let at = Located {
            work_id: row.work_id,
            version_id: row.work_version_id,
            title: row.title,
            address: row.basis_address,
            label: row.label,
            text: String::new(),
        };
        insert(tx, clock, ids, Actor::System, version, &address, &at).await?;
    }
    Ok(())
}

/// Words of a provision with all below it; its own number does not count, so that a renumbered article is known again.
fn words_of(provisions: &[Provision], at: usize) -> String {
    let Some(root) = provisions.get(at) else { return String::new() };
    let mut words = format!("{}{}", root.heading, root.text);
    for p in provisions.iter().skip(at + 1).take_while(|p| is_within(&p.address, &root.address)) {
        words.push_str(&p.label);
        words.push_str(&p.heading);
        words.push_str(&p.text);
    }
    words
}

/// The address in a new text at which the words of an old provision stand: the same one, or the only other.
fn same_words(old: &[Provision], address: &str, new: &[Provision]) -> Option<String> {
    let at = old.iter().position(|p| p.address == address)?;
    let (kind, words) = (old.get(at)?.kind, words_of(old, at));
    let alike: Vec<&Provision> =
        new.iter().enumerate().filter(|(i, p)| p.kind == kind && words_of(new, *i) == words).map(|(_, p)| p).collect();
    match alike.as_slice() {
        [only] => Some(only.address.clone()),
        several => several.iter().find(|p| p.address == address).map(|p| p.address.clone()),
    }
}

/// Provisions that a basis can hang on, as (address, citation): chapters, articles, paragraphs and items, in reading order.
pub fn places(provisions: &[DraftProvision]) -> Vec<(String, String)> {
    use ProvisionKind::*;
    let has_second = |address: &str| {
        let article = address.split('/').next().unwrap_or_default();
        provisions.iter().any(|p| p.address == format!("{article}/para-2"))
    };
    let named = provisions.iter().filter(|p| matches!(p.kind, Part | SubPart | Chapter | Section | Article | Heading));
    named.map(|p| (p.address.clone(), citation_of(&p.address, &p.label, has_second(&p.address)))).collect()
}

/// How a provision of a draft is cited; the address itself when the version has it no more.
pub fn cited(version: &DraftVersion, provisions: &[DraftProvision], address: &str) -> String {
    if address.is_empty() {
        return format!("《{}》全文", version.title);
    }
    let article = address.split('/').next().unwrap_or_default();
    let has_second = provisions.iter().any(|p| p.address == format!("{article}/para-2"));
    let label = provisions.iter().find(|p| p.address == address).map_or("", |p| p.label.as_str());
    citation_of(address, label, has_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure::parse;

    #[test]
    fn a_renumbered_article_is_known_again() {
        let old = parse("示例办法\n第一条 为了方便市民。\n第二条 经营者应当：\n（一）干净；\n（二）完好。\n第三条 依法经营。\n");
        let new = parse(
            "示例办法\n第一条 为了方便市民。\n第二条 新增一条。\n第三条 经营者应当：\n（一）干净；\n（二）完好。\n第四条 依法诚信经营。\n",
        );
        let found = |address| same_words(&old.provisions, address, &new.provisions);
        assert_eq!(found("art-1").as_deref(), Some("art-1"));
        assert_eq!(found("art-2").as_deref(), Some("art-3"));
        assert_eq!(found("art-2/para-1/item-2").as_deref(), Some("art-3/para-1/item-2"));
        assert_eq!(found("art-3"), None);
        assert_eq!(found("art-9"), None);
    }

    #[test]
    fn what_ranks_above_a_draft() {
        let rank = |level| Rank::of(level, DraftKind::GovernmentRule);
        assert_eq!([Level::Law, Level::ProvincialRegulation, Level::MunicipalRegulation].map(rank), [Rank::Higher; 3]);
        assert_eq!(rank(Level::MunicipalRule), Rank::Same);
        assert_eq!(rank(Level::NormativeDocument), Rank::Lower);
        assert_eq!([Level::DepartmentalRule, Level::JudicialInterpretation, Level::Other].map(rank), [Rank::Beside; 3]);
        assert_eq!(Rank::of(Level::MunicipalRule, DraftKind::NormativeDocument), Rank::Higher);
        assert_eq!(Rank::of(Level::MunicipalRule, DraftKind::LocalRegulation), Rank::Lower);
    }

    #[test]
    fn places_within_places() {
        assert!(is_within("art-1/para-2", "art-1") && is_within("art-1", "art-1"));
        assert!(!is_within("art-10", "art-1") && !is_within("art-1", "art-1/para-2"));
    }
}
