//! Words about collection tasks, the desk of a contact point, and activities.

use chrono::NaiveDate;

use super::moment;
use crate::calendar;
use crate::contact_points::activities::Activity;
use crate::contact_points::assignments::extensions::{ExtensionRequest, ExtensionState};
use crate::contact_points::assignments::moving::AssignmentEntry;
use crate::contact_points::assignments::own::Shelf;
use crate::contact_points::assignments::{Assignment, AssignmentState};
use crate::contact_points::tasks::{Task, TaskState};
use crate::portal::pages::Badge;

/// A task, in "没有找到…".
pub const THIS_TASK: &str = "这项征集任务";
/// An activity, in "没有找到…".
pub const THIS_ACTIVITY: &str = "这次征集活动";
/// A file, in "没有找到…".
pub const THIS_FILE: &str = "这个文件";
/// Fact: the draft.
pub const DRAFT: &str = "草案";
/// Fact: until when.
pub const DUE: &str = "任务截止";
/// Fact: until when the round takes opinions.
pub const ROUND_ENDS: &str = "征求意见截止";
/// Fact: when it was sent.
pub const SENT: &str = "下达";
/// Fact: when it was submitted.
pub const SUBMITTED: &str = "提交";
/// Fact: how many opinions the point has entered.
pub const ENTERED: &str = "已录入";
/// Fact: how many opinions.
pub const OPINIONS: &str = "意见（条）";
/// Fact: the region.
pub const REGION: &str = "所在地区";
/// Fact: why it was called off.
pub const CANCELLED_BECAUSE: &str = "取消的理由";
/// A task was passed on.
pub const PASSED_ON: &str = "已转发，联系点会收到消息。";
/// What became of the opinions.
pub const OUTCOMES: &str = "意见采纳情况";
/// The poster.
pub const POSTER: &str = "海报（带二维码，打印张贴）";
/// What the picture on the poster is called.
pub const POSTER_QR: &str = "扫码查看草案、提出意见的二维码";
/// Everything, as a choice.
pub const ALL: &str = "全部";
/// Points were added.
pub const POINTS_ADDED: &str = "已下达给选择的联系点。";
/// A task was called off.
pub const TASK_CANCELLED: &str = "任务已取消，联系点会收到消息。";
/// An assignment was given back.
pub const RETURNED: &str = "已退回，联系点会收到消息。";
/// An assignment was accepted.
pub const ACCEPTED: &str = "已验收，联系点会收到消息。";
/// An assignment was called off.
pub const CANCELLED: &str = "已取消，联系点会收到消息。";
/// A request for more time was decided.
pub const DECIDED: &str = "延期申请已答复，联系点会收到消息。";
/// The point has the task.
pub const ACKNOWLEDGED: &str = "已接收。准备好之后点“开始征集”。";
/// The point began.
pub const STARTED: &str = "已开始征集。";
/// The point submitted.
pub const HANDED_IN: &str = "已提交司法局。验收或者退回时，您会收到消息。";
/// The point asked for more time.
pub const ASKED: &str = "延期申请已发给司法局，答复时您会收到消息。";
/// An activity was written down.
pub const ACTIVITY_KEPT: &str = "活动已登记。可以在下面添加照片、录音和材料。";
/// An activity was changed.
pub const ACTIVITY_CHANGED: &str = "已保存。";
/// An activity was removed.
pub const ACTIVITY_REMOVED: &str = "活动已移除。";
/// A file was added.
pub const FILE_ADDED: &str = "文件已添加。";
/// A file was removed.
pub const FILE_REMOVED: &str = "文件已移除。";
/// No file was chosen.
pub const NO_FILE: &str = "请选择要添加的文件。";
/// No draft is chosen yet.
pub const NO_DRAFT: &str = "请先选择正在征求意见的草案。";
/// What an unreadable number says.
pub const BAD_NUMBER: &str = "请填写数字，没有的填 0。";
/// First form of the instructions.
pub const INSTRUCTIONS: &str = "一、请通过座谈会、走访、问卷等方式，听取群众对草案的意见建议，意见尽量对应到具体条款。\n二、请如实记录意见的原话和理由，注明收集的日期、地点和方式；公开展示须征得提出人同意。\n三、请在截止日期前录入全部意见并提交。";

/// A task was sent, to how many points and county organs.
pub fn task_sent(points: i64, organs: usize) -> String {
    let told = match (points > 0, organs > 0) {
        (true, true) => "联系点和县区司法局",
        (false, true) => "县区司法局",
        _ => "联系点",
    };
    format!("任务已下达，{told}会收到消息。")
}

/// First form of a title.
pub fn task_title(draft: &str) -> String {
    let title: String = draft.chars().take(80).collect();
    format!("《{title}》意见征集")
}

/// A due date.
pub fn due(day: NaiveDate) -> String {
    format!("{} 24 时", calendar::written(day))
}

/// Where a task stands.
pub fn task_badge(task: &Task) -> Badge {
    let tone = match task.state {
        TaskState::Open => "blue",
        TaskState::Cancelled => "off",
    };
    Badge { text: task.state.label().into(), tone }
}

/// A state with its colour.
pub fn state_badge(state: AssignmentState) -> Badge {
    let tone = match state {
        AssignmentState::Sent => "wait",
        AssignmentState::Acknowledged | AssignmentState::Collecting => "blue",
        AssignmentState::Submitted => "good",
        AssignmentState::Returned => "stop",
        AssignmentState::Accepted => "good",
        AssignmentState::Cancelled => "off",
    };
    Badge { text: state.label().into(), tone }
}

/// Where an assignment stands, and whether it is overdue or was late.
pub fn badges(assignment: &Assignment, now: chrono::DateTime<chrono::Utc>) -> Vec<Badge> {
    let mut badges = vec![state_badge(assignment.state)];
    if assignment.is_overdue(now) {
        badges.push(Badge { text: "已逾期".into(), tone: "stop" });
    } else if assignment.was_late() {
        badges.push(Badge { text: "逾期提交".into(), tone: "wait" });
    }
    badges
}

/// How many assignments are in a state.
pub fn counted(state: AssignmentState, count: i64) -> Badge {
    Badge { text: format!("{} {count}", state.label()), ..state_badge(state) }
}

/// How many assignments are overdue.
pub fn overdue(count: i64) -> Badge {
    Badge { text: format!("已逾期 {count}"), tone: "stop" }
}

/// How many tasks wait for a county to pass them on.
pub fn waiting_relays(count: i64) -> String {
    if count == 0 { "没有待转发的征集任务".into() } else { format!("待转发的征集任务 {count} 项") }
}

/// How many requests for more time wait.
pub fn waiting(count: i64) -> Badge {
    Badge { text: format!("延期申请 {count}"), tone: "wait" }
}

/// Draft and due date of a task.
pub fn task_meta(task: &Task) -> String {
    format!("{} · {}截止 · {}下达", task.draft_title, due(task.due_on()), super::day(calendar::day_of(task.created_at)))
}

/// Who and when.
pub fn entry_by(entry: &AssignmentEntry) -> String {
    let at = moment(entry.at);
    entry.by_name.as_ref().map_or_else(|| at.clone(), |name| format!("{name}，{at}"))
}

/// What became of a request for more time.
pub fn extension_badge(state: ExtensionState) -> Badge {
    let tone = match state {
        ExtensionState::Asked => "wait",
        ExtensionState::Granted => "good",
        ExtensionState::Refused => "stop",
    };
    Badge { text: state.label().into(), tone }
}

/// What a request asks for.
pub fn extension_asked(request: &ExtensionRequest) -> String {
    format!("申请延期至{}（{}）", calendar::written(request.asked_until), moment(request.asked_at))
}

/// What the bureau said to it.
pub fn extension_answer(request: &ExtensionRequest) -> String {
    let until = request.granted_until.map(|day| format!("延期至{}。", calendar::written(day))).unwrap_or_default();
    format!("{until}{}", request.remark)
}

/// Day, place and people of an activity.
pub fn activity_meta(activity: &Activity) -> String {
    let facts = &activity.facts;
    let mut parts = vec![super::day(facts.held_on), facts.place.clone(), people(facts.people_present, facts.people_reached)];
    parts.extend(activity.station_name.clone());
    if activity.files > 0 {
        parts.push(format!("{} 个文件", activity.files));
    }
    parts.join(" · ")
}

/// How many opinions an assignment has, and how they came in.
pub fn entered(opinions: i64, uploaded: i64) -> String {
    let count = super::grouped;
    format!("{} 条（代录 {}，上传 {}）", count(opinions), count(opinions - uploaded), count(uploaded))
}

/// How many opinions an assignment has.
pub fn opinions(count: i64) -> String {
    format!("意见 {} 条", super::grouped(count))
}

/// Where the opinions behind their number are read.
pub fn see_opinions(count: i64) -> String {
    format!("查看这 {} 条意见", super::grouped(count))
}

/// People of an activity.
pub fn people(present: i64, reached: i64) -> String {
    format!("到场 {present} 人，覆盖 {reached} 人次")
}

/// Kind and size of a file.
pub fn file(label: &str, bytes: i64) -> String {
    if bytes < 1 << 20 {
        format!("{label}，{} KB", (bytes / 1024).max(1))
    } else {
        format!("{label}，{}.{} MB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
    }
}

/// What an empty shelf says.
pub fn empty_shelf(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Todo => "现在没有待办的征集任务。司法局下达新任务时，您会收到消息。",
        Shelf::New => "没有新任务。",
        Shelf::Collecting => "没有正在征集的任务。",
        Shelf::Returned => "没有被退回的任务。",
        Shelf::Overdue => "没有逾期的任务。",
        Shelf::Done => "还没有提交过任务。",
    }
}

/// What is unusual about submitting after the due date.
pub fn late(day: NaiveDate) -> String {
    format!("任务的截止日期是{}，现在提交会记为逾期提交。", calendar::written(day))
}

/// What is unusual about submitting while files wait.
pub fn not_committed(files: i64) -> String {
    format!("还有 {files} 份上传的文件还没有导入；提交以后不能再导入。不需要的，请先在“上传意见表格”中放弃。")
}

/// What is unusual about submitting while files have rows that were not committed.
pub fn left_out(files: &[(String, i64)]) -> String {
    let named: Vec<String> = files.iter().take(NAMED_FILES).map(|(name, rows)| format!("{name} 还有 {rows} 行")).collect();
    let more = match files.len().saturating_sub(NAMED_FILES) {
        0 => String::new(),
        others => format!("，另有 {others} 份文件也有没有导入的行"),
    };
    format!("{}没有导入{more}；提交以后不能再导入。需要的，请先在“上传意见表格”中更正、导入；不需要的，请跳过。", named.join("、"))
}

/// Files that one sentence names.
const NAMED_FILES: usize = 3;

/// What is unusual about submitting without an activity.
pub const NO_ACTIVITY: &str = "还没有登记征集活动。开展过座谈、走访等活动的，建议先登记。";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_is_said() {
        for (points, organs, told) in [(2, 0, "，联系点会"), (0, 1, "，县区司法局会"), (1, 1, "，联系点和县区司法局会")]
        {
            assert!(task_sent(points, organs).contains(told), "{points} {organs}");
        }
    }

    #[test]
    fn three_files_are_named() {
        let files: Vec<(String, i64)> = (1..=4).map(|n| (format!("{n}.xlsx"), n)).collect();
        assert!(left_out(&files[..1]).starts_with("1.xlsx 还有 1 行没有导入；"));
        assert!(
            left_out(&files).contains("3.xlsx 还有 3 行没有导入，另有 1 份文件也有没有导入的行；") && !left_out(&files).contains("4.xlsx")
        );
    }
}
