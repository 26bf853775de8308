//! The legal bases of a version: citing, finding in the library, looking at both side by side.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::{draft_path, find_version, version_path};
use crate::accounts::{Actor, Caller, Permission};
use crate::drafts::Draft;
use crate::drafts::legal_bases::{self, LegalBasis, Located, NewLegalBasis, Offered};
use crate::drafts::versions::{self, DraftProvision, DraftVersion};
use crate::error::{Code, Error, Result};
use crate::ids::{LegalBasisId, WorkId};
use crate::portal::links;
use crate::portal::pages::drafting::{BasesPage, BasisCandidate, BasisLine, Pick};
use crate::portal::pages::{Badge, Link, Section};
use crate::portal::texts;
use crate::portal::texts::drafting as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::search::{SearchRequest, named_places};

/// Hits of a search that are offered.
const OFFERED: usize = 8;
/// Longest search, in characters.
const QUERY_CHARACTERS: usize = 300;

#[derive(Default, Deserialize)]
struct Shown {
    /// What is looked for; `None` without a search.
    q: Option<String>,
    /// Address in the draft.
    #[serde(default)]
    provision: String,
    #[serde(default)]
    done: String,
}

/// `/staff/drafts/{id}/versions/{version}/bases`
#[handler]
pub async fn show_bases(visit: Visit, Path((id, version)): Path<(String, String)>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    bases_page(&visit, caller, (&draft, &version), shown, None).await
}

async fn bases_page(
    visit: &Visit,
    caller: &Caller,
    (draft, version): (&Draft, &DraftVersion),
    shown: Shown,
    error: Option<&Error>,
) -> Page {
    let db = &visit.app.db;
    let provisions = versions::list_provisions(db, version).await?;
    let path = format!("{}/bases", version_path(version));
    let query: String = shown.q.as_deref().unwrap_or_default().trim().chars().take(QUERY_CHARACTERS).collect();
    let mut problem = error.map(|e| e.detail.clone()).unwrap_or_default();
    let candidates = if query.is_empty() {
        Vec::new()
    } else {
        legal_bases::offer(db, visit.app.clock.today(), draft.kind, find(visit, &query).await?).await?
    };
    if shown.q.is_some() && query.is_empty() {
        problem = words::NO_CITATION.into();
    }
    let mut places = vec![Pick { value: String::new(), label: words::WHOLE_DRAFT.into(), is_chosen: shown.provision.is_empty() }];
    let named = legal_bases::places(&provisions);
    places.extend(named.into_iter().map(|(address, label)| Pick { is_chosen: address == shown.provision, value: address, label }));
    let provision_label = places.iter().find(|p| p.is_chosen).map(|p| p.label.clone()).unwrap_or_default();
    let bases = legal_bases::list_for_version(db, version.id).await?;
    let status = error.map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    visit.show_as(
        status,
        &BasesPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            draft_path: draft_path(draft.id),
            title: draft.title.clone(),
            name: words::version(version.number),
            may_edit: caller.may(Permission::EditDrafts),
            places,
            provision_words: own_words(&provisions, &shown.provision),
            provision_label,
            found_nothing: !query.is_empty() && candidates.is_empty(),
            candidates: candidates.into_iter().map(candidate).collect(),
            query,
            bases: bases.into_iter().map(|basis| basis_line(version, &provisions, &path, basis)).collect(),
            problem,
            done: match shown.done.as_str() {
                "added" => "依据已添加。".into(),
                "removed" => "依据已移除。".into(),
                _ => String::new(),
            },
            provision: shown.provision,
            path,
        },
    )
}

/// Words of a provision of the draft with what stands in it, line by line.
fn own_words(provisions: &[DraftProvision], address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    let below = format!("{address}/");
    let inside = provisions.iter().filter(|p| p.address == address || p.address.starts_with(&below));
    let mut words = String::new();
    for p in inside {
        let own = format!("{}{}{}", p.label, p.heading, p.text);
        if own.is_empty() {
            continue;
        }
        if !words.is_empty() && !words.ends_with('　') {
            words.push('\n');
        }
        words.push_str(&own);
        if p.text.is_empty() && p.address.starts_with("art-") {
            words.push('　');
        }
    }
    words
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn basis_line(version: &DraftVersion, provisions: &[DraftProvision], path: &str, basis: LegalBasis) -> BasisLine {
    BasisLine {
        provision: legal_bases::cited(version, provisions, &basis.provision),
        words: own_words(provisions, &basis.provision),
        link: Link { text: texts::citation(&basis.title, &basis.label), url: basis.path() },
        text: lines(&basis.text),
        remove: format!("{path}/{}/remove", basis.id),
    }
}

fn candidate(offered: Offered) -> BasisCandidate {
    let located = offered.located;
    let anchor = if located.address.is_empty() { String::new() } else { format!("#{}", located.address) };
    let mut badges = vec![texts::validity(offered.validity), Badge { text: offered.level.label().into(), tone: "off" }];
    badges.extend(words::rank(offered.rank).map(|text| Badge { text: text.into(), tone: "wait" }));
    BasisCandidate {
        badges,
        warning: words::no_basis(offered.validity),
        name: texts::citation(&located.title, &located.label),
        text: lines(&located.text),
        url: format!("/laws/{}/{}{anchor}", located.work_id, located.version_id),
        work: located.work_id.to_string(),
        place: located.address,
    }
}

/// Places of the library for a line: those that it names, else what the search finds.
async fn find(visit: &Visit, query: &str) -> Result<Vec<Located>> {
    let app = &visit.app;
    let today = app.clock.today();
    let mut found: Vec<Located> = Vec::new();
    for named in named_places(query, &app.search.titles()).into_iter().filter(|named| named.is_certain) {
        found.extend(legal_bases::locate(&app.db, today, named.work_id, &named.place).await?);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let request = SearchRequest { limit: OFFERED, ..SearchRequest::new(query, today) };
    for hit in app.search.search(request).await?.hits {
        let located = legal_bases::locate(&app.db, today, WorkId(hit.work_id), &hit.address).await?;
        found.extend(located.filter(|located| !found.contains(located)));
    }
    Ok(found)
}

/// What the form of a new basis sends.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    provision: String,
    #[serde(default)]
    work: String,
    #[serde(default)]
    place: String,
}

/// A basis is named.
#[handler]
pub async fn add_basis(visit: Visit, Path((id, version)): Path<(String, String)>, Form(sent): Form<Sent>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let added = async {
        let work_id = sent.work.parse::<Uuid>().map(WorkId).map_err(|_| Error::not_found(texts::THIS_DOCUMENT))?;
        let new = NewLegalBasis { provision: sent.provision.clone(), work_id, place: sent.place.clone() };
        legal_bases::add_basis(&app.db, &app.clock, &app.ids, Actor::Person(caller), draft.id, version.id, new).await
    };
    match added.await {
        Ok(_) => {
            let path = format!("{}/bases", version_path(&version));
            Ok(see_other(&links::with_query(&path, [("provision", sent.provision.as_str()), ("done", "added")])))
        }
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let shown = Shown { provision: sent.provision, ..Shown::default() };
            bases_page(&visit, caller, (&draft, &version), shown, Some(&error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// A basis is taken off.
#[handler]
pub async fn remove_basis(visit: Visit, Path((id, version, basis)): Path<(String, String, String)>, Form(sent): Form<Token>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let basis = basis.parse::<Uuid>().map(LegalBasisId).map_err(|_| Error::not_found("这项依据"))?;
    legal_bases::remove_basis(&app.db, &app.clock, Actor::Person(caller), draft.id, version.id, basis).await?;
    Ok(see_other(&format!("{}/bases?done=removed", version_path(&version))))
}
