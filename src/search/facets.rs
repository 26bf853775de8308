//! Facets: how many of the articles found have each category, level, validity, organ, region and year.
//!
//! The counts of one facet ignore the filter on that facet, so a reader sees what choosing another value would bring.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::columns::{Columns, Standing};
use super::request::{Filters, SearchRequest};

/// Number of facets.
pub(super) const DIMENSIONS: usize = 6;

/// Names of the facets, in the order of [`super::columns::Document::facets`].
const NAMES: [&str; DIMENSIONS] = ["category", "level", "validity", "organ", "region", "year"];

/// Place of validity among the facets; its value depends on the day that is asked for.
const VALIDITY: usize = 2;

/// One facet with its values, the most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// `category`, `level`, `validity`, `organ`, `region` or `year`.
    pub name: &'static str,
    /// Canonical value and number of articles found with it.
    pub values: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// Canonical value.
    pub value: String,
    /// Articles found that have it.
    pub count: u64,
    /// Whether the request filters on it.
    pub is_chosen: bool,
}

/// For each document which filters it fails, as bits; bit [`OUTSIDE`] = not searched on this day.
pub(super) struct Passes {
    failing: Vec<u8>,
    validity: Vec<&'static str>,
}

/// Set for documents that the as-of rule leaves out.
const OUTSIDE: u8 = 1 << 7;

impl Passes {
    /// Judges every document against the request.
    ///
    /// Of the versions of a work only one is searched: the one in force on the day; without one the newest that has ended, ranked lower;
    /// without that the first that is still to come. `all_versions` searches all. `only_in_force` is a filter on validity that a chosen one takes
    /// the place of, so the facet goes on telling what else there is.
    pub fn of(columns: &Columns, request: &SearchRequest) -> Passes {
        let day = request.as_of;
        let mut failing: Vec<u8> = vec![0; columns.documents.len()];
        if !request.all_versions {
            failing.fill(OUTSIDE);
            for versions in columns.by_work.values() {
                if let Some(chosen) = version_on(columns, versions, day)
                    && let Some(slot) = failing.get_mut(chosen as usize)
                {
                    *slot = 0;
                }
            }
        }
        if let (true, Some(work)) = (request.only_in_context, request.context_work) {
            for (slot, document) in failing.iter_mut().zip(&columns.documents) {
                if document.about.work_id != work {
                    *slot |= OUTSIDE;
                }
            }
        }
        let validity: Vec<&'static str> = columns.documents.iter().map(|d| d.validity_on(day)).collect();
        let wanted = wanted(&request.filters);
        let only_in_force = request.only_in_force && !request.all_versions && request.filters.validity.is_empty();
        for (place, document) in columns.documents.iter().enumerate() {
            let is_in_force = document.standing(day) == Standing::Current && !matches!(validity[place], "amended" | "repealed" | "lapsed");
            if only_in_force && !is_in_force {
                failing[place] |= 1 << VALIDITY;
            }
            for (dimension, values) in wanted.iter().enumerate() {
                let own =
                    if dimension == VALIDITY { validity[place] } else { columns.values[document.facets[dimension] as usize].as_str() };
                if !values.is_empty() && !values.iter().any(|v| v == own) {
                    failing[place] |= 1 << dimension;
                }
            }
        }
        Passes { failing, validity }
    }

    /// Whether a document passes every filter.
    pub fn passes(&self, document: u32) -> bool {
        self.failing.get(document as usize) == Some(&0)
    }

    /// Whether nothing but its validity keeps a document out.
    pub fn fails_by_validity(&self, document: u32) -> bool {
        self.failing.get(document as usize) == Some(&(1u8 << VALIDITY))
    }

    /// Whether a document is searched at all, so that it may count in some facet.
    pub fn is_searched(&self, document: u32) -> bool {
        self.failing.get(document as usize).is_some_and(|bits| bits & OUTSIDE == 0)
    }

    /// Validity of a document on the day of the request.
    pub fn validity(&self, document: u32) -> &'static str {
        self.validity.get(document as usize).copied().unwrap_or("unknown")
    }

    /// Facets from the number of articles found in each document, filters not regarded.
    pub fn facets(&self, columns: &Columns, request: &SearchRequest, found: &[u32]) -> Vec<Facet> {
        let wanted = wanted(&request.filters);
        (0..DIMENSIONS)
            .map(|dimension| {
                let mut counts: HashMap<&str, u64> = HashMap::new();
                for (place, document) in columns.documents.iter().enumerate() {
                    let count = found.get(place).copied().unwrap_or(0);
                    if count > 0 && self.failing[place] & !(1 << dimension) == 0 {
                        let value = if dimension == VALIDITY {
                            self.validity[place]
                        } else {
                            columns.values[document.facets[dimension] as usize].as_str()
                        };
                        *counts.entry(value).or_default() += u64::from(count);
                    }
                }
                // A chosen value stays visible even when nothing is left of it.
                for value in &wanted[dimension] {
                    counts.entry(value).or_default();
                }
                let mut values: Vec<FacetValue> = counts
                    .into_iter()
                    .filter(|(value, _)| !value.is_empty())
                    .map(|(value, count)| FacetValue {
                        value: value.to_owned(),
                        count,
                        is_chosen: wanted[dimension].iter().any(|w| w == value),
                    })
                    .collect();
                values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
                Facet { name: NAMES[dimension], values }
            })
            .collect()
    }
}

fn wanted(filters: &Filters) -> [Vec<String>; DIMENSIONS] {
    let years = filters.year.iter().map(i32::to_string).collect();
    [filters.category.clone(), filters.level.clone(), filters.validity.clone(), filters.organ.clone(), filters.region.clone(), years]
}

/// The version of a work that stands for it on a day; `versions` in the order of their dates.
pub(super) fn version_on(columns: &Columns, versions: &[u32], day: NaiveDate) -> Option<u32> {
    let standing = |place: &u32| columns.documents.get(*place as usize).map(|d| d.standing(day));
    let last = |wanted: Standing| versions.iter().rev().find(|place| standing(place) == Some(wanted)).copied();
    last(Standing::Current).or_else(|| last(Standing::Past)).or_else(|| versions.first().copied())
}
