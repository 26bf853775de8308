//! 条文沿革: how every provision of one version continues in another.
//!
//! The matcher is pure: `texts.rs` is what it reads, `likeness.rs` says how alike two provisions are, `alignment.rs` which continues as which (all
//! thresholds stand there), and here it walks the levels: 编章节 and 条 first, then 款, 项 and 目 inside what was matched. `keeping.rs` stores a
//! lineage with its version and takes in what staff correct, `continuing.rs` walks along it.
//!
//! A relation has one old and one new provision, one old and several new (split), several old and one new (merged), or one side alone (deleted,
//! added). Every provision of either text is in exactly one relation. Renumbering alone is neither a modification nor a move.

mod alignment;
pub mod continuing;
pub mod keeping;
mod likeness;
#[cfg(test)]
mod tests;
mod texts;

pub use continuing::{Continuation, follow};
pub use texts::{Node, Text, normal};

use std::collections::HashMap;

use alignment::{Link, align};
use likeness::{Features, token};

use crate::corpus::structure::ProvisionKind;
use crate::text_enum;

text_enum! {
    /// 沿革: how a provision continues.
    ContinuationKind {
        /// The same words; perhaps another number.
        Kept = "kept", "保留";
        /// Other words at the same place in the order.
        Modified = "modified", "修改";
        /// The same or nearly the same words at another place in the order.
        Moved = "moved", "移动";
        /// One provision became several.
        Split = "split", "拆分";
        /// Several provisions became one.
        Merged = "merged", "合并";
        /// It has no continuation.
        Deleted = "deleted", "删除";
        /// It has no predecessor.
        Added = "added", "新增";
    }
}

impl ContinuationKind {
    /// Whether a relation of this kind may have so many old and so many new provisions.
    pub fn fits(self, old: usize, new: usize) -> bool {
        use ContinuationKind::*;
        match self {
            Kept | Modified | Moved => (old, new) == (1, 1),
            Split => old == 1 && new > 1,
            Merged => old > 1 && new == 1,
            Deleted => old == 1 && new == 0,
            Added => old == 0 && new == 1,
        }
    }
}

/// How provisions of one text continue in another.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// How.
    pub kind: ContinuationKind,
    /// Old provisions, by index; none when it was added.
    pub old: Vec<usize>,
    /// New provisions, by index; none when it was deleted.
    pub new: Vec<usize>,
    /// Similarity of the words, in thousandths: 1000 = the same. 0 when one side is empty.
    pub similarity: u16,
    /// Whether a person said so.
    pub is_corrected: bool,
}

/// What a person says of provisions of two texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// How they continue.
    pub kind: ContinuationKind,
    /// Old provisions, by address.
    pub old: Vec<String>,
    /// New provisions, by address.
    pub new: Vec<String>,
}

/// Two texts and how the provisions of the first continue in the second.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The older text.
    pub old: Text,
    /// The newer text.
    pub new: Text,
    /// Every provision of either, in the order of the newer text.
    pub relations: Vec<Relation>,
}

impl Lineage {
    /// Relates two texts.
    pub fn of(old: Text, new: Text) -> Lineage {
        let relations = relate(&old, &new, &[]);
        Lineage { old, new, relations }
    }

    /// Whether a relation is just what a person said.
    pub fn says(&self, relation: &Relation, correction: &Correction) -> bool {
        let is_same = |text: &Text, list: &[usize], addresses: &[String]| {
            list.len() == addresses.len() && list.iter().all(|i| text.nodes().get(*i).is_some_and(|node| addresses.contains(&node.address)))
        };
        relation.is_corrected
            && relation.kind == correction.kind
            && is_same(&self.old, &relation.old, &correction.old)
            && is_same(&self.new, &relation.new, &correction.new)
    }

    /// How one provision continues in another one at the same place in the order: whether a word was changed can be seen, and nobody need say it.
    pub fn kind_in_place(&self, old: usize, new: usize) -> ContinuationKind {
        if own(&self.old, old) == own(&self.new, new) { ContinuationKind::Kept } else { ContinuationKind::Modified }
    }

    /// Whether a person had better look at a relation: nobody has, and the matcher split, merged or moved, found little alike, or found nothing. What
    /// stands inside something that was added or deleted as a whole says nothing more.
    pub fn is_doubtful(&self, relation: &Relation) -> bool {
        use ContinuationKind::*;
        let stands_inside = |text: &Text, i: Option<&usize>, side: fn(&Relation) -> &Vec<usize>| {
            let parent = i.and_then(|i| text.nodes().get(*i)).and_then(|node| node.parent);
            parent.is_some_and(|parent| self.relations.iter().any(|r| r.kind == relation.kind && side(r).contains(&parent)))
        };
        !relation.is_corrected
            && match relation.kind {
                Kept => false,
                Split | Merged | Moved => true,
                Modified => relation.similarity < DOUBTFUL,
                Deleted => !stands_inside(&self.old, relation.old.first(), |r| &r.old),
                Added => !stands_inside(&self.new, relation.new.first(), |r| &r.new),
            }
    }

    /// Whether a relation is about 编章节, 条 and what else stands beside them, and not about a 款 or 项 inside.
    pub fn is_top(&self, relation: &Relation) -> bool {
        let is_top = |text: &Text, i: Option<&usize>| {
            i.and_then(|i| text.nodes().get(*i)).is_some_and(|node| {
                let parent = node.parent.and_then(|p| text.nodes().get(p));
                parent.is_none_or(|parent| matches!(class(parent.kind), Class::Division(_)))
            })
        };
        is_top(&self.old, relation.old.first()) || is_top(&self.new, relation.new.first())
    }
}

/// Similarity, in thousandths, below which a person should look whether one provision is the other's continuation.
const DOUBTFUL: u16 = 600;

/// What stands beside each other and can continue as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Class {
    /// 条, units of texts without 条, loose text.
    Unit,
    /// Title, title note, contents, preamble, signature: the first continues as the first.
    Apart(ProvisionKind),
    /// 编, 分编, 章, 节, 附件: known by what stands in them as much as by their headings.
    Division(ProvisionKind),
}

fn class(kind: ProvisionKind) -> Class {
    use ProvisionKind::*;
    match kind {
        Title | TitleNote | Contents | Preamble | Signature => Class::Apart(kind),
        Part | SubPart | Chapter | Section | Attachment => Class::Division(kind),
        Article | Heading | Text | Paragraph | Item | SubItem | Table => Class::Unit,
    }
}

/// Relates every provision of two texts; corrections stand where their addresses exist, the later one where two speak of the same provision.
pub fn relate(old: &Text, new: &Text, corrections: &[Correction]) -> Vec<Relation> {
    let mut matcher = Matcher { old, new, corrections: known(old, new, corrections), relations: Vec::new() };
    let (old_tops, new_tops) = (tops(old), tops(new));
    let of =
        |tops: &[(usize, Class)], wanted: Class| -> Vec<usize> { tops.iter().filter(|(_, c)| *c == wanted).map(|(i, _)| *i).collect() };
    let mut classes: Vec<Class> = old_tops.iter().chain(&new_tops).map(|(_, class)| *class).collect();
    // Units come first: divisions are known by them.
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        let (olds, news) = (of(&old_tops, class), of(&new_tops, class));
        match class {
            Class::Unit => matcher.level(&olds, &news, &HashMap::new(), &HashMap::new()),
            Class::Apart(_) => matcher.pairwise(&olds, &news),
            Class::Division(_) => {
                let (in_old, in_new) = matcher.tokens();
                matcher.level(&olds, &news, &in_old, &in_new);
            }
        }
    }
    let mut relations = matcher.relations;
    // In the order of the new text; what was deleted stands behind the continuation of what came before it.
    let mut last_new = vec![0usize; old.nodes().len()];
    for relation in &relations {
        for i in &relation.old {
            if let Some(place) = last_new.get_mut(*i) {
                *place = relation.new.iter().max().map_or(0, |j| j + 1);
            }
        }
    }
    let mut seen = 0;
    for place in &mut last_new {
        if *place == 0 {
            *place = seen;
        } else {
            seen = *place;
        }
    }
    relations.sort_by_key(|r| match (r.new.first(), r.old.first()) {
        (Some(j), _) => (j + 1, 0, 0),
        (None, Some(i)) => (last_new.get(*i).copied().unwrap_or(0), 1, *i),
        (None, None) => (0, 1, 0),
    });
    relations
}

/// Whether a node is a division that stands in nothing but divisions.
fn is_open_division(text: &Text, i: usize) -> bool {
    let mut at = Some(i);
    while let Some(node) = at.and_then(|i| text.nodes().get(i)) {
        if !matches!(class(node.kind), Class::Division(_)) {
            return false;
        }
        at = node.parent.filter(|parent| at.is_some_and(|at| *parent < at));
    }
    true
}

/// Provisions that stand at the top or directly in a division, with what they are.
fn tops(text: &Text) -> Vec<(usize, Class)> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = text.roots().iter().rev().copied().collect();
    while let Some(i) = open.pop() {
        let Some(node) = text.nodes().get(i) else { continue };
        let class = class(node.kind);
        found.push((i, class));
        if matches!(class, Class::Division(_)) {
            open.extend(text.children(i).iter().rev());
        }
    }
    found
}

/// Corrections as places, each provision at most once.
fn known(old: &Text, new: &Text, corrections: &[Correction]) -> Vec<(ContinuationKind, Vec<usize>, Vec<usize>)> {
    let place = |text: &Text| -> HashMap<String, usize> { text.nodes().iter().enumerate().map(|(i, n)| (n.address.clone(), i)).collect() };
    let (olds, news) = (place(old), place(new));
    let find = |places: &HashMap<String, usize>, addresses: &[String]| -> Option<Vec<usize>> {
        addresses.iter().map(|address| places.get(address).copied()).collect()
    };
    let mut kept: Vec<(ContinuationKind, Vec<usize>, Vec<usize>)> = Vec::new();
    for correction in corrections {
        let (Some(o), Some(n)) = (find(&olds, &correction.old), find(&news, &correction.new)) else { continue };
        kept.retain(|(_, a, b)| !a.iter().any(|i| o.contains(i)) && !b.iter().any(|j| n.contains(j)));
        kept.push((correction.kind, o, n));
    }
    kept
}

struct Matcher<'a> {
    old: &'a Text,
    new: &'a Text,
    corrections: Vec<(ContinuationKind, Vec<usize>, Vec<usize>)>,
    relations: Vec<Relation>,
}

impl Matcher<'_> {
    /// Aligns provisions that stand beside each other, then what is below each pair.
    fn level(&mut self, olds: &[usize], news: &[usize], in_old: &HashMap<usize, Vec<u64>>, in_new: &HashMap<usize, Vec<u64>>) {
        if olds.is_empty() && news.is_empty() {
            return;
        }
        let features = |text: &Text, list: &[usize], inside: &HashMap<usize, Vec<u64>>| -> Vec<Features> {
            list.iter().map(|i| Features::new(own(text, *i), inside.get(i).cloned().unwrap_or_default())).collect()
        };
        let (old_features, new_features) = (features(self.old, olds, in_old), features(self.new, news, in_new));
        let (mut fixed, mut kinds) = (Vec::new(), Vec::new());
        let place =
            |list: &[usize], wanted: &[usize]| -> Option<Vec<usize>> { wanted.iter().map(|w| list.iter().position(|i| i == w)).collect() };
        for (kind, o, n) in &self.corrections {
            if let (Some(old), Some(new)) = (place(olds, o), place(news, n)) {
                fixed.push(Link { old, new, is_moved: *kind == ContinuationKind::Moved });
                kinds.push(*kind);
            }
        }
        // One beside one, inside a pair that was matched: nothing else it could be.
        let is_only = olds.len() == 1 && news.len() == 1 && self.is_below(olds) && fixed.is_empty();
        let links =
            if is_only { vec![Link { old: vec![0], new: vec![0], is_moved: false }] } else { align(&old_features, &new_features, fixed) };
        let mut below = Vec::new();
        for (at, link) in links.into_iter().enumerate() {
            let pick = |list: &[usize], places: &[usize]| -> Vec<usize> { places.iter().filter_map(|p| list.get(*p).copied()).collect() };
            let relation = self.relation(pick(olds, &link.old), pick(news, &link.new), link.is_moved, kinds.get(at).copied());
            below.push((relation.old.clone(), relation.new.clone()));
            self.relations.push(relation);
        }
        for (old, new) in below {
            self.below(&old, &new);
        }
    }

    fn is_below(&self, olds: &[usize]) -> bool {
        let parent = olds.first().and_then(|i| self.old.nodes().get(*i)).and_then(|node| node.parent);
        parent.and_then(|p| self.old.nodes().get(p)).is_some_and(|p| !matches!(class(p.kind), Class::Division(_)))
    }

    /// Continues inside provisions that were related; what stands in divisions at the top was matched already.
    fn below(&mut self, old: &[usize], new: &[usize]) {
        let children = |text: &Text, list: &[usize]| -> Vec<usize> {
            list.iter().filter(|i| !is_open_division(text, **i)).flat_map(|i| text.children(*i)).copied().collect()
        };
        let (olds, news) = (children(self.old, old), children(self.new, new));
        // A 款 continues as a 款, an 项 as an 项.
        let mut kinds: Vec<&'static str> = Vec::new();
        for (text, list) in [(self.old, &olds), (self.new, &news)] {
            kinds.extend(list.iter().filter_map(|i| text.nodes().get(*i)).map(|n| n.kind.as_str()));
        }
        kinds.sort_unstable();
        kinds.dedup();
        let of = |text: &Text, list: &[usize], kind: &str| -> Vec<usize> {
            list.iter().filter(|i| text.nodes().get(**i).is_some_and(|n| n.kind.as_str() == kind)).copied().collect()
        };
        for kind in kinds {
            let (olds, news) = (of(self.old, &olds, kind), of(self.new, &news, kind));
            self.level(&olds, &news, &HashMap::new(), &HashMap::new());
        }
    }

    /// The first continues as the first.
    fn pairwise(&mut self, olds: &[usize], news: &[usize]) {
        for at in 0..olds.len().max(news.len()) {
            let pick = |list: &[usize]| -> Vec<usize> { list.get(at).copied().into_iter().collect() };
            let relation = self.relation(pick(olds), pick(news), false, None);
            let (old, new) = (relation.old.clone(), relation.new.clone());
            self.relations.push(relation);
            self.below(&old, &new);
        }
    }

    fn relation(&self, old: Vec<usize>, new: Vec<usize>, is_moved: bool, said: Option<ContinuationKind>) -> Relation {
        let words = |text: &Text, list: &[usize]| list.iter().map(|i| own(text, *i)).collect::<Vec<_>>().join("\n");
        let similarity = if old.is_empty() || new.is_empty() {
            0
        } else {
            let (a, b) = (words(self.old, &old), words(self.new, &new));
            if a == b { 1000 } else { thousandths(likeness_of(a, b)) }
        };
        let kind = said.unwrap_or(match (old.len(), new.len()) {
            (_, 0) => ContinuationKind::Deleted,
            (0, _) => ContinuationKind::Added,
            (1, 1) if is_moved => ContinuationKind::Moved,
            (1, 1) if similarity == 1000 => ContinuationKind::Kept,
            (1, 1) => ContinuationKind::Modified,
            (1, _) => ContinuationKind::Split,
            _ => ContinuationKind::Merged,
        });
        Relation { kind, old, new, similarity, is_corrected: said.is_some() }
    }

    /// For every division of either text, a feature for each relation of what stands in it.
    fn tokens(&self) -> (HashMap<usize, Vec<u64>>, HashMap<usize, Vec<u64>>) {
        let (mut in_old, mut in_new): (HashMap<usize, Vec<u64>>, HashMap<usize, Vec<u64>>) = Default::default();
        for (n, relation) in self.relations.iter().enumerate() {
            for (text, list, inside) in [(self.old, &relation.old, &mut in_old), (self.new, &relation.new, &mut in_new)] {
                for i in list {
                    let mut at = text.nodes().get(*i).and_then(|node| node.parent);
                    while let Some(above) = at {
                        let Some(node) = text.nodes().get(above) else { break };
                        if matches!(class(node.kind), Class::Division(_)) {
                            inside.entry(above).or_default().push(token(n));
                        }
                        at = node.parent.filter(|parent| *parent < above);
                    }
                }
            }
        }
        (in_old, in_new)
    }
}

/// What a provision says by itself: a division its heading, everything else all its words.
fn own(text: &Text, i: usize) -> String {
    match text.nodes().get(i) {
        Some(node) if matches!(class(node.kind), Class::Division(_)) => normal(&format!("{}{}", node.heading, node.text)),
        Some(_) => normal(&text.words(i)),
        None => String::new(),
    }
}

fn likeness_of(a: String, b: String) -> f64 {
    let (old, new) = ([Features::new(a, [])], [Features::new(b, [])]);
    likeness::Likeness::new(&old, &new).similarity(0, 0)
}

/// In thousandths, never 1000 for words that differ.
fn thousandths(similarity: f64) -> u16 {
    (similarity * 1000.0).clamp(0.0, 999.0) as u16
}
