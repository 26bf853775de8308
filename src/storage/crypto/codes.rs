//! Codes that a person keeps and types again: made from a secret of the sender under the key of the installation, so that a repeated act shows the
//! same code again. Only a keyed hash of a code is ever stored.

use super::DataKey;

/// Characters of a code: no I, L, O and U, which are misread. 16 of them are 80 bits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, without the hyphens between its groups.
const LENGTH: usize = 16;
/// Characters of a group.
const GROUP: usize = 4;

/// The code of a text, in groups: `7F3K-9QXD-02MA-VR5T`.
pub fn code_of(key: &DataKey, purpose: &str, text: &str) -> String {
    let digits = key.keyed_hash(purpose, text);
    let letters: Vec<char> = digits
        .as_bytes()
        .chunks(2)
        .take(LENGTH)
        .filter_map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from))
        .collect();
    grouped(&letters)
}

/// A code as it was printed, from what somebody typed: lower case, spaces and letters that are misread are mended. `None`: it cannot be one.
pub fn mended(typed: &str) -> Option<String> {
    if typed.len() > 200 {
        return None;
    }
    let letters: Vec<char> = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '－' | '—' | '–'))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    let is_code = letters.len() == LENGTH && letters.iter().all(|c| u8::try_from(*c).is_ok_and(|b| ALPHABET.contains(&b)));
    is_code.then(|| grouped(&letters))
}

fn grouped(letters: &[char]) -> String {
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let key = DataKey::from_hex(&Secret("1b".repeat(32))).unwrap();
        let code = code_of(&key, "opinion-lookup-code", "a key that nobody guesses");
        assert_eq!(code.len(), LENGTH + 3, "{code}");
        assert_eq!(code, code_of(&key, "opinion-lookup-code", "a key that nobody guesses"));
        assert_ne!(code, code_of(&key, "opinion-lookup-code", "another key"));
        assert_ne!(code, code_of(&key, "another-purpose", "a key that nobody guesses"));
        for typed in
            [code.clone(), code.to_lowercase(), code.replace('-', " "), code.replace('-', ""), code.replace('0', "o").replace('1', "l")]
        {
            assert_eq!(mended(&typed), Some(code.clone()), "{typed}");
        }
        for bad in ["", "7F3K", "7F3K-9QXD-02MA-VR5", "7F3K-9QXD-02MA-VR5U", "汉字汉字汉字汉字汉字汉字汉字汉字"] {
            assert_eq!(mended(bad), None, "{bad}");
        }
    }
}
