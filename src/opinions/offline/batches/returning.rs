//! The file with an extra column of problems, to be corrected in a spreadsheet and uploaded again.

use super::{RowFilter, RowState, Uploads, list_rows};
use crate::accounts::Caller;
use crate::documents::writing::returned::{CsvSheets, ReturnedSheets};
use crate::error::Result;
use crate::ids::UploadBatchId;

/// Rows read at a time.
const ROWS: usize = 1_000;

/// A file to be handed out.
#[derive(Clone, Debug)]
pub struct Returned {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is separated values, else a workbook.
    pub is_csv: bool,
}

enum Writer {
    Book(Box<ReturnedSheets>),
    Csv(Box<CsvSheets>),
}

/// Writes the rows of a batch where they stood, corrections included, with what is wrong with each at its right. Words are written as words: what begins like a
/// formula is none.
pub async fn return_file(at: &Uploads, caller: &Caller, id: UploadBatchId, is_csv: bool) -> Result<Returned> {
    let mut writer = if is_csv { Writer::Csv(Box::default()) } else { Writer::Book(Box::default()) };
    let mut cursor: Option<String> = None;
    let mut sheet = None;
    let mut name = String::new();
    loop {
        let (batch, page) = list_rows(at, caller, id, RowFilter::default(), cursor.as_deref(), ROWS).await?;
        name.clone_from(&batch.name);
        for row in page.items {
            let layout = batch.sheets.get(row.sheet);
            let width = layout.map_or(0, |s| s.layout.columns.len());
            if sheet != Some(row.sheet) {
                sheet = Some(row.sheet);
                let title = layout.map_or("", |s| s.name.as_str());
                match &mut writer {
                    Writer::Book(book) => book.sheet(title, width)?,
                    Writer::Csv(csv) => csv.sheet(),
                }
            }
            let is_heading = layout.is_some_and(|s| s.layout.heading == usize::try_from(row.ordinal - s.first_ordinal).ok());
            let remark = if is_heading { "检查结果".to_owned() } else { remark(&row) };
            let is_error = row.state == RowState::Problem;
            match &mut writer {
                Writer::Book(book) => book.row(row.number, &row.cells, width, &remark, is_error)?,
                Writer::Csv(csv) => csv.row(row.number, &row.cells, width, &remark)?,
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    Ok(match writer {
        Writer::Book(book) => Returned { name: format!("{stem}（检查结果）.xlsx"), bytes: book.finish()?, is_csv },
        Writer::Csv(csv) => Returned { name: format!("{stem}（检查结果）.csv"), bytes: csv.finish()?, is_csv },
    })
}

fn remark(row: &super::BatchRow) -> String {
    let mut words: Vec<String> = row.problems.iter().map(|problem| problem.sentence.clone()).collect();
    match row.state {
        RowState::Skipped => words = vec![format!("已跳过：{}", row.skip_reason)],
        RowState::NotOpinion => return String::new(),
        _ => {}
    }
    let state = match row.state {
        RowState::Problem => "需要更正：",
        RowState::Duplicate => "重复：",
        _ if words.is_empty() => return String::new(),
        RowState::Ready | RowState::Committed => "请留意：",
        _ => "",
    };
    format!("{state}{}", words.join("；"))
}
