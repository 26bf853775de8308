//! Every page on a phone and on a desktop, as it is and in 长辈模式: it opens, nothing scrolls sideways, and axe-core finds nothing serious.
//!
//! To add a page: one line in [`PAGES`], or, where a route shows no page of its own, one in [`NO_PAGES`].

use std::path::Path;

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Browser, DESKTOP, PHONE, Site, is_ready, text};

/// Name of the picture, who looks (nobody in particular, a citizen, or a login of the demonstration), and the path; `{…}` stands for what
/// [`furnish`] gave that name.
const PAGES: &[(&str, &str, &str)] = &[
    ("home", "", "/"),
    ("laws", "", "/laws"),
    ("law", "", "/laws/{law}"),
    ("law-version", "", "/laws/{law}/{law-version}"),
    ("law-comparison", "", "/laws/{law}/compare"),
    ("search", "", "/search?q=%E5%85%BB%E7%8A%AC"),
    ("search-empty", "", "/search?q=zzzzzz"),
    ("drafts", "", "/drafts"),
    ("draft-open", "", "/drafts/{open}"),
    ("draft-in-hand", "", "/drafts/{in-hand}"),
    ("draft-answered", "", "/drafts/{answered}"),
    ("draft-questions", "", "/drafts/{worked-on}"),
    ("comparison", "", "/drafts/{compared}/compare"),
    ("opinions-of-others", "", "/drafts/{worked-on}/opinions"),
    ("opinion", "", "/opinions/{shown}"),
    ("report", "", "/drafts/{answered}/rounds/{first-round}/report"),
    ("form-for-anybody", "", "/drafts/{open}/speak?address=art-11"),
    ("lookup", "", "/opinions/lookup"),
    ("contact-points", "", "/contact-points"),
    ("contact-point", "", "/contact-points/{contact-point}"),
    ("selections", "", "/selections"),
    ("selection", "", "/selections/{selection}"),
    ("selection-form", "", "/selections/{selection}/apply"),
    ("application-lookup", "", "/selections/lookup"),
    ("invitation", "", "/invitations"),
    ("about", "", "/about"),
    ("privacy", "", "/privacy"),
    ("sign-in", "", "/sign-in"),
    ("login", "", "/login"),
    ("no-such-page", "", "/drafts/none"),
    ("me", "citizen", "/me"),
    ("form", "citizen", "/drafts/{open}/speak?address=art-15"),
    ("draft-when-signed-in", "citizen", "/drafts/{worked-on}"),
    ("own-opinions", "citizen", "/me/opinions"),
    ("own-opinion", "citizen", "/me/opinions/{shown}"),
    ("changing-an-opinion", "citizen", "/me/opinions/{shown}/edit"),
    ("appeal", "citizen", "/me/opinions/{hidden}/appeal"),
    ("messages", "citizen", "/me/messages"),
    ("following", "citizen", "/account/following"),
    ("phone", "citizen", "/me/phone"),
    ("age", "citizen", "/me/age"),
    ("guardian", "citizen", "/me/guardian"),
    ("own-data", "citizen", "/me/export"),
    ("leaving", "citizen", "/me/delete"),
    ("desk", "handler", "/staff"),
    ("import", "handler", "/staff/import"),
    ("import-job", "handler", "/staff/import/{job}"),
    ("staff-messages", "handler", "/staff/messages"),
    ("staff-drafts", "handler", "/staff/drafts"),
    ("new-draft", "drafter", "/staff/drafts/new"),
    ("staff-draft", "handler", "/staff/drafts/{worked-on}"),
    ("correcting", "drafter", "/staff/drafts/{worked-on}/versions/{second}"),
    ("correcting-a-line", "drafter", "/staff/drafts/{worked-on}/versions/{second}?line=3&insert=4"),
    ("papers", "drafter", "/staff/drafts/{worked-on}/versions/{second}/papers"),
    ("bases", "drafter", "/staff/drafts/{worked-on}/versions/{second}/bases?q=%E5%85%BB%E7%8A%AC"),
    ("staff-comparison", "handler", "/drafts/{worked-on}/compare"),
    ("lineage", "handler", "/staff/drafts/{worked-on}/lineage"),
    ("correcting-lineage", "handler", "/staff/drafts/{worked-on}/lineage?show=doubtful&at=6"),
    ("promulgation", "handler", "/staff/drafts/{answered}/promulgation"),
    ("rounds", "handler", "/staff/drafts/{worked-on}/rounds"),
    ("new-round", "handler", "/staff/drafts/{quiet}/rounds/new"),
    ("extending", "handler", "/staff/drafts/{worked-on}/rounds/extend"),
    ("ending-early", "handler", "/staff/drafts/{worked-on}/rounds/end"),
    ("written-answers", "handler", "/staff/drafts/{worked-on}/rounds/answers/{question}"),
    ("giving-up", "reviewer", "/staff/drafts/{worked-on}/withdraw"),
    ("work-list", "handler", "/staff/drafts/{in-hand}/opinions"),
    ("side-by-side", "handler", "/staff/drafts/{in-hand}/answering"),
    ("side-by-side-with-a-file", "handler", "/staff/drafts/{worked-on}/answering"),
    ("batch", "reviewer", "/staff/drafts/{in-hand}/feedback"),
    ("moderation", "handler", "/staff/moderation"),
    ("moderation-of-one", "handler", "/staff/moderation/{waiting}"),
    ("statistics", "handler", "/staff/statistics?by=point"),
    ("statistics-by-channel", "handler", "/staff/statistics?by=channel"),
    ("statistics-rows", "handler", "/staff/statistics/rows?measure=opinions"),
    ("own-statistics", "point", "/point/statistics"),
    ("own-statistics-rows", "point", "/point/statistics/rows?measure=opinions"),
    ("outcomes", "point", "/point/tasks/{assignment}/outcomes"),
    ("sheets", "point", "/point/tasks/{assignment}/outcomes/sheets"),
    ("deliveries", "admin", "/staff/deliveries"),
    ("tasks", "handler", "/staff/tasks"),
    ("new-task-draft", "handler", "/staff/tasks/new"),
    ("new-task", "handler", "/staff/tasks/new?draft={worked-on}"),
    ("task", "handler", "/staff/tasks/{task}"),
    ("overdue-tasks", "handler", "/staff/tasks/overdue"),
    ("assignment", "handler", "/staff/assignments/{assignment}"),
    ("activity-for-the-bureau", "handler", "/staff/activities/{activity}"),
    ("relays", "county", "/staff/relays"),
    ("relay", "county", "/staff/relays/{relay}"),
    ("point-desk", "point", "/point"),
    ("point-desk-empty", "point", "/point?shelf=overdue"),
    ("point-task", "point", "/point/tasks/{assignment}"),
    ("point-submit", "point", "/point/tasks/{assignment}/submit"),
    ("point-poster", "point", "/point/tasks/{assignment}/poster"),
    ("point-activities", "point", "/point/activities"),
    ("point-new-activity", "point", "/point/activities/new?assignment={assignment}"),
    ("point-activity", "point", "/point/activities/{activity}"),
    ("point-changing-an-activity", "point", "/point/activities/{activity}/edit"),
    ("users", "admin", "/staff/users"),
    ("new-user", "admin", "/staff/users/new"),
    ("user", "admin", "/staff/users/{user}"),
    ("kept-points", "admin", "/staff/contact-points"),
    ("new-point", "admin", "/staff/contact-points/new"),
    ("kept-point", "admin", "/staff/contact-points/{contact-point}"),
    ("changing-a-point", "admin", "/staff/contact-points/{contact-point}/edit"),
    ("kept-points-of-a-county", "county", "/staff/contact-points"),
    ("staff-selections", "reviewer", "/staff/selections"),
    ("new-selection", "reviewer", "/staff/selections/new"),
    ("staff-selection", "reviewer", "/staff/selections/{selection}"),
    ("changing-a-selection", "reviewer", "/staff/selections/{prepared}/edit"),
    ("application", "reviewer", "/staff/selection-applications/{application}"),
    ("uploads", "point", "/point/tasks/{collecting}/uploads"),
    ("upload", "point", "/point/uploads/{upload}"),
    ("upload-row", "point", "/point/uploads/{upload}/rows/{row}"),
    ("entry", "point", "/point/assignments/{collecting}/entry"),
    ("changing-an-entry", "point", "/point/assignments/{collecting}/entry/{entered}"),
    ("audit", "auditor", "/staff/audit"),
    ("own-account", "admin", "/staff/account"),
    ("second-step", "admin", "/staff/account/second-factor"),
];

/// Routes that answer GET without a page of their own, and why.
const NO_PAGES: &[(&str, &str)] = &[
    ("/assets/:file", "style sheets and scripts"),
    ("/display", "leads back"),
    ("/login/step", "the second step of a login; the journeys go through it"),
    ("/me/export.json", "a file"),
    ("/me/messages/:id", "leads on to what the message is about"),
    ("/staff/messages/:id", "leads on to what the message is about"),
    ("/opinion-files/:id", "a file"),
    ("/drafts/:id/attachments/:attachment", "a file"),
    ("/drafts/:id/compare/sheet", "a file"),
    ("/drafts/:id/rounds/:round/report.docx", "a file"),
    ("/drafts/:id/rounds/:round/report.xlsx", "a file"),
    ("/laws/:work/compare/sheet", "a file"),
    ("/staff/drafts/:id/rounds/plan", "numbers for the script of the form"),
    ("/staff/audit/export", "a file"),
    ("/staff/statistics.xlsx", "a file"),
    ("/point/statistics.xlsx", "a file"),
    ("/point/tasks/:id/materials/:material", "a file"),
    ("/point/activities/:id/files/:file", "a file"),
    ("/point/uploads/:id/original", "a file"),
    ("/point/uploads/:id/remarks", "a file"),
    ("/staff/activities/:id/files/:file", "a file"),
    ("/point/assignments/:id/entry/:opinion/scan", "a file"),
    ("/staff/selection-documents/:id", "a file"),
];

/// The text of a draft of our own, and what becomes of it after a round.
const FIRST: &str = "清河市共享雨伞管理办法\n第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n第二条 在本市投放共享雨伞，适用本办法。\n第三条 经营者应当遵守下列规定：\n（一）伞具干净、完好；\n（二）公布收费标准。\n第四条 使用者应当在二十四小时内归还。\n第五条 本办法自2026年6月1日起施行。\n";

/// A demonstration in which every page has something to show.
async fn furnish() -> (Site, Vec<(&'static str, String)>) {
    let site = Site::start().await;
    let mut names = vec![("first-round", "1".to_owned()), ("row", "2".to_owned())];
    let drafts = site.api(Method::GET, "/drafts", None, None).await;
    for (name, words) in [("open", "公共厕所"), ("in-hand", "门店招牌"), ("answered", "社区食堂")] {
        let found = drafts["items"].as_array().unwrap().iter().find(|d| text(d, "title").contains(words));
        names.push((name, text(found.unwrap(), "id")));
    }
    let handler = site.staff("handler").await;
    let drafter = site.staff("drafter").await;
    let admin = site.staff("admin").await;
    let post = async |token: &str, path: String, body: Value| site.api(Method::POST, &path, Some(token), Some(body)).await;

    // Three drafts: one before its round; one in its round, with a second text underway; one with two public texts.
    let make = async |title: &str| {
        let draft = json!({"title": title, "kind": "government_rule", "drafting_unit": "清河市城市管理局"});
        let draft = text(&post(&drafter, "/drafts".into(), draft).await, "id");
        let added =
            post(&drafter, format!("/drafts/{draft}/pasted-versions"), json!({"text": FIRST, "explanation": "需要规范投放秩序。"})).await;
        (draft, text(&added["version"], "id"))
    };
    names.push(("quiet", make("清河市共享充电宝管理办法").await.0));
    let (draft, first) = make("清河市共享雨伞管理办法").await;
    let round = json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01", "shows_opinions": true, "shows_answers": true, "questions": [
        {"kind": "single", "wording": "二十四小时是否合适？", "options": ["合适", "太短"]}, {"kind": "text", "wording": "还有什么建议？"}]});
    let round = post(&handler, format!("/drafts/{draft}/consultations"), round).await;
    names.push(("question", text(&round["questions"][1], "id")));
    let second = FIRST.replace("二十四小时", "四十八小时").replace("第五条", "第五条 投放点应当避开盲道，\n第六条");
    let second = post(&drafter, format!("/drafts/{draft}/pasted-versions"), json!({"text": second, "explanation": "根据意见修改。"})).await;
    names.extend([("first", first), ("second", text(&second["version"], "id")), ("worked-on", draft.clone())]);
    let (compared, _) = make("清河市共享单车停放管理办法").await;
    for day in ["2026-04-01", "2026-06-01"] {
        let round = json!({"notice": "欢迎提出意见。", "closes_on": day, "shorter_reason": "再次征求意见。"});
        post(&handler, format!("/drafts/{compared}/consultations"), round).await;
        if day == "2026-04-01" {
            post(&handler, format!("/drafts/{compared}/round-withdrawal"), json!({"reason": "文本有较大修改。"})).await;
            let text = FIRST.replace("二十四小时", "四十八小时");
            post(&drafter, format!("/drafts/{compared}/pasted-versions"), json!({"text": text, "explanation": "根据意见修改。"})).await;
        }
    }
    names.push(("compared", compared));

    // Citizens: an opinion that is shown, one that waits, one that is hidden, a written answer.
    let citizen = site.citizen("walker").await;
    let opinion = |address: &str, body: &str| json!({"address": address, "stance": "amend", "body": body, "reason": "出差的人来不及。", "is_public": true});
    names.push(("shown", site.speak(&draft, &citizen, opinion("art-4", "改为四十八小时。")).await));
    let other = site.citizen("other").await;
    names.push(("waiting", site.speak(&draft, &other, opinion("art-3", "太贵，请打13800000000。")).await));
    let hidden = site.speak(&draft, &citizen, opinion("art-3", "加我微信，低价转让，电话13800000001。")).await;
    let hide = json!({"revision": 1, "category": "advertising", "reason": "请去掉广告。"});
    post(&handler, format!("/opinions/{hidden}/moderation/hide"), hide).await;
    names.push(("hidden", hidden));
    let answers = json!({"answers": [{"question_id": text(&round["questions"][1], "id"), "body": "多放几把。"}]});
    site.api(Method::PUT, &format!("/drafts/{draft}/question-answers"), Some(&citizen), Some(answers)).await;
    site.settle().await;

    let laws = site.api(Method::GET, "/documents?limit=100", None, None).await;
    let law = laws["items"].as_array().unwrap().iter().find(|d| text(d, "title").contains("养犬管理条例")).unwrap();
    let law = text(law, "id");
    let detail = site.api(Method::GET, &format!("/documents/{law}"), None, None).await;
    names.push(("law-version", text(&detail["versions"][0], "id")));
    names.push(("law", law));
    let points = site.api(Method::GET, "/contact-points", None, None).await;
    let point = text(&points["items"][0], "id");
    let person = json!({"revision": 1, "duty": "联络员", "name": "示例甲", "phone": "0752-1234567", "is_public": true});
    post(&admin, format!("/contact-points/{point}/persons"), person).await;
    post(&admin, format!("/contact-points/{point}/invitations"), json!({"remark": "社区副主任"})).await;
    names.push(("contact-point", point));
    let call = json!({"title": "2026年基层立法联系点遴选公告", "notice": "欢迎符合条件的单位申报。\n申报材料请合并为一份。",
        "criteria": [{"name": "群众基础", "explanation": "联系群众的范围和方式", "maximum": 40}, {"name": "工作条件", "maximum": 60}],
        "opens_on": "2026-03-02", "closes_on": "2026-03-31"});
    names.push(("prepared", text(&post(&admin, "/selections".into(), call.clone()).await, "id")));
    let call = text(&post(&admin, "/selections".into(), call).await, "id");
    post(&admin, format!("/selections/{call}/publication"), json!({"revision": 1})).await;
    site.apply(&call, "云渡区槐荫巷老年大学").await;
    let applications = site.api(Method::GET, &format!("/selections/{call}/applications"), Some(&admin), None).await;
    names.extend([("application", text(&applications["items"][0], "id")), ("selection", call)]);
    let open = names.iter().find(|(name, _)| *name == "open").unwrap().1.clone();
    let assignment = site.collecting(&open).await;
    names.push(("entered", site.record(&assignment, "台阶旁请加扶手。").await));
    let table = "条款,意见,提出人\n第三条,写明开放时间,甲\n第九十九条,改,乙\n";
    names.push(("upload", site.upload_opinions(&assignment, "意见.csv", table.as_bytes().to_vec()).await));
    names.push(("collecting", assignment));

    // A contact point collects: a task for it and for a county, an activity, a request for more time.
    let (point, county) = (site.staff("point").await, site.staff("county").await);
    let own = text(&site.api(Method::GET, "/account", Some(&point), None).await, "contact_point_id");
    let organs = site.api(Method::GET, "/organs", Some(&admin), None).await;
    let organs: Vec<String> =
        organs["items"].as_array().or(organs.as_array()).unwrap().iter().filter(|o| o["tier"] == "county").map(|o| text(o, "id")).collect();
    let task = json!({"draft_id": draft, "title": "雨伞办法意见征集", "instructions": "请走访沿街商户和居民，听取意见。", "questions": ["二十四小时是否合适？"],
        "addresses": ["art-4"], "contact_point_ids": [own], "organ_ids": organs});
    names.push(("task", text(&post(&handler, "/collection-tasks".into(), task).await["task"], "id")));
    let own = site.api(Method::GET, "/own-point/assignments", Some(&point), None).await;
    let sent = own["items"].as_array().unwrap().iter().find(|assignment| assignment["task_title"] == "雨伞办法意见征集");
    let assignment = text(sent.expect("the task has come down"), "id");
    for step in ["acknowledgement", "start"] {
        post(&point, format!("/own-point/assignments/{assignment}/{step}"), json!({})).await;
    }
    let more = json!({"until": "2026-04-10", "reason": "雨天较多，走访需要更多时间。"});
    post(&point, format!("/own-point/assignments/{assignment}/extensions"), more).await;
    let held = json!({"assignment_id": assignment, "kind": "symposium", "title": "沿街商户座谈会", "held_on": "2026-03-01", "place": "社区会议室",
        "people_present": 12, "people_reached": 40, "participant_kinds": ["商户", "居民"], "minutes": "讨论了归还时限和收费标准。"});
    names.push(("activity", text(&post(&point, "/own-point/activities".into(), held).await, "id")));
    names.push(("assignment", assignment));
    let relays = site.api(Method::GET, "/own-organ/relays", Some(&county), None).await;
    let relay = relays["items"].as_array().unwrap().iter().find(|relay| relay["task_title"] == "雨伞办法意见征集");
    names.push(("relay", text(relay.expect("the county is asked"), "id")));
    let people = site.api(Method::GET, "/staff-accounts", Some(&admin), None).await;
    let handlers = people["items"].as_array().unwrap().iter().find(|p| p["login_name"] == "handler").unwrap();
    names.push(("user", text(handlers, "id")));
    names.push((
        "job",
        site.import(&handler, "清河市门店招牌管理试行办法.md", "# 清河市门店招牌管理试行办法\n\n第一条 为了试一试，制定本办法。\n").await,
    ));
    (site, names)
}

/// Visits the pages of some people, on both sizes, as they are and in the largest 长辈模式.
async fn walk(test: &str, people: &[&str]) {
    if !is_ready(test) {
        return;
    }
    let (site, names) = furnish().await;
    let mut wrong = Vec::new();
    for (prefix, size) in [("phone", PHONE), ("desktop", DESKTOP)] {
        let browser = Browser::open(size).await;
        for who in people {
            match *who {
                "" => {}
                "citizen" => browser.enter(&site, &site.citizen("walker").await).await,
                staff => browser.enter(&site, &site.staff(staff).await).await,
            }
            for elder in [0, 30] {
                browser.visit(&site, &format!("/display?elder={elder}&back=%2Fabout")).await;
                for (name, _, path) in PAGES.iter().filter(|(_, looks, _)| looks == who) {
                    let path = names.iter().fold((*path).to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
                    assert!(!path.contains('{'), "{path} names something that is not furnished");
                    browser.visit(&site, &path).await;
                    let title = browser.client.title().await.unwrap();
                    let is_lost = ["没有找到", "系统内部错误", "没有权限", "登录已过期"].iter().any(|words| title.contains(words));
                    if title.is_empty() || is_lost != (*name == "no-such-page") || (title.contains("登录") && !who.is_empty()) {
                        browser.wrong(format!("{prefix}-{name} {path}: the title is {title:?}"));
                    }
                    let mode = if elder == 0 { "" } else { "-elder" };
                    browser.step(&format!("{prefix}{mode}-{name}")).await;
                }
            }
        }
        wrong.extend(browser.finish().await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_pages_open_without_barriers() {
    walk("public_pages_open_without_barriers", &[""]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_citizens_open_without_barriers() {
    walk("pages_of_citizens_open_without_barriers", &["citizen"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_staff_open_without_barriers() {
    walk("pages_of_staff_open_without_barriers", &["handler", "drafter", "reviewer", "admin", "auditor", "county"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_contact_points_open_without_barriers() {
    walk("pages_of_contact_points_open_without_barriers", &["point"]).await;
}

/// Paths that answer GET, as the sources of the portal register them.
fn routes(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            for piece in source.split(".at(\"").skip(1) {
                let (route, rest) = piece.split_once('"').unwrap();
                if rest.trim_start_matches([',', ' ', '\n']).starts_with("get(") {
                    found.push(route.to_owned());
                }
            }
        }
    }
}

/// Whether a path of the table is served by a route.
fn is_of(path: &str, route: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (path, route): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len()
        && path.iter().zip(&route).all(|(path, route)| path == route || (route.starts_with(':') && path.starts_with('{')))
}

#[test]
fn every_page_is_walked() {
    let mut found = Vec::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal"), &mut found);
    assert!(found.len() > 50, "the routes of the portal are read from its sources: {found:?}");
    let walked = |route: &str| PAGES.iter().any(|(_, _, path)| is_of(path, route)) || NO_PAGES.iter().any(|(path, _)| *path == route);
    let missing: Vec<&String> = found.iter().filter(|route| !walked(route)).collect();
    assert!(missing.is_empty(), "add a line to PAGES for {missing:?}");
}
