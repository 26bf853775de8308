//! Pages of taking part: drafts, contact points, the guide.

use askama::Template;

use super::drafting::PublicPapers;
use super::library::Block;
use super::rounds::RoundsPart;
use super::staff_accounts::Choosable;
use super::{Badge, Choice, Fact, Layout, Link};

/// A draft in a list.
#[derive(Clone, Debug)]
pub struct DraftCard {
    /// Title.
    pub title: String,
    /// Target.
    pub url: String,
    /// State.
    pub badge: Badge,
    /// Drafting organ, kind, round.
    pub meta: Vec<String>,
    /// Last day, as words; empty = none.
    pub closes: String,
    /// Whole days left after today, while it is open.
    pub days_left: Option<i64>,
    /// Opinions received 意见条数.
    pub opinions: i64,
    /// 示例
    pub is_demonstration: bool,
}

/// `/drafts`
#[derive(Template)]
#[template(path = "drafts.html")]
pub struct DraftsPage {
    /// Frame.
    pub layout: Layout,
    /// Open for opinions.
    pub open: Vec<DraftCard>,
    /// All others that are public.
    pub others: Vec<DraftCard>,
    /// Next page.
    pub next: Option<String>,
}

/// An answered opinion as everybody sees it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The provision as it is cited, and who says it.
    pub about: String,
    /// What was said; `None` when it is not shown.
    pub opinion: Option<String>,
    /// Why it is not shown.
    pub unseen: &'static str,
    /// Why the author says so.
    pub because: String,
    /// Outcome.
    pub outcome: Badge,
    /// Reason given for it.
    pub reason: String,
    /// When it was answered.
    pub at: String,
}

/// A piece of the text of a draft with what was said about it.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The text.
    pub block: Block,
    /// Answered opinions on it.
    pub replies: Vec<Reply>,
    /// What can be said and how much was said.
    pub voice: Voice,
}

/// What can be said about an article or the draft as a whole, and how much was said.
#[derive(Clone, Debug, Default)]
pub struct Voice {
    /// The form; empty when no opinions are taken.
    pub speak: String,
    /// How many opinions there are, and where they can be read; `None` without any.
    pub heard: Option<Link>,
}

/// An entry of the contents of a draft.
#[derive(Clone, Debug)]
pub struct DraftTocEntry {
    /// Depth, from 1.
    pub depth: u8,
    /// Link inside the page.
    pub link: Link,
}

/// `/drafts/{id}`
#[derive(Template)]
#[template(path = "draft.html")]
pub struct DraftPage {
    /// Frame.
    pub layout: Layout,
    /// Title.
    pub title: String,
    /// State.
    pub badge: Badge,
    /// 示例
    pub is_demonstration: bool,
    /// Organ, dates, channels.
    pub facts: Vec<Fact>,
    /// Counts of opinions, each named for what it counts.
    pub counts: Vec<Fact>,
    /// Notice 公告: title and paragraphs.
    pub notice: Vec<String>,
    /// Explanation 起草说明, by paragraph.
    pub explanation: Vec<String>,
    /// Attachments, legal bases, what it became.
    pub papers: PublicPapers,
    /// What the bureau says of the opinions as a whole, by paragraph.
    pub summary: Vec<String>,
    /// The feedback reports of its rounds, the newest first.
    pub reports: Vec<Link>,
    /// Its rounds.
    pub rounds: RoundsPart,
    /// The comparison with the version before, when there is one.
    pub compare: Option<String>,
    /// Whole days left after today, while open.
    pub days_left: Option<i64>,
    /// Last day.
    pub closes: String,
    /// Path of this page.
    pub permalink: String,
    /// Speaking of the draft as a whole.
    pub whole: Voice,
    /// Whether people may have spoken without an account, who find their opinion by its code.
    pub has_codes: bool,
    /// Contents.
    pub toc: Vec<DraftTocEntry>,
    /// Answered opinions on the whole, or on what has no place in this text.
    pub on_the_whole: Vec<Reply>,
    /// Answered opinions that this page leaves off.
    pub is_cut: bool,
    /// Text.
    pub pieces: Vec<Piece>,
}

/// A contact point in a list.
#[derive(Clone, Debug)]
pub struct PointCard {
    /// Name.
    pub name: String,
    /// Target.
    pub url: String,
    /// Whose: government or people's congress.
    pub badge: Badge,
    /// Address.
    pub address: String,
    /// When somebody is there.
    pub hours: String,
    /// Number of stations.
    pub stations: i64,
    /// Whether it collects opinions now.
    pub collects: bool,
}

/// Contact points of one district.
#[derive(Clone, Debug)]
pub struct District {
    /// Name.
    pub name: String,
    /// Its points.
    pub points: Vec<PointCard>,
}

/// `/contact-points`
#[derive(Template)]
#[template(path = "contact_points.html")]
pub struct ContactPointsPage {
    /// Frame.
    pub layout: Layout,
    /// By district.
    pub districts: Vec<District>,
    /// How many work in all.
    pub total: i64,
    /// Districts to choose from.
    pub regions: Vec<Choice>,
    /// The chosen one; empty: all.
    pub region: String,
    /// Kinds to choose from.
    pub kinds: Vec<Choosable>,
    /// Words looked for.
    pub words: String,
    /// Next page.
    pub next: Option<String>,
}

/// A person who answers for a point and agreed to be shown.
#[derive(Clone, Debug)]
pub struct PointPerson {
    /// 负责人, 联络员…
    pub duty: String,
    /// Name.
    pub name: String,
    /// Telephone number.
    pub phone: String,
}

/// A station of a contact point.
#[derive(Clone, Debug)]
pub struct Station {
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// When somebody is there.
    pub hours: String,
}

/// `/contact-points/{id}`
#[derive(Template)]
#[template(path = "contact_point.html")]
pub struct ContactPointPage {
    /// Frame.
    pub layout: Layout,
    /// Name.
    pub name: String,
    /// Whose.
    pub badge: Badge,
    /// Facts.
    pub facts: Vec<Fact>,
    /// 示例
    pub is_demonstration: bool,
    /// Whether it was closed.
    pub is_closed: bool,
    /// Introduction, by paragraph.
    pub about: Vec<String>,
    /// How to take part, by paragraph.
    pub how: Vec<String>,
    /// Drafts that it collects opinions on now, and until when.
    pub drafts: Vec<(Link, String)>,
    /// Who answers for it.
    pub persons: Vec<PointPerson>,
    /// Stations.
    pub stations: Vec<Station>,
}

/// `/about`
#[derive(Template)]
#[template(path = "about.html")]
pub struct AboutPage {
    /// Frame.
    pub layout: Layout,
}
