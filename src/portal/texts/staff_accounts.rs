//! Words of the staff's menu, their accounts and the audit log.

use crate::accounts::{Caller, Permission, Role};
use crate::audit::Verification;
use crate::portal::pages::Link;

/// Two typed passwords are not the same.
pub const PASSWORDS_DIFFER: &str = "两次输入的新密码不一致，请重新输入。";
/// The own password was changed.
pub const PASSWORD_CHANGED: &str = "密码已更换。您在其他设备上的登录都已退出。";
/// The own second step was taken away.
pub const SECOND_FACTOR_REMOVED: &str = "两步验证已停用。";
/// Own sessions were ended.
pub const OWN_SESSIONS_ENDED: &str = "已退出。";
/// An account that cannot sign in.
pub const CLOSED: &str = "已停用";
/// An account with a one-time password.
pub const FIRST_SIGN_IN: &str = "待首次登录";
/// An account that can sign in.
pub const OPEN: &str = "正常";
/// No role was chosen.
pub const CHOOSE_ROLE: &str = "请选择角色。";
/// No contact point was chosen.
pub const CHOOSE_POINT: &str = "请选择所属的联系点。";
/// No station was chosen.
pub const CHOOSE_STATION: &str = "请重新选择信息采集点。";
/// No organ was chosen.
pub const CHOOSE_ORGAN: &str = "请选择所属的县区司法局。";
/// An account, in "没有找到…".
pub const THIS_ACCOUNT: &str = "这个账号";
/// An account was changed.
pub const CHANGED: &str = "已保存。角色或所属单位有变动的，对方需要重新登录。";
/// An account was closed.
pub const NOW_CLOSED: &str = "账号已停用，所有登录都已退出。";
/// An account was opened again.
pub const NOW_OPEN: &str = "账号已恢复。";
/// A second step was taken away.
pub const SECOND_FACTOR_RESET: &str = "两步验证已清除，所有登录都已退出。";
/// Sessions were ended.
pub const SESSIONS_ENDED: &str = "这个账号的所有登录都已退出。";
/// The log has nobody of that name.
pub const NO_SUCH_PERSON: &str = "没有这个登录名，请核对后再查。";
/// The log knows no such thing.
pub const NO_SUCH_SUBJECT: &str = "对象编号不正确，请从列表中点选。";
/// The account of an entry is not there any more.
pub const GONE: &str = "已注销的账号";
/// An entry without an account.
pub const NOBODY: &str = "系统或未知账号";
/// An act succeeded.
pub const DONE: &str = "成功";
/// An act failed.
pub const FAILED: &str = "失败";

/// Pages of the staff that a person may open.
pub fn menu(caller: &Caller) -> Vec<Link> {
    let pages = [
        ("工作台", "/staff", Permission::ReadInbox),
        ("草案", "/staff/drafts", Permission::ReadUnpublishedDrafts),
        ("意见审核", "/staff/moderation", Permission::ReadModeration),
        ("征集任务", "/staff/tasks", Permission::ReadCollectionTasks),
        ("任务转发", "/staff/relays", Permission::PassOnTasks),
        ("联系点任务", "/point", Permission::WorkAtContactPoint),
        ("征集活动", "/point/activities", Permission::WorkAtContactPoint),
        ("征集统计", "/staff/statistics", Permission::ReadStatistics),
        ("联系点管理", "/staff/contact-points", Permission::ReadContactPoints),
        ("遴选", "/staff/selections", Permission::ReadSelections),
        ("通知投递", "/staff/deliveries", Permission::ReadDeliveries),
        ("工作人员账号", "/staff/users", Permission::ReadAccounts),
        ("审计日志", "/staff/audit", Permission::ReadAudit),
        ("我的账号", "/staff/account", Permission::KeepOwnLogin),
    ];
    let mine = pages.into_iter().filter(|(_, _, permission)| caller.may(*permission));
    // A point has its numbers at its own desk.
    let place =
        |url: &str| if caller.role == Role::PointStaff { url.replace("/staff/statistics", "/point/statistics") } else { url.to_owned() };
    mine.map(|(text, url, _)| Link { text: text.into(), url: place(url) }).collect()
}

/// The kind of thing that an entry of the audit log is about.
pub fn subject(name: &str) -> &str {
    match name {
        "account" => "账号",
        "activity" => "征集活动",
        "assignment" => "联系点任务",
        "audit" => "审计日志",
        "contact_point" => "联系点",
        "staff_invitation" => "邀请",
        "selection_call" => "遴选公告",
        "selection_application" => "遴选申报",
        "draft" => "草案",
        "import_job" => "导入",
        "upload_batch" => "上传批次",
        "keys" => "密钥",
        "opinion" => "意见",
        "opinion_group" => "同类意见",
        "outbox" => "通知",
        "task" => "征集任务",
        other => other,
    }
}

/// Result of checking the audit log.
pub fn checked(checked: &Verification) -> String {
    match (checked.broken_at, checked.what) {
        (Some(seq), what) => format!(
            "从第 {seq} 条起不一致：{}。此前 {} 条完整。请立即保全数据并核查。",
            what.map_or("记录有误", |what| what.label()),
            checked.entries.min(seq - 1)
        ),
        (None, _) => format!("完整：共 {} 条，{} 个锚点相符。", checked.entries, checked.anchors),
    }
}
