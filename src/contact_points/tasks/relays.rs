//! 转发: a county organ passes a task of the bureau on to points of its own. What it reaches is bounded by its organ in every statement, as a point's is by the point.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::changing::hold_collecting;
use super::days::check_due;
use super::{Task, assign, find_task, record};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::contact_points::assignments::{Assignment, AssignmentRow, select_assignments};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, AssignmentId, Clock, CollectionTaskId, ContactPointId, IdSource, OrganId};
use crate::notifications::{self, Event};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// A task that a county organ is asked to pass on.
#[derive(Clone, Debug, FromRow)]
pub struct Relay {
    /// Id.
    pub id: Uuid,
    /// The task.
    pub task_id: CollectionTaskId,
    /// Its title.
    pub task_title: String,
    /// The draft.
    pub draft_title: String,
    /// First instant that is too late, as the task was sent.
    pub due_at: DateTime<Utc>,
    /// Whether the task goes on, canonical name.
    pub task_state: String,
    /// The organ.
    pub organ_id: OrganId,
    /// Its name.
    pub organ_name: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// What the organ adds for its points; may be empty.
    pub note: String,
    /// When it was first passed on; `None` = it waits.
    pub passed_on_at: Option<DateTime<Utc>>,
    /// To how many points.
    pub points: i64,
}

impl Relay {
    /// The last day in time, as the task was sent.
    pub fn due_on(&self) -> NaiveDate {
        calendar::last_day_before(self.due_at)
    }
}

/// How a task is passed on.
#[derive(Clone, Debug)]
pub struct PassingOn {
    /// Points of the organ.
    pub points: Vec<ContactPointId>,
    /// An earlier due date for them; `None` = that of the task.
    pub due_on: Option<NaiveDate>,
    /// What the organ adds; empty leaves what is there.
    pub note: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.task_id, t.title AS task_title, d.title AS draft_title, t.due_at, t.state AS task_state, r.organ_id, o.name AS organ_name,
            r.sent_at, r.note, r.passed_on_at, (SELECT CAST(COUNT(*) AS BIGINT) FROM collection_assignment a WHERE a.relay_id = r.id) AS points
            FROM collection_relay r JOIN collection_task t ON t.id = r.task_id JOIN organ o ON o.id = r.organ_id
            JOIN consultation c ON c.id = t.consultation_id JOIN draft d ON d.id = c.draft_id ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO collection_relay (id, task_id, organ_id, sent_at) VALUES ($1, $2, $3, $4) ON CONFLICT (task_id, organ_id) DO NOTHING";
const ORGAN_EXISTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM organ WHERE id = $1 AND tier = 'county'";
const STAFF_OF_ORGAN: &str = "SELECT id FROM account WHERE organ_id = $1 AND role = 'county_staff' AND is_active ORDER BY id";
const FIND_OWN: &str = select!("WHERE r.id = $1 AND r.organ_id = $2");
const LIST_OWN: &str =
    select!("WHERE r.organ_id = $1 AND ((r.sent_at, r.id) < ($2, $3) OR $2 IS NULL) ORDER BY r.sent_at DESC, r.id DESC LIMIT $4");
const COUNT_WAITING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM collection_relay r JOIN collection_task t ON t.id = r.task_id
    WHERE r.organ_id = $1 AND r.passed_on_at IS NULL AND t.state = 'open' AND t.due_at > $2";
const LIST_OF_TASK: &str = select!("WHERE r.task_id = $1 ORDER BY o.region, o.name, r.id");
const OWN_POINT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM contact_point WHERE id = $1 AND organ_id = $2 AND status = 'open'";
const PASS_ON: &str = "UPDATE collection_relay SET passed_on_at = COALESCE(passed_on_at, $3), passed_on_by = COALESCE(passed_on_by, $4),
    note = CASE WHEN $5 = '' THEN note ELSE $5 END WHERE id = $1 AND organ_id = $2";
const ASSIGNMENTS: &str = select_assignments!(
    "WHERE a.relay_id = $1 AND ((p.region, p.name, a.id) > ($2, $3, $4) OR $2 IS NULL) ORDER BY p.region, p.name, a.id LIMIT $5"
);

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[INSERT, ORGAN_EXISTS, STAFF_OF_ORGAN, FIND_OWN, LIST_OWN, COUNT_WAITING, LIST_OF_TASK, OWN_POINT, PASS_ON, ASSIGNMENTS];

/// Longest note, in characters.
pub const NOTE_CHARACTERS: usize = 2_000;
/// Most organs that one task is sent to.
pub const MOST_ORGANS: usize = 100;

/// The organ that a member of county staff works for; never taken from a request.
fn own_organ(caller: &Caller) -> Result<OrganId> {
    caller.require(Permission::PassOnTasks)?;
    caller.organ.ok_or_else(|| Error::new(Code::NotFound, "您的账号还没有关联到县区司法局，请联系市司法局的管理员。"))
}

/// Asks a county organ to pass a task on, and tells its staff; an organ that was asked already is not asked again.
pub(super) async fn ask(tx: &mut Tx, clock: &Clock, ids: &IdSource, task: CollectionTaskId, title: &str, organ: OrganId) -> Result<()> {
    let known: i64 = on_tx!(&mut *tx, c => sqlx::query_scalar(ORGAN_EXISTS).bind(organ).fetch_one(c).await).map_err(failed)?;
    if known == 0 {
        return Err(Error::invalid("organs", "选择的县区司法局不存在，请刷新页面后重新选择。"));
    }
    let id = ids.next();
    let made: u64 = on_tx!(&mut *tx, c => sqlx::query(INSERT)
        .bind(id).bind(task).bind(organ).bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if made == 0 {
        return Ok(());
    }
    let staff: Vec<AccountId> = on_tx!(&mut *tx, c => sqlx::query_scalar(STAFF_OF_ORGAN).bind(organ).fetch_all(c).await).map_err(failed)?;
    let told: Vec<_> = staff.into_iter().map(|to| (to, id, format!("“{title}”"))).collect();
    notifications::announce_all(tx, clock, ids, Event::TaskToPassOn, &told).await
}

/// What was asked of the caller's own organ, the newest first.
pub async fn list_own(db: &Db, caller: &Caller, cursor: Option<&str>, limit: usize) -> Result<Page<Relay>> {
    let organ = own_organ(caller)?;
    let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Relay> =
        on_db!(db, pool => sqlx::query_as(LIST_OWN).bind(organ).bind(at).bind(id).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.sent_at, row.id)))
}

/// How many tasks wait for the caller's own organ to pass them on, and still can be.
pub async fn count_waiting(db: &Db, clock: &Clock, caller: &Caller) -> Result<i64> {
    let organ = own_organ(caller)?;
    on_db!(db, pool => sqlx::query_scalar(COUNT_WAITING).bind(organ).bind(clock.now()).fetch_one(pool).await).map_err(failed)
}

/// What was asked of the caller's own organ, with its task; "not found" for another's.
pub async fn get_own(db: &Db, caller: &Caller, id: Uuid) -> Result<(Relay, Task)> {
    let organ = own_organ(caller)?;
    let relay: Option<Relay> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(id).bind(organ).fetch_optional(pool).await).map_err(failed)?;
    let relay = relay.ok_or_else(|| Error::not_found("这项征集任务"))?;
    let task = find_task(db, relay.task_id).await?;
    Ok((relay, task))
}

/// The organs that were asked to pass a task on, for the bureau. A city has some ten; the list has no pages.
pub async fn list_of_task(db: &Db, caller: &Caller, task: CollectionTaskId) -> Result<Vec<Relay>> {
    caller.require(Permission::ReadCollectionTasks)?;
    on_db!(db, pool => sqlx::query_as(LIST_OF_TASK).bind(task).fetch_all(pool).await).map_err(failed)
}

/// What points of the caller's own organ do for a task that it passed on, by region and name.
pub async fn list_assignments(db: &Db, caller: &Caller, relay: &Relay, cursor: Option<&str>, limit: usize) -> Result<Page<Assignment>> {
    if own_organ(caller)? != relay.organ_id {
        return Err(Error::not_found("这项征集任务"));
    }
    let after: Option<(String, String, AssignmentId)> = cursor.map(decode_cursor).transpose()?;
    let (region, name, id) = after.map_or((None, None, None), |(region, name, id)| (Some(region), Some(name), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<AssignmentRow> = on_db!(db, pool => sqlx::query_as(ASSIGNMENTS)
        .bind(relay.id).bind(&region).bind(&name).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.point_region.clone(), row.point_name.clone(), row.id));
    let items = page.items.into_iter().map(AssignmentRow::into_assignment).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next })
}

/// Passes a task on to points of the caller's own organ; those that have it already keep what they have.
///
/// # Errors
/// [`Code::Invalid`] for a point that is not the organ's or a due date after that of the task, [`Code::Conflict`] for a task that was called off
/// or whose round does not collect any more.
pub async fn pass_on(db: &Db, clock: &Clock, ids: &IdSource, caller: &Caller, id: Uuid, new: PassingOn) -> Result<Relay> {
    let organ = own_organ(caller)?;
    let (relay, task) = get_own(db, caller, id).await?;
    let note = new.note.trim();
    if note.chars().count() > NOTE_CHARACTERS {
        return Err(Error::invalid("note", format!("补充要求不超过 {NOTE_CHARACTERS} 个字。")));
    }
    if new.points.is_empty() || new.points.len() > super::MOST_POINTS {
        return Err(Error::invalid("points", format!("请至少选择一个联系点，一次不超过 {} 个。", super::MOST_POINTS)));
    }
    let due_on = new.due_on.unwrap_or_else(|| relay.due_on());
    check_due(due_on, clock.now())?;
    if due_on > relay.due_on() {
        return Err(Error::invalid("due_on", format!("不能晚于任务的截止日期（{}）。", calendar::written(relay.due_on()))));
    }
    let by = Actor::Person(caller);
    let mut tx = db.begin().await?;
    hold_collecting(&mut tx, clock, &task).await?;
    let mut added = 0;
    for point in &new.points {
        let known: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(OWN_POINT).bind(*point).bind(organ).fetch_one(c).await).map_err(failed)?;
        if known == 0 {
            return Err(Error::invalid("points", "选择的联系点不存在，或者不属于本县区，请刷新页面后重新选择。"));
        }
        let made = assign(&mut tx, clock, ids, by, task.id, &task.title, *point, Some(relay.id), calendar::end_of_day(due_on)).await?;
        added += i32::from(made.is_some());
    }
    on_tx!(&mut tx, c => sqlx::query(PASS_ON)
        .bind(relay.id).bind(organ).bind(clock.now()).bind(caller.account_id).bind(note).execute(c).await.map(drop))
    .map_err(failed)?;
    record(&mut tx, clock, by, Act::PassOnTask, task.id, &format!("{added} points")).await?;
    tx.commit().await?;
    Ok(get_own(db, caller, id).await?.0)
}
