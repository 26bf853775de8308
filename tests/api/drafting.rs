//! A draft before it is opened to the public: corrected, explained, with attachments and legal bases; and once it has become law.

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::Role;
use zhitong::corpus::classification::{Category, Level, Validity};
use zhitong::corpus::structure::parse;
use zhitong::corpus::{NewVersion, SourceCode, store};
use zhitong::drafts::comparison::sources;
use zhitong::drafts::legal_bases::{self, Rank};
use zhitong::drafts::{self, DraftKind, Viewer};
use zhitong::error::Code;
use zhitong::ids::{DraftId, WorkId};

use crate::support::TestApp;

/// A text that the parser reads wrongly in two places, and must: only a person can tell.
const PASTED: &str = "清河市共享雨伞管理办法\n\
第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n\
第二条 经营者应当遵守下列规定：\n\
（一）伞具干净、完好；\n\
（二）公布收费标准。\n\
第三条 本办法所称经营者，是指企业。\n\
第四条 本办法自2026年6月1日起施行。\n";

struct Desk {
    app: TestApp,
    drafter: String,
    draft: String,
    version: String,
}

impl Desk {
    async fn start() -> Desk {
        let app = TestApp::start().await;
        let drafter = app.token(Role::Drafter).await;
        let body = json!({"title": "清河市共享雨伞管理办法", "kind": "government_rule", "drafting_unit": "清河市城市管理局"});
        let draft = app.post("/drafts", Some(&drafter), body).await.expect(201)["id"].as_str().unwrap().to_owned();
        let pasted = json!({"text": PASTED, "explanation": "需要规范投放秩序。"});
        let added = app.post(&format!("/drafts/{draft}/pasted-versions"), Some(&drafter), pasted).await.expect(201);
        let version = added["version"]["id"].as_str().unwrap().to_owned();
        Desk { app, drafter, draft, version }
    }

    fn path(&self, rest: &str) -> String {
        format!("/drafts/{}/versions/{}{rest}", self.draft, self.version)
    }

    async fn lines(&self) -> Vec<(String, String)> {
        let seen = self.app.get(&self.path("/lines"), Some(&self.drafter)).await.expect(200);
        let pair = |line: &Value| (line["kind"].as_str().unwrap().to_owned(), line["text"].as_str().unwrap().to_owned());
        seen["lines"].as_array().unwrap().iter().map(pair).collect()
    }

    async fn addresses(&self) -> Vec<String> {
        let text = self.app.get(&self.path(""), Some(&self.drafter)).await.expect(200);
        text["provisions"].as_array().unwrap().iter().map(|p| p["address"].as_str().unwrap().to_owned()).collect()
    }

    async fn correct(&self, body: Value) -> crate::support::Answer {
        self.app.post(&self.path("/corrections"), Some(&self.drafter), body).await
    }

    async fn publish(&self) {
        let handler = self.app.token(Role::Handler).await;
        let round = json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01"});
        self.app.post(&format!("/drafts/{}/consultations", self.draft), Some(&handler), round).await.expect(201);
    }
}

/// Puts a law of our own into the library and gives its id.
async fn law(app: &TestApp, title: &str, text: &str) -> String {
    document(app, title, text, (Category::Law, Level::Law, Validity::InForce)).await
}

/// Puts a document into the library and gives its id.
async fn document(app: &TestApp, title: &str, text: &str, (category, level, validity): (Category, Level, Validity)) -> String {
    let day = chrono::NaiveDate::from_ymd_opt(2023, 3, 13);
    let new = NewVersion {
        title: title.into(),
        category,
        level,
        region: "全国".into(),
        organ: "示例国人民代表大会".into(),
        title_note: String::new(),
        document_number: String::new(),
        adopted_on: day,
        promulgated_on: day,
        effective_on: day,
        repealed_on: None,
        validity,
        source_code: SourceCode::default(),
        source_name: format!("{title}.md"),
        blob_hash: None,
        structure: parse(text),
        source_ids: Vec::new(),
        is_demonstration: false,
    };
    let stored = store::store_version(&app.app.db, &app.clock, &app.app.ids, &new).await.unwrap();
    app.index().await;
    stored.work_id.to_string()
}

const LAW: &str = "示例国程序法\n第一条 为了规范程序，制定本法。\n第二条 规章可以规定下列事项：\n（一）执行法律的事项；\n（二）本行政区域的事项。\n没有依据的，不得减损权利。\n";

#[tokio::test]
async fn a_pasted_text_is_corrected_line_by_line_and_back() {
    let desk = Desk::start().await;
    let before = desk.lines().await;
    assert_eq!(before[2], ("article".into(), "第二条　经营者应当遵守下列规定：".into()));
    assert_eq!(before.len(), 7);

    // An article wrongly taken for one becomes a paragraph, and its address goes.
    let done =
        desk.correct(json!({"revision": 0, "action": "edit", "line": 6, "kind": "paragraph", "text": "前款所称经营者，是指企业。"})).await;
    assert_eq!(done.expect(200), json!({"revision": 1, "line": 6, "act": "edit"}));
    let addresses = desk.addresses().await;
    assert!(addresses.contains(&"art-2/para-2".to_owned()) && !addresses.contains(&"art-3".to_owned()), "{addresses:?}");
    let seen = desk.app.get(&desk.path("/lines"), Some(&desk.drafter)).await.expect(200);
    assert!(seen["lines"][6]["notes"].as_array().unwrap().iter().any(|n| n["code"] == "D02"), "第二条之后为第四条: {seen}");

    // Numbers follow the words; the gap is closed by writing them anew.
    desk.correct(json!({"revision": 1, "action": "edit", "line": 7, "text": "第三条　本办法自2026年6月1日起施行。"})).await.expect(200);
    assert!(desk.addresses().await.contains(&"art-3/para-1".to_owned()));
    // 16 characters stay: 第一条　为了规范共享雨伞的投放，
    desk.correct(json!({"revision": 2, "action": "split", "line": 2, "at": 16})).await.expect(200);
    assert_eq!(desk.lines().await[2], ("paragraph".into(), "方便市民出行，制定本办法。".into()));
    desk.correct(json!({"revision": 3, "action": "join", "line": 3})).await.expect(200);
    desk.correct(json!({"revision": 4, "action": "insert", "line": 1, "kind": "chapter", "text": "第一章 总则"})).await.expect(200);
    desk.correct(json!({"revision": 5, "action": "remove", "line": 5})).await.expect(200);
    assert!(desk.addresses().await.contains(&"chap-1".to_owned()));

    // Back, one by one, to the text as it was read.
    for revision in 6..12 {
        desk.app.post(&desk.path("/undo"), Some(&desk.drafter), json!({"revision": revision})).await.expect(200);
    }
    assert_eq!(desk.lines().await, before);
    desk.app.post(&desk.path("/undo"), Some(&desk.drafter), json!({"revision": 12})).await.expect_problem(Code::Conflict);
    let past = desk.app.get(&desk.path("/corrections?limit=100"), Some(&desk.drafter)).await.expect(200);
    assert_eq!(past.as_array().unwrap().len(), 12);
    assert_eq!((past[0]["act"].as_str(), past[0]["undoes"].as_i64()), (Some("undo"), Some(1)));
    assert_eq!((past[11]["is_undone"].as_bool(), past[11]["by"].as_str()), (Some(true), Some("起草人员")));
    desk.app.finish().await;
}

#[tokio::test]
async fn two_people_never_overwrite_each_other() {
    let desk = Desk::start().await;
    let first = json!({"revision": 0, "action": "edit", "line": 4, "text": "（一）伞具干净、完好、无破损；"});
    let second = json!({"revision": 0, "action": "remove", "line": 5});
    desk.correct(first.clone()).await.expect(200);
    let refused = desk.correct(second).await.expect_problem(Code::Conflict);
    assert!(refused["detail"].as_str().unwrap().contains("没有保存"));
    desk.correct(first).await.expect_problem(Code::Conflict);
    assert_eq!(desk.lines().await.len(), 7);

    let explanation = |revision: i64, text: &str| json!({"revision": revision, "text": text});
    let path = desk.path("/explanation");
    let written = desk.app.put(&path, Some(&desk.drafter), explanation(0, "一、必要性\r\n二、主要措施")).await.expect(200);
    assert_eq!((written["explanation_revision"].as_i64(), written["explanation"].as_str()), (Some(1), Some("一、必要性\n二、主要措施")));
    desk.app.put(&path, Some(&desk.drafter), explanation(0, "别人的说明")).await.expect_problem(Code::Conflict);
    // The same words once more are what is there already.
    desk.app.put(&path, Some(&desk.drafter), explanation(0, "一、必要性\n二、主要措施")).await.expect(200);
    desk.app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_corrected_is_said_in_one_sentence() {
    let desk = Desk::start().await;
    for (body, field) in [
        (json!({"revision": 0, "action": "edit", "line": 4, "kind": "article", "text": "没有条号"}), "kind"),
        (json!({"revision": 0, "action": "edit", "line": 4, "text": "  "}), "text"),
        (json!({"revision": 0, "action": "remove", "line": 99}), "line"),
        (json!({"revision": 0, "action": "join", "line": 1}), "line"),
        (json!({"revision": 0, "action": "split", "line": 2, "at": 0}), "at"),
        (json!({"revision": 0, "action": "insert", "line": 2, "text": "甲"}), "kind"),
    ] {
        desk.correct(body).await.expect_invalid(field);
    }
    let long = "长".repeat(20_001);
    desk.correct(json!({"revision": 0, "action": "edit", "line": 4, "kind": "paragraph", "text": long})).await.expect_invalid("text");
    assert_eq!(desk.lines().await.len(), 7);
    desk.app.finish().await;
}

#[tokio::test]
async fn nothing_of_a_published_version_is_changed() {
    let desk = Desk::start().await;
    desk.app.upload(&desk.path("/attachments"), Some(&desk.drafter), "file", "测算表.pdf", b"%PDF-1.7\n", ("note", "")).await.expect(201);
    desk.publish().await;
    desk.correct(json!({"revision": 0, "action": "remove", "line": 4})).await.expect_problem(Code::Conflict);
    desk.app.post(&desk.path("/undo"), Some(&desk.drafter), json!({"revision": 0})).await.expect_problem(Code::Conflict);
    desk.app
        .put(&desk.path("/explanation"), Some(&desk.drafter), json!({"revision": 0, "text": "改"}))
        .await
        .expect_problem(Code::Conflict);
    let more = desk.app.upload(&desk.path("/attachments"), Some(&desk.drafter), "file", "b.pdf", b"%PDF-1.4\n", ("note", "")).await;
    more.expect_problem(Code::Conflict);
    for statement in [
        "INSERT INTO draft_provision (version_id, ordinal, kind, address, label, heading, body) SELECT id, 9999, 'text', 'x', '', '', '' FROM draft_version",
        "UPDATE draft_diagnostic SET detail = ''",
        "DELETE FROM draft_provision",
        "UPDATE draft_provision SET body = ''",
        "DELETE FROM draft_attachment",
        "UPDATE draft_attachment SET name = 'x'",
    ] {
        // A version without diagnostics has none to change.
        let touched = {
            let mut tx = desk.app.app.db.begin().await.unwrap();
            zhitong::on_tx!(&mut tx, c => sqlx::query(statement).execute(c).await.map(|done| done.rows_affected()))
        };
        assert!(touched.as_ref().map_or(true, |rows| *rows == 0), "{statement}: {touched:?}");
        assert!(touched.is_err() || statement.contains("diagnostic"), "{statement}");
    }
    let body = json!({"title": "清河市共享雨伞管理规定", "kind": "government_rule", "drafting_unit": "清河市城市管理局"});
    desk.app.put(&format!("/drafts/{}", desk.draft), Some(&desk.drafter), body).await.expect_problem(Code::Conflict);
    desk.app.finish().await;
}

#[tokio::test]
async fn attachments_are_sniffed_kept_once_and_handed_out_safely() {
    let desk = Desk::start().await;
    let path = desk.path("/attachments");
    let upload = async |name: &str, bytes: &[u8]| desk.app.upload(&path, Some(&desk.drafter), "file", name, bytes, ("note", "")).await;
    upload("恶意.pdf", b"<html><script>alert(1)</script></html>").await.expect_problem(Code::UnsupportedMedia);
    upload("空.pdf", b"").await.expect_problem(Code::UnreadableFile);
    let held = upload("测算 表.pdf", b"%PDF-1.7\n").await.expect(201);
    assert_eq!((held[0]["name"].as_str(), held[0]["media_type"].as_str()), (Some("测算 表.pdf"), Some("application/pdf")));
    assert_eq!(upload("又一次.pdf", b"%PDF-1.7\n").await.expect(201), held, "the same content is one file");
    let file = format!("{path}/{}", held[0]["id"].as_str().unwrap());
    desk.app.get(&file, None).await.expect_problem(Code::NotFound);
    desk.publish().await;
    let response = desk.app.raw(&format!("/api/v1{file}"), &[]).await;
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("content-disposition"), "attachment; filename=\"download.pdf\"; filename*=UTF-8''%E6%B5%8B%E7%AE%97%20%E8%A1%A8.pdf");
    assert_eq!(
        (header("x-content-type-options"), header("content-security-policy")),
        ("nosniff".into(), "sandbox; default-src 'none'".into())
    );
    assert_eq!(response.into_body().into_bytes().await.unwrap().as_ref(), b"%PDF-1.7\n");
    let removed = desk.app.call(Method::DELETE, &file, Some(&desk.drafter), &[], None).await;
    removed.expect_problem(Code::Conflict);
    desk.app.finish().await;
}

#[tokio::test]
async fn a_legal_basis_is_cited_resolved_and_follows_the_text() {
    let desk = Desk::start().await;
    let work = law(&desk.app, "示例国程序法", LAW).await;
    let found = desk
        .app
        .get(
            "/citations?text=%E7%A4%BA%E4%BE%8B%E5%9B%BD%E7%A8%8B%E5%BA%8F%E6%B3%95%E7%AC%AC%E4%BA%8C%E6%9D%A1%E7%AC%AC%E4%BA%8C%E9%A1%B9",
            None,
        )
        .await
        .expect(200);
    assert_eq!(
        (found[0]["address"].as_str(), found[0]["label"].as_str()),
        (Some("art-2/para-1/item-2"), Some("第二条第一款第二项")),
        "{found}"
    );
    assert_eq!(found[0]["text"], "（二）本行政区域的事项。");

    let path = desk.path("/legal-bases");
    let add = async |body: Value| desk.app.post(&path, Some(&desk.drafter), body).await;
    add(json!({"citation": "没有听说过的办法第九条"})).await.expect_invalid("citation");
    add(json!({"citation": "示例国程序法第九十条"})).await.expect_invalid("citation");
    add(json!({"document_id": work, "provision": "art-77"})).await.expect_invalid("provision");
    add(json!({"citation": "《示例国程序法》第一条"})).await.expect(201);
    let held = add(json!({"citation": "示例国程序法第二条", "provision": "art-3"})).await.expect(201);
    assert_eq!(add(json!({"citation": "示例国程序法第二条", "provision": "art-3"})).await.expect(201), held, "the same one is one");
    assert_eq!((held[0]["provision"].as_str(), held[1]["label"].as_str()), (Some(""), Some("第二条")));
    assert_eq!(
        held[1]["text"],
        "第二条　规章可以规定下列事项：\n（一）执行法律的事项；\n（二）本行政区域的事项。\n没有依据的，不得减损权利。"
    );

    // 第三条 becomes a paragraph of 第二条, and its basis goes with it; the line cannot be removed under the basis.
    desk.correct(json!({"revision": 0, "action": "edit", "line": 6, "kind": "paragraph", "text": "所称经营者，是指企业。"}))
        .await
        .expect(200);
    let of = async |provision: &str| desk.app.get(&format!("{path}?provision={provision}"), Some(&desk.drafter)).await.expect(200);
    assert_eq!(of("art-2").await[0]["provision"], "art-2/para-2");
    assert_eq!(of("art-1").await, json!([]));
    desk.correct(json!({"revision": 1, "action": "remove", "line": 6})).await.expect_problem(Code::Conflict);

    // A new version takes over what hangs on the same words, under their new number.
    let text = PASTED.replace("第三条 本办法所称经营者", "第三条 新增。\n第四条 所称经营者").replace("第四条 本办法自", "第五条 本办法自");
    let pasted = json!({"text": text});
    let next = desk.app.post(&format!("/drafts/{}/pasted-versions", desk.draft), Some(&desk.drafter), pasted).await.expect(201);
    let next = format!("/drafts/{}/versions/{}/legal-bases", desk.draft, next["version"]["id"].as_str().unwrap());
    let carried = desk.app.get(&next, Some(&desk.drafter)).await.expect(200);
    let places: Vec<&str> = carried.as_array().unwrap().iter().map(|b| b["provision"].as_str().unwrap()).collect();
    assert_eq!(places, ["", "art-4/para-1"]);

    let basis = held[0]["id"].as_str().unwrap();
    let removed = desk.app.call(Method::DELETE, &format!("{path}/{basis}"), Some(&desk.drafter), &[], None).await;
    removed.expect(204);
    assert_eq!(desk.app.get(&path, Some(&desk.drafter)).await.expect(200).as_array().unwrap().len(), 1);
    desk.app.finish().await;
}

#[tokio::test]
async fn what_is_offered_as_a_basis_says_whether_it_binds_and_how_it_ranks() {
    const OLD: &str = "清河市旧伞管理办法";
    let desk = Desk::start().await;
    let above = law(&desk.app, "示例国程序法", LAW).await;
    let repealed = (Category::LocalGovernmentRule, Level::MunicipalRule, Validity::Repealed);
    let old = document(&desk.app, OLD, "清河市旧伞管理办法\n第一条 为了管理旧伞，制定本办法。\n第二条 旧伞应当归还。\n", repealed).await;
    let look = async |words: &str| {
        let words: String = words.bytes().map(|b| format!("%{b:02X}")).collect();
        let path = format!("/staff/drafts/{}/versions/{}/bases?q={words}", desk.draft, desk.version);
        desk.app.page(&path, &desk.drafter).await
    };
    let page = look("示例国程序法第二条").await;
    assert!(page.contains("现行有效") && page.contains(">法律<") && !page.contains("一般不能再作为依据"), "{page}");
    let page = look("清河市旧伞管理办法第一条").await;
    for words in ["已废止", "市级政府规章", "与本草案同级，不是上位法", "一般不能再作为依据", "作为依据<"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }

    // What is in force and higher comes first, whatever was found first.
    let (db, day) = (&desk.app.app.db, desk.app.clock.today());
    let mut places = Vec::new();
    for work in [&old, &above] {
        places.extend(legal_bases::locate(db, day, WorkId(work.parse().unwrap()), "art-1").await.unwrap());
    }
    let offered = legal_bases::offer(db, day, DraftKind::GovernmentRule, places).await.unwrap();
    let seen: Vec<_> = offered.iter().map(|o| (o.located.title.as_str(), o.validity, o.rank)).collect();
    assert_eq!(seen, [("示例国程序法", Validity::InForce, Rank::Higher), (OLD, Validity::Repealed, Rank::Same)]);

    // It is warned of, not forbidden.
    let body = json!({"citation": "清河市旧伞管理办法第一条"});
    desk.app.post(&desk.path("/legal-bases"), Some(&desk.drafter), body).await.expect(201);
    desk.app.finish().await;
}

#[tokio::test]
async fn who_may_not_publish_is_told_who_does() {
    let desk = Desk::start().await;
    let path = format!("/staff/drafts/{}", desk.draft);
    // One link is in the contents of the page, for everybody; the other stands at the step.
    let links = |page: &str| page.matches("公开征求意见</a>").count();
    let page = desk.app.page(&path, &desk.drafter).await;
    assert!(page.contains("请经办人员发布") && links(&page) == 1, "{page}");
    let handler = desk.app.token(Role::Handler).await;
    let page = desk.app.page(&path, &handler).await;
    assert!(!page.contains("请经办人员发布") && links(&page) == 2, "{page}");
    desk.app.finish().await;
}

#[tokio::test]
async fn a_draft_is_linked_to_what_it_became() {
    let desk = Desk::start().await;
    let work = law(&desk.app, "清河市共享雨伞管理办法", "清河市共享雨伞管理办法\n第一条 为了方便市民，制定本办法。\n").await;
    let handler = desk.app.token(Role::Handler).await;
    let path = format!("/drafts/{}/promulgation", desk.draft);
    let body = |revision: i64, effective_on: &str, reason: &str| {
        json!({"revision": revision, "document_id": work, "organ": "清河市人民政府", "document_number": "清河市人民政府令第98号", "title": "清河市共享雨伞管理办法",
            "adopted_on": "2026-02-20", "promulgated_on": "2026-03-01", "effective_on": effective_on, "signatory": "市长", "early_reason": reason})
    };
    desk.app.put(&path, Some(&handler), body(0, "2026-06-01", "")).await.expect_problem(Code::Conflict);
    desk.publish().await;
    desk.app.put(&path, Some(&handler), body(0, "2026-06-01", "")).await.expect_problem(Code::Conflict);
    let citizen = desk.app.token(Role::Citizen).await;
    let opinion = json!({"address": "art-1", "stance": "amend", "body": "写得再具体一些。", "reason": "", "is_public": true});
    desk.app.post_opinion(&desk.draft, Some(&citizen), "key-00000001", opinion).await.expect(201);
    let mut tx = desk.app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE draft SET state = 'feedback_published'").execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    desk.app.put(&path, Some(&handler), body(0, "2026-03-20", "")).await.expect_invalid("early_reason");
    desk.app.put(&path, Some(&handler), body(0, "2026-02-28", "急")).await.expect_invalid("effective_on");
    let mut named = body(0, "2026-06-01", "");
    named["title"] = json!("清河市共享雨伞管理条例");
    desk.app.put(&path, Some(&handler), named).await.expect_invalid("title");
    let linked = desk.app.put(&path, Some(&handler), body(0, "2026-06-01", "")).await.expect(200);
    assert_eq!((linked["revision"].as_i64(), linked["document_title"].as_str()), (Some(1), Some("清河市共享雨伞管理办法")));
    assert_eq!(desk.app.put(&path, Some(&handler), body(0, "2026-06-01", "")).await.expect(200), linked, "said once more, nothing happens");
    assert_eq!(desk.app.get(&format!("/drafts/{}", desk.draft), None).await.expect(200)["draft"]["state"], "promulgated");
    desk.app.put(&path, Some(&handler), body(0, "2026-07-01", "")).await.expect_problem(Code::Conflict);
    let corrected = desk.app.put(&path, Some(&handler), body(1, "2026-07-01", "")).await.expect(200);
    assert_eq!((corrected["revision"].as_i64(), corrected["effective_on"].as_str()), (Some(2), Some("2026-07-01")));
    assert_eq!(desk.app.get(&path, None).await.expect(200), corrected);
    let pasted = json!({"text": PASTED});
    desk.app.post(&format!("/drafts/{}/pasted-versions", desk.draft), Some(&desk.drafter), pasted).await.expect_problem(Code::Conflict);
    // Who follows the draft, as an author does, is told once: not of what was said again, nor of the correction.
    desk.app.deliver().await;
    let inbox = desk.app.get("/account/messages", Some(&citizen)).await.expect(200);
    let told = inbox["items"].as_array().unwrap().iter().filter(|m| m["event"] == "draft_promulgated");
    let told: Vec<&str> = told.map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(told, ["您关注的草案《清河市共享雨伞管理办法》已经正式公布，请查看。"], "{inbox}");
    desk.app.finish().await;
}

#[tokio::test]
async fn a_draft_is_compared_with_what_it_became_whatever_that_is_called() {
    let desk = Desk::start().await;
    let text = "清河市共享雨具管理规定\n第一条 为了方便市民，制定本规定。\n";
    let work = law(&desk.app, "清河市共享雨具管理规定", text).await;
    let handler = desk.app.token(Role::Handler).await;
    desk.publish().await;
    let id = DraftId(desk.draft.parse().unwrap());
    let names = async || {
        let app = &desk.app.app;
        let draft = drafts::get_draft(&app.db, &app.clock, Viewer::Public(None), id).await.unwrap();
        let sides = sources::choices(&app.db, Viewer::Public(None), &draft, app.clock.today()).await.unwrap();
        sides.into_iter().map(|side| (side.title, side.is_law)).collect::<Vec<_>>()
    };
    assert_eq!(names().await.iter().filter(|(_, is_law)| *is_law).count(), 0);
    let mut tx = desk.app.app.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query("UPDATE draft SET state = 'feedback_published'").execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    let body = json!({"revision": 0, "document_id": work, "organ": "清河市人民政府", "document_number": "清河市人民政府令第98号",
        "title": "清河市共享雨具管理规定", "adopted_on": "2026-02-20", "promulgated_on": "2026-03-01", "effective_on": "2026-06-01",
        "signatory": "市长", "early_reason": ""});
    desk.app.put(&format!("/drafts/{}/promulgation", desk.draft), Some(&handler), body).await.expect(200);
    assert_eq!(names().await.last(), Some(&("清河市共享雨具管理规定".to_owned(), true)));
    desk.app.deliver().await;
    desk.app.finish().await;
}
