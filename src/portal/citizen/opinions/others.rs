//! `/drafts/{id}/opinions`: what others said, and agreeing or disagreeing with it.

use poem::web::{Form, Path, Query};
use poem::{Request, handler};
use serde::Deserialize;

use super::{draft_url, find_draft, opinion_id};
use crate::accounts::Permission;
use crate::drafts::consultations;
use crate::drafts::places;
use crate::error::Error;
use crate::opinions::posting::require_open;
use crate::opinions::reading::public::About;
use crate::opinions::reading::{self, ShownOpinion};
use crate::opinions::report::path_of;
use crate::opinions::votes::{self, Choice};
use crate::portal::pages::opinions::{OpinionsPage, ShownCard};
use crate::portal::pages::{Link, Section};
use crate::portal::visits::{Page, Visit, see_other};
use crate::portal::{links, texts};

/// Opinions on one page.
const PAGE: usize = 20;
/// Longest address in a link.
const ADDRESS_BYTES: usize = 200;

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    address: String,
    #[serde(default)]
    whole: String,
    #[serde(default)]
    cursor: String,
}

/// `/drafts/{id}/opinions`
#[handler]
pub async fn list_opinions(visit: Visit, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Page {
    let app = &visit.app;
    let draft = find_draft(&visit, &id).await?;
    let round = consultations::newest_round(&app.db, draft.id).await?.ok_or_else(|| Error::not_found(texts::THIS_DRAFT))?;
    let address: String = query.address.chars().take(ADDRESS_BYTES).collect();
    let (about, label) = match () {
        () if query.whole == "1" => (About::Whole, texts::opinions::WHOLE.to_owned()),
        () if address.is_empty() => (About::Everything, draft.title.clone()),
        () => {
            let place = places::find_place(&app.db, round.version_id, &address).await?;
            (About::Provision(&address), place.ok_or_else(|| Error::not_found("这一条款"))?.label)
        }
    };
    let viewer = visit.caller.as_ref().map(|caller| caller.account_id);
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = reading::list_shown(&app.db, &draft, viewer, about, cursor, PAGE).await?;
    let counts = reading::count_by_provision(&app.db, &draft).await?;
    let is_meant = |at: Option<&str>| match about {
        About::Everything => true,
        About::Whole => at.is_none(),
        About::Provision(address) => at.is_some_and(|at| at == address || at.starts_with(&format!("{address}/"))),
    };
    let others = counts.iter().filter(|c| is_meant(c.address.as_deref())).map(|c| c.opinions - c.shown).sum();
    let path = format!("/drafts/{}/opinions", draft.id);
    let pairs =
        |cursor: &str| links::with_query(&path, [("address", address.as_str()), ("whole", query.whole.as_str()), ("cursor", cursor)]);
    let is_open = require_open(&app.db, app.clock.now(), draft.id, false).await.is_ok();
    let may_post = visit.caller.as_ref().is_some_and(|caller| caller.may(Permission::PostOpinion));
    let next = page.next.as_deref().map(pairs);
    let report = round.feedback_published_at.map(|_| Link { text: texts::report::of_round(round.round), url: path_of(&draft, &round) });
    let kept_back = if round.shows_opinions || !page.items.is_empty() {
        ""
    } else if report.is_some() {
        texts::opinions::ANSWERED_ELSEWHERE
    } else {
        texts::opinions::KEPT_BACK
    };
    visit.show(&OpinionsPage {
        layout: visit.layout(Section::Drafts),
        draft_title: draft.title.clone(),
        draft_url: draft_url(draft.id, Some(&address)),
        about: label,
        kept_back: kept_back.into(),
        opinions: page.items.into_iter().map(|shown| card(&visit, shown)).collect(),
        others,
        report,
        next,
        speak_url: if is_open {
            links::with_query(&format!("/drafts/{}/speak", draft.id), [("address", address.as_str())])
        } else {
            String::new()
        },
        may_vote: is_open && may_post,
        may_sign_in: is_open && visit.caller.is_none(),
        csrf: visit.form_token(),
        here: links::encode(&pairs(&query.cursor)),
        back: pairs(&query.cursor),
    })
}

fn card(visit: &Visit, shown: ShownOpinion) -> ShownCard {
    let opinion = shown.opinion;
    ShownCard {
        id: opinion.id.to_string(),
        about: texts::about_opinion(&opinion.provision_label, opinion.author_line().as_deref(), Some(&texts::moment(opinion.posted_at))),
        stance: opinion.stance.map(|stance| stance.label()),
        quote: opinion.quote_text.unwrap_or_default(),
        body: opinion.body,
        hidden_because: texts::opinions::hidden(shown.hiding),
        reason: opinion.reason.unwrap_or_default(),
        proposed: opinion.proposed_text.unwrap_or_default(),
        agree: shown.agree,
        disagree: shown.disagree,
        own_choice: shown.own_choice.map_or("", Choice::as_str),
        is_own: shown.is_own,
        key: visit.caller.as_ref().map(|_| visit.app.ids.secret(super::SECRET_BYTES)).unwrap_or_default(),
    }
}

#[derive(Deserialize)]
struct Vote {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    choice: String,
    #[serde(default)]
    back: String,
}

/// `/opinions/{id}/vote`
#[handler]
pub async fn vote(visit: Visit, request: &Request, Path(id): Path<String>, Form(form): Form<Vote>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    votes::vote(visit.app.counter(request), caller, id, &form.key, Choice::parse(&form.choice)).await?;
    Ok(see_other(&format!("{}#{id}", links::local(&form.back))))
}
