//! 征求意见公告: the first form of a notice, filled in from a template with the facts of the draft, to be edited before it is published. Pure.
//!
//! `notice.txt` is the template. A line whose only fact is empty is left out.

use chrono::NaiveDate;

use super::consultations::Span;
use crate::calendar::{chinese_day, written};

/// How a place begins that a person still has to fill in; a notice that holds one is not published.
pub const TO_FILL_IN: &str = "【请填写";

const TEMPLATE: &str = include_str!("notice.txt");

/// What a notice says.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Title of the version that is asked about.
    pub title: &'a str,
    /// 起草单位
    pub drafting_unit: &'a str,
    /// Who publishes.
    pub bureau: &'a str,
    /// Name of the site.
    pub site: &'a str,
    /// Address of the draft for everybody; empty = not known.
    pub link: &'a str,
    /// Postal address, telephone, e-mail; empty = a place to fill in.
    pub contact: &'a str,
    /// The days.
    pub span: &'a Span,
    /// Why the round is short; empty when it is not, or not yet said.
    pub shorter_reason: &'a str,
    /// The day of publishing.
    pub today: NaiveDate,
}

/// Title of the notice on a version.
pub fn title(version_title: &str) -> String {
    format!("关于公开征求《{version_title}》意见的公告")
}

/// The length of a round as a person reads it, e.g. 自2026年3月2日（星期一）起，截止日为2026年4月1日（星期三）24时，共30日.
pub fn period(span: &Span) -> String {
    format!("自{}起，截止日为{}24时，共{}日", written(span.opens_on), written(span.closes_on), span.days)
}

/// The notice.
pub fn compose(facts: Facts<'_>) -> String {
    let late = facts.span.late_through().map(|day| format!("截止后至{}24时收到的意见，注明“逾期”后一并研究。", written(day)));
    let shorter = match (facts.span.is_short(), facts.shorter_reason.trim()) {
        (false, _) | (true, "") => String::new(),
        (true, reason) => format!("期限短于{}日的理由：{}", facts.span.minimum_days, with_stop(reason)),
    };
    let contact = match facts.contact.trim() {
        "" => format!("{TO_FILL_IN}来信地址、电话和电子邮箱】。"),
        contact => with_stop(contact),
    };
    let link = if facts.link.is_empty() { String::new() } else { format!("（{}）", facts.link) };
    let values = [
        ("{title}", facts.title),
        ("{period}", &period(facts.span)),
        ("{shorter}", &shorter),
        ("{late}", late.as_deref().unwrap_or_default()),
        ("{site}", facts.site),
        ("{link}", &link),
        ("{contact}", &contact),
        ("{bureau}", facts.bureau),
        ("{unit}", facts.drafting_unit),
        ("{today}", &chinese_day(facts.today)),
    ];
    let lines = TEMPLATE.lines().filter(|line| !values.iter().any(|(place, value)| line == place && value.is_empty()));
    lines.map(|line| filled(line, &values)).collect::<Vec<_>>().join("\n")
}

/// One pass from left to right, so that a fact that looks like a place stays what it is.
fn filled(line: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('{') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        match values.iter().find_map(|(place, value)| tail.strip_prefix(place).map(|after| (value, after))) {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = tail.strip_prefix('{').unwrap_or_default();
            }
        }
    }
    out + rest
}

fn with_stop(text: &str) -> String {
    if text.ends_with(['。', '！', '？']) { text.to_owned() } else { format!("{text}。") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rules;
    use crate::drafts::consultations::{Days, plan};

    fn composed(days: Days, contact: &str, reason: &str) -> String {
        let now = "2026-03-02T02:00:00Z".parse().unwrap();
        let span = plan(days, &Rules::default(), now).unwrap();
        let facts = Facts {
            title: "清河市共享雨伞管理办法{link}（征求意见稿）",
            drafting_unit: "清河市城市管理局",
            bureau: "清河市司法局",
            site: "立法直通车",
            link: "https://example.org/drafts/1",
            contact,
            span: &span,
            shorter_reason: reason,
            today: "2026-03-02".parse().unwrap(),
        };
        compose(facts)
    }

    #[test]
    fn a_notice_says_the_facts_of_its_round() {
        let text = composed(Days::default(), "电话 0752-0000000", "");
        for words in [
            "《清河市共享雨伞管理办法{link}（征求意见稿）》",
            "自2026年3月2日（星期一）起，截止日为2026年4月1日（星期三）24时，共30日。",
            "（https://example.org/drafts/1）",
            "（三）电话 0752-0000000。",
            "清河市司法局\n清河市城市管理局（起草单位）\n2026年3月2日",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(!text.contains("逾期") && !text.contains("短于"), "{text}");
        let places = text.replace("办法{link}", "");
        assert!(!places.contains('{') && !places.contains('}'), "{text}");
    }

    #[test]
    fn what_is_missing_is_marked_and_what_is_special_is_said() {
        let day = |text: &str| Some(text.parse().unwrap());
        let days = Days { opens_on: None, closes_on: day("2026-03-16"), late_through: day("2026-03-20") };
        let text = composed(days, "", "与上位法同步施行");
        assert!(text.contains(TO_FILL_IN), "{text}");
        assert!(text.contains("期限短于30日的理由：与上位法同步施行。\n截止后至2026年3月20日（星期五）24时收到的意见"), "{text}");
    }
}
