//! The table of what queries mean, over a small catalogue of real and invented titles.

use proptest::prelude::*;

use super::*;

/// Title, weight, document number.
const WORKS: [(&str, f32, &str); 22] = [
    ("中华人民共和国民法典", 1.0, ""),
    ("中华人民共和国刑法", 1.0, ""),
    ("中华人民共和国劳动法", 1.0, ""),
    ("中华人民共和国劳动合同法", 1.0, ""),
    ("中华人民共和国劳动合同法实施条例", 0.8, ""),
    ("中华人民共和国行政诉讼法", 1.0, ""),
    ("中华人民共和国道路交通安全法", 1.0, ""),
    ("中华人民共和国治安管理处罚法", 1.0, ""),
    ("中华人民共和国消费者权益保护法", 1.0, ""),
    ("中华人民共和国农民专业合作社法", 1.0, ""),
    ("中华人民共和国保险法", 1.0, ""),
    ("中华人民共和国水法", 1.0, ""),
    ("物业管理条例", 0.8, ""),
    ("海州市物业管理条例", 0.4, "海府〔2021〕7号"),
    ("山州市物业管理条例", 0.4, ""),
    ("惠州市扬尘污染防治条例", 0.4, ""),
    ("海州市养犬管理规定", 0.4, "海州市人民政府令第98号"),
    ("海州市立法后评估办法", 0.3, "HZGS-2022-7"),
    ("最高人民法院关于适用《中华人民共和国行政诉讼法》的解释", 0.7, "法释〔2018〕1号"),
    ("最高人民法院关于适用刑法第十二条几个问题的解释", 0.6, ""),
    ("中华人民共和国刑法修正案（十一）", 0.9, ""),
    ("促进个体工商户发展条例", 0.8, ""),
];

fn id(title: &str) -> Uuid {
    let number = WORKS.iter().position(|(known, ..)| *known == title || known.strip_prefix("中华人民共和国") == Some(title));
    Uuid::from_u128(number.expect("a title of the table") as u128 + 1)
}

fn catalogue() -> TitleCatalogue {
    let entry = |(number, (title, weight, document)): (usize, &(&str, f32, &str))| TitleEntry {
        work_id: Uuid::from_u128(number as u128 + 1),
        title: (*title).to_owned(),
        aliases: if *title == "海州市养犬管理规定" { vec!["养犬规定".into(), "规定".into()] } else { Vec::new() },
        document_numbers: if document.is_empty() { Vec::new() } else { vec![(*document).to_owned()] },
        weight: *weight,
    };
    TitleCatalogue::new(WORKS.iter().enumerate().map(entry).collect())
}

fn article(main: u32) -> ProvisionRef {
    ProvisionRef { article: Some((main, 0)), ..ProvisionRef::default() }
}

#[test]
fn a_lookup_names_its_work_and_article() {
    use TitleMatchKind::{Alias, Exact, Inexact, Initials, Pinyin};
    let catalogue = catalogue();
    for (query, title, how, provision, text) in [
        ("民法典1024条", "民法典", Exact, Some(article(1024)), ""),
        ("民法典 第一千零二十四条", "民法典", Exact, Some(article(1024)), ""),
        ("民法典1024", "民法典", Exact, Some(article(1024)), ""),
        ("民法典第１０２４條", "民法典", Exact, Some(article(1024)), ""),
        ("第1024条民法典", "民法典", Exact, Some(article(1024)), ""),
        ("中华人民共和国 民法典 第 1024 条", "民法典", Exact, Some(article(1024)), ""),
        ("行诉法第12条第1款第3项", "行政诉讼法", Alias, Some(ProvisionRef { paragraph: Some(1), item: Some(3), ..article(12) }), ""),
        ("劳动法 38", "劳动法", Exact, Some(article(38)), ""),
        ("刑法133之一", "刑法", Exact, Some(ProvisionRef { article: Some((133, 1)), ..article(0) }), ""),
        ("《刑法》第一百三十三条之一", "刑法", Exact, Some(ProvisionRef { article: Some((133, 1)), ..article(0) }), ""),
        ("《中华人民共和国刑法》第二十条", "刑法", Exact, Some(article(20)), ""),
        ("刑法第五条至第七条", "刑法", Exact, Some(ProvisionRef { to_article: Some((7, 0)), ..article(5) }), ""),
        ("民商法保险法第三条的内容是什么？", "保险法", Exact, Some(article(3)), ""),
        ("经济法农民专业合作社法第九条的内容是什么", "农民专业合作社法", Exact, Some(article(9)), ""),
        ("请问水法第五条规定了什么", "水法", Exact, Some(article(5)), ""),
        ("道交法91条怎么规定的", "道路交通安全法", Alias, Some(article(91)), ""),
        ("違反道路交通安全法第九十一條怎麼處罰", "道路交通安全法", Exact, Some(article(91)), "怎么处罚"),
        ("劳动合同法实施条例第6条", "劳动合同法实施条例", Exact, Some(article(6)), ""),
        ("行政诉讼法司法解释第3条", "最高人民法院关于适用《中华人民共和国行政诉讼法》的解释", Alias, Some(article(3)), ""),
        ("扬尘污染条例", "惠州市扬尘污染防治条例", Inexact, None, ""),
        ("扬尘污染条例 20", "惠州市扬尘污染防治条例", Inexact, Some(article(20)), ""),
        ("治按管理处罚法", "治安管理处罚法", Inexact, None, ""),
        ("治按管理处罚法43条", "治安管理处罚法", Inexact, Some(article(43)), ""),
        ("消费者权益法", "消费者权益保护法", Inexact, None, ""),
        ("道路安全交通法", "道路交通安全法", Inexact, None, ""),
        ("mfd", "民法典", Initials, None, ""),
        ("MFD1024", "民法典", Initials, Some(article(1024)), ""),
        ("mfd 第1024条", "民法典", Initials, Some(article(1024)), ""),
        ("minfadian", "民法典", Pinyin, None, ""),
        ("min fa dian 1024", "民法典", Pinyin, Some(article(1024)), ""),
        ("物业管理条例第二十条", "物业管理条例", Exact, Some(article(20)), ""),
        ("海州物业管理条例", "海州市物业管理条例", Alias, None, ""),
        ("养犬规定 5条", "海州市养犬管理规定", Alias, Some(article(5)), ""),
        ("刑法修正案11", "中华人民共和国刑法修正案（十一）", Exact, None, ""),
        ("劳动合同法 经济补偿", "劳动合同法", Exact, None, "经济补偿"),
        ("民法典居住权", "民法典", Exact, None, "居住权"),
        ("劳动法第四十四条规定的加班工资", "劳动法", Exact, Some(article(44)), "加班工资"),
        ("关于适用刑法第十二条几个问题的解释", "最高人民法院关于适用刑法第十二条几个问题的解释", Alias, None, ""),
    ] {
        let meant = understand(query, &catalogue, None);
        let first = meant.titles.first().unwrap_or_else(|| panic!("{query}: no title"));
        assert_eq!((first.work_id, first.how), (id(title), how), "{query}: {:?}", meant.titles);
        assert!(first.certainty >= LOOKUP_CERTAINTY, "{query}: {}", first.certainty);
        assert_eq!((meant.provision, meant.text.as_str()), (provision, text), "{query}");
    }
}

fn catalogue_of(titles: &[&str]) -> TitleCatalogue {
    let entry = |(number, title): (usize, &&str)| TitleEntry {
        work_id: Uuid::from_u128(number as u128 + 1),
        title: (*title).to_owned(),
        aliases: Vec::new(),
        document_numbers: Vec::new(),
        weight: 0.5,
    };
    TitleCatalogue::new(titles.iter().enumerate().map(entry).collect())
}

#[test]
fn a_title_may_be_shortened_before_an_article() {
    let mut titles = vec![
        "清河市养犬管理条例",
        "清河市城市绿化条例",
        "清河市机动车停车管理规定",
        "清河市城区道路临时停车管理办法",
        "明川省物业管理条例",
        "清河市物业管理条例",
        "清河市电动自行车安全管理条例",
        "中华人民共和国劳动合同法",
    ];
    let looked_up = |query: &str, titles: &[&str]| {
        let mut found: Vec<String> = understand(query, &catalogue_of(titles), None).looked_up().map(|found| found.title.clone()).collect();
        found.sort();
        found
    };
    for (query, meant) in [
        ("养犬条例第12条", vec!["清河市养犬管理条例"]),
        ("绿化条例第5条", vec!["清河市城市绿化条例"]),
        ("停车规定第3条", vec!["清河市机动车停车管理规定"]),
        ("《养犬条例》第12条", vec!["清河市养犬管理条例"]),
        // Without an article the words are a matter; too much left out, or a law, is another title.
        ("养犬条例", vec![]),
        ("安全条例第5条", vec![]),
        ("合同法第5条", vec![]),
    ] {
        assert_eq!(looked_up(query, &titles), meant, "{query}");
    }
    assert_eq!(looked_up("物业条例第30条", &titles), looked_up("物业管理条例第30条", &titles));
    titles.push("清河市城区停车管理规定");
    assert_eq!(looked_up("停车规定第3条", &titles), Vec::<String>::new(), "two end so");
}

#[test]
fn a_title_that_is_not_here_is_told_from_other_words() {
    let catalogue = catalogue_of(&["清河市养犬管理条例", "中华人民共和国劳动合同法"]);
    for (query, missing) in [
        ("民法典1024条", Some("民法典")),
        ("请问民法典第一千零二十四条", Some("民法典")),
        ("民法典 1024", Some("民法典")),
        ("《中华人民共和国民法典》", Some("中华人民共和国民法典")),
        ("《某某登记办法》怎么规定", Some("某某登记办法")),
        ("道交法", Some("道路交通安全法")),
        ("道交法 91", Some("道路交通安全法")),
        ("第91条 道交法", Some("道路交通安全法")),
        ("上海市养犬管理条例第5条", Some("上海市养犬管理条例")),
        ("养犬管理条例第5条", None),
        ("《清河市养犬管理条例》", None),
        ("劳动合同法38", None),
        ("小区物业违反养犬管理条例第5条", None),
        ("邻居不守养犬管理条例第5条", None),
        ("学习民法典", Some("民法典")),
        ("相关规定第5条", None),
        ("养犬的规定第5条", None),
        ("第20条 养犬", None),
        ("狗咬人谁负责", None),
        ("养犬管理", None),
    ] {
        let meant = understand(query, &catalogue, None);
        assert_eq!(meant.missing_title.as_deref(), missing, "{query}: {:?}", meant.titles);
    }
}

#[test]
fn words_beside_an_article_may_be_of_a_title() {
    let catalogue = catalogue_of(&["清河市养犬管理条例", "清河市物业管理条例"]);
    for (query, words, titled) in [
        ("第20条 养犬", vec!["养犬"], 1),
        ("第二十条养犬 管理", vec!["养犬", "管理"], 1),
        ("第20条 管理", vec![], 0),
        ("养犬", vec![], 0),
        ("养犬管理条例第20条", vec![], 0),
    ] {
        let meant = understand(query, &catalogue, None);
        assert_eq!(meant.subject_words(), words, "{query}");
        assert_eq!(catalogue.titled_with(&words, 5).len(), titled, "{query}");
    }
}

#[test]
fn lay_questions_are_no_lookups() {
    let catalogue = catalogue();
    for query in [
        "谁可以成为个体工商户？",
        "劳动合同到期不续签有补偿吗",
        "法院会取消法律援助吗",
        "排水法规去哪里查",
        "养老保险怎么交",
        "狗咬人谁负责",
        "物业不管事怎么办",
        "住宅小区里能养鸡吗",
        "写字楼下的保险法子好不好用",
    ] {
        let meant = understand(query, &catalogue, None);
        assert!(meant.looked_up().next().is_none(), "{query}: {:?}", meant.titles);
        assert!(!meant.text.is_empty(), "{query}");
    }
    // A law named as the matter of a question is touched on, and its words stay in the text.
    let meant = understand("公司没签合同违反了劳动合同法应该怎么赔偿", &catalogue, None);
    assert!(meant.looked_up().next().is_none() && meant.titles.first().is_some_and(|found| found.work_id == id("劳动合同法")));
    assert!(meant.text.contains("劳动合同法"), "{}", meant.text);
}

#[test]
fn a_place_is_not_another_place() {
    let catalogue = catalogue();
    for query in ["广州市物业管理条例", "广州物业管理条例第三条", "养老保险法第五条"] {
        let meant = understand(query, &catalogue, None);
        assert!(meant.looked_up().all(|found| found.work_id == id("保险法")), "{query}: {:?}", meant.titles);
    }
}

#[test]
fn a_bare_provision_is_said_of_the_open_document() {
    let catalogue = catalogue();
    let open = Some(id("水法"));
    for (query, text) in [("第二十条", ""), ("20条", ""), ("本法第20条", ""), ("第二十条 取水", "取水")] {
        let meant = understand(query, &catalogue, open);
        let how = meant.titles.first().map(|found| (found.work_id, found.how));
        assert_eq!(
            (how, meant.provision, meant.text.as_str()),
            (Some((id("水法"), TitleMatchKind::Context)), Some(article(20)), text),
            "{query}"
        );
    }
    // A title that is named wins; without a provision the open document does not matter.
    assert_eq!(understand("刑法第二十条", &catalogue, open).titles.first().map(|found| found.work_id), Some(id("刑法")));
    assert_eq!(understand("取水许可", &catalogue, open).titles, []);
    let meant = understand("20条 养犬", &catalogue, None);
    assert_eq!((meant.titles.len(), meant.provision, meant.text.as_str()), (0, Some(article(20)), "养犬"));
}

#[test]
fn document_numbers_find_their_works() {
    let catalogue = catalogue();
    for (query, number, title) in [
        ("海府〔2021〕7号", "海府(2021)7号", Some("海州市物业管理条例")),
        ("海府[2021]7号", "海府(2021)7号", Some("海州市物业管理条例")),
        ("海府【二○二一】第7号", "海府(2021)7号", Some("海州市物业管理条例")),
        ("HZGS-2022-7", "hzgs-2022-7", Some("海州市立法后评估办法")),
        ("ＨＺＧＳ—2022—7", "hzgs-2022-7", Some("海州市立法后评估办法")),
        ("令98号", "令98号", Some("海州市养犬管理规定")),
        ("令第98号", "令98号", Some("海州市养犬管理规定")),
        ("海州市人民政府令第98号", "海州市人民政府令98号", Some("海州市养犬管理规定")),
        ("惠府〔2022〕32号", "惠府(2022)32号", None),
    ] {
        let meant = understand(query, &catalogue, None);
        assert_eq!(meant.document_number.as_deref(), Some(number), "{query}");
        assert_eq!(
            meant.titles.first().map(|found| (found.work_id, found.how)),
            title.map(|title| (id(title), TitleMatchKind::DocumentNumber)),
            "{query}"
        );
        assert_eq!(meant.text, "", "{query}");
    }
}

#[test]
fn several_titles_and_provisions() {
    let catalogue = catalogue();
    let meant = understand("刑法第20条和民法典第181条", &catalogue, None);
    assert_eq!(meant.titles.iter().map(|found| found.work_id).collect::<Vec<_>>(), [id("刑法"), id("民法典")]);
    assert_eq!(meant.provision, Some(article(20)));
    assert_eq!(meant.more_provisions, [NamedProvision { provision: article(181), work_ids: vec![id("民法典")] }]);

    let meant = understand("民法典 刑法 正当防卫", &catalogue, None);
    assert_eq!((meant.looked_up().count(), meant.text.as_str()), (2, "正当防卫"));

    let meant = understand("刑法第二十条、第二十一条", &catalogue, None);
    assert_eq!(meant.more_provisions, [NamedProvision { provision: article(21), work_ids: Vec::new() }]);

    // The one that is called so comes before those of the cities.
    let meant = understand("物业管理条例", &catalogue, None);
    let works: Vec<_> = meant.titles.iter().map(|found| found.work_id).collect();
    assert_eq!(works, [id("物业管理条例"), id("海州市物业管理条例"), id("山州市物业管理条例")]);
}

#[test]
fn operators_and_years() {
    let catalogue = catalogue();
    let meant = understand("“饮用水源” 保护 －收费 不含：罚款", &catalogue, None);
    assert_eq!(
        (meant.phrases, meant.excluded, meant.text),
        (vec!["饮用水源".to_owned()], vec!["收费".to_owned(), "罚款".to_owned()], "保护".to_owned())
    );
    let meant = understand("劳动合同法2012年修正 试用期", &catalogue, None);
    assert_eq!((meant.year, meant.text.as_str(), meant.provision), (Some(2012), "试用期", None));
    let meant = understand("  ", &catalogue, None);
    assert_eq!((meant.text.as_str(), meant.titles.len()), ("", 0));
}

#[test]
fn an_empty_catalogue_understands_numbers() {
    let meant = understand("民法典第1024条", &TitleCatalogue::default(), None);
    assert_eq!((meant.titles.len(), meant.provision, meant.text.as_str()), (0, Some(article(1024)), "民法典"));
}

proptest! {
    #[test]
    fn no_line_breaks_it(query in any::<String>()) {
        let meant = understand(&query, &catalogue(), Some(id("水法")));
        prop_assert_eq!(meant.normalised.chars().count(), query.chars().count());
        prop_assert!(meant.titles.iter().all(|found| (0.0..=1.0).contains(&found.certainty)));
    }

    #[test]
    fn no_mixture_of_its_own_words_breaks_it(
        parts in prop::collection::vec(
            prop::sample::select(vec!["民法典", "第", "条", "之", "一", "20", "款", "（", "）", "《", "》", "-", "“", "”", "不含:", " ", "令", "号", "〔2022〕", "mfd", "物业管理", "条例", "中华人民共和国", "至", "、", "𠮷", "\u{0}"]),
            0..40,
        ),
    ) {
        let query = parts.concat();
        let meant = understand(&query, &catalogue(), None);
        prop_assert!(meant.titles.len() <= MOST_TITLES);
        let _ = crate::search::suggest::complete(&query, &catalogue(), 5);
    }
}
