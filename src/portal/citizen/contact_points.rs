//! `/contact-points` and `/contact-points/{id}`: where people can speak in person.

use poem::handler;
use poem::web::Path;
use uuid::Uuid;

use crate::contact_points::{self, ContactPoint, PointKind};
use crate::error::{Error, Result};
use crate::ids::ContactPointId;
use crate::portal::pages::civic::{ContactPointPage, ContactPointsPage, District, PointCard, Station};
use crate::portal::pages::{Badge, Fact, Section};
use crate::portal::texts;
use crate::portal::visits::{Page, Visit};

/// Points read at a time.
const PAGE: usize = 200;

/// All contact points, by region and name.
pub async fn all(visit: &Visit) -> Result<Vec<ContactPoint>> {
    let mut points = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = contact_points::list_points(&visit.app.db, None, cursor.as_deref(), PAGE).await?;
        points.extend(page.items);
        match page.next {
            None => return Ok(points),
            next => cursor = next,
        }
    }
}

/// `/contact-points`
#[handler]
pub async fn list_contact_points(visit: Visit) -> Page {
    let points = all(&visit).await?;
    let total = i64::try_from(points.len()).unwrap_or(i64::MAX);
    let mut districts: Vec<District> = Vec::new();
    for point in points {
        let name = point.facts.region.clone();
        let card = point_card(point);
        match districts.last_mut() {
            Some(district) if district.name == name => district.points.push(card),
            _ => districts.push(District { name, points: vec![card] }),
        }
    }
    visit.show(&ContactPointsPage { layout: visit.layout(Section::ContactPoints), districts, total })
}

fn badge(kind: PointKind) -> Badge {
    let tone = match kind {
        PointKind::Government => "blue",
        PointKind::PeoplesCongress => "wait",
    };
    Badge { text: kind.label().into(), tone }
}

fn point_card(point: ContactPoint) -> PointCard {
    PointCard {
        url: format!("/contact-points/{}", point.id),
        badge: badge(point.facts.kind),
        name: point.facts.name,
        address: point.facts.address,
        hours: point.facts.opening_hours,
        stations: i64::try_from(point.stations.len()).unwrap_or(i64::MAX),
    }
}

/// `/contact-points/{id}`
#[handler]
pub async fn show_contact_point(visit: Visit, Path(id): Path<String>) -> Page {
    let id = id.parse::<Uuid>().map(ContactPointId).map_err(|_| Error::not_found(texts::THIS_POINT))?;
    let point = contact_points::get_point(&visit.app.db, id).await?;
    let facts = point.facts;
    let named = [
        (texts::ADDRESS, facts.address),
        (texts::HOURS, facts.opening_hours),
        (texts::REGION_OF_POINT, facts.region),
        (texts::HOST, facts.host_unit),
        (texts::ESTABLISHED_BY, facts.established_by),
        (texts::ESTABLISHED_ON, facts.established_on.map(texts::day).unwrap_or_default()),
        (texts::LEGAL_BASIS, facts.legal_basis),
        (texts::TOPICS, facts.topics.join("、")),
    ];
    let paragraphs = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    visit.show(&ContactPointPage {
        layout: visit.layout(Section::ContactPoints),
        badge: badge(facts.kind),
        is_demonstration: facts.is_demonstration,
        facts: named.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect(),
        about: paragraphs(&facts.introduction),
        how: paragraphs(&facts.how_to_take_part),
        stations: point.stations.into_iter().map(|s| Station { name: s.name, address: s.address, hours: s.opening_hours }).collect(),
        name: facts.name,
    })
}
