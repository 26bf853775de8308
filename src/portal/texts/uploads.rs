//! Words of uploaded files of opinions that are chosen in code.

use chrono::NaiveDate;

use crate::calendar;
use crate::contact_points::assignments::AssignmentState;
use crate::opinions::offline::batches::{Batch, BatchState, RowState};
use crate::opinions::offline::provenance::Origin;

/// The link to the uploaded files of a task.
pub const UPLOADS: &str = "上传意见表格";
/// A batch, in "没有找到…".
pub const THIS_BATCH: &str = "这个上传批次";
/// An assignment, in "没有找到…".
pub const THIS_TASK: &str = "这项征集任务";
/// Nothing was chosen.
pub const NO_CHOICE: &str = "不指定";
/// After a correction.
pub const CORRECTED: &str = "已更正，这一行可以导入了。";
/// After a correction that did not help.
pub const STILL_WRONG: &str = "已保存，但这一行仍需更正。";
/// After a correction that made it a repetition.
pub const REPEATED: &str = "已保存；这一行与已有的意见重复，不会导入。";
/// After a row was left out.
pub const SKIPPED: &str = "已跳过这一行。";
/// After a batch was taken back.
pub const UNDONE: &str = "已撤销：这一批产生的意见都已撤回，同一份文件可以重新上传。";
/// After a batch was given up.
pub const DISCARDED: &str = "已放弃这一批，没有产生任何意见。";
/// A file that is too large.
pub const TOO_LARGE: &str = "文件超过上限 32 MB，请分成几个文件上传。";

/// Why a task takes no files at present, and what to do.
pub fn closed(state: AssignmentState) -> &'static str {
    match state {
        AssignmentState::Sent => "请先接收任务并开始征集，再上传意见。",
        AssignmentState::Acknowledged => "请先开始征集，再上传意见。",
        AssignmentState::Collecting | AssignmentState::Returned => "",
        AssignmentState::Submitted => "任务已提交，不能再上传意见；需要补正的，由司法局退回。",
        AssignmentState::Accepted => "任务已验收，不能再上传意见。",
        AssignmentState::Cancelled => "任务已取消，不能再上传意见。",
    }
}

/// What is said before rows without a day get that of the whole batch.
pub fn undated(rows: i64, day: NaiveDate) -> String {
    format!("{rows} 行没有收集日期，将登记为{}。", super::day(day))
}

/// What a batch is at, in numbers.
pub fn summary(batch: &Batch) -> String {
    let of = |state| batch.counts.of(state);
    match batch.state {
        BatchState::Reading | BatchState::Checking | BatchState::Committing => {
            batch.percent().map_or_else(|| "正在开始".to_owned(), |percent| format!("{percent}%"))
        }
        BatchState::Mapping => "请说明各列的内容".into(),
        BatchState::Checked => {
            format!("可以导入 {} 行，需要更正 {} 行，重复 {} 行", of(RowState::Ready), of(RowState::Problem), of(RowState::Duplicate))
        }
        BatchState::Committed => format!("已导入 {} 条", of(RowState::Committed)),
        BatchState::Undone => format!("撤回 {} 条", of(RowState::Undone)),
        BatchState::Discarded => String::new(),
        BatchState::Failed => batch.failure.clone(),
    }
}

/// Where an offline opinion came from, in one line; never who entered it.
pub fn origin(origin: &Origin) -> String {
    let mut parts = vec![origin.point_name.clone()];
    parts.extend(Some(origin.station_name.clone()).filter(|name| !name.is_empty()));
    let method = match (origin.method_words.is_empty(), origin.activity_title.is_empty()) {
        (_, false) => format!("{}“{}”", origin.method.label(), origin.activity_title),
        (false, true) => origin.method_words.clone(),
        (true, true) => origin.method.label().to_owned(),
    };
    parts.push(method);
    parts.extend(Some(origin.place.clone()).filter(|place| !place.is_empty()));
    parts.extend(Some(&origin.collector).filter(|name| !name.is_empty()).map(|name| format!("收集人 {name}")));
    parts.push(format!("{} 收集", super::day(origin.collected_on)));
    parts.push(format!("{} 录入", super::day(calendar::day_of(origin.entered_at))));
    parts.push(origin.consent.label().to_owned());
    parts.extend(origin.row_number.map(|row| format!("表格第 {row} 行")));
    parts.extend(Some(&origin.provision_words).filter(|words| !words.is_empty()).map(|words| format!("表中所写条款“{words}”")));
    parts.join(" · ")
}

/// Size of a file.
pub fn size(bytes: i64) -> String {
    let kib = (bytes + 1023) / 1024;
    if kib < 1024 { format!("{kib} KB") } else { format!("{}.{} MB", kib / 1024, kib % 1024 * 10 / 1024) }
}

/// How a column is called on pages: its letter, as spreadsheets show it.
pub fn letter(column: usize) -> String {
    let mut name = String::new();
    let mut n = column + 1;
    while n > 0 {
        name.insert(0, char::from(b'A' + u8::try_from((n - 1) % 26).unwrap_or(0)));
        n = (n - 1) / 26;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letter(column), name);
        }
    }
}
