//! Lines between and below the rows of a table: 第二章, 合计, 填表人.

use super::bare;

/// Words with which the lines below a table begin.
const FOOTERS: &[&str] = &[
    "合计",
    "总计",
    "小计",
    "共计",
    "填表人",
    "填报人",
    "填表单位",
    "填报单位",
    "制表人",
    "制表",
    "审核人",
    "审核",
    "审批人",
    "负责人",
    "单位负责人",
    "联系人",
    "联系电话",
    "备注",
    "注",
    "说明",
    "填表说明",
    "填报说明",
    "填写说明",
    "填表日期",
    "填报日期",
    "填报时间",
    "日期",
    "单位盖章",
    "盖章",
    "单位公章",
    "公章",
    "主办单位",
    "汇总人",
    "统计人",
    "经办人",
    "附注",
    "提示",
];

/// Whether a row that begins with some words is a line below the table.
pub(super) fn is_footer(first: &str, filled: usize, speaks: bool) -> bool {
    let first = first.trim();
    let totals = ["合计", "总计", "小计", "共计"];
    let name = bare(first);
    if totals.contains(&name.as_str()) {
        return true;
    }
    if speaks || filled > 6 {
        return false;
    }
    let (head, has_colon) = match first.find(['：', ':']) {
        Some(at) => (first.get(..at).unwrap_or(first), true),
        None => (first, false),
    };
    let head = bare(head);
    let is_known = FOOTERS.contains(&head.as_str()) || FOOTERS.iter().any(|f| f.chars().count() > 2 && head.starts_with(f));
    let counts = (head.starts_with('共') || totals.iter().any(|t| head.starts_with(t)))
        && head.chars().any(|c| c.is_ascii_digit())
        && head.ends_with('条');
    (is_known && (has_colon || first.contains("盖章") || first.contains("签"))) || counts
}

/// 第二章 管理职责, 一、总体意见: a line that divides a table.
pub(super) fn is_division(words: &str) -> bool {
    let words = words.trim();
    let is_numeral = |c: char| "零〇一二三四五六七八九十百".contains(c) || c.is_ascii_digit();
    if let Some(rest) = words.strip_prefix('第') {
        let rest = rest.trim_start_matches(is_numeral);
        return words.chars().count() <= 30 && rest.starts_with(['章', '节', '编']);
    }
    let rest = words.trim_start_matches(['（', '(']);
    let after = rest.trim_start_matches(is_numeral);
    after.len() < rest.len() && after.starts_with(['、', '）', ')']) && words.chars().count() <= 30
}
