//! Legal days in Asia/Shanghai: when a day ends, how periods are counted, which days are worked. Pure.
//!
//! A deadline is always an instant. "Until day D" means until 24:00 of D in Shanghai, so the first instant that is too late is 00:00 of the next day.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveTime, Utc, Weekday};
use serde::Deserialize;

/// Hours by which Asia/Shanghai is ahead of UTC; there has been no daylight saving time since 1991.
const SHANGHAI_HOURS: i64 = 8;

/// The first instant of a day in Shanghai.
pub fn start_of_day(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - Duration::hours(SHANGHAI_HOURS)
}

/// 24:00 of a day in Shanghai: what happens before it is in time, what happens at it or later is too late.
pub fn end_of_day(day: NaiveDate) -> DateTime<Utc> {
    start_of_day(day) + Duration::days(1)
}

/// The day that Shanghai shows at an instant.
pub fn day_of(at: DateTime<Utc>) -> NaiveDate {
    (at + Duration::hours(SHANGHAI_HOURS)).date_naive()
}

/// The last day that lies wholly before an end: the day D of "until 24:00 of D".
pub fn last_day_before(end: DateTime<Utc>) -> NaiveDate {
    let next = day_of(end);
    next.pred_opt().unwrap_or(next)
}

/// A day as forms and addresses give it, `YYYY-MM-DD`; nothing else, not even what chrono alone would take: signs, single digits, years of more than four.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let is_formed =
        text.len() == 10 && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    is_formed.then(|| text.parse().ok()).flatten()
}

/// A day as texts write it, e.g. 2026年4月1日.
pub fn chinese_day(day: NaiveDate) -> String {
    day.format("%Y年%-m月%-d日").to_string()
}

/// A day with its weekday, as a notice writes it, e.g. 2026年4月1日（星期三）.
pub fn written(day: NaiveDate) -> String {
    let weekday = match day.weekday() {
        Weekday::Mon => '一',
        Weekday::Tue => '二',
        Weekday::Wed => '三',
        Weekday::Thu => '四',
        Weekday::Fri => '五',
        Weekday::Sat => '六',
        Weekday::Sun => '日',
    };
    format!("{}（星期{weekday}）", chinese_day(day))
}

/// Whole days from one day to another, the starting day not counted (民法典 201); 0 when the end is not later.
pub fn days_between(start: NaiveDate, end: NaiveDate) -> u32 {
    u32::try_from((end - start).num_days()).unwrap_or(0)
}

/// 节假日安排: which days differ from the plain week of five working days. Published once a year, therefore data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Spans of days off, both ends included.
    pub holidays: Vec<Span>,
    /// 调休: weekend days that are worked.
    pub worked_weekend_days: Vec<NaiveDate>,
}

/// A span of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// The arrangement of 2026 as the State Council's general office announced it; (first month, first day, last month, last day).
const HOLIDAYS_2026: &[(u32, u32, u32, u32)] =
    &[(1, 1, 1, 3), (2, 15, 2, 23), (4, 4, 4, 6), (5, 1, 5, 5), (6, 19, 6, 21), (9, 25, 9, 27), (10, 1, 10, 7)];
const WORKED_2026: &[(u32, u32)] = &[(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)];

impl Default for Calendar {
    fn default() -> Self {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day);
        Calendar {
            holidays: HOLIDAYS_2026.iter().filter_map(|&(m, d, n, e)| Some(Span { from: day(m, d)?, to: day(n, e)? })).collect(),
            worked_weekend_days: WORKED_2026.iter().filter_map(|&(m, d)| day(m, d)).collect(),
        }
    }
}

impl Calendar {
    /// Whether offices work on a day. A year without an entry is a plain week of five working days.
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        if self.worked_weekend_days.contains(&day) {
            return true;
        }
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.iter().any(|span| (span.from..=span.to).contains(&day))
    }

    /// The day itself when it is worked, else the next one that is (民法典 203).
    pub fn roll_forward(&self, day: NaiveDate) -> NaiveDate {
        // Bounded: a table that declares years of days off is a mistake and must not hang the caller.
        day.iter_days().take(400).find(|day| self.is_working_day(*day)).unwrap_or(day)
    }

    /// Last day of a period of some days: the starting day is not counted (民法典 201), and a last day that is off moves to the next working day (203).
    pub fn period_ends_on(&self, start: NaiveDate, days: u32) -> NaiveDate {
        self.roll_forward(start.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX))
    }

    /// Last day of a period of some working days, the starting day not counted.
    pub fn working_period_ends_on(&self, start: NaiveDate, working_days: u32) -> NaiveDate {
        let mut left = working_days;
        let mut last = start;
        for day in start.iter_days().skip(1) {
            if left == 0 {
                break;
            }
            last = day;
            left -= u32::from(self.is_working_day(day));
        }
        last
    }

    /// Working days after `start` up to and with `end`.
    pub fn working_days_between(&self, start: NaiveDate, end: NaiveDate) -> u32 {
        let days = start.iter_days().skip(1).take_while(|day| *day <= end).filter(|day| self.is_working_day(*day)).count();
        u32::try_from(days).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn only_real_days_are_read() {
        assert_eq!(parse_day("2026-02-28"), Some(day("2026-02-28")));
        for bad in
            ["2026-02-30", "2026-2-3", "20260228", "+2026-02-2", "+10000-01-01", "-262143-01-01", "", "2026-02-28T00:00", "二〇二六年二月"]
        {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_day_ends_when_the_next_begins() {
        let end = end_of_day(day("2026-03-31"));
        assert_eq!(end.to_rfc3339(), "2026-03-31T16:00:00+00:00");
        assert_eq!(day_of(end), day("2026-04-01"));
        assert_eq!(day_of(end - Duration::microseconds(1)), day("2026-03-31"));
        assert_eq!(end, start_of_day(day("2026-04-01")));
        assert_eq!((last_day_before(end), written(last_day_before(end)).as_str()), (day("2026-03-31"), "2026年3月31日（星期二）"));
    }

    #[test]
    fn which_days_are_worked() {
        let calendar = Calendar::default();
        for (text, worked) in [
            ("2026-01-02", false), // Friday, 元旦
            ("2026-01-04", true),  // Sunday, worked in exchange
            ("2026-02-28", true),  // Saturday, worked in exchange
            ("2026-03-07", false), // Saturday
            ("2026-03-09", true),  // Monday
            ("2026-10-07", false),
            ("2026-10-08", true),
            ("2031-10-01", true), // no table yet: a plain Wednesday
        ] {
            assert_eq!(calendar.is_working_day(day(text)), worked, "{text}");
        }
    }

    #[test]
    fn periods_do_not_count_the_starting_day_and_roll_over_days_off() {
        let calendar = Calendar::default();
        for (start, days, end) in [
            ("2026-03-02", 30, "2026-04-01"),
            ("2026-03-05", 30, "2026-04-07"), // 4 April is 清明, off until the 6th
            ("2026-09-01", 30, "2026-10-08"), // 1 October is 国庆, off until the 7th
            ("2026-03-04", 3, "2026-03-09"),  // a Saturday rolls to Monday
            ("2026-01-31", 28, "2026-02-28"), // a Saturday that is worked stays
            ("2026-03-02", 0, "2026-03-02"),
        ] {
            assert_eq!(calendar.period_ends_on(day(start), days), day(end), "{start} + {days}");
        }
    }

    #[test]
    fn working_days_skip_days_off_and_count_shifted_ones() {
        let calendar = Calendar::default();
        for (start, days, end) in [
            ("2026-03-06", 5, "2026-03-13"),
            ("2026-09-30", 2, "2026-10-09"),
            ("2026-09-30", 3, "2026-10-10"), // a worked Saturday
            ("2026-02-13", 1, "2026-02-14"),
            ("2026-03-06", 0, "2026-03-06"),
        ] {
            assert_eq!(calendar.working_period_ends_on(day(start), days), day(end), "{start} + {days}");
            assert_eq!(calendar.working_days_between(day(start), day(end)), days, "{start} + {days}");
        }
    }

    #[test]
    fn days_between_never_goes_below_zero() {
        assert_eq!(days_between(day("2026-03-01"), day("2026-03-31")), 30);
        assert_eq!(days_between(day("2026-03-31"), day("2026-03-01")), 0);
    }

    #[test]
    fn a_table_that_is_all_holidays_ends_all_the_same() {
        let calendar = Calendar { holidays: vec![Span { from: day("2000-01-01"), to: day("2100-01-01") }], worked_weekend_days: vec![] };
        assert_eq!(calendar.roll_forward(day("2026-01-01")), day("2026-01-01"));
    }
}
