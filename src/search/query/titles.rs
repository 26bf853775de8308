//! The places of a line that name works, and how certainly: by document number and by pinyin here, by letters in `letters`, by likeness in
//! `likeness`; then what stands around each place is weighed.

use super::catalogue::{TitleCatalogue, Work};
use super::names::Quality;
use super::phrasing::is_question;
use super::provisions::FoundProvision;
use super::{Line, TitleMatch, TitleMatchKind, document_numbers, names};

/// Most works that one place of a line may mean.
pub(super) const MOST_PER_SPAN: usize = 12;

/// A question with more letters than this besides the title is about its matter, even when it names the title in 《》.
const FEW_WORDS: usize = 12;

/// Words that mean the document now open.
const SELF_REFERENCES: [&str; 10] = ["本法", "本条例", "本办法", "本规定", "本规则", "本细则", "该法", "该条例", "该办法", "该规定"];

/// A place of the line that names works.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    /// Most certain first.
    pub matches: Vec<TitleMatch>,
    /// Letters stand right beside it that the name does not explain: it may be a piece of another title.
    pub is_doubtful: bool,
    pub how: Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Letters { left_open: bool, right_open: bool },
    Otherwise,
}

impl Span {
    /// The certainty of its best match.
    pub fn best(&self) -> f32 {
        self.matches.first().map_or(0.0, |found| found.certainty)
    }
}

/// Works that bear the document number in the line; its characters are used up.
pub(super) fn by_number(line: &mut Line, catalogue: &TitleCatalogue, canonical: &mut Option<String>) -> Vec<Span> {
    let Some(number) = document_numbers::find(&line.characters, &|at| !line.is_free(at)) else { return Vec::new() };
    *canonical = Some(number.canonical());
    line.take(number.start, number.end);
    let mut works: Vec<_> = catalogue.numbered(&number).into_iter().filter_map(|work| catalogue.work(work)).collect();
    works.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    works.dedup_by_key(|work| work.id);
    let certainty = if works.len() == 1 { 1.0 } else { 0.85 };
    let matched = line.slice(number.start, number.end);
    let named = |work: &Work| TitleMatch {
        work_id: work.id,
        title: work.title.clone(),
        how: TitleMatchKind::DocumentNumber,
        certainty,
        matched: matched.clone(),
    };
    let matches: Vec<TitleMatch> = works.into_iter().take(MOST_PER_SPAN).map(named).collect();
    if matches.is_empty() {
        return Vec::new();
    }
    vec![Span { start: number.start, end: number.end, matches, is_doubtful: false, how: Found::Otherwise }]
}

/// Works named by pinyin, when the line holds Latin letters and otherwise only numbers and references.
pub(super) fn by_pinyin(line: &Line, catalogue: &TitleCatalogue) -> Vec<Span> {
    let free: Vec<usize> = (0..line.characters.len()).filter(|at| line.is_free(*at)).collect();
    let latin = |at: &usize| line.characters.get(*at).is_some_and(char::is_ascii_lowercase);
    let (Some(&start), Some(&last)) = (free.iter().find(|at| latin(at)), free.iter().rev().find(|at| latin(at))) else { return Vec::new() };
    let between = line.characters.get(start..=last).unwrap_or_default();
    let other =
        |c: &char| c.is_alphabetic() && !c.is_ascii() && !"第条款项目之章节编".contains(*c) && !crate::corpus::numerals::is_numeral(*c);
    if !between.iter().all(|c| c.is_ascii_lowercase() || matches!(c, ' ' | '\'' | '-'))
        || free.iter().filter_map(|at| line.characters.get(*at)).any(other)
    {
        return Vec::new();
    }
    let letters: String = between.iter().filter(|c| c.is_ascii_lowercase()).collect();
    if letters.len() < 2 {
        return Vec::new();
    }
    let mut matches: Vec<(f32, Quality, TitleMatch)> = Vec::new();
    let mut add = |number: u32, how: TitleMatchKind, certainty: f32| {
        let Some((name, work)) = catalogue.name(number).and_then(|name| Some((name, catalogue.work(name.work)?))) else { return };
        let certainty = certainty * name.quality.certainty();
        let found = TitleMatch { work_id: work.id, title: work.title.clone(), how, certainty, matched: letters.clone() };
        match matches.iter_mut().find(|(_, _, known)| known.work_id == work.id) {
            Some(known) if known.2.certainty >= certainty => {}
            Some(known) => *known = (work.weight, name.quality, found),
            None => matches.push((work.weight, name.quality, found)),
        }
    };
    for number in catalogue.spelled_as(&letters) {
        add(number, TitleMatchKind::Pinyin, 0.97);
    }
    for number in catalogue.initialled_as(&letters) {
        // Two letters are the initials of many things.
        add(number, TitleMatchKind::Initials, if letters.len() == 2 { 0.85 } else { 0.92 });
    }
    if letters.len() >= 6 {
        for number in catalogue.spelled_beginning(&letters).take(200) {
            add(number, TitleMatchKind::Pinyin, 0.6);
        }
    }
    // Weight counts more than the kind of name here: 刑法 before a local rule whose short name has the same initials.
    matches.sort_by(|(weight_a, quality_a, a), (weight_b, quality_b, b)| {
        (b.certainty + weight_b * 0.3)
            .total_cmp(&(a.certainty + weight_a * 0.3))
            .then(quality_a.cmp(quality_b))
            .then(a.title.chars().count().cmp(&b.title.chars().count()))
    });
    matches.truncate(MOST_PER_SPAN);
    // The order just made is the answer: certainty must not rise along it.
    let mut ceiling = f32::INFINITY;
    let matches: Vec<TitleMatch> = matches
        .into_iter()
        .map(|(_, _, mut found)| {
            found.certainty = found.certainty.min(ceiling);
            ceiling = found.certainty;
            found
        })
        .collect();
    if matches.is_empty() { Vec::new() } else { vec![Span { start, end: last + 1, matches, is_doubtful: false, how: Found::Otherwise }] }
}

/// Lowers the certainty of names by what stands around them: a name inside a sentence is a matter, a name by itself a lookup.
pub(super) fn weigh(spans: &mut [Span], line: &Line, found: &[FoundProvision]) {
    let whole: String = line.characters.iter().collect();
    let question = is_question(&whole);
    let places: Vec<(usize, usize)> = spans.iter().map(|span| (span.start, span.end)).collect();
    for span in spans {
        let Found::Letters { left_open, right_open } = span.how else { continue };
        let referred = found.iter().any(|found| is_beside(line, span.end, found.start) || is_beside(line, found.end, span.start));
        let is_word = |at: &usize| {
            line.is_free_letter(*at)
                && !places.iter().any(|(start, end)| (*start..*end).contains(at))
                && !found.iter().any(|found| (found.start..found.end).contains(at))
        };
        let words = (0..line.characters.len()).filter(is_word).count();
        let beyond = words > 0;
        let factor = match (left_open, right_open) {
            (false, _) if referred => 1.0,
            (true, _) if referred => 0.76,
            (false, false) if !beyond => 1.0,
            (false, false) if question && words > FEW_WORDS => 0.7,
            (false, false) => 0.93,
            (false, true) => {
                if question {
                    0.7
                } else {
                    0.82
                }
            }
            (true, false) => {
                if question {
                    0.5
                } else {
                    0.6
                }
            }
            (true, true) => 0.5,
        };
        // 广东省物业管理条例 is not the 物业管理条例 of the whole state.
        let before = line.slice(line.run_before(span.start), span.start);
        let factor = if left_open && names::known_place(&before).is_some() { factor * 0.8 } else { factor };
        for found in &mut span.matches {
            found.certainty *= factor;
        }
    }
}

/// Whether nothing but marks and blanks lies between two places.
fn is_beside(line: &Line, from: usize, to: usize) -> bool {
    from <= to && line.characters.get(from..to).is_some_and(|between| between.iter().all(|c| !c.is_alphanumeric() || *c == '的'))
}

/// The span that a reference is said of: the one right before it, else right after it, else the nearest before, else the first.
pub(super) fn owner(spans: &[Span], found: &FoundProvision) -> Option<usize> {
    let before = spans.iter().enumerate().filter(|(_, span)| span.end <= found.start).max_by_key(|(_, span)| span.end);
    before
        .or_else(|| spans.iter().enumerate().filter(|(_, span)| span.start >= found.end).min_by_key(|(_, span)| span.start))
        .map(|(at, _)| at)
}

/// 本条例第二十条: the words that mean the open document are used up.
pub(super) fn take_self_reference(line: &mut Line) {
    for at in 0..line.characters.len() {
        let rest = line.slice(at, (at + 3).min(line.characters.len()));
        if let Some(word) = SELF_REFERENCES.iter().find(|word| rest.starts_with(*word)) {
            line.take(at, at + word.chars().count());
        }
    }
}
