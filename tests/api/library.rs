//! Laws go in through the API and are found through the API.

use poem::http::StatusCode;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;
use zhitong::{api, corpus};

use crate::support::TestApp;

const OLD: &str = "# 清河市雨伞管理条例\n\n2012年3月1日 清河市人民代表大会常务委员会通过\n\n<!-- INFO END -->\n\n## 第一章 总则\n\n第一条 为了规范雨伞的使用，制定本条例。\n\n## 第二章 使用\n\n第二条 市民应当在雨停后收起雨伞。\n\n第三条 本条例自2012年5月1日起施行。\n";
const NEW: &str = "# 清河市雨伞管理条例\n\n2024年3月1日 清河市人民代表大会常务委员会通过\n\n<!-- INFO END -->\n\n## 第一章 总则\n\n第一条 为了规范雨伞的使用，制定本条例。\n\n## 第二章 使用\n\n第二条 市民应当在雨停后收起雨伞，不得在公共汽车内撑开。\n\n在室内抖落积水，造成他人滑倒的，应当依法承担侵权责任：\n\n（一）赔礼道歉；\n\n（二）赔偿损失。\n\n第二条之一 遗失的雨伞由公共汽车公司保管三十日。\n\n第三条 本条例自2024年5月1日起施行。\n";

/// Uploads texts, waits for the job, and lets the index follow. Gives the job's rows.
async fn import(app: &TestApp, token: &str, files: &[(&str, &str)], dry_run: bool) -> Value {
    let mut rows = Vec::new();
    for (name, text) in files {
        let job =
            app.upload("/imports", Some(token), "files", name, text.as_bytes(), ("dry_run", if dry_run { "true" } else { "false" })).await;
        let id = job.expect(202)["id"].as_str().unwrap().to_owned();
        let finished = loop {
            let job = app.get(&format!("/imports/{id}"), Some(token)).await.expect(200);
            if job["state"] != "running" {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(finished["state"], "finished", "{finished}");
        rows.extend(finished["rows"].as_array().unwrap().clone());
    }
    app.index().await;
    Value::Array(rows)
}

async fn stocked() -> (TestApp, String) {
    let app = TestApp::start().await;
    let token = app.token(Role::Handler).await;
    let rows = import(&app, &token, &[("清河市雨伞管理条例(2012-03-01).md", OLD), ("清河市雨伞管理条例(2024-03-01).md", NEW)], false).await;
    assert_eq!((&rows[0]["outcome"], &rows[1]["outcome"]), (&json!("new"), &json!("new_version")), "{rows}");
    (app, token)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

async fn search(app: &TestApp, query: &str, more: &str) -> Value {
    app.get(&format!("/search?q={}{more}", encoded(query)), None).await.expect(200)
}

#[tokio::test]
async fn a_title_and_an_article_lead_to_the_provision_in_force() {
    let (app, _) = stocked().await;
    for query in ["清河市雨伞管理条例第二条", "雨伞管理条例2条", "清河市雨傘管理條例 第２條", "《清河市雨伞管理条例》第二条第二款第一项"]
    {
        let found = search(&app, query, "").await;
        assert_eq!(found["answer"]["hit"]["address"], "art-2", "{query}: {found}");
        assert_eq!(found["answer"]["hit"]["validity"], "in_force");
        assert!(found["answer"]["paragraphs"][0].as_str().unwrap().contains("公共汽车"), "{found}");
        assert!(found["answer"]["hit"]["path"].as_str().unwrap().contains("第二章"));
    }
    let then = search(&app, "雨伞管理条例第二条", "&on=2020-01-01").await;
    assert!(!then["answer"]["paragraphs"][0].as_str().unwrap().contains("公共汽车"), "the text of that day: {then}");
    let found = search(&app, "雨伞管理条例第二条之一", "").await;
    assert_eq!(found["answer"]["hit"]["address"], "art-2-1", "{found}");
    app.finish().await;
}

#[tokio::test]
async fn words_phrases_exclusions_and_filters_narrow() {
    let (app, _) = stocked().await;
    let found = search(&app, "遗失的雨伞谁保管", "").await;
    assert_eq!(found["hits"][0]["address"], "art-2-1", "{found}");
    assert!(found["hits"][0]["snippet"].as_array().unwrap().iter().any(|s| s["is_highlighted"] == true));
    let found = search(&app, "“公共汽车内撑开”", "").await;
    assert_eq!((found["total_articles"].as_u64(), found["hits"][0]["address"].as_str()), (Some(1), Some("art-2")), "{found}");
    let found = search(&app, "雨伞 -公共汽车", "").await;
    assert!(found["hits"].as_array().unwrap().iter().all(|h| h["address"] != "art-2"), "{found}");
    let found = search(&app, "雨伞", "&level=law").await;
    assert_eq!(found["total_articles"], 0);
    let found = search(&app, "雨伞", "&grouped=true").await;
    assert_eq!(found["groups"].as_array().unwrap().len(), 1, "one document, one group: {found}");
    app.finish().await;
}

#[tokio::test]
async fn pages_of_results_neither_repeat_nor_miss() {
    let (app, _) = stocked().await;
    let all = search(&app, "雨伞", "&limit=100").await["hits"].as_array().unwrap().clone();
    assert!(all.len() >= 3, "{all:?}");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = search(&app, "雨伞", &format!("&limit=1{cursor}")).await;
        seen.extend(page["hits"].as_array().unwrap().iter().map(|h| h["address"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encoded(next)),
            None => break,
        }
        assert!(seen.len() <= all.len());
    }
    assert_eq!(seen, all.iter().map(|h| h["address"].clone()).collect::<Vec<_>>());
    app.finish().await;
}

#[tokio::test]
async fn documents_versions_and_provisions_are_read_by_address() {
    let (app, token) = stocked().await;
    let list = app.get("/documents", None).await.expect(200);
    assert_eq!(list["total"], 1);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let document = app.get(&format!("/documents/{id}"), None).await.expect(200);
    let versions = document["versions"].as_array().unwrap();
    assert_eq!(versions.iter().map(|v| v["validity"].as_str().unwrap()).collect::<Vec<_>>(), ["amended", "in_force"]);
    assert_eq!((&versions[0]["ended_on"], &versions[1]["is_current"]), (&json!("2024-05-01"), &json!(true)));
    let newest = versions[1]["id"].as_str().unwrap().to_owned();
    let text = app.get(&format!("/documents/{id}/versions/{newest}"), None).await.expect(200);
    let addresses: Vec<&str> = text["provisions"].as_array().unwrap().iter().map(|p| p["address"].as_str().unwrap()).collect();
    assert!(addresses.contains(&"art-2/para-2/item-1"), "{addresses:?}");
    let item = app.get(&format!("/documents/{id}/provision?address=art-2/para-2/item-1"), None).await.expect(200);
    assert!(item["provisions"][0]["text"].as_str().unwrap().contains("赔礼道歉"));
    app.get(&format!("/documents/{id}/provision?address=art-99"), None).await.expect_problem(Code::NotFound);
    app.get("/documents/01980000-0000-7000-8000-00000000ffff", None).await.expect_problem(Code::NotFound);
    app.get("/documents/not-an-id", None).await.expect_problem(Code::Invalid);
    app.get("/documents?category=nonsense", None).await.expect_invalid("category");
    app.get(&format!("/documents/{id}/versions/{newest}/original"), None).await.expect_problem(Code::LoginRequired);
    let original =
        app.raw(&format!("/api/v1/documents/{id}/versions/{newest}/original"), &[("authorization", &format!("Bearer {token}"))]).await;
    assert!(original.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(original.into_body().into_string().await.unwrap(), NEW);
    app.finish().await;
}

#[tokio::test]
async fn completion_knows_titles_and_pinyin() {
    let (app, _) = stocked().await;
    for typed in ["清河市雨", "雨伞管", "qhsys"] {
        let found = app.get(&format!("/suggest?q={}", encoded(typed)), None).await.expect(200);
        assert!(found.as_array().unwrap().iter().any(|s| s["display"].as_str().unwrap().contains("雨伞管理条例")), "{typed}: {found}");
    }
    app.finish().await;
}

#[tokio::test]
async fn importing_again_changes_nothing_and_bad_files_are_rows() {
    let (app, token) = stocked().await;
    let rows = import(&app, &token, &[("清河市雨伞管理条例(2024-03-01).md", NEW)], false).await;
    assert_eq!(rows[0]["outcome"], "unchanged", "{rows}");
    let rows = import(&app, &token, &[("坏.docx", "PK\u{3}\u{4}not a zip"), ("空.md", "")], false).await;
    for row in rows.as_array().unwrap() {
        assert!(row["outcome"] == "problem" || row["outcome"] == "skipped", "{row}");
        assert!(!row["reason"].as_str().unwrap().is_empty(), "{row}");
    }
    let rows = import(&app, &token, &[("新.md", "# 清河市手套管理办法\n\n第一条 手套成双使用。\n")], true).await;
    assert_eq!(rows[0]["outcome"], "new", "{rows}");
    assert_eq!(app.get("/documents", None).await.expect(200)["total"], 1, "a dry run writes nothing");
    let jobs = app.get("/imports", Some(&token)).await.expect(200);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 6);
    app.finish().await;
}

#[tokio::test]
async fn bad_questions_get_one_sentence() {
    let (app, _) = stocked().await;
    app.get("/search", None).await.expect_invalid("q");
    app.get("/search?q=%20", None).await.expect_invalid("q");
    app.get(&format!("/search?q={}", "a".repeat(501)), None).await.expect_invalid("q");
    app.get("/search?q=a&limit=0", None).await.expect_invalid("limit");
    app.get("/search?q=a&on=2026-02-30", None).await.expect_invalid("on");
    app.get("/search?q=a&cursor=%21%21", None).await.expect_problem(Code::Invalid);
    app.get("/documents?cursor=zzz", None).await.expect_invalid("cursor");
    for odd in ["\0", "(((", "\"", "-", "第条", "^[a-z]*$", "☃", "\u{1F4A9}", "第99999999999条", "《》"] {
        app.get(&format!("/search?q={}", encoded(odd)), None).await.expect(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn public_reads_are_conditional_and_compressed() {
    let (app, _) = stocked().await;
    let path = format!("/api/v1/search?q={}", encoded("雨伞"));
    let first = app.raw("/api/v1/documents", &[]).await;
    let tag = first.header("etag").expect("an ETag").to_owned();
    assert!(first.header("cache-control").unwrap().contains("public"));
    assert_eq!(app.raw("/api/v1/documents", &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(app.raw("/api/v1/documents", &[("if-none-match", "\"other\"")]).await.status(), StatusCode::OK);
    let packed = app.raw(&path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.header("x-request-id").is_some_and(|id| !id.is_empty()));
    app.finish().await;
}

#[tokio::test]
async fn the_index_follows_the_feed_and_comes_back_after_loss() {
    let (app, token) = stocked().await;
    let feed = corpus::indexing::last_change(&app.app.db).await.unwrap();
    assert_eq!(app.app.search.index().position(), feed);
    import(
        &app,
        &token,
        &[(
            "清河市手套管理办法(2025-01-02).md",
            "# 清河市手套管理办法\n\n第一条 手套应当成双使用。\n\n第二条 本办法自2025年2月1日起施行。\n",
        )],
        false,
    )
    .await;
    assert!(search(&app, "手套成双", "").await["total_articles"].as_u64().unwrap() >= 1);
    let before = search(&app, "雨伞", "").await;
    app.app.search.rebuild(&app.app.db, &app.clock, |_| {}).await.unwrap();
    let after = search(&app, "雨伞", "").await;
    assert_eq!(before["hits"], after["hits"], "a rebuilt index answers alike");
    app.finish().await;
}

#[tokio::test]
async fn the_committed_description_is_the_one_served() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    assert!(committed == api::spec(), "the API changed: run `cargo run -- openapi > openapi/openapi.json`");
    let description: Value = serde_json::from_str(&committed).unwrap();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["responses"]["default"]["content"]["application/problem+json; charset=utf-8"].is_object(), "{method} {path}");
        }
    }
}
