//! 附件: files that are kept and handed out as they came, recognised by their content. What they may be is a short list, because strangers open them.

use super::uploads::{self, Upload};
use super::{Format, Limits, downloads, refusal};
use crate::error::{Code, Error, Result};

/// A kind of file that may be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachmentKind {
    /// PDF.
    Pdf,
    /// Word document without macros.
    Docx,
    /// Excel workbook without macros.
    Xlsx,
    /// PNG image.
    Png,
    /// JPEG image.
    Jpeg,
    /// GIF image.
    Gif,
    /// WebP image.
    Webp,
}

impl AttachmentKind {
    /// Every kind.
    pub const ALL: &'static [AttachmentKind] = &[Self::Pdf, Self::Docx, Self::Xlsx, Self::Png, Self::Jpeg, Self::Gif, Self::Webp];

    /// Media type under which it is handed out; never what the sender claimed.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// Usual ending of the name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// Whether it is a picture.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Gif | Self::Webp)
    }
}

/// Recognises a file by its content.
///
/// # Errors
/// [`Code::UnsupportedMedia`] for a kind that is not on the list or holds macros, [`Code::UnreadableFile`] for an empty or damaged one.
pub fn recognise(bytes: &[u8]) -> Result<AttachmentKind> {
    match uploads::recognise(bytes, Limits::MAX_ENTRIES)? {
        Upload::Pdf => Ok(AttachmentKind::Pdf),
        Upload::Png => Ok(AttachmentKind::Png),
        Upload::Jpeg => Ok(AttachmentKind::Jpeg),
        Upload::Gif => Ok(AttachmentKind::Gif),
        Upload::Webp => Ok(AttachmentKind::Webp),
        Upload::Docx { has_macros: false } => Ok(AttachmentKind::Docx),
        Upload::Xlsx { has_macros: false } => Ok(AttachmentKind::Xlsx),
        Upload::Docx { has_macros: true } | Upload::Xlsx { has_macros: true } => {
            Err(Error::new(Code::UnsupportedMedia, "这个文件带有宏，不能作为附件；请另存为不带宏的 .docx 或 .xlsx 后再上传。"))
        }
        Upload::Other(Format::Empty) => Err(refusal(Format::Empty, bytes)),
        Upload::Other(_) => {
            Err(Error::new(Code::UnsupportedMedia, "附件只能是 PDF、Word（.docx）、Excel（.xlsx）或者图片（png、jpg、gif、webp）。"))
        }
    }
}

/// A name as it is kept and shown: the last part of a path, without control characters or characters that reverse the reading, with the ending of
/// its kind, at most 120 characters.
pub fn shown_name(name: &str, kind: AttachmentKind) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '"' | '<' | '>' | '|' | ':' | '*' | '?')
    };
    let clean: String = last.chars().filter(|c| !is_odd(*c)).collect();
    let clean = clean.trim().trim_matches('.');
    let (stem, extension) = clean.rsplit_once('.').unwrap_or((clean, ""));
    let is_own =
        extension.eq_ignore_ascii_case(kind.extension()) || (kind == AttachmentKind::Jpeg && extension.eq_ignore_ascii_case("jpeg"));
    let stem = if is_own { stem } else { clean };
    let stem: String = stem.trim().chars().take(110).collect();
    let stem = if stem.is_empty() { "附件" } else { stem.as_str() };
    format!("{stem}.{}", if is_own { extension } else { kind.extension() })
}

/// The value of `Content-Disposition` that hands an attachment out as a download.
pub fn disposition(name: &str) -> String {
    let extension: String = super::extension(name).chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let plain = if extension.is_empty() { "download".to_owned() } else { format!("download.{extension}") };
    downloads::disposition(false, &plain, name)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn zipped(names: &[&str]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"<x/>").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn content_decides() {
        use AttachmentKind::*;
        let good: Vec<(Vec<u8>, AttachmentKind)> = vec![
            (b"%PDF-1.7\n".to_vec(), Pdf),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR".to_vec(), Png),
            (b"\xFF\xD8\xFF\xE0....".to_vec(), Jpeg),
            (b"GIF89a....".to_vec(), Gif),
            (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), Webp),
            (zipped(&["word/document.xml"]), Docx),
            (zipped(&["xl/workbook.xml"]), Xlsx),
        ];
        for (bytes, kind) in good {
            assert_eq!(recognise(&bytes).unwrap(), kind);
        }
        let bad: Vec<(Vec<u8>, Code)> = vec![
            (Vec::new(), Code::UnreadableFile),
            (b"<html><script>alert(1)</script>".to_vec(), Code::UnsupportedMedia),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Code::UnsupportedMedia),
            (b"MZ\x90\0\x03".to_vec(), Code::UnsupportedMedia),
            (zipped(&["a.txt"]), Code::UnsupportedMedia),
            (zipped(&["word/document.xml", "word/vbaProject.bin"]), Code::UnsupportedMedia),
            (zipped(&["ppt/presentation.xml"]), Code::UnsupportedMedia),
            (b"PK\x03\x04garbage".to_vec(), Code::UnreadableFile),
            (b"\x89PNGxxxx".to_vec(), Code::UnsupportedMedia),
            (b"\x89PNG\r\n\x1A\n but no image".to_vec(), Code::UnsupportedMedia),
            (zipped(&["xl/workbook.xml", "xl/VBAPROJECT.BIN"]), Code::UnsupportedMedia),
        ];
        for (bytes, code) in bad {
            assert_eq!(recognise(&bytes).unwrap_err().code, code, "{bytes:?}");
        }
    }

    #[test]
    fn names_are_safe_to_show_and_to_send() {
        assert_eq!(shown_name("C:\\资料\\测算表.XLSX", AttachmentKind::Xlsx), "测算表.XLSX");
        assert_eq!(shown_name("../../etc/passwd", AttachmentKind::Pdf), "passwd.pdf");
        assert_eq!(shown_name("图\u{202E}gpj.exe", AttachmentKind::Png), "图gpj.exe.png");
        assert_eq!(shown_name("\r\n\"", AttachmentKind::Gif), "附件.gif");
        assert!(shown_name(&"长".repeat(900), AttachmentKind::Pdf).chars().count() <= 120);
        assert_eq!(disposition("表 1.pdf"), "attachment; filename=\"download.pdf\"; filename*=UTF-8''%E8%A1%A8%201.pdf");
        assert!(disposition("a\r\nb\".png").is_ascii() && !disposition("a\r\nb\".png").contains('\n'));
    }
}
