//! Fields of the index and the version that says whether an index on disk still fits this program.
//!
//! One entry per provision (an article, or a unit of a document without 条) and one per version of a document. What filters, facets and dates
//! need belongs to the version, not to the provision, so it stands once, in the stored `about` of the document entry, and is read into memory
//! when the index opens (see `columns`). To add a fact of a document, add it to [`About`]; to add a fact of a provision, add a field here.
//! Either way the schema version changes by itself and the index is rebuilt.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tantivy::Index;
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TextAnalyzer;
use uuid::Uuid;

use super::analysis::{self, GramTokenizer, WordTokenizer};
use super::normalise::NORMALISER_VERSION;

/// Rises when the meaning of what is stored changes while field names do not.
const LAYOUT: u32 = 1;

/// Handles of the fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// Version id, raw: deletes and the articles of one document.
    pub version: Field,
    /// Work id, raw: deletes.
    pub work: Field,
    /// Key of the version, fast: which document an entry belongs to.
    pub document_key: Field,
    /// Place in reading order from 1, fast; 0 is the document entry.
    pub ordinal: Field,
    /// Article number × 1000 + 之-number, fast; 0 when there is none.
    pub number: Field,
    /// Words of heading and body.
    pub words: Field,
    /// Bigrams of heading and body, with positions.
    pub grams: Field,
    /// Bigrams of title and aliases (document entries only).
    pub title_grams: Field,
    /// Facts of the document as JSON (document entries only).
    pub about: Field,
    /// Address of the provision.
    pub address: Field,
    /// Marker as printed.
    pub label: Field,
    /// Headings above.
    pub path: Field,
    /// Own heading.
    pub heading: Field,
    /// 款 separated by [`PARAGRAPH_END`].
    pub body: Field,
    /// Id that the source gives.
    pub source_id: Field,
}

/// Separates 款 in the stored body; never part of a text.
pub(super) const PARAGRAPH_END: char = '\u{1e}';

/// Facts of one version of a document, stored with its document entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub work_id: Uuid,
    pub version_id: Uuid,
    pub title: String,
    pub aliases: Vec<String>,
    pub category: String,
    pub level: String,
    pub region: String,
    pub organ: String,
    pub document_number: String,
    pub adopted_on: Option<NaiveDate>,
    pub promulgated_on: Option<NaiveDate>,
    pub effective_on: Option<NaiveDate>,
    pub ended_on: Option<NaiveDate>,
    pub validity: String,
    pub entries: u32,
}

/// Builds the schema.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = |tokenizer: &str, option| {
        TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option))
    };
    let fields = Fields {
        version: builder.add_text_field("version", STRING),
        work: builder.add_text_field("work", STRING),
        document_key: builder.add_u64_field("document_key", FAST),
        ordinal: builder.add_u64_field("ordinal", FAST | INDEXED),
        number: builder.add_u64_field("number", FAST),
        words: builder.add_text_field("words", text(analysis::WORDS, IndexRecordOption::WithFreqs)),
        grams: builder.add_text_field("grams", text(analysis::GRAMS, IndexRecordOption::WithFreqsAndPositions)),
        title_grams: builder.add_text_field("title_grams", text(analysis::GRAMS, IndexRecordOption::WithFreqs)),
        about: builder.add_text_field("about", STORED),
        address: builder.add_text_field("address", STORED),
        label: builder.add_text_field("label", STORED),
        path: builder.add_text_field("path", STORED),
        heading: builder.add_text_field("heading", STORED),
        body: builder.add_text_field("body", STORED),
        source_id: builder.add_text_field("source_id", STORED),
    };
    (builder.build(), fields)
}

/// Gives an index its tokenizers; every index needs this before it is read or written.
pub(super) fn register_tokenizers(index: &Index) {
    index.tokenizers().register(analysis::WORDS, TextAnalyzer::from(WordTokenizer));
    index.tokenizers().register(analysis::GRAMS, TextAnalyzer::from(GramTokenizer));
}

/// Hash of everything that decides what an index holds for a given text: schema, dictionary, normaliser.
pub(super) fn schema_version() -> String {
    let (schema, _) = schema();
    let mut hash = Sha256::new();
    hash.update(LAYOUT.to_le_bytes());
    hash.update(NORMALISER_VERSION.to_le_bytes());
    // The schema is plain data, so it always serialises; were it ever not to, the version would change and the index be rebuilt.
    hash.update(serde_json::to_string(&schema).unwrap_or_else(|problem| problem.to_string()));
    hash.update(analysis::DICTIONARY);
    hex::encode(hash.finalize()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_version_is_stable_within_a_build() {
        assert_eq!(schema_version(), schema_version());
        assert_eq!(schema_version().len(), 16);
    }
}
