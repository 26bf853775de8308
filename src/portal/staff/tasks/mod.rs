//! `/staff/tasks`: collection tasks of the bureau. `sending.rs` sends one, `assignments.rs` looks at what one contact point does, `relays.rs` is what county staff
//! pass on.

pub mod assignments;
mod relays;
mod sending;

use std::collections::BTreeSet;

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::contact_points::assignments::{Assignment, AssignmentState};
use crate::contact_points::tasks::changing::{add_points, cancel_task};
use crate::contact_points::tasks::relays as relaying;
use crate::contact_points::tasks::{self, Task, TaskState, listing};
use crate::contact_points::{self, ContactPoint, PointFilter};
use crate::drafts::places;
use crate::error::{Error, Result};
use crate::ids::{CollectionTaskId, ContactPointId};
use crate::portal::links;
use crate::portal::pages::collection::{AssignmentLine, OverduePage, Said, TaskLine, TaskPage, TasksPage, Tick, TickGroup};
use crate::portal::pages::{Choice, Fact, Link, Section};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Tasks, and assignments, on a page.
const PAGE: usize = 30;
/// Points read at a time.
const POINTS: usize = 200;

/// The pages of this room.
pub fn routes(route: Route) -> Route {
    let route = sending::routes(route);
    let route = assignments::routes(route);
    let route = relays::routes(route);
    route
        .at("/staff/tasks", get(list_tasks))
        .at("/staff/tasks/overdue", get(list_overdue))
        .at("/staff/tasks/:id", get(show_task))
        .at("/staff/tasks/:id/points", post(send_further))
        .at("/staff/tasks/:id/cancel", post(cancel))
}

/// Splits a text into its lines.
pub(in crate::portal) fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What a page says instead of failing, when a person can do something about it.
pub(in crate::portal) fn problem(error: Error) -> std::result::Result<Said, Failure> {
    if error.code.status() < 500 && !matches!(error.code, crate::error::Code::Forbidden | crate::error::Code::NotFound) {
        return Ok(Said { text: error.detail, is_problem: true });
    }
    Err(Failure(error))
}

/// What is said after an act; who was told of a new task is known from the task itself.
async fn done(visit: &Visit, caller: &Caller, task: &Task, what: &str) -> Result<Said> {
    let app = &visit.app;
    let text = match what {
        "sent" => {
            let points = listing::count_assignments(&app.db, &app.clock, task.id).await?.total();
            words::task_sent(points, relaying::list_of_task(&app.db, caller, task.id).await?.len())
        }
        "points" => words::POINTS_ADDED.into(),
        "cancelled" => words::TASK_CANCELLED.into(),
        _ => String::new(),
    };
    Ok(Said { text, is_problem: false })
}

fn task_id(text: &str) -> Result<CollectionTaskId> {
    text.parse::<Uuid>().map(CollectionTaskId).map_err(|_| Error::not_found(words::THIS_TASK))
}

/// Every working point but some, by region.
async fn regions(visit: &Visit, filter: &PointFilter, without: &BTreeSet<ContactPointId>, chosen: &[String]) -> Result<Vec<TickGroup>> {
    let mut groups: Vec<TickGroup> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = contact_points::list_points(&visit.app.db, filter, cursor.as_deref(), POINTS).await?;
        for point in page.items.into_iter().filter(|point| !without.contains(&point.id)) {
            let region = point.facts.region.clone();
            let tick = tick(point, chosen);
            match groups.last_mut() {
                Some(group) if group.name == region => group.ticks.push(tick),
                _ => groups.push(TickGroup { name: region, ticks: vec![tick] }),
            }
        }
        match page.next {
            None => return Ok(groups),
            next => cursor = next,
        }
    }
}

fn tick(point: ContactPoint, chosen: &[String]) -> Tick {
    let value = point.id.to_string();
    Tick { is_chosen: chosen.contains(&value), hint: point.facts.host_unit, label: point.facts.name, value }
}

/// An assignment by the name of its point.
fn line(visit: &Visit, assignment: Assignment) -> AssignmentLine {
    AssignmentLine {
        badges: words::badges(&assignment, visit.app.clock.now()),
        due: words::due(assignment.due_on()),
        submitted: assignment.submitted_at.map(texts::moment).unwrap_or_default(),
        opinions: String::new(),
        link: Link { url: format!("/staff/assignments/{}", assignment.id), text: assignment.point_name },
        about: assignment.point_region,
    }
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

impl ListQuery {
    fn cursor(&self) -> Option<&str> {
        Some(self.cursor.as_str()).filter(|cursor| !cursor.is_empty())
    }
}

/// `/staff/tasks`
#[handler]
async fn list_tasks(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let app = &visit.app;
    let state = TaskState::parse(&query.state);
    let page = listing::list_tasks(&app.db, &app.clock, caller, state, query.cursor(), PAGE).await?;
    let lines = page.items.into_iter().map(|(task, counts)| {
        let mut states: Vec<_> = counts.states.iter().map(|(state, n)| words::counted(*state, *n)).collect();
        states.extend((counts.overdue > 0).then(|| words::overdue(counts.overdue)));
        states.extend((counts.extensions > 0).then(|| words::waiting(counts.extensions)));
        TaskLine {
            badge: words::task_badge(&task),
            meta: words::task_meta(&task),
            link: Link { url: format!("/staff/tasks/{}", task.id), text: task.title },
            states,
        }
    });
    visit.show(&TasksPage {
        layout: visit.layout(Section::Staff),
        may_send: caller.may(Permission::ManageCollectionTasks),
        choices: std::iter::once(None)
            .chain(TaskState::ALL.iter().copied().map(Some))
            .map(|choice| Choice {
                text: choice.map_or(words::ALL, TaskState::label).into(),
                url: links::with_query("/staff/tasks", [("state", choice.map_or("", TaskState::as_str))]),
                count: 0,
                is_chosen: choice == state,
            })
            .collect(),
        overdue: listing::count_overdue(&app.db, &app.clock, caller).await?,
        tasks: lines.collect(),
        next: page.next.map(|cursor| links::with_query("/staff/tasks", [("state", query.state.as_str()), ("cursor", cursor.as_str())])),
    })
}

/// `/staff/tasks/overdue`
#[handler]
async fn list_overdue(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let page = listing::list_overdue(&visit.app.db, &visit.app.clock, caller, query.cursor(), PAGE).await?;
    let by_task = |assignment: Assignment| {
        let about = format!("{} · {}", assignment.point_region, assignment.task_title);
        AssignmentLine { about, ..line(&visit, assignment) }
    };
    visit.show(&OverduePage {
        layout: visit.layout(Section::Staff),
        assignments: page.items.into_iter().map(by_task).collect(),
        next: page.next.map(|cursor| links::with_query("/staff/tasks/overdue", [("cursor", cursor.as_str())])),
    })
}

/// `/staff/tasks/{id}`
#[handler]
async fn show_task(visit: Visit, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadCollectionTasks)?;
    let task = tasks::get_task(&visit.app.db, caller, task_id(&id)?).await?;
    let said = done(&visit, caller, &task, &query.done).await?;
    task_page(&visit, caller, task, &query, said, String::new()).await
}

async fn task_page(visit: &Visit, caller: &Caller, task: Task, query: &ListQuery, said: Said, reason: String) -> Page {
    let app = &visit.app;
    let url = format!("/staff/tasks/{}", task.id);
    let state = AssignmentState::parse(&query.state);
    let counts = listing::count_assignments(&app.db, &app.clock, task.id).await?;
    let page = listing::list_assignments(&app.db, caller, task.id, state, query.cursor(), PAGE).await?;
    let may_change = caller.may(Permission::ManageCollectionTasks) && task.state == TaskState::Open;
    let is_over = task.due_at <= app.clock.now();
    let regions = if may_change && !is_over {
        let mut has = BTreeSet::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = listing::list_assignments(&app.db, caller, task.id, None, cursor.as_deref(), POINTS).await?;
            has.extend(page.items.into_iter().map(|assignment| assignment.contact_point_id));
            match page.next {
                None => break,
                next => cursor = next,
            }
        }
        regions(visit, &PointFilter::working(), &has, &[]).await?
    } else {
        Vec::new()
    };
    let choice = |text: &str, state: Option<AssignmentState>, chosen: bool, n: i64| Choice {
        text: text.into(),
        url: links::with_query(&url, [("state", state.map_or("", AssignmentState::as_str))]),
        count: u64::try_from(n).unwrap_or(0),
        is_chosen: chosen,
    };
    let mut choices = vec![choice(words::ALL, None, state.is_none(), counts.total())];
    choices.extend(counts.states.iter().map(|(s, n)| choice(s.label(), Some(*s), state == Some(*s), *n)));
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts = vec![
        fact(words::DUE, words::due(task.due_on())),
        fact(words::ROUND_ENDS, words::due(crate::calendar::last_day_before(task.round_closes_at))),
        fact(words::SENT, texts::moment(task.created_at)),
    ];
    if !task.cancel_reason.is_empty() {
        facts.push(fact(words::CANCELLED_BECAUSE, task.cancel_reason.clone()));
    }
    let opinions = listing::count_opinions(&app.db, caller, task.id).await?;
    let relays = relaying::list_of_task(&app.db, caller, task.id).await?;
    let status = if said.is_problem { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = TaskPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said,
        badge: words::task_badge(&task),
        facts,
        draft: Link { text: task.draft_title.clone(), url: format!("/drafts/{}", task.draft_id) },
        articles: articles(visit, &task).await?.into_iter().map(|(label, url, _)| Link { text: label, url }).collect(),
        instructions: paragraphs(&task.instructions),
        questions: task.questions,
        choices,
        assignments: page
            .items
            .into_iter()
            .map(|assignment| AssignmentLine {
                opinions: words::opinions(opinions.get(&assignment.id).copied().unwrap_or(0)),
                ..line(visit, assignment)
            })
            .collect(),
        next: page.next.map(|cursor| links::with_query(&url, [("state", query.state.as_str()), ("cursor", cursor.as_str())])),
        relays: relays.into_iter().map(|relay| Fact { value: relays::progress(&relay), name: relay.organ_name }).collect(),
        may_change,
        regions,
        reason,
        title: task.title,
        url,
    };
    visit.show_as(status, &page)
}

/// Articles of interest: how each is cited, where it stands, its words by line.
pub(in crate::portal) async fn articles(visit: &Visit, task: &Task) -> Result<Vec<(String, String, Vec<String>)>> {
    let mut found = Vec::new();
    for address in &task.addresses {
        if let Some(place) = places::find_place(&visit.app.db, task.version_id, address).await? {
            found.push((place.label, format!("/drafts/{}#{address}", task.draft_id), paragraphs(&place.text)));
        }
    }
    Ok(found)
}

/// The fields of a form in their order.
pub(in crate::portal) fn chosen(fields: &[(String, String)], name: &str) -> Vec<String> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
}

/// The last field of a name; empty when there is none.
pub(in crate::portal) fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().rev().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
}

/// Ids of points as a form names them.
fn point_ids(values: &[String]) -> Result<Vec<ContactPointId>> {
    let id = |value: &String| value.parse::<Uuid>().map(ContactPointId).map_err(|_| Error::invalid("points", "请重新选择联系点。"));
    values.iter().map(id).collect()
}

fn nothing() -> ListQuery {
    ListQuery { state: String::new(), cursor: String::new(), done: String::new() }
}

#[handler]
async fn send_further(visit: Visit, Path(id): Path<String>, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    visit.check_form(field(&fields, "csrf"))?;
    let app = &visit.app;
    let id = task_id(&id)?;
    let points = point_ids(&chosen(&fields, "point"));
    let sent = async { add_points(&app.db, &app.clock, &app.ids, caller, id, &points?).await };
    match sent.await {
        Ok(_) => Ok(see_other(&format!("/staff/tasks/{id}?done=points"))),
        Err(error) => {
            let said = problem(error)?;
            let task = tasks::get_task(&app.db, caller, id).await?;
            task_page(&visit, caller, task, &nothing(), said, String::new()).await
        }
    }
}

#[handler]
async fn cancel(visit: Visit, Path(id): Path<String>, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    visit.check_form(field(&fields, "csrf"))?;
    let app = &visit.app;
    let id = task_id(&id)?;
    let reason = field(&fields, "reason");
    match cancel_task(&app.db, &app.clock, &app.ids, caller, id, reason).await {
        Ok(_) => Ok(see_other(&format!("/staff/tasks/{id}?done=cancelled"))),
        Err(error) => {
            let said = problem(error)?;
            let task = tasks::get_task(&app.db, caller, id).await?;
            task_page(&visit, caller, task, &nothing(), said, reason.to_owned()).await
        }
    }
}
