//! Laws go in through the API and are found through the API.

use poem::http::StatusCode;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;
use zhitong::search::{self, IndexState, SearchService};
use zhitong::{api, corpus};

use crate::pages::Browser;
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
async fn what_is_not_in_the_library_is_said_and_other_titles_are_offered() {
    let (app, _) = stocked().await;
    let absent = search(&app, "雨伞管理条例第99条", "").await;
    assert_eq!(absent["notice"], "《清河市雨伞管理条例》没有第九十九条。", "{absent}");
    assert!(search(&app, "雨伞管理条例第二条", "").await["notice"].is_null());
    let before = search(&app, "雨伞管理条例第二条", "&on=2010-01-01").await;
    assert_eq!(
        (&before["total_documents"], &before["notice"]),
        (&json!(0), &json!("《清河市雨伞管理条例》在2010年1月1日没有有效的文本。"))
    );
    let then = search(&app, "雨伞管理条例第二条", "&on=2010-01-01&validity=not_yet_in_force").await;
    assert_eq!(then["answer"]["hit"]["validity"], "not_yet_in_force", "{then}");
    let browser = Browser::of(&app);
    let page = browser.get(&path_of("民法典1024条"), "").await;
    assert!(page.html.contains("法规库里没有《民法典》"), "{}", page.html);
    let page = browser.get(&path_of("yusan"), "").await;
    assert!(page.html.contains("您是不是要找") && page.html.contains(">清河市雨伞管理条例</a>"), "{}", page.html);
    let page = browser.get(&format!("{}&on=2020-01-01", path_of("雨伞")), "").await;
    assert!(page.html.contains("当日有效") && !page.html.contains("现行有效"), "{}", page.html);
    let page = browser.get("/", "").await;
    assert!(page.html.contains("条（各版本合计）"), "{}", page.html);
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
async fn what_the_parser_doubts_is_told_to_staff_in_words() {
    let app = TestApp::start().await;
    let token = app.token(Role::Handler).await;
    let text = "# 清河市手套管理办法\n\n第一条 手套成双使用。\n\n第三条 本办法自2025年2月1日起施行。\n";
    import(&app, &token, &[("清河市手套管理办法(2025-01-02).md", text)], false).await;
    let desk = app.page("/staff", &token).await;
    assert!(desk.contains("编号缺失") && desk.contains("1 处") && !desk.contains(">D02"), "{desk}");
    let id = app.get("/documents", None).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let law = app.page(&format!("/laws/{id}"), &token).await;
    assert!(law.contains("编号缺失（原文第 ") && law.contains("第一条之后为第三条") && !law.contains(">D02"), "{law}");
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

/// Status and body of `/health/ready`.
async fn readiness(app: &TestApp) -> (u16, Value) {
    let response = app.raw("/health/ready", &[]).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.into_body().into_string().await.unwrap()).unwrap())
}

/// Uploads a text and waits for its job; the index does not follow. Gives the job.
async fn import_alone(app: &TestApp, token: &str, name: &str, text: &str) -> Value {
    let job = app.upload("/imports", Some(token), "files", name, text.as_bytes(), ("dry_run", "false")).await.expect(202);
    let path = format!("/imports/{}", job["id"].as_str().unwrap());
    loop {
        let job = app.get(&path, Some(token)).await.expect(200);
        if job["state"] != "running" {
            assert_eq!(job["state"], "finished", "{job}");
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A search that is to find what a change brought: the answer, and what it says of being kept.
async fn search_after(app: &TestApp, query: &str, change: &str) -> (u16, Value, String) {
    let response = app.raw(&format!("/api/v1/search?q={}", encoded(query)), &[("read-after", change)]).await;
    let (status, keep) = (response.status().as_u16(), response.header("cache-control").unwrap_or_default().to_owned());
    (status, serde_json::from_str(&response.into_body().into_string().await.unwrap()).unwrap(), keep)
}

const GLOVES: &str = "# 清河市手套管理办法\n\n第一条 手套应当成双使用。\n\n第二条 本办法自2025年2月1日起施行。\n";
const HATS: &str = "# 清河市帽子管理办法\n\n第一条 帽子应当戴在头上。\n\n第二条 本办法自2025年3月1日起施行。\n";

#[tokio::test]
async fn without_an_index_the_process_lives_and_is_not_ready() {
    let app = TestApp::start().await;
    assert_eq!(app.raw("/health/live", &[]).await.status(), StatusCode::OK);
    let (status, body) = readiness(&app).await;
    assert_eq!((status, &body["status"], &body["index"], &body["database"]), (503, &json!("not ready"), &json!("building"), &json!("ok")));
    for path in [format!("/api/v1{}", path_of("雨伞")), path_of("雨伞")] {
        let refused = app.raw(&path, &[]).await;
        assert_eq!((refused.status(), refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")), "{path}");
    }
    app.get(&format!("/citations?text={}", encoded("雨伞条例第二条")), None).await.expect_problem(Code::Unavailable);
    assert_eq!(app.raw("/laws", &[]).await.status(), StatusCode::OK, "what needs no index is there");
    app.index().await;
    let (status, body) = readiness(&app).await;
    assert_eq!((status, &body["status"], &body["index"]), (200, &json!("ready"), &json!("ok")));
    assert_eq!(app.raw(&path_of("雨伞"), &[]).await.status(), StatusCode::OK);
    app.finish().await;
}

fn path_of(query: &str) -> String {
    format!("/search?q={}", encoded(query))
}

#[tokio::test]
async fn a_process_is_ready_when_it_has_caught_up_and_stays_so_when_it_falls_behind() {
    let (app, token) = stocked().await;
    // This process holds the index for writing from now on, so that another cannot follow.
    import(&app, &token, &[("清河市手套管理办法(2025-01-02).md", GLOVES)], false).await;
    let other = SearchService::open(&app.app.config.data_dir.join("search")).unwrap();
    let (now, later) = (app.clock.now(), app.clock.now() + chrono::Duration::seconds(61));
    assert_eq!((other.is_ready(), other.state(now)), (true, IndexState::CatchingUp));
    assert!(!IndexState::CatchingUp.may_serve());
    other.catch_up(&app.app.db, &app.clock).await.unwrap();
    assert_eq!((other.state(now), other.state(later), other.lag_seconds(later)), (IndexState::Current, IndexState::Current, 0));

    import_alone(&app, &token, "清河市帽子管理办法(2025-02-02).md", HATS).await;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let (lag, mut lags) = tokio::sync::watch::channel(0i64);
    let report = move |waiting: i64, _: i64| {
        lag.send_replace(waiting);
    };
    let follower = tokio::spawn(search::follow(other.clone(), app.app.db.clone(), app.clock.clone(), stopping, report));
    tokio::time::timeout(std::time::Duration::from_secs(30), lags.wait_for(|lag| *lag == 1)).await.unwrap().unwrap();
    let change = corpus::indexing::last_change(&app.app.db).await.unwrap();
    assert!(!other.holds(change) && other.holds(change - 1));
    assert_eq!((other.state(now), other.lag_seconds(now)), (IndexState::Current, 0));
    assert_eq!((other.state(later), other.lag_seconds(later)), (IndexState::Behind, 61));
    assert!(IndexState::Behind.may_serve());
    stop.send_replace(true);
    follower.await.unwrap();
    // The one that can write follows, and has nothing to wait for.
    app.index().await;
    assert!(app.app.search.holds(change));
    assert_eq!(readiness(&app).await.1["index"], "ok");
    app.finish().await;
}

#[tokio::test]
async fn a_search_waits_for_what_was_just_imported() {
    let (app, token) = stocked().await;
    let job = import_alone(&app, &token, "清河市手套管理办法(2025-01-02).md", GLOVES).await;
    let change = corpus::indexing::last_change(&app.app.db).await.unwrap();
    assert_eq!((&job["change_seq"], &job["is_searchable"]), (&json!(change), &json!(false)));
    let asked = change.to_string();

    let without = search(&app, "手套成双", "").await;
    assert!(without["is_behind"].is_null() && without["total_articles"] == 0, "{without}");
    let (status, behind, keep) = search_after(&app, "手套成双", &asked).await;
    assert_eq!((status, &behind["is_behind"], keep.as_str()), (200, &json!(true), "no-store"), "after a while it answers with what it has");

    let browser = Browser::of(&app);
    let session = format!("zhitong_session={token}");
    let page = browser.get(&format!("/staff/import/{}", job["id"].as_str().unwrap()), &session).await;
    assert!(page.html.contains("正在编入检索") && page.html.contains("data-poll"), "{}", page.html);
    let cookies = format!("{session}; {}", page.cookie("zhitong_read_after"));
    assert!(cookies.ends_with(&format!("zhitong_read_after={change}")), "{cookies}");
    let told = "刚导入的内容还在编入检索";
    assert!(browser.get(&path_of("手套成双"), &cookies).await.html.contains(told));
    assert!(!browser.get(&path_of("手套成双"), &session).await.html.contains(told));

    let following = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        app.index().await;
    };
    let ((status, found, _), ()) = tokio::join!(search_after(&app, "手套成双", &asked), following);
    assert_eq!((status, &found["is_behind"], &found["hits"][0]["title"]), (200, &json!(false), &json!("清河市手套管理办法")), "{found}");

    let job = app.get(&format!("/imports/{}", job["id"].as_str().unwrap()), Some(&token)).await.expect(200);
    assert_eq!(job["is_searchable"], true);
    let page = browser.get(&format!("/staff/import/{}", job["id"].as_str().unwrap()), &session).await;
    assert!(page.html.contains("已经可以查到") && !page.html.contains("data-poll"), "{}", page.html);
    let page = browser.get(&path_of("手套成双"), &cookies).await;
    assert!(!page.html.contains(told) && page.html.contains("清河市手套管理办法"), "{}", page.html);

    // A change that nobody has made is not waited for.
    let began = std::time::Instant::now();
    let (status, found, _) = search_after(&app, "手套成双", &(change + 1_000_000).to_string()).await;
    assert_eq!((status, &found["is_behind"]), (200, &json!(true)));
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    for wrong in ["soon", "-1"] {
        assert_eq!(search_after(&app, "手套成双", wrong).await.0, 400, "{wrong}");
    }

    let dry = import(&app, &token, &[("清河市帽子管理办法(2025-02-02).md", HATS)], true).await;
    assert_eq!(dry[0]["outcome"], "new");
    let jobs = app.get("/imports", Some(&token)).await.expect(200);
    assert!(jobs["items"][0]["is_dry_run"] == true && jobs["items"][0]["change_seq"].is_null(), "{jobs}");
    app.finish().await;
}
