//! `/staff/relays`: what the bureau asks a county organ to pass on to its contact points.

use std::collections::BTreeSet;

use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use super::{articles, chosen, field, line, paragraphs, point_ids, problem, regions};
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::contact_points::PointFilter;
use crate::contact_points::tasks::TaskState;
use crate::contact_points::tasks::relays::{self, PassingOn, Relay, pass_on};
use crate::error::{Error, Result};
use crate::portal::links;
use crate::portal::pages::collection::{RelayPage, RelaysPage, Said};
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Relays, and assignments, on a page.
const PAGE: usize = 30;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/staff/relays", get(list_relays)).at("/staff/relays/:id", get(show_relay).post(send_on))
}

/// What an organ did with a task.
pub(super) fn progress(relay: &Relay) -> String {
    match relay.passed_on_at {
        Some(at) => format!("{}转发给 {} 个联系点", texts::moment(at), relay.points),
        None => "尚未转发".into(),
    }
}

fn badge(relay: &Relay) -> Badge {
    if relay.task_state == TaskState::Cancelled.as_str() {
        return Badge { text: TaskState::Cancelled.label().into(), tone: "off" };
    }
    match relay.passed_on_at {
        Some(_) => Badge { text: "已转发".into(), tone: "good" },
        None => Badge { text: "待转发".into(), tone: "wait" },
    }
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

/// `/staff/relays`
#[handler]
async fn list_relays(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::PassOnTasks)?;
    let cursor = Some(query.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let page = relays::list_own(&visit.app.db, caller, cursor, PAGE).await?;
    let line = |relay: Relay| {
        let meta = format!("{} · {}截止 · {}", relay.draft_title, words::due(relay.due_on()), progress(&relay));
        (Link { url: format!("/staff/relays/{}", relay.id), text: relay.task_title.clone() }, badge(&relay), meta)
    };
    visit.show(&RelaysPage {
        layout: visit.layout(Section::Staff),
        relays: page.items.into_iter().map(line).collect(),
        next: page.next.map(|cursor| links::with_query("/staff/relays", [("cursor", cursor.as_str())])),
    })
}

fn relay_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::not_found(words::THIS_TASK))
}

/// `/staff/relays/{id}`
#[handler]
async fn show_relay(visit: Visit, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::PassOnTasks)?;
    let text = if query.done == "passed" { words::PASSED_ON } else { "" };
    let said = Said { text: text.into(), is_problem: false };
    relay_page(&visit, caller, relay_id(&id)?, &query.cursor, said, &[]).await
}

async fn relay_page(visit: &Visit, caller: &Caller, id: Uuid, cursor: &str, said: Said, fields: &[(String, String)]) -> Page {
    let app = &visit.app;
    let (relay, task) = relays::get_own(&app.db, caller, id).await?;
    let url = format!("/staff/relays/{}", relay.id);
    let mut has = BTreeSet::new();
    let mut from: Option<String> = None;
    loop {
        let page = relays::list_assignments(&app.db, caller, &relay, from.as_deref(), 200).await?;
        has.extend(page.items.into_iter().map(|assignment| assignment.contact_point_id));
        match page.next {
            None => break,
            next => from = next,
        }
    }
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let page = relays::list_assignments(&app.db, caller, &relay, cursor, PAGE).await?;
    let is_open = task.state == TaskState::Open && relay.due_at > app.clock.now();
    let own = PointFilter { organ: Some(relay.organ_id), ..PointFilter::working() };
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let status = if said.is_problem { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let due_on = field(fields, "due_on");
    let page = RelayPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        said,
        badge: badge(&relay),
        facts: vec![fact(words::DUE, words::due(relay.due_on())), fact(words::SENT, texts::moment(relay.sent_at))],
        draft: Link { text: task.draft_title.clone(), url: format!("/drafts/{}", task.draft_id) },
        articles: articles(visit, &task).await?.into_iter().map(|(label, url, _)| Link { text: label, url }).collect(),
        instructions: paragraphs(&task.instructions),
        questions: task.questions,
        assignments: page.items.into_iter().map(|assignment| line(visit, assignment)).collect(),
        next: page.next.map(|cursor| links::with_query(&url, [("cursor", cursor.as_str())])),
        regions: if is_open { regions(visit, &own, &has, &chosen(fields, "point")).await? } else { Vec::new() },
        due_on: if due_on.is_empty() { relay.due_on().to_string() } else { due_on.to_owned() },
        note: if fields.is_empty() { relay.note } else { field(fields, "note").to_owned() },
        is_open,
        title: task.title,
        url,
    };
    visit.show_as(status, &page)
}

#[handler]
async fn send_on(visit: Visit, Path(id): Path<String>, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = visit.staff(Permission::PassOnTasks)?;
    visit.check_form(field(&fields, "csrf"))?;
    let app = &visit.app;
    let id = relay_id(&id)?;
    let sent = async {
        let new = PassingOn {
            points: point_ids(&chosen(&fields, "point"))?,
            due_on: Some(calendar::parse_day(field(&fields, "due_on")).ok_or_else(|| Error::invalid("due_on", texts::BAD_DATE))?),
            note: field(&fields, "note").to_owned(),
        };
        pass_on(&app.db, &app.clock, &app.ids, caller, id, new).await
    };
    match sent.await {
        Ok(_) => Ok(see_other(&format!("/staff/relays/{id}?done=passed"))),
        Err(error) => {
            let said = problem(error)?;
            relay_page(&visit, caller, id, "", said, &fields).await
        }
    }
}
