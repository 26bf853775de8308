//! Looking for near-identical opinions among those that are in no group yet; staff may do it as often as they like.
//!
//! What staff decided is never undone: confirmed groups only grow, opinions that were taken apart stay apart, and an opinion moves out of a group by itself only when
//! its author changed its words since. The comparison runs beside the database; when groups were changed meanwhile, it is done again. One at a time compares the
//! opinions of a draft, on whichever instance, under a claim that ends with the work or falls silent with its worker.

use std::collections::HashMap;

use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::config::Rules;
use crate::drafts;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, DraftVersionId, IdSource, OpinionId};
use crate::opinions::grouping::{self, Loose, Side, Standing, Suggestions};
use crate::storage::leases;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What looking found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// New groups.
    pub groups: i64,
    /// Opinions in them.
    pub grouped: i64,
    /// Opinions that joined groups that were there.
    pub joined: i64,
}

const CLAIM: &str = "INSERT INTO grouping_work (draft_id, worker, heard_at) VALUES ($1, $2, $3)
    ON CONFLICT (draft_id) DO UPDATE SET worker = $2, heard_at = $3 WHERE grouping_work.heard_at < $4";
const HEAR: &str = "UPDATE grouping_work SET heard_at = $3 WHERE draft_id = $1 AND worker = $2";
const RELEASE: &str = "DELETE FROM grouping_work WHERE draft_id = $1 AND worker = $2";
const REVISION: &str = "SELECT grouping_revision FROM draft WHERE id = $1";
const BUMP: &str = "UPDATE draft SET grouping_revision = grouping_revision + 1 WHERE id = $1";
// Members whose author changed the words since, and all members of a suggestion whose representative did.
const RELEASE_CHANGED: &str = "UPDATE opinion SET group_id = NULL WHERE draft_id = $1 AND group_id IS NOT NULL
    AND state IN ('received', 'answer_prepared', 'answer_reviewed')
    AND EXISTS (SELECT 1 FROM opinion_group g JOIN opinion r ON r.id = g.representative_id WHERE g.id = opinion.group_id
    AND (opinion.updated_at > g.updated_at OR (g.state = 'suggested' AND (r.state = 'withdrawn' OR r.updated_at > g.updated_at))))";
const RELEASE_SINGLE: &str = "UPDATE opinion SET group_id = NULL WHERE draft_id = $1 AND group_id IN (SELECT g.id FROM opinion_group g
    WHERE g.draft_id = $1 AND g.state = 'suggested' AND (SELECT COUNT(*) FROM opinion o WHERE o.group_id = g.id AND o.state <> 'withdrawn') < 2)";
const DROP_EMPTY: &str =
    "DELETE FROM opinion_group WHERE draft_id = $1 AND NOT EXISTS (SELECT 1 FROM opinion o WHERE o.group_id = opinion_group.id)";
const RENEW_REPRESENTATIVE: &str = "UPDATE opinion_group SET representative_id =
    (SELECT o.id FROM opinion o WHERE o.group_id = opinion_group.id AND o.state <> 'withdrawn' ORDER BY o.posted_at, o.id LIMIT 1)
    WHERE draft_id = $1 AND EXISTS (SELECT 1 FROM opinion o WHERE o.group_id = opinion_group.id AND o.state <> 'withdrawn')
    AND NOT EXISTS (SELECT 1 FROM opinion r WHERE r.id = opinion_group.representative_id AND r.group_id = opinion_group.id AND r.state <> 'withdrawn')";
// The answer of a group belongs to its members: who left it waits for another.
const DROP_ANSWERS: &str = "DELETE FROM disposition WHERE published_at IS NULL AND group_id IS NOT NULL
    AND opinion_id IN (SELECT id FROM opinion WHERE draft_id = $1) AND EXISTS (SELECT 1 FROM opinion o
    WHERE o.id = disposition.opinion_id AND o.draft_id = $1 AND (o.group_id IS NULL OR o.group_id <> disposition.group_id))";
const RESET_STATES: &str = "UPDATE opinion SET state = 'received' WHERE draft_id = $1 AND state IN ('answer_prepared', 'answer_reviewed')
    AND NOT EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = opinion.id)";
const LIST_VERSIONS: &str = "SELECT DISTINCT version_id FROM opinion WHERE draft_id = $1 ORDER BY version_id";
const LIST_STANDING: &str =
    "SELECT g.id, r.address, r.stance, r.body, r.proposed_text FROM opinion_group g JOIN opinion r ON r.id = g.representative_id
    WHERE g.draft_id = $1 AND g.version_id = $2 ORDER BY g.id";
const LIST_LOOSE: &str =
    "SELECT id, address, stance, body, proposed_text FROM opinion WHERE draft_id = $1 AND version_id = $2 AND group_id IS NULL
    AND state IN ('received', 'answer_prepared', 'answer_reviewed') AND (id > $3 OR $3 IS NULL) ORDER BY id LIMIT $4";
const LIST_SPLITS: &str = "SELECT s.split_id, s.opinion_id, s.side, o.group_id FROM opinion_split s JOIN opinion o ON o.id = s.opinion_id
    WHERE s.draft_id = $1 ORDER BY s.split_id, s.opinion_id";
const TOUCH_JOINED: &str = "UPDATE opinion_group SET revision = revision + 1 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    CLAIM,
    HEAR,
    RELEASE,
    REVISION,
    BUMP,
    RELEASE_CHANGED,
    RELEASE_SINGLE,
    DROP_EMPTY,
    RENEW_REPRESENTATIVE,
    DROP_ANSWERS,
    RESET_STATES,
    LIST_VERSIONS,
    LIST_STANDING,
    LIST_LOOSE,
    LIST_SPLITS,
    TOUCH_JOINED,
];

/// Opinions read at a time.
const ROWS: i64 = 5_000;
/// Rows written with one statement: up to nine columns stay below SQLite's 32,766 parameters.
const ROWS_PER_STATEMENT: usize = 3_000;
/// How often the comparison is done again when groups are changed beside it.
const TRIES: usize = 4;

#[derive(FromRow)]
struct TextRow<I: Send + Unpin> {
    id: I,
    address: Option<String>,
    stance: String,
    body: String,
    proposed_text: String,
}

#[derive(FromRow)]
struct SplitRow {
    split_id: Uuid,
    opinion_id: OpinionId,
    side: i64,
    group_id: Option<Uuid>,
}

/// What was read of one version, and what is to be put together.
struct Plan {
    version: DraftVersionId,
    groups: Vec<Uuid>,
    opinions: Vec<OpinionId>,
    found: Suggestions,
}

/// Looks for near-identical opinions of a draft, within each of its versions, and writes what it found as suggestions. Doing it again changes nothing until opinions
/// come or change. What was begun is ended, also when whoever asked does not wait for it.
///
/// # Errors
/// [`Code::Conflict`] while somebody else looks, here or on another instance.
pub async fn suggest_groups(db: &Db, clock: &Clock, ids: &IdSource, rules: &Rules, by: Actor<'_>, draft: DraftId) -> Result<Found> {
    by.require(Permission::PrepareFeedback)?;
    let (worker, account, every) = (ids.next(), by.account_id(), leases::sign_of_life(rules));
    claim(db, clock, rules, draft, worker).await?;
    let (db, clock, ids) = (db.clone(), clock.clone(), ids.clone());
    let looking = tokio::spawn(async move {
        let found = leases::while_alive(look(&db, &clock, &ids, account, draft), every, || hear(&db, &clock, draft, worker)).await;
        if let Err(error) = release(&db, draft, worker).await {
            tracing::warn!(cause = error.cause_chain(), "a claim on the groups of a draft could not be ended; it falls silent");
        }
        found
    });
    looking.await.map_err(|e| Error::internal("looking for near-identical opinions broke off", e))?
}

/// Claims the groups of a draft, unless somebody works at them.
async fn claim(db: &Db, clock: &Clock, rules: &Rules, draft: DraftId, worker: Uuid) -> Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let claimed: u64 = on_tx!(&mut tx, c => sqlx::query(CLAIM)
        .bind(draft).bind(worker).bind(now).bind(leases::silent_before(rules, now)).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    if claimed == 0 {
        return Err(Error::new(Code::Conflict, "这份草案的同类意见正在归并，请稍候片刻再看结果。"));
    }
    Ok(())
}

/// Says that the work goes on; an error when somebody else took it over.
async fn hear(db: &Db, clock: &Clock, draft: DraftId, worker: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    let heard: u64 =
        on_tx!(&mut tx, c => sqlx::query(HEAR).bind(draft).bind(worker).bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    tx.commit().await?;
    if heard == 0 { Err(leases::overtaken()) } else { Ok(()) }
}

async fn release(db: &Db, draft: DraftId, worker: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(RELEASE).bind(draft).bind(worker).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}

/// Compares and writes what it found.
async fn look(db: &Db, clock: &Clock, ids: &IdSource, by: Option<AccountId>, draft: DraftId) -> Result<Found> {
    for _ in 0..TRIES {
        let revision = tidy(db, clock, draft).await?;
        let plans = compare(db, draft).await?;
        let mut tx = db.begin().await?;
        drafts::lock_draft(&mut tx, clock, draft).await?;
        let now: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(REVISION).bind(draft).fetch_one(c).await).map_err(failed)?;
        if now != revision {
            continue;
        }
        let mut found = Found::default();
        for plan in &plans {
            write(&mut tx, clock, ids, draft, plan, &mut found).await?;
        }
        if found != Found::default() {
            on_tx!(&mut tx, c => sqlx::query(BUMP).bind(draft).execute(c).await.map(drop)).map_err(failed)?;
        }
        let detail = format!("{} groups of {}, {} joined", found.groups, found.grouped, found.joined);
        let entry = NewEntry {
            account_id: by,
            act: Act::SuggestGroups,
            subject: "draft",
            subject_id: Some(draft.0),
            is_success: true,
            detail: &detail,
        };
        audit::append(&mut tx, clock, entry).await?;
        tx.commit().await?;
        return Ok(found);
    }
    Err(Error::new(Code::Conflict, "同类意见正在被其他工作人员调整，请稍后再查找。"))
}

/// Releases what no longer fits, and gives the revision of the groups of the draft.
async fn tidy(db: &Db, clock: &Clock, draft: DraftId) -> Result<i64> {
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    for statement in [RELEASE_CHANGED, RELEASE_SINGLE] {
        on_tx!(&mut tx, c => sqlx::query(statement).bind(draft).execute(c).await.map(drop)).map_err(failed)?;
    }
    settle(&mut tx, draft).await?;
    let revision: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(REVISION).bind(draft).fetch_one(c).await).map_err(failed)?;
    tx.commit().await?;
    Ok(revision)
}

/// After members moved: groups without any are removed, each has a representative among its members, and answers of groups stay with their members only.
pub(super) async fn settle(tx: &mut Tx, draft: DraftId) -> Result<()> {
    for statement in [DROP_EMPTY, RENEW_REPRESENTATIVE, DROP_ANSWERS, RESET_STATES] {
        on_tx!(&mut *tx, c => sqlx::query(statement).bind(draft).execute(c).await.map(drop)).map_err(failed)?;
    }
    Ok(())
}

/// Says that the groups of a draft were changed.
pub(super) async fn bump(tx: &mut Tx, draft: DraftId) -> Result<()> {
    on_tx!(&mut *tx, c => sqlx::query(BUMP).bind(draft).execute(c).await.map(drop)).map_err(failed)
}

async fn compare(db: &Db, draft: DraftId) -> Result<Vec<Plan>> {
    let versions: Vec<DraftVersionId> =
        on_db!(db, pool => sqlx::query_scalar(LIST_VERSIONS).bind(draft).fetch_all(pool).await).map_err(failed)?;
    let splits: Vec<SplitRow> = on_db!(db, pool => sqlx::query_as(LIST_SPLITS).bind(draft).fetch_all(pool).await).map_err(failed)?;
    let (of_opinion, of_group) = sides(&splits);
    let mut plans = Vec::with_capacity(versions.len());
    for version in versions {
        let mut places: HashMap<(Option<String>, String), u32> = HashMap::new();
        let mut place = |address: Option<String>, stance: String| {
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            *places.entry((address, stance)).or_insert(next)
        };
        let rows: Vec<TextRow<Uuid>> =
            on_db!(db, pool => sqlx::query_as(LIST_STANDING).bind(draft).bind(version).fetch_all(pool).await).map_err(failed)?;
        let groups: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let standing: Vec<Standing> = rows
            .into_iter()
            .map(|row| Standing {
                sides: of_group.get(&row.id).cloned().unwrap_or_default(),
                text: compared(&row.body, &row.proposed_text),
                place: place(row.address, row.stance),
            })
            .collect();
        let (mut opinions, mut loose) = (Vec::new(), Vec::new());
        loop {
            let after: Option<OpinionId> = opinions.last().copied();
            let rows: Vec<TextRow<OpinionId>> =
                on_db!(db, pool => sqlx::query_as(LIST_LOOSE).bind(draft).bind(version).bind(after).bind(ROWS).fetch_all(pool).await)
                    .map_err(failed)?;
            let is_last = i64::try_from(rows.len()).unwrap_or(ROWS) < ROWS;
            for row in rows {
                opinions.push(row.id);
                let sides = of_opinion.get(&row.id).cloned().unwrap_or_default();
                loose.push(Loose { text: compared(&row.body, &row.proposed_text), place: place(row.address, row.stance), sides });
            }
            if is_last {
                break;
            }
        }
        let found = tokio::task::spawn_blocking(move || grouping::suggest(&standing, &loose))
            .await
            .map_err(|e| Error::internal("looking for near-identical opinions stopped", e))?;
        plans.push(Plan { version, groups, opinions, found });
    }
    Ok(plans)
}

/// What an opinion asks for: its words and the wording it proposes. The reason may differ.
fn compared(body: &str, proposed: &str) -> String {
    if proposed.is_empty() { body.to_owned() } else { format!("{body}\n{proposed}") }
}

/// Where opinions and groups stand in splits.
fn sides(splits: &[SplitRow]) -> (HashMap<OpinionId, Vec<Side>>, HashMap<Uuid, Vec<Side>>) {
    let mut numbers: HashMap<Uuid, u32> = HashMap::new();
    let (mut of_opinion, mut of_group): (HashMap<OpinionId, Vec<Side>>, HashMap<Uuid, Vec<Side>>) = Default::default();
    for row in splits {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let side = Side { split: *numbers.entry(row.split_id).or_insert(next), side: u32::try_from(row.side).unwrap_or(u32::MAX) };
        of_opinion.entry(row.opinion_id).or_default().push(side);
        if let Some(group) = row.group_id {
            let list = of_group.entry(group).or_default();
            if !list.contains(&side) {
                list.push(side);
            }
        }
    }
    (of_opinion, of_group)
}

async fn write(tx: &mut Tx, clock: &Clock, ids: &IdSource, draft: DraftId, plan: &Plan, found: &mut Found) -> Result<()> {
    let now = clock.now();
    let mut moves: Vec<(OpinionId, Uuid)> = Vec::new();
    let mut groups: Vec<(Uuid, OpinionId)> = Vec::new();
    for (member, group) in &plan.found.joins {
        if let (Some(opinion), Some(group)) = (plan.opinions.get(*member), plan.groups.get(*group)) {
            moves.push((*opinion, *group));
            found.joined += 1;
        }
    }
    let mut touched: Vec<Uuid> = moves.iter().map(|(_, group)| *group).collect();
    touched.sort_unstable();
    touched.dedup();
    for members in &plan.found.groups {
        let members: Vec<OpinionId> = members.iter().filter_map(|member| plan.opinions.get(*member).copied()).collect();
        let Some(first) = members.first() else { continue };
        let group = ids.next();
        groups.push((group, *first));
        found.groups += 1;
        found.grouped += i64::try_from(members.len()).unwrap_or(0);
        moves.extend(members.into_iter().map(|member| (member, group)));
    }
    for chunk in groups.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = QueryBuilder::new("INSERT INTO opinion_group (id, draft_id, version_id, representative_id, state, revision, created_at, updated_at) ");
            insert.push_values(chunk, |mut row, (group, first)| {
                row.push_bind(*group).push_bind(draft).push_bind(plan.version).push_bind(*first).push_bind("suggested").push_bind(1i64)
                    .push_bind(now).push_bind(now);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    put_members(tx, &moves).await?;
    for group in touched {
        on_tx!(&mut *tx, c => sqlx::query(TOUCH_JOINED).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    }
    Ok(())
}

/// Puts opinions that are in no group into groups.
async fn put_members(tx: &mut Tx, moves: &[(OpinionId, Uuid)]) -> Result<()> {
    for chunk in moves.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut update = QueryBuilder::new("UPDATE opinion SET group_id = m.column2 FROM (");
            update.push_values(chunk, |mut row, (opinion, group)| {
                row.push_bind(*opinion).push_bind(*group);
            });
            update.push(") AS m WHERE opinion.id = m.column1 AND opinion.group_id IS NULL AND opinion.state <> 'withdrawn'");
            update.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    Ok(())
}
