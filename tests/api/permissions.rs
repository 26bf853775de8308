//! Every role × every operation, in one table. An operation that is not in the table fails the test.

use std::collections::BTreeSet;

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::accounts::{Permission, Role};
use zhitong::api;
use zhitong::storage::Db;

use crate::support::{Answer, DRAFT_TEXT, TestApp};

/// Who may call an operation.
#[derive(Clone, Copy)]
pub enum Access {
    /// Anybody.
    Everyone,
    /// Everybody who is signed in.
    SignedIn,
    /// The roles with a permission.
    With(Permission),
}

pub const NOWHERE: &str = "01980000-0000-7000-8000-00000000ffff";
const ELSEWHERE: &str = "01980000-0000-7000-8000-00000000fffe";

/// Operation, method, path, a body that passes the framework's own checks, access.
pub fn operations() -> Vec<(&'static str, Method, &'static str, Option<Value>, Access)> {
    use Access::*;
    use Permission::*;
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let draft = json!({"title": "清河市共享雨伞管理规定", "kind": "government_rule", "drafting_unit": "局"});
    let opinion = json!({"stance": "amend", "body": "改", "is_public": true});
    let promulgation = json!({"revision": 0, "document_id": NOWHERE, "organ": "清河市人民政府", "title": "清河市共享雨伞管理规定",
        "adopted_on": "2026-03-01", "promulgated_on": "2026-03-02", "effective_on": "2026-06-01"});
    let guardian = json!({"name": "监护人", "relation": "parent", "phone": "13800138000", "code": "000000"});
    let answer = json!({"kind": "adopted", "reason": "好"});
    let activity =
        json!({"kind": "visit", "title": "走访", "held_on": "2026-03-01", "place": "东街", "people_present": 3, "people_reached": 9});
    let person = json!({"login_name": "zhou.yi", "display_name": "周一", "role": "handler"});
    let correction = json!({"from_version_id": NOWHERE, "to_version_id": NOWHERE, "kind": "deleted", "from": ["art-1"]});
    let point = json!({"name": "甲社区联系点", "kind": "government", "established_by": "局", "host_unit": "甲社区", "host_kind": "community",
        "region": "清河市", "address": "甲路1号"});
    let call = json!({"title": "遴选公告", "notice": "告", "criteria": [{"name": "基础", "maximum": 10}],
        "opens_on": "2026-03-02", "closes_on": "2026-04-01"});
    let closing = json!({"revision": 1, "reason": "因"});
    let station = json!({"revision": 1, "name": "一号采集点"});
    let responsible = json!({"revision": 1, "duty": "负责人", "name": "周一", "is_public": false});
    vec![
        ("get_service", get.clone(), "/service", None, Everyone),
        ("sign_in_staff", post.clone(), "/sessions/staff", Some(json!({"name": "x", "password": "x"})), Everyone),
        ("sign_in_wechat", post.clone(), "/sessions/wechat", Some(json!({"code": "none"})), Everyone),
        ("sign_in_phone", post.clone(), "/sessions/phone", Some(json!({"phone": "13800138000", "code": "000000"})), Everyone),
        ("send_phone_code", post.clone(), "/phone-codes", Some(json!({"phone": "12345678901", "purpose": "sign_in"})), Everyone),
        ("get_privacy_notice", get.clone(), "/privacy-notice", None, Everyone),
        ("get_own_profile", get.clone(), "/account/profile", None, With(ManageOwnAccount)),
        (
            "accept_privacy_notice",
            put.clone(),
            "/account/privacy-consent",
            Some(json!({"version": PRIVACY_VERSION})),
            With(ManageOwnAccount),
        ),
        ("state_age", put.clone(), "/account/age", Some(json!({"is_fourteen_or_over": true})), With(ManageOwnAccount)),
        ("record_guardian_consent", put.clone(), "/account/guardian-consent", Some(guardian), With(ManageOwnAccount)),
        ("bind_phone", put.clone(), "/account/phone", Some(json!({"wechat_code": "none"})), With(ManageOwnAccount)),
        ("copy_own_data", get.clone(), "/account/copy", None, With(ManageOwnAccount)),
        ("erase_own_account", post.clone(), "/account/erasure", Some(json!({"confirmation": "不"})), With(ManageOwnAccount)),
        ("list_own_sessions", get.clone(), "/account/sessions", None, SignedIn),
        ("end_own_session", delete.clone(), "/account/sessions/{id}", None, SignedIn),
        ("end_other_sessions", delete.clone(), "/account/sessions", None, SignedIn),
        ("sign_in_with_code", post.clone(), "/sessions/staff/code", Some(json!({"ticket": "x", "code": "000000"})), Everyone),
        ("sign_in_with_new_password", post.clone(), "/sessions/staff/password", Some(json!({"ticket": "x", "password": "x"})), Everyone),
        ("sign_in_begin_enrolment", post.clone(), "/sessions/staff/enrolment", Some(json!({"ticket": "x"})), Everyone),
        (
            "sign_in_confirm_enrolment",
            post.clone(),
            "/sessions/staff/enrolment/confirmation",
            Some(json!({"ticket": "x", "code": "1"})),
            Everyone,
        ),
        ("begin_second_factor", post.clone(), "/account/second-factor", None, With(KeepOwnLogin)),
        ("confirm_second_factor", post.clone(), "/account/second-factor/confirmation", Some(json!({"code": "x"})), With(KeepOwnLogin)),
        ("remove_second_factor", post.clone(), "/account/second-factor/removal", Some(json!({"code": "x"})), With(KeepOwnLogin)),
        (
            "change_own_password",
            put.clone(),
            "/account/password",
            Some(json!({"current_password": "a long pass phrase", "password": "another long pass phrase"})),
            With(KeepOwnLogin),
        ),
        ("list_staff_accounts", get.clone(), "/staff-accounts", None, With(ReadAccounts)),
        ("add_staff_account", post.clone(), "/staff-accounts", Some(person.clone()), With(ManageAccounts)),
        ("get_staff_account", get.clone(), "/staff-accounts/{id}", None, With(ReadAccounts)),
        (
            "change_staff_account",
            put.clone(),
            "/staff-accounts/{id}",
            Some(json!({"display_name": "甲", "role": "handler"})),
            With(ManageAccounts),
        ),
        ("deactivate_staff_account", post.clone(), "/staff-accounts/{id}/deactivation", None, With(ManageAccounts)),
        ("reactivate_staff_account", post.clone(), "/staff-accounts/{id}/reactivation", None, With(ManageAccounts)),
        ("reset_staff_password", post.clone(), "/staff-accounts/{id}/password-reset", None, With(ManageAccounts)),
        ("reset_staff_second_factor", post.clone(), "/staff-accounts/{id}/second-factor-reset", None, With(ManageAccounts)),
        ("end_staff_sessions", delete.clone(), "/staff-accounts/{id}/sessions", None, With(ManageAccounts)),
        ("export_audit_log", get.clone(), "/audit/export", None, With(ReadAudit)),
        ("get_own_account", get.clone(), "/account", None, SignedIn),
        ("list_messages", get.clone(), "/account/messages", None, With(ReadInbox)),
        ("mark_message_read", post.clone(), "/account/messages/{id}/read", None, With(ReadInbox)),
        ("count_unread_messages", get.clone(), "/account/messages/unread", None, With(ReadInbox)),
        ("mark_all_messages_read", post.clone(), "/account/messages/read-all", Some(json!({})), With(ReadInbox)),
        ("list_subscriptions", get.clone(), "/account/subscriptions", None, With(ReadInbox)),
        ("record_subscriptions", post.clone(), "/account/subscriptions", Some(json!({"choices": []})), With(ReadInbox)),
        ("list_given_up_deliveries", get.clone(), "/deliveries/given-up", None, With(ReadDeliveries)),
        ("retry_delivery", post.clone(), "/deliveries/given-up/{id}/retry", None, With(RetryDeliveries)),
        ("list_wechat_failures", get.clone(), "/deliveries/wechat-failures", None, With(ReadDeliveries)),
        ("list_own_opinions", get.clone(), "/account/opinions", None, With(PostOpinion)),
        ("list_audit_entries", get.clone(), "/audit/entries", None, With(ReadAudit)),
        ("verify_audit_log", get.clone(), "/audit/verification", None, With(ReadAudit)),
        ("list_drafts", get.clone(), "/drafts", None, Everyone),
        ("create_draft", post.clone(), "/drafts", Some(draft.clone()), With(EditDrafts)),
        ("get_draft", get.clone(), "/drafts/{id}", None, Everyone),
        ("add_draft_version", post.clone(), "/drafts/{id}/versions", None, With(EditDrafts)),
        ("get_draft_version", get.clone(), "/drafts/{id}/versions/{id}", None, Everyone),
        ("change_draft", put.clone(), "/drafts/{id}", Some(draft), With(EditDrafts)),
        ("paste_draft_version", post.clone(), "/drafts/{id}/pasted-versions", Some(json!({"text": DRAFT_TEXT})), With(EditDrafts)),
        ("list_draft_lines", get.clone(), "/drafts/{id}/versions/{id}/lines", None, With(ReadUnpublishedDrafts)),
        ("list_draft_corrections", get.clone(), "/drafts/{id}/versions/{id}/corrections", None, With(ReadUnpublishedDrafts)),
        (
            "correct_draft_version",
            post.clone(),
            "/drafts/{id}/versions/{id}/corrections",
            Some(json!({"revision": 0, "action": "join", "line": 2})),
            With(EditDrafts),
        ),
        ("undo_draft_correction", post.clone(), "/drafts/{id}/versions/{id}/undo", Some(json!({"revision": 0})), With(EditDrafts)),
        (
            "write_draft_explanation",
            put.clone(),
            "/drafts/{id}/versions/{id}/explanation",
            Some(json!({"revision": 0, "text": "说明"})),
            With(EditDrafts),
        ),
        ("list_draft_attachments", get.clone(), "/drafts/{id}/versions/{id}/attachments", None, Everyone),
        ("add_draft_attachment", post.clone(), "/drafts/{id}/versions/{id}/attachments", None, With(EditDrafts)),
        ("get_draft_attachment", get.clone(), "/drafts/{id}/versions/{id}/attachments/{id}", None, Everyone),
        ("remove_draft_attachment", delete.clone(), "/drafts/{id}/versions/{id}/attachments/{id}", None, With(EditDrafts)),
        ("locate_citation", get.clone(), "/citations?text=%E9%9B%A8%E4%BC%9E", None, Everyone),
        ("list_legal_bases", get.clone(), "/drafts/{id}/versions/{id}/legal-bases", None, Everyone),
        (
            "add_legal_basis",
            post.clone(),
            "/drafts/{id}/versions/{id}/legal-bases",
            Some(json!({"document_id": NOWHERE})),
            With(EditDrafts),
        ),
        ("remove_legal_basis", delete.clone(), "/drafts/{id}/versions/{id}/legal-bases/{id}", None, With(EditDrafts)),
        ("get_promulgation", get.clone(), "/drafts/{id}/promulgation", None, Everyone),
        ("promulgate_draft", put.clone(), "/drafts/{id}/promulgation", Some(promulgation), With(PromulgateDrafts)),
        ("get_lineage", get.clone(), "/drafts/{id}/lineage?from={id}&to={id}", None, Everyone),
        ("list_continuations", get.clone(), "/drafts/{id}/lineage/continuations?from={id}&to={id}&address=art-1", None, Everyone),
        ("list_lineage_corrections", get.clone(), "/drafts/{id}/lineage/corrections", None, With(ReadUnpublishedDrafts)),
        ("correct_lineage", post.clone(), "/drafts/{id}/lineage/corrections", Some(correction), With(EditDrafts)),
        ("withdraw_lineage_correction", delete.clone(), "/drafts/{id}/lineage/corrections/{id}", None, With(EditDrafts)),
        ("compare_draft", get.clone(), "/drafts/{id}/comparison", None, Everyone),
        ("get_draft_comparison_sheet", get.clone(), "/drafts/{id}/comparison/sheet", None, Everyone),
        ("compare_document", get.clone(), "/documents/{id}/comparison", None, Everyone),
        ("get_document_comparison_sheet", get.clone(), "/documents/{id}/comparison/sheet", None, Everyone),
        ("open_consultation", post.clone(), "/drafts/{id}/consultations", Some(json!({"notice": "告"})), With(OpenConsultation)),
        ("plan_consultation", get.clone(), "/drafts/{id}/consultation-plan", None, With(OpenConsultation)),
        (
            "extend_consultation",
            post.clone(),
            "/drafts/{id}/extension",
            Some(json!({"closes_on": "2026-05-01", "notice": "延"})),
            With(OpenConsultation),
        ),
        ("withdraw_consultation", post.clone(), "/drafts/{id}/round-withdrawal", Some(json!({"reason": "因"})), With(OpenConsultation)),
        ("withdraw_draft", post.clone(), "/drafts/{id}/withdrawal", Some(json!({"reason": "因"})), With(WithdrawDraft)),
        ("list_own_question_answers", get.clone(), "/drafts/{id}/question-answers", None, With(PostOpinion)),
        ("put_question_answers", put.clone(), "/drafts/{id}/question-answers", Some(json!({"answers": []})), With(PostOpinion)),
        ("count_question_answers", get.clone(), "/drafts/{id}/consultations/{id}/question-counts", None, Everyone),
        ("list_written_answers", get.clone(), "/drafts/{id}/questions/{id}/written-answers", None, With(ReadOpinions)),
        ("list_followed_drafts", get.clone(), "/account/followed-drafts", None, With(FollowDrafts)),
        ("follow_draft", put.clone(), "/account/followed-drafts/{id}", None, With(FollowDrafts)),
        ("unfollow_draft", delete.clone(), "/account/followed-drafts/{id}", None, With(FollowDrafts)),
        ("post_opinion", post.clone(), "/drafts/{id}/opinions", Some(opinion.clone()), With(PostOpinion)),
        ("list_opinions", get.clone(), "/drafts/{id}/opinions", None, With(ReadOpinions)),
        ("get_opinion", get.clone(), "/opinions/{id}", None, SignedIn),
        ("list_moderation", get.clone(), "/moderation/opinions", None, With(ReadModeration)),
        ("get_moderation", get.clone(), "/opinions/{id}/moderation", None, With(ReadModeration)),
        ("show_opinion", post.clone(), "/opinions/{id}/moderation/show", Some(json!({"revision": 1})), With(ModerateOpinions)),
        (
            "hide_opinion",
            post.clone(),
            "/opinions/{id}/moderation/hide",
            Some(json!({"revision": 1, "category": "abuse", "reason": "因"})),
            With(ModerateOpinions),
        ),
        ("take_back_moderation", post.clone(), "/opinions/{id}/moderation/take-back", None, With(ModerateOpinions)),
        (
            "decide_appeal",
            post.clone(),
            "/opinions/{id}/moderation/appeal",
            Some(json!({"outcome": "granted", "reply": "是"})),
            With(ModerateOpinions),
        ),
        ("get_own_moderation", get.clone(), "/account/opinions/{id}/moderation", None, With(PostOpinion)),
        ("appeal_hiding", post.clone(), "/account/opinions/{id}/appeal", Some(json!({"text": "请恢复"})), With(PostOpinion)),
        ("prepare_disposition", put.clone(), "/opinions/{id}/disposition", Some(answer.clone()), With(PrepareFeedback)),
        (
            "review_dispositions",
            post.clone(),
            "/drafts/{id}/reviews",
            Some(json!({"everything": true, "passes": true})),
            With(ReviewFeedback),
        ),
        ("preview_feedback", get.clone(), "/drafts/{id}/feedback-preview", None, With(ReadOpinions)),
        ("list_ready_answers", get.clone(), "/drafts/{id}/feedback-preview/answers", None, With(ReadOpinions)),
        ("list_work", get.clone(), "/drafts/{id}/work", None, With(ReadOpinions)),
        ("count_work", get.clone(), "/drafts/{id}/work-counts", None, With(ReadOpinions)),
        ("list_progress", get.clone(), "/drafts/{id}/versions/{id}/progress", None, With(ReadOpinions)),
        ("list_opinion_tags", get.clone(), "/drafts/{id}/tags", None, With(ReadOpinions)),
        ("list_overdue_feedback", get.clone(), "/overdue-feedback", None, With(ReadOpinions)),
        ("suggest_groups", post.clone(), "/drafts/{id}/group-suggestions", None, With(PrepareFeedback)),
        ("list_groups", get.clone(), "/drafts/{id}/groups", None, With(ReadOpinions)),
        ("create_group", put.clone(), "/drafts/{id}/groups/{id}", Some(json!({"opinions": [NOWHERE, ELSEWHERE]})), With(PrepareFeedback)),
        ("get_group", get.clone(), "/opinion-groups/{id}", None, With(ReadOpinions)),
        ("confirm_group", post.clone(), "/opinion-groups/{id}/confirmation", Some(json!({"revision": 1})), With(PrepareFeedback)),
        ("split_group", post.clone(), "/opinion-groups/{id}/split", Some(json!({"revision": 1})), With(PrepareFeedback)),
        (
            "add_to_group",
            post.clone(),
            "/opinion-groups/{id}/members",
            Some(json!({"revision": 1, "opinions": [NOWHERE]})),
            With(PrepareFeedback),
        ),
        (
            "merge_groups",
            post.clone(),
            "/opinion-groups/{id}/merger",
            Some(json!({"revision": 1, "other": ELSEWHERE})),
            With(PrepareFeedback),
        ),
        ("prepare_group_disposition", put.clone(), "/opinion-groups/{id}/disposition", Some(answer.clone()), With(PrepareFeedback)),
        ("list_handlers", get.clone(), "/handlers", None, With(ReadOpinions)),
        ("assign_opinions", post.clone(), "/drafts/{id}/assignments", Some(json!({"opinions": [NOWHERE]})), With(PrepareFeedback)),
        ("tag_opinions", post.clone(), "/drafts/{id}/tags", Some(json!({"opinions": [NOWHERE], "add": ["x"]})), With(PrepareFeedback)),
        (
            "exclude_opinions",
            post.clone(),
            "/drafts/{id}/exclusions",
            Some(json!({"opinions": [NOWHERE], "reason": "abuse"})),
            With(PrepareFeedback),
        ),
        ("list_opinion_notes", get.clone(), "/opinions/{id}/notes", None, With(ReadOpinions)),
        ("write_opinion_note", put.clone(), "/opinions/{id}/notes/{id}", Some(json!({"body": "x"})), With(PrepareFeedback)),
        ("list_reason_texts", get.clone(), "/drafts/{id}/reason-texts", None, With(ReadOpinions)),
        ("keep_reason_text", put.clone(), "/drafts/{id}/reason-texts/{id}", Some(json!({"body": "x"})), With(PrepareFeedback)),
        ("remove_reason_text", delete.clone(), "/drafts/{id}/reason-texts/{id}", None, With(PrepareFeedback)),
        ("edit_opinion", put.clone(), "/opinions/{id}", Some(json!({"revision": 1, "opinion": opinion})), With(PostOpinion)),
        ("withdraw_opinion", post.clone(), "/opinions/{id}/withdrawal", Some(json!({"revision": 1})), With(PostOpinion)),
        ("list_opinion_revisions", get.clone(), "/opinions/{id}/revisions", None, SignedIn),
        ("upload_opinion_attachment", post.clone(), "/drafts/{id}/attachments", None, With(PostOpinion)),
        ("upload_anonymous_attachment", post.clone(), "/drafts/{id}/anonymous-attachments", None, Everyone),
        ("list_opinion_attachments", get.clone(), "/opinions/{id}/attachments", None, SignedIn),
        ("get_opinion_attachment", get.clone(), "/opinion-attachments/{id}", None, SignedIn),
        ("vote_on_opinion", put.clone(), "/opinions/{id}/vote", Some(json!({"choice": "agree"})), With(PostOpinion)),
        ("remove_vote", delete.clone(), "/opinions/{id}/vote", None, With(PostOpinion)),
        ("list_public_opinions", get.clone(), "/drafts/{id}/public-opinions", None, Everyone),
        ("count_opinions_by_provision", get.clone(), "/drafts/{id}/provision-opinion-counts", None, Everyone),
        ("post_anonymous_opinion", post.clone(), "/drafts/{id}/anonymous-opinions", Some(opinion.clone()), Everyone),
        ("look_up_opinion", post.clone(), "/opinion-lookups", Some(json!({"code": "0000-0000-0000-0000"})), Everyone),
        (
            "appeal_hiding_with_code",
            post.clone(),
            "/opinion-lookups/appeals",
            Some(json!({"code": "0000-0000-0000-0000", "text": "请再看一次。"})),
            Everyone,
        ),
        ("publish_feedback", post.clone(), "/drafts/{id}/feedback", Some(json!({})), With(PublishFeedback)),
        ("list_answers", get.clone(), "/drafts/{id}/answers", None, Everyone),
        ("get_feedback_report", get.clone(), "/drafts/{id}/consultations/{id}/report", None, Everyone),
        ("list_report_entries", get.clone(), "/drafts/{id}/consultations/{id}/report/entries", None, Everyone),
        ("get_report_document", get.clone(), "/drafts/{id}/consultations/{id}/report/document", None, Everyone),
        ("get_report_table", get.clone(), "/drafts/{id}/consultations/{id}/report/table", None, Everyone),
        ("get_public_opinion", get.clone(), "/opinions/{id}/public", None, Everyone),
        ("count_statistics", get.clone(), "/statistics?by=point", None, With(ReadStatistics)),
        ("list_statistics_rows", get.clone(), "/statistics/rows?measure=opinions", None, With(ReadStatistics)),
        ("get_statistics_table", get.clone(), "/statistics/table?by=point", None, With(ReadStatistics)),
        ("count_opinions", get.clone(), "/drafts/{id}/opinion-counts", None, Everyone),
        ("list_contact_point_files", get.clone(), "/contact-point-files", None, With(ReadContactPoints)),
        ("open_contact_point", post.clone(), "/contact-points", Some(json!({"point": point})), With(ManageContactPoints)),
        ("get_contact_point_file", get.clone(), "/contact-points/{id}/file", None, With(ReadContactPoints)),
        (
            "change_contact_point",
            put.clone(),
            "/contact-points/{id}",
            Some(json!({"revision": 1, "point": point})),
            With(ManageContactPoints),
        ),
        ("list_contact_point_history", get.clone(), "/contact-points/{id}/history", None, With(ReadContactPoints)),
        (
            "renew_contact_point",
            post.clone(),
            "/contact-points/{id}/renewal",
            Some(json!({"revision": 1, "term": {"begins_on": "2026-03-01", "ends_on": "2028-02-29"}, "reason": "因"})),
            With(ManageContactPoints),
        ),
        ("close_contact_point", post.clone(), "/contact-points/{id}/closing", Some(closing.clone()), With(ManageContactPoints)),
        ("reopen_contact_point", post.clone(), "/contact-points/{id}/reopening", Some(closing.clone()), With(ManageContactPoints)),
        ("add_station", post.clone(), "/contact-points/{id}/stations", Some(station.clone()), With(ManageContactPoints)),
        ("change_station", put.clone(), "/contact-points/{id}/stations/{id}", Some(station), With(ManageContactPoints)),
        ("close_station", post.clone(), "/contact-points/{id}/stations/{id}/closing", Some(closing), With(ManageContactPoints)),
        (
            "reopen_station",
            post.clone(),
            "/contact-points/{id}/stations/{id}/reopening",
            Some(json!({"revision": 1})),
            With(ManageContactPoints),
        ),
        ("add_responsible_person", post.clone(), "/contact-points/{id}/persons", Some(responsible.clone()), With(ManageContactPoints)),
        ("change_responsible_person", put.clone(), "/contact-points/{id}/persons/{id}", Some(responsible), With(ManageContactPoints)),
        ("remove_responsible_person", delete.clone(), "/contact-points/{id}/persons/{id}?revision=1", None, With(ManageContactPoints)),
        ("invite_point_staff", post.clone(), "/contact-points/{id}/invitations", Some(json!({})), With(InvitePointStaff)),
        ("list_invitations", get.clone(), "/contact-points/{id}/invitations", None, With(ReadContactPoints)),
        ("revoke_invitation", post.clone(), "/invitations/{id}/revocation", None, With(InvitePointStaff)),
        ("look_up_invitation", post.clone(), "/invitation-lookups", Some(json!({"code": "0000-0000-0000-0000"})), Everyone),
        (
            "accept_invitation",
            post.clone(),
            "/invitation-acceptances",
            Some(json!({"code": "0000-0000-0000-0000", "login_name": "x", "display_name": "x", "password": "x"})),
            Everyone,
        ),
        ("list_selection_calls", get.clone(), "/selections", None, Everyone),
        ("get_selection_call", get.clone(), "/selections/{id}", None, Everyone),
        ("list_selection_outcome", get.clone(), "/selections/{id}/outcome", None, Everyone),
        ("apply_for_selection", post.clone(), "/selections/{id}/applications", None, Everyone),
        ("look_up_application", post.clone(), "/selection-lookups", Some(json!({"code": "0000-0000-0000-0000"})), Everyone),
        ("withdraw_application", post.clone(), "/selection-lookups/withdrawal", Some(json!({"code": "0000-0000-0000-0000"})), Everyone),
        ("list_selection_files", get.clone(), "/selection-files", None, With(ReadSelections)),
        ("get_selection_file", get.clone(), "/selection-files/{id}", None, With(ReadSelections)),
        ("write_selection_call", post.clone(), "/selections", Some(call.clone()), With(ManageSelections)),
        ("change_selection_call", put.clone(), "/selections/{id}", Some(json!({"revision": 1, "call": call})), With(ManageSelections)),
        ("publish_selection_call", post.clone(), "/selections/{id}/publication", Some(json!({"revision": 1})), With(ManageSelections)),
        (
            "withdraw_selection_call",
            post.clone(),
            "/selections/{id}/withdrawal",
            Some(json!({"revision": 1, "reason": "因"})),
            With(ManageSelections),
        ),
        ("list_applications", get.clone(), "/selections/{id}/applications", None, With(ReadSelections)),
        ("get_application", get.clone(), "/selection-applications/{id}", None, With(ReadSelections)),
        ("get_selection_document", get.clone(), "/selection-documents/{id}", None, With(ReadSelections)),
        (
            "score_application",
            put.clone(),
            "/selection-applications/{id}/scores",
            Some(json!({"scores": [{"points": 1}]})),
            With(ScoreApplications),
        ),
        (
            "publish_selection_outcome",
            post.clone(),
            "/selections/{id}/outcome",
            Some(json!({"revision": 1, "outcomes": []})),
            With(DecideSelections),
        ),
        (
            "open_selected_point",
            post.clone(),
            "/selection-applications/{id}/contact-point",
            Some(json!({"established_by": "局"})),
            With(DecideSelections),
        ),
        ("record_opinion_on_behalf", post.clone(), "/own-point/assignments/{id}/opinions", None, With(WorkAtContactPoint)),
        ("list_opinions_on_behalf", get.clone(), "/own-point/assignments/{id}/opinions", None, With(WorkAtContactPoint)),
        ("change_opinion_on_behalf", put.clone(), "/own-point/assignments/{id}/opinions/{id}", None, With(WorkAtContactPoint)),
        ("remove_opinion_on_behalf", delete.clone(), "/own-point/assignments/{id}/opinions/{id}", None, With(WorkAtContactPoint)),
        ("get_scan_on_behalf", get.clone(), "/own-point/assignments/{id}/opinions/{id}/scan", None, With(WorkAtContactPoint)),
        ("list_organs", get.clone(), "/organs", None, Everyone),
        (
            "send_collection_task",
            post.clone(),
            "/collection-tasks",
            Some(
                json!({"draft_id": NOWHERE, "title": "征集", "instructions": "请走访。", "due_on": "2026-03-30", "contact_point_ids": [NOWHERE]}),
            ),
            With(ManageCollectionTasks),
        ),
        ("list_collection_tasks", get.clone(), "/collection-tasks", None, With(ReadCollectionTasks)),
        ("get_collection_task", get.clone(), "/collection-tasks/{id}", None, With(ReadCollectionTasks)),
        ("list_task_assignments", get.clone(), "/collection-tasks/{id}/assignments", None, With(ReadCollectionTasks)),
        (
            "add_task_assignments",
            post.clone(),
            "/collection-tasks/{id}/assignments",
            Some(json!({"contact_point_ids": [NOWHERE]})),
            With(ManageCollectionTasks),
        ),
        (
            "cancel_collection_task",
            post.clone(),
            "/collection-tasks/{id}/cancellation",
            Some(json!({"reason": "调整"})),
            With(ManageCollectionTasks),
        ),
        ("list_task_relays", get.clone(), "/collection-tasks/{id}/relays", None, With(ReadCollectionTasks)),
        ("list_overdue_assignments", get.clone(), "/assignments/overdue", None, With(ReadCollectionTasks)),
        ("get_assignment", get.clone(), "/assignments/{id}", None, With(ReadCollectionTasks)),
        ("return_assignment", post.clone(), "/assignments/{id}/return", Some(json!({"reason": "补正"})), With(ManageCollectionTasks)),
        ("accept_assignment", post.clone(), "/assignments/{id}/acceptance", Some(json!({})), With(ManageCollectionTasks)),
        ("cancel_assignment", post.clone(), "/assignments/{id}/cancellation", Some(json!({"reason": "调整"})), With(ManageCollectionTasks)),
        (
            "decide_extension",
            post.clone(),
            "/assignments/{id}/extensions/{id}/decision",
            Some(json!({"remark": "不"})),
            With(ManageCollectionTasks),
        ),
        ("list_assignment_activities", get.clone(), "/assignments/{id}/activities", None, With(ReadCollectionTasks)),
        ("list_activity_files", get.clone(), "/activities/{id}/files", None, With(ReadCollectionTasks)),
        ("get_activity_file", get.clone(), "/activities/{id}/files/{id}", None, With(ReadCollectionTasks)),
        ("list_own_relays", get.clone(), "/own-organ/relays", None, With(PassOnTasks)),
        ("list_own_relay_assignments", get.clone(), "/own-organ/relays/{id}/assignments", None, With(PassOnTasks)),
        (
            "pass_on_task",
            post.clone(),
            "/own-organ/relays/{id}/assignments",
            Some(json!({"contact_point_ids": [NOWHERE]})),
            With(PassOnTasks),
        ),
        ("list_own_assignments", get.clone(), "/own-point/assignments", None, With(WorkAtContactPoint)),
        ("count_own_assignments", get.clone(), "/own-point/assignment-counts", None, With(WorkAtContactPoint)),
        ("get_own_assignment", get.clone(), "/own-point/assignments/{id}", None, With(WorkAtContactPoint)),
        (
            "acknowledge_own_assignment",
            post.clone(),
            "/own-point/assignments/{id}/acknowledgement",
            Some(json!({})),
            With(WorkAtContactPoint),
        ),
        ("start_own_assignment", post.clone(), "/own-point/assignments/{id}/start", Some(json!({})), With(WorkAtContactPoint)),
        ("submit_own_assignment", post.clone(), "/own-point/assignments/{id}/submission", Some(json!({})), With(WorkAtContactPoint)),
        (
            "ask_own_extension",
            post.clone(),
            "/own-point/assignments/{id}/extensions",
            Some(json!({"until": "2026-04-10", "reason": "雨季"})),
            With(WorkAtContactPoint),
        ),
        ("get_own_material", get.clone(), "/own-point/assignments/{id}/materials/form", None, With(WorkAtContactPoint)),
        ("hold_own_activity", post.clone(), "/own-point/activities", Some(activity.clone()), With(WorkAtContactPoint)),
        ("list_own_activities", get.clone(), "/own-point/activities", None, With(WorkAtContactPoint)),
        ("get_own_activity", get.clone(), "/own-point/activities/{id}", None, With(WorkAtContactPoint)),
        (
            "change_own_activity",
            put.clone(),
            "/own-point/activities/{id}",
            Some(json!({"revision": 1, "activity": activity})),
            With(WorkAtContactPoint),
        ),
        ("remove_own_activity", delete.clone(), "/own-point/activities/{id}", None, With(WorkAtContactPoint)),
        ("list_own_activity_files", get.clone(), "/own-point/activities/{id}/files", None, With(WorkAtContactPoint)),
        ("add_own_activity_file", post.clone(), "/own-point/activities/{id}/files", None, With(WorkAtContactPoint)),
        ("get_own_activity_file", get.clone(), "/own-point/activities/{id}/files/{id}", None, With(WorkAtContactPoint)),
        ("remove_own_activity_file", delete.clone(), "/own-point/activities/{id}/files/{id}", None, With(WorkAtContactPoint)),
        ("upload_opinions", post.clone(), "/own-point/assignments/{id}/uploads", None, With(WorkAtContactPoint)),
        ("list_uploads", get.clone(), "/own-point/assignments/{id}/uploads", None, With(WorkAtContactPoint)),
        ("get_upload", get.clone(), "/own-point/uploads/{id}", None, With(WorkAtContactPoint)),
        ("list_upload_rows", get.clone(), "/own-point/uploads/{id}/rows", None, With(WorkAtContactPoint)),
        (
            "map_upload_columns",
            put.clone(),
            "/own-point/uploads/{id}/columns",
            Some(json!({"revision": 1, "sheet": 0, "fields": ["body"]})),
            With(WorkAtContactPoint),
        ),
        (
            "set_upload_defaults",
            put.clone(),
            "/own-point/uploads/{id}/defaults",
            Some(json!({"revision": 1, "method": "visit", "consent": "given"})),
            With(WorkAtContactPoint),
        ),
        ("correct_upload_row", put.clone(), "/own-point/uploads/{id}/rows/0", Some(json!({"cells": ["改"]})), With(WorkAtContactPoint)),
        ("skip_upload_row", post.clone(), "/own-point/uploads/{id}/rows/0/skip", Some(json!({"reason": "重"})), With(WorkAtContactPoint)),
        ("commit_upload", post.clone(), "/own-point/uploads/{id}/commit", Some(json!({"revision": 1})), With(WorkAtContactPoint)),
        ("resume_upload", post.clone(), "/own-point/uploads/{id}/resume", None, With(WorkAtContactPoint)),
        (
            "undo_upload",
            post.clone(),
            "/own-point/uploads/{id}/undo",
            Some(json!({"revision": 1, "reason": "错"})),
            With(WorkAtContactPoint),
        ),
        ("discard_upload", post.clone(), "/own-point/uploads/{id}/discard", Some(json!({"revision": 1})), With(WorkAtContactPoint)),
        ("get_upload_remarks", get.clone(), "/own-point/uploads/{id}/remarks", None, With(WorkAtContactPoint)),
        ("get_upload_original", get.clone(), "/own-point/uploads/{id}/original", None, With(WorkAtContactPoint)),
        ("list_contact_points", get.clone(), "/contact-points", None, Everyone),
        ("get_contact_point", get.clone(), "/contact-points/{id}", None, Everyone),
        ("search", get.clone(), "/search?q=%E9%9B%A8%E4%BC%9E", None, Everyone),
        ("suggest", get.clone(), "/suggest?q=%E9%9B%A8", None, Everyone),
        ("list_facets", get.clone(), "/facets", None, Everyone),
        ("list_documents", get.clone(), "/documents", None, Everyone),
        ("get_document", get.clone(), "/documents/{id}", None, Everyone),
        ("get_version", get.clone(), "/documents/{id}/versions/{id}", None, Everyone),
        ("get_provision", get.clone(), "/documents/{id}/provision?address=art-1", None, Everyone),
        ("get_original", get.clone(), "/documents/{id}/versions/{id}/original", None, With(ReadImports)),
        ("start_import", post.clone(), "/imports", None, With(ImportDocuments)),
        ("list_imports", get.clone(), "/imports", None, With(ReadImports)),
        ("get_import", get, "/imports/{id}", None, With(ReadImports)),
        // Last, because it ends the session it is called with.
        ("sign_out", delete, "/sessions/current", None, SignedIn),
    ]
}

/// Names of the operations that the API describes.
pub fn described() -> BTreeSet<String> {
    let spec: Value = serde_json::from_str(&api::spec()).unwrap();
    let paths = spec["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|path| path.as_object().unwrap().values());
    operations.map(|operation| operation["operationId"].as_str().expect("every operation has an id").to_owned()).collect()
}

/// Status of one call. The thing asked for does not exist, so an allowed call ends in "not found" at the latest.
async fn status(app: &TestApp, name: &str, method: Method, path: &str, body: Option<Value>, token: Option<&str>) -> u16 {
    status_on(app, name, method, path, body, token, NOWHERE).await
}

/// Status of one call about a thing.
async fn status_on(app: &TestApp, name: &str, method: Method, path: &str, body: Option<Value>, token: Option<&str>, id: &str) -> u16 {
    call_on(app, name, method, path, body, token, id).await.status
}

/// One call about a thing.
pub async fn call_on(app: &TestApp, name: &str, method: Method, path: &str, body: Option<Value>, token: Option<&str>, id: &str) -> Answer {
    let path = path.replace("{id}", id);
    if name == "add_draft_version" {
        return app.upload_version(id, token, "a.md", crate::support::DRAFT_TEXT.as_bytes(), "").await;
    }
    if name == "add_draft_attachment" || name == "add_own_activity_file" {
        return app
            .upload(
                &path,
                token,
                "file",
                "a.pdf",
                b"%PDF-1.7
",
                ("note", ""),
            )
            .await;
    }
    if name.starts_with("upload_") && name.ends_with("_attachment") {
        let token = token.filter(|_| name == "upload_opinion_attachment");
        if token.is_none() && name == "upload_opinion_attachment" {
            return app.upload(&path, None, "file", "a.png", b"", ("note", "")).await;
        }
        return app.upload_enclosure(NOWHERE, token, "key-00000001", "a.png", b"\x89PNG").await;
    }
    if name == "upload_opinions" {
        return app.upload(&path, token, "file", "a.csv", "意见\n好\n".as_bytes(), ("note", "")).await;
    }
    if name == "apply_for_selection" {
        return app.apply_for_selection(id, "00000000000000000000000000000001", "甲社区", &[]).await;
    }
    if name == "start_import" {
        return app.upload("/imports", token, "files", "a.md", crate::support::DRAFT_TEXT.as_bytes(), ("dry_run", "true")).await;
    }
    if name.ends_with("_opinion_on_behalf") && method != Method::DELETE {
        let said = [("stance", "amend"), ("body", "改"), ("consent", "given"), ("method", "visit"), ("collected_on", "2026-03-02")];
        let said = said.map(|(name, value)| (name, value.to_owned()));
        return app.form(method, &path, token, Some("key-of-an-entry"), &said, &[]).await;
    }
    // One key for each operation: a key that was used for another act is a conflict.
    app.call(method, &path, token, &[("Idempotency-Key", &format!("key-of-{name}"))], body).await
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let app = TestApp::start().await;
    app.index().await;
    let described = described();
    assert!(described.len() >= 20, "{described:?}");
    let [point, _] = app.contact_points().await;
    for role in Role::ALL.iter().copied().map(Some).chain([None]) {
        let token = match role {
            Some(Role::PointStaff) => Some(app.point_staff(&point).await),
            Some(role) => Some(app.token(role).await),
            None => None,
        };
        for (name, method, path, body, access) in operations().into_iter().filter(|(name, ..)| described.contains(*name)) {
            let found = status(&app, name, method, path, body, token.as_deref()).await;
            let is_allowed = match (access, role) {
                (Access::Everyone, _) | (Access::SignedIn, Some(_)) => true,
                (Access::With(permission), Some(role)) => permission.roles().contains(&role),
                (_, None) => false,
            };
            let is_sign_in = name.starts_with("sign_in_");
            let expected: &[u16] = match (is_allowed, role) {
                (true, _) if is_sign_in => &[401],
                // The number is none, and the code was never sent.
                (true, _) if matches!(name, "send_phone_code" | "record_guardian_consent" | "bind_phone" | "erase_own_account") => &[400],
                // The right to use a second step, without having one.
                (true, _) if matches!(name, "confirm_second_factor" | "remove_second_factor") => &[400, 409],
                (true, _) => &[200, 201, 202, 204, 404],
                (false, Some(_)) => &[403],
                (false, None) => &[401],
            };
            assert!(expected.contains(&found), "{name} as {role:?}: {found}");
        }
    }
    app.finish().await;
}

#[test]
fn the_table_names_every_operation() {
    let tabled: BTreeSet<String> = operations().into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(described().difference(&tabled).collect::<Vec<_>>(), Vec::<&String>::new(), "add them to the table");
}

/// Every row of every table as text, but for what every signed-in person's own coming and going writes.
pub async fn contents(app: &TestApp, own: &str) -> BTreeSet<String> {
    let db = &app.app.db;
    let (tables, is_sqlite): (Vec<String>, bool) = match db {
        Db::Sqlite(sqlite) => (
            sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                .fetch_all(&sqlite.read)
                .await
                .unwrap(),
            true,
        ),
        Db::Postgres(pool) => {
            (sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").fetch_all(pool).await.unwrap(), false)
        }
    };
    assert!(tables.len() > 15, "{tables:?}");
    let mut rows = BTreeSet::new();
    for table in tables.iter().filter(|table| !matches!(table.as_str(), "session" | "audit_entry" | "audit_tip" | "_sqlx_migrations")) {
        let row = if is_sqlite {
            let columns: Vec<String> =
                zhitong::on_db!(db, pool => sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')")))
                    .fetch_all(pool).await)
                .unwrap();
            columns.iter().map(|column| format!("quote(\"{column}\")")).collect::<Vec<_>>().join(" || '|' || ")
        } else {
            "t::text".into()
        };
        let found: Vec<String> =
            zhitong::on_db!(db, pool => sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {row} FROM {table} t"))).fetch_all(pool).await)
                .unwrap();
        let own_hex = own.replace('-', "").to_uppercase();
        rows.extend(found.into_iter().filter(|row| !row.contains(own) && !row.contains(&own_hex)).map(|row| format!("{table}: {row}")));
    }
    rows
}

#[tokio::test]
async fn an_auditor_reads_all_and_changes_nothing() {
    let app = TestApp::start().await;
    let draft = app.open_draft().await;
    let citizen = app.token(Role::Citizen).await;
    let opinion = json!({"stance": "amend", "body": "雨季多投放一些。", "is_public": true});
    let opinion = app.post_opinion(&draft, Some(&citizen), "key-of-an-opinion", opinion).await.expect(201);
    app.deliver().await;
    app.index().await;
    let auditor = app.token(Role::Auditor).await;
    let own = app.get("/account", Some(&auditor)).await.expect(200)["id"].as_str().unwrap().to_owned();
    let before = contents(&app, &own).await;
    let described = described();
    // On what exists, not on what does not: a refusal must not come from "not found".
    let ids = [draft.as_str(), opinion["opinion_id"].as_str().unwrap()];
    for (name, method, path, body, access) in operations().into_iter().filter(|(name, ..)| described.contains(*name) && *name != "sign_out")
    {
        for id in ids {
            let found = status_on(&app, name, method.clone(), path, body.clone(), Some(&auditor), id).await;
            let Access::With(permission) = access else { continue };
            let is_own = permission == Permission::KeepOwnLogin;
            assert_eq!(found != 403, permission.is_reading() || is_own, "{name}: {found}");
            if permission.is_reading() {
                assert!(matches!(method, Method::GET) || permission == Permission::ReadInbox, "{name} changes something by reading");
            }
        }
    }
    let after = contents(&app, &own).await;
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");
    app.finish().await;
}
