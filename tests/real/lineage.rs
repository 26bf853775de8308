//! 条文沿革 on statutes of which the collection holds two dated versions.
//!
//! The facts below were written down by reading both texts: which article of the old one continues as which of the new one, article numbers only.
//! `5-7>6-8` continues a run one by one, `3>4,6` is a split, two entries with the same new number are a merger, `18>` was deleted, `25>?` is left
//! open because readers may differ. Articles that no entry names were added. Precision and recall are of the pairs (old, new).
//!
//! The first four were also used to find the thresholds; the last two were read afterwards and nothing was changed after them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use zhitong::corpus::structure::parse;
use zhitong::drafts::lineage::{ContinuationKind, Relation, Text, relate};

use crate::structure::{markdown_files, statutes};

struct Pair {
    title: &'static str,
    old: &'static str,
    new: &'static str,
    facts: &'static str,
    /// Least precision and recall, a little below what is measured.
    floor: (f64, f64),
}

const PAIRS: &[Pair] = &[
    Pair {
        title: "行政复议法",
        old: "2017-09-01",
        new: "2023-09-01",
        facts: "1-2>1-2 3>4,6 4>3 5>10 6>11 7>13 8>12 9>20 10>14,16,17,19 11>22 12>24,27 13>24 14>26 15>24 16>29 17>30 18> 19>34 20>35 21>42 22>49 \
            23>47,48 24>46 25>? 26-27>56-57 28>61,63,64,66,68,70 29>72 30>? 31>62,75 32-33>77-78 34-37>80-83 38>? 39>7,87 40-41>88-89 42> 43>90",
        floor: (0.95, 0.74),
    },
    Pair {
        title: "立法法",
        old: "2015-03-15",
        new: "2023-03-13",
        facts: "1-2>1-2 3>3,4 4-6>5-7 7-12>10-15 13>16 14-51>17-54 52-63>56-67 64>69 65-71>72-78 72>80,81 73>82 74-79>84-89 80-98>91-109 99>110,111 \
            100-102>112-114 103>117 104-105>119-120",
        floor: (0.99, 0.97),
    },
    Pair {
        title: "反间谍法",
        old: "2014-11-01",
        new: "2023-04-26",
        facts: "1-2>1-2 3>6 4>7 5>3 6>10 7>9 8>23 9>24 10>26,43 11>42,44 12>37 13>25 14>45 15>30 16>22 17>11 18>40 19>12 20>46 21>16 22>32 23>8 24>14 \
            25>15 26>52 27>53,55 28>55 29>60 30>60 31>60 32>61 33>60 34>66 35>68 36>62,65 37>69 38>4 39>70 40>71",
        floor: (0.97, 0.91),
    },
    Pair {
        title: "妇女权益保障法",
        old: "2018-10-26",
        new: "2022-10-30",
        facts: "1>1 2>2 3>5 4>4 5>7 6>3 7>6 8>11 9>12 10>8,13 11>14 12>15 13>15,16 14>17 15>35 16>37 17>24 18>36 19>38 20>39 21-22>40-41 23>43,44 24>45 \
            25-27>46-48 28-29>50-51 30-33>53-56 34-35>58-59 36-37>18-19 38>21 39>22 40>23 41>27 42>20,28 43-44>60-61 45-46>64-65 47>66,68 48-50>69-71 \
            51>32,33 52>72 53>73 54>73 55>75 56>85 57>84 58>? 59>82 60> 61>86",
        floor: (0.97, 0.84),
    },
    Pair {
        title: "反垄断法",
        old: "2007-08-30",
        new: "2022-06-24",
        facts: "1-4>1-4 5-7>6-8 8>10 9>12 10-12>13-15 13>16,17 14>18 15-20>20-25 21-26>26-31 27-30>33-36 31-32>38-39 33-45>41-53 46-51>56-61 52>62,67 \
            53-54>65-66 55-57>68-70",
        floor: (0.99, 0.99),
    },
    Pair {
        title: "国防教育法",
        old: "2018-04-27",
        new: "2024-09-13",
        facts: "1-3>1-3 4-5>6-7 6>? 7>5 8-14>8-14 15>15,17 16>? 17>21 18>20 19-22>22-25 23>27 24>28 25>28 26-28>29-31 29>31,32 30-36>33-39 37>40,41 38>42",
        floor: (0.97, 0.88),
    },
];

/// Pairs of the facts, and the old articles that are left open. A deleted article is paired with 0.
fn read_facts(facts: &str) -> (BTreeSet<(u32, u32)>, BTreeSet<u32>) {
    let number = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{text} in the facts"));
    let (mut pairs, mut open) = (BTreeSet::new(), BTreeSet::new());
    for entry in facts.split_whitespace() {
        let (old, new) = entry.split_once('>').expect("old>new");
        match (old.split_once('-'), new) {
            (Some((first, last)), run) => {
                let (begin, end) = run.split_once('-').expect("a run continues as a run");
                assert_eq!(number(last) - number(first), number(end) - number(begin), "{entry}");
                pairs.extend((number(first)..=number(last)).zip(number(begin)..=number(end)));
            }
            (None, "?") => drop(open.insert(number(old))),
            (None, "") => drop(pairs.insert((number(old), 0))),
            (None, list) => pairs.extend(list.split(',').map(|new| (number(old), number(new)))),
        }
    }
    (pairs, open)
}

fn number_of(address: &str) -> Option<u32> {
    address.strip_prefix("art-").filter(|rest| !rest.contains('/')).and_then(|rest| rest.parse().ok())
}

fn pairs_of(old: &Text, new: &Text, relations: &[Relation]) -> BTreeSet<(u32, u32)> {
    let mut pairs = BTreeSet::new();
    for relation in relations {
        let numbers = |text: &Text, list: &[usize]| list.iter().filter_map(|i| number_of(&text.nodes()[*i].address)).collect::<Vec<_>>();
        let (olds, news) = (numbers(old, &relation.old), numbers(new, &relation.new));
        for i in olds {
            if relation.new.is_empty() {
                pairs.insert((i, 0));
            }
            pairs.extend(news.iter().map(|j| (i, *j)));
        }
    }
    pairs
}

fn read(path: &Path) -> Text {
    Text::from(&parse(&std::fs::read_to_string(path).expect("a readable statute")))
}

/// Every provision of either text stands in exactly one relation, and the number of its members fits its kind.
fn check_accounts(name: &str, old: &Text, new: &Text, relations: &[Relation]) {
    let mut sources: Vec<usize> = relations.iter().flat_map(|r| r.old.iter().copied()).collect();
    let mut targets: Vec<usize> = relations.iter().flat_map(|r| r.new.iter().copied()).collect();
    sources.sort_unstable();
    targets.sort_unstable();
    assert!(sources.iter().copied().eq(0..old.nodes().len()), "{name}: an old provision is lost or counted twice");
    assert!(targets.iter().copied().eq(0..new.nodes().len()), "{name}: a new provision is lost or counted twice");
    assert!(relations.iter().all(|r| r.kind.fits(r.old.len(), r.new.len())), "{name}");
}

#[test]
fn hand_checked_lineage_is_found() {
    let Some(folder) = statutes() else { return };
    let files = markdown_files(&folder);
    let find = |title: &str, date: &str| {
        let name = format!("{title}({date}).md");
        files
            .iter()
            .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy() == name))
            .unwrap_or_else(|| panic!("{name} is not in the collection"))
    };
    let mut failed = Vec::new();
    for pair in PAIRS {
        let (old, new) = (read(find(pair.title, pair.old)), read(find(pair.title, pair.new)));
        let relations = relate(&old, &new, &[]);
        check_accounts(pair.title, &old, &new, &relations);
        let (facts, open) = read_facts(pair.facts);
        let found: BTreeSet<(u32, u32)> = pairs_of(&old, &new, &relations).into_iter().filter(|(i, _)| !open.contains(i)).collect();
        let continued = |pairs: &BTreeSet<(u32, u32)>| pairs.iter().filter(|(_, j)| *j > 0).count() as f64;
        let hits = found.intersection(&facts).filter(|(_, j)| *j > 0).count() as f64;
        let (precision, recall) = (hits / continued(&found), hits / continued(&facts));
        println!("{} {} → {}: {} pairs, precision {precision:.3}, recall {recall:.3}", pair.title, pair.old, pair.new, continued(&facts));
        println!("  not found {:?}", facts.difference(&found).collect::<Vec<_>>());
        println!("  not so    {:?}", found.difference(&facts).collect::<Vec<_>>());
        if precision < pair.floor.0 || recall < pair.floor.1 {
            failed.push(pair.title);
        }
    }
    assert!(failed.is_empty(), "below their floors: {failed:?}");
}

#[test]
fn every_title_with_several_versions_is_related_whole() {
    let Some(folder) = statutes() else { return };
    let mut dated: BTreeMap<String, Vec<std::path::PathBuf>> = BTreeMap::new();
    for path in markdown_files(&folder) {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some((title, date)) = stem.rsplit_once('(')
            && date.trim_end_matches(')').split('-').count() == 3
        {
            dated.entry(title.to_owned()).or_default().push(path);
        }
    }
    dated.retain(|_, paths| paths.len() > 1);
    assert!(dated.len() > 80, "{} titles with several versions", dated.len());
    let counts: Vec<(u128, BTreeMap<&'static str, usize>)> = dated
        .par_iter()
        .flat_map_iter(|(title, paths)| {
            let texts: Vec<Text> = paths.iter().map(|p| read(p)).collect();
            let found: Vec<_> = texts
                .windows(2)
                .map(|pair| {
                    let start = Instant::now();
                    let relations = relate(&pair[0], &pair[1], &[]);
                    let took = start.elapsed().as_millis();
                    check_accounts(title, &pair[0], &pair[1], &relations);
                    let mut counts = BTreeMap::new();
                    for relation in &relations {
                        let is_article = |text: &Text, list: &[usize]| list.iter().any(|i| number_of(&text.nodes()[*i].address).is_some());
                        if is_article(&pair[0], &relation.old) || is_article(&pair[1], &relation.new) {
                            *counts.entry(relation.kind.as_str()).or_default() += 1;
                        }
                    }
                    (took, counts)
                })
                .collect();
            found
        })
        .collect();
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, pair) in &counts {
        for (kind, n) in pair {
            *sums.entry(kind).or_default() += n;
        }
    }
    let slowest = counts.iter().map(|(took, _)| *took).max().unwrap_or(0);
    println!("{} titles, {} pairs of versions; articles: {sums:?}; slowest pair {slowest} ms", dated.len(), counts.len());
    for kind in ContinuationKind::ALL {
        assert!(sums.contains_key(kind.as_str()), "no article was {}", kind.as_str());
    }
}

#[test]
fn a_code_of_more_than_a_thousand_articles_is_related_in_time() {
    let Some(folder) = statutes() else { return };
    // The collection holds the code in parts.
    let mut parts: Vec<String> = markdown_files(&folder)
        .iter()
        .filter(|path| path.parent().is_some_and(|p| p.ends_with("民法典")))
        .map(|path| std::fs::read_to_string(path).expect("a readable statute"))
        .collect();
    parts.sort_by_key(|part| Text::from(&parse(part)).nodes().iter().find_map(|node| number_of(&node.address)));
    // One text: the title of each part and what the collection says of it are left out.
    let source: String = parts
        .iter()
        .map(|part| part.split_once("INFO END -->").map_or(part.as_str(), |(_, body)| body))
        .flat_map(str::lines)
        .filter(|line| !line.starts_with("# "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let old = Text::from(&parse(&source));
    // Every seventh line changed a little: what a draft looks like after a round.
    let changed: String = source
        .lines()
        .enumerate()
        .map(|(n, line)| if n % 7 == 0 { format!("{}\n", line.replace('的', "之")) } else { format!("{line}\n") })
        .collect();
    let new = Text::from(&parse(&changed));
    let start = Instant::now();
    let relations = relate(&old, &new, &[]);
    let articles = old.nodes().iter().filter(|node| number_of(&node.address).is_some()).count();
    println!("民法典: {articles} articles, {} relations in {} ms", relations.len(), start.elapsed().as_millis());
    assert!(articles > 1_200, "{articles} articles");
    check_accounts("民法典", &old, &new, &relations);
    let found = pairs_of(&old, &new, &relations);
    assert!(found.iter().all(|(i, j)| i == j), "an article changed its place: {:?}", found.iter().find(|(i, j)| i != j));
}
