//! Recognising how a line begins: 第…条, 第…章, （一）, 1., 附件, a table row, a date. Each looks at one line and at nothing else.

use super::Number;
use super::lines::{compact, is_layout};
use crate::corpus::numerals;

/// Longest numeral read, in characters; a legal number is far shorter.
const NUMERAL_MAX: usize = 16;

/// How an article's number stands to its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Layout follows the number, as in print.
    Spaced,
    /// The number stands alone on its line.
    Alone,
    /// A bracket with the article's own heading follows.
    Bracket,
    /// Words follow at once.
    Tight,
}

/// The beginning 第…条 of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArticleHead {
    pub number: Number,
    /// Length of the label in bytes.
    pub end: usize,
    pub spacing: Spacing,
    /// Spelt in a way that only the sequence of numbers can confirm (no 第, or no 条).
    pub doubtful: bool,
    /// Spelt oddly.
    pub odd: bool,
    /// What follows can only be the rest of a reference (第三条、第四条; without a space also 第三条所称…).
    pub reference: bool,
    /// What follows may be the rest of a reference; the sequence of numbers decides.
    pub unlikely: bool,
}

/// A cursor over characters with byte positions.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    fn eat(&mut self, accepted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.peek().filter(|c| accepted(*c))?;
        self.at += c.len_utf8();
        Some(c)
    }
    fn skip_layout(&mut self) {
        while self.eat(is_layout).is_some() {}
    }
    /// A numeral, layout within allowed; and whether it is spelt oddly (a dash for 一, a letter O for 〇).
    fn numeral(&mut self) -> Option<(u32, bool)> {
        let (mut digits, mut odd, mut taken) = (String::new(), false, 0);
        let mut end = self.at;
        while taken < NUMERAL_MAX {
            let Some(c) = self.eat(|c| numerals::is_numeral(c) || is_layout(c) || matches!(c, '－' | '-' | '—' | '–' | 'ー' | 'O' | 'o'))
            else {
                break;
            };
            if is_layout(c) {
                continue;
            }
            let plain = numerals::is_numeral(c);
            odd |= !plain;
            digits.push(match c {
                _ if plain => c,
                'O' | 'o' => '〇',
                _ => '一',
            });
            taken += 1;
            end = self.at;
        }
        self.at = end;
        let value = numerals::parse(&digits)?;
        // A dash counts as 一 only inside a numeral, never alone or between figures.
        if odd && (digits.chars().count() < 2 || digits.chars().any(|c| c.is_ascii_digit())) {
            return None;
        }
        Some((value, odd))
    }
}

/// Whether what follows a number reads like the rest of a reference.
fn continues_reference(rest: &str) -> bool {
    let rest = rest.trim_start_matches(is_layout);
    if let Some(after) = rest.strip_prefix('第') {
        let after = after.trim_start_matches(|c| numerals::is_numeral(c) || is_layout(c));
        return after.starts_with(['款', '项', '条', '章', '节', '目']);
    }
    if let Some(after) = rest.strip_prefix('中') {
        return after.starts_with(['“', '‘', '的', '，', '、', '所', '有']) || after.starts_with("规定");
    }
    rest.starts_with([
        '、', '，', '。', '；', '：', ',', ';', '》', '〉', '”', '’', '）', ')', '的', '之', '和', '与', '及', '或', '至', '款', '项',
    ]) || ["所称", "所列", "所指", "所规", "所述", "规定", "以外", "以及", "关于"].iter().any(|w| rest.starts_with(w))
}

/// 第…条, 第…条之…, also with odd spelling. The caller decides by the sequence of numbers whether it is a heading.
pub(super) fn article_head(text: &str) -> Option<ArticleHead> {
    let mut cursor = Cursor { text, at: 0 };
    let mut doubtful = false;
    let mut odd = false;
    match cursor.eat(|c| matches!(c, '第' | '笫' | '苐' | '弟')) {
        Some(c) => odd |= c != '第',
        None => doubtful = true,
    }
    cursor.skip_layout();
    let (main, spelt_oddly) = cursor.numeral()?;
    odd |= spelt_oddly;
    let after_numeral = cursor.at;
    cursor.skip_layout();
    if cursor.eat(|c| matches!(c, '条' | '條')).is_none() {
        // 第五十四 清算组…: the word 条 was lost. Only a space can tell.
        if doubtful || after_numeral == cursor.at || main == 0 {
            return None;
        }
        return Some(ArticleHead {
            number: Number::new(main),
            end: after_numeral,
            spacing: Spacing::Spaced,
            doubtful: true,
            odd: true,
            reference: false,
            unlikely: false,
        });
    }
    let mut number = Number::new(main);
    let mark = cursor.at;
    cursor.skip_layout();
    if cursor.eat(|c| c == '之').is_some() {
        cursor.skip_layout();
        match cursor.numeral() {
            Some((sub, _)) if (1..100).contains(&sub) => number.sub = sub,
            _ => cursor.at = mark,
        }
    } else {
        cursor.at = mark;
    }
    if cursor.rest().starts_with("条") && cursor.rest().chars().nth(1).is_some_and(is_layout) {
        cursor.at += '条'.len_utf8();
        odd = true;
    }
    let spacing = match cursor.peek() {
        None => Spacing::Alone,
        Some(c) if is_layout(c) => Spacing::Spaced,
        Some('【' | '（' | '(' | '〔' | '[') => Spacing::Bracket,
        Some(_) => Spacing::Tight,
    };
    if doubtful && spacing != Spacing::Spaced {
        return None;
    }
    let unlikely = continues_reference(cursor.rest());
    let cut_off = cursor.rest().trim_start_matches(is_layout).starts_with(['、', '，', '。', '；', '》', '〉', '”', '至']);
    let reference = if spacing == Spacing::Spaced { cut_off } else { unlikely };
    Some(ArticleHead { number, end: cursor.at, spacing, doubtful, odd: odd || doubtful, reference, unlikely })
}

/// The levels above the article, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Division {
    Part,
    SubPart,
    Chapter,
    Section,
}

/// The beginning 第…编, 第…章 of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DivisionHead {
    pub division: Division,
    pub number: u32,
    pub end: usize,
    pub odd: bool,
    /// What follows reads like a sentence, so that the line is a reference unless it is marked as a heading.
    pub sentence: bool,
}

/// 第…编, 第…分编, 第…章, 第…节, 第…篇, 第…部分.
pub(super) fn division_head(text: &str) -> Option<DivisionHead> {
    let mut cursor = Cursor { text, at: 0 };
    let first = cursor.eat(|c| matches!(c, '第' | '笫' | '苐'))?;
    cursor.skip_layout();
    let (number, spelt_oddly) = cursor.numeral()?;
    cursor.skip_layout();
    let (division, word) = [
        (Division::SubPart, "分编"),
        (Division::Part, "部分"),
        (Division::Part, "编"),
        (Division::Part, "編"),
        (Division::Part, "篇"),
        (Division::Chapter, "章"),
        (Division::Section, "节"),
        (Division::Section, "節"),
    ]
    .into_iter()
    .find(|(_, word)| cursor.rest().starts_with(word))?;
    cursor.at += word.len();
    let rest = cursor.rest();
    let spaced = rest.chars().next().is_none_or(is_layout);
    let title = rest.trim_matches(is_layout);
    let sentence = title.chars().count() > 40
        || title.ends_with(['。', '；', '：', '，', ';', ':'])
        || title.contains('。')
        || (!spaced && continues_reference(rest))
        || (word == "部分" && !spaced && !title.is_empty());
    Some(DivisionHead { division, number, end: cursor.at, odd: first != '第' || spelt_oddly, sentence })
}

/// Ways of marking a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MarkerStyle {
    /// 一、
    Han,
    /// （一）
    HanBracket,
    /// 1.
    Figure,
    /// （1） or 1）
    FigureBracket,
    /// ①
    Circle,
    /// a)
    Letter,
    /// 5.10.4, a numbered clause of a technical standard.
    Decimal,
}

/// The marker at the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub style: MarkerStyle,
    pub number: u32,
    pub end: usize,
    /// Components of a decimal number; 1 otherwise.
    pub parts: u32,
}

/// Reads a list marker at the beginning of a line.
pub(super) fn list_marker(text: &str) -> Option<Marker> {
    let first = text.chars().next()?;
    let made = |style, number, end| Some(Marker { style, number, end, parts: 1 });
    match first {
        '（' | '(' => {
            let mut cursor = Cursor { text, at: first.len_utf8() };
            cursor.skip_layout();
            let figures = cursor.peek().is_some_and(|c| c.is_ascii_digit() || ('０'..='９').contains(&c));
            let (number, odd) = cursor.numeral()?;
            cursor.skip_layout();
            cursor.eat(|c| matches!(c, '）' | ')'))?;
            if odd || number == 0 || number > 300 {
                return None;
            }
            made(if figures { MarkerStyle::FigureBracket } else { MarkerStyle::HanBracket }, number, cursor.at)
        }
        '①'..='⑳' => made(MarkerStyle::Circle, first as u32 - '①' as u32 + 1, first.len_utf8()),
        '⒈'..='⒛' => made(MarkerStyle::Figure, first as u32 - '⒈' as u32 + 1, first.len_utf8()),
        '⑴'..='⒇' => made(MarkerStyle::FigureBracket, first as u32 - '⑴' as u32 + 1, first.len_utf8()),
        '㈠'..='㈩' => made(MarkerStyle::HanBracket, first as u32 - '㈠' as u32 + 1, first.len_utf8()),
        'a'..='z' => {
            let second = text.chars().nth(1)?;
            if !matches!(second, ')' | '）') {
                return None;
            }
            made(MarkerStyle::Letter, first as u32 - 'a' as u32 + 1, 1 + second.len_utf8())
        }
        '0'..='9' | '０'..='９' => figure_marker(text),
        c if numerals::is_numeral(c) => {
            let mut cursor = Cursor { text, at: 0 };
            let (number, odd) = cursor.numeral()?;
            cursor.skip_layout();
            cursor.eat(|c| c == '、')?;
            // 一、二级保护区 is a phrase, not a marker.
            let enumerates = cursor.peek().and_then(numerals::digit).is_some_and(|next| next == number + 1);
            if odd || number == 0 || number > 300 || enumerates {
                return None;
            }
            made(MarkerStyle::Han, number, cursor.at)
        }
        _ => None,
    }
}

fn figure_marker(text: &str) -> Option<Marker> {
    let is_figure = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    let mut cursor = Cursor { text, at: 0 };
    let mut parts = 0u32;
    let (number, end_of_number) = loop {
        let from = cursor.at;
        while cursor.eat(is_figure).is_some() {}
        let figures = text.get(from..cursor.at).unwrap_or_default();
        if figures.is_empty() || figures.chars().count() > 3 {
            return None;
        }
        parts += 1;
        let end = cursor.at;
        if cursor.eat(|c| matches!(c, '.' | '．')).is_none() || !cursor.peek().is_some_and(is_figure) {
            cursor.at = end;
            break (numerals::parse(figures)?, end);
        }
    };
    if parts > 1 {
        // 5.10.4 before a space and a word is a clause; 1.5米 is a quantity.
        let spaced = cursor.peek().is_some_and(is_layout);
        return (spaced && parts <= 6).then_some(Marker { style: MarkerStyle::Decimal, number, end: end_of_number, parts });
    }
    cursor.skip_layout();
    let style = match cursor.eat(|c| matches!(c, '.' | '．' | '、' | ')' | '）'))? {
        ')' | '）' => MarkerStyle::FigureBracket,
        _ => MarkerStyle::Figure,
    };
    (number > 0 && !cursor.peek().is_some_and(is_figure)).then_some(Marker { style, number, end: cursor.at, parts: 1 })
}

/// The beginning 附件, 附录, 附表, 附图, 附: of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttachmentHead {
    pub number: Option<u32>,
    /// Length of the label in bytes, a colon included.
    pub end: usize,
}

/// 附件一, 附件：, 附录A, 附表 and the like, standing alone or before a title.
pub(super) fn attachment_head(text: &str) -> Option<AttachmentHead> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.eat(|c| c == '附')?;
    cursor.skip_layout();
    let named = cursor.eat(|c| matches!(c, '件' | '录' | '表' | '图')).is_some();
    let mark = cursor.at;
    cursor.skip_layout();
    let mut number = None;
    if named {
        number = match cursor.peek() {
            Some(c @ 'A'..='Z') => {
                cursor.at += 1;
                Some(c as u32 - 'A' as u32 + 1)
            }
            Some(c) if numerals::is_numeral(c) => Some(cursor.numeral().filter(|(n, odd)| !odd && (1..200).contains(n))?.0),
            _ => None,
        };
    }
    if number.is_none() {
        cursor.at = mark;
    }
    let end = cursor.at;
    cursor.skip_layout();
    let end = match cursor.peek() {
        None => end,
        Some('：' | ':') => cursor.at + cursor.peek().map_or(0, char::len_utf8),
        Some('（' | '(' | '《') if named => end,
        // 附件一 some title: a space and no sentence.
        Some(_)
            if named
                && cursor.at > end
                && (number.is_some() || !text.ends_with(['。', '；', '，']) && text.chars().count() <= 60)
                && !continues_reference(cursor.rest()) =>
        {
            end
        }
        Some(_) => return None,
    };
    Some(AttachmentHead { number, end })
}

/// A row of a pipe table.
pub(super) fn is_table_row(text: &str) -> bool {
    text.starts_with('|')
}

/// The line 目录.
pub(super) fn is_contents_title(text: &str) -> bool {
    text.chars().count() <= 20 && matches!(compact(text).as_str(), "目录" | "目錄" | "目次")
}

/// The line 序言, 前言, 引言.
pub(super) fn is_preamble_title(text: &str) -> bool {
    text.chars().count() <= 12 && matches!(compact(text).as_str(), "序言" | "前言" | "引言" | "序")
}

/// A line that is a date and nothing else, in figures or Chinese numerals.
pub(super) fn is_date(text: &str) -> bool {
    if text.chars().count() > 24 {
        return false;
    }
    let words = compact(text);
    let words = words.trim_matches(|c| matches!(c, '（' | '）' | '(' | ')'));
    let Some((year, rest)) = words.split_once('年') else { return false };
    let Some((month, day)) = rest.split_once('月') else { return false };
    let numeral = |s: &str| !s.is_empty() && s.chars().all(numerals::is_numeral);
    year.chars().count() == 4 && numeral(year) && numeral(month) && day.strip_suffix('日').is_some_and(numeral)
}

/// Whether a text ends as a sentence or a clause does. Trailing private-use characters are looked through.
pub(super) fn ends_sentence(text: &str) -> bool {
    let last = text.chars().rev().find(|c| !is_private_use(*c) && !is_layout(*c));
    last.is_some_and(|c| "。；：！？”’）》〉】〕．.;:!?)]…".contains(c))
}

/// A character of one of the private-use areas.
pub(super) fn is_private_use(c: char) -> bool {
    matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

/// A short line without a sentence's punctuation: what a heading whose number was lost looks like.
pub(super) fn reads_like_heading(text: &str) -> bool {
    text.chars().count() <= 30
        && !text.contains(['。', '；', '，', '：', '“', '”', '|', '!', '！', '？', ':', ';', '.', '．'])
        && !text.ends_with('、')
        && text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
}
