//! One normal form for both sides of a match: what the index holds and what a person types.
//!
//! Pure. Every character becomes exactly one character, so an offset in the normal form is the same offset (counted in characters) in the
//! original text and highlights never drift. Width, traditional and variant characters, letter case, and the many kinds of brackets,
//! quotes, dashes and spaces are unified. Numerals keep their characters; [`numerals`] finds them, so that 第二十条, 第20条 and 第２０条 are one
//! token on both sides. The character pairs live in `search-index/characters.tsv`.

use std::sync::LazyLock;

use crate::corpus::numerals::{digit, is_numeral, parse};

/// Rises whenever any function of this file answers differently: an index built under another version must be rebuilt.
pub const NORMALISER_VERSION: u32 = 1;

/// The character pairs of `search-index/characters.tsv`.
const PAIRS: &str = include_str!("../../search-index/characters.tsv");

/// Size of the basic multilingual plane; the rare characters above it go through [`SUPPLEMENT`].
const PLANE: usize = 0x1_0000;

/// Direct table for the basic plane: 256 KiB, filled once.
static TABLE: LazyLock<Box<[char]>> = LazyLock::new(|| {
    let mut table: Box<[char]> = (0..PLANE as u32).map(|code| char::from_u32(code).map_or('\u{fffd}', without_pairs)).collect();
    for (from, to) in pairs() {
        if let Some(slot) = table.get_mut(from as usize) {
            *slot = to;
        }
    }
    table
});

/// Pairs whose written form lies above the basic plane, sorted by it.
static SUPPLEMENT: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut above: Vec<_> = pairs().filter(|(from, _)| *from as usize >= PLANE).collect();
    above.sort_unstable();
    above
});

fn pairs() -> impl Iterator<Item = (char, char)> {
    PAIRS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (from, to) = line.split_once('\t')?;
        Some((from.chars().next()?, to.chars().next()?))
    })
}

/// The normal form of one character.
pub fn normalise_char(c: char) -> char {
    match TABLE.get(c as usize) {
        Some(normal) => *normal,
        None => SUPPLEMENT.binary_search_by_key(&c, |(from, _)| *from).ok().and_then(|at| SUPPLEMENT.get(at)).map_or(c, |(_, to)| *to),
    }
}

/// The normal form of a text: as many characters as the text has.
pub fn normalise(text: &str) -> String {
    text.chars().map(normalise_char).collect()
}

/// Width, case, punctuation and spaces: everything but the pairs of the data file.
fn without_pairs(c: char) -> char {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    match narrow {
        // Spaces of every width, line ends, and the marks that have no width at all.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => ' ',
        space if space.is_whitespace() || space.is_control() => ' ',
        // Round, square, tortoise-shell and black lenticular brackets set off the same things (〔2022〕, [2022], 【2022】).
        '[' | '{' | '〔' | '【' | '〖' | '〘' | '〚' | '⦅' | '⟦' | '⟨' | '﹙' | '﹝' | '﹛' | '︵' | '︹' | '︻' => '(',
        ']' | '}' | '〕' | '】' | '〗' | '〙' | '〛' | '⦆' | '⟧' | '⟩' | '﹚' | '﹞' | '﹜' | '︶' | '︺' | '︼' => ')',
        '<' | '〈' | '«' | '‹' | '﹤' | '︽' | '︿' => '《',
        '>' | '〉' | '»' | '›' | '﹥' | '︾' | '﹀' => '》',
        '“' | '”' | '„' | '‟' | '「' | '」' | '『' | '』' | '〝' | '〞' | '〟' | '｢' | '｣' | '﹁' | '﹂' | '﹃' | '﹄' => {
            '"'
        }
        '‘' | '’' | '‚' | '‛' | '`' | '´' | '′' => '\'',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '─' | '━' | '﹘' | '﹣' | '⁃' | '﹉' => '-',
        '〜' | '∼' | '～' => '~',
        '•' | '‧' | '∙' | '⋅' | '・' | '･' | '﹒' => '·',
        '﹐' => ',',
        '､' | '﹑' => '、',
        '｡' => '。',
        '﹔' => ';',
        '﹕' => ':',
        '﹖' => '?',
        '﹗' => '!',
        letter => {
            let mut lower = letter.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => one,
                _ => letter,
            }
        }
    }
}

/// A number found in a text: characters `start..end` read as `value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numeral {
    /// First character of the numeral, counted in characters.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// What it says: 20 for 二十, 20, ２０ and 二〇.
    pub value: u32,
}

/// What may follow a lone Chinese numeral so that it counts something: 三年, 五倍, 一次. Without it 一 is more often part of a word (一般, 统一).
const COUNTED: &str = "条款项章节编目号年月日天时分秒个人名户次倍元周岁级等种类件份辆头只吨米亩里公平厘毫毛角度层间处座套台批期届轮方步";

/// Characters after which a numeral is the tail of a word: 统一, 万一, 星期一 keeps its day.
const WORD_HEADS: &str = "统唯专划单逐进同均惟";

/// The numbers of a text, in order, never overlapping, all digits forms equal: 二十 = 20 = ２０ = 二〇.
///
/// Give it the normal form (see [`normalise`]); the plain text works as well and has the same offsets. Digits always count. Chinese
/// numerals count after 第 and 条之, when they hold a unit or a zero beside another numeral (二十, 三百, 二〇一〇), when four or more stand together, or when one
/// is followed by what it counts (三年). A run too long to be a number (an identity number, a telephone number) is left as text. What
/// separates the same numeral on both sides is only its own neighbourhood, so a tokenizer may replace each with its value.
pub fn numerals(text: &str) -> Vec<Numeral> {
    let characters: Vec<char> = text.chars().collect();
    numerals_of(&characters)
}

/// [`numerals`] of a text already split into characters.
pub fn numerals_of(characters: &[char]) -> Vec<Numeral> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(c) = characters.get(start) {
        if !is_numeral(*c) {
            start += 1;
            continue;
        }
        let length = characters[start..].iter().take_while(|c| is_numeral(**c)).count();
        let end = start + length;
        let before = &characters[start.saturating_sub(2)..start];
        if let Some(value) = read_run(&characters[start..end], before, characters.get(end).copied()) {
            found.push(Numeral { start, end, value });
        }
        start = end;
    }
    found
}

/// Reads one run of numeral characters; `before` holds up to two characters that stand in front of it.
fn read_run(run: &[char], before: &[char], after: Option<char>) -> Option<u32> {
    // Far above any number that parses; saves reading a line of a million digits twice.
    if run.len() > 16 {
        return None;
    }
    let has_digit = run.iter().any(|c| matches!(c, '0'..='9' | '０'..='９'));
    let ordinal = matches!(before, [.., '第' | '笫'] | ['条' | '條', '之']);
    let joined = run.len() > 1 && run.iter().any(|c| digit(*c).is_none() || digit(*c) == Some(0));
    let counted = after.is_some_and(|c| COUNTED.contains(c)) && !before.last().is_some_and(|c| WORD_HEADS.contains(*c));
    // 〇 may stand as a bullet or a mask (某○○); two circles are no number; 万一 means "in case".
    let masked = run.iter().all(|c| matches!(c, '○' | '◯' | '〇'));
    if masked || run == ['万', '一'] || !(has_digit || ordinal || joined || counted || run.len() >= 4) {
        return None;
    }
    let text: String = run.iter().collect();
    parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<u32> {
        numerals(&normalise(text)).into_iter().map(|n| n.value).collect()
    }

    #[test]
    fn unifies_width_script_case_and_punctuation() {
        for (written, searched) in [
            ("民法典１０２４条", "民法典1024条"),
            ("勞動合同法", "劳动合同法"),
            ("個人信息保護與數據安全", "个人信息保护与数据安全"),
            ("惠府〔2022〕32号", "惠府(2022)32号"),
            ("惠府［２０２２］３２號", "惠府(2022)32号"),
            ("惠府【2022】32号", "惠府(2022)32号"),
            ("HFGS—2017—9", "hfgs-2017-9"),
            ("ＨＦＧＳ－2017－9", "hfgs-2017-9"),
            ("《城市供水条例》", "《城市供水条例》"),
            ("<城市供水条例>", "《城市供水条例》"),
            ("“饮用水”「饮用水」＂饮用水＂", "\"饮用水\"\"饮用水\"\"饮用水\""),
            ("第\u{3000}十\u{a0}条\t甲", "第 十 条 甲"),
            ("⼀、⼭林", "一、山林"),
            ("笫五条", "第五条"),
            ("著作权覆盖藉口什么", "著作权覆盖藉口什么"),
        ] {
            assert_eq!(normalise(written), searched, "{written}");
        }
    }

    #[test]
    fn every_character_becomes_one_and_stays() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let once = normalise_char(c);
            assert_eq!(normalise_char(once), once, "{c:?} {once:?}");
        }
    }

    #[test]
    fn the_table_agrees_with_the_published_conversion() {
        // Characters that the conversion changes although they are standard simplified ones, with 妳 and 鉅, which it takes for rare others.
        let deliberate = "么仝宁彷摺榜爿琊疋皙砦著薰藉覆麴榘甯妳鉅綵訢";
        for c in (0x4e00..=0x9fff).filter_map(char::from_u32) {
            let converted = character_converter::traditional_to_simplified(&c.to_string()).into_owned();
            if deliberate.contains(c) || converted.starts_with(c) {
                continue;
            }
            let twice = character_converter::traditional_to_simplified(&converted).into_owned();
            let normal = normalise_char(c).to_string();
            assert!(normal == converted || normal == twice || normal == normalise(&converted), "{c} {normal} {converted}");
        }
    }

    #[test]
    fn numerals_of_every_form_are_one_number() {
        for (text, expected) in [
            ("第二十条第２０条第20条第二〇条第廿条", vec![20, 20, 20, 20, 20]),
            ("第一百零三条之一、第103条之1", vec![103, 1, 103, 1]),
            ("第三款第3款", vec![3, 3]),
            ("处三年以上十年以下，3年、10年", vec![3, 10, 3, 10]),
            ("罚款五万元、5万元、50000元", vec![50_000, 50_000, 50_000]),
            ("二○二二年二〇二二年2022年", vec![2022, 2022, 2022]),
            ("一般规定，统一管理，一律不得，万一", vec![]),
            ("三五成群", vec![]),
            ("电话13800000000", vec![]),
            ("被告人某○○", vec![]),
            ("统一年度标准", vec![]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn numerals_say_where_they_stand() {
        assert_eq!(numerals("甲第二十条"), [Numeral { start: 2, end: 4, value: 20 }]);
    }
}
