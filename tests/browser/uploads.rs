//! A table of opinions from paper: tried, two rows corrected, committed, and taken back.

use crate::support::{Browser, DESKTOP, Site, is_ready, text};
use poem::http::Method;

const TABLE: &str = "序号,条款,修改建议,提出人,日期\n1,第三条,写明开放时间,甲,3月2日\n2,第九十九条,加装扶手,乙,3月2日\n3,第一条,再简短些,丙,上周\n填表人：丁\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_tried_corrected_committed_and_undone() {
    if !is_ready("a_table_is_tried_corrected_committed_and_undone") {
        return;
    }
    let site = Site::start().await;
    let drafts = site.api(Method::GET, "/drafts", None, None).await;
    let open = drafts["items"].as_array().unwrap().iter().find(|d| text(d, "title").contains("公共厕所")).unwrap();
    let assignment = site.collecting(&text(open, "id")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("意见汇总表.csv");
    std::fs::write(&file, TABLE).unwrap();
    let browser = Browser::open(DESKTOP).await;
    browser.sign_in_staff(&site, "point").await;
    browser.visit(&site, &format!("/point/tasks/{assignment}")).await;
    browser.press_named("上传意见表格").await;
    browser.sees("还没有上传过文件").await;
    browser.step("upload-01-empty").await;
    browser.find("#file").await.send_keys(file.to_str().unwrap()).await.unwrap();
    browser.press_named("上传并试导入").await;
    browser.sees("读入 5 行 = 可以导入 1 + 需要更正 2 + 非意见行 2").await;
    browser.sees("没有“第九十九条”").await;
    browser.step("upload-02-dry-run").await;
    let batch = browser.path().await;

    browser.visit(&site, &format!("{batch}/rows/2")).await;
    browser.step("upload-03-row").await;
    browser.fill("#cell-1", "第三条").await;
    browser.press_named("保存更正").await;
    browser.sees("这一行可以导入了").await;
    browser.press_named("下一个需要更正的行").await;
    browser.fill("#cell-4", "2026-03-02").await;
    browser.press_named("保存更正").await;
    browser.sees("这一行可以导入了").await;
    browser.step("upload-04-corrected").await;

    browser.visit(&site, &batch).await;
    browser.press_named("导入 3 行").await;
    browser.sees("读入 5 行 = 非意见行 2 + 已导入 3").await;
    browser.step("upload-05-committed").await;
    browser.press_named("撤销这一批").await;
    browser.fill("#reason", "传错了文件").await;
    browser.step("upload-06-undoing").await;
    browser.press_named("撤销整批").await;
    browser.sees("已撤销：").await;
    browser.step("upload-07-undone").await;
    let wrong = browser.finish().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
