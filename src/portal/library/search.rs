//! `/search`: what was found, first the provision that was named.

use chrono::NaiveDate;
use poem::http::{HeaderValue, header};
use poem::{Request, handler};
use uuid::Uuid;

use super::{examples, facet_name};
use crate::calendar;
use crate::corpus::classification::{Category, Level, Validity};
use crate::error::{Code, Error, Result};
use crate::portal::pages::library::{Answer, FacetGroup, Found, Hit, HitGroup, Line, SearchPage};
use crate::portal::pages::{Badge, Choice, Link, Section, Span};
use crate::portal::visits::{Page, READ_AFTER_COOKIE, Visit};
use crate::portal::{links, texts};
use crate::search::query::TitleCatalogue;
use crate::search::{self, Filters, Proximity, Scope, SearchRequest, SearchResponse, Segment};

/// Documents on one page.
const PAGE: usize = 10;
/// Hits on one page inside a document.
const PAGE_INSIDE: usize = 20;
/// Hits shown of one document among others.
const HITS: usize = 3;
/// Titles offered when nothing was found.
const SUGGESTIONS: usize = 5;
/// Values shown of one facet.
const VALUES: usize = 12;
/// Longest query and longest second query, in characters; what is longer is cut, as the box cuts it.
const LONGEST: usize = 300;
/// Names of conditions that may come several times.
const FACETS: [&str; 6] = ["category", "level", "validity", "organ", "region", "year"];
/// Most conditions of one request.
const MOST_CONDITIONS: usize = 40;

/// What was asked, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    q: String,
    within: String,
    on: String,
    scope: String,
    near: String,
    context_work: String,
    /// Values of facets, in the order in which they were chosen.
    conditions: Vec<(&'static str, String)>,
    cursor: String,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in pairs {
            let value: String = value.trim().chars().take(LONGEST).collect();
            if value.is_empty() {
                continue;
            }
            match name.as_str() {
                "q" => asked.q = value,
                "within" => asked.within = value,
                "on" => asked.on = value,
                "scope" if value == "title" => asked.scope = value,
                "near" if value == "article" || value == "paragraph" => asked.near = value,
                "context_work" => asked.context_work = value,
                "cursor" => asked.cursor = value,
                other => {
                    if let Some(name) = FACETS.into_iter().find(|f| *f == other)
                        && asked.conditions.len() < MOST_CONDITIONS
                    {
                        asked.conditions.push((name, value));
                    }
                }
            }
        }
        asked
    }

    /// Address of this search from its first page on.
    fn url(&self) -> String {
        self.url_at("")
    }

    fn url_at(&self, cursor: &str) -> String {
        let scope = if self.scope.is_empty() { "" } else { &self.scope };
        let own = [
            ("q", self.q.as_str()),
            ("within", &self.within),
            ("on", &self.on),
            ("scope", scope),
            ("near", &self.near),
            ("context_work", &self.context_work),
        ];
        let conditions = self.conditions.iter().map(|(name, value)| (*name, value.as_str()));
        links::with_query("/search", own.into_iter().chain(conditions).chain([("cursor", cursor)]))
    }

    /// Address with a condition put in, or taken out when it is there.
    fn toggled(&self, name: &'static str, value: &str) -> String {
        let mut other = self.clone();
        match other.conditions.iter().position(|(n, v)| *n == name && v == value) {
            Some(at) => drop(other.conditions.remove(at)),
            None => other.conditions.push((name, value.to_owned())),
        }
        other.url()
    }

    fn values(&self, name: &str) -> Vec<String> {
        self.conditions.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.clone()).collect()
    }

    fn request(&self, today: NaiveDate) -> Result<SearchRequest> {
        let as_of = match self.on.as_str() {
            "" => today,
            text => calendar::parse_day(text).ok_or_else(|| Error::invalid("on", texts::BAD_DATE))?,
        };
        let mut request = SearchRequest::new(self.q.clone(), as_of);
        request.only_in_force = !self.on.is_empty();
        request.context_work = match self.context_work.as_str() {
            "" => None,
            id => Some(id.parse::<Uuid>().map_err(|_| Error::not_found(texts::THIS_DOCUMENT))?),
        };
        // The box beside an open document and "more of this document" ask of that document alone.
        request.only_in_context = request.context_work.is_some();
        let years = self.values("year");
        request.filters = Filters {
            category: self.values("category"),
            level: self.values("level"),
            validity: self.values("validity"),
            organ: self.values("organ"),
            region: self.values("region"),
            year: years.iter().map(|y| y.parse().map_err(|_| Error::invalid("year", texts::BAD_YEAR))).collect::<Result<_>>()?,
        };
        request.scope = if self.scope == "title" { Scope::Titles } else { Scope::Everything };
        request.proximity = match self.near.as_str() {
            "article" => Proximity::SameArticle,
            "paragraph" => Proximity::SameParagraph,
            _ => Proximity::None,
        };
        request.within = if self.within.is_empty() { Vec::new() } else { vec![self.within.clone()] };
        request.cursor = Some(self.cursor.clone()).filter(|c| !c.is_empty());
        // One document needs no grouping: its hits are shown one after another.
        request.group_by_document = request.context_work.is_none();
        request.limit = if request.group_by_document { PAGE } else { PAGE_INSIDE };
        Ok(request)
    }
}

/// `/search`
#[handler]
pub async fn show_results(visit: Visit, request: &Request) -> Page {
    let read_after = request.cookie().get(READ_AFTER_COOKIE).and_then(|cookie| cookie.value_str().parse::<i64>().ok());
    let pairs: Vec<(String, String)> = request.params().map_err(|_| Error::new(Code::Malformed, texts::NO_READING))?;
    let asked = Asked::read(pairs);
    let mut layout = visit.layout(Section::Laws);
    layout.query.clone_from(&asked.q);
    let is_asked = !asked.q.is_empty();
    let answered = match asked.request(visit.app.clock.today()) {
        Ok(request) if is_asked => visit.app.search.search_after(&visit.app.db, request, read_after).await.map(Some),
        Ok(_) => Ok(None),
        Err(problem) => Err(problem),
    };
    let is_behind = answered.as_ref().is_ok_and(|found| found.as_ref().is_some_and(|found| found.is_behind));
    let retry_after_s = answered.as_ref().err().and_then(|error| error.retry_after_s);
    let (found, problem, status) = match answered {
        Ok(Some(response)) => {
            let mut found = present(&asked, response);
            if found.groups.is_empty() && found.answer.is_none() {
                found.suggestions = suggestions(&asked.q, &visit.app.search.titles());
            }
            (found, None, 200)
        }
        Ok(None) => (Found::default(), None, 200),
        // What the person can mend is said beside the form; everything else is a page of its own.
        Err(error) if matches!(error.code, Code::Invalid | Code::NotFound | Code::Unavailable) => {
            (Found::default(), Some(error.detail), error.code.status())
        }
        Err(error) => return Err(error.into()),
    };
    let mut hidden: Vec<(String, String)> = asked.conditions.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    if !asked.context_work.is_empty() {
        hidden.push(("context_work".into(), asked.context_work.clone()));
    }
    let status = poem::http::StatusCode::from_u16(status).unwrap_or(poem::http::StatusCode::OK);
    let mut page = visit.show_as(
        status,
        &SearchPage {
            layout,
            is_asked,
            problem,
            is_behind,
            found,
            on: asked.on,
            within: asked.within,
            scope: asked.scope,
            near: asked.near,
            hidden,
            examples: examples(),
        },
    )?;
    if let Some(seconds) = retry_after_s {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(page)
}

/// What completion offers for the query, as searches without conditions.
fn suggestions(query: &str, titles: &TitleCatalogue) -> Vec<Link> {
    let offered = search::suggest::complete(query, titles, SUGGESTIONS);
    let others = offered.into_iter().filter(|suggestion| suggestion.completion != query);
    others.map(|suggestion| Link { text: suggestion.text, url: Asked { q: suggestion.completion, ..Asked::default() }.url() }).collect()
}

fn present(asked: &Asked, mut response: SearchResponse) -> Found {
    if response.groups.is_empty()
        && let Some(first) = response.hits.first()
    {
        let (work_id, version_id, title) = (first.work_id, first.version_id, first.title.clone());
        let hits = std::mem::take(&mut response.hits);
        response.groups = vec![search::Group { work_id, version_id, title, count: 0, hits }];
    }
    // What answers the question stands above already, whole.
    if let Some(answer) = &response.answer {
        for group in &mut response.groups {
            group.hits.retain(|hit| hit.version_id != answer.hit.version_id || hit.address != answer.hit.address);
        }
    }
    let did_you_mean = response.did_you_mean.filter(|better| *better != asked.q).map(|better| {
        let url = Asked { q: better.clone(), ..Asked::default() }.url();
        Link { text: better, url }
    });
    Found {
        documents: response.total_documents,
        articles: response.total_articles,
        answer: response.answer.map(|answer| present_answer(asked, answer)),
        groups: response.groups.into_iter().map(|group| present_group(asked, group)).collect(),
        facets: response.facets.into_iter().filter(|f| !f.values.is_empty()).map(|facet| present_facet(asked, facet)).collect(),
        active: active(asked),
        notice: response.notice,
        did_you_mean,
        suggestions: Vec::new(),
        next: response.next_cursor.map(|cursor| asked.url_at(&cursor)),
        first: (!asked.cursor.is_empty()).then(|| asked.url()),
    }
}

fn active(asked: &Asked) -> Vec<Link> {
    let chip = |name: &'static str, value: &str| Link {
        text: texts::chip(facet_name(name), &facet_value(asked, name, value)),
        url: asked.toggled(name, value),
    };
    let mut active: Vec<Link> = asked.conditions.iter().map(|(name, value)| chip(name, value)).collect();
    if !asked.within.is_empty() {
        active.push(Link { text: texts::chip(texts::WITHIN, &asked.within), url: Asked { within: String::new(), ..asked.clone() }.url() });
    }
    if !asked.on.is_empty() {
        active.push(Link { text: texts::chip(texts::ON, &asked.on), url: Asked { on: String::new(), ..asked.clone() }.url() });
    }
    if !asked.context_work.is_empty() {
        active.push(Link { text: texts::IN_DOCUMENT.into(), url: Asked { context_work: String::new(), ..asked.clone() }.url() });
    }
    active
}

/// What a page shows for the canonical value of a facet.
fn facet_value(asked: &Asked, name: &str, value: &str) -> String {
    let label = match name {
        "category" => Category::parse(value).map(Category::label).map(str::to_owned),
        "level" => Level::parse(value).map(Level::label).map(str::to_owned),
        "validity" => Validity::parse(value).map(|_| badge(asked, value).text),
        _ => None,
    };
    match (label, name) {
        (Some(label), _) => label,
        (None, "year") => texts::year(value),
        (None, _) => value.into(),
    }
}

fn present_facet(asked: &Asked, facet: search::Facet) -> FacetGroup {
    let name = FACETS.into_iter().find(|f| *f == facet.name).unwrap_or_default();
    let choices = facet
        .values
        .into_iter()
        .filter(|v| !v.value.is_empty())
        .enumerate()
        // A chosen value stays in sight however rare it is.
        .filter(|(place, v)| *place < VALUES || v.is_chosen)
        .map(|(_, v)| Choice {
            text: facet_value(asked, name, &v.value),
            url: asked.toggled(name, &v.value),
            count: v.count,
            is_chosen: v.is_chosen,
        })
        .collect();
    FacetGroup { name: facet_name(name), choices }
}

/// The validity badge; what was in force on a chosen day need not be so now.
fn badge(asked: &Asked, canonical: &str) -> Badge {
    let on_day = Validity::parse(canonical).unwrap_or(Validity::Unknown);
    let badge = texts::validity(on_day);
    if on_day == Validity::InForce && !asked.on.is_empty() { Badge { text: texts::IN_FORCE_THEN.into(), ..badge } } else { badge }
}

/// Address of a provision in the version that was found.
fn provision_url(work: Uuid, version: Uuid, address: &str) -> String {
    if address.is_empty() { format!("/laws/{work}/{version}") } else { format!("/laws/{work}/{version}#{address}") }
}

fn spans(snippet: Vec<Segment>) -> Vec<Span> {
    snippet.into_iter().map(|s| Span { text: s.text, is_match: s.is_highlighted }).collect()
}

fn present_answer(asked: &Asked, answer: search::Answer) -> Answer {
    let hit = answer.hit;
    let named = texts::named(&hit.label, answer.paragraph, answer.item);
    Answer {
        citation: texts::citation(&hit.title, &named),
        url: provision_url(hit.work_id, hit.version_id, &hit.address),
        is_document: hit.address.is_empty(),
        badge: badge(asked, &hit.validity),
        version: texts::version_line(hit.effective_on, hit.ended_on),
        lines: answer_lines(&answer.paragraphs, answer.paragraph, answer.item),
        title: hit.title,
        path: hit.path,
        label: named,
        heading: hit.heading,
    }
}

/// The 款 and 项 of an answer as lines; what the query names is marked.
fn answer_lines(paragraphs: &[String], paragraph: Option<u32>, item: Option<u32>) -> Vec<Line> {
    let is_named = |place: usize, wanted: Option<u32>| wanted.is_some_and(|w| usize::try_from(w) == Ok(place + 1));
    let mut lines = Vec::new();
    for (p, text) in paragraphs.iter().enumerate() {
        // An item named without a 款 belongs to the only 款 that has items, or to the first.
        let here = is_named(p, paragraph) || (paragraph.is_none() && item.is_some());
        let mut items = 0;
        for (l, words) in text.lines().enumerate() {
            let starts_item = words.starts_with(['（', '(']);
            let class = match (l, starts_item) {
                (0, _) => "para",
                (_, true) => "item",
                (_, false) => "sub",
            };
            let is_wanted_item = starts_item && here && is_named(items, item);
            items += usize::from(starts_item);
            let is_wanted = if item.is_some() { is_wanted_item } else { l == 0 && is_named(p, paragraph) };
            lines.push(Line {
                id: String::new(),
                class: if is_wanted { named_class(class) } else { class },
                label: String::new(),
                text: words.into(),
            });
        }
    }
    lines
}

fn named_class(class: &str) -> &'static str {
    match class {
        "item" => "item named",
        "sub" => "sub named",
        _ => "para named",
    }
}

fn present_group(asked: &Asked, group: search::Group) -> HitGroup {
    let first = group.hits.first();
    let meta = first.map(|hit| {
        let level = Level::parse(&hit.level).map(Level::label).unwrap_or_default();
        [level.to_owned(), hit.document_number.clone(), texts::effective_line(hit.effective_on).unwrap_or_default()]
    });
    let badge = badge(asked, first.map_or("unknown", |hit| hit.validity.as_str()));
    let url = format!("/laws/{}/{}", group.work_id, group.version_id);
    let most = if asked.context_work.is_empty() { HITS } else { PAGE_INSIDE };
    let shown = group.hits.iter().filter(|h| !h.address.is_empty()).count().min(most);
    let rest = group.count.saturating_sub(shown as u64);
    let inside = Asked { context_work: group.work_id.to_string(), ..asked.clone() }.url();
    HitGroup {
        title: vec![Span { text: group.title, is_match: false }],
        url,
        badge,
        meta: meta.into_iter().flatten().filter(|m| !m.is_empty()).collect(),
        hits: group.hits.into_iter().filter(|h| !h.address.is_empty()).take(most).map(present_hit).collect(),
        more: (rest > 0 && shown > 0 && asked.context_work.is_empty()).then(|| Link { text: texts::more_hits(rest), url: inside }),
    }
}

fn present_hit(hit: search::Hit) -> Hit {
    Hit { url: provision_url(hit.work_id, hit.version_id, &hit.address), label: hit.label, path: hit.path, snippet: spans(hit.snippet) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        Asked::read(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn an_address_is_read_and_written_alike() {
        let all = asked(&[
            ("q", " 养犬 "),
            ("region", "清河市"),
            ("region", "明川省"),
            ("on", "2020-01-01"),
            ("scope", "title"),
            ("unknown", "x"),
            ("near", "sentence"),
        ]);
        assert_eq!(all.values("region"), ["清河市", "明川省"]);
        assert_eq!((all.q.as_str(), all.near.as_str()), ("养犬", ""));
        let url = all.url();
        assert_eq!(
            url,
            "/search?q=%E5%85%BB%E7%8A%AC&on=2020-01-01&scope=title&region=%E6%B8%85%E6%B2%B3%E5%B8%82&region=%E6%98%8E%E5%B7%9D%E7%9C%81"
        );
        assert_eq!(all.toggled("region", "明川省").matches("region=").count(), 1);
        assert_eq!(all.toggled("level", "law").matches("level=law").count(), 1);
    }

    #[test]
    fn bad_dates_and_years_are_refused_with_a_sentence() {
        let today = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        assert_eq!(asked(&[("q", "a"), ("on", "去年")]).request(today).unwrap_err().code, Code::Invalid);
        assert_eq!(asked(&[("q", "a"), ("year", "二零")]).request(today).unwrap_err().code, Code::Invalid);
        assert_eq!(asked(&[("q", "a"), ("context_work", "1")]).request(today).unwrap_err().code, Code::NotFound);
        assert_eq!(asked(&[("q", "a")]).request(today).unwrap().as_of, today);
    }

    #[test]
    fn a_chosen_day_asks_for_what_is_in_force_on_it_and_says_so() {
        let today = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let (now, then) = (asked(&[("q", "a")]), asked(&[("q", "a"), ("on", "2015-01-01")]));
        assert!(!now.request(today).unwrap().only_in_force && then.request(today).unwrap().only_in_force);
        assert_eq!((badge(&now, "in_force").text.as_str(), badge(&then, "in_force").text.as_str()), ("现行有效", "当日有效"));
        assert_eq!(badge(&then, "repealed").text, badge(&now, "repealed").text);
        assert_eq!(facet_value(&then, "validity", "in_force"), "当日有效");
    }

    #[test]
    fn the_named_item_is_marked() {
        let text = ["下列行为应当登记：\n（一）养犬；\n（二）养鸽。".to_owned(), "其他除外。".to_owned()];
        let classes = |p, i| answer_lines(&text, p, i).iter().map(|l| l.class).collect::<Vec<_>>();
        assert_eq!(classes(None, None), ["para", "item", "item", "para"]);
        assert_eq!(classes(Some(1), Some(2)), ["para", "item", "item named", "para"]);
        assert_eq!(classes(Some(2), None), ["para", "item", "item", "para named"]);
    }
}
