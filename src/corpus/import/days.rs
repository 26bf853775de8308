//! 通过、公布、施行日期 of one version. Pure.
//!
//! A text that was amended prints the days of all its versions; only those of the version at hand may date it.

use chrono::{Days, NaiveDate};

use super::companion::Record;
use super::dates::{self, Effective};
use super::recognise::FileName;
use super::title_note::{self, TitleNote};
use crate::corpus::structure::{ProvisionKind, Structure};
use crate::documents::SourceDocument;

/// A publication in a collection follows the adoption within this many days; a later date is that of an amendment the header lacks.
const PUBLICATION_DAYS: u64 = 366;

/// The days of one version.
pub struct VersionDays {
    /// 通过日期 of the text as it stands: its latest amendment.
    pub adopted_on: Option<NaiveDate>,
    /// 公布日期, when it is not that of an earlier version.
    pub promulgated_on: Option<NaiveDate>,
    /// 施行日期, when it is not that of an earlier version.
    pub effective_on: Option<NaiveDate>,
}

impl VersionDays {
    /// Finds the days from what the file, its name, its companion database, its title note and its text say.
    pub fn find(
        source: &SourceDocument,
        record: Option<&Record>,
        file: &FileName,
        note: &TitleNote,
        structure: &Structure,
        head: &str,
    ) -> VersionDays {
        let metadata = &source.metadata;
        let version_date = metadata.version.as_deref().and_then(|version| NaiveDate::parse_from_str(version, "%Y-%m-%d").ok());
        let dated = file.date.or(version_date).or_else(|| record.and_then(|record| record.published_on));
        let mut adopted_on = metadata.adopted_on.or_else(|| note.latest(|e| e.is_adoption).map(|e| e.date));
        let mut promulgated_on = metadata.promulgated_on.or_else(|| note.latest(|e| e.is_promulgation).map(|e| e.date));
        if promulgated_on < adopted_on && metadata.promulgated_on.is_none() {
            // Promulgated before its last amendment: that day was an earlier version's.
            promulgated_on = None;
        }
        if let Some(dated) = dated
            && metadata.adopted_on.is_none()
            && metadata.promulgated_on.is_none()
        {
            let known = adopted_on.max(promulgated_on);
            let is_publication = known.is_none_or(|known| {
                known <= dated && known.checked_add_days(Days::new(PUBLICATION_DAYS)).is_none_or(|latest| dated <= latest)
            });
            match known {
                Some(known) if known > dated => {}
                _ if is_publication => promulgated_on = promulgated_on.or(Some(dated)),
                // Years after the last known event: an amendment that the header does not list.
                _ => (adopted_on, promulgated_on) = (None, Some(dated)),
            }
        }
        if adopted_on.is_none() && promulgated_on.is_none() {
            promulgated_on = promulgation_in_text(structure, head);
        }
        let known_by = adopted_on.or(promulgated_on);
        let promulgated = promulgated_on.or(adopted_on);
        // An unamended final article names the day the first version took effect; it says nothing about a later one.
        let is_of_this_version = |day: &NaiveDate| known_by.is_none_or(|known_by| *day >= known_by);
        let from_text = effective_in_text(structure).and_then(|effective| match effective {
            Effective::AfterPromulgation(_) if was_amended(note) => None,
            effective => effective.resolve(promulgated),
        });
        let from_note = note.effective.and_then(|effective| effective.resolve(promulgated));
        let from_events = note.latest(|e| e.is_effect).map(|e| e.date);
        let candidates = [from_text, from_events, from_note, record.and_then(|record| record.valid_from)];
        let effective_on = metadata.effective_on.or_else(|| candidates.into_iter().flatten().find(is_of_this_version));
        VersionDays { adopted_on, promulgated_on, effective_on }
    }
}

/// Whether the title note lists more than the first adoption.
fn was_amended(note: &TitleNote) -> bool {
    let mut days: Vec<NaiveDate> = note.events.iter().filter(|e| e.is_adoption && !e.is_approval).map(|e| e.date).collect();
    days.dedup();
    days.len() > 1
}

/// 本条例自…起施行, looked for from the end of the text.
fn effective_in_text(structure: &Structure) -> Option<Effective> {
    structure.provisions.iter().rev().filter(|p| !p.address.starts_with("att-")).find_map(|p| dates::find_effective(&p.text, true))
}

/// A date in the head of a notice, or under its signature.
fn promulgation_in_text(structure: &Structure, head: &str) -> Option<NaiveDate> {
    let signature = structure.provisions.iter().rev().find(|p| p.kind == ProvisionKind::Signature);
    let under = signature.and_then(|p| dates::find_dates(&p.text).last().map(|found| found.date));
    under.or_else(|| {
        // A line that is only a number and a date.
        let line = head.lines().find(|line| {
            line.chars().count() <= 60
                && (title_note::leading_document_number(line.trim()).is_some() || line.trim_start().starts_with(['（', '(']))
        })?;
        dates::find_dates(line).first().map(|found| found.date)
    })
}
