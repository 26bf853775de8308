//! Pages on which the bureau and the counties keep contact points.

use askama::Template;

use super::forms::PlainForm;
use super::staff_accounts::Choosable;
use super::{Badge, Fact, Layout, Link};

/// A point in the list.
#[derive(Clone, Debug)]
pub struct KeptPointLine {
    /// Name and page.
    pub link: Link,
    /// Whether it works.
    pub badge: Badge,
    /// City and district.
    pub region: String,
    /// Kind, host.
    pub kind: String,
    /// Organ that keeps it.
    pub organ: String,
    /// Its term; empty without an end.
    pub term: String,
    /// Stations that work.
    pub stations: usize,
}

/// `/staff/contact-points`
#[derive(Template)]
#[template(path = "points/list.html")]
pub struct KeptPointsPage {
    /// Frame.
    pub layout: Layout,
    /// Whether points may be opened.
    pub may_open: bool,
    /// Words looked for.
    pub query: String,
    /// Chosen state.
    pub status: String,
    /// Organs to choose from; empty for county staff.
    pub organs: Vec<Choosable>,
    /// Points whose term ends soon or has ended, and when.
    pub ending: Vec<(Link, String)>,
    /// Points.
    pub points: Vec<KeptPointLine>,
    /// Next page.
    pub next: Option<String>,
}

/// `/staff/contact-points/new` and `…/{id}/edit`
#[derive(Template)]
#[template(path = "points/form.html")]
pub struct PointFormPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Names one filling-in of the form; empty when it changes a point.
    pub key: String,
    /// Revision that is changed.
    pub revision: i64,
    /// Heading.
    pub title: String,
    /// Where the form goes.
    pub action: String,
    /// Where to go back.
    pub back: Link,
    /// Fields.
    pub form: PlainForm,
    /// Words of the button.
    pub button: &'static str,
}

/// A station on the page of a point.
#[derive(Clone, Debug)]
pub struct KeptStation {
    /// Name.
    pub name: String,
    /// Where and when.
    pub meta: Vec<String>,
    /// When it was closed; empty while it works.
    pub closed: String,
    /// Address of its forms.
    pub path: String,
    /// Fields for changing it.
    pub form: PlainForm,
    /// Fields for closing it.
    pub closing: PlainForm,
}

/// A responsible person on the page of a point.
#[derive(Clone, Debug)]
pub struct KeptPerson {
    /// Duty, name, number.
    pub duty: String,
    /// Name.
    pub name: String,
    /// Number.
    pub phone: String,
    /// Whether the public sees it.
    pub is_public: bool,
    /// Address of its forms.
    pub path: String,
    /// Fields for changing it.
    pub form: PlainForm,
}

/// An entry of the history.
#[derive(Clone, Debug)]
pub struct PointEntryLine {
    /// What.
    pub act: String,
    /// Why, term.
    pub about: Vec<String>,
    /// Who.
    pub by: String,
    /// When.
    pub at: String,
}

/// An invitation in a list.
#[derive(Clone, Debug)]
pub struct InvitationLine {
    /// For whom, in the words of who invited.
    pub remark: String,
    /// Role and workplace.
    pub workplace: String,
    /// Where it stands.
    pub badge: Badge,
    /// Who invited, when, until when.
    pub meta: Vec<String>,
    /// Address of the form that revokes it; empty when it cannot be revoked.
    pub revoke: String,
}

/// `/staff/contact-points/{id}`
#[derive(Template)]
#[template(path = "points/show.html")]
pub struct KeptPointPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Names one filling-in of the forms that make something.
    pub key: String,
    /// Address of this page.
    pub path: String,
    /// Address of the page that the public sees.
    pub public_path: String,
    /// Revision shown.
    pub revision: i64,
    /// Name.
    pub name: String,
    /// Whether it works.
    pub badge: Badge,
    /// Whether it is open.
    pub is_open: bool,
    /// Whether the caller may change it.
    pub may_manage: bool,
    /// Whether the caller may invite staff.
    pub may_invite: bool,
    /// What was done.
    pub done: &'static str,
    /// Why something was not done.
    pub problem: String,
    /// What is said when the term ends soon; empty otherwise.
    pub ending: String,
    /// Facts.
    pub facts: Vec<Fact>,
    /// Stations.
    pub stations: Vec<KeptStation>,
    /// Responsible persons.
    pub persons: Vec<KeptPerson>,
    /// Staff accounts: name and station.
    pub staff: Vec<Fact>,
    /// Invitations.
    pub invitations: Vec<InvitationLine>,
    /// The one-time link that was just made; empty otherwise.
    pub invitation_url: String,
    /// Fields of a new station.
    pub new_station: PlainForm,
    /// Fields of a new person.
    pub new_person: PlainForm,
    /// Fields of a new invitation.
    pub new_invitation: PlainForm,
    /// Fields of renewal.
    pub renewal: PlainForm,
    /// Fields of closing.
    pub closing: PlainForm,
    /// Fields of opening again.
    pub reopening: PlainForm,
    /// History, the newest first.
    pub history: Vec<PointEntryLine>,
}

/// `/invitations`: the field of the code.
#[derive(Template)]
#[template(path = "points/invitation.html")]
pub struct InvitationPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was typed.
    pub code: String,
    /// Why it did not work.
    pub problem: Option<String>,
}

/// `/invitations`: the form of the account.
#[derive(Template)]
#[template(path = "points/invitation_form.html")]
pub struct InvitationFormPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The code.
    pub code: String,
    /// Name of the point.
    pub point: String,
    /// Name of the station, or that it is the whole point.
    pub station: String,
    /// Until when the invitation is good.
    pub expires: String,
    /// What was typed.
    pub login_name: String,
    /// What was typed.
    pub display_name: String,
    /// What is wrong with the login name.
    pub login_name_problem: Option<String>,
    /// What is wrong with the shown name.
    pub name_problem: Option<String>,
    /// What is wrong with the password.
    pub password_problem: Option<String>,
    /// What is wrong with its repetition.
    pub repeated_problem: Option<String>,
    /// What is wrong as a whole.
    pub problem: Option<String>,
}

/// `/invitations/acceptance`: the account is there.
#[derive(Template)]
#[template(path = "points/invitation_accepted.html")]
pub struct InvitationAcceptedPage {
    /// Frame.
    pub layout: Layout,
    /// Name to sign in with.
    pub login_name: String,
}
