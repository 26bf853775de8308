//! 意见审核: whether others may see the words of an opinion. Nothing is shown before it has passed a check; nothing that is kept from the public is lost: it
//! is counted and answered like every other opinion.
//!
//! On the way of an opinion: `checking.rs` lets the word list (`words.rs`), the search for personal data (`personal.rs`) and WeChat look at it;
//! `deciding.rs` is what a person does, `appeals.rs` what the author may say against it, `queue.rs` what staff and author see of it. Every step is one
//! line of [`Display::after`] and one entry of a history that the database never lets change.
//!
//! To add a reason for hiding: a line in [`HidingReason`]. To add something that makes an opinion wait: a line in [`ConcernKind`].

pub mod appeals;
pub mod checking;
pub mod deciding;
pub mod personal;
pub mod queue;
pub mod words;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use super::Display;
use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, IdSource, OpinionId};
use crate::on_tx;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::text_enum;

pub use checking::{Checker, Submission, submit};

text_enum! {
    /// Why an opinion is hidden (广州市规章制定公众参与办法 6; 网络安全法 47).
    HidingReason {
        /// 国家秘密、商业秘密
        Secret = "secret", "涉及国家秘密、商业秘密";
        /// 个人隐私
        Privacy = "privacy", "涉及个人隐私";
        /// 侮辱、诽谤
        Abuse = "abuse", "侮辱、诽谤他人";
        /// 淫秽、低俗
        Indecent = "indecent", "淫秽、低俗内容";
        /// 广告
        Advertising = "advertising", "广告";
        /// 违法内容
        Illegal = "illegal", "违法内容";
        /// 与立法无关的攻击
        Unrelated = "unrelated", "与立法无关的攻击";
    }
}

text_enum! {
    /// What makes an opinion wait for a person.
    ConcernKind {
        /// A word of the list.
        Words = "words", "含需要留意的词语";
        /// Somebody could be found by it.
        PersonalData = "personal_data", "含个人信息";
        /// WeChat asks for a person's look.
        WechatReview = "wechat_review", "微信检查建议人工审核";
        /// WeChat says that it should not be shown.
        WechatRisky = "wechat_risky", "微信检查认为有风险";
        /// WeChat did not answer, or could not judge.
        WechatUnavailable = "wechat_unavailable", "微信检查没有完成";
        /// It came another way, and the installation wants a person to look at such opinions.
        NotChecked = "not_checked", "不经微信提交，由人工审核";
        /// Files are looked at by a person.
        Attachment = "attachment", "带有附件，由人工查看";
        /// The check broke off.
        Interrupted = "interrupted", "自动检查中断";
        /// An earlier wording was hidden.
        HiddenBefore = "hidden_before", "修改前曾不予展示";
        /// A decision was taken back.
        TakenBack = "taken_back", "处理已撤销，重新审核";
    }
}

text_enum! {
    /// A field of an opinion that the public would read.
    TextField {
        /// The opinion.
        Body = "body", "意见内容";
        /// Why.
        Reason = "reason", "理由";
        /// The wording that the author proposes.
        ProposedText = "proposed_text", "建议修改为";
    }
}

/// One thing that the check found. It holds a place, never the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// What it is.
    pub kind: ConcernKind,
    /// Which words, which data, which label; empty when the kind says all.
    pub detail: String,
    /// Where it stands; `None`: in the opinion as a whole.
    pub place: Option<Place>,
    /// The listed reason that would fit, if it were hidden for this.
    pub fits: Option<HidingReason>,
}

/// A place in an opinion, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Field.
    pub field: TextField,
    /// Where it begins.
    pub start: usize,
    /// Its length.
    pub length: usize,
}

impl Concern {
    /// A concern about the opinion as a whole.
    pub fn whole(kind: ConcernKind) -> Concern {
        Concern { kind, detail: String::new(), place: None, fits: None }
    }

    /// What staff read: the kind, and what exactly.
    pub fn sentence(&self) -> String {
        if self.detail.is_empty() { self.kind.label().into() } else { format!("{}：{}", self.kind.label(), self.detail) }
    }
}

text_enum! {
    /// A step of moderation.
    Step {
        /// The check found nothing.
        Pass = "pass", "检查通过";
        /// The check leaves it to a person.
        Refer = "refer", "转人工审核";
        /// A rule of the word list hides it.
        HideByRule = "hide_by_rule", "按词表规则不予展示";
        /// A person lets it be shown.
        Show = "show", "准予展示";
        /// A person hides it.
        Hide = "hide", "不予展示";
        /// A person takes the last decision back.
        TakeBack = "take_back", "撤销处理";
        /// The author appeals.
        Appeal = "appeal", "提出申诉";
        /// A second person agrees with the author.
        GrantAppeal = "grant_appeal", "申诉成立";
        /// A second person agrees with the hiding.
        RefuseAppeal = "refuse_appeal", "申诉不成立";
        /// The author changed the words: they are checked anew.
        CheckAnew = "check_anew", "内容修改，重新检查";
    }
}

impl Display {
    /// The only table of steps: where an opinion stands after one, `None` where the step is not possible.
    pub fn after(self, step: Step) -> Option<Display> {
        use Display::*;
        match (self, step) {
            (Checking, Step::Pass) => Some(Shown),
            (Checking, Step::Refer) => Some(Review),
            (Checking, Step::HideByRule) => Some(Hidden),
            (Review | Hidden, Step::Show) => Some(Shown),
            (Review | Shown, Step::Hide) => Some(Hidden),
            (Shown | Hidden, Step::TakeBack) => Some(Review),
            (Hidden, Step::Appeal | Step::RefuseAppeal) => Some(Hidden),
            (Hidden, Step::GrantAppeal) => Some(Shown),
            (_, Step::CheckAnew) => Some(Checking),
            _ => None,
        }
    }
}

/// What moderation by people works with.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Where opinions are kept.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Ids of messages.
    pub ids: &'a IdSource,
}

/// An opinion as moderation sees it.
#[derive(Clone, Debug, FromRow)]
struct Subject {
    id: OpinionId,
    account_id: Option<AccountId>,
    receipt_number: String,
    provision_label: String,
    channel: String,
    body: String,
    reason: String,
    proposed_text: String,
    is_public: bool,
    display: String,
    state: String,
    revision: i64,
    /// Number of the newest entry of the history.
    entry: Option<i64>,
    concerns: Option<Json<Vec<Concern>>>,
    decided_by: Option<AccountId>,
    decided_at: Option<DateTime<Utc>>,
    category: Option<String>,
    hiding_reason: Option<String>,
    /// Number of the entry that hid it last.
    hiding: Option<i64>,
    /// Whether an appeal against that waits.
    has_open_appeal: bool,
}

impl Subject {
    fn display(&self) -> Result<Display> {
        Display::stored(&self.display)
    }

    /// How a message names it.
    fn about(&self) -> String {
        format!("草案{}（回执号 {}）", self.provision_label, self.receipt_number)
    }

    fn concerns(&self) -> Vec<Concern> {
        self.concerns.as_ref().map(|c| c.0.clone()).unwrap_or_default()
    }
}

const TOUCH: &str = "UPDATE opinion SET display = display WHERE id = $1";
const FIND: &str = "SELECT o.id, o.account_id, o.receipt_number, o.provision_label, o.channel, o.body, o.reason, o.proposed_text, o.is_public, o.display, o.state,
    o.revision, m.entry, m.concerns, m.decided_by, m.decided_at, m.category, m.reason AS hiding_reason, h.number AS hiding,
    COALESCE(o.display = 'hidden' AND a.opinion_id IS NOT NULL AND a.outcome IS NULL, FALSE) AS has_open_appeal
    FROM opinion o LEFT JOIN moderation_case m ON m.opinion_id = o.id
    LEFT JOIN moderation_entry h ON h.opinion_id = o.id AND h.number =
        (SELECT MAX(e.number) FROM moderation_entry e WHERE e.opinion_id = o.id AND e.act IN ('hide', 'hide_by_rule'))
    LEFT JOIN moderation_appeal a ON a.opinion_id = o.id AND a.hiding = h.number
    WHERE o.id = $1";
const SET_DISPLAY: &str = "UPDATE opinion SET display = $2 WHERE id = $1";
const PUT_CASE: &str = "INSERT INTO moderation_case (opinion_id, revision, concerns, waits_since, entry, decided_by, decided_at, category, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (opinion_id) DO UPDATE SET revision = $2, concerns = $3, waits_since = $4, entry = $5, decided_by = $6, decided_at = $7, category = $8, reason = $9";
const INSERT_ENTRY: &str =
    "INSERT INTO moderation_entry (opinion_id, number, revision, at, account_id, act, display, category, reason, concerns)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[TOUCH, FIND, SET_DISPLAY, PUT_CASE, INSERT_ENTRY];

/// Reads an opinion inside a transaction and, by touching its row first, makes other writers of it wait.
async fn lock(tx: &mut Tx, id: OpinionId) -> Result<Subject> {
    on_tx!(tx, c => sqlx::query(TOUCH).bind(id).execute(c).await.map(drop)).map_err(failed)?;
    let found: Option<Subject> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await).map_err(failed)?;
    found.ok_or_else(|| Error::not_found("这条意见"))
}

/// Sends an opinion through the check again, in the transaction in which its author changed its words or the wish to publish it; [`submit`] follows after the
/// commit.
pub async fn check_anew(tx: &mut Tx, clock: &Clock, opinion: OpinionId) -> Result<()> {
    let subject = lock(tx, opinion).await?;
    take(tx, clock, &subject, Step::CheckAnew, Record::default()).await.map(drop)
}

/// What a step records beside itself.
#[derive(Clone, Debug, Default)]
struct Record<'a> {
    /// The person who acts; `None` for a rule, and for the author, whom the opinion knows.
    by: Option<AccountId>,
    category: Option<HidingReason>,
    reason: &'a str,
    concerns: Vec<Concern>,
}

/// Takes a step: moves the display, keeps the case, and writes the history. Gives the number of the entry.
async fn take(tx: &mut Tx, clock: &Clock, subject: &Subject, step: Step, record: Record<'_>) -> Result<(Display, i64)> {
    let from = subject.display()?;
    let to = from.after(step).ok_or_else(|| not_possible(from, step))?;
    let now = clock.now();
    let number = subject.entry.unwrap_or(0) + 1;
    // An appeal and its refusal leave the hiding as it was decided.
    let keeps = matches!(step, Step::Appeal | Step::RefuseAppeal);
    let decided_by = if keeps { subject.decided_by } else { record.by };
    let decided_at = if keeps { subject.decided_at } else { Some(now) };
    let category =
        if keeps { subject.category.clone() } else { record.category.filter(|_| to == Display::Hidden).map(|c| c.as_str().to_owned()) };
    let reason = match (keeps, to) {
        (true, _) => subject.hiding_reason.as_deref().unwrap_or_default(),
        (false, Display::Hidden) => record.reason,
        _ => "",
    };
    let concerns = Json(record.concerns);
    on_tx!(tx, c => sqlx::query(SET_DISPLAY).bind(subject.id).bind(to.as_str()).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(PUT_CASE)
        .bind(subject.id).bind(subject.revision).bind(&concerns).bind(now).bind(number).bind(decided_by).bind(decided_at).bind(&category).bind(reason)
        .execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(tx, c => sqlx::query(INSERT_ENTRY)
        .bind(subject.id).bind(number).bind(subject.revision).bind(now).bind(record.by).bind(step.as_str()).bind(to.as_str())
        .bind(record.category.map(HidingReason::as_str)).bind(record.reason).bind(&concerns).execute(c).await.map(drop))
    .map_err(failed)?;
    Ok((to, number))
}

fn not_possible(from: Display, step: Step) -> Error {
    Error::new(crate::error::Code::Conflict, format!("这条意见目前是“{}”，不能“{}”。请刷新页面后再处理。", from.label(), step.label()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_table() {
        use Display::*;
        // One line for each step, one column for each of `Display::ALL`: checking, review, shown, hidden.
        let table = [
            (Step::Pass, [Some(Shown), None, None, None]),
            (Step::Refer, [Some(Review), None, None, None]),
            (Step::HideByRule, [Some(Hidden), None, None, None]),
            (Step::Show, [None, Some(Shown), None, Some(Shown)]),
            (Step::Hide, [None, Some(Hidden), Some(Hidden), None]),
            (Step::TakeBack, [None, None, Some(Review), Some(Review)]),
            (Step::Appeal, [None, None, None, Some(Hidden)]),
            (Step::GrantAppeal, [None, None, None, Some(Shown)]),
            (Step::RefuseAppeal, [None, None, None, Some(Hidden)]),
            (Step::CheckAnew, [Some(Checking), Some(Checking), Some(Checking), Some(Checking)]),
        ];
        assert_eq!(table.map(|(step, _)| step), Step::ALL);
        assert_eq!(Display::ALL, [Checking, Review, Shown, Hidden]);
        for (step, row) in table {
            for (from, to) in Display::ALL.iter().zip(row) {
                assert_eq!(from.after(step), to, "{} {}", from.label(), step.label());
            }
        }
    }

    #[test]
    fn nothing_is_shown_that_was_not_checked() {
        for step in Step::ALL {
            let leads_out = Display::Checking.after(*step) == Some(Display::Shown);
            assert_eq!(leads_out, *step == Step::Pass, "{}", step.label());
        }
    }
}
