//! `/staff/contact-points`: contact points as the bureau and the counties keep them.
//!
//! `showing.rs` shows one point with all that belongs to it, `facts.rs` is the form of what it tells about itself, `acts.rs` takes the small forms.

mod acts;
mod facts;
mod showing;

pub use acts::{Values, day, get as value, term};

use chrono::Days;
use poem::web::Query;
use poem::{Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::Permission;
use crate::contact_points::organs::{self, Organ};
use crate::contact_points::{ContactPoint, PointFilter, PointStatus, managing, terms};
use crate::error::{Error, Result};
use crate::ids::{ContactPointId, OrganId};
use crate::portal::pages::points::{KeptPointLine, KeptPointsPage};
use crate::portal::pages::staff_accounts::Choosable;
use crate::portal::pages::{Badge, Link, Section};
use crate::portal::texts::points as words;
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Points on a page.
const PAGE: usize = 30;

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/contact-points", get(list_points).post(facts::open_point))
        .at("/staff/contact-points/new", get(facts::show_new))
        .at("/staff/contact-points/:id", get(showing::show_point).post(facts::change_point))
        .at("/staff/contact-points/:id/edit", get(facts::show_edit))
        .at("/staff/contact-points/:id/renewal", post(acts::renew))
        .at("/staff/contact-points/:id/closing", post(acts::close))
        .at("/staff/contact-points/:id/reopening", post(acts::reopen))
        .at("/staff/contact-points/:id/stations", post(acts::add_station))
        .at("/staff/contact-points/:id/stations/:station", post(acts::change_station))
        .at("/staff/contact-points/:id/stations/:station/closing", post(acts::close_station))
        .at("/staff/contact-points/:id/stations/:station/reopening", post(acts::reopen_station))
        .at("/staff/contact-points/:id/persons", post(acts::add_person))
        .at("/staff/contact-points/:id/persons/:person", post(acts::change_person))
        .at("/staff/contact-points/:id/persons/:person/removal", post(acts::remove_person))
        .at("/staff/contact-points/:id/invitations", post(acts::invite))
        .at("/staff/contact-points/:id/invitations/:invitation/revocation", post(acts::revoke_invitation))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    organ: String,
    #[serde(default)]
    cursor: String,
}

/// `/staff/contact-points`
#[handler]
async fn list_points(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadContactPoints)?;
    let app = &visit.app;
    let is_county = managing::organ_of(caller)?.is_some();
    let organs = organs::list_organs(&app.db).await?;
    let filter = PointFilter {
        query: query.q.clone(),
        status: PointStatus::parse(&query.status),
        organ: query.organ.parse::<Uuid>().ok().map(OrganId),
        ..PointFilter::default()
    };
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = managing::list_kept_points(&app.db, caller, &filter, cursor, PAGE).await?;
    let kept = [("q", query.q.as_str()), ("status", query.status.as_str()), ("organ", query.organ.as_str())];
    let next = page.next.as_deref().map(|next| links::with_query("/staff/contact-points", kept.into_iter().chain([("cursor", next)])));
    let ending = terms::list_ending_terms(&app.db, caller, soon(&visit)).await?;
    visit.show(&KeptPointsPage {
        layout: visit.layout(Section::Staff),
        may_open: caller.may(Permission::ManageContactPoints),
        query: query.q.clone(),
        status: query.status.clone(),
        organs: if is_county { Vec::new() } else { organs.iter().map(|organ| choosable(organ, &query.organ)).collect() },
        ending: ending.into_iter().map(|point| (link(&point), term_note(&visit, &point))).collect(),
        points: page.items.into_iter().map(|point| line(point, &organs)).collect(),
        next,
    })
}

/// The day until which a term that ends is shown.
fn soon(visit: &Visit) -> chrono::NaiveDate {
    let days = Days::new(u64::from(visit.app.config.rules.point_term_notice_days));
    let today = visit.app.clock.today();
    today.checked_add_days(days).unwrap_or(today)
}

/// What is said of a term that ends soon or has ended; empty when there is time.
fn term_note(visit: &Visit, point: &ContactPoint) -> String {
    match point.facts.term {
        Some((_, ends)) if point.status == PointStatus::Open && ends <= soon(visit) => words::ending(ends, visit.app.clock.today()),
        _ => String::new(),
    }
}

fn choosable(organ: &Organ, chosen: &str) -> Choosable {
    let value = organ.id.to_string();
    Choosable { is_chosen: value == chosen, value, text: organ.name.clone() }
}

fn path_of(id: ContactPointId) -> String {
    format!("/staff/contact-points/{id}")
}

fn link(point: &ContactPoint) -> Link {
    Link { text: point.facts.name.clone(), url: path_of(point.id) }
}

fn badge(status: PointStatus) -> Badge {
    let tone = match status {
        PointStatus::Open => "good",
        PointStatus::Closed => "off",
    };
    Badge { text: status.label().into(), tone }
}

fn organ_name(organs: &[Organ], id: Option<OrganId>) -> String {
    organs.iter().find(|organ| Some(organ.id) == id).map_or_else(|| words::NO_ORGAN.to_owned(), |organ| organ.name.clone())
}

fn line(point: ContactPoint, organs: &[Organ]) -> KeptPointLine {
    KeptPointLine {
        link: link(&point),
        badge: badge(point.status),
        kind: format!("{} · {}", point.facts.kind.label(), point.facts.host_unit),
        organ: organ_name(organs, point.facts.organ),
        term: point.facts.term.map(|(from, to)| words::term(from, to)).unwrap_or_default(),
        stations: point.stations.len(),
        region: point.facts.region,
    }
}

fn point_id(id: &str) -> Result<ContactPointId> {
    id.parse::<Uuid>().map(ContactPointId).map_err(|_| Error::not_found(texts::THIS_POINT))
}
