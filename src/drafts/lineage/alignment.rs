//! Which provision of one list continues as which of another. Pure; near-linear in the length of the texts.
//!
//! 1. Unchanged order is the rule: among the pairs that are alike, the heaviest chain in which both sides rise is the backbone (Fenwick tree).
//! 2. What is alike but lies off the backbone was moved.
//! 3. What is left over and comes, for the larger part, out of a provision that has a continuation already is its split-off; the other way round it
//!    was merged.
//! 4. What is left over on both sides between two neighbours of the backbone is the same provision, rewritten, if it is somewhat alike.
//! 5. The rest was deleted or added.

use std::collections::{BTreeMap, HashMap};

use super::likeness::{Features, Likeness};

/// Thresholds, all as shares from 0 to 1; found on the hand-checked pairs of `tests/real/lineage.rs`.
pub struct Thresholds;

impl Thresholds {
    /// Least similarity of a pair of the backbone.
    pub const IN_ORDER: f64 = 0.42;
    /// A pair of the backbone has at least this share of the best similarity that either side finds anywhere.
    pub const NEAR_BEST: f64 = 0.65;
    /// Least similarity of a provision that stands at another place.
    pub const MOVED: f64 = 0.6;
    /// The same for two provisions that are each other's best counterpart.
    pub const MOVED_BEST: f64 = 0.42;
    /// Least similarity of two provisions at the same place that are each other's best counterpart.
    pub const BEST: f64 = 0.35;
    /// Least share of a provision that comes out of what it was split off from, or went into what it was merged into, wherever it stands.
    pub const PART: f64 = 0.65;
    /// The same for a part that stands beside the continuation.
    pub const PART_BESIDE: f64 = 0.4;
    /// Least share of one in the other when neither has a continuation yet and the order is kept.
    pub const WHOLE_BESIDE: f64 = 0.5;
    /// Least similarity of two provisions that are left over at the same place.
    pub const REWRITTEN: f64 = 0.2;
    /// The same where nothing else is left over between the same two neighbours.
    pub const ALONE: f64 = 0.08;
    /// Lists longer than this are matched by equality and order only: no real text has so many, and work must stay bounded.
    pub const MOST: usize = 20_000;
}

/// One continuation: one old and one new, one old and several new, several old and one new, or one side alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Places in the old list.
    pub old: Vec<usize>,
    /// Places in the new list.
    pub new: Vec<usize>,
    /// Whether it stands at another place in the order.
    pub is_moved: bool,
}

/// Aligns two lists; `fixed` links stand, and every other provision is linked exactly once.
pub fn align(old: &[Features], new: &[Features], fixed: Vec<Link>) -> Vec<Link> {
    let mut work = Work::new(old, new, fixed);
    let likeness = Likeness::new(old, new);
    let is_bounded = old.len().max(new.len()) <= Thresholds::MOST;
    let equal = work.equal_pairs();
    let mut alike: Vec<(usize, usize, f64)> = Vec::new();
    if is_bounded {
        for (i, j) in likeness.candidates() {
            if work.is_free(i, j) {
                alike.push((i, j, likeness.similarity(i, j)));
            }
        }
    }
    work.backbone(&likeness, &equal, &alike);
    alike.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)).then(a.1.cmp(&b.1)));
    work.moved(&equal, &alike);
    work.parts(&likeness, &alike);
    work.rewritten(&alike);
    work.finish()
}

struct Work<'a> {
    old: &'a [Features],
    new: &'a [Features],
    /// Links of each place.
    of_old: Vec<Option<usize>>,
    of_new: Vec<Option<usize>>,
    links: Vec<Link>,
    /// Links that were given.
    fixed: usize,
    /// Old → new of the links in order.
    in_order: BTreeMap<usize, usize>,
    /// Best similarity that each place finds anywhere.
    best_old: Vec<f64>,
    best_new: Vec<f64>,
}

impl<'a> Work<'a> {
    fn new(old: &'a [Features], new: &'a [Features], fixed: Vec<Link>) -> Work<'a> {
        let mut work = Work {
            old,
            new,
            of_old: vec![None; old.len()],
            of_new: vec![None; new.len()],
            links: Vec::new(),
            fixed: 0,
            in_order: BTreeMap::new(),
            best_old: vec![0.0; old.len()],
            best_new: vec![0.0; new.len()],
        };
        for link in fixed {
            work.add(link);
        }
        work.fixed = work.links.len();
        work
    }

    fn add(&mut self, link: Link) {
        let at = Some(self.links.len());
        for i in &link.old {
            if let Some(place) = self.of_old.get_mut(*i) {
                *place = at;
            }
        }
        for j in &link.new {
            if let Some(place) = self.of_new.get_mut(*j) {
                *place = at;
            }
        }
        self.links.push(link);
    }

    fn join(&mut self, i: usize, j: usize) {
        let is_moved = !self.keeps_order(i, j);
        if !is_moved {
            self.in_order.insert(i, j);
        }
        self.add(Link { old: vec![i], new: vec![j], is_moved });
    }

    fn is_free(&self, i: usize, j: usize) -> bool {
        self.is_old_free(i) && self.is_new_free(j)
    }

    fn is_old_free(&self, i: usize) -> bool {
        self.of_old.get(i).is_some_and(Option::is_none)
    }

    fn is_new_free(&self, j: usize) -> bool {
        self.of_new.get(j).is_some_and(Option::is_none)
    }

    /// The best similarity that either side of a pair finds anywhere.
    fn best(&self, i: usize, j: usize) -> f64 {
        let of = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(0.0);
        of(&self.best_old, i).max(of(&self.best_new, j))
    }

    fn keeps_order(&self, i: usize, j: usize) -> bool {
        let before = self.in_order.range(..i).next_back().is_none_or(|(_, before)| *before < j);
        let after = self.in_order.range(i..).next().is_none_or(|(_, after)| *after > j);
        before && after
    }

    /// Pairs with the same words. Words that stand in many places on both sides are paired in their order.
    fn equal_pairs(&self) -> Vec<(usize, usize)> {
        /// Most pairs that one wording may give.
        const MOST_PAIRS: usize = 64;
        let mut places: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (i, f) in self.old.iter().enumerate().filter(|(i, f)| self.is_old_free(*i) && !f.exact.is_empty()) {
            places.entry(&f.exact).or_default().0.push(i);
        }
        for (j, f) in self.new.iter().enumerate().filter(|(j, _)| self.is_new_free(*j)) {
            if let Some(place) = places.get_mut(f.exact.as_str()) {
                place.1.push(j);
            }
        }
        let mut pairs = Vec::new();
        for (old, new) in places.into_values() {
            if old.len().saturating_mul(new.len()) <= MOST_PAIRS {
                pairs.extend(old.iter().flat_map(|i| new.iter().map(|j| (*i, *j))));
            } else {
                pairs.extend(old.into_iter().zip(new));
            }
        }
        pairs.sort_unstable();
        pairs
    }

    /// Step 1.
    fn backbone(&mut self, likeness: &Likeness<'_>, equal: &[(usize, usize)], alike: &[(usize, usize, f64)]) {
        for (i, j, similarity) in equal.iter().map(|(i, j)| (*i, *j, 1.0)).chain(alike.iter().copied()) {
            for (list, at) in [(&mut self.best_old, i), (&mut self.best_new, j)] {
                if let Some(best) = list.get_mut(at) {
                    *best = best.max(similarity);
                }
            }
        }
        // Equal words weigh most; among equal words, those whose surroundings (features that are not words) agree.
        let mut pairs: Vec<(usize, usize, f64)> = equal.iter().map(|(i, j)| (*i, *j, 1.0 + likeness.similarity(*i, *j))).collect();
        pairs.extend(alike.iter().filter_map(|(i, j, similarity)| {
            let is_equal = self.old.get(*i).map(|f| &f.exact) == self.new.get(*j).map(|f| &f.exact);
            let least = Thresholds::IN_ORDER.max(Thresholds::NEAR_BEST * self.best(*i, *j));
            (!is_equal && *similarity >= least).then_some((*i, *j, similarity * similarity))
        }));
        for (i, j) in heaviest_chain(pairs, self.new.len()) {
            self.join(i, j);
        }
    }

    /// Step 2; what was not clear enough for the backbone but keeps the order is taken in its place.
    fn moved(&mut self, equal: &[(usize, usize)], alike: &[(usize, usize, f64)]) {
        for (i, j) in equal {
            if self.is_free(*i, *j) {
                self.join(*i, *j);
            }
        }
        for (i, j, similarity) in alike {
            if !self.is_free(*i, *j) {
                continue;
            }
            let is_in_place = self.keeps_order(*i, *j) || self.goes_with_neighbours(*i, *j);
            let is_best = *similarity >= self.best(*i, *j);
            let least = match (is_in_place, is_best) {
                (true, true) => Thresholds::BEST,
                (true, false) => Thresholds::IN_ORDER,
                (false, true) => Thresholds::MOVED_BEST,
                (false, false) => Thresholds::MOVED,
            };
            if *similarity >= least {
                self.join(*i, *j);
            }
        }
    }

    /// Step 3.
    fn parts(&mut self, likeness: &Likeness<'_>, alike: &[(usize, usize, f64)]) {
        let mut found: Vec<(f64, usize, usize)> = Vec::new();
        for (i, j, _) in alike {
            let share = self.share(likeness, *i, *j);
            if share >= self.least_share(*i, *j) {
                found.push((share, *i, *j));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, i, j) in found {
            // What was taken in meanwhile may have left less.
            if self.share(likeness, i, j) < self.least_share(i, j) {
                continue;
            }
            match (self.place_of_old(i), self.place_of_new(j)) {
                (None, None) => self.join(i, j),
                (Some(at), None) => {
                    self.extend(at, None, Some(j));
                }
                (None, Some(at)) => {
                    self.extend(at, Some(i), None);
                }
                (Some(_), Some(_)) => {}
            }
        }
    }

    /// Whether the old neighbour on one side continues near the new place: what moved together is looked for together.
    fn goes_with_neighbours(&self, i: usize, j: usize) -> bool {
        /// How far a neighbour may be.
        const NEAR: usize = 3;
        let near = |neighbour: Option<usize>, is_before: bool| {
            let link = neighbour.and_then(|n| self.place_of_old(n)).and_then(|at| self.links.get(at));
            let ends = link.and_then(|link| if is_before { link.new.iter().max() } else { link.new.iter().min() });
            ends.is_some_and(|end| if is_before { *end < j && j - end <= NEAR } else { *end > j && end - j <= NEAR })
        };
        (1..=NEAR).any(|step| near(i.checked_sub(step), true)) || (1..=NEAR).any(|step| near(i.checked_add(step), false))
    }

    /// What is asked of a part: less where the order is kept.
    fn least_share(&self, i: usize, j: usize) -> f64 {
        let is_in_place = self.stands_beside(i, j) || self.goes_with_neighbours(i, j);
        match (is_in_place, self.is_free(i, j)) {
            (true, false) => Thresholds::PART_BESIDE,
            (true, true) => Thresholds::WHOLE_BESIDE,
            (false, _) => Thresholds::PART,
        }
    }

    /// Whether a pair could stand in order when the links of its own two sides are left out.
    fn stands_beside(&self, i: usize, j: usize) -> bool {
        let before = self.in_order.range(..i).rev().find(|(_, n)| **n != j).is_none_or(|(_, before)| *before < j);
        let after = self.in_order.range(i.saturating_add(1)..).find(|(_, n)| **n != j).is_none_or(|(_, after)| *after > j);
        before && after
    }

    fn place_of_old(&self, i: usize) -> Option<usize> {
        self.of_old.get(i).copied().flatten()
    }

    fn place_of_new(&self, j: usize) -> Option<usize> {
        self.of_new.get(j).copied().flatten()
    }

    fn extend(&mut self, at: usize, old: Option<usize>, new: Option<usize>) {
        if let Some(link) = self.links.get_mut(at) {
            link.old.extend(old);
            link.new.extend(new);
        }
        if let Some(place) = old.and_then(|i| self.of_old.get_mut(i)) {
            *place = Some(at);
        }
        if let Some(place) = new.and_then(|j| self.of_new.get_mut(j)) {
            *place = Some(at);
        }
    }

    /// How much of the free one of a pair belongs to the other, which may be linked already; 0 when they cannot be joined.
    fn share(&self, likeness: &Likeness<'_>, i: usize, j: usize) -> f64 {
        match (self.place_of_old(i), self.place_of_new(j)) {
            (None, None) => likeness.share_of_new(j, i, &[]).max(likeness.share_of_old(i, j, &[])),
            (Some(at), None) => match self.links.get(at) {
                Some(link) if at >= self.fixed && link.old.len() == 1 && !link.new.is_empty() => likeness.share_of_new(j, i, &link.new),
                _ => 0.0,
            },
            (None, Some(at)) => match self.links.get(at) {
                Some(link) if at >= self.fixed && link.new.len() == 1 && !link.old.is_empty() => likeness.share_of_old(i, j, &link.old),
                _ => 0.0,
            },
            (Some(_), Some(_)) => 0.0,
        }
    }

    /// Step 4.
    fn rewritten(&mut self, alike: &[(usize, usize, f64)]) {
        for (i, j, similarity) in alike {
            let is_in_place = self.keeps_order(*i, *j) || self.goes_with_neighbours(*i, *j);
            if *similarity >= Thresholds::REWRITTEN && self.is_free(*i, *j) && is_in_place {
                self.join(*i, *j);
            }
        }
        for (i, j, similarity) in alike {
            if *similarity >= Thresholds::ALONE && self.is_free(*i, *j) && self.is_alone(*i, *j) {
                self.join(*i, *j);
            }
        }
    }

    /// Whether a free pair in order is all that is left over between its neighbours.
    fn is_alone(&self, i: usize, j: usize) -> bool {
        if !self.keeps_order(i, j) {
            return false;
        }
        let (i_before, j_before) = self.in_order.range(..i).next_back().map_or((0, 0), |(a, b)| (a + 1, b + 1));
        let (i_after, j_after) = self.in_order.range(i..).next().map_or((self.old.len(), self.new.len()), |(a, b)| (*a, *b));
        (i_before..i_after).filter(|i| self.is_old_free(*i)).nth(1).is_none()
            && (j_before..j_after).filter(|j| self.is_new_free(*j)).nth(1).is_none()
    }

    /// Step 5.
    fn finish(mut self) -> Vec<Link> {
        for i in 0..self.old.len() {
            if self.is_old_free(i) {
                self.add(Link { old: vec![i], ..Link::default() });
            }
        }
        for j in 0..self.new.len() {
            if self.is_new_free(j) {
                self.add(Link { new: vec![j], ..Link::default() });
            }
        }
        for link in &mut self.links {
            link.old.sort_unstable();
            link.new.sort_unstable();
        }
        self.links
    }
}

/// The heaviest set of pairs in which both places rise together.
fn heaviest_chain(mut pairs: Vec<(usize, usize, f64)>, new_len: usize) -> Vec<(usize, usize)> {
    // Of one old place, the later new place comes first, so that no chain holds both.
    pairs.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    // Heaviest chain that ends at or before a new place: weight and index of its last pair.
    let mut tree: Vec<(f64, Option<usize>)> = vec![(0.0, None); new_len + 1];
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let mut end = (0.0, None);
    for (at, (_, j, weight)) in pairs.iter().enumerate() {
        let mut best: (f64, Option<usize>) = (0.0, None);
        let mut k = *j;
        while k > 0 {
            if let Some(held) = tree.get(k)
                && held.0 > best.0
            {
                best = *held;
            }
            k &= k - 1;
        }
        before.push(best.1);
        let sum = best.0 + weight;
        let mut k = j + 1;
        while let Some(held) = tree.get_mut(k) {
            if sum > held.0 {
                *held = (sum, Some(at));
            }
            k += k & k.wrapping_neg();
        }
        if sum > end.0 {
            end = (sum, Some(at));
        }
    }
    let mut chain = Vec::new();
    let mut at = end.1;
    while let Some(pair) = at {
        if let Some((i, j, _)) = pairs.get(pair) {
            chain.push((*i, *j));
        }
        at = before.get(pair).copied().flatten();
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_chain_rises_on_both_sides() {
        let pairs = vec![(0, 2, 1.0), (0, 0, 0.4), (1, 1, 0.5), (2, 2, 0.5), (3, 3, 0.1)];
        assert_eq!(heaviest_chain(pairs, 4), [(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(heaviest_chain(vec![(0, 1, 2.0), (1, 0, 1.0)], 2), [(0, 1)]);
        assert_eq!(heaviest_chain(vec![(0, 1, 1.0), (0, 0, 1.0), (1, 1, 1.0)], 2), [(0, 0), (1, 1)]);
        assert!(heaviest_chain(Vec::new(), 0).is_empty());
    }
}
