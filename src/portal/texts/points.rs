//! Words of the pages on which contact points are kept, and of invitations.

use chrono::{DateTime, NaiveDate, Utc};

use super::{day, moment};

/// The list.
pub const POINTS: &str = "联系点管理";
/// Heading of the form of a new point.
pub const NEW_POINT: &str = "新设联系点";
/// Button that opens a point.
pub const OPEN: &str = "设立";
/// Button that saves.
pub const SAVE: &str = "保存";
/// No organ keeps the point.
pub const NO_ORGAN: &str = "本级直接管理";
/// Organ that keeps the point.
pub const ORGAN: &str = "主管司法局";
/// Kind of the point.
pub const KIND: &str = "类别";
/// Kind of the host.
pub const HOST_KIND: &str = "单位性质";
/// Name of a point or a station.
pub const NAME: &str = "名称";
/// What stands in the field of the region.
pub const REGION_HINT: &str = "写到县（区），例如“某某市某某区”；同一地区请写得一样，列表按它归类。";
/// Place on the map.
pub const COORDINATES: &str = "经纬度";
/// How coordinates are typed.
pub const COORDINATES_HINT: &str = "先经度后纬度，用逗号隔开，例如 114.4123, 23.1102（WGS 84）。";
/// Coordinates of another form.
pub const COORDINATES_FORM: &str = "经纬度应形如 114.4123, 23.1102，先经度后纬度。";
/// Who they are.
pub const INTRODUCTION: &str = "简介";
/// How to take part.
pub const HOW: &str = "怎样参与";
/// How topics are typed.
pub const TOPICS_HINT: &str = "用顿号隔开。";
/// Term.
pub const TERM: &str = "任期";
/// No end.
pub const NO_TERM: &str = "未设期限";
/// First day.
pub const TERM_BEGINS: &str = "任期第一天";
/// Last day.
pub const TERM_ENDS: &str = "任期最后一天";
/// What an empty term means.
pub const TERM_HINT: &str = "不设期限的，两个日期都留空。";
/// Half a term.
pub const TERM_WHOLE: &str = "请同时填写任期的第一天和最后一天。";
/// A day of another form.
pub const DAY_FORM: &str = "日期应形如 2026-03-01。";
/// No kind was chosen.
pub const CHOOSE_KIND: &str = "请选择一项。";
/// No organ was chosen.
pub const CHOOSE_ORGAN: &str = "请重新选择主管司法局。";
/// Why.
pub const REASON: &str = "理由";
/// Why it is closed.
pub const REASON_OF_CLOSING: &str = "关闭的理由";
/// Duty of a person.
pub const DUTY: &str = "职务";
/// What a duty is.
pub const DUTY_HINT: &str = "例如负责人、联络员。";
/// Name of a person.
pub const PERSON_NAME: &str = "姓名";
/// Number of a person.
pub const PHONE: &str = "电话";
/// The person agreed to be shown.
pub const IS_PUBLIC: &str = "本人同意向公众公开姓名和电话";
/// Station of an invitation.
pub const STATION_OF_INVITATION: &str = "工作范围";
/// Not one station only.
pub const WHOLE_POINT: &str = "整个联系点";
/// For whom an invitation is.
pub const REMARK: &str = "备注";
/// What a remark is for.
pub const REMARK_HINT: &str = "方便自己辨认，例如“社区副主任”；不要写身份证号、电话等个人信息。";
/// A station, in "没有找到…".
pub const THIS_STATION: &str = "这个信息采集点";
/// A person, in "没有找到…".
pub const THIS_PERSON: &str = "这名负责人";
/// An invitation, in "没有找到…".
pub const THIS_INVITATION: &str = "这个邀请";
/// The installation itself did it.
pub const BY_INSTALLATION: &str = "系统录入";
/// An account that cannot sign in.
pub const CLOSED_ACCOUNT: &str = "（已停用）";

/// Heading of the form that changes a point.
pub fn change_of(name: &str) -> String {
    format!("修改{name}")
}

/// From when to when a term lasts.
pub fn term(from: NaiveDate, to: NaiveDate) -> String {
    format!("{}至{}", day(from), day(to))
}

/// The term that began with an entry of the history.
pub fn term_of_entry(from: NaiveDate, to: NaiveDate) -> String {
    format!("任期{}", term(from, to))
}

/// What is said of a term that ends soon or has ended.
pub fn ending(ends: NaiveDate, today: NaiveDate) -> String {
    match (ends - today).num_days() {
        days if days < 0 => format!("任期已于{}届满，请续期或者关闭。", day(ends)),
        0 => "任期今天届满，请续期或者关闭。".into(),
        days => format!("任期将于{}届满，还有 {days} 天。", day(ends)),
    }
}

/// When a station was closed.
pub fn closed_at(at: DateTime<Utc>) -> String {
    format!("{}关闭", moment(at))
}

/// Who invited.
pub fn invited_by(name: String) -> String {
    format!("{name}发出")
}

/// Until when an invitation is good.
pub fn valid_until(at: DateTime<Utc>) -> String {
    format!("有效至{}", moment(at))
}

/// When an account was made with it.
pub fn used_at(at: DateTime<Utc>) -> String {
    format!("{}接受", moment(at))
}

/// What was done.
pub fn done(code: &str) -> &'static str {
    match code {
        "opened" => "联系点已设立。接下来可以登记负责人、信息采集点，并邀请工作人员。",
        "changed" => "已保存。",
        "renewed" => "任期已更新。",
        "closed" => "联系点已关闭，其工作人员已退出登录。",
        "reopened" => "联系点已恢复，其工作人员可以重新登录。",
        "station-added" => "信息采集点已新增。",
        "station-changed" => "信息采集点已保存。",
        "station-closed" => "信息采集点已关闭。",
        "station-reopened" => "信息采集点已恢复。",
        "person-added" => "负责人已登记。",
        "person-changed" => "负责人信息已保存。",
        "person-removed" => "负责人已移除。",
        "invitation-revoked" => "邀请已撤销。",
        _ => "",
    }
}
