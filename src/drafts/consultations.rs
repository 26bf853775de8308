//! 公开征求意见: one round in which the public is asked, with its notice, its beginning and its end.
//!
//! A round that closes on day D takes opinions until 24:00 of D in Shanghai. A round shorter than the usual period needs a reason, which is public.
//! Where a round stands is read from the clock ([`Consultation::phase`]); `endings.rs` moves its end later or withdraws it.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::FromRow;

use super::questions::{self, NewQuestion};
use super::{Draft, DraftState, Move, due, lock_draft, notices, record, refused, versions};
use crate::accounts::{Actor, Permission};
use crate::audit::Act;
use crate::calendar;
use crate::config::Rules;
use crate::error::{Code, Error, Result};
use crate::ids::{Clock, ConsultationId, DraftId, DraftVersionId, IdSource};
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx, text_enum};

text_enum! {
    /// Where a round stands at an instant.
    Phase {
        /// Published, not begun.
        Upcoming = "upcoming", "尚未开始";
        /// Opinions are taken.
        Open = "open", "征求意见中";
        /// Ended; opinions are still taken and marked as late.
        Late = "late", "已截止，接收逾期意见";
        /// Ended.
        Closed = "closed", "已截止";
        /// Ended before its time, with a public reason.
        Withdrawn = "withdrawn", "已提前结束";
    }
}

/// The days of a round, as they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Days {
    /// First day; `None` = at once.
    pub opens_on: Option<NaiveDate>,
    /// Last day, taken whole; `None` = the usual period from the first day, moved to a working day.
    pub closes_on: Option<NaiveDate>,
    /// Last day on which late opinions are taken and marked as late, taken whole; `None` = they are refused.
    pub late_through: Option<NaiveDate>,
}

/// A round to be published.
#[derive(Clone, Debug, Default)]
pub struct NewConsultation {
    /// The version that is asked about; `None` = the newest.
    pub version_id: Option<DraftVersionId>,
    /// Title of the notice; empty = made from the title of the version.
    pub notice_title: String,
    /// The notice.
    pub notice: String,
    /// From when to when.
    pub days: Days,
    /// Why the round is shorter than the usual period; needed when it is.
    pub shorter_reason: String,
    /// Whether opinions that passed moderation are shown to others while the round is open.
    pub shows_opinions: bool,
    /// Whether people may speak without signing in.
    pub allows_anonymous: bool,
    /// Whether everybody may see how the questions were answered.
    pub shows_answers: bool,
    /// What the public is asked, in this order.
    pub questions: Vec<NewQuestion>,
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
    /// First instant that is too late also for a late opinion; `None` = late ones are refused.
    pub late_until: Option<DateTime<Utc>>,
    /// When it was ended before its time.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Why; public. Empty when it was not.
    pub withdrawal_reason: String,
    /// Whether opinions that passed moderation are shown to others while the round is open.
    pub shows_opinions: bool,
    /// Whether people may speak without signing in.
    pub allows_anonymous: bool,
    /// Whether everybody may see how the questions were answered.
    pub shows_answers: bool,
    /// What the bureau says of the opinions as a whole.
    pub feedback_summary: String,
    /// Since when its answers are public; `None` before.
    pub feedback_published_at: Option<DateTime<Utc>>,
}

impl Consultation {
    /// Where it stands at an instant.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        if self.withdrawn_at.is_some() {
            Phase::Withdrawn
        } else if now < self.opens_at {
            Phase::Upcoming
        } else if now < self.closes_at {
            Phase::Open
        } else if self.late_until.is_some_and(|until| now < until) {
            Phase::Late
        } else {
            Phase::Closed
        }
    }

    /// The last day on which opinions are taken.
    pub fn closes_on(&self) -> NaiveDate {
        calendar::last_day_before(self.closes_at)
    }

    /// The first day on which opinions are taken.
    pub fn opens_on(&self) -> NaiveDate {
        calendar::day_of(self.opens_at)
    }

    /// The last day on which late opinions are taken.
    pub fn late_through(&self) -> Option<NaiveDate> {
        self.late_until.map(calendar::last_day_before)
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, draft_id, version_id, round, notice_title, notice, shorter_reason, opens_at, closes_at, late_until, withdrawn_at, withdrawal_reason,
            shows_opinions, allows_anonymous, shows_answers, feedback_summary, feedback_published_at FROM consultation ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO consultation (id, draft_id, version_id, round, notice_title, notice, shorter_reason, opens_at, closes_at, late_until,
    shows_opinions, allows_anonymous, shows_answers, feedback_summary, created_by, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', $14, $15)";
const MOVE_DRAFT: &str = "UPDATE draft SET state = $2, round = $3, updated_at = $4 WHERE id = $1";
const SET_STATE: &str = "UPDATE draft SET state = $2 WHERE id = $1";
const SET_SUMMARY: &str = "UPDATE consultation SET feedback_summary = $3 WHERE draft_id = $1 AND round = $2";
const MARK_PUBLISHED: &str = "UPDATE consultation SET feedback_published_at = $2 WHERE draft_id = $1 AND feedback_published_at IS NULL";
const LIST: &str = select!("WHERE draft_id = $1 ORDER BY round");
const NEWEST: &str = select!("WHERE draft_id = $1 ORDER BY round DESC LIMIT 1");
const FIND: &str = select!("WHERE id = $1 AND draft_id = $2");
const FIND_NUMBER: &str = select!("WHERE draft_id = $1 AND round = $2");

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[INSERT, MOVE_DRAFT, SET_STATE, SET_SUMMARY, MARK_PUBLISHED, LIST, NEWEST, FIND, FIND_NUMBER];

/// Longest notice, in characters.
const NOTICE_CHARACTERS: usize = 20_000;
/// Longest title of a notice, and longest reason, in characters.
const TITLE_CHARACTERS: usize = 300;
const REASON_CHARACTERS: usize = 2_000;
/// Longest round, in days: a year that was mistyped must not open a draft for a century.
pub(super) const LONGEST_DAYS: u32 = 366;
/// Longest time after the end in which late opinions may still be taken, in days.
const LONGEST_LATE_DAYS: u32 = 60;

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
    let questions = questions::checked(new.questions.clone())?;
    let id = ConsultationId(ids.next());
    let mut tx = db.begin().await?;
    let draft = lock_draft(&mut tx, clock, draft).await?;
    let state = draft.state.after(Move::OpenConsultation).ok_or_else(|| refused(draft.state, "再发布一轮征求意见"))?;
    let now = clock.now();
    draft.require_quiet(now, "发布新一轮征求意见")?;
    let version = versions::version_for_round(&mut tx, draft.id, new.version_id).await?;
    if version.explanation.is_empty() {
        return Err(Error::new(
            Code::Conflict,
            "公开征求意见应当同时公布草案及其说明（规章制定程序条例第十五条），请先为这个稿次录入草案说明。",
        ));
    }
    let span = checked(&new, rules, now)?;
    let notice_title = match new.notice_title.trim() {
        "" => notices::title(&version.title),
        title => title.to_owned(),
    };
    versions::publish_version(&mut tx, clock, draft.id, version.id).await?;
    let round = draft.round + 1;
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(draft.id).bind(version.id).bind(round).bind(&notice_title).bind(new.notice.trim()).bind(new.shorter_reason.trim())
        .bind(span.opens_at).bind(span.closes_at).bind(span.late_until).bind(new.shows_opinions).bind(new.allows_anonymous).bind(new.shows_answers)
        .bind(by.account_id()).bind(now).execute(c).await.map(drop))
    .map_err(failed)?;
    questions::write_questions(&mut tx, ids, id, &questions).await?;
    on_tx!(&mut tx, c => sqlx::query(MOVE_DRAFT).bind(draft.id).bind(state.as_str()).bind(round).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    if span.opens_at <= now {
        due::announce_opening(
            &mut tx,
            clock,
            ids,
            &due::Opening { id, draft_id: draft.id, title: draft.title.clone(), round, opens_at: span.opens_at, closes_at: span.closes_at },
        )
        .await?;
    }
    record(&mut tx, clock, by, Act::OpenConsultation, draft.id, &round.to_string()).await?;
    tx.commit().await?;
    newest_round(db, draft.id).await?.ok_or_else(|| Error::defect("a consultation vanished after it was written"))
}

/// A round in days and instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First day.
    pub opens_on: NaiveDate,
    /// Last day.
    pub closes_on: NaiveDate,
    /// First instant at which opinions are taken.
    pub opens_at: DateTime<Utc>,
    /// First instant that is too late.
    pub closes_at: DateTime<Utc>,
    /// First instant that is too late also for a late opinion.
    pub late_until: Option<DateTime<Utc>>,
    /// Days from the first to the last, the first not counted (民法典 201).
    pub days: u32,
    /// The usual least number of them.
    pub minimum_days: u32,
}

impl Span {
    /// Whether a public reason is needed.
    pub fn is_short(&self) -> bool {
        self.days < self.minimum_days
    }

    /// The last day on which late opinions are taken.
    pub fn late_through(&self) -> Option<NaiveDate> {
        self.late_until.map(calendar::last_day_before)
    }
}

/// Counts the days of a round that would be published at `now` and gives its instants.
pub fn plan(days: Days, rules: &Rules, now: DateTime<Utc>) -> Result<Span> {
    let today = calendar::day_of(now);
    let opens_on = days.opens_on.unwrap_or(today);
    if opens_on < today || calendar::days_between(today, opens_on) > LONGEST_DAYS {
        return Err(Error::invalid("opens_on", "开始日期不能早于今天，也不能晚于一年之后。"));
    }
    let minimum_days = rules.minimum_consultation_days;
    let closes_on = days.closes_on.unwrap_or_else(|| rules.calendar.period_ends_on(opens_on, minimum_days));
    if closes_on < opens_on || calendar::days_between(opens_on, closes_on) > LONGEST_DAYS {
        return Err(Error::invalid("closes_on", "截止日期应在开始日期之后，且不超过一年。"));
    }
    if days.late_through.is_some_and(|late| late <= closes_on || calendar::days_between(closes_on, late) > LONGEST_LATE_DAYS) {
        return Err(Error::invalid(
            "late_through",
            format!("逾期意见的接收期应晚于截止日期，且不超过 {LONGEST_LATE_DAYS} 日；不接收的请留空。"),
        ));
    }
    Ok(Span {
        opens_on,
        closes_on,
        opens_at: if opens_on == today { now } else { calendar::start_of_day(opens_on) },
        closes_at: calendar::end_of_day(closes_on),
        late_until: days.late_through.map(calendar::end_of_day),
        days: calendar::days_between(opens_on, closes_on),
        minimum_days,
    })
}

/// Checks the words of a round against its days.
fn checked(new: &NewConsultation, rules: &Rules, now: DateTime<Utc>) -> Result<Span> {
    let notice = new.notice.trim();
    if notice.is_empty() || notice.chars().count() > NOTICE_CHARACTERS {
        return Err(Error::invalid("notice", format!("请填写征求意见公告，不超过 {NOTICE_CHARACTERS} 个字。")));
    }
    if notice.contains(notices::TO_FILL_IN) {
        return Err(Error::invalid("notice", format!("公告中还有“{}…】”的地方没有填写，请补充或者删去。", notices::TO_FILL_IN)));
    }
    if new.notice_title.chars().count() > TITLE_CHARACTERS || new.notice_title.trim().contains('\n') {
        return Err(Error::invalid("notice_title", format!("公告标题不超过 {TITLE_CHARACTERS} 个字，不换行。")));
    }
    let reason = new.shorter_reason.trim();
    if reason.chars().count() > REASON_CHARACTERS {
        return Err(Error::invalid("shorter_reason", format!("理由不超过 {REASON_CHARACTERS} 个字。")));
    }
    let span = plan(new.days, rules, now)?;
    if span.is_short() && reason.is_empty() {
        let minimum = span.minimum_days;
        return Err(Error::invalid(
            "shorter_reason",
            format!(
                "征求意见的期限一般不少于 {minimum} 日（规章制定程序条例第十五条，开始的当日不计入）；确需缩短的，请填写理由，理由将一并公布。"
            ),
        ));
    }
    Ok(span)
}

/// The rounds of a draft, the first one first.
pub async fn list_rounds(db: &Db, draft: &Draft) -> Result<Vec<Consultation>> {
    on_db!(db, pool => sqlx::query_as(LIST).bind(draft.id).fetch_all(pool).await).map_err(failed)
}

/// A round of a draft.
pub async fn get_round(db: &Db, draft: &Draft, id: ConsultationId) -> Result<Consultation> {
    let round: Option<Consultation> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(id).bind(draft.id).fetch_optional(pool).await).map_err(failed)?;
    round.ok_or_else(|| Error::not_found("这一轮征求意见"))
}

/// A round of a draft, by its id.
pub async fn get_round_by_id(db: &Db, draft: DraftId, id: ConsultationId) -> Result<Consultation> {
    let found: Option<Consultation> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(pool).await).map_err(failed)?;
    found.ok_or_else(|| Error::not_found("这一轮征求意见"))
}

/// A round of a draft, inside a transaction that holds the draft.
pub async fn get_round_in(tx: &mut Tx, draft: DraftId, id: ConsultationId) -> Result<Consultation> {
    let found: Option<Consultation> = on_tx!(tx, c => sqlx::query_as(FIND).bind(id).bind(draft).fetch_optional(c).await).map_err(failed)?;
    found.ok_or_else(|| Error::not_found("这一轮征求意见"))
}

/// The n-th round of a draft.
pub async fn get_numbered_round(db: &Db, draft: &Draft, number: i64) -> Result<Consultation> {
    let round: Option<Consultation> =
        on_db!(db, pool => sqlx::query_as(FIND_NUMBER).bind(draft.id).bind(number).fetch_optional(pool).await).map_err(failed)?;
    round.ok_or_else(|| Error::not_found("这一轮征求意见"))
}

/// The newest round of a draft.
pub async fn newest_round(db: &Db, draft: DraftId) -> Result<Option<Consultation>> {
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

/// Opens the reports of the rounds whose answers are public now; those that are open keep the instant they have.
pub async fn mark_feedback_published(tx: &mut Tx, draft: &Draft, at: DateTime<Utc>) -> Result<()> {
    on_tx!(tx, c => sqlx::query(MARK_PUBLISHED).bind(draft.id).bind(at).execute(c).await.map(drop)).map_err(failed)
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
            days: Days { opens_on: opens_on.map(day), closes_on: closes_on.map(day), late_through: None },
            shorter_reason: reason.into(),
            ..NewConsultation::default()
        }
    }

    #[test]
    fn periods_are_counted_from_the_day_after_the_first() {
        // 10:00 on 2 March 2026 in Shanghai.
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap();
        let rules = Rules::default();
        let span = checked(&asked(None, None, ""), &rules, now).unwrap();
        assert_eq!((span.opens_at, span.closes_at), (now, calendar::end_of_day(day("2026-04-01"))));
        checked(&asked(None, Some("2026-04-01"), ""), &rules, now).unwrap();
        for (new, field) in [
            (asked(None, Some("2026-03-31"), ""), "shorter_reason"),
            (asked(None, Some("2026-03-31"), "  "), "shorter_reason"),
            (asked(None, Some("2026-03-01"), "急"), "closes_on"),
            (asked(None, Some("2062-03-01"), ""), "closes_on"),
            (asked(Some("2026-03-01"), None, ""), "opens_on"),
            (NewConsultation::default(), "notice"),
        ] {
            let error = checked(&new, &rules, now).map(drop).unwrap_err();
            assert_eq!(error.fields.first().map(|f| f.field.as_str()), Some(field));
        }
        checked(&asked(None, Some("2026-03-16"), "配合上位法施行"), &rules, now).unwrap();
        let later = checked(&asked(Some("2026-03-05"), None, ""), &rules, now).unwrap();
        assert_eq!((later.opens_at, later.closes_at), (calendar::start_of_day(day("2026-03-05")), calendar::end_of_day(day("2026-04-07"))));
    }
    #[test]
    fn late_opinions_are_taken_after_the_end_or_not_at_all() {
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).single().unwrap();
        let days = |late: &str| Days { opens_on: None, closes_on: Some(day("2026-04-01")), late_through: Some(day(late)) };
        for bad in ["2026-03-31", "2026-04-01", "2026-06-01"] {
            assert_eq!(
                plan(days(bad), &Rules::default(), now).unwrap_err().fields.first().map(|f| f.field.as_str()),
                Some("late_through"),
                "{bad}"
            );
        }
        let span = plan(days("2026-04-08"), &Rules::default(), now).unwrap();
        assert_eq!((span.late_until, span.days), (Some(calendar::end_of_day(day("2026-04-08"))), 30));
    }

    #[test]
    fn where_a_round_stands_is_read_from_the_clock() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut round = Consultation {
            id: ConsultationId(uuid::Uuid::nil()),
            draft_id: DraftId(uuid::Uuid::nil()),
            version_id: DraftVersionId(uuid::Uuid::nil()),
            round: 1,
            notice_title: String::new(),
            notice: String::new(),
            shorter_reason: String::new(),
            opens_at: at("2026-03-01T16:00:00Z"),
            closes_at: at("2026-04-01T16:00:00Z"),
            late_until: Some(at("2026-04-08T16:00:00Z")),
            withdrawn_at: None,
            withdrawal_reason: String::new(),
            shows_opinions: false,
            allows_anonymous: false,
            shows_answers: false,
            feedback_summary: String::new(),
            feedback_published_at: None,
        };
        for (now, phase) in [
            ("2026-03-01T15:59:59.999999Z", Phase::Upcoming),
            ("2026-03-01T16:00:00Z", Phase::Open),
            ("2026-04-01T15:59:59.999999Z", Phase::Open),
            ("2026-04-01T16:00:00Z", Phase::Late),
            ("2026-04-08T15:59:59.999999Z", Phase::Late),
            ("2026-04-08T16:00:00Z", Phase::Closed),
        ] {
            assert_eq!(round.phase(at(now)), phase, "{now}");
        }
        round.withdrawn_at = Some(at("2026-03-05T00:00:00Z"));
        assert_eq!(round.phase(at("2026-03-06T00:00:00Z")), Phase::Withdrawn);
    }
}
