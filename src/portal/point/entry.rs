//! `/point/assignments/{id}/entry`: one opinion after another, written down during a symposium on a phone or a laptop.
//!
//! The form works without scripts. With them what is typed is kept on the device first and sent from there, so a line that breaks loses nothing; the key
//! that the device makes for each entry lets the server hear it once.

use std::collections::HashMap;

use poem::http::{StatusCode, header};
use poem::web::{Form, Multipart, Path, Query};
use poem::{Request, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::calendar;
use crate::contact_points::assignments;
use crate::error::{Code, Error, Result};
use crate::ids::{ActivityId, AssignmentId, OpinionId, StationId, shanghai};
use crate::opinions::Stance;
use crate::opinions::enclosures::NewFile;
use crate::opinions::offline::entry::{self, EntryChoices, EntryRow, NewOnBehalf};
use crate::opinions::offline::provenance::{self, Consent, Method};
use crate::opinions::offline::recording::Recorder;
use crate::portal::pages::forms::{Fields, PlainForm, Refused};
use crate::portal::pages::point_entry::{EntryLine, EntryPage};
use crate::portal::pages::{Link, Section};
use crate::portal::staff::login::{is_told, status_of};
use crate::portal::texts::entry as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Entries on a page.
const PAGE: usize = 20;
/// Bytes of the key of a form.
const KEY_BYTES: usize = 16;
/// Longest plain field, in bytes.
const FIELD_BYTES: u64 = 64 * 1024;
/// Name of the form.
const FORM: &str = "entry";

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/point/assignments/:id/entry", get(show).post(record))
        .at("/point/assignments/:id/entry/:opinion", get(show_one).post(change))
        .at("/point/assignments/:id/entry/:opinion/removal", post(remove))
        .at("/point/assignments/:id/entry/:opinion/scan", get(send_scan))
}

fn recorder(visit: &Visit) -> Recorder<'_> {
    visit.app.recorder()
}

fn assignment_id(id: &str) -> Result<AssignmentId> {
    id.parse::<Uuid>().map(AssignmentId).map_err(|_| Error::not_found(words::THIS_ASSIGNMENT))
}

fn opinion_id(id: &str) -> Result<OpinionId> {
    id.parse::<Uuid>().map(OpinionId).map_err(|_| Error::not_found(words::THIS_ENTRY))
}

fn path_of(id: AssignmentId) -> String {
    format!("/point/assignments/{id}/entry")
}

#[derive(Deserialize)]
struct EntryQuery {
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
    /// What the next entry has in common with the last.
    #[serde(default)]
    activity: String,
    #[serde(default)]
    station: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    collector: String,
    #[serde(default)]
    place: String,
}

/// The form, and what was entered before.
#[handler]
async fn show(visit: Visit, Path(id): Path<String>, Query(query): Query<EntryQuery>) -> Page {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let id = assignment_id(&id)?;
    let held = HashMap::from([
        ("activity_id", query.activity.clone()),
        ("station_id", query.station.clone()),
        ("method", query.method.clone()),
        ("collected_on", query.day.clone()),
        ("collector", query.collector.clone()),
        ("place", query.place.clone()),
    ]);
    page(&visit, caller, id, StatusCode::OK, &held, None, None, words::done(&query.done), &query.cursor).await
}

/// One entry, to be changed.
#[handler]
async fn show_one(visit: Visit, Path((id, opinion)): Path<(String, String)>) -> Page {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let (id, opinion) = (assignment_id(&id)?, opinion_id(&opinion)?);
    let entry = entry::get_entry(&visit.app.db, caller, id, opinion).await?;
    let held = held_of(&visit, caller, &entry).await?;
    page(&visit, caller, id, StatusCode::OK, &held, Some(&entry), None, "", "").await
}

async fn held_of(visit: &Visit, caller: &Caller, entry: &EntryRow) -> Result<HashMap<&'static str, String>> {
    let (person, contact) =
        provenance::find_person(&visit.app.db, &visit.app.field_cipher, caller, entry.opinion_id).await?.unwrap_or_default();
    Ok(HashMap::from([
        ("address", entry.address.clone().unwrap_or_default()),
        ("stance", entry.stance.clone()),
        ("body", entry.body.clone()),
        ("proposed_text", entry.proposed_text.clone()),
        ("reason", entry.reason.clone()),
        ("author_kind", entry.author_kind.clone()),
        ("person", person),
        ("contact", contact),
        ("consent", entry.consent.clone()),
        ("method", entry.method.clone()),
        ("collector", entry.collector.clone()),
        ("place", entry.place.clone()),
        ("collected_on", entry.collected_on.format("%Y-%m-%d").to_string()),
        ("station_id", entry.station_id.map(|s| s.to_string()).unwrap_or_default()),
        ("activity_id", entry.activity_id.map(|a| a.to_string()).unwrap_or_default()),
    ]))
}

#[expect(clippy::too_many_arguments, reason = "what a page is made of, each from another place")]
async fn page(
    visit: &Visit,
    caller: &Caller,
    id: AssignmentId,
    status: StatusCode,
    held: &HashMap<&'static str, String>,
    changed: Option<&EntryRow>,
    refused: Option<Refused>,
    done: &'static str,
    cursor: &str,
) -> Page {
    let app = &visit.app;
    let assignment = assignments::get_own(&app.db, caller, id).await?;
    let choices = entry::list_choices(&app.db, caller, id).await?;
    let entries = entry::list_entries(&app.db, caller, id, Some(cursor).filter(|c| !c.is_empty()), PAGE).await?;
    let path = path_of(id);
    let today = shanghai(app.clock.now()).date_naive().format("%Y-%m-%d").to_string();
    let form = fields(&choices, held, &today, refused.as_ref());
    let key = refused
        .as_ref()
        .and_then(|r| r.values.get("key").cloned())
        .filter(|key| !key.is_empty())
        .unwrap_or_else(|| app.ids.secret(KEY_BYTES));
    let page = EntryPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        key,
        device: format!("{id}:{}", caller.account_id),
        action: changed.map_or_else(|| path.clone(), |entry| format!("{path}/{}", entry.opinion_id)),
        path: path.clone(),
        is_change: changed.is_some(),
        takes_opinions: assignment.state.takes_opinions(),
        closed: words::closed(assignment.state.label()),
        task: Link { text: assignment.task_title.clone(), url: format!("/point/tasks/{id}") },
        draft: assignment.draft_title.clone(),
        form,
        file_mib: app.config.rules.enclosure_mib,
        scan: changed.map(|entry| entry.scan_name.clone()).unwrap_or_default(),
        done,
        entries: entries.items.iter().map(|entry| line(&path, entry)).collect(),
        next: entries.next.as_deref().map(|next| links::with_query(&path, [("cursor", next)])),
    };
    let mut response = visit.show_as(status, &page)?;
    response.headers_mut().insert(header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn line(path: &str, entry: &EntryRow) -> EntryLine {
    EntryLine {
        place: entry.provision_label.clone(),
        body: entry.body.clone(),
        meta: words::meta(&entry.author_kind, entry.collected_on, &entry.number),
        url: format!("{path}/{}", entry.opinion_id),
        scan: if entry.scan_name.is_empty() { String::new() } else { format!("{path}/{}/scan", entry.opinion_id) },
    }
}

fn fields(choices: &EntryChoices, held: &HashMap<&'static str, String>, today: &str, refused: Option<&Refused>) -> PlainForm {
    let of = |name: &'static str, usual: &str| held.get(name).filter(|v| !v.is_empty()).cloned().unwrap_or_else(|| usual.to_owned());
    let first = |text: &str| [(String::new(), text.to_owned())].into_iter();
    let stances = Stance::ALL.iter().map(|s| (s.as_str().to_owned(), s.label().to_owned()));
    let consents = Consent::ALL.iter().map(|c| (c.as_str().to_owned(), c.label().to_owned()));
    let methods = Method::ALL.iter().map(|m| (m.as_str().to_owned(), m.label().to_owned()));
    let articles = first(words::WHOLE).chain(choices.articles.iter().cloned());
    let stations = first(words::POINT_ITSELF).chain(choices.stations.iter().map(|(id, name)| (id.to_string(), name.clone())));
    let activities = first(words::NO_ACTIVITY)
        .chain(choices.activities.iter().map(|(id, title, day)| (id.to_string(), format!("{} {title}", texts::day(*day)))));
    Fields::of(FORM, refused)
        .choice("address", words::ARTICLE, articles, &of("address", ""))
        .line("citation", words::CITATION, "")
        .hint(words::CITATION_HINT)
        .choice("stance", words::STANCE, stances, &of("stance", Stance::Amend.as_str()))
        .required()
        .lines("body", words::BODY, &of("body", ""))
        .required()
        .lines("proposed_text", words::PROPOSED, &of("proposed_text", ""))
        .lines("reason", words::REASON, &of("reason", ""))
        .choice("consent", words::CONSENT, consents, &of("consent", Consent::NotAsked.as_str()))
        .hint(words::CONSENT_HINT)
        .required()
        .line("author_kind", words::KIND, &of("author_kind", ""))
        .most(20)
        .hint(words::KIND_HINT)
        .line("person", words::PERSON, &of("person", ""))
        .most(100)
        .line("contact", words::CONTACT, &of("contact", ""))
        .most(100)
        .hint(words::PERSON_HINT)
        .choice("activity_id", words::ACTIVITY, activities, &of("activity_id", ""))
        .choice("station_id", words::STATION, stations, &of("station_id", ""))
        .choice("method", words::METHOD, methods, &of("method", Method::Symposium.as_str()))
        .required()
        .day("collected_on", words::DAY, &of("collected_on", today))
        .required()
        .line("collector", words::COLLECTOR, &of("collector", ""))
        .most(100)
        .line("place", words::PLACE, &of("place", ""))
        .most(100)
        .done()
}

struct Received {
    values: HashMap<String, String>,
    scan: Option<NewFile>,
}

/// Reads the form; the file only after the token, which stands first, has passed.
async fn read(visit: &Visit, mut multipart: Multipart) -> Result<Received> {
    let malformed = |_| Error::new(Code::Malformed, texts::NO_READING);
    let most = u64::from(visit.app.config.rules.enclosure_mib) << 20;
    let mut received = Received { values: HashMap::new(), scan: None };
    let mut is_checked = false;
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        let file = field.file_name().map(str::to_owned);
        let limit = if file.is_some() { most + 1 } else { FIELD_BYTES };
        if !is_checked && name != "csrf" {
            return Err(Error::new(Code::Forbidden, texts::STALE_FORM));
        }
        let mut bytes = Vec::new();
        field.into_async_read().take(limit).read_to_end(&mut bytes).await?;
        match file {
            // A browser sends one nameless empty file when none was chosen.
            Some(file) if file.is_empty() => {}
            Some(file) => received.scan = Some(NewFile { name: file, bytes }),
            None if received.values.len() >= 40 => return Err(Error::new(Code::Malformed, texts::NO_READING)),
            None => {
                let value = String::from_utf8_lossy(&bytes).into_owned();
                if name == "csrf" {
                    visit.check_form(&value)?;
                    is_checked = true;
                } else {
                    received.values.insert(name, value);
                }
            }
        }
    }
    if is_checked { Ok(received) } else { Err(Error::new(Code::Forbidden, texts::STALE_FORM)) }
}

fn meant(received: &Received) -> Result<NewOnBehalf> {
    let get = |name: &str| received.values.get(name).map_or("", |value| value.trim());
    let part = |name: &str, sentence: &str| match get(name) {
        "" => Ok(None),
        id => id.parse::<Uuid>().map(Some).map_err(|_| Error::invalid(name, sentence)),
    };
    let day = calendar::parse_day(get("collected_on"));
    Ok(NewOnBehalf {
        address: get("address").to_owned(),
        citation: get("citation").to_owned(),
        stance: Stance::parse(get("stance")).ok_or_else(|| Error::invalid("stance", words::CHOOSE))?,
        body: get("body").to_owned(),
        proposed_text: get("proposed_text").to_owned(),
        reason: get("reason").to_owned(),
        author_kind: get("author_kind").to_owned(),
        person: get("person").to_owned(),
        contact: get("contact").to_owned(),
        consent: Consent::parse(get("consent")).ok_or_else(|| Error::invalid("consent", words::CHOOSE))?,
        method: Method::parse(get("method")).ok_or_else(|| Error::invalid("method", words::CHOOSE))?,
        collector: get("collector").to_owned(),
        place: get("place").to_owned(),
        collected_on: day.ok_or_else(|| Error::invalid("collected_on", texts::points::DAY_FORM))?,
        station: part("station_id", words::CHOOSE)?.map(StationId),
        activity: part("activity_id", words::CHOOSE)?.map(ActivityId),
        scan: received.scan.clone(),
    })
}

/// Whether the script of the page asks, which shows the answer itself.
fn is_script(request: &Request) -> bool {
    request.header(header::ACCEPT).is_some_and(|accept| accept.starts_with("application/json"))
}

/// An answer to the script: what it keeps the entry for, or lets it go.
fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(body.to_string())
}

/// An entry comes in.
#[handler]
async fn record(visit: Visit, request: &Request, Path(id): Path<String>, multipart: Multipart) -> Page {
    let is_script = is_script(request);
    match take(&visit, &id, multipart).await {
        Ok((received, id, Ok(entry_number))) if is_script => {
            drop((received, id));
            Ok(answer(StatusCode::OK, &json!({"number": entry_number})))
        }
        Ok((received, id, Ok(_))) => {
            let get = |name: &str| received.values.get(name).map_or("", String::as_str).to_owned();
            let kept = [
                ("done", "recorded".to_owned()),
                ("activity", get("activity_id")),
                ("station", get("station_id")),
                ("method", get("method")),
                ("day", get("collected_on")),
                ("collector", get("collector")),
                ("place", get("place")),
            ];
            Ok(see_other(&links::with_query(&path_of(id), kept.iter().map(|(name, value)| (*name, value.as_str())))))
        }
        Ok((_, _, Err(error))) | Err(error) if is_script && error.code.status() < 500 => {
            let fields: Vec<_> = error.fields.iter().map(|f| json!({"field": f.field, "message": f.message})).collect();
            Ok(answer(status_of(&error), &json!({"code": error.code.slug(), "detail": error.detail, "fields": fields})))
        }
        Ok((received, id, Err(error))) if is_told(&error) || received_is_kept(&error) => {
            let caller = visit.staff(Permission::WorkAtContactPoint)?;
            let status = status_of(&error);
            let refused = Refused { form: FORM.into(), values: received.values, error };
            page(&visit, caller, id, status, &HashMap::new(), None, Some(refused), "", "").await
        }
        Ok((_, _, Err(error))) | Err(error) => Err(Failure(error)),
    }
}

/// Failures of a file, which the person mends on the same page.
fn received_is_kept(error: &Error) -> bool {
    matches!(error.code, Code::TooLarge | Code::UnsupportedMedia | Code::UnreadableFile | Code::NotOpen | Code::KeyReused)
}

type Taken = (Received, AssignmentId, Result<String>);

async fn take(visit: &Visit, id: &str, multipart: Multipart) -> Result<Taken> {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let id = assignment_id(id)?;
    let received = read(visit, multipart).await?;
    let key = received.values.get("key").cloned().unwrap_or_default();
    let outcome = match meant(&received) {
        Ok(new) => entry::record(recorder(visit), &visit.app.blobs, caller, id, &key, new).await.map(|done| done.receipt().number.clone()),
        Err(error) => Err(error),
    };
    Ok((received, id, outcome))
}

/// An entry comes back changed.
#[handler]
async fn change(visit: Visit, Path((id, opinion)): Path<(String, String)>, multipart: Multipart) -> Page {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let (id, opinion) = (assignment_id(&id)?, opinion_id(&opinion)?);
    let received = read(&visit, multipart).await?;
    let changed = match meant(&received) {
        Ok(new) => entry::change(recorder(&visit), &visit.app.blobs, caller, id, opinion, new).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(see_other(&format!("{}?done=changed", path_of(id)))),
        Err(error) if is_told(&error) || received_is_kept(&error) => {
            let held = entry::get_entry(&visit.app.db, caller, id, opinion).await?;
            let status = status_of(&error);
            let refused = Refused { form: FORM.into(), values: received.values, error };
            page(&visit, caller, id, status, &HashMap::new(), Some(&held), Some(refused), "", "").await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// An entry is taken back.
#[handler]
async fn remove(visit: Visit, Path((id, opinion)): Path<(String, String)>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    visit.check_form(&form.csrf)?;
    let (id, opinion) = (assignment_id(&id)?, opinion_id(&opinion)?);
    entry::remove(recorder(&visit), caller, id, opinion).await?;
    Ok(see_other(&format!("{}?done=removed", path_of(id))))
}

/// The scan of an entry, to be saved.
#[handler]
async fn send_scan(visit: Visit, Path((id, opinion)): Path<(String, String)>) -> Page {
    let caller = visit.staff(Permission::WorkAtContactPoint)?;
    let (id, opinion) = (assignment_id(&id)?, opinion_id(&opinion)?);
    let (kind, disposition, bytes) = entry::read_scan(&visit.app.db, &visit.app.blobs, caller, id, opinion).await?;
    Ok(Response::builder()
        .content_type(kind.media_type())
        .header(header::CONTENT_DISPOSITION, disposition)
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(bytes))
}
