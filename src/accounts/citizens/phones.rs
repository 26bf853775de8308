//! Phone numbers of citizens: read in every form people write them, stored as a keyed hash and sealed, shown masked.

use crate::error::{Error, Result};
use crate::storage::crypto::DataKey;

/// Purpose of the keyed hash that finds the account of a phone.
const HASH_PURPOSE: &str = "phone";

/// A mainland mobile number. It has no `Debug` and no `Display`: it must not reach a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads a number: spaces, hyphens and a leading +86 are passed over, full-width digits are digits.
    pub fn parse(text: &str) -> Result<Phone> {
        let digits: String = text
            .chars()
            .filter_map(|c| match c {
                '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
                ' ' | '\u{3000}' | '-' | '－' => None,
                other => Some(other),
            })
            .take(20)
            .collect();
        let number = digits.strip_prefix("+86").or_else(|| digits.strip_prefix("0086")).unwrap_or(&digits);
        let is_mobile = number.len() == 11
            && number.bytes().all(|b| b.is_ascii_digit())
            && number.starts_with('1')
            && number.as_bytes().get(1).is_some_and(|second| (b'3'..=b'9').contains(second));
        if is_mobile {
            Ok(Phone(number.to_owned()))
        } else {
            Err(Error::invalid("phone", "请输入 11 位手机号码，例如 13800138000。"))
        }
    }

    /// The 11 digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Under which the number is looked up.
    pub fn hash(&self, key: &DataKey) -> String {
        key.keyed_hash(HASH_PURPOSE, &self.0)
    }

    /// As pages show it: `138****5678`.
    pub fn masked(&self) -> String {
        masked(&self.0)
    }
}

/// A number with its middle left out.
pub fn masked(digits: &str) -> String {
    let characters: Vec<char> = digits.chars().collect();
    match (characters.get(..3), characters.get(characters.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if characters.len() == 11 => format!("{}****{}", String::from_iter(head), String::from_iter(tail)),
        _ => "***".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in [
            "13800138000",
            " 138 0013 8000",
            "138-0013-8000",
            "+8613800138000",
            "+86 138 0013 8000",
            "１３８００１３８０００",
            "008613800138000",
        ] {
            assert!(Phone::parse(text).is_ok_and(|p| p.digits() == "13800138000"), "{text}");
        }
        for bad in ["", "1380013800", "138001380000", "12800138000", "02012345678", "+85291234567", "1380013800a", "13800138000;drop"] {
            assert!(Phone::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_middle_is_never_shown() {
        assert_eq!(masked("13812345678"), "138****5678");
        assert_eq!(masked("1381"), "***");
    }
}
