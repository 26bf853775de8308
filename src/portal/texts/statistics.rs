//! Words of the pages of numbers.

/// No day.
pub const NO_DAY: &str = "请把日期写成年-月-日，例如 2026-03-05。";
/// No such condition.
pub const NO_CHOICE: &str = "筛选条件不正确，请重新选择。";
/// All.
pub const ANY: &str = "全部";

/// What a row adds to a number of people.
pub fn adds_people(n: &str) -> String {
    format!("{n} 人次")
}
