//! From entries found to what a page shows.

use std::cmp::Reverse;
use std::collections::HashMap;

use tantivy::schema::{Field, Value};
use tantivy::{DocAddress, TantivyDocument};

use super::{Found, Search};
use crate::error::{Error, Result};
use crate::search::request::{Answer, Group, Hit, Segment};
use crate::search::retrieval;
use crate::search::schema::PARAGRAPH_END;
use crate::search::snippets;

/// Hits shown under one document.
const HITS_IN_GROUP: usize = 3;

/// Bigrams below this weight touch question words and are not highlighted.
const HIGHLIGHT_WEIGHT: f32 = 0.85;

impl Search<'_> {
    /// A page of entries.
    pub(super) fn hits(
        &self,
        mut found: Vec<Found>,
        after: Option<(Reverse<u32>, u64, u32)>,
        limit: usize,
    ) -> Result<(Vec<Hit>, Vec<Group>, Option<String>)> {
        if let Some(after) = after {
            found.retain(|f| f.order() > after);
        }
        let has_more = found.len() > limit;
        if has_more {
            found.select_nth_unstable_by_key(limit, Found::order);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(Found::order);
        let next = if has_more { found.last().map(Found::cursor) } else { None };
        let hits = found.iter().map(|f| self.hit(f)).collect::<Result<_>>()?;
        Ok((hits, Vec::new(), next))
    }

    /// A page of documents with their best entries.
    pub(super) fn groups(
        &self,
        mut found: Vec<Found>,
        after: Option<(Reverse<u32>, u64, u32)>,
        limit: usize,
        counts: &[u32],
    ) -> Result<(Vec<Hit>, Vec<Group>, Option<String>)> {
        found.sort_unstable_by_key(Found::order);
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut grouped: Vec<Vec<Found>> = Vec::new();
        for entry in found {
            let place = *places.entry(entry.document).or_insert_with(|| {
                grouped.push(Vec::new());
                grouped.len() - 1
            });
            if let Some(group) = grouped.get_mut(place).filter(|group| group.len() < HITS_IN_GROUP) {
                group.push(entry);
            }
        }
        let mut rest =
            grouped.into_iter().filter(|group| after.is_none_or(|after| group.first().is_some_and(|best| best.order() > after))).peekable();
        let mut groups = Vec::new();
        let mut last = None;
        for group in rest.by_ref().take(limit) {
            let Some(best) = group.first() else { continue };
            let Some(facts) = self.snapshot.columns.documents.get(best.document as usize) else { continue };
            last = Some(best.cursor());
            groups.push(Group {
                work_id: facts.about.work_id,
                version_id: facts.about.version_id,
                title: facts.about.title.clone(),
                count: counts.get(best.document as usize).copied().map_or(0, u64::from),
                hits: group.iter().map(|f| self.hit(f)).collect::<Result<_>>()?,
            });
        }
        let next = if rest.peek().is_some() { last } else { None };
        Ok((Vec::new(), groups, next))
    }

    pub(super) fn stored(&self, at: DocAddress) -> Result<TantivyDocument> {
        self.snapshot.searcher.doc(at).map_err(retrieval::failed)
    }

    pub(super) fn hit(&self, found: &Found) -> Result<Hit> {
        let fields = &self.snapshot.fields;
        let stored = self.stored(found.at)?;
        let text = |field| text_of(&stored, field).to_owned();
        let facts =
            self.snapshot.columns.documents.get(found.document as usize).ok_or_else(|| Error::defect("a hit without its document"))?;
        let mut terms = self.terms.grams.clone();
        terms.extend(self.terms.synonym_grams.iter().cloned());
        let body = text_of(&stored, fields.body);
        let snippet = if body.is_empty() {
            title_snippet(&facts.about.title, &terms)
        } else {
            snippets::snippet(&body.replace(PARAGRAPH_END, "\n"), &terms, HIGHLIGHT_WEIGHT)
        };
        Ok(Hit {
            work_id: facts.about.work_id,
            version_id: facts.about.version_id,
            title: facts.about.title.clone(),
            document_number: facts.about.document_number.clone(),
            level: facts.about.level.clone(),
            validity: self.passes.validity(found.document).to_owned(),
            effective_on: facts.about.effective_on,
            ended_on: facts.about.ended_on,
            address: text(fields.address),
            label: text(fields.label),
            path: text(fields.path),
            heading: text(fields.heading),
            score: found.score,
            snippet,
            source_id: Some(text(fields.source_id)).filter(|id| !id.is_empty()),
        })
    }

    pub(super) fn answer(&self, found: &Found) -> Result<Answer> {
        let stored = self.stored(found.at)?;
        let paragraphs =
            text_of(&stored, self.snapshot.fields.body).split(PARAGRAPH_END).filter(|p| !p.is_empty()).map(str::to_owned).collect();
        let provision = self.understanding.provision;
        Ok(Answer {
            hit: self.hit(found)?,
            paragraphs,
            paragraph: provision.and_then(|p| p.paragraph),
            item: provision.and_then(|p| p.item),
        })
    }
}

fn title_snippet(title: &str, terms: &[(String, f32)]) -> Vec<Segment> {
    snippets::snippet(title, terms, HIGHLIGHT_WEIGHT)
}

pub(super) fn text_of(stored: &TantivyDocument, field: Field) -> &str {
    stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default()
}
