//! Stages 5 and 6, 核对与入库: documents in the order of discovery, against this run and the database, a batch in one transaction.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::Importer;
use super::discover::Original;
use super::pipeline::{Prepared, PreparedContent};
use super::recognise::Recognised;
use super::report::{Outcome, Particulars, Report, Row};
use crate::corpus::reading::list_provisions;
use crate::corpus::store::{StoreOutcome, preview_version, store_version_in};
use crate::corpus::structure::ProvisionKind;
use crate::corpus::title_key;
use crate::error::{Code, Error, Result};

/// Stages 5 and 6.
pub(super) struct Writer<'a> {
    importer: &'a Importer,
    is_dry_run: bool,
    /// What this run has taken in: title and day → file and content.
    seen: HashMap<(String, Option<NaiveDate>), Seen>,
    /// Titles that a dry run would have created.
    planned: HashSet<String>,
    /// Originals that this run has put.
    stored_originals: HashSet<String>,
}

/// A version that this run has taken in.
struct Seen {
    name: String,
    content: String,
    words: [u8; 32],
}

/// A version on its way into the database, and its rows, which wait for the outcome.
struct Pending {
    recognised: Box<Recognised>,
    row: Row,
    also: Vec<String>,
}

enum Step {
    Row(Row),
    Pending(Box<Pending>),
}

impl<'a> Writer<'a> {
    /// Begins a run.
    pub fn new(importer: &'a Importer, is_dry_run: bool) -> Self {
        Writer { importer, is_dry_run, seen: HashMap::new(), planned: HashSet::new(), stored_originals: HashSet::new() }
    }

    /// Takes a batch through both stages and adds its rows to the report.
    pub async fn store_batch(&mut self, documents: Vec<Prepared>, report: &mut Report) -> Result<()> {
        let mut steps = Vec::with_capacity(documents.len());
        for document in documents {
            steps.push(self.reconcile(document, report).await?);
        }
        if !self.is_dry_run {
            self.store(&mut steps).await?;
        }
        for step in steps {
            match step {
                Step::Row(row) => report.add(row),
                Step::Pending(pending) => add_rows(pending.row, pending.also, report),
            }
        }
        Ok(())
    }

    /// Stage 5. Reads: the versions of this run and the stored ones. Writes: the original, when the version will be stored.
    async fn reconcile(&mut self, document: Prepared, report: &mut Report) -> Result<Step> {
        let (recognised, original, is_articles_only, also) = match document.content {
            PreparedContent::Row(row) => return Ok(Step::Row(row)),
            PreparedContent::Part { .. } => return Err(Error::defect("a part of a code reached the database stage unmerged")),
            PreparedContent::Version { recognised, original, is_articles_only, also } => (recognised, original, is_articles_only, also),
        };
        let new = &recognised.version;
        for diagnostic in &new.structure.diagnostics {
            *report.diagnostics.entry(diagnostic.code.as_str().to_owned()).or_default() += 1;
        }
        let key = (title_key(&new.title), new.dated_on());
        let mut row = Row {
            name: document.name,
            outcome: Outcome::Unchanged,
            title: new.title.clone(),
            dated_on: key.1,
            particulars: Some(Particulars {
                organ: new.organ.clone(),
                document_number: new.document_number.clone(),
                adopted_on: new.adopted_on,
                promulgated_on: new.promulgated_on,
                effective_on: new.effective_on,
                repealed_on: new.repealed_on,
            }),
            articles: new.structure.provisions.iter().filter(|p| p.kind == ProvisionKind::Article).count() as u64,
            reason: String::new(),
            notices: recognised.notices.clone(),
        };
        let preview = preview_version(&self.importer.db, new).await?;
        let content = crate::corpus::store::content_hash(new);
        // Two files of one run that say they are the same version: the first counts, whatever the state of the database.
        let words = words_of(new.structure.provisions.iter().map(|p| (p.kind, [p.label.as_str(), &p.heading, &p.text])));
        if let Some(seen) = self.seen.get(&key) {
            if seen.content == content || seen.words == words {
                row.notices.push(format!("与“{}”内容相同。", seen.name));
            } else {
                row.outcome = Outcome::Problem;
                row.articles = 0;
                row.reason = format!("与“{}”标题和日期相同而内容不同，无法判断哪个准确，没有导入；请核对日期。", seen.name);
            }
            return Ok(Step::Pending(Box::new(Pending { recognised, row, also })));
        }
        if let (StoreOutcome::Corrected, Some((id, source_name))) = (preview.outcome, &preview.stored)
            && file_of(source_name) != file_of(&new.source_name)
        {
            if is_articles_only {
                row.outcome = Outcome::Problem;
                row.articles = 0;
                row.reason = format!("该版本已由“{source_name}”导入全文，逐条文件没有章节和附件，不能代替，没有导入。");
                return Ok(Step::Pending(Box::new(Pending { recognised, row, also })));
            }
            // The same words from elsewhere are the same version, however much or little that file says about it.
            let stored = list_provisions(&self.importer.db, *id).await?;
            if words_of(stored.iter().map(|p| (p.kind, [p.label.as_str(), &p.heading, &p.text]))) == words {
                row.notices.push(format!("正文与已有的“{source_name}”相同，日期等信息以已有的为准。"));
                self.seen.insert(key, Seen { name: row.name.clone(), content, words });
                return Ok(Step::Pending(Box::new(Pending { recognised, row, also })));
            }
        }
        self.seen.insert(key.clone(), Seen { name: row.name.clone(), content, words });
        row.outcome = outcome(preview.outcome);
        // In a dry run, and within one batch, earlier documents are not in the database yet.
        let is_first_of_title = self.planned.insert(key.0);
        if row.outcome == Outcome::New && !is_first_of_title {
            row.outcome = Outcome::NewVersion;
        }
        if row.outcome.is_change()
            && !self.is_dry_run
            && let Some(original) = original
        {
            self.put_original(original).await?;
        }
        Ok(Step::Pending(Box::new(Pending { recognised, row, also })))
    }

    async fn put_original(&mut self, original: Original) -> Result<()> {
        if self.stored_originals.insert(original.hash.as_str().to_owned()) {
            self.importer.blobs.put(std::sync::Arc::unwrap_or_clone(original.bytes)).await?;
        }
        Ok(())
    }

    /// Stage 6. Reads: the versions of a batch. Writes: all of them in one transaction; if that fails, each in its own.
    async fn store(&self, steps: &mut [Step]) -> Result<()> {
        let mut pending: Vec<&mut Pending> = steps
            .iter_mut()
            .filter_map(|step| match step {
                Step::Pending(pending) if pending.row.outcome.is_change() => Some(&mut **pending),
                _ => None,
            })
            .collect();
        if pending.is_empty() {
            return Ok(());
        }
        let Importer { db, clock, ids, .. } = self.importer;
        let together = async {
            let mut tx = db.begin().await?;
            let mut outcomes = Vec::with_capacity(pending.len());
            for document in &pending {
                outcomes.push(store_version_in(&mut tx, clock, ids, &document.recognised.version).await?.outcome);
            }
            tx.commit().await?;
            Ok::<_, Error>(outcomes)
        };
        match together.await {
            Ok(outcomes) => {
                for (document, stored) in pending.iter_mut().zip(outcomes) {
                    document.row.outcome = outcome(stored);
                }
                Ok(())
            }
            Err(error) if error.code == Code::Unavailable => Err(error),
            Err(_) => {
                // One document of the batch cannot be stored; it alone shall be a problem.
                for document in pending {
                    match crate::corpus::store::store_version(db, clock, ids, &document.recognised.version).await {
                        Ok(stored) => document.row.outcome = outcome(stored.outcome),
                        Err(error) if error.code == Code::Unavailable => return Err(error),
                        Err(error) => {
                            tracing::error!(file = %document.row.name, cause = %error.cause_chain(), "a document could not be stored");
                            document.row.outcome = Outcome::Problem;
                            document.row.articles = 0;
                            document.row.reason = "写入数据库时出错，没有导入；详情见日志。".into();
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// The row of a version, and for a text merged from parts one for each of them.
fn add_rows(row: Row, also: Vec<String>, report: &mut Report) {
    let merged = also.into_iter().skip(1).map(|name| Row {
        name,
        outcome: Outcome::Merged,
        particulars: None,
        articles: 0,
        reason: format!("并入“{}”。", row.title),
        notices: Vec::new(),
        ..row.clone()
    });
    let merged: Vec<Row> = merged.collect();
    report.add(row);
    merged.into_iter().for_each(|row| report.add(row));
}

fn outcome(stored: StoreOutcome) -> Outcome {
    match stored {
        StoreOutcome::New => Outcome::New,
        StoreOutcome::NewVersion => Outcome::NewVersion,
        StoreOutcome::Corrected => Outcome::Corrected,
        StoreOutcome::Unchanged => Outcome::Unchanged,
    }
}

/// Hash of the words of a text, without title, title note and table of contents, which files print or leave out as they like.
fn words_of<'a>(provisions: impl Iterator<Item = (ProvisionKind, [&'a str; 3])>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let body = provisions.filter(|(kind, _)| !matches!(kind, ProvisionKind::Title | ProvisionKind::TitleNote | ProvisionKind::Contents));
    for part in body.flat_map(|(_, parts)| parts) {
        let words: String = part.chars().filter(|c| !c.is_whitespace()).collect();
        hash.update(words.as_bytes());
    }
    hash.finalize().into()
}

/// The file of `file:line`.
fn file_of(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((file, line)) if !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()) => file,
        _ => name,
    }
}
