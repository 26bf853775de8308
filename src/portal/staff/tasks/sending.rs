//! `/staff/tasks/new`: choosing the draft, then the task itself. An unusual due date is said first and sent by sending the form again.

use std::collections::BTreeSet;

use poem::http::StatusCode;
use poem::web::{Form, Query};
use poem::{Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use super::{chosen, field, point_ids, regions};
use crate::accounts::{Actor, Permission};
use crate::calendar;
use crate::contact_points::PointFilter;
use crate::contact_points::organs::{self, Tier};
use crate::contact_points::tasks::days::{due_notices, usual_due_on};
use crate::contact_points::tasks::{NewTask, send_task};
use crate::corpus::structure::ProvisionKind;
use crate::drafts::consultations::{self, Consultation};
use crate::drafts::{self, Draft, DraftState, Viewer, versions};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, OrganId};
use crate::portal::links;
use crate::portal::pages::collection::{ChooseDraftPage, NewTaskPage, Tick};
use crate::portal::pages::rounds::Problems;
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts::{self, collection as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Drafts on a page.
const PAGE: usize = 30;
/// Characters of an article that help to know it.
const GLIMPSE: usize = 30;

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/staff/tasks/new", get(show_form).post(receive_form))
}

#[derive(Deserialize)]
struct FormQuery {
    #[serde(default)]
    draft: String,
    #[serde(default)]
    cursor: String,
}

/// What the form is filled in from.
struct Ground {
    draft: Draft,
    round: Consultation,
}

impl Ground {
    async fn find(visit: &Visit, draft: &str) -> Result<Ground> {
        let caller = visit.staff(Permission::ManageCollectionTasks)?;
        let app = &visit.app;
        let id = draft.parse::<Uuid>().map(DraftId).map_err(|_| Error::not_found(texts::THIS_DRAFT))?;
        let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(caller)), id).await?;
        let round = consultations::newest_round(&app.db, draft.id).await?;
        let round = round.ok_or_else(|| Error::new(Code::Conflict, words::NO_DRAFT))?;
        Ok(Ground { draft, round })
    }
}

#[handler]
async fn show_form(visit: Visit, Query(query): Query<FormQuery>) -> Page {
    if query.draft.is_empty() {
        return choose_draft(&visit, &query.cursor).await;
    }
    let ground = Ground::find(&visit, &query.draft).await?;
    let due_on = usual_due_on(&visit.app.config.rules.calendar, visit.app.clock.today(), ground.round.closes_on());
    let key = visit.app.ids.next().to_string();
    let fields = [
        ("key", key),
        ("title", words::task_title(&ground.draft.title)),
        ("instructions", words::INSTRUCTIONS.to_owned()),
        ("due_on", due_on.to_string()),
    ];
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    form_page(&visit, &ground, &fields, Vec::new(), None).await
}

async fn choose_draft(visit: &Visit, cursor: &str) -> Page {
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    let app = &visit.app;
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let page = drafts::list_drafts(&app.db, &app.clock, Some(caller), Some(DraftState::Consulting), cursor, PAGE).await?;
    let drafts = page.items.into_iter().map(|draft| {
        let until = draft.closes_at.map(|at| words::due(crate::calendar::last_day_before(at))).unwrap_or_default();
        (Link { url: links::with_query("/staff/tasks/new", [("draft", draft.id.to_string().as_str())]), text: draft.title }, until)
    });
    visit.show(&ChooseDraftPage {
        layout: visit.layout(Section::Staff),
        drafts: drafts.collect(),
        next: page.next.map(|cursor| links::with_query("/staff/tasks/new", [("cursor", cursor.as_str())])),
    })
}

async fn form_page(visit: &Visit, ground: &Ground, fields: &[(String, String)], notices: Vec<String>, error: Option<Error>) -> Page {
    let app = &visit.app;
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    let version = versions::get_version(&app.db, Viewer::Public(Some(caller)), &ground.draft, ground.round.version_id).await?;
    let provisions = versions::list_provisions(&app.db, &version).await?;
    let ticked = chosen(fields, "address");
    let articles = provisions.iter().filter(|p| p.kind == ProvisionKind::Article).map(|article| {
        let below = format!("{}/", article.address);
        let words: String = std::iter::once(article)
            .chain(provisions.iter().filter(|p| p.address.starts_with(&below)))
            .flat_map(|p| [p.heading.as_str(), p.text.as_str()])
            .collect();
        let hint = texts::opinions::excerpt(&words, GLIMPSE);
        Tick { value: article.address.clone(), label: article.label.clone(), hint, is_chosen: ticked.contains(&article.address) }
    });
    let ticked_organs = chosen(fields, "organ");
    let organs = organs::list_organs(&app.db).await?.into_iter().filter(|organ| organ.tier == Tier::County).map(|organ| Tick {
        is_chosen: ticked_organs.contains(&organ.id.to_string()),
        value: organ.id.to_string(),
        label: organ.name,
        hint: organ.region,
    });
    let status = error.as_ref().and_then(|error| StatusCode::from_u16(error.code.status()).ok()).unwrap_or(StatusCode::OK);
    let due_on = field(fields, "due_on");
    let page = NewTaskPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        key: field(fields, "key").to_owned(),
        draft: Link { text: ground.draft.title.clone(), url: format!("/drafts/{}", ground.draft.id) },
        draft_id: ground.draft.id.to_string(),
        round: words::due(ground.round.closes_on()),
        problems: Problems(
            error
                .as_ref()
                .map(|e| e.fields.iter().map(|f| Fact { name: f.field.clone(), value: f.message.clone() }).collect())
                .unwrap_or_default(),
        ),
        problem: error.map(|error| error.detail).unwrap_or_default(),
        confirmed: if notices.is_empty() { String::new() } else { due_on.to_owned() },
        notices,
        title: field(fields, "title").to_owned(),
        instructions: field(fields, "instructions").to_owned(),
        questions: field(fields, "questions").to_owned(),
        due_on: due_on.to_owned(),
        articles: articles.collect(),
        regions: regions(visit, &PointFilter::working(), &BTreeSet::new(), &chosen(fields, "point")).await?,
        organs: organs.collect(),
    };
    visit.show_as(status, &page)
}

#[handler]
async fn receive_form(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let caller = visit.staff(Permission::ManageCollectionTasks)?;
    visit.check_form(field(&fields, "csrf"))?;
    let fields: Vec<(String, String)> = fields.into_iter().map(|(name, value)| (name, value.replace("\r\n", "\n"))).collect();
    let ground = Ground::find(&visit, field(&fields, "draft")).await?;
    let app = &visit.app;
    let new = read(&fields, ground.draft.id);
    if let Ok(new) = &new {
        let today = app.clock.today();
        let notices = due_notices(&app.config.rules.calendar, today, new.due_on, ground.round.closes_on());
        let is_confirmed = field(&fields, "confirmed") == new.due_on.to_string();
        if !notices.is_empty() && !is_confirmed && new.due_on >= today {
            let notices = notices.into_iter().map(|notice| notice.sentence()).collect();
            return form_page(&visit, &ground, &fields, notices, None).await;
        }
    }
    let sent = async {
        let key = field(&fields, "key");
        send_task(&app.db, &app.clock, &app.ids, Actor::Person(caller), Some(key), new?).await
    };
    match sent.await {
        Ok(task) => Ok(see_other(&format!("/staff/tasks/{}?done=sent", task.id))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict | Code::KeyReused) => {
            form_page(&visit, &ground, &fields, Vec::new(), Some(error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

fn read(fields: &[(String, String)], draft: DraftId) -> Result<NewTask> {
    let organ = |value: String| value.parse::<Uuid>().map(OrganId).map_err(|_| Error::invalid("organs", "请重新选择县区司法局。"));
    Ok(NewTask {
        draft,
        title: field(fields, "title").to_owned(),
        instructions: field(fields, "instructions").to_owned(),
        questions: field(fields, "questions").lines().map(str::to_owned).collect(),
        addresses: chosen(fields, "address"),
        due_on: calendar::parse_day(field(fields, "due_on")).ok_or_else(|| Error::invalid("due_on", texts::BAD_DATE))?,
        points: point_ids(&chosen(fields, "point"))?,
        organs: chosen(fields, "organ").into_iter().map(organ).collect::<Result<_>>()?,
    })
}
