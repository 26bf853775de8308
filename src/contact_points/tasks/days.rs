//! Until when a task runs: the day that is proposed, what is unusual about a day, and which days are refused. Pure.

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar::{self, Calendar};
use crate::error::{Error, Result};

/// Latest due date, in days from now: a year that was mistyped must not keep a task open for a century.
const LONGEST_DAYS: u32 = 366;
/// Fewer working days than these are told to who sends the task, before it is sent.
const FEW_WORKING_DAYS: u32 = 5;

/// What is unusual about a due date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueNotice {
    /// Offices do not work on that day; the next working day.
    DayOff(NaiveDate),
    /// Few working days are left for collecting.
    FewWorkingDays(u32),
    /// It comes after the last day of the round: what was collected until then counts, entering goes on.
    AfterRound(NaiveDate),
}

impl DueNotice {
    /// What a person reads.
    pub fn sentence(self) -> String {
        match self {
            DueNotice::DayOff(next) => format!("这一天不是工作日，之后的第一个工作日是{}。", calendar::written(next)),
            DueNotice::FewWorkingDays(0) => "从今天算起已没有完整的工作日，联系点可能来不及开展征集。".into(),
            DueNotice::FewWorkingDays(days) => format!("从明天算起只有 {days} 个工作日，联系点可能来不及开展征集。"),
            DueNotice::AfterRound(last) => format!(
                "晚于本轮征求意见的截止日期（{}）。截止日期之前收集到的线下意见，联系点可以在任务期限内继续录入；之后收集的不再计入本轮。",
                calendar::written(last)
            ),
        }
    }
}

/// What is unusual about a due date that is set today for a round.
pub fn due_notices(calendar: &Calendar, today: NaiveDate, due_on: NaiveDate, round_closes_on: NaiveDate) -> Vec<DueNotice> {
    let mut notices = Vec::new();
    if !calendar.is_working_day(due_on) {
        notices.push(DueNotice::DayOff(calendar.roll_forward(due_on)));
    }
    let left = calendar.working_days_between(today, due_on);
    if left < FEW_WORKING_DAYS {
        notices.push(DueNotice::FewWorkingDays(left));
    }
    if due_on > round_closes_on {
        notices.push(DueNotice::AfterRound(round_closes_on));
    }
    notices
}

/// The due date that is proposed: the last working day that leaves the bureau two working days before the round ends; when that is over, the day on which
/// the round ends.
pub fn usual_due_on(calendar: &Calendar, today: NaiveDate, round_closes_on: NaiveDate) -> NaiveDate {
    // Bounded: two working days lie within three weeks of any arrangement of holidays.
    let mut day = round_closes_on;
    for _ in 0..21 {
        if day <= today {
            break;
        }
        if calendar.is_working_day(day) && calendar.working_days_between(day, round_closes_on) >= 2 {
            return day;
        }
        day = day.pred_opt().unwrap_or(day);
    }
    round_closes_on.max(today)
}

/// Passes a due date that is neither over nor absurd.
pub(in crate::contact_points) fn check_due(due_on: NaiveDate, now: DateTime<Utc>) -> Result<()> {
    let today = calendar::day_of(now);
    if due_on < today || calendar::days_between(today, due_on) > LONGEST_DAYS {
        return Err(Error::invalid("due_on", "截止日期不能早于今天，也不能晚于一年之后。"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_proposed_day_is_worked_and_leaves_the_bureau_time() {
        let calendar = Calendar::default();
        for (today, closes, due) in [
            // Wednesday 1 April: two working days before it is Monday.
            ("2026-03-02", "2026-04-01", "2026-03-30"),
            // Tuesday 7 April, the first day after 清明.
            ("2026-03-02", "2026-04-07", "2026-04-02"),
            // Too late for that: the end of the round itself.
            ("2026-03-30", "2026-04-01", "2026-04-01"),
            ("2026-04-05", "2026-04-01", "2026-04-05"),
        ] {
            assert_eq!(usual_due_on(&calendar, day(today), day(closes)), day(due), "{today} {closes}");
        }
    }

    #[test]
    fn what_is_unusual_about_a_day_is_said() {
        let calendar = Calendar::default();
        let notices = |due: &str| due_notices(&calendar, day("2026-03-02"), day(due), day("2026-04-01"));
        assert_eq!(notices("2026-03-30"), []);
        assert_eq!(notices("2026-03-28"), [DueNotice::DayOff(day("2026-03-30"))]);
        assert_eq!(notices("2026-03-03"), [DueNotice::FewWorkingDays(1)]);
        assert_eq!(notices("2026-04-05"), [DueNotice::DayOff(day("2026-04-07")), DueNotice::AfterRound(day("2026-04-01"))]);
        for notice in notices("2026-04-05").into_iter().chain(notices("2026-03-02")) {
            assert!(notice.sentence().ends_with('。'));
        }
    }
}
