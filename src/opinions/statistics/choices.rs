//! What the numbers can be narrowed to: rounds, tasks and districts that there are.

use uuid::Uuid;

use super::scope_of;
use crate::accounts::Caller;
use crate::error::Result;
use crate::ids::ConsultationId;
use crate::on_db;
use crate::opinions::WHOLE_DRAFT;
use crate::storage::Db;
use crate::storage::sql::failed;

/// Rounds and tasks offered, the newest first.
const MOST: i64 = 300;

const ROUNDS: &str =
    "SELECT k.id, d.title, k.round FROM consultation k JOIN draft d ON d.id = k.draft_id ORDER BY k.opens_at DESC, k.id LIMIT $1";
const TASKS: &str = "SELECT t.id, t.title FROM collection_task t WHERE (t.consultation_id = $1 OR $1 IS NULL)
    AND EXISTS (SELECT 1 FROM collection_assignment s JOIN contact_point c ON c.id = s.contact_point_id
    WHERE s.task_id = t.id AND (c.organ_id = $2 OR $2 IS NULL) AND (c.id = $3 OR $3 IS NULL)) ORDER BY t.created_at DESC, t.id LIMIT $4";
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

/// What a caller can narrow the numbers to.
pub async fn list_choices(db: &Db, caller: &Caller, consultation: Option<ConsultationId>) -> Result<Choices> {
    let scope = scope_of(caller)?;
    let rounds: Vec<(Uuid, String, i64)> = on_db!(db, pool => sqlx::query_as(ROUNDS).bind(MOST).fetch_all(pool).await).map_err(failed)?;
    let tasks: Vec<(Uuid, String)> =
        on_db!(db, pool => sqlx::query_as(TASKS).bind(consultation).bind(scope.organ).bind(scope.point).bind(MOST).fetch_all(pool).await)
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
