//! 办理: sorting opinions before they are answered.
//!
//! `worklist.rs` finds and counts them, `progress.rs` says how far each article and each draft is, `handling.rs` gives them to handlers, tags and excludes
//! them, `notes.rs` keeps what staff note among themselves and the reasons they use again.

pub mod handling;
pub mod notes;
pub mod progress;
pub mod worklist;

use crate::error::{Error, Result};
use crate::ids::OpinionId;

/// Most opinions that one act names.
pub const MOST_AT_ONCE: usize = 200;
/// The article that stands for the draft as a whole, in filters and addresses of pages.
pub const WHOLE: &str = "whole";

/// The article, or the heading, that an address belongs to: `art-3/para-1/item-2` → `art-3`, `att-1/art-2/para-1` → `att-1/art-2`, `chap-2` → `chap-2`.
pub fn article_of(address: &str) -> &str {
    let mut end = 0;
    for segment in address.split('/') {
        let begins = end;
        end = if end == 0 { segment.len() } else { end + 1 + segment.len() };
        if segment.starts_with("art-") {
            return address.get(..end).unwrap_or(address);
        }
        // Paragraphs and items outside articles belong to what they stand in.
        if begins > 0 && ["para-", "item-", "sub-"].iter().any(|kind| segment.starts_with(kind)) {
            return address.get(..begins).unwrap_or(address);
        }
    }
    address
}

/// At least one opinion and at most [`MOST_AT_ONCE`], without repetitions.
fn checked(opinions: &[OpinionId]) -> Result<Vec<OpinionId>> {
    if opinions.is_empty() {
        return Err(Error::invalid("opinions", "请先选择意见。"));
    }
    if opinions.len() > MOST_AT_ONCE {
        return Err(Error::invalid("opinions", format!("一次最多选择 {MOST_AT_ONCE} 条意见，请分几次操作。")));
    }
    let mut kept: Vec<OpinionId> = Vec::with_capacity(opinions.len());
    for opinion in opinions {
        if !kept.contains(opinion) {
            kept.push(*opinion);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_its_article() {
        for (address, article) in [
            ("art-3", "art-3"),
            ("art-3/para-1/item-2", "art-3"),
            ("art-20-1/para-2", "art-20-1"),
            ("att-1/art-2/para-1", "att-1/art-2"),
            ("chap-2", "chap-2"),
            ("part-1/chap-2", "part-1/chap-2"),
            ("att-1/item-2/sub-1", "att-1"),
            ("item-2", "item-2"),
            ("", ""),
        ] {
            assert_eq!(article_of(address), article, "{address}");
        }
    }

    #[test]
    fn a_choice_is_bounded() {
        let id = |n: u128| OpinionId(uuid::Uuid::from_u128(n));
        assert!(checked(&[]).is_err());
        assert_eq!(checked(&[id(1), id(1), id(2)]).unwrap(), [id(1), id(2)]);
        assert!(checked(&(0..201).map(id).collect::<Vec<_>>()).is_err());
    }
}
