//! Taking a file in, once, and working at it in the background.
//!
//! Whoever works claims the batch and says from time to time that they still do; a claim that has been silent is dead, and the work is taken up by itself, or by
//! anybody of the point, of a station's file anybody of that station.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Batch, BatchState, FIND_OWN, FIND_SAME, Row, Uploads, absent, committing, get_batch, reading, weighing};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::calendar;
use crate::contact_points::assignments::{self, own_point};
use crate::documents::tables::TableLimits;
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, UploadBatchId};
use crate::opinions::offline::judging::Defaults;
use crate::opinions::offline::provenance::{Consent, Method};
use crate::opinions::offline::recording;
use crate::storage::Db;
use crate::storage::blobs::BlobHash;
use crate::storage::leases;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Longest name of a file, in characters.
const NAME_CHARACTERS: usize = 200;

const INSERT: &str = "INSERT INTO upload_batch (id, assignment_id, contact_point_id, consultation_id, name, blob_hash, size_bytes, format, state, revision, done, total, heard_at,
    worker, failure, layout, notices, defaults, uploaded_by, uploaded_at, undo_reason, worked_for, attempts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, '', 'reading', 1, 0, 0, $8, $9, '', $10, $11, $12, $13, $8, '', $13, 1) ON CONFLICT DO NOTHING";
const CLAIM: &str =
    "UPDATE upload_batch SET worker = $3, heard_at = $4, worked_for = $7, attempts = 1, failure = '' WHERE id = $1 AND contact_point_id = $2
    AND state IN ('reading', 'checking', 'committing') AND (worker IS NULL OR heard_at < $5)
    AND (EXISTS (SELECT 1 FROM account u WHERE u.id = uploaded_by AND u.station_id = $6) OR $6 IS NULL)";
const HEAR: &str = "UPDATE upload_batch SET heard_at = $3 WHERE id = $1 AND worker = $2";
pub(super) const RELEASE: &str = "UPDATE upload_batch SET worker = NULL, failure = $3, heard_at = $4 WHERE id = $1 AND worker = $2";
const FAIL: &str = "UPDATE upload_batch SET state = 'failed', revision = revision + 1, worker = NULL, failure = $3, heard_at = $4 WHERE id = $1 AND worker = $2";
// Work that goes on is young; the newest are found by their id, whatever the number of all.
const WORKING: &str = "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN failure <> '' OR heard_at < $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
    FROM (SELECT state, failure, heard_at FROM upload_batch ORDER BY id DESC LIMIT $2) recent WHERE state IN ('reading', 'checking', 'committing')";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, CLAIM, HEAR, RELEASE, FAIL, WORKING];

/// Batches among which those that are worked at are looked for, the newest.
const RECENT: i64 = 500;

/// What became of an upload.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// The batch.
    pub batch: UploadBatchId,
    /// Who works at it, for [`work`]; `None`: the same file was uploaded before, and nothing was created.
    pub worker: Option<Uuid>,
    /// Says so, with when and by whom; empty for a new file.
    pub notice: String,
}

/// Takes a file in for an assignment of the caller's own point. [`work`] reads it.
///
/// # Errors
/// [`Code::Conflict`] when the point has the same file from a station that is not the caller's.
pub async fn upload(at: &Uploads, caller: &Caller, assignment: AssignmentId, name: &str, bytes: Vec<u8>) -> Result<Uploaded> {
    let own = assignments::get_own(&at.db, caller, assignment).await?;
    let limit = TableLimits::default().max_file_bytes;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::TooLarge, format!("文件超过上限 {} MB，请分成几个文件上传。", limit >> 20)));
    }
    if bytes.is_empty() {
        return Err(Error::invalid("file", "文件是空的，请重新选择。"));
    }
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let hash = at.blobs.put(bytes).await?;
    let (id, worker, now) = (UploadBatchId(at.ids.next()), at.ids.next(), at.clock.now());
    let mut tx = at.db.begin().await?;
    let (own, round) = recording::hold(&mut tx, caller, &own).await?;
    // What most rows hold true, as long as nobody says otherwise: today, or the last day of the round.
    let today = calendar::day_of(now);
    let day: NaiveDate = today.min(round.closes_on()).max(round.opens_on());
    let defaults = Defaults {
        collected_on: (day <= today).then_some(day),
        method: Method::Visit,
        station: caller.station,
        activity: None,
        consent: Consent::NotAsked,
        collector: String::new(),
        place: String::new(),
    };
    let name = name_of(name);
    let written: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(own.id).bind(own.contact_point_id).bind(round.id).bind(&name).bind(hash.as_str()).bind(size).bind(now).bind(worker)
        .bind(Json(Vec::<super::Sheet>::new())).bind(Json(Vec::<String>::new())).bind(Json(&defaults)).bind(caller.account_id)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if written == 0 {
        let known: Option<Row> =
            on_tx!(&mut tx, c => sqlx::query_as(FIND_SAME).bind(own.id).bind(hash.as_str()).fetch_optional(c).await).map_err(failed)?;
        let known = known.ok_or_else(|| Error::defect("an upload was neither written nor found"))?;
        let seen: Option<Row> = on_tx!(&mut tx, c => sqlx::query_as(FIND_OWN)
            .bind(known.id).bind(own.contact_point_id).bind(caller.station).fetch_optional(c).await)
        .map_err(failed)?;
        // The batch of another station is not the caller's to see: neither by whom, nor when, nor what became of it.
        if seen.is_none() {
            return Err(Error::new(Code::Conflict, "同样的文件已由本联系点的其他同事上传过，没有重复导入。"));
        }
        let when = crate::ids::shanghai(known.uploaded_at).format("%Y年%-m月%-d日 %H:%M");
        let state = BatchState::stored(&known.state)?.label();
        let notice = format!("这份文件已由{}于 {when} 上传（{}，{state}），没有重复创建。", known.uploaded_by, known.name);
        return Ok(Uploaded { batch: known.id, worker: None, notice });
    }
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::UploadOpinions,
        subject: "upload_batch",
        subject_id: Some(id.0),
        is_success: true,
        detail: &name,
    };
    audit::append(&mut tx, &at.clock, entry).await?;
    tx.commit().await?;
    Ok(Uploaded { batch: id, worker: Some(worker), notice: String::new() })
}

/// The last part of a name, without control characters; only ever shown.
fn name_of(name: &str) -> String {
    let name: String = name.rsplit(['/', '\\']).next().unwrap_or(name).chars().filter(|c| !c.is_control()).collect();
    let length = name.chars().count();
    let name: String = name.trim().chars().skip(length.saturating_sub(NAME_CHARACTERS)).collect();
    if name.is_empty() { "未命名".into() } else { name }
}

/// The uploaded file as it came.
pub async fn get_original(at: &Uploads, caller: &Caller, id: UploadBatchId) -> Result<(Batch, Vec<u8>)> {
    let batch = get_batch(&at.db, caller, id).await?;
    let hash = BlobHash::parse(&batch.blob_hash).ok_or_else(|| Error::defect("a batch without a content"))?;
    let bytes = at.blobs.get(&hash).await?;
    Ok((batch, bytes))
}

/// Takes over work that broke off; its tries by itself are counted anew. Gives who works, for [`work`].
pub async fn resume(at: &Uploads, caller: &Caller, id: UploadBatchId) -> Result<Uuid> {
    let point = own_point(caller)?;
    let (worker, now) = (at.ids.next(), at.clock.now());
    let mut tx = at.db.begin().await?;
    let claimed: u64 = on_tx!(&mut tx, c => sqlx::query(CLAIM)
        .bind(id).bind(point).bind(worker).bind(now).bind(leases::silent_before(&at.rules, now)).bind(caller.station)
        .bind(caller.account_id)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    if claimed == 1 {
        return Ok(worker);
    }
    let batch = get_batch(&at.db, caller, id).await?;
    let sentence =
        if batch.state.is_working() { "这一批正在处理，不需要重新开始。" } else { "这一批没有中断的工作。" };
    Err(Error::new(Code::Conflict, sentence))
}

/// How many of the newest batches are to be worked at, and how many of these nobody works at although others should have taken them up: a person has to.
pub async fn count_working(db: &Db, now: DateTime<Utc>) -> Result<(i64, i64)> {
    let before = now - leases::STUCK;
    on_db!(db, pool => sqlx::query_as(WORKING).bind(before).bind(RECENT).fetch_one(pool).await).map_err(failed)
}

/// Works at a claimed batch until a person has the word. Never fails: what goes wrong is noted with the batch.
pub async fn work(at: Uploads, caller: Caller, id: UploadBatchId, worker: Uuid) {
    let what = format!("batch {id}");
    let every = leases::sign_of_life(&at.rules);
    let steady = leases::steadily(&what, every, || steps(&at, &caller, id, worker));
    // Also while a step is silent: a large sheet is read for longer than a claim lasts.
    let Err(error) = leases::while_alive(steady, every, || hear(&at, id, worker)).await else { return };
    let is_file = matches!(error.code, Code::UnreadableFile | Code::UnsupportedMedia | Code::TooLarge);
    if !is_file {
        tracing::warn!(
            batch = id.to_string(),
            error = error.code.slug(),
            cause = error.cause_chain(),
            "work at a batch of opinions broke off"
        );
    }
    let (statement, sentence) = if is_file {
        (FAIL, error.detail)
    } else {
        (RELEASE, format!("处理中断：{} 已完成的部分都在，可以点“继续”。", error.detail))
    };
    let noted = leases::steadily(&what, every, || note_end(&at, id, worker, statement, &sentence)).await;
    if let Err(error) = noted {
        tracing::error!(
            batch = id.to_string(),
            error = error.code.slug(),
            cause = error.cause_chain(),
            "the end of work at a batch could not be noted"
        );
    }
}

/// Notes why work ended; nothing when somebody else took it over.
async fn note_end(at: &Uploads, id: UploadBatchId, worker: Uuid, statement: &'static str, sentence: &str) -> Result<()> {
    let mut tx = at.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(statement).bind(id).bind(worker).bind(sentence).bind(at.clock.now()).execute(c).await.map(drop))
        .map_err(failed)?;
    tx.commit().await
}

async fn steps(at: &Uploads, caller: &Caller, id: UploadBatchId, worker: Uuid) -> Result<()> {
    loop {
        let batch = get_batch(&at.db, caller, id).await.map_err(|error| if error.code == Code::NotFound { absent() } else { error })?;
        match batch.state {
            BatchState::Reading => reading::read(at, caller, &batch, worker).await?,
            BatchState::Checking => return weighing::weigh(at, caller, &batch, worker).await,
            BatchState::Committing => return committing::run(at, caller, &batch, worker).await,
            _ => return Ok(()),
        }
    }
}

/// Says that the work goes on; an error when somebody else took it over.
async fn hear(at: &Uploads, id: UploadBatchId, worker: Uuid) -> Result<()> {
    let mut tx = at.db.begin().await?;
    let heard: u64 = on_tx!(&mut tx, c => sqlx::query(HEAR)
        .bind(id).bind(worker).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    if heard == 0 { Err(leases::overtaken()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_lose_folders_and_length() {
        assert_eq!(name_of("C:\\意见\\汇总.xlsx"), "汇总.xlsx");
        assert_eq!(name_of(" \u{7}"), "未命名");
        let long = name_of(&format!("{}.xlsx", "长".repeat(500)));
        assert!(long.ends_with(".xlsx") && long.chars().count() == NAME_CHARACTERS);
    }
}
