//! 申诉: what the author of a hidden opinion may say against it, once for each hiding, and what somebody else than who hid it decides.

use super::{Desk, Display, Record, Step, lock, take};
use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, OpinionId};
use crate::notifications::{self, Event};
use crate::on_tx;
use crate::opinions::OpinionState;
use crate::storage::Tx;
use crate::storage::sql::failed;
use crate::text_enum;

text_enum! {
    /// What became of an appeal.
    AppealOutcome {
        /// The opinion is shown again.
        Granted = "granted", "申诉成立，恢复展示";
        /// It stays hidden.
        Refused = "refused", "申诉不成立，维持不予展示";
    }
}

/// Longest appeal and longest answer to one, in characters.
pub const APPEAL_CHARACTERS: usize = 1_000;

const FIND: &str = "SELECT body, outcome, decided_by, reply FROM moderation_appeal WHERE opinion_id = $1 AND hiding = $2";
const INSERT: &str = "INSERT INTO moderation_appeal (opinion_id, hiding, body, appealed_at, outcome, decided_by, decided_at, reply) VALUES ($1, $2, $3, $4, NULL, NULL, NULL, '')";
const DECIDE: &str = "UPDATE moderation_appeal SET outcome = $3, decided_by = $4, decided_at = $5, reply = $6 WHERE opinion_id = $1 AND hiding = $2 AND outcome IS NULL";
const LIST_STAFF: &str = "SELECT id FROM account WHERE role = $1 AND is_active ORDER BY id";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[FIND, INSERT, DECIDE, LIST_STAFF];

/// What was said, and what became of it.
type Known = (String, Option<String>, Option<AccountId>, String);

async fn find(tx: &mut Tx, opinion: OpinionId, hiding: i64) -> Result<Option<Known>> {
    on_tx!(tx, c => sqlx::query_as(FIND).bind(opinion).bind(hiding).fetch_optional(c).await).map_err(failed)
}

fn checked(field: &str, text: &str) -> Result<String> {
    let text: String = text.replace("\r\n", "\n").trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    if text.is_empty() || text.chars().count() > APPEAL_CHARACTERS {
        return Err(Error::invalid(field, format!("请写明理由，不超过 {APPEAL_CHARACTERS} 个字。")));
    }
    Ok(text)
}

/// Appeals against the hiding of one's own opinion. The same words again change nothing; a second appeal against the same hiding is [`Code::Conflict`];
/// an opinion of somebody else is not found.
pub async fn appeal(at: Desk<'_>, caller: &Caller, opinion: OpinionId, text: &str) -> Result<()> {
    caller.require(Permission::PostOpinion)?;
    file(at, Some(caller.account_id), opinion, text).await
}

/// Appeals against the hiding of an opinion that was posted without an account; whoever calls this has proved to know its code.
pub(in crate::opinions) async fn appeal_unnamed(at: Desk<'_>, opinion: OpinionId, text: &str) -> Result<()> {
    file(at, None, opinion, text).await
}

async fn file(at: Desk<'_>, author: Option<AccountId>, opinion: OpinionId, text: &str) -> Result<()> {
    let text = checked("text", text)?;
    let mut tx = at.db.begin().await?;
    let subject = lock(&mut tx, opinion).await?;
    if subject.account_id != author {
        return Err(Error::not_found("这条意见"));
    }
    if OpinionState::stored(&subject.state)? == OpinionState::Withdrawn {
        return Err(Error::new(Code::Conflict, "您已经撤回这条意见。"));
    }
    let hiding = subject.hiding.filter(|_| subject.display().is_ok_and(|d| d == Display::Hidden));
    let hiding = hiding.ok_or_else(|| Error::new(Code::Conflict, "这条意见现在没有被隐藏，不需要申诉。"))?;
    match find(&mut tx, opinion, hiding).await? {
        Some((known, ..)) if known == text => return Ok(()),
        Some(_) => return Err(Error::new(Code::Conflict, "您已经申诉过一次，请等候或查看处理结果。")),
        None => {}
    }
    let now = at.clock.now();
    on_tx!(&mut tx, c => sqlx::query(INSERT).bind(opinion).bind(hiding).bind(&text).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    let record = Record { reason: &text, concerns: subject.concerns(), ..Record::default() };
    take(&mut tx, at.clock, &subject, Step::Appeal, record).await?;
    for role in Permission::ModerateOpinions.roles() {
        let staff: Vec<AccountId> =
            on_tx!(&mut tx, c => sqlx::query_scalar(LIST_STAFF).bind(role.as_str()).fetch_all(c).await).map_err(failed)?;
        for person in staff.into_iter().filter(|person| Some(*person) != subject.decided_by) {
            notifications::announce(&mut tx, at.clock, at.ids, person, Event::AppealFiled, opinion.0, &subject.receipt_number).await?;
        }
    }
    let entry = NewEntry {
        account_id: author,
        act: Act::AppealHiding,
        subject: "opinion",
        subject_id: Some(opinion.0),
        is_success: true,
        detail: "",
    };
    audit::append(&mut tx, at.clock, entry).await?;
    tx.commit().await
}

/// Decides an appeal, with words for the author. Who hid the opinion may not: [`Code::Forbidden`]. Repeating a decision changes nothing.
pub async fn decide_appeal(at: Desk<'_>, caller: &Caller, opinion: OpinionId, outcome: AppealOutcome, reply: &str) -> Result<Display> {
    caller.require(Permission::ModerateOpinions)?;
    let reply = checked("reply", reply)?;
    let mut tx = at.db.begin().await?;
    let subject = lock(&mut tx, opinion).await?;
    let none = || Error::new(Code::Conflict, "这条意见没有等待处理的申诉。");
    let hiding = subject.hiding.ok_or_else(none)?;
    let (_, decided, decided_by, said) = find(&mut tx, opinion, hiding).await?.ok_or_else(none)?;
    if let Some(decided) = decided {
        let is_same = decided == outcome.as_str() && decided_by == Some(caller.account_id) && said == reply;
        return if is_same {
            subject.display()
        } else {
            Err(Error::new(Code::Conflict, "这项申诉已经有处理结果，不能改变。"))
        };
    }
    if !subject.has_open_appeal {
        return Err(none());
    }
    if subject.decided_by == Some(caller.account_id) {
        return Err(Error::new(Code::Forbidden, "申诉须由作出隐藏决定以外的人处理，请交给同事。"));
    }
    let now = at.clock.now();
    on_tx!(&mut tx, c => sqlx::query(DECIDE)
        .bind(opinion).bind(hiding).bind(outcome.as_str()).bind(caller.account_id).bind(now).bind(&reply).execute(c).await.map(drop))
    .map_err(failed)?;
    let (step, event) = match outcome {
        AppealOutcome::Granted => (Step::GrantAppeal, Event::AppealGranted),
        AppealOutcome::Refused => (Step::RefuseAppeal, Event::AppealRefused),
    };
    let record = Record { by: Some(caller.account_id), reason: &reply, concerns: subject.concerns(), ..Record::default() };
    let (display, entry) = take(&mut tx, at.clock, &subject, step, record).await?;
    if let Some(author) = subject.account_id {
        notifications::announce(&mut tx, at.clock, at.ids, author, event, opinion.0, &subject.about()).await?;
    }
    let detail = format!("{}, revision {}, entry {entry}", outcome.as_str(), subject.revision);
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::DecideAppeal,
        subject: "opinion",
        subject_id: Some(opinion.0),
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, at.clock, entry).await?;
    tx.commit().await?;
    Ok(display)
}
