//! Pages of the law: home, browsing (here), results (`search.rs`), a document (`document.rs`, its text in `text.rs`).

pub mod document;
pub mod search;
mod text;

pub use text::lay_out;

use poem::handler;
use poem::web::Query;
use serde::Deserialize;

use super::citizen::contact_points;
use super::citizen::drafts::open_drafts;
use super::pages::library::{FacetGroup, HomePage, LawsPage, WorkLine};
use super::pages::{Choice, Link, Section};
use super::visits::{Page, Visit};
use super::{links, texts};
use crate::corpus::Work;
use crate::corpus::classification::{Category, Level};
use crate::corpus::reading::{self, WorkFilter};
use crate::error::Result;

/// Documents on one page of the list.
const PAGE: usize = 30;
/// Open consultations shown on the home page.
const OPEN_DRAFTS: usize = 6;
/// Regions offered as filters.
const REGIONS: usize = 30;

/// Links of the example queries.
fn examples() -> Vec<Link> {
    texts::EXAMPLES.iter().map(|text| Link { text: (*text).into(), url: links::with_query("/search", [("q", *text)]) }).collect()
}

/// `/`
#[handler]
pub async fn show_home(visit: Visit) -> Page {
    let db = &visit.app.db;
    let totals = reading::totals(db).await?;
    let categories = reading::count_works_by_category(db, &WorkFilter::default()).await?;
    visit.show(&HomePage {
        layout: visit.layout(Section::None),
        examples: examples(),
        works: texts::grouped(totals.works),
        articles: texts::grouped(totals.articles),
        categories: categories
            .into_iter()
            .map(|(category, count)| Choice {
                text: category.label().into(),
                url: links::with_query("/laws", [("category", category.as_str())]),
                count: count.unsigned_abs(),
                is_chosen: false,
            })
            .collect(),
        drafts: open_drafts(&visit, OPEN_DRAFTS).await?,
        contact_points: contact_points::count(&visit).await?,
    })
}

/// What the list of documents is narrowed to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct LawsQuery {
    category: String,
    level: String,
    region: String,
    cursor: String,
}

impl LawsQuery {
    /// Address of the list with one condition changed; the page starts over.
    fn with(&self, name: &str, value: &str) -> String {
        let pick = |own: &'static str, held: &str| if own == name { value.to_owned() } else { held.to_owned() };
        let (category, level, region) = (pick("category", &self.category), pick("level", &self.level), pick("region", &self.region));
        links::with_query("/laws", [("category", category.as_str()), ("level", &level), ("region", &region)])
    }

    fn filter(&self) -> WorkFilter {
        WorkFilter {
            category: Category::parse(&self.category),
            level: Level::parse(&self.level),
            region: Some(self.region.clone()).filter(|r| !r.is_empty()),
        }
    }

    fn choice(&self, name: &str, value: &str, label: &str, chosen: &str, count: i64) -> Choice {
        let is_chosen = value == chosen;
        Choice { text: label.into(), url: self.with(name, if is_chosen { "" } else { value }), count: count.unsigned_abs(), is_chosen }
    }
}

/// `/laws`
#[handler]
pub async fn list_laws(visit: Visit, Query(query): Query<LawsQuery>) -> Page {
    let db = &visit.app.db;
    let filter = query.filter();
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let total = reading::count_works(db, &filter).await?;
    let page = reading::list_works(db, &filter, cursor, PAGE).await?;
    let next = page.next.map(|cursor| {
        let pairs = [("category", query.category.as_str()), ("level", &query.level), ("region", &query.region), ("cursor", &cursor)];
        links::with_query("/laws", pairs)
    });
    visit.show(&LawsPage {
        layout: visit.layout(Section::Laws),
        total,
        facets: browse_facets(&visit, &query, &filter).await?,
        active: chosen(&query, &filter),
        works: page.items.iter().map(work_line).collect(),
        next,
        first: cursor.map(|_| query.with("", "")),
    })
}

/// The counts of each facet leave out the condition on that facet, so that a reader sees what another choice would bring.
async fn browse_facets(visit: &Visit, query: &LawsQuery, filter: &WorkFilter) -> Result<Vec<FacetGroup>> {
    let db = &visit.app.db;
    let categories = reading::count_works_by_category(db, &WorkFilter { category: None, ..filter.clone() }).await?;
    let levels = reading::count_works_by_level(db, &WorkFilter { level: None, ..filter.clone() }).await?;
    let mut regions = reading::count_works_by_region(db, &WorkFilter { region: None, ..filter.clone() }).await?;
    regions.truncate(REGIONS);
    let groups = [
        categories.iter().map(|(c, n)| query.choice("category", c.as_str(), c.label(), &query.category, *n)).collect(),
        levels.iter().map(|(l, n)| query.choice("level", l.as_str(), l.label(), &query.level, *n)).collect(),
        regions.iter().map(|(r, n)| query.choice("region", r, r, &query.region, *n)).collect::<Vec<_>>(),
    ];
    let names = ["category", "level", "region"];
    Ok(names
        .into_iter()
        .zip(groups)
        .filter(|(_, choices)| !choices.is_empty())
        .map(|(name, choices)| FacetGroup { name: facet_name(name), choices })
        .collect())
}

fn chosen(query: &LawsQuery, filter: &WorkFilter) -> Vec<Link> {
    let values = [
        ("category", filter.category.map(Category::label).map(str::to_owned)),
        ("level", filter.level.map(Level::label).map(str::to_owned)),
        ("region", filter.region.clone()),
    ];
    values
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| Link { text: texts::chip(facet_name(name), &value), url: query.with(name, "") }))
        .collect()
}

fn work_line(work: &Work) -> WorkLine {
    let meta = [work.level.label(), work.organ.as_str(), work.region.as_str()];
    WorkLine {
        title: work.title.clone(),
        url: format!("/laws/{}", work.id),
        meta: meta.into_iter().filter(|m| !m.is_empty()).map(str::to_owned).collect(),
        is_demonstration: work.is_demonstration,
    }
}

/// Name of a facet as pages show it.
fn facet_name(name: &str) -> &'static str {
    texts::FACETS.iter().find(|(n, _)| *n == name).map_or("", |(_, label)| label)
}
