//! Typed lines: a tree written down as lines, each with what it is, and the tree built again from them.
//!
//! A person who corrects a text says what a line is; nothing is guessed about it any more. `parse` guesses once, [`lines_of`] writes its tree down,
//! [`build`] makes the tree of the lines with the same additions that `parse` uses, so that addresses and numbers follow the same rules.
//! `lines_of(build(lines))` is the normal form of `lines`; of a normal form it gives the very same lines.

use std::borrow::Cow;
use std::ops::Range;

use super::diagnostics::{Diagnostic, DiagnosticCode};
use super::lines::{Line, is_invisible, is_layout};
use super::markers::{self, Division};
use super::survey::Survey;
use super::tree::{Builder, tidy_heading};
use super::{Provision, ProvisionKind, Structure};
use crate::corpus::numerals;
use crate::text_enum;

text_enum! {
    /// What a line of a text is, as a person says it.
    LineKind {
        /// 标题
        Title = "title", "标题";
        /// Who adopted it, when.
        TitleNote = "title_note", "题注";
        /// 目录, all its lines.
        Contents = "contents", "目录";
        /// 序言: its heading, or a paragraph of it.
        Preamble = "preamble", "序言";
        /// 编
        Part = "part", "编";
        /// 分编
        SubPart = "sub_part", "分编";
        /// 章
        Chapter = "chapter", "章";
        /// 节
        Section = "section", "节";
        /// 条 with its first paragraph.
        Article = "article", "条";
        /// A further paragraph.
        Paragraph = "paragraph", "款";
        /// 项 or 目: the style of the marker tells the depth.
        Item = "item", "项、目";
        /// A heading 一、 of a text without articles, or one without a number.
        Heading = "heading", "小标题";
        /// 一、 with its first paragraph.
        Unit = "unit", "分项段落";
        /// Words outside any article.
        Text = "text", "其他文字";
        /// 附件
        Attachment = "attachment", "附件";
        /// A table, one row a line.
        Table = "table", "表格";
        /// 落款
        Signature = "signature", "落款";
    }
}

impl LineKind {
    /// Whether a line break inside it belongs to it rather than to two lines.
    pub fn keeps_breaks(self) -> bool {
        matches!(self, LineKind::TitleNote | LineKind::Contents | LineKind::Table | LineKind::Signature)
    }

    fn division(self) -> Option<Division> {
        match self {
            LineKind::Part => Some(Division::Part),
            LineKind::SubPart => Some(Division::SubPart),
            LineKind::Chapter => Some(Division::Chapter),
            LineKind::Section => Some(Division::Section),
            _ => None,
        }
    }
}

/// A line and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// What it is.
    pub kind: LineKind,
    /// Its words, marker included.
    pub text: String,
}

impl TypedLine {
    /// Why the words cannot be what the line is said to be, as one sentence; `None` when they can.
    pub fn problem(&self) -> Option<String> {
        let text = self.text.as_str();
        let label = self.kind.label();
        match self.kind {
            LineKind::Article if markers::article_head(text).is_none() => {
                Some("条应当以“第几条”开头。请先在文字前补上条号，再改为条。".into())
            }
            LineKind::Part | LineKind::SubPart | LineKind::Chapter | LineKind::Section => match markers::division_head(text) {
                Some(head) if Some(head.division) == self.kind.division() => None,
                _ => Some(format!("{label}的标题应当以“第几{label}”开头。请先补上编号；没有编号的标题请选“小标题”。")),
            },
            LineKind::Item if markers::list_marker(text).is_none() => {
                Some("项应当以“（一）”这样的编号开头，目应当以“1.”这样的编号开头。请先补上编号。".into())
            }
            LineKind::Unit if markers::list_marker(text).is_none() => Some("分项段落应当以“一、”这样的编号开头。请先补上编号。".into()),
            LineKind::Attachment if markers::attachment_head(text).is_none() => {
                Some("附件应当以“附件”“附件1”这样的字样开头。请先补上。".into())
            }
            _ => None,
        }
    }

    /// What a line that was cut off another, or put after it, most likely is.
    pub fn likely(text: &str, after: LineKind) -> LineKind {
        if markers::article_head(text).is_some_and(|h| !h.doubtful && !h.reference && !h.unlikely) {
            return LineKind::Article;
        }
        if let Some(head) = markers::division_head(text).filter(|h| !h.sentence) {
            return match head.division {
                Division::Part => LineKind::Part,
                Division::SubPart => LineKind::SubPart,
                Division::Chapter => LineKind::Chapter,
                Division::Section => LineKind::Section,
            };
        }
        if markers::attachment_head(text).is_some() {
            return LineKind::Attachment;
        }
        if let Some(marker) = markers::list_marker(text) {
            let is_unit = marker.style == markers::MarkerStyle::Han && matches!(after, LineKind::Unit | LineKind::Heading);
            return if is_unit { LineKind::Unit } else { LineKind::Item };
        }
        match after {
            LineKind::Title | LineKind::TitleNote => LineKind::TitleNote,
            LineKind::Preamble | LineKind::Text | LineKind::Signature => after,
            _ => LineKind::Paragraph,
        }
    }

    /// Words as a line may hold them: no invisible characters, no layout at either end, no line break unless the kind keeps them.
    pub fn clean(kind: LineKind, text: &str) -> String {
        let visible: String = text.chars().filter(|c| *c == '\n' || !is_invisible(*c)).collect();
        if !kind.keeps_breaks() {
            return visible.trim_matches(is_layout).to_owned();
        }
        visible.lines().map(|l| l.trim_matches(is_layout)).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

impl DiagnosticCode {
    /// Whether it tells how a line was read, so that it is settled once a person has looked at the line. All others are found again in every text
    /// that [`build`] makes.
    pub fn is_about_reading(self) -> bool {
        use DiagnosticCode::*;
        matches!(
            self,
            RunOnArticle
                | HeadingInParagraph
                | WrappedHeading
                | WrappedLine
                | ReferenceAtLineStart
                | QuotedHeading
                | UnnumberedHeading
                | UntitledContents
                | RunOnItems
                | RepeatedTitle
        )
    }
}

/// Writes a tree down as typed lines, each with the provisions (as indices) that it holds.
pub fn lines_of(provisions: &[Provision]) -> Vec<(TypedLine, Range<usize>)> {
    let mut lines = Vec::new();
    let mut i = 0;
    while let Some(p) = provisions.get(i) {
        let first = i;
        i += 1;
        let own_paragraph = provisions.get(i).filter(|next| next.kind == ProvisionKind::Paragraph && next.parent == Some(first));
        let parent = p.parent.and_then(|at| provisions.get(at)).map(|p| p.kind);
        let (kind, text) = match p.kind {
            ProvisionKind::Title => (LineKind::Title, p.text.clone()),
            ProvisionKind::TitleNote => (LineKind::TitleNote, p.text.clone()),
            ProvisionKind::Contents => (LineKind::Contents, p.text.clone()),
            ProvisionKind::Preamble => (LineKind::Preamble, p.heading.clone()),
            ProvisionKind::Part => (LineKind::Part, spaced(&p.label, &p.heading)),
            ProvisionKind::SubPart => (LineKind::SubPart, spaced(&p.label, &p.heading)),
            ProvisionKind::Chapter => (LineKind::Chapter, spaced(&p.label, &p.heading)),
            ProvisionKind::Section => (LineKind::Section, spaced(&p.label, &p.heading)),
            ProvisionKind::Article => {
                let words = own_paragraph.map_or("", |p| p.text.as_str());
                i += usize::from(own_paragraph.is_some());
                (LineKind::Article, spaced(&format!("{}{}", p.label, p.heading), words))
            }
            ProvisionKind::Paragraph if p.text.is_empty() => continue,
            ProvisionKind::Paragraph if parent == Some(ProvisionKind::Preamble) => (LineKind::Preamble, p.text.clone()),
            ProvisionKind::Paragraph => (LineKind::Paragraph, p.text.clone()),
            ProvisionKind::Item | ProvisionKind::SubItem => (LineKind::Item, marked(&p.label, &p.text)),
            ProvisionKind::Heading => match own_paragraph.filter(|_| !p.label.is_empty() && p.heading.is_empty()) {
                Some(paragraph) => {
                    i += 1;
                    (LineKind::Unit, marked(&p.label, &paragraph.text))
                }
                None => (LineKind::Heading, marked(&p.label, &p.heading)),
            },
            ProvisionKind::Text => (LineKind::Text, p.text.clone()),
            ProvisionKind::Attachment if p.label.ends_with(['：', ':']) => (LineKind::Attachment, format!("{}{}", p.label, p.heading)),
            ProvisionKind::Attachment => (LineKind::Attachment, spaced(&p.label, &p.heading)),
            ProvisionKind::Table => (LineKind::Table, p.text.clone()),
            ProvisionKind::Signature => (LineKind::Signature, p.text.clone()),
        };
        if !text.is_empty() {
            lines.push((TypedLine { kind, text }, first..i));
        }
    }
    lines
}

/// Whether the line of an article holds its number and nothing else.
pub fn is_bare_label(text: &str) -> bool {
    markers::article_head(text).is_some_and(|head| head.spacing == markers::Spacing::Alone)
}

/// A marker and the words after it, apart as print sets them.
fn spaced(label: &str, words: &str) -> String {
    if label.is_empty() || words.is_empty() { format!("{label}{words}") } else { format!("{label}　{words}") }
}

/// A list marker and its words; apart where they would read as one number.
fn marked(label: &str, words: &str) -> String {
    if words.starts_with(numerals::is_numeral) && !label.ends_with(['）', ')']) { spaced(label, words) } else { format!("{label}{words}") }
}

/// Builds the tree of typed lines. Takes any lines: one whose words cannot be what it is said to be becomes text. The line of a provision and of
/// a diagnostic is the place of the typed line, from 1.
pub fn build(lines: &[TypedLine]) -> Structure {
    let numbered = lines.iter().zip(1u32..).map(|(line, number)| Line { number, level: 0, text: Cow::Borrowed(line.text.as_str()) });
    let mut diagnostics = Vec::new();
    if !lines.is_empty() && !lines.iter().any(|line| line.kind == LineKind::Title) {
        diagnostics.push(Diagnostic { code: DiagnosticCode::NoTitle, line: 1, detail: String::new() });
    }
    let survey = Survey::of_typed(numbered.collect(), |i| lines.get(i).map(|line| line.kind), &mut diagnostics);
    let mut builder = Builder::new(survey, diagnostics);
    for (i, line) in lines.iter().enumerate() {
        builder.typed_line(i, line);
    }
    builder.finish()
}

impl Builder<'_> {
    fn typed_line(&mut self, i: usize, line: &TypedLine) {
        let number = self.line_number(i);
        let start = self.survey.start(i);
        match line.kind {
            LineKind::Title => {
                self.push(ProvisionKind::Title, "title".into(), None, number);
                self.fill(tidy_heading(&line.text));
            }
            LineKind::TitleNote => {
                self.push(ProvisionKind::TitleNote, "title-note".into(), None, number);
                self.fill(line.text.clone());
            }
            LineKind::Contents => self.add_contents(line.text.clone(), number),
            LineKind::Preamble => self.preamble_line(i, line, number),
            LineKind::Part | LineKind::SubPart | LineKind::Chapter | LineKind::Section => match start.division {
                Some(head) => {
                    let heading = tidy_heading(line.text.get(head.end..).unwrap_or_default());
                    self.add_division(i, head, heading);
                }
                None => self.loose(i, line, number),
            },
            LineKind::Article => match start.article {
                Some(head) => {
                    self.resumes_main_text(i, head);
                    self.add_article(i, head);
                }
                None => self.loose(i, line, number),
            },
            LineKind::Item => match start.marker {
                Some(marker) => self.item(i, &line.text, marker),
                None => self.loose(i, line, number),
            },
            LineKind::Unit | LineKind::Heading => match start.marker {
                Some(marker) => self.list_heading(i, marker, &line.text, line.kind == LineKind::Heading),
                None if line.kind == LineKind::Unit => self.loose(i, line, number),
                None => self.add_unnumbered_heading(i, tidy_heading(&line.text)),
            },
            LineKind::Paragraph => {
                if self.block.is_none() && self.scope.root.is_some() && self.containers.is_empty() {
                    let root = self.scope.root;
                    let address = root.map(|root| self.address(root)).unwrap_or_default();
                    self.open_block(ProvisionKind::Attachment, root, address);
                }
                if self.block.is_none() {
                    return self.loose(i, line, number);
                }
                self.scope.begun = true;
                self.paragraph(&line.text, number);
            }
            LineKind::Text => self.loose(i, line, number),
            LineKind::Attachment => match start.attachment {
                Some(head) => self.add_attachment(i, head),
                None => self.loose(i, line, number),
            },
            LineKind::Table => {
                self.scope.begun = true;
                self.add_table(line.text.clone(), number);
            }
            LineKind::Signature => self.add_signature(line.text.clone(), number),
        }
    }

    fn fill(&mut self, text: String) {
        if let Some(p) = self.last() {
            p.text = text;
        }
    }

    fn preamble_line(&mut self, i: usize, line: &TypedLine, number: u32) {
        let is_open = self.block.as_ref().is_some_and(|b| b.kind == ProvisionKind::Preamble);
        if !is_open {
            self.finish_block();
            let heading = if markers::is_preamble_title(&line.text) { tidy_heading(&line.text) } else { String::new() };
            let is_heading = !heading.is_empty();
            self.preamble(i, heading);
            if is_heading {
                return;
            }
        }
        self.paragraph(&line.text, number);
    }

    /// Words outside any article.
    fn loose(&mut self, i: usize, line: &TypedLine, number: u32) {
        if self.block.as_ref().is_none_or(|b| b.kind != ProvisionKind::Text) {
            self.finish_block();
            if self.scope.has_articles && !self.containers.is_empty() {
                self.report_line(DiagnosticCode::TextOutsideArticles, i);
            }
            self.open_block(ProvisionKind::Text, self.parent(), self.scope.prefix.clone());
        }
        self.scope.begun = true;
        self.paragraph(&line.text, number);
    }
}

/// What the parser said about single lines of a file, with the line numbers of the typed lines instead: only what is about the reading.
pub fn reading_notes(parsed: &Structure, lines: &[(TypedLine, Range<usize>)]) -> Vec<Diagnostic> {
    let starts: Vec<u32> = lines.iter().map(|(_, held)| parsed.provisions.get(held.start).map_or(0, |p| p.line)).collect();
    let place = |line: u32| {
        let exact = starts.partition_point(|start| *start < line);
        if starts.get(exact) == Some(&line) { exact + 1 } else { exact.max(1) }
    };
    let about = parsed.diagnostics.iter().filter(|d| d.code.is_about_reading());
    about.map(|d| Diagnostic { line: u32::try_from(place(d.line)).unwrap_or(u32::MAX), ..d.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{DiagnosticCode, parse};
    use super::*;

    fn line(kind: LineKind, text: &str) -> TypedLine {
        TypedLine { kind, text: text.into() }
    }

    fn addresses(lines: &[TypedLine]) -> Vec<String> {
        build(lines).provisions.into_iter().map(|p| p.address).collect()
    }

    #[test]
    fn a_tree_is_written_down_and_built_again() {
        let text = "示例市共享雨伞管理办法\n（2026年3月2日示例市人民政府公布）\n第一章 总则\n第一条 为了方便市民，制定本办法。\n第二条 经营者应当：\n（一）保持干净；\n1. 每日清洗；\n（二）公布收费。\n经营者不得收集通讯录。\n第二章 附则\n第三条 （一）施行日期另定。\n附件：雨伞样式\n样式如图。\n|甲|乙|\n|丙|丁|\n";
        let parsed = parse(text);
        let lines: Vec<TypedLine> = lines_of(&parsed.provisions).into_iter().map(|(line, _)| line).collect();
        let built = build(&lines);
        let said =
            |s: &Structure| s.provisions.iter().map(|p| (p.address.clone(), p.label.clone(), p.text.clone(), p.parent)).collect::<Vec<_>>();
        assert_eq!(said(&built), said(&parsed), "{lines:?}");
        assert!(lines.contains(&line(LineKind::Article, "第二条　经营者应当：")));
        assert!(lines.contains(&line(LineKind::Item, "1.每日清洗；")));
        assert!(lines.contains(&line(LineKind::Table, "|甲|乙|\n|丙|丁|")));
    }

    #[test]
    fn what_a_person_says_of_a_line_is_believed() {
        use LineKind::*;
        let lines = [
            line(Title, "示例办法"),
            line(Article, "第一条　依照前款。"),
            line(Article, "第三条的规定适用于外地。"),
            line(Article, "第二条　另有规定的除外。"),
        ];
        assert_eq!(addresses(&lines), ["title", "art-1", "art-1/para-1", "art-3", "art-3/para-1", "art-2", "art-2/para-1"]);
        let mut corrected = lines.to_vec();
        corrected[2].kind = Paragraph;
        assert_eq!(addresses(&corrected), ["title", "art-1", "art-1/para-1", "art-1/para-2", "art-2", "art-2/para-1"]);
        assert!(build(&corrected).diagnostics.is_empty(), "{:?}", build(&corrected).diagnostics);
        assert!(build(&lines).diagnostics.iter().any(|d| d.code == DiagnosticCode::MissingNumber && d.line == 3));
    }

    #[test]
    fn words_that_cannot_be_what_they_are_said_to_be_stay_text() {
        use LineKind::*;
        for (kind, text) in
            [(Article, "没有条号"), (Chapter, "第一节　一般规定"), (Item, "没有编号"), (Unit, "没有编号"), (Attachment, "样式")]
        {
            assert!(line(kind, text).problem().is_some(), "{kind:?}");
            let built = build(&[line(kind, text)]);
            assert_eq!(built.words(), text.replace('　', ""), "{kind:?}");
        }
        assert!(line(Chapter, "第一章　总则").problem().is_none() && line(Item, "（一）甲").problem().is_none());
        assert_eq!(build(&[line(Paragraph, "")]).words(), "");
        assert!(build(&[]).diagnostics.iter().all(|d| d.code == DiagnosticCode::EmptyBody));
    }

    #[test]
    fn notes_of_the_reading_find_their_lines() {
        let parsed = parse(
            "示例办法\n\n第一条 为了方便市民出行。第二条 本办法所称雨伞，是指共享雨伞。\n第三条所称经营者，是指企业。\n第三条 依法经营。\n",
        );
        let lines = lines_of(&parsed.provisions);
        let notes = reading_notes(&parsed, &lines);
        let text = |n: usize| lines[n - 1].0.text.clone();
        let found: Vec<(&str, String)> = notes.iter().map(|d| (d.code.as_str(), text(d.line as usize))).collect();
        assert!(found.iter().any(|(code, at)| *code == "D05" && at.starts_with("第一条")), "{found:?}");
        assert!(found.iter().any(|(code, at)| *code == "D09" && at.starts_with("第三条所称")), "{found:?}");
    }

    #[test]
    fn a_line_is_guessed_by_how_it_begins() {
        use LineKind::*;
        for (text, after, expected) in [
            ("第五条　依法。", Paragraph, Article),
            ("第五条所称单位", Article, Paragraph),
            ("第二章　附则", Item, Chapter),
            ("（二）乙", Article, Item),
            ("二、乙", Unit, Unit),
            ("附件1", Article, Attachment),
            ("自公布之日起施行。", Article, Paragraph),
            ("甲日通过", Title, TitleNote),
        ] {
            assert_eq!(TypedLine::likely(text, after), expected, "{text}");
        }
        assert_eq!(TypedLine::clean(Paragraph, " \u{200b}甲\0乙　"), "甲乙");
        assert_eq!(TypedLine::clean(Table, "|甲|\r\n\n |乙| "), "|甲|\n|乙|");
    }
}
