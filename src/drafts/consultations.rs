//! 公开征求意见: one round in which the public is asked, with its notice, its beginning and its end.
//!
//! A round that closes on day D takes opinions until 24:00 of D in Shanghai. A round shorter than the usual period needs a reason, which is public.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::{Draft, DraftState, Move, lock_draft, record, refused, versions};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, ConsultationId, DraftId, DraftVersionId, IdSource};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Published, not begun.
    Upcoming,
    /// Opinions are taken.
    Open,
    /// Ended.
    Closed,
}

impl Phase {
    /// Canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Upcoming => "upcoming",
            Phase::Open => "open",
            Phase::Closed => "closed",
        }
    }
}

/// A round to be published.
#[derive(Clone, Debug, Default)]
pub struct NewConsultation {
    /// The version that is asked about; `None` = the newest.
    pub version_id: Option<DraftVersionId>,
    /// Title of the notice; empty = made from the draft's title.
    pub notice_title: String,
    /// The notice.
    pub notice: String,
    /// First day; `None` = at once.
    pub opens_on: Option<NaiveDate>,
    /// Last day, taken whole; `None` = the usual period from the first day, moved to a working day.
    pub closes_on: Option<NaiveDate>,
    /// Why the round is shorter than the usual period; needed when it is.
    pub shorter_reason: String,
}

/// A round.
#[derive(Clone, Debug, FromRow)]
pub struct Consultation {
    /// Id.
    pub id: ConsultationId,
    /// Its draft.
    pub draft_id: DraftId,
    /// The version that is asked about.
    pub version_id: DraftVersionId,
    /// From 1.
    pub round: i64,
    /// Title of the notice.
    pub notice_title: String,
    /// The notice.
    pub notice: String,
    /// Why it is shorter than usual; empty when it is not.
    pub shorter_reason: String,
    /// First instant at which opinions are taken.
    pub opens_at: DateTime<Utc>,
    /// First instant that is too late.
    pub closes_at: DateTime<Utc>,
    /// What the bureau says of the opinions as a whole.
    pub feedback_summary: String,
}

impl Consultation {
    /// Where it stands at an instant.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        if now < self.opens_at {
            Phase::Upcoming
        } else if now < self.closes_at {
            Phase::Open
        } else {
            Phase::Closed
        }
    }

    /// The last day on which opinions are taken.
    pub fn closes_on(&self) -> NaiveDate {
        let next = calendar::day_of(self.closes_at);
        next.pred_opt().unwrap_or(next)
    }

    /// The first day on which opinions are taken.
    pub fn opens_on(&self) -> NaiveDate {
        calendar::day_of(self.opens_at)
    }
}

const INSERT: &str = "INSERT INTO consultation (id, draft_id, version_id, round, notice_title, notice, shorter_reason, opens_at, closes_at, feedback_summary,
    created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11)";
const MOVE_DRAFT: &str = "UPDATE draft SET state = $2, round = $3, updated_at = $4 WHERE id = $1";
const SET_STATE: &str = "UPDATE draft SET state = $2 WHERE id = $1";
const SET_SUMMARY: &str = "UPDATE consultation SET feedback_summary = $3 WHERE draft_id = $1 AND round = $2";
const LIST: &str =
    "SELECT id, draft_id, version_id, round, notice_title, notice, shorter_reason, opens_at, closes_at, feedback_summary FROM consultation
    WHERE draft_id = $1 ORDER BY round";
const NEWEST: &str =
    "SELECT id, draft_id, version_id, round, notice_title, notice, shorter_reason, opens_at, closes_at, feedback_summary FROM consultation
    WHERE draft_id = $1 ORDER BY round DESC LIMIT 1";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, MOVE_DRAFT, SET_STATE, SET_SUMMARY, LIST, NEWEST];

/// Longest notice, in characters.
const NOTICE_CHARACTERS: usize = 20_000;
/// Longest round, in days: a year that was mistyped must not open a draft for a century.
const LONGEST_DAYS: u32 = 366;

/// Publishes a version together with its explanation and opens a round on it.
pub async fn open_consultation(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    rules: &Rules,
    by: Actor<'_>,
    draft: DraftId,
    new: NewConsultation,
) -> Result<Consultation> {
    by.require(Permission::OpenConsultation)?;
    let id = ConsultationId(ids.next());
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let state = draft.state.after(Move::OpenConsultation).ok_or_else(|| refused(draft.state, "再发布一轮征求意见"))?;
    let version = versions::version_for_round(&mut tx, draft.id, new.version_id).await?;
    if version.explanation.is_empty() {
        return Err(Error::new(
            Code::Conflict,
            "公开征求意见应当同时公布草案及其说明（规章制定程序条例第十五条），请先为这个稿次录入草案说明。",
        ));
    }
    let now = clock.now();
    let span = plan(&new, rules, now)?;
    let notice_title = match new.notice_title.trim() {
        "" => format!("关于公开征求《{}》意见的公告", version.title),
        title => title.to_owned(),
    };
    versions::publish_version(&mut tx, clock, version.id).await?;
    let round = draft.round + 1;
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(draft.id).bind(version.id).bind(round).bind(&notice_title).bind(new.notice.trim()).bind(new.shorter_reason.trim())
        .bind(span.opens_at).bind(span.closes_at).bind(by.account_id()).bind(now).execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(&mut tx, c => sqlx::query(MOVE_DRAFT).bind(draft.id).bind(state.as_str()).bind(round).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    record(&mut tx, clock, by, Act::OpenConsultation, draft.id, &round.to_string()).await?;
    tx.commit().await?;
    newest_round(db, draft.id).await?.ok_or_else(|| Error::defect("a consultation vanished after it was written"))
}

struct Span {
    opens_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
}

/// Checks the notice and the days of a round and gives its two instants.
fn plan(new: &NewConsultation, rules: &Rules, now: DateTime<Utc>) -> Result<Span> {
    let notice = new.notice.trim();
    if notice.is_empty() || notice.chars().count() > NOTICE_CHARACTERS {
        return Err(Error::invalid("notice", format!("请填写征求意见公告，不超过 {NOTICE_CHARACTERS} 个字。")));
    }
    let today = calendar::day_of(now);
    let opens_on = new.opens_on.unwrap_or(today);
    if opens_on < today || calendar::days_between(today, opens_on) > LONGEST_DAYS {
        return Err(Error::invalid("opens_on", "开始日期不能早于今天，也不能晚于一年之后。"));
    }
    let minimum = rules.minimum_consultation_days;
    let closes_on = new.closes_on.unwrap_or_else(|| rules.calendar.period_ends_on(opens_on, minimum));
    if closes_on < opens_on || calendar::days_between(opens_on, closes_on) > LONGEST_DAYS {
        return Err(Error::invalid("closes_on", "截止日期应在开始日期之后，且不超过一年。"));
    }
    if calendar::days_between(opens_on, closes_on) < minimum && new.shorter_reason.trim().is_empty() {
        return Err(Error::invalid(
            "shorter_reason",
            format!(
                "征求意见的期限一般不少于 {minimum} 日（规章制定程序条例第十五条，开始的当日不计入）；确需缩短的，请填写理由，理由将一并公布。"
            ),
        ));
    }
    let opens_at = if opens_on == today { now } else { calendar::start_of_day(opens_on) };
    Ok(Span { opens_at, closes_at: calendar::end_of_day(closes_on) })
}

/// The rounds of a draft, the first one first.
pub async fn list_rounds(db: &Db, draft: &Draft) -> Result<Vec<Consultation>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(draft.id).fetch_all(pool).await).map_err(failed)
}

async fn newest_round(db: &Db, draft: DraftId) -> Result<Option<Consultation>> {
    on_db!(db, pool => sqlx::query_as(NEWEST).bind(draft).fetch_optional(pool).await).map_err(failed)
}

/// The newest round of a draft, inside a transaction.
pub async fn newest_round_in(tx: &mut Tx, draft: DraftId) -> Result<Option<Consultation>> {
    on_tx!(tx, c => sqlx::query_as(NEWEST).bind(draft).fetch_optional(c).await).map_err(failed)
}

/// Writes what the bureau says of the opinions as a whole; an empty text leaves what is there.
pub async fn put_feedback_summary(tx: &mut Tx, draft: &Draft, summary: &str) -> Result<()> {
    if summary.is_empty() {
        return Ok(());
    }
    on_tx!(tx, c => sqlx::query(SET_SUMMARY).bind(draft.id).bind(draft.round).bind(summary).execute(c).await.map(drop)).map_err(failed)
}

/// Moves a draft on when its last opinion has been answered, and gives the state it is in then.
pub async fn complete_feedback(tx: &mut Tx, draft: &Draft) -> Result<DraftState> {
    let Some(state) = draft.state.after(Move::CompleteFeedback) else { return Ok(draft.state) };
    on_tx!(tx, c => sqlx::query(SET_STATE).bind(draft.id).bind(state.as_str()).execute(c).await.map(drop)).map_err(failed)?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn asked(opens_on: Option<&str>, closes_on: Option<&str>, reason: &str) -> NewConsultation {
        NewConsultation {
            notice: "公告".into(),
            opens_on: opens_on.map(day),
            closes_on: closes_on.map(day),
            shorter_reason: reason.into(),
            ..NewConsultation::default()
        }
    }

    #[test]
    fn periods_are_counted_from_the_day_after_the_first() {
        // 10:00 on 2 March 2026 in Shanghai.
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap();
        let rules = Rules::default();
        let span = plan(&asked(None, None, ""), &rules, now).unwrap();
        assert_eq!((span.opens_at, span.closes_at), (now, calendar::end_of_day(day("2026-04-01"))));
        plan(&asked(None, Some("2026-04-01"), ""), &rules, now).unwrap();
        for (new, field) in [
            (asked(None, Some("2026-03-31"), ""), "shorter_reason"),
            (asked(None, Some("2026-03-31"), "  "), "shorter_reason"),
            (asked(None, Some("2026-03-01"), "急"), "closes_on"),
            (asked(None, Some("2062-03-01"), ""), "closes_on"),
            (asked(Some("2026-03-01"), None, ""), "opens_on"),
            (NewConsultation::default(), "notice"),
        ] {
            let error = plan(&new, &rules, now).map(drop).unwrap_err();
            assert_eq!(error.fields.first().map(|f| f.field.as_str()), Some(field));
        }
        plan(&asked(None, Some("2026-03-16"), "配合上位法施行"), &rules, now).unwrap();
        let later = plan(&asked(Some("2026-03-05"), None, ""), &rules, now).unwrap();
        assert_eq!((later.opens_at, later.closes_at), (calendar::start_of_day(day("2026-03-05")), calendar::end_of_day(day("2026-04-07"))));
    }
}
