//! 输入提示: completion while typing, and "did you mean".
//!
//! Pure. [`complete`] finishes what is typed from the catalogue of titles; [`did_you_mean`] (in `correction`) offers another writing of a
//! query that holds a mistyped title or term, with the vocabulary of the index as the measure of what is a word.

mod correction;

use serde::Serialize;
use uuid::Uuid;

use super::normalise::normalise;
use super::query::{ProvisionRef, TitleCatalogue, title_key, understand};
use crate::corpus::numerals::to_chinese;

pub use correction::{Vocabulary, did_you_mean};

/// Names looked at for one completion.
const LOOKED_AT: usize = 600;

/// Longest line that is completed or corrected, in characters.
const MOST_CHARS: usize = 64;

/// What a suggestion offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// A work, by the beginning or an inner part of its title.
    Title,
    /// A work, by a short name.
    Alias,
    /// A work, by pinyin.
    Pinyin,
    /// One article of a work.
    Provision,
}

/// One line under the search box.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// What is shown: the title, for an article with its label.
    pub text: String,
    /// What it offers.
    pub kind: SuggestionKind,
    /// The work.
    pub work_id: Uuid,
    /// What the search box holds when it is chosen.
    pub completion: String,
}

/// At most `n` suggestions for what is typed, best first, no work twice: beginnings before inner parts before pinyin, greater weight first.
pub fn complete(typed: &str, catalogue: &TitleCatalogue, n: usize) -> Vec<Suggestion> {
    let line: String = normalise(typed.trim()).chars().take(MOST_CHARS).collect();
    if n == 0 || line.is_empty() {
        return Vec::new();
    }
    let mut offers = Offers { catalogue, ranked: Vec::new() };
    if let Some((works, provision)) = named_article(&line, catalogue) {
        return works.into_iter().take(n).map(|(work_id, title)| article_of(work_id, &title, provision)).collect();
    }
    let key = title_key(&line);
    for name in catalogue.names_beginning(&key).take(LOOKED_AT) {
        offers.add(name, 3.0, key.chars().count());
    }
    let letters: Vec<char> = key.chars().collect();
    if letters.len() >= 2 {
        for name in catalogue.names_containing(&letters, LOOKED_AT) {
            offers.add(name, 1.5, letters.len());
        }
    }
    if key.len() >= 2 && key.chars().all(|c| c.is_ascii_lowercase()) {
        for (reach, names) in [
            (1.0, catalogue.initialled_beginning(&key).take(LOOKED_AT).collect::<Vec<_>>()),
            (0.9, catalogue.spelled_beginning(&key).take(LOOKED_AT).collect()),
        ] {
            for name in names {
                offers.add_pinyin(name, reach, key.len());
            }
        }
    }
    offers.best(n)
}

/// The works and the article of a line that names both.
fn named_article(line: &str, catalogue: &TitleCatalogue) -> Option<(Vec<(Uuid, String)>, ProvisionRef)> {
    let understanding = understand(line, catalogue, None);
    let provision = understanding.provision.filter(|provision| provision.article.is_some())?;
    let works: Vec<(Uuid, String)> = understanding.looked_up().map(|found| (found.work_id, found.title.clone())).collect();
    (!works.is_empty()).then_some((works, provision))
}

fn article_of(work_id: Uuid, title: &str, provision: ProvisionRef) -> Suggestion {
    let mut label = provision.article_label().unwrap_or_default();
    if let Some(paragraph) = provision.paragraph {
        label = format!("{label}第{}款", to_chinese(paragraph));
    }
    if let Some(item) = provision.item {
        label = format!("{label}第（{}）项", to_chinese(item));
    }
    let text = format!("{title} {label}");
    Suggestion { completion: text.clone(), text, kind: SuggestionKind::Provision, work_id }
}

struct Offers<'a> {
    catalogue: &'a TitleCatalogue,
    ranked: Vec<(f32, SuggestionKind, u32)>,
}

impl Offers<'_> {
    fn add(&mut self, name: u32, reach: f32, typed: usize) {
        let Some((work, quality, length)) = self.catalogue.describe(name) else { return };
        // The title itself, where it goes on from what is typed, says more than a short name that does.
        let (kind, reach) = if quality.is_short_name { (SuggestionKind::Alias, reach - 0.5) } else { (SuggestionKind::Title, reach) };
        self.push(work, kind, reach - quality.distance, typed, length);
    }

    fn add_pinyin(&mut self, name: u32, reach: f32, typed: usize) {
        let Some((work, quality, length)) = self.catalogue.describe(name) else { return };
        self.push(work, SuggestionKind::Pinyin, reach - quality.distance, typed, length);
    }

    fn push(&mut self, work: u32, kind: SuggestionKind, reach: f32, typed: usize, length: usize) {
        // What is nearly finished comes first among equals: 民法典 before 民法典…的解释.
        let finished = typed as f32 / length.max(typed).max(1) as f32;
        let weight = self.catalogue.work(work).map_or(0.0, |work| work.weight);
        self.ranked.push((reach + weight + finished * 0.5, kind, work));
    }

    fn best(mut self, n: usize) -> Vec<Suggestion> {
        self.ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        let mut works = Vec::new();
        let mut suggestions = Vec::new();
        for (_, kind, number) in self.ranked {
            if works.contains(&number) {
                continue;
            }
            works.push(number);
            if let Some(work) = self.catalogue.work(number) {
                suggestions.push(Suggestion { text: work.title.clone(), kind, work_id: work.id, completion: work.title.clone() });
            }
            if suggestions.len() >= n {
                break;
            }
        }
        suggestions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::TitleEntry;

    const TITLES: [(&str, f32); 12] = [
        ("中华人民共和国民法典", 1.0),
        ("中华人民共和国治安管理处罚法", 1.0),
        ("中华人民共和国道路交通安全法", 1.0),
        ("中华人民共和国道路交通安全法实施条例", 0.8),
        ("中华人民共和国物权登记法", 1.0),
        ("物业管理条例", 0.8),
        ("海州市物业管理条例", 0.4),
        ("海州市养犬管理条例", 0.4),
        ("海州市扬尘污染防治条例", 0.4),
        ("最高人民法院关于适用《中华人民共和国民法典》时间效力的若干规定", 0.7),
        ("城市供水条例", 0.8),
        ("海州市城市供水办法", 0.3),
    ];

    pub(super) fn catalogue() -> TitleCatalogue {
        let entry = |(number, (title, weight)): (usize, &(&str, f32))| TitleEntry {
            work_id: Uuid::from_u128(number as u128 + 1),
            title: (*title).to_owned(),
            aliases: Vec::new(),
            document_numbers: Vec::new(),
            weight: *weight,
        };
        TitleCatalogue::new(TITLES.iter().enumerate().map(entry).collect())
    }

    #[test]
    fn completes_titles_by_every_way_of_typing() {
        let catalogue = catalogue();
        for (typed, first, kind) in [
            ("民", "中华人民共和国民法典", SuggestionKind::Title),
            ("民法", "中华人民共和国民法典", SuggestionKind::Title),
            ("中华人民共和国道", "中华人民共和国道路交通安全法", SuggestionKind::Title),
            ("道交", "中华人民共和国道路交通安全法", SuggestionKind::Alias),
            ("物业管", "物业管理条例", SuggestionKind::Title),
            ("养犬", "海州市养犬管理条例", SuggestionKind::Title),
            ("養犬", "海州市养犬管理条例", SuggestionKind::Title),
            ("污染防", "海州市扬尘污染防治条例", SuggestionKind::Title),
            ("mfd", "中华人民共和国民法典", SuggestionKind::Pinyin),
            ("MFD", "中华人民共和国民法典", SuggestionKind::Pinyin),
            ("zhian", "中华人民共和国治安管理处罚法", SuggestionKind::Pinyin),
            ("minfad", "中华人民共和国民法典", SuggestionKind::Pinyin),
        ] {
            let offered = complete(typed, &catalogue, 5);
            let got = offered.first().map(|offer| (offer.text.as_str(), offer.kind));
            assert_eq!(got, Some((first, kind)), "{typed}");
        }
        assert_eq!(complete("", &catalogue, 5), []);
        assert_eq!(complete("民", &catalogue, 0), []);
        assert_eq!(complete("毫不相干", &catalogue, 5), []);
    }

    #[test]
    fn completes_articles() {
        let catalogue = catalogue();
        for (typed, text) in [
            ("民法典1024", "中华人民共和国民法典 第一千零二十四条"),
            ("民法典第10条", "中华人民共和国民法典 第十条"),
            ("mfd 7", "中华人民共和国民法典 第七条"),
            ("道交法第九十一条之一第2款", "中华人民共和国道路交通安全法 第九十一条之一第二款"),
        ] {
            let offered = complete(typed, &catalogue, 3);
            assert_eq!(
                offered.first().map(|offer| (offer.completion.as_str(), offer.kind)),
                Some((text, SuggestionKind::Provision)),
                "{typed}"
            );
        }
    }

    #[test]
    fn no_work_is_offered_twice_and_no_more_than_asked() {
        let offered = complete("物业", &catalogue(), 2);
        assert_eq!(offered.len(), 2);
        assert_ne!(offered[0].work_id, offered[1].work_id);
    }
}
