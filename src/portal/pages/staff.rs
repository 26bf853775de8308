//! Pages of the legislative staff.

use askama::Template;

use super::civic::DraftCard;
use super::{Badge, Choice, Fact, Layout, Link};

/// `/login`
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// Name typed before.
    pub name: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// What somebody is told who was led here; may be empty.
    pub notice: &'static str,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// An import in a list.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// Name.
    pub name: String,
    /// Target.
    pub url: String,
    /// State.
    pub badge: Badge,
    /// When.
    pub at: String,
    /// How far, or what came of it.
    pub progress: String,
}

/// `/staff`
#[derive(Template)]
#[template(path = "staff.html")]
pub struct StaffPage {
    /// Frame.
    pub layout: Layout,
    /// Whether the person may import documents.
    pub may_import: bool,
    /// Whether the person may see drafts that are being prepared.
    pub may_draft: bool,
    /// What waits in moderation, by shelf; empty for those who may not see it.
    pub moderation: Vec<Choice>,
    /// Recent imports.
    pub jobs: Vec<JobLine>,
    /// How many tasks wait to be passed on; `None` for those who pass none on.
    pub relays: Option<String>,
    /// Drafts whose opinions should be answered by now, and how long they wait.
    pub overdue: Vec<(Link, String)>,
    /// Drafts with answers that were given back, and how many there are.
    pub returned: Vec<(Link, String)>,
    /// Drafts whose opinions the person may see.
    pub answering: Vec<Link>,
    /// Drafts.
    pub drafts: Vec<DraftCard>,
    /// Documents held.
    pub works: String,
    /// Versions held.
    pub versions: String,
    /// Articles held.
    pub articles: String,
    /// What the parser was not sure of, by kind.
    pub diagnostics: Vec<Fact>,
}

/// `/staff/import`
#[derive(Template)]
#[template(path = "import.html")]
pub struct ImportPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Why the upload was refused.
    pub problem: Option<String>,
    /// Largest upload in MiB.
    pub limit_mib: u64,
}

/// One file of a report.
#[derive(Clone, Debug)]
pub struct ReportLine {
    /// File, or archive and entry.
    pub source: String,
    /// Outcome.
    pub badge: Badge,
    /// Title found in it.
    pub title: String,
    /// Document, when there is one in the library.
    pub url: Option<String>,
    /// Organ, number and dates found in it.
    pub particulars: String,
    /// Reason, or diagnostics.
    pub detail: String,
}

/// The button that imports what was tried.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Where it goes.
    pub url: String,
    /// Id of the import to come.
    pub job: String,
}

/// `/staff/import/{id}`
#[derive(Template)]
#[template(path = "import_job.html")]
pub struct ImportJobPage {
    /// Frame.
    pub layout: Layout,
    /// Name.
    pub name: String,
    /// State.
    pub badge: Badge,
    /// Whether it goes on.
    pub is_running: bool,
    /// Whether searches find what was imported; none while it runs and for a trial.
    pub is_searchable: Option<bool>,
    /// 试导入
    pub is_dry_run: bool,
    /// How far it is, once known, in per cent.
    pub percent: Option<u8>,
    /// Outcomes and their numbers.
    pub counts: Vec<Fact>,
    /// Why the whole failed.
    pub failure: String,
    /// Per file; problems first.
    pub lines: Vec<ReportLine>,
    /// Lines left off this page.
    pub left_off: usize,
    /// Token.
    pub csrf: String,
    /// Importing the files of a trial, while they are kept.
    pub offer: Option<Offer>,
    /// Whether the files of a trial were kept too long ago to be imported.
    pub is_spent: bool,
}
