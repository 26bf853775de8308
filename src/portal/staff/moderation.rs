//! `/staff/moderation`: opinions that wait for a look, appeals, and what is hidden; one key each for showing and hiding, and a way back.

use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::error::{Code, Error, Result};
use crate::ids::OpinionId;
use crate::opinions::moderation::appeals::{self, AppealOutcome};
use crate::opinions::moderation::queue::{self, Appeal, Entry, Item, Shelf};
use crate::opinions::moderation::{Concern, Desk, HidingReason, Step, TextField, deciding};
use crate::opinions::{Display, OpinionState};
use crate::portal::links;
use crate::portal::pages::moderation::{
    AppealBox, Done, HistoryLine, MarkedText, ModerationCard, ModerationItemPage, ModerationPage, ReasonChoice,
};
use crate::portal::pages::{Badge, Choice, Fact, Link, Section, Span};
use crate::portal::texts::{self, moderation as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Opinions on a page.
const PAGE: usize = 10;

/// Adds the pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/moderation", get(list_shelf))
        .at("/staff/moderation/:id", get(show_item))
        .at("/staff/moderation/:id/show", post(show))
        .at("/staff/moderation/:id/hide", post(hide))
        .at("/staff/moderation/:id/take-back", post(take_back))
        .at("/staff/moderation/:id/appeal", post(decide))
}

#[derive(Deserialize)]
struct ShelfQuery {
    #[serde(default)]
    shelf: String,
    #[serde(default)]
    cursor: String,
    /// The opinion that was just decided, and what was done.
    #[serde(default)]
    done: String,
    #[serde(default)]
    did: String,
}

/// `/staff/moderation`
#[handler]
async fn list_shelf(visit: Visit, Query(query): Query<ShelfQuery>) -> Page {
    visit.staff(Permission::ReadModeration)?;
    let done = done_of(&visit, &query.done, &query.did).await?;
    shelf_page(&visit, StatusCode::OK, &query.shelf, &query.cursor, done, None).await
}

/// The shelves with their numbers, for the desk; none for those who may not see them.
pub async fn shelves(visit: &Visit, caller: &Caller) -> Result<Vec<Choice>> {
    if !caller.may(Permission::ReadModeration) {
        return Ok(Vec::new());
    }
    let counts = queue::count_items(&visit.app.db, caller).await?;
    let choice = |(shelf, n): (Shelf, i64)| Choice {
        text: shelf.label().into(),
        url: links::with_query("/staff/moderation", [("shelf", shelf.as_str())]),
        count: u64::try_from(n).unwrap_or(0),
        is_chosen: false,
    };
    Ok(counts.into_iter().map(choice).collect())
}

async fn shelf_page(visit: &Visit, status: StatusCode, shelf: &str, cursor: &str, done: Option<Done>, problem: Option<String>) -> Page {
    let caller = visit.staff(Permission::ReadModeration)?;
    let db = &visit.app.db;
    let shelf = Shelf::parse(shelf).unwrap_or(Shelf::Waiting);
    let cursor = Some(cursor).filter(|c| !c.is_empty());
    let page = queue::list_items(db, caller, shelf, None, cursor, PAGE).await?;
    let mut shelves = shelves(visit, caller).await?;
    for each in &mut shelves {
        each.is_chosen = each.text == shelf.label();
    }
    let mut cards = Vec::with_capacity(page.items.len());
    for item in page.items {
        let passage = queue::read_passage(db, &item).await?;
        cards.push(card(caller, item, passage));
    }
    let here = links::with_query("/staff/moderation", [("shelf", shelf.as_str())]);
    visit.show_as(
        status,
        &ModerationPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            shelves,
            shelf: shelf.label(),
            cards,
            done,
            problem,
            empty: match shelf {
                Shelf::Waiting => words::NOTHING_WAITS,
                Shelf::Appealed => words::NO_APPEALS,
                Shelf::Hidden => words::NOTHING_HIDDEN,
            },
            next: page.next.map(|next| links::with_query("/staff/moderation", [("shelf", shelf.as_str()), ("cursor", next.as_str())])),
            back: here,
        },
    )
}

/// The notice of what was just done, with the way back while there is one.
async fn done_of(visit: &Visit, opinion: &str, did: &str) -> Result<Option<Done>> {
    let (Ok(id), Some(step)) = (opinion.parse::<Uuid>(), Step::parse(did)) else { return Ok(None) };
    let caller = visit.staff(Permission::ReadModeration)?;
    let item = queue::get_item(&visit.app.db, caller, OpinionId(id)).await?;
    let can_go_back = matches!(step, Step::Show | Step::Hide) && caller.may(Permission::ModerateOpinions);
    Ok(Some(Done {
        text: words::done(step.label(), &item.receipt_number),
        undo: can_go_back.then(|| format!("/staff/moderation/{id}/take-back")),
    }))
}

#[derive(Deserialize)]
struct ItemQuery {
    #[serde(default)]
    did: String,
}

/// `/staff/moderation/{id}`
#[handler]
async fn show_item(visit: Visit, Path(id): Path<String>, Query(query): Query<ItemQuery>) -> Page {
    let done = done_of(&visit, &id, &query.did).await?;
    item_page(&visit, StatusCode::OK, opinion_id(&id)?, done, None).await
}

async fn item_page(visit: &Visit, status: StatusCode, id: OpinionId, done: Option<Done>, problem: Option<String>) -> Page {
    let caller = visit.staff(Permission::ReadModeration)?;
    let db = &visit.app.db;
    let item = queue::get_item(db, caller, id).await?;
    let passage = queue::read_passage(db, &item).await?;
    let history = queue::list_history(db, caller, id).await?;
    visit.show_as(
        status,
        &ModerationItemPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            card: card(caller, item, passage),
            history: history.into_iter().map(history_line).collect(),
            done,
            problem,
            back: format!("/staff/moderation/{id}"),
        },
    )
}

fn opinion_id(text: &str) -> Result<OpinionId> {
    text.parse::<Uuid>().map(OpinionId).map_err(|_| Error::not_found(words::THIS_OPINION))
}

fn card(caller: &Caller, item: Item, passage: Vec<String>) -> ModerationCard {
    let may = caller.may(Permission::ModerateOpinions) && item.state != OpinionState::Withdrawn;
    let appeal_waits = item.display == Display::Hidden && item.appeal.as_ref().is_some_and(|a| a.outcome.is_none());
    let hidden_by_caller = item.hidden.as_ref().is_some_and(|h| h.by == Some(caller.account_id));
    let suggestion = item.concerns.iter().find_map(|c| c.fits);
    let mut meta = vec![item.stance.label().to_owned(), item.channel.label().to_owned(), words::posted(item.posted_at)];
    meta.extend(words::revision(item.revision));
    if item.display == Display::Review {
        meta.extend(item.waits_since.map(words::waits));
    }
    let mut concerns: Vec<String> = Vec::new();
    for sentence in item.concerns.iter().map(Concern::sentence) {
        if !concerns.contains(&sentence) {
            concerns.push(sentence);
        }
    }
    let texts = [
        (TextField::Body, words::BODY, &item.body),
        (TextField::Reason, words::REASON, &item.reason),
        (TextField::ProposedText, words::PROPOSED, &item.proposed_text),
    ];
    ModerationCard {
        id: item.id.to_string(),
        url: format!("/staff/moderation/{}", item.id),
        draft: Link { text: item.draft_title.clone(), url: format!("/drafts/{}", item.draft_id) },
        badge: display_badge(item.display),
        texts: texts
            .into_iter()
            .filter(|(_, _, text)| !text.is_empty())
            .map(|(field, label, text)| MarkedText { label, spans: marked(text, field, &item.concerns) })
            .collect(),
        reasons: HidingReason::ALL
            .iter()
            .map(|r| ReasonChoice { value: r.as_str(), label: r.label(), is_chosen: suggestion == Some(*r) })
            .collect(),
        has_suggestion: suggestion.is_some(),
        hiding: item
            .hidden
            .as_ref()
            .map(|h| {
                let fact = |name: &str, value: String| Fact { name: name.into(), value };
                let mut facts = vec![fact(words::HIDDEN_FOR, h.category.label().into()), fact(words::HIDDEN_AT, texts::moment(h.at))];
                if !h.reason.is_empty() {
                    facts.insert(1, fact(words::HIDDEN_WORDS, h.reason.clone()));
                }
                facts
            })
            .unwrap_or_default(),
        appeal: item.appeal.as_ref().map(appeal_box),
        may_show: may && matches!(item.display, Display::Review | Display::Hidden) && !appeal_waits,
        may_hide: may && matches!(item.display, Display::Review | Display::Shown),
        may_take_back: may && matches!(item.display, Display::Shown | Display::Hidden) && !appeal_waits,
        may_decide: may && appeal_waits && !hidden_by_caller,
        must_not_decide: may && appeal_waits && hidden_by_caller,
        receipt: item.receipt_number,
        provision: item.provision_label,
        meta,
        concerns,
        passage,
        quote: item.quote_text,
        revision: item.revision,
        is_withheld: !item.is_public,
    }
}

/// Where the display of an opinion stands, as a badge.
pub fn display_badge(display: Display) -> Badge {
    let tone = match display {
        Display::Checking => "off",
        Display::Review => "wait",
        Display::Shown => "good",
        Display::Hidden => "stop",
    };
    Badge { text: display.label().into(), tone }
}

/// An appeal as a page shows it.
pub fn appeal_box(appeal: &Appeal) -> AppealBox {
    AppealBox {
        text: appeal.text.clone(),
        at: texts::moment(appeal.at),
        outcome: appeal
            .outcome
            .map(|outcome| Badge { text: outcome.label().into(), tone: if outcome == AppealOutcome::Granted { "good" } else { "stop" } }),
        reply: appeal.reply.clone(),
    }
}

/// A text with what the check found in it marked.
fn marked(text: &str, field: TextField, concerns: &[Concern]) -> Vec<Span> {
    let characters: Vec<char> = text.chars().collect();
    let mut is_marked = vec![false; characters.len()];
    for place in concerns.iter().filter_map(|c| c.place).filter(|p| p.field == field) {
        let end = place.start.saturating_add(place.length).min(is_marked.len());
        if let Some(part) = is_marked.get_mut(place.start.min(end)..end) {
            part.fill(true);
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    for (c, is_match) in characters.into_iter().zip(is_marked) {
        match spans.last_mut() {
            Some(span) if span.is_match == is_match => span.text.push(c),
            _ => spans.push(Span { text: c.to_string(), is_match }),
        }
    }
    spans
}

fn history_line(entry: Entry) -> HistoryLine {
    let by = entry.by.unwrap_or_else(|| if entry.step == Step::Appeal { words::BY_AUTHOR.into() } else { words::BY_RULE.into() });
    let parts = [entry.category.map(|c| c.label().to_owned()), Some(entry.reason).filter(|r| !r.is_empty())];
    HistoryLine {
        step: entry.step.label().into(),
        about: [Some(by), words::revision(entry.revision), Some(texts::moment(entry.at))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
        detail: parts.into_iter().flatten().collect::<Vec<_>>().join("："),
        concerns: entry.concerns.iter().map(Concern::sentence).collect(),
    }
}

/// What the forms of moderation send.
#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    revision: i64,
    #[serde(default)]
    category: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    back: String,
}

/// Sends the browser back to where the decision was made, with what was done; a decision that was refused is shown there with its reason.
async fn answer(visit: &Visit, id: OpinionId, back: &str, step: Step, done: Result<Display>) -> Page {
    let is_item = back == format!("/staff/moderation/{id}");
    match done {
        Ok(_) if is_item => Ok(see_other(&links::with_query(back, [("did", step.as_str())]))),
        Ok(_) => {
            let shelf = shelf_of(back);
            let id = id.to_string();
            Ok(see_other(&links::with_query("/staff/moderation", [("shelf", shelf), ("done", id.as_str()), ("did", step.as_str())])))
        }
        Err(error) if matches!(error.code, Code::Conflict | Code::Invalid | Code::Forbidden) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let problem = error.fields.first().map_or(error.detail.clone(), |f| f.message.clone());
            if is_item {
                item_page(visit, status, id, None, Some(problem)).await
            } else {
                shelf_page(visit, status, shelf_of(back), "", None, Some(problem)).await
            }
        }
        Err(error) => Err(Failure(error)),
    }
}

fn shelf_of(back: &str) -> &str {
    back.split_once("shelf=").map_or("", |(_, shelf)| shelf.split('&').next().unwrap_or_default())
}

/// What moderation works with.
pub fn desk(visit: &Visit) -> Desk<'_> {
    Desk { db: &visit.app.db, clock: &visit.app.clock, ids: &visit.app.ids }
}

#[handler]
async fn show(visit: Visit, Path(id): Path<String>, Form(form): Form<Decision>) -> Page {
    let caller = visit.staff(Permission::ModerateOpinions)?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    let done = deciding::show_opinion(desk(&visit), caller, id, form.revision).await;
    answer(&visit, id, &form.back, Step::Show, done).await
}

#[handler]
async fn hide(visit: Visit, Path(id): Path<String>, Form(form): Form<Decision>) -> Page {
    let caller = visit.staff(Permission::ModerateOpinions)?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    let done = match HidingReason::parse(&form.category) {
        None => Err(Error::invalid("category", "请选择不予展示的原因。")),
        Some(category) => {
            let usual = words::usual_reason(category);
            let reason = if form.reason.trim().is_empty() { &usual } else { &form.reason };
            deciding::hide_opinion(desk(&visit), caller, id, form.revision, category, reason).await
        }
    };
    answer(&visit, id, &form.back, Step::Hide, done).await
}

#[handler]
async fn take_back(visit: Visit, Path(id): Path<String>, Form(form): Form<Decision>) -> Page {
    let caller = visit.staff(Permission::ModerateOpinions)?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    let done = deciding::take_back(desk(&visit), caller, id).await;
    answer(&visit, id, &form.back, Step::TakeBack, done).await
}

#[handler]
async fn decide(visit: Visit, Path(id): Path<String>, Form(form): Form<Decision>) -> Page {
    let caller = visit.staff(Permission::ModerateOpinions)?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    let (step, done) = match AppealOutcome::parse(&form.outcome) {
        None => (Step::RefuseAppeal, Err(Error::invalid("outcome", "请选择申诉是否成立。"))),
        Some(outcome) => {
            let step = if outcome == AppealOutcome::Granted { Step::GrantAppeal } else { Step::RefuseAppeal };
            (step, appeals::decide_appeal(desk(&visit), caller, id, outcome, &form.reason).await)
        }
    };
    answer(&visit, id, &form.back, step, done).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opinions::moderation::{ConcernKind, Place};

    #[test]
    fn findings_are_marked_and_places_outside_the_text_do_no_harm() {
        let concern = |start, length| Concern {
            kind: ConcernKind::Words,
            detail: String::new(),
            place: Some(Place { field: TextField::Body, start, length }),
            fits: None,
        };
        let spans = marked("请打电话给我", TextField::Body, &[concern(1, 2), concern(2, 2), concern(100, 5), concern(5, usize::MAX)]);
        let seen: Vec<(&str, bool)> = spans.iter().map(|s| (s.text.as_str(), s.is_match)).collect();
        assert_eq!(seen, [("请", false), ("打电话", true), ("给", false), ("我", true)]);
        assert!(marked("请打电话", TextField::Reason, &[concern(1, 2)]).iter().all(|s| !s.is_match));
    }
}
