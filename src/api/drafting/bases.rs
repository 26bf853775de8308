//! Operations on the legal bases 上位法依据 of a draft, and reading a citation.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::api::Tag;
use crate::api::callers::{Anyone, SignedIn};
use crate::api::problem::Problem;
use crate::app::App;
use crate::drafts::legal_bases::{self, LegalBasis, Located, NewLegalBasis};
use crate::drafts::{self, Viewer, versions};
use crate::error::Error;
use crate::ids::{LegalBasisId, WorkId};
use crate::search::named_places;

/// A basis to be named: by a citation, or by a document of the library and a place in it.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct LegalBasisBody {
    /// Address in the draft; the draft as a whole when empty
    #[oai(default, validator(max_length = 200))]
    provision: String,
    /// E.g. 立法法第八十二条; used when `document_id` is absent
    #[oai(default, validator(max_length = 300))]
    citation: String,
    /// The document of the library
    #[oai(skip_serializing_if_is_none)]
    document_id: Option<Uuid>,
    /// With `document_id`: address there; the document as a whole when empty
    #[oai(default, validator(max_length = 200))]
    address: String,
}

/// A legal basis with its words.
#[derive(Object)]
struct LegalBasisView {
    /// Id
    id: Uuid,
    /// Address in the draft; empty for the draft as a whole
    provision: String,
    /// Document of the library
    document_id: Uuid,
    /// Version that was in force when the basis was named
    version_id: Uuid,
    /// Title
    title: String,
    /// Address there; empty for the document as a whole
    address: String,
    /// As cited
    label: String,
    /// Its words, a line for each paragraph and item
    text: String,
}

/// A place of the library.
#[derive(Object)]
struct LocatedView {
    /// Document
    document_id: Uuid,
    /// Version that stands today
    version_id: Uuid,
    /// Title
    title: String,
    /// Address; empty for the document as a whole
    address: String,
    /// As cited
    label: String,
    /// Its words
    text: String,
}

/// All bases of a version after one was named.
#[derive(ApiResponse)]
enum AddedBasis {
    /// Named, or there already
    #[oai(status = 201)]
    Created(Json<Vec<LegalBasisView>>),
}

/// Nothing to say.
#[derive(ApiResponse)]
enum RemovedBasis {
    /// Gone
    #[oai(status = 204)]
    Gone,
}

fn view(basis: LegalBasis) -> LegalBasisView {
    LegalBasisView {
        id: basis.id.0,
        provision: basis.provision,
        document_id: basis.work_id.0,
        version_id: basis.version_id.0,
        title: basis.title,
        address: basis.address,
        label: basis.label,
        text: basis.text,
    }
}

fn located_view(located: Located) -> LocatedView {
    LocatedView {
        document_id: located.work_id.0,
        version_id: located.version_id.0,
        title: located.title,
        address: located.address,
        label: located.label,
        text: located.text,
    }
}

/// The operations.
pub struct LegalBasesApi;

#[OpenApi(tag = "Tag::Drafts")]
impl LegalBasesApi {
    /// Read a citation such as 立法法第八十二条第一款: the places of the library that it names, the most certain first.
    #[oai(path = "/citations", method = "get", operation_id = "locate_citation", tag = "Tag::Library")]
    async fn locate_citation(
        &self,
        app: Data<&App>,
        /// The citation
        #[oai(validator(min_length = 1, max_length = 300))]
        Query(text): Query<String>,
    ) -> Result<Json<Vec<LocatedView>>, Problem> {
        let mut found = Vec::new();
        let titles = app.search.ready_titles()?;
        for named in named_places(&text, &titles) {
            let located = legal_bases::locate(&app.db, app.clock.today(), named.work_id, &named.place).await?;
            found.extend(located.map(located_view));
        }
        Ok(Json(found))
    }

    /// The legal bases of a version that the caller may see; those of the draft as a whole first.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/legal-bases", method = "get", operation_id = "list_legal_bases")]
    async fn list_legal_bases(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        /// Only those of one provision, of what it stands in and of what stands in it
        #[oai(validator(max_length = 200))]
        Query(provision): Query<Option<String>>,
    ) -> Result<Json<Vec<LegalBasisView>>, Problem> {
        let viewer = Viewer::Public(anyone.0.as_ref());
        let draft = drafts::get_draft(&app.db, &app.clock, viewer, draft_id.into()).await?;
        let version = versions::get_version(&app.db, viewer, &draft, version_id.into()).await?;
        let bases = match provision {
            Some(address) => legal_bases::list_for_provision(&app.db, version.id, &address).await?,
            None => legal_bases::list_for_version(&app.db, version.id).await?,
        };
        Ok(Json(bases.into_iter().map(view).collect()))
    }

    /// Name a legal basis of a version, in the form in which the law stands today; the same one twice is one.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/legal-bases", method = "post", operation_id = "add_legal_basis")]
    async fn add_legal_basis(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        body: Json<LegalBasisBody>,
    ) -> Result<AddedBasis, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let body = body.0;
        let (work_id, place) = match body.document_id {
            Some(id) => (WorkId(id), body.address),
            None => {
                let titles = app.search.ready_titles()?;
                let named = named_places(&body.citation, &titles).into_iter().find(|named| named.is_certain);
                let unread = || Error::invalid("citation", "没有认出是哪部法规，请写全名称，或者从法规库中选择。");
                named.map(|named| (named.work_id, named.place)).ok_or_else(unread)?
            }
        };
        let actor = Actor::Person(&caller);
        let new = NewLegalBasis { provision: body.provision, work_id, place };
        let bases = legal_bases::add_basis(&app.db, &app.clock, &app.ids, actor, draft_id.into(), version_id.into(), new).await?;
        Ok(AddedBasis::Created(Json(bases.into_iter().map(view).collect())))
    }

    /// Take a legal basis off a version.
    #[oai(path = "/drafts/:draft_id/versions/:version_id/legal-bases/:basis_id", method = "delete", operation_id = "remove_legal_basis")]
    async fn remove_legal_basis(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Version
        Path(version_id): Path<Uuid>,
        /// Basis
        Path(basis_id): Path<Uuid>,
    ) -> Result<RemovedBasis, Problem> {
        let caller = signed_in.with(Permission::EditDrafts)?;
        let actor = Actor::Person(&caller);
        legal_bases::remove_basis(&app.db, &app.clock, actor, draft_id.into(), version_id.into(), LegalBasisId(basis_id)).await?;
        Ok(RemovedBasis::Gone)
    }
}
