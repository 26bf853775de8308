//! 导入: files → works, versions and provisions, in stages.
//!
//! | stage | file | reads | writes |
//! |---|---|---|---|
//! | 1 discover 发现 | `discover.rs`, `companion.rs` | folders, files, archives, JSON Lines, `db.sqlite3` beside them | nothing |
//! | 2 read 读取 | `crate::documents` | the bytes of one file | nothing |
//! | 3 recognise 识别 | `recognise.rs`, `parts.rs`, `title_note.rs`, `days.rs`, `dates.rs`, `region.rs`, `classify.rs` | one document and its surroundings | nothing |
//! | 4 structure 结构 | `corpus::structure` | the text | nothing |
//! | 5 reconcile 核对 | `storing.rs` | this run's versions, the stored ones | nothing |
//! | 6 store 入库 | `storing.rs`, `corpus::store` | the version | originals, then work, version, provisions and change feed in one transaction |
//!
//! Stages 1–4 run on blocking threads, documents side by side; stages 5 and 6 take them in the order of discovery, so that the same input always
//! ends in the same state, also after it was killed half-way: a document is stored whole or not at all, and one that is there is no change.
//!
//! A file that cannot be imported is one row of the report. What ends an import as a whole is the database or the store of originals.
//!
//! To add a source of metadata: its reading in `recognise.rs`, at its place in the order of evidence.

pub mod classify;
pub mod companion;
pub mod dates;
pub mod days;
mod discover;
mod parts;
mod pipeline;
pub mod recognise;
pub mod region;
mod report;
mod storing;
pub mod title_note;

use std::path::{Path, PathBuf};

use crate::documents::Limits;
use crate::error::Result;
use crate::ids::{Clock, IdSource};
use crate::storage::Db;
use crate::storage::blobs::Blobs;

pub use report::{Outcome, Particulars, Progress, Report, Row};

/// What people read under `zhitong import --help` about the inputs.
pub const HELP: &str = "可以给出文件夹、单个文件和 zip 压缩包（文件名为 UTF-8 或 GBK 均可），一次可以给多个。
支持的格式：.docx（如国家法律法规数据库下载的“标题_20240501.docx”）、.md、.html、.txt（UTF-8、UTF-16 或 GB18030）、.jsonl。
标题、日期、文号、机关取自正文题注、末条施行日期、文件名和所在文件夹；文件夹中有 db.sqlite3 时一并采用其中的日期和时效。
标题相同、日期不同的文件成为同一法规的不同版本；内容没有变化的文件再次导入不会产生改动；中途停止后重新运行即可接着完成。
读不了的文件在报告中各占一行，写明原因，不影响其他文件。";

/// Something to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Folder or file.
    pub path: PathBuf,
    /// Its name in the report and with the stored versions; for an upload the name that the sender gave it.
    pub name: String,
}

impl Input {
    /// An input named as its path is.
    pub fn new(path: &Path) -> Input {
        // `.` and `..` have no name of their own.
        let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = whole.file_name().map_or_else(|| "导入".to_owned(), |name| name.to_string_lossy().into_owned());
        Input { path: path.to_owned(), name }
    }
}

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Say what would happen, and write nothing.
    pub is_dry_run: bool,
    /// Mark what is imported as belonging to the demonstration city.
    pub is_demonstration: bool,
    /// Limits for hostile files.
    pub limits: Limits,
}

/// Where an import writes, and where its time and ids come from.
#[derive(Clone)]
pub struct Importer {
    /// Works and versions.
    pub db: Db,
    /// Originals.
    pub blobs: Blobs,
    /// Time.
    pub clock: Clock,
    /// Ids.
    pub ids: IdSource,
}

impl Importer {
    /// Imports everything below the inputs; `on_progress` is called after every batch and once at the end.
    ///
    /// # Errors
    /// [`crate::error::Code::NotFound`] for an input that does not exist; whatever the database or the store of originals fails with. What was
    /// stored until then stays, and running the import again completes it.
    pub async fn run(&self, inputs: Vec<Input>, options: &Options, on_progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report> {
        pipeline::run(self, inputs, options, on_progress).await
    }
}

#[cfg(test)]
mod tests;
