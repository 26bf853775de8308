//! 通知: what happened is written to the outbox in the transaction of the event; a worker moves it to the person's inbox, once.
//!
//! To add an event, add a line to [`Event`]. The message is composed when it is read, from the event and what it is about.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::ids::{AccountId, Clock, IdSource};
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What a person is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Their opinion has been received.
    OpinionReceived,
    /// The answer to their opinion is public.
    OpinionAnswered,
    /// A draft they follow: its first round has begun.
    RoundOpened,
    /// A draft they follow: another round has begun.
    DraftReopened,
    /// A draft they follow: the round ends later.
    RoundExtended,
    /// A draft they follow: the round ends soon.
    ClosingSoon,
    /// A draft they follow: the round was ended before its time.
    RoundWithdrawn,
    /// A draft they follow: it was given up.
    DraftWithdrawn,
    /// A draft they follow: every opinion has its public answer.
    FeedbackPublished,
    /// A draft they follow: it has become law.
    DraftPromulgated,
    /// A person will look at their opinion before others see it.
    OpinionInReview,
    /// Their opinion is hidden from the public; `about` gives the reason.
    OpinionHidden,
    /// Their opinion is shown, after a look or after it had been hidden.
    OpinionShown,
    /// Their appeal was granted.
    AppealGranted,
    /// Their appeal was refused.
    AppealRefused,
    /// To staff: an author appeals against a hiding.
    AppealFiled,
}

impl Event {
    /// Every event.
    pub const ALL: &'static [Event] = &[
        Event::OpinionReceived,
        Event::OpinionAnswered,
        Event::RoundOpened,
        Event::DraftReopened,
        Event::RoundExtended,
        Event::ClosingSoon,
        Event::RoundWithdrawn,
        Event::DraftWithdrawn,
        Event::FeedbackPublished,
        Event::DraftPromulgated,
        Event::OpinionInReview,
        Event::OpinionHidden,
        Event::OpinionShown,
        Event::AppealGranted,
        Event::AppealRefused,
        Event::AppealFiled,
    ];

    /// Canonical name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::OpinionReceived => "opinion_received",
            Event::OpinionAnswered => "opinion_answered",
            Event::RoundOpened => "round_opened",
            Event::DraftReopened => "draft_reopened",
            Event::RoundExtended => "round_extended",
            Event::ClosingSoon => "closing_soon",
            Event::RoundWithdrawn => "round_withdrawn",
            Event::DraftWithdrawn => "draft_withdrawn",
            Event::FeedbackPublished => "feedback_published",
            Event::DraftPromulgated => "draft_promulgated",
            Event::OpinionInReview => "opinion_in_review",
            Event::OpinionHidden => "opinion_hidden",
            Event::OpinionShown => "opinion_shown",
            Event::AppealGranted => "appeal_granted",
            Event::AppealRefused => "appeal_refused",
            Event::AppealFiled => "appeal_filed",
        }
    }

    /// Reads a canonical name.
    pub fn parse(text: &str) -> Option<Event> {
        Event::ALL.iter().copied().find(|event| event.as_str() == text)
    }

    /// The sentence that the person reads; `about` names the thing.
    pub fn sentence(self, about: &str) -> String {
        match self {
            Event::OpinionReceived => format!("您对{about}的意见已收到，感谢参与。"),
            Event::OpinionAnswered => format!("您对{about}的意见已有采纳情况反馈，请查看。"),
            Event::RoundOpened => format!("您关注的草案{about}开始征求意见，欢迎提出意见。"),
            Event::DraftReopened => format!("您关注的草案{about}再次征求意见，欢迎对新的文本提出意见。"),
            Event::RoundExtended => format!("您关注的草案{about}延长了征求意见的期限。"),
            Event::ClosingSoon => format!("您关注的草案{about}即将截止征求意见，还想提出意见的请尽快。"),
            Event::RoundWithdrawn => format!("您关注的草案{about}提前结束征求意见，理由见公告；已经提出的意见仍会研究答复。"),
            Event::DraftWithdrawn => format!("您关注的草案{about}已经撤回，理由见公告；已经提出的意见仍会研究答复。"),
            Event::FeedbackPublished => format!("您关注的草案{about}已公布公众意见采纳情况，请查看。"),
            Event::DraftPromulgated => format!("您关注的草案{about}已经正式公布，请查看。"),
            Event::OpinionInReview => format!("您对{about}的意见正在由工作人员审核，审核通过后公开展示；意见已经收到，照常统计和答复。"),
            Event::OpinionHidden => format!("您对{about}；意见照常统计和答复。如有异议，可以申诉一次。"),
            Event::OpinionShown => format!("您对{about}的意见已通过审核，可以公开展示。"),
            Event::AppealGranted => format!("您对{about}的意见申诉成立，已恢复公开展示。"),
            Event::AppealRefused => format!("您对{about}的意见申诉不成立，维持不予公开展示；理由请点开查看。意见照常统计和答复。"),
            Event::AppealFiled => format!("有作者对隐藏意见（回执号 {about}）提出申诉，请由作出隐藏决定以外的同事处理。"),
        }
    }
}

/// A message in an inbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Id.
    pub id: Uuid,
    /// What happened.
    pub event: Event,
    /// The thing, e.g. an opinion.
    pub subject_id: Uuid,
    /// What the person reads.
    pub sentence: String,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    account_id: AccountId,
    event: String,
    subject_id: Uuid,
    about: String,
    created_at: DateTime<Utc>,
    #[sqlx(default)]
    read_at: Option<DateTime<Utc>>,
}

const INSERT_OUTBOX: &str = "INSERT INTO outbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
const LIST_PENDING: &str =
    "SELECT id, account_id, event, subject_id, about, created_at FROM outbox WHERE delivered_at IS NULL ORDER BY created_at, id LIMIT $1";
const COUNT_PENDING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE delivered_at IS NULL";
const MARK_DELIVERED: &str = "UPDATE outbox SET delivered_at = $2 WHERE id = $1 AND delivered_at IS NULL";
const INSERT_INBOX: &str = "INSERT INTO inbox (id, account_id, event, subject_id, about, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
const LIST_INBOX: &str = "SELECT id, account_id, event, subject_id, about, created_at, read_at FROM inbox
    WHERE account_id = $1 AND ((created_at, id) < ($2, $3) OR $2 IS NULL) ORDER BY created_at DESC, id DESC LIMIT $4";
const MARK_READ: &str = "UPDATE inbox SET read_at = COALESCE(read_at, $3) WHERE id = $1 AND account_id = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT_OUTBOX, LIST_PENDING, COUNT_PENDING, MARK_DELIVERED, INSERT_INBOX, LIST_INBOX, MARK_READ];

/// Events delivered in one transaction.
const BATCH: u32 = 200;
/// Time between two looks at the outbox.
const PAUSE: Duration = Duration::from_secs(2);
/// Time after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);

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

/// Moves up to `limit` events from the outbox to the inboxes and says how many it moved. Safe from several instances at once and after a crash:
/// whoever marks the row writes the message, in one transaction.
pub async fn deliver_pending(db: &Db, clock: &Clock, limit: u32) -> Result<u32> {
    let pending: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(LIST_PENDING).bind(i64::from(limit)).fetch_all(pool).await).map_err(failed)?;
    if pending.is_empty() {
        return Ok(0);
    }
    let now = clock.now();
    let mut delivered = 0;
    let mut tx = db.begin().await?;
    for row in pending {
        let claimed: u64 =
            on_tx!(&mut tx, c => sqlx::query(MARK_DELIVERED).bind(row.id).bind(now).execute(c).await.map(|d| d.rows_affected()))
                .map_err(failed)?;
        if claimed == 1 {
            on_tx!(&mut tx, c => sqlx::query(INSERT_INBOX)
                .bind(row.id).bind(row.account_id).bind(&row.event).bind(row.subject_id).bind(&row.about).bind(row.created_at).execute(c).await.map(drop))
            .map_err(failed)?;
            delivered += 1;
        }
    }
    tx.commit().await?;
    Ok(delivered)
}

/// Delivers until it is told to stop. A failure is logged and tried again: the rows stay in the outbox.
pub async fn deliver_until_stopped(db: Db, clock: Clock, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        let pause = match deliver_pending(&db, &clock, BATCH).await {
            // More may be waiting.
            Ok(delivered) if delivered == BATCH => Duration::ZERO,
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::error!(cause = error.cause_chain(), "notifications could not be delivered; they are tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

/// Events not yet delivered.
pub async fn count_pending(db: &Db) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_PENDING).fetch_one(pool).await).map_err(failed)
}

/// The messages of a person, the newest first.
pub async fn list_inbox(db: &Db, account: AccountId, cursor: Option<&str>, limit: usize) -> Result<Page<Message>> {
    let after: Option<(DateTime<Utc>, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_INBOX).bind(account).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
        .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.created_at, row.id));
    let items: Result<Vec<Message>> = page
        .items
        .into_iter()
        .map(|row| {
            let event = Event::parse(&row.event).ok_or_else(|| Error::defect(format_args!("unknown event {}", row.event)))?;
            let sentence = event.sentence(&row.about);
            Ok(Message { id: row.id, event, subject_id: row.subject_id, sentence, created_at: row.created_at, read_at: row.read_at })
        })
        .collect();
    Ok(Page { items: items?, next: page.next })
}

/// Marks a message of a person as read; repeating it keeps the first instant.
pub async fn mark_read(db: &Db, clock: &Clock, account: AccountId, message: Uuid) -> Result<()> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let found: u64 =
        on_tx!(&mut tx, c => sqlx::query(MARK_READ).bind(message).bind(account).bind(now).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
    if found == 0 {
        return Err(Error::not_found("这条消息"));
    }
    tx.commit().await
}
