//! From citations to addresses, by the tree of the document they stand in.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::anchors::{find_citations, named_last};
use super::{Base, Citation, Place, Target};
use crate::corpus::structure::{Number, Provision, ProvisionKind, Structure};

/// What a member of a citation leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Provisions of the same document; a range gives all of them in order.
    Here(Vec<String>),
    /// A provision of another document: its title, and the address as far as the text alone determines it (empty for the whole document).
    /// The other document's own [`Outline::find`] may say more.
    Elsewhere {
        /// Title or name, as the citation has it.
        title: String,
        /// Address within that document.
        address: String,
    },
    /// The document has no such provision.
    Nowhere,
}

/// A document's tree, ready for looking up places.
pub struct Outline<'a> {
    structure: &'a Structure,
    children: Vec<Vec<usize>>,
    /// Provisions that stand under nothing.
    roots: Vec<usize>,
    /// Attachment that a provision stands in.
    attachment: Vec<Option<usize>>,
    /// Articles by attachment and number; a number used twice keeps the first.
    articles: HashMap<(Option<usize>, Number), usize>,
    /// Articles in reading order, and the place of each in it.
    order: Vec<usize>,
    position: HashMap<usize, usize>,
    titles: Vec<String>,
}

impl<'a> Outline<'a> {
    /// Reads a tree once; every look-up after that is short.
    pub fn new(structure: &'a Structure) -> Outline<'a> {
        let count = structure.provisions.len();
        let mut outline = Outline {
            structure,
            children: vec![Vec::new(); count],
            roots: Vec::new(),
            attachment: vec![None; count],
            articles: HashMap::new(),
            order: Vec::new(),
            position: HashMap::new(),
            titles: Vec::new(),
        };
        for (i, provision) in structure.provisions.iter().enumerate() {
            if let Some(parent) = provision.parent.filter(|p| *p < i) {
                outline.children[parent].push(i);
                outline.attachment[i] = outline.attachment[parent];
            } else {
                outline.roots.push(i);
            }
            match provision.kind {
                ProvisionKind::Attachment => outline.attachment[i] = Some(i),
                ProvisionKind::Article => {
                    if let Some(number) = provision.number {
                        outline.articles.entry((outline.attachment[i], number)).or_insert(i);
                    }
                    outline.position.insert(i, outline.order.len());
                    outline.order.push(i);
                }
                ProvisionKind::Title => outline.titles.push(bare_title(&provision.text).to_owned()),
                _ => {}
            }
        }
        outline
    }

    /// Leads each member of a citation to provisions. `at` is the index of the provision whose text holds the citation. A citation of a whole
    /// document gives one resolution.
    pub fn resolve(&self, citation: &Citation, at: usize) -> Vec<Resolution> {
        let elsewhere = citation.title.as_deref().filter(|title| !self.titles.iter().any(|own| own == bare_title(title)));
        if let Some(title) = elsewhere {
            let made = |address| Resolution::Elsewhere { title: title.to_owned(), address };
            if citation.targets.is_empty() {
                return vec![made(String::new())];
            }
            return citation.targets.iter().map(|target| made(certain_address(&target.from))).collect();
        }
        if citation.targets.is_empty() {
            return vec![Resolution::Here(vec!["title".into()])];
        }
        citation
            .targets
            .iter()
            .map(|target| match self.find(target, at) {
                found if found.is_empty() => Resolution::Nowhere,
                found => Resolution::Here(found.into_iter().filter_map(|i| self.provision(i)).map(|p| p.address.clone()).collect()),
            })
            .collect()
    }

    /// Indices of the provisions that a member names in this document; a range names all between its ends. `at` is where the citing text stands
    /// (any index, such as 0, when it stands in another document).
    pub fn find(&self, target: &Target, at: usize) -> Vec<usize> {
        let first = self.place(&target.from, at);
        let Some(last) = target.to.map(|to| self.place(&to, at)) else { return first };
        let (Some(from), Some(to)) = (first.first().copied(), last.last().copied()) else { return Vec::new() };
        let (Some(a), Some(b)) = (self.provision(from), self.provision(to)) else { return Vec::new() };
        if a.kind != b.kind || from > to {
            return Vec::new();
        }
        if a.kind == ProvisionKind::Article {
            return self.order.iter().copied().filter(|i| (from..=to).contains(i)).collect();
        }
        let siblings = a.parent.map(|p| self.children_of(p)).unwrap_or_default();
        siblings.iter().copied().filter(|i| (from..=to).contains(i) && self.is(*i, a.kind)).collect()
    }

    fn provision(&self, i: usize) -> Option<&'a Provision> {
        self.structure.provisions.get(i)
    }

    fn is(&self, i: usize, kind: ProvisionKind) -> bool {
        self.provision(i).is_some_and(|p| p.kind == kind)
    }

    fn children_of(&self, i: usize) -> &[usize] {
        self.children.get(i).map(Vec::as_slice).unwrap_or_default()
    }

    fn children_of_kind(&self, i: usize, kind: ProvisionKind) -> impl Iterator<Item = usize> + '_ {
        self.children_of(i).iter().copied().filter(move |c| self.is(*c, kind))
    }

    /// The provision itself or the nearest above it that is of one of some kinds.
    fn above(&self, at: usize, kinds: &[ProvisionKind]) -> Option<usize> {
        let mut i = at;
        loop {
            let provision = self.provision(i)?;
            if kinds.contains(&provision.kind) {
                return Some(i);
            }
            i = provision.parent?;
        }
    }

    /// What paragraphs are counted in: the article, or the unit of a document without articles.
    fn unit(&self, at: usize) -> Option<usize> {
        self.above(at, &[ProvisionKind::Article, ProvisionKind::Heading, ProvisionKind::Preamble, ProvisionKind::Attachment])
    }

    fn place(&self, place: &Place, at: usize) -> Vec<usize> {
        match place.base {
            Base::Document => self.in_document(place, at),
            Base::ThisArticle => self.unit(at).and_then(|unit| self.below_unit(unit, place, None)).into_iter().collect(),
            Base::ThisParagraph => {
                let paragraph = self.above(at, &[ProvisionKind::Paragraph]);
                let unit = self.unit(at);
                unit.and_then(|unit| self.below_unit(unit, place, paragraph)).into_iter().collect()
            }
            Base::ThisItem => self.above(at, &[ProvisionKind::Item]).and_then(|item| self.below_item(item, place)).into_iter().collect(),
            Base::ThisPart => {
                let whole_file = self
                    .ancestors(at)
                    .find(|i| self.provision(*i).is_some_and(|p| p.kind == ProvisionKind::Heading && p.heading.ends_with('编')));
                let part = self.above(at, &[ProvisionKind::Part]).or(whole_file).or_else(|| self.above(at, &[ProvisionKind::SubPart]));
                self.in_division(place, at, part)
            }
            Base::ThisChapter => self.in_division(place, at, self.above(at, &[ProvisionKind::Chapter])),
            Base::ThisSection => self.in_division(place, at, self.above(at, &[ProvisionKind::Section])),
            Base::NamedBefore => self.named_before(place, at),
            Base::ArticlesBefore(count) if self.order.is_empty() => {
                // Units 一、 of a document without articles are cited as articles.
                let before = self.siblings_before(at, ProvisionKind::Heading, count);
                match before[..] {
                    [one] => self.below_unit(one, place, None).into_iter().collect(),
                    _ => before,
                }
            }
            Base::ArticlesBefore(count) => {
                let here = self.above(at, &[ProvisionKind::Article]).and_then(|i| self.position.get(&i).copied());
                let before = here.and_then(|here| here.checked_sub(count as usize).map(|from| &self.order[from..here])).unwrap_or_default();
                let same = |i: &usize| self.attachment.get(*i) == self.attachment.get(at);
                match before {
                    [one] if same(one) => self.below_unit(*one, place, None).into_iter().collect(),
                    several if several.iter().all(same) => several.to_vec(),
                    _ => Vec::new(),
                }
            }
            Base::ParagraphsBefore(count) => {
                let before = self.siblings_before(at, ProvisionKind::Paragraph, count);
                match before[..] {
                    [one] => self.below_paragraph(one, place).into_iter().collect(),
                    _ => before,
                }
            }
            Base::ItemsBefore(count) => {
                let before = self.siblings_before(at, ProvisionKind::Item, count);
                match before[..] {
                    [one] => self.below_item(one, place).into_iter().collect(),
                    _ => before,
                }
            }
        }
    }

    /// 违反本条例第九条规定的，按照下列规定处罚：（一）违反第二项规定的，…: the item leans on the article that its paragraph names.
    fn named_before(&self, place: &Place, at: usize) -> Vec<usize> {
        let paragraph = self.above(at, &[ProvisionKind::Paragraph]).filter(|paragraph| *paragraph != at);
        let article = paragraph.and_then(|p| self.provision(p)).and_then(|p| named_last(&find_citations(&p.text, &[])));
        if let Some(article) = article {
            let found = self.in_document(&Place { base: Base::Document, article: Some(article), ..*place }, at);
            if !found.is_empty() {
                return found;
            }
        }
        let own = if place.paragraph.is_some() { Base::ThisArticle } else { Base::ThisParagraph };
        self.place(&Place { base: own, ..*place }, at)
    }

    /// So many provisions of a kind right before the one that the text stands in; nothing when there are fewer.
    fn siblings_before(&self, at: usize, kind: ProvisionKind, count: u32) -> Vec<usize> {
        let Some(here) = self.above(at, &[kind]) else { return Vec::new() };
        let around = self.provision(here).and_then(|p| p.parent).map_or(self.roots.as_slice(), |parent| self.children_of(parent));
        let siblings: Vec<usize> = around.iter().copied().take_while(|i| *i < here).filter(|i| self.is(*i, kind)).collect();
        siblings.len().checked_sub(count as usize).and_then(|from| siblings.get(from..)).map(<[usize]>::to_vec).unwrap_or_default()
    }

    fn in_document(&self, place: &Place, at: usize) -> Vec<usize> {
        let own = self.attachment.get(at).copied().flatten();
        if let Some(number) = place.attachment {
            let root = (0..self.structure.provisions.len()).find(|i| {
                self.is(*i, ProvisionKind::Attachment) && self.provision(*i).is_some_and(|p| p.number == Some(Number::new(number)))
            });
            return match (root, place.article) {
                (Some(root), Some(article)) => self.article((Some(root), article), place),
                (Some(root), None) => vec![root],
                _ => Vec::new(),
            };
        }
        if let Some(article) = place.article {
            let found = if own.is_some() { self.article((own, article), place) } else { Vec::new() };
            return if found.is_empty() { self.article((None, article), place) } else { found };
        }
        self.division(place, at, None)
    }

    fn article(&self, key: (Option<usize>, Number), place: &Place) -> Vec<usize> {
        self.articles.get(&key).and_then(|article| self.below_unit(*article, place, None)).into_iter().collect()
    }

    /// 第二编第三章第一节, within a division when one is given.
    fn division(&self, place: &Place, at: usize, within: Option<usize>) -> Vec<usize> {
        let steps = [
            (ProvisionKind::Part, place.part),
            (ProvisionKind::SubPart, place.sub_part),
            (ProvisionKind::Chapter, place.chapter),
            (ProvisionKind::Section, place.section),
        ];
        let mut within: Vec<usize> = within.into_iter().collect();
        let mut named = false;
        for (kind, number) in steps {
            let Some(number) = number else { continue };
            let all = (0..self.structure.provisions.len())
                .filter(|i| self.is(*i, kind) && self.provision(*i).is_some_and(|p| p.number == Some(Number::new(number))));
            let inside: Vec<usize> = all.filter(|i| within.is_empty() || self.ancestors(*i).any(|a| within.contains(&a))).collect();
            if inside.is_empty() {
                return Vec::new();
            }
            // Chapters may begin again in every part: the one nearest to the text is meant.
            let near = |i: &usize| self.ancestors(*i).filter(|a| self.ancestors(at).any(|b| b == *a)).count();
            let best = inside.iter().map(near).max().unwrap_or(0);
            within = inside.into_iter().filter(|i| near(i) == best).collect();
            named = true;
        }
        if named && within.len() == 1 { within } else { Vec::new() }
    }

    fn ancestors(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.provision(at).and_then(|p| p.parent), |i| self.provision(*i).and_then(|p| p.parent))
    }

    fn in_division(&self, place: &Place, at: usize, division: Option<usize>) -> Vec<usize> {
        let Some(division) = division else { return Vec::new() };
        if let Some(article) = place.article {
            return self.article((self.attachment.get(at).copied().flatten(), article), place);
        }
        if place.sub_part.is_some() || place.chapter.is_some() || place.section.is_some() {
            return self.division(place, at, Some(division));
        }
        vec![division]
    }

    /// Down from an article to the paragraph and item named. An item without its paragraph is looked for in the paragraph of the text, if given,
    /// and then in all; a redundant 第一款 is the only paragraph.
    fn below_unit(&self, unit: usize, place: &Place, own: Option<usize>) -> Option<usize> {
        if let Some(number) = place.paragraph {
            let paragraph = self.numbered_child(unit, ProvisionKind::Paragraph, number)?;
            return self.below_paragraph(paragraph, place);
        }
        if place.item.is_none() {
            return Some(own.unwrap_or(unit));
        }
        let paragraphs = self.children_of_kind(unit, ProvisionKind::Paragraph);
        own.into_iter().chain(paragraphs).find_map(|paragraph| self.below_paragraph(paragraph, place))
    }

    fn below_paragraph(&self, paragraph: usize, place: &Place) -> Option<usize> {
        match place.item {
            Some(number) => self.numbered_child(paragraph, ProvisionKind::Item, number).and_then(|item| self.below_item(item, place)),
            None => Some(paragraph),
        }
    }

    fn below_item(&self, item: usize, place: &Place) -> Option<usize> {
        match place.sub_item {
            Some(number) => self.numbered_child(item, ProvisionKind::SubItem, number),
            None => Some(item),
        }
    }

    fn numbered_child(&self, parent: usize, kind: ProvisionKind, number: u32) -> Option<usize> {
        self.children_of_kind(parent, kind).find(|i| self.provision(*i).is_some_and(|p| p.number == Some(Number::new(number))))
    }
}

/// The address that a place has in any document of its title: an item without its paragraph is as uncertain as the paragraph.
fn certain_address(place: &Place) -> String {
    let Some(article) = place.article else { return String::new() };
    let mut address = format!("art-{article}");
    if let Some(paragraph) = place.paragraph {
        address.push_str(&format!("/para-{paragraph}"));
        if let Some(item) = place.item {
            address.push_str(&format!("/item-{item}"));
            if let Some(sub) = place.sub_item {
                address.push_str(&format!("/sub-{sub}"));
            }
        }
    }
    address
}

/// A title without the name of the state, by which laws are cited with and without.
fn bare_title(title: &str) -> &str {
    title.strip_prefix("中华人民共和国").unwrap_or(title)
}
