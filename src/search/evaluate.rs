//! Evaluation: judged queries through the product's own search, and generated look-ups whose answers are known.
//!
//! Judgements match on the source id of a provision. Queries are `id<TAB>[split<TAB>]text`, judgements are TREC lines `query 0 document grade`.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};

use super::engine::SearchIndex;
use super::ranking::Boost;
use super::request::SearchRequest;
use super::schema::PARAGRAPH_END;
use crate::error::{Error, Result};

/// How deep results are looked at.
const DEPTH: usize = 100;

/// A query with what answers it.
#[derive(Clone, Debug)]
pub struct JudgedQuery {
    /// Its id in the file.
    pub id: String,
    /// The query.
    pub text: String,
    /// Source ids of relevant provisions with their grade, greater than 0.
    pub relevant: HashMap<String, u32>,
}

/// Means over a set of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Queries measured.
    pub queries: usize,
    /// Mean reciprocal rank of the first relevant hit among ten.
    pub mrr_10: f64,
    /// Share of the relevant among ten.
    pub recall_10: f64,
    /// Share of the relevant among a hundred.
    pub recall_100: f64,
    /// Normalised discounted cumulative gain of ten.
    pub ndcg_10: f64,
    /// Share of queries with something relevant among ten.
    pub hit_10: f64,
    /// Mean time of a search, in milliseconds.
    pub mean_ms: f64,
}

/// Reads judged queries. Queries without a relevant document are left out.
///
/// # Errors
/// `invalid` with the number of the first line that cannot be read.
pub fn read_judged(queries: &str, judgements: &str) -> Result<Vec<JudgedQuery>> {
    let mut relevant: HashMap<&str, HashMap<String, u32>> = HashMap::new();
    for (number, line) in judgements.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (query, document, grade) = match fields.as_slice() {
            [query, _, document, grade] => (*query, *document, grade.parse::<i64>().ok()),
            _ => ("", "", None),
        };
        let grade = grade.ok_or_else(|| Error::invalid("qrels", format!("第{}行不是“查询编号 0 条文编号 相关度”的格式。", number + 1)))?;
        if grade > 0 {
            relevant.entry(query).or_default().insert(document.to_owned(), u32::try_from(grade).unwrap_or(u32::MAX));
        }
    }
    let mut judged = Vec::new();
    for (number, line) in queries.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut fields = line.split('\t');
        let id = fields.next().unwrap_or_default();
        let text =
            fields.next_back().ok_or_else(|| Error::invalid("queries", format!("第{}行不是“编号<制表符>查询”的格式。", number + 1)))?;
        if let Some(relevant) = relevant.remove(id) {
            judged.push(JudgedQuery { id: id.to_owned(), text: text.to_owned(), relevant });
        }
    }
    Ok(judged)
}

/// Runs every query as `base` with its text and measures what comes back.
///
/// # Errors
/// Failures of the index.
pub fn evaluate(index: &SearchIndex, judged: &[JudgedQuery], base: &SearchRequest) -> Result<Measures> {
    let mut sums = Measures { queries: judged.len(), ..Measures::default() };
    for query in judged {
        let request = SearchRequest { query: query.text.clone(), limit: DEPTH, group_by_document: false, cursor: None, ..base.clone() };
        let response = index.search(&request)?;
        let ranked: Vec<&str> = response.hits.iter().filter_map(|hit| hit.source_id.as_deref()).collect();
        let own = measure(&ranked, &query.relevant);
        sums.mrr_10 += own.mrr_10;
        sums.recall_10 += own.recall_10;
        sums.recall_100 += own.recall_100;
        sums.ndcg_10 += own.ndcg_10;
        sums.hit_10 += own.hit_10;
        sums.mean_ms += response.took_us as f64 / 1_000.0;
    }
    let n = judged.len().max(1) as f64;
    for value in [&mut sums.mrr_10, &mut sums.recall_10, &mut sums.recall_100, &mut sums.ndcg_10, &mut sums.hit_10, &mut sums.mean_ms] {
        *value /= n;
    }
    Ok(sums)
}

/// Measures with each boost off in turn.
///
/// # Errors
/// Failures of the index.
pub fn evaluate_switches(index: &SearchIndex, judged: &[JudgedQuery], base: &SearchRequest) -> Result<Vec<(String, Measures)>> {
    Boost::ALL
        .iter()
        .map(|boost| {
            let mut switches: BTreeSet<String> = base.switches.clone();
            switches.insert(boost.name().to_owned());
            Ok((boost.name().to_owned(), evaluate(index, judged, &SearchRequest { switches, ..base.clone() })?))
        })
        .collect()
}

fn measure(ranked: &[&str], relevant: &HashMap<String, u32>) -> Measures {
    let grade = |id: &&str| relevant.get(*id).copied().unwrap_or(0);
    let found_in = |depth: usize| ranked.iter().take(depth).filter(|id| grade(id) > 0).collect::<HashSet<_>>().len() as f64;
    let first = ranked.iter().take(10).position(|id| grade(id) > 0);
    let gain = |place: usize, grade: u32| (f64::from(grade.min(30)).exp2() - 1.0) / ((place + 2) as f64).log2();
    let gained: f64 = ranked.iter().take(10).enumerate().map(|(place, id)| gain(place, grade(id))).sum();
    let mut grades: Vec<u32> = relevant.values().copied().collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = grades.iter().take(10).enumerate().map(|(place, grade)| gain(place, *grade)).sum();
    let all = relevant.len().max(1) as f64;
    Measures {
        queries: 1,
        mrr_10: first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
        recall_10: found_in(10) / all,
        recall_100: found_in(100) / all,
        ndcg_10: if best > 0.0 { gained / best } else { 0.0 },
        hit_10: if first.is_some() { 1.0 } else { 0.0 },
        mean_ms: 0.0,
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// An article with what generators need.
struct Article {
    title: String,
    label: String,
    number: u32,
    document: u32,
    source_id: String,
    body: String,
}

/// What answers a fragment of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FragmentTruth {
    /// The article it was taken from, only. Where several articles hold it, no ranking can know which.
    Source,
    /// Every article that holds it.
    AnyHolder,
    /// The article it was taken from, and only fragments that no other article holds.
    SourceOfUnique,
}

/// `count` queries of eight characters that stand together inside an article.
///
/// Who holds a fragment is found by reading the stored texts, not by the index.
///
/// # Errors
/// Failures of the index.
pub fn fragments(index: &SearchIndex, count: usize, seed: u64, truth: FragmentTruth) -> Result<Vec<JudgedQuery>> {
    let mut seeded = Seeded(seed);
    let wanted = if truth == FragmentTruth::SourceOfUnique { count.saturating_mul(3) } else { count };
    let mut judged = sample(index, wanted, &mut seeded, |article, seeded| {
        let characters = letters(&article.body);
        let start = seeded.below(characters.len().checked_sub(FRAGMENT - 1)?);
        Some(characters.get(start..start + FRAGMENT)?.iter().collect())
    })?;
    if truth != FragmentTruth::Source {
        let mut holders: HashMap<Vec<char>, HashMap<String, u32>> =
            judged.iter().map(|q| (q.text.chars().collect(), HashMap::new())).collect();
        let snapshot = index.snapshot();
        let text = |stored: &TantivyDocument, field| stored.get_first(field).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        for reader in snapshot.searcher.segment_readers() {
            let store =
                reader.get_store_reader(4).map_err(|e| Error::internal("opening the stored fields of the search index failed", e))?;
            for entry in reader.doc_ids_alive() {
                let stored: TantivyDocument = store.get(entry).map_err(super::retrieval::failed)?;
                for window in letters(&text(&stored, snapshot.fields.body)).windows(FRAGMENT) {
                    if let Some(holders) = holders.get_mut(window) {
                        let source_id = text(&stored, snapshot.fields.source_id);
                        if !source_id.is_empty() {
                            holders.insert(source_id, 1);
                        }
                    }
                }
            }
        }
        for query in &mut judged {
            query.relevant = holders.remove(&query.text.chars().collect::<Vec<_>>()).unwrap_or_default();
        }
        if truth == FragmentTruth::SourceOfUnique {
            judged.retain(|query| query.relevant.len() == 1);
            judged.truncate(count);
        }
    }
    Ok(judged)
}

/// Length of a fragment, in characters.
const FRAGMENT: usize = 8;

/// The characters of a text, white space left out.
fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace() && *c != PARAGRAPH_END).collect()
}

/// `count` queries of a title without 中华人民共和国 and an article, in Chinese or Arabic numerals, of the
/// version that stands on the day of `base`; each answered by that article.
///
/// # Errors
/// Failures of the index.
pub fn lookups(index: &SearchIndex, base: &SearchRequest, count: usize, seed: u64) -> Result<Vec<JudgedQuery>> {
    let mut seeded = Seeded(seed);
    let passes = super::facets::Passes::of(&index.snapshot().columns, &SearchRequest { all_versions: false, ..base.clone() });
    sample(index, count, &mut seeded, |article, seeded| {
        let title = article.title.strip_prefix("中华人民共和国").unwrap_or(&article.title);
        if article.number == 0 || !passes.is_searched(article.document) {
            return None;
        }
        let (main, sub) = (article.number / 1_000, article.number % 1_000);
        Some(match (seeded.below(2), sub) {
            (0, 0) => format!("{title}{main}条"),
            (0, sub) => format!("{title}{main}条之{sub}"),
            _ => format!("{title}{}", article.label),
        })
    })
}

fn sample(
    index: &SearchIndex,
    count: usize,
    seeded: &mut Seeded,
    make: impl Fn(&Article, &mut Seeded) -> Option<String>,
) -> Result<Vec<JudgedQuery>> {
    let snapshot = index.snapshot();
    // Ordered by title, date and place: the sample depends neither on the ids of an import nor on how the index is cut into segments.
    let documents = &snapshot.columns.documents;
    let mut by_title: Vec<usize> = (0..documents.len()).collect();
    by_title.sort_by_key(|place| {
        documents.get(*place).map(|d| (&d.about.title, d.about.adopted_on, d.about.promulgated_on, d.about.effective_on))
    });
    let mut ranks = vec![0; documents.len()];
    for (rank, place) in by_title.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(place) {
            *slot = rank;
        }
    }
    let mut all: Vec<(usize, u32, DocAddress, u32, u32)> = Vec::new();
    for (at, (reader, segment)) in snapshot.searcher.segment_readers().iter().zip(snapshot.columns.segments()).enumerate() {
        for entry in reader.doc_ids_alive() {
            let ordinal = segment.columns.ordinal.get(entry as usize).copied().unwrap_or(0);
            if let (true, Some(document)) = (ordinal > 0, segment.document_of(entry)) {
                let rank = ranks.get(document as usize).copied().unwrap_or_default();
                let number = segment.columns.number.get(entry as usize).copied().unwrap_or(0);
                all.push((rank, ordinal, DocAddress::new(at as u32, entry), document, number));
            }
        }
    }
    all.sort_unstable_by_key(|(rank, ordinal, ..)| (*rank, *ordinal));
    let mut judged = Vec::with_capacity(count);
    let mut used = HashSet::new();
    let mut attempts = 0;
    while judged.len() < count && attempts < count.saturating_mul(20) && !all.is_empty() {
        attempts += 1;
        let Some(&(_, _, at, document, number)) = all.get(seeded.below(all.len())) else { continue };
        let stored: TantivyDocument = snapshot.searcher.doc(at).map_err(super::retrieval::failed)?;
        let text = |field| stored.get_first(field).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let article = Article {
            title: snapshot.columns.documents.get(document as usize).map(|d| d.about.title.clone()).unwrap_or_default(),
            label: text(snapshot.fields.label),
            number,
            document,
            source_id: text(snapshot.fields.source_id),
            body: text(snapshot.fields.body),
        };
        if article.source_id.is_empty() {
            continue;
        }
        if let Some(query) = make(&article, seeded).filter(|query| used.insert(query.clone())) {
            judged.push(JudgedQuery { id: judged.len().to_string(), text: query, relevant: HashMap::from([(article.source_id, 1)]) });
        }
    }
    Ok(judged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_follow_their_definitions() {
        let relevant = HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]);
        let own = measure(&["x", "a", "y"], &relevant);
        assert_eq!((own.mrr_10, own.recall_10, own.recall_100, own.hit_10), (0.5, 0.5, 0.5, 1.0));
        let ideal = 1.0 + 1.0 / 3f64.log2();
        assert!((own.ndcg_10 - (1.0 / 3f64.log2()) / ideal).abs() < 1e-9);
        assert_eq!(measure(&["a", "b"], &relevant).ndcg_10, 1.0);
        assert_eq!(measure(&["a", "a"], &relevant).recall_10, 0.5);
        assert_eq!(measure(&[], &relevant), Measures { queries: 1, ..Measures::default() });
    }

    #[test]
    fn judged_queries_are_read_and_bad_lines_named() {
        let judged = read_judged("1\ttrain\t养犬登记\n2\t没有判断\n", "1 0 d7 1\n1 0 d8 0\n").expect("readable");
        assert_eq!(judged.len(), 1);
        assert_eq!((judged[0].text.as_str(), judged[0].relevant.len()), ("养犬登记", 1));
        assert!(read_judged("1\t养犬", "1 0 d7").is_err());
        assert!(read_judged("养犬", "").is_err());
    }
}
