//! Words of the pages of numbers.

use crate::opinions::statistics::Dimension;

/// No day.
pub const NO_DAY: &str = "请把日期写成年-月-日，例如 2026-03-05。";
/// No such condition.
pub const NO_CHOICE: &str = "筛选条件不正确，请重新选择。";
/// All.
pub const ANY: &str = "全部";

/// In which order the rows stand.
pub fn order(by: Dimension) -> &'static str {
    match by {
        Dimension::Consultation => "各行按征求意见开始的先后排列，还没有收到意见的列在后面。",
        Dimension::Point => "各行按区域和名称排列。",
        Dimension::Region => "各行按区域名称排列。",
        Dimension::Article => "各行按条文顺序排列。",
        Dimension::Channel => "各行按渠道的固定次序排列。",
        Dimension::Outcome => "各行按采纳情况的固定次序排列，尚未反馈、不作反馈的列在后面。",
    }
}

/// What a row adds to a number of people.
pub fn adds_people(n: &str) -> String {
    format!("{n} 人次")
}
