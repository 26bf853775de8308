//! What opens a unit without 第: 一、 and （一） of documents without articles, headings whose number was lost, 附件.

use super::diagnostics::{DiagnosticCode, excerpt};
use super::lines::{compact, is_layout};
use super::markers::{self, AttachmentHead, Marker, MarkerStyle};
use super::survey::follows;
use super::tree::{Builder, Container, Scope, tidy_heading};
use super::{Number, ProvisionKind};

/// A heading without a number stands where a chapter would.
const RANK_UNNUMBERED: u8 = 3;
/// 一、 stands below every division; （一）, 1. below it.
const RANK_LIST: u8 = 10;

impl Builder<'_> {
    /// Takes a line with a list marker: a unit of a document without articles, a heading above articles, or an item.
    pub fn marked(&mut self, i: usize, marker: Marker) {
        let text = self.survey.text(i).to_owned();
        if self.is_list_heading(i, marker, &text) {
            let rest = text.get(marker.end..).unwrap_or_default();
            let titled = self.is_title_of_unit(i, rest);
            self.list_heading(i, marker, &text, titled);
        } else if marker.style == MarkerStyle::Decimal {
            let line = self.line_number(i);
            self.running_text(i, &text, line);
        } else {
            self.item(i, &text, marker);
        }
    }

    fn is_list_heading(&self, i: usize, marker: Marker, text: &str) -> bool {
        let level = self.level(i) > 0;
        let rest = text.get(marker.end..).unwrap_or_default();
        let open_list = self.block.as_ref().and_then(|b| b.lists.iter().find(|l| l.style == marker.style));
        let continues_list = open_list.is_some_and(|l| marker.number == l.last.saturating_add(1));
        let kind = self.block.as_ref().map(|b| b.kind);
        if self.scope.has_articles && (kind == Some(ProvisionKind::Article) || self.scope.last_article.is_some()) {
            let above_articles = self.leads_to_article(i + 1) && markers::reads_like_heading(rest);
            return matches!(marker.style, MarkerStyle::Han | MarkerStyle::HanBracket) && !continues_list && (level || above_articles);
        }
        let after_colon = self.provisions.last().is_some_and(|p| p.kind == ProvisionKind::Paragraph && p.text.ends_with(['：', ':']));
        let list_of = |style| self.containers.iter().rev().find_map(|c| c.list.filter(|(s, _)| *s == style));
        match marker.style {
            MarkerStyle::Han => !(continues_list || after_colon && marker.number == 1 && kind == Some(ProvisionKind::Heading)),
            MarkerStyle::HanBracket => {
                if continues_list || self.scope.has_articles && !level {
                    return level
                        || (self.scope.has_articles
                            && !continues_list
                            && self.leads_to_article(i + 1)
                            && markers::reads_like_heading(rest));
                }
                match list_of(marker.style) {
                    Some((_, last)) => !after_colon || (marker.number > 1 && marker.number == last.saturating_add(1)),
                    // Below 一、 it is a unit, unless a colon announces a list; its numbers may run through all units.
                    None if self.scope.has_han => {
                        self.containers.iter().any(|c| c.list.is_some())
                            && (!after_colon || marker.number > 1 && marker.number == self.scope.last_bracket.saturating_add(1))
                    }
                    None => self.scope.has_brackets && !after_colon,
                }
            }
            MarkerStyle::Decimal => !self.scope.has_articles,
            _ => level && !self.scope.has_articles,
        }
    }

    /// Whether the next line that opens anything, over at most two headings, is an article.
    fn leads_to_article(&self, i: usize) -> bool {
        (i..i + 2)
            .find(|k| self.survey.start(*k).marker.is_none() || self.survey.start(*k).is_article())
            .is_some_and(|k| self.survey.start(k).is_article())
    }

    /// Whether the words after a marker are the unit's title rather than its text.
    fn is_title_of_unit(&self, i: usize, rest: &str) -> bool {
        let rest = rest.trim_matches(is_layout);
        if self.level(i) > 0 {
            return true;
        }
        let count = rest.chars().count();
        let plain_follows = i + 1 < self.survey.lines.len() && !self.survey.signature.get(i + 1).copied().unwrap_or_default();
        let bare = rest.strip_suffix('。').unwrap_or(rest);
        (count <= 60 && !markers::ends_sentence(rest) && plain_follows)
            || (count <= 30
                && rest.ends_with('。')
                && !bare.contains(['。', '，', '；', '“'])
                && plain_follows
                && self.survey.start(i + 1).is_plain())
    }

    /// Adds a unit; `titled` says that the words after the marker are its title rather than its text.
    pub fn list_heading(&mut self, i: usize, marker: Marker, text: &str, titled: bool) {
        self.finish_block();
        self.scope.begun = true;
        let rank = RANK_LIST
            + match marker.style {
                MarkerStyle::Han => 0,
                MarkerStyle::HanBracket => 1,
                MarkerStyle::Figure => 2,
                MarkerStyle::Decimal => 2 + u8::try_from(marker.parts).unwrap_or(6),
                _ => 9,
            };
        // In a standard, 5.10 stands under 5.
        self.close_to(rank);
        let last = self.last_heading.insert((self.parent(), rank), marker.number);
        // 5.10.4 names its place in full, wherever it stands.
        let address = match marker.style {
            MarkerStyle::Decimal => format!("{}h-{}", self.scope.prefix, text.get(..marker.end).unwrap_or_default().replace('．', ".")),
            _ => format!("{}h-{}", self.prefix(), marker.number),
        };
        let (index, taken) = self.push(ProvisionKind::Heading, address, self.parent(), self.line_number(i));
        if marker.style == MarkerStyle::HanBracket {
            self.scope.last_bracket = marker.number;
        }
        let rest = text.get(marker.end..).unwrap_or_default().trim_matches(is_layout);
        let label = compact(text.get(..marker.end).unwrap_or_default());
        if let Some(p) = self.last() {
            p.label = label;
            p.number = Some(Number::new(marker.number));
            if titled {
                p.heading = rest.to_owned();
            }
        }
        let (line, detail) = (self.line_number(i), excerpt(text));
        if taken {
            self.report(DiagnosticCode::RepeatedNumber, line, detail);
        } else if let Some(last) = last
            && marker.number != last.saturating_add(1)
            && marker.number != 1
            && marker.style != MarkerStyle::Decimal
        {
            let code = if marker.number > last { DiagnosticCode::MissingNumber } else { DiagnosticCode::OutOfOrder };
            self.report(code, line, format!("前一编号{last}：{detail}"));
        }
        let address = self.address(index);
        self.containers.push(Container { rank, index, prefix: format!("{address}/"), list: Some((marker.style, marker.number)) });
        self.open_block(ProvisionKind::Heading, Some(index), address);
        if !titled && !rest.is_empty() {
            let line = self.line_number(i);
            self.paragraph(rest, line);
        }
    }

    /// Takes a line marked as a heading, or a short line right above an article, as a heading without a number.
    pub fn unnumbered_heading(&mut self, i: usize) -> bool {
        let text = self.survey.text(i).to_owned();
        if self.is_quoted(i) {
            return false;
        }
        let marked = self.level(i) > 0 && text.chars().count() <= 80 && !text.ends_with('。');
        let begun = self
            .provisions
            .last()
            .is_none_or(|p| p.kind != ProvisionKind::Paragraph || markers::ends_sentence(&p.text) || p.text.is_empty());
        let above_article = begun
            && self.scope.has_articles
            && markers::reads_like_heading(&text)
            && text.chars().count() <= 20
            && self.survey.start(i).article.is_none()
            && self.survey.start(i + 1).is_article()
            && self.survey.start(i + 1).article.is_some_and(|a| follows(self.scope.last_article, a.number));
        if markers::is_preamble_title(&text) && !self.scope.begun && (marked || self.scope.has_articles) {
            self.preamble(i, tidy_heading(&text));
            return true;
        }
        if !marked && !above_article {
            return false;
        }
        self.add_unnumbered_heading(i, tidy_heading(&text));
        self.report_line(DiagnosticCode::UnnumberedHeading, i);
        true
    }

    /// Opens the preamble, under a heading of its own or none.
    pub fn preamble(&mut self, i: usize, heading: String) {
        let (index, _) = self.push(ProvisionKind::Preamble, "preamble".into(), self.parent(), self.line_number(i));
        if let Some(p) = self.last() {
            p.heading = heading;
        }
        self.scope.begun = true;
        let address = self.address(index);
        self.open_block(ProvisionKind::Preamble, Some(index), address);
    }

    /// Adds a heading that has no number, or whose number was lost.
    pub fn add_unnumbered_heading(&mut self, i: usize, heading: String) {
        self.finish_block();
        self.scope.begun = true;
        self.close_to(RANK_UNNUMBERED);
        let counter = format!("{}head-", self.scope.prefix);
        let number = self.next_number(&counter);
        let prefix = self.prefix();
        let (index, _) = self.push(ProvisionKind::Heading, format!("{counter}{number}"), self.parent(), self.line_number(i));
        if let Some(p) = self.last() {
            p.heading = heading;
        }
        let address = self.address(index);
        self.containers.push(Container { rank: RANK_UNNUMBERED, index, prefix, list: None });
        if !self.scope.has_articles {
            self.open_block(ProvisionKind::Heading, Some(index), address);
        }
    }

    /// Takes 附件 as the beginning of an attachment with numbering of its own.
    pub fn attachment(&mut self, i: usize, head: AttachmentHead) -> bool {
        if self.is_quoted(i) || !self.scope.begun {
            return false;
        }
        let text = self.survey.text(i).to_owned();
        // 附件 once more right below its own heading, or a note in brackets inside an attachment, begins nothing.
        let again = self.provisions.last().is_some_and(|p| p.kind == ProvisionKind::Attachment && p.number.is_none());
        let remark = self.scope.root.is_some() && text.get(head.end..).is_some_and(|r| r.starts_with(['（', '(']));
        if head.number.is_none() && (again || remark) {
            return false;
        }
        self.add_attachment(i, head);
        true
    }

    /// Adds an attachment with the words on its line.
    pub fn add_attachment(&mut self, i: usize, head: AttachmentHead) {
        let text = self.survey.text(i).to_owned();
        self.finish_block();
        self.containers.clear();
        if self.scope.root.is_none() {
            self.main_last_article = self.scope.last_article;
        }
        // A list of numbered attachments that follow is number zero.
        let number = match head.number {
            Some(number) => number,
            None if self.survey.has_numbered_attachment_after(i) => 0,
            None => {
                self.attachments += 1;
                self.attachments
            }
        };
        let (index, taken) = self.push(ProvisionKind::Attachment, format!("att-{number}"), None, self.line_number(i));
        if taken {
            self.report_line(DiagnosticCode::RepeatedNumber, i);
        }
        let rest = text.get(head.end..).unwrap_or_default().trim_matches(is_layout);
        let titled = rest.chars().count() <= 60 && !rest.contains('。') && markers::list_marker(rest).is_none();
        if let Some(p) = self.last() {
            p.label = compact(text.get(..head.end).unwrap_or_default());
            p.number = head.number.map(Number::new);
            if titled {
                p.heading = rest.to_owned();
            }
        }
        let address = self.address(index);
        self.scope = Scope { prefix: format!("{address}/"), root: Some(index), begun: true, ..Scope::default() };
        self.survey_scope(i + 1);
        if !titled && !rest.is_empty() {
            match markers::list_marker(rest) {
                Some(marker) => self.item(i, rest, marker),
                None => {
                    let line = self.line_number(i);
                    self.running_text(i, rest, line);
                }
            }
        }
    }
}
