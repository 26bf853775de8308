//! The access token: one for all instances, kept in the shared cache, fetched anew by one caller while the others wait for it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::live::Live;
use super::{Call, failure, upstream};
use crate::error::Result;
use crate::ids::IdSource;

/// Longest that one caller may hold the right to fetch; a caller that died frees it this way.
const CLAIM: Duration = Duration::from_secs(10);
/// Longest that a caller waits for another one's fetch: longer than a claim, so that one of the waiting can take over.
const WAIT: Duration = Duration::from_secs(13);
/// Time between two looks while waiting.
const LOOK: Duration = Duration::from_millis(40);
/// How long everybody stops asking after a fetch that failed, so that an outage is not met with a queue of requests.
const REST: Duration = Duration::from_secs(3);
/// Seconds before its end at which a token is given up.
const MARGIN_S: u64 = 300;

/// What `stable_token` answers.
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: u64,
    #[serde(default)]
    errcode: i64,
}

impl Live {
    /// The access token that is good now. `rejected` is one that WeChat has just called invalid: never given back.
    pub(super) async fn token(&self, rejected: Option<&str>) -> Result<String> {
        let key = format!("wechat-access-token:{}", self.app_id);
        let (claim_key, rest_key) = (format!("{key}:claim"), format!("{key}:rest"));
        let claim = IdSource::Random.secret(8);
        let started = Instant::now();
        loop {
            let known = self.cache.get(&key).await?;
            if let Some(token) = known.filter(|token| Some(token.as_str()) != rejected) {
                return Ok(token);
            }
            if self.cache.get(&rest_key).await?.is_some() {
                return Err(upstream("the access token could not be fetched a moment ago"));
            }
            if self.cache.put_if_absent(&claim_key, &claim, CLAIM).await? {
                let fetched = self.fetch_token_unless_known(&key, rejected).await;
                if fetched.is_err() {
                    self.cache.put(&rest_key, "1", REST).await?;
                }
                self.cache.forget_if(&claim_key, &claim).await?;
                return fetched;
            }
            if started.elapsed() > WAIT {
                return Err(upstream("another caller did not bring the access token in time"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fetches a token, unless another caller did so between the look and the claim.
    async fn fetch_token_unless_known(&self, key: &str, rejected: Option<&str>) -> Result<String> {
        if let Some(token) = self.cache.get(key).await?.filter(|token| Some(token.as_str()) != rejected) {
            return Ok(token);
        }
        let mut answer = self.fetch_token(false).await?;
        if Some(answer.access_token.as_str()) == rejected {
            // WeChat still names the token that it refuses; forcing is rationed (20 a day), so it comes second.
            answer = self.fetch_token(true).await?;
        }
        let lifetime = Duration::from_secs(answer.expires_in.saturating_sub(MARGIN_S).max(30));
        self.cache.put(key, &answer.access_token, lifetime).await?;
        Ok(answer.access_token)
    }

    async fn fetch_token(&self, force: bool) -> Result<TokenAnswer> {
        let body = json!({"grant_type": "client_credential", "appid": self.app_id, "secret": self.secret, "force_refresh": force});
        let answer: TokenAnswer = self.post(Call::Token, "/cgi-bin/stable_token", None, &body).await?;
        if answer.errcode != 0 {
            return Err(failure(Call::Token, answer.errcode));
        }
        if answer.access_token.is_empty() {
            return Err(upstream("stable_token gave no token"));
        }
        Ok(answer)
    }
}
