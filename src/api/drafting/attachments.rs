//! Operations on the attachments 附件 of a version.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Multipart, Object, OpenApi};
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::api::Tag;
use crate::api::callers::{Anyone, SignedIn};
use crate::api::problem::Problem;
use crate::app::App;
use crate::documents::attachments::disposition;
use crate::drafts::attachments::{self, ATTACHMENT_BYTES, DraftAttachment};
use crate::drafts::{self, Viewer, versions};
use crate::error::{Code, Error};
use crate::ids::DraftAttachmentId;

/// A file to be attached.
#[derive(Debug, Multipart)]
struct AttachmentForm {
    /// PDF, docx, xlsx or an image (png, jpg, gif, webp); at most 20 MiB. The content decides, not the name
    file: Upload,
}

/// A file attached to a version.
#[derive(Object)]
struct DraftAttachmentView {
    /// Id
    id: Uuid,
    /// Name
    name: String,
    /// Media type, found from the content
    media_type: String,
    /// Size in bytes
    size_bytes: i64,
    /// SHA-256 of the content
    sha256: String,
}

/// The files of a version after one was added.
#[derive(ApiResponse)]
enum AddedAttachment {
    /// Added, or there already
    #[oai(status = 201)]
    Created(Json<Vec<DraftAttachmentView>>),
}

/// Nothing to say.
#[derive(ApiResponse)]
enum Removed {
    /// Gone
    #[oai(status = 204)]
    Gone,
}

/// A file.
#[derive(ApiResponse)]
enum AttachmentFile {
    /// The file as it came
    #[oai(status = 200, content_type = "application/octet-stream")]
    Found(
        Binary<Vec<u8>>,
        /// Always a download
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
    ),
}

fn view(attachment: DraftAttachment) -> DraftAttachmentView {
    DraftAttachmentView {
        id: attachment.id.0,
        name: attachment.name,
        media_type: attachment.media_type,
        size_bytes: attachment.size_bytes,
        sha256: attachment.blob_hash,
    }
}

/// The operations.
pub struct AttachmentsApi;

#[OpenApi(tag = "Tag::Drafts")]
impl AttachmentsApi {
    /// The files attached to a version that the caller may see.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/attachments", method = "get", operation_id = "list_draft_attachments")]
    async fn list_draft_attachments(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
    ) -> Result<Json<Vec<DraftAttachmentView>>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        Ok(Json(attachments::list_attachments(&app.db, version.id).await?.into_iter().map(view).collect()))
    }

    /// Attach a file to a version that is not published; the same content twice is one file.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/attachments", method = "post", operation_id = "add_draft_attachment")]
    async fn add_draft_attachment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        form: AttachmentForm,
    ) -> Result<AddedAttachment, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        if form.file.size() > ATTACHMENT_BYTES {
            return Err(Error::new(Code::TooLarge, format!("单个附件不超过 {} MB。", ATTACHMENT_BYTES >> 20)).into());
        }
        let name = form.file.file_name().unwrap_or("附件").to_owned();
        let bytes = form.file.into_vec().await.map_err(|e| Error::internal("an upload could not be read back", e))?;
        let actor = Actor::Person(&caller);
        let held = attachments::add_attachment(
            &app.db,
            &app.blobs,
            &app.clock,
            &app.ids,
            actor,
            draft_id.into(),
            version_id.into(),
            (name, bytes),
        )
        .await?;
        Ok(AddedAttachment::Created(Json(held.into_iter().map(view).collect())))
    }

    /// Download an attachment.
    #[oai(
        path = "/drafts/:draft_id/versions/:version_id/attachments/:attachment_id",
        method = "get",
        operation_id = "get_draft_attachment"
    )]
    async fn get_draft_attachment(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        /// Attachment
        Path(attachment_id): Path<Uuid>,
    ) -> Result<AttachmentFile, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        let (attachment, content) = attachments::get_attachment(&app.db, &app.blobs, &version, DraftAttachmentId(attachment_id)).await?;
        Ok(AttachmentFile::Found(Binary(content), disposition(&attachment.name), "sandbox; default-src 'none'".into()))
    }

    /// Take a file off a version that is not published.
    #[oai(
        path = "/drafts/:draft_id/versions/:version_id/attachments/:attachment_id",
        method = "delete",
        operation_id = "remove_draft_attachment"
    )]
    async fn remove_draft_attachment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        /// Attachment
        Path(attachment_id): Path<Uuid>,
    ) -> Result<Removed, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let actor = Actor::Person(&caller);
        attachments::remove_attachment(&app.db, &app.clock, actor, draft_id.into(), version_id.into(), DraftAttachmentId(attachment_id))
            .await?;
        Ok(Removed::Gone)
    }
}
