//! Finding near-identical opinions (pure): which opinions say the same in almost the same words.
//!
//! Two opinions are near-identical when the Jaccard likeness of their shingles is at least [`THRESHOLD`]; see `likeness.rs`. A short text is only ever
//! grouped with texts on the same place and of the same attitude, because “同意” on two articles is two opinions. Every member of a group is as like as that to the
//! group's first text, so that a group cannot drift from one meaning to another through a chain of small steps.
//!
//! Candidates come from an exact index, not from sampling: of two sets with a likeness of at least *t*, the rarest `n - ⌈t·n⌉ + 1` shingles of each have one in common
//! whatever fixed order "rarest" is (prefix filtering), so no pair is missed but in texts made to have everything in common (`index.rs`); each candidate is then
//! measured. Texts are taken in one order (the most
//! copied first, then as given), so the same input gives the same groups.
//!
//! What staff took apart stays apart: see [`Side`]. `opinions/groups` loads, stores and lets staff decide.

mod index;
mod likeness;

use std::collections::HashMap;

use index::Index;
pub use likeness::{Print, SHORT_CHARACTERS, Scale, words};

/// Least likeness of near-identical opinions. Chosen on real messages and planted edits; the figures stand in `tests/real/README.md`.
pub const THRESHOLD: f64 = 0.5;

/// On which side of a split an opinion stands: two opinions on different sides of the same split are never put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// Which split, numbered by the caller.
    pub split: u32,
    /// Which side of it.
    pub side: u32,
}

/// An opinion that is in no group.
#[derive(Clone, Debug)]
pub struct Loose {
    /// What it says, as written.
    pub text: String,
    /// Place and attitude, numbered by the caller; decides only for short texts.
    pub place: u32,
    /// Where it stands in splits.
    pub sides: Vec<Side>,
}

/// A group that exists.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What its representative says, as written.
    pub text: String,
    /// Place and attitude of its representative.
    pub place: u32,
    /// Where its members stand in splits.
    pub sides: Vec<Side>,
}

/// What to put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// Loose opinions that belong to a standing group: (loose, standing), by position.
    pub joins: Vec<(usize, usize)>,
    /// Loose opinions that belong together, by position; the first of each is its representative. Each has two or more.
    pub groups: Vec<Vec<usize>>,
}

/// One text with all loose opinions that say exactly it.
struct Text {
    words: String,
    place: u32,
    members: Vec<usize>,
}

/// A group in the making: a standing one, or a new one.
#[derive(Default)]
struct Cluster {
    standing: Option<usize>,
    members: Vec<usize>,
    sides: Vec<Side>,
}

impl Cluster {
    fn takes(&self, sides: &[Side]) -> bool {
        sides.iter().all(|one| self.sides.iter().all(|other| other.split != one.split || other.side == one.side))
    }

    fn take(&mut self, member: usize, sides: &[Side]) {
        self.members.push(member);
        for side in sides {
            if !self.sides.contains(side) {
                self.sides.push(*side);
            }
        }
    }
}

/// Whether two opinions say the same in almost the same words; `place` as in [`Loose`].
pub fn are_near_identical(one: (&str, u32), two: (&str, u32)) -> bool {
    let (a, b) = (Print::of(&words(one.0)), Print::of(&words(two.0)));
    let is_short = a.is_short() || b.is_short();
    (!is_short || one.1 == two.1) && a.likeness(&b) >= THRESHOLD
}

/// Finds what belongs together. Opinions in `standing` groups are not moved; an opinion that is like nothing else is in no group.
pub fn suggest(standing: &[Standing], loose: &[Loose]) -> Suggestions {
    let texts = distinct(loose);
    let mut index = Index::new(THRESHOLD);
    let standing_words: Vec<String> = standing.iter().map(|group| words(&group.text)).collect();
    for text in standing_words.iter().map(String::as_str).chain(texts.iter().map(|text| text.words.as_str())) {
        index.count(&Print::of(text));
    }
    // Clusters of each leader of the index, in the order of making.
    let mut led: Vec<Vec<usize>> = Vec::new();
    let mut clusters: Vec<Cluster> = Vec::new();
    for (place, (group, words)) in standing.iter().zip(&standing_words).enumerate() {
        led.push(vec![clusters.len()]);
        clusters.push(Cluster { standing: Some(place), members: Vec::new(), sides: group.sides.clone() });
        index.add(Print::of(words), group.place);
    }
    for text in &texts {
        let print = Print::of(&text.words);
        let mut leaders = index.find(&print, text.place);
        // The likest first; among equals the earliest.
        leaders.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut own: Option<usize> = None;
        for member in &text.members {
            let sides = loose.get(*member).map_or(&[][..], |one| &one.sides);
            let open = leaders.iter().map(|(leader, _)| *leader).chain(own);
            let cluster = open.flat_map(|leader| led.get(leader).into_iter().flatten()).copied();
            let taking = cluster.into_iter().find(|at| clusters.get(*at).is_some_and(|cluster| cluster.takes(sides)));
            let at = taking.unwrap_or_else(|| {
                // Nothing takes it: it leads a cluster of its own, under its own text.
                let leader = *own.get_or_insert_with(|| {
                    led.push(Vec::new());
                    index.add(print.clone(), text.place)
                });
                if let Some(list) = led.get_mut(leader) {
                    list.push(clusters.len());
                }
                clusters.push(Cluster::default());
                clusters.len() - 1
            });
            if let Some(cluster) = clusters.get_mut(at) {
                cluster.take(*member, sides);
            }
        }
    }
    let mut found = Suggestions::default();
    for cluster in clusters {
        match cluster.standing {
            Some(group) => found.joins.extend(cluster.members.into_iter().map(|member| (member, group))),
            None if cluster.members.len() >= 2 => found.groups.push(cluster.members),
            None => {}
        }
    }
    found.joins.sort_unstable();
    found.groups.sort_unstable();
    found
}

/// The distinct texts, the most copied first, then in the order in which they came. Empty texts are left out: nothing is like nothing.
fn distinct(loose: &[Loose]) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    let mut known: HashMap<(u128, u32), usize> = HashMap::with_capacity(loose.len());
    for (member, one) in loose.iter().enumerate() {
        let words = words(&one.text);
        if words.is_empty() {
            continue;
        }
        // Where only the place tells short texts apart, it is part of what they are.
        let place = if words.chars().nth(SHORT_CHARACTERS - 1).is_none() { one.place } else { 0 };
        match known.get(&(wide_hash(&words), place)).and_then(|at| texts.get_mut(*at)) {
            Some(text) => text.members.push(member),
            None => {
                known.insert((wide_hash(&words), place), texts.len());
                texts.push(Text { words, place: one.place, members: vec![member] });
            }
        }
    }
    texts.sort_by_key(|text| (std::cmp::Reverse(text.members.len()), text.members.first().copied()));
    texts
}

/// 128 bits of a text: two texts with the same are the same.
fn wide_hash(text: &str) -> u128 {
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

#[cfg(test)]
mod tests;
