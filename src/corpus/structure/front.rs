//! The title block: title, title note, and where the body begins.

use super::ProvisionKind;
use super::diagnostics::DiagnosticCode;
use super::lines::compact;
use super::markers::{self, MarkerStyle};
use super::tree::{Builder, Container, tidy_heading};

/// A title longer than this is a paragraph.
const TITLE_MAX: usize = 160;
/// A title note in brackets does not run over more lines than this.
const NOTE_LINES_MAX: usize = 40;

impl Builder<'_> {
    /// Takes the title block; answers the first line of the body.
    pub fn front(&mut self) -> usize {
        let count = self.survey.lines.len();
        if count == 0 {
            return 0;
        }
        let first = self.survey.text(0).to_owned();
        let start = self.survey.start(0);
        let header_end = self.survey.header_end.unwrap_or(0);
        let is_title = !self.survey.contents[0]
            && (start.is_plain() || self.level(0) == 1)
            && first.chars().count() <= TITLE_MAX
            && (self.level(0) > 0 || header_end > 0 || !first.ends_with(['。', '；', '：', '，']));
        if !is_title {
            self.report_line(DiagnosticCode::NoTitle, 0);
            if header_end == 0 {
                return 0;
            }
        }
        let mut i = 0;
        if is_title {
            let line = self.line_number(0);
            let text = tidy_heading(&first);
            self.push(ProvisionKind::Title, "title".into(), None, line);
            self.set_text(text);
            i = 1;
            if header_end == 0 {
                i = self.rest_of_title(i);
            }
        }
        let title = self.provisions.first().map(|p| compact(&p.text)).unwrap_or_default();
        while i < header_end.min(count) {
            if self.level(i) > 0 {
                self.subtitle(i);
            } else {
                self.note(i);
            }
            i += 1;
        }
        self.notes_in_body(i, &title)
    }

    fn set_text(&mut self, text: String) {
        if let Some(p) = self.last() {
            p.text = text;
        }
    }

    /// Joins further lines of a title that is set over several lines.
    fn rest_of_title(&mut self, mut i: usize) -> usize {
        while i < self.survey.lines.len().min(4) {
            let so_far = self.provisions.last().map(|p| compact(&p.text)).unwrap_or_default();
            let text = self.survey.text(i);
            let opens = ["中华人民共和国", "关于"].iter().any(|w| text.starts_with(w)) && is_organ(&so_far);
            let unfinished = !ends_like_title(&so_far);
            let fits = self.survey.start(i).is_plain()
                && !self.survey.contents[i]
                && (self.level(i) == 0 || self.level(i) == self.level(0))
                && text.chars().count() <= 60
                && !text.contains(['。', '；', '：', '，'])
                && !text.starts_with(['（', '('])
                && !markers::is_date(text)
                && !is_document_number(text)
                && ends_like_title(&compact(text));
            if !(fits && (opens || unfinished)) || compact(text) == so_far {
                return i;
            }
            let text = tidy_heading(text);
            if let Some(p) = self.last() {
                p.text.push_str(&text);
            }
            self.report_line(DiagnosticCode::WrappedHeading, i);
            i += 1;
        }
        i
    }

    /// A second heading inside the header names the part of a law that the file holds (民法典 / 物权编).
    fn subtitle(&mut self, i: usize) {
        let line = self.line_number(i);
        let number = self.next_number("head-");
        let heading = tidy_heading(self.survey.text(i));
        let (index, _) = self.push(ProvisionKind::Heading, format!("head-{number}"), None, line);
        if let Some(p) = self.last() {
            p.heading = heading;
        }
        self.containers.push(Container { rank: 0, index, prefix: String::new(), list: None });
    }

    fn note(&mut self, i: usize) {
        let (text, line) = (self.survey.text(i).to_owned(), self.line_number(i));
        if let Some(p) = self.last()
            && p.kind == ProvisionKind::TitleNote
        {
            p.text.push('\n');
            p.text.push_str(&text);
            return;
        }
        self.push(ProvisionKind::TitleNote, "title-note".into(), None, line);
        self.set_text(text);
    }

    /// Notes that stand below the title without a mark of the header's end: （征求意见稿）, （…通过）, document numbers, dates, organs.
    fn notes_in_body(&mut self, mut i: usize, title: &str) -> usize {
        while i < self.survey.lines.len() {
            if self.survey.contents[i] || self.survey.start(i).table {
                break;
            }
            let marker = self.survey.start(i).marker.is_some_and(|m| m.style != MarkerStyle::Han);
            if !self.survey.start(i).is_plain() && !marker {
                break;
            }
            if let Some(end) = self.repeated_title(i, title) {
                let line = self.line_number(i);
                let words: Vec<String> = (i..end).map(|k| tidy_heading(self.survey.text(k))).collect();
                self.push(ProvisionKind::Title, "title".into(), None, line);
                self.set_text(words.concat());
                self.report_line(DiagnosticCode::RepeatedTitle, i);
                i = end;
                continue;
            }
            if self.level(i) <= 1 && is_stage(self.survey.text(i)) {
                self.note(i);
                i += 1;
                continue;
            }
            if let Some(end) = self.bracketed_note(i) {
                for k in i..end {
                    self.note(k);
                }
                i = end;
                continue;
            }
            if self.is_short_note(i) {
                self.note(i);
                i += 1;
                continue;
            }
            break;
        }
        i
    }

    /// The title once more, on one line or on several; answers the line after it.
    fn repeated_title(&self, i: usize, title: &str) -> Option<usize> {
        let mut rest = title;
        for k in i..self.survey.lines.len().min(i + 6) {
            rest = rest.strip_prefix(compact(self.survey.text(k)).as_str())?;
            if rest.is_empty() {
                return Some(k + 1);
            }
        }
        None
    }

    /// A note in brackets that speaks of adoption, promulgation or entry into force; answers the line after it.
    fn bracketed_note(&self, i: usize) -> Option<usize> {
        if !self.survey.text(i).starts_with(['（', '(', '〔']) || self.level(i) > 1 {
            return None;
        }
        let (mut depth, mut speaks) = (0i32, false);
        for k in i..self.survey.lines.len().min(i + NOTE_LINES_MAX) {
            let text = self.survey.text(k);
            if k > i && self.survey.start(k).is_article() && self.survey.start(k).article.is_some_and(|a| a.number.main == 1) {
                return None;
            }
            depth +=
                text.chars().map(|c| i32::from(matches!(c, '（' | '(' | '〔')) - i32::from(matches!(c, '）' | ')' | '〕'))).sum::<i32>();
            speaks |=
                ["通过", "公布", "发布", "修正", "修订", "批准", "施行", "印发", "号", "草案", "试行"].iter().any(|w| text.contains(w));
            if depth <= 0 {
                return speaks.then_some(k + 1);
            }
        }
        None
    }

    fn is_short_note(&self, i: usize) -> bool {
        let text = self.survey.text(i);
        if self.level(i) > 1 || markers::is_preamble_title(text) || !self.survey.start(i).is_plain() {
            return false;
        }
        let tail = text.ends_with(['）', ')'])
            && !text.contains(['（', '(', '。'])
            && ["通过", "修正", "修订", "批准"].iter().any(|w| text.contains(w));
        if tail || is_document_number(text) || (markers::is_date(text) && i + 1 < self.survey.lines.len()) {
            return true;
        }
        let dated = text.chars().count() <= 120
            && !text.contains('。')
            && text.chars().take(4).all(|c| c.is_ascii_digit())
            && ["通过", "公布", "发布", "修正", "修订", "批准", "施行"].iter().any(|w| text.contains(w));
        // An organ above a note, a number or the preamble.
        let followed = self.survey.lines.get(i + 1).is_some_and(|_| {
            let next = self.survey.text(i + 1);
            is_document_number(next)
                || markers::is_date(next)
                || next.starts_with(['（', '('])
                || is_organ(next)
                || next.chars().count() > 30
        });
        dated || (is_organ(text) && followed)
    }
}

/// 惠府〔2022〕32号, 中华人民共和国国务院令第588号, 法释〔2022〕18号, standing alone.
pub(super) fn is_document_number(text: &str) -> bool {
    let words = compact(text);
    let words = words.trim_matches(|c| matches!(c, '（' | '）' | '(' | ')'));
    let count = words.chars().count();
    (3..=40).contains(&count)
        && words.ends_with('号')
        && words.chars().any(|c| crate::corpus::numerals::digit(c).is_some())
        && (words.contains(['〔', '[', '［', '【', '(', '（', '令', '第']) || words.contains("公告"))
        && !words.contains(['，', '。', '；', '、', '“'])
}

/// （征求意见稿）, （修订草案）, （送审稿） and the like on a line of their own: how far the text is on its way.
fn is_stage(text: &str) -> bool {
    let words = compact(text);
    let inside = words.strip_prefix(['（', '(']).and_then(|rest| rest.strip_suffix(['）', ')']));
    inside.is_some_and(|inside| {
        inside.chars().count() <= 20
            && !inside.contains(['（', '(', '）', ')', '，', '。', '；'])
            && ["征求意见稿", "送审稿", "草案"].iter().any(|stage| inside.ends_with(stage))
    })
}

fn is_organ(text: &str) -> bool {
    let words = compact(text);
    words.chars().count() <= 30
        && !words.contains(['。', '；', '：', '，', '“', '《'])
        && words.ends_with(['院', '府', '会', '部', '局', '厅', '署', '委', '室', '行'])
}

/// Whether words end as the title of a legal document does.
fn ends_like_title(words: &str) -> bool {
    let words = words.strip_suffix(['）', ')']).map_or(words, |w| w.rsplit_once(['（', '(']).map_or(w, |(before, _)| before));
    words.ends_with(['法', '例', '编', '案', '令', '函'])
        || [
            "办法", "规定", "规则", "细则", "决定", "决议", "意见", "通知", "解释", "批复", "答复", "纲要", "标准", "规程", "措施", "公告",
            "通告", "制度", "安排", "纪要", "命令", "规范", "指引", "计划", "基准", "清单", "准则", "章程", "报告", "说明", "指南",
        ]
        .iter()
        .any(|w| words.ends_with(w))
}
