//! The life of an index on disk.

use super::*;
use crate::error::Error;
use crate::search::evaluate::{FragmentTruth, evaluate, evaluate_switches, fragments, lookups};
use crate::search::{Condition, WorkChange};

fn reopen(shelf: &Shelf) -> (SearchIndex, Condition) {
    SearchIndex::open(shelf.directory.path()).expect("an index")
}

#[test]
fn a_new_directory_must_be_built_and_a_built_one_is_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let (index, condition) = SearchIndex::open(directory.path()).expect("an index");
    assert!(matches!(condition, Condition::MustRebuild(_)));
    assert_eq!(index.search(&request("登记")).expect("an answer").total_articles, 0);
    assert!(
        index.follow(&[WorkChange { seq: 1, work_id: work(1), documents: Vec::new() }]).is_err(),
        "nothing is lost in an index that is not there"
    );
    let mut seen = 0;
    let built = index.rebuild(7, corpus().into_iter().map(Ok), |built| seen = built.documents).expect("a build");
    assert_eq!((built.documents, built.provisions, seen, index.position()), (5, 15, 5, 7));
    drop(index);
    let (index, condition) = SearchIndex::open(directory.path()).expect("an index");
    assert_eq!((condition, index.position(), index.size()), (Condition::Ready, 7, built));
}

#[test]
fn changes_are_followed_with_their_position() {
    let shelf = shelf_of(corpus());
    let changed = document(4, 1, "清河市图书馆管理规定", "municipal_rule", ("2018-03-01", None), &["图书馆应当设置无障碍通道。"]);
    let new = document(9, 1, "清河市路灯管理规定", "municipal_rule", ("2024-03-01", None), &["路灯应当按时开启。"]);
    let changes = [
        WorkChange { seq: 8, work_id: work(4), documents: vec![changed] },
        WorkChange { seq: 9, work_id: work(2), documents: Vec::new() },
        WorkChange { seq: 11, work_id: work(9), documents: vec![new] },
    ];
    for _ in 0..2 {
        shelf.index.follow(&changes).expect("followed");
        assert_eq!(shelf.index.position(), 11);
        assert_eq!(shelf.index.size().documents, 5);
        assert_eq!(ids(&ask(&shelf, &request("无障碍通道"))), ["4-1-1"]);
        assert!(!ids(&ask(&shelf, &request("读者证"))).contains(&"4-1-2"));
        assert_eq!(ids(&ask(&shelf, &request("路灯管理规定第一条")))[0], "9-1-1");
        assert!(ask(&shelf, &SearchRequest { all_versions: true, ..request("犬只登记") }).hits.iter().all(|hit| hit.work_id != work(2)));
    }
    shelf.index.follow(&[]).expect("nothing to do");
    let Shelf { index, directory } = shelf;
    drop(index);
    let (index, condition) = SearchIndex::open(directory.path()).expect("an index");
    assert_eq!((condition, index.position()), (Condition::Ready, 11));
}

#[test]
fn the_old_index_serves_while_a_new_one_is_built() {
    let shelf = shelf_of(corpus());
    let documents = vec![document(9, 1, "清河市路灯管理规定", "municipal_rule", ("2024-03-01", None), &["路灯应当按时开启。"])];
    let while_building = documents.into_iter().map(|document| {
        assert_eq!(ids(&ask(&shelf, &request("束犬链")))[0], "1-2-3");
        shelf.index.follow(&[WorkChange { seq: 8, work_id: work(2), documents: Vec::new() }])?;
        Ok(document)
    });
    shelf.index.rebuild(7, while_building, |_| ()).expect("a build");
    assert_eq!(ask(&shelf, &request("束犬链")).total_articles, 0);
    assert_eq!(ids(&ask(&shelf, &request("路灯")))[0], "9-1-1");
    assert_eq!(shelf.index.position(), 7, "what came during the build is followed again");
    shelf.index.follow(&[WorkChange { seq: 8, work_id: work(2), documents: Vec::new() }]).expect("followed");
    assert_eq!(shelf.index.position(), 8);
    let left = std::fs::read_dir(shelf.directory.path()).expect("a directory").count();
    assert_eq!(left, 2, "one generation and the pointer");
}

#[test]
fn a_build_that_fails_leaves_the_old_index() {
    let shelf = shelf_of(corpus());
    let failing = [Ok(corpus().remove(0)), Err(Error::defect("the database went away"))];
    assert!(shelf.index.rebuild(20, failing, |_| ()).is_err());
    assert_eq!((ids(&ask(&shelf, &request("束犬链")))[0], shelf.index.position()), ("1-2-3", 7));
    let (index, condition) = reopen(&shelf);
    assert_eq!((condition, index.position()), (Condition::Ready, 7));
}

#[test]
fn another_process_can_swap_the_index() {
    let shelf = shelf_of(corpus());
    let (other, _) = reopen(&shelf);
    assert!(!shelf.index.refresh().expect("refreshed"));
    other.rebuild(30, corpus().into_iter().take(2).map(Ok), |_| ()).expect("a build");
    assert!(shelf.index.refresh().expect("refreshed"));
    assert_eq!((shelf.index.position(), shelf.index.size().documents), (30, 2));
}

#[test]
fn a_damaged_or_outdated_index_says_so_and_can_be_rebuilt() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 4] = [
        ("pointer", |root| std::fs::write(root.join("current"), "не число").expect("written")),
        ("missing", |root| std::fs::remove_dir_all(root.join("gen-1")).expect("removed")),
        ("damaged", |root| {
            for entry in std::fs::read_dir(root.join("gen-1")).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.extension().is_some_and(|e| e == "idx" || e == "store") {
                    let mut bytes = std::fs::read(&path).expect("read");
                    let middle = bytes.len() / 3;
                    bytes.iter_mut().skip(middle).take(8).for_each(|b| *b ^= 0xff);
                    std::fs::write(&path, bytes).expect("written");
                }
            }
        }),
        ("schema", |root| {
            let path = root.join("gen-1/meta.json");
            let text = std::fs::read_to_string(&path).expect("read").replace(&super::super::schema::schema_version(), "0123456789abcdef");
            std::fs::write(&path, text).expect("written");
        }),
    ];
    for (name, harm) in harms {
        let Shelf { index, directory } = shelf_of(corpus());
        drop(index);
        harm(directory.path());
        let (index, condition) = SearchIndex::open(directory.path()).expect("an index");
        assert!(matches!(condition, Condition::MustRebuild(_)), "{name}: {condition:?}");
        index.rebuild(9, corpus().into_iter().map(Ok), |_| ()).expect("a build");
        drop(index);
        let (index, condition) = SearchIndex::open(directory.path()).expect("an index");
        assert_eq!((condition, index.position()), (Condition::Ready, 9), "{name}");
    }
}

#[test]
fn generated_queries_are_answered_and_switches_are_measured() {
    let shelf = shelf_of(corpus());
    let base = request("");
    let found = lookups(&shelf.index, &base, 10, 3).expect("queries");
    assert_eq!(found.len(), 10);
    assert_eq!(evaluate(&shelf.index, &found, &base).expect("measured").mrr_10, 1.0);
    let unique = fragments(&shelf.index, 5, 3, FragmentTruth::SourceOfUnique).expect("queries");
    assert!(!unique.is_empty() && unique.iter().all(|q| q.text.chars().count() == 8 && q.relevant.len() == 1));
    let all = SearchRequest { all_versions: true, ..base.clone() };
    assert_eq!(evaluate(&shelf.index, &unique, &all).expect("measured").hit_10, 1.0);
    let again = fragments(&shelf.index, 5, 3, FragmentTruth::SourceOfUnique).expect("queries");
    assert_eq!(unique.iter().map(|q| &q.text).collect::<Vec<_>>(), again.iter().map(|q| &q.text).collect::<Vec<_>>());
    let switched = evaluate_switches(&shelf.index, &found, &base).expect("measured");
    assert!(switched.iter().any(|(name, measures)| name == "direct_answer" && measures.mrr_10 < 1.0));
}
