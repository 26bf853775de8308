//! Pages of messages: the inbox, and for staff what could not be delivered.

use askama::Template;

use super::{Layout, Link};

/// A message in the list.
#[derive(Clone, Debug)]
pub struct MessageLine {
    /// A few words.
    pub title: &'static str,
    /// The sentence.
    pub sentence: String,
    /// When.
    pub at: String,
    /// Whether it was not read.
    pub is_unread: bool,
    /// Opens it: marks it as read and leads to the thing.
    pub url: String,
}

/// `/me/messages` and `/staff/messages`
#[derive(Template)]
#[template(path = "messages.html")]
pub struct MessagesPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Whether a member of staff looks.
    pub is_staff: bool,
    /// Messages not read, in all.
    pub unread: i64,
    /// Messages.
    pub lines: Vec<MessageLine>,
    /// The instant at which the page was made: what comes later stays unread.
    pub looked_at: String,
    /// Where the form goes.
    pub read_all: &'static str,
    /// Next page.
    pub next: Option<String>,
}

/// An event that was given up.
#[derive(Clone, Debug)]
pub struct GivenUpLine {
    /// Event.
    pub event: String,
    /// Tries.
    pub attempts: i64,
    /// Why.
    pub failure: String,
    /// When.
    pub at: String,
    /// Where the form for another try goes; `None` where none helps.
    pub retry: Option<String>,
}

/// `/staff/deliveries`
#[derive(Template)]
#[template(path = "deliveries.html")]
pub struct DeliveriesPage {
    /// Frame.
    pub layout: Layout,
    /// Token.
    pub csrf: String,
    /// Named numbers.
    pub counts: Vec<super::Fact>,
    /// Events that were given up.
    pub given_up: Vec<GivenUpLine>,
    /// WeChat messages that WeChat did not take.
    pub wechat: Vec<GivenUpLine>,
    /// Next pages.
    pub next: Vec<Link>,
    /// What was just done.
    pub done: Option<&'static str>,
}
