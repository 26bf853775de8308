//! The page of entering on behalf.

use askama::Template;

use super::forms::PlainForm;
use super::{Layout, Link};

/// An entry in the list.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// The provision.
    pub place: String,
    /// What was said.
    pub body: String,
    /// Kind of person, day, number.
    pub meta: String,
    /// Page that changes it.
    pub url: String,
    /// Its scan; empty without one.
    pub scan: String,
}

/// `/point/assignments/{id}/entry`
#[derive(Template)]
#[template(path = "point/entry.html")]
pub struct EntryPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Key of the form.
    pub key: String,
    /// Under which name the device keeps what is not sent: the assignment and the account.
    pub device: String,
    /// Address of the page.
    pub path: String,
    /// Where the form goes.
    pub action: String,
    /// Whether it changes an entry.
    pub is_change: bool,
    /// Whether entries are taken.
    pub takes_opinions: bool,
    /// What is said when they are not.
    pub closed: String,
    /// The task.
    pub task: Link,
    /// The draft.
    pub draft: String,
    /// Fields.
    pub form: PlainForm,
    /// Largest scan, in MiB.
    pub file_mib: u32,
    /// Name of the scan that the entry has.
    pub scan: String,
    /// What was done.
    pub done: &'static str,
    /// Entries, the newest first.
    pub entries: Vec<EntryLine>,
    /// Next page.
    pub next: Option<String>,
}
