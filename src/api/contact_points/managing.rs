//! Keeping contact points: their files, stations, responsible persons and terms. County staff see and change those of their organ only.

use chrono::{DateTime, NaiveDate, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::{ContactPointView, PointKindName, view};
use crate::accounts::{Caller, Permission};
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::day::Day;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::managing::{self, PointEntry};
use crate::contact_points::persons::{self, NewPerson, Person};
use crate::contact_points::{
    self, ContactPoint, Coordinates, HostKind, NewContactPoint, NewStation, PointFilter, PointStatus, Station, terms,
};
use crate::error::Result;
use crate::ids::{ContactPointId, OrganId, PersonId, StationId};

/// Kind of the unit that hosts a point.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename_all = "snake_case", remote = "HostKind")]
pub(super) enum HostKindName {
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
enum PointStatusName {
    /// 运行中
    Open,
    /// 已关闭
    Closed,
}

/// A place on the map (WGS 84), in millionths of a degree.
#[derive(Object, Clone, Copy)]
#[oai(rename = "Coordinates", deny_unknown_fields)]
struct CoordinatesBody {
    /// East positive
    #[oai(validator(minimum(value = "-180000000"), maximum(value = "180000000")))]
    longitude_microdegrees: i64,
    /// North positive
    #[oai(validator(minimum(value = "-90000000"), maximum(value = "90000000")))]
    latitude_microdegrees: i64,
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
pub(super) struct TermBody {
    /// First day
    begins_on: Day,
    /// Last day
    ends_on: Day,
}

impl TermBody {
    pub(super) fn days(self) -> (NaiveDate, NaiveDate) {
        (self.begins_on.0, self.ends_on.0)
    }
}

fn term_view(term: (NaiveDate, NaiveDate)) -> TermBody {
    TermBody { begins_on: Day(term.0), ends_on: Day(term.1) }
}

/// What a contact point tells about itself.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ContactPointBody {
    /// Name: 1 to 100 characters
    name: String,
    /// Which organ it belongs to
    kind: PointKindName,
    /// Organ that set it up
    established_by: String,
    /// Legal basis by short reference
    #[oai(default)]
    legal_basis: String,
    /// Since when
    established_on: Option<Day>,
    /// Unit that hosts it
    host_unit: String,
    /// Kind of that unit
    host_kind: HostKindName,
    /// City and district
    region: String,
    /// Where to find it
    address: String,
    /// When somebody is there
    #[oai(default)]
    opening_hours: String,
    /// Who they are
    #[oai(default)]
    introduction: String,
    /// How to take part
    #[oai(default)]
    how_to_take_part: String,
    /// What people there talk about most
    #[oai(default, validator(max_items = 50))]
    topics: Vec<String>,
    /// The organ that keeps it; of county staff always their own
    organ_id: Option<Uuid>,
    /// Where it is on the map
    coordinates: Option<CoordinatesBody>,
}

impl ContactPointBody {
    fn into_new(self, term: Option<TermBody>) -> NewContactPoint {
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
struct NewContactPointBody {
    /// What it tells about itself
    point: ContactPointBody,
    /// Its first term; without one it has no end
    term: Option<TermBody>,
}

/// A change of a contact point.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ContactPointChangeBody {
    /// Revision that the person saw
    revision: i64,
    /// What it tells about itself from now on
    point: ContactPointBody,
}

/// Another term.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct RenewalBody {
    /// Revision that the person saw
    revision: i64,
    /// The term
    term: TermBody,
    /// Why
    reason: String,
}

/// Closing a point or a station.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ClosingBody {
    /// Revision of the point that the person saw
    revision: i64,
    /// Why
    reason: String,
}

/// Opening a closed point again.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ReopeningBody {
    /// Revision that the person saw
    revision: i64,
    /// The term; without one it has no end
    term: Option<TermBody>,
    /// Why
    reason: String,
}

/// The revision that a change was made from.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PointRevisionBody {
    /// Revision of the point that the person saw
    revision: i64,
}

/// A collection station.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct StationBody {
    /// Revision of the point that the person saw
    revision: i64,
    /// Name: 1 to 100 characters
    name: String,
    /// Where to find it
    #[oai(default)]
    address: String,
    /// When somebody is there
    #[oai(default)]
    opening_hours: String,
    /// Where it is on the map
    coordinates: Option<CoordinatesBody>,
}

impl StationBody {
    fn into_new(self) -> NewStation {
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
struct PersonBody {
    /// Revision of the point that the person saw
    revision: i64,
    /// 负责人, 联络员…
    duty: String,
    /// Name
    name: String,
    /// Telephone number
    #[oai(default)]
    phone: String,
    /// Whether the person agreed that the public sees name and number
    is_public: bool,
}

impl PersonBody {
    fn into_new(self) -> NewPerson {
        NewPerson { duty: self.duty, name: self.name, phone: self.phone, is_public: self.is_public }
    }
}

/// A responsible person, for those who keep the point.
#[derive(Object)]
struct PersonView {
    /// Id
    id: Uuid,
    /// 负责人, 联络员…
    duty: String,
    /// Name
    name: String,
    /// Telephone number
    phone: String,
    /// Whether the public sees it
    is_public: bool,
}

/// A station, for those who keep the point.
#[derive(Object)]
struct KeptStationView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// Where to find it
    address: String,
    /// When somebody is there
    opening_hours: String,
    /// Where it is on the map
    #[oai(skip_serializing_if_is_none)]
    coordinates: Option<CoordinatesBody>,
    /// When it was closed
    #[oai(skip_serializing_if_is_none)]
    closed_at: Option<DateTime<Utc>>,
}

/// A contact point as those who keep it see it.
#[derive(Object)]
struct ContactPointFileView {
    /// What everybody sees
    point: ContactPointView,
    /// The organ that keeps it
    #[oai(skip_serializing_if_is_none)]
    organ_id: Option<Uuid>,
    /// Whether it works
    status: PointStatusName,
    /// One more with each change
    revision: i64,
    /// Its present term
    #[oai(skip_serializing_if_is_none)]
    term: Option<TermBody>,
    /// Where it is on the map
    #[oai(skip_serializing_if_is_none)]
    coordinates: Option<CoordinatesBody>,
    /// Every station, closed ones too
    stations: Vec<KeptStationView>,
    /// Responsible persons; empty in lists
    persons: Vec<PersonView>,
}

/// One page of contact points.
#[derive(Object)]
struct ContactPointFilePageView {
    /// Contact points by region and name; there is no ranking
    items: Vec<ContactPointFileView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An entry of a point's history.
#[derive(Object)]
struct PointEntryView {
    /// The revision that resulted
    revision: i64,
    /// opened, changed, renewed, closed, reopened, station_added, station_changed, station_closed, station_reopened, person_added, person_changed
    /// or person_removed
    act: String,
    /// The same in Chinese
    act_label: String,
    /// Why, or what
    reason: String,
    /// The term that began with it
    #[oai(skip_serializing_if_is_none)]
    term: Option<TermBody>,
    /// Who did it
    #[oai(skip_serializing_if_is_none)]
    by: Option<String>,
    /// When
    at: DateTime<Utc>,
}

/// A point was opened.
#[derive(ApiResponse)]
enum OpenedPoint {
    /// Opened
    #[oai(status = 201)]
    Created(Json<ContactPointFileView>),
}

fn station_view(station: Station) -> KeptStationView {
    KeptStationView {
        id: station.id.0,
        name: station.name,
        address: station.address,
        opening_hours: station.opening_hours,
        coordinates: station.coordinates.map(Into::into),
        closed_at: station.closed_at,
    }
}

fn file_view(point: ContactPoint, stations: Vec<Station>, persons: Vec<Person>) -> ContactPointFileView {
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

fn entry_view(entry: PointEntry) -> PointEntryView {
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

async fn file(app: &App, caller: &Caller, id: ContactPointId) -> Result<ContactPointFileView> {
    let point = managing::get_kept_point(&app.db, caller, id).await?;
    let stations = contact_points::list_stations(&app.db, id).await?;
    let persons = persons::list_persons(app.keeping(), caller, id).await?;
    Ok(file_view(point, stations, persons))
}

/// The operations.
pub struct KeepingApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl KeepingApi {
    /// Contact points as those who keep them see them, closed ones too, by region and name.
    #[oai(path = "/contact-point-files", method = "get", operation_id = "list_contact_point_files")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn list_contact_point_files(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Only working or only closed ones
        Query(status): Query<Option<PointStatusName>>,
        /// Only those of one organ
        Query(organ_id): Query<Option<Uuid>>,
        /// Words of the name, the host, the place or the topics
        #[oai(validator(max_length = 64))]
        Query(q): Query<Option<String>>,
        /// Contact points on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ContactPointFilePageView>, Problem> {
        let caller = signed_in.with(Permission::ReadContactPoints)?;
        let filter = PointFilter {
            status: status.map(Into::into),
            organ: organ_id.map(OrganId),
            query: q.unwrap_or_default(),
            ..PointFilter::default()
        };
        let page = managing::list_kept_points(&app.db, &caller, &filter, cursor.as_deref(), limit as usize).await?;
        let page = page.map(|point| {
            let stations = point.stations.clone();
            file_view(point, stations, Vec::new())
        });
        Ok(Json(ContactPointFilePageView { items: page.items, next_cursor: page.next }))
    }

    /// Open a contact point.
    #[oai(path = "/contact-points", method = "post", operation_id = "open_contact_point")]
    async fn open_contact_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Made by the client, one for each point, 8 to 128 characters. The same point again with the same key gives the same point
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<NewContactPointBody>,
    ) -> Result<OpenedPoint, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let NewContactPointBody { point, term } = body.0;
        let point = managing::open_point(app.keeping(), &caller, &key, point.into_new(term)).await?;
        Ok(OpenedPoint::Created(Json(file(&app, &caller, point.id).await?)))
    }

    /// A contact point as those who keep it see it.
    #[oai(path = "/contact-points/:contact_point_id/file", method = "get", operation_id = "get_contact_point_file")]
    async fn get_contact_point_file(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ReadContactPoints)?;
        Ok(Json(file(&app, &caller, contact_point_id.into()).await?))
    }

    /// Change what a contact point tells about itself.
    #[oai(path = "/contact-points/:contact_point_id", method = "put", operation_id = "change_contact_point")]
    async fn change_contact_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        body: Json<ContactPointChangeBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let ContactPointChangeBody { revision, point } = body.0;
        managing::change_point(app.keeping(), &caller, contact_point_id.into(), revision, point.into_new(None)).await?;
        Ok(Json(file(&app, &caller, contact_point_id.into()).await?))
    }

    /// What happened to a contact point, the newest first.
    #[oai(path = "/contact-points/:contact_point_id/history", method = "get", operation_id = "list_contact_point_history")]
    async fn list_contact_point_history(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
    ) -> Result<Json<Vec<PointEntryView>>, Problem> {
        let caller = signed_in.with(Permission::ReadContactPoints)?;
        let entries = managing::list_point_entries(&app.db, &caller, contact_point_id.into()).await?;
        Ok(Json(entries.into_iter().map(entry_view).collect()))
    }

    /// Give a contact point another term.
    #[oai(path = "/contact-points/:contact_point_id/renewal", method = "post", operation_id = "renew_contact_point")]
    async fn renew_contact_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        body: Json<RenewalBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        terms::renew_point(app.keeping(), &caller, contact_point_id.into(), body.revision, body.term.days(), &body.reason).await?;
        Ok(Json(file(&app, &caller, contact_point_id.into()).await?))
    }

    /// Close a contact point: its staff cannot sign in any more; what it collected stays.
    #[oai(path = "/contact-points/:contact_point_id/closing", method = "post", operation_id = "close_contact_point")]
    async fn close_contact_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        body: Json<ClosingBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        terms::close_point(app.keeping(), &caller, contact_point_id.into(), body.revision, &body.reason).await?;
        Ok(Json(file(&app, &caller, contact_point_id.into()).await?))
    }

    /// Open a closed contact point again.
    #[oai(path = "/contact-points/:contact_point_id/reopening", method = "post", operation_id = "reopen_contact_point")]
    async fn reopen_contact_point(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        body: Json<ReopeningBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let term = body.term.map(TermBody::days);
        terms::reopen_point(app.keeping(), &caller, contact_point_id.into(), body.revision, term, &body.reason).await?;
        Ok(Json(file(&app, &caller, contact_point_id.into()).await?))
    }

    /// Add a station at the end of a point's list.
    #[oai(path = "/contact-points/:contact_point_id/stations", method = "post", operation_id = "add_station")]
    async fn add_station(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Made by the client, one for each station, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<StationBody>,
    ) -> Result<OpenedPoint, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let revision = body.revision;
        managing::add_station(app.keeping(), &caller, &key, contact_point_id.into(), revision, body.0.into_new()).await?;
        Ok(OpenedPoint::Created(Json(file(&app, &caller, contact_point_id.into()).await?)))
    }

    /// Change what a station tells about itself.
    #[oai(path = "/contact-points/:contact_point_id/stations/:station_id", method = "put", operation_id = "change_station")]
    async fn change_station(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Station
        Path(station_id): Path<Uuid>,
        body: Json<StationBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let (point, station, revision) = (ContactPointId(contact_point_id), StationId(station_id), body.revision);
        managing::change_station(app.keeping(), &caller, point, station, revision, body.0.into_new()).await?;
        Ok(Json(file(&app, &caller, point).await?))
    }

    /// Close a station: its staff cannot sign in any more; what came through it stays.
    #[oai(path = "/contact-points/:contact_point_id/stations/:station_id/closing", method = "post", operation_id = "close_station")]
    async fn close_station(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Station
        Path(station_id): Path<Uuid>,
        body: Json<ClosingBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let point = ContactPointId(contact_point_id);
        managing::close_station(app.keeping(), &caller, point, StationId(station_id), body.revision, &body.reason).await?;
        Ok(Json(file(&app, &caller, point).await?))
    }

    /// Open a closed station again.
    #[oai(path = "/contact-points/:contact_point_id/stations/:station_id/reopening", method = "post", operation_id = "reopen_station")]
    async fn reopen_station(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Station
        Path(station_id): Path<Uuid>,
        body: Json<PointRevisionBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let point = ContactPointId(contact_point_id);
        managing::reopen_station(app.keeping(), &caller, point, StationId(station_id), body.revision).await?;
        Ok(Json(file(&app, &caller, point).await?))
    }

    /// Add a responsible person; name and number lie sealed.
    #[oai(path = "/contact-points/:contact_point_id/persons", method = "post", operation_id = "add_responsible_person")]
    async fn add_responsible_person(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Made by the client, one for each person, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<PersonBody>,
    ) -> Result<OpenedPoint, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let (point, revision) = (ContactPointId(contact_point_id), body.revision);
        persons::add_person(app.keeping(), &caller, &key, point, revision, &body.0.into_new()).await?;
        Ok(OpenedPoint::Created(Json(file(&app, &caller, point).await?)))
    }

    /// Change what is said of a responsible person.
    #[oai(path = "/contact-points/:contact_point_id/persons/:person_id", method = "put", operation_id = "change_responsible_person")]
    async fn change_responsible_person(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Person
        Path(person_id): Path<Uuid>,
        body: Json<PersonBody>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let (point, revision) = (ContactPointId(contact_point_id), body.revision);
        persons::change_person(app.keeping(), &caller, point, PersonId(person_id), revision, &body.0.into_new()).await?;
        Ok(Json(file(&app, &caller, point).await?))
    }

    /// Take a responsible person off a point; name and number are gone.
    #[oai(path = "/contact-points/:contact_point_id/persons/:person_id", method = "delete", operation_id = "remove_responsible_person")]
    async fn remove_responsible_person(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
        /// Person
        Path(person_id): Path<Uuid>,
        /// Revision of the point that the person saw
        Query(revision): Query<i64>,
    ) -> Result<Json<ContactPointFileView>, Problem> {
        let caller = signed_in.with(Permission::ManageContactPoints)?;
        let point = ContactPointId(contact_point_id);
        persons::remove_person(app.keeping(), &caller, point, PersonId(person_id), revision).await?;
        Ok(Json(file(&app, &caller, point).await?))
    }
}
