use super::*;
use crate::corpus::structure::parse;

/// A citation as one line: kind, title, members.
fn shown(text: &str, names: &[&Names]) -> Vec<String> {
    find_citations(text, names)
        .iter()
        .map(|c| {
            assert!(text.get(c.start..c.end).is_some_and(|t| !t.is_empty()), "{text}");
            let targets: Vec<String> = c
                .targets
                .iter()
                .map(|t| {
                    assert!(c.start <= t.start && t.start < t.end && t.end <= c.end, "{text}: {t:?}");
                    let to = t.to.map(|p| format!("~{}", short(&p))).unwrap_or_default();
                    format!("{}{to}", short(&t.from))
                })
                .collect();
            let title = c.title.as_ref().map(|t| format!("《{t}》")).unwrap_or_default();
            format!("{}{title} {}", c.kind.as_str(), targets.join(",")).trim_end().to_owned()
        })
        .collect()
}

fn short(place: &Place) -> String {
    let mut parts = Vec::new();
    match place.base {
        Base::Document => {}
        Base::ThisArticle => parts.push("本条".into()),
        Base::ThisParagraph => parts.push("本款".into()),
        Base::ThisItem => parts.push("本项".into()),
        Base::ThisPart => parts.push("本编".into()),
        Base::ThisChapter => parts.push("本章".into()),
        Base::ThisSection => parts.push("本节".into()),
        Base::NamedBefore => parts.push("前述".into()),
        Base::ArticlesBefore(n) => parts.push(format!("条-{n}")),
        Base::ParagraphsBefore(n) => parts.push(format!("款-{n}")),
        Base::ItemsBefore(n) => parts.push(format!("项-{n}")),
    }
    for (value, word) in
        [(place.attachment, "附"), (place.part, "编"), (place.sub_part, "分"), (place.chapter, "章"), (place.section, "节")]
    {
        parts.extend(value.map(|n| format!("{n}{word}")));
    }
    parts.extend(place.article.map(|n| format!("{n}条")));
    for (value, word) in [(place.paragraph, "款"), (place.item, "项"), (place.sub_item, "目")] {
        parts.extend(value.map(|n| format!("{n}{word}")));
    }
    parts.concat()
}

#[test]
fn every_pattern() {
    let names = Names::new([("刑法", "中华人民共和国刑法"), ("行政诉讼法", "中华人民共和国行政诉讼法"), ("路灯法", "路灯法")]);
    let cases: &[(&str, &[&str])] = &[
        ("违反本法第三条的规定", &["this_document 3条"]),
        ("违反本条例第二十三条第四项、第五项规定的", &["this_document 23条4项,23条5项"]),
        ("依照本办法第十五条第一项、第八项或者第二十九条第一项处理", &["this_document 15条1项,15条8项,29条1项"]),
        ("违反本条例第四十条的第三款、第四款规定", &["this_document 40条3款,40条4款"]),
        ("本法第四十九条至第五十七条、第六十条至第六十三条规定的", &["this_document 49条~57条,60条~63条"]),
        ("本规定第二、三条", &["this_document 2条,3条"]),
        ("前款所称路灯", &["previous_paragraph 款-1"]),
        ("前款第（一）至（五）项情形", &["previous_paragraph 款-11项~款-15项"]),
        ("有前款（一）、（二）项行为", &["previous_paragraph 款-11项,款-12项"]),
        ("前两款规定的", &["previous_paragraphs 款-2"]),
        ("上款规定", &["previous_paragraph 款-1"]),
        ("前条第一款规定的", &["previous_article 条-11款"]),
        ("依照前两条规定", &["previous_article 条-2"]),
        ("以前项手段", &["previous_item 项-1"]),
        ("本条所称灯", &["this_article 本条"]),
        ("违反本条第一款、第二款规定", &["this_article 本条1款,本条2款"]),
        ("本条第三、四款", &["this_article 本条3款,本条4款"]),
        ("不属于本款第（一）至第（三）项所列", &["this_paragraph 本款1项~本款3项"]),
        ("适用本项第１目的规定", &["this_item 本项1目"]),
        ("本章另有规定的，适用本节规定；本编没有规定的", &["this_division 本章", "this_division 本节", "this_division 本编"]),
        ("参照适用本编第三章第一节的有关规定", &["this_division 本编3章1节"]),
        ("本章第九条至第十二条、第十四条规定", &["this_division 本章9条~本章12条,本章14条"]),
        ("第四章第八节的规定", &["division 4章8节"]),
        ("本法第二编第六章", &["this_document 2编6章"]),
        ("依照第二百条之一第二款处理", &["article 200-1条2款"]),
        ("第四十一条、第42条和第４３条", &["article 41条,42条,43条"]),
        ("第三条第二款第一项", &["article 3条2款1项"]),
        ("第七项至第十五项相应改为", &["item 本款7项~本款15项"]),
        ("第一款第二至五项中", &["paragraph 本条1款2项~本条1款5项"]),
        ("第五、六、七、八项", &["item 本款5项,本款6项,本款7项,本款8项"]),
        ("《路灯法》第三条、第四条第二款", &["named《路灯法》 3条,4条2款"]),
        (
            "《关于〈路灯法〉的解释》（示释〔2015〕11号）第一条第一款第（一）项、第二款和第二条",
            &["named《关于〈路灯法〉的解释》 1条1款1项,1条2款,2条"],
        ),
        ("根据《路灯法》（以下简称灯法）制定本条例", &["document《路灯法》"]),
        ("刑法第一百四十三条规定的", &["named_plainly《中华人民共和国刑法》 143条"]),
        ("应当认定为刑法第二百一十条之一第一款规定的", &["named_plainly《中华人民共和国刑法》 210-1条1款"]),
        ("依照行政诉讼法的规定", &["document_plainly《中华人民共和国行政诉讼法》"]),
        ("依照企业破产法第十九条的规定", &["named_plainly《企业破产法》 19条"]),
        ("执行程序未依照突发事件应对法第十九条中止的", &["named_plainly《突发事件应对法》 19条"]),
        ("按照本规则附件一的规定", &["this_document 1附"]),
        ("标识（附件2）", &["attachment 2附"]),
        ("根据本法第二十五条第二款、第三款和本条第一款的规定", &["this_document 25条2款,25条3款", "this_article 本条1款"]),
        ("触犯刑法分则第九章第三百九十七条的", &["named_plainly《中华人民共和国刑法》 9章397条"]),
        ("犯罪嫌疑人实施刑法第三条、不受路灯法第四条限制", &["named_plainly《中华人民共和国刑法》 3条", "named_plainly《路灯法》 4条"]),
        (
            "刑法第三条规定的甲罪、第四条规定的乙罪，依照第五条处罚",
            &["named_plainly《中华人民共和国刑法》 3条", "named_plainly《中华人民共和国刑法》 4条", "article 5条"],
        ),
        ("列入《灯具公约》附录一、附录二的", &["named《灯具公约》 1附,2附"]),
        ("违反本条例第九条第一款规定的，处罚；违反第二款规定的，没收", &["this_document 9条1款", "paragraph 9条2款"]),
        ("违反第二项规定的", &["item 前述2项"]),
        // Not citations.
        ("本条例自公布之日起施行，本章程、本条款、本节目除外", &[]),
        ("基本项目、资本项目、目前款项、前项目、第一项目", &[]),
        ("第三人在第二审程序中，第一类路灯，第二十四小时", &[]),
        ("劳动刑法学", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(&shown(text, &[&names]), expected, "{text}");
    }
}

#[test]
fn aliases_of_a_document() {
    type Expected = &'static [(&'static str, &'static str, bool)];
    let cases: &[(&str, Expected)] = &[
        ("根据《中华人民共和国路灯法》（以下简称路灯法）", &[("路灯法", "中华人民共和国路灯法", true)]),
        ("根据《路灯法》(以下简称《灯法》)", &[("灯法", "路灯法", true)]),
        ("示范市路灯管理局（以下简称“市路灯局”）负责", &[("市路灯局", "示范市路灯管理局", false)]),
        ("由区级路灯管理机构（以下统称管理机构）负责", &[("管理机构", "区级路灯管理机构", false)]),
        ("灯杆、灯罩（包括备件，以下称灯具，下同）", &[("灯具", "灯罩", false)]),
        ("电力企业（以下简称供电企业或者供电方）", &[("供电企业", "电力企业", false), ("供电方", "电力企业", false)]),
        ("《路灯许可证》（以下简称许可证）", &[("许可证", "路灯许可证", false)]),
        ("（以下简称无名）", &[]),
        ("路灯（含景观灯）", &[]),
    ];
    for (text, expected) in cases {
        let found = find_aliases(text);
        let found: Vec<(&str, &str, bool)> = found.iter().map(|a| (a.short.as_str(), a.full.as_str(), a.is_document)).collect();
        assert_eq!(&found, expected, "{text}");
    }
}

const DOCUMENT: &str = "路灯条例\n第一章 总则\n第一条 甲。\n第二条 包括：\n（一）高灯；\n（二）低灯，分为：\n1．红；\n2．绿。\n前款第一项另定，见第二项。\n违反前两款规定的，处罚。\n\
    第二章 管护\n第一节 甲\n第三条 按照前条第二款处理；本章没有规定的，适用第一章。\n第三条之一 依照本条例第二条第二项第2目、第一条至第三条、第九条办理。\n第三章 罚则\n第四条 违反本条例第二条规定，按照下列规定处罚：\n（一）违反第一项规定的，警告；\n（二）其他。\n违反第一项规定的，另罚。\n附件一\n第一条 灯。\n第二条 依照第一条和前条。";

#[test]
fn resolving_in_the_same_document() {
    let structure = parse(DOCUMENT);
    let outline = Outline::new(&structure);
    let resolved = |address: &str| -> Vec<String> {
        let at = structure.provisions.iter().position(|p| p.address == address).expect(address);
        find_citations(&structure.provisions[at].text, &[])
            .iter()
            .flat_map(|c| outline.resolve(c, at))
            .map(|r| match r {
                Resolution::Here(found) => found.join(" "),
                Resolution::Elsewhere { title, address } => format!("{title}:{address}"),
                Resolution::Nowhere => "-".into(),
            })
            .collect()
    };
    assert_eq!(resolved("art-2/para-2"), ["art-2/para-1/item-1", "art-2/para-1/item-2"]);
    assert_eq!(resolved("art-2/para-3"), ["art-2/para-1 art-2/para-2"]);
    assert_eq!(resolved("art-3/para-1"), ["art-2/para-2", "chap-2", "chap-1"]);
    assert_eq!(resolved("art-3-1/para-1"), ["art-2/para-1/item-2/sub-2", "art-1 art-2 art-3", "-"]);
    assert_eq!(resolved("art-4/para-1/item-1"), ["art-2/para-1/item-1"]);
    assert_eq!(resolved("art-4/para-2"), ["art-4/para-1/item-1"]);
    assert_eq!(resolved("att-1/art-2/para-1"), ["att-1/art-1", "att-1/art-1"]);
}

#[test]
fn resolving_in_another_document() {
    let structure = parse("路灯条例\n第一条 甲。");
    let outline = Outline::new(&structure);
    let one = |text: &str| find_citations(text, &[]).iter().flat_map(|c| outline.resolve(c, 1)).collect::<Vec<_>>();
    let elsewhere = |title: &str, address: &str| Resolution::Elsewhere { title: title.into(), address: address.into() };
    assert_eq!(one("《灯法》第二条第一款第三项"), [elsewhere("灯法", "art-2/para-1/item-3")]);
    assert_eq!(one("《灯法》第二条第三项"), [elsewhere("灯法", "art-2")]);
    assert_eq!(one("《灯法》"), [elsewhere("灯法", "")]);
    // Its own title leads home.
    assert_eq!(one("《路灯条例》第一条"), [Resolution::Here(vec!["art-1".into()])]);
    assert_eq!(one("《路灯条例》"), [Resolution::Here(vec!["title".into()])]);
    // What the text leaves open, the other document's own outline answers.
    let other = parse(DOCUMENT);
    let citation = find_citations("《路灯条例》第二条第二项", &[]).remove(0);
    let found = Outline::new(&other).find(&citation.targets[0], 0);
    assert_eq!(other.provisions[found[0]].address, "art-2/para-1/item-2");
}

#[test]
fn units_and_parts_of_files() {
    let decision = parse("路灯决定\n一、甲灯。\n二、依照前条处理。");
    let at = decision.provisions.iter().position(|p| p.address == "h-2/para-1").expect("a paragraph");
    let citation = find_citations("依照前条处理", &[]).remove(0);
    assert_eq!(Outline::new(&decision).resolve(&citation, at), [Resolution::Here(vec!["h-1".into()])]);
    let part = parse("# 法典\n# 灯具编\n<!-- INFO END -->\n第一分编 通则\n第一条 本编调整灯。");
    let at = part.provisions.iter().position(|p| p.address == "art-1/para-1").expect("a paragraph");
    let citation = find_citations("本编调整灯", &[]).remove(0);
    assert_eq!(Outline::new(&part).resolve(&citation, at), [Resolution::Here(vec!["head-1".into()])]);
}

#[test]
fn names_prefer_the_longest_and_the_first() {
    let mut names = Names::new([("灯法", "路灯法"), ("灯法解释", "路灯法解释"), ("灯", "x")]);
    names.add([("灯法", "另一部")]);
    assert_eq!(names.title_of("灯法"), Some("路灯法"));
    assert_eq!(shown("依照灯法解释第一条", &[&names]), ["named_plainly《路灯法解释》 1条"]);
    assert_eq!(names.title_of("灯"), None);
}

mod soups {
    use super::super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            find_citations(&text, &[&Names::new([("刑法", "刑法")])]);
            find_aliases(&text);
        }

        #[test]
        fn any_soup_is_read_in_order(parts in prop::collection::vec(prop::sample::select(vec![
            "第", "一", "二十", "条", "款", "项", "目", "章", "节", "编", "分", "之", "、", "，", "和", "至", "或者", "（", "）", "《", "》", "本", "前", "法", "条例", "规定", "两", "附件", "刑法", " ", "的", "以下简称", "依照",
        ]), 0..60)) {
            let text = parts.concat();
            let found = find_citations(&text, &[&Names::new([("刑法", "刑法")])]);
            let structure = crate::corpus::structure::parse(&format!("规定\n第一条 {text}"));
            let outline = Outline::new(&structure);
            let mut last = 0;
            for citation in &found {
                prop_assert!(citation.start >= last && citation.end > citation.start && text.get(citation.start..citation.end).is_some());
                last = citation.end;
                for at in 0..structure.provisions.len() {
                    prop_assert_eq!(outline.resolve(citation, at).len(), citation.targets.len().max(1));
                }
            }
            find_aliases(&text);
        }
    }
}
