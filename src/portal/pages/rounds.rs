//! Pages of consultation rounds: their part of a draft's page, followed drafts, and what staff do with rounds.

use askama::Template;

use super::civic::DraftCard;
use super::{Badge, Fact, Layout, Link};

/// A message about where a draft stands.
#[derive(Clone, Debug)]
pub struct Note {
    /// Class of its colour; the words alone carry the meaning.
    pub tone: &'static str,
    /// What it is.
    pub title: String,
    /// Why, by paragraph.
    pub words: Vec<String>,
}

/// One move of the end of a round.
#[derive(Clone, Debug)]
pub struct ExtensionLine {
    /// From when to when.
    pub moved: String,
    /// When it was published.
    pub at: String,
    /// Its notice.
    pub notice: String,
}

/// How a question was answered.
#[derive(Clone, Debug)]
pub struct QuestionResult {
    /// Number and question.
    pub wording: String,
    /// How many persons answered.
    pub persons: String,
    /// Options with how many chose each.
    pub options: Vec<Fact>,
    /// Where staff read the answers in own words.
    pub written: Option<String>,
}

/// A round in a list.
#[derive(Clone, Debug)]
pub struct RoundCard {
    /// 第几轮
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// Title of its notice.
    pub notice_title: String,
    /// Its notice, by paragraph; empty where it stands elsewhere on the page.
    pub notice: Vec<String>,
    /// Period and what applies to it.
    pub facts: Vec<Fact>,
    /// Each move of its end.
    pub extensions: Vec<ExtensionLine>,
    /// Its questions with their counts, where the viewer may see them.
    pub results: Vec<QuestionResult>,
}

/// An option of a question in the form.
#[derive(Clone, Debug)]
pub struct OptionField {
    /// Its number.
    pub value: i64,
    /// Its words.
    pub label: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A question in the form.
#[derive(Clone, Debug)]
pub struct QuestionField {
    /// Name of its field, which is its id.
    pub name: String,
    /// From 1.
    pub number: i64,
    /// The question.
    pub wording: String,
    /// `text`, `single` or `multiple`.
    pub kind: &'static str,
    /// Options.
    pub options: Vec<OptionField>,
    /// Own words.
    pub body: String,
}

/// The form with the questions of a round.
#[derive(Clone, Debug)]
pub struct QuestionsForm {
    /// Where it goes.
    pub action: String,
    /// Token; empty for somebody who has to sign in first.
    pub csrf: String,
    /// Where to sign in; empty for a citizen who has.
    pub sign_in: String,
    /// Whether opinions, unlike answers, are taken without a login.
    pub takes_unnamed: bool,
    /// Whether the person has answered before.
    pub is_answered: bool,
    /// What was wrong.
    pub problem: String,
    /// Questions.
    pub fields: Vec<QuestionField>,
    /// Longest answer in own words, in characters.
    pub longest: usize,
}

/// Following a draft.
#[derive(Clone, Debug)]
pub struct FollowForm {
    /// Where it goes.
    pub action: String,
    /// Token; empty for somebody who has to sign in first.
    pub csrf: String,
    /// Where to sign in; empty for a citizen who has.
    pub sign_in: String,
    /// Whether the person follows the draft.
    pub is_following: bool,
}

/// The part of a draft's page that is about its rounds.
#[derive(Clone, Debug, Default)]
pub struct RoundsPart {
    /// What everybody should know first.
    pub notes: Vec<Note>,
    /// Following; `None` for staff.
    pub follow: Option<FollowForm>,
    /// Rounds, the newest first; empty before the first.
    pub rounds: Vec<RoundCard>,
    /// Questions of the round that is open.
    pub form: Option<QuestionsForm>,
    /// Where staff manage the rounds.
    pub manage: Option<String>,
}

/// `/drafts/{id}/questions`, when an answer could not be taken.
#[derive(Template)]
#[template(path = "questions.html")]
pub struct QuestionsPage {
    /// Frame.
    pub layout: Layout,
    /// The draft.
    pub draft: Link,
    /// The form with what was written.
    pub form: QuestionsForm,
}

/// `/account/following`
#[derive(Template)]
#[template(path = "following.html")]
pub struct FollowingPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Drafts, the latest followed first, each with where to stop following it.
    pub drafts: Vec<(DraftCard, String)>,
    /// Next page.
    pub next: Option<String>,
}

/// `/staff/drafts/{id}/rounds`
#[derive(Template)]
#[template(path = "rounds.html")]
pub struct RoundsPage {
    /// Frame.
    pub layout: Layout,
    /// What was just done; empty for nothing.
    pub done: &'static str,
    /// The draft, as everybody sees it.
    pub draft: Link,
    /// Its page for staff.
    pub own: String,
    /// State of the draft.
    pub badge: Badge,
    /// What to know first.
    pub notes: Vec<Note>,
    /// How many follow the draft.
    pub followers: String,
    /// What can be done now.
    pub acts: Vec<Link>,
    /// Rounds, the newest first.
    pub rounds: Vec<RoundCard>,
}

/// A choice in a list.
#[derive(Clone, Debug)]
pub struct SelectOption {
    /// Value.
    pub value: String,
    /// Words.
    pub label: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A question as it is being written.
#[derive(Clone, Debug)]
pub struct QuestionDraft {
    /// From 1.
    pub number: usize,
    /// Kinds.
    pub kinds: Vec<SelectOption>,
    /// The question.
    pub wording: String,
    /// Options, one in a line.
    pub options: String,
}

/// A field and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Problems(pub Vec<Fact>);

impl Problems {
    /// What is wrong with a field; empty when nothing is.
    pub fn of(&self, field: &str) -> &str {
        self.0.iter().find(|fact| fact.name == field).map_or("", |fact| fact.value.as_str())
    }
}

/// `/staff/drafts/{id}/rounds/new`
#[derive(Template)]
#[template(path = "round_new.html")]
pub struct NewRoundPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The draft, in the list of its rounds.
    pub draft: Link,
    /// Its page for staff.
    pub own: String,
    /// Where the form goes.
    pub action: String,
    /// Where the script asks for the count of the days.
    pub plan: String,
    /// Number of the round to be: a form that comes twice opens one round.
    pub round: i64,
    /// Why it was not published; empty when nothing is wrong.
    pub problem: String,
    /// Fields and what is wrong with them.
    pub problems: Problems,
    /// Texts to ask about.
    pub versions: Vec<SelectOption>,
    /// First day.
    pub opens_on: String,
    /// Last day.
    pub closes_on: String,
    /// Last day for late opinions.
    pub late_through: String,
    /// The period in words.
    pub period: String,
    /// Whether a reason is needed.
    pub is_short: bool,
    /// Usual least number of days.
    pub minimum_days: u32,
    /// Reason of a short period.
    pub shorter_reason: String,
    /// Title of the notice.
    pub notice_title: String,
    /// Notice.
    pub notice: String,
    /// Whether a person changed the notice.
    pub is_own: bool,
    /// Mark of the notice as the template made it: tells whether a person changed it.
    pub generated: String,
    /// Whether others' opinions are shown.
    pub shows_opinions: bool,
    /// Whether people may speak without signing in.
    pub allows_anonymous: bool,
    /// Whether the counts of answers are public.
    pub shows_answers: bool,
    /// Questions.
    pub questions: Vec<QuestionDraft>,
    /// Whether another question may be added.
    pub may_add: bool,
}

/// Extending a round, ending it early, or giving a draft up.
#[derive(Template)]
#[template(path = "round_change.html")]
pub struct RoundChangePage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The draft, in the list of its rounds.
    pub draft: Link,
    /// Its page for staff.
    pub own: String,
    /// What is done.
    pub title: String,
    /// What follows from it.
    pub consequences: Vec<String>,
    /// Where the form goes.
    pub action: String,
    /// Why it was not done; empty when nothing is wrong.
    pub problem: String,
    /// Fields and what is wrong with them.
    pub problems: Problems,
    /// Name of the field of words: `notice` or `reason`.
    pub field: &'static str,
    /// Label of the words.
    pub label: &'static str,
    /// The words.
    pub words: String,
    /// New last day, for an extension: value and earliest.
    pub day: Option<(String, String)>,
    /// Label of the button.
    pub button: &'static str,
    /// Whether the act cannot be undone.
    pub is_final: bool,
}

/// Answers in own words to one question.
#[derive(Template)]
#[template(path = "written_answers.html")]
pub struct WrittenAnswersPage {
    /// Frame.
    pub layout: Layout,
    /// The draft, in the list of its rounds.
    pub draft: Link,
    /// Its page for staff.
    pub own: String,
    /// The question.
    pub wording: String,
    /// Answers: when, and the words.
    pub answers: Vec<Fact>,
    /// Next page.
    pub next: Option<String>,
}
