//! What stands beside the text of a draft: its attachments, its legal bases, and what it became.

use crate::app::App;
use crate::drafts::versions::{DraftProvision, DraftVersion};
use crate::drafts::{Draft, attachments, legal_bases, promulgations};
use crate::error::Result;
use crate::portal::pages::Link;
use crate::portal::pages::drafting::{AttachmentLine, PublicPapers};
use crate::portal::staff::drafting::promulgation_facts;
use crate::portal::texts;

/// Papers of the version shown, which the viewer may see.
pub async fn papers(app: &App, draft: &Draft, version: Option<&DraftVersion>, provisions: &[DraftProvision]) -> Result<PublicPapers> {
    let promulgation = promulgations::find_promulgation(&app.db, draft.id).await?;
    let mut papers = PublicPapers {
        document: promulgation.as_ref().map(|p| Link { text: p.work_title.clone(), url: format!("/laws/{}", p.work_id) }),
        promulgation: promulgation.as_ref().map(promulgation_facts).unwrap_or_default(),
        ..PublicPapers::default()
    };
    let Some(version) = version else { return Ok(papers) };
    for attachment in attachments::list_attachments(&app.db, version.id).await? {
        papers.attachments.push(AttachmentLine {
            meta: texts::drafting::file(&attachment.media_type, attachment.size_bytes),
            url: format!("/drafts/{}/attachments/{}", draft.id, attachment.id),
            remove: String::new(),
            name: attachment.name,
        });
    }
    for basis in legal_bases::list_for_version(&app.db, version.id).await? {
        let provision = if basis.provision.is_empty() {
            texts::drafting::WHOLE_DRAFT.into()
        } else {
            legal_bases::cited(version, provisions, &basis.provision)
        };
        papers.bases.push((provision, Link { text: texts::citation(&basis.title, &basis.label), url: basis.path() }));
    }
    Ok(papers)
}
