//! The grammar of places: 第…编章节条款项目 in a run, and more of them in a list or a range.
//!
//! Every attempt at a place looks ahead over a bounded number of characters.

use super::{Base, Citation, CitationKind, Place, Target};
use crate::corpus::numerals;
use crate::corpus::structure::Number;

/// Levels of a place, from the top; the order is that of a citation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Attachment,
    Part,
    SubPart,
    Chapter,
    Section,
    Article,
    Paragraph,
    Item,
    SubItem,
}

pub(super) fn starts(text: &str, at: usize, word: &str) -> bool {
    text.get(at..).is_some_and(|t| t.starts_with(word))
}

pub(super) fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// Skips white space, which conversions leave at any place.
pub(super) fn skip_space(text: &str, mut at: usize) -> usize {
    while let Some(c) = char_at(text, at).filter(|c| c.is_whitespace()) {
        at += c.len_utf8();
    }
    at
}

/// A run of levels: 第三条第一款第二项. The last level may name several numbers.
pub(super) struct Chain {
    pub top: Level,
    /// Numbers by level, one each but for the last.
    upper: Vec<(Level, Number)>,
    last: Level,
    /// Ranges of the last level.
    values: Vec<(Number, Option<Number>)>,
    end: usize,
}

/// One level with its numbers: 第三款, 第（一）至（五）项, 第五、六项.
struct Step {
    level: Level,
    values: Vec<(Number, Option<Number>)>,
    end: usize,
}

/// Reads a run of levels, none above `highest`.
pub(super) fn chain(text: &str, at: usize, highest: Level) -> Option<Chain> {
    let first = step(text, at, true).filter(|s| s.level >= highest)?;
    let mut read = Chain { top: first.level, upper: Vec::new(), last: first.level, values: first.values, end: first.end };
    while let [(number, None)] = read.values[..] {
        let mut from = skip_space(text, read.end);
        if starts(text, from, "的第") {
            from += "的".len();
        }
        let bracket_follows = read.last >= Level::Article;
        let Some(next) = step(text, from, bracket_follows).filter(|s| s.level > read.last) else { break };
        if next.level == Level::SubPart && read.last != Level::Part {
            break;
        }
        read.upper.push((read.last, number));
        (read.last, read.values, read.end) = (next.level, next.values, next.end);
    }
    Some(read)
}

/// Reads one level. Without 第, only （一）项 is one, and only where `bracketed` allows.
fn step(text: &str, at: usize, bracketed: bool) -> Option<Step> {
    if let Some(word) = ["附件", "附表", "附录"].iter().find(|w| starts(text, at, w)) {
        let (number, end, _) = number_at(text, at + word.len())?;
        return Some(Step { level: Level::Attachment, values: vec![(number, None)], end });
    }
    let with_word = starts(text, at, "第");
    let mut end = if with_word { skip_space(text, at + "第".len()) } else { at };
    let in_brackets = bracketed && matches!(char_at(text, end), Some('（' | '('));
    if !with_word && !in_brackets {
        return None;
    }
    let mut values: Vec<(Number, Option<Number>)> = Vec::new();
    let (first, after, _) = number_at(text, end)?;
    values.push((first, None));
    end = after;
    // 第五、六、七项; 第（一）至（五）项: numbers that share one word.
    loop {
        let from = skip_space(text, end);
        let Some(c) = char_at(text, from) else { break };
        let range = matches!(c, '至' | '到' | '-' | '—' | '～' | '~');
        if !range && !matches!(c, '、' | '和' | '及' | '或' | ',' | '，') {
            break;
        }
        let mut from = skip_space(text, from + c.len_utf8());
        if starts(text, from, "第") {
            from = skip_space(text, from + "第".len());
        }
        let Some((number, after, in_bracket)) = number_at(text, from) else { break };
        // Only numbers that lead to the shared word belong here.
        if values.len() > 60 || !(in_bracket || leads_to_word(text, after)) {
            break;
        }
        if range {
            if let Some(last) = values.last_mut() {
                last.1 = Some(number);
            }
        } else {
            values.push((number, None));
        }
        end = after;
    }
    let end = skip_space(text, end);
    let c = char_at(text, end)?;
    let mut after = end + c.len_utf8();
    let next = char_at(text, after);
    let level = match c {
        '编' if next != Some('制') => Level::Part,
        '分' if next == Some('编') => {
            after += '编'.len_utf8();
            Level::SubPart
        }
        '章' => Level::Chapter,
        '节' => Level::Section,
        '条' => Level::Article,
        '款' => Level::Paragraph,
        '项' if next != Some('目') || step(text, after + '目'.len_utf8(), false).is_some() => Level::Item,
        '目' if next != Some('标') => Level::SubItem,
        _ => return None,
    };
    if !with_word && level != Level::Item {
        return None;
    }
    if level == Level::Article
        && starts(text, after, "之")
        && let Some((sub, sub_end, _)) =
            number_at(text, after + "之".len()).filter(|(n, _, bracket)| !bracket && (1..100).contains(&n.main))
        && let Some(last) = values.last_mut()
        && last.1.is_none()
    {
        last.0.sub = sub.main;
        after = sub_end;
    }
    Some(Step { level, values, end: after })
}

/// Whether shared numbers go on to 条, 款, 项 or 目.
fn leads_to_word(text: &str, at: usize) -> bool {
    let rest = text.get(at..).unwrap_or_default();
    rest.trim_start_matches(|c: char| numerals::is_numeral(c) || c.is_whitespace() || "、和及或至到,，-（）()".contains(c))
        .starts_with(['条', '款', '项', '目', '章', '节'])
        && rest.chars().take(60).any(|c| "条款项目章节".contains(c))
}

/// A number, bare or in brackets; whether it stands in brackets.
fn number_at(text: &str, at: usize) -> Option<(Number, usize, bool)> {
    let in_bracket = matches!(char_at(text, at), Some('（' | '('));
    let from = if in_bracket { skip_space(text, at + char_at(text, at)?.len_utf8()) } else { at };
    let length: usize = text.get(from..)?.chars().take(16).take_while(|c| numerals::is_numeral(*c)).map(char::len_utf8).sum();
    let number = numerals::parse(text.get(from..from + length)?).filter(|n| *n > 0)?;
    let mut end = from + length;
    if in_bracket {
        end = skip_space(text, end);
        end += char_at(text, end).filter(|c| matches!(c, '）' | ')'))?.len_utf8();
    }
    Some((Number::new(number), end, in_bracket))
}

/// Reads a list of runs after an anchor that ends at `at`; nothing when none follows.
pub(super) fn members(text: &str, at: usize, anchor: Place, kind: CitationKind, title: Option<String>, start: usize) -> Option<Citation> {
    let highest = match anchor.base {
        Base::ThisArticle | Base::ArticlesBefore(_) => Level::Paragraph,
        Base::ThisParagraph | Base::ParagraphsBefore(_) => Level::Item,
        Base::ThisItem | Base::ItemsBefore(_) => Level::SubItem,
        Base::ThisPart => Level::SubPart,
        Base::ThisChapter => Level::Section,
        Base::ThisSection => Level::Article,
        Base::Document | Base::NamedBefore => Level::Attachment,
    };
    let from = skip_space(text, at);
    let from = if starts(text, from, "的第") { from + "的".len() } else { from };
    let first = chain(text, from, highest)?;
    // 本章程第三条 and the like never come here; （一）项 needs an article or a leaning anchor above it.
    if anchor.base == Base::Document
        && first.top >= Level::Paragraph
        && kind != CitationKind::Item
        && title.is_none()
        && kind != CitationKind::ThisDocument
    {
        return None;
    }
    // In a list, a run may begin as high as the first one did, and anywhere below.
    let highest = first.top;
    let mut targets: Vec<Target> = Vec::new();
    let mut above = anchor;
    let mut end = first.end;
    let mut current = Some((first, from));
    while let Some((run, from)) = current.take() {
        // A run that begins at 条 or above leaves 前款 and 本条 behind.
        if run.top <= Level::Article && !matches!(above.base, Base::ThisPart | Base::ThisChapter | Base::ThisSection) {
            above.base = Base::Document;
        }
        let mut place = keep_above(above, run.top);
        for (level, number) in &run.upper {
            set(&mut place, *level, *number);
        }
        let begins_at = if targets.is_empty() { start } else { from };
        // Numbers that share one word (第五、六项) share its place in the text.
        for (number, to) in &run.values {
            let mut from_place = place;
            set(&mut from_place, run.last, *number);
            let to_place = to.map(|number| {
                let mut place = place;
                set(&mut place, run.last, number);
                place
            });
            targets.push(Target { start: begins_at, end: run.end, from: from_place, to: to_place });
            above = from_place;
        }
        end = run.end;
        let Some((separator_end, is_range)) = separator(text, run.end) else { break };
        let Some(next) = chain(text, separator_end, highest) else { break };
        if is_range {
            let mut place = keep_above(above, next.top);
            for (level, number) in &next.upper {
                set(&mut place, *level, *number);
            }
            if let [(number, None)] = next.values[..] {
                set(&mut place, next.last, number);
                if let Some(last) = targets.last_mut().filter(|t| t.to.is_none()) {
                    (last.to, last.end) = (Some(place), next.end);
                }
                above = place;
                end = next.end;
                // The list may go on after the range.
                if let Some((separator_end, false)) = separator(text, end)
                    && let Some(more) = chain(text, separator_end, highest)
                {
                    current = Some((more, separator_end));
                }
                continue;
            }
            break;
        }
        current = Some((next, separator_end));
    }
    Some(Citation { start, end, kind, title, targets })
}

/// What joins two members: 、 ， 和 与 及 或 以及 或者, or 至 for a range. Answers its end.
fn separator(text: &str, at: usize) -> Option<(usize, bool)> {
    let from = skip_space(text, at);
    for word in ["，或者", "、或者", "，以及", "以及", "或者", "，和", "，及", "、", "，", "和", "与", "及", "或", "；"]
    {
        if starts(text, from, word) {
            return Some((skip_space(text, from + word.len()), false))
                .filter(|(end, _)| matches!(char_at(text, *end), Some('第' | '（' | '(' | '附')));
        }
    }
    for word in ["至", "到", "—", "－", "-", "～"] {
        if starts(text, from, word) {
            return Some((skip_space(text, from + word.len()), true));
        }
    }
    None
}

/// The levels of a place above one.
fn keep_above(place: Place, level: Level) -> Place {
    let keep = |own: Level| own < level;
    Place {
        base: place.base,
        attachment: place.attachment.filter(|_| keep(Level::Attachment)),
        part: place.part.filter(|_| keep(Level::Part)),
        sub_part: place.sub_part.filter(|_| keep(Level::SubPart)),
        chapter: place.chapter.filter(|_| keep(Level::Chapter)),
        section: place.section.filter(|_| keep(Level::Section)),
        article: place.article.filter(|_| keep(Level::Article)),
        paragraph: place.paragraph.filter(|_| keep(Level::Paragraph)),
        item: place.item.filter(|_| keep(Level::Item)),
        sub_item: None,
    }
}

fn set(place: &mut Place, level: Level, number: Number) {
    match level {
        Level::Attachment => place.attachment = Some(number.main),
        Level::Part => place.part = Some(number.main),
        Level::SubPart => place.sub_part = Some(number.main),
        Level::Chapter => place.chapter = Some(number.main),
        Level::Section => place.section = Some(number.main),
        Level::Article => place.article = Some(number),
        Level::Paragraph => place.paragraph = Some(number.main),
        Level::Item => place.item = Some(number.main),
        Level::SubItem => place.sub_item = Some(number.main),
    }
}
