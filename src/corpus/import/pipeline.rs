//! The way of a document through the stages: read, recognised and parsed side by side, reconciled and stored one after another.

use std::collections::BTreeMap;
use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::discover::{Discovery, Found, FoundContent, Original};
use super::parts::{self, Part};
use super::recognise::{Context, Recognised, recognise};
use super::report::{Outcome, Progress, Report, Row};
use super::storing::Writer;
use super::{Importer, Input, Options};
use crate::corpus::title_key;
use crate::documents::{self, Limits, SourceDocument, too_large};
use crate::error::{Code, Error, Result};

/// Documents that are worked on together and stored in one transaction.
const BATCH_DOCUMENTS: usize = 64;
/// A batch is closed early when it holds this much input, in bytes.
const BATCH_BYTES: u64 = 16 << 20;
/// Parts of codes that wait for the rest of their title, in bytes.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// A document after the stages that need no database.
pub(super) struct Prepared {
    /// Name for the report.
    pub name: String,
    /// Share of the input in bytes, for the progress.
    pub weight_bytes: u64,
    /// What became of it so far.
    pub content: PreparedContent,
}

/// What the stages without a database made of a file.
pub(super) enum PreparedContent {
    /// No document.
    Row(Row),
    /// A version to be stored, its original, and whether it was put together from single articles.
    Version { recognised: Box<Recognised>, original: Option<Original>, is_articles_only: bool, also: Vec<String> },
    /// A part that waits for the others of its title.
    Part { part: Box<Part>, context: Context },
}

struct Batch {
    documents: Vec<Prepared>,
    total_bytes: u64,
}

pub(super) async fn run(
    importer: &Importer,
    inputs: Vec<Input>,
    options: &Options,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report> {
    let started = Instant::now();
    // One batch is being prepared while another is being stored and a third waits: three are held at most.
    let (sender, mut batches) = mpsc::channel::<Result<Batch>>(1);
    let (limits, is_demonstration) = (options.limits.clone(), options.is_demonstration);
    let runtime = Handle::current();
    let producer = tokio::task::spawn_blocking(move || produce(&inputs, limits, is_demonstration, runtime, &sender));
    let mut writer = Writer::new(importer, options.is_dry_run);
    let mut report = Report { is_dry_run: options.is_dry_run, ..Report::default() };
    let mut progress = Progress::default();
    while let Some(batch) = batches.recv().await {
        let Batch { documents, total_bytes } = batch?;
        progress.done += documents.len() as u64;
        progress.done_bytes += documents.iter().map(|document| document.weight_bytes).sum::<u64>();
        writer.store_batch(documents, &mut report).await?;
        progress.total_bytes = total_bytes;
        progress.done_bytes = progress.done_bytes.min(total_bytes);
        progress.elapsed = started.elapsed();
        report.bytes = total_bytes;
        on_progress(progress);
    }
    producer.await.map_err(|error| Error::internal("the import's reading thread failed", error))?;
    progress.done_bytes = progress.total_bytes;
    progress.elapsed = started.elapsed();
    report.elapsed_ms = u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX);
    on_progress(progress);
    Ok(report)
}

/// Stages 1 to 4, on a blocking thread. Ends early when the receiver is gone.
fn produce(inputs: &[Input], limits: Limits, is_demonstration: bool, runtime: Handle, sender: &mpsc::Sender<Result<Batch>>) {
    let mut discovery = match Discovery::new(inputs, limits.clone(), runtime) {
        Ok(discovery) => discovery,
        Err(error) => {
            // The receiver is gone only when the import was given up.
            let _ = sender.blocking_send(Err(error));
            return;
        }
    };
    let mut waiting = WaitingParts::default();
    loop {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            let Some(found) = discovery.next() else { break };
            bytes += found.weight_bytes;
            batch.push(found);
        }
        let is_last = batch.is_empty();
        let prepared: Vec<Prepared> = batch.into_par_iter().map(|found| prepare(found, &limits, is_demonstration)).collect();
        let mut documents = Vec::with_capacity(prepared.len());
        for document in prepared {
            match document.content {
                PreparedContent::Part { part, context } => {
                    documents.extend(waiting.add(document.name, document.weight_bytes, *part, context))
                }
                _ => documents.push(document),
            }
        }
        if is_last {
            documents.extend(waiting.take_all());
        }
        let is_sent = documents.is_empty() || sender.blocking_send(Ok(Batch { documents, total_bytes: discovery.total_bytes })).is_ok();
        if is_last || !is_sent {
            return;
        }
    }
}

/// Reads, recognises and parses one document. Whatever happens, it is one outcome.
fn prepare(found: Found, limits: &Limits, is_demonstration: bool) -> Prepared {
    let Found { name, weight_bytes, content, folders, record } = found;
    let context = Context { folders, record, is_demonstration };
    let row_name = name.clone();
    // No input is known to make a reader panic. If one is found, it costs its own row and not the import.
    let result = std::panic::catch_unwind(AssertUnwindSafe(move || prepare_content(&name, content, context, limits)));
    let content = match result {
        Ok(Ok(content)) => content,
        Ok(Err(error)) => PreparedContent::Row(problem(row_name.clone(), &error)),
        Err(_) => PreparedContent::Row(Row::without_document(
            row_name.clone(),
            Outcome::Problem,
            "读取时发生内部错误，请把这个文件发给开发人员。",
        )),
    };
    Prepared { name: row_name, weight_bytes, content }
}

fn prepare_content(name: &str, content: FoundContent, context: Context, limits: &Limits) -> Result<PreparedContent> {
    let row = |outcome, reason: &str| Ok(PreparedContent::Row(Row::without_document(name.to_owned(), outcome, reason)));
    let (document, original) = match content {
        FoundContent::Skipped(reason) => return row(Outcome::Skipped, &format!("{reason}。")),
        FoundContent::Refused(error) => return Err(error),
        FoundContent::Document(document, original) => (*document, original),
        FoundContent::File(path) => {
            let bytes = read_bounded(&path, limits.max_file_bytes)?;
            (documents::read(name, &bytes, limits)?, Some(Original::new(bytes)))
        }
        FoundContent::Bytes(bytes) => (documents::read(name, &bytes, limits)?, Some(Original::new(bytes))),
    };
    if document.metadata.is_hidden {
        return row(Outcome::Skipped, "文件自己标明不公开（草稿或隐藏页）。");
    }
    if document.title.is_empty() && document.body.trim().is_empty() {
        return row(Outcome::Skipped, "没有标题，也没有正文。");
    }
    if !document.part.is_empty() {
        let original = original.map(|original| std::sync::Arc::unwrap_or_clone(original.bytes)).unwrap_or_default();
        return Ok(PreparedContent::Part { part: Box::new(Part { document, original }), context });
    }
    version(document, original, &context, Vec::new())
}

fn version(document: SourceDocument, original: Option<Original>, context: &Context, also: Vec<String>) -> Result<PreparedContent> {
    let is_articles_only = document.is_articles_only;
    let mut recognised = recognise(document, context)?;
    recognised.version.blob_hash = original.as_ref().map(|original| original.hash.as_str().to_owned());
    Ok(PreparedContent::Version { recognised: Box::new(recognised), original, is_articles_only, also })
}

/// Reads a file that may grow while it is read.
fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let failed =
        |error: std::io::Error| Error::new(Code::UnreadableFile, "文件无法读取，请检查权限，或确认它没有被移走。").caused_by(error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max_bytes { Err(too_large(max_bytes)) } else { Ok(bytes) }
}

fn problem(name: String, error: &Error) -> Row {
    Row::without_document(name, Outcome::Problem, error.detail.clone())
}

/// Parts by folder and title, until the rest of their title has come.
#[derive(Default)]
struct WaitingParts {
    groups: BTreeMap<(String, String), Group>,
    held_bytes: usize,
}

struct Group {
    parts: Vec<Part>,
    names: Vec<String>,
    weight_bytes: u64,
    context: Context,
}

impl WaitingParts {
    /// Takes a part in; gives back what there is no more room for.
    fn add(&mut self, name: String, weight_bytes: u64, part: Part, context: Context) -> Vec<Prepared> {
        self.held_bytes += part.original.len() + part.document.body.len();
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let group = self.groups.entry((folder, title_key(&part.document.title))).or_insert_with(|| Group {
            parts: Vec::new(),
            names: Vec::new(),
            weight_bytes: 0,
            context,
        });
        group.parts.push(part);
        group.names.push(name);
        group.weight_bytes += weight_bytes;
        if self.held_bytes > MAX_WAITING_BYTES { self.take_all() } else { Vec::new() }
    }

    /// Merges and hands over everything that waits.
    fn take_all(&mut self) -> Vec<Prepared> {
        self.held_bytes = 0;
        std::mem::take(&mut self.groups).into_values().flat_map(merge_group).collect()
    }
}

/// One document out of the parts of a title; every part has its row.
fn merge_group(group: Group) -> Vec<Prepared> {
    let Group { parts, mut names, weight_bytes, context } = group;
    names.sort();
    let merged = parts::merge(parts).and_then(|merged| match merged {
        Some((document, original)) => version(document, Some(Original::new(original)), &context, names.clone()).map(Some),
        None => Ok(None),
    });
    match merged {
        Ok(Some(content)) => vec![Prepared { name: names.first().cloned().unwrap_or_default(), weight_bytes, content }],
        Ok(None) => Vec::new(),
        Err(error) => names
            .into_iter()
            .map(|name| Prepared { name: name.clone(), weight_bytes: 0, content: PreparedContent::Row(problem(name, &error)) })
            .collect(),
    }
}
