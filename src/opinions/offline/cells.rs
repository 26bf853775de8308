//! What a cell means: days, consent, attitudes, ways of collecting. Pure; whoever writes a table writes them as they please.

use chrono::{Datelike, Days, NaiveDate};

use super::provenance::Method;
use crate::opinions::Stance;

/// A day as a cell has it. `within` is the round: its years complete a day without one. `None`: it cannot be read.
pub fn day(words: &str, is_1904: bool, within: (NaiveDate, NaiveDate)) -> Option<NaiveDate> {
    let words: String = words.chars().map(narrow).collect();
    let words: String = match words.find(['日', '号']) {
        Some(end) => words.get(..end).unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect(),
        None => words.trim().to_owned(),
    };
    let words = words.as_str();
    // A time of day after the day says nothing more.
    let words = words.split([' ', 'T']).next().unwrap_or(words);
    let words = words.split(['(', '（', '至', '~', '～']).next().unwrap_or(words);
    let words = words.trim_end_matches(|c: char| "上下午日号前后晚中".contains(c));
    let numbers = numbers(words)?;
    let date = |year: u32, month: u32, day: u32| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
    match numbers[..] {
        [one] if (19_000_101..=21_001_231).contains(&one) => date(one / 10_000, one / 100 % 100, one % 100),
        // A serial number: days since the eve of 1900, or since 1904.
        [one] if (20_000..80_000).contains(&one) && words.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            let origin = if is_1904 { NaiveDate::from_ymd_opt(1904, 1, 1) } else { NaiveDate::from_ymd_opt(1899, 12, 30) };
            origin?.checked_add_days(Days::new(u64::from(one)))
        }
        [serial, _] if words.contains('.') && (20_000..80_000).contains(&serial) => day(&serial.to_string(), is_1904, within),
        [year, month, day] if year >= 1000 => date(year, month, day),
        [year, month, day] if (20..=99).contains(&year) && month <= 12 => date(2000 + year, month, day),
        // 5/3/2026: a year at the end; the month is the number that can be one, first of all the first.
        [month, day, year] if year >= 1000 => date(year, month, day).or_else(|| date(year, day, month)),
        [month, day] if month <= 12 && (1..=31).contains(&day) => {
            let years = within.0.year()..=within.1.year();
            let candidates: Vec<NaiveDate> = years.filter_map(|year| NaiveDate::from_ymd_opt(year, month, day)).collect();
            let inside = candidates.iter().find(|day| (within.0..=within.1).contains(*day));
            inside.or(candidates.first()).copied()
        }
        _ => None,
    }
}

/// The numbers of a day, in Chinese or in digits, with anything that separates them between.
fn numbers(words: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    let mut run = String::new();
    for c in words.chars().chain(std::iter::once('.')) {
        if c.is_ascii_digit() || "零〇○一二三四五六七八九十".contains(c) {
            run.push(c);
            continue;
        }
        if !"-/.年月日号、,_".contains(c) {
            return None;
        }
        if !run.is_empty() {
            found.push(crate::drafts::naming::number(&run)?);
            run.clear();
        }
    }
    (!found.is_empty() && found.len() <= 3).then_some(found)
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '—' | '–' | '−' => '-',
        '。' => '.',
        '\u{3000}' => ' ',
        other => other,
    }
}

/// Words without width, spaces and marks.
fn plain(words: &str) -> String {
    words.chars().map(narrow).filter(|c| c.is_alphanumeric() || "√✓✔×✗☑".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// Whether somebody agrees to publication; `None`: the words, which are not empty, cannot be read.
pub fn consent(words: &str) -> Option<bool> {
    let words = plain(words);
    match words.as_str() {
        "是" | "同意" | "公开" | "同意公开" | "可以" | "可以公开" | "可" | "可公开" | "愿意" | "愿意公开" | "y" | "yes" | "true" | "1"
        | "√" | "✓" | "✔" | "☑" | "是的" | "能" => Some(true),
        "否" | "不" | "不同意" | "不公开" | "不同意公开" | "不可以" | "不可" | "不可公开" | "不愿意" | "不愿意公开" | "不愿公开"
        | "保密" | "匿名" | "n" | "no" | "false" | "0" | "×" | "✗" | "x" | "不予公开" | "不宜公开" | "不能" => Some(false),
        _ => None,
    }
}

/// Words for people of some kind in place of a name.
const KINDS_OF_PEOPLE: &[&str] = &[
    "群众",
    "居民",
    "村民",
    "市民",
    "业主",
    "商户",
    "职工",
    "学生",
    "家长",
    "代表",
    "居民代表",
    "村民代表",
    "群众代表",
    "业主代表",
    "商户代表",
];
/// Words that say that there is no name.
const NO_NAME: &[&str] = &["匿名", "不具名", "未具名", "未署名", "不署名", "无", "无名", "不详", "不愿透露", "不愿透露姓名", "佚名"];

/// What stands in place of a name, as the name and the kind of people that it is: 居民 is a kind and no name, 匿名 is neither.
pub fn name_or_kind(words: String) -> (String, String) {
    match plain(&words).as_str() {
        kind if KINDS_OF_PEOPLE.contains(&kind) => (String::new(), words.trim().to_owned()),
        none if NO_NAME.contains(&none) => (String::new(), String::new()),
        _ => (words, String::new()),
    }
}

/// An attitude; `None`: the words name none.
pub fn stance(words: &str) -> Option<Stance> {
    let words = plain(words);
    Some(match words.as_str() {
        "赞成" | "同意" | "支持" | "赞同" | "无意见" | "没有意见" | "无异议" | "肯定" | "正面" => Stance::Support,
        "建议修改" | "修改" | "建议" | "部分同意" | "部分赞成" | "修改完善" | "原则同意" | "基本同意" | "基本赞成" | "有条件同意"
        | "增加" | "删除" => Stance::Amend,
        "反对" | "不同意" | "不赞成" | "不支持" | "否定" | "负面" => Stance::Oppose,
        "询问" | "咨询" | "疑问" | "提问" | "疑义" | "问题" => Stance::Question,
        _ => return None,
    })
}

/// A way of collecting; what is not known is another one, with its own words.
pub fn method(words: &str) -> Option<Method> {
    let words = plain(words);
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if words.is_empty() {
        return None;
    }
    Some(match () {
        () if has(&["座谈", "会议", "讨论会", "恳谈", "议事会", "研讨"]) => Method::Symposium,
        () if has(&["听证", "论证会"]) => Method::Hearing,
        () if has(&["走访", "入户", "上门", "访谈", "调研", "面谈", "当面", "口头", "现场"]) => Method::Visit,
        () if has(&["问卷", "调查表", "扫码", "问卷星"]) => Method::Questionnaire,
        () if has(&["公告栏", "意见箱", "宣传栏", "征集箱", "信箱"]) && !has(&["邮箱"]) => Method::NoticeBoard,
        () if has(&["电话", "热线", "来电"]) => Method::Phone,
        () if has(&["来信", "书面", "信函", "邮寄", "纸质", "意见表"]) => Method::Letter,
        () if has(&["微信", "网络", "网上", "线上", "邮箱", "邮件", "qq", "群", "公众号"]) => Method::Online,
        () => Method::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_people_write_them() {
        let d = |y, m, day| NaiveDate::from_ymd_opt(y, m, day).unwrap();
        let round = (d(2026, 2, 20), d(2026, 3, 31));
        for words in [
            "2026-3-5",
            "2026-03-05",
            "2026年3月5日",
            "2026年03月05日",
            "3月5日",
            "3月5号",
            "03.05",
            "3.5",
            "2026/3/5",
            "2026.3.5",
            "2026.03.05",
            "20260305",
            "46086",
            "46086.5",
            "二〇二六年三月五日",
            "二○二六年三月五日",
            "三月五日",
            "２０２６年３月５日",
            "2026 年 3 月 5 日",
            "2026-03-05 14:30:00",
            "2026-03-05T00:00:00",
            "2026年3月5日上午",
            "26.3.5",
            "3/5/2026",
            "2026、3、5",
            "2026年3月5日（星期四）",
            "2026—3—5",
            "3-5",
        ] {
            assert_eq!(day(words, false, round), Some(d(2026, 3, 5)), "{words}");
        }
        assert_eq!(day("44624", true, round), Some(d(2026, 3, 5)), "counted from 1904");
        let over_new_year = (d(2025, 12, 10), d(2026, 1, 20));
        assert_eq!(day("12月25日", false, over_new_year), Some(d(2025, 12, 25)));
        assert_eq!(day("1月5日", false, over_new_year), Some(d(2026, 1, 5)));
        assert_eq!(day("二十五日", false, round), None);
        for words in ["", "近日", "上周", "2026-13-5", "2月30日", "第一季度", "座谈会", "5", "13800001234", "2026年"] {
            assert_eq!(day(words, false, round), None, "{words}");
        }
    }

    #[test]
    fn consent_is_a_plain_word_or_a_question() {
        for words in ["是", "同意", "公开", "同意公开", " 可以 ", "√", "Y", "是。"] {
            assert_eq!(consent(words), Some(true), "{words}");
        }
        for words in ["否", "不同意", "不公开", "×", "N", "匿名", "不同意公开。"] {
            assert_eq!(consent(words), Some(false), "{words}");
        }
        for words in ["看情况", "部分公开", "是否"] {
            assert_eq!(consent(words), None, "{words}");
        }
    }

    #[test]
    fn attitudes_and_ways_of_collecting_have_many_words() {
        for (words, expected) in [
            ("赞成", Some(Stance::Support)),
            ("无意见", Some(Stance::Support)),
            ("建议修改", Some(Stance::Amend)),
            ("原则同意", Some(Stance::Amend)),
            ("不同意", Some(Stance::Oppose)),
            ("咨询", Some(Stance::Question)),
            ("", None),
            ("一般", None),
        ] {
            assert_eq!(stance(words), expected, "{words}");
        }
        for (words, expected) in [
            ("座谈会", Some(Method::Symposium)),
            ("入户走访", Some(Method::Visit)),
            ("问卷调查", Some(Method::Questionnaire)),
            ("立法听证会", Some(Method::Hearing)),
            ("意见箱", Some(Method::NoticeBoard)),
            ("电话", Some(Method::Phone)),
            ("书面", Some(Method::Letter)),
            ("微信群", Some(Method::Online)),
            ("电子邮箱", Some(Method::Online)),
            ("其他", Some(Method::Other)),
            ("", None),
        ] {
            assert_eq!(method(words), expected, "{words}");
        }
    }
}
