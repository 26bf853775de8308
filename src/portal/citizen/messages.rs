//! `/me/messages` and `/staff/messages`: what one was told. Opening a message marks it as read and leads to the thing.

use chrono::{DateTime, Utc};
use poem::web::{Form, Path, Query};
use poem::{Route, get, handler, post};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Caller, Permission};
use crate::error::Error;
use crate::notifications::{Message, Subject, inbox};
use crate::portal::links;
use crate::portal::pages::Section;
use crate::portal::pages::messages::{MessageLine, MessagesPage};
use crate::portal::texts::{self, moderation as words};
use crate::portal::visits::{Page, Visit, see_other};

/// Messages on a page.
const PAGE: usize = 20;
const CITIZEN: &str = "/me/messages";
const STAFF: &str = "/staff/messages";

/// Adds the pages of this file.
pub fn routes(route: Route) -> Route {
    route
        .at("/me/messages", get(list_own))
        .at("/me/messages/read-all", post(read_all_own))
        .at("/me/messages/:id", get(open_own))
        .at("/staff/messages", get(list_for_staff))
        .at("/staff/messages/read-all", post(read_all_for_staff))
        .at("/staff/messages/:id", get(open_for_staff))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    cursor: String,
}

#[handler]
async fn list_own(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    show_list(&visit, visit.citizen()?, CITIZEN, &query.cursor).await
}

#[handler]
async fn list_for_staff(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    show_list(&visit, visit.staff(Permission::ReadInbox)?, STAFF, &query.cursor).await
}

async fn show_list(visit: &Visit, caller: &Caller, base: &'static str, cursor: &str) -> Page {
    let db = &visit.app.db;
    let is_staff = base == STAFF;
    // Read before the list: what arrives in between stays unread.
    let looked_at = visit.app.clock.now();
    let page = inbox::list_inbox(db, caller.account_id, Some(cursor).filter(|c| !c.is_empty()), PAGE).await?;
    visit.show(&MessagesPage {
        layout: visit.layout(if is_staff { Section::Staff } else { Section::None }),
        csrf: visit.form_token(),
        is_staff,
        unread: inbox::count_unread(db, caller.account_id).await?,
        lines: page.items.into_iter().map(|m| line(base, m)).collect(),
        looked_at: looked_at.to_rfc3339(),
        read_all: if is_staff { "/staff/messages/read-all" } else { "/me/messages/read-all" },
        next: page.next.map(|cursor| links::with_query(base, [("cursor", cursor.as_str())])),
    })
}

fn line(base: &str, message: Message) -> MessageLine {
    MessageLine {
        title: message.event.title(),
        at: texts::moment(message.created_at),
        is_unread: message.read_at.is_none(),
        url: format!("{base}/{}", message.id),
        sentence: message.sentence,
    }
}

/// The page of the thing that a message is about.
fn place_of(message: &Message) -> String {
    let id = message.subject_id;
    match message.event.subject() {
        Subject::OwnOpinion => format!("/me/opinions/{id}"),
        Subject::OwnHiding => format!("/me/opinions/{id}/appeal"),
        Subject::ModeratedOpinion => format!("/staff/moderation/{id}"),
        Subject::Draft => format!("/drafts/{id}"),
        Subject::OwnAssignment => format!("/point/tasks/{id}"),
        Subject::Relay => format!("/staff/relays/{id}"),
        Subject::Assignment => format!("/staff/assignments/{id}"),
    }
}

#[handler]
async fn open_own(visit: Visit, Path(id): Path<String>) -> Page {
    open(&visit, visit.citizen()?, &id).await
}

#[handler]
async fn open_for_staff(visit: Visit, Path(id): Path<String>) -> Page {
    open(&visit, visit.staff(Permission::ReadInbox)?, &id).await
}

async fn open(visit: &Visit, caller: &Caller, id: &str) -> Page {
    let id = id.parse::<Uuid>().map_err(|_| Error::not_found(words::THIS_MESSAGE))?;
    let message = inbox::get_message(&visit.app.db, caller.account_id, id).await?;
    inbox::mark_read(&visit.app.db, &visit.app.clock, caller.account_id, id).await?;
    Ok(see_other(&place_of(&message)))
}

#[derive(Deserialize)]
struct ReadAllForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    up_to: String,
}

#[handler]
async fn read_all_own(visit: Visit, Form(form): Form<ReadAllForm>) -> Page {
    read_all(&visit, visit.citizen()?, CITIZEN, &form).await
}

#[handler]
async fn read_all_for_staff(visit: Visit, Form(form): Form<ReadAllForm>) -> Page {
    read_all(&visit, visit.staff(Permission::ReadInbox)?, STAFF, &form).await
}

async fn read_all(visit: &Visit, caller: &Caller, base: &str, form: &ReadAllForm) -> Page {
    visit.check_form(&form.csrf)?;
    let now = visit.app.clock.now();
    let up_to = form.up_to.parse::<DateTime<Utc>>().map_or(now, |at| at.min(now));
    inbox::mark_all_read(&visit.app.db, &visit.app.clock, caller.account_id, up_to).await?;
    Ok(see_other(base))
}
