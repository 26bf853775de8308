//! Tables as people fill them in.

use super::*;
use crate::documents::tables::Table;

fn table(rows: &[&[&str]]) -> Table {
    let rows = (1u32..).zip(rows).map(|(number, cells)| Row {
        number,
        cells: cells.iter().map(|c| (*c).to_owned()).collect(),
        spread: Vec::new(),
    });
    Table { first_row: 1, rows: rows.collect(), ..Table::default() }
}

fn spread(mut table: Table, row: usize, columns: &[u16]) -> Table {
    table.rows[row].spread = columns.to_vec();
    table
}

fn fields(layout: &Layout) -> Vec<Field> {
    layout.columns.iter().map(|column| column.field).collect()
}

#[test]
fn headings_are_known_in_their_many_wordings() {
    use Field::*;
    for (heading, field) in [
        ("序号", Number),
        ("序 号", Number),
        ("NO.", Number),
        ("编号", Number),
        ("条款", Place),
        ("涉及条款", Place),
        ("条 款\n项", Place),
        ("修改条款（如第三条第二款）", Place),
        ("涉及的章节、条款", Place),
        ("原文", Original),
        ("征求意见稿条文", Original),
        ("《条例》（草案）原文内容", Original),
        ("修改建议", Body),
        ("意见、建议", Body),
        ("*意见内容（必填）", Body),
        ("修改意见及理由", Reason),
        ("具体意见或建议", Body),
        ("群众意见", Body),
        ("建议修改为", Proposed),
        ("修改后条文", Proposed),
        ("【建议修改后的内容】", Proposed),
        ("理由", Reason),
        ("修改理由和法律依据", Reason),
        ("提出人", Person),
        ("提出人/单位", Person),
        ("姓　名", Person),
        ("意见提出单位（个人）", Unit),
        ("工作单位", Unit),
        ("意见来源", Unit),
        ("职业", Kind),
        ("联系电话", Contact),
        ("提出人联系方式（选填）", Contact),
        ("ＴＥＬ", Contact),
        ("渠道", Method),
        ("意见收集方式", Method),
        ("日期", Date),
        ("意见提出时间", Date),
        ("信息采集点", Station),
        ("所属信息采集点名称", Station),
        ("是否同意公开意见内容", Consent),
        ("态度", Stance),
        ("记录人", Collector),
        ("备注", Ignored),
        ("采纳情况", Ignored),
        ("群众原话", Body),
        ("为啥？", Reason),
        ("怎么收的", Method),
        ("哪天", Date),
    ] {
        assert_eq!(field_of(heading), Some(field), "{heading}");
    }
    for heading in ["", "浏览量", "第十二条 经营者应当在显著位置公示收费标准", "建议把收费公示的时间改为每年一月以前完成并向社会公布"]
    {
        assert_eq!(field_of(heading), None, "{heading}");
    }
}

#[test]
fn the_heading_is_found_below_titles() {
    let title = "惠城县养犬管理条例征求意见汇总表";
    let layout = recognise(&spread(
        table(&[
            &[title, title, title, title, title],
            &["填报单位：某某社区", "", "", "日期：2026年3月5日"],
            &["序号", "条款", "修改意见", "理由", "提出人"],
            &["1", "第十二条", "删去“等”", "不明确", "张某"],
        ]),
        0,
        &[1, 2, 3, 4],
    ));
    assert_eq!((layout.heading, layout.heading_rows, layout.is_certain), (Some(2), 1, true));
    assert_eq!(fields(&layout), [Field::Number, Field::Place, Field::Body, Field::Reason, Field::Person]);
    assert_eq!(layout.signature(), "序号|条款|修改意见|理由|提出人");
}

#[test]
fn a_heading_may_take_two_rows() {
    let two = spread(
        table(&[
            &["序号", "条款", "意见和建议", "意见和建议", "提出人信息", "提出人信息"],
            &["序号", "条款", "具体意见", "理由", "姓名", "电话"],
            &["1", "第三条", "改", "因", "李某", "138"],
        ]),
        0,
        &[3, 5],
    );
    let layout = recognise(&two);
    assert_eq!((layout.heading, layout.heading_rows), (Some(0), 2));
    assert_eq!(fields(&layout), [Field::Number, Field::Place, Field::Body, Field::Reason, Field::Person, Field::Contact]);
    assert_eq!(layout.columns[4].heading, "提出人信息 姓名");
    assert_eq!(layout.kind(1, &two.rows[1]), RowKind::Heading);
    assert_eq!(layout.kind(2, &two.rows[2]), RowKind::Data);
}

#[test]
fn what_a_column_holds_decides_what_its_heading_leaves_open() {
    let long = "经营者应当在经营场所的显著位置公示服务项目和收费标准，并遵守本条例的规定。";
    let layout = recognise(&table(&[&["条文", "意见"], &[long, "改"], &[long, "删"]]));
    assert_eq!(fields(&layout), [Field::Original, Field::Body]);
    let layout = recognise(&table(&[&["征求意见稿", "意见"], &["第三条", "改"], &["第四条", "删"]]));
    assert_eq!(fields(&layout), [Field::Place, Field::Body]);
    let layout = recognise(&table(&[&["意见"], &["都好"]]));
    assert_eq!((fields(&layout), layout.is_certain), (vec![Field::Body], true));
    let layout = recognise(&table(&[&["章", "条", "意见", "日期", "答复时间"], &["第二章", "第三条", "改", "3月5日", ""]]));
    assert_eq!(fields(&layout), [Field::Place, Field::Place, Field::Body, Field::Date, Field::Ignored]);
}

#[test]
fn foreign_headings_are_left_for_a_person() {
    let foreign = table(&[&["甲栏", "乙栏", "丙栏"], &["a", "b", "c"]]);
    let layout = recognise(&foreign);
    assert_eq!((layout.heading, layout.is_certain), (Some(0), false));
    let mapped = layout.mapped(&[Field::Ignored, Field::Body, Field::Date]);
    assert!(mapped.is_certain);
    assert_eq!(mapped.words(&foreign.rows[1], Field::Body), "b");
    let messages = recognise(&table(&[
        &["留言编号", "用户", "主题", "时间", "详情", "反对数", "点赞数"],
        &["1", "A0", "路灯", "2020/1/1", "坏了", "0", "3"],
    ]));
    assert_eq!(messages.heading, Some(0));
    assert!(messages.says(Field::Body) && messages.says(Field::Date));
}

#[test]
fn rows_that_are_no_opinions_are_named() {
    let t = table(&[
        &["序号", "条款", "原文", "意见", "提出人"],
        &["1", "第一条", "为了", "改", "张某"],
        &["2", "第二条", "本条例", "", ""],
        &["3", "", "", "", ""],
        &["第二章 管理", "", "", "", ""],
        &["序号", "条款", "原文", "意见", "提出人"],
        &["4", "第三条", "", "", "李某"],
        &["备注：以上为居民意见", "", "", "", ""],
        &["填表人：王某", "", "审核人：赵某", "", ""],
        &["合计", "", "", "2", ""],
        &["共 2 条", "", "", "", ""],
        &["填表人：王某", "", "", "审核人：赵某", ""],
        &["", "", "", "联系人多一些", ""],
    ]);
    let layout = recognise(&t);
    use RowKind::*;
    let kinds: Vec<RowKind> = t.rows.iter().enumerate().map(|(i, row)| layout.kind(i, row)).collect();
    assert_eq!(kinds, [Heading, Data, Unfilled, Unfilled, Divider, Heading, Data, Footer, Footer, Footer, Footer, Footer, Data]);
}

#[test]
fn a_table_that_we_handed_back_is_the_one_that_was_uploaded() {
    // One known heading of two: with one more that nobody knows it would be none.
    let first = table(&[&["汇总表"], &["甲栏", "意见", "乙栏", "条款"], &["a", "改", "", "第三条"], &["b", "删", "c", "第四条"]]);
    let returned = table(&[
        &["汇总表"],
        &["甲栏", "意见", "乙栏", "条款", "检查结果"],
        &["a", "改", "", "第三条"],
        &["b", "删", "c", "第四条", "需要更正：甲"],
        // A row that was wider than its heading has its remark further right.
        &["c", "添", "", "第五条", "", "请留意：乙"],
    ]);
    let (before, mut after) = (recognise(&first), recognise(&returned));
    assert_eq!(before, after);
    assert_eq!((after.signature().as_str(), after.columns.len()), ("甲栏|意见|乙栏|条款", 4));
    let mut back = returned.clone();
    assert!(take_back(&mut back) && !take_back(&mut back) && !take_back(&mut first.clone()));
    assert_eq!(recognise(&back), before);
    assert_eq!((back.rows[1].cells.len(), back.rows[3].cells.len(), back.rows[4].cells.len()), (4, 4, 4));
    // A mapping by a person, and headings that nobody knows.
    let foreign = [&["甲栏", "乙栏"][..], &["a", "b"]];
    let remarked = [&["甲栏", "乙栏", "检查结果"][..], &["a", "b", "需要更正：甲"]];
    after = recognise(&table(&remarked));
    assert_eq!((after.signature(), after.is_certain), (recognise(&table(&foreign)).signature(), false));
    // In a column with another heading they are words like others.
    let words = table(&[&["条款", "意见", "理由"], &["第一条", "公开", "检查结果"]]);
    assert_eq!(recognise(&words).columns.len(), 3);
    assert!(!take_back(&mut words.clone()));
}

#[test]
fn a_heading_of_two_rows_comes_back_with_remarks() {
    let rows: [&[&str]; 3] = [
        &["序号", "条款", "意见和建议", "意见和建议", "提出人信息", "提出人信息"],
        &["序号", "条款", "具体意见", "理由", "姓名", "电话"],
        &["1", "第三条", "改", "因", "李某", "138"],
    ];
    let first = spread(table(&rows), 0, &[3, 5]);
    // As it is written: merged cells have words only where they begin.
    let mut returned = table(&[
        &["序号", "条款", "意见和建议", "", "提出人信息", "", "检查结果"],
        rows[1],
        &["1", "第三条", "改", "因", "李某", "138", "需要更正：甲"],
    ]);
    assert_eq!(recognise(&returned), recognise(&first));
    assert!(take_back(&mut returned));
    assert_eq!(returned, first);
    // A column without a heading stays one.
    let plain = table(&[&["条款", "意见", ""], &["第一条", "改", "x"]]);
    let mut returned = table(&[&["条款", "意见", "", "检查结果"], &["第一条", "改", "x", "请留意：甲"]]);
    assert!(take_back(&mut returned));
    assert_eq!(recognise(&returned), recognise(&plain));
}

#[test]
fn a_remark_right_of_the_columns_does_not_change_what_a_row_is() {
    let t = table(&[&["序号", "条款", "意见", "提出人"], &["1", "第一条", "改", "张某"], &["第二章 管理"], &["合计", "", "2"]]);
    let layout = recognise(&t);
    for (index, row) in t.rows.iter().enumerate().skip(1) {
        let mut wider = row.clone();
        wider.cells.resize(4, String::new());
        wider.cells.push("请留意：甲".into());
        assert_eq!(layout.kind(index, &wider), layout.kind(index, row), "{index}");
    }
    let mut repeated = t.rows[0].clone();
    repeated.cells.push("检查结果".into());
    assert_eq!(layout.kind(9, &repeated), RowKind::Heading);
}
