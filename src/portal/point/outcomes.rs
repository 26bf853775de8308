//! `/point/tasks/{id}/outcomes`: what became of the opinions that the point collected, and the sheets to hand to people.

use poem::web::{Path, Query};
use poem::{Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::Permission;
use crate::calendar;
use crate::error::{Error, Result};
use crate::ids::{AssignmentId, OpinionId};
use crate::opinions::offline::outcomes::{Outcome, Wanted, count_outcomes, list_outcomes};
use crate::portal::citizen::opinions::views::outcome_badge;
use crate::portal::pages::outcomes::{OutcomeLine, OutcomesPage, SheetsPage};
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::texts::outcomes as words;
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Opinions on a page of the list, and sheets on one to print.
const PAGE: usize = 50;
const SHEETS: usize = 200;

/// Adds the pages.
pub fn routes(route: Route) -> Route {
    route.at("/point/tasks/:id/outcomes", get(show_outcomes)).at("/point/tasks/:id/outcomes/sheets", get(show_sheets))
}

#[derive(Deserialize)]
struct Asked {
    cursor: Option<String>,
    opinion: Option<Uuid>,
    names: Option<String>,
}

fn assignment_id(text: &str) -> Result<AssignmentId> {
    text.parse::<Uuid>().map(AssignmentId).map_err(|_| Error::not_found("这项征集任务"))
}

#[handler]
async fn show_outcomes(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Page {
    let db = &visit.app.db;
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let id = assignment_id(&id)?;
    let (assignment, published, counts) = count_outcomes(db, caller, id).await?;
    let page = list_outcomes(db, caller, id, Wanted { cursor: asked.cursor.as_deref(), limit: PAGE, ..Wanted::default() }).await?;
    let base = format!("/point/tasks/{id}/outcomes");
    let numbers = [counts.opinions, counts.answered, counts.adopted, counts.excluded];
    let told = if published.is_some() { numbers.len() } else { 1 };
    visit.show(&OutcomesPage {
        layout: visit.layout(Section::Staff),
        task: Link { text: assignment.task_title.clone(), url: format!("/point/tasks/{id}") },
        draft: Link { text: assignment.draft_title.clone(), url: format!("/drafts/{}", assignment.draft_id) },
        counts: words::COUNTS
            .into_iter()
            .zip(numbers)
            .take(told)
            .map(|(name, n)| Fact { name: name.into(), value: texts::grouped(n) })
            .collect(),
        published: published.map(|at| texts::day(calendar::day_of(at))).unwrap_or_default(),
        lines: page.items.into_iter().map(|outcome| line(&visit, &base, outcome)).collect(),
        sheets: format!("{base}/sheets"),
        next: page.next.map(|cursor| links::with_query(&base, [("cursor", cursor.as_str())])),
    })
}

#[handler]
async fn show_sheets(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Page {
    let app = &visit.app;
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let id = assignment_id(&id)?;
    let (assignment, ..) = count_outcomes(&app.db, caller, id).await?;
    let has_names = asked.names.as_deref() == Some("yes");
    let wanted = Wanted {
        opinion: asked.opinion.map(OpinionId),
        names: has_names.then_some(&app.field_cipher),
        cursor: asked.cursor.as_deref(),
        limit: SHEETS,
    };
    let page = list_outcomes(&app.db, caller, id, wanted).await?;
    let base = format!("/point/tasks/{id}/outcomes");
    let path = format!("{base}/sheets");
    let opinion = asked.opinion.map(|id| id.to_string()).unwrap_or_default();
    let at = |names: &str, cursor: &str| links::with_query(&path, [("opinion", opinion.as_str()), ("names", names), ("cursor", cursor)]);
    visit.show(&SheetsPage {
        layout: visit.layout(Section::Staff),
        back: base.clone(),
        draft: format!("《{}》", assignment.draft_title),
        point: assignment.point_name.clone(),
        bureau: app.config.bureau_name.clone(),
        has_names,
        other: at(if has_names { "" } else { "yes" }, asked.cursor.as_deref().unwrap_or_default()),
        today: texts::day(calendar::day_of(app.clock.now())),
        lines: page.items.into_iter().map(|outcome| line(&visit, &base, outcome)).collect(),
        next: page.next.map(|cursor| at(if has_names { "yes" } else { "" }, &cursor)),
    })
}

fn line(visit: &Visit, base: &str, outcome: Outcome) -> OutcomeLine {
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let person = if outcome.person.is_empty() { outcome.author_kind } else { outcome.person };
    let facts = [
        fact(words::PERSON, person),
        fact(words::COLLECTED_ON, texts::day(outcome.collected_on)),
        fact(words::STATION, outcome.station),
        fact(words::ACTIVITY, outcome.activity),
    ];
    let public_url = visit.app.config.public_url.trim_end_matches('/');
    let permalink = if public_url.is_empty() || outcome.answer.is_none() {
        String::new()
    } else {
        format!("{public_url}/opinions/{}", outcome.opinion_id)
    };
    let (badge, reason, result, published) = match outcome.answer {
        Some(answer) => (outcome_badge(answer.kind), answer.reason, answer.result_label, texts::day(calendar::day_of(answer.published_at))),
        None => {
            let reason = outcome.exclusion.map(|reason| reason.label().to_owned()).unwrap_or_default();
            (Badge { text: words::EXCLUDED.into(), tone: "off" }, reason, String::new(), String::new())
        }
    };
    OutcomeLine {
        sheet: links::with_query(&format!("{base}/sheets"), [("opinion", outcome.opinion_id.to_string().as_str())]),
        receipt: outcome.receipt_number,
        about: outcome.provision_label,
        facts: facts.into_iter().filter(|fact| !fact.value.is_empty()).collect(),
        body: outcome.body,
        proposed: outcome.proposed_text,
        outcome: badge,
        reason,
        result,
        published,
        permalink,
    }
}
