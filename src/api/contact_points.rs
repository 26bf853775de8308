//! Operations on contact points 立法基层联系点.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::day::Day;
use super::problem::Problem;
use crate::app::App;
use crate::contact_points::{self, ContactPoint, PointKind};

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
        stations: point
            .stations
            .into_iter()
            .map(|s| StationView { id: s.id.0, name: s.name, address: s.address, opening_hours: s.opening_hours })
            .collect(),
    }
}

/// The operations.
pub struct ContactPointsApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl ContactPointsApi {
    /// Contact points by region and name, with their stations.
    #[oai(path = "/contact-points", method = "get", operation_id = "list_contact_points")]
    async fn list_contact_points(
        &self,
        app: Data<&App>,
        /// Only those of one kind
        Query(kind): Query<Option<PointKindName>>,
        /// Contact points on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ContactPointPageView>, Problem> {
        let page = contact_points::list_points(&app.db, kind.map(Into::into), cursor.as_deref(), limit as usize).await?.map(view);
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
        Ok(Json(view(contact_points::get_point(&app.db, contact_point_id.into()).await?)))
    }
}
