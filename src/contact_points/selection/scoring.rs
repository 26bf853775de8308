//! 评分: what members of staff think of an application, each under every criterion. Internal; nothing of it is ever published.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::applying::{Application, ApplicationState, get_application};
use super::calls::{self, CallPhase, SelectionCall};
use super::{absent_call, note_application};
use crate::accounts::{Caller, Permission};
use crate::audit::Act;
use crate::contact_points::managing::{Keeping, line};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, SelectionApplicationId};
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Longest remark, in characters.
const REMARK_CHARACTERS: usize = 500;

const PUT: &str =
    "INSERT INTO selection_score (application_id, account_id, criterion, points, remark, scored_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (application_id, account_id, criterion) DO UPDATE SET points = $4, remark = $5, scored_at = $6";
const LIST: &str = "SELECT s.account_id, a.display_name, s.criterion, s.points, s.remark, s.scored_at FROM selection_score s
    JOIN account a ON a.id = s.account_id WHERE s.application_id = $1 ORDER BY a.display_name, s.account_id, s.criterion";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[PUT, LIST];

/// Points under one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Points, from 0.
    pub points: i64,
    /// Why.
    pub remark: String,
}

/// What one member of staff thinks.
#[derive(Clone, Debug)]
pub struct ScoreSheet {
    /// Who.
    pub account: AccountId,
    /// Shown name.
    pub name: String,
    /// By place of the criterion in the call.
    pub scores: BTreeMap<i64, Score>,
    /// When it was written last.
    pub scored_at: DateTime<Utc>,
}

impl ScoreSheet {
    /// All points together.
    pub fn total(&self) -> i64 {
        self.scores.values().map(|score| score.points).sum()
    }
}

#[derive(FromRow)]
struct Row {
    account_id: AccountId,
    display_name: String,
    criterion: i64,
    points: i64,
    remark: String,
    scored_at: DateTime<Utc>,
}

/// Writes the caller's own scores of an application, one for each criterion in the order of the call; writing again replaces them.
///
/// # Errors
/// [`Code::Conflict`] while applications are taken and once the outcome is public.
pub async fn score_application(at: Keeping<'_>, caller: &Caller, id: SelectionApplicationId, scores: &[Score]) -> Result<Application> {
    caller.require(Permission::ScoreApplications)?;
    let application = get_application(at, caller, id).await?;
    let call = calls::find(at.db, application.call).await?.ok_or_else(absent_call)?;
    require_scoring(at, &call, &application)?;
    if scores.len() != call.said.criteria.len() {
        return Err(Error::invalid("scores", "请为每一项评分标准打分。"));
    }
    let mut checked = Vec::with_capacity(scores.len());
    for (criterion, score) in call.said.criteria.iter().zip(scores) {
        if !(0..=criterion.maximum).contains(&score.points) {
            return Err(Error::invalid("scores", format!("“{}”应为 0 至 {} 分。", criterion.name, criterion.maximum)));
        }
        checked.push((score.points, line("scores", "评语", &score.remark, REMARK_CHARACTERS)?));
    }
    let mut tx = at.db.begin().await?;
    for (place, (points, remark)) in (0i64..).zip(checked) {
        on_tx!(&mut tx, c => sqlx::query(PUT)
            .bind(id).bind(caller.account_id).bind(place).bind(points).bind(&remark).bind(at.clock.now()).execute(c).await.map(drop))
        .map_err(failed)?;
    }
    note_application(&mut tx, at.clock, Some(caller), Act::ScoreApplication, id).await?;
    tx.commit().await?;
    Ok(application)
}

/// What the members of staff think of an application, by their names.
pub async fn list_scores(at: Keeping<'_>, caller: &Caller, id: SelectionApplicationId) -> Result<Vec<ScoreSheet>> {
    get_application(at, caller, id).await?;
    let rows: Vec<Row> = on_db!(at.db, pool => sqlx::query_as(LIST).bind(id).fetch_all(pool).await).map_err(failed)?;
    let mut sheets: Vec<ScoreSheet> = Vec::new();
    for row in rows {
        let score = Score { points: row.points, remark: row.remark };
        match sheets.last_mut() {
            Some(sheet) if sheet.account == row.account_id => {
                sheet.scores.insert(row.criterion, score);
                sheet.scored_at = sheet.scored_at.max(row.scored_at);
            }
            _ => sheets.push(ScoreSheet {
                account: row.account_id,
                name: row.display_name,
                scores: BTreeMap::from([(row.criterion, score)]),
                scored_at: row.scored_at,
            }),
        }
    }
    Ok(sheets)
}

fn require_scoring(at: Keeping<'_>, call: &SelectionCall, application: &Application) -> Result<()> {
    let sentence = match (call.phase_at(at.clock.now()), application.state) {
        (CallPhase::Closed, ApplicationState::Submitted) => return Ok(()),
        (_, ApplicationState::Withdrawn) => "申报单位已经撤回这份申报，不再评分。",
        (CallPhase::Open | CallPhase::Upcoming | CallPhase::Preparing, _) => "申报截止以后才能评分。",
        _ => "结果已经公布，不能再评分。",
    };
    Err(Error::new(Code::Conflict, sentence))
}
