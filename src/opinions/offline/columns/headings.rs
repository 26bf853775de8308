//! What a heading says.

use super::wordings::{PARTS, WORDINGS};
use super::{Field, HEADING};

/// What a heading says; `None` when nobody knows it.
pub fn field_of(heading: &str) -> Option<Field> {
    let name = bare(heading);
    if name.is_empty() || name.chars().count() > HEADING {
        return None;
    }
    let whole = WORDINGS.iter().find(|(_, words)| words.contains(&name.as_str()));
    if let Some((field, _)) = whole {
        return Some(*field);
    }
    // A longer wording carries its meaning in a part; much longer words are a sentence.
    if name.chars().count() > 18 {
        return None;
    }
    PARTS.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(field, _)| *field)
}

/// A heading without what does not matter: width, case, spaces, marks, remarks in brackets, 的 at its end.
pub fn bare(heading: &str) -> String {
    let mut depth = 0usize;
    let mut kept = String::new();
    let mut inside = String::new();
    for c in heading.chars().map(narrow) {
        match c {
            '(' | '[' | '【' | '〔' | '〈' | '《' => depth += 1,
            ')' | ']' | '】' | '〕' | '〉' | '》' => depth = depth.saturating_sub(1),
            c if c.is_alphanumeric() || c == '.' => {
                let target = if depth == 0 { &mut kept } else { &mut inside };
                target.extend(c.to_lowercase());
            }
            _ => {}
        }
    }
    // (序号): everything stands in brackets.
    if kept.is_empty() { inside } else { kept }
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}
