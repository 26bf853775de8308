//! The work list of a draft: its opinions by what staff look for, in one of three orders, page by page without an end, with counts of all that match.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::WHOLE;
use crate::accounts::{Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Error, Result};
use crate::ids::{AccountId, DraftVersionId, OpinionId};
use crate::on_db;
use crate::opinions::reading::Opinion;
use crate::opinions::reading::rows::{Row, columns};
use crate::opinions::{Channel, Display, OpinionState, Stance, add};
use crate::storage::Db;
use crate::storage::sql::{Page, beginning_of_time, decode_cursor, end_of_time, failed};
use crate::text_enum;

text_enum! {
    /// In which order the work list stands.
    Order {
        /// As they came.
        Oldest = "oldest", "先收到的在前";
        /// The newest first.
        Newest = "newest", "后收到的在前";
        /// As the articles follow each other.
        Article = "article", "按条文顺序";
    }
}

/// Who handles the opinions that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandledBy {
    /// Nobody yet.
    Nobody,
    /// This person.
    Person(AccountId),
}

/// What is looked for; without anything, all opinions that were not withdrawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkFilter {
    /// Only on this article or heading and what stands in it; [`WHOLE`] = on the draft as a whole.
    pub article: Option<String>,
    /// Only on this version.
    pub version: Option<DraftVersionId>,
    /// Only those that stand here.
    pub state: Option<OpinionState>,
    /// Only those of this visibility.
    pub display: Option<Display>,
    /// Only those that came this way.
    pub channel: Option<Channel>,
    /// Only those of this attitude.
    pub stance: Option<Stance>,
    /// Only those handled by somebody, or by nobody.
    pub handler: Option<HandledBy>,
    /// Only those of a group.
    pub group: Option<Uuid>,
    /// Only those with a tag.
    pub tag: Option<String>,
    /// Only those with these words in opinion, reason, proposed wording or receipt number.
    pub text: Option<String>,
    /// Only those whose answer a second person gave back.
    pub is_returned: bool,
    /// Of each group, only the first that matches.
    pub is_grouped: bool,
}

/// An opinion as staff work on it.
#[derive(Clone, Debug)]
pub struct WorkItem {
    /// The opinion with its answer.
    pub opinion: Opinion,
    /// Name of who handles it.
    pub handler_name: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What is known of its answer beside the words.
    pub answer: Option<AnswerFacts>,
}

/// What staff need to know of an answer beside its words.
#[derive(Clone, Debug)]
pub struct AnswerFacts {
    /// One more each time it is written anew; to be named when it is written or reviewed.
    pub revision: i64,
    /// Who wrote it; `None` = the installation.
    pub prepared_by: Option<AccountId>,
    /// Name of that person.
    pub prepared_by_name: Option<String>,
    /// Whether the author changed the words after it was written.
    pub is_outdated: bool,
    /// What the second person wants mended; empty when it was not given back.
    pub returned_remark: String,
    /// The group through which it was written.
    pub group: Option<Uuid>,
}

/// Counts of what matches. Each counts something else, so each is named where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkCounts {
    /// 条数: opinions.
    pub opinions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// 按渠道: opinions by channel.
    pub by_channel: Vec<(Channel, i64)>,
    /// Opinions by where they stand.
    pub by_state: Vec<(OpinionState, i64)>,
}

/// The conditions that indexes alone can answer.
macro_rules! standing {
    () => {
        "o.draft_id = $1 AND (o.state = $2 OR ($2 IS NULL AND o.state <> 'withdrawn')) AND (o.channel = $3 OR $3 IS NULL)"
    };
}

/// All conditions of a filter. What is dear to look at comes after the question whether it is asked for at all, because SQLite looks from left to right.
macro_rules! matching {
    () => {
        concat!(
            standing!(),
            " AND (o.display = $4 OR $4 IS NULL) AND (o.stance = $5 OR $5 IS NULL) AND (o.handler_id = $6 OR $6 IS NULL)
        AND (NOT $7 OR o.handler_id IS NULL) AND (o.group_id = $8 OR $8 IS NULL)
        AND (CAST($9 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM opinion_tag t WHERE t.opinion_id = o.id AND t.tag = $9))
        AND (o.address = $10 OR o.address LIKE $11 OR $10 IS NULL) AND (NOT $12 OR o.address IS NULL)
        AND (CAST($13 AS TEXT) IS NULL OR lower(o.body) LIKE $13 ESCAPE '!' OR lower(o.reason) LIKE $13 ESCAPE '!'
        OR lower(o.proposed_text) LIKE $13 ESCAPE '!' OR lower(o.receipt_number) LIKE $13 ESCAPE '!')
        AND (o.version_id = $14 OR $14 IS NULL) AND (NOT $15 OR (o.state = 'received' AND EXISTS (SELECT 1 FROM disposition r WHERE r.opinion_id = o.id AND r.returned_at IS NOT NULL)))
        AND (NOT $16 OR o.group_id IS NULL OR NOT EXISTS (SELECT 1 FROM opinion e WHERE e.group_id = o.group_id
        AND (e.state = $2 OR ($2 IS NULL AND e.state <> 'withdrawn')) AND (e.address = $10 OR e.address LIKE $11 OR $10 IS NULL)
        AND (NOT $12 OR e.address IS NULL) AND (e.posted_at, e.id) < (o.posted_at, o.id)))"
        )
    };
}

/// One statement in the ways that lead to its rows. All find the same: a way says once more, in words that an index answers, what the filter says anyway.
struct Ways {
    /// Along the draft.
    any: &'static str,
    /// When a group is looked for.
    of_group: &'static str,
    /// When a handler is looked for.
    of_handler: &'static str,
    /// When a tag is looked for.
    of_tag: &'static str,
    /// When answers that were given back are looked for.
    returned: &'static str,
    /// When an article is looked for.
    of_article: &'static str,
}

impl Ways {
    fn choose(&self, filter: &WorkFilter) -> &'static str {
        match filter {
            WorkFilter { group: Some(_), .. } => self.of_group,
            WorkFilter { is_returned: true, .. } => self.returned,
            WorkFilter { tag: Some(_), .. } => self.of_tag,
            WorkFilter { handler: Some(HandledBy::Person(_)), .. } => self.of_handler,
            WorkFilter { article: Some(article), .. } if article != WHOLE => self.of_article,
            _ => self.any,
        }
    }
}

/// Makes a statement in all [`Ways`]; `$article` is the one to an article.
macro_rules! ways {
    ($statement:ident, $article:expr, $rest:literal) => {
        Ways {
            any: $statement!("", $rest),
            of_group: $statement!("o.group_id = $8 AND ", $rest),
            of_handler: $statement!("o.handler_id = $6 AND ", $rest),
            of_tag: $statement!("o.id IN (SELECT t.opinion_id FROM opinion_tag t WHERE t.draft_id = $1 AND t.tag = $9) AND ", $rest),
            returned: $statement!("o.id IN (SELECT r.opinion_id FROM disposition r WHERE r.returned_at IS NOT NULL) AND ", $rest),
            of_article: $statement!($article, $rest),
        }
    };
}

/// By the addresses of what stands in the article. Right for what reads all of it; the first of its opinions in the order of time are found sooner along the draft.
macro_rules! by_address {
    () => {
        "o.address IN (SELECT part.address FROM draft_version text_version JOIN draft_provision part ON part.version_id = text_version.id
        WHERE text_version.draft_id = $1 AND (part.address = $10 OR part.address LIKE $11)) AND "
    };
}

/// What an item shows.
macro_rules! item {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", COALESCE(dp.ordinal, -1) AS place, h.display_name AS handler_name, p.revision AS answer_revision, p.prepared_by, pb.display_name AS prepared_by_name,
            p.opinion_revision, p.returned_remark, p.returned_at, p.group_id AS answer_group,
            (SELECT string_agg(t.tag, ',' ORDER BY t.tag) FROM opinion_tag t WHERE t.opinion_id = o.id) AS tags "
        )
    };
}

/// Where the parts of an item stand, beside the opinion itself.
macro_rules! parts {
    () => {
        "LEFT JOIN disposition p ON p.opinion_id = o.id LEFT JOIN account h ON h.id = o.handler_id LEFT JOIN account pb ON pb.id = p.prepared_by
        LEFT JOIN draft_provision dp ON dp.version_id = o.version_id AND dp.address = o.address "
    };
}

macro_rules! list {
    ($way:expr, $rest:literal) => {
        concat!(item!(), "FROM opinion o ", parts!(), "WHERE ", $way, matching!(), $rest)
    };
}

// No index has the order of the articles, so all that match are sorted: by their keys alone, and only those of the page are fetched.
macro_rules! list_by_article {
    ($way:expr, $rest:literal) => {
        concat!(
            "WITH picked AS MATERIALIZED (SELECT o.id, COALESCE(dp.ordinal, -1) AS picked_place, o.posted_at FROM opinion o
            LEFT JOIN draft_provision dp ON dp.version_id = o.version_id AND dp.address = o.address WHERE ",
            $way,
            matching!(),
            $rest,
            ") ",
            item!(),
            "FROM picked n CROSS JOIN opinion o ",
            parts!(),
            "WHERE o.id = n.id ORDER BY n.picked_place, n.posted_at, n.id"
        )
    };
}

/// All that match, read once: by channel and state, and in a last row without them how many texts and people there are. Those are told apart by GROUP BY, because
/// DISTINCT takes SQLite several times as long where no index has their order.
macro_rules! count {
    ($way:expr, $rest:literal) => {
        concat!(
            "WITH found AS MATERIALIZED (SELECT o.channel, o.state, o.text_key, o.account_id FROM opinion o WHERE ",
            $way,
            matching!(),
            $rest,
            ") SELECT channel, state, CAST(COUNT(*) AS BIGINT) AS opinions, CAST(0 AS BIGINT) AS texts, CAST(0 AS BIGINT) AS people
            FROM found GROUP BY channel, state UNION ALL SELECT NULL, NULL, CAST(0 AS BIGINT),
            (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT text_key FROM found GROUP BY text_key) different_text),
            (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT account_id FROM found WHERE account_id IS NOT NULL GROUP BY account_id) person)"
        )
    };
}

const LIST_OLDEST: Ways = ways!(list, "", " AND (o.posted_at, o.id) > ($17, $18) ORDER BY o.posted_at, o.id LIMIT $19");
const LIST_NEWEST: Ways = ways!(list, "", " AND (o.posted_at, o.id) < ($17, $18) ORDER BY o.posted_at DESC, o.id DESC LIMIT $19");
const LIST_BY_ARTICLE: Ways = ways!(
    list_by_article,
    by_address!(),
    " AND ((o.posted_at, o.id) > ($17, $18) OR COALESCE(dp.ordinal, -1) > $20) AND COALESCE(dp.ordinal, -1) >= $20
    ORDER BY COALESCE(dp.ordinal, -1), o.posted_at, o.id LIMIT $19"
);
const COUNT: Ways = ways!(count, by_address!(), "");
/// [`COUNT`] of a filter that says nothing beyond [`standing!`]: each number from an index that holds what it counts in order.
const COUNT_STANDING: &str = concat!(
    "SELECT o.channel, o.state, CAST(COUNT(*) AS BIGINT) AS opinions, CAST(0 AS BIGINT) AS texts, CAST(0 AS BIGINT) AS people FROM opinion o WHERE ",
    standing!(),
    " GROUP BY o.channel, o.state UNION ALL SELECT NULL, NULL, CAST(0 AS BIGINT),
    (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT DISTINCT o.text_hash FROM opinion o WHERE ",
    standing!(),
    ") different_text), (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT DISTINCT o.account_id FROM opinion o WHERE ",
    standing!(),
    " AND o.account_id IS NOT NULL) person)"
);
const FIND_DRAFT_TAGS: &str =
    "SELECT tag, CAST(COUNT(*) AS BIGINT) FROM opinion_tag WHERE draft_id = $1 GROUP BY tag ORDER BY COUNT(*) DESC, tag LIMIT 100";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[
    LIST_OLDEST.any,
    LIST_OLDEST.of_group,
    LIST_OLDEST.of_handler,
    LIST_OLDEST.of_tag,
    LIST_OLDEST.returned,
    LIST_OLDEST.of_article,
    LIST_NEWEST.any,
    LIST_NEWEST.of_group,
    LIST_NEWEST.of_handler,
    LIST_NEWEST.of_tag,
    LIST_NEWEST.returned,
    LIST_NEWEST.of_article,
    LIST_BY_ARTICLE.any,
    LIST_BY_ARTICLE.of_group,
    LIST_BY_ARTICLE.of_handler,
    LIST_BY_ARTICLE.of_tag,
    LIST_BY_ARTICLE.returned,
    LIST_BY_ARTICLE.of_article,
    COUNT.any,
    COUNT.of_group,
    COUNT.of_handler,
    COUNT.of_tag,
    COUNT.returned,
    COUNT.of_article,
    COUNT_STANDING,
    FIND_DRAFT_TAGS,
];

/// Longest text that is looked for, in characters.
const TEXT_CHARACTERS: usize = 100;

#[derive(FromRow)]
struct WorkRow {
    #[sqlx(flatten)]
    opinion: Row,
    place: i64,
    handler_name: Option<String>,
    answer_revision: Option<i64>,
    prepared_by: Option<AccountId>,
    prepared_by_name: Option<String>,
    opinion_revision: Option<i64>,
    returned_remark: Option<String>,
    returned_at: Option<DateTime<Utc>>,
    answer_group: Option<Uuid>,
    tags: Option<String>,
}

/// Opinions of a channel and a state, or, without them, the texts and people of all.
#[derive(FromRow)]
struct CountRow {
    channel: Option<String>,
    state: Option<String>,
    opinions: i64,
    texts: i64,
    people: i64,
}

impl WorkRow {
    fn into_item(self) -> Result<WorkItem> {
        let opinion = self.opinion.into_opinion()?;
        let answer = self.answer_revision.map(|revision| AnswerFacts {
            revision,
            prepared_by: self.prepared_by,
            prepared_by_name: self.prepared_by_name,
            is_outdated: self.opinion_revision.is_some_and(|answered| answered != opinion.revision),
            returned_remark: self.returned_at.map(|_| self.returned_remark.unwrap_or_default()).unwrap_or_default(),
            group: self.answer_group,
        });
        let tags = self.tags.map(|tags| tags.split(',').map(str::to_owned).collect()).unwrap_or_default();
        Ok(WorkItem { opinion, handler_name: self.handler_name, tags, answer })
    }
}

/// The filter as parameters.
struct Bound {
    handler: Option<AccountId>,
    is_nobodys: bool,
    article: Option<String>,
    below: Option<String>,
    is_whole: bool,
    text: Option<String>,
}

impl Bound {
    fn of(filter: &WorkFilter) -> Result<Bound> {
        let is_whole = filter.article.as_deref() == Some(WHOLE);
        let article = filter.article.clone().filter(|_| !is_whole);
        if article.as_ref().is_some_and(|article| article.len() > 200) {
            return Err(Error::invalid("article", "条款地址无法识别，请从条文列表中选择。"));
        }
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > TEXT_CHARACTERS) {
            return Err(Error::invalid("text", format!("查找的词语不超过 {TEXT_CHARACTERS} 个字。")));
        }
        Ok(Bound {
            handler: filter.handler.and_then(|by| if let HandledBy::Person(id) = by { Some(id) } else { None }),
            is_nobodys: filter.handler == Some(HandledBy::Nobody),
            below: article.as_ref().map(|article| format!("{}/%", article.replace(['%', '_'], ""))),
            article,
            is_whole,
            text: text.map(pattern),
        })
    }
}

/// A pattern that finds the words anywhere; what has a meaning in patterns is escaped.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Binds what [`standing!`] asks for.
macro_rules! bind_standing {
    ($query:expr, $draft:expr, $filter:expr) => {
        $query.bind($draft.id).bind($filter.state.map(OpinionState::as_str)).bind($filter.channel.map(Channel::as_str))
    };
}

/// Binds what [`matching!`] asks for.
macro_rules! bind_filter {
    ($query:expr, $draft:expr, $filter:expr, $bound:expr) => {
        bind_standing!($query, $draft, $filter)
            .bind($filter.display.map(Display::as_str))
            .bind($filter.stance.map(Stance::as_str))
            .bind($bound.handler)
            .bind($bound.is_nobodys)
            .bind($filter.group)
            .bind($filter.tag.as_deref())
            .bind($bound.article.as_deref())
            .bind($bound.below.as_deref())
            .bind($bound.is_whole)
            .bind($bound.text.as_deref())
            .bind($filter.version)
            .bind($filter.is_returned)
            .bind($filter.is_grouped)
    };
}

/// Opinions that match, in an order.
pub async fn list_work(
    db: &Db,
    caller: &Caller,
    draft: &Draft,
    filter: &WorkFilter,
    order: Order,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<WorkItem>> {
    caller.require(Permission::ReadOpinions)?;
    let bound = Bound::of(filter)?;
    let after: Option<(i64, DateTime<Utc>, OpinionId)> = cursor.map(decode_cursor).transpose()?;
    let (start, first) = if order == Order::Newest { end_of_time() } else { beginning_of_time() };
    // What is on the draft as a whole stands before the first article, at -1.
    let (place, at, id) = after.unwrap_or((-1, start, OpinionId(first)));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<WorkRow> = match order {
        Order::Oldest | Order::Newest => {
            let ways = if order == Order::Oldest { LIST_OLDEST } else { LIST_NEWEST };
            on_db!(db, pool => bind_filter!(sqlx::query_as(ways.choose(filter)), draft, filter, bound).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
        }
        Order::Article => on_db!(db, pool => bind_filter!(sqlx::query_as(LIST_BY_ARTICLE.choose(filter)), draft, filter, bound)
            .bind(at).bind(id).bind(wanted).bind(place).fetch_all(pool).await),
    }
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| (row.place, row.opinion.posted_at, row.opinion.id));
    let items: Result<Vec<WorkItem>> = page.items.into_iter().map(WorkRow::into_item).collect();
    Ok(Page { items: items?, next: page.next })
}

/// Counts of all opinions that match.
pub async fn count_work(db: &Db, caller: &Caller, draft: &Draft, filter: &WorkFilter) -> Result<WorkCounts> {
    caller.require(Permission::ReadOpinions)?;
    let bound = Bound::of(filter)?;
    let is_standing = *filter == WorkFilter { state: filter.state, channel: filter.channel, ..WorkFilter::default() };
    let rows: Vec<CountRow> = if is_standing {
        on_db!(db, pool => bind_standing!(sqlx::query_as(COUNT_STANDING), draft, filter).fetch_all(pool).await)
    } else {
        on_db!(db, pool => bind_filter!(sqlx::query_as(COUNT.choose(filter)), draft, filter, bound).fetch_all(pool).await)
    }
    .map_err(failed)?;
    let mut counts = WorkCounts::default();
    for row in rows {
        counts.opinions += row.opinions;
        counts.distinct_texts += row.texts;
        counts.signed_in_people += row.people;
        if let (Some(channel), Some(state)) = (row.channel, row.state) {
            add(&mut counts.by_channel, Channel::stored(&channel)?, row.opinions);
            add(&mut counts.by_state, OpinionState::stored(&state)?, row.opinions);
        }
    }
    counts.by_channel.sort_unstable_by_key(|(channel, _)| channel.as_str());
    counts.by_state.sort_unstable_by_key(|(state, _)| *state);
    Ok(counts)
}

/// The tags in use on a draft with their numbers, the most used first, at most a hundred.
pub async fn list_tags(db: &Db, caller: &Caller, draft: &Draft) -> Result<Vec<(String, i64)>> {
    caller.require(Permission::ReadOpinions)?;
    on_db!(db, pool => sqlx::query_as(FIND_DRAFT_TAGS).bind(draft.id).fetch_all(pool).await).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_patterns_are_plain_signs() {
        assert_eq!(pattern("50%_好!A"), "%50!%!_好!!a%");
    }
}
