//! The check of an opinion that has just been accepted, and the worker for checks that broke off.
//!
//! The opinion is committed before the check begins, so nothing that the check meets can lose it. WeChat is asked inside the request, because it judges only for
//! an openid that was there within two hours, and the openid is not stored; what WeChat does not answer in time a person decides.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::words::{Action, WordList};
use super::{Concern, ConcernKind, Display, FIND, HidingReason, Place, Record, Step, Subject, TextField, lock, personal, take};
use crate::accounts::wechat::{Suggestion, TextVerdict, Wechat};
use crate::audit::{self, Act, NewEntry};
use crate::config::{ModerationRules, WebOpinions};
use crate::error::Result;
use crate::ids::{Clock, IdSource, OpinionId};
use crate::notifications::{self, Event};
use crate::on_db;
use crate::opinions::Channel;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};

/// What a check works with.
#[derive(Clone, Copy)]
pub struct Checker<'a> {
    /// Where opinions are kept.
    pub db: &'a Db,
    /// The present.
    pub clock: &'a Clock,
    /// Ids of messages.
    pub ids: &'a IdSource,
    /// What the installation wishes.
    pub rules: &'a ModerationRules,
    /// The word list.
    pub words: &'a WordList,
    /// WeChat, live or sandbox.
    pub wechat: &'a dyn Wechat,
}

/// An opinion to be checked: after posting it, and after each change of its words or of the wish to publish it.
#[derive(Clone, Copy)]
pub struct Submission<'a> {
    /// The opinion; committed, and its display is [`Display::Checking`].
    pub opinion: OpinionId,
    /// The author's openid, where the author came through WeChat within two hours.
    pub openid: Option<&'a str>,
    /// Whether it has files, which a person looks at.
    pub has_attachments: bool,
}

const LIST_STALLED: &str = "SELECT id FROM opinion WHERE display = 'checking' AND state <> 'withdrawn' AND COALESCE(updated_at, posted_at) < $1 ORDER BY posted_at, id LIMIT $2";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LIST_STALLED];

/// Checks taken up by the worker in one go.
const BATCH: i64 = 100;
/// Time between two looks for checks that broke off.
const PAUSE: Duration = Duration::from_secs(15);

/// Checks an opinion and says where its display stands. Never fails: whatever goes wrong leaves it in [`Display::Checking`], and the worker hands it to a
/// person. Calling it again, also at the same time, changes nothing.
pub async fn submit(at: Checker<'_>, submission: Submission<'_>) -> Display {
    match check(at, submission).await {
        Ok(display) => display,
        Err(error) => {
            let opinion = submission.opinion.to_string();
            tracing::warn!(
                opinion,
                error = error.code.slug(),
                cause = error.cause_chain(),
                "the check of an opinion broke off; a person will look"
            );
            Display::Checking
        }
    }
}

async fn check(at: Checker<'_>, submission: Submission<'_>) -> Result<Display> {
    let found: Option<Subject> =
        on_db!(at.db, pool => sqlx::query_as(FIND).bind(submission.opinion).fetch_optional(pool).await).map_err(failed)?;
    let Some(subject) = found else { return Ok(Display::Checking) };
    if subject.display()? != Display::Checking {
        return subject.display();
    }
    let mut concerns = screen(at.words, &subject);
    let hidden_for = rule_that_hides(at.words, &subject);
    // What its author keeps back is shown to nobody: it is not sent to WeChat, and keeps nobody busy. A change of that wish is checked anew.
    if subject.is_public && hidden_for.is_none() {
        if subject.hiding.is_some() {
            concerns.push(Concern::whole(ConcernKind::HiddenBefore));
        }
        if submission.has_attachments {
            concerns.push(Concern::whole(ConcernKind::Attachment));
        }
        match submission.openid {
            Some(openid) => concerns.extend(ask_wechat(at, openid, &subject).await),
            None if subject.channel == Channel::Wechat.as_str() => concerns.push(Concern::whole(ConcernKind::WechatUnavailable)),
            None if at.rules.web == WebOpinions::Review
                || (subject.account_id.is_none() && subject.channel == Channel::ContactPoint.as_str()) =>
            {
                concerns.push(Concern::whole(ConcernKind::NotChecked))
            }
            None => {}
        }
    }
    settle(at, &subject, concerns, hidden_for).await
}

/// Checks an offline opinion in the transaction that writes it: the word list, and then always a person, because nobody else ever saw it (paper has no
/// openid). What its author keeps back keeps nobody busy.
pub(in crate::opinions) async fn check_recorded(tx: &mut Tx, clock: &Clock, words: &WordList, opinion: OpinionId) -> Result<Display> {
    let subject = lock(tx, opinion).await?;
    let mut concerns = screen(words, &subject);
    let hidden_for = rule_that_hides(words, &subject);
    if subject.is_public && hidden_for.is_none() {
        concerns.push(Concern::whole(ConcernKind::NotChecked));
    }
    let step = match (hidden_for, concerns.is_empty()) {
        (Some(_), _) => Step::HideByRule,
        (None, true) => Step::Pass,
        (None, false) => Step::Refer,
    };
    let reason = hidden_for.map_or("", |_| BY_RULE);
    let (display, _) = take(tx, clock, &subject, step, Record { by: None, category: hidden_for, reason, concerns }).await?;
    if let Some(reason) = hidden_for {
        audit_hiding(tx, clock, opinion, reason).await?;
    }
    Ok(display)
}

/// The audit entry of a hiding by the word list.
async fn audit_hiding(tx: &mut Tx, clock: &Clock, opinion: OpinionId, reason: HidingReason) -> Result<()> {
    let entry = NewEntry {
        account_id: None,
        act: Act::HideOpinion,
        subject: "opinion",
        subject_id: Some(opinion.0),
        is_success: true,
        detail: reason.as_str(),
    };
    audit::append(tx, clock, entry).await
}

/// Writes the outcome, if the opinion still stands as it was read.
async fn settle(at: Checker<'_>, read: &Subject, concerns: Vec<Concern>, hidden_for: Option<HidingReason>) -> Result<Display> {
    let mut tx = at.db.begin().await?;
    let subject = lock(&mut tx, read.id).await?;
    // Changed or decided meanwhile: whoever did it has the word.
    if subject.display()? != Display::Checking || subject.revision != read.revision {
        return subject.display();
    }
    let step = match (hidden_for, concerns.is_empty()) {
        (Some(_), _) => Step::HideByRule,
        (None, true) => Step::Pass,
        (None, false) => Step::Refer,
    };
    // An author need not be told of a look that every such opinion is given.
    let is_told = step == Step::HideByRule || concerns.iter().any(|c| !matches!(c.kind, ConcernKind::NotChecked | ConcernKind::Attachment));
    let reason = hidden_for.map_or("", |_| BY_RULE);
    let (display, _) = take(&mut tx, at.clock, &subject, step, Record { by: None, category: hidden_for, reason, concerns }).await?;
    if let Some(author) = subject.account_id.filter(|_| is_told && subject.is_public) {
        let (event, about) = match hidden_for {
            Some(reason) => (Event::OpinionHidden, format!("{}的意见因“{}”不予公开展示", subject.about(), reason.label())),
            None => (Event::OpinionInReview, subject.about()),
        };
        if display != Display::Shown {
            notifications::announce(&mut tx, at.clock, at.ids, author, event, subject.id.0, &about).await?;
        }
    }
    if let Some(reason) = hidden_for {
        audit_hiding(&mut tx, at.clock, subject.id, reason).await?;
    }
    tx.commit().await?;
    Ok(display)
}

/// What the author is told when a rule of the word list hid it.
const BY_RULE: &str = "内容含有词表中规定不予展示的词语。";

fn fields(subject: &Subject) -> [(TextField, &str); 3] {
    [(TextField::Body, &subject.body), (TextField::Reason, &subject.reason), (TextField::ProposedText, &subject.proposed_text)]
}

/// What the word list and the search for personal data find.
fn screen(words: &WordList, subject: &Subject) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for (field, text) in fields(subject) {
        for hit in words.find(text) {
            let category = words.category(&hit);
            concerns.push(Concern {
                kind: ConcernKind::Words,
                detail: category.map(|c| c.name.clone()).unwrap_or_default(),
                place: Some(Place { field, start: hit.start, length: hit.length }),
                fits: category.map(|c| c.reason),
            });
        }
        for found in personal::find(text) {
            concerns.push(Concern {
                kind: ConcernKind::PersonalData,
                detail: found.kind.label().into(),
                place: Some(Place { field, start: found.start, length: found.length }),
                fits: Some(HidingReason::Privacy),
            });
        }
    }
    concerns
}

/// The listed reason of the first category that hides at once.
fn rule_that_hides(words: &WordList, subject: &Subject) -> Option<HidingReason> {
    let hits = fields(subject).into_iter().flat_map(|(_, text)| words.find(text));
    hits.filter_map(|hit| words.category(&hit)).find(|c| c.action == Action::Hide).map(|c| c.reason)
}

/// Asks WeChat, within the time that a request may take; `None` when it has nothing against the text.
async fn ask_wechat(at: Checker<'_>, openid: &str, subject: &Subject) -> Option<Concern> {
    let text = fields(subject).map(|(_, text)| text).into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let limit = Duration::from_millis(at.rules.wechat_timeout_ms);
    let unavailable = || Some(Concern::whole(ConcernKind::WechatUnavailable));
    let verdict = match tokio::time::timeout(limit, at.wechat.check_text(openid, &text)).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(error)) => {
            tracing::warn!(error = error.code.slug(), cause = error.cause_chain(), "WeChat did not judge an opinion; a person will look");
            return unavailable();
        }
        Err(_) => {
            tracing::warn!(timeout_ms = at.rules.wechat_timeout_ms, "WeChat did not judge an opinion in time; a person will look");
            return unavailable();
        }
    };
    let kind = match verdict.suggestion {
        Suggestion::Pass => return None,
        Suggestion::Review if verdict == TextVerdict::NOT_JUDGED => return unavailable(),
        Suggestion::Review => ConcernKind::WechatReview,
        Suggestion::Risky => ConcernKind::WechatRisky,
    };
    let (detail, fits) = label_of(verdict.label);
    Some(Concern { kind, detail: detail.into(), place: None, fits })
}

/// What a label of WeChat says, and the listed reason that would fit.
fn label_of(label: i64) -> (&'static str, Option<HidingReason>) {
    match label {
        10001 => ("广告", Some(HidingReason::Advertising)),
        20001 => ("时政", None),
        20002 => ("色情", Some(HidingReason::Indecent)),
        20003 => ("辱骂", Some(HidingReason::Abuse)),
        20006 => ("违法犯罪", Some(HidingReason::Illegal)),
        20008 => ("欺诈", Some(HidingReason::Illegal)),
        20012 => ("低俗", Some(HidingReason::Indecent)),
        20013 => ("版权", None),
        _ => ("其他", None),
    }
}

/// Hands opinions whose check broke off to a person, and says how many they were.
pub async fn recover_stalled(at: Checker<'_>) -> Result<usize> {
    let before: DateTime<Utc> = at.clock.now() - chrono::Duration::seconds(i64::from(at.rules.stalled_seconds));
    let stalled: Vec<OpinionId> =
        on_db!(at.db, pool => sqlx::query_scalar(LIST_STALLED).bind(before).bind(BATCH).fetch_all(pool).await).map_err(failed)?;
    let mut recovered = 0;
    for id in stalled {
        let found: Option<Subject> = on_db!(at.db, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await).map_err(failed)?;
        let Some(subject) = found else { continue };
        let hidden_for = rule_that_hides(at.words, &subject);
        let mut concerns = screen(at.words, &subject);
        concerns.push(Concern::whole(ConcernKind::Interrupted));
        let display = settle(at, &subject, concerns, hidden_for).await?;
        recovered += usize::from(display != Display::Checking);
    }
    Ok(recovered)
}

/// Looks for checks that broke off until it is told to stop.
pub async fn recover_until_stopped(app: impl AsChecker, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        if let Err(error) = recover_stalled(app.checker()).await {
            tracing::error!(
                error = error.code.slug(),
                cause = error.cause_chain(),
                "checks that broke off could not be taken up; they are tried again"
            );
        }
        let pause = app.checker().ids.about(PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

/// Whoever holds what a check works with.
pub trait AsChecker: Send + Sync {
    /// It, borrowed.
    fn checker(&self) -> Checker<'_>;
}
