//! `/staff/deliveries`: notifications that could not be delivered, and another try.

use poem::web::{Form, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Permission, deliveries};
use crate::error::Error;
use crate::notifications::{Event, carrying, outbox};
use crate::portal::links;
use crate::portal::pages::messages::{DeliveriesPage, GivenUpLine};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts::{self, moderation as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Lines of each list on a page.
const PAGE: usize = 20;

/// Adds the pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/staff/deliveries", get(show_deliveries)).at("/staff/deliveries/:id/retry", post(retry))
}

#[derive(Deserialize)]
struct DeliveriesQuery {
    #[serde(default)]
    given_up: String,
    #[serde(default)]
    wechat: String,
    #[serde(default)]
    did: String,
}

fn title(event: &str) -> String {
    Event::parse(event).map_or_else(|| event.to_owned(), |event| event.title().to_owned())
}

#[handler]
async fn show_deliveries(visit: Visit, Query(query): Query<DeliveriesQuery>) -> Page {
    let caller = visit.staff(Permission::ReadDeliveries)?;
    let db = &visit.app.db;
    let may_retry = caller.may(Permission::RetryDeliveries);
    let after = |cursor: &str| Some(cursor.to_owned()).filter(|c| !c.is_empty());
    let backlog = outbox::count_backlog(db).await?;
    let given_up = outbox::list_given_up(db, after(&query.given_up).as_deref(), PAGE).await?;
    let wechat = carrying::list_failed(db, after(&query.wechat).as_deref(), PAGE).await?;
    let numbers = [backlog.pending, backlog.given_up, backlog.wechat_pending, backlog.wechat_failed];
    let more = |name: &str, cursor: &Option<String>| {
        cursor.as_ref().map(|c| Link { text: words::NEXT_PAGE.into(), url: links::with_query("/staff/deliveries", [(name, c.as_str())]) })
    };
    visit.show(&DeliveriesPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        counts: words::BACKLOG.iter().zip(numbers).map(|(name, n)| Fact { name: (*name).into(), value: texts::grouped(n) }).collect(),
        next: [more("given_up", &given_up.next), more("wechat", &wechat.next)].into_iter().flatten().collect(),
        given_up: given_up
            .items
            .into_iter()
            .map(|e| GivenUpLine {
                event: title(&e.event),
                attempts: e.attempts,
                failure: e.failure,
                at: texts::moment(e.given_up_at),
                retry: may_retry.then(|| format!("/staff/deliveries/{}/retry", e.id)),
            })
            .collect(),
        wechat: wechat
            .items
            .into_iter()
            .map(|m| GivenUpLine {
                event: title(&m.event),
                attempts: m.attempts,
                failure: m.failure,
                at: texts::moment(m.ended_at),
                retry: None,
            })
            .collect(),
        done: (query.did == "retry").then_some(words::TRIED_AGAIN),
    })
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

#[handler]
async fn retry(visit: Visit, Path(id): Path<String>, Form(form): Form<Token>) -> Page {
    let caller = visit.staff(Permission::RetryDeliveries)?;
    visit.check_form(&form.csrf)?;
    let id = id.parse::<Uuid>().map_err(|_| Error::not_found(words::THIS_DELIVERY))?;
    deliveries::retry_delivery(&visit.app.db, &visit.app.clock, caller, id).await?;
    Ok(see_other("/staff/deliveries?did=retry"))
}
