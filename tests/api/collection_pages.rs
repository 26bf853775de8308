//! Pages of the offline loop as a browser without scripts sees them.

use poem::Response;
use poem::http::header;
use zhitong::accounts::Role;
use zhitong::config::Rules;

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

impl<'a> Person<'a> {
    fn with(app: &'a TestApp, token: &str) -> Person<'a> {
        Person { app, cookie: format!("zhitong_session={token}") }
    }

    async fn get(&self, path: &str) -> Seen {
        see(self.app.raw(path, &[("cookie", &self.cookie)]).await).await
    }

    /// Sends the form of a page with its token; `fields` are encoded here.
    async fn send(&self, page: &Seen, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = field(page, "csrf");
        let mut body = format!("csrf={token}");
        for (name, value) in fields {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body.push_str(&format!("&{name}={value}"));
        }
        see(self.app.raw_form(path, &self.cookie, body).await).await
    }
}

/// Value of a field of a page.
#[track_caller]
fn field(page: &Seen, name: &str) -> String {
    let (_, rest) = page.html.rsplit_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}: {}", page.html));
    rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_task_is_sent_done_returned_and_accepted_on_pages() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let (us, them) = (app.point_staff(&ours).await, app.point_staff(&theirs).await);
    let (us, them) = (Person::with(&app, &us), Person::with(&app, &them));
    let bureau = Person::with(&app, &app.token(Role::Handler).await);
    assert!(us.get("/point").await.html.contains("现在没有待办的征集任务"));
    assert_eq!(us.get("/staff").await.location, "/point");
    assert_eq!(bureau.get("/point").await.status, 403);
    assert!(see(app.raw("/point", &[]).await).await.location.starts_with("/login?next="));

    assert!(bureau.get("/staff/tasks").await.html.contains("还没有征集任务"));
    assert!(bureau.get("/staff/tasks/new").await.html.contains("清河市共享雨伞管理办法"));
    let form = bureau.get(&format!("/staff/tasks/new?draft={draft}")).await;
    assert_eq!(form.status, 200, "{}", form.html);
    assert_eq!(field(&form, "due_on"), "2026-03-30");
    let key = field(&form, "key");
    let base = [
        ("draft", draft.as_str()),
        ("key", &key),
        ("title", "雨伞办法征集"),
        ("instructions", "请走访。"),
        ("questions", "时限？\n押金？"),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, &str)> = base.to_vec();
        fields.extend(more);
        fields
    };
    let refused = bureau.send(&form, "/staff/tasks/new", &with(&[("due_on", "2026-03-30")])).await;
    assert!(refused.status == 400 && refused.html.contains("请至少选择一个联系点"), "{}", refused.html);
    let mut fields = with(&[("due_on", "2026-04-04"), ("address", "art-4")]);
    fields.push(("point", &ours));
    let warned = bureau.send(&form, "/staff/tasks/new", &fields).await;
    assert!(warned.status == 200 && warned.html.contains("晚于本轮征求意见的截止日期"), "{}", warned.html);
    assert!(warned.html.contains(&format!("value=\"{ours}\" checked")), "what was chosen stays chosen");
    fields.push(("confirmed", "2026-04-04"));
    let sent = bureau.send(&form, "/staff/tasks/new", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.html);
    let again = bureau.send(&form, "/staff/tasks/new", &fields).await;
    assert_eq!(again.location, sent.location, "a double click sends one task");
    let task = bureau.get(&sent.location).await;
    assert!(
        task.html.contains("任务已下达，联系点会收到消息") && task.html.contains("东湖社区联系点") && task.html.contains("第四条"),
        "{}",
        task.html
    );

    let desk = us.get("/point").await;
    let own = desk.html.split_once("href=\"/point/tasks/").unwrap().1.split('"').next().unwrap().to_owned();
    let own = format!("/point/tasks/{own}");
    assert_eq!(them.get(&own).await.status, 404);
    assert_eq!(them.get(&format!("{own}/submit")).await.status, 404);
    let closed = us.get(&format!("{own}/uploads")).await.html;
    assert!(closed.contains("请先接收任务并开始征集") && closed.contains(&format!("<a href=\"{own}\">去任务页面")), "{closed}");
    let page = us.get(&own).await;
    assert!(page.html.contains("押金？") && page.html.contains("使用者应当在二十四小时内归还。"), "{}", page.html);
    assert_eq!(them.send(&them.get("/point/activities/new").await, &format!("{own}/steps"), &[("do", "acknowledge")]).await.status, 404);
    for step in ["acknowledge", "start"] {
        let moved = us.send(&us.get(&own).await, &format!("{own}/steps"), &[("do", step)]).await;
        assert_eq!(moved.location, format!("{own}?done={step}"));
    }
    let form = us.get(&format!("/point/activities/new?assignment={}", own.rsplit('/').next().unwrap())).await;
    let key = field(&form, "key");
    let of = own.rsplit('/').next().unwrap();
    let mut fields = vec![
        ("key", key.as_str()),
        ("kind", "visit"),
        ("title", "走访东街"),
        ("held_on", "2026-03-02"),
        ("place", "东街"),
        ("people_present", "六"),
        ("assignment", of),
    ];
    let refused = us.send(&form, "/point/activities/new", &fields).await;
    assert!(refused.status == 400 && refused.html.contains("请填写数字") && refused.html.contains("走访东街"), "{}", refused.html);
    fields[5].1 = "6";
    let kept = us.send(&form, "/point/activities/new", &fields).await;
    assert_eq!(kept.status, 303, "{}", kept.html);
    let activity = kept.location.split('?').next().unwrap().to_owned();
    assert!(us.get(&activity).await.html.contains("到场 6 人，覆盖 6 人次"));
    assert_eq!(them.get(&activity).await.status, 404);
    let edit = us.get(&format!("{activity}/edit")).await;
    let mut changed = fields.clone();
    changed[2].1 = "走访东街商户";
    changed.push(("revision", "1"));
    assert_eq!(us.send(&edit, &format!("{activity}/edit"), &changed).await.status, 303);
    changed[2].1 = "别的名称";
    let stale = us.send(&edit, &format!("{activity}/edit"), &changed).await;
    assert!(stale.status == 409 && stale.html.contains("刚刚被同事改过"), "{}", stale.html);

    let confirm = us.get(&format!("{own}/submit")).await;
    assert!(confirm.html.contains("还没有录入意见，请说明情况") && confirm.html.contains("<dd>6</dd>"), "{}", confirm.html);
    let revision = field(&confirm, "revision");
    let empty = us.send(&confirm, &format!("{own}/submit"), &[("revision", &revision)]).await;
    assert!(empty.status == 400 && empty.html.contains("请写一句说明"), "{}", empty.html);
    let handed_in = us.send(&confirm, &format!("{own}/submit"), &[("revision", &revision), ("reason", "没有意见。")]).await;
    assert_eq!(handed_in.location, format!("{own}?done=submit"), "{}", handed_in.html);
    assert!(us.get(&format!("{own}/uploads")).await.html.contains("需要补正的，由司法局退回"));
    let theirs_page = bureau.get(&sent.location).await;
    let assignment = theirs_page.html.split_once("href=\"/staff/assignments/").unwrap().1.split('"').next().unwrap().to_owned();
    let assignment = format!("/staff/assignments/{assignment}");
    let page = bureau.get(&assignment).await;
    assert!(page.html.contains("走访东街商户") && page.html.contains("没有意见。"), "{}", page.html);
    assert!(bureau.get(&activity.replace("/point/", "/staff/")).await.html.contains("走访东街商户"));
    let steps = format!("{assignment}/steps");
    let revision = field(&page, "revision");
    let refused = bureau.send(&page, &steps, &[("do", "return"), ("revision", &revision)]).await;
    assert!(refused.status == 400 && refused.html.contains("请填写理由"), "{}", refused.html);
    assert_eq!(bureau.send(&page, &steps, &[("do", "return"), ("revision", &revision), ("reason", "请补充。")]).await.status, 303);
    let returned = us.get(&own).await;
    assert!(returned.html.contains("退回补正") && returned.html.contains("请补充。"), "{}", returned.html);
    let asked = us.send(&returned, &format!("{own}/extension"), &[("until", "2026-04-10"), ("reason", "需要再走访")]).await;
    assert_eq!(asked.location, format!("{own}?done=asked"), "{}", asked.html);
    let page = bureau.get(&assignment).await;
    let request = field(&page, "request");
    let decided = [("do", "grant"), ("request", request.as_str()), ("until", "2026-04-09")];
    assert_eq!(bureau.send(&page, &format!("{assignment}/extension"), &decided).await.status, 303);
    assert!(us.get(&own).await.html.contains("2026年4月9日"));
    let confirm = us.get(&format!("{own}/submit")).await;
    assert_eq!(us.send(&confirm, &format!("{own}/submit"), &[("reason", "补充走访，仍没有意见。")]).await.status, 303);
    let page = bureau.get(&assignment).await;
    assert_eq!(bureau.send(&page, &steps, &[("do", "accept"), ("revision", &field(&page, "revision"))]).await.status, 303);
    assert!(us.get("/point?shelf=done").await.html.contains("已验收"));
    app.deliver().await;
    // A message leads to the thing.
    let messages = us.get("/staff/messages").await;
    let link = messages.html.split_once("href=\"/staff/messages/").unwrap().1.split('"').next().unwrap().to_owned();
    assert_eq!(us.get(&format!("/staff/messages/{link}")).await.location, own);
    app.finish().await;
}

#[tokio::test]
async fn a_task_is_called_off_and_passed_on_on_pages() {
    let app = TestApp::start_with(Rules { staff_session_hours: 24 * 100, ..Rules::default() }).await;
    let draft = app.open_draft().await;
    let [ours, theirs] = app.contact_points().await;
    let organs = app.county_organs(&[&ours, &theirs]).await;
    let bureau = Person::with(&app, &app.token(Role::Administrator).await);
    let county = Person::with(&app, &app.county_staff(&organs[0]).await);
    let form = bureau.get(&format!("/staff/tasks/new?draft={draft}")).await;
    let key = field(&form, "key");
    let fields = [
        ("draft", draft.as_str()),
        ("key", &key),
        ("title", "雨伞办法征集"),
        ("instructions", "请走访。"),
        ("due_on", "2026-03-30"),
        ("organ", &organs[0]),
    ];
    let sent = bureau.send(&form, "/staff/tasks/new", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.html);
    assert!(bureau.get(&sent.location).await.html.contains("任务已下达，县区司法局会收到消息"));
    assert!(county.get("/staff").await.html.contains("待转发的征集任务 1 项"));
    let list = county.get("/staff/relays").await;
    let relay = list.html.split_once("href=\"/staff/relays/").unwrap().1.split('"').next().unwrap().to_owned();
    let relay = format!("/staff/relays/{relay}");
    let page = county.get(&relay).await;
    assert!(page.html.contains("东湖社区联系点") && !page.html.contains("西山村联系点"), "{}", page.html);
    let other = Person::with(&app, &app.county_staff(&organs[1]).await);
    assert_eq!(other.get(&relay).await.status, 404);
    let refused = county.send(&page, &relay, &[("due_on", "2026-03-30")]).await;
    assert!(refused.status == 400 && refused.html.contains("请至少选择一个联系点"), "{}", refused.html);
    let passed = county.send(&page, &relay, &[("due_on", "2026-03-27"), ("point", &ours), ("note", "请走访学校。")]).await;
    assert_eq!(passed.location, format!("{relay}?done=passed"), "{}", passed.html);
    assert!(county.get(&relay).await.html.contains("待接收"));
    assert!(county.get("/staff").await.html.contains("没有待转发的征集任务"));
    let task = sent.location.split('?').next().unwrap().to_owned();
    let page = bureau.get(&task).await;
    assert!(page.html.contains("转发给 1 个联系点") && page.html.contains("西山村联系点"), "{}", page.html);
    assert_eq!(bureau.send(&page, &format!("{task}/points"), &[("point", &theirs)]).await.location, format!("{task}?done=points"));
    let refused = bureau.send(&page, &format!("{task}/cancel"), &[("reason", " ")]).await;
    assert!(refused.status == 400 && refused.html.contains("请填写理由"), "{}", refused.html);
    assert_eq!(bureau.send(&page, &format!("{task}/cancel"), &[("reason", "草案调整")]).await.status, 303);
    assert!(bureau.get(&task).await.html.contains("已取消"));
    app.clock.advance(chrono::Duration::days(40));
    assert!(bureau.get("/staff/tasks/overdue").await.html.contains("没有逾期的任务"), "what is called off is not overdue");
    app.deliver().await;
    app.finish().await;
}
