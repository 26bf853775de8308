//! `/selections`: public calls for contact points, applying to one, and looking an application up.

use std::collections::HashMap;

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::cookie::CookieJar;
use poem::web::{Form, Multipart, Path, Query};
use poem::{Request, Route, get, handler, post};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::opinions::{check_form, form_token, speaker};
use crate::config::Rules;
use crate::contact_points::HostKind;
use crate::contact_points::selection::applying::{self, Application, ApplicationState, NewApplication, NewDocument};
use crate::contact_points::selection::calls::{self, CallPhase, CallState, SelectionCall};
use crate::error::{Code, Error, Result};
use crate::ids::SelectionCallId;
use crate::portal::pages::forms::{Fields, Refused};
use crate::portal::pages::selections::{ApplicationLookupPage, ApplicationReceiptPage, ApplyPage, CallLine, SelectionPage, SelectionsPage};
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::texts::selections as words;
use crate::portal::visits::{Failure, Page, Visit};
use crate::portal::{links, texts};

/// Calls on a page.
const PAGE: usize = 30;
/// Units on a page of the outcome.
const UNITS: usize = 200;
/// Bytes of the key of a form.
const KEY_BYTES: usize = 16;
/// Longest plain field, in bytes.
const FIELD_BYTES: u64 = 32 * 1024;
/// Name of the form.
const FORM: &str = "apply";

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/selections", get(list_calls))
        .at("/selections/lookup", get(show_lookup).post(look_up))
        .at("/selections/lookup/withdrawal", post(withdraw))
        .at("/selections/:id", get(show_call))
        .at("/selections/:id/apply", get(show_form).post(apply))
}

#[derive(Deserialize)]
struct Cursor {
    #[serde(default)]
    cursor: String,
}

/// `/selections`
#[handler]
async fn list_calls(visit: Visit, Query(query): Query<Cursor>) -> Page {
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = calls::list_calls(&visit.app.db, None, cursor, PAGE).await?;
    let next = page.next.as_deref().map(|next| links::with_query("/selections", [("cursor", next)]));
    let calls = page.items.iter().map(|call| line(&visit, call, &format!("/selections/{}", call.id))).collect();
    visit.show(&SelectionsPage { layout: visit.layout(Section::ContactPoints), calls, next })
}

/// A call as lists show it.
pub fn line(visit: &Visit, call: &SelectionCall, url: &str) -> CallLine {
    CallLine {
        link: Link { text: call.said.title.clone(), url: url.into() },
        badge: badge(call.phase_at(visit.app.clock.now())),
        when: words::when(call.said.opens_on, call.said.closes_on),
    }
}

/// Where a call stands.
pub fn badge(phase: CallPhase) -> Badge {
    let tone = match phase {
        CallPhase::Open => "good",
        CallPhase::Upcoming | CallPhase::Closed => "wait",
        CallPhase::Decided => "blue",
        CallPhase::Preparing | CallPhase::Withdrawn => "off",
    };
    Badge { text: phase.label().into(), tone }
}

/// Where an application stands.
pub fn application_badge(state: ApplicationState) -> Badge {
    let tone = match state {
        ApplicationState::Submitted => "wait",
        ApplicationState::Selected => "good",
        ApplicationState::Withdrawn | ApplicationState::NotSelected => "off",
    };
    Badge { text: state.label().into(), tone }
}

/// Criteria with their points.
pub fn criteria(call: &SelectionCall) -> Vec<Fact> {
    let fact = |c: &calls::Criterion| Fact { name: words::criterion(&c.name, c.maximum), value: c.explanation.clone() };
    call.said.criteria.iter().map(fact).collect()
}

/// A text by its lines.
pub fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn call_id(id: &str) -> Result<SelectionCallId> {
    id.parse::<Uuid>().map(SelectionCallId).map_err(|_| Error::not_found(words::THIS_CALL))
}

/// `/selections/{id}`
#[handler]
async fn show_call(visit: Visit, Path(id): Path<String>, Query(query): Query<Cursor>) -> Page {
    let app = &visit.app;
    let call = calls::get_public_call(&app.db, call_id(&id)?).await?;
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let selected = applying::list_outcome(app.keeping(), call.id, ApplicationState::Selected, cursor, UNITS).await?;
    let others = applying::list_outcome(app.keeping(), call.id, ApplicationState::NotSelected, None, UNITS).await?;
    let unit = |a: Application| Link {
        text: a.unit_name,
        url: a.contact_point.map(|point| format!("/contact-points/{point}")).unwrap_or_default(),
    };
    let phase = call.phase_at(app.clock.now());
    visit.show(&SelectionPage {
        layout: visit.layout(Section::ContactPoints),
        badge: badge(phase),
        when: words::when(call.said.opens_on, call.said.closes_on),
        notice: paragraphs(&call.said.notice),
        criteria: criteria(&call),
        apply: if phase == CallPhase::Open { format!("/selections/{}/apply", call.id) } else { String::new() },
        result: paragraphs(&call.result_notice),
        is_decided: call.state == CallState::Decided,
        next: selected.next.as_deref().map(|next| links::with_query(&format!("/selections/{}", call.id), [("cursor", next)])),
        selected: selected.items.into_iter().map(unit).collect(),
        not_selected: others.items.into_iter().map(|a| a.unit_name).collect(),
        title: call.said.title,
    })
}

/// `/selections/{id}/apply`
#[handler]
async fn show_form(visit: Visit, cookies: &CookieJar, Path(id): Path<String>) -> Page {
    let call = calls::get_public_call(&visit.app.db, call_id(&id)?).await?;
    let phase = call.phase_at(visit.app.clock.now());
    if phase != CallPhase::Open {
        return Err(Failure(Error::new(Code::Conflict, phase.label())));
    }
    let key = visit.app.ids.secret(KEY_BYTES);
    form_page(&visit, cookies, &call, key, StatusCode::OK, None)
}

fn form_page(visit: &Visit, cookies: &CookieJar, call: &SelectionCall, key: String, status: StatusCode, refused: Option<Refused>) -> Page {
    let secret = speaker(visit, cookies);
    let hosts = HostKind::ALL.iter().map(|k| (k.as_str().to_owned(), k.label().to_owned()));
    let fields = Fields::of(FORM, refused.as_ref())
        .line("unit_name", words::UNIT, "")
        .most(100)
        .required()
        .choice("host_kind", texts::points::HOST_KIND, hosts, HostKind::Community.as_str())
        .required()
        .line("region", texts::REGION_OF_POINT, "")
        .most(100)
        .hint(texts::points::REGION_HINT)
        .required()
        .line("address", texts::ADDRESS, "")
        .required()
        .lines("introduction", words::INTRODUCTION, "")
        .hint(words::INTRODUCTION_HINT)
        .required()
        .lines("plan", words::PLAN, "")
        .line("contact_name", words::CONTACT_NAME, "")
        .most(50)
        .required()
        .tel("contact_phone", words::CONTACT_PHONE, "")
        .required();
    let rules = &visit.app.config.rules;
    no_store(visit.show_as(
        status,
        &ApplyPage {
            layout: visit.layout(Section::ContactPoints),
            csrf: form_token(visit, &secret),
            key,
            action: format!("/selections/{}/apply", call.id),
            call: Link { text: call.said.title.clone(), url: format!("/selections/{}", call.id) },
            closes: words::until(call.said.closes_on),
            form: fields.done(),
            most_files: rules.enclosures,
            file_mib: rules.enclosure_mib,
        },
    ))
}

struct Received {
    values: HashMap<String, String>,
    documents: Vec<NewDocument>,
    is_too_much: bool,
}

/// Reads the form; files only after its token, which stands first, has passed.
async fn read(mut multipart: Multipart, rules: &Rules, is_ours: impl Fn(&str) -> bool) -> Result<Received> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let mut received = Received { values: HashMap::new(), documents: Vec::new(), is_too_much: false };
    let mut room = (u64::from(rules.enclosures_mib) << 20) + 1;
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "documents" {
            let file = field.file_name().unwrap_or_default().to_owned();
            let token = received.values.get("csrf").map_or("", String::as_str);
            // A browser sends one nameless empty file when none was chosen.
            if file.is_empty() || !is_ours(token) || received.documents.len() > rules.enclosures {
                continue;
            }
            let mut bytes = Vec::new();
            field.into_async_read().take(room).read_to_end(&mut bytes).await?;
            room = room.saturating_sub(bytes.len() as u64);
            received.is_too_much |= room == 0;
            received.documents.push(NewDocument { name: file, bytes });
            continue;
        }
        if received.values.len() >= 40 {
            return Err(Error::new(Code::Malformed, texts::NO_READING));
        }
        let mut bytes = Vec::new();
        field.into_async_read().take(FIELD_BYTES).read_to_end(&mut bytes).await?;
        received.values.insert(name, String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(received)
}

/// The form comes back.
#[handler]
async fn apply(visit: Visit, request: &Request, cookies: &CookieJar, Path(id): Path<String>, multipart: Multipart) -> Page {
    let received = read(multipart, &visit.app.config.rules, |token| check_form(&visit, cookies, token).is_ok()).await?;
    let Received { values, documents, is_too_much } = received;
    // A form of nobody's browser is told nothing, not even whether there is such a call.
    let ours = check_form(&visit, cookies, values.get("csrf").map_or("", String::as_str));
    let call = match (calls::get_public_call(&visit.app.db, call_id(&id)?).await, &ours) {
        (Err(_), Err(stale)) => return Err(Failure(Error::new(stale.code, stale.detail.clone()))),
        (found, _) => found?,
    };
    let text = |name: &str| values.get(name).cloned().unwrap_or_default();
    let key = text("key");
    let new = (|| {
        ours?;
        if is_too_much {
            return Err(Error::new(Code::TooLarge, words::TOO_MUCH));
        }
        Ok(NewApplication {
            unit_name: text("unit_name"),
            host_kind: HostKind::parse(&text("host_kind")).ok_or_else(|| Error::invalid("host_kind", texts::points::CHOOSE_KIND))?,
            region: text("region"),
            address: text("address"),
            introduction: text("introduction"),
            plan: text("plan"),
            contact_name: text("contact_name"),
            contact_phone: text("contact_phone"),
            documents,
        })
    })();
    let applied = match new {
        Ok(new) => applying::apply(visit.app.applying(request), call.id, &key, new).await,
        Err(error) => Err(error),
    };
    match applied {
        Ok(receipt) => no_store(visit.show(&ApplicationReceiptPage {
            layout: visit.layout(Section::ContactPoints),
            call: Link { text: call.said.title, url: format!("/selections/{}", call.id) },
            number: receipt.number,
            code: receipt.code,
            at: texts::moment(receipt.submitted_at),
        })),
        Err(error) if error.code.status() < 500 && error.code != Code::NotFound => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            form_page(&visit, cookies, &call, key, status, Some(Refused { form: FORM.into(), values, error }))
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
}

/// `/selections/lookup`
#[handler]
async fn show_lookup(visit: Visit, cookies: &CookieJar) -> Page {
    lookup_page(&visit, cookies, String::new(), Ok(None), "")
}

/// The code comes back. It never stands in an address, so that it is in no log and no history.
#[handler]
async fn look_up(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let code: String = sent.code.chars().take(60).collect();
    let found = match check_form(&visit, cookies, &sent.csrf) {
        Ok(()) => applying::look_up_application(visit.app.applying(request), &code).await.map(Some),
        Err(error) => Err(error),
    };
    lookup_page(&visit, cookies, code, found, "")
}

/// The application is taken back.
#[handler]
async fn withdraw(visit: Visit, request: &Request, cookies: &CookieJar, Form(sent): Form<Sent>) -> Page {
    let code: String = sent.code.chars().take(60).collect();
    let at = visit.app.applying(request);
    let found = match check_form(&visit, cookies, &sent.csrf) {
        Ok(()) => match applying::withdraw_application(at, &code).await {
            Ok(_) => applying::look_up_application(at, &code).await.map(Some),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let done = if found.is_ok() { words::TAKEN_BACK } else { "" };
    lookup_page(&visit, cookies, code, found, done)
}

fn lookup_page(
    visit: &Visit,
    cookies: &CookieJar,
    code: String,
    found: Result<Option<(Application, SelectionCall)>>,
    done: &'static str,
) -> Page {
    let secret = speaker(visit, cookies);
    let (status, problem, found) = match found {
        Ok(found) => (StatusCode::OK, None, found),
        Err(error) if error.code.status() >= 500 => return Err(Failure(error)),
        Err(error) => (StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST), Some(error.detail), None),
    };
    let now = visit.app.clock.now();
    let may_withdraw =
        found.as_ref().is_some_and(|(a, call)| a.state == ApplicationState::Submitted && call.phase_at(now) == CallPhase::Open);
    let facts = found.map_or_else(Vec::new, |(application, call)| {
        let named = [
            (words::CALL, call.said.title),
            (words::NUMBER, application.number),
            (words::UNIT, application.unit_name),
            (words::SUBMITTED, texts::moment(application.submitted_at)),
            (words::STATE, application.state.label().to_owned()),
            (words::TOLD, application.result_reason),
        ];
        named.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect()
    });
    no_store(visit.show_as(
        status,
        &ApplicationLookupPage {
            layout: visit.layout(Section::ContactPoints),
            csrf: form_token(visit, &secret),
            code,
            problem,
            done,
            found: facts,
            may_withdraw,
        },
    ))
}

fn no_store(page: Page) -> Page {
    let mut response = page?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
