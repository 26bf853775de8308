//! Cutting lines on which several articles or items run on, so that each stands on its own line before anything else looks at it.
//!
//! Reads: the lines. Writes: lines of the same words; a cut line keeps its number. Only an unbroken sequence of numbers is ever cut.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Number;
use super::diagnostics::{Diagnostic, DiagnosticCode, excerpt};
use super::lines::{Line, Source, is_layout};
use super::markers::{self, MarkerStyle, Spacing};
use super::survey::{follows, quotations};

/// Cuts lines on which several articles or items run on, so that each stands on its own.
pub(super) fn unfold<'a>(source: Source<'a>, diagnostics: &mut Vec<Diagnostic>) -> (Vec<Line<'a>>, Option<usize>) {
    let quoted = quotations(&source.lines, &mut Vec::new());
    let mut last_place: HashMap<Number, usize> = HashMap::new();
    for (i, line) in source.lines.iter().enumerate() {
        if let Some(head) = markers::article_head(&line.text).filter(|h| !h.reference && !h.doubtful) {
            last_place.insert(head.number, i);
        }
    }
    let mut unfolded = Vec::with_capacity(source.lines.len());
    let mut header_end = None;
    let mut last = None;
    let count = source.lines.len();
    let next_starts_second_item: Vec<bool> = (0..count)
        .map(|i| {
            source
                .lines
                .get(i + 1)
                .and_then(|l| markers::list_marker(&l.text))
                .is_some_and(|m| m.style == MarkerStyle::HanBracket && m.number == 2)
        })
        .collect();
    for (i, line) in source.lines.into_iter().enumerate() {
        if source.header_end == Some(i) {
            header_end = Some(unfolded.len());
        }
        let in_header = source.header_end.is_some_and(|end| i < end);
        if in_header || quoted[i] || line.level > 0 || markers::is_table_row(&line.text) {
            unfolded.push(line);
            continue;
        }
        if markers::attachment_head(&line.text).is_some() {
            last = None;
        }
        if let Some(head) = markers::article_head(&line.text)
            && !head.doubtful
            && (follows(last, head.number) || (!head.reference && head.spacing != Spacing::Tight))
        {
            last = Some(head.number);
        }
        let mut cuts = article_cuts(&line, &mut last, |n| last_place.get(&n).is_some_and(|at| *at > i), diagnostics);
        if !cuts.is_empty() {
            diagnostics.push(Diagnostic {
                code: DiagnosticCode::RunOnArticle,
                line: line.number,
                detail: format!("拆出{}条：{}", cuts.len(), excerpt(&line.text)),
            });
            cuts.extend(sentence_cuts(&line.text));
        }
        let items = item_cuts(&line.text, next_starts_second_item[i]);
        if items.len() > 1 || (items.len() == 1 && !cuts.contains(&items[0])) {
            diagnostics.push(Diagnostic { code: DiagnosticCode::RunOnItems, line: line.number, detail: excerpt(&line.text) });
        }
        cuts.extend(items);
        cut(line, cuts, &mut unfolded);
    }
    if source.header_end == Some(count) {
        header_end = Some(unfolded.len());
    }
    (unfolded, header_end)
}

/// Splits a line at byte positions.
fn cut<'a>(line: Line<'a>, mut cuts: Vec<usize>, out: &mut Vec<Line<'a>>) {
    cuts.sort_unstable();
    cuts.dedup();
    if cuts.is_empty() {
        out.push(line);
        return;
    }
    let mut from = 0;
    cuts.push(line.text.len());
    for to in cuts {
        let piece = line.text.get(from..to).unwrap_or_default().trim_matches(is_layout);
        if !piece.is_empty() {
            out.push(Line { number: line.number, level: line.level, text: Cow::Owned(piece.to_owned()) });
        }
        from = to;
    }
}

/// Where the next article begins inside a line. `later` tells whether a number heads a line further down.
fn article_cuts(
    line: &Line<'_>,
    last: &mut Option<Number>,
    later: impl Fn(Number) -> bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let mut cuts = Vec::new();
    if last.is_none() {
        return cuts;
    }
    let mut depth = 0u32;
    let mut previous = None;
    let mut spaced_before = false;
    for (at, c) in line.text.char_indices() {
        match c {
            '“' => depth += 1,
            '”' => depth = depth.saturating_sub(1),
            '第' | '笫' if at > 0 && depth == 0 => {
                let head = markers::article_head(line.text.get(at..).unwrap_or_default());
                if let Some(head) = head
                    .filter(|h| !h.doubtful && !h.reference && h.spacing != Spacing::Alone && follows(*last, h.number) && !later(h.number))
                {
                    let after_sentence = matches!(previous, Some('。' | '；' | '：' | '”' | '！' | '？' | '）'));
                    let plain = head.spacing == Spacing::Spaced && spaced_before;
                    // The only place where this number occurs before the next one heads a line.
                    let only = head.spacing == Spacing::Tight && later(Number::new(head.number.main.saturating_add(1)));
                    if matches!(previous, Some('。' | '！' | '？')) || (after_sentence && (plain || head.spacing == Spacing::Spaced)) {
                        *last = Some(head.number);
                        cuts.push(at);
                    } else if plain || only {
                        let detail = excerpt(line.text.get(at..).unwrap_or_default());
                        diagnostics.push(Diagnostic { code: DiagnosticCode::HeadingInParagraph, line: line.number, detail });
                    }
                }
            }
            _ => {}
        }
        if is_layout(c) {
            spaced_before = true;
        } else {
            (previous, spaced_before) = (Some(c), false);
        }
    }
    cuts
}

/// In a line of run-on articles, a space after a sentence stands for a lost line break.
fn sentence_cuts(text: &str) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut previous = None;
    for (at, c) in text.char_indices() {
        if is_layout(c) && matches!(previous, Some('。' | '；' | '：')) {
            cuts.push(at);
        }
        previous = Some(c);
    }
    cuts
}

/// Where items （一）；（二）… begin inside a line: after a colon or a clause, in unbroken order from one, or on from the line's own number.
fn item_cuts(text: &str, second_follows: bool) -> Vec<usize> {
    let mut cuts = Vec::new();
    let own = markers::list_marker(text).filter(|m| m.style == MarkerStyle::HanBracket).map(|m| m.number);
    let mut expected = own.map_or(1, |n| n + 1);
    let mut previous = None;
    let mut depth = 0u32;
    for (at, c) in text.char_indices() {
        match c {
            '“' | '《' => depth += 1,
            '”' | '》' => depth = depth.saturating_sub(1),
            '（' | '(' if at > 0 && depth == 0 => {
                let marker = markers::list_marker(text.get(at..).unwrap_or_default()).filter(|m| m.style == MarkerStyle::HanBracket);
                let clause = matches!(previous, Some('：' | ':')) || (expected > 1 && matches!(previous, Some('；' | ';' | '。')));
                if marker.is_some_and(|m| m.number == expected) && clause {
                    cuts.push(at);
                    expected += 1;
                } else if marker.is_some_and(|m| m.number == 1) && matches!(previous, Some('：' | ':')) {
                    cuts.push(at);
                    expected = 2;
                }
            }
            _ => {}
        }
        if !is_layout(c) {
            previous = Some(c);
        }
    }
    if cuts.len() == 1 && own.is_none() && !second_follows { Vec::new() } else { cuts }
}
