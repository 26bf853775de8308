//! The work list: filters, counts, and acts on many opinions at once.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Path, Query};
use uuid::Uuid;

use super::side::{channel_words, origin_line};
use super::{Fields, badges, base, choices, draft_of, problem};
use crate::accounts::{Actor, Caller, Permission};
use crate::drafts::Draft;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, DraftVersionId};
use crate::opinions::feedback::ExclusionReason;
use crate::opinions::groups::changing::{Desk, add_to_group, create_group};
use crate::opinions::groups::{Group, GroupState, get_group, list_groups, suggesting};
use crate::opinions::triage::handling::{self, Assigned};
use crate::opinions::triage::progress::list_progress;
use crate::opinions::triage::worklist::{HandledBy, Order, WorkFilter, WorkItem, count_work, list_tags, list_work};
use crate::opinions::triage::{WHOLE, article_of};
use crate::opinions::{Channel, Display, OpinionState, Stance};
use crate::portal::pages::answering::{Choice, Filter, Said, WorkLine, WorkListPage};
use crate::portal::pages::{Badge, Fact, Section};
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Opinions on a page.
const PAGE: usize = 50;
/// Groups to choose from.
const MOST_GROUPS: usize = 100;
/// Characters of an opinion in the list.
const PREVIEW: usize = 140;
/// Names of the filters in the address.
const NAMES: [&str; 11] = ["article", "state", "display", "channel", "stance", "handler", "tag", "returned", "order", "group", "text"];

/// `/staff/drafts/{id}/opinions`
#[handler]
pub async fn show_work_list(visit: Visit, Path(id): Path<String>, Query(query): Query<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::ReadOpinions)?;
    let draft = draft_of(&visit, &id).await?;
    show(&visit, &draft, &Fields(query), StatusCode::OK, None).await
}

async fn show(visit: &Visit, draft: &Draft, query: &Fields, status: StatusCode, said: Option<Said>) -> Page {
    let app = &visit.app;
    let caller = visit.staff(Permission::ReadOpinions)?;
    let filter = filter_of(query)?;
    let order = Order::parse(query.get("order")).unwrap_or(Order::Oldest);
    let cursor = Some(query.get("cursor")).filter(|cursor| !cursor.is_empty());
    let page = list_work(&app.db, caller, draft, &filter, order, cursor, PAGE).await?;
    let counts = count_work(&app.db, caller, draft, &filter).await?;
    let base = base(draft);
    let pairs: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, query.get(name))).collect();
    let path = format!("{base}/opinions");
    let next = page.next.as_deref().map(|cursor| links::with_query(&path, pairs.iter().copied().chain([("cursor", cursor)])));
    let here = links::with_query(&path, pairs.iter().copied().chain([("cursor", query.get("cursor"))]));
    let mut numbers = vec![
        Fact { name: texts::answering::OPINIONS.into(), value: texts::grouped(counts.opinions) },
        Fact { name: texts::answering::DISTINCT_TEXTS.into(), value: texts::grouped(counts.distinct_texts) },
        Fact { name: texts::answering::PEOPLE.into(), value: texts::grouped(counts.signed_in_people) },
    ];
    numbers
        .extend(counts.by_channel.iter().map(|(c, n)| Fact { name: texts::answering::by_channel(c.label()), value: texts::grouped(*n) }));
    let filters = filters(visit, caller, draft, query, &page.items).await?;
    let mut lines = Vec::with_capacity(page.items.len());
    for item in page.items {
        let origin = origin_line(visit, caller, &item.opinion).await?;
        lines.push(line(&base, item, &origin));
    }
    let may_handle = caller.may(Permission::PrepareFeedback);
    let suggested = list_groups(&app.db, caller, draft, Some(GroupState::Suggested), None, 1).await?;
    visit.show_as(
        status,
        &WorkListPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            here,
            title: draft.title.clone(),
            said,
            filters,
            text: query.get("text").to_owned(),
            counts: numbers,
            states: counts.by_state.iter().map(|(s, n)| Fact { name: s.label().into(), value: texts::grouped(*n) }).collect(),
            lines,
            base,
            next,
            has_suggestions: !suggested.items.is_empty(),
            groups: if may_handle { group_choices(visit, caller, draft, None).await? } else { Vec::new() },
            may_handle,
            handlers: handlers(visit, caller, "").await?,
            exclusions: choices(ExclusionReason::ALL, "", ExclusionReason::as_str, ExclusionReason::label),
            key: app.ids.next().to_string(),
        },
    )
}

fn filter_of(query: &Fields) -> Result<WorkFilter> {
    let given = |name: &str| Some(query.get(name).to_owned()).filter(|value| !value.is_empty());
    let handler = match query.get("handler") {
        "" => None,
        "none" => Some(HandledBy::Nobody),
        id => Some(HandledBy::Person(AccountId(id.parse::<Uuid>().map_err(|_| Error::invalid("handler", texts::NO_READING))?))),
    };
    Ok(WorkFilter {
        article: given("article"),
        state: OpinionState::parse(query.get("state")),
        display: Display::parse(query.get("display")),
        channel: Channel::parse(query.get("channel")),
        stance: Stance::parse(query.get("stance")),
        handler,
        group: query.get("group").parse().ok(),
        tag: given("tag"),
        text: given("text"),
        is_returned: query.get("returned") == "yes",
        ..WorkFilter::default()
    })
}

/// People who can handle opinions, as choices.
pub async fn handlers(visit: &Visit, caller: &Caller, chosen: &str) -> Result<Vec<Choice>> {
    let people = handling::list_handlers(&visit.app.db, caller).await?;
    let choice = |person: handling::Handler| {
        let value = person.id.to_string();
        Choice { is_chosen: value == chosen, value, label: person.display_name }
    };
    Ok(people.into_iter().map(choice).collect())
}

/// The largest groups of a draft, as choices; a version narrows them to those that can be merged into another, without a public answer.
pub async fn group_choices(visit: &Visit, caller: &Caller, draft: &Draft, version: Option<DraftVersionId>) -> Result<Vec<Choice>> {
    let found = list_groups(&visit.app.db, caller, draft, None, None, MOST_GROUPS).await?;
    let is_choice = |group: &Group| version.is_none_or(|version| group.version_id == version && group.answered == 0);
    let choice = |group: Group| Choice {
        label: texts::answering::group(&group.provision_label, &group.body, group.submissions),
        value: group.id.to_string(),
        is_chosen: false,
    };
    Ok(found.items.into_iter().filter(is_choice).map(choice).collect())
}

async fn filters(visit: &Visit, caller: &Caller, draft: &Draft, query: &Fields, items: &[WorkItem]) -> Result<Vec<Filter>> {
    let db = &visit.app.db;
    let any = || Choice { value: String::new(), label: texts::answering::ANY.into(), is_chosen: false };
    let with_any = |mut list: Vec<Choice>| {
        list.insert(0, any());
        list
    };
    let one = |name: &'static str, label: &'static str, choices: Vec<Choice>| Filter { name, label, choices };
    // The articles of the version that the opinions at hand speak of.
    let mut articles = Vec::new();
    let version = items.first().map(|item| item.opinion.version_id);
    if let Some(version) = version {
        for article in list_progress(db, caller, draft, version).await? {
            articles.push(Choice { is_chosen: article.address == query.get("article"), value: article.address, label: article.label });
        }
    } else if !query.get("article").is_empty() {
        articles.push(Choice { value: query.get("article").into(), label: query.get("article").into(), is_chosen: true });
    }
    let mut people = handlers(visit, caller, query.get("handler")).await?;
    people.insert(0, Choice { value: "none".into(), label: texts::answering::NOBODY.into(), is_chosen: query.get("handler") == "none" });
    let tags = list_tags(db, caller, draft).await?;
    let tags = tags.into_iter().map(|(tag, n)| Choice { is_chosen: tag == query.get("tag"), label: format!("{tag}（{n}）"), value: tag });
    let returned =
        vec![Choice { value: "yes".into(), label: texts::answering::RETURNED.into(), is_chosen: query.get("returned") == "yes" }];
    Ok(vec![
        one("article", "条文", with_any(articles)),
        one("state", "办理状态", with_any(choices(OpinionState::ALL, query.get("state"), OpinionState::as_str, OpinionState::label))),
        one("display", "展示", with_any(choices(Display::ALL, query.get("display"), Display::as_str, Display::label))),
        one("channel", "渠道", with_any(choices(Channel::ALL, query.get("channel"), Channel::as_str, Channel::label))),
        one("stance", "态度", with_any(choices(Stance::ALL, query.get("stance"), Stance::as_str, Stance::label))),
        one("handler", "经办人员", with_any(people)),
        one("tag", "标签", with_any(tags.collect())),
        one("returned", "审核", with_any(returned)),
        one("order", "排序", choices(Order::ALL, query.get("order"), Order::as_str, Order::label)),
    ])
}

fn line(base: &str, item: WorkItem, origin: &str) -> WorkLine {
    let opinion = item.opinion;
    let article = opinion.address.as_deref().map_or(WHOLE, article_of);
    let version = opinion.version_id.to_string();
    let words = if opinion.body.is_empty() { &opinion.proposed_text } else { &opinion.body };
    let text = texts::opinions::excerpt(words, PREVIEW);
    let meta = texts::answering::meta(opinion.stance.label(), &channel_words(&opinion), &opinion.author_kind, opinion.posted_at);
    // An excluded opinion keeps the remark; nobody has to follow it.
    let returned = item.answer.map(|answer| answer.returned_remark).filter(|_| opinion.state == OpinionState::Received).unwrap_or_default();
    let mut badges = badges(opinion.state, opinion.display);
    if !returned.is_empty() {
        badges.push(Badge { text: texts::answering::RETURNED_BADGE.into(), tone: "wait" });
    }
    WorkLine {
        meta: if origin.is_empty() { meta } else { format!("{meta} · 来源：{origin}") },
        url: format!(
            "{}#u-{}",
            links::with_query(
                &format!("{base}/answering"),
                [("at", article), ("version", version.as_str()), ("one", &opinion.id.to_string())]
            ),
            opinion.id
        ),
        id: opinion.id.to_string(),
        receipt: opinion.receipt_number,
        about: opinion.provision_label,
        text,
        badges,
        returned,
        handler: item.handler_name.unwrap_or_default(),
        tags: item.tags,
        group_url: opinion.group.map(|group| format!("{base}/opinions?group={group}")),
    }
}

/// A form of the work list comes back.
#[handler]
pub async fn change_work_list(visit: Visit, Path(id): Path<String>, Form(form): Form<Vec<(String, String)>>) -> Page {
    visit.staff(Permission::PrepareFeedback)?;
    let fields = Fields(form);
    visit.check_form(fields.get("csrf"))?;
    let draft = draft_of(&visit, &id).await?;
    match change(&visit, &draft, &fields).await {
        Ok(None) => Ok(see_other(links::local(fields.get("back")))),
        Ok(Some(text)) => show(&visit, &draft, &Fields(Vec::new()), StatusCode::OK, Some(Said { text, is_problem: false })).await,
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict | Code::NotFound) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            show(&visit, &draft, &Fields(Vec::new()), status, Some(problem(&error))).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn change(visit: &Visit, draft: &Draft, fields: &Fields) -> Result<Option<String>> {
    let app = &visit.app;
    let caller = visit.staff(Permission::PrepareFeedback)?;
    let (db, clock) = (&app.db, &app.clock);
    let tag = [fields.get("tag").to_owned()];
    match fields.get("do") {
        "suggest" => {
            let found = suggesting::suggest_groups(db, clock, &app.ids, &app.config.rules, Actor::Person(caller), draft.id).await?;
            return Ok(Some(texts::answering::found(found.groups, found.grouped, found.joined)));
        }
        "assign" => {
            let handler = Some(fields.get("handler")).filter(|id| !id.is_empty());
            let handler = handler.map(|_| fields.id("handler").map(AccountId)).transpose()?;
            handling::assign_opinions(db, clock, caller, draft.id, &Assigned::Opinions(fields.opinions()?), handler).await?;
        }
        "tag" => handling::tag_opinions(db, clock, caller, draft.id, &fields.opinions()?, &tag, &[]).await?,
        "untag" => handling::tag_opinions(db, clock, caller, draft.id, &fields.opinions()?, &[], &tag).await?,
        "exclude" => {
            let reason = ExclusionReason::parse(fields.get("reason")).ok_or_else(|| Error::invalid("reason", texts::NO_READING))?;
            handling::exclude_opinions(db, clock, Actor::Person(caller), draft.id, &fields.opinions()?, Some(reason)).await?;
        }
        "include" => handling::exclude_opinions(db, clock, Actor::Person(caller), draft.id, &fields.opinions()?, None).await?,
        "group" => {
            let desk = Desk { db, clock, ids: &app.ids, by: Actor::Person(caller) };
            create_group(desk, draft.id, fields.id("key")?, &fields.opinions()?).await?;
        }
        "join" => {
            let opinions = fields.opinions()?;
            let group = fields.id("into").map_err(|_| Error::invalid("into", texts::answering::NO_GROUP))?;
            let group = get_group(db, caller, group).await?;
            if group.draft_id != draft.id {
                return Err(Error::invalid("into", texts::answering::NO_GROUP));
            }
            let desk = Desk { db, clock, ids: &app.ids, by: Actor::Person(caller) };
            add_to_group(desk, group.id, group.revision, &opinions).await?;
            return Ok(Some(texts::answering::joined(opinions.len(), &group.provision_label, &group.body)));
        }
        _ => return Err(Error::invalid("do", texts::NO_READING)),
    }
    Ok(None)
}
