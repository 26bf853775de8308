//! Operations of people who take part: changing, withdrawing, files, agreeing, looking up without an account, and what others said.

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::types::multipart::Upload;
use poem_openapi::{ApiResponse, Enum, Multipart, Object, OpenApi};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::find_draft;
use super::views::*;
use crate::accounts::Permission;
use crate::api::Tag;
use crate::api::callers::{Anyone, SignedIn};
use crate::api::problem::Problem;
use crate::app::App;
use crate::error::{Code, Error, Result as DomainResult};
use crate::ids::{EnclosureId, OpinionId};
use crate::opinions::enclosures::{self, Enclosure, NewFile, Uploader};
use crate::opinions::reading::public::About;
use crate::opinions::reading::{self, ProvisionCount, ShownOpinion, Words};
use crate::opinions::revising::{self, Revised, Revision};
use crate::opinions::votes::{self, Choice, Tally};
use crate::opinions::{NewOpinion, posting};

/// What somebody thinks of another's opinion.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Choice")]
enum ChoiceName {
    /// 赞同
    Agree,
    /// 不赞同
    Disagree,
}

/// A choice.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ChoiceBody {
    /// Agree or disagree
    choice: ChoiceName,
}

/// What people think of an opinion. The numbers help reading; nothing follows from them.
#[derive(Object)]
struct TallyView {
    /// How many agree
    agree: i64,
    /// How many disagree
    disagree: i64,
    /// What the caller said
    #[oai(skip_serializing_if_is_none)]
    own_choice: Option<ChoiceName>,
}

/// Other words for an own opinion.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ChangeBody {
    /// The revision that the author had before their eyes
    #[oai(validator(minimum(value = "1")))]
    revision: i64,
    /// The whole opinion as it shall be
    opinion: OpinionBody,
}

/// Taking an own opinion back.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct OpinionWithdrawalBody {
    /// The revision that the author had before their eyes
    #[oai(validator(minimum(value = "1")))]
    revision: i64,
}

/// What changing or withdrawing did.
#[derive(Object)]
struct RevisedView {
    /// The revision that stands now
    revision: i64,
    /// Since when
    at: chrono::DateTime<chrono::Utc>,
}

/// One wording of an opinion.
#[derive(Object)]
struct RevisionView {
    /// From 1
    revision: i64,
    /// Since when it stood
    written_at: chrono::DateTime<chrono::Utc>,
    /// When the next one replaced it; absent for the present one
    #[oai(skip_serializing_if_is_none)]
    replaced_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// Attitude
    stance: StanceName,
    /// The words of the provision that it points at
    quote_text: String,
    /// The wording that it proposes
    proposed_text: String,
    /// The opinion
    body: String,
    /// Why
    reason: String,
    /// Whether it may be published
    is_public: bool,
}

/// A file for an opinion.
#[derive(Multipart)]
struct EnclosureForm {
    /// An image (JPEG, PNG, WebP, GIF), a PDF or a Word document without macros; recognised by its content
    file: Upload,
}

/// An uploaded file.
#[derive(Object)]
struct EnclosureView {
    /// Id, to be named in the opinion
    id: Uuid,
    /// Name
    name: String,
    /// jpeg, png, webp, gif, pdf or docx, by its content
    kind: String,
    /// Size
    size_bytes: i64,
}

/// A file.
#[derive(ApiResponse)]
enum EnclosureResponse {
    /// The file, to be saved and not shown
    #[oai(status = 200, content_type = "application/octet-stream")]
    Bytes(
        Binary<Vec<u8>>,
        /// attachment, with the name of the file
        #[oai(header = "Content-Disposition")]
        String,
        /// Nothing in it may run
        #[oai(header = "Content-Security-Policy")]
        String,
        /// It is for this caller alone
        #[oai(header = "Cache-Control")]
        String,
    ),
}

/// An opinion of another, as everybody sees it.
#[derive(Object)]
struct ShownOpinionView {
    /// Id
    id: Uuid,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// wechat, web, contact_point, letter or symposium
    channel: String,
    /// When it came
    posted_at: chrono::DateTime<chrono::Utc>,
    /// Whether its words were hidden by moderation; its place stays
    is_hidden: bool,
    /// Why its words were hidden: secret, privacy, abuse, indecent, advertising, illegal or unrelated
    #[oai(skip_serializing_if_is_none)]
    hidden_for: Option<String>,
    /// When its words were hidden
    #[oai(skip_serializing_if_is_none)]
    hidden_at: Option<chrono::DateTime<chrono::Utc>>,
    /// A kind of person or unit
    #[oai(skip_serializing_if_is_none)]
    author_kind: Option<String>,
    /// Attitude
    #[oai(skip_serializing_if_is_none)]
    stance: Option<StanceName>,
    /// The words of the provision that it points at
    #[oai(skip_serializing_if_is_none)]
    quote_text: Option<String>,
    /// The wording that it proposes
    #[oai(skip_serializing_if_is_none)]
    proposed_text: Option<String>,
    /// The opinion
    #[oai(skip_serializing_if_is_none)]
    body: Option<String>,
    /// Why
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// What people think of it
    tally: TallyView,
    /// Whether it is the caller's own
    is_own: bool,
}

/// One page of opinions.
#[derive(Object)]
struct ShownOpinionPageView {
    /// Opinions, the newest first
    items: Vec<ShownOpinionView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// Opinions on one provision itself, what belongs to it not included.
#[derive(Object)]
struct ProvisionCountView {
    /// Address; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// 意见条数: opinions received
    opinions: i64,
    /// Those among them whose words others may see
    shown: i64,
}

/// The operations.
pub struct ParticipationApi;

#[OpenApi(tag = "Tag::Opinions")]
impl ParticipationApi {
    /// Give an own opinion other words, while its round is open. It is checked again before others see it.
    #[oai(path = "/opinions/:opinion_id", method = "put", operation_id = "edit_opinion")]
    async fn edit_opinion(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        /// Made by the client, one for each change, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<ChangeBody>,
    ) -> Result<Json<RevisedView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let body = body.0;
        let new = NewOpinion::from(body.opinion);
        let has_attachments = !new.attachments.is_empty();
        let done = revising::edit_opinion(app.counter(request), &caller, OpinionId(opinion_id), &key, body.revision, new).await?;
        if !done.is_repetition {
            let openid = app.openid_of(caller.account_id).await;
            app.check_opinion(OpinionId(opinion_id), openid.as_deref(), has_attachments).await;
        }
        Ok(Json(revised_view(done)))
    }

    /// Take an own opinion back, while its round is open.
    #[oai(path = "/opinions/:opinion_id/withdrawal", method = "post", operation_id = "withdraw_opinion")]
    async fn withdraw_opinion(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        /// Made by the client, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<OpinionWithdrawalBody>,
    ) -> Result<Json<RevisedView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let done = revising::withdraw_opinion(app.counter(request), &caller, OpinionId(opinion_id), &key, body.0.revision).await?;
        Ok(Json(revised_view(done)))
    }

    /// Every wording that an opinion had, for its author and for staff.
    #[oai(path = "/opinions/:opinion_id/revisions", method = "get", operation_id = "list_opinion_revisions")]
    async fn list_opinion_revisions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<Vec<RevisionView>>, Problem> {
        let revisions = revising::list_revisions(&app.db, &signed_in.caller(), OpinionId(opinion_id)).await?;
        Ok(Json(revisions.into_iter().map(revision_view).collect()))
    }

    /// Upload a file for an opinion that is about to be posted. The same file twice is one upload; a file that comes with no opinion is removed.
    #[oai(path = "/drafts/:draft_id/attachments", method = "post", operation_id = "upload_opinion_attachment")]
    async fn upload_opinion_attachment(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Made by the client, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        form: EnclosureForm,
    ) -> Result<Json<EnclosureView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let file = read_upload(&app, form.file).await?;
        let enclosure = enclosures::upload(app.counter(request), &app.blobs, Uploader::Person(&caller), draft.id, Some(&key), file).await?;
        Ok(Json(enclosure_view(enclosure)))
    }

    /// Upload a file for an opinion that is about to be posted without signing in.
    #[oai(path = "/drafts/:draft_id/anonymous-attachments", method = "post", operation_id = "upload_anonymous_attachment")]
    async fn upload_anonymous_attachment(
        &self,
        app: Data<&App>,
        request: &Request,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Random and secret, 32 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        form: EnclosureForm,
    ) -> Result<Json<EnclosureView>, Problem> {
        let draft = find_draft(&app, None, draft_id).await?;
        posting::require_open(&app.db, app.clock.now(), draft.id, true).await?;
        let file = read_upload(&app, form.file).await?;
        let by = Uploader::Visitor;
        Ok(Json(enclosure_view(enclosures::upload(app.counter(request), &app.blobs, by, draft.id, Some(&key), file).await?)))
    }

    /// The files of an opinion, for its author and for staff.
    #[oai(path = "/opinions/:opinion_id/attachments", method = "get", operation_id = "list_opinion_attachments")]
    async fn list_opinion_attachments(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<Vec<EnclosureView>>, Problem> {
        let opinion = reading::get_opinion(&app.db, &signed_in.caller(), OpinionId(opinion_id)).await?;
        let files = enclosures::list_enclosures(&app.db, opinion.id).await?;
        Ok(Json(files.into_iter().map(enclosure_view).collect()))
    }

    /// One file of an opinion, for its author and for staff.
    #[oai(path = "/opinion-attachments/:attachment_id", method = "get", operation_id = "get_opinion_attachment")]
    async fn get_opinion_attachment(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// File
        Path(attachment_id): Path<Uuid>,
    ) -> Result<EnclosureResponse, Problem> {
        let (file, bytes) = enclosures::read_enclosure(&app.db, &app.blobs, &signed_in.caller(), EnclosureId(attachment_id)).await?;
        Ok(EnclosureResponse::Bytes(
            Binary(bytes),
            file.disposition(false),
            enclosures::CONTENT_SECURITY_POLICY.into(),
            "private, no-store".into(),
        ))
    }

    /// Agree or disagree with another's opinion that is shown, while its round is open; once for each person, changeable.
    #[oai(path = "/opinions/:opinion_id/vote", method = "put", operation_id = "vote_on_opinion")]
    async fn vote_on_opinion(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        /// Made by the client, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<ChoiceBody>,
    ) -> Result<Json<TallyView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let choice = Some(body.0.choice.into());
        Ok(Json(tally_view(votes::vote(app.counter(request), &caller, OpinionId(opinion_id), &key, choice).await?)))
    }

    /// No longer agree or disagree.
    #[oai(path = "/opinions/:opinion_id/vote", method = "delete", operation_id = "remove_vote")]
    async fn remove_vote(
        &self,
        app: Data<&App>,
        request: &Request,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        /// Made by the client, 8 to 128 characters
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
    ) -> Result<Json<TallyView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        Ok(Json(tally_view(votes::vote(app.counter(request), &caller, OpinionId(opinion_id), &key, None).await?)))
    }

    /// Opinions that a round shows to everybody, the newest first. Those that were hidden keep their place without their words.
    #[oai(path = "/drafts/:draft_id/public-opinions", method = "get", operation_id = "list_public_opinions")]
    #[expect(clippy::too_many_arguments, reason = "each is one documented parameter")]
    async fn list_public_opinions(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those on a provision and what belongs to it
        #[oai(validator(max_length = 200))]
        Query(address): Query<Option<String>>,
        /// Only those on the draft as a whole
        #[oai(default)]
        Query(whole): Query<bool>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "crate::api::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ShownOpinionPageView>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let about = match &address {
            _ if whole => About::Whole,
            Some(address) => About::Provision(address),
            None => About::Everything,
        };
        let viewer = anyone.0.as_ref().map(|caller| caller.account_id);
        let page = reading::list_shown(&app.db, &draft, viewer, about, cursor.as_deref(), limit as usize).await?;
        Ok(Json(ShownOpinionPageView { items: page.items.into_iter().map(shown_view).collect(), next_cursor: page.next }))
    }

    /// Counts of the opinions on a draft by the provision they speak of, for everybody.
    #[oai(path = "/drafts/:draft_id/provision-opinion-counts", method = "get", operation_id = "count_opinions_by_provision")]
    async fn count_opinions_by_provision(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<Vec<ProvisionCountView>>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let view = |count: ProvisionCount| ProvisionCountView { address: count.address, opinions: count.opinions, shown: count.shown };
        Ok(Json(reading::count_by_provision(&app.db, &draft).await?.into_iter().map(view).collect()))
    }
}

/// Reads an uploaded field, one byte over its limit at the most.
async fn read_upload(app: &App, upload: Upload) -> DomainResult<NewFile> {
    let name = upload.file_name().map_or_else(String::new, str::to_owned);
    let limit = (u64::from(app.config.rules.enclosure_mib) << 20) + 1;
    let mut bytes = Vec::new();
    upload
        .into_async_read()
        .take(limit)
        .read_to_end(&mut bytes)
        .await
        .map_err(|e| Error::new(Code::Malformed, "上传的文件没有读完，请重新上传。").caused_by(e))?;
    Ok(NewFile { name, bytes })
}

fn revised_view(done: Revised) -> RevisedView {
    RevisedView { revision: done.revision, at: done.at }
}

fn revision_view(revision: Revision) -> RevisionView {
    let wording = revision.wording;
    RevisionView {
        revision: revision.revision,
        written_at: revision.written_at,
        replaced_at: revision.replaced_at,
        address: wording.address,
        provision_label: wording.provision_label,
        stance: wording.stance.into(),
        quote_text: wording.quote_text,
        proposed_text: wording.proposed_text,
        body: wording.body,
        reason: wording.reason,
        is_public: wording.is_public,
    }
}

fn enclosure_view(enclosure: Enclosure) -> EnclosureView {
    EnclosureView { id: enclosure.id.0, name: enclosure.name, kind: enclosure.kind.as_str().into(), size_bytes: enclosure.size_bytes }
}

fn tally_view(tally: Tally) -> TallyView {
    TallyView { agree: tally.agree, disagree: tally.disagree, own_choice: tally.own_choice.map(Into::into) }
}

fn shown_view(shown: ShownOpinion) -> ShownOpinionView {
    let opinion = shown.opinion;
    ShownOpinionView {
        id: opinion.id.0,
        address: opinion.address,
        provision_label: opinion.provision_label,
        channel: opinion.channel.as_str().into(),
        posted_at: opinion.posted_at,
        is_hidden: opinion.words == Words::Hidden,
        hidden_for: shown.hiding.map(|(reason, _)| reason.as_str().into()),
        hidden_at: shown.hiding.map(|(_, at)| at),
        author_kind: opinion.author_kind,
        stance: opinion.stance.map(Into::into),
        quote_text: opinion.quote_text,
        proposed_text: opinion.proposed_text,
        body: opinion.body,
        reason: opinion.reason,
        tally: tally_view(Tally { agree: shown.agree, disagree: shown.disagree, own_choice: shown.own_choice }),
        is_own: shown.is_own,
    }
}
