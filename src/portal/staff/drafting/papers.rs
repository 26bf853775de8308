//! What goes with the text of a version: its explanation and its attachments.

use poem::Response;
use poem::handler;
use poem::http::{StatusCode, header};
use poem::web::{Form, Multipart, Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::{draft_id, draft_path, find_version, forms, problem_of, version_path};
use crate::accounts::{Actor, Caller, Permission};
use crate::documents::attachments::disposition;
use crate::drafts::attachments::{self, ATTACHMENT_BYTES};
use crate::drafts::versions::{self, DraftVersion};
use crate::drafts::{self, Draft, Viewer, explanations};
use crate::error::{Code, Error, Result};
use crate::ids::DraftAttachmentId;
use crate::portal::pages::Section;
use crate::portal::pages::drafting::{AttachmentLine, Field, PapersPage};
use crate::portal::texts::drafting as words;
use crate::portal::visits::{Failure, Page, Visit, see_other};

/// Largest explanation as a file, in bytes.
const EXPLANATION_BYTES: u64 = 20 << 20;

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    done: String,
}

/// What came back refused.
#[derive(Default)]
struct Refused<'a> {
    explanation: Option<String>,
    error: Option<&'a Error>,
    is_upload: bool,
}

/// `/staff/drafts/{id}/versions/{version}/papers`
#[handler]
pub async fn show_papers(visit: Visit, Path((id, version)): Path<(String, String)>, Query(shown): Query<Shown>) -> Page {
    let caller = visit.staff(Permission::ReadUnpublishedDrafts)?;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let done = match shown.done.as_str() {
        "explained" => "草案说明已保存。",
        "attached" => "附件已添加。",
        "removed" => "附件已移除。",
        _ => "",
    };
    papers_page(&visit, caller, (&draft, &version), done, Refused::default()).await
}

async fn papers_page(visit: &Visit, caller: &Caller, (draft, version): (&Draft, &DraftVersion), done: &str, refused: Refused<'_>) -> Page {
    let held = attachments::list_attachments(&visit.app.db, version.id).await?;
    let path = version_path(version);
    let is_published = version.published_at.is_some();
    let error = refused.error;
    let is_conflict = error.is_some_and(|e| e.code == Code::Conflict);
    let sentence = error.map(|e| e.detail.clone()).unwrap_or_default();
    let problem = if refused.is_upload {
        String::new()
    } else {
        Some(problem_of(error, "explanation")).filter(|p| !p.is_empty()).unwrap_or(sentence.clone())
    };
    // After a conflict the field shows what is there now, and the typed words stand beside it.
    let value = refused.explanation.clone().filter(|_| !is_conflict).unwrap_or_else(|| version.explanation.clone());
    let status = error.map_or(StatusCode::OK, |e| StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::BAD_REQUEST));
    visit.show_as(
        status,
        &PapersPage {
            layout: visit.layout(Section::Staff),
            csrf: visit.form_token(),
            draft_path: draft_path(draft.id),
            title: draft.title.clone(),
            name: words::version(version.number),
            is_changeable: !is_published && caller.may(Permission::EditDrafts),
            is_published,
            revision: version.explanation_revision,
            explanation: Field { value, problem },
            paragraphs: version.explanation.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect(),
            unsaved: refused.explanation.filter(|_| is_conflict).unwrap_or_default(),
            attachments: held
                .into_iter()
                .map(|a| AttachmentLine {
                    meta: words::file(&a.media_type, a.size_bytes),
                    url: format!("/drafts/{}/attachments/{}", draft.id, a.id),
                    remove: format!("{path}/attachments/{}/remove", a.id),
                    name: a.name,
                })
                .collect(),
            upload_problem: if refused.is_upload { sentence } else { String::new() },
            done: done.into(),
            version_path: path,
        },
    )
}

/// The explanation comes as a file or as text.
#[handler]
pub async fn write_explanation(visit: Visit, Path((id, version)): Path<(String, String)>, multipart: Multipart) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    let app = &visit.app;
    let mut sent = forms::read(&visit, multipart, EXPLANATION_BYTES).await?;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let file = sent.file.take();
    let typed = sent.get("explanation").to_owned();
    let written = async {
        let text = match file {
            Some((name, bytes)) => explanations::read_explanation(name, bytes).await?,
            None => typed.clone(),
        };
        let actor = Actor::Person(caller);
        explanations::write_explanation(&app.db, &app.clock, actor, draft.id, version.id, sent.number("revision"), &text).await
    };
    match written.await {
        Ok(_) => Ok(see_other(&format!("{}/papers?done=explained", version_path(&version)))),
        Err(error) if error.code.status() < 500 => {
            let (draft, version) = find_version(&visit, caller, &draft.id.to_string(), &version.id.to_string()).await?;
            papers_page(&visit, caller, (&draft, &version), "", Refused { explanation: Some(typed), error: Some(&error), is_upload: false })
                .await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// A file is attached.
#[handler]
pub async fn add_attachment(visit: Visit, Path((id, version)): Path<(String, String)>, multipart: Multipart) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    let app = &visit.app;
    // A form that is not of this session is told so before anything else; a file that is too large is said on the page.
    let sent = match forms::read(&visit, multipart, ATTACHMENT_BYTES as u64).await {
        Err(error) if error.code == Code::Forbidden => return Err(Failure(error)),
        read => read,
    };
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let added = async {
        let mut sent = sent?;
        let file = sent.file.take().ok_or_else(|| Error::invalid("file", words::NO_FILE))?;
        attachments::add_attachment(&app.db, &app.blobs, &app.clock, &app.ids, Actor::Person(caller), draft.id, version.id, file).await
    };
    match added.await {
        Ok(_) => Ok(see_other(&format!("{}/papers?done=attached#attachments", version_path(&version)))),
        Err(error) if error.code.status() < 500 && error.code != Code::Forbidden => {
            papers_page(&visit, caller, (&draft, &version), "", Refused { explanation: None, error: Some(&error), is_upload: true }).await
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// A file is taken off.
#[handler]
pub async fn remove_attachment(
    visit: Visit,
    Path((id, version, attachment)): Path<(String, String, String)>,
    Form(sent): Form<Token>,
) -> Page {
    let caller = visit.staff(Permission::EditDrafts)?;
    visit.check_form(&sent.csrf)?;
    let app = &visit.app;
    let (draft, version) = find_version(&visit, caller, &id, &version).await?;
    let attachment = attachment_id(&attachment)?;
    attachments::remove_attachment(&app.db, &app.clock, Actor::Person(caller), draft.id, version.id, attachment).await?;
    Ok(see_other(&format!("{}/papers?done=removed#attachments", version_path(&version))))
}

fn attachment_id(text: &str) -> Result<DraftAttachmentId> {
    text.parse::<Uuid>().map(DraftAttachmentId).map_err(|_| Error::not_found(words::THIS_ATTACHMENT))
}

/// `/drafts/{id}/attachments/{attachment}`: a download, for everybody once the version is public.
#[handler]
pub async fn send_attachment(visit: Visit, Path((id, attachment)): Path<(String, String)>) -> Page {
    let app = &visit.app;
    let viewer = Viewer::Public(visit.caller.as_ref());
    let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id(&id)?).await?;
    let wanted = attachment_id(&attachment)?;
    for version in versions::list_versions(&app.db, viewer, &draft).await? {
        let held = attachments::list_attachments(&app.db, version.id).await?;
        if !held.iter().any(|a| a.id == wanted) {
            continue;
        }
        let (found, content) = attachments::get_attachment(&app.db, &app.blobs, &version, wanted).await?;
        // Shown by no browser as a page of ours: a download under its own name, in a box without rights.
        return Ok(Response::builder()
            .content_type(&found.media_type)
            .header(header::CONTENT_DISPOSITION, disposition(&found.name))
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
            .header(header::CACHE_CONTROL, "private, no-cache")
            .body(content));
    }
    Err(Failure(Error::not_found(words::THIS_ATTACHMENT)))
}
