//! Pages on which staff prepare a draft: the list, a draft, its text, its papers, its legal bases, its promulgation.

use askama::Template;

use super::{Badge, Choice, Fact, Layout, Link};

/// What a field of a form holds, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Words to show in it.
    pub value: String,
    /// What to do about it; empty when nothing is wrong.
    pub problem: String,
}

/// An entry of a choice.
#[derive(Clone, Debug)]
pub struct Pick {
    /// Value that is sent.
    pub value: String,
    /// Words.
    pub label: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A draft in the list.
#[derive(Clone, Debug)]
pub struct DraftLine {
    /// Title.
    pub title: String,
    /// Target.
    pub url: String,
    /// State.
    pub badge: Badge,
    /// Drafting unit.
    pub unit: String,
    /// Kind.
    pub kind: String,
    /// Last change.
    pub changed: String,
    /// Last day of the round, while it is open.
    pub closes: String,
    /// 示例
    pub is_demonstration: bool,
}

/// `/staff/drafts`
#[derive(Template)]
#[template(path = "drafting/drafts.html")]
pub struct StaffDraftsPage {
    /// Frame.
    pub layout: Layout,
    /// Whether the person may create drafts.
    pub may_edit: bool,
    /// Filters by state.
    pub states: Vec<Choice>,
    /// Name of the chosen state; empty = all.
    pub chosen: String,
    /// Drafts.
    pub drafts: Vec<DraftLine>,
    /// Next page.
    pub next: Option<String>,
}

/// Title, kind and unit of a draft, as a form.
#[derive(Clone, Debug)]
pub struct ParticularsForm {
    /// Title.
    pub title: Field,
    /// What it is to become.
    pub kinds: Vec<Pick>,
    /// Drafting unit.
    pub unit: Field,
}

/// `/staff/drafts/new`
#[derive(Template)]
#[template(path = "drafting/new.html")]
pub struct NewDraftPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// One-time key.
    pub key: String,
    /// The form.
    pub form: ParticularsForm,
    /// Problem of no single field.
    pub problem: String,
}

/// A version in the overview of a draft.
#[derive(Clone, Debug)]
pub struct VersionLine {
    /// 第几稿
    pub name: String,
    /// Title in the text.
    pub title: String,
    /// Public, or not yet.
    pub badge: Badge,
    /// Facts: articles, lines to look at, source.
    pub meta: Vec<String>,
    /// Its text.
    pub text: Link,
    /// Its explanation and attachments.
    pub papers: Link,
    /// Its legal bases.
    pub bases: Link,
}

/// A step before a version can be published.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whether it is done.
    pub is_done: bool,
    /// Words.
    pub text: String,
    /// Where it is done; `None` when the person may not do it.
    pub link: Option<Link>,
}

/// `/staff/drafts/{id}`
#[derive(Template)]
#[template(path = "drafting/draft.html")]
pub struct StaffDraftPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// One-time key of the form for a new version.
    pub key: String,
    /// Path of the draft among the staff pages.
    pub path: String,
    /// Its public page; empty while it is not public.
    pub public_path: String,
    /// Page of its comparison.
    pub compare: Option<String>,
    /// Page of its lineage.
    pub lineage: Option<String>,
    /// Title.
    pub title: String,
    /// State.
    pub badge: Badge,
    /// Facts.
    pub facts: Vec<Fact>,
    /// Form of its particulars, while they may be changed.
    pub form: Option<ParticularsForm>,
    /// Whether the form of the particulars stands open.
    pub is_form_open: bool,
    /// Steps before the newest version can be published; empty when it is.
    pub steps: Vec<Step>,
    /// Versions, the newest first.
    pub versions: Vec<VersionLine>,
    /// Whether a version may be added.
    pub may_add: bool,
    /// What was typed for a new version, and what is wrong with it.
    pub pasted: Field,
    /// What was typed as its explanation.
    pub explanation: String,
    /// Promulgation as entered.
    pub promulgation: Vec<Fact>,
    /// Document of the library that it became.
    pub document: Option<Link>,
    /// Where it is entered, when the person may.
    pub promulgate: Option<Link>,
    /// Problem of no single field.
    pub problem: String,
    /// What was just done.
    pub done: String,
}

/// Doubts about a line.
#[derive(Clone, Debug)]
pub struct LineNote {
    /// What it says.
    pub text: String,
    /// Words concerned.
    pub detail: String,
    /// Number of the diagnostic.
    pub code: String,
}

/// A line while it is edited.
#[derive(Clone, Debug)]
pub struct LineForm {
    /// Number of the line; for `insert` of the line before.
    pub line: usize,
    /// Words.
    pub text: Field,
    /// Rows of the text field.
    pub rows: usize,
    /// Common kinds.
    pub common: Vec<Pick>,
    /// Kinds at the beginning of a text.
    pub front: Vec<Pick>,
    /// All others.
    pub others: Vec<Pick>,
    /// What is wrong with the kind.
    pub kind_problem: String,
    /// Path of the page without the form.
    pub back: String,
}

/// A line of the text.
#[derive(Clone, Debug)]
pub struct TextLine {
    /// From 1.
    pub number: usize,
    /// Style class by kind and depth.
    pub class: String,
    /// What it is, in a word.
    pub kind: String,
    /// Words.
    pub text: String,
    /// Doubts.
    pub notes: Vec<LineNote>,
    /// Whether a look settles one of them.
    pub can_accept: bool,
    /// The form, when it is being edited.
    pub form: Option<LineForm>,
    /// A form for a line after it.
    pub insert: Option<LineForm>,
}

/// A correction in the history.
#[derive(Clone, Debug)]
pub struct PastLine {
    /// What was done where.
    pub what: String,
    /// Who and when.
    pub who: String,
    /// Words before.
    pub before: String,
    /// Words after.
    pub after: String,
    /// Whether it was taken back.
    pub is_undone: bool,
}

/// `/staff/drafts/{id}/versions/{version}`
#[derive(Template)]
#[template(path = "drafting/text.html")]
pub struct DraftTextPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft among the staff pages.
    pub draft_path: String,
    /// Path of this page.
    pub path: String,
    /// Title of the draft.
    pub title: String,
    /// 第几稿
    pub name: String,
    /// Whether it may be corrected by this person.
    pub is_correctable: bool,
    /// Whether it is public.
    pub is_published: bool,
    /// Revision that forms are made on.
    pub revision: i64,
    /// Articles and lines.
    pub size: String,
    /// Lines with doubts.
    pub doubtful: usize,
    /// First line with doubts.
    pub first_doubt: usize,
    /// What an undo would take back; empty when there is nothing.
    pub undo: String,
    /// The lines.
    pub lines: Vec<TextLine>,
    /// Doubts about the whole.
    pub whole: Vec<LineNote>,
    /// A form for a line at the top.
    pub insert_first: Option<LineForm>,
    /// History, the newest first.
    pub past: Vec<PastLine>,
    /// What was just done.
    pub done: String,
    /// Why it was not done.
    pub problem: String,
    /// Words that were not kept.
    pub unsaved: String,
}

/// A file attached to a version.
#[derive(Clone, Debug)]
pub struct AttachmentLine {
    /// Name.
    pub name: String,
    /// Kind and size.
    pub meta: String,
    /// Download.
    pub url: String,
    /// Where it is removed.
    pub remove: String,
}

/// `/staff/drafts/{id}/versions/{version}/papers`
#[derive(Template)]
#[template(path = "drafting/papers.html")]
pub struct PapersPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft among the staff pages.
    pub draft_path: String,
    /// Path of the version.
    pub version_path: String,
    /// Title of the draft.
    pub title: String,
    /// 第几稿
    pub name: String,
    /// Whether it may be changed by this person.
    pub is_changeable: bool,
    /// Whether it is public.
    pub is_published: bool,
    /// Revision of the explanation.
    pub revision: i64,
    /// The explanation.
    pub explanation: Field,
    /// The explanation by paragraph, when it cannot be changed.
    pub paragraphs: Vec<String>,
    /// Words that were not kept.
    pub unsaved: String,
    /// Files.
    pub attachments: Vec<AttachmentLine>,
    /// What is wrong with an upload.
    pub upload_problem: String,
    /// What was just done.
    pub done: String,
}

/// A legal basis of a draft.
#[derive(Clone, Debug)]
pub struct BasisLine {
    /// What it is the basis of.
    pub provision: String,
    /// Words of that provision.
    pub words: String,
    /// The basis as cited, with its place in the library.
    pub link: Link,
    /// Its words, by line.
    pub text: Vec<String>,
    /// Where it is removed.
    pub remove: String,
}

/// A place of the library that may be the basis.
#[derive(Clone, Debug)]
pub struct BasisCandidate {
    /// As cited.
    pub name: String,
    /// Whether it binds, its level, and how that ranks beside the draft.
    pub badges: Vec<Badge>,
    /// Why it should not be named; empty for nothing.
    pub warning: &'static str,
    /// Its words, by line.
    pub text: Vec<String>,
    /// Where it can be read.
    pub url: String,
    /// Work.
    pub work: String,
    /// Place.
    pub place: String,
}

/// `/staff/drafts/{id}/versions/{version}/bases`
#[derive(Template)]
#[template(path = "drafting/bases.html")]
pub struct BasesPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft among the staff pages.
    pub draft_path: String,
    /// Path of this page.
    pub path: String,
    /// Title of the draft.
    pub title: String,
    /// 第几稿
    pub name: String,
    /// Whether the person may change them.
    pub may_edit: bool,
    /// Provisions that a basis can hang on.
    pub places: Vec<Pick>,
    /// The provision chosen, as sent.
    pub provision: String,
    /// The provision chosen, as cited.
    pub provision_label: String,
    /// Words of the provision chosen.
    pub provision_words: String,
    /// What was looked for.
    pub query: String,
    /// Found places; empty before a search.
    pub candidates: Vec<BasisCandidate>,
    /// Whether a search found nothing.
    pub found_nothing: bool,
    /// Bases.
    pub bases: Vec<BasisLine>,
    /// What is wrong.
    pub problem: String,
    /// What was just done.
    pub done: String,
}

/// Particulars of a promulgation, as a form.
#[derive(Clone, Debug, Default)]
pub struct PromulgationForm {
    /// Work of the library.
    pub work: String,
    /// Its title and where it can be read.
    pub work_link: Option<Link>,
    /// 公布机关
    pub organ: Field,
    /// 令号
    pub document_number: Field,
    /// Title as promulgated.
    pub title: Field,
    /// 通过日期
    pub adopted_on: Field,
    /// 公布日期
    pub promulgated_on: Field,
    /// 施行日期
    pub effective_on: Field,
    /// 签署人
    pub signatory: Field,
    /// Why it takes effect early.
    pub early_reason: Field,
}

/// `/staff/drafts/{id}/promulgation`
#[derive(Template)]
#[template(path = "drafting/promulgation.html")]
pub struct PromulgationPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Path of the draft among the staff pages.
    pub draft_path: String,
    /// Title of the draft.
    pub title: String,
    /// Whether something was entered before.
    pub is_correction: bool,
    /// Revision of what was entered.
    pub revision: i64,
    /// What was looked for in the library.
    pub query: String,
    /// Documents found.
    pub works: Vec<Link>,
    /// The form, once a document is chosen.
    pub form: Option<PromulgationForm>,
    /// Problem of no single field.
    pub problem: String,
}

/// What the public sees beside the text of a draft.
#[derive(Clone, Debug, Default)]
pub struct PublicPapers {
    /// The document that it became.
    pub document: Option<Link>,
    /// Particulars of the promulgation.
    pub promulgation: Vec<Fact>,
    /// Files to download: name, kind and size, URL.
    pub attachments: Vec<AttachmentLine>,
    /// Legal bases: what they are the basis of, as cited.
    pub bases: Vec<(String, Link)>,
}

/// How a provision continues, in the list of a lineage.
#[derive(Clone, Debug)]
pub struct RelationLine {
    /// Place in the list; an anchor.
    pub number: usize,
    /// How.
    pub badge: Badge,
    /// In the older text; empty when it was added.
    pub old: String,
    /// In the newer text; empty when it was deleted.
    pub new: String,
    /// Words of the older side, when they differ.
    pub old_words: String,
    /// Words of the newer side, when they differ.
    pub new_words: String,
    /// How alike the words are; empty when one side has none.
    pub similarity: String,
    /// Whether a person said so.
    pub is_corrected: bool,
    /// Where its form is opened, when the person may.
    pub correct: Option<String>,
    /// Its form, when it is open.
    pub form: Option<RelationForm>,
}

/// The form that says how a provision continues.
#[derive(Clone, Debug)]
pub struct RelationForm {
    /// Kinds.
    pub kinds: Vec<Pick>,
    /// What is wrong with the kind.
    pub kind_problem: String,
    /// Provisions of the older text.
    pub from: Field,
    /// Provisions of the newer text.
    pub to: Field,
    /// Why.
    pub reason: Field,
    /// Where the form is closed.
    pub back: String,
}

/// A correction of a lineage in its history.
#[derive(Clone, Debug)]
pub struct PastRelation {
    /// What was said.
    pub says: String,
    /// Why.
    pub reason: String,
    /// Who and when.
    pub by: String,
    /// When it was taken back; empty while it stands.
    pub withdrawn: String,
    /// Where it is taken back, while it stands and when the person may.
    pub withdraw: Option<String>,
}

/// `/staff/drafts/{id}/lineage`
#[derive(Template)]
#[template(path = "drafting/lineage.html")]
pub struct LineagePage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What the forms were made from.
    pub revision: i64,
    /// Path of the draft among the staff pages.
    pub draft_path: String,
    /// Its title.
    pub title: String,
    /// Versions to choose the older one from.
    pub olds: Vec<Pick>,
    /// Versions to choose the newer one from.
    pub news: Vec<Pick>,
    /// Id of the older version.
    pub from: String,
    /// Id of the newer version.
    pub to: String,
    /// `doubtful`, or empty for all.
    pub shown: String,
    /// All, and those to look at.
    pub filters: Vec<Choice>,
    /// The same pair as texts beside each other.
    pub compare: String,
    /// Relations; none when there is only one version.
    pub relations: Vec<RelationLine>,
    /// The history, the newest first.
    pub past: Vec<PastRelation>,
    /// Problem of no single field.
    pub problem: String,
    /// What was just done.
    pub done: String,
}
