//! The contents of the store of originals: each read from the old store, written to the new one, read back, and compared with its hash.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::try_join_all;
use sqlx::PgConnection;

use crate::error::{Code, Result};
use crate::storage::blobs::Blobs;
use crate::storage::snapshot::Content;
use crate::storage::sql::failed;

/// Contents carried at a time.
const AT_ONCE: usize = 8;

/// What became of the contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Those that the new store holds.
    pub whole: usize,
    /// Paths of those that the old store itself has lost or damaged.
    pub lost: Vec<String>,
    /// Paths of those that the old store has and the new one has not.
    pub missing: Vec<String>,
}

/// Carries the contents that were not carried yet. `on_batch` hears how many are done after each batch.
pub async fn carry(
    target: &mut PgConnection,
    from: &Blobs,
    to: &Blobs,
    contents: &BTreeMap<String, Content>,
    on_batch: &mut dyn FnMut(usize),
) -> Result<Carried> {
    let done: Vec<String> = sqlx::query_scalar("SELECT path FROM moving_content").fetch_all(&mut *target).await.map_err(failed)?;
    let done: HashSet<String> = done.into_iter().collect();
    let waiting: Vec<(&String, &Content)> = contents.iter().filter(|(path, _)| !done.contains(*path)).collect();
    let mut carried = Carried { whole: contents.len() - waiting.len(), ..Carried::default() };
    for batch in waiting.chunks(AT_ONCE) {
        let outcomes = try_join_all(batch.iter().map(|(_, content)| carry_one(from, to, content))).await?;
        let mut whole: Vec<String> = Vec::new();
        for ((path, _), is_whole) in batch.iter().zip(outcomes) {
            if is_whole {
                whole.push((*path).clone());
            } else {
                carried.lost.push((*path).clone());
            }
        }
        carried.whole += whole.len();
        sqlx::query("INSERT INTO moving_content (path) SELECT UNNEST($1::text[])")
            .bind(whole)
            .execute(&mut *target)
            .await
            .map_err(failed)?;
        on_batch(carried.whole);
    }
    Ok(carried)
}

/// Whether the new store holds the content now; the old one has lost it otherwise.
async fn carry_one(from: &Blobs, to: &Blobs, content: &Content) -> Result<bool> {
    let (from, to) = (from.shelf(content.shelf()), to.shelf(content.shelf()));
    match from.get(&content.hash).await {
        Ok(bytes) => {
            to.put(bytes).await?;
            to.get(&content.hash).await?;
            Ok(true)
        }
        // An installation that kept its contents in an object store before has none of them here.
        Err(error) if is_lost(error.code) => is_held(&to, content).await,
        Err(error) => Err(error),
    }
}

/// Reads every content in the new store, and compares it with its hash.
pub async fn check(from: &Blobs, to: &Blobs, contents: &BTreeMap<String, Content>) -> Result<Carried> {
    let mut carried = Carried::default();
    let all: Vec<(&String, &Content)> = contents.iter().collect();
    for batch in all.chunks(AT_ONCE) {
        let outcomes = try_join_all(batch.iter().map(|(_, content)| check_one(from, to, content))).await?;
        for ((path, _), (ours, theirs)) in batch.iter().zip(outcomes) {
            match (ours, theirs) {
                (_, true) => carried.whole += 1,
                (true, false) => carried.missing.push((*path).clone()),
                (false, false) => carried.lost.push((*path).clone()),
            }
        }
    }
    Ok(carried)
}

/// Whether the old store and the new one hold a content.
async fn check_one(from: &Blobs, to: &Blobs, content: &Content) -> Result<(bool, bool)> {
    let theirs = is_held(&to.shelf(content.shelf()), content).await?;
    let ours = theirs || is_held(&from.shelf(content.shelf()), content).await?;
    Ok((ours, theirs))
}

async fn is_held(shelf: &Blobs, content: &Content) -> Result<bool> {
    match shelf.get(&content.hash).await {
        Ok(_) => Ok(true),
        Err(error) if is_lost(error.code) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a failed reading says that the content is not there, or is not what its hash says.
fn is_lost(code: Code) -> bool {
    matches!(code, Code::NotFound | Code::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::storage::snapshot::add_originals;

    fn store(folder: &std::path::Path) -> Blobs {
        Blobs::open(&Config { data_dir: folder.to_owned(), ..Config::default() }).unwrap()
    }

    #[tokio::test]
    async fn what_is_lost_in_the_old_store_is_told_from_what_is_missing_in_the_new_one() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (store(old.path()), store(new.path()));
        for n in 0..4 {
            from.put(format!("原件{n}").into_bytes()).await.unwrap();
        }
        let mut contents = BTreeMap::new();
        add_originals(old.path(), &mut contents).unwrap();
        let paths: Vec<String> = contents.keys().cloned().collect();
        for (at, path) in paths.iter().enumerate() {
            let content = &contents[path];
            if at == 0 {
                std::fs::write(old.path().join(path), "改动").unwrap();
                assert!(!carry_one(&from, &to, content).await.unwrap());
            } else {
                assert!(carry_one(&from, &to, content).await.unwrap() && carry_one(&from, &to, content).await.unwrap());
            }
        }
        std::fs::remove_file(new.path().join(&paths[1])).unwrap();
        std::fs::write(new.path().join(&paths[2]), "改动").unwrap();
        let carried = check(&from, &to, &contents).await.unwrap();
        assert_eq!((carried.whole, carried.lost, carried.missing), (1, vec![paths[0].clone()], vec![paths[1].clone(), paths[2].clone()]));
        assert!(
            carry_one(&from, &to, &contents[&paths[2]]).await.is_err(),
            "what lies in the new store under a hash that is not its own is not passed over"
        );
    }
}
