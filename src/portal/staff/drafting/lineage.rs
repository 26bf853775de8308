//! 条文沿革 of two versions: what the matcher found, what a person should look at, and what people corrected.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::{draft_path, find_draft, general_problem, problem_of, version_id};
use crate::accounts::{Actor, Caller, Permission};
use crate::drafts::lineage::keeping::{self, KeptCorrection, NewCorrection};
use crate::drafts::lineage::{ContinuationKind, Correction, Lineage, Relation, Text};
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{Draft, Viewer};
use crate::error::{Code, Error, Result};
use crate::ids::LineageCorrectionId;
use crate::portal::pages::drafting::{Field, LineagePage, PastRelation, Pick, RelationForm, RelationLine};
use crate::portal::pages::{Badge, Choice, Section};
use crate::portal::texts::drafting as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Fields that the form shows a problem beside.
const FIELDS: &[&str] = &["kind", "from", "to", "reason"];

/// Which pair, which of its relations, and which of them is open.
#[derive(Clone, Default, Deserialize)]
struct Shown {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    /// `doubtful`; anything else is all.
    #[serde(default)]
    show: String,
    /// The relation whose form is open.
    at: Option<usize>,
    #[serde(default)]
    done: String,
}

impl Shown {
    fn is_doubtful(&self) -> bool {
        self.show == "doubtful"
    }
}

/// What the form of a correction sends; `from` and `to` are the versions.
#[derive(Default, Deserialize)]
struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    revision: i64,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    show: String,
    at: Option<usize>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    reason: String,
}

/// A pair of versions with all that its page says.
struct Pair {
    draft: Draft,
    versions: Vec<DraftVersion>,
    /// The older and the newer one; `None` when the draft has only one, or the two named are no pair.
    chosen: Option<(DraftVersion, DraftVersion)>,
}

async fn find_pair(visit: &Visit, caller: &Caller, id: &str, from: &str, to: &str) -> Result<Pair> {
    let draft = find_draft(visit, caller, id).await?;
    let versions = versions::list_versions(&visit.app.db, Viewer::Public(Some(caller)), &draft).await?;
    let find = |text: &str| -> Result<Option<DraftVersion>> {
        if text.is_empty() {
            return Ok(None);
        }
        let id = version_id(text)?;
        let found = versions.iter().find(|version| version.id == id);
        found.cloned().map(Some).ok_or_else(|| Error::not_found(words::THIS_DRAFT_VERSION))
    };
    let newer = find(to)?.or_else(|| versions.last().cloned());
    let before = newer.as_ref().and_then(|newer| versions.iter().rev().find(|version| version.number < newer.number).cloned());
    let older = find(from)?.or(before);
    let chosen = older.zip(newer).filter(|(older, newer)| older.number < newer.number);
    Ok(Pair { draft, versions, chosen })
}

/// `/staff/drafts/{id}/lineage`
#[handler]
pub async fn show_lineage(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let pair = find_pair(&visit, caller, &id, &shown.from, &shown.to).await?;
    lineage_page(&visit, caller, pair, shown, None).await
}

/// A correction comes in.
#[handler]
pub async fn correct(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let pair = find_pair(&visit, caller, &id, &sent.from, &sent.to).await?;
    let Some((older, newer)) = &pair.chosen else { return Err(Failure(Error::invalid("from", words::NO_PAIR))) };
    let corrected = async {
        let lineage = keeping::lineage_between(&app.db, older, newer).await?;
        let new = NewCorrection { says: said(&lineage, &sent)?, reason: sent.reason.clone(), revision: Some(sent.revision) };
        keeping::correct(&app.db, &app.clock, &app.ids, Actor::Person(caller), pair.draft.id, (older.id, newer.id), new).await
    };
    match corrected.await {
        Ok(()) => {
            let anchor = sent.at.map(|at| format!("#r{at}")).unwrap_or_default();
            Ok(see_other(&format!("{}{anchor}", page_link(&pair.draft, (&sent.from, &sent.to), &sent.show, "corrected"))))
        }
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let shown = Shown { from: sent.from.clone(), to: sent.to.clone(), show: sent.show.clone(), at: sent.at, done: String::new() };
            // Read anew: on a conflict it is another lineage by now.
            let pair = find_pair(&visit, caller, &id, &shown.from, &shown.to).await?;
            lineage_page(&visit, caller, pair, shown, Some((&sent, &error))).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// What a form that takes a correction back sends.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    show: String,
}

/// A correction is taken back.
#[handler]
pub async fn withdraw(visit: Visit, Path((id, correction)): Path<(String, String)>, Form(sent): Form<Back>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let draft = find_draft(&visit, caller, &id).await?;
    let correction = correction.parse::<Uuid>().map(LineageCorrectionId).map_err(|_| Error::not_found(words::THIS_LINEAGE_CORRECTION))?;
    keeping::withdraw_correction(&app.db, &app.clock, Actor::Person(caller), draft.id, correction).await?;
    Ok(see_other(&page_link(&draft, (&sent.from, &sent.to), &sent.show, "withdrawn")))
}

fn page_link(draft: &Draft, (from, to): (&str, &str), show: &str, done: &str) -> String {
    let path = format!("{}/lineage", draft_path(draft.id));
    links::with_query(&path, [("from", from), ("to", to), ("show", show), ("done", done)])
}

/// What was said, with the provisions by their addresses.
fn said(lineage: &Lineage, sent: &Sent) -> Result<Correction> {
    let kind = ContinuationKind::parse(&sent.kind).ok_or_else(|| Error::invalid("kind", words::CHOOSE_KIND))?;
    let old = if kind == ContinuationKind::Added { Vec::new() } else { places(&lineage.old, "from", "原稿", &sent.old)? };
    let new = if kind == ContinuationKind::Deleted { Vec::new() } else { places(&lineage.new, "to", "新稿", &sent.new)? };
    let kind = match (kind, old.as_slice(), new.as_slice()) {
        (ContinuationKind::Kept | ContinuationKind::Modified, [old], [new]) => lineage.kind_in_place(*old, *new),
        _ => kind,
    };
    let addresses = |text: &Text, list: Vec<usize>| -> Vec<String> {
        list.into_iter().filter_map(|i| text.nodes().get(i)).map(|node| node.address.clone()).collect()
    };
    Ok(Correction { kind, old: addresses(&lineage.old, old), new: addresses(&lineage.new, new) })
}

/// Provisions as a person lists them: as they are cited, or by address.
fn places(text: &Text, field: &str, side: &str, typed: &str) -> Result<Vec<usize>> {
    let citations = text.citations();
    let named = typed.split(['、', '，', ',', '；', ';']).map(|name| name.split_whitespace().collect::<String>());
    named
        .filter(|name| !name.is_empty())
        .map(|name| find(text, &citations, &name).ok_or_else(|| Error::invalid(field, words::no_provision(side, &name))))
        .collect()
}

/// The first provision of that address or citation: the 条 rather than its only 款, which is cited like it.
fn find(text: &Text, citations: &[String], name: &str) -> Option<usize> {
    let by_citation = || citations.iter().position(|citation| citation == name);
    text.find(name).or_else(by_citation)
}

/// Provisions as [`places`] reads them back.
fn typed(text: &Text, citations: &[String], list: &[usize]) -> String {
    let name = |i: &usize| {
        let citation = citations.get(*i).filter(|citation| !citation.contains(['、', '，', ',', '；', ';', ' ']));
        match citation.filter(|citation| find(text, citations, citation) == Some(*i)) {
            Some(citation) => citation.clone(),
            None => text.nodes().get(*i).map(|node| node.address.clone()).unwrap_or_default(),
        }
    };
    list.iter().map(name).collect::<Vec<_>>().join("、")
}

async fn lineage_page(visit: &Visit, caller: &Caller, pair: Pair, shown: Shown, failed: Option<(&Sent, &Error)>) -> Page {
    let db = &visit.app.db;
    let may_edit = caller.may(Permission::EditDrafts);
    let error = failed.map(|(_, error)| error);
    let status = error.map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    let id = |version: Option<&DraftVersion>| version.map(|v| v.id.to_string()).unwrap_or_default();
    let (from, to) = match &pair.chosen {
        Some((older, newer)) => (id(Some(older)), id(Some(newer))),
        None => (shown.from.clone(), shown.to.clone()),
    };
    let picks = |list: &[DraftVersion], chosen: &str| -> Vec<Pick> {
        let pick =
            |v: &DraftVersion| Pick { value: v.id.to_string(), label: words::version(v.number), is_chosen: v.id.to_string() == chosen };
        list.iter().map(pick).collect()
    };
    let (olds, news) = match pair.versions.as_slice() {
        [first, between @ .., last] => {
            let olds: Vec<DraftVersion> = std::iter::once(first).chain(between).cloned().collect();
            let news: Vec<DraftVersion> = between.iter().chain([last]).cloned().collect();
            (picks(&olds, &from), picks(&news, &to))
        }
        _ => (Vec::new(), Vec::new()),
    };
    let mut page = LineagePage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        revision: 0,
        draft_path: draft_path(pair.draft.id),
        title: pair.draft.title.clone(),
        problem: general_problem(error, FIELDS),
        olds,
        news,
        shown: if shown.is_doubtful() { shown.show.clone() } else { String::new() },
        filters: Vec::new(),
        compare: String::new(),
        relations: Vec::new(),
        past: Vec::new(),
        done: match shown.done.as_str() {
            "corrected" => "更正已保存。".into(),
            "withdrawn" => "更正已撤回。".into(),
            _ => String::new(),
        },
        from,
        to,
    };
    let Some((older, newer)) = &pair.chosen else {
        if !page.olds.is_empty() {
            page.problem = words::NO_PAIR.into();
        }
        return visit.show_as(status, &page);
    };
    // The revision first: what is changed between the two readings is then refused, not overwritten.
    page.revision = keeping::revision(db, older, newer).await?;
    let lineage = keeping::lineage_between(db, older, newer).await?;
    let kept = keeping::list_corrections(db, Actor::Person(caller), &pair.draft, Some(newer.id)).await?;
    let citations = (lineage.old.citations(), lineage.new.citations());
    let is_doubtful: Vec<bool> = lineage.relations.iter().map(|relation| lineage.is_doubtful(relation)).collect();
    let link = |show: &str| page_link(&pair.draft, (&page.from, &page.to), show, "");
    page.filters = [("全部", "", is_doubtful.len()), ("只看需要核对的", "doubtful", is_doubtful.iter().filter(|d| **d).count())]
        .map(|(text, show, count)| Choice { text: text.into(), url: link(show), count: count as u64, is_chosen: show == page.shown })
        .into();
    page.compare =
        links::with_query(&format!("/drafts/{}/compare", pair.draft.id), [("from", page.from.as_str()), ("to", page.to.as_str())]);
    let listed = lineage.relations.iter().enumerate().zip(&is_doubtful);
    let listed = listed.filter(|((at, _), is_doubtful)| page.shown.is_empty() || **is_doubtful || shown.at == Some(*at));
    page.relations = listed
        .map(|((at, relation), _)| {
            let mut line = relation_line(&lineage, &citations, at, relation);
            line.correct = may_edit.then(|| {
                let place = at.to_string();
                let query = [("from", page.from.as_str()), ("to", &page.to), ("show", &page.shown), ("at", &place)];
                format!("{}#r{at}", links::with_query(&format!("{}/lineage", page.draft_path), query))
            });
            if may_edit && shown.at == Some(at) {
                let back = format!("{}#r{at}", link(&page.shown));
                line.form = Some(relation_form(&lineage, &citations, relation, failed, back));
            }
            line
        })
        .collect();
    page.past = kept
        .into_iter()
        .filter(|correction| correction.from == older.id)
        .map(|correction| past(&lineage, &page.draft_path, may_edit, correction))
        .collect();
    visit.show_as(status, &page)
}

fn relation_line(lineage: &Lineage, citations: &(Vec<String>, Vec<String>), number: usize, relation: &Relation) -> RelationLine {
    let labels = |citations: &[String], list: &[usize]| -> String {
        list.iter().filter_map(|i| citations.get(*i)).map(String::as_str).collect::<Vec<_>>().join("、")
    };
    let words_of = |text: &Text, list: &[usize]| -> String {
        if relation.kind == ContinuationKind::Kept {
            return String::new();
        }
        list.iter().map(|i| text.words(*i)).collect::<Vec<_>>().join("\n")
    };
    RelationLine {
        number,
        badge: badge(relation.kind),
        old: labels(&citations.0, &relation.old),
        new: labels(&citations.1, &relation.new),
        old_words: words_of(&lineage.old, &relation.old),
        new_words: words_of(&lineage.new, &relation.new),
        similarity: words::similarity(relation.similarity),
        is_corrected: relation.is_corrected,
        correct: None,
        form: None,
    }
}

fn badge(kind: ContinuationKind) -> Badge {
    use ContinuationKind::*;
    let tone = match kind {
        Kept => "off",
        Modified | Moved => "blue",
        Split | Merged => "wait",
        Deleted => "stop",
        Added => "good",
    };
    Badge { text: kind.label().into(), tone }
}

fn relation_form(
    lineage: &Lineage,
    citations: &(Vec<String>, Vec<String>),
    relation: &Relation,
    failed: Option<(&Sent, &Error)>,
    back: String,
) -> RelationForm {
    use ContinuationKind::*;
    let error = failed.map(|(_, error)| error);
    let field = |value: String, name: &str| Field { value, problem: problem_of(error, name) };
    let held = |kind: ContinuationKind| if kind == Kept { Modified } else { kind };
    let (kind, old, new, reason) = match failed {
        Some((sent, _)) => (ContinuationKind::parse(&sent.kind), sent.old.clone(), sent.new.clone(), sent.reason.clone()),
        None => (
            Some(held(relation.kind)),
            typed(&lineage.old, &citations.0, &relation.old),
            typed(&lineage.new, &citations.1, &relation.new),
            String::new(),
        ),
    };
    let pick = |choice: ContinuationKind| Pick {
        value: choice.as_str().into(),
        label: if choice == Modified { words::ONE_AS_ONE.into() } else { choice.label().into() },
        is_chosen: kind.map(held) == Some(choice),
    };
    RelationForm {
        kinds: [Modified, Moved, Split, Merged, Deleted, Added].map(pick).into(),
        kind_problem: problem_of(error, "kind"),
        from: field(old, "from"),
        to: field(new, "to"),
        reason: field(reason, "reason"),
        back,
    }
}

fn past(lineage: &Lineage, draft_path: &str, may_edit: bool, correction: KeptCorrection) -> PastRelation {
    // An address that a later correction of the text took away is shown as it was written.
    let labels = |text: &Text, list: &[String]| -> Vec<String> {
        list.iter().map(|address| text.find(address).map_or_else(|| address.clone(), |i| text.citation(i))).collect()
    };
    let says = &correction.says;
    PastRelation {
        says: words::relation(says.kind.label(), &labels(&lineage.old, &says.old), &labels(&lineage.new, &says.new)),
        reason: correction.reason,
        by: [correction.by.unwrap_or_default(), texts::moment(correction.at)].join(" ").trim().to_owned(),
        withdrawn: correction.withdrawn_at.map(|at| format!("{}撤回", texts::moment(at))).unwrap_or_default(),
        withdraw: (may_edit && correction.withdrawn_at.is_none()).then(|| format!("{draft_path}/lineage/{}/withdraw", correction.id)),
    }
}
