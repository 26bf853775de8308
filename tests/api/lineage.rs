//! 条文沿革 and 修改对照: stored with a version, corrected by staff, followed, compared, written as a document.

use std::io::{Cursor, Read};

use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::drafts::{self, Viewer, lineage, versions};
use zhitong::error::Code;
use zhitong::ids::{DraftId, DraftVersionId};

use crate::support::{DRAFT_TEXT, TestApp};

/// The draft of the tests after a round: 第三条's last 款 stands by itself, 第四条 is changed, one item is gone, 第二条 has a new neighbour.
fn second_text() -> String {
    DRAFT_TEXT
        .replace("第三条 经营者", "第三条 本办法所称经营者，是指以营利为目的投放雨伞的企业和个体工商户。\n\n第四条 经营者")
        .replace("（二）在雨季增加投放数量；\n\n（三）", "（二）")
        .replace("经营者不得强制收集使用者的通讯录。", "第五条 经营者不得强制收集使用者的通讯录。")
        .replace("第四条 使用者应当在二十四小时内归还。", "第六条 使用者应当在四十八小时内归还。")
        .replace("第五条 本办法自", "第七条 本办法自")
}

/// A draft whose first version is public and whose second is not; ids of draft and versions.
async fn two_versions(app: &TestApp) -> (String, String, String) {
    let id = app.open_draft().await;
    let drafter = app.token(Role::Drafter).await;
    let added = app.upload_version(&id, Some(&drafter), "二稿.md", second_text().as_bytes(), "根据意见修改。").await.expect(201);
    let detail = app.get(&format!("/drafts/{id}"), Some(&drafter)).await.expect(200);
    let first = detail["versions"][0]["id"].as_str().unwrap().to_owned();
    (id, first, added["version"]["id"].as_str().unwrap().to_owned())
}

/// `old>new kind` of every relation of 条 and what stands beside them.
fn lines(lineage: &Value) -> Vec<String> {
    let addresses =
        |list: &Value| list.as_array().unwrap().iter().map(|p| p["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("+");
    let relations = lineage["relations"].as_array().unwrap();
    relations.iter().map(|r| format!("{}>{} {}", addresses(&r["old"]), addresses(&r["new"]), r["kind"].as_str().unwrap())).collect()
}

#[track_caller]
fn has(lines: &[String], expected: &[&str]) {
    for line in expected {
        assert!(lines.iter().any(|l| l == line), "{line} in {lines:#?}");
    }
}

#[tokio::test]
async fn a_new_version_comes_with_its_lineage() {
    let app = TestApp::start().await;
    let (id, first, second) = two_versions(&app).await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{id}/lineage?from={first}&to={second}");
    app.get(&path, None).await.expect_problem(Code::NotFound);
    let lineage = app.get(&path, Some(&handler)).await.expect(200);
    let found = lines(&lineage);
    has(
        &found,
        &[
            "art-1>art-1 kept",
            ">art-3 added",
            "art-3>art-4+art-5 split",
            "art-3/para-1/item-2> deleted",
            "art-3/para-1/item-3>art-4/para-1/item-2 kept",
            "art-3/para-2>art-5/para-1 kept",
            "art-4>art-6 modified",
            "art-5>art-7 kept",
        ],
    );
    let split = lineage["relations"].as_array().unwrap().iter().find(|r| r["kind"] == "split").unwrap();
    assert_eq!(split["new"][1]["label"], "第五条");
    // Where an opinion's provision went, and its article where the item itself is gone.
    let follow = async |address: &str| {
        let path = format!("/drafts/{id}/lineage/continuations?from={first}&to={second}&address={address}");
        app.get(&path, Some(&handler)).await.expect(200)["items"].clone()
    };
    assert_eq!(follow("art-4").await, json!([{"kind": "modified", "address": "art-6", "label": "第六条", "is_exact": true}]));
    assert_eq!(
        follow("art-3/para-1/item-2").await,
        json!([{"kind": "deleted", "address": "art-4/para-1", "label": "第四条", "is_exact": false}])
    );
    assert_eq!(follow("art-3").await.as_array().unwrap().len(), 2);
    assert_eq!(follow("art-99").await, json!([]));
    app.finish().await;
}

#[tokio::test]
async fn staff_correct_a_lineage_before_and_after_publication() {
    let app = TestApp::start().await;
    let (id, first, second) = two_versions(&app).await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{id}/lineage/corrections");
    let says = |kind: &str, from: &[&str], to: &[&str]| json!({"from_version_id": first, "to_version_id": second, "kind": kind, "from": from, "to": to, "reason": "经核对"});
    for (body, field) in [
        (says("split", &["art-3"], &["art-4"]), "kind"),
        (says("deleted", &["art-70"], &[]), "from"),
        (says("modified", &["art-4"], &["art-60"]), "to"),
        (says("kept", &["art-4"], &["art-6"]), "kind"),
        (says("merged", &["art-3", "art-3"], &["art-4"]), "from"),
        (says("modified", &["art-3/para-1"], &["art-6"]), "from"),
    ] {
        app.post(&path, Some(&handler), body).await.expect_invalid(field);
    }
    let backwards = json!({"from_version_id": second, "to_version_id": first, "kind": "deleted", "from": ["art-1"]});
    app.post(&path, Some(&handler), backwards).await.expect_invalid("to_version_id");
    assert_eq!(app.get(&path, Some(&handler)).await.expect(200)["items"], json!([]), "nothing of what was refused is kept");

    let right = says("modified", &["art-3"], &["art-4"]);
    let corrected = app.post(&path, Some(&handler), right.clone()).await.expect(200);
    has(&lines(&corrected), &["art-3>art-4 modified", ">art-5 added", "art-3/para-2> deleted"]);
    // Saying it again changes nothing.
    app.post(&path, Some(&handler), right).await.expect(200);
    assert_eq!(app.get(&path, Some(&handler)).await.expect(200)["items"].as_array().unwrap().len(), 1);

    // Who names what they saw is refused when it was changed since.
    let mut late = says("modified", &["art-3"], &["art-5"]);
    late["revision"] = json!(0);
    app.post(&path, Some(&handler), late.clone()).await.expect_problem(Code::Conflict);
    assert_eq!(corrected["revision"], 1);

    // The second version is published; the correction stands and can still be made and taken back.
    app.clock.advance(chrono::Duration::days(40));
    let handler = app.token(Role::Handler).await;
    app.post(&format!("/drafts/{id}/consultations"), Some(&handler), json!({"notice": "第二轮。"})).await.expect(201);
    let shown = app.get(&format!("/drafts/{id}/lineage?from={first}&to={second}"), None).await.expect(200);
    has(&lines(&shown), &["art-3>art-4 modified"]);
    let kept = app.get(&path, Some(&handler)).await.expect(200)["items"][0].clone();
    assert_eq!(
        (kept["kind"].as_str(), kept["reason"].as_str(), kept["corrected_by"].as_str()),
        (Some("modified"), Some("经核对"), Some("经办人员"))
    );
    let withdraw = format!("{path}/{}", kept["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(app.call(poem::http::Method::DELETE, &withdraw, Some(&handler), &[], None).await.status, 204);
    }
    let shown = app.get(&format!("/drafts/{id}/lineage?from={first}&to={second}"), None).await.expect(200);
    has(&lines(&shown), &["art-3>art-4+art-5 split"]);
    let history = app.get(&path, Some(&handler)).await.expect(200);
    assert!(history["items"][0]["withdrawn_at"].is_string(), "a correction stays in the history: {history}");
    for statement in ["DELETE FROM lineage_correction", "UPDATE lineage_correction SET reason = ''"] {
        let mut tx = app.app.db.begin().await.unwrap();
        assert!(zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).is_err(), "{statement}");
    }
    let auditor = app.token(Role::Auditor).await;
    let acts = app.get("/audit/entries?limit=100", Some(&auditor)).await.expect(200).to_string();
    assert!(acts.contains("correct_lineage") && acts.contains("withdraw_lineage_correction"));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_corrected_text_is_related_anew_to_the_versions_after_it() {
    let app = TestApp::start().await;
    let id = app.draft().await;
    let (drafter, handler) = (app.token(Role::Drafter).await, app.token(Role::Handler).await);
    let detail = app.get(&format!("/drafts/{id}"), Some(&drafter)).await.expect(200);
    let first = detail["versions"][0]["id"].as_str().unwrap();
    let added = app.upload_version(&id, Some(&drafter), "二稿.md", second_text().as_bytes(), "内部修改。").await.expect(201);
    let second = added["version"]["id"].as_str().unwrap();
    let path = format!("/drafts/{id}/lineage?from={first}&to={second}");
    let lineage = async || lines(&app.get(&path, Some(&handler)).await.expect(200));
    has(&lineage().await, &["art-4>art-6 modified", "art-3>art-4+art-5 split"]);
    let says =
        json!({"from_version_id": first, "to_version_id": second, "kind": "modified", "from": ["art-3"], "to": ["art-4"], "reason": ""});
    app.post(&format!("/drafts/{id}/lineage/corrections"), Some(&handler), says).await.expect(200);

    // The first text is corrected while the second already stands on it.
    let seen = app.get(&format!("/drafts/{id}/versions/{first}/lines"), Some(&drafter)).await.expect(200);
    let texts: Vec<&str> = seen["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let at = texts.iter().position(|text| text.contains("二十四小时")).unwrap();
    let edit = json!({"revision": 0, "action": "edit", "line": at + 1, "text": texts[at].replace("二十四", "四十八")});
    app.post(&format!("/drafts/{id}/versions/{first}/corrections"), Some(&drafter), edit).await.expect(200);
    has(&lineage().await, &["art-4>art-6 kept", "art-3>art-4 modified"]);
    app.finish().await;
}

#[tokio::test]
async fn a_provision_is_followed_over_versions_that_were_never_public() {
    let app = TestApp::start().await;
    let (id, first, _) = two_versions(&app).await;
    let drafter = app.token(Role::Drafter).await;
    // A third text without 第六条: what the second changed is gone in the third.
    let third = second_text().replace("第六条 使用者应当在四十八小时内归还。\n\n", "").replace("第七条", "第六条");
    let added = app.upload_version(&id, Some(&drafter), "三稿.md", third.as_bytes(), "再改。").await.expect(201);
    let third = added["version"]["id"].as_str().unwrap();
    let draft = drafts::get_draft(&app.app.db, &app.clock, Viewer::System, DraftId(id.parse().unwrap())).await.unwrap();
    let version =
        async |id: &str| versions::get_version(&app.app.db, Viewer::System, &draft, DraftVersionId(id.parse().unwrap())).await.unwrap();
    let (old, new) = (version(&first).await, version(third).await);
    let gone = lineage::follow(&app.app.db, &old, "art-4/para-1", &new).await.unwrap();
    assert_eq!(gone.iter().map(|c| (c.kind.as_str(), c.address.as_deref())).collect::<Vec<_>>(), [("deleted", None)]);
    let kept = lineage::follow(&app.app.db, &old, "art-5", &new).await.unwrap();
    assert_eq!(kept.iter().map(|c| (c.kind.as_str(), c.label.as_str())).collect::<Vec<_>>(), [("kept", "第六条")]);
    assert!(lineage::follow(&app.app.db, &new, "art-1", &old).await.unwrap().is_empty(), "only forwards");
    // A draft from before lineages were stored is related when it is asked for.
    let mut tx = app.app.db.begin().await.unwrap();
    for statement in ["DELETE FROM lineage_relation", "DELETE FROM lineage"] {
        zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(drop)).unwrap();
    }
    tx.commit().await.unwrap();
    let kept = lineage::follow(&app.app.db, &old, "art-5", &new).await.unwrap();
    assert_eq!(kept.iter().map(|c| (c.kind.as_str(), c.label.as_str())).collect::<Vec<_>>(), [("kept", "第六条")]);
    app.finish().await;
}

#[tokio::test]
async fn two_versions_are_compared_down_to_characters() {
    let app = TestApp::start().await;
    let (id, first, second) = two_versions(&app).await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{id}/comparison");
    // The public sees one version and nothing to compare it with; it cannot name one it may not see.
    app.get(&path, None).await.expect_problem(Code::Conflict);
    app.get(&format!("{path}?from={first}&to={second}"), None).await.expect_invalid("to");
    let compared = app.get(&path, Some(&handler)).await.expect(200);
    assert_eq!((compared["old"]["id"].as_str(), compared["new"]["id"].as_str()), (Some(first.as_str()), Some(second.as_str())));
    let rows = compared["rows"].as_array().unwrap();
    let changed = rows.iter().find(|row| row["new"][0]["label"] == "第六条").unwrap();
    let segments: Vec<(&str, &str)> =
        changed["segments"].as_array().unwrap().iter().map(|s| (s["change"].as_str().unwrap(), s["text"].as_str().unwrap())).collect();
    assert_eq!(segments, [("equal", "使用者应当在"), ("deleted", "二十四"), ("inserted", "四十八"), ("equal", "小时内归还。")]);
    let counts = compared["counts"].as_array().unwrap();
    assert!(counts.contains(&json!({"kind": "split", "count": 1})), "{counts:?}");
    let short = app.get(&format!("{path}?changed_only=true"), Some(&handler)).await.expect(200);
    assert!(short["rows"].as_array().unwrap().iter().all(|row| row["kind"] != "kept"));

    let response =
        app.raw(&format!("/api/v1{path}/sheet?from={first}&to={second}"), &[("authorization", &format!("Bearer {handler}"))]).await;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.content_type(), Some(zhitong::documents::writing::DOCX));
    let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(name.starts_with("attachment; ") && name.contains(".docx"), "{name}");
    let bytes = response.into_body().into_bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut document = String::new();
    archive.by_name("word/document.xml").unwrap().read_to_string(&mut document).unwrap();
    assert!(document.contains("修改前") && document.contains("<w:strike/>") && document.contains("<w:u w:val=\"single\"/>"));
    app.deliver().await;
    app.finish().await;
}
