//! Words of the pages of numbers.

/// No day.
pub const NO_DAY: &str = "请把日期写成年-月-日，例如 2026-03-05。";
/// No such condition.
pub const NO_CHOICE: &str = "筛选条件不正确，请重新选择。";
/// All.
pub const ANY: &str = "全部";
/// What it is narrowed to, by name.
pub const CONDITIONS: [&str; 8] = ["征求意见", "征集任务", "联系点", "区域", "条文", "渠道", "采纳情况", "期间"];

/// A period.
pub fn period(from: Option<&str>, until: Option<&str>) -> String {
    match (from, until) {
        (Some(from), Some(until)) => format!("{from}至{until}"),
        (Some(from), None) => format!("{from}起"),
        (None, Some(until)) => format!("至{until}"),
        (None, None) => String::new(),
    }
}

/// What a row adds to a number of people.
pub fn adds_people(n: &str) -> String {
    format!("{n} 人次")
}
