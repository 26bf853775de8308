//! One contact point with its persons, stations, staff, term and history.

use std::collections::HashMap;

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Path, Query};
use serde::Deserialize;

use super::{badge, organ_name, path_of, point_id, term_note};
use crate::accounts::staff::listing;
use crate::accounts::{Caller, Permission};
use crate::contact_points::invitations::{self, Invitation, InvitationState};
use crate::contact_points::managing::{self, PointEntry};
use crate::contact_points::organs;
use crate::contact_points::persons::{self, Person};
use crate::contact_points::{self, Coordinates, PointStatus, Station};
use crate::error::Result;
use crate::ids::ContactPointId;
use crate::portal::pages::forms::{Fields, Refused};
use crate::portal::pages::points::{InvitationLine, KeptPerson, KeptPointPage, KeptStation, PointEntryLine};
use crate::portal::pages::{Badge, Fact, Section};
use crate::portal::texts;
use crate::portal::texts::points as words;
use crate::portal::visits::{Page, Visit};

#[derive(Deserialize)]
struct DoneQuery {
    #[serde(default)]
    done: String,
}

/// `/staff/contact-points/{id}`
#[handler]
pub async fn show_point(visit: Visit, Path(id): Path<String>, Query(query): Query<DoneQuery>) -> Page {
    let told = Told { done: words::done(&query.done), ..Told::default() };
    page(&visit, point_id(&id)?, StatusCode::OK, told).await
}

/// What the page says of the act that led to it.
#[derive(Default)]
pub struct Told {
    /// It was done.
    pub done: &'static str,
    /// A form came back.
    pub refused: Option<Refused>,
    /// Somebody was invited: the one-time link.
    pub invitation_url: String,
}

/// The page.
pub async fn page(visit: &Visit, id: ContactPointId, status: StatusCode, told: Told) -> Page {
    let caller = visit.staff(Permission::ReadContactPoints)?;
    let app = &visit.app;
    let point = managing::get_kept_point(&app.db, caller, id).await?;
    let organs = organs::list_organs(&app.db).await?;
    let (path, revision) = (path_of(id), point.revision);
    let ending = term_note(visit, &point);
    let refused = told.refused.as_ref();
    let stations = contact_points::list_stations(&app.db, id).await?;
    let persons = persons::list_persons(app.keeping(), caller, id).await?;
    let may_invite = caller.may(Permission::InvitePointStaff);
    let facts = &point.facts;
    let named = [
        (words::ORGAN, organ_name(&organs, facts.organ)),
        (words::KIND, facts.kind.label().to_owned()),
        (texts::HOST, format!("{}（{}）", facts.host_unit, facts.host_kind.label())),
        (texts::REGION_OF_POINT, facts.region.clone()),
        (texts::ADDRESS, facts.address.clone()),
        (words::COORDINATES, facts.coordinates.map(coordinates).unwrap_or_default()),
        (texts::HOURS, facts.opening_hours.clone()),
        (texts::ESTABLISHED_BY, facts.established_by.clone()),
        (texts::ESTABLISHED_ON, facts.established_on.map(texts::day).unwrap_or_default()),
        (texts::LEGAL_BASIS, facts.legal_basis.clone()),
        (words::TERM, facts.term.map_or_else(|| words::NO_TERM.to_owned(), |(from, to)| words::term(from, to))),
        (texts::TOPICS, facts.topics.join("、")),
    ];
    // Where several small forms stand, one that is of none of them is told of at the top.
    let problem = refused.map(|r| r.error.detail.clone()).unwrap_or_default();
    let page = KeptPointPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        key: app.ids.next().to_string(),
        public_path: format!("/contact-points/{id}"),
        revision,
        badge: badge(point.status),
        is_open: point.status == PointStatus::Open,
        may_manage: caller.may(Permission::ManageContactPoints),
        may_invite,
        done: told.done,
        problem,
        ending,
        facts: named.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect(),
        staff: staff(visit, caller, id, &stations).await?,
        invitations: invitation_lines(visit, caller, id, &stations, &path).await?,
        invitation_url: told.invitation_url,
        new_station: station_fields("new-station", None, refused).done(),
        new_person: person_fields("new-person", None, refused).done(),
        new_invitation: Fields::of("invite", refused)
            .choice("station_id", words::STATION_OF_INVITATION, station_choices(&stations), "")
            .line("remark", words::REMARK, "")
            .most(50)
            .hint(words::REMARK_HINT)
            .done(),
        renewal: term_fields("renewal", refused, true).lines("reason", words::REASON, "").most(500).required().done(),
        closing: Fields::of("closing", refused).lines("reason", words::REASON_OF_CLOSING, "").most(500).required().done(),
        reopening: term_fields("reopening", refused, false).lines("reason", words::REASON, "").most(500).required().done(),
        stations: stations.into_iter().map(|station| kept_station(station, &path, refused)).collect(),
        persons: persons.into_iter().map(|person| kept_person(person, &path, refused)).collect(),
        history: managing::list_point_entries(&app.db, caller, id).await?.into_iter().map(history_line).collect(),
        name: point.facts.name,
        path,
    };
    let mut response = visit.show_as(status, &page)?;
    response.headers_mut().insert(poem::http::header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Degrees as they are typed and shown: longitude, latitude.
pub fn coordinates(place: Coordinates) -> String {
    let degrees = |micro: i64| {
        let sign = if micro < 0 { "-" } else { "" };
        let micro = micro.unsigned_abs();
        format!("{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    };
    format!("{}, {}", degrees(place.longitude_microdegrees), degrees(place.latitude_microdegrees))
}

fn station_choices(stations: &[Station]) -> Vec<(String, String)> {
    let open = stations.iter().filter(|s| s.closed_at.is_none()).map(|s| (s.id.to_string(), s.name.clone()));
    [(String::new(), words::WHOLE_POINT.to_owned())].into_iter().chain(open).collect()
}

fn term_fields<'a>(form: &str, refused: Option<&'a Refused>, is_required: bool) -> Fields<'a> {
    let fields = Fields::of(form, refused).day("term_begins_on", words::TERM_BEGINS, "");
    let fields = if is_required { fields.required() } else { fields.hint(words::TERM_HINT) };
    let fields = fields.day("term_ends_on", words::TERM_ENDS, "");
    if is_required { fields.required() } else { fields }
}

fn station_fields<'a>(form: &str, held: Option<&Station>, refused: Option<&'a Refused>) -> Fields<'a> {
    let of = |f: fn(&Station) -> &str| held.map(f).unwrap_or_default();
    let place = held.and_then(|s| s.coordinates).map(coordinates).unwrap_or_default();
    Fields::of(form, refused)
        .line("name", words::NAME, of(|s| &s.name))
        .most(100)
        .required()
        .line("address", texts::ADDRESS, of(|s| &s.address))
        .line("opening_hours", texts::HOURS, of(|s| &s.opening_hours))
        .line("coordinates", words::COORDINATES, &place)
        .hint(words::COORDINATES_HINT)
}

fn person_fields<'a>(form: &str, held: Option<&Person>, refused: Option<&'a Refused>) -> Fields<'a> {
    let said = held.map(|p| &p.said);
    Fields::of(form, refused)
        .line("duty", words::DUTY, said.map_or("", |p| &p.duty))
        .most(50)
        .hint(words::DUTY_HINT)
        .required()
        .line("name", words::PERSON_NAME, said.map_or("", |p| &p.name))
        .most(50)
        .required()
        .tel("phone", words::PHONE, said.map_or("", |p| &p.phone))
        .tick("is_public", words::IS_PUBLIC, said.is_some_and(|p| p.is_public))
}

fn kept_station(station: Station, path: &str, refused: Option<&Refused>) -> KeptStation {
    let id = station.id;
    KeptStation {
        form: station_fields(&format!("station-{id}"), Some(&station), refused).done(),
        closing: Fields::of(format!("station-closing-{id}"), refused)
            .line("reason", words::REASON_OF_CLOSING, "")
            .most(500)
            .required()
            .done(),
        meta: [station.address, station.opening_hours, station.closed_at.map(words::closed_at).unwrap_or_default()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect(),
        closed: station.closed_at.map(texts::moment).unwrap_or_default(),
        path: format!("{path}/stations/{id}"),
        name: station.name,
    }
}

fn kept_person(person: Person, path: &str, refused: Option<&Refused>) -> KeptPerson {
    KeptPerson {
        form: person_fields(&format!("person-{}", person.id), Some(&person), refused).done(),
        path: format!("{path}/persons/{}", person.id),
        duty: person.said.duty,
        name: person.said.name,
        phone: person.said.phone,
        is_public: person.said.is_public,
    }
}

fn history_line(entry: PointEntry) -> PointEntryLine {
    let term = entry.term.map(|(from, to)| words::term_of_entry(from, to)).unwrap_or_default();
    PointEntryLine {
        act: entry.act.label().into(),
        about: [entry.reason, term].into_iter().filter(|text| !text.is_empty()).collect(),
        by: entry.by.unwrap_or_else(|| words::BY_INSTALLATION.to_owned()),
        at: texts::moment(entry.at),
    }
}

async fn staff(visit: &Visit, caller: &Caller, id: ContactPointId, stations: &[Station]) -> Result<Vec<Fact>> {
    let names: HashMap<_, _> = stations.iter().map(|s| (s.id, s.name.as_str())).collect();
    let accounts = listing::list_staff_of_point(&visit.app.db, caller, id).await?;
    let fact = |account: crate::accounts::StaffAccount| {
        let place = account.station.and_then(|s| names.get(&s).copied()).unwrap_or(words::WHOLE_POINT);
        let state = if account.is_active { "" } else { words::CLOSED_ACCOUNT };
        Fact { name: account.display_name, value: format!("{}，{place}{state}", account.login_name) }
    };
    Ok(accounts.into_iter().map(fact).collect())
}

async fn invitation_lines(
    visit: &Visit,
    caller: &Caller,
    id: ContactPointId,
    stations: &[Station],
    path: &str,
) -> Result<Vec<InvitationLine>> {
    let names: HashMap<_, _> = stations.iter().map(|s| (s.id, s.name.as_str())).collect();
    let found = invitations::list_invitations(visit.app.keeping(), caller, id).await?;
    let line = |invitation: Invitation| {
        let state = invitation.state_at(visit.app.clock.now());
        let tone = match state {
            InvitationState::Open => "wait",
            InvitationState::Used => "good",
            InvitationState::Expired | InvitationState::Revoked => "off",
        };
        InvitationLine {
            workplace: invitation.station.and_then(|s| names.get(&s).copied()).unwrap_or(words::WHOLE_POINT).to_owned(),
            badge: Badge { text: state.label().into(), tone },
            meta: [
                invitation.invited_by.map(words::invited_by).unwrap_or_default(),
                words::valid_until(invitation.expires_at),
                invitation.used_at.map(words::used_at).unwrap_or_default(),
            ]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect(),
            revoke: if state == InvitationState::Open && caller.may(Permission::InvitePointStaff) {
                format!("{path}/invitations/{}/revocation", invitation.id)
            } else {
                String::new()
            },
            remark: invitation.remark,
        }
    };
    Ok(found.into_iter().map(line).collect())
}
