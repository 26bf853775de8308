//! `/opinion-files/{id}`: a file that came with an opinion, for its author and for staff.

use poem::http::header;
use poem::web::{Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{Code, Error};
use crate::ids::EnclosureId;
use crate::opinions::enclosures;
use crate::portal::texts;
use crate::portal::visits::{Page, Visit};

#[derive(Deserialize)]
struct How {
    #[serde(default)]
    show: String,
}

/// Sends the file to be saved; a picture may be shown in place on a page of ours.
#[handler]
pub async fn send_file(visit: Visit, Path(id): Path<String>, Query(how): Query<How>) -> Page {
    let caller = visit.caller.as_ref().ok_or_else(|| Error::new(Code::LoginRequired, texts::CITIZENS_ONLY))?;
    let id = id.parse::<Uuid>().map(EnclosureId).map_err(|_| Error::not_found("这个附件"))?;
    let (file, bytes) = enclosures::read_enclosure(&visit.app.db, &visit.app.blobs, caller, id).await?;
    Ok(Response::builder()
        .content_type(file.kind.media_type())
        .header(header::CONTENT_DISPOSITION, file.disposition(how.show == "1"))
        .header(header::CONTENT_SECURITY_POLICY, enclosures::CONTENT_SECURITY_POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header("cross-origin-resource-policy", "same-origin")
        .header(header::CACHE_CONTROL, "private, no-store")
        .body(bytes))
}
