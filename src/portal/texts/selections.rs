//! Words of the pages of the selection of contact points.

use chrono::NaiveDate;

use super::day;

/// The list.
pub const SELECTIONS: &str = "联系点遴选";
/// Heading of the form of a new call.
pub const NEW_CALL: &str = "新建遴选公告";
/// Heading of the form that changes one.
pub const CHANGE_CALL: &str = "修改遴选公告";
/// Title.
pub const TITLE: &str = "标题";
/// Notice.
pub const NOTICE: &str = "公告正文";
/// What a notice says.
pub const NOTICE_HINT: &str = "写明申报条件、申报材料、评选办法和联系方式。";
/// Criteria.
pub const CRITERIA: &str = "评分标准";
/// How criteria are typed.
pub const CRITERIA_HINT: &str = "每行一项，用竖线隔开：名称|满分|说明。例如：群众基础|40|联系群众的范围和方式。";
/// Criteria of another form.
pub const CRITERIA_FORM: &str = "每行应是“名称|满分|说明”，满分是整数。";
/// First day.
pub const OPENS: &str = "申报开始";
/// Last day.
pub const CLOSES: &str = "申报截止（当日 24 时）";
/// No day.
pub const CHOOSE_DAYS: &str = "请选择申报的开始和截止日期。";
/// A call, in "没有找到…".
pub const THIS_CALL: &str = "这个遴选公告";
/// An application, in "没有找到…".
pub const THIS_APPLICATION: &str = "这份遴选申报";
/// A document, in "没有找到…".
pub const THIS_DOCUMENT: &str = "这份申报材料";
/// Why a call is given up.
pub const REASON: &str = "撤回的理由（已发布的，会向公众公开）";
/// Public text beside the outcome.
pub const OUTCOME_NOTICE: &str = "公布说明";
/// Name of the unit.
pub const UNIT: &str = "单位名称";
/// Who they are.
pub const INTRODUCTION: &str = "单位情况";
/// What is said of a unit.
pub const INTRODUCTION_HINT: &str = "例如服务的人群、人员和场地、以往联系群众的做法。";
/// How they would collect opinions.
pub const PLAN: &str = "工作设想";
/// Contact person.
pub const CONTACT_NAME: &str = "联系人";
/// Their number.
pub const CONTACT_PHONE: &str = "联系电话";
/// Number of the receipt.
pub const NUMBER: &str = "回执号";
/// When it came.
pub const SUBMITTED: &str = "提交时间";
/// Where it stands.
pub const STATE: &str = "状态";
/// Other applications under the name of the unit.
pub const SAME_NAME: &str = "提示";
/// Told to the unit.
pub const TOLD: &str = "说明";
/// The call.
pub const CALL: &str = "遴选公告";
/// Points must be numbers.
pub const POINTS_FORM: &str = "分数应是整数。";
/// An application was taken back.
pub const TAKEN_BACK: &str = "申报已撤回。";
/// Too much in one form.
pub const TOO_MUCH: &str = "申报材料合计过大，请压缩或者减少后再提交。";

/// From when to when applications are taken.
pub fn when(opens: NaiveDate, closes: NaiveDate) -> String {
    format!("申报时间：{}至{}", day(opens), day(closes))
}

/// Until when applications are taken.
pub fn until(closes: NaiveDate) -> String {
    format!("申报截止到{} 24 时", day(closes))
}

/// A criterion with its most points.
pub fn criterion(name: &str, maximum: i64) -> String {
    format!("{name}（{maximum} 分）")
}

/// How an application was scored.
pub fn scored(sheets: usize, total: i64) -> String {
    let mean_tenths = total * 10 / i64::try_from(sheets.max(1)).unwrap_or(1);
    format!("{sheets} 人评分，平均 {}.{} 分", mean_tenths / 10, mean_tenths % 10)
}

/// That other applications stand under the name of a unit; empty when none does.
pub fn same_name(others: i64) -> String {
    if others == 0 { String::new() } else { format!("同名单位另有申报 {others} 份") }
}

/// All points of a sheet.
pub fn total(points: i64) -> String {
    format!("合计 {points} 分")
}

/// What was done.
pub fn done(code: &str) -> &'static str {
    match code {
        "written" => "公告已保存，还没有发布。",
        "published" => "公告已发布。",
        "withdrawn" => "公告已撤回。",
        "decided" => "结果已公布。可以把入选单位设立为联系点。",
        "scored" => "评分已保存。",
        "opened" => "联系点已设立。",
        _ => "",
    }
}
