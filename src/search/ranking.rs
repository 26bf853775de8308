//! Ranking: small named boosts whose weights, dates and measured effects stand in `search-index/weights.toml`.
//!
//! To add a boost: a `[[boost]]` there, a line in [`Boost`], and one place that asks [`Weights::of`] for it and does nothing when the
//! answer is 0. `zhitong evaluate` then shows its effect by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::analysis::{self, Gram, Word, is_matter, is_question_word};

const WEIGHTS: &str = include_str!("../../search-index/weights.toml");
const SYNONYMS: &str = include_str!("../../search-index/synonyms.toml");

static SHIPPED: LazyLock<Result<Table, String>> = LazyLock::new(|| toml::from_str(WEIGHTS).map_err(|e| e.to_string()));
static SYNONYM_TABLE: LazyLock<Synonyms> = LazyLock::new(|| Synonyms::read(SYNONYMS).unwrap_or_default());

/// What can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boost {
    /// Words of the query, BM25.
    Words,
    /// Character bigrams of the query, BM25.
    Bigrams,
    /// Less weight for words that only shape a question.
    QuestionWords,
    /// Legal words for lay words.
    Synonyms,
    /// What the best articles of a document say for all its articles.
    DocumentEvidence,
    /// 效力位阶
    Level,
    /// 时效性
    Validity,
    /// The query, word for word.
    Phrase,
    /// The document that the query names.
    NamedDocument,
    /// The article number that the query names without a document.
    NamedArticle,
    /// The one provision or document that the query names comes first.
    DirectAnswer,
}

impl Boost {
    /// Every boost.
    pub const ALL: [Boost; 11] = [
        Boost::Words,
        Boost::Bigrams,
        Boost::QuestionWords,
        Boost::Synonyms,
        Boost::DocumentEvidence,
        Boost::Level,
        Boost::Validity,
        Boost::Phrase,
        Boost::NamedDocument,
        Boost::NamedArticle,
        Boost::DirectAnswer,
    ];

    /// Name in the weights file and of the switch.
    pub fn name(self) -> &'static str {
        match self {
            Boost::Words => "words",
            Boost::Bigrams => "bigrams",
            Boost::QuestionWords => "question_words",
            Boost::Synonyms => "synonyms",
            Boost::DocumentEvidence => "document_evidence",
            Boost::Level => "level",
            Boost::Validity => "validity",
            Boost::Phrase => "phrase",
            Boost::NamedDocument => "named_document",
            Boost::NamedArticle => "named_article",
            Boost::DirectAnswer => "direct_answer",
        }
    }
}

/// Numbers that several boosts share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    pub k1: f32,
    pub b: f32,
    repetition: f32,
    across_words: f32,
    beside_question_word: f32,
    between_question_words: f32,
    question_word: f32,
    pub least_coverage: f32,
    pub evidence_articles: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoostRow {
    name: String,
    weight: f32,
    enabled: bool,
    measured: String,
    effect: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    parameters: Parameters,
    boost: Vec<BoostRow>,
    levels: HashMap<String, f32>,
    validities: HashMap<String, f32>,
}

/// The weights of one search.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    pub parameters: Parameters,
    boosts: [f32; Boost::ALL.len()],
    levels: HashMap<String, f32>,
    validities: HashMap<String, f32>,
}

impl Weights {
    /// The shipped weights without the boosts in `switches`.
    ///
    /// # Errors
    /// A sentence for the log when the shipped file does not fit this program (a test makes sure that it does).
    pub fn shipped(switches: &BTreeSet<String>) -> Result<Weights, String> {
        let table = SHIPPED.as_ref().map_err(Clone::clone)?;
        let mut boosts = [0.0; Boost::ALL.len()];
        for (slot, boost) in boosts.iter_mut().zip(Boost::ALL) {
            let row = table
                .boost
                .iter()
                .find(|row| row.name == boost.name())
                .ok_or_else(|| format!("weights.toml has no boost {}", boost.name()))?;
            if row.enabled && !switches.contains(boost.name()) {
                *slot = row.weight;
            }
        }
        Ok(Weights { parameters: table.parameters.clone(), boosts, levels: table.levels.clone(), validities: table.validities.clone() })
    }

    /// Weight of a boost; 0 when it is off.
    pub fn of(&self, boost: Boost) -> f32 {
        self.boosts[boost as usize]
    }

    /// Factor of a document by its level and its validity on the day.
    pub fn document_factor(&self, level: &str, validity: &str) -> f32 {
        let factor = |table: &HashMap<String, f32>, name: &str, weight: f32| table.get(name).copied().unwrap_or(1.0).powf(weight);
        factor(&self.levels, level, self.of(Boost::Level)) * factor(&self.validities, validity, self.of(Boost::Validity))
    }
}

/// Names of all boosts that `weights.toml` holds, with weight, day of measurement and effect, for reports.
pub fn boosts() -> Vec<(String, f32, String, String)> {
    SHIPPED
        .as_ref()
        .map(|table| table.boost.iter().map(|b| (b.name.clone(), b.weight, b.measured.clone(), b.effect.clone())).collect())
        .unwrap_or_default()
}

/// The terms of a query with their weights, each term once, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Terms {
    pub words: Vec<(String, f32)>,
    pub grams: Vec<(String, f32)>,
    /// Terms that stand in for lay words, as words and as bigrams.
    pub synonym_words: Vec<(String, f32)>,
    pub synonym_grams: Vec<(String, f32)>,
}

impl Terms {
    /// Terms of a free text.
    pub fn of(text: &str, weights: &Weights) -> Terms {
        let p = &weights.parameters;
        let shapes = weights.of(Boost::QuestionWords) > 0.0;
        let segments = analysis::segments(text);
        let grams = analysis::grams(text);
        // A query of nothing but question words is a query for these words.
        let has_matter = segments.iter().any(|s| s.text.chars().any(is_matter) && !is_question_word(&s.text));
        let is_shape = |word: &str| shapes && has_matter && is_question_word(word);
        let words = analysis::words(text).into_iter().map(|word| {
            let weight = if is_shape(&word) { p.question_word } else { 1.0 };
            (word, weight)
        });
        let segment_at = segment_index(&segments);
        let weighted = grams
            .iter()
            .filter(|g| g.is_pair || grams.len() == 1 || g.text.starts_with('#'))
            .map(|gram| (gram.text.clone(), gram_weight(gram, &segments, &segment_at, p, &is_shape)));
        let (mut synonym_words, mut synonym_grams) = (Vec::new(), Vec::new());
        if weights.of(Boost::Synonyms) > 0.0 {
            for legal in SYNONYM_TABLE.of(text) {
                synonym_words.extend(analysis::words(legal).into_iter().map(|word| (word, 1.0)));
                synonym_grams.extend(analysis::grams(legal).into_iter().filter(|g| g.is_pair).map(|g| (g.text, 1.0)));
            }
        }
        Terms {
            words: summed(words, p.repetition),
            grams: summed(weighted, p.repetition),
            synonym_words: summed(synonym_words.into_iter(), 0.0),
            synonym_grams: summed(synonym_grams.into_iter(), 0.0),
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.grams.is_empty()
    }
}

/// For each character the segment it belongs to.
fn segment_index(segments: &[Word]) -> Vec<usize> {
    segments.iter().enumerate().flat_map(|(i, word)| std::iter::repeat_n(i, word.end - word.start)).collect()
}

fn gram_weight(gram: &Gram, segments: &[Word], segment_at: &[usize], p: &Parameters, is_shape: &dyn Fn(&str) -> bool) -> f32 {
    if !gram.is_pair {
        return 1.0;
    }
    let (Some(&first), Some(&second)) = (segment_at.get(gram.at), segment_at.get(gram.at + 1)) else { return 1.0 };
    let shape = |segment: usize| segments.get(segment).is_some_and(|s| is_shape(&s.text));
    let across = if first == second { 1.0 } else { p.across_words };
    match (shape(first), shape(second)) {
        (true, true) => across * p.between_question_words,
        (false, false) => across,
        _ => across * p.beside_question_word,
    }
}

/// Sums the weights of equal terms and damps them.
fn summed(terms: impl Iterator<Item = (String, f32)>, repetition: f32) -> Vec<(String, f32)> {
    let mut sums: HashMap<String, f32> = HashMap::new();
    for (term, weight) in terms {
        *sums.entry(term).or_default() += weight;
    }
    let mut terms: Vec<(String, f32)> = sums.into_iter().map(|(term, weight)| (term, weight.powf(repetition))).collect();
    terms.sort_by(|a, b| a.0.cmp(&b.0));
    terms
}

/// Legal words for lay words.
#[derive(Debug, Default)]
pub(super) struct Synonyms {
    /// Lay word in normal form without white space, and its legal words.
    entries: Vec<(String, Vec<String>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SynonymFile {
    words: HashMap<String, Vec<String>>,
}

impl Synonyms {
    /// Reads the text of `synonyms.toml`.
    pub fn read(text: &str) -> Result<Synonyms, toml::de::Error> {
        let file: SynonymFile = toml::from_str(text)?;
        let mut entries: Vec<(String, Vec<String>)> =
            file.words.into_iter().map(|(lay, legal)| (analysis::sequence(&lay).into_iter().collect(), legal)).collect();
        entries.sort();
        Ok(Synonyms { entries })
    }

    /// Legal words for the lay words that a text contains.
    pub fn of<'s>(&'s self, text: &str) -> impl Iterator<Item = &'s str> {
        let text: String = analysis::sequence(text).into_iter().collect();
        self.entries.iter().filter(move |(lay, _)| text.contains(lay.as_str())).flat_map(|(_, legal)| legal.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(off: &[&str]) -> Weights {
        Weights::shipped(&off.iter().map(|s| s.to_string()).collect()).expect("shipped weights")
    }

    #[test]
    fn the_shipped_files_fit_the_program() {
        let weights = weights(&[]);
        assert!(Boost::ALL.iter().all(|b| weights.of(*b) > 0.0), "every boost is on");
        for (i, boost) in Boost::ALL.iter().enumerate() {
            assert_eq!(*boost as usize, i);
        }
        assert_eq!(boosts().len(), Boost::ALL.len(), "no boost without a meaning");
        assert!(
            boosts().iter().all(|(_, _, day, effect)| chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok() && !effect.is_empty())
        );
        let synonyms = Synonyms::read(SYNONYMS).expect("synonyms");
        assert!(synonyms.entries.len() >= 250, "{}", synonyms.entries.len());
        assert!(synonyms.entries.iter().all(|(lay, legal)| lay.chars().count() >= 2 && !legal.is_empty()));
    }

    #[test]
    fn a_switch_turns_a_boost_off() {
        let off = weights(&["level", "synonyms"]);
        assert_eq!(off.of(Boost::Level), 0.0);
        assert_eq!(off.document_factor("normative_document", "in_force"), 1.0);
        assert!(weights(&[]).document_factor("law", "in_force") > weights(&[]).document_factor("law", "repealed"));
        assert!(Terms::of("狗咬人谁负责", &off).synonym_words.is_empty());
        assert!(Terms::of("狗咬人谁负责", &weights(&[])).synonym_words.iter().any(|(w, _)| w == "饲养"));
    }

    #[test]
    fn question_words_weigh_less_than_matter() {
        let terms = Terms::of("请问养犬是否需要登记", &weights(&[]));
        let weight = |word: &str| terms.words.iter().find(|(w, _)| w == word).map(|(_, weight)| *weight);
        assert!(weight("是否") < weight("登记"));
        assert!(!Terms::of("怎么办", &weights(&[])).is_empty());
        assert!(Terms::of("，。", &weights(&[])).is_empty());
    }
}
