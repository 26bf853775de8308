//! Where what an opinion speaks of stands in the newest public version of its draft. An opinion stays on the words that it was written about; it is
//! never moved, its author is shown the way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::reading::Opinion;
use crate::drafts::lineage::{Continuation, follow};
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{self, Viewer};
use crate::error::{Code, Result};
use crate::ids::{Clock, DraftId};
use crate::storage::Db;

/// The way onward from an opinion's version.
#[derive(Clone, Debug)]
pub struct Onward {
    /// Number of the newest public version.
    pub version_number: i64,
    /// Where its provision went; empty for an opinion on the draft as a whole.
    pub places: Vec<Continuation>,
}

/// Public versions of drafts, read once for a list of opinions.
#[derive(Default)]
pub struct Versions(HashMap<DraftId, Vec<DraftVersion>>);

/// The way onward; `None` while the opinion's own version is the newest.
pub async fn find_onward(db: &Db, clock: &Clock, known: &mut Versions, opinion: &Opinion) -> Result<Option<Onward>> {
    let listed: &[DraftVersion] = match known.0.entry(opinion.draft_id) {
        Entry::Occupied(held) => held.into_mut(),
        Entry::Vacant(place) => place.insert(match drafts::get_draft(db, clock, Viewer::Public(None), opinion.draft_id).await {
            Ok(draft) => versions::list_versions(db, Viewer::Public(None), &draft).await?,
            Err(error) if error.code == Code::NotFound => Vec::new(),
            Err(error) => return Err(error),
        }),
    };
    let own = listed.iter().find(|version| version.id == opinion.version_id);
    let (Some(own), Some(newest)) = (own, listed.last()) else { return Ok(None) };
    if own.number >= newest.number {
        return Ok(None);
    }
    let places = match &opinion.address {
        Some(address) => follow(db, own, address, newest).await?,
        None => Vec::new(),
    };
    Ok(Some(Onward { version_number: newest.number, places }))
}
