//! `/point`: the desk, with the own assignments on shelves.

use poem::web::Query;
use poem::{Route, get, handler};
use serde::Deserialize;

use super::staff;
use crate::contact_points;
use crate::contact_points::assignments::Assignment;
use crate::contact_points::assignments::own::{self, Shelf};
use crate::contact_points::assignments::own_point;
use crate::portal::links;
use crate::portal::pages::collection::{AssignmentLine, PointDeskPage};
use crate::portal::pages::{Choice, Link, Section};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit};

/// Assignments on a page.
const PAGE: usize = 20;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/point", get(show_desk))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    shelf: String,
    #[serde(default)]
    cursor: String,
}

#[handler]
async fn show_desk(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = staff(&visit)?;
    let app = &visit.app;
    let shelf = Shelf::parse(&query.shelf).unwrap_or(Shelf::Todo);
    let cursor = Some(query.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let point = contact_points::get_point(&app.db, own_point(caller)?).await?;
    let counts = own::count_own(&app.db, &app.clock, caller).await?;
    let page = own::list_own(&app.db, &app.clock, caller, shelf, cursor, PAGE).await?;
    let url = |shelf: Shelf| links::with_query("/point", [("shelf", if shelf == Shelf::Todo { "" } else { shelf.as_str() })]);
    let here = url(shelf);
    let joint = if here.contains('?') { '&' } else { '?' };
    visit.show(&PointDeskPage {
        layout: visit.layout(Section::Staff),
        point: point.facts.name,
        shelves: counts
            .into_iter()
            .map(|(each, n)| Choice {
                text: each.label().into(),
                url: url(each),
                count: u64::try_from(n).unwrap_or(0),
                is_chosen: each == shelf,
            })
            .collect(),
        assignments: page.items.into_iter().map(|assignment| line(&visit, assignment)).collect(),
        empty: words::empty_shelf(shelf),
        next: page.next.map(|cursor| format!("{here}{joint}cursor={}", links::encode(&cursor))),
    })
}

fn line(visit: &Visit, assignment: Assignment) -> AssignmentLine {
    AssignmentLine {
        badges: words::badges(&assignment, visit.app.clock.now()),
        due: words::due(assignment.due_on()),
        submitted: assignment.submitted_at.map(texts::moment).unwrap_or_default(),
        opinions: String::new(),
        link: Link { url: format!("/point/tasks/{}", assignment.id), text: assignment.task_title },
        about: assignment.draft_title,
    }
}
