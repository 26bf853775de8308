//! 申报: a unit applies to become a contact point, without an account.
//!
//! The receipt has a number and a code; with the code the unit sees what became of its application and takes it back while applications are taken. Of the
//! code only a keyed hash is stored; the same key with the same content gives the same receipt again. The contact person lies sealed.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::calls::{self, SelectionCall, require_taking};
use super::{absent_application, absent_call, note_application};
use crate::accounts::limits::{self, Limit, network_of};
use crate::accounts::{Caller, Permission, Role};
use crate::audit::Act;
use crate::calendar;
use crate::contact_points::HostKind;
use crate::contact_points::managing::{Keeping, filled, line};
use crate::documents::downloads;
use crate::documents::enclosures::{EnclosureKind, recognise};
use crate::error::{Code, Error, Result};
use crate::ids::{ContactPointId, SelectionApplicationId, SelectionCallId, SelectionDocumentId};
use crate::storage::blobs::{BlobHash, Blobs};
use crate::storage::cache::Cache;
use crate::storage::crypto::rotation::SealedColumn;
use crate::storage::crypto::{codes, sm3_hex};
use crate::storage::snapshot::ContentColumn;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::{on_db, on_tx, sealed_column, text_enum};

const CONTACT_NAME: &str = "selection-contact-name";
const CONTACT_PHONE: &str = "selection-contact-phone";
/// The column with sealed names.
pub const SEALED_NAME: SealedColumn = sealed_column!("selection_application", "contact_name_sealed", CONTACT_NAME);
/// The column with sealed telephone numbers.
pub const SEALED_PHONE: SealedColumn = sealed_column!("selection_application", "contact_phone_sealed", CONTACT_PHONE);

/// Where documents lie in the store of originals.
const SHELF: &str = "selections/";
/// The column that names them.
pub const CONTENTS: ContentColumn = ContentColumn { table: "selection_document", column: "blob_hash", shelf: SHELF };
/// Longest name and address, in characters.
const LINE_CHARACTERS: usize = 200;
/// Longest text, in characters.
const TEXT_CHARACTERS: usize = 4_000;
/// Fewest characters of a key that somebody without an account makes: nobody else may guess it.
const SECRET_KEY_BYTES: usize = 32;

text_enum! {
    /// Where an application stands.
    ApplicationState {
        /// It is in, and nothing is decided.
        Submitted = "submitted", "已提交";
        /// The unit took it back.
        Withdrawn = "withdrawn", "已撤回";
        /// The unit becomes a contact point.
        Selected = "selected", "入选";
        /// It does not.
        NotSelected = "not_selected", "未入选";
    }
}

/// What taking applications works with.
#[derive(Clone, Copy)]
pub struct Applying<'a> {
    /// Rows, keys, time.
    pub keeping: Keeping<'a>,
    /// Limits.
    pub cache: &'a Cache,
    /// Documents.
    pub blobs: &'a Blobs,
    /// Where the request comes from, as far as trusted proxies tell.
    pub address: Option<IpAddr>,
}

/// A document as the unit sends it.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a unit says.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Name of the unit.
    pub unit_name: String,
    /// Kind of unit.
    pub host_kind: HostKind,
    /// City and district.
    pub region: String,
    /// Where it is.
    pub address: String,
    /// Who they are.
    pub introduction: String,
    /// How they would collect opinions.
    pub plan: String,
    /// Contact person; sealed.
    pub contact_name: String,
    /// Their number; sealed.
    pub contact_phone: String,
    /// Documents.
    pub documents: Vec<NewDocument>,
}

/// A stored document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Id.
    pub id: SelectionDocumentId,
    /// The application it came with.
    pub application: SelectionApplicationId,
    /// Name.
    pub name: String,
    /// Kind, by its content.
    pub kind: EnclosureKind,
    /// Size.
    pub size_bytes: i64,
    hash: String,
}

impl Document {
    /// `Content-Disposition`: always to be saved.
    pub fn disposition(&self) -> String {
        downloads::disposition(false, &format!("document.{}", self.kind.as_str()), &self.name)
    }
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Id.
    pub id: SelectionApplicationId,
    /// The call.
    pub call: SelectionCallId,
    /// Number of the receipt.
    pub number: String,
    /// Name of the unit.
    pub unit_name: String,
    /// Kind of unit.
    pub host_kind: HostKind,
    /// City and district.
    pub region: String,
    /// Where it is.
    pub address: String,
    /// Who they are.
    pub introduction: String,
    /// How they would collect opinions.
    pub plan: String,
    /// Where it stands.
    pub state: ApplicationState,
    /// Told to the unit with the outcome.
    pub result_reason: String,
    /// The point that it became.
    pub contact_point: Option<ContactPointId>,
    /// When it came.
    pub submitted_at: DateTime<Utc>,
    /// Other applications to the call under the name of the same unit, withdrawn ones not counted.
    pub same_name: i64,
    contact_name_sealed: String,
    contact_phone_sealed: String,
}

impl Application {
    /// Name and number of the contact person, opened for staff of the bureau. Staff of a county see none: a call is the bureau's, and units of every county
    /// apply to it.
    pub fn contact(&self, at: Keeping<'_>, caller: &Caller) -> Result<(String, String)> {
        caller.require(Permission::ReadSelections)?;
        if caller.role == Role::CountyStaff {
            return Ok((String::new(), String::new()));
        }
        Ok((at.cipher.open(CONTACT_NAME, &self.contact_name_sealed)?, at.cipher.open(CONTACT_PHONE, &self.contact_phone_sealed)?))
    }
}

/// What a unit gets.
#[derive(Clone, Debug)]
pub struct ApplicationReceipt {
    /// Number.
    pub number: String,
    /// The code, shown with the receipt only.
    pub code: String,
    /// When it came.
    pub submitted_at: DateTime<Utc>,
    /// Whether it had come before.
    pub is_repetition: bool,
}

#[derive(FromRow)]
struct Row {
    id: SelectionApplicationId,
    call_id: SelectionCallId,
    number: String,
    unit_name: String,
    host_kind: String,
    region: String,
    address: String,
    introduction: String,
    plan: String,
    contact_name_sealed: String,
    contact_phone_sealed: String,
    state: String,
    result_reason: String,
    contact_point_id: Option<ContactPointId>,
    submitted_at: DateTime<Utc>,
    same_name: i64,
}

impl Row {
    fn into_application(self) -> Result<Application> {
        Ok(Application {
            id: self.id,
            call: self.call_id,
            number: self.number,
            unit_name: self.unit_name,
            host_kind: HostKind::stored(&self.host_kind)?,
            region: self.region,
            address: self.address,
            introduction: self.introduction,
            plan: self.plan,
            state: ApplicationState::stored(&self.state)?,
            result_reason: self.result_reason,
            contact_point: self.contact_point_id,
            submitted_at: self.submitted_at,
            same_name: self.same_name,
            contact_name_sealed: self.contact_name_sealed,
            contact_phone_sealed: self.contact_phone_sealed,
        })
    }
}

#[derive(FromRow)]
struct DocumentRow {
    id: SelectionDocumentId,
    application_id: SelectionApplicationId,
    name: String,
    kind: String,
    size_bytes: i64,
    blob_hash: String,
}

impl DocumentRow {
    fn into_document(self) -> Result<Document> {
        Ok(Document {
            id: self.id,
            application: self.application_id,
            name: self.name,
            kind: EnclosureKind::stored(&self.kind)?,
            size_bytes: self.size_bytes,
            hash: self.blob_hash,
        })
    }
}

const INSERT: &str =
    "INSERT INTO selection_application (id, call_id, number, code_hash, content_hash, unit_name, unit_key, host_kind, region, address,
    introduction, plan, contact_name_sealed, contact_phone_sealed, state, result_reason, revision, submitted_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'submitted', '', 1, $15 FROM selection_call
    WHERE id = $2 AND state = 'published' ON CONFLICT (code_hash) DO NOTHING";
const INSERT_DOCUMENT: &str =
    "INSERT INTO selection_document (id, application_id, place, name, kind, size_bytes, blob_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FIND_RECEIPT: &str = "SELECT content_hash, number, submitted_at FROM selection_application WHERE code_hash = $1";
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.call_id, a.number, a.unit_name, a.host_kind, a.region, a.address, a.introduction, a.plan, a.contact_name_sealed,
            a.contact_phone_sealed, a.state, a.result_reason, a.contact_point_id, a.submitted_at, (SELECT CAST(COUNT(*) AS BIGINT)
                FROM selection_application s WHERE s.call_id = a.call_id AND s.unit_key = a.unit_key AND s.id <> a.id AND s.state <> 'withdrawn') AS same_name
            FROM selection_application a ",
            $rest
        )
    };
}
const FIND: &str = select!("WHERE a.id = $1");
const FIND_BY_CODE: &str = select!("WHERE a.code_hash = $1");
const LIST: &str = select!(
    "WHERE a.call_id = $1 AND (a.state = $2 OR $2 IS NULL) AND ((a.unit_key, a.id) > ($3, $4) OR $4 IS NULL) ORDER BY a.unit_key, a.id LIMIT $5"
);
const WITHDRAW: &str = "UPDATE selection_application SET state = 'withdrawn', withdrawn_at = $2, revision = revision + 1 WHERE id = $1 AND state = 'submitted'";
const DOCUMENTS: &str =
    "SELECT id, application_id, name, kind, size_bytes, blob_hash FROM selection_document WHERE application_id = $1 ORDER BY place, id";
const FIND_DOCUMENT: &str = "SELECT id, application_id, name, kind, size_bytes, blob_hash FROM selection_document WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, INSERT_DOCUMENT, FIND_RECEIPT, FIND, FIND_BY_CODE, LIST, WITHDRAW, DOCUMENTS, FIND_DOCUMENT];

/// Takes an application in. The key is made by the sender and as hard to guess as the code that is made from it.
///
/// # Errors
/// [`Code::Conflict`] outside the time of the call; [`Code::TooMany`]; by content of a document [`Code::UnsupportedMedia`], [`Code::UnreadableFile`],
/// [`Code::TooLarge`]. A second application under one name is taken: nobody proves who they are, so the first may be a stranger's, and staff compare them.
pub async fn apply(at: Applying<'_>, call: SelectionCallId, key: &str, new: NewApplication) -> Result<ApplicationReceipt> {
    if !(SECRET_KEY_BYTES..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid("Idempotency-Key", format!("重复提交标识应为 {SECRET_KEY_BYTES} 至 128 个随机的英文字符或数字。")));
    }
    let keeping = at.keeping;
    let new = checked(keeping, new)?;
    let hash = content_hash(at, call, &new);
    let code = codes::code_of(keeping.key, "selection-application-code", &format!("{call}\0{key}"));
    let code_hash = hash_of(at, &code);
    if let Some(receipt) = known(at, &code_hash, &hash, &code).await? {
        return Ok(receipt);
    }
    let held = calls::find(keeping.db, call).await?.filter(SelectionCall::is_public).ok_or_else(absent_call)?;
    require_taking(&held, keeping.clock)?;
    limits::admit(at.cache, keeping.rules, Limit::ApplicationPerAddress, &network(at.address)).await?;
    let unit_key = key_of_unit(&new.unit_name);
    let documents = store_documents(at, &new.documents).await?;
    let id = SelectionApplicationId(keeping.ids.next());
    let now = keeping.clock.now();
    let number = format!("LX{}-{}", calendar::day_of(now).format("%Y%m%d"), keeping.ids.secret(5).to_uppercase());
    let (name, phone) = (keeping.cipher.seal(CONTACT_NAME, &new.contact_name)?, keeping.cipher.seal(CONTACT_PHONE, &new.contact_phone)?);
    let mut tx = keeping.db.begin().await?;
    let written: u64 = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(call).bind(&number).bind(&code_hash).bind(&hash).bind(&new.unit_name).bind(&unit_key).bind(new.host_kind.as_str())
        .bind(&new.region).bind(&new.address).bind(&new.introduction).bind(&new.plan).bind(&name).bind(&phone).bind(now)
        .execute(c).await.map(|d| d.rows_affected()))
    .map_err(failed)?;
    if written == 0 {
        drop(tx);
        // The same key came twice at once, or the call was given up a moment ago.
        if let Some(receipt) = known(at, &code_hash, &hash, &code).await? {
            return Ok(receipt);
        }
        return Err(Error::new(Code::Conflict, "这次遴选刚刚停止接收申报。"));
    }
    for (place, (name, kind, size, hash)) in (0i64..).zip(&documents) {
        on_tx!(&mut tx, c => sqlx::query(INSERT_DOCUMENT)
            .bind(SelectionDocumentId(keeping.ids.next())).bind(id).bind(place).bind(name).bind(kind.as_str()).bind(*size).bind(hash.as_str())
            .execute(c).await.map(drop))
        .map_err(failed)?;
    }
    note_application(&mut tx, keeping.clock, None, Act::ApplyForSelection, id).await?;
    tx.commit().await?;
    Ok(ApplicationReceipt { number, code, submitted_at: now, is_repetition: false })
}

/// The application of a code, with the call, as the unit sees it.
pub async fn look_up_application(at: Applying<'_>, typed: &str) -> Result<(Application, SelectionCall)> {
    limits::admit(at.cache, at.keeping.rules, Limit::LookupPerAddress, &network(at.address)).await?;
    let wrong = || Error::new(Code::NotFound, "没有找到这个查询码对应的申报，请核对提交时得到的 16 位查询码。");
    let code = codes::mended(typed).ok_or_else(wrong)?;
    let row: Option<Row> =
        on_db!(at.keeping.db, pool => sqlx::query_as(FIND_BY_CODE).bind(hash_of(at, &code)).fetch_optional(pool).await).map_err(failed)?;
    let application = row.ok_or_else(wrong)?.into_application()?;
    let call = calls::find(at.keeping.db, application.call).await?.ok_or_else(absent_call)?;
    Ok((application, call))
}

/// Takes the application of a code back, while the call takes applications. Repeating it changes nothing.
pub async fn withdraw_application(at: Applying<'_>, typed: &str) -> Result<Application> {
    let (application, call) = look_up_application(at, typed).await?;
    if application.state == ApplicationState::Withdrawn {
        return Ok(application);
    }
    require_taking(&call, at.keeping.clock)?;
    let mut tx = at.keeping.db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(WITHDRAW).bind(application.id).bind(at.keeping.clock.now()).execute(c).await.map(drop))
        .map_err(failed)?;
    note_application(&mut tx, at.keeping.clock, None, Act::WithdrawApplication, application.id).await?;
    tx.commit().await?;
    Ok(Application { state: ApplicationState::Withdrawn, ..application })
}

/// Applications to a call by name, for staff.
pub async fn list_applications(
    at: Keeping<'_>,
    caller: &Caller,
    call: SelectionCallId,
    state: Option<ApplicationState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Application>> {
    calls::get_call(at.db, caller, call).await?;
    list(at, call, state, cursor, limit).await
}

/// Units that were selected, and those that were not, by name, once the outcome is public.
pub async fn list_outcome(
    at: Keeping<'_>,
    call: SelectionCallId,
    state: ApplicationState,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Application>> {
    let held = calls::get_public_call(at.db, call).await?;
    if held.state != calls::CallState::Decided || !matches!(state, ApplicationState::Selected | ApplicationState::NotSelected) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    list(at, call, Some(state), cursor, limit).await
}

async fn list(
    at: Keeping<'_>,
    call: SelectionCallId,
    state: Option<ApplicationState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Application>> {
    let after: Option<(String, SelectionApplicationId)> = cursor.map(decode_cursor).transpose()?;
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(at.db, pool => sqlx::query_as(LIST)
        .bind(call).bind(state.map(ApplicationState::as_str)).bind(&name).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let items = rows.into_iter().map(Row::into_application).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(items, limit, |application| (key_of_unit(&application.unit_name), application.id)))
}

/// An application, for staff.
pub async fn get_application(at: Keeping<'_>, caller: &Caller, id: SelectionApplicationId) -> Result<Application> {
    caller.require(Permission::ReadSelections)?;
    let row: Option<Row> = on_db!(at.db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(absent_application)?.into_application()
}

/// Documents of an application. Whoever asks was shown the application.
pub async fn list_documents(at: Keeping<'_>, id: SelectionApplicationId) -> Result<Vec<Document>> {
    let rows: Vec<DocumentRow> = on_db!(at.db, pool => sqlx::query_as(DOCUMENTS).bind(id).fetch_all(pool).await).map_err(failed)?;
    rows.into_iter().map(DocumentRow::into_document).collect()
}

/// A document with its bytes, for staff.
pub async fn read_document(at: Keeping<'_>, blobs: &Blobs, caller: &Caller, id: SelectionDocumentId) -> Result<(Document, Vec<u8>)> {
    caller.require(Permission::ReadSelections)?;
    let row: Option<DocumentRow> =
        on_db!(at.db, pool => sqlx::query_as(FIND_DOCUMENT).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let document = row.ok_or_else(|| Error::not_found("这份申报材料"))?.into_document()?;
    let hash = BlobHash::parse(&document.hash).ok_or_else(|| Error::defect("a document has no hash"))?;
    let bytes = blobs.shelf(SHELF).get(&hash).await?;
    Ok((document, bytes))
}

async fn known(at: Applying<'_>, code_hash: &str, hash: &str, code: &str) -> Result<Option<ApplicationReceipt>> {
    let row: Option<(String, String, DateTime<Utc>)> =
        on_db!(at.keeping.db, pool => sqlx::query_as(FIND_RECEIPT).bind(code_hash).fetch_optional(pool).await).map_err(failed)?;
    match row {
        None => Ok(None),
        Some((held, ..)) if held != hash => {
            Err(Error::new(Code::KeyReused, "这个重复提交标识已用于另一份申报。新的申报请换一个标识再提交。"))
        }
        Some((_, number, submitted_at)) => {
            Ok(Some(ApplicationReceipt { number, code: code.to_owned(), submitted_at, is_repetition: true }))
        }
    }
}

type Stored = (String, EnclosureKind, i64, BlobHash);

async fn store_documents(at: Applying<'_>, documents: &[NewDocument]) -> Result<Vec<Stored>> {
    let shelf = at.blobs.shelf(SHELF);
    let mut stored = Vec::with_capacity(documents.len());
    for document in documents {
        let (name, bytes) = (document.name.clone(), document.bytes.clone());
        let (bytes, kind) = tokio::task::spawn_blocking(move || {
            let kind = recognise(&name, &bytes);
            (bytes, kind)
        })
        .await
        .map_err(|e| Error::internal("looking at an upload stopped", e))?;
        let kind = kind.map_err(|e| Error::new(e.code, format!("《{}》：{}", downloads::clean_name(&document.name), e.detail)))?;
        let hash = BlobHash::of(&bytes);
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        shelf.put(bytes).await?;
        stored.push((downloads::clean_name(&document.name), kind, size, hash));
    }
    Ok(stored)
}

fn checked(at: Keeping<'_>, new: NewApplication) -> Result<NewApplication> {
    let (most, one, all) = (at.rules.enclosures, at.rules.enclosure_mib, at.rules.enclosures_mib);
    if new.documents.len() > most {
        return Err(Error::invalid("documents", format!("申报材料最多 {most} 份。")));
    }
    if new.documents.iter().any(|d| d.bytes.len() as u64 > u64::from(one) << 20) {
        return Err(Error::new(Code::TooLarge, format!("每份申报材料不超过 {one} MB，请压缩后再提交。")));
    }
    if new.documents.iter().map(|d| d.bytes.len() as u64).sum::<u64>() > u64::from(all) << 20 {
        return Err(Error::new(Code::TooLarge, format!("申报材料合计不超过 {all} MB，请压缩后再提交。")));
    }
    let phone = filled("contact_phone", "联系电话", &new.contact_phone, 50)?;
    if !phone.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | ' ' | '(' | ')')) {
        return Err(Error::invalid("contact_phone", "联系电话只能由数字、空格和 - + ( ) 组成。"));
    }
    Ok(NewApplication {
        unit_name: filled("unit_name", "单位名称", &new.unit_name, 100)?,
        region: filled("region", "所在地区", &new.region, 100)?,
        address: filled("address", "地址", &new.address, LINE_CHARACTERS)?,
        introduction: filled("introduction", "单位情况", &new.introduction, TEXT_CHARACTERS)?,
        plan: line("plan", "工作设想", &new.plan, TEXT_CHARACTERS)?,
        contact_name: filled("contact_name", "联系人", &new.contact_name, 50)?,
        contact_phone: phone,
        ..new
    })
}

/// The name as lists sort it and as another application under the same name is found.
fn key_of_unit(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn content_hash(at: Applying<'_>, call: SelectionCallId, new: &NewApplication) -> String {
    let mut parts = vec![
        call.to_string(),
        new.unit_name.clone(),
        new.host_kind.as_str().to_owned(),
        new.region.clone(),
        new.address.clone(),
        new.introduction.clone(),
        new.plan.clone(),
        new.contact_name.clone(),
        new.contact_phone.clone(),
    ];
    for document in &new.documents {
        parts.push(document.name.clone());
        parts.push(BlobHash::of(&document.bytes).as_str().to_owned());
    }
    // Keyed: a telephone number could be found out from a plain hash.
    at.keeping.key.keyed_hash("selection-application-content", &parts.join("\0"))
}

fn hash_of(at: Applying<'_>, code: &str) -> String {
    at.keeping.key.keyed_hash("selection-application", code)
}

fn network(address: Option<IpAddr>) -> String {
    sm3_hex(address.map(network_of).unwrap_or_default().as_bytes())
}
