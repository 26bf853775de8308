//! 个人信息: what is held about one person, over all rooms: the copy they may take (个人信息保护法 45), the erasure they may ask for (47), and the
//! merging of two accounts that turn out to be one person's.
//!
//! The room stands above the others because it must reach all their tables. A new table that refers to a person's account is named in [`DECIDED`]
//! once copying, merging and erasing have been thought of; a test compares the list with the schema.

pub mod binding;
pub mod copies;
pub mod erasure;

/// Tables that refer to an account by `account_id`, all of them thought of by this room:
/// - `session`: copied without its secret, ended by erasure and by merging;
/// - `audit_entry`, `moderation_entry`: what was done is copied (the person's own acts), and kept as the law asks (网络安全法 21, 47);
/// - `outbox`, `inbox`: copied, removed by erasure, moved by merging;
/// - `opinion`: copied, kept without its author by erasure, moved by merging;
/// - `opinion_attachment`: copied by name, removed while no opinion has it, moved by merging;
/// - `opinion_vote`, `draft_follower`: copied, removed by erasure, moved by merging, once for each person;
/// - `question_answer`, `question_choice`: copied, kept without its author by erasure, moved by merging, once for each person;
/// - `subscription_consent`, `subscription_send`: copied, removed by erasure; a consent belongs to the WeChat user who gave it and is not moved;
/// - `recovery_code`: staff only;
/// - `assignment_entry`, `contact_point_act`, `selection_score`: staff only, what they did in their office, kept as its record.
pub const DECIDED: &[&str] = &[
    "session",
    "audit_entry",
    "moderation_entry",
    "outbox",
    "inbox",
    "opinion",
    "opinion_attachment",
    "opinion_vote",
    "draft_follower",
    "question_answer",
    "question_choice",
    "subscription_consent",
    "subscription_send",
    "recovery_code",
    "assignment_entry",
    "contact_point_act",
    "selection_score",
];
