//! Files that mean harm, or are not what they say: one clear sentence each, and nothing is created.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx, open_workbook_from_rs};
use zhitong::error::Code;
use zhitong::opinions::offline::batches::{self, BatchState, Which};

use super::support::{Point, xlsx};

/// A workbook whose only sheet has given rows.
fn book(rows: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    const NS: &str = "http://schemas.openxmlformats.org";
    let mut files = vec![
        ("_rels/.rels".to_owned(), format!(r#"<Relationships xmlns="{NS}/package/2006/relationships"><Relationship Id="rId1" Type="{NS}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#).into_bytes()),
        ("xl/workbook.xml".to_owned(), format!(r#"<workbook xmlns="{NS}/spreadsheetml/2006/main" xmlns:r="{NS}/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#).into_bytes()),
        ("xl/_rels/workbook.xml.rels".to_owned(), format!(r#"<Relationships xmlns="{NS}/package/2006/relationships"><Relationship Id="rId1" Type="{NS}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#).into_bytes()),
        ("xl/worksheets/sheet1.xml".to_owned(), format!(r#"<worksheet xmlns="{NS}/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>"#).into_bytes()),
    ];
    files.extend(more.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())));
    zhitong::documents::archive::pack(&files).unwrap()
}

fn row(number: usize, words: &str) -> String {
    format!(r#"<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>{words}</t></is></c></row>"#)
}

#[tokio::test]
async fn hostile_files_end_in_a_sentence() {
    let point = Point::start().await;
    let empty: String = (1..=1_000_000).map(|n| format!(r#"<row r="{n}"></row>"#)).collect();
    let bomb = format!("{}{}", row(1, "意见"), " ".repeat(20 << 20));
    let encrypted: Vec<u8> =
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".iter().copied().chain("EncryptedPackage".bytes().flat_map(|b| [b, 0])).collect();
    for (name, bytes, part) in [
        ("空行.xlsx", book(&empty, &[]), "1000000 个没有内容的行"),
        ("炸弹.xlsx", book(&bomb, &[]), "压缩炸弹"),
        ("加密.xlsx", encrypted, "打开密码"),
        ("网页.xls", b"<html><body><table><tr><td>1</td></tr></table></body></html>".to_vec(), "网页"),
        ("图片.xlsx", b"\x89PNG\r\n\x1a\n".to_vec(), "图片"),
        ("坏的.xlsx", b"PK\x03\x04 broken".to_vec(), "损坏"),
        ("文档.pdf", b"%PDF-1.7".to_vec(), "PDF"),
    ] {
        let batch = point.upload(name, bytes).await;
        assert!(
            batch.state == BatchState::Failed && batch.failure.contains(part) && batch.counts.all() == 0,
            "{name}: {:?} {}",
            batch.state,
            batch.failure
        );
    }
    let empty = batches::upload(&point.uploads(), &point.caller, point.assignment, "空.xlsx", Vec::new()).await.unwrap_err();
    assert_eq!(empty.code, Code::Invalid);
    // What points outside or could run is neither opened nor run, and said.
    let rows = format!("{}{}", row(1, "意见"), row(2, "都好"));
    let batch = point
        .upload("链接.xlsm", book(&rows, &[("xl/externalLinks/externalLink1.xml", b"<externalLink/>"), ("xl/vbaProject.bin", b"x")]))
        .await;
    let notices = batch.notices.join("");
    assert!(batch.state == BatchState::Checked && notices.contains("宏") && notices.contains("没有打开"), "{notices}");
    assert_eq!(point.opinions().await, 0);
    point.app.finish().await;
}

#[tokio::test]
async fn formulas_in_cells_stay_words() {
    let point = Point::start().await;
    let at = point.uploads();
    let evil = "=cmd|' /C calc'!A1";
    let batch =
        point.upload("公式.xlsx", xlsx(&[&["条款", "意见", "提出人"], &["第一条", evil, "@SUM(A1)"], &["第九十九条", "+1", ""]])).await;
    let file = batches::return_file(&at, &point.caller, batch.id, false).await.unwrap();
    assert_eq!(file.name, "公式（检查结果）.xlsx");
    let mut read: Xlsx<_> = open_workbook_from_rs(Cursor::new(file.bytes)).unwrap();
    let name = read.sheet_names()[0].clone();
    assert!(read.worksheet_formula(&name).unwrap().is_empty(), "nothing is a formula");
    let range = read.worksheet_range(&name).unwrap();
    assert_eq!(range.get((1, 1)), Some(&Data::String(evil.into())));
    assert!(matches!(range.get((2, 3)), Some(Data::String(words)) if words.contains("没有“第九十九条”")), "{range:?}");
    let csv = batches::return_file(&at, &point.caller, batch.id, true).await.unwrap();
    let text = String::from_utf8(csv.bytes).unwrap();
    assert!(text.contains(&format!(",'{evil},'@SUM(A1)")) && text.contains(",'+1,"), "{text}");
    // As an opinion the words are the words that were said.
    let batch = point.commit(&batch, Which::Ready).await;
    assert_eq!(batch.state, BatchState::Committed);
    let body: String = zhitong::on_db!(&at.db, pool => sqlx::query_scalar("SELECT body FROM opinion").fetch_one(pool).await).unwrap();
    assert_eq!(body, evil);
    point.app.finish().await;
}

#[tokio::test]
async fn work_that_broke_off_goes_on_without_doing_anything_twice() {
    let point = Point::start().await;
    let at = point.uploads();
    let rows: Vec<Vec<String>> = (1..=450).map(|n| vec!["第一条".to_owned(), format!("意见之{n}")]).collect();
    let mut all: Vec<Vec<&str>> = vec![vec!["条款", "意见"]];
    all.extend(rows.iter().map(|row| row.iter().map(String::as_str).collect()));
    let bytes = xlsx(&all.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let uploaded = batches::upload(&at, &point.caller, point.assignment, "大.xlsx", bytes).await.unwrap();
    // The process dies before it begins: nobody may go on while the claim is fresh, anybody of the point may later.
    assert_eq!(batches::resume(&at, &point.caller, uploaded.batch).await.unwrap_err().code, Code::Conflict);
    point.silence();
    assert!(point.batch(uploaded.batch).await.is_stalled(point.app.clock.now(), &at.rules));
    let worker = batches::resume(&at, &point.caller, uploaded.batch).await.unwrap();
    // The one who was thought dead comes back, and has no word any more.
    batches::work(at.clone(), point.caller.clone(), uploaded.batch, uploaded.worker.unwrap()).await;
    let batch = point.work(uploaded.batch, worker).await;
    assert_eq!((batch.state, batch.counts.of(batches::RowState::Ready)), (BatchState::Checked, 450), "{}", batch.failure);
    // A commit that dies in the middle: some rows are opinions already.
    batches::commit(&at, &point.caller, batch.id, batch.revision, Which::All).await.unwrap();
    const HALF: &str = "UPDATE upload_row SET state = 'pending' WHERE batch_id = $1 AND ordinal > 200";
    const BACK: &str = "UPDATE upload_row SET state = 'ready' WHERE batch_id = $1 AND state = 'pending'";
    let run = async |statement: &'static str| {
        let mut tx = at.db.begin().await.unwrap();
        zhitong::on_tx!(&mut tx, c => sqlx::query(statement).bind(batch.id).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    };
    run(HALF).await;
    point.silence();
    let worker = batches::resume(&at, &point.caller, batch.id).await.unwrap();
    let half = point.work(batch.id, worker).await;
    assert_eq!((half.state, point.opinions().await), (BatchState::Committed, 200));
    run(BACK).await;
    let batch = point.batch(batch.id).await;
    let batch = point.commit(&batch, Which::All).await;
    assert_eq!((batch.counts.of(batches::RowState::Committed), point.opinions().await), (450, 450));
    point.app.finish().await;
}

/// A workbook of Excel 97–2003 with given records.
fn old_book(records: &[u8]) -> Vec<u8> {
    const END: u32 = 0xffff_fffe;
    // The header; the chains; the directory; a stream of 4,096 bytes.
    let mut file = vec![0u8; 512 * 11];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    put(24, &[0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    for (at, number) in [(44, 1), (48, 1), (56, 4096), (60, END), (68, END)] {
        put(at, &number.to_le_bytes());
    }
    put(76, &[0xff; 436]);
    put(76, &[0; 4]);
    put(512, &[0xff; 512]);
    for (at, number) in (0..).zip([0xffff_fffd, END, 3, 4, 5, 6, 7, 8, 9, END]) {
        put(512 + 4 * at, &number.to_le_bytes());
    }
    for (at, name, kind, first, size) in [(1024, "Root Entry", 5, END, 0u32), (1152, "Workbook", 2, 2, 4096)] {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        put(at, &name);
        put(at + 64, &(name.len() as u16 + 2).to_le_bytes());
        put(at + 66, &[kind, 1]);
        put(at + 68, &[0xff; 12]);
        put(at + 116, &first.to_le_bytes());
        put(at + 120, &size.to_le_bytes());
    }
    put(1536, records);
    file
}

#[tokio::test]
async fn a_file_that_breaks_its_reader_is_not_work_to_go_on_with() {
    let point = Point::start().await;
    // A name that ends before its length: the library reads past its end.
    let records = [[0x09, 0x08, 16, 0, 0, 6, 5, 0].as_slice(), &[0; 12], &[0x18, 0, 0, 0], &[0x0a, 0, 0, 0]].concat();
    let batch = point.upload("坏的.xls", old_book(&records)).await;
    assert!(batch.state == BatchState::Failed && batch.failure.contains("表格内容已损坏"), "{:?} {}", batch.state, batch.failure);
    assert_eq!(batches::resume(&point.uploads(), &point.caller, batch.id).await.unwrap_err().code, Code::Conflict);
    point.app.finish().await;
}

#[tokio::test]
async fn whoever_was_overtaken_while_reading_leaves_the_rows_alone() {
    const BACK: &str = "UPDATE upload_batch SET state = 'reading', worker = $2 WHERE id = $1";
    const DONE: &str = "UPDATE upload_batch SET state = 'checked', worker = NULL WHERE id = $1";
    let point = Point::start().await;
    let at = point.uploads();
    let batch = point.upload("意见.xlsx", xlsx(&[&["条款", "意见"], &["第一条", "改"], &["第一条", "删"]])).await;
    assert_eq!((batch.state, batch.counts.all()), (BatchState::Checked, 3));
    let late = at.ids.next();
    let mut tx = at.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(BACK).bind(batch.id).bind(late).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    // Another one has taken over and is done by the time that the late one has read the file: until then it waits for the writer.
    let mut tx = at.db.begin().await.unwrap();
    zhitong::on_tx!(&mut tx, c => sqlx::query(DONE).bind(batch.id).execute(c).await.map(drop)).unwrap();
    let finish = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        tx.commit().await.unwrap();
    };
    tokio::join!(batches::work(at.clone(), point.caller.clone(), batch.id, late), finish);
    let after = point.batch(batch.id).await;
    assert_eq!((after.state, after.counts.all(), after.failure.as_str()), (BatchState::Checked, 3, ""));
    point.app.finish().await;
}

#[tokio::test]
async fn a_file_with_remarks_comes_back_as_what_it_was() {
    let point = Point::start().await;
    let at = point.uploads();
    let rows: [&[&str]; 4] = [
        &["甲栏", "条款", "意见", "乙栏"],
        &["x", "第九十九条", "-5 度以下不开放", ""],
        &["y", "第一条", "=改", "z"],
        &["", "第一条", "@删", ""],
    ];
    let batch = point.upload("意见.xlsx", xlsx(&rows)).await;
    let cells = async |id| point.rows(id, None).await.into_iter().map(|row| row.cells).collect::<Vec<_>>();
    let before = cells(batch.id).await;
    for is_csv in [false, true] {
        let file = batches::return_file(&at, &point.caller, batch.id, is_csv).await.unwrap();
        let again = point.upload(&file.name, file.bytes).await;
        assert_eq!(again.sheets[0].layout, batch.sheets[0].layout, "{}", file.name);
        assert_eq!(cells(again.id).await, before, "{}", file.name);
    }
    point.app.finish().await;
}
