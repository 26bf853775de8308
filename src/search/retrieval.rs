//! Retrieval: walks the posting lists of a query's terms and gives every entry its own score and its coverage.
//!
//! Own BM25 over tantivy's posting lists, term by term into one array a segment: its parameters are ours to choose, every entry's score is at
//! hand for what documents say for their articles, and facet counts need no second pass. Cost: one addition per posting.
//!
//! Every number that goes into a score is one of the entries that live ([`Living`]), and sums are taken in the order of the terms: two indexes
//! that hold the same score the same to the last bit, whichever changes they have followed and however they are cut into segments.

use std::cell::RefCell;
use std::collections::HashMap;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::query::{EnableScoring, PhraseQuery, Query};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED, TantivyError, Term};

use super::analysis;
use super::columns::Lengths;
use super::engine::Snapshot;
use super::ranking::Parameters;
use super::schema::Fields;
use crate::error::{Error, Result};

/// One number for every entry, by segment.
pub(super) type PerEntry = Vec<Vec<f32>>;

/// Which entries are allowed, by segment.
pub(super) type Mask = Vec<Vec<bool>>;

pub(super) fn failed(problem: TantivyError) -> Error {
    Error::internal("reading the search index failed", problem)
}

/// An array of zeros for the entries of a searcher.
pub(super) fn zeros(searcher: &Searcher) -> PerEntry {
    searcher.segment_readers().iter().map(|reader| vec![0.0; reader.max_doc() as usize]).collect()
}

/// A mask that allows what is not deleted.
pub(super) fn alive(searcher: &Searcher) -> Mask {
    searcher.segment_readers().iter().map(|reader| (0..reader.max_doc()).map(|entry| !reader.is_deleted(entry)).collect()).collect()
}

/// Statistics of the entries that live, for one search: what is deleted stands in the posting lists until the index merges it away.
pub(super) struct Living<'a> {
    pub searcher: &'a Searcher,
    fields: &'a Fields,
    lengths: Lengths,
    /// Terms that were asked for, with how many entries hold them: each is asked for twice.
    known: RefCell<HashMap<Term, u32>>,
}

impl<'a> Living<'a> {
    pub fn of(snapshot: &'a Snapshot) -> Living<'a> {
        Living { searcher: &snapshot.searcher, fields: &snapshot.fields, lengths: snapshot.columns.lengths, known: RefCell::default() }
    }

    /// Mean number of tokens of an entry in a field, at least 1.
    fn average_length(&self, field: Field) -> f32 {
        (self.lengths.of(self.fields, field) as f32 / self.searcher.num_docs().max(1) as f32).max(1.0)
    }

    /// Entries that hold a term.
    fn frequency(&self, term: &Term) -> Result<u32> {
        if let Some(known) = self.known.borrow().get(term) {
            return Ok(*known);
        }
        let mut frequency = 0;
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(term.field()).map_err(failed)?;
            let Some(found) = index.get_term_info(term).map_err(io_failed)? else { continue };
            frequency += living_entries(reader, &index, &found)?;
        }
        self.known.borrow_mut().insert(term.clone(), frequency);
        Ok(frequency)
    }

    /// How rare a term is: its weight in BM25, 0 for a term that does not occur.
    fn information(&self, term: &Term) -> Result<f32> {
        let frequency = self.frequency(term)? as f32;
        if frequency == 0.0 {
            return Ok(0.0);
        }
        let total = self.searcher.num_docs() as f32;
        Ok((1.0 + (total - frequency).max(0.0) / (frequency + 0.5)).ln())
    }
}

/// Entries of a segment that hold a term and are not deleted.
pub(super) fn living_entries(reader: &SegmentReader, index: &InvertedIndexReader, term: &TermInfo) -> Result<u32> {
    match reader.alive_bitset() {
        None => Ok(term.doc_freq),
        Some(alive) => {
            let postings = index.read_postings_from_terminfo(term, IndexRecordOption::Basic).map_err(io_failed)?;
            Ok(postings.doc_freq_given_deletes(alive))
        }
    }
}

/// Adds BM25 of `terms` in `field`, times `weight`, to `scores`.
pub(super) fn add_scores(
    living: &Living<'_>,
    field: Field,
    terms: &[(String, f32)],
    parameters: &Parameters,
    weight: f32,
    scores: &mut PerEntry,
) -> Result<()> {
    if weight == 0.0 || terms.is_empty() {
        return Ok(());
    }
    let average = living.average_length(field);
    let Parameters { k1, b, .. } = parameters;
    // Lengths are kept in one byte each, so there are 256 of them.
    let saturation: Vec<f32> =
        (0..=255u8).map(|id| k1 * (1.0 - b + b * tantivy::fieldnorm::FieldNormReader::id_to_fieldnorm(id) as f32 / average)).collect();
    for (text, term_weight) in terms {
        let term = Term::from_field_text(field, text);
        let factor = living.information(&term)? * term_weight * weight * (k1 + 1.0);
        if factor == 0.0 {
            continue;
        }
        for (reader, scores) in living.searcher.segment_readers().iter().zip(scores.iter_mut()) {
            let lengths = reader.get_fieldnorms_reader(field).map_err(failed)?;
            let postings =
                reader.inverted_index(field).map_err(failed)?.read_postings(&term, IndexRecordOption::WithFreqs).map_err(io_failed)?;
            let Some(mut postings) = postings else { continue };
            let mut entry = postings.doc();
            while entry != TERMINATED {
                let times = tantivy::postings::Postings::term_freq(&postings) as f32;
                if let Some(score) = scores.get_mut(entry as usize) {
                    *score += factor * times / (times + saturation[lengths.fieldnorm_id(entry) as usize]);
                }
                entry = postings.advance();
            }
        }
    }
    Ok(())
}

fn io_failed(problem: std::io::Error) -> Error {
    Error::internal("reading the search index failed", problem)
}

/// The share of the query's terms, by information, that each entry has. Terms that occur nowhere do not count.
pub(super) fn coverage(living: &Living<'_>, field: Field, terms: &[(String, f32)]) -> Result<PerEntry> {
    let mut shares = zeros(living.searcher);
    let mut informations = Vec::with_capacity(terms.len());
    for (text, weight) in terms {
        informations.push(living.information(&Term::from_field_text(field, text))? * weight);
    }
    let total: f32 = informations.iter().sum();
    if total <= 0.0 {
        return Ok(shares);
    }
    for ((text, _), own) in terms.iter().zip(informations) {
        let term = Term::from_field_text(field, text);
        for (reader, shares) in living.searcher.segment_readers().iter().zip(shares.iter_mut()) {
            for_each_posting(reader, &term, |entry| {
                if let Some(share) = shares.get_mut(entry as usize) {
                    *share += own / total;
                }
            })?;
        }
    }
    Ok(shares)
}

pub(super) fn for_each_posting(reader: &SegmentReader, term: &Term, mut act: impl FnMut(u32)) -> Result<()> {
    let postings = reader.inverted_index(term.field()).map_err(failed)?.read_postings(term, IndexRecordOption::Basic).map_err(io_failed)?;
    let Some(mut postings) = postings else { return Ok(()) };
    let mut entry = postings.doc();
    while entry != TERMINATED {
        act(entry);
        entry = postings.advance();
    }
    Ok(())
}

/// The entries in which `text` stands character for character (white space and kinds of punctuation aside).
///
/// `None` when the text holds nothing that is indexed.
pub(super) fn entries_with_phrase(searcher: &Searcher, field: Field, text: &str) -> Result<Option<Mask>> {
    let grams = analysis::grams(text);
    let length = analysis::sequence(text).len();
    // A single character before punctuation ends a run in the text as well; the last of the query need not.
    let ends_run = |g: &analysis::Gram| !g.text.starts_with('#') && g.at + 1 < length;
    let pairs: Vec<(usize, Term)> =
        grams.iter().filter(|g| g.is_pair || ends_run(g)).map(|g| (g.at, Term::from_field_text(field, &g.text))).collect();
    let mut mask: Mask = searcher.segment_readers().iter().map(|reader| vec![false; reader.max_doc() as usize]).collect();
    let single = match (pairs.as_slice(), grams.first()) {
        ([(_, one)], _) => Some(vec![one.clone()]),
        ([], Some(gram)) => Some(terms_from(searcher, field, &gram.text)?),
        ([], None) => return Ok(None),
        _ => None,
    };
    if let Some(terms) = single {
        for term in terms {
            for (reader, mask) in searcher.segment_readers().iter().zip(mask.iter_mut()) {
                for_each_posting(reader, &term, |entry| {
                    if let Some(slot) = mask.get_mut(entry as usize) {
                        *slot = true;
                    }
                })?;
            }
        }
        return Ok(Some(mask));
    }
    let first = pairs.first().map(|(at, _)| *at).unwrap_or(0);
    let query = PhraseQuery::new_with_offset(pairs.into_iter().map(|(at, term)| (at - first, term)).collect());
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher)).map_err(failed)?;
    for (reader, mask) in searcher.segment_readers().iter().zip(mask.iter_mut()) {
        weight
            .for_each_no_score(reader, &mut |entries| {
                for entry in entries {
                    if let Some(slot) = mask.get_mut(*entry as usize) {
                        *slot = true;
                    }
                }
            })
            .map_err(failed)?;
    }
    Ok(Some(mask))
}

/// Every term of `field` that begins with `prefix`, at most a few thousand.
fn terms_from(searcher: &Searcher, field: Field, prefix: &str) -> Result<Vec<Term>> {
    let mut found = std::collections::BTreeSet::new();
    for reader in searcher.segment_readers() {
        let index = reader.inverted_index(field).map_err(failed)?;
        let mut stream = index.terms().range().ge(prefix.as_bytes()).into_stream().map_err(io_failed)?;
        while found.len() < 5_000 && stream.advance() {
            if !stream.key().starts_with(prefix.as_bytes()) {
                break;
            }
            if let Ok(text) = std::str::from_utf8(stream.key()) {
                found.insert(text.to_owned());
            }
        }
    }
    Ok(found.into_iter().map(|text| Term::from_field_text(field, &text)).collect())
}

/// Keeps in `mask` only what `other` allows (or forbids, when `keep` is false).
pub(super) fn restrict(mask: &mut Mask, other: &Mask, keep: bool) {
    for (mask, other) in mask.iter_mut().zip(other) {
        for (slot, allowed) in mask.iter_mut().zip(other) {
            *slot &= *allowed == keep;
        }
    }
}
