//! `/staff/drafts`: preparing a draft before it is opened to the public, and entering what it became.
//!
//! `overview.rs` the list and one draft, `text.rs` its text line by line, `papers.rs` explanation and attachments, `bases.rs` legal bases,
//! `lineage.rs` how its versions continue in each other, `promulgation.rs` what it became, `forms.rs` how forms are read.

mod bases;
pub(in crate::portal) mod forms;
mod lineage;
mod overview;
mod papers;
mod promulgation;
mod text;

pub use overview::promulgation_facts;

use poem::{Route, get, post};
use uuid::Uuid;

use crate::accounts::Caller;
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{self, Draft, Viewer};
use crate::error::{Error, Result};
use crate::ids::{DraftId, DraftVersionId};
use crate::portal::texts;
use crate::portal::texts::drafting as words;
use crate::portal::visits::Visit;

/// Adds the pages of this area.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/drafts", get(overview::list_drafts))
        .at("/staff/drafts/new", get(overview::show_new).post(overview::create))
        .at("/staff/drafts/:id", get(overview::show_draft).post(overview::change))
        .at("/staff/drafts/:id/versions", post(overview::add_version))
        .at("/staff/drafts/:id/versions/:version", get(text::show_text))
        .at("/staff/drafts/:id/versions/:version/corrections", post(text::correct))
        .at("/staff/drafts/:id/versions/:version/undo", post(text::undo))
        .at("/staff/drafts/:id/versions/:version/papers", get(papers::show_papers))
        .at("/staff/drafts/:id/versions/:version/explanation", post(papers::write_explanation))
        .at("/staff/drafts/:id/versions/:version/attachments", post(papers::add_attachment))
        .at("/staff/drafts/:id/versions/:version/attachments/:attachment/remove", post(papers::remove_attachment))
        .at("/staff/drafts/:id/versions/:version/bases", get(bases::show_bases).post(bases::add_basis))
        .at("/staff/drafts/:id/versions/:version/bases/:basis/remove", post(bases::remove_basis))
        .at("/staff/drafts/:id/lineage", get(lineage::show_lineage).post(lineage::correct))
        .at("/staff/drafts/:id/lineage/:correction/withdraw", post(lineage::withdraw))
        .at("/staff/drafts/:id/promulgation", get(promulgation::show_promulgation).post(promulgation::promulgate))
        .at("/drafts/:id/attachments/:attachment", get(papers::send_attachment))
}

/// Path of a draft among the staff pages.
pub(in crate::portal::staff) fn draft_path(id: DraftId) -> String {
    format!("/staff/drafts/{id}")
}

/// Path of a version among the staff pages.
fn version_path(version: &DraftVersion) -> String {
    format!("/staff/drafts/{}/versions/{}", version.draft_id, version.id)
}

fn draft_id(text: &str) -> Result<DraftId> {
    text.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))
}

fn version_id(text: &str) -> Result<DraftVersionId> {
    text.parse::<Uuid>().map(DraftVersionId).map_err(|_| Error::not_found(words::THIS_DRAFT_VERSION))
}

/// A draft as a member of staff sees it.
async fn find_draft(visit: &Visit, caller: &Caller, id: &str) -> Result<Draft> {
    drafts::get_draft(&visit.app.db, &visit.app.clock, Viewer::Public(Some(caller)), draft_id(id)?).await
}

/// A draft and one of its versions as a member of staff sees them.
async fn find_version(visit: &Visit, caller: &Caller, id: &str, version: &str) -> Result<(Draft, DraftVersion)> {
    let draft = find_draft(visit, caller, id).await?;
    let version = versions::get_version(&visit.app.db, Viewer::Public(Some(caller)), &draft, version_id(version)?).await?;
    Ok((draft, version))
}

/// The words beside a field, when a failure is about it.
fn problem_of(error: Option<&Error>, field: &str) -> String {
    error.and_then(|e| e.fields.iter().find(|f| f.field == field)).map(|f| f.message.clone()).unwrap_or_default()
}

/// The sentence of a failure that is about none of the fields that the page shows.
fn general_problem(error: Option<&Error>, shown: &[&str]) -> String {
    match error {
        Some(error) if error.fields.iter().all(|f| !shown.contains(&f.field.as_str())) => error.detail.clone(),
        _ => String::new(),
    }
}
