//! Query understanding: what a person means by a line typed into the search box.
//!
//! Pure. [`understand`] reads, in this order, phrases and exclusions (`syntax`), document numbers (`document_numbers`), titles (`titles`, over the
//! `catalogue` with its `names`, `short_names`, `pinyin`; `letters` and `likeness` with its `alignment`) and references to provisions (`provisions`); what is left is free text.
//! `missing` says which title is named and not there.
//! To teach it another way of writing: a short name goes into `search-index/aliases.toml`, a way of deriving names from titles into `names`,
//! a way of writing numbers into `provisions`; each has its table of tests.

mod alignment;
mod catalogue;
mod document_numbers;
mod letters;
mod likeness;
mod missing;
mod names;
mod phrasing;
pub(crate) mod pinyin;
mod provisions;
mod short_names;
mod syntax;
mod titles;

use serde::Serialize;
use uuid::Uuid;

pub use catalogue::{TitleCatalogue, TitleEntry};
pub use document_numbers::canonical_document_number;
pub(crate) use names::title_key;
pub use provisions::ProvisionRef;
pub use short_names::ShortNames;

use super::normalise::normalise_char;
use titles::Span;

/// A title this certain is what the person looks up, and its words are no longer free text.
pub const LOOKUP_CERTAINTY: f32 = 0.75;

/// How much of a line is read for titles and numbers, in characters; the rest is free text only.
const READ_CHARS: usize = 256;

/// What a query means.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Understanding {
    /// As typed.
    pub raw: String,
    /// In normal form, as many characters as `raw`.
    pub normalised: String,
    /// What is left to match as free text, in normal form.
    pub text: String,
    /// Works that the query names, most certain first; those that the provision is said of come first of all.
    pub titles: Vec<TitleMatch>,
    /// The (first) provision that the query names, of the first title.
    pub provision: Option<ProvisionRef>,
    /// Further provisions of a list (第五条、第七条), with the works they are said of (empty: those of the first provision).
    pub more_provisions: Vec<NamedProvision>,
    /// The title that the query names (in 《》, beside an article number, or by a well-known name) and no work is called by.
    pub missing_title: Option<String>,
    /// The year that stands beside the title (安全生产法2021): which version is meant.
    pub year: Option<u32>,
    /// The document number in the form of [`canonical_document_number`].
    pub document_number: Option<String>,
    /// Phrases that must occur word for word, in normal form.
    pub phrases: Vec<String>,
    /// Words that must not occur, in normal form.
    pub excluded: Vec<String>,
}

/// A work that a query names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TitleMatch {
    /// The work.
    pub work_id: Uuid,
    /// Its title.
    pub title: String,
    /// In which way it was named.
    pub how: TitleMatchKind,
    /// From 0 to 1: how likely this work is what the person wants. From [`LOOKUP_CERTAINTY`] on it is a lookup; below, a work that the words touch on.
    pub certainty: f32,
    /// The words of the query that name it, in normal form.
    pub matched: String,
}

/// In which way a work was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleMatchKind {
    /// By its title, with or without 中华人民共和国.
    Exact,
    /// By a short name.
    Alias,
    /// By words that differ from the title, or by the title without its region.
    Inexact,
    /// By its full pinyin.
    Pinyin,
    /// By its pinyin initials.
    Initials,
    /// By its document number.
    DocumentNumber,
    /// Not named: it is the document now open.
    Context,
}

/// A further provision of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedProvision {
    /// The provision.
    pub provision: ProvisionRef,
    /// The works it is said of; empty when they are those of the first provision.
    pub work_ids: Vec<Uuid>,
}

impl Understanding {
    /// The works that are looked up, not only touched on.
    pub fn looked_up(&self) -> impl Iterator<Item = &TitleMatch> {
        self.titles.iter().filter(|title| title.certainty >= LOOKUP_CERTAINTY)
    }

    /// The words beside an article number that is said of no title (第20条 养犬); none when they are a sentence or stand in most titles.
    pub fn subject_words(&self) -> Vec<&str> {
        let is_alone = self.looked_up().next().is_none() && self.missing_title.is_none() && self.phrases.is_empty();
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        let is_telling = letters <= SUBJECT_LETTERS
            && words.iter().all(|word| word.chars().count() >= 2)
            && words.iter().any(|word| !phrasing::FORMS.contains(word) && !["管理", "工作"].contains(word));
        let has_article = self.provision.is_some_and(|provision| provision.article.is_some());
        if has_article && is_alone && is_telling { words } else { Vec::new() }
    }

    /// Whether the query names one article of one work and wants to read it.
    pub fn is_article_lookup(&self) -> bool {
        self.provision.is_some_and(|provision| provision.article.is_some()) && self.looked_up().next().is_some()
    }
}

/// Longest words beside an article number that are looked for in titles, in letters.
const SUBJECT_LETTERS: usize = 12;

/// The characters of a query and what has been made of them.
struct Line {
    characters: Vec<char>,
    used: Vec<bool>,
}

impl Line {
    fn take(&mut self, start: usize, end: usize) {
        self.used.iter_mut().take(end).skip(start).for_each(|used| *used = true);
    }

    /// The letters and digits that stand together and touch `at` from the left.
    fn run_before(&self, at: usize) -> usize {
        (0..at).rev().take_while(|at| self.is_free_letter(*at)).last().unwrap_or(at)
    }

    /// The end of the letters and digits that stand together from `at` on.
    fn run_after(&self, at: usize) -> usize {
        (at..self.characters.len()).find(|at| !self.is_free_letter(*at)).unwrap_or(self.characters.len())
    }

    fn is_free(&self, at: usize) -> bool {
        self.used.get(at) == Some(&false)
    }

    fn is_free_letter(&self, at: usize) -> bool {
        self.is_free(at) && self.characters.get(at).is_some_and(|c| c.is_alphanumeric())
    }

    fn slice(&self, start: usize, end: usize) -> String {
        self.characters.get(start..end).unwrap_or_default().iter().collect()
    }
}

/// Says what a query means. `context` is the document now open, which a bare 第二十条 is said of.
///
/// Never fails: what is not understood is free text. Time is bounded: at most [`READ_CHARS`] characters are read for titles and numbers.
pub fn understand(query: &str, catalogue: &TitleCatalogue, context: Option<Uuid>) -> Understanding {
    let characters: Vec<char> = query.chars().map(normalise_char).collect();
    let syntax = syntax::read(&characters);
    let mut understanding = Understanding {
        raw: query.to_owned(),
        normalised: characters.iter().collect(),
        phrases: syntax.phrases,
        excluded: syntax.excluded,
        ..Understanding::default()
    };
    let beyond = characters.get(READ_CHARS..).unwrap_or_default().iter().zip(syntax.used.get(READ_CHARS..).unwrap_or_default());
    let beyond: String = beyond.map(|(c, used)| if *used { ' ' } else { *c }).collect();
    let mut line = Line { characters, used: syntax.used };
    line.characters.truncate(READ_CHARS);
    line.used.truncate(READ_CHARS);

    let mut spans = titles::by_number(&mut line, catalogue, &mut understanding.document_number);
    let references = provisions::find(&line.characters, &|at| line.is_free(at), &|_| false);
    spans.extend(letters::by_letters(&line, catalogue, &references));
    if spans.is_empty() {
        spans.extend(titles::by_pinyin(&line, catalogue));
    }
    // A title may hold what looks like a reference (关于《刑法》第三十条的解释): the title wins.
    spans.iter().for_each(|span| line.take(span.start, span.end));
    let found = {
        let ends: Vec<usize> = spans.iter().map(|span| span.end).chain(likeness::end_before_number(&line)).collect();
        provisions::find(&line.characters, &|at| line.is_free(at), &|at| ends.contains(&at))
    };
    titles::weigh(&mut spans, &line, &found);
    found.iter().for_each(|found| line.take(found.start, found.end));
    if !spans.iter().any(|span| span.best() >= LOOKUP_CERTAINTY && !span.is_doubtful) {
        likeness::add_alike(&mut spans, &line, catalogue, &found);
    }

    let owner = |found: &provisions::FoundProvision| titles::owner(&spans, found);
    let first = found.first().and_then(owner);
    if let (true, Some(work)) = (spans.is_empty() && !found.is_empty(), context.and_then(|id| catalogue.work_of(id))) {
        titles::take_self_reference(&mut line);
        understanding.titles.push(TitleMatch {
            work_id: work.id,
            title: work.title.clone(),
            how: TitleMatchKind::Context,
            certainty: 0.97,
            matched: String::new(),
        });
    }
    understanding.provision = found.first().map(|found| found.provision);
    understanding.more_provisions = found
        .iter()
        .skip(1)
        .map(|found| {
            let of = owner(found).filter(|of| Some(*of) != first).and_then(|of| spans.get(of));
            NamedProvision {
                provision: found.provision,
                work_ids: of.map(|span| span.matches.iter().map(|found| found.work_id).collect()).unwrap_or_default(),
            }
        })
        .collect();
    (understanding.text, understanding.year) = phrasing::free_text(&mut line, &spans, &beyond);
    understanding.titles.extend(ranked(spans, first));
    if understanding.titles.iter().all(|title| title.how == TitleMatchKind::Inexact && title.certainty < LOOKUP_CERTAINTY) {
        understanding.missing_title = missing::missing_title(&line, catalogue, &found);
    }
    understanding
}

/// Most works that one query names.
const MOST_TITLES: usize = 20;

/// The matches of all spans: those of the span that the provision is said of first, then by certainty; no work twice.
fn ranked(spans: Vec<Span>, first: Option<usize>) -> Vec<TitleMatch> {
    let mut matches: Vec<(bool, TitleMatch)> = spans
        .into_iter()
        .enumerate()
        .flat_map(|(at, span)| span.matches.into_iter().map(move |found| (Some(at) == first, found)))
        .collect();
    // A stable sort keeps the order of preference among equals that each span was found in.
    matches.sort_by(|(first_a, a), (first_b, b)| {
        let (owns_a, owns_b) = (*first_a && a.certainty >= LOOKUP_CERTAINTY, *first_b && b.certainty >= LOOKUP_CERTAINTY);
        owns_b.cmp(&owns_a).then(b.certainty.total_cmp(&a.certainty))
    });
    let mut titles: Vec<TitleMatch> = Vec::new();
    for (_, found) in matches {
        if titles.len() < MOST_TITLES && !titles.iter().any(|known| known.work_id == found.work_id) {
            titles.push(found);
        }
    }
    titles
}

#[cfg(test)]
mod tests;
