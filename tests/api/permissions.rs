//! Every role × every operation, in one table. An operation that is not in the table fails the test.

use std::collections::BTreeSet;

use poem::http::Method;
use serde_json::{Value, json};
use zhitong::accounts::citizens::privacy::PRIVACY_VERSION;
use zhitong::accounts::{Permission, Role};
use zhitong::api;
use zhitong::storage::Db;

use crate::support::{DRAFT_TEXT, TestApp};

/// Who may call an operation.
#[derive(Clone, Copy)]
enum Access {
    /// Anybody.
    Everyone,
    /// Everybody who is signed in.
    SignedIn,
    /// The roles with a permission.
    With(Permission),
}

const NOWHERE: &str = "01980000-0000-7000-8000-00000000ffff";
const ELSEWHERE: &str = "01980000-0000-7000-8000-00000000fffe";

/// Operation, method, path, a body that passes the framework's own checks, access.
fn operations() -> Vec<(&'static str, Method, &'static str, Option<Value>, Access)> {
    use Access::*;
    use Permission::*;
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let draft = json!({"title": "清河市共享雨伞管理规定", "kind": "government_rule", "drafting_unit": "局"});
    let opinion = json!({"stance": "amend", "body": "改", "is_public": true});
    let promulgation = json!({"revision": 0, "document_id": NOWHERE, "organ": "清河市人民政府", "title": "清河市共享雨伞管理规定",
        "adopted_on": "2026-03-01", "promulgated_on": "2026-03-02", "effective_on": "2026-06-01"});
    let guardian = json!({"name": "监护人", "relation": "parent", "phone": "13800138000", "code": "000000"});
    let answer = json!({"kind": "adopted", "reason": "好"});
    let person = json!({"login_name": "zhou.yi", "display_name": "周一", "role": "handler"});
    let correction = json!({"from_version_id": NOWHERE, "to_version_id": NOWHERE, "kind": "deleted", "from": ["art-1"]});
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
        ("count_opinions", get.clone(), "/drafts/{id}/opinion-counts", None, Everyone),
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
fn described() -> BTreeSet<String> {
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
    let path = path.replace("{id}", id);
    if name == "add_draft_version" {
        return app.upload_version(id, token, "a.md", crate::support::DRAFT_TEXT.as_bytes(), "").await.status;
    }
    if name == "add_draft_attachment" {
        return app.upload(&path, token, "file", "a.pdf", b"%PDF-1.7\n", ("note", "")).await.status;
    }
    if name.starts_with("upload_") && name.ends_with("_attachment") {
        let token = token.filter(|_| name == "upload_opinion_attachment");
        if token.is_none() && name == "upload_opinion_attachment" {
            return app.upload(&path, None, "file", "a.png", b"", ("note", "")).await.status;
        }
        return app.upload_enclosure(NOWHERE, token, "key-00000001", "a.png", b"\x89PNG").await.status;
    }
    if name == "start_import" {
        return app.upload("/imports", token, "files", "a.md", crate::support::DRAFT_TEXT.as_bytes(), ("dry_run", "true")).await.status;
    }
    app.call(method, &path, token, &[("Idempotency-Key", "key-00000001")], body).await.status
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let app = TestApp::start().await;
    app.index().await;
    let described = described();
    assert!(described.len() >= 20, "{described:?}");
    for role in Role::ALL.iter().copied().map(Some).chain([None]) {
        let token = match role {
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
