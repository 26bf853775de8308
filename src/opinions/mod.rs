//! 意见建议: what people say about a draft, on the whole or on one provision, and what becomes of it.
//!
//! Whether a round is open is decided by the server's clock at one instant, in the transaction that writes the opinion. Every act carries its
//! idempotency key, so that a phone that sends twice is heard once.
//!
//! | file | what |
//! |---|---|
//! | `wording` | what an author says, checked against the text it speaks of |
//! | `posting`, `revising`, `lookups` | taking opinions in, changing and withdrawing them, finding one again without an account |
//! | `enclosures`, `acts` | files that come with them; keys of acts that are heard once |
//! | `sealing` | receipts under seals of the audit log |
//! | `votes`, `onward` | agreeing and disagreeing; where an article went in a newer version |
//! | `reading/` | who sees what (one policy for what is public), lists and counts |
//! | `moderation/` | checks before others may see an opinion, hiding, appeals |
//! | `grouping/`, `groups/` | finding near-identical opinions; keeping them together |
//! | `triage/` | the work of sorting: work list, handlers, tags, notes |
//! | `feedback/` | the official answers |
//! | `offline/` | opinions from paper: where they came from, uploaded files of them |
//! | `statistics/` | numbers by round, point, district, article, channel and outcome, each with the rows behind it |
//! | `report/` | what became of the opinions of a round, for everybody: as data, .docx and .xlsx |
//! | `seeds` | the demonstration |

pub mod acts;
pub mod enclosures;
pub mod feedback;
pub mod grouping;
pub mod groups;
pub mod lookups;
pub mod moderation;
pub mod offline;
pub mod onward;
pub mod posting;
pub mod reading;
pub mod report;
pub mod revising;
pub mod sealing;
pub mod seeds;
pub mod statistics;
pub mod triage;
pub mod votes;
pub mod wording;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

use crate::config::Rules;
use crate::ids::{AccountId, Clock, ContactPointId, EnclosureId, IdSource, OpinionId, StationId};
use crate::storage::Db;
use crate::storage::cache::Cache;
use crate::text_enum;

/// What a label says when the opinion is on the draft as a whole.
pub const WHOLE_DRAFT: &str = "全文";

text_enum! {
    /// 态度
    Stance {
        /// 赞成
        Support = "support", "赞成";
        /// 建议修改
        Amend = "amend", "建议修改";
        /// 反对
        Oppose = "oppose", "反对";
        /// 询问
        Question = "question", "询问";
    }
}

text_enum! {
    /// 渠道: how an opinion came.
    Channel {
        /// The mini-program.
        Wechat = "wechat", "微信小程序";
        /// The web pages.
        Web = "web", "网页";
        /// Collected at a contact point.
        ContactPoint = "contact_point", "立法基层联系点";
        /// A letter.
        Letter = "letter", "来信";
        /// A symposium.
        Symposium = "symposium", "座谈会";
    }
}

text_enum! {
    /// Where an opinion stands.
    OpinionState {
        /// Received, no answer yet.
        Received = "received", "已收到";
        /// An answer is written and waits for a second person.
        AnswerPrepared = "answer_prepared", "已拟定采纳情况";
        /// A second person let the answer pass; it is not public.
        AnswerReviewed = "answer_reviewed", "采纳情况已审核";
        /// The answer is public.
        Answered = "answered", "已反馈";
        /// It needs no answer, for a listed reason.
        Excluded = "excluded", "不作反馈";
        /// The author took it back.
        Withdrawn = "withdrawn", "已撤回";
    }
}

text_enum! {
    /// Whether others may see the words of an opinion. Nothing is shown before it has passed a check.
    Display {
        /// The check has not ended.
        Checking = "checking", "检查中";
        /// The check left it to a person.
        Review = "review", "待人工审核";
        /// Others may see it, unless the author keeps it back.
        Shown = "shown", "可以展示";
        /// A person or a rule hid it, with a reason that its author was told.
        Hidden = "hidden", "不予展示";
    }
}

/// What a person says.
#[derive(Clone, Debug)]
pub struct NewOpinion {
    /// Address of a provision of the version that is asked about; `None` = the draft as a whole.
    pub address: Option<String>,
    /// Attitude.
    pub stance: Stance,
    /// The opinion.
    pub body: String,
    /// Why; may be empty.
    pub reason: String,
    /// Whether the author agrees to its publication.
    pub is_public: bool,
    /// The words of the provision that the author points at.
    pub quote: Option<Quote>,
    /// The wording that the author proposes for the provision; may be empty.
    pub proposed_text: String,
    /// Files that were uploaded for it, in their order.
    pub attachments: Vec<EnclosureId>,
    /// Code of the contact point whose address led the author here; `None` = none.
    pub contact_point: Option<String>,
}

impl NewOpinion {
    /// A public opinion without anything that may be left out.
    pub fn on(address: Option<String>, stance: Stance, body: &str) -> NewOpinion {
        NewOpinion {
            address,
            stance,
            body: body.into(),
            reason: String::new(),
            is_public: true,
            quote: None,
            proposed_text: String::new(),
            attachments: Vec::new(),
            contact_point: None,
        }
    }
}

/// Words of a provision that an opinion points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where they begin in the provision's own text, in characters; `None` = where they first stand.
    pub start: Option<i64>,
    /// The words.
    pub text: String,
}

/// How an opinion came and from whom.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The account that posted it; `None` for what came on paper or by word of mouth.
    pub account_id: Option<AccountId>,
    /// Keyed hash of the person whom a contact point wrote down; tells the people behind opinions without an account apart.
    pub person_hash: Option<String>,
    /// A kind of person or unit, never a name.
    pub author_kind: String,
    /// Channel.
    pub channel: Channel,
    /// The contact point that collected it.
    pub contact_point: Option<ContactPointId>,
    /// Its station.
    pub station: Option<StationId>,
}

/// What the author gets in return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the opinion.
    pub opinion_id: OpinionId,
    /// Number to quote, e.g. `YJ20260302-3F9A0C71B2`.
    pub number: String,
    /// Server's instant of receipt.
    pub posted_at: DateTime<Utc>,
    /// What it is about, as cited; 全文 for the draft as a whole.
    pub provision_label: String,
    /// Whether it came after the end of the round, while late opinions were still taken.
    pub is_late: bool,
    /// Whether this answers a repetition: nothing new was written.
    pub is_repetition: bool,
}

/// What posting works with.
#[derive(Clone, Copy)]
pub struct Counter<'a> {
    /// Where opinions are kept.
    pub db: &'a Db,
    /// Limits.
    pub cache: &'a Cache,
    /// The present; it decides whether the round is open.
    pub clock: &'a Clock,
    /// Ids and receipt numbers.
    pub ids: &'a IdSource,
    /// Limits.
    pub rules: &'a Rules,
    /// Where the request comes from, as far as trusted proxies tell; limits count by it.
    pub address: Option<IpAddr>,
    /// Counts what was taken.
    pub taken: &'a Taken,
}

/// Adds to the sum of a key; a key that has none yet comes last.
fn add<K: PartialEq>(sums: &mut Vec<(K, i64)>, key: K, n: i64) {
    match sums.iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum += n,
        None => sums.push((key, n)),
    }
}

/// How many opinions this process took, by channel; repetitions are not counted. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Taken(Arc<[AtomicU64; Channel::ALL.len()]>);

impl Taken {
    /// Counts opinions whose transaction is committed.
    pub(in crate::opinions) fn note(&self, channel: Channel, opinions: u64) {
        for (_, count) in Channel::ALL.iter().zip(self.0.iter()).filter(|(known, _)| **known == channel) {
            count.fetch_add(opinions, Ordering::Relaxed);
        }
    }

    /// Every channel with what came through it since the process began.
    pub fn by_channel(&self) -> impl Iterator<Item = (Channel, u64)> {
        Channel::ALL.iter().zip(self.0.iter()).map(|(channel, count)| (*channel, count.load(Ordering::Relaxed)))
    }
}
