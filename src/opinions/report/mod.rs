//! 采纳情况反馈报告: what became of the opinions of one round, for everybody; as data, as a document (`document.rs`) and as a table (`table.rs`).
//!
//! A report has as many rows as the round has opinions less those excluded for a listed reason; withdrawn ones are in no number but their own. Near-identical
//! opinions that were answered together are one numbered entry that says how many they are. What an author keeps back, and what was hidden, is counted
//! and answered here without its words. Staff may read the report before the batch, with the answers that have passed review.

pub mod document;
pub mod table;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::feedback::{DispositionKind, ExclusionReason};
use super::reading::rows::{Key, Row, columns, select};
use super::reading::{PublicOpinion, Words};
use super::{Channel, OpinionState, WHOLE_DRAFT, add};
use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::config::Config;
use crate::drafts::consultations::Consultation;
use crate::drafts::endings::{self, Extension};
use crate::drafts::versions::{self, DraftProvision, DraftVersion};
use crate::drafts::{Draft, Viewer};
use crate::error::{Error, Result};
use crate::ids::OpinionId;
use crate::on_db;
use crate::storage::Db;
use crate::storage::sql::{Page, beginning_of_time, decode_cursor, failed};

/// Files that are written at the same time; who comes when all are busy waits.
static WRITERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

/// A report, all but its numbers ([`count`]) and its entries ([`list_entries`]).
#[derive(Clone, Debug)]
pub struct Report {
    /// The draft.
    pub draft: Draft,
    /// The round.
    pub round: Consultation,
    /// The version that people spoke of.
    pub version: DraftVersion,
    /// How its end was moved.
    pub extensions: Vec<Extension>,
    /// Whether it is not public yet: what staff read before the batch.
    pub is_preview: bool,
    /// Articles and other units of the version, in reading order: address, and what stands over their entries.
    units: Vec<(String, String)>,
}

/// The numbers of a round. Each counts something else, so each is named where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// 意见条数: opinions received, without those withdrawn.
    pub opinions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// Those among them that came after the end of the round, while late ones were still taken.
    pub late: i64,
    /// Opinions withdrawn by their authors, in no other number; what an upload brought by mistake and took away again is in none.
    pub withdrawn: i64,
    /// Rows of the report: opinions with an answer.
    pub answered: i64,
    /// Opinions whose answer is still to come.
    pub open: i64,
    /// Opinions received by channel.
    pub by_channel: Vec<(Channel, i64)>,
    /// Rows by outcome.
    pub by_disposition: Vec<(DispositionKind, i64)>,
    /// Opinions that need no answer, by listed reason.
    pub exclusions: Vec<(ExclusionReason, i64)>,
}

impl ReportCounts {
    /// Opinions that need no answer, in all.
    pub fn excluded(&self) -> i64 {
        self.exclusions.iter().map(|(_, n)| n).sum()
    }
}

/// One numbered entry: an opinion, or several that were answered together.
#[derive(Clone, Debug)]
pub struct ReportEntry {
    /// From 1, in the order of the text.
    pub number: i64,
    /// The opinion that stands for it: the first one whose words may be shown, if there is one.
    pub opinion: PublicOpinion,
    /// 条数: opinions in it.
    pub submissions: i64,
    /// 不同文本: distinct texts among them.
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors.
    pub signed_in_people: i64,
    /// Whether they speak of several provisions.
    pub has_other_places: bool,
}

/// Opinions of a round, `$1`, that have an answer, a reviewed one being enough when `$2` says so.
macro_rules! answered {
    () => {
        "o.consultation_id = $1 AND (o.state = 'answered' OR (o.state = 'answer_reviewed' AND $2))"
    };
}

/// Opinions of people who signed in, from the index that has the numbers of a round: what is collected has no account.
macro_rules! signed_in {
    ($of:literal) => {
        concat!($of, "channel IN ('wechat', 'web') AND ", $of, "person_key IS NOT NULL")
    };
}

// Three readings of the index that has the numbers of a round.
const COUNT: &str = "SELECT channel, state, is_late, CAST(COUNT(*) AS BIGINT) FROM opinion
    WHERE consultation_id = $1 GROUP BY channel, state, is_late ORDER BY channel";
const COUNT_TEXTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT text_key FROM opinion
    WHERE consultation_id = $1 AND state <> 'withdrawn' GROUP BY text_key) t";
const COUNT_PEOPLE: &str = concat!(
    "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT person_key FROM opinion WHERE consultation_id = $1 AND state <> 'withdrawn' AND ",
    signed_in!(""),
    " GROUP BY person_key) a"
);
const COUNT_UNDONE: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM opinion
    WHERE draft_id = $1 AND consultation_id = $2 AND state = 'withdrawn' AND undone_at IS NOT NULL";
const COUNT_BY_DISPOSITION: &str = concat!(
    "SELECT p.kind, CAST(COUNT(*) AS BIGINT) FROM opinion o JOIN disposition p ON p.opinion_id = o.id WHERE ",
    answered!(),
    " GROUP BY p.kind"
);
const COUNT_EXCLUDED: &str = "SELECT exclusion, CAST(COUNT(*) AS BIGINT) FROM opinion
    WHERE draft_id = $1 AND consultation_id = $2 AND state = 'excluded' AND exclusion IS NOT NULL GROUP BY exclusion ORDER BY exclusion";
const LIST_ROWS: &str = concat!(select!("WHERE "), answered!(), " AND (o.posted_at, o.id) > ($3, $4) ORDER BY o.posted_at, o.id LIMIT $5");
/// An entry is what was answered as one; of the members of a group the first whose words may be shown stands for it. Members are counted by windows, not by
/// joining them with their counts, and the entries of a page are picked before the opinions are fetched: either join would grow with the square of the opinions.
/// What was answered by itself, mostly nearly everything, goes past the windows, which sort again and again. `$picked` picks a page of `entry`.
macro_rules! list_entries {
    ($picked:literal) => {
        concat!(
            "WITH member AS (SELECT o.id, o.address, o.posted_at, o.text_key, o.account_id, o.provision_label, o.display, o.is_public,
            p.group_id AS entry, p.kind, p.reason, p.result_label FROM opinion o JOIN disposition p ON p.opinion_id = o.id WHERE ",
            answered!(),
            " AND p.group_id IS NOT NULL), ranked AS (SELECT id, address, posted_at, account_id, entry, kind, reason, result_label,
            ROW_NUMBER() OVER (PARTITION BY entry, kind, reason, result_label
                ORDER BY CASE WHEN display = 'shown' AND is_public THEN 0 ELSE 1 END, posted_at, id) AS place,
            DENSE_RANK() OVER (PARTITION BY entry, kind, reason, result_label ORDER BY text_key) AS nth_text,
            DENSE_RANK() OVER (PARTITION BY entry, kind, reason, result_label ORDER BY account_id) AS nth_person,
            DENSE_RANK() OVER (PARTITION BY entry, kind, reason, result_label ORDER BY provision_label) AS nth_label FROM member),
            counted AS (SELECT id, address, posted_at, kind, place, CAST(COUNT(*) OVER w AS BIGINT) AS submissions,
            CAST(MAX(nth_text) OVER w AS BIGINT) AS distinct_texts,
            CAST(MAX(nth_person) OVER w - MAX(CASE WHEN account_id IS NULL THEN 1 ELSE 0 END) OVER w AS BIGINT) AS signed_in_people,
            MAX(nth_label) OVER w > 1 AS has_other_places FROM ranked WINDOW w AS (PARTITION BY entry, kind, reason, result_label)),
            entry AS (SELECT id, address, posted_at, kind, submissions, distinct_texts, signed_in_people, has_other_places FROM counted WHERE place = 1
            UNION ALL SELECT o.id, o.address, o.posted_at, p.kind, CAST(1 AS BIGINT), CAST(1 AS BIGINT),
            CAST(CASE WHEN ",
            signed_in!("o."),
            " THEN 1 ELSE 0 END AS BIGINT), FALSE FROM opinion o JOIN disposition p ON p.opinion_id = o.id WHERE ",
            answered!(),
            " AND p.group_id IS NULL), ",
            $picked,
            " SELECT ",
            columns!(),
            ", n.number, n.submissions, n.distinct_texts, n.signed_in_people, n.has_other_places
            FROM picked n CROSS JOIN opinion o LEFT JOIN disposition p ON p.opinion_id = o.id WHERE o.id = n.id ORDER BY n.number"
        )
    };
}

// Only the first ones are put in order.
const LIST_ENTRIES: &str = list_entries!(
    "picked AS MATERIALIZED (SELECT b.id, b.submissions, b.distinct_texts, b.signed_in_people, b.has_other_places,
    CAST($4 + ROW_NUMBER() OVER (ORDER BY b.ordinal, b.posted_at, b.id) AS BIGINT) AS number FROM (
        SELECT a.id, a.posted_at, a.submissions, a.distinct_texts, a.signed_in_people, a.has_other_places, COALESCE(v.ordinal, -1) AS ordinal
        FROM entry a LEFT JOIN draft_provision v ON v.version_id = $3 AND v.address = a.address
        ORDER BY COALESCE(v.ordinal, -1), a.posted_at, a.id LIMIT $5 OFFSET $4) b)"
);
// All are numbered, and those of an outcome keep their numbers.
const LIST_ENTRIES_OF_KIND: &str = list_entries!(
    "numbered AS (SELECT a.id, a.kind, a.submissions, a.distinct_texts, a.signed_in_people, a.has_other_places,
    CAST(ROW_NUMBER() OVER (ORDER BY COALESCE(v.ordinal, -1), a.posted_at, a.id) AS BIGINT) AS number
    FROM entry a LEFT JOIN draft_provision v ON v.version_id = $3 AND v.address = a.address),
    picked AS MATERIALIZED (SELECT * FROM numbered WHERE number > $4 AND kind = $6 ORDER BY number LIMIT $5)"
);

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] =
    &[COUNT, COUNT_TEXTS, COUNT_PEOPLE, COUNT_UNDONE, COUNT_BY_DISPOSITION, COUNT_EXCLUDED, LIST_ROWS, LIST_ENTRIES, LIST_ENTRIES_OF_KIND];

#[derive(FromRow)]
struct EntryRow {
    #[sqlx(flatten)]
    opinion: Row,
    number: i64,
    submissions: i64,
    distinct_texts: i64,
    signed_in_people: i64,
    has_other_places: bool,
}

/// The report of a round. "Not found" until its answers are public, but for staff who may read opinions: they see what has passed review.
pub async fn get_report(db: &Db, caller: Option<&Caller>, draft: Draft, round: Consultation) -> Result<Report> {
    let is_preview = round.feedback_published_at.is_none();
    if is_preview && !caller.is_some_and(|caller| caller.may(Permission::ReadOpinions)) {
        return Err(Error::not_found("这一轮征求意见的采纳情况反馈"));
    }
    let version = versions::get_version(db, Viewer::Public(caller), &draft, round.version_id).await?;
    let units = units(&versions::list_provisions(db, &version).await?);
    let extensions = endings::list_extensions(db, &draft).await?.into_iter().filter(|e| e.consultation_id == round.id).collect();
    Ok(Report { draft, round, version, extensions, is_preview, units })
}

/// The numbers of a report.
pub async fn count(db: &Db, report: &Report) -> Result<ReportCounts> {
    let Report { draft, round, is_preview, .. } = report;
    // A large round takes each of the two halves a second.
    let (received, answers) = tokio::try_join!(
        async {
            let counts: Vec<(String, String, bool, i64)> =
                on_db!(db, pool => sqlx::query_as(COUNT).bind(round.id).fetch_all(pool).await).map_err(failed)?;
            let people: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_PEOPLE).bind(round.id).fetch_one(pool).await).map_err(failed)?;
            let undone: i64 =
                on_db!(db, pool => sqlx::query_scalar(COUNT_UNDONE).bind(draft.id).bind(round.id).fetch_one(pool).await).map_err(failed)?;
            Ok::<_, Error>((counts, people, undone))
        },
        async {
            let texts: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_TEXTS).bind(round.id).fetch_one(pool).await).map_err(failed)?;
            let outcomes: Vec<(String, i64)> =
                on_db!(db, pool => sqlx::query_as(COUNT_BY_DISPOSITION).bind(round.id).bind(is_preview).fetch_all(pool).await)
                    .map_err(failed)?;
            let excluded: Vec<(String, i64)> =
                on_db!(db, pool => sqlx::query_as(COUNT_EXCLUDED).bind(draft.id).bind(round.id).fetch_all(pool).await).map_err(failed)?;
            Ok::<_, Error>((texts, outcomes, excluded))
        }
    )?;
    let (received, signed_in_people, undone) = received;
    let (distinct_texts, outcomes, excluded) = answers;
    let mut counts = ReportCounts { distinct_texts, signed_in_people, ..ReportCounts::default() };
    for (channel, state, is_late, n) in received {
        let state = OpinionState::stored(&state)?;
        if state == OpinionState::Withdrawn {
            counts.withdrawn += n;
            continue;
        }
        counts.opinions += n;
        counts.late += if is_late { n } else { 0 };
        match state {
            OpinionState::Answered => counts.answered += n,
            OpinionState::AnswerReviewed if *is_preview => counts.answered += n,
            OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed => counts.open += n,
            OpinionState::Excluded | OpinionState::Withdrawn => {}
        }
        add(&mut counts.by_channel, Channel::stored(&channel)?, n);
    }
    counts.withdrawn -= undone;
    counts.by_disposition = outcomes.into_iter().map(|(kind, n)| Ok((DispositionKind::stored(&kind)?, n))).collect::<Result<_>>()?;
    counts.by_disposition.sort_by_key(|(kind, _)| *kind);
    counts.exclusions = excluded.into_iter().map(|(reason, n)| Ok((ExclusionReason::stored(&reason)?, n))).collect::<Result<_>>()?;
    Ok(counts)
}

/// What has no slash in its address, with what is printed there.
fn units(provisions: &[DraftProvision]) -> Vec<(String, String)> {
    let tops = provisions.iter().filter(|p| !p.address.is_empty() && !p.address.contains('/'));
    tops.map(|p| {
        (p.address.clone(), [p.label.as_str(), p.heading.as_str()].iter().filter(|s| !s.is_empty()).copied().collect::<Vec<_>>().join("　"))
    })
    .collect()
}

impl Report {
    /// The days on which opinions were taken.
    pub fn days(&self) -> (NaiveDate, NaiveDate) {
        let last = self.round.withdrawn_at.map_or_else(|| self.round.closes_on(), calendar::day_of);
        (self.round.opens_on(), last)
    }

    /// What a report is called, e.g. 《…》第 1 轮公开征求意见采纳情况反馈.
    pub fn title(&self) -> String {
        let round = if self.round.round > 1 { format!("第{}轮", self.round.round) } else { String::new() };
        format!("《{}》{round}公开征求意见采纳情况反馈", self.version.title)
    }

    /// Path of its page.
    pub fn path(&self) -> String {
        path_of(&self.draft, &self.round)
    }

    /// What stands over the entries on one unit of the text.
    pub fn unit_label(&self, address: Option<&str>) -> String {
        let unit = address.and_then(|address| address.split('/').next());
        let found = unit.and_then(|unit| self.units.iter().find(|(address, _)| address == unit));
        found.map_or_else(|| WHOLE_DRAFT.to_owned(), |(_, label)| label.clone())
    }
}

/// Path of the page of a round's report.
pub fn path_of(draft: &Draft, round: &Consultation) -> String {
    format!("/drafts/{}/rounds/{}/report", draft.id, round.round)
}

/// Entries in the order of the text; `kind` narrows to one outcome and leaves the numbers as they are.
pub async fn list_entries(
    db: &Db,
    report: &Report,
    now: DateTime<Utc>,
    kind: Option<DispositionKind>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<ReportEntry>> {
    let after = i64::from(cursor.map(decode_cursor::<u32>).transpose()?.unwrap_or(0));
    let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let statement = if kind.is_some() { LIST_ENTRIES_OF_KIND } else { LIST_ENTRIES };
    let rows: Vec<EntryRow> = on_db!(db, pool => {
        let query = sqlx::query_as(statement).bind(report.round.id).bind(report.is_preview).bind(report.version.id).bind(after).bind(wanted);
        match kind {
            Some(kind) => query.bind(kind.as_str()),
            None => query,
        }
        .fetch_all(pool).await
    })
    .map_err(failed)?;
    let page = Page::cut(rows, limit, |row| row.number);
    let items = page.items.into_iter().map(|row| {
        Ok(ReportEntry {
            number: row.number,
            opinion: PublicOpinion::as_if_published(row.opinion.into_opinion()?, now),
            submissions: row.submissions,
            distinct_texts: row.distinct_texts,
            signed_in_people: row.signed_in_people,
            has_other_places: row.has_other_places,
        })
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}

/// Some rows of a report, and where the next ones begin.
type Rows = (Vec<PublicOpinion>, Option<Key>);

/// Every opinion of the report by itself, in the order in which they came.
async fn list_rows(db: &Db, report: &Report, now: DateTime<Utc>, after: Option<Key>, limit: usize) -> Result<Rows> {
    let (start, first) = beginning_of_time();
    let (at, id) = after.unwrap_or((start, OpinionId(first)));
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = on_db!(db, pool => sqlx::query_as(LIST_ROWS)
        .bind(report.round.id).bind(report.is_preview).bind(at).bind(id).bind(wanted).fetch_all(pool).await)
    .map_err(failed)?;
    let next = if rows.len() < limit { None } else { rows.last().map(Row::key) };
    let opinions = rows.into_iter().map(|row| Ok(PublicOpinion::as_if_published(row.into_opinion()?, now)));
    Ok((opinions.collect::<Result<_>>()?, next))
}

/// What a report says of the words of an opinion that are not shown.
pub fn unseen(words: Words) -> &'static str {
    match words {
        Words::Shown => "",
        Words::Withheld => "提出人选择不公开意见内容。",
        Words::Hidden => "意见内容不予展示。",
    }
}

/// What an opinion suggests, as one text: its words, and the wording that it proposes.
fn suggestion(opinion: &PublicOpinion) -> String {
    let Some(body) = &opinion.body else { return format!("（{}）", unseen(opinion.words).trim_end_matches('。')) };
    match opinion.proposed_text.as_deref() {
        None | Some("") => body.clone(),
        Some(proposed) => format!("{body}\n建议条文：{proposed}"),
    }
}

/// Address of the page of an opinion; `None` without the site's own address, because a link would lead nowhere from a file.
fn permalink(site: &Site, opinion: &PublicOpinion) -> Option<String> {
    (!site.public_url.is_empty()).then(|| format!("{}/opinions/{}", site.public_url.trim_end_matches('/'), opinion.id))
}

/// Who publishes a report, and where it is found.
#[derive(Clone, Debug)]
pub struct Site {
    /// Address of the site as citizens see it, e.g. `https://lifa.example.gov.cn`; empty when it is not configured.
    pub public_url: String,
    /// Name of the bureau.
    pub bureau_name: String,
}

impl Site {
    /// As configured.
    pub fn of(config: &Config) -> Site {
        Site { public_url: config.public_url.clone(), bureau_name: config.bureau_name.clone() }
    }
}
