//! Near-identical opinions on real messages of citizens: exact copies, planted edits of several strengths, and every pair measured.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, Xlsx, open_workbook};
use zhitong::opinions::grouping::{Loose, Print, THRESHOLD, are_near_identical, suggest, words};

/// The messages, or nothing with the reason printed. Under CI their absence is a failure.
fn messages() -> Option<Vec<String>> {
    let shared = std::env::var_os("ZHITONG_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let file = shared.join("data/messages/citizen_messages.xlsx");
    if !file.is_file() {
        let reason = format!("real messages not found at {} (set ZHITONG_SHARED)", file.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
        println!("skipped: {reason}");
        return None;
    }
    let mut book: Xlsx<_> = open_workbook(&file).expect("a workbook");
    let sheet = book.worksheet_range_at(0).expect("a sheet").expect("its cells");
    let mut rows = sheet.rows();
    let column =
        rows.next().expect("a heading").iter().position(|cell| cell.to_string().ends_with("详情")).expect("the column of the messages");
    let text = |row: &[Data]| row.get(column).map(ToString::to_string).unwrap_or_default();
    Some(rows.map(text).collect())
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

fn loose(text: &str) -> Loose {
    Loose { text: text.into(), place: 0, sides: Vec::new() }
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[test]
fn every_exact_copy_is_grouped() {
    let Some(messages) = messages() else { return };
    assert_eq!(messages.len(), 4_326);
    // Exact: the same letters and digits in the same order.
    let mut copies: HashMap<String, Vec<usize>> = HashMap::new();
    for (n, message) in messages.iter().enumerate() {
        copies.entry(message.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect()).or_default().push(n);
    }
    let sets: Vec<&Vec<usize>> = copies.values().filter(|set| set.len() > 1).collect();
    let copied: usize = sets.iter().map(|set| set.len()).sum();
    println!("{} distinct texts; {copied} messages in {} groups of exact copies", copies.len(), sets.len());
    assert_eq!((copies.len(), copied, sets.len()), (4_208, 226, 108));

    let items: Vec<Loose> = messages.iter().map(|message| loose(message)).collect();
    let found = suggest(&[], &items);
    let group_of: HashMap<usize, usize> =
        found.groups.iter().enumerate().flat_map(|(group, members)| members.iter().map(move |member| (*member, group))).collect();
    let together = sets
        .iter()
        .filter(|set| set.iter().all(|n| group_of.contains_key(n) && group_of.get(n) == set.first().and_then(|n| group_of.get(n))))
        .count();
    println!("exact copies: {together} of {} groups whole", sets.len());
    assert_eq!(together, sets.len(), "an exact copy was left out");

    // Precision: every member is as like its group's first text as the threshold says.
    let (mut members, mut alike) = (0, 0);
    for group in &found.groups {
        let first = group.first().and_then(|n| messages.get(*n)).map(String::as_str).unwrap_or_default();
        for member in group.iter().skip(1) {
            members += 1;
            let text = messages.get(*member).map(String::as_str).unwrap_or_default();
            alike += usize::from(are_near_identical((first, 0), (text, 0)));
        }
    }
    println!("suggested: {} groups of {} messages", found.groups.len(), members + found.groups.len());
    assert_eq!(alike, members);
}

#[test]
fn pairs_by_likeness() {
    let Some(messages) = messages() else { return };
    // Measured without the product's index: every pair that shares a shingle of five characters.
    let mut pairs: Vec<(usize, usize, f64)> = Vec::new();
    let mut holders: HashMap<String, Vec<usize>> = HashMap::new();
    let mut sizes: Vec<usize> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let characters: Vec<char> = words(message).chars().collect();
        let shingles: BTreeSet<String> = characters.windows(5).map(|shingle| shingle.iter().collect()).collect();
        let mut common: HashMap<usize, usize> = HashMap::new();
        for shingle in &shingles {
            let list = holders.entry(shingle.clone()).or_default();
            for other in list.iter() {
                *common.entry(*other).or_default() += 1;
            }
            list.push(n);
        }
        sizes.push(shingles.len());
        for (other, shared) in common {
            let union = shingles.len() + sizes.get(other).copied().unwrap_or(0) - shared;
            let likeness = ratio(shared, union);
            if likeness >= 0.4 {
                pairs.push((other, n, likeness));
            }
        }
    }
    // In brackets: counted elsewhere, under another normalisation.
    for (least, elsewhere) in [(0.8, (323, 472)), (0.6, (385, 559)), (0.5, (0, 0)), (0.4, (427, 613))] {
        let alike: Vec<_> = pairs.iter().filter(|(_, _, likeness)| *likeness >= least).collect();
        let people: BTreeSet<usize> = alike.iter().flat_map(|(one, two, _)| [*one, *two]).collect();
        println!("likeness ≥ {least}: {} pairs, {} messages (elsewhere: {elsewhere:?})", alike.len(), people.len());
        // Without punctuation texts are a little more alike.
        if elsewhere.0 > 0 {
            assert!(alike.len() >= elsewhere.0 * 95 / 100 && alike.len() <= elsewhere.0 * 115 / 100, "{least}: {}", alike.len());
        }
    }
    // Recall of the groups over all pairs that are near-identical: the share that ends in one group.
    let items: Vec<Loose> = messages.iter().map(|message| loose(message)).collect();
    let found = suggest(&[], &items);
    let group_of: HashMap<usize, usize> =
        found.groups.iter().enumerate().flat_map(|(group, members)| members.iter().map(move |member| (*member, group))).collect();
    let near: Vec<_> = pairs.iter().filter(|(_, _, likeness)| *likeness >= THRESHOLD).collect();
    let kept = near.iter().filter(|(one, two, _)| group_of.contains_key(one) && group_of.get(one) == group_of.get(two)).count();
    println!("pairs of at least {THRESHOLD} that are in one group: {kept} of {} ({:.3})", near.len(), ratio(kept, near.len()));
    assert!(ratio(kept, near.len()) >= 0.97);
    let grouped: BTreeSet<usize> = near.iter().flat_map(|(one, two, _)| [*one, *two]).collect();
    let missed = grouped.iter().filter(|n| !group_of.contains_key(n)).count();
    println!("messages with a near-identical one that are in no group: {missed} of {}", grouped.len());
}

/// An edit of one strength.
type Edit = fn(&[char], &mut Dice, &[char]) -> Vec<char>;

fn typos(text: &[char], dice: &mut Dice, pool: &[char], per_hundred: usize) -> Vec<char> {
    let mut text = text.to_vec();
    for _ in 0..(text.len() * per_hundred).div_ceil(100) {
        let (at, with) = (dice.below(text.len()), dice.below(pool.len()));
        if let (Some(place), Some(c)) = (text.get_mut(at), pool.get(with)) {
            *place = *c;
        }
    }
    text
}

fn punctuation(text: &[char], _: &mut Dice, _: &[char]) -> Vec<char> {
    text.iter().map(|c| if c.is_alphanumeric() { *c } else { '!' }).collect()
}

fn added_sentence(text: &[char], dice: &mut Dice, _: &[char]) -> Vec<char> {
    let sentences = ["恳请领导重视并尽快答复，谢谢！", "以上情况请核实，希望早日解决。", "本人代表多位邻居提出，盼复。"];
    let added = sentences.get(dice.below(sentences.len())).copied().unwrap_or_default();
    text.iter().copied().chain(added.chars()).collect()
}

fn swapped_words(text: &[char], dice: &mut Dice, _: &[char]) -> Vec<char> {
    let mut text = text.to_vec();
    for _ in 0..(text.len() / 60).max(1) {
        let at = dice.below(text.len().saturating_sub(4));
        if let Some(part) = text.get_mut(at..at + 4) {
            part.rotate_left(2);
        }
    }
    text
}

const EDITS: &[(&str, f64, Edit)] = &[
    ("punctuation only", 1.0, punctuation),
    ("a sentence added", 0.97, added_sentence),
    ("two words swapped in sixty characters", 0.97, swapped_words),
    ("1 typo in 100 characters", 0.98, |t, d, p| typos(t, d, p, 1)),
    ("3 typos in 100 characters", 0.95, |t, d, p| typos(t, d, p, 3)),
    ("5 typos in 100 characters", 0.88, |t, d, p| typos(t, d, p, 5)),
    ("10 typos in 100 characters", 0.0, |t, d, p| typos(t, d, p, 10)),
];

#[test]
fn planted_edits_are_found_and_strangers_are_not() {
    let Some(messages) = messages() else { return };
    let mut seen = BTreeSet::new();
    let distinct: Vec<Vec<char>> =
        messages.iter().filter(|m| words(m).chars().count() >= 20 && seen.insert(words(m))).map(|m| m.chars().collect()).collect();
    let pool: Vec<char> = distinct.iter().flatten().copied().filter(|c| c.is_alphanumeric()).collect();
    let n = distinct.len();
    for (name, least, edit) in EDITS {
        let mut dice = Dice(20_260_302);
        let mut items: Vec<Loose> = distinct.iter().map(|text| loose(&text.iter().collect::<String>())).collect();
        items.extend(distinct.iter().map(|text| loose(&edit(text, &mut dice, &pool).into_iter().collect::<String>())));
        let found = suggest(&[], &items);
        let group_of: HashMap<usize, usize> =
            found.groups.iter().enumerate().flat_map(|(group, members)| members.iter().map(move |member| (*member, group))).collect();
        let hits = (0..n).filter(|at| group_of.contains_key(at) && group_of.get(at) == group_of.get(&(at + n))).count();
        println!("{name}: recall {:.3} ({hits} of {n})", ratio(hits, n));
        assert!(ratio(hits, n) >= *least, "{name}");
    }
    // Strangers: random pairs of different messages.
    let mut dice = Dice(7);
    let prints: Vec<Print> = distinct.iter().map(|text| Print::of(&words(&text.iter().collect::<String>()))).collect();
    let trials = 200_000;
    let wrong = (0..trials)
        .filter(|_| {
            let (one, two) = (dice.below(n), dice.below(n));
            one != two && prints.get(one).zip(prints.get(two)).is_some_and(|(a, b)| a.likeness(b) >= THRESHOLD)
        })
        .count();
    println!("random pairs of different messages taken for near-identical: {wrong} of {trials}");
    assert!(wrong <= 20, "{wrong}");
}
