//! JSON Lines: one document a line, or one article a line, read as a stream.
//!
//! One document a line, [`SCHEMA`] for people:
//!
//! ```json
//! {"title": "示例市公园条例", "text": "第一条　……\n第二条　……"}
//! {"title": "…", "title_note": "…", "organ": "…", "document_number": "…", "adopted_on": "2024-05-01", "approved_on": "…", "promulgated_on": "…",
//!  "effective_on": "…", "repealed_on": "…", "category": {"scheme": "sxx", "code": "230"}, "level": "地方性法规", "region": "示例市",
//!  "validity": {"scheme": "sxx", "code": "3"}, "id": "…",
//!  "provisions": [{"label": "第一章", "heading": "总则"}, {"label": "第一条", "text": "……", "id": "…"}]}
//! ```
//!
//! One article a line; articles with the same `law` and `version` become one document, each keeping its `id`:
//!
//! ```json
//! {"id": 17, "law": "示例市公园条例", "version": "2024-05-01", "category": "地方性法规", "article": "第一条", "content": "……"}
//! ```
//!
//! A line longer than the limit is skipped without being held, so a file of one endless line costs one buffer and one row.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, Read};

use chrono::NaiveDate;
use serde::Deserialize;

use super::{Coded, Format, Limits, SourceArticle, SourceDocument, SourceMetadata, markdown, text, unreadable};
use crate::error::{Error, Result};

/// The line formats, for `zhitong import --help` and the import page.
pub const SCHEMA: &str = r#"JSON Lines（每行一个 JSON 对象，UTF-8 编码），两种写法：
一、每行一份文件。必填 title，以及 text（全文，换行用 \n）或 provisions（条文列表）之一：
  {"title": "示例市公园条例", "text": "第一条　……\n第二条　……"}
  可选：title_note 题注；organ 制定机关；document_number 文号；level 效力位阶；region 适用区域；id 来源编号；
  adopted_on 通过、approved_on 批准、promulgated_on 公布、effective_on 施行、repealed_on 废止日期（如 2024-05-01）；
  category 类别、validity 时效性：写中文名称（如 "现行有效"），或写明代码方案 {"scheme": "sxx", "code": "3"}。
  不接受没有方案的代码：同一个 3，在不同方案中含义不同。
  provisions 的每一项：{"label": "第一条", "heading": "条旨或章名", "text": "……", "id": "来源编号"}
二、每行一条。law 与 version 相同的各条合成一份文件，逐条保留 id：
  {"id": 17, "law": "示例市公园条例", "version": "2024-05-01", "category": "地方性法规", "article": "第一条", "content": "……"}"#;

/// A line that gave no document.
#[derive(Debug)]
pub struct RefusedLine {
    /// `file:line`, lines counted from 1.
    pub name: String,
    /// Why.
    pub error: Error,
}

/// The documents of a JSON Lines file, in the order in which each begins.
pub struct JsonLines<R> {
    reader: R,
    name: String,
    limits: Limits,
    line: u64,
    is_at_end: bool,
    ready: VecDeque<Result<SourceDocument, RefusedLine>>,
    groups: BTreeMap<u64, Group>,
    group_of: HashMap<(String, String), u64>,
    grouped_bytes: usize,
}

/// Articles of one law and version, being collected.
struct Group {
    key: (String, String),
    document: SourceDocument,
    lines: u32,
}

impl<R: BufRead> JsonLines<R> {
    /// Reads documents from `reader`; `name` is the file's name for rows and documents.
    pub fn new(reader: R, name: impl Into<String>, limits: Limits) -> Self {
        JsonLines {
            reader,
            name: name.into(),
            limits,
            line: 0,
            is_at_end: false,
            ready: VecDeque::new(),
            groups: BTreeMap::new(),
            group_of: HashMap::new(),
            grouped_bytes: 0,
        }
    }

    fn row_name(&self, line: u64) -> String {
        format!("{}:{line}", self.name)
    }

    fn refuse(&mut self, error: Error) {
        let name = self.row_name(self.line);
        self.ready.push_back(Err(RefusedLine { name, error }));
    }

    /// Reads one line and does with it what its fields say.
    fn advance(&mut self) {
        self.line += 1;
        let bytes = match read_line(&mut self.reader, self.limits.max_line_bytes) {
            Ok(Line::Content(bytes)) => bytes,
            Ok(Line::TooLong) => return self.refuse(text::line_too_long(self.line, &self.limits)),
            Ok(Line::End) => {
                self.is_at_end = true;
                return self.flush(0);
            }
            Err(error) => {
                self.is_at_end = true;
                self.refuse(unreadable("读取中断").caused_by(error));
                return self.flush(0);
            }
        };
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match serde_json::from_slice::<Row>(bytes) {
            Ok(Row { law: Some(law), article: Some(article), content: Some(content), id, version, category, .. }) => {
                self.add_article(law, version.map(Scalar::into_text).unwrap_or_default(), article, content, id, category);
            }
            Ok(row) => match document(row) {
                Ok(mut document) => {
                    document.name = self.row_name(self.line);
                    self.ready.push_back(Ok(document));
                }
                Err(error) => self.refuse(error),
            },
            Err(error) => {
                let reason = if error.is_data() { "字段的类型不对" } else { "不是有效的 JSON" };
                self.refuse(unreadable(format_args!("第 {} 行{reason}（第 {} 个字符附近）", self.line, error.column())).caused_by(error));
            }
        }
    }

    fn add_article(
        &mut self,
        law: String,
        version: String,
        article: String,
        content: String,
        id: Option<Scalar>,
        category: Option<CodedValue>,
    ) {
        let key = (law.trim().to_owned(), version.trim().to_owned());
        if key.0.is_empty() {
            return self.refuse(unreadable(format_args!("第 {} 行的 law（法规名称）是空的", self.line)));
        }
        let number = match self.group_of.get(&key) {
            Some(number) => *number,
            None => {
                let mut document = SourceDocument::new(Format::JsonLines, String::new());
                document.name = self.row_name(self.line);
                document.title.clone_from(&key.0);
                document.is_articles_only = true;
                document.metadata.version = (!key.1.is_empty()).then(|| key.1.clone());
                match category.map(CodedValue::into_coded).transpose() {
                    Ok(category) => document.metadata.category = category,
                    Err(error) => return self.refuse(error),
                }
                let number = self.line;
                self.grouped_bytes += key.0.len() + key.1.len();
                self.group_of.insert(key.clone(), number);
                self.groups.insert(number, Group { key, document, lines: 0 });
                number
            }
        };
        let Some(group) = self.groups.get_mut(&number) else { return };
        let label = article.trim();
        let content = text::normalise_lines(content.trim());
        let body = &mut group.document.body;
        let before = body.len();
        if !content.starts_with(label) {
            body.push_str(label);
            body.push('\u{3000}');
        }
        body.push_str(&content);
        body.push('\n');
        if let Some(id) = id {
            let source_id = id.into_text();
            self.grouped_bytes += source_id.len();
            group.document.articles.push(SourceArticle { source_id, label: label.to_owned(), line: group.lines + 1 });
        }
        group.lines += 1 + content.matches('\n').count() as u32;
        self.grouped_bytes += body.len() - before + label.len();
        self.flush(self.limits.max_grouping_bytes);
    }

    /// Hands over the oldest groups until at most `keep_bytes` of text are held.
    fn flush(&mut self, keep_bytes: usize) {
        while self.grouped_bytes > keep_bytes || (keep_bytes == 0 && !self.groups.is_empty()) {
            let Some((_, group)) = self.groups.pop_first() else { break };
            self.group_of.remove(&group.key);
            let held: usize = group.document.articles.iter().map(|article| article.source_id.len() + article.label.len()).sum();
            self.grouped_bytes =
                self.grouped_bytes.saturating_sub(group.document.body.len() + held + group.key.0.len() + group.key.1.len());
            self.ready.push_back(Ok(group.document));
        }
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<SourceDocument, RefusedLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.is_at_end {
            self.advance();
        }
        self.ready.pop_front()
    }
}

enum Line {
    Content(Vec<u8>),
    TooLong,
    End,
}

/// Reads up to the next line end, holding at most `limit` bytes; the rest of a longer line is passed over.
fn read_line(reader: &mut impl BufRead, limit: usize) -> std::io::Result<Line> {
    let mut line = Vec::new();
    // Two more bytes: the line end itself, and one that tells a full line from a longer one.
    reader.take(limit as u64 + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > limit {
        reader.skip_until(b'\n')?;
    } else if line.is_empty() {
        return Ok(Line::End);
    }
    Ok(if line.len() > limit { Line::TooLong } else { Line::Content(line) })
}

/// Every field that a line may have; which are there says which kind of line it is.
#[derive(Deserialize)]
struct Row {
    law: Option<String>,
    article: Option<String>,
    content: Option<String>,
    version: Option<Scalar>,
    id: Option<Scalar>,
    title: Option<String>,
    title_note: Option<String>,
    organ: Option<String>,
    document_number: Option<String>,
    adopted_on: Option<String>,
    approved_on: Option<String>,
    promulgated_on: Option<String>,
    effective_on: Option<String>,
    repealed_on: Option<String>,
    category: Option<CodedValue>,
    level: Option<String>,
    region: Option<String>,
    validity: Option<CodedValue>,
    text: Option<String>,
    provisions: Option<Vec<ProvisionRow>>,
}

#[derive(Deserialize)]
struct ProvisionRow {
    #[serde(default)]
    label: String,
    #[serde(default)]
    heading: String,
    #[serde(default)]
    text: String,
    id: Option<Scalar>,
}

/// A text or a number, kept as it was written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
        }
    }
}

/// A word, or a code with its scheme.
#[derive(Deserialize)]
#[serde(untagged)]
enum CodedValue {
    Coded { scheme: String, code: Scalar },
    Word(Scalar),
}

impl CodedValue {
    fn into_coded(self) -> Result<Coded> {
        match self {
            CodedValue::Coded { scheme, code } if !scheme.trim().is_empty() => {
                Ok(Coded { scheme: scheme.trim().to_owned(), code: code.into_text().trim().to_owned() })
            }
            CodedValue::Coded { code, .. } | CodedValue::Word(code) => markdown::read_coded("代码", code.into_text().trim()),
        }
    }
}

/// A line that is a whole document.
fn document(row: Row) -> Result<SourceDocument> {
    let mut document = SourceDocument::new(Format::JsonLines, String::new());
    document.title = row.title.unwrap_or_default().trim().to_owned();
    if document.title.is_empty() {
        return Err(unreadable("缺少 title（标题），也不是每行一条的格式（law、article、content）"));
    }
    document.title_note = row.title_note.unwrap_or_default().trim().to_owned();
    match (row.text, row.provisions) {
        (Some(text), None) => document.body = text::normalise_lines(&text),
        (None, Some(provisions)) => write_provisions(provisions, &mut document),
        (Some(_), Some(_)) => return Err(unreadable("text 和 provisions 只能有一个")),
        (None, None) => return Err(unreadable("缺少 text（全文）或 provisions（条文列表）")),
    }
    document.metadata = SourceMetadata {
        adopted_on: date("adopted_on", row.adopted_on)?,
        approved_on: date("approved_on", row.approved_on)?,
        promulgated_on: date("promulgated_on", row.promulgated_on)?,
        effective_on: date("effective_on", row.effective_on)?,
        repealed_on: date("repealed_on", row.repealed_on)?,
        organ: filled(row.organ),
        document_number: filled(row.document_number),
        category: row.category.map(CodedValue::into_coded).transpose()?,
        level: filled(row.level),
        region: filled(row.region),
        validity: row.validity.map(CodedValue::into_coded).transpose()?,
        source_id: filled(row.id.map(Scalar::into_text)),
        version: filled(row.version.map(Scalar::into_text)),
        is_hidden: false,
    };
    Ok(document)
}

/// Writes structured provisions as the text they stand for; the structure parser finds the same provisions in it again.
fn write_provisions(provisions: Vec<ProvisionRow>, document: &mut SourceDocument) {
    let mut line = 1u32;
    for provision in provisions {
        let (label, heading) = (provision.label.trim(), provision.heading.trim());
        let mut written = label.to_owned();
        let is_article = label.starts_with('第') && label.contains('条');
        if !heading.is_empty() {
            let separator = if label.is_empty() { "" } else { "\u{3000}" };
            let heading = if is_article { format!("【{}】", heading.trim_matches(['【', '】'])) } else { heading.to_owned() };
            written.push_str(&format!("{separator}{heading}"));
        }
        let text = text::normalise_lines(provision.text.trim());
        if !text.is_empty() {
            // The words of an article stand on its line; those of a chapter begin on the next.
            if !written.is_empty() {
                written.push(if is_article || heading.is_empty() { '\u{3000}' } else { '\n' });
            }
            written.push_str(&text);
        }
        written.push('\n');
        if let Some(id) = provision.id {
            document.articles.push(SourceArticle { source_id: id.into_text(), label: label.to_owned(), line });
        }
        line += written.matches('\n').count() as u32;
        document.body.push_str(&written);
    }
}

fn filled(value: Option<String>) -> Option<String> {
    value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn date(field: &str, value: Option<String>) -> Result<Option<NaiveDate>> {
    match filled(value) {
        None => Ok(None),
        Some(value) => match NaiveDate::parse_from_str(&value, "%Y-%m-%d") {
            Ok(date) => Ok(Some(date)),
            Err(_) => Err(unreadable(format_args!("{field} 的日期“{value}”无法识别，应为 2024-05-01 的形式"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read(text: &str, limits: Limits) -> Vec<Result<SourceDocument, RefusedLine>> {
        JsonLines::new(text.as_bytes(), "甲.jsonl", limits).collect()
    }

    #[test]
    fn documents_plain_and_structured() {
        let text = r#"{"title": "甲市办法", "text": "第一条　一。\r\n第二条　二。"}

{"title": "乙市办法", "organ": "乙市人民政府", "effective_on": "2024-05-01", "validity": {"scheme": "sxx", "code": 3}, "category": "地方政府规章", "id": 9, "provisions": [{"label": "第一章", "heading": "总则"}, {"label": "第一条", "heading": "目的", "text": "一。\n又一款。", "id": "a1"}, {"label": "第二条", "text": "二。", "id": "a2"}]}"#;
        let documents: Vec<_> = read(text, Limits::default()).into_iter().map(Result::unwrap).collect();
        assert_eq!(documents[0].body, "第一条　一。\n第二条　二。");
        let second = &documents[1];
        assert_eq!(second.name, "甲.jsonl:3");
        assert_eq!(second.body, "第一章　总则\n第一条　【目的】　一。\n又一款。\n第二条　二。\n");
        assert_eq!(second.articles.iter().map(|a| a.line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(second.metadata.validity, Some(Coded { scheme: "sxx".into(), code: "3".into() }));
        assert_eq!(second.metadata.source_id.as_deref(), Some("9"));
    }

    #[test]
    fn bad_lines_are_rows_and_reading_goes_on() {
        let text = "{\n[1]\n{\"title\": \"甲\"}\n{\"title\": \"甲\", \"text\": \"文\", \"validity\": 3}\n{\"title\": \"甲\", \"text\": \"文\", \"effective_on\": \"某日\"}\n{\"title\": \"\", \"text\": \"文\"}\n{\"title\": \"好\", \"text\": \"文\"}\n";
        let rows = read(text, Limits::default());
        assert_eq!(rows.len(), 7);
        assert!(rows[..6].iter().all(Result::is_err));
        assert!(rows[3].as_ref().unwrap_err().error.detail.contains("方案"), "a bare code is rejected");
        assert_eq!(rows[6].as_ref().unwrap().title, "好");
        let deep = format!("{{\"title\":{}", "[".repeat(1_000_000));
        assert!(read(&deep, Limits::default())[0].is_err());
        assert!(read("\u{FEFF}{\"title\": \"甲\", \"text\": \"文\"}", Limits::default())[0].is_ok());
    }

    #[test]
    fn articles_are_grouped_across_interleaving_and_keep_their_ids() {
        let row = |id: u32, law: &str, article: &str| {
            format!(
                "{{\"id\": {id}, \"name\": \"x\", \"law\": \"{law}\", \"article\": \"{article}\", \"version\": \"2020-01-01\", \"category\": \"行政法\", \"content\": \"内容{id}。\\n第二款。\"}}\n"
            )
        };
        let text = [row(1, "甲法", "第一条"), row(2, "乙法", "第一条"), row(3, "甲法", "第二条"), row(4, "甲法", "第二条之一")].concat();
        let documents: Vec<_> = read(&text, Limits::default()).into_iter().map(Result::unwrap).collect();
        assert_eq!(documents.iter().map(|d| d.title.as_str()).collect::<Vec<_>>(), ["甲法", "乙法"]);
        assert_eq!(documents[0].body, "第一条　内容1。\n第二款。\n第二条　内容3。\n第二款。\n第二条之一　内容4。\n第二款。\n");
        let ids: Vec<_> = documents[0].articles.iter().map(|a| (a.source_id.as_str(), a.line)).collect();
        assert_eq!(ids, [("1", 1), ("3", 3), ("4", 5)]);
        assert_eq!(documents[0].metadata.version.as_deref(), Some("2020-01-01"));

        // With almost no room every law is handed over as soon as the next begins.
        let tight = read(&text, Limits { max_grouping_bytes: 1, ..Limits::default() });
        assert_eq!(tight.len(), 4);
    }

    #[test]
    fn an_endless_line_costs_one_buffer_and_one_row() {
        let limits = Limits { max_line_bytes: 1 << 16, ..Limits::default() };
        let endless = std::io::repeat(b'x').take(1 << 30).chain(&b"\n{\"title\": \"\xE7\x94\xB2\", \"text\": \"t\"}"[..]);
        let rows: Vec<_> = JsonLines::new(BufReader::with_capacity(1 << 16, endless), "大.jsonl", limits).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].as_ref().unwrap_err().error.detail.contains("第 1 行"));
        assert_eq!(rows[1].as_ref().unwrap().title, "甲");
    }

    #[test]
    fn the_line_limit_is_exact() {
        for (text, limit, lengths) in [
            ("abc\nde", 3, vec![Some(3), Some(2)]),
            ("abcd\nde\n", 3, vec![None, Some(2)]),
            ("abc", 3, vec![Some(3)]),
            ("abcd", 3, vec![None]),
            ("abcdef", 3, vec![None]),
            ("\n\n", 3, vec![Some(0), Some(0)]),
        ] {
            let mut reader = text.as_bytes();
            let mut found = Vec::new();
            loop {
                match read_line(&mut reader, limit).unwrap() {
                    Line::Content(line) => found.push(Some(line.len())),
                    Line::TooLong => found.push(None),
                    Line::End => break,
                }
            }
            assert_eq!(found, lengths, "{text:?}");
        }
    }
}
