//! 压缩包 (.zip): entries one at a time, each within its limits.
//!
//! Sizes in an archive's directory are claims; what counts is what comes out, and reading stops at the limit.

use std::io::{BufRead, BufReader, Cursor, Read, Seek, Write};

use encoding_rs::GB18030;
use zip::ZipArchive;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Limits, too_large, unreadable};
use crate::error::{Code, Error, Result};

/// A zip archive open for reading.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    limits: Limits,
    unpacked_bytes: u64,
}

/// What a zip container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A Word document.
    Document,
    /// Another Office document; its Chinese name.
    Office(&'static str),
    /// Files.
    Files,
}

/// One entry as it came out.
#[derive(Debug)]
pub enum Entry {
    /// A file, whole.
    File(ArchiveFile),
    /// A file that was not read; the row says why.
    Refused {
        /// Name in the archive, as far as it can be read.
        name: String,
        /// Why not.
        error: Error,
    },
    /// A directory, or a file that systems add on their own (`__MACOSX`, `.DS_Store`).
    Ignored,
}

/// A file out of an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Path inside the archive, `/` between its parts, safe: relative and without `..`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory of the archive.
    ///
    /// # Errors
    /// [`Code::TooLarge`] with more entries than allowed, [`Code::UnreadableFile`] when it is damaged.
    pub fn open(reader: R, limits: Limits) -> Result<Self> {
        let zip = ZipArchive::new(reader).map_err(|error| unreadable("压缩结构已损坏，可能没有下载完").caused_by(error))?;
        if zip.len() > limits.max_entries {
            return Err(Error::new(Code::TooLarge, format!("压缩包内有 {} 个文件，超过上限 {} 个。", zip.len(), limits.max_entries)));
        }
        Ok(Archive { zip, limits, unpacked_bytes: 0 })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.zip.len()
    }

    /// Whether the archive has no entry.
    pub fn is_empty(&self) -> bool {
        self.zip.is_empty()
    }

    /// What kind of container this is.
    pub fn content(&self) -> Content {
        let has = |name: &str| self.zip.index_for_name_raw(name.as_bytes()).is_some();
        match () {
            () if self.main_part().is_some() => Content::Document,
            () if has("xl/workbook.xml") || has("xl/workbook.bin") => Content::Office("电子表格"),
            () if has("ppt/presentation.xml") => Content::Office("演示文稿"),
            () if has("content.xml") && has("mimetype") => Content::Office("ODF 文档"),
            () if has("OFD.xml") => Content::Office("OFD 版式文件"),
            () => Content::Files,
        }
    }

    /// Names of the entries in order, as far as they can be read.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.zip.file_names_raw().map(decode_name)
    }

    /// Unpacks the entry at `index`; reading goes on after a refused entry.
    ///
    /// # Errors
    /// [`Code::TooLarge`] once the archive as a whole has unpacked more than allowed: the caller stops there.
    pub fn entry(&mut self, index: usize) -> Result<Entry> {
        let (name, is_dir, is_symlink) = match self.zip.by_index_raw(index) {
            Ok(file) => (decode_name(file.name_raw()), file.is_dir(), file.is_symlink()),
            Err(error) => {
                return Ok(Entry::Refused { name: format!("第 {} 个文件", index + 1), error: from_zip(error) });
            }
        };
        if is_dir || is_system_file(&name) {
            return Ok(Entry::Ignored);
        }
        let Some(safe) = safe_name(&name) else {
            let error = Error::new(Code::UnreadableFile, "压缩包中的路径指向包外，可能是恶意文件，没有读取。");
            return Ok(Entry::Refused { name, error });
        };
        if is_symlink {
            return Ok(Entry::Refused {
                name: safe, error: Error::new(Code::UnreadableFile, "这是链接，不是文件，没有读取。")
            });
        }
        if self.unpacked_bytes >= self.limits.max_unpacked_bytes {
            let limit = self.limits.max_unpacked_bytes >> 20;
            return Err(Error::new(Code::TooLarge, format!("压缩包解开后超过上限 {limit} MB，其余文件没有读取。")));
        }
        Ok(match self.unpack(index) {
            Ok(bytes) => Entry::File(ArchiveFile { name: safe, bytes }),
            Err(error) => Entry::Refused { name: safe, error },
        })
    }

    /// The part of a Word document that holds the text: `word/document.xml`, or `word/document2.xml` as some editors number it.
    pub(super) fn main_part(&self) -> Option<usize> {
        let is_main = |name: &[u8]| {
            let number = name.strip_prefix(b"word/document").and_then(|rest| rest.strip_suffix(b".xml"));
            number.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        };
        self.zip.file_names_raw().position(is_main)
    }

    pub(super) fn unpack(&mut self, index: usize) -> Result<Vec<u8>> {
        let limit = self.limits.max_file_bytes.min(self.limits.max_unpacked_bytes.saturating_sub(self.unpacked_bytes));
        let max_ratio = self.limits.max_ratio;
        let file = self.zip.by_index(index).map_err(from_zip)?;
        if file.encrypted() {
            return Err(password_needed());
        }
        let packed = file.compressed_size().max(1);
        // Whichever limit is lower, and one byte more to see that it was crossed.
        let by_ratio = packed.saturating_mul(max_ratio).max(Limits::RATIO_FREE_BYTES);
        let mut bytes = Vec::new();
        let result = file.take(limit.min(by_ratio).saturating_add(1)).read_to_end(&mut bytes);
        let unpacked = bytes.len() as u64;
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(unpacked);
        result.map_err(|error| unreadable("压缩内容已损坏").caused_by(error))?;
        if unpacked > by_ratio {
            return Err(Error::new(Code::TooLarge, format!("压缩比超过 {max_ratio} 倍，可能是压缩炸弹，没有读取。")));
        }
        if unpacked > limit {
            return Err(too_large(self.limits.max_file_bytes));
        }
        Ok(bytes)
    }

    /// Looks through the entry at `index` as a stream, without holding it. Reading fails at the limits of one file, and what was unpacked counts.
    pub(super) fn inspect<T>(&mut self, index: usize, look: impl FnOnce(&mut dyn BufRead) -> Result<T>) -> Result<T> {
        let limit = self.limits.max_file_bytes.min(self.limits.max_unpacked_bytes.saturating_sub(self.unpacked_bytes));
        let max_ratio = self.limits.max_ratio;
        let file = self.zip.by_index(index).map_err(from_zip)?;
        if file.encrypted() {
            return Err(password_needed());
        }
        let by_ratio = file.compressed_size().max(1).saturating_mul(max_ratio).max(Limits::RATIO_FREE_BYTES);
        let mut bounded = Bounded { inner: file, left: limit.min(by_ratio), read: 0, is_crossed: false };
        let seen = look(&mut BufReader::with_capacity(1 << 16, &mut bounded));
        let drained = if seen.is_ok() { std::io::copy(&mut bounded, &mut std::io::sink()).map(drop) } else { Ok(()) };
        let (read, is_crossed) = (bounded.read, bounded.is_crossed);
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(read);
        if is_crossed && by_ratio <= limit {
            return Err(Error::new(Code::TooLarge, format!("压缩比超过 {max_ratio} 倍，可能是压缩炸弹，没有读取。")));
        }
        if is_crossed {
            return Err(too_large(self.limits.max_file_bytes));
        }
        drained.map_err(|error| unreadable("压缩内容已损坏").caused_by(error))?;
        seen
    }
}

/// A stream that fails where a limit ends.
struct Bounded<R> {
    inner: R,
    left: u64,
    read: u64,
    is_crossed: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                self.is_crossed = true;
                return Err(std::io::Error::other("over the limit"));
            }
        }
        Ok(count)
    }
}

/// Packs files into an archive, always the same bytes for the same files.
///
/// # Errors
/// [`Code::UnreadableFile`] when two files have one name, or a name cannot stand in an archive.
pub fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let failed = |error: ZipError| unreadable("原件无法打包").caused_by(error);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), SimpleFileOptions::default()).map_err(failed)?;
        writer.write_all(bytes).map_err(|error| failed(error.into()))?;
    }
    writer.finish().map(Cursor::into_inner).map_err(failed)
}

fn from_zip(error: ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(reason) if reason == ZipError::PASSWORD_REQUIRED => password_needed(),
        ZipError::InvalidPassword => password_needed(),
        ZipError::UnsupportedArchive(_) => unreadable("使用了不支持的压缩方式").caused_by(error),
        other => unreadable("压缩结构已损坏").caused_by(other),
    }
}

fn password_needed() -> Error {
    Error::new(Code::UnreadableFile, "文件设有密码，无法读取；请去掉密码后重新打包。")
}

/// A name in an archive: UTF-8 whatever the flag says, else GBK (as Windows in Chinese writes it).
fn decode_name(raw: &[u8]) -> String {
    let name = match std::str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => GB18030.decode_without_bom_handling(raw).0.into_owned(),
    };
    name.replace('\\', "/")
}

/// The name when it stays inside the archive; redundant `.` and `//` removed.
fn safe_name(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let inside = parts.join("/");
    let has_drive = inside.as_bytes().get(1) == Some(&b':') && inside.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if name.starts_with('/') || has_drive || name.contains('\0') || parts.contains(&"..") {
        return None;
    }
    (!inside.is_empty()).then_some(inside)
}

/// Files that systems add on their own.
fn is_system_file(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/") || matches!(file, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}
