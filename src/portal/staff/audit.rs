//! `/staff/audit`: the audit log, for auditors and administrators.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use poem::http::{HeaderValue, StatusCode, header};
use poem::web::{Form, Query};
use poem::{Body, Response, Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Permission, find_staff};
use crate::audit::Act;
use crate::audit::checking;
use crate::audit::reading::{self, AuditFilter, ListedEntry};
use crate::calendar;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::portal::pages::staff_accounts::{AuditLine, AuditPage, Checked, Choosable};
use crate::portal::pages::{Badge, Section};
use crate::portal::texts::audit::Names;
use crate::portal::visits::{Page, Visit};
use crate::portal::{links, texts};

/// Entries on a page.
const PAGE: usize = 50;

/// The pages.
pub fn routes(route: Route) -> Route {
    route.at("/staff/audit", get(show_audit)).at("/staff/audit/verification", post(verify)).at("/staff/audit/export", get(export))
}

#[derive(Clone, Default, Deserialize)]
struct AuditQuery {
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    cursor: String,
}

/// The list.
#[handler]
async fn show_audit(visit: Visit, Query(query): Query<AuditQuery>) -> Page {
    visit.staff(Permission::ReadAudit)?;
    page(&visit, query, None).await
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// The whole log is checked.
#[handler]
async fn verify(visit: Visit, Form(form): Form<Token>) -> Page {
    visit.staff(Permission::ReadAudit)?;
    visit.check_form(&form.csrf)?;
    let checked = checking::verify_anchored(&visit.app.db, &visit.app.data_key, &[]).await?;
    let checked =
        Checked { is_whole: checked.broken_at.is_none(), sentence: texts::staff_accounts::checked(&checked), last_hash: checked.last_hash };
    page(&visit, AuditQuery::default(), Some(checked)).await
}

async fn page(visit: &Visit, query: AuditQuery, checked: Option<Checked>) -> Page {
    let (filter, problem) = match filter_of(visit, &query).await {
        Ok(filter) => (Some(filter), None),
        Err(error) if super::login::is_told(&error) => (None, Some(error.detail)),
        Err(error) => return Err(error.into()),
    };
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let found = match &filter {
        Some(filter) => reading::list_entries(&visit.app.db, filter, cursor, PAGE).await?,
        None => crate::storage::sql::Page { items: Vec::new(), next: None },
    };
    let names = names_in(visit, &found.items).await?;
    let kept = [
        ("from", query.from.as_str()),
        ("until", &query.until),
        ("who", &query.who),
        ("act", &query.act),
        ("about", &query.about),
        ("outcome", &query.outcome),
    ];
    let acts =
        Act::ALL.iter().map(|act| Choosable { value: act.as_str().into(), text: act.label().into(), is_chosen: act.as_str() == query.act });
    let page = AuditPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        acts: acts.collect(),
        lines: found.items.iter().map(|listed| line(listed, &names)).collect(),
        next: found.next.as_deref().map(|next| links::with_query("/staff/audit", kept.into_iter().chain([("cursor", next)]))),
        export: links::with_query("/staff/audit/export", [("from", query.from.as_str()), ("until", query.until.as_str())]),
        from: query.from,
        until: query.until,
        who: query.who,
        about: query.about,
        outcome: query.outcome,
        is_filtered: kept_any(&filter),
        problem: problem.clone(),
        checked,
    };
    visit.show_as(if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &page)
}

fn kept_any(filter: &Option<AuditFilter>) -> bool {
    filter.as_ref().is_none_or(|f| {
        f.from.is_some()
            || f.until.is_some()
            || f.account_id.is_some()
            || f.act.is_some()
            || f.subject_id.is_some()
            || f.is_success.is_some()
    })
}

async fn filter_of(visit: &Visit, query: &AuditQuery) -> Result<AuditFilter> {
    let account_id = match query.who.trim() {
        "" => None,
        name if name.contains('\0') => return Err(Error::invalid("who", texts::staff_accounts::NO_SUCH_PERSON)),
        name => match name.parse::<Uuid>() {
            Ok(id) => Some(AccountId(id)),
            Err(_) => {
                let found = find_staff(&visit.app.db, name).await?;
                Some(found.ok_or_else(|| Error::invalid("who", texts::staff_accounts::NO_SUCH_PERSON))?.id)
            }
        },
    };
    let subject_id = match query.about.trim() {
        "" => None,
        id => Some(id.parse::<Uuid>().map_err(|_| Error::invalid("about", texts::staff_accounts::NO_SUCH_SUBJECT))?),
    };
    let (from, until) = period(&query.from, &query.until)?;
    Ok(AuditFilter {
        from,
        until,
        account_id,
        act: Act::parse(&query.act),
        subject: None,
        subject_id,
        is_success: match query.outcome.as_str() {
            "done" => Some(true),
            "failed" => Some(false),
            _ => None,
        },
    })
}

/// The first instant and the first one that is too late.
type Period = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Two days of Shanghai as instants: from the beginning of the first to the end of the last.
fn period(from: &str, until: &str) -> Result<Period> {
    let day = |name: &str, text: &str| -> Result<Option<NaiveDate>> {
        if text.is_empty() {
            return Ok(None);
        }
        calendar::parse_day(text).map(Some).ok_or_else(|| Error::invalid(name, texts::BAD_DATE))
    };
    Ok((day("from", from)?.map(calendar::start_of_day), day("until", until)?.map(calendar::end_of_day)))
}

/// Names of the accounts that the details of a page speak of.
async fn names_in(visit: &Visit, listed: &[ListedEntry]) -> Result<Names> {
    let named = listed.iter().filter_map(|listed| texts::audit::named(Act::parse(&listed.entry.act)?, &listed.entry.detail));
    let mut names = Names::new();
    for account in named.collect::<BTreeSet<_>>() {
        if let Some(name) = reading::find_name(&visit.app.db, account).await? {
            names.insert(account, name);
        }
    }
    Ok(names)
}

fn line(listed: &ListedEntry, names: &Names) -> AuditLine {
    let entry = &listed.entry;
    AuditLine {
        seq: entry.seq,
        at: texts::moment(entry.at),
        who: match (&listed.who, &listed.login_name, entry.account_id) {
            (Some(name), Some(login), _) => format!("{name}（{login}）"),
            (Some(name), None, _) => name.clone(),
            (None, _, Some(_)) => texts::staff_accounts::GONE.into(),
            (None, _, None) => texts::staff_accounts::NOBODY.into(),
        },
        who_url: entry.account_id.map(|id| links::with_query("/staff/audit", [("who", id.to_string().as_str())])),
        act: Act::parse(&entry.act).map_or_else(|| entry.act.clone(), |act| act.label().into()),
        outcome: if entry.is_success {
            Badge { text: texts::staff_accounts::DONE.into(), tone: "good" }
        } else {
            Badge { text: texts::staff_accounts::FAILED.into(), tone: "stop" }
        },
        subject: texts::staff_accounts::subject(&entry.subject).into(),
        subject_url: entry.subject_id.map(|id| links::with_query("/staff/audit", [("about", id.to_string().as_str())])),
        detail: Act::parse(&entry.act).map_or_else(|| entry.detail.clone(), |act| texts::audit::detail(act, &entry.detail, names)),
        ids: texts::audit::ids(&entry.detail).into_iter().map(str::to_owned).collect(),
    }
}

/// Entries of a period as a file of JSON lines. The export is itself an entry.
#[handler]
async fn export(visit: Visit, Query(query): Query<AuditQuery>) -> Page {
    let caller = visit.staff(Permission::ReadAudit)?;
    let (from, until) = period(&query.from, &query.until)?;
    let app = &visit.app;
    let pieces = reading::export(&app.db, &app.clock, Some(caller.account_id), from, until).await?;
    let mut response = Response::builder().content_type("application/x-ndjson").body(Body::from_bytes_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.jsonl\""));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
