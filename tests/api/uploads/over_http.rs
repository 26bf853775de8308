//! The same over the API and the pages.

use poem::http::Method;
use serde_json::json;
use zhitong::accounts::Role;
use zhitong::error::Code;

use super::support::{Point, xlsx};

const ROWS: &[&[&str]] = &[&["条款", "意见", "提出人", "是否公开"], &["第四条", "宽到两天", "甲", "是"], &["第九条", "改", "乙", "是"]];

#[tokio::test]
async fn a_file_goes_its_way_over_the_api() {
    let point = Point::start().await;
    let (app, us, them) = (&point.app, Some(point.token.as_str()), Some(point.other_token.as_str()));
    let path = format!("/own-point/assignments/{}/uploads", point.assignment);
    let file = xlsx(ROWS);
    let upload = async |token| app.upload(&path, token, "file", "意见.xlsx", &file, ("note", "")).await;
    upload(them).await.expect_problem(Code::NotFound);
    let begun = upload(us).await.expect(202);
    let id = begun["id"].as_str().unwrap().to_owned();
    let at = format!("/own-point/uploads/{id}");
    let wait = async || {
        for _ in 0..200 {
            let batch = app.get(&at, us).await.expect(200);
            if !matches!(batch["state"].as_str().unwrap(), "reading" | "checking" | "committing") {
                return batch;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("it never ends");
    };
    let batch = wait().await;
    assert_eq!(
        (batch["state"].as_str(), batch["counts"]["ready"].as_i64(), batch["counts"]["problems"].as_i64()),
        (Some("checked"), Some(1), Some(1)),
        "{batch}"
    );
    assert_eq!(batch["sheets"][0]["columns"][1], json!({"heading": "意见", "field": "body"}));
    let again = upload(us).await.expect(200);
    assert!(again["notice"].as_str().unwrap().contains("没有重复创建"), "{again}");
    let rows = app.get(&format!("{at}/rows?state=problem"), us).await.expect(200);
    assert_eq!((rows["items"].as_array().unwrap().len(), rows["items"][0]["problems"][0]["column"].as_i64()), (1, Some(0)));
    app.get(&format!("{at}/rows"), them).await.expect_problem(Code::NotFound);
    app.post(&format!("{at}/commit"), us, json!({"revision": batch["revision"]})).await.expect_problem(Code::Conflict);
    let row = app.put(&format!("{at}/rows/2"), us, json!({"cells": ["第五条", "改", "乙", "是"]})).await.expect(200);
    assert_eq!((row["state"].as_str(), row["provision_label"].as_str()), (Some("ready"), Some("第五条")), "{row}");
    let revision = app.get(&at, us).await.expect(200)["revision"].clone();
    app.post(&format!("{at}/commit"), us, json!({"revision": revision})).await.expect(202);
    let batch = wait().await;
    assert_eq!((batch["state"].as_str(), batch["counts"]["committed"].as_i64()), (Some("committed"), Some(2)), "{batch}");

    // The bureau sees where it came from, and never who entered it; the counts have it under the channel.
    let handler = app.token(Role::Handler).await;
    let caller = app.caller(&handler).await;
    let cookie = format!("zhitong_session={handler}");
    let page =
        app.raw(&format!("/staff/drafts/{}/opinions", point.draft), &[("cookie", &cookie)]).await.into_body().into_string().await.unwrap();
    assert!(page.contains("东湖社区联系点") && page.contains("收集") && !page.contains(&point.caller.display_name), "{page}");
    let side = app
        .raw(&format!("/staff/drafts/{}/answering?at=art-4", point.draft), &[("cookie", &cookie)])
        .await
        .into_body()
        .into_string()
        .await
        .unwrap();
    assert!(side.contains("来源：东湖社区联系点"), "{side}");
    drop(caller);
    let counts = app.get(&format!("/drafts/{}/opinion-counts", point.draft), None).await.expect(200);
    assert_eq!(
        (counts["by_channel"][0]["name"].as_str(), counts["by_channel"][0]["count"].as_i64()),
        (Some("contact_point"), Some(2)),
        "{counts}"
    );

    // After the submission nothing is taken back; a report has no author who withdrew.
    let undo = json!({"revision": batch["revision"], "reason": "传错"});
    app.post(&format!("{at}/undo"), them, undo.clone()).await.expect_problem(Code::NotFound);
    let undone = app.post(&format!("{at}/undo"), us, undo).await.expect(200);
    assert_eq!((undone["state"].as_str(), undone["counts"]["undone"].as_i64()), (Some("undone"), Some(2)));
    let counts = app.get(&format!("/drafts/{}/opinion-counts", point.draft), None).await.expect(200);
    assert_eq!(counts["by_channel"], json!([]), "{counts}");
    let auditor = app.token(Role::Auditor).await;
    let entries = app.get("/audit/entries", Some(&auditor)).await.expect(200).to_string();
    for act in ["upload_opinions", "correct_upload_row", "commit_upload", "undo_upload"] {
        assert!(entries.contains(act), "{act}");
    }
    let original = app.call(Method::GET, &format!("{at}/original"), us, &[], None).await;
    assert_eq!(original.status, 200);
    point.app.finish().await;
}

#[tokio::test]
async fn pages_of_an_upload_open_and_belong_to_the_point() {
    let point = Point::start().await;
    let batch = point.upload("意见.xlsx", xlsx(ROWS)).await;
    let (us, them) = (format!("zhitong_session={}", point.token), format!("zhitong_session={}", point.other_token));
    for path in [
        format!("/point/tasks/{}/uploads", point.assignment),
        format!("/point/uploads/{}", batch.id),
        format!("/point/uploads/{}/rows/2", batch.id),
    ] {
        let page = point.app.raw(&path, &[("cookie", &us)]).await;
        assert_eq!(page.status(), 200, "{path}");
        let words = page.into_body().into_string().await.unwrap();
        assert!(words.contains("意见.xlsx"), "{path}");
        assert_eq!(point.app.raw(&path, &[("cookie", &them)]).await.status(), 404, "{path}");
    }
    let page = point.app.raw(&format!("/point/uploads/{}", batch.id), &[("cookie", &us)]).await.into_body().into_string().await.unwrap();
    assert!(page.contains("读入 3 行 = 可以导入 1 + 需要更正 1 + 非意见行 1") && page.contains("A 列："), "{page}");
    point.app.finish().await;
}
