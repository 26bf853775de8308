//! The pages on which staff prepare a draft, as a browser without scripts uses them.

use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::test::TestClient;
use poem::{EndpointExt, Response};
use zhitong::accounts::Role;
use zhitong::portal;

use crate::support::TestApp;

struct Desk {
    app: TestApp,
    client: TestClient<BoxEndpoint<'static, Response>>,
    cookie: String,
}

struct Seen {
    status: StatusCode,
    location: String,
    html: String,
}

impl Seen {
    fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.html.split_once(&mark).unwrap_or_else(|| panic!("no {name} in {}", self.html));
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    fn expect(self, status: u16, words: &[&str]) -> Seen {
        assert_eq!(self.status.as_u16(), status, "{}", self.html);
        for word in words {
            assert!(self.html.contains(word), "{word} is missing in {}", self.html);
        }
        self
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b == b'-' { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Desk {
    async fn start(role: Role) -> Desk {
        let app = TestApp::start().await;
        let cookie = format!("zhitong_session={}", app.token(role).await);
        let client = TestClient::new(portal::routes(&app.app).map_to_response().boxed());
        Desk { app, client, cookie }
    }

    async fn get(&self, path: &str) -> Seen {
        see(self.client.get(path.split('#').next().unwrap()).header("cookie", &self.cookie).send().await.0).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.client.post(path).header("cookie", &self.cookie).content_type("application/x-www-form-urlencoded");
        see(request.body(body.join("&")).send().await.0).await
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)], file: Option<(&str, &str, &[u8])>) -> Seen {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
        }
        if let Some((field, name, bytes)) = file {
            body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n").into_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        let request = self.client.post(path).header("cookie", &self.cookie).content_type("multipart/form-data; boundary=edge");
        see(request.body(body).send().await.0).await
    }
}

async fn see(response: Response) -> Seen {
    let status = response.status();
    let location = response.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let html = String::from_utf8_lossy(&response.into_body().into_bytes().await.unwrap()).into_owned();
    Seen { status, location, html }
}

const TEXT: &str = "清河市共享雨伞管理办法\n第一条 为了方便市民出行，制定本办法。\n第二条 经营者应当：\n（一）保持干净；\n（二）公布收费。\n第三条所称经营者，是指企业。\n第三条 本办法自2026年6月1日起施行。\n";

#[tokio::test]
async fn a_draft_is_made_read_in_corrected_and_made_ready() {
    let desk = Desk::start(Role::Drafter).await;
    desk.get("/staff").await.expect(200, &["/staff/drafts"]);
    desk.get("/staff/drafts").await.expect(200, &["还没有草案", "新建第一份草案"]);
    desk.get("/staff/drafts?state=consulting").await.expect(200, &["没有处于“征求意见中”的草案"]);

    // A rule called 条例 is refused with the reason and the words kept; a double click creates once.
    let form = desk.get("/staff/drafts/new").await.expect(200, &["起草单位"]);
    let (csrf, key) = (form.hidden("csrf"), form.hidden("key"));
    let named = |title: &'static str| [("title", title), ("kind", "government_rule"), ("drafting_unit", "清河市城市管理局")];
    let fields = |title: &'static str| [&[("csrf", csrf.as_str()), ("key", key.as_str())], named(title).as_slice()].concat();
    desk.post("/staff/drafts/new", &fields("清河市共享雨伞管理条例"))
        .await
        .expect(400, &["规章制定程序条例第七条", "value=\"清河市共享雨伞管理条例\""]);
    let made = desk.post("/staff/drafts/new", &fields("清河市共享雨伞管理办法")).await.expect(303, &[]);
    assert_eq!(desk.post("/staff/drafts/new", &fields("清河市共享雨伞管理办法")).await.location, made.location);
    assert_eq!(desk.get("/staff/drafts").await.html.matches("<h2><a href").count(), 1);
    assert_eq!(desk.post("/staff/drafts/new", &named("清河市共享雨伞管理规定")).await.status, StatusCode::FORBIDDEN);
    let draft = made.location;

    // Text: nothing is refused with a sentence, a PDF too; pasted text becomes a version once.
    let page = desk.get(&draft).await.expect(200, &["还没有录入文本"]);
    let key = page.hidden("key");
    let versions = format!("{draft}/versions");
    desk.send(&versions, &[("csrf", &csrf), ("key", &key), ("text", " ")], None).await.expect(400, &["请选择文件，或者粘贴草案全文"]);
    desk.send(&versions, &[("csrf", &csrf), ("key", &key)], Some(("file", "a.pdf", b"%PDF-1.7"))).await.expect(415, &["PDF"]);
    desk.send(&versions, &[("key", &key), ("text", TEXT)], None).await.expect(403, &[]);
    let read = desk.send(&versions, &[("csrf", &csrf), ("key", &key), ("text", TEXT)], None).await.expect(303, &[]);
    let again = desk.send(&versions, &[("csrf", &csrf), ("key", &key), ("text", TEXT)], None).await.expect(303, &[]);
    assert_eq!(read.location, again.location);
    let text = read.location;

    // The doubt stands beside its line; a look settles it.
    let page = desk.get(&text).await.expect(200, &["1 行待核对", "title=\"D09\"", "核对无误"]);
    assert!(page.html.contains("第三条所称经营者，是指企业。"), "{}", page.html);
    let corrections = format!("{text}/corrections");
    let base = |revision: &'static str, line: &'static str| vec![("csrf", csrf.as_str()), ("revision", revision), ("line", line)];
    let line_of = |html: &str, words: &str| -> String {
        let before = &html[..html.find(words).unwrap()];
        let (_, number) = before.rsplit_once("id=\"l").unwrap();
        number.split('"').next().unwrap().to_owned()
    };
    let line: &'static str = Box::leak(line_of(&page.html, "第三条所称经营者").into_boxed_str());
    let accepted = desk.post(&corrections, &[base("0", line), vec![("action", "accept")]].concat()).await.expect(303, &[]);
    desk.get(&accepted.location).await.expect(200, &["没有存疑的行", "已核对"]);

    // The form of a line, and what is wrong with what was typed, beside the field.
    desk.get(&format!("{text}?line={line}")).await.expect(200, &["并入上一行", "删除这一行", "要拆成两行"]);
    let wrong = [base("1", line), vec![("action", "edit"), ("kind", "chapter"), ("text", "总则")]].concat();
    desk.post(&corrections, &wrong).await.expect(400, &["第几章", ">总则</textarea>"]);
    let split = [
        base("1", "2"),
        vec![("action", "edit"), ("kind", "article"), ("text", "第一条　为了方便市民出行，制定本办法。\n本办法适用于本市。")],
    ]
    .concat();
    let split = desk.post(&corrections, &split).await.expect(303, &[]);
    desk.get(&split.location).await.expect(200, &["本办法适用于本市。", "撤销：拆分"]);
    // Another tab was slower: nothing is overwritten, and its words are not lost.
    let late = [base("1", "2"), vec![("action", "edit"), ("kind", "article"), ("text", "第一条　别的写法。")]].concat();
    desk.post(&corrections, &late).await.expect(409, &["刚刚被别人改过", "第一条　别的写法。", "本办法适用于本市。"]);
    desk.post(&format!("{text}/undo"), &[("csrf", csrf.as_str()), ("revision", "2")]).await.expect(303, &[]);
    let page = desk.get(&text).await.expect(200, &["改动记录"]);
    assert_eq!(page.html.matches("本办法适用于本市。").count(), 2, "only in the history");

    // Papers.
    let papers = format!("{text}/papers");
    desk.get(&papers).await.expect(200, &["还没有附件"]);
    let wrong = desk.send(&format!("{text}/attachments"), &[("csrf", &csrf)], Some(("file", "x.pdf", b"<html>"))).await;
    wrong.expect(415, &["附件只能是"]);
    let attached =
        desk.send(&format!("{text}/attachments"), &[("csrf", &csrf)], Some(("file", "测算表.pdf", b"%PDF-1.7"))).await.expect(303, &[]);
    desk.get(&attached.location).await.expect(200, &["测算表.pdf", "PDF，8 字节"]);
    let explanation = [("csrf", csrf.as_str()), ("revision", "0"), ("explanation", "一、必要性")];
    desk.send(&format!("{text}/explanation"), &explanation, None).await.expect(303, &[]);
    desk.send(&format!("{text}/explanation"), &[("csrf", &csrf), ("revision", "0"), ("explanation", "别人写的")], None)
        .await
        .expect(409, &["别人写的", "一、必要性"]);
    let file = desk
        .send(
            &format!("{text}/explanation"),
            &[("csrf", &csrf), ("revision", "1")],
            Some(("file", "说明.txt", "二、主要措施。".as_bytes())),
        )
        .await;
    file.expect(303, &[]);
    desk.get(&papers).await.expect(200, &["二、主要措施。"]);
    desk.get(&draft).await.expect(200, &["草案说明已录入", "文本已核对", "还没有标注上位法依据"]);
    desk.get(&format!("{text}/bases?q=")).await.expect(200, &["请写出依据"]);
    desk.get(&format!("{draft}/promulgation")).await.expect(403, &[]);
    desk.app.finish().await;
}

#[tokio::test]
async fn only_those_who_prepare_drafts_see_these_pages() {
    let desk = Desk::start(Role::PointStaff).await;
    for path in ["/staff/drafts", "/staff/drafts/new"] {
        desk.get(path).await.expect(403, &[]);
    }
    let auditor = Desk::start(Role::Auditor).await;
    auditor.get("/staff/drafts").await.expect(200, &[]);
    auditor.get("/staff/drafts/new").await.expect(403, &[]);
    auditor.app.finish().await;
    let reader = Desk::start(Role::Reviewer).await;
    let draft = reader.app.draft().await;
    let page = reader.get(&format!("/staff/drafts/{draft}")).await.expect(200, &["第 1 稿"]);
    assert!(!page.html.contains("录入新的稿次"), "a reviewer reads");
    reader.get("/staff/drafts/new").await.expect(403, &[]);
    let text = page.html.split("/versions/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = reader.get(&format!("/staff/drafts/{draft}/versions/{text}?line=2&insert=1")).await.expect(200, &["第四条"]);
    assert!(!page.html.contains("<textarea"), "a reviewer corrects nothing");
    desk.app.finish().await;
    reader.app.finish().await;
}

#[tokio::test]
async fn what_is_published_with_a_draft_stands_on_its_public_page() {
    let desk = Desk::start(Role::Handler).await;
    let draft = desk.app.draft().await;
    let page = desk.get(&format!("/staff/drafts/{draft}")).await;
    let (csrf, version) = (page.hidden("csrf"), page.html.split("/versions/").nth(1).unwrap().split('"').next().unwrap().to_owned());
    let text = format!("/staff/drafts/{draft}/versions/{version}");
    desk.send(&format!("{text}/attachments"), &[("csrf", &csrf)], Some(("file", "测算 表.pdf", b"%PDF-1.7"))).await.expect(303, &[]);
    let handler = desk.app.token(Role::Handler).await;
    let round = serde_json::json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01"});
    desk.app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), round).await.expect(201);
    let seen = desk.app.raw(&format!("/drafts/{draft}"), &[]).await;
    let html = String::from_utf8(seen.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    let path = html.split("href=\"").find(|rest| rest.contains("/attachments/")).unwrap().split('"').next().unwrap().to_owned();
    let file = desk.app.raw(&path, &[]).await;
    let header = |name: &str| file.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("content-type"), "application/pdf");
    assert_eq!(header("content-disposition"), "attachment; filename=\"download.pdf\"; filename*=UTF-8''%E6%B5%8B%E7%AE%97%20%E8%A1%A8.pdf");
    assert_eq!(
        (header("x-content-type-options"), header("content-security-policy")),
        ("nosniff".into(), "sandbox; default-src 'none'".into())
    );
    desk.get(&text).await.expect(200, &["已经公布，内容不能再改"]);
    desk.get(&format!("{text}/papers")).await.expect(200, &["不能再改"]);
    desk.app.finish().await;
}

#[tokio::test]
async fn the_lineage_of_two_versions_is_corrected_shown_and_taken_back() {
    let desk = Desk::start(Role::Drafter).await;
    let id = desk.app.draft().await;
    let drafter = desk.app.token(Role::Drafter).await;
    let page = format!("/staff/drafts/{id}/lineage");
    let one = desk.get(&format!("/staff/drafts/{id}")).await.expect(200, &[]);
    assert!(!one.html.contains(&page), "one version has no lineage");
    desk.get(&page).await.expect(200, &["录入第二个稿次以后"]);
    let second = crate::support::DRAFT_TEXT
        .replace("第四条 使用者应当在二十四小时内归还。", "第四条 归还期限为四十八小时，使用者逾期的应当付费，平台可以提醒。");
    assert_ne!(second, crate::support::DRAFT_TEXT);
    desk.app.upload_version(&id, Some(&drafter), "二稿.md", second.as_bytes(), "修改。").await.expect(201);
    desk.get(&format!("/staff/drafts/{id}")).await.expect(200, &[&page, "条文沿革"]);

    let all = desk.get(&page).await.expect(200, &["第四条", "保留", "只看需要核对的", "看条文", "四十八小时"]);
    let (csrf, revision, from, to) = {
        let form = desk.get(&format!("{page}?at=0")).await.expect(200, &["保存更正"]);
        (form.hidden("csrf"), form.hidden("revision"), form.hidden("from"), form.hidden("to"))
    };
    assert!(!all.html.contains("更正记录") && !all.html.contains("人工更正"));
    let doubtful = desk.get(&format!("{page}?show=doubtful")).await.expect(200, &[]);
    assert!(doubtful.html.matches("id=\"r").count() < all.html.matches("id=\"r").count());

    let with = |kind: &'static str, old: &'static str, new: &'static str| {
        vec![
            ("csrf", csrf.clone()),
            ("revision", revision.clone()),
            ("from", from.clone()),
            ("to", to.clone()),
            ("at", "0".to_owned()),
            ("kind", kind.to_owned()),
            ("old", old.to_owned()),
            ("new", new.to_owned()),
            ("reason", "经核对，是新写的一条。".to_owned()),
        ]
    };
    let post = async |path: &str, fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        desk.post(path, &fields).await
    };
    // What is wrong stands beside its field, and what was typed stays.
    post(&page, with("modified", "第九十条", "第四条")).await.expect(400, &["原稿里没有“第九十条”", "value=\"第九十条\""]);
    post(&page, with("split", "第四条", "第四条")).await.expect(400, &["拆分是一条变几条"]);
    post(&page, with("", "第四条", "第四条")).await.expect(400, &["请选择实际情况"]);
    let forged: Vec<_> = with("deleted", "第四条", "").into_iter().filter(|(name, _)| *name != "csrf").collect();
    post(&page, forged).await.expect(403, &[]);

    // 删除 needs no newer side, whatever stands in the field.
    let done = post(&page, with("deleted", "第四条", "第四条")).await.expect(303, &[]);
    let shown =
        desk.get(&done.location).await.expect(200, &["更正已保存", "人工更正", "更正记录", "删除：第四条", "经核对，是新写的一条。"]);
    // A double click is no second correction; another correction made from the old page is refused.
    post(&page, with("deleted", "第四条", "第四条")).await.expect(303, &[]);
    post(&page, with("moved", "第四条", "第四条")).await.expect(409, &["刚刚被别人改过", "保存更正"]);
    let withdraw = {
        let (_, rest) = shown.html.split_once(&format!("action=\"{page}/")).unwrap();
        format!("{page}/{}", rest.split('"').next().unwrap())
    };
    let pair = || vec![("csrf", csrf.clone()), ("from", from.clone()), ("to", to.clone())];
    let back = post(&withdraw, pair()).await.expect(303, &[]);
    let after = desk.get(&back.location).await.expect(200, &["更正已撤回", "撤回", "更正记录"]);
    assert!(!after.html.contains("人工更正") && !after.html.contains("撤回更正"));

    // Whether words were changed is seen from the words.
    let now = desk.get(&format!("{page}?at=0")).await.expect(200, &[]).hidden("revision");
    let mut same = with("modified", "第五条", "第五条");
    same[1].1 = now;
    post(&page, same).await.expect(303, &[]);
    desk.get(&page).await.expect(200, &["保留：第五条 → 第五条"]);

    // Backwards is no pair; others may look and not correct.
    desk.get(&format!("{page}?from={to}&to={from}")).await.expect(200, &["原稿要早于新稿"]);
    desk.get(&format!("{page}?from={id}")).await.expect(404, &[]);
    let reader = format!("zhitong_session={}", desk.app.token(Role::Auditor).await);
    let looked = see(desk.client.get(&page).header("cookie", &reader).send().await.0).await.expect(200, &["更正记录"]);
    assert!(!looked.html.contains("?from=") || !looked.html.contains("at=0"), "{}", looked.html);
    assert!(!looked.html.contains("撤回更正"));
    desk.app.finish().await;
}
