//! Words of the pages that say what became of the opinions of a point.

/// Names of the numbers: collected, answered, adopted, excluded.
pub const COUNTS: [&str; 4] = ["收集的意见（条）", "已反馈（条）", "其中采纳或部分采纳（条）", "不作反馈（条）"];
/// Who said it.
pub const PERSON: &str = "提出人";
/// When.
pub const COLLECTED_ON: &str = "提出日期";
/// At which station.
pub const STATION: &str = "信息采集点";
/// At which activity.
pub const ACTIVITY: &str = "征集活动";
/// What an opinion without an answer of its own is called.
pub const EXCLUDED: &str = "不作反馈";
