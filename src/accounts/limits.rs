//! Limits: how often an identity, an address or a draft may do a thing, counted in the shared cache so that all instances count together.
//!
//! Ask [`admit`] before the work; it counts the attempt, allowed or not. The numbers are data: `[rules.limits]`. To add a limit: a field of
//! [`LimitRules`](crate::config::LimitRules) and a line in the table below. An account may be had in many ways and an address may be shared by
//! many people, so what matters is limited by both.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::{LimitRules, Quota, Rules};
use crate::error::{Code, Error, Result};
use crate::storage::cache::Cache;
use crate::storage::crypto::sm3_hex;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $field:ident, $slug:literal, $sentence:literal;)+) => {
        /// Something that may be done only so often.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Limit { $($(#[$doc])* $name),+ }

        impl Limit {
            /// Every limit.
            pub const ALL: &'static [Limit] = &[$(Limit::$name),+];

            /// Name in the cache.
            fn slug(self) -> &'static str { match self { $(Limit::$name => $slug),+ } }

            /// What the person reads, before the time to wait.
            fn sentence(self) -> &'static str { match self { $(Limit::$name => $sentence),+ } }

            /// The configured number.
            pub fn quota(self, rules: &LimitRules) -> Quota { match self { $(Limit::$name => rules.$field),+ } }
        }
    };
}

limits! {
    /// One-time codes sent to a phone within the hour.
    CodePerPhone = code_per_phone, "code-phone", "这个手机号获取验证码过于频繁";
    /// One-time codes sent to a phone within the day.
    CodePerPhoneDay = code_per_phone_day, "code-phone-day", "这个手机号今天获取验证码的次数已用完";
    /// One-time codes asked for from an address.
    CodePerAddress = code_per_address, "code-address", "您所在的网络获取验证码过于频繁";
    /// One-time codes of the whole site.
    CodeOverall = code_overall, "code-overall", "获取验证码的人过多";
    /// One-time codes typed from an address.
    CodeTryPerAddress = code_try_per_address, "code-try-address", "您所在的网络输入验证码的次数过多";
    /// WeChat codes sent from an address.
    SignInPerAddress = sign_in_per_address, "sign-in-address", "您所在的网络登录过于频繁";
    /// New accounts from an address.
    RegistrationPerAddress = registration_per_address, "registration-address", "您所在的网络新注册的账号过多";
    /// Opinions of a person on a draft.
    OpinionPerIdentity = opinion_per_identity, "opinion-identity", "您对这份草案提交意见过于频繁";
    /// Opinions from an address.
    OpinionPerAddress = opinion_per_address, "opinion-address", "您所在的网络提交意见过于频繁";
    /// Opinions without an account from an address.
    AnonymousOpinionPerAddress = anonymous_opinion_per_address, "anonymous-opinion-address", "您所在的网络匿名提交意见过于频繁";
    /// Opinions on a draft.
    OpinionPerDraft = opinion_per_draft, "opinion-draft", "此刻对这份草案提交意见的人过多";
    /// Lookups of an anonymous opinion from an address.
    LookupPerAddress = lookup_per_address, "lookup-address", "您所在的网络查询过于频繁";
    /// Applications to become a contact point from an address.
    ApplicationPerAddress = application_per_address, "application-address", "您所在的网络提交申报过于频繁";
    /// Agreements and disagreements of a person.
    VotePerIdentity = vote_per_identity, "vote-identity", "您表态过于频繁";
    /// Agreements and disagreements from an address.
    VotePerAddress = vote_per_address, "vote-address", "您所在的网络表态过于频繁";
    /// Files of a person.
    UploadPerIdentity = upload_per_identity, "upload-identity", "您上传附件过于频繁";
    /// Files from an address.
    UploadPerAddress = upload_per_address, "upload-address", "您所在的网络上传附件过于频繁";
    /// Files without an account from an address.
    AnonymousUploadPerAddress = anonymous_upload_per_address, "anonymous-upload-address", "您所在的网络匿名上传附件过于频繁";
}

/// Counts one attempt under a key and passes while the quota lasts, else [`Code::TooMany`] with the time to wait. The key (an id, a phone's hash,
/// an address) is stored as a hash only.
pub async fn admit(cache: &Cache, rules: &Rules, limit: Limit, key: &str) -> Result<()> {
    let quota = limit.quota(&rules.limits);
    let name = format!("limit:{}:{}", limit.slug(), sm3_hex(key.as_bytes()));
    let (seen, left) = cache.count_and_left(&name, Duration::from_secs(u64::from(quota.seconds))).await?;
    if seen <= u64::from(quota.count) {
        return Ok(());
    }
    let seconds = left.as_secs().max(1);
    Err(Error::new(Code::TooMany, format!("{}，请{}后再试。", limit.sentence(), wait(seconds))).retry_after(seconds))
}

/// As [`admit`], for a client's address. Without an address, which is so only where no network stands between, there is nothing to count.
pub async fn admit_address(cache: &Cache, rules: &Rules, limit: Limit, address: Option<IpAddr>) -> Result<()> {
    match address {
        Some(address) => admit(cache, rules, limit, &network_of(address)).await,
        None => Ok(()),
    }
}

/// One subscriber: an IPv4 address, or the /64 of an IPv6 address, whose owner has all of it.
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// A time as people say it, rounded up.
pub fn wait(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{} 秒", seconds.max(1)),
        60..3_600 => format!("{} 分钟", seconds.div_ceil(60)),
        _ => format!("{} 小时", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(count: u32, seconds: u32) -> Rules {
        let quota = Quota { count, seconds };
        Rules { limits: LimitRules { code_per_phone: quota, code_per_address: quota, ..LimitRules::default() }, ..Rules::default() }
    }

    #[tokio::test]
    async fn a_quota_lasts_for_its_number_and_says_when_to_come_back() {
        let (cache, rules) = (Cache::in_process(), rules(2, 90));
        for _ in 0..2 {
            admit(&cache, &rules, Limit::CodePerPhone, "a").await.unwrap();
        }
        let refused = admit(&cache, &rules, Limit::CodePerPhone, "a").await.unwrap_err();
        assert_eq!(refused.code, Code::TooMany);
        assert!(refused.retry_after_s.is_some_and(|s| (80..=90).contains(&s)), "{:?}", refused.retry_after_s);
        assert!(refused.detail.contains("2 分钟"), "{}", refused.detail);
        admit(&cache, &rules, Limit::CodePerPhone, "b").await.unwrap();
        admit(&cache, &rules, Limit::CodePerAddress, "a").await.unwrap();
    }

    #[tokio::test]
    async fn an_ipv6_subscriber_is_one_address() {
        let (cache, rules) = (Cache::in_process(), rules(1, 90));
        let at = |text: &str| Some(text.parse().unwrap());
        admit_address(&cache, &rules, Limit::CodePerAddress, at("2001:db8:1:2::1")).await.unwrap();
        assert!(admit_address(&cache, &rules, Limit::CodePerAddress, at("2001:db8:1:2:ffff::9")).await.is_err());
        admit_address(&cache, &rules, Limit::CodePerAddress, at("2001:db8:1:3::1")).await.unwrap();
        assert_eq!(network_of("::ffff:10.0.0.7".parse().unwrap()), network_of("10.0.0.7".parse().unwrap()));
    }

    #[test]
    fn names_in_the_cache_are_distinct() {
        let names: std::collections::HashSet<_> = Limit::ALL.iter().map(|l| l.slug()).collect();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
