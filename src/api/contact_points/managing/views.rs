//! What the operations of keeping contact points take and give.

use chrono::{DateTime, NaiveDate, Utc};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use crate::accounts::Caller;
use crate::api::contact_points::{ContactPointView, PointKindName, view};
use crate::api::day::Day;
use crate::app::App;
use crate::contact_points::managing::{self, PointEntry};
use crate::contact_points::persons::{self, NewPerson, Person};
use crate::contact_points::{self, ContactPoint, Coordinates, HostKind, NewContactPoint, NewStation, PointStatus, Station};
use crate::error::Result;
use crate::ids::{ContactPointId, OrganId};

/// Kind of the unit that hosts a point.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename_all = "snake_case", remote = "HostKind")]
pub(in crate::api::contact_points) enum HostKindName {
    /// 社区
    Community,
    /// 协会
    Association,
    /// 律师事务所
    LawFirm,
    /// 高校
    University,
    /// 村
    Village,
    /// 企业
    Company,
    /// 其他单位
    Other,
}

/// Whether a point works.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename_all = "snake_case", remote = "PointStatus")]
pub(super) enum PointStatusName {
    /// 运行中
    Open,
    /// 已关闭
    Closed,
}

/// A place on the map (WGS 84), in millionths of a degree.
#[derive(Object, Clone, Copy)]
#[oai(rename = "Coordinates", deny_unknown_fields)]
pub(super) struct CoordinatesBody {
    /// East positive
    #[oai(validator(minimum(value = "-180000000"), maximum(value = "180000000")))]
    pub(super) longitude_microdegrees: i64,
    /// North positive
    #[oai(validator(minimum(value = "-90000000"), maximum(value = "90000000")))]
    pub(super) latitude_microdegrees: i64,
}

impl From<CoordinatesBody> for Coordinates {
    fn from(body: CoordinatesBody) -> Self {
        Coordinates { longitude_microdegrees: body.longitude_microdegrees, latitude_microdegrees: body.latitude_microdegrees }
    }
}

impl From<Coordinates> for CoordinatesBody {
    fn from(place: Coordinates) -> Self {
        CoordinatesBody { longitude_microdegrees: place.longitude_microdegrees, latitude_microdegrees: place.latitude_microdegrees }
    }
}

/// First and last day of a term.
#[derive(Object, Clone, Copy)]
#[oai(rename = "Term", deny_unknown_fields)]
pub(in crate::api::contact_points) struct TermBody {
    /// First day
    pub(super) begins_on: Day,
    /// Last day
    pub(super) ends_on: Day,
}

impl TermBody {
    pub(in crate::api::contact_points) fn days(self) -> (NaiveDate, NaiveDate) {
        (self.begins_on.0, self.ends_on.0)
    }
}

pub(super) fn term_view(term: (NaiveDate, NaiveDate)) -> TermBody {
    TermBody { begins_on: Day(term.0), ends_on: Day(term.1) }
}

/// What a contact point tells about itself.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ContactPointBody {
    /// Name: 1 to 100 characters
    pub(super) name: String,
    /// Which organ it belongs to
    pub(super) kind: PointKindName,
    /// Organ that set it up
    pub(super) established_by: String,
    /// Legal basis by short reference
    #[oai(default)]
    pub(super) legal_basis: String,
    /// Since when
    pub(super) established_on: Option<Day>,
    /// Unit that hosts it
    pub(super) host_unit: String,
    /// Kind of that unit
    pub(super) host_kind: HostKindName,
    /// City and district
    pub(super) region: String,
    /// Where to find it
    pub(super) address: String,
    /// When somebody is there
    #[oai(default)]
    pub(super) opening_hours: String,
    /// Who they are
    #[oai(default)]
    pub(super) introduction: String,
    /// How to take part
    #[oai(default)]
    pub(super) how_to_take_part: String,
    /// What people there talk about most
    #[oai(default, validator(max_items = 50))]
    pub(super) topics: Vec<String>,
    /// The organ that keeps it; of county staff always their own
    pub(super) organ_id: Option<Uuid>,
    /// Where it is on the map
    pub(super) coordinates: Option<CoordinatesBody>,
}

impl ContactPointBody {
    pub(super) fn into_new(self, term: Option<TermBody>) -> NewContactPoint {
        NewContactPoint {
            code: String::new(),
            name: self.name,
            kind: self.kind.into(),
            established_by: self.established_by,
            legal_basis: self.legal_basis,
            established_on: self.established_on.map(|d| d.0),
            host_unit: self.host_unit,
            host_kind: self.host_kind.into(),
            region: self.region,
            address: self.address,
            opening_hours: self.opening_hours,
            introduction: self.introduction,
            how_to_take_part: self.how_to_take_part,
            topics: self.topics,
            organ: self.organ_id.map(OrganId),
            coordinates: self.coordinates.map(Into::into),
            term: term.map(TermBody::days),
            is_demonstration: false,
            stations: Vec::new(),
        }
    }
}

/// A new contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewContactPointBody {
    /// What it tells about itself
    pub(super) point: ContactPointBody,
    /// Its first term; without one it has no end
    pub(super) term: Option<TermBody>,
}

/// A change of a contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ContactPointChangeBody {
    /// Revision that the person saw
    pub(super) revision: i64,
    /// What it tells about itself from now on
    pub(super) point: ContactPointBody,
}

/// Another term.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct RenewalBody {
    /// Revision that the person saw
    pub(super) revision: i64,
    /// The term
    pub(super) term: TermBody,
    /// Why
    pub(super) reason: String,
}

/// Closing a point or a station.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ClosingBody {
    /// Revision of the point that the person saw
    pub(super) revision: i64,
    /// Why
    pub(super) reason: String,
}

/// Opening a closed point again.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct ReopeningBody {
    /// Revision that the person saw
    pub(super) revision: i64,
    /// The term; without one it has no end
    pub(super) term: Option<TermBody>,
    /// Why
    pub(super) reason: String,
}

/// The revision that a change was made from.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct PointRevisionBody {
    /// Revision of the point that the person saw
    pub(super) revision: i64,
}

/// A collection station.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct StationBody {
    /// Revision of the point that the person saw
    pub(super) revision: i64,
    /// Name: 1 to 100 characters
    pub(super) name: String,
    /// Where to find it
    #[oai(default)]
    pub(super) address: String,
    /// When somebody is there
    #[oai(default)]
    pub(super) opening_hours: String,
    /// Where it is on the map
    pub(super) coordinates: Option<CoordinatesBody>,
}

impl StationBody {
    pub(super) fn into_new(self) -> NewStation {
        NewStation {
            code: String::new(),
            name: self.name,
            address: self.address,
            opening_hours: self.opening_hours,
            coordinates: self.coordinates.map(Into::into),
        }
    }
}

/// A responsible person of a point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub(super) struct PersonBody {
    /// Revision of the point that the person saw
    pub(super) revision: i64,
    /// 负责人, 联络员…
    pub(super) duty: String,
    /// Name
    pub(super) name: String,
    /// Telephone number
    #[oai(default)]
    pub(super) phone: String,
    /// Whether the person agreed that the public sees name and number
    pub(super) is_public: bool,
}

impl PersonBody {
    pub(super) fn into_new(self) -> NewPerson {
        NewPerson { duty: self.duty, name: self.name, phone: self.phone, is_public: self.is_public }
    }
}

/// A responsible person, for those who keep the point.
#[derive(Object)]
pub(super) struct PersonView {
    /// Id
    pub(super) id: Uuid,
    /// 负责人, 联络员…
    pub(super) duty: String,
    /// Name
    pub(super) name: String,
    /// Telephone number
    pub(super) phone: String,
    /// Whether the public sees it
    pub(super) is_public: bool,
}

/// A station, for those who keep the point.
#[derive(Object)]
pub(super) struct KeptStationView {
    /// Id
    pub(super) id: Uuid,
    /// Name
    pub(super) name: String,
    /// Where to find it
    pub(super) address: String,
    /// When somebody is there
    pub(super) opening_hours: String,
    /// Where it is on the map
    #[oai(skip_serializing_if_is_none)]
    pub(super) coordinates: Option<CoordinatesBody>,
    /// When it was closed
    #[oai(skip_serializing_if_is_none)]
    pub(super) closed_at: Option<DateTime<Utc>>,
}

/// A contact point as those who keep it see it.
#[derive(Object)]
pub(super) struct ContactPointFileView {
    /// What everybody sees
    pub(super) point: ContactPointView,
    /// The organ that keeps it
    #[oai(skip_serializing_if_is_none)]
    pub(super) organ_id: Option<Uuid>,
    /// Whether it works
    pub(super) status: PointStatusName,
    /// One more with each change
    pub(super) revision: i64,
    /// Its present term
    #[oai(skip_serializing_if_is_none)]
    pub(super) term: Option<TermBody>,
    /// Where it is on the map
    #[oai(skip_serializing_if_is_none)]
    pub(super) coordinates: Option<CoordinatesBody>,
    /// Every station, closed ones too
    pub(super) stations: Vec<KeptStationView>,
    /// Responsible persons; empty in lists
    pub(super) persons: Vec<PersonView>,
}

/// One page of contact points.
#[derive(Object)]
pub(super) struct ContactPointFilePageView {
    /// Contact points by region and name; there is no ranking
    pub(super) items: Vec<ContactPointFileView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub(super) next_cursor: Option<String>,
}

/// An entry of a point's history.
#[derive(Object)]
pub(super) struct PointEntryView {
    /// The revision that resulted
    pub(super) revision: i64,
    /// opened, changed, renewed, closed, reopened, station_added, station_changed, station_closed, station_reopened, person_added, person_changed
    /// or person_removed
    pub(super) act: String,
    /// The same in Chinese
    pub(super) act_label: String,
    /// Why, or what
    pub(super) reason: String,
    /// The term that began with it
    #[oai(skip_serializing_if_is_none)]
    pub(super) term: Option<TermBody>,
    /// Who did it
    #[oai(skip_serializing_if_is_none)]
    pub(super) by: Option<String>,
    /// When
    pub(super) at: DateTime<Utc>,
}

/// A point was opened.
#[derive(ApiResponse)]
pub(super) enum OpenedPoint {
    /// Opened
    #[oai(status = 201)]
    Created(Json<ContactPointFileView>),
}

pub(super) fn station_view(station: Station) -> KeptStationView {
    KeptStationView {
        id: station.id.0,
        name: station.name,
        address: station.address,
        opening_hours: station.opening_hours,
        coordinates: station.coordinates.map(Into::into),
        closed_at: station.closed_at,
    }
}

pub(super) fn file_view(point: ContactPoint, stations: Vec<Station>, persons: Vec<Person>) -> ContactPointFileView {
    ContactPointFileView {
        organ_id: point.facts.organ.map(|o| o.0),
        status: point.status.into(),
        revision: point.revision,
        term: point.facts.term.map(term_view),
        coordinates: point.facts.coordinates.map(Into::into),
        stations: stations.into_iter().map(station_view).collect(),
        persons: persons
            .into_iter()
            .map(|p| PersonView { id: p.id.0, duty: p.said.duty, name: p.said.name, phone: p.said.phone, is_public: p.said.is_public })
            .collect(),
        point: view(point),
    }
}

pub(super) fn entry_view(entry: PointEntry) -> PointEntryView {
    PointEntryView {
        revision: entry.revision,
        act: entry.act.as_str().into(),
        act_label: entry.act.label().into(),
        reason: entry.reason,
        term: entry.term.map(term_view),
        by: entry.by,
        at: entry.at,
    }
}

pub(super) async fn file(app: &App, caller: &Caller, id: ContactPointId) -> Result<ContactPointFileView> {
    let point = managing::get_kept_point(&app.db, caller, id).await?;
    let stations = contact_points::list_stations(&app.db, id).await?;
    let persons = persons::list_persons(app.keeping(), caller, id).await?;
    Ok(file_view(point, stations, persons))
}
