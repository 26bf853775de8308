//! The words of a provision as a table quotes them, set against what the draft says. Pure.

use std::collections::HashSet;

/// How quoted words stand to the words of a provision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// The same, marks and white space aside.
    Same,
    /// A part of them, or the other way round.
    Part,
    /// Alike; how much, from 0 to 1.
    Similar(f64),
    /// Something else.
    Different,
}

/// Least likeness of pairs of characters that is called similar.
const SIMILAR: f64 = 0.5;

/// Sets quoted words against a provision.
pub fn compare(quoted: &str, provision: &str) -> Likeness {
    let (quoted, provision) = (letters(quoted), letters(provision));
    if quoted == provision {
        return Likeness::Same;
    }
    // People quote with the number and title of the article, or only the end of a sentence.
    let unnumbered = without_number(&quoted);
    if unnumbered == provision {
        return Likeness::Same;
    }
    let is_part = |a: &[char], b: &[char]| a.len() >= 4 && b.windows(a.len()).any(|window| window == a);
    if is_part(unnumbered, &provision) || is_part(&quoted, &provision) || (provision.len() >= 8 && is_part(&provision, &quoted)) {
        return Likeness::Part;
    }
    let likeness = dice(unnumbered, &provision);
    if likeness >= SIMILAR { Likeness::Similar(likeness) } else { Likeness::Different }
}

/// The index of the only text that holds the quoted words; short words prove nothing.
pub fn only_home<'a>(quoted: &str, texts: impl Iterator<Item = &'a str>) -> Option<usize> {
    let quoted = letters(quoted);
    let quoted = without_number(&quoted);
    if quoted.len() < 8 {
        return None;
    }
    let mut homes = texts.enumerate().filter(|(_, text)| {
        let text = letters(text);
        text.len() >= quoted.len() && text.windows(quoted.len()).any(|window| window == quoted)
    });
    let (home, _) = homes.next()?;
    homes.next().is_none().then_some(home)
}

/// The characters that carry meaning.
fn letters(text: &str) -> Vec<char> {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            other => other,
        })
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// Without 第十二条 at the beginning.
fn without_number(text: &[char]) -> &[char] {
    if text.first() == Some(&'第')
        && let Some(end) = text.iter().take(12).position(|c| *c == '条')
    {
        return text.get(end + 1..).unwrap_or_default();
    }
    text
}

/// Likeness of the sets of pairs of characters.
fn dice(a: &[char], b: &[char]) -> f64 {
    let pairs = |text: &[char]| text.windows(2).filter_map(|w| Some((*w.first()?, *w.get(1)?))).collect::<HashSet<_>>();
    let (a, b) = (pairs(a), pairs(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    2.0 * a.intersection(&b).count() as f64 / (a.len() + b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_are_set_against_the_provision() {
        let text = "养犬人应当为犬只佩戴犬牌，并由完全民事行为能力人用犬绳牵领。";
        assert_eq!(compare(text, text), Likeness::Same);
        assert_eq!(compare("第八条　养犬人应当为犬只佩戴犬牌, 并由完全民事行为能力人用犬绳牵领", text), Likeness::Same);
        assert_eq!(compare("由完全民事行为能力人用犬绳牵领", text), Likeness::Part);
        assert_eq!(compare("……佩戴犬牌……", text), Likeness::Part);
        assert!(matches!(compare("养犬人应为犬只佩戴犬牌，由成年人用犬绳牵领。", text), Likeness::Similar(x) if x > 0.5 && x < 1.0));
        assert_eq!(compare("经营者应当公示收费标准。", text), Likeness::Different);
        assert_eq!(only_home("由完全民事行为能力人用犬绳牵领", ["甲乙丙丁", text].into_iter()), Some(1));
        assert_eq!(only_home("由完全民事行为能力人用犬绳牵领", [text, text].into_iter()), None);
        assert_eq!(only_home("犬牌", [text].into_iter()), None);
    }
}
