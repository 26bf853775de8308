//! "Did you mean": mends a mistyped title from the catalogue, a mistyped term from the vocabulary of the index.

use super::MOST_CHARS;
use crate::search::normalise::normalise;
use crate::search::query::pinyin::{self, confusion};
use crate::search::query::{LOOKUP_CERTAINTY, TitleCatalogue, TitleMatchKind, title_key, understand};

/// Terms of the index with how often they occur, ready for corrections; about 60 bytes a term.
#[derive(Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Sorted by term.
    terms: Vec<(Box<str>, u32)>,
    /// The sounds of a term packed into one number, and the term's place; sorted.
    sounds: Vec<(u64, u32)>,
}

/// Longest line whose terms are mended: longer ones are sentences, with many words that no index knows.
const MENDED_CHARS: usize = 16;

/// Words of one letter: they stand between terms and are no slips, though many sound like one.
const PARTICLES: &str = "的了吗呢吧啊是不有在和与或被把就也都我你他她它这那会能要可以应该怎么什谁哪几没因由其将个中后方所并等对从向为于至到让给及者之此再又还很更最只才已曾正则即若如而且但上下内外前里间时年月日元次人本各每某另同使令做用受指向跟比当该自经过来去说问找";

/// Longest term kept, in characters.
const TERM_CHARS: usize = 6;

impl Vocabulary {
    /// Takes terms of two to six characters; others and those that never occur are left out. Give it words (the terms of the index's word
    /// field, or a dictionary), not bigrams: what is no word must be missing for a slip to be seen.
    pub fn new(terms: impl IntoIterator<Item = (String, u32)>) -> Self {
        let is_word =
            |term: &str| (2..=TERM_CHARS).contains(&term.chars().count()) && term.chars().all(|c| c.is_alphabetic() && !c.is_ascii());
        let mut terms: Vec<(Box<str>, u32)> = terms
            .into_iter()
            .map(|(term, frequency)| (normalise(&term).into_boxed_str(), frequency))
            .filter(|(term, frequency)| *frequency > 0 && is_word(term))
            .collect();
        terms.sort_unstable();
        terms.dedup_by(|again, first| {
            let same = again.0 == first.0;
            if same {
                first.1 = first.1.saturating_add(again.1);
            }
            same
        });
        let mut sounds: Vec<(u64, u32)> = terms.iter().zip(0u32..).map(|((term, _), at)| (sounds_of(term.chars()), at)).collect();
        sounds.sort_unstable();
        Vocabulary { terms, sounds }
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    fn find(&self, term: &str) -> Option<&(Box<str>, u32)> {
        let at = self.terms.binary_search_by(|(known, _)| (**known).cmp(term)).ok()?;
        self.terms.get(at)
    }

    fn knows(&self, letters: &[char]) -> bool {
        self.find(&letters.iter().collect::<String>()).is_some()
    }

    /// Terms that sound like these letters.
    fn sounding(&self, letters: &[char]) -> impl Iterator<Item = &(Box<str>, u32)> {
        let wanted = sounds_of(letters.iter().copied());
        let low = self.sounds.partition_point(|(sound, _)| *sound < wanted);
        let alike = self.sounds.get(low..).unwrap_or_default().iter().take_while(move |(sound, _)| *sound == wanted);
        alike.filter_map(|(_, at)| self.terms.get(*at as usize))
    }

    /// Terms that these letters become when one doubtful letter is taken for a lookalike.
    fn looking(&self, letters: &[char], doubtful: &[bool]) -> impl Iterator<Item = &(Box<str>, u32)> {
        let places = doubtful.iter().enumerate().filter(|(_, doubtful)| **doubtful).filter_map(|(at, _)| Some((at, *letters.get(at)?)));
        places.flat_map(|(at, typed)| pinyin::lookalikes(typed).chars().filter(move |c| *c != typed).map(move |c| (at, c))).filter_map(
            |(at, meant)| {
                let term: String = letters.iter().enumerate().map(|(place, c)| if place == at { meant } else { *c }).collect();
                self.find(&term)
            },
        )
    }

    /// The term most likely meant by a run of letters that is none, with how likely. Only letters that belong to no known term (`doubtful`)
    /// may differ, and only by sound or shape.
    fn meant_by(&self, letters: &[char], doubtful: &[bool]) -> Option<(&str, f32)> {
        // Two letters leave one to go by: only the very same sound or a lookalike will do.
        let most = if letters.len() == 2 { 0.4 } else { 0.5 };
        self.sounding(letters)
            .chain(self.looking(letters, doubtful))
            .filter_map(|(term, frequency)| {
                let pairs = || letters.iter().zip(term.chars());
                let allowed = pairs()
                    .zip(doubtful)
                    .all(|((typed, meant), doubtful)| *typed == meant || (*doubtful && confusion(*typed, meant) <= most));
                let differing = pairs().filter(|(typed, meant)| **typed != *meant).count();
                let unlikeness: f32 = pairs().map(|(typed, meant)| confusion(*typed, meant)).sum();
                let likelihood = (*frequency as f32).ln_1p() - 3.0 * unlikeness + 2.0 * letters.len() as f32;
                (allowed && differing > 0 && differing < letters.len()).then_some((term.as_ref(), likelihood))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)))
    }
}

/// The sounds of at most six letters in one number.
fn sounds_of(letters: impl Iterator<Item = char>) -> u64 {
    letters.take(TERM_CHARS).fold(1, |packed, c| packed << 10 | u64::from(pinyin::sound(c)))
}

/// Another writing of the query when it holds a mistyped title or term; `None` when it reads well or nothing better is known. Offer it where
/// the query itself finds little: a rare word may be right.
pub fn did_you_mean(query: &str, catalogue: &TitleCatalogue, vocabulary: &Vocabulary) -> Option<String> {
    let query = query.trim();
    let line = normalise(query);
    if line.chars().count() > MOST_CHARS {
        return None;
    }
    let understanding = understand(query, catalogue, None);
    if let Some(best) = understanding.titles.first() {
        match best.how {
            TitleMatchKind::Inexact if best.certainty >= LOOKUP_CERTAINTY => {
                return corrected_title(query, &line, &best.matched, &best.title);
            }
            _ if best.certainty >= LOOKUP_CERTAINTY && understanding.text.is_empty() => return None,
            _ => {}
        }
    }
    if understanding.looked_up().next().is_none()
        && understanding.provision.is_none()
        && let Some(name) = catalogue.one_letter_from(&title_key(&line))
    {
        return Some(name.to_owned());
    }
    corrected_terms(query, &line, vocabulary)
}

/// The query with the title in place of what was typed for it; `None` when only words were left out of the title.
fn corrected_title(query: &str, line: &str, typed: &str, title: &str) -> Option<String> {
    let (typed_key, full) = (title_key(typed), title_key(title));
    let mut rest = full.chars();
    let only_shorter = typed_key.chars().all(|c| rest.any(|of_title| of_title == c));
    if only_shorter || typed.is_empty() {
        return None;
    }
    let shown = title.strip_prefix("中华人民共和国").filter(|short| short.chars().count() >= 2).unwrap_or(title);
    let start = line.get(..line.find(typed)?)?.chars().count();
    Some(replaced(query, start, typed.chars().count(), shown))
}

/// The query with `length` characters from `start` on replaced; its normal form has the same offsets.
fn replaced(query: &str, start: usize, length: usize, by: &str) -> String {
    query.chars().take(start).chain(by.chars()).chain(query.chars().skip(start + length)).collect()
}

/// Mends the letters of a line that belong to no known term.
fn corrected_terms(query: &str, line: &str, vocabulary: &Vocabulary) -> Option<String> {
    let letters: Vec<char> = line.chars().collect();
    if letters.len() > MENDED_CHARS {
        return None;
    }
    // A letter that any known term covers stands as typed.
    let mut known = vec![false; letters.len()];
    for start in 0..letters.len() {
        let longest = (2..=TERM_CHARS.min(letters.len() - start))
            .rev()
            .find(|length| letters.get(start..start + length).is_some_and(|run| vocabulary.knows(run)));
        known.iter_mut().skip(start).take(longest.unwrap_or(0)).for_each(|known| *known = true);
    }
    let doubtful: Vec<bool> = known.iter().zip(&letters).map(|(known, c)| !known && c.is_alphabetic() && !c.is_ascii()).collect();
    let mut best: Option<(f32, usize, usize, &str)> = None;
    for start in 0..letters.len() {
        for length in 2..=TERM_CHARS.min(letters.len() - start) {
            let (Some(run), Some(doubtful)) = (letters.get(start..start + length), doubtful.get(start..start + length)) else { continue };
            // In a pair a particle is taken for itself; a longer term leaves enough to go by.
            let is_slip = |(c, doubtful): (&char, &bool)| *doubtful && (length > 2 || !PARTICLES.contains(*c));
            if !run.iter().zip(doubtful).any(is_slip) {
                continue;
            }
            if let Some((term, likelihood)) = vocabulary.meant_by(run, doubtful)
                && best.is_none_or(|(known, ..)| likelihood > known)
            {
                best = Some((likelihood, start, length, term));
            }
        }
    }
    let (_, start, length, term) = best?;
    Some(replaced(query, start, length, term))
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
            ("城市供水条列", Some("城市供水条例")),
            ("治按管理處罰法，第43条", Some("治安管理处罚法，第43条")),
            ("扬尘污染条例", None),
            ("治安管理", None),
            ("物业服务", None),
            ("民法典", None),
            ("民法典第十条", None),
            ("毫不相干", None),
            ("物业是不是该管理", None),
            ("保护管理登记法", None),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(typed, &catalogue, &vocabulary).as_deref(), meant, "{typed}");
        }
    }
}
