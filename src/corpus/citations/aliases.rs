//! 以下简称: the short names that a document gives.

use serde::{Deserialize, Serialize};

/// 简称: a short name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The short name.
    pub short: String,
    /// What it stands for: the words before the bracket, without 《》 when it is a title.
    pub full: String,
    /// Whether it stands for a legal document: 《…》, but not a certificate or a form.
    pub is_document: bool,
}

/// Words after which a short name follows.
const CUES: [&str; 6] = ["以下统一简称", "以下简称为", "以下简称", "以下统称", "以下称", "下称"];

/// Beginnings that do not belong to the name before the bracket.
const LEADS: [&str; 22] = [
    "根据",
    "依照",
    "依据",
    "按照",
    "遵守",
    "违反",
    "执行",
    "贯彻",
    "实施",
    "适用",
    "符合",
    "包括",
    "设立",
    "制定",
    "是指",
    "所称",
    "应当由",
    "应当向",
    "由",
    "向",
    "对",
    "为",
];

/// Finds 《…》（以下简称…） and the like. One bracket may give several names (以下简称甲或者乙).
pub fn find_aliases(text: &str) -> Vec<Alias> {
    let mut found = Vec::new();
    for (open, bracket) in text.char_indices().filter(|(_, c)| matches!(c, '（' | '(')) {
        let inner = text.get(open + bracket.len_utf8()..).unwrap_or_default();
        let inner = inner.get(..inner.find(['）', ')', '。', '\n']).unwrap_or(inner.len())).unwrap_or_default();
        let Some((cue, at)) = CUES.iter().find_map(|cue| inner.find(cue).map(|at| (cue, at))) else { continue };
        // （含…，以下简称…）: only an aside may stand before.
        if at > 0 && !inner.get(..at).is_some_and(|before| before.ends_with(['，', '；', '、', ' ', ','])) {
            continue;
        }
        let named = inner.get(at + cue.len()..).unwrap_or_default();
        let (full, is_document) = name_before(text.get(..open).unwrap_or_default());
        if full.is_empty() {
            continue;
        }
        for short in named
            .split("或者")
            .flat_map(|n| n.split(['，', '；', ',', ';', '、']))
            .map(|n| n.trim_matches(|c: char| c.is_whitespace() || "“”\"《》‘’为：:".contains(c)))
        {
            let count = short.chars().count();
            if (1..=30).contains(&count) && !matches!(short, "下同" | "同") && short != full {
                found.push(Alias { short: short.to_owned(), full: full.clone(), is_document });
            }
        }
    }
    found
}

/// The name that ends a text: a title in 《》, or the words since the last punctuation.
fn name_before(text: &str) -> (String, bool) {
    let text = text.trim_end();
    if let Some(inner) = text.strip_suffix('》') {
        let mut depth = 1u32;
        for (at, c) in inner.char_indices().rev() {
            match c {
                '》' => depth += 1,
                '《' => depth -= 1,
                '\n' => break,
                _ => {}
            }
            if depth == 0 {
                let name = inner.get(at + c.len_utf8()..).unwrap_or_default();
                return (name.to_owned(), !name.ends_with(['证', '书', '表', '单', '牌', '册', '图', '报']));
            }
        }
    }
    let from = text.rfind(['，', '。', '；', '：', '、', '（', '）', '“', '”', '\n', '(', ')', '》', ' ', '\u{3000}']);
    let mut name = from.map_or(text, |at| text.get(at..).unwrap_or_default().trim_start_matches(|c: char| !c.is_alphanumeric()));
    while let Some(rest) = LEADS.iter().find_map(|lead| name.strip_prefix(lead)) {
        name = rest;
    }
    if name.chars().count() > 60 { (String::new(), false) } else { (name.to_owned(), false) }
}
