//! Pages of the selection of contact points.

use askama::Template;

use super::forms::PlainForm;
use super::{Badge, Fact, Layout, Link};

/// A call in a list.
#[derive(Clone, Debug)]
pub struct CallLine {
    /// Title and page.
    pub link: Link,
    /// Where it stands.
    pub badge: Badge,
    /// From when to when applications are taken.
    pub when: String,
}

/// `/selections`
#[derive(Template)]
#[template(path = "selections/list.html")]
pub struct SelectionsPage {
    /// Frame.
    pub layout: Layout,
    /// Calls.
    pub calls: Vec<CallLine>,
    /// Next page.
    pub next: Option<String>,
}

/// `/selections/{id}`
#[derive(Template)]
#[template(path = "selections/show.html")]
pub struct SelectionPage {
    /// Frame.
    pub layout: Layout,
    /// Title.
    pub title: String,
    /// Where it stands.
    pub badge: Badge,
    /// From when to when.
    pub when: String,
    /// Paragraphs of the notice.
    pub notice: Vec<String>,
    /// Criteria: name with most points, explanation.
    pub criteria: Vec<Fact>,
    /// Where to apply; empty when applications are not taken.
    pub apply: String,
    /// What is said with the outcome, or why it was given up.
    pub result: Vec<String>,
    /// Whether the outcome is public.
    pub is_decided: bool,
    /// Units that were selected, with the page of the point that they became.
    pub selected: Vec<Link>,
    /// Units that were not.
    pub not_selected: Vec<String>,
    /// Next page of the selected ones.
    pub next: Option<String>,
}

/// `/selections/{id}/apply`
#[derive(Template)]
#[template(path = "selections/apply.html")]
pub struct ApplyPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Key of the form.
    pub key: String,
    /// Where the form goes.
    pub action: String,
    /// Title of the call.
    pub call: Link,
    /// Until when.
    pub closes: String,
    /// Fields.
    pub form: PlainForm,
    /// Most documents.
    pub most_files: usize,
    /// Largest document, in MiB.
    pub file_mib: u32,
}

/// The receipt of an application.
#[derive(Template)]
#[template(path = "selections/receipt.html")]
pub struct ApplicationReceiptPage {
    /// Frame.
    pub layout: Layout,
    /// The call.
    pub call: Link,
    /// Number.
    pub number: String,
    /// Code.
    pub code: String,
    /// When it came.
    pub at: String,
}

/// `/selections/lookup`
#[derive(Template)]
#[template(path = "selections/lookup.html")]
pub struct ApplicationLookupPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was typed.
    pub code: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// What was done.
    pub done: &'static str,
    /// The application.
    pub found: Vec<Fact>,
    /// Whether it can be taken back.
    pub may_withdraw: bool,
}

/// `/staff/selections`
#[derive(Template)]
#[template(path = "selections/staff_list.html")]
pub struct StaffSelectionsPage {
    /// Frame.
    pub layout: Layout,
    /// Whether calls may be written.
    pub may_write: bool,
    /// Calls.
    pub calls: Vec<CallLine>,
    /// Next page.
    pub next: Option<String>,
}

/// An application in the list of staff.
#[derive(Clone, Debug)]
pub struct ApplicationLine {
    /// Id, as forms send it.
    pub id: String,
    /// Unit and page.
    pub link: Link,
    /// Kind, region.
    pub meta: String,
    /// Where it stands.
    pub badge: Badge,
    /// How many members of staff scored it, and their mean; empty when nobody did.
    pub scores: String,
    /// Whether an outcome is to be chosen.
    pub is_to_decide: bool,
    /// What was chosen: `selected`, `not_selected`, or empty.
    pub chosen: String,
    /// What was typed for the unit.
    pub reason: String,
}

/// `/staff/selections/{id}`
#[derive(Template)]
#[template(path = "selections/staff_show.html")]
pub struct StaffSelectionPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Address of this page.
    pub path: String,
    /// Revision shown.
    pub revision: i64,
    /// Title.
    pub title: String,
    /// Where it stands.
    pub badge: Badge,
    /// Facts.
    pub facts: Vec<Fact>,
    /// Paragraphs of the notice.
    pub notice: Vec<String>,
    /// Criteria.
    pub criteria: Vec<Fact>,
    /// Page that the public sees; empty while there is none.
    pub public_path: String,
    /// What was done.
    pub done: &'static str,
    /// Why something was not done.
    pub problem: String,
    /// Whether it may be changed and published.
    pub may_publish: bool,
    /// Whether it may be given up.
    pub may_withdraw: bool,
    /// Whether the outcome may be published.
    pub may_decide: bool,
    /// Applications.
    pub applications: Vec<ApplicationLine>,
    /// Fields of giving up.
    pub withdrawal: PlainForm,
    /// Fields of the public text beside the outcome.
    pub outcome: PlainForm,
}

/// A field of the score form.
#[derive(Clone, Debug)]
pub struct CriterionField {
    /// Place.
    pub place: usize,
    /// Name.
    pub name: String,
    /// What is looked at.
    pub explanation: String,
    /// Most points.
    pub maximum: i64,
    /// Points that stand in it.
    pub points: String,
    /// Remark that stands in it.
    pub remark: String,
}

/// What one member of staff thinks.
#[derive(Clone, Debug)]
pub struct SheetLine {
    /// Who, when.
    pub who: String,
    /// Criterion, points, remark.
    pub scores: Vec<Fact>,
    /// All points.
    pub total: String,
}

/// `/staff/selection-applications/{id}`
#[derive(Template)]
#[template(path = "selections/application.html")]
pub struct StaffApplicationPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Address of this page.
    pub path: String,
    /// The call.
    pub call: Link,
    /// Unit.
    pub name: String,
    /// Where it stands.
    pub badge: Badge,
    /// Facts.
    pub facts: Vec<Fact>,
    /// Paragraphs about the unit.
    pub introduction: Vec<String>,
    /// Paragraphs about the plan.
    pub plan: Vec<String>,
    /// Documents.
    pub documents: Vec<Link>,
    /// What was done.
    pub done: &'static str,
    /// Why something was not done.
    pub problem: String,
    /// Fields of the own scores; empty when it may not be scored.
    pub criteria: Vec<CriterionField>,
    /// What members of staff think.
    pub sheets: Vec<SheetLine>,
    /// Whether the unit may be made a contact point.
    pub may_open: bool,
    /// Fields of that.
    pub opening: PlainForm,
    /// The point that it became.
    pub point: Option<Link>,
}
