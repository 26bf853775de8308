//! 征集任务: what the bureau asks contact points to collect for one round, and until when.
//!
//! A task goes to chosen points, or to county organs that pass it on to points of theirs (`relays.rs`); `assignments/` is what each point does, `listing.rs` what the
//! bureau sees of it, `changing.rs` what happens to a task later. Due dates are days that are taken whole, in Shanghai (`days.rs`).

pub mod changing;
pub mod days;
pub mod listing;
pub mod relays;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;

use self::days::check_due;
use super::assignments::AssignmentState;
use super::assignments::moving::{insert_entry, staff_of};
use super::once::{check_key, content_hash, require_same};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::calendar;
use crate::drafts::consultations::{self, Consultation, Phase};
use crate::drafts::{self, Viewer, places};
use crate::error::{Code, Error, Result};
use crate::ids::{
    AccountId, AssignmentId, Clock, CollectionTaskId, ConsultationId, ContactPointId, DraftId, DraftVersionId, IdSource, OrganId,
};
use crate::notifications::{self, Event};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Whether a task still goes on.
    TaskState {
        /// It goes on, until each of its assignments is accepted or cancelled.
        Open = "open", "进行中";
        /// The bureau called it off, with a reason.
        Cancelled = "cancelled", "已取消";
    }
}

/// A task to be sent.
#[derive(Clone, Debug, Serialize)]
pub struct NewTask {
    /// The draft whose newest round opinions are collected for.
    pub draft: DraftId,
    /// Title.
    pub title: String,
    /// What the points are asked to do.
    pub instructions: String,
    /// Questions to ask people, in this order.
    pub questions: Vec<String>,
    /// Addresses of provisions of interest, in the version that the round asks about.
    pub addresses: Vec<String>,
    /// The last day in time, taken whole.
    pub due_on: NaiveDate,
    /// To which points at once.
    pub points: Vec<ContactPointId>,
    /// To which county organs, to be passed on.
    pub organs: Vec<OrganId>,
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Id.
    pub id: CollectionTaskId,
    /// The round that opinions are collected for.
    pub consultation_id: ConsultationId,
    /// Number of that round.
    pub round: i64,
    /// First instant that is too late for the round.
    pub round_closes_at: DateTime<Utc>,
    /// The draft.
    pub draft_id: DraftId,
    /// Its title.
    pub draft_title: String,
    /// The version that the round asks about.
    pub version_id: DraftVersionId,
    /// Title.
    pub title: String,
    /// What the points are asked to do.
    pub instructions: String,
    /// Questions to ask people.
    pub questions: Vec<String>,
    /// Addresses of provisions of interest.
    pub addresses: Vec<String>,
    /// First instant that is too late, as the task was sent.
    pub due_at: DateTime<Utc>,
    /// Whether it goes on.
    pub state: TaskState,
    /// Why it was called off; empty when it was not.
    pub cancel_reason: String,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

impl Task {
    /// The last day in time, as the task was sent.
    pub fn due_on(&self) -> NaiveDate {
        calendar::last_day_before(self.due_at)
    }
}

#[derive(FromRow)]
struct TaskRow {
    id: CollectionTaskId,
    consultation_id: ConsultationId,
    round: i64,
    round_closes_at: DateTime<Utc>,
    draft_id: DraftId,
    draft_title: String,
    version_id: DraftVersionId,
    title: String,
    instructions: String,
    questions: Json<Vec<String>>,
    addresses: Json<Vec<String>>,
    due_at: DateTime<Utc>,
    state: String,
    cancel_reason: String,
    created_at: DateTime<Utc>,
}

impl TaskRow {
    fn into_task(self) -> Result<Task> {
        Ok(Task {
            id: self.id,
            consultation_id: self.consultation_id,
            round: self.round,
            round_closes_at: self.round_closes_at,
            draft_id: self.draft_id,
            draft_title: self.draft_title,
            version_id: self.version_id,
            title: self.title,
            instructions: self.instructions,
            questions: self.questions.0,
            addresses: self.addresses.0,
            due_at: self.due_at,
            state: TaskState::stored(&self.state)?,
            cancel_reason: self.cancel_reason,
            created_at: self.created_at,
        })
    }
}

macro_rules! select_tasks {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.consultation_id, c.round, c.closes_at AS round_closes_at, c.draft_id, d.title AS draft_title, c.version_id, t.title,
            t.instructions, t.questions, t.addresses, t.due_at, t.state, t.cancel_reason, t.created_at
            FROM collection_task t JOIN consultation c ON c.id = t.consultation_id JOIN draft d ON d.id = c.draft_id ",
            $rest
        )
    };
}
use select_tasks;

const FIND: &str = select_tasks!("WHERE t.id = $1");
const FIND_BY_KEY: &str = "SELECT id, content_hash FROM collection_task WHERE created_by = $1 AND idempotency_key = $2";
const INSERT: &str =
    "INSERT INTO collection_task (id, consultation_id, title, instructions, questions, addresses, due_at, state, created_by, created_at, updated_at,
    idempotency_key, content_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $9, $10, $11) ON CONFLICT (created_by, idempotency_key) DO NOTHING";
const INSERT_ASSIGNMENT: &str =
    "INSERT INTO collection_assignment (id, task_id, contact_point_id, relay_id, state, revision, due_at, sent_at, updated_at)
    VALUES ($1, $2, $3, $4, 'sent', 1, $5, $6, $6) ON CONFLICT (task_id, contact_point_id) DO NOTHING";
const POINT_EXISTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM contact_point WHERE id = $1 AND status = 'open'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, FIND_BY_KEY, INSERT, INSERT_ASSIGNMENT, POINT_EXISTS];

/// Longest title, in characters.
pub const TITLE_CHARACTERS: usize = 100;
/// Longest instructions, in characters.
pub const INSTRUCTIONS_CHARACTERS: usize = 5_000;
/// Most questions, and longest question in characters.
pub const MOST_QUESTIONS: usize = 20;
/// Longest question, in characters.
pub const QUESTION_CHARACTERS: usize = 500;
/// Most provisions of interest.
pub const MOST_ADDRESSES: usize = 200;
/// Most points that one task is sent to at once.
pub const MOST_POINTS: usize = 500;

/// Sends a task to points and tells their staff. The same key with the same content gives the same task again.
///
/// # Errors
/// [`Code::Invalid`] by field, [`Code::Conflict`] when the draft has no round that collects, [`Code::KeyReused`].
pub async fn send_task(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, key: Option<&str>, new: NewTask) -> Result<Task> {
    by.require(Permission::ManageCollectionTasks)?;
    key.map(check_key).transpose()?;
    let new = checked(new)?;
    let hash = content_hash(&new)?;
    if let Some(key) = key
        && let Some(known) = find_by_key(db, by.account_id(), key).await?
    {
        require_same(&known.1, &hash)?;
        return find_task(db, known.0).await;
    }
    let draft = drafts::get_draft(db, clock, viewer(by), new.draft).await?;
    let round = collecting_round(consultations::newest_round(db, draft.id).await?, clock.now())?;
    for address in &new.addresses {
        if places::find_place(db, round.version_id, address).await?.is_none() {
            return Err(Error::invalid("addresses", format!("征求意见的稿次中没有条款“{address}”，请重新选择。")));
        }
    }
    let id = CollectionTaskId(ids.next());
    let mut tx = db.begin().await?;
    drafts::hold_draft(&mut tx, draft.id).await?;
    let now = clock.now();
    let round = collecting_round(consultations::newest_round_in(&mut tx, draft.id).await?, now)?;
    check_due(new.due_on, now)?;
    let due_at = calendar::end_of_day(new.due_on);
    let made: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(round.id).bind(&new.title).bind(&new.instructions).bind(Json(&new.questions)).bind(Json(&new.addresses)).bind(due_at)
        .bind(by.account_id()).bind(now).bind(key).bind(&hash).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if made == 0 {
        drop(tx);
        // The same form arrived twice at the same time, and the other one was first.
        let known = find_by_key(db, by.account_id(), key.unwrap_or_default()).await?;
        let (known, known_hash) = known.ok_or_else(|| Error::defect("a task was neither written nor found"))?;
        require_same(&known_hash, &hash)?;
        return find_task(db, known).await;
    }
    for point in &new.points {
        assign(&mut tx, clock, ids, by, id, &new.title, *point, None, due_at).await?;
    }
    for organ in &new.organs {
        relays::ask(&mut tx, clock, ids, id, &new.title, *organ).await?;
    }
    let detail = format!("{} points, {} organs", new.points.len(), new.organs.len());
    record(&mut tx, clock, by, Act::SendTask, id, &detail).await?;
    tx.commit().await?;
    find_task(db, id).await
}

/// Gives a task to one more point and tells its staff; a point that has it already keeps what it has. Gives the new assignment.
#[expect(clippy::too_many_arguments, reason = "what a transaction works with, and the columns of one row")]
pub(super) async fn assign(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    by: Actor<'_>,
    task: CollectionTaskId,
    title: &str,
    point: ContactPointId,
    relay: Option<uuid::Uuid>,
    due_at: DateTime<Utc>,
) -> Result<Option<AssignmentId>> {
    let known: i64 = on_tx!(&mut *tx, c => sqlx::query_scalar(POINT_EXISTS).bind(point).fetch_one(c).await).map_err(failed)?;
    if known == 0 {
        return Err(Error::invalid("points", "选择的联系点不存在或者已经撤销，请刷新页面后重新选择。"));
    }
    let (id, now) = (AssignmentId(ids.next()), clock.now());
    let made: u64 = on_tx!(&mut *tx, c => sqlx::query(INSERT_ASSIGNMENT)
        .bind(id).bind(task).bind(point).bind(relay).bind(due_at).bind(now).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if made == 0 {
        return Ok(None);
    }
    insert_entry(tx, id, 1, "send", AssignmentState::Sent, "", by.account_id(), now).await?;
    let about = format!("“{title}”（{}24时截止）", calendar::written(calendar::last_day_before(due_at)));
    let told: Vec<_> = staff_of(tx, point).await?.into_iter().map(|to| (to, id.0, about.clone())).collect();
    notifications::announce_all(tx, clock, ids, Event::AssignmentSent, &told).await?;
    Ok(Some(id))
}

/// A task, for the bureau.
pub async fn get_task(db: &Db, caller: &Caller, id: CollectionTaskId) -> Result<Task> {
    caller.require(Permission::ReadCollectionTasks)?;
    find_task(db, id).await
}

/// A task of an assignment that the caller was shown.
pub(super) async fn find_task(db: &Db, id: CollectionTaskId) -> Result<Task> {
    let row: Option<TaskRow> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这项征集任务"))?.into_task()
}

async fn find_by_key(db: &Db, by: Option<AccountId>, key: &str) -> Result<Option<(CollectionTaskId, String)>> {
    on_db!(db, pool => sqlx::query_as(FIND_BY_KEY).bind(by).bind(key).fetch_optional(pool).await).map_err(failed)
}

/// The round that opinions may be collected for.
pub(super) fn collecting_round(round: Option<Consultation>, now: DateTime<Utc>) -> Result<Consultation> {
    let round = round.ok_or_else(|| Error::new(Code::Conflict, "这份草案还没有公开征求意见，不能下达征集任务。"))?;
    match round.phase(now) {
        Phase::Upcoming | Phase::Open | Phase::Late => Ok(round),
        phase @ (Phase::Closed | Phase::Withdrawn) => {
            Err(Error::new(Code::Conflict, format!("最近一轮征求意见{}，不能再下达征集任务。", phase.label())))
        }
    }
}

/// A task as it will be stored: trimmed, without repetitions, and within its limits.
fn checked(mut new: NewTask) -> Result<NewTask> {
    new.title = new.title.trim().to_owned();
    if new.title.is_empty() || new.title.chars().count() > TITLE_CHARACTERS || new.title.contains(char::is_control) {
        return Err(Error::invalid("title", format!("请填写任务名称，不超过 {TITLE_CHARACTERS} 个字，不换行。")));
    }
    new.instructions = new.instructions.trim().to_owned();
    if new.instructions.is_empty() || new.instructions.chars().count() > INSTRUCTIONS_CHARACTERS {
        return Err(Error::invalid("instructions", format!("请填写工作要求，不超过 {INSTRUCTIONS_CHARACTERS} 个字。")));
    }
    new.questions = new.questions.iter().map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()).collect();
    let is_bad = |q: &String| q.chars().count() > QUESTION_CHARACTERS || q.contains(char::is_control);
    if new.questions.len() > MOST_QUESTIONS || new.questions.iter().any(is_bad) {
        return Err(Error::invalid("questions", format!("最多 {MOST_QUESTIONS} 个问题，每个不超过 {QUESTION_CHARACTERS} 个字，不换行。")));
    }
    let mut seen = BTreeSet::new();
    new.addresses.retain(|address| seen.insert(address.clone()));
    if new.addresses.len() > MOST_ADDRESSES {
        return Err(Error::invalid("addresses", format!("重点条款最多 {MOST_ADDRESSES} 处。")));
    }
    let mut seen = BTreeSet::new();
    new.points.retain(|point| seen.insert(*point));
    let mut seen = BTreeSet::new();
    new.organs.retain(|organ| seen.insert(*organ));
    if new.points.len() + new.organs.len() == 0 || new.points.len() > MOST_POINTS || new.organs.len() > relays::MOST_ORGANS {
        return Err(Error::invalid("points", format!("请至少选择一个联系点或者县区司法局，一次不超过 {MOST_POINTS} 个联系点。")));
    }
    Ok(new)
}

fn viewer(by: Actor<'_>) -> Viewer<'_> {
    match by {
        Actor::Person(caller) => Viewer::Public(Some(caller)),
        Actor::System => Viewer::System,
    }
}

/// Writes the audit entry of an act on a task; last in its transaction.
pub(super) async fn record(tx: &mut Tx, clock: &Clock, by: Actor<'_>, act: Act, id: CollectionTaskId, detail: &str) -> Result<()> {
    let entry = NewEntry { account_id: by.account_id(), act, subject: "task", subject_id: Some(id.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
