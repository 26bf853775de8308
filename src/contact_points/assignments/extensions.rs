//! 延期: a point asks for more time with a reason, the bureau grants or refuses. One request waits at a time; what was decided stays readable.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::moving::{REASON_CHARACTERS, record, tell_bureau, tell_point, write_entry};
use super::{Assignment, hold, hold_own};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::contact_points::tasks::days::check_due;
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, Clock, IdSource};
use crate::notifications::Event;
use crate::storage::Db;
use crate::storage::sql::{failed, is_duplicate};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// What became of a request for more time.
    ExtensionState {
        /// It waits for the bureau.
        Asked = "asked", "待答复";
        /// More time was given.
        Granted = "granted", "已同意";
        /// None was.
        Refused = "refused", "未同意";
    }
}

/// A request for more time.
#[derive(Clone, Debug, FromRow)]
pub struct ExtensionRequest {
    /// Id.
    pub id: Uuid,
    /// Why.
    pub reason: String,
    /// Last day that is asked for.
    pub asked_until: NaiveDate,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// Canonical name of its [`ExtensionState`].
    pub state: String,
    /// Last day that was granted.
    pub granted_until: Option<NaiveDate>,
    /// What the bureau says; may be empty when it was granted.
    pub remark: String,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
}

impl ExtensionRequest {
    /// What became of it.
    pub fn outcome(&self) -> Result<ExtensionState> {
        ExtensionState::stored(&self.state)
    }
}

/// What the bureau decides.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The last day that is granted; `None` = the request is refused.
    pub until: Option<NaiveDate>,
    /// Why; a refusal needs it.
    pub remark: &'a str,
}

const LIST: &str = "SELECT id, reason, asked_until, asked_at, state, granted_until, remark, decided_at FROM extension_request
    WHERE assignment_id = $1 ORDER BY asked_at, id";
const WAITING: &str = "SELECT id, reason, asked_until, asked_at, state, granted_until, remark, decided_at FROM extension_request
    WHERE assignment_id = $1 AND state = 'asked'";
const FIND: &str = "SELECT id, reason, asked_until, asked_at, state, granted_until, remark, decided_at FROM extension_request
    WHERE assignment_id = $1 AND id = $2";
const INSERT: &str = "INSERT INTO extension_request (id, assignment_id, reason, asked_until, asked_by, asked_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, 'asked')";
const DECIDE: &str =
    "UPDATE extension_request SET state = $2, granted_until = $3, remark = $4, decided_by = $5, decided_at = $6 WHERE id = $1";
const MOVE_DUE: &str = "UPDATE collection_assignment SET due_at = $2 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, WAITING, FIND, INSERT, DECIDE, MOVE_DUE];

/// The requests of an assignment that the caller was shown, the first one first.
pub async fn list_requests(db: &Db, assignment: &Assignment) -> Result<Vec<ExtensionRequest>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(assignment.id).fetch_all(pool).await).map_err(failed)
}

/// Asks for more time for an assignment of the caller's own point. The same request again is one request.
///
/// # Errors
/// [`Code::Conflict`] while another request waits, or when there is nothing left to submit.
pub async fn ask_extension(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    id: AssignmentId,
    until: NaiveDate,
    reason: &str,
) -> Result<Vec<ExtensionRequest>> {
    let reason = reason.trim();
    let mut tx = db.begin().await?;
    let held = hold_own(&mut tx, caller, id).await?;
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请填写申请延期的理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    let waiting: Option<ExtensionRequest> =
        on_tx!(&mut tx, c => sqlx::query_as(WAITING).bind(id).fetch_optional(c).await).map_err(failed)?;
    if let Some(waiting) = waiting {
        drop(tx);
        if waiting.reason == reason && waiting.asked_until == until {
            return list_requests(db, &held).await;
        }
        return Err(Error::new(Code::Conflict, "已有一项延期申请在等待司法局答复，答复之后才能再次申请。"));
    }
    if !held.state.is_with_point() {
        return Err(Error::new(Code::Conflict, format!("这项征集任务目前处于“{}”，不需要延期。", held.state.label())));
    }
    check_longer(&held, until, clock.now(), "until")?;
    let request = ids.next();
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(request).bind(id).bind(reason).bind(until).bind(caller.account_id).bind(clock.now()).execute(c).await.map(drop))
    .map_err(|e| {
        if is_duplicate(&e) { Error::new(Code::Conflict, "已有一项延期申请在等待司法局答复。") } else { failed(e) }
    })?;
    let words = format!("申请延期至{}：{reason}", calendar::written(until));
    write_entry(&mut tx, clock, &held, "ask_extension", held.state, &words, Some(caller.account_id)).await?;
    tell_bureau(&mut tx, clock, ids, &held, Event::ExtensionAsked).await?;
    record(&mut tx, clock, Actor::Person(caller), Act::AskExtension, id, &until.to_string()).await?;
    tx.commit().await?;
    list_requests(db, &held).await
}

/// Decides a request for more time. The same decision again changes nothing.
pub async fn decide_extension(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    id: AssignmentId,
    request: Uuid,
    decision: Decision<'_>,
) -> Result<Assignment> {
    caller.require(Permission::ManageCollectionTasks)?;
    let remark = decision.remark.trim();
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, id).await?;
    let found: Option<ExtensionRequest> =
        on_tx!(&mut tx, c => sqlx::query_as(FIND).bind(id).bind(request).fetch_optional(c).await).map_err(failed)?;
    let found = found.ok_or_else(|| Error::not_found("这项延期申请"))?;
    if found.outcome()? != ExtensionState::Asked {
        if found.granted_until == decision.until && found.remark == remark {
            return Ok(held);
        }
        return Err(Error::new(Code::Conflict, "这项延期申请已经答复过了，请刷新页面。"));
    }
    if (decision.until.is_none() && remark.is_empty()) || remark.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("remark", format!("不同意延期的，请写明理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    let state = match decision.until {
        Some(until) => {
            check_longer(&held, until, clock.now(), "until")?;
            if !held.state.is_with_point() {
                return Err(Error::new(Code::Conflict, format!("这项征集任务已经“{}”，不需要延期。", held.state.label())));
            }
            on_tx!(&mut tx, c => sqlx::query(MOVE_DUE).bind(id).bind(calendar::end_of_day(until)).execute(c).await.map(drop))
                .map_err(failed)?;
            ExtensionState::Granted
        }
        None => ExtensionState::Refused,
    };
    on_tx!(&mut tx, c => sqlx::query(DECIDE)
        .bind(request).bind(state.as_str()).bind(decision.until).bind(remark).bind(caller.account_id).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    let (step, event) = match state {
        ExtensionState::Granted => ("grant_extension", Event::ExtensionGranted),
        _ => ("refuse_extension", Event::ExtensionRefused),
    };
    let words = match decision.until {
        Some(until) if remark.is_empty() => format!("延期至{}", calendar::written(until)),
        Some(until) => format!("延期至{}。{remark}", calendar::written(until)),
        None => remark.to_owned(),
    };
    write_entry(&mut tx, clock, &held, step, held.state, &words, Some(caller.account_id)).await?;
    tell_point(&mut tx, clock, ids, &held, event).await?;
    record(&mut tx, clock, Actor::Person(caller), Act::DecideExtension, id, state.as_str()).await?;
    tx.commit().await?;
    super::get_assignment(db, caller, id).await
}

/// Passes a last day that comes after the present one.
fn check_longer(held: &Assignment, until: NaiveDate, now: DateTime<Utc>, field: &str) -> Result<()> {
    check_due(until, now).map_err(|error| Error::invalid(field, error.detail))?;
    if until <= held.due_on() {
        return Err(Error::invalid(field, format!("延期后的截止日期应晚于现在的截止日期（{}）。", calendar::written(held.due_on()))));
    }
    Ok(())
}
