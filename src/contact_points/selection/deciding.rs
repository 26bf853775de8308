//! 公布结果: which units were selected, published in one act; and making a selected unit a contact point.

use chrono::NaiveDate;

use super::applying::{Application, ApplicationState, get_application};
use super::calls::{self, CallPhase, SelectionCall};
use super::{absent_application, note_call};
use crate::accounts::{Caller, Permission};
use crate::audit::Act;
use crate::contact_points::managing::{self, Keeping, line};
use crate::contact_points::{ContactPoint, NewContactPoint, PointKind, get_point};
use crate::error::{Code, Error, Result};
use crate::ids::{SelectionApplicationId, SelectionCallId};
use crate::on_tx;
use crate::storage::sql::failed;

/// Longest public text beside the outcome, in characters.
const NOTICE_CHARACTERS: usize = 4_000;
/// Longest word to one unit, in characters.
const REASON_CHARACTERS: usize = 500;

const DECIDE: &str =
    "UPDATE selection_call SET state = 'decided', result_notice = $3, decided_at = $4, revision = revision + 1, updated_at = $4
    WHERE id = $1 AND revision = $2 AND state = 'published'";
const SET_OUTCOME: &str = "UPDATE selection_application SET state = $3, result_reason = $4, revision = revision + 1
    WHERE id = $1 AND call_id = $2 AND state = 'submitted'";
const COUNT_LEFT: &str = "SELECT COUNT(*) FROM selection_application WHERE call_id = $1 AND state = 'submitted'";
const BECOME: &str = "UPDATE selection_application SET contact_point_id = $2, revision = revision + 1
    WHERE id = $1 AND state = 'selected' AND contact_point_id IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[DECIDE, SET_OUTCOME, COUNT_LEFT, BECOME];

/// What becomes of one application.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub application: SelectionApplicationId,
    /// Whether the unit becomes a contact point.
    pub is_selected: bool,
    /// Told to the unit alone; may be empty.
    pub reason: String,
}

/// Publishes what becomes of every application that was not taken back, once no more are taken.
pub async fn publish_outcome(
    at: Keeping<'_>,
    caller: &Caller,
    call: SelectionCallId,
    from_revision: i64,
    outcomes: &[Outcome],
    notice: &str,
) -> Result<SelectionCall> {
    caller.require(Permission::DecideSelections)?;
    let notice = line("notice", "公布说明", notice, NOTICE_CHARACTERS)?;
    let held = calls::get_call(at.db, caller, call).await?;
    match held.phase_at(at.clock.now()) {
        CallPhase::Closed => {}
        CallPhase::Decided => return Err(Error::new(Code::Conflict, "结果已经公布。")),
        CallPhase::Withdrawn => return Err(Error::new(Code::Conflict, "这次遴选已经撤回。")),
        _ => return Err(Error::new(Code::Conflict, "申报截止以后才能公布结果。")),
    }
    let mut tx = at.db.begin().await?;
    let decided: u64 = on_tx!(&mut tx, c => sqlx::query(DECIDE)
        .bind(call).bind(from_revision).bind(&notice).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if decided == 0 {
        drop(tx);
        return Err(calls::refused(at.db, call, from_revision, "结果已经公布。").await?);
    }
    for outcome in outcomes {
        let state = if outcome.is_selected { ApplicationState::Selected } else { ApplicationState::NotSelected };
        let reason = line("outcomes", "给申报单位的说明", &outcome.reason, REASON_CHARACTERS)?;
        let set: u64 = on_tx!(&mut tx, c => sqlx::query(SET_OUTCOME)
            .bind(outcome.application).bind(call).bind(state.as_str()).bind(&reason).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
        if set == 0 {
            return Err(absent_application());
        }
    }
    let left: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_LEFT).bind(call).fetch_one(c).await).map_err(failed)?;
    if left > 0 {
        return Err(Error::invalid("outcomes", format!("还有 {left} 份申报没有选定结果，请逐一选定后再公布。")));
    }
    let selected = outcomes.iter().filter(|o| o.is_selected).count();
    let detail = format!("{selected} of {}", outcomes.len());
    note_call(&mut tx, at.clock, caller, Act::PublishSelectionOutcome, call, &detail).await?;
    tx.commit().await?;
    calls::get_call(at.db, caller, call).await
}

/// Makes a selected unit a contact point, with what it said of itself. Doing it again gives the same point.
pub async fn open_selected_point(
    at: Keeping<'_>,
    caller: &Caller,
    id: SelectionApplicationId,
    established_by: &str,
    term: Option<(NaiveDate, NaiveDate)>,
) -> Result<ContactPoint> {
    caller.require(Permission::DecideSelections)?;
    let application = get_application(at, caller, id).await?;
    if let Some(point) = application.contact_point {
        return get_point(at.db, point).await;
    }
    if application.state != ApplicationState::Selected {
        return Err(Error::new(Code::Conflict, "只有公布入选的单位才能设立联系点。"));
    }
    let call = calls::get_call(at.db, caller, application.call).await?;
    let mut tx = at.db.begin().await?;
    let (point, _) =
        managing::open_in(&mut tx, at, caller, &format!("selected-{id}"), point_of(&call, &application, established_by, at, term)).await?;
    let became: u64 =
        on_tx!(&mut tx, c => sqlx::query(BECOME).bind(id).bind(point).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if became == 0 {
        drop(tx);
        // Somebody else was faster.
        let held = get_application(at, caller, id).await?.contact_point.ok_or_else(absent_application)?;
        return get_point(at.db, held).await;
    }
    tx.commit().await?;
    get_point(at.db, point).await
}

fn point_of(
    call: &SelectionCall,
    application: &Application,
    established_by: &str,
    at: Keeping<'_>,
    term: Option<(NaiveDate, NaiveDate)>,
) -> NewContactPoint {
    NewContactPoint {
        code: String::new(),
        name: format!("{}立法基层联系点", application.unit_name),
        kind: PointKind::Government,
        established_by: established_by.to_owned(),
        legal_basis: call.said.title.clone(),
        established_on: Some(at.clock.today()),
        host_unit: application.unit_name.clone(),
        host_kind: application.host_kind,
        region: application.region.clone(),
        address: application.address.clone(),
        opening_hours: String::new(),
        introduction: application.introduction.clone(),
        how_to_take_part: String::new(),
        topics: Vec::new(),
        organ: None,
        coordinates: None,
        term,
        is_demonstration: false,
        stations: Vec::new(),
    }
}
