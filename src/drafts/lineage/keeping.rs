//! Storing a lineage with its version, and taking in what staff correct.
//!
//! Rows are computed from two texts that never change and from the corrections that stand, and written in the transaction that adds a version,
//! publishes one, or changes a correction; the caller has locked the draft. Corrections remain possible after publication: they say something about
//! two texts and change neither. Their history is kept.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, QueryBuilder};

use super::{ContinuationKind, Correction, Lineage, Relation, Text, relate};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{Draft, lock_draft, record};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, DraftVersionId, IdSource, LineageCorrectionId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

const BASE_OF_NEW: &str = "SELECT b.id FROM draft_version v JOIN draft_version b ON b.draft_id = v.draft_id AND b.number < v.number
    WHERE v.id = $1 ORDER BY CASE WHEN b.published_at IS NULL THEN 1 ELSE 0 END, b.number DESC LIMIT 1";
const BASE_OF_PUBLISHED: &str = "SELECT b.id FROM draft_version v JOIN draft_version b ON b.draft_id = v.draft_id AND b.number < v.number
    WHERE v.id = $1 AND b.published_at IS NOT NULL ORDER BY b.number DESC LIMIT 1";
const PAIRS_OF: &str = "SELECT from_version_id, to_version_id FROM lineage WHERE from_version_id = $1 OR to_version_id = $1
    ORDER BY from_version_id, to_version_id";
const FIND_PAIR: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM lineage WHERE from_version_id = $1 AND to_version_id = $2";
const INSERT_PAIR: &str = "INSERT INTO lineage (from_version_id, to_version_id, draft_id, related_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (from_version_id, to_version_id) DO UPDATE SET related_at = $4";
const CLEAR: &str = "DELETE FROM lineage_relation WHERE from_version_id = $1 AND to_version_id = $2";
const INSERT_RELATIONS: &str =
    "INSERT INTO lineage_relation (from_version_id, to_version_id, from_address, to_address, ordinal, kind, similarity, is_corrected) ";
const LIST_RELATIONS: &str = "SELECT ordinal, kind, from_address, to_address, similarity, is_corrected FROM lineage_relation
    WHERE from_version_id = $1 AND to_version_id = $2 ORDER BY ordinal, from_address, to_address";
const INSERT_CORRECTION: &str =
    "INSERT INTO lineage_correction (id, draft_id, from_version_id, to_version_id, kind, from_addresses, to_addresses, reason,
    corrected_by, corrected_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const STANDING: &str = "SELECT kind, from_addresses, to_addresses FROM lineage_correction
    WHERE from_version_id = $1 AND to_version_id = $2 AND withdrawn_at IS NULL ORDER BY corrected_at, id";
const LIST_CORRECTIONS: &str =
    "SELECT c.id, c.from_version_id, c.to_version_id, c.kind, c.from_addresses, c.to_addresses, c.reason, c.corrected_at, c.withdrawn_at,
    a.display_name AS corrected_by FROM lineage_correction c LEFT JOIN account a ON a.id = c.corrected_by
    WHERE c.draft_id = $1 AND (c.to_version_id = $2 OR $2 IS NULL) ORDER BY c.corrected_at DESC, c.id DESC LIMIT $3";
const FIND_CORRECTION: &str = "SELECT from_version_id, to_version_id, withdrawn_at FROM lineage_correction WHERE id = $1 AND draft_id = $2";
const COUNT_CHANGES: &str = "SELECT CAST(COUNT(*) + COUNT(withdrawn_at) AS BIGINT) FROM lineage_correction
    WHERE from_version_id = $1 AND to_version_id = $2";
const WITHDRAW: &str = "UPDATE lineage_correction SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1 AND withdrawn_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    BASE_OF_NEW,
    BASE_OF_PUBLISHED,
    PAIRS_OF,
    FIND_PAIR,
    INSERT_PAIR,
    CLEAR,
    LIST_RELATIONS,
    INSERT_CORRECTION,
    STANDING,
    LIST_CORRECTIONS,
    FIND_CORRECTION,
    COUNT_CHANGES,
    WITHDRAW,
];

/// Rows of one INSERT: eight columns stay below SQLite's 32,766 parameters.
const ROWS_PER_INSERT: usize = 500;
/// Longest reason of a correction, in characters.
const REASON_CHARACTERS: usize = 500;
/// Most provisions on either side of a correction.
pub const MOST_ADDRESSES: usize = 50;
/// Most corrections that a list shows.
const MOST_CORRECTIONS: i64 = 1_000;

/// A correction to be made.
#[derive(Clone, Debug)]
pub struct NewCorrection {
    /// What is right.
    pub says: Correction,
    /// Why; may be empty, at most 500 characters.
    pub reason: String,
    /// The [`revision`] that the person saw; `None` lets it stand whatever changed in the meantime.
    pub revision: Option<i64>,
}

/// A correction with its history.
#[derive(Clone, Debug)]
pub struct KeptCorrection {
    /// Id.
    pub id: LineageCorrectionId,
    /// The older version.
    pub from: DraftVersionId,
    /// The newer version.
    pub to: DraftVersionId,
    /// What was said.
    pub says: Correction,
    /// Why.
    pub reason: String,
    /// Name of who said so.
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// When it was taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// Kind, old addresses, new addresses.
type StandingRow = (String, Json<Vec<String>>, Json<Vec<String>>);

#[derive(FromRow)]
struct RelationRow {
    ordinal: i64,
    kind: String,
    from_address: String,
    to_address: String,
    similarity: i64,
    is_corrected: bool,
}

#[derive(FromRow)]
struct CorrectionRow {
    id: LineageCorrectionId,
    from_version_id: DraftVersionId,
    to_version_id: DraftVersionId,
    kind: String,
    from_addresses: Json<Vec<String>>,
    to_addresses: Json<Vec<String>>,
    reason: String,
    corrected_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    corrected_by: Option<String>,
}

/// Relates a version that was just added to the newest public one before it, or to the one before it.
pub(in crate::drafts) async fn relate_new(tx: &mut Tx, clock: &Clock, draft: DraftId, version: DraftVersionId) -> Result<()> {
    let base: Option<DraftVersionId> =
        on_tx!(tx, c => sqlx::query_scalar(BASE_OF_NEW).bind(version).fetch_optional(c).await).map_err(failed)?;
    match base {
        Some(base) => write(tx, clock, draft, base, version).await.map(drop),
        None => Ok(()),
    }
}

/// Relates a version that is being published to the newest public one before it, when that has not been done.
pub(in crate::drafts) async fn relate_published(tx: &mut Tx, clock: &Clock, draft: DraftId, version: DraftVersionId) -> Result<()> {
    let base: Option<DraftVersionId> =
        on_tx!(tx, c => sqlx::query_scalar(BASE_OF_PUBLISHED).bind(version).fetch_optional(c).await).map_err(failed)?;
    match base {
        Some(base) if !is_related(tx, base, version).await? => write(tx, clock, draft, base, version).await.map(drop),
        _ => Ok(()),
    }
}

/// Relates a version whose text was corrected before publication anew, to every version that it was related to. A correction of the lineage stands
/// where its addresses still exist.
pub(in crate::drafts) async fn relate_again(tx: &mut Tx, clock: &Clock, draft: DraftId, version: DraftVersionId) -> Result<()> {
    let pairs: Vec<(DraftVersionId, DraftVersionId)> =
        on_tx!(tx, c => sqlx::query_as(PAIRS_OF).bind(version).fetch_all(c).await).map_err(failed)?;
    for (from, to) in pairs {
        write(tx, clock, draft, from, to).await?;
    }
    Ok(())
}

async fn is_related(tx: &mut Tx, from: DraftVersionId, to: DraftVersionId) -> Result<bool> {
    let found: i64 = on_tx!(tx, c => sqlx::query_scalar(FIND_PAIR).bind(from).bind(to).fetch_one(c).await).map_err(failed)?;
    Ok(found > 0)
}

/// Computes the lineage of a pair with the corrections that stand, and writes it in the place of what was there.
async fn write(tx: &mut Tx, clock: &Clock, draft: DraftId, from: DraftVersionId, to: DraftVersionId) -> Result<Lineage> {
    let old = Text::from(versions::provisions_in(tx, from).await?);
    let new = Text::from(versions::provisions_in(tx, to).await?);
    let rows: Vec<StandingRow> = on_tx!(tx, c => sqlx::query_as(STANDING).bind(from).bind(to).fetch_all(c).await).map_err(failed)?;
    let corrections = rows
        .into_iter()
        .map(|(kind, old, new)| Ok(Correction { kind: ContinuationKind::stored(&kind)?, old: old.0, new: new.0 }))
        .collect::<Result<Vec<_>>>()?;
    let lineage = compute(old, new, corrections).await?;
    let Lineage { old, new, relations } = &lineage;
    let now = clock.now();
    on_tx!(tx, c => sqlx::query(INSERT_PAIR).bind(from).bind(to).bind(draft).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(CLEAR).bind(from).bind(to).execute(c).await.map(drop)).map_err(failed)?;
    let mut rows: Vec<(i64, &Relation, &str, &str)> = Vec::new();
    for (ordinal, relation) in (0i64..).zip(relations) {
        let olds: Vec<&str> = relation.old.iter().filter_map(|i| old.nodes().get(*i)).map(|n| n.address.as_str()).collect();
        let news: Vec<&str> = relation.new.iter().filter_map(|i| new.nodes().get(*i)).map(|n| n.address.as_str()).collect();
        let longest = olds.len().max(news.len());
        rows.extend((0..longest).map(|at| {
            // A split repeats its one old provision, a merger its one new one.
            let pick = |list: &[&'_ str]| -> usize { at.min(list.len().saturating_sub(1)) };
            (ordinal, relation, olds.get(pick(&olds)).copied().unwrap_or(""), news.get(pick(&news)).copied().unwrap_or(""))
        }));
    }
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        on_tx!(tx, c => {
            let mut insert = QueryBuilder::new(INSERT_RELATIONS);
            insert.push_values(chunk, |mut row, (ordinal, relation, old, new)| {
                row.push_bind(from).push_bind(to).push_bind(*old).push_bind(*new).push_bind(*ordinal).push_bind(relation.kind.as_str())
                    .push_bind(i64::from(relation.similarity)).push_bind(relation.is_corrected);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    Ok(lineage)
}

/// Relates two texts without holding up the other tasks of the process.
pub(super) async fn compute(old: Text, new: Text, corrections: Vec<Correction>) -> Result<Lineage> {
    tokio::task::spawn_blocking(move || {
        let relations = relate(&old, &new, &corrections);
        Lineage { old, new, relations }
    })
    .await
    .map_err(|e| Error::internal("relating two versions stopped", e))
}

/// How one version of a draft continues in another: as stored, with what staff corrected; computed where the pair was never stored. Whether the
/// caller may see both versions was decided when they were found.
pub async fn lineage_between(db: &Db, from: &DraftVersion, to: &DraftVersion) -> Result<Lineage> {
    let old = Text::from(versions::list_provisions(db, from).await?);
    let new = Text::from(versions::list_provisions(db, to).await?);
    let rows: Vec<RelationRow> =
        on_db!(db, pool => sqlx::query_as(LIST_RELATIONS).bind(from.id).bind(to.id).fetch_all(pool).await).map_err(failed)?;
    if rows.is_empty() {
        return compute(old, new, Vec::new()).await;
    }
    let mut relations: Vec<Relation> = Vec::new();
    let mut last = None;
    for row in rows {
        if last != Some(row.ordinal) {
            relations.push(Relation {
                kind: ContinuationKind::stored(&row.kind)?,
                old: Vec::new(),
                new: Vec::new(),
                similarity: u16::try_from(row.similarity).unwrap_or(0),
                is_corrected: row.is_corrected,
            });
            last = Some(row.ordinal);
        }
        let Some(relation) = relations.last_mut() else { continue };
        for (list, place) in [(&mut relation.old, old.find(&row.from_address)), (&mut relation.new, new.find(&row.to_address))] {
            if let Some(place) = place
                && !list.contains(&place)
            {
                list.push(place);
            }
        }
    }
    for relation in &mut relations {
        relation.old.sort_unstable();
        relation.new.sort_unstable();
    }
    Ok(Lineage { old, new, relations })
}

/// Grows with every change of a pair: a correction made or taken back, and a correction of either text. Whoever corrects may name the one they saw.
pub async fn revision(db: &Db, from: &DraftVersion, to: &DraftVersion) -> Result<i64> {
    let changes: i64 =
        on_db!(db, pool => sqlx::query_scalar(COUNT_CHANGES).bind(from.id).bind(to.id).fetch_one(pool).await).map_err(failed)?;
    Ok(changes + from.revision + to.revision)
}

/// Corrects how provisions of two versions of a draft continue; what else depends on it is computed anew. Saying again what already stands changes
/// nothing; what was changed since the named revision is [`Code::Conflict`].
pub async fn correct(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    draft: DraftId,
    pair: (DraftVersionId, DraftVersionId),
    new: NewCorrection,
) -> Result<()> {
    by.require(Permission::EditDrafts)?;
    let reason = new.reason.trim();
    if reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("更正说明不超过 {REASON_CHARACTERS} 个字。")));
    }
    let says = new.says;
    if says.old.len() > MOST_ADDRESSES || says.new.len() > MOST_ADDRESSES {
        return Err(Error::invalid("from", format!("一次更正每一侧不超过 {MOST_ADDRESSES} 个条文。")));
    }
    let id = LineageCorrectionId(ids.next());
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let (from, to) = pair;
    let (older, newer) = check(&mut tx, &draft, pair, &says).await?;
    let changes: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_CHANGES).bind(from).bind(to).fetch_one(c).await).map_err(failed)?;
    let now_at = changes + older.revision + newer.revision;
    let standing: Vec<StandingRow> =
        on_tx!(&mut tx, c => sqlx::query_as(STANDING).bind(from).bind(to).fetch_all(c).await).map_err(failed)?;
    let is_said = standing.last().is_some_and(|(kind, old, new)| kind == says.kind.as_str() && old.0 == says.old && new.0 == says.new);
    if is_said {
        return Ok(());
    }
    if new.revision.is_some_and(|seen| seen != now_at) {
        return Err(Error::new(Code::Conflict, "这两稿的条文或者沿革刚刚被别人改过，您的更正没有保存。请先看现在的内容，再改一次。"));
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT_CORRECTION)
        .bind(id).bind(draft.id).bind(from).bind(to).bind(says.kind.as_str()).bind(Json(&says.old)).bind(Json(&says.new)).bind(reason)
        .bind(by.account_id()).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    let lineage = write(&mut tx, clock, draft.id, from, to).await?;
    if !lineage.relations.iter().any(|relation| lineage.says(relation, &says)) {
        return Err(Error::invalid("from", "一次更正只能涉及同一级的条文：章对章、条对条；款、项要在它们所属的条已经对应之后再更正。"));
    }
    let detail = format!("{} {}→{}", says.kind.as_str(), says.old.join("+"), says.new.join("+"));
    record(&mut tx, clock, by, Act::CorrectLineage, draft.id, &detail).await?;
    tx.commit().await
}

/// Passes when a correction speaks of provisions that exist and beside each other, and its kind fits.
async fn check(
    tx: &mut Tx,
    draft: &Draft,
    (from, to): (DraftVersionId, DraftVersionId),
    says: &Correction,
) -> Result<(DraftVersion, DraftVersion)> {
    let older = versions::find_version_in(tx, draft.id, from)
        .await?
        .ok_or_else(|| Error::invalid("from_version_id", "这个稿次不属于这份草案。"))?;
    let newer =
        versions::find_version_in(tx, draft.id, to).await?.ok_or_else(|| Error::invalid("to_version_id", "这个稿次不属于这份草案。"))?;
    if older.number >= newer.number {
        return Err(Error::invalid("to_version_id", "沿革从较早的稿次到较晚的稿次，请调换两个稿次。"));
    }
    if !says.kind.fits(says.old.len(), says.new.len()) {
        return Err(Error::invalid(
            "kind",
            format!(
                "“{}”与所列条文的数目不符：拆分是一条变几条，合并是几条变一条，删除没有新条文，新增没有原条文，其余都是一条对一条。",
                says.kind.label()
            ),
        ));
    }
    let old = Text::from(versions::provisions_in(tx, from).await?);
    let new = Text::from(versions::provisions_in(tx, to).await?);
    for (text, addresses, field, side) in [(&old, &says.old, "from", "原稿"), (&new, &says.new, "to", "新稿")] {
        let mut places = Vec::new();
        for address in addresses {
            let place = text.find(address).ok_or_else(|| Error::invalid(field, format!("{side}中没有“{address}”，请核对条文。")))?;
            if places.contains(&place) {
                return Err(Error::invalid(field, format!("“{}”写了两遍，请去掉一个。", text.citation(place))));
            }
            places.push(place);
        }
    }
    let words = |text: &Text, addresses: &[String]| addresses.first().and_then(|a| text.find(a)).map(|i| super::own(text, i));
    if says.kind == ContinuationKind::Kept && words(&old, &says.old) != words(&new, &says.new) {
        return Err(Error::invalid("kind", "这两条的文字不同，不能标为“保留”，请选择“修改”。"));
    }
    Ok((older, newer))
}

/// Takes a correction back; the matcher's own answer, or an earlier correction, stands again. Taking it back twice changes nothing.
pub async fn withdraw_correction(db: &Db, clock: &Clock, by: Actor<'_>, draft: DraftId, id: LineageCorrectionId) -> Result<()> {
    by.require(Permission::EditDrafts)?;
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let found: Option<(DraftVersionId, DraftVersionId, Option<DateTime<Utc>>)> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND_CORRECTION).bind(id).bind(draft.id).fetch_optional(c).await).map_err(failed)?;
    let (from, to, withdrawn_at) = found.ok_or_else(|| Error::new(Code::NotFound, "没有找到这次更正，可能地址有误。"))?;
    if withdrawn_at.is_some() {
        return Ok(());
    }
    let account: Option<AccountId> = by.account_id();
    on_tx!(&mut tx, c => sqlx::query(WITHDRAW).bind(id).bind(account).bind(clock.now()).execute(c).await.map(drop)).map_err(failed)?;
    write(&mut tx, clock, draft.id, from, to).await?;
    record(&mut tx, clock, by, Act::WithdrawLineageCorrection, draft.id, &id.to_string()).await?;
    tx.commit().await
}

/// Corrections of a draft, the newest first, those that were taken back included; `to` narrows to one newer version. At most 1,000.
pub async fn list_corrections(db: &Db, by: Actor<'_>, draft: &Draft, to: Option<DraftVersionId>) -> Result<Vec<KeptCorrection>> {
    by.require(Permission::ReadUnpublishedDrafts)?;
    let rows: Vec<CorrectionRow> =
        on_db!(db, pool => sqlx::query_as(LIST_CORRECTIONS).bind(draft.id).bind(to).bind(MOST_CORRECTIONS).fetch_all(pool).await)
            .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            Ok(KeptCorrection {
                id: row.id,
                from: row.from_version_id,
                to: row.to_version_id,
                says: Correction { kind: ContinuationKind::stored(&row.kind)?, old: row.from_addresses.0, new: row.to_addresses.0 },
                reason: row.reason,
                by: row.corrected_by,
                at: row.corrected_at,
                withdrawn_at: row.withdrawn_at,
            })
        })
        .collect()
}
