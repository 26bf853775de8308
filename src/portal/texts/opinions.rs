//! Words of the pages on which people speak.

use chrono::{DateTime, Utc};

use super::day;
use crate::calendar::day_of;
use crate::drafts::lineage::{Continuation, ContinuationKind};
use crate::opinions::moderation::HidingReason;
use crate::opinions::onward::Onward;
use crate::opinions::reading::AuthorState;

/// An opinion, in "没有找到…".
pub const THIS_OPINION: &str = "这条意见";
/// What staff are told who fill in the form.
pub const STAFF_DO_NOT_SPEAK: &str = "您现在用的是工作人员账号。提意见请先退出，再以市民身份登录，或者不登录提交。";
/// What a form from another browser, or after hours, says.
pub const SEND_AGAIN: &str = "页面停留时间过长，请重新提交一次；您填写的内容都还在（附件需要重新选择）。";
/// What the form says after the login.
pub const STILL_THERE: &str = "您已登录，刚才填写的内容还在。请看一遍，再提交。";
/// A stance is missing.
pub const CHOOSE_STANCE: &str = "请选择态度。";
/// Too much was sent.
pub const FILES_TOO_LARGE: &str = "附件太大，没有收下；请压缩后重新选择。";
/// The change is saved.
pub const CHANGED: &str = "修改已保存，原来的内容保留在修改记录里。";
/// The opinion is withdrawn.
pub const WITHDRAWN: &str = "意见已撤回。";
/// The draft as a whole, as a place.
pub const WHOLE: &str = "草案全文";
/// Names of facts.
pub const RECEIPT_NUMBER: &str = "回执号";
/// 提交时间
pub const POSTED_AT: &str = "提交时间";
/// 针对条款
pub const ABOUT: &str = "针对条款";
/// 稿次
pub const VERSION: &str = "稿次";
/// 最后修改
pub const CHANGED_AT: &str = "最后修改";
/// 是否公开
pub const WISH: &str = "是否公开";
/// The author's wish, in words.
pub const WISHES: [&str; 2] = ["不公开", "可以公开"];
/// All states, as a filter.
pub const ALL_STATES: &str = "全部";
/// Why no opinions are shown.
pub const KEPT_BACK: &str = "本轮征求意见期间不展示其他人的意见；采纳情况会在征求意见结束以后统一公布。";
/// Why no opinions are shown once their outcomes are public.
pub const ANSWERED_ELSEWHERE: &str = "本轮征求意见没有在这里展示其他人的意见；采纳情况已经公布。";

/// Colour of a state.
pub fn tone(state: AuthorState) -> &'static str {
    match state {
        AuthorState::Received | AuthorState::Checking => "wait",
        AuthorState::Shown | AuthorState::Answered => "good",
        AuthorState::Hidden => "stop",
        AuthorState::Excluded | AuthorState::Withdrawn => "off",
    }
}

/// The article with its part, as a choice.
pub fn whole_unit(label: &str) -> String {
    format!("{label}（整条）")
}

/// Until when an opinion may be given or changed.
pub fn until(day: &str) -> String {
    format!("{day} 24 时截止")
}

/// Kind and size of a file.
pub fn file(kind: &str, bytes: i64) -> String {
    let kib = (bytes + 1023) / 1024;
    if kib < 1024 { format!("{kind}，{kib} KB") } else { format!("{kind}，{}.{} MB", kib / 1024, kib % 1024 * 10 / 1024) }
}

/// What stands in the place of hidden words: the listed reason and the day, never more.
pub fn hidden(hiding: Option<(HidingReason, DateTime<Utc>)>) -> String {
    match hiding {
        Some((reason, at)) => format!("这条意见的内容于{}起不予展示，原因：{}。", day(day_of(at)), reason.label()),
        None => "这条意见的内容不予展示。".into(),
    }
}

/// A former wording.
pub fn former(revision: i64, written: &str, replaced: &str) -> String {
    format!("第 {revision} 次的内容（{written} 至 {replaced}）")
}

/// How many opinions an article has.
pub fn opinions(n: i64) -> String {
    format!("{n} 条意见")
}

/// Where an article went in a newer version.
pub fn onward(own_label: &str, onward: &Onward) -> String {
    let version = onward.version_number;
    let went = |place: &Continuation| match &place.address {
        None => format!("{own_label}在第 {version} 稿中已删除。"),
        Some(_) if place.kind == ContinuationKind::Kept && place.label == own_label => format!("{own_label}在第 {version} 稿中没有改动。"),
        Some(_) if !place.is_exact => format!("{own_label}所在的条文在第 {version} 稿中是{}，请到那里查看。", place.label),
        Some(_) => format!("{own_label}在第 {version} 稿中是{}（{}）。", place.label, place.kind.label()),
    };
    if onward.places.is_empty() {
        return format!("草案已有第 {version} 稿。");
    }
    onward.places.iter().map(went).collect()
}

/// The beginning of a text.
pub fn excerpt(text: &str, characters: usize) -> String {
    let mut cut: String = text.chars().take(characters).collect();
    if text.chars().count() > characters {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_onward_is_said_in_one_sentence_for_each_place() {
        let place = |kind, address: Option<&str>, label: &str, is_exact| Continuation {
            kind,
            address: address.map(Into::into),
            label: label.into(),
            is_exact,
        };
        let said = |places| onward("第四条", &Onward { version_number: 2, places });
        for (places, sentence) in [
            (Vec::new(), "草案已有第 2 稿。"),
            (vec![place(ContinuationKind::Kept, Some("art-4"), "第四条", true)], "第四条在第 2 稿中没有改动。"),
            (vec![place(ContinuationKind::Modified, Some("art-5"), "第五条", true)], "第四条在第 2 稿中是第五条（修改）。"),
            (vec![place(ContinuationKind::Deleted, None, "", true)], "第四条在第 2 稿中已删除。"),
            (vec![place(ContinuationKind::Kept, Some("art-4"), "第四条", false)], "第四条在第 2 稿中没有改动。"),
            (
                vec![place(ContinuationKind::Modified, Some("art-6"), "第六条", false)],
                "第四条所在的条文在第 2 稿中是第六条，请到那里查看。",
            ),
        ] {
            assert_eq!(said(places), sentence);
        }
    }
}
