//! Receipts under seals of the audit log: sealed in chunks, once each, and every tampering seen, on both engines.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use zhitong::accounts::Role;
use zhitong::audit::{self, Act, NewEntry};
use zhitong::opinions::sealing::{self, Difference, Flaw, count_waiting, seal_some, verify};
use zhitong::storage::Db;

use crate::moderation::set;
use crate::support::TestApp;

/// A posted opinion.
struct Said {
    id: Uuid,
    number: String,
    token: String,
}

/// Posts so many opinions, each by another person.
async fn say(app: &TestApp, count: usize) -> Vec<Said> {
    let draft = app.open_draft().await;
    let mut said = Vec::new();
    for n in 0..count {
        let token = app.token(Role::Citizen).await;
        let receipt = app.post_opinion(&draft, Some(&token), "key-00000001", opinion(&format!("第{n}条意见"))).await.expect(201);
        let (id, number) = (receipt["opinion_id"].as_str().unwrap(), receipt["receipt_number"].as_str().unwrap());
        said.push(Said { id: id.parse().unwrap(), number: number.to_owned(), token });
    }
    app.deliver().await;
    // The seal is set at another instant than the posts.
    app.clock.advance(chrono::Duration::minutes(1));
    said
}

fn opinion(body: &str) -> Value {
    json!({"address": "art-4", "stance": "amend", "body": body, "reason": "", "is_public": true})
}

async fn seal(app: &TestApp, most: u32) -> u32 {
    seal_some(&app.app.db, &app.clock, most).await.unwrap()
}

/// What differs: where, what, and which receipt.
async fn differences(app: &TestApp) -> Vec<(Flaw, Option<String>)> {
    let checked = verify(&app.app.db).await.unwrap();
    assert_eq!(checked.different, checked.differences.len() as u64);
    checked.differences.into_iter().map(|Difference { flaw, number, .. }| (flaw, number)).collect()
}

/// Takes the guards away that keep receipts from being changed.
async fn unguard(app: &TestApp) {
    let statement = match &app.app.db {
        Db::Sqlite(_) => "DROP TRIGGER opinion_receipt_is_never_changed",
        Db::Postgres(_) => "ALTER TABLE opinion DISABLE TRIGGER USER",
    };
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn receipts_are_sealed_in_chunks_and_once() {
    let app = TestApp::start().await;
    let said = say(&app, 5).await;
    assert_eq!(count_waiting(&app.app.db).await.unwrap(), 5);
    assert_eq!([seal(&app, 2).await, seal(&app, 2).await, seal(&app, 2).await, seal(&app, 2).await], [2, 2, 1, 0]);
    let checked = verify(&app.app.db).await.unwrap();
    assert_eq!((checked.seals, checked.receipts, checked.waiting, checked.different), (3, 5, 0, 0), "{:?}", checked.differences);

    let auditor = app.token(Role::Auditor).await;
    let listed = async || app.get("/audit/entries?act=seal_receipts", Some(&auditor)).await.expect(200)["items"].clone();
    let entries = listed().await;
    let details: Vec<&str> = entries.as_array().unwrap().iter().map(|e| e["detail"].as_str().unwrap()).collect();
    assert!(details.len() == 3 && details[0].starts_with("1 ") && details[2].starts_with("2 ") && details[2].len() == 66, "{details:?}");
    assert_eq!((seal(&app, 100).await, listed().await), (0, entries), "nothing new is sealed");

    // Each receipt is under one seal.
    let sealed: Vec<(Uuid, i64)> =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_as("SELECT o.id, e.seq FROM opinion o JOIN audit_entry e ON e.seq = o.sealed_in
            WHERE e.act = 'seal_receipts' ORDER BY o.id").fetch_all(pool).await)
        .unwrap();
    let mut ids: Vec<Uuid> = said.iter().map(|s| s.id).collect();
    ids.sort();
    assert_eq!(sealed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    app.finish().await;
}

#[tokio::test]
async fn what_authors_do_later_leaves_the_seal_whole() {
    let app = TestApp::start().await;
    let said = say(&app, 3).await;
    assert_eq!(seal(&app, 100).await, 3);
    let act = async |method: Method, path: String, person: &Said, body: Value| {
        app.call(method, &path, Some(&person.token), &[("Idempotency-Key", "later-000001")], Some(body)).await.expect(200);
    };
    let changed = json!({"revision": 1, "opinion": opinion("换一种说法")});
    act(Method::PUT, format!("/opinions/{}", said[0].id), &said[0], changed).await;
    act(Method::POST, format!("/opinions/{}/withdrawal", said[1].id), &said[1], json!({"revision": 1})).await;
    act(Method::POST, "/account/erasure".into(), &said[2], json!({"confirmation": "注销"})).await;
    assert!(differences(&app).await.is_empty());
    assert_eq!(seal(&app, 100).await, 0);
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn the_table_refuses_another_receipt() {
    let app = TestApp::start().await;
    say(&app, 1).await;
    let refused = async |statement: &'static str| {
        let mut tx = app.app.db.begin().await.unwrap();
        let written = zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop));
        // What is written is committed: a dropped transaction holds its rows for a while yet, and the sealer leaves out what is held.
        match written {
            Ok(()) => tx.commit().await.map(|()| false).unwrap(),
            Err(_) => true,
        }
    };
    let inputs = [
        "UPDATE opinion SET id = draft_id",
        "UPDATE opinion SET receipt_number = 'x'",
        "UPDATE opinion SET content_hash = 'x'",
        "UPDATE opinion SET posted_at = (SELECT MAX(expires_at) FROM session)",
    ];
    for statement in inputs {
        assert!(refused(statement).await, "before it is sealed: {statement}");
    }
    assert!(!refused("UPDATE opinion SET content_hash = content_hash, body = 'x'").await, "anything else may change");
    assert_eq!(seal(&app, 100).await, 1);
    let seals = ["UPDATE opinion SET sealed_in = NULL", "UPDATE opinion SET sealed_in = 1", "UPDATE opinion SET seal_mark = 'x'"];
    for statement in inputs.into_iter().chain(seals) {
        assert!(refused(statement).await, "{statement}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_row_altered_by_sql_is_named() {
    let number = |said: &Said| Some(said.number.clone());
    for (statement, expected) in [
        ("UPDATE opinion SET content_hash = 'x' WHERE id = $1", vec![Flaw::Changed]),
        ("UPDATE opinion SET posted_at = (SELECT MAX(at) FROM audit_entry) WHERE id = $1", vec![Flaw::Changed]),
        ("UPDATE opinion SET seal_mark = 'x' WHERE id = $1", vec![Flaw::Changed]),
        ("UPDATE opinion SET sealed_in = 999999 WHERE id = $1", vec![Flaw::Missing, Flaw::NoSeal]),
        ("UPDATE opinion SET sealed_in = -1 WHERE id = $1", vec![Flaw::Missing, Flaw::NoSeal]),
        ("UPDATE opinion SET sealed_in = NULL, seal_mark = NULL WHERE id = $1", vec![Flaw::Missing]),
    ] {
        let app = TestApp::start().await;
        let said = say(&app, 3).await;
        assert_eq!(seal(&app, 100).await, 3);
        unguard(&app).await;
        assert!(differences(&app).await.is_empty());
        set(&app, statement, said[1].id).await;
        let expected: Vec<(Flaw, Option<String>)> =
            expected.into_iter().map(|flaw| (flaw, if flaw == Flaw::Missing { None } else { number(&said[1]) })).collect();
        assert_eq!(differences(&app).await, expected, "{statement}");
        app.abandon().await;
    }
}

#[tokio::test]
async fn of_many_receipts_without_a_seal_all_are_counted_and_the_first_named() {
    let app = TestApp::start().await;
    let many = sealing::MOST_NAMED + 2;
    say(&app, many).await;
    assert_eq!(seal(&app, 100).await as usize, many);
    unguard(&app).await;
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE opinion SET sealed_in = 999999").execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    let checked = verify(&app.app.db).await.unwrap();
    // Of the one seal everything is missing.
    assert_eq!((checked.different, checked.differences.len()), (many as u64 + 1, sealing::MOST_NAMED));
    assert_eq!(checked.differences[0].flaw, Flaw::Missing);
    assert!(checked.differences[1..].iter().all(|d| d.flaw == Flaw::NoSeal && d.seal == 999_999 && d.number.is_some()), "{checked:?}");
    app.abandon().await;
}

#[tokio::test]
async fn another_number_and_a_row_slipped_in_are_seen() {
    let app = TestApp::start().await;
    let said = say(&app, 3).await;
    assert_eq!(seal(&app, 2).await, 2);
    unguard(&app).await;
    let waiting: Uuid =
        zhitong::on_db!(&app.app.db, pool => sqlx::query_scalar("SELECT id FROM opinion WHERE sealed_in IS NULL").fetch_one(pool).await)
            .unwrap();
    let slipped_in = said.iter().find(|s| s.id == waiting).unwrap();
    set(&app, "UPDATE opinion SET sealed_in = (SELECT MAX(sealed_in) FROM opinion) WHERE id = $1", waiting).await;
    assert_eq!(differences(&app).await, [(Flaw::Changed, Some(slipped_in.number.clone())), (Flaw::Added, None)]);
    set(&app, "UPDATE opinion SET sealed_in = NULL WHERE id = $1", waiting).await;
    assert!(differences(&app).await.is_empty());
    let other = said.iter().find(|s| s.id != waiting).unwrap();
    set(&app, "UPDATE opinion SET receipt_number = 'YJ-OTHER' WHERE id = $1", other.id).await;
    assert_eq!(differences(&app).await, [(Flaw::Changed, Some("YJ-OTHER".to_owned()))]);
    app.abandon().await;
}

#[tokio::test]
async fn several_who_seal_at_once_seal_each_receipt_once() {
    let app = TestApp::start().await;
    say(&app, 4).await;
    let (a, b, c) = tokio::join!(seal(&app, 3), seal(&app, 3), seal(&app, 3));
    // Whoever found somebody else at it left the rest for the next time.
    let rest = seal(&app, 3).await;
    assert_eq!(a + b + c + rest, 4);
    let checked = verify(&app.app.db).await.unwrap();
    assert_eq!((checked.receipts, checked.waiting, checked.different), (4, 0, 0));
    app.finish().await;
}

#[tokio::test]
async fn a_receipt_that_somebody_holds_is_left_for_the_next_time() {
    let app = TestApp::start().await;
    let said = say(&app, 2).await;
    if matches!(app.app.db, Db::Sqlite(_)) {
        // One writer at a time: nobody holds a row while another writes.
        return app.finish().await;
    }
    let mut tx = app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE opinion SET display = display WHERE id = $1").bind(said[0].id).execute(c).await.map(drop))
        .unwrap();
    let sealed = tokio::time::timeout(Duration::from_secs(5), seal(&app, 100)).await;
    assert_eq!(sealed.expect("the sealer waits for nobody"), 1);
    // Whoever holds the row writes to the log in the end: the sealer, which has the log before its rows, must not wait for it.
    let entry = NewEntry {
        account_id: None,
        act: Act::ShowOpinion,
        subject: "opinion",
        subject_id: Some(said[0].id),
        is_success: true,
        detail: "",
    };
    audit::append(&mut tx, &app.clock, entry).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(seal(&app, 100).await, 1);
    assert!(differences(&app).await.is_empty());
    app.finish().await;
}

#[tokio::test]
async fn the_sealer_seals_what_came_before_it_stops() {
    let app = TestApp::start().await;
    say(&app, 2).await;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let (heard, mut waiting) = tokio::sync::watch::channel(-1_i64);
    let report = move |n: i64| {
        heard.send_replace(n);
    };
    let (db, clock, ids) = (app.app.db.clone(), app.clock.clone(), app.app.ids.clone());
    let sealer = tokio::spawn(sealing::seal_until_stopped(db, clock, ids, stopping, report));
    tokio::time::timeout(Duration::from_secs(20), waiting.wait_for(|n| *n == 0)).await.unwrap().unwrap();
    assert_eq!(verify(&app.app.db).await.unwrap().receipts, 2);
    say(&app, 1).await;
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(20), sealer).await.unwrap().unwrap();
    let checked = verify(&app.app.db).await.unwrap();
    assert_eq!((checked.receipts, checked.waiting, checked.different), (3, 0, 0));
    app.finish().await;
}
