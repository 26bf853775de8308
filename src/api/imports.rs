//! Import of legal texts by legislative staff: upload, progress, report per file.

use std::io::Write;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::multipart::Upload as UploadField;
use poem_openapi::{ApiResponse, Multipart, Object, OpenApi};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::corpus::import::Row;
use crate::corpus::jobs::{self, ImportJob, Upload};
use crate::error::{Code, Error, Result as DomainResult};
use crate::ids::ImportJobId;

/// Largest upload, in bytes; larger collections are imported on the server with `zhitong import`.
const UPLOAD_BYTES: u64 = 64 * 1024 * 1024;

/// Files to import.
#[derive(Debug, Multipart)]
struct ImportBody {
    /// One or more files: docx, md, html, txt, jsonl, or a zip of them; 64 MiB in all
    files: Vec<UploadField>,
    /// Only check, and write nothing
    #[oai(default)]
    dry_run: bool,
}

/// What became of one file.
#[derive(Object)]
struct ImportRowView {
    /// File, or path in the archive
    name: String,
    /// new, new_version, corrected, unchanged, skipped or problem
    outcome: String,
    /// Title of the document; empty when none was recognised
    title: String,
    /// Number of 条
    articles: u64,
    /// Why, for a problem or a skipped file
    reason: String,
    /// What a person should know about the reading
    notices: Vec<String>,
}

/// An import job.
#[derive(Object)]
struct ImportJobView {
    /// Id
    id: Uuid,
    /// running, finished or failed
    state: String,
    /// What was uploaded
    name: String,
    /// Whether it only checks
    is_dry_run: bool,
    /// Input worked through, in bytes; when finished, rows
    done: i64,
    /// Whole input, in the same unit, once known
    #[oai(skip_serializing_if_is_none)]
    total: Option<i64>,
    /// Why it broke off
    #[oai(skip_serializing_if = "String::is_empty", default)]
    failure: String,
    /// Change up to which an index must have come to find what was imported: the value of `Read-After` for a search; once over, and not for a trial
    #[oai(skip_serializing_if_is_none)]
    change_seq: Option<i64>,
    /// Whether searches at the instance that answers find what was imported; once over, and not for a trial
    #[oai(skip_serializing_if_is_none)]
    is_searchable: Option<bool>,
    /// A row for each file, once finished
    rows: Vec<ImportRowView>,
}

/// One page of jobs.
#[derive(Object)]
struct ImportJobPageView {
    /// Jobs, the newest first
    items: Vec<ImportJobView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// The import has begun.
#[derive(ApiResponse)]
enum AcceptedResponse {
    /// Accepted; ask for the job to see its progress
    #[oai(status = 202)]
    Accepted(Json<ImportJobView>),
}

/// The operations.
pub struct ImportsApi;

#[OpenApi(tag = "Tag::Library")]
impl ImportsApi {
    /// Import files; the answer comes at once and the import goes on by itself.
    #[oai(path = "/imports", method = "post", operation_id = "start_import")]
    async fn start_import(&self, app: Data<&App>, session: SignedIn, body: ImportBody) -> Result<AcceptedResponse, Problem> {
        let caller = session.with(Permission::ImportDocuments)?;
        let mut uploads = Vec::with_capacity(body.files.len());
        let mut left = UPLOAD_BYTES;
        for field in body.files {
            uploads.push(keep(field, &mut left).await?);
        }
        let id = jobs::start_job(app.importer(), &app.config.rules, &app.begun, caller.account_id, uploads, body.dry_run).await?;
        Ok(AcceptedResponse::Accepted(Json(job_view(&app, jobs::get_job(&app.db, id).await?))))
    }

    /// Import jobs, the newest first.
    #[oai(path = "/imports", method = "get", operation_id = "list_imports")]
    async fn list_imports(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ImportJobPageView>, Problem> {
        session.with(Permission::ReadImports)?;
        let page = jobs::list_jobs(&app.db, cursor.as_deref(), 20).await?;
        Ok(Json(ImportJobPageView {
            next_cursor: page.next.clone(),
            items: page.items.into_iter().map(|job| job_view(&app, job)).collect(),
        }))
    }

    /// One import job with its progress and, once finished, a row for each file.
    #[oai(path = "/imports/:id", method = "get", operation_id = "get_import")]
    async fn get_import(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Job
        Path(id): Path<Uuid>,
    ) -> Result<Json<ImportJobView>, Problem> {
        session.with(Permission::ReadImports)?;
        Ok(Json(job_view(&app, jobs::get_job(&app.db, ImportJobId(id)).await?)))
    }
}

/// Copies an uploaded field to a temporary file of ours, counting against what is left of the limit.
async fn keep(field: UploadField, left: &mut u64) -> DomainResult<Upload> {
    let name = field.file_name().map_or_else(|| "上传文件".to_owned(), str::to_owned);
    let mut reader = field.into_async_read();
    let mut file = tempfile::NamedTempFile::new()?;
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        *left = left
            .checked_sub(read as u64)
            .ok_or_else(|| Error::new(Code::TooLarge, "一次最多上传 64 MB，请分批上传，或在服务器上用 zhitong import 导入。"))?;
        file.write_all(&buffer[..read])?;
    }
    file.flush()?;
    Ok(Upload { file, name })
}

fn row_view(row: Row) -> ImportRowView {
    ImportRowView {
        name: row.name,
        outcome: row.outcome.as_str().into(),
        title: row.title,
        articles: row.articles,
        reason: row.reason,
        notices: row.notices,
    }
}

fn job_view(app: &App, job: ImportJob) -> ImportJobView {
    ImportJobView {
        id: job.id.0,
        state: job.state.as_str().into(),
        name: job.name,
        is_dry_run: job.is_dry_run,
        done: job.done,
        total: job.total,
        failure: job.failure,
        change_seq: job.change_seq,
        is_searchable: job.change_seq.map(|seq| app.search.holds(seq)),
        rows: job.report.rows.into_iter().map(row_view).collect(),
    }
}
