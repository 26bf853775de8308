//! Operations on contact points 立法基层联系点: what everybody sees. `managing.rs` keeps them, `invitations.rs` brings their staff in,
//! `selection.rs` finds new ones.

pub mod invitations;
pub mod managing;
pub mod selection;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::api::Tag;
use crate::api::day::Day;
use crate::api::problem::Problem;
use crate::app::App;
use crate::contact_points::organs::{self, Organ};
use crate::contact_points::{self, ContactPoint, PointFilter, PointKind, PointStatus, persons};

/// Which organ a contact point belongs to.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "PointKind")]
enum PointKindName {
    /// 政府立法基层联系点
    Government,
    /// 人大基层立法联系点
    PeoplesCongress,
}

/// A collection station 信息采集点.
#[derive(Object)]
struct StationView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// Where to find it
    address: String,
    /// When somebody is there
    opening_hours: String,
}

/// A person who answers for a contact point.
#[derive(Object)]
struct PublicPersonView {
    /// 负责人, 联络员…
    duty: String,
    /// Name
    name: String,
    /// Telephone number
    phone: String,
}

/// A contact point.
#[derive(Object)]
struct ContactPointView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// Which organ it belongs to
    kind: PointKindName,
    /// Organ that set it up
    established_by: String,
    /// Legal basis
    legal_basis: String,
    /// Since when
    #[oai(skip_serializing_if_is_none)]
    established_on: Option<Day>,
    /// Unit that hosts it
    host_unit: String,
    /// community, association, law_firm, university, village, company or other
    host_kind: String,
    /// City and district
    region: String,
    /// Where to find it
    address: String,
    /// When somebody is there
    opening_hours: String,
    /// Who they are
    introduction: String,
    /// How to take part
    how_to_take_part: String,
    /// What people there talk about most
    topics: Vec<String>,
    /// Whether it belongs to the demonstration
    is_demonstration: bool,
    /// Its stations
    stations: Vec<StationView>,
    /// Who answers for it and agreed to be shown; left out in lists
    #[oai(skip_serializing_if_is_empty, default)]
    responsible_persons: Vec<PublicPersonView>,
    /// When it is closed, it collects nothing any more
    is_closed: bool,
}

/// One page of contact points.
#[derive(Object)]
struct ContactPointPageView {
    /// Contact points by region and name; there is no ranking
    items: Vec<ContactPointView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

fn view(point: ContactPoint) -> ContactPointView {
    let facts = point.facts;
    ContactPointView {
        id: point.id.0,
        name: facts.name,
        kind: facts.kind.into(),
        established_by: facts.established_by,
        legal_basis: facts.legal_basis,
        established_on: facts.established_on.map(Day),
        host_unit: facts.host_unit,
        host_kind: facts.host_kind.as_str().into(),
        region: facts.region,
        address: facts.address,
        opening_hours: facts.opening_hours,
        introduction: facts.introduction,
        how_to_take_part: facts.how_to_take_part,
        topics: facts.topics,
        is_demonstration: facts.is_demonstration,
        responsible_persons: Vec::new(),
        is_closed: point.status == PointStatus::Closed,
        stations: point
            .stations
            .into_iter()
            .map(|s| StationView { id: s.id.0, name: s.name, address: s.address, opening_hours: s.opening_hours })
            .collect(),
    }
}

/// An organ that keeps contact points 司法局.
#[derive(Object)]
struct OrganView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// city or county
    tier: String,
    /// The organ above
    #[oai(skip_serializing_if_is_none)]
    parent_id: Option<Uuid>,
    /// Where it is competent
    region: String,
    /// Whether it belongs to the demonstration
    is_demonstration: bool,
}

fn organ_view(organ: Organ) -> OrganView {
    OrganView {
        id: organ.id.0,
        name: organ.name,
        tier: organ.tier.as_str().into(),
        parent_id: organ.parent.map(|p| p.0),
        region: organ.region,
        is_demonstration: organ.is_demonstration,
    }
}

/// The operations.
pub struct ContactPointsApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl ContactPointsApi {
    /// The organs that keep contact points: that of the city first, then those of counties and districts.
    #[oai(path = "/organs", method = "get", operation_id = "list_organs")]
    async fn list_organs(&self, app: Data<&App>) -> Result<Json<Vec<OrganView>>, Problem> {
        Ok(Json(organs::list_organs(&app.db).await?.into_iter().map(organ_view).collect()))
    }

    /// Contact points that work, by region and name, with their stations.
    #[oai(path = "/contact-points", method = "get", operation_id = "list_contact_points")]
    async fn list_contact_points(
        &self,
        app: Data<&App>,
        /// Only those of one kind
        Query(kind): Query<Option<PointKindName>>,
        /// Only those of one city and district, exactly as `region` names it
        #[oai(validator(max_length = 100))]
        Query(region): Query<Option<String>>,
        /// Words of the name, the host, the place or the topics
        #[oai(validator(max_length = 64))]
        Query(q): Query<Option<String>>,
        /// Contact points on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ContactPointPageView>, Problem> {
        let filter = PointFilter { kind: kind.map(Into::into), region, query: q.unwrap_or_default(), ..PointFilter::working() };
        let page = contact_points::list_points(&app.db, &filter, cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(ContactPointPageView { items: page.items, next_cursor: page.next }))
    }

    /// A contact point with its stations.
    #[oai(path = "/contact-points/:contact_point_id", method = "get", operation_id = "get_contact_point")]
    async fn get_contact_point(
        &self,
        app: Data<&App>,
        /// Contact point
        Path(contact_point_id): Path<Uuid>,
    ) -> Result<Json<ContactPointView>, Problem> {
        let id = contact_point_id.into();
        let mut shown = view(contact_points::get_point(&app.db, id).await?);
        let persons = persons::list_public_persons(&app.db, &app.field_cipher, id).await?;
        let person = |p: persons::Person| PublicPersonView { duty: p.said.duty, name: p.said.name, phone: p.said.phone };
        shown.responsible_persons = persons.into_iter().map(person).collect();
        Ok(Json(shown))
    }
}
