//! `/me`: what is held about the citizen who is logged in, their sessions, and what they must declare.

use poem::http::StatusCode;
use poem::web::{Form, Query};
use poem::{Request, Route, get, handler, post};
use serde::Deserialize;

use super::sign_in::{shown_code, status_of};
use crate::accounts::citizens::codes::{self, Purpose};
use crate::accounts::citizens::consent::{self, Age, NewConsent, Relation};
use crate::accounts::citizens::phones::{Phone, masked};
use crate::accounts::citizens::privacy::{PRIVACY_VERSION, SECTIONS};
use crate::accounts::citizens::{Guardian, Profile, own_profile};
use crate::accounts::sessions;
use crate::error::{Error, Result};
use crate::portal::pages::account::{AgePage, Choosable, CodeStep, GuardianPage, MePage, NoticeSection, PrivacyPage, SessionLine, Todo};
use crate::portal::pages::{Badge, Fact, Section};
use crate::portal::texts::account as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};
use crate::portal::{links, texts};

/// The pages.
pub fn routes(route: Route) -> Route {
    route
        .at("/me", get(show_me))
        .at("/me/sessions/end", post(end_sessions))
        .at("/me/age", get(show_age).post(state_age))
        .at("/me/guardian", get(show_guardian).post(record_guardian))
        .at("/me/guardian/code", post(send_guardian_code))
        .at("/privacy", get(show_privacy).post(accept_privacy))
}

#[derive(Deserialize)]
struct MeQuery {
    #[serde(default)]
    done: String,
}

/// `/me`
#[handler]
async fn show_me(visit: Visit, Query(MeQuery { done }): Query<MeQuery>) -> Page {
    let app = &visit.app;
    let caller = visit.citizen()?;
    let profile = own_profile(&app.db, &app.field_cipher, caller).await?;
    let token = visit.session.as_deref().unwrap_or_default();
    let own = sessions::list_own(&app.db, &app.clock, caller, token).await?;
    visit.show(&MePage {
        layout: visit.layout(Section::None),
        csrf: visit.form_token(),
        done: words::done(&done),
        todos: todos(&profile, "/me"),
        facts: facts(&profile),
        has_phone: profile.phone.is_some(),
        is_on: app.sms.is_on(),
        sessions: own
            .into_iter()
            .map(|s| SessionLine {
                handle: s.handle,
                device: if s.device.is_empty() { words::UNKNOWN_DEVICE.into() } else { s.device },
                since: texts::moment(s.created_at),
                until: texts::moment(s.expires_at),
                is_current: s.is_current,
            })
            .collect(),
    })
}

/// What must be declared before opinions are taken, with links that come back to `next`.
pub fn todos(profile: &Profile, next: &str) -> Vec<Todo> {
    let to = |path: &str| links::with_query(path, [("next", next)]);
    let mut todos = Vec::new();
    if profile.privacy.as_ref().is_none_or(|(version, _)| version != PRIVACY_VERSION) {
        todos.push(Todo {
            text: "提意见之前，请阅读并同意个人信息保护告知。".into(), link: "阅读告知", url: to("/privacy")
        });
    }
    match profile.age {
        Age::Unknown => todos
            .push(Todo { text: "提意见之前，请说明是否已满十四周岁。".into(), link: "去说明", url: to("/me/age") }),
        Age::UnderFourteen if profile.guardian.is_none() => {
            todos.push(Todo {
                text: "不满十四周岁的，提意见之前需要监护人同意。".into(), link: "请监护人同意", url: to("/me/guardian")
            });
        }
        Age::UnderFourteen | Age::FourteenOrOver => {}
    }
    todos
}

fn consent_line(guardian: &Guardian) -> String {
    words::consented(&guardian.name, guardian.relation.label(), &masked(&guardian.phone), &texts::moment(guardian.consented_at))
}

fn facts(profile: &Profile) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts = vec![
        fact(words::PHONE, profile.phone.as_deref().map_or_else(|| words::NOT_BOUND.into(), masked)),
        fact(words::WECHAT, if profile.has_wechat { words::BOUND.into() } else { words::NOT_BOUND.into() }),
        fact(words::SINCE, texts::moment(profile.created_at)),
        fact(words::AGE, profile.age.label().into()),
    ];
    if let Some(guardian) = &profile.guardian {
        facts.push(fact(words::GUARDIAN, consent_line(guardian)));
    }
    if let Some((version, at)) = &profile.privacy {
        facts.push(fact(words::PRIVACY, words::accepted(version, &texts::moment(*at))));
    }
    facts
}

#[derive(Deserialize)]
struct EndForm {
    #[serde(default)]
    csrf: String,
    /// Empty: all others.
    #[serde(default)]
    handle: String,
}

/// Ends one session, or all others.
#[handler]
async fn end_sessions(visit: Visit, Form(form): Form<EndForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    if form.handle.is_empty() {
        sessions::end_others(&app.db, &app.clock, caller, visit.session.as_deref().unwrap_or_default()).await?;
        return Ok(see_other("/me?done=sessions"));
    }
    sessions::end_one(&app.db, &app.clock, caller, &form.handle).await?;
    Ok(see_other("/me?done=session"))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Where a form leads when it is done.
fn landing(next: &str, done: &str) -> String {
    match links::local(next) {
        "/" | "/me" => links::with_query("/me", [("done", done)]),
        path => path.into(),
    }
}

fn age_page(visit: &Visit, status: StatusCode, said: Option<bool>, problem: Option<String>, next: String) -> Page {
    let page = AgePage { layout: visit.layout(Section::None), csrf: visit.form_token(), is_fourteen_or_over: said, problem, next };
    visit.show_as(status, &page)
}

/// `/me/age`
#[handler]
async fn show_age(visit: Visit, Query(Next { next }): Query<Next>) -> Page {
    let caller = visit.citizen()?;
    let profile = own_profile(&visit.app.db, &visit.app.field_cipher, caller).await?;
    let said = match profile.age {
        Age::Unknown => None,
        Age::FourteenOrOver => Some(true),
        Age::UnderFourteen => Some(false),
    };
    age_page(&visit, StatusCode::OK, said, None, links::local(&next).into())
}

#[derive(Deserialize)]
struct AgeForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    age: String,
    #[serde(default)]
    next: String,
}

/// The statement comes back; whoever is under fourteen is led to the guardian's consent.
#[handler]
async fn state_age(visit: Visit, Form(form): Form<AgeForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let is_fourteen_or_over = match Age::parse(&form.age) {
        Some(Age::FourteenOrOver) => true,
        Some(Age::UnderFourteen) => false,
        Some(Age::Unknown) | None => {
            return age_page(&visit, StatusCode::BAD_REQUEST, None, Some(words::CHOOSE_AGE.into()), links::local(&form.next).into());
        }
    };
    consent::state_age(visit.app.reception(), caller, is_fourteen_or_over).await?;
    if is_fourteen_or_over {
        return Ok(see_other(&landing(&form.next, "age")));
    }
    Ok(see_other(&links::with_query("/me/guardian", [("next", links::local(&form.next))])))
}

#[derive(Clone, Default, Deserialize)]
struct GuardianForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    relation: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

async fn guardian_page(visit: &Visit, status: StatusCode, form: GuardianForm, step: Option<CodeStep>, problem: Option<String>) -> Page {
    let caller = visit.citizen()?;
    let profile = own_profile(&visit.app.db, &visit.app.field_cipher, caller).await?;
    let relations =
        Relation::ALL.iter().map(|r| Choosable { value: r.as_str(), text: r.label(), is_chosen: r.as_str() == form.relation }).collect();
    let page = GuardianPage {
        layout: visit.layout(Section::None),
        csrf: visit.form_token(),
        recorded: profile.guardian.as_ref().map(consent_line),
        name: form.name,
        relations,
        phone: form.phone,
        step,
        problem,
        is_on: visit.app.sms.is_on(),
        next: links::local(&form.next).into(),
    };
    visit.show_as(status, &page)
}

/// `/me/guardian`
#[handler]
async fn show_guardian(visit: Visit, Query(Next { next }): Query<Next>) -> Page {
    guardian_page(&visit, StatusCode::OK, GuardianForm { next, ..GuardianForm::default() }, None, None).await
}

/// A code is sent to the guardian's phone.
#[handler]
async fn send_guardian_code(visit: Visit, request: &Request, Form(form): Form<GuardianForm>) -> Page {
    visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let sent = async {
        if form.name.trim().is_empty() {
            return Err(Error::invalid("name", "请填写监护人姓名。"));
        }
        if Relation::parse(&form.relation).is_none() {
            return Err(Error::invalid("relation", words::CHOOSE_RELATION));
        }
        let phone = Phone::parse(&form.phone)?;
        let sent = codes::send_code(app.reception(), Purpose::GuardianConsent, &phone, visit.app.client_address(request)).await?;
        let shown_code = shown_code(&visit, &phone).await?;
        Ok(CodeStep { sent_to: sent.sent_to, phone: phone.digits().into(), shown_code, ..CodeStep::default() })
    };
    match sent.await {
        Ok(step) => guardian_page(&visit, StatusCode::OK, form, Some(step), None).await,
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) => guardian_page(&visit, status_of(&error), form, None, Some(error.detail)).await,
    }
}

/// The guardian's consent comes back.
#[handler]
async fn record_guardian(visit: Visit, request: &Request, Form(form): Form<GuardianForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    let app = &visit.app;
    let recorded: Result<()> = async {
        let phone = Phone::parse(&form.phone)?;
        let relation = Relation::parse(&form.relation).ok_or_else(|| Error::invalid("relation", words::CHOOSE_RELATION))?;
        let new = NewConsent { name: &form.name, relation, phone: &phone, code: &form.code };
        consent::record_guardian_consent(app.reception(), caller, new, visit.app.client_address(request)).await
    }
    .await;
    match recorded {
        Ok(()) => Ok(see_other(&landing(&form.next, "guardian"))),
        Err(error) if error.code.status() == 500 => Err(Failure(error)),
        Err(error) => {
            let status = status_of(&error);
            let step = match Phone::parse(&form.phone) {
                Ok(phone) => Some(CodeStep {
                    sent_to: phone.masked(),
                    phone: phone.digits().into(),
                    shown_code: shown_code(&visit, &phone).await?,
                    problem: Some(error.detail.clone()),
                    ..CodeStep::default()
                }),
                Err(_) => None,
            };
            let problem = if step.is_none() { Some(error.detail) } else { None };
            guardian_page(&visit, status, form, step, problem).await
        }
    }
}

/// `/privacy`
#[handler]
async fn show_privacy(visit: Visit, Query(Next { next }): Query<Next>) -> Page {
    let app = &visit.app;
    let mut page = PrivacyPage {
        layout: visit.layout(Section::None),
        version: PRIVACY_VERSION,
        sections: SECTIONS
            .iter()
            .map(|s| NoticeSection {
                heading: s.heading,
                paragraphs: s.paragraphs.iter().map(|p| p.replace("{bureau}", &app.config.bureau_name)).collect(),
            })
            .collect(),
        csrf: None,
        accepted: None,
        next: links::local(&next).into(),
    };
    if let Ok(caller) = visit.citizen() {
        match own_profile(&app.db, &app.field_cipher, caller).await?.privacy {
            Some((version, at)) if version == PRIVACY_VERSION => {
                page.accepted = Some(Badge { text: words::accepted(&version, &texts::moment(at)), tone: "good" });
            }
            _ => page.csrf = Some(visit.form_token()),
        }
    }
    visit.show(&page)
}

#[derive(Deserialize)]
struct PrivacyForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    next: String,
}

/// The notice is accepted.
#[handler]
async fn accept_privacy(visit: Visit, Form(form): Form<PrivacyForm>) -> Page {
    let caller = visit.citizen()?;
    visit.check_form(&form.csrf)?;
    consent::accept_privacy(visit.app.reception(), caller, &form.version).await?;
    Ok(see_other(&landing(&form.next, "privacy")))
}
