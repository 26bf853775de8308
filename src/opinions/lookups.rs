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
use crate::storage::crypto::{DataKey, codes};

/// The code of a post, in groups: `7F3K-9QXD-02MA-VR5T`.
pub(super) fn code_of(data_key: &DataKey, draft: DraftId, key: &str) -> String {
    codes::code_of(data_key, "opinion-lookup-code", &format!("{draft}\0{key}"))
}

/// The hash under which a code is stored.
pub(super) fn hash_of(data_key: &DataKey, code: &str) -> String {
    data_key.keyed_hash("opinion-lookup", code)
}

/// Finds the opinion of a code, as its author sees it. Each address may ask so often that nobody finds a code by trying.
pub async fn look_up(db: &Db, cache: &Cache, rules: &Rules, data_key: &DataKey, address: Option<IpAddr>, typed: &str) -> Result<Opinion> {
    limits::admit(cache, rules, Limit::LookupPerAddress, &address_key(address)).await?;
    let wrong = || {
        let sentence = if is_receipt_number(typed) {
            "这是回执号；请输入提交时得到的 16 位查询码。"
        } else {
            "没有找到这个查询码对应的意见，请核对提交时得到的 16 位查询码。"
        };
        Error::new(Code::NotFound, sentence)
    };
    let code = codes::mended(typed).ok_or_else(wrong)?;
    reading::find_by_code(db, &hash_of(data_key, &code)).await?.ok_or_else(wrong)
}

/// Whether somebody typed the number of a receipt, or the beginning of one: `YJ20260302-0A1B2C3D4E`.
fn is_receipt_number(typed: &str) -> bool {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).take(10).collect::<String>().to_ascii_uppercase();
    typed.strip_prefix("YJ").is_some_and(|day| day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()))
}

/// Where the opinion of a code stands with moderation: why it is hidden, and what became of an appeal.
pub async fn get_display(db: &Db, opinion: &Opinion) -> Result<queue::Item> {
    queue::get_unnamed_item(db, opinion.id).await
}

/// Appeals against the hiding of an opinion that [`look_up`] gave, as [`appeals::appeal`] does for people who are signed in.
pub async fn appeal(at: Desk<'_>, opinion: &Opinion, text: &str) -> Result<()> {
    appeals::appeal_unnamed(at, opinion.id, text).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Clock, IdSource};
    use crate::opinions::posting::receipt_number;

    #[test]
    fn the_number_of_a_receipt_is_known_from_a_code() {
        let number = receipt_number(&IdSource::Random, Clock::fixed(chrono::DateTime::UNIX_EPOCH).now());
        let cut: String = number.chars().take(14).collect();
        for typed in [number.to_lowercase(), number.replace('-', " "), format!(" {number}"), number, cut] {
            assert!(is_receipt_number(&typed), "{typed}");
        }
        for typed in ["", "YJ", "YJ7K-9QXD-02MA-VR5T", "7F3K-9QXD-02MA-VR5T", "2026030212345678", "意见"] {
            assert!(!is_receipt_number(typed), "{typed}");
        }
    }
}
