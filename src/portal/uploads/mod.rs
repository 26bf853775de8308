//! `/point/tasks/{id}/uploads` and `/point/uploads/{id}`: files of offline opinions of one's own contact point, from the dry run to the commit and back.

mod receiving;
mod showing;

use poem::http::{StatusCode, header};
use poem::web::{Form, Multipart, Path, Query};
use poem::{Response, Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::documents::downloads;
use crate::documents::writing::xlsx::XLSX;
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, AssignmentId, StationId, UploadBatchId};
use crate::opinions::offline::batches::{self, RowState, Which};
use crate::opinions::offline::columns::Field;
use crate::opinions::offline::judging::Defaults;
use crate::opinions::offline::provenance::{Consent, Method};
use crate::portal::pages::uploads::Told;
use crate::portal::texts::{self, uploads as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Adds the pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/point/tasks/:id/uploads", get(list_uploads).post(upload))
        .at("/point/uploads/:id", get(show_batch))
        .at("/point/uploads/:id/columns", post(map_columns))
        .at("/point/uploads/:id/defaults", post(set_defaults))
        .at("/point/uploads/:id/commit", post(commit))
        .at("/point/uploads/:id/resume", post(resume))
        .at("/point/uploads/:id/undo", post(undo))
        .at("/point/uploads/:id/discard", post(discard))
        .at("/point/uploads/:id/original", get(send_original))
        .at("/point/uploads/:id/remarks", get(send_remarks))
        .at("/point/uploads/:id/rows/:ordinal", get(show_row).post(correct_row))
        .at("/point/uploads/:id/rows/:ordinal/skip", post(skip_row))
}

fn staff(visit: &Visit) -> Result<&Caller> {
    visit.staff(Permission::WorkAtContactPoint)
}

fn assignment_id(id: &str) -> Result<AssignmentId> {
    id.parse::<Uuid>().map(AssignmentId).map_err(|_| Error::not_found(words::THIS_TASK))
}

fn batch_id(id: &str) -> Result<UploadBatchId> {
    id.parse::<Uuid>().map(UploadBatchId).map_err(|_| Error::not_found(words::THIS_BATCH))
}

/// Fields of a form, also those that come several times.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    fn revision(&self) -> Result<i64> {
        self.get("revision").parse().map_err(|_| Error::invalid("revision", texts::NO_READING))
    }

    fn id(&self, name: &str) -> Result<Option<Uuid>> {
        let value = self.get(name);
        if value.is_empty() {
            return Ok(None);
        }
        value.parse().map(Some).map_err(|_| Error::invalid(name, texts::NO_READING))
    }
}

fn told(error: &Error) -> Told {
    Told { text: error.detail.clone(), is_problem: true }
}

fn may_be_told(error: &Error) -> bool {
    matches!(error.code, Code::Invalid | Code::Conflict | Code::TooLarge | Code::Malformed | Code::NotOpen)
}

fn status_of(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    cursor: String,
}

#[handler]
async fn list_uploads(visit: Visit, Path(id): Path<String>, Query(query): Query<Listed>) -> Page {
    showing::list_page(&visit, staff(&visit)?, assignment_id(&id)?, &query.cursor, StatusCode::OK, Told::default()).await
}

#[handler]
async fn upload(visit: Visit, Path(id): Path<String>, multipart: Multipart) -> Page {
    let caller = staff(&visit)?;
    let assignment = assignment_id(&id)?;
    let uploads = visit.app.uploads();
    let done = async {
        let (name, bytes) = receiving::receive(&visit, multipart).await?;
        batches::upload(&uploads, caller, assignment, &name, bytes).await
    };
    match done.await {
        Ok(uploaded) => {
            if let Some(worker) = uploaded.worker {
                batches::begin(&visit.app.begun, uploads, caller.clone(), uploaded.batch, worker);
                return Ok(see_other(&format!("/point/uploads/{}", uploaded.batch)));
            }
            let told = Told { text: uploaded.notice, is_problem: false };
            showing::batch_page(&visit, caller, uploaded.batch, &showing::Shown::default(), StatusCode::OK, told).await
        }
        Err(error) if may_be_told(&error) => {
            let status = status_of(&error);
            showing::list_page(&visit, caller, assignment, "", status, told(&error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[handler]
async fn show_batch(visit: Visit, Path(id): Path<String>, Query(shown): Query<showing::Shown>) -> Page {
    let text = match shown.done.as_str() {
        "undone" => words::UNDONE,
        "discarded" => words::DISCARDED,
        "skipped" => words::SKIPPED,
        "corrected" => words::CORRECTED,
        _ => "",
    };
    let told = Told { text: text.into(), is_problem: false };
    showing::batch_page(&visit, staff(&visit)?, batch_id(&id)?, &shown, StatusCode::OK, told).await
}

/// Lets the work begun go on by itself and shows the batch; a refusal is shown with it.
async fn go_on(visit: &Visit, caller: &Caller, id: UploadBatchId, begun: Result<Uuid>) -> Page {
    match begun {
        Ok(worker) => {
            batches::begin(&visit.app.begun, visit.app.uploads(), caller.clone(), id, worker);
            Ok(see_other(&format!("/point/uploads/{id}")))
        }
        Err(error) => refused(visit, caller, id, error).await,
    }
}

async fn refused(visit: &Visit, caller: &Caller, id: UploadBatchId, error: Error) -> Page {
    if !may_be_told(&error) {
        return Err(Failure(error));
    }
    let status = status_of(&error);
    showing::batch_page(visit, caller, id, &showing::Shown::default(), status, told(&error)).await
}

#[handler]
async fn map_columns(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let begun = async {
        let chosen: Option<Vec<Field>> = fields.all("field").iter().map(|name| Field::parse(name)).collect();
        let chosen = chosen.ok_or_else(|| Error::invalid("field", texts::NO_READING))?;
        let sheet = fields.get("sheet").parse().map_err(|_| Error::invalid("sheet", texts::NO_READING))?;
        let chosen = (fields.get("used") != "no").then_some(chosen);
        batches::map_columns(&visit.app.uploads(), caller, id, fields.revision()?, sheet, chosen).await
    };
    go_on(&visit, caller, id, begun.await).await
}

#[handler]
async fn set_defaults(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let begun = async {
        let unreadable = |name: &str| Error::invalid(name, texts::NO_READING);
        let day = match fields.get("collected_on") {
            "" => None,
            day => Some(day.parse().map_err(|_| unreadable("collected_on"))?),
        };
        let defaults = Defaults {
            collected_on: day,
            method: Method::parse(fields.get("method")).ok_or_else(|| unreadable("method"))?,
            station: fields.id("station")?.map(StationId),
            activity: fields.id("activity")?.map(ActivityId),
            consent: Consent::parse(fields.get("consent")).ok_or_else(|| unreadable("consent"))?,
            collector: fields.get("collector").trim().to_owned(),
            place: fields.get("place").trim().to_owned(),
        };
        batches::set_defaults(&visit.app.uploads(), caller, id, fields.revision()?, defaults).await
    };
    go_on(&visit, caller, id, begun.await).await
}

#[handler]
async fn commit(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let which = if fields.get("which") == "ready" { Which::Ready } else { Which::All };
    let begun = async { batches::commit(&visit.app.uploads(), caller, id, fields.revision()?, which).await };
    go_on(&visit, caller, id, begun.await).await
}

#[handler]
async fn resume(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let begun = batches::resume(&visit.app.uploads(), caller, id).await;
    go_on(&visit, caller, id, begun).await
}

#[handler]
async fn undo(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let done = async { batches::undo(&visit.app.uploads(), caller, id, fields.revision()?, fields.get("reason")).await };
    match done.await {
        Ok(_) => Ok(see_other(&format!("/point/uploads/{id}?done=undone"))),
        Err(error) => refused(&visit, caller, id, error).await,
    }
}

#[handler]
async fn discard(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    let done = async { batches::discard(&visit.app.uploads(), caller, id, fields.revision()?).await };
    match done.await {
        Ok(_) => Ok(see_other(&format!("/point/uploads/{id}?done=discarded"))),
        Err(error) => refused(&visit, caller, id, error).await,
    }
}

fn file(name: &str, plain: &str, media_type: &str, bytes: Vec<u8>) -> Page {
    Ok(Response::builder()
        .content_type(media_type)
        .header(header::CONTENT_DISPOSITION, downloads::disposition(false, plain, name))
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(bytes))
}

#[handler]
async fn send_original(visit: Visit, Path(id): Path<String>) -> Page {
    let (batch, bytes) = batches::get_original(&visit.app.uploads(), staff(&visit)?, batch_id(&id)?).await?;
    file(&batch.name, "original", "application/octet-stream", bytes)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    csv: String,
}

#[handler]
async fn send_remarks(visit: Visit, Path(id): Path<String>, Query(form): Query<Wanted>) -> Page {
    let found = batches::return_file(&visit.app.uploads(), staff(&visit)?, batch_id(&id)?, !form.csv.is_empty()).await?;
    let (plain, media) = if found.is_csv { ("remarks.csv", "text/csv; charset=utf-8") } else { ("remarks.xlsx", XLSX) };
    file(&found.name, plain, media, found.bytes)
}

#[handler]
async fn show_row(visit: Visit, Path((id, ordinal)): Path<(String, i64)>) -> Page {
    showing::row_page(&visit, staff(&visit)?, batch_id(&id)?, ordinal, StatusCode::OK, Told::default()).await
}

#[handler]
async fn correct_row(visit: Visit, Path((id, ordinal)): Path<(String, i64)>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    match batches::correct_row(&visit.app.uploads(), caller, id, ordinal, fields.all("cell"), fields.get("seen").parse().ok()).await {
        Ok(row) => {
            let (text, is_problem) = match row.state {
                RowState::Ready => (words::CORRECTED, false),
                RowState::Duplicate => (words::REPEATED, false),
                _ => (words::STILL_WRONG, true),
            };
            showing::row_page(&visit, caller, id, ordinal, StatusCode::OK, Told { text: text.into(), is_problem }).await
        }
        Err(error) if may_be_told(&error) => {
            let status = status_of(&error);
            showing::row_page(&visit, caller, id, ordinal, status, told(&error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[handler]
async fn skip_row(visit: Visit, Path((id, ordinal)): Path<(String, i64)>, Form(form): Form<Vec<(String, String)>>) -> Page {
    let (caller, id, fields) = (staff(&visit)?, batch_id(&id)?, Fields(form));
    visit.check_form(fields.get("csrf"))?;
    match batches::skip_row(&visit.app.uploads(), caller, id, ordinal, fields.get("reason")).await {
        Ok(_) => {
            showing::row_page(&visit, caller, id, ordinal, StatusCode::OK, Told { text: words::SKIPPED.into(), is_problem: false }).await
        }
        Err(error) if may_be_told(&error) => {
            let status = status_of(&error);
            showing::row_page(&visit, caller, id, ordinal, status, told(&error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}
