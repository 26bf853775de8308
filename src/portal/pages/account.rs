//! Pages of a citizen's own account: signing in, what is held, what must be declared.

use askama::Template;

use super::{Badge, Fact, Layout};

/// `/sign-in`: the phone is asked for.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// Phone typed before.
    pub phone: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// What somebody is told who was led here; may be empty.
    pub notice: &'static str,
    /// Where to go afterwards; a local path.
    pub next: String,
    /// Whether codes can be sent at all.
    pub is_on: bool,
}

/// A code is on its way, and typed into the second step of a form.
#[derive(Clone, Debug, Default)]
pub struct CodeStep {
    /// The phone, masked.
    pub sent_to: String,
    /// The phone as typed, carried along.
    pub phone: String,
    /// The code itself, in the demonstration.
    pub shown_code: Option<String>,
    /// What was typed, where it was not yet used.
    pub typed: String,
    /// Why the code did not work.
    pub problem: Option<String>,
}

/// `/sign-in`, second step: the code is asked for.
#[derive(Template)]
#[template(path = "sign_in_code.html")]
pub struct SignInCodePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// The code.
    pub step: CodeStep,
    /// Whether the notice was ticked before.
    pub has_agreed: bool,
    /// Why the tick is missing.
    pub agreement_problem: Option<String>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// A session in the list of one's own.
#[derive(Clone, Debug)]
pub struct SessionLine {
    /// Names it.
    pub handle: String,
    /// Device, in words.
    pub device: String,
    /// Since when.
    pub since: String,
    /// Until when.
    pub until: String,
    /// Whether this page is seen through it.
    pub is_current: bool,
}

/// Something that must be declared before opinions are taken.
#[derive(Clone, Debug)]
pub struct Todo {
    /// What, and why.
    pub text: String,
    /// Words of the link.
    pub link: &'static str,
    /// Where to.
    pub url: String,
}

/// `/me`
#[derive(Template)]
#[template(path = "me.html")]
pub struct MePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// What was just done.
    pub done: Option<&'static str>,
    /// What must be declared.
    pub todos: Vec<Todo>,
    /// What is held.
    pub facts: Vec<Fact>,
    /// Whether a phone is bound.
    pub has_phone: bool,
    /// Whether codes can be sent at all.
    pub is_on: bool,
    /// Sessions, the newest first.
    pub sessions: Vec<SessionLine>,
}

/// `/me/age`
#[derive(Template)]
#[template(path = "age.html")]
pub struct AgePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// What the person said; `None` = nothing yet.
    pub is_fourteen_or_over: Option<bool>,
    /// Why the statement was not taken.
    pub problem: Option<String>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// A choice of a list.
#[derive(Clone, Debug)]
pub struct Choosable {
    /// Value.
    pub value: &'static str,
    /// Words.
    pub text: &'static str,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// `/me/guardian`
#[derive(Template)]
#[template(path = "guardian.html")]
pub struct GuardianPage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// The consent that is recorded, as one line.
    pub recorded: Option<String>,
    /// Name typed before.
    pub name: String,
    /// Relations.
    pub relations: Vec<Choosable>,
    /// Phone typed before.
    pub phone: String,
    /// The second step, once a code is on its way.
    pub step: Option<CodeStep>,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Whether codes can be sent at all.
    pub is_on: bool,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// A section of the privacy notice.
#[derive(Clone, Debug)]
pub struct NoticeSection {
    /// Heading.
    pub heading: &'static str,
    /// Paragraphs.
    pub paragraphs: Vec<String>,
}

/// `/privacy`
#[derive(Template)]
#[template(path = "privacy.html")]
pub struct PrivacyPage {
    /// Frame.
    pub layout: Layout,
    /// Version of the notice.
    pub version: &'static str,
    /// Sections.
    pub sections: Vec<NoticeSection>,
    /// For a citizen who has not accepted this version: the token of the form.
    pub csrf: Option<String>,
    /// For a citizen who has: a badge that says so.
    pub accepted: Option<Badge>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// `/me/phone`
#[derive(Template)]
#[template(path = "phone.html")]
pub struct PhonePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// The phone that is bound, masked.
    pub bound: Option<String>,
    /// Phone typed before.
    pub phone: String,
    /// The second step, once a code is on its way.
    pub step: Option<CodeStep>,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Whether codes can be sent at all.
    pub is_on: bool,
}

/// One kind of thing that is held.
#[derive(Clone, Debug)]
pub struct HeldSection {
    /// Anchor.
    pub id: &'static str,
    /// Name.
    pub title: &'static str,
    /// Things, each as its named values.
    pub entries: Vec<Vec<Fact>>,
}

/// `/me/export`
#[derive(Template)]
#[template(path = "own_data.html")]
pub struct ExportPage {
    /// Frame.
    pub layout: Layout,
    /// When the copy was taken.
    pub copied_at: String,
    /// What is held.
    pub sections: Vec<HeldSection>,
}

/// `/me/delete`
#[derive(Template)]
#[template(path = "delete_account.html")]
pub struct DeletePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// The word to be typed.
    pub confirmation: &'static str,
    /// What is kept, and why.
    pub retained: Vec<Fact>,
    /// Why it did not work.
    pub problem: Option<String>,
}

/// The account is gone.
#[derive(Template)]
#[template(path = "account_deleted.html")]
pub struct DeletedPage {
    /// Frame.
    pub layout: Layout,
}
