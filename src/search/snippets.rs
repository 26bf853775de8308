//! Snippets: the part of a text around its best matches, cut into plain and highlighted runs. Pure.
//!
//! The text is never escaped here and never cut inside a character; whoever shows it escapes each run.

use std::collections::HashSet;

use super::analysis::{is_matter, segments};
use super::normalise::{normalise_char, numerals_of};
use super::request::Segment;

/// Length of a snippet, in characters.
const LENGTH: usize = 140;

/// How far a window moves to begin after a punctuation mark, in characters.
const SLACK: usize = 24;

/// The characters of a text that match, given the bigrams (`养犬`) and numerals (`#20…`) of a query.
fn matches(text: &[char], terms: &HashSet<&str>) -> Vec<bool> {
    let normal: Vec<char> = text.iter().map(|c| normalise_char(*c)).collect();
    let mut marked = vec![false; text.len()];
    // Places of the characters that are not white space: pairs may stand across a line end.
    let places: Vec<usize> = (0..normal.len()).filter(|i| !normal[*i].is_whitespace()).collect();
    let single: HashSet<char> = terms.iter().filter(|t| t.chars().count() == 1).filter_map(|t| t.chars().next()).collect();
    for (i, &place) in places.iter().enumerate() {
        if single.contains(&normal[place]) {
            marked[place] = true;
        }
        if let Some(&next) = places.get(i + 1)
            && is_matter(normal[place])
            && is_matter(normal[next])
        {
            let pair: String = [normal[place], normal[next]].iter().collect();
            if terms.contains(pair.as_str()) {
                marked[place] = true;
                marked[next] = true;
            }
        }
    }
    drop_crossing_pairs(text, &places, &mut marked);
    let values: HashSet<u32> = terms
        .iter()
        .filter_map(|t| t.strip_prefix('#'))
        .filter_map(|t| t.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok())
        .collect();
    if !values.is_empty() {
        for numeral in numerals_of(&normal) {
            if values.contains(&numeral.value) {
                marked[numeral.start..numeral.end].fill(true);
            }
        }
    }
    marked
}

/// Unmarks pairs that only cross the words of the text: 民法 in 人民法院, 02 in 2021. A longer run is a phrase and stays.
fn drop_crossing_pairs(text: &[char], places: &[usize], marked: &mut [bool]) {
    if !marked.contains(&true) {
        return;
    }
    let words = segments(&text.iter().collect::<String>());
    let starts: HashSet<usize> = words.iter().map(|word| word.start).collect();
    let ends: HashSet<usize> = words.iter().map(|word| word.end).collect();
    let mut i = 0;
    while i < places.len() {
        let run = places[i..].iter().take_while(|place| marked[**place]).count();
        if run == 2 && !starts.contains(&i) && !ends.contains(&(i + 2)) {
            marked[places[i]] = false;
            marked[places[i + 1]] = false;
        }
        i += run.max(1);
    }
}

/// A snippet of `text` for a query with these terms; the beginning of the text when nothing matches.
pub(super) fn snippet(text: &str, terms: &[(String, f32)], least_weight: f32) -> Vec<Segment> {
    let characters: Vec<char> = text.chars().collect();
    let chosen: HashSet<&str> = terms.iter().filter(|(_, weight)| *weight >= least_weight).map(|(term, _)| term.as_str()).collect();
    let marked = matches(&characters, &chosen);
    let (start, end) = window(&characters, &marked);
    let mut segments: Vec<Segment> = Vec::new();
    let mut push = |text: &str, is_highlighted: bool| match segments.last_mut() {
        Some(last) if last.is_highlighted == is_highlighted => last.text.push_str(text),
        _ => segments.push(Segment { text: text.to_owned(), is_highlighted }),
    };
    if start > 0 {
        push("…", false);
    }
    let mut buffer = [0; 4];
    for (c, is_highlighted) in characters[start..end].iter().zip(&marked[start..end]) {
        push(c.encode_utf8(&mut buffer), *is_highlighted);
    }
    if end < characters.len() {
        push("…", false);
    }
    segments
}

/// The window with most matching characters; the earliest of equals, begun after a punctuation mark where one is near.
fn window(characters: &[char], marked: &[bool]) -> (usize, usize) {
    if characters.len() <= LENGTH + SLACK {
        return (0, characters.len());
    }
    let mut inside = marked.iter().take(LENGTH).filter(|m| **m).count();
    let (mut best, mut most) = (0, inside);
    for start in 1..=characters.len() - LENGTH {
        inside = inside + usize::from(marked[start + LENGTH - 1]) - usize::from(marked[start - 1]);
        if inside > most {
            (best, most) = (start, inside);
        }
    }
    // What matches stands at the end of the earliest best window: move on so that its surroundings show on both sides.
    let first = (best..best + LENGTH).find(|i| marked[*i]).unwrap_or(best);
    best = first.saturating_sub(SLACK).clamp(best.min(characters.len() - LENGTH), characters.len() - LENGTH);
    let floor = best.saturating_sub(SLACK);
    let start =
        (floor..best).rev().find(|i| "。；：\n！？".contains(characters[*i])).map(|i| i + 1).unwrap_or(if floor == 0 { 0 } else { best });
    // Never begin with a mark that belongs to the character before it.
    let start = (start..best + 1).find(|i| !is_combining(characters[*i])).unwrap_or(start);
    (start, (start + LENGTH).min(characters.len()))
}

/// Whether a character only changes the one before it (combining marks, variation selectors).
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, terms: &[&str]) -> Vec<Segment> {
        snippet(text, &terms.iter().map(|t| (t.to_string(), 1.0)).collect::<Vec<_>>(), 0.0)
    }

    #[test]
    fn text_stays_as_it_is_and_matches_are_marked() {
        let segments = of("养犬<b>人</b>应当&lt;登記", &["养犬", "登记"]);
        assert_eq!(segments.iter().map(|s| s.text.as_str()).collect::<String>(), "养犬<b>人</b>应当&lt;登記");
        assert_eq!(segments.iter().filter(|s| s.is_highlighted).map(|s| s.text.as_str()).collect::<Vec<_>>(), ["养犬", "登記"]);
    }

    #[test]
    fn the_window_shows_the_matches_of_a_long_text() {
        let text = format!("{}。携犬出户应当束犬链。{}", "其他规定".repeat(100), "另行规定".repeat(100));
        let segments = of(&text, &["携犬", "犬链"]);
        assert!(segments.iter().any(|s| s.is_highlighted && s.text == "携犬"));
        assert!(segments.iter().any(|s| s.is_highlighted && s.text == "犬链"));
        assert!(segments.iter().map(|s| s.text.chars().count()).sum::<usize>() <= LENGTH + 2);
        assert!(segments[0].text.starts_with('…') && segments[segments.len() - 1].text.ends_with('…'));
    }

    #[test]
    fn numerals_are_marked_in_every_form() {
        let segments = of("应当在二十日内办理", &["#20日"]);
        assert!(segments.iter().any(|s| s.is_highlighted && s.text == "二十"));
    }

    #[test]
    fn a_pair_across_two_words_is_no_match() {
        let marked = |text: &str, terms: &[&str]| -> Vec<String> {
            of(text, terms).into_iter().filter(|s| s.is_highlighted).map(|s| s.text).collect()
        };
        assert_eq!(marked("人民法院适用民法典", &["民法", "法典"]), ["民法典"]);
        assert!(marked("自2021年起", &["02"]).is_empty());
        assert_eq!(marked("动物饲养人应当赔偿", &["动物", "饲养"]), ["动物饲养"]);
    }

    #[test]
    fn any_text_has_a_snippet() {
        for text in ["", "𠮷", "a\u{301}", "，", &"𠮷\u{fe00}".repeat(500)] {
            of(text, &["养犬", "#7"]);
        }
    }
}
