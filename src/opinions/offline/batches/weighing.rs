//! Rows → what they become, and what is wrong with them. Also one row at a time, after a correction and at the commit.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::{Batch, RowState, Sheet, Uploads, open};
use crate::accounts::Caller;
use crate::calendar;
use crate::contact_points;
use crate::contact_points::assignments::{self, Assignment};
use crate::drafts::consultations::{self, Consultation};
use crate::drafts::naming::{self, Naming, Tree};
use crate::error::Result;
use crate::ids::{ConsultationId, ContactPointId, StationId};
use crate::opinions::offline::judging::{Judge, Judgement, Problem};
use crate::opinions::offline::recording::{NewOffline, alike_content, content_hash, person_hash};
use crate::storage::leases::overtaken;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Rows judged in one transaction.
const ROWS: i64 = 500;

const NEXT: &str = "SELECT ordinal, sheet, row_number, cells_sealed, state FROM upload_row WHERE batch_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3";
pub(super) const JUDGE: &str = "UPDATE upload_row SET state = $3, problems = $4, has_warnings = $5, provision_label = $6, content_hash = $7
    WHERE batch_id = $1 AND ordinal = $2 AND state NOT IN ('committed', 'undone')";
const PROGRESS: &str = "UPDATE upload_batch SET done = $3, heard_at = $4 WHERE id = $1 AND worker = $2";
const FINISH: &str = "UPDATE upload_batch SET state = $3, revision = revision + 1, worker = NULL, worked_for = NULL, heard_at = $4, done = total WHERE id = $1 AND worker = $2 AND state = 'checking'";
macro_rules! standing {
    ($rest:literal) => {
        concat!(
            "SELECT v.content_hash, COALESCE(b.name, ''), r.row_number FROM opinion_provenance v LEFT JOIN upload_batch b ON b.id = v.batch_id
            LEFT JOIN upload_row r ON r.batch_id = v.batch_id AND r.ordinal = v.row_ordinal
            WHERE v.consultation_id = $1 AND v.contact_point_id = $2 AND v.undone_at IS NULL",
            $rest
        )
    };
}
const STANDING: &str = standing!("");
const STANDS: &str = standing!(" AND v.content_hash = $3");

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[NEXT, JUDGE, PROGRESS, FINISH, STANDING, STANDS];

/// What a batch is judged by, read once.
pub(super) struct Standard {
    pub assignment: Assignment,
    pub round: Consultation,
    tree: Tree,
    stations: Vec<(StationId, String)>,
}

impl Standard {
    pub async fn read(at: &Uploads, caller: &Caller, batch: &Batch) -> Result<Standard> {
        let assignment = assignments::get_own(&at.db, caller, batch.assignment_id).await?;
        let round = consultations::get_round_by_id(&at.db, assignment.draft_id, assignment.consultation_id).await?;
        let tree = naming::read_tree(&at.db, assignment.version_id).await?;
        let point = contact_points::get_point(&at.db, assignment.contact_point_id).await?;
        let stations = point.stations.into_iter().map(|station| (station.id, station.name)).collect();
        Ok(Standard { assignment, round, tree, stations })
    }

    pub fn naming(&self) -> Naming<'_> {
        Naming::new(&self.tree, &self.assignment.draft_title)
    }

    pub fn judge<'a>(&'a self, at: &Uploads, caller: &Caller, batch: &'a Batch, naming: &'a Naming<'a>) -> Judge<'a> {
        let (first, last) = (self.round.opens_on(), self.round.closes_on());
        let (last, late) = match self.round.withdrawn_at {
            Some(withdrawn) => (last.min(calendar::day_of(withdrawn)), last.min(calendar::day_of(withdrawn))),
            None => (last, self.round.late_through().unwrap_or(last)),
        };
        let today = calendar::day_of(at.clock.now());
        Judge::new(
            naming,
            naming.articles(),
            (first, last, late),
            today,
            &self.stations,
            caller.station,
            &batch.defaults,
            at.rules.opinion_characters,
        )
    }
}

/// Hash, name of the batch and number of the row of an opinion that stands.
type Stands = (String, String, Option<i64>);

fn stands_at((hash, name, row): Stands) -> (String, String) {
    let sentence = match row {
        Some(row) => format!("这条意见已经录入过（“{name}”第 {row} 行），不再重复计入。"),
        None => "这条意见已经由本联系点录入过，不再重复计入。".to_owned(),
    };
    (hash, sentence)
}

/// Where the contents stand that a point already has in a round.
async fn standing(db: &Db, round: ConsultationId, point: ContactPointId) -> Result<HashMap<String, String>> {
    let rows: Vec<Stands> = on_db!(db, pool => sqlx::query_as(STANDING).bind(round).bind(point).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(stands_at).collect())
}

/// Where one content stands that a point already has in a round.
pub(super) async fn find_standing(tx: &mut Tx, round: ConsultationId, point: ContactPointId, hash: &str) -> Result<Option<String>> {
    let row: Option<Stands> =
        on_tx!(tx, c => sqlx::query_as(STANDS).bind(round).bind(point).bind(hash).fetch_optional(c).await).map_err(failed)?;
    Ok(row.map(|row| stands_at(row).1))
}

/// What a row is found to be.
pub(super) struct Verdict {
    pub state: RowState,
    pub problems: Vec<Problem>,
    pub label: String,
    pub hash: Option<String>,
    /// Whether nothing says who it comes from.
    pub is_unnamed: bool,
    /// What would be written; only for rows that are ready.
    pub new: Option<Box<NewOffline>>,
}

/// Judges one row by itself; whether it is a duplicate is asked afterwards.
pub(super) fn verdict(at: &Uploads, judge: &mut Judge<'_>, sheet: &Sheet, ordinal: i64, row: &crate::documents::tables::Row) -> Verdict {
    let plain = |why: &str| Verdict {
        state: RowState::NotOpinion,
        problems: vec![Problem { column: None, is_error: false, sentence: why.to_owned(), perhaps: None }],
        label: String::new(),
        hash: None,
        is_unnamed: false,
        new: None,
    };
    if !sheet.is_used {
        return plain("这张工作表没有采用");
    }
    let index = usize::try_from(ordinal - sheet.first_ordinal).unwrap_or(0);
    match judge.judge(&sheet.layout, sheet.is_1904, index, row) {
        Judgement::NotOpinion(why) => plain(why),
        Judgement::Opinion { new, label, problems } => {
            let is_ready = !problems.iter().any(|p| p.is_error);
            let person = person_hash(&at.key, &new.person, &new.contact);
            let hash = is_ready.then(|| content_hash(&new.opinion, &new.provision_words, person.as_deref()));
            let state = if is_ready { RowState::Ready } else { RowState::Problem };
            Verdict { state, problems, label, hash, is_unnamed: person.is_none(), new: is_ready.then_some(new) }
        }
    }
}

impl Verdict {
    /// Makes a ready row a duplicate when its content stands already.
    pub fn against(mut self, stands: Option<String>) -> Verdict {
        if let Some(sentence) = stands.filter(|_| self.state == RowState::Ready) {
            self.state = RowState::Duplicate;
            self.problems.push(Problem { column: None, is_error: false, sentence, perhaps: None });
        }
        self
    }

    /// Tells the `alike`th row without a name from the others with its words; `first` is where the words stand first.
    pub fn alike(mut self, alike: u32, first: i64) -> Verdict {
        if let Some(hash) = self.hash.take() {
            self.hash = Some(alike_content(&hash, alike));
        }
        if alike > 0 {
            self.problems.push(Problem { column: None, is_error: false, sentence: same_without_name(first), perhaps: None });
        }
        self
    }

    pub fn has_warnings(&self) -> bool {
        self.state == RowState::Ready && !self.problems.is_empty()
    }
}

/// The sentence for a row that repeats an earlier one of its file.
pub(super) fn repeats(sheet: &str, row: i64) -> String {
    let place = if sheet.is_empty() { String::new() } else { format!("工作表“{sheet}”") };
    format!("与{place}第 {row} 行的内容和提出人都相同，只计一次；如果是不同的人提出，请补填提出人。")
}

/// The sentence for a row with the words of an earlier one, both without a name.
fn same_without_name(row: i64) -> String {
    format!("与第 {row} 行内容相同，都没有署名，按不同的人各计一条；如果是重复录入，请跳过这一行。")
}

/// Judges all rows of a batch that are not skipped by hand.
pub(super) async fn weigh(at: &Uploads, caller: &Caller, batch: &Batch, worker: Uuid) -> Result<()> {
    let is_mapped = batch.sheets.iter().any(|sheet| sheet.is_used && sheet.layout.is_certain);
    if is_mapped {
        judge_rows(at, caller, batch, worker).await?;
    }
    let state = if is_mapped { "checked" } else { "mapping" };
    let mut tx = at.db.begin().await?;
    let done: u64 = on_tx!(&mut tx, c => sqlx::query(FINISH).bind(batch.id).bind(worker).bind(state).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
        .map_err(failed)?;
    if done == 0 {
        return Err(overtaken());
    }
    tx.commit().await
}

async fn judge_rows(at: &Uploads, caller: &Caller, batch: &Batch, worker: Uuid) -> Result<()> {
    let standard = Standard::read(at, caller, batch).await?;
    let naming = standard.naming();
    let mut judge = standard.judge(at, caller, batch, &naming);
    let standing = standing(&at.db, standard.round.id, batch.contact_point_id).await?;
    let mut seen: HashMap<String, (i64, i64)> = HashMap::new();
    let mut unnamed: HashMap<String, (u32, i64)> = HashMap::new();
    let mut from = 0i64;
    loop {
        let rows: Vec<(i64, i64, i64, String, String)> =
            on_db!(&at.db, pool => sqlx::query_as(NEXT).bind(batch.id).bind(from).bind(ROWS).fetch_all(pool).await).map_err(failed)?;
        let Some(last) = rows.last().map(|row| row.0) else { return Ok(()) };
        let mut verdicts = Vec::with_capacity(rows.len());
        for (ordinal, sheet, number, sealed, state) in rows {
            if state == RowState::Skipped.as_str() {
                continue;
            }
            let Some(layout) = usize::try_from(sheet).ok().and_then(|i| batch.sheets.get(i)) else { continue };
            let row = open(&at.cipher, &sealed)?;
            let mut verdict = verdict(at, &mut judge, layout, ordinal, &row);
            if let Some(hash) = verdict.hash.as_ref().filter(|_| verdict.is_unnamed) {
                let (alike, first) = *unnamed.entry(hash.clone()).and_modify(|(alike, _)| *alike += 1).or_insert((0, number));
                verdict = verdict.alike(alike, first);
            }
            let stands = verdict.hash.as_ref().and_then(|hash| {
                let earlier = seen.get(hash).map(|(sheet, row)| {
                    let name = usize::try_from(*sheet).ok().and_then(|i| batch.sheets.get(i)).map_or("", |s| s.name.as_str());
                    repeats(if batch.sheets.len() > 1 { name } else { "" }, *row)
                });
                standing.get(hash).cloned().or(earlier)
            });
            if let Some(hash) = &verdict.hash {
                seen.entry(hash.clone()).or_insert((sheet, number));
            }
            verdicts.push((ordinal, verdict.against(stands)));
        }
        let mut tx = at.db.begin().await?;
        for (ordinal, verdict) in &verdicts {
            on_tx!(&mut tx, c => sqlx::query(JUDGE)
                .bind(batch.id).bind(*ordinal).bind(verdict.state.as_str()).bind(Json(&verdict.problems)).bind(verdict.has_warnings()).bind(&verdict.label)
                .bind(&verdict.hash).execute(c).await.map(drop))
            .map_err(failed)?;
        }
        let heard: u64 = on_tx!(&mut tx, c => sqlx::query(PROGRESS).bind(batch.id).bind(worker).bind(last + 1).bind(at.clock.now()).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
        if heard == 0 {
            return Err(overtaken());
        }
        tx.commit().await?;
        from = last + 1;
    }
}
