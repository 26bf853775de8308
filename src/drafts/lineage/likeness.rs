//! How alike two provisions are: weighted character pairs. Pure.
//!
//! A provision is the multiset of its adjacent character pairs. Pairs that occur in few provisions weigh more, so that the phrases every law is
//! made of (县级以上人民政府, 应当依法…) do not make two provisions alike.

use std::collections::HashMap;

/// One provision as a multiset of features.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// The words as they are compared for equality.
    pub exact: String,
    /// Feature and how often it occurs, sorted by feature.
    counted: Vec<(u64, u32)>,
}

impl Features {
    /// Features of words in their normal form, and others that the caller brings along.
    pub fn new(exact: String, others: impl IntoIterator<Item = u64>) -> Features {
        let letters: Vec<char> = exact.chars().filter(|c| c.is_alphanumeric()).collect();
        let mut all: Vec<u64> = match letters.as_slice() {
            [only] => vec![u64::from(u32::from(*only))],
            letters => letters.windows(2).map(pair).collect(),
        };
        all.extend(others);
        all.sort_unstable();
        let mut counted: Vec<(u64, u32)> = Vec::new();
        for feature in all {
            match counted.last_mut() {
                Some((last, n)) if *last == feature => *n += 1,
                _ => counted.push((feature, 1)),
            }
        }
        Features { exact, counted }
    }
}

fn pair(letters: &[char]) -> u64 {
    letters.iter().fold(0, |pair, c| (pair << 32) | u64::from(u32::from(*c)))
}

/// A feature that is no character pair: both halves lie beyond every character.
pub fn token(n: usize) -> u64 {
    (0xffff_0000_u64 << 32) | (n as u64 & 0xffff_ffff)
}

/// Provisions found by more than this many others through one feature are not found through it; equality and rarer features find them.
const MOST_POSTINGS: usize = 400;
/// Best counterparts kept for each provision.
const CANDIDATES: usize = 12;

/// Two lists of provisions with what their features weigh.
pub struct Likeness<'a> {
    old: &'a [Features],
    new: &'a [Features],
    weights: HashMap<u64, f64>,
    old_totals: Vec<f64>,
    new_totals: Vec<f64>,
}

impl<'a> Likeness<'a> {
    /// Weighs the features of both lists together.
    pub fn new(old: &'a [Features], new: &'a [Features]) -> Likeness<'a> {
        let mut weights: HashMap<u64, f64> = HashMap::new();
        for provision in old.iter().chain(new) {
            for (feature, _) in &provision.counted {
                *weights.entry(*feature).or_insert(0.0) += 1.0;
            }
        }
        let all = (old.len() + new.len()) as f64;
        for weight in weights.values_mut() {
            *weight = (1.0 + all / *weight).ln();
        }
        let total = |f: &Features| f.counted.iter().map(|(feature, n)| weights.get(feature).copied().unwrap_or(0.0) * f64::from(*n)).sum();
        let old_totals = old.iter().map(total).collect();
        let new_totals = new.iter().map(total).collect();
        Likeness { old, new, weights, old_totals, new_totals }
    }

    /// From 0, nothing in common, to 1, the same words (Dice's coefficient of the weighted multisets).
    pub fn similarity(&self, old: usize, new: usize) -> f64 {
        let (Some(a), Some(b)) = (self.old.get(old), self.new.get(new)) else { return 0.0 };
        if a.exact == b.exact && a.counted == b.counted {
            return 1.0;
        }
        let both = total_of(&self.old_totals, old) + total_of(&self.new_totals, new);
        if both <= 0.0 { 0.0 } else { 2.0 * self.common(&a.counted, &b.counted) / both }
    }

    /// How much of the new provision comes out of what others have left of the old one.
    pub fn share_of_new(&self, new: usize, old: usize, others: &[usize]) -> f64 {
        let (Some(part), Some(whole)) = (self.new.get(new), self.old.get(old)) else { return 0.0 };
        let left = rest(&whole.counted, others.iter().filter_map(|o| self.new.get(*o)));
        let total = total_of(&self.new_totals, new);
        if total <= 0.0 { 0.0 } else { self.common(&part.counted, &left) / total }
    }

    /// How much of the old provision went into what others have left of the new one.
    pub fn share_of_old(&self, old: usize, new: usize, others: &[usize]) -> f64 {
        let (Some(part), Some(whole)) = (self.old.get(old), self.new.get(new)) else { return 0.0 };
        let left = rest(&whole.counted, others.iter().filter_map(|o| self.old.get(*o)));
        let total = total_of(&self.old_totals, old);
        if total <= 0.0 { 0.0 } else { self.common(&part.counted, &left) / total }
    }

    fn common(&self, a: &[(u64, u32)], b: &[(u64, u32)]) -> f64 {
        let (mut i, mut j, mut sum) = (0, 0, 0.0);
        while let (Some((x, n)), Some((y, m))) = (a.get(i), b.get(j)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    sum += self.weights.get(x).copied().unwrap_or(0.0) * f64::from(*n.min(m));
                    i += 1;
                    j += 1;
                }
            }
        }
        sum
    }

    /// Pairs worth a look, (old, new), each once and in order: for every provision of either list the ones it has most in common with.
    pub fn candidates(&self) -> Vec<(usize, usize)> {
        let mut pairs = self.best(self.old, self.new);
        pairs.extend(self.best(self.new, self.old).into_iter().map(|(new, old)| (old, new)));
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn best(&self, from: &[Features], to: &[Features]) -> Vec<(usize, usize)> {
        let mut postings: HashMap<u64, Vec<(usize, u32)>> = HashMap::new();
        for (j, provision) in to.iter().enumerate() {
            for (feature, n) in &provision.counted {
                postings.entry(*feature).or_default().push((j, *n));
            }
        }
        let mut pairs = Vec::new();
        let mut scores = vec![0.0_f64; to.len()];
        let mut touched: Vec<usize> = Vec::new();
        for (i, provision) in from.iter().enumerate() {
            for (feature, n) in &provision.counted {
                let Some(list) = postings.get(feature).filter(|list| list.len() <= MOST_POSTINGS) else { continue };
                let weight = self.weights.get(feature).copied().unwrap_or(0.0);
                for (j, m) in list {
                    let Some(score) = scores.get_mut(*j) else { continue };
                    if *score == 0.0 {
                        touched.push(*j);
                    }
                    *score += weight * f64::from(*n.min(m));
                }
            }
            let mut ranked: Vec<(f64, usize)> = touched.drain(..).map(|j| (scores.get_mut(j).map_or(0.0, std::mem::take), j)).collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            pairs.extend(ranked.iter().take(CANDIDATES).map(|(_, j)| (i, *j)));
        }
        pairs
    }
}

fn total_of(totals: &[f64], i: usize) -> f64 {
    totals.get(i).copied().unwrap_or(0.0)
}

/// What is left of a multiset when others are taken out of it.
fn rest<'f>(whole: &[(u64, u32)], others: impl Iterator<Item = &'f Features>) -> Vec<(u64, u32)> {
    let mut left = whole.to_vec();
    for other in others {
        let mut j = 0;
        for (feature, n) in &mut left {
            while other.counted.get(j).is_some_and(|(f, _)| *f < *feature) {
                j += 1;
            }
            if let Some((f, m)) = other.counted.get(j)
                && f == feature
            {
                *n = n.saturating_sub(*m);
            }
        }
    }
    left.retain(|(_, n)| *n > 0);
    left
}
