//! Two wordings, compared by characters and cut so that a person can read it. Pure.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::text_enum;

text_enum! {
    /// What became of a piece of words.
    Change {
        /// In both.
        Equal = "equal", "相同";
        /// Only in the older text.
        Deleted = "deleted", "删除";
        /// Only in the newer text.
        Inserted = "inserted", "增加";
    }
}

/// A piece of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What became of it.
    pub change: Change,
    /// The words.
    pub text: String,
}

/// Two wordings longer than this together, in characters, are compared line by line.
const MOST_CHARACTERS: usize = 20_000;
/// Equal words of so few characters between two changes are not shown as equal: they would only chop the sentence.
const TINY: usize = 2;
/// Equal words of so few characters are not either, when the changes on both sides are at least as long.
const SMALL: usize = 4;
/// With less than this share of equal words the two are shown one after the other.
const LEAST_EQUAL: f64 = 0.2;

/// Longest time that [`compare_characters`] may look for the shortest difference; after it the difference is right, and longer than it need be.
const COMPARING: Duration = Duration::from_millis(200);

/// How one wording becomes another, character by character, nothing joined: for words that a stranger sent, so within a time.
pub fn compare_characters(old: &str, new: &str) -> Vec<Piece> {
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    cut(&a, &b, |chars| chars.iter().collect(), Instant::now().checked_add(COMPARING))
}

/// Cuts two wordings where they differ. The pieces that are not inserted make the older one, those that are not deleted the newer one.
pub fn compare_words(old: &str, new: &str) -> Vec<Piece> {
    if old == new {
        return vec![Piece { change: Change::Equal, text: old.to_owned() }];
    }
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    if a.len() + b.len() > MOST_CHARACTERS {
        let (a, b): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
        return pieces_of(steps_of(cut(&a, &b, |parts| parts.concat(), None)));
    }
    let steps = grouped(steps_of(cut(&a, &b, |chars| chars.iter().collect(), None)));
    let equal: usize = steps.iter().map(|step| step.equal.chars().count()).sum();
    if (equal as f64) < LEAST_EQUAL * a.len().min(b.len()) as f64 {
        return pieces_of(vec![Step { deleted: old.to_owned(), inserted: new.to_owned(), equal: String::new() }]);
    }
    pieces_of(steps)
}

/// Cuts two lists where they differ; neighbours of one kind are one piece.
fn cut<T: Eq + std::hash::Hash>(a: &[T], b: &[T], join: impl Fn(&[T]) -> String, deadline: Option<Instant>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let part = |list: &[T], from: usize, len: usize| list.get(from..from + len).map(&join).unwrap_or_default();
    let mut add = |change: Change, text: String| match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.change == change => last.text.push_str(&text),
        _ => pieces.push(Piece { change, text }),
    };
    for op in capture_diff_slices_deadline(Algorithm::Myers, a, b, deadline) {
        match op {
            DiffOp::Equal { old_index, len, .. } => add(Change::Equal, part(a, old_index, len)),
            DiffOp::Delete { old_index, old_len, .. } => add(Change::Deleted, part(a, old_index, old_len)),
            DiffOp::Insert { new_index, new_len, .. } => add(Change::Inserted, part(b, new_index, new_len)),
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                add(Change::Deleted, part(a, old_index, old_len));
                add(Change::Inserted, part(b, new_index, new_len));
            }
        }
    }
    pieces
}

/// A change and the equal words after it.
#[derive(Debug, Default)]
struct Step {
    deleted: String,
    inserted: String,
    equal: String,
}

/// Each change with the equal words after it.
fn steps_of(pieces: Vec<Piece>) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![Step::default()];
    for piece in pieces {
        if piece.change != Change::Equal && steps.last().is_some_and(|step| !step.equal.is_empty()) {
            steps.push(Step::default());
        }
        if let Some(step) = steps.last_mut() {
            let side = match piece.change {
                Change::Equal => &mut step.equal,
                Change::Deleted => &mut step.deleted,
                Change::Inserted => &mut step.inserted,
            };
            side.push_str(&piece.text);
        }
    }
    steps
}

/// Joins changes that are only a few characters apart.
fn grouped(steps: Vec<Step>) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    for step in steps {
        let size = |step: &Step| step.deleted.chars().count().max(step.inserted.chars().count());
        let is_near = joined.last().is_some_and(|before| {
            let between = before.equal.chars().count();
            let is_change = size(before) > 0 && size(&step) > 0;
            let is_small = between <= TINY || (between <= SMALL && between <= size(before) && between <= size(&step));
            is_change && is_small && !before.equal.contains('\n')
        });
        match joined.last_mut() {
            Some(before) if is_near => {
                let between = std::mem::take(&mut before.equal);
                before.deleted.push_str(&between);
                before.deleted.push_str(&step.deleted);
                before.inserted.push_str(&between);
                before.inserted.push_str(&step.inserted);
                before.equal = step.equal;
            }
            _ => joined.push(step),
        }
    }
    joined
}

fn pieces_of(steps: Vec<Step>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for step in steps {
        for (change, text) in [(Change::Deleted, step.deleted), (Change::Inserted, step.inserted), (Change::Equal, step.equal)] {
            if !text.is_empty() {
                pieces.push(Piece { change, text });
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `[-deleted-]{+inserted+}`
    fn shown(old: &str, new: &str) -> String {
        compare_words(old, new)
            .into_iter()
            .map(|piece| match piece.change {
                Change::Equal => piece.text,
                Change::Deleted => format!("[-{}-]", piece.text),
                Change::Inserted => format!("{{+{}+}}", piece.text),
            })
            .collect()
    }

    #[test]
    fn changes_are_grouped_for_a_reader() {
        for (old, new, expected) in [
            ("伞具干净、完好。", "伞具干净、完好。", "伞具干净、完好。"),
            ("应当在三日内退还押金。", "应当在七日内退还押金。", "应当在[-三-]{+七+}日内退还押金。"),
            ("经营者不得收集通讯录。", "经营者不得强制收集通讯录、相册。", "经营者不得{+强制+}收集通讯录{+、相册+}。"),
            // One character in common between two changes would only chop it.
            ("由城市管理局负责。", "由街道办事处负责。", "由[-城市管理局-]{+街道办事处+}负责。"),
            ("甲乙丙", "", "[-甲乙丙-]"),
            ("", "甲", "{+甲+}"),
        ] {
            assert_eq!(shown(old, new), expected);
        }
        let (old, new) = ("投放点不得占用盲道。", "本办法自公布之日起施行。");
        assert_eq!(compare_words(old, new).len(), 2, "nothing in common: one after the other");
    }

    #[test]
    fn a_difference_is_shown_by_characters() {
        let pieces = compare_characters("二十四小时内归还", "四十八小时内归还");
        let of = |wanted: &[Change]| -> String { pieces.iter().filter(|p| wanted.contains(&p.change)).map(|p| p.text.as_str()).collect() };
        assert_eq!(of(&[Change::Equal, Change::Deleted]), "二十四小时内归还");
        assert_eq!(of(&[Change::Equal, Change::Inserted]), "四十八小时内归还");
        assert!(of(&[Change::Equal]).contains("小时内归还"));
        // Nothing is joined for reading, and an empty side is no piece.
        assert_eq!(compare_characters("由城市管理局负责。", "由街道办事处负责。").first().map(|p| p.text.as_str()), Some("由"));
        assert_eq!(compare_characters("", "甲"), [Piece { change: Change::Inserted, text: "甲".into() }]);
        assert!(compare_characters("", "").is_empty());
    }

    #[test]
    fn long_texts_are_compared_by_lines() {
        let old: String = (0..3_000).map(|n| format!("第{n}行的文字\n")).collect();
        let new = old.replace("第7行的文字\n", "第7行的新文字\n");
        let pieces = compare_words(&old, &new);
        assert_eq!(
            pieces.iter().filter(|p| p.change != Change::Equal).map(|p| p.text.as_str()).collect::<Vec<_>>(),
            ["第7行的文字\n", "第7行的新文字\n"]
        );
    }

    proptest! {
        #[test]
        fn both_wordings_come_back_whole(old in "[甲乙丙丁，。\n]{0,40}", new in "[甲乙丙丁，。\n]{0,40}") {
            let pieces = compare_words(&old, &new);
            let side = |left_out: Change| pieces.iter().filter(|p| p.change != left_out).map(|p| p.text.as_str()).collect::<String>();
            prop_assert_eq!(side(Change::Inserted), old);
            prop_assert_eq!(side(Change::Deleted), new);
        }
    }
}
