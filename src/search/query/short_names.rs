//! Short names that everybody knows and no text defines: 道交法, 消法, 工伤条例.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::names::title_key;

/// The table `search-index/aliases.toml`.
const SHIPPED: &str = include_str!("../../../search-index/aliases.toml");

/// A table of short names.
#[derive(Debug, Default)]
pub struct ShortNames {
    by_title: HashMap<String, Vec<String>>,
}

/// One table of the file: short name = "title", or ["title", "title"].
#[derive(Deserialize)]
#[serde(untagged)]
enum Titles {
    One(String),
    Several(Vec<String>),
}

impl ShortNames {
    /// Reads a table in the form of `search-index/aliases.toml`.
    ///
    /// # Errors
    /// The reader's own message when the text is not TOML or not of that form.
    pub fn read(text: &str) -> Result<Self, toml::de::Error> {
        let groups: HashMap<String, HashMap<String, Titles>> = toml::from_str(text)?;
        let mut table = ShortNames::default();
        for (short, titles) in groups.into_values().flatten() {
            let titles = match titles {
                Titles::One(title) => vec![title],
                Titles::Several(titles) => titles,
            };
            for title in titles {
                table.by_title.entry(title_key(&title)).or_default().push(title_key(&short));
            }
        }
        table.by_title.values_mut().for_each(|names| names.sort());
        Ok(table)
    }

    /// The table that the project ships.
    pub fn shipped() -> &'static Self {
        static TABLE: LazyLock<ShortNames> = LazyLock::new(|| ShortNames::read(SHIPPED).unwrap_or_default());
        &TABLE
    }

    /// Short names of the title with this key.
    pub(super) fn of(&self, key: &str) -> &[String] {
        self.by_title.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The title that a key is or is the short name of; the key itself where several titles have that short name.
    pub(super) fn title_of(&self, key: &str) -> Option<String> {
        if self.by_title.contains_key(key) {
            return Some(key.to_owned());
        }
        let mut titles = self.by_title.iter().filter(|(_, names)| names.iter().any(|name| name == key)).map(|(title, _)| title);
        let first = titles.next()?;
        Some(if titles.next().is_some() { key.to_owned() } else { first.clone() })
    }

    /// Number of short names.
    pub fn len(&self) -> usize {
        self.by_title.values().map(Vec::len).sum()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.by_title.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_reads_and_says_each_fact_once() {
        let table = ShortNames::read(SHIPPED).expect("search-index/aliases.toml");
        assert!(table.len() >= 280, "{}", table.len());
        assert_eq!(table.of("道路交通安全法").iter().filter(|name| *name == "道交法").count(), 1);
        for (title, names) in &table.by_title {
            let mut distinct = names.clone();
            distinct.dedup();
            assert_eq!(*names, distinct, "{title}");
            assert!(!names.contains(title), "{title} is no short name of itself");
        }
    }

    #[test]
    fn a_broken_table_is_an_error() {
        assert!(ShortNames::read("[a]\nx = 1").is_err());
        assert!(ShortNames::read("[").is_err());
    }
}
