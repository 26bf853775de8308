//! `/point/tasks/{id}/materials/…` and `/point/tasks/{id}/poster`: what a contact point prints and fills in.

use poem::http::header;
use poem::web::Path;
use poem::{Response, Route, get, handler};

use super::staff;
use crate::contact_points;
use crate::contact_points::assignments;
use crate::contact_points::materials::{self, Material};
use crate::documents::writing::{DOCX, attachment, xlsx::XLSX};
use crate::error::{Error, Result};
use crate::portal::pages::collection::PosterPage;
use crate::portal::pages::{Link, Section};
use crate::portal::staff::qr;
use crate::portal::staff::tasks::assignments::assignment_id;
use crate::portal::staff::tasks::paragraphs;
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Page, Visit};

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/point/tasks/:id/materials/:material", get(send_material)).at("/point/tasks/:id/poster", get(show_poster))
}

/// Links to everything that can be printed for an assignment.
pub fn materials_of(url: &str) -> Vec<Link> {
    let file = |material: &Material| Link { text: material.label().into(), url: format!("{url}/materials/{}", material.as_str()) };
    let mut links: Vec<Link> = Material::ALL.iter().map(file).collect();
    links.push(Link { text: words::POSTER.into(), url: format!("{url}/poster") });
    links
}

#[handler]
async fn send_material(visit: Visit, Path((id, material)): Path<(String, String)>) -> Page {
    let caller = staff(&visit)?;
    let app = &visit.app;
    let material = Material::parse(&material).ok_or_else(|| Error::not_found(words::THIS_FILE))?;
    let (name, bytes) = materials::make_own(&app.db, &app.clock, caller, &app.config.bureau_name, assignment_id(&id)?, material).await?;
    Ok(Response::builder()
        .content_type(if material == Material::Spreadsheet { XLSX } else { DOCX })
        .header(header::CONTENT_DISPOSITION, attachment(&name))
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(bytes))
}

/// The address of a draft at a point, as the QR code holds it.
fn address(visit: &Visit, path: &str) -> Result<String> {
    let link = visit.app.config.public_link(path);
    Ok(if link.is_empty() { format!("http://{}{path}", visit.app.config.listen) } else { link })
}

#[handler]
async fn show_poster(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = staff(&visit)?;
    let app = &visit.app;
    let assignment = assignments::get_own(&app.db, caller, assignment_id(&id)?).await?;
    let point = contact_points::get_point(&app.db, assignment.contact_point_id).await?;
    let path = format!("/drafts/{}?point={}", assignment.draft_id, crate::portal::links::encode(&point.facts.code));
    let address = address(&visit, &path)?;
    visit.show(&PosterPage {
        layout: visit.layout(Section::Staff),
        task: Link { text: assignment.task_title.clone(), url: format!("/point/tasks/{}", assignment.id) },
        draft: assignment.draft_title.clone(),
        period: texts::days(
            crate::calendar::day_of(assignment.round_opens_at),
            crate::calendar::last_day_before(assignment.round_closes_at),
        ),
        qr: qr::svg(&address, words::POSTER_QR)?,
        address,
        point: point.facts.name,
        place: point.facts.address,
        hours: point.facts.opening_hours,
        how: paragraphs(&point.facts.how_to_take_part),
    })
}
