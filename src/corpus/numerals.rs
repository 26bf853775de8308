//! Numerals of legal texts: Chinese (二十一), positional (二〇一〇), full-width (２０) and ASCII (20).
//!
//! Pure. Both the structure parser and the query side read numbers here, so that 第二十条, 第20条 and 第２０条 are one article.

/// The largest number read. Article numbers and years are far below it; anything above is text.
const MAX: u64 = 99_999_999;

/// Value of one digit character, Chinese (with 〇, ○, 两 and the banker's forms of old texts), full-width or ASCII.
pub fn digit(c: char) -> Option<u32> {
    Some(match c {
        '〇' | '零' | '○' | '◯' | 'Ｏ' => 0,
        '一' | '壹' => 1,
        '二' | '贰' | '两' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        '０'..='９' => c as u32 - '０' as u32,
        '0'..='9' => c as u32 - '0' as u32,
        _ => return None,
    })
}

/// Power of ten that a Chinese unit character stands for.
fn unit(c: char) -> Option<u64> {
    Some(match c {
        '十' | '拾' => 10,
        '百' | '佰' => 100,
        '千' | '仟' => 1000,
        _ => return None,
    })
}

/// Whether a character can stand in a numeral.
pub fn is_numeral(c: char) -> bool {
    digit(c).is_some() || unit(c).is_some() || c == '廿' || c == '卅' || c == '万'
}

/// Reads a whole string as one number; `None` when any character does not belong or the form is not a number.
///
/// Accepts unit forms (一百零三, 十二, 廿一), positional forms (二〇一〇, 一二三) and digits of any width.
pub fn parse(text: &str) -> Option<u32> {
    let mut characters = text.chars().peekable();
    characters.peek()?;
    let positional = text.chars().all(|c| digit(c).is_some());
    let value = if positional {
        let mut value = 0u64;
        for c in characters {
            value = value * 10 + u64::from(digit(c)?);
            if value > MAX {
                return None;
            }
        }
        value
    } else {
        parse_units(text)?
    };
    u32::try_from(value).ok().filter(|v| u64::from(*v) <= MAX)
}

fn parse_units(text: &str) -> Option<u64> {
    let (mut total, mut section, mut pending) = (0u64, 0u64, None::<u64>);
    for c in text.chars() {
        if let Some(d) = digit(c) {
            // Two digits in a row (一二十) are no unit form; a zero only separates (一百零三).
            if pending.is_some_and(|p| p != 0) {
                return None;
            }
            pending = Some(u64::from(d));
        } else if let Some(u) = unit(c) {
            let factor = match pending.take() {
                Some(0) | None => 1,
                Some(d) => d,
            };
            section += factor * u;
        } else if c == '廿' || c == '卅' {
            section += if c == '廿' { 20 } else { 30 };
            pending = None;
        } else if c == '万' {
            if total != 0 {
                return None;
            }
            total += (section + pending.take().unwrap_or(0)).max(1) * 10_000;
            section = 0;
        } else {
            return None;
        }
        if total + section > MAX {
            return None;
        }
    }
    Some(total + section + pending.unwrap_or(0))
}

/// Writes a number as legal texts do: 十二, 一百零三, 一千零二十四.
pub fn to_chinese(number: u32) -> String {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    if number == 0 {
        return "零".into();
    }
    if number >= 10_000 {
        let rest = number % 10_000;
        let gap = if rest != 0 && rest < 1000 { "零" } else { "" };
        let tail = if rest == 0 { String::new() } else { below_ten_thousand(rest, &DIGITS, true) };
        return format!("{}万{gap}{tail}", to_chinese(number / 10_000));
    }
    below_ten_thousand(number, &DIGITS, false)
}

fn below_ten_thousand(number: u32, digits: &[char; 10], after_larger: bool) -> String {
    let mut written = String::new();
    let mut zero = false;
    for (power, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let d = number / power % 10;
        if d == 0 {
            zero = !written.is_empty();
            continue;
        }
        if zero {
            written.push('零');
            zero = false;
        }
        // 十二, not 一十二, when nothing larger stands before it.
        if !(d == 1 && power == 10 && written.is_empty() && !after_larger) {
            written.push(digits[d as usize]);
        }
        written.push_str(name);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, value) in [
            ("二十", 20),
            ("十", 10),
            ("十二", 12),
            ("一百零三", 103),
            ("一百〇三", 103),
            ("一百一十", 110),
            ("一千零二十四", 1024),
            ("一千二百六十", 1260),
            ("20", 20),
            ("２０", 20),
            ("二〇一〇", 2010),
            ("二○一○", 2010),
            ("廿一", 21),
            ("零", 0),
            ("一万零三", 10_003),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        for text in ["", "条", "二十条", "一二十", "99999999999999999999", "-1", "十万万万万万"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writing_and_reading_agree() {
        for n in 0..30_000 {
            assert_eq!(parse(&to_chinese(n)), Some(n), "{}", to_chinese(n));
        }
        assert_eq!(to_chinese(1024), "一千零二十四");
        assert_eq!(to_chinese(12), "十二");
        assert_eq!(to_chinese(110), "一百一十");
    }
}
