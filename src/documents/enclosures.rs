//! 附件: files that people enclose with what they say. Recognised by content, never by name, which only helps to say what is wrong; nothing is unpacked or
//! shown to find out.

use super::uploads::{self, Upload};
use super::{Format, extension, refusal};
use crate::error::{Code, Error, Result};
use crate::text_enum;

text_enum! {
    /// Kinds of files that may be enclosed.
    EnclosureKind {
        /// JPEG image.
        Jpeg = "jpeg", "图片";
        /// PNG image.
        Png = "png", "图片";
        /// WebP image.
        Webp = "webp", "图片";
        /// GIF image.
        Gif = "gif", "图片";
        /// PDF.
        Pdf = "pdf", "PDF 文件";
        /// Word document without macros.
        Docx = "docx", "Word 文件";
    }
}

impl EnclosureKind {
    /// Media type under which the file is sent.
    pub fn media_type(self) -> &'static str {
        match self {
            EnclosureKind::Jpeg => "image/jpeg",
            EnclosureKind::Png => "image/png",
            EnclosureKind::Webp => "image/webp",
            EnclosureKind::Gif => "image/gif",
            EnclosureKind::Pdf => "application/pdf",
            EnclosureKind::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        }
    }

    /// Whether browsers can show it as a picture.
    pub fn is_image(self) -> bool {
        matches!(self, EnclosureKind::Jpeg | EnclosureKind::Png | EnclosureKind::Webp | EnclosureKind::Gif)
    }
}

/// Most entries of a Word document that is enclosed.
const MAX_ENTRIES: usize = 5_000;

/// Recognises an enclosed file.
///
/// # Errors
/// [`Code::UnsupportedMedia`] for any other kind, [`Code::UnreadableFile`] for an empty or damaged file; the detail is a sentence for the person.
pub fn recognise(name: &str, bytes: &[u8]) -> Result<EnclosureKind> {
    match uploads::recognise(bytes, MAX_ENTRIES)? {
        Upload::Jpeg => Ok(EnclosureKind::Jpeg),
        Upload::Png => Ok(EnclosureKind::Png),
        Upload::Webp => Ok(EnclosureKind::Webp),
        Upload::Gif => Ok(EnclosureKind::Gif),
        Upload::Pdf => Ok(EnclosureKind::Pdf),
        Upload::Docx { has_macros: false } => Ok(EnclosureKind::Docx),
        Upload::Docx { has_macros: true } => {
            Err(Error::new(Code::UnsupportedMedia, "这份 Word 文件带有宏，不能上传；请另存为不带宏的 .docx。"))
        }
        Upload::Other(format @ (Format::Empty | Format::Ole)) => Err(refusal(format, bytes)),
        Upload::Xlsx { .. } | Upload::Other(_) => {
            let sentence = match promised(name) {
                Some(kind) => format!("这个文件不是有效的{kind}，可能已经损坏；请打开检查，重新保存后再上传。"),
                None => "附件只接收图片（JPG、PNG、WebP、GIF）、PDF 和 Word（.docx）文件。".to_owned(),
            };
            Err(Error::new(Code::UnsupportedMedia, sentence))
        }
    }
}

/// What a name says that its file is, where such files are taken.
fn promised(name: &str) -> Option<&'static str> {
    match extension(name).as_str() {
        "jpg" | "jpeg" | "png" | "webp" | "gif" => Some("图片"),
        "pdf" => Some(" PDF 文件"),
        "docx" => Some(" Word 文件"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::archive::pack;

    #[test]
    fn files_are_what_their_bytes_say() {
        let word = |extra: &str| {
            let mut files = vec![
                ("[Content_Types].xml".to_owned(), b"<Types/>".to_vec()),
                ("_rels/.rels".to_owned(), b"<Relationships/>".to_vec()),
                ("word/document.xml".to_owned(), b"<w:document/>".to_vec()),
            ];
            if !extra.is_empty() {
                files.push((extra.to_owned(), b"x".to_vec()));
            }
            pack(&files).unwrap()
        };
        for (bytes, kind) in [
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR".to_vec(), EnclosureKind::Png),
            (b"\xFF\xD8\xFF\xE0..JFIF".to_vec(), EnclosureKind::Jpeg),
            (b"GIF89a..".to_vec(), EnclosureKind::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), EnclosureKind::Webp),
            (b"%PDF-1.7\n".to_vec(), EnclosureKind::Pdf),
            (word(""), EnclosureKind::Docx),
        ] {
            assert_eq!(recognise("", &bytes).unwrap(), kind);
        }
        for (bytes, code) in [
            (Vec::new(), Code::UnreadableFile),
            (b"<html><script>alert(1)</script>".to_vec(), Code::UnsupportedMedia),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Code::UnsupportedMedia),
            (b"MZ\x90\0".to_vec(), Code::UnsupportedMedia),
            (b"\x89PNG but no image".to_vec(), Code::UnsupportedMedia),
            (pack(&[("xl/workbook.xml".to_owned(), b"<workbook/>".to_vec())]).unwrap(), Code::UnsupportedMedia),
            (pack(&[("a.txt".to_owned(), b"a".to_vec())]).unwrap(), Code::UnsupportedMedia),
            (word("word/vbaProject.bin"), Code::UnsupportedMedia),
            (b"PK\x03\x04 damaged".to_vec(), Code::UnreadableFile),
        ] {
            assert_eq!(recognise("", &bytes).unwrap_err().code, code, "{:?}", bytes.get(..12));
        }
    }

    #[test]
    fn a_damaged_file_is_not_told_to_be_of_another_kind() {
        for (name, words) in [
            ("材料.PDF", "不是有效的 PDF 文件，可能已经损坏"),
            ("说明.docx", "不是有效的 Word 文件，可能已经损坏"),
            ("路口.jpeg", "不是有效的图片，可能已经损坏"),
            ("程序.exe", "附件只接收图片"),
            ("pdf", "附件只接收图片"),
        ] {
            let error = recognise(name, b"no such file at all").unwrap_err();
            assert!(error.code == Code::UnsupportedMedia && error.detail.contains(words), "{name}: {}", error.detail);
        }
        assert_eq!(recognise("图.png", b"%PDF-1.7\n").unwrap(), EnclosureKind::Pdf, "a name decides nothing");
    }
}
