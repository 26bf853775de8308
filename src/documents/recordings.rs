//! 现场材料: photos, recordings and papers of an activity. Recognised by content, never by name; nothing is unpacked or played to find out.

use super::uploads::{self, Upload};
use super::{Format, refusal};
use crate::error::{Code, Error, Result};
use crate::text_enum;

text_enum! {
    /// Kinds of files that an activity may have.
    RecordingKind {
        /// JPEG image.
        Jpeg = "jpeg", "照片";
        /// PNG image.
        Png = "png", "照片";
        /// WebP image.
        Webp = "webp", "照片";
        /// GIF image.
        Gif = "gif", "照片";
        /// PDF.
        Pdf = "pdf", "PDF 文件";
        /// Word document without macros.
        Docx = "docx", "Word 文件";
        /// MPEG audio.
        Mp3 = "mp3", "录音";
        /// MPEG-4 audio.
        M4a = "m4a", "录音";
        /// Waveform audio.
        Wav = "wav", "录音";
        /// Adaptive multi-rate speech, as phones record it.
        Amr = "amr", "录音";
    }
}

impl RecordingKind {
    /// Media type under which the file is sent; never what the sender claimed.
    pub fn media_type(self) -> &'static str {
        match self {
            RecordingKind::Jpeg => "image/jpeg",
            RecordingKind::Png => "image/png",
            RecordingKind::Webp => "image/webp",
            RecordingKind::Gif => "image/gif",
            RecordingKind::Pdf => "application/pdf",
            RecordingKind::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            RecordingKind::Mp3 => "audio/mpeg",
            RecordingKind::M4a => "audio/mp4",
            RecordingKind::Wav => "audio/wav",
            RecordingKind::Amr => "audio/amr",
        }
    }

    /// Usual ending of the name, without the dot.
    pub fn extension(self) -> &'static str {
        if self == RecordingKind::Jpeg { "jpg" } else { self.as_str() }
    }

    /// Whether it is sound.
    pub fn is_sound(self) -> bool {
        matches!(self, RecordingKind::Mp3 | RecordingKind::M4a | RecordingKind::Wav | RecordingKind::Amr)
    }

    /// Largest file of the kind, in bytes: 20 MiB, sound 100 MiB.
    pub fn largest(self) -> usize {
        if self.is_sound() { LARGEST } else { 20 << 20 }
    }
}

/// Largest file of any kind, in bytes.
pub const LARGEST: usize = 100 << 20;
/// Most entries of a Word document.
const MAX_ENTRIES: usize = 5_000;

/// Recognises a file and passes it when it is not larger than its kind may be.
///
/// # Errors
/// [`Code::UnsupportedMedia`] for any other kind, [`Code::UnreadableFile`] for an empty or damaged file, [`Code::TooLarge`]; the detail is a sentence for
/// the person.
pub fn recognise(bytes: &[u8]) -> Result<RecordingKind> {
    let kind = match sound(bytes) {
        Some(kind) => kind,
        None => match uploads::recognise(bytes, MAX_ENTRIES)? {
            Upload::Jpeg => RecordingKind::Jpeg,
            Upload::Png => RecordingKind::Png,
            Upload::Webp => RecordingKind::Webp,
            Upload::Gif => RecordingKind::Gif,
            Upload::Pdf => RecordingKind::Pdf,
            Upload::Docx { has_macros: false } => RecordingKind::Docx,
            Upload::Docx { has_macros: true } => {
                return Err(Error::new(Code::UnsupportedMedia, "这份 Word 文件带有宏，不能上传；请另存为不带宏的 .docx。"));
            }
            Upload::Other(format @ (Format::Empty | Format::Ole)) => return Err(refusal(format, bytes)),
            Upload::Xlsx { .. } | Upload::Other(_) => {
                return Err(Error::new(
                    Code::UnsupportedMedia,
                    "活动材料只接收照片（JPG、PNG、WebP、GIF）、录音（MP3、M4A、WAV、AMR）、PDF 和 Word（.docx）文件；意见表请在任务页面上传。",
                ));
            }
        },
    };
    if bytes.len() > kind.largest() {
        return Err(Error::new(Code::TooLarge, format!("{}不超过 {} MB，请压缩或者分段后再上传。", kind.label(), kind.largest() >> 20)));
    }
    Ok(kind)
}

fn sound(bytes: &[u8]) -> Option<RecordingKind> {
    let at = |range: std::ops::Range<usize>| bytes.get(range).unwrap_or_default();
    if bytes.starts_with(b"#!AMR\n") || bytes.starts_with(b"#!AMR-WB\n") {
        return Some(RecordingKind::Amr);
    }
    if bytes.starts_with(b"RIFF") && at(8..12) == b"WAVE" {
        return Some(RecordingKind::Wav);
    }
    if at(4..8) == b"ftyp" && is_sound_only(bytes) {
        return Some(RecordingKind::M4a);
    }
    // A tag, or a frame of MPEG 1 or 2, layer 3, with a bit rate and a sampling rate that exist.
    let is_frame = matches!(at(0..4), [0xFF, second, third, _]
        if second & 0xE6 == 0xE2 && second & 0x18 != 0x08 && !matches!(third >> 4, 0 | 15) && third & 0x0C != 0x0C);
    (bytes.starts_with(b"ID3") || is_frame).then_some(RecordingKind::Mp3)
}

/// Whether an MPEG-4 file has a track of sound and none of pictures.
fn is_sound_only(bytes: &[u8]) -> bool {
    let has = |handler: &[u8; 4]| {
        let mut mark = *b"hdlr\0\0\0\0\0\0\0\0____";
        mark[12..].copy_from_slice(handler);
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    has(b"soun") && !has(b"vide")
}

/// A name as it is kept and shown: the last part of a path, without control characters or characters that turn the reading, with the ending of its kind, at
/// most 120 characters.
pub fn shown_name(name: &str, kind: RecordingKind) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '"' | '<' | '>' | '|' | ':' | '*' | '?')
    };
    let clean: String = last.chars().filter(|c| !is_odd(*c)).collect();
    let clean = clean.trim().trim_matches('.');
    let (stem, extension) = clean.rsplit_once('.').unwrap_or((clean, ""));
    let is_own = extension.eq_ignore_ascii_case(kind.extension()) || extension.eq_ignore_ascii_case(kind.as_str());
    let stem: String = if is_own { stem } else { clean }.trim().chars().take(110).collect();
    let stem = if stem.is_empty() { "材料" } else { stem.as_str() };
    format!("{stem}.{}", kind.extension())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::archive::pack;

    fn mp4(handlers: &[&[u8; 4]]) -> Vec<u8> {
        let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
        for handler in handlers {
            bytes.extend_from_slice(b"\0\0\0\x20hdlr\0\0\0\0\0\0\0\0");
            bytes.extend_from_slice(*handler);
        }
        bytes
    }

    #[test]
    fn files_are_what_their_bytes_say() {
        for (bytes, kind) in [
            (b"#!AMR\n\x3C".to_vec(), RecordingKind::Amr),
            (b"RIFF\x10\0\0\0WAVEfmt ".to_vec(), RecordingKind::Wav),
            (mp4(&[b"soun"]), RecordingKind::M4a),
            (b"ID3\x04\0\0\0\0\0\0".to_vec(), RecordingKind::Mp3),
            (b"\xFF\xFB\x90\x44".to_vec(), RecordingKind::Mp3),
            (b"\xFF\xF3\x48\xC4".to_vec(), RecordingKind::Mp3),
            (b"\xFF\xD8\xFF\xE0..JFIF".to_vec(), RecordingKind::Jpeg),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), RecordingKind::Webp),
            (b"%PDF-1.7\n".to_vec(), RecordingKind::Pdf),
        ] {
            assert_eq!(recognise(&bytes).unwrap(), kind, "{bytes:?}");
        }
        for (bytes, code) in [
            (Vec::new(), Code::UnreadableFile),
            (b"<html><script>alert(1)</script>".to_vec(), Code::UnsupportedMedia),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), Code::UnsupportedMedia),
            (b"MZ\x90\0".to_vec(), Code::UnsupportedMedia),
            (mp4(&[b"vide", b"soun"]), Code::UnsupportedMedia),
            (mp4(&[]), Code::UnsupportedMedia),
            (b"\xFF\xFE\xE0\x65".to_vec(), Code::UnsupportedMedia),
            (pack(&[("xl/workbook.xml".to_owned(), b"<workbook/>".to_vec())]).unwrap(), Code::UnsupportedMedia),
        ] {
            assert_eq!(recognise(&bytes).unwrap_err().code, code, "{bytes:?}");
        }
        let mut large = b"\xFF\xD8\xFF\xE0".to_vec();
        large.resize((20 << 20) + 1, 0);
        assert_eq!(recognise(&large).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn names_end_as_their_kind() {
        assert_eq!(shown_name("C:\\现场\\会场.JPEG", RecordingKind::Jpeg), "会场.jpg");
        assert_eq!(shown_name("录音\u{202E}3pm.exe", RecordingKind::Mp3), "录音3pm.exe.mp3");
        assert_eq!(shown_name("..", RecordingKind::Amr), "材料.amr");
        assert!(shown_name(&"长".repeat(900), RecordingKind::Pdf).chars().count() <= 120);
    }
}
