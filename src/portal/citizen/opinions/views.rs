//! Opinions as the pages show them.

use crate::app::App;
use crate::calendar;
use crate::drafts::comparison::{Change, compare_characters};
use crate::drafts::places;
use crate::error::Result;
use crate::opinions::enclosures::Enclosure;
use crate::opinions::feedback::{DispositionKind, ExclusionReason};
use crate::opinions::moderation::queue::Hiding;
use crate::opinions::reading::{AuthorState, Opinion};
use crate::portal::pages::opinions::{DiffPiece, HeldFile, OwnView};
use crate::portal::pages::{Badge, Fact};
use crate::portal::texts;

/// A named value.
pub fn fact(name: &str, value: String) -> Fact {
    Fact { name: name.into(), value }
}

/// A file in a list.
pub fn held(file: Enclosure, is_bound: bool) -> HeldFile {
    HeldFile {
        url: if is_bound { format!("/opinion-files/{}", file.id) } else { String::new() },
        id: file.id.to_string(),
        about: texts::opinions::file(file.kind.label(), file.size_bytes),
        name: file.name,
    }
}

/// Colour of an outcome.
pub fn outcome_badge(kind: DispositionKind) -> Badge {
    let tone = match kind {
        DispositionKind::Adopted => "good",
        DispositionKind::PartlyAdopted => "wait",
        DispositionKind::AlreadyProvided => "blue",
        DispositionKind::NotAdopted | DispositionKind::OutOfScope => "off",
    };
    Badge { text: kind.label().into(), tone }
}

/// The state of an opinion, in its author's words.
pub fn state_badge(state: AuthorState) -> Badge {
    Badge { text: state.label().into(), tone: texts::opinions::tone(state) }
}

/// An opinion as its author sees it, with its proposal compared to what stands there.
pub async fn own_view(app: &App, opinion: Opinion, state: AuthorState, version: Option<i64>, hiding: Option<Hiding>) -> Result<OwnView> {
    let original = match &opinion.address {
        Some(address) if !opinion.proposed_text.is_empty() => {
            places::find_place(&app.db, opinion.version_id, address).await?.map(|place| place.text).unwrap_or_default()
        }
        _ => String::new(),
    };
    let difference = if opinion.proposed_text.is_empty() { Vec::new() } else { compare_characters(&original, &opinion.proposed_text) };
    let words = texts::opinions::WISHES[usize::from(opinion.is_public)];
    let excluded_because = opinion.excluded_because(state);
    let mut facts = vec![
        fact(texts::opinions::RECEIPT_NUMBER, opinion.receipt_number),
        fact(texts::opinions::ABOUT, opinion.provision_label),
        fact(texts::opinions::POSTED_AT, texts::moment(opinion.posted_at)),
    ];
    facts.extend(opinion.updated_at.map(|at| fact(texts::opinions::CHANGED_AT, texts::moment(at))));
    facts.extend(version.map(|n| fact(texts::opinions::VERSION, format!("第 {n} 稿"))));
    facts.push(fact(texts::opinions::WISH, words.into()));
    let answer = opinion.disposition.and_then(|d| d.published_at.map(|at| (d.kind, d.reason, at)));
    Ok(OwnView {
        badge: state_badge(state),
        facts,
        stance: opinion.stance.label(),
        quote: opinion.quote_text,
        body: opinion.body,
        reason: opinion.reason,
        difference: difference.into_iter().map(|p| DiffPiece { kind: piece_class(p.change), text: p.text }).collect(),
        hidden_because: hiding.filter(|_| state == AuthorState::Hidden).map(|hiding| hiding.told()).unwrap_or_default(),
        excluded_because: excluded_because.map(ExclusionReason::label).unwrap_or_default(),
        outcome: answer.as_ref().map(|(kind, ..)| outcome_badge(*kind)),
        answered: answer.as_ref().map(|(.., at)| texts::day(calendar::day_of(*at))).unwrap_or_default(),
        outcome_reason: answer.map(|(_, reason, _)| reason).unwrap_or_default(),
    })
}

/// Class of a piece of a difference.
pub fn piece_class(change: Change) -> &'static str {
    match change {
        Change::Equal => "kept",
        Change::Deleted => "removed",
        Change::Inserted => "added",
    }
}
