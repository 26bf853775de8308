//! Indexes that hold the same answer the same, whatever way they have come: one that followed corrections and deletions, one built afresh.

use std::collections::BTreeMap;

use super::*;
use crate::search::{Proximity, Scope, WorkChange};

/// Works of which the corpus holds some at any time.
const WORKS: usize = 24;

const SUBJECTS: [&str; 8] = ["养犬", "图书馆", "路灯", "烧烤", "电梯", "雨伞", "停车", "公园"];

const SENTENCES: [&str; 14] = [
    "为了规范管理，制定本规定。",
    "养犬人应当自取得犬只之日起三十日内办理登记。",
    "登记有效期为二年，逾期不办理登记的，由登记机关催告。",
    "携犬出户应当束犬链，并避让老年人和儿童。",
    "图书馆应当免费开放，开放时间应当公布。",
    "读者应当办理登记，免费领取读者证。",
    "路灯应当按时开启，损坏的应当在三日内修复。",
    "露天烧烤应当在划定区域内进行。",
    "电梯使用单位应当每月检查电梯，并公布检查结果。",
    "市民应当在雨停后收起雨伞，不得在公共汽车内撑开。",
    "停车场应当公布收费标准，不得拒绝开具发票。",
    "违反本规定的，由主管部门责令限期改正；逾期不改正的，处二百元以上一千元以下罚款。",
    "公园内不得携犬，不得露天烧烤，不得损坏路灯。",
    "主管部门应当将检查结果和处罚决定向社会公布。",
];

const QUERIES: [&str; 22] = [
    "登记",
    "办理登记",
    "养犬",
    "犬",
    "养犬人应当办理登记",
    "携犬出户束犬链",
    "不得损坏路灯",
    "露天烧烤应当在划定区域内进行",
    "检查结果向社会公布",
    "开放时间 公布",
    "逾期不办理登记的，由登记机关催告",
    "逾期不改正的，处罚款",
    "电梯多久检查一次",
    "停车场乱收费怎么办",
    "雨伞",
    "清河市养犬管理规定",
    "养犬管理规定第二条",
    "图书馆管理规定",
    "狗咬人谁负责",
    "管理",
    "公园内不得携犬",
    "主管部门 决定",
];

/// Numbers that look like chance and come the same at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }
}

/// A work in some wording.
fn worded(number: usize, chance: &mut Chance) -> IndexedDocument {
    let articles: Vec<String> = (0..2 + chance.below(9))
        .map(|_| {
            let sentences: Vec<&str> = (0..1 + chance.below(4)).map(|_| SENTENCES[chance.below(SENTENCES.len())]).collect();
            sentences.join(if chance.below(3) == 0 { "|" } else { "" })
        })
        .collect();
    let articles: Vec<&str> = articles.iter().map(String::as_str).collect();
    let place = ["", "东区", "西区"][number / SUBJECTS.len()];
    let title = format!("清河市{place}{}管理规定", SUBJECTS[number % SUBJECTS.len()]);
    let level = ["municipal_rule", "municipal_regulation", "law"][number % 3];
    document(number as u128, 1, &title, level, ("2018-03-01", None), &articles)
}

/// Every way of asking, for every query.
fn requests() -> Vec<SearchRequest> {
    let mut requests = Vec::new();
    for (n, query) in QUERIES.into_iter().enumerate() {
        requests.push(SearchRequest { limit: 5, ..request(query) });
        let other = SearchRequest { limit: 3, group_by_document: true, ..request(query) };
        requests.push(match n % 4 {
            0 => other,
            1 => SearchRequest { scope: Scope::Titles, ..other },
            2 => SearchRequest { within: vec!["应当".into()], ..other },
            _ => SearchRequest { proximity: Proximity::SameParagraph, group_by_document: false, ..other },
        });
    }
    requests
}

/// Number of articles found, and title, address and bits of the score of each hit of a page.
type PageShown = (u64, Vec<(String, String, u32)>);

/// What the first four pages show, each page from the next of these indexes.
fn pages(shelves: &[&Shelf], request: &SearchRequest) -> Vec<PageShown> {
    let mut request = request.clone();
    let mut pages = Vec::new();
    for shelf in shelves.iter().cycle().take(4) {
        let found = ask(shelf, &request);
        let hits = found.hits.iter().chain(found.groups.iter().flat_map(|group| &group.hits));
        pages.push((found.total_articles, hits.map(|hit| (hit.title.clone(), hit.address.clone(), hit.score.to_bits())).collect()));
        request.cursor = found.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    pages
}

#[test]
fn an_index_that_followed_answers_as_one_built_afresh() {
    let mut chance = Chance(7);
    let mut living: BTreeMap<usize, IndexedDocument> = (0..WORKS).map(|number| (number, worded(number, &mut chance))).collect();
    let followed = shelf_of(living.values().cloned().collect());
    let (mut seq, mut has_deletes, mut several_pages) = (7, false, 0);
    for _ in 0..3 {
        for _ in 0..12 {
            let changes: Vec<WorkChange> = (0..1 + chance.below(8))
                .map(|_| {
                    let number = chance.below(WORKS);
                    seq += 1;
                    let documents = if chance.below(6) == 0 {
                        living.remove(&number);
                        Vec::new()
                    } else {
                        let document = worded(number, &mut chance);
                        living.insert(number, document.clone());
                        vec![document]
                    };
                    WorkChange { seq, work_id: work(number as u128), documents }
                })
                .collect();
            followed.index.follow(&changes).expect("followed");
        }
        has_deletes |= followed.index.snapshot().searcher.segment_readers().iter().any(|reader| reader.has_deletes());
        // The other way round, so that nothing can hang on the order of entries.
        let fresh = shelf_of(living.values().rev().cloned().collect());
        assert_eq!(followed.index.size(), fresh.index.size());
        assert_eq!(followed.index.snapshot().columns.lengths, fresh.index.snapshot().columns.lengths);
        for request in requests() {
            let own = pages(&[&followed], &request);
            assert_eq!(own, pages(&[&fresh], &request), "{request:?}");
            assert_eq!(own, pages(&[&followed, &fresh], &request), "pages from both in turn: {request:?}");
            several_pages += usize::from(own.len() > 1);
            let (one, other) = (ask(&followed, &request), ask(&fresh, &request));
            assert_eq!((one.facets, one.total_documents), (other.facets, other.total_documents), "{request:?}");
        }
    }
    assert!(has_deletes, "what is deleted was in the index at one look at least");
    assert!(several_pages > 20, "{several_pages}");
}

#[test]
fn lengths_are_those_that_a_fresh_index_counts() {
    let shelf = shelf_of(corpus());
    let snapshot = shelf.index.snapshot();
    let fields = snapshot.fields;
    for field in [fields.words, fields.grams, fields.title_grams] {
        let counted: u64 = snapshot
            .searcher
            .segment_readers()
            .iter()
            .map(|reader| reader.inverted_index(field).expect("a field").total_num_tokens())
            .sum();
        assert!(counted > 0);
        assert_eq!(snapshot.columns.lengths.of(&fields, field), counted);
    }
}

#[test]
fn words_for_corrections_follow_what_changed() {
    let shelf = shelf_of(corpus());
    let first = shelf.index.snapshot().vocabulary();
    let mut documents = corpus();
    documents.retain(|document| document.work_id != work(2));
    let new = document(9, 1, "清河市路灯管理规定", "municipal_rule", ("2024-03-01", None), &["路灯应当按时开启，损坏的应当修复。"]);
    documents.push(new.clone());
    let fresh = shelf_of(documents).index.snapshot().vocabulary();
    let changes =
        [WorkChange { seq: 8, work_id: work(2), documents: Vec::new() }, WorkChange { seq: 9, work_id: work(9), documents: vec![new] }];
    shelf.index.follow(&changes).expect("followed");
    assert!(shelf.index.snapshot().vocabulary() == first, "spelling is not read anew at every change");
    assert!(first != fresh);
    shelf.index.renew_vocabulary();
    assert!(shelf.index.snapshot().vocabulary() == fresh);
    let renewed = shelf.index.snapshot().vocabulary();
    shelf.index.renew_vocabulary();
    assert!(std::sync::Arc::ptr_eq(&renewed, &shelf.index.snapshot().vocabulary()), "nothing changed, nothing is made anew");
}
