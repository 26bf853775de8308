//! What uploads look like in the API.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use uuid::Uuid;

use crate::api::day::Day;
use crate::app::App;
use crate::ids::{ActivityId, StationId};
use crate::opinions::offline::batches::{Batch, BatchRow, BatchState, RowState, Sheet};
use crate::opinions::offline::columns::Field;
use crate::opinions::offline::judging::Defaults;
use crate::opinions::offline::provenance::{Consent, Method};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident of $remote:literal: $($variant:ident),+) => {
        $(#[$doc])*
        #[derive(Enum, Clone, Copy)]
        #[oai(rename_all = "snake_case", remote = $remote)]
        pub enum $name { $($variant),+ }
    };
}

names!(
    /// Where a batch stands.
    BatchStateName of "BatchState": Reading, Mapping, Checking, Checked, Committing, Committed, Undone, Discarded, Failed
);
names!(
    /// Where a row stands.
    RowStateName of "RowState": Pending, Ready, Duplicate, Problem, Skipped, NotOpinion, Committed, Undone
);
names!(
    /// What a column says.
    FieldName of "Field": Number, Place, Original, Body, Proposed, Reason, Stance, Person, Unit, Kind, Contact, Method, Date, Station, Collector, Venue, Consent, Ignored
);
names!(
    /// How opinions were collected.
    MethodName of "Method": Symposium, Visit, Questionnaire, Hearing, NoticeBoard, Phone, Letter, Online, Other
);
names!(
    /// Whether people agreed to publication.
    ConsentName of "Consent": Given, Refused, NotAsked
);

/// A column of a sheet.
#[derive(Object)]
pub struct ColumnView {
    /// Its heading
    heading: String,
    /// What it says
    field: FieldName,
}

/// A sheet of a file, or a table of a document.
#[derive(Object)]
pub struct SheetView {
    /// Its name
    name: String,
    /// Whether its rows are taken
    is_used: bool,
    /// Whether its columns were recognised or mapped
    is_mapped: bool,
    /// Whether they were mapped as somebody mapped the same headings before
    is_remembered: bool,
    /// Rows with content
    rows: i64,
    /// Rows without, before the last one with content
    blank_rows: i64,
    /// Its columns
    columns: Vec<ColumnView>,
}

/// Rows by what they became; they add up to `rows`.
#[derive(Object)]
pub struct CountsView {
    /// Rows with content
    rows: i64,
    /// Not judged yet
    pending: i64,
    /// They can become opinions
    ready: i64,
    /// The same opinion stands already
    duplicates: i64,
    /// Something has to be corrected
    problems: i64,
    /// Left out by hand
    skipped: i64,
    /// Headings, footers, empty lines of the form
    not_opinions: i64,
    /// They are opinions
    committed: i64,
    /// They were opinions, and were taken back
    undone: i64,
    /// Of those ready or committed: something is unsure
    with_warnings: i64,
}

/// What holds for rows that do not say it themselves.
#[derive(Object)]
pub struct DefaultsView {
    /// When the opinions were said
    #[oai(skip_serializing_if_is_none)]
    collected_on: Option<Day>,
    /// How they were collected
    method: MethodName,
    /// Station
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// Activity
    #[oai(skip_serializing_if_is_none)]
    activity_id: Option<Uuid>,
    /// Whether the people agreed to publication
    consent: ConsentName,
    /// Who collected them
    collector: String,
    /// Where
    place: String,
}

/// An uploaded file.
#[derive(Object)]
pub struct BatchView {
    /// Id
    id: Uuid,
    /// What it was uploaded for
    assignment_id: Uuid,
    /// Name of the file
    name: String,
    /// Size in bytes
    size_bytes: i64,
    /// xlsx, xls, csv or docx; empty until it was read
    format: String,
    /// Where it stands
    state: BatchStateName,
    /// One more with each change; acts name the one they saw
    revision: i64,
    /// Rows worked through
    done: i64,
    /// Rows to be worked through; 0 while unknown
    total: i64,
    /// Whether work broke off and can go on
    is_stalled: bool,
    /// Why it broke off, or why the file cannot be read
    #[oai(skip_serializing_if = "String::is_empty", default)]
    failure: String,
    /// That the same file was uploaded before, when and by whom
    #[oai(skip_serializing_if = "String::is_empty", default)]
    notice: String,
    /// What a person should know about how it was read
    notices: Vec<String>,
    /// Its sheets
    sheets: Vec<SheetView>,
    /// What holds for rows that do not say it
    defaults: DefaultsView,
    /// Rows by what they became
    counts: CountsView,
    /// Who uploaded it
    uploaded_by: String,
    /// When
    uploaded_at: DateTime<Utc>,
    /// When it was committed
    #[oai(skip_serializing_if_is_none)]
    committed_at: Option<DateTime<Utc>>,
    /// When it was undone
    #[oai(skip_serializing_if_is_none)]
    undone_at: Option<DateTime<Utc>>,
    /// Why
    #[oai(skip_serializing_if = "String::is_empty", default)]
    undo_reason: String,
}

/// One page of uploaded files.
#[derive(Object)]
pub struct BatchPageView {
    /// Files, the newest first
    pub items: Vec<BatchView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// What is wrong with a row, or unsure.
#[derive(Object)]
pub struct RowProblemView {
    /// Index of the column, from 0; absent for the row as a whole
    #[oai(skip_serializing_if_is_none)]
    column: Option<u32>,
    /// Whether the row cannot become an opinion as it is
    is_error: bool,
    /// One sentence
    sentence: String,
    /// Address of a provision that may be meant
    #[oai(skip_serializing_if_is_none)]
    perhaps: Option<String>,
}

/// A row of an uploaded file.
#[derive(Object)]
pub struct RowView {
    /// From 0, over all sheets
    ordinal: i64,
    /// Index of its sheet
    sheet: u32,
    /// Number in the sheet, from 1
    number: i64,
    /// Its cells
    cells: Vec<String>,
    /// Where it stands
    state: RowStateName,
    /// Where the opinion hangs, as cited
    provision_label: String,
    /// What is wrong or unsure
    problems: Vec<RowProblemView>,
    /// Why somebody left it out
    #[oai(skip_serializing_if = "String::is_empty", default)]
    skip_reason: String,
    /// Whether somebody corrected it
    is_corrected: bool,
    /// What a correction of it is made on
    seen: i64,
    /// The opinion that it became
    #[oai(skip_serializing_if_is_none)]
    opinion_id: Option<Uuid>,
}

/// One page of rows.
#[derive(Object)]
pub struct RowPageView {
    /// Rows, in the order of the file
    pub items: Vec<RowView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// What the columns of a sheet are.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct ColumnsBody {
    /// The revision that the caller saw
    pub revision: i64,
    /// Index of the sheet, from 0
    pub sheet: u32,
    /// Whether its rows are taken
    #[oai(default = "yes")]
    pub is_used: bool,
    /// One for each column; may be empty for a sheet that is not taken
    #[oai(default, validator(max_items = 128))]
    pub fields: Vec<FieldName>,
}

fn yes() -> bool {
    true
}

/// What holds for rows that do not say it themselves.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct DefaultsBody {
    /// The revision that the caller saw
    pub revision: i64,
    /// When the opinions were said; absent: every row must say it
    #[oai(skip_serializing_if_is_none)]
    collected_on: Option<Day>,
    /// How they were collected
    method: MethodName,
    /// Station of the caller's own contact point
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// Activity of the caller's own contact point
    #[oai(skip_serializing_if_is_none)]
    activity_id: Option<Uuid>,
    /// Whether the people agreed to publication
    consent: ConsentName,
    /// Who collected them
    #[oai(default, validator(max_length = 400))]
    collector: String,
    /// Where
    #[oai(default, validator(max_length = 400))]
    place: String,
}

impl DefaultsBody {
    /// As the domain knows them.
    pub fn into_defaults(self) -> Defaults {
        Defaults {
            collected_on: self.collected_on.map(|day| day.0),
            method: self.method.into(),
            station: self.station_id.map(StationId),
            activity: self.activity_id.map(ActivityId),
            consent: self.consent.into(),
            collector: self.collector.trim().to_owned(),
            place: self.place.trim().to_owned(),
        }
    }
}

/// The cells of a row.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct RowBody {
    /// One for each column
    #[oai(validator(max_items = 128))]
    pub cells: Vec<String>,
    /// What was corrected, as the row named it; without it, whatever it is
    pub seen: Option<i64>,
}

/// Why a row is left out.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct SkipBody {
    /// Reason
    #[oai(validator(max_length = 800))]
    pub reason: String,
}

/// Which rows become opinions.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct CommitBody {
    /// The revision that the caller saw
    pub revision: i64,
    /// Only those that can be; else all, which is refused while one has to be corrected
    #[oai(default)]
    pub only_ready: bool,
}

/// Why a batch is taken back.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct UndoBody {
    /// The revision that the caller saw
    pub revision: i64,
    /// Reason
    #[oai(validator(max_length = 2000))]
    pub reason: String,
}

/// An act on what the caller saw.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct ActBody {
    /// The revision that the caller saw
    pub revision: i64,
}

fn sheet_view(sheet: &Sheet) -> SheetView {
    SheetView {
        name: sheet.name.clone(),
        is_used: sheet.is_used,
        is_mapped: sheet.layout.is_certain,
        is_remembered: sheet.is_remembered,
        rows: sheet.rows,
        blank_rows: sheet.blank_rows,
        columns: sheet.layout.columns.iter().map(|c| ColumnView { heading: c.heading.clone(), field: c.field.into() }).collect(),
    }
}

/// A batch as the API shows it.
pub fn batch_view(batch: &Batch, app: &App, notice: String) -> BatchView {
    let of = |state| batch.counts.of(state);
    BatchView {
        id: batch.id.0,
        assignment_id: batch.assignment_id.0,
        name: batch.name.clone(),
        size_bytes: batch.size_bytes,
        format: batch.format.clone(),
        state: batch.state.into(),
        revision: batch.revision,
        done: batch.done,
        total: batch.total,
        is_stalled: batch.is_stalled(app.clock.now(), &app.config.rules),
        failure: batch.failure.clone(),
        notice,
        notices: batch.notices.clone(),
        sheets: batch.sheets.iter().map(sheet_view).collect(),
        defaults: DefaultsView {
            collected_on: batch.defaults.collected_on.map(Day),
            method: batch.defaults.method.into(),
            station_id: batch.defaults.station.map(|id| id.0),
            activity_id: batch.defaults.activity.map(|id| id.0),
            consent: batch.defaults.consent.into(),
            collector: batch.defaults.collector.clone(),
            place: batch.defaults.place.clone(),
        },
        counts: CountsView {
            rows: batch.counts.all(),
            pending: of(RowState::Pending),
            ready: of(RowState::Ready),
            duplicates: of(RowState::Duplicate),
            problems: of(RowState::Problem),
            skipped: of(RowState::Skipped),
            not_opinions: of(RowState::NotOpinion),
            committed: of(RowState::Committed),
            undone: of(RowState::Undone),
            with_warnings: batch.counts.with_warnings,
        },
        uploaded_by: batch.uploaded_by.clone(),
        uploaded_at: batch.uploaded_at,
        committed_at: batch.committed_at,
        undone_at: batch.undone_at,
        undo_reason: batch.undo_reason.clone(),
    }
}

/// A row as the API shows it.
pub fn row_view(row: BatchRow) -> RowView {
    let problems = row.problems.into_iter().map(|problem| RowProblemView {
        column: problem.column.and_then(|c| u32::try_from(c).ok()),
        is_error: problem.is_error,
        sentence: problem.sentence,
        perhaps: problem.perhaps,
    });
    RowView {
        ordinal: row.ordinal,
        sheet: u32::try_from(row.sheet).unwrap_or(u32::MAX),
        number: row.number,
        cells: row.cells,
        state: row.state.into(),
        provision_label: row.provision_label,
        problems: problems.collect(),
        skip_reason: row.skip_reason,
        is_corrected: row.seen > 0,
        seen: row.seen,
        opinion_id: row.opinion_id.map(|id| id.0),
    }
}
