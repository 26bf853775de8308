//! What the audit log says of an act, in words of the office.
//!
//! The log keeps canonical names, because what is written there never changes and is hashed; the page translates them. A detail that is not of the form
//! that its act writes is shown as it is stored. To add an act whose detail a person should read, add a line to [`told`] and one to the test.

use crate::accounts::Role;
use crate::accounts::citizens::consent::{Age, Relation};
use crate::audit::Act;
use crate::contact_points::managing::PointAct;
use crate::drafts::corrections::CorrectionAct;
use crate::drafts::lineage::ContinuationKind;
use crate::drafts::versions::citation_of;
use crate::drafts::{DraftKind, DraftState};
use crate::opinions::feedback::{DispositionKind, ExclusionReason};
use crate::opinions::moderation::HidingReason;
use crate::opinions::moderation::appeals::AppealOutcome;
use crate::opinions::triage::WHOLE;

/// A detail as a person reads it.
pub fn detail(act: Act, stored: &str) -> String {
    told(act, stored).unwrap_or_else(|| stored.to_owned())
}

fn told(act: Act, stored: &str) -> Option<String> {
    use Act::*;
    Some(match act {
        SignIn | LockSignIn | BindPhone | MergeAccounts => way_in(stored)?,
        SignOut => match stored {
            "one of the own sessions" => "退出自己的一处登录".into(),
            "all other own sessions" => "退出自己的其他登录".into(),
            _ => return None,
        },
        ProvePassword => match stored {
            "code" => "下一步：输入验证码".into(),
            "password" => "下一步：更换密码".into(),
            "enrolment" => "下一步：启用两步验证".into(),
            _ => return None,
        },
        CreateAccount => Role::parse(stored)?.label().into(),
        ChangeAccount => {
            let (before, after) = stored.split_once(" -> ")?;
            let (before, after) = (Role::parse(before)?.label(), Role::parse(after)?.label());
            if before == after { format!("角色不变：{after}") } else { format!("角色由{before}改为{after}") }
        }
        AcceptPrivacyNotice => format!("告知版本 {stored}"),
        StateAge => Age::parse(stored)?.label().into(),
        RecordGuardianConsent => Relation::parse(stored)?.label().into(),
        RotateKeys => {
            let (count, key) = stored.split_once(" to ")?;
            format!("{count} 项改用密钥 {key}")
        }
        CreateDraft | ChangeDraft => DraftKind::parse(stored)?.label().into(),
        AddDraftVersion | WriteExplanation => format!("第 {} 稿", number(stored)?),
        CorrectDraftVersion => {
            let (version, rest) = stored.split_once(' ')?;
            let (revision, act) = rest.split_once(' ')?;
            format!("第 {} 稿第 {} 次改动：{}", number(version)?, number(revision)?, CorrectionAct::parse(act)?.label())
        }
        AddDraftAttachment => of_version(stored, "文件")?,
        RemoveDraftAttachment => of_version(stored, "附件")?,
        AddLegalBasis => {
            let (version, basis) = stored.split_once(' ')?;
            let (work, address) = basis.split_once(' ')?;
            format!("第 {} 稿，法规 {work}{}", number(version)?, place(address))
        }
        RemoveLegalBasis => of_version(stored, "依据")?,
        PromulgateDraft => format!("法规 {stored}"),
        CorrectPromulgation => format!("改动：{}", stored.split(' ').map(particular).collect::<Option<Vec<_>>>()?.join("、")),
        CorrectLineage => {
            let (kind, places) = stored.split_once(' ')?;
            let (old, new) = places.split_once('→')?;
            let list = |places: &str| -> Vec<String> { places.split('+').filter(|p| !p.is_empty()).map(place).collect() };
            super::drafting::relation(ContinuationKind::parse(kind)?.label(), &list(old), &list(new))
        }
        WithdrawLineageCorrection => format!("更正 {stored}"),
        OpenConsultation | WithdrawConsultation => format!("第 {} 次", number(stored)?),
        ExtendConsultation => {
            let (round, days) = stored.split_once(": ")?;
            let (before, after) = days.split_once(" -> ")?;
            format!("第 {} 次：{before} 延长至 {after}", number(round)?)
        }
        WithdrawDraft => format!("撤回前：{}", DraftState::parse(stored)?.label()),
        PrepareDisposition => prepared(stored)?,
        PassDisposition | ReturnDisposition => {
            let (count, which) = stored.split_once(": ")?;
            let which = match which.strip_prefix("group ") {
                Some(group) => format!("同类意见 {group}"),
                None if which == "everything" => "全部待审核的".into(),
                None => which.into(),
            };
            format!("{} 条：{which}", number(count)?)
        }
        SuggestGroups => {
            let (groups, rest) = stored.split_once(" groups of ")?;
            let (grouped, joined) = rest.strip_suffix(" joined")?.split_once(", ")?;
            format!("新建 {} 组，共 {} 条；另有 {} 条归入已有的组", number(groups)?, number(grouped)?, number(joined)?)
        }
        ChangeGroup => group(stored)?,
        AssignOpinions => {
            let (count, rest) = stored.split_once(" to ")?;
            let (whom, which) = rest.split_once(": ")?;
            let which = if which == WHOLE { "针对全文的".into() } else { place(which) };
            let count = number(count)?;
            if whom == "nobody" { format!("{count} 条取消分派：{which}") } else { format!("{count} 条分派给 {whom}：{which}") }
        }
        ExcludeOpinions => {
            let (reason, which) = stored.split_once(": ")?;
            let reason = if reason == "taken in again" { "恢复办理" } else { ExclusionReason::parse(reason)?.label() };
            format!("{reason}：{which}")
        }
        SealReceipts => {
            let (count, root) = stored.split_once(' ')?;
            format!("{} 条，散列 {root}", number(count)?)
        }
        WriteNote => format!("备注 {stored}"),
        KeepReason => match stored.split_once(' ')? {
            ("kept", id) => format!("保存 {id}"),
            ("removed", id) => format!("删除 {id}"),
            _ => return None,
        },
        PublishFeedback => {
            let (published, excluded) = stored.strip_suffix(" excluded")?.split_once(" published, ")?;
            format!("公布 {} 条，不作反馈 {} 条", number(published)?, number(excluded)?)
        }
        ShowOpinion | HideOpinion | TakeBackModeration => moderated(stored)?,
        DecideAppeal => {
            let (outcome, at) = stored.split_once(", ")?;
            format!("{}；{}", AppealOutcome::parse(outcome)?.label(), moderated(at)?)
        }
        OpenContactPoint | ChangeContactPoint | RenewContactPoint | CloseContactPoint | ReopenContactPoint => {
            PointAct::parse(stored)?.label().into()
        }
        PublishSelectionOutcome => {
            let (selected, all) = stored.split_once(" of ")?;
            format!("{} 份申报，入选 {} 个", number(all)?, number(selected)?)
        }
        LoadContactPoints => format!("{} 个", number(stored)?),
        _ => return None,
    })
}

/// A number, as it is; `None` for anything else.
fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A provision as it is cited; what is no address as it is.
fn place(address: &str) -> String {
    if address.is_empty() { String::new() } else { citation_of(address, address, true) }
}

fn way_in(stored: &str) -> Option<String> {
    Some(match stored {
        "password" => "用密码".into(),
        "password and code" => "用密码和验证码".into(),
        "password and recovery code" => "用密码和恢复码".into(),
        "phone" | "code" => "用手机验证码".into(),
        "wechat" => "用微信".into(),
        _ => format!("来源标记 {}", stored.strip_prefix("from ")?),
    })
}

/// A version by number, and a thing of it.
fn of_version(stored: &str, what: &str) -> Option<String> {
    let (version, id) = stored.split_once(' ')?;
    Some(format!("第 {} 稿，{what} {id}", number(version)?))
}

fn particular(name: &str) -> Option<&'static str> {
    Some(match name {
        "work_id" => "关联的法规",
        "organ" => "公布机关",
        "document_number" => "文号",
        "title" => "标题",
        "adopted_on" => "通过日期",
        "promulgated_on" => "公布日期",
        "effective_on" => "施行日期",
        "signatory" => "签署人",
        "early_reason" => "提前施行的理由",
        _ => return None,
    })
}

fn prepared(stored: &str) -> Option<String> {
    if let Some(kind) = DispositionKind::parse(stored) {
        return Some(kind.label().into());
    }
    let (kind, rest) = stored.split_once(" for ")?;
    let (answered, kept) = rest.strip_suffix(" kept")?.split_once(", ")?;
    Some(format!("{}：适用 {} 条，{} 条保留原有的答复", DispositionKind::parse(kind)?.label(), number(answered)?, number(kept)?))
}

fn group(stored: &str) -> Option<String> {
    if stored == "confirmed" {
        return Some("已确认".into());
    }
    let forms = [("made of ", "合为一组："), ("taken out ", "移出："), ("added ", "加入："), ("merged with ", "并入同类意见：")];
    if let Some((words, rest)) = forms.iter().find_map(|(form, words)| stored.strip_prefix(form).map(|rest| (words, rest))) {
        return Some(format!("{words}{rest}"));
    }
    Some(format!("拆散，{} 条", number(stored.strip_prefix("taken apart, ")?)?))
}

/// A decision about the display of an opinion: its wording, the entry of its history, the reason of a hiding; the reason alone when no person decided.
fn moderated(stored: &str) -> Option<String> {
    if let Some(reason) = HidingReason::parse(stored) {
        return Some(format!("{}（自动检查）", reason.label()));
    }
    let (revision, rest) = stored.strip_prefix("revision ")?.split_once(", entry ")?;
    let (entry, reason) = rest.split_once(' ').map_or((rest, None), |(entry, reason)| (entry, Some(reason)));
    let at = format!("意见第 {} 版，审核记录第 {} 条", number(revision)?, number(entry)?);
    match reason {
        Some(reason) => Some(format!("{}；{at}", HidingReason::parse(reason)?.label())),
        None => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_in_words_of_the_office() {
        use Act::*;
        for (act, stored, shown) in [
            (SignIn, "password and code", "用密码和验证码"),
            (SignIn, "from 0a1b2c3d", "来源标记 0a1b2c3d"),
            (ProvePassword, "enrolment", "下一步：启用两步验证"),
            (RotateKeys, "12 to k2", "12 项改用密钥 k2"),
            (AddDraftVersion, "2", "第 2 稿"),
            (CorrectDraftVersion, "1 3 edit", "第 1 稿第 3 次改动：改字"),
            (AddLegalBasis, "1 w art-7/para-2", "第 1 稿，法规 w第七条第二款"),
            (CorrectPromulgation, "organ effective_on", "改动：公布机关、施行日期"),
            (CorrectLineage, "split art-3→art-4+art-5", "拆分：第三条 → 第四条、第五条"),
            (CorrectLineage, "deleted art-4→", "删除：第四条"),
            (AssignOpinions, "2 to x: 0190-1 0190-2", "2 条分派给 x：0190-1 0190-2"),
            (ExtendConsultation, "1: 2026-04-01 -> 2026-05-01", "第 1 次：2026-04-01 延长至 2026-05-01"),
            (PrepareDisposition, "out_of_scope", "与本草案无关"),
            (PrepareDisposition, "adopted for 8, 1 kept", "采纳：适用 8 条，1 条保留原有的答复"),
            (PassDisposition, "3: everything", "3 条：全部待审核的"),
            (ReturnDisposition, "3: group g", "3 条：同类意见 g"),
            (SuggestGroups, "2 groups of 9, 1 joined", "新建 2 组，共 9 条；另有 1 条归入已有的组"),
            (ChangeGroup, "taken apart, 4", "拆散，4 条"),
            (AssignOpinions, "3 to nobody: whole", "3 条取消分派：针对全文的"),
            (AssignOpinions, "3 to x: art-4", "3 条分派给 x：第四条"),
            (ExcludeOpinions, "taken in again: x y", "恢复办理：x y"),
            (ExcludeOpinions, "repeated: x", "重复提交：x"),
            (SealReceipts, "12 0a1b", "12 条，散列 0a1b"),
            (PublishFeedback, "8 published, 0 excluded", "公布 8 条，不作反馈 0 条"),
            (HideOpinion, "revision 1, entry 2 privacy", "涉及个人隐私；意见第 1 版，审核记录第 2 条"),
            (ShowOpinion, "revision 1, entry 2", "意见第 1 版，审核记录第 2 条"),
            (DecideAppeal, "granted, revision 1, entry 3", "申诉成立，恢复展示；意见第 1 版，审核记录第 3 条"),
            (ChangeContactPoint, "station_closed", "关闭信息采集点"),
            (PublishSelectionOutcome, "2 of 5", "5 份申报，入选 2 个"),
            // What is in another form stays as it is.
            (PublishFeedback, "all of them", "all of them"),
            (ImportDocuments, "办法.docx", "办法.docx"),
            (SignIn, "", ""),
        ] {
            assert_eq!(detail(act, stored), shown, "{act:?}");
        }
        for role in Role::ALL {
            assert_eq!(detail(CreateAccount, role.as_str()), role.label());
        }
    }
}
