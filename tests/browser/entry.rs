//! Entering on behalf on a phone, with the network cut in the middle: what is typed stays on the device and arrives once.

use poem::http::Method;
use serde_json::Value;

use crate::support::{Browser, PHONE, Site, is_ready, text};

/// The draft of the demonstration on public toilets, on which a round is open.
async fn open_draft(site: &Site) -> String {
    let drafts = site.api(Method::GET, "/drafts", None, None).await;
    let draft = drafts["items"].as_array().unwrap().iter().find(|d| text(d, "title").contains("公共厕所")).unwrap();
    text(draft, "id")
}

async fn entered(site: &Site, assignment: &str) -> Vec<Value> {
    let point = site.staff("point").await;
    let page = site.api(Method::GET, &format!("/own-point/assignments/{assignment}/opinions"), Some(&point), None).await;
    page["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_survives_a_cut_line_and_arrives_once() {
    if !is_ready("an_entry_survives_a_cut_line_and_arrives_once") {
        return;
    }
    let site = Site::start().await;
    let assignment = site.collecting(&open_draft(&site).await).await;
    let browser = Browser::open(PHONE).await;
    browser.enter(&site, &site.staff("point").await).await;
    browser.visit(&site, &format!("/point/assignments/{assignment}/entry")).await;
    browser.step("entry-01-form").await;
    browser.fill("#entry-place", "槐荫巷议事亭").await;
    browser.fill("#entry-body", "第一条意见：台阶旁请加扶手。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("本次已发送 1 条").await;
    assert_eq!(browser.value("#entry-place").await, "槐荫巷议事亭", "what the next has in common stays");
    assert_eq!(browser.value("#entry-body").await, "");

    // The line is cut: two entries wait on the device.
    browser.offline(true).await;
    browser.fill("#entry-body", "第二条意见：请延长开放时间。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("待发送 1 条").await;
    browser.fill("#entry-body", "第三条意见：请标明无障碍厕位。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("待发送 2 条").await;
    browser.step("entry-02-cut-off").await;
    assert_eq!(entered(&site, &assignment).await.len(), 1);

    // The line holds again: they go by themselves, each once.
    browser.offline(false).await;
    browser.sees("待发送 0 条").await;
    browser.step("entry-03-sent").await;
    assert_eq!(entered(&site, &assignment).await.len(), 3);

    // Cut off again, and the page is left before the line holds: what waited on the device goes when somebody comes back to it.
    browser.offline(true).await;
    browser.fill("#entry-body", "第四条意见：请增加夜间照明。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("待发送 1 条").await;
    browser.client.goto("about:blank").await.unwrap();
    browser.offline(false).await;
    browser.visit(&site, &format!("/point/assignments/{assignment}/entry")).await;
    browser.sees("本次已发送 1 条").await;
    browser.visit(&site, &format!("/point/assignments/{assignment}/entry")).await;
    browser.sees("第四条意见").await;
    browser.step("entry-04-list").await;
    let bodies: Vec<String> = entered(&site, &assignment).await.iter().map(|e| text(e, "body")).collect();
    assert_eq!(bodies.len(), 4, "{bodies:?}");

    // What the server refuses waits with its reason, and comes back into the form.
    browser.fill("#entry-citation", "第九百条").await;
    browser.fill("#entry-body", "第五条意见：删去。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("取回修改").await;
    browser.step("entry-05-refused").await;
    browser.press_named("取回修改").await;
    assert_eq!(browser.value("#entry-body").await, "第五条意见：删去。");
    browser.fill("#entry-citation", "第三条").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("待发送 0 条").await;
    assert_eq!(entered(&site, &assignment).await.len(), 5);
    let wrong = browser.finish().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
