//! `/contact-points` and `/contact-points/{id}`: where people can speak in person. The finder goes by district, kind and words, without a map.

use std::collections::HashSet;

use poem::handler;
use poem::web::{Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use crate::contact_points::{self, ContactPoint, PointFilter, PointKind, PointStatus, collecting, persons};
use crate::error::{Error, Result};
use crate::ids::ContactPointId;
use crate::portal::pages::civic::{ContactPointPage, ContactPointsPage, District, PointCard, PointPerson, Station};
use crate::portal::pages::staff_accounts::Choosable;
use crate::portal::pages::{Badge, Choice, Fact, Link, Section};
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Points on a page.
const PAGE: usize = 60;
/// Longest district and words that are looked for, in characters.
const CHARACTERS: usize = 64;

/// How many points work.
pub async fn count(visit: &Visit) -> Result<i64> {
    Ok(contact_points::list_regions(&visit.app.db).await?.into_iter().map(|(_, count)| count).sum())
}

#[derive(Deserialize)]
struct FinderQuery {
    #[serde(default)]
    region: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

/// `/contact-points`
#[handler]
pub async fn list_contact_points(visit: Visit, Query(query): Query<FinderQuery>) -> Page {
    let app = &visit.app;
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(CHARACTERS).collect::<String>();
    let (region, words) = (short(&query.region), short(&query.q));
    let kind = PointKind::parse(&query.kind);
    let filter = PointFilter {
        kind,
        region: Some(region.clone()).filter(|region| !region.is_empty()),
        query: words.clone(),
        ..PointFilter::working()
    };
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = contact_points::list_points(&app.db, &filter, cursor, PAGE).await?;
    let busy: HashSet<ContactPointId> = collecting::list_collecting_points(&app.db, &app.clock).await?.into_iter().collect();
    let regions = contact_points::list_regions(&app.db).await?;
    let total = regions.iter().map(|(_, count)| count).sum();
    let kind_name = kind.map_or("", PointKind::as_str);
    let kept = [("region", region.as_str()), ("kind", kind_name), ("q", words.as_str())];
    let next = page.next.as_deref().map(|next| links::with_query("/contact-points", kept.into_iter().chain([("cursor", next)])));
    let mut districts: Vec<District> = Vec::new();
    for point in page.items {
        let name = point.facts.region.clone();
        let collects = busy.contains(&point.id);
        let card = point_card(point, collects);
        match districts.last_mut() {
            Some(district) if district.name == name => district.points.push(card),
            _ => districts.push(District { name, points: vec![card] }),
        }
    }
    let link = |name: &str| links::with_query("/contact-points", [("region", name), ("kind", kind_name), ("q", words.as_str())]);
    let mut choices = vec![Choice { text: texts::ALL_REGIONS.into(), url: link(""), count: 0, is_chosen: region.is_empty() }];
    choices.extend(regions.into_iter().map(|(name, count)| Choice {
        url: link(&name),
        count: u64::try_from(count).unwrap_or(0),
        is_chosen: name == region,
        text: name,
    }));
    let kinds = PointKind::ALL.iter().map(|k| Choosable { value: k.as_str().into(), text: k.label().into(), is_chosen: kind == Some(*k) });
    visit.show(&ContactPointsPage {
        layout: visit.layout(Section::ContactPoints),
        districts,
        total,
        regions: choices,
        region,
        kinds: kinds.collect(),
        words,
        next,
    })
}

fn badge(kind: PointKind) -> Badge {
    let tone = match kind {
        PointKind::Government => "blue",
        PointKind::PeoplesCongress => "wait",
    };
    Badge { text: kind.label().into(), tone }
}

fn point_card(point: ContactPoint, collects: bool) -> PointCard {
    PointCard {
        url: format!("/contact-points/{}", point.id),
        badge: badge(point.facts.kind),
        name: point.facts.name,
        address: point.facts.address,
        hours: point.facts.opening_hours,
        stations: i64::try_from(point.stations.len()).unwrap_or(i64::MAX),
        collects,
    }
}

/// `/contact-points/{id}`
#[handler]
pub async fn show_contact_point(visit: Visit, Path(id): Path<String>) -> Page {
    let app = &visit.app;
    let id = id.parse::<Uuid>().map(ContactPointId).map_err(|_| Error::not_found(texts::THIS_POINT))?;
    let point = contact_points::get_point(&app.db, id).await?;
    let persons = persons::list_public_persons(&app.db, &app.field_cipher, id).await?;
    let drafts = collecting::list_collected_drafts(&app.db, &app.clock, id).await?;
    let is_closed = point.status == PointStatus::Closed;
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
        is_closed,
        facts: named.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect(),
        about: paragraphs(&facts.introduction),
        how: paragraphs(&facts.how_to_take_part),
        drafts: drafts
            .into_iter()
            .map(|d| {
                let last = crate::calendar::last_day_before(d.closes_at);
                (Link { text: d.title, url: format!("/drafts/{}", d.draft_id) }, texts::opinions::until(&texts::day(last)))
            })
            .collect(),
        persons: persons.into_iter().map(|p| PointPerson { duty: p.said.duty, name: p.said.name, phone: p.said.phone }).collect(),
        stations: point.stations.into_iter().map(|s| Station { name: s.name, address: s.address, hours: s.opening_hours }).collect(),
        name: facts.name,
    })
}
