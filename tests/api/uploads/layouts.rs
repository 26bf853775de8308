//! Tables as offices and communities really lay them out. In each, what came in equals what can be committed, repeats, has problems, or is no opinion.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use zhitong::contact_points::assignments;
use zhitong::ids::DraftVersionId;
use zhitong::opinions::offline::batches::{self, Batch, BatchState, RowState, Which};
use zhitong::opinions::offline::columns::Field;

use super::support::{Point, counted, march, xlsx};

/// A table of a Word document; `>` before the words of a cell: it spans two columns, `^`: it goes on from above, `v`: it begins a cell that goes down.
fn docx(before: &str, rows: &[&[&str]]) -> Vec<u8> {
    let cell = |words: &&str| {
        let (properties, words) = match (words.strip_prefix('>'), words.strip_prefix('^'), words.strip_prefix('v')) {
            (Some(words), ..) => (r#"<w:gridSpan w:val="2"/>"#, words),
            (_, Some(words), _) => ("<w:vMerge/>", words),
            (_, _, Some(words)) => (r#"<w:vMerge w:val="restart"/>"#, words),
            _ => ("", *words),
        };
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:tc>")
    };
    let rows: String = rows.iter().map(|row| format!("<w:tr>{}</w:tr>", row.iter().map(cell).collect::<String>())).collect();
    let xml =
        format!(r#"<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>{before}</w:t></w:r></w:p><w:tbl>{rows}</w:tbl></w:body></w:document>"#);
    zhitong::documents::archive::pack(&[("word/document.xml".to_owned(), xml.into_bytes())]).unwrap()
}

fn csv(rows: &[&[&str]], mark: &str) -> String {
    rows.iter().map(|row| row.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(mark)).collect::<Vec<_>>().join("\r\n")
}

#[tokio::test]
async fn a_template_of_another_version_says_so() {
    let point = Point::start().await;
    let own = assignments::get_own(&point.app.app.db, &point.caller, point.assignment).await.unwrap();
    let other = DraftVersionId(point.app.app.ids.next());
    for (version, is_told) in [(own.version_id, false), (other, true)] {
        let mark = format!("稿次标记：第1稿 {version}");
        let body = format!("写明开放时间{is_told}");
        let rows: &[&[&str]] = &[&["条款", "修改建议"], &["第三条", &body]];
        let table = format!("{}\r\n\"{mark}\"", csv(rows, ","));
        for (name, bytes) in [("表.csv", table.into_bytes()), ("表.docx", docx(&mark, rows))] {
            let batch = point.upload(name, bytes).await;
            assert_eq!(batch.notices.iter().any(|notice| notice.contains("另一稿")), is_told, "{name}: {:?}", batch.notices);
            assert_eq!(batch.counts.of(RowState::Problem), 0);
        }
    }
    point.app.finish().await;
}

/// Merged cells, two rows of headings, dates as days and as serial numbers.
fn merged() -> Vec<u8> {
    let mut book = Workbook::new();
    let (plain, day) = (Format::new(), Format::new().set_num_format("m月d日"));
    let sheet = book.add_worksheet();
    sheet.merge_range(0, 0, 0, 6, "共享雨伞管理办法征求意见表", &plain).unwrap();
    sheet.merge_range(1, 0, 2, 0, "序号", &plain).unwrap();
    sheet.merge_range(1, 1, 2, 1, "条款", &plain).unwrap();
    sheet.merge_range(1, 2, 1, 3, "意见和建议", &plain).unwrap();
    sheet.merge_range(1, 4, 1, 5, "提出人", &plain).unwrap();
    sheet.merge_range(1, 6, 2, 6, "收集时间", &plain).unwrap();
    sheet.write_row(2, 2, ["具体意见", "理由", "姓名", "电话"]).unwrap();
    sheet.merge_range(3, 1, 4, 1, "第三条第（三）项", &plain).unwrap();
    sheet.write_row(3, 2, ["写明按小时收费", "好算", "甲", "1"]).unwrap();
    sheet.write_row(4, 2, ["写明封顶价", "", "乙", "2"]).unwrap();
    for (row, number) in [(3, 1.0), (4, 2.0)] {
        sheet.write_number(row, 0, number).unwrap();
    }
    sheet.write_datetime_with_format(3, 6, ExcelDateTime::from_ymd(2026, 3, 5).unwrap(), &day).unwrap();
    sheet.write_number(4, 6, 46_087).unwrap();
    sheet.merge_range(5, 0, 5, 6, "备注：以上意见于座谈会收集", &plain).unwrap();
    book.save_to_buffer().unwrap()
}

/// Several sheets: two with opinions, one with notes, one hidden.
fn sheets() -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, place) in [("东街", "第一条"), ("西街", "第二条")] {
        let sheet = book.add_worksheet();
        sheet.set_name(name).unwrap();
        sheet.write_row(0, 0, ["条款", "意见", "提出人"]).unwrap();
        sheet.write_row(1, 0, [place, "写得再短些", "甲"]).unwrap();
    }
    let notes = book.add_worksheet();
    notes.set_name("填写说明").unwrap();
    notes.write_string(0, 0, "一、请逐条填写，不要合并单元格，填好以后发回本单位，谢谢各位的支持与配合。").unwrap();
    let hidden = book.add_worksheet();
    hidden.write_string(0, 0, "字典").unwrap();
    hidden.set_hidden(true);
    book.save_to_buffer().unwrap()
}

#[tokio::test]
async fn tables_of_many_layouts_are_read() {
    let point = Point::start().await;
    let plain: &[&[&str]] = &[
        &["序号", "条款", "原文", "修改建议", "理由", "提出人/单位", "联系方式", "渠道", "日期"],
        &["1", "第四条", "使用者应当在二十四小时内归还。", "改为四十八小时", "宽些", "甲", "1", "走访", "2026-3-5"],
    ];
    let titled: &[&[&str]] = &[
        &["征求意见汇总表"],
        &["填报单位：某社区", "", "日期：3月9日"],
        &["编号", "涉及条款", "意见内容"],
        &["1", "4条", "时间太短"],
        &["2", "通篇", "语言再通俗些"],
        &["合计", "", "2"],
        &["填表人：乙", "", "审核人：丙"],
    ];
    let repeated: &[&[&str]] =
        &[&["条款", "意见"], &["第1条", "目的写全"], &["条款", "意见"], &["第2条", "范围写全"], &["", ""], &["第三条", ""]];
    let divided: &[&[&str]] = &[
        &["条款", "具体意见", "单位"],
        &["一、总体意见", "", ""],
        &["全文", "很有必要", "某协会"],
        &["二、具体条款", "", ""],
        &["第五条", "推迟施行", "某公司"],
    ];
    let wide: &[&[&str]] =
        &[&["章", "条", "款", "意见建议", "态度"], &["", "3", "2", "不要收集任何通讯录", "建议修改"], &["", "5", "", "", "赞成"]];
    let proposals: &[&[&str]] = &[
        &["条文", "建议修改为", "修改理由"],
        &["第四条", "使用者应当在四十八小时内归还。", "宽些"],
        &["标题", "清河市雨伞共享办法", "通顺"],
    ];
    let several: &[&[&str]] = &[&["条款", "意见"], &["第一、二条", "合并"], &["第三条至第五条", "精简"]];
    let english: &[&[&str]] = &[&["No.", "Article", "Comment", "Name", "Tel", "Date"], &["1", "4", "too short", "A", "1", "2026/3/5"]];
    let prefilled: &[&[&str]] = &[
        &["序号", "条款", "原文", "意见", "提出人"],
        &["1", "第一条", "为了规范", "", ""],
        &["2", "第二条", "在本市投放", "改成“全市”", "甲"],
        &["3", "第三条", "经营者", "", ""],
    ];
    let wrong: &[&[&str]] = &[
        &["条款", "意见", "日期"],
        &["第九十条", "改", "3月5日"],
        &["第一条", "改", "2019-03-05"],
        &["第一条", "", "3月5日"],
        &["第二条", "改", "3月5日"],
    ];
    let gb = encoding_rs::GB18030.encode(&csv(titled, ",")).0.into_owned();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(csv(divided, "\t").encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let word: &[&[&str]] = &[
        &[">征求意见表", ""],
        &["条款", "意见", "提出人"],
        &["v第三条", "雨季多放", "甲"],
        &["^", "收费写清", "乙"],
        &["第四条", ">时间放宽"],
    ];
    // Ready, duplicate, problem, no opinion.
    let cases: Vec<(&str, Vec<u8>, [i64; 4])> = vec![
        ("plain.xlsx", xlsx(plain), [1, 0, 0, 1]),
        ("titled.xlsx", xlsx(titled), [2, 0, 0, 5]),
        ("titled-gb.csv", gb, [0, 2, 0, 5]),
        ("merged.xlsx", merged(), [2, 0, 0, 4]),
        ("sheets.xlsx", sheets(), [2, 0, 0, 3]),
        ("repeated.csv", csv(repeated, ";").into_bytes(), [2, 0, 0, 3]),
        ("divided.csv", utf16, [2, 0, 0, 3]),
        ("wide.xlsx", xlsx(wide), [2, 0, 0, 1]),
        ("proposals.xlsx", xlsx(proposals), [2, 0, 0, 1]),
        ("several.xlsx", xlsx(several), [2, 0, 0, 1]),
        ("english.csv", csv(english, ",").into_bytes(), [1, 0, 0, 1]),
        ("prefilled.xlsx", xlsx(prefilled), [1, 0, 0, 3]),
        ("word.docx", docx("说明文字", word), [3, 0, 0, 2]),
        ("wrong.xlsx", xlsx(wrong), [1, 0, 2, 2]),
    ];
    let (mut committed, mut batches_made) = (0, Vec::<Batch>::new());
    for (name, bytes, expected) in cases {
        let batch = point.upload(name, bytes).await;
        let rows = point.rows(batch.id, None).await;
        assert_eq!((batch.state, counted(&batch)), (BatchState::Checked, expected), "{name}: {} {rows:#?}", batch.failure);
        assert_eq!(expected.iter().sum::<i64>(), batch.counts.all(), "{name}: every row is accounted for");
        if expected[0] > 0 {
            let batch = point.commit(&batch, Which::Ready).await;
            assert_eq!(
                (batch.state, batch.counts.of(RowState::Committed)),
                (BatchState::Committed, expected[0]),
                "{name}: {}",
                batch.failure
            );
            committed += expected[0];
            batches_made.push(batch);
        }
        assert_eq!(point.opinions().await, committed, "{name}");
    }
    for batch in batches_made {
        committed -= batch.counts.of(RowState::Committed);
        // Another undo may have let rows of this batch stand by themselves, which makes a new revision of it.
        let batch = point.batch(batch.id).await;
        batches::undo(&point.uploads(), &point.caller, batch.id, batch.revision, "演练").await.unwrap();
        assert_eq!(point.opinions().await, committed);
    }
    assert_eq!(committed, 0);
    point.app.finish().await;
}

#[tokio::test]
async fn foreign_headings_are_mapped_by_hand_and_remembered() {
    let point = Point::start().await;
    let at = point.uploads();
    let rows: &[&[&str]] = &[&["甲栏", "乙栏", "丙栏"], &["A0001", "伞太少", "2020/1/1"], &["A0002", "收费不清", "2020/1/2"]];
    let batch = point.upload("留言.xlsx", xlsx(rows)).await;
    assert_eq!((batch.state, batch.sheets[0].layout.is_certain, batch.counts.of(RowState::Pending)), (BatchState::Mapping, false, 3));
    for (fields, part) in [
        (vec![Field::Ignored, Field::Ignored, Field::Date], "至少指定一列"),
        (vec![Field::Body, Field::Date, Field::Date], "只能指定一列"),
        (vec![Field::Body], "有 3 列"),
    ] {
        let error = batches::map_columns(&at, &point.caller, batch.id, batch.revision, 0, Some(fields)).await.unwrap_err();
        assert!(error.detail.contains(part), "{error:?}");
    }
    let fields = vec![Field::Person, Field::Body, Field::Ignored];
    let worker = batches::map_columns(&at, &point.caller, batch.id, batch.revision, 0, Some(fields)).await.unwrap();
    let batch = point.work(batch.id, worker).await;
    assert_eq!((batch.state, counted(&batch)), (BatchState::Checked, [2, 0, 0, 1]));
    // The day of the upload stands for all, until somebody says another.
    let defaults = zhitong::opinions::offline::judging::Defaults { collected_on: Some(march(30)), ..batch.defaults.clone() };
    let worker = batches::set_defaults(&at, &point.caller, batch.id, batch.revision, defaults).await.unwrap();
    let batch = point.work(batch.id, worker).await;
    assert_eq!(counted(&batch), [0, 0, 2, 1], "that day is still to come");
    // The same headings again are known.
    let more: &[&[&str]] = &[rows[0], &["A0003", "伞太小", ""]];
    let again = point.upload("留言二.xlsx", xlsx(more)).await;
    assert!(again.sheets[0].is_remembered && counted(&again) == [1, 0, 0, 1], "{again:?}");
    let discarded = batches::discard(&at, &point.caller, again.id, again.revision).await.unwrap();
    assert_eq!((discarded.state, discarded.counts.all()), (BatchState::Discarded, 0));
    point.app.finish().await;
}
