//! Pages of moderation: what waits for a person, one opinion with its history, and the author's appeal.

use askama::Template;

use super::{Badge, Choice, Fact, Layout, Link, Span};

/// A text of an opinion, with what the check found marked.
#[derive(Clone, Debug)]
pub struct MarkedText {
    /// Which text.
    pub label: &'static str,
    /// Words.
    pub spans: Vec<Span>,
}

/// A choice among listed reasons.
#[derive(Clone, Debug)]
pub struct ReasonChoice {
    /// Value.
    pub value: &'static str,
    /// Words.
    pub label: &'static str,
    /// Whether it is chosen beforehand, because the check says that it would fit.
    pub is_chosen: bool,
}

/// An opinion as moderators see it.
#[derive(Clone, Debug)]
pub struct ModerationCard {
    /// Id.
    pub id: String,
    /// Number on the receipt.
    pub receipt: String,
    /// Its own page.
    pub url: String,
    /// Its draft.
    pub draft: Link,
    /// The provision as it is cited.
    pub provision: String,
    /// Attitude, channel, when it came.
    pub meta: Vec<String>,
    /// Whether others may see it.
    pub badge: Badge,
    /// Why it waits.
    pub concerns: Vec<String>,
    /// The words of the provision; empty for the draft as a whole.
    pub passage: Vec<String>,
    /// The words that the author points at.
    pub quote: String,
    /// What the author says.
    pub texts: Vec<MarkedText>,
    /// The wording; a decision names it.
    pub revision: i64,
    /// Whether the author keeps it back.
    pub is_withheld: bool,
    /// Listed reasons.
    pub reasons: Vec<ReasonChoice>,
    /// Whether one of them is chosen beforehand.
    pub has_suggestion: bool,
    /// Why it is hidden.
    pub hiding: Vec<Fact>,
    /// What the author says against it.
    pub appeal: Option<AppealBox>,
    /// Whether the person may show it.
    pub may_show: bool,
    /// Whether the person may hide it.
    pub may_hide: bool,
    /// Whether the person may take the last decision back.
    pub may_take_back: bool,
    /// Whether the person may decide the appeal.
    pub may_decide: bool,
    /// Why the person may not, although an appeal waits.
    pub must_not_decide: bool,
}

/// An appeal.
#[derive(Clone, Debug)]
pub struct AppealBox {
    /// What the author says.
    pub text: String,
    /// When.
    pub at: String,
    /// What became of it; `None` while it waits.
    pub outcome: Option<Badge>,
    /// What the author is told.
    pub reply: String,
}

/// What was just done, and the way back.
#[derive(Clone, Debug)]
pub struct Done {
    /// Words.
    pub text: String,
    /// Where the form that takes it back leads; `None` when it cannot be.
    pub undo: Option<String>,
}

/// `/staff/moderation`
#[derive(Template)]
#[template(path = "moderation.html")]
pub struct ModerationPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Shelves with their numbers.
    pub shelves: Vec<Choice>,
    /// Name of the shelf shown.
    pub shelf: &'static str,
    /// Opinions.
    pub cards: Vec<ModerationCard>,
    /// What was just done.
    pub done: Option<Done>,
    /// Why it was not done.
    pub problem: Option<String>,
    /// What an empty shelf says.
    pub empty: &'static str,
    /// Next page.
    pub next: Option<String>,
    /// Where forms come back to.
    pub back: String,
}

/// A line of a history.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// What was done.
    pub step: String,
    /// By whom, and when.
    pub about: String,
    /// Reason and words.
    pub detail: String,
    /// What the check had found.
    pub concerns: Vec<String>,
}

/// `/staff/moderation/{id}`
#[derive(Template)]
#[template(path = "moderation_item.html")]
pub struct ModerationItemPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The opinion.
    pub card: ModerationCard,
    /// What was done, from the beginning.
    pub history: Vec<HistoryLine>,
    /// What was just done.
    pub done: Option<Done>,
    /// Why it was not done.
    pub problem: Option<String>,
    /// Where forms come back to.
    pub back: String,
}

/// `/me/opinions/{id}/appeal`
#[derive(Template)]
#[template(path = "appeal.html")]
pub struct AppealPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The opinion's own page.
    pub opinion: Link,
    /// Title of the draft.
    pub draft: String,
    /// Of what it speaks.
    pub provision: String,
    /// Whether others may see it.
    pub badge: Badge,
    /// The author's own words.
    pub body: String,
    /// Why it is hidden.
    pub hiding: Vec<Fact>,
    /// What the author said against it.
    pub appeal: Option<AppealBox>,
    /// Whether an appeal is possible.
    pub may_appeal: bool,
    /// Words typed before.
    pub typed: String,
    /// What is wrong with them.
    pub problem: Option<String>,
    /// Most characters.
    pub limit: usize,
    /// Where the form goes.
    pub url: String,
}
