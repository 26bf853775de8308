//! References to provisions in a query: 第十二条第一款第（三）项, 133条之一, 第五至七条, 劳动法 38.

use serde::Serialize;

use crate::corpus::numerals::{is_numeral, parse, to_chinese};

/// Numbers from here on are years, never articles: the longest code has 1,260 articles.
const FIRST_YEAR: u32 = 1900;

/// Which provision a query names; what it does not say is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ProvisionRef {
    /// 编
    pub part: Option<u32>,
    /// 章
    pub chapter: Option<u32>,
    /// 节
    pub section: Option<u32>,
    /// 条: number and 之 number (0 when none), so 第一百三十三条之一 is (133, 1).
    pub article: Option<(u32, u32)>,
    /// Last 条 of a range (第五条至第七条).
    pub to_article: Option<(u32, u32)>,
    /// 款
    pub paragraph: Option<u32>,
    /// 项
    pub item: Option<u32>,
    /// 目
    pub sub_item: Option<u32>,
}

impl ProvisionRef {
    /// The 条 as texts print it: 第一百三十三条之一.
    pub fn article_label(&self) -> Option<String> {
        self.article.map(|(main, sub)| match sub {
            0 => format!("第{}条", to_chinese(main)),
            _ => format!("第{}条之{}", to_chinese(main), to_chinese(sub)),
        })
    }
}

/// A reference and where it stands, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FoundProvision {
    pub start: usize,
    pub end: usize,
    pub provision: ProvisionRef,
}

/// Units in falling order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Part,
    Chapter,
    Section,
    Article,
    Paragraph,
    Item,
    SubItem,
}

/// One step of a reference: 第十二条, 133条之一, （三）项.
struct Step {
    unit: Unit,
    number: (u32, u32),
    end: usize,
    /// Begins with 第.
    is_ordinal: bool,
    /// First number of a joined range (第五至七条).
    from: Option<u32>,
}

/// Finds the references of a query, in order. `free` says whether a character is still to be read; `after_title` whether a title ends right before it.
pub(super) fn find(characters: &[char], free: &dyn Fn(usize) -> bool, after_title: &dyn Fn(usize) -> bool) -> Vec<FoundProvision> {
    let mut found: Vec<FoundProvision> = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let reader = Reader { characters, free };
        let adjacent = after_title(at);
        let begin = if adjacent { reader.skip_blanks(at) } else { at };
        let mut read = reader.reference(begin, adjacent);
        if read.is_empty() && adjacent {
            read.extend(reader.bare(at));
        }
        match read.last() {
            Some(last) => {
                at = last.end.max(at + 1);
                found.extend(read);
            }
            None => at += 1,
        }
    }
    found
}

struct Reader<'a> {
    characters: &'a [char],
    free: &'a dyn Fn(usize) -> bool,
}

impl Reader<'_> {
    fn get(&self, at: usize) -> Option<char> {
        self.characters.get(at).copied().filter(|_| (self.free)(at))
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while self.get(at) == Some(' ') {
            at += 1;
        }
        at
    }

    fn number(&self, at: usize) -> Option<(u32, usize)> {
        let run = (at..).take(10).take_while(|at| self.get(*at).is_some_and(is_numeral)).count();
        let text: String = self.characters.get(at..at + run)?.iter().collect();
        Some((parse(&text)?, at + run))
    }

    fn unit(&self, at: usize) -> Option<(Unit, usize)> {
        let unit = match self.get(at)? {
            '编' => Unit::Part,
            '章' => Unit::Chapter,
            '节' => Unit::Section,
            '条' => Unit::Article,
            '款' => Unit::Paragraph,
            '项' => Unit::Item,
            '目' => Unit::SubItem,
            _ => return None,
        };
        Some((unit, at + 1))
    }

    /// One step that begins at `at`.
    fn step(&self, at: usize) -> Option<Step> {
        let mut next = at;
        let is_ordinal = self.get(next) == Some('第');
        if is_ordinal {
            next = self.skip_blanks(next + 1);
        } else if at > 0
            && self.get(at - 1).is_some_and(|before| {
                is_numeral(before)
                    || before.is_ascii_alphanumeric() && self.get(at).is_some_and(|c| c.is_ascii_digit() && before.is_ascii_digit())
            })
        {
            // The middle of a longer number.
            return None;
        }
        let bracketed = self.get(next) == Some('(');
        if bracketed {
            next = self.skip_blanks(next + 1);
        }
        let (value, after) = self.number(next)?;
        next = self.skip_blanks(after);
        if bracketed {
            if self.get(next) != Some(')') {
                return None;
            }
            next = self.skip_blanks(next + 1);
        }
        let mut from = None;
        let mut value = value;
        if let Some((to, after)) = self.joined(next) {
            (from, value, next) = (Some(value), to, after);
        }
        // 133之一 with the unit left out or after: 133之一条.
        let mut sub = 0;
        if let Some((number, after)) = self.sub_number(next) {
            (sub, next) = (number, after);
        }
        let (unit, mut end) = match self.unit(next) {
            Some(found) => found,
            None if sub != 0 => (Unit::Article, next),
            None => return None,
        };
        if unit == Unit::Article {
            let following = self.get(end);
            // 条例, 条件, 条约: the word, not the unit.
            if following.is_some_and(|c| "例件约令幅".contains(c) || (!is_ordinal && "款文目理".contains(c))) {
                return None;
            }
            if let (0, Some((number, after))) = (sub, self.sub_number(end)) {
                (sub, end) = (number, after);
            }
        } else if sub != 0 {
            return None;
        }
        (value < FIRST_YEAR && value > 0).then_some(Step { unit, number: (value, sub), end, is_ordinal, from })
    }

    /// 之一 after a number or after 条.
    fn sub_number(&self, at: usize) -> Option<(u32, usize)> {
        if self.get(at) != Some('之') {
            return None;
        }
        let (number, after) = self.number(self.skip_blanks(at + 1))?;
        // 十条之一 before 以上, 的 … is still an article; a fraction (三分之一) never gets here.
        (1..=99).contains(&number).then_some((number, after))
    }

    /// 至七 in 第五至七条, -7 in 5-7条.
    fn joined(&self, at: usize) -> Option<(u32, usize)> {
        matches!(self.get(at), Some('至' | '到' | '-' | '~')).then_some(())?;
        let (to, after) = self.number(self.skip_blanks(at + 1))?;
        let after = self.skip_blanks(after);
        self.unit(after).map(|_| (to, after))
    }

    /// A whole reference at `at` with the lists that follow it; empty when none begins here.
    fn reference(&self, at: usize, adjacent: bool) -> Vec<FoundProvision> {
        let Some(first) = self.step(at) else { return Vec::new() };
        if !first.is_ordinal && !adjacent && !self.stands_alone(at, &first) {
            return Vec::new();
        }
        let mut found = vec![self.deepen(at, ProvisionRef::default(), first)];
        while let Some(last) = found.last_mut() {
            let Some((joint, next)) = self.joint(last.end) else { break };
            let Some(step) = self.step(next).filter(|step| step.is_ordinal || step.end > next) else { break };
            let range = matches!(joint, '至' | '到' | '-' | '~');
            if range {
                if step.unit == Unit::Article && last.provision.article.is_some() {
                    last.provision.to_article = Some(step.number);
                    last.end = step.end;
                    continue;
                }
                break;
            }
            // 第一款、第二款: the next one lies in the same article.
            let base = above(last.provision, step.unit);
            let more = self.deepen(next, base, step);
            found.push(more);
            if found.len() >= 16 {
                break;
            }
        }
        found
    }

    /// Reads the lower steps that follow `first`.
    fn deepen(&self, start: usize, base: ProvisionRef, first: Step) -> FoundProvision {
        let mut provision = base;
        let mut lowest = first.unit;
        let mut end = first.end;
        set(&mut provision, &first);
        while lowest < Unit::SubItem {
            let mut next = self.skip_blanks(end);
            if self.get(next) == Some('的') {
                next += 1;
            }
            match self.step(next).filter(|step| step.unit > lowest && step.from.is_none()) {
                Some(step) => {
                    set(&mut provision, &step);
                    (lowest, end) = (step.unit, step.end);
                }
                None => break,
            }
        }
        FoundProvision { start, end, provision }
    }

    /// Whether 20条 without 第 is meant as an article: it stands apart, or goes on as a reference does.
    fn stands_alone(&self, at: usize, step: &Step) -> bool {
        // Or right behind what ends as titles end: 城管条例43条.
        let before = at == 0 || self.get(at - 1).is_none_or(|c| !c.is_alphanumeric() || "法典例定则释".contains(c));
        let after = self.get(step.end).is_none_or(|c| !c.is_alphanumeric() || c == '第');
        let deeper = self.step(step.end).is_some_and(|next| next.unit > step.unit);
        step.unit == Unit::Article && before && (after || deeper || step.number.1 != 0)
    }

    /// The mark between two references of a list or range.
    fn joint(&self, at: usize) -> Option<(char, usize)> {
        let at = self.skip_blanks(at);
        let mark = self.get(at)?;
        "、,和及与或至到-~".contains(mark).then(|| (mark, self.skip_blanks(at + 1)))
    }

    /// A number without its unit right after a title: 劳动法 38, 刑法133之一, 民法典-1024.
    fn bare(&self, at: usize) -> Option<FoundProvision> {
        let mut next = self.skip_blanks(at);
        // The bracket that ends the title: …的解释（一）12.
        if self.get(next) == Some(')') {
            next = self.skip_blanks(next + 1);
        }
        if matches!(self.get(next), Some('第' | '-' | '、' | ',' | ':' | '.' | '·' | '》' | '#' | '§')) {
            next = self.skip_blanks(next + 1);
        }
        let (value, after) = self.number(next)?;
        let arabic = self.get(next).is_some_and(|c| c.is_ascii_digit());
        let (sub, end) = self.sub_number(after).unwrap_or((0, after));
        let following = self.get(end);
        let counts = following.is_some_and(|c| "年版月日个元号次人岁周天级类种部届批期份章节编%.".contains(c));
        let apart = following.is_none_or(|c| !c.is_alphanumeric());
        if value == 0 || value >= FIRST_YEAR || counts || !(apart || arabic) {
            return None;
        }
        let provision = ProvisionRef { article: Some((value, sub)), ..ProvisionRef::default() };
        // 劳动法38第1款
        let deeper = self.step(self.skip_blanks(end)).filter(|step| step.unit > Unit::Article && step.is_ordinal);
        Some(match deeper {
            Some(step) => FoundProvision { start: next, ..self.deepen(next, provision, step) },
            None => FoundProvision { start: next, end, provision },
        })
    }
}

/// What of a reference lies above a unit.
fn above(provision: ProvisionRef, unit: Unit) -> ProvisionRef {
    let ProvisionRef { part, chapter, section, article, paragraph, item, .. } = provision;
    ProvisionRef {
        part: part.filter(|_| unit > Unit::Part),
        chapter: chapter.filter(|_| unit > Unit::Chapter),
        section: section.filter(|_| unit > Unit::Section),
        article: article.filter(|_| unit > Unit::Article),
        to_article: None,
        paragraph: paragraph.filter(|_| unit > Unit::Paragraph),
        item: item.filter(|_| unit > Unit::Item),
        sub_item: None,
    }
}

fn set(provision: &mut ProvisionRef, step: &Step) {
    let (number, _) = step.number;
    match step.unit {
        Unit::Part => provision.part = Some(number),
        Unit::Chapter => provision.chapter = Some(number),
        Unit::Section => provision.section = Some(number),
        Unit::Article => match step.from {
            Some(from) => (provision.article, provision.to_article) = (Some((from, 0)), Some(step.number)),
            None => provision.article = Some(step.number),
        },
        Unit::Paragraph => provision.paragraph = Some(step.from.unwrap_or(number)),
        Unit::Item => provision.item = Some(step.from.unwrap_or(number)),
        Unit::SubItem => provision.sub_item = Some(step.from.unwrap_or(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::normalise::normalise;

    fn read(text: &str) -> Vec<ProvisionRef> {
        let characters: Vec<char> = normalise(text).chars().collect();
        find(&characters, &|_| true, &|_| false).into_iter().map(|found| found.provision).collect()
    }

    fn article(main: u32, sub: u32) -> ProvisionRef {
        ProvisionRef { article: Some((main, sub)), ..ProvisionRef::default() }
    }

    #[test]
    fn reads_every_form_of_one_reference() {
        let twelve = ProvisionRef { paragraph: Some(1), item: Some(3), ..article(12, 0) };
        for (text, expected) in [
            ("第十二条第一款第三项", twelve),
            ("第12条第1款第3项", twelve),
            ("第１２条第１款第（３）项", twelve),
            ("第十二条第一款第（三）项", twelve),
            ("第十二条第一款（三）项", twelve),
            ("12条1款3项", twelve),
            ("第 12 条 第 1 款 第 3 项", twelve),
            ("第十二条的第一款第三项", twelve),
            ("第一百三十三条之一", article(133, 1)),
            ("133条之一", article(133, 1)),
            ("133之一", article(133, 1)),
            ("第133之1条", article(133, 1)),
            ("第一百二十条之三第二款", ProvisionRef { paragraph: Some(2), ..article(120, 3) }),
            ("第二〇条", article(20, 0)),
            ("第五条至第七条", ProvisionRef { to_article: Some((7, 0)), ..article(5, 0) }),
            ("第五至七条", ProvisionRef { to_article: Some((7, 0)), ..article(5, 0) }),
            ("5-7条", ProvisionRef { to_article: Some((7, 0)), ..article(5, 0) }),
            ("第三章", ProvisionRef { chapter: Some(3), ..ProvisionRef::default() }),
            ("第二编第三章第一节", ProvisionRef { part: Some(2), chapter: Some(3), section: Some(1), ..ProvisionRef::default() }),
            ("第三款", ProvisionRef { paragraph: Some(3), ..ProvisionRef::default() }),
            ("20条 养犬", article(20, 0)),
            ("城管条例43条", article(43, 0)),
            ("第20条养犬", article(20, 0)),
            ("第九条第（二）项第3目", ProvisionRef { item: Some(2), sub_item: Some(3), ..article(9, 0) }),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn reads_lists() {
        assert_eq!(read("第五条、第七条和第九条之一"), [article(5, 0), article(7, 0), article(9, 1)]);
        assert_eq!(
            read("第八条第一款、第二款"),
            [ProvisionRef { paragraph: Some(1), ..article(8, 0) }, ProvisionRef { paragraph: Some(2), ..article(8, 0) }]
        );
    }

    #[test]
    fn what_only_looks_like_a_reference_is_text() {
        for text in [
            "第三人撤销之诉",
            "二十条例",
            "三条鱼怎么分",
            "两条命",
            "一条龙服务",
            "20条件",
            "第2022条",
            "三分之一",
            "一项规定",
            "条",
            "第",
            "第条",
            "",
            "5款手机",
            "第99999999999条",
        ] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
