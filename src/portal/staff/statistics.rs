//! `/staff/statistics` and `/point/statistics`: the numbers of the bureau, of a county and of a point, each leading to the rows behind it.

use chrono::NaiveDate;
use poem::http::Uri;
use poem::web::Query;
use poem::{Route, get, handler};
use uuid::Uuid;

use super::answering::Fields;
use super::bars::bars;
use crate::accounts::{Caller, Permission, Role};
use crate::calendar;
use crate::documents::writing::xlsx::XLSX;
use crate::error::{Code, Error, Result};
use crate::ids::{CollectionTaskId, ConsultationId, ContactPointId};
use crate::opinions::Channel;
use crate::opinions::feedback::DispositionKind;
use crate::opinions::statistics::behind::{Behind, Thing, list_behind};
use crate::opinions::statistics::choices::{CONDITIONS, Choices, list_choices, tell_conditions};
use crate::opinions::statistics::sheet::write_sheet;
use crate::opinions::statistics::{self, Dimension, EXCLUDED, Filter, Measure, OPEN, Row, Table, outcome_label};
use crate::portal::citizen::reports::file;
use crate::portal::pages::answering::{Choice, Filter as Field};
use crate::portal::pages::statistics::{BehindLine, Number, NumberRow, StatisticsPage, StatisticsRowsPage};
use crate::portal::pages::{Fact, Link, Section};
use crate::portal::texts::statistics::{ANY, NO_CHOICE, NO_DAY, adds_people, order};
use crate::portal::visits::{Failure, Page, Visit};
use crate::portal::{links, texts};

/// Rows behind a number on a page.
const PAGE: usize = 50;
/// Characters of an opinion among them.
const PREVIEW: usize = 120;
/// Names of the conditions in an address.
const NAMES: [&str; 9] = ["consultation", "task", "point", "region", "article", "channel", "outcome", "from", "until"];
/// Value of the condition "point" for opinions that came through none.
const NONE: &str = "none";

/// Adds the pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/staff/statistics", get(show_numbers))
        .at("/staff/statistics/rows", get(show_rows))
        .at("/staff/statistics.xlsx", get(send_sheet))
        .at("/point/statistics", get(show_numbers))
        .at("/point/statistics/rows", get(show_rows))
        .at("/point/statistics.xlsx", get(send_sheet))
}

fn base_of(uri: &Uri) -> &'static str {
    if uri.path().starts_with("/point/") { "/point/statistics" } else { "/staff/statistics" }
}

fn desk_of(base: &str) -> Link {
    let (text, url) = if base.starts_with("/point/") { ("联系点工作台", "/point") } else { ("工作台", "/staff") };
    Link { text: text.into(), url: url.into() }
}

fn filter_of(query: &Fields) -> Result<Filter> {
    let wrong = |name: &str| Error::invalid(name, NO_CHOICE);
    let given = |name: &'static str| Some(query.get(name)).filter(|value| !value.is_empty());
    let id = |name: &'static str| given(name).map(|value| value.parse::<Uuid>().map_err(|_| wrong(name))).transpose();
    let day =
        |name: &'static str| given(name).map(|value| calendar::parse_day(value).ok_or_else(|| Error::invalid(name, NO_DAY))).transpose();
    let is_without_point = query.get("point") == NONE;
    Ok(Filter {
        consultation: id("consultation")?.map(ConsultationId),
        task: id("task")?.map(CollectionTaskId),
        point: if is_without_point { None } else { id("point")?.map(ContactPointId) },
        is_without_point,
        region: given("region").map(str::to_owned),
        // Empty means the draft as a whole, which an address says with a hyphen.
        article: given("article").map(|value| if value == "-" { String::new() } else { value.to_owned() }),
        channel: given("channel").map(|value| Channel::parse(value).ok_or_else(|| wrong("channel"))).transpose()?,
        outcome: given("outcome").map(str::to_owned),
        from: day("from")?,
        until: day("until")?,
    })
}

/// A filter as it stands in an address.
fn pairs_of(filter: &Filter) -> Vec<(&'static str, String)> {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let point = if filter.is_without_point { NONE.into() } else { id(filter.point.map(|p| p.0)) };
    let article = filter.article.as_ref().map(|a| if a.is_empty() { "-".to_owned() } else { a.clone() }).unwrap_or_default();
    let day = |day: Option<NaiveDate>| day.map(|d| d.to_string()).unwrap_or_default();
    let values = [
        id(filter.consultation.map(|c| c.0)),
        id(filter.task.map(|t| t.0)),
        point,
        filter.region.clone().unwrap_or_default(),
        article,
        filter.channel.map(|c| c.as_str().to_owned()).unwrap_or_default(),
        filter.outcome.clone().unwrap_or_default(),
        day(filter.from),
        day(filter.until),
    ];
    NAMES.into_iter().zip(values).collect()
}

fn address(path: &str, filter: &Filter, more: &[(&'static str, &str)]) -> String {
    let pairs = pairs_of(filter);
    links::with_query(path, pairs.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()))
}

#[handler]
async fn show_numbers(visit: Visit, uri: &Uri, Query(query): Query<Vec<(String, String)>>) -> Page {
    let (app, base, query) = (&visit.app, base_of(uri), Fields(query));
    let caller = visit.staff(Permission::ReadStatistics)?;
    let (filter, mut problem) = match filter_of(&query) {
        Ok(filter) => (filter, None),
        Err(error) => (Filter::default(), Some(words_of(error))),
    };
    let by =
        Dimension::parse(query.get("by")).unwrap_or(if filter.consultation.is_some() { Dimension::Point } else { Dimension::Consultation });
    let measure = Measure::parse(query.get("picture")).unwrap_or(Measure::Opinions);
    let table = match statistics::count(&app.db, caller, app.clock.now(), by, filter.clone()).await {
        Ok(table) => Some(table),
        Err(error) if error.code == Code::Invalid => {
            problem.get_or_insert_with(|| words_of(error));
            None
        }
        Err(error) => return Err(Failure(error)),
    };
    let choices = list_choices(&app.db, caller, &filter).await?;
    let picture = table.as_ref().and_then(|table| bars(table, measure));
    let (columns, rows, total) = match table {
        Some(table) => {
            let rows = table.rows.iter().map(|row| numbers(base, &table, &filter, row, true)).collect::<Result<_>>()?;
            let total = numbers(base, &table, &filter, &table.total, false)?;
            (table.measures.iter().map(|m| m.label()).collect(), rows, Some(total))
        }
        None => (Vec::new(), Vec::new(), None),
    };
    // The other conditions have a field of their own and are seen there.
    let mut conditions = facts(&visit, &filter, &choices).await?;
    conditions.retain(|fact| [CONDITIONS[2], CONDITIONS[4]].contains(&fact.name.as_str()));
    visit.show(&StatisticsPage {
        layout: visit.layout(Section::Staff),
        base,
        desk: desk_of(base),
        filters: fields(&choices, &filter, by, measure),
        period: [query.get("from").into(), query.get("until").into()],
        conditions,
        problem,
        by: by.label(),
        order: order(by),
        columns,
        rows,
        total,
        picture,
        pictured: measure.label(),
        download: address(&format!("{base}.xlsx"), &filter, &[("by", by.as_str())]),
    })
}

fn words_of(error: Error) -> String {
    error.fields.into_iter().next().map_or(error.detail, |field| field.message)
}

/// A row with its links. The filter of a link holds exactly what the number counts.
fn numbers(base: &str, table: &Table, filter: &Filter, row: &Row, is_narrowed: bool) -> Result<NumberRow> {
    let path = format!("{base}/rows");
    let filter = if is_narrowed { statistics::narrowed(filter, table.by, &row.key) } else { Ok(filter.clone()) };
    let number = |measure: &Measure| match (row.numbers.get(measure.as_str()), &filter) {
        (Some(0), _) => Number { text: "0".into(), url: None },
        (Some(n), Ok(filter)) => Number {
            text: texts::grouped(*n),
            url: Some(address(&path, filter, &[("by", table.by.as_str()), ("measure", measure.as_str())])),
        },
        // Activities that belong to no round: no filter holds them alone.
        (Some(n), Err(_)) => Number { text: texts::grouped(*n), url: None },
        (None, _) => Number { text: String::new(), url: None },
    };
    Ok(NumberRow { label: row.label.clone(), numbers: table.measures.iter().map(number).collect() })
}

fn fields(choices: &Choices, filter: &Filter, by: Dimension, picture: Measure) -> Vec<Field> {
    let any = || Choice { value: String::new(), label: ANY.into(), is_chosen: false };
    let choice = |value: String, label: String, chosen: &str| Choice { is_chosen: value == chosen, value, label };
    let listed = |list: Vec<(String, String)>, chosen: String| -> Vec<Choice> {
        std::iter::once(any()).chain(list.into_iter().map(|(value, label)| choice(value, label, &chosen))).collect()
    };
    let ids = |list: &[(Uuid, String)]| list.iter().map(|(id, label)| (id.to_string(), label.clone())).collect::<Vec<_>>();
    let chosen: std::collections::BTreeMap<_, _> = pairs_of(filter).into_iter().collect();
    let value = |name: &str| chosen.get(name).cloned().unwrap_or_default();
    let outcomes = DispositionKind::ALL.iter().map(|kind| kind.as_str()).chain([OPEN, EXCLUDED]);
    let mut fields = vec![
        Field {
            name: "by",
            label: "按什么统计",
            choices: Dimension::ALL.iter().map(|d| choice(d.as_str().into(), d.label().into(), by.as_str())).collect(),
        },
        Field { name: "consultation", label: CONDITIONS[0], choices: listed(ids(&choices.consultations), value("consultation")) },
        Field { name: "task", label: CONDITIONS[1], choices: listed(ids(&choices.tasks), value("task")) },
        Field {
            name: "region",
            label: CONDITIONS[3],
            choices: listed(choices.regions.iter().map(|r| (r.clone(), r.clone())).collect(), value("region")),
        },
        Field {
            name: "channel",
            label: CONDITIONS[5],
            choices: listed(Channel::ALL.iter().map(|c| (c.as_str().to_owned(), c.label().to_owned())).collect(), value("channel")),
        },
        Field {
            name: "outcome",
            label: CONDITIONS[6],
            choices: listed(outcomes.map(|o| (o.to_owned(), outcome_label(o))).collect(), value("outcome")),
        },
        Field {
            name: "picture",
            label: "图中显示",
            choices: Measure::ALL.iter().map(|m| choice(m.as_str().into(), m.label().into(), picture.as_str())).collect(),
        },
    ];
    // What came with a link is sent again with the form, and has no label: it stands among the conditions.
    let kept = ["point", "article"].into_iter().filter(|name| !value(name).is_empty());
    fields.extend(kept.map(|name| Field {
        name,
        label: "",
        choices: vec![Choice { value: value(name), label: String::new(), is_chosen: true }],
    }));
    fields
}

/// What the numbers are narrowed to, in words.
async fn facts(visit: &Visit, filter: &Filter, choices: &Choices) -> Result<Vec<Fact>> {
    let told = tell_conditions(&visit.app.db, filter, choices).await?;
    Ok(told.into_iter().map(|(name, value)| Fact { name: name.into(), value }).collect())
}

#[handler]
async fn show_rows(visit: Visit, uri: &Uri, Query(query): Query<Vec<(String, String)>>) -> Page {
    let (app, base, query) = (&visit.app, base_of(uri), Fields(query));
    let caller = visit.staff(Permission::ReadStatistics)?;
    let measure = Measure::parse(query.get("measure")).ok_or_else(|| Error::invalid("measure", NO_CHOICE))?;
    let filter = filter_of(&query)?;
    let cursor = Some(query.get("cursor")).filter(|cursor| !cursor.is_empty());
    let now = app.clock.now();
    let page = list_behind(&app.db, caller, now, measure, filter.clone(), cursor, PAGE).await?;
    let number = statistics::count_one(&app.db, caller, now, measure, filter.clone()).await?;
    let choices = list_choices(&app.db, caller, &filter).await?;
    let by = query.get("by");
    let path = format!("{base}/rows");
    visit.show(&StatisticsRowsPage {
        layout: visit.layout(Section::Staff),
        back: links::with_query(base, [("by", by), ("consultation", query.get("consultation")), ("task", query.get("task"))]),
        desk: desk_of(base),
        measure: measure.label(),
        conditions: facts(&visit, &filter, &choices).await?,
        number: texts::grouped(number),
        lines: page.items.into_iter().map(|behind| line(caller, measure, behind)).collect(),
        next: page.next.map(|cursor| address(&path, &filter, &[("by", by), ("measure", measure.as_str()), ("cursor", &cursor)])),
    })
}

fn line(caller: &Caller, measure: Measure, behind: Behind) -> BehindLine {
    let is_of_point = caller.role == Role::PointStaff;
    let url = match behind.of {
        Thing::Opinion(draft, opinion) | Thing::Several(draft, opinion) => caller
            .may(Permission::ReadOpinions)
            .then(|| links::with_query(&format!("/staff/drafts/{draft}/answering"), [("one", opinion.to_string().as_str())])),
        Thing::Activity(id) if is_of_point => Some(format!("/point/activities/{id}")),
        Thing::Activity(id) => caller.may(Permission::ReadCollectionTasks).then(|| format!("/staff/activities/{id}")),
        Thing::Assignment(id) if is_of_point => Some(format!("/point/tasks/{id}")),
        Thing::Assignment(id) => caller.may(Permission::ReadCollectionTasks).then(|| format!("/staff/assignments/{id}")),
    };
    BehindLine {
        name: behind.name,
        url,
        facts: behind.facts.join(" · "),
        words: texts::opinions::excerpt(&behind.words, PREVIEW),
        adds: if measure == Measure::Reached { adds_people(&texts::grouped(behind.adds)) } else { String::new() },
    }
}

#[handler]
async fn send_sheet(visit: Visit, Query(query): Query<Vec<(String, String)>>) -> Page {
    let (app, query) = (&visit.app, Fields(query));
    let caller = visit.staff(Permission::ReadStatistics)?;
    let filter = filter_of(&query)?;
    let by = Dimension::parse(query.get("by")).unwrap_or(Dimension::Consultation);
    let table = statistics::count(&app.db, caller, app.clock.now(), by, filter.clone()).await?;
    let choices = list_choices(&app.db, caller, &filter).await?;
    let made_on = calendar::day_of(app.clock.now());
    let conditions = tell_conditions(&app.db, &filter, &choices).await?;
    let bytes = write_sheet(&table, &conditions, &app.config.bureau_name, made_on)?;
    file(&format!("征集统计（按{}）.xlsx", by.label()), XLSX, bytes)
}
