//! 题注: who adopted, approved, promulgated and amended a text, and when. Pure.

use chrono::NaiveDate;

use super::dates::{self, Effective};

/// What happened on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The day.
    pub date: NaiveDate,
    /// 通过, 修订, 修正: the text has existed in its present form since.
    pub is_adoption: bool,
    /// 批准 by a higher organ.
    pub is_approval: bool,
    /// 公布, 发布, 印发.
    pub is_promulgation: bool,
    /// 施行.
    pub is_effect: bool,
    /// The organ that acted, when it is named.
    pub organ: Option<String>,
    /// 令第N号, when it is named, as printed.
    pub order: Option<String>,
}

/// What a title note says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TitleNote {
    /// Its events in the order of the note.
    pub events: Vec<Event>,
    /// 自…起施行.
    pub effective: Option<Effective>,
}

impl TitleNote {
    /// Reads a title note, in one piece or one event a line.
    pub fn read(note: &str) -> TitleNote {
        // Titles of other documents hold words and dates that are not about this one.
        let plain = without_titles(note);
        let found = dates::find_dates(&plain);
        let mut events = Vec::with_capacity(found.len());
        for (index, at) in found.iter().enumerate() {
            let end = found.get(index + 1).map_or(plain.len(), |next| next.start);
            let act = plain.get(at.end..end).unwrap_or_default();
            let mut event = read_event(at.date, act);
            if event.organ.is_none() {
                // 已由甲市第七届人民代表大会常务委员会第三次会议于2019年6月28日通过: the organ stands before the date.
                let from = index.checked_sub(1).and_then(|before| found.get(before)).map_or(0, |before| before.end);
                event.organ = plain.get(from..at.start).and_then(organ_before);
            }
            events.push(event);
        }
        TitleNote { events, effective: dates::find_effective(&plain, false) }
    }

    /// The latest event of a kind.
    pub fn latest(&self, is_kind: impl Fn(&Event) -> bool) -> Option<&Event> {
        self.events.iter().filter(|event| is_kind(event)).max_by_key(|event| event.date)
    }

    /// The organ that first adopted, or else promulgated, the text: later amendments may come from its standing committee.
    pub fn organ(&self) -> Option<&str> {
        let first = |is_kind: fn(&Event) -> bool| self.events.iter().filter(|e| is_kind(e)).find_map(|e| e.organ.as_deref());
        first(|event| event.is_adoption).or_else(|| first(|event| event.is_promulgation)).or_else(|| first(|_| true))
    }

    /// The number of the latest order.
    pub fn order(&self) -> Option<&str> {
        self.events.iter().rev().find_map(|event| event.order.as_deref())
    }
}

/// The organ in a clause that leads up to a date.
fn organ_before(clause: &str) -> Option<String> {
    let clause = clause.trim_end().strip_suffix('于')?;
    let clause = clause.rsplit(['，', '。', '；', '\n']).next().unwrap_or(clause);
    let clause = clause.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '（' | '(' | '《' | '》'));
    find_organ(clause.strip_prefix("已").unwrap_or(clause))
}

/// The number of an order or announcement set over two lines: `甲市人民政府令`, `（第12号）`.
pub fn order_over_lines(head: &str) -> Option<String> {
    let lines: Vec<String> =
        head.lines().map(|line| line.chars().filter(|c| !c.is_whitespace()).collect::<String>()).filter(|line| !line.is_empty()).collect();
    lines.iter().zip(lines.iter().skip(1)).find_map(|(line, next)| {
        let number = next.trim_matches(['（', '）', '(', ')']);
        let is_number = number.starts_with('第') && number.ends_with('号') && number.chars().count() <= 12;
        let is_order = (line.ends_with('令') || line.ends_with("公告")) && line.chars().count() <= 40;
        (is_number && is_order).then(|| format!("{line}{number}"))
    })
}

fn read_event(date: NaiveDate, act: &str) -> Event {
    let has = |words: &[&str]| words.iter().any(|word| act.contains(word));
    let is_effect = ["起施行", "施行", "起实施", "实施", "起生效", "生效", "起执行", "起正式施行"]
        .iter()
        .any(|word| act.trim_start().starts_with(word));
    if is_effect {
        // What follows 自…起施行 is the next act, whose date comes with it.
        return Event { date, is_adoption: false, is_approval: false, is_promulgation: false, is_effect, organ: None, order: None };
    }
    let order = find_order(act);
    Event {
        date,
        is_adoption: has(&["通过", "修订", "修正", "修改", "审议", "制定"]),
        is_approval: has(&["批准"]),
        // A date alone is the one under which a text was given out.
        is_promulgation: has(&["公布", "发布", "印发", "颁布", "公告"]) || order.is_some() || act.trim().is_empty(),
        is_effect,
        organ: find_organ(act),
        order,
    }
}

/// The note with the content of 《》, 〈〉 taken out, however they nest or fail to close.
fn without_titles(note: &str) -> String {
    let mut plain = String::with_capacity(note.len());
    let mut depth = 0usize;
    for c in note.chars() {
        match c {
            '《' | '〈' => depth += 1,
            '》' | '〉' => depth = depth.saturating_sub(1),
            // A line end closes what a damaged line left open.
            '\n' => {
                depth = 0;
                plain.push(c);
            }
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Endings of the names of organs that make law.
const ORGAN_ENDS: &[&str] = &[
    "人民代表大会常务委员会",
    "人大常委会",
    "人民代表大会",
    "人民政府办公厅",
    "人民政府办公室",
    "人民政府",
    "国务院办公厅",
    "国务院",
    "最高人民法院",
    "最高人民检察院",
    "中央军事委员会",
    "中央军委",
    "管理总局",
    "监督管理局",
    "总局",
    "委员会",
    "总署",
    "办公厅",
    "办公室",
    "管理局",
    "银行",
    "部",
    "局",
    "署",
    "院",
];

/// The organ at the beginning of an act: up to 第N届…会议, 令, or a verb.
pub fn find_organ(act: &str) -> Option<String> {
    let act: String = act.chars().filter(|c| !c.is_whitespace()).collect();
    let act = act.trim_start_matches(['，', '、', '：', ':', '）', ')', '（', '(']);
    let act = ["根据", "已经", "已由", "经由"].iter().find_map(|word| act.strip_prefix(word)).unwrap_or(act);
    // 经济…委员会 begins with its own name.
    let act = if act.starts_with("经济") { act } else { act.trim_start_matches(['经', '由']) };
    // 第十三届全国人民代表大会 → 全国人民代表大会; 甲省第十三届人民代表大会 → 甲省人民代表大会.
    let act = without_session(act);
    let act = act.strip_prefix("中华人民共和国").unwrap_or(&act);
    let congress = ["人民代表大会常务委员会", "人大常委会", "人民代表大会"].iter().find_map(|end| act.find(end).map(|at| at + end.len()));
    let end = congress.or_else(|| {
        let stop = [
            "令",
            "公告",
            "第",
            "审判委员会",
            "检察委员会",
            "部务会",
            "部长",
            "局务会",
            "局长",
            "常务会",
            "办公会",
            "全体会",
            "委务会",
            "署务会",
            "通过",
            "公布",
            "发布",
            "印发",
            "批准",
            "修",
            "审议",
            "会议",
        ]
        .iter()
        .filter_map(|word| act.find(word))
        .min()?;
        // 某办公室2021年第20次会议: the year belongs to the meeting.
        let stop = act.get(..stop)?.trim_end_matches('年').trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let head = act.get(..stop)?;
        ORGAN_ENDS.iter().filter(|end| head.ends_with(**end)).map(|_| stop).next()
    })?;
    let organ = act.get(..end)?.trim_start_matches(['经', '由']);
    let length = organ.chars().count();
    ((2..=40).contains(&length) && !organ.contains(['，', '。', '；', '号'])).then(|| organ.to_owned())
}

/// Takes 第N届 out of a congress's name.
fn without_session(act: &str) -> String {
    let Some(start) = act.find('第') else { return act.to_owned() };
    let Some(rest) = act.get(start + '第'.len_utf8()..) else { return act.to_owned() };
    match rest.char_indices().take(6).find(|(_, c)| *c == '届') {
        Some((end, _)) => format!("{}{}", act.get(..start).unwrap_or_default(), rest.get(end + '届'.len_utf8()..).unwrap_or_default()),
        None => act.to_owned(),
    }
}

/// 令第N号, 第N号令, 令〔YYYY〕第N号, 公告第N号, with the organ before it, as printed.
pub fn find_order(act: &str) -> Option<String> {
    let end = act.find('号')? + '号'.len_utf8();
    let mut end_with_order = end;
    if act.get(end..)?.starts_with('令') {
        end_with_order += '令'.len_utf8();
    }
    let number = act.get(..end_with_order)?.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '，' | '（' | '(' | '经' | '由'));
    let is_order = number.contains("令") || number.contains("公告");
    (is_order
        && number.contains(|c: char| c.is_ascii_digit() || crate::corpus::numerals::is_numeral(c))
        && number.chars().count() <= 40
        && !number.contains(['。', '；']))
    .then(|| number.chars().filter(|c| !c.is_whitespace()).collect())
}

/// A document number with its bracketed year (甲府办〔2023〕21号) at the beginning of a line or title; the number, and what follows.
pub fn leading_document_number(text: &str) -> Option<(&str, &str)> {
    let end = text.char_indices().take(40).find(|(_, c)| *c == '号')?.0 + '号'.len_utf8();
    let (number, rest) = text.split_at_checked(end)?;
    let (code, after) = number.split_once(['〔', '[', '［', '【', '（', '('])?;
    let (year, serial) = after.split_once(['〕', ']', '］', '】', '）', ')'])?;
    let is_year = year.chars().count() == 4 && crate::corpus::numerals::parse(year).is_some_and(|year| (1900..2200).contains(&year));
    let serial = serial.trim_end_matches('号').trim_start_matches('第').trim();
    let is_code =
        (1..=16).contains(&code.chars().count()) && !code.contains(|c: char| c.is_whitespace() || matches!(c, '，' | '。' | '《' | '第'));
    (is_year && is_code && crate::corpus::numerals::parse(serial).is_some()).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn a_local_regulation_of_a_city() {
        let note = TitleNote::read(
            "（2019年6月28日甲市第七届人民代表大会常务委员会第三次会议通过　2019年9月25日乙省第十三届人民代表大会常务委员会第十四次会议批准　根据2021年12月1日乙省第十三届人民代表大会常务委员会第三十九次会议\
             《关于批准〈甲市人民代表大会常务委员会关于修改部分地方性法规的决定〉的决定》修正）",
        );
        assert_eq!(note.events.len(), 3);
        assert_eq!(note.organ(), Some("甲市人民代表大会常务委员会"));
        assert_eq!(note.latest(|e| e.is_adoption).unwrap().date, day(2021, 12, 1));
        assert!(note.events[1].is_approval && !note.events[1].is_adoption);
    }

    #[test]
    fn orders_and_their_organs() {
        for (text, organ, order) in [
            ("2011年9月9日甲省人民政府令第164号公布　自2012年1月1日起施行", "甲省人民政府", "甲省人民政府令第164号"),
            ("2019年4月3日中华人民共和国国务院令第711号修订", "国务院", "中华人民共和国国务院令第711号"),
            ("1996年9月23日甲市人民政府第14号令发布", "甲市人民政府", "甲市人民政府第14号令"),
            ("2020年3月20日自然资源部令第5号公布", "自然资源部", "自然资源部令第5号"),
            ("2003年1月1日国家经济贸易委员会令第8号公布", "国家经济贸易委员会", "国家经济贸易委员会令第8号"),
            ("2021年7月12日国家税务总局令第52号公布", "国家税务总局", "国家税务总局令第52号"),
        ] {
            let note = TitleNote::read(text);
            assert_eq!((note.organ(), note.order()), (Some(organ), Some(order)), "{text}");
            assert!(note.events[0].is_promulgation, "{text}");
        }
        let court = TitleNote::read("2017年11月13日 最高人民法院审判委员会第1726次会议通过\n2018年2月8日 施行");
        assert_eq!(court.organ(), Some("最高人民法院"));
        assert!(court.events[1].is_effect);
        assert_eq!(TitleNote::read("1979年7月1日 第五届全国人民代表大会第二次会议通过").organ(), Some("全国人民代表大会"));
        assert_eq!(
            TitleNote::read("2009年8月27日第十一届全国人民代表大会常务委员会第十次会议修正").organ(),
            Some("全国人民代表大会常务委员会")
        );
    }

    #[test]
    fn announcements_that_name_the_organ_before_the_date() {
        let note = TitleNote::read(
            "《甲市某条例》已由甲市第十二届人民代表大会常务委员会第二十五次会议于2016年3月31日通过，现予公布，自2016年7月1日起施行。",
        );
        assert_eq!(note.organ(), Some("甲市人民代表大会常务委员会"));
        assert_eq!(note.latest(|e| e.is_adoption).map(|e| e.date), Some(day(2016, 3, 31)));
        assert_eq!(note.effective, Some(Effective::On(day(2016, 7, 1))));
        assert_eq!(TitleNote::read("2021年11月16日某某信息办公室2021年第20次室务会议审议通过").organ(), Some("某某信息办公室"));
        assert_eq!(order_over_lines("甲市人民政府令\n\n（第 12 号）\n《甲办法》"), Some("甲市人民政府令第12号".into()));
        assert_eq!(order_over_lines("甲市人民政府\n（第12号）"), None);
        assert!(TitleNote::read("1957年5月22日").events[0].is_promulgation);
    }

    #[test]
    fn effect_and_titles_of_other_documents() {
        let note = TitleNote::read("（2020年1月1日公布　自2020年3月1日起施行）");
        assert_eq!(note.effective, Some(Effective::On(day(2020, 3, 1))));
        let amended =
            TitleNote::read("2010年4月29日公布　自2010年12月1日起施行　根据2012年10月26日甲市人民代表大会常务委员会第二次会议修正");
        assert_eq!(amended.latest(|e| e.is_adoption).map(|e| e.date), Some(day(2012, 10, 26)));
        assert_eq!(amended.latest(|e| e.is_effect).map(|e| e.date), Some(day(2010, 12, 1)));
        let damaged = TitleNote::read("2020年1月1日 甲省第十三届人民代表大会常务委员会《关于废止〈乙规定的决定修正\n2021年2月2日 通过");
        assert_eq!(damaged.events.len(), 2, "an open bracket ends with its line");
    }

    #[test]
    fn document_numbers_that_lead_a_line() {
        for (text, number, rest) in [
            ("甲办发〔2000〕63号乙办公厅关于丙的通知", "甲办发〔2000〕63号", "乙办公厅关于丙的通知"),
            ("甲府[2023]第21号", "甲府[2023]第21号", ""),
            ("法释（二○一九）17号 关于", "法释（二○一九）17号", " 关于"),
        ] {
            assert_eq!(leading_document_number(text), Some((number, rest)), "{text}");
        }
        for text in ["甲市条例", "根据甲府〔2023〕21条", "第三〔一〕号", "关于（试行）的3号"] {
            assert_eq!(leading_document_number(text), None, "{text}");
        }
    }
}
