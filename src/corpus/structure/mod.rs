//! text → 编章节条款项 tree. Pure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a node of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionKind { Title, TitleNote, Contents, Preamble, Part, SubPart, Chapter, Section, Article, Paragraph, Item, SubItem, Heading, Text, Attachment, Table, Signature }

impl ProvisionKind {
    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        use ProvisionKind::*;
        match self { Title => "title", TitleNote => "title_note", Contents => "contents", Preamble => "preamble", Part => "part", SubPart => "sub_part", Chapter => "chapter", Section => "section", Article => "article", Paragraph => "paragraph", Item => "item", SubItem => "sub_item", Heading => "heading", Text => "text", Attachment => "attachment", Table => "table", Signature => "signature" }
    }
}

impl FromStr for ProvisionKind {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        use ProvisionKind::*;
        [Title, TitleNote, Contents, Preamble, Part, SubPart, Chapter, Section, Article, Paragraph, Item, SubItem, Heading, Text, Attachment, Table, Signature].into_iter().find(|k| k.as_str() == s).ok_or(())
    }
}

/// 第二十条之一 = {20, 1}; `sub` 0 = none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number { pub main: u32, pub sub: u32 }

/// A node.
#[derive(Clone, Debug)]
pub struct Provision { pub kind: ProvisionKind, pub address: String, pub label: String, pub number: Option<Number>, pub heading: String, pub text: String, pub parent: Option<usize>, pub depth: u8, pub line: u32 }

/// Code of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagnosticCode(pub &'static str);
impl DiagnosticCode { pub fn as_str(self) -> &'static str { self.0 } }

/// What the parser was not sure of.
#[derive(Clone, Debug)]
pub struct Diagnostic { pub code: DiagnosticCode, pub line: u32, pub detail: String }

/// A parsed text.
#[derive(Clone, Debug, Default)]
pub struct Structure { pub provisions: Vec<Provision>, pub diagnostics: Vec<Diagnostic> }
