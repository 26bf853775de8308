//! `/staff/drafts/{id}/rounds/new`: a new round, with the days counted by the server and the notice filled in from its template.
//!
//! Without a script the button 计算期限 counts the days; with one they are counted as they are chosen. A notice that nobody changed follows the days.

use poem::http::{StatusCode, header};
use poem::web::{Form, Path, Query};
use poem::{Response, Route, get, handler};
use serde::Deserialize;
use uuid::Uuid;

use super::{find_draft, problems, rounds_after, rounds_link, rounds_url};
use crate::accounts::{Actor, Permission};
use crate::drafts::consultations::{self, Days, NewConsultation, Span};
use crate::drafts::notices::{self, Facts};
use crate::drafts::questions::{MOST_QUESTIONS, NewQuestion, QuestionKind};
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{self, Draft, Viewer};
use crate::error::{Code, Error, Result};
use crate::ids::DraftVersionId;
use crate::portal::pages::Section;
use crate::portal::pages::rounds::{NewRoundPage, QuestionDraft, SelectOption};
use crate::portal::staff::drafting::draft_path;
use crate::portal::texts::{self, rounds as words};
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// What was done, as an address says it.
const PUBLISHED: &str = "published";

/// The pages of this file.
pub fn routes(route: Route) -> Route {
    route.at("/staff/drafts/:id/rounds/new", get(show_form).post(receive_form)).at("/staff/drafts/:id/rounds/plan", get(show_plan))
}

/// What the form holds.
#[derive(Clone, Debug, Default)]
struct Sheet {
    version: String,
    opens_on: String,
    closes_on: String,
    late_through: String,
    shorter_reason: String,
    notice_title: String,
    notice: String,
    generated: String,
    shows_opinions: bool,
    allows_anonymous: bool,
    shows_answers: bool,
    questions: Vec<(String, String, String)>,
}

impl Sheet {
    /// Reads the fields in their order; a question is its three fields in a row.
    fn read(fields: &[(String, String)]) -> Sheet {
        let mut sheet = Sheet::default();
        for (name, value) in fields {
            let value = value.replace("\r\n", "\n");
            match name.as_str() {
                "version" => sheet.version = value,
                "opens_on" => sheet.opens_on = value,
                "closes_on" => sheet.closes_on = value,
                "late_through" => sheet.late_through = value,
                "shorter_reason" => sheet.shorter_reason = value,
                "notice_title" => sheet.notice_title = value,
                "notice" => sheet.notice = value,
                "generated" => sheet.generated = value,
                "shows_opinions" => sheet.shows_opinions = true,
                "allows_anonymous" => sheet.allows_anonymous = true,
                "shows_answers" => sheet.shows_answers = true,
                "question_kind" if sheet.questions.len() < MOST_QUESTIONS => sheet.questions.push((value, String::new(), String::new())),
                "question_wording" => {
                    if let Some(last) = sheet.questions.last_mut() {
                        last.1 = value;
                    }
                }
                "question_options" => {
                    if let Some(last) = sheet.questions.last_mut() {
                        last.2 = value;
                    }
                }
                _ => {}
            }
        }
        sheet
    }

    fn days(&self) -> Result<Days> {
        let day = |field: &str, text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Error::invalid(field, texts::BAD_DATE)),
        };
        Ok(Days {
            opens_on: day("opens_on", &self.opens_on)?,
            closes_on: day("closes_on", &self.closes_on)?,
            late_through: day("late_through", &self.late_through)?,
        })
    }

    /// The questions that are filled in.
    fn questions(&self) -> Vec<NewQuestion> {
        let is_filled = |question: &&(String, String, String)| !question.1.trim().is_empty() || !question.2.trim().is_empty();
        let question = |(kind, wording, options): &(String, String, String)| NewQuestion {
            kind: QuestionKind::parse(kind).unwrap_or(QuestionKind::Text),
            wording: wording.clone(),
            options: options.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        };
        self.questions.iter().filter(is_filled).map(question).collect()
    }
}

/// What the form is filled in from.
struct Ground {
    draft: Draft,
    versions: Vec<DraftVersion>,
}

impl Ground {
    async fn find(visit: &Visit, id: &str) -> Result<Ground> {
        let draft = find_draft(visit, Permission::OpenConsultation, id).await?;
        let caller = visit.staff(Permission::OpenConsultation)?;
        let versions = versions::list_versions(&visit.app.db, Viewer::Public(Some(caller)), &draft).await?;
        Ok(Ground { draft, versions })
    }

    fn version(&self, chosen: &str) -> Result<&DraftVersion> {
        let named = chosen.parse::<Uuid>().ok().and_then(|id| self.versions.iter().find(|version| version.id.0 == id));
        let found = named.or_else(|| self.versions.last());
        found.ok_or_else(|| Error::new(Code::Conflict, "这份草案还没有稿次，请先录入草案文本。"))
    }

    /// Title and text of the notice as the template makes it.
    fn notice(&self, visit: &Visit, sheet: &Sheet, span: &Span) -> Result<(String, String)> {
        let config = &visit.app.config;
        let version = self.version(&sheet.version)?;
        let facts = Facts {
            title: &version.title,
            drafting_unit: &self.draft.drafting_unit,
            bureau: &config.bureau_name,
            site: &config.site_name,
            link: &config.public_link(&format!("/drafts/{}", self.draft.id)),
            contact: &config.contact,
            span,
            shorter_reason: &sheet.shorter_reason,
            today: visit.app.clock.today(),
        };
        Ok((notices::title(&version.title), notices::compose(facts)))
    }
}

/// Mark of a notice: the same words have the same mark.
fn mark(visit: &Visit, title: &str, notice: &str) -> String {
    visit.app.data_key.keyed_hash("notice", &format!("{}\n{}", title.trim(), notice.trim()))
}

/// Lets a notice that nobody changed follow the days.
fn follow_days(visit: &Visit, ground: &Ground, sheet: &mut Sheet, span: &Span) -> Result<()> {
    let is_untouched = sheet.generated.is_empty() || sheet.generated == mark(visit, &sheet.notice_title, &sheet.notice);
    if is_untouched {
        (sheet.notice_title, sheet.notice) = ground.notice(visit, sheet, span)?;
        sheet.generated = mark(visit, &sheet.notice_title, &sheet.notice);
    }
    Ok(())
}

#[handler]
async fn show_form(visit: Visit, Path(id): Path<String>) -> Page {
    let ground = Ground::find(&visit, &id).await?;
    let span = consultations::plan(Days::default(), &visit.app.config.rules, visit.app.clock.now())?;
    let mut sheet = Sheet { opens_on: span.opens_on.to_string(), closes_on: span.closes_on.to_string(), ..Sheet::default() };
    follow_days(&visit, &ground, &mut sheet, &span)?;
    show(&visit, &ground, sheet, None, 1)
}

#[handler]
async fn receive_form(visit: Visit, Path(id): Path<String>, Form(fields): Form<Vec<(String, String)>>) -> Page {
    let ground = Ground::find(&visit, &id).await?;
    let value = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    visit.check_form(value("csrf"))?;
    // The same form again: the round it was to open is there.
    let wanted: i64 = value("round").parse().unwrap_or(0);
    if ground.draft.round >= wanted {
        return Ok(see_other(&rounds_after(&ground.draft, PUBLISHED)));
    }
    let app = &visit.app;
    let mut sheet = Sheet::read(&fields);
    let span = sheet.days().and_then(|days| consultations::plan(days, &app.config.rules, app.clock.now()));
    let span = match span {
        Ok(span) => span,
        Err(error) => return show(&visit, &ground, sheet, Some(error), 0),
    };
    follow_days(&visit, &ground, &mut sheet, &span)?;
    match value("act") {
        "publish" => {}
        "add" => return show(&visit, &ground, sheet, None, 1),
        _ => return show(&visit, &ground, sheet, None, 0),
    }
    let new = NewConsultation {
        version_id: sheet.version.parse().ok().map(DraftVersionId),
        notice_title: sheet.notice_title.clone(),
        notice: sheet.notice.clone(),
        days: sheet.days()?,
        shorter_reason: sheet.shorter_reason.clone(),
        shows_opinions: sheet.shows_opinions,
        allows_anonymous: sheet.allows_anonymous,
        shows_answers: sheet.shows_answers,
        questions: sheet.questions(),
    };
    let by = Actor::Person(visit.staff(Permission::OpenConsultation)?);
    match consultations::open_consultation(&app.db, &app.clock, &app.ids, &app.config.rules, by, ground.draft.id, new).await {
        Ok(_) => Ok(see_other(&rounds_after(&ground.draft, PUBLISHED))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            // Two clicks at the same time: the other one has opened the round.
            let now = drafts::get_draft(&app.db, &app.clock, Viewer::System, ground.draft.id).await?;
            if now.round >= wanted { Ok(see_other(&rounds_after(&now, PUBLISHED))) } else { show(&visit, &ground, sheet, Some(error), 0) }
        }
        Err(error) => Err(Failure(error)),
    }
}

/// The page with every question as it was sent, those that are not written yet at the end, and `blank` more.
fn show(visit: &Visit, ground: &Ground, sheet: Sheet, error: Option<Error>, blank: usize) -> Page {
    let rules = &visit.app.config.rules;
    let span = sheet.days().and_then(|days| consultations::plan(days, rules, visit.app.clock.now())).ok();
    let chosen = ground.version(&sheet.version).map(|version| version.id).ok();
    let status = error.as_ref().and_then(|error| StatusCode::from_u16(error.code.status()).ok()).unwrap_or(StatusCode::OK);
    let is_filled = |question: &(String, String, String)| !question.1.trim().is_empty() || !question.2.trim().is_empty();
    // What is wrong with a question is told by its number among those that are filled in.
    let (mut questions, empty): (Vec<_>, Vec<_>) = sheet.questions.into_iter().partition(is_filled);
    questions.extend(empty);
    questions.extend(std::iter::repeat_n((QuestionKind::Text.as_str().into(), String::new(), String::new()), blank));
    questions.truncate(MOST_QUESTIONS);
    let kinds = |chosen: &str| {
        let kind = |kind: &QuestionKind| SelectOption {
            value: kind.as_str().into(),
            label: kind.label().into(),
            is_chosen: kind.as_str() == chosen,
        };
        QuestionKind::ALL.iter().map(kind).collect()
    };
    let page = NewRoundPage {
        layout: visit.layout(Section::Staff),
        csrf: visit.form_token(),
        draft: rounds_link(&ground.draft),
        own: draft_path(ground.draft.id),
        action: format!("{}/new", rounds_url(&ground.draft)),
        plan: format!("{}/plan", rounds_url(&ground.draft)),
        round: ground.draft.round + 1,
        problems: error.as_ref().map(problems).unwrap_or_default(),
        problem: error.map(|error| error.detail).unwrap_or_default(),
        versions: ground
            .versions
            .iter()
            .rev()
            .map(|version| SelectOption {
                value: version.id.to_string(),
                label: words::version(version.number, &version.title),
                is_chosen: Some(version.id) == chosen,
            })
            .collect(),
        period: span.as_ref().map(notices::period).unwrap_or_default(),
        is_short: span.is_some_and(|span| span.is_short()),
        minimum_days: rules.minimum_consultation_days,
        may_add: questions.len() < MOST_QUESTIONS,
        questions: (1..)
            .zip(questions)
            .map(|(number, (kind, wording, options))| QuestionDraft { number, kinds: kinds(&kind), wording, options })
            .collect(),
        is_own: sheet.generated != mark(visit, &sheet.notice_title, &sheet.notice),
        opens_on: sheet.opens_on,
        closes_on: sheet.closes_on,
        late_through: sheet.late_through,
        shorter_reason: sheet.shorter_reason,
        notice_title: sheet.notice_title,
        notice: sheet.notice,
        generated: sheet.generated,
        shows_opinions: sheet.shows_opinions,
        allows_anonymous: sheet.allows_anonymous,
        shows_answers: sheet.shows_answers,
    };
    visit.show_as(status, &page)
}

/// What the script asks as the days are chosen.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PlanQuery {
    version: String,
    opens_on: String,
    closes_on: String,
    late_through: String,
    shorter_reason: String,
}

/// The days counted, and the notice that goes with them, as JSON for the form's script.
#[handler]
async fn show_plan(visit: Visit, Path(id): Path<String>, Query(query): Query<PlanQuery>) -> Page {
    let ground = Ground::find(&visit, &id).await?;
    let sheet = Sheet {
        version: query.version,
        opens_on: query.opens_on,
        closes_on: query.closes_on,
        late_through: query.late_through,
        shorter_reason: query.shorter_reason,
        ..Sheet::default()
    };
    let span = sheet.days().and_then(|days| consultations::plan(days, &visit.app.config.rules, visit.app.clock.now()));
    let body = match span {
        Ok(span) => {
            let (title, notice) = ground.notice(&visit, &sheet, &span)?;
            let generated = mark(&visit, &title, &notice);
            serde_json::json!({
                "period": notices::period(&span), "is_short": span.is_short(), "title": title, "notice": notice, "generated": generated,
            })
        }
        Err(error) if error.code == Code::Invalid => serde_json::json!({"problem": error.detail}),
        Err(error) => return Err(Failure(error)),
    };
    Ok(Response::builder().content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(body.to_string()))
}
