//! The stand-in for development, the demonstration and tests. It behaves like the service; the words below bring out its answers.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Call, Delivery, SubscriptionMessage, Suggestion, TextVerdict, Wechat, delivery_of_error, failure, verdict_of_error};
use crate::error::{Error, Result};
use crate::storage::cache::Cache;
use crate::storage::crypto::sm3_hex;

/// A text that holds it goes to review, label 20001.
pub const REVIEW_WORD: &str = "沙箱复核";
/// A text that holds it is risky, label 20006.
pub const RISKY_WORD: &str = "沙箱违规";
/// A text that holds it, with an error code right behind it, makes the check answer that code: `沙箱错误45009`.
pub const ERROR_WORD: &str = "沙箱错误";

/// The stand-in.
///
/// Login codes:
/// - `sandbox-<person>` or `sandbox-<person>.<anything>`: signs in the person, the same openid each time; each code is good for one use,
///   so a person who signs in twice sends two codes with different endings;
/// - a person whose name begins with `refuses`: signs in as well, and refuses every subscription message;
/// - `sandbox-error-<errcode>`: fails with that code, e.g. `sandbox-error-45011` or `sandbox-error--1`;
/// - everything else: 40029.
///
/// Phone codes: `sandbox-phone-<11 digits>` or `sandbox-phone-<11 digits>.<anything>`, each good for one use; errors as above.
///
/// Texts: [`REVIEW_WORD`], [`RISKY_WORD`] and [`ERROR_WORD`]; all others pass. An openid that the sandbox did not give is 40003.
///
/// Messages: template ids are free; `sandbox-error-<errcode>` answers that code.
pub struct Sandbox {
    cache: Cache,
}

/// How long a used code is remembered.
const USED_CODE: Duration = Duration::from_secs(24 * 3600);
/// What begins every openid of the sandbox.
const OPENID: &str = "sandbox-";
/// What begins the openid of a person who refuses messages.
const REFUSING_OPENID: &str = "sandbox-refuses-";

impl Sandbox {
    /// A sandbox that remembers used codes in a cache.
    pub fn new(cache: Cache) -> Sandbox {
        Sandbox { cache }
    }

    /// What stands behind `prefix` in a code that is used for the first time.
    async fn spend<'a>(&self, call: Call, code: &'a str, prefix: &str) -> Result<&'a str> {
        if let Some(errcode) = code.strip_prefix("sandbox-error-") {
            return Err(failure(call, errcode.parse().unwrap_or(40029)));
        }
        let Some(rest) = code.strip_prefix(prefix).filter(|rest| !rest.is_empty()) else { return Err(failure(call, 40029)) };
        if self.cache.count(&format!("wechat-sandbox-code:{}", sm3_hex(code.as_bytes())), USED_CODE).await? > 1 {
            return Err(failure(call, 40163));
        }
        Ok(rest.split_once('.').map_or(rest, |(name, _)| name))
    }

    async fn log_in(&self, code: &str) -> Result<String> {
        let person = self.spend(Call::Login, code, "sandbox-").await?;
        let digest = sm3_hex(person.as_bytes());
        let prefix = if person.starts_with("refuses") { REFUSING_OPENID } else { OPENID };
        Ok(format!("{prefix}{}", digest.get(..20).unwrap_or(&digest)))
    }

    async fn phone(&self, code: &str) -> Result<String> {
        let digits = self.spend(Call::Phone, code, "sandbox-phone-").await?;
        if digits.len() == 11 && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(digits.to_owned());
        }
        Err(failure(Call::Phone, 40029))
    }
}

/// The error code behind a word, if the text holds the word with a number.
fn error_in(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(ERROR_WORD)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn judge(openid: &str, text: &str) -> Result<TextVerdict> {
    let errcode = if openid.starts_with(OPENID) { error_in(text) } else { Some(40003) };
    if let Some(errcode) = errcode {
        return verdict_of_error(errcode).ok_or_else(|| failure(Call::TextCheck, errcode));
    }
    Ok(if text.contains(RISKY_WORD) {
        TextVerdict { suggestion: Suggestion::Risky, label: 20006 }
    } else if text.contains(REVIEW_WORD) {
        TextVerdict { suggestion: Suggestion::Review, label: 20001 }
    } else {
        TextVerdict::PASS
    })
}

fn deliver(message: &SubscriptionMessage) -> Result<Delivery> {
    let errcode = match message.template_id.strip_prefix("sandbox-error-") {
        Some(errcode) => errcode.parse().unwrap_or(40037),
        None if !message.openid.starts_with(OPENID) => 40003,
        None if message.openid.starts_with(REFUSING_OPENID) => 43101,
        None if message.template_id.is_empty() => 40037,
        None if message.fields.is_empty() => 47003,
        None => return Ok(Delivery::Sent),
    };
    delivery_of_error(errcode).ok_or_else(|| failure(Call::Subscription, errcode))
}

fn ready<'a, T: Send + 'a>(answer: std::result::Result<T, Error>) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(answer))
}

impl Wechat for Sandbox {
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.log_in(code))
    }

    fn phone_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.phone(code))
    }

    fn check_text<'a>(&'a self, openid: &'a str, text: &'a str) -> BoxFuture<'a, Result<TextVerdict>> {
        ready(if text.trim().is_empty() { Ok(TextVerdict::PASS) } else { judge(openid, text) })
    }

    fn send_subscription<'a>(&'a self, message: &'a SubscriptionMessage) -> BoxFuture<'a, Result<Delivery>> {
        ready(deliver(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[tokio::test]
    async fn codes_behave_like_those_of_the_service() {
        let sandbox = Sandbox::new(Cache::in_process());
        let first = sandbox.openid_of_code("sandbox-wang").await.unwrap();
        assert_eq!(sandbox.openid_of_code("sandbox-wang").await.unwrap_err().code, Code::LoginFailed, "a code is good once");
        assert_eq!(sandbox.openid_of_code("sandbox-wang.2").await.unwrap(), first);
        assert_ne!(sandbox.openid_of_code("sandbox-li").await.unwrap(), first);
        for (code, expected) in [
            ("sandbox-error-40029", Code::LoginFailed),
            ("sandbox-error-45011", Code::TooMany),
            ("sandbox-error--1", Code::Upstream),
            ("0a1b2c", Code::LoginFailed),
            ("sandbox-", Code::LoginFailed),
        ] {
            assert_eq!(sandbox.openid_of_code(code).await.unwrap_err().code, expected, "{code}");
        }
        assert_eq!(sandbox.phone_of_code("sandbox-phone-13800138000").await.unwrap(), "13800138000");
        assert_eq!(sandbox.phone_of_code("sandbox-phone-13800138000").await.unwrap_err().code, Code::Invalid, "a code is good once");
        assert_eq!(sandbox.phone_of_code("sandbox-phone-138").await.unwrap_err().code, Code::Invalid);
        assert_eq!(sandbox.phone_of_code("sandbox-error--1").await.unwrap_err().code, Code::Upstream);
    }

    #[tokio::test]
    async fn texts_are_judged_by_their_words() {
        let sandbox = Sandbox::new(Cache::in_process());
        let openid = sandbox.openid_of_code("sandbox-wang").await.unwrap();
        let judge = async |text: &str| sandbox.check_text(&openid, text).await;
        assert_eq!(judge("建议增加投放点").await.unwrap(), TextVerdict::PASS);
        assert_eq!(judge("这里有沙箱复核的话").await.unwrap(), TextVerdict { suggestion: Suggestion::Review, label: 20001 });
        assert_eq!(judge("沙箱复核又沙箱违规").await.unwrap(), TextVerdict { suggestion: Suggestion::Risky, label: 20006 });
        assert_eq!(judge("沙箱错误61010").await.unwrap(), TextVerdict::NOT_JUDGED);
        assert_eq!(judge("沙箱错误45009。").await.unwrap_err().code, Code::Upstream);
        assert_eq!(sandbox.check_text("somebody", "好").await.unwrap(), TextVerdict::NOT_JUDGED);
        assert_eq!(sandbox.check_text("somebody", " ").await.unwrap(), TextVerdict::PASS);
    }

    #[tokio::test]
    async fn messages_are_sent_or_refused() {
        let sandbox = Sandbox::new(Cache::in_process());
        let message = async |person: &str, template: &str| {
            let openid = sandbox.openid_of_code(person).await.unwrap();
            let fields = [("thing1".to_owned(), "意见".to_owned())].into();
            sandbox.send_subscription(&SubscriptionMessage { openid, template_id: template.into(), page: String::new(), fields }).await
        };
        assert_eq!(message("sandbox-wang", "answered").await.unwrap(), Delivery::Sent);
        assert_eq!(message("sandbox-refuses-li", "answered").await.unwrap(), Delivery::Refused);
        assert_eq!(message("sandbox-wang.2", "sandbox-error-43101").await.unwrap(), Delivery::Refused);
        assert_eq!(message("sandbox-wang.3", "sandbox-error-47003").await.unwrap(), Delivery::Rejected(47003));
        assert_eq!(message("sandbox-wang.4", "sandbox-error--1").await.unwrap_err().code, Code::Upstream);
    }
}
