//! The catalogue of titles: every name of every work, found by letters, by pinyin and by likeness.

use std::collections::HashMap;
use std::ops::Range;

use uuid::Uuid;

use super::document_numbers::{self, DocumentNumber};
use super::names::{self, Quality, title_key};
use super::pinyin;
use super::short_names::ShortNames;

/// Names that the rare pairs of a query may bring in.
const COMMON_PAIR: usize = 3_000;

/// Names whose common pairs are counted as well.
const SHORTLIST: usize = 300;

/// Names looked at closely for one inexact title; a long one tells more by its pairs and needs fewer.
fn candidates(letters: usize) -> usize {
    match letters {
        ..=12 => 48,
        13..=24 => 24,
        _ => 12,
    }
}

/// Names looked at for the words of one title.
const HOLDING_WORDS: usize = 600;

/// Lengths of names, in letters, that may be written with one wrong letter; shorter ones leave too little to go by.
const ONE_WRONG: std::ops::RangeInclusive<usize> = 5..=24;

/// Names longer than this have no pinyin form: nobody types it.
const SPELLED_CHARS: usize = 24;

/// One work as the catalogue takes it.
#[derive(Debug, Clone)]
pub struct TitleEntry {
    /// The work.
    pub work_id: Uuid,
    /// Its title as displayed.
    pub title: String,
    /// Short names that its own text or the office gives it.
    pub aliases: Vec<String>,
    /// Numbers of its versions, in any style of brackets and dashes.
    pub document_numbers: Vec<String>,
    /// Preference among equal matches, greater first; 0 to 1 (a law above a local rule, in force above repealed).
    pub weight: f32,
}

/// One work as the catalogue keeps it.
#[derive(Debug)]
pub(crate) struct Work {
    pub id: Uuid,
    pub title: String,
    pub weight: f32,
    /// The province, city or county that the title begins with; `None` for the whole state.
    pub region: Option<String>,
}

/// One name of one work.
#[derive(Debug)]
pub(super) struct Name {
    pub key: Box<str>,
    pub work: u32,
    pub quality: Quality,
}

/// What completion needs to know of a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameTraits {
    /// Not the title, nor the title without its mark or region.
    pub is_short_name: bool,
    /// 0 for the title, growing with the distance of the name from it.
    pub distance: f32,
}

/// All titles that can be looked up. Built once and replaced when the corpus changes; every lookup is far below a millisecond for 20,000 works.
#[derive(Debug, Default)]
pub struct TitleCatalogue {
    works: Vec<Work>,
    by_id: HashMap<Uuid, u32>,
    /// Sorted by key.
    names: Vec<Name>,
    /// Pairs of neighbouring letters (and of letters one apart in short names) to names, ascending.
    pairs: HashMap<u64, Vec<u32>>,
    /// Sorted full spellings and initials of names.
    spelled: Vec<(Box<str>, u32)>,
    initials: Vec<(Box<str>, u32)>,
    numbers: HashMap<(u32, u32), Vec<(String, u32)>>,
}

impl TitleCatalogue {
    /// Builds the catalogue with the short names that the project ships.
    pub fn new(entries: Vec<TitleEntry>) -> Self {
        Self::with_short_names(entries, ShortNames::shipped())
    }

    /// Builds the catalogue with the given short names; those of works that are not here are left out.
    pub fn with_short_names(entries: Vec<TitleEntry>, short_names: &ShortNames) -> Self {
        let mut catalogue = TitleCatalogue::default();
        let mentions = mentions(&entries);
        for entry in entries {
            catalogue.add(entry, short_names, &mentions);
        }
        catalogue.names.sort_by(|a, b| a.key.cmp(&b.key).then(a.quality.cmp(&b.quality)).then(a.work.cmp(&b.work)));
        catalogue.names.dedup_by(|later, first| later.key == first.key && later.work == first.work);
        catalogue.index_names();
        catalogue
    }

    /// Number of works.
    pub fn len(&self) -> usize {
        self.works.len()
    }

    /// Whether there is no work at all.
    pub fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    fn add(&mut self, entry: TitleEntry, short_names: &ShortNames, mentions: &HashMap<String, u8>) {
        let Ok(number) = u32::try_from(self.works.len()) else { return };
        let mut names = names::names_of(&entry.title);
        let key = title_key(&entry.title);
        let shipped = names
            .iter()
            .filter(|(_, quality)| *quality <= Quality::Unmarked)
            .flat_map(|(key, _)| short_names.of(key))
            .cloned()
            .collect::<Vec<_>>();
        let well_known = !shipped.is_empty();
        let given = entry.aliases.iter().map(|alias| title_key(alias)).filter(|alias| is_telling(alias));
        for alias in shipped.into_iter().chain(given) {
            if !names.iter().any(|(known, quality)| *known == alias && *quality <= Quality::Alias) {
                names.push((alias, Quality::Alias));
            }
        }
        names.retain(|(key, _)| key.chars().count() <= 200);
        self.names.extend(names.into_iter().map(|(key, quality)| Name { key: key.into_boxed_str(), work: number, quality }));
        for written in entry.document_numbers.iter().map(String::as_str).chain([entry.title.as_str()]) {
            if let Some(DocumentNumber { organ, year, number: serial, .. }) = document_numbers::first_in(written) {
                self.numbers.entry((year, serial)).or_default().push((organ, number));
            }
        }
        // A law that everybody has a short name for, or that others are made to carry out, is meant before another with the same initials.
        let prominence = f32::from(mentions.get(&key).copied().unwrap_or(0).min(8)) * 0.005 + if well_known { 0.03 } else { 0.0 };
        let weight = if entry.weight.is_finite() { entry.weight } else { 0.0 } + prominence;
        self.by_id.entry(entry.work_id).or_insert(number);
        self.works.push(Work { id: entry.work_id, region: names::region_of(&key), title: entry.title, weight });
    }

    fn index_names(&mut self) {
        for (number, name) in self.names.iter().enumerate() {
            let number = number as u32;
            for pair in pairs_of(&name.key.chars().collect::<Vec<_>>()) {
                let posting = self.pairs.entry(pair).or_default();
                if posting.last() != Some(&number) {
                    posting.push(number);
                }
            }
            if name.key.chars().count() <= SPELLED_CHARS {
                let spelling = pinyin::spell(&name.key);
                self.spelled.push((spelling.full.into_boxed_str(), number));
                self.initials.push((spelling.initials.into_boxed_str(), number));
            }
        }
        self.spelled.sort();
        self.initials.sort();
    }

    pub(crate) fn work(&self, number: u32) -> Option<&Work> {
        self.works.get(number as usize)
    }

    pub(super) fn work_of(&self, id: Uuid) -> Option<&Work> {
        self.by_id.get(&id).and_then(|number| self.work(*number))
    }

    pub(super) fn names(&self, range: Range<usize>) -> &[Name] {
        self.names.get(range).unwrap_or_default()
    }

    pub(super) fn name(&self, number: u32) -> Option<&Name> {
        self.names.get(number as usize)
    }

    /// The names that go on with `c` after their first `depth` bytes, among `range`, whose names agree on those bytes.
    pub(super) fn narrow(&self, range: Range<usize>, depth: usize, c: char) -> Range<usize> {
        let mut buffer = [0; 4];
        let wanted = c.encode_utf8(&mut buffer).as_bytes();
        let among = self.names(range.clone());
        let cut = |name: &Name| {
            let rest = name.key.as_bytes().get(depth..).unwrap_or_default();
            rest.get(..wanted.len().min(rest.len())).unwrap_or_default().cmp(wanted)
        };
        let low = among.partition_point(|name| cut(name).is_lt());
        let high = low + among.get(low..).unwrap_or_default().partition_point(|name| cut(name).is_eq());
        range.start + low..range.start + high
    }

    /// All names.
    pub(super) fn all_names(&self) -> Range<usize> {
        0..self.names.len()
    }

    /// The names that begin with `key`, in order of their letters.
    pub(crate) fn names_beginning(&self, key: &str) -> impl Iterator<Item = u32> + use<> {
        let mut range = self.all_names();
        let mut depth = 0;
        for c in key.chars() {
            range = self.narrow(range, depth, c);
            depth += c.len_utf8();
        }
        range.filter_map(|number| u32::try_from(number).ok())
    }

    /// Whether a work is called exactly so.
    pub(super) fn holds(&self, key: &str) -> bool {
        // Names are sorted: the exact one is the first of those that begin so.
        self.names_beginning(key).next().and_then(|number| self.name(number)).is_some_and(|name| *name.key == *key)
    }

    /// Works whose titles hold all these words in normal form, the weightiest first.
    pub(crate) fn titled_with(&self, words: &[&str], limit: usize) -> Vec<Uuid> {
        let Some(first) = words.first() else { return Vec::new() };
        let letters: Vec<char> = first.chars().collect();
        let mut works: Vec<(f32, u32)> = self
            .names_beginning(first)
            .take(HOLDING_WORDS)
            .chain(self.names_containing(&letters, HOLDING_WORDS))
            .filter_map(|number| self.name(number))
            .filter(|name| name.quality == Quality::Title && words.iter().all(|word| name.key.contains(*word)))
            .filter_map(|name| Some((self.work(name.work)?.weight, name.work)))
            .collect();
        works.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        works.dedup_by_key(|(_, work)| *work);
        works.into_iter().take(limit).filter_map(|(_, work)| Some(self.work(work)?.id)).collect()
    }

    /// The only name that is `key` but for one letter.
    pub(crate) fn one_letter_from(&self, key: &str) -> Option<&str> {
        let letters: Vec<char> = key.chars().collect();
        if !ONE_WRONG.contains(&letters.len()) {
            return None;
        }
        let is_near = |name: &&str| {
            name.chars().count() == letters.len() && name.chars().zip(&letters).filter(|(meant, typed)| meant != *typed).count() == 1
        };
        let mut near = self.resembling(&letters).into_iter().filter_map(|number| self.name(number)).map(|name| &*name.key).filter(is_near);
        let first = near.next()?;
        near.all(|other| other == first).then_some(first)
    }

    /// The work that a name means, what kind of name it is, and its length in characters.
    pub(crate) fn describe(&self, number: u32) -> Option<(u32, NameTraits, usize)> {
        let name = self.name(number)?;
        let is_short_name = !matches!(name.quality, Quality::Title | Quality::Unmarked | Quality::Unlocated);
        Some((name.work, NameTraits { is_short_name, distance: 1.0 - name.quality.certainty() }, name.key.chars().count()))
    }

    /// Names that share many letter pairs with a typed name, most alike first by shared pairs.
    pub(super) fn resembling(&self, typed: &[char]) -> Vec<u32> {
        let mut postings: Vec<&Vec<u32>> = pairs_of(typed).iter().filter_map(|pair| self.pairs.get(pair)).collect();
        postings.sort_by_key(|posting| posting.len());
        // The rarest pairs bring names in, the common ones (条例, 管理) only tell apart the best of those that are in.
        let mut bringing = 0;
        let mut seen = 0;
        for posting in &postings {
            if bringing > 0 && seen + posting.len() > COMMON_PAIR {
                break;
            }
            seen += posting.len();
            bringing += 1;
        }
        let (rare, common) = postings.split_at(bringing);
        let mut scores: HashMap<u32, f32> = HashMap::with_capacity(seen.min(COMMON_PAIR));
        for posting in rare {
            let rarity = self.rarity(posting.len());
            for number in posting.iter().take(COMMON_PAIR) {
                *scores.entry(*number).or_default() += rarity;
            }
        }
        let mut ranked: Vec<(u32, f32)> = scores.into_iter().collect();
        let by_score = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if ranked.len() > SHORTLIST {
            ranked.select_nth_unstable_by(SHORTLIST, by_score);
            ranked.truncate(SHORTLIST);
        }
        for (number, score) in &mut ranked {
            *score += common
                .iter()
                .filter(|posting| posting.binary_search(number).is_ok())
                .map(|posting| self.rarity(posting.len()))
                .sum::<f32>();
            let length = self.name(*number).map_or(0, |name| name.key.chars().count());
            *score /= 4.0 + length.abs_diff(typed.len()) as f32;
        }
        ranked.sort_by(by_score);
        ranked.truncate(candidates(typed.len()));
        ranked.into_iter().map(|(number, _)| number).collect()
    }

    fn rarity(&self, posting: usize) -> f32 {
        ((self.names.len() + 1) as f32 / (posting + 1) as f32).ln() + 0.1
    }

    /// Names whose letters stand in this order somewhere after their beginning.
    pub(crate) fn names_containing(&self, letters: &[char], limit: usize) -> Vec<u32> {
        let wanted: String = letters.iter().collect();
        let Some(rarest) = letters
            .windows(2)
            .filter_map(|pair| pair_of(pair).map(|pair| self.pairs.get(&pair)))
            .min_by_key(|posting| posting.map_or(0, Vec::len))
        else {
            return Vec::new();
        };
        let Some(rarest) = rarest else { return Vec::new() };
        rarest
            .iter()
            .filter(|number| self.name(**number).is_some_and(|name| name.key.contains(&wanted) && !name.key.starts_with(&wanted)))
            .take(limit)
            .copied()
            .collect()
    }

    /// Names spelled exactly so.
    pub(super) fn spelled_as(&self, letters: &str) -> impl Iterator<Item = u32> + '_ {
        equal(&self.spelled, letters)
    }

    /// Names with exactly these initials.
    pub(super) fn initialled_as(&self, letters: &str) -> impl Iterator<Item = u32> + '_ {
        equal(&self.initials, letters)
    }

    /// Names whose spelling begins so.
    pub(crate) fn spelled_beginning<'a>(&'a self, letters: &'a str) -> impl Iterator<Item = u32> + 'a {
        beginning(&self.spelled, letters)
    }

    /// Names whose initials begin so.
    pub(crate) fn initialled_beginning<'a>(&'a self, letters: &'a str) -> impl Iterator<Item = u32> + 'a {
        beginning(&self.initials, letters)
    }

    /// Works that bear a document number.
    pub(super) fn numbered(&self, wanted: &DocumentNumber) -> Vec<u32> {
        let bearing = self.numbers.get(&(wanted.year, wanted.number)).map(Vec::as_slice).unwrap_or_default();
        let exact: Vec<u32> = bearing.iter().filter(|(organ, _)| *organ == wanted.organ).map(|(_, work)| *work).collect();
        if !exact.is_empty() {
            return exact;
        }
        // 令第98号 leaves the organ out; 某市人民政府令第98号 says more than the record.
        bearing
            .iter()
            .filter(|(organ, _)| organ.ends_with(&wanted.organ) || wanted.organ.ends_with(organ.as_str()))
            .map(|(_, work)| *work)
            .collect()
    }
}

/// How many titles name another work: 实施《工会法》办法, 预算法实施条例.
fn mentions(entries: &[TitleEntry]) -> HashMap<String, u8> {
    let mut counts: HashMap<String, u8> = HashMap::new();
    for entry in entries {
        let quoted = entry.title.split_once(['《', '〈']).and_then(|(_, rest)| rest.split_once(['》', '〉'])).map(|(named, _)| named);
        let carried_out = || ["实施条例", "实施细则", "实施办法"].iter().find_map(|form| entry.title.strip_suffix(form));
        if let Some(named) = quoted.or_else(carried_out) {
            let count = counts.entry(title_key(named)).or_default();
            *count = count.saturating_add(1);
        }
    }
    counts
}

fn equal<'a>(sorted: &'a [(Box<str>, u32)], letters: &str) -> impl Iterator<Item = u32> + 'a {
    let low = sorted.partition_point(|(key, _)| **key < *letters);
    let among = sorted.get(low..).unwrap_or_default();
    let count = among.partition_point(|(key, _)| **key == *letters);
    among.iter().take(count).map(|(_, number)| *number)
}

fn beginning<'a>(sorted: &'a [(Box<str>, u32)], letters: &'a str) -> impl Iterator<Item = u32> + 'a {
    let low = sorted.partition_point(|(key, _)| **key < *letters);
    sorted.get(low..).unwrap_or_default().iter().take_while(move |(key, _)| key.starts_with(letters)).map(|(_, number)| *number)
}

/// Short names that would match half the corpus: 条例, 总体方案, 实施细则.
fn is_telling(alias: &str) -> bool {
    const FORMS: [&str; 22] = [
        "条例",
        "办法",
        "规定",
        "规则",
        "细则",
        "实施细则",
        "实施条例",
        "实施办法",
        "解释",
        "决定",
        "通知",
        "方案",
        "总体方案",
        "规划",
        "规划纲要",
        "意见",
        "暂行规定",
        "协议",
        "公约",
        "章程",
        "目录",
        "名录",
    ];
    alias.chars().count() >= 2 && !FORMS.contains(&alias) && !alias.ends_with('证')
}

fn pair_of(pair: &[char]) -> Option<u64> {
    match pair {
        [a, b] => Some((*a as u64) << 32 | *b as u64),
        _ => None,
    }
}

/// Neighbouring letters; in short names also the letters one apart, which survive one wrong letter.
fn pairs_of(letters: &[char]) -> Vec<u64> {
    const APART: u64 = 1 << 63;
    let mut pairs: Vec<u64> = letters.windows(2).filter_map(pair_of).collect();
    if letters.len() <= 6 {
        pairs.extend(letters.windows(3).filter_map(|three| match three {
            [a, _, b] => pair_of(&[*a, *b]).map(|pair| pair | APART),
            _ => None,
        }));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
