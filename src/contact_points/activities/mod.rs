//! 征集活动: a symposium, a visit, a questionnaire, a hearing, a notice board, at which a contact point collects opinions.
//!
//! An activity belongs to the point that held it, and to one station where a station held it; opinions hang on it, undone ones too, so one that has any stays. `files.rs` keeps its photos,
//! recordings and papers. An account of a station sees and changes what is its station's, staff of the whole point everything.

pub mod files;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;

use super::assignments::{self, own_point};
use super::once::{check_key, content_hash, require_same};
use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::calendar;
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, AssignmentId, Clock, ConsultationId, ContactPointId, IdSource, StationId};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// What kind of activity it is.
    ActivityKind {
        /// 座谈会
        Symposium = "symposium", "座谈会";
        /// 走访
        Visit = "visit", "走访";
        /// 问卷
        Questionnaire = "questionnaire", "问卷";
        /// 听证会
        Hearing = "hearing", "听证会";
        /// 公告栏
        NoticeBoard = "notice_board", "公告栏";
    }
}

/// What a point tells of an activity.
#[derive(Clone, Debug, Serialize)]
pub struct NewActivity {
    /// The assignment that it was held for, one of the point's own; `None` = for none.
    pub assignment: Option<AssignmentId>,
    /// The station that held it, one of the point's own; `None` = the point itself.
    pub station: Option<StationId>,
    /// Kind.
    pub kind: ActivityKind,
    /// Title.
    pub title: String,
    /// Day.
    pub held_on: NaiveDate,
    /// Place.
    pub place: String,
    /// People present.
    pub people_present: i64,
    /// People reached in any way, those present included.
    pub people_reached: i64,
    /// Kinds of participants, never names.
    pub participant_kinds: Vec<String>,
    /// What was said, in short.
    pub minutes: String,
}

/// An activity.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Id.
    pub id: ActivityId,
    /// Whose.
    pub contact_point_id: ContactPointId,
    /// Name of the point.
    pub point_name: String,
    /// Name of the station that held it; `None` = the point itself.
    pub station_name: Option<String>,
    /// Title of the task that it was held for.
    pub task_title: Option<String>,
    /// The round that opinions were collected for.
    pub consultation_id: Option<ConsultationId>,
    /// What the point tells.
    pub facts: NewActivity,
    /// One more with each change.
    pub revision: i64,
    /// Number of files.
    pub files: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: ActivityId,
    contact_point_id: ContactPointId,
    point_name: String,
    station_id: Option<StationId>,
    station_name: Option<String>,
    assignment_id: Option<AssignmentId>,
    task_title: Option<String>,
    consultation_id: Option<ConsultationId>,
    kind: String,
    title: String,
    held_on: NaiveDate,
    place: String,
    people_present: i64,
    people_reached: i64,
    participant_kinds: Json<Vec<String>>,
    minutes: String,
    revision: i64,
    files: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_activity(self) -> Result<Activity> {
        Ok(Activity {
            id: self.id,
            contact_point_id: self.contact_point_id,
            point_name: self.point_name,
            station_name: self.station_name,
            task_title: self.task_title,
            consultation_id: self.consultation_id,
            facts: NewActivity {
                assignment: self.assignment_id,
                station: self.station_id,
                kind: ActivityKind::stored(&self.kind)?,
                title: self.title,
                held_on: self.held_on,
                place: self.place,
                people_present: self.people_present,
                people_reached: self.people_reached,
                participant_kinds: self.participant_kinds.0,
                minutes: self.minutes,
            },
            revision: self.revision,
            files: self.files,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.contact_point_id, p.name AS point_name, v.station_id, s.name AS station_name, v.assignment_id, t.title AS task_title,
            v.consultation_id, v.kind, v.title, v.held_on, v.place, v.people_present, v.people_reached, v.participant_kinds, v.minutes, v.revision,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM activity_file f WHERE f.activity_id = v.id) AS files, v.created_at, v.updated_at
            FROM collection_activity v JOIN contact_point p ON p.id = v.contact_point_id LEFT JOIN collection_station s ON s.id = v.station_id
            LEFT JOIN collection_assignment a ON a.id = v.assignment_id LEFT JOIN collection_task t ON t.id = a.task_id ",
            $rest
        )
    };
}

const FIND_OWN: &str = select!("WHERE v.id = $1 AND v.contact_point_id = $2 AND (v.station_id = $3 OR $3 IS NULL)");
const FIND: &str = select!("WHERE v.id = $1");
const FIND_BY_KEY: &str =
    "SELECT id, content_hash FROM collection_activity WHERE created_by = $1 AND idempotency_key = $2 AND contact_point_id = $3";
const LIST_OWN: &str = select!(
    "WHERE v.contact_point_id = $1 AND (v.station_id = $2 OR $2 IS NULL) AND (v.assignment_id = $3 OR $3 IS NULL)
    AND ((v.held_on, v.id) < ($4, $5) OR $4 IS NULL) ORDER BY v.held_on DESC, v.id DESC LIMIT $6"
);
const LIST_OF_ASSIGNMENT: &str =
    select!("WHERE v.assignment_id = $1 AND ((v.held_on, v.id) < ($2, $3) OR $2 IS NULL) ORDER BY v.held_on DESC, v.id DESC LIMIT $4");
const INSERT: &str =
    "INSERT INTO collection_activity (id, contact_point_id, station_id, assignment_id, consultation_id, kind, title, held_on, place, people_present,
    people_reached, participant_kinds, minutes, revision, created_by, created_at, updated_at, idempotency_key, content_hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, $15, $16, $17) ON CONFLICT (created_by, idempotency_key) DO NOTHING";
const CHANGE: &str =
    "UPDATE collection_activity SET station_id = $4, assignment_id = $5, consultation_id = $6, kind = $7, title = $8, held_on = $9, place = $10,
    people_present = $11, people_reached = $12, participant_kinds = $13, minutes = $14, revision = revision + 1, updated_at = $15
    WHERE id = $1 AND contact_point_id = $2 AND revision = $3";
const REMOVE: &str = "DELETE FROM collection_activity WHERE id = $1 AND contact_point_id = $2";
const OWN_STATION: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM collection_station WHERE id = $1 AND contact_point_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND_OWN, FIND, FIND_BY_KEY, LIST_OWN, LIST_OF_ASSIGNMENT, INSERT, CHANGE, REMOVE, OWN_STATION];

/// Longest title and longest place, in characters.
pub const TITLE_CHARACTERS: usize = 100;
/// Longest minutes, in characters.
pub const MINUTES_CHARACTERS: usize = 20_000;
/// Most people of one activity.
pub const MOST_PEOPLE: i64 = 10_000_000;
/// Most kinds of participants, and longest in characters.
pub const MOST_KINDS: usize = 20;
/// Longest kind of participants, in characters.
pub const KIND_CHARACTERS: usize = 30;

fn absent() -> Error {
    Error::not_found("这次征集活动")
}

/// Writes an activity of the caller's own point. The same key with the same content gives the same activity again.
pub async fn hold_activity(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    caller: &Caller,
    key: Option<&str>,
    new: NewActivity,
) -> Result<Activity> {
    let point = own_point(caller)?;
    key.map(check_key).transpose()?;
    let new = checked(caller, clock, new)?;
    let hash = content_hash(&new)?;
    let (consultation, station) = places_of(db, caller, &new).await?;
    let id = ActivityId(ids.next());
    let mut tx = db.begin().await?;
    let now = clock.now();
    let made: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(point).bind(station).bind(new.assignment).bind(consultation).bind(new.kind.as_str()).bind(&new.title).bind(new.held_on)
        .bind(&new.place).bind(new.people_present).bind(new.people_reached).bind(Json(&new.participant_kinds)).bind(&new.minutes)
        .bind(caller.account_id).bind(now).bind(key).bind(&hash).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if made == 0 {
        drop(tx);
        let known: Option<(ActivityId, String)> =
            on_db!(db, pool => sqlx::query_as(FIND_BY_KEY).bind(caller.account_id).bind(key).bind(point).fetch_optional(pool).await)
                .map_err(failed)?;
        let (known, known_hash) =
            known.ok_or_else(|| Error::new(Code::Conflict, "这次活动已经登记过，又被移除了；需要重新登记的，请重新打开页面。"))?;
        require_same(&known_hash, &hash)?;
        return get_own(db, caller, known).await;
    }
    record(&mut tx, clock, caller, Act::HoldActivity, id, new.kind.as_str()).await?;
    tx.commit().await?;
    get_own(db, caller, id).await
}

/// Changes an activity of the caller's own point. `revision` is the one that the person saw.
pub async fn change_activity(db: &Db, clock: &Clock, caller: &Caller, id: ActivityId, revision: i64, new: NewActivity) -> Result<Activity> {
    let point = own_point(caller)?;
    let held = get_own(db, caller, id).await?;
    let new = checked(caller, clock, new)?;
    if content_hash(&new)? == content_hash(&held.facts)? {
        return Ok(held);
    }
    let (consultation, station) = places_of(db, caller, &new).await?;
    let mut tx = db.begin().await?;
    let changed: u64 = on_tx!(&mut tx, c => sqlx::query(CHANGE)
        .bind(id).bind(point).bind(revision).bind(station).bind(new.assignment).bind(consultation).bind(new.kind.as_str()).bind(&new.title)
        .bind(new.held_on).bind(&new.place).bind(new.people_present).bind(new.people_reached).bind(Json(&new.participant_kinds)).bind(&new.minutes)
        .bind(clock.now()).execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if changed == 0 {
        return Err(Error::new(Code::Conflict, "这次活动刚刚被同事改过，请刷新页面，看过之后再改。"));
    }
    record(&mut tx, clock, caller, Act::ChangeActivity, id, "").await?;
    tx.commit().await?;
    get_own(db, caller, id).await
}

/// Removes an activity of the caller's own point with its files; one that opinions came from stays, also when they were undone. One that is gone already stays away.
pub async fn remove_activity(db: &Db, blobs: &crate::storage::blobs::Blobs, clock: &Clock, caller: &Caller, id: ActivityId) -> Result<()> {
    let point = own_point(caller)?;
    get_own(db, caller, id).await?;
    let mut tx = db.begin().await?;
    let contents = files::take_all(&mut tx, id).await?;
    let removed: std::result::Result<u64, sqlx::Error> =
        on_tx!(&mut tx, c => sqlx::query(REMOVE).bind(id).bind(point).execute(c).await.map(|d| d.rows_affected()));
    match removed {
        Ok(_) => {}
        Err(sqlx::Error::Database(e)) if e.is_foreign_key_violation() => {
            return Err(Error::new(Code::Conflict, "已有意见（包括已撤销的）是在这次活动中收集的，不能移除；登记有误的，请修改。"));
        }
        Err(e) => return Err(failed(e)),
    }
    record(&mut tx, clock, caller, Act::RemoveActivity, id, "").await?;
    tx.commit().await?;
    files::forget(db, blobs, &contents).await;
    Ok(())
}

/// An activity of the caller's own point; "not found" for any other.
pub async fn get_own(db: &Db, caller: &Caller, id: ActivityId) -> Result<Activity> {
    let point = own_point(caller)?;
    let row: Option<Row> =
        on_db!(db, pool => sqlx::query_as(FIND_OWN).bind(id).bind(point).bind(caller.station).fetch_optional(pool).await)
            .map_err(failed)?;
    row.ok_or_else(absent)?.into_activity()
}

/// An activity, for the bureau.
pub async fn get_activity(db: &Db, caller: &Caller, id: ActivityId) -> Result<Activity> {
    caller.require(Permission::ReadCollectionTasks)?;
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(absent)?.into_activity()
}

/// Activities of the caller's own point, of one assignment or of all, the newest first.
pub async fn list_own(
    db: &Db,
    caller: &Caller,
    assignment: Option<AssignmentId>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Activity>> {
    let point = own_point(caller)?;
    let (at, id) = place(cursor)?;
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_OWN)
        .bind(point).bind(caller.station).bind(assignment).bind(at).bind(id).bind(wanted(limit)).fetch_all(pool).await)
    .map_err(failed)?;
    into_page(rows, limit)
}

/// Activities of an assignment, for the bureau, the newest first.
pub async fn list_of_assignment(
    db: &Db,
    caller: &Caller,
    assignment: AssignmentId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Activity>> {
    caller.require(Permission::ReadCollectionTasks)?;
    let (at, id) = place(cursor)?;
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_OF_ASSIGNMENT)
        .bind(assignment).bind(at).bind(id).bind(wanted(limit)).fetch_all(pool).await)
    .map_err(failed)?;
    into_page(rows, limit)
}

fn place(cursor: Option<&str>) -> Result<(Option<NaiveDate>, Option<ActivityId>)> {
    let after: Option<(NaiveDate, ActivityId)> = cursor.map(decode_cursor).transpose()?;
    Ok(after.map_or((None, None), |(at, id)| (Some(at), Some(id))))
}

fn wanted(limit: usize) -> i64 {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)
}

fn into_page(rows: Vec<Row>, limit: usize) -> Result<Page<Activity>> {
    let page = Page::cut(rows, limit, |row| (row.held_on, row.id));
    let items = page.items.into_iter().map(Row::into_activity).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next: page.next })
}

/// The round of the assignment, and the station; both must be the caller's own.
async fn places_of(db: &Db, caller: &Caller, new: &NewActivity) -> Result<(Option<ConsultationId>, Option<StationId>)> {
    let point = own_point(caller)?;
    let consultation = match new.assignment {
        Some(id) => {
            let absent = |e: Error| {
                if e.code == Code::NotFound { Error::invalid("assignment_id", "请选择本联系点的征集任务。") } else { e }
            };
            Some(assignments::get_own(db, caller, id).await.map_err(absent)?.consultation_id)
        }
        None => None,
    };
    if let Some(station) = new.station {
        let known: i64 =
            on_db!(db, pool => sqlx::query_scalar(OWN_STATION).bind(station).bind(point).fetch_one(pool).await).map_err(failed)?;
        if known == 0 {
            return Err(Error::invalid("station_id", "请选择本联系点的信息采集点。"));
        }
    }
    Ok((consultation, new.station))
}

/// An activity as it will be stored: trimmed and within its limits. What an account of a station holds is its station's.
fn checked(caller: &Caller, clock: &Clock, mut new: NewActivity) -> Result<NewActivity> {
    new.station = caller.station.or(new.station);
    new.title = new.title.trim().to_owned();
    new.place = new.place.trim().to_owned();
    new.minutes = new.minutes.trim().replace("\r\n", "\n");
    let is_bad = |text: &str| text.is_empty() || text.chars().count() > TITLE_CHARACTERS || text.contains(char::is_control);
    if is_bad(&new.title) {
        return Err(Error::invalid("title", format!("请填写活动名称，不超过 {TITLE_CHARACTERS} 个字，不换行。")));
    }
    if is_bad(&new.place) {
        return Err(Error::invalid("place", format!("请填写活动地点，不超过 {TITLE_CHARACTERS} 个字，不换行。")));
    }
    let today = calendar::day_of(clock.now());
    if new.held_on > today || calendar::days_between(new.held_on, today) > 3_660 {
        return Err(Error::invalid("held_on", "请填写活动举行的日期；还没有举行的活动，请在举行之后登记。"));
    }
    if !(0..=MOST_PEOPLE).contains(&new.people_present) {
        return Err(Error::invalid("people_present", "到场人数请填写 0 至 1000 万之间的数字。"));
    }
    if !(new.people_present..=MOST_PEOPLE).contains(&new.people_reached) {
        return Err(Error::invalid("people_reached", "覆盖人数包括到场人数，不能比到场人数少。"));
    }
    new.participant_kinds = new.participant_kinds.iter().map(|k| k.trim().to_owned()).filter(|k| !k.is_empty()).collect();
    new.participant_kinds.dedup();
    let is_long = |kind: &String| kind.chars().count() > KIND_CHARACTERS || kind.contains(char::is_control);
    if new.participant_kinds.len() > MOST_KINDS || new.participant_kinds.iter().any(is_long) {
        return Err(Error::invalid(
            "participant_kinds",
            format!("参加人员的类别最多 {MOST_KINDS} 种，每种不超过 {KIND_CHARACTERS} 个字；请写类别（例如商户、居民），不写姓名。"),
        ));
    }
    if new.minutes.chars().count() > MINUTES_CHARACTERS {
        return Err(Error::invalid("minutes", format!("活动记录不超过 {MINUTES_CHARACTERS} 个字。")));
    }
    Ok(new)
}

/// Writes the audit entry of an act on an activity; last in its transaction.
async fn record(tx: &mut Tx, clock: &Clock, caller: &Caller, act: Act, id: ActivityId, detail: &str) -> Result<()> {
    let by = Actor::Person(caller);
    let entry = NewEntry { account_id: by.account_id(), act, subject: "activity", subject_id: Some(id.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}
