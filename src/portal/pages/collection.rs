//! Pages of the offline loop: collection tasks for the bureau, the desk of a contact point, activities.

use askama::Template;

use super::rounds::{Problems, SelectOption};
use super::{Badge, Choice, Fact, Layout, Link};

/// A task in the bureau's list.
#[derive(Clone, Debug)]
pub struct TaskLine {
    /// The task.
    pub link: Link,
    /// Whether it goes on.
    pub badge: Badge,
    /// Draft, due date.
    pub meta: String,
    /// How its assignments stand.
    pub states: Vec<Badge>,
}

/// `/staff/tasks`
#[derive(Template)]
#[template(path = "collection/tasks.html")]
pub struct TasksPage {
    /// Frame.
    pub layout: Layout,
    /// Whether the viewer may send tasks.
    pub may_send: bool,
    /// Which tasks are shown.
    pub choices: Vec<Choice>,
    /// How many assignments are overdue in all.
    pub overdue: i64,
    /// Tasks, the newest first.
    pub tasks: Vec<TaskLine>,
    /// Next page.
    pub next: Option<String>,
}

/// Choosing the draft of a new task.
#[derive(Template)]
#[template(path = "collection/choose_draft.html")]
pub struct ChooseDraftPage {
    /// Frame.
    pub layout: Layout,
    /// Drafts whose round collects, with until when.
    pub drafts: Vec<(Link, String)>,
    /// Next page.
    pub next: Option<String>,
}

/// A choice with a box to tick.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Value.
    pub value: String,
    /// Words.
    pub label: String,
    /// More words, smaller.
    pub hint: String,
    /// Whether it is ticked.
    pub is_chosen: bool,
}

/// Contact points of one region.
#[derive(Clone, Debug)]
pub struct TickGroup {
    /// Region.
    pub name: String,
    /// Points.
    pub ticks: Vec<Tick>,
}

/// `/staff/tasks/new`
#[derive(Template)]
#[template(path = "collection/task_new.html")]
pub struct NewTaskPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// One-time key: a form that comes twice sends one task.
    pub key: String,
    /// The draft.
    pub draft: Link,
    /// Its id.
    pub draft_id: String,
    /// Until when the round takes opinions.
    pub round: String,
    /// Why it was not sent; empty when nothing is wrong.
    pub problem: String,
    /// Fields and what is wrong with them.
    pub problems: Problems,
    /// What is unusual about the due date; sending again confirms it.
    pub notices: Vec<String>,
    /// The due date that the notices speak of.
    pub confirmed: String,
    /// Title.
    pub title: String,
    /// Instructions.
    pub instructions: String,
    /// Questions, one in a line.
    pub questions: String,
    /// Last day.
    pub due_on: String,
    /// Articles.
    pub articles: Vec<Tick>,
    /// Contact points by region.
    pub regions: Vec<TickGroup>,
    /// County organs that may pass it on.
    pub organs: Vec<Tick>,
}

/// An assignment in a list.
#[derive(Clone, Debug)]
pub struct AssignmentLine {
    /// Where it stands in full: the point for the bureau, the task for the point.
    pub link: Link,
    /// Where it stands.
    pub badges: Vec<Badge>,
    /// Region or draft.
    pub about: String,
    /// Until when.
    pub due: String,
    /// When it was submitted.
    pub submitted: String,
    /// How many opinions it has; empty where that is not counted.
    pub opinions: String,
}

/// What a page says after something was done, or was not.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Words; empty when there is nothing to say.
    pub text: String,
    /// Whether something is wrong.
    pub is_problem: bool,
}

/// `/staff/tasks/{id}`
#[derive(Template)]
#[template(path = "collection/task.html")]
pub struct TaskPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was done or was wrong.
    pub said: Said,
    /// Where it is.
    pub url: String,
    /// Title.
    pub title: String,
    /// Whether it goes on.
    pub badge: Badge,
    /// Draft, due date.
    pub facts: Vec<Fact>,
    /// The draft as everybody sees it.
    pub draft: Link,
    /// Instructions, by paragraph.
    pub instructions: Vec<String>,
    /// Questions.
    pub questions: Vec<String>,
    /// Articles.
    pub articles: Vec<Link>,
    /// Which assignments are shown.
    pub choices: Vec<Choice>,
    /// Assignments by region and name.
    pub assignments: Vec<AssignmentLine>,
    /// Next page.
    pub next: Option<String>,
    /// County organs that were asked to pass it on, and what they did.
    pub relays: Vec<Fact>,
    /// Whether the viewer may change it.
    pub may_change: bool,
    /// Points that do not have it yet, by region.
    pub regions: Vec<TickGroup>,
    /// What was typed as a reason.
    pub reason: String,
}

/// `/staff/tasks/overdue`
#[derive(Template)]
#[template(path = "collection/overdue.html")]
pub struct OverduePage {
    /// Frame.
    pub layout: Layout,
    /// Assignments, the longest overdue first.
    pub assignments: Vec<AssignmentLine>,
    /// Next page.
    pub next: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// What.
    pub what: String,
    /// Who and when.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A request for more time.
#[derive(Clone, Debug)]
pub struct ExtensionLine {
    /// Id.
    pub id: String,
    /// What became of it.
    pub badge: Badge,
    /// Until when it asks.
    pub asked: String,
    /// Why.
    pub reason: String,
    /// What the bureau said.
    pub answer: String,
    /// Whether it waits.
    pub is_waiting: bool,
    /// The day that is asked for, for the form.
    pub until: String,
}

/// `/staff/assignments/{id}`
#[derive(Template)]
#[template(path = "collection/assignment.html")]
pub struct AssignmentPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was done or was wrong.
    pub said: Said,
    /// Where it is.
    pub url: String,
    /// The point.
    pub point: Link,
    /// The task.
    pub task: Link,
    /// Where it stands.
    pub badges: Vec<Badge>,
    /// Due date, submission.
    pub facts: Vec<Fact>,
    /// The opinions behind their number; `None` when there are none.
    pub opinions: Option<Link>,
    /// Revision of what is shown.
    pub revision: i64,
    /// What may be done now.
    pub may_accept: bool,
    /// As above.
    pub may_cancel: bool,
    /// What was typed as a reason.
    pub reason: String,
    /// Requests for more time.
    pub extensions: Vec<ExtensionLine>,
    /// Whether the viewer may decide.
    pub may_decide: bool,
    /// Activities.
    pub activities: Vec<ActivityLine>,
    /// Next page of activities.
    pub next: Option<String>,
    /// History.
    pub entries: Vec<EntryLine>,
}

/// An activity in a list.
#[derive(Clone, Debug)]
pub struct ActivityLine {
    /// The activity.
    pub link: Link,
    /// Kind.
    pub kind: String,
    /// Day, place, people.
    pub meta: String,
}

/// A file of an activity.
#[derive(Clone, Debug)]
pub struct FileLine {
    /// The file.
    pub link: Link,
    /// Kind and size.
    pub meta: String,
    /// Where it is removed; empty for who may not.
    pub remove: String,
}

/// `/staff/activities/{id}` and `/point/activities/{id}`
#[derive(Template)]
#[template(path = "collection/activity.html")]
pub struct ActivityPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was done or was wrong.
    pub said: Said,
    /// Where one comes from.
    pub back: Vec<Link>,
    /// Where it is.
    pub url: String,
    /// Title.
    pub title: String,
    /// Kind.
    pub kind: String,
    /// Day, place, people, station, task.
    pub facts: Vec<Fact>,
    /// Minutes, by paragraph.
    pub minutes: Vec<String>,
    /// Files.
    pub files: Vec<FileLine>,
    /// Whether the viewer may change it.
    pub may_change: bool,
}

/// `/point`
#[derive(Template)]
#[template(path = "point/desk.html")]
pub struct PointDeskPage {
    /// Frame.
    pub layout: Layout,
    /// Name of the point.
    pub point: String,
    /// Shelves with their counts.
    pub shelves: Vec<Choice>,
    /// Assignments on the shelf.
    pub assignments: Vec<AssignmentLine>,
    /// What an empty shelf says.
    pub empty: &'static str,
    /// Next page.
    pub next: Option<String>,
}

/// An article of interest.
#[derive(Clone, Debug)]
pub struct ArticleLine {
    /// How it is cited.
    pub label: String,
    /// Its words, by line.
    pub lines: Vec<String>,
    /// Where it stands in the draft.
    pub url: String,
}

/// `/point/tasks/{id}`
#[derive(Template)]
#[template(path = "point/task.html")]
pub struct PointTaskPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was done or was wrong.
    pub said: Said,
    /// Where it is.
    pub url: String,
    /// Title.
    pub title: String,
    /// Where it stands.
    pub badges: Vec<Badge>,
    /// Revision of what is shown.
    pub revision: i64,
    /// Due date, round.
    pub facts: Vec<Fact>,
    /// The reason of the bureau, when it was given back or called off.
    pub returned: String,
    /// The draft.
    pub draft: Link,
    /// Instructions, by paragraph.
    pub instructions: Vec<String>,
    /// What the county organ added, by paragraph.
    pub note: Vec<String>,
    /// Questions.
    pub questions: Vec<String>,
    /// Articles.
    pub articles: Vec<ArticleLine>,
    /// The step that comes next: value and words; `None` = none of the point's.
    pub next_step: Option<(&'static str, &'static str)>,
    /// Where the set is looked through before it is submitted; empty when it cannot be.
    pub submit_url: String,
    /// Whether more time can be asked for.
    pub may_ask: bool,
    /// What was typed in that form.
    pub until: String,
    /// As above.
    pub reason: String,
    /// Requests for more time.
    pub extensions: Vec<ExtensionLine>,
    /// What can be done with opinions here.
    pub work: Vec<Link>,
    /// Materials to print and fill in.
    pub materials: Vec<Link>,
    /// Activities.
    pub activities: Vec<ActivityLine>,
    /// Where an activity is written down; empty when none can be.
    pub new_activity: String,
    /// Where all of them are, when there are more.
    pub more_activities: Option<String>,
    /// History.
    pub entries: Vec<EntryLine>,
}

/// `/point/tasks/{id}/submit`
#[derive(Template)]
#[template(path = "point/submit.html")]
pub struct SubmitPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// The task.
    pub task: Link,
    /// Where the form goes.
    pub action: String,
    /// Revision of what is shown.
    pub revision: i64,
    /// What is submitted.
    pub counts: Vec<Fact>,
    /// Whether there is no opinion, so that a sentence is needed.
    pub is_empty: bool,
    /// Why it was not submitted.
    pub problem: String,
    /// What was typed.
    pub reason: String,
    /// What is unusual: late, no activity.
    pub notices: Vec<String>,
}

/// `/point/activities`
#[derive(Template)]
#[template(path = "point/activities.html")]
pub struct ActivitiesPage {
    /// Frame.
    pub layout: Layout,
    /// What was done.
    pub said: Said,
    /// Activities, the newest first.
    pub activities: Vec<ActivityLine>,
    /// Next page.
    pub next: Option<String>,
}

/// `/point/activities/new` and `/point/activities/{id}/edit`
#[derive(Template)]
#[template(path = "point/activity_form.html")]
pub struct ActivityFormPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// One-time key of a new one.
    pub key: String,
    /// Revision of one that is changed; 0 for a new one.
    pub revision: i64,
    /// Where the form goes.
    pub action: String,
    /// Where one comes from.
    pub back: String,
    /// Why it was not kept; empty when nothing is wrong.
    pub problem: String,
    /// Fields and what is wrong with them.
    pub problems: Problems,
    /// Kinds.
    pub kinds: Vec<SelectOption>,
    /// Own tasks.
    pub tasks: Vec<SelectOption>,
    /// Own stations; empty when the account works for one.
    pub stations: Vec<SelectOption>,
    /// Title.
    pub title: String,
    /// Day.
    pub held_on: String,
    /// The last day that can be chosen.
    pub today: String,
    /// Place.
    pub place: String,
    /// People present.
    pub people_present: String,
    /// People reached.
    pub people_reached: String,
    /// Kinds of participants.
    pub participant_kinds: String,
    /// Minutes.
    pub minutes: String,
}

/// `/staff/relays`
#[derive(Template)]
#[template(path = "collection/relays.html")]
pub struct RelaysPage {
    /// Frame.
    pub layout: Layout,
    /// Tasks to be passed on, the newest first.
    pub relays: Vec<(Link, Badge, String)>,
    /// Next page.
    pub next: Option<String>,
}

/// `/staff/relays/{id}`
#[derive(Template)]
#[template(path = "collection/relay.html")]
pub struct RelayPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// What was done or was wrong.
    pub said: Said,
    /// Where it is.
    pub url: String,
    /// Title of the task.
    pub title: String,
    /// Whether it was passed on.
    pub badge: Badge,
    /// Due date.
    pub facts: Vec<Fact>,
    /// The draft as everybody sees it.
    pub draft: Link,
    /// Instructions, by paragraph.
    pub instructions: Vec<String>,
    /// Questions.
    pub questions: Vec<String>,
    /// Articles.
    pub articles: Vec<Link>,
    /// What own points do.
    pub assignments: Vec<AssignmentLine>,
    /// Next page.
    pub next: Option<String>,
    /// Whether it can be passed on.
    pub is_open: bool,
    /// Own points that do not have it yet, by region.
    pub regions: Vec<TickGroup>,
    /// Last day for them.
    pub due_on: String,
    /// What the organ adds.
    pub note: String,
}

/// `/point/tasks/{id}/poster`
#[derive(Template)]
#[template(path = "point/poster.html")]
pub struct PosterPage {
    /// Frame.
    pub layout: Layout,
    /// The task.
    pub task: Link,
    /// Title of the draft.
    pub draft: String,
    /// From when to when the public is asked.
    pub period: String,
    /// The address as a picture: an `svg` element of our own making.
    pub qr: String,
    /// The address that it holds.
    pub address: String,
    /// Name of the point.
    pub point: String,
    /// Where it is.
    pub place: String,
    /// When somebody is there.
    pub hours: String,
    /// How to take part, by paragraph.
    pub how: Vec<String>,
}
