//! What staff do with groups: make one, confirm it, take it apart, add to it, merge two.
//!
//! Every act names the revision of the group that the person saw, so that two people do not undo each other. An opinion whose answer is public stays where it is.

use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::suggesting::{bump, settle};
use crate::accounts::{Actor, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::drafts;
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftId, DraftVersionId, IdSource, OpinionId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Most opinions that one act names.
pub const MOST_AT_ONCE: usize = 200;
/// Rows written with one statement.
const ROWS_PER_STATEMENT: usize = 4_000;

const DRAFT_OF: &str = "SELECT draft_id FROM opinion_group WHERE id = $1";
const FIND: &str = "SELECT draft_id, version_id, revision, state FROM opinion_group WHERE id = $1";
const FIND_OPINION: &str = "SELECT version_id, state FROM opinion WHERE id = $1 AND draft_id = $2";
const INSERT: &str =
    "INSERT INTO opinion_group (id, draft_id, version_id, representative_id, state, revision, created_by, created_at, updated_at)
    VALUES ($1, $2, $3, $4, 'confirmed', 1, $5, $6, $6)";
const CONFIRM: &str = "UPDATE opinion_group SET state = 'confirmed', revision = revision + 1, updated_at = $2 WHERE id = $1";
const LIST_MEMBERS: &str = "SELECT id, state = 'answered' FROM opinion WHERE group_id = $1 ORDER BY posted_at, id";
const MOVE: &str = "UPDATE opinion SET group_id = $2 WHERE id = $1 AND state <> 'answered'";
const LEAVE: &str = "UPDATE opinion SET group_id = NULL WHERE id = $1 AND state <> 'answered'";
const LEAVE_ALL: &str = "UPDATE opinion SET group_id = NULL WHERE group_id = $1 AND state <> 'answered'";
const MOVE_ALL: &str = "UPDATE opinion SET group_id = $2 WHERE group_id = $1 AND state <> 'answered'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[DRAFT_OF, FIND, FIND_OPINION, INSERT, CONFIRM, LIST_MEMBERS, MOVE, LEAVE, LEAVE_ALL, MOVE_ALL];

#[derive(FromRow)]
struct Row {
    draft_id: DraftId,
    version_id: DraftVersionId,
    revision: i64,
    state: String,
}

#[derive(FromRow)]
struct OpinionRow {
    version_id: DraftVersionId,
    state: String,
}

/// What changing works with.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Where groups are kept.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Ids.
    pub ids: &'a IdSource,
    /// Who does it.
    pub by: Actor<'a>,
}

/// Makes a confirmed group of two or more opinions on the same version, whatever their words. The id is made by the caller: the same id again is no change.
pub async fn create_group(desk: Desk<'_>, draft: DraftId, id: Uuid, opinions: &[OpinionId]) -> Result<()> {
    desk.by.require(Permission::PrepareFeedback)?;
    let opinions = checked(opinions)?;
    let [first, _, ..] = opinions.as_slice() else {
        return Err(Error::invalid("opinions", "同类意见至少包括两条，请再选择一条。"));
    };
    let mut tx = desk.db.begin().await?;
    drafts::lock_draft(&mut tx, desk.clock, draft).await?;
    if let Some(known) = find(&mut tx, id).await? {
        return if known.draft_id == draft {
            Ok(())
        } else {
            Err(Error::new(Code::KeyReused, "这个编号已用于另一组同类意见。"))
        };
    }
    let version = one_version(&mut tx, draft, &opinions, None).await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(draft).bind(version).bind(*first).bind(desk.by.account_id()).bind(desk.clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    for opinion in &opinions {
        on_tx!(&mut tx, c => sqlx::query(MOVE).bind(*opinion).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    }
    done(tx, desk, draft, id, &format!("made of {}", listed(&opinions))).await
}

/// Lets a suggested group stand. Confirming a confirmed one is no change.
pub async fn confirm_group(desk: Desk<'_>, group: Uuid, revision: i64) -> Result<()> {
    let (mut tx, row) = open(desk, group, None).await?;
    if row.state == "confirmed" {
        return Ok(());
    }
    same_revision(&row, revision)?;
    touch(&mut tx, desk, group).await?;
    done(tx, desk, row.draft_id, group, "confirmed").await
}

/// Takes opinions out of a group, for good: they are never suggested together with the rest again, though with each other. Without any named, the whole
/// group is taken apart, each member for itself.
pub async fn split_group(desk: Desk<'_>, group: Uuid, revision: i64, out: &[OpinionId]) -> Result<()> {
    let (mut tx, row) = open(desk, group, Some(revision)).await?;
    let (members, answered) = members(&mut tx, group).await?;
    if out.len() > MOST_AT_ONCE {
        return Err(too_many());
    }
    if out.iter().any(|opinion| !members.contains(opinion)) {
        return Err(Error::new(Code::Conflict, "所选的意见有的已经不在这组里，请刷新后再试。"));
    }
    if out.is_empty() && !answered.is_empty() {
        return Err(Error::new(Code::Conflict, "这组同类意见中有的已经公布采纳情况，不能再整组拆开。"));
    }
    if out.iter().any(|opinion| answered.contains(opinion)) {
        return Err(Error::new(Code::Conflict, "已经公布采纳情况的意见，不能再从同类意见中拆出。"));
    }
    let sides: Vec<(OpinionId, i64)> = if out.is_empty() {
        members.iter().copied().zip(0i64..).collect()
    } else {
        members.iter().map(|member| (*member, i64::from(!out.contains(member)))).collect()
    };
    let split = desk.ids.next();
    for chunk in sides.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut tx, c => {
            let mut insert = QueryBuilder::new("INSERT INTO opinion_split (split_id, draft_id, opinion_id, side) ");
            insert.push_values(chunk, |mut values, (opinion, side)| {
                values.push_bind(split).push_bind(row.draft_id).push_bind(*opinion).push_bind(*side);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    if out.is_empty() {
        on_tx!(&mut tx, c => sqlx::query(LEAVE_ALL).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    }
    for opinion in out {
        on_tx!(&mut tx, c => sqlx::query(LEAVE).bind(*opinion).execute(c).await.map(drop)).map_err(failed)?;
    }
    touch(&mut tx, desk, group).await?;
    let detail = if out.is_empty() { format!("taken apart, {}", members.len()) } else { format!("taken out {}", listed(out)) };
    done(tx, desk, row.draft_id, group, &detail).await
}

/// Puts opinions into a group, out of whatever group they were in; that confirms it.
pub async fn add_to_group(desk: Desk<'_>, group: Uuid, revision: i64, opinions: &[OpinionId]) -> Result<()> {
    let opinions = checked(opinions)?;
    let (mut tx, row) = open(desk, group, Some(revision)).await?;
    one_version(&mut tx, row.draft_id, &opinions, Some(row.version_id)).await?;
    for opinion in &opinions {
        on_tx!(&mut tx, c => sqlx::query(MOVE).bind(*opinion).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    }
    touch(&mut tx, desk, group).await?;
    done(tx, desk, row.draft_id, group, &format!("added {}", listed(&opinions))).await
}

/// Puts all members of another group of the same version into this one, which confirms it; the other is no more.
pub async fn merge_groups(desk: Desk<'_>, group: Uuid, revision: i64, other: Uuid) -> Result<()> {
    let (mut tx, row) = open(desk, group, Some(revision)).await?;
    let merged = find(&mut tx, other).await?.ok_or_else(|| Error::not_found("要并入的那组同类意见"))?;
    if other == group || merged.version_id != row.version_id {
        return Err(Error::invalid("other", "只能合并针对同一稿次的另一组同类意见。"));
    }
    let (_, answered) = members(&mut tx, other).await?;
    if !answered.is_empty() {
        return Err(Error::new(Code::Conflict, "要并入的那组同类意见中有的已经公布采纳情况，不能再合并。"));
    }
    on_tx!(&mut tx, c => sqlx::query(MOVE_ALL).bind(other).bind(group).execute(c).await.map(drop)).map_err(failed)?;
    touch(&mut tx, desk, group).await?;
    done(tx, desk, row.draft_id, group, &format!("merged with {other}")).await
}

/// Locks the draft of a group and reads the group; with a revision, refuses another one.
async fn open(desk: Desk<'_>, group: Uuid, revision: Option<i64>) -> Result<(Tx, Row)> {
    desk.by.require(Permission::PrepareFeedback)?;
    let absent = || Error::not_found("这组同类意见");
    let draft: Option<DraftId> =
        on_db!(desk.db, pool => sqlx::query_scalar(DRAFT_OF).bind(group).fetch_optional(pool).await).map_err(failed)?;
    let mut tx = desk.db.begin().await?;
    drafts::lock_draft(&mut tx, desk.clock, draft.ok_or_else(absent)?).await?;
    let row = find(&mut tx, group).await?.ok_or_else(absent)?;
    if let Some(revision) = revision {
        same_revision(&row, revision)?;
    }
    Ok((tx, row))
}

/// The members of a group, and those among them whose answer is public.
async fn members(tx: &mut Tx, group: Uuid) -> Result<(Vec<OpinionId>, Vec<OpinionId>)> {
    let rows: Vec<(OpinionId, bool)> =
        on_tx!(&mut *tx, c => sqlx::query_as(LIST_MEMBERS).bind(group).fetch_all(c).await).map_err(failed)?;
    let answered = rows.iter().filter(|(_, is_answered)| *is_answered).map(|(opinion, _)| *opinion).collect();
    Ok((rows.into_iter().map(|(opinion, _)| opinion).collect(), answered))
}

async fn find(tx: &mut Tx, group: Uuid) -> Result<Option<Row>> {
    on_tx!(&mut *tx, c => sqlx::query_as(FIND).bind(group).fetch_optional(c).await).map_err(failed)
}

fn same_revision(row: &Row, revision: i64) -> Result<()> {
    if row.revision == revision {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, "这组同类意见刚刚被其他工作人员调整过，请刷新、核对后再操作。"))
}

async fn touch(tx: &mut Tx, desk: Desk<'_>, group: Uuid) -> Result<()> {
    on_tx!(&mut *tx, c => sqlx::query(CONFIRM).bind(group).bind(desk.clock.now()).execute(c).await.map(drop)).map_err(failed)
}

/// Settles what follows from members that moved, writes the audit entry and commits.
async fn done(mut tx: Tx, desk: Desk<'_>, draft: DraftId, group: Uuid, detail: &str) -> Result<()> {
    settle(&mut tx, draft).await?;
    bump(&mut tx, draft).await?;
    let entry = NewEntry {
        account_id: desk.by.account_id(),
        act: Act::ChangeGroup,
        subject: "opinion_group",
        subject_id: Some(group),
        is_success: true,
        detail,
    };
    audit::append(&mut tx, desk.clock, entry).await?;
    tx.commit().await
}

/// The version that all the opinions speak of, which must be the given one when one is given.
async fn one_version(tx: &mut Tx, draft: DraftId, opinions: &[OpinionId], given: Option<DraftVersionId>) -> Result<DraftVersionId> {
    let mut version = given;
    for opinion in opinions {
        let row: Option<OpinionRow> =
            on_tx!(&mut *tx, c => sqlx::query_as(FIND_OPINION).bind(*opinion).bind(draft).fetch_optional(c).await).map_err(failed)?;
        let row = row.ok_or_else(|| Error::not_found("所选的意见"))?;
        if matches!(row.state.as_str(), "withdrawn" | "excluded" | "answered") {
            return Err(Error::new(Code::Conflict, "已撤回、不作反馈或者已经公布采纳情况的意见不能再归并，请取消选择。"));
        }
        if *version.get_or_insert(row.version_id) != row.version_id {
            return Err(Error::invalid("opinions", "只能归并针对同一稿次的意见。"));
        }
    }
    version.ok_or_else(|| Error::invalid("opinions", "请选择意见。"))
}

/// The opinions without repetitions, at least one and at most [`MOST_AT_ONCE`].
fn checked(opinions: &[OpinionId]) -> Result<Vec<OpinionId>> {
    let mut kept: Vec<OpinionId> = Vec::with_capacity(opinions.len().min(MOST_AT_ONCE));
    if opinions.len() > MOST_AT_ONCE {
        return Err(too_many());
    }
    for opinion in opinions {
        if !kept.contains(opinion) {
            kept.push(*opinion);
        }
    }
    if kept.is_empty() { Err(Error::invalid("opinions", "请选择意见。")) } else { Ok(kept) }
}

fn too_many() -> Error {
    Error::invalid("opinions", format!("一次最多选择 {MOST_AT_ONCE} 条意见，请分几次操作。"))
}

fn listed(opinions: &[OpinionId]) -> String {
    opinions.iter().map(OpinionId::to_string).collect::<Vec<_>>().join(" ")
}
