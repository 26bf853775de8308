//! `/point/activities`: the activities of the own contact point, with their files.

use poem::http::StatusCode;
use poem::web::{Form, Multipart, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;

use super::staff;
use crate::accounts::Caller;
use crate::calendar;
use crate::contact_points;
use crate::contact_points::activities::{self, Activity, ActivityKind, NewActivity, files};
use crate::contact_points::assignments::own::{self, Shelf};
use crate::contact_points::assignments::own_point;
use crate::documents::recordings::LARGEST;
use crate::error::{Code, Error, Result};
use crate::ids::{AssignmentId, StationId};
use crate::portal::links;
use crate::portal::pages::collection::{ActivitiesPage, ActivityFormPage, ActivityPage, Said};
use crate::portal::pages::rounds::{Problems, SelectOption};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::staff::drafting::forms;
use crate::portal::staff::tasks::assignments::{activity_facts, activity_id, activity_line, file_id, file_line, sent_file};
use crate::portal::staff::tasks::{field, paragraphs, problem};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Activities on a page.
const PAGE: usize = 30;
/// Own tasks offered in the form.
const TASKS: usize = 100;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/point/activities", get(list_activities))
        .at("/point/activities/new", get(show_new).post(hold))
        .at("/point/activities/:id", get(show_activity))
        .at("/point/activities/:id/edit", get(show_edit).post(change))
        .at("/point/activities/:id/remove", post(remove))
        .at("/point/activities/:id/files", post(add_file))
        .at("/point/activities/:id/files/:file", get(send_file))
        .at("/point/activities/:id/files/:file/remove", post(remove_file))
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    done: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    assignment: String,
}

fn said(done: &str) -> Said {
    let text = match done {
        "kept" => words::ACTIVITY_KEPT,
        "changed" => words::ACTIVITY_CHANGED,
        "removed" => words::ACTIVITY_REMOVED,
        "added" => words::FILE_ADDED,
        "file-removed" => words::FILE_REMOVED,
        _ => "",
    };
    Said { text: text.into(), is_problem: false }
}

#[handler]
async fn list_activities(visit: Visit, Query(shown): Query<Shown>) -> Page {
    let caller = staff(&visit)?;
    let cursor = Some(shown.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let page = activities::list_own(&visit.app.db, caller, None, cursor, PAGE).await?;
    visit.show(&ActivitiesPage {
        layout: visit.layout(Section::Staff),
        said: said(&shown.done),
        activities: page.items.into_iter().map(|activity| activity_line("/point/activities", activity)).collect(),
        next: page.next.map(|cursor| links::with_query("/point/activities", [("cursor", cursor.as_str())])),
    })
}

/// The form of a new activity or of one that is changed, with what was typed.
async fn form_page(visit: &Visit, caller: &Caller, of: Option<&Activity>, fields: &[(String, String)], error: Option<Error>) -> Page {
    let app = &visit.app;
    let mut tasks = vec![SelectOption { value: String::new(), label: "不属于征集任务".into(), is_chosen: false }];
    let chosen = field(fields, "assignment");
    for shelf in [Shelf::Todo, Shelf::Done] {
        let page = own::list_own(&app.db, &app.clock, caller, shelf, None, TASKS).await?;
        tasks.extend(page.items.into_iter().map(|assignment| {
            let value = assignment.id.to_string();
            SelectOption { is_chosen: value == chosen, label: assignment.task_title, value }
        }));
    }
    let stations = if caller.station.is_none() {
        let point = contact_points::get_point(&app.db, own_point(caller)?).await?;
        let chosen = field(fields, "station");
        let own = SelectOption { value: String::new(), label: texts::entry::POINT_ITSELF.into(), is_chosen: chosen.is_empty() };
        let each = point.stations.into_iter().filter(|station| station.closed_at.is_none()).map(|station| {
            let value = station.id.to_string();
            SelectOption { is_chosen: value == chosen, label: station.name, value }
        });
        std::iter::once(own).chain(each).collect()
    } else {
        Vec::new()
    };
    let kind = field(fields, "kind");
    let status = error.as_ref().and_then(|error| StatusCode::from_u16(error.code.status()).ok()).unwrap_or(StatusCode::OK);
    let value = |name: &str| field(fields, name).to_owned();
    let page = ActivityFormPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        key: value("key"),
        revision: value("revision").parse().unwrap_or(0),
        action: of.map_or_else(|| "/point/activities/new".into(), |activity| format!("/point/activities/{}/edit", activity.id)),
        back: of.map_or_else(|| "/point/activities".into(), |activity| format!("/point/activities/{}", activity.id)),
        problems: Problems(
            error
                .as_ref()
                .map(|e| e.fields.iter().map(|f| Fact { name: f.field.clone(), value: f.message.clone() }).collect())
                .unwrap_or_default(),
        ),
        problem: error.map(|error| error.detail).unwrap_or_default(),
        kinds: ActivityKind::ALL
            .iter()
            .map(|each| SelectOption { value: each.as_str().into(), label: each.label().into(), is_chosen: each.as_str() == kind })
            .collect(),
        tasks,
        stations,
        title: value("title"),
        held_on: value("held_on"),
        today: app.clock.today().to_string(),
        place: value("place"),
        people_present: value("people_present"),
        people_reached: value("people_reached"),
        participant_kinds: value("participant_kinds"),
        minutes: value("minutes"),
    };
    visit.show_as(status, &page)
}

#[handler]
async fn show_new(visit: Visit, Query(shown): Query<Shown>) -> Page {
    let caller = staff(&visit)?;
    let fields =
        [("key", visit.app.ids.next().to_string()), ("assignment", shown.assignment), ("held_on", visit.app.clock.today().to_string())];
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    form_page(&visit, caller, None, &fields, None).await
}

fn read(fields: &[(String, String)]) -> Result<NewActivity> {
    let id = |name: &str, field_name: &str| match field(fields, name) {
        "" => Ok(None),
        text => text.parse::<uuid::Uuid>().map(Some).map_err(|_| Error::invalid(field_name, "请重新选择。")),
    };
    let number = |name: &str| match field(fields, name).trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| Error::invalid(name, words::BAD_NUMBER)),
    };
    let present = number("people_present")?;
    let reached = if field(fields, "people_reached").trim().is_empty() { present } else { number("people_reached")? };
    Ok(NewActivity {
        assignment: id("assignment", "assignment_id")?.map(AssignmentId),
        station: id("station", "station_id")?.map(StationId),
        kind: ActivityKind::parse(field(fields, "kind")).ok_or_else(|| Error::invalid("kind", "请选择活动方式。"))?,
        title: field(fields, "title").to_owned(),
        held_on: calendar::parse_day(field(fields, "held_on")).ok_or_else(|| Error::invalid("held_on", texts::BAD_DATE))?,
        place: field(fields, "place").to_owned(),
        people_present: present,
        people_reached: reached,
        participant_kinds: field(fields, "participant_kinds").split(['、', '，', ',', '\n']).map(str::to_owned).collect(),
        minutes: field(fields, "minutes").to_owned(),
    })
}

fn is_ours(error: &Error) -> bool {
    matches!(error.code, Code::Invalid | Code::Conflict | Code::KeyReused)
}

#[handler]
async fn hold(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(field(&fields, "csrf"))?;
    let app = &visit.app;
    let kept = async {
        let new = read(&fields)?;
        activities::hold_activity(&app.db, &app.clock, &app.ids, caller, Some(field(&fields, "key")), new).await
    };
    match kept.await {
        Ok(activity) => Ok(see_other(&format!("/point/activities/{}?done=kept", activity.id))),
        Err(error) if is_ours(&error) => form_page(&visit, caller, None, &fields, Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

#[handler]
async fn show_edit(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = staff(&visit)?;
    let activity = activities::get_own(&visit.app.db, caller, activity_id(&id)?).await?;
    let facts = &activity.facts;
    let fields = [
        ("revision", activity.revision.to_string()),
        ("assignment", facts.assignment.map(|id| id.to_string()).unwrap_or_default()),
        ("station", facts.station.map(|id| id.to_string()).unwrap_or_default()),
        ("kind", facts.kind.as_str().to_owned()),
        ("title", facts.title.clone()),
        ("held_on", facts.held_on.to_string()),
        ("place", facts.place.clone()),
        ("people_present", facts.people_present.to_string()),
        ("people_reached", facts.people_reached.to_string()),
        ("participant_kinds", facts.participant_kinds.join("、")),
        ("minutes", facts.minutes.clone()),
    ];
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    form_page(&visit, caller, Some(&activity), &fields, None).await
}

#[handler]
async fn change(visit: Visit, Path(id): Path<String>, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(field(&fields, "csrf"))?;
    let app = &visit.app;
    let activity = activities::get_own(&app.db, caller, activity_id(&id)?).await?;
    let revision = field(&fields, "revision").parse().unwrap_or(0);
    let kept = async { activities::change_activity(&app.db, &app.clock, caller, activity.id, revision, read(&fields)?).await };
    match kept.await {
        Ok(_) => Ok(see_other(&format!("/point/activities/{}?done=changed", activity.id))),
        Err(error) if is_ours(&error) => form_page(&visit, caller, Some(&activity), &fields, Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

#[handler]
async fn show_activity(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = staff(&visit)?;
    let activity = activities::get_own(&visit.app.db, caller, activity_id(&id)?).await?;
    activity_page(&visit, activity, said(&shown.done)).await
}

async fn activity_page(visit: &Visit, activity: Activity, said: Said) -> Page {
    let url = format!("/point/activities/{}", activity.id);
    let held = files::list_files(&visit.app.db, activity.id).await?;
    let mut back = vec![Link { text: "联系点任务".into(), url: "/point".into() }];
    back.push(match (activity.facts.assignment, &activity.task_title) {
        (Some(of), Some(title)) => Link { text: title.clone(), url: format!("/point/tasks/{of}") },
        _ => Link { text: "征集活动".into(), url: "/point/activities".into() },
    });
    let status = if said.is_problem { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = ActivityPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said,
        back,
        facts: activity_facts(&activity),
        minutes: paragraphs(&activity.facts.minutes),
        files: held.iter().map(|file| file_line(&url, file, true)).collect(),
        may_change: true,
        kind: activity.facts.kind.label().into(),
        title: activity.facts.title,
        url,
    };
    visit.show_as(status, &page)
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

#[handler]
async fn remove(visit: Visit, Path(id): Path<String>, Form(sent): Form<Token>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let id = activity_id(&id)?;
    match activities::remove_activity(&app.db, &app.blobs, &app.clock, caller, id).await {
        Ok(()) => Ok(see_other("/point/activities?done=removed")),
        Err(error) => {
            let said = problem(error)?;
            activity_page(&visit, activities::get_own(&app.db, caller, id).await?, said).await
        }
    }
}

#[handler]
async fn add_file(visit: Visit, Path(id): Path<String>, multipart: Multipart) -> Page {
    let caller = staff(&visit)?;
    let app = &visit.app;
    // A form that is not of this session is told so before anything else; a file that is too large is said on the page.
    let sent = match forms::read(&visit, multipart, LARGEST as u64).await {
        Err(error) if error.code == Code::Forbidden => return Err(Failure(error)),
        read => read,
    };
    let id = activity_id(&id)?;
    let added = async {
        let file = sent?.file.take().ok_or_else(|| Error::invalid("file", words::NO_FILE))?;
        files::add_file(&app.db, &app.blobs, &app.clock, &app.ids, caller, id, file).await
    };
    match added.await {
        Ok(_) => Ok(see_other(&format!("/point/activities/{id}?done=added#files"))),
        Err(error) => {
            let said = problem(error)?;
            activity_page(&visit, activities::get_own(&app.db, caller, id).await?, said).await
        }
    }
}

#[handler]
async fn send_file(visit: Visit, Path((id, file)): Path<(String, String)>) -> Page {
    let caller = staff(&visit)?;
    let app = &visit.app;
    let (file, bytes) = files::read_own(&app.db, &app.blobs, caller, activity_id(&id)?, file_id(&file)?).await?;
    Ok(sent_file(&file, bytes))
}

#[handler]
async fn remove_file(visit: Visit, Path((id, file)): Path<(String, String)>, Form(sent): Form<Token>) -> Page {
    let caller = staff(&visit)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let id = activity_id(&id)?;
    files::remove_file(&app.db, &app.blobs, &app.clock, caller, id, file_id(&file)?).await?;
    Ok(see_other(&format!("/point/activities/{id}?done=file-removed#files")))
}
