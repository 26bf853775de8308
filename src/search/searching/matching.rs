//! Which entries match a query, and how well.

use std::collections::HashMap;

use tantivy::DocAddress;

use super::pages::text_of;
use super::{Found, LONGEST_QUERY, Search, searched_text};
use crate::error::{Error, Result};
use crate::search::analysis;
use crate::search::engine::number_key;
use crate::search::query::understand;
use crate::search::ranking::{Boost, Terms};
use crate::search::request::Proximity;
use crate::search::retrieval::{self, Mask, PerEntry};
use crate::search::schema::PARAGRAPH_END;

/// Fewest letters of a query that count as a phrase.
const SHORTEST_PHRASE: usize = 4;

/// Greatest number of entries whose 款 are compared for one search with [`Proximity::SameParagraph`].
const COMPARED_PARAGRAPHS: usize = 20_000;

/// Greatest number of entries whose texts are compared with the query for their punctuation.
const COMPARED_PHRASES: usize = 300;

impl Search<'_> {
    /// Which entries may be found at all: quoted phrases, exclusions, earlier queries, nearness.
    pub(super) fn mask(&self) -> Result<Mask> {
        let (searcher, grams) = (&self.snapshot.searcher, self.snapshot.fields.grams);
        let mut mask = retrieval::alive(searcher);
        for phrase in &self.understanding.phrases {
            if let Some(with) = retrieval::entries_with_phrase(searcher, grams, phrase)? {
                retrieval::restrict(&mut mask, &with, true);
            }
        }
        for word in &self.understanding.excluded {
            if let Some(with) = retrieval::entries_with_phrase(searcher, grams, word)? {
                retrieval::restrict(&mut mask, &with, false);
            }
        }
        for earlier in &self.request.within {
            let earlier: String = earlier.chars().take(LONGEST_QUERY).collect();
            let understanding = understand(&earlier, &self.snapshot.catalogue, self.request.context_work);
            let terms = Terms::of(&searched_text(&understanding), &self.weights);
            let shares = retrieval::coverage(&self.living, grams, &terms.grams)?;
            let least = self.weights.parameters.least_coverage;
            let with: Mask = shares.iter().map(|s| s.iter().map(|share| *share >= least).collect()).collect();
            retrieval::restrict(&mut mask, &with, true);
            for phrase in &understanding.phrases {
                if let Some(with) = retrieval::entries_with_phrase(searcher, grams, phrase)? {
                    retrieval::restrict(&mut mask, &with, true);
                }
            }
        }
        if self.request.proximity != Proximity::None {
            let words = self.words();
            for word in &words {
                if let Some(with) = retrieval::entries_with_phrase(searcher, grams, word)? {
                    retrieval::restrict(&mut mask, &with, true);
                }
            }
            if self.request.proximity == Proximity::SameParagraph {
                self.keep_same_paragraph(&mut mask, &words)?;
            }
        }
        Ok(mask)
    }

    /// The words of the query that carry matter; what is written apart is a word of its own.
    pub(super) fn words(&self) -> Vec<String> {
        let text = searched_text(&self.understanding);
        let pieces: Vec<&str> = text.split_whitespace().collect();
        let words: Vec<String> = if pieces.len() > 1 {
            pieces.iter().map(|p| p.to_string()).collect()
        } else {
            analysis::segments(&text).into_iter().map(|w| w.text).filter(|w| !analysis::is_question_word(w)).collect()
        };
        words
            .into_iter()
            .map(|w| analysis::sequence(&w).into_iter().collect::<String>())
            .filter(|w| w.chars().any(analysis::is_matter))
            .collect()
    }

    pub(super) fn keep_same_paragraph(&self, mask: &mut Mask, words: &[String]) -> Result<()> {
        let mut compared = 0;
        for (at, mask) in mask.iter_mut().enumerate() {
            for (entry, slot) in mask.iter_mut().enumerate().filter(|(_, slot)| **slot) {
                compared += 1;
                if compared > COMPARED_PARAGRAPHS {
                    return Err(Error::invalid("query", "检索词过于常见，无法按同一款检索，请换用更具体的词。"));
                }
                let stored = self.stored(DocAddress::new(at as u32, entry as u32))?;
                let body = text_of(&stored, self.snapshot.fields.body);
                *slot = body.split(PARAGRAPH_END).any(|paragraph| {
                    let paragraph: String = analysis::sequence(paragraph).into_iter().collect();
                    words.iter().all(|word| paragraph.contains(word.as_str()))
                });
            }
        }
        Ok(())
    }

    /// Own score of every entry.
    pub(super) fn own_scores(&self) -> Result<PerEntry> {
        let (living, fields, p) = (&self.living, &self.snapshot.fields, &self.weights.parameters);
        let mut scores = retrieval::zeros(living.searcher);
        let (words, bigrams, synonyms) = (self.weights.of(Boost::Words), self.weights.of(Boost::Bigrams), self.weights.of(Boost::Synonyms));
        retrieval::add_scores(living, fields.words, &self.terms.words, p, words, &mut scores)?;
        retrieval::add_scores(living, fields.grams, &self.terms.grams, p, bigrams, &mut scores)?;
        retrieval::add_scores(living, fields.words, &self.terms.synonym_words, p, words * synonyms, &mut scores)?;
        retrieval::add_scores(living, fields.grams, &self.terms.synonym_grams, p, bigrams * synonyms, &mut scores)?;
        Ok(scores)
    }

    /// Entries found by their text, scored, and how many each document has whatever the filters are.
    pub(super) fn by_text(&self) -> Result<(Vec<Found>, Vec<u32>)> {
        let columns = &self.snapshot.columns;
        let mut counts = vec![0u32; columns.documents.len()];
        if self.terms.is_empty() {
            return Ok((Vec::new(), counts));
        }
        let mask = self.mask()?;
        let mut scores = self.own_scores()?;
        let mut terms = self.terms.grams.clone();
        terms.extend(self.terms.synonym_grams.iter().map(|(term, weight)| (term.clone(), weight * self.weights.of(Boost::Synonyms))));
        let mut shares = retrieval::coverage(&self.living, self.snapshot.fields.grams, &terms)?;
        if let [(one, _)] = self.terms.grams.as_slice()
            && one.chars().count() == 1
            && let Some(mask) = retrieval::entries_with_phrase(&self.snapshot.searcher, self.snapshot.fields.grams, one)?
        {
            // A single character is the beginning of many bigrams; none of them tells more than another.
            for ((shares, scores), mask) in shares.iter_mut().zip(scores.iter_mut()).zip(&mask) {
                for ((share, score), _) in shares.iter_mut().zip(scores.iter_mut()).zip(mask).filter(|(_, is_in)| **is_in) {
                    *share = 1.0;
                    *score += 1.0;
                }
            }
        }
        let evidence = self.evidence(&scores, &mask);
        let phrase = self.phrase()?;
        let looked_up: HashMap<u32, f32> = self
            .understanding
            .looked_up()
            .flat_map(|title| columns.by_work.get(&title.work_id).into_iter().flatten().map(|place| (*place, title.certainty)))
            .collect();
        let factors: Vec<f32> = columns
            .documents
            .iter()
            .enumerate()
            .map(|(place, document)| {
                let named = 1.0 + self.weights.of(Boost::NamedDocument) * looked_up.get(&(place as u32)).copied().unwrap_or(0.0);
                named * self.weights.document_factor(&document.about.level, self.passes.validity(place as u32))
            })
            .collect();
        let article = self.understanding.provision.and_then(|p| p.article).map(|(main, sub)| number_key(main, sub));
        let least = self.weights.parameters.least_coverage;
        let mut found = Vec::new();
        for (at, segment) in columns.segments().iter().enumerate() {
            let (Some(scores), Some(shares), Some(mask)) = (scores.get(at), shares.get(at), mask.get(at)) else { continue };
            for (entry, ((score, share), allowed)) in scores.iter().zip(shares).zip(mask).enumerate() {
                let is_phrase = phrase.as_ref().and_then(|mask| mask.get(at)).is_some_and(|mask| mask.get(entry) == Some(&true));
                if !*allowed || *score <= 0.0 || (*share < least && !is_phrase) {
                    continue;
                }
                let Some(document) = segment.document_of(entry as u32).filter(|d| self.passes.is_searched(*d)) else { continue };
                let place = document as usize;
                if let Some(count) = counts.get_mut(place) {
                    *count += 1;
                }
                if !self.passes.passes(document) {
                    continue;
                }
                let mut score = (score + evidence.get(place).copied().unwrap_or(0.0)) * factors.get(place).copied().unwrap_or(1.0);
                if is_phrase {
                    score *= 1.0 + self.weights.of(Boost::Phrase);
                }
                if article.is_some_and(|wanted| segment.columns.number.get(entry).copied().map(u64::from) == Some(wanted)) {
                    score *= 1.0 + self.weights.of(Boost::NamedArticle);
                }
                let (key, ordinal) =
                    (columns.documents.get(place).map_or(0, |d| d.key), segment.columns.ordinal.get(entry).copied().unwrap_or(0));
                found.push(Found { score, key, ordinal, document, at: DocAddress::new(at as u32, entry as u32) });
            }
        }
        Ok((found, counts))
    }

    /// The entries that hold the whole query word for word.
    pub(super) fn phrase(&self) -> Result<Option<Mask>> {
        let text = &self.understanding.normalised;
        if self.weights.of(Boost::Phrase) == 0.0 || text.chars().filter(|c| analysis::is_matter(*c)).count() < SHORTEST_PHRASE {
            return Ok(None);
        }
        let Some(mut mask) = retrieval::entries_with_phrase(&self.snapshot.searcher, self.snapshot.fields.grams, text)? else {
            return Ok(None);
        };
        let wanted: String = analysis::sequence(text).into_iter().collect();
        if wanted.chars().all(analysis::is_matter) {
            return Ok(Some(mask));
        }
        // What is deleted and not yet merged away must not count: the same query would be decided otherwise in an index built afresh.
        retrieval::restrict(&mut mask, &retrieval::alive(&self.snapshot.searcher), true);
        // The index knows where punctuation stands and not which: the texts decide, while they are few.
        let candidates: Vec<(usize, usize)> = mask
            .iter()
            .enumerate()
            .flat_map(|(at, mask)| mask.iter().enumerate().filter(|(_, is_in)| **is_in).map(move |(entry, _)| (at, entry)))
            .collect();
        if candidates.len() > COMPARED_PHRASES {
            return Ok(Some(mask));
        }
        let mut others = Vec::new();
        for (at, entry) in &candidates {
            let stored = self.stored(DocAddress::new(*at as u32, *entry as u32))?;
            let body: String = analysis::sequence(text_of(&stored, self.snapshot.fields.body)).into_iter().collect();
            if !body.contains(&wanted) {
                others.push((*at, *entry));
            }
        }
        if others.len() < candidates.len() {
            for (at, entry) in others {
                if let Some(slot) = mask.get_mut(at).and_then(|mask| mask.get_mut(entry)) {
                    *slot = false;
                }
            }
        }
        Ok(Some(mask))
    }

    /// What the best articles of each document say for all its articles: their mean score, as if the document had that many.
    pub(super) fn evidence(&self, scores: &PerEntry, mask: &Mask) -> Vec<f32> {
        let (weight, most) = (self.weights.of(Boost::DocumentEvidence), self.weights.parameters.evidence_articles.max(1));
        let mut best: Vec<Vec<f32>> = vec![Vec::new(); self.snapshot.columns.documents.len()];
        if weight == 0.0 {
            return Vec::new();
        }
        for ((segment, scores), mask) in self.snapshot.columns.segments().iter().zip(scores).zip(mask) {
            for (entry, score) in scores.iter().enumerate().filter(|(entry, score)| **score > 0.0 && mask.get(*entry) == Some(&true)) {
                let Some(best) =
                    segment.document_of(entry as u32).filter(|d| self.passes.passes(*d)).and_then(|d| best.get_mut(d as usize))
                else {
                    continue;
                };
                if best.len() < most {
                    best.push(*score);
                    if best.len() == most {
                        best.sort_unstable_by(|a, b| b.total_cmp(a));
                    }
                } else if best.last().is_some_and(|least| score > least) {
                    best.pop();
                    let place = best.partition_point(|other| other > score);
                    best.insert(place, *score);
                }
            }
        }
        // Sums of rounded numbers depend on their order, and entries stand in another one in every index.
        let mean = |mut scores: Vec<f32>| {
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            weight * scores.iter().sum::<f32>() / most as f32
        };
        best.into_iter().map(mean).collect()
    }

    /// Documents found by their titles.
    pub(super) fn by_title(&self) -> Result<Vec<Found>> {
        let columns = &self.snapshot.columns;
        let (searcher, field) = (&self.snapshot.searcher, self.snapshot.fields.title_grams);
        let terms = Terms::of(&self.understanding.normalised, &self.weights);
        let mut scores = retrieval::zeros(searcher);
        retrieval::add_scores(&self.living, field, &terms.grams, &self.weights.parameters, 1.0, &mut scores)?;
        let shares = retrieval::coverage(&self.living, field, &terms.grams)?;
        let known: HashMap<u32, f32> = self
            .understanding
            .titles
            .iter()
            .flat_map(|title| columns.by_work.get(&title.work_id).into_iter().flatten().map(|place| (*place, title.certainty)))
            .collect();
        let mut found = Vec::new();
        for (at, (reader, segment)) in searcher.segment_readers().iter().zip(columns.segments()).enumerate() {
            for entry in
                (0..reader.max_doc()).filter(|entry| segment.columns.ordinal.get(*entry as usize) == Some(&0) && !reader.is_deleted(*entry))
            {
                let Some(document) = segment.document_of(entry).filter(|d| self.passes.passes(*d)) else { continue };
                let certainty = known.get(&document).copied().unwrap_or(0.0);
                let share = shares.get(at).and_then(|s| s.get(entry as usize)).copied().unwrap_or(0.0);
                if certainty == 0.0 && share < 0.5 {
                    continue;
                }
                let Some(facts) = columns.documents.get(document as usize) else { continue };
                let text = scores.get(at).and_then(|s| s.get(entry as usize)).copied().unwrap_or(0.0);
                let factor = self.weights.document_factor(&facts.about.level, self.passes.validity(document));
                found.push(Found {
                    score: (text + 1_000.0 * certainty) * factor,
                    key: facts.key,
                    ordinal: 0,
                    document,
                    at: DocAddress::new(at as u32, entry),
                });
            }
        }
        Ok(found)
    }
}
