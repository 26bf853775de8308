//! Below the heading: paragraphs, items and sub-items, tables, tables of contents, signatures.

use super::diagnostics::{DiagnosticCode, excerpt};
use super::lines::is_layout;
use super::markers::{self, Marker};
use super::tree::{Builder, List};
use super::{Number, ProvisionKind};

/// A line shorter than this is set short on purpose; a longer one without an end may be wrapped.
const WRAPPED_MIN: usize = 12;
/// A line of this length without any punctuation may be wrapped too.
const WRAPPED_LONG: usize = 20;

impl Builder<'_> {
    /// Adds running text: to the open block, to the preamble, or as text of its own.
    pub fn running_text(&mut self, i: usize, text: &str, line: u32) {
        if self.block.is_none() {
            self.open_block_for_text(i);
        }
        self.scope.begun = true;
        if self.continues(i, text) {
            let joint = self.joint(i, text);
            if let Some(p) = self.last() {
                if !p.text.is_empty() {
                    p.text.push_str(joint);
                }
                p.text.push_str(text);
            }
            return;
        }
        self.paragraph(text, line);
    }

    /// Decides what running text outside any block is.
    fn open_block_for_text(&mut self, i: usize) {
        let structured = self.scope.has_articles || self.scope.has_han || self.scope.has_brackets;
        if self.containers.iter().all(|c| c.rank == 0) && self.scope.root.is_none() && !self.scope.begun && structured {
            self.preamble(i, String::new());
            return;
        }
        if let (Some(root), true) = (self.scope.root, self.containers.is_empty()) {
            let address = self.address(root);
            self.open_block(ProvisionKind::Attachment, Some(root), address);
            return;
        }
        if self.scope.has_articles && !self.containers.is_empty() {
            self.report_line(DiagnosticCode::TextOutsideArticles, i);
        }
        self.open_block(ProvisionKind::Text, self.parent(), self.scope.prefix.clone());
    }

    /// Whether text goes on with the provision that was added last.
    fn continues(&mut self, i: usize, text: &str) -> bool {
        let Some(block) = &self.block else { return false };
        let last = self.provisions.len().wrapping_sub(1);
        let current = block.lists.last().map(|l| l.index).or(block.paragraph);
        let Some(before) = self.provisions.last().filter(|_| current == Some(last)) else { return false };
        if before.text.is_empty() || self.is_quoted(i) {
            return true;
        }
        // Between item n and item n + 1 there is only item n.
        if let Some((style, number)) = self.survey.next_marker.get(i).copied().flatten()
            && block.lists.iter().any(|l| l.style == style && number == l.last.saturating_add(1))
        {
            return true;
        }
        let count = before.text.chars().rev().take_while(|c| *c != '\n').take(WRAPPED_MIN + 30).count();
        let listed = text.ends_with(['，', '、', ',']) && text.chars().count() <= 20;
        if before.text.ends_with(['：', ':']) {
            return listed;
        }
        if before.text.ends_with(['，', '、', ',']) {
            return true;
        }
        let wrapped = self.scope.root.is_none()
            && block.kind != ProvisionKind::Text
            && !markers::ends_sentence(&before.text)
            && (count >= WRAPPED_LONG || (count >= WRAPPED_MIN && before.text.contains(['，', '、', '。', '；'])))
            && !text.contains(['＝', '=', '×'])
            && !(block.kind == ProvisionKind::Preamble
                && (text.ends_with(['：', ':']) || text.starts_with(['（', '(']) || !before.text.contains(['，', '。'])))
            && (markers::ends_sentence(text) || text.chars().count() >= WRAPPED_MIN);
        if wrapped {
            let detail = excerpt(text);
            self.report(DiagnosticCode::WrappedLine, self.line_number(i), detail);
        }
        wrapped
    }

    /// What stands between two joined lines: nothing inside a sentence, a line break elsewhere.
    fn joint(&self, i: usize, text: &str) -> &'static str {
        let Some(before) = self.provisions.last() else { return "" };
        let short = text.chars().count() <= 20 && before.text.ends_with(['，', '、', ',', '：', ':']);
        if self.is_quoted(i) || short || markers::ends_sentence(&before.text) { "\n" } else { "" }
    }

    /// Begins the next paragraph of the open block.
    pub fn paragraph(&mut self, text: &str, line: u32) {
        let Some(block) = &mut self.block else { return };
        block.lists.clear();
        block.paragraphs += 1;
        let (kind, address, owner, number) = match block.kind {
            ProvisionKind::Text => (ProvisionKind::Text, String::new(), block.owner, 0),
            _ => (ProvisionKind::Paragraph, format!("{}/para-{}", block.address, block.paragraphs), block.owner, block.paragraphs),
        };
        let address = if kind == ProvisionKind::Text {
            let prefix = format!("{}text-", self.scope.prefix);
            format!("{prefix}{}", self.next_number(&prefix))
        } else {
            address
        };
        let (index, _) = self.push(kind, address, owner, line);
        if let Some(p) = self.last() {
            p.text = text.to_owned();
            p.number = (number > 0).then(|| Number::new(number));
        }
        if let Some(block) = &mut self.block {
            block.paragraph = Some(index);
        }
    }

    /// Adds an item, or a sub-item when another list is open around it.
    pub fn item(&mut self, i: usize, text: &str, marker: Marker) {
        let line = self.line_number(i);
        if self.block.is_none() {
            self.open_block_for_text(i);
        }
        self.scope.begun = true;
        if self.block.as_ref().is_some_and(|b| b.paragraph.is_none() && b.kind != ProvisionKind::Text) {
            self.paragraph("", line);
        }
        let Some(block) = &mut self.block else { return };
        let in_article = block.kind == ProvisionKind::Article;
        let known = block.lists.iter().position(|l| l.style == marker.style);
        let expected = match known {
            Some(level) => {
                block.lists.truncate(level + 1);
                block.lists.pop().map_or(1, |l| l.last.saturating_add(1))
            }
            None => 1,
        };
        let (parent, kind, step) = match block.lists.last() {
            Some(outer) => (Some(outer.index), ProvisionKind::SubItem, "sub"),
            None => (block.paragraph, ProvisionKind::Item, "item"),
        };
        let above = parent.map_or_else(|| self.scope.prefix.clone(), |p| format!("{}/", self.address(p)));
        let parent = parent.or_else(|| self.parent());
        let (index, taken) = self.push(kind, format!("{above}{step}-{}", marker.number), parent, line);
        let label = text.get(..marker.end).unwrap_or_default();
        let words = text.get(marker.end..).unwrap_or_default().trim_matches(is_layout);
        if let Some(p) = self.last() {
            p.label = label.to_owned();
            p.number = Some(Number::new(marker.number));
            p.text = words.to_owned();
        }
        let runs_on = !in_article && marker.number == self.scope.last_item.saturating_add(1);
        self.scope.last_item = marker.number;
        if taken || (marker.number != expected && !runs_on) {
            self.report(DiagnosticCode::ItemNumber, line, format!("应为第{expected}项，实为{}", excerpt(text)));
        }
        if let Some(block) = &mut self.block {
            block.lists.push(List { style: marker.style, last: marker.number, index });
        }
    }

    /// Adds a row to the table before it, or begins a table.
    pub fn table(&mut self, i: usize) {
        let (text, line) = (self.survey.text(i).to_owned(), self.line_number(i));
        self.scope.begun = true;
        if i > 0
            && self.survey.start(i - 1).table
            && let Some(p) = self.last()
            && p.kind == ProvisionKind::Table
        {
            p.text.push('\n');
            p.text.push_str(&text);
            return;
        }
        self.add_table(text, line);
    }

    /// Adds a table, one row a line.
    pub fn add_table(&mut self, text: String, line: u32) {
        let (parent, mut prefix) = match &self.block {
            Some(block) if block.kind != ProvisionKind::Text => (block.owner, format!("{}/", block.address)),
            _ => (self.parent(), self.prefix()),
        };
        prefix.push_str("table-");
        let number = self.next_number(&prefix);
        self.push(ProvisionKind::Table, format!("{prefix}{number}"), parent, line);
        if let Some(p) = self.last() {
            p.text = text;
            p.number = Some(Number::new(number));
        }
    }

    /// Takes the lines of a table of contents; answers the line after it.
    pub fn contents(&mut self, mut i: usize) -> usize {
        let line = self.line_number(i);
        let mut words = String::new();
        while i < self.survey.lines.len() && self.survey.contents[i] {
            if !words.is_empty() {
                words.push('\n');
            }
            words.push_str(self.survey.text(i));
            i += 1;
        }
        self.add_contents(words, line);
        i
    }

    /// Adds a table of contents.
    pub fn add_contents(&mut self, words: String, line: u32) {
        self.finish_block();
        self.push(ProvisionKind::Contents, "contents".into(), None, line);
        if let Some(p) = self.last() {
            p.text = words;
        }
    }

    /// Takes the lines of a signature block; answers the line after it.
    pub fn signature(&mut self, mut i: usize) -> usize {
        let line = self.line_number(i);
        let mut words = String::new();
        while i < self.survey.lines.len() && self.survey.signature[i] {
            if !words.is_empty() {
                words.push('\n');
            }
            words.push_str(self.survey.text(i));
            i += 1;
            if markers::is_date(self.survey.text(i - 1)) {
                break;
            }
        }
        self.add_signature(words, line);
        i
    }

    /// Adds a signature block.
    pub fn add_signature(&mut self, words: String, line: u32) {
        self.finish_block();
        self.containers.clear();
        self.push(ProvisionKind::Signature, format!("{}signature", self.scope.prefix), self.scope.root, line);
        if let Some(p) = self.last() {
            p.text = words;
        }
    }
}
