//! 文件: bytes ↔ plain structs, for every kind of file people bring a legal text in.
//!
//! Nothing here opens a file or a connection: callers hand over bytes or a reader, and get a [`SourceDocument`] or one
//! sentence that says why not. Every reader works within [`Limits`], because the bytes come from strangers: no input
//! makes it panic, loop, nest or allocate without bound.
//!
//! | file | what it reads |
//! |---|---|
//! | `archive` | zip: names in UTF-8 or GBK, entries one at a time |
//! | `attachments` | files that are only kept and handed out: which kinds, under which name |
//! | `uploads` | what an uploaded file is, for `attachments` and `enclosures` |
//! | `docx` | Word documents (Office Open XML) |
//! | `html`, `markup` | web pages; what a page may cost |
//! | `markdown` | `# title`, dated history lines, front matter |
//! | `text` | encodings (UTF-8, UTF-16, GB18030 …) and plain text |
//! | `jsonl` | JSON Lines: one document or one article a line |
//! | `enclosures` | kinds of files that may be enclosed with an opinion; their content is not read |
//! | `downloads` | under which name a file leaves |
//! | `tables/` | spreadsheets, separated values and tables of Word documents → rows |
//! | `blocks` | paragraphs and tables → lines, shared by `docx` and `html` |
//!
//! `writing/` makes documents of its own: a plain model, and the formats it becomes.
//!
//! To add a format: a [`Format`] variant, its signature in [`sniff`], a file with a `read`, and a line in [`read`].

pub mod archive;
pub mod attachments;
mod blocks;
mod docx;
pub mod downloads;
pub mod enclosures;
mod html;
pub mod jsonl;
mod markdown;
mod markup;
pub mod recordings;
mod source;
pub mod tables;
pub mod text;
mod uploads;
pub mod writing;

pub use source::{Coded, HistoryEvent, SourceArticle, SourceDocument, SourceMetadata};

use crate::error::{Code, Error, Result};

/// How much of a file is read before it is refused. The defaults are far above any real legal text.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest single document, in bytes as stored or as unpacked from an archive.
    pub max_file_bytes: u64,
    /// Largest zip archive, in bytes.
    pub max_archive_bytes: u64,
    /// Largest sum of the unpacked entries of one archive, in bytes.
    pub max_unpacked_bytes: u64,
    /// Largest unpacked : packed ratio of one entry above [`Limits::RATIO_FREE_BYTES`]; a bomb has about 1,000.
    pub max_ratio: u64,
    /// Most entries in one archive.
    pub max_entries: usize,
    /// Deepest nesting of XML or HTML elements.
    pub max_depth: usize,
    /// Most elements of a web page, those that a browser would add to mend it included.
    pub max_elements: usize,
    /// Longest line of a text file or of JSON Lines, in bytes.
    pub max_line_bytes: usize,
    /// Text held while articles of one file are grouped into documents, in bytes.
    pub max_grouping_bytes: usize,
}

impl Limits {
    /// Largest single document by default: 64 MiB.
    pub const MAX_FILE_BYTES: u64 = 64 << 20;
    /// Largest archive by default: 4 GiB.
    pub const MAX_ARCHIVE_BYTES: u64 = 4 << 30;
    /// Most bytes unpacked from one archive by default: 16 GiB, one entry in memory at a time.
    pub const MAX_UNPACKED_BYTES: u64 = 16 << 30;
    /// Largest compression ratio by default. Legal texts in Word reach about 30.
    pub const MAX_RATIO: u64 = 200;
    /// Below this many unpacked bytes (1 MiB) the ratio is not looked at: a small repetitive file is no bomb.
    pub const RATIO_FREE_BYTES: u64 = 1 << 20;
    /// Most entries of an archive by default.
    pub const MAX_ENTRIES: usize = 100_000;
    /// Deepest nesting by default. Real pages stay below 60.
    pub const MAX_DEPTH: usize = 400;
    /// Most elements of a page by default. A long law as a page has a few thousand.
    pub const MAX_ELEMENTS: usize = 500_000;
    /// Longest line by default: 8 MiB; the longest statute is below 1 MiB.
    pub const MAX_LINE_BYTES: usize = 8 << 20;
    /// Text held for grouping by default: 64 MiB.
    pub const MAX_GROUPING_BYTES: usize = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_file_bytes: Self::MAX_FILE_BYTES,
            max_archive_bytes: Self::MAX_ARCHIVE_BYTES,
            max_unpacked_bytes: Self::MAX_UNPACKED_BYTES,
            max_ratio: Self::MAX_RATIO,
            max_entries: Self::MAX_ENTRIES,
            max_depth: Self::MAX_DEPTH,
            max_elements: Self::MAX_ELEMENTS,
            max_line_bytes: Self::MAX_LINE_BYTES,
            max_grouping_bytes: Self::MAX_GROUPING_BYTES,
        }
    }
}

/// What a file is, by its first bytes; the name decides only among text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// A zip container: an archive or an Office document, see [`archive::Archive::content`].
    Zip,
    /// Word document (Office Open XML).
    Docx,
    /// Web page.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
    /// JSON Lines.
    JsonLines,
    /// SQLite database, for example the `db.sqlite3` that accompanies a folder of texts.
    Sqlite,
    /// OLE container: `.doc`, or an encrypted Office document.
    Ole,
    /// PDF.
    Pdf,
    /// Rich Text Format.
    Rtf,
    /// rar, 7z, gzip and the like.
    OtherArchive,
    /// An image.
    Image,
    /// Bytes that are no text in any encoding.
    Binary,
}

impl Format {
    /// Stable machine name, stored with the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Empty => "empty",
            Format::Zip => "zip",
            Format::Docx => "docx",
            Format::Html => "html",
            Format::Markdown => "markdown",
            Format::Text => "text",
            Format::JsonLines => "jsonl",
            Format::Sqlite => "sqlite",
            Format::Ole => "ole",
            Format::Pdf => "pdf",
            Format::Rtf => "rtf",
            Format::OtherArchive => "archive",
            Format::Image => "image",
            Format::Binary => "binary",
        }
    }
}

/// How many leading bytes [`sniff`] wants to see; more does no harm.
pub const SNIFF_BYTES: usize = 8192;

/// Recognises a file by its first [`SNIFF_BYTES`] bytes and, among text formats, by its name.
pub fn sniff(name: &str, head: &[u8]) -> Format {
    const SIGNATURES: &[(&[u8], Format)] = &[
        (b"PK\x03\x04", Format::Zip),
        (b"PK\x05\x06", Format::Zip),
        (b"PK\x07\x08", Format::Zip),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Format::Ole),
        (b"%PDF-", Format::Pdf),
        (b"{\\rtf", Format::Rtf),
        (b"SQLite format 3\0", Format::Sqlite),
        (b"Rar!", Format::OtherArchive),
        (b"7z\xBC\xAF\x27\x1C", Format::OtherArchive),
        (b"\x1F\x8B", Format::OtherArchive),
        (b"BZh", Format::OtherArchive),
        (b"\xFD7zXZ\0", Format::OtherArchive),
        (b"\x89PNG", Format::Image),
        (b"\xFF\xD8\xFF", Format::Image),
        (b"GIF8", Format::Image),
        (b"II*\0", Format::Image),
        (b"MM\0*", Format::Image),
    ];
    if head.is_empty() {
        return Format::Empty;
    }
    if let Some((_, format)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return *format;
    }
    let head = head.get(..SNIFF_BYTES).unwrap_or(head);
    if !text::looks_like_text(head) {
        return Format::Binary;
    }
    let start: String = text::decode_lossy(head).trim_start().chars().take(2048).collect::<String>().to_ascii_lowercase();
    let extension = extension(name);
    if start.starts_with("<!doctype html") || start.starts_with("<html") || (start.starts_with('<') && start.contains("<body")) {
        return Format::Html;
    }
    match extension.as_str() {
        "jsonl" | "ndjson" => Format::JsonLines,
        "json" if start.starts_with('{') => Format::JsonLines,
        "html" | "htm" | "xhtml" | "shtml" if start.contains('<') => Format::Html,
        "md" | "markdown" => Format::Markdown,
        _ => Format::Text,
    }
}

/// The lower-case extension of a name, without the dot; empty when there is none.
pub fn extension(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Reads one whole document. Containers of many documents have their own doors: [`archive::Archive`], [`jsonl::JsonLines`].
///
/// # Errors
/// [`Code::TooLarge`] over a limit, [`Code::UnsupportedMedia`] for a kind this product does not read,
/// [`Code::UnreadableFile`] for a damaged, encrypted or hostile file; the detail is a sentence for the person.
pub fn read(name: &str, bytes: &[u8], limits: &Limits) -> Result<SourceDocument> {
    if bytes.len() as u64 > limits.max_file_bytes {
        return Err(too_large(limits.max_file_bytes));
    }
    let format = sniff(name, bytes.get(..SNIFF_BYTES).unwrap_or(bytes));
    let mut document = match format {
        Format::Zip => docx::read(bytes, limits)?,
        Format::Html => html::read(bytes, limits)?,
        Format::Markdown => markdown::read(bytes, limits)?,
        Format::Text => text::read(bytes, limits)?,
        Format::Docx | Format::JsonLines => {
            return Err(Error::new(Code::UnsupportedMedia, "JSON Lines 文件包含多份文件，请用导入功能读取。"));
        }
        other => return Err(refusal(other, bytes)),
    };
    document.name = name.to_owned();
    if let Some(notice) = mislabelled(name, document.format) {
        document.notices.push(notice);
    }
    Ok(document)
}

/// The one sentence for a kind of file that is not read, with what to do instead.
pub fn refusal(format: Format, bytes: &[u8]) -> Error {
    let (code, sentence) = match format {
        Format::Empty => (Code::UnreadableFile, "文件是空的，没有任何内容。"),
        Format::Ole if contains_utf16(bytes, "EncryptedPackage") => {
            (Code::UnreadableFile, "文件设有打开密码，无法读取；请取消密码后另存再导入。")
        }
        Format::Ole => (Code::UnsupportedMedia, "这是旧版 Office 文件（.doc 等），无法读取；请在 Word 或 WPS 中另存为 .docx 后再导入。"),
        Format::Pdf => (Code::UnsupportedMedia, "这是 PDF 文件，无法可靠地还原条文；请改用 .docx、网页或纯文本。"),
        Format::Rtf => (Code::UnsupportedMedia, "这是 RTF 文件；请在 Word 或 WPS 中另存为 .docx 后再导入。"),
        Format::OtherArchive => (Code::UnsupportedMedia, "只能读取 zip 压缩包；请解压后导入，或改用 zip 重新打包。"),
        Format::Image => (Code::UnsupportedMedia, "这是图片；请先转换成文字，再以 .docx 或纯文本导入。"),
        Format::Sqlite => (Code::UnsupportedMedia, "这是数据库文件，不是法规文本。"),
        _ => (Code::UnsupportedMedia, "无法识别文件类型；可以导入 .docx、.md、.html、.txt、.jsonl 和 zip 压缩包。"),
    };
    Error::new(code, sentence)
}

/// The sentence for a document over the size limit.
pub(crate) fn too_large(limit_bytes: u64) -> Error {
    Error::new(Code::TooLarge, format!("文件超过单个文件的上限 {} MB。", limit_bytes >> 20))
}

/// A file that cannot be read as what it is; `reason` is Chinese and ends without a full stop.
pub(crate) fn unreadable(reason: impl std::fmt::Display) -> Error {
    Error::new(Code::UnreadableFile, format!("文件无法读取：{reason}。"))
}

/// A notice when the extension promises another format than the content shows.
fn mislabelled(name: &str, actual: Format) -> Option<String> {
    let promised = match extension(name).as_str() {
        "docx" | "doc" | "wps" => Format::Docx,
        "html" | "htm" | "shtml" | "xhtml" => Format::Html,
        "md" | "markdown" => Format::Markdown,
        "txt" => Format::Text,
        _ => return None,
    };
    let text_like = |f| matches!(f, Format::Text | Format::Markdown);
    (promised != actual && !(text_like(promised) && text_like(actual)))
        .then(|| format!("扩展名与内容不符：按实际内容（{}）读取。", actual.as_str()))
}

fn contains_utf16(bytes: &[u8], ascii: &str) -> bool {
    let pattern: Vec<u8> = ascii.bytes().flat_map(|b| [b, 0]).collect();
    bytes.windows(pattern.len()).any(|window| window == pattern)
}

#[cfg(test)]
mod tests;
