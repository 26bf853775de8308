//! `/drafts` and `/drafts/{id}`: what is being consulted on, and what became of the opinions.

mod papers;

use std::collections::HashMap;

use poem::handler;
use poem::web::{Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use crate::app::App;
use crate::calendar;
use crate::corpus::StoredProvision;
use crate::drafts::consultations::{self, Consultation};
use crate::drafts::versions::{self, DraftProvision};
use crate::drafts::{self, Draft, DraftState, Viewer};
use crate::error::{Error, Result};
use crate::ids::DraftId;
use crate::opinions::reading::{self, OpinionCounts, PublicOpinion};
use crate::portal::library::lay_out;
use crate::portal::pages::civic::{DraftCard, DraftPage, DraftTocEntry, DraftsPage, Piece, Reply};
use crate::portal::pages::library::Block;
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Drafts on one page of the list.
const PAGE: usize = 20;
/// Answers read at a time, and the most that one page shows.
const ANSWERS: usize = 200;
const MOST_ANSWERS: usize = 2_000;

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
        let opinions = reading::count_opinions(&app.db, &draft).await?.opinions;
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

/// Where a draft stands.
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
        (_, Some(day)) => texts::closed(day),
    }
}

/// Days left, today included, while opinions are taken.
fn days_left(app: &App, draft: &Draft) -> Option<i64> {
    let is_open = draft.state == DraftState::Consulting && draft.opens_at.is_some_and(|at| at <= app.clock.now());
    last_day(draft).filter(|_| is_open).map(|day| (day - app.clock.today()).num_days() + 1)
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

/// `/drafts/{id}`
#[handler]
pub async fn show_draft(visit: Visit, Path(id): Path<String>) -> Page {
    let app = &visit.app;
    let db = &app.db;
    let id = id.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
    let viewer = Viewer::Public(visit.caller.as_ref());
    let draft = drafts::get_draft(db, &app.clock, viewer, id).await?;
    let rounds = consultations::list_rounds(db, &draft).await?;
    let round = rounds.iter().max_by_key(|round| round.round);
    let listed = versions::list_versions(db, viewer, &draft).await?;
    let version = match round {
        Some(round) => listed.iter().find(|v| v.id == round.version_id),
        None => listed.last(),
    };
    let provisions = match version {
        Some(version) => versions::list_provisions(db, version).await?,
        None => Vec::new(),
    };
    let papers = papers::papers(app, &draft, version, &provisions).await?;
    let (answers, is_cut) = answers(app, &draft).await?;
    let counts = reading::count_opinions(db, &draft).await?;
    let laid = lay_out(&draft.title, &provisions.into_iter().map(stored).collect::<Vec<_>>());
    let (pieces, on_the_whole) = place(laid.blocks, answers);
    let toc = contents(&pieces, !on_the_whole.is_empty());
    let paragraphs = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    visit.show(&DraftPage {
        layout: visit.layout(Section::Drafts),
        badge: state_badge(app, &draft),
        is_demonstration: draft.is_demonstration,
        facts: facts(&draft, round, version.map(|v| v.number)),
        counts: count_facts(&counts),
        notice: round.map(|r| paragraphs(&format!("{}\n{}", r.notice_title, r.notice))).unwrap_or_default(),
        explanation: version.map(|v| paragraphs(&v.explanation)).unwrap_or_default(),
        summary: round.map(|r| paragraphs(&r.feedback_summary)).unwrap_or_default(),
        days_left: days_left(app, &draft),
        closes: closes(&draft),
        permalink: format!("/drafts/{id}"),
        title: draft.title,
        papers,
        toc,
        on_the_whole,
        is_cut,
        pieces,
    })
}

fn facts(draft: &Draft, round: Option<&Consultation>, version: Option<i64>) -> Vec<Fact> {
    let mut facts = vec![
        Fact { name: texts::DRAFTED_BY.into(), value: draft.drafting_unit.clone() },
        Fact { name: texts::DRAFT_KIND.into(), value: draft.kind.label().into() },
    ];
    if let Some(round) = round {
        facts.push(Fact { name: texts::CONSULTED.into(), value: texts::days(round.opens_on(), round.closes_on()) });
        facts.push(Fact { name: texts::ROUND.into(), value: texts::round(round.round, version) });
        if !round.shorter_reason.is_empty() {
            facts.push(Fact { name: texts::SHORTER.into(), value: round.shorter_reason.clone() });
        }
    }
    facts
}

fn count_facts(counts: &OpinionCounts) -> Vec<Fact> {
    if counts.opinions == 0 {
        return Vec::new();
    }
    let numbers = [counts.opinions, counts.distinct_texts, counts.signed_in_people, counts.answered];
    texts::COUNTS.iter().zip(numbers).map(|(name, n)| Fact { name: (*name).into(), value: texts::grouped(n) }).collect()
}

/// Published answers, up to the most that a page shows, and whether there are more.
async fn answers(app: &App, draft: &Draft) -> Result<(Vec<PublicOpinion>, bool)> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = reading::list_answers(&app.db, draft, None, cursor.as_deref(), ANSWERS).await?;
        all.extend(page.items);
        match page.next {
            None => return Ok((all, false)),
            Some(_) if all.len() >= MOST_ANSWERS => return Ok((all, true)),
            next => cursor = next,
        }
    }
}

fn stored(p: DraftProvision) -> StoredProvision {
    StoredProvision {
        ordinal: p.ordinal,
        parent: p.parent,
        kind: p.kind,
        address: p.address,
        label: p.label,
        number: p.number,
        heading: p.heading,
        text: p.text,
        source_id: None,
    }
}

fn block_id(block: &Block) -> &str {
    match block {
        Block::Heading { id, .. } | Block::Article { id, .. } | Block::Table { id, .. } => id,
        Block::Line(line) => &line.id,
    }
}

/// Hangs every answer on the article or line it speaks of; what has no place in this text goes with the whole.
fn place(blocks: Vec<Block>, answers: Vec<PublicOpinion>) -> (Vec<Piece>, Vec<Reply>) {
    let mut pieces: Vec<Piece> = blocks.into_iter().map(|block| Piece { block, replies: Vec::new() }).collect();
    let at: HashMap<String, usize> = pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| matches!(p.block, Block::Article { .. } | Block::Line(_)))
        .map(|(i, p)| (block_id(&p.block).to_owned(), i))
        .collect();
    let mut whole = Vec::new();
    for answer in answers {
        let address = answer.address.clone().unwrap_or_default();
        // 第三条第二款 hangs on 第三条: the longest prefix of the address that has a block.
        let mut prefix = address.as_str();
        let found = loop {
            match (at.get(prefix), prefix.rfind('/')) {
                (Some(place), _) => break Some(*place),
                (None, Some(cut)) => prefix = &prefix[..cut],
                (None, None) => break None,
            }
        };
        let Some(reply) = reply(answer) else { continue };
        match found.and_then(|place| pieces.get_mut(place)) {
            Some(piece) => piece.replies.push(reply),
            None => whole.push(reply),
        }
    }
    (pieces, whole)
}

/// `None` while there is no public answer.
fn reply(opinion: PublicOpinion) -> Option<Reply> {
    let answer = opinion.answer?;
    let tone = match answer.kind.as_str() {
        "adopted" => "good",
        "partly_adopted" => "wait",
        "already_provided" => "blue",
        _ => "off",
    };
    Some(Reply {
        about: texts::about_opinion(&opinion.provision_label, opinion.author_kind.as_deref(), opinion.stance.map(|s| s.label())),
        opinion: opinion.body,
        because: opinion.reason.unwrap_or_default(),
        outcome: Badge { text: answer.kind.label().into(), tone },
        reason: answer.reason,
        at: texts::day(calendar::day_of(answer.published_at)),
    })
}

fn contents(pieces: &[Piece], has_whole: bool) -> Vec<DraftTocEntry> {
    let entry = |depth, text: String, id: &str| DraftTocEntry { depth, link: Link { text, url: format!("#{id}") } };
    let mut toc: Vec<DraftTocEntry> = pieces
        .iter()
        .filter_map(|piece| match &piece.block {
            Block::Heading { level, id, text } => Some(entry(level.saturating_sub(1), text.clone(), id)),
            Block::Article { id, label, .. } if !piece.replies.is_empty() => {
                Some(entry(2, texts::with_opinions(label, piece.replies.len()), id))
            }
            _ => None,
        })
        .collect();
    if has_whole {
        toc.push(entry(1, texts::ON_THE_WHOLE.into(), "whole"));
    }
    toc
}
