//! `/point/tasks/{id}`: one assignment, with what is asked, what comes next, and everything that happened to it.

use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;

use super::materials::materials_of;
use super::staff;
use crate::accounts::Caller;
use crate::calendar;
use crate::contact_points::activities;
use crate::contact_points::assignments::extensions::{self, ask_extension};
use crate::contact_points::assignments::moving::{self, NewStep, take_own_step};
use crate::contact_points::assignments::{self, Assignment, AssignmentState, Step, own};
use crate::error::{Error, Result};
use crate::opinions::offline::batches;
use crate::portal::pages::collection::{ArticleLine, PointTaskPage, Said, SubmitPage};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::staff::tasks::assignments::{activity_line, assignment_id, entry_line, extension_line};
use crate::portal::staff::tasks::{articles, paragraphs, problem};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Activities shown with a task; the page of activities has all.
const ACTIVITIES: usize = 10;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/point/tasks/:id", get(show_task))
        .at("/point/tasks/:id/steps", post(make_step))
        .at("/point/tasks/:id/submit", get(show_submit).post(submit))
        .at("/point/tasks/:id/extension", post(ask))
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    done: String,
}

/// What was typed in the form for more time.
#[derive(Default)]
struct Typed {
    until: String,
    reason: String,
}

#[handler]
async fn show_task(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = staff(&visit)?;
    let assignment = assignments::get_own(&visit.app.db, caller, assignment_id(&id)?).await?;
    let text = match shown.done.as_str() {
        "acknowledge" => words::ACKNOWLEDGED,
        "start" => words::STARTED,
        "submit" => words::HANDED_IN,
        "asked" => words::ASKED,
        _ => "",
    };
    let said = Said { text: text.into(), is_problem: false };
    task_page(&visit, caller, assignment, said, Typed::default()).await
}

async fn task_page(visit: &Visit, caller: &Caller, assignment: Assignment, said: Said, typed: Typed) -> Page {
    let app = &visit.app;
    let id = assignment.id;
    let url = format!("/point/tasks/{id}");
    let task = own::get_own_task(&app.db, caller, &assignment).await?;
    let note = own::get_own_note(&app.db, caller, id).await?;
    let held = activities::list_own(&app.db, caller, Some(id), None, ACTIVITIES).await?;
    let entries = moving::list_entries(&app.db, &assignment).await?;
    let requests = extensions::list_requests(&app.db, &assignment).await?;
    let is_waiting = requests.iter().any(|request| request.decided_at.is_none());
    let last_reason = || entries.iter().rev().find(|entry| entry.state == assignment.state.as_str() && !entry.reason.is_empty());
    let returned = match assignment.state {
        AssignmentState::Returned | AssignmentState::Cancelled => last_reason().map(|entry| entry.reason.clone()).unwrap_or_default(),
        _ => String::new(),
    };
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts = vec![
        fact(words::DUE, words::due(assignment.due_on())),
        fact(words::ROUND_ENDS, words::due(crate::calendar::last_day_before(assignment.round_closes_at))),
        fact(words::SENT, texts::moment(assignment.sent_at)),
    ];
    facts.extend(assignment.submitted_at.map(|at| fact(words::SUBMITTED, texts::moment(at))));
    let done = own::count_work(&app.db, caller, id).await?;
    facts.push(fact(words::ENTERED, words::entered(done.opinions, done.uploaded)));
    let next_step = match assignment.state {
        AssignmentState::Sent => Some(("acknowledge", "接收任务")),
        AssignmentState::Acknowledged => Some(("start", "开始征集")),
        _ => None,
    };
    let uploads = Link { text: texts::uploads::UPLOADS.into(), url: format!("{url}/uploads") };
    let is_open = assignment.state != AssignmentState::Cancelled;
    let status = if said.is_problem { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = PointTaskPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said,
        badges: words::badges(&assignment, app.clock.now()),
        revision: assignment.revision,
        facts,
        returned,
        draft: Link { text: assignment.draft_title.clone(), url: format!("/drafts/{}", assignment.draft_id) },
        articles: articles(visit, &task).await?.into_iter().map(|(label, url, lines)| ArticleLine { label, url, lines }).collect(),
        instructions: paragraphs(&task.instructions),
        note: paragraphs(&note),
        questions: task.questions,
        next_step,
        submit_url: if assignment.state.takes_opinions() { format!("{url}/submit") } else { String::new() },
        may_ask: assignment.state.is_with_point() && !is_waiting,
        until: typed.until,
        reason: typed.reason,
        extensions: requests.into_iter().map(extension_line).collect::<Result<_>>()?,
        work: match assignment.state {
            AssignmentState::Submitted | AssignmentState::Accepted => {
                vec![Link { text: words::OUTCOMES.into(), url: format!("{url}/outcomes") }, uploads]
            }
            state if state.takes_opinions() => {
                vec![Link { text: texts::entry::ENTER.into(), url: format!("/point/assignments/{}/entry", assignment.id) }, uploads]
            }
            _ => Vec::new(),
        },
        materials: materials_of(&url),
        more_activities: held.next.map(|_| "/point/activities".to_owned()),
        activities: held.items.into_iter().map(|activity| activity_line("/point/activities", activity)).collect(),
        new_activity: if is_open { format!("/point/activities/new?assignment={id}") } else { String::new() },
        entries: entries.into_iter().map(entry_line).collect(),
        title: assignment.task_title,
        url,
    };
    visit.show_as(status, &page)
}

#[derive(Deserialize)]
struct StepForm {
    #[serde(default)]
    csrf: String,
    #[serde(rename = "do", default)]
    step: String,
    #[serde(default)]
    reason: String,
    revision: Option<i64>,
}

#[handler]
async fn make_step(visit: Visit, Path(id): Path<String>, Form(form): Form<StepForm>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let id = assignment_id(&id)?;
    let step = Step::parse(&form.step).ok_or_else(|| Error::not_found(words::THIS_TASK))?;
    // Acknowledging and beginning are no judgement on anything that a newer entry could have changed.
    let new = NewStep { step, reason: "", revision: None };
    match take_own_step(&app.db, &app.clock, &app.ids, caller, id, new).await {
        Ok(_) => Ok(see_other(&format!("/point/tasks/{id}?done={}", step.as_str()))),
        Err(error) => {
            let said = problem(error)?;
            let assignment = assignments::get_own(&app.db, caller, id).await?;
            task_page(&visit, caller, assignment, said, Typed::default()).await
        }
    }
}

/// What is handed in, before it is.
#[handler]
async fn show_submit(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = staff(&visit)?;
    let assignment = assignments::get_own(&visit.app.db, caller, assignment_id(&id)?).await?;
    submit_page(&visit, caller, assignment, String::new(), None).await
}

async fn submit_page(visit: &Visit, caller: &Caller, assignment: Assignment, reason: String, error: Option<Error>) -> Page {
    let app = &visit.app;
    let url = format!("/point/tasks/{}", assignment.id);
    if !assignment.state.takes_opinions() {
        return Ok(see_other(&url));
    }
    let counts = own::count_work(&app.db, caller, assignment.id).await?;
    let mut notices = Vec::new();
    if assignment.first_submitted_at.is_none() && assignment.due_at <= app.clock.now() {
        notices.push(words::late(assignment.due_on()));
    }
    if counts.activities == 0 {
        notices.push(words::NO_ACTIVITY.to_owned());
    }
    let open = batches::count_open(&app.db, caller, assignment.id).await?;
    if open > 0 {
        notices.push(words::not_committed(open));
    }
    let left = batches::list_left_out(&app.db, caller, assignment.id).await?;
    if !left.is_empty() {
        notices.push(words::left_out(&left));
    }
    let fact = |name: &str, value: i64| Fact { name: name.into(), value: texts::grouped(value) };
    let status = error.as_ref().and_then(|error| StatusCode::from_u16(error.code.status()).ok()).unwrap_or(StatusCode::OK);
    let page = SubmitPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        action: format!("{url}/submit"),
        task: Link { text: assignment.task_title, url },
        revision: assignment.revision,
        counts: vec![
            fact("意见（条）", counts.opinions),
            fact("征集活动（次）", counts.activities),
            fact("到场（人次）", counts.people_present),
            fact("覆盖（人次）", counts.people_reached),
        ],
        is_empty: counts.opinions == 0,
        problem: error.map(|error| error.detail).unwrap_or_default(),
        reason,
        notices,
    };
    visit.show_as(status, &page)
}

#[handler]
async fn submit(visit: Visit, Path(id): Path<String>, Form(form): Form<StepForm>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let id = assignment_id(&id)?;
    let new = NewStep { step: Step::Submit, reason: &form.reason, revision: form.revision };
    match take_own_step(&app.db, &app.clock, &app.ids, caller, id, new).await {
        Ok(_) => Ok(see_other(&format!("/point/tasks/{id}?done=submit"))),
        Err(error) => {
            let text = error.detail.clone();
            problem(error)?;
            let assignment = assignments::get_own(&app.db, caller, id).await?;
            submit_page(&visit, caller, assignment, form.reason, Some(Error::invalid("reason", text))).await
        }
    }
}

#[derive(Deserialize)]
struct ExtensionForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

#[handler]
async fn ask(visit: Visit, Path(id): Path<String>, Form(form): Form<ExtensionForm>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let id = assignment_id(&id)?;
    let asked = async {
        let until = calendar::parse_day(&form.until).ok_or_else(|| Error::invalid("until", texts::BAD_DATE))?;
        ask_extension(&app.db, &app.clock, &app.ids, caller, id, until, &form.reason).await
    };
    match asked.await {
        Ok(_) => Ok(see_other(&format!("/point/tasks/{id}?done=asked"))),
        Err(error) => {
            let said = problem(error)?;
            let assignment = assignments::get_own(&app.db, caller, id).await?;
            task_page(&visit, caller, assignment, said, Typed { until: form.until, reason: form.reason }).await
        }
    }
}
