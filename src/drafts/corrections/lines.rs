//! What a correction does to the lines of a text. Pure.

use serde::{Deserialize, Serialize};

use super::{Correction, CorrectionAct};
use crate::corpus::structure::typed::{self, LineKind, TypedLine};
use crate::corpus::structure::{Diagnostic, DiagnosticCode, Structure};
use crate::drafts::versions;
use crate::error::{Code, Error, Result};

/// Longest line, in characters; real paragraphs stay below two thousand.
pub const LINE_CHARACTERS: usize = 20_000;
/// Most lines of a text; the longest code has about four thousand.
const LINES: usize = 20_000;

/// What the parser noted about a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Number of the diagnostic.
    pub code: String,
    /// What exactly.
    pub detail: String,
}

/// A line as corrections keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLine {
    /// What it is.
    pub kind: LineKind,
    /// Its words.
    pub text: String,
    /// What was noted when it was read.
    pub notes: Vec<Note>,
}

/// What a change of the lines takes away and puts in.
pub struct Splice {
    /// First line concerned, from 0.
    pub at: usize,
    /// Lines taken away.
    pub removed: Vec<KeptLine>,
    /// Lines put in.
    pub inserted: Vec<KeptLine>,
}

impl Splice {
    /// The shortest change from one sequence of lines to another.
    pub fn between(old: &[KeptLine], new: &[KeptLine]) -> Splice {
        let at = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let (old_rest, new_rest) = (old.get(at..).unwrap_or_default(), new.get(at..).unwrap_or_default());
        let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
        let kept = |rest: &[KeptLine]| rest.get(..rest.len() - tail).unwrap_or_default().to_vec();
        Splice { at, removed: kept(old_rest), inserted: kept(new_rest) }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.inserted.is_empty()
    }

    /// Where a line stands afterwards; `None` when it is gone.
    pub fn follow(&self, line: usize) -> Option<usize> {
        if line < self.at {
            return Some(line);
        }
        match line.checked_sub(self.at + self.removed.len()) {
            Some(behind) => Some(self.at + self.inserted.len() + behind),
            None => self.inserted.len().checked_sub(1).map(|last| self.at + (line - self.at).min(last)),
        }
    }
}

/// Whether a stored diagnostic is about the reading of a line.
pub fn is_about_reading(code: &str) -> bool {
    DiagnosticCode::ALL.iter().any(|known| known.as_str() == code && known.is_about_reading())
}

/// Builds the tree of lines, and gives the lines back in their normal form with their notes.
pub fn rebuild(wanted: &[KeptLine]) -> Result<(Structure, Vec<KeptLine>)> {
    let typed_lines = |lines: &[KeptLine]| -> Vec<TypedLine> {
        lines.iter().map(|line| TypedLine { kind: line.kind, text: line.text.clone() }).collect()
    };
    let raw = typed::build(&typed_lines(wanted));
    if !versions::has_words(&raw) {
        return Err(Error::new(Code::Conflict, "草案至少要有一段正文，不能全部删去。"));
    }
    let mut seen = None;
    let normal: Vec<KeptLine> = typed::lines_of(&raw.provisions)
        .into_iter()
        .map(|(line, held)| {
            let from = raw.provisions.get(held.start).map(|p| p.line);
            // Notes stay with the first of the lines that one became.
            let notes =
                if from == seen { None } else { from.and_then(|n| wanted.get((n as usize).saturating_sub(1))).map(|l| l.notes.clone()) };
            seen = from;
            KeptLine { kind: line.kind, text: line.text, notes: notes.unwrap_or_default() }
        })
        .collect();
    let mut text = typed::build(&typed_lines(&normal));
    for (line, number) in normal.iter().zip(1u32..) {
        for note in &line.notes {
            if let Some(code) = DiagnosticCode::ALL.iter().find(|code| code.as_str() == note.code) {
                text.diagnostics.push(Diagnostic { code: *code, line: number, detail: note.detail.clone() });
            }
        }
    }
    text.diagnostics.sort_by_key(|d| d.line);
    Ok((text, normal))
}

/// The lines after a correction. Pure.
pub fn apply(old: &[KeptLine], correction: Correction) -> Result<(CorrectionAct, Vec<KeptLine>)> {
    let mut lines = old.to_vec();
    let place = |line: usize| -> Result<usize> {
        let at = line.checked_sub(1).filter(|at| *at < old.len());
        at.ok_or_else(|| Error::invalid("line", format!("没有第 {line} 行，文本共 {} 行。", old.len())))
    };
    let act = match correction {
        Correction::Edit { line, kind, text } => {
            let at = place(line)?;
            let parts = parts(kind, &text)?;
            let act = if parts.len() > 1 { CorrectionAct::Split } else { CorrectionAct::Edit };
            lines.splice(at..=at, parts);
            act
        }
        Correction::Split { line, at: characters } => {
            let at = place(line)?;
            let Some(whole) = old.get(at) else { return Err(Error::defect("a line vanished")) };
            let cut = whole.text.char_indices().nth(characters).map(|(byte, _)| byte).filter(|byte| *byte > 0);
            let (head, tail) = cut
                .and_then(|byte| Some((whole.text.get(..byte)?, whole.text.get(byte..)?)))
                .filter(|(head, tail)| !head.trim().is_empty() && !tail.trim().is_empty())
                .ok_or_else(|| Error::invalid("at", "请在这一行的文字中间选择拆分的位置。"))?;
            let tail = TypedLine::clean(LineKind::Paragraph, tail);
            let kind = TypedLine::likely(&tail, whole.kind);
            lines.splice(at..=at, [checked(whole.kind, head)?, checked(kind, &tail)?]);
            CorrectionAct::Split
        }
        Correction::Join { line } => {
            let at = place(line)?;
            let (Some(before), Some(this)) = (at.checked_sub(1).and_then(|i| old.get(i)), old.get(at)) else {
                return Err(Error::invalid("line", "第一行前面没有可以合并的行。"));
            };
            let is_bare = before.kind == LineKind::Article && typed::is_bare_label(&before.text);
            let joint = if before.kind.keeps_breaks() {
                "\n"
            } else if is_bare {
                "　"
            } else {
                ""
            };
            let joined = checked(before.kind, &format!("{}{joint}{}", before.text, this.text))?;
            lines.splice(at - 1..=at, [joined]);
            CorrectionAct::Join
        }
        Correction::Insert { after, kind, text } => {
            if after > old.len() {
                return Err(Error::invalid("line", format!("没有第 {after} 行，文本共 {} 行。", old.len())));
            }
            lines.splice(after..after, parts(kind, &text)?);
            CorrectionAct::Insert
        }
        Correction::Remove { line } => {
            lines.remove(place(line)?);
            CorrectionAct::Remove
        }
        Correction::Accept { line } => {
            let at = place(line)?;
            if let Some(line) = lines.get_mut(at) {
                line.notes.clear();
            }
            CorrectionAct::Accept
        }
    };
    if lines.len() > LINES {
        return Err(Error::new(Code::TooLarge, format!("一份草案最多 {LINES} 行。")));
    }
    Ok((act, lines))
}

/// The lines that typed words make: the first is what was said, the others what they most likely are.
fn parts(kind: LineKind, text: &str) -> Result<Vec<KeptLine>> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if kind.keeps_breaks() {
        return Ok(vec![checked(kind, &text)?]);
    }
    let mut made: Vec<KeptLine> = Vec::new();
    for piece in text.split('\n') {
        let piece = TypedLine::clean(LineKind::Paragraph, piece);
        if piece.is_empty() {
            continue;
        }
        let kind = made.last().map_or(kind, |before| TypedLine::likely(&piece, before.kind));
        made.push(checked(kind, &piece)?);
    }
    if made.is_empty() {
        return Err(Error::invalid("text", "请写上这一行的文字；不需要这一行时请用“删除”。"));
    }
    Ok(made)
}

/// A line of clean words that may be what it is said to be.
fn checked(kind: LineKind, text: &str) -> Result<KeptLine> {
    let text = TypedLine::clean(kind, text);
    if text.is_empty() {
        return Err(Error::invalid("text", "请写上这一行的文字；不需要这一行时请用“删除”。"));
    }
    if text.chars().count() > LINE_CHARACTERS {
        return Err(Error::invalid("text", format!("一行不超过 {LINE_CHARACTERS} 个字，请分成几行。")));
    }
    let line = TypedLine { kind, text };
    match line.problem() {
        Some(problem) => Err(Error::invalid("kind", problem)),
        None => Ok(KeptLine { kind, text: line.text, notes: Vec::new() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: LineKind, text: &str) -> KeptLine {
        KeptLine { kind, text: text.into(), notes: Vec::new() }
    }

    fn text() -> Vec<KeptLine> {
        let note = Note { code: "D09".into(), detail: "第三条所称".into() };
        vec![
            kept(LineKind::Title, "示例办法"),
            kept(LineKind::Article, "第一条　为了方便市民。"),
            KeptLine {
                notes: vec![note], ..kept(LineKind::Paragraph, "第三条所称经营者，是指企业。第二条　依法经营。")
            },
        ]
    }

    fn said(lines: &[KeptLine]) -> Vec<(LineKind, &str)> {
        lines.iter().map(|line| (line.kind, line.text.as_str())).collect()
    }

    #[test]
    fn lines_are_split_joined_retyped_inserted_and_removed() {
        use LineKind::*;
        let old = text();
        let (act, split) = apply(&old, Correction::Split { line: 3, at: 14 }).unwrap();
        assert_eq!((act, said(&split)[3]), (CorrectionAct::Split, (Article, "第二条　依法经营。")));
        let (_, again) = apply(
            &old,
            Correction::Edit {
                line: 3, kind: Paragraph, text: "第三条所称经营者，是指企业。\r\n\r\n第二条　依法经营。".into()
            },
        )
        .unwrap();
        assert_eq!(again, split);
        let (_, joined) = apply(&split, Correction::Join { line: 4 }).unwrap();
        assert_eq!(said(&joined), said(&old));
        let (_, bare) = apply(&[kept(Article, "第一条"), kept(Paragraph, "为了。")], Correction::Join { line: 2 }).unwrap();
        assert_eq!(said(&bare), [(Article, "第一条　为了。")]);
        let (_, inserted) = apply(&old, Correction::Insert { after: 0, kind: TitleNote, text: "甲\n乙".into() }).unwrap();
        assert_eq!(said(&inserted)[0], (TitleNote, "甲\n乙"));
        let (_, removed) = apply(&old, Correction::Remove { line: 1 }).unwrap();
        assert_eq!(removed.len(), 2);
        let (_, accepted) = apply(&old, Correction::Accept { line: 3 }).unwrap();
        assert!(accepted[2].notes.is_empty() && said(&accepted) == said(&old));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let old = text();
        for (correction, field) in [
            (Correction::Remove { line: 0 }, "line"),
            (Correction::Remove { line: 9 }, "line"),
            (Correction::Join { line: 1 }, "line"),
            (Correction::Split { line: 2, at: 0 }, "at"),
            (Correction::Split { line: 2, at: 900 }, "at"),
            (Correction::Edit { line: 2, kind: LineKind::Paragraph, text: " \n".into() }, "text"),
            (Correction::Edit { line: 2, kind: LineKind::Chapter, text: "总则".into() }, "kind"),
            (Correction::Insert { after: 4, kind: LineKind::Text, text: "甲".into() }, "line"),
        ] {
            let error = apply(&old, correction).map(drop).unwrap_err();
            assert_eq!(error.fields[0].field, field);
        }
        assert_eq!(rebuild(&[kept(LineKind::Title, "示例办法")]).map(drop).unwrap_err().code, Code::Conflict);
    }

    #[test]
    fn a_change_is_the_shortest_one_and_lines_are_followed_through_it() {
        let old = text();
        let (_, wanted) = apply(&old, Correction::Split { line: 3, at: 14 }).unwrap();
        let (built, new) = rebuild(&wanted).unwrap();
        let splice = Splice::between(&old, &new);
        assert_eq!((splice.at, splice.removed.len(), splice.inserted.len()), (2, 1, 2));
        assert_eq!((splice.follow(1), splice.follow(2), splice.follow(3)), (Some(1), Some(2), Some(4)));
        assert!(built.provisions.iter().any(|p| p.address == "art-2/para-1"));
        let (_, fewer) = apply(&new, Correction::Remove { line: 4 }).unwrap();
        assert_eq!(Splice::between(&new, &fewer).follow(3), None);
        assert!(Splice::between(&old, &old).is_empty());
    }
}
