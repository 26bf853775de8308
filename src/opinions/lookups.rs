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
    let wrong = || Error::new(Code::NotFound, "没有找到这个查询码对应的意见，请核对提交时得到的 16 位查询码。");
    let code = codes::mended(typed).ok_or_else(wrong)?;
    reading::find_by_code(db, &hash_of(data_key, &code)).await?.ok_or_else(wrong)
}

/// Where the opinion of a code stands with moderation: why it is hidden, and what became of an appeal.
pub async fn get_display(db: &Db, opinion: &Opinion) -> Result<queue::Item> {
    queue::get_unnamed_item(db, opinion.id).await
}

/// Appeals against the hiding of an opinion that [`look_up`] gave, as [`appeals::appeal`] does for people who are signed in.
pub async fn appeal(at: Desk<'_>, opinion: &Opinion, text: &str) -> Result<()> {
    appeals::appeal_unnamed(at, opinion.id, text).await
}
