//! Entering on behalf on a phone, with the network cut in the middle: what is typed stays on the device and arrives once.

use std::time::Duration;

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

/// Id of the field that the keyboard is in.
async fn focus(browser: &Browser) -> String {
    let focused = browser.client.execute("return document.activeElement.id", vec![]).await.unwrap();
    focused.as_str().unwrap_or_default().to_owned()
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
    let entry = format!("/point/assignments/{assignment}/entry");
    browser.visit(&site, &entry).await;
    browser.step("entry-01-form").await;
    browser.fill("#entry-place", "槐荫巷议事亭").await;
    browser.fill("#entry-body", "第一条意见：台阶旁请加扶手。").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("本次已发送 1 条").await;
    browser.sees("第一条意见：台阶旁请加扶手。").await;
    assert_eq!(browser.value("#entry-place").await, "槐荫巷议事亭", "what the next has in common stays");
    assert_eq!(browser.value("#entry-body").await, "");
    assert_eq!(focus(&browser).await, "entry-address", "the article of the next is chosen first");

    // The line is cut: two entries wait on the device.
    browser.offline(true).await;
    browser.fill("#entry-body", "第二条意见：请延长开放时间。").await;
    let keys = "const pressed = new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, bubbles: true});
        document.querySelector('#entry-body').dispatchEvent(pressed)";
    browser.client.execute(keys, vec![]).await.unwrap();
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
    browser.visit(&site, &entry).await;
    browser.sees("本次已发送 1 条").await;
    browser.visit(&site, &entry).await;
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
    browser.sees("这是取回修改的意见").await;
    assert_eq!(browser.count("[data-queue-list] li").await, 0, "it is in the form");
    // The page is left before it was entered again: it is there all the same.
    browser.visit(&site, &entry).await;
    browser.sees("这是取回修改的意见").await;
    assert_eq!(browser.value("#entry-body").await, "第五条意见：删去。");
    browser.press_named("放回待发送").await;
    browser.press_named("取回修改").await;
    browser.sees("这是取回修改的意见").await;
    browser.fill("#entry-citation", "第三条").await;
    browser.press("form[data-entry-form] button[type=submit]").await;
    browser.sees("待发送 0 条").await;
    assert_eq!(entered(&site, &assignment).await.len(), 5);

    // Half-typed words outlive the page too, until they are cleared. They are kept a moment after the last key.
    browser.fill("#entry-body", "没有录完的话").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    browser.visit(&site, &entry).await;
    browser.sees("上次没有录完的内容还在").await;
    assert_eq!(browser.value("#entry-body").await, "没有录完的话");
    browser.press_named("清空").await;
    assert_eq!(browser.value("#entry-body").await, "");

    // Nothing is removed without a question.
    browser.press("form[data-confirm] button").await;
    assert!(browser.client.get_alert_text().await.unwrap().contains("不能恢复"));
    browser.client.dismiss_alert().await.unwrap();
    assert_eq!(entered(&site, &assignment).await.len(), 5);
    browser.press("form[data-confirm] button").await;
    browser.client.accept_alert().await.unwrap();
    browser.sees("已删除。").await;
    assert_eq!(entered(&site, &assignment).await.len(), 4);
    let wrong = browser.finish().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
