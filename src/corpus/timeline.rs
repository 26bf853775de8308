//! Versions of a work in time: which one is in force on a day, and what the validity of each is on that day. Pure.

use chrono::NaiveDate;

use super::classification::Validity;

/// The dates of one version that decide its place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionDates {
    /// The day that tells versions apart: adopted, else promulgated, else effective.
    pub dated_on: Option<NaiveDate>,
    /// First day in force.
    pub effective_on: Option<NaiveDate>,
    /// First day no longer in force, where the source says so.
    pub repealed_on: Option<NaiveDate>,
    /// What the source says.
    pub stated: Validity,
}

impl VersionDates {
    /// First day on which the version can bind: effective, else the day it is known by. `None`: no day is known.
    pub fn begins_on(&self) -> Option<NaiveDate> {
        self.effective_on.or(self.dated_on)
    }
}

/// A version placed on the time line of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// First day in force; `None` = since before any known day.
    pub begins_on: Option<NaiveDate>,
    /// First day no longer in force; `None` = open.
    pub ends_on: Option<NaiveDate>,
}

/// Places every version: one ends when the next begins or when it is repealed, whichever comes first.
///
/// The input must be sorted by [`VersionDates::begins_on`], then by `dated_on`; the output has the same order.
pub fn place(versions: &[VersionDates]) -> Vec<Placed> {
    versions
        .iter()
        .enumerate()
        .map(|(i, version)| {
            let next = versions.get(i + 1).and_then(VersionDates::begins_on);
            let ends_on = match (next, version.repealed_on) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            Placed { begins_on: version.begins_on(), ends_on }
        })
        .collect()
}

/// The validity of a version on a day, from its place in time and what its source says.
///
/// Dates win over the statement of the source, which was true on the day of download only. A statement without a date stands.
pub fn validity_on(version: &VersionDates, placed: Placed, has_next: bool, day: NaiveDate) -> Validity {
    if version.stated == Validity::AmendingDecision {
        return Validity::AmendingDecision;
    }
    if placed.begins_on.is_some_and(|begin| day < begin) {
        return Validity::NotYetInForce;
    }
    if version.repealed_on.is_some_and(|end| day >= end) {
        return if version.stated == Validity::Lapsed { Validity::Lapsed } else { Validity::Repealed };
    }
    if has_next && placed.ends_on.is_some_and(|end| day >= end) {
        return Validity::Amended;
    }
    match version.stated {
        // Stated without a date: the end is known, its day is not.
        Validity::Repealed | Validity::Lapsed if version.repealed_on.is_none() => version.stated,
        // Superseded by a text this collection does not hold.
        Validity::Amended if !has_next => Validity::Amended,
        Validity::Unknown if placed.begins_on.is_none() => Validity::Unknown,
        _ => Validity::InForce,
    }
}

/// Index of the version in force on a day, or else the one that was in force last before it.
pub fn current_on(placed: &[Placed], day: NaiveDate) -> Option<usize> {
    placed.iter().rposition(|p| p.begins_on.is_none_or(|begin| begin <= day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    fn version(effective: Option<NaiveDate>, repealed: Option<NaiveDate>, stated: Validity) -> VersionDates {
        VersionDates { dated_on: effective, effective_on: effective, repealed_on: repealed, stated }
    }

    #[test]
    fn one_version_follows_another_to_the_day() {
        let versions = [version(Some(day(2017, 9, 1)), None, Validity::InForce), version(Some(day(2024, 1, 1)), None, Validity::InForce)];
        let placed = place(&versions);
        assert_eq!(current_on(&placed, day(2023, 12, 31)), Some(0));
        assert_eq!(current_on(&placed, day(2024, 1, 1)), Some(1));
        assert_eq!(current_on(&placed, day(2010, 1, 1)), None);
        let on = |i: usize, d| validity_on(&versions[i], placed[i], i == 0, d);
        assert_eq!(on(0, day(2023, 12, 31)), Validity::InForce);
        assert_eq!(on(0, day(2024, 1, 1)), Validity::Amended);
        assert_eq!(on(1, day(2023, 12, 31)), Validity::NotYetInForce);
    }

    #[test]
    fn repeal_and_statements_without_dates() {
        let repealed = [version(Some(day(2001, 1, 1)), Some(day(2020, 5, 1)), Validity::Repealed)];
        let placed = place(&repealed);
        assert_eq!(validity_on(&repealed[0], placed[0], false, day(2020, 4, 30)), Validity::InForce);
        assert_eq!(validity_on(&repealed[0], placed[0], false, day(2020, 5, 1)), Validity::Repealed);
        let stated = version(None, None, Validity::Repealed);
        assert_eq!(validity_on(&stated, place(&[stated])[0], false, day(2020, 1, 1)), Validity::Repealed);
        let unknown = version(None, None, Validity::Unknown);
        assert_eq!(validity_on(&unknown, place(&[unknown])[0], false, day(2020, 1, 1)), Validity::Unknown);
        let decision = version(Some(day(2019, 1, 1)), None, Validity::AmendingDecision);
        assert_eq!(validity_on(&decision, place(&[decision])[0], false, day(2026, 1, 1)), Validity::AmendingDecision);
    }
}
