//! What each page shows, as plain values beside its template. Nothing here asks a database: handlers fill these in.
//!
//! To add a page: a struct with a [`Layout`] and a template that extends `base.html`, then a handler beside its neighbours.

pub mod account;
pub mod answering;
pub mod civic;
pub mod collection;
pub mod comparison;
pub mod drafting;
pub mod forms;
pub mod library;
pub mod messages;
pub mod moderation;
pub mod opinions;
pub mod outcomes;
pub mod point_entry;
pub mod points;
pub mod report;
pub mod rounds;
pub mod selections;
pub mod staff;
pub mod staff_accounts;
pub mod statistics;
pub mod uploads;

use askama::Template;

/// Entries of the main menu, so that a page can mark its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// None of them.
    None,
    /// 法规库
    Laws,
    /// 草案意见征集
    Drafts,
    /// 立法联系点
    ContactPoints,
    /// 使用指南
    About,
    /// 工作台
    Staff,
}

/// The person logged in, and the token that the forms carry back.
#[derive(Clone, Debug)]
pub struct PersonBar {
    /// Name to show.
    pub name: String,
    /// Token against forged forms.
    pub csrf: String,
    /// Messages not read.
    pub unread: i64,
    /// Pages of the staff that the person may open.
    pub links: Vec<Link>,
    /// The address among them that this page belongs to; empty when it belongs to none.
    pub current: String,
}

/// What surrounds every page.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Name of the site.
    pub site_name: String,
    /// Name of the bureau that runs it.
    pub bureau_name: String,
    /// Path and query of this page, percent-encoded as one query value: where the display switch comes back to.
    pub here: String,
    /// Root text size of 长辈模式 in px: 20, 24 or 30; 0 = ordinary.
    pub elder: u8,
    /// Menu entry of this page.
    pub section: Section,
    /// Whether demonstration data may be shown on it.
    pub is_demonstration: bool,
    /// The member of staff who is logged in.
    pub staff: Option<PersonBar>,
    /// The citizen who is logged in.
    pub citizen: Option<PersonBar>,
    /// What stands in the search box.
    pub query: String,
    /// URL of the style sheet.
    pub css: String,
    /// URL of the script.
    pub js: String,
    /// URL of the icon.
    pub icon: String,
}

impl Layout {
    /// URL of a style sheet or script of one part of the site.
    pub fn asset(&self, name: &str) -> &'static str {
        super::assets::url(name)
    }

    /// Whether a menu entry is the present page's.
    pub fn is(&self, name: &str) -> bool {
        name == match self.section {
            Section::None => "",
            Section::Laws => "laws",
            Section::Drafts => "drafts",
            Section::ContactPoints => "contact-points",
            Section::About => "about",
            Section::Staff => "staff",
        }
    }
}

/// A short state with its colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// Words.
    pub text: String,
    /// Colour class: good, wait, stop, blue or off. The words alone carry the meaning.
    pub tone: &'static str,
}

/// A piece of running text, perhaps matched by the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Words, not escaped.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_match: bool,
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A link with words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Words.
    pub text: String,
    /// Target.
    pub url: String,
}

/// A choice among several, as a link with a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Words.
    pub text: String,
    /// Target: chooses it, or undoes the choice when it is chosen.
    pub url: String,
    /// How many there are.
    pub count: u64,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// Any failure, as a page.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Frame.
    pub layout: Layout,
    /// HTTP status; `None` where nothing is broken and the sentence says all.
    pub status: Option<u16>,
    /// Title of the failure.
    pub title: String,
    /// What to do.
    pub detail: String,
    /// Fields and what is wrong with them.
    pub fields: Vec<Fact>,
    /// Page of the draft that it is about; empty when it is about none.
    pub draft: String,
    /// Id under which the log knows the request; empty where nobody need ask about it.
    pub request_id: String,
}
