//! Sentences written for these tests, in the shape of what real texts hold.

use super::*;

/// Provisions as `address label|heading|text`.
fn tree(text: &str) -> Vec<String> {
    let structure = checked(text);
    structure.provisions.iter().map(|p| format!("{} {}|{}|{}", p.address, p.label, p.heading, p.text.replace('\n', "⏎"))).collect()
}

fn addresses(text: &str) -> Vec<String> {
    checked(text).provisions.into_iter().map(|p| p.address).collect()
}

fn codes(text: &str) -> Vec<&'static str> {
    checked(text).diagnostics.iter().map(|d| d.code.as_str()).collect()
}

/// Parses, and holds the tree to what is promised of every text.
fn checked(text: &str) -> Structure {
    let structure = parse(text);
    assert_eq!(structure.words(), normalise(text), "nothing lost, nothing moved");
    let mut seen = std::collections::HashSet::new();
    for (i, p) in structure.provisions.iter().enumerate() {
        assert!(seen.insert(p.address.clone()), "address twice: {}", p.address);
        assert!(p.parent.is_none_or(|parent| parent < i), "parent after child: {}", p.address);
        assert_eq!(p.depth, p.parent.map_or(0, |parent| structure.provisions[parent].depth.saturating_add(1)));
        if p.kind == ProvisionKind::Article {
            assert!(p.text.is_empty(), "{}", p.address);
            let has_paragraph = structure.provisions.iter().any(|c| c.parent == Some(i) && c.kind == ProvisionKind::Paragraph);
            assert!(has_paragraph, "{} has no paragraph", p.address);
        }
    }
    structure
}

#[test]
fn a_whole_regulation() {
    let text = "# 示范市路灯条例\n\n2020年1月2日 示范市人民代表大会通过\n\n<!-- INFO END -->\n\n## 第一章　总　　则\n\n第一条 为了照明，制定本条例。\n\n\
        第二条 本条例适用于本市。\n\n下列路灯除外：\n\n（一）临时路灯；\n\n（二）景观灯，包括：\n\n1．彩灯；\n\n2．射灯。\n\n前款所列路灯另行规定。\n\n\
        ## 第二章 管 护\n\n### 第一节 巡查\n\n第三条 巡查每月一次。\n\n第三条之一 夜间巡查。\n\n## 第三章 附则\n\n第四条 本条例自2020年3月1日起施行。";
    assert_eq!(
        tree(text),
        [
            "title ||示范市路灯条例",
            "title-note ||2020年1月2日 示范市人民代表大会通过",
            "chap-1 第一章|总则|",
            "art-1 第一条||",
            "art-1/para-1 ||为了照明，制定本条例。",
            "art-2 第二条||",
            "art-2/para-1 ||本条例适用于本市。",
            "art-2/para-2 ||下列路灯除外：",
            "art-2/para-2/item-1 （一）||临时路灯；",
            "art-2/para-2/item-2 （二）||景观灯，包括：",
            "art-2/para-2/item-2/sub-1 1．||彩灯；",
            "art-2/para-2/item-2/sub-2 2．||射灯。",
            "art-2/para-3 ||前款所列路灯另行规定。",
            "chap-2 第二章|管护|",
            "chap-2/sec-1 第一节|巡查|",
            "art-3 第三条||",
            "art-3/para-1 ||巡查每月一次。",
            "art-3-1 第三条之一||",
            "art-3-1/para-1 ||夜间巡查。",
            "chap-3 第三章|附则|",
            "art-4 第四条||",
            "art-4/para-1 ||本条例自2020年3月1日起施行。",
        ]
    );
    assert_eq!(codes(text), [""; 0]);
}

/// Each case: name, body (under a title), addresses of the articles, codes of the diagnostics.
#[test]
fn article_headings_in_every_spelling() {
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        ("figures of any width", "第1条 甲。\n第２条 乙。\n第三条 丙。", &["art-1", "art-2", "art-3"], &[]),
        (
            "〇 for 零",
            "第一百零九条 甲。\n第一百一十条 乙。\n第一百一十一条 丙。\n第二百〇三条 丁。",
            &["art-109", "art-110", "art-111", "art-203"],
            &["D02", "D02"],
        ),
        ("a space inside", "第 一 条 甲。\n第二 条乙方。\n第三条丙方。", &["art-1", "art-2", "art-3"], &[]),
        (
            "a zero-width space inside",
            "\u{FEFF}第\u{200B}一条 甲。\n\u{3000}\u{3000}第二条\u{2002}\u{2002}乙。\n第三条\u{A0}丙。",
            &["art-1", "art-2", "art-3"],
            &[],
        ),
        ("a wrong character for 第", "第一条 甲。\n笫二条 乙。", &["art-1", "art-2"], &["D04"]),
        ("a dash for 一", "第二十条 甲。\n第二十－条 乙。\n第二十二条 丙。", &["art-20", "art-21", "art-22"], &["D02", "D04"]),
        ("条 twice", "第一条 甲。\n第二条条  乙。", &["art-1", "art-2"], &["D04"]),
        ("条 lost", "第一条 甲。\n第二 乙。\n第三条 丙。", &["art-1", "art-2", "art-3"], &["D04"]),
        ("第 lost", "第一条 甲。\n二条 乙。\n第三条 丙。", &["art-1", "art-2", "art-3"], &["D04"]),
        ("the number alone on its line", "第一条\n甲。\n第二条\n乙。", &["art-1", "art-2"], &[]),
        ("Markdown headings", "### 第一条 甲。\n### 第二条\n乙。", &["art-1", "art-2"], &[]),
        ("条之", "第九条 甲。\n第九条之一 乙。\n第九条之二 丙。\n第十条 丁。", &["art-9", "art-9-1", "art-9-2", "art-10"], &["D02"]),
        ("one missing", "第一条 甲。\n第三条 丙。", &["art-1", "art-3"], &["D02"]),
        ("one twice", "第一条 甲。\n第二条 乙。\n第二条 丙。\n第三条 丁。", &["art-1", "art-2", "art-2~2", "art-3"], &["D01"]),
        (
            "a misprint",
            "第一条 甲。\n第二条 乙。\n第三十条 丙。\n第四条 丁。\n第五条 戊。",
            &["art-1", "art-2", "art-30", "art-4", "art-5"],
            &["D02"],
        ),
        (
            "out of order",
            "第一条 甲。\n第五条 乙。\n第四条 丙。\n第五条 丁。",
            &["art-1", "art-5", "art-4", "art-5~2"],
            &["D02", "D03", "D01"],
        ),
        ("no words", "第一条 甲。\n第二条\n第三条 丙。", &["art-1", "art-2", "art-3"], &["D13"]),
        (
            "an article that begins with a reference",
            "第一条 甲。\n第二条 第一条所称灯具，是指路灯。\n第三条 和解应当自愿。",
            &["art-1", "art-2", "art-3"],
            &[],
        ),
        (
            "references at the beginning of a line",
            "第一条 甲。\n第一条所称灯具，是指路灯。\n第二条、第三条的规定除外。\n第二条 乙。",
            &["art-1", "art-2"],
            &["D09", "D09"],
        ),
        (
            "not articles at all",
            "第一条 甲。\n第三人可以申请。\n第一款规定的除外。\n第二审程序另定。\n第一类路灯包括路灯。\n第二条 乙。",
            &["art-1", "art-2"],
            &[],
        ),
        (
            "numbering begins again",
            "第一条 甲。\n第二条 乙。\n第一条 丙。\n第二条 丁。",
            &["art-1", "art-2", "art-1~2", "art-2~2"],
            &["D15", "D01"],
        ),
    ];
    for (name, body, expected, expected_codes) in cases {
        let text = format!("# 路灯条例\n<!-- INFO END -->\n{body}");
        let articles: Vec<String> = addresses(&text).into_iter().filter(|a| a.starts_with("art-") && !a.contains('/')).collect();
        assert_eq!(&articles, expected, "{name}");
        assert_eq!(&codes(&text), expected_codes, "{name}");
    }
}

#[test]
fn articles_on_one_line_are_split_and_said_so() {
    let text = "路灯规则\n第一条 甲灯。 第二条 乙灯。 灯应当亮。 第三条 灯的种类： （一）高灯； （二）低灯。 第四条 依照第二条 办理。\n第五条 完。";
    assert_eq!(
        tree(text)[1..],
        [
            "art-1 第一条||",
            "art-1/para-1 ||甲灯。",
            "art-2 第二条||",
            "art-2/para-1 ||乙灯。",
            "art-2/para-2 ||灯应当亮。",
            "art-3 第三条||",
            "art-3/para-1 ||灯的种类：",
            "art-3/para-1/item-1 （一）||高灯；",
            "art-3/para-1/item-2 （二）||低灯。",
            "art-4 第四条||",
            "art-4/para-1 ||依照第二条 办理。",
            "art-5 第五条||",
            "art-5/para-1 ||完。",
        ]
    );
    assert_eq!(codes(text), ["D05", "D22"]);
    // Without a space, after a full stop; a reference to the next article is none.
    assert_eq!(addresses("规则\n第一条 甲。第二条乙灯应当亮。\n第三条 丙。").iter().filter(|a| !a.contains('/')).count(), 4);
    assert_eq!(addresses("规则\n第一条 适用于甲；第二条关于灯的规定除外。\n第三条 丙。").iter().filter(|a| !a.contains('/')).count(), 3);
    // Cut off in the middle of a word: left there, and said so.
    assert_eq!(codes("规则\n第一条 由管理单第二条路灯应当亮。\n第三条 丙。"), ["D06", "D02"]);
    // What heads a line further down is not split off here.
    assert_eq!(addresses("规则\n第一条 甲。 第二条 的说明见后。\n第二条 乙。").iter().filter(|a| a.starts_with("art-2")).count(), 2);
}

#[test]
fn items_on_one_line_are_split_when_their_numbers_run_on() {
    let text = "规则\n第一条 包括：（一）甲；（二）乙；（三）丙。\n第二条 见附表（一）和（二）。";
    let found = addresses(text);
    assert_eq!(found.iter().filter(|a| a.contains("item")).count(), 3);
    assert_eq!(codes(text), ["D22"]);
}

#[test]
fn headings_of_articles() {
    let text = "规则\n第一条 【目的】为了灯。\n第二条（范围）\n本市的灯。\n第三条（定义） 灯，是指路灯。\n第四条 （略）";
    let heads: Vec<String> = checked(text).provisions.into_iter().filter(|p| p.kind == ProvisionKind::Article).map(|p| p.heading).collect();
    assert_eq!(heads, ["【目的】", "（范围）", "（定义）", "（略）"]);
}

#[test]
fn title_block_with_and_without_a_marked_end() {
    // A wrapped history line looks like an article.
    let text = "# 路灯法\n1990年1月1日 《关于修改〈路灯法〉第三条\n第四条的决定》修正\n<!-- INFO END -->\n第一条 甲。";
    assert_eq!(addresses(text), ["title", "title-note", "art-1", "art-1/para-1"]);
    let text = "示范市人民政府\n关于路灯的规定\n（2020年1月2日示范市人民政府令第3号公布，\n自2020年3月1日起施行）\n第一条 甲。";
    assert_eq!(
        tree(text)[..2],
        ["title ||示范市人民政府关于路灯的规定", "title-note ||（2020年1月2日示范市人民政府令第3号公布，⏎自2020年3月1日起施行）"]
    );
    let text =
        "示府〔2020〕3号路灯通知\n示府〔2020〕3号\n各区人民政府：\n现通知如下。\n一、统一思想\n灯要亮。\n示范市人民政府\n二○二○年一月二日";
    assert_eq!(
        addresses(text),
        ["title", "title-note", "preamble", "preamble/para-1", "preamble/para-2", "h-1", "h-1/para-1", "signature"]
    );
    // A second heading in the header names the part that the file holds.
    assert_eq!(addresses("# 民事总法\n# 灯具编\n<!-- INFO END -->\n第二百条 甲。")[..3], ["title", "head-1", "art-200"]);
    assert_eq!(codes("# 路灯法\n<!-- INFO END -->\n路灯\n法\n第一条 甲。"), ["D23"]);
    assert_eq!(codes("第一条 甲。"), ["D20"]);
    assert_eq!(codes("# 路灯法\n2020年1月1日 通过\n<!-- INFO END -->\n"), ["D14"]);
}

#[test]
fn the_stage_of_a_draft_under_its_title_is_a_note() {
    for stage in ["征求意见稿", "草案", "修订草案", "送审稿", "草案征求意见稿", "修订征求意见稿", "公开征求意见稿"]
    {
        for line in [format!("（{stage}）"), format!("({stage})")] {
            let text = format!("示范市路灯条例\n{line}\n第一条 为了照明，制定本条例。");
            assert_eq!(
                tree(&text),
                [
                    "title ||示范市路灯条例".to_owned(),
                    format!("title-note ||{line}"),
                    "art-1 第一条||".into(),
                    "art-1/para-1 ||为了照明，制定本条例。".into()
                ]
            );
            assert_eq!(codes(&text), [""; 0]);
        }
    }
    let text = "示范市路灯条例\n（征求意见稿）由示范市城市管理局起草，请提出意见。\n第一条 为了照明，制定本条例。";
    assert!(tree(text).iter().any(|line| line.starts_with("preamble/")), "words of their own stay a preamble");
}

#[test]
fn tables_of_contents_are_kept_apart() {
    let text = "路灯条例\n目　　录\n第一章 总则\n第二章 附则\n第一章 总则\n第一条 甲。\n第二章 附则\n第二条 乙。";
    assert_eq!(addresses(text), ["title", "contents", "chap-1", "art-1", "art-1/para-1", "chap-2", "art-2", "art-2/para-1"]);
    let untitled =
        "路灯条例\n第一章 总则\n第二章 管护\n第三章 附则\n第一章 总则\n第一条 甲。\n第二章 管护\n第二条 乙。\n第三章 附则\n第三条 丙。";
    assert_eq!(addresses(untitled)[..3], ["title", "contents", "chap-1"]);
    assert_eq!(codes(untitled), ["D19"]);
    // The word alone lists nothing.
    assert_eq!(addresses("路灯条例\n目录\n第一章 总则\n第一条 甲。")[..3], ["title", "contents", "chap-1"]);
}

#[test]
fn chapters() {
    // Split over two lines; without a number; referred to.
    let text = "条例\n第一章\n总则\n第一条 甲。\n第二章 灯的安装、\n维护\n第二条 乙。\n第一章规定的灯，由市政府管理。\n附则\n第三条 丙。";
    let found = checked(text);
    let heads: Vec<(&str, &str)> =
        found.provisions.iter().filter(|p| !p.heading.is_empty()).map(|p| (p.address.as_str(), p.heading.as_str())).collect();
    assert_eq!(heads, [("chap-1", "总则"), ("chap-2", "灯的安装、维护"), ("head-1", "附则")]);
    assert_eq!(codes(text), ["D07", "D07", "D09", "D17"]);
    let parts = "法典\n第一编 总则\n第一章 甲\n第一条 一。\n第二编 灯\n第一分编 通则\n第二章 乙\n第二条 二。";
    assert_eq!(
        addresses(parts),
        [
            "title",
            "part-1",
            "part-1/chap-1",
            "art-1",
            "art-1/para-1",
            "part-2",
            "part-2/subpart-1",
            "part-2/subpart-1/chap-2",
            "art-2",
            "art-2/para-1"
        ]
    );
}

#[test]
fn documents_without_articles() {
    let text = "路灯意见\n为了路灯，提出意见。\n一、总体要求\n（一）指导思想。坚持亮灯。\n（二）目标\n灯都亮。\n二、措施\n有下列措施：\n（一）换灯；\n（二）修灯。\n（三）加强领导。各区负责。";
    assert_eq!(
        addresses(text),
        [
            "title",
            "preamble",
            "preamble/para-1",
            "h-1",
            "h-1/h-1",
            "h-1/h-1/para-1",
            "h-1/h-2",
            "h-1/h-2/para-1",
            "h-2",
            "h-2/para-1",
            "h-2/para-1/item-1",
            "h-2/para-1/item-2",
            "h-2/para-1/item-3",
        ]
    );
    let reply = "关于路灯的批复\n你局请示收悉。\n同意。";
    assert_eq!(addresses(reply), ["title", "text-1", "text-2"]);
    let phrase = "规定\n第一条 甲：\n一、二级路灯由市管理。\n第二条 乙。";
    assert_eq!(addresses(phrase), ["title", "art-1", "art-1/para-1", "art-1/para-2", "art-2", "art-2/para-1"]);
    let inside = "规定\n第一条 应当载明：\n一、名称；\n二、地址。\n第二条 乙。";
    assert_eq!(addresses(inside)[3..5], ["art-1/para-1/item-1", "art-1/para-1/item-2"]);
    let above = "解释\n一、一般规定\n第一条 甲。\n二、责任\n第二条 乙。";
    assert_eq!(addresses(above), ["title", "h-1", "art-1", "art-1/para-1", "h-2", "art-2", "art-2/para-1"]);
}

#[test]
fn quoted_articles_belong_to_the_item_that_quotes_them() {
    let text =
        "路灯法修正案\n一、将第三条修改为：“灯应当亮。\n“灯坏了应当修。\n第四条 夜间亮灯。”\n二、增加一条，作为第五条：“第五条 完。”";
    assert_eq!(addresses(text), ["title", "h-1", "h-1/para-1", "h-2", "h-2/para-1"]);
    assert_eq!(codes(text), ["D10"]);
    let unquoted = "路灯法修正案\n第十条 增加一节，内容如下：\n第七节 灯\n第二十条 甲。\n第二十一条 乙。\n第十一条 完。";
    assert_eq!(addresses(unquoted).iter().filter(|a| !a.contains('/')).count(), 3);
    assert_eq!(codes(unquoted), ["D02", "D10", "D10", "D10"]);
    // An unclosed mark does not swallow the rest.
    let unclosed = "路灯条例\n第一条 称“灯的，应当亮。\n第二条 乙。\n第三条 “丙”。";
    assert_eq!(addresses(unclosed).iter().filter(|a| a.starts_with("art-") && !a.contains('/')).count(), 3);
    assert_eq!(codes(unclosed), ["D11"]);
}

#[test]
fn paragraphs_wraps_and_lists_of_lines() {
    let wrapped = "规定\n第一条 为了加强城市照明的管理，保障夜间通行的\n安全，制定本规定。\n第二条 委员会由下列人员组成：\n主任，\n副主任若干人，\n委员若干人。\n委员会任期五年。";
    assert_eq!(
        tree(wrapped)[1..],
        [
            "art-1 第一条||",
            "art-1/para-1 ||为了加强城市照明的管理，保障夜间通行的安全，制定本规定。",
            "art-2 第二条||",
            "art-2/para-1 ||委员会由下列人员组成：⏎主任，⏎副主任若干人，⏎委员若干人。",
            "art-2/para-2 ||委员会任期五年。",
        ]
    );
    assert_eq!(codes(wrapped), ["D08"]);
    // Words between two items are the first one's.
    let between = "规定\n第一条 包括：\n（一）甲。\n甲应当亮。\n（二）乙：\n⒈高；\n2．低。\n前款所称乙，是灯。";
    assert_eq!(
        addresses(between)[2..],
        [
            "art-1/para-1",
            "art-1/para-1/item-1",
            "art-1/para-1/item-2",
            "art-1/para-1/item-2/sub-1",
            "art-1/para-1/item-2/sub-2",
            "art-1/para-2"
        ]
    );
    assert_eq!(codes("规定\n第一条 包括：\n（一）甲；\n（三）丙。"), ["D16"]);
    assert_eq!(codes("规定\n第一条 高度为1\u{E010}4米。"), ["D12"]);
    assert_eq!(codes("规定\n第一条 高度为\u{FFFD}米。"), ["D21"]);
}

#[test]
fn attachments_tables_and_signatures() {
    let text = "规定\n第一条 收费标准见附件。\n示范市人民政府\n2020年1月2日\n附件1：收费表\n| 灯 | 元 |\n| 高 | 1 |\n附件2\n管护办法\n第一条 甲。\n第二条 乙。";
    assert_eq!(
        addresses(text),
        [
            "title",
            "art-1",
            "art-1/para-1",
            "signature",
            "att-1",
            "att-1/table-1",
            "att-2",
            "att-2/head-1",
            "att-2/art-1",
            "att-2/art-1/para-1",
            "att-2/art-2",
            "att-2/art-2/para-1",
        ]
    );
    // Not attachments: 附则, words that begin with 附, a sentence about one.
    let none = "规定\n第一条 甲。\n附带条件的，从其约定。\n附件所列灯具，由市政府调整。\n附图中应当注明。\n第二条 乙。";
    assert!(addresses(none).iter().all(|a| !a.starts_with("att")));
    let table = "规定\n第一条 按下表执行：\n| 第一条之二 | 罪 |\n| 第二条 | 灯 |\n前款自公布之日起施行。\n第二条 完。";
    assert_eq!(addresses(table)[1..5], ["art-1", "art-1/para-1", "art-1/table-1", "art-1/para-2"]);
    let list = "规定\n第一条 甲。\n附件：1.格式\n2.说明\n附件1\n格式";
    assert_eq!(addresses(list)[3..], ["att-0", "att-0/para-1", "att-0/para-1/item-1", "att-0/para-1/item-2", "att-1", "att-1/para-1"]);
}

#[test]
fn what_normalise_takes_away() {
    for (text, words) in [
        ("", ""),
        ("---\ntitle: x\ntags:\n  - y\n---\n# 甲\n", "甲"),
        ("---\n不是元数据\n---", "---不是元数据---"),
        ("## 第一章　总 则\r\n\u{FEFF}\u{200B}\n<!-- INFO END -->\n<!-- TABLE -->", "第一章总则"),
        ("<!-- 说明 -->", "<!--说明-->"),
        ("甲#乙\n####### 七", "甲#乙#######七"),
        ("甲\u{B}乙\u{2028}丙\u{0}丁", "甲乙丙丁"),
    ] {
        assert_eq!(normalise(text), words, "{text:?}");
        assert_eq!(checked(text).words(), words);
    }
}

#[test]
fn names_of_kinds_and_codes() {
    for kind in ProvisionKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).ok(), Some(serde_json::Value::from(kind.as_str())));
    }
    assert_eq!("条".parse::<ProvisionKind>(), Err(()));
    let numbers: Vec<String> = (1..=DiagnosticCode::ALL.len()).map(|n| format!("D{n:02}")).collect();
    assert_eq!(DiagnosticCode::ALL.iter().map(|c| c.as_str()).collect::<Vec<_>>(), numbers);
    assert!(DiagnosticCode::ALL.iter().all(|c| !c.message().is_empty()));
    assert_eq!(Number { main: 20, sub: 1 }.to_string(), "20-1");
    assert_eq!(Number { main: 20, sub: 1 }.to_article(), "第二十条之一");
}

/// A text of half a million lines of each awkward kind stays linear: the whole test takes a second or two even unoptimised.
#[test]
fn long_soups_take_linear_time() {
    for line in [
        "第一条 甲。",
        "“第二条 甲",
        "一、甲",
        "（一）甲",
        "第一章 甲",
        "附件一",
        "目录",
        "| 甲 |",
        "2020年1月1日",
        "甲",
        "（甲 通过",
        "1.甲",
        "第九条",
    ] {
        let text = format!("标题\n{}", format!("{line}\n").repeat(20_000));
        let started = std::time::Instant::now();
        checked_fast(&text);
        assert!(started.elapsed().as_secs() < 10, "{line}");
    }
    checked_fast(&"第一条 甲。".repeat(100_000));
    checked_fast(&"（一）甲；".repeat(100_000));
    checked_fast(&"“".repeat(100_000));
}

fn checked_fast(text: &str) {
    assert_eq!(parse(text).words(), normalise(text));
}

mod soups {
    use super::checked;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        let head = prop::sample::select(vec![
            "第一条 ",
            "第二条",
            "第三条　",
            "第十条之一 ",
            "笫四条 ",
            "第五 条",
            "五条 ",
            "第一章 ",
            "## 第二章",
            "第一节 ",
            "第一编 ",
            "（一）",
            "(二)",
            "（三） ",
            "1．",
            "2、",
            "3)",
            "①",
            "a)",
            "一、",
            "二、",
            "## 三、",
            "5.1 ",
            "“",
            "”",
            "“第六条 ",
            "附件",
            "附件一 ",
            "附：",
            "| ",
            "目录",
            "<!-- INFO END -->",
            "---",
            "# ",
            "## ",
            "",
            "2020年1月1日",
            "（",
            "）",
            "序言",
            "\u{3000}",
            "第一条、",
            "第二章规定的",
            "\u{E000}",
        ]);
        let tail = prop::sample::select(vec![
            "",
            "甲。",
            "包括：",
            "甲；",
            "附则",
            "总　则",
            "示范市人民政府",
            "依照第二条 办理。 第三条 乙。",
            "：（一）甲；（二）乙。",
            "修改为：“",
            "”。",
            "（2020年通过）",
            "第七条 丙",
            "主任，",
        ]);
        (head, tail).prop_map(|(h, t)| format!("{h}{t}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn any_string_survives(text in any::<String>()) {
            checked(&text);
        }

        #[test]
        fn any_soup_of_lines_survives(lines in prop::collection::vec(line(), 0..40)) {
            checked(&lines.join("\n"));
        }
    }
}
