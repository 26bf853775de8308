//! 修改对照表: a comparison as a document, 修改前 and 修改后 side by side; what went is struck through, what came is underlined.

use super::{Change, Comparison, Piece, Row};
use crate::documents::writing::{Alignment, Block, Colour, Manuscript, Paragraph, Run, Table, write_docx};
use crate::drafts::lineage::ContinuationKind;
use crate::error::Result;

/// The document, as bytes of a .docx. With `changed_only`, what was kept is left out and said to be.
pub fn write_sheet(comparison: &Comparison, changed_only: bool) -> Result<Vec<u8>> {
    write_docx(&sheet(comparison, changed_only))
}

fn sheet(comparison: &Comparison, changed_only: bool) -> Manuscript {
    let (old, new) = (&comparison.old, &comparison.new);
    let title = format!("《{}》修改对照表", new.title);
    let counts: Vec<String> = comparison.counts().iter().map(|(kind, n)| format!("{} {n} 条", kind.label())).collect();
    let mut blocks = vec![
        Block::Title(title.clone()),
        Block::Paragraph(Paragraph::plain(&format!(
            "修改前：{}《{}》　　修改后：{}《{}》",
            bare(&old.name),
            old.title,
            bare(&new.name),
            new.title
        ))),
        Block::Paragraph(Paragraph::plain(&format!("逐条对照：{}。", counts.join("，")))),
        Block::Paragraph(Paragraph {
            runs: vec![
                Run::plain("标注方式："),
                Run { is_struck: true, colour: Some(Colour::RED), ..Run::plain("删去的文字") },
                Run::plain("，"),
                Run { is_underlined: true, is_bold: true, colour: Some(Colour::BLUE), ..Run::plain("增加的文字") },
                Run::plain(if changed_only { "；文字未改动的条文没有列出。" } else { "。" }),
            ],
            ..Paragraph::default()
        }),
    ];
    let rows = comparison.rows.iter().filter(|row| !changed_only || row.is_changed());
    blocks.push(Block::Table(Table {
        widths: vec![9, 43, 43, 9],
        head: ["变化", "修改前", "修改后", "相似度"].iter().map(|name| vec![Paragraph::bold(name)]).collect(),
        rows: rows.map(cells).collect(),
    }));
    Manuscript { title, is_landscape: true, blocks, ..Manuscript::default() }
}

/// The name without the title that follows anyway.
fn bare(name: &str) -> &str {
    if name.starts_with("法规库") { "法规库" } else { name }
}

fn cells(row: &Row) -> Vec<Vec<Paragraph>> {
    let similarity = match row.kind {
        ContinuationKind::Added | ContinuationKind::Deleted => String::new(),
        _ => format!("{}%", row.similarity / 10),
    };
    vec![
        vec![Paragraph { alignment: Alignment::Centre, ..Paragraph::plain(row.kind.label()) }],
        side(row, true),
        side(row, false),
        vec![Paragraph { alignment: Alignment::Centre, ..Paragraph::plain(&similarity) }],
    ]
}

/// One side of a row: a paragraph for each 款, 项 and 目. A side with one provision begins with its label; several carry theirs in the words.
fn side(row: &Row, is_old: bool) -> Vec<Paragraph> {
    let places = if is_old { &row.old } else { &row.new };
    if places.is_empty() {
        return vec![Paragraph::plain("——")];
    }
    let mut lines = vec![Paragraph::default()];
    if let ([place], [_], [_]) = (places.as_slice(), row.old.as_slice(), row.new.as_slice()) {
        push(&mut lines, Run { is_bold: true, ..Run::plain(&format!("{}　", place.label)) });
    } else if let ([place], true) = (places.as_slice(), row.old.len() + row.new.len() == 1) {
        push(&mut lines, Run { is_bold: true, ..Run::plain(&format!("{}　", place.label)) });
    }
    for piece in row.side(is_old) {
        let mut parts = piece.text.split('\n');
        if let Some(first) = parts.next() {
            push(&mut lines, run(row, piece, first));
        }
        for part in parts {
            lines.push(Paragraph::default());
            push(&mut lines, run(row, piece, part));
        }
    }
    lines
}

fn push(lines: &mut [Paragraph], run: Run) {
    if let Some(line) = lines.last_mut()
        && !run.text.is_empty()
    {
        line.runs.push(run);
    }
}

fn run(row: &Row, piece: &Piece, text: &str) -> Run {
    let plain = Run { is_bold: row.is_heading, ..Run::plain(text) };
    match piece.change {
        Change::Equal => plain,
        Change::Deleted => Run { is_struck: true, colour: Some(Colour::RED), ..plain },
        Change::Inserted => Run { is_underlined: true, is_bold: true, colour: Some(Colour::BLUE), ..plain },
    }
}
