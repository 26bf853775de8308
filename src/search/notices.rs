//! What a search says above its results when the library does not hold what the query names.

use chrono::NaiveDate;

/// No work has this title.
pub(super) fn no_such_title(title: &str, has_results: bool) -> String {
    format!("法规库里没有《{}》{}", quoted(title), if has_results { "，下面是文字相近的结果。" } else { "。" })
}

/// The work has no such article; `articles` is how many it has.
pub(super) fn no_such_article(title: &str, articles: usize, label: &str) -> String {
    match articles {
        0 => format!("《{}》不分条，没有{label}。", quoted(title)),
        _ => format!("《{}》共{articles}条，没有{label}。", quoted(title)),
    }
}

/// None of several works with the name has such an article.
pub(super) fn no_such_article_in_any(works: usize, label: &str) -> String {
    format!("查到 {works} 件这样名称的法规文件，都没有{label}。")
}

/// The work had no text in force on the day.
pub(super) fn not_in_force(title: &str, day: NaiveDate) -> String {
    format!("《{}》在{}没有有效的文本。", quoted(title), day.format("%Y年%-m月%-d日"))
}

/// A title as it stands inside 《》.
fn quoted(title: &str) -> String {
    title.replace('《', "〈").replace('》', "〉")
}
