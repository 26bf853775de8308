//! What a contact point is collecting on now, for everybody: the drafts of its assignments whose round is open.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::error::Result;
use crate::ids::{Clock, ContactPointId, DraftId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::failed;

const LIST: &str = "SELECT d.id AS draft_id, d.title, MAX(c.closes_at) AS closes_at FROM collection_assignment a
    JOIN collection_task t ON t.id = a.task_id JOIN consultation c ON c.id = t.consultation_id JOIN draft d ON d.id = c.draft_id
    WHERE a.contact_point_id = $1 AND a.state IN ('sent', 'acknowledged', 'collecting', 'returned') AND c.opens_at <= $2 AND c.closes_at > $2
    AND c.withdrawn_at IS NULL AND d.withdrawn_at IS NULL GROUP BY d.id, d.title ORDER BY closes_at, d.id LIMIT 50";
const LIST_POINTS: &str = "SELECT DISTINCT a.contact_point_id FROM collection_assignment a
    JOIN collection_task t ON t.id = a.task_id JOIN consultation c ON c.id = t.consultation_id JOIN draft d ON d.id = c.draft_id
    WHERE a.state IN ('sent', 'acknowledged', 'collecting', 'returned') AND c.opens_at <= $1 AND c.closes_at > $1
    AND c.withdrawn_at IS NULL AND d.withdrawn_at IS NULL";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, LIST_POINTS];

/// A draft that a point collects opinions on.
#[derive(Clone, Debug, FromRow)]
pub struct CollectedDraft {
    /// The draft.
    pub draft_id: DraftId,
    /// Its title.
    pub title: String,
    /// First instant that is too late for its round.
    pub closes_at: DateTime<Utc>,
}

/// Drafts that a point collects opinions on now, those that end first first.
pub async fn list_collected_drafts(db: &Db, clock: &Clock, point: ContactPointId) -> Result<Vec<CollectedDraft>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(point).bind(clock.now()).fetch_all(pool).await).map_err(failed)
}

/// Points that collect opinions now.
pub async fn list_collecting_points(db: &Db, clock: &Clock) -> Result<Vec<ContactPointId>> {
    on_db!(db, pool => sqlx::query_scalar(LIST_POINTS).bind(clock.now()).fetch_all(pool).await).map_err(failed)
}
