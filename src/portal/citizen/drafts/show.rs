//! `/drafts/{id}`: the text with what can be said and what was said about each article.

use std::collections::HashMap;

use poem::handler;
use poem::web::cookie::CookieJar;
use poem::web::{Path, Query};
use uuid::Uuid;

use super::arriving::{self, Arrival};
use super::{closes, days_left, papers, state_badge};
use crate::app::App;
use crate::calendar;
use crate::corpus::StoredProvision;
use crate::drafts::consultations::{self, Consultation, Phase};
use crate::drafts::versions::{self, DraftProvision};
use crate::drafts::{self, Draft, Viewer};
use crate::error::{Error, Result};
use crate::ids::DraftId;
use crate::opinions::reading::{self, OpinionCounts, ProvisionCount, PublicOpinion};
use crate::opinions::report::path_of;
use crate::portal::citizen::rounds::rounds_part;
use crate::portal::library::lay_out;
use crate::portal::pages::civic::{DraftPage, DraftTocEntry, Piece, Reply, Voice};
use crate::portal::pages::library::Block;
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::visits::{Page, Visit, see_other};
use crate::portal::{links, texts};

/// Answers read at a time, and the most that one page shows.
const ANSWERS: usize = 200;
const MOST_ANSWERS: usize = 2_000;

/// `/drafts/{id}`
#[handler]
pub async fn show_draft(visit: Visit, cookies: &CookieJar, Path(id): Path<String>, Query(arrival): Query<Arrival>) -> Page {
    let app = &visit.app;
    let db = &app.db;
    let id = id.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
    if !arrival.point.is_empty() {
        arriving::remember(app, cookies, &arrival.point).await?;
        return Ok(see_other(&format!("/drafts/{id}")));
    }
    let viewer = Viewer::Public(visit.caller.as_ref());
    let draft = drafts::get_draft(db, &app.clock, viewer, id).await?;
    let rounds = consultations::list_rounds(db, &draft).await?;
    let round = rounds.iter().max_by_key(|round| round.round);
    let listed = versions::list_versions(db, viewer, &draft).await?;
    let has_earlier = listed.len() > 1;
    let version = match round {
        Some(round) => listed.iter().find(|v| v.id == round.version_id),
        None => listed.last(),
    };
    let provisions = match version {
        Some(version) => versions::list_provisions(db, version).await?,
        None => Vec::new(),
    };
    let papers = papers::papers(app, &draft, version, &provisions).await?;
    let part = rounds_part(&visit, &draft, &rounds, &listed).await?;
    let (answers, is_cut) = answers(app, &draft).await?;
    let counts = reading::count_opinions(db, &draft).await?;
    let laid = lay_out(&draft.title, &provisions.into_iter().map(stored).collect::<Vec<_>>());
    let (mut pieces, on_the_whole) = place(laid.blocks, answers);
    let takes = round.is_some_and(|round| matches!(round.phase(app.clock.now()), Phase::Open | Phase::Late));
    let voices = Voices::of(&draft, takes, reading::count_by_provision(db, &draft).await?);
    for piece in &mut pieces {
        if let Block::Article { id, .. } = &piece.block {
            piece.voice = voices.on(Some(id));
        }
    }
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
        reports: rounds
            .iter()
            .rev()
            .filter(|round| round.feedback_published_at.is_some())
            .map(|round| Link { text: texts::report::of_round(round.round), url: path_of(&draft, round) })
            .collect(),
        rounds: part,
        compare: has_earlier.then(|| format!("/drafts/{}/compare", draft.id)),
        papers,
        days_left: days_left(app, &draft),
        closes: closes(&draft),
        permalink: format!("/drafts/{id}"),
        whole: voices.on(None),
        has_codes: rounds.iter().any(|round| round.allows_anonymous && round.phase(app.clock.now()) != Phase::Upcoming),
        title: draft.title,
        toc,
        on_the_whole,
        is_cut,
        pieces,
    })
}

/// What can be said, and how much was said, by article. All counts come with one statement.
struct Voices {
    draft: DraftId,
    takes: bool,
    received: HashMap<Option<String>, i64>,
}

impl Voices {
    fn of(draft: &Draft, takes: bool, counts: Vec<ProvisionCount>) -> Voices {
        let mut received: HashMap<Option<String>, i64> = HashMap::new();
        for count in counts {
            let unit = count.address.as_deref().and_then(|address| address.split('/').next()).map(str::to_owned);
            *received.entry(unit).or_default() += count.opinions;
        }
        Voices { draft: draft.id, takes, received }
    }

    /// On an article, or on the draft as a whole.
    fn on(&self, unit: Option<&str>) -> Voice {
        let address = unit.unwrap_or_default();
        let received = self.received.get(&unit.map(str::to_owned)).copied().unwrap_or(0);
        let path = |page: &str| format!("/drafts/{}/{page}", self.draft);
        let whole = if unit.is_none() { "1" } else { "" };
        Voice {
            speak: if self.takes { links::with_query(&path("speak"), [("address", address)]) } else { String::new() },
            heard: (received > 0).then(|| Link {
                text: texts::opinions::opinions(received),
                url: links::with_query(&path("opinions"), [("address", address), ("whole", whole)]),
            }),
        }
    }
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
    let mut pieces: Vec<Piece> = blocks.into_iter().map(|block| Piece { block, replies: Vec::new(), voice: Voice::default() }).collect();
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
    let author = opinion.author_line();
    let answer = opinion.answer?;
    let tone = match answer.kind.as_str() {
        "adopted" => "good",
        "partly_adopted" => "wait",
        "already_provided" => "blue",
        _ => "off",
    };
    Some(Reply {
        about: texts::about_opinion(&opinion.provision_label, author.as_deref(), opinion.stance.map(|s| s.label())),
        unseen: texts::answering::unseen(opinion.words),
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
