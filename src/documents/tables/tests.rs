//! Files are built here, hostile ones too.

use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Formula, Workbook};

use super::*;
use crate::documents::archive::pack;

fn parsed(name: &str, bytes: &[u8]) -> TableFile {
    read(name, bytes, &TableLimits::default()).unwrap()
}

fn refused(name: &str, bytes: &[u8]) -> String {
    read(name, bytes, &TableLimits::default()).unwrap_err().detail
}

fn cells(table: &Table) -> Vec<Vec<&str>> {
    table.rows.iter().map(|row| row.cells.iter().map(String::as_str).collect()).collect()
}

/// A workbook with one sheet whose part is given.
fn workbook(sheet: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut files = vec![
        ("[Content_Types].xml".to_owned(), br#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#.to_vec()),
        (
            "_rels/.rels".to_owned(),
            br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.to_vec(),
        ),
        (
            "xl/workbook.xml".to_owned(),
            br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#.to_vec(),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#.to_vec(),
        ),
        ("xl/worksheets/sheet1.xml".to_owned(), sheet.as_bytes().to_vec()),
    ];
    files.extend(more.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())));
    pack(&files).unwrap()
}

fn sheet(dimension: &str, rows: &str) -> String {
    format!(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>"#
    )
}

const A1: &str = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>意见</t></is></c></row>"#;

fn document(body: &str) -> Vec<u8> {
    let xml = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    pack(&[("word/document.xml".to_owned(), xml.into_bytes())]).unwrap()
}

#[test]
fn a_workbook_gives_words_dates_merged_cells_and_sheets() {
    let mut book = Workbook::new();
    let day = CellFormat::new().set_num_format("yyyy/m/d");
    let one = book.add_worksheet();
    one.set_name("社区").unwrap();
    one.merge_range(0, 0, 0, 3, "征求意见汇总表", &CellFormat::new()).unwrap();
    one.write_row(1, 0, ["序号", "条款", "意见", "日期"]).unwrap();
    one.write_number(2, 0, 1).unwrap();
    one.merge_range(2, 1, 3, 1, "第十二条", &CellFormat::new()).unwrap();
    one.write_string(2, 2, " 删去“等”字。\r\n另起一段 ").unwrap();
    one.write_datetime_with_format(2, 3, ExcelDateTime::from_ymd(2026, 3, 5).unwrap(), &day).unwrap();
    one.write_number(3, 0, 2.5).unwrap();
    one.write_formula(3, 2, Formula::new("=1+1").set_result("算好的结果")).unwrap();
    one.write_string(3, 3, "3月5日").unwrap();
    one.write_string(6, 0, "合计").unwrap();
    one.set_row_hidden(3).unwrap();
    let two = book.add_worksheet();
    two.set_name("字典").unwrap();
    two.write_string(0, 0, "不该读").unwrap();
    two.set_hidden(true);
    let three = book.add_worksheet();
    three.set_name("空表").unwrap();
    let file = parsed("意见.xlsx", &book.save_to_buffer().unwrap());
    assert_eq!((file.format, file.tables.len()), (TableFormat::Xlsx, 1));
    let table = &file.tables[0];
    assert_eq!((table.sheet.as_str(), table.first_row, table.blank_rows), ("社区", 1, 2));
    let expected: [&[&str]; 5] = [
        &["征求意见汇总表", "征求意见汇总表", "征求意见汇总表", "征求意见汇总表"],
        &["序号", "条款", "意见", "日期"],
        &["1", "第十二条", "删去“等”字。\n另起一段", "2026-03-05"],
        &["2.5", "第十二条", "算好的结果", "3月5日"],
        &["合计"],
    ];
    assert_eq!(cells(table), expected);
    assert_eq!(table.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3, 4, 7]);
    assert_eq!((table.rows[0].spread.as_slice(), table.rows[0].filled().count(), table.rows[3].own(1)), (&[1, 2, 3][..], 1, "第十二条"));
    let notices = file.notices.join("");
    for word in ["“字典”没有读入", "1 个隐藏的行", "1 个公式"] {
        assert!(notices.contains(word), "{notices}");
    }
}

#[test]
fn both_calendars_of_serial_numbers_are_read() {
    let rows = r#"<row r="1"><c r="A1" s="1"><v>46086</v></c><c r="B1" s="1"><v>46086.5</v></c><c r="C1"><v>46086</v></c><c r="D1" t="d"><v>2026-03-05T00:00:00</v></c></row>"#;
    let styles = r#"<styleSheet><cellXfs><xf numFmtId="0"></xf><xf numFmtId="14"></xf></cellXfs></styleSheet>"#;
    let file = parsed("a.xlsx", &workbook(&sheet("A1:D1", rows), &[("xl/styles.xml", styles)]));
    assert_eq!(cells(&file.tables[0]), [["2026-03-05", "2026-03-05 12:00:00", "46086", "2026-03-05"]]);
    let mut files = workbook(&sheet("A1", &rows.replace("46086", "44624")), &[("xl/styles.xml", styles)]);
    // The same book with the calendar of 1904.
    let mut archive = Archive::open(Cursor::new(files.as_slice()), Limits::default()).unwrap();
    let names: Vec<String> = archive.names().collect();
    let parts: Vec<(String, Vec<u8>)> = names
        .into_iter()
        .enumerate()
        .map(|(i, name)| {
            let bytes = archive.unpack(i).unwrap();
            let bytes = if name == "xl/workbook.xml" {
                String::from_utf8(bytes).unwrap().replace("<sheets>", r#"<workbookPr date1904="1"></workbookPr><sheets>"#).into_bytes()
            } else {
                bytes
            };
            (name, bytes)
        })
        .collect();
    files = pack(&parts).unwrap();
    let file = parsed("a.xlsx", &files);
    assert!(file.tables[0].is_1904);
    assert_eq!(cells(&file.tables[0])[0][0], "2026-03-05");
}

#[test]
fn what_a_sheet_claims_is_not_believed() {
    let file = parsed("a.xlsx", &workbook(&sheet("A1:XFD1048576", A1), &[]));
    assert_eq!(cells(&file.tables[0]), [["意见"]]);
    // A cell at the far end is read where it is in bounds, and said where it is not.
    let far = format!(r#"{A1}<row r="1048576"><c r="A1048576"><v>1</v></c><c r="XFD1048576"><v>2</v></c></row>"#);
    let file = parsed("a.xlsx", &workbook(&sheet("A1:XFD1048576", &far), &[]));
    assert_eq!((file.tables[0].rows.len(), file.tables[0].rows[1].number, file.tables[0].blank_rows), (2, 1_048_576, 1_048_574));
    assert!(file.notices.join("").contains("第 128 列以右"), "{:?}", file.notices);
    // A region over everything fills what is there, and no more.
    let merged = sheet("A1", &format!(r#"{A1}<row r="9"><c r="B9"><v>7</v></c></row>"#))
        .replace("</sheetData>", r#"</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"></mergeCell></mergeCells>"#);
    let file = parsed("a.xlsx", &workbook(&merged, &[]));
    assert_eq!(file.tables[0].rows.len(), 2);
    assert_eq!((file.tables[0].rows[1].own(0), file.tables[0].rows[1].own(1), file.tables[0].rows[1].own(5)), ("意见", "7", ""));
}

#[test]
fn a_million_empty_rows_end_with_a_clear_result() {
    let rows: String = (1..=1_000_000).map(|n| format!(r#"<row r="{n}" spans="1:9"></row>"#)).collect();
    let message = refused("a.xlsx", &workbook(&sheet("A1:I1000000", &rows), &[]));
    assert_eq!(message, "文件里没有找到填有内容的表格行（表格中有 1000000 个没有内容的行，没有读入）。");
    let few: String = (1..=2_000).map(|n| format!(r#"<row r="{n}"></row>"#)).collect();
    let one = few.replacen("</row>", r#"<c r="A1" t="inlineStr"><is><t>意见</t></is></c></row>"#, 1);
    let file = parsed("a.xlsx", &workbook(&sheet("A1:I1000000", &one), &[]));
    assert_eq!((file.tables[0].rows.len(), file.notices.len()), (1, 1));
    let many: String = (1..=200).map(|n| format!(r#"<row r="{n}"><c r="A{n}"><v>1</v></c></row>"#)).collect();
    let limits = TableLimits { max_rows: 100, ..TableLimits::default() };
    assert_eq!(read("a.xlsx", &workbook(&sheet("A1", &many), &[]), &limits).unwrap_err().code, Code::TooLarge);
}

#[test]
fn bombs_and_hostile_parts_are_refused_in_a_sentence() {
    let bomb = format!("{}{}", sheet("A1", A1), " ".repeat(20 << 20));
    assert!(refused("a.xlsx", &workbook(&bomb, &[])).contains("压缩炸弹"));
    let declared = format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", sheet("A1", A1));
    assert!(refused("a.xlsx", &workbook(&declared, &[])).contains("实体声明"));
    let strings = r#"<sst uniqueCount="99999999999999"><si><t>x</t></si></sst>"#;
    assert!(refused("a.xlsx", &workbook(&sheet("A1", A1), &[("xl/sharedStrings.xml", strings)])).contains("共享文字"));
    assert!(refused("a.xlsx", &workbook("<worksheet><sheetData><row><c", &[])).contains("已损坏"));
    for place in ["A2:Crmastorg1", "A1:B99999999999"] {
        assert!(refused("a.xlsx", &workbook(&sheet(place, A1), &[])).contains("单元格位置"), "{place}");
    }
    for area in ["A2:D1", "D1:A2", "B1:A1048576"] {
        let merged = sheet("A1", A1).replace("</sheetData>", &format!(r#"</sheetData><mergeCells><mergeCell ref="{area}"/></mergeCells>"#));
        assert!(refused("a.xlsx", &workbook(&merged, &[])).contains("单元格位置"), "{area}");
    }
    let nowhere = r#"<row r="1"><c r="ABCDEFGH1"><v>1</v></c></row>"#;
    assert!(refused("a.xlsx", &workbook(&sheet("A1", nowhere), &[])).contains("单元格位置"));
    let backwards = sheet("A1", &format!(r#"<row r="5"><c r="A5"><v>1</v></c></row>{A1}"#));
    assert!(refused("a.xlsx", &workbook(&backwards, &[])).contains("次序"));
    let outside = parsed(
        "a.xlsm",
        &workbook(&sheet("A1", A1), &[("xl/externalLinks/externalLink1.xml", "<externalLink/>"), ("xl/vbaProject.bin", "x")]),
    );
    let notices = outside.notices.join("");
    assert!(notices.contains("宏") && notices.contains("没有打开"), "{notices}");
}

#[test]
fn files_that_are_no_tables_or_say_they_are_something_else_get_one_sentence() {
    for (name, bytes, word) in [
        ("a.xlsx", b"".as_slice(), "空的"),
        ("a.xls", b"<html><body><table><tr><td>1</td></tr></table></body></html>", "网页"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", "图片"),
        ("a.xlsx", b"Rar!\x1a\x07", "压缩包"),
        ("a.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 broken", "损坏"),
        ("a.xlsx", b"PK\x03\x04 broken", "损坏"),
        ("a.csv", b"\n\n , \n", "没有找到"),
    ] {
        let message = refused(name, bytes);
        assert!(message.contains(word), "{name}: {message}");
    }
    let encrypted: Vec<u8> =
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".iter().copied().chain("EncryptedPackage".bytes().flat_map(|b| [b, 0])).collect();
    assert!(refused("a.xlsx", &encrypted).contains("打开密码"));
    assert!(refused("a.xlsx", &pack(&[("a.txt".into(), b"x".to_vec())]).unwrap()).contains("压缩包"));
    let file = parsed("a.csv", &workbook(&sheet("A1", A1), &[]));
    assert!(file.notices.join("").contains("内容其实是 .xlsx"), "{:?}", file.notices);
}

#[test]
fn separated_values_come_in_many_forms() {
    let rows = [["序号", "意见", "日期"], ["1", "第一行\n“引号\"内”,逗号;分号", "2026-3-5"], ["2", "好", ""]];
    let written = |mark: char, end: &str| {
        let quoted = |cell: &&str| format!("\"{}\"", cell.replace('"', "\"\"").replace('\n', end));
        rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(&mark.to_string())).collect::<Vec<_>>().join(end) + end
    };
    let expected: Vec<Vec<&str>> = vec![rows[0].to_vec(), rows[1].to_vec(), rows[2][..2].to_vec()];
    for mark in [',', ';', '\t'] {
        let text = written(mark, "\r\n");
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let gb = encoding_rs::GB18030.encode(&text).0.into_owned();
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for bytes in [text.clone().into_bytes(), marked, gb, utf16] {
            let file = parsed("a.csv", &bytes);
            assert_eq!(cells(&file.tables[0]), expected, "{mark:?}");
            assert_eq!(file.tables[0].rows.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 3]);
        }
    }
    let file = parsed("a.csv", "sep=;\n甲;乙\n\n1;2,5\n".as_bytes());
    assert_eq!(cells(&file.tables[0]), [["甲", "乙"], ["1", "2,5"]]);
    assert_eq!(file.tables[0].rows.iter().map(|r| r.number).collect::<Vec<_>>(), [2, 4], "numbers are those of the lines");
}

#[test]
fn tables_of_a_document_keep_their_merged_cells() {
    let cell =
        |properties: &str, words: &str| format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:tc>");
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let body = [
        "<w:p><w:r><w:t>标题不是行</w:t></w:r></w:p><w:tbl>".to_owned(),
        row(&[cell(r#"<w:gridSpan w:val="3"/>"#, "汇总表")]),
        row(&[cell("", "条款"), cell("", "意见"), cell("", "理由")]),
        row(&[
            cell(r#"<w:vMerge w:val="restart"/>"#, "第三条"),
            cell("", "甲&amp;乙"),
            cell("", "<w:del><w:r><w:delText>旧</w:delText></w:r></w:del>"),
        ]),
        row(&[
            cell("<w:vMerge/>", ""),
            "<w:tc><w:p><w:r><w:t>上</w:t></w:r></w:p><w:p><w:r><w:t>下</w:t><w:br/><w:t>尾</w:t></w:r></w:p></w:tc>".into(),
            cell("", "丙"),
        ]),
        row(&[cell("", "第四条"), cell(r#"<w:gridSpan w:val="2"/>"#, "宽")]),
        "</w:tbl><w:tbl>".to_owned(),
        row(&[cell("", "另一张")]),
        "</w:tbl>".to_owned(),
    ]
    .concat();
    let file = parsed("a.docx", &document(&body));
    assert_eq!(file.tables.len(), 2);
    let expected: [&[&str]; 5] = [
        &["汇总表", "汇总表", "汇总表"],
        &["条款", "意见", "理由"],
        &["第三条", "甲&乙"],
        &["第三条", "上\n下\n尾", "丙"],
        &["第四条", "宽", "宽"],
    ];
    assert_eq!(cells(&file.tables[0]), expected);
    assert_eq!((file.tables[0].rows[4].own(2), file.tables[1].sheet.as_str()), ("", "表格2"));
    assert!(refused("a.docx", &document("<w:p><w:r><w:t>没有表格</w:t></w:r></w:p>")).contains("意见填报表（Word"));
}

/// A record of a workbook of Excel 97–2003.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &(data.len() as u16).to_le_bytes(), data].concat()
}

fn bof(kind: u16) -> Vec<u8> {
    record(0x0809, &[0x0600u16, kind, 0, 0, 0, 0, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>())
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A cell with words.
fn label(row: u16, column: u16, words: &str) -> Vec<u8> {
    let head = [row, column, 0, words.encode_utf16().count() as u16].iter().flat_map(|n| n.to_le_bytes()).collect();
    record(0x0204, &[head, vec![1], wide(words)].concat())
}

/// A workbook of Excel 97–2003: the name and the records of each sheet, and more records beside those of the sheets.
fn old_workbook(sheets: &[(&str, Vec<u8>)], more: &[u8]) -> Vec<u8> {
    let bodies: Vec<Vec<u8>> = sheets.iter().map(|(_, cells)| [bof(0x0010), cells.clone(), record(0x000a, &[])].concat()).collect();
    let globals = |offsets: &[u32]| {
        let mut head = [bof(0x0005), more.to_vec(), record(0x0042, &1200u16.to_le_bytes())].concat();
        for ((name, _), offset) in sheets.iter().zip(offsets) {
            let length = name.encode_utf16().count() as u8;
            head.extend(record(0x0085, &[offset.to_le_bytes().to_vec(), vec![0, 0, length, 1], wide(name)].concat()));
        }
        head.extend(record(0x000a, &[]));
        head
    };
    let mut offset = globals(&vec![0; sheets.len()]).len() as u32;
    let mut offsets = Vec::new();
    for body in &bodies {
        offsets.push(offset);
        offset += body.len() as u32;
    }
    let mut stream = [globals(&offsets), bodies.concat()].concat();
    stream.resize(stream.len().max(4096).div_ceil(512) * 512, 0);
    let sectors = stream.len() / 512;
    // Sector 0: chains; 1: directory; from 2 on: the stream.
    assert!(sectors + 2 <= 128, "one sector of chains");
    let mut chains = vec![0xffff_ffffu32; 128];
    (chains[0], chains[1]) = (0xffff_fffd, 0xffff_fffe);
    for i in 0..sectors {
        chains[i + 2] = if i + 1 == sectors { 0xffff_fffe } else { i as u32 + 3 };
    }
    let entry = |name: &str, kind: u8, child: u32, first: u32, size: u32| {
        let mut bytes = vec![0u8; 128];
        let name = wide(name);
        bytes[..name.len()].copy_from_slice(&name);
        bytes[64..66].copy_from_slice(&(name.len() as u16 + 2).to_le_bytes());
        (bytes[66], bytes[67]) = (kind, 1);
        bytes[68..76].copy_from_slice(&[0xff; 8]);
        bytes[76..80].copy_from_slice(&child.to_le_bytes());
        bytes[116..120].copy_from_slice(&first.to_le_bytes());
        bytes[120..124].copy_from_slice(&size.to_le_bytes());
        bytes
    };
    let mut directory = [entry("Root Entry", 5, 1, 0xffff_fffe, 0), entry("Workbook", 2, 0xffff_ffff, 2, stream.len() as u32)].concat();
    directory.resize(512, 0);
    let mut header = vec![0u8; 512];
    header[..8].copy_from_slice(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    for (at, value) in [(24, 0x3eu16), (26, 3), (28, 0xfffe), (30, 9), (32, 6)] {
        header[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    for (at, value) in [(44, 1u32), (48, 1), (56, 4096), (60, 0xffff_fffe), (68, 0xffff_fffe)] {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    header[76..512].fill(0xff);
    header[76..80].copy_from_slice(&0u32.to_le_bytes());
    [header, chains.iter().flat_map(|n| n.to_le_bytes()).collect(), directory, stream].concat()
}

#[test]
fn old_workbooks_are_read_and_cannot_claim_memory() {
    let cells_of = [label(0, 0, "条款"), label(0, 1, "意见"), label(3, 0, "第三条"), label(3, 1, "删去")].concat();
    let file = parsed("a.xls", &old_workbook(&[("意见", cells_of.clone())], &[]));
    assert_eq!((file.format, file.tables[0].sheet.as_str(), file.tables[0].blank_rows), (TableFormat::Xls, "意见", 2));
    assert_eq!(cells(&file.tables[0]), [["条款", "意见"], ["第三条", "删去"]]);
    assert!(refused("a.xls", &old_workbook(&[("意见", cells_of.clone())], &record(0x002f, &[0; 6]))).contains("打开密码"));
    let corners = [label(0, 0, "a"), label(65_535, 255, "b")].concat();
    assert!(refused("a.xls", &old_workbook(&[("一", corners.clone()), ("二", corners)], &[])).contains("范围过大"));
    // More than one sector of tables, and more sheets than one.
    let many: Vec<u8> = (0..700).flat_map(|row| label(row, 1, "意见")).collect();
    let file = parsed("a.xls", &old_workbook(&[("一", many), ("二", cells_of)], &[]));
    assert_eq!(file.tables.iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [700, 2]);
}

#[test]
fn what_an_old_sheet_claims_is_checked() {
    let claim = |top: u32, bottom: u32, left: u16, right: u16| {
        let columns = [left, right, 0].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        record(0x0200, &[top.to_le_bytes().to_vec(), bottom.to_le_bytes().to_vec(), columns].concat())
    };
    let with = |claim: Vec<u8>| old_workbook(&[("意见", [claim, label(0, 0, "意见"), label(1, 0, "删去")].concat())], &[]);
    for (top, bottom, left, right) in [(0, 0xffff_ffff, 0, 0xffff), (5, 3, 0, 2), (0, 2, 3, 3), (0, 70_000, 0, 256)] {
        let error = read("a.xls", &with(claim(top, bottom, left, right)), &TableLimits::default()).unwrap_err();
        assert_eq!(error.code, Code::TooLarge, "{top} {bottom} {left} {right}");
        assert_eq!(error.detail, "工作表占用的范围过大或者写错了；请用 Excel 或 WPS 另存为 .xlsx 后再上传。");
    }
    // Everything, nothing, and columns that the library takes to begin at the first.
    for (top, bottom, left, right) in [(0, 2, 0, 1), (0, 65_536, 0, 256), (0, 0, 0, 0), (0, 2, 300, 2), (0, 2, 5, 2)] {
        let file = parsed("a.xls", &with(claim(top, bottom, left, right)));
        assert_eq!(cells(&file.tables[0]), [["意见"], ["删去"]], "{top} {bottom} {left} {right}");
    }
    let [short, long] =
        [[0u16, 2, 0, 1, 0].as_slice(), &[0, 0, 2, 0, 0, 1, 0, 0]].map(|w| w.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>());
    assert_eq!(parsed("a.xls", &with(record(0x0200, &short))).tables[0].rows.len(), 2);
    assert_eq!(parsed("a.xls", &with(record(0x0200, &long))).tables[0].rows.len(), 2);
    assert!(refused("a.xls", &with(record(0x0200, &[0; 12]))).contains("已损坏"));
}

#[test]
fn old_workbooks_are_walked_as_the_library_walks() {
    // A chart inside a sheet ends no rectangle, and its cells are none of the sheet.
    let chart = [bof(0x0020), label(60_000, 9, "图"), record(0x000a, &[])].concat();
    let corners = [label(0, 0, "a"), chart.clone(), label(65_535, 255, "b")].concat();
    assert!(refused("a.xls", &old_workbook(&[("一", corners)], &[])).contains("范围过大"));
    let beside = [label(0, 0, "意见"), chart, label(1, 0, "删去")].concat();
    assert_eq!(cells(&parsed("a.xls", &old_workbook(&[("一", beside)], &[])).tables[0]), [["意见"], ["删去"]]);
    // The words of a formula stand at its place, whatever came in between.
    let place = |row: u16, column: u16| [row, column].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let far = [place(65_535, 255), vec![0, 0], vec![0, 0, 0, 0, 0, 0, 0xff, 0xff], vec![0; 6]].concat();
    let words = record(0x0207, &[vec![1, 0, 0], b"x".to_vec()].concat());
    let near = label(0, 0, "a");
    assert!(
        refused("a.xls", &old_workbook(&[("一", [near.clone(), record(0x0006, &far), words.clone()].concat())], &[])).contains("范围过大")
    );
    let first = [label(9_000, 255, "a"), words, label(65_535, 255, "b")].concat();
    assert!(refused("a.xls", &old_workbook(&[("一", first)], &[])).contains("范围过大"), "words without a formula stand first");
    // Sheets stand inside the stream, each for itself, and are not too many.
    let sheet_at = |offset: u32| record(0x0085, &[offset.to_le_bytes().to_vec(), vec![0, 0, 1, 1], wide("二")].concat());
    for offset in [0x00ff_ffff, u32::MAX] {
        assert!(refused("a.xls", &old_workbook(&[("一", near.clone())], &sheet_at(offset))).contains("已损坏"), "{offset}");
    }
    let shared: Vec<u8> = (0..20).flat_map(|_| sheet_at(500)).collect();
    let filler: Vec<u8> = (0..400).flat_map(|row| label(row, 0, "意见")).collect();
    assert!(refused("a.xls", &old_workbook(&[("一", filler)], &shared)).contains("已损坏"));
    let many: Vec<u8> = (0..201).flat_map(|_| sheet_at(0)).collect();
    assert_eq!(refused("a.xls", &old_workbook(&[("一", near)], &many)), "文件超过上限 200 个工作表或表格。");
}

#[test]
fn what_a_relationship_names_is_looked_at_whatever_its_name() {
    let named = |target: &str, part: &str, content: &str| {
        let bytes = workbook("", &[]);
        let mut archive = Archive::open(Cursor::new(bytes.as_slice()), Limits::default()).unwrap();
        let names: Vec<String> = archive.names().collect();
        let mut parts = vec![(part.to_owned(), content.as_bytes().to_vec())];
        for (i, name) in names.into_iter().enumerate().filter(|(_, name)| name != "xl/worksheets/sheet1.xml") {
            let text = String::from_utf8(archive.unpack(i).unwrap()).unwrap();
            parts.push((name, text.replace("worksheets/sheet1.xml", target).into_bytes()));
        }
        pack(&parts).unwrap()
    };
    let at = |content: &str| named("worksheets/s.bin", "xl/worksheets/s.bin", content);
    let hidden = sheet("A1", &A1.replace("<row ", r#"<row hidden="1" "#));
    let file = parsed("a.xlsx", &at(&hidden));
    assert_eq!(cells(&file.tables[0]), [["意见"]]);
    assert!(file.notices.join("").contains("1 个隐藏的行"), "{:?}", file.notices);
    assert!(refused("a.xlsx", &at(&format!("{}{}", sheet("A1", A1), " ".repeat(20 << 20)))).contains("压缩炸弹"));
    assert!(refused("a.xlsx", &at(&format!(" \n<!DOCTYPE a>{}", sheet("A1", A1)))).contains("实体声明"));
    // What does not begin as XML is no sheet, though a library would find one in it.
    let regions = format!("{}<mergeCells></mergeCells>", sheet("A1", A1));
    assert!(refused("a.xlsx", &at(&format!("x{regions}"))).contains("已损坏"));
    assert!(refused("a.xlsx", &named("/xl/S.BIN", "xl/s.bin", &format!("x{regions}"))).contains("已损坏"));
    // A part that nothing reads counts all the same, and may be anything else.
    let more = "x".repeat(20 << 20);
    assert!(refused("a.xlsx", &workbook(&sheet("A1", A1), &[("xl/media/a.png", &more)])).contains("压缩炸弹"));
    assert_eq!(parsed("a.xlsx", &workbook(&sheet("A1", A1), &[("xl/media/a.png", "\u{1}PNG")])).tables.len(), 1);
    let twice = r#"<sst a:uniqueCount="1" uniqueCount="99999999999999"><si><t>x</t></si></sst>"#;
    assert!(refused("a.xlsx", &workbook(&sheet("A1", A1), &[("xl/sharedStrings.xml", twice)])).contains("共享文字"));
}

#[test]
fn merged_cells_cost_no_more_than_a_file_may() {
    // Many merged cells in one row of a document.
    let wide = r#"<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p/></w:tc>"#.repeat(60_000);
    let one = "<w:tc><w:p><w:r><w:t>意见</w:t></w:r></w:p></w:tc>";
    let begun = std::time::Instant::now();
    let file = parsed("a.docx", &document(&format!("<w:tbl><w:tr>{one}{wide}</w:tr><w:tr>{one}</w:tr></w:tbl>")));
    assert_eq!(cells(&file.tables[0]), [["意见"], ["意见"]]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
    // Regions over each other in a sheet.
    let rows: String = (2..=3_000).map(|n| format!(r#"<row r="{n}"><c r="A{n}"><v>1</v></c></row>"#)).collect();
    let merged = |count: usize| {
        let regions = r#"<mergeCell ref="A1:DX3000"></mergeCell>"#.repeat(count);
        let sheet = sheet("A1", &format!("{A1}{rows}"));
        workbook(&sheet.replace("</sheetData>", &format!("</sheetData><mergeCells>{regions}</mergeCells>")), &[])
    };
    assert_eq!(parsed("a.xlsx", &merged(2)).tables[0].rows.len(), 3_000);
    let error = read("a.xlsx", &merged(50), &TableLimits::default()).unwrap_err();
    assert_eq!((error.code, error.detail.as_str()), (Code::TooLarge, "合并单元格互相重叠过多，可能是恶意文件，没有读取。"));
}

#[test]
fn hidden_sheets_are_named_as_far_as_anybody_reads() {
    let book = |hidden: usize| {
        let mut book = Workbook::new();
        book.add_worksheet().write_string(0, 0, "意见").unwrap();
        for i in 1..=hidden {
            book.add_worksheet().set_name(format!("藏{i}")).unwrap().set_hidden(true);
        }
        parsed("a.xlsx", &book.save_to_buffer().unwrap()).notices
    };
    let notices = book(250);
    assert!(notices.len() == 1 && notices[0].contains("、“藏20”等 250 张没有读入") && !notices[0].contains("藏21"), "{notices:?}");
    assert_eq!(book(2), ["隐藏的工作表“藏1”、“藏2”没有读入；其中如有意见，请取消隐藏后重新上传。"]);
    assert!(book(0).is_empty());
}

#[test]
fn separated_values_that_we_handed_back_are_what_they_were() {
    use crate::documents::writing::returned::CsvSheets;
    let said = ["-5", "=1+1", "@a", "＋1", "'好'", "001", "'", "a'=b"];
    let mut csv = CsvSheets::new();
    csv.sheet();
    csv.row(1, &said.map(str::to_owned), said.len(), "检查结果").unwrap();
    let bytes = csv.finish().unwrap();
    assert!(String::from_utf8(bytes.clone()).unwrap().contains("'-5,'=1+1,'@a,'＋1,"));
    let file = parsed("a.csv", &bytes);
    assert_eq!(file.tables[0].rows[0].cells[..said.len()], said);
    // ="001" by itself is still a number with its zeros.
    assert_eq!(cells(&parsed("a.csv", "=\"001\",'=\"001\"\n".as_bytes()).tables[0]), [["001", "=\"001\""]]);
}
