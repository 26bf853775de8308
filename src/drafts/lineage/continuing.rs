//! Where a provision went: walking along the stored lineages from one version to a later one.

use std::collections::{HashMap, VecDeque};

use super::keeping::compute;
use super::{ContinuationKind, Lineage, Text};
use crate::drafts::versions::{self, DraftVersion};
use crate::error::Result;
use crate::ids::DraftVersionId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::failed;

const LIST_PAIRS: &str = "SELECT from_version_id, to_version_id FROM lineage WHERE draft_id = $1 ORDER BY from_version_id, to_version_id";
const CONTINUE: &str =
    "SELECT kind, to_address FROM lineage_relation WHERE from_version_id = $1 AND to_version_id = $2 AND from_address = $3
    ORDER BY ordinal, to_address";
const FIND_LABEL: &str = "SELECT p.label, CASE WHEN s.address IS NULL THEN FALSE ELSE TRUE END FROM draft_provision p
    LEFT JOIN draft_provision s ON s.version_id = p.version_id AND s.address = $3 WHERE p.version_id = $1 AND p.address = $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_PAIRS, CONTINUE, FIND_LABEL];

/// One place to which a provision came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// What became of the provision itself; across several versions the greatest change: deleted, split, merged, moved, modified, kept.
    pub kind: ContinuationKind,
    /// Where to look in the later version; `None` when nothing is left of it nor of the article it stood in.
    pub address: Option<String>,
    /// That place as it is cited, e.g. 第十六条第二款; empty without a place.
    pub label: String,
    /// Whether the place is the provision itself. If not, the 款 or 项 has no continuation of its own, and the place is where its article went.
    pub is_exact: bool,
}

/// Where a provision of one version is found in a later version of the same draft; several places after a split. Empty when the later version is not
/// later, or the address is in no relation. Below the article (款, 项) it falls back to the article that holds it.
pub async fn follow(db: &Db, from: &DraftVersion, address: &str, to: &DraftVersion) -> Result<Vec<Continuation>> {
    if from.id == to.id {
        let label = label_in(db, to.id, address).await?;
        return Ok(label
            .map(|label| Continuation { kind: ContinuationKind::Kept, address: Some(address.to_owned()), label, is_exact: true })
            .into_iter()
            .collect());
    }
    if from.draft_id != to.draft_id || from.number > to.number {
        return Ok(Vec::new());
    }
    let pairs: Vec<(DraftVersionId, DraftVersionId)> =
        on_db!(db, pool => sqlx::query_as(LIST_PAIRS).bind(from.draft_id).fetch_all(pool).await).map_err(failed)?;
    let mut open = vec![Trace { kind: ContinuationKind::Kept, address: address.to_owned(), is_exact: true }];
    let mut closed: Vec<Continuation> = Vec::new();
    match shortest(&pairs, from.id, to.id) {
        Some(path) => {
            for (older, newer) in path {
                let mut next = Vec::new();
                for trace in open {
                    let found = async |address: &str| -> Result<Vec<(ContinuationKind, String)>> {
                        let rows: Vec<(String, String)> = on_db!(db, pool => sqlx::query_as(CONTINUE)
                            .bind(older).bind(newer).bind(address).fetch_all(pool).await)
                        .map_err(failed)?;
                        rows.into_iter().map(|(kind, address)| Ok((ContinuationKind::stored(&kind)?, address))).collect()
                    };
                    let mut chain = Vec::new();
                    for address in upwards(&trace.address) {
                        let steps = found(address).await?;
                        let is_enough = steps.iter().any(|(_, to)| !to.is_empty());
                        chain.push(steps);
                        if is_enough {
                            break;
                        }
                    }
                    step(trace, chain, &mut next, &mut closed);
                }
                open = next;
            }
        }
        // No stored pair leads there: a draft from before lineages were stored.
        None => {
            let old = Text::from(versions::list_provisions(db, from).await?);
            let new = Text::from(versions::list_provisions(db, to).await?);
            let lineage = compute(old, new, Vec::new()).await?;
            let mut next = Vec::new();
            for trace in open {
                let chain = upwards(&trace.address).map(|address| steps_of(&lineage, address)).collect();
                step(trace, chain, &mut next, &mut closed);
            }
            open = next;
        }
    }
    for trace in open {
        let label = label_in(db, to.id, &trace.address).await?.unwrap_or_default();
        let place = Continuation { kind: trace.kind, address: Some(trace.address), label, is_exact: trace.is_exact };
        if !closed.contains(&place) {
            closed.push(place);
        }
    }
    Ok(closed)
}

/// A place on the way.
struct Trace {
    kind: ContinuationKind,
    address: String,
    is_exact: bool,
}

/// An address and those of what holds it, up to the article: `art-3/para-1/item-2`, `art-3/para-1`, `art-3`.
fn upwards(address: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(address), |address| address.rfind('/').and_then(|cut| address.get(..cut)))
}

/// Takes one step: `chain` holds what became of the address and, where that led nowhere, of what holds it.
fn step(trace: Trace, chain: Vec<Vec<(ContinuationKind, String)>>, next: &mut Vec<Trace>, closed: &mut Vec<Continuation>) {
    let is_gone = chain.first().is_some_and(|steps| !steps.is_empty() && steps.iter().all(|(_, to)| to.is_empty()));
    for (above, steps) in chain.into_iter().enumerate() {
        let mut is_found = false;
        for (kind, address) in steps.into_iter().filter(|(_, to)| !to.is_empty()) {
            let kind = if is_gone { ContinuationKind::Deleted } else { greater(trace.kind, kind) };
            next.push(Trace { kind, address, is_exact: trace.is_exact && above == 0 });
            is_found = true;
        }
        if is_found {
            return;
        }
    }
    if is_gone || trace.kind == ContinuationKind::Deleted {
        let gone = Continuation { kind: ContinuationKind::Deleted, address: None, label: String::new(), is_exact: trace.is_exact };
        if !closed.contains(&gone) {
            closed.push(gone);
        }
    }
}

/// The greater of two changes.
fn greater(a: ContinuationKind, b: ContinuationKind) -> ContinuationKind {
    use ContinuationKind::*;
    let rank = |kind: ContinuationKind| [Kept, Added, Modified, Moved, Merged, Split, Deleted].iter().position(|k| *k == kind);
    if rank(a) >= rank(b) { a } else { b }
}

/// What became of one address, out of a lineage in memory.
fn steps_of(lineage: &Lineage, address: &str) -> Vec<(ContinuationKind, String)> {
    let Some(place) = lineage.old.find(address) else { return Vec::new() };
    let Some(relation) = lineage.relations.iter().find(|relation| relation.old.contains(&place)) else { return Vec::new() };
    if relation.new.is_empty() {
        return vec![(relation.kind, String::new())];
    }
    relation.new.iter().filter_map(|j| lineage.new.nodes().get(*j)).map(|node| (relation.kind, node.address.clone())).collect()
}

/// The fewest stored steps from one version to another.
fn shortest(
    pairs: &[(DraftVersionId, DraftVersionId)],
    from: DraftVersionId,
    to: DraftVersionId,
) -> Option<Vec<(DraftVersionId, DraftVersionId)>> {
    let mut before: HashMap<DraftVersionId, DraftVersionId> = HashMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut path = Vec::new();
            let mut here = to;
            while here != from {
                let previous = *before.get(&here)?;
                path.push((previous, here));
                here = previous;
            }
            path.reverse();
            return Some(path);
        }
        for (older, newer) in pairs.iter().filter(|(older, _)| *older == at) {
            if *newer != from && !before.contains_key(newer) {
                before.insert(*newer, *older);
                queue.push_back(*newer);
            }
        }
    }
    None
}

/// How a provision of a version is cited; `None` when there is none at the address.
async fn label_in(db: &Db, version: DraftVersionId, address: &str) -> Result<Option<String>> {
    let article = address.split('/').next().unwrap_or(address);
    let second = format!("{article}/para-2");
    let found: Option<(String, bool)> =
        on_db!(db, pool => sqlx::query_as(FIND_LABEL).bind(version).bind(address).bind(&second).fetch_optional(pool).await)
            .map_err(failed)?;
    Ok(found.map(|(label, has_second)| versions::citation_of(address, &label, has_second)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_way_of_fewest_steps_is_taken() {
        let id = |n: u128| DraftVersionId(Uuid::from_u128(n));
        let pairs = [(id(1), id(2)), (id(2), id(3)), (id(1), id(4)), (id(3), id(4)), (id(4), id(5))];
        assert_eq!(shortest(&pairs, id(1), id(5)), Some(vec![(id(1), id(4)), (id(4), id(5))]));
        assert_eq!(shortest(&pairs, id(2), id(4)), Some(vec![(id(2), id(3)), (id(3), id(4))]));
        assert_eq!(shortest(&pairs, id(5), id(1)), None);
        let round = [(id(1), id(2)), (id(2), id(1))];
        assert_eq!(shortest(&round, id(1), id(3)), None, "a circle ends");
    }

    #[test]
    fn addresses_lead_up_to_the_article() {
        assert_eq!(upwards("art-3/para-1/item-2").collect::<Vec<_>>(), ["art-3/para-1/item-2", "art-3/para-1", "art-3"]);
        assert_eq!(upwards("art-3").collect::<Vec<_>>(), ["art-3"]);
    }
}
