//! `/staff/assignments/{id}`: what one contact point does for a task; giving it back, accepting it, calling it off, deciding on more time. `/staff/activities/{id}`: its
//! activities, for reading.

use poem::http::{StatusCode, header};
use poem::web::{Form, Path, Query};
use poem::{Response, Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use super::problem;
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::contact_points::activities::files::{self, ActivityFile};
use crate::contact_points::activities::{self, Activity};
use crate::contact_points::assignments::extensions::{self, Decision, ExtensionRequest, ExtensionState, decide_extension};
use crate::contact_points::assignments::moving::{self, AssignmentEntry, NewStep, take_step};
use crate::contact_points::assignments::{self, Assignment, Step};
use crate::error::{Error, Result};
use crate::ids::{ActivityId, AssignmentId};
use crate::opinions::statistics::Measure;
use crate::portal::links;
use crate::portal::pages::collection::{ActivityLine, ActivityPage, AssignmentPage, EntryLine, ExtensionLine, FileLine, Said};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Activities on a page.
const PAGE: usize = 30;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/assignments/:id", get(show_assignment))
        .at("/staff/assignments/:id/steps", post(make_step))
        .at("/staff/assignments/:id/extension", post(decide))
        .at("/staff/activities/:id", get(show_activity))
        .at("/staff/activities/:id/files/:file", get(send_file))
}

/// An assignment as an address names it.
pub(in crate::portal) fn assignment_id(text: &str) -> Result<AssignmentId> {
    text.parse::<Uuid>().map(AssignmentId).map_err(|_| Error::not_found(words::THIS_TASK))
}

/// An activity as an address names it.
pub(in crate::portal) fn activity_id(text: &str) -> Result<ActivityId> {
    text.parse::<Uuid>().map(ActivityId).map_err(|_| Error::not_found(words::THIS_ACTIVITY))
}

/// A file as an address names it.
pub(in crate::portal) fn file_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::not_found(words::THIS_FILE))
}

/// One thing that happened.
pub(in crate::portal) fn entry_line(entry: AssignmentEntry) -> EntryLine {
    EntryLine { what: entry.label().into(), by: words::entry_by(&entry), reason: entry.reason }
}

/// A request for more time.
pub(in crate::portal) fn extension_line(request: ExtensionRequest) -> Result<ExtensionLine> {
    let state = request.outcome()?;
    Ok(ExtensionLine {
        id: request.id.to_string(),
        badge: words::extension_badge(state),
        asked: words::extension_asked(&request),
        answer: words::extension_answer(&request),
        is_waiting: state == ExtensionState::Asked,
        until: request.asked_until.to_string(),
        reason: request.reason,
    })
}

/// An activity under an address.
pub(in crate::portal) fn activity_line(base: &str, activity: Activity) -> ActivityLine {
    ActivityLine {
        meta: words::activity_meta(&activity),
        kind: activity.facts.kind.label().into(),
        link: Link { url: format!("{base}/{}", activity.id), text: activity.facts.title },
    }
}

/// What an activity is, in facts.
pub(in crate::portal) fn activity_facts(activity: &Activity) -> Vec<Fact> {
    let facts = &activity.facts;
    let named = [
        ("联系点", activity.point_name.clone()),
        ("信息采集点", activity.station_name.clone().unwrap_or_default()),
        ("日期", texts::day(facts.held_on)),
        ("地点", facts.place.clone()),
        ("人数", words::people(facts.people_present, facts.people_reached)),
        ("参加人员", facts.participant_kinds.join("、")),
        ("征集任务", activity.task_title.clone().unwrap_or_default()),
    ];
    named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect()
}

/// A file under an address; `may_remove`: with where it is removed.
pub(in crate::portal) fn file_line(base: &str, file: &ActivityFile, may_remove: bool) -> FileLine {
    let url = format!("{base}/files/{}", file.id);
    FileLine {
        meta: words::file(file.kind.label(), file.size_bytes),
        remove: if may_remove { format!("{url}/remove") } else { String::new() },
        link: Link { text: file.name.clone(), url },
    }
}

/// A file on its way: always a download, in a box without rights, kept nowhere.
pub(in crate::portal) fn sent_file(file: &ActivityFile, bytes: Vec<u8>) -> Response {
    Response::builder()
        .content_type(file.kind.media_type())
        .header(header::CONTENT_DISPOSITION, file.disposition())
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(bytes)
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    done: String,
    #[serde(default)]
    cursor: String,
}

/// `/staff/assignments/{id}`
#[handler]
async fn show_assignment(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let assignment = assignments::get_assignment(&visit.app.db, caller, assignment_id(&id)?).await?;
    let text = match shown.done.as_str() {
        "return" => words::RETURNED,
        "accept" => words::ACCEPTED,
        "cancel" => words::CANCELLED,
        "decided" => words::DECIDED,
        _ => "",
    };
    let said = Said { text: text.into(), is_problem: false };
    assignment_page(&visit, caller, assignment, &shown.cursor, said, String::new()).await
}

async fn assignment_page(visit: &Visit, caller: &Caller, assignment: Assignment, cursor: &str, said: Said, reason: String) -> Page {
    let app = &visit.app;
    let url = format!("/staff/assignments/{}", assignment.id);
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let held = activities::list_of_assignment(&app.db, caller, assignment.id, cursor, PAGE).await?;
    let entries = moving::list_entries(&app.db, &assignment).await?;
    let requests = extensions::list_requests(&app.db, &assignment).await?;
    let may_manage = caller.may(Permission::ManageCollectionTasks);
    let opinions = assignments::count_opinions(&app.db, assignment.id).await?;
    let (task, point) = (assignment.task_id.to_string(), assignment.contact_point_id.to_string());
    let behind = [("task", task.as_str()), ("point", point.as_str()), ("by", "point"), ("measure", Measure::Opinions.as_str())];
    let behind = Link { text: words::see_opinions(opinions), url: links::with_query("/staff/statistics/rows", behind) };
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts = vec![
        fact(words::REGION, assignment.point_region.clone()),
        fact(words::DRAFT, assignment.draft_title.clone()),
        fact(words::DUE, words::due(assignment.due_on())),
        fact(words::SENT, texts::moment(assignment.sent_at)),
        fact(words::OPINIONS, texts::grouped(opinions)),
    ];
    facts.extend(assignment.submitted_at.map(|at| fact(words::SUBMITTED, texts::moment(at))));
    let status = if said.is_problem { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = AssignmentPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said,
        point: Link { text: assignment.point_name.clone(), url: format!("/contact-points/{}", assignment.contact_point_id) },
        task: Link { text: assignment.task_title.clone(), url: format!("/staff/tasks/{}", assignment.task_id) },
        badges: words::badges(&assignment, app.clock.now()),
        facts,
        opinions: (opinions > 0 && caller.may(Permission::ReadStatistics)).then_some(behind),
        revision: assignment.revision,
        may_accept: may_manage && assignment.state.after(Step::Accept).is_some(),
        may_cancel: may_manage && assignment.state.after(Step::Cancel).is_some(),
        reason,
        extensions: requests.into_iter().map(extension_line).collect::<Result<_>>()?,
        may_decide: may_manage,
        activities: held.items.into_iter().map(|activity| activity_line("/staff/activities", activity)).collect(),
        next: held.next.map(|cursor| links::with_query(&url, [("cursor", cursor.as_str())])),
        entries: entries.into_iter().map(entry_line).collect(),
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
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let id = assignment_id(&id)?;
    let step = Step::parse(&form.step).ok_or_else(|| Error::not_found(words::THIS_TASK))?;
    let new = NewStep { step, reason: &form.reason, revision: form.revision };
    match take_step(&app.db, &app.clock, &app.ids, caller, id, new).await {
        Ok(_) => Ok(see_other(&format!("/staff/assignments/{id}?done={}", step.as_str()))),
        Err(error) => {
            let said = problem(error)?;
            let assignment = assignments::get_assignment(&app.db, caller, id).await?;
            assignment_page(&visit, caller, assignment, "", said, form.reason).await
        }
    }
}

#[derive(Deserialize)]
struct DecisionForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    request: String,
    #[serde(rename = "do", default)]
    decision: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    remark: String,
}

#[handler]
async fn decide(visit: Visit, Path(id): Path<String>, Form(form): Form<DecisionForm>) -> Page {
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let id = assignment_id(&id)?;
    let request: Uuid = form.request.parse().map_err(|_| Error::not_found("这项延期申请"))?;
    let decided = async {
        let until = match form.decision.as_str() {
            "grant" => Some(calendar::parse_day(&form.until).ok_or_else(|| Error::invalid("until", texts::BAD_DATE))?),
            _ => None,
        };
        decide_extension(&app.db, &app.clock, &app.ids, caller, id, request, Decision { until, remark: &form.remark }).await
    };
    match decided.await {
        Ok(_) => Ok(see_other(&format!("/staff/assignments/{id}?done=decided"))),
        Err(error) => {
            let said = problem(error)?;
            let assignment = assignments::get_assignment(&app.db, caller, id).await?;
            assignment_page(&visit, caller, assignment, "", said, String::new()).await
        }
    }
}

/// `/staff/activities/{id}`
#[handler]
async fn show_activity(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let app = &visit.app;
    let activity = activities::get_activity(&app.db, caller, activity_id(&id)?).await?;
    let url = format!("/staff/activities/{}", activity.id);
    let held = files::list_files(&app.db, activity.id).await?;
    let mut back = vec![Link { text: "征集任务".into(), url: "/staff/tasks".into() }];
    back.extend(activity.facts.assignment.map(|of| Link { text: activity.point_name.clone(), url: format!("/staff/assignments/{of}") }));
    visit.show(&ActivityPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said: Said::default(),
        back,
        facts: activity_facts(&activity),
        minutes: super::paragraphs(&activity.facts.minutes),
        files: held.iter().map(|file| file_line(&url, file, false)).collect(),
        may_change: false,
        kind: activity.facts.kind.label().into(),
        title: activity.facts.title,
        url,
    })
}

/// A file of an activity.
#[handler]
async fn send_file(visit: Visit, Path((id, file)): Path<(String, String)>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let app = &visit.app;
    let (file, bytes) = files::read_file(&app.db, &app.blobs, caller, activity_id(&id)?, file_id(&file)?).await?;
    Ok(sent_file(&file, bytes))
}
