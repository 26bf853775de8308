//! What a request can ask.

use super::*;
use crate::search::{Filters, Proximity, Scope};

#[test]
fn a_named_provision_comes_first_whole_and_in_the_version_of_the_day() {
    let shelf = shelf_of(corpus());
    for query in ["清河市养犬管理条例第二条", "养犬管理条例2条", "清河市养犬管理条例 第２条第二款"] {
        let response = ask(&shelf, &request(query));
        let answer = response.answer.as_ref().unwrap_or_else(|| panic!("no answer for {query}"));
        assert_eq!(answer.hit.source_id.as_deref(), Some("1-2-2"), "{query}");
        assert_eq!(answer.paragraphs, ["养犬人应当自取得犬只之日起三十日内办理登记。", "登记有效期为二年。"]);
        assert_eq!((answer.hit.validity.as_str(), answer.hit.path.as_str()), ("in_force", "第一章 总则"));
        assert_eq!(ids(&response)[0], "1-2-2");
    }
    assert_eq!(ask(&shelf, &request("清河市养犬管理条例第二条第二款")).answer.expect("an answer").paragraph, Some(2));
    let before = ask(&shelf, &SearchRequest { as_of: day("2015-01-01"), ..request("清河市养犬管理条例第二条") });
    assert_eq!(before.answer.expect("an answer").hit.source_id.as_deref(), Some("1-1-2"));
    let absent = ask(&shelf, &request("清河市养犬管理条例第九十九条"));
    assert!(absent.answer.is_none(), "no other article stands in for one that does not exist");
    assert_eq!((absent.hits[0].title.as_str(), absent.hits[0].address.as_str()), ("清河市养犬管理条例", ""));
}

#[test]
fn what_the_library_does_not_hold_is_said_above_the_results() {
    let shelf = shelf_of(corpus());
    let notice = |query: &str| ask(&shelf, &request(query)).notice;
    let missing = ask(&shelf, &request("民法典1024条"));
    assert!(missing.answer.is_none() && missing.notice.as_deref().is_some_and(|n| n.starts_with("法规库里没有《民法典》")));
    assert_eq!(notice("养犬管理条例 第99条").as_deref(), Some("《清河市养犬管理条例》没有第九十九条。"));
    assert_eq!(notice("养犬管理条例第二条之一").as_deref(), Some("《清河市养犬管理条例》没有第二条之一。"));
    for query in ["养犬管理条例第二条", "养犬管理条例", "办理登记", "狗咬人谁负责", "第二条"] {
        assert_eq!(notice(query), None, "{query}");
    }
    assert_eq!(ask(&shelf, &request("养犬条例第2条")).answer.expect("an answer").hit.source_id.as_deref(), Some("1-2-2"));
}

#[test]
fn an_article_number_with_a_subject_leads_to_the_law_of_that_subject() {
    let shelf = shelf_of(corpus());
    for query in ["第3条 养犬", "养犬 第三条"] {
        let response = ask(&shelf, &request(query));
        assert_eq!((ids(&response)[0], response.answer.is_none()), ("1-2-3", true), "{query}");
        assert_eq!(response.hits.len() as u64, response.total_articles, "{query}");
    }
}

#[test]
fn a_chosen_day_can_leave_out_what_is_not_in_force_on_it() {
    let shelf = shelf_of(corpus());
    let then = |query: &str| SearchRequest { as_of: day("2015-01-01"), only_in_force: true, ..request(query) };
    let response = ask(&shelf, &then("应当"));
    assert!(!response.hits.is_empty() && ids(&response).iter().all(|id| id.starts_with("1-1-")), "{:?}", ids(&response));
    let validity = response.facets.iter().find(|facet| facet.name == "validity").expect("a facet");
    assert!(validity.values.iter().any(|value| value.value == "not_yet_in_force" && value.count > 0), "what else there is stays in sight");
    let later = Filters { validity: vec!["not_yet_in_force".into()], ..Filters::default() };
    let response = ask(&shelf, &SearchRequest { filters: later, ..then("应当") });
    assert!(!response.hits.is_empty() && response.hits.iter().all(|hit| hit.validity == "not_yet_in_force"));
    let notice = ask(&shelf, &then("示例民事法第一条")).notice;
    assert_eq!(notice.as_deref(), Some("《中华人民共和国示例民事法》在2015年1月1日没有有效的文本。"));
}

#[test]
fn a_bare_article_is_said_of_the_document_now_open() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &SearchRequest { context_work: Some(work(4)), ..request("第二条") });
    assert_eq!(response.answer.expect("an answer").hit.source_id.as_deref(), Some("4-1-2"));
}

#[test]
fn a_named_document_comes_first_as_a_whole() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &request("示例民事法"));
    assert_eq!((response.hits[0].title.as_str(), response.hits[0].address.as_str()), ("中华人民共和国示例民事法", ""));
}

#[test]
fn only_the_version_of_the_day_is_searched_and_repealed_documents_come_later() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &request("办理登记"));
    let found = ids(&response);
    assert!(!found.iter().any(|id| id.starts_with("1-1-")), "{found:?}");
    let place = |id: &str| found.iter().position(|f| *f == id).unwrap_or_else(|| panic!("{id} in {found:?}"));
    assert!(place("1-2-2") < place("2-1-2") && place("4-1-2") < place("2-1-2"), "{found:?}");
    let all = ask(&shelf, &SearchRequest { all_versions: true, ..request("管理费") });
    assert_eq!((ids(&all)[0], all.hits[0].validity.as_str()), ("1-1-2", "amended"));
    assert!(ids(&ask(&shelf, &request("管理费"))).iter().all(|id| *id != "1-1-2"));
}

#[test]
fn equal_texts_rank_in_force_before_repealed() {
    let text = &["露天烧烤应当在划定区域内进行。"];
    let documents = vec![
        document(1, 1, "清河市烧烤管理旧规定", "municipal_rule", ("2000-01-01", Some("2010-01-01")), text),
        document(2, 1, "清河市烧烤管理新规定", "municipal_rule", ("2010-01-01", None), text),
    ];
    let shelf = shelf_of(documents);
    assert_eq!(ids(&ask(&shelf, &request("露天烧烤"))), ["2-1-1", "1-1-1"]);
}

#[test]
fn lay_words_find_legal_words() {
    let shelf = shelf_of(corpus());
    assert_eq!(ids(&ask(&shelf, &request("狗咬人谁负责")))[0], "3-1-2");
    let off = SearchRequest { switches: ["synonyms".to_owned()].into(), ..request("狗咬人谁负责") };
    assert!(!ids(&ask(&shelf, &off)).contains(&"3-1-2"));
}

#[test]
fn quoted_phrases_must_occur_and_excluded_words_must_not() {
    let shelf = shelf_of(corpus());
    let found = ask(&shelf, &request("“应当束犬链，并避让”"));
    assert_eq!((ids(&found), found.total_articles), (vec!["1-2-3"], 1));
    let with = ask(&shelf, &request("登记"));
    assert!(ids(&with).contains(&"4-1-2"));
    let without = ask(&shelf, &request("登记 -读者"));
    assert!(!ids(&without).contains(&"4-1-2") && ids(&without).contains(&"1-2-2"));
}

#[test]
fn numerals_widths_and_traditional_characters_match() {
    let shelf = shelf_of(corpus());
    for query in ["30日内登记", "三十日内登记", "３０日內登記"] {
        assert_eq!(ids(&ask(&shelf, &request(query)))[0], "1-2-2", "{query}");
    }
    assert_eq!(ids(&ask(&shelf, &request("犬链避让"))).first(), Some(&"1-2-3"));
}

#[test]
fn words_can_be_asked_for_in_one_article_or_one_paragraph() {
    let shelf = shelf_of(corpus());
    let ask_near = |query: &str, proximity| ask(&shelf, &SearchRequest { proximity, ..request(query) });
    assert_eq!(ids(&ask_near("图书馆 公布", Proximity::SameArticle)), ["4-1-1"]);
    assert_eq!(ask_near("图书馆 公布", Proximity::SameParagraph).total_articles, 0);
    assert_eq!(ids(&ask_near("图书馆 免费", Proximity::SameParagraph)), ["4-1-1"]);
}

#[test]
fn earlier_queries_narrow_the_results() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &SearchRequest { within: vec!["读者证".into()], ..request("登记") });
    assert_eq!(ids(&response), ["4-1-2"]);
}

#[test]
fn the_open_document_may_be_searched_alone() {
    let shelf = shelf_of(corpus());
    let everywhere = ask(&shelf, &request("应当"));
    let works: std::collections::BTreeSet<_> = everywhere.hits.iter().map(|hit| hit.work_id).collect();
    assert!(works.len() > 1);
    for work in works {
        let inside = ask(&shelf, &SearchRequest { context_work: Some(work), only_in_context: true, ..request("应当") });
        let expected = everywhere.hits.iter().filter(|hit| hit.work_id == work).count();
        assert_eq!((inside.hits.len(), inside.total_documents), (expected, 1));
        assert!(inside.hits.iter().all(|hit| hit.work_id == work));
    }
}

#[test]
fn facets_ignore_their_own_filter_and_totals_regard_all() {
    let shelf = shelf_of(corpus());
    let filtered = SearchRequest { filters: Filters { level: vec!["law".into()], ..Filters::default() }, ..request("应当") };
    let response = ask(&shelf, &filtered);
    assert!(response.hits.iter().all(|hit| hit.level == "law") && response.total_articles == 3 && response.total_documents == 1);
    let facet = |name: &str| response.facets.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}"));
    let level: Vec<(&str, u64, bool)> = facet("level").values.iter().map(|v| (v.value.as_str(), v.count, v.is_chosen)).collect();
    assert_eq!(level, [("law", 3, true), ("municipal_rule", 3, false), ("municipal_regulation", 2, false)]);
    assert_eq!(facet("region").values.iter().map(|v| (v.value.as_str(), v.count)).collect::<Vec<_>>(), [("全国", 3)]);
    let by_validity =
        ask(&shelf, &SearchRequest { filters: Filters { validity: vec!["repealed".into()], ..Filters::default() }, ..request("登记") });
    assert!(!by_validity.hits.is_empty() && by_validity.hits.iter().all(|hit| hit.title == "清河市犬只登记暂行办法"));
    let by_year = ask(&shelf, &SearchRequest { filters: Filters { year: vec![2018], ..Filters::default() }, ..request("应当") });
    assert!(!by_year.hits.is_empty() && by_year.hits.iter().all(|hit| hit.title == "清河市图书馆管理规定"));
    let none = ask(&shelf, &SearchRequest { filters: Filters { region: vec!["不存在".into()], ..Filters::default() }, ..request("应当") });
    assert_eq!((none.total_articles, none.hits.len()), (0, 0));
}

#[test]
fn pages_neither_repeat_nor_skip_and_have_no_cap() {
    let texts: Vec<String> =
        (0..403).map(|i| format!("登记事项{}的变更应当登记。", crate::corpus::numerals::to_chinese(i % 50 + 1))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let shelf = shelf_of(vec![document(1, 1, "清河市登记规定", "municipal_rule", ("2020-01-01", None), &texts)]);
    let whole = ask(&shelf, &SearchRequest { limit: 1_000, ..request("变更登记") });
    assert_eq!((whole.total_articles, whole.hits.len(), whole.next_cursor.is_none()), (403, 403, true));
    let mut paged: Vec<String> = Vec::new();
    let mut cursor = None;
    loop {
        let page = ask(&shelf, &SearchRequest { limit: 7, cursor, ..request("变更登记") });
        assert_eq!(page.total_articles, 403);
        paged.extend(ids(&page).iter().map(|id| id.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, ids(&whole));
    for bad in ["", "zz", "00000000000000000000000000000000x", "２２２２２２２２２２２"] {
        let bad = SearchRequest { cursor: Some(bad.into()), ..request("登记") };
        assert!(shelf.index.search(&bad).is_err());
    }
}

#[test]
fn hits_can_be_grouped_under_their_documents_and_paged() {
    let shelf = shelf_of(corpus());
    let grouped = SearchRequest { group_by_document: true, limit: 1, ..request("应当") };
    let mut titles = Vec::new();
    let mut cursor = None;
    loop {
        let page = ask(&shelf, &SearchRequest { cursor, ..grouped.clone() });
        assert!(page.hits.is_empty() && page.groups.len() == 1 && page.groups[0].hits.len() <= 3);
        assert!(page.groups[0].count >= page.groups[0].hits.len() as u64);
        titles.push(page.groups[0].title.clone());
        assert_eq!(page.total_documents, 3);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    titles.sort();
    assert_eq!(titles, ["中华人民共和国示例民事法", "清河市养犬管理条例", "清河市图书馆管理规定"]);
}

#[test]
fn titles_alone_can_be_searched() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &SearchRequest { scope: Scope::Titles, ..request("图书馆") });
    assert_eq!((response.hits.len(), response.hits[0].title.as_str(), response.total_documents), (1, "清河市图书馆管理规定", 1));
    assert!(response.hits[0].snippet.iter().any(|s| s.is_highlighted && s.text == "图书馆"));
}

#[test]
fn snippets_carry_the_plain_text() {
    let shelf = shelf_of(corpus());
    let response = ask(&shelf, &request("小型犬图书馆"));
    let text: String = response.hits[0].snippet.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(text, "小型犬不得进入图书馆<阅览室>。");
    assert!(response.hits[0].snippet.iter().any(|s| s.is_highlighted && s.text.contains("图书馆")));
}

#[test]
fn no_query_breaks_the_search() {
    let shelf = shelf_of(corpus());
    let long = "养犬登记".repeat(5_000);
    for query in [
        "",
        " ",
        "\"",
        "“”",
        "-",
        "- -",
        "（",
        "第",
        "第条",
        "😀",
        "\u{0}",
        "a",
        "犬",
        "《》",
        "第99999999999条",
        "养犬 -养犬",
        "%_'\"\\",
        long.as_str(),
    ] {
        for proximity in [Proximity::None, Proximity::SameArticle, Proximity::SameParagraph] {
            let request = SearchRequest { proximity, within: vec![query.into()], ..request(query) };
            let response = ask(&shelf, &request);
            assert!(response.hits.len() as u64 <= response.total_articles + response.total_documents, "{query}");
        }
    }
    assert!(ids(&ask(&shelf, &request("犬"))).contains(&"1-2-3"), "a single character finds the texts that hold it");
}
