//! The demonstration drafts with their opinions and answers.
//!
//! Reads: `drafts.toml` and the files it names. Writes: drafts, versions, rounds, opinions and answers, through the same functions as everybody else, on a
//! clock that walks through the days of the story. A draft whose key is known already is left alone, so loading twice changes nothing.

use std::future::Future;

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use serde::Deserialize;

use super::feedback::{self, DispositionKind, NewAnswer, Reviewed, Verdict};
use super::posting::record_opinion;
use super::{Channel, Counter, NewOpinion, Provenance, Stance, Taken};
use crate::accounts::Actor;
use crate::calendar;
use crate::config::Rules;
use crate::contact_points;
use crate::documents::{self, Limits};
use crate::drafts::consultations::{self, Days as RoundDays, NewConsultation};
use crate::drafts::questions::{NewQuestion, QuestionKind};
use crate::drafts::versions::{self, NewVersionFile};
use crate::drafts::{self, DraftKind, DraftState, NewDraft};
use crate::error::{Error, Result};
use crate::ids::{Clock, DraftId, IdSource};
use crate::storage::Db;
use crate::storage::blobs::Blobs;
use crate::storage::cache::Cache;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    draft: Vec<DraftEntry>,
}

#[derive(Deserialize)]
struct DraftEntry {
    slug: String,
    title: String,
    category: String,
    drafting_unit: String,
    file: String,
    explanation_file: String,
    stage: String,
    consultation: RoundEntry,
    feedback: Option<FeedbackEntry>,
    #[serde(default)]
    opinion: Vec<OpinionEntry>,
}

#[derive(Deserialize)]
struct RoundEntry {
    opens_on_day: i64,
    closes_on_day: i64,
    feedback_published_on_day: Option<i64>,
    #[serde(default)]
    notice_title: String,
    notice: String,
    #[serde(default)]
    shorter_reason: String,
    #[serde(default)]
    questions: Vec<String>,
    #[serde(default)]
    shows_opinions: bool,
    #[serde(default)]
    allows_anonymous: bool,
}

#[derive(Deserialize)]
struct FeedbackEntry {
    summary: String,
}

#[derive(Deserialize)]
struct OpinionEntry {
    address: Option<String>,
    stance: String,
    text: String,
    #[serde(default)]
    reason: String,
    author: String,
    channel: String,
    contact_point: Option<String>,
    station: Option<String>,
    submitted_on_day: i64,
    is_public: bool,
    disposition: Option<String>,
    #[serde(default)]
    disposition_reason: String,
}

/// What loading works with.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// Database.
    pub db: &'a Db,
    /// Originals.
    pub blobs: &'a Blobs,
    /// Limits; loading counts against none.
    pub cache: &'a Cache,
    /// The present: the days of the story are counted from it.
    pub clock: &'a Clock,
    /// Ids.
    pub ids: &'a IdSource,
    /// Periods.
    pub rules: &'a Rules,
}

/// Loads the drafts of a list and gives how many were new. `read` gives a file by its path beside the list. Contact points are loaded before.
pub async fn load_drafts<F, R>(at: Loading<'_>, toml: &str, read: F) -> Result<usize>
where
    F: Fn(String) -> R,
    R: Future<Output = Result<Vec<u8>>>,
{
    let file: File = toml::from_str(toml).map_err(|e| Error::startup(format!("示例草案清单有误：{}", e.to_string().trim_end())))?;
    let today = calendar::day_of(at.clock.now());
    let mut loaded = 0;
    for entry in file.draft {
        if drafts::find_seeded(at.db, &entry.slug).await?.is_some() {
            continue;
        }
        let text = read(entry.file.clone()).await?;
        let explanation = read(entry.explanation_file.clone()).await?;
        load_draft(at, today, entry, text, &explanation).await?;
        loaded += 1;
    }
    Ok(loaded)
}

async fn load_draft(at: Loading<'_>, today: NaiveDate, entry: DraftEntry, bytes: Vec<u8>, explanation: &[u8]) -> Result<()> {
    let unknown = |field: &str, value: &str| Error::startup(format!("示例草案 {} 的 {field} 无法识别：{value}。", entry.slug));
    let kind = match entry.category.as_str() {
        "local_government_rule" => Some(DraftKind::GovernmentRule),
        "administrative_normative_document" => Some(DraftKind::NormativeDocument),
        other => DraftKind::parse(other),
    };
    let kind = kind.ok_or_else(|| unknown("category", &entry.category))?;
    let explanation = documents::read(&entry.explanation_file, explanation, &Limits::default())?.body;

    // The morning on which the round begins; the text was entered an hour earlier.
    let opens_on = day(today, entry.consultation.opens_on_day);
    let clock = Clock::fixed(morning(opens_on) - Duration::hours(1));
    let new = NewDraft {
        id: None,
        title: entry.title.clone(),
        kind,
        drafting_unit: entry.drafting_unit.clone(),
        seed_key: Some(entry.slug.clone()),
    };
    let draft = drafts::create_draft(at.db, &clock, at.ids, Actor::System, new).await?.id;
    let file = NewVersionFile { id: None, name: entry.file.clone(), bytes, explanation };
    versions::add_version(at.db, at.blobs, &clock, at.ids, Actor::System, draft, file).await?;
    clock.advance(Duration::hours(1));
    let round = NewConsultation {
        version_id: None,
        notice_title: entry.consultation.notice_title.clone(),
        notice: entry.consultation.notice.clone(),
        days: RoundDays { opens_on: Some(opens_on), closes_on: Some(day(today, entry.consultation.closes_on_day)), late_through: None },
        shorter_reason: entry.consultation.shorter_reason.clone(),
        shows_opinions: entry.consultation.shows_opinions,
        allows_anonymous: entry.consultation.allows_anonymous,
        shows_answers: true,
        questions: entry.consultation.questions.iter().map(|wording| question(wording)).collect(),
    };
    consultations::open_consultation(at.db, &clock, at.ids, at.rules, Actor::System, draft, round).await?;

    for (n, opinion) in (0i64..).zip(&entry.opinion) {
        load_opinion(at, today, draft, n, opinion).await?;
    }
    let stage = DraftState::parse(&entry.stage).ok_or_else(|| unknown("stage", &entry.stage))?;
    if stage == DraftState::FeedbackPublished {
        let on = entry.consultation.feedback_published_on_day.unwrap_or(0);
        let clock = Clock::fixed(morning(day(today, on)));
        let summary = entry.feedback.map(|f| f.summary).unwrap_or_default();
        feedback::review_dispositions(at.db, &clock, Actor::System, draft, Reviewed::Everything, Verdict::Pass).await?;
        feedback::publish_feedback(at.db, &clock, at.ids, Actor::System, draft, &summary).await?;
    }
    Ok(())
}

async fn load_opinion(at: Loading<'_>, today: NaiveDate, draft: DraftId, n: i64, entry: &OpinionEntry) -> Result<()> {
    let unknown = |field: &str, value: &str| Error::startup(format!("示例意见的 {field} 无法识别：{value}。"));
    let stance = match entry.stance.as_str() {
        "ask" => Some(Stance::Question),
        other => Stance::parse(other),
    };
    let stance = stance.ok_or_else(|| unknown("stance", &entry.stance))?;
    let contact_point = match &entry.contact_point {
        None => None,
        Some(code) => Some(contact_points::find_point_by_code(at.db, code).await?.ok_or_else(|| unknown("contact_point", code))?),
    };
    let station = match &entry.station {
        None => None,
        Some(code) => Some(contact_points::find_station_by_code(at.db, code).await?.ok_or_else(|| unknown("station", code))?),
    };
    let from = Provenance {
        account_id: None,
        person_hash: None,
        author_kind: if entry.author == "anonymous" { "未署名".into() } else { entry.author.clone() },
        channel: Channel::parse(&entry.channel).ok_or_else(|| unknown("channel", &entry.channel))?,
        contact_point,
        station,
    };
    let new = NewOpinion {
        reason: entry.reason.clone(),
        is_public: entry.is_public,
        ..NewOpinion::on(entry.address.clone(), stance, &entry.text)
    };
    let clock = Clock::fixed(morning(day(today, entry.submitted_on_day)) + Duration::minutes(7 * n + 13));
    // The demonstration is no news.
    let taken = Taken::default();
    let counter = Counter { db: at.db, cache: at.cache, clock: &clock, ids: at.ids, rules: at.rules, address: None, taken: &taken };
    let receipt = record_opinion(counter, draft, &from, new).await?;
    if let Some(outcome) = &entry.disposition {
        let kind = DispositionKind::parse(outcome).ok_or_else(|| unknown("disposition", outcome))?;
        clock.advance(Duration::days(1));
        let answer = NewAnswer { kind, reason: entry.disposition_reason.clone(), result: None };
        feedback::prepare_disposition(at.db, &clock, Actor::System, receipt.opinion_id, 0, answer).await?;
    }
    Ok(())
}

fn question(wording: &str) -> NewQuestion {
    NewQuestion { kind: QuestionKind::Text, wording: wording.to_owned(), options: Vec::new() }
}

/// The day that lies some days from today.
fn day(today: NaiveDate, offset: i64) -> NaiveDate {
    let days = Days::new(offset.unsigned_abs());
    let moved = if offset < 0 { today.checked_sub_days(days) } else { today.checked_add_days(days) };
    moved.unwrap_or(today)
}

/// Nine o'clock in Shanghai.
fn morning(day: NaiveDate) -> DateTime<Utc> {
    calendar::start_of_day(day) + Duration::hours(9)
}
