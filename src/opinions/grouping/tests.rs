//! Groups of invented sentences, and the index against measuring every pair.

use proptest::prelude::*;

use super::*;

const LONG: &str = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方，二十四小时太紧张了。";

fn loose(text: &str) -> Loose {
    Loose { text: text.into(), place: 0, sides: Vec::new() }
}

fn at(text: &str, place: u32) -> Loose {
    Loose { place, ..loose(text) }
}

fn apart(text: &str, split: u32, side: u32) -> Loose {
    Loose { sides: vec![Side { split, side }], ..loose(text) }
}

#[test]
fn exact_and_near_texts_come_together() {
    let found = suggest(
        &[],
        &[
            loose(LONG),
            loose("停车场的收费标准应当在入口处公示，并且注明免费停放的时间和投诉电话。"),
            loose(&LONG.replace("出差", "外出")),
            loose(&format!("{LONG}谢谢！")),
            loose(""),
            loose(" \n"),
        ],
    );
    assert_eq!(found, Suggestions { joins: vec![], groups: vec![vec![0, 2, 3]] });
}

#[test]
fn the_most_copied_text_leads() {
    // The first text is one step from the template, the last another step: both are like the template, and it leads.
    let first = LONG.replace("雨伞的归还时间", "伞的归还期限");
    let last = LONG.replace("太紧张了", "实在不够用");
    let found = suggest(&[], &[loose(&first), loose(LONG), loose(&last), loose(LONG)]);
    assert_eq!(found.groups, [vec![1, 3, 0, 2]]);
}

#[test]
fn short_texts_need_the_same_place() {
    let found = suggest(&[], &[at("同意", 1), at("同意。", 2), at("同意！", 1), at("不同意", 1), at("不同意", 1)]);
    assert_eq!(found.groups, [vec![0, 2], vec![3, 4]]);
    let long = suggest(&[], &[at(LONG, 1), at(LONG, 2)]);
    assert_eq!(long.groups, [vec![0, 1]], "a long text says the same wherever it is hung");
}

#[test]
fn new_opinions_join_standing_groups() {
    let standing = [Standing { text: LONG.into(), place: 0, sides: Vec::new() }];
    let other = "公共雨伞应当定期消毒，并在伞柄上注明最近一次消毒的日期。";
    let found = suggest(&standing, &[loose(other), loose(LONG), loose(other)]);
    assert_eq!(found, Suggestions { joins: vec![(1, 0)], groups: vec![vec![0, 2]] });
}

#[test]
fn what_staff_took_apart_stays_apart() {
    let found = suggest(&[], &[apart(LONG, 1, 0), apart(LONG, 1, 1), loose(LONG), apart(LONG, 1, 1)]);
    assert_eq!(found.groups, [vec![0, 2], vec![1, 3]], "the third was never part of the split and may stand on either side");
    let standing = [Standing { text: LONG.into(), place: 0, sides: vec![Side { split: 7, side: 1 }] }];
    let found = suggest(&standing, &[apart(LONG, 7, 0), apart(LONG, 8, 0)]);
    assert_eq!(found, Suggestions { joins: vec![(1, 0)], groups: vec![] });
}

#[test]
fn a_chain_of_small_steps_does_not_drift() {
    let mut texts = vec![LONG.to_owned()];
    let replacement: Vec<char> =
        "停车场的收费标准应当在入口处公示并且注明免费停放的时间和投诉电话方便车主了解情况以便监督管理单位改进服务".chars().collect();
    for (i, c) in replacement.iter().enumerate() {
        let mut next: Vec<char> = texts.last().unwrap().chars().collect();
        if let Some(place) = next.get_mut(i) {
            *place = *c;
        }
        texts.push(next.into_iter().collect());
    }
    let items: Vec<Loose> = texts.iter().map(|text| loose(text)).collect();
    let found = suggest(&[], &items);
    for group in &found.groups {
        let first = &items[group[0]].text;
        for member in group {
            assert!(are_near_identical((first, 0), (&items[*member].text, 0)));
        }
    }
    assert!(found.groups.len() > 1, "{found:?}");
}

/// A sentence of a few words of a small vocabulary, so that many are alike.
fn sentence() -> impl Strategy<Value = String> {
    let words =
        ["雨伞", "归还", "时间", "应当", "延长", "押金", "不", "收取", "消毒", "公示", "二十四", "小时", "投诉", "电话", "，", "。"];
    prop::collection::vec(prop::sample::select(words.to_vec()), 1..16).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_index_misses_nothing(texts in prop::collection::vec((sentence(), 0u32..2), 1..40)) {
        let prints: Vec<(Print, u32)> = texts.iter().map(|(text, place)| (Print::of(&words(text)), *place)).collect();
        let mut index = Index::new(THRESHOLD);
        for (print, _) in &prints {
            index.count(print);
        }
        for (n, (print, place)) in prints.iter().enumerate() {
            let mut found: Vec<usize> = index.find(print, *place).into_iter().map(|(leader, _)| leader).collect();
            found.sort_unstable();
            let expected: Vec<usize> = (0..n)
                .filter(|other| {
                    let is_short = print.is_short() || prints[*other].0.is_short();
                    (!is_short || prints[*other].1 == *place) && print.likeness(&prints[*other].0) >= THRESHOLD
                })
                .collect();
            prop_assert_eq!(found, expected);
            index.add(print.clone(), *place);
        }
    }

    #[test]
    fn every_opinion_is_in_at_most_one_group_and_running_again_changes_nothing(texts in prop::collection::vec(sentence(), 1..40)) {
        let items: Vec<Loose> = texts.iter().map(|text| loose(text)).collect();
        let found = suggest(&[], &items);
        prop_assert_eq!(&found, &suggest(&[], &items));
        let mut members: Vec<usize> = found.groups.concat();
        let n = members.len();
        members.sort_unstable();
        members.dedup();
        prop_assert_eq!(members.len(), n);
        // With those groups standing, the rest finds nothing new among itself.
        let standing: Vec<Standing> =
            found.groups.iter().map(|group| Standing { text: items[group[0]].text.clone(), place: 0, sides: Vec::new() }).collect();
        let rest: Vec<Loose> = items.iter().enumerate().filter(|(n, _)| members.binary_search(n).is_err()).map(|(_, one)| one.clone()).collect();
        let again = suggest(&standing, &rest);
        prop_assert_eq!(again, Suggestions::default());
    }
}
