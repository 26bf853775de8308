//! The real service.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Call, Delivery, SubscriptionMessage, Suggestion, TextVerdict, Wechat, delivery_of_error, failure, pieces, upstream, verdict_of_error,
};
use crate::config::WechatConfig;
use crate::error::{Error, Result};
use crate::storage::cache::Cache;
use crate::storage::crypto::install_tls;

/// The client of the real service.
pub struct Live {
    client: reqwest::Client,
    base_url: String,
    pub(super) app_id: String,
    pub(super) secret: String,
    pub(super) cache: Cache,
}

/// Longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// Every answer of WeChat may hold an error code beside its own fields.
trait Answer: DeserializeOwned {
    fn errcode(&self) -> i64;
}

/// What `jscode2session` answers; it says `text/plain` and status 200 in every case.
#[derive(Deserialize)]
struct SessionAnswer {
    #[serde(default)]
    openid: String,
    #[serde(default)]
    errcode: i64,
}

/// What `getuserphonenumber` answers.
#[derive(Deserialize)]
struct PhoneAnswer {
    #[serde(default)]
    errcode: i64,
    phone_info: Option<PhoneInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneInfo {
    #[serde(default)]
    pure_phone_number: String,
    /// A number or a text, depending on the age of the answer.
    #[serde(default)]
    country_code: Value,
}

/// What `msg_sec_check` answers.
#[derive(Deserialize)]
struct CheckAnswer {
    #[serde(default)]
    errcode: i64,
    result: Option<CheckResult>,
}

#[derive(Deserialize)]
struct CheckResult {
    suggest: String,
    #[serde(default)]
    label: i64,
}

/// What `subscribe/send` answers.
#[derive(Deserialize)]
struct SendAnswer {
    #[serde(default)]
    errcode: i64,
}

macro_rules! answers {
    ($($name:ident)+) => {$(
        impl Answer for $name {
            fn errcode(&self) -> i64 { self.errcode }
        }
    )+};
}

answers! { SessionAnswer PhoneAnswer CheckAnswer SendAnswer }

impl Live {
    /// A client with the configured address and credentials; the access token is shared through the cache.
    pub fn new(config: &WechatConfig, cache: Cache) -> Result<Live> {
        if config.app_id.is_empty() || config.secret.0.is_empty() {
            return Err(Error::startup("使用正式微信接口需要 wechat.app_id 和 wechat.secret。"));
        }
        install_tls();
        let timeout = Duration::from_millis(config.timeout_ms);
        let client = reqwest::Client::builder()
            .connect_timeout(timeout.min(Duration::from_secs(3)))
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::startup("无法建立微信接口的连接。").caused_by(e))?;
        Ok(Live {
            client,
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            app_id: config.app_id.clone(),
            secret: config.secret.0.clone(),
            cache,
        })
    }

    /// One POST, with the access token in the query where a call wants it.
    pub(super) async fn post<T: DeserializeOwned>(&self, call: Call, path: &str, token: Option<&str>, body: &Value) -> Result<T> {
        let mut request = self.client.post(format!("{}{path}", self.base_url)).json(body);
        if let Some(token) = token {
            request = request.query(&[("access_token", token)]);
        }
        read(call, request).await
    }

    /// One POST with the access token; a token that WeChat calls invalid is renewed once.
    async fn post_with_token<T: Answer>(&self, call: Call, path: &str, body: &Value) -> Result<T> {
        let token = self.token(None).await?;
        let answer: T = self.post(call, path, Some(&token), body).await?;
        if !is_token_error(answer.errcode()) {
            return Ok(answer);
        }
        tracing::info!(call = call.name(), errcode = answer.errcode(), "the access token has ended; it is renewed");
        let token = self.token(Some(&token)).await?;
        self.post(call, path, Some(&token), body).await
    }

    async fn log_in(&self, code: &str) -> Result<String> {
        let query = [("appid", self.app_id.as_str()), ("secret", &self.secret), ("js_code", code), ("grant_type", "authorization_code")];
        let request = self.client.get(format!("{}/sns/jscode2session", self.base_url)).query(&query);
        let answer: SessionAnswer = read(Call::Login, request).await?;
        match answer {
            SessionAnswer { errcode: 0, openid } if !openid.is_empty() => Ok(openid),
            SessionAnswer { errcode: 0, .. } => Err(upstream("jscode2session gave no openid")),
            SessionAnswer { errcode, .. } => Err(failure(Call::Login, errcode)),
        }
    }

    async fn phone(&self, code: &str) -> Result<String> {
        let answer: PhoneAnswer = self.post_with_token(Call::Phone, "/wxa/business/getuserphonenumber", &json!({ "code": code })).await?;
        if answer.errcode != 0 {
            return Err(failure(Call::Phone, answer.errcode));
        }
        let info = answer.phone_info.ok_or_else(|| upstream("getuserphonenumber gave no number"))?;
        let country = match &info.country_code {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if country != "86" {
            return Err(Error::invalid("code", "目前只支持中国大陆的手机号码。"));
        }
        Ok(info.pure_phone_number)
    }

    async fn judge(&self, openid: &str, text: &str) -> Result<TextVerdict> {
        let mut verdict = TextVerdict::PASS;
        if text.trim().is_empty() {
            return Ok(verdict);
        }
        for piece in pieces(text) {
            verdict = verdict.stricter(self.judge_piece(openid, &piece).await?);
            if verdict.suggestion == Suggestion::Risky {
                break;
            }
        }
        Ok(verdict)
    }

    async fn judge_piece(&self, openid: &str, piece: &str) -> Result<TextVerdict> {
        let body = json!({"version": 2, "openid": openid, "scene": 2, "content": piece});
        let answer: CheckAnswer = self.post_with_token(Call::TextCheck, "/wxa/msg_sec_check", &body).await?;
        if answer.errcode != 0 {
            return verdict_of_error(answer.errcode).ok_or_else(|| failure(Call::TextCheck, answer.errcode));
        }
        let result = answer.result.ok_or_else(|| upstream("msg_sec_check gave no result"))?;
        let suggestion = match result.suggest.as_str() {
            "pass" => Suggestion::Pass,
            "risky" => Suggestion::Risky,
            // `review`, and whatever WeChat may say one day: a person looks.
            _ => Suggestion::Review,
        };
        Ok(TextVerdict { suggestion, label: result.label })
    }

    async fn send(&self, message: &SubscriptionMessage) -> Result<Delivery> {
        let data: serde_json::Map<String, Value> =
            message.fitted().into_iter().map(|(name, value)| (name.to_owned(), json!({ "value": value }))).collect();
        let body = json!({
            "touser": message.openid, "template_id": message.template_id, "page": message.page, "data": data, "lang": "zh_CN",
        });
        let answer: SendAnswer = self.post_with_token(Call::Subscription, "/cgi-bin/message/subscribe/send", &body).await?;
        match answer.errcode {
            0 => Ok(Delivery::Sent),
            errcode => delivery_of_error(errcode).ok_or_else(|| failure(Call::Subscription, errcode)),
        }
    }
}

/// Whether the access token is the reason.
fn is_token_error(errcode: i64) -> bool {
    matches!(errcode, 40001 | 40014 | 42001)
}

/// Sends a request and reads its answer, within the bounds of the product.
async fn read<T: DeserializeOwned>(call: Call, request: reqwest::RequestBuilder) -> Result<T> {
    // The address holds the secret or the token, so it is taken out of every error.
    let failed = |e: reqwest::Error| upstream(format!("{}: {}", call.name(), causes(&e.without_url())));
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(upstream(format!("{} answered with status {}", call.name(), response.status().as_u16())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(upstream(format!("the answer of {} is too long", call.name())));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|e| upstream(format!("the answer of {} cannot be read: {e}", call.name())))
}

/// An error with everything behind it, as one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

impl Wechat for Live {
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.log_in(code))
    }

    fn phone_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.phone(code))
    }

    fn check_text<'a>(&'a self, openid: &'a str, text: &'a str) -> BoxFuture<'a, Result<TextVerdict>> {
        Box::pin(self.judge(openid, text))
    }

    fn send_subscription<'a>(&'a self, message: &'a SubscriptionMessage) -> BoxFuture<'a, Result<Delivery>> {
        Box::pin(self.send(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn the_live_gateway_wants_its_credentials() {
        assert_eq!(Live::new(&WechatConfig::default(), Cache::in_process()).map(drop).unwrap_err().code, Code::Startup);
    }
}
