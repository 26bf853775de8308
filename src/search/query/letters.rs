//! Works named by the letters of their names: the longest names that a line holds, where what stands around them allows it.

use super::catalogue::TitleCatalogue;
use super::names::Quality;
use super::phrasing::{FORMS, is_lead, is_tail};
use super::provisions::FoundProvision;
use super::titles::{Found, MOST_PER_SPAN, Span};
use super::{Line, TitleMatch, TitleMatchKind};

/// After 法 these characters go on with another word (法院, 法律).
const GO_ON_AFTER_LAW: &str = "律规院定人官庭学治医警援拍理典制案师权益式网务";

/// The line's letters and digits with their places; a break (`\0`) where something was taken out or a clause ends.
fn letters_of(line: &Line) -> Vec<(char, usize)> {
    const BREAK: char = '\0';
    let mut letters: Vec<(char, usize)> = Vec::with_capacity(line.characters.len());
    for (at, &c) in line.characters.iter().enumerate() {
        if !line.is_free(at) || ",;?!。".contains(c) {
            letters.push((BREAK, at));
        } else if c.is_alphanumeric() {
            letters.push((c, at));
        }
    }
    // 中华人民共和国 is in no key; a line that says only this keeps it.
    const STATE: [char; 7] = ['中', '华', '人', '民', '共', '和', '国'];
    let mut without: Vec<(char, usize)> = Vec::with_capacity(letters.len());
    for letter in &letters {
        without.push(*letter);
        if without.len() >= STATE.len() && without.iter().rev().zip(STATE.iter().rev()).all(|((c, _), wanted)| c == wanted) {
            without.truncate(without.len() - STATE.len());
        }
    }
    if without.is_empty() { letters } else { without }
}

/// Works named by letters: the longest names that the line holds.
///
/// `references` are the places that read as references whatever stands around them; a name may cover one (关于《刑法》第三十条的解释).
pub(super) fn by_letters(line: &Line, catalogue: &TitleCatalogue, references: &[FoundProvision]) -> Vec<Span> {
    let letters = letters_of(line);
    let mut held = Vec::new();
    for from in 0..letters.len() {
        let mut range = catalogue.all_names();
        let mut depth = 0;
        for (to, (c, _)) in letters.iter().enumerate().skip(from) {
            range = catalogue.narrow(range, depth, *c);
            depth += c.len_utf8();
            let complete = catalogue.names(range.clone()).iter().take_while(|name| name.key.len() == depth).count();
            if complete > 0 && to > from {
                held.push((from, to + 1, range.start..range.start + complete));
            }
            if range.is_empty() {
                break;
            }
        }
    }
    held.sort_by_key(|(from, to, _)| (std::cmp::Reverse(to - from), *from));
    let place = |at: usize| letters.get(at).map_or(0, |(_, place)| *place);
    let neighbours: Vec<(usize, usize)> = held.iter().map(|(from, to, _)| (place(*from), place(to - 1) + 1)).collect();
    let mut spans: Vec<Span> = Vec::new();
    for (from, to, range) in held {
        let (Some((_, start)), Some((_, last))) = (letters.get(from), letters.get(to - 1)) else { continue };
        let (start, end) = (*start, last + 1);
        if spans.iter().any(|span| start < span.end && span.start < end) {
            continue;
        }
        let around = Surroundings::of(line, start, end, references, &neighbours);
        let mut matches: Vec<(f32, TitleMatch)> = Vec::new();
        let is_title = catalogue.names(range.clone()).iter().any(|name| name.quality == Quality::Title);
        for name in catalogue.names(range) {
            let Some(work) = catalogue.work(name.work) else { continue };
            if !around.allow(&name.key, name.quality) || matches.iter().any(|(_, known)| known.work_id == work.id) {
                continue;
            }
            let how = match name.quality {
                Quality::Title => TitleMatchKind::Exact,
                Quality::Unlocated => TitleMatchKind::Inexact,
                _ => TitleMatchKind::Alias,
            };
            // 物业管理条例 is first of all the one that is called so, then those of the cities.
            let yields = if is_title && name.quality == Quality::Unlocated { 0.9 } else { 1.0 };
            let certainty = name.quality.certainty() * yields;
            let matched = line.slice(start, end);
            matches.push((work.weight, TitleMatch { work_id: work.id, title: work.title.clone(), how, certainty, matched }));
        }
        if !matches.is_empty() {
            matches.sort_by(|(weight_a, a), (weight_b, b)| b.certainty.total_cmp(&a.certainty).then(weight_b.total_cmp(weight_a)));
            matches.truncate(MOST_PER_SPAN);
            let how = Found::Letters { left_open: around.left_open, right_open: around.right_open };
            spans.push(Span {
                start,
                end,
                matches: matches.into_iter().map(|(_, found)| found).collect(),
                is_doubtful: around.left_open || around.right_open,
                how,
            });
        }
    }
    spans.sort_by_key(|span| span.start);
    spans
}

/// What stands right before and after a name in the line.
struct Surroundings {
    /// Letters before it that are no lead words.
    left_open: bool,
    /// Letters after it that are no tail words and no reference.
    right_open: bool,
    next: Option<char>,
    is_referred: bool,
}

impl Surroundings {
    fn of(line: &Line, start: usize, end: usize, references: &[FoundProvision], neighbours: &[(usize, usize)]) -> Self {
        let outside = |found: &&FoundProvision| !(start..end).contains(&found.start) && !(start..end).contains(&(found.end - 1));
        let left_from = references
            .iter()
            .filter(outside)
            .map(|found| found.end)
            .filter(|at| *at <= start)
            .max()
            .unwrap_or(0)
            .max(line.run_before(start));
        let right_to = references
            .iter()
            .filter(outside)
            .map(|found| found.start)
            .filter(|at| *at >= end)
            .min()
            .unwrap_or(usize::MAX)
            .min(line.run_after(end));
        let left = line.slice(left_from, start);
        let right = line.slice(end, right_to);
        let next = right.chars().next();
        let is_referred = references.iter().any(|found| found.start == end)
            || next.is_some_and(|c| c == '第' || c.is_ascii_digit())
            || starts_reference(&right);
        // 信访条例和信访工作条例: what lies between two names.
        let joins_left = || {
            neighbours.iter().any(|(begun, ended)| {
                (left_from..=start).contains(ended) && (start > *ended || ended - begun > 2) && is_lead(&line.slice(*ended, start))
            })
        };
        let joins_right = || {
            neighbours.iter().any(|(begun, ended)| {
                (end..=right_to).contains(begun) && (*begun > end || ended - begun > 2) && is_lead(&line.slice(end, *begun))
            })
        };
        Surroundings {
            left_open: !is_lead(&left) && !joins_left(),
            right_open: !is_referred && !is_tail(&right) && !joins_right(),
            next,
            is_referred,
        }
    }

    /// Whether a name may be meant here.
    fn allow(&self, key: &str, quality: Quality) -> bool {
        if !self.left_open && !self.right_open {
            return true;
        }
        let length = key.chars().count();
        let form = FORMS.iter().find(|form| key.ends_with(*form));
        let is_law = key.ends_with('法') || key.ends_with('典');
        // 法 may begin the next word: 消法 in 取消法院.
        let goes_on = key.ends_with('法') && self.next.is_some_and(|c| GO_ON_AFTER_LAW.contains(c));
        let short = length <= 2 || (quality != Quality::Title && length <= 3);
        let vague = form.is_none() || (!is_law && length < 6) || matches!(quality, Quality::Unlocated | Quality::Part);
        if goes_on || (short && self.left_open) {
            return false;
        }
        !vague || (!self.left_open && self.is_referred)
    }
}

/// A reference in Chinese numerals without 第: 刑法一百三十三条.
fn starts_reference(text: &str) -> bool {
    let numeral = text.chars().take_while(|c| crate::corpus::numerals::is_numeral(*c)).count();
    numeral > 0 && text.chars().nth(numeral).is_none_or(|c| matches!(c, '条' | '之'))
}
