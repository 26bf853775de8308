//! One row of a table against the draft: what it becomes, and what is wrong with it, by column. Pure.
//!
//! One row is one opinion. A row that names several provisions hangs on the first; the words of its cell are kept in the provenance and nothing is lost.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::columns::{Field, Layout, RowKind};
use super::provenance::{Consent, Method};
use super::quoting::{Likeness, compare, only_home};
use super::recording::{KIND_CHARACTERS, NewOffline, SHORT_CHARACTERS};
use super::{cells, quoting};
use crate::calendar;
use crate::documents::tables::Row;
use crate::drafts::naming::{Named, Naming};
use crate::ids::{ActivityId, StationId};
use crate::opinions::{NewOpinion, Quote, Stance};

/// What holds for rows that do not say it themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// When the opinions were said; `None` = every row must say it.
    pub collected_on: Option<NaiveDate>,
    /// How they were collected.
    pub method: Method,
    /// The station.
    pub station: Option<StationId>,
    /// The activity.
    pub activity: Option<ActivityId>,
    /// Whether the people agreed to publication.
    pub consent: Consent,
    /// Who collected them.
    pub collector: String,
    /// Where.
    pub place: String,
}

/// Something that is wrong with a row, or unsure. Never carries personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The column, from 0; `None` for the row as a whole.
    pub column: Option<usize>,
    /// Whether the row cannot become an opinion as it is.
    pub is_error: bool,
    /// One sentence for the person.
    pub sentence: String,
    /// Address of a provision that may be meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perhaps: Option<String>,
}

/// What rows are judged against.
pub struct Judge<'a> {
    /// Names of the provisions of the version that the round asks about.
    pub naming: &'a Naming<'a>,
    /// First and last day of the round, and the last day on which late opinions are taken.
    pub round: (NaiveDate, NaiveDate, NaiveDate),
    /// Today.
    pub today: NaiveDate,
    /// Stations of the point: id and name.
    pub stations: &'a [(StationId, String)],
    /// The station of whoever uploads, when they work for one only.
    pub own_station: Option<StationId>,
    /// What holds for rows that do not say it.
    pub defaults: &'a Defaults,
    /// Longest text of an opinion, in characters.
    pub longest: usize,
    known: HashMap<String, Named>,
    texts: HashMap<String, String>,
    articles: Vec<(String, String)>,
}

/// What a row is judged to be.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// No opinion; why.
    NotOpinion(&'static str),
    /// An opinion, if nothing of `problems` is an error.
    Opinion {
        /// What would be written; meaningless with errors.
        new: Box<NewOffline>,
        /// Where it hangs, as cited; empty while unknown.
        label: String,
        /// What is wrong or unsure.
        problems: Vec<Problem>,
    },
}

impl<'a> Judge<'a> {
    /// A judge; `articles` are address and text of every article, for quotations without a provision.
    #[expect(clippy::too_many_arguments, reason = "what rows are judged by, each from another place")]
    pub fn new(
        naming: &'a Naming<'a>,
        articles: Vec<(String, String)>,
        round: (NaiveDate, NaiveDate, NaiveDate),
        today: NaiveDate,
        stations: &'a [(StationId, String)],
        own_station: Option<StationId>,
        defaults: &'a Defaults,
        longest: usize,
    ) -> Judge<'a> {
        Judge { naming, round, today, stations, own_station, defaults, longest, known: HashMap::new(), texts: HashMap::new(), articles }
    }

    /// Words of a provision.
    pub fn text(&mut self, address: &str) -> String {
        if let Some(text) = self.texts.get(address) {
            return text.clone();
        }
        let text = self.naming.text(address);
        self.texts.insert(address.to_owned(), text.clone());
        text
    }

    /// Judges a row of a table; `index` counts its rows.
    pub fn judge(&mut self, layout: &Layout, is_1904: bool, index: usize, row: &Row) -> Judgement {
        match layout.kind(index, row) {
            RowKind::Title => Judgement::NotOpinion("表头上方的标题行"),
            RowKind::Heading => Judgement::NotOpinion("表头"),
            RowKind::Divider => Judgement::NotOpinion("分隔行"),
            RowKind::Unfilled => Judgement::NotOpinion("没有填写意见的行"),
            RowKind::Footer => Judgement::NotOpinion("表尾"),
            RowKind::Data => self.opinion(layout, is_1904, row),
        }
    }

    fn opinion(&mut self, layout: &Layout, is_1904: bool, row: &Row) -> Judgement {
        let mut found = Found { layout, row, problems: Vec::new() };
        let words = |field: Field| layout.words(row, field);
        let place_words = place_words(layout, row);
        let quoted = words(Field::Original);
        let (address, label) = self.place(&mut found, &place_words, &quoted);
        let (mut body, mut proposed) = (words(Field::Body), words(Field::Proposed));
        let reason = words(Field::Reason);
        let stance = self.stance(&mut found, &words(Field::Stance), &body);
        if address.is_none() && !proposed.is_empty() {
            // A wording for the draft as a whole is said in the words of the opinion.
            body = [body.as_str(), &format!("建议修改为：{proposed}")].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join("\n");
            proposed.clear();
        }
        if let Some(address) = &address
            && !proposed.is_empty()
            && matches!(compare(&proposed, &self.text(address)), Likeness::Same)
        {
            found.warn(Field::Proposed, "建议的条文与征求意见稿相同。".into());
            if body.is_empty() {
                found.error(Field::Proposed, "建议的条文与征求意见稿相同，又没有填写意见内容；请修改建议的条文，或者填写意见。".into());
            }
        }
        if body.is_empty() && proposed.is_empty() {
            if stance == Stance::Support && found.problems.is_empty() && !words(Field::Stance).is_empty() {
                body = "赞成。".into();
            } else if !reason.is_empty() {
                found.error(Field::Body, "只填了理由，没有意见内容；请填写意见，或者把理由移到意见一栏。".into());
            } else {
                found.error(Field::Body, "没有填写意见内容。".into());
            }
        }
        for (field, text) in [(Field::Body, &body), (Field::Proposed, &proposed), (Field::Reason, &reason)] {
            let count = text.chars().count();
            if count > self.longest {
                found.error(field, format!("{}有 {count} 个字，超过上限 {} 个字；请精简或者分成几行。", field.label(), self.longest));
            }
        }
        let (method, method_words) = match words(Field::Method) {
            said if said.is_empty() => (self.defaults.method, String::new()),
            said => (cells::method(&said).unwrap_or(Method::Other), said),
        };
        let collected_on = self.day(&mut found, &words(Field::Date), is_1904);
        let station = self.station(&mut found, &words(Field::Station));
        let agreed = words(Field::Consent);
        let consent = match cells::consent(&agreed) {
            _ if agreed.is_empty() => self.defaults.consent,
            Some(true) => Consent::Given,
            Some(false) => Consent::Refused,
            None => {
                found.error(Field::Consent, "看不出是否同意公开；请填“是”或“否”，没有询问的请留空。".into());
                Consent::NotAsked
            }
        };
        // A word for anybody is no name: forty forms of 居民 are forty people.
        let (unit, (name, named_kind)) = (words(Field::Unit), cells::name_or_kind(words(Field::Person)));
        let person = [unit.as_str(), name.as_str()].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        let kind = match words(Field::Kind) {
            said if !said.is_empty() => said.split_whitespace().collect::<Vec<_>>().join(" "),
            _ if !named_kind.is_empty() => named_kind,
            _ if !unit.is_empty() && name.is_empty() => "单位".into(),
            _ => String::new(),
        };
        let collector = or(words(Field::Collector), &self.defaults.collector);
        let place = or(words(Field::Venue), &self.defaults.place);
        let contact = words(Field::Contact);
        for (field, text, limit) in [
            (Field::Person, &person, SHORT_CHARACTERS),
            (Field::Contact, &contact, SHORT_CHARACTERS),
            (Field::Collector, &collector, SHORT_CHARACTERS),
            (Field::Venue, &place, SHORT_CHARACTERS),
            (Field::Method, &method_words, SHORT_CHARACTERS),
            (Field::Kind, &kind, KIND_CHARACTERS),
        ] {
            if text.chars().count() > limit {
                found.error(field, format!("“{}”一栏超过 {limit} 个字，是不是列对错了？", field.label()));
            }
        }
        // The words that the paper quotes are pointed at where they stand in the provision.
        let quote = address.as_ref().filter(|_| !quoted.is_empty()).and_then(|address| {
            let text = self.text(address);
            let squeezed = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let (all, part) = (squeezed(&text), squeezed(&quoted));
            (part != all && all.contains(&part)).then(|| Quote { start: None, text: quoted.clone() })
        });
        let mut opinion = NewOpinion::on(address, stance, &body);
        (opinion.reason, opinion.proposed_text, opinion.quote, opinion.is_public) = (reason, proposed, quote, consent == Consent::Given);
        let new = NewOffline {
            opinion,
            author_kind: kind,
            person,
            contact,
            consent,
            method,
            method_words,
            collector,
            place,
            collected_on: collected_on.unwrap_or(self.today),
            station,
            activity: self.defaults.activity,
            provision_words: place_words.chars().take(300).collect(),
            quoted_words: quoted.chars().take(self.longest).collect(),
            row: None,
            alike: 0,
            scan: None,
        };
        Judgement::Opinion { new: Box::new(new), label, problems: found.problems }
    }

    /// Address and citation of what the row speaks of.
    fn place(&mut self, found: &mut Found<'_>, words: &str, quoted: &str) -> (Option<String>, String) {
        let named = match self.known.get(words) {
            Some(named) => named.clone(),
            None => {
                let named = self.naming.find(words);
                // A table of strange words must not fill the memory.
                if self.known.len() < 10_000 && words.len() < 200 {
                    self.known.insert(words.to_owned(), named.clone());
                }
                named
            }
        };
        let home = || only_home(quoted, self.articles.iter().map(|(_, text)| text.as_str())).and_then(|i| self.articles.get(i)).cloned();
        match named {
            Named::Whole if words.trim().is_empty() && !quoted.is_empty() => match home() {
                Some((address, _)) => {
                    let label = self.naming.label(&address).unwrap_or_default();
                    found.warn(Field::Place, format!("没有填条款，按引用的原文归到{label}。"));
                    (Some(address), label)
                }
                None => (None, crate::opinions::WHOLE_DRAFT.to_owned()),
            },
            Named::Whole => (None, crate::opinions::WHOLE_DRAFT.to_owned()),
            Named::Here { address, label, and_more } => {
                if and_more {
                    found.warn(Field::Place, format!("涉及几处条款：意见归到{label}，表中所写的“{}”原样保留在来源信息里。", cut(words)));
                }
                self.check_quotation(found, &address, &label, quoted);
                (Some(address), label)
            }
            Named::Unclear { reason, perhaps } => {
                let perhaps = perhaps.or_else(|| home().map(|(address, _)| address));
                found.push(Field::Place, true, reason, perhaps);
                (None, String::new())
            }
        }
    }

    fn check_quotation(&mut self, found: &mut Found<'_>, address: &str, label: &str, quoted: &str) {
        if quoted.is_empty() {
            return;
        }
        let text = self.text(address);
        let stands = || format!("征求意见稿{label}是：“{}”", cut_long(&text));
        match quoting::compare(quoted, &text) {
            Likeness::Same | Likeness::Part => {}
            Likeness::Similar(likeness) => {
                // Rounded down: 100% would say that it is the same.
                let percent = (likeness * 100.0).floor().min(99.0);
                found.warn(Field::Original, format!("引用的原文与{label}不完全一致（约 {percent:.0}% 相同）。{}", stands()));
            }
            Likeness::Different => {
                let other = only_home(quoted, self.articles.iter().map(|(_, text)| text.as_str())).and_then(|i| self.articles.get(i));
                let hint = other
                    .filter(|(other, _)| other != address && !address.starts_with(&format!("{other}/")))
                    .and_then(|(other, _)| self.naming.label(other))
                    .map(|other| format!("它与{other}一致，是不是条号写错了？"))
                    .unwrap_or_default();
                found.warn(Field::Original, format!("引用的原文与{label}不同。{hint}{}", stands()));
            }
        }
    }

    fn stance(&self, found: &mut Found<'_>, words: &str, body: &str) -> Stance {
        if words.is_empty() {
            // 无意见 and nothing else says what it says.
            return cells::stance(body).filter(|stance| *stance == Stance::Support).unwrap_or(Stance::Amend);
        }
        cells::stance(words).unwrap_or_else(|| {
            found.warn(Field::Stance, "看不出这一格是什么态度，按“建议修改”处理。".into());
            Stance::Amend
        })
    }

    fn day(&self, found: &mut Found<'_>, words: &str, is_1904: bool) -> Option<NaiveDate> {
        let (first, last, late) = self.round;
        let written = calendar::chinese_day;
        let day = match words {
            "" => match self.defaults.collected_on {
                Some(day) => {
                    // Where the table has no such column at all it is said once, for the whole batch.
                    if found.layout.says(Field::Date) {
                        found.warn(Field::Date, format!("没有填收集日期，按整批的设定登记为{}。", written(day)));
                    }
                    day
                }
                None => {
                    found.error(Field::Date, "没有收集日期；请在表中填写，或者为整批设定收集日期。".into());
                    return None;
                }
            },
            words => match cells::day(words, is_1904, (first, last)) {
                Some(day) => day,
                None => {
                    found.error(Field::Date, "日期无法识别；请写成 2026-03-05 或 2026年3月5日。".into());
                    return None;
                }
            },
        };
        if day > self.today {
            found.error(Field::Date, format!("收集日期 {} 还没有到。", written(day)));
        } else if day < first || day > late.max(last) {
            found
                .error(Field::Date, format!("收集日期 {} 不在本轮征求意见期间（{} 至 {}）。", written(day), written(first), written(last)));
        } else if day > last {
            found.warn(Field::Date, format!("收集日期 {} 在征求意见截止之后，按逾期意见登记。", written(day)));
        }
        Some(day)
    }

    fn station(&self, found: &mut Found<'_>, words: &str) -> Option<StationId> {
        if words.is_empty() {
            return self.own_station.or(self.defaults.station);
        }
        let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let wanted = plain(words);
        let exact = self.stations.iter().find(|(_, name)| plain(name) == wanted);
        let mut alike = self.stations.iter().filter(|(_, name)| {
            let name = plain(name);
            wanted.chars().count() >= 2 && (name.contains(&wanted) || wanted.contains(&name))
        });
        let station = exact.or_else(|| alike.next().filter(|_| alike.next().is_none()));
        match station {
            Some((id, _)) if self.own_station.is_some_and(|own| own != *id) => {
                found.error(Field::Station, "您只能上传自己所在信息采集点的意见。".into());
                None
            }
            Some((id, _)) => Some(*id),
            None => {
                found.error(Field::Station, "本联系点没有这样的信息采集点；请改成已登记的名称，或者留空。".into());
                None
            }
        }
    }
}

struct Found<'a> {
    layout: &'a Layout,
    row: &'a Row,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn push(&mut self, field: Field, is_error: bool, sentence: String, perhaps: Option<String>) {
        // Of several columns the one with words is meant.
        let columns: Vec<usize> = self.layout.columns_of(field).collect();
        let column = columns.iter().find(|c| !self.row.own(**c).is_empty()).or(columns.first()).copied();
        self.problems.push(Problem { column, is_error, sentence, perhaps });
    }

    fn error(&mut self, field: Field, sentence: String) {
        self.push(field, true, sentence, None);
    }

    fn warn(&mut self, field: Field, sentence: String) {
        self.push(field, false, sentence, None);
    }
}

/// The words of the columns of the provision; a number under 条 or 款 gets the word that its column is named by.
fn place_words(layout: &Layout, row: &Row) -> String {
    let columns: Vec<usize> = layout.columns_of(Field::Place).collect();
    let several = columns.len() > 1;
    let mut written = String::new();
    for column in columns {
        let words = row.own(column).trim();
        let heading = layout.columns.get(column).map(|c| super::columns::bare(&c.heading)).unwrap_or_default();
        let level = heading.chars().last().filter(|c| "章节条款项".contains(*c));
        let is_number = crate::drafts::naming::number(words.trim_start_matches('第')).is_some();
        match level {
            Some(level) if several && is_number && !words.is_empty() => {
                written.push_str(&format!("第{}{level}", words.trim_start_matches('第')))
            }
            _ => written.push_str(words),
        }
    }
    written
}

fn or(words: String, default: &str) -> String {
    if words.is_empty() { default.to_owned() } else { words }
}

fn cut(words: &str) -> String {
    shortened(words, 30)
}

fn cut_long(words: &str) -> String {
    shortened(words, 160)
}

fn shortened(words: &str, most: usize) -> String {
    let mut cut: String = words.chars().take(most).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if words.chars().count() > most {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::structure::parse;
    use crate::documents::tables::Table;
    use crate::opinions::offline::columns::recognise;

    const DRAFT: &str = "示例办法\n第一条 为了方便市民，制定本办法。\n第二条 经营者应当在显著位置公示收费标准。\n不公示的，不得收费。\n第三条 本办法自公布之日起施行。\n";

    fn day(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap()
    }

    /// Judges the rows below a heading: label, errors, warnings.
    fn judged(rows: &[&[&str]]) -> Vec<Judgement> {
        let tree = parse(DRAFT);
        let naming = Naming::new(&tree, "示例办法");
        let articles = ["art-1", "art-2", "art-3"].map(|a| (a.to_owned(), naming.text(a))).to_vec();
        let defaults = Defaults {
            collected_on: Some(day(3, 5)),
            method: Method::Visit,
            station: None,
            activity: None,
            consent: Consent::NotAsked,
            collector: "李某".into(),
            place: String::new(),
        };
        let stations = [
            (StationId(uuid::Uuid::from_u128(1)), "东门信息采集点".to_owned()),
            (StationId(uuid::Uuid::from_u128(2)), "西门信息采集点".to_owned()),
        ];
        let mut judge = Judge::new(&naming, articles, (day(3, 1), day(3, 31), day(4, 5)), day(4, 10), &stations, None, &defaults, 50);
        let table = Table {
            rows: (1u32..)
                .zip(rows)
                .map(|(number, cells)| Row { number, cells: cells.iter().map(|c| (*c).into()).collect(), spread: Vec::new() })
                .collect(),
            ..Table::default()
        };
        let layout = recognise(&table);
        table.rows.iter().enumerate().skip(1).map(|(i, row)| judge.judge(&layout, false, i, row)).collect()
    }

    fn one(heading: &[&str], row: &[&str]) -> (NewOffline, String, Vec<String>, Vec<String>) {
        match judged(&[heading, row]).remove(0) {
            Judgement::Opinion { new, label, problems } => {
                let of = |is_error| problems.iter().filter(|p| p.is_error == is_error).map(|p| p.sentence.clone()).collect();
                (*new, label, of(true), of(false))
            }
            Judgement::NotOpinion(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_row_becomes_an_opinion_with_its_origin() {
        let (new, label, errors, warnings) = one(
            &["序号", "条款", "原文", "修改建议", "建议修改为", "理由", "姓名", "单位", "电话", "渠道", "日期", "采集点", "是否同意公开"],
            &[
                "1",
                "第二条第二款",
                "不公示的，不得收费",
                "写明期限",
                "三日内不公示的，不得收费。",
                "便于执行",
                "张某",
                "某公司",
                "138",
                "座谈会",
                "3月6日",
                "东门",
                "是",
            ],
        );
        assert_eq!((errors, warnings), (vec![], vec![]) as (Vec<String>, Vec<String>));
        assert_eq!((label.as_str(), new.opinion.address.as_deref()), ("第二条第二款", Some("art-2/para-2")));
        assert_eq!(
            (new.opinion.body.as_str(), new.opinion.proposed_text.as_str(), new.opinion.reason.as_str()),
            ("写明期限", "三日内不公示的，不得收费。", "便于执行")
        );
        assert_eq!((new.person.as_str(), new.contact.as_str(), new.author_kind.as_str()), ("某公司 张某", "138", ""));
        assert_eq!(
            (new.method, new.method_words.as_str(), new.collected_on, new.consent),
            (Method::Symposium, "座谈会", day(3, 6), Consent::Given)
        );
        assert_eq!((new.station.map(|s| s.0.as_u128()), new.opinion.is_public, new.collector.as_str()), (Some(1), true, "李某"));
    }

    #[test]
    fn what_is_missing_is_filled_from_the_batch() {
        let (new, label, errors, _) = one(&["意见", "备注"], &["都好", ""]);
        assert_eq!(
            (label.as_str(), new.method, new.collected_on, new.consent, errors.len()),
            ("全文", Method::Visit, day(3, 5), Consent::NotAsked, 0)
        );
        assert!(!new.opinion.is_public, "nobody asked, so it is not published");
    }

    #[test]
    fn every_error_names_its_column() {
        let heading = ["条款", "意见", "日期", "采集点", "是否公开", "姓名", "态度"];
        for (row, part) in [
            (["第九条", "改", "", "", "", "", ""], "没有“第九条”"),
            (["第一条", "", "", "", "", "张某", ""], "没有填写意见内容"),
            (["第一条", "改", "前天", "", "", "", ""], "日期无法识别"),
            (["第一条", "改", "2025-03-05", "", "", "", ""], "不在本轮征求意见期间（2026年3月1日 至 2026年3月31日）"),
            (["第一条", "改", "2026-04-20", "", "", "", ""], "还没有到"),
            (["第一条", "改", "", "南门", "", "", ""], "没有这样的信息采集点"),
            (["第一条", "改", "", "", "看情况", "", ""], "是否同意公开"),
            (["第一条", &"长".repeat(51), "", "", "", "", ""], "有 51 个字，超过上限 50 个字"),
            (["第一条", "改", "", "", "", &"名".repeat(101), ""], "列对错"),
        ] {
            let (_, _, errors, _) = one(&heading, &row);
            assert!(errors.len() == 1 && errors[0].contains(part), "{row:?}: {errors:?}");
        }
        let (new, _, errors, warnings) = one(&heading, &["第一条、第三条", "改", "2026-04-02", "", "", "", "一般"]);
        assert_eq!((errors.len(), new.provision_words.as_str()), (0, "第一条、第三条"));
        for part in ["归到第一条", "逾期", "什么态度"] {
            assert!(warnings.iter().any(|w| w.contains(part)), "{warnings:?}");
        }
        let (new, _, _, warnings) = one(&heading, &["第一条", "改", "", "", "", "", ""]);
        assert!(new.collected_on == day(3, 5) && warnings.concat().contains("按整批的设定登记为2026年3月5日"), "{warnings:?}");
    }

    #[test]
    fn quotations_are_checked() {
        let heading = ["条款", "原文", "意见"];
        for (place, quoted, label, part) in [
            ("第二条", "经营者应当在显著位置公示收费标准", "第二条", ""),
            ("第二条第一款", "经营者必须在显著位置公示服务收费标准。", "第二条第一款", "不完全一致"),
            ("第一条", "经营者应当在显著位置公示收费标准", "第一条", "与第二条一致"),
            ("第一条", "毫不相干的一段文字在这里", "第一条", "征求意见稿第一条是：“为了方便市民"),
            ("", "经营者应当在显著位置公示收费标准", "第二条", "归到第二条"),
        ] {
            let (_, found, errors, warnings) = one(&heading, &[place, quoted, "改"]);
            assert_eq!((found.as_str(), errors.len()), (label, 0), "{place} {quoted}");
            assert!(warnings.concat().contains(part) && warnings.is_empty() == part.is_empty(), "{place} {quoted}: {warnings:?}");
        }
    }

    #[test]
    fn columns_of_chapter_article_and_paragraph_are_read_together() {
        let (_, label, errors, _) = one(&["条", "款", "意见"], &["2", "1", "改"]);
        assert_eq!((label.as_str(), errors.len()), ("第二条第一款", 0));
        let (new, _, _, _) = one(&["条款", "态度", "意见", "姓名"], &["第一条", "赞成", "", "张某"]);
        assert_eq!((new.opinion.stance, new.opinion.body.as_str()), (Stance::Support, "赞成。"));
        let (new, label, _, _) = one(&["条款", "意见", "建议修改为"], &["全文", "", "把市民改为居民"]);
        assert_eq!(
            (label.as_str(), new.opinion.body.as_str(), new.opinion.proposed_text.as_str()),
            ("全文", "建议修改为：把市民改为居民", "")
        );
    }
}
