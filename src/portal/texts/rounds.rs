//! Words about consultation rounds.

use chrono::NaiveDate;

use super::day;
use crate::drafts::questions::QuestionKind;

/// A round, in "没有找到…".
pub const THIS_ROUND: &str = "这一轮征求意见";
/// A question, in "没有找到…".
pub const THIS_QUESTION: &str = "这个问题";
/// A round that has not begun.
pub const NOT_BEGUN: &str = "征求意见尚未开始";
/// A round in which late opinions are taken.
pub const LATE: &str = "征求意见已经截止，仍可提出逾期意见";
/// A round that ended early.
pub const ENDED_EARLY: &str = "本轮征求意见已经提前结束";
/// A draft that was given up.
pub const GIVEN_UP: &str = "本草案已经撤回";
/// What stays after an early end.
pub const STILL_ANSWERED: &str = "已经提出的意见仍会研究并公布采纳情况。";
/// 期限
pub const PERIOD: &str = "期限";
/// Text of a round.
pub const TEXT: &str = "文本";
/// What happens to late opinions.
pub const LATE_POLICY: &str = "截止后的意见";
/// Late opinions are refused.
pub const LATE_REFUSED: &str = "不再接收";
/// Whether others' opinions are shown.
pub const OTHERS: &str = "他人的意见";
/// They are.
pub const OTHERS_SHOWN: &str = "征求意见期间公开展示";
/// They are not.
pub const OTHERS_UNSEEN: &str = "征求意见期间不展示";
/// Who may speak.
pub const WHO: &str = "提出意见";
/// Only those who are signed in.
pub const SIGNED_IN: &str = "登录后提出";
/// Also without signing in.
pub const ANYBODY: &str = "可以不登录提出";
/// An early end.
pub const ENDED: &str = "提前结束";
/// Publishing another round.
pub const ACT_NEW: &str = "发布新一轮征求意见";
/// Extending.
pub const ACT_EXTEND: &str = "延长期限";
/// Ending early.
pub const ACT_END: &str = "提前结束本轮";
/// Giving the draft up.
pub const ACT_GIVE_UP: &str = "撤回草案";
/// Label of the notice of an extension.
pub const EXTENSION_NOTICE: &str = "延期公告";
/// Label of a reason.
pub const REASON: &str = "理由";
/// Button.
pub const PUBLISH_EXTENSION: &str = "公布延期";
/// Button.
pub const CONFIRM_END: &str = "确认提前结束";
/// Button.
pub const CONFIRM_GIVE_UP: &str = "确认撤回";
/// What follows from an extension.
pub const AFTER_EXTENSION: &[&str] =
    &["期限只能延长，不能缩短；公布后不能收回。", "原来的截止日期和每次延期都会保留并公开，关注本草案的人会收到通知。"];
/// What follows from an early end.
pub const AFTER_END: &[&str] = &[
    "从此刻起不再接收意见，不能恢复；需要继续征求意见的，可以发布新的一轮。",
    "已经收到的意见全部保留，仍须逐条研究并公布采纳情况。",
    "理由会公开，关注本草案的人会收到通知。",
];
/// What follows from giving a draft up.
pub const AFTER_GIVE_UP: &[&str] = &[
    "草案不再继续，正在进行的征求意见同时结束，不能恢复。",
    "草案的文本和已经收到的意见全部保留，意见仍须研究并公布采纳情况。",
    "理由会公开，关注本草案的人会收到通知。",
];

/// What was just done, as an address says it.
pub fn done(what: &str) -> &'static str {
    match what {
        "published" => "征求意见公告已发布，按公告的日期自动开始、自动截止。",
        "extended" => "已延长征求意见的期限。",
        "ended" => "本轮征求意见已提前结束。",
        "withdrawn" => "草案已撤回。",
        _ => "",
    }
}

/// 第几轮
pub fn round(n: i64) -> String {
    format!("第 {n} 轮")
}

/// From when to when, with the number of days; the first does not count, so a round of one day has none.
pub fn period(first: NaiveDate, last: NaiveDate, days: u32) -> String {
    let count = if days == 0 { String::new() } else { format!("，共 {days} 日") };
    format!("{}至{}24时{count}", day(first), day(last))
}

/// Late opinions are taken.
pub fn late_taken(last: NaiveDate) -> String {
    format!("接收至{}24时，注明“逾期”", day(last))
}

/// When a round will begin.
pub fn begins(first: NaiveDate) -> String {
    format!("{}起可以提出意见。", day(first))
}

/// How an end moved.
pub fn moved(before: NaiveDate, after: NaiveDate) -> String {
    format!("截止日期由{}延长至{}", day(before), day(after))
}

/// Why something ended.
pub fn because(reason: &str) -> String {
    format!("理由：{reason}")
}

/// How many persons answered.
pub fn persons(n: i64) -> String {
    format!("{n} 人回答")
}

/// A question with its number.
pub fn question(number: i64, wording: &str, kind: QuestionKind) -> String {
    format!("{number}. {wording}（{}）", kind.label())
}

/// A version in a list.
pub fn version(number: i64, title: &str) -> String {
    format!("第 {number} 稿　{title}")
}

/// How many follow.
pub fn followers(n: i64) -> String {
    format!("{n} 人关注")
}

/// When a round that was withdrawn ended.
pub fn ended_early(on: NaiveDate) -> String {
    format!("已于{}提前结束", day(on))
}
