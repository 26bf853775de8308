//! Shapes in which opinions and answers go in and out.

use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use crate::ids::EnclosureId;
use crate::opinions::feedback::DispositionKind;
use crate::opinions::reading::{AuthorState, Opinion, OwnOpinion, PublicOpinion, Words};
use crate::opinions::{NewOpinion, OpinionState, Quote, Receipt, Stance};

/// Attitude.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Stance")]
pub enum StanceName {
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
pub enum OpinionStateName {
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

/// Where an opinion stands, in the words of its author.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "AuthorState")]
pub enum AuthorStateName {
    /// 已收到
    Received,
    /// 审核中
    Checking,
    /// 已展示
    Shown,
    /// 不予展示
    Hidden,
    /// 已反馈
    Answered,
    /// 不作反馈
    Excluded,
    /// 已撤回
    Withdrawn,
}

/// Official outcome 采纳情况.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "DispositionKind")]
pub enum DispositionKindName {
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
pub struct OpinionBody {
    /// Address of a provision of the version that is asked about; the draft as a whole when absent
    #[oai(skip_serializing_if_is_none, validator(max_length = 200))]
    pub address: Option<String>,
    /// Attitude
    pub stance: StanceName,
    /// The opinion; may be empty when a wording is proposed
    #[oai(default, validator(max_length = 20000))]
    pub body: String,
    /// Why
    #[oai(default, validator(max_length = 20000))]
    pub reason: String,
    /// Whether the opinion may be shown and published with its answer
    pub is_public: bool,
    /// Words of the provision that the opinion points at, as they are shown; only with an address
    #[oai(default, validator(max_length = 20000))]
    pub quote_text: String,
    /// Where they begin in the provision's own words, in characters; where they first stand when absent
    #[oai(skip_serializing_if_is_none, validator(minimum(value = "0"), maximum(value = "1000000")))]
    pub quote_start: Option<i64>,
    /// Wording proposed for the provision; only with an address
    #[oai(default, validator(max_length = 20000))]
    pub proposed_text: String,
    /// Files that were uploaded for this opinion, in their order
    #[oai(default, validator(max_items = 20, unique_items))]
    pub attachments: Vec<Uuid>,
    /// Code of the contact point whose address led the author here, as `/drafts/{id}?point=CODE` names it
    #[oai(skip_serializing_if_is_none, validator(max_length = 100))]
    pub contact_point: Option<String>,
}

impl From<OpinionBody> for NewOpinion {
    fn from(body: OpinionBody) -> NewOpinion {
        let quote = Quote { start: body.quote_start, text: body.quote_text };
        NewOpinion {
            address: body.address,
            stance: body.stance.into(),
            body: body.body,
            reason: body.reason,
            is_public: body.is_public,
            quote: Some(quote).filter(|quote| !quote.text.trim().is_empty()),
            proposed_text: body.proposed_text,
            attachments: body.attachments.into_iter().map(EnclosureId).collect(),
            contact_point: body.contact_point,
        }
    }
}

/// Proof that an opinion was received.
#[derive(Object)]
pub struct ReceiptView {
    /// Id of the opinion
    pub opinion_id: Uuid,
    /// Number to quote
    pub receipt_number: String,
    /// The server's instant of receipt
    pub posted_at: DateTime<Utc>,
    /// Whether it came after the end of the round, while late opinions were still taken
    pub is_late: bool,
    /// What it is about, as cited
    pub provision_label: String,
}

/// An opinion was received.
#[derive(ApiResponse)]
pub enum PostedOpinion {
    /// Received
    #[oai(status = 201)]
    Created(Json<ReceiptView>),
    /// The same key and content came before: the receipt of that time, and nothing new was written
    #[oai(status = 200)]
    Repeated(Json<ReceiptView>),
}

/// An answer.
#[derive(Object)]
pub struct DispositionView {
    /// Outcome
    pub kind: DispositionKindName,
    /// Outcome in Chinese
    pub label: String,
    /// Why
    pub reason: String,
    /// The provision of a later version that resulted, with that version, as cited
    #[oai(skip_serializing_if_is_none)]
    pub result_label: Option<String>,
    /// Since when it is public
    #[oai(skip_serializing_if_is_none)]
    pub published_at: Option<DateTime<Utc>>,
}

/// An opinion, for its author and for staff.
#[derive(Object)]
pub struct OpinionView {
    /// Id
    pub id: Uuid,
    /// Number on the receipt
    pub receipt_number: String,
    /// Its draft
    pub draft_id: Uuid,
    /// The version it speaks of
    pub version_id: Uuid,
    /// A kind of person or unit
    pub author_kind: String,
    /// wechat, web, contact_point, letter or symposium
    pub channel: String,
    /// The contact point that collected it
    #[oai(skip_serializing_if_is_none)]
    pub contact_point_id: Option<Uuid>,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    pub address: Option<String>,
    /// The provision as it is cited
    pub provision_label: String,
    /// Attitude
    pub stance: StanceName,
    /// The opinion
    pub body: String,
    /// Why
    pub reason: String,
    /// The words of the provision that it points at; empty when none
    pub quote_text: String,
    /// Where they begin in the provision's own words, in characters
    #[oai(skip_serializing_if_is_none)]
    pub quote_start: Option<i64>,
    /// The wording that it proposes; empty when none
    pub proposed_text: String,
    /// Whether it may be published
    pub is_public: bool,
    /// Where it stands
    pub state: OpinionStateName,
    /// Whether others may see the words: checking, review, shown or hidden
    pub display: String,
    /// From 1; one more with each change by its author
    pub revision: i64,
    /// When it came
    pub posted_at: DateTime<Utc>,
    /// Whether it came after the end of the round, while late opinions were still taken
    pub is_late: bool,
    /// When its author last changed it
    #[oai(skip_serializing_if_is_none)]
    pub updated_at: Option<DateTime<Utc>>,
    /// When its author took it back
    #[oai(skip_serializing_if_is_none)]
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// In the author's own list: where it stands in the words of its author
    #[oai(skip_serializing_if_is_none)]
    pub author_state: Option<AuthorStateName>,
    /// The same in Chinese
    #[oai(skip_serializing_if_is_none)]
    pub author_state_label: Option<String>,
    /// For its author: why it gets no answer of its own
    #[oai(skip_serializing_if_is_none)]
    pub excluded_because: Option<String>,
    /// For an author without an account: why others may not see it
    #[oai(skip_serializing_if_is_none)]
    pub hidden_because: Option<String>,
    /// In the author's own list: title of the draft
    #[oai(skip_serializing_if_is_none)]
    pub draft_title: Option<String>,
    /// In the author's own list: the first instant at which it can no longer be changed
    #[oai(skip_serializing_if_is_none)]
    pub closes_at: Option<DateTime<Utc>>,
    /// Its answer; the author sees it when it is public
    #[oai(skip_serializing_if_is_none)]
    pub disposition: Option<DispositionView>,
}

/// One page of opinions.
#[derive(Object)]
pub struct OpinionPageView {
    /// Opinions
    pub items: Vec<OpinionView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// An answered opinion, for everybody. What the author wished to keep back, and what was hidden, is absent.
#[derive(Object)]
pub struct PublicAnswerView {
    /// Id
    pub id: Uuid,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    pub address: Option<String>,
    /// The provision as it is cited
    pub provision_label: String,
    /// Whether the author keeps the opinion back
    pub is_withheld: bool,
    /// Whether the words were hidden by moderation
    pub is_hidden: bool,
    /// A kind of person or unit
    #[oai(skip_serializing_if_is_none)]
    pub author_kind: Option<String>,
    /// Attitude
    #[oai(skip_serializing_if_is_none)]
    pub stance: Option<StanceName>,
    /// The opinion
    #[oai(skip_serializing_if_is_none)]
    pub body: Option<String>,
    /// Why
    #[oai(skip_serializing_if_is_none)]
    pub reason: Option<String>,
    /// The answer
    pub disposition: DispositionView,
}

/// One page of answered opinions.
#[derive(Object)]
pub struct PublicAnswerPageView {
    /// Answered opinions, in the order in which they came
    pub items: Vec<PublicAnswerView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// A number with its name.
#[derive(Object)]
pub struct NamedCountView {
    /// Canonical name
    pub name: String,
    /// In Chinese
    pub label: String,
    /// Number
    pub count: i64,
}

/// Counts of the opinions on a draft; each counts something else.
#[derive(Object)]
pub struct OpinionCountsView {
    /// 意见条数: opinions received
    pub opinions: i64,
    /// 不同文本: distinct texts among them
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors
    pub signed_in_people: i64,
    /// Opinions whose answer is public
    pub answered: i64,
    /// By channel
    pub by_channel: Vec<NamedCountView>,
    /// Public answers by outcome
    pub by_disposition: Vec<NamedCountView>,
}

/// The receipt of a posted opinion.
pub fn receipt_view(receipt: Receipt) -> PostedOpinion {
    let is_repetition = receipt.is_repetition;
    let view = Json(ReceiptView {
        opinion_id: receipt.opinion_id.0,
        receipt_number: receipt.number,
        posted_at: receipt.posted_at,
        is_late: receipt.is_late,
        provision_label: receipt.provision_label,
    });
    if is_repetition { PostedOpinion::Repeated(view) } else { PostedOpinion::Created(view) }
}

/// An opinion for its author and for staff.
pub fn opinion_view(opinion: Opinion) -> OpinionView {
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
        quote_text: opinion.quote_text,
        quote_start: opinion.quote_start,
        proposed_text: opinion.proposed_text,
        is_public: opinion.is_public,
        state: opinion.state.into(),
        display: opinion.display.as_str().into(),
        revision: opinion.revision,
        posted_at: opinion.posted_at,
        is_late: opinion.is_late,
        updated_at: opinion.updated_at,
        withdrawn_at: opinion.withdrawn_at,
        author_state: None,
        author_state_label: None,
        excluded_because: None,
        hidden_because: None,
        draft_title: None,
        closes_at: None,
        disposition: opinion.disposition.map(|d| DispositionView {
            kind: d.kind.into(),
            label: d.kind.label().into(),
            reason: d.reason,
            result_label: Some(d.result_label).filter(|label| !label.is_empty()),
            published_at: d.published_at,
        }),
    }
}

/// An opinion in the list of its author.
pub fn own_view(own: OwnOpinion) -> OpinionView {
    let excluded = own.opinion.excluded_because(own.state);
    OpinionView {
        excluded_because: excluded.map(|reason| reason.label().into()),
        author_state: Some(own.state.into()),
        author_state_label: Some(own.state.label().into()),
        draft_title: Some(own.draft_title),
        closes_at: Some(own.closes_at),
        ..opinion_view(own.opinion)
    }
}

/// `None` while there is no public answer.
pub fn answer_view(opinion: PublicOpinion) -> Option<PublicAnswerView> {
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
            result_label: Some(answer.result_label).filter(|label| !label.is_empty()),
            published_at: Some(answer.published_at),
        },
    })
}
