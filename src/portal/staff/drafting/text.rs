//! The text of a version, line by line: checking and correcting it before it is published.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use serde::Deserialize;

use super::{draft_path, find_version, general_problem, problem_of, version_path};
use crate::accounts::{Actor, Caller, Permission};
use crate::corpus::structure::DiagnosticCode;
use crate::corpus::structure::typed::LineKind;
use crate::drafts::Draft;
use crate::drafts::corrections::{self, Correction, CorrectionAct, EditableLine, Note, PastCorrection};
use crate::drafts::versions::DraftVersion;
use crate::error::{Code, Error};
use crate::portal::links;
use crate::portal::pages::Section;
use crate::portal::pages::drafting::{DraftTextPage, Field, LineForm, LineNote, PastLine, Pick, TextLine};
use crate::portal::texts;
use crate::portal::texts::drafting as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Corrections that the history shows.
const PAST: u32 = 50;

/// Which line is open for what, and what was just done.
#[derive(Default, Deserialize)]
struct Shown {
    /// Line being edited.
    #[serde(default)]
    line: usize,
    /// Line after which one is inserted; `None` without.
    insert: Option<usize>,
    /// What was done.
    #[serde(default)]
    done: String,
    /// To which line.
    #[serde(default)]
    at: usize,
}

/// `/staff/drafts/{id}/versions/{version}`
#[handler]
pub async fn show_text(visit: Visit, Path((id, version)): Path<(String, String)>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    text_page(&visit, caller, (&draft, &version), shown, None).await
}

/// What a correction's form sends.
#[derive(Default, Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    revision: i64,
    #[serde(default)]
    line: usize,
    #[serde(default)]
    action: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    text: String,
}

impl Sent {
    fn correction(&self) -> Result<Correction, Error> {
        let line = self.line;
        let kind = || LineKind::parse(&self.kind).ok_or_else(|| Error::invalid("kind", "请选择这一行是什么。"));
        Ok(match self.action.as_str() {
            "edit" => Correction::Edit { line, kind: kind()?, text: self.text.clone() },
            "insert" => Correction::Insert { after: line, kind: kind()?, text: self.text.clone() },
            "join" => Correction::Join { line },
            "remove" => Correction::Remove { line },
            "accept" => Correction::Accept { line },
            _ => return Err(Error::new(Code::Malformed, texts::NO_READING)),
        })
    }
}

/// A correction comes in.
#[handler]
pub async fn correct(visit: Visit, Path((id, version)): Path<(String, String)>, Form(sent): Form<Sent>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let corrected = async {
        let correction = sent.correction()?;
        corrections::correct_version(&app.db, &app.clock, Actor::Person(caller), draft.id, version.id, sent.revision, correction).await
    };
    match corrected.await {
        Ok(done) => Ok(back(&version, done.act, done.line)),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let shown = match (error.code, sent.action.as_str()) {
                (Code::Invalid, "insert") => Shown { insert: Some(sent.line), ..Shown::default() },
                (Code::Invalid, _) => Shown { line: sent.line, ..Shown::default() },
                _ => Shown::default(),
            };
            // Read anew: on a conflict the text is another one by now.
            let (draft, version) = find_version(&visit, caller, &draft.id.to_string(), &version.id.to_string()).await?;
            text_page(&visit, caller, (&draft, &version), shown, Some((&sent, &error))).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The last correction is to be taken back.
#[handler]
pub async fn undo(visit: Visit, Path((id, version)): Path<(String, String)>, Form(sent): Form<Sent>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    match corrections::undo_correction(&app.db, &app.clock, Actor::Person(caller), draft.id, version.id, sent.revision).await {
        Ok(done) => Ok(back(&version, CorrectionAct::Undo, done.line)),
        Err(error) if error.code == Code::Conflict => {
            text_page(&visit, caller, (&draft, &version), Shown::default(), Some((&Sent::default(), &error))).await
        }
        Err(error) => Err(Failure(error)),
    }
}

fn back(version: &DraftVersion, act: CorrectionAct, line: usize) -> poem::Response {
    let path = links::with_query(&version_path(version), [("done", act.as_str()), ("at", &line.to_string())]);
    see_other(&format!("{path}#l{line}"))
}

async fn text_page(
    visit: &Visit,
    caller: &Caller,
    (draft, version): (&Draft, &DraftVersion),
    shown: Shown,
    failed: Option<(&Sent, &Error)>,
) -> Page {
    let db = &visit.app.db;
    let text = corrections::list_lines(db, version).await?;
    let past = corrections::list_corrections(db, version.id, PAST).await?;
    let path = version_path(version);
    let is_published = version.published_at.is_some();
    let is_correctable = !is_published && caller.may(Permission::EditDrafts);
    let error = failed.map(|(_, error)| error);
    let sent = failed.map(|(sent, _)| sent);
    let form = |line: Option<&EditableLine>, number: usize| {
        let typed = sent.filter(|sent| sent.line == number && !sent.text.is_empty());
        let words = typed.map(|sent| sent.text.clone()).or_else(|| line.map(|line| line.text.clone())).unwrap_or_default();
        let kind = typed.and_then(|sent| LineKind::parse(&sent.kind)).or(line.map(|line| line.kind)).unwrap_or(LineKind::Paragraph);
        line_form(number, words, kind, error, &path)
    };
    let after = |number: usize| shown.insert.filter(|after| is_correctable && *after == number).map(|after| form(None, after));
    let insert_first = after(0);
    let doubtful = text.lines.iter().filter(|line| !line.notes.is_empty()).count();
    let first_doubt = text.lines.iter().find(|line| !line.notes.is_empty()).map_or(0, |line| line.number);
    let count = text.lines.len();
    let lines = text
        .lines
        .into_iter()
        .map(|line| {
            let is_open = is_correctable && shown.line == line.number;
            TextLine {
                form: is_open.then(|| form(Some(&line), line.number)),
                insert: after(line.number),
                class: format!("k-{} d{}", line.kind.as_str().replace('_', "-"), line.depth),
                kind: line.kind.label().into(),
                can_accept: is_correctable && line.notes.iter().any(is_settled_by_a_look),
                notes: line.notes.into_iter().map(line_note).collect(),
                number: line.number,
                text: line.text,
            }
        })
        .collect();
    let last = past.iter().find(|p| p.act != CorrectionAct::Undo && !p.is_undone);
    let conflict = error.filter(|error| error.code == Code::Conflict);
    let status = error.map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    visit.show_as(
        status,
        &DraftTextPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            draft_path: draft_path(draft.id),
            title: draft.title.clone(),
            name: words::version(version.number),
            is_correctable,
            is_published,
            revision: version.revision,
            size: words::size(version.article_count, count),
            doubtful,
            first_doubt,
            undo: last.filter(|_| is_correctable).map(|p| words::past(p.act, p.line, None)).unwrap_or_default(),
            lines,
            whole: text.whole.into_iter().map(line_note).collect(),
            insert_first,
            past: past.into_iter().map(past_line).collect(),
            done: CorrectionAct::parse(&shown.done).map(|act| words::done(act, shown.at)).unwrap_or_default(),
            problem: general_problem(error, &["text", "kind"]),
            unsaved: conflict
                .and(sent)
                .filter(|sent| matches!(sent.action.as_str(), "edit" | "insert"))
                .map(|sent| sent.text.clone())
                .unwrap_or_default(),
            path,
        },
    )
}

fn is_settled_by_a_look(note: &Note) -> bool {
    DiagnosticCode::ALL.iter().any(|code| code.as_str() == note.code && code.is_about_reading())
}

fn line_note(note: Note) -> LineNote {
    LineNote { text: texts::diagnostic(&note.code).into(), detail: note.detail, code: note.code }
}

fn past_line(past: PastCorrection) -> PastLine {
    // The same words as another kind of line: only the kind changed.
    let is_same = past.before == past.after;
    let what = match past.act {
        CorrectionAct::Edit if is_same => words::retyped(past.line),
        act => words::past(act, past.line, past.undoes),
    };
    PastLine {
        what,
        who: format!("{}　{}", past.by, texts::moment(past.at)),
        before: if is_same { String::new() } else { past.before },
        after: if is_same { String::new() } else { past.after },
        is_undone: past.is_undone,
    }
}

fn line_form(line: usize, text: String, kind: LineKind, error: Option<&Error>, path: &str) -> LineForm {
    use LineKind::*;
    let picks = |kinds: &[LineKind]| -> Vec<Pick> {
        kinds.iter().map(|k| Pick { value: k.as_str().into(), label: k.label().into(), is_chosen: *k == kind }).collect()
    };
    let anchor = if line == 0 { String::new() } else { format!("#l{line}") };
    LineForm {
        line,
        rows: (text.chars().count() / 36 + text.matches('\n').count() + 2).clamp(2, 16),
        text: Field { value: text, problem: problem_of(error, "text") },
        common: picks(&[Article, Paragraph, Item, Chapter, Section]),
        front: picks(&[Title, TitleNote, Contents, Preamble]),
        others: picks(&[Part, SubPart, Heading, Unit, Text, Attachment, Table, Signature]),
        kind_problem: problem_of(error, "kind"),
        back: format!("{path}{anchor}"),
    }
}
