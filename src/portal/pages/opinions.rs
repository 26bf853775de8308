//! Pages of speaking: the form, the receipt, one's own opinions, what others said.

use askama::Template;

use super::moderation::AppealBox;
use super::{Badge, Choice, Fact, Layout, Link};

/// A place that can be chosen in the form.
#[derive(Clone, Debug)]
pub struct PlaceOption {
    /// Address; empty = the draft as a whole.
    pub address: String,
    /// Words.
    pub label: String,
    /// What stands there, to begin a proposal from.
    pub text: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// An attitude that can be chosen.
#[derive(Clone, Debug)]
pub struct StanceOption {
    /// Value.
    pub value: &'static str,
    /// Words.
    pub label: &'static str,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A file that was uploaded already.
#[derive(Clone, Debug)]
pub struct HeldFile {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Kind and size.
    pub about: String,
    /// Where it can be fetched; empty before it belongs to an opinion.
    pub url: String,
}

/// The form for an opinion, new or to be changed.
#[derive(Template)]
#[template(path = "opinion_form.html")]
pub struct OpinionFormPage {
    /// Frame.
    pub layout: Layout,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft, at the article.
    pub draft_url: String,
    /// Where the form is sent.
    pub action: String,
    /// The revision that is changed; `None` for a new opinion.
    pub revision: Option<i64>,
    /// Token against forged forms.
    pub csrf: String,
    /// Key that makes sending twice one opinion.
    pub key: String,
    /// What the article is called; empty for the draft as a whole.
    pub unit: String,
    /// Its words, line by line.
    pub lines: Vec<String>,
    /// Where the opinion may hang.
    pub places: Vec<PlaceOption>,
    /// Attitudes.
    pub stances: Vec<StanceOption>,
    /// Quoted words.
    pub quote_text: String,
    /// Where they begin.
    pub quote_start: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// Proposed wording, which begins as what stands there.
    pub proposed_text: String,
    /// What it began as.
    pub proposed_original: String,
    /// Whether it may be shown and published.
    pub is_public: bool,
    /// Files that are held already.
    pub files: Vec<HeldFile>,
    /// Most files.
    pub most_files: usize,
    /// Largest file, in MiB.
    pub file_mib: u32,
    /// Longest text, in characters.
    pub characters: usize,
    /// Fields and what is wrong with them.
    pub errors: Vec<Fact>,
    /// What is wrong with the whole.
    pub problem: Option<String>,
    /// What the person should know, e.g. that what was typed is still there.
    pub notice: Option<String>,
    /// Whether somebody is signed in who may post.
    pub is_signed_in: bool,
    /// Whether one may speak without signing in.
    pub allows_anonymous: bool,
    /// Under which name the device keeps what is typed.
    pub draft_key: String,
    /// When the round ends.
    pub closes: String,
}

impl OpinionFormPage {
    /// What is wrong with a field; empty when nothing is.
    pub fn error(&self, field: &str) -> &str {
        self.errors.iter().find(|error| error.name == field).map_or("", |error| error.value.as_str())
    }
}

/// The receipt of somebody who is not signed in.
#[derive(Template)]
#[template(path = "opinion_receipt.html")]
pub struct OpinionReceiptPage {
    /// Frame.
    pub layout: Layout,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft.
    pub draft_url: String,
    /// Number, instant, provision.
    pub facts: Vec<Fact>,
    /// The code, shown this once.
    pub code: String,
    /// Whether it came after the end of the round.
    pub is_late: bool,
    /// Name under which the device kept what was typed, which is forgotten now.
    pub draft_key: String,
}

/// `/opinions/lookup`
#[derive(Template)]
#[template(path = "opinion_lookup.html")]
pub struct OpinionLookupPage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// What was typed.
    pub code: String,
    /// What is wrong.
    pub problem: Option<String>,
    /// What was found.
    pub found: Option<OwnView>,
    /// The draft that it speaks of, at the article.
    pub draft: Option<Link>,
    /// The files that came with it, by name.
    pub files: Vec<HeldFile>,
    /// The appeal against its hiding.
    pub appeal: Option<AppealBox>,
    /// Whether an appeal is possible now.
    pub may_appeal: bool,
    /// What was typed as an appeal.
    pub typed: String,
    /// What is wrong with the appeal.
    pub appeal_problem: Option<String>,
    /// Longest appeal, in characters.
    pub limit: usize,
}

/// An opinion as its author sees it.
#[derive(Clone, Debug)]
pub struct OwnView {
    /// Where it stands.
    pub badge: Badge,
    /// Number, instant, provision, version.
    pub facts: Vec<Fact>,
    /// Attitude.
    pub stance: &'static str,
    /// Quoted words.
    pub quote: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// The proposal, compared to what stands there.
    pub difference: Vec<DiffPiece>,
    /// Why it is not shown; empty when it is.
    pub hidden_because: String,
    /// Why it needs no answer; empty when it gets one.
    pub excluded_because: &'static str,
    /// Outcome, once it is public.
    pub outcome: Option<Badge>,
    /// Reason of the outcome.
    pub outcome_reason: String,
    /// When the outcome was published.
    pub answered: String,
}

/// A run of characters of a comparison.
#[derive(Clone, Debug)]
pub struct DiffPiece {
    /// `kept`, `removed` or `added`.
    pub kind: &'static str,
    /// Characters.
    pub text: String,
}

/// An own opinion in the list.
#[derive(Clone, Debug)]
pub struct OwnCard {
    /// Page of the opinion.
    pub url: String,
    /// Where it stands.
    pub badge: Badge,
    /// Title of the draft.
    pub draft_title: String,
    /// The provision and when it came.
    pub about: String,
    /// Its beginning.
    pub excerpt: String,
    /// What became of its article in a newer version; empty when there is none.
    pub continues: String,
}

/// `/me/opinions`
#[derive(Template)]
#[template(path = "my_opinions.html")]
pub struct MyOpinionsPage {
    /// Frame.
    pub layout: Layout,
    /// States to narrow by.
    pub filters: Vec<Choice>,
    /// Opinions, the newest first.
    pub opinions: Vec<OwnCard>,
    /// Whether the list is narrowed.
    pub is_narrowed: bool,
    /// Next page.
    pub next: Option<String>,
}

/// A former wording.
#[derive(Clone, Debug)]
pub struct FormerWording {
    /// Which and when.
    pub title: String,
    /// The provision and attitude.
    pub about: String,
    /// The opinion.
    pub body: String,
    /// Why.
    pub reason: String,
    /// What was proposed.
    pub proposed: String,
}

/// `/me/opinions/{id}`
#[derive(Template)]
#[template(path = "my_opinion.html")]
pub struct MyOpinionPage {
    /// Frame.
    pub layout: Layout,
    /// Whether it was posted just now.
    pub is_new: bool,
    /// What was done just now.
    pub notice: Option<String>,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft, at the article.
    pub draft_url: String,
    /// The opinion.
    pub view: OwnView,
    /// Its files.
    pub files: Vec<HeldFile>,
    /// What became of its article in a newer version.
    pub continues: Option<Link>,
    /// Whether it can still be changed.
    pub is_open: bool,
    /// Until when.
    pub closes: String,
    /// Page of this opinion.
    pub url: String,
    /// Token of the form that withdraws it.
    pub csrf: String,
    /// Key of that form.
    pub key: String,
    /// The revision that stands.
    pub revision: i64,
    /// Former wordings, the newest first.
    pub history: Vec<FormerWording>,
    /// Name under which the device kept what was typed, which is forgotten now; empty when nothing was posted.
    pub draft_key: String,
}

/// An opinion of another.
#[derive(Clone, Debug)]
pub struct ShownCard {
    /// Anchor.
    pub id: String,
    /// The provision, who and when.
    pub about: String,
    /// Attitude; `None` when the words are hidden.
    pub stance: Option<&'static str>,
    /// Quoted words.
    pub quote: String,
    /// The opinion; `None` when hidden.
    pub body: Option<String>,
    /// What stands in the place of hidden words.
    pub hidden_because: String,
    /// Why.
    pub reason: String,
    /// What it proposes.
    pub proposed: String,
    /// How many agree.
    pub agree: i64,
    /// How many disagree.
    pub disagree: i64,
    /// `agree`, `disagree` or empty: what the viewer said.
    pub own_choice: &'static str,
    /// Whether it is the viewer's own.
    pub is_own: bool,
    /// Key of its form.
    pub key: String,
}

/// `/drafts/{id}/opinions`
#[derive(Template)]
#[template(path = "opinions.html")]
pub struct OpinionsPage {
    /// Frame.
    pub layout: Layout,
    /// Title of the draft.
    pub draft_title: String,
    /// Page of the draft, at the article.
    pub draft_url: String,
    /// What the opinions are about.
    pub about: String,
    /// Why none are shown; empty when they are.
    pub kept_back: String,
    /// Opinions, the newest first.
    pub opinions: Vec<ShownCard>,
    /// Received ones whose words are not shown here.
    pub others: i64,
    /// The report on what became of them, once it is public.
    pub report: Option<Link>,
    /// Next page.
    pub next: Option<String>,
    /// Form for a new one; empty when none are taken.
    pub speak_url: String,
    /// Whether the viewer may agree and disagree now.
    pub may_vote: bool,
    /// Whether signing in would let them.
    pub may_sign_in: bool,
    /// Token of the forms.
    pub csrf: String,
    /// This page as one query value, to come back to after the login.
    pub here: String,
    /// This page, to come back to.
    pub back: String,
}
