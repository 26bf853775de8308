//! Speaking on the pages, as a browser without scripts does it: nothing typed is ever lost, and the login is asked for at the moment of sending.

use poem::http::{StatusCode, header};
use serde_json::json;
use zhitong::accounts::Role;

use crate::pages::{Browser, Seen};
use crate::support::TestApp;

const KIND: &str = "multipart/form-data; boundary=edge";

/// A form as browsers send it: plain fields, then one file.
fn form(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
    }
    let (name, bytes) = file.unwrap_or(("", b""));
    body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n").as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    body
}

/// Value of a hidden field.
fn hidden<'a>(page: &'a Seen, name: &str) -> &'a str {
    let (_, rest) = page.html.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {}", page.html));
    rest.split('"').next().unwrap()
}

async fn send(browser: &Browser, path: &str, cookies: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Seen {
    browser.post(path, cookies, KIND, form(fields, file)).await
}

#[tokio::test]
async fn a_draft_offers_every_article_and_counts_without_a_login() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let new = json!({"address": "art-3/para-1/item-2", "stance": "amend", "body": "多放一些", "is_public": true});
    app.post_opinion(&draft, Some(&citizen), "key-00000001", new).await.expect(201);
    let browser = Browser::of(&app);
    let path = format!("/drafts/{draft}");
    let page = browser.get(&path, "").await;
    for article in 1..=5 {
        assert!(page.html.contains(&format!("href=\"/drafts/{draft}/speak?address=art-{article}\"")), "{}", page.html);
    }
    assert!(page.html.contains(&format!("href=\"/drafts/{draft}/opinions?address=art-3\">1 条意见")), "{}", page.html);
    assert!(page.header(header::CACHE_CONTROL).contains("public") && page.cookies.is_empty(), "everybody may keep it");
    app.clock.advance(chrono::Duration::days(40));
    let page = browser.get(&path, "").await;
    assert!(!page.html.contains("/speak") && page.html.contains("1 条意见"), "{}", page.html);
    let closed = browser.get(&format!("{path}/speak?address=art-3"), "").await;
    assert_eq!(closed.status, StatusCode::CONFLICT);
    assert!(closed.html.contains("不再接收意见"));
    assert!(closed.html.contains(&format!("href=\"/drafts/{draft}\">回到草案")), "{}", closed.html);
    let told = app.raw(&format!("{path}/speak"), &[]).await.into_body().into_string().await.unwrap();
    assert!(told.contains("回到草案") && !told.contains("请求编号") && !told.contains(">409<"), "{told}");
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn the_login_comes_last_and_nothing_typed_is_lost_over_it() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let browser = Browser::of(&app);
    let path = format!("/drafts/{draft}/speak");
    let page = browser.get(&format!("{path}?address=art-4&quote=%E4%BA%8C%E5%8D%81%E5%9B%9B%E5%B0%8F%E6%97%B6"), "").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert!(page.html.contains("使用者应当在二十四小时内归还。") && page.html.contains(">二十四小时</textarea>"), "{}", page.html);
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    let cookie = page.cookie("zhitong_speak");
    let (csrf, key) = (hidden(&page, "csrf").to_owned(), hidden(&page, "key").to_owned());
    let fields = |csrf: &str| {
        [
            ("csrf", csrf.to_owned()),
            ("key", key.clone()),
            ("address", "art-4".into()),
            ("stance", "amend".into()),
            ("body", "时间太短，<b>来不及</b>".into()),
            ("reason", "下雨走不开".into()),
            ("quote_text", "二十四小时".into()),
            ("proposed_text", "使用者应当在四十八小时内归还。".into()),
            ("proposed_original", "使用者应当在二十四小时内归还。".into()),
            ("is_public", "yes".into()),
            ("way", "login".into()),
        ]
    };
    let post = async |cookies: &str, csrf: &str, file: Option<(&str, &[u8])>| {
        let fields = fields(csrf);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(&browser, &path, cookies, &fields, file).await
    };
    // A forged form is told so, and keeps what it carries.
    let forged = post(&cookie, "wrong", None).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(forged.html.contains("时间太短，&#60;b&#62;来不及") || forged.html.contains("时间太短，&lt;b&gt;来不及"), "{}", forged.html);

    let sent = post(&cookie, &csrf, Some(("材料.pdf", b"%PDF-1.7 x"))).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.html);
    let back = format!("/drafts/{draft}/speak?resume=1");
    assert_eq!(
        sent.header(header::LOCATION),
        format!("/sign-in?next={}", back.replace('/', "%2F").replace('?', "%3F").replace('=', "%3D"))
    );

    let session = format!("zhitong_session={}", app.token(Role::Citizen).await);
    let both = format!("{cookie}; {session}");
    let resumed = browser.get(&back, &both).await;
    assert!(
        resumed.html.contains("刚才填写的内容还在") && resumed.html.contains("下雨走不开") && resumed.html.contains("材料.pdf"),
        "{}",
        resumed.html
    );
    assert_eq!(hidden(&resumed, "key"), key);
    let file = hidden(&resumed, "attachment").to_owned();
    let again = async || {
        let mut fields: Vec<(&str, String)> = fields(&csrf).into();
        fields.push(("attachment", file.clone()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(&browser, &path, &both, &fields, None).await
    };
    let posted = again().await;
    assert_eq!(posted.status, StatusCode::SEE_OTHER, "{}", posted.html);
    let receipt = posted.header(header::LOCATION).to_owned();
    assert_eq!(again().await.header(header::LOCATION), receipt, "a double click is one opinion");
    let mine = browser.get(&receipt, &session).await;
    for words in ["意见已收到", "YJ20260302-", "第四条", "材料.pdf", "<del>", "<ins>", "二十四小时"] {
        assert!(mine.html.contains(words), "{words}: {}", mine.html);
    }
    assert!(!mine.html.contains("<b>来不及"), "what was typed is shown as text");
    let other = format!("zhitong_session={}", app.token(Role::Citizen).await);
    assert_eq!(browser.get(&receipt, &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let browser = Browser::of(&app);
    let session = format!("zhitong_session={}", app.token(Role::Citizen).await);
    let path = format!("/drafts/{draft}/speak");
    let page = browser.get(&format!("{path}?address=art-3"), &session).await;
    assert!(page.html.contains("第三条（整条）") && page.html.contains("第三条第一款第二项"), "{}", page.html);
    let both = format!("{}; {session}", page.cookie("zhitong_speak"));
    let (csrf, key) = (hidden(&page, "csrf"), hidden(&page, "key"));
    for (wrong, id) in [
        ([("stance", ""), ("body", "改"), ("quote_text", "")], "stance"),
        ([("stance", "amend"), ("body", " "), ("quote_text", "")], "body"),
        ([("stance", "amend"), ("body", "改"), ("quote_text", "没有的话")], "quote_text"),
    ] {
        let mut fields = vec![("csrf", csrf), ("key", key), ("address", "art-3"), ("reason", "保留的理由")];
        fields.extend(wrong);
        let refused = send(&browser, &path, &both, &fields, None).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{id}");
        assert!(refused.html.contains(&format!("<a href=\"#{id}\">")) && refused.html.contains("保留的理由"), "{id}: {}", refused.html);
    }
    let fields = [("csrf", csrf), ("key", key), ("address", "art-3"), ("stance", "amend"), ("body", "改")];
    let refused = send(&browser, &path, &both, &fields, Some(("图.png", b"<script>alert(1)</script>"))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.html.contains("不是有效的图片，可能已经损坏"), "{}", refused.html);
    assert!(refused.html.contains("“图.png”") && refused.html.contains("id=\"attachments-error\""), "{}", refused.html);
    app.finish().await;
}

#[tokio::test]
async fn somebody_without_an_account_gets_a_code_and_finds_the_opinion_again() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    app.allow(false, true).await;
    let browser = Browser::of(&app);
    let path = format!("/drafts/{draft}/speak");
    let page = browser.get(&path, "").await;
    assert!(page.html.contains("不登录，直接提交"), "{}", page.html);
    let cookie = page.cookie("zhitong_speak");
    let fields = [
        ("csrf", hidden(&page, "csrf")),
        ("key", hidden(&page, "key")),
        ("address", ""),
        ("stance", "support"),
        ("body", "早该管了"),
        ("way", "anonymous"),
    ];
    let receipt = send(&browser, &path, &cookie, &fields, None).await;
    assert_eq!((receipt.status, receipt.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"), "{}", receipt.html);
    let (_, rest) = receipt.html.split_once("class=\"code num\">").unwrap();
    let code = rest.split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 19);
    assert!(send(&browser, &path, &cookie, &fields, None).await.html.contains(&code), "loading the page again is no second opinion");

    let shown = browser.get(&format!("/drafts/{draft}"), "").await;
    assert!(shown.html.contains("凭查询码<a href=\"/opinions/lookup\">查询意见</a>"), "{}", shown.html);

    let look = browser.get("/opinions/lookup", &cookie).await;
    let (_, rest) = receipt.html.split_once("YJ20260302-").unwrap();
    let number = format!("YJ20260302-{}", rest.split('<').next().unwrap());
    let number = browser.submit("/opinions/lookup", &cookie, &format!("csrf={}&code={number}", hidden(&look, "csrf"))).await;
    assert_eq!(number.status, StatusCode::NOT_FOUND);
    assert!(number.html.contains("这是回执号；请输入提交时得到的 16 位查询码"), "{}", number.html);
    let wrong = browser.submit("/opinions/lookup", &cookie, &format!("csrf={}&code=0000-0000-0000-0000", hidden(&look, "csrf"))).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    assert!(wrong.html.contains("没有找到这个查询码"));
    let found = browser.submit("/opinions/lookup", &cookie, &format!("csrf={}&code={}", hidden(&look, "csrf"), code.to_lowercase())).await;
    assert!(found.html.contains("早该管了") && found.html.contains("草案全文") | found.html.contains("全文"), "{}", found.html);
    let forged = browser.submit("/opinions/lookup", "", &format!("csrf=x&code={code}")).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(!forged.html.contains("早该管了"));
    app.finish().await;
}

#[tokio::test]
async fn a_looked_up_opinion_names_its_draft_and_its_files() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let browser = Browser::of(&app);
    let plain = browser.get(&format!("/drafts/{draft}"), "").await;
    assert!(!plain.html.contains("凭查询码"), "this round takes no opinions without an account");
    app.allow(false, true).await;
    let path = format!("/drafts/{draft}/speak");
    let page = browser.get(&format!("{path}?address=art-4"), "").await;
    let cookie = page.cookie("zhitong_speak");
    let fields = [
        ("csrf", hidden(&page, "csrf")),
        ("key", hidden(&page, "key")),
        ("address", "art-4"),
        ("stance", "amend"),
        ("body", "时间太短，见照片"),
        ("way", "anonymous"),
    ];
    let receipt = send(&browser, &path, &cookie, &fields, Some(("借伞处.pdf", b"%PDF-1.7 x"))).await;
    let (_, rest) = receipt.html.split_once("class=\"code num\">").unwrap_or_else(|| panic!("no code: {}", receipt.html));
    let code = rest.split('<').next().unwrap();
    let look = browser.get("/opinions/lookup", &cookie).await;
    let found = browser.submit("/opinions/lookup", &cookie, &format!("csrf={}&code={code}", hidden(&look, "csrf"))).await;
    for words in ["时间太短，见照片", "借伞处.pdf", &format!("href=\"/drafts/{draft}#art-4\">清河市共享雨伞管理办法</a>")]
    {
        assert!(found.html.contains(words), "{words}: {}", found.html);
    }
    assert!(!found.html.contains("/opinion-files/"), "a file is not sent to somebody who is not signed in");
    app.deliver().await;
    app.finish().await;
}

#[tokio::test]
async fn an_author_changes_and_withdraws_on_the_page() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let token = app.token(Role::Citizen).await;
    let new = json!({"address": "art-4", "stance": "amend", "body": "第一稿", "is_public": true});
    let receipt = app.post_opinion(&draft, Some(&token), "key-00000001", new).await.expect(201);
    let browser = Browser::of(&app);
    let session = format!("zhitong_session={token}");
    let mine = format!("/me/opinions/{}", receipt["opinion_id"].as_str().unwrap());
    assert_eq!(browser.get("/me/opinions", "").await.header(header::LOCATION), "/sign-in?next=%2Fme%2Fopinions");
    let list = browser.get("/me/opinions", &session).await;
    assert!(list.html.contains(&mine) && list.html.contains("第一稿"), "{}", list.html);
    assert!(browser.get("/me/opinions?state=answered", &session).await.html.contains("没有处于这个状态的意见"));

    let page = browser.get(&format!("{mine}/edit"), &session).await;
    assert!(page.html.contains(">第一稿</textarea>"), "{}", page.html);
    let both = format!("{}; {session}", page.cookie("zhitong_speak"));
    let fields = [
        ("csrf", hidden(&page, "csrf")),
        ("key", hidden(&page, "key")),
        ("revision", hidden(&page, "revision")),
        ("address", "art-4"),
        ("stance", "oppose"),
        ("body", "第二稿"),
        ("is_public", "no"),
    ];
    let path = format!("{mine}/edit");
    let saved = send(&browser, &path, &both, &fields, None).await;
    assert_eq!(
        (saved.status, saved.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, format!("{mine}?changed=1").as_str()),
        "{}",
        saved.html
    );
    let page = browser.get(&format!("{mine}?changed=1"), &session).await;
    for words in ["修改已保存", "第二稿", "第一稿", "修改记录（1 次）", "不公开"] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    let body = format!("csrf={}&key={}&revision={}", hidden(&page, "csrf"), hidden(&page, "key"), hidden(&page, "revision"));
    let path = format!("{mine}/withdraw");
    assert_eq!(browser.submit(&path, &session, "csrf=x&key=key-00000009&revision=2").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.submit(&path, &session, &body).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.submit(&path, &session, &body).await.status, StatusCode::SEE_OTHER, "a double click is one act");
    let gone = browser.get(&mine, &session).await;
    assert!(gone.html.contains("已撤回") && !gone.html.contains(&format!("{mine}/edit")), "{}", gone.html);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn readers_agree_on_the_page() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let author = app.token(Role::Citizen).await;
    let new = json!({"address": "art-4", "stance": "amend", "body": "<script>alert(1)</script>时间太短", "is_public": true});
    app.post_opinion(&draft, Some(&author), "key-00000001", new).await.expect(201);
    let browser = Browser::of(&app);
    let path = format!("/drafts/{draft}/opinions?address=art-4");
    let kept_back = browser.get(&path, "").await;
    assert!(
        kept_back.html.contains("不展示其他人的意见") && kept_back.html.contains("另外收到 1 条") && !kept_back.html.contains("时间太短")
    );
    app.allow(true, false).await;
    let page = browser.get(&path, "").await;
    assert!(page.html.contains("时间太短") && !page.html.contains("<script>alert"), "{}", page.html);
    assert!(page.html.contains("/sign-in?next=") && !page.html.contains("/vote\""), "{}", page.html);
    let reader = format!("zhitong_session={}", app.token(Role::Citizen).await);
    let page = browser.get(&path, &reader).await;
    let (_, rest) = page.html.split_once("action=\"/opinions/").expect("a form to agree with");
    let vote = format!("/opinions/{}", rest.split('"').next().unwrap());
    let body = |choice: &str| {
        format!("csrf={}&key={}&back=%2Fdrafts%2F{draft}%2Fopinions&choice={choice}", hidden(&page, "csrf"), hidden(&page, "key"))
    };
    assert_eq!(browser.submit(&vote, &reader, "csrf=x&key=key-00000001&choice=agree").await.status, StatusCode::FORBIDDEN);
    let done = browser.submit(&vote, &reader, &body("agree")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.html);
    assert!(done.header(header::LOCATION).starts_with(&format!("/drafts/{draft}/opinions#")));
    assert!(browser.get(&path, &reader).await.html.contains("aria-pressed=\"true\">赞同 <span class=\"num\">1</span>"));
    let own = browser.get(&path, &format!("zhitong_session={author}")).await;
    assert!(own.html.contains("这是您的意见") && !own.html.contains("/vote\""), "{}", own.html);
    assert_eq!(app.deliver().await, 1);
    app.finish().await;
}

#[tokio::test]
async fn an_author_is_shown_where_the_article_went() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let token = app.token(Role::Citizen).await;
    for (n, address) in ["art-4", "art-2"].into_iter().enumerate() {
        let new = json!({"address": address, "stance": "amend", "body": "改", "is_public": true});
        app.post_opinion(&draft, Some(&token), &format!("key-0000000{n}"), new).await.expect(201);
    }
    app.clock.advance(chrono::Duration::days(31));
    let drafter = app.token(Role::Drafter).await;
    // 第二条 is gone and a new article stands before what was 第四条, which has other words now.
    let second = crate::support::DRAFT_TEXT
        .replace("第二条 在本市投放共享雨伞，适用本办法。\n\n", "")
        .replace("第三条", "第二条")
        .replace("第四条 使用者应当在二十四小时内归还。", "第三条 使用者应当在四十八小时内归还。")
        .replace("第五条", "第四条");
    app.upload_version(&draft, Some(&drafter), "办法二稿.md", second.as_bytes(), "根据意见修改。").await.expect(201);
    let handler = app.token(Role::Handler).await;
    let session = format!(
        "zhitong_session={}",
        app.post("/sessions/wechat", None, json!({"code": "sandbox-citizen1.later"})).await.expect(201)["token"].as_str().unwrap()
    );
    let browser = Browser::of(&app);
    assert!(!browser.get("/me/opinions", &session).await.html.contains("第 2 稿"), "a version that is not public is not spoken of");
    let round = json!({"notice": "再次征求意见。"});
    app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), round).await.expect(201);
    let list = browser.get("/me/opinions", &session).await;
    for words in ["第四条在第 2 稿中是第三条（修改）。", "第二条在第 2 稿中已删除。"] {
        assert!(list.html.contains(words), "{words}: {}", list.html);
    }
    let (_, rest) = list.html.split_once("href=\"/me/opinions/").unwrap();
    let page = browser.get(&format!("/me/opinions/{}", rest.split('"').next().unwrap()), &session).await;
    assert!(page.html.contains("第 2 稿") && page.html.contains("看新的稿次"), "{}", page.html);
    app.deliver().await;
    app.finish().await;
}
