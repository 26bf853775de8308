//! Personal data in a text that would become public: phone numbers, identity-card and bank-card numbers, e-mail and dwelling addresses.
//!
//! People write their number into an opinion so that they are called back; the public must not read it (个人信息保护法 25). Places are given in characters
//! of the text; what was found is never repeated.

use crate::text_enum;

text_enum! {
    /// A kind of personal data.
    PersonalData {
        /// A mobile or fixed number.
        Phone = "phone", "电话号码";
        /// An identity-card number with a right checksum (GB 11643).
        IdentityCard = "identity_card", "身份证号码";
        /// A bank-card number with a right checksum.
        BankCard = "bank_card", "银行卡号";
        /// An e-mail address.
        Email = "email", "电子邮箱";
        /// A dwelling, down to the building or the room.
        Address = "address", "住址";
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What stands there.
    pub kind: PersonalData,
    /// Where it begins, in characters.
    pub start: usize,
    /// Its length, in characters.
    pub length: usize,
}

/// Most places that one text gives; more say nothing new.
const MOST: usize = 50;

/// The personal data of a text, in the order of the text.
pub fn find(text: &str) -> Vec<Found> {
    let written: Vec<char> = text.chars().collect();
    let mut found = numbers(&written);
    found.extend(emails(&written));
    found.extend(addresses(&written));
    found.sort_by_key(|f| (f.start, std::cmp::Reverse(f.length)));
    found.truncate(MOST);
    found
}

/// The digit that a character stands for, also in full width and in Chinese.
fn digit(c: char) -> Option<u8> {
    match c {
        '0'..='9' => u8::try_from(u32::from(c) - 0x30).ok(),
        '０'..='９' => u8::try_from(u32::from(c) - 0xff10).ok(),
        '零' | '〇' => Some(0),
        '一' | '幺' => Some(1),
        '二' => Some(2),
        '三' => Some(3),
        '四' => Some(4),
        '五' => Some(5),
        '六' => Some(6),
        '七' => Some(7),
        '八' => Some(8),
        '九' => Some(9),
        _ => None,
    }
}

/// Runs of digits, with single spaces and dashes inside, that are numbers of a person.
fn numbers(written: &[char]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < written.len() {
        if written.get(i).copied().and_then(digit).is_none() {
            i += 1;
            continue;
        }
        let start = i;
        let mut digits: Vec<u8> = Vec::new();
        let mut end = i;
        while let Some(c) = written.get(i).copied() {
            if let Some(d) = digit(c) {
                digits.push(d);
                end = i + 1;
            } else if !(matches!(c, ' ' | '-' | '—' | '－' | '\u{3000}') && written.get(i + 1).copied().and_then(digit).is_some()) {
                break;
            }
            i += 1;
        }
        let has_x = digits.len() == 17
            && matches!(written.get(end), Some('x' | 'X' | 'ｘ' | 'Ｘ'))
            && !written.get(end + 1).is_some_and(char::is_ascii_alphanumeric);
        let kind = if is_identity_card(&digits, has_x) {
            Some(PersonalData::IdentityCard)
        } else if is_phone(&digits, written.get(start.wrapping_sub(1)).copied()) {
            Some(PersonalData::Phone)
        } else if is_bank_card(&digits) {
            Some(PersonalData::BankCard)
        } else {
            None
        };
        if let Some(kind) = kind {
            found.push(Found { kind, start, length: end - start + usize::from(has_x) });
        }
    }
    found
}

fn is_phone(digits: &[u8], before: Option<char>) -> bool {
    // +86 and 0086 before a number are no part of it.
    let digits = match digits {
        [0, 0, 8, 6, rest @ ..] if rest.len() == 11 => rest,
        [8, 6, rest @ ..] if rest.len() == 11 && before.is_none_or(|c| c == '+' || !c.is_alphanumeric()) => rest,
        all => all,
    };
    match digits {
        // Mobile.
        [1, 3..=9, rest @ ..] => rest.len() == 9,
        // Fixed, with its area code.
        [0, 1 | 2, rest @ ..] => (8..=9).contains(&rest.len()),
        [0, 3..=9, rest @ ..] => (9..=10).contains(&rest.len()),
        _ => false,
    }
}

/// 18 characters, a real day of birth, and the check character of ISO 7064 MOD 11-2.
fn is_identity_card(digits: &[u8], has_x: bool) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let (Some(first), true) = (digits.get(..17), digits.len() == if has_x { 17 } else { 18 }) else { return false };
    let number = |range: std::ops::Range<usize>| first.get(range).map(|part| part.iter().fold(0u32, |n, d| n * 10 + u32::from(*d)));
    let (Some(year), Some(month), Some(day)) = (number(6..10), number(10..12), number(12..14)) else { return false };
    let is_day = (1900..2100).contains(&year)
        && i32::try_from(year).ok().and_then(|year| chrono::NaiveDate::from_ymd_opt(year, month, day)).is_some();
    let sum: u32 = first.iter().zip(WEIGHTS).map(|(d, w)| u32::from(*d) * w).sum();
    let check = (12 - sum % 11) % 11;
    let last = if has_x { 10 } else { digits.last().map_or(11, |d| u32::from(*d)) };
    is_day && check == last
}

/// 16 to 19 digits that begin like a card and pass the Luhn check.
fn is_bank_card(digits: &[u8]) -> bool {
    if !(16..=19).contains(&digits.len()) || !matches!(digits.first(), Some(3..=6)) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let n = u32::from(*d) * if i % 2 == 1 { 2 } else { 1 };
            if n > 9 { n - 9 } else { n }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn emails(written: &[char]) -> Vec<Found> {
    let is_local = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%');
    let is_host = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let mut found = Vec::new();
    for (at, _) in written.iter().enumerate().filter(|(_, c)| matches!(c, '@' | '＠')) {
        let before = written.get(..at).unwrap_or_default().iter().rev().take_while(|c| is_local(c)).count();
        let host: String = written.get(at + 1..).unwrap_or_default().iter().take_while(|c| is_host(c)).collect();
        let host = host.trim_end_matches(['.', '-']);
        let has_end = host.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && end.len() >= 2);
        if before > 0 && has_end {
            found.push(Found { kind: PersonalData::Email, start: at - before, length: before + 1 + host.chars().count() });
        }
    }
    found
}

/// A number before 室, 单元, 栋 … with another such number, or with the number of a street or village, close before it: 文昌路18号3栋502室.
/// One number alone is a public place as often as a dwelling.
fn addresses(written: &[char]) -> Vec<Found> {
    const PARTS: [&str; 8] = ["号楼", "单元", "栋", "幢", "室", "组", "号", "座"];
    /// Longest stretch between two parts of one address, in characters.
    const NEAR: usize = 8;
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let mut i = 0;
    while i < written.len() {
        let is_number = |c: &char| digit(*c).is_some() || matches!(c, '十' | '百') || c.is_ascii_uppercase();
        let length = written.get(i..).unwrap_or_default().iter().take_while(|c| is_number(c)).count();
        if length == 0 {
            i += 1;
            continue;
        }
        let end = i + length;
        let unit =
            PARTS.iter().find(|unit| written.get(end..end + unit.chars().count()).is_some_and(|w| w.iter().copied().eq(unit.chars())));
        if let Some(unit) = unit.filter(|_| length <= 6) {
            let before = written.get(..i).and_then(|w| w.last());
            let is_door =
                matches!(before, Some('路' | '街' | '巷' | '道' | '弄' | '里' | '村' | '庄' | '组' | '屯' | '园' | '苑' | '区' | '城'));
            // 第3号, 20号令, 第一组 and the like are no door: 号 and 组 count only after a street or a village.
            if !matches!(*unit, "号" | "组") || is_door {
                parts.push((i, end + unit.chars().count()));
            }
            i = end + unit.chars().count();
        } else {
            i = end;
        }
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, mut end)) = parts.get(at).copied() {
        let mut together = 1;
        while let Some((_, next_end)) = parts.get(at + together).copied().filter(|(next, _)| *next <= end + NEAR) {
            end = next_end;
            together += 1;
        }
        if together >= 2 {
            found.push(Found { kind: PersonalData::Address, start, length: end - start });
        }
        at += together;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(PersonalData, String)> {
        let piece = |f: &Found| text.chars().skip(f.start).take(f.length).collect();
        find(text).iter().map(|f| (f.kind, piece(f))).collect()
    }

    #[test]
    fn numbers_of_persons_are_found() {
        use PersonalData::*;
        // Numbers are made up; the cards have right checksums.
        for (text, kind, piece) in [
            ("请打13800000000联系我", Phone, "13800000000"),
            ("电话：138 0000 0000。", Phone, "138 0000 0000"),
            ("＋86-138-0000-0000", Phone, "86-138-0000-0000"),
            ("一三八零零零零零零零零", Phone, "一三八零零零零零零零零"),
            ("１３８００００００００", Phone, "１３８００００００００"),
            ("固话0752-2800000", Phone, "0752-2800000"),
            ("010 62800000", Phone, "010 62800000"),
            ("我的身份证11010519491231002X", IdentityCard, "11010519491231002X"),
            ("440524188001010014", IdentityCard, ""),
            ("卡号4111 1111 1111 1111", BankCard, "4111 1111 1111 1111"),
            ("发到li.si@example.com。", Email, "li.si@example.com"),
            ("本人住文昌路18号3栋502室", Address, "18号3栋502室"),
            ("住在东门村十二组5号", Address, "十二组5号"),
            ("望江花园12栋2单元301", Address, "12栋2单元"),
        ] {
            let found = kinds(text);
            if piece.is_empty() {
                assert!(found.iter().all(|(k, _)| *k != kind), "a day of birth in 1880 is none: {found:?}");
            } else {
                assert_eq!(found, [(kind, piece.to_owned())], "{text}");
            }
        }
    }

    #[test]
    fn numbers_of_laws_and_money_are_not() {
        for text in [
            "根据第四十一条第三项",
            "罚款20000元以上50000元以下",
            "市政府令第98号公布",
            "2026年3月2日10时30分",
            "每平方米13800000元",
            "备案号440300202600012345678901234",
            "建议把12号线延长到文昌路",
            "文昌路18号的停车场太小",
            "二十四小时改为四十八小时",
            "见www.example.com/@x",
            "11010519491231002x1",
            "一二三四五六七八九十",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }

    #[test]
    fn the_checksum_tells_a_card_from_a_number() {
        assert_eq!(kinds("110105194912310021"), [], "wrong check digit");
        assert_eq!(find(&"13800000000，".repeat(500)).len(), MOST);
    }
}
