//! Operations on the moderation of opinions 意见审核: what waits, what is decided, and the author's appeal.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::callers::SignedIn;
use super::problem::Problem;
use crate::accounts::Permission;
use crate::app::App;
use crate::opinions::Display;
use crate::opinions::moderation::appeals::{self, AppealOutcome};
use crate::opinions::moderation::deciding;
use crate::opinions::moderation::queue::{self, Appeal, Entry, Hiding, Item, Shelf};
use crate::opinions::moderation::{Concern, ConcernKind, Desk, HidingReason, Step, TextField};

/// Which opinions a list shows.
#[derive(Enum, Clone, Copy, Default)]
#[oai(rename_all = "snake_case", remote = "Shelf")]
enum ShelfName {
    /// 待审核, the oldest first
    #[default]
    Waiting,
    /// 申诉, the oldest appeal first
    Appealed,
    /// 不予展示
    Hidden,
}

/// Whether others may see the words.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Display")]
pub enum DisplayName {
    /// 检查中
    Checking,
    /// 待人工审核
    Review,
    /// 可以展示
    Shown,
    /// 不予展示
    Hidden,
}

/// Listed reason for hiding.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "HidingReason")]
pub enum HidingReasonName {
    /// 涉及国家秘密、商业秘密
    Secret,
    /// 涉及个人隐私
    Privacy,
    /// 侮辱、诽谤他人
    Abuse,
    /// 淫秽、低俗内容
    Indecent,
    /// 广告
    Advertising,
    /// 违法内容
    Illegal,
    /// 与立法无关的攻击
    Unrelated,
}

/// What makes an opinion wait.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ConcernKind")]
enum ConcernKindName {
    /// 含需要留意的词语
    Words,
    /// 含个人信息
    PersonalData,
    /// 微信检查建议人工审核
    WechatReview,
    /// 微信检查认为有风险
    WechatRisky,
    /// 微信检查没有完成
    WechatUnavailable,
    /// 不经微信提交，由人工审核
    NotChecked,
    /// 带有附件，由人工查看
    Attachment,
    /// 自动检查中断
    Interrupted,
    /// 修改前曾不予展示
    HiddenBefore,
    /// 处理已撤销，重新审核
    TakenBack,
}

/// A field that the public would read.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "TextField")]
enum TextFieldName {
    /// 意见内容
    Body,
    /// 理由
    Reason,
    /// 建议修改为
    ProposedText,
}

/// A step of moderation.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Step")]
enum StepName {
    /// 检查通过
    Pass,
    /// 转人工审核
    Refer,
    /// 按词表规则不予展示
    HideByRule,
    /// 准予展示
    Show,
    /// 不予展示
    Hide,
    /// 撤销处理
    TakeBack,
    /// 提出申诉
    Appeal,
    /// 申诉成立
    GrantAppeal,
    /// 申诉不成立
    RefuseAppeal,
    /// 内容修改，重新检查
    CheckAnew,
}

/// What becomes of an appeal.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "AppealOutcome")]
enum AppealOutcomeName {
    /// 申诉成立，恢复展示
    Granted,
    /// 申诉不成立，维持不予展示
    Refused,
}

/// One thing that the check found.
#[derive(Object)]
struct ConcernView {
    /// What it is
    kind: ConcernKindName,
    /// In Chinese
    label: String,
    /// Where it stands; absent: in the opinion as a whole
    #[oai(skip_serializing_if_is_none)]
    field: Option<TextFieldName>,
    /// Where it begins in that field, in characters
    #[oai(skip_serializing_if_is_none)]
    start: Option<u64>,
    /// Its length, in characters
    #[oai(skip_serializing_if_is_none)]
    length: Option<u64>,
}

/// A hiding that holds.
#[derive(Object)]
struct HidingView {
    /// The listed reason
    category: HidingReasonName,
    /// In Chinese
    label: String,
    /// What the author is told beside it
    reason: String,
    /// When
    hidden_at: DateTime<Utc>,
}

/// An appeal.
#[derive(Object)]
struct AppealView {
    /// What the author says
    text: String,
    /// When
    appealed_at: DateTime<Utc>,
    /// What became of it; absent while it waits
    #[oai(skip_serializing_if_is_none)]
    outcome: Option<AppealOutcomeName>,
    /// When it was decided
    #[oai(skip_serializing_if_is_none)]
    decided_at: Option<DateTime<Utc>>,
    /// What the author is told; empty while it waits
    reply: String,
}

/// An opinion as moderators read it.
#[derive(Object)]
struct ModerationItemView {
    /// Id of the opinion
    opinion_id: Uuid,
    /// Number on the receipt
    receipt_number: String,
    /// Its draft
    draft_id: Uuid,
    /// Title of the draft
    draft_title: String,
    /// Address of the provision; absent for the draft as a whole
    #[oai(skip_serializing_if_is_none)]
    address: Option<String>,
    /// The provision as it is cited
    provision_label: String,
    /// wechat, web, contact_point, letter or symposium
    channel: String,
    /// support, amend, oppose or question
    stance: String,
    /// The opinion
    body: String,
    /// Why
    reason: String,
    /// The wording that the author proposes; may be empty
    proposed_text: String,
    /// Whether the author agrees to its publication
    is_public: bool,
    /// Whether others may see it
    display: DisplayName,
    /// The wording; a decision names it
    revision: i64,
    /// When it came
    posted_at: DateTime<Utc>,
    /// Since when it waits, or when it was last decided
    #[oai(skip_serializing_if_is_none)]
    waits_since: Option<DateTime<Utc>>,
    /// Why it waits, or waited
    concerns: Vec<ConcernView>,
    /// Why it is hidden
    #[oai(skip_serializing_if_is_none)]
    hiding: Option<HidingView>,
    /// The appeal against the last hiding
    #[oai(skip_serializing_if_is_none)]
    appeal: Option<AppealView>,
}

/// One page of a list of moderation.
#[derive(Object)]
struct ModerationPageView {
    /// Opinions
    items: Vec<ModerationItemView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// An entry of the history.
#[derive(Object)]
struct ModerationEntryView {
    /// From 1
    number: i64,
    /// The wording that was judged
    revision: i64,
    /// When
    at: DateTime<Utc>,
    /// Name of the person; absent for a rule and for the author
    #[oai(skip_serializing_if_is_none)]
    by: Option<String>,
    /// What was done
    step: StepName,
    /// In Chinese
    label: String,
    /// Where the opinion stood afterwards
    display: DisplayName,
    /// The listed reason
    #[oai(skip_serializing_if_is_none)]
    category: Option<HidingReasonName>,
    /// Words beside it
    reason: String,
    /// What the check had found
    concerns: Vec<ConcernView>,
}

/// An opinion with its history.
#[derive(Object)]
struct ModerationView {
    /// As it stands
    item: ModerationItemView,
    /// From the beginning
    history: Vec<ModerationEntryView>,
}

/// What the author reads of the moderation of their opinion.
#[derive(Object)]
struct OwnModerationView {
    /// Whether others may see it
    display: DisplayName,
    /// In Chinese
    label: String,
    /// Why it is hidden
    #[oai(skip_serializing_if_is_none)]
    hiding: Option<HidingView>,
    /// The appeal against the last hiding
    #[oai(skip_serializing_if_is_none)]
    appeal: Option<AppealView>,
    /// Whether an appeal is possible now
    may_appeal: bool,
}

/// A decision to show.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct ShowBody {
    /// The wording that was read
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    revision: i64,
}

/// A decision to hide.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct HideBody {
    /// The wording that was read
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    revision: i64,
    /// The listed reason
    category: HidingReasonName,
    /// What the author is told beside it
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

/// An appeal.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AppealBody {
    /// Why it should be shown
    #[oai(validator(min_length = 1, max_length = 1000))]
    text: String,
}

/// The decision of an appeal.
#[derive(Object)]
#[oai(deny_unknown_fields)]
struct AppealDecisionBody {
    /// What becomes of it
    outcome: AppealOutcomeName,
    /// What the author is told
    #[oai(validator(min_length = 1, max_length = 1000))]
    reply: String,
}

/// Where an opinion stands after a decision.
#[derive(Object)]
struct DisplayView {
    /// Whether others may see it
    display: DisplayName,
    /// In Chinese
    label: String,
}

fn display_view(display: Display) -> Json<DisplayView> {
    Json(DisplayView { display: display.into(), label: display.label().into() })
}

fn concern_view(concern: Concern) -> ConcernView {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    ConcernView {
        kind: concern.kind.into(),
        label: concern.sentence(),
        field: concern.place.map(|p| p.field.into()),
        start: concern.place.map(|p| number(p.start)),
        length: concern.place.map(|p| number(p.length)),
    }
}

fn hiding_view(hiding: Hiding) -> HidingView {
    HidingView { category: hiding.category.into(), label: hiding.category.label().into(), reason: hiding.reason, hidden_at: hiding.at }
}

fn appeal_view(appeal: Appeal) -> AppealView {
    AppealView {
        text: appeal.text,
        appealed_at: appeal.at,
        outcome: appeal.outcome.map(Into::into),
        decided_at: appeal.decided_at,
        reply: appeal.reply,
    }
}

fn item_view(item: Item) -> ModerationItemView {
    ModerationItemView {
        opinion_id: item.id.0,
        receipt_number: item.receipt_number,
        draft_id: item.draft_id.0,
        draft_title: item.draft_title,
        address: item.address,
        provision_label: item.provision_label,
        channel: item.channel.as_str().into(),
        stance: item.stance.as_str().into(),
        body: item.body,
        reason: item.reason,
        proposed_text: item.proposed_text,
        is_public: item.is_public,
        display: item.display.into(),
        revision: item.revision,
        posted_at: item.posted_at,
        waits_since: item.waits_since,
        concerns: item.concerns.into_iter().map(concern_view).collect(),
        hiding: item.hidden.map(hiding_view),
        appeal: item.appeal.map(appeal_view),
    }
}

fn entry_view(entry: Entry) -> ModerationEntryView {
    ModerationEntryView {
        number: entry.number,
        revision: entry.revision,
        at: entry.at,
        by: entry.by,
        step: entry.step.into(),
        label: entry.step.label().into(),
        display: entry.display.into(),
        category: entry.category.map(Into::into),
        reason: entry.reason,
        concerns: entry.concerns.into_iter().map(concern_view).collect(),
    }
}

/// What the domain works with.
pub(super) fn desk(app: &App) -> Desk<'_> {
    Desk { db: &app.db, clock: &app.clock, ids: &app.ids }
}

/// The operations.
pub struct ModerationApi;

#[OpenApi(tag = "Tag::Opinions")]
impl ModerationApi {
    /// Opinions that wait for a look, against whose hiding the author appeals, or that are hidden. For moderators and auditors.
    #[oai(path = "/moderation/opinions", method = "get", operation_id = "list_moderation")]
    async fn list_moderation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Which opinions
        #[oai(default)]
        Query(shelf): Query<ShelfName>,
        /// Only those on this draft
        Query(draft_id): Query<Option<Uuid>>,
        /// Opinions on a page: 1 to 100
        #[oai(default = "super::default_page", validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<u32>,
        /// Where the page before ended
        #[oai(validator(max_length = 1024))]
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<ModerationPageView>, Problem> {
        let caller = signed_in.with(Permission::ReadModeration)?;
        let draft = draft_id.map(Into::into);
        let page = queue::list_items(&app.db, &caller, shelf.into(), draft, cursor.as_deref(), limit as usize).await?.map(item_view);
        Ok(Json(ModerationPageView { items: page.items, next_cursor: page.next }))
    }

    /// What moderation found, decided and why, from the beginning. For moderators and auditors.
    #[oai(path = "/opinions/:opinion_id/moderation", method = "get", operation_id = "get_moderation")]
    async fn get_moderation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<ModerationView>, Problem> {
        let caller = signed_in.with(Permission::ReadModeration)?;
        let item = queue::get_item(&app.db, &caller, opinion_id.into()).await?;
        let history = queue::list_history(&app.db, &caller, opinion_id.into()).await?;
        Ok(Json(ModerationView { item: item_view(item), history: history.into_iter().map(entry_view).collect() }))
    }

    /// Let others see an opinion. Repeating it changes nothing.
    #[oai(path = "/opinions/:opinion_id/moderation/show", method = "post", operation_id = "show_opinion")]
    async fn show_opinion(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<ShowBody>,
    ) -> Result<Json<DisplayView>, Problem> {
        let caller = signed_in.with(Permission::ModerateOpinions)?;
        Ok(display_view(deciding::show_opinion(desk(&app), &caller, opinion_id.into(), body.revision).await?))
    }

    /// Hide an opinion for a listed reason, and tell its author. It is still counted and answered. Repeating it changes nothing.
    #[oai(path = "/opinions/:opinion_id/moderation/hide", method = "post", operation_id = "hide_opinion")]
    async fn hide_opinion(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<HideBody>,
    ) -> Result<Json<DisplayView>, Problem> {
        let caller = signed_in.with(Permission::ModerateOpinions)?;
        let body = body.0;
        let done =
            deciding::hide_opinion(desk(&app), &caller, opinion_id.into(), body.revision, body.category.into(), &body.reason).await?;
        Ok(display_view(done))
    }

    /// Take the last decision of a person back: the opinion waits again.
    #[oai(path = "/opinions/:opinion_id/moderation/take-back", method = "post", operation_id = "take_back_moderation")]
    async fn take_back_moderation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<DisplayView>, Problem> {
        let caller = signed_in.with(Permission::ModerateOpinions)?;
        Ok(display_view(deciding::take_back(desk(&app), &caller, opinion_id.into()).await?))
    }

    /// Decide an appeal. Who hid the opinion may not.
    #[oai(path = "/opinions/:opinion_id/moderation/appeal", method = "post", operation_id = "decide_appeal")]
    async fn decide_appeal(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<AppealDecisionBody>,
    ) -> Result<Json<DisplayView>, Problem> {
        let caller = signed_in.with(Permission::ModerateOpinions)?;
        let done = appeals::decide_appeal(desk(&app), &caller, opinion_id.into(), body.outcome.into(), &body.reply).await?;
        Ok(display_view(done))
    }

    /// Whether one's own opinion is shown, and if not, why. For its author.
    #[oai(path = "/account/opinions/:opinion_id/moderation", method = "get", operation_id = "get_own_moderation")]
    async fn get_own_moderation(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
    ) -> Result<Json<OwnModerationView>, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        let item = queue::get_own_item(&app.db, &caller, opinion_id.into()).await?;
        Ok(Json(OwnModerationView {
            may_appeal: item.may_appeal(),
            display: item.display.into(),
            label: item.display.label().into(),
            hiding: item.hidden.map(hiding_view),
            appeal: item.appeal.map(appeal_view),
        }))
    }

    /// Appeal against the hiding of one's own opinion, once for each hiding. Somebody else than who hid it decides.
    #[oai(path = "/account/opinions/:opinion_id/appeal", method = "post", operation_id = "appeal_hiding")]
    async fn appeal_hiding(
        &self,
        app: Data<&App>,
        signed_in: SignedIn,
        /// Opinion
        Path(opinion_id): Path<Uuid>,
        body: Json<AppealBody>,
    ) -> Result<super::accounts::NothingResponse, Problem> {
        let caller = signed_in.with(Permission::PostOpinion)?;
        appeals::appeal(desk(&app), &caller, opinion_id.into(), &body.text).await?;
        Ok(super::accounts::NothingResponse::Done)
    }
}
