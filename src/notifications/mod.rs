//! 通知: what happened is written to the outbox in the transaction of the event, and nothing that is written there is lost.
//!
//! `outbox.rs` moves each event to the person's inbox once, tries again with growing pauses, and gives up in sight of the staff. In the transaction that fills the
//! inbox a consent to a WeChat message is spent, if the person gave one (`subscriptions.rs`); `carrying.rs` sends it. `inbox.rs` is what people read.
//!
//! To add an event, add a line to the table of [`Event`]. The message is composed when it is read, from the event and what it is about.

pub mod carrying;
pub mod inbox;
pub mod outbox;
pub mod subscriptions;

use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::error::Result;
use crate::ids::{AccountId, Clock, IdSource};
use crate::on_tx;
use crate::storage::crypto::FieldCipher;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};

pub use inbox::{Message, list_inbox, mark_all_read, mark_read};
pub use outbox::{count_pending, deliver_pending, deliver_until_stopped};

/// What an event is about, so that a page can lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One's own opinion.
    OwnOpinion,
    /// The hiding of one's own opinion.
    OwnHiding,
    /// An opinion, for those who moderate.
    ModeratedOpinion,
    /// A draft.
    Draft,
    /// What one's own contact point does for a collection task.
    OwnAssignment,
    /// What a contact point does for a collection task, for the bureau.
    Assignment,
    /// What a county organ is asked to pass on.
    Relay,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $subject:ident, $title:literal, $sentence:literal;)+) => {
        /// What a person is told about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Event { $($(#[$doc])* $name),+ }

        impl Event {
            /// Every event.
            pub const ALL: &'static [Event] = &[$(Event::$name),+];

            /// Canonical name, as stored.
            pub fn as_str(self) -> &'static str { match self { $(Event::$name => $slug),+ } }

            /// Reads a canonical name.
            pub fn parse(text: &str) -> Option<Event> { match text { $($slug => Some(Event::$name),)+ _ => None } }

            /// What it is about.
            pub fn subject(self) -> Subject { match self { $(Event::$name => Subject::$subject),+ } }

            /// A few words, for lists and WeChat.
            pub fn title(self) -> &'static str { match self { $(Event::$name => $title),+ } }

            /// The sentence that the person reads; `about` names the thing.
            pub fn sentence(self, about: &str) -> String {
                let pattern = match self { $(Event::$name => $sentence),+ };
                pattern.replace("{about}", about)
            }
        }
    };
}

events! {
    /// Their opinion has been received.
    OpinionReceived = "opinion_received", OwnOpinion, "意见已收到", "您对{about}的意见已收到，感谢参与。";
    /// The answer to their opinion is public.
    OpinionAnswered = "opinion_answered", OwnOpinion, "意见已反馈", "您对{about}的意见已有采纳情况反馈，请查看。";
    /// Their opinion needs no answer of its own; `about` gives the listed reason.
    OpinionExcluded = "opinion_excluded", OwnOpinion, "意见不作反馈", "您对{about}，不另作答复。";
    /// A person will look at their opinion before others see it.
    OpinionInReview = "opinion_in_review", OwnOpinion, "意见审核中", "您对{about}的意见正在由工作人员审核，审核通过后公开展示；意见已经收到，照常统计和答复。";
    /// Their opinion is hidden from the public; `about` gives the reason.
    OpinionHidden = "opinion_hidden", OwnHiding, "意见未公开", "您对{about}；意见照常统计和答复。如有异议，可以申诉一次。";
    /// Their opinion is shown, after a look or after it had been hidden.
    OpinionShown = "opinion_shown", OwnOpinion, "意见已公开", "您对{about}的意见已通过审核，可以公开展示。";
    /// Their appeal was granted.
    AppealGranted = "appeal_granted", OwnHiding, "申诉成立", "您对{about}的意见申诉成立，已恢复公开展示。";
    /// Their appeal was refused.
    AppealRefused = "appeal_refused", OwnHiding, "申诉未成立", "您对{about}的意见申诉不成立，维持不予公开展示；理由请点开查看。意见照常统计和答复。";
    /// To staff: an author appeals against a hiding.
    AppealFiled = "appeal_filed", ModeratedOpinion, "有人申诉", "有作者对隐藏意见（回执号 {about}）提出申诉，请由作出隐藏决定以外的同事处理。";
    /// A draft they follow: its first round has begun.
    RoundOpened = "round_opened", Draft, "开始征求意见", "您关注的草案{about}开始征求意见，欢迎提出意见。";
    /// A draft they follow: another round has begun.
    DraftReopened = "draft_reopened", Draft, "再次征求意见", "您关注的草案{about}再次征求意见，欢迎对新的文本提出意见。";
    /// A draft they follow: the round ends later.
    RoundExtended = "round_extended", Draft, "征求意见延期", "您关注的草案{about}延长了征求意见的期限。";
    /// A draft they follow: the round ends soon.
    ClosingSoon = "closing_soon", Draft, "即将截止", "您关注的草案{about}即将截止征求意见，还想提出意见的请尽快。";
    /// A draft they follow: the round was ended before its time.
    RoundWithdrawn = "round_withdrawn", Draft, "提前结束征集", "您关注的草案{about}提前结束征求意见，理由见公告；已经提出的意见仍会研究答复。";
    /// A draft they follow: it was given up.
    DraftWithdrawn = "draft_withdrawn", Draft, "草案已撤回", "您关注的草案{about}已经撤回，理由见公告；已经提出的意见仍会研究答复。";
    /// A draft they follow: every opinion has its public answer.
    FeedbackPublished = "feedback_published", Draft, "公布采纳情况", "您关注的草案{about}已公布公众意见采纳情况，请查看。";
    /// A draft they follow: it has become law.
    DraftPromulgated = "draft_promulgated", Draft, "草案已公布", "您关注的草案{about}已经正式公布，请查看。";
    /// To the staff of a contact point: a collection task came.
    AssignmentSent = "assignment_sent", OwnAssignment, "新的征集任务", "收到新的征集任务{about}，请接收。";
    /// To the staff of a contact point: the bureau gave their opinions back.
    AssignmentReturned = "assignment_returned", OwnAssignment, "任务退回补正", "征集任务{about}被退回补正，理由请点开查看。";
    /// To the staff of a contact point: the bureau took their opinions.
    AssignmentAccepted = "assignment_accepted", OwnAssignment, "任务已验收", "征集任务{about}已验收，感谢你们的工作。";
    /// To the staff of a contact point: the bureau called it off.
    AssignmentCancelled = "assignment_cancelled", OwnAssignment, "任务已取消", "征集任务{about}已取消，理由请点开查看。";
    /// To the staff of a contact point: the due date is near.
    AssignmentDueSoon = "assignment_due_soon", OwnAssignment, "任务即将截止", "征集任务{about}即将截止，请尽快提交；确有困难的，可以申请延期。";
    /// To the staff of a contact point: the due date is over.
    AssignmentOverdue = "assignment_overdue", OwnAssignment, "任务已逾期", "征集任务{about}已经逾期，请尽快提交；确有困难的，可以申请延期。";
    /// To the staff of a contact point: they have more time.
    ExtensionGranted = "extension_granted", OwnAssignment, "延期已同意", "征集任务{about}的延期申请已同意，新的截止日期请点开查看。";
    /// To the staff of a contact point: they have no more time.
    ExtensionRefused = "extension_refused", OwnAssignment, "延期未同意", "征集任务{about}的延期申请未获同意，理由请点开查看。";
    /// To the staff of a county organ: a task is to be passed on.
    TaskToPassOn = "task_to_pass_on", Relay, "任务待转发", "收到需要转发的征集任务{about}，请转发给本县区的联系点。";
    /// To the bureau: a contact point asks for more time.
    ExtensionAsked = "extension_asked", Assignment, "联系点申请延期", "征集任务{about}申请延期，请答复。";
    /// To the bureau: a contact point handed its opinions in.
    AssignmentSubmitted = "assignment_submitted", Assignment, "联系点已提交", "征集任务{about}已提交意见，请验收或者退回补正。";
}

/// What delivering works with.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// Where events wait.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Spreads the pauses.
    pub ids: &'a IdSource,
    /// Which events go out through WeChat, and in what form.
    pub templates: &'a subscriptions::Templates,
    /// Opens the addresses.
    pub cipher: &'a FieldCipher,
    /// Who carries messages out.
    pub carrier: &'a dyn carrying::Carrier,
}

/// Whoever holds what delivering works with.
pub trait AsPost: Send + Sync {
    /// It, borrowed.
    fn post(&self) -> Post<'_>;
}

const INSERT_OUTBOX: &str = "INSERT INTO outbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, $3, $4, $5, $6)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT_OUTBOX];

/// Writes an event for a person, in the transaction of the event.
pub async fn announce(
    tx: &mut Tx,
    clock: &Clock,
    ids: &IdSource,
    to: AccountId,
    event: Event,
    subject_id: Uuid,
    about: &str,
) -> Result<()> {
    on_tx!(tx, c => sqlx::query(INSERT_OUTBOX)
        .bind(ids.next()).bind(to).bind(event.as_str()).bind(subject_id).bind(about).bind(clock.now()).execute(c).await.map(drop))
    .map_err(failed)
}

/// Rows of one INSERT: six columns stay below SQLite's 32,766 parameters.
const ROWS_PER_INSERT: usize = 5_000;

/// Writes one event for many people, each with the thing and its name, in the transaction of the event: one statement for five thousand of them.
pub async fn announce_all(tx: &mut Tx, clock: &Clock, ids: &IdSource, event: Event, told: &[(AccountId, Uuid, String)]) -> Result<()> {
    let now = clock.now();
    for chunk in told.chunks(ROWS_PER_INSERT) {
        on_tx!(&mut *tx, c => {
            let mut insert = QueryBuilder::new("INSERT INTO outbox (id, account_id, event, subject_id, about, created_at) ");
            insert.push_values(chunk, |mut row, (to, subject_id, about)| {
                row.push_bind(ids.next()).push_bind(*to).push_bind(event.as_str()).push_bind(*subject_id).push_bind(about).push_bind(now);
            });
            insert.build().execute(c).await.map(drop)
        })
        .map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_back_and_fit_a_title() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.as_str()), Some(*event));
            assert!(event.sentence("《甲》").contains("《甲》") && !event.sentence("x").contains('{'), "{event:?}");
            // A `thing` of WeChat holds 20 characters; a title is also read in a list.
            assert!((2..=8).contains(&event.title().chars().count()), "{event:?}");
        }
        assert_eq!(Event::parse("nothing"), None);
    }
}
