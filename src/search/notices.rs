//! What a search says above its results when the library does not hold what the query names.

use chrono::NaiveDate;

use crate::calendar::chinese_day;

/// No work has this title.
pub(super) fn no_such_title(title: &str, has_results: bool) -> String {
    format!("法规库里没有《{}》{}", quoted(title), if has_results { "，下面是文字相近的结果。" } else { "。" })
}

/// The work has no such article; `has_articles` says whether it has any.
pub(super) fn no_such_article(title: &str, has_articles: bool, label: &str) -> String {
    format!("《{}》{}没有{label}。", quoted(title), if has_articles { "" } else { "不分条，" })
}

/// None of several works with the name has such an article.
pub(super) fn no_such_article_in_any(works: usize, label: &str) -> String {
    format!("名称相符的法规文件有 {works} 件，都没有{label}。")
}

/// The work had no text in force on the day.
pub(super) fn not_in_force(title: &str, day: NaiveDate) -> String {
    format!("《{}》在{}没有有效的文本。", quoted(title), chinese_day(day))
}

/// A title as it stands inside 《》.
fn quoted(title: &str) -> String {
    title.replace('《', "〈").replace('》', "〉")
}
