//! 草案: proposed local regulations, government rules and normative documents, and the states they pass through.
//!
//! `versions.rs` keeps the texts (稿次); `corrections/`, `explanations.rs`, `attachments.rs` and `legal_bases.rs` are what is done to one before it is
//! published, `lineage/` and `comparison/` say how the provisions of one version continue in another, `promulgations.rs` is what became of it in the end. `consultations.rs` keeps the rounds in which the public is asked, `endings.rs` what
//! moves or cuts the end of a round, `questions.rs` what a round asks, `notices.rs` the first form of its notice, `following.rs` who is told, `due.rs`
//! what the clock makes happen. [`DraftState::after`] is the only table of moves. That a round has begun or ended is no move of anybody: it is read
//! from the clock, so that nothing can open or close early or late.

pub mod attachments;
pub mod comparison;
pub mod consultations;
pub mod corrections;
pub mod due;
pub mod endings;
pub mod explanations;
pub mod following;
pub mod legal_bases;
pub mod lineage;
pub mod naming;
pub mod notices;
pub mod particulars;
pub mod places;
pub mod promulgations;
pub mod questions;
pub mod versions;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::accounts::{Actor, Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, IdSource};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// What the draft is to become.
    DraftKind {
        /// 地方性法规
        LocalRegulation = "local_regulation", "地方性法规";
        /// 政府规章
        GovernmentRule = "government_rule", "政府规章";
        /// 行政规范性文件
        NormativeDocument = "normative_document", "行政规范性文件";
    }
}

text_enum! {
    /// Where a draft stands.
    DraftState {
        /// Not public yet.
        Preparing = "preparing", "起草中";
        /// A consultation has been published and has not ended.
        Consulting = "consulting", "征求意见中";
        /// The consultation has ended; opinions are being answered.
        Processing = "processing", "意见研究处理中";
        /// Every opinion has its public answer.
        FeedbackPublished = "feedback_published", "已反馈采纳情况";
        /// It has become law, and is linked to its document in the corpus.
        Promulgated = "promulgated", "已公布";
        /// It was given up, with a public reason. Opinions are kept and still answered.
        Withdrawn = "withdrawn", "已撤回";
    }
}

/// What moves a draft from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A consultation round is published.
    OpenConsultation,
    /// The round's end has come.
    Close,
    /// The round is ended before its time, or before it began, with a public reason.
    WithdrawRound,
    /// The last unanswered opinion has its public answer.
    CompleteFeedback,
    /// The text is promulgated by its organ and linked to its document in the corpus.
    Promulgate,
    /// The draft as a whole is given up, with a public reason.
    Withdraw,
}

impl Move {
    /// Every move.
    pub const ALL: [Move; 6] =
        [Move::OpenConsultation, Move::Close, Move::WithdrawRound, Move::CompleteFeedback, Move::Promulgate, Move::Withdraw];
}

impl DraftState {
    /// The table of moves: the state after a move, or `None` when the move is not allowed.
    pub fn after(self, step: Move) -> Option<DraftState> {
        use DraftState::*;
        match (self, step) {
            // A second round follows the same rules as the first (规章制定程序条例 21).
            (Preparing | Processing | FeedbackPublished, Move::OpenConsultation) => Some(Consulting),
            (Consulting, Move::Close | Move::WithdrawRound) => Some(Processing),
            (Processing, Move::CompleteFeedback) => Some(FeedbackPublished),
            (FeedbackPublished, Move::Promulgate) => Some(Promulgated),
            // What was never public needs no public end.
            (Consulting | Processing | FeedbackPublished, Move::Withdraw) => Some(Withdrawn),
            _ => None,
        }
    }

    /// The state at an instant, given the state last moved to and the end of the newest round.
    pub fn at(self, closes_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DraftState {
        match closes_at {
            Some(closes_at) if closes_at <= now => self.after(Move::Close).unwrap_or(self),
            _ => self,
        }
    }

    /// Whether the public may know of the draft.
    pub fn is_public(self) -> bool {
        self != DraftState::Preparing
    }
}

/// A draft to be created.
#[derive(Clone, Debug)]
pub struct NewDraft {
    /// The id that it shall have, when the same form may come twice; the second finds the draft of the first.
    pub id: Option<DraftId>,
    /// Title of what it is to become, without 征求意见稿.
    pub title: String,
    /// What it is to become.
    pub kind: DraftKind,
    /// 起草单位
    pub drafting_unit: String,
    /// Stable key of a demonstration draft; else `None`.
    pub seed_key: Option<String>,
}

/// A draft.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Id.
    pub id: DraftId,
    /// Title.
    pub title: String,
    /// What it is to become.
    pub kind: DraftKind,
    /// 起草单位
    pub drafting_unit: String,
    /// Where it stands at the instant of the question.
    pub state: DraftState,
    /// Number of the newest round; 0 before the first.
    pub round: i64,
    /// When the newest round begins.
    pub opens_at: Option<DateTime<Utc>>,
    /// First instant that is too late for the newest round.
    pub closes_at: Option<DateTime<Utc>>,
    /// First instant that is too late also for a late opinion, when the newest round takes any.
    pub late_until: Option<DateTime<Utc>>,
    /// When the newest round was ended before its time.
    pub round_withdrawn_at: Option<DateTime<Utc>>,
    /// When the draft was given up.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Why; public. Empty when it was not.
    pub withdrawal_reason: String,
    /// Whether it belongs to the demonstration.
    pub is_demonstration: bool,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl Draft {
    /// First instant at which the newest round takes no opinion at all, late ones included; `None` when it takes none any more whatever the time.
    pub fn takes_opinions_until(&self) -> Option<DateTime<Utc>> {
        if self.round_withdrawn_at.is_some() || self.withdrawn_at.is_some() { None } else { self.late_until.or(self.closes_at) }
    }

    /// Passes when no opinion can come any more at an instant; else [`Code::Conflict`] with the instant from which `act` is possible.
    pub fn require_quiet(&self, now: DateTime<Utc>, act: &str) -> Result<()> {
        match self.takes_opinions_until().filter(|until| now < *until) {
            None => Ok(()),
            Some(until) => {
                let day = crate::calendar::chinese_day(crate::calendar::day_of(until - chrono::Duration::microseconds(1)));
                Err(Error::new(Code::Conflict, format!("本轮接收意见（含逾期意见）到 {day} 24 时为止，此后才能{act}。")))
            }
        }
    }
}

#[derive(FromRow)]
struct DraftRow {
    id: DraftId,
    title: String,
    kind: String,
    drafting_unit: String,
    state: String,
    round: i64,
    opens_at: Option<DateTime<Utc>>,
    closes_at: Option<DateTime<Utc>>,
    late_until: Option<DateTime<Utc>>,
    round_withdrawn_at: Option<DateTime<Utc>>,
    withdrawn_at: Option<DateTime<Utc>>,
    withdrawal_reason: String,
    is_demonstration: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl DraftRow {
    fn into_draft(self, now: DateTime<Utc>) -> Result<Draft> {
        Ok(Draft {
            id: self.id,
            title: self.title,
            kind: DraftKind::stored(&self.kind)?,
            drafting_unit: self.drafting_unit,
            state: DraftState::stored(&self.state)?.at(self.closes_at, now),
            round: self.round,
            opens_at: self.opens_at,
            closes_at: self.closes_at,
            late_until: self.late_until,
            round_withdrawn_at: self.round_withdrawn_at,
            withdrawn_at: self.withdrawn_at,
            withdrawal_reason: self.withdrawal_reason,
            is_demonstration: self.is_demonstration,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

const INSERT: &str =
    "INSERT INTO draft (id, title, kind, drafting_unit, state, round, seed_key, is_demonstration, created_by, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $9) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT d.id, d.title, d.kind, d.drafting_unit, d.state, d.round, c.opens_at, c.closes_at, c.late_until, c.withdrawn_at AS round_withdrawn_at,
    d.withdrawn_at, d.withdrawal_reason, d.is_demonstration, d.created_at, d.updated_at
    FROM draft d LEFT JOIN consultation c ON c.draft_id = d.id AND c.round = d.round WHERE d.id = $1";
const FIND_SEEDED: &str = "SELECT id FROM draft WHERE seed_key = $1";
const LIST: &str = "SELECT d.id, d.title, d.kind, d.drafting_unit, d.state, d.round, c.opens_at, c.closes_at, c.late_until, c.withdrawn_at AS round_withdrawn_at,
    d.withdrawn_at, d.withdrawal_reason, d.is_demonstration, d.created_at, d.updated_at
    FROM draft d LEFT JOIN consultation c ON c.draft_id = d.id AND c.round = d.round
    WHERE ($1 OR d.state <> 'preparing')
    AND ($2 = CASE WHEN d.state = 'consulting' AND c.closes_at <= $3 THEN 'processing' ELSE d.state END OR $2 IS NULL)
    AND ((d.created_at, d.id) < ($4, $5) OR $4 IS NULL) ORDER BY d.created_at DESC, d.id DESC LIMIT $6";
const TOUCH: &str = "UPDATE draft SET updated_at = $2 WHERE id = $1";
const LOCK_ALONE: &str = "SELECT pg_advisory_xact_lock($1)";
const LOCK_SHARED: &str = "SELECT pg_advisory_xact_lock_shared($1)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, FIND_SEEDED, LIST, TOUCH];

/// Longest title, in characters.
const TITLE_CHARACTERS: usize = 200;

/// Creates a draft that only staff see.
pub async fn create_draft(db: &Db, clock: &Clock, ids: &IdSource, by: Actor<'_>, new: NewDraft) -> Result<Draft> {
    by.require(Permission::EditDrafts)?;
    let title = new.title.trim();
    check_title(new.kind, title)?;
    let unit = check_unit(&new.drafting_unit)?;
    let id = new.id.unwrap_or_else(|| DraftId(ids.next()));
    let now = clock.now();
    let mut tx = db.begin().await?;
    let made = on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(title).bind(new.kind.as_str()).bind(unit).bind(DraftState::Preparing.as_str()).bind(&new.seed_key).bind(new.seed_key.is_some())
        .bind(by.account_id()).bind(now).execute(c).await.map(|done| done.rows_affected()))
    .map_err(failed)?;
    // The same form once more: what it asks for is there.
    if made == 0 {
        return get_draft(db, clock, staff_view(by), id).await;
    }
    record(&mut tx, clock, by, Act::CreateDraft, id, new.kind.as_str()).await?;
    tx.commit().await?;
    get_draft(db, clock, staff_view(by), id).await
}

/// Drafts that the viewer may see, the newest first; `state` narrows to one state at this instant.
pub async fn list_drafts<'a>(
    db: &Db,
    clock: &Clock,
    viewer: impl Into<Viewer<'a>>,
    state: Option<DraftState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Draft>> {
    let viewer = viewer.into();
    let after: Option<(DateTime<Utc>, DraftId)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let now = clock.now();
    let rows: Vec<DraftRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(viewer.sees_unpublished()).bind(state.map(DraftState::as_str)).bind(now).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.created_at, row.id));
    let items: Result<Vec<Draft>> = page.items.into_iter().map(|row| row.into_draft(now)).collect();
    Ok(Page { items: items?, next: page.next })
}

/// A draft; "not found" also when the viewer may not know of it.
pub async fn get_draft(db: &Db, clock: &Clock, viewer: Viewer<'_>, id: DraftId) -> Result<Draft> {
    let row: Option<DraftRow> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    let draft = row.map(|row| row.into_draft(clock.now())).transpose()?;
    draft.filter(|draft| draft.state.is_public() || viewer.sees_unpublished()).ok_or_else(|| Error::not_found("这份草案"))
}

/// Finds a demonstration draft by its stable key.
pub async fn find_seeded(db: &Db, seed_key: &str) -> Result<Option<DraftId>> {
    on_db!(db, pool => sqlx::query_scalar(FIND_SEEDED).bind(seed_key).fetch_optional(pool).await).map_err(failed)
}

/// Reads a draft inside a transaction and makes other writers of the same draft wait, and who holds it with [`hold_draft`]. The first statement of its
/// transaction.
pub async fn lock_draft(tx: &mut Tx, clock: &Clock, id: DraftId) -> Result<Draft> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK_ALONE).bind(lock_key(id)).execute(&mut **transaction).await.map_err(failed)?;
    }
    let now = clock.now();
    on_tx!(tx, c => sqlx::query(TOUCH).bind(id).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    let row: Option<DraftRow> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await).map_err(failed)?;
    // The clock is read after the wait for the lock: the state is that of the instant at which this writer's turn comes.
    row.map(|row| row.into_draft(clock.now())).transpose()?.ok_or_else(|| Error::not_found("这份草案"))
}

/// Keeps a draft from being moved on until the transaction ends, without making others who only hold it wait. An opinion is posted under it: the clock that
/// is read after it belongs to a state that stays until the opinion is written, so that nothing can be published past an opinion that is on its way.
///
/// An advisory lock, not `FOR SHARE`: it is fair to who waits for the lock alone, and it writes nothing. SQLite has one writer and needs none.
pub async fn hold_draft(tx: &mut Tx, id: DraftId) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK_SHARED).bind(lock_key(id)).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

/// The random half of an id. Two drafts of one key would only wait for each other.
fn lock_key(id: DraftId) -> i64 {
    id.0.as_u64_pair().1.cast_signed()
}

/// Who looks at a draft.
#[derive(Clone, Copy, Debug)]
pub enum Viewer<'a> {
    /// Anybody, or a signed-in person.
    Public(Option<&'a Caller>),
    /// The installation itself.
    System,
}

impl<'a> From<Option<&'a Caller>> for Viewer<'a> {
    fn from(caller: Option<&'a Caller>) -> Self {
        Viewer::Public(caller)
    }
}

impl Viewer<'_> {
    /// Whether drafts and versions that are not published may be shown.
    pub fn sees_unpublished(self) -> bool {
        match self {
            Viewer::Public(caller) => caller.is_some_and(|caller| caller.may(Permission::ReadUnpublishedDrafts)),
            Viewer::System => true,
        }
    }
}

fn staff_view(by: Actor<'_>) -> Viewer<'_> {
    match by {
        Actor::Person(caller) => Viewer::Public(Some(caller)),
        Actor::System => Viewer::System,
    }
}

async fn record(tx: &mut Tx, clock: &Clock, by: Actor<'_>, act: Act, draft: DraftId, detail: &str) -> Result<()> {
    let account: Option<AccountId> = by.account_id();
    audit::append(tx, clock, NewEntry { account_id: account, act, subject: "draft", subject_id: Some(draft.0), is_success: true, detail })
        .await
}

/// A drafting unit in the form in which it is kept.
fn check_unit(unit: &str) -> Result<&str> {
    let unit = unit.trim();
    if unit.is_empty() || unit.chars().count() > TITLE_CHARACTERS || unit.contains(char::is_control) {
        return Err(Error::invalid("drafting_unit", "请填写起草单位，不超过 200 个字。"));
    }
    Ok(unit)
}

/// A government rule is called 规定 or 办法, never 条例 (规章制定程序条例 7).
fn check_title(kind: DraftKind, title: &str) -> Result<()> {
    let length = title.chars().count();
    if !(4..=TITLE_CHARACTERS).contains(&length) || title.contains(char::is_control) {
        return Err(Error::invalid("title", "标题应为 4 至 200 个字，不换行。"));
    }
    if kind == DraftKind::GovernmentRule && bare_title(title).ends_with("条例") {
        return Err(Error::invalid(
            "title",
            "规章的名称一般称“规定”“办法”，但不得称“条例”（规章制定程序条例第七条）。请修改标题或者文件类别。",
        ));
    }
    Ok(())
}

/// A title without book marks and without a bracketed ending such as （草案征求意见稿）.
fn bare_title(title: &str) -> &str {
    let mut bare = title.trim_matches(|c: char| matches!(c, '《' | '》') || c.is_whitespace());
    while let Some((head, open)) = bare.strip_suffix(['）', ')']).and_then(|rest| rest.rfind(['（', '(']).map(|at| (rest, at))) {
        bare = head.get(..open).unwrap_or_default().trim_end_matches(|c: char| matches!(c, '《' | '》') || c.is_whitespace());
    }
    ["征求意见稿", "送审稿", "草案"].iter().fold(bare, |bare, ending| bare.strip_suffix(ending).unwrap_or(bare))
}

/// The state does not allow the act.
fn refused(state: DraftState, act: &str) -> Error {
    Error::new(Code::Conflict, format!("草案目前处于“{}”，不能{act}。", state.label()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn moves_follow_the_table() {
        use DraftState::*;
        // One line for each state, one column for each of `Move::ALL`.
        let table = [
            (Preparing, [Some(Consulting), None, None, None, None, None]),
            (Consulting, [None, Some(Processing), Some(Processing), None, None, Some(Withdrawn)]),
            (Processing, [Some(Consulting), None, None, Some(FeedbackPublished), None, Some(Withdrawn)]),
            (FeedbackPublished, [Some(Consulting), None, None, None, Some(Promulgated), Some(Withdrawn)]),
            (Promulgated, [None; 6]),
            (Withdrawn, [None; 6]),
        ];
        assert_eq!(table.map(|(state, _)| state), DraftState::ALL);
        for (state, expected) in table {
            assert_eq!(Move::ALL.map(|step| state.after(step)), expected, "{state:?}");
        }
    }

    #[test]
    fn the_clock_ends_a_round_to_the_microsecond() {
        let end = Utc.with_ymd_and_hms(2026, 3, 31, 16, 0, 0).single().unwrap();
        let just_before = end - chrono::Duration::microseconds(1);
        assert_eq!(DraftState::Consulting.at(Some(end), just_before), DraftState::Consulting);
        assert_eq!(DraftState::Consulting.at(Some(end), end), DraftState::Processing);
        assert_eq!(DraftState::FeedbackPublished.at(Some(end), end), DraftState::FeedbackPublished);
        assert_eq!(DraftState::Preparing.at(None, end), DraftState::Preparing);
    }

    #[test]
    fn a_rule_is_never_called_by_the_name_of_a_regulation() {
        for title in [
            "清河市养犬管理条例",
            "《清河市养犬管理条例》",
            "清河市养犬管理条例（草案）",
            "清河市养犬管理条例 （草案）（征求意见稿）",
            "清河市养犬管理条例草案",
        ] {
            assert_eq!(check_title(DraftKind::GovernmentRule, title).unwrap_err().code, Code::Invalid, "{title}");
            check_title(DraftKind::LocalRegulation, title).unwrap();
        }
        for title in ["清河市养犬管理办法", "清河市实施《明川省养犬管理条例》办法", "清河市养犬管理规定（征求意见稿）"]
        {
            check_title(DraftKind::GovernmentRule, title).unwrap();
        }
        for title in ["", "条例", "一\n二三四五"] {
            assert!(check_title(DraftKind::LocalRegulation, title).is_err(), "{title:?}");
        }
    }
}
