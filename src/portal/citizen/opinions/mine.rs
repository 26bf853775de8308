//! `/me/opinions`: what a citizen has said, and what became of it.

use poem::web::{Form, Path, Query};
use poem::{Request, handler};
use serde::Deserialize;

use super::views::{held, own_view, state_badge};
use super::{device_key, draft_url, opinion_id};
use crate::opinions::enclosures;
use crate::opinions::moderation::queue;
use crate::opinions::onward::{Onward, Versions, find_onward};
use crate::opinions::reading::{self, AuthorState, OwnOpinion};
use crate::opinions::revising::{self, Revision};
use crate::portal::pages::opinions::{FormerWording, MyOpinionPage, MyOpinionsPage, OwnCard};
use crate::portal::pages::{Choice, Link, Section};
use crate::portal::visits::{Page, Visit, see_other};
use crate::portal::{links, texts};

/// Opinions on one page.
const PAGE: usize = 20;
/// Characters of an opinion in the list.
const EXCERPT: usize = 80;

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
}

/// `/me/opinions`
#[handler]
pub async fn list_mine(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.citizen()?;
    let state = AuthorState::parse(&query.state);
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = reading::list_own_opinions(&visit.app.db, caller, state, cursor, PAGE).await?;
    let url = |state: &str| links::with_query("/me/opinions", [("state", state)]);
    let mut filters = vec![Choice { text: texts::opinions::ALL_STATES.into(), url: url(""), count: 0, is_chosen: state.is_none() }];
    filters.extend(AuthorState::ALL.iter().map(|s| Choice {
        text: s.label().into(),
        url: url(s.as_str()),
        count: 0,
        is_chosen: state == Some(*s),
    }));
    let next = page.next.map(|cursor| links::with_query("/me/opinions", [("state", query.state.as_str()), ("cursor", cursor.as_str())]));
    let mut opinions = Vec::with_capacity(page.items.len());
    let mut versions = Versions::default();
    for own in page.items {
        let onward = find_onward(&visit.app.db, &visit.app.clock, &mut versions, &own.opinion).await?;
        opinions.push(card(own, onward));
    }
    visit.show(&MyOpinionsPage { layout: visit.layout(Section::None), filters, opinions, is_narrowed: state.is_some(), next })
}

fn card(own: OwnOpinion, onward: Option<Onward>) -> OwnCard {
    OwnCard {
        url: format!("/me/opinions/{}", own.opinion.id),
        badge: state_badge(own.state),
        about: format!("{}　{}", own.opinion.provision_label, texts::moment(own.opinion.posted_at)),
        excerpt: texts::opinions::excerpt(&own.opinion.body, EXCERPT),
        draft_title: own.draft_title,
        continues: onward.map(|onward| texts::opinions::onward(&own.opinion.provision_label, &onward)).unwrap_or_default(),
    }
}

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    posted: String,
    #[serde(default)]
    changed: String,
    #[serde(default)]
    withdrawn: String,
}

/// `/me/opinions/{id}`
#[handler]
pub async fn show_mine(visit: Visit, Path(id): Path<String>, Query(done): Query<Done>) -> Page {
    let app = &visit.app;
    let caller = visit.citizen()?;
    let own = reading::get_own_opinion(&app.db, caller, opinion_id(&id)?).await?;
    let opinion = own.opinion.clone();
    let round = match revising::require_changeable(&app.db, app.clock.now(), &opinion).await {
        Ok(round) => Some(round),
        // It can no longer be changed; the page then offers no change.
        Err(error) if error.code.status() < 500 => None,
        Err(error) => return Err(error.into()),
    };
    let onward = find_onward(&app.db, &app.clock, &mut Versions::default(), &opinion).await?;
    let hiding = match own.state {
        AuthorState::Hidden => queue::get_own_item(&app.db, caller, opinion.id).await?.hidden,
        _ => None,
    };
    let files = enclosures::list_enclosures(&app.db, opinion.id).await?;
    let mut history: Vec<FormerWording> =
        revising::list_revisions(&app.db, caller, opinion.id).await?.into_iter().filter_map(former).collect();
    history.reverse();
    let is_new = done.posted == "1";
    let notice = match () {
        () if done.changed == "1" => Some(texts::opinions::CHANGED.to_owned()),
        () if done.withdrawn == "1" => Some(texts::opinions::WITHDRAWN.to_owned()),
        () => None,
    };
    visit.show(&MyOpinionPage {
        layout: visit.layout(Section::None),
        is_new,
        notice,
        draft_url: draft_url(opinion.draft_id, opinion.address.as_deref()),
        files: files.into_iter().map(|file| held(file, true)).collect(),
        continues: onward.map(|onward| Link {
            text: texts::opinions::onward(&opinion.provision_label, &onward),
            url: draft_url(opinion.draft_id, onward.places.iter().find_map(|place| place.address.as_deref())),
        }),
        closes: round.as_ref().map(|r| texts::opinions::until(&texts::day(r.closes_on()))).unwrap_or_default(),
        is_open: round.is_some(),
        url: format!("/me/opinions/{}", opinion.id),
        csrf: visit.form_token(),
        key: app.ids.secret(super::SECRET_BYTES),
        revision: opinion.revision,
        history,
        draft_key: if is_new { device_key(opinion.draft_id, opinion.address.as_deref().unwrap_or_default()) } else { String::new() },
        view: own_view(app, own.opinion, own.state, Some(own.version_number), hiding).await?,
        draft_title: own.draft_title,
    })
}

/// `None` for the present wording.
fn former(revision: Revision) -> Option<FormerWording> {
    let replaced = revision.replaced_at?;
    let wording = revision.wording;
    Some(FormerWording {
        title: texts::opinions::former(revision.revision, &texts::moment(revision.written_at), &texts::moment(replaced)),
        about: texts::about_opinion(&wording.provision_label, None, Some(wording.stance.label())),
        body: wording.body,
        reason: wording.reason,
        proposed: wording.proposed_text,
    })
}

#[derive(Deserialize)]
struct Withdrawal {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    revision: i64,
}

/// `/me/opinions/{id}/withdraw`
#[handler]
pub async fn withdraw(visit: Visit, request: &Request, Path(id): Path<String>, Form(form): Form<Withdrawal>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let id = opinion_id(&id)?;
    revising::withdraw_opinion(visit.app.counter(request), caller, id, &form.key, form.revision).await?;
    Ok(see_other(&format!("/me/opinions/{id}?withdrawn=1")))
}
