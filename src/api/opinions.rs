//! Operations on opinions 意见建议 and their answers 采纳情况.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::accounts::NothingResponse;
use super::callers::{Anyone, SignedIn};
use super::drafts::DraftStateName;
use super::problem::Problem;
use crate::accounts::{Actor, Caller, Permission};
use crate::app::App;
use crate::drafts::{self, Draft, Viewer};
use crate::opinions::feedback::{self, DispositionKind};
use crate::opinions::reading::{self, Opinion, PublicOpinion, Words};
use crate::opinions::{Channel, Counter, NewOpinion, OpinionState, Receipt, Stance, post_opinion};

/// Attitude.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Stance")]
enum StanceName {
    /// 赞成
    Support,
    /// 建议修改
    Amend,
    /// 反对
    Oppose,
    /// 询问
    Question,
}

/// Where an opinion stands.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "OpinionState")]
enum OpinionStateName {
    /// 已收到
    Received,
    /// 已拟定采纳情况: seen by staff only
    AnswerPrepared,
    /// 采纳情况已审核: seen by staff only
    AnswerReviewed,
    /// 已反馈
    Answered,
    /// 不作反馈, for a listed reason
    Excluded,
    /// 已撤回
    Withdrawn,
}

/// Official outcome 采纳情况.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "DispositionKind")]
enum DispositionKindName {
    /// 采纳
    Adopted,
    /// 部分采纳
    PartlyAdopted,
    /// 未采纳
    NotAdopted,
    /// 已有规定
    AlreadyProvided,
    /// 与本草案无关
    OutOfScope,
}

/// An opinion to be posted.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct OpinionBody {
    /// Address of a provision of the version that is asked about; the draft as a whole when absent
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// Attitude
    stance: StanceName,
    /// The opinion
    body: String,
    /// Why
    #[oai(default)]
    reason: String,
    /// Whether the opinion may be published with its answer
    is_public: bool,
}

/// Proof that an opinion was received.
#[derive(Object)]
struct ReceiptView {
    /// Id of the opinion
    opinion_id: Uuid,
    /// Number to quote
    receipt_number: String,
    /// The server's instant of receipt
    posted_at: DateTime<Utc>,
    /// What it is about, as cited
    provision_label: String,
}

/// An opinion was received.
#[derive(ApiResponse)]
enum PostedOpinion {
    /// Received
    #[oai(status = 201)]
    Created(Json<ReceiptView>),
    /// The same key and content came before: the receipt of that time, and nothing new was written
    #[oai(status = 200)]
    Repeated(Json<ReceiptView>),
}

/// An answer.
#[derive(Object)]
struct DispositionView {
    /// Outcome
    kind: DispositionKindName,
    /// Outcome in Chinese
    label: String,
    /// Why
    reason: String,
    /// Since when it is public
    #[oai(skip_serializing_if_is_none)]
    published_at: Option<DateTime<Utc>>,
}

/// An opinion, for its author and for staff.
#[derive(Object)]
struct OpinionView {
    /// Id
    id: Uuid,
    /// Number on the receipt
    receipt_number: String,
    /// Its draft
    draft_id: Uuid,
    /// The version it speaks of
    version_id: Uuid,
    /// A kind of person or unit
    author_kind: String,
    /// wechat, web, contact_point, letter or symposium
    channel: String,
    /// The contact point that collected it
    #[oai(skip_serializing_if_is_none)]
    contact_point_id: Option<Uuid>,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// Attitude
    stance: StanceName,
    /// The opinion
    body: String,
    /// Why
    reason: String,
    /// Whether it may be published
    is_public: bool,
    /// Where it stands
    state: OpinionStateName,
    /// When it came
    posted_at: DateTime<Utc>,
    /// Its answer; the author sees it when it is public
    #[oai(skip_serializing_if_is_none)]
    disposition: Option<DispositionView>,
}

/// One page of opinions.
#[derive(Object)]
struct OpinionPageView {
    /// Opinions
    items: Vec<OpinionView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An answered opinion, for everybody. What the author wished to keep back, and what was hidden, is absent.
#[derive(Object)]
struct PublicAnswerView {
    /// Id
    id: Uuid,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// Whether the author keeps the opinion back
    is_withheld: bool,
    /// Whether the words were hidden by moderation
    is_hidden: bool,
    /// A kind of person or unit
    #[oai(skip_serializing_if_is_none)]
    author_kind: Option<String>,
    /// Attitude
    #[oai(skip_serializing_if_is_none)]
    stance: Option<StanceName>,
    /// The opinion
    #[oai(skip_serializing_if_is_none)]
    body: Option<String>,
    /// Why
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// The answer
    disposition: DispositionView,
}

/// One page of answered opinions.
#[derive(Object)]
struct PublicAnswerPageView {
    /// Answered opinions, in the order in which they came
    items: Vec<PublicAnswerView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A number with its name.
#[derive(Object)]
struct NamedCountView {
    /// Canonical name
    name: String,
    /// In Chinese
    label: String,
    /// Number
    count: i64,
}

/// Counts of the opinions on a draft; each counts something else.
#[derive(Object)]
struct OpinionCountsView {
    /// 意见条数: opinions received
    opinions: i64,
    /// 不同文本: distinct texts among them
    distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors
    signed_in_people: i64,
    /// Opinions whose answer is public
    answered: i64,
    /// By channel
    by_channel: Vec<NamedCountView>,
    /// Public answers by outcome
    by_disposition: Vec<NamedCountView>,
}

/// An answer to be prepared.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct DispositionBody {
    /// Outcome
    kind: DispositionKindName,
    /// Why; never empty
    reason: String,
}

/// Publishing the prepared answers of a draft.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct FeedbackBody {
    /// What the bureau says of the opinions as a whole; what was said before stays when absent
    #[oai(default)]
    summary: String,
}

/// What publishing did.
#[derive(Object)]
struct PublishedView {
    /// Answers made public now
    published: u64,
    /// Opinions that still have no answer
    unanswered: i64,
    /// Where the draft stands now
    state: DraftStateName,
}

fn receipt_view(receipt: Receipt) -> PostedOpinion {
    let is_repetition = receipt.is_repetition;
    let view = Json(ReceiptView {
        opinion_id: receipt.opinion_id.0,
        receipt_number: receipt.number,
        posted_at: receipt.posted_at,
        provision_label: receipt.provision_label,
    });
    if is_repetition { PostedOpinion::Repeated(view) } else { PostedOpinion::Created(view) }
}

fn opinion_view(opinion: Opinion) -> OpinionView {
    OpinionView {
        id: opinion.id.0,
        receipt_number: opinion.receipt_number,
        draft_id: opinion.draft_id.0,
        version_id: opinion.version_id.0,
        author_kind: opinion.author_kind,
        channel: opinion.channel.as_str().into(),
        contact_point_id: opinion.contact_point.map(|c| c.0),
        address: opinion.address,
        provision_label: opinion.provision_label,
        stance: opinion.stance.into(),
        body: opinion.body,
        reason: opinion.reason,
        is_public: opinion.is_public,
        state: opinion.state.into(),
        posted_at: opinion.posted_at,
        disposition: opinion.disposition.map(|d| DispositionView {
            kind: d.kind.into(),
            label: d.kind.label().into(),
            reason: d.reason,
            published_at: d.published_at,
        }),
    }
}

/// `None` while there is no public answer.
fn answer_view(opinion: PublicOpinion) -> Option<PublicAnswerView> {
    let answer = opinion.answer?;
    Some(PublicAnswerView {
        id: opinion.id.0,
        address: opinion.address,
        provision_label: opinion.provision_label,
        is_withheld: opinion.words == Words::Withheld,
        is_hidden: opinion.words == Words::Hidden,
        author_kind: opinion.author_kind,
        stance: opinion.stance.map(Into::into),
        body: opinion.body,
        reason: opinion.reason,
        disposition: DispositionView {
            kind: answer.kind.into(),
            label: answer.kind.label().into(),
            reason: answer.reason,
            published_at: Some(answer.published_at),
        },
    })
}

async fn find_draft(app: &App, caller: Option<&Caller>, id: Uuid) -> Result<Draft, Problem> {
    Ok(drafts::get_draft(&app.db, &app.clock, Viewer::Public(caller), id.into()).await?)
}

/// The operations.
pub struct OpinionsApi;

#[OpenApi(tag = "Tag::Opinions")]
impl OpinionsApi {
    /// Post an opinion on the round that is open.
    #[oai(path = "/drafts/:draft_id/opinions", method = "post", operation_id = "post_opinion")]
    async fn post_opinion(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Made by the client, one for each opinion, 8 to 128 characters. Sending the same opinion again with the same key gives the same receipt
        #[oai(name = "Idempotency-Key")]
        Header(key): Header<String>,
        body: Json<OpinionBody>,
    ) -> Result<PostedOpinion, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let body = body.0;
        let new = NewOpinion {
            address: body.address,
            stance: body.stance.into(),
            body: body.body,
            reason: body.reason,
            is_public: body.is_public,
        };
        let counter = Counter { db: &app.db, cache: &app.cache, clock: &app.clock, ids: &app.ids, rules: &app.config.rules };
        Ok(receipt_view(post_opinion(counter, &caller, Channel::Wechat, draft.id, &key, new).await?))
    }

    /// All opinions on a draft, in the order in which they came. For staff.
    #[oai(path = "/drafts/:draft_id/opinions", method = "get", operation_id = "list_opinions")]
    async fn list_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those that stand here
        Query(state): Query<Option<OpinionStateName>>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OpinionPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadOpinions)?;
        let draft = find_draft(&app, Some(&caller), draft_id).await?;
        let page = reading::list_opinions(&app.db, &caller, &draft, state.map(Into::into), cursor.as_deref(), limit as usize).await?;
        let page = page.map(opinion_view);
        Ok(Json(OpinionPageView { items: page.items, next_cursor: page.next }))
    }

    /// What the caller has said, the newest first.
    #[oai(path = "/account/opinions", method = "get", operation_id = "list_own_opinions")]
    async fn list_own_opinions(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinions on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<OpinionPageView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let page = reading::list_own_opinions(&app.db, &caller, cursor.as_deref(), limit as usize).await?.map(opinion_view);
        Ok(Json(OpinionPageView { items: page.items, next_cursor: page.next }))
    }

    /// One opinion, for staff and for its author.
    #[oai(path = "/opinions/:opinion_id", method = "get", operation_id = "get_opinion")]
    async fn get_opinion(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<OpinionView>, Problem> {
        Ok(Json(opinion_view(reading::get_opinion(&app.db, &signed_in.caller(), opinion_id.into()).await?)))
    }

    /// Prepare the answer to an opinion, or write it anew while it is not public.
    #[oai(path = "/opinions/:opinion_id/disposition", method = "put", operation_id = "prepare_disposition")]
    async fn prepare_disposition(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<DispositionBody>,
    ) -> Result<NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PrepareFeedback)?;
        let actor = Actor::Person(&caller);
        feedback::prepare_disposition(&app.db, &app.clock, actor, opinion_id.into(), body.kind.into(), &body.reason).await?;
        Ok(NothingResponse::Done)
    }

    /// Publish the prepared answers of a draft whose round has ended, and tell the authors.
    #[oai(path = "/drafts/:draft_id/feedback", method = "post", operation_id = "publish_feedback")]
    async fn publish_feedback(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Draft
        Path(draft_id): Path<Uuid>,
        body: Json<FeedbackBody>,
    ) -> Result<Json<PublishedView>, Problem> {
        let caller = signed_in.with(Permission::PublishFeedback)?;
        let actor = Actor::Person(&caller);
        let done = feedback::publish_feedback(&app.db, &app.clock, &app.ids, actor, draft_id.into(), &body.summary).await?;
        Ok(Json(PublishedView { published: done.published, unanswered: done.unanswered, state: done.state.into() }))
    }

    /// Answered opinions on a draft, for everybody.
    #[oai(path = "/drafts/:draft_id/answers", method = "get", operation_id = "list_answers")]
    async fn list_answers(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
        /// Only those on this provision
        Query(address): Query<Option<String>>,
        /// Answers on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<PublicAnswerPageView>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let page = reading::list_answers(&app.db, &draft, address.as_deref(), cursor.as_deref(), limit as usize).await?;
        Ok(Json(PublicAnswerPageView { items: page.items.into_iter().filter_map(answer_view).collect(), next_cursor: page.next }))
    }

    /// Counts of the opinions on a draft, for everybody.
    #[oai(path = "/drafts/:draft_id/opinion-counts", method = "get", operation_id = "count_opinions")]
    async fn count_opinions(
        &self,
        app: Data<&App>,
        anyone: Anyone,
        /// Draft
        Path(draft_id): Path<Uuid>,
    ) -> Result<Json<OpinionCountsView>, Problem> {
        let draft = find_draft(&app, anyone.0.as_ref(), draft_id).await?;
        let counts = reading::count_opinions(&app.db, &draft).await?;
        let named = |name: &str, label: &str, count: i64| NamedCountView { name: name.into(), label: label.into(), count };
        Ok(Json(OpinionCountsView {
            opinions: counts.opinions,
            distinct_texts: counts.distinct_texts,
            signed_in_people: counts.signed_in_people,
            answered: counts.answered,
            by_channel: counts.by_channel.into_iter().map(|(c, n)| named(c.as_str(), c.label(), n)).collect(),
            by_disposition: counts.by_disposition.into_iter().map(|(k, n)| named(k.as_str(), k.label(), n)).collect(),
        }))
    }
}
