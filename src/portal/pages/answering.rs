//! Pages of staff who answer opinions: the work list, the article beside its opinions, the batch.

use askama::Template;

use super::{Badge, Fact, Layout, Link};

/// A value to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// Whether it is the present one.
    pub is_chosen: bool,
}

/// A filter of the work list: its name, its label and its choices.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Name of the field.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// Choices; the first one takes the filter off.
    pub choices: Vec<Choice>,
}

/// An opinion in the work list.
#[derive(Clone, Debug)]
pub struct WorkLine {
    /// Id.
    pub id: String,
    /// Receipt number.
    pub receipt: String,
    /// What it speaks of.
    pub about: String,
    /// Where it is answered.
    pub url: String,
    /// Attitude, channel, when.
    pub meta: String,
    /// Its first words.
    pub text: String,
    /// Where it stands.
    pub badges: Vec<Badge>,
    /// What the second person wants mended in its answer; empty for nothing.
    pub returned: String,
    /// Who handles it.
    pub handler: String,
    /// Tags.
    pub tags: Vec<String>,
    /// The opinions of its group.
    pub group_url: Option<String>,
}

/// `/staff/drafts/{id}/opinions`
#[derive(Template)]
#[template(path = "work_list.html")]
pub struct WorkListPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft's pages for staff.
    pub base: String,
    /// Path and query of this page.
    pub here: String,
    /// Title of the draft.
    pub title: String,
    /// What went wrong, or was done.
    pub said: Option<Said>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// Words that are looked for.
    pub text: String,
    /// The four numbers, each named.
    pub counts: Vec<Fact>,
    /// Numbers by where opinions stand.
    pub states: Vec<Fact>,
    /// Opinions.
    pub lines: Vec<WorkLine>,
    /// Next page.
    pub next: Option<String>,
    /// Groups that nobody looked at yet.
    pub has_suggestions: bool,
    /// Groups that opinions can join.
    pub groups: Vec<Choice>,
    /// Whether the person may change things.
    pub may_handle: bool,
    /// People who can handle opinions.
    pub handlers: Vec<Choice>,
    /// Reasons of exclusion.
    pub exclusions: Vec<Choice>,
    /// Id for a new group.
    pub key: String,
}

/// One sentence on top of a page.
#[derive(Clone, Debug)]
pub struct Said {
    /// The sentence.
    pub text: String,
    /// Whether something failed.
    pub is_problem: bool,
}

/// A piece of a text compared with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `same`, `gone` or `new`.
    pub kind: &'static str,
    /// Words.
    pub text: String,
}

/// An article in the bar of articles.
#[derive(Clone, Debug)]
pub struct ArticleTab {
    /// Target.
    pub url: String,
    /// As printed.
    pub label: String,
    /// How far: answered or passed, and all.
    pub done: String,
    /// Whether nothing is left.
    pub is_done: bool,
    /// Whether it is shown.
    pub is_here: bool,
}

/// A line of the article.
#[derive(Clone, Debug)]
pub struct ArticleLine {
    /// Class.
    pub class: &'static str,
    /// Marker.
    pub label: String,
    /// Words.
    pub text: String,
}

/// A provision of higher law.
#[derive(Clone, Debug)]
pub struct BasisShown {
    /// Where it can be read.
    pub link: Link,
    /// Its words.
    pub text: String,
}

/// A group as its opinion shows it.
#[derive(Clone, Debug)]
pub struct GroupBox {
    /// Id.
    pub id: String,
    /// Revision.
    pub revision: i64,
    /// 条数, 不同文本, 登录人数, each named.
    pub counts: String,
    /// State.
    pub badge: Badge,
    /// Whether nobody looked at it yet.
    pub is_suggested: bool,
    /// Whether this opinion may still move: its answer is not public.
    pub may_move: bool,
    /// Whether the whole group may be taken apart: no answer in it is public.
    pub may_split: bool,
    /// Its opinions.
    pub url: String,
    /// Members whose answer waits for a review.
    pub waiting: i64,
}

/// The answer in its form.
#[derive(Clone, Debug)]
pub struct AnswerForm {
    /// Revision it starts from.
    pub from_revision: i64,
    /// Outcomes.
    pub kinds: Vec<Choice>,
    /// Reason.
    pub reason: String,
    /// Address of the provision that resulted.
    pub result_address: String,
    /// Versions it may stand in.
    pub versions: Vec<Choice>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Whether it was offered by the group and is not saved.
    pub is_offered: bool,
}

/// An opinion, or the first of its group, beside the article.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Id.
    pub id: String,
    /// Receipt number.
    pub receipt: String,
    /// What it speaks of.
    pub about: String,
    /// Attitude, channel, kind of person, when.
    pub meta: String,
    /// Where an offline opinion came from; empty for others.
    pub origin: String,
    /// Where it stands.
    pub badges: Vec<Badge>,
    /// Who handles it.
    pub handler: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Words of the provision.
    pub quote: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub because: String,
    /// The proposed wording beside the original.
    pub wording: Vec<Change>,
    /// Files that came with it, each with what it is.
    pub files: Vec<(Link, String)>,
    /// Its group.
    pub group: Option<GroupBox>,
    /// The form, while it may be answered.
    pub form: Option<AnswerForm>,
    /// The answer as it stands, when it cannot be changed or waits for a review.
    pub answer: Option<AnswerShown>,
    /// What the second person wants mended.
    pub returned: String,
    /// Whether the author changed the words since the answer.
    pub is_outdated: bool,
    /// Whether the person may review its answer now.
    pub may_review: bool,
    /// Notes among staff.
    pub notes: Vec<Fact>,
    /// Id for a new note.
    pub note_key: String,
}

/// An answer in words.
#[derive(Clone, Debug)]
pub struct AnswerShown {
    /// Outcome.
    pub badge: Badge,
    /// Why.
    pub reason: String,
    /// The provision that resulted.
    pub result: String,
    /// Who wrote it.
    pub by: String,
    /// Its revision.
    pub revision: i64,
}

/// `/staff/drafts/{id}/answering`
#[derive(Template)]
#[template(path = "side_by_side.html")]
pub struct SideBySidePage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft's pages for staff.
    pub base: String,
    /// Path and query of this page.
    pub here: String,
    /// Title of the draft.
    pub title: String,
    /// What went wrong, or was done.
    pub said: Option<Said>,
    /// Groups of the version, which can be merged.
    pub groups: Vec<Choice>,
    /// Articles with opinions.
    pub articles: Vec<ArticleTab>,
    /// As printed.
    pub label: String,
    /// Address of the article.
    pub article: String,
    /// Its text.
    pub lines: Vec<ArticleLine>,
    /// Provisions of higher law that it rests on.
    pub bases: Vec<BasisShown>,
    /// Article before.
    pub before: Option<Link>,
    /// Article after.
    pub after: Option<Link>,
    /// How far this article is.
    pub progress: Vec<Fact>,
    /// Opinions.
    pub units: Vec<Unit>,
    /// More opinions on this article.
    pub next: Option<String>,
    /// Whether the person may write.
    pub may_handle: bool,
    /// People who can handle opinions.
    pub handlers: Vec<Choice>,
    /// Reasons kept for this draft.
    pub reasons: Vec<Choice>,
}

/// Answers of one article in the batch.
#[derive(Clone, Debug)]
pub struct ReadyAnswer {
    /// What it speaks of, channel.
    pub about: String,
    /// The words as everybody will see them; `None` when they are not shown.
    pub words: Option<String>,
    /// Why the words are not shown.
    pub unseen: &'static str,
    /// Outcome.
    pub badge: Badge,
    /// Why.
    pub reason: String,
    /// The provision that resulted.
    pub result: String,
}

/// `/staff/drafts/{id}/feedback`
#[derive(Template)]
#[template(path = "feedback_batch.html")]
pub struct BatchPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft's pages for staff.
    pub base: String,
    /// Title of the draft.
    pub title: String,
    /// What went wrong, or was done.
    pub said: Option<Said>,
    /// Why it cannot be published.
    pub refusal: Option<String>,
    /// The public page of the draft, once everything is published.
    pub finished: Option<String>,
    /// Numbers, each named.
    pub counts: Vec<Fact>,
    /// Reviewed answers by outcome.
    pub outcomes: Vec<Fact>,
    /// Excluded opinions by reason.
    pub exclusions: Vec<Fact>,
    /// How far each article is.
    pub articles: Vec<ArticleTab>,
    /// Answers as everybody will see them.
    pub answers: Vec<ReadyAnswer>,
    /// More of them.
    pub next: Option<String>,
    /// What becomes public besides the answers; empty when nothing does.
    pub besides: String,
    /// The report as it would be; empty before the first round.
    pub report: String,
    /// Whether the person may publish.
    pub may_publish: bool,
    /// Whether answers wait for a review that the person may give.
    pub may_review: bool,
    /// What was typed as summary.
    pub summary: String,
}
