//! Requests that are refused before anybody works on them: under which route they are counted, how seldom the log speaks of them, and the pages that are sent.
//! In an overload there are thousands of them in a second, so a refusal costs next to nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Response};

use crate::error::Error;
use crate::telemetry::REQUEST_ID;

/// Shortest time between two lines of the log.
const QUIET: Duration = Duration::from_secs(1);

/// The patterns of the routes that this process has served. A request that is refused never meets the router; what it asked for is found among these.
#[derive(Default)]
pub struct Routes(RwLock<HashSet<Arc<str>>>);

impl Routes {
    /// Remembers a route. There are only as many as the router knows.
    pub fn note(&self, pattern: &str) {
        if !self.0.read().unwrap_or_else(PoisonError::into_inner).contains(pattern) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(pattern.into());
        }
    }

    /// The route of a path: of those that match, the one that says most of it in so many words, from its beginning. `None` when none was served yet.
    pub fn find(&self, path: &str) -> Option<Arc<str>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(|pattern| Some((likeness(pattern, path)?, pattern))).max().map(|(_, pattern)| pattern.clone())
    }
}

/// How a pattern matches a path, part by part from the highest bits: 3 by the same words, 2 by a parameter, 1 by whatever follows. `None` when it does not, or
/// has more parts than there are bits for.
fn likeness(pattern: &str, path: &str) -> Option<u64> {
    let (mut parts, mut how, mut shift) = (path.split('/'), 0u64, u64::BITS);
    for wanted in pattern.split('/') {
        shift = shift.checked_sub(2)?;
        if wanted.starts_with('*') {
            return Some(how | (1 << shift));
        }
        let part = parts.next()?;
        let by: u64 = if part == wanted {
            3
        } else if !part.is_empty() && wanted.starts_with([':', '<']) {
            2
        } else {
            return None;
        };
        how |= by << shift;
    }
    parts.next().is_none().then_some(how)
}

/// Pages of refusals, each made once for its sentence. Such a page says nothing of the one request.
#[derive(Default)]
pub struct Pages(RwLock<HashMap<String, Arc<Page>>>);

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Pages {
    /// The page of a refusal that was counted, with its own seconds to wait. `make` makes it when there is none yet. There are as many as sentences of ours.
    pub async fn page(&self, error: Error, make: impl FnOnce(Error) -> Response) -> poem::Result<Response> {
        let retry_after_s = error.retry_after_s;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&error.detail).cloned();
        let page = match known {
            Some(page) => page,
            None => {
                let sentence = error.detail.clone();
                let (parts, body) = REQUEST_ID.sync_scope(String::new(), || make(error)).into_parts();
                let page = Arc::new(Page { status: parts.status, headers: parts.headers, body: body.into_bytes().await? });
                self.0.write().unwrap_or_else(PoisonError::into_inner).insert(sentence, page.clone());
                page
            }
        };
        let mut response = Response::builder().status(page.status).body(Body::from_bytes(page.body.clone()));
        *response.headers_mut() = page.headers.clone();
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Ok(response)
    }
}

/// Speaks of refusals once a second at most; each is in the metrics.
#[derive(Default)]
pub struct Refusals {
    since: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Refusals {
    /// Notes a refusal. Gives how many there were since the log spoke last, when it did now.
    pub fn note(&self, route: &str, error: &Error) -> Option<u64> {
        self.since.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|at| at.elapsed() < QUIET) {
            return None;
        }
        *told = Some(Instant::now());
        drop(told);
        let refused = self.since.swap(0, Ordering::Relaxed);
        tracing::warn!(refused, route, error = error.code.slug(), "requests were asked to come back: {error}");
        Some(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_refused_request_is_counted_under_the_route_that_was_served_before() {
        let routes = Routes::default();
        assert_eq!(routes.find("/drafts"), None);
        for pattern in ["/drafts", "/drafts/:id", "/drafts/mine", "/drafts/:id/speak", "/assets/*path", "/:page/speak", "/"] {
            routes.note(pattern);
            routes.note(pattern);
        }
        for (path, pattern) in [
            ("/", Some("/")),
            ("/drafts", Some("/drafts")),
            ("/drafts/mine", Some("/drafts/mine")),
            ("/drafts/7", Some("/drafts/:id")),
            ("/drafts/7/speak", Some("/drafts/:id/speak")),
            ("/x/speak", Some("/:page/speak")),
            ("/drafts/speak", Some("/drafts/:id")),
            ("/assets/a/b.css", Some("/assets/*path")),
            ("/drafts/", None),
            ("/wp-admin/x", None),
        ] {
            assert_eq!(routes.find(path).as_deref(), pattern, "{path}");
        }
        let deep = "/a".repeat(40);
        routes.note(&deep);
        assert_eq!(routes.find(&deep), None, "a path of so many parts is none of ours");
    }

    #[tokio::test]
    async fn the_page_of_a_sentence_is_made_once_and_sent_with_the_seconds_of_each() {
        let (pages, made) = (Pages::default(), AtomicU64::new(0));
        let (pages, made) = (&pages, &made);
        let refuse = move |sentence: &'static str, seconds: u64| {
            let make = move |error: Error| {
                let number = made.fetch_add(1, Ordering::Relaxed);
                assert_eq!(REQUEST_ID.with(String::clone), "", "the page is for all");
                let response = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).header(header::RETRY_AFTER, "99");
                response.content_type("text/html").body(format!("{number} {}", error.detail))
            };
            pages.page(Error::new(Code::Unavailable, sentence).retry_after(seconds), make)
        };
        for (sentence, seconds, body) in [("请稍候。", 2, "0 请稍候。"), ("请稍候。", 5, "0 请稍候。"), ("没有了。", 3, "1 没有了。")]
        {
            let response = REQUEST_ID.scope("of one".into(), refuse(sentence, seconds)).await.unwrap();
            assert_eq!((response.status(), response.header("content-type")), (StatusCode::SERVICE_UNAVAILABLE, Some("text/html")));
            assert_eq!(response.header("retry-after"), Some(seconds.to_string().as_str()));
            assert_eq!(response.into_body().into_string().await.unwrap(), body);
        }
    }

    #[test]
    fn the_log_speaks_once_a_second_and_says_how_many_there_were() {
        let (refusals, error) = (Refusals::default(), Error::new(Code::Unavailable, "请稍候。"));
        assert_eq!(refusals.note("/drafts", &error), Some(1));
        assert_eq!((refusals.note("/drafts", &error), refusals.note("/drafts", &error)), (None, None));
        *refusals.told.lock().unwrap() = Instant::now().checked_sub(QUIET);
        assert_eq!(refusals.note("/drafts", &error), Some(3));
    }
}
