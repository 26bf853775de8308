//! Finding an opinion again without an account: by the code that its author was shown once.
//!
//! The code is made from the key of the post under the key of the installation, so that a repeated post shows it again; only its keyed hash is stored.

use std::net::IpAddr;

use super::moderation::{Desk, appeals, queue};
use super::posting::address_key;
use super::reading::{self, Opinion};
use crate::accounts::limits::{self, Limit};
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::DraftId;
use crate::storage::Db;
use crate::storage::cache::Cache;
use crate::storage::crypto::DataKey;

/// Characters of a code: no I, L, O and U, which are misread. 16 of them are 80 bits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, without the hyphens between its groups.
const LENGTH: usize = 16;
/// Characters of a group.
const GROUP: usize = 4;

/// The code of a post, in groups: `7F3K-9QXD-02MA-VR5T`.
pub(super) fn code_of(data_key: &DataKey, draft: DraftId, key: &str) -> String {
    let digits = data_key.keyed_hash("opinion-lookup-code", &format!("{draft}\0{key}"));
    let letters: Vec<char> = digits
        .as_bytes()
        .chunks(2)
        .take(LENGTH)
        .filter_map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from))
        .collect();
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The hash under which a code is stored.
pub(super) fn hash_of(data_key: &DataKey, code: &str) -> String {
    data_key.keyed_hash("opinion-lookup", code)
}

/// A code as it was printed, from what somebody typed: lower case, spaces and letters that are misread are mended. `None`: it cannot be one.
fn mended(typed: &str) -> Option<String> {
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
    is_code.then(|| letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// Finds the opinion of a code, as its author sees it. Each address may ask so often that nobody finds a code by trying.
pub async fn look_up(db: &Db, cache: &Cache, rules: &Rules, data_key: &DataKey, address: Option<IpAddr>, typed: &str) -> Result<Opinion> {
    limits::admit(cache, rules, Limit::LookupPerAddress, &address_key(address)).await?;
    let wrong = || Error::new(Code::NotFound, "没有找到这个查询码对应的意见，请核对提交时得到的 16 位查询码。");
    let code = mended(typed).ok_or_else(wrong)?;
    reading::find_by_code(db, &hash_of(data_key, &code)).await?.ok_or_else(wrong)
}

/// Where the opinion of a code stands with moderation: why it is hidden, and what became of an appeal.
pub async fn get_display(db: &Db, opinion: &Opinion) -> Result<queue::Item> {
    queue::get_unnamed_item(db, opinion.id).await
}

/// Appeals against the hiding of the opinion of a code, as [`appeals::appeal`] does for people who are signed in.
pub async fn appeal(
    at: Desk<'_>,
    cache: &Cache,
    rules: &Rules,
    data_key: &DataKey,
    address: Option<IpAddr>,
    typed: &str,
    text: &str,
) -> Result<()> {
    let opinion = look_up(at.db, cache, rules, data_key, address, typed).await?;
    appeals::appeal_unnamed(at, opinion.id, text).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let key = DataKey::from_hex(&Secret("1b".repeat(32))).unwrap();
        let draft = DraftId(uuid::Uuid::from_u128(7));
        let code = code_of(&key, draft, "a key that nobody guesses");
        assert_eq!(code.len(), LENGTH + 3, "{code}");
        assert_eq!(code, code_of(&key, draft, "a key that nobody guesses"));
        assert_ne!(code, code_of(&key, draft, "another key"));
        assert_ne!(code, code_of(&key, DraftId(uuid::Uuid::from_u128(8)), "a key that nobody guesses"));
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
