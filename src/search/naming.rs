//! Which provisions of which works a line names, for staff who cite: 立法法第八十二条第一款.

use crate::ids::WorkId;

use super::query::{LOOKUP_CERTAINTY, ProvisionRef, TitleCatalogue, understand};

/// Works offered for one line.
const OFFERED: usize = 8;

/// A place that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPlace {
    /// The work.
    pub work_id: WorkId,
    /// Its title.
    pub title: String,
    /// Place there as far as the line names it, e.g. `art-82/item-3`; empty for the document as a whole.
    pub place: String,
    /// Whether the work is certain, rather than only touched on.
    pub is_certain: bool,
}

/// The places that a line names, the most certain first.
pub fn named_places(line: &str, titles: &TitleCatalogue) -> Vec<NamedPlace> {
    let understanding = understand(line, titles, None);
    let place = understanding.provision.map(place_of).unwrap_or_default();
    let named = understanding.titles.iter().take(OFFERED);
    named
        .map(|title| NamedPlace {
            work_id: WorkId(title.work_id),
            title: title.title.clone(),
            place: place.clone(),
            is_certain: title.certainty >= LOOKUP_CERTAINTY,
        })
        .collect()
}

fn place_of(provision: ProvisionRef) -> String {
    let mut steps = Vec::new();
    if let Some((main, sub)) = provision.article {
        steps.push(if sub == 0 { format!("art-{main}") } else { format!("art-{main}-{sub}") });
        let below = [("para", provision.paragraph), ("item", provision.item), ("sub", provision.sub_item)];
        steps.extend(below.into_iter().filter_map(|(step, number)| number.map(|n| format!("{step}-{n}"))));
    } else {
        let above = [("part", provision.part), ("chap", provision.chapter), ("sec", provision.section)];
        steps.extend(above.into_iter().filter_map(|(step, number)| number.map(|n| format!("{step}-{n}"))));
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::query::TitleEntry;
    use super::*;

    #[test]
    fn a_citation_names_its_work_and_its_place() {
        let entry = |n: u128, title: &str| TitleEntry {
            work_id: Uuid::from_u128(n),
            title: title.into(),
            aliases: Vec::new(),
            document_numbers: Vec::new(),
            weight: 0.5,
        };
        let titles = TitleCatalogue::new(vec![entry(1, "示例国地方立法程序法"), entry(2, "清河市养犬管理条例")]);
        for (line, work, place) in [
            ("《示例国地方立法程序法》第八十二条", 1, "art-82"),
            ("清河市养犬管理条例第20条第二款第（三）项", 2, "art-20/para-2/item-3"),
            ("清河市养犬管理条例第二十条之一", 2, "art-20-1"),
            ("清河市养犬管理条例第三章", 2, "chap-3"),
            ("清河市养犬管理条例", 2, ""),
        ] {
            let found = named_places(line, &titles);
            let first = found.first().unwrap_or_else(|| panic!("{line} names nothing"));
            assert_eq!((first.work_id, first.place.as_str(), first.is_certain), (WorkId(Uuid::from_u128(work)), place, true), "{line}");
        }
        assert!(named_places("", &titles).is_empty());
    }
}
