//! A text as the matcher sees it: nodes in reading order, their words in one normal form. Pure.

use crate::corpus::StoredProvision;
use crate::corpus::structure::{ProvisionKind, Structure};
use crate::drafts::versions::{DraftProvision, citation_of};

/// A provision of either text, wherever it is kept.
#[derive(Clone, Debug)]
pub struct Node {
    /// Kind.
    pub kind: ProvisionKind,
    /// Address within its text.
    pub address: String,
    /// Marker as printed.
    pub label: String,
    /// Heading of a chapter, or 条旨.
    pub heading: String,
    /// Own words.
    pub text: String,
    /// Index of the node it belongs to; always smaller than its own.
    pub parent: Option<usize>,
}

/// One version, ready to be matched.
#[derive(Clone, Debug, Default)]
pub struct Text {
    nodes: Vec<Node>,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

impl Text {
    /// Takes nodes in reading order; a parent that does not come before its child is left out.
    pub fn new(nodes: Vec<Node>) -> Text {
        let mut children = vec![Vec::new(); nodes.len()];
        let mut roots = Vec::new();
        for (i, node) in nodes.iter().enumerate() {
            match node.parent.filter(|parent| *parent < i).and_then(|parent| children.get_mut(parent)) {
                Some(list) => list.push(i),
                None => roots.push(i),
            }
        }
        Text { nodes, children, roots }
    }

    /// Every node in reading order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Nodes that belong to no other.
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// Nodes directly below one.
    pub fn children(&self, i: usize) -> &[usize] {
        self.children.get(i).map_or(&[], Vec::as_slice)
    }

    /// The node at an address.
    pub fn find(&self, address: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.address == address)
    }

    /// How a provision is cited, e.g. 第十五条第四项.
    pub fn citation(&self, i: usize) -> String {
        let Some(node) = self.nodes.get(i) else { return String::new() };
        let article = node.address.split('/').next().unwrap_or(&node.address);
        let has_second_paragraph = node.address.contains('/') && self.find(&format!("{article}/para-2")).is_some();
        citation_of(&node.address, &node.label, has_second_paragraph)
    }

    /// How every node is cited, in reading order. Two nodes may be cited alike: a 条 and its only 款.
    pub fn citations(&self) -> Vec<String> {
        (0..self.nodes.len()).map(|i| self.citation(i)).collect()
    }

    /// Words of a node and of everything below it, a line for each 款, 项 and 目; its own marker is left out, so that renumbering changes nothing.
    pub fn words(&self, i: usize) -> String {
        let mut lines: Vec<String> = Vec::new();
        // Depth is bounded by the parser, but nothing here relies on it.
        let mut open = vec![i];
        while let Some(at) = open.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            let label = if at == i { "" } else { node.label.as_str() };
            let line = format!("{label}{}{}", node.heading, node.text);
            if !line.is_empty() {
                lines.push(line);
            }
            open.extend(self.children(at).iter().rev());
        }
        lines.join("\n")
    }
}

/// What is compared: no layout, one width, one kind of quotation mark; a line break between 款, 项 and 目 stays, because it changes how they are cited.
pub fn normal(words: &str) -> String {
    let mut normal = String::with_capacity(words.len());
    for c in words.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '“' | '”' => '"',
            '‘' | '’' => '\'',
            '〔' | '【' => '[',
            '〕' | '】' => ']',
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' => continue,
            c if c.is_whitespace() && c != '\n' => continue,
            c => c,
        };
        normal.push(c);
    }
    normal
}

impl From<&Structure> for Text {
    fn from(structure: &Structure) -> Text {
        let node = |p: &crate::corpus::structure::Provision| Node {
            kind: p.kind,
            address: p.address.clone(),
            label: p.label.clone(),
            heading: p.heading.clone(),
            text: p.text.clone(),
            parent: p.parent,
        };
        Text::new(structure.provisions.iter().map(node).collect())
    }
}

/// The index that an ordinal has: rows come in reading order from 0.
fn index(parent: Option<i64>) -> Option<usize> {
    parent.and_then(|ordinal| usize::try_from(ordinal).ok())
}

impl From<Vec<DraftProvision>> for Text {
    fn from(provisions: Vec<DraftProvision>) -> Text {
        let node = |p: DraftProvision| Node {
            kind: p.kind,
            address: p.address,
            label: p.label,
            heading: p.heading,
            text: p.text,
            parent: index(p.parent),
        };
        Text::new(provisions.into_iter().map(node).collect())
    }
}

impl From<Vec<StoredProvision>> for Text {
    fn from(provisions: Vec<StoredProvision>) -> Text {
        let node = |p: StoredProvision| Node {
            kind: p.kind,
            address: p.address,
            label: p.label,
            heading: p.heading,
            text: p.text,
            parent: index(p.parent),
        };
        Text::new(provisions.into_iter().map(node).collect())
    }
}
