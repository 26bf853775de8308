//! Entering what a draft became: its document in the library and the particulars of its promulgation.

use chrono::NaiveDate;
use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::{draft_path, find_draft, general_problem, problem_of};
use crate::accounts::{Actor, Permission};
use crate::calendar;
use crate::corpus::reading;
use crate::drafts::Draft;
use crate::drafts::promulgations::{self, NewPromulgation, Promulgation};
use crate::error::{Code, Error, Result};
use crate::ids::WorkId;
use crate::portal::links;
use crate::portal::pages::drafting::{Field, PromulgationForm, PromulgationPage};
use crate::portal::pages::{Link, Section};
use crate::portal::texts;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::search::named_places;

#[derive(Default, Deserialize)]
struct Shown {
    /// What is looked for in the library; the draft's title when absent.
    q: Option<String>,
    /// The chosen document.
    #[serde(default)]
    work: String,
}

/// What the form sends; days as `YYYY-MM-DD`.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Sent {
    csrf: String,
    revision: i64,
    work: String,
    organ: String,
    document_number: String,
    title: String,
    adopted_on: String,
    promulgated_on: String,
    effective_on: String,
    signatory: String,
    early_reason: String,
}

impl Sent {
    fn of(held: &Promulgation) -> Sent {
        Sent {
            csrf: String::new(),
            revision: held.revision,
            work: held.work_id.to_string(),
            organ: held.organ.clone(),
            document_number: held.document_number.clone(),
            title: held.title.clone(),
            adopted_on: held.adopted_on.to_string(),
            promulgated_on: held.promulgated_on.to_string(),
            effective_on: held.effective_on.to_string(),
            signatory: held.signatory.clone(),
            early_reason: held.early_reason.clone(),
        }
    }

    fn read(&self) -> Result<NewPromulgation> {
        let day = |field: &str, text: &str| calendar::parse_day(text).ok_or_else(|| Error::invalid(field, texts::BAD_DATE));
        Ok(NewPromulgation {
            work_id: self.work.parse::<Uuid>().map(WorkId).map_err(|_| Error::not_found(texts::THIS_DOCUMENT))?,
            organ: self.organ.clone(),
            document_number: self.document_number.clone(),
            title: self.title.clone(),
            adopted_on: day("adopted_on", &self.adopted_on)?,
            promulgated_on: day("promulgated_on", &self.promulgated_on)?,
            effective_on: day("effective_on", &self.effective_on)?,
            signatory: self.signatory.clone(),
            early_reason: self.early_reason.clone(),
        })
    }
}

/// `/staff/drafts/{id}/promulgation`
#[handler]
pub async fn show_promulgation(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::PromulgateDrafts)?;
    let draft = find_draft(&visit, caller, &id).await?;
    if !promulgations::may_promulgate(&draft) {
        let sentence = format!("草案目前处于“{}”，意见的采纳情况反馈之后才能登记公布。", draft.state.label());
        return Err(Failure(Error::new(Code::Conflict, sentence)));
    }
    let db = &visit.app.db;
    let held = promulgations::find_promulgation(db, draft.id).await?;
    let sent = match (shown.work.parse::<Uuid>().map(WorkId).ok(), &held) {
        (Some(work), held) => Some(prefilled(&visit, work, held.as_ref()).await?),
        (None, Some(held)) if shown.q.is_none() => Some(Sent::of(held)),
        _ => None,
    };
    promulgation_page(&visit, &draft, shown.q, sent, None).await
}

/// The form with what the library knows of a document; what was entered before stays.
async fn prefilled(visit: &Visit, work: WorkId, held: Option<&Promulgation>) -> Result<Sent> {
    if let Some(held) = held {
        return Ok(Sent { work: work.to_string(), ..Sent::of(held) });
    }
    let db = &visit.app.db;
    let work = reading::get_work(db, work).await?;
    let today = visit.app.clock.today();
    let versions = reading::list_versions(db, work.id, today).await?;
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut sent = Sent { work: work.id.to_string(), organ: work.organ.clone(), title: work.title.clone(), ..Sent::default() };
    if let Some(newest) = versions.last() {
        sent.document_number = newest.document_number.clone();
        sent.title = newest.title.clone();
        sent.adopted_on = day(newest.adopted_on);
        sent.promulgated_on = day(newest.promulgated_on);
        sent.effective_on = day(newest.effective_on);
        if !newest.organ.is_empty() {
            sent.organ = newest.organ.clone();
        }
    }
    Ok(sent)
}

async fn promulgation_page(visit: &Visit, draft: &Draft, asked: Option<String>, sent: Option<Sent>, error: Option<&Error>) -> Page {
    let app = &visit.app;
    let path = format!("{}/promulgation", draft_path(draft.id));
    let held = promulgations::find_promulgation(&app.db, draft.id).await?;
    let query: String = asked.unwrap_or_else(|| draft.title.clone()).trim().chars().take(200).collect();
    let works = named_places(&query, &app.search.titles())
        .into_iter()
        .map(|named| Link { text: named.title, url: links::with_query(&path, [("work", named.work_id.to_string().as_str())]) })
        .collect();
    let form = match &sent {
        Some(sent) => Some(form(visit, sent, error).await?),
        None => None,
    };
    let fields = ["organ", "document_number", "title", "adopted_on", "promulgated_on", "effective_on", "signatory", "early_reason"];
    let status = error.map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    visit.show_as(
        status,
        &PromulgationPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            draft_path: draft_path(draft.id),
            title: draft.title.clone(),
            is_correction: held.is_some(),
            revision: sent
                .as_ref()
                .filter(|_| error.is_some_and(|e| e.code == Code::Invalid))
                .map_or(held.map_or(0, |h| h.revision), |s| s.revision),
            query,
            works,
            form,
            problem: general_problem(error, &fields),
        },
    )
}

async fn form(visit: &Visit, sent: &Sent, error: Option<&Error>) -> Result<PromulgationForm> {
    let field = |name: &str, value: &str| Field { value: value.to_owned(), problem: problem_of(error, name) };
    let work = match sent.work.parse::<Uuid>() {
        Ok(id) => reading::find_work(&visit.app.db, WorkId(id)).await?,
        Err(_) => None,
    };
    Ok(PromulgationForm {
        work: sent.work.clone(),
        work_link: work.map(|work| Link { text: work.title, url: format!("/laws/{}", work.id) }),
        organ: field("organ", &sent.organ),
        document_number: field("document_number", &sent.document_number),
        title: field("title", &sent.title),
        adopted_on: field("adopted_on", &sent.adopted_on),
        promulgated_on: field("promulgated_on", &sent.promulgated_on),
        effective_on: field("effective_on", &sent.effective_on),
        signatory: field("signatory", &sent.signatory),
        early_reason: field("early_reason", &sent.early_reason),
    })
}

/// The form comes back.
#[handler]
pub async fn promulgate(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Page {
    let caller = visit.staff(Permission::PromulgateDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let draft = find_draft(&visit, caller, &id).await?;
    let done = async {
        let new = sent.read()?;
        let seen = (draft.id, sent.revision);
        promulgations::promulgate_draft(&app.db, &app.clock, &app.ids, &app.config.rules, Actor::Person(caller), seen, new).await
    };
    match done.await {
        Ok(_) => Ok(see_other(&format!("{}?done=promulgated#promulgation", draft_path(draft.id)))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            promulgation_page(&visit, &draft, None, Some(sent), Some(&error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}
