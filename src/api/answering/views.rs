//! Shapes in which the work of staff on opinions goes in and out.

use poem_openapi::{Enum, Object};
use uuid::Uuid;

use crate::api::opinions::views::{DispositionKindName, OpinionStateName, OpinionView, opinion_view};
use crate::error::{Error, Result};
use crate::ids::DraftVersionId;
use crate::opinions::feedback::{ExclusionReason, NewAnswer, Preview};
use crate::opinions::groups::{Group, GroupState};
use crate::opinions::triage::progress::{ArticleProgress, Overdue};
use crate::opinions::triage::worklist::{Order, WorkCounts, WorkItem};
use crate::opinions::{Channel, Display};

/// Order of the work list.
#[derive(Enum, Clone, Copy, Default)]
#[oai(rename_all = "snake_case", remote = "Order")]
pub enum OrderName {
    /// As they came
    #[default]
    Oldest,
    /// The newest first
    Newest,
    /// As the articles follow each other
    Article,
}

/// Whether others may see the words of an opinion.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Display")]
pub enum VisibilityName {
    /// 检查中
    Checking,
    /// 待人工审核
    Review,
    /// 可以展示
    Shown,
    /// 不予展示
    Hidden,
}

/// How an opinion came.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "Channel")]
pub enum ChannelName {
    /// 微信小程序
    Wechat,
    /// 网页
    Web,
    /// 立法基层联系点
    ContactPoint,
    /// 来信
    Letter,
    /// 座谈会
    Symposium,
}

/// Why an opinion needs no answer.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "ExclusionReason")]
pub enum ExclusionReasonName {
    /// 重复提交
    Repeated,
    /// 内容为空或无法辨认
    Unreadable,
    /// 广告或恶意内容
    Abuse,
    /// 作者要求不处理
    AuthorWish,
}

/// Whether a person has looked at a group.
#[derive(Enum, Clone, Copy)]
#[oai(rename_all = "snake_case", remote = "GroupState")]
pub enum GroupStateName {
    /// 待确认
    Suggested,
    /// 已确认
    Confirmed,
}

/// An opinion as staff work on it.
#[derive(Object)]
pub struct WorkItemView {
    /// The opinion with its answer
    pub opinion: OpinionView,
    /// Whether others may see the words
    pub display: VisibilityName,
    /// Words of the provision that the author points at
    pub quote_text: String,
    /// Wording that the author proposes
    pub proposed_text: String,
    /// Who handles it
    #[oai(skip_serializing_if_is_none)]
    pub handler_id: Option<Uuid>,
    /// Name of that person
    #[oai(skip_serializing_if_is_none)]
    pub handler_name: Option<String>,
    /// Tags
    pub tags: Vec<String>,
    /// The group of near-identical opinions
    #[oai(skip_serializing_if_is_none)]
    pub group_id: Option<Uuid>,
    /// Why it needs no answer; a name of the list
    #[oai(skip_serializing_if_is_none)]
    pub exclusion: Option<String>,
    /// Revision of its answer, to be named when it is written anew or reviewed; 0 = there is none
    pub answer_revision: i64,
    /// Who wrote the answer
    #[oai(skip_serializing_if_is_none)]
    pub prepared_by_name: Option<String>,
    /// Whether the author changed the words after the answer was written
    pub is_outdated: bool,
    /// What the second person wants mended
    #[oai(skip_serializing_if_is_none)]
    pub returned_remark: Option<String>,
}

/// One page of the work list.
#[derive(Object)]
pub struct WorkPageView {
    /// Opinions
    pub items: Vec<WorkItemView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// A number with its name.
#[derive(Object)]
pub struct WorkCountView {
    /// Canonical name
    pub name: String,
    /// In Chinese
    pub label: String,
    /// Number
    pub count: i64,
}

fn count(name: &str, label: &str, count: i64) -> WorkCountView {
    WorkCountView { name: name.into(), label: label.into(), count }
}

/// Counts of what matches; each counts something else.
#[derive(Object)]
pub struct WorkCountsView {
    /// 条数: opinions
    pub opinions: i64,
    /// 不同文本: distinct texts among them
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors
    pub signed_in_people: i64,
    /// 按渠道
    pub by_channel: Vec<WorkCountView>,
    /// By where they stand
    pub by_state: Vec<WorkCountView>,
}

/// How far the opinions on one article are.
#[derive(Object)]
pub struct ArticleProgressView {
    /// Address of the article; `whole` = the draft as a whole
    pub address: String,
    /// As printed
    pub label: String,
    /// Opinions, without withdrawn ones
    pub opinions: i64,
    /// No answer is written
    pub left: i64,
    /// An answer waits for a second person
    pub prepared: i64,
    /// An answer has passed and is not public
    pub reviewed: i64,
    /// The answer is public
    pub answered: i64,
    /// They need no answer
    pub excluded: i64,
}

/// A draft whose opinions should be answered by now.
#[derive(Object)]
pub struct OverdueView {
    /// Draft
    pub draft_id: Uuid,
    /// Its title
    pub title: String,
    /// Whole days since the round ended
    pub days: i64,
    /// Opinions without a public answer
    pub unanswered: i64,
}

/// A group of near-identical opinions.
#[derive(Object)]
pub struct OpinionGroupView {
    /// Id
    pub id: Uuid,
    /// Draft
    pub draft_id: Uuid,
    /// Version that all members speak of
    pub version_id: Uuid,
    /// Member that stands for it
    pub representative_id: Uuid,
    /// What that one says
    pub body: String,
    /// What that one speaks of, as cited
    pub provision_label: String,
    /// Whether a person has looked at it
    pub state: GroupStateName,
    /// To be named with every change
    pub revision: i64,
    /// 条数: opinions in it, without withdrawn ones
    pub submissions: i64,
    /// 不同文本: distinct texts among them
    pub distinct_texts: i64,
    /// 登录人数: distinct signed-in people among the authors
    pub signed_in_people: i64,
    /// Members without a written answer
    pub unanswered: i64,
    /// Members whose answer waits for a second person
    pub waiting: i64,
    /// Outcome written for the group
    #[oai(skip_serializing_if_is_none)]
    pub kind: Option<DispositionKindName>,
    /// Its reason
    #[oai(skip_serializing_if_is_none)]
    pub reason: Option<String>,
    /// The provision that resulted, as cited
    #[oai(skip_serializing_if_is_none)]
    pub result_label: Option<String>,
}

/// One page of groups.
#[derive(Object)]
pub struct OpinionGroupPageView {
    /// Groups, the largest first
    pub items: Vec<OpinionGroupView>,
    /// Where the next page begins
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// An answer to be written.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct DispositionBody {
    /// Outcome
    pub kind: DispositionKindName,
    /// Why; never empty
    #[oai(validator(max_length = 5000))]
    pub reason: String,
    /// Revision of the answer (for a group: of the group) that the writer saw; 0 = there was none
    #[oai(default)]
    pub from_revision: i64,
    /// Later version of the draft in which the opinion shows
    #[oai(skip_serializing_if_is_none)]
    pub result_version_id: Option<Uuid>,
    /// Address of the provision in it; needed with the version
    #[oai(skip_serializing_if_is_none, validator(max_length = 200))]
    pub result_address: Option<String>,
}

impl DispositionBody {
    /// The answer; version and address come together.
    pub fn answer(self) -> Result<NewAnswer> {
        let result = match (self.result_version_id, self.result_address) {
            (None, None) => None,
            (Some(version), Some(address)) => Some((DraftVersionId(version), address)),
            _ => return Err(Error::invalid("result_address", "请同时给出修改后的稿次和条款。")),
        };
        Ok(NewAnswer { kind: self.kind.into(), reason: self.reason, result })
    }
}

/// What would happen if the batch were published now.
#[derive(Object)]
pub struct PreviewView {
    /// Reviewed answers, not public yet
    pub ready: i64,
    /// Opinions without a reviewed answer; while there is one, nothing can be published
    pub unanswered: i64,
    /// Of these: an answer waits for its review
    pub waiting_for_review: i64,
    /// Of these: the author changed the words after the answer was written
    pub outdated: i64,
    /// Answers that are public already
    pub published: i64,
    /// Numbers of the versions that answers name and that become public with them
    pub publishes_versions: Vec<i64>,
    /// Reviewed answers by outcome
    pub by_disposition: Vec<WorkCountView>,
    /// Excluded opinions by reason
    pub exclusions: Vec<WorkCountView>,
    /// Why it cannot be published
    #[oai(skip_serializing_if_is_none)]
    pub refusal: Option<String>,
}

/// An opinion as staff work on it.
pub fn work_item_view(item: WorkItem) -> WorkItemView {
    let (display, quote_text, proposed_text) =
        (item.opinion.display.into(), item.opinion.quote_text.clone(), item.opinion.proposed_text.clone());
    let (handler, group, exclusion) = (item.opinion.handler, item.opinion.group, item.opinion.exclusion.clone());
    let answer = item.answer;
    WorkItemView {
        opinion: opinion_view(item.opinion),
        display,
        quote_text,
        proposed_text,
        handler_id: handler.map(|id| id.0),
        handler_name: item.handler_name,
        tags: item.tags,
        group_id: group,
        exclusion,
        answer_revision: answer.as_ref().map_or(0, |answer| answer.revision),
        is_outdated: answer.as_ref().is_some_and(|answer| answer.is_outdated),
        returned_remark: answer.as_ref().map(|answer| answer.returned_remark.clone()).filter(|remark| !remark.is_empty()),
        prepared_by_name: answer.and_then(|answer| answer.prepared_by_name),
    }
}

/// Counts of what matches.
pub fn counts_view(counts: WorkCounts) -> WorkCountsView {
    WorkCountsView {
        opinions: counts.opinions,
        distinct_texts: counts.distinct_texts,
        signed_in_people: counts.signed_in_people,
        by_channel: counts.by_channel.into_iter().map(|(c, n)| count(c.as_str(), c.label(), n)).collect(),
        by_state: counts.by_state.into_iter().map(|(s, n)| count(s.as_str(), s.label(), n)).collect(),
    }
}

/// How far one article is.
pub fn progress_view(article: ArticleProgress) -> ArticleProgressView {
    let p = article.progress;
    ArticleProgressView {
        address: article.address,
        label: article.label,
        opinions: p.opinions,
        left: p.left,
        prepared: p.prepared,
        reviewed: p.reviewed,
        answered: p.answered,
        excluded: p.excluded,
    }
}

/// A draft whose opinions should be answered by now.
pub fn overdue_view(overdue: Overdue) -> OverdueView {
    OverdueView { draft_id: overdue.draft_id.0, title: overdue.title, days: overdue.days, unanswered: overdue.unanswered }
}

/// A group.
pub fn group_view(group: Group) -> OpinionGroupView {
    OpinionGroupView {
        id: group.id,
        draft_id: group.draft_id.0,
        version_id: group.version_id.0,
        representative_id: group.representative.0,
        body: group.body,
        provision_label: group.provision_label,
        state: group.state.into(),
        revision: group.revision,
        submissions: group.submissions,
        distinct_texts: group.distinct_texts,
        signed_in_people: group.signed_in_people,
        unanswered: group.unanswered,
        waiting: group.waiting,
        kind: group.answer.as_ref().map(|answer| answer.kind.into()),
        reason: group.answer.as_ref().map(|answer| answer.reason.clone()),
        result_label: group.answer.map(|answer| answer.result_label).filter(|label| !label.is_empty()),
    }
}

/// What would happen if the batch were published now.
pub fn preview_view(preview: &Preview, refusal: Option<String>) -> PreviewView {
    PreviewView {
        ready: preview.ready,
        unanswered: preview.unanswered,
        waiting_for_review: preview.waiting_for_review,
        outdated: preview.outdated,
        published: preview.published,
        publishes_versions: preview.publishes_versions.clone(),
        by_disposition: preview.by_disposition.iter().map(|(k, n)| count(k.as_str(), k.label(), *n)).collect(),
        exclusions: preview.exclusions.iter().map(|(r, n)| count(r.as_str(), r.label(), *n)).collect(),
        refusal,
    }
}

/// Which state is looked for.
pub type StateName = OpinionStateName;
