//! Anchors of citations: 《…》, a name without it, 本法, 本条, 前款, or nothing but 第…; and what a bare 第…款 leans on.

use super::grammar::{Level, chain, char_at, members, starts};
use super::names::{Names, longest_at, title_of};
use super::{Base, Citation, CitationKind, Place, Target};
use crate::corpus::numerals;
use crate::corpus::structure::Number;

/// Longest title between 《 and 》, in bytes.
const TITLE_MAX: usize = 600;
/// Longest remark between a title and 第…条, in characters: 《…》（法释〔2015〕11号）第一条.
const REMARK_MAX: usize = 60;
/// Words with which a document names itself after 本, longest first.
const OWN_NAMES: [&str; 30] = [
    "实施细则",
    "实施办法",
    "暂行条例",
    "暂行规定",
    "暂行办法",
    "若干规定",
    "补充规定",
    "条例",
    "办法",
    "规定",
    "规则",
    "解释",
    "细则",
    "决定",
    "决议",
    "规程",
    "通则",
    "准则",
    "章程",
    "规范",
    "标准",
    "意见",
    "通知",
    "安排",
    "纲要",
    "方案",
    "公告",
    "批复",
    "法典",
    "法",
];
/// Endings of a document's name.
const NAME_ENDINGS: [&str; 12] = ["法", "法典", "条例", "办法", "规定", "规则", "解释", "细则", "决定", "通则", "规程", "准则"];
/// Words that stand before a name and do not belong to it, longest first.
const BEFORE_NAME: [&str; 40] = [
    "参照适用",
    "应当适用",
    "不符合",
    "应当依照",
    "依照",
    "依据",
    "根据",
    "按照",
    "违反",
    "适用",
    "符合",
    "参照",
    "遵守",
    "执行",
    "触犯",
    "构成",
    "认定为",
    "属于",
    "具有",
    "以及",
    "或者",
    "关于",
    "除",
    "将",
    "在",
    "为",
    "和",
    "与",
    "及",
    "或",
    "对",
    "按",
    "由",
    "有",
    "是",
    "因",
    "经",
    "以",
    "从",
    "自",
];

/// Finds every citation in a text, in order and without overlap. Offsets are bytes of `text`. Of several lists of names (the catalogue's, the
/// document's own) the longest name counts, and of two equal ones the first list's.
pub fn find_citations(text: &str, names: &[&Names]) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        if at < taken {
            continue;
        }
        let previous = text.get(..at).and_then(|t| t.chars().next_back());
        let read = match c {
            '《' => named(text, at, names),
            '本' | '前' | '上' => leaning(text, at, previous),
            '第' => numbered(text, at, names, taken),
            '（' | '(' => chain(text, at, Level::Paragraph)
                .filter(|_| previous == Some('有'))
                .and_then(|_| members(text, at, Place::default(), CitationKind::Item, None, at)),
            '附' => attachment(text, at),
            _ => None,
        };
        let read = read.or_else(|| plain_name(text, at, previous, names));
        if let Some(mut citation) = read {
            lean_on_article_before(text, &mut citation, &found);
            lean_on_document_before(text, &mut citation, &found);
            taken = citation.end.max(at + c.len_utf8());
            found.push(citation);
        } else if c == '《' {
            taken = title_end(text, at).unwrap_or(at + c.len_utf8());
        }
    }
    found
}

/// 违反本条例第九条规定的，…；违反第二款规定的，…: after 违反 or 有, a paragraph or item by itself is one of the article named before. When the text
/// names none before it, the paragraph above may.
fn lean_on_article_before(text: &str, citation: &mut Citation, found: &[Citation]) {
    let alone = matches!(citation.kind, CitationKind::Paragraph | CitationKind::Item);
    let cue = text.get(..citation.start).is_some_and(|before| before.ends_with("违反") || before.ends_with('有'));
    if !(alone && cue) {
        return;
    }
    let article = named_last(found);
    for target in &mut citation.targets {
        for place in std::iter::once(&mut target.from).chain(target.to.as_mut()) {
            match article {
                Some(article) => (place.base, place.article) = (Base::Document, Some(article)),
                None => place.base = Base::NamedBefore,
            }
        }
    }
}

/// 刑法第三条规定的甲罪、第四条规定的乙罪: an article joined to one of another document is that document's.
fn lean_on_document_before(text: &str, citation: &mut Citation, found: &[Citation]) {
    let Some(last) = found.last().filter(|c| matches!(c.kind, CitationKind::Named | CitationKind::NamedPlainly) && !c.targets.is_empty())
    else {
        return;
    };
    let between = text.get(last.end..citation.start).unwrap_or_default();
    let joined = ["、", "和", "与", "及", "或", "或者", "作为", "改为"].iter().any(|word| between.ends_with(word));
    if citation.kind == CitationKind::Article && joined && !between.contains(['。', '；', '\n']) {
        (citation.kind, citation.title) = (last.kind, last.title.clone());
    }
}

/// The article of this document that was cited last.
pub(super) fn named_last(found: &[Citation]) -> Option<Number> {
    let own = |c: &&Citation| matches!(c.kind, CitationKind::ThisDocument | CitationKind::Article);
    found.iter().rev().find(own).and_then(|c| c.targets.last()).and_then(|t| t.from.article)
}

/// Byte after the 》 that closes the 《 at a place.
fn title_end(text: &str, at: usize) -> Option<usize> {
    let mut depth = 0u32;
    for (offset, c) in text.get(at..)?.char_indices() {
        if offset > TITLE_MAX {
            return None;
        }
        match c {
            '《' => depth += 1,
            '》' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at + offset + c.len_utf8());
        }
    }
    None
}

/// 《…》, with what it cites inside that document.
fn named(text: &str, at: usize, names: &[&Names]) -> Option<Citation> {
    let end = title_end(text, at)?;
    let name = text.get(at + '《'.len_utf8()..end - '》'.len_utf8())?.trim();
    let title = title_of(names, name).unwrap_or(name).to_owned();
    let after = skip_remark(text, end);
    for place in [after, end] {
        if let Some(citation) = members(text, place, Place::default(), CitationKind::Named, Some(title.clone()), at) {
            return Some(citation);
        }
    }
    (!name.is_empty()).then_some(Citation { start: at, end, kind: CitationKind::Document, title: Some(title), targets: Vec::new() })
}

/// Past （…） right after a title, or 分则.
fn skip_remark(text: &str, at: usize) -> usize {
    if let Some(word) = ["分则", "总则"].iter().find(|word| starts(text, at, word)) {
        return at + word.len();
    }
    let Some(open) = char_at(text, at).filter(|c| matches!(c, '（' | '(')) else { return at };
    // （一）项 is no remark.
    if chain(text, at, Level::Paragraph).is_some() {
        return at;
    }
    let inside = text.get(at + open.len_utf8()..).unwrap_or_default();
    match inside.char_indices().take(REMARK_MAX).find(|(_, c)| matches!(c, '）' | ')')) {
        Some((offset, close)) => at + open.len_utf8() + offset + close.len_utf8(),
        None => at,
    }
}

/// A known name without 《》.
fn plain_name(text: &str, at: usize, previous: Option<char>, names: &[&Names]) -> Option<Citation> {
    let after_cue = previous.is_none_or(|c| {
        !('\u{4E00}'..='\u{9FFF}').contains(&c) || "和与及或照据按反用合除对将在为由于以了的是有从自因经把即非如者之守行犯".contains(c)
    });
    if !after_cue {
        return None;
    }
    let (name, title) = longest_at(names, text.get(at..)?)?;
    let end = at + name.len();
    let after = skip_remark(text, end);
    for place in [after, end] {
        if let Some(citation) = members(text, place, Place::default(), CitationKind::NamedPlainly, Some(title.to_owned()), at) {
            return Some(citation);
        }
    }
    Some(Citation { start: at, end, kind: CitationKind::DocumentPlainly, title: Some(title.to_owned()), targets: Vec::new() })
}

/// 本…, 前…, 上….
fn leaning(text: &str, at: usize, previous: Option<char>) -> Option<Citation> {
    let after = at + char_at(text, at)?.len_utf8();
    if starts(text, at, "本") {
        let own = OWN_NAMES
            .iter()
            .find(|word| starts(text, after, word))
            .filter(|_| !starts(text, after, "规定的") || chain(text, after + "规定".len(), Level::Attachment).is_some());
        if let Some(word) = own
            && let Some(citation) = members(text, after + word.len(), Place::default(), CitationKind::ThisDocument, None, at)
        {
            return Some(citation);
        }
        let (base, kind, word, not_before): (Base, CitationKind, &str, &[char]) = [
            (Base::ThisArticle, CitationKind::ThisArticle, "条", &['例', '款'][..]),
            (Base::ThisParagraph, CitationKind::ThisParagraph, "款", &['项'][..]),
            (Base::ThisItem, CitationKind::ThisItem, "项", &['目'][..]),
            (Base::ThisChapter, CitationKind::ThisDivision, "章", &['程'][..]),
            (Base::ThisSection, CitationKind::ThisDivision, "节", &['目', '约', '能', '水'][..]),
            (Base::ThisPart, CitationKind::ThisDivision, "编", &['制', '号', '辑'][..]),
        ]
        .into_iter()
        .find(|(_, _, word, _)| starts(text, after, word))?;
        let end = after + word.len();
        // 基本项目, 资本项下: 本 belongs to the word before.
        let inside_word = matches!(previous, Some('基' | '资' | '成' | '根' | '日' | '样' | '文' | '版' | '课' | '剧' | '脚'));
        if inside_word || char_at(text, end).is_some_and(|c| not_before.contains(&c)) {
            return None;
        }
        return leaning_members(text, at, end, base, kind);
    }
    let (count, numeral_end) = match char_at(text, after) {
        Some(c @ ('两' | '二' | '三' | '四' | '五')) if starts(text, at, "前") => (numerals::digit(c)?, after + c.len_utf8()),
        _ => (1, after),
    };
    let c = char_at(text, numeral_end)?;
    let end = numeral_end + c.len_utf8();
    let (base, kind) = match c {
        '条' => (Base::ArticlesBefore(count), CitationKind::PreviousArticle),
        '款' if count > 1 => (Base::ParagraphsBefore(count), CitationKind::PreviousParagraphs),
        '款' => (Base::ParagraphsBefore(1), CitationKind::PreviousParagraph),
        '项' => (Base::ItemsBefore(count), CitationKind::PreviousItem),
        _ => return None,
    };
    // 目前款项, 前项目: other words.
    let next = char_at(text, end);
    let inside_word = matches!(previous, Some('目' | '提' | '当' | '生'))
        || matches!((c, next), ('款', Some('项')) | ('项', Some('目')) | ('条', Some('款' | '件')));
    if inside_word {
        return None;
    }
    leaning_members(text, at, end, base, kind)
}

/// A leaning anchor with what follows it, or alone.
fn leaning_members(text: &str, at: usize, end: usize, base: Base, kind: CitationKind) -> Option<Citation> {
    let place = Place { base, ..Place::default() };
    members(text, end, place, kind, None, at)
        .or_else(|| Some(Citation { start: at, end, kind, title: None, targets: vec![Target { start: at, end, from: place, to: None }] }))
}

/// 第… by itself, or after a name that no list knows.
fn numbered(text: &str, at: usize, names: &[&Names], taken: usize) -> Option<Citation> {
    let first = chain(text, at, Level::Attachment)?;
    if first.top >= Level::Article
        && let Some(from) = name_before(text, at, taken, names)
    {
        let name = text.get(from..at)?;
        let title = title_of(names, name).unwrap_or(name).to_owned();
        return members(text, at, Place::default(), CitationKind::NamedPlainly, Some(title), from);
    }
    let (kind, base) = match first.top {
        Level::Article => (CitationKind::Article, Base::Document),
        Level::Paragraph => (CitationKind::Paragraph, Base::ThisArticle),
        Level::Item => (CitationKind::Item, Base::ThisParagraph),
        Level::SubItem => (CitationKind::Item, Base::ThisItem),
        _ => (CitationKind::Division, Base::Document),
    };
    members(text, at, Place { base, ..Place::default() }, kind, None, at)
}

/// Where an unknown name that ends right before a place begins: 依照企业破产法|第十九条. Never before `taken`.
fn name_before(text: &str, at: usize, taken: usize, names: &[&Names]) -> Option<usize> {
    let before = text.get(taken..at)?;
    if !NAME_ENDINGS.iter().any(|ending| before.ends_with(ending)) {
        return None;
    }
    let run: usize = before.chars().rev().take(40).take_while(|c| ('\u{4E00}'..='\u{9FFF}').contains(c)).map(char::len_utf8).sum();
    let mut from = at - run;
    // A known name that ends right here.
    let known = before
        .char_indices()
        .rev()
        .take(40)
        .map(|(offset, _)| taken + offset)
        .filter(|k| *k >= from && text.get(*k..at).is_some_and(|name| title_of(names, name).is_some()));
    if let Some(known) = known.min() {
        return Some(known);
    }
    // The name begins after the last of the words that lead to one, if enough is left.
    let mut k = from;
    while k < at {
        let step = char_at(text, k)?.len_utf8();
        let lead = BEFORE_NAME.iter().find(|word| starts(text, k, word));
        if let Some(lead) = lead {
            let single = lead.chars().count() == 1;
            let rest = text.get(k + lead.len()..at)?;
            let enough = rest.chars().count() >= 2 && !NAME_ENDINGS.contains(&rest);
            // A single character may be part of the name (突发事件应对法): it leads only when the name before it is not long.
            if enough && (!single || k == from) {
                k += lead.len();
                from = k;
                continue;
            }
        }
        k += step;
    }
    // A long run holds more than the name: what follows the last single word that leads to one is enough.
    let run = text.get(from..at)?;
    if run.chars().count() > 12
        && let Some((cut, c)) = run
            .char_indices()
            .rev()
            .find(|(_, c)| "为将对和与除及".contains(*c))
            .filter(|(cut, c)| run.get(cut + c.len_utf8()..).is_some_and(|r| r.chars().count() >= 3))
    {
        from += cut + c.len_utf8();
    }
    let name = text.get(from..at)?;
    let own = name.starts_with('本') || name.starts_with("下列") || name.contains("规定的");
    (!own && name.chars().count() >= 2 && !NAME_ENDINGS.contains(&name)).then_some(from)
}

/// 附件一 by itself.
fn attachment(text: &str, at: usize) -> Option<Citation> {
    chain(text, at, Level::Attachment).filter(|c| c.top == Level::Attachment)?;
    members(text, at, Place::default(), CitationKind::Attachment, None, at)
}
