//! Keeping contact points: their files, stations, responsible persons and terms. County staff see and change those of their organ only.

mod views;

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::SignedIn;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::managing;
use crate::contact_points::persons;
use crate::contact_points::{PointFilter, terms};
use crate::error::Result;
use crate::ids::{ContactPointId, OrganId, PersonId, StationId};
use views::*;

pub(super) use views::{HostKindName, TermBody};

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
