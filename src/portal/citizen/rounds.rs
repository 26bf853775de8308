//! The part of a draft's page that is about its rounds, answering their questions, and following drafts.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get, post};
use serde::Deserialize;
use uuid::Uuid;

use super::drafts::cards;
use crate::accounts::Permission;
use crate::app::App;
use crate::calendar;
use crate::drafts::consultations::{Consultation, Phase};
use crate::drafts::endings::{self, Extension};
use crate::drafts::questions::{self, Answer, Question, QuestionKind};
use crate::drafts::versions::DraftVersion;
use crate::drafts::{self, Draft, Viewer, consultations, following};
use crate::error::{Code, Error, Result};
use crate::ids::DraftId;
use crate::portal::links;
use crate::portal::pages::rounds::{
    ExtensionLine, FollowForm, FollowingPage, Note, OptionField, QuestionField, QuestionResult, QuestionsForm, QuestionsPage, RoundCard,
    RoundsPart,
};
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::texts::{self, rounds as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Followed drafts on one page of the list.
const PAGE: usize = 20;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/drafts/:id/follow", post(follow))
        .at("/drafts/:id/questions", post(answer_questions))
        .at("/account/following", get(list_following))
}

/// A draft by what stands in the path.
pub fn draft_id(text: &str) -> Result<DraftId> {
    text.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))
}

/// What a draft's page says of its rounds.
pub async fn rounds_part(visit: &Visit, draft: &Draft, rounds: &[Consultation], versions: &[DraftVersion]) -> Result<RoundsPart> {
    let app = &visit.app;
    if rounds.is_empty() {
        return Ok(RoundsPart::default());
    }
    let may_manage = visit.caller.as_ref().is_some_and(|caller| caller.may(Permission::OpenConsultation));
    Ok(RoundsPart {
        notes: notes(app, draft, rounds.last()),
        follow: follow_form(visit, draft).await?,
        rounds: round_cards(visit, draft, rounds, versions, false).await?,
        form: match rounds.last() {
            Some(round) if round.phase(app.clock.now()) == Phase::Open => questions_form(visit, draft, round).await?,
            _ => None,
        },
        manage: may_manage.then(|| format!("/staff/drafts/{}/rounds", draft.id)),
    })
}

/// What to know first of where a draft stands.
pub fn notes(app: &App, draft: &Draft, round: Option<&Consultation>) -> Vec<Note> {
    if draft.withdrawn_at.is_some() {
        let words = vec![words::because(&draft.withdrawal_reason), words::STILL_ANSWERED.into()];
        return vec![Note { tone: "stop", title: words::GIVEN_UP.into(), words }];
    }
    let Some(round) = round else { return Vec::new() };
    let note = |tone, title: &str, words: Vec<String>| vec![Note { tone, title: title.into(), words }];
    match round.phase(app.clock.now()) {
        Phase::Upcoming => note("wait", words::NOT_BEGUN, vec![words::begins(round.opens_on())]),
        Phase::Late => note("wait", words::LATE, round.late_through().map(words::late_taken).into_iter().collect()),
        Phase::Withdrawn => note("stop", words::ENDED_EARLY, vec![words::because(&round.withdrawal_reason), words::STILL_ANSWERED.into()]),
        Phase::Open | Phase::Closed => Vec::new(),
    }
}

/// The rounds of a draft, the newest first. On the staff's page the newest carries its notice too.
pub async fn round_cards(
    visit: &Visit,
    draft: &Draft,
    rounds: &[Consultation],
    versions: &[DraftVersion],
    is_staff_page: bool,
) -> Result<Vec<RoundCard>> {
    let app = &visit.app;
    let viewer = Viewer::Public(visit.caller.as_ref());
    let extensions = endings::list_extensions(&app.db, draft).await?;
    let all_questions = questions::list_questions(&app.db, draft).await?;
    let mut cards = Vec::with_capacity(rounds.len());
    for round in rounds.iter().rev() {
        let asked: Vec<&Question> = all_questions.iter().filter(|q| q.consultation_id == round.id).collect();
        let results = if !asked.is_empty() && questions::may_see_counts(viewer, round) {
            let counts = questions::count_answers(&app.db, viewer, round).await?;
            asked.iter().map(|question| result(draft, question, &counts, is_staff_page)).collect()
        } else {
            Vec::new()
        };
        let is_newest = rounds.last().is_some_and(|newest| newest.id == round.id);
        let paragraphs = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        cards.push(RoundCard {
            name: words::round(round.round),
            badge: phase_badge(round.phase(app.clock.now())),
            notice_title: round.notice_title.clone(),
            notice: if is_newest && !is_staff_page { Vec::new() } else { paragraphs(&round.notice) },
            facts: facts(round, versions),
            extensions: extensions.iter().filter(|e| e.consultation_id == round.id).map(extension_line).collect(),
            results,
        });
    }
    Ok(cards)
}

fn phase_badge(phase: Phase) -> Badge {
    let tone = match phase {
        Phase::Upcoming => "blue",
        Phase::Open => "good",
        Phase::Late => "wait",
        Phase::Closed => "off",
        Phase::Withdrawn => "stop",
    };
    Badge { text: phase.label().into(), tone }
}

fn facts(round: &Consultation, versions: &[DraftVersion]) -> Vec<Fact> {
    let (first, last) = (round.opens_on(), round.closes_on());
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts = vec![fact(words::PERIOD, words::period(first, last, calendar::days_between(first, last)))];
    if let Some(version) = versions.iter().find(|version| version.id == round.version_id) {
        facts.push(fact(words::TEXT, words::version(version.number, &version.title)));
    }
    if !round.shorter_reason.is_empty() {
        facts.push(fact(texts::SHORTER, round.shorter_reason.clone()));
    }
    let late = round.late_through().map_or_else(|| words::LATE_REFUSED.into(), words::late_taken);
    facts.push(fact(words::LATE_POLICY, late));
    facts.push(fact(words::OTHERS, if round.shows_opinions { words::OTHERS_SHOWN } else { words::OTHERS_UNSEEN }.into()));
    facts.push(fact(words::WHO, if round.allows_anonymous { words::ANYBODY } else { words::SIGNED_IN }.into()));
    if let Some(at) = round.withdrawn_at {
        let how = format!("{}　{}", words::ended_early(calendar::day_of(at)), words::because(&round.withdrawal_reason));
        facts.push(fact(words::ENDED, how));
    }
    facts
}

fn extension_line(extension: &Extension) -> ExtensionLine {
    ExtensionLine {
        moved: words::moved(extension.closed_on_before(), extension.closes_on()),
        at: texts::moment(extension.extended_at),
        notice: extension.notice.clone(),
    }
}

fn result(draft: &Draft, question: &Question, counts: &[questions::QuestionCount], is_staff_page: bool) -> QuestionResult {
    let count = counts.iter().find(|count| count.question == question.id);
    let numbers = count.map_or(&[][..], |count| &count.options);
    let is_written = question.kind == QuestionKind::Text && is_staff_page;
    QuestionResult {
        wording: words::question(question.number, &question.wording, question.kind),
        persons: words::persons(count.map_or(0, |count| count.persons)),
        options: question.options.iter().zip(numbers).map(|(label, n)| Fact { name: label.clone(), value: format!("{n} 人") }).collect(),
        written: is_written.then(|| format!("/staff/drafts/{}/rounds/answers/{}", draft.id, question.id)),
    }
}

fn sign_in_link(draft: &Draft) -> String {
    links::with_query("/sign-in", [("next", format!("/drafts/{}", draft.id).as_str())])
}

async fn follow_form(visit: &Visit, draft: &Draft) -> Result<Option<FollowForm>> {
    let action = format!("/drafts/{}/follow", draft.id);
    Ok(match &visit.caller {
        None => Some(FollowForm { action, csrf: String::new(), sign_in: sign_in_link(draft), is_following: false }),
        Some(caller) if caller.may(Permission::FollowDrafts) => {
            let is_following = following::is_following(&visit.app.db, caller.account_id, draft.id).await?;
            Some(FollowForm { action, csrf: visit.form_token(), sign_in: String::new(), is_following })
        }
        Some(_) => None,
    })
}

/// The questions of a round as a form with what the citizen answered; `None` when there are none, or for staff.
async fn questions_form(visit: &Visit, draft: &Draft, round: &Consultation) -> Result<Option<QuestionsForm>> {
    let app = &visit.app;
    let asked: Vec<Question> =
        questions::list_questions(&app.db, draft).await?.into_iter().filter(|q| q.consultation_id == round.id).collect();
    let may_answer = visit.caller.as_ref().is_none_or(|caller| caller.may(Permission::PostOpinion));
    if asked.is_empty() || !may_answer {
        return Ok(None);
    }
    let answers = match &visit.caller {
        Some(caller) => questions::list_own_answers(&app.db, caller.account_id, round.id).await?,
        None => Vec::new(),
    };
    let sign_in = if visit.caller.is_some() { String::new() } else { sign_in_link(draft) };
    let form = form_of(draft, &asked, &answers, visit.form_token(), sign_in, String::new());
    Ok(Some(QuestionsForm { takes_unnamed: round.allows_anonymous, ..form }))
}

fn form_of(draft: &Draft, asked: &[Question], answers: &[Answer], csrf: String, sign_in: String, problem: String) -> QuestionsForm {
    let field = |question: &Question| {
        let answer = answers.iter().find(|answer| answer.question == question.id);
        let is_chosen = |value: i64| answer.is_some_and(|answer| answer.choices.contains(&value));
        let option = |(value, label): (i64, &String)| OptionField { value, label: label.clone(), is_chosen: is_chosen(value) };
        QuestionField {
            name: question.id.to_string(),
            number: question.number,
            wording: question.wording.clone(),
            kind: question.kind.as_str(),
            options: (1i64..).zip(&question.options).map(option).collect(),
            body: answer.map(|answer| answer.body.clone()).unwrap_or_default(),
        }
    };
    QuestionsForm {
        action: format!("/drafts/{}/questions", draft.id),
        csrf,
        sign_in,
        takes_unnamed: false,
        is_answered: !answers.is_empty(),
        problem,
        fields: asked.iter().map(field).collect(),
        longest: questions::ANSWER_CHARACTERS,
    }
}

/// What a form sends, in its order: a name comes once for each box that is ticked.
type Fields = Vec<(String, String)>;

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

/// The answers come back.
#[handler]
async fn answer_questions(visit: Visit, Path(id): Path<String>, Form(fields): Form<Fields>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(value(&fields, "csrf"))?;
    let app = &visit.app;
    let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(caller)), draft_id(&id)?).await?;
    let rounds = consultations::list_rounds(&app.db, &draft).await?;
    let round = rounds.last().ok_or_else(|| Error::not_found(texts::THIS_DRAFT))?;
    let asked: Vec<Question> =
        questions::list_questions(&app.db, &draft).await?.into_iter().filter(|q| q.consultation_id == round.id).collect();
    let answers: Vec<Answer> = asked.iter().map(|question| answer_to(question, &fields)).collect();
    match questions::put_answers(&app.db, &app.clock, caller, draft.id, &answers).await {
        Ok(()) => Ok(see_other(&format!("/drafts/{}#questions", draft.id))),
        Err(error) if matches!(error.code, Code::Invalid | Code::NotOpen) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let form = form_of(&draft, &asked, &answers, visit.form_token(), String::new(), error.detail);
            let draft = Link { text: draft.title, url: format!("/drafts/{}", draft.id) };
            visit.show_as(status, &QuestionsPage { layout: visit.layout(Section::Drafts), draft, form })
        }
        Err(error) => Err(Failure(error)),
    }
}

fn answer_to(question: &Question, fields: &Fields) -> Answer {
    let name = question.id.to_string();
    let values = || fields.iter().filter(|(field, _)| *field == name).map(|(_, value)| value.as_str());
    match question.kind {
        QuestionKind::Text => {
            Answer { question: question.id, body: values().next().unwrap_or_default().replace("\r\n", "\n"), choices: Vec::new() }
        }
        QuestionKind::Single | QuestionKind::Multiple => {
            let choices = values().filter(|value| !value.is_empty()).map(|value| value.parse().unwrap_or(0)).collect();
            Answer { question: question.id, body: String::new(), choices }
        }
    }
}

/// Following begins or ends.
#[handler]
async fn follow(visit: Visit, Path(id): Path<String>, Form(fields): Form<Fields>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(value(&fields, "csrf"))?;
    let app = &visit.app;
    let id = draft_id(&id)?;
    match value(&fields, "act") {
        "unfollow" => following::unfollow_draft(&app.db, caller, id).await?,
        _ => following::follow_draft(&app.db, &app.clock, caller, id).await?,
    }
    let back = value(&fields, "back");
    Ok(see_other(if back.is_empty() { format!("/drafts/{id}") } else { links::local(back).to_owned() }.as_str()))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
}

/// `/account/following`
#[handler]
async fn list_following(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.citizen()?;
    let app = &visit.app;
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = following::list_followed(&app.db, &app.clock, caller, cursor, PAGE).await?;
    let next = page.next.map(|cursor| links::with_query("/account/following", [("cursor", cursor.as_str())]));
    let drafts: Vec<Draft> = page.items.into_iter().map(|followed| followed.draft).collect();
    let actions: Vec<String> = drafts.iter().map(|draft| format!("/drafts/{}/follow", draft.id)).collect();
    let drafts = cards(app, drafts).await?.into_iter().zip(actions).collect();
    visit.show(&FollowingPage { layout: visit.layout(Section::Drafts), csrf: visit.form_token(), drafts, next })
}
