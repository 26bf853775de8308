//! 代录: one opinion after another, written down for people who say it at a symposium or at the door.
//!
//! An entry is an offline opinion without a batch. The device that it was typed on may send it again and again until the line holds: the key that the
//! device made for it writes it once. An entry is changed by undoing it and writing it anew in one transaction, so what was counted once is never
//! counted twice.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::batches::{self, Undone};
use super::cells;
use super::provenance::{Consent, Method};
use super::recording::{self, NewOffline, Recorded, Recorder, Scan};
use crate::accounts::Caller;
use crate::audit::{self, Act, NewEntry};
use crate::contact_points::assignments::{self, Assignment, own_point};
use crate::documents::downloads::{self, clean_name};
use crate::documents::enclosures::{EnclosureKind, recognise};
use crate::drafts::naming::{self, Named, Naming};
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, AssignmentId, DraftVersionId, OpinionId, StationId};
use crate::opinions::enclosures::NewFile;
use crate::opinions::{NewOpinion, Stance, wording};
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Where scans and photographs lie in the store.
const SHELF: &str = "offline-scans/";
/// The column that names them.
pub const SCANS: ContentColumn = ContentColumn { table: "opinion_provenance", column: "scan_hash", shelf: SHELF };
/// Longest citation, in characters.
const CITATION_CHARACTERS: usize = 200;
/// Activities and stations offered to choose from.
const CHOICES: i64 = 200;

/// What somebody says, as it is written down for them.
#[derive(Clone, Debug)]
pub struct NewOnBehalf {
    /// Address of the provision, chosen from the list; empty = the citation decides.
    pub address: String,
    /// The provision as somebody names it; empty, with no address, = the draft as a whole.
    pub citation: String,
    /// Attitude.
    pub stance: Stance,
    /// The opinion.
    pub body: String,
    /// The wording that is proposed; may be empty.
    pub proposed_text: String,
    /// Why; may be empty.
    pub reason: String,
    /// A kind of person or unit, never a name; may be empty.
    pub author_kind: String,
    /// Name; may be empty.
    pub person: String,
    /// How to reach them; may be empty.
    pub contact: String,
    /// Whether they agreed to publication.
    pub consent: Consent,
    /// How it was collected.
    pub method: Method,
    /// Who collected it; may be empty.
    pub collector: String,
    /// Where; may be empty.
    pub place: String,
    /// When it was said.
    pub collected_on: NaiveDate,
    /// The station.
    pub station: Option<StationId>,
    /// The activity.
    pub activity: Option<ActivityId>,
    /// A scan or photograph of the paper.
    pub scan: Option<NewFile>,
}

/// An entry as the point sees it; the person is never shown in lists.
#[derive(Clone, Debug, FromRow)]
pub struct EntryRow {
    /// The opinion.
    pub opinion_id: OpinionId,
    /// Number of its receipt.
    pub number: String,
    /// The provision, or the whole.
    pub provision_label: String,
    /// Its address.
    pub address: Option<String>,
    /// Attitude.
    pub stance: String,
    /// The opinion.
    pub body: String,
    /// The proposed wording.
    pub proposed_text: String,
    /// Why.
    pub reason: String,
    /// Kind of person.
    pub author_kind: String,
    /// Whether they agreed to publication.
    pub consent: String,
    /// How it was collected.
    pub method: String,
    /// Who collected it.
    pub collector: String,
    /// Where.
    pub place: String,
    /// When it was said.
    pub collected_on: NaiveDate,
    /// The station.
    pub station_id: Option<StationId>,
    /// The activity.
    pub activity_id: Option<ActivityId>,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
    /// Name of the scan; empty without one.
    pub scan_name: String,
    scan_hash: String,
    scan_bytes: i64,
}

/// Articles, stations and activities that an entry may name.
#[derive(Clone, Debug, Default)]
pub struct EntryChoices {
    /// Address and citation of every article.
    pub articles: Vec<(String, String)>,
    /// Stations of the point that work; of a station account its own.
    pub stations: Vec<(StationId, String)>,
    /// Activities of the point, the newest first.
    pub activities: Vec<(ActivityId, String, NaiveDate)>,
}

macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "SELECT v.opinion_id, o.receipt_number AS number, o.provision_label, o.address, o.stance, o.body, o.proposed_text, o.reason, o.author_kind,
            v.consent, v.method, v.collector, v.place, v.collected_on, v.station_id, v.activity_id, v.entered_at, v.scan_name, v.scan_hash, v.scan_bytes
            FROM opinion_provenance v JOIN opinion o ON o.id = v.opinion_id
            WHERE v.contact_point_id = $1 AND v.batch_id IS NULL AND v.undone_at IS NULL AND (v.station_id = $2 OR $2 IS NULL) ",
            $rest
        )
    };
}

const LIST: &str = entries!(
    "AND v.assignment_id = $3 AND ((v.entered_at, v.opinion_id) < ($4, $5) OR $5 IS NULL) ORDER BY v.entered_at DESC, v.opinion_id DESC LIMIT $6"
);
const FIND: &str = entries!("AND v.assignment_id = $3 AND v.opinion_id = $4");
const IS_ANSWERED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion o WHERE o.id = $1
    AND (o.state IN ('answer_prepared', 'answer_reviewed', 'answered', 'excluded') OR EXISTS (SELECT 1 FROM disposition d WHERE d.opinion_id = o.id))";
const WITHDRAW: &str = "UPDATE opinion SET state = 'withdrawn', withdrawn_at = $2, undone_at = $2, group_id = NULL WHERE id = $1";
const MARK: &str = "UPDATE opinion_provenance SET undone_at = $2 WHERE opinion_id = $1 AND undone_at IS NULL";
const STATIONS: &str =
    "SELECT id, name FROM collection_station WHERE contact_point_id = $1 AND closed_at IS NULL AND (id = $2 OR $2 IS NULL)
    ORDER BY ordinal, id LIMIT $3";
const ACTIVITIES: &str =
    "SELECT id, title, held_on FROM collection_activity WHERE contact_point_id = $1 AND (station_id = $2 OR $2 IS NULL)
    ORDER BY held_on DESC, id DESC LIMIT $3";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, FIND, IS_ANSWERED, WITHDRAW, MARK, STATIONS, ACTIVITIES];

/// Writes an opinion down. The same key, and the same content, give the same receipt again.
pub async fn record(
    at: Recorder<'_>,
    blobs: &Blobs,
    caller: &Caller,
    assignment: AssignmentId,
    key: &str,
    new: NewOnBehalf,
) -> Result<Recorded> {
    let own = assignments::get_own(at.db, caller, assignment).await?;
    let scan = store_scan(at, blobs, new.scan.clone()).await?;
    let new = offline(at.db, own.version_id, new, scan).await?;
    recording::record_offline(at, caller, assignment, key, new).await
}

/// Writes an entry anew, in place of one that is undone in the same transaction. Without another scan it keeps the one it has.
pub async fn change(
    at: Recorder<'_>,
    blobs: &Blobs,
    caller: &Caller,
    assignment: AssignmentId,
    opinion: OpinionId,
    new: NewOnBehalf,
) -> Result<Recorded> {
    let own = assignments::get_own(at.db, caller, assignment).await?;
    let held = get_entry(at.db, caller, assignment, opinion).await?;
    let scan = match new.scan.clone() {
        Some(file) => store_scan(at, blobs, Some(file)).await?,
        None if held.scan_hash.is_empty() => None,
        None => Some(Scan { name: held.scan_name.clone(), hash: held.scan_hash.clone(), bytes: held.scan_bytes }),
    };
    let new = recording::checked(at.rules, offline(at.db, own.version_id, new, scan).await?)?;
    let new = NewOffline { station: new.station.or(caller.station), ..new };
    if caller.station.is_some() && new.station != caller.station {
        return Err(Error::invalid("station_id", "您只能为自己所在的信息采集点录入。"));
    }
    let wording = wording::place(at.db, own.version_id, new.opinion.clone()).await?;
    let mut tx = at.db.begin().await?;
    let (own, round) = recording::hold(&mut tx, caller, &own).await?;
    recording::require_own(&mut tx, caller, own.contact_point_id, &new).await?;
    undo_in(&mut tx, at, caller, &own, opinion).await?;
    // A key of its own: the same words without a name are another person's, and nobody's entry disappears into theirs.
    let key = format!("changed-{}", at.ids.next().simple());
    let recorded = recording::write(&mut tx, at, caller, &own, &round, Some(&key), &new, wording).await?;
    note(&mut tx, at, caller, Act::RecordOfflineOpinion, recorded.receipt().opinion_id, &recorded.receipt().number).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// Takes an entry back, while the assignment takes opinions and it has no answer: it is gone from counts and pages, the log keeps that it was.
pub async fn remove(at: Recorder<'_>, caller: &Caller, assignment: AssignmentId, opinion: OpinionId) -> Result<()> {
    let own = assignments::get_own(at.db, caller, assignment).await?;
    get_entry(at.db, caller, assignment, opinion).await?;
    let mut tx = at.db.begin().await?;
    recording::hold(&mut tx, caller, &own).await?;
    undo_in(&mut tx, at, caller, &own, opinion).await?;
    tx.commit().await
}

/// Entries of an assignment of the caller's own point, the newest first; a station account sees those of its station.
pub async fn list_entries(
    db: &Db,
    caller: &Caller,
    assignment: AssignmentId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<EntryRow>> {
    let own = assignments::get_own(db, caller, assignment).await?;
    let after: Option<(DateTime<Utc>, OpinionId)> = cursor.map(decode_cursor).transpose()?;
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<EntryRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(own.contact_point_id).bind(caller.station).bind(assignment).bind(after.map(|a| a.0)).bind(after.map(|a| a.1)).bind(wanted)
        .fetch_all(pool).await)
    .map_err(failed)?;
    Ok(Page::cut(rows, limit, |row| (row.entered_at, row.opinion_id)))
}

/// An entry of an assignment of the caller's own point; any other is "not found".
pub async fn get_entry(db: &Db, caller: &Caller, assignment: AssignmentId, opinion: OpinionId) -> Result<EntryRow> {
    let point = own_point(caller)?;
    let row: Option<EntryRow> = on_db!(db, pool => sqlx::query_as(FIND)
        .bind(point).bind(caller.station).bind(assignment).bind(opinion).fetch_optional(pool).await)
    .map_err(failed)?;
    row.ok_or_else(absent)
}

/// The scan of an entry with its kind and the header of its name.
pub async fn read_scan(
    db: &Db,
    blobs: &Blobs,
    caller: &Caller,
    assignment: AssignmentId,
    opinion: OpinionId,
) -> Result<(EnclosureKind, String, Vec<u8>)> {
    let entry = get_entry(db, caller, assignment, opinion).await?;
    let hash = BlobHash::parse(&entry.scan_hash).ok_or_else(absent)?;
    let bytes = blobs.shelf(SHELF).get(&hash).await?;
    let kind = recognise(&entry.scan_name, &bytes)?;
    let name = downloads::disposition(false, &format!("scan.{}", kind.as_str()), &entry.scan_name);
    Ok((kind, name, bytes))
}

/// What an entry for an assignment of the caller's own point may name.
pub async fn list_choices(db: &Db, caller: &Caller, assignment: AssignmentId) -> Result<EntryChoices> {
    let own = assignments::get_own(db, caller, assignment).await?;
    let tree = naming::read_tree(db, own.version_id).await?;
    let naming = Naming::new(&tree, &own.draft_title);
    let articles = naming.articles().into_iter().map(|(address, _)| {
        let label = naming.label(&address).unwrap_or_else(|| address.clone());
        (address, label)
    });
    let point = own.contact_point_id;
    Ok(EntryChoices {
        articles: articles.collect(),
        stations: on_db!(db, pool => sqlx::query_as(STATIONS).bind(point).bind(caller.station).bind(CHOICES).fetch_all(pool).await)
            .map_err(failed)?,
        activities: list_activities(db, caller).await?,
    })
}

/// The latest activities of the caller's own point, which an opinion may come from: id, title and day.
pub async fn list_activities(db: &Db, caller: &Caller) -> Result<Vec<(ActivityId, String, NaiveDate)>> {
    let point = own_point(caller)?;
    on_db!(db, pool => sqlx::query_as(ACTIVITIES).bind(point).bind(caller.station).bind(CHOICES).fetch_all(pool).await).map_err(failed)
}

async fn undo_in(tx: &mut Tx, at: Recorder<'_>, caller: &Caller, own: &Assignment, opinion: OpinionId) -> Result<()> {
    let answered: i64 = on_tx!(&mut *tx, c => sqlx::query_scalar(IS_ANSWERED).bind(opinion).fetch_one(c).await).map_err(failed)?;
    if answered > 0 {
        return Err(Error::new(Code::Conflict, "这条意见已经有了办理结果，不能再修改或者删除；请联系司法局。"));
    }
    let now = at.clock.now();
    let marked: u64 =
        on_tx!(&mut *tx, c => sqlx::query(MARK).bind(opinion).bind(now).execute(c).await.map(|d| d.rows_affected())).map_err(failed)?;
    if marked == 0 {
        return Err(absent());
    }
    on_tx!(&mut *tx, c => sqlx::query(WITHDRAW).bind(opinion).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    batches::revive(tx, own, Undone::Opinion(opinion)).await?;
    note(tx, at, caller, Act::UndoOfflineOpinion, opinion, "").await
}

async fn note(tx: &mut Tx, at: Recorder<'_>, caller: &Caller, act: Act, opinion: OpinionId, detail: &str) -> Result<()> {
    let account_id = Some(caller.account_id);
    let entry = NewEntry { account_id, act, subject: "opinion", subject_id: Some(opinion.0), is_success: true, detail };
    audit::append(tx, at.clock, entry).await
}

async fn store_scan(at: Recorder<'_>, blobs: &Blobs, file: Option<NewFile>) -> Result<Option<Scan>> {
    let Some(file) = file.filter(|file| !file.name.is_empty() || !file.bytes.is_empty()) else { return Ok(None) };
    if file.bytes.len() as u64 > u64::from(at.rules.enclosure_mib) << 20 {
        return Err(Error::new(Code::TooLarge, format!("扫描件或照片不超过 {} MB，请压缩后再传。", at.rules.enclosure_mib)));
    }
    let name = clean_name(&file.name);
    let (bytes, kind) = tokio::task::spawn_blocking(move || {
        let kind = recognise(&file.name, &file.bytes);
        (file.bytes, kind)
    })
    .await
    .map_err(|e| Error::internal("looking at an upload stopped", e))?;
    kind?;
    let hash = BlobHash::of(&bytes).as_str().to_owned();
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    blobs.shelf(SHELF).put(bytes).await?;
    Ok(Some(Scan { name, hash, bytes: size }))
}

/// What was typed, with the provision that it names.
async fn offline(db: &Db, version: DraftVersionId, new: NewOnBehalf, scan: Option<Scan>) -> Result<NewOffline> {
    let citation = new.citation.trim().to_owned();
    if citation.chars().count() > CITATION_CHARACTERS {
        return Err(Error::invalid("citation", format!("条款不超过 {CITATION_CHARACTERS} 个字。")));
    }
    let address = match (new.address.trim(), citation.as_str()) {
        ("", "") => None,
        ("", words) => {
            let tree = naming::read_tree(db, version).await?;
            match Naming::new(&tree, "").find(words) {
                Named::Whole => None,
                Named::Here { address, .. } => Some(address),
                Named::Unclear { reason, .. } => return Err(Error::invalid("citation", reason)),
            }
        }
        (address, _) => Some(address.to_owned()),
    };
    let opinion = NewOpinion { proposed_text: new.proposed_text, reason: new.reason, ..NewOpinion::on(address, new.stance, &new.body) };
    // A word for anybody is no name.
    let (person, named_kind) = cells::name_or_kind(new.person);
    Ok(NewOffline {
        opinion,
        author_kind: if new.author_kind.trim().is_empty() { named_kind } else { new.author_kind },
        person,
        contact: new.contact,
        consent: new.consent,
        method: new.method,
        method_words: String::new(),
        collector: new.collector,
        place: new.place,
        collected_on: new.collected_on,
        station: new.station,
        activity: new.activity,
        provision_words: citation,
        quoted_words: String::new(),
        row: None,
        alike: 0,
        scan,
    })
}

fn absent() -> Error {
    Error::not_found("这条代录的意见")
}
