//! Search in process over 20,000 articles, beside a raw tantivy query on the same index.
//!
//! The product reads the query, scores every entry, counts facets, cuts snippets. The reference is the least that a search on this index can be:
//! the bigrams of the query as a disjunction, twenty best by BM25, their stored fields.

mod synthetic;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use chrono::NaiveDate;
use divan::{Bencher, black_box};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Index, Searcher, TantivyDocument, Term};
use zhitong::search::{SearchIndex, SearchRequest};

/// Queries of the table of latencies.
const QUERIES: usize = 3_000;

struct Bed {
    index: SearchIndex,
    raw: Searcher,
    grams: Field,
    queries: Vec<String>,
    _folder: tempfile::TempDir,
}

static BED: LazyLock<Bed> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let documents = synthetic::documents(synthetic::DOCUMENTS, synthetic::ARTICLES);
    let (index, _) = SearchIndex::open(folder.path()).expect("an index");
    let started = Instant::now();
    let built =
        index.rebuild(0, documents.iter().enumerate().map(|(place, d)| Ok(synthetic::indexed(place, d))), |_| {}).expect("a built index");
    let rate = built.provisions as f64 / started.elapsed().as_secs_f64();
    println!("built {} articles of {} documents, {rate:.0} articles a second", built.provisions, built.documents);
    let (raw, grams) = raw(&folder.path().join("gen-1"));
    Bed { index, raw, grams, queries: synthetic::queries(&documents, QUERIES), _folder: folder }
});

fn raw(directory: &Path) -> (Searcher, Field) {
    let index = Index::open_in_dir(directory).expect("the same index");
    let grams = index.schema().get_field("grams").expect("the bigrams");
    (index.reader().expect("a reader").searcher(), grams)
}

impl Bed {
    fn request(query: &str) -> SearchRequest {
        SearchRequest::new(query, NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day"))
    }

    fn product(&self, query: &str) -> u64 {
        self.index.search(&Self::request(query)).expect("an answer").total_articles
    }

    fn reference(&self, query: &str) -> u64 {
        let characters: Vec<char> = query.chars().collect();
        let clauses = characters.windows(2).map(|pair| {
            let term = Term::from_field_text(self.grams, &pair.iter().collect::<String>());
            (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>)
        });
        let collector = (TopDocs::with_limit(20).order_by_score(), Count);
        let (best, count) = self.raw.search(&BooleanQuery::new(clauses.collect()), &collector).expect("an answer");
        for (_, address) in best {
            black_box(self.raw.doc::<TantivyDocument>(address).expect("a stored entry"));
        }
        count as u64
    }
}

fn main() {
    let bed = &*BED;
    println!();
    let mut p50 = Vec::new();
    for (name, search) in [("raw tantivy, bigrams", Bed::reference as fn(&Bed, &str) -> u64), ("product, in process", Bed::product)] {
        // Once unmeasured: dictionaries are loaded, files are in memory.
        let found = bed.queries.iter().filter(|query| search(bed, query) > 0).count();
        assert!(found * 10 > QUERIES * 9, "only {found} of {QUERIES} queries find anything");
        let kinds = ["words", "fragment", "title + article"];
        let mut all = Vec::new();
        for (kind, label) in kinds.iter().enumerate() {
            let mut durations: Vec<_> = bed
                .queries
                .iter()
                .skip(kind)
                .step_by(kinds.len())
                .map(|query| {
                    let started = Instant::now();
                    black_box(search(bed, query));
                    started.elapsed()
                })
                .collect();
            synthetic::report(&format!("{name}: {label}"), &mut durations);
            all.append(&mut durations);
        }
        p50.push(synthetic::report(&format!("{name}: all"), &mut all));
    }
    println!("ratio of p50 {:.2}\n", p50[1].as_secs_f64() / p50[0].as_secs_f64());
    divan::main();
}

fn each(bencher: Bencher, search: impl Fn(&Bed, &str) -> u64) {
    let bed = &*BED;
    let mut place = 0;
    bencher.bench_local(|| {
        place = (place + 1) % bed.queries.len();
        search(bed, &bed.queries[place])
    });
}

/// The product's search.
#[divan::bench(max_time = 5)]
fn product(bencher: Bencher) {
    each(bencher, Bed::product);
}

/// A raw query of the engine.
#[divan::bench(max_time = 5)]
fn raw_tantivy(bencher: Bencher) {
    each(bencher, Bed::reference);
}
