//! Word 文档 (.docx): the text of its main part (`word/document.xml`), read event by event.
//!
//! Kept: paragraphs, tabs, breaks, hyperlinks, content controls, smart tags, insertions under revision, text boxes, tables as pipe rows.
//! Left out, with a notice where it can matter: deletions under revision, footnotes, hidden text, numbers that Word counts by itself,
//! pictures. Entities are never expanded and a document type declaration is refused, so a billion laughs end before the first.

use std::io::Cursor;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::archive::{Archive, Content};
use super::blocks::Blocks;
use super::{Format, Limits, SourceDocument, text, unreadable};
use crate::error::{Code, Error, Result};

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<SourceDocument> {
    let mut archive = Archive::open(Cursor::new(bytes), limits.clone())?;
    match archive.content() {
        Content::Document => {}
        Content::Office(kind) => {
            return Err(Error::new(Code::UnsupportedMedia, format!("这是{kind}，不是 Word 文档，不能作为法规文本导入。")));
        }
        Content::Files => {
            return Err(Error::new(Code::UnsupportedMedia, "这是压缩包，不是单份文件；请作为压缩包导入。"));
        }
    }
    let index = archive.main_part().ok_or_else(|| unreadable("文件中没有正文部分"))?;
    let part = archive.unpack(index)?;
    let xml = text::decode(&part, None)?.text;
    let (body, notices) = Extraction::default().run(&xml, limits)?;
    Ok(SourceDocument { notices, ..SourceDocument::new(Format::Docx, body) })
}

/// State of one pass over the part.
#[derive(Default)]
struct Extraction {
    blocks: Blocks,
    depth: usize,
    /// Depth of the element whose content is skipped, if one is.
    skipped_from: Option<usize>,
    /// Depth of the `w:t` being read.
    text_from: Option<usize>,
    run_is_hidden: bool,
    paragraph_has_text: bool,
    footnotes: usize,
    automatic_numbers: usize,
    deletions: usize,
    insertions: usize,
    hidden_runs: usize,
    pictures: usize,
}

impl Extraction {
    fn run(mut self, xml: &str, limits: &Limits) -> Result<(String, Vec<String>)> {
        let mut reader = Reader::from_str(xml);
        loop {
            let event = reader.read_event().map_err(|error| unreadable("文档内容已损坏").caused_by(error))?;
            match event {
                Event::Start(element) => {
                    self.depth += 1;
                    if self.depth > limits.max_depth {
                        return Err(unreadable(format_args!("文档内容的嵌套超过 {} 层", limits.max_depth)));
                    }
                    self.open(&element);
                }
                Event::Empty(element) => {
                    self.depth += 1;
                    self.open(&element);
                    self.close(element.local_name().as_ref());
                    self.depth -= 1;
                }
                Event::End(element) => {
                    self.close(element.local_name().as_ref());
                    self.depth = self.depth.saturating_sub(1);
                }
                Event::Text(text) => self.text(&text.xml10_content()),
                Event::CData(text) => self.text(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference)?;
                    self.text(character.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err(unreadable("文档中含有实体声明，可能是恶意文件")),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        if self.depth > 0 {
            return Err(unreadable("文档内容不完整，可能没有下载完"));
        }
        let notices = self.notices();
        Ok((self.blocks.finish(), notices))
    }

    fn open(&mut self, element: &BytesStart<'_>) {
        if self.skipped_from.is_some() {
            return;
        }
        match element.local_name().as_ref() {
            "del" | "moveFrom" => {
                self.deletions += 1;
                self.skipped_from = Some(self.depth);
            }
            "ins" | "moveTo" => self.insertions += 1,
            // The fallback repeats what the choice already said; field codes and deleted text are no text.
            "Fallback" | "instrText" | "delText" | "delInstrText" | "sectPr" | "tabs" => self.skipped_from = Some(self.depth),
            "p" => {
                // A paragraph inside a paragraph is a text box: a line of its own.
                self.blocks.end_line();
                self.paragraph_has_text = false;
            }
            "r" => self.run_is_hidden = false,
            "vanish" if is_on(element) => {
                self.run_is_hidden = true;
            }
            "t" => {
                self.text_from = Some(self.depth);
                self.hidden_runs += usize::from(self.run_is_hidden);
            }
            "tab" | "ptab" if !self.run_is_hidden => self.mark("\t"),
            "br" | "cr" if !self.run_is_hidden => self.blocks.break_line(),
            "noBreakHyphen" => self.mark("-"),
            "sym" => self.mark("\u{FFFD}"),
            "footnoteReference" | "endnoteReference" => self.footnotes += 1,
            "numId" if attribute(element, "val").is_some_and(|id| id != "0") => self.automatic_numbers += 1,
            "drawing" | "pict" => self.pictures += 1,
            "tbl" => self.blocks.open_table(),
            "tc" => self.blocks.open_cell(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if let Some(depth) = self.skipped_from {
            if depth == self.depth {
                self.skipped_from = None;
            }
            return;
        }
        if self.text_from == Some(self.depth) {
            self.text_from = None;
        }
        match name {
            "p" => {
                if self.paragraph_has_text {
                    self.blocks.end_line()
                } else {
                    self.blocks.break_line()
                }
                self.paragraph_has_text = true;
            }
            "tc" => self.blocks.close_cell(),
            "tr" => self.blocks.close_row(),
            "tbl" => self.blocks.close_table(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.text_from.is_some() && self.skipped_from.is_none() && !self.run_is_hidden && !text.is_empty() {
            self.mark(text);
        }
    }

    fn mark(&mut self, text: &str) {
        self.paragraph_has_text = true;
        self.blocks.push(text);
    }

    fn notices(&self) -> Vec<String> {
        let notice = |count: usize, sentence: String| (count > 0).then_some(sentence);
        [
            notice(
                self.automatic_numbers,
                format!("有 {} 个段落使用了 Word 自动编号，编号不在文字中，没有读出；请核对条、项的序号。", self.automatic_numbers),
            ),
            notice(
                self.deletions + self.insertions,
                format!("文档带有修订痕迹：采用了插入的 {} 处，去掉了删除的 {} 处。", self.insertions, self.deletions),
            ),
            notice(self.footnotes, format!("有 {} 处脚注或尾注，没有读入。", self.footnotes)),
            notice(self.hidden_runs, format!("有 {} 处隐藏文字，没有读入。", self.hidden_runs)),
            notice(self.pictures, format!("有 {} 处图片或图形，没有读入。", self.pictures)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A reference is one of XML's five names or a character number; anything else would need a declaration, and there is none.
pub(super) fn resolve(reference: &BytesRef<'_>) -> Result<char> {
    let known = match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().map_err(|error| unreadable("文档中有无效的字符编号").caused_by(error))?,
    };
    known.ok_or_else(|| unreadable("文档中引用了没有定义的实体"))
}

/// The value of an attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.local_name().as_ref() == name);
    found.map(|attribute| attribute.value.into_owned())
}

/// Whether a switch such as `w:vanish` is on; without a value it is.
fn is_on(element: &BytesStart<'_>) -> bool {
    !attribute(element, "val").is_some_and(|value| matches!(value.as_str(), "0" | "false" | "off"))
}
