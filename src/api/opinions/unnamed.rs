//! Operations of people who are not signed in: posting where the round allows it, and by the code of the receipt what became of it.

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::find_draft;
use super::views::*;
use crate::api::Tag;
use crate::api::accounts::NothingResponse;
use crate::api::moderation::desk;
use crate::api::problem::Problem;
use crate::app::App;
use crate::opinions::{Channel, NewOpinion, lookups, posting};

/// An opinion was received from somebody who is not signed in.
#[derive(Object)]
struct AnonymousReceiptView {
    /// Number to quote
    receipt_number: String,
    /// The server's instant of receipt
    posted_at: chrono::DateTime<chrono::Utc>,
    /// What it is about, as cited
    provision_label: String,
    /// The code under which state and answer can be looked up. It is stored nowhere; keep it
    lookup_code: String,
}

/// An opinion was received from somebody who is not signed in.
#[derive(ApiResponse)]
enum AnonymouslyPosted {
    /// Received
    #[oai(status = 201)]
    Created(Json<AnonymousReceiptView>, #[oai(header = "Cache-Control")] String),
    /// The same key and content came before: the receipt of that time, and nothing new was written
    #[oai(status = 200)]
    Repeated(Json<AnonymousReceiptView>, #[oai(header = "Cache-Control")] String),
}

/// A code.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct LookupBody {
    /// The code of the receipt
    #[oai(validator(max_length = 100))]
    code: String,
}

/// An appeal of somebody who is not signed in.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct CodeAppealBody {
    /// The code of the receipt
    #[oai(validator(max_length = 100))]
    code: String,
    /// Why it should be shown
    #[oai(validator(min_length = 1, max_length = 1000))]
    text: String,
}

/// The operations.
pub struct UnnamedApi;

#[OpenApi(tag = "Tag::Opinions")]
impl UnnamedApi {
    /// Post an opinion without signing in, where the round allows it.
    #[oai(path = "/drafts/:draft_id/anonymous-opinions", method = "post", operation_id = "post_anonymous_opinion")]
    async fn post_anonymous_opinion(
        &self,
        app: Data<&App>,
        request: &Request,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Random and secret, 32 to 128 characters: whoever knows it and the opinion gets the code again
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<OpinionBody>,
    ) -> Result<AnonymouslyPosted, Problem> {
        let draft = find_draft(&app, None, draft_id).await?;
        let new = NewOpinion::from(body.0);
        let has_attachments = !new.attachments.is_empty();
        let (receipt, lookup_code) =
            posting::post_anonymously(app.counter(request), &app.data_key, Channel::Web, draft.id, &key, new).await?;
        let is_repetition = receipt.is_repetition;
        if !is_repetition {
            app.check_opinion(receipt.opinion_id, None, has_attachments).await;
        }
        let view = Json(AnonymousReceiptView {
            receipt_number: receipt.number,
            posted_at: receipt.posted_at,
            provision_label: receipt.provision_label,
            lookup_code,
        });
        let keep = "no-store".to_owned();
        Ok(if is_repetition { AnonymouslyPosted::Repeated(view, keep) } else { AnonymouslyPosted::Created(view, keep) })
    }

    /// Look an opinion up that was posted without signing in.
    #[oai(path = "/opinion-lookups", method = "post", operation_id = "look_up_opinion")]
    async fn look_up_opinion(&self, app: Data<&App>, request: &Request, body: Json<LookupBody>) -> Result<Json<OpinionView>, Problem> {
        let address = app.client_address(request);
        let opinion = lookups::look_up(&app.db, &app.cache, &app.config.rules, &app.data_key, address, &body.0.code).await?;
        let display = lookups::get_display(&app.db, &opinion).await?;
        let hidden_because = display.hidden.map(|hiding| hiding.told());
        Ok(Json(OpinionView { hidden_because, ..opinion_view(opinion) }))
    }

    /// Appeal against the hiding of an opinion that was posted without signing in, once for each hiding. The same words again change nothing.
    #[oai(path = "/opinion-lookups/appeals", method = "post", operation_id = "appeal_hiding_with_code")]
    async fn appeal_hiding_with_code(
        &self,
        app: Data<&App>,
        request: &Request,
        body: Json<CodeAppealBody>,
    ) -> Result<NothingResponse, Problem> {
        let address = app.client_address(request);
        let opinion = lookups::look_up(&app.db, &app.cache, &app.config.rules, &app.data_key, address, &body.0.code).await?;
        lookups::appeal(desk(&app), &opinion, &body.0.text).await?;
        Ok(NothingResponse::Done)
    }
}
