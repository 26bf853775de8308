//! Stage 1, 发现: paths → single documents, in an order that is always the same.
//!
//! Reads: folders, files, zip archives, JSON Lines, companion databases. Writes: nothing. Gives [`Found`] one by one; archives and JSON Lines are
//! read as streams, so that what waits in memory is bounded whatever the size of the input.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Input;
use super::companion::{self, Companion, Record};
use super::recognise::FileName;
use crate::documents::archive::{Archive, Content, Entry};
use crate::documents::jsonl::JsonLines;
use crate::documents::{Format, Limits, SNIFF_BYTES, SourceDocument, extension, refusal, sniff};
use crate::error::{Code, Error, Result};
use crate::storage::blobs::BlobHash;

/// Most files in the folders of one import.
pub const MAX_FILES: usize = 1_000_000;

/// Deepest folder that is looked into.
const MAX_FOLDERS_DEEP: usize = 64;

/// Extensions that are looked at inside a folder; a file named on the command line is looked at whatever its name.
const EXTENSIONS: &[&str] = &[
    "md", "markdown", "txt", "html", "htm", "shtml", "xhtml", "docx", "doc", "wps", "rtf", "pdf", "ofd", "jsonl", "ndjson", "zip", "rar",
    "7z",
];

/// A single document, or a row that says why there is none.
#[derive(Debug)]
pub struct Found {
    /// Name for the report: path below the input.
    pub name: String,
    /// Share of the input in bytes, for the progress.
    pub weight_bytes: u64,
    /// What it is.
    pub content: FoundContent,
    /// Folders above it, outermost first.
    pub folders: Vec<String>,
    /// What a companion database says of it.
    pub record: Option<Record>,
}

/// What was found.
#[derive(Debug)]
pub enum FoundContent {
    /// A file still to be read.
    File(PathBuf),
    /// A file out of an archive.
    Bytes(Vec<u8>),
    /// A document out of JSON Lines, and the file it stood in.
    Document(Box<SourceDocument>, Option<Original>),
    /// No document, and no fault either.
    Skipped(&'static str),
    /// No document.
    Refused(Error),
}

/// An original file with its address.
#[derive(Clone, Debug)]
pub struct Original {
    /// Address in the store of originals.
    pub hash: BlobHash,
    /// Content.
    pub bytes: Arc<Vec<u8>>,
}

impl Original {
    /// An original from its bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Original { hash: BlobHash::of(&bytes), bytes: Arc::new(bytes) }
    }
}

/// A file on disk that waits to be opened.
struct Waiting {
    path: PathBuf,
    name: String,
    bytes: u64,
    is_named: bool,
}

/// The documents of some inputs, one after another.
pub struct Discovery {
    limits: Limits,
    runtime: Handle,
    waiting: VecDeque<Waiting>,
    companions: HashMap<PathBuf, Arc<Companion>>,
    open: Option<Open>,
    ready: VecDeque<Found>,
    /// Sum of all files, in bytes.
    pub total_bytes: u64,
}

/// A file of many documents that is being read.
enum Open {
    Archive { archive: Archive<BufReader<File>>, name: String, next: usize, companions: BTreeMap<String, Companion>, weight_bytes: u64 },
    Lines { lines: JsonLines<BufReader<File>>, name: String, original: Option<Original>, weight_bytes: u64 },
}

impl Discovery {
    /// Looks through the inputs. Runs on a blocking thread; `runtime` is needed for companion databases.
    ///
    /// # Errors
    /// [`Code::NotFound`] when an input does not exist; [`Code::TooLarge`] above [`MAX_FILES`].
    pub fn new(inputs: &[Input], limits: Limits, runtime: Handle) -> Result<Discovery> {
        let mut discovery = Discovery {
            limits,
            runtime,
            waiting: VecDeque::new(),
            companions: HashMap::new(),
            open: None,
            ready: VecDeque::new(),
            total_bytes: 0,
        };
        for input in inputs {
            let metadata = std::fs::metadata(&input.path)
                .map_err(|error| Error::new(Code::NotFound, format!("找不到或无法读取：{}。", input.path.display())).caused_by(error))?;
            if metadata.is_dir() {
                discovery.walk(&input.path, &input.name)?;
            } else {
                discovery.add_file(input.path.clone(), input.name.clone(), metadata.len(), true)?;
            }
        }
        Ok(discovery)
    }

    fn add_file(&mut self, path: PathBuf, name: String, bytes: u64, is_named: bool) -> Result<()> {
        if self.waiting.len() >= MAX_FILES {
            return Err(Error::new(Code::TooLarge, format!("文件超过 {MAX_FILES} 个，请分批导入。")));
        }
        self.total_bytes += bytes;
        self.waiting.push_back(Waiting { path, name, bytes, is_named });
        Ok(())
    }

    /// Lists a folder in the order of names, without following links.
    fn walk(&mut self, root: &Path, root_name: &str) -> Result<()> {
        let mut folders = vec![(root.to_owned(), root_name.to_owned(), 0usize)];
        while let Some((folder, name, depth)) = folders.pop() {
            let entries = match std::fs::read_dir(&folder).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>()) {
                Ok(entries) => entries,
                Err(error) => {
                    self.row(
                        name,
                        0,
                        FoundContent::Refused(Error::new(Code::UnreadableFile, "文件夹无法读取，请检查权限。").caused_by(error)),
                    );
                    continue;
                }
            };
            let mut entries: Vec<_> = entries.into_iter().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let mut below = Vec::new();
            for (file_name, entry) in entries {
                // Hidden files are the system's or an editor's.
                if file_name.starts_with('.') {
                    continue;
                }
                let child = format!("{name}/{file_name}");
                match entry.metadata() {
                    Ok(metadata) if metadata.is_symlink() => self.row(child, 0, FoundContent::Skipped("这是链接，没有跟随")),
                    Ok(metadata) if metadata.is_dir() && depth >= MAX_FOLDERS_DEEP => {
                        self.row(child, 0, FoundContent::Skipped("文件夹层数过深，没有进入"))
                    }
                    Ok(metadata) if metadata.is_dir() => below.push((entry.path(), child, depth + 1)),
                    Ok(_) if companion::FILE_NAMES.contains(&file_name.as_str()) => self.load_companion(&folder, &entry.path(), child),
                    Ok(metadata) => self.add_file(entry.path(), child, metadata.len(), false)?,
                    Err(error) => self.row(
                        child,
                        0,
                        FoundContent::Refused(Error::new(Code::UnreadableFile, "文件无法读取，请检查权限。").caused_by(error)),
                    ),
                }
            }
            // Folders are taken from the end of the list: the first by name comes next.
            folders.extend(below.into_iter().rev());
        }
        Ok(())
    }

    fn load_companion(&mut self, folder: &Path, file: &Path, name: String) {
        match self.runtime.block_on(Companion::read(file)) {
            Ok(companion) => {
                self.companions.insert(folder.to_owned(), Arc::new(companion));
            }
            Err(error) => self.row(name, 0, FoundContent::Refused(error)),
        }
    }

    fn row(&mut self, name: String, weight_bytes: u64, content: FoundContent) {
        self.ready.push_back(Found { name, weight_bytes, content, folders: Vec::new(), record: None });
    }

    /// What the nearest companion database above a file says of it.
    fn record(&self, path: &Path, name: &str) -> Option<Record> {
        let companion = path.ancestors().skip(1).find_map(|folder| self.companions.get(folder))?;
        find_record(companion, name)
    }

    /// Opens the next file, or finds that it is a single document.
    fn open_next(&mut self, file: Waiting) {
        let Waiting { path, name, bytes, is_named } = file;
        if !is_named && let Some(reason) = skip_reason(&name) {
            return self.row(name, bytes, FoundContent::Skipped(reason));
        }
        match self.open_file(&path, &name, bytes) {
            Ok(Some(open)) => self.open = Some(open),
            Ok(None) => {
                let record = self.record(&path, &name);
                self.ready.push_back(Found {
                    folders: folders(&name),
                    name,
                    weight_bytes: bytes,
                    content: FoundContent::File(path),
                    record,
                });
            }
            Err(error) => self.row(name, bytes, FoundContent::Refused(error)),
        }
    }

    /// Opens a file of many documents; `None` when it is a single one.
    fn open_file(&self, path: &Path, name: &str, bytes: u64) -> Result<Option<Open>> {
        let mut file = File::open(path).map_err(unreadable)?;
        let mut head = Vec::with_capacity(SNIFF_BYTES);
        Read::by_ref(&mut file).take(SNIFF_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        let reopen = || File::open(path).map(|file| BufReader::with_capacity(1 << 16, file)).map_err(unreadable);
        match sniff(name, &head) {
            Format::JsonLines => {
                // The whole file is the original of each of its documents, unless it is too large to be kept in memory.
                let original =
                    if bytes <= self.limits.max_file_bytes { Some(Original::new(std::fs::read(path).map_err(unreadable)?)) } else { None };
                let lines = JsonLines::new(reopen()?, name, self.limits.clone());
                Ok(Some(Open::Lines { lines, name: name.to_owned(), original, weight_bytes: bytes }))
            }
            Format::Zip if bytes > self.limits.max_archive_bytes => {
                Err(Error::new(Code::TooLarge, format!("压缩包超过上限 {} MB。", self.limits.max_archive_bytes >> 20)))
            }
            Format::Zip => {
                let mut archive = Archive::open(reopen()?, self.limits.clone())?;
                match archive.content() {
                    Content::Files => {
                        let companions = self.archive_companions(&mut archive);
                        // The second pass unpacks everything again, so it starts with a fresh count.
                        let archive = Archive::open(reopen()?, self.limits.clone())?;
                        Ok(Some(Open::Archive { archive, name: name.to_owned(), next: 0, companions, weight_bytes: bytes }))
                    }
                    Content::Document | Content::Office(_) => Ok(None),
                }
            }
            Format::Ole => Ok(None),
            Format::Docx | Format::Html | Format::Markdown | Format::Text | Format::Empty => Ok(None),
            other => Err(refusal(other, &head)),
        }
    }

    /// The companion databases inside an archive, by folder; a damaged one shows later as a row of its own.
    fn archive_companions(&self, archive: &mut Archive<BufReader<File>>) -> BTreeMap<String, Companion> {
        let mut companions = BTreeMap::new();
        let databases: Vec<usize> = archive.names().enumerate().filter(|(_, name)| is_companion(name)).map(|(index, _)| index).collect();
        for index in databases {
            let Ok(Entry::File(file)) = archive.entry(index) else { continue };
            let read = || -> Result<Companion> {
                let mut copy = tempfile::NamedTempFile::new()?;
                copy.write_all(&file.bytes)?;
                self.runtime.block_on(Companion::read(copy.path()))
            };
            if let Ok(companion) = read() {
                let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
                companions.insert(folder.to_owned(), companion);
            }
        }
        companions
    }

    /// Takes the next document out of the file that is open; closes it at its end.
    fn advance(&mut self, open: Open) {
        match open {
            Open::Archive { mut archive, name, next, companions, weight_bytes } => {
                let count = archive.len().max(1) as u64;
                if next >= archive.len() {
                    if archive.is_empty() {
                        self.row(name, weight_bytes, FoundContent::Skipped("压缩包是空的"));
                    }
                    return;
                }
                let entry = archive.entry(next);
                let share = weight_bytes / count;
                let inside = |entry_name: &str| format!("{name}/{entry_name}");
                match entry {
                    Ok(Entry::File(file)) if is_companion(&file.name) => {
                        let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
                        if !companions.contains_key(folder) {
                            let error = Error::new(Code::UnreadableFile, "随附数据库无法读取，其中的日期和时效没有采用。");
                            self.row(inside(&file.name), share, FoundContent::Refused(error));
                        }
                    }
                    Ok(Entry::File(file)) => {
                        let found = archive_file(inside(&file.name), &file.name, file.bytes, share, &companions);
                        self.ready.push_back(found);
                    }
                    Ok(Entry::Refused { name: entry_name, error }) => self.row(inside(&entry_name), share, FoundContent::Refused(error)),
                    Ok(Entry::Ignored) => {}
                    Err(error) => return self.row(name, 0, FoundContent::Refused(error)),
                }
                self.open = Some(Open::Archive { archive, name, next: next + 1, companions, weight_bytes });
            }
            Open::Lines { mut lines, name, original, weight_bytes } => {
                let Some(line) = lines.next() else {
                    return;
                };
                let found = match line {
                    Ok(document) => {
                        let weight = (document.body.len() as u64).min(weight_bytes);
                        let name = document.name.clone();
                        let folders = folders(&name);
                        Found {
                            name,
                            weight_bytes: weight,
                            folders,
                            content: FoundContent::Document(Box::new(document), original.clone()),
                            record: None,
                        }
                    }
                    Err(refused) => Found {
                        name: refused.name,
                        weight_bytes: 0,
                        folders: Vec::new(),
                        content: FoundContent::Refused(refused.error),
                        record: None,
                    },
                };
                self.ready.push_back(found);
                self.open = Some(Open::Lines { lines, name, original, weight_bytes });
            }
        }
    }
}

impl Iterator for Discovery {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(found);
            }
            match self.open.take() {
                Some(open) => self.advance(open),
                None => {
                    let file = self.waiting.pop_front()?;
                    self.open_next(file);
                }
            }
        }
    }
}

/// A file out of an archive as something found; an archive in an archive is one row.
fn archive_file(name: String, path: &str, bytes: Vec<u8>, weight_bytes: u64, companions: &BTreeMap<String, Companion>) -> Found {
    let content = match skip_reason(&name) {
        Some(reason) => FoundContent::Skipped(reason),
        None => match sniff(&name, bytes.get(..SNIFF_BYTES).unwrap_or(&bytes)) {
            Format::Zip if extension(&name) == "zip" => {
                FoundContent::Refused(Error::new(Code::UnsupportedMedia, "压缩包里的压缩包不再展开；请解压后单独导入。"))
            }
            Format::JsonLines => FoundContent::Refused(Error::new(Code::UnsupportedMedia, "JSON Lines 文件请从压缩包中取出后单独导入。")),
            _ => FoundContent::Bytes(bytes),
        },
    };
    let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let record = loop {
        if let Some(companion) = companions.get(folder) {
            break find_record(companion, path);
        }
        match folder.rsplit_once('/') {
            Some((above, _)) => folder = above,
            None if folder.is_empty() => break None,
            None => folder = "",
        }
    };
    Found { folders: folders(&name), name, weight_bytes, content, record }
}

fn find_record(companion: &Companion, name: &str) -> Option<Record> {
    let file = FileName::read(name);
    companion.find(&file.stem, file.date).cloned()
}

fn is_companion(name: &str) -> bool {
    companion::FILE_NAMES.contains(&name.rsplit('/').next().unwrap_or(name))
}

fn folders(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    parts.pop();
    parts
}

/// Why a file in a folder or archive is passed over without being opened.
fn skip_reason(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let upper = file.to_ascii_uppercase();
    let extension = extension(file);
    match () {
        () if ["README", "LICENSE", "LICENCE", "CHANGELOG", "NOTICE"].iter().any(|word| upper.starts_with(word)) => {
            Some("说明文件，不是法规文本")
        }
        () if file.starts_with("~$") => Some("编辑器的临时文件"),
        () if !extension.is_empty() && !EXTENSIONS.contains(&extension.as_str()) => Some("不是可导入的文件类型"),
        () => None,
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(Code::UnreadableFile, "文件无法读取，请检查权限，或确认它没有被移走。").caused_by(error)
}
