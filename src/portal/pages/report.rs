//! Pages of what became of opinions: the feedback report of a round, and one opinion by itself.

use askama::Template;

use super::opinions::DiffPiece;
use super::{Badge, Choice, Fact, Layout};

/// An entry of a report.
#[derive(Clone, Debug)]
pub struct ReportItem {
    /// Its number.
    pub number: i64,
    /// Id of the opinion that stands for it.
    pub id: String,
    /// The provision as it is cited, who says it, how it came.
    pub about: String,
    /// How many opinions it stands for; empty for one.
    pub together: String,
    /// What was said; `None` when it is not shown.
    pub opinion: Option<String>,
    /// Why it is not shown.
    pub unseen: &'static str,
    /// Why the author says so.
    pub because: String,
    /// The wording that the author proposes.
    pub proposed: String,
    /// Outcome.
    pub outcome: Badge,
    /// Reason given for it.
    pub reason: String,
    /// The provision that resulted, as it is cited.
    pub result: String,
}

/// The entries on one article, or on the whole.
#[derive(Clone, Debug)]
pub struct ReportUnit {
    /// What is printed there.
    pub label: String,
    /// Entries.
    pub items: Vec<ReportItem>,
}

/// `/drafts/{id}/rounds/{n}/report`
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    /// Frame.
    pub layout: Layout,
    /// Title of the report.
    pub title: String,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft.
    pub draft_url: String,
    /// Whether the draft belongs to the demonstration.
    pub is_demonstration: bool,
    /// Whether it is not public yet.
    pub is_preview: bool,
    /// When it was published; empty before.
    pub published: String,
    /// 公众参与过程, by paragraph.
    pub process: Vec<String>,
    /// Opinions by channel.
    pub channels: Vec<Fact>,
    /// What the bureau says as a whole, by paragraph.
    pub summary: Vec<String>,
    /// How the opinions fared, in one sentence.
    pub outcomes: String,
    /// Outcomes to choose from.
    pub choices: Vec<Choice>,
    /// Entries by article.
    pub units: Vec<ReportUnit>,
    /// The first entries, when these are later ones.
    pub start: Option<String>,
    /// Further entries.
    pub next: Option<String>,
    /// Address of this page, before `.docx` and `.xlsx`.
    pub path: String,
}

/// `/opinions/{id}`
#[derive(Template)]
#[template(path = "opinion.html")]
pub struct OpinionPage {
    /// Frame.
    pub layout: Layout,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft, at the article.
    pub draft_url: String,
    /// The provision as it is cited.
    pub label: String,
    /// When it came, how, from whom; its id.
    pub facts: Vec<Fact>,
    /// Attitude.
    pub stance: Option<&'static str>,
    /// Quoted words.
    pub quote: String,
    /// What was said; `None` when it is not shown.
    pub body: Option<String>,
    /// Why it is not shown.
    pub unseen: &'static str,
    /// Why the author says so.
    pub reason: String,
    /// The proposed wording against what stands there.
    pub difference: Vec<DiffPiece>,
    /// Outcome; `None` while there is no answer.
    pub outcome: Option<Badge>,
    /// Reason given for it.
    pub answer: String,
    /// The provision that resulted: words and target; both empty when none is named.
    pub result: String,
    /// Where that is.
    pub result_url: String,
    /// When it was answered.
    pub answered: String,
    /// The report it belongs to; empty while there is none.
    pub report: String,
}
