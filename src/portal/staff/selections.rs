//! `/staff/selections`: calls for contact points, their applications, scores and outcome.

use std::collections::HashMap;

use poem::http::{StatusCode, header};
use poem::web::{Form, Path, Query};
use poem::{Response, Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use super::login::{is_told, status_of};
use super::points::{Values, day, term, value};
use crate::accounts::{Caller, Permission};
use crate::contact_points::get_point;
use crate::contact_points::selection::applying::{self, Application, ApplicationState};
use crate::contact_points::selection::calls::{self, CallPhase, CallState, Criterion, NewCall, SelectionCall};
use crate::contact_points::selection::deciding::{self, Outcome};
use crate::contact_points::selection::scoring::{self, Score, ScoreSheet};
use crate::error::{Error, Result};
use crate::ids::{SelectionApplicationId, SelectionCallId, SelectionDocumentId};
use crate::portal::citizen::selections::{application_badge, badge, criteria, line, paragraphs};
use crate::portal::pages::forms::{Fields, Refused};
use crate::portal::pages::points::PointFormPage;
use crate::portal::pages::selections::{
    ApplicationLine, CriterionField, SheetLine, StaffApplicationPage, StaffSelectionPage, StaffSelectionsPage,
};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts::selections as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Calls on a page.
const PAGE: usize = 30;
/// Applications read at a time.
const APPLICATIONS: usize = 200;

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/selections", get(list_calls).post(write_call))
        .at("/staff/selections/new", get(show_new))
        .at("/staff/selections/:id", get(show_call).post(change_call))
        .at("/staff/selections/:id/edit", get(show_edit))
        .at("/staff/selections/:id/publication", post(publish))
        .at("/staff/selections/:id/withdrawal", post(withdraw))
        .at("/staff/selections/:id/outcome", post(decide))
        .at("/staff/selection-applications/:id", get(show_application))
        .at("/staff/selection-applications/:id/scores", post(take_scores))
        .at("/staff/selection-applications/:id/contact-point", post(open_point))
        .at("/staff/selection-documents/:id", get(send_document))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

/// `/staff/selections`
#[handler]
async fn list_calls(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadSelections)?;
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = calls::list_calls(&visit.app.db, Some(caller), cursor, PAGE).await?;
    visit.show(&StaffSelectionsPage {
        layout: visit.layout(Section::Staff),
        may_write: caller.may(Permission::ManageSelections),
        calls: page.items.iter().map(|call| line(&visit, call, &path_of(call.id))).collect(),
        next: page.next.as_deref().map(|next| links::with_query("/staff/selections", [("cursor", next)])),
    })
}

fn path_of(id: SelectionCallId) -> String {
    format!("/staff/selections/{id}")
}

fn call_id(id: &str) -> Result<SelectionCallId> {
    id.parse::<Uuid>().map(SelectionCallId).map_err(|_| Error::not_found(words::THIS_CALL))
}

fn application_id(id: &str) -> Result<SelectionApplicationId> {
    id.parse::<Uuid>().map(SelectionApplicationId).map_err(|_| Error::not_found(words::THIS_APPLICATION))
}

fn admit<'a>(visit: &'a Visit, values: &Values, permission: Permission) -> Result<&'a Caller> {
    let caller = visit.staff(permission)?;
    visit.check_form(value(values, "csrf"))?;
    Ok(caller)
}

fn revision(values: &Values) -> i64 {
    value(values, "revision").parse().unwrap_or(0)
}

/// `/staff/selections/new`
#[handler]
async fn show_new(visit: Visit) -> Page {
    visit.staff(Permission::ManageSelections)?;
    form_page(&visit, None, StatusCode::OK, None)
}

/// `/staff/selections/{id}/edit`
#[handler]
async fn show_edit(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = visit.staff(Permission::ManageSelections)?;
    let call = calls::get_call(&visit.app.db, caller, call_id(&id)?).await?;
    form_page(&visit, Some(call), StatusCode::OK, None)
}

fn form_page(visit: &Visit, call: Option<SelectionCall>, status: StatusCode, refused: Option<Refused>) -> Page {
    let said = call.as_ref().map(|call| &call.said);
    let lines = said.map(|said| {
        let line = |c: &Criterion| format!("{}|{}|{}", c.name, c.maximum, c.explanation);
        said.criteria.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    let iso = |day: Option<chrono::NaiveDate>| day.map(|d| d.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let fields = Fields::of("call", refused.as_ref())
        .line("title", words::TITLE, said.map_or("", |s| &s.title))
        .most(100)
        .required()
        .lines("notice", words::NOTICE, said.map_or("", |s| &s.notice))
        .most(20_000)
        .hint(words::NOTICE_HINT)
        .required()
        .lines("criteria", words::CRITERIA, &lines.unwrap_or_default())
        .hint(words::CRITERIA_HINT)
        .required()
        .day("opens_on", words::OPENS, &iso(said.map(|s| s.opens_on)))
        .required()
        .day("closes_on", words::CLOSES, &iso(said.map(|s| s.closes_on)))
        .required();
    let key = match &refused {
        _ if call.is_some() => String::new(),
        Some(refused) => value(&refused.values, "key").to_owned(),
        None => visit.app.ids.next().to_string(),
    };
    visit.show_as(
        status,
        &PointFormPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            key,
            revision: refused.as_ref().map_or_else(|| call.as_ref().map_or(0, |c| c.revision), |r| revision(&r.values)),
            title: if call.is_some() { words::CHANGE_CALL.into() } else { words::NEW_CALL.into() },
            action: call.as_ref().map_or_else(|| "/staff/selections".to_owned(), |c| path_of(c.id)),
            back: match &call {
                Some(call) => Link { text: call.said.title.clone(), url: path_of(call.id) },
                None => Link { text: words::SELECTIONS.into(), url: "/staff/selections".into() },
            },
            form: fields.done(),
            button: texts::points::SAVE,
        },
    )
}

fn read_call(values: &Values) -> Result<NewCall> {
    let days = (day(values, "opens_on")?, day(values, "closes_on")?);
    let (Some(opens_on), Some(closes_on)) = days else { return Err(Error::invalid("opens_on", words::CHOOSE_DAYS)) };
    let criteria = value(values, "criteria").lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let mut parts = line.splitn(3, ['|', '｜']).map(str::trim);
        let (name, maximum) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let maximum = maximum.parse().map_err(|_| Error::invalid("criteria", words::CRITERIA_FORM))?;
        Ok(Criterion { name: name.to_owned(), maximum, explanation: parts.next().unwrap_or_default().to_owned() })
    });
    Ok(NewCall {
        title: value(values, "title").to_owned(),
        notice: value(values, "notice").to_owned(),
        criteria: criteria.collect::<Result<_>>()?,
        opens_on,
        closes_on,
    })
}

/// The form of a new call comes back.
#[handler]
async fn write_call(visit: Visit, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageSelections)?;
    let written = match read_call(&values) {
        Ok(new) => calls::write_call(visit.app.keeping(), caller, value(&values, "key"), new).await,
        Err(error) => Err(error),
    };
    match written {
        Ok(call) => Ok(see_other(&format!("{}?done=written", path_of(call.id)))),
        Err(error) if is_told(&error) => {
            let status = status_of(&error);
            form_page(&visit, None, status, Some(Refused { form: "call".into(), values, error }))
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The form of a call comes back.
#[handler]
async fn change_call(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageSelections)?;
    let id = call_id(&id)?;
    let changed = match read_call(&values) {
        Ok(new) => calls::change_call(visit.app.keeping(), caller, id, revision(&values), new).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(call) => Ok(see_other(&format!("{}?done=written", path_of(call.id)))),
        Err(error) if is_told(&error) => {
            let call = calls::get_call(&visit.app.db, caller, id).await?;
            let status = status_of(&error);
            form_page(&visit, Some(call), status, Some(Refused { form: "call".into(), values, error }))
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `/staff/selections/{id}`
#[handler]
async fn show_call(visit: Visit, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Page {
    call_page(&visit, call_id(&id)?, StatusCode::OK, words::done(&query.done), None).await
}

/// Every application, page by page.
async fn all_applications(visit: &Visit, caller: &Caller, call: SelectionCallId) -> Result<Vec<Application>> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = applying::list_applications(visit.app.keeping(), caller, call, None, cursor.as_deref(), APPLICATIONS).await?;
        found.extend(page.items);
        match page.next {
            None => return Ok(found),
            next => cursor = next,
        }
    }
}

async fn call_page(visit: &Visit, id: SelectionCallId, status: StatusCode, done: &'static str, refused: Option<Refused>) -> Page {
    let caller = visit.staff(Permission::ReadSelections)?;
    let app = &visit.app;
    let call = calls::get_call(&app.db, caller, id).await?;
    let phase = call.phase_at(app.clock.now());
    let typed = |name: &str, id: SelectionApplicationId| {
        let sent = refused.as_ref().filter(|refused| refused.form == "outcome");
        sent.map(|refused| value(&refused.values, &format!("{name}-{id}")).to_owned()).unwrap_or_default()
    };
    let mut applications = Vec::new();
    for application in all_applications(visit, caller, id).await? {
        let sheets = scoring::list_scores(app.keeping(), caller, application.id).await?;
        let mut meta = format!("{} · {}", application.host_kind.label(), application.region);
        let same_name = words::same_name(application.same_name);
        if !same_name.is_empty() {
            meta = format!("{meta} · {same_name}");
        }
        applications.push(ApplicationLine {
            id: application.id.to_string(),
            link: Link { text: application.unit_name.clone(), url: format!("/staff/selection-applications/{}", application.id) },
            meta,
            badge: application_badge(application.state),
            scores: if sheets.is_empty() { String::new() } else { words::scored(sheets.len(), sheets.iter().map(ScoreSheet::total).sum()) },
            is_to_decide: application.state == ApplicationState::Submitted,
            chosen: typed("outcome", application.id),
            reason: typed("reason", application.id),
        });
    }
    let manages = caller.may(Permission::ManageSelections);
    let facts = [
        (words::OPENS, texts::day(call.said.opens_on)),
        (words::CLOSES, texts::day(call.said.closes_on)),
        (texts::points::REASON, if call.state == CallState::Withdrawn { call.result_notice.clone() } else { String::new() }),
    ];
    visit.show_as(
        status,
        &StaffSelectionPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            path: path_of(id),
            revision: call.revision,
            badge: badge(phase),
            facts: facts.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect(),
            notice: paragraphs(&call.said.notice),
            criteria: criteria(&call),
            public_path: if call.is_public() { format!("/selections/{id}") } else { String::new() },
            done,
            problem: refused.as_ref().map(|r| r.error.detail.clone()).unwrap_or_default(),
            may_publish: manages && phase == CallPhase::Preparing,
            may_withdraw: manages && matches!(call.state, CallState::Preparing | CallState::Published),
            may_decide: caller.may(Permission::DecideSelections)
                && phase == CallPhase::Closed
                && applications.iter().any(|a| a.is_to_decide),
            applications,
            withdrawal: Fields::of("withdrawal", refused.as_ref()).lines("reason", words::REASON, "").most(500).required().done(),
            outcome: Fields::of("outcome", refused.as_ref()).lines("notice", words::OUTCOME_NOTICE, "").done(),
            title: call.said.title,
        },
    )
}

async fn after<T>(visit: &Visit, id: SelectionCallId, form: &str, values: Values, outcome: Result<T>, done: &str) -> Page {
    match outcome {
        Ok(_) => Ok(see_other(&format!("{}?done={done}", path_of(id)))),
        Err(error) if is_told(&error) => {
            let status = status_of(&error);
            call_page(visit, id, status, "", Some(Refused { form: form.into(), values, error })).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The call becomes public.
#[handler]
async fn publish(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageSelections)?;
    let id = call_id(&id)?;
    let outcome = calls::publish_call(visit.app.keeping(), caller, id, revision(&values)).await;
    after(&visit, id, "publication", values, outcome, "published").await
}

/// The call is given up.
#[handler]
async fn withdraw(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ManageSelections)?;
    let id = call_id(&id)?;
    let outcome = calls::withdraw_call(visit.app.keeping(), caller, id, revision(&values), value(&values, "reason")).await;
    after(&visit, id, "withdrawal", values, outcome, "withdrawn").await
}

/// The outcome is published.
#[handler]
async fn decide(visit: Visit, Path(id): Path<String>, Form(values): Form<HashMap<String, String>>) -> Page {
    let caller = admit(&visit, &values, Permission::DecideSelections)?;
    let id = call_id(&id)?;
    let chosen = values.iter().filter_map(|(name, chosen)| {
        let application = name.strip_prefix("outcome-")?;
        let reason = value(&values, &format!("reason-{application}")).to_owned();
        Some(Outcome { application: application_id(application).ok()?, is_selected: chosen == "selected", reason })
    });
    let outcomes: Vec<Outcome> = chosen.collect();
    let decided = deciding::publish_outcome(visit.app.keeping(), caller, id, revision(&values), &outcomes, value(&values, "notice")).await;
    after(&visit, id, "outcome", values, decided, "decided").await
}

/// `/staff/selection-applications/{id}`
#[handler]
async fn show_application(visit: Visit, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Page {
    application_page(&visit, application_id(&id)?, StatusCode::OK, words::done(&query.done), None).await
}

async fn application_page(
    visit: &Visit,
    id: SelectionApplicationId,
    status: StatusCode,
    done: &'static str,
    refused: Option<Refused>,
) -> Page {
    let caller = visit.staff(Permission::ReadSelections)?;
    let app = &visit.app;
    let at = app.keeping();
    let application = applying::get_application(at, caller, id).await?;
    let call = calls::get_call(&app.db, caller, application.call).await?;
    let (contact, phone) = application.contact(at, caller)?;
    let sheets = scoring::list_scores(at, caller, id).await?;
    let may_score = caller.may(Permission::ScoreApplications)
        && call.phase_at(app.clock.now()) == CallPhase::Closed
        && application.state == ApplicationState::Submitted;
    let point = match application.contact_point {
        Some(point) => Some(Link { text: get_point(&app.db, point).await?.facts.name, url: format!("/staff/contact-points/{point}") }),
        None => None,
    };
    let facts = [
        (words::NUMBER, application.number.clone()),
        (texts::points::HOST_KIND, application.host_kind.label().to_owned()),
        (texts::REGION_OF_POINT, application.region.clone()),
        (texts::ADDRESS, application.address.clone()),
        (words::CONTACT_NAME, contact),
        (words::CONTACT_PHONE, phone),
        (words::SUBMITTED, texts::moment(application.submitted_at)),
        (words::SAME_NAME, words::same_name(application.same_name)),
        (words::TOLD, application.result_reason.clone()),
    ];
    let documents = applying::list_documents(at, id).await?;
    let page = StaffApplicationPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        path: format!("/staff/selection-applications/{id}"),
        call: Link { text: call.said.title.clone(), url: path_of(call.id) },
        badge: application_badge(application.state),
        facts: facts.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect(),
        introduction: paragraphs(&application.introduction),
        plan: paragraphs(&application.plan),
        documents: documents
            .into_iter()
            .map(|d| Link { text: format!("{}（{}）", d.name, d.kind.label()), url: format!("/staff/selection-documents/{}", d.id) })
            .collect(),
        done,
        problem: refused.as_ref().map(|r| r.error.detail.clone()).unwrap_or_default(),
        criteria: if may_score { score_fields(&call, caller, &sheets, refused.as_ref()) } else { Vec::new() },
        sheets: sheets.into_iter().map(|sheet| sheet_line(&call, sheet)).collect(),
        may_open: caller.may(Permission::DecideSelections) && application.state == ApplicationState::Selected,
        opening: Fields::of("opening", refused.as_ref())
            .line("established_by", texts::ESTABLISHED_BY, &app.config.bureau_name)
            .most(100)
            .required()
            .day("term_begins_on", texts::points::TERM_BEGINS, "")
            .hint(texts::points::TERM_HINT)
            .day("term_ends_on", texts::points::TERM_ENDS, "")
            .done(),
        point,
        name: application.unit_name,
    };
    let mut response = visit.show_as(status, &page)?;
    response.headers_mut().insert(header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn score_fields(call: &SelectionCall, caller: &Caller, sheets: &[ScoreSheet], refused: Option<&Refused>) -> Vec<CriterionField> {
    let own = sheets.iter().find(|sheet| sheet.account == caller.account_id);
    let field = |(place, criterion): (usize, &Criterion)| {
        let held = own.and_then(|sheet| sheet.scores.get(&i64::try_from(place).unwrap_or(i64::MAX)));
        let typed = |name: &str| refused.map(|r| value(&r.values, &format!("{name}-{place}")).to_owned());
        CriterionField {
            place,
            name: criterion.name.clone(),
            explanation: criterion.explanation.clone(),
            maximum: criterion.maximum,
            points: typed("points").unwrap_or_else(|| held.map(|s| s.points.to_string()).unwrap_or_default()),
            remark: typed("remark").unwrap_or_else(|| held.map(|s| s.remark.clone()).unwrap_or_default()),
        }
    };
    call.said.criteria.iter().enumerate().map(field).collect()
}

fn sheet_line(call: &SelectionCall, sheet: ScoreSheet) -> SheetLine {
    let total = words::total(sheet.total());
    let who = format!("{}　{}", sheet.name, texts::moment(sheet.scored_at));
    let fact = |(place, score): (i64, Score)| {
        let name = usize::try_from(place).ok().and_then(|place| call.said.criteria.get(place)).map(|c| c.name.clone());
        Fact { name: name.unwrap_or_default(), value: [score.points.to_string(), score.remark].join("　").trim().to_owned() }
    };
    SheetLine { who, total, scores: sheet.scores.into_iter().map(fact).collect() }
}

/// The scores come back.
#[handler]
async fn take_scores(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::ScoreApplications)?;
    let id = application_id(&id)?;
    let mut scores = Ok(Vec::new());
    for place in 0.. {
        let Some(points) = values.get(&format!("points-{place}")) else { break };
        match (points.trim().parse(), &mut scores) {
            (Ok(points), Ok(list)) => list.push(Score { points, remark: value(&values, &format!("remark-{place}")).to_owned() }),
            (Err(_), _) => scores = Err(Error::invalid("scores", words::POINTS_FORM)),
            _ => {}
        }
    }
    let outcome = match scores {
        Ok(scores) => scoring::score_application(visit.app.keeping(), caller, id, &scores).await,
        Err(error) => Err(error),
    };
    after_application(&visit, id, "scores", values, outcome, "scored").await
}

/// A selected unit becomes a contact point.
#[handler]
async fn open_point(visit: Visit, Path(id): Path<String>, Form(values): Form<Values>) -> Page {
    let caller = admit(&visit, &values, Permission::DecideSelections)?;
    let id = application_id(&id)?;
    let outcome = match term(&values) {
        Ok(term) => deciding::open_selected_point(visit.app.keeping(), caller, id, value(&values, "established_by"), term).await,
        Err(error) => Err(error),
    };
    after_application(&visit, id, "opening", values, outcome, "opened").await
}

async fn after_application<T>(
    visit: &Visit,
    id: SelectionApplicationId,
    form: &str,
    values: Values,
    outcome: Result<T>,
    done: &str,
) -> Page {
    match outcome {
        Ok(_) => Ok(see_other(&format!("/staff/selection-applications/{id}?done={done}"))),
        Err(error) if is_told(&error) => {
            let status = status_of(&error);
            application_page(visit, id, status, "", Some(Refused { form: form.into(), values, error })).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// A document, to be saved.
#[handler]
async fn send_document(visit: Visit, Path(id): Path<String>) -> Page {
    let caller = visit.staff(Permission::ReadSelections)?;
    let id = id.parse::<Uuid>().map(SelectionDocumentId).map_err(|_| Error::not_found(words::THIS_DOCUMENT))?;
    let (document, bytes) = applying::read_document(visit.app.keeping(), &visit.app.blobs, caller, id).await?;
    Ok(Response::builder()
        .content_type(document.kind.media_type())
        .header(header::CONTENT_DISPOSITION, document.disposition())
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(bytes))
}
