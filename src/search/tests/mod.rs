//! The search over a small invented corpus: every feature of a request, and the life of an index on disk.

mod alike;
mod keeping;
mod requests;

use chrono::NaiveDate;
use uuid::Uuid;

use super::{SearchIndex, SearchRequest, SearchResponse};
use crate::corpus::classification::Validity;
use crate::corpus::indexing::{IndexedDocument, IndexedProvision};

/// An index in a directory that goes with it.
pub(super) struct Shelf {
    pub index: SearchIndex,
    pub directory: tempfile::TempDir,
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(super) fn work(number: u128) -> Uuid {
    Uuid::from_u128(0xa000_0000 + number)
}

/// A document of one work with its paragraphs by article: 款 are separated by `|`.
pub(super) fn document(
    number: u128,
    version: u128,
    title: &str,
    level: &str,
    dates: (&str, Option<&str>),
    articles: &[&str],
) -> IndexedDocument {
    IndexedDocument {
        work_id: work(number),
        version_id: Uuid::from_u128((number << 64) + version),
        title: title.into(),
        aliases: Vec::new(),
        category: level.into(),
        level: level.into(),
        region: if title.starts_with("清河市") { "清河市".into() } else { "全国".into() },
        organ: String::new(),
        document_number: String::new(),
        adopted_on: None,
        promulgated_on: Some(day(dates.0)),
        effective_on: Some(day(dates.0)),
        ended_on: dates.1.map(day),
        validity: Validity::InForce,
        provisions: articles
            .iter()
            .enumerate()
            .map(|(i, text)| {
                let n = i as u32 + 1;
                IndexedProvision {
                    address: format!("art-{n}"),
                    label: format!("第{}条", crate::corpus::numerals::to_chinese(n)),
                    number: Some((n, 0)),
                    path: "第一章 总则".into(),
                    heading: String::new(),
                    paragraphs: text.split('|').map(str::to_owned).collect(),
                    source_id: Some(format!("{number}-{version}-{n}")),
                }
            })
            .collect(),
    }
}

pub(super) fn corpus() -> Vec<IndexedDocument> {
    vec![
        document(
            1,
            1,
            "清河市养犬管理条例",
            "municipal_regulation",
            ("2010-05-01", Some("2020-06-01")),
            &["为了规范养犬，制定本条例。", "养犬人应当每年缴纳管理费。", "携犬出户应当束犬链。"],
        ),
        document(
            1,
            2,
            "清河市养犬管理条例",
            "municipal_regulation",
            ("2020-06-01", None),
            &[
                "为了规范养犬行为，制定本条例。",
                "养犬人应当自取得犬只之日起三十日内办理登记。|登记有效期为二年。",
                "携犬出户应当束犬链，并避让老年人和儿童。",
                "小型犬不得进入图书馆<阅览室>。",
            ],
        ),
        document(
            2,
            1,
            "清河市犬只登记暂行办法",
            "municipal_rule",
            ("2005-01-01", Some("2010-05-01")),
            &["犬只登记每年办理一次。", "逾期不办理登记的，由登记机关催告。"],
        ),
        document(
            3,
            1,
            "中华人民共和国示例民事法",
            "law",
            ("2021-01-01", None),
            &[
                "民事活动应当诚实。",
                "饲养动物造成他人损害的，动物饲养人应当承担责任。|因被侵权人故意造成的，可以不承担责任。",
                "订立合同应当公平，履行合同应当全面。",
            ],
        ),
        document(
            4,
            1,
            "清河市图书馆管理规定",
            "municipal_rule",
            ("2018-03-01", None),
            &["图书馆应当免费开放。|开放时间应当公布。", "读者应当办理登记，免费领取读者证。", "图书馆工作人员应当穿工作服。"],
        ),
    ]
}

pub(super) fn shelf_of(documents: Vec<IndexedDocument>) -> Shelf {
    let directory = tempfile::tempdir().expect("a directory");
    let (index, _) = SearchIndex::open(directory.path()).expect("an index");
    index.rebuild(7, documents.into_iter().map(Ok), |_| ()).expect("a build");
    Shelf { index, directory }
}

pub(super) fn request(query: &str) -> SearchRequest {
    SearchRequest::new(query, day("2026-01-01"))
}

pub(super) fn ask(shelf: &Shelf, request: &SearchRequest) -> SearchResponse {
    shelf.index.search(request).expect("an answer")
}

/// Source ids of the hits; documents as a whole are `doc`.
pub(super) fn ids(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(|hit| hit.source_id.as_deref().unwrap_or("doc")).collect()
}
