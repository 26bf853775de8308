//! Rows → opinions, some at a time, each with its provenance. What was written stays written: going on after a break writes the rest, and nothing twice.

use sqlx::types::Json;
use uuid::Uuid;

use super::weighing::{JUDGE, Standard, verdict};
use super::{Batch, BatchState, RowState, Uploads, hold_batch, open};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::contact_points::assignments::{self, own_point};
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, OpinionId, UploadBatchId};
use crate::opinions::offline::judging::Problem;
use crate::opinions::offline::recording::{self, NewOffline, Recorded, alike_of};
use crate::opinions::{Channel, wording};
use crate::storage::Db;
use crate::storage::leases::overtaken;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Rows written in one transaction.
const ROWS: i64 = 200;

const BEGIN: &str = "UPDATE upload_batch SET state = 'committing', revision = revision + 1, done = 0, total = $2, worker = $3, heard_at = $4, worked_for = $5, attempts = 1, failure = ''
    WHERE id = $1";
const NEXT: &str = "SELECT ordinal, sheet, cells_sealed, content_hash FROM upload_row WHERE batch_id = $1 AND state = 'ready' AND ordinal > $2 ORDER BY ordinal LIMIT $3";
const COMMITTED: &str = "UPDATE upload_row SET state = 'committed', opinion_id = $3 WHERE batch_id = $1 AND ordinal = $2";
const PROGRESS: &str = "UPDATE upload_batch SET done = done + $3, heard_at = $4 WHERE id = $1 AND worker = $2 AND state = 'committing'";
const FINISH: &str = "UPDATE upload_batch SET state = 'committed', revision = revision + 1, worker = NULL, worked_for = NULL, heard_at = $3, done = total, committed_by = $4, committed_at = $3
    WHERE id = $1 AND worker = $2 AND state = 'committing'";

const COUNT_OPEN: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM upload_batch WHERE assignment_id = $1 AND contact_point_id = $2
    AND state IN ('reading', 'mapping', 'checking', 'checked') AND (EXISTS (SELECT 1 FROM account u WHERE u.id = uploaded_by AND u.station_id = $3) OR $3 IS NULL)";
const LEFT_OUT: &str = "SELECT b.name, CAST(COUNT(*) AS BIGINT) FROM upload_batch b JOIN upload_row r ON r.batch_id = b.id
    WHERE b.assignment_id = $1 AND b.contact_point_id = $2 AND b.state = 'committed' AND r.state IN ('ready', 'problem')
    AND (EXISTS (SELECT 1 FROM account u WHERE u.id = b.uploaded_by AND u.station_id = $3) OR $3 IS NULL)
    GROUP BY b.id, b.name, b.uploaded_at ORDER BY b.uploaded_at, b.id";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[BEGIN, NEXT, COMMITTED, PROGRESS, FINISH, COUNT_OPEN, LEFT_OUT];

/// Which rows are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All: refused while a row has to be corrected.
    All,
    /// Those that can be; the others stay, to be corrected and committed later.
    Ready,
}

/// Files for an assignment of the caller's own point that were uploaded and are not committed.
pub async fn count_open(db: &Db, caller: &Caller, assignment: AssignmentId) -> Result<i64> {
    let point = own_point(caller)?;
    on_db!(db, pool => sqlx::query_scalar(COUNT_OPEN).bind(assignment).bind(point).bind(caller.station).fetch_one(pool).await)
        .map_err(failed)
}

/// Name and number of rows of each committed file for an assignment of the caller's own point that still has rows to be committed or corrected, the oldest
/// first. A submission loses them.
pub async fn list_left_out(db: &Db, caller: &Caller, assignment: AssignmentId) -> Result<Vec<(String, i64)>> {
    let point = own_point(caller)?;
    on_db!(db, pool => sqlx::query_as(LEFT_OUT).bind(assignment).bind(point).bind(caller.station).fetch_all(pool).await).map_err(failed)
}

/// Begins to commit a batch. Gives who works, for [`super::work`].
pub async fn commit(at: &Uploads, caller: &Caller, id: UploadBatchId, revision: i64, which: Which) -> Result<Uuid> {
    let batch = super::get_batch(&at.db, caller, id).await?;
    let own = assignments::get_own(&at.db, caller, batch.assignment_id).await?;
    let mut tx = at.db.begin().await?;
    recording::hold(&mut tx, caller, &own).await?;
    let batch = hold_batch(&mut tx, caller, id).await?;
    // Rows that were corrected after the first commit are committed like the first ones.
    batch.require(revision, matches!(batch.state, BatchState::Checked | BatchState::Committed), "导入")?;
    super::mapping::require_places(&mut tx, caller, batch.contact_point_id, &batch.defaults).await?;
    let (ready, problems) = (batch.counts.of(RowState::Ready), batch.counts.of(RowState::Problem));
    if which == Which::All && problems > 0 {
        return Err(Error::new(Code::Conflict, format!("还有 {problems} 行需要更正；请先更正或跳过，或者选择只导入可用的行。")));
    }
    if ready == 0 {
        return Err(Error::new(Code::Conflict, "没有可以导入的行。"));
    }
    let worker = at.ids.next();
    on_tx!(&mut tx, c => sqlx::query(BEGIN).bind(id).bind(ready).bind(worker).bind(at.clock.now()).bind(caller.account_id).execute(c).await.map(drop))
        .map_err(failed)?;
    tx.commit().await?;
    Ok(worker)
}

/// Writes what is ready.
pub(super) async fn run(at: &Uploads, caller: &Caller, batch: &Batch, worker: Uuid) -> Result<()> {
    let standard = Standard::read(at, caller, batch).await?;
    let naming = standard.naming();
    let mut judge = standard.judge(at, caller, batch, &naming);
    let mut after = -1i64;
    loop {
        let rows: Vec<(i64, i64, String, Option<String>)> =
            on_db!(&at.db, pool => sqlx::query_as(NEXT).bind(batch.id).bind(after).bind(ROWS).fetch_all(pool).await).map_err(failed)?;
        let Some(last) = rows.last().map(|row| row.0) else { break };
        let count = i64::try_from(rows.len()).unwrap_or(ROWS);
        let mut ready: Vec<(i64, Option<String>, Box<NewOffline>, wording::Wording)> = Vec::with_capacity(rows.len());
        let mut refused: Vec<(i64, Vec<Problem>)> = Vec::new();
        for (ordinal, sheet, sealed, content) in rows {
            let Some(sheet) = usize::try_from(sheet).ok().and_then(|i| batch.sheets.get(i)) else { continue };
            let found = verdict(at, &mut judge, sheet, ordinal, &open(&at.cipher, &sealed)?);
            // The round may have ended for a row since it was judged.
            let Some(new) = found.new else {
                refused.push((ordinal, found.problems));
                continue;
            };
            let alike = content.as_deref().map_or(0, alike_of);
            let prepared = recording::checked(&at.rules, NewOffline { row: Some((batch.id, ordinal)), alike, ..*new }).and_then(|new| {
                let place = new.opinion.address.as_ref().map(|address| (found.label.clone(), judge.text(address)));
                let wording = wording::set_against(new.opinion.clone(), place)?;
                Ok((new, wording))
            });
            match prepared {
                Ok((new, wording)) => ready.push((ordinal, content, Box::new(new), wording)),
                Err(error) => {
                    refused.push((ordinal, vec![Problem { column: None, is_error: true, sentence: error.detail, perhaps: None }]))
                }
            }
        }
        let mut tx = at.db.begin().await?;
        let (own, round) = recording::hold(&mut tx, caller, &standard.assignment).await?;
        let heard: u64 = on_tx!(&mut tx, c => sqlx::query(PROGRESS).bind(batch.id).bind(worker).bind(count).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
        if heard == 0 {
            return Err(overtaken());
        }
        let mut taken = 0;
        for (ordinal, content, new, wording) in ready {
            match recording::write(&mut tx, at.recorder(), caller, &own, &round, None, &new, wording).await? {
                Recorded::New(receipt) => {
                    let opinion: OpinionId = receipt.opinion_id;
                    on_tx!(&mut tx, c => sqlx::query(COMMITTED).bind(batch.id).bind(ordinal).bind(opinion).execute(c).await.map(drop))
                        .map_err(failed)?;
                    taken += 1;
                }
                Recorded::Known(receipt) => {
                    let sentence = format!("这条意见已经录入过（回执号 {}），不再重复计入。", receipt.number);
                    let problems = vec![Problem { column: None, is_error: false, sentence, perhaps: None }];
                    put(&mut tx, batch.id, ordinal, RowState::Duplicate, &problems, &receipt.provision_label, content.as_deref()).await?;
                }
            }
        }
        for (ordinal, problems) in refused {
            put(&mut tx, batch.id, ordinal, RowState::Problem, &problems, "", None).await?;
        }
        tx.commit().await?;
        at.taken.note(Channel::ContactPoint, taken);
        after = last;
    }
    let mut tx = at.db.begin().await?;
    let finished: u64 = on_tx!(&mut tx, c => sqlx::query(FINISH).bind(batch.id).bind(worker).bind(at.clock.now()).bind(caller.account_id).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if finished == 0 {
        return Err(overtaken());
    }
    let now = hold_batch(&mut tx, caller, batch.id).await?;
    let detail = format!("{}：{} 条", now.name, now.counts.of(RowState::Committed));
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::CommitUpload,
        subject: "upload_batch",
        subject_id: Some(batch.id.0),
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, &at.clock, entry).await?;
    tx.commit().await
}

async fn put(
    tx: &mut crate::storage::Tx,
    batch: UploadBatchId,
    ordinal: i64,
    state: RowState,
    problems: &[Problem],
    label: &str,
    content: Option<&str>,
) -> Result<()> {
    on_tx!(tx, c => sqlx::query(JUDGE)
        .bind(batch).bind(ordinal).bind(state.as_str()).bind(Json(problems)).bind(false).bind(label).bind(content).execute(c).await.map(drop))
    .map_err(failed)
}
