//! What the pages of uploaded files say before something is lost or made up.

use serde_json::json;
use zhitong::opinions::offline::batches::{self, BatchState, RowState, Which};
use zhitong::opinions::offline::columns::Field;

use super::support::{Point, counted, xlsx};

#[tokio::test]
async fn what_is_left_of_a_file_is_said_before_the_task_is_submitted() {
    let point = Point::start().await;
    let table = "条款,修改建议,日期\n第四条,时间太短,2026-03-05\n第九百条,写明费用,2026-03-05\n第八百条,写明地点,2026-03-05\n";
    let batch = point.upload("三行.csv", table.into()).await;
    assert_eq!(counted(&batch), [1, 0, 2, 1]);
    let batch = point.commit(&batch, Which::Ready).await;
    let wrong = point.rows(batch.id, Some(RowState::Problem)).await.remove(0);
    let cells = ["第三条", "写明费用", "2026-03-05"].map(str::to_owned).to_vec();
    let corrected = batches::correct_row(&point.uploads(), &point.caller, batch.id, wrong.ordinal, cells, None).await.unwrap();
    assert_eq!(corrected.state, RowState::Ready);
    let task = format!("/point/tasks/{}", point.assignment);
    let page = point.app.page(&format!("{task}/submit"), &point.token).await;
    assert!(page.contains("三行.csv 还有 2 行没有导入") && !page.contains("份上传的文件还没有导入"), "{page}");
    let page = point.app.page(&task, &point.token).await;
    assert!(page.contains("1 条（代录 0，上传 1）"), "{page}");
    let path = format!("/own-point/assignments/{}", point.assignment);
    let own = point.app.get(&path, Some(&point.token)).await.expect(200);
    assert_eq!((&own["open_uploads"], &own["left_out"]), (&json!(0), &json!([{"name": "三行.csv", "rows": 2}])));
    let other = batches::list_left_out(&point.app.app.db, &point.other, point.assignment).await.unwrap();
    assert!(other.is_empty(), "{other:?}");
    // Nothing is left once the corrected row is committed and the other one is left out.
    let again = point.commit(&point.batch(batch.id).await, Which::Ready).await;
    let wrong = point.rows(again.id, Some(RowState::Problem)).await.remove(0);
    batches::skip_row(&point.uploads(), &point.caller, again.id, wrong.ordinal, "没有这一条").await.unwrap();
    let page = point.app.page(&format!("{task}/submit"), &point.token).await;
    assert!(!page.contains("没有导入"), "{page}");
    point.app.abandon().await;
}

#[tokio::test]
async fn a_day_that_nobody_wrote_is_told_before_the_import() {
    let point = Point::start().await;
    let rows: &[&[&str]] = &[&["条款", "群众原话", "哪天"], &["第四条", "时间太短", "2026-03-05"], &["第三条", "写明费用", "2026-03-06"]];
    let batch = point.upload("哪天.xlsx", xlsx(rows)).await;
    assert_eq!(counted(&batch), [2, 0, 0, 1], "colloquial headings are known");
    let url = format!("/point/uploads/{}", batch.id);
    const FOLD: &str = "<details class=\"card\" open><summary>整批的设定";
    let page = point.app.page(&url, &point.token).await;
    assert!(!page.contains("没有收集日期") && !page.contains(FOLD), "{page}");
    let fields = vec![Field::Place, Field::Body, Field::Ignored];
    let worker = batches::map_columns(&point.uploads(), &point.caller, batch.id, batch.revision, 0, Some(fields)).await.unwrap();
    let batch = point.work(batch.id, worker).await;
    let day = batch.defaults.collected_on.unwrap().format("%Y年%-m月%-d日");
    let page = point.app.page(&url, &point.token).await;
    assert!(page.contains(&format!("2 行没有收集日期，将登记为{day}。")) && page.contains(FOLD), "{page}");
    point.app.abandon().await;
}

#[tokio::test]
async fn columns_are_mapped_above_the_rows_with_samples() {
    let point = Point::start().await;
    let rows: &[&[&str]] = &[&["甲栏", "乙栏"], &["A0001", "伞太少，雨天借不到"], &["A0002", "收费不清"], &["A0003", "三"]];
    let batch = point.upload("留言.xlsx", xlsx(rows)).await;
    assert_eq!(batch.state, BatchState::Mapping);
    let url = format!("/point/uploads/{}", batch.id);
    let page = point.app.page(&url, &point.token).await;
    assert!(page.contains("例如：A0001；A0002</p>"), "{page}");
    assert!(page.find("按此对应并重新检查").unwrap() < page.find("id=\"rows\"").unwrap(), "the form stands first");
    assert!(page.contains("<td>伞太少，雨天借不到</td>"), "the opinion is shown, not its number: {page}");
    let fields = vec![Field::Number, Field::Body];
    let worker = batches::map_columns(&point.uploads(), &point.caller, batch.id, batch.revision, 0, Some(fields)).await.unwrap();
    point.work(batch.id, worker).await;
    let page = point.app.page(&url, &point.token).await;
    assert!(page.find("按此对应并重新检查").unwrap() > page.find("id=\"rows\"").unwrap());
    let chosen = page.split_once("aria-label=\"显示哪些行\"").unwrap().1;
    assert!(chosen.starts_with("><ul class=\"chips\">") && chosen.contains("aria-current=\"page\">全部"), "{page}");
    point.app.abandon().await;
}

#[tokio::test]
async fn a_row_without_words_shows_none() {
    let point = Point::start().await;
    let rows: &[&[&str]] = &[&["序号", "条款", "修改建议", "提出人"], &["7001", "第四条", "", "甲"], &["7002", "第四条", "短", "乙"]];
    let batch = point.upload("空.xlsx", xlsx(rows)).await;
    assert_eq!(counted(&batch), [1, 0, 1, 1]);
    let page = point.app.page(&format!("/point/uploads/{}", batch.id), &point.token).await;
    assert!(page.contains("<td>短</td>") && !page.contains("<td>7001</td>"), "{page}");
    point.app.abandon().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_given_up() {
    let point = Point::start().await;
    let batch = point.upload("空.xlsx", xlsx(&[])).await;
    assert_eq!(batch.state, BatchState::Failed, "{:?}", batch.counts);
    let page = point.app.page(&format!("/point/uploads/{}", batch.id), &point.token).await;
    assert!(page.contains("放弃这一批"), "{page}");
    let given_up = batches::discard(&point.uploads(), &point.caller, batch.id, batch.revision).await.unwrap();
    assert_eq!(given_up.state, BatchState::Discarded);
    point.app.abandon().await;
}
