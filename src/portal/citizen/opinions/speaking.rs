//! The form: new at `/drafts/{id}/speak`, for a change at `/me/opinions/{id}/edit`. Whatever fails, what was typed stays.

use std::time::Duration;

use poem::http::StatusCode;
use poem::web::cookie::CookieJar;
use poem::web::{Multipart, Path, Query};
use poem::{Request, handler};
use serde::Deserialize;

use super::form::{self, Received, Typed};
use super::views::{fact, held};
use super::{check_form, device_key, draft_url, find_draft, form_token, opinion_id, speaker};
use crate::accounts::citizens::own_profile;
use crate::accounts::{Caller, Permission};
use crate::app::App;
use crate::drafts::consultations::Consultation;
use crate::drafts::places::{self, Place};
use crate::drafts::{self, Draft, Viewer};
use crate::error::{Code, Error, Result};
use crate::ids::{DraftVersionId, OpinionId};
use crate::opinions::enclosures::{self, Uploader};
use crate::opinions::posting::{self, require_open};
use crate::opinions::{Channel, NewOpinion, Receipt, Stance, reading, revising, wording};
use crate::portal::citizen::drafts::arriving;
use crate::portal::citizen::me::todos;
use crate::portal::pages::opinions::{OpinionFormPage, OpinionReceiptPage, PlaceOption, StanceOption};
use crate::portal::pages::{Fact, Section};
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// How long what was typed is kept while somebody signs in.
const KEPT: Duration = Duration::from_secs(2 * 3600);
/// Longest address in a link.
const ADDRESS_BYTES: usize = 200;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    address: String,
    #[serde(default)]
    quote: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    resume: String,
}

/// What a form is about.
struct Scene {
    draft: Draft,
    version: DraftVersionId,
    closes: String,
    allows_anonymous: bool,
    /// Page that the form is sent to.
    action: String,
    /// The opinion that is changed; `None` for a new one.
    changed: Option<OpinionId>,
}

/// What is wrong with a form.
/// Comes back from the login.
const AFTER_LOGIN: &str = "1";
/// Comes back from declaring what was missing.
const AFTER_DECLARING: &str = "2";

#[derive(Default)]
struct Wrong {
    fields: Vec<Fact>,
    problem: Option<String>,
    notice: Option<String>,
    status: StatusCode,
    retry_after_s: Option<u64>,
}

impl Wrong {
    fn notice(notice: Option<&str>) -> Wrong {
        Wrong { notice: notice.map(str::to_owned), ..Wrong::default() }
    }

    /// A failure beside its fields where it has some; one that is no fault of the form goes on as it is.
    fn of(error: Error) -> Result<Wrong> {
        if error.code.status() >= 500 || error.code == Code::NotFound {
            return Err(error);
        }
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let shown = ["address", "stance", "body", "reason", "quote_text", "proposed_text", "attachments"];
        let fields: Vec<Fact> =
            error.fields.iter().filter(|f| shown.contains(&f.field.as_str())).map(|f| fact(&f.field, f.message.clone())).collect();
        let problem = fields.is_empty().then_some(error.detail);
        Ok(Wrong { fields, problem, notice: None, status, retry_after_s: error.retry_after_s })
    }
}

fn closes(round: &Consultation) -> String {
    texts::opinions::until(&texts::day(round.closes_on()))
}

/// `/drafts/{id}/speak`
#[handler]
pub async fn show_form(visit: Visit, cookies: &CookieJar, Path(id): Path<String>, Query(asked): Query<Asked>) -> Page {
    let scene = scene(&visit, &id).await?;
    let secret = speaker(&visit, cookies);
    if !asked.resume.is_empty()
        && let Some(kept) = visit.app.cache.get(&kept_key(&secret, &scene)).await?
        && let Ok(typed) = serde_json::from_str::<Typed>(&kept)
    {
        // Straight after the login, what is still to be declared comes first, so that the form is sent once.
        if asked.resume == AFTER_LOGIN
            && let Some(caller) = visit.caller.as_ref().filter(|caller| caller.may(Permission::PostOpinion))
            && let Some(url) = missing_declaration(&visit, caller, &scene).await?
        {
            return Ok(see_other(&url));
        }
        let notice = visit.caller.as_ref().map(|_| texts::opinions::STILL_THERE);
        return form_page(&visit, cookies, &scene, typed, Wrong::notice(notice)).await;
    }
    let address: String = asked.address.chars().take(ADDRESS_BYTES).collect();
    let typed = Typed {
        key: visit.app.ids.secret(super::SECRET_BYTES),
        address,
        quote_text: asked.quote.chars().take(visit.app.config.rules.opinion_characters).collect(),
        quote_start: asked.start.chars().filter(char::is_ascii_digit).take(9).collect(),
        is_public: true,
        ..Typed::default()
    };
    form_page(&visit, cookies, &scene, typed, Wrong::default()).await
}

async fn scene(visit: &Visit, id: &str) -> Result<Scene> {
    let draft = find_draft(visit, id).await?;
    let round = require_open(&visit.app.db, visit.app.clock.now(), draft.id, false).await?;
    Ok(Scene {
        version: round.version_id,
        closes: closes(&round),
        allows_anonymous: round.allows_anonymous,
        action: format!("/drafts/{}/speak", draft.id),
        changed: None,
        draft,
    })
}

fn kept_key(secret: &str, scene: &Scene) -> String {
    format!("speaking:{secret}:{}", scene.draft.id)
}

/// The form, filled in.
async fn form_page(visit: &Visit, cookies: &CookieJar, scene: &Scene, typed: Typed, wrong: Wrong) -> Page {
    let app = &visit.app;
    let unit_address = typed.address.split('/').next().unwrap_or_default();
    let unit = match unit_address {
        "" => None,
        address => places::find_place(&app.db, scene.version, address).await?,
    };
    let chosen = unit.as_ref().and_then(|unit| unit.parts.iter().position(|part| part.address == typed.address));
    let original = match (&unit, chosen) {
        (Some(_), Some(0)) | (None, _) => unit.as_ref().map(|unit| unit.text.clone()).unwrap_or_default(),
        (Some(_), _) => places::find_place(&app.db, scene.version, &typed.address).await?.map(|place| place.text).unwrap_or_default(),
    };
    let is_untouched = typed.proposed_text.is_empty() && typed.proposed_original.is_empty();
    let files = enclosures::list_named(&app.db, &typed.attachments, scene.changed).await?;
    let secret = speaker(visit, cookies);
    let rules = &app.config.rules;
    let is_signed_in = visit.caller.as_ref().is_some_and(|caller| caller.may(Permission::PostOpinion));
    let staff = visit.caller.is_some() && !is_signed_in;
    let status = if wrong.status == StatusCode::default() { StatusCode::OK } else { wrong.status };
    let page = OpinionFormPage {
        layout: visit.layout(Section::Drafts),
        draft_title: scene.draft.title.clone(),
        draft_url: draft_url(scene.draft.id, Some(&typed.address)),
        action: scene.action.clone(),
        revision: scene.changed.map(|_| typed.revision),
        csrf: form_token(visit, &secret),
        unit: unit.as_ref().map(|unit| unit.label.clone()).unwrap_or_default(),
        lines: unit.as_ref().map(|unit| unit.text.lines().map(str::to_owned).collect()).unwrap_or_default(),
        places: place_options(unit.as_ref(), &typed.address),
        stances: Stance::ALL
            .iter()
            .map(|s| StanceOption { value: s.as_str(), label: s.label(), is_chosen: s.as_str() == typed.stance })
            .collect(),
        proposed_text: if is_untouched { original.clone() } else { typed.proposed_text },
        proposed_original: if is_untouched { original } else { typed.proposed_original },
        draft_key: if scene.changed.is_some() { String::new() } else { device_key(scene.draft.id, &typed.address) },
        key: typed.key,
        quote_text: typed.quote_text,
        quote_start: typed.quote_start,
        body: typed.body,
        reason: typed.reason,
        is_public: typed.is_public,
        files: files.into_iter().map(|file| held(file, false)).collect(),
        most_files: rules.enclosures,
        file_mib: rules.enclosure_mib,
        characters: rules.opinion_characters,
        errors: wrong.fields,
        problem: wrong.problem.or_else(|| staff.then(|| texts::opinions::STAFF_DO_NOT_SPEAK.into())),
        notice: wrong.notice,
        is_signed_in,
        allows_anonymous: scene.allows_anonymous,
        closes: scene.closes.clone(),
    };
    let mut response = visit.show_as(status, &page)?;
    if let Some(seconds) = wrong.retry_after_s {
        response.headers_mut().insert(poem::http::header::RETRY_AFTER, poem::http::HeaderValue::from(seconds));
    }
    // The form carries a secret of this browser.
    response.headers_mut().insert(poem::http::header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The article and its parts, and the draft as a whole.
fn place_options(unit: Option<&Place>, chosen: &str) -> Vec<PlaceOption> {
    let mut options: Vec<PlaceOption> = Vec::new();
    if let Some(unit) = unit {
        options.extend(unit.parts.iter().enumerate().map(|(i, part)| {
            let (label, text) = match i {
                0 => (if unit.parts.len() > 2 { texts::opinions::whole_unit(&part.label) } else { part.label.clone() }, unit.text.clone()),
                _ => (format!("{}：{}", part.label, texts::opinions::excerpt(&part.text, 18)), part.text.clone()),
            };
            PlaceOption { address: part.address.clone(), label, text, is_chosen: part.address == chosen }
        }));
        // An article with a single 款 is one place.
        if options.len() == 2 && chosen != options.get(1).map_or("", |o| o.address.as_str()) {
            options.truncate(1);
        }
    }
    let whole = texts::opinions::WHOLE.to_owned();
    let none = !options.iter().any(|option| option.is_chosen);
    options.push(PlaceOption { address: String::new(), label: whole, text: String::new(), is_chosen: none });
    options
}

/// The form comes back.
#[handler]
pub async fn post(visit: Visit, request: &Request, cookies: &CookieJar, Path(id): Path<String>, multipart: Multipart) -> Page {
    let app = &visit.app;
    let scene = scene(&visit, &id).await?;
    let Received { mut typed, files, csrf, left_behind } =
        form::read(multipart, &app.config.rules, |csrf| check_form(&visit, cookies, csrf).is_ok()).await?;
    if let Err(error) = check_form(&visit, cookies, &csrf) {
        return form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await;
    }
    let citizen = visit.caller.as_ref().filter(|caller| caller.may(Permission::PostOpinion));
    if visit.caller.is_some() && citizen.is_none() {
        let refused = Error::new(Code::Forbidden, texts::opinions::STAFF_DO_NOT_SPEAK);
        return form_page(&visit, cookies, &scene, typed, Wrong::of(refused)?).await;
    }
    let by = citizen.map_or(Uploader::Visitor, Uploader::Person);
    if let Err(error) = keep_files(&visit, request, by, &scene, &mut typed, files, left_behind).await {
        return form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await;
    }
    let secret = speaker(&visit, cookies);
    let new = match typed.opinion() {
        Ok(new) => new,
        Err(error) => return form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await,
    };
    let new = NewOpinion { contact_point: arriving::point_of(app, cookies).await?, ..new };
    let has_attachments = !new.attachments.is_empty();
    let goes_anonymously = scene.allows_anonymous && typed.way == "anonymous";
    let posted = match citizen {
        Some(caller) => {
            posting::post_opinion(app.counter(request), caller, Channel::Web, scene.draft.id, &typed.key, new).await.map(|r| (r, None))
        }
        None if goes_anonymously => {
            posting::post_anonymously(app.counter(request), &app.data_key, Channel::Web, scene.draft.id, &typed.key, new)
                .await
                .map(|(receipt, code)| (receipt, Some(code)))
        }
        // What is missing or wrong is said before somebody takes the trouble of logging in.
        None => match look_over(app, &scene, new).await {
            Ok(()) => return to_login(&visit, &secret, &scene, &typed).await,
            Err(error) => Err(error),
        },
    };
    match posted {
        Ok((receipt, code)) => {
            if !receipt.is_repetition {
                app.check_opinion(receipt.opinion_id, None, has_attachments).await;
            }
            app.cache.forget(&kept_key(&secret, &scene)).await?;
            match code {
                None => Ok(see_other(&format!("/me/opinions/{}?posted=1", receipt.opinion_id))),
                Some(code) => receipt_page(&visit, &scene, &typed, &receipt, code),
            }
        }
        Err(error) => {
            if error.code == Code::ConsentRequired
                && let Some(caller) = citizen
                && let Some(url) = missing_declaration(&visit, caller, &scene).await?
            {
                keep(&visit, &secret, &scene, &typed).await?;
                return Ok(see_other(&url));
            }
            form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await
        }
    }
}

/// Where a citizen declares what is missing before opinions of theirs are taken; it leads back to the form.
async fn missing_declaration(visit: &Visit, caller: &Caller, scene: &Scene) -> Result<Option<String>> {
    let profile = own_profile(&visit.app.db, &visit.app.field_cipher, caller).await?;
    let back = format!("{}?resume={AFTER_DECLARING}", scene.action);
    Ok(todos(&profile, &back).into_iter().next().map(|todo| todo.url))
}

/// Checks what would be posted, without posting it.
async fn look_over(app: &App, scene: &Scene, new: NewOpinion) -> Result<()> {
    let new = wording::checked(&app.config.rules, new)?;
    wording::place(&app.db, scene.version, new).await.map(drop)
}

/// Keeps what was typed until the person comes back.
async fn keep(visit: &Visit, secret: &str, scene: &Scene, typed: &Typed) -> Result<()> {
    let kept = serde_json::to_string(typed).map_err(|e| Error::internal("a form could not be kept", e))?;
    visit.app.cache.put(&kept_key(secret, scene), &kept, KEPT).await
}

/// Keeps what was typed and leads to the login, which leads back.
async fn to_login(visit: &Visit, secret: &str, scene: &Scene, typed: &Typed) -> Page {
    keep(visit, secret, scene, typed).await?;
    let back = format!("{}?resume={AFTER_LOGIN}", scene.action);
    Ok(see_other(&links::with_query("/sign-in", [("next", back.as_str())])))
}

/// Takes in the files that came with a form, and names them in it. The first failure is told; what was taken in stays.
async fn keep_files(
    visit: &Visit,
    request: &Request,
    by: Uploader<'_>,
    scene: &Scene,
    typed: &mut Typed,
    files: Vec<enclosures::NewFile>,
    left_behind: bool,
) -> Result<()> {
    let most = visit.app.config.rules.enclosures;
    if typed.attachments.len() + files.len() > most {
        return Err(Error::invalid("attachments", format!("一条意见最多附 {most} 个文件。")));
    }
    let mut failure = left_behind.then(|| Error::invalid("attachments", texts::opinions::FILES_TOO_LARGE));
    for file in files {
        let name = file.name.clone();
        match enclosures::upload(visit.app.counter(request), &visit.app.blobs, by, scene.draft.id, None, file).await {
            Ok(enclosure) if !typed.attachments.contains(&enclosure.id) => typed.attachments.push(enclosure.id),
            Ok(_) => {}
            Err(error) if error.code.status() >= 500 => return Err(error),
            Err(error) => failure = failure.or_else(|| Some(Error::invalid("attachments", format!("“{name}”：{}", error.detail)))),
        }
    }
    failure.map_or(Ok(()), Err)
}

fn receipt_page(visit: &Visit, scene: &Scene, typed: &Typed, receipt: &Receipt, code: String) -> Page {
    let page = OpinionReceiptPage {
        layout: visit.layout(Section::Drafts),
        draft_title: scene.draft.title.clone(),
        draft_url: draft_url(scene.draft.id, Some(&typed.address)),
        facts: vec![
            fact(texts::opinions::RECEIPT_NUMBER, receipt.number.clone()),
            fact(texts::opinions::ABOUT, receipt.provision_label.clone()),
            fact(texts::opinions::POSTED_AT, texts::moment(receipt.posted_at)),
        ],
        code,
        is_late: receipt.is_late,
        draft_key: device_key(scene.draft.id, &typed.address),
    };
    let mut response = visit.show(&page)?;
    response.headers_mut().insert(poem::http::header::CACHE_CONTROL, poem::http::HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn change_scene(visit: &Visit, id: &str) -> Result<(Scene, reading::OwnOpinion)> {
    let caller = visit.citizen()?;
    let app = &visit.app;
    let own = reading::get_own_opinion(&app.db, caller, opinion_id(id)?).await?;
    let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(Some(caller)), own.opinion.draft_id).await?;
    let round = revising::require_changeable(&app.db, app.clock.now(), &own.opinion).await?;
    let scene = Scene {
        version: own.opinion.version_id,
        closes: closes(&round),
        allows_anonymous: false,
        action: format!("/me/opinions/{}/edit", own.opinion.id),
        changed: Some(own.opinion.id),
        draft,
    };
    Ok((scene, own))
}

/// `/me/opinions/{id}/edit`
#[handler]
pub async fn show_edit(visit: Visit, cookies: &CookieJar, Path(id): Path<String>) -> Page {
    let (scene, own) = change_scene(&visit, &id).await?;
    let opinion = own.opinion;
    let attachments = enclosures::list_enclosures(&visit.app.db, opinion.id).await?.into_iter().map(|file| file.id).collect();
    let original = match &opinion.address {
        Some(address) => places::find_place(&visit.app.db, scene.version, address).await?.map(|place| place.text).unwrap_or_default(),
        None => String::new(),
    };
    let typed = Typed {
        key: visit.app.ids.secret(super::SECRET_BYTES),
        address: opinion.address.unwrap_or_default(),
        stance: opinion.stance.as_str().into(),
        body: opinion.body,
        reason: opinion.reason,
        quote_text: opinion.quote_text,
        quote_start: opinion.quote_start.map(|n| n.to_string()).unwrap_or_default(),
        proposed_text: if opinion.proposed_text.is_empty() { original.clone() } else { opinion.proposed_text },
        proposed_original: original,
        is_public: opinion.is_public,
        attachments,
        revision: opinion.revision,
        way: String::new(),
    };
    form_page(&visit, cookies, &scene, typed, Wrong::default()).await
}

/// The form for a change comes back.
#[handler]
pub async fn edit(visit: Visit, request: &Request, cookies: &CookieJar, Path(id): Path<String>, multipart: Multipart) -> Page {
    let (scene, own) = change_scene(&visit, &id).await?;
    let caller = visit.citizen()?;
    let rules = &visit.app.config.rules;
    let Received { mut typed, files, csrf, left_behind } =
        form::read(multipart, rules, |csrf| check_form(&visit, cookies, csrf).is_ok()).await?;
    if let Err(error) = check_form(&visit, cookies, &csrf) {
        return form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await;
    }
    if let Err(error) = keep_files(&visit, request, Uploader::Person(caller), &scene, &mut typed, files, left_behind).await {
        return form_page(&visit, cookies, &scene, typed, Wrong::of(error)?).await;
    }
    let changed = match typed.opinion() {
        Ok(new) => {
            let has_attachments = !new.attachments.is_empty();
            let done = revising::edit_opinion(visit.app.counter(request), caller, own.opinion.id, &typed.key, typed.revision, new).await;
            done.map(|done| (done, has_attachments))
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok((done, has_attachments)) => {
            if !done.is_repetition {
                visit.app.check_opinion(own.opinion.id, None, has_attachments).await;
            }
            Ok(see_other(&format!("/me/opinions/{}?changed=1", own.opinion.id)))
        }
        Err(error) => form_page(&visit, cookies, &scene, typed, Wrong::of(error).map_err(Failure)?).await,
    }
}
