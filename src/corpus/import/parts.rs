//! Stage 3, 合并: a code kept in several files, one a part, becomes one text.
//!
//! Reads: documents whose header names a title and a part (`# 某法典`, `# 物权编`). Writes: nothing; gives one document and one archive of
//! the originals.

use crate::corpus::numerals;
use crate::corpus::structure::{self, ProvisionKind};
use crate::documents::{SourceArticle, SourceDocument, archive};
use crate::error::Result;

/// A part waiting for the others of its title.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part as read.
    pub document: SourceDocument,
    /// Its original bytes.
    pub original: Vec<u8>,
}

/// Puts the parts of one title together in the order of their articles.
///
/// Parts are numbered 第一编, 第二编 … in that order; a part named 附则 closes the text without a number. Returns the document and its originals
/// as one archive; `None` without parts.
///
/// # Errors
/// [`crate::error::Code::UnreadableFile`] when the originals cannot be packed.
pub fn merge(mut parts: Vec<Part>) -> Result<Option<(SourceDocument, Vec<u8>)>> {
    if parts.len() <= 1 {
        // Alone it is an excerpt, and says so in its title.
        return Ok(parts.pop().map(|Part { mut document, original }| {
            document.title = format!("{} {}", document.title, document.part);
            document.part.clear();
            (document, original)
        }));
    }
    parts.sort_by_key(|part| (is_closing(&part.document.part), first_article(&part.document.body), part.document.name.clone()));
    let Some(first) = parts.first().map(|part| part.document.clone()) else { return Ok(None) };
    let mut merged = SourceDocument { part: String::new(), body: String::new(), articles: Vec::new(), ..first };
    let mut number = 0;
    let mut originals = Vec::with_capacity(parts.len());
    for Part { document, original } in parts {
        let name = document.part.trim();
        if is_closing(name) {
            merged.body.push_str(&format!("\n{name}\n\n"));
        } else {
            number += 1;
            merged.body.push_str(&format!("\n第{}编\u{3000}{}\n\n", numerals::to_chinese(number), name.strip_suffix('编').unwrap_or(name)));
        }
        let lines_before = merged.body.matches('\n').count() as u32;
        merged.articles.extend(document.articles.into_iter().map(|article| SourceArticle { line: article.line + lines_before, ..article }));
        merged.body.push_str(document.body.trim_matches('\n'));
        merged.body.push('\n');
        merged.notices.extend(document.notices);
        let file = document.name.rsplit('/').next().unwrap_or(&document.name).to_owned();
        originals.push((file, original));
    }
    merged.notices.dedup();
    merged.notices.push(format!("由 {} 个文件合并而成，各编序号按条文顺序排定。", originals.len()));
    let original = archive::pack(&originals)?;
    Ok(Some((merged, original)))
}

fn is_closing(part: &str) -> bool {
    part.replace(['\u{3000}', ' '], "") == "附则"
}

/// Number of the first article, which says where the part stands; parts without articles come last.
fn first_article(body: &str) -> u32 {
    let head_end = body.char_indices().nth(20_000).map_or(body.len(), |(at, _)| at);
    let head = structure::parse(body.get(..head_end).unwrap_or(body));
    let first = head.provisions.iter().find(|p| p.kind == ProvisionKind::Article).and_then(|p| p.number);
    first.map_or(u32::MAX, |number| number.main)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Limits, read};

    fn part(name: &str, first: &str) -> Part {
        let text = format!(
            "# 示例法典\n\n# {name}\n\n2020年5月1日 通过\n\n<!-- INFO END -->\n\n## 第一章 一般规定\n\n{first} 为了某事，设立本条。\n"
        );
        let document = read(&format!("法典/{name}.md"), text.as_bytes(), &Limits::default()).unwrap();
        Part { document, original: text.into_bytes() }
    }

    #[test]
    fn parts_become_one_text_in_the_order_of_articles() {
        let parts = vec![part("附则", "第十二条"), part("合同编", "第九条"), part("总则", "第一条"), part("物权编", "第五条")];
        let (document, original) = merge(parts.clone()).unwrap().unwrap();
        let order: Vec<&str> = document.body.lines().filter(|l| l.contains('编') && !l.contains("本编") || *l == "附则").collect();
        assert_eq!(order, ["第一编\u{3000}总则", "第二编\u{3000}物权", "第三编\u{3000}合同", "附则"]);
        let tree = structure::parse(&document.full_text().0);
        let articles: Vec<&str> = tree.provisions.iter().filter(|p| p.kind == ProvisionKind::Article).map(|p| p.address.as_str()).collect();
        assert_eq!(articles, ["art-1", "art-5", "art-9", "art-12"]);
        let mut reversed = parts;
        reversed.reverse();
        assert_eq!(merge(reversed).unwrap().unwrap(), (document, original), "the order of reading does not matter");
    }

    #[test]
    fn a_single_part_is_an_excerpt() {
        let (document, _) = merge(vec![part("物权编", "第五条")]).unwrap().unwrap();
        assert_eq!((document.title.as_str(), document.part.as_str()), ("示例法典 物权编", ""));
        assert!(merge(Vec::new()).unwrap().is_none());
    }
}
