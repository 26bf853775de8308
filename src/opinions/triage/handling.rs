//! Giving opinions to handlers, tagging them, and excluding those that need no answer.

use sqlx::FromRow;

use super::{MOST_AT_ONCE, WHOLE, checked};
use crate::accounts::{Actor, Caller, Permission, Role};
use crate::audit::{self, Act, NewEntry};
use crate::drafts;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, DraftId, OpinionId};
use crate::opinions::feedback::ExclusionReason;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// What is given to a handler.
#[derive(Clone, Debug)]
pub enum Assigned {
    /// These opinions.
    Opinions(Vec<OpinionId>),
    /// All opinions on an article and what stands in it that are not answered yet; [`WHOLE`] = on the draft as a whole.
    Article(String),
}

/// A person who can handle opinions.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Handler {
    /// Account.
    pub id: AccountId,
    /// Name.
    pub display_name: String,
    role: String,
}

// Everybody but citizens, written so that an index leads to them.
const LIST_STAFF: &str =
    "SELECT id, display_name, role FROM account WHERE is_active AND (role < 'citizen' OR role > 'citizen') ORDER BY display_name, id";
const ASSIGN: &str = "UPDATE opinion SET handler_id = $3 WHERE id = $1 AND draft_id = $2 AND state <> 'withdrawn'";
const ASSIGN_ARTICLE: &str = "UPDATE opinion SET handler_id = $2 WHERE draft_id = $1 AND (address = $3 OR address LIKE $4)
    AND state IN ('received', 'answer_prepared', 'answer_reviewed')";
const ASSIGN_WHOLE: &str = "UPDATE opinion SET handler_id = $2 WHERE draft_id = $1 AND address IS NULL
    AND state IN ('received', 'answer_prepared', 'answer_reviewed')";
const FIND: &str = "SELECT state FROM opinion WHERE id = $1 AND draft_id = $2";
const PUT_TAG: &str = "INSERT INTO opinion_tag (opinion_id, draft_id, tag) VALUES ($1, $2, $3) ON CONFLICT (opinion_id, tag) DO NOTHING";
const DROP_TAG: &str = "DELETE FROM opinion_tag WHERE opinion_id = $1 AND tag = $2";
const EXCLUDE: &str = "UPDATE opinion SET state = 'excluded', exclusion = $2 WHERE id = $1";
const INCLUDE: &str = "UPDATE opinion SET state = 'received', exclusion = NULL WHERE id = $1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_STAFF, ASSIGN, ASSIGN_ARTICLE, ASSIGN_WHOLE, FIND, PUT_TAG, DROP_TAG, EXCLUDE, INCLUDE];

/// Longest tag, in characters.
const TAG_CHARACTERS: usize = 20;
/// Most tags that one act names.
const MOST_TAGS: usize = 10;

/// People who can handle opinions, by name.
pub async fn list_handlers(db: &Db, caller: &Caller) -> Result<Vec<Handler>> {
    caller.require(Permission::ReadOpinions)?;
    let staff: Vec<Handler> = on_db!(db, pool => sqlx::query_as(LIST_STAFF).fetch_all(pool).await).map_err(failed)?;
    let may = |role: &str| Role::parse(role).is_some_and(|role| Permission::PrepareFeedback.roles().contains(&role));
    Ok(staff.into_iter().filter(|person| may(&person.role)).collect())
}

/// Gives opinions of a draft to a handler, or to nobody, and says how many.
pub async fn assign_opinions(
    db: &Db,
    clock: &Clock,
    by: &Caller,
    draft: DraftId,
    what: &Assigned,
    handler: Option<AccountId>,
) -> Result<i64> {
    by.require(Permission::PrepareFeedback)?;
    if let Some(handler) = handler
        && !list_handlers(db, by).await?.iter().any(|person| person.id == handler)
    {
        return Err(Error::invalid("handler_id", "请从名单中选择在岗的经办人员。"));
    }
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    let (assigned, named) = match what {
        Assigned::Opinions(opinions) => {
            let opinions = checked(opinions)?;
            for opinion in &opinions {
                let found: u64 = on_tx!(&mut tx, c => sqlx::query(ASSIGN)
                    .bind(*opinion).bind(draft).bind(handler).execute(c).await.map(|d| d.rows_affected()))
                .map_err(failed)?;
                if found == 0 {
                    return Err(Error::not_found("所选的意见"));
                }
            }
            (opinions.len() as u64, listed(&opinions))
        }
        Assigned::Article(article) if article == WHOLE => {
            let found: u64 = on_tx!(&mut tx, c => sqlx::query(ASSIGN_WHOLE)
                .bind(draft).bind(handler).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
            (found, WHOLE.to_owned())
        }
        Assigned::Article(article) => {
            if article.is_empty() || article.len() > 200 || article.contains(['%', '_']) {
                return Err(Error::invalid("article", "条款地址无法识别，请从条文列表中选择。"));
            }
            let below = format!("{article}/%");
            let found: u64 = on_tx!(&mut tx, c => sqlx::query(ASSIGN_ARTICLE)
                .bind(draft).bind(handler).bind(article).bind(&below).execute(c).await.map(|d| d.rows_affected()))
            .map_err(failed)?;
            (found, article.clone())
        }
    };
    let whom = handler.map_or_else(|| "nobody".into(), |id| id.to_string());
    record(&mut tx, clock, by, Act::AssignOpinions, draft, &format!("{assigned} to {whom}: {named}")).await?;
    tx.commit().await?;
    Ok(i64::try_from(assigned).unwrap_or(i64::MAX))
}

/// Puts tags on opinions of a draft and takes others off; what is there already, or is not there, is no failure.
pub async fn tag_opinions(
    db: &Db,
    clock: &Clock,
    by: &Caller,
    draft: DraftId,
    opinions: &[OpinionId],
    add: &[String],
    remove: &[String],
) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let opinions = checked(opinions)?;
    let (add, remove) = (tags(add)?, tags(remove)?);
    if add.is_empty() && remove.is_empty() {
        return Err(Error::invalid("add", "请填写标签。"));
    }
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    for opinion in &opinions {
        state_of(&mut tx, draft, *opinion).await?;
        for tag in &add {
            on_tx!(&mut tx, c => sqlx::query(PUT_TAG).bind(*opinion).bind(draft).bind(tag).execute(c).await.map(drop)).map_err(failed)?;
        }
        for tag in &remove {
            on_tx!(&mut tx, c => sqlx::query(DROP_TAG).bind(*opinion).bind(tag).execute(c).await.map(drop)).map_err(failed)?;
        }
    }
    record(&mut tx, clock, by, Act::TagOpinions, draft, &listed(&opinions)).await?;
    tx.commit().await
}

fn tags(given: &[String]) -> Result<Vec<String>> {
    let kept: Vec<String> = given.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
    let is_bad = |tag: &String| tag.chars().count() > TAG_CHARACTERS || tag.chars().any(|c| c == ',' || c.is_control());
    if kept.len() > MOST_TAGS || kept.iter().any(is_bad) {
        return Err(Error::invalid("tags", format!("标签不超过 {TAG_CHARACTERS} 个字，不含英文逗号，一次不超过 {MOST_TAGS} 个。")));
    }
    Ok(kept)
}

/// Excludes opinions of a draft from feedback for a listed reason, or takes excluded ones in again (`None`); what was written as an answer stays and is
/// looked at anew. All or none: one whose answer is public, or that was withdrawn, is [`Code::Conflict`].
pub async fn exclude_opinions(
    db: &Db,
    clock: &Clock,
    by: Actor<'_>,
    draft: DraftId,
    opinions: &[OpinionId],
    reason: Option<ExclusionReason>,
) -> Result<()> {
    by.require(Permission::PrepareFeedback)?;
    let opinions = checked(opinions)?;
    let mut tx = db.begin().await?;
    drafts::lock_draft(&mut tx, clock, draft).await?;
    for opinion in &opinions {
        let state = state_of(&mut tx, draft, *opinion).await?;
        if matches!(state.as_str(), "answered" | "withdrawn") {
            return Err(Error::new(Code::Conflict, "已经公布采纳情况或者已由作者撤回的意见，不能再列为不作反馈，请取消选择。"));
        }
        match reason {
            Some(reason) => {
                on_tx!(&mut tx, c => sqlx::query(EXCLUDE).bind(*opinion).bind(reason.as_str()).execute(c).await.map(drop))
            }
            None if state == "excluded" => on_tx!(&mut tx, c => sqlx::query(INCLUDE).bind(*opinion).execute(c).await.map(drop)),
            None => Ok(()),
        }
        .map_err(failed)?;
    }
    let detail = format!("{}: {}", reason.map_or("taken in again", ExclusionReason::as_str), listed(&opinions));
    let entry = NewEntry {
        account_id: by.account_id(),
        act: Act::ExcludeOpinions,
        subject: "draft",
        subject_id: Some(draft.0),
        is_success: true,
        detail: &detail,
    };
    audit::append(&mut tx, clock, entry).await?;
    tx.commit().await
}

async fn state_of(tx: &mut Tx, draft: DraftId, opinion: OpinionId) -> Result<String> {
    let state: Option<String> =
        on_tx!(&mut *tx, c => sqlx::query_scalar(FIND).bind(opinion).bind(draft).fetch_optional(c).await).map_err(failed)?;
    state.ok_or_else(|| Error::not_found("所选的意见"))
}

async fn record(tx: &mut Tx, clock: &Clock, by: &Caller, act: Act, draft: DraftId, detail: &str) -> Result<()> {
    let entry = NewEntry { account_id: Some(by.account_id), act, subject: "draft", subject_id: Some(draft.0), is_success: true, detail };
    audit::append(tx, clock, entry).await
}

/// Ids for the log; [`MOST_AT_ONCE`] bounds them.
fn listed(opinions: &[OpinionId]) -> String {
    opinions.iter().take(MOST_AT_ONCE).map(OpinionId::to_string).collect::<Vec<_>>().join(" ")
}
