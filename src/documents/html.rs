//! 网页 (.html): block elements → lines, tables → pipe rows; scripts, styles, menus and forms are left out.
//!
//! A page is measured ([`markup`]) before its tree is built; walking the tree is iterative.

use std::collections::HashSet;

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Node, Selector};

use super::blocks::Blocks;
use super::{Format, Limits, SourceDocument, markup, text};
use crate::error::Result;

/// Elements whose content is no text of the document.
const LEFT_OUT: &[&str] = &[
    "script", "style", "noscript", "template", "nav", "header", "footer", "aside", "form", "button", "select", "option", "textarea",
    "iframe", "object", "svg", "canvas", "audio", "video", "head", "map", "dialog", "menu",
];

/// Elements that start and end a line.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "section",
    "article",
    "main",
    "body",
    "pre",
    "address",
    "figure",
    "figcaption",
    "fieldset",
    "center",
    "hr",
    "caption",
    "details",
    "summary",
];

/// Where official sites put the text, most telling first.
const CONTENT: &str = "#UCAP-CONTENT, #zoom, #Zoom, #zoomcon, .TRS_Editor, .trs_editor_view, .pages_content, .article-content, .article_con, #article, #content, .content, article, main";

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<SourceDocument> {
    let decoded = text::decode(bytes, declared_charset(bytes).as_deref())?;
    markup::check(decoded.text.as_bytes(), limits)?;
    let page = Html::parse_document(&decoded.text);
    let mut document = SourceDocument::new(Format::Html, String::new());
    document.title = title(&page);
    document.notices.extend(text::damage_notice(decoded.damaged));
    let root = content_root(&page);
    document.body = lines(root);
    text::check_lines(&document.body, limits)?;
    Ok(document)
}

/// The encoding that the page declares in its first bytes.
fn declared_charset(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..4096).unwrap_or(bytes).to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")? + 8;
    let label: String = head
        .get(at..)?
        .iter()
        .map(|b| char::from(*b))
        .skip_while(|c| matches!(c, '"' | '\'' | ' '))
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    (!label.is_empty()).then_some(label)
}

/// Title of the page: what official sites state, the main heading, or the title element up to the site's name.
fn title(page: &Html) -> String {
    let first = |css: &str| Selector::parse(css).ok().and_then(|selector| page.select(&selector).next());
    let stated = first("meta[name=ArticleTitle]").and_then(|meta| meta.attr("content")).map(squeeze);
    let heading = || first("h1").map(|heading| squeeze(&heading.text().collect::<String>()));
    let element = || {
        let whole = squeeze(&first("title")?.text().collect::<String>());
        whole.split(['_', '|', '-']).next().map(|title| title.trim().to_owned())
    };
    [stated, heading(), element()].into_iter().flatten().find(|title| !title.is_empty()).unwrap_or_default()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The element that holds the text: the known container with the most text if it has most of the page's, else the body.
fn content_root(page: &Html) -> ElementRef<'_> {
    let root = page.root_element();
    let length = |element: ElementRef<'_>| element.text().map(str::len).sum::<usize>();
    let Ok(selector) = Selector::parse(CONTENT) else { return root };
    // Candidates can nest; a page with very many of them is measured only in part.
    let best = page.select(&selector).take(64).map(|element| (length(element), element)).max_by_key(|(length, _)| *length);
    match best {
        Some((size, element)) if size * 2 > length(root) => element,
        _ => root,
    }
}

/// The text of an element as lines.
fn lines(root: ElementRef<'_>) -> String {
    let layout = layout_tables(root);
    let mut blocks = Blocks::default();
    let mut skipping: Option<NodeId> = None;
    let mut verbatim = 0usize;
    for edge in root.traverse() {
        match edge {
            Edge::Open(node) if skipping.is_none() => match node.value() {
                Node::Text(text) if verbatim > 0 => blocks.push(text),
                Node::Text(text) => push_collapsed(&mut blocks, text),
                Node::Element(element) => match element.name() {
                    name if LEFT_OUT.contains(&name) => skipping = Some(node.id()),
                    _ if element.attr("hidden").is_some() || element.attr("role") == Some("navigation") => skipping = Some(node.id()),
                    "br" => blocks.break_line(),
                    "table" if !layout.contains(&node.id()) => blocks.open_table(),
                    "td" | "th" => blocks.open_cell(),
                    name => {
                        verbatim += usize::from(name == "pre");
                        if BLOCKS.contains(&name) {
                            blocks.end_line();
                        }
                    }
                },
                _ => {}
            },
            Edge::Close(node) => {
                if let Some(id) = skipping {
                    if id == node.id() {
                        skipping = None;
                    }
                    continue;
                }
                if let Node::Element(element) = node.value() {
                    match element.name() {
                        "table" if !layout.contains(&node.id()) => blocks.close_table(),
                        "td" | "th" => {
                            blocks.close_cell();
                        }
                        "tr" => blocks.close_row(),
                        name => {
                            verbatim = verbatim.saturating_sub(usize::from(name == "pre"));
                            if BLOCKS.contains(&name) {
                                blocks.end_line();
                            }
                        }
                    }
                }
            }
            Edge::Open(_) => {}
        }
    }
    blocks.finish()
}

/// Tables that hold tables: they place things on the page and are no data.
fn layout_tables(root: ElementRef<'_>) -> HashSet<NodeId> {
    let is_table = |node: &ego_tree::NodeRef<'_, Node>| node.value().as_element().is_some_and(|element| element.name() == "table");
    let tables = root.descendants().filter(is_table);
    tables.filter_map(|table| table.ancestors().find(is_table)).map(|outer| outer.id()).collect()
}

/// Appends text as a browser would show it: runs of spaces are one space, and none at a line's start or, across a source line break, between
/// two Chinese characters. Ideographic and no-break spaces stay.
fn push_collapsed(blocks: &mut Blocks, text: &str) {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{0C}');
    let mut rest = text;
    while !rest.is_empty() {
        let spaces = rest.len() - rest.trim_start_matches(is_space).len();
        let (space, after) = rest.split_at(spaces);
        if !space.is_empty() {
            let before = blocks.last();
            let is_line_start = before.is_none_or(|c| c == '\n' || is_space(c));
            let joins_chinese = space.contains('\n') && before.is_some_and(is_wide) && after.chars().next().is_none_or(is_wide);
            if !is_line_start && !joins_chinese {
                blocks.push(" ");
            }
        }
        let (word, next) = after.split_at(after.find(is_space).unwrap_or(after.len()));
        blocks.push(word);
        rest = next;
    }
}

fn is_wide(c: char) -> bool {
    c >= '\u{2E80}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_page(page: &str) -> SourceDocument {
        read(page.as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn blocks_tables_and_left_out_parts() {
        let page = "<html><head><title>甲市公园条例_甲市人民政府</title><style>p{}</style></head><body><nav>首页</nav>\
            <div><p>第一条&nbsp;为了\n公园。</p><p>第二条 <a href=x>公园</a>的   管理<br>另行规定。</p><script>if (a<b) x()</script>\
            <table><tr><th>序号</th><th>事项</th></tr><tr><td>1</td><td><p>甲</p><p>乙</p></td></tr></table>\
            <table><tr><td><table><tr><td>里</td><td>外</td></tr></table></td></tr></table></div><footer>版权</footer></body></html>";
        let document = read_page(page);
        assert_eq!(document.title, "甲市公园条例");
        assert_eq!(document.body, "第一条\u{A0}为了公园。\n第二条 公园的 管理\n另行规定。\n| 序号 | 事项 |\n| 1 | 甲 乙 |\n| 里 | 外 |\n");
    }

    #[test]
    fn the_declared_charset_is_followed() {
        let (bytes, _, _) =
            encoding_rs::GBK.encode("<html><head><meta charset=\"gb2312\"></head><body><p>第一条　犇骉。</p></body></html>");
        assert_eq!(read(&bytes, &Limits::default()).unwrap().body, "第一条\u{3000}犇骉。\n");
    }
}
