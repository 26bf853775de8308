//! Every setting. Read from a TOML file (`--config`), then overridden by environment variables; each field names its variable.
//!
//! Without a file the product runs as a demonstration on embedded defaults; a file means production: nothing is seeded and no
//! demonstration login exists. To add a setting: a field with its default and its variable in the doc, a line in
//! [`Config::apply_environment`], and a line in the README's table.

mod gateways;
mod limits;
mod networks;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::calendar::Calendar;
use crate::error::{Error, Result};

use gateways::default_s3_region;
pub use gateways::{Gateway, S3Config, SmsConfig, SmsMode, WechatConfig, WechatTemplate};
pub use limits::{LimitRules, Quota};
pub use networks::Network;

/// A value that must not appear in logs.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(hidden)" })
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Whether staff sign in with a second step.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum StaffTotp {
    /// Everybody sets one up at the next sign-in, and cannot take it away.
    Required,
    /// Whoever wishes.
    Optional,
}

/// What happens to opinions that the local checks find nothing in and WeChat has not seen.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum WebOpinions {
    /// A person looks at each before others see it.
    #[default]
    Review,
    /// They are shown.
    Pass,
}

/// 意见审核: how opinions are checked before others may see them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModerationRules {
    /// Opinions that came another way than through WeChat: `review` or `pass`.
    pub web: WebOpinions,
    /// A file with further words, in the form of `src/opinions/moderation/words.toml`.
    pub words_file: Option<PathBuf>,
    /// Longest time that a request waits for WeChat's judgement, in milliseconds; then a person looks.
    pub wechat_timeout_ms: u64,
    /// Seconds after which a check that has not ended is taken for broken off, and a person looks.
    pub stalled_seconds: u32,
}

impl Default for ModerationRules {
    fn default() -> Self {
        ModerationRules { web: WebOpinions::Review, words_file: None, wechat_timeout_ms: 4_000, stalled_seconds: 60 }
    }
}

/// Periods and limits that law or local practice set; all are data because they change.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Least length of a public consultation in days (规章制定程序条例 15, 立法法 40); a shorter round needs a public reason.
    pub minimum_consultation_days: u32,
    /// Days before the end of a round at which its followers are reminded.
    pub closing_reminder_days: u32,
    /// Days before the due date of a collection task at which its contact points are reminded.
    pub assignment_reminder_days: u32,
    /// Days between the promulgation of a rule and its taking effect (规章制定程序条例 32); an earlier day needs a reason.
    pub rule_effective_days: u32,
    /// Days after the end of a round in which its opinions should be answered; later it is on the overdue list. No law sets it.
    pub feedback_days: u32,
    /// Days before the end of a contact point's term in which it is shown to those who keep the point. No law sets it.
    pub point_term_notice_days: u32,
    /// Days for which an invitation of staff is good.
    pub invitation_days: u32,
    /// Longest text of one opinion, in characters.
    pub opinion_characters: usize,
    /// Most files enclosed with one opinion.
    pub enclosures: usize,
    /// Largest enclosed file, in MiB.
    pub enclosure_mib: u32,
    /// Largest sum of the files enclosed with one opinion, in MiB.
    pub enclosures_mib: u32,
    /// Hours after which an uploaded file that came with no opinion is removed.
    pub unbound_enclosure_hours: u32,
    /// Seconds after which work in the background (an import, an uploaded table) that gave no sign is taken for dead, and another instance goes on with it; 10 or more.
    pub silent_seconds: u32,
    /// Failed staff logins with one name from one address in fifteen minutes before that pair must wait; five times as many with all names together.
    pub failed_logins: u32,
    /// Second step of the staff's sign-in. Unless it is set: required with a configuration file, optional in the demonstration.
    pub staff_totp: Option<StaffTotp>,
    /// Lifetime of a staff session, in hours.
    pub staff_session_hours: u32,
    /// Lifetime of a citizen session, in days.
    pub citizen_session_days: u32,
    /// Checks before display.
    pub moderation: ModerationRules,
    /// How often things may be done.
    pub limits: LimitRules,
    /// Days off and worked weekend days, as announced each year.
    pub calendar: Calendar,
}

/// Least [`Rules::silent_seconds`]: signs of life that a slow engine delays must not look like death.
const LEAST_SILENT_SECONDS: u32 = 10;

impl Default for Rules {
    fn default() -> Self {
        Rules {
            minimum_consultation_days: 30,
            closing_reminder_days: 3,
            assignment_reminder_days: 3,
            rule_effective_days: 30,
            feedback_days: 60,
            point_term_notice_days: 60,
            invitation_days: 7,
            opinion_characters: 5_000,
            enclosures: 5,
            enclosure_mib: 10,
            enclosures_mib: 20,
            unbound_enclosure_hours: 24,
            silent_seconds: 60,
            failed_logins: 10,
            staff_totp: None,
            staff_session_hours: 12,
            citizen_session_days: 30,
            moderation: ModerationRules::default(),
            limits: LimitRules::default(),
            calendar: Calendar::default(),
        }
    }
}

/// All settings of one process.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. `ZHITONG_LISTEN`
    pub listen: SocketAddr,
    /// Address citizens see, for permalinks; empty = relative links. `ZHITONG_PUBLIC_URL`
    pub public_url: String,
    /// Where the embedded database, originals and the index live. `ZHITONG_DATA_DIR`
    pub data_dir: PathBuf,
    /// Most open connections of clients; further ones are asked to come back. `ZHITONG_CONNECTIONS`
    pub connections: u32,
    /// Most of them from one address, or from one /64 of IPv6; those of trusted proxies are not counted by address. `ZHITONG_CONNECTIONS_PER_ADDRESS`
    pub connections_per_address: u32,
    /// `postgres://…`; empty = SQLite under the data directory. `ZHITONG_DATABASE_URL`
    pub database_url: Secret,
    /// Largest number of database connections. `ZHITONG_DATABASE_CONNECTIONS`
    pub database_connections: u32,
    /// `redis://…`, `rediss://…` (TLS) or `redis+unix://…`; empty = in process. `ZHITONG_REDIS_URL`
    pub redis_url: Secret,
    /// Object storage; absent = files under the data directory.
    pub s3: Option<S3Config>,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks; every other one is ignored. `ZHITONG_TRUSTED_PROXIES`, comma-separated
    pub trusted_proxies: Vec<Network>,
    /// Key of personal data, 32 or more bytes of hexadecimal: hashes and sealed fields. `ZHITONG_DATA_KEY`
    pub data_key: Secret,
    /// File with several keys of personal data, made by `zhitong keys add`; instead of `data_key`. `ZHITONG_DATA_KEY_FILE`
    pub data_key_file: Option<PathBuf>,
    /// WeChat.
    pub wechat: WechatConfig,
    /// SMS.
    pub sms: SmsConfig,
    /// Log format. `ZHITONG_LOG_FORMAT`
    pub log_format: LogFormat,
    /// Log filter, in the syntax of `RUST_LOG`. `ZHITONG_LOG`
    pub log: String,
    /// Name of the site in headings. `ZHITONG_SITE_NAME`
    pub site_name: String,
    /// Name of the bureau that runs the site. `ZHITONG_BUREAU_NAME`
    pub bureau_name: String,
    /// Where people reach the bureau (postal address, telephone, e-mail), as notices give it; empty = each notice asks for it. `ZHITONG_CONTACT`
    pub contact: String,
    /// For how many milliseconds a public page is shown again to visitors who are not logged in before it is made anew; 0 = not at all.
    /// `ZHITONG_PAGE_CACHE_MS`
    pub page_cache_ms: u64,
    /// Seconds that requests in flight are given after a stop signal. `ZHITONG_SHUTDOWN_SECONDS`
    pub shutdown_seconds: u64,
    /// Legal periods and limits.
    pub rules: Rules,
    /// Whether this is the demonstration: true only when no configuration file was given.
    #[serde(skip)]
    pub is_demonstration: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8600)),
            public_url: String::new(),
            data_dir: PathBuf::from("data"),
            connections: 4_096,
            connections_per_address: 256,
            database_url: Secret::default(),
            database_connections: 16,
            redis_url: Secret::default(),
            s3: None,
            trusted_proxies: Vec::new(),
            data_key: Secret::default(),
            data_key_file: None,
            wechat: WechatConfig::default(),
            sms: SmsConfig::default(),
            log_format: LogFormat::Human,
            log: "info,sqlx=warn,tantivy=warn,poem=warn".into(),
            site_name: "立法直通车".into(),
            bureau_name: "司法局".into(),
            contact: String::new(),
            page_cache_ms: 2_000,
            shutdown_seconds: 20,
            rules: Rules::default(),
            is_demonstration: true,
        }
    }
}

impl Config {
    /// Address of a path of the site as citizens see it; empty when their address is not configured.
    pub fn public_link(&self, path: &str) -> String {
        if self.public_url.is_empty() { String::new() } else { format!("{}{path}", self.public_url.trim_end_matches('/')) }
    }

    /// Reads the file, if one is named, then the environment, and checks what belongs together.
    pub fn load(file: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<Config> {
        let config = Self::read(file, environment)?;
        config.check()?;
        Ok(config)
    }

    /// Reads the file, if one is named, then the environment.
    pub fn read(file: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<Config> {
        let mut config = match file {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| Error::startup(format!("无法读取配置文件 {}：{e}。请检查路径和权限。", path.display())))?;
                let mut config: Config = toml::from_str(&text)
                    .map_err(|e| Error::startup(format!("配置文件 {} 有误：{}", path.display(), e.to_string().trim_end())))?;
                config.is_demonstration = false;
                config.rules.staff_totp.get_or_insert(StaffTotp::Required);
                config
            }
        };
        config.apply_environment(environment)?;
        Ok(config)
    }

    /// Address of a client: the peer, or what a configured proxy says; a forwarded address from anybody else is ignored.
    ///
    /// `forwarded` are the values of `X-Forwarded-For` in the order in which they came.
    pub fn client_address<'a>(&self, peer: IpAddr, forwarded: impl IntoIterator<Item = &'a str>) -> IpAddr {
        let is_ours = |address: IpAddr| self.trusted_proxies.iter().any(|network| network.contains(address));
        if !is_ours(peer) {
            return peer;
        }
        // The last address that is not a proxy of ours: what stands before it was written by the client. A part that is no address ends the walk,
        // because whoever wrote it stands before a proxy of ours.
        let parts: Vec<&str> = forwarded.into_iter().flat_map(|value| value.split(',')).collect();
        let mut nearest = peer;
        for part in parts.into_iter().rev() {
            let Ok(address) = part.trim().parse::<IpAddr>() else { break };
            nearest = address;
            if !is_ours(address) {
                break;
            }
        }
        nearest
    }

    fn apply_environment(&mut self, environment: &BTreeMap<String, String>) -> Result<()> {
        fn parse<T: std::str::FromStr>(name: &str, value: &str) -> Result<T>
        where
            T::Err: fmt::Display,
        {
            value.trim().parse().map_err(|e| Error::startup(format!("环境变量 {name} 的值 {value:?} 无法识别：{e}。")))
        }
        let get = |name: &str| environment.get(name).map(String::as_str);
        if let Some(v) = get("ZHITONG_LISTEN") {
            self.listen = parse("ZHITONG_LISTEN", v)?;
        }
        if let Some(v) = get("ZHITONG_DATA_DIR") {
            self.data_dir = PathBuf::from(v);
        }
        if let Some(v) = get("ZHITONG_DATA_KEY_FILE") {
            self.data_key_file = Some(PathBuf::from(v));
        }
        if let Some(v) = get("ZHITONG_CONNECTIONS") {
            self.connections = parse("ZHITONG_CONNECTIONS", v)?;
        }
        if let Some(v) = get("ZHITONG_CONNECTIONS_PER_ADDRESS") {
            self.connections_per_address = parse("ZHITONG_CONNECTIONS_PER_ADDRESS", v)?;
        }
        if let Some(v) = get("ZHITONG_DATABASE_CONNECTIONS") {
            self.database_connections = parse("ZHITONG_DATABASE_CONNECTIONS", v)?;
        }
        if let Some(v) = get("ZHITONG_SHUTDOWN_SECONDS") {
            self.shutdown_seconds = parse("ZHITONG_SHUTDOWN_SECONDS", v)?;
        }
        if let Some(v) = get("ZHITONG_PAGE_CACHE_MS") {
            self.page_cache_ms = parse("ZHITONG_PAGE_CACHE_MS", v)?;
        }
        if let Some(v) = get("ZHITONG_TRUSTED_PROXIES") {
            self.trusted_proxies =
                v.split(',').filter(|p| !p.trim().is_empty()).map(|p| parse("ZHITONG_TRUSTED_PROXIES", p)).collect::<Result<_>>()?;
        }
        for (name, field) in [
            ("ZHITONG_PUBLIC_URL", &mut self.public_url),
            ("ZHITONG_DATABASE_URL", &mut self.database_url.0),
            ("ZHITONG_REDIS_URL", &mut self.redis_url.0),
            ("ZHITONG_DATA_KEY", &mut self.data_key.0),
            ("ZHITONG_WECHAT_APP_ID", &mut self.wechat.app_id),
            ("ZHITONG_WECHAT_SECRET", &mut self.wechat.secret.0),
            ("ZHITONG_WECHAT_BASE_URL", &mut self.wechat.base_url),
            ("ZHITONG_SMS_URL", &mut self.sms.url),
            ("ZHITONG_SMS_TOKEN", &mut self.sms.token.0),
            ("ZHITONG_LOG", &mut self.log),
            ("ZHITONG_SITE_NAME", &mut self.site_name),
            ("ZHITONG_BUREAU_NAME", &mut self.bureau_name),
            ("ZHITONG_CONTACT", &mut self.contact),
        ] {
            if let Some(v) = get(name) {
                *field = v.to_owned();
            }
        }
        match get("ZHITONG_WECHAT_GATEWAY") {
            None => {}
            Some("off") => self.wechat.gateway = Gateway::Off,
            Some("sandbox") => self.wechat.gateway = Gateway::Sandbox,
            Some("live") => self.wechat.gateway = Gateway::Live,
            Some(v) => return Err(Error::startup(format!("环境变量 ZHITONG_WECHAT_GATEWAY 只能是 off、sandbox 或 live，不能是 {v:?}。"))),
        }
        match get("ZHITONG_SMS_GATEWAY") {
            None => {}
            Some("off") => self.sms.gateway = SmsMode::Off,
            Some("sandbox") => self.sms.gateway = SmsMode::Sandbox,
            Some("live") => self.sms.gateway = SmsMode::Live,
            Some(v) => return Err(Error::startup(format!("环境变量 ZHITONG_SMS_GATEWAY 只能是 off、sandbox 或 live，不能是 {v:?}。"))),
        }
        match get("ZHITONG_LOG_FORMAT") {
            None => {}
            Some("human") => self.log_format = LogFormat::Human,
            Some("json") => self.log_format = LogFormat::Json,
            Some(v) => return Err(Error::startup(format!("环境变量 ZHITONG_LOG_FORMAT 只能是 human 或 json，不能是 {v:?}。"))),
        }
        if let Some(endpoint) = get("ZHITONG_S3_ENDPOINT") {
            let need = |name: &str| {
                get(name).map(str::to_owned).ok_or_else(|| Error::startup(format!("设置了 ZHITONG_S3_ENDPOINT，还需要 {name}。")))
            };
            self.s3 = Some(S3Config {
                endpoint: endpoint.to_owned(),
                bucket: need("ZHITONG_S3_BUCKET")?,
                region: get("ZHITONG_S3_REGION").map_or_else(default_s3_region, str::to_owned),
                access_key: Secret(need("ZHITONG_S3_ACCESS_KEY")?),
                secret_key: Secret(need("ZHITONG_S3_SECRET_KEY")?),
                allow_http: get("ZHITONG_S3_ALLOW_HTTP") == Some("true"),
            });
        }
        Ok(())
    }

    /// Passes settings that belong together; else says what is missing.
    pub fn check(&self) -> Result<()> {
        let database = &self.database_url.0;
        if !database.is_empty() && !database.starts_with("postgres://") && !database.starts_with("postgresql://") {
            return Err(Error::startup("database_url 只支持 postgres:// 开头的地址；留空则使用数据目录中的 SQLite。"));
        }
        if self.connections == 0 || self.connections_per_address == 0 {
            return Err(Error::startup("connections 和 connections_per_address 应大于 0。"));
        }
        if !self.data_key.0.is_empty() && !matches!(hex::decode(&self.data_key.0), Ok(key) if key.len() >= 32) {
            return Err(Error::startup("data_key 应为不少于 64 位的十六进制字符串（32 字节）。可用 `openssl rand -hex 32` 生成。"));
        }
        if !self.data_key.0.is_empty() && self.data_key_file.is_some() {
            return Err(Error::startup("data_key 和 data_key_file 只能设置一个；密钥文件中已经包含原来的 data_key 时，请去掉 data_key。"));
        }
        if !self.is_demonstration && self.data_key.0.is_empty() && self.data_key_file.is_none() {
            return Err(Error::startup(
                "正式运行需要 data_key 或 data_key_file（个人信息密钥）。可用 `zhitong keys add --file 路径` 生成密钥文件，并妥善保管。",
            ));
        }
        if self.rules.silent_seconds < LEAST_SILENT_SECONDS {
            return Err(Error::startup(format!(
                "rules.silent_seconds 应不小于 {LEAST_SILENT_SECONDS}：太短会把只是慢的后台处理当成中断。"
            )));
        }
        if !self.public_url.is_empty() && !self.public_url.starts_with("http") {
            return Err(Error::startup("public_url 应以 http:// 或 https:// 开头。"));
        }
        Ok(())
    }

    /// Whether data lives in PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        !self.database_url.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn no_file_means_demonstration_on_embedded_defaults() {
        let config = Config::load(None, &environment(&[])).unwrap();
        assert!(config.is_demonstration && !config.is_postgres());
    }

    #[test]
    fn the_environment_wins_and_is_checked() {
        let config =
            Config::load(None, &environment(&[("ZHITONG_LISTEN", "0.0.0.0:1"), ("ZHITONG_TRUSTED_PROXIES", "10.0.0.1, ::1")])).unwrap();
        assert_eq!((config.listen.port(), config.trusted_proxies.len()), (1, 2));
        let caps = environment(&[("ZHITONG_CONNECTIONS", "9"), ("ZHITONG_CONNECTIONS_PER_ADDRESS", "3")]);
        let config = Config::load(None, &caps).unwrap();
        assert_eq!((config.connections, config.connections_per_address), (9, 3));
        for (name, value) in [
            ("ZHITONG_LISTEN", "here"),
            ("ZHITONG_CONNECTIONS", "0"),
            ("ZHITONG_DATABASE_URL", "mysql://x"),
            ("ZHITONG_DATA_KEY", "abc"),
            ("ZHITONG_LOG_FORMAT", "xml"),
        ] {
            let error = Config::load(None, &environment(&[(name, value)])).unwrap_err();
            assert_eq!(error.code, crate::error::Code::Startup, "{name}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let config = Config::load(None, &environment(&[("ZHITONG_REDIS_URL", "redis://:hunter2@h/")])).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn production_needs_a_key_and_known_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zhitong.toml");
        std::fs::write(&path, "listen = '127.0.0.1:1'").unwrap();
        assert!(Config::load(Some(&path), &environment(&[])).unwrap_err().detail.contains("data_key"));
        std::fs::write(&path, "lisen = '127.0.0.1:1'").unwrap();
        assert!(Config::load(Some(&path), &environment(&[])).unwrap_err().detail.contains("lisen"));
        let key = "ab".repeat(32);
        std::fs::write(&path, format!("data_key = '{key}'\n[rules]\nsilent_seconds = 9")).unwrap();
        assert!(Config::load(Some(&path), &environment(&[])).unwrap_err().detail.contains("silent_seconds"));
        std::fs::write(&path, format!("data_key = '{key}'\n[rules]\nsilent_seconds = 10")).unwrap();
        Config::load(Some(&path), &environment(&[])).unwrap();
        std::fs::write(&path, format!("data_key = '{key}'")).unwrap();
        assert!(!Config::load(Some(&path), &environment(&[])).unwrap().is_demonstration);
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let network = |text: &str| text.parse::<Network>().unwrap();
        let config = Config { trusted_proxies: vec![network("10.0.0.0/30"), network("fd00::/8")], ..Config::default() };
        assert_eq!(config.client_address(ip("203.0.113.9"), ["198.51.100.1"]), ip("203.0.113.9"));
        assert_eq!(config.client_address(ip("10.0.0.1"), ["192.0.2.66, 198.51.100.1", "10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(config.client_address(ip("fd00::7"), ["198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(config.client_address(ip("10.0.0.1"), ["not an address"]), ip("10.0.0.1"));
        assert_eq!(config.client_address(ip("10.0.0.1"), ["192.0.2.66, not an address, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(config.client_address(ip("10.0.0.9"), ["198.51.100.1"]), ip("10.0.0.9"), "outside the network of the proxies");
    }
}
