//! What the search keeps in memory beside the index: to which document each entry belongs, and the facts of every document.
//!
//! Segments of the index never change, so what was read from one is kept until the segment goes. About twenty-four bytes an entry and one
//! [`Document`] a version. Beside them stand the [`Lengths`] of the entries that live: the index itself counts what is deleted until it merges
//! it away, and when it does only estimates what is left.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use tantivy::index::SegmentId;
use tantivy::postings::Postings;
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocSet, Searcher, SegmentReader, TERMINATED, TantivyDocument};
use uuid::Uuid;

use super::schema::{About, Fields};
use crate::error::{Error, Result};

/// One version of a document, as filters, facets and ranking see it.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub about: About,
    /// Values of the facets in the order of [`super::facets::Dimension`], as numbers of [`Columns::values`].
    pub facets: [u32; super::facets::DIMENSIONS],
    /// Key of the version, see [`key_of`].
    pub key: u64,
    /// Whether a later version of the same work exists.
    pub has_next: bool,
}

/// Number of fields whose entries are compared by their length.
const MEASURED: usize = 3;

/// Tokens of all entries that are not deleted, field by field. Equal for equal entries, whatever changes they have come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths([u64; MEASURED]);

impl Lengths {
    /// Tokens of a field; 0 for a field that is not measured.
    pub fn of(&self, fields: &Fields, field: Field) -> u64 {
        measured(fields).iter().zip(self.0).find(|(known, _)| **known == field).map_or(0, |(_, tokens)| tokens)
    }
}

/// The fields that are measured.
fn measured(fields: &Fields) -> [Field; MEASURED] {
    [fields.words, fields.grams, fields.title_grams]
}

/// Entries of one segment.
#[derive(Debug)]
pub(super) struct SegmentColumns {
    /// Keys of the documents that occur here.
    keys: Vec<u64>,
    /// For each entry its place in `keys`.
    local: Vec<u32>,
    /// For each entry its place in reading order; 0 = the document entry.
    pub ordinal: Vec<u32>,
    /// For each entry article number × 1000 + 之-number.
    pub number: Vec<u32>,
    /// Facts of the document entries here.
    abouts: Vec<(u32, About)>,
    /// For each measured field the tokens of each entry.
    lengths: [Vec<u32>; MEASURED],
}

/// Everything in memory, consistent with one searcher.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub documents: Vec<Document>,
    pub by_version: HashMap<Uuid, u32>,
    pub by_work: HashMap<Uuid, Vec<u32>>,
    /// Texts of the facet values.
    pub values: Vec<String>,
    /// Tokens of all entries.
    pub lengths: Lengths,
    segments: Vec<Segment>,
    kept: HashMap<SegmentId, Arc<SegmentColumns>>,
}

/// A segment of the searcher with the places of its documents in [`Columns::documents`].
#[derive(Debug)]
pub(super) struct Segment {
    pub columns: Arc<SegmentColumns>,
    /// For each place in `keys` the document, or `u32::MAX` where the document entry is missing.
    places: Vec<u32>,
}

impl Segment {
    /// The document an entry belongs to.
    pub fn document_of(&self, entry: u32) -> Option<u32> {
        let local = *self.columns.local.get(entry as usize)?;
        self.places.get(local as usize).copied().filter(|place| *place != u32::MAX)
    }
}

/// The key of a version in the index: both halves of its id folded into one.
pub(super) fn key_of(version: Uuid) -> u64 {
    let (high, low) = version.as_u64_pair();
    high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low
}

impl Columns {
    /// Reads what is new in `searcher` and keeps what is known from `before`.
    pub fn read(searcher: &Searcher, fields: &Fields, before: &Columns) -> Result<Columns> {
        let mut columns = Columns::default();
        for reader in searcher.segment_readers() {
            let id = reader.segment_id();
            let segment = match before.kept.get(&id) {
                Some(known) => known.clone(),
                None => Arc::new(read_segment(reader, fields)?),
            };
            columns.kept.insert(id, segment.clone());
            columns.segments.push(Segment { columns: segment, places: Vec::new() });
        }
        let mut values: HashMap<String, u32> = HashMap::new();
        let mut places: HashMap<u64, u32> = HashMap::new();
        let all: Vec<Arc<SegmentColumns>> = columns.segments.iter().map(|s| s.columns.clone()).collect();
        for (segment, reader) in all.iter().zip(searcher.segment_readers()) {
            for (sum, lengths) in columns.lengths.0.iter_mut().zip(&segment.lengths) {
                *sum +=
                    reader.doc_ids_alive().filter_map(|entry| lengths.get(entry as usize)).map(|tokens| u64::from(*tokens)).sum::<u64>();
            }
            for (entry, about) in &segment.abouts {
                if reader.is_deleted(*entry) {
                    continue;
                }
                let place = columns.documents.len() as u32;
                let facets = facet_texts(about).map(|text| {
                    *values.entry(text).or_insert_with_key(|text| {
                        columns.values.push(text.clone());
                        columns.values.len() as u32 - 1
                    })
                });
                places.insert(key_of(about.version_id), place);
                columns.by_version.insert(about.version_id, place);
                columns.by_work.entry(about.work_id).or_default().push(place);
                columns.documents.push(Document { about: about.clone(), facets, key: key_of(about.version_id), has_next: false });
            }
        }
        for versions in columns.by_work.values_mut() {
            versions.sort_by_key(|place| columns.documents.get(*place as usize).map(|d| (d.about.effective_on, d.about.version_id)));
            for place in versions.iter().rev().skip(1) {
                if let Some(document) = columns.documents.get_mut(*place as usize) {
                    document.has_next = true;
                }
            }
        }
        for segment in &mut columns.segments {
            segment.places = segment.columns.keys.iter().map(|key| places.get(key).copied().unwrap_or(u32::MAX)).collect();
        }
        Ok(columns)
    }

    /// The segments, in the order of the searcher's segment readers.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// Texts of the facets of a document, in the order of the dimensions.
fn facet_texts(about: &About) -> [String; super::facets::DIMENSIONS] {
    let year = about.promulgated_on.or(about.adopted_on).or(about.effective_on).map(|day| day.year().to_string()).unwrap_or_default();
    [about.category.clone(), about.level.clone(), about.validity.clone(), about.organ.clone(), about.region.clone(), year]
}

fn read_segment(reader: &SegmentReader, fields: &Fields) -> Result<SegmentColumns> {
    let failed = |e: tantivy::TantivyError| Error::internal("reading the columns of the search index failed", e);
    let column = |name: &str| reader.fast_fields().u64(name).map_err(failed);
    let (document_key, ordinal, number) = (column("document_key")?, column("ordinal")?, column("number")?);
    let [words, grams, title_grams] = measured(fields);
    let lengths = [tokens_of(reader, words)?, tokens_of(reader, grams)?, tokens_of(reader, title_grams)?];
    let mut found =
        SegmentColumns { keys: Vec::new(), local: Vec::new(), ordinal: Vec::new(), number: Vec::new(), abouts: Vec::new(), lengths };
    let mut known: HashMap<u64, u32> = HashMap::new();
    let store = reader.get_store_reader(16).map_err(|e| Error::internal("opening the stored fields of the search index failed", e))?;
    for entry in 0..reader.max_doc() {
        let key = document_key.first(entry).unwrap_or(0);
        let place = *known.entry(key).or_insert_with(|| {
            found.keys.push(key);
            found.keys.len() as u32 - 1
        });
        found.local.push(place);
        let place_in_text = ordinal.first(entry).unwrap_or(0) as u32;
        found.ordinal.push(place_in_text);
        found.number.push(number.first(entry).unwrap_or(0) as u32);
        if place_in_text == 0 && !reader.is_deleted(entry) {
            let stored: TantivyDocument = store.get(entry).map_err(failed)?;
            let text = stored.get_first(fields.about).and_then(|v| v.as_str()).unwrap_or_default();
            let about: About =
                serde_json::from_str(text).map_err(|e| Error::internal("the facts of a document in the search index cannot be read", e))?;
            found.abouts.push((entry, about));
        }
    }
    Ok(found)
}

/// Tokens that each entry of a segment has in a field. The lengths that the index keeps are rounded, so the posting lists are added up.
fn tokens_of(reader: &SegmentReader, field: Field) -> Result<Vec<u32>> {
    let unread = |e: std::io::Error| Error::internal("reading the lengths of the search index failed", e);
    let index = reader.inverted_index(field).map_err(|e| Error::internal("reading the lengths of the search index failed", e))?;
    let mut tokens = vec![0u32; reader.max_doc() as usize];
    let mut terms = index.terms().stream().map_err(unread)?;
    while terms.advance() {
        let mut postings = index.read_postings_from_terminfo(terms.value(), IndexRecordOption::WithFreqs).map_err(unread)?;
        let mut entry = postings.doc();
        while entry != TERMINATED {
            if let Some(tokens) = tokens.get_mut(entry as usize) {
                *tokens = tokens.saturating_add(postings.term_freq());
            }
            entry = postings.advance();
        }
    }
    Ok(tokens)
}

/// Dates of a version against a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// In force on the day.
    Current,
    /// Ended on or before the day.
    Past,
    /// Begins after the day.
    Future,
}

impl Document {
    /// Where the day falls.
    pub fn standing(&self, day: NaiveDate) -> Standing {
        match (self.about.effective_on, self.about.ended_on) {
            (_, Some(end)) if end <= day => Standing::Past,
            (Some(begin), _) if begin > day => Standing::Future,
            _ => Standing::Current,
        }
    }

    /// Validity on the day, canonical name: dates win over what the source stated on the day of download.
    pub fn validity_on(&self, day: NaiveDate) -> &'static str {
        let stated = self.about.validity.as_str();
        if stated == "amending_decision" {
            return "amending_decision";
        }
        match (self.standing(day), stated) {
            (Standing::Future, _) => "not_yet_in_force",
            (Standing::Past, "lapsed") => "lapsed",
            (Standing::Past, "repealed") => "repealed",
            (Standing::Past, _) if self.has_next => "amended",
            (Standing::Past, _) => "repealed",
            // A statement without a date stands.
            (Standing::Current, "repealed") if self.about.ended_on.is_none() => "repealed",
            (Standing::Current, "lapsed") if self.about.ended_on.is_none() => "lapsed",
            (Standing::Current, "amended") if self.about.ended_on.is_none() && !self.has_next => "amended",
            (Standing::Current, "unknown") => "unknown",
            (Standing::Current, _) => "in_force",
        }
    }
}
