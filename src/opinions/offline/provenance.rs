//! 来源: where an offline opinion came from.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use crate::accounts::{Caller, Permission};
use crate::error::Result;
use crate::ids::{ActivityId, AssignmentId, ContactPointId, OpinionId, StationId, UploadBatchId};
use crate::storage::Db;
use crate::storage::crypto::FieldCipher;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::sql::failed;
use crate::{on_db, sealed_column, text_enum};

text_enum! {
    /// 收集方式: how an opinion was collected.
    Method {
        /// 座谈会
        Symposium = "symposium", "座谈会";
        /// 走访
        Visit = "visit", "走访";
        /// 问卷
        Questionnaire = "questionnaire", "问卷";
        /// 听证会
        Hearing = "hearing", "听证会";
        /// 公告栏、意见箱
        NoticeBoard = "notice_board", "公告栏、意见箱";
        /// 电话
        Phone = "phone", "电话";
        /// 书面、来信
        Letter = "letter", "书面、来信";
        /// 网络
        Online = "online", "网络";
        /// Any other way.
        Other = "other", "其他方式";
    }
}

text_enum! {
    /// Whether the person agreed to the publication of the opinion.
    Consent {
        /// They did.
        Given = "given", "同意公开";
        /// They did not.
        Refused = "refused", "不同意公开";
        /// Nobody asked; it is not published.
        NotAsked = "not_asked", "未询问";
    }
}

/// What a name is sealed for.
pub(super) const PERSON_PURPOSE: &str = "opinion-person";
/// What a contact is sealed for.
pub(super) const CONTACT_PURPOSE: &str = "opinion-contact";
/// What the hash of a person is made for.
pub(super) const PERSON_HASH: &str = "offline-person";

/// Sealed names.
pub const SEALED_PERSON: SealedColumn = sealed_column!("opinion_provenance", key "opinion_id", "person_sealed", PERSON_PURPOSE);
/// Sealed contacts.
pub const SEALED_CONTACT: SealedColumn = sealed_column!("opinion_provenance", key "opinion_id", "contact_sealed", CONTACT_PURPOSE);

/// Where an offline opinion came from, without the person.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The opinion.
    pub opinion_id: OpinionId,
    /// The point.
    pub contact_point_id: ContactPointId,
    /// Name of the point.
    pub point_name: String,
    /// The station.
    pub station_id: Option<StationId>,
    /// Name of the station; empty without one.
    pub station_name: String,
    /// What the point did it for.
    pub assignment_id: AssignmentId,
    /// The activity.
    pub activity_id: Option<ActivityId>,
    /// Its title; empty without one.
    pub activity_title: String,
    /// The batch.
    pub batch_id: Option<UploadBatchId>,
    /// Number of the row in its file.
    pub row_number: Option<i64>,
    /// Who collected it; empty when not said.
    pub collector: String,
    /// How.
    pub method: Method,
    /// How, in the words of the paper.
    pub method_words: String,
    /// Where.
    pub place: String,
    /// When it was said.
    pub collected_on: NaiveDate,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
    /// Whether the person agreed to its publication.
    pub consent: Consent,
    /// Whether a name was given.
    pub has_person: bool,
    /// The provision, as the paper has it.
    pub provision_words: String,
    /// The words of the provision, as the paper has them.
    pub quoted_words: String,
    /// Name of the scan; empty without one.
    pub scan_name: String,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    opinion_id: OpinionId,
    contact_point_id: ContactPointId,
    point_name: String,
    station_id: Option<StationId>,
    station_name: String,
    assignment_id: AssignmentId,
    activity_id: Option<ActivityId>,
    activity_title: String,
    batch_id: Option<UploadBatchId>,
    row_number: Option<i64>,
    collector: String,
    method: String,
    method_words: String,
    place: String,
    collected_on: NaiveDate,
    entered_at: DateTime<Utc>,
    consent: String,
    has_person: bool,
    provision_words: String,
    quoted_words: String,
    scan_name: String,
    undone_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_origin(self) -> Result<Origin> {
        Ok(Origin {
            opinion_id: self.opinion_id,
            contact_point_id: self.contact_point_id,
            point_name: self.point_name,
            station_id: self.station_id,
            station_name: self.station_name,
            assignment_id: self.assignment_id,
            activity_id: self.activity_id,
            activity_title: self.activity_title,
            batch_id: self.batch_id,
            row_number: self.row_number,
            collector: self.collector,
            method: Method::stored(&self.method)?,
            method_words: self.method_words,
            place: self.place,
            collected_on: self.collected_on,
            entered_at: self.entered_at,
            consent: Consent::stored(&self.consent)?,
            has_person: self.has_person,
            provision_words: self.provision_words,
            quoted_words: self.quoted_words,
            scan_name: self.scan_name,
            undone_at: self.undone_at,
        })
    }
}

const FIND: &str = "SELECT v.opinion_id, v.contact_point_id, p.name AS point_name, v.station_id, COALESCE(s.name, '') AS station_name, v.assignment_id,
    v.activity_id, COALESCE(a.title, '') AS activity_title, v.batch_id, r.row_number, v.collector, v.method, v.method_words, v.place, v.collected_on, v.entered_at,
    v.consent, v.person_sealed IS NOT NULL AS has_person, v.provision_words, v.quoted_words, v.scan_name, v.undone_at
    FROM opinion_provenance v JOIN contact_point p ON p.id = v.contact_point_id LEFT JOIN collection_station s ON s.id = v.station_id
    LEFT JOIN collection_activity a ON a.id = v.activity_id LEFT JOIN upload_row r ON r.batch_id = v.batch_id AND r.ordinal = v.row_ordinal
    WHERE v.opinion_id = $1";
const FIND_PERSON: &str = "SELECT person_sealed, contact_sealed FROM opinion_provenance WHERE opinion_id = $1 AND contact_point_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, FIND_PERSON];

/// Where an opinion came from; `None` for one that came through an account. For staff of the bureau.
pub async fn find_origin(db: &Db, caller: &Caller, opinion: OpinionId) -> Result<Option<Origin>> {
    caller.require(Permission::ReadOpinions)?;
    origin_of(db, opinion).await
}

/// Where some opinions came from.
pub async fn origins_of(db: &Db, caller: &Caller, opinions: &[OpinionId]) -> Result<HashMap<OpinionId, Origin>> {
    caller.require(Permission::ReadOpinions)?;
    let mut found = HashMap::new();
    for opinion in opinions {
        if let Some(origin) = origin_of(db, *opinion).await? {
            found.insert(*opinion, origin);
        }
    }
    Ok(found)
}

pub(super) async fn origin_of(db: &Db, opinion: OpinionId) -> Result<Option<Origin>> {
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(opinion).fetch_optional(pool).await).map_err(failed)?;
    row.map(Row::into_origin).transpose()
}

/// Name and contact of the person, for the staff of the point that collected the opinion. `None`: none was given, or it is another point's.
pub async fn find_person(db: &Db, cipher: &FieldCipher, caller: &Caller, opinion: OpinionId) -> Result<Option<(String, String)>> {
    let point = crate::contact_points::assignments::own_point(caller)?;
    let row: Option<(Option<String>, Option<String>)> =
        on_db!(db, pool => sqlx::query_as(FIND_PERSON).bind(opinion).bind(point).fetch_optional(pool).await).map_err(failed)?;
    let Some((person, contact)) = row else { return Ok(None) };
    let person = person.map(|sealed| cipher.open(PERSON_PURPOSE, &sealed)).transpose()?;
    let contact = contact.map(|sealed| cipher.open(CONTACT_PURPOSE, &sealed)).transpose()?;
    Ok((person.is_some() || contact.is_some()).then(|| (person.unwrap_or_default(), contact.unwrap_or_default())))
}
