//! `/me/opinions/{id}/appeal`: why one's own opinion is hidden, and what one may say against it, once.

use poem::http::StatusCode;
use poem::web::{Form, Path};
use poem::{Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::ids::OpinionId;
use crate::opinions::moderation::appeals::{self, APPEAL_CHARACTERS};
use crate::opinions::moderation::queue;
use crate::portal::pages::moderation::AppealPage;
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::staff::moderation::{appeal_box, desk, display_badge};
use crate::portal::texts::{self, moderation as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Adds the page of this file.
pub fn routes(route: Route) -> Route {
    route.at("/me/opinions/:id/appeal", get(show_appeal).post(send_appeal))
}

fn opinion_id(text: &str) -> Result<OpinionId> {
    text.parse::<Uuid>().map(OpinionId).map_err(|_| Error::not_found(words::THIS_OPINION))
}

#[handler]
async fn show_appeal(visit: Visit, Path(id): Path<String>) -> Page {
    visit.citizen()?;
    page(&visit, StatusCode::OK, opinion_id(&id)?, String::new(), None).await
}

async fn page(visit: &Visit, status: StatusCode, id: OpinionId, typed: String, problem: Option<String>) -> Page {
    let caller = visit.citizen()?;
    let item = queue::get_own_item(&visit.app.db, caller, id).await?;
    let hiding = item.hidden.as_ref().map(|h| {
        let fact = |name: &str, value: String| Fact { name: name.into(), value };
        let facts = [
            fact(words::HIDDEN_FOR, h.category.label().into()),
            fact(words::HIDDEN_WORDS, h.reason.clone()),
            fact(words::HIDDEN_AT, texts::moment(h.at)),
        ];
        facts.into_iter().filter(|f| !f.value.is_empty()).collect::<Vec<_>>()
    });
    visit.show_as(
        status,
        &AppealPage {
            layout: visit.layout(Section::Drafts),
            csrf: visit.form_token(),
            opinion: Link { text: item.receipt_number.clone(), url: format!("/me/opinions/{id}") },
            may_appeal: item.may_appeal(),
            draft: item.draft_title,
            provision: item.provision_label,
            badge: display_badge(item.display),
            body: item.body,
            hiding: hiding.unwrap_or_default(),
            appeal: item.appeal.as_ref().map(appeal_box),
            typed,
            problem,
            limit: APPEAL_CHARACTERS,
            url: format!("/me/opinions/{id}/appeal"),
        },
    )
}

#[derive(Deserialize)]
struct AppealForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    text: String,
}

#[handler]
async fn send_appeal(visit: Visit, Path(id): Path<String>, Form(form): Form<AppealForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    match appeals::appeal(desk(&visit), caller, id, &form.text).await {
        // The same words sent twice are one appeal, so a double click does no harm.
        Ok(()) => Ok(see_other(&format!("/me/opinions/{id}/appeal"))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let problem = error.fields.first().map_or(error.detail.clone(), |f| f.message.clone());
            page(&visit, status, id, form.text, Some(problem)).await
        }
        Err(error) => Err(Failure(error)),
    }
}
