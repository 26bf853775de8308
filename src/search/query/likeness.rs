//! Works named inexactly: words that look like a title, compared with the names that share letters or sound with them.

use super::alignment::similarity;
use super::catalogue::{TitleCatalogue, Work};
use super::names::{self, Quality, title_key};
use super::phrasing::{FORMS, asks, lead_chars, tail_chars};
use super::pinyin;
use super::provisions::FoundProvision;
use super::titles::{Found, MOST_PER_SPAN, Span};
use super::{LOOKUP_CERTAINTY, Line, TitleMatch, TitleMatchKind};

/// Words that end like a title and are none.
pub(super) const NO_TITLES: [&str; 20] = [
    "合法",
    "违法",
    "非法",
    "执法",
    "司法",
    "看法",
    "说法",
    "做法",
    "方法",
    "想法",
    "用法",
    "无法",
    "守法",
    "犯法",
    "枉法",
    "依法",
    "办法",
    "普法",
    "书法",
    "宪法和法",
];

/// A line that does not end as titles end is compared from this length on, and must be this alike.
const FORMLESS: (usize, f32) = (7, 0.86);

/// The least likeness that is taken for a title written inexactly.
const LEAST_LIKENESS: f32 = 0.73;

/// Longest run of letters that is compared with titles.
const MOST_LETTERS: usize = 70;

/// Forms of titles that are called by their matter alone; 法 is none of them, for 合同法 is not 劳动合同法.
const SHORTENED: [&str; 5] = ["条例", "办法", "规定", "规则", "细则"];

/// The word of a title that people leave out first: 养犬条例 for 养犬管理条例.
const FILLER: &str = "管理";

/// Words before the matter that people leave out: 停车规定 for 机动车停车管理规定. Others make it another matter: 就业 is not 残疾人就业.
const LEFT_OUT: [&str; 5] = ["城市", "城区", "城镇", "市区", "机动车"];

/// Names looked at for one shortened title.
const SHORTENED_NAMES: usize = 200;

/// Adds the works whose titles are like words of the line that look like a title: 扬尘污染条例, 治按管理处罚法.
pub(super) fn add_alike(spans: &mut Vec<Span>, line: &Line, catalogue: &TitleCatalogue, found: &[FoundProvision]) {
    let alike = by_likeness(line, catalogue, spans, found);
    for span in spans.iter_mut() {
        // 车船税法 in 车船税法实施例条 was a piece of the longer title.
        if alike.iter().any(|whole| {
            whole.start <= span.start && span.end <= whole.end && whole.best() > span.best() && whole.best() >= LOOKUP_CERTAINTY
        }) {
            span.matches.iter_mut().for_each(|found| found.certainty *= 0.6);
        }
    }
    spans.extend(alike);
}

fn by_likeness(line: &Line, catalogue: &TitleCatalogue, known: &[Span], found: &[FoundProvision]) -> Vec<Span> {
    let mut spans = Vec::new();
    let settled = |place: &Place| known.iter().any(|span| !span.is_doubtful && span.start < place.end && place.start < span.end);
    for Place { start, end, least, is_referred } in title_like(line, known, found).into_iter().filter(|place| !settled(place)).take(3) {
        let run = line.slice(start, end);
        let mut best: Option<Span> = None;
        let lead = lead_chars(&run);
        let tail = tail_chars(&run);
        let mut trims = vec![(0, 0), (lead, 0), (0, tail), (lead, tail)];
        trims.dedup();
        for (lead, tail) in trims {
            let (from, to) = (start + lead, end.saturating_sub(tail));
            if from >= to {
                continue;
            }
            let piece = line.slice(from, to);
            let mut matches = alike(&piece, catalogue, least);
            if is_referred && matches.first().is_none_or(|found| found.certainty < LOOKUP_CERTAINTY) {
                let of_shortened = shortened(&piece, catalogue);
                if !of_shortened.is_empty() {
                    matches = of_shortened;
                }
            }
            let certainty = matches.first().map_or(0.0, |found| found.certainty);
            if certainty > best.as_ref().map_or(0.0, Span::best) {
                best = Some(Span { start: from, end: to, matches, is_doubtful: false, how: Found::Otherwise });
            }
        }
        spans.extend(best);
    }
    spans
}

/// A place that may be a title, and how alike it must be to one.
struct Place {
    start: usize,
    end: usize,
    least: f32,
    /// A reference to a provision stands right beside it.
    is_referred: bool,
}

/// Places of the line that look like a title: in 《》, beside a reference, or ending as titles end.
fn title_like(line: &Line, known: &[Span], found: &[FoundProvision]) -> Vec<Place> {
    let mut places = Vec::new();
    let blank = |at: usize| line.characters.get(at) == Some(&' ');
    let mut at = 0;
    while at < line.characters.len() {
        if line.characters.get(at) == Some(&'《') {
            let end = (at + 1..line.characters.len()).find(|end| line.characters.get(*end) == Some(&'》')).unwrap_or(line.characters.len());
            let after = (end + 1..line.characters.len()).find(|at| !blank(*at));
            let is_referred = found.iter().any(|found| Some(found.start) == after);
            places.push(Place { start: at + 1, end, least: LEAST_LIKENESS, is_referred });
            at = end + 1;
            continue;
        }
        // A run may hold what `by_letters` took as a doubtful tail: 养老保险法 holds 保险法.
        let in_known = |at: usize| known.iter().any(|span| (span.start..span.end).contains(&at));
        let letter = |at: usize| {
            line.characters.get(at).is_some_and(|c| c.is_alphanumeric() || matches!(c, '、' | '(' | ')' | '·'))
                && (line.is_free(at) || in_known(at))
        };
        let end = (at..line.characters.len()).find(|at| !letter(*at)).unwrap_or(line.characters.len());
        if end == at {
            at += 1;
            continue;
        }
        let run = line.slice(at, end);
        let after = (end..line.characters.len()).find(|at| !blank(*at)).unwrap_or(line.characters.len());
        let before = (0..at).rev().find(|at| !blank(*at)).map_or(0, |at| at + 1);
        let referred = found.iter().any(|found| found.start == after || found.end == before);
        let told: String = run.chars().take(run.chars().count() - tail_chars(&run)).collect();
        let formed = FORMS.iter().any(|form| run.ends_with(form) || told.ends_with(form))
            && !NO_TITLES.iter().any(|word| told.ends_with(word) && told.chars().count() < 4);
        let length = run.chars().count();
        if (3..=MOST_LETTERS).contains(&length) {
            if referred || (formed && !asks(&told)) {
                places.push(Place { start: at, end, least: LEAST_LIKENESS, is_referred: referred });
            } else if length >= FORMLESS.0 && is_whole(line, at, end) && !asks(&run) {
                places.push(Place { start: at, end, least: FORMLESS.1, is_referred: false });
            }
        }
        at = end;
    }
    places
}

/// Where a line that ends in a number ends as titles end before it: 扬尘污染条例 20.
pub(super) fn end_before_number(line: &Line) -> Option<usize> {
    let last = line.characters.iter().rposition(|c| !c.is_whitespace())?;
    let digits = (0..=last).rev().take_while(|at| line.is_free(*at) && line.characters.get(*at).is_some_and(char::is_ascii_digit)).count();
    let end = (0..last + 1 - digits).rev().find(|at| line.characters.get(*at) != Some(&' '))? + 1;
    let run = line.slice(line.run_before(end), end);
    (digits > 0 && run.chars().count() >= 4 && FORMS.iter().any(|form| run.ends_with(form)) && !asks(&run)).then_some(end)
}

/// Whether the line holds no letters but these.
fn is_whole(line: &Line, start: usize, end: usize) -> bool {
    line.characters.iter().enumerate().all(|(at, c)| (start..end).contains(&at) || !c.is_alphanumeric())
}

/// Works with names like `typed`, most certain first.
fn alike(typed: &str, catalogue: &TitleCatalogue, least: f32) -> Vec<TitleMatch> {
    let key = title_key(typed);
    let letters: Vec<char> = key.chars().collect();
    if !(3..=MOST_LETTERS).contains(&letters.len()) {
        return Vec::new();
    }
    let mut numbers = catalogue.resembling(&letters);
    let homophones: Vec<u32> =
        catalogue.spelled_as(&pinyin::spell(&key).full).filter(|number| !numbers.contains(number)).take(16).collect();
    numbers.extend(homophones);
    let mut sorted = letters.clone();
    sorted.sort_unstable();
    // Short names leave little to go by.
    let least = if letters.len() <= 4 { least.max(0.8) } else { least };
    let mut matches: Vec<(f32, TitleMatch)> = Vec::new();
    let place = names::known_place(&key);
    for number in numbers {
        let Some((name, work)) = catalogue.name(number).and_then(|name| Some((name, catalogue.work(name.work)?))) else { continue };
        let title: Vec<char> = name.key.chars().collect();
        // 婚姻法 is no slip for 婚姻法解释, nor 合同法 for 劳动合同法.
        if letters.len() <= 4 && title.len() > letters.len() + 1 {
            continue;
        }
        if shared(&sorted, &title) * 2 * 5 < (letters.len() + title.len()) * 2 {
            continue;
        }
        let likeness = similarity(&letters, &title, least);
        // Without the ending of a title only the title itself or an agreed name will do.
        if likeness < least || (least == FORMLESS.1 && name.quality > Quality::Unmarked) {
            continue;
        }
        let certainty = likeness.min(0.96) * trust(name.quality) * same_place(place, work);
        let found =
            TitleMatch { work_id: work.id, title: work.title.clone(), how: TitleMatchKind::Inexact, certainty, matched: typed.to_owned() };
        keep_surer(&mut matches, work.weight, found);
    }
    matches.sort_by(|(weight_a, a), (weight_b, b)| (b.certainty + weight_b * 0.02).total_cmp(&(a.certainty + weight_a * 0.02)));
    matches.truncate(MOST_PER_SPAN);
    let mut ceiling = f32::INFINITY;
    let mut ordered = Vec::with_capacity(matches.len());
    for (_, mut found) in matches {
        found.certainty = found.certainty.min(ceiling);
        ceiling = found.certainty;
        ordered.push(found);
    }
    ordered
}

/// Works whose titles without 管理 are `typed`; without one the only work whose title ends in it but for a word that people leave out.
fn shortened(typed: &str, catalogue: &TitleCatalogue) -> Vec<TitleMatch> {
    let key = title_key(typed);
    let Some((stem, form)) = SHORTENED.iter().find_map(|form| Some((key.strip_suffix(*form)?.replace(FILLER, ""), *form))) else {
        return Vec::new();
    };
    let letters: Vec<char> = stem.chars().collect();
    if letters.len() < 2 {
        return Vec::new();
    }
    let holding = catalogue.names_containing(&letters, SHORTENED_NAMES);
    let is_common = holding.len() >= SHORTENED_NAMES;
    let mut whole: Vec<(f32, TitleMatch)> = Vec::new();
    let mut ending = Vec::new();
    for number in catalogue.names_beginning(&stem).take(SHORTENED_NAMES).chain(holding) {
        let Some((name, work)) = catalogue.name(number).and_then(|name| Some((name, catalogue.work(name.work)?))) else { continue };
        let Some(of_name) = name.key.strip_suffix(form).map(|of_name| of_name.replace(FILLER, "")) else { continue };
        let Some(before) = of_name.strip_suffix(stem.as_str()) else { continue };
        let (matches, certainty) = match (before, name.quality) {
            (_, Quality::Derived | Quality::Part) => continue,
            ("", quality) => (&mut whole, quality.certainty() * 0.97),
            (before, _) if LEFT_OUT.contains(&before) => (&mut ending, LOOKUP_CERTAINTY + 0.01),
            _ => continue,
        };
        let found =
            TitleMatch { work_id: work.id, title: work.title.clone(), how: TitleMatchKind::Inexact, certainty, matched: typed.to_owned() };
        keep_surer(matches, work.weight, found);
    }
    if whole.is_empty() && ending.len() == 1 && !is_common {
        whole = ending;
    }
    whole.sort_by(|(weight_a, a), (weight_b, b)| b.certainty.total_cmp(&a.certainty).then(weight_b.total_cmp(weight_a)));
    whole.truncate(MOST_PER_SPAN);
    // 物业条例 is first of all the one that is called 物业管理条例, and those of the cities only where there is none.
    let best = whole.first().map_or(0.0, |(_, found)| found.certainty);
    whole.retain(|(_, found)| best - found.certainty < 0.1);
    whole.into_iter().map(|(_, found)| found).collect()
}

/// Adds a match with the weight of its work; of two of one work the surer stays.
fn keep_surer(matches: &mut Vec<(f32, TitleMatch)>, weight: f32, found: TitleMatch) {
    match matches.iter_mut().find(|(_, known)| known.work_id == found.work_id) {
        Some((_, known)) if known.certainty >= found.certainty => {}
        Some((_, known)) => *known = found,
        None => matches.push((weight, found)),
    }
}

/// How much of a likeness counts when it is to a name and not to the title.
fn trust(quality: Quality) -> f32 {
    match quality {
        Quality::Title | Quality::Alias | Quality::Unmarked => 1.0,
        Quality::Derived | Quality::Part => 0.84,
        Quality::Unlocated => 0.89,
    }
}

/// How much of a likeness counts when the typed title names a place: another city's rule is not what was meant.
fn same_place(typed: Option<&str>, work: &Work) -> f32 {
    match (typed, work.region.as_deref()) {
        (Some(typed), Some(place)) if !place.contains(typed) => 0.7,
        (Some(_), None) => 0.8,
        _ => 1.0,
    }
}

/// How many letters of a title stand among the sorted letters of another: a cheap look before the comparison.
fn shared(sorted: &[char], title: &[char]) -> usize {
    title.iter().filter(|c| sorted.binary_search(c).is_ok()).count()
}
