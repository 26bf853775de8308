//! Pages of signing in, of the staff's accounts and of the audit log.

use askama::Template;

use super::account::SessionLine;
use super::{Badge, Layout};

/// `/login/step`, before the code of the second step.
#[derive(Template)]
#[template(path = "login_code.html")]
pub struct LoginCodePage {
    /// Frame.
    pub layout: Layout,
    /// Token against forged forms.
    pub csrf: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// `/login/step`, before another password is chosen.
#[derive(Template)]
#[template(path = "login_password.html")]
pub struct NewPasswordPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Whose password, for the browser's keeper of passwords.
    pub login_name: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// Setting up the second step.
#[derive(Template)]
#[template(path = "second_factor.html")]
pub struct EnrolmentPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Where the form goes.
    pub action: &'static str,
    /// Whether there is no way in without it.
    pub is_required: bool,
    /// Picture for the camera: an svg element made by the program.
    pub qr: String,
    /// The same for typing.
    pub secret: String,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Where to go afterwards; a local path.
    pub next: String,
}

/// The recovery codes, this once.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodesPage {
    /// Frame.
    pub layout: Layout,
    /// The codes.
    pub codes: Vec<String>,
    /// Where to go on; a local path.
    pub next: String,
}

/// `/staff/account`
#[derive(Template)]
#[template(path = "own_account.html")]
pub struct OwnAccountPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Whether a second step is set up.
    pub has_second_factor: bool,
    /// Whether it may not be taken away.
    pub is_required: bool,
    /// Why the password was not changed.
    pub password_problem: Option<String>,
    /// Why the second step was not taken away.
    pub code_problem: Option<String>,
    /// What was done.
    pub done: Option<&'static str>,
    /// Where the person is signed in.
    pub sessions: Vec<SessionLine>,
}

/// A choice in a list.
#[derive(Clone, Debug)]
pub struct Choosable {
    /// Value that the form sends.
    pub value: String,
    /// Words.
    pub text: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// An account in the list.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// Target.
    pub url: String,
    /// Name for signing in.
    pub login_name: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// State.
    pub badge: Badge,
    /// Whether a second step is set up.
    pub has_second_factor: bool,
    /// Since when.
    pub since: String,
}

/// `/staff/users`
#[derive(Template)]
#[template(path = "users.html")]
pub struct UsersPage {
    /// Frame.
    pub layout: Layout,
    /// Whether the person may change accounts.
    pub may_manage: bool,
    /// What is looked for.
    pub query: String,
    /// Roles to filter by.
    pub roles: Vec<Choosable>,
    /// `open`, `closed` or all.
    pub state: String,
    /// Accounts.
    pub users: Vec<UserLine>,
    /// Next page.
    pub next: Option<String>,
}

/// The fields of an account.
#[derive(Clone, Debug)]
pub struct UserForm {
    /// Token.
    pub csrf: String,
    /// Names this filling-in.
    pub once: String,
    /// Name for signing in.
    pub login_name: String,
    /// Name.
    pub display_name: String,
    /// Roles.
    pub roles: Vec<Choosable>,
    /// Contact points.
    pub points: Vec<Choosable>,
    /// Stations, under the names of their points.
    pub stations: Vec<Choosable>,
    /// Organs of counties.
    pub organs: Vec<Choosable>,
    /// What is wrong with the login name.
    pub login_name_problem: Option<String>,
    /// What is wrong with the name.
    pub name_problem: Option<String>,
    /// What is wrong with the role.
    pub role_problem: Option<String>,
    /// What is wrong with the contact point.
    pub point_problem: Option<String>,
    /// What is wrong with the station.
    pub station_problem: Option<String>,
    /// What is wrong with the organ.
    pub organ_problem: Option<String>,
    /// What else is wrong.
    pub problem: Option<String>,
}

/// `/staff/users/new` and `/staff/users/{id}`
#[derive(Template)]
#[template(path = "user.html")]
pub struct UserPage {
    /// Frame.
    pub layout: Layout,
    /// Fields.
    pub form: UserForm,
    /// The account; `None` for one to be made.
    pub user: Option<UserLine>,
    /// Whether the person may change it.
    pub may_manage: bool,
    /// Whether it is the person's own.
    pub is_own: bool,
    /// Whether it may sign in.
    pub is_active: bool,
    /// Whether a second step is set up.
    pub has_second_factor: bool,
    /// What was done.
    pub done: Option<&'static str>,
    /// Why something was not done.
    pub problem: Option<String>,
}

/// A one-time password, this once.
#[derive(Template)]
#[template(path = "one_time_password.html")]
pub struct OneTimePasswordPage {
    /// Frame.
    pub layout: Layout,
    /// Name for signing in.
    pub login_name: String,
    /// Password.
    pub password: String,
    /// The account.
    pub url: String,
}

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// Place in the chain.
    pub seq: i64,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// Entries of the same person.
    pub who_url: Option<String>,
    /// What.
    pub act: String,
    /// Whether it succeeded.
    pub outcome: Badge,
    /// Kind of the thing.
    pub subject: String,
    /// Entries about the same thing.
    pub subject_url: Option<String>,
    /// What else matters.
    pub detail: String,
    /// Ids of what it was about, which the sentence only counts.
    pub ids: Vec<String>,
}

/// Result of checking the log.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Whether it is whole.
    pub is_whole: bool,
    /// What was found.
    pub sentence: String,
    /// Hash of the last entry that holds.
    pub last_hash: String,
}

/// `/staff/audit`
#[derive(Template)]
#[template(path = "audit.html")]
pub struct AuditPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub until: String,
    /// Login name, or id.
    pub who: String,
    /// Id of a thing.
    pub about: String,
    /// `done`, `failed` or all.
    pub outcome: String,
    /// Acts to filter by.
    pub acts: Vec<Choosable>,
    /// Whether anything is filtered.
    pub is_filtered: bool,
    /// What is wrong with the filter.
    pub problem: Option<String>,
    /// Entries.
    pub lines: Vec<AuditLine>,
    /// Next page.
    pub next: Option<String>,
    /// Export of the period.
    pub export: String,
    /// Result of checking.
    pub checked: Option<Checked>,
}
