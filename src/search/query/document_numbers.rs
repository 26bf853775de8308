//! Document numbers in every bracket and dash style: 惠府〔2022〕32号, HFGS—2017—9, 令第98号.

use crate::corpus::numerals::{is_numeral, parse};
use crate::search::normalise::normalise_char;

/// What the organ's code of a number without brackets ends in (惠府办2022年32号).
const CODE_ENDS: &str = "府发办函规令字文政委告复通";

/// Words of the sentence that may stand before the organ's code.
const LEAD_WORDS: [&str; 12] = ["请问", "查询", "查找", "查一下", "查", "搜索", "文号", "文件", "根据", "依据", "按照", "关于"];

/// One document number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentNumber {
    /// Organ code in normal form without spaces: 惠府, hfgs, 国务院令; may be empty.
    pub organ: String,
    /// Year, 0 when the number has none (orders).
    pub year: u32,
    /// Serial number.
    pub number: u32,
    /// Where it stands, in characters.
    pub start: usize,
    pub end: usize,
}

impl DocumentNumber {
    /// The one written form: 惠府(2022)32号, hfgs-2022-7, 国务院令98号.
    pub fn canonical(&self) -> String {
        let Self { organ, year, number, .. } = self;
        if *year == 0 {
            format!("{organ}{number}号")
        } else if organ.chars().all(|c| c.is_ascii_alphanumeric()) && !organ.is_empty() {
            format!("{organ}-{year}-{number}")
        } else {
            format!("{organ}({year}){number}号")
        }
    }
}

/// The canonical form of the first document number of a text: one form for every style of brackets, dashes and numerals, for index and query alike.
pub fn canonical_document_number(text: &str) -> Option<String> {
    first_in(text).map(|number| number.canonical())
}

/// The first document number of a text in any form.
pub(super) fn first_in(text: &str) -> Option<DocumentNumber> {
    let characters: Vec<char> = text.chars().map(normalise_char).take(400).collect();
    find(&characters, &|_| false)
}

/// The first document number among the characters that are not used for something else.
pub(super) fn find(characters: &[char], used: &dyn Fn(usize) -> bool) -> Option<DocumentNumber> {
    (0..characters.len())
        .filter(|at| !used(*at))
        .find_map(|at| coded(characters, at).or_else(|| bracketed(characters, at)).or_else(|| order(characters, at)))
}

fn is_blank(c: char) -> bool {
    c == ' '
}

fn skip_blanks(characters: &[char], mut at: usize) -> usize {
    while characters.get(at).copied().is_some_and(is_blank) {
        at += 1;
    }
    at
}

/// A number that starts at `at`, and the place after it; Chinese or Arabic digits.
fn read_number(characters: &[char], at: usize) -> Option<(u32, usize)> {
    let run = characters.get(at..)?.iter().take(10).take_while(|c| is_numeral(**c)).count();
    let text: String = characters.get(at..at + run)?.iter().collect();
    Some((parse(&text)?, at + run))
}

fn is_year(value: u32) -> bool {
    (1949..=2099).contains(&value)
}

/// hfgs-2022-7, with `at` on the first letter.
fn coded(characters: &[char], at: usize) -> Option<DocumentNumber> {
    let letter = |at: usize| characters.get(at).is_some_and(char::is_ascii_alphabetic);
    if !letter(at) || (at > 0 && letter(at - 1)) {
        return None;
    }
    let length = (at..).take_while(|at| letter(*at)).take(9).count();
    if !(2..=8).contains(&length) {
        return None;
    }
    let after_dash = |from: usize| {
        let dash = skip_blanks(characters, from);
        let mut next = dash;
        while characters.get(next) == Some(&'-') {
            next += 1;
        }
        (next > dash).then(|| skip_blanks(characters, next))
    };
    let (year, next) = read_number(characters, after_dash(at + length)?)?;
    let (number, end) = read_number(characters, after_dash(next)?)?;
    let closed = !characters.get(end).is_some_and(char::is_ascii_alphanumeric);
    (is_year(year) && closed).then(|| DocumentNumber {
        organ: characters.iter().skip(at).take(length).collect(),
        year,
        number,
        start: at,
        end,
    })
}

/// 惠府(2022)32号 and 惠府2022年32号, with `at` on the bracket or the year.
fn bracketed(characters: &[char], at: usize) -> Option<DocumentNumber> {
    let open = characters.get(at) == Some(&'(');
    let (year, mut next) = read_number(characters, if open { skip_blanks(characters, at + 1) } else { at })?;
    if !is_year(year) || (at > 0 && characters.get(at - 1).copied().is_some_and(is_numeral)) {
        return None;
    }
    next = skip_blanks(characters, next);
    if open {
        if characters.get(next) != Some(&')') {
            return None;
        }
        next += 1;
    } else if characters.get(next) == Some(&'年') {
        next += 1;
    }
    next = skip_blanks(characters, next);
    if characters.get(next) == Some(&'第') {
        next = skip_blanks(characters, next + 1);
    }
    let (number, next) = read_number(characters, next)?;
    let sign = skip_blanks(characters, next);
    let signed = characters.get(sign) == Some(&'号');
    let start = organ_start(characters, at);
    let organ: String = characters.get(start..at)?.iter().filter(|c| !is_blank(**c)).collect();
    let told = organ.chars().last().is_some_and(|end| CODE_ENDS.contains(end));
    // Without the sign or the brackets only an organ's code makes it a document number.
    if !(signed && (open || told) || open && told) {
        return None;
    }
    Some(DocumentNumber { organ, year, number, start, end: if signed { sign + 1 } else { next } })
}

/// 国务院令第98号, with `at` on 令.
fn order(characters: &[char], at: usize) -> Option<DocumentNumber> {
    if characters.get(at) != Some(&'令') {
        return None;
    }
    let mut next = skip_blanks(characters, at + 1);
    if characters.get(next) == Some(&'(') {
        return None;
    }
    let ordinal = characters.get(next) == Some(&'第');
    if ordinal {
        next = skip_blanks(characters, next + 1);
    }
    let (number, next) = read_number(characters, next)?;
    let sign = skip_blanks(characters, next);
    if characters.get(sign) != Some(&'号') {
        return None;
    }
    let start = organ_start(characters, at);
    let organ = characters.get(start..=at)?.iter().filter(|c| !is_blank(**c)).collect();
    Some(DocumentNumber { organ, year: 0, number, start, end: sign + 1 })
}

/// Where the organ's code before `at` begins: letters without a break, at most sixteen, without the words of the sentence.
fn organ_start(characters: &[char], at: usize) -> usize {
    let before = characters.get(..at).unwrap_or_default();
    let run = before.iter().rev().take(16).take_while(|c| c.is_alphabetic()).count();
    let start = at - run;
    let organ: String = before.iter().skip(start).collect();
    let lead = LEAD_WORDS
        .iter()
        .filter_map(|word| organ.rfind(word).map(|found| organ.get(..found + word.len()).map_or(0, |lead| lead.chars().count())))
        .max();
    start + lead.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_has_one_form() {
        for (written, canonical) in [
            ("惠府〔2022〕32号", "惠府(2022)32号"),
            ("惠府[2022]32号", "惠府(2022)32号"),
            ("惠府（2022）第32号", "惠府(2022)32号"),
            ("惠府【2022】 32 号", "惠府(2022)32号"),
            ("惠府〔二○二二〕三十二号", "惠府(2022)32号"),
            ("惠府［２０２２］３２號", "惠府(2022)32号"),
            ("惠府2022年32号", "惠府(2022)32号"),
            ("惠府〔2022〕32", "惠府(2022)32号"),
            ("查惠府〔2022〕32号文件", "惠府(2022)32号"),
            ("〔2022〕32号", "(2022)32号"),
            ("HFGS-2022-7", "hfgs-2022-7"),
            ("HFGS—2017—9", "hfgs-2017-9"),
            ("HFGS——2017——9", "hfgs-2017-9"),
            ("ＨＦＧＳ－２０１７－９", "hfgs-2017-9"),
            ("令98号", "令98号"),
            ("令第98号", "令98号"),
            ("令第九十八号", "令98号"),
            ("国务院令第 98 号", "国务院令98号"),
        ] {
            assert_eq!(canonical_document_number(written).as_deref(), Some(canonical), "{written}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "第98号",
            "2022年",
            "责令限期改正",
            "2020-2035年",
            "命令三个人",
            "12345政务服务便民热线条例",
            "HFGS",
            "",
            "(2022)",
            "令",
            "宪法修正案(2018年)",
            "a-1-1",
        ] {
            assert_eq!(canonical_document_number(text), None, "{text}");
        }
    }
}
