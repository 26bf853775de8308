//! The index on disk: generations, writing, following the change feed.
//!
//! Layout of the directory: `gen-N/` holds one index, the file `current` holds the N that serves. A rebuild writes `gen-N+1` beside the old
//! one, which serves until `current` is replaced; a crash at any moment leaves the old generation whole. The position in the change feed and
//! the schema version stand in the payload of every commit, so that index and position can never disagree.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tantivy::schema::Field;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};
use uuid::Uuid;

use super::columns::{Columns, key_of};
use super::query::{TitleCatalogue, TitleEntry};
use super::retrieval::living_entries;
use super::schema::{self, About, Fields, PARAGRAPH_END};
use super::suggest::Vocabulary;
use crate::corpus::indexing::{IndexedDocument, IndexedProvision};
use crate::error::{Code, Error, Result};

/// Memory of a writer, in bytes: two threads while building, one while following.
const BUILD_MEMORY_BYTES: usize = 160 << 20;
const FOLLOW_MEMORY_BYTES: usize = 32 << 20;

/// Name of the pointer file.
const POINTER: &str = "current";

/// Whether an index can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It serves.
    Ready,
    /// It is empty until [`SearchIndex::rebuild`] has run; the reason is for the log.
    MustRebuild(String),
}

/// What a build did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Built {
    /// Versions of documents.
    pub documents: u64,
    /// Provisions.
    pub provisions: u64,
}

/// All versions of one work after a change, in the order of the feed.
#[derive(Clone, Debug)]
pub struct WorkChange {
    /// Number of the change in the feed.
    pub seq: i64,
    /// The work.
    pub work_id: Uuid,
    /// Its versions now; empty when the work is gone.
    pub documents: Vec<IndexedDocument>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    schema: String,
    position: i64,
}

/// What serves: a searcher and what belongs to it.
pub(super) struct Snapshot {
    pub searcher: Searcher,
    pub columns: Columns,
    pub catalogue: Arc<TitleCatalogue>,
    pub fields: Fields,
    position: i64,
    /// Says whether the catalogue still fits after a commit.
    titles_hash: u64,
    /// Made when first asked for and shared by all snapshots of a generation: spelling changes slowly.
    vocabulary: Arc<RwLock<Option<KeptWords>>>,
}

/// Words for corrections, with the position of the index they were read from.
#[derive(Clone)]
struct KeptWords {
    position: i64,
    vocabulary: Arc<Vocabulary>,
}

impl Snapshot {
    /// Words of the index, for corrections. The first call takes some hundred milliseconds.
    pub fn vocabulary(&self) -> Arc<Vocabulary> {
        match self.kept_vocabulary() {
            Some(kept) => kept.vocabulary,
            None => self.make_vocabulary(),
        }
    }

    fn kept_vocabulary(&self) -> Option<KeptWords> {
        self.vocabulary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn make_vocabulary(&self) -> Arc<Vocabulary> {
        let vocabulary = Arc::new(Vocabulary::new(self.words()));
        let kept = KeptWords { position: self.position, vocabulary: vocabulary.clone() };
        *self.vocabulary.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        vocabulary
    }

    /// Words with the number of living entries that hold them. A segment that cannot be read offers no corrections.
    fn words(&self) -> Vec<(String, u32)> {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for reader in self.searcher.segment_readers() {
            let stream = reader.inverted_index(self.fields.words).map_err(failed).and_then(|index| {
                let mut stream = index.terms().stream()?;
                while stream.advance() {
                    if let Ok(word) = std::str::from_utf8(stream.key()) {
                        *counts.entry(word.to_owned()).or_default() += living_entries(reader, &index, stream.value())?;
                    }
                }
                Ok(())
            });
            if let Err(problem) = stream {
                tracing::warn!(
                    error = problem.code.slug(),
                    cause = problem.cause_chain(),
                    "the words of a part of the search index cannot be read"
                );
            }
        }
        counts.into_iter().collect()
    }
}

struct Generation {
    number: u64,
    index: Index,
    reader: IndexReader,
}

/// The search index. Cheap to share behind an [`Arc`]; every method may be called from any thread and blocks, so async callers use
/// `spawn_blocking`.
pub struct SearchIndex {
    root: PathBuf,
    generation: RwLock<Arc<Generation>>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// At most one writer, with the generation it belongs to.
    writer: Mutex<Option<(u64, IndexWriter)>>,
}

fn failed(problem: TantivyError) -> Error {
    Error::internal("the search index failed", problem)
}

impl SearchIndex {
    /// Opens the index in `root`, or an empty stand-in that says why it must be rebuilt. A damaged or outdated index is never an error.
    ///
    /// # Errors
    /// When `root` cannot be created.
    pub fn open(root: &Path) -> Result<(SearchIndex, Condition)> {
        std::fs::create_dir_all(root)?;
        let (generation, condition) = match open_current(root) {
            Ok(generation) => (generation, Condition::Ready),
            Err(reason) => (empty_generation()?, Condition::MustRebuild(reason)),
        };
        let (generation, snapshot, condition) = match read_snapshot(&generation, None) {
            Ok(snapshot) => (generation, snapshot, condition),
            Err(problem) => {
                let generation = empty_generation()?;
                let snapshot = read_snapshot(&generation, None)?;
                (generation, snapshot, Condition::MustRebuild(format!("the index cannot be read: {}", problem.cause_chain())))
            }
        };
        let index = SearchIndex {
            root: root.to_owned(),
            generation: RwLock::new(Arc::new(generation)),
            snapshot: RwLock::new(Arc::new(snapshot)),
            writer: Mutex::new(None),
        };
        Ok((index, condition))
    }

    /// Number of the last change of the feed that the index holds.
    pub fn position(&self) -> i64 {
        self.snapshot().position
    }

    /// Provisions and versions of documents in the index.
    pub fn size(&self) -> Built {
        let snapshot = self.snapshot();
        let documents = snapshot.columns.documents.len() as u64;
        Built { documents, provisions: snapshot.searcher.num_docs().saturating_sub(documents) }
    }

    /// The catalogue of titles that serves now.
    pub fn titles(&self) -> Arc<TitleCatalogue> {
        self.snapshot().catalogue.clone()
    }

    /// Makes the words for corrections anew when entries have changed since they were made, so that indexes that hold the same correct the
    /// same. Takes some hundred milliseconds then; words that nobody has asked for yet are left to the first who does.
    pub fn renew_vocabulary(&self) {
        let snapshot = self.snapshot();
        if snapshot.kept_vocabulary().is_some_and(|kept| kept.position != snapshot.position) {
            snapshot.make_vocabulary();
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn generation(&self) -> Arc<Generation> {
        self.generation.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Builds a new generation from all documents and lets it serve. `position` is the newest change of the feed before the first document
    /// was read; changes after it are followed as usual. `progress` is told documents and provisions done.
    ///
    /// # Errors
    /// Any error of `documents`, and failures of the disk. The old generation then serves on.
    pub fn rebuild(
        &self,
        position: i64,
        documents: impl IntoIterator<Item = Result<IndexedDocument>>,
        mut progress: impl FnMut(Built),
    ) -> Result<Built> {
        let number = generations(&self.root)?.into_iter().max().unwrap_or(0) + 1;
        let directory = self.root.join(format!("gen-{number}"));
        let built = build(&directory, position, documents, &mut progress);
        let built = match built {
            Ok(built) => built,
            Err(problem) => {
                if let Err(left) = std::fs::remove_dir_all(&directory) {
                    tracing::warn!(directory = %directory.display(), error = %left, "an unfinished index could not be removed");
                }
                return Err(problem);
            }
        };
        let pointer = self.root.join("current.new");
        std::fs::write(&pointer, number.to_string())?;
        std::fs::File::open(&pointer)?.sync_all()?;
        std::fs::rename(&pointer, self.root.join(POINTER))?;
        self.refresh()?;
        for old in generations(&self.root)?.into_iter().filter(|n| *n < number) {
            if let Err(left) = std::fs::remove_dir_all(self.root.join(format!("gen-{old}"))) {
                tracing::warn!(generation = old, error = %left, "an old index could not be removed");
            }
        }
        Ok(built)
    }

    /// Lets a generation serve that another process has built, and takes in commits of another process. `true` when anything changed.
    ///
    /// # Errors
    /// When what `current` names cannot be read; what served before serves on.
    pub fn refresh(&self) -> Result<bool> {
        let before = self.generation();
        let pointed = read_pointer(&self.root);
        if pointed.is_some_and(|number| number != before.number) {
            let generation = open_current(&self.root).map_err(Error::defect)?;
            let snapshot = read_snapshot(&generation, None)?;
            let mut writer = self.lock_writer();
            // A writer of the old generation holds its lock and its memory.
            *writer = None;
            *self.generation.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(generation);
            *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
            return Ok(true);
        }
        let known = self.position();
        self.reload(&before)?;
        Ok(self.position() != known)
    }

    fn reload(&self, generation: &Generation) -> Result<()> {
        generation.reader.reload().map_err(failed)?;
        let snapshot = read_snapshot(generation, Some(&self.snapshot()))?;
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    fn lock_writer(&self) -> MutexGuard<'_, Option<(u64, IndexWriter)>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in changes of the feed, in their order, in one commit that also holds the position. Changes at or before [`Self::position`]
    /// may come again; the result is the same.
    ///
    /// # Errors
    /// [`Code::Unavailable`] while the index waits for its first build or another process writes it; failures of the disk.
    pub fn follow(&self, changes: &[WorkChange]) -> Result<()> {
        let Some(last) = changes.iter().map(|c| c.seq).max() else { return Ok(()) };
        let generation = self.generation();
        if generation.number == 0 {
            return Err(Error::new(Code::Unavailable, "检索索引正在建立，请稍后再试。"));
        }
        let fields = self.snapshot().fields;
        let mut slot = self.lock_writer();
        if slot.as_ref().is_none_or(|(number, _)| *number != generation.number) {
            *slot = None;
            let writer = generation.index.writer_with_num_threads(1, FOLLOW_MEMORY_BYTES).map_err(|problem| match problem {
                TantivyError::LockFailure(..) => Error::new(Code::Unavailable, "检索索引正由另一个进程写入。").caused_by(problem),
                other => failed(other),
            })?;
            *slot = Some((generation.number, writer));
        }
        let Some((_, writer)) = slot.as_mut() else { return Err(Error::defect("the index writer vanished")) };
        let position = last.max(self.position());
        let written = (|| -> Result<()> {
            for change in changes {
                writer.delete_term(Term::from_field_text(fields.work, &change.work_id.to_string()));
                for document in &change.documents {
                    add_document(writer, &fields, document)?;
                }
            }
            commit(writer, position)
        })();
        if written.is_err() {
            // A writer that failed must not carry half of a batch into the next commit.
            *slot = None;
        }
        written?;
        drop(slot);
        self.reload(&generation)
    }
}

fn commit(writer: &mut IndexWriter, position: i64) -> Result<()> {
    let payload = Payload { schema: schema::schema_version(), position };
    let text = serde_json::to_string(&payload).map_err(|e| Error::internal("writing the commit of the search index failed", e))?;
    let mut prepared = writer.prepare_commit().map_err(failed)?;
    prepared.set_payload(&text);
    prepared.commit().map_err(failed)?;
    Ok(())
}

fn build(
    directory: &Path,
    position: i64,
    documents: impl IntoIterator<Item = Result<IndexedDocument>>,
    progress: &mut dyn FnMut(Built),
) -> Result<Built> {
    std::fs::create_dir(directory)?;
    let (schema, fields) = schema::schema();
    let index = Index::create_in_dir(directory, schema).map_err(failed)?;
    schema::register_tokenizers(&index);
    let mut writer = index.writer_with_num_threads(2, BUILD_MEMORY_BYTES).map_err(failed)?;
    let mut built = Built { documents: 0, provisions: 0 };
    for document in documents {
        let document = document?;
        built.provisions += add_document(&writer, &fields, &document)?;
        built.documents += 1;
        progress(built);
    }
    commit(&mut writer, position)?;
    writer.wait_merging_threads().map_err(failed)?;
    Ok(built)
}

/// Adds the entry of a document and of its provisions; answers the number of provisions.
fn add_document(writer: &IndexWriter, fields: &Fields, document: &IndexedDocument) -> Result<u64> {
    let about = About {
        work_id: document.work_id,
        version_id: document.version_id,
        title: document.title.clone(),
        aliases: document.aliases.clone(),
        category: document.category.clone(),
        level: document.level.clone(),
        region: document.region.clone(),
        organ: document.organ.clone(),
        document_number: document.document_number.clone(),
        adopted_on: document.adopted_on,
        promulgated_on: document.promulgated_on,
        effective_on: document.effective_on,
        ended_on: document.ended_on,
        validity: document.validity.as_str().to_owned(),
        entries: u32::try_from(document.provisions.len()).unwrap_or(u32::MAX),
    };
    let about_text = serde_json::to_string(&about).map_err(|e| Error::internal("writing the facts of a document failed", e))?;
    let mut entry = base(fields, document, 0);
    entry.add_text(fields.about, about_text);
    entry.add_text(
        fields.title_grams,
        std::iter::once(&document.title).chain(&document.aliases).map(String::as_str).collect::<Vec<_>>().join("，"),
    );
    writer.add_document(entry).map_err(failed)?;
    for (place, provision) in document.provisions.iter().enumerate() {
        let mut entry = base(fields, document, place as u64 + 1);
        add_provision(&mut entry, fields, provision);
        writer.add_document(entry).map_err(failed)?;
    }
    Ok(document.provisions.len() as u64)
}

fn base(fields: &Fields, document: &IndexedDocument, ordinal: u64) -> TantivyDocument {
    let mut entry = TantivyDocument::new();
    entry.add_text(fields.version, document.version_id.to_string());
    entry.add_text(fields.work, document.work_id.to_string());
    entry.add_u64(fields.document_key, key_of(document.version_id));
    entry.add_u64(fields.ordinal, ordinal);
    entry
}

fn add_provision(entry: &mut TantivyDocument, fields: &Fields, provision: &IndexedProvision) {
    let body = provision.paragraphs.iter().map(|p| p.replace(PARAGRAPH_END, " ")).collect::<Vec<_>>().join(&PARAGRAPH_END.to_string());
    let mut searched = String::with_capacity(provision.heading.len() + body.len() + 1);
    if !provision.heading.is_empty() {
        searched.push_str(&provision.heading);
        searched.push_str("。\n");
    }
    searched.extend(body.chars().map(|c| if c == PARAGRAPH_END { '\n' } else { c }));
    entry.add_text(fields.words, &searched);
    entry.add_text(fields.grams, &searched);
    entry.add_u64(fields.number, provision.number.map_or(0, |(main, sub)| number_key(main, sub)));
    let mut store = |field: Field, text: &str| {
        if !text.is_empty() {
            entry.add_text(field, text);
        }
    };
    store(fields.address, &provision.address);
    store(fields.label, &provision.label);
    store(fields.path, &provision.path);
    store(fields.heading, &provision.heading);
    store(fields.body, &body);
    store(fields.source_id, provision.source_id.as_deref().unwrap_or_default());
}

/// An article number as the index holds it.
pub(super) fn number_key(main: u32, sub: u32) -> u64 {
    u64::from(main) * 1_000 + u64::from(sub.min(999))
}

fn generations(root: &Path) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.strip_prefix("gen-")).and_then(|n| n.parse().ok()) {
            found.push(number);
        }
    }
    Ok(found)
}

fn read_pointer(root: &Path) -> Option<u64> {
    std::fs::read_to_string(root.join(POINTER)).ok()?.trim().parse().ok().filter(|n| *n > 0)
}

/// Opens what the pointer names; the error is the reason for a rebuild.
fn open_current(root: &Path) -> Result<Generation, String> {
    let number = read_pointer(root).ok_or("there is no index yet")?;
    let directory = root.join(format!("gen-{number}"));
    let index = Index::open_in_dir(&directory).map_err(|e| format!("the index in {} cannot be opened: {e}", directory.display()))?;
    let payload = read_payload(&index).ok_or("the index was never completed")?;
    if payload.schema != schema::schema_version() {
        return Err(format!("the index was built for schema {}, this program needs {}", payload.schema, schema::schema_version()));
    }
    let damaged = index.validate_checksum().map_err(|e| format!("the index cannot be checked: {e}"))?;
    if !damaged.is_empty() {
        return Err(format!("{} files of the index are damaged", damaged.len()));
    }
    generation(number, index).map_err(|e| e.cause_chain())
}

fn read_payload(index: &Index) -> Option<Payload> {
    serde_json::from_str(&index.load_metas().ok()?.payload?).ok()
}

fn empty_generation() -> Result<Generation> {
    generation(0, Index::create_in_ram(schema::schema().0))
}

fn generation(number: u64, index: Index) -> Result<Generation> {
    schema::register_tokenizers(&index);
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
    Ok(Generation { number, index, reader })
}

fn read_snapshot(generation: &Generation, before: Option<&Snapshot>) -> Result<Snapshot> {
    let (_, fields) = schema::schema();
    let searcher = generation.reader.searcher();
    let none = Columns::default();
    let columns = Columns::read(&searcher, &fields, before.map_or(&none, |b| &b.columns))?;
    let titles = title_entries(&columns);
    let titles_hash = hash_of(&titles);
    let catalogue = match before {
        Some(before) if before.titles_hash == titles_hash => before.catalogue.clone(),
        _ => Arc::new(TitleCatalogue::new(titles)),
    };
    let position = read_payload(&generation.index).map_or(0, |payload| payload.position);
    let vocabulary = before.map(|b| b.vocabulary.clone()).unwrap_or_default();
    Ok(Snapshot { searcher, columns, catalogue, fields, position, titles_hash, vocabulary })
}

fn hash_of(titles: &[TitleEntry]) -> u64 {
    let mut hash = std::hash::DefaultHasher::new();
    for t in titles {
        (t.work_id, &t.title, &t.aliases, &t.document_numbers, t.weight.to_bits()).hash(&mut hash);
    }
    hash.finish()
}

/// Titles of all works: the newest version's first, former titles as further names.
fn title_entries(columns: &Columns) -> Vec<TitleEntry> {
    let mut works: Vec<_> = columns.by_work.iter().collect();
    works.sort();
    works
        .into_iter()
        .filter_map(|(work_id, versions)| {
            let versions: Vec<&About> =
                versions.iter().filter_map(|place| columns.documents.get(*place as usize)).map(|d| &d.about).collect();
            let newest = versions.last()?;
            let mut aliases: Vec<String> = versions
                .iter()
                .flat_map(|v| v.aliases.iter().cloned().chain(std::iter::once(v.title.clone())))
                .filter(|a| *a != newest.title)
                .collect();
            aliases.sort();
            aliases.dedup();
            let mut document_numbers: Vec<String> = versions.iter().map(|v| v.document_number.clone()).filter(|n| !n.is_empty()).collect();
            document_numbers.sort();
            document_numbers.dedup();
            let level = match newest.level.as_str() {
                "constitution" | "law" => 1.0,
                "administrative_regulation" | "judicial_interpretation" => 0.8,
                "provincial_regulation" | "municipal_regulation" => 0.6,
                _ => 0.4,
            };
            let weight = if matches!(newest.validity.as_str(), "repealed" | "lapsed") { level * 0.5 } else { level };
            Some(TitleEntry { work_id: *work_id, title: newest.title.clone(), aliases, document_numbers, weight })
        })
        .collect()
}
