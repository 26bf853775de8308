//! Reading opinions: what staff see (`lists.rs`), what the author sees (`own.rs`), what everybody sees (`public.rs`), and the counts (`counts.rs`).
//!
//! [`PublicOpinion`] is the one form in which an opinion reaches the public, and [`PublicOpinion::of`] the one place that leaves out what the author wished
//! to keep back and what was hidden or not yet checked; pages, API and exports all take it from here.

pub mod counts;
pub mod lists;
pub mod own;
pub mod public;
pub(super) mod rows;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use counts::{OpinionCounts, ProvisionCount, count_by_provision, count_opinions, count_received};
pub use lists::{get_opinion, list_opinions, list_ready_answers};
pub use own::{AuthorState, OwnOpinion, find_by_code, get_own_opinion, list_own_opinions};
pub use public::{ShownOpinion, get_public_opinion, list_answers, list_shown};

use super::feedback::{DispositionKind, ExclusionReason};
use super::{Channel, Display, OpinionState, Stance};
use crate::ids::{AccountId, ConsultationId, ContactPointId, DraftId, DraftVersionId, OpinionId};

/// An opinion with everything staff may see.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Id.
    pub id: OpinionId,
    /// Number on the receipt.
    pub receipt_number: String,
    /// Its draft.
    pub draft_id: DraftId,
    /// The round in which it came.
    pub consultation_id: ConsultationId,
    /// The version it speaks of.
    pub version_id: DraftVersionId,
    /// The account that posted it; `None` without one. For our own use: no page, export or answer of the API names it.
    pub author: Option<AccountId>,
    /// A kind of person or unit.
    pub author_kind: String,
    /// How it came.
    pub channel: Channel,
    /// The contact point that collected it.
    pub contact_point: Option<ContactPointId>,
    /// Its name.
    pub point_name: Option<String>,
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// Attitude.
    pub stance: Stance,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// The words of the provision that the author points at; may be empty.
    pub quote_text: String,
    /// Where they begin in the provision's own text, in characters.
    pub quote_start: Option<i64>,
    /// The wording that the author proposes; may be empty.
    pub proposed_text: String,
    /// Whether the author agreed to its publication.
    pub is_public: bool,
    /// Whether others may see the words.
    pub display: Display,
    /// Where it stands.
    pub state: OpinionState,
    /// From 1; one more with each change by the author.
    pub revision: i64,
    /// When it came.
    pub posted_at: DateTime<Utc>,
    /// Whether it came after the end of the round, while late opinions were still taken.
    pub is_late: bool,
    /// When the author last changed it.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the author took it back.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Who of the staff handles it.
    pub handler: Option<AccountId>,
    /// The group it is answered with.
    pub group: Option<Uuid>,
    /// The listed reason for which it needs no answer.
    pub exclusion: Option<String>,
    /// Its answer, prepared or public.
    pub disposition: Option<Disposition>,
}

impl Opinion {
    /// Why it gets no answer of its own, where that is what its author is told.
    pub fn excluded_because(&self, state: AuthorState) -> Option<ExclusionReason> {
        self.exclusion.as_deref().filter(|_| state == AuthorState::Excluded).and_then(ExclusionReason::parse)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Disposition {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// When it was written.
    pub prepared_at: DateTime<Utc>,
    /// When a second person let it pass.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Since when it is public.
    pub published_at: Option<DateTime<Utc>>,
    /// Version and address of the provision that resulted.
    pub result: Option<(DraftVersionId, String)>,
    /// How that provision is cited, with its version; empty when none is named.
    pub result_label: String,
}

/// What the public sees of the words of an opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// All of them.
    Shown,
    /// None: the author keeps them back.
    Withheld,
    /// None: hidden with a reason, or not yet checked. The place stays, so that nothing vanishes.
    Hidden,
}

/// An opinion as everybody sees it.
#[derive(Clone, Debug)]
pub struct PublicOpinion {
    /// Id, for links.
    pub id: OpinionId,
    /// The round in which it came.
    pub consultation_id: ConsultationId,
    /// The version it speaks of.
    pub version_id: DraftVersionId,
    /// Address of the provision; `None` = the draft as a whole.
    pub address: Option<String>,
    /// The provision as it is cited.
    pub provision_label: String,
    /// How it came.
    pub channel: Channel,
    /// Name of the contact point that it came through.
    pub point_name: Option<String>,
    /// When it came.
    pub posted_at: DateTime<Utc>,
    /// The group it is answered with.
    pub group: Option<Uuid>,
    /// Which of the fields below are given.
    pub words: Words,
    /// A kind of person or unit; `None` when the words are not shown.
    pub author_kind: Option<String>,
    /// Attitude; `None` when the words are not shown.
    pub stance: Option<Stance>,
    /// The words that the author points at; `None` when not shown.
    pub quote_text: Option<String>,
    /// The wording that the author proposes; `None` when not shown.
    pub proposed_text: Option<String>,
    /// The opinion; `None` when not shown.
    pub body: Option<String>,
    /// Why; `None` when not shown.
    pub reason: Option<String>,
    /// The public answer, once there is one.
    pub answer: Option<PublicAnswer>,
}

/// A public answer.
#[derive(Clone, Debug)]
pub struct PublicAnswer {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// Since when it is public.
    pub published_at: DateTime<Utc>,
    /// Version and address of the provision that resulted.
    pub result: Option<(DraftVersionId, String)>,
    /// How that provision is cited, with its version; empty when none is named.
    pub result_label: String,
}

impl Opinion {
    /// How it came, with the name of the contact point.
    pub fn channel_label(&self) -> String {
        channel_label(self.channel, self.point_name.as_deref())
    }
}

/// How an opinion came; one that a contact point collected names the point, and never who entered it.
fn channel_label(channel: Channel, point: Option<&str>) -> String {
    match point.filter(|_| channel == Channel::ContactPoint) {
        Some(point) => format!("{}（{point}）", channel.label()),
        None => channel.label().to_owned(),
    }
}

impl PublicOpinion {
    /// How it came, with the name of the contact point.
    pub fn channel_label(&self) -> String {
        channel_label(self.channel, self.point_name.as_deref())
    }

    /// A kind of person, and the contact point that the opinion came through; `None` when the words are not shown.
    pub fn author_line(&self) -> Option<String> {
        let kind = self.author_kind.as_ref()?;
        Some(if self.channel == Channel::ContactPoint { format!("{kind} · {}", self.channel_label()) } else { kind.clone() })
    }

    /// What the public will see once the answer is published; a public answer keeps its instant. For staff before the batch.
    pub fn as_if_published(opinion: Opinion, now: DateTime<Utc>) -> PublicOpinion {
        let disposition = opinion.disposition.map(|d| Disposition { published_at: d.published_at.or(Some(now)), ..d });
        PublicOpinion::of(Opinion { disposition, ..opinion })
    }

    /// The public form: the one visibility policy of pages, API, exports and search.
    pub fn of(opinion: Opinion) -> PublicOpinion {
        let words = match (opinion.display, opinion.is_public) {
            (Display::Shown, true) => Words::Shown,
            (Display::Shown, false) => Words::Withheld,
            (Display::Checking | Display::Review | Display::Hidden, _) => Words::Hidden,
        };
        let shown = words == Words::Shown;
        let answer = opinion.disposition.and_then(|disposition| {
            let published_at = disposition.published_at?;
            let Disposition { kind, reason, result, result_label, .. } = disposition;
            Some(PublicAnswer { kind, reason, published_at, result, result_label })
        });
        PublicOpinion {
            id: opinion.id,
            consultation_id: opinion.consultation_id,
            version_id: opinion.version_id,
            address: opinion.address,
            provision_label: opinion.provision_label,
            channel: opinion.channel,
            point_name: opinion.point_name,
            posted_at: opinion.posted_at,
            group: opinion.group,
            words,
            author_kind: shown.then_some(opinion.author_kind),
            stance: shown.then_some(opinion.stance),
            quote_text: shown.then_some(opinion.quote_text),
            proposed_text: shown.then_some(opinion.proposed_text),
            body: shown.then_some(opinion.body),
            reason: shown.then_some(opinion.reason),
            answer,
        }
    }
}
