//! Taking back everything that a batch created, in one act; giving up a batch that created nothing.

use sqlx::types::Json;

use super::{Batch, BatchState, RowState, Uploads, get_batch, hold_batch};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::contact_points::assignments::{self, Assignment};
use crate::error::{Code, Error, Result};
use crate::ids::{OpinionId, UploadBatchId};
use crate::on_tx;
use crate::opinions::offline::judging::Problem;
use crate::opinions::offline::recording;
use crate::storage::Tx;
use crate::storage::sql::failed;

/// Longest reason, in characters.
pub const REASON_CHARACTERS: usize = 500;

const COUNT_ANSWERED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id
    WHERE v.batch_id = $1 AND v.undone_at IS NULL AND (o.state IN ('answer_prepared', 'answer_reviewed', 'answered', 'excluded')
    OR EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = o.id))";
const WITHDRAW: &str = "UPDATE opinion SET state = 'withdrawn', withdrawn_at = $2, undone_at = $2, group_id = NULL
    WHERE id IN (SELECT opinion_id FROM opinion_provenance WHERE batch_id = $1 AND undone_at IS NULL)";
const MARK: &str = "UPDATE opinion_provenance SET undone_at = $2 WHERE batch_id = $1 AND undone_at IS NULL";
const MARK_ROWS: &str = "UPDATE upload_row SET state = 'undone' WHERE batch_id = $1 AND state = 'committed'";
const UNDO: &str = "UPDATE upload_batch SET state = 'undone', revision = revision + 1, worker = NULL, undone_by = $2, undone_at = $3, undo_reason = $4 WHERE id = $1";
macro_rules! revive {
    ($undone:literal) => {
        concat!(
            "UPDATE upload_row SET state = 'ready', problems = $4, has_warnings = FALSE WHERE state = 'duplicate'
            AND content_hash IN (SELECT v.content_hash FROM opinion_provenance v WHERE ",
            $undone,
            ") AND batch_id IN (SELECT b.id FROM upload_batch b WHERE b.contact_point_id = $2 AND b.consultation_id = $3 AND b.state IN ('checked', 'committed'))
            AND NOT EXISTS (SELECT 1 FROM upload_row e WHERE e.batch_id = upload_row.batch_id AND e.content_hash = upload_row.content_hash
                AND e.ordinal < upload_row.ordinal AND e.state IN ('ready', 'duplicate', 'committed'))"
        )
    };
}
/// What was left out because of what is undone stands by itself now: of equal rows of a file the first.
const REVIVE_OF_BATCH: &str = revive!("v.batch_id = $1");
const REVIVE_OF_OPINION: &str = revive!("v.opinion_id = $1");
/// Who saw those batches before has to look again.
const TOUCH: &str = "UPDATE upload_batch SET revision = revision + 1 WHERE contact_point_id = $1 AND consultation_id = $2 AND state IN ('checked', 'committed')";
const DISCARD: &str = "UPDATE upload_batch SET state = 'discarded', revision = revision + 1, worker = NULL WHERE id = $1";
const FORGET_ROWS: &str = "DELETE FROM upload_row WHERE batch_id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[COUNT_ANSWERED, WITHDRAW, MARK, MARK_ROWS, UNDO, REVIVE_OF_BATCH, REVIVE_OF_OPINION, TOUCH, DISCARD, FORGET_ROWS];

/// Takes back everything that a batch created: all or nothing, while the assignment takes opinions and none of them has an answer. The file may be uploaded again.
pub async fn undo(at: &Uploads, caller: &Caller, id: UploadBatchId, revision: i64, reason: &str) -> Result<Batch> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请填写撤销的理由，不超过 {REASON_CHARACTERS} 个字。")));
    }
    let batch = get_batch(&at.db, caller, id).await?;
    let own = assignments::get_own(&at.db, caller, batch.assignment_id).await?;
    let mut tx = at.db.begin().await?;
    recording::hold(&mut tx, caller, &own).await?;
    let batch = hold_batch(&mut tx, caller, id).await?;
    let is_stalled = batch.state == BatchState::Committing && batch.is_stalled(at.clock.now(), &at.rules);
    batch.require(revision, batch.state == BatchState::Committed || is_stalled, "撤销")?;
    let answered: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_ANSWERED).bind(id).fetch_one(c).await).map_err(failed)?;
    if answered > 0 {
        return Err(Error::new(Code::Conflict, format!("这一批中有 {answered} 条意见已经有了办理结果，不能整批撤销；请联系司法局。")));
    }
    let now = at.clock.now();
    for statement in [WITHDRAW, MARK] {
        on_tx!(&mut tx, c => sqlx::query(statement).bind(id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    }
    revive(&mut tx, &own, Undone::Batch(id)).await?;
    on_tx!(&mut tx, c => sqlx::query(MARK_ROWS).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(UNDO).bind(id).bind(caller.account_id).bind(now).bind(reason).execute(c).await.map(drop))
        .map_err(failed)?;
    let detail = format!("{}：{} 条", batch.name, batch.counts.of(RowState::Committed));
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::UndoUpload,
        subject: "upload_batch",
        subject_id: Some(id.0),
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, &at.clock, entry).await?;
    tx.commit().await?;
    get_batch(&at.db, caller, id).await
}

/// What is undone.
pub(in crate::opinions::offline) enum Undone {
    /// Everything that a batch created.
    Batch(UploadBatchId),
    /// One opinion.
    Opinion(OpinionId),
}

/// Lets rows of other files that only repeated what is undone stand by themselves.
pub(in crate::opinions::offline) async fn revive(tx: &mut Tx, own: &Assignment, undone: Undone) -> Result<()> {
    let (point, round, none) = (own.contact_point_id, own.consultation_id, Json(Vec::<Problem>::new()));
    let revived: u64 = match undone {
        Undone::Batch(id) => {
            on_tx!(&mut *tx, c => sqlx::query(REVIVE_OF_BATCH).bind(id).bind(point).bind(round).bind(&none).execute(c).await.map(|d| d.rows_affected()))
        }
        Undone::Opinion(id) => {
            on_tx!(&mut *tx, c => sqlx::query(REVIVE_OF_OPINION).bind(id).bind(point).bind(round).bind(&none).execute(c).await.map(|d| d.rows_affected()))
        }
    }
    .map_err(failed)?;
    if revived > 0 {
        on_tx!(tx, c => sqlx::query(TOUCH).bind(point).bind(round).execute(c).await.map(drop)).map_err(failed)?;
    }
    Ok(())
}

/// Gives up a batch that created nothing, also one whose file cannot be read; its rows are forgotten, its file is kept.
pub async fn discard(at: &Uploads, caller: &Caller, id: UploadBatchId, revision: i64) -> Result<Batch> {
    let mut tx = at.db.begin().await?;
    let batch = hold_batch(&mut tx, caller, id).await?;
    let is_stalled = matches!(batch.state, BatchState::Reading | BatchState::Checking) && batch.is_stalled(at.clock.now(), &at.rules);
    batch.require(revision, batch.state.is_open() || batch.state == BatchState::Failed || is_stalled, "放弃")?;
    on_tx!(&mut tx, c => sqlx::query(FORGET_ROWS).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(DISCARD).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::DiscardUpload,
        subject: "upload_batch",
        subject_id: Some(id.0),
        is_success: true,
        detail: &batch.name,
    };
    audit::append(&mut tx, &at.clock, entry).await?;
    tx.commit().await?;
    get_batch(&at.db, caller, id).await
}
