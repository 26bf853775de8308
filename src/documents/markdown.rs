//! Markdown as collections of statutes keep it: `# title`, dated history lines up to `<!-- INFO END -->`, then the text; or YAML
//! front matter, or neither.
//!
//! Heading marks inside the text stay: the structure parser knows them. Comments (`<!-- … -->`) are no text and leave empty lines.

use chrono::NaiveDate;

use super::{Coded, Format, HistoryEvent, Limits, SourceDocument, text, unreadable};
use crate::error::Result;

/// The comment that ends the header.
const HEADER_END: &str = "INFO END";

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<SourceDocument> {
    let (text, notices) = text::decode_within(bytes, limits)?;
    let mut document = parse(&text)?;
    document.notices.extend(notices);
    Ok(document)
}

fn parse(text: &str) -> Result<SourceDocument> {
    let (front, rest) = split_front_matter(text);
    let mut document = SourceDocument::new(Format::Markdown, String::new());
    if let Some(front) = front {
        read_front_matter(front, &mut document)?;
    }
    match split_header(rest) {
        Some((header, body)) => {
            let loose = read_header(header, &mut document);
            document.body = loose + &without_comments(body);
        }
        None => {
            let rest = without_comments(rest);
            match leading_title(&rest) {
                Some((title, body)) => {
                    if document.title.is_empty() {
                        document.title = title.to_owned();
                    }
                    document.body = body.to_owned();
                }
                None => document.body = rest,
            }
        }
    }
    Ok(document)
}

/// Splits a leading block between two lines of three or more dashes off the text.
fn split_front_matter(text: &str) -> (Option<&str>, &str) {
    let is_fence = |line: &str| line.trim_end().len() >= 3 && line.trim_end().bytes().all(|b| b == b'-');
    let start = text.trim_start_matches('\n');
    let Some((first, rest)) = start.split_once('\n') else { return (None, text) };
    if !is_fence(first) {
        return (None, text);
    }
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        if is_fence(line) {
            return (rest.get(..length), rest.get(length + line.len()..).unwrap_or_default());
        }
        // Running text before a closing fence means the dashes were a rule, not front matter.
        let flat = line.trim();
        if !flat.is_empty() && !flat.contains(':') && !flat.starts_with(['-', '#']) {
            break;
        }
        length += line.len();
    }
    (None, text)
}

/// Reads `key: value` lines; nested values and unknown keys are not for us.
fn read_front_matter(front: &str, document: &mut SourceDocument) -> Result<()> {
    for line in front.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']).trim();
        if value.is_empty() || line.starts_with([' ', '\t', '-']) {
            continue;
        }
        let date = || read_date_field(key, value);
        let metadata = &mut document.metadata;
        match key.trim() {
            "title" => document.title = value.to_owned(),
            "title_note" => document.title_note = value.to_owned(),
            "organ" => metadata.organ = Some(value.to_owned()),
            "document_number" => metadata.document_number = Some(value.to_owned()),
            "adopted_on" => metadata.adopted_on = Some(date()?),
            "approved_on" => metadata.approved_on = Some(date()?),
            "promulgated_on" => metadata.promulgated_on = Some(date()?),
            "effective_on" => metadata.effective_on = Some(date()?),
            "repealed_on" => metadata.repealed_on = Some(date()?),
            "category" => metadata.category = Some(read_coded(key, value)?),
            "level" => metadata.level = Some(value.to_owned()),
            "region" => metadata.region = Some(value.to_owned()),
            "validity" => metadata.validity = Some(read_coded(key, value)?),
            "id" | "source_id" => metadata.source_id = Some(value.to_owned()),
            "draft" | "bookHidden" | "hidden" => metadata.is_hidden |= value == "true",
            _ => {}
        }
    }
    Ok(())
}

/// A date field, `2024-05-01` or `2024年5月1日`.
fn read_date_field(key: &str, value: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(value, "%Y-%m-%d")
        .ok()
        .or_else(|| leading_date(value).map(|(date, _)| date))
        .ok_or_else(|| unreadable(format_args!("{} 的日期“{value}”无法识别，应为 2024-05-01 的形式", key.trim())))
}

/// `scheme:code`, or a word; a number without its scheme means different things in different schemes and is rejected.
pub(super) fn read_coded(key: &str, value: &str) -> Result<Coded> {
    match value.split_once(':') {
        Some((scheme, code)) if !scheme.trim().is_empty() && !code.trim().is_empty() => {
            Ok(Coded { scheme: scheme.trim().to_owned(), code: code.trim().to_owned() })
        }
        _ if value.bytes().all(|b| b.is_ascii_digit()) => {
            Err(unreadable(format_args!("{} 的代码“{value}”没有写明代码方案，例如应写 sxx:3", key.trim())))
        }
        _ => Ok(Coded { scheme: String::new(), code: value.to_owned() }),
    }
}

/// Splits at the comment that ends the header.
fn split_header(text: &str) -> Option<(&str, &str)> {
    let marker = text.find(HEADER_END)?;
    let start = text.get(..marker)?.rfind("<!--")?;
    if !text.get(start + 4..marker)?.trim().is_empty() {
        return None;
    }
    let end = marker + text.get(marker..)?.find("-->")? + 3;
    Some((text.get(..start)?, text.get(end..)?))
}

/// Title, part and history of the header. Returns lines that are none of these: they belong to the text.
fn read_header(header: &str, document: &mut SourceDocument) -> String {
    let mut events: Vec<String> = Vec::new();
    let mut loose = String::new();
    for line in header.lines() {
        let line = strip_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim();
            if document.title.is_empty() {
                document.title = heading.to_owned();
            } else if document.part.is_empty() && heading != document.title {
                document.part = heading.to_owned();
            }
        } else if begins_with_year(line.trim_start_matches(['（', '('])) {
            events.push(line.trim_start_matches(['（', '(']).trim_end_matches(['）', ')']).to_owned());
        } else if let Some(last) = events.last_mut() {
            // A wrapped line goes on where the last one broke off; a new clause keeps its distance.
            if ends_a_clause(last) {
                last.push(' ');
            }
            last.push_str(line);
        } else if document.metadata.document_number.is_none() && is_document_number(line) {
            document.metadata.document_number = Some(line.to_owned());
        } else {
            loose.push_str(line);
            loose.push('\n');
        }
    }
    // A title wrapped over lines is often repeated before the first date.
    if flat(&document.title).contains(&flat(&loose)) {
        loose.clear();
    }
    for event in events {
        document.history.push(match leading_date(&event) {
            Some((date, rest)) => HistoryEvent { date: Some(date), text: rest.trim().to_owned() },
            None => HistoryEvent { date: None, text: event },
        });
    }
    document.title_note = title_note(&document.history);
    loose
}

/// The title note as it would be printed: each event with its date, separated by one ideographic space.
fn title_note(history: &[HistoryEvent]) -> String {
    use chrono::Datelike;
    let mut note = String::new();
    for event in history {
        if !note.is_empty() {
            note.push('\u{3000}');
        }
        match event.date {
            // 自…起施行 is how a title note says it; collections shorten it to date and verb.
            Some(date) if event.text == "施行" => {
                note.push_str(&format!("自{}年{}月{}日起施行", date.year(), date.month(), date.day()));
            }
            Some(date) => note.push_str(&format!("{}年{}月{}日{}", date.year(), date.month(), date.day(), event.text)),
            None => note.push_str(&event.text),
        }
    }
    note
}

fn ends_a_clause(line: &str) -> bool {
    ["通过", "批准", "公布", "发布", "修正", "修订", "施行", "）", ")"].iter().any(|end| line.ends_with(end))
}

fn begins_with_year(line: &str) -> bool {
    line.split_once('年').is_some_and(|(year, _)| year.chars().count() == 4 && number(year).is_some())
}

/// A number of at most four digits, half or full width.
fn number(text: &str) -> Option<u32> {
    let digits: Option<Vec<u32>> = text
        .trim()
        .chars()
        .take(5)
        .map(|c| match c {
            '０'..='９' => Some(c as u32 - '０' as u32),
            other => other.to_digit(10),
        })
        .collect();
    digits.filter(|digits| (1..=4).contains(&digits.len())).map(|digits| digits.into_iter().fold(0, |value, digit| value * 10 + digit))
}

/// Reads `YYYY年M月D日` at the beginning and returns the rest.
fn leading_date(line: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = line.split_once('年')?;
    let (month, rest) = rest.split_once('月')?;
    let (day, rest) = rest.split_once('日')?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?)?;
    Some((date, rest))
}

/// Whether a whole line is a document number (organ code, bracketed year, 号).
fn is_document_number(line: &str) -> bool {
    line.chars().count() <= 40 && line.ends_with('号') && line.contains(['〔', '[', '［', '【', '(', '（', '第'])
}

/// A first heading line, and the text after it.
fn leading_title(text: &str) -> Option<(&str, &str)> {
    let start = text.trim_start();
    let (line, rest) = start.split_once('\n').unwrap_or((start, ""));
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    // 第一章 as the first heading belongs to the text.
    (!title.is_empty() && !title.starts_with('第')).then_some((title, rest))
}

fn strip_comment(line: &str) -> &str {
    line.split("<!--").next().unwrap_or_default()
}

/// Replaces comments by nothing, keeping their line ends so that line numbers stand.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        match after.split_once("-->") {
            Some((comment, after)) => {
                kept.extend(comment.chars().filter(|c| *c == '\n'));
                rest = after;
            }
            // Never closed: it is text.
            None => {
                kept.push_str("<!--");
                rest = after;
                break;
            }
        }
    }
    kept.push_str(rest);
    kept
}

fn flat(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn header_title_history_and_body() {
        let text = "# 示例市公园条例\n\n2019年3月1日 示例市第三届人民代表大会第一次会议通过\n\n2021年5月6日 第二次会议《关于修改〈示例市公园条例〉\n\n第三条的决定》修正\n\n2021年7月1日 施行\n\n<!-- INFO END -->\n\n## 第一章 总则\n\n第一条 为了公园。\n";
        let document = parse(text).unwrap();
        assert_eq!(document.title, "示例市公园条例");
        let dates: Vec<_> = document.history.iter().map(|e| e.date).collect();
        assert_eq!(dates, [Some(date(2019, 3, 1)), Some(date(2021, 5, 6)), Some(date(2021, 7, 1))]);
        assert_eq!(document.history[1].text, "第二次会议《关于修改〈示例市公园条例〉第三条的决定》修正");
        assert!(document.body.trim_start().starts_with("## 第一章 总则"), "the wrapped history line is no article");
        assert!(document.title_note.ends_with("自2021年7月1日起施行"));
        let (full, lines) = document.full_text();
        assert!(full.starts_with("示例市公园条例\n（2019年3月1日"));
        assert_eq!(lines, 2);
    }

    #[test]
    fn odd_headers() {
        let split_date = parse("# 甲市办法\n2014年9月26\n日甲市人民政府通过\n<!-- INFO END -->\n第一条 一。").unwrap();
        assert_eq!(split_date.history, [HistoryEvent { date: Some(date(2014, 9, 26)), text: "甲市人民政府通过".into() }]);
        let wrapped_title = parse("# 甲市公共卫生办法\n甲市公共\n卫生办法\n2014年9月26日 通过\n<!-- INFO END -->\n").unwrap();
        assert_eq!(wrapped_title.history.len(), 1, "a repeated title is no event");
        let numbered = parse("# 关于甲的通知\n甲府〔2020〕3号\n2020年1月1日 施行\n<!-- INFO END -->\n").unwrap();
        assert_eq!(numbered.metadata.document_number.as_deref(), Some("甲府〔2020〕3号"));
        let part = parse("# 甲法典\n\n# 物权编\n\n2020年5月28日 通过\n<!-- INFO END -->\n\n第二条 二。").unwrap();
        assert_eq!((part.title.as_str(), part.part.as_str()), ("甲法典", "物权编"));
        let wide = parse("# 甲\n（２００２年６月29日 通过）\n<!-- INFO END -->\n").unwrap();
        assert_eq!(wide.history, [HistoryEvent { date: Some(date(2002, 6, 29)), text: "通过".into() }]);
        let addressed = parse("# 甲规定\n各区：\n现予印发。\n2020年1月1日 施行\n<!-- INFO END -->\n\n第一条 一。").unwrap();
        assert!(addressed.body.starts_with("各区：\n现予印发。\n"), "what is no history stays text");
        let impossible = parse("# 甲\n2020年13月45日 通过\n<!-- INFO END -->\n").unwrap();
        assert_eq!(impossible.history[0].date, None);
    }

    #[test]
    fn without_header_the_first_heading_is_the_title() {
        let document = parse("\n## 甲市听证办法\n\n（2020年1月1日公布）\n第一条 一。").unwrap();
        assert_eq!(document.title, "甲市听证办法");
        assert!(document.body.contains("（2020年1月1日公布）"));
        let chapter = parse("## 第一章 总则\n第一条 一。").unwrap();
        assert_eq!(chapter.title, "");
        assert!(chapter.body.starts_with("## 第一章"));
    }

    #[test]
    fn front_matter_fields_and_rejected_bare_codes() {
        let document = parse(
            "---\ntitle: \"甲市办法\"\neffective_on: 2024-05-01\nvalidity: sxx:3\nlevel: 地方政府规章\nbookHidden: true\n---\n第一条 一。",
        )
        .unwrap();
        assert_eq!(document.metadata.effective_on, Some(date(2024, 5, 1)));
        assert_eq!(document.metadata.validity, Some(Coded { scheme: "sxx".into(), code: "3".into() }));
        assert!(document.metadata.is_hidden);
        assert_eq!(document.body, "第一条 一。");
        assert!(parse("---\nvalidity: 3\n---\n正文").is_err(), "3 means three different things");
        assert!(parse("---\neffective_on: 明年\n---\n正文").is_err());
        let rule = parse("---\n这是一条分隔线之后的正文\n---\n").unwrap();
        assert!(rule.body.contains("正文"), "a horizontal rule swallows nothing");
    }

    #[test]
    fn comments_leave_their_lines() {
        assert_eq!(without_comments("甲<!-- 一\n二 -->乙\n<!-- 不闭合"), "甲\n乙\n<!-- 不闭合");
    }
}
