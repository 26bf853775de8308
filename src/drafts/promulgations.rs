//! 公布: the document of the corpus that a draft has become, with the particulars of its promulgation (规章制定程序条例 30).
//!
//! What is entered may be corrected; each correction is a row of its own and the newest counts.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::{Draft, DraftKind, DraftState, Move, check_title, following, get_draft, lock_draft, record, refused, staff_view};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::config::Rules;
use crate::corpus::reading;
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, DraftId, IdSource, WorkId};
use crate::notifications::Event;
use crate::storage::Db;
use crate::storage::sql::failed;
use crate::{on_db, on_tx};

/// Particulars of a promulgation, as entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPromulgation {
    /// The document in the corpus.
    pub work_id: WorkId,
    /// 公布机关
    pub organ: String,
    /// 令号 or 发文字号; empty when there is none.
    pub document_number: String,
    /// Title as promulgated.
    pub title: String,
    /// 通过日期
    pub adopted_on: NaiveDate,
    /// 公布日期
    pub promulgated_on: NaiveDate,
    /// 施行日期
    pub effective_on: NaiveDate,
    /// 签署人 with office, as the order names it; empty when none signed.
    pub signatory: String,
    /// Why a rule takes effect earlier than usual (规章制定程序条例 32).
    pub early_reason: String,
}

/// The promulgation of a draft.
#[derive(Clone, Debug, FromRow)]
pub struct Promulgation {
    /// From 1; each correction counts.
    pub revision: i64,
    /// The document in the corpus.
    pub work_id: WorkId,
    /// Title of that document in the corpus.
    pub work_title: String,
    /// 公布机关
    pub organ: String,
    /// 令号 or 发文字号
    pub document_number: String,
    /// Title as promulgated.
    pub title: String,
    /// 通过日期
    pub adopted_on: NaiveDate,
    /// 公布日期
    pub promulgated_on: NaiveDate,
    /// 施行日期
    pub effective_on: NaiveDate,
    /// 签署人
    pub signatory: String,
    /// Why a rule takes effect earlier than usual.
    pub early_reason: String,
    /// When it was entered.
    pub linked_at: DateTime<Utc>,
}

const FIND: &str = "SELECT p.revision, p.work_id, w.title AS work_title, p.organ, p.document_number, p.title, p.adopted_on, p.promulgated_on, p.effective_on,
    p.signatory, p.early_reason, p.linked_at FROM promulgation p JOIN corpus_work w ON w.id = p.work_id
    WHERE p.draft_id = $1 ORDER BY p.revision DESC LIMIT 1";
const INSERT: &str = "INSERT INTO promulgation (draft_id, revision, work_id, organ, document_number, title, adopted_on, promulgated_on, effective_on, signatory,
    early_reason, linked_by, linked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const SET_STATE: &str = "UPDATE draft SET state = $2, updated_at = $3 WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, INSERT, SET_STATE];

/// Longest words of a field, in characters.
const FIELD_CHARACTERS: usize = 200;

/// The promulgation of a draft as it stands; `None` before.
pub async fn find_promulgation(db: &Db, draft: DraftId) -> Result<Option<Promulgation>> {
    on_db!(db, pool => sqlx::query_as(FIND).bind(draft).fetch_optional(pool).await).map_err(failed)
}

/// Links a draft whose feedback is published to the document that it became, or corrects what was entered; those who follow the draft, its authors among
/// them, are told of the first, not of corrections. `revision` is the one that the person
/// saw (0 before the first): another in the meantime is [`Code::Conflict`], unless it says the same.
pub async fn promulgate_draft(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    rules: &Rules,
    by: Actor<'_>,
    (draft, revision): (DraftId, i64),
    new: NewPromulgation,
) -> Result<Promulgation> {
    by.require(Permission::PromulgateDrafts)?;
    get_draft(db, clock, staff_view(by), draft).await?;
    if reading::find_work(db, new.work_id).await?.is_none() {
        return Err(Error::invalid("work_id", "法规库里没有这件文件。请先把公布的文本导入法规库，再回来选择。"));
    }
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let held: Option<Promulgation> = on_tx!(&mut tx, c => sqlx::query_as(FIND).bind(draft.id).fetch_optional(c).await).map_err(failed)?;
    let new = checked(&draft, rules, clock.today(), new)?;
    if let Some(held) = held.as_ref().filter(|held| says(held) == new) {
        return Ok(held.clone());
    }
    if held.as_ref().map_or(0, |held| held.revision) != revision {
        return Err(Error::new(Code::Conflict, "公布信息刚刚被别人改过，您的改动没有保存。请先看现在的内容，再改一次。"));
    }
    let now = clock.now();
    let act = if held.is_some() {
        Act::CorrectPromulgation
    } else {
        let state = draft.state.after(Move::Promulgate).ok_or_else(|| refused(draft.state, "登记公布；意见的采纳情况反馈之后才能登记"))?;
        on_tx!(&mut tx, c => sqlx::query(SET_STATE).bind(draft.id).bind(state.as_str()).bind(now).execute(c).await.map(drop))
            .map_err(failed)?;
        Act::PromulgateDraft
    };
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(draft.id).bind(revision + 1).bind(new.work_id).bind(&new.organ).bind(&new.document_number).bind(&new.title).bind(new.adopted_on)
        .bind(new.promulgated_on).bind(new.effective_on).bind(&new.signatory).bind(&new.early_reason).bind(by.account_id()).bind(now)
        .execute(c).await.map(drop))
    .map_err(failed)?;
    let detail = match &held {
        Some(held) => changed_fields(&says(held), &new),
        None => new.work_id.to_string(),
    };
    if held.is_none() {
        let about = format!("《{}》", new.title);
        following::announce_to_followers(&mut tx, clock, ids, draft.id, Event::DraftPromulgated, &about).await?;
    }
    record(&mut tx, clock, by, act, draft.id, &detail).await?;
    tx.commit().await?;
    find_promulgation(db, draft.id).await?.ok_or_else(|| Error::defect("a promulgation vanished after it was written"))
}

fn says(held: &Promulgation) -> NewPromulgation {
    NewPromulgation {
        work_id: held.work_id,
        organ: held.organ.clone(),
        document_number: held.document_number.clone(),
        title: held.title.clone(),
        adopted_on: held.adopted_on,
        promulgated_on: held.promulgated_on,
        effective_on: held.effective_on,
        signatory: held.signatory.clone(),
        early_reason: held.early_reason.clone(),
    }
}

/// Names of the fields that a correction changes, for the audit log.
fn changed_fields(old: &NewPromulgation, new: &NewPromulgation) -> String {
    [
        ("work_id", old.work_id != new.work_id),
        ("organ", old.organ != new.organ),
        ("document_number", old.document_number != new.document_number),
        ("title", old.title != new.title),
        ("adopted_on", old.adopted_on != new.adopted_on),
        ("promulgated_on", old.promulgated_on != new.promulgated_on),
        ("effective_on", old.effective_on != new.effective_on),
        ("signatory", old.signatory != new.signatory),
        ("early_reason", old.early_reason != new.early_reason),
    ]
    .into_iter()
    .filter(|(_, is_changed)| *is_changed)
    .map(|(name, _)| name)
    .collect::<Vec<_>>()
    .join(" ")
}

/// The particulars in the form in which they are kept, or what is wrong with the first of them.
fn checked(draft: &Draft, rules: &Rules, today: NaiveDate, new: NewPromulgation) -> Result<NewPromulgation> {
    let field = |name: &str, label: &str, value: &str, is_needed: bool| {
        let value: String = value.trim().chars().filter(|c| !c.is_control()).collect();
        if (is_needed && value.is_empty()) || value.chars().count() > FIELD_CHARACTERS {
            return Err(Error::invalid(name, format!("请填写{label}，不超过 {FIELD_CHARACTERS} 个字。")));
        }
        Ok(value)
    };
    let new = NewPromulgation {
        organ: field("organ", "公布机关", &new.organ, true)?,
        document_number: field("document_number", "令号或者发文字号", &new.document_number, false)?,
        title: field("title", "公布时的标题", &new.title, true)?,
        signatory: field("signatory", "签署人", &new.signatory, false)?,
        early_reason: field("early_reason", "提前施行的理由", &new.early_reason, false)?,
        ..new
    };
    check_title(draft.kind, &new.title)?;
    if new.promulgated_on > today {
        return Err(Error::invalid("promulgated_on", "公布日期不能晚于今天。"));
    }
    if new.adopted_on > new.promulgated_on {
        return Err(Error::invalid("adopted_on", "通过日期不能晚于公布日期。"));
    }
    if new.effective_on < new.promulgated_on {
        return Err(Error::invalid("effective_on", "施行日期不能早于公布日期。"));
    }
    let usual = rules.rule_effective_days;
    let is_early = draft.kind == DraftKind::GovernmentRule && calendar::days_between(new.promulgated_on, new.effective_on) < usual;
    if is_early && new.early_reason.is_empty() {
        let sentence = format!("规章应当自公布之日起 {usual} 日后施行（规章制定程序条例第三十二条）；确需提前施行的，请填写理由。");
        return Err(Error::invalid("early_reason", sentence));
    }
    Ok(new)
}

/// Whether a draft may be linked to its document, or what was entered be corrected.
pub fn may_promulgate(draft: &Draft) -> bool {
    draft.state == DraftState::Promulgated || draft.state.after(Move::Promulgate).is_some()
}
