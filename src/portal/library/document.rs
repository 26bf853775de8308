//! `/laws/{work}` and `/laws/{work}/{version}`: one document.

use chrono::NaiveDate;
use poem::handler;
use poem::web::{Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::text::lay_out;
use crate::accounts::Permission;
use crate::calendar;
use crate::corpus::classification::Validity;
use crate::corpus::reading::{self, RelatedWork};
use crate::corpus::{Version, Work};
use crate::error::Error;
use crate::ids::{VersionId, WorkId};
use crate::portal::pages::library::{DocumentPage, RelationLine, VersionLink};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts;
use crate::portal::visits::{Page, Visit};

#[derive(Deserialize)]
struct On {
    #[serde(default)]
    on: String,
}

/// A document as it stands today, or on `?on=YYYY-MM-DD`.
#[handler]
pub async fn show_document(visit: Visit, Path(work): Path<String>, Query(on): Query<On>) -> Page {
    let on = match on.on.as_str() {
        "" => None,
        text => Some(calendar::parse_day(text).ok_or_else(|| Error::invalid("on", texts::BAD_DATE))?),
    };
    show(&visit, &work, None, on).await
}

/// A certain version of a document.
#[handler]
pub async fn show_version(visit: Visit, Path((work, version)): Path<(String, String)>) -> Page {
    let version = version.parse::<Uuid>().map_err(|_| Error::not_found(texts::THIS_VERSION))?;
    show(&visit, &work, Some(VersionId(version)), None).await
}

async fn show(visit: &Visit, work: &str, wanted: Option<VersionId>, on: Option<NaiveDate>) -> Page {
    let db = &visit.app.db;
    let id = work.parse::<Uuid>().map(WorkId).map_err(|_| Error::not_found(texts::THIS_DOCUMENT))?;
    let work = reading::get_work(db, id).await?;
    let today = visit.app.clock.today();
    let versions = reading::list_versions(db, id, on.unwrap_or(today)).await?;
    let shown = match wanted {
        Some(wanted) => versions.iter().find(|v| v.id == wanted),
        None => reading::version_on(&versions, on.unwrap_or(today)),
    }
    .ok_or_else(|| Error::not_found(texts::THIS_VERSION))?;
    let today_version = reading::version_on(&versions, today).map(|v| v.id);
    let provisions = reading::list_provisions(db, shown.id).await?;
    let laid = lay_out(&shown.title, &provisions);
    let diagnostics = match &visit.caller {
        Some(caller) if caller.may(Permission::ImportDocuments) => reading::list_diagnostics(db, shown.id).await?,
        _ => Vec::new(),
    };
    let begins = shown.effective_on.or(shown.dated_on);
    let url = format!("/laws/{id}");
    visit.show(&DocumentPage {
        layout: visit.layout(Section::Laws),
        title: shown.title.clone(),
        work_id: id.to_string(),
        permalink: format!("{url}/{}", shown.id),
        badge: texts::validity(shown.validity),
        category: work.category.label().into(),
        is_demonstration: work.is_demonstration,
        warning: texts::other_version(shown.validity, begins, shown.ends_on, on),
        current: today_version.filter(|current| *current != shown.id).map(|_| url.clone()),
        facts: facts(&work, shown),
        notes: laid.notes,
        versions: versions.iter().rev().map(|v| version_link(v, &url, shown.id)).collect(),
        on: on.map(|d| d.to_string()).unwrap_or_default(),
        relations: reading::list_relations(db, id).await?.into_iter().map(relation_line).collect(),
        toc: laid.toc,
        blocks: laid.blocks,
        citation: texts::citation(&shown.title, ""),
        diagnostics: diagnostics.into_iter().map(|d| Fact { name: texts::diagnostic_at(&d.code, d.line), value: d.detail }).collect(),
        url,
    })
}

fn facts(work: &Work, version: &Version) -> Vec<Fact> {
    let organ = if version.organ.is_empty() { &work.organ } else { &version.organ };
    let day = |d: Option<NaiveDate>| d.map(texts::day).unwrap_or_default();
    // A repeal that only follows from the next version is told by the version switch.
    let repealed = matches!(version.validity, Validity::Repealed | Validity::Lapsed).then_some(version.ends_on).flatten();
    [
        (texts::ORGAN, organ.clone()),
        (texts::DOCUMENT_NUMBER, version.document_number.clone()),
        (texts::ADOPTED, day(version.adopted_on)),
        (texts::PROMULGATED, day(version.promulgated_on)),
        (texts::EFFECTIVE, day(version.effective_on)),
        (texts::REPEALED, day(repealed)),
        (texts::REGION, work.region.clone()),
        (texts::LENGTH, texts::length(version.article_count, version.character_count)),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| Fact { name: name.into(), value })
    .collect()
}

fn version_link(version: &Version, url: &str, shown: VersionId) -> VersionLink {
    VersionLink {
        text: texts::period(version.effective_on.or(version.dated_on), version.ends_on),
        badge: texts::validity(version.validity),
        url: format!("{url}/{}", version.id),
        is_shown: version.id == shown,
    }
}

fn relation_line(related: RelatedWork) -> RelationLine {
    RelationLine {
        kind: texts::relation(related.relation, related.is_active),
        link: Link { text: related.title, url: format!("/laws/{}", related.work_id) },
    }
}
