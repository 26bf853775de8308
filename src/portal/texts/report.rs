//! Words of the feedback report.

/// All outcomes.
pub const ALL: &str = "全部";
/// 渠道
pub const CHANNEL: &str = "渠道";
/// 提出人类别
pub const AUTHOR_KIND: &str = "提出人";
/// 意见编号
pub const OPINION_ID: &str = "意见编号";

/// Link to the report of a round.
pub fn of_round(round: i64) -> String {
    if round > 1 { format!("第 {round} 轮采纳情况反馈报告") } else { "采纳情况反馈报告".into() }
}
