//! Words of the interface that are chosen in code; everything else stands in the templates.

pub mod account;
pub mod answering;
pub mod audit;
pub mod collection;
pub mod drafting;
pub mod entry;
pub mod moderation;
pub mod opinions;
pub mod outcomes;
pub mod points;
pub mod report;
pub mod rounds;

pub mod comparison;
pub mod selections;
pub mod staff_accounts;
pub mod statistics;
pub mod uploads;

use chrono::{DateTime, NaiveDate, Utc};

use super::pages::Badge;
pub use crate::calendar::chinese_day as day;
use crate::corpus::Relation;
use crate::corpus::classification::Validity;
use crate::corpus::numerals::to_chinese;
use crate::corpus::structure::DiagnosticCode;
use crate::ids::shanghai;

/// Example queries of the home page; all find something in the demonstration city.
pub const EXAMPLES: &[&str] = &["养犬管理条例第12条", "物业管理条例第30条第2款", "狗咬人谁负责"];
/// Names of facets, by their name in the search contract.
pub const FACETS: &[(&str, &str)] =
    &[("category", "类别"), ("level", "效力位阶"), ("validity", "时效性"), ("organ", "制定机关"), ("region", "地区"), ("year", "年份")];
/// What a missing page says.
pub const NO_PAGE: &str = "没有找到这个页面，可能已被移除，或者地址有误。";
/// What a wrong method says.
pub const NO_METHOD: &str = "这个页面不能这样访问，请从首页重新进入。";
/// What an unreadable request says.
pub const NO_READING: &str = "请求无法识别，请返回上一页再试。";
/// What an oversized upload says.
pub const TOO_LARGE: &str = "上传的文件太大，请分几次导入。";
/// What a form without its token says.
pub const STALE_FORM: &str = "页面停留时间过长，请重新提交一次。";
/// What a page for staff says to others.
pub const STAFF_ONLY: &str = "这个页面只供工作人员使用，请先登录。";
/// What a page for signed-in citizens says to others.
pub const CITIZENS_ONLY: &str = "请先登录，再继续。";
/// A login is asked for by a form that was sent.
pub const SENT: &str = "sent";
/// A login is asked for because the one before has ended.
pub const EXPIRED: &str = "expired";
/// What an unreadable date says.
pub const BAD_DATE: &str = "日期请写成“年-月-日”，例如 2024-05-01。";
/// What an unreadable year says.
pub const BAD_YEAR: &str = "年份请写成四位数字，例如 2024。";
/// Chip of a second query.
pub const WITHIN: &str = "结果中再查";
/// Validity of what was in force on the asked day.
pub const IN_FORCE_THEN: &str = "当日有效";
/// Chip of the asked day.
pub const ON: &str = "有效日期";
/// Chip of a search inside one document.
pub const IN_DOCUMENT: &str = "只查这一件";
/// A document, in "没有找到…".
pub const THIS_DOCUMENT: &str = "这部法规文件";
/// A version, in "没有找到…".
pub const THIS_VERSION: &str = "这部法规文件的这个版本";
/// Fact names of a document.
pub const ORGAN: &str = "制定机关";
/// 发文字号
pub const DOCUMENT_NUMBER: &str = "发文字号";
/// 通过日期
pub const ADOPTED: &str = "通过";
/// 公布日期
pub const PROMULGATED: &str = "公布";
/// 施行日期
pub const EFFECTIVE: &str = "施行";
/// 废止日期
pub const REPEALED: &str = "废止";
/// No organ was found in an imported file.
pub const NO_ORGAN_READ: &str = "没有读到制定机关";
/// No date was found in it.
pub const NO_DAY_READ: &str = "没有读到日期";
/// Length of a document.
pub const LENGTH: &str = "篇幅";
/// Region of a document.
pub const REGION: &str = "适用地区";

/// A draft, in "没有找到…".
pub const THIS_DRAFT: &str = "这份草案";
/// A contact point, in "没有找到…".
pub const THIS_POINT: &str = "这个立法基层联系点";
/// An import, in "没有找到…".
pub const THIS_JOB: &str = "这个导入任务";
/// What an import without a file says.
pub const NO_FILES: &str = "请至少选择一个文件。";
/// State of a round that is published and has not begun.
pub const UPCOMING: &str = "即将征求意见";
/// 起草单位
pub const DRAFTED_BY: &str = "起草单位";
/// What a draft is to become.
pub const DRAFT_KIND: &str = "文件类别";
/// From when to when the public is asked.
pub const CONSULTED: &str = "征求意见";
/// Round and version.
pub const ROUND: &str = "轮次";
/// Why a round is short.
pub const SHORTER: &str = "缩短期限的理由";
/// Heading of the opinions on the whole.
pub const ON_THE_WHOLE: &str = "对全文的意见";
/// Names of the four counts of opinions, each for what it counts.
pub const COUNTS: [&str; 4] = ["收到意见（条）", "不同内容（种）", "登录提交（人）", "已公布采纳情况（条）"];
/// Every district.
pub const ALL_REGIONS: &str = "全部地区";
/// 地址
pub const ADDRESS: &str = "地址";
/// 开放时间
pub const HOURS: &str = "开放时间";
/// Where a contact point is.
pub const REGION_OF_POINT: &str = "所在地区";
/// 所在单位
pub const HOST: &str = "所在单位";
/// 设立机关
pub const ESTABLISHED_BY: &str = "设立机关";
/// 设立日期
pub const ESTABLISHED_ON: &str = "设立日期";
/// 设立依据
pub const LEGAL_BASIS: &str = "设立依据";
/// What people there talk about.
pub const TOPICS: &str = "常谈话题";

/// What a login page says that somebody was led to in the middle of something.
pub fn interrupted(why: &str) -> &'static str {
    match why {
        SENT => "登录已过期，请重新登录；刚才提交的内容没有保存，登录后请重新填写，文件也要重新选择。",
        EXPIRED => "登录已过期，请重新登录。",
        _ => "",
    }
}

/// An instant as people write it, in Asia/Shanghai.
pub fn moment(at: DateTime<Utc>) -> String {
    shanghai(at).format("%Y年%-m月%-d日 %H:%M").to_string()
}

/// A number with groups of three digits.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The validity badge.
pub fn validity(validity: Validity) -> Badge {
    let tone = match validity {
        Validity::InForce => "good",
        Validity::NotYetInForce => "wait",
        Validity::Repealed | Validity::Lapsed => "stop",
        Validity::AmendingDecision => "blue",
        Validity::Amended | Validity::Unknown => "off",
    };
    Badge { text: validity.label().into(), tone }
}

/// From when to when a version applies.
pub fn period(begins: Option<NaiveDate>, ends: Option<NaiveDate>) -> String {
    match (begins, ends.and_then(|e| e.pred_opt())) {
        (Some(a), Some(b)) if a <= b => format!("{}至{}", day(a), day(b)),
        (Some(a), _) => format!("{}起", day(a)),
        (None, Some(b)) => format!("至{}", day(b)),
        (None, None) => "日期不详".into(),
    }
}

/// The line under an answer that says which version it is from.
pub fn version_line(begins: Option<NaiveDate>, ends: Option<NaiveDate>) -> String {
    match begins {
        None => "施行日期不详的文本".into(),
        Some(_) => format!("{}施行的文本", period(begins, ends)),
    }
}

/// The short line that says when a document took effect.
pub fn effective_line(begins: Option<NaiveDate>) -> Option<String> {
    begins.map(|d| format!("{}施行", day(d)))
}

/// Citation of a provision in the usual form.
pub fn citation(title: &str, label: &str) -> String {
    let title = title.replace('《', "〈").replace('》', "〉");
    format!("《{title}》{label}")
}

/// A provision with the 款 and 项 that were named.
pub fn named(label: &str, paragraph: Option<u32>, item: Option<u32>) -> String {
    let mut out = String::from(label);
    if let Some(n) = paragraph {
        out.push_str(&format!("第{}款", to_chinese(n)));
    }
    if let Some(n) = item {
        out.push_str(&format!("第{}项", to_chinese(n)));
    }
    out
}

/// A year as people write it.
pub fn year(value: &str) -> String {
    format!("{value}年")
}

/// The chip of a chosen filter.
pub fn chip(name: &str, value: &str) -> String {
    format!("{name}：{value}")
}

/// What a document says when it is not shown in the version in force.
pub fn other_version(shown: Validity, begins: Option<NaiveDate>, ends: Option<NaiveDate>, on: Option<NaiveDate>) -> Option<String> {
    if let Some(on) = on {
        return Some(match begins {
            Some(begin) if on < begin => format!("{}时本文还没有施行，下面是{}施行的文本。", day(on), day(begin)),
            _ => format!("下面是{}的文本，当时的状态是“{}”。", day(on), shown.label()),
        });
    }
    match shown {
        Validity::InForce | Validity::AmendingDecision | Validity::Unknown => None,
        Validity::NotYetInForce => Some(match begins {
            Some(begin) => format!("这个文本自{}起施行，现在还没有生效。", day(begin)),
            None => "这个文本还没有生效。".into(),
        }),
        Validity::Amended => Some("这是修改以前的文本，已经不再适用。".into()),
        Validity::Repealed | Validity::Lapsed => Some(match ends {
            Some(end) => format!("本文自{}起不再适用（{}）。", day(end), shown.label()),
            None => format!("本文不再适用（{}）。", shown.label()),
        }),
    }
}

/// How long a document is.
pub fn length(articles: i64, characters: i64) -> String {
    match articles {
        0 => format!("{} 字", grouped(characters)),
        n => format!("{} 条，{} 字", grouped(n), grouped(characters)),
    }
}

/// How a document relates to another one, seen from itself.
pub fn relation(relation: Relation, is_active: bool) -> &'static str {
    match (relation, is_active) {
        (Relation::Amends, true) => "修改",
        (Relation::Amends, false) => "修改本文的",
        (Relation::Repeals, true) => "废止",
        (Relation::Repeals, false) => "废止本文的",
        (Relation::Supersedes, true) => "取代",
        (Relation::Supersedes, false) => "取代本文的",
    }
}

/// What a diagnostic says; one of a kind that is not known asks to look.
pub fn diagnostic(code: &str) -> &'static str {
    DiagnosticCode::ALL.iter().find(|known| known.as_str() == code).map_or("需要核对", |known| known.message())
}

/// What a diagnostic says, and of which line.
pub fn diagnostic_at(code: &str, line: i64) -> String {
    format!("{}（原文第 {line} 行）", diagnostic(code))
}

/// In how many places.
pub fn places(n: i64) -> String {
    format!("{} 处", grouped(n))
}

/// Who drafts it.
pub fn drafted_by(unit: &str) -> String {
    format!("{unit}起草")
}

/// When an open round ends.
pub fn closes(last_day: NaiveDate) -> String {
    format!("{}24时截止", day(last_day))
}

/// When a round ended.
pub fn closed(last_day: NaiveDate) -> String {
    format!("已于{}截止", day(last_day))
}

/// From one day to another, both included.
pub fn days(first: NaiveDate, last: NaiveDate) -> String {
    format!("{}至{}", day(first), day(last))
}

/// Round and version of a draft.
pub fn round(round: i64, version: Option<i64>) -> String {
    match version {
        Some(version) => format!("第 {round} 轮，第 {version} 稿"),
        None => format!("第 {round} 轮"),
    }
}

/// Of what an opinion speaks and who says it.
pub fn about_opinion(provision: &str, author: Option<&str>, stance: Option<&str>) -> String {
    [Some(provision), author, stance].into_iter().flatten().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// An article with the number of its answered opinions.
pub fn with_opinions(label: &str, n: usize) -> String {
    format!("{label}（{n} 条意见）")
}

/// How many files an import had.
pub fn files(n: usize, is_dry_run: bool) -> String {
    if is_dry_run { format!("试导入 {n} 件") } else { format!("{n} 件") }
}

/// How many 条 a document has.
pub fn articles(n: u64) -> String {
    format!("{n} 条")
}

/// The link to the further hits of one document.
pub fn more_hits(n: u64) -> String {
    format!("本文还有 {n} 条相关")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (146_203, "146,203"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn a_diagnostic_is_told_in_words_and_not_by_its_number() {
        for code in DiagnosticCode::ALL {
            assert_eq!(diagnostic_at(code.as_str(), 12), format!("{}（原文第 12 行）", code.message()));
        }
        assert_eq!(diagnostic("D99"), "需要核对");
        assert_eq!(places(1_234), "1,234 处");
    }

    #[test]
    fn a_title_inside_a_title_takes_the_inner_brackets() {
        assert_eq!(citation("关于修改《示例条例》的决定", "第二条"), "《关于修改〈示例条例〉的决定》第二条");
    }

    #[test]
    fn a_period_ends_on_the_last_day_it_applies() {
        let d = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
        assert_eq!(period(d(2018, 9, 30), d(2024, 5, 1)), "2018年9月30日至2024年4月30日");
        assert_eq!(period(d(2024, 5, 1), None), "2024年5月1日起");
        assert_eq!(period(d(2024, 5, 1), d(2024, 5, 1)), "2024年5月1日起");
    }
}
