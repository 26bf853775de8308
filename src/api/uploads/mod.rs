//! Operations of a contact point on uploaded files of offline opinions: dry run, corrections, commit, undo. The point is that of the caller.

mod views;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Multipart, OpenApi};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::{Caller, Permission};
use crate::app::App;
use crate::documents::downloads;
use crate::documents::writing::xlsx::XLSX;
use crate::error::{Code, Error};
use crate::ids::{AssignmentId, UploadBatchId};
use crate::opinions::offline::batches::{self, RowFilter, RowState, Which};
use crate::opinions::offline::columns::Field;
use views::{
    ActBody, BatchPageView, BatchView, ColumnsBody, CommitBody, DefaultsBody, RowBody, RowPageView, RowStateName, RowView, SkipBody,
    UndoBody, batch_view, row_view,
};

/// Largest file, in bytes; what a table may hold is bounded further when it is read.
const FILE_BYTES: u64 = 32 << 20;
/// Rows on a page.
const ROWS: u32 = 100;

/// A file of opinions.
#[derive(Debug, Multipart)]
struct UploadBody {
    /// xlsx, xls, csv or docx; 32 MiB
    file: Upload,
}

/// The file was taken in.
#[derive(ApiResponse)]
enum UploadResponse {
    /// It is read in the background; ask for the batch to see its progress
    #[oai(status = 202)]
    Accepted(Json<BatchView>),
    /// The same file was uploaded before; nothing was created
    #[oai(status = 200)]
    Known(Json<BatchView>),
}

/// A batch that is worked at.
#[derive(ApiResponse)]
enum WorkResponse {
    /// Work goes on in the background; ask for the batch to see its progress
    #[oai(status = 202)]
    Accepted(Json<BatchView>),
}

/// A file.
#[derive(ApiResponse)]
enum FileResponse {
    /// The file
    #[oai(status = 200)]
    Found(
        Binary<Vec<u8>>,
        /// Under which name to save it
        #[oai(header = "Content-Disposition")]
        String,
        /// Its media type
        #[oai(header = "Content-Type")]
        String,
    ),
}

/// The operations.
pub struct UploadsApi;

impl UploadsApi {
    /// Lets the work begun go on by itself, and gives the batch as it stands.
    async fn go_on(&self, app: &App, caller: &Caller, id: UploadBatchId, worker: Uuid) -> Result<WorkResponse, Problem> {
        batches::begin(&app.begun, app.uploads(), caller.clone(), id, worker);
        Ok(WorkResponse::Accepted(Json(batch_view(&batches::get_batch(&app.db, caller, id).await?, app, String::new()))))
    }
}

#[OpenApi(tag = "Tag::ContactPoints")]
impl UploadsApi {
    /// Upload a file of offline opinions for an assignment: a dry run that creates nothing. The same file again gives the batch that it became.
    #[oai(path = "/own-point/assignments/:id/uploads", method = "post", operation_id = "upload_opinions")]
    async fn upload_opinions(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Assignment of the caller's own contact point
        Path(id): Path<Uuid>,
        body: UploadBody,
    ) -> Result<UploadResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let name = body.file.file_name().map_or_else(|| "上传文件".to_owned(), str::to_owned);
        let mut bytes = Vec::new();
        body.file.into_async_read().take(FILE_BYTES + 1).read_to_end(&mut bytes).await.map_err(Error::from)?;
        if bytes.len() as u64 > FILE_BYTES {
            return Err(Error::new(Code::TooLarge, format!("文件超过上限 {} MB，请分成几个文件上传。", FILE_BYTES >> 20)).into());
        }
        let uploads = app.uploads();
        let uploaded = batches::upload(&uploads, &caller, AssignmentId(id), &name, bytes).await?;
        let view = batch_view(&batches::get_batch(&app.db, &caller, uploaded.batch).await?, &app, uploaded.notice);
        Ok(match uploaded.worker {
            Some(worker) => {
                batches::begin(&app.begun, uploads, caller, uploaded.batch, worker);
                UploadResponse::Accepted(Json(view))
            }
            None => UploadResponse::Known(Json(view)),
        })
    }

    /// Uploaded files of an assignment, the newest first.
    #[oai(path = "/own-point/assignments/:id/uploads", method = "get", operation_id = "list_uploads")]
    async fn list_uploads(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Assignment of the caller's own contact point
        Path(id): Path<Uuid>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<BatchPageView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let page = batches::list_batches(&app.db, &caller, AssignmentId(id), cursor.as_deref(), 20).await?;
        Ok(Json(BatchPageView {
            items: page.items.iter().map(|batch| batch_view(batch, &app, String::new())).collect(),
            next_cursor: page.next,
        }))
    }

    /// One uploaded file: its columns, counts and progress.
    #[oai(path = "/own-point/uploads/:id", method = "get", operation_id = "get_upload")]
    async fn get_upload(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
    ) -> Result<Json<BatchView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        Ok(Json(batch_view(&batches::get_batch(&app.db, &caller, UploadBatchId(id)).await?, &app, String::new())))
    }

    /// Rows of an uploaded file in their order, with what is wrong with each.
    #[oai(path = "/own-point/uploads/:id/rows", method = "get", operation_id = "list_upload_rows")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list_upload_rows(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        /// Only rows in this state
        Query(state): Query<Option<RowStateName>>,
        /// Only rows about which something is unsure
        Query(with_warnings): Query<Option<bool>>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
        /// Rows on a page
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        Query(limit): Query<Option<u32>>,
    ) -> Result<Json<RowPageView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let filter = RowFilter { state: state.map(RowState::from), has_warnings: with_warnings.unwrap_or(false) };
        let limit = limit.unwrap_or(ROWS) as usize;
        let (_, page) = batches::list_rows(&app.uploads(), &caller, UploadBatchId(id), filter, cursor.as_deref(), limit).await?;
        Ok(Json(RowPageView { items: page.items.into_iter().map(row_view).collect(), next_cursor: page.next }))
    }

    /// Say what the columns of a sheet are; all rows are judged anew, and the mapping is remembered for the next file with the same headings.
    #[oai(path = "/own-point/uploads/:id/columns", method = "put", operation_id = "map_upload_columns")]
    async fn map_upload_columns(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        body: Json<ColumnsBody>,
    ) -> Result<WorkResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let ColumnsBody { revision, sheet, is_used, fields } = body.0;
        let fields: Option<Vec<Field>> = is_used.then(|| fields.into_iter().map(Field::from).collect());
        let id = UploadBatchId(id);
        let worker = batches::map_columns(&app.uploads(), &caller, id, revision, sheet as usize, fields).await?;
        self.go_on(&app, &caller, id, worker).await
    }

    /// Say what holds for rows that do not say it themselves; all rows are judged anew.
    #[oai(path = "/own-point/uploads/:id/defaults", method = "put", operation_id = "set_upload_defaults")]
    async fn set_upload_defaults(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        body: Json<DefaultsBody>,
    ) -> Result<WorkResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let (id, revision) = (UploadBatchId(id), body.0.revision);
        let worker = batches::set_defaults(&app.uploads(), &caller, id, revision, body.0.into_defaults()).await?;
        self.go_on(&app, &caller, id, worker).await
    }

    /// Correct the cells of a row; it is judged anew.
    #[oai(path = "/own-point/uploads/:id/rows/:ordinal", method = "put", operation_id = "correct_upload_row")]
    async fn correct_upload_row(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        /// Ordinal of the row
        Path(ordinal): Path<i64>,
        body: Json<RowBody>,
    ) -> Result<Json<RowView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        Ok(Json(row_view(batches::correct_row(&app.uploads(), &caller, UploadBatchId(id), ordinal, body.0.cells, body.0.seen).await?)))
    }

    /// Leave a row out, with a reason. Correcting it brings it back.
    #[oai(path = "/own-point/uploads/:id/rows/:ordinal/skip", method = "post", operation_id = "skip_upload_row")]
    async fn skip_upload_row(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        /// Ordinal of the row
        Path(ordinal): Path<i64>,
        body: Json<SkipBody>,
    ) -> Result<Json<RowView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        Ok(Json(row_view(batches::skip_row(&app.uploads(), &caller, UploadBatchId(id), ordinal, &body.0.reason).await?)))
    }

    /// Make opinions of the rows: of all, which is refused while one has to be corrected, or of those that can be.
    #[oai(path = "/own-point/uploads/:id/commit", method = "post", operation_id = "commit_upload")]
    async fn commit_upload(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        body: Json<CommitBody>,
    ) -> Result<WorkResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let which = if body.0.only_ready { Which::Ready } else { Which::All };
        let id = UploadBatchId(id);
        let worker = batches::commit(&app.uploads(), &caller, id, body.0.revision, which).await?;
        self.go_on(&app, &caller, id, worker).await
    }

    /// Go on with work that broke off; nothing is done twice.
    #[oai(path = "/own-point/uploads/:id/resume", method = "post", operation_id = "resume_upload")]
    async fn resume_upload(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
    ) -> Result<WorkResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let id = UploadBatchId(id);
        let worker = batches::resume(&app.uploads(), &caller, id).await?;
        self.go_on(&app, &caller, id, worker).await
    }

    /// Take back everything that a batch created, in one act.
    #[oai(path = "/own-point/uploads/:id/undo", method = "post", operation_id = "undo_upload")]
    async fn undo_upload(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        body: Json<UndoBody>,
    ) -> Result<Json<BatchView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let batch = batches::undo(&app.uploads(), &caller, UploadBatchId(id), body.0.revision, &body.0.reason).await?;
        Ok(Json(batch_view(&batch, &app, String::new())))
    }

    /// Give up a batch that created nothing, also one whose file cannot be read.
    #[oai(path = "/own-point/uploads/:id/discard", method = "post", operation_id = "discard_upload")]
    async fn discard_upload(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        body: Json<ActBody>,
    ) -> Result<Json<BatchView>, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let batch = batches::discard(&app.uploads(), &caller, UploadBatchId(id), body.0.revision).await?;
        Ok(Json(batch_view(&batch, &app, String::new())))
    }

    /// The rows with an extra column of problems, as a workbook or as separated values.
    #[oai(path = "/own-point/uploads/:id/remarks", method = "get", operation_id = "get_upload_remarks")]
    async fn get_upload_remarks(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
        /// Separated values instead of a workbook
        Query(csv): Query<Option<bool>>,
    ) -> Result<FileResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let file = batches::return_file(&app.uploads(), &caller, UploadBatchId(id), csv.unwrap_or(false)).await?;
        let (plain, media) = if file.is_csv { ("remarks.csv", "text/csv; charset=utf-8") } else { ("remarks.xlsx", XLSX) };
        Ok(FileResponse::Found(Binary(file.bytes), downloads::disposition(false, plain, &file.name), media.into()))
    }

    /// The uploaded file as it came.
    #[oai(path = "/own-point/uploads/:id/original", method = "get", operation_id = "get_upload_original")]
    async fn get_upload_original(
        &self,
        app: Data<&App>,
        session: SignedIn,
        /// Batch
        Path(id): Path<Uuid>,
    ) -> Result<FileResponse, Problem> {
        let caller = session.with(Permission::WorkAtContactPoint)?;
        let (batch, bytes) = batches::get_original(&app.uploads(), &caller, UploadBatchId(id)).await?;
        Ok(FileResponse::Found(Binary(bytes), downloads::disposition(false, "original", &batch.name), "application/octet-stream".into()))
    }
}
