//! Hostile and odd files, built here: none may panic, hang or grow, and each gives one clear sentence.

use std::io::{Cursor, Write};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::archive::{Archive, Content, Entry};
use super::*;

/// A zip with these entries.
fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Word document whose body has this XML.
fn docx_of(body: &str) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" \
         xmlns:mc=\"m\"><w:body>{body}</w:body></w:document>"
    );
    zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml.as_bytes())])
}

fn read_named(name: &str, bytes: &[u8]) -> Result<SourceDocument> {
    read(name, bytes, &Limits::default())
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let error = read_named(name, bytes).expect_err(name);
    assert!(matches!(error.code, Code::TooLarge | Code::UnreadableFile | Code::UnsupportedMedia), "{error:?}");
    assert!(error.detail.ends_with('。'), "{}", error.detail);
    error.detail
}

#[test]
fn docx_keeps_what_is_said_and_drops_what_is_not() {
    let bytes = docx_of(
        "<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>第一条</w:t></w:r><w:r><w:tab/><w:t xml:space=\"preserve\"> 甲&amp;乙&#x4E19;</w:t></w:r></w:p>\
         <w:p><w:hyperlink><w:r><w:t>链接文字</w:t></w:r></w:hyperlink><w:ins><w:r><w:t>插入</w:t></w:r></w:ins><w:del><w:r><w:delText>删去</w:delText></w:r></w:del>\
         <w:sdt><w:sdtContent><w:r><w:t>控件</w:t></w:r></w:sdtContent></w:sdt><w:smartTag><w:r><w:t>标记</w:t></w:r></w:smartTag><w:r><w:br/><w:t>换行</w:t></w:r></w:p>\
         <w:p><w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>隐藏</w:t></w:r><w:r><w:footnoteReference w:id=\"1\"/></w:r></w:p>\
         <w:p><w:pPr><w:numPr><w:numId w:val=\"3\"/></w:numPr></w:pPr><w:r><w:t>自动编号</w:t></w:r></w:p>\
         <w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>文本框</w:t></w:r></w:p></w:txbxContent></mc:Choice>\
         <mc:Fallback><w:txbxContent><w:p><w:r><w:t>文本框</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>\
         <w:tbl><w:tr><w:tc><w:p><w:r><w:t>格一</w:t></w:r></w:p></w:tc><w:tc><w:p/><w:tbl><w:tr><w:tc><w:p><w:r><w:t>里</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>",
    );
    let document = read_named("甲市办法_20240501.docx", &bytes).unwrap();
    assert_eq!(document.format, Format::Docx);
    assert_eq!(document.body, "第一条\t 甲&乙丙\n链接文字插入控件标记\n换行\n\n自动编号\n文本框\n| 格一 | 里 |\n");
    for part in ["自动编号", "修订痕迹", "脚注", "隐藏"] {
        assert!(document.notices.iter().any(|notice| notice.contains(part)), "{part}: {:?}", document.notices);
    }
}

#[test]
fn entity_declarations_are_refused_not_expanded() {
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE w [<!ENTITY a \"哈哈哈哈哈哈哈哈哈哈\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><w:document><w:t>&b;</w:t></w:document>";
    assert!(refused("笑.docx", &zip_of(&[("word/document.xml", laughs.as_bytes())])).contains("恶意"));
    assert!(refused("体.docx", &docx_of("<w:p><w:r><w:t>&lol;</w:t></w:r></w:p>")).contains("实体"));
    assert!(refused("号.docx", &docx_of("<w:p><w:r><w:t>&#x110000;</w:t></w:r></w:p>")).contains("字符"));
}

#[test]
fn bombs_stop_at_their_limit() {
    let zeros = vec![b' '; 40 << 20];
    assert!(refused("弹.docx", &zip_of(&[("word/document.xml", &zeros)])).contains("压缩"));
    let bomb = zip_of(&[("炸弹.txt", &zeros), ("好.txt", "第一条　好。".as_bytes())]);
    assert!(bomb.len() < 1 << 20);
    let mut archive = Archive::open(Cursor::new(bomb), Limits::default()).unwrap();
    assert!(matches!(archive.entry(0).unwrap(), Entry::Refused { error, .. } if error.code == Code::TooLarge));
    assert!(matches!(archive.entry(1).unwrap(), Entry::File(file) if file.name == "好.txt"), "the next entry is read");
    // All entries together have a limit too.
    let many = zip_of(&[("一.txt", &[b'x'; 600]), ("二.txt", &[b'x'; 600]), ("三.txt", &[b'x'; 600])]);
    let mut archive = Archive::open(Cursor::new(many), Limits { max_unpacked_bytes: 1000, ..Limits::default() }).unwrap();
    assert!(matches!(archive.entry(0).unwrap(), Entry::File(_)));
    assert!(matches!(archive.entry(1).unwrap(), Entry::Refused { .. }));
    assert!(archive.entry(2).is_err());
    let crowd = zip_of(&[("一", b""), ("二", b""), ("三", b"")]);
    assert!(Archive::open(Cursor::new(crowd), Limits { max_entries: 2, ..Limits::default() }).is_err());
}

#[test]
fn archive_names_in_gbk_and_names_that_leave_the_archive() {
    let (gbk, _, _) = encoding_rs::GBK.encode("地方性法规/甲市办法_20240501.docx");
    let placeholder = "x".repeat(gbk.len());
    let mut bytes = zip_of(&[(&placeholder, b"1")]);
    replace_all(&mut bytes, placeholder.as_bytes(), &gbk);
    let mut archive = Archive::open(Cursor::new(bytes), Limits::default()).unwrap();
    assert!(matches!(archive.entry(0).unwrap(), Entry::File(file) if file.name == "地方性法规/甲市办法_20240501.docx"));

    for (name, is_safe) in [
        ("../甲.txt", false),
        ("甲/../../乙.txt", false),
        ("/etc/甲.txt", false),
        ("C:\\甲.txt", false),
        ("./C:\\甲.txt", false),
        ("..\\甲.txt", false),
        ("甲/./乙..txt", true),
        ("甲//乙.txt", true),
    ] {
        let mut archive = Archive::open(Cursor::new(zip_of(&[(name, b"1")])), Limits::default()).unwrap();
        let entry = archive.entry(0).unwrap();
        assert_eq!(matches!(entry, Entry::File(_)), is_safe, "{name}: {entry:?}");
    }
    let mut archive = Archive::open(Cursor::new(zip_of(&[("__MACOSX/._甲.md", b"1"), ("甲/.DS_Store", b"1")])), Limits::default()).unwrap();
    assert!((0..archive.len()).all(|index| matches!(archive.entry(index).unwrap(), Entry::Ignored)));
}

fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at: Vec<usize> = (0..bytes.len().saturating_sub(from.len())).filter(|i| bytes[*i..].starts_with(from)).collect();
    at.into_iter().for_each(|i| bytes[i..i + to.len()].copy_from_slice(to));
}

#[test]
fn encrypted_and_old_files_say_what_to_do() {
    let mut locked = zip_of(&[("word/document.xml", b"<w:document/>")]);
    // Bit 0 of the general purpose flags, in the local header and in the directory.
    for (signature, offset) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = locked.windows(4).position(|w| w == signature).unwrap();
        locked[at + offset] |= 1;
    }
    assert!(refused("密.docx", &locked).contains("密码"));
    let mut ole = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    ole.resize(4096, 0);
    assert!(refused("旧.doc", &ole).contains("另存为 .docx"));
    ole.extend("EncryptedPackage".bytes().flat_map(|b| [b, 0]));
    assert!(refused("密.docx", &ole).contains("密码"));
    for (name, bytes, says) in [
        ("甲.pdf", &b"%PDF-1.7\n"[..], "PDF"),
        ("甲.rtf", b"{\\rtf1 }", "RTF"),
        ("甲.rar", b"Rar!\x1A\x07", "zip"),
        ("甲.docx", b"\x89PNG\r\n\x1A\n", "图片"),
        ("甲.txt", b"\x01\x02\x00\x03\x00\x00\x07abc", "无法识别"),
        ("甲.txt", b"", "空的"),
        ("甲.db", b"SQLite format 3\0", "数据库"),
    ] {
        assert!(refused(name, bytes).contains(says), "{name}");
    }
    assert!(refused("甲.docx", &zip_of(&[("xl/workbook.xml", b"<x/>")])).contains("电子表格"));
    assert!(refused("甲.docx", &zip_of(&[("说明.txt", b"x")])).contains("压缩包"));
}

#[test]
fn mislabelled_files_are_read_as_what_they_are() {
    let document = read_named("甲.txt", &docx_of("<w:p><w:r><w:t>第一条</w:t></w:r></w:p>")).unwrap();
    assert_eq!((document.format, document.body.as_str()), (Format::Docx, "第一条\n"));
    assert!(document.notices.iter().any(|notice| notice.contains("扩展名")));
    let page = read_named("甲.doc", "<html><body><p>第一条</p></body></html>".as_bytes()).unwrap();
    assert_eq!(page.format, Format::Html);
    let text = read_named("甲.docx", "第一条　只是文字。".as_bytes()).unwrap();
    assert_eq!(text.format, Format::Text);
    assert!(!text.notices.is_empty());
}

#[test]
fn truncated_and_damaged_documents() {
    let whole = docx_of(&"<w:p><w:r><w:t>第一条</w:t></w:r></w:p>".repeat(500));
    // Wherever it is cut, the answer is a sentence.
    for cut in (0..whole.len()).step_by(7) {
        assert!(read_named("断.docx", &whole[..cut]).is_err(), "{cut}");
    }
    // Whatever byte is damaged, there is an answer.
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5A;
        let _ = read_named("坏.docx", &damaged).map(|document| document.body.len());
    }
    assert!(refused("缺.docx", &zip_of(&[("word/document.xml", b"<w:document><w:body><w:p>")])).contains("完整"));
    let nested = "<w:sdt>".repeat(1_000_000);
    assert!(
        refused("深.docx", &zip_of(&[("word/document.xml", nested.as_bytes())])).contains("压缩"),
        "a million tags compress like a bomb"
    );
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("word/document.xml", SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
    writer.write_all(nested.as_bytes()).unwrap();
    assert!(refused("深.docx", &writer.finish().unwrap().into_inner()).contains("嵌套"));
}

#[test]
fn encodings() {
    let text = "第一条　为了规范养犬管理，制定本办法。犇骉。\n第二条　本市行政区域适用本办法。";
    let utf16 = |big: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xFEFFu16).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let with_mark: Vec<u8> = b"\xEF\xBB\xBF".iter().copied().chain(text.bytes()).collect();
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (with_mark, "UTF-8"),
        (encoding_rs::GB18030.encode(text).0.into_owned(), "gb18030"),
        (utf16(false, true), "UTF-16LE"),
        (utf16(true, true), "UTF-16BE"),
    ] {
        let decoded = text::decode(&bytes, None).unwrap();
        assert_eq!((decoded.text.as_str(), decoded.encoding, decoded.damaged), (text, encoding, 0));
        assert_eq!(read_named("甲.txt", &bytes).unwrap().body, text);
    }
    // Short GBK texts are the hard case for detection.
    for short in ["第一条", "甲市养犬管理条例", "本办法自公布之日起施行。"] {
        let (bytes, _, _) = encoding_rs::GBK.encode(short);
        assert_eq!(text::decode(&bytes, None).unwrap().text, short);
    }
    // One broken byte in a long text is marked; a text of broken bytes is refused.
    let mut broken = text.repeat(50).into_bytes();
    broken[10] = 0xFF;
    let document = read_named("甲.txt", &broken).unwrap();
    assert!(document.notices.iter().any(|notice| notice.contains("无法解码")));
    let noise: Vec<u8> = (0..4000u32).map(|i| (i * 7919 % 223 + 32) as u8).collect();
    assert!(text::decode(&noise, Some("utf-8")).is_err());
    assert_eq!(text::normalise_lines("甲\r\n乙\r丙\u{2028}丁\0"), "甲\n乙\n丙\n丁");
}

#[test]
fn limits_of_size_and_line() {
    let limits = Limits { max_file_bytes: 100, max_line_bytes: 50, ..Limits::default() };
    assert_eq!(read("大.txt", &[b'x'; 101], &limits).unwrap_err().code, Code::TooLarge);
    let error = read("长.txt", format!("短\n{}", "x".repeat(60)).as_bytes(), &limits).unwrap_err();
    assert!(error.detail.contains("第 2 行"), "{}", error.detail);
    assert!(read("好.txt", "短\n".repeat(20).as_bytes(), &limits).is_ok());
}

#[test]
fn sniffing_by_content_then_name() {
    for (name, head, format) in [
        ("甲.md", "# 甲\n".as_bytes(), Format::Markdown),
        ("甲.MD", b"text", Format::Markdown),
        ("甲.jsonl", b"{\"title\": 1}", Format::JsonLines),
        ("甲.json", b"{\"title\": 1}", Format::JsonLines),
        ("甲", "第一条".as_bytes(), Format::Text),
        ("甲.html", b"<p>x", Format::Html),
        ("甲.html", b"plain words", Format::Text),
        ("甲.txt", b"\xEF\xBB\xBF<!DOCTYPE HTML><html>", Format::Html),
        ("甲.zip", b"PK\x05\x06", Format::Zip),
        ("db.sqlite3", b"SQLite format 3\0\x10", Format::Sqlite),
    ] {
        assert_eq!(sniff(name, head), format, "{name}");
    }
    assert_eq!(extension("甲.乙/丙"), "");
    assert_eq!(extension(".gitignore"), "");
    assert_eq!(extension("甲\\乙.DocX"), "docx");
}

#[test]
fn content_of_a_container() {
    let content = |bytes: Vec<u8>| Archive::open(Cursor::new(bytes), Limits::default()).unwrap().content();
    assert_eq!(content(docx_of("")), Content::Document);
    assert_eq!(content(zip_of(&[("word/document2.xml", b"<x/>")])), Content::Document);
    assert_eq!(content(zip_of(&[("word/document2.xml.rels", b"<x/>")])), Content::Files);
    assert_eq!(content(zip_of(&[("ppt/presentation.xml", b"<x/>")])), Content::Office("演示文稿"));
}
