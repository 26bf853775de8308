//! 改正: correcting the text of a version before it is published.
//!
//! A text is corrected as a sequence of typed lines (`corpus::structure::typed`); after each correction the whole tree is built again from them, so
//! that addresses and numbers always follow the lines. Each correction names the revision it was made on: of two people only the first gets through.
//! What a correction took away and put in is kept, so that the last one can be taken back, and the one before it. `lines.rs` is the pure part.

mod lines;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::types::Json;

use super::versions::{self, DraftDiagnostic, DraftProvision, DraftVersion};
use super::{legal_bases, lineage, lock_draft, record};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::corpus::structure::typed::{self, LineKind};
use crate::corpus::structure::{Provision, ProvisionKind};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, DraftVersionId};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

use lines::{KeptLine, Splice, apply, is_about_reading, rebuild};
pub use lines::{LINE_CHARACTERS, Note};

text_enum! {
    /// Kinds of corrections.
    CorrectionAct {
        /// Words or kind of a line.
        Edit = "edit", "改字";
        /// One line becomes several.
        Split = "split", "拆分";
        /// A line goes on with the one before.
        Join = "join", "与上一行合并";
        /// A new line.
        Insert = "insert", "插入一行";
        /// A line goes.
        Remove = "remove", "删除一行";
        /// A line was looked at and is right.
        Accept = "accept", "核对无误";
        /// A correction is taken back.
        Undo = "undo", "撤销";
    }
}

/// A correction of one line; lines are counted from 1.
#[derive(Clone, Debug)]
pub enum Correction {
    /// Other words, another kind. A line break makes two lines of it, unless the kind keeps line breaks.
    Edit {
        /// Which line.
        line: usize,
        /// What it is.
        kind: LineKind,
        /// Its words.
        text: String,
    },
    /// Cuts a line before a character, counted from 0.
    Split {
        /// Which line.
        line: usize,
        /// Characters that stay on the line.
        at: usize,
    },
    /// Joins a line with the one before it.
    Join {
        /// Which line.
        line: usize,
    },
    /// Puts a line after another; 0 = at the top.
    Insert {
        /// After which line.
        after: usize,
        /// What it is.
        kind: LineKind,
        /// Its words.
        text: String,
    },
    /// Removes a line.
    Remove {
        /// Which line.
        line: usize,
    },
    /// Says that a line is right as it was read.
    Accept {
        /// Which line.
        line: usize,
    },
}

/// A line of a text that is being corrected.
#[derive(Clone, Debug)]
pub struct EditableLine {
    /// From 1.
    pub number: usize,
    /// What it is.
    pub kind: LineKind,
    /// Its words, marker included.
    pub text: String,
    /// Address of the provision that begins on it.
    pub address: String,
    /// How deep it stands: 0 for headings and articles, 1 for paragraphs and items, 2 for sub-items.
    pub depth: u8,
    /// What is doubtful about it.
    pub notes: Vec<Note>,
}

/// The lines of a version, and what is doubtful about the text as a whole.
#[derive(Clone, Debug, Default)]
pub struct EditableText {
    /// The lines in order.
    pub lines: Vec<EditableLine>,
    /// Doubts without a line.
    pub whole: Vec<Note>,
}

/// A correction that was made.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// The revision it made; the one before when it changed nothing.
    pub revision: i64,
    /// The line to look at.
    pub line: usize,
    /// What was done; an undo names what was taken back.
    pub act: CorrectionAct,
}

/// A correction as the history shows it.
#[derive(Clone, Debug)]
pub struct PastCorrection {
    /// The revision it made.
    pub revision: i64,
    /// What was done.
    pub act: CorrectionAct,
    /// First line concerned.
    pub line: i64,
    /// Words before.
    pub before: String,
    /// Words after.
    pub after: String,
    /// The revision that it took back.
    pub undoes: Option<i64>,
    /// Whether it was taken back later.
    pub is_undone: bool,
    /// Name of who did it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

#[derive(FromRow)]
struct PastRow {
    revision: i64,
    act: String,
    place: i64,
    removed: Json<Vec<KeptLine>>,
    inserted: Json<Vec<KeptLine>>,
    undoes: Option<i64>,
    is_undone: bool,
    display_name: Option<String>,
    corrected_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct LastRow {
    revision: i64,
    act: String,
    place: i64,
    removed: Json<Vec<KeptLine>>,
    inserted: Json<Vec<KeptLine>>,
}

const RAISE: &str = "UPDATE draft_version SET revision = revision + 1, title = $3, article_count = $4 WHERE id = $1 AND revision = $2 AND published_at IS NULL";
const INSERT: &str =
    "INSERT INTO draft_correction (version_id, revision, act, place, removed, inserted, undoes, corrected_by, corrected_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const LAST: &str =
    "SELECT c.revision, c.act, c.place, c.removed, c.inserted FROM draft_correction c WHERE c.version_id = $1 AND c.act <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM draft_correction u WHERE u.version_id = c.version_id AND u.undoes = c.revision)
    ORDER BY c.revision DESC LIMIT 1";
const HISTORY: &str = "SELECT c.revision, c.act, c.place, c.removed, c.inserted, c.undoes,
    EXISTS (SELECT 1 FROM draft_correction u WHERE u.version_id = c.version_id AND u.undoes = c.revision) AS is_undone, a.display_name, c.corrected_at
    FROM draft_correction c LEFT JOIN account a ON a.id = c.corrected_by WHERE c.version_id = $1 ORDER BY c.revision DESC LIMIT $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[RAISE, INSERT, LAST, HISTORY];

/// The text of a version as lines to be corrected. The version itself was found for somebody who may see it.
pub async fn list_lines(db: &Db, version: &DraftVersion) -> Result<EditableText> {
    let provisions = versions::list_provisions(db, version).await?;
    let diagnostics = versions::list_diagnostics(db, version).await?;
    let provisions: Vec<Provision> = provisions.iter().map(DraftProvision::to_provision).collect();
    let mut text = EditableText::default();
    for (at, (line, held)) in typed::lines_of(&provisions).into_iter().enumerate() {
        let first = provisions.get(held.start);
        let depth = match (line.kind, first.map(|p| p.kind)) {
            (_, Some(ProvisionKind::SubItem)) => 2,
            (LineKind::Paragraph | LineKind::Item, _) => 1,
            _ => 0,
        };
        let address = first.map(|p| p.address.clone()).unwrap_or_default();
        text.lines.push(EditableLine { number: at + 1, kind: line.kind, text: line.text, address, depth, notes: Vec::new() });
    }
    for diagnostic in diagnostics {
        let place = usize::try_from(diagnostic.line).ok().and_then(|line| line.checked_sub(1));
        let note = Note { code: diagnostic.code, detail: diagnostic.detail };
        match place.and_then(|at| text.lines.get_mut(at)) {
            Some(line) => line.notes.push(note),
            None => text.whole.push(note),
        }
    }
    Ok(text)
}

/// The newest corrections of a version, the newest first.
pub async fn list_corrections(db: &Db, version: DraftVersionId, limit: u32) -> Result<Vec<PastCorrection>> {
    let rows: Vec<PastRow> =
        on_db!(db, pool => sqlx::query_as(HISTORY).bind(version).bind(i64::from(limit)).fetch_all(pool).await).map_err(failed)?;
    let words = |lines: &[KeptLine]| lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    rows.into_iter()
        .map(|row| {
            Ok(PastCorrection {
                revision: row.revision,
                act: CorrectionAct::stored(&row.act)?,
                line: row.place,
                before: words(&row.removed),
                after: words(&row.inserted),
                undoes: row.undoes,
                is_undone: row.is_undone,
                by: row.display_name.unwrap_or_default(),
                at: row.corrected_at,
            })
        })
        .collect()
}

/// Corrects a version that is not published. `revision` is the one that the person saw: when somebody else was quicker it is
/// [`Code::Conflict`], and nothing is changed.
pub async fn correct_version(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    revision: i64,
    correction: Correction,
) -> Result<Corrected> {
    by.require(Permission::EditDrafts)?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let held = versions::unpublished_version(&mut tx, draft, version).await?;
    check_revision(&held, revision)?;
    let (old, places) = load(&mut tx, version).await?;
    let (act, wanted) = apply(&old, correction)?;
    change(tx, clock, by, &held, Change { old, places, wanted, act, undoes: None }).await
}

/// Takes the last correction back that was not taken back yet.
pub async fn undo_correction(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    version: DraftVersionId,
    revision: i64,
) -> Result<Corrected> {
    by.require(Permission::EditDrafts)?;
    let mut tx = db.begin().await?;
    lock_draft(&mut tx, clock, draft).await?;
    let held = versions::unpublished_version(&mut tx, draft, version).await?;
    check_revision(&held, revision)?;
    let last: Option<LastRow> = on_tx!(&mut tx, c => sqlx::query_as(LAST).bind(version).fetch_optional(c).await).map_err(failed)?;
    let Some(last) = last else { return Err(Error::new(Code::Conflict, "这个稿次没有可以撤销的改正。")) };
    let (old, places) = load(&mut tx, version).await?;
    let at = usize::try_from(last.place - 1).unwrap_or(0);
    let end = at + last.inserted.len();
    if old.get(at..end) != Some(last.inserted.as_slice()) {
        return Err(Error::defect("the lines are not those that the last correction left"));
    }
    let mut wanted = old.clone();
    wanted.splice(at..end, last.removed.0);
    let act = CorrectionAct::stored(&last.act)?;
    let done = change(tx, clock, by, &held, Change { old, places, wanted, act: CorrectionAct::Undo, undoes: Some(last.revision) }).await?;
    Ok(Corrected { act, ..done })
}

fn check_revision(held: &DraftVersion, revision: i64) -> Result<()> {
    if held.revision == revision {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, "这个稿次刚刚被别人改过，您的这次改动没有保存。请先看现在的文本，再改一次。"))
}

/// A change of lines about to be made.
struct Change {
    old: Vec<KeptLine>,
    /// Provisions by address: line and kind.
    places: Vec<(String, usize, ProvisionKind)>,
    wanted: Vec<KeptLine>,
    act: CorrectionAct,
    undoes: Option<i64>,
}

async fn change(mut tx: Tx, clock: &Clock, by: Actor<'_>, held: &DraftVersion, change: Change) -> Result<Corrected> {
    let (text, new) = rebuild(&change.wanted)?;
    let splice = Splice::between(&change.old, &new);
    let line = splice.at + 1;
    if splice.is_empty() {
        return Ok(Corrected { revision: held.revision, line, act: change.act });
    }
    let title = text.provisions.iter().find(|p| p.kind == ProvisionKind::Title).map_or(held.title.as_str(), |p| p.text.as_str());
    let articles = text.provisions.iter().filter(|p| p.kind == ProvisionKind::Article).count();
    let articles = i64::try_from(articles).unwrap_or(i64::MAX);
    let raised = on_tx!(&mut tx, c => sqlx::query(RAISE).bind(held.id).bind(held.revision).bind(title).bind(articles).execute(c).await
        .map(|done| done.rows_affected()))
    .map_err(failed)?;
    if raised == 0 {
        return Err(Error::defect("a version changed under its lock"));
    }
    versions::replace_text(&mut tx, held.id, &text).await?;
    // What hangs on a provision goes with its line.
    let moved = |address: &str| {
        let (_, line, kind) = change.places.iter().find(|(known, ..)| known == address)?;
        let line = splice.follow(*line)?;
        let there: Vec<&Provision> = text.provisions.iter().filter(|p| p.line as usize == line + 1).collect();
        there.iter().find(|p| p.kind == *kind).or_else(|| there.first()).map(|p| p.address.clone())
    };
    legal_bases::follow_correction(&mut tx, held.id, moved).await?;
    lineage::keeping::relate_again(&mut tx, clock, held.draft_id, held.id).await?;
    let revision = held.revision + 1;
    let account: Option<AccountId> = by.account_id();
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(held.id).bind(revision).bind(change.act.as_str()).bind(i64::try_from(line).unwrap_or(i64::MAX)).bind(Json(&splice.removed))
        .bind(Json(&splice.inserted)).bind(change.undoes).bind(account).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)?;
    let detail = format!("{} {revision} {}", held.number, change.act.as_str());
    record(&mut tx, clock, by, Act::CorrectDraftVersion, held.draft_id, &detail).await?;
    tx.commit().await?;
    Ok(Corrected { revision, line, act: change.act })
}

/// The lines of a stored text with what was noted when they were read, and where each provision stands.
async fn load(tx: &mut Tx, version: DraftVersionId) -> Result<(Vec<KeptLine>, Vec<(String, usize, ProvisionKind)>)> {
    let (provisions, diagnostics) = versions::text_in(tx, version).await?;
    let provisions: Vec<Provision> = provisions.iter().map(DraftProvision::to_provision).collect();
    let lines = typed::lines_of(&provisions);
    let mut places = Vec::with_capacity(provisions.len());
    for (at, (_, held)) in lines.iter().enumerate() {
        let inside = provisions.get(held.clone()).unwrap_or_default();
        places.extend(inside.iter().map(|p| (p.address.clone(), at, p.kind)));
    }
    let mut kept: Vec<KeptLine> =
        lines.into_iter().map(|(line, _)| KeptLine { kind: line.kind, text: line.text, notes: Vec::new() }).collect();
    for DraftDiagnostic { code, line, detail } in diagnostics {
        let place = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
        if let Some(line) = place.and_then(|at| kept.get_mut(at)).filter(|_| is_about_reading(&code)) {
            line.notes.push(Note { code, detail });
        }
    }
    Ok((kept, places))
}
