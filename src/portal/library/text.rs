//! A stored text as the blocks of a page. Pure.

use std::collections::HashMap;

use crate::corpus::StoredProvision;
use crate::corpus::structure::ProvisionKind;
use crate::portal::pages::library::{Block, Line, TocEntry};
use crate::portal::texts;

/// Longest heading of a unit that the contents show, in characters.
const CONTENTS_HEADING: usize = 40;
/// Deepest heading: 编, 分编, 章, 节, inside an attachment.
const DEEPEST: u8 = 5;

/// A text, cut for showing.
#[derive(Debug, Default)]
pub struct Laid {
    /// 题注, line by line.
    pub notes: Vec<String>,
    /// Contents, made from the headings; the printed 目录 is left to the original.
    pub toc: Vec<TocEntry>,
    /// The text in reading order.
    pub blocks: Vec<Block>,
}

/// Lays a text out; `title` is for the citations.
pub fn lay_out(title: &str, provisions: &[StoredProvision]) -> Laid {
    use ProvisionKind::*;
    // Depth of every heading by its ordinal: what stands in it is one deeper.
    let mut depths: HashMap<i64, u8> = HashMap::new();
    let mut laid = Laid::default();
    // Ordinal of the article or unit whose lines are being collected.
    let mut open: Option<i64> = None;
    for p in provisions {
        match p.kind {
            Title | Contents => open = None,
            TitleNote => laid.notes.extend(words(p).lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned)),
            Part | SubPart | Chapter | Section | Attachment => {
                open = None;
                let depth = p.parent.and_then(|parent| depths.get(&parent)).map_or(1, |above| above + 1).min(DEEPEST);
                depths.insert(p.ordinal, depth);
                let text = [p.label.as_str(), p.heading.as_str()].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("　");
                if !text.is_empty() {
                    laid.toc.push(TocEntry { depth, text: text.clone(), id: p.address.clone() });
                    laid.blocks.push(Block::Heading { level: depth + 1, id: p.address.clone(), text });
                }
                if !p.text.is_empty() {
                    laid.blocks.push(Block::Line(Line { id: String::new(), class: "para", label: String::new(), text: p.text.clone() }));
                }
            }
            Article | Heading => {
                open = Some(p.ordinal);
                if p.kind == Heading && p.parent.is_none() && p.heading.chars().count() <= CONTENTS_HEADING && !p.heading.is_empty() {
                    laid.toc.push(TocEntry { depth: 1, text: format!("{}{}", p.label, p.heading), id: p.address.clone() });
                }
                let lines = if p.text.is_empty() { Vec::new() } else { vec![line(p, "para", "", &p.text)] };
                let citation = texts::citation(title, &p.label);
                laid.blocks.push(Block::Article {
                    id: p.address.clone(),
                    label: p.label.clone(),
                    heading: p.heading.clone(),
                    lines,
                    citation,
                });
            }
            Table => {
                laid.blocks.push(Block::Table { id: p.address.clone(), rows: rows(&p.text) });
                open = None;
            }
            Preamble | Paragraph | Item | SubItem | Text | Signature => {
                if p.kind == Signature {
                    open = None;
                }
                let text = format!("{}{}", p.heading, p.text);
                if text.is_empty() && p.label.is_empty() {
                    continue;
                }
                let class = match p.kind {
                    Item => "item",
                    SubItem => "sub",
                    Signature => "sign",
                    _ if text.contains('\n') => "plainly",
                    _ => "para",
                };
                let line = line(p, class, &p.label, &text);
                match (open, laid.blocks.last_mut()) {
                    (Some(_), Some(Block::Article { lines, .. })) => lines.push(line),
                    _ => laid.blocks.push(Block::Line(line)),
                }
            }
        }
    }
    laid
}

fn words(p: &StoredProvision) -> String {
    format!("{}{}{}", p.label, p.heading, p.text)
}

fn line(p: &StoredProvision, class: &'static str, label: &str, text: &str) -> Line {
    Line { id: p.address.clone(), class, label: label.into(), text: text.into() }
}

fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|row| row.trim().trim_matches('|').split(['|', '\t']).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        // The line under the head of a pipe table says nothing.
        .filter(|cells| !cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' '))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure::Number;

    fn node(
        ordinal: i64,
        parent: Option<i64>,
        kind: ProvisionKind,
        address: &str,
        label: &str,
        heading: &str,
        text: &str,
    ) -> StoredProvision {
        StoredProvision {
            ordinal,
            parent,
            kind,
            address: address.into(),
            label: label.into(),
            number: Some(Number { main: 1, sub: 0 }),
            heading: heading.into(),
            text: text.into(),
            source_id: None,
        }
    }

    #[test]
    fn a_text_is_laid_out_in_reading_order_with_every_word() {
        use ProvisionKind::*;
        let laid = lay_out(
            "示例条例",
            &[
                node(0, None, Title, "title", "", "示例条例", ""),
                node(1, None, TitleNote, "title-note", "", "", "甲日通过\n乙日公布"),
                node(2, None, Chapter, "chap-1", "第一章", "总则", ""),
                node(3, Some(2), Section, "chap-1/sec-1", "第一节", "一般规定", ""),
                node(4, Some(3), Article, "art-1", "第一条", "", ""),
                node(5, Some(4), Paragraph, "art-1/para-1", "", "", "应当："),
                node(6, Some(5), Item, "art-1/para-1/item-1", "（一）", "", "登记；"),
                node(7, Some(4), Table, "art-1/table-1", "", "", "|品种|数量|\n|---|---|\n|甲|2|"),
                node(8, Some(4), Paragraph, "art-1/para-2", "", "", "另行规定。"),
                node(9, None, Signature, "signature", "", "", "某某市"),
            ],
        );
        assert_eq!(laid.notes, ["甲日通过", "乙日公布"]);
        assert_eq!(laid.toc.iter().map(|t| (t.depth, t.text.as_str())).collect::<Vec<_>>(), [(1, "第一章　总则"), (2, "第一节　一般规定")]);
        let kinds: Vec<String> = laid
            .blocks
            .iter()
            .map(|b| match b {
                Block::Heading { level, .. } => format!("h{level}"),
                Block::Article { lines, citation, .. } => format!("{citation} {}", lines.len()),
                Block::Line(l) => format!("{} {}", l.class, l.text),
                Block::Table { rows, .. } => format!("{rows:?}"),
            })
            .collect();
        assert_eq!(
            kinds,
            ["h2", "h3", "《示例条例》第一条 2", "[[\"品种\", \"数量\"], [\"甲\", \"2\"]]", "para 另行规定。", "sign 某某市"]
        );
    }
}
