//! Those who keep the accounts: a colleague is let in, finds the way, and is locked out again; the log tells all of it.

use crate::support::{Browser, DESKTOP, Site, is_ready};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_lets_a_colleague_in_and_out() {
    if !is_ready("an_administrator_lets_a_colleague_in_and_out") {
        return;
    }
    let site = Site::start().await;
    let browser = Browser::open(DESKTOP).await;
    browser.sign_in_staff(&site, "admin").await;
    browser.visit(&site, "/staff").await;
    browser.step("admin-01-desk").await;
    browser.press_named("工作人员账号").await;
    browser.step("admin-02-users").await;
    browser.press_named("新建账号").await;
    browser.fill("#login_name", "lin").await;
    browser.fill("#display_name", "林小满").await;
    browser.step("admin-03-new-user").await;
    browser.choose("#role option[value=handler]").await;
    browser.press_named("建立账号").await;
    browser.sees("只显示这一次").await;
    browser.step("admin-04-one-time-password").await;
    let password = browser.read("dd:last-of-type code.secret").await;

    // The colleague comes with the one-time password and leaves it behind.
    let colleague = Browser::open(DESKTOP).await;
    colleague.visit(&site, "/login").await;
    colleague.fill("#name", "lin").await;
    colleague.fill("#password", "not-the-password").await;
    colleague.press("main button[type=submit]").await;
    colleague.find("main [role=alert]").await;
    colleague.step("admin-05-wrong-password").await;
    colleague.fill("#password", &password).await;
    colleague.press("main button[type=submit]").await;
    colleague.sees("设置新密码").await;
    colleague.step("admin-06-password-of-their-own").await;
    colleague.fill("#password", "清河 边上 有 一座 桥 2026").await;
    colleague.fill("#repeated", "清河 边上 有 一座 桥 2026").await;
    colleague.press_named("保存并继续").await;
    colleague.sees("工作台").await;
    colleague.visit(&site, "/staff/account").await;
    colleague.sees("林小满").await;
    colleague.step("admin-07-own-account").await;

    browser.press_named("查看账号").await;
    browser.sees("退出全部登录").await;
    browser.step("admin-08-user").await;
    browser.press_named("停用账号").await;
    browser.sees("账号已停用").await;
    browser.step("admin-09-locked").await;
    colleague.visit(&site, "/staff").await;
    colleague.sees("工作人员登录").await;
    colleague.step("admin-10-colleague-is-out").await;
    colleague.close().await;
    browser.press_named("恢复账号").await;
    browser.sees("账号已恢复").await;

    browser.visit(&site, "/staff/users").await;
    browser.fill("#q", "没有这个人").await;
    browser.press_named("查找").await;
    browser.sees("没有符合条件的账号").await;
    browser.step("admin-11-nobody-found").await;
    browser.press_named("审计日志").await;
    browser.fill("#who", "lin").await;
    browser.press_named("查找").await;
    browser.step("admin-12-audit-of-one-person").await;
    browser.press_named("核验完整性").await;
    browser.sees("完整：").await;
    browser.step("admin-13-audit-holds").await;
    browser.visit(&site, "/staff/deliveries").await;
    browser.step("admin-14-deliveries").await;
    browser.press_named("我的账号").await;
    browser.fill("#current", site.password("admin")).await;
    browser.fill("#password", "云渡区 的 渡口 早上 七点 开").await;
    browser.fill("#repeated", "云渡区 的 渡口 早上 八点 开").await;
    browser.press_named("更换密码").await;
    browser.sees("不一致").await;
    browser.step("admin-15-passwords-differ").await;
    browser.close().await;
}
