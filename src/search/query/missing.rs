//! The title that a line names and the catalogue does not hold: 民法典1024条 where there is no 民法典.

use super::Line;
use super::catalogue::TitleCatalogue;
use super::likeness::NO_TITLES;
use super::names::{known_place, title_key};
use super::phrasing::{asks, is_lead};
use super::provisions::FoundProvision;
use super::short_names::ShortNames;

/// Endings by which words beside an article number are known for a title; 意见, 通知 and 决定 end too much else.
const ENDS: [&str; 7] = ["法", "典", "条例", "办法", "规定", "规则", "细则"];

/// What ends as a title does and names none.
const GENERAL: [&str; 16] = [
    "有关规定",
    "相关规定",
    "上述规定",
    "以上规定",
    "具体规定",
    "法律规定",
    "本规定",
    "该规定",
    "本条例",
    "该条例",
    "本办法",
    "该办法",
    "本细则",
    "该细则",
    "本规则",
    "该规则",
];

/// Words of the asker before a title; no title begins with them.
const ASKED_WITH: [&str; 14] =
    ["请问", "查一下", "查询", "查找", "查看", "搜索", "看一下", "根据", "依据", "依照", "按照", "违反了", "违反", "帮我"];

/// Words of a sentence right before the title that it names.
const LED_BY: [&str; 6] = ["学习", "违反了", "违反", "根据", "依照", "按照"];

/// Length of a title, in letters.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=70;

/// The title that the line names, in 《》, beside an article number or by a well-known name, when no work is called so.
pub(super) fn missing_title(line: &Line, catalogue: &TitleCatalogue, found: &[FoundProvision]) -> Option<String> {
    let name = bracketed(line)
        .or_else(|| found.iter().find_map(|found| beside(line, found, catalogue)))
        .or_else(|| whole(line, found, catalogue))?;
    (!catalogue.holds(&title_key(&name))).then_some(name)
}

/// The words in 《》.
fn bracketed(line: &Line) -> Option<String> {
    let start = line.characters.iter().position(|c| *c == '《')? + 1;
    let end = (start..line.characters.len()).find(|at| line.characters.get(*at) == Some(&'》'))?;
    let name = line.slice(start, end);
    let is_title = name.chars().filter(|c| c.is_alphanumeric()).count() >= 2 && !name.contains('《');
    is_title.then(|| well_known(&name).unwrap_or(name))
}

/// The title right before an article number, or a well-known one right after it.
fn beside(line: &Line, found: &FoundProvision, catalogue: &TitleCatalogue) -> Option<String> {
    found.provision.article?;
    let is_letter = |at: &usize| line.characters.get(*at).is_some_and(|c| c.is_alphanumeric());
    let is_blank = |at: &usize| line.characters.get(*at) == Some(&' ');
    let end = (0..found.start).rev().find(|at| !is_blank(at)).map_or(0, |at| at + 1);
    let start = (0..end).rev().take_while(is_letter).last().unwrap_or(end);
    let run = line.slice(start, end);
    let run = run.strip_suffix('的').unwrap_or(&run);
    let from = (found.end..line.characters.len()).find(|at| !is_blank(at)).unwrap_or(found.end);
    let after = (from..line.characters.len()).find(|at| !is_letter(at)).unwrap_or(line.characters.len());
    ends_in_well_known(run).or_else(|| formed(run, catalogue)).or_else(|| well_known(&line.slice(from, after)))
}

/// The well-known title that the whole line is, with or without an article number.
fn whole(line: &Line, found: &[FoundProvision], catalogue: &TitleCatalogue) -> Option<String> {
    let is_referred = |at: usize| found.iter().any(|found| (found.start..found.end).contains(&at));
    let letters: String =
        line.characters.iter().enumerate().filter(|(at, c)| c.is_alphanumeric() && !is_referred(*at)).map(|(_, c)| *c).collect();
    let name = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    // A code needs no short name to be known.
    ends_in_well_known(name).or_else(|| formed(name, catalogue).filter(|name| name.ends_with("法典")))
}

/// The title of a law that everybody has a short name for, from either.
fn well_known(name: &str) -> Option<String> {
    ShortNames::shipped().title_of(&title_key(name))
}

/// The well-known title at the end of a run of letters, with nothing before it but the words of the asker.
fn ends_in_well_known(run: &str) -> Option<String> {
    run.char_indices().find_map(|(at, _)| {
        let (lead, name) = run.split_at(at);
        is_lead(lead).then(|| well_known(name))?
    })
}

/// A run of letters that reads as a title does, and not as a sentence that ends in one.
fn formed(run: &str, catalogue: &TitleCatalogue) -> Option<String> {
    let mut name = LED_BY.iter().fold(run, |name, word| name.rsplit_once(*word).map_or(name, |(_, rest)| rest));
    while let Some(rest) = ASKED_WITH.iter().find_map(|word| name.strip_prefix(*word)) {
        name = rest;
    }
    let length = name.chars().count();
    let is_word = GENERAL.contains(&name) || (length < 4 && NO_TITLES.iter().any(|word| name.ends_with(*word)));
    let is_sentence =
        asks(name) || name.chars().any(|c| c == '第' || c.is_ascii_digit()) || (name.contains('的') && !name.contains("关于"));
    // 邻居不守养犬管理条例 ends in a name that is here; 上海市养犬管理条例 is another title.
    let ends_in_known = name.char_indices().skip(1).any(|(at, _)| {
        let (before, rest) = name.split_at(at);
        known_place(before).is_none() && (catalogue.holds(&title_key(rest)) || well_known(rest).is_some())
    });
    let is_title = LENGTHS.contains(&length) && ENDS.iter().any(|end| name.ends_with(*end)) && !is_word && !is_sentence && !ends_in_known;
    is_title.then(|| name.to_owned())
}
