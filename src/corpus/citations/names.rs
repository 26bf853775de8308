//! Names of laws that stand in a text without 《》.

use std::collections::HashMap;

/// A list of names, ready to be looked for at every place of a text.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// By first character; longest first. Second: the title that the name stands for.
    by_first: HashMap<char, Vec<(String, String)>>,
}

impl Names {
    /// From pairs of name and title (刑法, 中华人民共和国刑法). Names of one character are ignored.
    pub fn new<I, N, T>(pairs: I) -> Names
    where
        I: IntoIterator<Item = (N, T)>,
        N: Into<String>,
        T: Into<String>,
    {
        let mut names = Names::default();
        names.add(pairs);
        names
    }

    /// Adds pairs of name and title; the first title of a name stays.
    pub fn add<I, N, T>(&mut self, pairs: I)
    where
        I: IntoIterator<Item = (N, T)>,
        N: Into<String>,
        T: Into<String>,
    {
        for (name, title) in pairs {
            let name: String = name.into();
            if let Some(first) = name.chars().next()
                && name.chars().nth(1).is_some()
            {
                self.by_first.entry(first).or_default().push((name, title.into()));
            }
        }
        for list in self.by_first.values_mut() {
            list.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            list.dedup_by(|a, b| a.0 == b.0);
        }
    }

    /// The longest name that a text begins with, and its title.
    fn at<'n>(&'n self, text: &str) -> Option<(&'n str, &'n str)> {
        let list = self.by_first.get(&text.chars().next()?)?;
        list.iter().find(|(name, _)| text.starts_with(name.as_str())).map(|(name, title)| (name.as_str(), title.as_str()))
    }

    /// The title that a name stands for.
    pub fn title_of(&self, name: &str) -> Option<&str> {
        self.at(name).filter(|(found, _)| *found == name).map(|(_, title)| title)
    }
}

/// The longest name of several lists that a text begins with, and its title.
pub(super) fn longest_at<'n>(lists: &[&'n Names], text: &str) -> Option<(&'n str, &'n str)> {
    lists.iter().filter_map(|names| names.at(text)).reduce(|best, next| if next.0.len() > best.0.len() { next } else { best })
}

/// The title that a name stands for in the first list that has it.
pub(super) fn title_of<'n>(lists: &[&'n Names], name: &str) -> Option<&'n str> {
    lists.iter().find_map(|names| names.title_of(name))
}
