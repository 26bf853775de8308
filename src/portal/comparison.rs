//! `/drafts/{id}/compare` and `/laws/{work}/compare`: two texts side by side or in one, and the same as a Word document.

use poem::http::header;
use poem::web::{Path, Query};
use poem::{Response, Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use super::pages::comparison::{CompareLine, ComparePage, CompareRow, TextChoice, WordPiece};
use super::pages::{Fact, Link, Section};
use super::visits::{Failure, Page, Visit};
use super::{links, texts};
use crate::corpus::reading;
use crate::documents::writing::{DOCX, attachment};
use crate::drafts::comparison::{Change, Comparison, Row, Side, sheet, sources};
use crate::drafts::{self, Draft, Viewer};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, VersionId, WorkId};

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/drafts/:id/compare", get(show_draft_comparison))
        .at("/drafts/:id/compare/sheet", get(send_draft_sheet))
        .at("/laws/:work/compare", get(show_law_comparison))
        .at("/laws/:work/compare/sheet", get(send_law_sheet))
}

/// What the reader chose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Chosen {
    from: String,
    to: String,
    /// `inline`; anything else is side by side.
    view: String,
    /// `all`; anything else leaves out what was kept.
    show: String,
}

impl Chosen {
    fn id(field: &str, text: &str) -> Result<Option<Uuid>> {
        match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Error::invalid(field, "没有找到要比较的文本，请重新选择。")),
        }
    }

    fn shows_all(&self) -> bool {
        self.show == "all"
    }
}

async fn find_draft(visit: &Visit, id: &str) -> Result<Draft> {
    let id = id.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
    drafts::get_draft(&visit.app.db, &visit.app.clock, Viewer::Public(visit.caller.as_ref()), id).await
}

async fn compare_draft(visit: &Visit, draft: &Draft, chosen: &Chosen) -> Result<Comparison> {
    let app = &visit.app;
    let (from, to) = (Chosen::id("from", &chosen.from)?, Chosen::id("to", &chosen.to)?);
    sources::compare_draft(&app.db, Viewer::Public(visit.caller.as_ref()), draft, from, to, app.clock.today()).await
}

async fn compare_law(visit: &Visit, work: WorkId, chosen: &Chosen) -> Result<Comparison> {
    let app = &visit.app;
    let (from, to) = (Chosen::id("from", &chosen.from)?, Chosen::id("to", &chosen.to)?);
    sources::compare_law(&app.db, work, from.map(VersionId), to.map(VersionId), app.clock.today()).await
}

fn work_id(work: &str) -> Result<WorkId> {
    work.parse::<Uuid>().map(WorkId).map_err(|_| Error::not_found(texts::THIS_DOCUMENT))
}

/// `/drafts/{id}/compare`
#[handler]
async fn show_draft_comparison(visit: Visit, Path(id): Path<String>, Query(chosen): Query<Chosen>) -> Page {
    let app = &visit.app;
    let draft = find_draft(&visit, &id).await?;
    let choices = sources::choices(&app.db, Viewer::Public(visit.caller.as_ref()), &draft, app.clock.today()).await?;
    let compared = compare_draft(&visit, &draft, &chosen).await;
    let path = format!("/drafts/{}", draft.id);
    let frame = Frame {
        section: Section::Drafts,
        list: Link { text: texts::comparison::DRAFTS.into(), url: "/drafts".into() },
        back: Link { text: texts::comparison::TO_DRAFT.into(), url: path.clone() },
        path: format!("{path}/compare"),
        title: draft.title,
    };
    show(&visit, frame, choices, compared, &chosen)
}

/// `/laws/{work}/compare`
#[handler]
async fn show_law_comparison(visit: Visit, Path(work): Path<String>, Query(chosen): Query<Chosen>) -> Page {
    let app = &visit.app;
    let work = reading::get_work(&app.db, work_id(&work)?).await?;
    let choices = sources::law_choices(&app.db, work.id, app.clock.today()).await?;
    let compared = compare_law(&visit, work.id, &chosen).await;
    let path = format!("/laws/{}", work.id);
    let frame = Frame {
        section: Section::Laws,
        list: Link { text: texts::comparison::LAWS.into(), url: "/laws".into() },
        back: Link { text: texts::comparison::TO_LAW.into(), url: path.clone() },
        path: format!("{path}/compare"),
        title: work.title,
    };
    show(&visit, frame, choices, compared, &chosen)
}

/// `/drafts/{id}/compare/sheet`
#[handler]
async fn send_draft_sheet(visit: Visit, Path(id): Path<String>, Query(chosen): Query<Chosen>) -> Page {
    let draft = find_draft(&visit, &id).await?;
    send(compare_draft(&visit, &draft, &chosen).await?, &chosen).await
}

/// `/laws/{work}/compare/sheet`
#[handler]
async fn send_law_sheet(visit: Visit, Path(work): Path<String>, Query(chosen): Query<Chosen>) -> Page {
    send(compare_law(&visit, work_id(&work)?, &chosen).await?, &chosen).await
}

async fn send(comparison: Comparison, chosen: &Chosen) -> Page {
    let (name, changed_only) = (format!("{}修改对照表.docx", comparison.new.title), !chosen.shows_all());
    let bytes = tokio::task::spawn_blocking(move || sheet::write_sheet(&comparison, changed_only))
        .await
        .map_err(|e| Failure(Error::internal("writing a document stopped", e)))??;
    Ok(Response::builder()
        .content_type(DOCX)
        .header(header::CONTENT_DISPOSITION, attachment(&name))
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(bytes))
}

struct Frame {
    section: Section,
    list: Link,
    back: Link,
    path: String,
    title: String,
}

fn show(visit: &Visit, frame: Frame, choices: Vec<Side>, compared: Result<Comparison>, chosen: &Chosen) -> Page {
    let (compared, problem) = match compared {
        Ok(compared) => (Some(compared), None),
        // One text only, or a text that is not there: the form stays, and says so.
        Err(error) if matches!(error.code, Code::Conflict | Code::Invalid) => (None, Some(error.detail)),
        Err(error) => return Err(Failure(error)),
    };
    let id = |given: &str, side: Option<&Side>| side.map_or_else(|| given.to_owned(), |side| side.id.to_string());
    let (from, to) = (id(&chosen.from, compared.as_ref().map(|c| &c.old)), id(&chosen.to, compared.as_ref().map(|c| &c.new)));
    let is_side = chosen.view != "inline";
    let (view, extent) = (if is_side { "" } else { "inline" }, if chosen.shows_all() { "all" } else { "" });
    let link = |path: &str, view: &str, show: &str| {
        links::with_query(path, [("from", from.as_str()), ("to", &to), ("view", view), ("show", show)])
    };
    let mut choices: Vec<TextChoice> = choices.into_iter().map(|side| TextChoice { id: side.id.to_string(), name: side.name }).collect();
    // A text that was named and is not in the list, e.g. another law.
    for side in compared.iter().flat_map(|c| [&c.old, &c.new]) {
        if !choices.iter().any(|choice| choice.id == side.id.to_string()) {
            choices.push(TextChoice { id: side.id.to_string(), name: side.name.clone() });
        }
    }
    let page = ComparePage {
        layout: visit.layout(frame.section),
        title: frame.title,
        back: frame.back,
        section: frame.list,
        choices,
        is_side,
        shows_all: chosen.shows_all(),
        other_view: link(&frame.path, if is_side { "inline" } else { "" }, extent),
        other_extent: link(&frame.path, view, if chosen.shows_all() { "" } else { "all" }),
        sheet: link(&format!("{}/sheet", frame.path), "", extent),
        old_name: compared.as_ref().map(|c| c.old.name.clone()).unwrap_or_default(),
        new_name: compared.as_ref().map(|c| c.new.name.clone()).unwrap_or_default(),
        counts: compared
            .as_ref()
            .map(|c| c.counts().into_iter().map(|(kind, n)| Fact { name: kind.label().into(), value: n.to_string() }).collect())
            .unwrap_or_default(),
        lines: compared.map(|c| lines(c.rows, chosen.shows_all())).unwrap_or_default(),
        problem,
        path: frame.path,
        from,
        to,
    };
    visit.show(&page)
}

/// Rows of the page; without `shows_all` a run of unchanged ones becomes one sentence.
fn lines(rows: Vec<Row>, shows_all: bool) -> Vec<CompareLine> {
    let mut lines = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    let close = |left_out: &mut Vec<String>, lines: &mut Vec<CompareLine>| {
        if let (Some(first), Some(last)) = (left_out.first(), left_out.last()) {
            lines.push(CompareLine::Gap(texts::comparison::unchanged(first, last, left_out.len())));
        }
        left_out.clear();
    };
    for row in rows {
        if !shows_all && !row.is_changed() {
            // Headings stay: they say where one is.
            if !row.is_heading {
                left_out.extend(row.new.first().map(|place| place.label.clone()));
                continue;
            }
        }
        close(&mut left_out, &mut lines);
        lines.push(CompareLine::Row(compare_row(row)));
    }
    close(&mut left_out, &mut lines);
    lines
}

fn compare_row(row: Row) -> CompareRow {
    let labels = |places: &[crate::drafts::comparison::Place]| places.iter().map(|p| p.label.as_str()).collect::<Vec<_>>().join("、");
    let id = row.new.first().map(|p| format!("new-{}", p.address)).or_else(|| row.old.first().map(|p| format!("old-{}", p.address)));
    CompareRow {
        badge: texts::comparison::continuation(row.kind),
        old_label: labels(&row.old),
        new_label: labels(&row.new),
        id: id.unwrap_or_default(),
        is_heading: row.is_heading,
        pieces: row
            .pieces
            .into_iter()
            .map(|piece| WordPiece {
                kind: match piece.change {
                    Change::Equal => "same",
                    Change::Deleted => "del",
                    Change::Inserted => "ins",
                },
                text: piece.text,
            })
            .collect(),
    }
}
