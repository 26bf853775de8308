//! The list of drafts, a new draft, and one draft with all that belongs to it.

use poem::handler;
use poem::http::StatusCode;
use poem::web::{Form, Multipart, Path, Query};
use serde::Deserialize;

use super::{draft_path, find_draft, forms, general_problem, problem_of, version_path};
use crate::accounts::{Actor, Caller, Permission};
use crate::documents::Limits;
use crate::drafts::particulars::{self, DraftChange};
use crate::drafts::versions::{self, DraftVersion, NewVersionFile};
use crate::drafts::{
    self, Draft, DraftKind, DraftState, NewDraft, Viewer, attachments, corrections, explanations, legal_bases, promulgations,
};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftId, DraftVersionId};
use crate::portal::citizen::drafts::{closes, state_badge};
use crate::portal::pages::drafting::{
    DraftLine, Field, NewDraftPage, ParticularsForm, Pick, StaffDraftPage, StaffDraftsPage, Step, VersionLine,
};
use crate::portal::pages::{Badge, Choice, Fact, Link, Section};
use crate::portal::texts::drafting as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// Drafts on a page.
const PAGE: usize = 30;

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
}

/// `/staff/drafts`
#[handler]
pub async fn list_drafts(visit: Visit, Query(query): Query<ListQuery>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let app = &visit.app;
    let state = DraftState::parse(&query.state);
    let cursor = Some(query.cursor.as_str()).filter(|c| !c.is_empty());
    let page = drafts::list_drafts(&app.db, &app.clock, Some(caller), state, cursor, PAGE).await?;
    let mut states = vec![Choice { text: "全部".into(), url: "/staff/drafts".into(), count: 0, is_chosen: state.is_none() }];
    states.extend(DraftState::ALL.iter().map(|s| Choice {
        text: s.label().into(),
        url: links::with_query("/staff/drafts", [("state", s.as_str())]),
        count: 0,
        is_chosen: state == Some(*s),
    }));
    let next = page.next.map(|cursor| links::with_query("/staff/drafts", [("state", query.state.as_str()), ("cursor", &cursor)]));
    visit.show(&StaffDraftsPage {
        layout: visit.layout(Section::Staff),
        may_edit: caller.may(Permission::EditDrafts),
        states,
        chosen: state.map(|s| s.label().to_owned()).unwrap_or_default(),
        drafts: page.items.iter().map(|draft| draft_line(&visit, draft)).collect(),
        next,
    })
}

fn draft_line(visit: &Visit, draft: &Draft) -> DraftLine {
    DraftLine {
        title: draft.title.clone(),
        url: draft_path(draft.id),
        badge: state_badge(&visit.app, draft),
        unit: draft.drafting_unit.clone(),
        kind: draft.kind.label().into(),
        changed: texts::moment(draft.updated_at),
        closes: closes(draft),
        is_demonstration: draft.is_demonstration,
    }
}

/// What the form of a draft's particulars sends.
#[derive(Clone, Deserialize)]
struct Particulars {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    drafting_unit: String,
}

impl Particulars {
    fn of(draft: &Draft) -> Particulars {
        Particulars {
            csrf: String::new(),
            key: String::new(),
            title: draft.title.clone(),
            kind: draft.kind.as_str().into(),
            drafting_unit: draft.drafting_unit.clone(),
        }
    }

    fn kind(&self) -> Result<DraftKind> {
        DraftKind::parse(&self.kind).ok_or_else(|| Error::invalid("kind", "请选择文件类别。"))
    }

    fn form(&self, error: Option<&Error>) -> ParticularsForm {
        let pick =
            |kind: &DraftKind| Pick { value: kind.as_str().into(), label: kind.label().into(), is_chosen: kind.as_str() == self.kind };
        ParticularsForm {
            title: Field { value: self.title.clone(), problem: problem_of(error, "title") },
            kinds: DraftKind::ALL.iter().map(pick).collect(),
            unit: Field { value: self.drafting_unit.clone(), problem: problem_of(error, "drafting_unit") },
        }
    }
}

/// `/staff/drafts/new`
#[handler]
pub async fn show_new(visit: Visit) -> Page {
    visit.staff(Permission::EditDrafts)?;
    let empty = Particulars {
        csrf: String::new(),
        key: visit.app.ids.next().to_string(),
        title: String::new(),
        kind: DraftKind::GovernmentRule.as_str().into(),
        drafting_unit: String::new(),
    };
    new_page(&visit, StatusCode::OK, &empty, None)
}

fn new_page(visit: &Visit, status: StatusCode, sent: &Particulars, error: Option<&Error>) -> Page {
    visit.show_as(
        status,
        &NewDraftPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            key: sent.key.clone(),
            form: sent.form(error),
            problem: general_problem(error, &["title", "drafting_unit"]),
        },
    )
}

/// The form of a new draft comes back.
#[handler]
pub async fn create(visit: Visit, Form(sent): Form<Particulars>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let made = async {
        let id = forms::keyed_id(&visit, "draft", &sent.key).map(DraftId);
        let new = NewDraft { id, title: sent.title.clone(), kind: sent.kind()?, drafting_unit: sent.drafting_unit.clone(), seed_key: None };
        drafts::create_draft(&app.db, &app.clock, &app.ids, Actor::Person(caller), new).await
    };
    match made.await {
        Ok(draft) => Ok(see_other(&draft_path(draft.id))),
        Err(error) if error.code == Code::Invalid => new_page(&visit, StatusCode::BAD_REQUEST, &sent, Some(&error)),
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    done: String,
}

/// `/staff/drafts/{id}`
#[handler]
pub async fn show_draft(visit: Visit, Path(id): Path<String>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let draft = find_draft(&visit, caller, &id).await?;
    let done = match shown.done.as_str() {
        "changed" => "草案信息已保存。",
        "promulgated" => "公布信息已保存。",
        _ => "",
    };
    draft_page(&visit, StatusCode::OK, caller, &draft, Typed { done, ..Typed::default() }).await
}

/// What was typed into a form of the draft's page, when it comes back.
#[derive(Default)]
struct Typed<'a> {
    particulars: Option<Particulars>,
    pasted: String,
    explanation: String,
    error: Option<&'a Error>,
    done: &'static str,
}

async fn draft_page(visit: &Visit, status: StatusCode, caller: &Caller, draft: &Draft, typed: Typed<'_>) -> Page {
    let db = &visit.app.db;
    let path = draft_path(draft.id);
    let listed = versions::list_versions(db, Viewer::Public(Some(caller)), draft).await?;
    let mut lines = Vec::with_capacity(listed.len());
    let mut steps = Vec::new();
    for (at, version) in listed.iter().enumerate() {
        let doubtful = doubtful_lines(visit, version).await?;
        let files = attachments::list_attachments(db, version.id).await?.len();
        let bases = legal_bases::count_for_version(db, version.id).await?;
        if at + 1 == listed.len() && version.published_at.is_none() {
            steps = steps_before(version, doubtful, bases, &path, caller.may(Permission::OpenConsultation));
        }
        lines.push(version_line(version, doubtful, files, bases));
    }
    lines.reverse();
    let promulgation = promulgations::find_promulgation(db, draft.id).await?;
    let may_edit = caller.may(Permission::EditDrafts);
    let is_over = matches!(draft.state, DraftState::Promulgated | DraftState::Withdrawn);
    let form = (may_edit && draft.state == DraftState::Preparing)
        .then(|| typed.particulars.clone().unwrap_or_else(|| Particulars::of(draft)).form(typed.error));
    let promulgate = (caller.may(Permission::PromulgateDrafts) && promulgations::may_promulgate(draft)).then(|| Link {
        text: if promulgation.is_some() { "更正公布信息".into() } else { "登记公布".into() },
        url: format!("{path}/promulgation"),
    });
    visit.show_as(
        status,
        &StaffDraftPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            key: visit.app.ids.next().to_string(),
            public_path: if draft.state.is_public() { format!("/drafts/{}", draft.id) } else { String::new() },
            lineage: (listed.len() > 1).then(|| format!("{path}/lineage")),
            compare: (listed.len() > 1).then(|| format!("/drafts/{}/compare", draft.id)),
            path,
            title: draft.title.clone(),
            badge: state_badge(&visit.app, draft),
            facts: facts(draft),
            is_form_open: typed.particulars.is_some(),
            form,
            steps,
            versions: lines,
            may_add: may_edit && !is_over,
            pasted: Field { value: typed.pasted, problem: problem_of(typed.error, "file") },
            explanation: typed.explanation,
            promulgation: promulgation.as_ref().map(promulgation_facts).unwrap_or_default(),
            document: promulgation.as_ref().map(|p| Link { text: p.work_title.clone(), url: format!("/laws/{}", p.work_id) }),
            promulgate,
            problem: general_problem(typed.error, &["title", "drafting_unit", "file"]),
            done: typed.done.into(),
        },
    )
}

fn facts(draft: &Draft) -> Vec<Fact> {
    let mut facts = vec![
        Fact { name: texts::DRAFTED_BY.into(), value: draft.drafting_unit.clone() },
        Fact { name: texts::DRAFT_KIND.into(), value: draft.kind.label().into() },
        Fact { name: "新建".into(), value: texts::moment(draft.created_at) },
    ];
    let closes = closes(draft);
    if !closes.is_empty() {
        facts.push(Fact { name: texts::CONSULTED.into(), value: closes });
    }
    facts
}

/// Particulars of a promulgation as pages show them.
pub fn promulgation_facts(p: &promulgations::Promulgation) -> Vec<Fact> {
    let all = [
        ("公布机关", p.organ.clone()),
        (texts::DOCUMENT_NUMBER, p.document_number.clone()),
        ("标题", p.title.clone()),
        (texts::ADOPTED, texts::day(p.adopted_on)),
        (texts::PROMULGATED, texts::day(p.promulgated_on)),
        (texts::EFFECTIVE, texts::day(p.effective_on)),
        ("签署人", p.signatory.clone()),
        ("提前施行的理由", p.early_reason.clone()),
    ];
    all.into_iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| Fact { name: name.into(), value }).collect()
}

/// Lines of a version that a person should look at; none once it is public.
async fn doubtful_lines(visit: &Visit, version: &DraftVersion) -> Result<usize> {
    if version.published_at.is_some() {
        return Ok(0);
    }
    let text = corrections::list_lines(&visit.app.db, version).await?;
    Ok(text.lines.iter().filter(|line| !line.notes.is_empty()).count() + usize::from(!text.whole.is_empty()))
}

fn version_line(version: &DraftVersion, doubtful: usize, files: usize, bases: i64) -> VersionLine {
    let path = version_path(version);
    let mut meta = vec![texts::articles(version.article_count.unsigned_abs()), version.source_name.clone()];
    if doubtful > 0 {
        meta.push(format!("{doubtful} 行待核对"));
    }
    let papers = match (version.explanation.is_empty(), files) {
        (true, 0) => "说明和附件（还没有说明）".into(),
        (true, n) => format!("说明和附件（还没有说明，附件 {n} 个）"),
        (false, 0) => "说明和附件".into(),
        (false, n) => format!("说明和附件（附件 {n} 个）"),
    };
    let bases_text = if bases == 0 { "上位法依据".into() } else { format!("上位法依据（{bases} 项）") };
    VersionLine {
        name: words::version(version.number),
        title: version.title.clone(),
        badge: match version.published_at {
            Some(at) => Badge { text: format!("{}公布", texts::moment(at)), tone: "good" },
            None => Badge { text: "未公布，可以改".into(), tone: "wait" },
        },
        meta,
        text: Link { text: if version.published_at.is_some() { "查看文本".into() } else { "核对文本".into() }, url: path.clone() },
        papers: Link { text: papers, url: format!("{path}/papers") },
        bases: Link { text: bases_text, url: format!("{path}/bases") },
    }
}

fn steps_before(version: &DraftVersion, doubtful: usize, bases: i64, draft_path: &str, may_publish: bool) -> Vec<Step> {
    let path = version_path(version);
    let step = |is_done, text: String, link: &str, url: String| Step { is_done, text, link: Some(Link { text: link.into(), url }) };
    let unpublished = format!("{}还没有公布", words::version(version.number));
    let publish = if may_publish {
        step(false, unpublished, "公开征求意见", format!("{draft_path}/rounds"))
    } else {
        Step { is_done: false, text: format!("{unpublished}，准备好以后请经办人员发布"), link: None }
    };
    let checked =
        if doubtful == 0 { "文本已核对，没有存疑的行".into() } else { format!("文本有 {doubtful} 行需要核对") };
    let explained =
        if version.explanation.is_empty() { "还没有草案说明；草案和说明要一起公布" } else { "草案说明已录入" };
    let based = if bases == 0 {
        "还没有标注上位法依据（可以以后再标）".into()
    } else {
        format!("已标注 {bases} 项上位法依据")
    };
    vec![
        step(doubtful == 0, checked, "核对文本", path.clone()),
        step(!version.explanation.is_empty(), explained.into(), "说明和附件", format!("{path}/papers")),
        step(bases > 0, based, "上位法依据", format!("{path}/bases")),
        publish,
    ]
}

/// The form of the particulars comes back.
#[handler]
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Particulars>) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let draft = find_draft(&visit, caller, &id).await?;
    let changed = async {
        let change = DraftChange { title: sent.title.clone(), kind: sent.kind()?, drafting_unit: sent.drafting_unit.clone() };
        particulars::change_draft(&app.db, &app.clock, Actor::Person(caller), draft.id, change).await
    };
    match changed.await {
        Ok(draft) => Ok(see_other(&format!("{}?done=changed", draft_path(draft.id)))),
        Err(error) if matches!(error.code, Code::Invalid | Code::Conflict) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            draft_page(&visit, status, caller, &draft, Typed { particulars: Some(sent), error: Some(&error), ..Typed::default() }).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// A new version comes as a file or as pasted text.
#[handler]
pub async fn add_version(visit: Visit, Path(id): Path<String>, multipart: Multipart) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    let app = &visit.app;
    let draft = find_draft(&visit, caller, &id).await?;
    let mut sent = forms::read(&visit, multipart, Limits::MAX_FILE_BYTES).await?;
    let file = sent.file.take();
    let (pasted, explanation) = (sent.get("text").to_owned(), sent.get("explanation").to_owned());
    let added = async {
        let explanation = explanations::checked(&explanation)?;
        let id = forms::keyed_id(&visit, &format!("draft-version {}", draft.id), sent.get("key")).map(DraftVersionId);
        let file = match file {
            Some((name, bytes)) => NewVersionFile { id, name, bytes, explanation },
            None if pasted.trim().is_empty() => return Err(Error::invalid("file", words::NO_TEXT)),
            None => NewVersionFile { id, ..NewVersionFile::pasted(pasted.clone(), explanation) },
        };
        versions::add_version(&app.db, &app.blobs, &app.clock, &app.ids, Actor::Person(caller), draft.id, file).await
    };
    match added.await {
        Ok(version) => Ok(see_other(&version_path(&version))),
        Err(error) if error.code.status() < 500 => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            draft_page(&visit, status, caller, &draft, Typed { pasted, explanation, error: Some(&error), ..Typed::default() }).await
        }
        Err(error) => Err(Failure(error)),
    }
}
