//! 条款的叫法: which provision of a version somebody means who fills in a table: 第十二条第二款, 12条, 十二, 第12、13条, 总则, 全文. Pure but for [`read_tree`].
//!
//! Words are brought into the form of a citation and resolved by the grammar of citations; what that does not know is a name of its own.

use std::collections::HashMap;

use super::versions::{self, DraftProvision, citation_of};
use crate::corpus::citations::{Outline, Resolution, find_citations};
use crate::corpus::numerals;
use crate::corpus::structure::{Provision, ProvisionKind, Structure};
use crate::error::Result;
use crate::ids::DraftVersionId;
use crate::storage::Db;

/// What somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The draft as a whole.
    Whole,
    /// A provision.
    Here {
        /// Its address.
        address: String,
        /// How it is cited.
        label: String,
        /// Whether the words name further provisions.
        and_more: bool,
    },
    /// Something that the version does not have, or that cannot be read: a sentence for the person, and what may be meant.
    Unclear {
        /// Why.
        reason: String,
        /// An address that may be meant.
        perhaps: Option<String>,
    },
}

/// A number as a cell has it, in Chinese or in digits.
pub fn number(words: &str) -> Option<u32> {
    numerals::parse(words)
}

/// The text of a version as a tree.
pub type Tree = Structure;

/// Reads the tree of a version, for [`Naming::new`]. What a published version says never changes.
pub async fn read_tree(db: &Db, version: DraftVersionId) -> Result<Tree> {
    let provisions = versions::provisions_of(db, version).await?;
    Ok(Structure { provisions: provisions.iter().map(DraftProvision::to_provision).collect(), diagnostics: Vec::new() })
}

/// The names of one version.
pub struct Naming<'a> {
    tree: &'a Structure,
    outline: Outline<'a>,
    title: String,
    by_address: HashMap<&'a str, usize>,
    articles: usize,
}

const WHOLE: &[&str] = &[
    "全文",
    "整体",
    "全篇",
    "通篇",
    "总体",
    "全部",
    "整部",
    "全稿",
    "整体意见",
    "总体意见",
    "整体建议",
    "总体建议",
    "全部条款",
    "所有条款",
    "草案整体",
    "草案全文",
    "征求意见稿",
    "征求意见稿整体",
    "征求意见稿全文",
    "整个草案",
    "整部草案",
    "草案",
    "总的意见",
    "总体评价",
    "综合",
    "综合意见",
    "其他",
    "其它",
    "其他意见",
    "不限",
    "无",
    "无具体条款",
    "未指明",
    "未注明",
    "不涉及具体条款",
    "-",
    "--",
    "/",
    "\\",
    "—",
    "——",
    "、",
    "all",
];
const TITLES: &[&str] = &["标题", "题目", "名称", "法规名称", "规章名称", "条例名称", "办法名称", "草案名称", "题名", "文件名称"];

impl<'a> Naming<'a> {
    /// Reads a tree once. `title` is that of the version.
    pub fn new(tree: &'a Structure, title: &str) -> Naming<'a> {
        let by_address = tree.provisions.iter().enumerate().map(|(i, p)| (p.address.as_str(), i)).collect();
        let articles = tree.provisions.iter().filter(|p| p.kind == ProvisionKind::Article).count();
        Naming { tree, outline: Outline::new(tree), title: squeeze(title), by_address, articles }
    }

    /// How an address is cited; `None` when the version does not have it.
    pub fn label(&self, address: &str) -> Option<String> {
        let provision = self.by_address.get(address).and_then(|i| self.tree.provisions.get(*i))?;
        let unit = address.split('/').next().unwrap_or(address);
        let has_second = self.by_address.contains_key(format!("{unit}/para-2").as_str());
        Some(citation_of(address, &provision.label, has_second))
    }

    /// The words of an address, those below it included, a line each.
    pub fn text(&self, address: &str) -> String {
        let Some(at) = self.by_address.get(address).copied() else { return String::new() };
        let below = format!("{address}/");
        let words = |p: &Provision, marker: &str| [marker, p.heading.as_str(), p.text.as_str()].concat();
        let own = self.tree.provisions.get(at).map(|p| words(p, "")).unwrap_or_default();
        let inside = self.tree.provisions.iter().skip(at + 1).filter(|p| p.address.starts_with(&below)).map(|p| words(p, &p.label));
        std::iter::once(own).chain(inside).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// Address and words of every article; of a text without articles, of its units.
    pub fn articles(&self) -> Vec<(String, String)> {
        let kind = if self.articles > 0 { ProvisionKind::Article } else { ProvisionKind::Heading };
        let all = self.tree.provisions.iter().filter(|p| p.kind == kind);
        all.map(|p| (p.address.clone(), self.text(&p.address))).collect()
    }

    /// What some words mean.
    pub fn find(&self, words: &str) -> Named {
        let words = self.bare(words);
        if words.is_empty() || WHOLE.contains(&words.as_str()) || words == self.title {
            return Named::Whole;
        }
        if TITLES.contains(&words.as_str()) {
            return self.first_of(ProvisionKind::Title).map_or(Named::Whole, |p| self.here(p, false));
        }
        if words == "附件" || words == "附表" {
            let mut all = self.tree.provisions.iter().filter(|p| p.kind == ProvisionKind::Attachment);
            return match (all.next(), all.next()) {
                (Some(one), None) => self.here(one, false),
                (None, _) => unclear("征求意见稿没有附件。".into(), None),
                _ => unclear("征求意见稿有几个附件，请写明是附件几。".into(), None),
            };
        }
        if self.articles == 0
            && let Some(unit) = self.unit(&words)
        {
            return unit;
        }
        self.cited(&cited_form(&words)).or_else(|| self.by_heading(&words)).unwrap_or_else(|| {
            unclear(format!("看不出“{}”指的是哪一条；请写成“第十二条”“第十二条第二款”，对草案整体的意见请写“全文”。", short(&words)), None)
        })
    }

    /// Words without width, white space, marks at their ends, the draft's own name, and what people put around a place.
    fn bare(&self, words: &str) -> String {
        let mut words = squeeze(words);
        if words.starts_with('《')
            && let Some((title, rest)) = words.clone().strip_prefix('《').and_then(|w| w.split_once('》'))
        {
            let core = |t: &str| t.split(['(', '（']).next().unwrap_or(t).to_owned();
            if self.title.contains(&core(title)) || title.contains(&core(&self.title)) {
                words = rest.trim_start_matches(['的', '，', ',']).to_owned();
            }
        }
        for prefix in [
            "关于",
            "针对",
            "对于",
            "对",
            "征求意见稿第",
            "草案第",
            "送审稿第",
            "讨论稿第",
            "本条例第",
            "本办法第",
            "本规定第",
            "条例第",
            "办法第",
            "原第",
            "文件第",
            "原文第",
        ] {
            if let Some(rest) = words.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
                words = if prefix.ends_with('第') { format!("第{rest}") } else { rest.to_owned() };
            }
        }
        for suffix in ["的修改建议", "的修改意见", "的意见建议", "的意见", "的建议", "的规定", "的内容", "规定", "部分", "内容", "中", "处"]
        {
            if let Some(rest) = words.strip_suffix(suffix).filter(|rest| !rest.is_empty() && !WHOLE.contains(&words.as_str())) {
                words = rest.to_owned();
                break;
            }
        }
        words.trim_matches(|c: char| "，。；：,.;:、".contains(c)).to_owned()
    }

    fn first_of(&self, kind: ProvisionKind) -> Option<&'a Provision> {
        self.tree.provisions.iter().find(|p| p.kind == kind)
    }

    fn here(&self, provision: &Provision, and_more: bool) -> Named {
        let label = self.label(&provision.address).unwrap_or_default();
        Named::Here { address: provision.address.clone(), label, and_more }
    }

    /// 一、 or 第一点 of a document without articles.
    fn unit(&self, words: &str) -> Option<Named> {
        let digits = words.trim_start_matches('第').trim_end_matches(['点', '条', '项', '、', '部', '分']);
        let number = numerals::parse(digits)?;
        let found = self
            .tree
            .provisions
            .iter()
            .find(|p| p.kind == ProvisionKind::Heading && p.parent.is_none() && p.number.is_some_and(|n| n.main == number));
        found.map(|p| self.here(p, false))
    }

    fn cited(&self, words: &str) -> Option<Named> {
        let citations = find_citations(words, &[]);
        let first = citations.first().filter(|c| !c.targets.is_empty())?;
        let before = words.get(..first.start).unwrap_or_default();
        if first.title.is_some() || before.chars().count() > 8 {
            return Some(unclear(format!("“{}”似乎指另一份文件；请写明征求意见稿的条款。", short(words)), None));
        }
        let resolved: Vec<Resolution> = citations.iter().filter(|c| c.title.is_none()).flat_map(|c| self.outline.resolve(c, 0)).collect();
        let missing = || {
            let said = words.get(first.start..first.end).unwrap_or(words);
            let count = if self.articles > 0 { format!("（全文共 {} 条）", self.articles) } else { String::new() };
            let article = first.targets.first().and_then(|t| t.from.article).map(|n| format!("art-{n}"));
            let perhaps = article.filter(|address| self.by_address.contains_key(address.as_str()));
            let sentence = match perhaps.as_deref().and_then(|address| self.label(address)) {
                Some(label) => format!("征求意见稿的{label}没有“{}”所说的款或项。", short(said)),
                None => format!("征求意见稿没有“{}”{count}。", short(said)),
            };
            unclear(sentence, perhaps)
        };
        match resolved.first() {
            Some(Resolution::Here(addresses)) => {
                let index = |address: &String| self.by_address.get(address.as_str()).copied();
                let mut at = index(addresses.first()?)?;
                let mut and_more = addresses.len() > 1;
                // 第二章 养犬登记 第四条: what lies inside the place named before it is the same place, said more closely.
                for next in resolved.iter().skip(1) {
                    match next {
                        Resolution::Here(inner)
                            if inner.len() == 1 && inner.first().and_then(index).is_some_and(|i| self.is_inside(i, at)) =>
                        {
                            at = inner.first().and_then(index).unwrap_or(at);
                        }
                        _ => and_more = true,
                    }
                }
                self.tree.provisions.get(at).map(|provision| self.here(provision, and_more))
            }
            Some(_) => Some(missing()),
            None => None,
        }
    }

    fn is_inside(&self, at: usize, outer: usize) -> bool {
        let up = |i: usize| self.tree.provisions.get(i).and_then(|p| p.parent).filter(|parent| *parent < i);
        std::iter::successors(up(at), |i| up(*i)).any(|i| i == outer)
    }

    /// 总则, 法律责任, 【收费公示】: the title of a chapter or of an article.
    fn by_heading(&self, words: &str) -> Option<Named> {
        let plain = |text: &str| squeeze(text).chars().filter(|c| !"【】[]()（）".contains(*c)).collect::<String>();
        let wanted = plain(words);
        if wanted.chars().count() < 2 {
            return None;
        }
        let titled = self.tree.provisions.iter().filter(|p| !p.heading.is_empty());
        let exact: Vec<&Provision> = titled.clone().filter(|p| plain(&p.heading) == wanted).collect();
        let found = if exact.is_empty() {
            titled
                .filter(|p| wanted.chars().count() >= 3 && (plain(&p.heading).contains(&wanted) || wanted.ends_with(&plain(&p.heading))))
                .collect()
        } else {
            exact
        };
        match found[..] {
            [one] => Some(self.here(one, false)),
            [] => None,
            _ => Some(unclear(format!("有几处条款叫“{}”，请写明条号。", short(words)), None)),
        }
    }
}

fn unclear(reason: String, perhaps: Option<String>) -> Named {
    Named::Unclear { reason, perhaps }
}

fn short(words: &str) -> String {
    let mut cut: String = words.chars().take(30).collect();
    if words.chars().count() > 30 {
        cut.push('…');
    }
    cut
}

/// Words without white space, in one width; a line break separates like a comma.
fn squeeze(words: &str) -> String {
    let words = words.trim();
    words
        .chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\n' => '、',
            other => other,
        })
        .filter(|c| !c.is_whitespace())
        .collect()
}

/// The form of a citation: 12条2款 → 第12条第2款, 12 → 第12条, 第十二条(三) → 第十二条(三)项.
fn cited_form(words: &str) -> String {
    let characters: Vec<char> = words.chars().collect();
    let is_level = |c: char| "条款项目章节编".contains(c);
    let is_joint = |c: char| "、,和及与-~至到—".contains(c);
    let has_level = characters.iter().any(|c| is_level(*c));
    if !has_level {
        // Numbers alone are articles.
        let numbers = words.trim_start_matches('第');
        let bracket = numbers.find('(').unwrap_or(numbers.len());
        let (head, tail) = numbers.split_at(bracket);
        let is_list = !head.is_empty()
            && head.chars().all(|c| numerals::is_numeral(c) || is_joint(c) || c == '第')
            && head.chars().any(numerals::is_numeral);
        if is_list && head.ends_with(|c: char| numerals::is_numeral(c)) {
            return cited_form(&format!("第{head}条{tail}"));
        }
        return words.to_owned();
    }
    let mut written = String::new();
    let mut i = 0;
    while let Some(c) = characters.get(i).copied() {
        let previous = i.checked_sub(1).and_then(|p| characters.get(p)).copied();
        if numerals::is_numeral(c) {
            let mut end = i;
            while characters.get(end).is_some_and(|c| numerals::is_numeral(*c)) {
                end += 1;
            }
            let leads = characters.get(end).is_some_and(|c| is_level(*c));
            let bound = previous.is_some_and(|p| matches!(p, '第' | '(' | '之' | '前'));
            // 第12、13条: the first number has its 第, the others share the word at the end.
            let shares = previous.is_some_and(is_joint)
                && !characters.get(..i).is_some_and(|before| {
                    before.iter().rev().take_while(|c| !is_level(**c)).count() == before.len() && !before.contains(&'第')
                });
            let in_list = shares
                && characters.get(..i).is_some_and(|before| !before.iter().rev().skip(1).take_while(|c| **c != '第').any(|c| is_level(*c)));
            let starts_list = !leads && previous.is_none();
            if ((leads && !in_list) || starts_list) && !bound {
                written.push('第');
            }
            written.extend(characters.get(i..end).unwrap_or_default());
            i = end;
            continue;
        }
        written.push(c);
        // (三) without 项.
        if c == ')' && characters.get(i + 1).is_none_or(|next| !is_level(*next)) {
            let inner: String = characters
                .get(..i)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(|c| **c != '(')
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            if numerals::parse(&inner).is_some() {
                written.push('项');
            }
        }
        i += 1;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure::parse;

    const DRAFT: &str = "惠城县养犬管理条例（征求意见稿）\n第一章 总则\n第一条【立法目的】 为了规范养犬行为，制定本条例。\n第二条 本条例适用于城区。\n第二章 养犬登记\n第一节 登记\n第三条 养犬人应当：\n（一）登记；\n（二）免疫；\n（三）佩戴犬牌。\n第二节 年检\n第四条 每年年检。\n不按时年检的，注销。\n第五条 变更登记。\n第三章 法律责任\n第六条【罚则】 违反本条例的，处五十元罚款。\n第六条之一 从轻处罚。\n第四章 附则\n第七条 自2026年5月1日起施行。\n";

    fn told(words: &str) -> String {
        let tree = parse(DRAFT);
        let naming = Naming::new(&tree, "惠城县养犬管理条例（征求意见稿）");
        match naming.find(words) {
            Named::Whole => "全文".into(),
            Named::Here { address, label, and_more } => format!("{address} {label}{}", if and_more { " …" } else { "" }),
            Named::Unclear { reason, perhaps } => format!("? {reason} {}", perhaps.unwrap_or_default()),
        }
    }

    #[test]
    fn places_are_found_as_people_write_them() {
        for (words, expected) in [
            ("", "全文"),
            ("  ", "全文"),
            ("全文", "全文"),
            ("整体", "全文"),
            ("通篇", "全文"),
            ("全篇。", "全文"),
            ("总体意见", "全文"),
            ("/", "全文"),
            ("无", "全文"),
            ("《惠城县养犬管理条例（征求意见稿）》", "全文"),
            ("标题", "title 标题"),
            ("题目", "title 标题"),
            ("第四条", "art-4 第四条"),
            ("第四条第二款", "art-4/para-2 第四条第二款"),
            ("第 四 条 第 二 款", "art-4/para-2 第四条第二款"),
            ("第4条第2款", "art-4/para-2 第四条第二款"),
            ("４条２款", "art-4/para-2 第四条第二款"),
            ("四条二款", "art-4/para-2 第四条第二款"),
            ("4", "art-4 第四条"),
            ("四", "art-4 第四条"),
            ("第四", "art-4 第四条"),
            ("4条", "art-4 第四条"),
            ("第4条。", "art-4 第四条"),
            ("第三条第（二）项", "art-3/para-1/item-2 第三条第二项"),
            ("第三条（二）", "art-3/para-1/item-2 第三条第二项"),
            ("第三条(三)", "art-3/para-1/item-3 第三条第三项"),
            ("3(2)", "art-3/para-1/item-2 第三条第二项"),
            ("第三条第一款第二项", "art-3/para-1/item-2 第三条第二项"),
            ("第三条第二项", "art-3/para-1/item-2 第三条第二项"),
            ("第六条之一", "art-6-1 第六条之一"),
            ("第四、五条", "art-4 第四条 …"),
            ("第4、5条", "art-4 第四条 …"),
            ("4、5条", "art-4 第四条 …"),
            ("4、5", "art-4 第四条 …"),
            ("第四条、第五条", "art-4 第四条 …"),
            ("第四条，第五条", "art-4 第四条 …"),
            ("第四条\n第五条", "art-4 第四条 …"),
            ("4条、5条", "art-4 第四条 …"),
            ("第三条至第五条", "art-3 第三条 …"),
            ("第3-5条", "art-3 第三条 …"),
            ("3-5", "art-3 第三条 …"),
            ("第三条（一）、（三）", "art-3/para-1/item-1 第三条第一项 …"),
            ("第一章", "chap-1 第一章"),
            ("第二章第二节", "chap-2/sec-2 第二章第二节"),
            ("第二章第四条", "art-4 第四条"),
            ("第二章 养犬登记 第四条", "art-4 第四条"),
            ("第一章总则", "chap-1 第一章"),
            ("总则", "chap-1 第一章"),
            ("总则部分", "chap-1 第一章"),
            ("附则", "chap-4 第四章"),
            ("法律责任", "chap-3 第三章"),
            ("罚则", "art-6 第六条"),
            ("第六条【罚则】", "art-6 第六条"),
            ("第六条 违反本条例的", "art-6 第六条"),
            ("对第四条的意见", "art-4 第四条"),
            ("关于第四条", "art-4 第四条"),
            ("《惠城县养犬管理条例》第四条", "art-4 第四条"),
            ("《养犬管理条例》第四条", "art-4 第四条"),
            ("条例第四条", "art-4 第四条"),
            ("征求意见稿第四条", "art-4 第四条"),
            ("第四条第二款规定", "art-4/para-2 第四条第二款"),
        ] {
            assert_eq!(told(words), expected, "{words}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_with_what_may_be_meant() {
        for (words, part) in [
            ("第九十九条", "没有“第九十九条”（全文共 8 条）"),
            ("99", "没有“第99条”"),
            ("第四条第五款", "第四条没有“第四条第五款”所说的款或项。 art-4"),
            ("第三条第九项", "art-3"),
            ("附件", "没有附件"),
            ("附件2", "没有"),
            ("《民法典》第一条", "另一份文件"),
            ("养犬证", "看不出"),
            ("第几条来着", "看不出"),
            ("？？", "看不出"),
        ] {
            let said = told(words);
            assert!(said.starts_with("? ") && said.contains(part), "{words}: {said}");
        }
    }

    #[test]
    fn documents_without_articles_are_named_by_their_units() {
        let tree = parse("关于停车收费的通知\n一、调整范围\n城区停车场。\n二、收费标准\n每小时三元。\n三、施行日期\n自公布之日起施行。\n");
        let naming = Naming::new(&tree, "关于停车收费的通知");
        for words in ["二", "第二点", "2", "二、", "收费标准"] {
            let Named::Here { address, .. } = naming.find(words) else { panic!("{words}: {:?}", naming.find(words)) };
            assert_eq!(address, "h-2", "{words}");
        }
    }
}
