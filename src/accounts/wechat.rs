//! WeChat: the calls to its servers behind one trait, with a live client and a sandbox that behaves like it, error codes included.
//!
//! To add a call: a method of [`Wechat`], its live form, and its sandbox form with every error code that the product tells apart.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;

use crate::config::{Gateway, WechatConfig};
use crate::error::{Code, Error, Result};
use crate::storage::cache::Cache;
use crate::storage::crypto::{install_tls, sm3_hex};

/// WeChat's servers, as far as the product speaks to them.
pub trait Wechat: Send + Sync {
    /// The openid that a login code stands for (`jscode2session`). A code is good for one use within five minutes.
    /// The session key that comes with it is dropped: nothing here needs it, and it must not leave the server.
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>>;
}

/// The configured gateway.
pub fn open(config: &WechatConfig, cache: &Cache) -> Result<Arc<dyn Wechat>> {
    Ok(match config.gateway {
        Gateway::Sandbox => Arc::new(Sandbox { cache: cache.clone() }),
        Gateway::Live => Arc::new(Live::new(config, "https://api.weixin.qq.com")?),
    })
}

/// The real service.
pub struct Live {
    client: reqwest::Client,
    base_url: String,
    app_id: String,
    secret: String,
}

/// Longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

impl Live {
    /// A client of the service at `base_url`.
    pub fn new(config: &WechatConfig, base_url: &str) -> Result<Live> {
        if config.app_id.is_empty() || config.secret.0.is_empty() {
            return Err(Error::startup("使用正式微信接口需要 wechat.app_id 和 wechat.secret。"));
        }
        install_tls();
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(8))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::startup("无法建立微信接口的连接。").caused_by(e))?;
        Ok(Live { client, base_url: base_url.to_owned(), app_id: config.app_id.clone(), secret: config.secret.0.clone() })
    }

    async fn code_to_session(&self, code: &str) -> Result<String> {
        let query = [("appid", self.app_id.as_str()), ("secret", &self.secret), ("js_code", code), ("grant_type", "authorization_code")];
        // The URL holds the secret, so it is taken out of every error.
        let failed = |e: reqwest::Error| Error::new(Code::Upstream, "微信服务没有响应，请稍后再试。").caused_by(e.without_url());
        let mut response = self.client.get(format!("{}/sns/jscode2session", self.base_url)).query(&query).send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(upstream("the answer of jscode2session is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        read_session(&body)
    }
}

impl Wechat for Live {
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.code_to_session(code))
    }
}

/// What `jscode2session` answers; it says `text/plain` and status 200 in every case.
#[derive(Deserialize)]
struct SessionAnswer {
    #[serde(default)]
    openid: String,
    #[serde(default)]
    errcode: i64,
}

fn read_session(body: &[u8]) -> Result<String> {
    let answer: SessionAnswer =
        serde_json::from_slice(body).map_err(|e| upstream("the answer of jscode2session cannot be read").caused_by(e))?;
    if answer.errcode != 0 {
        return Err(code_error(answer.errcode));
    }
    if answer.openid.is_empty() {
        return Err(upstream("jscode2session gave no openid"));
    }
    Ok(answer.openid)
}

fn upstream(context: &str) -> Error {
    Error::new(Code::Upstream, "微信服务没有正常响应，请稍后再试。").caused_by(context.to_owned())
}

/// The product's error for an error code of `jscode2session`.
fn code_error(errcode: i64) -> Error {
    let (code, detail) = match errcode {
        40029 => (Code::LoginFailed, "微信登录凭证无效，请重新打开小程序再试。"),
        40163 => (Code::LoginFailed, "微信登录凭证已经用过，请重新打开小程序再试。"),
        40226 => (Code::LoginFailed, "微信判定此次登录存在风险，未予通过。"),
        45011 => (Code::TooMany, "登录过于频繁，请一分钟后再试。"),
        -1 => (Code::Upstream, "微信服务繁忙，请稍后再试。"),
        _ => (Code::Upstream, "微信服务没有正常响应，请稍后再试。"),
    };
    Error::new(code, detail).caused_by(format!("jscode2session answered errcode {errcode}"))
}

/// The stand-in. Codes:
/// - `sandbox-<person>` or `sandbox-<person>.<anything>`: signs in the person, the same openid each time; each code is good for one use,
///   so a person who signs in twice sends two codes with different endings;
/// - `sandbox-error-<errcode>`: fails with that code, e.g. `sandbox-error-45011` or `sandbox-error--1`;
/// - everything else: 40029.
pub struct Sandbox {
    cache: Cache,
}

/// How long a used code is remembered.
const USED_CODE: Duration = Duration::from_secs(24 * 3600);

impl Sandbox {
    /// A sandbox that remembers used codes in a cache.
    pub fn new(cache: Cache) -> Sandbox {
        Sandbox { cache }
    }

    async fn answer(&self, code: &str) -> Result<String> {
        let Some(rest) = code.strip_prefix("sandbox-").filter(|rest| !rest.is_empty()) else { return Err(code_error(40029)) };
        if let Some(errcode) = rest.strip_prefix("error-") {
            return Err(code_error(errcode.parse().unwrap_or(40029)));
        }
        if self.cache.count(&format!("wechat-sandbox-code:{}", sm3_hex(code.as_bytes())), USED_CODE).await? > 1 {
            return Err(code_error(40163));
        }
        let person = rest.split_once('.').map_or(rest, |(person, _)| person);
        let digest = sm3_hex(person.as_bytes());
        Ok(format!("sandbox-{}", digest.get(..20).unwrap_or(&digest)))
    }
}

impl Wechat for Sandbox {
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.answer(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_the_service_are_told_apart() {
        assert_eq!(read_session(br#"{"openid":"o1","session_key":"k","unionid":"u"}"#).unwrap(), "o1");
        for (body, code) in [
            (r#"{"errcode":40029,"errmsg":"invalid code"}"#, Code::LoginFailed),
            (r#"{"errcode":40163,"errmsg":"code been used"}"#, Code::LoginFailed),
            (r#"{"errcode":40226,"errmsg":"code blocked"}"#, Code::LoginFailed),
            (r#"{"errcode":45011,"errmsg":"frequency limit"}"#, Code::TooMany),
            (r#"{"errcode":-1,"errmsg":"system error"}"#, Code::Upstream),
            (r#"{"errcode":40125,"errmsg":"invalid appsecret"}"#, Code::Upstream),
            (r#"{"errcode":0}"#, Code::Upstream),
            ("<html>", Code::Upstream),
            ("", Code::Upstream),
        ] {
            assert_eq!(read_session(body.as_bytes()).unwrap_err().code, code, "{body}");
        }
    }

    #[tokio::test]
    async fn the_sandbox_behaves_like_the_service() {
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
    }

    #[test]
    fn the_live_gateway_wants_its_credentials() {
        assert_eq!(Live::new(&WechatConfig::default(), "https://example.invalid").map(drop).unwrap_err().code, Code::Startup);
    }
}
