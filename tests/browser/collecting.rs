//! The offline loop: a task goes to a contact point, its opinions come up in a table, it is given back, handed in again, accepted, and the answers come back.

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Browser, DESKTOP, PHONE, Site, is_ready, text};

const TEXT: &str = "清河市共享雨伞管理办法\n第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n第二条 在本市投放共享雨伞，适用本办法。\n第三条 使用者应当在二十四小时内归还。\n第四条 本办法自2026年6月1日起施行。\n";

/// What was said on paper. Two lines cannot become opinions as they stand: an article that the draft has not, and a day that is none.
const TABLE: &str = "序号,条款,修改建议,提出人,日期\n1,第三条,延长到四十八小时,示例甲,3月2日\n2,第九十九条,写明谁来管,示例乙,3月2日\n3,第二条,写明适用的街道,示例丙,上周\n填表人：示例丁\n";

/// Uploads the table, puts its two lines right on the page and commits it.
async fn upload(site: &Site, point: &Browser, own_task: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("意见汇总表.csv");
    std::fs::write(&file, TABLE).unwrap();
    point.visit(site, own_task).await;
    point.press_named("上传意见表格").await;
    point.find("#file").await.send_keys(file.to_str().unwrap()).await.unwrap();
    point.press_named("上传并试导入").await;
    point.sees("读入 5 行 = 可以导入 1 + 需要更正 2 + 非意见行 2").await;
    point.step("collecting-07-dry-run").await;
    let batch = point.path().await;
    point.visit(site, &format!("{batch}/rows/2")).await;
    point.fill("#cell-1", "第四条").await;
    point.press_named("保存更正").await;
    point.sees("这一行可以导入了").await;
    point.press_named("下一个需要更正的行").await;
    point.fill("#cell-4", "2026-03-02").await;
    point.press_named("保存更正").await;
    point.sees("这一行可以导入了").await;
    point.visit(site, &batch).await;
    point.press_named("导入 3 行").await;
    point.sees("读入 5 行 = 非意见行 2 + 已导入 3").await;
    point.step("collecting-08-committed").await;
}

/// The bureau answers every opinion on the draft after the round, a second person passes the answers, and they are published.
async fn answer(site: &Site, draft: &str) {
    site.clock.advance(chrono::Duration::days(31));
    site.settle().await;
    let (handler, reviewer) = (site.staff("handler").await, site.staff("reviewer").await);
    let list = site.api(Method::GET, &format!("/drafts/{draft}/opinions?limit=100"), Some(&handler), None).await;
    let opinions = list["items"].as_array().unwrap();
    assert_eq!(opinions.len(), 3, "what was uploaded is what there is to answer");
    for (n, item) in opinions.iter().enumerate() {
        let kind = ["adopted", "partly_adopted", "not_adopted"][n];
        let answer = json!({"kind": kind, "reason": "在下一稿中统一研究处理。"});
        site.api(Method::PUT, &format!("/opinions/{}/disposition", text(item, "id")), Some(&handler), Some(answer)).await;
    }
    let all = json!({"everything": true, "passes": true});
    site.api(Method::POST, &format!("/drafts/{draft}/reviews"), Some(&reviewer), Some(all)).await;
    site.api(Method::POST, &format!("/drafts/{draft}/feedback"), Some(&reviewer), Some(json!({}))).await;
    site.settle().await;
}

/// A draft whose round is open; its id.
async fn open_draft(site: &Site) -> String {
    let (drafter, handler) = (site.staff("drafter").await, site.staff("handler").await);
    let post = async |token: &str, path: String, body: Value| site.api(Method::POST, &path, Some(token), Some(body)).await;
    let draft = json!({"title": "清河市共享雨伞管理办法", "kind": "government_rule", "drafting_unit": "清河市城市管理局"});
    let draft = text(&post(&drafter, "/drafts".into(), draft).await, "id");
    post(&drafter, format!("/drafts/{draft}/pasted-versions"), json!({"text": TEXT, "explanation": "需要规范投放秩序。"})).await;
    post(&handler, format!("/drafts/{draft}/consultations"), json!({"notice": "欢迎提出意见。", "closes_on": "2026-04-01"})).await;
    draft
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_down_and_its_work_comes_up() {
    if !is_ready("a_task_goes_down_and_its_work_comes_up") {
        return;
    }
    let site = Site::start().await;
    let draft = open_draft(&site).await;
    let point_token = site.staff("point").await;
    let own = text(&site.api(Method::GET, "/account", Some(&point_token), None).await, "contact_point_id");

    let bureau = Browser::open(DESKTOP).await;
    bureau.enter(&site, &site.staff("handler").await).await;
    bureau.visit(&site, &format!("/staff/tasks/new?draft={draft}")).await;
    bureau.choose(&format!("input[name=point][value='{own}']")).await;
    bureau.step("collecting-01-new-task").await;
    bureau.press_named("下达").await;
    bureau.sees("任务已下达").await;
    bureau.step("collecting-02-task-sent").await;
    let task = bureau.path().await;

    let point = Browser::open(PHONE).await;
    point.enter(&site, &point_token).await;
    point.visit(&site, "/point").await;
    point.step("collecting-03-desk").await;
    point.press_named("《清河市共享雨伞管理办法》意见征集").await;
    point.sees("工作要求").await;
    point.press_named("接收任务").await;
    point.sees("已接收").await;
    point.press_named("开始征集").await;
    point.sees("已开始征集").await;
    point.step("collecting-04-collecting").await;
    let own_task = point.path().await;
    point.press_named("登记活动").await;
    point.find("#place").await;
    point.fill("#title", "沿街商户座谈会").await;
    point.fill("#place", "社区会议室").await;
    point.fill("#people_present", "12").await;
    point.step("collecting-05-activity").await;
    point.press_named("保存").await;
    point.sees("活动已登记").await;
    point.step("collecting-06-activity-kept").await;
    upload(&site, &point, &own_task).await;
    point.visit(&site, &own_task).await;
    point.press_named("提交司法局").await;
    point.sees("确认提交").await;
    point.step("collecting-09-submit").await;
    point.press_named("确认提交").await;
    point.sees("已提交司法局").await;

    bureau.visit(&site, &task).await;
    bureau.press("main .rows h3 a").await;
    bureau.step("collecting-10-to-accept").await;
    bureau.fill("#reason", "请再走访学校和医院。").await;
    bureau.press_named("退回补正").await;
    bureau.sees("已退回").await;

    point.visit(&site, &own_task).await;
    point.sees("请再走访学校和医院。").await;
    point.step("collecting-11-returned").await;
    point.press_named("提交司法局").await;
    point.sees("确认提交").await;
    point.fill("#reason", "已走访一所学校，没有新的意见。").await;
    point.press_named("确认提交").await;
    point.sees("已提交司法局").await;
    let assignment = bureau.path().await;
    bureau.visit(&site, &assignment).await;
    bureau.sees("已走访一所学校，没有新的意见。").await;
    bureau.press_named("验收通过").await;
    bureau.sees("已验收").await;
    bureau.step("collecting-12-accepted").await;
    point.visit(&site, "/point?shelf=done").await;
    point.sees("已验收").await;
    point.step("collecting-13-done").await;

    // What became of each, and the sheets to hand to people.
    point.visit(&site, &format!("{own_task}/outcomes")).await;
    point.sees("采纳情况还没有公布").await;
    answer(&site, &draft).await;
    point.enter(&site, &site.staff("point").await).await;
    point.visit(&site, &own_task).await;
    point.press_named("采纳情况").await;
    point.sees("在下一稿中统一研究处理。").await;
    point.step("collecting-14-outcomes").await;
    point.press_named("打印反馈单").await;
    point.sees("立法意见采纳情况反馈单").await;
    assert_eq!(point.count("article.sheet").await, 3, "one sheet for each opinion");
    assert!(!point.words().await.contains("示例甲"), "a name is printed only when it is asked for");
    point.press_named("印上姓名").await;
    point.sees("示例甲").await;
    point.step("collecting-15-sheets").await;
    let mut wrong = bureau.finish().await;
    wrong.extend(point.finish().await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
