//! A first look over all lines: what is quoted, what is a table of contents or a signature, what comes next.
//!
//! Every pass is linear. Reads: the lines. Writes: [`Survey`], one fact per line.

use std::collections::HashMap;

use super::Number;
use super::diagnostics::{Diagnostic, DiagnosticCode, excerpt};
use super::lines::{Line, Source, compact};
use super::markers::{self, ArticleHead, AttachmentHead, DivisionHead, Marker, MarkerStyle, Spacing};
use super::typed::LineKind;
use super::unfold::unfold;

/// A quotation may run over this many lines before its missing end is an error.
const QUOTE_LINES_MAX: usize = 80;
/// A table of contents is not longer than this.
const CONTENTS_LINES_MAX: usize = 600;

/// How one line begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Start {
    pub article: Option<ArticleHead>,
    pub division: Option<DivisionHead>,
    pub marker: Option<Marker>,
    pub attachment: Option<AttachmentHead>,
    pub table: bool,
}

impl Start {
    /// Begins something, so that it is neither running text nor a heading without a number.
    pub fn is_plain(&self) -> bool {
        self.article.is_none_or(|a| a.doubtful || a.reference)
            && self.division.is_none()
            && self.marker.is_none()
            && self.attachment.is_none()
            && !self.table
    }

    /// An article heading as print has them.
    pub fn is_article(&self) -> bool {
        self.article.is_some_and(|a| !a.doubtful && !a.reference)
    }
}

/// What is known of the lines before the tree is built. All vectors are as long as `lines`.
pub(super) struct Survey<'a> {
    pub lines: Vec<Line<'a>>,
    pub starts: Vec<Start>,
    /// The line begins inside a quotation that an earlier line opened.
    pub quoted: Vec<bool>,
    pub contents: Vec<bool>,
    pub signature: Vec<bool>,
    /// The list marker that comes next after a line, before the next heading.
    pub next_marker: Vec<Option<(MarkerStyle, u32)>>,
    /// The article heading that comes next after a line.
    pub next_article: Vec<Option<Number>>,
    /// The text amends another document, so that articles in it may be the other's.
    pub amending: bool,
    /// Its articles have no space after the number.
    pub tight: bool,
    pub header_end: Option<usize>,
    articles_before: Vec<u32>,
    han_before: Vec<u32>,
    bracket_before: Vec<u32>,
    next_attachment: Vec<usize>,
}

/// Whether a number is the one that comes after another.
pub(super) fn follows(last: Option<Number>, next: Number) -> bool {
    match last {
        None => next == Number::new(1),
        Some(last) => {
            next == Number::new(last.main.saturating_add(1)) || (next.main == last.main && next.sub == last.sub.saturating_add(1))
        }
    }
}

impl<'a> Survey<'a> {
    pub fn new(source: Source<'a>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let title = source.lines.first().map(|l| compact(&l.text)).unwrap_or_default();
        let amending = title.contains("修正案") || (title.contains("修改") && title.ends_with("决定"));
        let (lines, header_end) = unfold(source, diagnostics);
        let starts: Vec<Start> = lines.iter().map(start_of).collect();
        let quoted = quotations(&lines, diagnostics);
        let contents = contents(&lines, &starts, diagnostics);
        let signature = signatures(&lines, &starts, &quoted);
        let open = |i: &usize| !quoted[*i] && !contents[*i];
        let count = lines.len();
        let mut survey = Survey {
            next_marker: vec![None; count],
            next_article: vec![None; count],
            next_attachment: vec![count; count],
            articles_before: running_count(count, |i| open(&i) && starts[i].is_article()),
            han_before: running_count(count, |i| open(&i) && starts[i].marker.is_some_and(|m| m.style == MarkerStyle::Han)),
            bracket_before: running_count(count, |i| open(&i) && starts[i].marker.is_some_and(|m| m.style == MarkerStyle::HanBracket)),
            tight: starts.iter().filter(|s| s.article.is_some_and(|a| a.spacing == Spacing::Tight && !a.reference)).count() >= 3,
            lines,
            starts,
            quoted,
            contents,
            signature,
            amending,
            header_end,
        };
        survey.look_ahead();
        survey
    }

    /// Knows of each line only what it is said to be: nothing is quoted, a table of contents or a signature by itself.
    pub fn of_typed(lines: Vec<Line<'a>>, kind: impl Fn(usize) -> Option<LineKind>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        quotations(&lines, diagnostics);
        let starts: Vec<Start> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| {
                let found = start_of(line);
                match kind(i) {
                    Some(LineKind::Article) => Start { article: found.article, ..Start::default() },
                    Some(LineKind::Part | LineKind::SubPart | LineKind::Chapter | LineKind::Section) => {
                        Start { division: found.division, ..Start::default() }
                    }
                    Some(LineKind::Item | LineKind::Heading | LineKind::Unit) => Start { marker: found.marker, ..Start::default() },
                    Some(LineKind::Attachment) => Start { attachment: found.attachment, ..Start::default() },
                    _ => Start::default(),
                }
            })
            .collect();
        let count = lines.len();
        let styled = |style| running_count(count, |i| starts[i].marker.is_some_and(|m| m.style == style));
        let mut survey = Survey {
            next_marker: vec![None; count],
            next_article: vec![None; count],
            next_attachment: vec![count; count],
            articles_before: running_count(count, |i| starts[i].article.is_some()),
            han_before: styled(MarkerStyle::Han),
            bracket_before: styled(MarkerStyle::HanBracket),
            tight: false,
            quoted: vec![false; count],
            contents: vec![false; count],
            signature: vec![false; count],
            amending: false,
            header_end: None,
            lines,
            starts,
        };
        survey.look_ahead();
        survey
    }

    fn look_ahead(&mut self) {
        let (mut marker, mut article, mut attachment) = (None, None, self.lines.len());
        for i in (0..self.lines.len()).rev() {
            self.next_marker[i] = marker;
            self.next_article[i] = article;
            self.next_attachment[i] = attachment;
            if self.quoted[i] || self.contents[i] {
                continue;
            }
            let start = &self.starts[i];
            if let Some(m) = start.marker {
                marker = Some((m.style, m.number));
            }
            if start.is_article() {
                (article, marker) = (start.article.map(|a| a.number), None);
            }
            if start.attachment.is_some() {
                (article, marker, attachment) = (None, None, i);
            }
            if self.lines[i].level > 0 || start.division.is_some_and(|d| !d.sentence) {
                marker = None;
            }
        }
    }

    fn scope_end(&self, i: usize) -> usize {
        self.next_attachment.get(i).copied().unwrap_or(self.lines.len())
    }

    fn counted(&self, counts: &[u32], i: usize) -> u32 {
        let at = |k: usize| counts.get(k).copied().unwrap_or_default();
        at(self.scope_end(i)).saturating_sub(at(i))
    }

    /// Article headings from a line to the next attachment.
    pub fn articles_from(&self, i: usize) -> u32 {
        self.counted(&self.articles_before, i)
    }

    /// Markers 一、 from a line to the next attachment.
    pub fn han_from(&self, i: usize) -> u32 {
        self.counted(&self.han_before, i)
    }

    /// Markers （一） from a line to the next attachment.
    pub fn brackets_from(&self, i: usize) -> u32 {
        self.counted(&self.bracket_before, i)
    }

    /// Whether a numbered attachment begins after a line.
    pub fn has_numbered_attachment_after(&self, i: usize) -> bool {
        let next = self.scope_end(i);
        self.starts.get(next).is_some_and(|s| s.attachment.is_some_and(|a| a.number.is_some()))
    }

    /// The beginning of a line; nothing past the end.
    pub fn start(&self, i: usize) -> Start {
        self.starts.get(i).copied().unwrap_or_default()
    }

    /// The words of a line; empty past the end.
    pub fn text(&self, i: usize) -> &str {
        self.lines.get(i).map_or("", |l| &l.text)
    }
}

fn running_count(count: usize, holds: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut sums = Vec::with_capacity(count + 1);
    let mut sum = 0u32;
    sums.push(0);
    for i in 0..count {
        sum += u32::from(holds(i));
        sums.push(sum);
    }
    sums
}

fn start_of(line: &Line<'_>) -> Start {
    Start {
        article: markers::article_head(&line.text),
        division: markers::division_head(&line.text),
        marker: markers::list_marker(&line.text),
        attachment: markers::attachment_head(&line.text),
        table: markers::is_table_row(&line.text),
    }
}

/// Marks the lines that begin inside a quotation.
///
/// A quotation of several paragraphs repeats the opening mark at each and closes once. One that is neither closed by the next mark nor repeated at
/// the beginning of a line is an error of the text and ends with its line.
pub(super) fn quotations(lines: &[Line<'_>], diagnostics: &mut Vec<Diagnostic>) -> Vec<bool> {
    let mut next_mark: Vec<(usize, bool)> = vec![(usize::MAX, false); lines.len()];
    let mut next = (usize::MAX, false);
    for (i, line) in lines.iter().enumerate().rev() {
        next_mark[i] = next;
        if let Some((at, c)) = line.text.char_indices().find(|(_, c)| matches!(c, '“' | '”')) {
            next = (i, c == '”' || at == 0);
        }
    }
    let mut quoted = vec![false; lines.len()];
    let mut open = false;
    let mut opened = 0;
    for (i, line) in lines.iter().enumerate() {
        quoted[i] = open;
        let mut depth = u32::from(open);
        for (at, c) in line.text.char_indices() {
            match c {
                '“' if at == 0 && open => {}
                '“' => depth += 1,
                '”' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > 0 && !open {
            opened = i;
        }
        let (at, continues) = next_mark[i];
        open = depth > 0 && continues && at.saturating_sub(opened) <= QUOTE_LINES_MAX;
        if depth > 0 && !open {
            diagnostics.push(Diagnostic { code: DiagnosticCode::UnclosedQuote, line: line.number, detail: excerpt(&line.text) });
        }
    }
    quoted
}

/// Marks the lines of tables of contents.
fn contents(lines: &[Line<'_>], starts: &[Start], diagnostics: &mut Vec<Diagnostic>) -> Vec<bool> {
    let mut marked = vec![false; lines.len()];
    let titles: Vec<usize> = (0..lines.len()).filter(|i| markers::is_contents_title(&lines[*i].text)).collect();
    let first_heading = (0..lines.len()).find(|i| heads_list(&lines[*i], &starts[*i]));
    if titles.is_empty() && first_heading.is_none() {
        return marked;
    }
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for i in 0..lines.len() {
        if lines[i].text.chars().count() <= 200 {
            places.entry(entry_key(&lines[i], &starts[i])).or_default().push(i);
        }
    }
    let again = |i: usize| {
        let seen = places.get(&entry_key(&lines[i], &starts[i]))?;
        seen.get(seen.partition_point(|k| *k <= i)).copied()
    };
    for title in titles {
        if marked[title] {
            continue;
        }
        marked[title] = true;
        let Some(end) = lines.get(title + 1).and_then(|_| again(title + 1)).filter(|k| k - title <= CONTENTS_LINES_MAX) else { continue };
        for i in title + 1..end {
            if starts[i].table
                || lines[i].text.chars().count() > 400
                || (markers::ends_sentence(&lines[i].text) && lines[i].text.contains('。'))
            {
                break;
            }
            marked[i] = true;
        }
    }
    // A list of headings that all come again is a table of contents without its name.
    if let Some(first) = first_heading
        && !marked[first]
    {
        let run = (first..lines.len()).take(CONTENTS_LINES_MAX).take_while(|i| !marked[*i] && heads_list(&lines[*i], &starts[*i]));
        let key = |i: usize| entry_key(&lines[i], &starts[i]);
        let number = |i: usize| starts[i].division.map(|d| (d.division as u32, d.number)).or(starts[i].marker.map(|m| (9, m.number)));
        // It ends where the numbers begin again.
        let own = key(first);
        let last = run.skip(1).take_while(|i| key(*i) != own && number(*i) != Some((9, 1))).last().unwrap_or(first);
        let returning = (first..=last).filter(|i| again(*i).is_some_and(|k| k > last)).count();
        if last > first + 1 && returning * 10 >= (last - first + 1) * 8 {
            marked[first..=last].fill(true);
            diagnostics.push(Diagnostic {
                code: DiagnosticCode::UntitledContents,
                line: lines[first].number,
                detail: excerpt(&lines[first].text),
            });
        }
    }
    marked
}

/// A line that names a division or a unit 一、 and holds nothing else.
fn heads_list(line: &Line<'_>, start: &Start) -> bool {
    start.division.is_some_and(|d| !d.sentence)
        || start.marker.is_some_and(|m| m.style == MarkerStyle::Han && markers::reads_like_heading(&line.text))
}

/// What two lines of a table of contents and of the body have in common: 第一章 for a division, the words without page number otherwise.
fn entry_key(line: &Line<'_>, start: &Start) -> String {
    if let Some(division) = start.division {
        return compact(line.text.get(..division.end).unwrap_or_default());
    }
    compact(&line.text)
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '…' | '·' | '．' | '－' | '-' | '(' | ')' | '（' | '）'))
        .into()
}

/// Marks the lines of signature blocks: a date alone, with the organs on the lines above it.
fn signatures(lines: &[Line<'_>], starts: &[Start], quoted: &[bool]) -> Vec<bool> {
    let mut marked = vec![false; lines.len()];
    for i in 1..lines.len() {
        if !markers::is_date(&lines[i].text) || quoted[i] || lines[i].level > 0 {
            continue;
        }
        let organs = (1..i)
            .rev()
            .take(4)
            .take_while(|k| starts[*k].is_plain() && lines[*k].level == 0 && !marked[*k] && names_organ(&lines[*k].text))
            .count();
        let last = i + 1 == lines.len() || starts[i + 1].attachment.is_some();
        if organs > 0 || last {
            marked[i - organs..=i].fill(true);
        }
    }
    marked
}

fn names_organ(text: &str) -> bool {
    let words = compact(text);
    words.chars().count() <= 30
        && !words.contains(['。', '；', '：', '，', '“', '《', '、', '|'])
        && words
            .ends_with(['院', '府', '会', '部', '局', '厅', '办', '署', '委', '室', '处', '行', '长', '席', '理', '省', '市', '县', '区'])
}
