//! 导入任务: an import that somebody started through the API or a page, with its progress and its report.
//!
//! Its files lie on a shelf of the store of originals, so that any instance can do the work, and another one when the first dies: see [`leases`]. Importing the
//! same content again is no change, so whoever goes on begins with the first file.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use super::import::{Importer, Input, Options, Progress, Report};
use crate::audit::{self, Act, NewEntry};
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, ImportJobId};
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::leases::{self, Begun};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

const INSERT: &str =
    "INSERT INTO import_job (id, state, name, is_dry_run, done, total, report, failure, created_by, created_at, updated_at, attempts)
    VALUES ($1, 'running', $2, $3, 0, NULL, $4, '', $5, $6, $6, 0)";
const INSERT_FILE: &str = "INSERT INTO import_job_file (job_id, ordinal, name, blob_hash, size_bytes) VALUES ($1, $2, $3, $4, $5)";
const LIST_FILES: &str = "SELECT name, blob_hash FROM import_job_file WHERE job_id = $1 ORDER BY ordinal";
const COPY_FILES: &str = "INSERT INTO import_job_file (job_id, ordinal, name, blob_hash, size_bytes)
    SELECT $1, ordinal, name, blob_hash, size_bytes FROM import_job_file WHERE job_id = $2";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM import_job WHERE id = $1";
const NEXT: &str = "SELECT id FROM import_job WHERE state = 'running' AND attempts < $1 AND (worker IS NULL OR heard_at < $2)
    AND EXISTS (SELECT 1 FROM import_job_file f WHERE f.job_id = import_job.id) ORDER BY created_at, id LIMIT 1";
const CLAIM: &str = "UPDATE import_job SET worker = $2, heard_at = $3, updated_at = $3, attempts = attempts + 1
    WHERE id = $1 AND state = 'running' AND attempts < $4 AND (worker IS NULL OR heard_at < $5)";
const PROGRESS: &str =
    "UPDATE import_job SET done = $3, total = $4, heard_at = $5, updated_at = $5 WHERE id = $1 AND worker = $2 AND state = 'running'";
const LET_GO: &str = "UPDATE import_job SET worker = NULL, attempts = attempts - 1 WHERE id = $1 AND worker = $2 AND state = 'running'";
const FINISH: &str = "UPDATE import_job SET state = $3, done = $4, total = $4, report = $5, failure = $6, updated_at = $7, worker = NULL,
    change_seq = CASE WHEN is_dry_run THEN NULL ELSE (SELECT MAX(seq) FROM change_feed) END
    WHERE id = $1 AND worker = $2 AND state = 'running'";
const GIVE_UP: &str = "UPDATE import_job SET state = 'failed', failure = $1, updated_at = $2, worker = NULL
    WHERE state = 'running' AND attempts >= $3 AND (worker IS NULL OR heard_at < $4)";
const ABANDON: &str = "UPDATE import_job SET state = 'failed', failure = $1, updated_at = $2
    WHERE state = 'running' AND updated_at < $3 AND NOT EXISTS (SELECT 1 FROM import_job_file f WHERE f.job_id = import_job.id)";
const FIND: &str =
    "SELECT id, state, name, is_dry_run, done, total, report, failure, change_seq, created_at, updated_at FROM import_job WHERE id = $1";
const LIST: &str = "SELECT id, state, name, is_dry_run, done, total, report, failure, change_seq, created_at, updated_at FROM import_job
    WHERE (id < $1 OR $1 IS NULL) ORDER BY id DESC LIMIT $2";
// A content that a job needs, or needed a short while ago, stays for all.
const LIST_SPENT: &str = "SELECT DISTINCT f.blob_hash FROM import_job_file f JOIN import_job j ON j.id = f.job_id
    WHERE j.state <> 'running' AND j.updated_at < $1
    AND NOT EXISTS (SELECT 1 FROM import_job_file g JOIN import_job k ON k.id = g.job_id
        WHERE g.blob_hash = f.blob_hash AND (k.state = 'running' OR k.updated_at >= $1)) LIMIT $2";
const FORGET_SPENT: &str = "DELETE FROM import_job_file WHERE blob_hash = $1
    AND job_id IN (SELECT j.id FROM import_job j WHERE j.state <> 'running' AND j.updated_at < $2)";
const COUNT_CONTENT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM import_job_file WHERE blob_hash = $1";
/// On PostgreSQL, keeping and removing files look at the shelf one after another; on SQLite their transactions do so by themselves.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239023)";

// Work that goes on is young; the newest are found by their id, whatever the number of all. What nobody works at waits for its turn.
const RUNNING: &str =
    "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN worker IS NOT NULL AND updated_at < $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
    FROM (SELECT state, worker, updated_at FROM import_job ORDER BY id DESC LIMIT $2) recent WHERE state = 'running'";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    INSERT,
    INSERT_FILE,
    LIST_FILES,
    COPY_FILES,
    COUNT,
    NEXT,
    CLAIM,
    PROGRESS,
    LET_GO,
    FINISH,
    GIVE_UP,
    ABANDON,
    FIND,
    LIST,
    LIST_SPENT,
    FORGET_SPENT,
    COUNT_CONTENT,
    RUNNING,
];

/// Jobs among which running ones are looked for, the newest.
const RECENT: i64 = 200;

/// The shelf of uploaded files in the store of originals. What was imported has its original beside the others.
pub const SHELF: &str = "imports/";
/// The column that names them.
pub const FILES: ContentColumn = ContentColumn { table: "import_job_file", column: "blob_hash", shelf: SHELF };

/// Hours for which the files of a job are kept after its end.
const KEPT_HOURS: i64 = 24;
/// Contents removed in one round.
const TIDIED: i64 = 200;
/// A job without files that has not been heard of for so long is taken for dead, in seconds.
const FILELESS_SILENT_SECONDS: i64 = 300;
/// Jobs that a process runs at the same time for those who upload; who comes when all places are taken waits, or is taken up elsewhere.
static PLACES: Semaphore = Semaphore::const_new(2);

/// What a job says that was begun too often.
const GIVEN_UP: &str = "导入三次都没有完成，系统不再自动重试。已导入的内容都在；请去掉可能有问题的文件，分批重新导入。";
/// What a job says whose files are gone.
const WITHOUT_FILES: &str = "服务在导入途中停止，上传的文件已不在。已导入的内容都在，重新导入同样的文件即可继续。";

text_enum! {
    /// State of a job.
    JobState {
        /// It goes on.
        Running = "running", "进行中";
        /// Every file has its row.
        Finished = "finished", "已完成";
        /// It broke off for good; what was stored stays and importing again goes on.
        Failed = "failed", "未完成";
    }
}

/// An import job.
#[derive(Clone, Debug)]
pub struct ImportJob {
    /// Id.
    pub id: ImportJobId,
    /// State.
    pub state: JobState,
    /// What was uploaded, by name.
    pub name: String,
    /// Whether it only checks.
    pub is_dry_run: bool,
    /// Input worked through, in bytes; when finished, rows of the report.
    pub done: i64,
    /// Whole input in the same unit, once known.
    pub total: Option<i64>,
    /// Outcome per file; empty while running.
    pub report: Report,
    /// Why it broke off; empty otherwise.
    pub failure: String,
    /// Number of the change of the feed up to which an index must have come to find what was imported; none while it runs and for a trial.
    pub change_seq: Option<i64>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Last news.
    pub updated_at: DateTime<Utc>,
}

impl ImportJob {
    /// Whether the files of a job that is over are certain to be there still.
    pub fn keeps_files(&self, now: DateTime<Utc>) -> bool {
        self.updated_at >= now - chrono::Duration::hours(KEPT_HOURS)
    }
}

#[derive(FromRow)]
struct JobRow {
    id: Uuid,
    state: String,
    name: String,
    is_dry_run: bool,
    done: i64,
    total: Option<i64>,
    report: Json<Report>,
    failure: String,
    change_seq: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl JobRow {
    fn into_job(self) -> ImportJob {
        ImportJob {
            id: ImportJobId(self.id),
            state: JobState::parse(&self.state).unwrap_or(JobState::Failed),
            name: self.name,
            is_dry_run: self.is_dry_run,
            done: self.done,
            total: self.total,
            report: self.report.0,
            failure: self.failure,
            change_seq: self.change_seq,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A file that somebody uploaded, kept in a temporary folder until it lies on the shelf.
#[derive(Debug)]
pub struct Upload {
    /// Where the bytes are.
    pub file: tempfile::NamedTempFile,
    /// The name that the sender gave it; only ever shown, never used as a path.
    pub name: String,
}

/// Starts an import of uploaded files and gives its job at once; the import goes on by itself, and is let go when the instance stops first.
///
/// # Errors
/// [`Code::Invalid`] without a file; whatever the database or the store of originals fails with, and nothing has begun then.
pub async fn start_job(
    importer: Importer,
    rules: &Rules,
    begun: &Begun,
    by: AccountId,
    uploads: Vec<Upload>,
    is_dry_run: bool,
) -> Result<ImportJobId> {
    let id = create_job(&importer, by, uploads, is_dry_run).await?;
    begin(importer, rules, begun, id);
    Ok(id)
}

/// Imports the files of a trial in full, without another upload; the import goes on as that of [`start_job`] does. The id is made by the caller: the same id again
/// is no change.
///
/// # Errors
/// [`Code::Conflict`] for a job that is no trial, that has not ended, or whose files are gone.
pub async fn start_checked(
    importer: Importer,
    rules: &Rules,
    begun: &Begun,
    by: AccountId,
    trial: ImportJobId,
    id: ImportJobId,
) -> Result<()> {
    if create_checked(&importer, by, trial, id).await? {
        begin(importer, rules, begun, id);
    }
    Ok(())
}

fn begin(importer: Importer, rules: &Rules, begun: &Begun, id: ImportJobId) {
    let rules = rules.clone();
    begun.begin(move |mut stopping| async move {
        let place = tokio::select! {
            biased;
            // Whoever waits has claimed nothing.
            () = leases::stopped(&mut stopping) => return,
            place = PLACES.acquire() => place,
        };
        let Ok(_place) = place else { return };
        match claim(&importer, &rules, id).await {
            Ok(Some(worker)) => {
                let (working, letting_go) = (work(&importer, &rules, id, worker), let_go(&importer, id, worker));
                leases::unless_stopped("imports", &mut stopping, working, letting_go).await;
            }
            // Another instance was faster.
            Ok(None) => {}
            Err(problem) => {
                tracing::warn!(
                    error = problem.code.slug(),
                    cause = problem.cause_chain(),
                    "an import could not be begun; it is tried again"
                )
            }
        }
    });
}

/// Keeps the files and notes a job that nobody works at yet.
pub async fn create_job(importer: &Importer, by: AccountId, uploads: Vec<Upload>, is_dry_run: bool) -> Result<ImportJobId> {
    let name = match uploads.as_slice() {
        [] => return Err(Error::invalid("files", "请至少选择一个文件。")),
        [one] => one.name.clone(),
        [first, ..] => format!("{} 等 {} 个文件", first.name, uploads.len()),
    };
    let shelf = importer.blobs.shelf(SHELF);
    let mut files = Vec::with_capacity(uploads.len());
    for upload in uploads {
        let bytes = tokio::fs::read(upload.file.path()).await?;
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let hash = shelf.put(bytes).await?;
        files.push((upload, hash, size));
    }
    let (id, now) = (ImportJobId(importer.ids.next()), importer.clock.now());
    let mut tx = importer.db.begin().await?;
    lock_shelf(&mut tx).await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT).bind(id).bind(&name).bind(is_dry_run).bind(Json(Report::default())).bind(by).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    for (ordinal, (upload, hash, size)) in (0i64..).zip(&files) {
        // Tidying may have removed the same content of an earlier job in between.
        if !shelf.holds(hash).await? {
            shelf.put(tokio::fs::read(upload.file.path()).await?).await?;
        }
        on_tx!(&mut tx, c => sqlx::query(INSERT_FILE).bind(id).bind(ordinal).bind(&upload.name).bind(hash.as_str()).bind(*size).execute(c).await.map(drop))
            .map_err(failed)?;
    }
    if !is_dry_run {
        record(&mut tx, &importer.clock, by, id, &name).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// Notes a job with the files of a trial that nobody works at yet; `false` when the id is known.
pub async fn create_checked(importer: &Importer, by: AccountId, trial: ImportJobId, id: ImportJobId) -> Result<bool> {
    let checked = get_job(&importer.db, trial).await?;
    if !checked.is_dry_run || checked.state != JobState::Finished {
        return Err(Error::new(Code::Conflict, "只有已经完成的试导入，才能接着导入。"));
    }
    let now = importer.clock.now();
    let spent = || Error::new(Code::Conflict, "试导入的文件只保存一天，现在已经清理。请重新上传，再导入。");
    if !checked.keeps_files(now) {
        return Err(spent());
    }
    let mut tx = importer.db.begin().await?;
    lock_shelf(&mut tx).await?;
    let known: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT).bind(id).fetch_one(c).await).map_err(failed)?;
    if known > 0 {
        return Ok(false);
    }
    on_tx!(&mut tx, c => sqlx::query(INSERT).bind(id).bind(&checked.name).bind(false).bind(Json(Report::default())).bind(by).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    let kept: u64 =
        on_tx!(&mut tx, c => sqlx::query(COPY_FILES).bind(id).bind(trial).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if kept == 0 {
        return Err(spent());
    }
    record(&mut tx, &importer.clock, by, id, &checked.name).await?;
    tx.commit().await?;
    Ok(true)
}

/// Writes the audit entry of an import; last in its transaction.
async fn record(tx: &mut Tx, clock: &Clock, by: AccountId, id: ImportJobId, name: &str) -> Result<()> {
    let entry = NewEntry {
        account_id: Some(by),
        act: Act::ImportDocuments,
        subject: "import_job",
        subject_id: Some(id.0),
        is_success: true,
        detail: name,
    };
    audit::append(tx, clock, entry).await
}

/// Claims a job that nobody works at; gives who works, or `None` when somebody does, or it is over.
pub async fn claim(importer: &Importer, rules: &Rules, id: ImportJobId) -> Result<Option<Uuid>> {
    let (worker, now) = (importer.ids.next(), importer.clock.now());
    let mut tx = importer.db.begin().await?;
    let claimed: u64 = on_tx!(&mut tx, c => sqlx::query(CLAIM)
        .bind(id).bind(worker).bind(now).bind(leases::ATTEMPTS).bind(leases::silent_before(rules, now))
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    Ok((claimed == 1).then_some(worker))
}

/// Claims the oldest job that nobody works at, and gives up those that were begun too often.
pub async fn claim_next(importer: &Importer, rules: &Rules) -> Result<Option<(ImportJobId, Uuid)>> {
    give_up(&importer.db, &importer.clock, rules).await?;
    let silent = leases::silent_before(rules, importer.clock.now());
    let next: Option<ImportJobId> =
        on_db!(&importer.db, pool => sqlx::query_scalar(NEXT).bind(leases::ATTEMPTS).bind(silent).fetch_optional(pool).await)
            .map_err(failed)?;
    let Some(id) = next else { return Ok(None) };
    Ok(claim(importer, rules, id).await?.map(|worker| (id, worker)))
}

/// Marks jobs as failed that were begun too often, and those without files whose process is silent.
async fn give_up(db: &Db, clock: &Clock, rules: &Rules) -> Result<()> {
    let now = clock.now();
    let fileless = now - chrono::Duration::seconds(FILELESS_SILENT_SECONDS);
    let mut tx = db.begin().await?;
    let given_up: u64 = on_tx!(&mut tx, c => sqlx::query(GIVE_UP)
        .bind(GIVEN_UP).bind(now).bind(leases::ATTEMPTS).bind(leases::silent_before(rules, now)).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(ABANDON).bind(WITHOUT_FILES).bind(now).bind(fileless).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await?;
    if given_up > 0 {
        tracing::error!(given_up, "imports were given up: each of their workers fell silent");
    }
    Ok(())
}

/// Works at a claimed job to its end. Never fails: what goes wrong is noted with the job; whoever was overtaken leaves no trace.
pub async fn work(importer: &Importer, rules: &Rules, id: ImportJobId, worker: Uuid) {
    let (sender, receiver) = watch::channel(None::<Progress>);
    let what = format!("import {id}");
    let pause = leases::sign_of_life(rules);
    let steady = async {
        let outcome = leases::steadily(&what, pause, || run(importer, id, sender.clone())).await;
        if let Err(problem) = &outcome {
            tracing::error!(error = problem.code.slug(), cause = problem.cause_chain(), "an import job broke off");
        }
        leases::steadily(&what, pause, || finish(importer, id, worker, &outcome)).await
    };
    let ended = tokio::select! {
        biased;
        ended = steady => ended,
        () = note_until_overtaken(importer, rules, id, worker, receiver) => Ok(false),
    };
    match ended {
        Ok(true) => {}
        Ok(false) => tracing::info!(job = id.to_string(), "an import is no longer this worker's; another one has it, or has ended it"),
        Err(problem) => {
            tracing::error!(error = problem.code.slug(), cause = problem.cause_chain(), "the end of an import could not be noted")
        }
    }
}

/// Fetches the files of a job and imports them.
async fn run(importer: &Importer, id: ImportJobId, sender: watch::Sender<Option<Progress>>) -> Result<Report> {
    let job = get_job(&importer.db, id).await?;
    let files: Vec<(String, String)> =
        on_db!(&importer.db, pool => sqlx::query_as(LIST_FILES).bind(id).fetch_all(pool).await).map_err(failed)?;
    let shelf = importer.blobs.shelf(SHELF);
    let folder = TempDir::new()?;
    let mut inputs = Vec::with_capacity(files.len());
    for (ordinal, (name, hash)) in files.into_iter().enumerate() {
        let hash = BlobHash::parse(&hash).ok_or_else(|| Error::defect("a file of an import without a content"))?;
        let bytes = shelf.get(&hash).await.map_err(|error| match error.code {
            Code::NotFound => Error::new(Code::NotFound, WITHOUT_FILES).caused_by(error),
            _ => error,
        })?;
        let path = folder.path().join(ordinal.to_string());
        tokio::fs::write(&path, bytes).await?;
        inputs.push(Input { path, name });
    }
    let options = Options { is_dry_run: job.is_dry_run, ..Options::default() };
    let mut on_progress = move |progress: Progress| {
        sender.send_replace(Some(progress));
    };
    importer.run(inputs, &options, &mut on_progress).await
}

/// Notes how far a job is, and with it that somebody works at it, also while nothing moves. Ends when somebody else does.
async fn note_until_overtaken(
    importer: &Importer,
    rules: &Rules,
    id: ImportJobId,
    worker: Uuid,
    mut receiver: watch::Receiver<Option<Progress>>,
) {
    loop {
        // The table need not know every batch.
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Without progress the time runs out, and that is news enough.
        let _ = tokio::time::timeout(leases::sign_of_life(rules), receiver.changed()).await;
        let progress = *receiver.borrow_and_update();
        let (done, total) =
            progress.map_or((0, None), |p| (i64::try_from(p.done_bytes).unwrap_or(i64::MAX), i64::try_from(p.total_bytes).ok()));
        match note_progress(importer, id, worker, done, total).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => {
                tracing::warn!(error = problem.code.slug(), cause = problem.cause_chain(), "the progress of an import could not be noted")
            }
        }
    }
}

/// Notes how far a job is; `false` when its worker was overtaken.
pub async fn note_progress(importer: &Importer, id: ImportJobId, worker: Uuid, done: i64, total: Option<i64>) -> Result<bool> {
    let now = importer.clock.now();
    let mut tx = importer.db.begin().await?;
    let noted: u64 = on_tx!(&mut tx, c => sqlx::query(PROGRESS)
        .bind(id).bind(worker).bind(done).bind(total).bind(now).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    Ok(noted == 1)
}

/// Notes the end of a job: its report, or why it broke off; `false` when its worker was overtaken, and nothing changes.
pub async fn finish(importer: &Importer, id: ImportJobId, worker: Uuid, outcome: &Result<Report>) -> Result<bool> {
    let now = importer.clock.now();
    let none = Report::default();
    let (state, report, failure) = match outcome {
        Ok(report) => (JobState::Finished, report, ""),
        Err(problem) => (JobState::Failed, &none, problem.detail.as_str()),
    };
    let done = i64::try_from(report.rows.len()).unwrap_or(i64::MAX);
    let mut tx = importer.db.begin().await?;
    let finished: u64 = on_tx!(&mut tx, c => sqlx::query(FINISH)
        .bind(id).bind(worker).bind(state.as_str()).bind(done).bind(Json(report)).bind(failure).bind(now)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    tx.commit().await?;
    Ok(finished == 1)
}

/// Lets a job go that the instance cannot finish before it stops: another one goes on at once.
async fn let_go(importer: &Importer, id: ImportJobId, worker: Uuid) -> Result<()> {
    let mut tx = importer.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(LET_GO).bind(id).bind(worker).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}

/// Takes up jobs that nobody works at, until it is told to stop.
pub async fn work_until_stopped(importer: Importer, rules: Rules, stopping: watch::Receiver<bool>) {
    let claim = || claim_next(&importer, &rules);
    let work = |(id, worker)| work(&importer, &rules, id, worker);
    let let_go = |(id, worker)| let_go(&importer, id, worker);
    leases::take_up_until_stopped("imports", leases::pause(&rules), stopping, claim, work, let_go).await;
}

/// Removes the files of jobs that ended a day ago, and says how many contents those were.
pub async fn forget_files(db: &Db, blobs: &Blobs, clock: &Clock) -> Result<u64> {
    let before = clock.now() - chrono::Duration::hours(KEPT_HOURS);
    let spent: Vec<String> =
        on_db!(db, pool => sqlx::query_scalar(LIST_SPENT).bind(before).bind(TIDIED).fetch_all(pool).await).map_err(failed)?;
    let shelf = blobs.shelf(SHELF);
    let mut removed = 0;
    for content in spent {
        let mut tx = db.begin().await?;
        lock_shelf(&mut tx).await?;
        on_tx!(&mut tx, c => sqlx::query(FORGET_SPENT).bind(&content).bind(before).execute(c).await.map(drop)).map_err(failed)?;
        // A job that came since it was listed may have the same content.
        let left: i64 = on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_CONTENT).bind(&content).fetch_one(c).await).map_err(failed)?;
        if left == 0 {
            if let Some(hash) = BlobHash::parse(&content) {
                shelf.remove(&hash).await?;
            }
            removed += 1;
        }
        tx.commit().await?;
    }
    Ok(removed)
}

async fn lock_shelf(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

/// How many of the newest jobs are running, and the workers of how many of these have been silent for [`leases::STUCK`]; one that waits for its turn is not stuck.
pub async fn count_running(db: &Db, now: DateTime<Utc>) -> Result<(i64, i64)> {
    let before = now - leases::STUCK;
    on_db!(db, pool => sqlx::query_as(RUNNING).bind(before).bind(RECENT).fetch_one(pool).await).map_err(failed)
}

/// The job, or "not found".
pub async fn get_job(db: &Db, id: ImportJobId) -> Result<ImportJob> {
    let row: Option<JobRow> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.map(JobRow::into_job).ok_or_else(|| Error::not_found("这个导入任务"))
}

/// Jobs, the newest first.
pub async fn list_jobs(db: &Db, cursor: Option<&str>, limit: usize) -> Result<Page<ImportJob>> {
    let before: Option<Uuid> = cursor.map(decode_cursor).transpose()?;
    let wanted = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows: Vec<JobRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(before).bind(wanted).fetch_all(pool).await).map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| row.id).map(JobRow::into_job))
}
