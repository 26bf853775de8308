//! What the audit log says of an act, in words of the office.
//!
//! The log keeps canonical names, because what is written there never changes and is hashed; the page translates them, says how many things an act was
//! about instead of their ids ([`ids`] has those), and names the person that it names. A detail that is not of the form that its act writes is shown as it
//! is stored. To add an act whose detail a person should read, add a line to [`told`] and one to the tests; the words of acts on accounts stand in
//! [`recorded`], because a citizen's copy of their data says them, too.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::accounts::recorded;
use crate::audit::Act;
use crate::contact_points::activities::ActivityKind;
use crate::contact_points::assignments::Step;
use crate::contact_points::assignments::extensions::ExtensionState;
use crate::contact_points::managing::PointAct;
use crate::drafts::corrections::CorrectionAct;
use crate::drafts::lineage::ContinuationKind;
use crate::drafts::versions::citation_of;
use crate::drafts::{DraftKind, DraftState};
use crate::ids::AccountId;
use crate::opinions::feedback::{DispositionKind, ExclusionReason};
use crate::opinions::moderation::HidingReason;
use crate::opinions::moderation::appeals::AppealOutcome;
use crate::opinions::triage::WHOLE;

/// Names of accounts that details speak of.
pub type Names = BTreeMap<AccountId, String>;

/// A detail as a person reads it.
pub fn detail(act: Act, stored: &str, names: &Names) -> String {
    told(act, stored, names).unwrap_or_else(|| stored.to_owned())
}

/// The account that a detail speaks of.
pub fn named(act: Act, stored: &str) -> Option<AccountId> {
    match act {
        Act::AssignOpinions => Some(AccountId(stored.split_once(" to ")?.1.split_once(": ")?.0.parse().ok()?)),
        _ => None,
    }
}

/// The ids in a detail.
pub fn ids(stored: &str) -> Vec<&str> {
    stored.split(|c: char| !c.is_ascii_hexdigit() && c != '-').filter(|word| is_id(word)).collect()
}

/// Whether it is an id as the log writes one: a UUID with its hyphens.
fn is_id(word: &str) -> bool {
    word.len() == 36 && Uuid::parse_str(word).is_ok()
}

/// Acts whose detail is empty or in words of the office. Each is named, so that a new one does not go unread.
macro_rules! without_detail {
    () => {
        Act::DeactivateAccount
            | Act::ReactivateAccount
            | Act::ChangePassword
            | Act::ExportPersonalData
            | Act::EraseAccount
            | Act::ResetPassword
            | Act::EnrolSecondFactor
            | Act::RemoveSecondFactor
            | Act::ResetSecondFactor
            | Act::EndSessions
            | Act::ExportAudit
            | Act::AppealHiding
            | Act::RetryDelivery
            | Act::CancelTask
            | Act::UndoOfflineOpinion
            | Act::ChangeActivity
            | Act::RemoveActivity
            | Act::WriteSelectionCall
            | Act::PublishSelectionCall
            | Act::WithdrawSelectionCall
            | Act::ApplyForSelection
            | Act::WithdrawApplication
            | Act::ScoreApplication
            | Act::InviteStaff
            | Act::RevokeInvitation
            | Act::AcceptInvitation
    };
}

fn told(act: Act, stored: &str, names: &Names) -> Option<String> {
    use Act::*;
    Some(match act {
        SignIn
        | LockSignIn
        | BindPhone
        | MergeAccounts
        | SignOut
        | ProvePassword
        | CreateAccount
        | ChangeAccount
        | AcceptPrivacyNotice
        | StateAge
        | RecordGuardianConsent => recorded::told(act, stored)?,
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
        AddDraftAttachment => {
            let (version, hash) = stored.split_once(' ')?;
            format!("第 {} 稿，文件散列 {hash}", number(version)?)
        }
        RemoveDraftAttachment => format!("第 {} 稿的一份附件", number(stored.split_once(' ')?.0)?),
        AddLegalBasis => {
            let (version, basis) = stored.split_once(' ')?;
            let (_, address) = basis.split_once(' ')?;
            let version = number(version)?;
            if address.is_empty() {
                format!("第 {version} 稿，法规全文")
            } else {
                format!("第 {version} 稿，法规的{}", place(address))
            }
        }
        RemoveLegalBasis => format!("第 {} 稿的一处依据", number(stored.split_once(' ')?.0)?),
        PromulgateDraft => is_id(stored).then(|| "已关联法规库中的法规".to_owned())?,
        CorrectPromulgation => format!("改动：{}", stored.split(' ').map(particular).collect::<Option<Vec<_>>>()?.join("、")),
        CorrectLineage => {
            let (kind, places) = stored.split_once(' ')?;
            let (old, new) = places.split_once('→')?;
            let list = |places: &str| -> Vec<String> { places.split('+').filter(|p| !p.is_empty()).map(place).collect() };
            super::drafting::relation(ContinuationKind::parse(kind)?.label(), &list(old), &list(new))
        }
        WithdrawLineageCorrection => is_id(stored).then(|| "一处更正".to_owned())?,
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
            let count = number(count)?;
            match which {
                "everything" => format!("{count} 条：全部待审核的"),
                group if group.starts_with("group ") => format!("{count} 条：同一组同类意见"),
                each => are_ids(each).then(|| format!("{count} 条"))?,
            }
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
            let which = match which {
                WHOLE => "：针对全文的".into(),
                opinions if are_ids(opinions) => String::new(),
                article => format!("：{}", place(article)),
            };
            let count = number(count)?;
            if whom == "nobody" {
                format!("{count} 条取消分派{which}")
            } else {
                let whom = names.get(&named(act, stored)?).map_or(super::staff_accounts::GONE, String::as_str);
                format!("{count} 条分派给{whom}{which}")
            }
        }
        TagOpinions => are_ids(stored).then(|| format!("{} 条", ids(stored).len()))?,
        ExcludeOpinions => {
            let (reason, which) = stored.split_once(": ")?;
            let reason = if reason == "taken in again" { "恢复办理" } else { ExclusionReason::parse(reason)?.label() };
            are_ids(which).then(|| format!("{reason}：{} 条", ids(which).len()))?
        }
        SealReceipts => {
            let (count, root) = stored.split_once(' ')?;
            format!("{} 条，散列 {root}", number(count)?)
        }
        WriteNote => is_id(stored).then(|| "一条备注".to_owned())?,
        KeepReason => match stored.split_once(' ')? {
            ("kept", _) => "保存一条理由".into(),
            ("removed", _) => "删除一条理由".into(),
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
        SendTask => match stored.strip_suffix(" further points") {
            Some(points) => format!("加发给 {} 个联系点", number(points)?),
            None => sent(stored)?,
        },
        PassOnTask => format!("转发给 {} 个联系点", number(stored.strip_suffix(" points")?)?),
        TakeUpAssignment | SubmitAssignment | ReturnAssignment | AcceptAssignment | CancelAssignment => Step::parse(stored)?.label().into(),
        AskExtension => format!("申请延长至 {stored}"),
        DecideExtension => ExtensionState::parse(stored)?.label().into(),
        HoldActivity => ActivityKind::parse(stored)?.label().into(),
        AddActivityFile | RemoveActivityFile => format!("文件散列 {stored}"),
        RecordOfflineOpinion => format!("回执号 {stored}"),
        // Their details are written in words of the office.
        UploadOpinions | CorrectUploadRow | CommitUpload | UndoUpload | DiscardUpload | ImportDocuments => return None,
        without_detail!() => return None,
    })
}

/// Whether there are ids, and nothing else.
fn are_ids(stored: &str) -> bool {
    !stored.is_empty() && stored.split(' ').all(is_id)
}

/// To how many points at once, and to how many organs to be passed on.
fn sent(stored: &str) -> Option<String> {
    let (points, organs) = stored.strip_suffix(" organs")?.split_once(" points, ")?;
    Some(match (number(points)?, number(organs)?) {
        (points, 0) => format!("下达给 {points} 个联系点"),
        (0, organs) => format!("下达给 {organs} 个县区司法局"),
        (points, organs) => format!("下达给 {points} 个联系点、{organs} 个县区司法局"),
    })
}

/// A number, as it is; `None` for anything else.
fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A provision as it is cited; 正文 for one that has no number.
fn place(address: &str) -> String {
    citation_of(address, "", true)
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
    if stored.strip_prefix("merged with ").is_some_and(is_id) {
        return Some("另一组同类意见并入本组".into());
    }
    let forms = [("made of ", "合为一组"), ("taken out ", "移出"), ("added ", "加入")];
    if let Some((words, rest)) = forms.iter().find_map(|(form, words)| stored.strip_prefix(form).map(|rest| (words, rest))) {
        return are_ids(rest).then(|| format!("{words}：{} 条", ids(rest).len()));
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
    use crate::accounts::Role;
    use crate::accounts::citizens::consent::{Age, Relation};

    const ONE: &str = "01900000-0000-7000-8000-000000000001";
    const TWO: &str = "01900000-0000-7000-8000-000000000002";

    fn names() -> Names {
        Names::from([(AccountId(ONE.parse().unwrap()), "经办人甲".to_owned())])
    }

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
            (AddLegalBasis, &format!("1 {ONE} art-7/para-2"), "第 1 稿，法规的第七条第二款"),
            (AddLegalBasis, &format!("1 {ONE} "), "第 1 稿，法规全文"),
            (RemoveDraftAttachment, &format!("1 {ONE}"), "第 1 稿的一份附件"),
            (CorrectPromulgation, "organ effective_on", "改动：公布机关、施行日期"),
            (CorrectLineage, "split art-3→art-4+art-5", "拆分：第三条 → 第四条、第五条"),
            (CorrectLineage, "deleted art-4→", "删除：第四条"),
            (CorrectLineage, "kept title-note→h-1", "保留：题注 → 正文"),
            (ExtendConsultation, "1: 2026-04-01 -> 2026-05-01", "第 1 次：2026-04-01 延长至 2026-05-01"),
            (PrepareDisposition, "out_of_scope", "与本草案无关"),
            (PrepareDisposition, "adopted for 8, 1 kept", "采纳：适用 8 条，1 条保留原有的答复"),
            (PassDisposition, "3: everything", "3 条：全部待审核的"),
            (PassDisposition, &format!("2: {ONE} {TWO}"), "2 条"),
            (ReturnDisposition, &format!("3: group {ONE}"), "3 条：同一组同类意见"),
            (SuggestGroups, "2 groups of 9, 1 joined", "新建 2 组，共 9 条；另有 1 条归入已有的组"),
            (ChangeGroup, "taken apart, 4", "拆散，4 条"),
            (ChangeGroup, &format!("made of {ONE} {TWO}"), "合为一组：2 条"),
            (AssignOpinions, "3 to nobody: whole", "3 条取消分派：针对全文的"),
            (AssignOpinions, &format!("3 to {ONE}: art-4"), "3 条分派给经办人甲：第四条"),
            (AssignOpinions, &format!("2 to {TWO}: {ONE} {TWO}"), "2 条分派给已注销的账号"),
            (TagOpinions, &format!("{ONE} {TWO}"), "2 条"),
            (ExcludeOpinions, &format!("taken in again: {ONE} {TWO}"), "恢复办理：2 条"),
            (ExcludeOpinions, &format!("repeated: {ONE}"), "重复提交：1 条"),
            (SealReceipts, "12 0a1b", "12 条，散列 0a1b"),
            (PublishFeedback, "8 published, 0 excluded", "公布 8 条，不作反馈 0 条"),
            (HideOpinion, "revision 1, entry 2 privacy", "涉及个人隐私；意见第 1 版，审核记录第 2 条"),
            (ShowOpinion, "revision 1, entry 2", "意见第 1 版，审核记录第 2 条"),
            (DecideAppeal, "granted, revision 1, entry 3", "申诉成立，恢复展示；意见第 1 版，审核记录第 3 条"),
            (ChangeContactPoint, "station_closed", "关闭信息采集点"),
            (PublishSelectionOutcome, "2 of 5", "5 份申报，入选 2 个"),
            (SendTask, "0 points, 1 organs", "下达给 1 个县区司法局"),
            (SendTask, "2 points, 1 organs", "下达给 2 个联系点、1 个县区司法局"),
            (SendTask, "3 further points", "加发给 3 个联系点"),
            (TakeUpAssignment, "acknowledge", "接收任务"),
            (ReturnAssignment, "return", "退回补正"),
            (HoldActivity, "symposium", "座谈会"),
            // What is in another form stays as it is.
            (PublishFeedback, "all of them", "all of them"),
            (TagOpinions, "all of them", "all of them"),
            (ImportDocuments, "办法.docx", "办法.docx"),
            (SignIn, "", ""),
        ] {
            assert_eq!(detail(act, stored, &names()), shown, "{act:?}");
        }
        for role in Role::ALL {
            assert_eq!(detail(CreateAccount, role.as_str(), &names()), role.label());
        }
    }

    #[test]
    fn ids_are_found_and_the_person_among_them() {
        let stored = format!("2 to {ONE}: {ONE} {TWO}");
        assert_eq!(ids(&stored), [ONE, ONE, TWO]);
        assert_eq!(ids("12 0a1b2c3d4e5f"), [""; 0]);
        assert_eq!(named(Act::AssignOpinions, &stored), Some(AccountId(ONE.parse().unwrap())));
        assert_eq!(named(Act::AssignOpinions, "2 to nobody: whole"), None);
    }

    /// What an act writes, in each of its forms; what people write themselves, in Chinese. An act without a line here does not compile.
    fn samples(act: Act) -> Vec<String> {
        use Act::*;
        let list = |forms: &[&str]| forms.iter().map(|form| form.replace('#', ONE)).collect::<Vec<String>>();
        macro_rules! each {
            ($type:ty, $form:literal) => {
                <$type>::ALL.iter().map(|one| format!($form, one.as_str())).collect()
            };
        }
        match act {
            SignIn => {
                list(&["password", "password and code", "password and recovery code", "phone", "wechat", "from 0123", "workplace closed"])
            }
            SignOut => list(&["", "one of the own sessions", "all other own sessions"]),
            ProvePassword => list(&["code", "password", "enrolment"]),
            LockSignIn => list(&["from 0123"]),
            BindPhone | MergeAccounts => list(&["code", "wechat"]),
            CreateAccount => each!(Role, "{}"),
            ChangeAccount => each!(Role, "{} -> auditor"),
            AcceptPrivacyNotice => list(&["2026-01"]),
            StateAge => each!(Age, "{}"),
            RecordGuardianConsent => each!(Relation, "{}"),
            RotateKeys => list(&["3 to 2"]),
            CreateDraft | ChangeDraft => each!(DraftKind, "{}"),
            AddDraftVersion | WriteExplanation | OpenConsultation | WithdrawConsultation | LoadContactPoints => list(&["2"]),
            CorrectDraftVersion => each!(CorrectionAct, "1 2 {}"),
            AddDraftAttachment => list(&["1 0123"]),
            RemoveDraftAttachment | RemoveLegalBasis => list(&["1 #"]),
            AddLegalBasis => list(&["1 # art-7/para-2", "1 # h-1", "1 # "]),
            PromulgateDraft | WithdrawLineageCorrection | WriteNote => list(&["#"]),
            CorrectPromulgation => {
                list(&["work_id organ document_number title adopted_on promulgated_on effective_on signatory early_reason"])
            }
            CorrectLineage => each!(ContinuationKind, "{} art-3→art-4+h-1/para-2"),
            ExtendConsultation => list(&["1: 2026-04-01 -> 2026-05-01"]),
            WithdrawDraft => each!(DraftState, "{}"),
            PrepareDisposition => {
                let plain: Vec<String> = each!(DispositionKind, "{}");
                let many: Vec<String> = each!(DispositionKind, "{} for 8, 1 kept");
                [plain, many].concat()
            }
            PassDisposition | ReturnDisposition => list(&["1: #", "2: # #", "3: group #", "3: everything"]),
            SuggestGroups => list(&["2 groups of 9, 1 joined"]),
            ChangeGroup => list(&["confirmed", "made of # #", "taken out #", "taken apart, 4", "added #", "merged with #"]),
            AssignOpinions => list(&["2 to #: # #", "2 to #: whole", "2 to #: art-4", "2 to nobody: # #"]),
            TagOpinions => list(&["# #"]),
            ExcludeOpinions => {
                let reasons: Vec<String> = each!(ExclusionReason, "{}: 01900000-0000-7000-8000-000000000001");
                [reasons, list(&["taken in again: # #"])].concat()
            }
            KeepReason => list(&["kept #", "removed #"]),
            PublishFeedback => list(&["8 published, 0 excluded"]),
            ShowOpinion | TakeBackModeration => list(&["revision 1, entry 2"]),
            HideOpinion => {
                let checked: Vec<String> = each!(HidingReason, "{}");
                let decided: Vec<String> = each!(HidingReason, "revision 1, entry 2 {}");
                [checked, decided].concat()
            }
            SealReceipts => list(&["12 0123"]),
            DecideAppeal => each!(AppealOutcome, "{}, revision 1, entry 3"),
            SendTask => list(&["1 points, 0 organs", "0 points, 1 organs", "2 points, 2 organs", "3 further points"]),
            PassOnTask => list(&["2 points"]),
            TakeUpAssignment | SubmitAssignment | ReturnAssignment | AcceptAssignment | CancelAssignment => each!(Step, "{}"),
            AskExtension => list(&["2026-05-01"]),
            DecideExtension => each!(ExtensionState, "{}"),
            HoldActivity => each!(ActivityKind, "{}"),
            AddActivityFile | RemoveActivityFile => list(&["0123"]),
            RecordOfflineOpinion => list(&["2026-0001"]),
            OpenContactPoint | ChangeContactPoint | RenewContactPoint | CloseContactPoint | ReopenContactPoint => each!(PointAct, "{}"),
            PublishSelectionOutcome => list(&["2 of 5"]),
            UploadOpinions | DiscardUpload | ImportDocuments => list(&["意见表"]),
            CommitUpload | UndoUpload => list(&["意见表：3 条"]),
            CorrectUploadRow => list(&["第 3 行"]),
            without_detail!() => list(&[""]),
        }
    }

    #[test]
    fn nothing_that_is_stored_is_shown_in_english_or_as_an_id() {
        for act in Act::ALL {
            for stored in samples(*act) {
                let shown = detail(*act, &stored, &names());
                assert!(!shown.contains(|c: char| c.is_ascii_alphabetic()), "{act:?}: {stored} is shown as {shown}");
                assert!(ids(&shown).is_empty(), "{act:?}: {stored} is shown as {shown}");
            }
        }
    }
}
