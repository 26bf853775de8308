//! The feedback report: as data, page, document and table; every opinion in it, nothing that must not be.

use std::io::{Cursor, Read};
use std::process::Command;

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::error::Code;

use crate::moderation::set;
use crate::support::TestApp;

const CAMPAIGN: &str = "建议把归还时间由二十四小时延长到四十八小时，出差的人当天回不来，隔天才能到借伞的地方归还。";
const FORMULA: &str = "=HYPERLINK(\"http://evil.example\",\"点我\")&\u{1}<b>";
const WITHHELD: &str = "七十二小时才合理，这句话不公开";
const HIDDEN: &str = "这句话已经不予展示";

/// A draft whose round ended: what was said, and the ids of the opinions.
struct Told {
    draft: String,
    round: String,
    ids: Vec<String>,
}

async fn say(app: &TestApp, draft: &str, address: Option<&str>, body: &str, is_public: bool) -> (String, String) {
    let citizen = app.token(Role::Citizen).await;
    let new = json!({"address": address, "stance": "amend", "body": body, "reason": "路远", "is_public": is_public});
    let key = format!("key-{}", app.app.ids.next().simple());
    let receipt = app.post_opinion(draft, Some(&citizen), &key, new).await.expect(201);
    (receipt["opinion_id"].as_str().unwrap().to_owned(), citizen)
}

/// Three that say the same, one of them kept back; a formula; one kept back; one hidden; one on the whole; one excluded; one withdrawn.
async fn told(app: &TestApp) -> Told {
    let draft = app.open_draft().await;
    let mut ids = Vec::new();
    for (address, body, is_public) in [
        (Some("art-4"), CAMPAIGN, false),
        (Some("art-4"), CAMPAIGN, true),
        (Some("art-4"), &CAMPAIGN.replace("出差", "外出"), true),
        (Some("art-3/para-1/item-2"), FORMULA, true),
        (Some("art-4"), WITHHELD, false),
        (Some("art-5"), HIDDEN, true),
        (None, "总体赞成。", true),
        (Some("art-1"), "加我微信领奖", true),
    ] {
        ids.push(say(app, &draft, address, body, is_public).await.0);
    }
    let (gone, author) = say(app, &draft, None, "收回的话", true).await;
    let body = json!({"revision": 1});
    app.call(
        poem::http::Method::POST,
        &format!("/opinions/{gone}/withdrawal"),
        Some(&author),
        &[("Idempotency-Key", "withdraw-1")],
        Some(body),
    )
    .await
    .expect(200);
    set(app, "UPDATE opinion SET display = 'hidden' WHERE id = $1", ids[5].parse().unwrap()).await;
    // A person looked at what the check was not sure of.
    set(app, "UPDATE opinion SET display = 'shown' WHERE id = $1", ids[3].parse().unwrap()).await;
    ids.push(gone);
    app.clock.advance(chrono::Duration::days(31));
    let handler = app.token(Role::Handler).await;
    app.call(poem::http::Method::POST, &format!("/drafts/{draft}/group-suggestions"), Some(&handler), &[], None).await.expect(200);
    let group = app.get(&format!("/drafts/{draft}/groups"), Some(&handler)).await.expect(200)["items"][0].clone();
    assert_eq!(group["submissions"], 3);
    let group = format!("/opinion-groups/{}/disposition", group["id"].as_str().unwrap());
    let answer = json!({"kind": "partly_adopted", "reason": "改为三十六小时。", "from_revision": 1});
    app.put(&group, Some(&handler), answer).await.expect(200);
    for (id, kind) in [(&ids[3], "out_of_scope"), (&ids[4], "not_adopted"), (&ids[5], "not_adopted"), (&ids[6], "adopted")] {
        let answer = json!({"kind": kind, "reason": format!("理由{kind}")});
        app.put(&format!("/opinions/{id}/disposition"), Some(&handler), answer).await.expect(204);
    }
    let exclusion = json!({"opinions": [ids[7]], "reason": "abuse"});
    app.post(&format!("/drafts/{draft}/exclusions"), Some(&handler), exclusion).await.expect(204);
    let rounds = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    let round = rounds["consultations"][0]["id"].as_str().unwrap().to_owned();
    Told { draft, round, ids }
}

async fn published(app: &TestApp) -> Told {
    let told = told(app).await;
    assert_eq!(app.pass_all(&told.draft).await, 7);
    let reviewer = app.token(Role::Reviewer).await;
    let summary = json!({"summary": "意见集中在归还时间。"});
    app.post(&format!("/drafts/{}/feedback", told.draft), Some(&reviewer), summary).await.expect(200);
    told
}

async fn bytes(app: &TestApp, path: &str) -> Vec<u8> {
    let response = app.raw(path, &[]).await;
    assert_eq!(response.status(), 200, "{path}");
    response.into_body().into_vec().await.unwrap()
}

async fn text(app: &TestApp, path: &str) -> String {
    String::from_utf8(bytes(app, path).await).unwrap()
}

fn document_xml(docx: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(docx)).unwrap();
    let mut xml = String::new();
    archive.by_name("word/document.xml").unwrap().read_to_string(&mut xml).unwrap();
    xml
}

fn count(view: &Value, list: &str) -> Vec<(String, i64)> {
    let named = view[list].as_array().unwrap().iter();
    named.map(|n| (n["name"].as_str().unwrap().to_owned(), n["count"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn the_report_says_what_became_of_every_opinion() {
    let app = TestApp::start().await;
    let told = published(&app).await;
    let path = format!("/drafts/{}/consultations/{}/report", told.draft, told.round);
    let view = app.get(&path, None).await.expect(200);
    let numbers = ["opinions", "distinct_texts", "signed_in_people", "withdrawn", "answered", "open", "excluded", "late"];
    assert_eq!(numbers.map(|name| view[name].as_i64().unwrap()), [8, 7, 8, 1, 7, 0, 1, 0], "{view}");
    assert_eq!(count(&view, "by_channel"), [("wechat".to_owned(), 8)]);
    let kinds = [("adopted", 1), ("partly_adopted", 3), ("not_adopted", 2), ("out_of_scope", 1)].map(|(kind, n)| (kind.to_owned(), n));
    assert_eq!(count(&view, "by_disposition"), kinds);
    assert_eq!(count(&view, "exclusions"), [("abuse".to_owned(), 1)]);

    // Five entries in the order of the text; those answered as one are one, and stand for all of them.
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("{path}/entries?limit=2{cursor}"), None).await.expect(200);
        entries.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let seen: Vec<_> =
        entries.iter().map(|e| (e["number"].as_i64().unwrap(), e["unit"].as_str().unwrap(), e["submissions"].as_i64().unwrap())).collect();
    assert_eq!(seen, [(1, "全文", 1), (2, "第三条", 1), (3, "第四条", 3), (4, "第四条", 1), (5, "第五条", 1)]);
    assert_eq!(entries[2]["opinion"]["id"], told.ids[1].as_str(), "the first whose words may be shown stands for the group");
    assert_eq!((entries[2]["distinct_texts"].as_i64(), entries[2]["signed_in_people"].as_i64()), (Some(2), Some(3)));
    let only = app.get(&format!("{path}/entries?kind=not_adopted"), None).await.expect(200);
    assert_eq!(only["items"].as_array().unwrap().iter().map(|e| e["number"].as_i64().unwrap()).collect::<Vec<_>>(), [4, 5]);

    for (cursor, kind) in [("LTE", ""), ("LTE", "&kind=adopted"), ("OTk5OTk5OTk5OQ", "")] {
        app.get(&format!("{path}/entries?cursor={cursor}{kind}"), None).await.expect_invalid("cursor");
    }

    // Each row has a lasting link; what is in no row has none.
    for id in &told.ids[..7] {
        let public = app.get(&format!("/opinions/{id}/public"), None).await.expect(200);
        assert!(public["answer"]["disposition"]["reason"].is_string(), "{public}");
        assert!(text(&app, &format!("/opinions/{id}")).await.contains("采纳情况"));
    }
    for id in &told.ids[7..] {
        app.get(&format!("/opinions/{id}/public"), None).await.expect_problem(Code::NotFound);
        assert_eq!(app.raw(&format!("/opinions/{id}"), &[]).await.status(), 404);
    }
    let page = text(&app, &format!("/drafts/{}/rounds/1/report", told.draft)).await;
    for words in
        ["公众参与过程", "意见集中在归还时间。", "同类意见 3 条", "提出人选择不公开意见内容。", "意见内容不予展示。", "广告或恶意内容 1 条"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(text(&app, &format!("/drafts/{}", told.draft)).await.contains("/rounds/1/report"));
    // The list of opinions on an article, which this round does not show, leads on to it.
    let list = text(&app, &format!("/drafts/{}/opinions?address=art-4", told.draft)).await;
    for words in ["采纳情况已经公布", "没有在这里展示的意见", &format!("href=\"/drafts/{}/rounds/1/report\"", told.draft)]
    {
        assert!(list.contains(words), "{words}: {list}");
    }
    assert!(!list.contains("征求意见结束以后统一公布") && !list.contains("同样会研究和答复"), "{list}");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn the_files_hold_every_row_and_no_words_that_are_kept_back() {
    let app = TestApp::start_as(|config| config.public_url = "https://lifa.example".into()).await;
    let told = published(&app).await;
    let base = format!("/drafts/{}/rounds/1/report", told.draft);
    let (docx, xlsx) = (bytes(&app, &format!("{base}.docx")).await, bytes(&app, &format!("{base}.xlsx")).await);
    let api = format!("/api/v1/drafts/{}/consultations/{}/report", told.draft, told.round);
    assert_eq!(document_xml(&bytes(&app, &format!("{api}/document")).await), document_xml(&docx));

    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(xlsx.clone())).unwrap();
    let range = book.worksheet_range("意见汇总表").unwrap();
    let cell = |row: usize, column: usize| range.get((row, column)).cloned().unwrap_or(Data::Empty).to_string();
    assert_eq!(range.height(), 1 + 7, "opinions less exclusions");
    let heads: Vec<String> = (0..15).map(|column| cell(0, column)).collect();
    assert_eq!(heads[..5], ["序号", "条款", "原文", "修改建议", "提出的理由"]);
    for (row, id) in (1..).zip(&told.ids[..7]) {
        assert_eq!((cell(row, 0), cell(row, 13)), (row.to_string(), id.clone()));
        assert_eq!(cell(row, 14), format!("https://lifa.example/opinions/{id}"));
    }
    assert_eq!(cell(2, 2), "使用者应当在二十四小时内归还。");
    assert_eq!(cell(4, 3), FORMULA.replace('\u{1}', ""), "words stay words");
    assert_eq!((cell(1, 3), cell(1, 4), cell(1, 5)), ("（提出人选择不公开意见内容）".into(), String::new(), String::new()));
    assert_eq!(cell(6, 3), "（意见内容不予展示）");
    assert_eq!((cell(7, 1), cell(7, 9), cell(7, 10)), ("全文".into(), "采纳".into(), "理由adopted".into()));
    assert!(book.worksheet_formula("意见汇总表").unwrap().is_empty());
    let numbers = book.worksheet_range("数量").unwrap();
    let number = |name: &str| {
        let row = numbers.rows().find(|row| matches!(&row[0], Data::String(words) if words == name));
        row.unwrap_or_else(|| panic!("{name}"))[1].to_string()
    };
    let names = ["收到意见（条）", "提出人撤回（条）", "不作反馈：广告或恶意内容", "意见汇总表行数", "采纳情况：部分采纳"];
    assert_eq!(names.map(number), ["8", "1", "1", "7", "3"]);

    // What is kept back is in none of the files, wherever one looks.
    let mut everything = document_xml(&docx);
    let mut archive = zip::ZipArchive::new(Cursor::new(&xlsx)).unwrap();
    for at in 0..archive.len() {
        archive.by_index(at).unwrap().read_to_string(&mut everything).unwrap();
    }
    for words in [WITHHELD, HIDDEN, "收回的话", "加我微信"] {
        assert!(!everything.contains(words), "{words}");
    }

    // An office program opens both and shows what was written.
    for (name, file) in [("report.docx", &docx), ("report.xlsx", &xlsx)] {
        let Some(read) = read_with_office(name, file) else { continue };
        for words in ["延长到四十八小时", "改为三十六小时", "意见汇总表", "部分采纳", "HYPERLINK"] {
            assert!(read.contains(words) || (name.ends_with("xlsx") && words == "意见汇总表"), "{name}: {words}\n{read}");
        }
    }
    app.deliver().await;
    app.finish().await;
}

/// What LibreOffice shows of a file, without its white space; `None`, and said, where it is not installed.
fn read_with_office(name: &str, file: &[u8]) -> Option<String> {
    if Command::new("soffice").arg("--version").output().is_err() || Command::new("pdftotext").arg("-v").output().is_err() {
        println!("SKIPPED: {name} in an office program: soffice or pdftotext is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, file).unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.path().display());
    let done =
        Command::new("soffice").args([&profile, "--headless", "--convert-to", "pdf", "--outdir"]).arg(folder.path()).arg(&path).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = Command::new("pdftotext").arg(path.with_extension("pdf")).arg("-").output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    Some(String::from_utf8(shown.stdout).unwrap().split_whitespace().collect())
}

#[tokio::test]
async fn before_the_batch_only_staff_see_what_passed_review() {
    let app = TestApp::start().await;
    let told = told(&app).await;
    let path = format!("/drafts/{}/consultations/{}/report", told.draft, told.round);
    let citizen = app.token(Role::Citizen).await;
    let handler = app.token(Role::Handler).await;
    for token in [None, Some(&citizen)] {
        for part in ["", "/entries", "/document", "/table"] {
            app.get(&format!("{path}{part}"), token.map(String::as_str)).await.expect_problem(Code::NotFound);
        }
    }
    for suffix in ["", ".docx", ".xlsx"] {
        assert_eq!(app.raw(&format!("/drafts/{}/rounds/1/report{suffix}", told.draft), &[]).await.status(), 404);
    }
    let view = app.get(&path, Some(&handler)).await.expect(200);
    assert_eq!((view["answered"].as_i64(), view["open"].as_i64(), view.get("published_at")), (Some(0), Some(7), None));
    assert_eq!(app.get(&format!("{path}/entries"), Some(&handler)).await.expect(200)["items"], json!([]));
    assert_eq!(app.pass_all(&told.draft).await, 7);
    let view = app.get(&path, Some(&handler)).await.expect(200);
    assert_eq!((view["answered"].as_i64(), view["open"].as_i64()), (Some(7), Some(0)));
    let entries = app.get(&format!("{path}/entries"), Some(&handler)).await.expect(200);
    assert_eq!(entries["items"].as_array().unwrap().len(), 5);
    for id in &told.ids {
        app.get(&format!("/opinions/{id}/public"), Some(&handler)).await.expect_problem(Code::NotFound);
    }
    app.get(&format!("/drafts/{}/consultations/{}/report", told.draft, told.draft), None).await.expect_problem(Code::NotFound);
    for number in ["0", "2", "x", "-1"] {
        assert_eq!(app.raw(&format!("/drafts/{}/rounds/{number}/report", told.draft), &[]).await.status(), 404, "{number}");
    }
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_round_without_opinions_has_its_report_too() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    app.clock.advance(chrono::Duration::days(31));
    let reviewer = app.token(Role::Reviewer).await;
    app.post(&format!("/drafts/{draft}/feedback"), Some(&reviewer), json!({})).await.expect(200);
    let base = format!("/drafts/{draft}/rounds/1/report");
    assert!(text(&app, &base).await.contains("征求意见期间未收到意见"));
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes(&app, &format!("{base}.xlsx")).await)).unwrap();
    assert_eq!(book.worksheet_range("意见汇总表").unwrap().height(), 1);
    let document = document_xml(&bytes(&app, &format!("{base}.docx")).await);
    assert!(document.contains("没有需要反馈的意见"));
    let (before, _) = document.rsplit_once("2026年").unwrap();
    let signature = before.rsplit("<w:p>").nth(1).unwrap();
    assert!(signature.contains("<w:keepNext/>"), "the organ stays on the page of the day: {signature}");
    app.finish().await;
}

#[tokio::test]
async fn files_of_a_site_without_an_address_hold_no_links() {
    let app = TestApp::start().await;
    let told = published(&app).await;
    let base = format!("/drafts/{}/rounds/1/report", told.draft);
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes(&app, &format!("{base}.xlsx")).await)).unwrap();
    let range = book.worksheet_range("意见汇总表").unwrap();
    let words: Vec<String> = range.rows().flatten().map(ToString::to_string).collect();
    assert!(words.contains(&told.ids[0]) && words.iter().all(|words| words != "链接" && !words.contains("/opinions/")), "{words:?}");
    assert!(!document_xml(&bytes(&app, &format!("{base}.docx")).await).contains("w:hyperlink"));
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn a_preview_says_what_is_still_being_answered_and_a_round_of_no_days_has_none() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    say(&app, &draft, Some("art-4"), CAMPAIGN, true).await;
    let handler = app.token(Role::Handler).await;
    let path = format!("/drafts/{draft}/rounds/1/report");
    let preview = app.page(&path, &handler).await;
    assert!(preview.contains("尚有 1 条正在办理") && preview.contains("共 30 日") && !preview.contains("没有需要反馈的意见"), "{preview}");
    // The round ends on its first day.
    let by = app.caller(&handler).await;
    let (parts, id) = (&app.app, zhitong::ids::DraftId(draft.parse().unwrap()));
    let actor = zhitong::accounts::Actor::Person(&by);
    zhitong::drafts::endings::withdraw_consultation(&parts.db, &parts.clock, &parts.ids, actor, id, "上位法即将修改。").await.unwrap();
    let preview = app.page(&path, &handler).await;
    assert!(preview.contains("向社会公开征求意见。") && !preview.contains("共 0 日"), "{preview}");
    app.deliver().await;
    app.finish().await;
}
