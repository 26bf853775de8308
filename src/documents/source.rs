//! What a reader hands over: one legal text as the file has it, before anything is concluded from it.

use chrono::NaiveDate;

use super::Format;

/// 来源文件: one legal text as read from a file, with what the file itself says about it.
///
/// Absence means that the file says nothing; conclusions (dates from running text, category from a folder) belong to the import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDocument {
    /// File name, or path inside the archive, or `file:line` of JSON Lines.
    pub name: String,
    /// What the file really was.
    pub format: Format,
    /// Title, when the file sets it apart from the text; else empty.
    pub title: String,
    /// Which part of the title's text this file holds (物权编 of a code kept in several files); else empty.
    pub part: String,
    /// 题注: who adopted and amended the text when, as one piece of text; else empty.
    pub title_note: String,
    /// The events of the title note, one by one, where the file keeps them so.
    pub history: Vec<HistoryEvent>,
    /// The text, lines ended by `\n`; without what was set apart as `title` and `title_note`.
    pub body: String,
    /// What the file says in fields of its own.
    pub metadata: SourceMetadata,
    /// Ids that the source gives to single articles; empty when it has none.
    pub articles: Vec<SourceArticle>,
    /// Whether the text was put together from single articles: chapters, preamble and attachments are missing.
    pub is_articles_only: bool,
    /// What a person should know about the reading, in Chinese sentences.
    pub notices: Vec<String>,
}

/// One event in the history of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEvent {
    /// Its date; absent when the line has none.
    pub date: Option<NaiveDate>,
    /// What happened (第二次会议通过), verbatim, without the date.
    pub text: String,
}

/// An article with the id it has in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceArticle {
    /// The id, verbatim.
    pub source_id: String,
    /// The article's marker (第二十条之一).
    pub label: String,
    /// Line of [`SourceDocument::body`] on which the article begins, counted from 1.
    pub line: u32,
}

/// A code together with the scheme it belongs to; a word of plain Chinese has no scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Scheme (`sxx`, `status`, `gbt47277` …); empty for a word.
    pub scheme: String,
    /// Code or word, verbatim.
    pub code: String,
}

/// What a file says about its text in fields of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMetadata {
    /// 通过日期.
    pub adopted_on: Option<NaiveDate>,
    /// 批准日期.
    pub approved_on: Option<NaiveDate>,
    /// 公布日期.
    pub promulgated_on: Option<NaiveDate>,
    /// 施行日期.
    pub effective_on: Option<NaiveDate>,
    /// 废止、失效日期.
    pub repealed_on: Option<NaiveDate>,
    /// 制定机关.
    pub organ: Option<String>,
    /// 发文字号, 令号.
    pub document_number: Option<String>,
    /// 类别.
    pub category: Option<Coded>,
    /// 效力位阶 (法律, 地方性法规 …).
    pub level: Option<String>,
    /// 适用区域.
    pub region: Option<String>,
    /// 时效性.
    pub validity: Option<Coded>,
    /// The document's id in its source.
    pub source_id: Option<String>,
    /// The version mark of the source, when it names versions otherwise than by a date.
    pub version: Option<String>,
    /// The source marks the file as hidden or as a draft of a page: not meant to be read.
    pub is_hidden: bool,
}

impl SourceDocument {
    /// A document of a format with nothing but its text.
    pub(crate) fn new(format: Format, body: String) -> Self {
        SourceDocument {
            name: String::new(),
            format,
            title: String::new(),
            part: String::new(),
            title_note: String::new(),
            history: Vec::new(),
            body,
            metadata: SourceMetadata::default(),
            articles: Vec::new(),
            is_articles_only: false,
            notices: Vec::new(),
        }
    }

    /// Title, title note and body as one text in the order of an official print, and the number of lines put before the body.
    ///
    /// A title that the body repeats in its first lines is not written twice.
    pub fn full_text(&self) -> (String, u32) {
        let mut head = String::new();
        if !self.title.is_empty() && !self.body_begins_with_title() {
            head.push_str(&self.title);
            head.push('\n');
        }
        if !self.title_note.is_empty() {
            let bracketed = self.title_note.starts_with(['（', '(']);
            head.push_str(&if bracketed { self.title_note.clone() } else { format!("（{}）", self.title_note) });
            head.push('\n');
        }
        let lines = head.matches('\n').count() as u32;
        head.push_str(&self.body);
        (head, lines)
    }

    fn body_begins_with_title(&self) -> bool {
        let wanted: String = self.title.chars().filter(|c| !c.is_whitespace()).collect();
        let found = self.body.chars().filter(|c| !c.is_whitespace() && *c != '#').take(wanted.chars().count());
        found.eq(wanted.chars())
    }
}
