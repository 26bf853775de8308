//! Pages of rounds as a browser without scripts sees them: publishing, changing, answering, following, each once however often it is sent.

use poem::Response;
use poem::http::header;
use serde_json::json;
use zhitong::accounts::Role;

use crate::support::TestApp;

/// A person with a browser.
struct Person<'a> {
    app: &'a TestApp,
    cookie: String,
}

/// What a page says.
struct Seen {
    status: u16,
    location: String,
    html: String,
}

async fn see(response: Response) -> Seen {
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let html = String::from_utf8(response.into_body().into_bytes().await.unwrap().to_vec()).unwrap();
    Seen { status, location, html }
}

impl Person<'_> {
    async fn of(app: &TestApp, role: Role) -> Person<'_> {
        Person { app, cookie: format!("zhitong_session={}", app.token(role).await) }
    }

    async fn get(&self, path: &str) -> Seen {
        see(self.app.raw(path, &[("cookie", &self.cookie)]).await).await
    }

    /// Sends the form of a page with its token; `fields` are encoded here.
    async fn send(&self, page: &Seen, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = page.html.rsplit_once("name=\"csrf\" value=\"").expect("the page has a form").1.split('"').next().unwrap().to_owned();
        let mut body = format!("csrf={token}");
        for (name, value) in fields {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body.push_str(&format!("&{name}={value}"));
        }
        see(self.app.raw_form(path, &self.cookie, body).await).await
    }
}

/// Value of a hidden or plain field of a page.
fn field(page: &Seen, name: &str) -> String {
    let (_, rest) = page.html.split_once(&format!("name=\"{name}\"")).unwrap();
    rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

/// The notice in the form.
fn notice(page: &Seen) -> String {
    let (_, rest) = page.html.split_once("<textarea id=\"notice\"").unwrap();
    let text = rest.split_once('>').unwrap().1.split_once("</textarea>").unwrap().0;
    text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'")
}

#[tokio::test]
async fn a_round_is_published_from_its_form_once() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    let handler = Person::of(&app, Role::Handler).await;
    let list = format!("/staff/drafts/{draft}/rounds");
    let new = format!("{list}/new");
    assert!(handler.get(&list).await.html.contains("发布新一轮征求意见"));
    let form = handler.get(&new).await;
    assert_eq!(form.status, 200, "{}", form.html);
    assert!(form.html.contains("截止日为2026年4月1日（星期三）24时，共30日"));
    let (title, words, generated) = (field(&form, "notice_title"), notice(&form), field(&form, "generated"));
    let base = [("round", "1"), ("generated", &generated), ("notice_title", &title), ("opens_on", "2026-03-02")];
    // A notice that nobody changed follows the days.
    let mut fields = base.to_vec();
    fields.extend([("notice", words.as_str()), ("closes_on", "2026-03-20"), ("act", "preview")]);
    let counted = handler.send(&form, &new, &fields).await;
    assert_eq!(counted.status, 200);
    assert!(counted.html.contains("共18日") && notice(&counted).contains("2026年3月20日（星期五）"), "{}", notice(&counted));
    assert_ne!(field(&counted, "generated"), generated);
    // A question that is not written yet stays in the form.
    assert!(form.html.contains("第 1 个问题"));
    let mut fields = base.to_vec();
    fields.extend([("notice", words.as_str()), ("closes_on", "2026-03-20"), ("act", "preview")]);
    fields.extend([("question_kind", "single"), ("question_wording", ""), ("question_options", "")]);
    let counted = handler.send(&form, &new, &fields).await;
    assert!(counted.html.contains("第 1 个问题") && !counted.html.contains("第 2 个问题"), "{}", counted.html);
    // Every page of a round leads back to its draft.
    let back = format!("<a href=\"/staff/drafts/{draft}\">清河市共享雨伞管理办法</a>");
    assert!(form.html.contains(&back) && handler.get(&list).await.html.contains(&back), "{}", form.html);
    // One that was changed stays as it is.
    let own = format!("{}\n\n欢迎来信。", words.replace("【请填写来信地址、电话和电子邮箱】", "来信请寄清河市司法局"));
    let mut fields = base.to_vec();
    fields.extend([("notice", own.as_str()), ("closes_on", "2026-03-20"), ("act", "publish")]);
    let short = handler.send(&form, &new, &fields).await;
    assert_eq!(short.status, 400);
    assert!(short.html.contains("id=\"shorter_reason-problem\"") && short.html.contains("欢迎来信。"), "the words are kept");
    let mut fields = base.to_vec();
    fields.extend([
        ("notice", own.as_str()),
        ("closes_on", "2026-04-01"),
        ("shows_answers", "on"),
        ("question_kind", "single"),
        ("question_wording", "是否赞成？"),
        ("question_options", "赞成\r\n不赞成"),
        ("question_kind", "text"),
        ("question_wording", ""),
        ("question_options", ""),
        ("act", "publish"),
    ]);
    for turn in 0..2 {
        let done = handler.send(&form, &new, &fields).await;
        assert_eq!((done.status, done.location), (303, format!("{list}?done=published")), "turn {turn}: {}", done.html);
    }
    assert!(handler.get(&format!("{list}?done=published")).await.html.contains("征求意见公告已发布"));
    assert!(!handler.get(&list).await.html.contains("征求意见公告已发布"));
    let seen = app.get(&format!("/drafts/{draft}"), None).await.expect(200);
    assert_eq!(seen["consultations"].as_array().unwrap().len(), 1, "a double click opens one round");
    assert_eq!(seen["consultations"][0]["questions"][0]["options"], json!(["赞成", "不赞成"]));
    assert!(seen["consultations"][0]["notice"].as_str().unwrap().ends_with("欢迎来信。"));
    app.finish().await;
}

#[tokio::test]
async fn the_script_is_told_how_the_days_count() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    let handler = Person::of(&app, Role::Handler).await;
    let path = format!("/staff/drafts/{draft}/rounds/plan");
    let plan: serde_json::Value = serde_json::from_str(&handler.get(&format!("{path}?closes_on=2026-04-07")).await.html).unwrap();
    assert_eq!(plan["period"], "自2026年3月2日（星期一）起，截止日为2026年4月7日（星期二）24时，共36日");
    assert_eq!(plan["is_short"], false);
    for (query, words) in [("closes_on=2026-02-01", "截止日期"), ("opens_on=x", "日期请写成")] {
        let plan: serde_json::Value = serde_json::from_str(&handler.get(&format!("{path}?{query}")).await.html).unwrap();
        assert!(plan["problem"].as_str().unwrap().contains(words), "{plan}");
    }
    let drafter = Person::of(&app, Role::Drafter).await;
    assert_eq!(drafter.get(&path).await.status, 403);
    app.finish().await;
}

#[tokio::test]
async fn a_round_is_extended_ended_and_a_draft_given_up_from_their_pages() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let (handler, reviewer) = (Person::of(&app, Role::Handler).await, Person::of(&app, Role::Reviewer).await);
    let list = format!("/staff/drafts/{draft}/rounds");
    let path = format!("{list}/extend");
    let form = handler.get(&path).await;
    let early = handler.send(&form, &path, &[("closes_on", "2026-03-20"), ("notice", "提前")]).await;
    assert!(early.status == 400 && early.html.contains("id=\"closes_on-problem\"") && early.html.contains(">提前</textarea>"));
    let bad = handler.send(&form, &path, &[("closes_on", "四月"), ("notice", "延")]).await;
    assert_eq!(bad.status, 400);
    let fields = [("closes_on", "2026-04-10"), ("notice", "来信较多，延长期限。")];
    for _ in 0..2 {
        assert_eq!(handler.send(&form, &path, &fields).await.location, format!("{list}?done=extended"));
    }
    let public = see(app.raw(&format!("/drafts/{draft}"), &[]).await).await.html;
    assert!(public.contains("截止日期由2026年4月1日延长至2026年4月10日") && public.contains("来信较多，延长期限。"));
    assert_eq!(public.matches("延期公告").count(), 1, "sent twice, extended once");

    let path = format!("{list}/end");
    let form = handler.get(&path).await;
    assert_eq!(handler.send(&form, &path, &[("reason", " ")]).await.status, 400);
    assert_eq!(handler.send(&form, &path, &[("reason", "上位法即将修改。")]).await.location, format!("{list}?done=ended"));
    let public = see(app.raw(&format!("/drafts/{draft}"), &[]).await).await.html;
    assert!(public.contains("本轮征求意见已经提前结束") && public.contains("理由：上位法即将修改。"));
    assert!(handler.get(&list).await.html.contains("发布新一轮征求意见"));

    let path = format!("/staff/drafts/{draft}/withdraw");
    assert_eq!(handler.get(&path).await.status, 403, "giving a draft up is for reviewers");
    let form = reviewer.get(&path).await;
    let given_up = reviewer.send(&form, &path, &[("reason", "不再单独立法。")]).await;
    assert_eq!(given_up.location, format!("{list}?done=withdrawn"));
    assert!(reviewer.get(&given_up.location).await.html.contains("草案已撤回。"));
    let public = see(app.raw(&format!("/drafts/{draft}"), &[]).await).await.html;
    assert!(public.contains("本草案已经撤回") && public.contains("理由：不再单独立法。"));
    assert!(see(app.raw(&path, &[]).await).await.location.starts_with("/login?next="));
    app.finish().await;
}

#[tokio::test]
async fn citizens_answer_and_follow_on_the_page_of_the_draft() {
    let app = TestApp::start().await;
    let draft = app.draft().await;
    let handler = app.token(Role::Handler).await;
    let round = json!({"notice": "告", "closes_on": "2026-04-01", "shows_answers": true, "questions": [
        {"kind": "multiple", "wording": "哪些地方最需要？", "options": ["车站", "医院"]},
        {"kind": "text", "wording": "还有什么建议？"},
    ]});
    let round = app.post(&format!("/drafts/{draft}/consultations"), Some(&handler), round).await.expect(201);
    let question = |n: usize| round["questions"][n]["id"].as_str().unwrap();
    let path = format!("/drafts/{draft}");
    let anonymous = see(app.raw(&path, &[]).await).await.html;
    assert!(anonymous.contains(&format!("/sign-in?next=%2Fdrafts%2F{draft}")) && anonymous.contains("登录后回答"));
    assert!(anonymous.contains("回答问题需要先登录：按人数统计"), "why is said before anything is written");
    let citizen = Person::of(&app, Role::Citizen).await;
    let page = citizen.get(&path).await;
    let answers = [(question(0), "1"), (question(0), "2"), (question(1), "多放几把 <b>")];
    let action = format!("{path}/questions");
    for _ in 0..2 {
        let saved = citizen.send(&page, &action, &answers).await;
        assert_eq!((saved.status, saved.location), (303, format!("{path}#questions")));
    }
    let page = citizen.get(&path).await;
    assert!(page.html.contains("您的回答已经保存") && page.html.contains("多放几把 &#60;b&#62;") && !page.html.contains("<b>多放"));
    assert_eq!(page.html.matches("1 人回答").count(), 2);
    assert!(!see(app.raw(&path, &[]).await).await.html.contains("多放几把"), "own words are not public");
    let staff = Person { app: &app, cookie: format!("zhitong_session={handler}") };
    let written = staff.get(&format!("/staff/drafts/{draft}/rounds/answers/{}", question(1))).await;
    assert!(written.html.contains("多放几把 &#60;b&#62;"));
    let long = "长".repeat(2_001);
    let refused = citizen.send(&page, &action, &[(question(1), &long)]).await;
    assert!(refused.status == 400 && refused.html.contains(&long), "the words are kept");

    let action = format!("{path}/follow");
    assert_eq!(citizen.send(&page, &action, &[("act", "follow")]).await.location, path);
    assert!(citizen.get(&path).await.html.contains("您已关注"));
    let following = citizen.get("/account/following").await;
    assert!(following.html.contains("清河市共享雨伞管理办法"));
    let away = citizen.send(&following, &action, &[("act", "unfollow"), ("back", "https://elsewhere.example")]).await;
    assert_eq!(away.location, "/", "nobody is led elsewhere");
    assert!(citizen.get("/account/following").await.html.contains("您还没有关注草案"));
    let forged = see(app.raw_form(&action, &citizen.cookie, "csrf=x&act=follow".into()).await).await;
    assert_eq!(forged.status, 403);
    assert!(see(app.raw("/account/following", &[]).await).await.location.starts_with("/sign-in?next="));
    app.finish().await;
}
