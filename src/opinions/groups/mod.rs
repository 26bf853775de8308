//! 同类意见: near-identical opinions that are answered together.
//!
//! `suggesting.rs` finds them with `opinions/grouping` and writes suggestions; `changing.rs` is what staff do: confirm, take apart, add, merge. Nothing is
//! discarded: a group counts its submissions, their distinct texts and the people behind them.

pub mod changing;
pub mod suggesting;

use sqlx::FromRow;
use uuid::Uuid;

use super::feedback::DispositionKind;
use crate::accounts::{Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{DraftId, DraftVersionId, OpinionId};
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, decode_cursor, failed};
use crate::text_enum;

text_enum! {
    /// Whether a person has looked at a group.
    GroupState {
        /// Computed; nobody looked yet.
        Suggested = "suggested", "待确认";
        /// A person let it stand.
        Confirmed = "confirmed", "已确认";
    }
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Id.
    pub id: Uuid,
    /// Its draft.
    pub draft_id: DraftId,
    /// The version that all members speak of.
    pub version_id: DraftVersionId,
    /// The member that stands for it.
    pub representative: OpinionId,
    /// What that one says.
    pub body: String,
    /// What that one speaks of, as cited.
    pub provision_label: String,
    /// Whether a person has looked at it.
    pub state: GroupState,
    /// One more with each change.
    pub revision: i64,
    /// The answer written for it, offered for later members.
    pub answer: Option<GroupAnswer>,
    /// 条数: opinions in it, without those that were withdrawn.
    pub submissions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// Members that still need an answer to be written.
    pub unanswered: i64,
    /// Members whose answer waits for a second person.
    pub waiting: i64,
    /// Members whose answer is public; they stay where they are.
    pub answered: i64,
}

/// The answer written for a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAnswer {
    /// Outcome.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// The provision that resulted.
    pub result: Option<(DraftVersionId, String)>,
    /// How that is cited; empty when there is none.
    pub result_label: String,
}

macro_rules! select {
    ($with:literal, $rest:literal) => {
        concat!(
            $with,
            "SELECT g.id, g.draft_id, g.version_id, g.representative_id, r.body, r.provision_label, g.state, g.revision, g.kind, g.reason,
            g.result_version_id, g.result_address, g.result_label,
            CAST(COUNT(o.id) AS BIGINT) AS submissions, CAST(COUNT(DISTINCT o.text_hash) AS BIGINT) AS distinct_texts,
            CAST(COUNT(DISTINCT o.account_id) AS BIGINT) AS signed_in_people,
            CAST(COUNT(o.id) FILTER (WHERE o.state = 'received') AS BIGINT) AS unanswered,
            CAST(COUNT(o.id) FILTER (WHERE o.state = 'answer_prepared') AS BIGINT) AS waiting,
            CAST(COUNT(o.id) FILTER (WHERE o.state = 'answered') AS BIGINT) AS answered
            FROM opinion_group g JOIN opinion r ON r.id = g.representative_id
            LEFT JOIN opinion o ON o.group_id = g.id AND o.state <> 'withdrawn' ",
            $rest
        )
    };
}

// The largest groups by an index alone; only their opinions are read.
const LIST: &str = select!(
    "WITH sized AS (SELECT g.id, COUNT(o.group_id) AS submissions FROM opinion_group g
        LEFT JOIN opinion o ON o.group_id = g.id AND o.state <> 'withdrawn' WHERE g.draft_id = $1 AND (g.state = $2 OR $2 IS NULL) GROUP BY g.id),
    picked AS MATERIALIZED (SELECT id FROM sized WHERE (submissions < $3 OR (submissions = $3 AND id < $4) OR $3 IS NULL)
        ORDER BY submissions DESC, id DESC LIMIT $5) ",
    "WHERE g.id IN (SELECT id FROM picked) GROUP BY g.id, r.id ORDER BY submissions DESC, g.id DESC"
);
const FIND: &str = select!("", "WHERE g.id = $1 GROUP BY g.id, r.id");

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST, FIND];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    draft_id: DraftId,
    version_id: DraftVersionId,
    representative_id: OpinionId,
    body: String,
    provision_label: String,
    state: String,
    revision: i64,
    kind: Option<String>,
    reason: String,
    result_version_id: Option<DraftVersionId>,
    result_address: Option<String>,
    result_label: String,
    submissions: i64,
    distinct_texts: i64,
    signed_in_people: i64,
    unanswered: i64,
    waiting: i64,
    answered: i64,
}

impl Row {
    fn into_group(self) -> Result<Group> {
        let answer = match self.kind {
            Some(kind) => Some(GroupAnswer {
                kind: DispositionKind::stored(&kind)?,
                reason: self.reason,
                result: self.result_version_id.zip(self.result_address),
                result_label: self.result_label,
            }),
            None => None,
        };
        Ok(Group {
            id: self.id,
            draft_id: self.draft_id,
            version_id: self.version_id,
            representative: self.representative_id,
            body: self.body,
            provision_label: self.provision_label,
            state: GroupState::stored(&self.state)?,
            revision: self.revision,
            answer,
            submissions: self.submissions,
            distinct_texts: self.distinct_texts,
            signed_in_people: self.signed_in_people,
            unanswered: self.unanswered,
            waiting: self.waiting,
            answered: self.answered,
        })
    }
}

/// The groups of a draft, the largest first; `state` narrows.
pub async fn list_groups(
    db: &Db,
    caller: &Caller,
    draft: &Draft,
    state: Option<GroupState>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Group>> {
    caller.require(Permission::ReadOpinions)?;
    let after: Option<(i64, Uuid)> = cursor.map(decode_cursor).transpose()?;
    let (submissions, id) = after.map_or((None, None), |(n, id)| (Some(n), Some(id)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(draft.id).bind(state.map(GroupState::as_str)).bind(submissions).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.submissions, row.id));
    let items: Result<Vec<Group>> = page.items.into_iter().map(Row::into_group).collect();
    Ok(Page { items: items?, next: page.next })
}

/// One group.
pub async fn get_group(db: &Db, caller: &Caller, id: Uuid) -> Result<Group> {
    caller.require(Permission::ReadOpinions)?;
    let row: Option<Row> = on_db!(db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
    row.ok_or_else(|| Error::not_found("这组同类意见"))?.into_group()
}
