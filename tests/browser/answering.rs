//! The desk: a text becomes a draft, a draft a round, opinions become answers, and an answer comes back to its author.

use poem::http::Method;
use serde_json::json;
use totp_rs::{Builder, Secret};

use crate::support::{Browser, DESKTOP, PHONE, Site, is_ready, text};

/// A text as somebody pastes it.
const PASTED: &str = "清河市共享雨伞管理办法\n第一条 为了规范共享雨伞的投放，方便市民出行，制定本办法。\n第二条 在本市投放共享雨伞，适用本办法。\n第三条 经营者应当遵守下列规定：\n（一）伞具干净、完好；\n（二）在雨季增加投放数量；\n（三）公布收费标准。\n第四条 使用者应当在二十四小时内归还。\n逾期不归还的，经营者可以按照公布的标准收费。\n第五条 本办法自2026年6月1日起施行。\n";

const CAMPAIGN: &str = "雨伞的归还时间应当延长到四十八小时，因为出差的人往往隔天才能回到借伞的地方，二十四小时太紧张了。";

/// The code that a telephone shows now.
fn code(site: &Site, secret: &str) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(u64::try_from(site.clock.now().timestamp()).unwrap()).to_string()
}

/// Sets up the second step on the page, and keeps the secret.
async fn enrol(browser: &Browser, site: &Site) -> String {
    browser.visit(site, "/staff/account").await;
    browser.step("desk-01-own-account").await;
    browser.press_named("启用两步验证").await;
    browser.step("desk-02-second-step").await;
    let secret: String = browser.read("code.secret").await.split_whitespace().collect();
    browser.fill("#code", &code(site, &secret)).await;
    browser.press_named("启用").await;
    browser.sees("恢复码").await;
    browser.step("desk-03-recovery-codes").await;
    browser.press_named("已经保存好").await;
    secret
}

/// Password, then the code of the telephone.
async fn sign_in_twice(browser: &Browser, site: &Site, name: &str, secret: &str) {
    site.clock.advance(chrono::Duration::seconds(60));
    browser.visit(site, "/login").await;
    browser.fill("input[name=name]", name).await;
    browser.fill("input[name=password]", site.password(name)).await;
    browser.press("main button[type=submit]").await;
    browser.sees("两步验证").await;
    browser.step("desk-04-login-code").await;
    browser.fill("#code", &code(site, secret)).await;
    browser.press_named("继续").await;
    browser.sees("工作台").await;
}

/// Opens the form of the line that holds some words.
async fn open_line(browser: &Browser, words: &str) {
    let mark = "document.querySelectorAll('[data-line]').forEach(e => e.removeAttribute('data-line'));
        const row = [...document.querySelectorAll('.row')].find(r => r.textContent.includes(arguments[0]));
        const link = row && row.querySelector('a.change');
        if (link) link.setAttribute('data-line', '');
        return Boolean(link)";
    // The lines may just be put anew.
    while browser.client.execute(mark, vec![json!(words)]).await.unwrap() != true {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    browser.press("[data-line]").await;
    browser.find("#line-text").await;
}

/// Makes the draft, reads the text in, puts it right; its path for staff.
async fn draft(browser: &Browser, site: &Site) -> String {
    browser.visit(site, "/staff").await;
    browser.step("desk-05-desk").await;
    browser.press_named("管理草案").await;
    browser.step("desk-06-drafts").await;
    browser.press_named("新建草案").await;
    browser.fill("#title", "清河市共享雨伞管理办法").await;
    browser.choose("input[name=kind][value=government_rule]").await;
    browser.fill("#unit", "清河市城市管理局").await;
    browser.step("desk-07-new-draft").await;
    browser.press_named("新建").await;
    browser.find("#text").await;
    browser.step("desk-08-draft-without-text").await;
    let path = browser.path().await;
    browser.fill("#text", PASTED).await;
    browser.press_named("录入").await;
    browser.find("#desk").await;
    browser.step("desk-09-correcting").await;
    // Two lines are joined and split again, one becomes something else by mistake, and that is undone.
    open_line(browser, "逾期不归还的").await;
    browser.step("desk-10-line").await;
    browser.press_named("并入上一行").await;
    browser.sees("已并入").await;
    browser.step("desk-11-joined").await;
    open_line(browser, "逾期不归还的").await;
    let words = browser.find("#line-text").await.prop("value").await.unwrap().unwrap();
    let split = words.replace("归还。逾期", "归还。\n逾期");
    assert_ne!(split, words);
    browser.client.execute("document.getElementById('line-text').value = arguments[0]", vec![json!(split)]).await.unwrap();
    browser.press_named("保存").await;
    browser.sees("已拆分").await;
    open_line(browser, "逾期不归还的").await;
    browser.choose("#line-kind option[value=chapter]").await;
    browser.press_named("保存").await;
    browser.find(".editing .wrong").await;
    browser.step("desk-12-no-such-chapter").await;
    browser.press_named("取消").await;
    open_line(browser, "逾期不归还的").await;
    browser.choose("#line-kind option[value=heading]").await;
    browser.press_named("保存").await;
    browser.sees("行已保存").await;
    browser.press("[data-undo]").await;
    browser.sees("已撤销").await;
    browser.press_named("改动记录").await;
    browser.step("desk-13-corrected").await;
    path
}

/// Explanation and an enclosure.
async fn papers(browser: &Browser, site: &Site, path: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("投放点位测算表.pdf");
    std::fs::write(&file, b"%PDF-1.7\n%\n").unwrap();
    browser.visit(site, path).await;
    browser.press("a[href$='/papers']").await;
    browser.fill("#explanation", "一、制定的必要性\n共享雨伞乱停放，收费不公开。\n二、主要措施\n明确投放、收费和归还的要求。").await;
    browser.press_named("保存说明").await;
    browser.sees("已保存").await;
    browser.find("#attachment").await.send_keys(file.to_str().unwrap()).await.unwrap();
    browser.press_named("上传").await;
    browser.sees("投放点位测算表.pdf").await;
    browser.step("desk-14-papers").await;
    browser.visit(site, path).await;
    browser.step("desk-15-ready").await;
}

/// Publishes a round from its form.
async fn publish_round(browser: &Browser, site: &Site, path: &str) {
    browser.visit(site, &format!("{path}/rounds")).await;
    browser.step("desk-16-no-round-yet").await;
    browser.press_named("发布新一轮征求意见").await;
    let notice = browser.find("#notice").await.prop("value").await.unwrap().unwrap();
    let own = notice.replace("【请填写来信地址、电话和电子邮箱】", "来信请寄清河市司法局立法科。");
    assert_ne!(own, notice, "the notice asks for an address: {notice}");
    browser.client.execute("document.getElementById('notice').value = arguments[0]", vec![json!(own)]).await.unwrap();
    browser.choose("input[name=shows_opinions]").await;
    browser.choose("#kind-1 option[value=single]").await;
    browser.fill("#wording-1", "二十四小时的归还时间是否合适？").await;
    browser.fill("#options-1", "合适\n太短\n太长").await;
    browser.step("desk-17-round").await;
    browser.press("button[value=publish]").await;
    browser.sees("第 1 轮").await;
    browser.step("desk-18-round-is-open").await;
}

/// What citizens say; the id of the opinion that carries a file and another wording.
async fn citizens_speak(site: &Site, draft: &str) {
    let longer = format!("{CAMPAIGN}谢谢！");
    let edited = CAMPAIGN.replace("出差", "外出");
    for (n, body) in [CAMPAIGN, CAMPAIGN, &longer, &edited].into_iter().enumerate() {
        let citizen = site.citizen(&format!("campaign{n}")).await;
        site.speak(draft, &citizen, json!({"address": "art-4", "stance": "amend", "body": body, "is_public": true})).await;
    }
    let alone = site.citizen("alone").await;
    site.speak(draft, &alone, json!({"address": "art-4", "stance": "amend", "body": "一天之内还不了，请放宽到两天。", "is_public": true}))
        .await;
    let author = site.citizen("author").await;
    let wording = json!({"address": "art-1", "stance": "amend", "body": "应当写明安全。", "reason": "伞骨断了会伤人。", "is_public": true,
        "proposed_text": "为了规范共享雨伞的投放，保障安全，方便市民出行，制定本办法。"});
    site.speak(draft, &author, wording).await;
    for (name, body) in [("caller", "收费太贵，请打13800000000告诉我标准。"), ("rude", "加我微信，低价转让雨伞，电话13800000000。")]
    {
        let citizen = site.citizen(name).await;
        site.speak(draft, &citizen, json!({"address": "art-3", "stance": "question", "body": body, "is_public": true})).await;
    }
    site.settle().await;
}

/// Shows one opinion that waits and hides another.
async fn moderate(browser: &Browser, site: &Site) {
    browser.visit(site, "/staff/moderation").await;
    browser.sees("收费太贵").await;
    browser.step("desk-19-moderation").await;
    browser.press(".cards li:first-child form[action$='/show'] button").await;
    browser.find(".done").await;
    browser.step("desk-20-shown").await;
    browser.press(".cards li:first-child details.hide summary").await;
    browser.choose(".cards li:first-child input[name=category][value=advertising]").await;
    browser.step("desk-21-hiding").await;
    browser.press_named("确认不予展示").await;
    browser.find(".done").await;
    browser.step("desk-22-hidden").await;
}

/// Answers everything on the side-by-side page.
async fn answer(browser: &Browser, site: &Site, path: &str) {
    browser.visit(site, &format!("{path}/opinions")).await;
    browser.step("desk-23-work-list").await;
    browser.press_named("查找同类意见").await;
    browser.sees("发现 1 组同类意见").await;
    browser.step("desk-24-groups-found").await;
    browser.visit(site, &format!("{path}/answering?at=art-4")).await;
    browser.sees("确认是同类").await;
    browser.step("desk-25-side-by-side").await;
    browser.press_named("确认是同类").await;
    browser.sees("已确认").await;
    // What no comparison would find together, a person puts together.
    browser.visit(site, &format!("{path}/opinions?text=%E4%B8%80%E5%A4%A9%E4%B9%8B%E5%86%85")).await;
    browser.choose(".work-line:only-child input[name=id]").await;
    browser.choose("#b-into option:nth-child(2)").await;
    browser.press_named("归入这一组").await;
    browser.sees("已把 1 条意见归入").await;
    browser.step("desk-26-joined-a-group").await;
    browser.visit(site, &format!("{path}/answering?at=art-4")).await;
    browser.choose(".unit input[name=kind][value=adopted]").await;
    browser.fill(".unit textarea[name=reason]", "归还时间延长到四十八小时，在下一稿中修改。").await;
    browser.press_named("保存，用于整组").await;
    browser.sees("待审核").await;
    browser.step("desk-27-group-is-answered").await;
    browser.visit(site, &format!("{path}/answering?at=art-1")).await;
    browser.choose(".unit input[name=kind][value=partly_adopted]").await;
    browser.fill(".unit textarea[name=reason]", "安全要求写入第三条，第一条不再重复。").await;
    browser.step("desk-28-answer-to-a-wording").await;
    browser.press("button[value=answer]").await;
    browser.sees("待审核").await;
    for _ in 0..2 {
        browser.visit(site, &format!("{path}/answering?at=art-3")).await;
        browser.choose("details[open] input[name=kind][value=already_provided]").await;
        browser.fill("details[open] textarea[name=reason]", "第三条第三项已经要求公布收费标准。").await;
        browser.press("details.answering[open] button[value=answer]").await;
    }
    browser.visit(site, &format!("{path}/answering?at=art-3")).await;
    browser.step("desk-29-article-is-done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_becomes_a_round_and_opinions_become_answers() {
    if !is_ready("a_text_becomes_a_round_and_opinions_become_answers") {
        return;
    }
    let site = Site::start().await;
    let browser = Browser::open(DESKTOP).await;
    browser.sign_in_staff(&site, "handler").await;
    let secret = enrol(&browser, &site).await;
    browser.visit(&site, "/staff").await;
    browser.press_named("退出登录").await;
    sign_in_twice(&browser, &site, "handler", &secret).await;

    let path = draft(&browser, &site).await;
    papers(&browser, &site, &path).await;
    publish_round(&browser, &site, &path).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    citizens_speak(&site, &id).await;
    moderate(&browser, &site).await;
    answer(&browser, &site, &path).await;

    // The round ends by the clock; a second person reviews and publishes.
    site.clock.advance(chrono::Duration::days(31));
    site.settle().await;
    let reviewer = Browser::open(DESKTOP).await;
    reviewer.sign_in_staff(&site, "reviewer").await;
    reviewer.visit(&site, "/staff").await;
    reviewer.step("desk-30-desk-of-the-reviewer").await;
    reviewer.visit(&site, &format!("{path}/answering?at=art-1")).await;
    reviewer.step("desk-31-reviewing").await;
    reviewer.press_named("审核通过").await;
    reviewer.sees("待公布").await;
    reviewer.visit(&site, &format!("{path}/feedback")).await;
    reviewer.step("desk-32-batch").await;
    reviewer.press_named("全部审核通过").await;
    reviewer.sees("已审核通过").await;
    reviewer.step("desk-33-everything-is-reviewed").await;
    reviewer.fill("#summary", "感谢大家的参与。意见集中在归还时间，已经采纳。").await;
    reviewer.press_named("一次公布全部采纳情况").await;
    reviewer.sees("已公布").await;
    reviewer.step("desk-34-published").await;
    reviewer.close().await;
    site.settle().await;

    // Everybody reads the answer; the author is told.
    let citizen = Browser::open(PHONE).await;
    citizen.visit(&site, &format!("/drafts/{id}")).await;
    citizen.press("#art-4 summary").await;
    citizen.sees("归还时间延长到四十八小时").await;
    citizen.step("desk-35-answers-in-public").await;
    let author = site.citizen("author").await;
    citizen.enter(&site, &author).await;
    citizen.visit(&site, "/me/messages").await;
    citizen.step("desk-36-author-is-told").await;
    citizen.press(".messages a").await;
    citizen.sees("安全要求写入第三条").await;
    citizen.step("desk-37-answer-to-the-author").await;
    citizen.visit(&site, &format!("/drafts/{id}/opinions")).await;
    citizen.sees("不予展示，原因：广告").await;
    citizen.step("desk-38-opinions-of-others").await;
    // Whose words are not shown is told why, and may object once.
    let hidden = site.citizen("rude").await;
    citizen.enter(&site, &hidden).await;
    let own = site.api(Method::GET, "/account/opinions", Some(&hidden), None).await;
    let opinion = text(&own["items"][0], "id");
    citizen.visit(&site, &format!("/me/opinions/{opinion}/appeal")).await;
    citizen.step("desk-39-why-it-is-hidden").await;
    citizen.fill("#text", "这不是广告，我是想知道转让要不要登记。").await;
    citizen.press_named("提交申诉").await;
    citizen.sees("申诉已收到").await;
    citizen.step("desk-40-appeal").await;
    citizen.close().await;
    browser.close().await;
}
