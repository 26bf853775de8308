//! 导入任务: an import that somebody started through the API or a page, with its progress and its report.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::import::{Importer, Input, Options, Progress, Report};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, IdSource, ImportJobId};
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, on_tx, text_enum};

const INSERT: &str =
    "INSERT INTO import_job (id, state, name, is_dry_run, done, total, report, failure, created_by, created_at, updated_at)
    VALUES ($1, 'running', $2, $3, 0, NULL, $4, '', $5, $6, $6)";
const PROGRESS: &str = "UPDATE import_job SET done = $2, total = $3, updated_at = $4 WHERE id = $1 AND state = 'running'";
const FINISH: &str = "UPDATE import_job SET state = $2, done = $3, total = $3, report = $4, failure = $5, updated_at = $6 WHERE id = $1";
const FIND: &str = "SELECT id, state, name, is_dry_run, done, total, report, failure, created_at, updated_at FROM import_job WHERE id = $1";
const LIST: &str = "SELECT id, state, name, is_dry_run, done, total, report, failure, created_at, updated_at FROM import_job
    WHERE (id < $1 OR $1 IS NULL) ORDER BY id DESC LIMIT $2";
const ABANDON: &str = "UPDATE import_job SET state = 'failed', failure = $1, updated_at = $2 WHERE state = 'running' AND updated_at < $3";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, PROGRESS, FINISH, FIND, LIST, ABANDON];

/// A running job that has not been heard of for so long is taken for dead, in seconds.
pub const SILENT_SECONDS: i64 = 300;

text_enum! {
    /// State of a job.
    JobState {
        /// It goes on.
        Running = "running", "进行中";
        /// Every file has its row.
        Finished = "finished", "已完成";
        /// It broke off; what was stored stays and importing again goes on.
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
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Last news.
    pub updated_at: DateTime<Utc>,
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
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A file that somebody uploaded, kept in a temporary folder until the job is over.
#[derive(Debug)]
pub struct Upload {
    /// Where the bytes are.
    pub file: tempfile::NamedTempFile,
    /// The name that the sender gave it; only ever shown, never used as a path.
    pub name: String,
}

/// Starts an import of uploaded files and gives its job at once; the import goes on by itself.
pub async fn start_job(importer: Importer, by: AccountId, uploads: Vec<Upload>, is_dry_run: bool) -> Result<ImportJobId> {
    let name = match uploads.as_slice() {
        [] => return Err(Error::invalid("files", "请至少选择一个文件。")),
        [one] => one.name.clone(),
        [first, ..] => format!("{} 等 {} 个文件", first.name, uploads.len()),
    };
    abandon_silent_jobs(&importer.db, &importer.clock).await?;
    let id = create_job(&importer.db, &importer.clock, &importer.ids, by, &name, is_dry_run).await?;
    tokio::spawn(run_job(importer, id, uploads, is_dry_run));
    Ok(id)
}

async fn run_job(importer: Importer, id: ImportJobId, uploads: Vec<Upload>, is_dry_run: bool) {
    let inputs = uploads.iter().map(|u| Input { path: u.file.path().to_owned(), name: u.name.clone() }).collect();
    let (sender, mut receiver) = tokio::sync::watch::channel(None::<Progress>);
    let (db, clock) = (importer.db.clone(), importer.clock.clone());
    let noting = tokio::spawn(async move {
        while receiver.changed().await.is_ok() {
            let progress = *receiver.borrow_and_update();
            if let Some(p) = progress {
                let (done, total) = (i64::try_from(p.done_bytes).unwrap_or(i64::MAX), i64::try_from(p.total_bytes).ok());
                if let Err(problem) = note_progress(&db, &clock, id, done, total).await {
                    tracing::warn!(
                        error = problem.code.slug(),
                        cause = problem.cause_chain(),
                        "the progress of an import could not be noted"
                    );
                }
            }
            // The table need not know every batch.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    });
    let options = Options { is_dry_run, ..Options::default() };
    let mut on_progress = move |progress: Progress| {
        sender.send_replace(Some(progress));
    };
    let outcome = importer.run(inputs, &options, &mut on_progress).await;
    drop(on_progress);
    // Progress noted after the end would not harm: it only touches running jobs.
    drop(noting);
    drop(uploads);
    if let Err(problem) = finish_job(&importer.db, &importer.clock, id, outcome).await {
        tracing::error!(error = problem.code.slug(), cause = problem.cause_chain(), "the end of an import could not be noted");
    }
}

/// Notes a job that begins.
async fn create_job(db: &Db, clock: &Clock, ids: &IdSource, by: AccountId, name: &str, is_dry_run: bool) -> Result<ImportJobId> {
    let (id, now) = (ImportJobId(ids.next()), clock.now());
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT).bind(id).bind(name).bind(is_dry_run).bind(Json(Report::default())).bind(by).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    if !is_dry_run {
        let entry = NewEntry {
            account_id: Some(by),
            act: Act::ImportDocuments,
            subject: "import_job",
            subject_id: Some(id.0),
            is_success: true,
            detail: name,
        };
        audit::append(&mut tx, clock, entry).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// Notes how far a job is.
async fn note_progress(db: &Db, clock: &Clock, id: ImportJobId, done: i64, total: Option<i64>) -> Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(PROGRESS).bind(id).bind(done).bind(total).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
}

/// Notes the end of a job: its report, or why it broke off.
async fn finish_job(db: &Db, clock: &Clock, id: ImportJobId, outcome: Result<Report>) -> Result<()> {
    let now = clock.now();
    let (state, report, failure) = match outcome {
        Ok(report) => (JobState::Finished, report, String::new()),
        Err(problem) => {
            tracing::error!(error = problem.code.slug(), cause = problem.cause_chain(), "an import job broke off");
            (JobState::Failed, Report::default(), problem.detail)
        }
    };
    let done = i64::try_from(report.rows.len()).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(FINISH).bind(id).bind(state.as_str()).bind(done).bind(Json(report)).bind(failure).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    tx.commit().await
}

/// Marks jobs whose process died: running, but silent for [`SILENT_SECONDS`].
async fn abandon_silent_jobs(db: &Db, clock: &Clock) -> Result<()> {
    let now = clock.now();
    let before = now - chrono::Duration::seconds(SILENT_SECONDS);
    let reason = "服务在导入途中停止。已导入的内容都在，重新导入同样的文件即可继续。";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(ABANDON).bind(reason).bind(now).bind(before).execute(c).await.map(drop)).map_err(failed)?;
    tx.commit().await
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
