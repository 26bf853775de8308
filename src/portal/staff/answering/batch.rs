//! The batch: what everybody will see, what is missing, and publishing it.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};

use super::side::tabs;
use super::{Fields, base, draft_of, outcome, problem};
use crate::accounts::{Actor, Permission};
use crate::drafts::{Draft, consultations};
use crate::error::{Code, Error, Result};
use crate::opinions::feedback::{self, Reviewed, Verdict};
use crate::opinions::reading::{PublicOpinion, list_ready_answers};
use crate::opinions::report::path_of;
use crate::opinions::triage::progress::list_progress;
use crate::portal::pages::answering::{BatchPage, ReadyAnswer, Said};
use crate::portal::pages::{Fact, Section};
use crate::portal::visits::{Failure, Page, Visit};
use crate::portal::{links, texts};

/// Answers on a page.
const PAGE: usize = 50;

/// `/staff/drafts/{id}/feedback`
#[handler]
pub async fn show_batch(visit: Visit, Path(id): Path<String>, Query(query): Query<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::ReadOpinions)?;
    let draft = draft_of(&visit, &id).await?;
    show(&visit, &draft, &Fields(query), StatusCode::OK, None).await
}

async fn show(visit: &Visit, draft: &Draft, fields: &Fields, status: StatusCode, said: Option<Said>) -> Page {
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadOpinions)?;
    let preview = feedback::preview_feedback(&app.db, caller, draft).await?;
    let cursor = Some(fields.get("cursor")).filter(|cursor| !cursor.is_empty());
    let page = list_ready_answers(&app.db, &app.clock, caller, draft, cursor, PAGE).await?;
    let round = consultations::list_rounds(&app.db, draft).await?.into_iter().max_by_key(|round| round.round);
    let articles = match &round {
        Some(round) => list_progress(&app.db, caller, draft, round.version_id).await?,
        None => Vec::new(),
    };
    let base = base(draft);
    let fact = |name: &str, n: i64| Fact { name: name.into(), value: texts::grouped(n) };
    let path = format!("{base}/answering");
    visit.show_as(
        status,
        &BatchPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            title: draft.title.clone(),
            said,
            refusal: preview.refusal(draft.state),
            finished: (preview.published > 0 && preview.ready == 0 && preview.unanswered == 0).then(|| format!("/drafts/{}", draft.id)),
            counts: vec![
                fact("待公布", preview.ready),
                fact("还没有经审核的采纳情况", preview.unanswered),
                fact("其中待审核", preview.waiting_for_review),
                fact("不作反馈", preview.excluded()),
                fact("已公布", preview.published),
            ],
            outcomes: preview.by_disposition.iter().map(|(kind, n)| fact(kind.label(), *n)).collect(),
            exclusions: preview.exclusions.iter().map(|(reason, n)| fact(reason.label(), *n)).collect(),
            articles: tabs(&articles, "", &|at| links::with_query(&path, [("at", at)])),
            answers: page.items.into_iter().filter_map(ready).collect(),
            next: page.next.map(|cursor| links::with_query(&format!("{base}/feedback"), [("cursor", cursor.as_str())])),
            besides: texts::answering::publishes(&preview.publishes_versions),
            report: round.as_ref().map(|round| path_of(draft, round)).unwrap_or_default(),
            may_publish: caller.may(Permission::PublishFeedback),
            may_review: caller.may(Permission::ReviewFeedback) && preview.waiting_for_review > 0,
            summary: match fields.get("summary") {
                "" => round.map(|round| round.feedback_summary).unwrap_or_default(),
                typed => typed.to_owned(),
            },
            base,
        },
    )
}

fn ready(opinion: PublicOpinion) -> Option<ReadyAnswer> {
    let author = opinion.author_line();
    let answer = opinion.answer?;
    let words = [opinion.body, opinion.proposed_text].into_iter().flatten().find(|words| !words.is_empty());
    Some(ReadyAnswer {
        about: texts::about_opinion(&opinion.provision_label, author.as_deref(), opinion.stance.map(|s| s.label())),
        words,
        unseen: texts::answering::unseen(opinion.words),
        badge: outcome(answer.kind),
        reason: answer.reason,
        result: answer.result_label,
    })
}

/// A form of the batch comes back.
#[handler]
pub async fn change_batch(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::ReviewFeedback)?;
    let fields = Fields(form);
    visit.check_form(fields.get("csrf"))?;
    let draft = draft_of(&visit, &id).await?;
    match change(&visit, &draft, &fields).await {
        Ok(text) => {
            let draft = draft_of(&visit, &id).await?;
            show(&visit, &draft, &Fields(Vec::new()), StatusCode::OK, Some(Said { text, is_problem: false })).await
        }
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            show(&visit, &draft, &fields, status, Some(problem(&error))).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn change(visit: &Visit, draft: &Draft, fields: &Fields) -> Result<String> {
    let app = &visit.app;
    let by = Actor::Person(visit.staff(Permission::ReviewFeedback)?);
    match fields.get("do") {
        "pass_all" => {
            let passed = feedback::review_dispositions(&app.db, &app.clock, by, draft.id, Reviewed::Everything, Verdict::Pass).await?;
            Ok(texts::answering::passed(passed))
        }
        "publish" => {
            let done = feedback::publish_feedback(&app.db, &app.clock, &app.ids, by, draft.id, fields.get("summary")).await?;
            Ok(texts::answering::published(done.published, done.told, done.excluded))
        }
        _ => Err(Error::invalid("do", texts::NO_READING)),
    }
}
