//! 代录: opinions that staff of a contact point write down for people. Everything here is limited to the caller's own point.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::accounts::NothingResponse;
use super::callers::SignedIn;
use super::day::Day;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{ActivityId, AssignmentId, OpinionId, StationId};
use crate::opinions::Stance;
use crate::opinions::enclosures::NewFile;
use crate::opinions::offline::entry::{self, EntryRow, NewOnBehalf};
use crate::opinions::offline::provenance::{Consent, Method};
use crate::opinions::offline::recording::Recorded;

/// Attitude.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename = "OnBehalfStance", rename_all = "snake_case", remote = "Stance")]
enum StanceName {
    /// 赞成
    Support,
    /// 建议修改
    Amend,
    /// 反对
    Oppose,
    /// 询问
    Question,
}

/// Whether the person agreed to publication.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename = "OnBehalfConsent", rename_all = "snake_case", remote = "Consent")]
enum ConsentName {
    /// 同意公开
    Given,
    /// 不同意公开
    Refused,
    /// 未询问
    NotAsked,
}

/// How an opinion was collected.
#[derive(Enum, Clone, Copy, Debug)]
#[oai(rename = "OnBehalfMethod", rename_all = "snake_case", remote = "Method")]
enum MethodName {
    /// 座谈会
    Symposium,
    /// 走访
    Visit,
    /// 问卷
    Questionnaire,
    /// 听证会
    Hearing,
    /// 公告栏、意见箱
    NoticeBoard,
    /// 电话
    Phone,
    /// 书面、来信
    Letter,
    /// 网络
    Online,
    /// 其他方式
    Other,
}

/// What somebody says, as it is written down for them.
#[derive(Debug, Multipart)]
struct OnBehalfForm {
    /// Address of the provision, e.g. `art-12/para-2`; without it the citation decides
    #[oai(default)]
    address: String,
    /// The provision as somebody names it, e.g. 第十二条第二款; without either it is about the draft as a whole
    #[oai(default)]
    citation: String,
    /// Attitude
    stance: StanceName,
    /// The opinion
    body: String,
    /// The wording that is proposed
    #[oai(default)]
    proposed_text: String,
    /// Why
    #[oai(default)]
    reason: String,
    /// A kind of person or unit, never a name
    #[oai(default)]
    author_kind: String,
    /// Name of the person or unit; kept sealed
    #[oai(default)]
    person: String,
    /// How to reach them; kept sealed
    #[oai(default)]
    contact: String,
    /// Whether they agreed to publication
    consent: ConsentName,
    /// How it was collected
    method: MethodName,
    /// Who collected it
    #[oai(default)]
    collector: String,
    /// Where
    #[oai(default)]
    place: String,
    /// When it was said; it must lie within the round
    collected_on: Day,
    /// Station of the own point
    station_id: Option<Uuid>,
    /// Activity of the own point
    activity_id: Option<Uuid>,
    /// A scan or photograph of the paper: a picture, PDF or docx without macros
    scan: Option<Upload>,
}

impl OnBehalfForm {
    async fn into_new(self) -> Result<NewOnBehalf> {
        let scan = match self.scan {
            None => None,
            Some(file) => {
                let name = file.file_name().unwrap_or_default().to_owned();
                let bytes = file.into_vec().await.map_err(|e| Error::internal("an upload could not be read back", e))?;
                Some(NewFile { name, bytes })
            }
        };
        Ok(NewOnBehalf {
            address: self.address,
            citation: self.citation,
            stance: self.stance.into(),
            body: self.body,
            proposed_text: self.proposed_text,
            reason: self.reason,
            author_kind: self.author_kind,
            person: self.person,
            contact: self.contact,
            consent: self.consent.into(),
            method: self.method.into(),
            collector: self.collector,
            place: self.place,
            collected_on: self.collected_on.0,
            station: self.station_id.map(StationId),
            activity: self.activity_id.map(ActivityId),
            scan,
        })
    }
}

/// The receipt of an entry.
#[derive(Object)]
struct OnBehalfReceiptView {
    /// The opinion
    opinion_id: Uuid,
    /// Number
    number: String,
    /// The provision, or the whole
    provision_label: String,
    /// Whether it was said after the round, while late opinions are taken
    is_late: bool,
}

/// An opinion was written down.
#[derive(ApiResponse)]
enum RecordedOnBehalf {
    /// It was written
    #[oai(status = 201)]
    Created(Json<OnBehalfReceiptView>),
    /// It had been written before: under the same key, or with the same content
    #[oai(status = 200)]
    Known(Json<OnBehalfReceiptView>),
}

/// An entry, for the staff of its point; the person is left out.
#[derive(Object)]
struct OnBehalfView {
    /// The opinion
    opinion_id: Uuid,
    /// Number
    number: String,
    /// The provision, or the whole
    provision_label: String,
    /// Address of the provision
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// support, amend, oppose or question
    stance: String,
    /// The opinion
    body: String,
    /// The wording that is proposed
    proposed_text: String,
    /// Why
    reason: String,
    /// Kind of person
    author_kind: String,
    /// given, refused or not_asked
    consent: String,
    /// symposium, visit, questionnaire, hearing, notice_board, phone, letter, online or other
    method: String,
    /// Who collected it
    collector: String,
    /// Where
    place: String,
    /// When it was said
    collected_on: Day,
    /// The station
    #[oai(skip_serializing_if_is_none)]
    station_id: Option<Uuid>,
    /// The activity
    #[oai(skip_serializing_if_is_none)]
    activity_id: Option<Uuid>,
    /// When it was entered
    entered_at: DateTime<Utc>,
    /// Name of the scan; empty without one
    scan_name: String,
}

/// One page of entries.
#[derive(Object)]
struct OnBehalfPageView {
    /// Entries, the newest first
    items: Vec<OnBehalfView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A scan.
#[derive(ApiResponse)]
enum ScanFile {
    /// The file
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Its name
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
    ),
}

fn view(row: EntryRow) -> OnBehalfView {
    OnBehalfView {
        opinion_id: row.opinion_id.0,
        number: row.number,
        provision_label: row.provision_label,
        address: row.address,
        stance: row.stance,
        body: row.body,
        proposed_text: row.proposed_text,
        reason: row.reason,
        author_kind: row.author_kind,
        consent: row.consent,
        method: row.method,
        collector: row.collector,
        place: row.place,
        collected_on: Day(row.collected_on),
        station_id: row.station_id.map(|s| s.0),
        activity_id: row.activity_id.map(|a| a.0),
        entered_at: row.entered_at,
        scan_name: row.scan_name,
    }
}

fn receipt(recorded: &Recorded) -> OnBehalfReceiptView {
    let receipt = recorded.receipt();
    OnBehalfReceiptView {
        opinion_id: receipt.opinion_id.0,
        number: receipt.number.clone(),
        provision_label: receipt.provision_label.clone(),
        is_late: receipt.is_late,
    }
}

/// The operations.
pub struct EntriesApi;

#[OpenApi(tag = "Tag::ContactPoints")]
impl EntriesApi {
    /// Write an opinion down for somebody, while an assignment of the own point takes opinions.
    #[oai(path = "/own-point/assignments/:assignment_id/opinions", method = "post", operation_id = "record_opinion_on_behalf")]
    async fn record_opinion_on_behalf(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment of the own point
        Path(assignment_id): Path<Uuid>,
        /// Made by the device, one for each opinion, 8 to 128 characters. The same again with the same key gives the same receipt
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        form: OnBehalfForm,
    ) -> Result<RecordedOnBehalf, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let new = form.into_new().await?;
        let recorded = entry::record(app.recorder(), &app.blobs, &caller, AssignmentId(assignment_id), &key, new).await?;
        let view = Json(receipt(&recorded));
        Ok(match recorded {
            Recorded::New(_) => RecordedOnBehalf::Created(view),
            Recorded::Known(_) => RecordedOnBehalf::Known(view),
        })
    }

    /// Entries for an assignment of the own point, the newest first; a station account sees those of its station.
    #[oai(path = "/own-point/assignments/:assignment_id/opinions", method = "get", operation_id = "list_opinions_on_behalf")]
    async fn list_opinions_on_behalf(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment of the own point
        Path(assignment_id): Path<Uuid>,
        /// Entries on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OnBehalfPageView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let page = entry::list_entries(&app.db, &caller, AssignmentId(assignment_id), cursor.as_deref(), limit as usize).await?.map(view);
        Ok(Json(OnBehalfPageView { items: page.items, next_cursor: page.next }))
    }

    /// Write an entry anew. The opinion gets another id; without another scan it keeps the one it has.
    #[oai(path = "/own-point/assignments/:assignment_id/opinions/:opinion_id", method = "put", operation_id = "change_opinion_on_behalf")]
    async fn change_opinion_on_behalf(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment of the own point
        Path(assignment_id): Path<Uuid>,
        /// The opinion
        Path(opinion_id): Path<Uuid>,
        form: OnBehalfForm,
    ) -> Result<Json<OnBehalfReceiptView>, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let (assignment, opinion, new) = (AssignmentId(assignment_id), OpinionId(opinion_id), form.into_new().await?);
        let recorded = entry::change(app.recorder(), &app.blobs, &caller, assignment, opinion, new).await?;
        Ok(Json(receipt(&recorded)))
    }

    /// Take an entry back: it is gone from counts and pages.
    #[oai(
        path = "/own-point/assignments/:assignment_id/opinions/:opinion_id",
        method = "delete",
        operation_id = "remove_opinion_on_behalf"
    )]
    async fn remove_opinion_on_behalf(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment of the own point
        Path(assignment_id): Path<Uuid>,
        /// The opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        entry::remove(app.recorder(), &caller, AssignmentId(assignment_id), OpinionId(opinion_id)).await?;
        Ok(NothingResponse::Done)
    }

    /// The scan of an entry.
    #[oai(path = "/own-point/assignments/:assignment_id/opinions/:opinion_id/scan", method = "get", operation_id = "get_scan_on_behalf")]
    async fn get_scan_on_behalf(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Assignment of the own point
        Path(assignment_id): Path<Uuid>,
        /// The opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<ScanFile, Problem> {
        let caller = signed_in.with(Permission::WorkAtContactPoint)?;
        let (assignment, opinion) = (AssignmentId(assignment_id), OpinionId(opinion_id));
        let (_, name, bytes) = entry::read_scan(&app.db, &app.blobs, &caller, assignment, opinion).await?;
        Ok(ScanFile::Found(Binary(bytes), name, "sandbox; default-src 'none'".into()))
    }
}
