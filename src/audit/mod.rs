//! 审计: who did what to which thing, when, and whether it succeeded.
//!
//! An entry is written in the transaction of the act itself, last before the commit: the chain has one end, so its writers go one after another.
//! Each entry holds the SM3 hash of itself and of the one before, and the end of the chain is kept beside it. [`checking`] finds the first place
//! where the chain does not hold and says what that can and cannot show; [`reading`] lists and exports. To add an act, add a line to [`Act`].

pub mod checking;
pub mod reading;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use crate::error::Result;
use crate::ids::{AccountId, Clock};
use crate::on_tx;
use crate::storage::Tx;
use crate::storage::crypto::sm3_hex;
use crate::storage::sql::failed;

pub use checking::{Verification, verify};
pub use reading::{AuditFilter, list_entries};

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $label:literal;)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act { $($(#[$doc])* $name),+ }

        impl Act {
            /// Every act.
            pub const ALL: &'static [Act] = &[$(Act::$name),+];

            /// Canonical name, as stored.
            pub fn as_str(self) -> &'static str { match self { $(Act::$name => $slug),+ } }

            /// What a page shows.
            pub fn label(self) -> &'static str { match self { $(Act::$name => $label),+ } }

            /// Reads a canonical name.
            pub fn parse(text: &str) -> Option<Act> { match text { $($slug => Some(Act::$name),)+ _ => None } }
        }
    };
}

acts! {
    /// Somebody tried to sign in.
    SignIn = "sign_in", "登录";
    /// Somebody signed out.
    SignOut = "sign_out", "退出";
    /// A staff account was made.
    CreateAccount = "create_account", "建立账号";
    /// The password of a staff sign-in was right, and another step is to come.
    ProvePassword = "prove_password", "密码正确，待下一步";
    /// A name and an address have to wait after too many failed sign-ins.
    LockSignIn = "lock_sign_in", "登录暂时受限";
    /// A staff account got another name, role or contact point.
    ChangeAccount = "change_account", "修改账号";
    /// A staff account was closed.
    DeactivateAccount = "deactivate_account", "停用账号";
    /// A closed staff account was opened again.
    ReactivateAccount = "reactivate_account", "恢复账号";
    /// A staff account got another password.
    ChangePassword = "change_password", "更换密码";
    /// A citizen accepted the privacy notice.
    AcceptPrivacyNotice = "accept_privacy_notice", "同意个人信息保护告知";
    /// A citizen said whether they are fourteen.
    StateAge = "state_age", "说明年龄";
    /// A guardian consented.
    RecordGuardianConsent = "record_guardian_consent", "登记监护人同意";
    /// A phone was bound to an account.
    BindPhone = "bind_phone", "绑定手机号";
    /// Two accounts of one person became one.
    MergeAccounts = "merge_accounts", "合并账号";
    /// A person took a copy of what is held about them.
    ExportPersonalData = "export_personal_data", "导出个人信息";
    /// A person had their account erased.
    EraseAccount = "erase_account", "注销账号";
    /// A staff account got a one-time password.
    ResetPassword = "reset_password", "重置密码";
    /// A second step was set up.
    EnrolSecondFactor = "enrol_second_factor", "启用两步验证";
    /// A person took their second step away.
    RemoveSecondFactor = "remove_second_factor", "停用两步验证";
    /// An administrator took a second step away.
    ResetSecondFactor = "reset_second_factor", "重置两步验证";
    /// Sessions of an account were ended.
    EndSessions = "end_sessions", "结束登录会话";
    /// Entries of the audit log were exported.
    ExportAudit = "export_audit", "导出审计日志";
    /// Sealed personal data was moved to another key.
    RotateKeys = "rotate_keys", "更换个人信息密钥";
    /// A draft was created.
    CreateDraft = "create_draft", "新建草案";
    /// A version of a draft was added from a file.
    AddDraftVersion = "add_draft_version", "录入稿次";
    /// What a draft is called or is to become was changed.
    ChangeDraft = "change_draft", "修改草案信息";
    /// The text of a version was corrected before it was published.
    CorrectDraftVersion = "correct_draft_version", "改正稿次文本";
    /// The explanation of a version was written.
    WriteExplanation = "write_explanation", "录入草案说明";
    /// A file was attached to a version.
    AddDraftAttachment = "add_draft_attachment", "添加稿次附件";
    /// A file was taken off a version.
    RemoveDraftAttachment = "remove_draft_attachment", "移除稿次附件";
    /// A legal basis was named.
    AddLegalBasis = "add_legal_basis", "添加上位法依据";
    /// A legal basis was taken off.
    RemoveLegalBasis = "remove_legal_basis", "移除上位法依据";
    /// A draft was linked to the document that it became.
    PromulgateDraft = "promulgate_draft", "登记草案公布";
    /// The particulars of a promulgation were corrected.
    CorrectPromulgation = "correct_promulgation", "更正公布信息";
    /// A person corrected how provisions of two versions continue.
    CorrectLineage = "correct_lineage", "更正条文沿革";
    /// Such a correction was taken back.
    WithdrawLineageCorrection = "withdraw_lineage_correction", "撤回沿革更正";
    /// A consultation round was published.
    OpenConsultation = "open_consultation", "发布公开征求意见";
    /// The end of a round was moved later.
    ExtendConsultation = "extend_consultation", "延长征求意见期限";
    /// A round was ended before its time.
    WithdrawConsultation = "withdraw_consultation", "提前结束征求意见";
    /// A draft was given up.
    WithdrawDraft = "withdraw_draft", "撤回草案";
    /// An answer to an opinion was prepared.
    PrepareDisposition = "prepare_disposition", "拟定采纳情况";
    /// A second person let prepared answers pass.
    PassDisposition = "pass_disposition", "审核通过采纳情况";
    /// A second person gave prepared answers back.
    ReturnDisposition = "return_disposition", "退回采纳情况";
    /// Near-identical opinions were looked for.
    SuggestGroups = "suggest_groups", "查找同类意见";
    /// A group of near-identical opinions was made, confirmed, changed or taken apart.
    ChangeGroup = "change_group", "调整同类意见";
    /// Opinions were given to a handler.
    AssignOpinions = "assign_opinions", "分派意见";
    /// Opinions were tagged.
    TagOpinions = "tag_opinions", "标记意见";
    /// Opinions were excluded from feedback, or taken in again.
    ExcludeOpinions = "exclude_opinions", "列为不作反馈";
    /// A note among staff was written.
    WriteNote = "write_note", "记录内部备注";
    /// A reusable reason was kept or removed.
    KeepReason = "keep_reason", "维护常用理由";
    /// The prepared answers of a draft were published.
    PublishFeedback = "publish_feedback", "公布采纳情况";
    /// An opinion was let be seen by the public.
    ShowOpinion = "show_opinion", "准予展示意见";
    /// An opinion was hidden from the public.
    HideOpinion = "hide_opinion", "隐藏意见";
    /// A decision of moderation was taken back.
    TakeBackModeration = "take_back_moderation", "撤销意见审核处理";
    /// Receipts of opinions were sealed, many at a time.
    SealReceipts = "seal_receipts", "封存意见回执";
    /// An author appealed against a hiding.
    AppealHiding = "appeal_hiding", "对隐藏意见提出申诉";
    /// An appeal was decided.
    DecideAppeal = "decide_appeal", "处理隐藏意见的申诉";
    /// A notification that was given up was put back among those to be delivered.
    RetryDelivery = "retry_delivery", "重新投递通知";
    /// Contact points were loaded.
    LoadContactPoints = "load_contact_points", "录入立法基层联系点";
    /// A collection task was sent to contact points.
    SendTask = "send_task", "下达征集任务";
    /// A county organ passed a collection task on to its contact points.
    PassOnTask = "pass_on_task", "转发征集任务";
    /// A collection task was called off.
    CancelTask = "cancel_task", "取消征集任务（全部）";
    /// A contact point took up what it was asked to do, or began.
    TakeUpAssignment = "take_up_assignment", "接收征集任务";
    /// A contact point handed its opinions in.
    SubmitAssignment = "submit_assignment", "提交征集任务";
    /// The bureau gave it back.
    ReturnAssignment = "return_assignment", "退回征集任务";
    /// The bureau took it.
    AcceptAssignment = "accept_assignment", "验收征集任务";
    /// The bureau called it off.
    CancelAssignment = "cancel_assignment", "取消征集任务";
    /// An offline opinion was entered on behalf of somebody.
    RecordOfflineOpinion = "record_offline_opinion", "代录线下意见";
    /// An offline opinion that was entered on behalf of somebody was taken back.
    UndoOfflineOpinion = "undo_offline_opinion", "撤回代录的意见";
    /// A file of offline opinions was uploaded.
    UploadOpinions = "upload_opinions", "上传线下意见";
    /// A row of an uploaded file was corrected or left out.
    CorrectUploadRow = "correct_upload_row", "更正上传的行";
    /// The rows of an uploaded file became opinions.
    CommitUpload = "commit_upload", "导入线下意见";
    /// Everything that an uploaded file created was taken back.
    UndoUpload = "undo_upload", "撤销导入";
    /// An uploaded file was given up.
    DiscardUpload = "discard_upload", "放弃上传批次";
    /// A contact point asked for more time.
    AskExtension = "ask_extension", "申请任务延期";
    /// The bureau granted or refused it.
    DecideExtension = "decide_extension", "答复延期申请";
    /// A contact point wrote an activity down.
    HoldActivity = "hold_activity", "登记征集活动";
    /// A contact point changed an activity.
    ChangeActivity = "change_activity", "修改征集活动";
    /// A contact point removed an activity.
    RemoveActivity = "remove_activity", "移除征集活动";
    /// A file was added to an activity.
    AddActivityFile = "add_activity_file", "添加活动材料";
    /// A file was removed from an activity.
    RemoveActivityFile = "remove_activity_file", "移除活动材料";
    /// A contact point was opened.
    OpenContactPoint = "open_contact_point", "设立联系点";
    /// A contact point, its stations or responsible persons were changed.
    ChangeContactPoint = "change_contact_point", "修改联系点";
    /// A contact point got another term.
    RenewContactPoint = "renew_contact_point", "联系点续期";
    /// A contact point was closed.
    CloseContactPoint = "close_contact_point", "关闭联系点";
    /// A closed contact point was opened again.
    ReopenContactPoint = "reopen_contact_point", "恢复联系点";
    /// A call for contact points was written or changed.
    WriteSelectionCall = "write_selection_call", "起草遴选公告";
    /// A call for contact points became public.
    PublishSelectionCall = "publish_selection_call", "发布遴选公告";
    /// A call for contact points was given up.
    WithdrawSelectionCall = "withdraw_selection_call", "撤回遴选公告";
    /// A unit applied to become a contact point.
    ApplyForSelection = "apply_for_selection", "提交遴选申报";
    /// A unit took its application back.
    WithdrawApplication = "withdraw_application", "撤回遴选申报";
    /// A member of staff scored an application.
    ScoreApplication = "score_application", "遴选评分";
    /// What became of the applications was published.
    PublishSelectionOutcome = "publish_selection_outcome", "公布遴选结果";
    /// Somebody was invited to work at a contact point.
    InviteStaff = "invite_staff", "邀请联系点工作人员";
    /// An invitation was taken back.
    RevokeInvitation = "revoke_invitation", "撤销邀请";
    /// Somebody made an account with an invitation.
    AcceptInvitation = "accept_invitation", "接受邀请";
    /// Documents were imported into the corpus.
    ImportDocuments = "import_documents", "导入法规文件";
}

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// Who; `None` for the system itself and for a sign-in that named no known account.
    pub account_id: Option<AccountId>,
    /// What.
    pub act: Act,
    /// Kind of the thing, e.g. `draft`.
    pub subject: &'a str,
    /// The thing.
    pub subject_id: Option<Uuid>,
    /// Whether it succeeded.
    pub is_success: bool,
    /// What else matters, without personal data.
    pub detail: &'a str,
}

/// An entry as stored.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct Entry {
    /// Place in the chain, from 1.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub account_id: Option<AccountId>,
    /// What, canonical name.
    pub act: String,
    /// Kind of the thing.
    pub subject: String,
    /// The thing.
    pub subject_id: Option<Uuid>,
    /// Whether it succeeded.
    pub is_success: bool,
    /// What else matters.
    pub detail: String,
    /// Hash of the entry before; empty for the first.
    pub previous_hash: String,
    /// Hash of this entry.
    pub hash: String,
}

const LAST: &str = "SELECT seq, hash FROM audit_entry ORDER BY seq DESC LIMIT 1";
const TIP: &str = "SELECT entries, hash FROM audit_tip WHERE id = 1";
const INSERT: &str = "INSERT INTO audit_entry (seq, at, account_id, act, subject, subject_id, is_success, detail, previous_hash, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const MOVE_TIP: &str =
    "INSERT INTO audit_tip (id, entries, hash) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE SET entries = $1, hash = $2";
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239002)";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[LAST, TIP, INSERT, MOVE_TIP];

/// Appends an entry. Call it last in the transaction: on PostgreSQL it waits for other writers of the chain until they commit.
pub async fn append(tx: &mut Tx, clock: &Clock, new: NewEntry<'_>) -> Result<()> {
    append_numbered(tx, clock, new).await.map(drop)
}

/// Holds the end of the chain until the transaction ends, on PostgreSQL before any other writer does; for whoever would keep others waiting with what they hold when
/// they come to append. On SQLite a transaction that writes holds it by itself.
pub async fn hold(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(transaction) = tx {
        sqlx::query(LOCK).execute(&mut **transaction).await.map_err(failed)?;
    }
    Ok(())
}

/// Appends an entry and gives its place in the chain. What is written after it in the transaction must be held by it already, or two wait for each other.
pub async fn append_numbered(tx: &mut Tx, clock: &Clock, new: NewEntry<'_>) -> Result<i64> {
    hold(tx).await?;
    let last: Option<(i64, String)> = on_tx!(tx, c => sqlx::query_as(LAST).fetch_optional(c).await).map_err(failed)?;
    let tip: Option<(i64, String)> = on_tx!(tx, c => sqlx::query_as(TIP).fetch_optional(c).await).map_err(failed)?;
    // When entries were cut off, the log goes on after where it was: the gap stays for the check to find.
    let (last_seq, previous_hash) = last.into_iter().chain(tip).max_by_key(|(seq, _)| *seq).unwrap_or_default();
    let mut entry = Entry {
        seq: last_seq + 1,
        at: clock.now(),
        account_id: new.account_id,
        act: new.act.as_str().to_owned(),
        subject: new.subject.to_owned(),
        subject_id: new.subject_id,
        is_success: new.is_success,
        detail: new.detail.to_owned(),
        previous_hash,
        hash: String::new(),
    };
    entry.hash = hash_of(&entry);
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(entry.seq).bind(entry.at).bind(entry.account_id).bind(&entry.act).bind(&entry.subject).bind(entry.subject_id).bind(entry.is_success)
        .bind(&entry.detail).bind(&entry.previous_hash).bind(&entry.hash).execute(c).await.map(drop))
    .map_err(failed)?;
    on_tx!(tx, c => sqlx::query(MOVE_TIP).bind(entry.seq).bind(&entry.hash).execute(c).await.map(drop)).map_err(failed)?;
    Ok(entry.seq)
}

/// SM3 over every field, each with its length before it, so that no two entries read the same.
fn hash_of(entry: &Entry) -> String {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut bytes = Vec::new();
    for field in [
        &entry.previous_hash,
        &entry.seq.to_string(),
        &entry.at.timestamp_micros().to_string(),
        &id(entry.account_id.map(|a| a.0)),
        &entry.act,
        &entry.subject,
        &id(entry.subject_id),
        &u8::from(entry.is_success).to_string(),
        &entry.detail,
    ] {
        bytes.extend_from_slice(&(field.len() as u64).to_le_bytes());
        bytes.extend_from_slice(field.as_bytes());
    }
    sm3_hex(&bytes)
}
