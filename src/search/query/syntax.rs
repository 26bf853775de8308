//! What a person writes on purpose: phrases in quotes and words to leave out.

/// Phrases and exclusions of a query, and which of its characters they took.
pub(super) struct Syntax {
    pub phrases: Vec<String>,
    pub excluded: Vec<String>,
    pub used: Vec<bool>,
}

/// Reads the operators of a query in normal form: "phrase", -word, -"phrase", 不含:word, NOT word. An unclosed quote is a plain mark.
pub(super) fn read(characters: &[char]) -> Syntax {
    let mut syntax = Syntax { phrases: Vec::new(), excluded: Vec::new(), used: vec![false; characters.len()] };
    let mut at = 0;
    while at < characters.len() {
        let starts = at == 0 || characters.get(at - 1) == Some(&' ');
        if let Some(operator) = exclusion(characters, at).filter(|_| starts) {
            let from = at + operator;
            let (word, end) = quoted(characters, from).unwrap_or_else(|| word(characters, from));
            if !word.is_empty() {
                syntax.mark(at, end);
                syntax.excluded.push(word);
                at = end;
                continue;
            }
        }
        if let Some((phrase, end)) = quoted(characters, at) {
            syntax.mark(at, end);
            if !phrase.is_empty() {
                syntax.phrases.push(phrase);
            }
            at = end;
            continue;
        }
        if characters.get(at) == Some(&'"') {
            syntax.mark(at, at + 1);
        }
        at += 1;
    }
    syntax
}

impl Syntax {
    fn mark(&mut self, start: usize, end: usize) {
        self.used.iter_mut().take(end).skip(start).for_each(|used| *used = true);
    }
}

/// Length of an exclusion operator at `at`.
fn exclusion(characters: &[char], at: usize) -> Option<usize> {
    let rest = characters.get(at..)?;
    match rest {
        ['-', next, ..] if !matches!(next, ' ' | '-') => Some(1),
        ['不', '含', ':', ..] => Some(3),
        ['n', 'o', 't', ' ', next, ..] if *next != ' ' => Some(4),
        _ => None,
    }
}

/// A phrase in quotes that begins at `at`, without the quotes, and the place after it.
fn quoted(characters: &[char], at: usize) -> Option<(String, usize)> {
    if characters.get(at) != Some(&'"') {
        return None;
    }
    let length = characters.get(at + 1..)?.iter().position(|c| *c == '"')?;
    let phrase: String = characters.get(at + 1..at + 1 + length)?.iter().collect();
    Some((phrase.trim().to_owned(), at + length + 2))
}

fn word(characters: &[char], at: usize) -> (String, usize) {
    let at = at + characters.iter().skip(at).take_while(|c| **c == ' ').count();
    let length = characters.iter().skip(at).take_while(|c| !matches!(c, ' ' | '"')).count();
    (characters.iter().skip(at).take(length).collect(), at + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::normalise::normalise;

    #[test]
    fn reads_phrases_and_exclusions() {
        for (query, phrases, excluded, rest) in [
            ("“饮用水源” 保护", vec!["饮用水源"], vec![], " 保护"),
            ("「饮用水源」保护", vec!["饮用水源"], vec![], "保护"),
            ("\"饮用水\" \"水源\"", vec!["饮用水", "水源"], vec![], " "),
            ("养犬 -收费", vec![], vec!["收费"], "养犬 "),
            ("养犬 －收费 －登记", vec![], vec!["收费", "登记"], "养犬  "),
            ("养犬 不含：收费", vec![], vec!["收费"], "养犬 "),
            ("养犬 NOT 收费", vec![], vec!["收费"], "养犬 "),
            ("养犬 -“收 费”", vec![], vec!["收 费"], "养犬 "),
            ("HFGS-2022-7", vec![], vec![], "hfgs-2022-7"),
            ("2020—2035年", vec![], vec![], "2020-2035年"),
            ("甲\"乙", vec![], vec![], "甲乙"),
            ("\"\"", vec![], vec![], ""),
            ("-", vec![], vec![], "-"),
            ("不含:", vec![], vec![], "不含:"),
        ] {
            let characters: Vec<char> = normalise(query).chars().collect();
            let syntax = read(&characters);
            let left: String = characters.iter().zip(&syntax.used).filter(|(_, used)| !**used).map(|(c, _)| *c).collect();
            assert_eq!(
                (syntax.phrases, syntax.excluded, left.as_str()),
                (phrases.into_iter().map(String::from).collect(), excluded.into_iter().map(String::from).collect(), rest),
                "{query}"
            );
        }
    }
}
