//! 订阅消息: what a person allowed us to send through WeChat. One consent is good for one message.
//!
//! The ledger has one row for each consent: granted, then spent for exactly one message or dropped. It is spent in the transaction that puts the message into
//! the inbox, so an event spends one consent at most, however often the worker runs. The address (openid) is sealed with the consent and erased when
//! the consent is used up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Event;
use crate::config::WechatTemplate;
use crate::error::{Code, Error, Result};
use crate::ids::{AccountId, Clock, IdSource, shanghai};
use crate::storage::crypto::FieldCipher;
use crate::storage::sql::failed;
use crate::storage::{Db, Tx};
use crate::{on_db, on_tx};

/// Purpose with which addresses are sealed.
pub const PURPOSE: &str = "subscription-openid";
/// Consents to one template that are kept for one person; more are not counted.
pub const MOST_CONSENTS: i64 = 20;
/// Templates that one act of consenting may name (`wx.requestSubscribeMessage` asks for three).
pub const MOST_TEMPLATES: usize = 5;
/// Kinds of values that templates have, by the letters of their names.
const KINDS: [&str; 12] =
    ["thing", "phrase", "time", "date", "name", "character_string", "number", "symbol", "letter", "amount", "const", "short_thing"];
/// What a value may hold.
const PLACEHOLDERS: [&str; 4] = ["{about}", "{title}", "{sentence}", "{time}"];

/// Which events go out through WeChat, and in what form; checked when the process starts.
#[derive(Clone, Debug, Default)]
pub struct Templates(Vec<Template>);

/// A template of the mini-program.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its id in WeChat's console.
    pub id: String,
    /// What it tells.
    pub events: Vec<Event>,
    page: String,
    fields: BTreeMap<String, String>,
}

/// A message in its form, ready to be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Template.
    pub template_id: String,
    /// Page that a tap opens.
    pub page: String,
    /// Values by the names of the template; the carrier cuts them to their kinds.
    pub fields: BTreeMap<String, String>,
}

impl Templates {
    /// Reads the configured templates. An unknown event, an event told twice, an unknown kind of value or placeholder is a configuration error.
    pub fn open(configured: &[WechatTemplate]) -> Result<Templates> {
        let mut templates: Vec<Template> = Vec::new();
        for entry in configured {
            let wrong = |what: String| Error::startup(format!("配置 wechat.templates 中模板 {} 有误：{what}", entry.id));
            if entry.id.is_empty() || entry.id.len() > 128 || entry.events.is_empty() || entry.fields.is_empty() {
                return Err(wrong("需要 id、至少一个事件和至少一个字段。".into()));
            }
            let mut events = Vec::new();
            for name in &entry.events {
                let event = Event::parse(name).ok_or_else(|| wrong(format!("没有事件 {name}。")))?;
                if events.contains(&event) || templates.iter().any(|t| t.events.contains(&event)) {
                    return Err(wrong(format!("事件 {name} 重复，一个事件只用一个模板。")));
                }
                events.push(event);
            }
            for (name, value) in &entry.fields {
                if !KINDS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit())) {
                    return Err(wrong(format!("字段 {name} 不是微信的字段，应形如 thing1、phrase2、time3。")));
                }
                let rest = PLACEHOLDERS.iter().fold(value.clone(), |rest, placeholder| rest.replace(placeholder, ""));
                if rest.contains(['{', '}']) {
                    return Err(wrong(format!("字段 {name} 只能使用 {}。", PLACEHOLDERS.join("、"))));
                }
            }
            templates.push(Template { id: entry.id.clone(), events, page: entry.page.clone(), fields: entry.fields.clone() });
        }
        Ok(Templates(templates))
    }

    /// Every template.
    pub fn all(&self) -> &[Template] {
        &self.0
    }

    /// The message of an event; `None` when it does not go out through WeChat.
    pub fn compose(&self, event: Event, subject: Uuid, about: &str, at: DateTime<Utc>) -> Option<Composed> {
        let template = self.0.iter().find(|t| t.events.contains(&event))?;
        let time = shanghai(at).format("%Y年%-m月%-d日 %H:%M").to_string();
        let fill = |value: &String| {
            // The words of people last: what they hold is not filled in again.
            let value = value.replace("{title}", event.title()).replace("{time}", &time);
            value.replace("{sentence}", &event.sentence(about)).replace("{about}", about)
        };
        Some(Composed {
            template_id: template.id.clone(),
            page: template.page.replace("{subject}", &subject.to_string()),
            fields: template.fields.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
        })
    }
}

const COUNT_LEFT: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM subscription_consent WHERE account_id = $1 AND template_id = $2 AND state = 'granted'";
const INSERT_CONSENT: &str =
    "INSERT INTO subscription_consent (id, account_id, template_id, request_key, openid_sealed, state, granted_at, ended_at, message_id)
    VALUES ($1, $2, $3, $4, $5, 'granted', $6, NULL, NULL) ON CONFLICT (account_id, template_id, request_key) DO NOTHING";
const FIND_OLDEST: &str =
    "SELECT id FROM subscription_consent WHERE account_id = $1 AND template_id = $2 AND state = 'granted' ORDER BY granted_at, id LIMIT 1";
const SPEND: &str = "UPDATE subscription_consent SET state = 'spent', ended_at = $2, message_id = $3 WHERE id = $1 AND state = 'granted'";
const INSERT_SEND: &str =
    "INSERT INTO subscription_send (message_id, consent_id, account_id, event, template_id, page, fields, state, attempts, next_attempt_at,
    is_uncertain, failure, created_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, $8, FALSE, '', $8, NULL)";
const DROP_ALL: &str =
    "UPDATE subscription_consent SET state = 'dropped', ended_at = $2, openid_sealed = NULL WHERE account_id = $1 AND state = 'granted'";
const ERASE_ALL: &str = "UPDATE subscription_consent SET openid_sealed = NULL WHERE account_id = $1 AND openid_sealed IS NOT NULL";
const STOP_ALL: &str = "UPDATE subscription_send SET state = 'failed', failure = 'erased', fields = $3, ended_at = $2 WHERE account_id = $1 AND state = 'pending'";
const LEDGER: &str = "SELECT template_id, CAST(COUNT(*) FILTER (WHERE state = 'granted') AS BIGINT), CAST(COUNT(*) FILTER (WHERE state = 'spent') AS BIGINT),
    CAST(COUNT(*) FILTER (WHERE state = 'dropped') AS BIGINT) FROM subscription_consent WHERE account_id = $1 GROUP BY template_id";

/// Every statement of this file, for the test that prepares them on both engines.
pub const STATEMENTS: &[&str] = &[COUNT_LEFT, INSERT_CONSENT, FIND_OLDEST, SPEND, INSERT_SEND, DROP_ALL, ERASE_ALL, STOP_ALL, LEDGER];

/// One act of consenting.
#[derive(Clone, Copy)]
pub struct Consent<'a> {
    /// Who consents.
    pub account: AccountId,
    /// To whom the messages go.
    pub openid: &'a str,
    /// The client's key of the act: the same act sent twice counts once.
    pub key: &'a str,
    /// The templates that were accepted, each for one message.
    pub accepted: &'a [String],
}

/// Notes what a person accepted. A template that is not configured is [`Code::Invalid`].
pub async fn grant(
    db: &Db,
    clock: &Clock,
    ids: &IdSource,
    cipher: &FieldCipher,
    templates: &Templates,
    consent: Consent<'_>,
) -> Result<()> {
    let Consent { account, openid, key, accepted } = consent;
    if accepted.len() > MOST_TEMPLATES {
        return Err(Error::invalid("choices", format!("一次最多 {MOST_TEMPLATES} 个模板。")));
    }
    if let Some(unknown) = accepted.iter().find(|id| !templates.0.iter().any(|t| t.id == **id)) {
        return Err(Error::invalid("choices", format!("没有模板 {}。", unknown.chars().take(64).collect::<String>())));
    }
    if !(8..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new(Code::Invalid, "重复提交标识应为 8 至 128 个可见的英文字符或数字。"));
    }
    let now = clock.now();
    let mut tx = db.begin().await?;
    for template in accepted {
        let left: i64 =
            on_tx!(&mut tx, c => sqlx::query_scalar(COUNT_LEFT).bind(account).bind(template).fetch_one(c).await).map_err(failed)?;
        if left >= MOST_CONSENTS {
            continue;
        }
        let sealed = cipher.seal(PURPOSE, openid)?;
        on_tx!(&mut tx, c => sqlx::query(INSERT_CONSENT)
            .bind(ids.next()).bind(account).bind(template).bind(key).bind(&sealed).bind(now).execute(c).await.map(drop))
        .map_err(failed)?;
    }
    tx.commit().await
}

/// Spends a consent for a message, if there is one, and puts the message among those to be carried; in the transaction that fills the inbox.
pub(super) async fn spend(
    tx: &mut Tx,
    account: AccountId,
    message: Uuid,
    event: Event,
    letter: Composed,
    now: DateTime<Utc>,
) -> Result<()> {
    // Another worker may spend the oldest one for another message at the same time; then the next one is the oldest.
    for _ in 0..3 {
        let oldest: Option<Uuid> =
            on_tx!(tx, c => sqlx::query_scalar(FIND_OLDEST).bind(account).bind(&letter.template_id).fetch_optional(c).await)
                .map_err(failed)?;
        let Some(consent) = oldest else { return Ok(()) };
        let spent: u64 =
            on_tx!(tx, c => sqlx::query(SPEND).bind(consent).bind(now).bind(message).execute(c).await.map(|d| d.rows_affected()))
                .map_err(failed)?;
        if spent == 1 {
            return on_tx!(tx, c => sqlx::query(INSERT_SEND)
                .bind(message).bind(consent).bind(account).bind(event.as_str()).bind(&letter.template_id).bind(&letter.page)
                .bind(Json(&letter.fields)).bind(now).execute(c).await.map(drop))
            .map_err(failed);
        }
    }
    Ok(())
}

/// Forgets how to reach a person, in the transaction in which their account is erased: consents are dropped, addresses erased, messages on their way stopped.
pub async fn forget(tx: &mut Tx, clock: &Clock, account: AccountId) -> Result<()> {
    let now = clock.now();
    on_tx!(tx, c => sqlx::query(DROP_ALL).bind(account).bind(now).execute(c).await.map(drop)).map_err(failed)?;
    on_tx!(tx, c => sqlx::query(STOP_ALL).bind(account).bind(now).bind(Json(BTreeMap::<String, String>::new())).execute(c).await.map(drop))
        .map_err(failed)?;
    on_tx!(tx, c => sqlx::query(ERASE_ALL).bind(account).execute(c).await.map(drop)).map_err(failed)
}

/// What the ledger says of a template for one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Messages that may still be sent.
    pub left: i64,
    /// Consents spent.
    pub spent: i64,
    /// Consents dropped, because WeChat said that the person refuses.
    pub dropped: i64,
}

/// The ledger of a person, by template.
pub async fn list_quotas(db: &Db, account: AccountId) -> Result<BTreeMap<String, Quota>> {
    let rows: Vec<(String, i64, i64, i64)> =
        on_db!(db, pool => sqlx::query_as(LEDGER).bind(account).fetch_all(pool).await).map_err(failed)?;
    Ok(rows.into_iter().map(|(id, left, spent, dropped)| (id, Quota { left, spent, dropped })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(id: &str, events: &[&str], fields: &[(&str, &str)]) -> WechatTemplate {
        WechatTemplate {
            id: id.into(),
            events: events.iter().map(|e| (*e).to_owned()).collect(),
            page: "pages/opinion?id={subject}".into(),
            fields: fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn wrong_templates_stop_the_start() {
        for bad in [
            vec![template("a", &["no_event"], &[("thing1", "x")])],
            vec![template("a", &["opinion_answered"], &[("sentence1", "x")])],
            vec![template("a", &["opinion_answered"], &[("thing1", "{name}")])],
            vec![template("a", &["opinion_answered"], &[])],
            vec![template("", &["opinion_answered"], &[("thing1", "x")])],
            vec![template("a", &["opinion_answered"], &[("thing1", "x")]), template("b", &["opinion_answered"], &[("thing1", "x")])],
        ] {
            assert_eq!(Templates::open(&bad).unwrap_err().code, Code::Startup, "{bad:?}");
        }
        assert!(Templates::open(&[]).unwrap().all().is_empty());
    }

    #[test]
    fn messages_are_filled_in_once() {
        let fields = [("thing1", "{about}"), ("thing2", "{title}"), ("time3", "{time}")];
        let templates = Templates::open(&[template("t", &["opinion_answered"], &fields)]).unwrap();
        let at = "2026-03-02T02:00:00Z".parse().unwrap();
        let composed = templates.compose(Event::OpinionAnswered, Uuid::from_u128(7), "第{title}条", at).unwrap();
        assert_eq!(composed.fields["thing1"], "第{title}条", "what people wrote is no placeholder");
        assert_eq!(composed.fields["thing2"], "意见已反馈");
        assert_eq!(composed.fields["time3"], "2026年3月2日 10:00");
        assert!(composed.page.ends_with("id=00000000-0000-0000-0000-000000000007"));
        assert_eq!(templates.compose(Event::OpinionReceived, Uuid::from_u128(7), "x", at), None);
    }
}
