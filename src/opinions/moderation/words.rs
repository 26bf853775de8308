//! The local word list: what makes an opinion wait for a person, or hides it where a category is configured so.
//!
//! Both sides pass the same normal form: width, letter case, traditional and variant characters. Spaces and signs that are put between the characters of a
//! word (`赌 博`, `赌*博`, `赌\u{200b}博`) are skipped; the marks at the end of a sentence are not, so that two sentences do not make a word.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::HidingReason;
use crate::error::{Error, Result};

/// What a hit of a category does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A person looks.
    Review,
    /// It is hidden at once; the author is told and may appeal.
    Hide,
}

/// A kind of words.
#[derive(Clone, Debug)]
pub struct Category {
    /// Name, as staff read it.
    pub name: String,
    /// What a hit does.
    pub action: Action,
    /// The listed reason under which such words are hidden.
    pub reason: HidingReason,
}

/// A word that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which of [`WordList::categories`].
    pub category: usize,
    /// Where it begins, in characters.
    pub start: usize,
    /// Its length in the text, with what was put between its characters.
    pub length: usize,
}

/// The words of a process, read once.
#[derive(Clone, Debug)]
pub struct WordList {
    categories: Vec<Category>,
    /// By the first character: the whole word in its normal form, the longest first.
    by_first: HashMap<char, Vec<(Vec<char>, usize)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    category: Vec<CategoryEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryEntry {
    name: String,
    action: Action,
    reason: HidingReason,
    words: Vec<String>,
}

/// The list that comes with the product.
const OWN: &str = include_str!("words.toml");
/// Most words of one file, and the longest word, in characters.
const MOST_WORDS: usize = 50_000;
const LONGEST_WORD: usize = 40;
/// Most hits that one text gives; more say nothing new.
const MOST_HITS: usize = 50;

impl WordList {
    /// The list that comes with the product, and the words of a file of the same form.
    pub fn open(file: Option<&Path>) -> Result<WordList> {
        let mut list = WordList { categories: Vec::new(), by_first: HashMap::new() };
        list.add(OWN).map_err(|problem| Error::startup(format!("内置词表有误：{problem}")))?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Error::startup(format!("无法读取词表 {}：{e}。请检查 rules.moderation.words_file。", path.display())))?;
            list.add(&text).map_err(|problem| Error::startup(format!("词表 {} 有误：{problem}", path.display())))?;
        }
        Ok(list)
    }

    fn add(&mut self, text: &str) -> std::result::Result<(), String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
        if file.category.iter().map(|c| c.words.len()).sum::<usize>() > MOST_WORDS {
            return Err(format!("词语不超过 {MOST_WORDS} 个。"));
        }
        for entry in file.category {
            let category = Category { name: entry.name, action: entry.action, reason: entry.reason };
            let at = match self.categories.iter().position(|c| c.name == category.name) {
                Some(at) => at,
                None => {
                    self.categories.push(category.clone());
                    self.categories.len() - 1
                }
            };
            if let Some(held) = self.categories.get_mut(at) {
                *held = category;
            }
            for word in entry.words {
                let normal: Vec<char> = word.chars().filter_map(significant).collect();
                let Some(first) = normal.first().copied().filter(|_| (2..=LONGEST_WORD).contains(&normal.len())) else {
                    return Err(format!("词语“{word}”应有 2 至 {LONGEST_WORD} 个字。"));
                };
                let words = self.by_first.entry(first).or_default();
                if !words.iter().any(|(held, category)| *held == normal && *category == at) {
                    words.push((normal, at));
                }
            }
        }
        for words in self.by_first.values_mut() {
            words.sort_by_key(|(word, category)| (std::cmp::Reverse(word.len()), *category));
        }
        Ok(())
    }

    /// The categories, to which [`Hit::category`] points.
    pub fn category(&self, hit: &Hit) -> Option<&Category> {
        self.categories.get(hit.category)
    }

    /// Number of words, for `doctor` and tests.
    pub fn len(&self) -> usize {
        self.by_first.values().map(Vec::len).sum()
    }

    /// Whether it holds no word.
    pub fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    /// The words that a text holds, in the order of the text; of overlapping ones the longest.
    pub fn find(&self, text: &str) -> Vec<Hit> {
        let written: Vec<char> = text.chars().collect();
        // What remains when the signs between characters are gone, and where each stood.
        let kept: Vec<(char, usize)> = written.iter().enumerate().filter_map(|(at, c)| Some((significant(*c)?, at))).collect();
        let mut hits = Vec::new();
        let mut i = 0;
        while let Some((first, start)) = kept.get(i).copied() {
            let found = self.by_first.get(&first).and_then(|words| {
                words.iter().find_map(|(word, category)| {
                    let piece = kept.get(i..i + word.len())?;
                    let end = piece.last()?.1 + 1;
                    let is_same = piece.iter().zip(word).all(|((c, _), w)| c == w);
                    (is_same && stands_alone(word, &written, start, end)).then_some((word.len(), *category, end))
                })
            });
            match found {
                Some((length, category, end)) => {
                    hits.push(Hit { category, start, length: end - start });
                    if hits.len() == MOST_HITS {
                        break;
                    }
                    i += length;
                }
                None => i += 1,
            }
        }
        hits
    }
}

/// A word of Latin letters is no part of a longer one.
fn stands_alone(word: &[char], written: &[char], start: usize, end: usize) -> bool {
    let is_letter = |at: Option<usize>| at.and_then(|at| written.get(at)).is_some_and(char::is_ascii_alphanumeric);
    let begins_latin = word.first().is_some_and(char::is_ascii_alphanumeric);
    let ends_latin = word.last().is_some_and(char::is_ascii_alphanumeric);
    !(begins_latin && is_letter(start.checked_sub(1)) || ends_latin && is_letter(Some(end)))
}

/// Character pairs of the search normaliser: traditional and variant characters to the simplified standard character.
static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let lines = include_str!("../../../search-index/characters.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (from, to) = line.split_once('\t')?;
            Some((from.chars().next()?, to.chars().next()?))
        })
        .collect()
});

/// The normal form of a character; `None` for what people put between the characters of a word.
fn significant(c: char) -> Option<char> {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    // The mark of a grade of secrecy is part of the words it stands in; the marks at the end of a sentence part words.
    if matches!(c, '★' | '。' | '，' | '；' | '：' | '！' | '？' | '、' | '“' | '”' | '（' | '）' | '《' | '》') {
        return Some(c);
    }
    let narrow = SIMPLIFIED.get(&narrow).copied().unwrap_or(narrow);
    if narrow.is_alphanumeric() { narrow.to_lowercase().next() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let list = WordList::open(None).unwrap();
        list.find(text).iter().map(|hit| text.chars().skip(hit.start).take(hit.length).collect()).collect()
    }

    #[test]
    fn words_are_found_however_they_are_written() {
        for (text, expected) in [
            ("这个王八蛋主任", "王八蛋"),
            ("这个王 八\u{200b}*蛋", "王 八\u{200b}*蛋"),
            ("加我微信领礼品", "加我微信"),
            ("加ＱＱ群", "加ＱＱ"),
            ("出售槍支", "出售槍支"),
            ("文件上写着机密★十年", "机密★"),
            ("狗\n官", "狗\n官"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn two_sentences_and_longer_words_make_no_hit() {
        for text in ["要加。微信群里也说过", "小区的狗，官方应当登记", "加qqq", "建议增加赌博、毒品危害的宣传", "wwwx", ""]
        {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_file_adds_words_and_decides_what_a_category_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.toml");
        std::fs::write(&path, "[[category]]\nname = '广告'\naction = 'hide'\nreason = 'advertising'\nwords = ['清仓甩卖']\n").unwrap();
        let list = WordList::open(Some(&path)).unwrap();
        let own = WordList::open(None).unwrap();
        assert_eq!(list.len(), own.len() + 1);
        for text in ["全场清仓甩卖", "加微信"] {
            let hits = list.find(text);
            assert_eq!(list.category(&hits[0]).map(|c| c.action), Some(Action::Hide), "{text}");
        }
        for bad in ["[[category]]\nname = 'x'", "[[category]]\nname='x'\naction='review'\nreason='abuse'\nwords=['一']"] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(WordList::open(Some(&path)).unwrap_err().code, crate::error::Code::Startup, "{bad}");
        }
        assert!(WordList::open(Some(&folder.path().join("absent"))).is_err());
    }

    #[test]
    fn a_text_full_of_hits_is_bounded() {
        assert_eq!(WordList::open(None).unwrap().find(&"狗官".repeat(10_000)).len(), MOST_HITS);
    }
}
