//! The article on one side, what was said about it on the other, and the forms in which it is answered and reviewed.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use uuid::Uuid;

use super::worklist::{group_choices, handlers};
use super::{Fields, badges, base, choices, draft_of, outcome, problem};
use crate::accounts::{Actor, Caller, Permission};
use crate::drafts::comparison::{self, Piece};
use crate::drafts::versions::{self, DraftProvision, DraftVersion};
use crate::drafts::{Draft, Viewer, consultations, legal_bases};
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, DraftVersionId, OpinionId};
use crate::opinions::enclosures::{self, Enclosure};
use crate::opinions::feedback::{self, DispositionKind, NewAnswer, Reviewed, Verdict};
use crate::opinions::groups::changing::{Desk, confirm_group, merge_groups, split_group};
use crate::opinions::groups::{Group, GroupState, get_group};
use crate::opinions::offline::provenance;
use crate::opinions::reading::Opinion;
use crate::opinions::triage::handling::{Assigned, assign_opinions};
use crate::opinions::triage::notes::{self, ReasonText};
use crate::opinions::triage::progress::{ArticleProgress, list_progress};
use crate::opinions::triage::worklist::{Order, WorkFilter, WorkItem, list_work};
use crate::opinions::triage::{WHOLE, article_of};
use crate::opinions::{Channel, OpinionState, WHOLE_DRAFT};
use crate::portal::pages::answering::{
    AnswerForm, AnswerShown, ArticleLine, ArticleTab, BasisShown, Change, Choice, GroupBox, Said, SideBySidePage, Unit,
};
use crate::portal::pages::{Badge, Fact, Link, Section};
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Opinions or groups on a page.
const PAGE: usize = 20;

/// `/staff/drafts/{id}/answering`
#[handler]
pub async fn show_side_by_side(visit: Visit, Path(id): Path<String>, Query(query): Query<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::ReadOpinions)?;
    let draft = draft_of(&visit, &id).await?;
    show(&visit, &draft, &Fields(query), StatusCode::OK, None, None).await
}

/// A form that came back and was not saved.
struct Unsaved<'a> {
    fields: &'a Fields,
    problem: String,
}

async fn show(visit: &Visit, draft: &Draft, query: &Fields, status: StatusCode, said: Option<Said>, unsaved: Option<Unsaved<'_>>) -> Page {
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadOpinions)?;
    let viewer = Viewer::Public(Some(caller));
    let all = versions::list_versions(&app.db, viewer, draft).await?;
    let rounds = consultations::list_rounds(&app.db, draft).await?;
    let asked = query.get("version").parse().ok().map(DraftVersionId);
    let wanted = asked.or_else(|| rounds.iter().max_by_key(|round| round.round).map(|round| round.version_id));
    let version = all.iter().find(|v| Some(v.id) == wanted).or_else(|| all.last());
    let base = base(draft);
    let path = format!("{base}/answering");
    let articles = match version {
        Some(version) => list_progress(&app.db, caller, draft, version.id).await?,
        None => Vec::new(),
    };
    // The article asked for, else the first with something left, else the first.
    let first_left = articles.iter().find(|a| a.progress.left + a.progress.prepared > 0).or_else(|| articles.first());
    let article = match (query.get("at"), first_left) {
        ("", Some(article)) => article.address.clone(),
        ("", None) => WHOLE.to_owned(),
        (at, _) => at.to_owned(),
    };
    let version_id = version.map(|v| v.id.to_string()).unwrap_or_default();
    let url = |at: &str| links::with_query(&path, [("at", at), ("version", version_id.as_str())]);
    let here = links::with_query(&path, [("at", article.as_str()), ("version", version_id.as_str()), ("cursor", query.get("cursor"))]);
    let provisions = match version {
        Some(version) => versions::list_provisions(&app.db, version).await?,
        None => Vec::new(),
    };
    let bases = match version {
        Some(version) if article != WHOLE => legal_bases::list_for_provision(&app.db, version.id, &article).await?,
        Some(version) => legal_bases::list_for_version(&app.db, version.id).await?,
        None => Vec::new(),
    };
    let filter = WorkFilter { article: Some(article.clone()), version: version.map(|v| v.id), is_grouped: true, ..WorkFilter::default() };
    let cursor = Some(query.get("cursor")).filter(|cursor| !cursor.is_empty());
    let mut page = list_work(&app.db, caller, draft, &filter, Order::Article, cursor, PAGE).await?;
    // One opinion that was asked for comes first, also when its group stands for it.
    if let Ok(one) = query.get("one").parse::<Uuid>().map(OpinionId) {
        bring_first(visit, caller, draft, &filter, one, &mut page.items).await?;
    }
    let reasons = notes::list_reasons(&app.db, caller, draft).await?;
    let mut units = Vec::with_capacity(page.items.len());
    for item in page.items {
        units.push(unit(visit, caller, draft, item, &provisions, &all, unsaved.as_ref()).await?);
    }
    let at = articles.iter().position(|a| a.address == article);
    let link = |n: Option<usize>| n.and_then(|n| articles.get(n)).map(|a| Link { text: a.label.clone(), url: url(&a.address) });
    let label = at.and_then(|n| articles.get(n)).map_or_else(|| label_of(&provisions, &article), |a| a.label.clone());
    visit.show_as(
        status,
        &SideBySidePage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            title: draft.title.clone(),
            said,
            label,
            lines: lines(&provisions, &article),
            bases: bases
                .into_iter()
                .map(|b| BasisShown { link: Link { url: b.path(), text: texts::citation(&b.title, &b.label) }, text: b.text })
                .collect(),
            before: link(at.and_then(|n| n.checked_sub(1))),
            after: link(at.map(|n| n + 1)),
            progress: at.and_then(|n| articles.get(n)).map(progress_facts).unwrap_or_default(),
            groups: match version {
                Some(version) if caller.may(Permission::PrepareFeedback) => group_choices(visit, caller, draft, Some(version.id)).await?,
                _ => Vec::new(),
            },
            articles: tabs(&articles, &article, &url),
            next: page.next.map(|cursor| {
                links::with_query(&path, [("at", article.as_str()), ("version", version_id.as_str()), ("cursor", cursor.as_str())])
            }),
            units,
            may_handle: caller.may(Permission::PrepareFeedback),
            handlers: handlers(visit, caller, "").await?,
            reasons: reasons
                .into_iter()
                .map(|ReasonText { id, body }| Choice { value: id.to_string(), label: body, is_chosen: false })
                .collect(),
            article,
            base,
            here,
        },
    )
}

async fn bring_first(
    visit: &Visit,
    caller: &Caller,
    draft: &Draft,
    filter: &WorkFilter,
    one: OpinionId,
    items: &mut Vec<WorkItem>,
) -> Result<()> {
    if let Some(place) = items.iter().position(|item| item.opinion.id == one) {
        if let Some(part) = items.get_mut(..=place) {
            part.rotate_right(1);
        }
        return Ok(());
    }
    let opinion = crate::opinions::reading::get_opinion(&visit.app.db, caller, one).await?;
    let narrow = WorkFilter { text: Some(opinion.receipt_number), is_grouped: false, ..filter.clone() };
    let found = list_work(&visit.app.db, caller, draft, &narrow, Order::Oldest, None, 1).await?;
    for item in found.items {
        items.insert(0, item);
    }
    Ok(())
}

/// The bar of articles.
pub fn tabs(articles: &[ArticleProgress], here: &str, url: &impl Fn(&str) -> String) -> Vec<ArticleTab> {
    let tab = |a: &ArticleProgress| {
        let done = a.progress.opinions - a.progress.left;
        ArticleTab {
            url: url(&a.address),
            label: a.label.clone(),
            done: format!("{done}/{}", a.progress.opinions),
            is_done: a.progress.left == 0,
            is_here: a.address == here,
        }
    };
    articles.iter().map(tab).collect()
}

fn progress_facts(article: &ArticleProgress) -> Vec<Fact> {
    let p = article.progress;
    let numbers = [
        ("意见", p.opinions),
        ("待拟定", p.left),
        ("待审核", p.prepared),
        ("待公布", p.reviewed),
        ("已公布", p.answered),
        ("不作反馈", p.excluded),
    ];
    let kept = numbers.into_iter().enumerate().filter(|(n, (_, count))| *n < 2 || *count > 0);
    kept.map(|(_, (name, count))| Fact { name: name.into(), value: texts::grouped(count) }).collect()
}

fn label_of(provisions: &[DraftProvision], article: &str) -> String {
    let found = provisions.iter().find(|p| p.address == article);
    found.map_or_else(|| WHOLE_DRAFT.to_owned(), |p| if p.label.is_empty() { p.heading.clone() } else { p.label.clone() })
}

/// The words of an article and of all that stands in it.
fn lines(provisions: &[DraftProvision], article: &str) -> Vec<ArticleLine> {
    let below = format!("{article}/");
    let inside = provisions.iter().filter(|p| p.address == article || p.address.starts_with(&below));
    let line = |p: &DraftProvision| {
        let last = p.address.rsplit('/').next().unwrap_or_default();
        let class = if last.starts_with("item-") {
            "item"
        } else if last.starts_with("sub-") {
            "sub"
        } else {
            "para"
        };
        let heading = if p.address == article { p.heading.as_str() } else { "" };
        ArticleLine {
            class,
            label: if p.address == article { String::new() } else { p.label.clone() },
            text: format!("{heading}{}", p.text),
        }
    };
    inside.map(line).filter(|line| !line.text.is_empty()).collect()
}

async fn unit(
    visit: &Visit,
    caller: &Caller,
    draft: &Draft,
    item: WorkItem,
    provisions: &[DraftProvision],
    all: &[DraftVersion],
    unsaved: Option<&Unsaved<'_>>,
) -> Result<Unit> {
    let db = &visit.app.db;
    let opinion = item.opinion;
    let group = match opinion.group {
        Some(group) => Some(get_group(db, caller, group).await?),
        None => None,
    };
    let files = enclosures::list_enclosures(db, opinion.id).await?;
    let file = |file: Enclosure| {
        let about = texts::opinions::file(file.kind.label(), file.size_bytes);
        (Link { url: format!("/opinion-files/{}", file.id), text: file.name }, about)
    };
    let notes = notes::list_notes(db, caller, opinion.id).await?;
    let note = |note: notes::Note| Fact { name: format!("{} {}", note.author_name, texts::moment(note.created_at)), value: note.body };
    let facts = item.answer.as_ref();
    let answer = opinion.disposition.as_ref().filter(|_| opinion.state != OpinionState::Received).map(|d| AnswerShown {
        badge: outcome(d.kind),
        reason: d.reason.clone(),
        result: d.result_label.clone(),
        by: facts.and_then(|f| f.prepared_by_name.clone()).unwrap_or_default(),
        revision: facts.map_or(0, |f| f.revision),
    });
    let may_review = opinion.state == OpinionState::AnswerPrepared
        && caller.may(Permission::ReviewFeedback)
        && facts.is_none_or(|f| f.prepared_by != Some(caller.account_id));
    let is_open = matches!(opinion.state, OpinionState::Received | OpinionState::AnswerPrepared | OpinionState::AnswerReviewed);
    let form = is_open.then(|| answer_form(&opinion, facts.map_or(0, |f| f.revision), group.as_ref(), all, unsaved));
    let base = base(draft);
    let mut badges = badges(opinion.state, opinion.display);
    if opinion.is_late {
        badges.push(Badge { text: texts::answering::LATE.into(), tone: "wait" });
    }
    Ok(Unit {
        id: opinion.id.to_string(),
        meta: texts::answering::meta(opinion.stance.label(), &channel_words(&opinion), &opinion.author_kind, opinion.posted_at),
        origin: origin_line(visit, caller, &opinion).await?,
        badges,
        handler: item.handler_name.unwrap_or_default(),
        tags: item.tags,
        wording: wording(&opinion, provisions),
        files: files.into_iter().map(file).collect(),
        group: group.map(|group| group_box(&base, &group, opinion.state)),
        form,
        answer,
        returned: facts.map(|f| f.returned_remark.clone()).unwrap_or_default(),
        is_outdated: is_open && facts.is_some_and(|f| f.is_outdated),
        may_review,
        notes: notes.into_iter().map(note).collect(),
        note_key: visit.app.ids.next().to_string(),
        receipt: opinion.receipt_number,
        about: opinion.provision_label,
        quote: opinion.quote_text,
        body: opinion.body,
        because: opinion.reason,
    })
}

/// How an opinion came, with the contact point that collected it or that it came through.
pub fn channel_words(opinion: &Opinion) -> String {
    match opinion.channel {
        Channel::ContactPoint => opinion.channel_label(),
        other => texts::answering::channel(other, opinion.contact_point.is_some()),
    }
}

/// Where an offline opinion came from; empty for one that came through an account.
pub async fn origin_line(visit: &Visit, caller: &Caller, opinion: &Opinion) -> Result<String> {
    if opinion.channel != Channel::ContactPoint || opinion.author.is_some() {
        return Ok(String::new());
    }
    let origin = provenance::find_origin(&visit.app.db, caller, opinion.id).await?;
    Ok(origin.map(|origin| texts::uploads::origin(&origin)).unwrap_or_default())
}

fn group_box(base: &str, group: &Group, state: OpinionState) -> GroupBox {
    GroupBox {
        id: group.id.to_string(),
        revision: group.revision,
        counts: texts::answering::group_counts(group.submissions, group.distinct_texts, group.signed_in_people),
        badge: Badge { text: group.state.label().into(), tone: if group.state == GroupState::Confirmed { "good" } else { "wait" } },
        is_suggested: group.state == GroupState::Suggested,
        may_move: state != OpinionState::Answered,
        may_split: group.answered == 0,
        url: format!("{base}/opinions?group={}", group.id),
        waiting: group.waiting,
    }
}

/// The form with what was typed, else with the present answer, else with what the group offers.
fn answer_form(opinion: &Opinion, revision: i64, group: Option<&Group>, all: &[DraftVersion], unsaved: Option<&Unsaved<'_>>) -> AnswerForm {
    let unsaved = unsaved.filter(|form| form.fields.get("id") == opinion.id.to_string());
    let offered = group.and_then(|group| group.answer.as_ref());
    let result = match (&opinion.disposition, offered) {
        (Some(present), _) => present.result.clone(),
        (None, Some(offered)) => offered.result.clone(),
        (None, None) => None,
    };
    let (kind, reason) = match (unsaved, &opinion.disposition, offered) {
        (Some(form), _, _) => (form.fields.get("kind").to_owned(), form.fields.get("reason").to_owned()),
        (None, Some(present), _) => (present.kind.as_str().to_owned(), present.reason.clone()),
        (None, None, Some(offered)) => (offered.kind.as_str().to_owned(), offered.reason.clone()),
        (None, None, None) => Default::default(),
    };
    let spoken_of = all.iter().find(|v| v.id == opinion.version_id).map_or(0, |v| v.number);
    let chosen = result.as_ref().map(|(version, _)| version.to_string()).unwrap_or_default();
    let later = all.iter().filter(|v| v.number > spoken_of);
    AnswerForm {
        from_revision: revision,
        kinds: choices(DispositionKind::ALL, &kind, DispositionKind::as_str, DispositionKind::label),
        reason,
        result_address: unsaved
            .map_or_else(|| result.map(|(_, address)| address).unwrap_or_default(), |f| f.fields.get("result_address").to_owned()),
        versions: later
            .map(|v| Choice { is_chosen: v.id.to_string() == chosen, value: v.id.to_string(), label: texts::answering::version(v.number) })
            .collect(),
        problem: unsaved.map(|form| form.problem.clone()),
        is_offered: unsaved.is_none() && opinion.disposition.is_none() && offered.is_some(),
    }
}

/// The proposed wording compared with the words of the provision and of what stands in it.
fn wording(opinion: &Opinion, provisions: &[DraftProvision]) -> Vec<Change> {
    let Some(address) = opinion.address.as_deref().filter(|_| !opinion.proposed_text.is_empty()) else { return Vec::new() };
    let below = format!("{address}/");
    let inside = provisions.iter().filter(|p| p.address == address || p.address.starts_with(&below));
    let part = |p: &DraftProvision| if p.address == address { p.text.clone() } else { format!("{}{}", p.label, p.text) };
    let original = inside.map(part).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let change = |piece: Piece| Change {
        kind: match piece.change {
            comparison::Change::Equal => "same",
            comparison::Change::Deleted => "gone",
            comparison::Change::Inserted => "new",
        },
        text: piece.text,
    };
    comparison::compare_characters(&original, &opinion.proposed_text).into_iter().map(change).collect()
}

/// A form of the side-by-side page comes back.
#[handler]
pub async fn change_side_by_side(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::ReadOpinions)?;
    let fields = Fields(form);
    visit.check_form(fields.get("csrf"))?;
    let draft = draft_of(&visit, &id).await?;
    match change(&visit, &draft, &fields).await {
        Ok(()) => Ok(see_other(links::local(fields.get("back")))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict | Code::NotFound | Code::KeyReused) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let query = back_to(&visit, &draft, &fields).await;
            let is_answer = fields.get("do").starts_with("answer");
            let said = (!is_answer).then(|| problem(&error));
            let unsaved = is_answer.then(|| Unsaved { fields: &fields, problem: error.detail.clone() });
            show(&visit, &draft, &query, status, said, unsaved).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The article on which a form stood: that of its opinion.
async fn back_to(visit: &Visit, draft: &Draft, fields: &Fields) -> Fields {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let article = Some(fields.get("article").to_owned()).filter(|article| !article.is_empty());
    let Some(caller) = visit.caller.as_ref() else { return Fields(Vec::new()) };
    let opinion = match fields.id("id") {
        Ok(id) => crate::opinions::reading::get_opinion(&visit.app.db, caller, OpinionId(id)).await.ok(),
        Err(_) => None,
    };
    let opinion = opinion.filter(|opinion| opinion.draft_id == draft.id);
    let mut query = Vec::new();
    if let Some(opinion) = &opinion {
        query.push(pair("version", opinion.version_id.to_string()));
        query.push(pair("one", opinion.id.to_string()));
    }
    let of_opinion = opinion.map(|opinion| opinion.address.as_deref().map_or(WHOLE, article_of).to_owned());
    query.extend(article.or(of_opinion).map(|article| pair("at", article)));
    Fields(query)
}

async fn change(visit: &Visit, draft: &Draft, fields: &Fields) -> Result<()> {
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadOpinions)?;
    let by = Actor::Person(caller);
    let (db, clock) = (&app.db, &app.clock);
    let desk = Desk { db, clock, ids: &app.ids, by };
    let revision = fields.number("revision");
    let opinion = || fields.id("id").map(OpinionId);
    match fields.get("do") {
        "answer" | "answer_group" => {
            let answer = answer_of(visit, caller, draft, fields).await?;
            if fields.get("keep") == "yes" {
                notes::keep_reason(db, clock, caller, draft.id, fields.id("key")?, &answer.reason).await?;
            }
            if fields.get("do") == "answer" {
                feedback::prepare_disposition(db, clock, by, opinion()?, fields.number("from"), answer).await
            } else {
                feedback::prepare_group_disposition(db, clock, by, fields.id("group")?, revision, answer).await.map(drop)
            }
        }
        "note" => notes::write_note(db, clock, caller, opinion()?, fields.id("key")?, fields.get("note")).await,
        "confirm" => confirm_group(desk, fields.id("group")?, revision).await,
        "take_out" => split_group(desk, fields.id("group")?, revision, &[opinion()?]).await,
        "merge" => {
            let other = fields.id("other").map_err(|_| Error::invalid("other", texts::answering::NO_GROUP))?;
            merge_groups(desk, fields.id("group")?, revision, other).await
        }
        "split" => split_group(desk, fields.id("group")?, revision, &[]).await,
        "pass" | "return" => {
            let answers = Reviewed::Answers(vec![(opinion()?, revision)]);
            let verdict = if fields.get("do") == "pass" { Verdict::Pass } else { Verdict::Return(fields.get("remark").to_owned()) };
            feedback::review_dispositions(db, clock, by, draft.id, answers, verdict).await.map(drop)
        }
        "pass_group" => {
            feedback::review_dispositions(db, clock, by, draft.id, Reviewed::Group(fields.id("group")?), Verdict::Pass).await.map(drop)
        }
        "assign" => {
            let handler = Some(fields.get("handler")).filter(|id| !id.is_empty());
            let handler = handler.map(|_| fields.id("handler").map(AccountId)).transpose()?;
            assign_opinions(db, clock, caller, draft.id, &Assigned::Article(fields.get("article").to_owned()), handler).await.map(drop)
        }
        _ => Err(Error::invalid("do", texts::NO_READING)),
    }
}

/// The answer of a form; an empty reason takes the kept one that was chosen.
async fn answer_of(visit: &Visit, caller: &Caller, draft: &Draft, fields: &Fields) -> Result<NewAnswer> {
    let kind = DispositionKind::parse(fields.get("kind")).ok_or_else(|| Error::invalid("kind", texts::answering::NO_KIND))?;
    let mut reason = fields.get("reason").trim().to_owned();
    if reason.is_empty() && !fields.get("kept").is_empty() {
        let kept = notes::list_reasons(&visit.app.db, caller, draft).await?;
        reason = kept.into_iter().find(|r| r.id.to_string() == fields.get("kept")).map(|r| r.body).unwrap_or_default();
    }
    let result = match (fields.get("result_version"), fields.get("result_address").trim()) {
        ("", "") => None,
        ("", _) | (_, "") => return Err(Error::invalid("result_address", texts::answering::HALF_A_RESULT)),
        (_, address) => Some((DraftVersionId(fields.id("result_version")?), address.to_owned())),
    };
    Ok(NewAnswer { kind, reason, result })
}
