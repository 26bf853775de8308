//! Words of the desk of those who answer opinions.

use chrono::{DateTime, Utc};

use super::opinions::excerpt;
use super::{grouped, moment};
use crate::opinions::Channel;
use crate::opinions::reading::Words;

/// 条数
pub const OPINIONS: &str = "条意见";
/// 不同文本
pub const DISTINCT_TEXTS: &str = "种不同文本";
/// 人数
pub const PEOPLE: &str = "位登录的提出人";
/// Takes a filter off.
pub const ANY: &str = "全部";
/// Nobody handles it.
pub const NOBODY: &str = "尚未分派";
/// Given back by the second person.
pub const RETURNED: &str = "审核退回的";
/// Its answer was given back by the second person.
pub const RETURNED_BADGE: &str = "审核退回";
/// No group was chosen.
pub const NO_GROUP: &str = "请选择一组同类意见。";
/// Came after the end of the round.
pub const LATE: &str = "逾期收到";
/// No outcome was chosen.
pub const NO_KIND: &str = "请选择采纳情况。";
/// Version without address, or the other way round.
pub const HALF_A_RESULT: &str = "指明修改后的条文时，请同时选择稿次、填写条款地址。";

/// Number by channel.
pub fn by_channel(channel: &str) -> String {
    format!("条来自{channel}")
}

/// How an opinion came; one that came online through the address of a contact point says so.
pub fn channel(channel: Channel, came_through_point: bool) -> String {
    if came_through_point && channel != Channel::ContactPoint {
        format!("{}（经联系点二维码）", channel.label())
    } else {
        channel.label().into()
    }
}

/// Attitude, channel, kind of person, when.
pub fn meta(stance: &str, channel: &str, author: &str, at: DateTime<Utc>) -> String {
    format!("{stance} · {channel} · {author} · {}", moment(at))
}

/// Why the words of an opinion are not shown.
pub fn unseen(words: Words) -> &'static str {
    match words {
        Words::Hidden => "意见内容不予展示。",
        Words::Shown | Words::Withheld => "提出人选择不公开意见内容。",
    }
}

/// What looking for near-identical opinions found.
pub fn found(groups: i64, grouped_opinions: i64, joined: i64) -> String {
    match (groups, joined) {
        (0, 0) => "没有发现新的同类意见。".into(),
        (0, joined) => format!("有 {} 条意见归入了已有的同类意见。", grouped(joined)),
        (groups, 0) => format!("发现 {} 组同类意见，共 {} 条，请在“逐条答复”中确认或者拆分。", grouped(groups), grouped(grouped_opinions)),
        (groups, joined) => format!(
            "发现 {} 组同类意见，共 {} 条；另有 {} 条归入了已有的同类意见。请在“逐条答复”中确认或者拆分。",
            grouped(groups),
            grouped(grouped_opinions),
            grouped(joined)
        ),
    }
}

/// A group in a list: what it speaks of, its first words, how many there are.
pub fn group(about: &str, body: &str, submissions: i64) -> String {
    format!("{about}：{}（{} 条）", excerpt(body, 24), grouped(submissions))
}

/// Opinions were put into a group.
pub fn joined(opinions: usize, about: &str, body: &str) -> String {
    format!("已把 {opinions} 条意见归入“{about}：{}”这组同类意见。", excerpt(body, 24))
}

/// The three numbers of a group, each named.
pub fn group_counts(submissions: i64, texts: i64, people: i64) -> String {
    format!("{} 条意见，{} 种不同文本，{} 位登录的提出人", grouped(submissions), grouped(texts), grouped(people))
}

/// A version by its number.
pub fn version(number: i64) -> String {
    format!("第 {number} 稿")
}

/// What a review of everything did.
pub fn passed(n: i64) -> String {
    format!("已审核通过 {} 条采纳情况。", grouped(n))
}

/// What publishing did: answers made public, those of them whose author has an account and was told, opinions without an answer.
pub fn published(n: i64, told: i64, excluded: i64) -> String {
    let told = match told {
        0 => String::new(),
        all if all == n => "，并通知了提出人".into(),
        some => format!("，并通知了其中 {} 条的提出人", grouped(some)),
    };
    let excluded = if excluded == 0 { String::new() } else { format!("；另有 {} 条按列明的原因不作反馈", grouped(excluded)) };
    format!("已公布 {} 条意见的采纳情况{told}{excluded}。", grouped(n))
}

/// A draft that is overdue.
pub fn overdue(days: i64, unanswered: i64) -> String {
    format!("结束已 {days} 天，还有 {} 条意见没有公布采纳情况", grouped(unanswered))
}

/// Answers of a draft that were given back.
pub fn returned(answers: i64) -> String {
    format!("{} 条采纳情况需要重新拟定", grouped(answers))
}

/// Versions that become public with the answers that name them; empty for none.
pub fn publishes(versions: &[i64]) -> String {
    if versions.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = versions.iter().map(|n| format!("第 {n} 稿")).collect();
    format!("有采纳情况指向{}的条文，公布时该稿次一并公开，此后不能再改。请先核对文本。", numbers.join("、"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_told_is_named() {
        assert_eq!(published(8, 0, 0), "已公布 8 条意见的采纳情况。");
        assert_eq!(published(8, 8, 0), "已公布 8 条意见的采纳情况，并通知了提出人。");
        assert_eq!(published(8, 5, 2), "已公布 8 条意见的采纳情况，并通知了其中 5 条的提出人；另有 2 条按列明的原因不作反馈。");
        assert_eq!(published(8, 0, 2), "已公布 8 条意见的采纳情况；另有 2 条按列明的原因不作反馈。");
    }
}
