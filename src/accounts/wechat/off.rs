//! A site without a mini-program.

use std::future::ready;

use futures_util::future::BoxFuture;

use super::{Delivery, SubscriptionMessage, Suggestion, TextVerdict, Wechat};
use crate::error::{Code, Error, Result};

/// Nothing is asked and nothing is sent.
pub(super) struct Off;

fn closed<T>() -> Result<T> {
    Err(Error::new(Code::Conflict, "本站没有开通微信小程序，请用手机号登录。"))
}

impl Wechat for Off {
    fn openid_of_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(ready(closed()))
    }

    fn phone_of_code<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(ready(closed()))
    }

    fn check_text<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<TextVerdict>> {
        Box::pin(ready(Ok(TextVerdict { suggestion: Suggestion::Review, label: 0 })))
    }

    fn send_subscription<'a>(&'a self, _: &'a SubscriptionMessage) -> BoxFuture<'a, Result<Delivery>> {
        Box::pin(ready(Ok(Delivery::Refused)))
    }
}
