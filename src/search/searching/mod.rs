//! A search from request to response: read the query, find and score entries, put the named provision first, count, cut a page.
//!
//! Scores of all entries are computed, so totals and facets are exact and paging has no cap. The order is by score, then document, then place
//! in the text; a cursor holds the last of these, so a page never repeats or skips an entry while the index stands still. Scores depend on the
//! entries alone, so a cursor of one instance goes on at another.

mod matching;
mod pages;

use std::collections::HashSet;
use std::time::Instant;

use tantivy::DocAddress;
use uuid::Uuid;

use super::analysis;
use super::columns::Standing;
use super::engine::{SearchIndex, Snapshot, number_key};
use super::facets::Passes;
use super::notices;
use super::query::{Understanding, understand};
use super::ranking::{Boost, Terms, Weights};
use super::request::{Scope, SearchRequest, SearchResponse};
use super::retrieval::{self, Living};
use super::suggest;
use crate::error::{Error, Result};

/// Score from which an entry is one that the query names; no text score comes near it.
const NAMED: f32 = 1_000_000.0;

/// Places by which the document stands behind its named provisions.
const AFTER_PROVISIONS: usize = 500_000;

/// Most works in which an article is looked for by words of their titles.
const TITLED: usize = 20;

/// Longest query that is read, in characters; the rest is cut off.
const LONGEST_QUERY: usize = 2_000;

/// Longest query for which another spelling is offered, in characters: longer ones are questions.
const LONGEST_CORRECTED: usize = 20;

/// One entry that was found.
#[derive(Clone, Copy, Debug)]
struct Found {
    score: f32,
    key: u64,
    ordinal: u32,
    document: u32,
    at: DocAddress,
}

impl Found {
    /// Place in the order of results: greatest score first, then the text's own order.
    fn order(&self) -> (std::cmp::Reverse<u32>, u64, u32) {
        // Scores are never negative, so their bits sort as they do.
        (std::cmp::Reverse(self.score.max(0.0).to_bits()), self.key, self.ordinal)
    }

    fn cursor(&self) -> String {
        format!("{:08x}{:016x}{:08x}", self.score.max(0.0).to_bits(), self.key, self.ordinal)
    }
}

fn read_cursor(text: &str) -> Option<(std::cmp::Reverse<u32>, u64, u32)> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let score = u32::from_str_radix(text.get(..8)?, 16).ok()?;
    let key = u64::from_str_radix(text.get(8..24)?, 16).ok()?;
    let ordinal = u32::from_str_radix(text.get(24..)?, 16).ok()?;
    Some((std::cmp::Reverse(score), key, ordinal))
}

/// A search under way.
struct Search<'a> {
    snapshot: &'a Snapshot,
    request: &'a SearchRequest,
    weights: Weights,
    understanding: Understanding,
    passes: Passes,
    terms: Terms,
    living: Living<'a>,
}

impl SearchIndex {
    /// Loads what the first search would wait for (dictionary, vocabulary), some hundred milliseconds.
    ///
    /// # Errors
    /// Failures of the index.
    pub fn warm(&self, today: chrono::NaiveDate) -> Result<()> {
        self.search(&SearchRequest::new("登记", today)).map(drop)
    }

    /// Answers a request. Blocks for a few milliseconds.
    ///
    /// # Errors
    /// `invalid` for a cursor that this function did not make; failures of the index.
    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse> {
        let began = Instant::now();
        let snapshot = self.snapshot();
        let after = match &request.cursor {
            Some(text) => Some(read_cursor(text).ok_or_else(|| Error::invalid("cursor", "翻页位置无效，请从第一页重新检索。"))?),
            None => None,
        };
        let query: String = request.query.chars().take(LONGEST_QUERY).collect();
        let understanding = understand(&query, &snapshot.catalogue, request.context_work);
        let weights = Weights::shipped(&request.switches).map_err(Error::defect)?;
        let passes = Passes::of(&snapshot.columns, request);
        let terms = Terms::of(&searched_text(&understanding), &weights);
        let living = Living::of(&snapshot);
        let search = Search { snapshot: &snapshot, request, weights, understanding, passes, terms, living };
        let mut response = search.run(after)?;
        response.took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(response)
    }
}

/// The text that is matched: what is left of the query with its phrases; the whole query when next to nothing is left.
fn searched_text(understanding: &Understanding) -> String {
    let mut text = understanding.text.clone();
    for phrase in &understanding.phrases {
        text.push(' ');
        text.push_str(phrase);
    }
    if text.chars().filter(|c| analysis::is_matter(*c)).count() >= 2 || !understanding.phrases.is_empty() {
        return text;
    }
    if understanding.excluded.is_empty() { understanding.normalised.clone() } else { String::new() }
}

impl Search<'_> {
    fn run(self, after: Option<(std::cmp::Reverse<u32>, u64, u32)>) -> Result<SearchResponse> {
        let names_provisions = self.weights.of(Boost::DirectAnswer) > 0.0;
        let mut named = if names_provisions { self.named()? } else { Vec::new() };
        let (mut found, counts) = match self.request.scope {
            Scope::Everything => self.by_text()?,
            Scope::Titles => (self.by_title()?, Vec::new()),
        };
        let (mut counts, is_articles) = (counts, self.request.scope == Scope::Everything);
        counts.resize(self.snapshot.columns.documents.len(), 0);
        let answer = named.first().copied().filter(|first| first.ordinal > 0);
        let absence = if after.is_none() && answer.is_none() { self.absence(&named)? } else { None };
        if names_provisions && named.is_empty() {
            named = self.under_subject()?;
        }
        if is_articles {
            let places: HashSet<DocAddress> = named.iter().map(|entry| entry.at).collect();
            let mut were_found: HashSet<DocAddress> = HashSet::new();
            found.retain(|entry| {
                let is_named = places.contains(&entry.at);
                if is_named {
                    were_found.insert(entry.at);
                }
                !is_named
            });
            for entry in named.iter().filter(|entry| entry.ordinal > 0 && !were_found.contains(&entry.at)) {
                if let Some(count) = counts.get_mut(entry.document as usize) {
                    *count += 1;
                }
            }
            found.extend(named);
        } else {
            for entry in &found {
                if let Some(count) = counts.get_mut(entry.document as usize) {
                    *count = 1;
                }
            }
        }
        let passing = |place: usize| self.passes.passes(place as u32);
        let total_articles =
            counts.iter().enumerate().filter(|(place, _)| is_articles && passing(*place)).map(|(_, count)| u64::from(*count)).sum();
        let mut is_found = vec![false; counts.len()];
        for entry in &found {
            if let Some(slot) = is_found.get_mut(entry.document as usize) {
                *slot = true;
            }
        }
        let total_documents = is_found.iter().filter(|found| **found).count() as u64;
        let facets = self.passes.facets(&self.snapshot.columns, self.request, &counts);
        let limit = self.request.limit.clamp(1, SearchRequest::LARGEST_PAGE);
        let is_first_page = after.is_none();
        let (hits, groups, next_cursor) =
            if self.request.group_by_document { self.groups(found, after, limit, &counts)? } else { self.hits(found, after, limit)? };
        let answer = match answer.filter(|_| is_first_page && is_articles) {
            Some(entry) => Some(self.answer(&entry)?),
            None => None,
        };
        let asks_for_correction = is_first_page && answer.is_none() && self.understanding.raw.chars().count() <= LONGEST_CORRECTED;
        let did_you_mean = if asks_for_correction { self.better_spelling(total_articles == 0) } else { None };
        let missing = self.understanding.missing_title.as_deref().filter(|_| is_first_page);
        let notice = absence.or_else(|| missing.map(|title| notices::no_such_title(title, total_documents > 0)));
        Ok(SearchResponse {
            total_articles,
            total_documents,
            answer,
            notice,
            hits,
            groups,
            facets,
            next_cursor,
            did_you_mean,
            is_behind: false,
            understanding: self.understanding,
            took_us: 0,
        })
    }

    /// Another spelling worth offering: of anything when nothing was found, else only one that names a document the query did not.
    fn better_spelling(&self, found_nothing: bool) -> Option<String> {
        let catalogue = &self.snapshot.catalogue;
        let better = suggest::did_you_mean(&self.understanding.raw, catalogue, &self.snapshot.vocabulary())?;
        let names_document =
            || self.understanding.looked_up().next().is_none() && understand(&better, catalogue, None).looked_up().next().is_some();
        (found_nothing || names_document()).then_some(better)
    }

    /// What the query names: provisions of looked-up works, or, when nothing else is asked, the documents themselves.
    fn named(&self) -> Result<Vec<Found>> {
        let has_text = self.understanding.text.chars().any(analysis::is_matter) || !self.understanding.phrases.is_empty();
        let ranges = self.ranges();
        if ranges.is_empty() && has_text {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let versions = self.understanding.looked_up().flat_map(|title| self.versions_of(title.work_id));
        for (rank, document) in versions.enumerate() {
            self.entries_of(document, &ranges, NAMED * 2.0 - (rank as f32) * 1_000.0, &mut found)?;
        }
        found.sort_by_key(Found::order);
        Ok(found)
    }

    /// Numbers of the articles that the query names, from and to.
    fn ranges(&self) -> Vec<(u64, u64)> {
        let more = self.understanding.more_provisions.iter().filter(|p| p.work_ids.is_empty()).map(|p| &p.provision);
        let provisions = self.understanding.provision.iter().chain(more);
        provisions
            .filter_map(|provision| {
                let (main, sub) = provision.article?;
                let from = number_key(main, sub);
                Some((from, provision.to_article.map_or(from, |(main, sub)| number_key(main, sub)).max(from)))
            })
            .collect()
    }

    /// The versions of a work that may be found: in force first, then the newest.
    fn versions_of(&self, work: Uuid) -> Vec<u32> {
        let columns = &self.snapshot.columns;
        let mut versions: Vec<u32> =
            columns.by_work.get(&work).into_iter().flatten().copied().filter(|place| self.passes.passes(*place)).collect();
        // Versions come in the order of their dates.
        versions.reverse();
        versions.sort_by_key(|place| !self.is_current(*place));
        versions
    }

    fn is_current(&self, document: u32) -> bool {
        let facts = self.snapshot.columns.documents.get(document as usize);
        facts.is_some_and(|facts| facts.standing(self.request.as_of) == Standing::Current)
    }

    /// The articles of the number that the query names, in the works whose titles hold its other words: 第20条 养犬.
    fn under_subject(&self) -> Result<Vec<Found>> {
        let works = self.snapshot.catalogue.titled_with(&self.understanding.subject_words(), TITLED);
        let mut versions: Vec<u32> = works.into_iter().flat_map(|work| self.versions_of(work)).collect();
        versions.sort_by_key(|place| !self.is_current(*place));
        let (ranges, mut found) = (self.ranges(), Vec::new());
        for (rank, document) in versions.into_iter().enumerate() {
            self.entries_of(document, &ranges, NAMED * 2.0 - (rank as f32) * 1_000.0, &mut found)?;
        }
        found.retain(|entry| entry.ordinal > 0);
        Ok(found)
    }

    /// What to say when the works that the query looks up are here and what it asks of them is not. `named` holds no provision.
    fn absence(&self, named: &[Found]) -> Result<Option<String>> {
        let columns = &self.snapshot.columns;
        let title_of = |place: u32| columns.documents.get(place as usize).map(|document| document.about.title.as_str());
        if let (Some(first), Some(label)) = (named.first(), self.understanding.provision.and_then(|p| p.article_label())) {
            let works: HashSet<Uuid> =
                named.iter().filter_map(|entry| columns.documents.get(entry.document as usize)).map(|d| d.about.work_id).collect();
            if works.len() > 1 {
                return Ok(Some(notices::no_such_article_in_any(works.len(), &label)));
            }
            let mut articles = Vec::new();
            self.entries_of(first.document, &[(1, u64::MAX)], 0.0, &mut articles)?;
            let has_articles = articles.iter().any(|entry| entry.ordinal > 0);
            return Ok(title_of(first.document).map(|title| notices::no_such_article(title, has_articles, &label)));
        }
        if !self.request.only_in_force || !self.request.filters.validity.is_empty() || !named.is_empty() {
            return Ok(None);
        }
        let places: Vec<u32> =
            self.understanding.looked_up().filter_map(|title| columns.by_work.get(&title.work_id)).flatten().copied().collect();
        let is_passing = places.iter().any(|place| self.passes.passes(*place));
        let kept_out = places.into_iter().find(|place| self.passes.fails_by_validity(*place)).filter(|_| !is_passing);
        Ok(kept_out.and_then(title_of).map(|title| notices::not_in_force(title, self.request.as_of)))
    }

    /// The entry of a document, below its provisions in `ranges`.
    fn entries_of(&self, document: u32, ranges: &[(u64, u64)], score: f32, found: &mut Vec<Found>) -> Result<()> {
        let Some(facts) = self.snapshot.columns.documents.get(document as usize) else { return Ok(()) };
        let term = tantivy::Term::from_field_text(self.snapshot.fields.version, &facts.about.version_id.to_string());
        for (at, (reader, segment)) in self.snapshot.searcher.segment_readers().iter().zip(self.snapshot.columns.segments()).enumerate() {
            retrieval::for_each_posting(reader, &term, |entry| {
                if reader.is_deleted(entry) {
                    return;
                }
                let ordinal = segment.columns.ordinal.get(entry as usize).copied().unwrap_or(0);
                let number = u64::from(segment.columns.number.get(entry as usize).copied().unwrap_or(0));
                // The order of a list (第七条、第五条) is kept; documents come after all provisions, or alone.
                let place = if ordinal == 0 {
                    Some(if ranges.is_empty() { 0 } else { AFTER_PROVISIONS })
                } else {
                    ranges.iter().position(|(from, to)| number > 0 && (*from..=*to).contains(&number))
                };
                if let Some(place) = place {
                    found.push(Found {
                        score: score - place as f32,
                        key: facts.key,
                        ordinal,
                        document,
                        at: DocAddress::new(at as u32, entry),
                    });
                }
            })?;
        }
        Ok(())
    }
}
