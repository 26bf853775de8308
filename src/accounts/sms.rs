//! 短信: one-time codes to phones, through a gateway that a deployment chooses.
//!
//! The live gateway is any HTTP service that takes our JSON (see [`SmsConfig`]); the sandbox sends nothing and lets the demonstration and tests
//! read the code. Neither phone nor code reaches a log line.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;

use crate::config::{Config, SmsConfig, SmsMode};
use crate::error::{Code, Error, Result};
use crate::ids::IdSource;
use crate::storage::cache::Cache;
use crate::storage::crypto::{install_tls, sm3_hex};

/// A message with a one-time code.
#[derive(Clone, Copy)]
pub struct CodeMessage<'a> {
    /// Mainland number, 11 digits.
    pub phone: &'a str,
    /// Six digits.
    pub code: &'a str,
    /// Minutes for which the code is good.
    pub minutes: i64,
}

/// What carries one-time codes to phones.
pub trait SmsGateway: Send + Sync {
    /// Sends a code. [`Code::TooMany`]: the gateway refuses because of its own limits; [`Code::Upstream`]: it did not take the message.
    fn send_code<'a>(&'a self, message: CodeMessage<'a>) -> BoxFuture<'a, Result<()>>;

    /// The code that was last sent to a phone, where the gateway is the sandbox; `None` everywhere else.
    fn shown_code<'a>(&'a self, phone: &'a str) -> BoxFuture<'a, Result<Option<String>>>;

    /// Whether messages can be sent at all.
    fn is_on(&self) -> bool {
        true
    }
}

/// The configured gateway.
pub fn open(config: &Config, cache: &Cache) -> Result<Arc<dyn SmsGateway>> {
    Ok(match config.sms.gateway {
        SmsMode::Off => Arc::new(Off),
        SmsMode::Sandbox => Arc::new(Sandbox::new(cache.clone())),
        SmsMode::Live => Arc::new(Live::new(&config.sms, &config.site_name)?),
    })
}

/// Why a service may not be started with these settings: in production a sandbox would hand out codes to whoever reads its store.
pub fn check_for_service(config: &Config) -> Result<()> {
    if !config.is_demonstration && config.sms.gateway == SmsMode::Sandbox {
        return Err(Error::startup(
            "正式运行不能使用短信沙箱。请设置 sms.gateway = \"live\" 并填写 sms.url 和 sms.token；不开通手机号登录的，设置 sms.gateway = \"off\"。",
        ));
    }
    Ok(())
}

/// Nothing is sent.
struct Off;

impl SmsGateway for Off {
    fn send_code<'a>(&'a self, _: CodeMessage<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(std::future::ready(Err(Error::new(Code::Conflict, "本站没有开通短信验证码，请使用微信小程序。"))))
    }

    fn shown_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn is_on(&self) -> bool {
        false
    }
}

/// The stand-in. It takes every message and keeps the code for its time, under a hash of the phone. Two phones bring out failures:
/// `13000000000` answers that the gateway is broken, `13000000001` that it is too busy.
pub struct Sandbox {
    cache: Cache,
}

/// The phone for which the sandbox is broken.
pub const BROKEN_PHONE: &str = "13000000000";
/// The phone for which the sandbox is too busy.
pub const BUSY_PHONE: &str = "13000000001";

impl Sandbox {
    /// A sandbox that keeps codes in a cache.
    pub fn new(cache: Cache) -> Sandbox {
        Sandbox { cache }
    }

    fn key(phone: &str) -> String {
        format!("sms-sandbox:{}", sm3_hex(phone.as_bytes()))
    }

    async fn keep(&self, message: CodeMessage<'_>) -> Result<()> {
        match message.phone {
            BROKEN_PHONE => Err(not_taken("the sandbox is broken for this phone")),
            BUSY_PHONE => Err(too_busy()),
            phone => {
                let lifetime = Duration::from_secs(60 * u64::try_from(message.minutes).unwrap_or(1));
                self.cache.put(&Self::key(phone), message.code, lifetime).await
            }
        }
    }
}

impl SmsGateway for Sandbox {
    fn send_code<'a>(&'a self, message: CodeMessage<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.keep(message))
    }

    fn shown_code<'a>(&'a self, phone: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move { self.cache.get(&Self::key(phone)).await })
    }
}

/// The gateway at a configured address.
pub struct Live {
    client: reqwest::Client,
    url: String,
    token: String,
    site: String,
}

impl Live {
    /// A client of the gateway.
    pub fn new(config: &SmsConfig, site: &str) -> Result<Live> {
        if !config.url.starts_with("http") || config.token.0.is_empty() {
            return Err(Error::startup("使用正式短信接口需要 sms.url（http:// 或 https:// 开头）和 sms.token。"));
        }
        install_tls();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(config.timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::startup("无法建立短信接口的连接。").caused_by(e))?;
        Ok(Live { client, url: config.url.clone(), token: config.token.0.clone(), site: site.to_owned() })
    }

    async fn post(&self, message: CodeMessage<'_>) -> Result<()> {
        // An id of its own for each message, so that an adapter can tell a repetition by the network from a second message.
        let id = IdSource::Random.next();
        let body = json!({"id": id, "phone": message.phone, "code": message.code, "minutes": message.minutes, "site": self.site});
        let answer = self
            .client
            .post(&self.url)
            .bearer_auth(&self.token)
            .json(&body)
            .send()
            .await
            .map_err(|e| Error::new(Code::Upstream, NOT_SENT).caused_by(e.without_url()))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            429 => Err(too_busy()),
            status => Err(not_taken(&format!("the SMS gateway answered with status {status}"))),
        }
    }
}

impl SmsGateway for Live {
    fn send_code<'a>(&'a self, message: CodeMessage<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.post(message))
    }

    fn shown_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

const NOT_SENT: &str = "验证码没有发出，请一分钟后再试。";

fn not_taken(context: &str) -> Error {
    Error::new(Code::Upstream, NOT_SENT).caused_by(context.to_owned())
}

fn too_busy() -> Error {
    Error::new(Code::TooMany, "短信发送繁忙，请一分钟后再试。").retry_after(60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn production_starts_with_a_real_gateway_or_none() {
        let with = |gateway, is_demonstration| {
            let sms = SmsConfig { gateway, ..SmsConfig::default() };
            check_for_service(&Config { sms, is_demonstration, ..Config::default() })
        };
        assert_eq!(with(SmsMode::Sandbox, false).unwrap_err().code, Code::Startup);
        for (mode, is_demonstration) in [(SmsMode::Off, false), (SmsMode::Live, false), (SmsMode::Sandbox, true)] {
            with(mode, is_demonstration).unwrap();
        }
    }

    #[test]
    fn the_live_gateway_wants_its_address_and_token() {
        let config = |url: &str, token: &str| SmsConfig { url: url.into(), token: Secret(token.into()), ..SmsConfig::default() };
        for (url, token) in [("", "t"), ("ftp://x", "t"), ("https://sms.example", "")] {
            assert_eq!(Live::new(&config(url, token), "站").map(drop).unwrap_err().code, Code::Startup, "{url} {token}");
        }
        assert!(Live::new(&config("https://sms.example", "t"), "站").is_ok());
    }
}
