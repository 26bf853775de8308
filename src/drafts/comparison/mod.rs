//! 修改对照: two texts side by side, article by article, down to characters.
//!
//! Pure here: `words.rs` compares two wordings, this file walks a lineage. `sources.rs` finds the two texts (versions of a draft, or of a law in the
//! library), `sheet.rs` makes the document 对照表.

pub mod sheet;
pub mod sources;
mod words;

pub use words::{Change, Piece, compare_characters, compare_words};

use uuid::Uuid;

use super::lineage::{ContinuationKind, Lineage, Relation, Text};
use crate::corpus::structure::ProvisionKind;

/// One of the two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Version of the draft, or of the law.
    pub id: Uuid,
    /// Title as the text has it.
    pub title: String,
    /// Which text it is, e.g. 第 2 稿.
    pub name: String,
    /// Whether it comes from the library.
    pub is_law: bool,
}

/// A provision of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address in its text.
    pub address: String,
    /// As it is cited, e.g. 第十五条.
    pub label: String,
}

/// One relation, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How it continues.
    pub kind: ContinuationKind,
    /// Whether it is a heading: 编, 章, 节, the title.
    pub is_heading: bool,
    /// In the older text.
    pub old: Vec<Place>,
    /// In the newer text.
    pub new: Vec<Place>,
    /// Similarity of the words, in thousandths.
    pub similarity: u16,
    /// The words of both, cut where they differ. Lines end in a line break; where a side has several provisions each begins with its label.
    pub pieces: Vec<Piece>,
}

impl Row {
    /// Whether the words differ.
    pub fn is_changed(&self) -> bool {
        self.kind != ContinuationKind::Kept
    }

    /// The pieces of one side.
    pub fn side(&self, is_old: bool) -> impl Iterator<Item = &Piece> {
        let other = if is_old { Change::Inserted } else { Change::Deleted };
        self.pieces.iter().filter(move |piece| piece.change != other)
    }
}

/// Two texts, compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The older one.
    pub old: Side,
    /// The newer one.
    pub new: Side,
    /// Every 编章节, 条 and what stands beside them, in the order of the newer text.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// How many 条 and other provisions, headings apart, continue in each way; only ways that occur.
    pub fn counts(&self) -> Vec<(ContinuationKind, usize)> {
        let count = |kind: ContinuationKind| self.rows.iter().filter(|row| !row.is_heading && row.kind == kind).count();
        ContinuationKind::ALL.iter().map(|kind| (*kind, count(*kind))).filter(|(_, n)| *n > 0).collect()
    }
}

/// Compares the words of everything that a lineage relates.
pub fn rows_of(lineage: &Lineage) -> Vec<Row> {
    lineage
        .relations
        .iter()
        .filter(|relation| lineage.is_top(relation) && !is_contents(lineage, relation))
        .map(|r| row_of(lineage, r))
        .collect()
}

/// The printed 目录 repeats the headings.
fn is_contents(lineage: &Lineage, relation: &Relation) -> bool {
    kind_of(lineage, relation) == Some(ProvisionKind::Contents)
}

fn kind_of(lineage: &Lineage, relation: &Relation) -> Option<ProvisionKind> {
    let kind = |text: &Text, i: Option<&usize>| i.and_then(|i| text.nodes().get(*i)).map(|node| node.kind);
    kind(&lineage.new, relation.new.first()).or(kind(&lineage.old, relation.old.first()))
}

fn is_heading(kind: ProvisionKind) -> bool {
    use ProvisionKind::*;
    matches!(kind, Title | Part | SubPart | Chapter | Section | Attachment)
}

fn row_of(lineage: &Lineage, relation: &Relation) -> Row {
    let places = |text: &Text, list: &[usize]| -> Vec<Place> {
        list.iter()
            .filter_map(|i| text.nodes().get(*i).map(|node| Place { address: node.address.clone(), label: text.citation(*i) }))
            .collect()
    };
    let kind = kind_of(lineage, relation);
    let is_heading = kind.is_some_and(is_heading);
    let several = relation.old.len() > 1 || relation.new.len() > 1;
    let words = |text: &Text, list: &[usize]| -> String {
        let each = |i: &usize| {
            let words = match text.nodes().get(*i) {
                Some(node) if is_heading => format!("{}{}", node.heading, node.text),
                Some(_) => text.words(*i),
                None => String::new(),
            };
            if several { format!("{}　{words}", text.citation(*i)) } else { words }
        };
        list.iter().map(each).collect::<Vec<_>>().join("\n")
    };
    let (old, new) = (words(&lineage.old, &relation.old), words(&lineage.new, &relation.new));
    let pieces = match relation.similarity {
        1000 => vec![Piece { change: Change::Equal, text: new }],
        _ => compare_words(&old, &new),
    };
    Row {
        kind: relation.kind,
        is_heading,
        old: places(&lineage.old, &relation.old),
        new: places(&lineage.new, &relation.new),
        similarity: relation.similarity,
        pieces: pieces.into_iter().filter(|piece| !piece.text.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure;

    #[test]
    fn a_lineage_becomes_rows_that_hold_every_word_of_both_texts() {
        let old = "# 示例办法\n\n第一章 总则\n\n第一条 甲地的雨伞应当干净。\n\n第二条 经营者公布价格。押金三日内退还到原账户。\n\n第三条 旧伞回收。\n";
        let new = "# 示例办法\n\n第一章 总则\n\n第一条 甲地的雨伞应当干净、完好。\n\n第二条 经营者公布价格。\n\n第三条 押金三日内退还到原账户。\n";
        let lineage = Lineage::of(Text::from(&structure::parse(old)), Text::from(&structure::parse(new)));
        let rows = rows_of(&lineage);
        let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(kinds, ["kept", "kept", "modified", "split", "deleted"]);
        assert_eq!((rows[1].is_heading, rows[1].old[0].label.as_str()), (true, "第一章"));
        let said = |row: &Row, is_old: bool| row.side(is_old).map(|p| p.text.as_str()).collect::<String>();
        assert_eq!(said(&rows[2], true), "甲地的雨伞应当干净。");
        assert_eq!(said(&rows[2], false), "甲地的雨伞应当干净、完好。");
        assert_eq!(said(&rows[3], true), "第二条　经营者公布价格。押金三日内退还到原账户。");
        assert_eq!(said(&rows[3], false), "第二条　经营者公布价格。\n第三条　押金三日内退还到原账户。");
        assert_eq!(rows[4].side(false).count(), 0);
    }
}
