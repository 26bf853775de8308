//! 第…编/章/节 and 第…条: which lines are headings, and under what.

use super::diagnostics::{DiagnosticCode, excerpt};
use super::lines::{compact, is_layout};
use super::markers::{self, ArticleHead, Division, DivisionHead, MarkerStyle, Spacing};
use super::survey::follows;
use super::tree::{Builder, Container, Scope, tidy_heading};
use super::{Number, ProvisionKind};

impl Builder<'_> {
    /// Takes 第…编, 第…章 or 第…节 as a heading; answers the next line, or nothing when it is text.
    pub fn division(&mut self, i: usize, head: DivisionHead) -> Option<usize> {
        let marked = self.level(i) > 0;
        let text = self.survey.text(i).to_owned();
        let rest = text.get(head.end..).unwrap_or_default();
        let spaced = rest.chars().next().is_none_or(is_layout);
        let last = self.scope.last_division.get(head.division as usize).copied().unwrap_or_default();
        let next = head.number == last.saturating_add(1) || head.number == 1;
        if self.is_quoted(i) {
            if !(marked && next && !self.survey.amending) {
                self.report_line(DiagnosticCode::QuotedHeading, i);
                return None;
            }
            self.quote_broken = true;
        }
        let own_articles = self.scope.last_article.is_some() || self.block.as_ref().is_some_and(|b| b.kind == ProvisionKind::Heading);
        if self.survey.amending && own_articles && self.scope.last_division == [0; 4] {
            self.report_line(DiagnosticCode::QuotedHeading, i);
            return None;
        }
        if !marked && (head.sentence || (!spaced && !next)) {
            self.report_line(DiagnosticCode::ReferenceAtLineStart, i);
            return None;
        }
        let mut next_line = i + 1;
        let mut heading = tidy_heading(rest);
        let wrapped = self.is_rest_of_heading(next_line, &heading);
        if wrapped {
            heading.push_str(&tidy_heading(self.survey.text(next_line)));
            next_line += 1;
        }
        self.add_division(i, head, heading);
        if wrapped {
            self.report_line(DiagnosticCode::WrappedHeading, i + 1);
        }
        Some(next_line)
    }

    /// Adds a division with its heading.
    pub fn add_division(&mut self, i: usize, head: DivisionHead, heading: String) {
        let last = self.scope.last_division.get(head.division as usize).copied().unwrap_or_default();
        let label = compact(self.survey.text(i).get(..head.end).unwrap_or_default());
        self.finish_block();
        self.scope.begun = true;
        let rank = head.division as u8 + 1;
        self.close_to(rank);
        let step = match head.division {
            Division::Part => "part",
            Division::SubPart => "subpart",
            Division::Chapter => "chap",
            Division::Section => "sec",
        };
        let kind = match head.division {
            Division::Part => ProvisionKind::Part,
            Division::SubPart => ProvisionKind::SubPart,
            Division::Chapter => ProvisionKind::Chapter,
            Division::Section => ProvisionKind::Section,
        };
        let address = format!("{}{step}-{}", self.prefix(), head.number);
        let (index, taken) = self.push(kind, address, self.parent(), self.line_number(i));
        if let Some(p) = self.last() {
            p.label = label;
            p.number = Some(Number::new(head.number));
            p.heading = heading;
        }
        self.report_division(i, head, last, taken);
        for (k, seen) in self.scope.last_division.iter_mut().enumerate() {
            if k == head.division as usize {
                *seen = head.number;
            } else if k == Division::Section as usize {
                *seen = 0;
            }
        }
        let prefix = format!("{}/", self.address(index));
        self.containers.push(Container { rank, index, prefix, list: None });
    }

    fn report_division(&mut self, i: usize, head: DivisionHead, last: u32, taken: bool) {
        let (line, detail) = (self.line_number(i), excerpt(self.survey.text(i)));
        if head.odd {
            self.report(DiagnosticCode::OddNumber, line, detail.clone());
        }
        if taken {
            self.report(DiagnosticCode::RepeatedNumber, line, detail);
        } else if head.number > last.saturating_add(1) {
            self.report(DiagnosticCode::MissingNumber, line, format!("前一编号{last}：{detail}"));
        } else if head.number <= last && head.number != 1 {
            self.report(DiagnosticCode::OutOfOrder, line, format!("前一编号{last}：{detail}"));
        }
    }

    /// A heading's own line holds only 第…章, or breaks off, and its words go on on the next.
    fn is_rest_of_heading(&self, i: usize, so_far: &str) -> bool {
        let text = self.survey.text(i);
        let plain = !text.is_empty()
            && self.survey.start(i).is_plain()
            && !self.survey.contents.get(i).copied().unwrap_or_default()
            && self.level(i) == 0;
        if !plain || so_far.is_empty() {
            return plain && markers::reads_like_heading(text);
        }
        let next = self.survey.start(i + 1);
        let leads = next.is_article() || next.division.is_some_and(|d| !d.sentence);
        leads
            && text.chars().count() <= 40
            && !text.contains('。')
            && !markers::ends_sentence(text)
            && !matches!(compact(text).as_str(), "一般规定" | "总则")
    }

    /// Takes 第…条 as an article when the numbers bear it out; otherwise the line is text.
    pub fn article(&mut self, i: usize, head: ArticleHead) -> bool {
        if !self.accepts_article(i, head) {
            return false;
        }
        self.add_article(i, head);
        true
    }

    /// Adds an article with the words on its line.
    pub fn add_article(&mut self, i: usize, head: ArticleHead) {
        let text = self.survey.text(i).to_owned();
        let rest = text.get(head.end..).unwrap_or_default().trim_matches(is_layout);
        self.finish_block();
        self.scope.begun = true;
        // A unit that already has words of its own (an item of a decision) is no heading above articles.
        while let Some(top) = self.containers.last() {
            if top.list.is_none() || self.provisions.iter().skip(top.index + 1).take(1).all(|p| p.kind != ProvisionKind::Paragraph) {
                break;
            }
            self.containers.pop();
        }
        let sequence = self.sequence(i, head);
        let address = format!("{}art-{}", self.scope.prefix, head.number);
        let (index, taken) = self.push(ProvisionKind::Article, address, self.parent(), self.line_number(i));
        let (heading, words) = own_heading(rest, head.spacing);
        if let Some(p) = self.last() {
            p.label = compact(text.get(..head.end).unwrap_or_default());
            p.number = Some(head.number);
            p.heading = heading.to_owned();
        }
        self.report_article(i, head, taken);
        self.scope.last_article = Some(sequence);
        let address = self.address(index);
        self.open_block(ProvisionKind::Article, Some(index), address);
        if words.is_empty() {
            return;
        }
        match markers::list_marker(words) {
            Some(marker) if marker.number == 1 && matches!(marker.style, MarkerStyle::HanBracket | MarkerStyle::Figure) => {
                self.item(i, words, marker)
            }
            _ => self.paragraph(words, self.line_number(i)),
        }
    }

    fn accepts_article(&mut self, i: usize, head: ArticleHead) -> bool {
        let last = self.scope.last_article;
        let next = follows(last, head.number);
        if head.doubtful && !next {
            return false;
        }
        if self.is_quoted(i) {
            if !(next && head.spacing == Spacing::Spaced && !self.survey.amending && last.is_some()) {
                self.report_line(DiagnosticCode::QuotedHeading, i);
                return false;
            }
            self.quote_broken = true;
            self.report_line(DiagnosticCode::UnclosedQuote, i);
        }
        if self.survey.amending && self.scope.root.is_none() {
            let in_unit = self.block.as_ref().is_some_and(|b| b.kind == ProvisionKind::Heading);
            let own = next || (last.is_none() && !in_unit && head.spacing == Spacing::Spaced);
            if !own || head.reference {
                self.report_line(DiagnosticCode::QuotedHeading, i);
                return false;
            }
        }
        if self.resumes_main_text(i, head) {
            return true;
        }
        let gap = head.number.main.checked_sub(last.map_or(0, |l| l.main));
        let accepted = match head.spacing {
            Spacing::Spaced | Spacing::Bracket => !head.reference && (next || !head.unlikely),
            Spacing::Alone => next || gap.is_some_and(|g| (1..=5).contains(&g)),
            Spacing::Tight => {
                !head.reference && (next || (self.survey.tight && (last.is_none() || gap.is_some_and(|g| (1..=3).contains(&g)))))
            }
        };
        if !accepted {
            self.report_line(DiagnosticCode::ReferenceAtLineStart, i);
        }
        accepted
    }

    /// Leaves what looked like an attachment when the main text's numbering goes on after it.
    pub fn resumes_main_text(&mut self, i: usize, head: ArticleHead) -> bool {
        let resumes = self.scope.root.is_some()
            && self.scope.last_article.is_none()
            && head.number.main > 1
            && follows(self.main_last_article, head.number)
            && !head.reference;
        if resumes {
            self.finish_block();
            self.containers.clear();
            self.scope = Scope { last_article: self.main_last_article, begun: true, ..Scope::default() };
            self.survey_scope(i);
        }
        resumes
    }

    /// Where the series of articles stands after this one. A number out of line that the next heading does not follow is a misprint.
    fn sequence(&mut self, i: usize, head: ArticleHead) -> Number {
        let Some(last) = self.scope.last_article else { return head.number };
        if follows(Some(last), head.number) {
            return head.number;
        }
        let expected = Number::new(last.main.saturating_add(1));
        match self.survey.next_article.get(i).copied().flatten() {
            Some(next) if follows(Some(expected), next) && !follows(Some(head.number), next) => expected,
            Some(next) if next == expected && !follows(Some(head.number), next) => last,
            _ => head.number,
        }
    }

    fn report_article(&mut self, i: usize, head: ArticleHead, taken: bool) {
        let (line, number) = (self.line_number(i), head.number);
        let detail = excerpt(self.survey.text(i));
        if head.odd {
            self.report(DiagnosticCode::OddNumber, line, detail.clone());
        }
        let last = self.scope.last_article;
        let restarted = number == Number::new(1) && last.is_some();
        if restarted {
            self.report(DiagnosticCode::RestartedNumbering, line, detail);
        } else if taken {
            self.report(DiagnosticCode::RepeatedNumber, line, detail);
        } else if !follows(last, number) {
            match last {
                None => self.report(DiagnosticCode::MissingNumber, line, format!("首条为{}", number.to_article())),
                Some(last) if number < last => {
                    self.report(DiagnosticCode::OutOfOrder, line, format!("前一条为{}：{detail}", last.to_article()))
                }
                Some(last) => {
                    self.report(DiagnosticCode::MissingNumber, line, format!("{}之后为{}", last.to_article(), number.to_article()))
                }
            }
        }
    }
}

/// Splits 【条旨】 from an article's words. Round brackets are one only right after the number or as the whole line.
fn own_heading(rest: &str, spacing: Spacing) -> (&str, &str) {
    let Some(open) = rest.chars().next() else { return ("", rest) };
    let close = match open {
        '【' => '】',
        '〔' => '〕',
        '[' => ']',
        '（' => '）',
        '(' => ')',
        _ => return ("", rest),
    };
    let round = matches!(open, '（' | '(');
    if round && markers::list_marker(rest).is_some() {
        return ("", rest);
    }
    let mut depth = 0u32;
    for (at, c) in rest.char_indices().take(60) {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                let end = at + c.len_utf8();
                let (heading, words) = (rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default().trim_matches(is_layout));
                let taken = !round || spacing == Spacing::Bracket || words.is_empty();
                return if taken { (heading, words) } else { ("", rest) };
            }
        }
    }
    ("", rest)
}
