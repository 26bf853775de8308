//! Operations on the promulgation 公布 of what a draft has become.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::accounts::{Actor, Permission};
use crate::api::Tag;
use crate::api::callers::{Anyone, SignedIn};
use crate::api::day::Day;
use crate::api::problem::Problem;
use crate::app::App;
use crate::drafts::promulgations::{self, NewPromulgation, Promulgation};
use crate::drafts::{self, Viewer};
use crate::error::Error;
use crate::ids::WorkId;

/// Particulars of a promulgation.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct PromulgationBody {
    /// The revision that the caller saw; 0 before the first
    #[oai(validator(minimum(value = "0")))]
    revision: i64,
    /// The document of the library
    document_id: Uuid,
    /// 公布机关
    #[oai(validator(max_length = 200))]
    organ: String,
    /// 令号 or 发文字号
    #[oai(default, validator(max_length = 200))]
    document_number: String,
    /// Title as promulgated
    #[oai(validator(max_length = 200))]
    title: String,
    /// 通过日期
    adopted_on: Day,
    /// 公布日期
    promulgated_on: Day,
    /// 施行日期
    effective_on: Day,
    /// 签署人
    #[oai(default, validator(max_length = 200))]
    signatory: String,
    /// Why a rule takes effect earlier than 30 days after its promulgation; needed when it does
    #[oai(default, validator(max_length = 200))]
    early_reason: String,
}

/// The promulgation of a draft.
#[derive(Object)]
struct PromulgationView {
    /// Revision
    revision: i64,
    /// The document of the library
    document_id: Uuid,
    /// Title of that document
    document_title: String,
    /// 公布机关
    organ: String,
    /// 令号 or 发文字号
    document_number: String,
    /// Title as promulgated
    title: String,
    /// 通过日期
    adopted_on: Day,
    /// 公布日期
    promulgated_on: Day,
    /// 施行日期
    effective_on: Day,
    /// 签署人
    signatory: String,
    /// Why it takes effect earlier than usual
    early_reason: String,
}

fn view(promulgation: Promulgation) -> PromulgationView {
    PromulgationView {
        revision: promulgation.revision,
        document_id: promulgation.work_id.0,
        document_title: promulgation.work_title,
        organ: promulgation.organ,
        document_number: promulgation.document_number,
        title: promulgation.title,
        adopted_on: Day(promulgation.adopted_on),
        promulgated_on: Day(promulgation.promulgated_on),
        effective_on: Day(promulgation.effective_on),
        signatory: promulgation.signatory,
        early_reason: promulgation.early_reason,
    }
}

/// The operations.
pub struct PromulgationApi;

#[OpenApi(tag = "Tag::Drafts")]
impl PromulgationApi {
    /// What a draft has become.
    #[oai(path = "/drafts/:draft_id/promulgation", method = "get", operation_id = "get_promulgation")]
    async fn get_promulgation(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<PromulgationView>, Problem> {
        let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(anyone.0.as_ref()), draft_id.into()).await?;
        let found = promulgations::find_promulgation(&app.db, draft.id).await?;
        Ok(Json(view(found.ok_or_else(|| Error::not_found("这份草案的公布信息"))?)))
    }

    /// Link a draft whose feedback is published to the document that it became, or correct what was entered.
    #[oai(path = "/drafts/:draft_id/promulgation", method = "put", operation_id = "promulgate_draft")]
    async fn promulgate_draft(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<PromulgationBody>,
    ) -> Result<Json<PromulgationView>, Problem> {
        let caller = signed_in.with(Permission::PromulgateDrafts)?;
        let body = body.0;
        let new = NewPromulgation {
            work_id: WorkId(body.document_id),
            organ: body.organ,
            document_number: body.document_number,
            title: body.title,
            adopted_on: body.adopted_on.0,
            promulgated_on: body.promulgated_on.0,
            effective_on: body.effective_on.0,
            signatory: body.signatory,
            early_reason: body.early_reason,
        };
        let actor = Actor::Person(&caller);
        let done =
            promulgations::promulgate_draft(&app.db, &app.clock, &app.ids, &app.config.rules, actor, (draft_id.into(), body.revision), new)
                .await?;
        Ok(Json(view(done)))
    }
}
