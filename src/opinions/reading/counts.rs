//! Counts of the opinions on a draft.

use sqlx::FromRow;

use super::DispositionKind;
use crate::drafts::Draft;
use crate::error::Result;
use crate::ids::DraftId;
use crate::on_db;
use crate::opinions::{Channel, OpinionState, add};
use crate::storage::Db;
use crate::storage::sql::failed;

/// Counts of the opinions on a draft. Each number counts something else, so each is named where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpinionCounts {
    /// 意见条数: opinions received.
    pub opinions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// Opinions whose answer is public.
    pub answered: i64,
    /// By channel.
    pub by_channel: Vec<(Channel, i64)>,
    /// Public answers by outcome.
    pub by_disposition: Vec<(DispositionKind, i64)>,
}

/// Opinions on one provision itself, what belongs to it not included.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ProvisionCount {
    /// Address; `None` = the draft as a whole.
    pub address: Option<String>,
    /// 意见条数: opinions received.
    pub opinions: i64,
    /// Those among them whose words others may see.
    pub shown: i64,
}

// Each number from an index that holds what it counts in order: neither the rows themselves are read nor hundreds of thousands of texts sorted.
const COUNT_RECEIVED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state <> 'withdrawn'";
const COUNT_STANDING: &str = "SELECT state, channel, CAST(COUNT(*) AS BIGINT) FROM opinion WHERE draft_id = $1 AND state <> 'withdrawn'
    GROUP BY state, channel ORDER BY channel";
const COUNT_DIFFERENT: &str =
    "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT DISTINCT text_hash FROM opinion WHERE draft_id = $1 AND state <> 'withdrawn') t),
    (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT DISTINCT account_id FROM opinion
        WHERE draft_id = $1 AND state <> 'withdrawn' AND account_id IS NOT NULL) a)";
const COUNT_BY_DISPOSITION: &str = "SELECT p.kind, CAST(COUNT(*) AS BIGINT) FROM disposition p JOIN opinion o ON o.id = p.opinion_id
    WHERE o.draft_id = $1 AND o.state = 'answered' AND p.published_at IS NOT NULL GROUP BY p.kind ORDER BY p.kind";
const COUNT_BY_PROVISION: &str = "SELECT o.address, CAST(COUNT(*) AS BIGINT) AS opinions,
    CAST(COUNT(*) FILTER (WHERE o.is_public AND o.display = 'shown' AND c.shows_opinions) AS BIGINT) AS shown
    FROM opinion o JOIN consultation c ON c.id = o.consultation_id
    WHERE o.draft_id = $1 AND o.state <> 'withdrawn' GROUP BY o.address ORDER BY o.address";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[COUNT_RECEIVED, COUNT_STANDING, COUNT_DIFFERENT, COUNT_BY_DISPOSITION, COUNT_BY_PROVISION];

/// 意见条数: opinions received on a draft.
pub async fn count_received(db: &Db, draft: DraftId) -> Result<i64> {
    on_db!(db, pool => sqlx::query_scalar(COUNT_RECEIVED).bind(draft).fetch_one(pool).await).map_err(failed)
}

/// Counts of the opinions on a draft.
pub async fn count_opinions(db: &Db, draft: &Draft) -> Result<OpinionCounts> {
    let standing: Vec<(String, String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_STANDING).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let (distinct_texts, signed_in_people): (i64, i64) =
        on_db!(db, pool => sqlx::query_as(COUNT_DIFFERENT).bind(draft.id).fetch_one(pool).await).map_err(failed)?;
    let outcomes: Vec<(String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNT_BY_DISPOSITION).bind(draft.id).fetch_all(pool).await).map_err(failed)?;
    let (mut opinions, mut answered, mut by_channel) = (0, 0, Vec::<(Channel, i64)>::new());
    for (state, channel, count) in standing {
        opinions += count;
        answered += if state == OpinionState::Answered.as_str() { count } else { 0 };
        add(&mut by_channel, Channel::stored(&channel)?, count);
    }
    Ok(OpinionCounts {
        opinions,
        distinct_texts,
        signed_in_people,
        answered,
        by_channel,
        by_disposition: outcomes.into_iter().map(|(k, n)| Ok((DispositionKind::stored(&k)?, n))).collect::<Result<_>>()?,
    })
}

/// Opinions by the provision they speak of, in one statement; those on the whole draft have no address.
pub async fn count_by_provision(db: &Db, draft: &Draft) -> Result<Vec<ProvisionCount>> {
    on_db!(db, pool => sqlx::query_as(COUNT_BY_PROVISION).bind(draft.id).fetch_all(pool).await).map_err(failed)
}
