//! `/staff/drafts/{id}/rounds`: the rounds of a draft; extending one, ending it early, giving the draft up. `publishing.rs` opens a new one.

mod publishing;

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use poem::{Route, get};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::calendar;
use crate::drafts::consultations::{self, Consultation, Phase};
use crate::drafts::{self, Draft, Move, Viewer, endings, following, questions, versions};
use crate::error::{Code, Error, Result};
use crate::portal::citizen::drafts::state_badge;
use crate::portal::citizen::rounds::{draft_id, notes, round_cards};
use crate::portal::links;
use crate::portal::pages::rounds::{Problems, RoundChangePage, RoundsPage, WrittenAnswersPage};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::staff::drafting::draft_path;
use crate::portal::texts::{self, rounds as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Answers in own words on one page.
const PAGE: usize = 50;

/// The pages of this room.
pub fn routes(route: Route) -> Route {
    publishing::routes(route)
        .at("/staff/drafts/:id/rounds", get(list_rounds))
        .at("/staff/drafts/:id/rounds/extend", get(show_extension).post(extend))
        .at("/staff/drafts/:id/rounds/end", get(show_early_end).post(end_early))
        .at("/staff/drafts/:id/withdraw", get(show_withdrawal).post(withdraw))
        .at("/staff/drafts/:id/rounds/answers/:question", get(list_written_answers))
}

/// A draft that staff may see.
async fn find_draft(visit: &Visit, permission: Permission, id: &str) -> Result<Draft> {
    let caller = visit.staff(permission)?;
    drafts::get_draft(&visit.app.db, &visit.app.clock, Viewer::Public(Some(caller)), draft_id(id)?).await
}

fn rounds_url(draft: &Draft) -> String {
    format!("{}/rounds", draft_path(draft.id))
}

fn rounds_link(draft: &Draft) -> Link {
    Link { text: draft.title.clone(), url: rounds_url(draft) }
}

/// What was wrong with a form, beside its fields.
fn problems(error: &Error) -> Problems {
    Problems(error.fields.iter().map(|field| Fact { name: field.field.clone(), value: field.message.clone() }).collect())
}

#[derive(Deserialize)]
struct Shown {
    /// What was just done.
    #[serde(default)]
    done: String,
}

/// The list after something was done.
fn rounds_after(draft: &Draft, done: &str) -> String {
    format!("{}?done={done}", rounds_url(draft))
}

/// The list.
#[handler]
async fn list_rounds(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let draft = find_draft(&visit, Permission::ReadUnpublishedDrafts, &id).await?;
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let rounds = consultations::list_rounds(&app.db, &draft).await?;
    let versions = versions::list_versions(&app.db, Viewer::Public(Some(caller)), &draft).await?;
    let followers = following::count_followers(&app.db, &draft).await?;
    let phase = rounds.last().map(|round| round.phase(app.clock.now()));
    let base = rounds_url(&draft);
    let link = |text: &str, url: String| Link { text: text.into(), url };
    let mut acts = Vec::new();
    if caller.may(Permission::OpenConsultation) {
        let is_quiet = draft.require_quiet(app.clock.now(), words::ACT_NEW).is_ok();
        if draft.state.after(Move::OpenConsultation).is_some() && is_quiet {
            acts.push(link(words::ACT_NEW, format!("{base}/new")));
        }
        if matches!(phase, Some(Phase::Upcoming | Phase::Open)) {
            acts.push(link(words::ACT_EXTEND, format!("{base}/extend")));
            acts.push(link(words::ACT_END, format!("{base}/end")));
        }
    }
    if caller.may(Permission::WithdrawDraft) && draft.state.after(Move::Withdraw).is_some() {
        acts.push(link(words::ACT_GIVE_UP, format!("{}/withdraw", draft_path(draft.id))));
    }
    visit.show(&RoundsPage {
        layout: visit.layout(Section::Staff),
        done: words::done(&shown.done),
        badge: state_badge(app, &draft),
        notes: notes(app, &draft, rounds.last()),
        followers: words::followers(followers),
        rounds: round_cards(&visit, &draft, &rounds, &versions, true).await?,
        own: draft_path(draft.id),
        draft: Link { text: draft.title.clone(), url: format!("/drafts/{}", draft.id) },
        acts,
    })
}

/// What a form sends; each form has some of it.
#[derive(Default, Deserialize)]
struct Change {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    closes_on: String,
    #[serde(default)]
    notice: String,
    #[serde(default)]
    reason: String,
}

/// The three changes that have a page of their own.
#[derive(Clone, Copy)]
enum Kind {
    Extension,
    EarlyEnd,
    Withdrawal,
}

impl Kind {
    /// What was done, as an address says it.
    fn done(self) -> &'static str {
        match self {
            Kind::Extension => "extended",
            Kind::EarlyEnd => "ended",
            Kind::Withdrawal => "withdrawn",
        }
    }
}

async fn change_page(visit: &Visit, draft: &Draft, kind: Kind, form: Change, error: Option<Error>) -> Page {
    let (title, consequences, path, label, button) = match kind {
        Kind::Extension => (words::ACT_EXTEND, words::AFTER_EXTENSION, "rounds/extend", words::EXTENSION_NOTICE, words::PUBLISH_EXTENSION),
        Kind::EarlyEnd => (words::ACT_END, words::AFTER_END, "rounds/end", words::REASON, words::CONFIRM_END),
        Kind::Withdrawal => (words::ACT_GIVE_UP, words::AFTER_GIVE_UP, "withdraw", words::REASON, words::CONFIRM_GIVE_UP),
    };
    let is_extension = matches!(kind, Kind::Extension);
    let earliest = draft.closes_at.map(calendar::day_of).map(|day| day.to_string()).unwrap_or_default();
    let status = error.as_ref().and_then(|error| StatusCode::from_u16(error.code.status()).ok()).unwrap_or(StatusCode::OK);
    let page = RoundChangePage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        draft: rounds_link(draft),
        own: draft_path(draft.id),
        title: title.into(),
        consequences: consequences.iter().map(|line| (*line).into()).collect(),
        action: format!("{}/{path}", draft_path(draft.id)),
        problems: error.as_ref().map(problems).unwrap_or_default(),
        problem: error.map(|error| error.detail).unwrap_or_default(),
        field: if is_extension { "notice" } else { "reason" },
        label,
        words: if is_extension { form.notice } else { form.reason },
        day: is_extension.then_some((form.closes_on, earliest)),
        button,
        is_final: !is_extension,
    };
    visit.show_as(status, &page)
}

/// After a change: the list, or the form again with what was wrong.
async fn finish<T>(visit: &Visit, draft: &Draft, kind: Kind, form: Change, done: Result<T>) -> Page {
    match done {
        Ok(_) => Ok(see_other(&rounds_after(draft, kind.done()))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => change_page(visit, draft, kind, form, Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

#[handler]
async fn show_extension(visit: Visit, Path(id): Path<String>) -> Page {
    let draft = find_draft(&visit, Permission::OpenConsultation, &id).await?;
    change_page(&visit, &draft, Kind::Extension, Change::default(), None).await
}

#[handler]
async fn extend(visit: Visit, Path(id): Path<String>, Form(form): Form<Change>) -> Page {
    let draft = find_draft(&visit, Permission::OpenConsultation, &id).await?;
    visit.check_form(&form.csrf)?;
    let (app, by) = (&visit.app, Actor::Person(visit.staff(Permission::OpenConsultation)?));
    let done = match form.closes_on.parse() {
        Ok(day) => endings::extend_consultation(&app.db, &app.clock, &app.ids, by, draft.id, day, &form.notice).await,
        Err(_) => Err(Error::invalid("closes_on", texts::BAD_DATE)),
    };
    finish::<Consultation>(&visit, &draft, Kind::Extension, form, done).await
}

#[handler]
async fn show_early_end(visit: Visit, Path(id): Path<String>) -> Page {
    let draft = find_draft(&visit, Permission::OpenConsultation, &id).await?;
    change_page(&visit, &draft, Kind::EarlyEnd, Change::default(), None).await
}

#[handler]
async fn end_early(visit: Visit, Path(id): Path<String>, Form(form): Form<Change>) -> Page {
    let draft = find_draft(&visit, Permission::OpenConsultation, &id).await?;
    visit.check_form(&form.csrf)?;
    let (app, by) = (&visit.app, Actor::Person(visit.staff(Permission::OpenConsultation)?));
    let done = endings::withdraw_consultation(&app.db, &app.clock, &app.ids, by, draft.id, &form.reason).await;
    finish(&visit, &draft, Kind::EarlyEnd, form, done).await
}

#[handler]
async fn show_withdrawal(visit: Visit, Path(id): Path<String>) -> Page {
    let draft = find_draft(&visit, Permission::WithdrawDraft, &id).await?;
    change_page(&visit, &draft, Kind::Withdrawal, Change::default(), None).await
}

#[handler]
async fn withdraw(visit: Visit, Path(id): Path<String>, Form(form): Form<Change>) -> Page {
    let draft = find_draft(&visit, Permission::WithdrawDraft, &id).await?;
    visit.check_form(&form.csrf)?;
    let (app, by) = (&visit.app, Actor::Person(visit.staff(Permission::WithdrawDraft)?));
    let done = endings::withdraw_draft(&app.db, &app.clock, &app.ids, by, draft.id, &form.reason).await;
    finish(&visit, &draft, Kind::Withdrawal, form, done).await
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
}

/// Answers in own words to a question.
#[handler]
async fn list_written_answers(visit: Visit, Path((id, question)): Path<(String, String)>, Query(query): Query<ListQuery>) -> Page {
    let draft = find_draft(&visit, Permission::ReadOpinions, &id).await?;
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadOpinions)?;
    let absent = || Error::not_found(words::THIS_QUESTION);
    let question: Uuid = question.parse().map_err(|_| absent())?;
    let asked = questions::list_questions(&app.db, &draft).await?;
    let asked = asked.into_iter().find(|q| q.id == question).ok_or_else(absent)?;
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = questions::list_written_answers(&app.db, caller, &draft, question, cursor, PAGE).await?;
    let here = format!("{}/answers/{question}", rounds_url(&draft));
    visit.show(&WrittenAnswersPage {
        layout: visit.layout(Section::Staff),
        draft: rounds_link(&draft),
        own: draft_path(draft.id),
        wording: words::question(asked.number, &asked.wording, asked.kind),
        next: page.next.map(|cursor| links::with_query(&here, [("cursor", cursor.as_str())])),
        answers: page.items.into_iter().map(|a| Fact { name: texts::moment(a.updated_at), value: a.body }).collect(),
    })
}
