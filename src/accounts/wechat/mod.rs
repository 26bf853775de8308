//! WeChat: the five calls to its servers behind one trait.
//!
//! `live.rs` speaks to the real service and `token.rs` keeps its access token; `sandbox.rs` is a stand-in that behaves like it, error codes
//! included; `off.rs` stands for a site without a mini-program. To add a call: a method of [`Wechat`], its live form, its sandbox form, and its error codes in [`failure`].

pub mod live;
mod off;
pub mod sandbox;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config::{Gateway, WechatConfig};
use crate::error::{Code, Error, Result};
use crate::notifications::carrying::{Carried, Carrier, Letter};
use crate::storage::cache::Cache;

pub use live::Live;
pub use sandbox::Sandbox;

/// WeChat's servers, as far as the product speaks to them. The fifth call, the access token, is made by the live client when it needs one.
pub trait Wechat: Send + Sync {
    /// The openid that a login code stands for (`jscode2session`). A code is good for one use within five minutes.
    /// The session key that comes with it is dropped: nothing here needs it, and it must not leave the server.
    fn openid_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>>;

    /// The mainland phone number, 11 digits, that a phone code stands for (`getuserphonenumber`). The code is not the one of the login; it is
    /// good for one use within five minutes. A number of another country is [`Code::Invalid`].
    fn phone_of_code<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>>;

    /// What WeChat thinks of a text (`msg_sec_check`, version 2, scene 2: comments). Texts of every length: long ones are judged in pieces and
    /// the strictest judgement wins. An empty text passes without a call.
    ///
    /// `openid` must have used the mini-program within two hours; when WeChat cannot judge for such a reason, the verdict is
    /// [`Suggestion::Review`] with the label 0, so that a person looks. [`Code::Upstream`]: WeChat did not answer; worth another try.
    fn check_text<'a>(&'a self, openid: &'a str, text: &'a str) -> BoxFuture<'a, Result<TextVerdict>>;

    /// Sends a subscription message (`subscribe/send`). Values are made to fit their kinds first, see [`SubscriptionMessage::fields`].
    /// [`Code::Upstream`]: WeChat did not answer; worth another try.
    fn send_subscription<'a>(&'a self, message: &'a SubscriptionMessage) -> BoxFuture<'a, Result<Delivery>>;
}

impl Carrier for Arc<dyn Wechat> {
    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Carried>> {
        Box::pin(async move {
            let message = SubscriptionMessage {
                openid: letter.openid.clone(),
                template_id: letter.template_id.clone(),
                page: letter.page.clone(),
                fields: letter.fields.clone(),
            };
            Ok(match self.send_subscription(&message).await? {
                Delivery::Sent => Carried::Sent,
                Delivery::Refused => Carried::Refused,
                Delivery::Rejected(code) => Carried::Rejected(code),
            })
        })
    }
}

/// The configured gateway.
pub fn open(config: &WechatConfig, cache: &Cache) -> Result<Arc<dyn Wechat>> {
    Ok(match config.gateway {
        Gateway::Off => Arc::new(off::Off),
        Gateway::Sandbox => Arc::new(Sandbox::new(cache.clone())),
        Gateway::Live => Arc::new(Live::new(config, cache.clone())?),
    })
}

/// What should be done with a text, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suggestion {
    /// `pass`: nothing against it.
    Pass,
    /// `review`: a person should look.
    Review,
    /// `risky`: it should not be shown.
    Risky,
}

/// WeChat's judgement of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextVerdict {
    /// What should be done.
    pub suggestion: Suggestion,
    /// WeChat's label of the reason: 100 nothing, 10001 advertising, 20001 politics, 20002 indecency, 20003 abuse, 20006 crime, 20008 fraud,
    /// 20012 vulgarity, 20013 copyright, 21000 other; 0 when WeChat could not judge.
    pub label: i64,
}

impl TextVerdict {
    /// Nothing against a text.
    pub const PASS: TextVerdict = TextVerdict { suggestion: Suggestion::Pass, label: 100 };
    /// WeChat could not judge, so a person looks.
    pub const NOT_JUDGED: TextVerdict = TextVerdict { suggestion: Suggestion::Review, label: 0 };

    /// The stricter of two judgements; of two equal ones the first.
    pub fn stricter(self, other: TextVerdict) -> TextVerdict {
        if other.suggestion > self.suggestion { other } else { self }
    }
}

/// A subscription message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionMessage {
    /// To whom.
    pub openid: String,
    /// Id of the template, from the mini-program's console.
    pub template_id: String,
    /// Page of the mini-program that a tap opens, with its query; may be empty.
    pub page: String,
    /// Values by the names of the template: `thing1`, `phrase2`, `date3` … The name's letters are the kind, and a value is cut to what its kind
    /// holds: `thing` 20 characters, `phrase` 5, `name` 10, `character_string` 32, `number` 32, others 32.
    pub fields: BTreeMap<String, String>,
}

impl SubscriptionMessage {
    /// The values as they are sent: without line breaks and control characters, cut to their kinds, never empty (WeChat refuses empty values).
    pub fn fitted(&self) -> BTreeMap<&str, String> {
        self.fields.iter().map(|(name, value)| (name.as_str(), fit(name, value))).collect()
    }
}

/// What became of a subscription message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// WeChat took it.
    Sent,
    /// The person did not agree, or the one message of the consent has been used (43101), or the openid is not known any more (40003).
    /// Drop the quota; another try brings nothing.
    Refused,
    /// WeChat will never take this message, with its error code: a wrong template, page or value. Another try brings nothing.
    Rejected(i64),
}

/// Characters that a value of a kind may have.
fn longest(name: &str) -> usize {
    match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "thing" => 20,
        "phrase" => 5,
        "name" => 10,
        _ => 32,
    }
}

/// A value cut to its kind; a cut `thing` ends in `…`.
fn fit(name: &str, value: &str) -> String {
    let clean: String = value.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    let limit = longest(name);
    let fitted = if clean.chars().count() <= limit {
        clean
    } else if limit > 10 {
        let mut cut: String = clean.chars().take(limit - 1).collect();
        cut.push('…');
        cut
    } else {
        clean.chars().take(limit).collect()
    };
    if fitted.is_empty() { "-".into() } else { fitted }
}

/// Characters that one text check takes.
const PIECE_CHARACTERS: usize = 2_500;
/// Characters that two neighbouring pieces share, so that a word on the border is seen whole once.
const SHARED_CHARACTERS: usize = 50;

/// A text in pieces that one check takes each.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut start = 0;
    loop {
        let end = characters.len().min(start + PIECE_CHARACTERS);
        pieces.push(characters.get(start..end).unwrap_or_default().iter().collect());
        if end == characters.len() {
            return pieces;
        }
        start = end - SHARED_CHARACTERS;
    }
}

/// One of the five calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Login,
    Phone,
    Token,
    TextCheck,
    Subscription,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Call::Login => "jscode2session",
            Call::Phone => "getuserphonenumber",
            Call::Token => "stable_token",
            Call::TextCheck => "msg_sec_check",
            Call::Subscription => "subscribe/send",
        }
    }
}

fn upstream(context: impl Into<String>) -> Error {
    Error::new(Code::Upstream, "微信服务没有正常响应，请稍后再试。").caused_by(context.into())
}

/// The product's error for an error code that has no place in the answer of a call.
fn failure(call: Call, errcode: i64) -> Error {
    let error = match (call, errcode) {
        (Call::Login, 40029) => Error::new(Code::LoginFailed, "微信登录凭证无效，请重新打开小程序再试。"),
        (Call::Login, 40163) => Error::new(Code::LoginFailed, "微信登录凭证已经用过，请重新打开小程序再试。"),
        (Call::Login, 40226) => Error::new(Code::LoginFailed, "微信判定此次登录存在风险，未予通过。"),
        (Call::Phone, 40029 | 40163 | 40013) => Error::invalid("code", "手机号授权已失效，请重新点击授权。"),
        (Call::Login | Call::Phone, 45011) => Error::new(Code::TooMany, "操作过于频繁，请一分钟后再试。").retry_after(60),
        (_, -1) => Error::new(Code::Upstream, "微信服务繁忙，请稍后再试。"),
        _ => Error::new(Code::Upstream, "微信服务没有正常响应，请稍后再试。"),
    };
    error.caused_by(format!("{} answered errcode {errcode}", call.name()))
}

/// What an error code of the text check means; `None` when it is a failure.
fn verdict_of_error(errcode: i64) -> Option<TextVerdict> {
    match errcode {
        // The openid is wrong, of another program, or was not here within two hours.
        40003 | 43104 | 61010 => Some(TextVerdict::NOT_JUDGED),
        // The first version of the call said so.
        87014 => Some(TextVerdict { suggestion: Suggestion::Risky, label: 21000 }),
        _ => None,
    }
}

/// What an error code of the subscription message means; `None` when it is a failure that another try may mend.
fn delivery_of_error(errcode: i64) -> Option<Delivery> {
    match errcode {
        43101 | 40003 => Some(Delivery::Refused),
        40037 | 41030 | 47003 | 43116 | 20001 => Some(Delivery::Rejected(errcode)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_kinds() {
        let long = "关于共享雨伞管理办法第三条第一款第二项的意见已经公布采纳情况";
        for (name, value, expected) in [
            ("thing1", long, "关于共享雨伞管理办法第三条第一款第二项…"),
            ("thing2", "正好", "正好"),
            ("phrase3", "部分采纳并说明", "部分采纳并"),
            ("thing4", "两行\n文字\u{7}", "两行 文字"),
            ("date5", "2026年3月2日", "2026年3月2日"),
            ("thing6", " ", "-"),
        ] {
            assert_eq!(fit(name, value), expected, "{name}");
        }
        assert_eq!(fit("thing1", long).chars().count(), 20);
        assert_eq!(fit("thing1", &"字".repeat(20)), "字".repeat(20));
    }

    #[test]
    fn long_texts_are_cut_so_that_no_word_is_lost_on_the_border() {
        let length = |text: &str| pieces(text).iter().map(|p| p.chars().count()).collect::<Vec<_>>();
        assert_eq!(length("短"), [1]);
        assert_eq!(length(&"字".repeat(2_500)), [2_500]);
        assert_eq!(length(&"字".repeat(2_501)), [2_500, 51]);
        let text = format!("{}沙箱违规{}", "字".repeat(2_498), "字".repeat(3_000));
        assert!(pieces(&text).iter().any(|p| p.contains("沙箱违规")));
        assert!(pieces(&text).iter().all(|p| p.chars().count() <= PIECE_CHARACTERS));
    }

    #[test]
    fn the_stricter_judgement_wins() {
        let verdict = |suggestion, label| TextVerdict { suggestion, label };
        let (review, risky) = (verdict(Suggestion::Review, 20001), verdict(Suggestion::Risky, 20006));
        assert_eq!(TextVerdict::PASS.stricter(review), review);
        assert_eq!(risky.stricter(review), risky);
        assert_eq!(review.stricter(TextVerdict::NOT_JUDGED), review);
    }
}
