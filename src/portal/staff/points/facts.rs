//! The form of what a point tells about itself: a new point, and changing one.

use std::collections::HashMap;

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path};
use uuid::Uuid;

use super::acts::{Values, day, get, place, revision};
use super::{path_of, point_id, showing};
use crate::accounts::{Caller, Permission};
use crate::contact_points::organs::Organ;
use crate::contact_points::{ContactPoint, HostKind, NewContactPoint, PointKind, managing, organs};
use crate::error::{Error, Result};
use crate::ids::OrganId;
use crate::portal::pages::forms::{Fields, Refused};
use crate::portal::pages::points::PointFormPage;
use crate::portal::pages::{Link, Section};
use crate::portal::staff::login::{is_told, status_of};
use crate::portal::texts;
use crate::portal::texts::points as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Name of the form.
const FORM: &str = "point";

/// `/staff/contact-points/new`
#[handler]
pub async fn show_new(visit: Visit) -> Page {
    let caller = visit.staff(Permission::ManageContactPoints)?;
    form_page(&visit, caller, None, StatusCode::OK, None).await
}

/// `/staff/contact-points/{id}/edit`
#[handler]
pub async fn show_edit(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = visit.staff(Permission::ManageContactPoints)?;
    let point = managing::get_kept_point(&visit.app.db, caller, point_id(&id)?).await?;
    form_page(&visit, caller, Some(point), StatusCode::OK, None).await
}

/// The form of a new point comes back.
#[handler]
pub async fn open_point(visit: Visit, Form(values): Form<Values>) -> Page {
    let caller = visit.staff(Permission::ManageContactPoints)?;
    visit.check_form(get(&values, "csrf"))?;
    let opened = match read(&values) {
        Ok(new) => managing::open_point(visit.app.keeping(), caller, get(&values, "key"), new).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(point) => Ok(see_other(&format!("{}?done=opened", path_of(point.id)))),
        Err(error) if is_told(&error) => {
            let status = status_of(&error);
            form_page(&visit, caller, None, status, Some(Refused { form: FORM.into(), values, error })).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The form of a point comes back.
#[handler]
pub async fn change_point(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = visit.staff(Permission::ManageContactPoints)?;
    visit.check_form(get(&values, "csrf"))?;
    let id = point_id(&id)?;
    let changed = match read(&values) {
        Ok(new) => managing::change_point(visit.app.keeping(), caller, id, revision(&values), new).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(point) => Ok(see_other(&format!("{}?done=changed", path_of(point.id)))),
        Err(error) if is_told(&error) => {
            let point = managing::get_kept_point(&visit.app.db, caller, id).await?;
            let status = status_of(&error);
            form_page(&visit, caller, Some(point), status, Some(Refused { form: FORM.into(), values, error })).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The page of the form. A form that came back from an older revision keeps that revision: saving again is refused again until the page is opened anew.
async fn form_page(visit: &Visit, caller: &Caller, point: Option<ContactPoint>, status: StatusCode, refused: Option<Refused>) -> Page {
    let organs = if managing::organ_of(caller)?.is_some() { None } else { Some(organs::list_organs(&visit.app.db).await?) };
    let is_new = point.is_none();
    let fields = fields(point.as_ref(), organs.as_deref(), refused.as_ref(), visit);
    let revision = refused.as_ref().map_or_else(|| point.as_ref().map_or(0, |p| p.revision), |r| revision(&r.values));
    let key = match &refused {
        _ if !is_new => String::new(),
        Some(refused) => get(&refused.values, "key").to_owned(),
        None => visit.app.ids.next().to_string(),
    };
    visit.show_as(
        status,
        &PointFormPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            key,
            revision,
            title: point.as_ref().map_or_else(|| words::NEW_POINT.to_owned(), |p| words::change_of(&p.facts.name)),
            action: point.as_ref().map_or_else(|| "/staff/contact-points".to_owned(), |p| path_of(p.id)),
            back: match &point {
                Some(point) => Link { text: point.facts.name.clone(), url: path_of(point.id) },
                None => Link { text: words::POINTS.into(), url: "/staff/contact-points".into() },
            },
            form: fields.done(),
            button: if is_new { words::OPEN } else { words::SAVE },
        },
    )
}

fn fields<'a>(point: Option<&ContactPoint>, organs: Option<&[Organ]>, refused: Option<&'a Refused>, visit: &Visit) -> Fields<'a> {
    let facts = point.map(|p| &p.facts);
    let of = |f: fn(&NewContactPoint) -> &str| facts.map(f).unwrap_or_default();
    let kinds = PointKind::ALL.iter().map(|k| (k.as_str().to_owned(), k.label().to_owned()));
    let hosts = HostKind::ALL.iter().map(|k| (k.as_str().to_owned(), k.label().to_owned()));
    let established_by = facts.map_or(visit.app.config.bureau_name.as_str(), |f| &f.established_by);
    let place = facts.and_then(|f| f.coordinates).map(showing::coordinates).unwrap_or_default();
    let iso = |day: Option<chrono::NaiveDate>| day.map(|d| d.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let mut fields = Fields::of(FORM, refused)
        .line("name", words::NAME, of(|f| &f.name))
        .most(100)
        .required()
        .choice("kind", words::KIND, kinds, facts.map_or(PointKind::Government.as_str(), |f| f.kind.as_str()))
        .required();
    if let Some(organs) = organs {
        let options = [(String::new(), words::NO_ORGAN.to_owned())].into_iter();
        let options = options.chain(organs.iter().map(|o| (o.id.to_string(), o.name.clone())));
        let held = facts.and_then(|f| f.organ).map(|o| o.to_string()).unwrap_or_default();
        fields = fields.choice("organ_id", words::ORGAN, options, &held);
    }
    fields = fields
        .line("established_by", texts::ESTABLISHED_BY, established_by)
        .most(100)
        .required()
        .line("legal_basis", texts::LEGAL_BASIS, of(|f| &f.legal_basis))
        .day("established_on", texts::ESTABLISHED_ON, &iso(facts.and_then(|f| f.established_on)))
        .line("host_unit", texts::HOST, of(|f| &f.host_unit))
        .most(100)
        .required()
        .choice("host_kind", words::HOST_KIND, hosts, facts.map_or(HostKind::Community.as_str(), |f| f.host_kind.as_str()))
        .required()
        .line("region", texts::REGION_OF_POINT, of(|f| &f.region))
        .most(100)
        .hint(words::REGION_HINT)
        .required()
        .line("address", texts::ADDRESS, of(|f| &f.address))
        .required()
        .line("coordinates", words::COORDINATES, &place)
        .hint(words::COORDINATES_HINT)
        .line("opening_hours", texts::HOURS, of(|f| &f.opening_hours))
        .lines("introduction", words::INTRODUCTION, of(|f| &f.introduction))
        .lines("how_to_take_part", words::HOW, of(|f| &f.how_to_take_part))
        .line("topics", texts::TOPICS, &facts.map(|f| f.topics.join("、")).unwrap_or_default())
        .hint(words::TOPICS_HINT);
    if point.is_none() {
        fields = fields.day("term_begins_on", words::TERM_BEGINS, "").hint(words::TERM_HINT).day("term_ends_on", words::TERM_ENDS, "");
    }
    fields
}

fn read(values: &HashMap<String, String>) -> Result<NewContactPoint> {
    let text = |name: &str| get(values, name).to_owned();
    let term = match (day(values, "term_begins_on")?, day(values, "term_ends_on")?) {
        (Some(first), Some(last)) => Some((first, last)),
        (None, None) => None,
        (None, _) => return Err(Error::invalid("term_begins_on", words::TERM_WHOLE)),
        (_, None) => return Err(Error::invalid("term_ends_on", words::TERM_WHOLE)),
    };
    let organ = match get(values, "organ_id") {
        "" => None,
        id => Some(id.parse::<Uuid>().map(OrganId).map_err(|_| Error::invalid("organ_id", words::CHOOSE_ORGAN))?),
    };
    Ok(NewContactPoint {
        code: String::new(),
        name: text("name"),
        kind: PointKind::parse(get(values, "kind")).ok_or_else(|| Error::invalid("kind", words::CHOOSE_KIND))?,
        established_by: text("established_by"),
        legal_basis: text("legal_basis"),
        established_on: day(values, "established_on")?,
        host_unit: text("host_unit"),
        host_kind: HostKind::parse(get(values, "host_kind")).ok_or_else(|| Error::invalid("host_kind", words::CHOOSE_KIND))?,
        region: text("region"),
        address: text("address"),
        opening_hours: text("opening_hours"),
        introduction: text("introduction"),
        how_to_take_part: text("how_to_take_part"),
        topics: get(values, "topics").split(['、', '，', ',']).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect(),
        organ,
        coordinates: place(get(values, "coordinates"))?,
        term,
        is_demonstration: false,
        stations: Vec::new(),
    })
}
