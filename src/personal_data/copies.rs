//! The copy of everything that is held about a person (个人信息保护法 45), as named values: one form for the page, the file and the API.
//!
//! Sealed fields are opened, secrets (tokens, codes, hashes) are left out. To add something that is held: a statement, and a section in
//! [`copy_of_own_data`].

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::accounts::citizens::{Reception, own_profile};
use crate::accounts::{Caller, Permission, recorded, sessions};
use crate::audit::{self, Act, NewEntry};
use crate::error::Result;
use crate::ids::shanghai;
use crate::notifications::Event;
use crate::on_db;
use crate::opinions::feedback::DispositionKind;
use crate::opinions::votes::Choice;
use crate::opinions::{Display, OpinionState, Stance};
use crate::storage::sql::failed;

/// Four columns of a list: two texts, when it was, and when it ended.
type MessageRow = (String, String, DateTime<Utc>, Option<DateTime<Utc>>);

const OPINIONS: &str =
    "SELECT o.receipt_number, d.title, o.provision_label, o.stance, o.body, o.reason, o.quote_text, o.proposed_text, o.is_public,
    o.state, o.display, o.posted_at, o.withdrawn_at, p.kind AS outcome, p.reason AS outcome_reason
    FROM opinion o JOIN draft d ON d.id = o.draft_id LEFT JOIN disposition p ON p.opinion_id = o.id AND p.published_at IS NOT NULL
    WHERE o.account_id = $1 ORDER BY o.posted_at, o.id";
const ANSWERS: &str = "SELECT q.wording AS question, a.body, COALESCE((SELECT string_agg(o.label, '、' ORDER BY o.number)
    FROM question_choice c JOIN question_option o ON o.question_id = c.question_id AND o.number = c.option_number
    WHERE c.question_id = a.question_id AND c.account_id = a.account_id), '') AS choices, a.updated_at
    FROM question_answer a JOIN consultation_question q ON q.id = a.question_id WHERE a.account_id = $1 ORDER BY a.answered_at, a.question_id";
const FOLLOWED: &str = "SELECT d.title, f.followed_at FROM draft_follower f JOIN draft d ON d.id = f.draft_id
    WHERE f.account_id = $1 ORDER BY f.followed_at, d.id";
const VOTES: &str = "SELECT d.title, o.provision_label, v.choice, v.voted_at FROM opinion_vote v JOIN opinion o ON o.id = v.opinion_id
    JOIN draft d ON d.id = o.draft_id WHERE v.account_id = $1 ORDER BY v.voted_at, o.id";
const FILES: &str = "SELECT d.title, a.name, a.uploaded_at FROM opinion_attachment a JOIN draft d ON d.id = a.draft_id
    WHERE a.account_id = $1 ORDER BY a.uploaded_at, a.id";
const MESSAGES: &str = "SELECT event, about, created_at, read_at FROM inbox WHERE account_id = $1 ORDER BY created_at, id";
const CONSENTS: &str = "SELECT template_id, state, granted_at FROM subscription_consent WHERE account_id = $1 ORDER BY granted_at, id";
const ACTS: &str = "SELECT act, is_success, detail, at FROM audit_entry WHERE account_id = $1 ORDER BY seq";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[OPINIONS, ANSWERS, FOLLOWED, VOTES, FILES, MESSAGES, CONSENTS, ACTS];

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum {
    /// Stable name.
    pub key: &'static str,
    /// Name as pages show it.
    pub name: &'static str,
    /// Value as people write it; instants in Asia/Shanghai.
    pub value: String,
}

/// One kind of thing that is held.
#[derive(Clone, Debug)]
pub struct Held {
    /// Stable name.
    pub key: &'static str,
    /// Name as pages show it.
    pub title: &'static str,
    /// Things, each as its named values.
    pub entries: Vec<Vec<Datum>>,
}

/// Everything that is held about a person.
#[derive(Clone, Debug)]
pub struct OwnData {
    /// When the copy was taken.
    pub copied_at: DateTime<Utc>,
    /// What is held; a kind of which there is nothing is there, and empty.
    pub held: Vec<Held>,
}

#[derive(FromRow)]
struct OpinionRow {
    receipt_number: String,
    title: String,
    provision_label: String,
    stance: String,
    body: String,
    reason: String,
    quote_text: String,
    proposed_text: String,
    is_public: bool,
    state: String,
    display: String,
    posted_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    outcome_reason: Option<String>,
}

fn datum(key: &'static str, name: &'static str, value: impl Into<String>) -> Datum {
    Datum { key, name, value: value.into() }
}

fn moment(at: DateTime<Utc>) -> String {
    shanghai(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn yes(is: bool) -> &'static str {
    if is { "是" } else { "否" }
}

/// Leaves out what is empty.
fn filled(entry: Vec<Datum>) -> Vec<Datum> {
    entry.into_iter().filter(|d| !d.value.is_empty()).collect()
}

/// A copy of everything that is held about the caller. Taking it is recorded.
pub async fn copy_of_own_data(at: Reception<'_>, caller: &Caller, token: &str) -> Result<OwnData> {
    caller.require(Permission::ManageOwnAccount)?;
    let held = vec![
        account(at, caller).await?,
        own_sessions(at, caller, token).await?,
        opinions(at, caller).await?,
        answers(at, caller).await?,
        followed(at, caller).await?,
        votes(at, caller).await?,
        files(at, caller).await?,
        messages(at, caller).await?,
        consents(at, caller).await?,
        acts(at, caller).await?,
    ];
    let mut tx = at.db.begin().await?;
    let entry = NewEntry {
        account_id: Some(caller.account_id),
        act: Act::ExportPersonalData,
        subject: "account",
        subject_id: Some(caller.account_id.0),
        is_success: true,
        detail: "",
    };
    audit::append(&mut tx, at.clock, entry).await?;
    tx.commit().await?;
    Ok(OwnData { copied_at: at.clock.now(), held })
}

async fn account(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let profile = own_profile(at.db, at.cipher, caller).await?;
    let mut entry = vec![
        datum("id", "账号编号", caller.account_id.to_string()),
        datum("display_name", "显示名称", profile.display_name),
        datum("created_at", "注册时间", moment(profile.created_at)),
        datum("phone", "手机号", profile.phone.unwrap_or_default()),
        datum("has_wechat", "绑定微信", yes(profile.has_wechat)),
        datum("age", "年龄", profile.age.label()),
        datum("age_stated_at", "年龄说明时间", profile.age_stated_at.map(moment).unwrap_or_default()),
    ];
    if let Some((version, accepted_at)) = profile.privacy {
        entry.push(datum("privacy_version", "同意的个人信息保护告知", version));
        entry.push(datum("privacy_accepted_at", "同意时间", moment(accepted_at)));
    }
    if let Some(guardian) = profile.guardian {
        entry.push(datum("guardian_name", "监护人姓名", guardian.name));
        entry.push(datum("guardian_phone", "监护人手机号", guardian.phone));
        entry.push(datum("guardian_relation", "监护人关系", guardian.relation.label()));
        entry.push(datum("guardian_consented_at", "监护人同意时间", moment(guardian.consented_at)));
    }
    Ok(Held { key: "account", title: "账号", entries: vec![filled(entry)] })
}

async fn own_sessions(at: Reception<'_>, caller: &Caller, token: &str) -> Result<Held> {
    let entries = sessions::list_own(at.db, at.clock, caller, token)
        .await?
        .into_iter()
        .map(|s| {
            filled(vec![
                datum("device", "设备", s.device),
                datum("created_at", "登录时间", moment(s.created_at)),
                datum("expires_at", "失效时间", moment(s.expires_at)),
            ])
        })
        .collect();
    Ok(Held { key: "sessions", title: "登录的设备", entries })
}

async fn opinions(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<OpinionRow> =
        on_db!(at.db, pool => sqlx::query_as(OPINIONS).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let entries = rows
        .into_iter()
        .map(|row| {
            filled(vec![
                datum("receipt_number", "回执号", row.receipt_number),
                datum("draft", "草案", row.title),
                datum("provision", "条款", row.provision_label),
                datum("stance", "态度", Stance::parse(&row.stance).map_or_else(|| row.stance.clone(), |s| s.label().to_owned())),
                datum("body", "意见", row.body),
                datum("reason", "理由", row.reason),
                datum("quote", "引用的原文", row.quote_text),
                datum("proposed_text", "建议的表述", row.proposed_text),
                datum("is_public", "同意公开", yes(row.is_public)),
                datum("state", "办理状态", OpinionState::parse(&row.state).map_or_else(|| row.state.clone(), |s| s.label().to_owned())),
                datum("display", "展示状态", Display::parse(&row.display).map_or_else(|| row.display.clone(), |d| d.label().to_owned())),
                datum("posted_at", "提交时间", moment(row.posted_at)),
                datum("withdrawn_at", "撤回时间", row.withdrawn_at.map(moment).unwrap_or_default()),
                datum(
                    "outcome",
                    "采纳情况",
                    row.outcome.as_deref().and_then(DispositionKind::parse).map(DispositionKind::label).unwrap_or_default(),
                ),
                datum("outcome_reason", "采纳情况的理由", row.outcome_reason.unwrap_or_default()),
            ])
        })
        .collect();
    Ok(Held { key: "opinions", title: "提交的意见", entries })
}

async fn answers(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, String, String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(ANSWERS).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(question, body, choices, updated_at): (String, String, String, DateTime<Utc>)| {
        filled(vec![
            datum("question", "问题", question),
            datum("choices", "选择", choices),
            datum("body", "回答", body),
            datum("updated_at", "回答时间", moment(updated_at)),
        ])
    };
    Ok(Held { key: "answers", title: "问题的回答", entries: rows.into_iter().map(show).collect() })
}

async fn followed(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(FOLLOWED).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(title, followed_at): (String, DateTime<Utc>)| {
        vec![datum("draft", "草案", title), datum("followed_at", "关注时间", moment(followed_at))]
    };
    Ok(Held { key: "followed_drafts", title: "关注的草案", entries: rows.into_iter().map(show).collect() })
}

async fn votes(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, String, String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(VOTES).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(title, label, choice, voted_at): (String, String, String, DateTime<Utc>)| {
        let choice = Choice::parse(&choice).map_or(choice.clone(), |choice| choice.label().to_owned());
        vec![
            datum("draft", "草案", title),
            datum("provision", "意见针对的条款", label),
            datum("choice", "表态", choice),
            datum("voted_at", "时间", moment(voted_at)),
        ]
    };
    Ok(Held { key: "votes", title: "对他人意见的表态", entries: rows.into_iter().map(show).collect() })
}

async fn files(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(FILES).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(title, name, uploaded_at): (String, String, DateTime<Utc>)| {
        vec![datum("draft", "草案", title), datum("name", "文件名", name), datum("uploaded_at", "上传时间", moment(uploaded_at))]
    };
    Ok(Held { key: "files", title: "上传的附件", entries: rows.into_iter().map(show).collect() })
}

async fn messages(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<MessageRow> =
        on_db!(at.db, pool => sqlx::query_as(MESSAGES).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(event, about, created_at, read_at): (String, String, DateTime<Utc>, Option<DateTime<Utc>>)| {
        let text = Event::parse(&event).map_or_else(|| about.clone(), |event| event.sentence(&about));
        filled(vec![
            datum("text", "内容", text),
            datum("created_at", "时间", moment(created_at)),
            datum("read_at", "阅读时间", read_at.map(moment).unwrap_or_default()),
        ])
    };
    Ok(Held { key: "messages", title: "收到的消息", entries: rows.into_iter().map(show).collect() })
}

async fn consents(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(CONSENTS).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(template, state, granted_at): (String, String, DateTime<Utc>)| {
        let state = match state.as_str() {
            "granted" => "未使用",
            "spent" => "已使用",
            _ => "已失效",
        };
        vec![datum("template", "消息模板", template), datum("state", "状态", state), datum("granted_at", "同意时间", moment(granted_at))]
    };
    Ok(Held { key: "subscription_consents", title: "同意接收的微信消息", entries: rows.into_iter().map(show).collect() })
}

async fn acts(at: Reception<'_>, caller: &Caller) -> Result<Held> {
    let rows: Vec<(String, bool, String, DateTime<Utc>)> =
        on_db!(at.db, pool => sqlx::query_as(ACTS).bind(caller.account_id).fetch_all(pool).await).map_err(failed)?;
    let show = |(act, is_success, detail, at): (String, bool, String, DateTime<Utc>)| {
        let known = Act::parse(&act);
        filled(vec![
            datum("act", "操作", known.map_or(act.as_str(), |known| known.label())),
            datum("is_success", "成功", yes(is_success)),
            // What the log notes for itself means nothing to the person.
            datum("detail", "说明", known.and_then(|act| recorded::told(act, &detail)).unwrap_or_default()),
            datum("at", "时间", moment(at)),
        ])
    };
    Ok(Held { key: "log", title: "登录和操作记录", entries: rows.into_iter().map(show).collect() })
}
