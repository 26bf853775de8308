//! One offline opinion at a time.

use zhitong::error::Code;
use zhitong::opinions::offline::provenance::{self, Consent, Method};
use zhitong::opinions::offline::recording::{NewOffline, Recorded, record_offline};
use zhitong::opinions::{NewOpinion, Stance};

use super::support::{Point, march};

fn said(body: &str) -> NewOffline {
    NewOffline {
        opinion: NewOpinion::on(Some("art-4".into()), Stance::Amend, body),
        author_kind: "村民代表".into(),
        person: "无名氏".into(),
        contact: "0000".into(),
        consent: Consent::Given,
        method: Method::Symposium,
        method_words: String::new(),
        collector: String::new(),
        place: "活动室".into(),
        collected_on: march(5),
        station: None,
        activity: None,
        provision_words: String::new(),
        quoted_words: String::new(),
        row: None,
        alike: 0,
        scan: None,
    }
}

#[tokio::test]
async fn an_offline_opinion_is_written_once_with_its_origin() {
    let point = Point::start().await;
    let at = point.uploads();
    let recorder = at.recorder();
    let record = |key: &'static str, new: NewOffline| record_offline(recorder, &point.caller, point.assignment, key, new);
    let first = record("key-00001", said("时间太短")).await.unwrap();
    let Recorded::New(receipt) = &first else { panic!("{first:?}") };
    assert_eq!(receipt.provision_label, "第四条");
    assert_eq!(record("key-00001", said("时间太短")).await.unwrap().receipt().opinion_id, receipt.opinion_id, "the same key");
    assert_eq!(record("key-00002", said(" 时间太短\n")).await.unwrap().receipt().opinion_id, receipt.opinion_id, "the same content");
    assert_eq!(record("key-00001", said("别的话")).await.unwrap_err().code, Code::KeyReused);
    assert!(
        matches!(record("key-00003", NewOffline { person: "另一人".into(), ..said("时间太短") }).await.unwrap(), Recorded::New(_)),
        "another person"
    );
    assert_eq!(point.opinions().await, 2);
    for (day, part) in [(march(1), "不在本轮征求意见期间"), (march(30), "还没有到")] {
        let error = record("key-00009", NewOffline { collected_on: day, ..said("早了") }).await.unwrap_err();
        assert!(error.code == Code::Invalid && error.detail.contains(part), "{error:?}");
    }
    // The assignment of another point does not exist.
    assert_eq!(record_offline(recorder, &point.other, point.assignment, "key-00004", said("改")).await.unwrap_err().code, Code::NotFound);
    assert_eq!(
        provenance::find_person(&at.db, &at.cipher, &point.caller, receipt.opinion_id).await.unwrap(),
        Some(("无名氏".into(), "0000".into()))
    );
    assert_eq!(provenance::find_person(&at.db, &at.cipher, &point.other, receipt.opinion_id).await.unwrap(), None);
    let handler = point.app.caller(&point.app.token(zhitong::accounts::Role::Handler).await).await;
    let origin = provenance::find_origin(&at.db, &handler, receipt.opinion_id).await.unwrap().unwrap();
    assert_eq!(
        (origin.point_name.as_str(), origin.method, origin.collected_on, origin.has_person),
        ("东湖社区联系点", Method::Symposium, march(5), true)
    );
    // Paper goes to a person before others see it.
    let display: String = zhitong::on_db!(&at.db, pool => sqlx::query_scalar("SELECT display FROM opinion WHERE id = $1").bind(receipt.opinion_id).fetch_one(pool).await).unwrap();
    assert_eq!(display, "review");
    point.app.finish().await;
}
