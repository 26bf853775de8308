//! What the pages of uploads show.

use poem::http::StatusCode;
use serde::Deserialize;

use super::staff;
use crate::accounts::Caller;
use crate::contact_points;
use crate::contact_points::assignments::{self, AssignmentState};
use crate::error::Result;
use crate::ids::{AssignmentId, UploadBatchId};
use crate::opinions::offline::batches::{self, Batch, BatchRow, BatchState, RowFilter, RowState};
use crate::opinions::offline::columns::Field;
use crate::opinions::offline::entry;
use crate::opinions::offline::provenance::{Consent, Method};
use crate::portal::links;
use crate::portal::pages::rounds::SelectOption;
use crate::portal::pages::uploads::{
    BatchLine, BatchPage, CellBox, ColumnChoice, DefaultsBox, RowLine, RowPage, SheetBox, Told, UploadsPage,
};
use crate::portal::pages::{Badge, Choice, Fact, Link, Section};
use crate::portal::texts::{self, uploads as words};
use crate::portal::visits::{Page, Visit};

/// Batches and rows on a page.
const BATCHES: usize = 20;
const ROWS: usize = 50;
/// Characters of an opinion that a list shows.
const PREVIEW: usize = 80;
/// Rows of a sheet looked through for samples of its columns, samples of a column, and characters of one.
const SAMPLED: usize = 10;
const SAMPLES: usize = 2;
const SAMPLE: usize = 24;

/// Which rows a page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub cursor: String,
    #[serde(default)]
    pub done: String,
}

fn batch_badge(state: BatchState) -> Badge {
    let tone = match state {
        BatchState::Reading | BatchState::Checking | BatchState::Committing => "wait",
        BatchState::Mapping | BatchState::Checked => "blue",
        BatchState::Committed => "good",
        BatchState::Undone | BatchState::Discarded => "off",
        BatchState::Failed => "stop",
    };
    Badge { text: state.label().into(), tone }
}

fn row_badge(state: RowState) -> Badge {
    let tone = match state {
        RowState::Ready | RowState::Committed => "good",
        RowState::Pending => "wait",
        RowState::Problem => "stop",
        RowState::Duplicate => "blue",
        RowState::Skipped | RowState::NotOpinion | RowState::Undone => "off",
    };
    Badge { text: state.label().into(), tone }
}

/// `/point/tasks/{id}/uploads`
pub async fn list_page(visit: &Visit, caller: &Caller, id: AssignmentId, cursor: &str, status: StatusCode, told: Told) -> Page {
    let db = &visit.app.db;
    let assignment = assignments::get_own(db, caller, id).await?;
    let page = batches::list_batches(db, caller, id, Some(cursor).filter(|c| !c.is_empty()), BATCHES).await?;
    let url = format!("/point/tasks/{id}");
    let line = |batch: &Batch| BatchLine {
        link: Link { text: batch.name.clone(), url: format!("/point/uploads/{}", batch.id) },
        badge: batch_badge(batch.state),
        summary: words::summary(batch),
        meta: format!("{} · {} · {}", texts::moment(batch.uploaded_at), batch.uploaded_by, words::size(batch.size_bytes)),
    };
    visit.show_as(
        status,
        &UploadsPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            draft: assignment.draft_title.clone(),
            told,
            may_upload: assignment.state.takes_opinions(),
            closed: words::closed(assignment.state),
            leads_to_task: matches!(assignment.state, AssignmentState::Sent | AssignmentState::Acknowledged),
            batches: page.items.iter().map(line).collect(),
            next: page.next.map(|next| links::with_query(&format!("{url}/uploads"), [("cursor", next.as_str())])),
            task: Link { text: assignment.task_title, url },
        },
    )
}

/// `/point/uploads/{id}`
pub async fn batch_page(visit: &Visit, caller: &Caller, id: UploadBatchId, shown: &Shown, status: StatusCode, told: Told) -> Page {
    let app = &visit.app;
    let state = RowState::parse(&shown.state);
    let has_warnings = shown.state == "warnings";
    let filter = RowFilter { state, has_warnings };
    let cursor = Some(shown.cursor.as_str()).filter(|c| !c.is_empty());
    let (batch, page) = batches::list_rows(&app.uploads(), caller, id, filter, cursor, ROWS).await?;
    let assignment = assignments::get_own(&app.db, caller, batch.assignment_id).await?;
    let takes = assignment.state.takes_opinions();
    let url = format!("/point/uploads/{id}");
    let of = |state| batch.counts.of(state);
    let now = app.clock.now();
    let is_stalled = batch.is_stalled(now, &app.config.rules);
    let shows_rows = !batch.state.is_working() && batch.counts.all() > 0;
    let filters = [("", "全部", batch.counts.all()), ("warnings", "请留意", batch.counts.with_warnings)]
        .into_iter()
        .chain(RowState::ALL.iter().map(|state| (state.as_str(), state.label(), of(*state))))
        .filter(|(name, _, count)| name.is_empty() || *count > 0)
        .map(|(name, text, count)| Choice {
            text: text.into(),
            url: format!("{}#rows", links::with_query(&url, [("state", name)])),
            count: u64::try_from(count).unwrap_or(0),
            is_chosen: shown.state == name,
        })
        .collect();
    let counted: Vec<(RowState, i64)> = RowState::ALL.iter().map(|state| (*state, of(*state))).filter(|(_, n)| *n > 0).collect();
    let sum = format!(
        "读入 {} 行 = {}",
        batch.counts.all(),
        counted.iter().map(|(state, n)| format!("{} {n}", state.label())).collect::<Vec<_>>().join(" + ")
    );
    let needs_mapping = batch.state == BatchState::Mapping;
    let is_open = batch.state.is_open() && takes && of(RowState::Committed) == 0;
    let broke_off = is_stalled && batch.state != BatchState::Committing;
    let may_commit = takes && matches!(batch.state, BatchState::Checked | BatchState::Committed) && of(RowState::Ready) > 0;
    let undated = if may_commit { batches::count_undated(&app.db, &batch).await? } else { 0 };
    let sheets = if is_open { sheet_boxes(visit, &batch).await? } else { Vec::new() };
    let may_undo = takes && (batch.state == BatchState::Committed || (batch.state == BatchState::Committing && is_stalled));
    visit.show_as(
        status,
        &BatchPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            list: format!("/point/tasks/{}/uploads", batch.assignment_id),
            name: batch.name.clone(),
            badge: batch_badge(batch.state),
            meta: format!("{} · {} · {}", texts::moment(batch.uploaded_at), batch.uploaded_by, words::size(batch.size_bytes)),
            told,
            is_working: batch.state.is_working(),
            is_stalled,
            percent: batch.percent(),
            failure: batch.failure.clone(),
            notices: batch.notices.clone(),
            counts: counted.iter().map(|(state, n)| Fact { name: state.label().into(), value: texts::grouped(*n) }).collect(),
            sum,
            is_open,
            needs_mapping,
            sheets,
            undated: batch.defaults.collected_on.filter(|_| undated > 0).map(|day| words::undated(undated, day)).unwrap_or_default(),
            defaults: if is_open { Some(defaults_box(visit, caller, &batch).await?) } else { None },
            revision: batch.revision,
            ready: of(RowState::Ready),
            problems: of(RowState::Problem),
            may_commit,
            may_undo,
            may_discard: batch.state.is_open() || batch.state == BatchState::Failed || broke_off,
            filters: if shows_rows { filters } else { Vec::new() },
            rows: if shows_rows { page.items.iter().map(|row| row_line(&batch, row, takes)).collect() } else { Vec::new() },
            next: page
                .next
                .filter(|_| shows_rows)
                .map(|next| format!("{}#rows", links::with_query(&url, [("state", shown.state.as_str()), ("cursor", next.as_str())]))),
            url,
        },
    )
}

/// The sheets of a batch that may be mapped, with what stands in their columns.
async fn sheet_boxes(visit: &Visit, batch: &Batch) -> Result<Vec<SheetBox>> {
    let uploads = visit.app.uploads();
    let mut boxes = Vec::with_capacity(batch.sheets.len());
    for (index, sheet) in batch.sheets.iter().enumerate() {
        let rows = batches::sample_rows(&uploads, batch, index, SAMPLED).await?;
        boxes.push(sheet_box(index, sheet, &rows));
    }
    Ok(boxes)
}

/// The first cells of a column that say something.
fn samples(rows: &[BatchRow], column: usize) -> Vec<String> {
    let filled = rows.iter().filter_map(|row| row.cells.get(column)).filter(|words| !words.is_empty());
    filled.take(SAMPLES).map(|words| shortened(words, SAMPLE)).collect()
}

/// The first words of a cell, on one line.
fn shortened(words: &str, most: usize) -> String {
    texts::opinions::excerpt(&words.replace('\n', " "), most)
}

fn sheet_box(index: usize, sheet: &batches::Sheet, rows: &[BatchRow]) -> SheetBox {
    let blank = if sheet.blank_rows > 0 { format!("，另有空行 {} 个", sheet.blank_rows) } else { String::new() };
    let remembered = if sheet.is_remembered { "；按上次同样表头的对应" } else { "" };
    SheetBox {
        index,
        name: sheet.name.clone(),
        about: format!("有内容的行 {} 个{blank}{remembered}", sheet.rows),
        is_used: sheet.is_used,
        is_mapped: sheet.layout.is_certain,
        columns: sheet
            .layout
            .columns
            .iter()
            .enumerate()
            .map(|(column, found)| ColumnChoice {
                letter: words::letter(column),
                heading: found.heading.replace('\n', " "),
                samples: samples(rows, column),
                options: Field::ALL.iter().map(|f| option(f.as_str(), f.label(), *f == found.field)).collect(),
            })
            .collect(),
    }
}

fn option(value: &str, label: &str, is_chosen: bool) -> SelectOption {
    SelectOption { value: value.into(), label: label.into(), is_chosen }
}

async fn defaults_box(visit: &Visit, caller: &Caller, batch: &Batch) -> Result<DefaultsBox> {
    let point = contact_points::get_point(&visit.app.db, batch.contact_point_id).await?;
    let own = point.stations.iter().filter(|station| caller.station.is_none_or(|own| own == station.id));
    let chosen = |id| batch.defaults.station == Some(id);
    let stations = own.map(|station| option(&station.id.to_string(), &station.name, chosen(station.id)));
    let held = entry::list_activities(&visit.app.db, caller).await?;
    let held = held
        .iter()
        .map(|(id, title, day)| option(&id.to_string(), &format!("{} {title}", texts::day(*day)), batch.defaults.activity == Some(*id)));
    let none = (caller.station.is_none()).then(|| option("", words::NO_CHOICE, batch.defaults.station.is_none()));
    Ok(DefaultsBox {
        collected_on: batch.defaults.collected_on.map(|day| day.format("%Y-%m-%d").to_string()).unwrap_or_default(),
        methods: Method::ALL.iter().map(|m| option(m.as_str(), m.label(), *m == batch.defaults.method)).collect(),
        stations: none.into_iter().chain(stations).collect(),
        activities: std::iter::once(option("", words::NO_CHOICE, batch.defaults.activity.is_none())).chain(held).collect(),
        consents: Consent::ALL.iter().map(|c| option(c.as_str(), c.label(), *c == batch.defaults.consent)).collect(),
        collector: batch.defaults.collector.clone(),
        place: batch.defaults.place.clone(),
    })
}

fn row_name(batch: &Batch, row: &BatchRow) -> String {
    let sheet = batch.sheets.get(row.sheet).map_or("", |sheet| sheet.name.as_str());
    if batch.sheets.len() > 1 { format!("{sheet} 第 {} 行", row.number) } else { format!("第 {} 行", row.number) }
}

fn row_line(batch: &Batch, row: &BatchRow, takes: bool) -> RowLine {
    let sheet = batch.sheets.get(row.sheet);
    let body = sheet.and_then(|sheet| {
        let columns = sheet.layout.columns_of(Field::Body).chain(sheet.layout.columns_of(Field::Proposed)).collect::<Vec<_>>();
        columns.into_iter().filter_map(|column| row.cells.get(column)).find(|words| !words.is_empty())
    });
    // What is no opinion, or not yet known to be one, is told by its longest cell; an opinion without words has none.
    let is_opinion = row.state != RowState::NotOpinion && sheet.is_some_and(|sheet| sheet.layout.is_certain);
    let longest = || row.cells.iter().max_by_key(|words| words.chars().count()).filter(|_| !is_opinion);
    let text = shortened(body.or_else(longest).map_or("", String::as_str), PREVIEW);
    let mut problems: Vec<(String, bool)> = row
        .problems
        .iter()
        .map(|problem| match problem.column {
            Some(column) => (format!("{} 列：{}", words::letter(column), problem.sentence), problem.is_error),
            None => (problem.sentence.clone(), problem.is_error),
        })
        .collect();
    if !row.skip_reason.is_empty() {
        problems = vec![(format!("理由：{}", row.skip_reason), false)];
    }
    RowLine {
        name: row_name(batch, row),
        badge: row_badge(row.state),
        place: row.provision_label.clone(),
        text,
        problems,
        url: if takes && may_change(batch, row) { format!("/point/uploads/{}/rows/{}", batch.id, row.ordinal) } else { String::new() },
    }
}

fn may_change(batch: &Batch, row: &BatchRow) -> bool {
    matches!(batch.state, BatchState::Checked | BatchState::Committed)
        && matches!(row.state, RowState::Ready | RowState::Problem | RowState::Duplicate | RowState::Skipped)
}

/// `/point/uploads/{id}/rows/{ordinal}`
pub async fn row_page(visit: &Visit, caller: &Caller, id: UploadBatchId, ordinal: i64, status: StatusCode, told: Told) -> Page {
    staff(visit)?;
    let uploads = visit.app.uploads();
    let (batch, row) = batches::get_row(&uploads, caller, id, ordinal).await?;
    let problems = RowFilter { state: Some(RowState::Problem), has_warnings: false };
    let (_, first) = batches::list_rows(&uploads, caller, id, problems, None, 2).await?;
    let next = first.items.iter().find(|other| other.ordinal != ordinal);
    let sheet = batch.sheets.get(row.sheet);
    let url = format!("/point/uploads/{id}");
    let cells = row.cells.iter().enumerate().map(|(column, text)| {
        let found = sheet.and_then(|sheet| sheet.layout.columns.get(column));
        let heading = found.map_or_else(String::new, |found| found.heading.replace('\n', " "));
        let field = found.map_or("", |found| found.field.label());
        let own: Vec<_> = row.problems.iter().filter(|problem| problem.column == Some(column)).collect();
        CellBox {
            column,
            label: format!("{} 列{}（{field}）", words::letter(column), if heading.is_empty() { heading } else { format!(" {heading}") }),
            words: text.clone(),
            problems: own.iter().map(|problem| problem.sentence.clone()).collect(),
            is_wrong: own.iter().any(|problem| problem.is_error),
            lines: (text.chars().count() / 40 + text.matches('\n').count() + 1).min(8),
        }
    });
    visit.show_as(
        status,
        &RowPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            batch: Link { text: batch.name.clone(), url: url.clone() },
            url: format!("{url}/rows/{ordinal}"),
            name: row_name(&batch, &row),
            badge: row_badge(row.state),
            told,
            whole: row.problems.iter().filter(|problem| problem.column.is_none()).map(|problem| problem.sentence.clone()).collect(),
            cells: cells.collect(),
            may_change: may_change(&batch, &row),
            seen: row.seen,
            next: next.map(|next| format!("{url}/rows/{}", next.ordinal)),
        },
    )
}
