//! Words of moderation and messages that are chosen in code.

use chrono::{DateTime, Utc};

use super::moment;
use crate::opinions::moderation::HidingReason;

/// What the shelf of waiting opinions says when it is empty.
pub const NOTHING_WAITS: &str = "没有等待审核的意见。";
/// What the shelf of appeals says when it is empty.
pub const NO_APPEALS: &str = "没有等待处理的申诉。";
/// What the shelf of hidden opinions says when it is empty.
pub const NOTHING_HIDDEN: &str = "没有不予展示的意见。";
/// 意见
pub const BODY: &str = "意见";
/// 理由
pub const REASON: &str = "理由";
/// 建议修改为
pub const PROPOSED: &str = "建议修改为";
/// Names of the facts of a hiding.
pub const HIDDEN_FOR: &str = "原因";
/// 说明
pub const HIDDEN_WORDS: &str = "说明";
/// 时间
pub const HIDDEN_AT: &str = "时间";
/// An opinion, in "没有找到…".
pub const THIS_OPINION: &str = "这条意见";
/// A message, in "没有找到…".
pub const THIS_MESSAGE: &str = "这条消息";
/// A notification, in "没有找到…".
pub const THIS_DELIVERY: &str = "这条通知";
/// Who did what a rule did.
pub const BY_RULE: &str = "自动";
/// Who appealed.
pub const BY_AUTHOR: &str = "作者";
/// After another try was ordered.
pub const TRIED_AGAIN: &str = "已重新加入投递，稍后会再试。";
/// The link to older lines.
pub const NEXT_PAGE: &str = "更早的";
/// Names of the numbers of deliveries.
pub const BACKLOG: [&str; 4] = ["等待投递", "投递失败、需要处理", "等待微信发送", "微信没有接收"];

/// What the author is told when a moderator added no words.
pub fn usual_reason(category: HidingReason) -> String {
    format!(
        "内容被认为{}，按规定不予公开展示。",
        match category {
            HidingReason::Secret | HidingReason::Privacy => category.label().to_owned(),
            other => format!("属于“{}”", other.label()),
        }
    )
}

/// What was done to an opinion.
pub fn done(what: &str, receipt: &str) -> String {
    format!("{what}：{receipt}")
}

/// Since when an opinion waits.
pub fn waits(at: DateTime<Utc>) -> String {
    format!("{} 起等待", moment(at))
}

/// When an opinion came.
pub fn posted(at: DateTime<Utc>) -> String {
    format!("{} 提交", moment(at))
}

/// A revised wording.
pub fn revision(n: i64) -> Option<String> {
    (n > 1).then(|| format!("第 {n} 稿"))
}
