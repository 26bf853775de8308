//! 遴选公告: the public call, its criteria, and from when until when units may apply.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use super::{absent_call, note_call};
use crate::accounts::{Caller, Permission};
use crate::audit::Act;
use crate::calendar::chinese_day;
use crate::contact_points::acts::{self, KeyedAct};
use crate::contact_points::managing::{Keeping, checked_reason, filled, line};
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, SelectionCallId, shanghai};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// How far a call is; that it takes applications is read from the clock.
    CallState {
        /// It is being written.
        Preparing = "preparing", "起草中";
        /// It is public.
        Published = "published", "已发布";
        /// What became of the applications is public.
        Decided = "decided", "已公布结果";
        /// It was given up.
        Withdrawn = "withdrawn", "已撤回";
    }
}

text_enum! {
    /// Where a call stands at an instant.
    CallPhase {
        /// It is being written.
        Preparing = "preparing", "起草中";
        /// It is public and takes no applications yet.
        Upcoming = "upcoming", "即将接收申报";
        /// It takes applications.
        Open = "open", "正在接收申报";
        /// It takes none any more, and nothing is decided.
        Closed = "closed", "申报已截止";
        /// What became of the applications is public.
        Decided = "decided", "已公布结果";
        /// It was given up.
        Withdrawn = "withdrawn", "已撤回";
    }
}

/// 评分标准: what applications are scored by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// Name.
    pub name: String,
    /// What is looked at; may be empty.
    #[serde(default)]
    pub explanation: String,
    /// Most points.
    pub maximum: i64,
}

/// What a call says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewCall {
    /// Title.
    pub title: String,
    /// The notice: who may apply, what for, with which documents.
    pub notice: String,
    /// Criteria, in order.
    pub criteria: Vec<Criterion>,
    /// First day on which applications are taken.
    pub opens_on: NaiveDate,
    /// Last day; they are taken until its 24:00 in Asia/Shanghai.
    pub closes_on: NaiveDate,
}

/// A call.
#[derive(Clone, Debug)]
pub struct SelectionCall {
    /// Id.
    pub id: SelectionCallId,
    /// What it says.
    pub said: NewCall,
    /// How far it is.
    pub state: CallState,
    /// What is said with the outcome, or why it was given up.
    pub result_notice: String,
    /// One more with each change.
    pub revision: i64,
    /// When it became public.
    pub published_at: Option<DateTime<Utc>>,
    /// When the outcome became public.
    pub decided_at: Option<DateTime<Utc>>,
}

impl SelectionCall {
    /// Where it stands at an instant.
    pub fn phase_at(&self, now: DateTime<Utc>) -> CallPhase {
        let today = shanghai(now).date_naive();
        match self.state {
            CallState::Preparing => CallPhase::Preparing,
            CallState::Decided => CallPhase::Decided,
            CallState::Withdrawn => CallPhase::Withdrawn,
            CallState::Published if today < self.said.opens_on => CallPhase::Upcoming,
            CallState::Published if today <= self.said.closes_on => CallPhase::Open,
            CallState::Published => CallPhase::Closed,
        }
    }

    /// Whether everybody may see it.
    pub fn is_public(&self) -> bool {
        self.state != CallState::Preparing && self.published_at.is_some()
    }
}

#[derive(FromRow)]
struct Row {
    id: SelectionCallId,
    title: String,
    notice: String,
    criteria: Json<Vec<Criterion>>,
    opens_on: NaiveDate,
    closes_on: NaiveDate,
    state: String,
    result_notice: String,
    revision: i64,
    published_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_call(self) -> Result<SelectionCall> {
        Ok(SelectionCall {
            id: self.id,
            said: NewCall {
                title: self.title,
                notice: self.notice,
                criteria: self.criteria.0,
                opens_on: self.opens_on,
                closes_on: self.closes_on,
            },
            state: CallState::stored(&self.state)?,
            result_notice: self.result_notice,
            revision: self.revision,
            published_at: self.published_at,
            decided_at: self.decided_at,
        })
    }
}

/// Longest title, in characters.
const TITLE_CHARACTERS: usize = 100;
/// Longest notice, in characters.
const NOTICE_CHARACTERS: usize = 20_000;
/// Most criteria.
const CRITERIA: usize = 20;
/// Most points of one criterion.
const POINTS: i64 = 1_000;

const INSERT: &str =
    "INSERT INTO selection_call (id, title, notice, criteria, opens_on, closes_on, state, result_notice, revision, created_by, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'preparing', '', 1, $7, $8, $8)";
const CHANGE: &str = "UPDATE selection_call SET title = $3, notice = $4, criteria = $5, opens_on = $6, closes_on = $7, revision = revision + 1, updated_at = $8
    WHERE id = $1 AND revision = $2 AND state = 'preparing'";
const PUBLISH: &str = "UPDATE selection_call SET state = 'published', published_at = $3, revision = revision + 1, updated_at = $3
    WHERE id = $1 AND revision = $2 AND state = 'preparing'";
const WITHDRAW: &str = "UPDATE selection_call SET state = 'withdrawn', result_notice = $3, revision = revision + 1, updated_at = $4
    WHERE id = $1 AND revision = $2 AND state IN ('preparing', 'published')";
const FIND: &str =
    "SELECT id, title, notice, criteria, opens_on, closes_on, state, result_notice, revision, published_at, decided_at FROM selection_call
    WHERE id = $1";
const LIST: &str =
    "SELECT id, title, notice, criteria, opens_on, closes_on, state, result_notice, revision, published_at, decided_at FROM selection_call
    WHERE (published_at IS NOT NULL OR $1) AND ((closes_on, id) < ($2, $3) OR $3 IS NULL) ORDER BY closes_on DESC, id DESC LIMIT $4";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, CHANGE, PUBLISH, WITHDRAW, FIND, LIST];

/// Writes a call. The same key with the same content gives the same call again.
pub async fn write_call(at: Keeping<'_>, caller: &Caller, key: &str, new: NewCall) -> Result<SelectionCall> {
    caller.require(Permission::ManageSelections)?;
    let new = checked(new)?;
    let id = SelectionCallId(at.ids.next());
    let mut tx = at.db.begin().await?;
    if let Some(known) = acts::claim(&mut tx, at, caller, key, KeyedAct::WriteCall, &new, id.0).await? {
        drop(tx);
        return find(at.db, SelectionCallId(known)).await?.ok_or_else(absent_call);
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(&new.title).bind(&new.notice).bind(Json(&new.criteria)).bind(new.opens_on).bind(new.closes_on).bind(caller.account_id)
        .bind(at.clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    note_call(&mut tx, at.clock, caller, Act::WriteSelectionCall, id, "").await?;
    tx.commit().await?;
    find(at.db, id).await?.ok_or_else(absent_call)
}

/// Changes a call that is not public yet.
pub async fn change_call(at: Keeping<'_>, caller: &Caller, id: SelectionCallId, from_revision: i64, new: NewCall) -> Result<SelectionCall> {
    caller.require(Permission::ManageSelections)?;
    let new = checked(new)?;
    let mut tx = at.db.begin().await?;
    let changed: u64 = on_tx!(&mut tx, c => sqlx::query(CHANGE)
        .bind(id).bind(from_revision).bind(&new.title).bind(&new.notice).bind(Json(&new.criteria)).bind(new.opens_on).bind(new.closes_on)
        .bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if changed == 0 {
        return Err(refused(at.db, id, from_revision, "公告发布以后不能再修改；如有错误，请撤回后重新发布。").await?);
    }
    note_call(&mut tx, at.clock, caller, Act::WriteSelectionCall, id, "").await?;
    tx.commit().await?;
    find(at.db, id).await?.ok_or_else(absent_call)
}

/// Makes a call public.
pub async fn publish_call(at: Keeping<'_>, caller: &Caller, id: SelectionCallId, from_revision: i64) -> Result<SelectionCall> {
    caller.require(Permission::ManageSelections)?;
    let held = find(at.db, id).await?.ok_or_else(absent_call)?;
    if held.state == CallState::Preparing && held.said.closes_on < at.clock.today() {
        return Err(Error::invalid("closes_on", "申报截止日期已经过去，请先修改再发布。"));
    }
    let mut tx = at.db.begin().await?;
    let done: u64 = on_tx!(&mut tx, c => sqlx::query(PUBLISH).bind(id).bind(from_revision).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if done == 0 {
        return Err(refused(at.db, id, from_revision, "这个公告已经发布或者撤回。").await?);
    }
    note_call(&mut tx, at.clock, caller, Act::PublishSelectionCall, id, "").await?;
    tx.commit().await?;
    find(at.db, id).await?.ok_or_else(absent_call)
}

/// Gives a call up, with a reason that is public where the call was.
pub async fn withdraw_call(
    at: Keeping<'_>,
    caller: &Caller,
    id: SelectionCallId,
    from_revision: i64,
    reason: &str,
) -> Result<SelectionCall> {
    caller.require(Permission::ManageSelections)?;
    let reason = checked_reason(reason)?;
    let mut tx = at.db.begin().await?;
    let done: u64 = on_tx!(&mut tx, c => sqlx::query(WITHDRAW)
        .bind(id).bind(from_revision).bind(&reason).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if done == 0 {
        return Err(refused(at.db, id, from_revision, "这个公告已经公布结果或者撤回。").await?);
    }
    note_call(&mut tx, at.clock, caller, Act::WithdrawSelectionCall, id, "").await?;
    tx.commit().await?;
    find(at.db, id).await?.ok_or_else(absent_call)
}

/// A call, for staff.
pub async fn get_call(db: &Db, caller: &Caller, id: SelectionCallId) -> Result<SelectionCall> {
    caller.require(Permission::ReadSelections)?;
    find(db, id).await?.ok_or_else(absent_call)
}

/// A public call, for everybody.
pub async fn get_public_call(db: &Db, id: SelectionCallId) -> Result<SelectionCall> {
    find(db, id).await?.filter(SelectionCall::is_public).ok_or_else(absent_call)
}

/// Calls, those that end last first; without a caller the public ones.
pub async fn list_calls(db: &Db, caller: Option<&Caller>, cursor: Option<&str>, limit: usize) -> Result<Page<SelectionCall>> {
    let all = match caller {
        Some(caller) => {
            caller.require(Permission::ReadSelections)?;
            true
        }
        None => false,
    };
    let after: Option<(NaiveDate, SelectionCallId)> = cursor.map(decode_cursor).transpose()?;
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(all).bind(after.map(|a| a.0)).bind(after.map(|a| a.1)).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let items = rows.into_iter().map(Row::into_call).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(items, limit, |call| (call.said.closes_on, call.id)))
}

/// A call, whoever asks.
pub(super) async fn find(db: &Db, id: SelectionCallId) -> Result<Option<SelectionCall>> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.map(Row::into_call).transpose()
}

/// Passes while a call takes applications; else says since when not.
pub(super) fn require_taking(call: &SelectionCall, clock: &Clock) -> Result<()> {
    let sentence = match call.phase_at(clock.now()) {
        CallPhase::Open => return Ok(()),
        CallPhase::Preparing => return Err(absent_call()),
        CallPhase::Upcoming => format!("申报从{}开始，届时欢迎提交。", chinese_day(call.said.opens_on)),
        CallPhase::Closed | CallPhase::Decided => format!("申报已于{} 24 时截止。", chinese_day(call.said.closes_on)),
        CallPhase::Withdrawn => "这次遴选已经撤回，不再接收申报。".to_owned(),
    };
    Err(Error::new(Code::Conflict, sentence))
}

/// Why a change found nothing: absent, changed by somebody else, or not in the state for it.
pub(super) async fn refused(db: &Db, id: SelectionCallId, from_revision: i64, sentence: &str) -> Result<Error> {
    let held = find(db, id).await?.ok_or_else(absent_call)?;
    Ok(if held.revision == from_revision {
        Error::new(Code::Conflict, sentence)
    } else {
        Error::new(Code::Conflict, "这个公告刚刚被别人修改过，请刷新页面，看过最新内容后再操作。")
    })
}

fn checked(new: NewCall) -> Result<NewCall> {
    if new.closes_on < new.opens_on {
        return Err(Error::invalid("closes_on", "申报截止日期不能早于开始日期。"));
    }
    if new.criteria.is_empty() || new.criteria.len() > CRITERIA {
        return Err(Error::invalid("criteria", format!("请列出 1 至 {CRITERIA} 项评分标准。")));
    }
    let criteria = new.criteria.into_iter().map(|criterion| {
        if !(1..=POINTS).contains(&criterion.maximum) {
            return Err(Error::invalid("criteria", format!("每项评分标准的满分应为 1 至 {POINTS} 分。")));
        }
        Ok(Criterion {
            name: filled("criteria", "评分标准的名称", &criterion.name, TITLE_CHARACTERS)?,
            explanation: line("criteria", "评分标准的说明", &criterion.explanation, 500)?,
            maximum: criterion.maximum,
        })
    });
    Ok(NewCall {
        title: filled("title", "标题", &new.title, TITLE_CHARACTERS)?,
        notice: filled("notice", "公告正文", &new.notice, NOTICE_CHARACTERS)?,
        criteria: criteria.collect::<Result<_>>()?,
        opens_on: new.opens_on,
        closes_on: new.closes_on,
    })
}
