//! Building: one walk over the lines, keeping what is open.
//!
//! Reads: [`Survey`]. Writes: [`Structure`]. A provision is only ever added at the end, and only the last one grows, so reading order is the order
//! of the input by construction.

use std::collections::HashMap;

use super::diagnostics::{Diagnostic, DiagnosticCode, excerpt};
use super::lines::is_layout;
use super::markers::{self, MarkerStyle};
use super::survey::Survey;
use super::{Number, Provision, ProvisionKind, Structure};

/// A heading under which others stand.
pub(super) struct Container {
    /// Smaller stands above larger.
    pub rank: u8,
    pub index: usize,
    /// Begins the addresses of what stands below it.
    pub prefix: String,
    /// Marker of a list heading, with its number.
    pub list: Option<(MarkerStyle, u32)>,
}

/// A list of items that is open.
pub(super) struct List {
    pub style: MarkerStyle,
    pub last: u32,
    /// The item last added.
    pub index: usize,
}

/// What running text is added to: an article, a heading unit, the preamble, an attachment, or loose text.
pub(super) struct Block {
    pub owner: Option<usize>,
    pub kind: ProvisionKind,
    pub address: String,
    pub paragraphs: u32,
    /// The paragraph that items go under.
    pub paragraph: Option<usize>,
    pub lists: Vec<List>,
}

/// The main text, or one attachment: numbering of its own.
#[derive(Default)]
pub(super) struct Scope {
    pub prefix: String,
    pub root: Option<usize>,
    pub has_articles: bool,
    pub has_han: bool,
    pub has_brackets: bool,
    /// Anything but title and title note was seen.
    pub begun: bool,
    pub last_article: Option<Number>,
    pub last_division: [u32; 4],
    /// Number of the last unit （一）, which may run on below the next 一、.
    pub last_bracket: u32,
    /// Number of the last item outside articles, which may run on below the next heading.
    pub last_item: u32,
}

pub(super) struct Builder<'a> {
    pub survey: Survey<'a>,
    pub provisions: Vec<Provision>,
    pub diagnostics: Vec<Diagnostic>,
    addresses: HashMap<String, u32>,
    /// Running numbers of provisions without a number of their own, by address prefix and kind.
    running: HashMap<String, u32>,
    pub containers: Vec<Container>,
    pub block: Option<Block>,
    pub scope: Scope,
    /// Where the main text's numbering stood when an attachment began.
    pub main_last_article: Option<Number>,
    /// A quotation was found to be unclosed: its lines count as unquoted until it ends.
    pub quote_broken: bool,
    pub attachments: u32,
    /// Number of the last list heading by parent and rank.
    pub last_heading: HashMap<(Option<usize>, u8), u32>,
}

impl<'a> Builder<'a> {
    pub fn new(survey: Survey<'a>, diagnostics: Vec<Diagnostic>) -> Self {
        let mut builder = Builder {
            survey,
            provisions: Vec::new(),
            diagnostics,
            addresses: HashMap::new(),
            running: HashMap::new(),
            containers: Vec::new(),
            block: None,
            scope: Scope::default(),
            main_last_article: None,
            quote_broken: false,
            attachments: 0,
            last_heading: HashMap::new(),
        };
        builder.survey_scope(0);
        builder
    }

    /// Notes what the scope that begins at a line holds.
    pub fn survey_scope(&mut self, i: usize) {
        self.scope.has_articles = self.survey.articles_from(i) > 0;
        self.scope.has_han = self.survey.han_from(i) > 0;
        self.scope.has_brackets = self.survey.brackets_from(i) > 1;
    }

    pub fn build(mut self) -> Structure {
        let mut i = self.front();
        while i < self.survey.lines.len() {
            i = self.line(i);
        }
        self.finish()
    }

    /// Closes what is open and looks over the whole.
    pub fn finish(mut self) -> Structure {
        self.finish_block();
        self.look_for_lost_characters();
        let empty =
            self.provisions.iter().all(|p| matches!(p.kind, ProvisionKind::Title | ProvisionKind::TitleNote | ProvisionKind::Contents));
        if empty {
            self.report(DiagnosticCode::EmptyBody, self.survey.lines.last().map_or(1, |l| l.number), "仅有标题或题注".into());
        }
        self.diagnostics.sort_by_key(|d| d.line);
        Structure { provisions: self.provisions, diagnostics: self.diagnostics }
    }

    /// Takes one line, or several that belong together; answers the next.
    fn line(&mut self, i: usize) -> usize {
        if !self.survey.quoted[i] {
            self.quote_broken = false;
        }
        if self.survey.contents[i] {
            return self.contents(i);
        }
        let start = self.survey.start(i);
        if start.table {
            self.table(i);
            return i + 1;
        }
        if self.survey.signature[i] && !self.is_quoted(i) && self.scope.begun {
            return self.signature(i);
        }
        if let Some(head) = start.attachment
            && self.attachment(i, head)
        {
            return i + 1;
        }
        if let Some(head) = start.division
            && let Some(next) = self.division(i, head)
        {
            return next;
        }
        if let Some(head) = start.article
            && self.article(i, head)
        {
            return i + 1;
        }
        if let Some(marker) = start.marker
            && !self.is_quoted(i)
        {
            self.marked(i, marker);
            return i + 1;
        }
        if self.unnumbered_heading(i) {
            return i + 1;
        }
        let (text, line) = (self.survey.text(i).to_owned(), self.line_number(i));
        self.running_text(i, &text, line);
        i + 1
    }

    /// Whether a line stands inside a quotation that is to be believed.
    pub fn is_quoted(&self, i: usize) -> bool {
        self.survey.quoted[i] && !self.quote_broken
    }

    pub fn line_number(&self, i: usize) -> u32 {
        self.survey.lines.get(i).map_or(1, |l| l.number)
    }

    pub fn level(&self, i: usize) -> u8 {
        self.survey.lines.get(i).map_or(0, |l| l.level)
    }

    pub fn report(&mut self, code: DiagnosticCode, line: u32, detail: String) {
        self.diagnostics.push(Diagnostic { code, line, detail });
    }

    pub fn report_line(&mut self, code: DiagnosticCode, i: usize) {
        self.report(code, self.line_number(i), excerpt(self.survey.text(i)));
    }

    /// Adds a provision. An address that is taken gets `~2`, `~3`…; true when it was.
    pub fn push(&mut self, kind: ProvisionKind, address: String, parent: Option<usize>, line: u32) -> (usize, bool) {
        let seen = self.addresses.entry(address.clone()).or_insert(0);
        *seen += 1;
        let taken = *seen > 1;
        let address = if taken { format!("{address}~{seen}") } else { address };
        let depth = parent.and_then(|p| self.provisions.get(p)).map_or(0, |p| p.depth.saturating_add(1));
        let index = self.provisions.len();
        self.provisions.push(Provision {
            kind,
            address,
            label: String::new(),
            number: None,
            heading: String::new(),
            text: String::new(),
            parent,
            depth,
            line,
        });
        (index, taken)
    }

    /// The next running number below a prefix.
    pub fn next_number(&mut self, prefix: &str) -> u32 {
        let number = self.running.entry(prefix.to_owned()).or_insert(0);
        *number += 1;
        *number
    }

    pub fn address(&self, index: usize) -> String {
        self.provisions.get(index).map(|p| p.address.clone()).unwrap_or_default()
    }

    /// Fills the provision that was added last.
    pub fn last(&mut self) -> Option<&mut Provision> {
        self.provisions.last_mut()
    }

    /// The innermost open heading, or the attachment itself.
    pub fn parent(&self) -> Option<usize> {
        self.containers.last().map(|c| c.index).or(self.scope.root)
    }

    /// Beginning of the addresses below the innermost open heading.
    pub fn prefix(&self) -> String {
        self.containers.last().map_or_else(|| self.scope.prefix.clone(), |c| c.prefix.clone())
    }

    /// Closes headings of this rank and below.
    pub fn close_to(&mut self, rank: u8) {
        while self.containers.last().is_some_and(|c| c.rank >= rank) {
            self.containers.pop();
        }
    }

    /// Ends the open block. An article or heading unit without words still gets the paragraph that opinions and citations hang on.
    pub fn finish_block(&mut self) {
        let Some(block) = self.block.take() else { return };
        if block.kind == ProvisionKind::Article && block.paragraphs == 0 {
            let line = block.owner.and_then(|o| self.provisions.get(o)).map_or(1, |p| p.line);
            let label = block.owner.and_then(|o| self.provisions.get(o)).map(|p| p.label.clone()).unwrap_or_default();
            self.push(ProvisionKind::Paragraph, format!("{}/para-1", block.address), block.owner, line);
            if let Some(p) = self.last() {
                p.number = Some(Number::new(1));
            }
            self.report(DiagnosticCode::EmptyArticle, line, label);
        }
    }

    pub fn open_block(&mut self, kind: ProvisionKind, owner: Option<usize>, address: String) {
        self.block = Some(Block { owner, kind, address, paragraphs: 0, paragraph: None, lists: Vec::new() });
    }

    fn look_for_lost_characters(&mut self) {
        let mut found = Vec::new();
        for line in &self.survey.lines {
            let private = line.text.chars().filter(|c| markers::is_private_use(*c)).count();
            if private > 0 {
                found.push((
                    DiagnosticCode::PrivateUse,
                    line.number,
                    format!("{private}个：{}", around(&line.text, markers::is_private_use)),
                ));
            }
            if line.text.contains('\u{FFFD}') {
                found.push((DiagnosticCode::ReplacementCharacter, line.number, around(&line.text, |c| c == '\u{FFFD}')));
            }
        }
        for (code, line, detail) in found {
            self.report(code, line, detail);
        }
    }
}

/// The words around the first character of a kind.
fn around(text: &str, wanted: impl Fn(char) -> bool) -> String {
    let at = text.chars().position(wanted).unwrap_or(0);
    text.chars().skip(at.saturating_sub(10)).take(20).collect()
}

/// A heading's words: spaces that only stretch a short title (总　则) go, others become one space.
pub(super) fn tidy_heading(text: &str) -> String {
    let parts: Vec<&str> = text.split(is_layout).filter(|p| !p.is_empty()).collect();
    let stretched = parts.len() > 1 && parts.iter().all(|p| p.chars().count() == 1);
    parts.join(if stretched { "" } else { " " })
}
