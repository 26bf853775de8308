//! What the numbers can be narrowed to: rounds, tasks and districts that there are; and what they were narrowed to, in words.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Filter, NO_POINT, outcome_label, scope_of};
use crate::accounts::Caller;
use crate::calendar;
use crate::contact_points::get_point;
use crate::error::Result;
use crate::ids::ConsultationId;
use crate::on_db;
use crate::opinions::WHOLE_DRAFT;
use crate::storage::Db;
use crate::storage::sql::failed;

/// Rounds and tasks offered, the newest first.
const MOST: i64 = 300;

// What was chosen is offered however old it is: the form would lose it.
const ROUNDS: &str = "SELECT k.id, d.title, k.round FROM consultation k JOIN draft d ON d.id = k.draft_id
    WHERE k.id = $1 OR k.id IN (SELECT id FROM consultation ORDER BY opens_at DESC, id LIMIT $2) ORDER BY k.opens_at DESC, k.id";
const TASKS: &str =
    "SELECT x.id, x.title FROM (SELECT t.id, t.title, t.created_at, ROW_NUMBER() OVER (ORDER BY t.created_at DESC, t.id) AS place
    FROM collection_task t WHERE (t.consultation_id = $1 OR $1 IS NULL)
    AND EXISTS (SELECT 1 FROM collection_assignment s JOIN contact_point c ON c.id = s.contact_point_id
    WHERE s.task_id = t.id AND (c.organ_id = $2 OR $2 IS NULL) AND (c.id = $3 OR $3 IS NULL))) x
    WHERE x.place <= $4 OR x.id = $5 ORDER BY x.created_at DESC, x.id";
const REGIONS: &str =
    "SELECT DISTINCT region FROM contact_point WHERE (organ_id = $1 OR $1 IS NULL) AND (id = $2 OR $2 IS NULL) ORDER BY region";

const ARTICLE: &str =
    "SELECT a.label FROM consultation k JOIN draft_provision a ON a.version_id = k.version_id WHERE k.id = $1 AND a.address = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[ROUNDS, TASKS, REGIONS, ARTICLE];

/// What the numbers can be narrowed to.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Rounds with the titles of their drafts.
    pub consultations: Vec<(Uuid, String)>,
    /// Tasks of the chosen round, or of all.
    pub tasks: Vec<(Uuid, String)>,
    /// Districts with points.
    pub regions: Vec<String>,
}

/// What a caller can narrow the numbers to, with what they are narrowed to already.
pub async fn list_choices(db: &Db, caller: &Caller, filter: &Filter) -> Result<Choices> {
    let scope = scope_of(caller)?;
    let rounds: Vec<(Uuid, String, i64)> =
        on_db!(db, pool => sqlx::query_as(ROUNDS).bind(filter.consultation).bind(MOST).fetch_all(pool).await).map_err(failed)?;
    let tasks: Vec<(Uuid, String)> = on_db!(db, pool => sqlx::query_as(TASKS).bind(filter.consultation).bind(scope.organ).bind(scope.point)
        .bind(MOST).bind(filter.task).fetch_all(pool).await)
    .map_err(failed)?;
    let regions: Vec<String> =
        on_db!(db, pool => sqlx::query_scalar(REGIONS).bind(scope.organ).bind(scope.point).fetch_all(pool).await).map_err(failed)?;
    let consultations = rounds.into_iter().map(|(id, title, round)| (id, format!("{title}（第{round}轮）"))).collect();
    Ok(Choices { consultations, tasks, regions })
}

/// What an article is called in the text that a round asks about; its address where that text has none of it.
pub async fn name_article(db: &Db, consultation: Option<ConsultationId>, article: &str) -> Result<String> {
    if article.is_empty() {
        return Ok(WHOLE_DRAFT.into());
    }
    let label: Option<String> =
        on_db!(db, pool => sqlx::query_scalar(ARTICLE).bind(consultation).bind(article).fetch_optional(pool).await).map_err(failed)?;
    Ok(label.unwrap_or_else(|| article.to_owned()))
}

/// What the numbers can be narrowed by, in the order in which it is told.
pub const CONDITIONS: [&str; 8] = ["征求意见", "征集任务", "联系点", "区域", "条文", "渠道", "采纳情况", "期间"];

/// What a filter narrows the numbers to, as name and value in the order of [`CONDITIONS`]; what leaves nothing out is not told.
pub async fn tell_conditions(db: &Db, filter: &Filter, choices: &Choices) -> Result<Vec<(&'static str, String)>> {
    let named = |list: &[(Uuid, String)], id: Uuid| {
        list.iter().find(|(known, _)| *known == id).map_or_else(|| id.to_string(), |(_, label)| label.clone())
    };
    let mut values = [const { String::new() }; 8];
    if let Some(id) = filter.consultation {
        values[0] = named(&choices.consultations, id.0);
    }
    if let Some(id) = filter.task {
        values[1] = named(&choices.tasks, id.0);
    }
    if let Some(id) = filter.point {
        values[2] = get_point(db, id).await?.facts.name;
    } else if filter.is_without_point {
        values[2] = NO_POINT.into();
    }
    values[3] = filter.region.clone().unwrap_or_default();
    if let Some(article) = &filter.article {
        values[4] = name_article(db, filter.consultation, article).await?;
    }
    values[5] = filter.channel.map(|c| c.label().to_owned()).unwrap_or_default();
    values[6] = filter.outcome.as_deref().map(outcome_label).unwrap_or_default();
    values[7] = period(filter.from, filter.until);
    Ok(CONDITIONS.into_iter().zip(values).filter(|(_, value)| !value.is_empty()).collect())
}

fn period(from: Option<NaiveDate>, until: Option<NaiveDate>) -> String {
    match (from.map(calendar::written), until.map(calendar::written)) {
        (Some(from), Some(until)) => format!("{from}至{until}"),
        (Some(from), None) => format!("{from}起"),
        (None, Some(until)) => format!("至{until}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_told_by_the_days_that_it_has() {
        let (first, last) = (NaiveDate::from_ymd_opt(2026, 3, 1), NaiveDate::from_ymd_opt(2026, 3, 9));
        assert!(period(first, last).contains("至2026年3月9日"));
        assert!(period(first, None).ends_with('起') && period(None, last).starts_with('至'));
        assert_eq!(period(None, None), "");
    }
}
