//! `/staff/import`: putting documents into the corpus, and watching how it goes.

use std::collections::HashSet;
use std::io::Write;

use poem::handler;
use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::web::{Field, Form, Multipart, Path};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::accounts::Permission;
use crate::corpus::import::{Outcome, Particulars, Report, Row};
use crate::corpus::jobs::{self, ImportJob, JobState, Upload};
use crate::error::{Code, Error, Result};
use crate::ids::ImportJobId;
use crate::portal::pages::staff::{ImportJobPage, ImportPage, JobLine, Offer, ReportLine};
use crate::portal::pages::{Badge, Fact, Section};
use crate::portal::visits::{Failure, Page, READ_AFTER_COOKIE, Visit, cookie, see_other};
use crate::portal::{links, texts};

/// Largest upload, in MiB; larger collections are imported on the server itself.
const UPLOAD_MIB: u64 = 64;
/// Rows of a report that one page shows.
const ROWS: usize = 1_000;
/// Longest value of a plain form field, in bytes.
const FIELD_BYTES: u64 = 1_024;
/// Seconds for which searches of whoever looks at an import wait for it; every index has followed long before.
const READ_AFTER_S: u64 = 600;

/// The form.
#[handler]
pub async fn show_import(visit: Visit) -> Page {
    visit.staff(Permission::ImportDocuments)?;
    show_form(&visit, StatusCode::OK, None)
}

fn show_form(visit: &Visit, status: StatusCode, problem: Option<String>) -> Page {
    visit.show_as(status, &ImportPage { layout: visit.layout(Section::Staff), csrf: visit.form_token(), problem, limit_mib: UPLOAD_MIB })
}

/// The form comes back: the job starts and its page is shown.
#[handler]
pub async fn start_import(visit: Visit, multipart: Multipart) -> Page {
    let by = visit.staff(Permission::ImportDocuments)?.account_id;
    match receive(&visit, multipart).await {
        Ok((uploads, is_dry_run)) => {
            let app = &visit.app;
            let id = jobs::start_job(app.importer(), &app.config.rules, &app.begun, by, uploads, is_dry_run).await?;
            Ok(see_other(&format!("/staff/import/{id}")))
        }
        Err(error) if matches!(error.code, Code::Invalid | Code::TooLarge | Code::Malformed) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            show_form(&visit, status, Some(error.detail))
        }
        Err(error) => Err(Failure(error)),
    }
}

/// Reads the form. Nothing of it is kept unless its token, which comes first, is right.
async fn receive(visit: &Visit, mut multipart: Multipart) -> Result<(Vec<Upload>, bool)> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let mut uploads = Vec::new();
    let mut left = UPLOAD_MIB << 20;
    let (mut is_checked, mut is_dry_run) = (false, true);
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        match field.name() {
            Some("csrf") => {
                visit.check_form(&plain(field).await?)?;
                is_checked = true;
            }
            Some("mode") => is_dry_run = plain(field).await? != "import",
            Some("files") if !is_checked => return Err(Error::new(Code::Forbidden, texts::STALE_FORM)),
            // A browser sends one nameless empty file when none was chosen.
            Some("files") if field.file_name().is_none_or(str::is_empty) => {}
            Some("files") => uploads.push(keep(field, &mut left).await?),
            _ => {}
        }
    }
    if !is_checked {
        return Err(Error::new(Code::Forbidden, texts::STALE_FORM));
    }
    if uploads.is_empty() {
        return Err(Error::invalid("files", texts::NO_FILES));
    }
    Ok((uploads, is_dry_run))
}

async fn plain(field: Field) -> Result<String> {
    let mut bytes = Vec::new();
    field.into_async_read().take(FIELD_BYTES).read_to_end(&mut bytes).await?;
    String::from_utf8(bytes).map_err(|_| Error::new(Code::Malformed, texts::NO_READING))
}

/// Copies an uploaded file to a temporary one, counting against what is left of the limit.
async fn keep(field: Field, left: &mut u64) -> Result<Upload> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let mut reader = field.into_async_read();
    let mut file = tempfile::NamedTempFile::new()?;
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        *left = left.checked_sub(read as u64).ok_or_else(|| Error::new(Code::TooLarge, texts::TOO_LARGE))?;
        file.write_all(&buffer[..read])?;
    }
    file.flush()?;
    Ok(Upload { file, name })
}

/// A job as lists show it.
pub fn job_line(job: &ImportJob) -> JobLine {
    JobLine {
        name: job.name.clone(),
        url: format!("/staff/import/{}", job.id),
        badge: state_badge(job.state),
        at: texts::moment(job.created_at),
        progress: match job.state {
            JobState::Running => percent(job).map(|p| format!("{p}%")).unwrap_or_default(),
            _ => texts::files(job.report.rows.len(), job.is_dry_run),
        },
    }
}

fn state_badge(state: JobState) -> Badge {
    let tone = match state {
        JobState::Running => "wait",
        JobState::Finished => "good",
        JobState::Failed => "stop",
    };
    Badge { text: state.label().into(), tone }
}

fn percent(job: &ImportJob) -> Option<u8> {
    let total = job.total.filter(|t| *t > 0)?;
    u8::try_from((job.done.clamp(0, total).saturating_mul(100)) / total).ok()
}

/// `/staff/import/{id}`
#[handler]
pub async fn show_job(visit: Visit, Path(id): Path<String>, cookies: &CookieJar) -> Page {
    let caller = visit.staff(Permission::ReadImports)?;
    let id = job_id(&id)?;
    let job = jobs::get_job(&visit.app.db, id).await?;
    if let Some(seq) = job.change_seq {
        cookies.add(cookie(&visit.app, READ_AFTER_COOKIE, &seq.to_string(), Some(READ_AFTER_S)));
    }
    let mut rows: Vec<&Row> = job.report.rows.iter().collect();
    // What needs a person comes first; the rest keeps its order.
    rows.sort_by_key(|row| !matches!(row.outcome, Outcome::Problem));
    let left_off = rows.len().saturating_sub(ROWS);
    let has_changes = job.state == JobState::Finished && job.report.changes() > 0;
    let is_to_come = job.is_dry_run && has_changes && caller.may(Permission::ImportDocuments);
    let is_kept = job.keeps_files(visit.app.clock.now());
    // What a trial found to be new is not in the library yet.
    let planned = job.report.rows.iter().filter(|row| job.is_dry_run && row.outcome == Outcome::New);
    let planned = planned.map(|row| row.title.as_str()).collect();
    visit.show(&ImportJobPage {
        layout: visit.layout(Section::Staff),
        name: job.name.clone(),
        badge: state_badge(job.state),
        is_running: job.state == JobState::Running,
        is_searchable: job.change_seq.map(|seq| visit.app.search.holds(seq)),
        is_dry_run: job.is_dry_run,
        percent: percent(&job),
        counts: counts(&job.report),
        failure: job.failure.clone(),
        lines: rows.into_iter().take(ROWS).map(|row| report_line(row, &planned)).collect(),
        left_off,
        csrf: visit.form_token(),
        offer: (is_to_come && is_kept).then(|| Offer { url: format!("/staff/import/{id}/import"), job: visit.app.ids.next().to_string() }),
        is_spent: is_to_come && !is_kept,
    })
}

fn job_id(text: &str) -> Result<ImportJobId> {
    text.parse::<Uuid>().map(ImportJobId).map_err(|_| Error::not_found(texts::THIS_JOB))
}

#[derive(Deserialize)]
struct OfferForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    job: String,
}

/// `/staff/import/{id}/import`: the files of a trial are imported, and the page of that import is shown.
#[handler]
pub async fn import_checked(visit: Visit, Path(id): Path<String>, Form(form): Form<OfferForm>) -> Page {
    let by = visit.staff(Permission::ImportDocuments)?.account_id;
    visit.check_form(&form.csrf)?;
    let (app, trial, job) = (&visit.app, job_id(&id)?, job_id(&form.job)?);
    jobs::start_checked(app.importer(), &app.config.rules, &app.begun, by, trial, job).await?;
    Ok(see_other(&format!("/staff/import/{job}")))
}

fn counts(report: &Report) -> Vec<Fact> {
    let counted = Outcome::ALL.into_iter().map(|outcome| (outcome, report.count(outcome)));
    counted.filter(|(_, n)| *n > 0).map(|(outcome, n)| Fact { name: outcome.label().into(), value: n.to_string() }).collect()
}

fn outcome_badge(outcome: Outcome) -> Badge {
    let tone = match outcome {
        Outcome::New | Outcome::NewVersion => "good",
        Outcome::Corrected | Outcome::Merged => "blue",
        Outcome::Unchanged | Outcome::Skipped => "off",
        Outcome::Problem => "stop",
    };
    Badge { text: outcome.label().into(), tone }
}

/// Organ, number and dates of a document, and which of them were not found.
fn particulars(read: &Particulars) -> String {
    let days = [
        (read.adopted_on, texts::ADOPTED),
        (read.promulgated_on, texts::PROMULGATED),
        (read.effective_on, texts::EFFECTIVE),
        (read.repealed_on, texts::REPEALED),
    ];
    let days: Vec<String> = days.into_iter().filter_map(|(day, what)| day.map(|day| format!("{}{what}", texts::day(day)))).collect();
    let organ = if read.organ.is_empty() { texts::NO_ORGAN_READ } else { &read.organ };
    let day = if days.is_empty() { Some(texts::NO_DAY_READ) } else { None };
    let facts = [organ, &read.document_number].into_iter().chain(days.iter().map(String::as_str)).chain(day);
    facts.filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A row; a title leads to the library where it is not among the ones that are yet to come.
fn report_line(row: &Row, planned: &HashSet<&str>) -> ReportLine {
    let mut detail = vec![row.reason.clone()];
    if row.articles > 0 {
        detail.push(texts::articles(row.articles));
    }
    detail.extend(row.notices.iter().cloned());
    detail.retain(|d| !d.is_empty());
    ReportLine {
        source: row.name.clone(),
        badge: outcome_badge(row.outcome),
        url: (!row.title.is_empty() && !planned.contains(row.title.as_str()))
            .then(|| links::with_query("/search", [("q", row.title.as_str()), ("scope", "title")])),
        title: row.title.clone(),
        particulars: row.particulars.as_ref().map(particulars).unwrap_or_default(),
        detail: detail.join(" "),
    }
}
