//! The matcher on short texts of our own.

use super::*;
use crate::corpus::structure;

const OLD: &str = "# 清河市共享雨伞管理办法\n\n\
第一章 总则\n\n\
第一条 为了规范共享雨伞的投放，方便市民雨天出行，制定本办法。\n\n\
第二条 在本市行政区域内投放、使用共享雨伞，适用本办法。\n\n\
第三条 市城市管理部门负责共享雨伞的监督管理，街道办事处协助做好相关工作。\n\n\
第二章 投放\n\n\
第四条 经营者投放共享雨伞，应当遵守下列规定：\n\n\
（一）伞具干净、完好；\n\n\
（二）在雨季增加投放数量；\n\n\
（三）在显著位置公布收费标准。\n\n\
第五条 经营者不得强制收集使用者的通讯录、相册等与租借无关的个人信息。使用者押金应当存入专用账户，三个工作日内退还。\n\n\
第六条 投放点不得占用盲道和消防通道。\n\n\
第七条 投放点应当避让学校出入口、公交站台和医院急救通道。\n\n\
第三章 附则\n\n\
第八条 鼓励商场、图书馆自备雨伞供市民免费借用。\n\n\
第九条 本办法自2026年6月1日起施行。\n";

/// The relations of articles and divisions as `old>new kind`, addresses joined by `+`.
fn related(old: &str, new: &str, corrections: &[Correction]) -> Vec<String> {
    let (old, new) = (Text::from(&structure::parse(old)), Text::from(&structure::parse(new)));
    let relations = relate(&old, &new, corrections);
    accounted(&old, &new, &relations);
    let name = |text: &Text, list: &[usize]| list.iter().map(|i| text.nodes()[*i].address.clone()).collect::<Vec<_>>().join("+");
    relations.iter().map(|r| format!("{}>{} {}", name(&old, &r.old), name(&new, &r.new), r.kind.as_str())).collect()
}

/// Every provision of either text is in exactly one relation.
fn accounted(old: &Text, new: &Text, relations: &[Relation]) {
    let mut sources: Vec<usize> = relations.iter().flat_map(|r| r.old.iter().copied()).collect();
    let mut targets: Vec<usize> = relations.iter().flat_map(|r| r.new.iter().copied()).collect();
    sources.sort_unstable();
    targets.sort_unstable();
    assert_eq!(sources, (0..old.nodes().len()).collect::<Vec<_>>());
    assert_eq!(targets, (0..new.nodes().len()).collect::<Vec<_>>());
}

#[track_caller]
fn has(found: &[String], expected: &[&str]) {
    for line in expected {
        assert!(found.iter().any(|f| f == line), "{line} in {found:#?}");
    }
}

#[test]
fn the_same_text_is_kept_whole() {
    let found = related(OLD, OLD, &[]);
    assert!(found.iter().all(|line| line.ends_with(" kept")), "{found:#?}");
}

#[test]
fn renumbering_is_neither_a_change_nor_a_move() {
    let new = OLD
        .replace("第二条 在", "第二条 本办法所称共享雨伞，是指经营者分时出租的雨伞。\n\n第三条 在")
        .replace("第三条 市城", "第四条 市城")
        .replace("第四条 经营", "第五条 经营");
    let found = related(OLD, &new, &[]);
    has(&found, &["art-1>art-1 kept", ">art-2 added", "art-2>art-3 kept", "art-3>art-4 kept", "art-4>art-5 kept", "chap-2>chap-2 kept"]);
}

#[test]
fn changes_reach_down_to_items() {
    let new = OLD.replace("（二）在雨季增加投放数量；\n\n（三）", "（二）").replace("伞具干净、完好", "伞具干净、完好，伞骨无断裂");
    let found = related(OLD, &new, &[]);
    has(
        &found,
        &[
            "art-4>art-4 modified",
            "art-4/para-1>art-4/para-1 modified",
            "art-4/para-1/item-1>art-4/para-1/item-1 modified",
            "art-4/para-1/item-2> deleted",
            "art-4/para-1/item-3>art-4/para-1/item-2 kept",
            "art-5>art-5 kept",
        ],
    );
}

#[test]
fn a_provision_at_another_place_was_moved() {
    let umbrella = "鼓励商场、图书馆自备雨伞供市民免费借用。";
    let new = OLD.replace(&format!("第八条 {umbrella}\n\n"), "").replace("第三条 市城", &format!("第三条 {umbrella}\n\n第三条之一 市城"));
    let found = related(OLD, &new, &[]);
    has(&found, &["art-8>art-3 moved", "art-3>art-3-1 kept", "art-9>art-9 kept"]);
}

#[test]
fn one_becomes_two_and_two_become_one() {
    let new = OLD
        .replace("个人信息。使用者押金", "个人信息。\n\n第六条 使用者押金")
        .replace("第六条 投放点不得占用盲道和消防通道。\n\n第七条 投放点应当避让", "第七条 投放点不得占用盲道和消防通道，应当避让");
    let found = related(OLD, &new, &[]);
    has(&found, &["art-5>art-5+art-6 split", "art-6+art-7>art-7 merged", "art-8>art-8 kept"]);
}

#[test]
fn what_a_person_says_stands() {
    let new = OLD.replace("第六条 投放点不得占用盲道和消防通道。\n\n", "");
    has(&related(OLD, &new, &[]), &["art-6> deleted"]);
    let says = |kind, old: &[&str], new: &[&str]| Correction {
        kind,
        old: old.iter().map(|a| (*a).to_owned()).collect(),
        new: new.iter().map(|a| (*a).to_owned()).collect(),
    };
    let merged = says(ContinuationKind::Merged, &["art-6", "art-7"], &["art-7"]);
    has(&related(OLD, &new, std::slice::from_ref(&merged)), &["art-6+art-7>art-7 merged", "art-8>art-8 kept"]);
    // The later word on a provision stands, and one about an address that does not exist is passed over.
    let gone = says(ContinuationKind::Deleted, &["art-7"], &[]);
    let nowhere = says(ContinuationKind::Deleted, &["art-70"], &[]);
    let found = related(OLD, &new, &[merged, gone, nowhere]);
    has(&found, &["art-7> deleted", "art-8>art-8 kept"]);
    assert!(!found.iter().any(|line| line.ends_with(" merged")), "{found:#?}");
}

#[test]
fn empty_and_hostile_texts_are_related_too() {
    assert!(related("", "", &[]).is_empty());
    assert!(related(OLD, "", &[]).iter().all(|line| line.ends_with(" deleted")));
    assert!(related("", OLD, &[]).iter().all(|line| line.ends_with(" added")));
    let many: String = (1..3_000).map(|n| format!("第{n}条 同样的话。\n\n")).collect();
    let found = related(&many, &many, &[]);
    assert!(found.iter().all(|line| line.ends_with(" kept")));
    let parents = Text::new(vec![
        Node {
            kind: ProvisionKind::Article,
            address: "art-1".into(),
            label: "第一条".into(),
            heading: String::new(),
            text: "甲".into(),
            parent: Some(7),
        },
        Node {
            kind: ProvisionKind::Paragraph,
            address: "art-1/para-1".into(),
            label: String::new(),
            heading: String::new(),
            text: "乙".into(),
            parent: Some(1),
        },
    ]);
    assert_eq!(parents.roots(), [0, 1], "a parent that does not come first is none");
    accounted(&parents, &parents, &relate(&parents, &parents, &[]));
}

#[test]
fn every_kind_of_relation_has_its_shape() {
    let (old, new) = (Text::from(&structure::parse(OLD)), Text::from(&structure::parse(&OLD.replace("第九条", "第十条"))));
    for relation in relate(&old, &new, &[]) {
        assert!(relation.kind.fits(relation.old.len(), relation.new.len()), "{relation:?}");
    }
    use ContinuationKind::*;
    for kind in ContinuationKind::ALL {
        assert_eq!(kind.fits(1, 1), matches!(kind, Kept | Modified | Moved), "{kind:?}");
        assert_eq!(kind.fits(1, 0), *kind == Deleted);
        assert_eq!(kind.fits(0, 1), *kind == Added);
        assert_eq!(kind.fits(1, 3), *kind == Split);
        assert_eq!(kind.fits(2, 1), *kind == Merged);
        assert!(!kind.fits(0, 0) && !kind.fits(2, 2));
    }
}
