//! `/drafts` and `/drafts/{id}`: what is being consulted on, and what became of the opinions.

pub mod arriving;
mod papers;
mod show;

use poem::handler;
use poem::web::Query;
use serde::Deserialize;

pub use show::show_draft;

use crate::app::App;
use crate::calendar;
use crate::drafts::{self, Draft, DraftState};
use crate::error::Result;
use crate::opinions::reading;
use crate::portal::pages::civic::{DraftCard, DraftsPage};
use crate::portal::pages::{Badge, Section};
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Drafts on one page of the list.
const PAGE: usize = 20;

/// Drafts whose round is open, for the home page and the list.
pub async fn open_drafts(visit: &Visit, limit: usize) -> Result<Vec<DraftCard>> {
    let app = &visit.app;
    let page = drafts::list_drafts(&app.db, &app.clock, visit.caller.as_ref(), Some(DraftState::Consulting), None, limit).await?;
    cards(app, page.items).await
}

/// Drafts as cards.
pub async fn cards(app: &App, drafts: Vec<Draft>) -> Result<Vec<DraftCard>> {
    let mut cards = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let opinions = reading::count_received(&app.db, draft.id).await?;
        cards.push(card(app, &draft, opinions));
    }
    Ok(cards)
}

fn card(app: &App, draft: &Draft, opinions: i64) -> DraftCard {
    DraftCard {
        title: draft.title.clone(),
        url: format!("/drafts/{}", draft.id),
        badge: state_badge(app, draft),
        meta: vec![texts::drafted_by(&draft.drafting_unit), draft.kind.label().into()],
        closes: closes(draft),
        days_left: days_left(app, draft),
        opinions,
        is_demonstration: draft.is_demonstration,
    }
}

/// Where a draft stands, with its colour.
pub fn state_badge(app: &App, draft: &Draft) -> Badge {
    let is_upcoming = draft.state == DraftState::Consulting && draft.opens_at.is_some_and(|at| app.clock.now() < at);
    if is_upcoming {
        return Badge { text: texts::UPCOMING.into(), tone: "blue" };
    }
    let tone = match draft.state {
        DraftState::Preparing => "off",
        DraftState::Consulting => "good",
        DraftState::Processing => "wait",
        DraftState::FeedbackPublished | DraftState::Promulgated => "blue",
        DraftState::Withdrawn => "stop",
    };
    Badge { text: draft.state.label().into(), tone }
}

/// The last day on which opinions are taken.
fn last_day(draft: &Draft) -> Option<chrono::NaiveDate> {
    match draft.round_withdrawn_at {
        Some(at) => Some(calendar::day_of(at)),
        None => draft.closes_at.map(calendar::last_day_before),
    }
}

/// The last day of a round, as words; empty before the first.
pub fn closes(draft: &Draft) -> String {
    match (draft.state, last_day(draft)) {
        (DraftState::Preparing, _) | (_, None) => String::new(),
        (DraftState::Consulting, Some(day)) => texts::closes(day),
        (_, Some(day)) if draft.round_withdrawn_at.is_some() => texts::rounds::ended_early(day),
        (_, Some(day)) => texts::closed(day),
    }
}

/// Days left after today, while opinions are taken: counted like the days of the round, 0 on the last one.
fn days_left(app: &App, draft: &Draft) -> Option<i64> {
    let is_open = draft.state == DraftState::Consulting && draft.opens_at.is_some_and(|at| at <= app.clock.now());
    last_day(draft).filter(|_| is_open).map(|day| (day - app.clock.today()).num_days())
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
}

/// `/drafts`
#[handler]
pub async fn list_public_drafts(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let app = &visit.app;
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let open = if cursor.is_none() { open_drafts(&visit, PAGE).await? } else { Vec::new() };
    let page = drafts::list_drafts(&app.db, &app.clock, visit.caller.as_ref(), None, cursor, PAGE).await?;
    let next = page.next.map(|cursor| links::with_query("/drafts", [("cursor", cursor.as_str())]));
    // Open drafts beyond the first page of open ones come with the others.
    let others = page.items.into_iter().filter(|d| !open.iter().any(|card| card.url.ends_with(&d.id.to_string()))).collect();
    let others = cards(app, others).await?;
    visit.show(&DraftsPage { layout: visit.layout(Section::Drafts), open, others, next })
}
