//! The offline loop: a task goes to a contact point, is done, given back, handed in again and accepted.

use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Browser, DESKTOP, PHONE, Site, is_ready, text};

const TEXT: &str = "清河市共享雨伞管理办法\n第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n第二条 在本市投放共享雨伞，适用本办法。\n第三条 使用者应当在二十四小时内归还。\n第四条 本办法自2026年6月1日起施行。\n";

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
    point.visit(&site, &format!("{own_task}/submit")).await;
    point.sees("还没有录入意见").await;
    point.fill("#reason", "座谈会上没有不同意见。").await;
    point.step("collecting-07-submit").await;
    point.press_named("确认提交").await;
    point.sees("已提交司法局").await;

    bureau.visit(&site, &task).await;
    bureau.press("main .rows h3 a").await;
    bureau.sees("座谈会上没有不同意见。").await;
    bureau.step("collecting-08-to-accept").await;
    bureau.fill("#reason", "请再走访学校和医院。").await;
    bureau.press_named("退回补正").await;
    bureau.sees("已退回").await;

    point.visit(&site, &own_task).await;
    point.sees("请再走访学校和医院。").await;
    point.step("collecting-09-returned").await;
    point.press_named("提交司法局").await;
    point.sees("确认提交").await;
    point.fill("#reason", "已走访一所学校，没有意见。").await;
    point.press_named("确认提交").await;
    point.sees("已提交司法局").await;
    let assignment = bureau.path().await;
    bureau.visit(&site, &assignment).await;
    bureau.press_named("验收通过").await;
    bureau.sees("已验收").await;
    bureau.step("collecting-10-accepted").await;
    point.visit(&site, "/point?shelf=done").await;
    point.sees("已验收").await;
    point.step("collecting-11-done").await;
    let mut wrong = bureau.finish().await;
    wrong.extend(point.finish().await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
