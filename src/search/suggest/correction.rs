//! "Did you mean": mends a mistyped title from the catalogue, a mistyped term from the vocabulary of the index.

use std::collections::HashMap;

use super::MOST_CHARS;
use crate::search::normalise::normalise;
use crate::search::query::pinyin::{self, confusion};
use crate::search::query::{LOOKUP_CERTAINTY, TitleCatalogue, TitleMatchKind, title_key, understand};

/// Terms of the index with how often they occur, ready for corrections.
#[derive(Debug, Default)]
pub struct Vocabulary {
    frequency: HashMap<Box<str>, u32>,
    /// Spelling to terms.
    spelled: HashMap<Box<str>, Vec<Box<str>>>,
    /// A term with one letter left out (marked) to terms.
    gapped: HashMap<Box<str>, Vec<Box<str>>>,
}

/// Longest term kept, in characters.
const TERM_CHARS: usize = 6;

impl Vocabulary {
    /// Takes terms of two to six characters; others and those that never occur are left out.
    pub fn new(terms: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut vocabulary = Vocabulary::default();
        for (term, frequency) in terms {
            let term: Box<str> = normalise(&term).into_boxed_str();
            let letters: Vec<char> = term.chars().collect();
            let is_word = (2..=TERM_CHARS).contains(&letters.len()) && letters.iter().all(|c| c.is_alphabetic() && !c.is_ascii());
            if !is_word || frequency == 0 {
                continue;
            }
            let known = vocabulary.frequency.entry(term.clone()).or_default();
            let is_new = *known == 0;
            *known = known.saturating_add(frequency);
            if !is_new {
                continue;
            }
            vocabulary.spelled.entry(sound(&letters)).or_default().push(term.clone());
            if letters.len() >= 3 {
                for gap in 0..letters.len() {
                    vocabulary.gapped.entry(without(&letters, gap)).or_default().push(term.clone());
                }
            }
        }
        vocabulary
    }

    fn frequency(&self, letters: &[char]) -> u32 {
        let term: String = letters.iter().collect();
        self.frequency.get(term.as_str()).copied().unwrap_or(0)
    }

    /// The term most likely meant by a run of letters that is none, with how likely.
    fn meant_by(&self, letters: &[char]) -> Option<(&str, f32)> {
        let sounding = self.spelled.get(&sound(letters)).into_iter().flatten();
        let gaps: Vec<Box<str>> =
            if letters.len() >= 3 { (0..letters.len()).map(|gap| without(letters, gap)).collect() } else { Vec::new() };
        let shaped = gaps.iter().filter_map(|gap| self.gapped.get(gap)).flatten();
        sounding
            .chain(shaped)
            .filter_map(|term| {
                let meant: Vec<char> = term.chars().collect();
                let differing = letters.iter().zip(&meant).filter(|(a, b)| a != b).count();
                let unlikeness: f32 = letters.iter().zip(&meant).map(|(a, b)| confusion(*a, *b)).sum();
                // Homophones must keep a letter; any other slip is one letter of a longer term.
                let near = differing > 0
                    && differing < letters.len()
                    && (unlikeness <= 0.5 * differing as f32 || (differing == 1 && letters.len() >= 4));
                let frequency = self.frequency.get(term).copied().unwrap_or(0);
                near.then(|| (term.as_ref(), (frequency as f32).ln_1p() - 3.0 * unlikeness + letters.len() as f32))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)))
    }
}

fn sound(letters: &[char]) -> Box<str> {
    letters
        .iter()
        .map(|c| pinyin::syllable(*c).map_or_else(|| c.to_string(), pinyin::blurred))
        .collect::<Vec<_>>()
        .join(" ")
        .into_boxed_str()
}

fn without(letters: &[char], gap: usize) -> Box<str> {
    letters.iter().enumerate().map(|(at, c)| if at == gap { '_' } else { *c }).collect::<String>().into_boxed_str()
}

/// Another writing of the query when it holds a mistyped title or term; `None` when it reads well or nothing better is known.
pub fn did_you_mean(query: &str, catalogue: &TitleCatalogue, vocabulary: &Vocabulary) -> Option<String> {
    let line = normalise(query.trim());
    if line.chars().count() > MOST_CHARS {
        return None;
    }
    let understanding = understand(&line, catalogue, None);
    if let Some(best) = understanding.titles.first() {
        match best.how {
            TitleMatchKind::Inexact if best.certainty >= LOOKUP_CERTAINTY => return corrected_title(&line, &best.matched, &best.title),
            _ if best.certainty >= LOOKUP_CERTAINTY && understanding.text.is_empty() => return None,
            _ => {}
        }
    }
    let corrected = corrected_terms(&line, vocabulary)?;
    (corrected != line).then_some(corrected)
}

/// The line with the title in place of what was typed for it; `None` when only words were left out of the title.
fn corrected_title(line: &str, typed: &str, title: &str) -> Option<String> {
    let (typed_key, full) = (title_key(typed), title_key(title));
    let mut rest = full.chars();
    let only_shorter = typed_key.chars().all(|c| rest.any(|of_title| of_title == c));
    if only_shorter || typed.is_empty() {
        return None;
    }
    let shown = title.strip_prefix("中华人民共和国").filter(|short| short.chars().count() >= 2).unwrap_or(title);
    Some(line.replacen(typed, shown, 1)).filter(|corrected| corrected != line)
}

/// Reads the line as known terms, longest first, and mends what lies between them.
fn corrected_terms(line: &str, vocabulary: &Vocabulary) -> Option<String> {
    let letters: Vec<char> = line.chars().collect();
    let mut known = vec![false; letters.len()];
    let mut at = 0;
    while at < letters.len() {
        let longest = (2..=TERM_CHARS.min(letters.len() - at))
            .rev()
            .find(|length| letters.get(at..at + length).is_some_and(|run| vocabulary.frequency(run) > 0));
        match longest {
            Some(length) => {
                known.iter_mut().skip(at).take(length).for_each(|known| *known = true);
                at += length;
            }
            None => at += 1,
        }
    }
    let mut best: Option<(f32, usize, usize, String)> = None;
    for start in 0..letters.len() {
        for length in 2..=TERM_CHARS.min(letters.len() - start) {
            let (Some(run), Some(known)) = (letters.get(start..start + length), known.get(start..start + length)) else { continue };
            let unknown = known.iter().filter(|known| !**known).count();
            if unknown == 0 || vocabulary.frequency(run) > 0 || run.iter().any(|c| c.is_ascii() || !c.is_alphabetic()) {
                continue;
            }
            if let Some((term, likelihood)) = vocabulary.meant_by(run) {
                let likelihood = likelihood + unknown as f32;
                if best.as_ref().is_none_or(|(known, ..)| likelihood > *known) {
                    best = Some((likelihood, start, length, term.to_owned()));
                }
            }
        }
    }
    let (_, start, length, term) = best?;
    let before: String = letters.iter().take(start).collect();
    let after: String = letters.iter().skip(start + length).collect();
    Some(format!("{before}{term}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::suggest::tests::catalogue;

    fn vocabulary() -> Vocabulary {
        let terms = [
            ("治安管理", 50),
            ("管理", 900),
            ("养犬", 80),
            ("登记", 400),
            ("物业", 300),
            ("服务", 700),
            ("饮用水源", 40),
            ("保护", 600),
            ("公积金", 90),
            ("提取", 60),
            ("赔偿", 500),
            ("工伤", 200),
        ];
        Vocabulary::new(terms.into_iter().map(|(term, frequency)| (term.to_owned(), frequency)))
    }

    #[test]
    fn mends_titles_and_terms() {
        let (catalogue, vocabulary) = (catalogue(), vocabulary());
        for (typed, meant) in [
            ("治按管理处罚法", Some("治安管理处罚法")),
            ("治按管理", Some("治安管理")),
            ("物叶服务", Some("物业服务")),
            ("饮用水圆保护", Some("饮用水源保护")),
            ("公及金提取", Some("公积金提取")),
            ("工伤陪偿", Some("工伤赔偿")),
            ("扬尘污染条例", None),
            ("治安管理", None),
            ("物业服务", None),
            ("民法典", None),
            ("民法典第十条", None),
            ("毫不相干", None),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(typed, &catalogue, &vocabulary).as_deref(), meant, "{typed}");
        }
    }
}
