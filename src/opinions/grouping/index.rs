//! The index of the texts that lead groups: which of them may be alike enough to a text, found through its rarest shingles.
//!
//! A search looks at no more than [`LINKS_PER_SEARCH`] places and measures no more than [`MEASURED_PER_SEARCH`] texts, those with the most shingles in common
//! first, so that its time is bounded whatever people write. Within these bounds, which ordinary texts do not reach, nothing is missed.

use super::likeness::{Print, Scale};

/// Counters of how common shingles are; two shingles that share one only seem more common than they are, and the order stays fixed.
const COUNTERS: usize = 1 << 20;
/// Chains of the index; a power of two.
const CHAINS: usize = 1 << 20;
/// Places of the index that one search looks at.
const LINKS_PER_SEARCH: usize = 8_000;
/// Texts that one search measures.
const MEASURED_PER_SEARCH: usize = 64;
/// End of a chain.
const NONE: u32 = u32::MAX;

/// A shingle of a leader's rarest, in a chain.
#[derive(Clone, Copy)]
struct Link {
    shingle: u32,
    leader: u32,
    next: u32,
}

/// The chains of one scale.
struct Chains {
    heads: Vec<u32>,
    links: Vec<Link>,
    counts: Vec<u32>,
}

impl Chains {
    fn new() -> Chains {
        Chains { heads: vec![NONE; CHAINS], links: Vec::new(), counts: vec![0; COUNTERS] }
    }

    fn commonness(&self, shingle: u32) -> u32 {
        self.counts.get(shingle as usize & (COUNTERS - 1)).copied().unwrap_or(0)
    }

    /// The rarest shingles of a sorted set, of which two sets with a likeness of `threshold` must share one.
    fn rarest(&self, shingles: &[u32], threshold: f64) -> Vec<u32> {
        let mut keyed: Vec<(u32, u32)> = shingles.iter().map(|shingle| (self.commonness(*shingle), *shingle)).collect();
        let needed = (threshold * shingles.len() as f64).ceil().max(1.0) as usize;
        let kept = shingles.len().saturating_sub(needed) + 1;
        keyed.sort_unstable();
        keyed.into_iter().take(kept).map(|(_, shingle)| shingle).collect()
    }
}

struct Leader {
    print: Print,
    place: u32,
}

/// Texts that lead groups.
pub struct Index {
    threshold: f64,
    long: Chains,
    short: Chains,
    leaders: Vec<Leader>,
    /// For each leader the search in which it was last met, and how many shingles it had in common then.
    met: Vec<(u32, u32)>,
    searches: u32,
}

impl Index {
    /// An empty index for one threshold.
    pub fn new(threshold: f64) -> Index {
        Index { threshold, long: Chains::new(), short: Chains::new(), leaders: Vec::new(), met: Vec::new(), searches: 0 }
    }

    /// Counts the shingles of a text that will be added or looked for. All texts are counted before the first is added, so that the order of shingles is one.
    pub fn count(&mut self, print: &Print) {
        for (chains, scale) in [(&mut self.long, Scale::Long), (&mut self.short, Scale::Short)] {
            for shingle in print.shingles(scale) {
                if let Some(count) = chains.counts.get_mut(*shingle as usize & (COUNTERS - 1)) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Adds a leader and gives its number.
    pub fn add(&mut self, print: Print, place: u32) -> usize {
        let number = self.leaders.len();
        for (chains, scale) in [(&mut self.long, Scale::Long), (&mut self.short, Scale::Short)] {
            for shingle in chains.rarest(print.shingles(scale), self.threshold) {
                let Some(head) = chains.heads.get_mut(shingle as usize & (CHAINS - 1)) else { continue };
                let (Ok(link), Ok(leader)) = (u32::try_from(chains.links.len()), u32::try_from(number)) else { continue };
                chains.links.push(Link { shingle, leader, next: *head });
                *head = link;
            }
        }
        self.leaders.push(Leader { print, place });
        self.met.push((0, 0));
        number
    }

    /// The leaders that are alike enough, with their likeness, in no particular order.
    pub fn find(&mut self, print: &Print, place: u32) -> Vec<(usize, f64)> {
        let mut found = Vec::new();
        for scale in [Scale::Long, Scale::Short] {
            for number in self.candidates(print, place, scale) {
                let Some(leader) = self.leaders.get(number) else { continue };
                let likeness = print.likeness(&leader.print);
                if likeness >= self.threshold {
                    found.push((number, likeness));
                }
            }
        }
        found
    }

    /// Leaders to be measured, those with the most of the rarest shingles in common first.
    fn candidates(&mut self, print: &Print, place: u32, scale: Scale) -> Vec<usize> {
        self.searches = self.searches.wrapping_add(1);
        let chains = if scale == Scale::Long { &self.long } else { &self.short };
        let size = print.shingles(scale).len();
        let mut candidates: Vec<usize> = Vec::new();
        let mut left = LINKS_PER_SEARCH;
        'search: for shingle in chains.rarest(print.shingles(scale), self.threshold) {
            let mut at = chains.heads.get(shingle as usize & (CHAINS - 1)).copied().unwrap_or(NONE);
            while let Some(link) = chains.links.get(at as usize) {
                if left == 0 {
                    break 'search;
                }
                left -= 1;
                at = link.next;
                let number = link.leader as usize;
                let (Some(leader), Some(met)) = (self.leaders.get(number), self.met.get_mut(number)) else { continue };
                if link.shingle != shingle {
                    continue;
                }
                if met.0 == self.searches {
                    met.1 += 1;
                    continue;
                }
                // The smaller set is at most the common part, the larger at least the union.
                let other = leader.print.shingles(scale).len();
                let is_of_size = size.min(other) as f64 >= self.threshold * size.max(other) as f64;
                let is_short = print.is_short() || leader.print.is_short();
                if is_of_size && is_short == (scale == Scale::Short) && (!is_short || leader.place == place) {
                    *met = (self.searches, 1);
                    candidates.push(number);
                }
            }
        }
        if candidates.len() > MEASURED_PER_SEARCH {
            let common = |number: &usize| self.met.get(*number).map_or(0, |met| met.1);
            candidates.sort_by_key(|number| (std::cmp::Reverse(common(number)), *number));
            candidates.truncate(MEASURED_PER_SEARCH);
        }
        candidates
    }
}
