//! Settings of the services of other operators.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Secret;

/// Which face of WeChat is used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// None: the site has no mini-program. Nobody signs in with WeChat, and texts are checked by the local word list and by people.
    Off,
    /// An in-process stand-in that behaves like the real service, error codes included.
    #[default]
    Sandbox,
    /// The real service.
    Live,
}

/// WeChat mini-program settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WechatConfig {
    /// Off, sandbox or live. `ZHITONG_WECHAT_GATEWAY`
    pub gateway: Gateway,
    /// The mini-program's id. `ZHITONG_WECHAT_APP_ID`
    pub app_id: String,
    /// The mini-program's secret. `ZHITONG_WECHAT_SECRET`
    pub secret: Secret,
    /// Address of the service; another one only where an outbound proxy stands between. `ZHITONG_WECHAT_BASE_URL`
    pub base_url: String,
    /// Longest time for one call, in milliseconds.
    pub timeout_ms: u64,
    /// Subscription messages 订阅消息: which events are told through which template.
    pub templates: Vec<WechatTemplate>,
}

/// A template of subscription messages, as the mini-program's console knows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WechatTemplate {
    /// Its id.
    pub id: String,
    /// Names of the events that it tells, e.g. `opinion_answered`; an event has one template at most.
    pub events: Vec<String>,
    /// Page of the mini-program that a tap opens; `{subject}` is the id of the thing.
    pub page: String,
    /// Values by the template's names (`thing1`, `time2` …), with `{about}`, `{title}`, `{sentence}` and `{time}`.
    pub fields: BTreeMap<String, String>,
}

impl Default for WechatConfig {
    fn default() -> Self {
        WechatConfig {
            gateway: Gateway::default(),
            app_id: String::new(),
            secret: Secret::default(),
            base_url: "https://api.weixin.qq.com".into(),
            timeout_ms: 8_000,
            templates: Vec::new(),
        }
    }
}

/// Which face of the SMS service is used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SmsMode {
    /// Nothing is sent: signing in with a phone is switched off.
    Off,
    /// An in-process stand-in; for development, the demonstration and tests only.
    #[default]
    Sandbox,
    /// The gateway at `sms.url`.
    Live,
}

/// SMS settings. The live gateway is whatever answers at `url`: it gets `POST` with the JSON body
/// `{"id": …, "phone": "13800000000", "code": "123456", "minutes": 5, "site": …}` and the header `Authorization: Bearer <token>`, and says with a
/// status of 2xx that it took the message. Most bureaus put a small adapter there, in front of the gateway they have a contract with.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmsConfig {
    /// Off, sandbox or live. `ZHITONG_SMS_GATEWAY`
    pub gateway: SmsMode,
    /// Address of the gateway. `ZHITONG_SMS_URL`
    pub url: String,
    /// Token that the gateway wants. `ZHITONG_SMS_TOKEN`
    pub token: Secret,
    /// Longest time for one message, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for SmsConfig {
    fn default() -> Self {
        SmsConfig { gateway: SmsMode::default(), url: String::new(), token: Secret::default(), timeout_ms: 5_000 }
    }
}

/// Object storage for originals; without it they are files under the data directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// Endpoint URL. `ZHITONG_S3_ENDPOINT`
    pub endpoint: String,
    /// Bucket. `ZHITONG_S3_BUCKET`
    pub bucket: String,
    /// Region. `ZHITONG_S3_REGION`
    #[serde(default = "default_s3_region")]
    pub region: String,
    /// Access key. `ZHITONG_S3_ACCESS_KEY`
    pub access_key: Secret,
    /// Secret key. `ZHITONG_S3_SECRET_KEY`
    pub secret_key: Secret,
    /// Whether plain HTTP is accepted (only for storage on the same host). `ZHITONG_S3_ALLOW_HTTP`
    #[serde(default)]
    pub allow_http: bool,
}

pub(super) fn default_s3_region() -> String {
    "us-east-1".into()
}
