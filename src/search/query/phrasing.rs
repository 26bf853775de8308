//! The words of a sentence around what it asks for: 请问…的内容是什么, 违反…怎么处罚.

use super::titles::Span;
use super::{LOOKUP_CERTAINTY, Line};

/// Endings that make a run of letters a title.
pub(super) const FORMS: [&str; 19] = [
    "法",
    "典",
    "条例",
    "办法",
    "规定",
    "规则",
    "细则",
    "解释",
    "决定",
    "章程",
    "准则",
    "通知",
    "意见",
    "方案",
    "修正案",
    "决议",
    "批复",
    "安排",
    "程序",
];

/// Words that may stand before a title without being part of it; longest first where one begins another.
const LEADS: [&str; 74] = [
    "中华人民共和国",
    "宪法相关法",
    "诉讼与非诉讼程序法",
    "诉讼与非诉讼",
    "民法商法",
    "民商法",
    "社会法",
    "行政法规",
    "行政法",
    "经济法",
    "生态环境法",
    "程序法",
    "司法解释",
    "地方性法规",
    "地方法规",
    "部门规章",
    "政府规章",
    "规章",
    "规范性文件",
    "法律法规",
    "法规",
    "法律",
    "刑法",
    "宪法",
    "新修订的",
    "新修订",
    "新修正的",
    "修订后的",
    "修改后的",
    "最新的",
    "最新",
    "现行的",
    "现行",
    "新版",
    "新",
    "旧",
    "原",
    "根据",
    "依据",
    "依照",
    "按照",
    "按",
    "违反了",
    "违反",
    "参照",
    "适用",
    "查询一下",
    "查一下",
    "查询",
    "查找",
    "查看",
    "查",
    "搜索",
    "搜",
    "找一下",
    "找",
    "看一下",
    "看",
    "请问一下",
    "请问",
    "请",
    "我国的",
    "我国",
    "中国",
    "国家",
    "我想",
    "我要",
    "想",
    "帮我",
    "帮忙",
    "打开",
    "阅读",
    "关于",
    "一下",
];

/// Words that may follow a title or a reference and ask for nothing but its text.
const TAILS: [&str; 62] = [
    "的具体内容是什么",
    "具体内容是什么",
    "的内容是什么",
    "内容是什么",
    "的具体内容",
    "的内容",
    "内容",
    "的全文",
    "全文",
    "的原文",
    "原文",
    "的条文",
    "条文",
    "的正文",
    "的规定是什么",
    "的规定有哪些",
    "的规定",
    "规定的是什么",
    "规定了什么",
    "规定了哪些内容",
    "规定什么",
    "是怎么规定的",
    "是如何规定的",
    "是怎样规定的",
    "怎么规定的",
    "如何规定的",
    "怎么规定",
    "如何规定",
    "怎样规定",
    "有什么规定",
    "有哪些规定",
    "规定了",
    "规定",
    "讲了什么",
    "讲的是什么",
    "讲什么",
    "说了什么",
    "说的是什么",
    "说什么",
    "是怎么说的",
    "怎么说的",
    "怎么说",
    "写了什么",
    "写的是什么",
    "是什么意思",
    "什么意思",
    "是什么",
    "有哪些",
    "的解读",
    "最新版本",
    "最新版",
    "最新",
    "修订版",
    "全文下载",
    "下载",
    "里",
    "中",
    "的",
    "呢",
    "吗",
    "是",
    "了",
];

/// What marks a sentence as a question that wants an answer, not a document.
const QUESTIONS: [&str; 34] = [
    "什么",
    "怎么",
    "怎样",
    "如何",
    "吗",
    "是否",
    "哪",
    "谁",
    "能不能",
    "能否",
    "可不可以",
    "可以",
    "可否",
    "多少",
    "多久",
    "几",
    "为何",
    "为啥",
    "咋",
    "有没有",
    "算不算",
    "会不会",
    "是不是",
    "要不要",
    "该不该",
    "应当",
    "应该",
    "呢",
    "需要",
    "请问",
    "我",
    "他",
    "她",
    "么",
];

/// Words that join a title to the matter that is asked about.
const JOINTS: [&str; 12] = ["中关于", "里关于", "中对", "里对", "中有关", "关于", "有关", "规定的", "的", "中", "里", "对"];

/// Whether nothing but lead words (and a year: 2021年) stands in `run`.
pub(super) fn is_lead(run: &str) -> bool {
    let mut rest = run;
    while !rest.is_empty() {
        let word = LEADS.iter().chain(&["的", "在", "和", "与", "及", "或", "、"]).find_map(|word| rest.strip_prefix(word));
        let year = || {
            rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['年', '版']).filter(|after| rest.len() - after.len() >= 5)
        };
        match word.or_else(year) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// Whether nothing but tail words stands in `run`.
pub(super) fn is_tail(run: &str) -> bool {
    let mut rest = run;
    while !rest.is_empty() {
        match TAILS.iter().find_map(|word| rest.strip_prefix(word)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// How many characters of lead words `run` begins with.
pub(super) fn lead_chars(run: &str) -> usize {
    let mut rest = run;
    while let Some(after) = LEADS.iter().chain(&["的"]).find_map(|word| rest.strip_prefix(word)) {
        // A title may begin like a lead word (新能源…条例, 行政法…): the caller tries the whole run as well.
        rest = after;
    }
    run.chars().count() - rest.chars().count()
}

/// How many characters of tail words `run` ends with.
pub(super) fn tail_chars(run: &str) -> usize {
    let mut rest = run;
    while let Some(before) = TAILS.iter().filter(|word| **word != "规定" && **word != "的规定").find_map(|word| rest.strip_suffix(word))
    {
        rest = before;
    }
    run.chars().count() - rest.chars().count()
}

/// Whether a line asks a question.
pub(super) fn is_question(text: &str) -> bool {
    QUESTIONS.iter().any(|word| text.contains(word))
}

/// Whether a line asks in words that no title holds.
pub(super) fn asks(text: &str) -> bool {
    ["什么", "怎么", "怎样", "如何", "吗", "谁", "能否", "多少", "为何", "呢", "哪"].iter().any(|word| text.contains(word))
}

/// What is left of a line, and the year that stands beside a title: without the titles that are looked up, their lead and tail words, and the marks between.
pub(super) fn free_text(line: &mut Line, spans: &[Span], beyond: &str) -> (String, Option<u32>) {
    let mut looked_up = false;
    let mut year = None;
    for span in spans {
        if span.best() >= LOOKUP_CERTAINTY {
            looked_up = true;
            line.take(span.start, span.end);
        } else {
            // Touched on only: its words stay in the text.
            line.used.iter_mut().take(span.end).skip(span.start).for_each(|used| *used = false);
        }
    }
    let mut pieces: Vec<String> = Vec::new();
    let mut at = 0;
    while at < line.characters.len() {
        let end = line.run_after(at);
        if end == at {
            at += 1;
            continue;
        }
        let piece = line.slice(at, end);
        // Only beside what was taken are these the words of the sentence and not of the matter.
        let after_taken = at > 0
            && (0..at)
                .rev()
                .find(|at| !matches!(line.characters.get(*at), Some(' ' | '《' | '》' | '"')))
                .is_some_and(|at| !line.is_free(at));
        let before_taken = end < line.characters.len()
            && (end..line.characters.len())
                .find(|at| !matches!(line.characters.get(*at), Some(' ' | '《' | '》' | '"')))
                .is_some_and(|at| !line.is_free(at));
        let beside = looked_up && (before_taken || after_taken);
        if let Some(told) = year_of(&piece).filter(|_| beside && year.is_none()) {
            year = Some(told);
            at = end;
            continue;
        }
        let spent = looked_up && ((before_taken && is_lead(&piece)) || (after_taken && is_tail(&piece)));
        if !spent {
            pieces.push(if after_taken && looked_up { without_joints(&piece).to_owned() } else { piece });
        }
        at = end;
    }
    pieces.extend(beyond.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty()).map(str::to_owned));
    pieces.retain(|piece| !piece.is_empty());
    (pieces.join(" "), year)
}

/// The year that a piece consists of: 2021, 2021年修订.
fn year_of(piece: &str) -> Option<u32> {
    let (digits, rest) = piece.split_at_checked(4)?;
    let year = digits.parse().ok().filter(|year| (1949..=2099).contains(year))?;
    ["", "年", "版", "年版", "修正", "修订", "年修正", "年修订", "年修正版", "年修订版"].contains(&rest).then_some(year)
}

fn without_joints(piece: &str) -> &str {
    let begun = JOINTS.iter().find_map(|joint| piece.strip_prefix(joint)).unwrap_or(piece);
    let ended = TAILS.iter().filter(|tail| tail.chars().count() > 3).find_map(|tail| begun.strip_suffix(tail)).unwrap_or(begun);
    if ended.is_empty() { begun } else { ended }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_words_are_told_from_the_matter() {
        for run in ["", "请问", "查一下", "民法商法", "违反了", "2021年", "根据现行", "中华人民共和国"] {
            assert!(is_lead(run), "{run}");
        }
        for run in ["养老", "惠州市", "2021", "违反了交通"] {
            assert!(!is_lead(run), "{run}");
        }
        for run in ["的内容是什么", "规定了什么", "全文", "是怎么规定的呢"] {
            assert!(is_tail(run), "{run}");
        }
        assert!(!is_tail("怎么处罚"));
        assert_eq!(lead_chars("请问扬尘条例"), 2);
        assert_eq!(tail_chars("扬尘条例的内容是什么"), 6);
    }
}
