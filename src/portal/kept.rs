//! Public pages that were made a moment ago: kept for all visitors who are not logged in, so that a rush of readers is one rendering a moment.
//!
//! What may be kept is decided by the page itself: only a page that says `public` and 200 is. A page is at most `page_cache_ms` old, or half a minute more
//! for those who come while one visitor's is made anew; where there is none, they wait for the first. The server's clock, not a page, decides whether an
//! opinion is in time.

use std::time::Duration;

use bytes::Bytes;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, PathPattern, Request, Response};

use super::visits::{DISPLAY_COOKIE, SESSION_COOKIE};
use crate::app::App;
use crate::storage::crypto::sm3_hex;
use crate::storage::recent::{Found, Recent, Turn};

/// Memory for pages, in bytes.
const BUDGET_BYTES: u64 = 64 * 1024 * 1024;
/// Largest page that is kept, in bytes.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// What a page costs besides its words, in bytes.
const PAGE_OVERHEAD_BYTES: usize = 1024;
/// Longest path and query that names a kept page, in bytes.
const NAME_BYTES: usize = 256;

/// A page as it was made.
struct Kept {
    headers: HeaderMap,
    body: Bytes,
    pattern: Option<PathPattern>,
}

/// What a visitor finds.
pub enum Page {
    /// A page that was made a moment ago.
    Kept(Response),
    /// None: the visitor's is to be made, and to be handed to [`KeptPages::keep`].
    ToMake(Option<Turn>),
}

/// The pages that are kept.
pub struct KeptPages(Option<Recent<Kept>>);

impl KeptPages {
    /// As configured; a time of zero keeps nothing.
    pub fn new(app: &App) -> KeptPages {
        let lifetime = Duration::from_millis(app.config.page_cache_ms);
        KeptPages((!lifetime.is_zero()).then(|| Recent::new(BUDGET_BYTES, lifetime)))
    }

    /// The name under which the answer to a request may be kept for others; `None` when it may depend on who asks.
    pub fn name(&self, request: &Request) -> Option<String> {
        self.0.as_ref()?;
        let cookies = request.cookie();
        let is_anonymous = cookies.get(SESSION_COOKIE).is_none() && !request.headers().contains_key(header::AUTHORIZATION);
        let place = request.uri().path_and_query().map_or("/", |p| p.as_str());
        // Pages that hold no form of a visitor's own.
        let path = request.uri().path();
        let is_listed = matches!(path, "/" | "/drafts")
            || path.strip_prefix("/drafts/").is_some_and(|draft| !draft.contains('/') || draft.ends_with("/report"));
        if *request.method() != Method::GET || !is_anonymous || !is_listed || place.len() > NAME_BYTES {
            return None;
        }
        let display = cookies.get(DISPLAY_COOKIE).map(|c| c.value_str().to_owned()).filter(|size| size.len() <= 2).unwrap_or_default();
        Some(format!("{display} {place}"))
    }

    /// The page kept under a name. None when there is none, and for one visitor at a time when the page has grown old: that visitor's is made anew.
    pub async fn find(&self, name: &str) -> Page {
        let Some(pages) = &self.0 else { return Page::ToMake(None) };
        let kept = match pages.find(name).await {
            Found::Kept(kept) => kept,
            Found::ToMake(turn) => return Page::ToMake(Some(turn)),
        };
        let mut response = Response::builder().status(StatusCode::OK).body(Body::from_bytes(kept.body.clone()));
        *response.headers_mut() = kept.headers.clone();
        if let Some(pattern) = &kept.pattern {
            response.set_data(pattern.clone());
        }
        Page::Kept(response)
    }

    /// Keeps a page that may be kept, and passes it on.
    pub async fn keep(&self, name: String, turn: Option<Turn>, response: Response) -> poem::Result<Response> {
        let passed = self.keep_if_public(name, response).await;
        // After the page is there for those who wait for it.
        if let Some(turn) = turn {
            turn.done();
        }
        passed
    }

    async fn keep_if_public(&self, name: String, response: Response) -> poem::Result<Response> {
        let Some(pages) = self.0.as_ref().filter(|_| may_be_kept(&response)) else { return Ok(response) };
        let pattern = response.data::<PathPattern>().cloned();
        let (mut parts, body) = response.into_parts();
        let body = body.into_bytes().await?;
        if let Some(tag) = sm3_hex(&body).get(..24).and_then(|tag| HeaderValue::from_str(&format!("\"{tag}\"")).ok()) {
            parts.headers.insert(header::ETAG, tag);
        }
        if body.len() <= PAGE_BYTES {
            let weight = body.len() + name.len() + PAGE_OVERHEAD_BYTES;
            pages.put(name, Kept { headers: parts.headers.clone(), body: body.clone(), pattern }, weight).await;
        }
        Ok(Response::from_parts(parts, Body::from_bytes(body)))
    }
}

fn may_be_kept(response: &Response) -> bool {
    let says_public = response.headers().get(header::CACHE_CONTROL).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("public"));
    response.status() == StatusCode::OK && says_public && !response.headers().contains_key(header::SET_COOKIE)
}
