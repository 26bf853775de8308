//! 日期 in running text. Pure.
//!
//! Dates are written 2024年5月1日, ２０２４年５月１日 or 二○二四年五月一日; an effective date may also be counted from the day of promulgation.

use chrono::{Days, NaiveDate};

use crate::corpus::numerals;

/// A date and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundDate {
    /// The date.
    pub date: NaiveDate,
    /// First byte.
    pub start: usize,
    /// Byte behind 日.
    pub end: usize,
}

/// When a text takes effect, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effective {
    /// 自2024年5月1日起施行.
    On(NaiveDate),
    /// 自公布之日起施行, or so many days later.
    AfterPromulgation(u64),
}

impl Effective {
    /// The day itself, once the day of promulgation is known.
    pub fn resolve(self, promulgated_on: Option<NaiveDate>) -> Option<NaiveDate> {
        match self {
            Effective::On(date) => Some(date),
            Effective::AfterPromulgation(days) => promulgated_on?.checked_add_days(Days::new(days)),
        }
    }
}

/// Longest numeral of a date's part, in characters (二〇二四, 二十一).
const MAX_NUMERAL: usize = 4;

/// Every complete date of a text, in order.
pub fn find_dates(text: &str) -> Vec<FoundDate> {
    let mut found: Vec<FoundDate> = Vec::new();
    for (at, _) in text.match_indices('年') {
        let Some((before, after)) = text.split_at_checked(at) else { continue };
        let Some((year, start)) = number_before(before) else { continue };
        let Some(rest) = after.strip_prefix('年') else { continue };
        let Some((month, rest)) = number_until(rest, '月') else { continue };
        let Some((day, rest)) = number_until(rest, '日') else { continue };
        let Some(date) = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day)) else { continue };
        if (1900..2200).contains(&year) {
            found.push(FoundDate { date, start, end: text.len() - rest.len() });
        }
    }
    found
}

/// A year that ends the text, and where it begins.
fn number_before(text: &str) -> Option<(u32, usize)> {
    let digits: Vec<(usize, char)> = text
        .char_indices()
        .rev()
        .skip_while(|(_, c)| is_blank(*c))
        .take(MAX_NUMERAL)
        .take_while(|(_, c)| numerals::digit(*c).is_some())
        .collect();
    let start = digits.last()?.0;
    (digits.len() == MAX_NUMERAL).then_some(())?;
    Some((numerals::parse(text.get(start..)?.trim_end_matches(is_blank))?, start))
}

/// A number up to `mark`, and the text behind the mark.
fn number_until(text: &str, mark: char) -> Option<(u32, &str)> {
    let text = text.trim_start_matches(is_blank);
    let end = text.char_indices().take(MAX_NUMERAL + 2).find(|(_, c)| *c == mark)?.0;
    let number = numerals::parse(text.get(..end)?.trim_end_matches(is_blank))?;
    Some((number, text.get(end + mark.len_utf8()..)?))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{3000}' | '\t')
}

/// Words after which a text has effect.
const BEGINS: &[&str] = &["施行", "实施", "生效", "执行", "试行", "实行"];

/// Ways of naming the day of promulgation.
const PROMULGATION: &[&str] =
    &["公布之日", "发布之日", "颁布之日", "印发之日", "通过之日", "公告之日", "批准之日", "签发之日", "公布后", "发布后"];

/// What a sentence such as 本条例自2024年5月1日起施行 says, wherever it stands in the text; the last such sentence counts.
///
/// With `needs_subject` the words must follow 本法, 本条例, 本规定…: in the running text of a law other texts take effect too.
pub fn find_effective(text: &str, needs_subject: bool) -> Option<Effective> {
    let mut last = None;
    for (at, mark) in text.match_indices(['自', '从']) {
        let (Some(before), Some(after)) = (text.get(..at), text.get(at + mark.len()..)) else { continue };
        if needs_subject && !ends_with_subject(before) {
            continue;
        }
        let clause: &str = match after.char_indices().nth(40) {
            Some((end, _)) => after.get(..end).unwrap_or(after),
            None => after,
        };
        if let Some(effective) = read_effective(clause) {
            last = Some(effective);
        }
    }
    last
}

/// Reads `2024年5月1日起施行` or `公布之日起三十日后施行` at the beginning of a clause.
fn read_effective(clause: &str) -> Option<Effective> {
    let clause = clause.trim_start_matches(is_blank);
    if let Some(found) = find_dates(clause).first().filter(|found| found.start == 0) {
        let rest: String = clause.get(found.end..)?.chars().filter(|c| !is_blank(*c)).take(12).collect();
        let rest = rest.trim_start_matches('起').trim_start_matches(['正', '式', '开', '始']);
        return begins_effect(rest).then_some(Effective::On(found.date));
    }
    let rest = PROMULGATION.iter().find_map(|word| clause.strip_prefix(word))?.trim_start_matches(['起', '满']);
    if begins_effect(rest) {
        return Some(Effective::AfterPromulgation(0));
    }
    let (days, rest) = number_until(rest, '日').or_else(|| number_until(rest, '天'))?;
    begins_effect(rest.trim_start_matches(['后', '起', '内'])).then_some(Effective::AfterPromulgation(u64::from(days)))
}

fn begins_effect(text: &str) -> bool {
    BEGINS.iter().any(|word| text.starts_with(word))
}

/// Whether a text ends with 本法, 本条例, 本实施细则 and the like.
fn ends_with_subject(text: &str) -> bool {
    const KINDS: &[&str] = &[
        "法",
        "条例",
        "规定",
        "办法",
        "细则",
        "规则",
        "决定",
        "解释",
        "修正案",
        "通知",
        "意见",
        "规程",
        "标准",
        "规范",
        "制度",
        "章程",
        "批复",
        "公告",
        "方案",
        "决议",
        "命令",
        "安排",
        "纲要",
        "程序",
    ];
    let tail: Vec<char> = text.chars().rev().filter(|c| !is_blank(*c)).take(12).collect();
    let tail: String = tail.into_iter().rev().collect();
    KINDS.iter().any(|kind| tail.ends_with(kind)) && tail.contains(['本', '此'])
}

/// A date at the end of a file name's stem: `标题_20240501`, `标题(2024-05-01)`, `标题（2024年5月1日）`; the stem without it, and the date.
pub fn split_file_date(stem: &str) -> (&str, Option<NaiveDate>) {
    let stem = stem.trim();
    if let Some((title, digits)) = stem.rsplit_once('_')
        && digits.len() == 8
        && let Ok(date) = NaiveDate::parse_from_str(digits, "%Y%m%d")
    {
        return (title.trim(), Some(date));
    }
    let inner = stem.strip_suffix([')', '）']).and_then(|open| open.rsplit_once(['(', '（']));
    if let Some((title, inside)) = inner {
        let date = NaiveDate::parse_from_str(inside.trim(), "%Y-%m-%d").ok();
        let date = date
            .or_else(|| find_dates(inside).first().filter(|found| found.start == 0 && found.end == inside.len()).map(|found| found.date));
        if let Some(date) = date {
            return (title.trim(), Some(date));
        }
    }
    (stem, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn dates_in_every_spelling() {
        for (text, date) in [
            ("于2024年5月1日公布", day(2024, 5, 1)),
            ("２０２４年５月３１日", day(2024, 5, 31)),
            ("二○○四年三月二十二日", day(2004, 3, 22)),
            ("二〇二四年十二月三十一日起", day(2024, 12, 31)),
            ("2024 年 5 月 1 日", day(2024, 5, 1)),
        ] {
            let found = find_dates(text);
            assert_eq!(found.iter().map(|f| f.date).collect::<Vec<_>>(), [date], "{text}");
            assert!(text[found[0].start..].starts_with(['2', '２', '二']));
            assert!(text[..found[0].end].ends_with('日'));
        }
        for text in ["2024年13月1日", "24年5月1日", "2024年5月", "年月日", "近年5月1日", "0001年1月1日"] {
            assert!(find_dates(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn effect_by_date_and_by_promulgation() {
        let on = |y, m, d| Some(Effective::On(day(y, m, d)));
        for (text, needs_subject, expected) in [
            ("第九条　本条例自2024年5月1日起施行。", true, on(2024, 5, 1)),
            ("本办法自 2024年5月1日 起正式施行", true, on(2024, 5, 1)),
            ("本法自公布之日起施行。", true, Some(Effective::AfterPromulgation(0))),
            ("本规定自发布之日起30日后施行。", true, Some(Effective::AfterPromulgation(30))),
            ("本规定自公布之日起满三十日后施行。", true, Some(Effective::AfterPromulgation(30))),
            ("（2024年3月1日公布　自2024年5月1日起施行）", false, on(2024, 5, 1)),
            ("原办法自2001年1月1日起停止执行。", true, None),
            ("甲企业自2024年5月1日起施行新制度。", true, None),
            ("来自2024年5月1日的数据", false, None),
            ("本条例自1999年1月1日起施行。本条例自2020年1月1日起施行。", true, on(2020, 1, 1)),
        ] {
            assert_eq!(find_effective(text, needs_subject), expected, "{text}");
        }
        assert_eq!(Effective::AfterPromulgation(30).resolve(Some(day(2024, 1, 31))), Some(day(2024, 3, 1)));
        assert_eq!(Effective::AfterPromulgation(0).resolve(None), None);
    }

    #[test]
    fn dates_of_file_names() {
        for (stem, title, date) in [
            ("甲市公园条例_20240501", "甲市公园条例", Some(day(2024, 5, 1))),
            ("甲市公园条例(2024-05-01)", "甲市公园条例", Some(day(2024, 5, 1))),
            ("甲的决定（2014年10月23日）", "甲的决定", Some(day(2014, 10, 23))),
            ("甲规定（试行）(2024-05-01)", "甲规定（试行）", Some(day(2024, 5, 1))),
            ("甲规定（试行）", "甲规定（试行）", None),
            ("甲纲要（2021－2025年）", "甲纲要（2021－2025年）", None),
            ("甲_20241301", "甲_20241301", None),
        ] {
            assert_eq!(split_file_date(stem), (title, date), "{stem}");
        }
    }
}
