//! What a person decides about the display of an opinion: show it, hide it with a listed reason, or take the last decision back.
//!
//! A decision is about the wording that was read: the caller sends its revision, and a wording that has changed meanwhile is refused. Repeating a decision
//! changes nothing.

use super::{Concern, ConcernKind, Desk, Display, HidingReason, Record, Step, Subject, lock, take};
use crate::accounts::{Caller, Permission};
use crate::audit::{self, Act, NewEntry};
use crate::error::{Code, Error, Result};
use crate::ids::OpinionId;
use crate::notifications::{self, Event};
use crate::opinions::OpinionState;
use crate::storage::Tx;

/// Longest text beside a listed reason, in characters.
pub const REASON_CHARACTERS: usize = 500;

/// Lets others see an opinion. `revision` is the wording that was read.
pub async fn show_opinion(at: Desk<'_>, caller: &Caller, opinion: OpinionId, revision: i64) -> Result<Display> {
    caller.require(Permission::ModerateOpinions)?;
    let mut tx = at.db.begin().await?;
    let subject = lock_for(&mut tx, opinion, Some(revision)).await?;
    let from = subject.display()?;
    if from == Display::Shown {
        return Ok(from);
    }
    refuse_open_appeal(&subject)?;
    let record = Record { by: Some(caller.account_id), concerns: subject.concerns(), ..Record::default() };
    let (display, entry) = take(&mut tx, at.clock, &subject, Step::Show, record).await?;
    // Whoever was told that it is looked at, or hidden, is told that it is shown.
    let was_told = from == Display::Hidden || is_told_of(&subject);
    if let Some(author) = subject.account_id.filter(|_| subject.is_public && was_told) {
        notifications::announce(&mut tx, at.clock, at.ids, author, Event::OpinionShown, opinion.0, &subject.about()).await?;
    }
    record_act(&mut tx, at, caller, Act::ShowOpinion, &subject, entry, "").await?;
    tx.commit().await?;
    Ok(display)
}

/// Hides an opinion for a listed reason, with words for its author. `revision` is the wording that was read.
pub async fn hide_opinion(
    at: Desk<'_>,
    caller: &Caller,
    opinion: OpinionId,
    revision: i64,
    category: HidingReason,
    reason: &str,
) -> Result<Display> {
    caller.require(Permission::ModerateOpinions)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("reason", format!("请写明具体情况，作者会看到；不超过 {REASON_CHARACTERS} 个字。")));
    }
    let mut tx = at.db.begin().await?;
    let subject = lock_for(&mut tx, opinion, Some(revision)).await?;
    if subject.display()? == Display::Hidden
        && subject.category.as_deref() == Some(category.as_str())
        && subject.hiding_reason.as_deref() == Some(reason)
    {
        return Ok(Display::Hidden);
    }
    let record = Record { by: Some(caller.account_id), category: Some(category), reason, concerns: subject.concerns() };
    let (display, entry) = take(&mut tx, at.clock, &subject, Step::Hide, record).await?;
    if let Some(author) = subject.account_id {
        let about = format!("{}的意见因“{}”不予公开展示", subject.about(), category.label());
        notifications::announce(&mut tx, at.clock, at.ids, author, Event::OpinionHidden, opinion.0, &about).await?;
    }
    record_act(&mut tx, at, caller, Act::HideOpinion, &subject, entry, category.as_str()).await?;
    tx.commit().await?;
    Ok(display)
}

/// Takes the last decision of a person back: the opinion waits again.
pub async fn take_back(at: Desk<'_>, caller: &Caller, opinion: OpinionId) -> Result<Display> {
    caller.require(Permission::ModerateOpinions)?;
    let mut tx = at.db.begin().await?;
    let subject = lock_for(&mut tx, opinion, None).await?;
    let from = subject.display()?;
    let mut concerns = subject.concerns();
    if from == Display::Review && concerns.iter().any(|c| c.kind == ConcernKind::TakenBack) {
        return Ok(from);
    }
    if subject.decided_by.is_none() {
        return Err(Error::new(Code::Conflict, "这条意见还没有人处理过，没有可以撤销的。"));
    }
    refuse_open_appeal(&subject)?;
    concerns.push(Concern::whole(ConcernKind::TakenBack));
    let record = Record { by: Some(caller.account_id), concerns, ..Record::default() };
    let (display, entry) = take(&mut tx, at.clock, &subject, Step::TakeBack, record).await?;
    if let Some(author) = subject.account_id.filter(|_| from == Display::Hidden) {
        notifications::announce(&mut tx, at.clock, at.ids, author, Event::OpinionInReview, opinion.0, &subject.about()).await?;
    }
    record_act(&mut tx, at, caller, Act::TakeBackModeration, &subject, entry, "").await?;
    tx.commit().await?;
    Ok(display)
}

/// Whether the author was told that a person looks at it.
fn is_told_of(subject: &Subject) -> bool {
    subject.concerns().iter().any(|c| !matches!(c.kind, ConcernKind::NotChecked | ConcernKind::Attachment))
}

/// Locks an opinion that is not withdrawn, in the wording that was read.
async fn lock_for(tx: &mut Tx, opinion: OpinionId, revision: Option<i64>) -> Result<Subject> {
    let subject = lock(tx, opinion).await?;
    if OpinionState::stored(&subject.state)? == OpinionState::Withdrawn {
        return Err(Error::new(Code::Conflict, "作者已经撤回这条意见，不需要再审核。"));
    }
    if revision.is_some_and(|revision| revision != subject.revision) {
        return Err(Error::new(Code::Conflict, "作者刚刚修改了这条意见，请看过新的内容再处理。"));
    }
    Ok(subject)
}

/// While an appeal waits, only its decision changes anything.
fn refuse_open_appeal(subject: &Subject) -> Result<()> {
    if subject.has_open_appeal { Err(Error::new(Code::Conflict, "作者已经提出申诉，请在申诉中处理。")) } else { Ok(()) }
}

async fn record_act(tx: &mut Tx, at: Desk<'_>, caller: &Caller, act: Act, subject: &Subject, entry: i64, detail: &str) -> Result<()> {
    let detail = format!("revision {}, entry {entry} {detail}", subject.revision);
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act,
        subject: "opinion",
        subject_id: Some(subject.id.0),
        is_success: true,
        detail: detail.trim_end(),
    };
    audit::append(tx, at.clock, entry).await
}
