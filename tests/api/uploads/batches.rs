//! Batches from the upload to the commit and back.

use zhitong::contact_points::assignments::Step;
use zhitong::contact_points::assignments::moving::{NewStep, take_own_step};
use zhitong::error::Code;
use zhitong::opinions::offline::batches::{self, BatchState, RowState, Which};
use zhitong::opinions::sealing;

use super::support::{Point, counted, xlsx};

const ROWS: &[&[&str]] = &[
    &["意见征集汇总表"],
    &["序号", "条款", "修改建议", "理由", "提出人", "电话", "日期", "是否同意公开"],
    &["1", "第四条", "延长到四十八小时", "来不及", "甲", "1", "3月5日", "是"],
    &["2", "第九条", "改", "", "乙", "", "3月5日", ""],
    &["3", "全文", "很好", "", "丙", "", "去年", "是"],
    &["4", "第三条（二）", "雨季写明月份", "", "丁", "", "2026-03-06", "否"],
    &["5", "第四条", "延长到四十八小时", "来不及", "甲", "1", "3月5日", "是"],
    &["6", "", "", "", "", "", "", ""],
    &["填表人：戊"],
];

#[tokio::test]
async fn a_file_is_tried_corrected_committed_and_undone() {
    let point = Point::start().await;
    let at = point.uploads();
    let file = xlsx(ROWS);
    let batch = point.upload("意见汇总.xlsx", file.clone()).await;
    assert_eq!((batch.state, counted(&batch), batch.counts.all()), (BatchState::Checked, [2, 1, 2, 4], 9), "{:?}", batch.failure);
    let problems = point.rows(batch.id, Some(RowState::Problem)).await;
    let told: Vec<(i64, &str)> = problems.iter().map(|row| (row.number, row.problems[0].sentence.as_str())).collect();
    assert!(told[0].0 == 4 && told[0].1.contains("没有“第九条”（全文共 5 条）"), "{told:?}");
    assert!(told[1].0 == 5 && told[1].1.contains("日期无法识别"), "{told:?}");
    assert_eq!(problems[0].problems[0].column, Some(1));
    let repeated = &point.rows(batch.id, Some(RowState::Duplicate)).await[0];
    assert!(repeated.number == 7 && repeated.problems[0].sentence.contains("第 3 行"), "{repeated:?}");
    assert_eq!(point.opinions().await, 0, "a dry run creates nothing");

    let refused = batches::commit(&at, &point.caller, batch.id, batch.revision, Which::All).await.unwrap_err();
    assert!(refused.code == Code::Conflict && refused.detail.contains("2 行需要更正"), "{refused:?}");
    let mut cells = problems[0].cells.clone();
    cells[1] = "第五条".into();
    assert_eq!(
        batches::correct_row(&at, &point.caller, batch.id, problems[0].ordinal, cells, Some(0)).await.unwrap().state,
        RowState::Ready
    );
    assert_eq!(batches::skip_row(&at, &point.caller, batch.id, problems[1].ordinal, "").await.unwrap_err().code, Code::Invalid);
    let skipped = batches::skip_row(&at, &point.caller, batch.id, problems[1].ordinal, "不在期间内").await.unwrap();
    assert_eq!(skipped.state, RowState::Skipped);
    assert_eq!(
        batches::commit(&at, &point.caller, batch.id, batch.revision, Which::All).await.unwrap_err().code,
        Code::Conflict,
        "it changed since"
    );
    let batch = point.batch(batch.id).await;
    let batch = point.commit(&batch, Which::All).await;
    assert_eq!((batch.state, batch.counts.of(RowState::Committed), batch.counts.all()), (BatchState::Committed, 3, 9), "{}", batch.failure);
    assert_eq!(point.opinions().await, 3);

    // The same file, and the same rows in another file.
    let again = batches::upload(&at, &point.caller, point.assignment, "副本.xlsx", file.clone()).await.unwrap();
    assert!(again.batch == batch.id && again.worker.is_none() && again.notice.contains("上传"), "{again:?}");
    let other = point.upload("另一份.xlsx", xlsx(&[ROWS[1], ROWS[2], ROWS[5], &["9", "第一条", "新的", "", "己", "", "3月7日", ""]])).await;
    assert_eq!(counted(&other), [1, 2, 0, 1]);
    let known = &point.rows(other.id, Some(RowState::Duplicate)).await[0];
    assert!(known.problems[0].sentence.contains("“意见汇总.xlsx”第 3 行"), "{known:?}");

    // Another point knows nothing of it.
    for found in [
        batches::get_batch(&at.db, &point.other, batch.id).await.map(drop),
        batches::get_row(&at, &point.other, batch.id, 2).await.map(drop),
        batches::undo(&at, &point.other, batch.id, batch.revision, "x").await.map(drop),
        batches::discard(&at, &point.other, batch.id, batch.revision).await.map(drop),
        batches::resume(&at, &point.other, batch.id).await.map(drop),
        batches::commit(&at, &point.other, batch.id, batch.revision, Which::Ready).await.map(drop),
        batches::return_file(&at, &point.other, batch.id, false).await.map(drop),
        batches::get_original(&at, &point.other, batch.id).await.map(drop),
        batches::list_batches(&at.db, &point.other, point.assignment, None, 10).await.map(drop),
    ] {
        assert_eq!(found.unwrap_err().code, Code::NotFound);
    }

    assert_eq!(sealing::seal_some(&at.db, &point.app.clock, 100).await.unwrap(), 3);
    let undone = batches::undo(&at, &point.caller, batch.id, batch.revision, "传错了文件").await.unwrap();
    assert_eq!((undone.state, undone.counts.of(RowState::Undone), undone.counts.all()), (BatchState::Undone, 3, 9));
    assert_eq!(point.opinions().await, 0);
    let sealed = sealing::verify(&at.db).await.unwrap();
    assert_eq!((sealed.receipts, sealed.different), (3, 0), "what is undone was received all the same");
    assert_eq!(counted(&point.batch(other.id).await), [3, 0, 0, 1], "what only repeated it stands by itself now");
    let once_more = point.upload("意见汇总.xlsx", file).await;
    assert_eq!(counted(&once_more), [2, 1, 2, 4], "it may be uploaded again");
    assert_eq!(point.commit(&once_more, Which::Ready).await.counts.of(RowState::Committed), 2);
    assert_eq!(point.opinions().await, 2);
    point.app.finish().await;
}

#[tokio::test]
async fn a_word_for_anybody_is_no_name() {
    let point = Point::start().await;
    let rows: &[&[&str]] = &[
        &["条款", "修改建议", "提出人", "日期"],
        &["第四条", "时间太短", "居民", "2026-03-05"],
        &["第四条", "时间太短", "（居民）", "2026-03-05"],
        &["第四条", "时间太短", "匿名", "2026-03-05"],
        &["第四条", "时间太短", "居某", "2026-03-05"],
    ];
    let batch = point.upload("居民.xlsx", xlsx(rows)).await;
    assert_eq!(counted(&batch), [4, 0, 0, 1], "three forms without a name, and somebody");
    point.app.abandon().await;
}

#[tokio::test]
async fn nobody_corrects_what_a_colleague_corrected_unseen() {
    let point = Point::start().await;
    let at = point.uploads();
    let batch = point.upload("一行.csv", "条款,修改建议,日期\n第九百条,时间太短,2026-03-05\n".into()).await;
    let row = point.rows(batch.id, Some(RowState::Problem)).await.remove(0);
    let cells = |place: &str| [place, "时间太短", "2026-03-05"].map(str::to_owned).to_vec();
    let corrected = batches::correct_row(&at, &point.caller, batch.id, row.ordinal, cells("第四条"), Some(row.seen)).await.unwrap();
    let error = batches::correct_row(&at, &point.caller, batch.id, row.ordinal, cells("第三条"), Some(row.seen)).await.unwrap_err();
    assert!(error.code == Code::Conflict && error.detail.contains("其他同事"), "{error:?}");
    point.app.clock.advance(chrono::Duration::seconds(1));
    batches::correct_row(&at, &point.caller, batch.id, row.ordinal, cells("第三条"), Some(corrected.seen)).await.unwrap();
    point.app.abandon().await;
}

#[tokio::test]
async fn a_task_is_not_submitted_in_the_middle_of_a_commit() {
    let point = Point::start().await;
    let at = point.uploads();
    let batch = point.upload("一行.csv", "条款,修改建议,日期\n第四条,时间太短,2026-03-05\n".into()).await;
    let page = point.app.page(&format!("/point/tasks/{}/submit", point.assignment), &point.token).await;
    assert!(page.contains("1 份上传的文件还没有导入"), "{page}");
    let worker = batches::commit(&at, &point.caller, batch.id, batch.revision, Which::All).await.unwrap();
    let submit = || async {
        let app = &point.app.app;
        let step = NewStep { step: Step::Submit, reason: "没有不同意见", revision: None };
        take_own_step(&app.db, &app.clock, &app.ids, &point.caller, point.assignment, step).await
    };
    let error = submit().await.unwrap_err();
    assert!(error.code == Code::Conflict && error.detail.contains("正在导入"), "{error:?}");
    point.work(batch.id, worker).await;
    submit().await.unwrap();
    point.app.abandon().await;
}

#[tokio::test]
async fn forms_without_a_name_count_each_and_once() {
    let point = Point::start().await;
    let row = |person: &'static str| ["第四条", "时间太短", person, "2026-03-05"];
    let rows = [["条款", "修改建议", "提出人", "日期"], row(""), row("王某"), row(""), row("王某"), row("")];
    let sheet: Vec<&[&str]> = rows.iter().map(<[&str; 4]>::as_slice).collect();
    let before = point.opinions().await;
    let batch = point.upload("四十张.xlsx", xlsx(&sheet)).await;
    assert_eq!(counted(&batch), [4, 1, 0, 1], "three forms without a name, one person twice");
    let warned = point.rows(batch.id, Some(RowState::Ready)).await;
    assert!(warned[2].problems[0].sentence.contains("都没有署名"), "{:?}", warned[2].problems);
    let done = point.commit(&batch, Which::All).await;
    assert_eq!((done.counts.of(RowState::Committed), point.opinions().await - before), (4, 4));

    // The same forms in another file.
    let words: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    let again = point.upload("再来.csv", words.into_bytes()).await;
    assert_eq!(counted(&again), [0, 5, 0, 1]);
    // A fourth form is one more, and correcting another into the same words is one more again.
    let more = point.upload("又一张.csv", "条款,修改建议,提出人,日期\n第四条,时间太短,,2026-03-05\n第四条,时间太短,,2026-03-05\n第四条,时间太短,,2026-03-05\n第四条,时间太短,,2026-03-05\n第九百条,时间太短,,2026-03-05\n".into()).await;
    assert_eq!(counted(&more), [1, 3, 1, 1]);
    let wrong = point.rows(more.id, Some(RowState::Problem)).await.remove(0);
    let cells = ["第四条", "时间太短", "", "2026-03-05"].map(str::to_owned).to_vec();
    batches::correct_row(&point.uploads(), &point.caller, more.id, wrong.ordinal, cells, None).await.unwrap();
    assert_eq!(counted(&point.batch(more.id).await), [2, 3, 0, 1]);
    point.app.abandon().await;
}
