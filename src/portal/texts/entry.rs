//! Words of entering on behalf.

use chrono::NaiveDate;

use super::day;

/// The page.
pub const ENTER: &str = "代录意见";
/// An assignment, in "没有找到…".
pub const THIS_ASSIGNMENT: &str = "这项征集任务";
/// An entry, in "没有找到…".
pub const THIS_ENTRY: &str = "这条代录的意见";
/// The list of articles.
pub const ARTICLE: &str = "针对哪一条";
/// Not one article.
pub const WHOLE: &str = "草案整体";
/// A typed citation.
pub const CITATION: &str = "或者写明条款";
/// How a citation is typed.
pub const CITATION_HINT: &str = "例如“第十二条第二款”。上面选了条文的，以上面为准。";
/// Attitude.
pub const STANCE: &str = "态度";
/// The opinion.
pub const BODY: &str = "意见";
/// The proposed wording.
pub const PROPOSED: &str = "建议改成";
/// Why.
pub const REASON: &str = "理由";
/// Consent.
pub const CONSENT: &str = "是否同意公开";
/// What consent means.
pub const CONSENT_HINT: &str = "只有本人同意的，意见内容才会公开；姓名和联系方式在任何情况下都不公开。";
/// Kind of person.
pub const KIND: &str = "提出人身份";
/// What a kind is.
pub const KIND_HINT: &str = "例如居民、商户、律师；不写姓名。";
/// Name.
pub const PERSON: &str = "姓名或单位";
/// Contact.
pub const CONTACT: &str = "联系方式";
/// What name and contact are for.
pub const PERSON_HINT: &str = "可以不填。填写的加密保存，只用于把办理结果告诉本人。";
/// Activity.
pub const ACTIVITY: &str = "征集活动";
/// None.
pub const NO_ACTIVITY: &str = "不属于某次活动";
/// Station.
pub const STATION: &str = "信息采集点";
/// No station.
pub const POINT_ITSELF: &str = "联系点本身";
/// How.
pub const METHOD: &str = "收集方式";
/// When it was said.
pub const DAY: &str = "收集日期";
/// Who collected it.
pub const COLLECTOR: &str = "收集人";
/// Where.
pub const PLACE: &str = "地点";
/// Nothing was chosen.
pub const CHOOSE: &str = "请选择一项。";

/// Kind of person, day and number of an entry.
pub fn meta(kind: &str, on: NaiveDate, number: &str) -> String {
    format!("{kind} · {} · {number}", day(on))
}

/// What is said when no entries are taken.
pub fn closed(state: &str) -> String {
    format!("这项任务目前处于“{state}”，不能录入或者修改意见。")
}

/// What was done.
pub fn done(code: &str) -> &'static str {
    match code {
        "recorded" => "已录入，可以接着录下一条。",
        "changed" => "已保存。",
        "removed" => "已删除。",
        _ => "",
    }
}
