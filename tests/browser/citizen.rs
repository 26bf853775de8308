//! A citizen with a phone: from the front page to an opinion that was sent, changed and taken back, and everything under “我的”.

use crate::support::{Browser, PHONE, Site, is_ready};

/// Asks for a code on the page of a phone number, and types what the demonstration shows in place of a message.
async fn sign_in(browser: &Browser, phone: &str) {
    browser.fill("#phone", phone).await;
    browser.step("citizen-05-sign-in").await;
    browser.press_named("获取验证码").await;
    let code = browser.read("main .note .code").await;
    browser.fill("#code", &code).await;
    // Without the consent nobody comes in, and nothing has to be typed again.
    browser.press_named("登录").await;
    browser.find("#agreed-problem").await;
    browser.step("citizen-06-consent-is-asked-for").await;
    browser.choose("#agreed").await;
    browser.press_named("登录").await;
}

/// Opens a fold unless it is open.
async fn unfold(browser: &Browser, css: &str) {
    browser.find(css).await;
    let open = format!("document.querySelector('{css}').closest('details').open = true");
    browser.client.execute(&open, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_speaks_changes_it_and_takes_it_back() {
    if !is_ready("a_citizen_speaks_changes_it_and_takes_it_back") {
        return;
    }
    let site = Site::start().await;
    let browser = Browser::open(PHONE).await;

    // From the front page to the article that matters.
    browser.visit(&site, "/").await;
    browser.step("citizen-01-home").await;
    browser.press_named("公共厕所").await;
    browser.sees("还剩").await;
    browser.step("citizen-02-draft").await;
    let draft = browser.path().await;
    browser.press("#art-11").await;
    browser.sees("对第十一条提意见").await;
    browser.step("citizen-03-form").await;

    // What is missing is said beside its field.
    browser.choose("input[name=stance][value=amend]").await;
    browser.press_named("登录后提交").await;
    browser.find("#body-error").await;
    browser.step("citizen-04-something-is-missing").await;
    let old = "三分之一";
    browser.fill("#body", "三分之一太少，夜里出车的人找不到厕所。").await;
    browser.fill("#reason", "我开夜班出租车，二十二点以后沿街的厕所都锁了门。").await;
    unfold(&browser, "#proposed_text").await;
    let proposed = browser.find("#proposed_text").await.prop("value").await.unwrap().unwrap();
    assert!(proposed.contains(old), "the article stands in the field to be changed: {proposed}");
    browser.fill("#proposed_text", &proposed.replace(old, "二分之一")).await;
    browser.press_named("登录后提交").await;

    // The login comes last, and what was typed is still there after it.
    sign_in(&browser, "13900001234").await;
    // So does the question that has to be answered once.
    browser.sees("说明年龄").await;
    browser.choose("input[name=age][value=fourteen_or_over]").await;
    browser.step("citizen-07-age").await;
    browser.press_named("保存").await;
    browser.sees("刚才填写的内容还在").await;
    browser.step("citizen-07-words-are-kept").await;
    let kept = browser.find("#reason").await.prop("value").await.unwrap().unwrap();
    assert!(kept.contains("夜班出租车"));
    browser.press_named("提交意见").await;
    browser.sees("意见已收到").await;
    browser.step("citizen-08-receipt").await;
    let first = browser.path().await;

    // A second one, on the whole draft, and following.
    browser.visit(&site, &draft).await;
    browser.step("citizen-09-draft-when-signed-in").await;
    browser.press_named("对全文提意见").await;
    browser.choose("input[name=stance][value=support]").await;
    browser.fill("#body", "赞成尽快出台。").await;
    browser.choose("input[name=is_public][value=no]").await;
    browser.press_named("提交意见").await;
    browser.sees("意见已收到").await;
    let second = browser.path().await;
    browser.visit(&site, &draft).await;
    browser.press_named("取消关注").await;
    browser.press_named("关注本草案").await;
    browser.sees("您已关注").await;
    browser.step("citizen-10-following-the-draft").await;

    // 我的意见: both are there; the first is changed, the second withdrawn.
    site.settle().await;
    browser.visit(&site, "/me/opinions").await;
    browser.sees("赞成尽快出台").await;
    browser.sees("三分之一太少").await;
    browser.step("citizen-11-own-opinions").await;
    browser.visit(&site, &first).await;
    browser.press_named("修改").await;
    browser.fill("#body", "三分之一太少，至少要一半。").await;
    browser.step("citizen-12-changing").await;
    browser.press_named("保存修改").await;
    browser.sees("修改已保存").await;
    browser.press_named("修改记录").await;
    browser.step("citizen-13-changed").await;
    browser.visit(&site, &second).await;
    browser.press_named("撤回这条意见").await;
    browser.step("citizen-14-before-withdrawing").await;
    browser.press_named("确认撤回").await;
    browser.sees("已撤回").await;
    browser.step("citizen-15-withdrawn").await;

    // 我的: messages, following, own data.
    browser.visit(&site, "/me").await;
    browser.step("citizen-16-me").await;
    browser.press_named("消息").await;
    browser.step("citizen-17-messages").await;
    browser.visit(&site, "/account/following").await;
    browser.sees("公共厕所").await;
    browser.step("citizen-18-following").await;
    browser.visit(&site, "/me/age").await;
    browser.step("citizen-19-age").await;
    browser.visit(&site, "/me/export").await;
    browser.sees("夜班出租车").await;
    browser.step("citizen-20-own-data").await;
    browser.visit(&site, "/me/phone").await;
    browser.step("citizen-21-phone").await;

    // 长辈模式 keeps its size from page to page, until it is left.
    browser.visit(&site, &draft).await;
    browser.press_named("长辈模式").await;
    browser.press_named("最大").await;
    browser.step("citizen-22-elder-draft").await;
    browser.press("#art-11").await;
    browser.sees("对第十一条提意见").await;
    browser.step("citizen-23-elder-form").await;
    browser.visit(&site, "/me").await;
    browser.step("citizen-24-elder-me").await;
    browser.press_named("退出长辈模式").await;

    // Whoever leaves is gone at once.
    browser.visit(&site, "/me/delete").await;
    browser.step("citizen-25-leaving").await;
    browser.fill("#confirmation", "注销").await;
    browser.press("form[action='/me/delete'] button").await;
    browser.sees("登录").await;
    browser.step("citizen-26-left").await;
    browser.visit(&site, "/me").await;
    browser.sees("手机号登录").await;
    browser.close().await;
}
