//! `/drafts/{id}/rounds/{n}/report` as a page, .docx and .xlsx; `/opinions/{id}`, where each of its rows leads.

use poem::http::header;
use poem::web::{Path, Query};
use poem::{Response, Route, get, handler};
use serde::Deserialize;

use super::opinions::views::{fact, outcome_badge, piece_class};
use super::opinions::{draft_url, find_draft, opinion_id};
use crate::calendar;
use crate::documents::writing::xlsx::XLSX;
use crate::documents::writing::{DOCX, attachment};
use crate::drafts::comparison::compare_characters;
use crate::drafts::{self, Viewer, consultations, places};
use crate::error::{Error, Result};
use crate::opinions::feedback::DispositionKind;
use crate::opinions::reading::get_public_opinion;
use crate::opinions::report::{self, Report, ReportCounts, ReportEntry, Site, document, table};
use crate::portal::pages::opinions::DiffPiece;
use crate::portal::pages::report::{OpinionPage, ReportItem, ReportPage, ReportUnit};
use crate::portal::pages::{Choice, Fact, Section};
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Entries on one page.
const PAGE: usize = 50;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/drafts/:id/rounds/:round/report", get(show_report))
        .at("/drafts/:id/rounds/:round/report.docx", get(send_document))
        .at("/drafts/:id/rounds/:round/report.xlsx", get(send_table))
        .at("/opinions/:id", get(show_opinion))
}

async fn find_report(visit: &Visit, id: &str, round: &str) -> Result<Report> {
    let app = &visit.app;
    let draft = find_draft(visit, id).await?;
    let number = round.parse().map_err(|_| Error::not_found(texts::rounds::THIS_ROUND))?;
    let round = consultations::get_numbered_round(&app.db, &draft, number).await?;
    report::get_report(&app.db, visit.caller.as_ref(), draft, round).await
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    cursor: String,
}

#[handler]
async fn show_report(visit: Visit, Path((id, round)): Path<(String, String)>, Query(chosen): Query<Chosen>) -> Page {
    let app = &visit.app;
    let report = find_report(&visit, &id, &round).await?;
    let kind = DispositionKind::parse(&chosen.kind);
    let cursor = Some(chosen.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let (counts, page) =
        tokio::try_join!(report::count(&app.db, &report), report::list_entries(&app.db, &report, app.clock.now(), kind, cursor, PAGE))?;
    let path = report.path();
    let at = |kind: &str, cursor: &str| links::with_query(&path, [("kind", kind), ("cursor", cursor)]);
    let paragraphs = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let named = |name: &str, n: i64| Fact { name: name.into(), value: texts::grouped(n) };
    visit.show(&ReportPage {
        layout: visit.layout(Section::Drafts),
        title: report.title(),
        draft_title: report.draft.title.clone(),
        draft_url: draft_url(report.draft.id, None),
        is_demonstration: report.draft.is_demonstration,
        is_preview: report.is_preview,
        published: report.round.feedback_published_at.map(|at| texts::day(calendar::day_of(at))).unwrap_or_default(),
        process: document::process(&report, &counts),
        channels: counts.by_channel.iter().map(|(channel, n)| named(channel.label(), *n)).collect(),
        summary: paragraphs(&report.round.feedback_summary),
        outcomes: document::outcomes(&counts),
        choices: choices(&counts, kind, &|kind| at(kind, "")),
        units: units(&report, page.items),
        start: cursor.map(|_| at(&chosen.kind, "")),
        next: page.next.map(|cursor| at(&chosen.kind, &cursor)),
        path: path.clone(),
    })
}

/// All, and each outcome that there is.
fn choices(counts: &ReportCounts, chosen: Option<DispositionKind>, url: &dyn Fn(&str) -> String) -> Vec<Choice> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let all = Choice { text: texts::report::ALL.into(), url: url(""), count: count(counts.answered), is_chosen: chosen.is_none() };
    let kinds = counts.by_disposition.iter().map(|(kind, n)| Choice {
        text: kind.label().into(),
        url: url(kind.as_str()),
        count: count(*n),
        is_chosen: chosen == Some(*kind),
    });
    std::iter::once(all).chain(kinds).collect()
}

fn units(report: &Report, entries: Vec<ReportEntry>) -> Vec<ReportUnit> {
    let mut units: Vec<ReportUnit> = Vec::new();
    for entry in entries {
        let label = report.unit_label(entry.opinion.address.as_deref());
        let Some(item) = item(entry) else { continue };
        match units.last_mut().filter(|unit| unit.label == label) {
            Some(unit) => unit.items.push(item),
            None => units.push(ReportUnit { label, items: vec![item] }),
        }
    }
    units
}

/// `None` without an answer, which no entry is.
fn item(entry: ReportEntry) -> Option<ReportItem> {
    let together = document::together(&entry);
    let opinion = entry.opinion;
    let channel = opinion.channel_label();
    let answer = opinion.answer?;
    Some(ReportItem {
        number: entry.number,
        id: opinion.id.to_string(),
        about: texts::about_opinion(&opinion.provision_label, opinion.author_kind.as_deref(), Some(&channel)),
        together,
        opinion: opinion.body,
        unseen: report::unseen(opinion.words),
        because: opinion.reason.unwrap_or_default(),
        proposed: opinion.proposed_text.unwrap_or_default(),
        outcome: outcome_badge(answer.kind),
        reason: answer.reason,
        result: answer.result_label,
    })
}

pub fn file(name: &str, media_type: &str, bytes: Vec<u8>) -> Page {
    Ok(Response::builder()
        .content_type(media_type)
        .header(header::CONTENT_DISPOSITION, attachment(name))
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(bytes))
}

#[handler]
async fn send_document(visit: Visit, Path((id, round)): Path<(String, String)>) -> Page {
    let app = &visit.app;
    let report = find_report(&visit, &id, &round).await?;
    let bytes = document::write_document(&app.db, &report, &Site::of(&app.config), app.clock.now()).await?;
    file(&document::file_name(&report), DOCX, bytes)
}

#[handler]
async fn send_table(visit: Visit, Path((id, round)): Path<(String, String)>) -> Page {
    let app = &visit.app;
    let report = find_report(&visit, &id, &round).await?;
    let bytes = table::write_table(&app.db, &report, &Site::of(&app.config), app.clock.now()).await?;
    file(&table::file_name(&report), XLSX, bytes)
}

/// `/opinions/{id}`
#[handler]
async fn show_opinion(visit: Visit, Path(id): Path<String>) -> Page {
    let app = &visit.app;
    let (draft, opinion) = get_public_opinion(&app.db, opinion_id(&id)?).await?;
    let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(visit.caller.as_ref()), draft).await?;
    let rounds = consultations::list_rounds(&app.db, &draft).await?;
    let round = rounds.iter().find(|round| round.id == opinion.consultation_id && round.feedback_published_at.is_some());
    let proposed = opinion.proposed_text.clone().unwrap_or_default();
    let channel = opinion.channel_label();
    let difference = match &opinion.address {
        Some(address) if !proposed.is_empty() => {
            let place = places::find_place(&app.db, opinion.version_id, address).await?;
            compare_characters(&place.map(|place| place.text).unwrap_or_default(), &proposed)
        }
        _ => Vec::new(),
    };
    let mut facts =
        vec![fact(texts::opinions::POSTED_AT, texts::day(calendar::day_of(opinion.posted_at))), fact(texts::report::CHANNEL, channel)];
    facts.extend(opinion.author_kind.as_ref().map(|kind| fact(texts::report::AUTHOR_KIND, kind.clone())));
    facts.push(fact(texts::report::OPINION_ID, opinion.id.to_string()));
    let answer = opinion.answer;
    let result = answer.as_ref().and_then(|answer| answer.result.clone());
    visit.show(&OpinionPage {
        layout: visit.layout(Section::Drafts),
        draft_title: draft.title.clone(),
        draft_url: draft_url(draft.id, opinion.address.as_deref()),
        label: opinion.provision_label,
        facts,
        stance: opinion.stance.map(|stance| stance.label()),
        quote: opinion.quote_text.unwrap_or_default(),
        unseen: report::unseen(opinion.words),
        body: opinion.body,
        reason: opinion.reason.unwrap_or_default(),
        difference: difference.into_iter().map(|piece| DiffPiece { kind: piece_class(piece.change), text: piece.text }).collect(),
        outcome: answer.as_ref().map(|answer| outcome_badge(answer.kind)),
        answered: answer.as_ref().map(|answer| texts::day(calendar::day_of(answer.published_at))).unwrap_or_default(),
        result: answer.as_ref().map(|answer| answer.result_label.clone()).unwrap_or_default(),
        // The article of another version is found beside the one that was spoken of.
        result_url: result
            .map(|(version, _)| {
                let (from, to) = (opinion.version_id.to_string(), version.to_string());
                links::with_query(&format!("/drafts/{}/compare", draft.id), [("from", from.as_str()), ("to", to.as_str())])
            })
            .unwrap_or_default(),
        answer: answer.map(|answer| answer.reason).unwrap_or_default(),
        report: round.map(|round| report::path_of(&draft, round)).unwrap_or_default(),
    })
}
