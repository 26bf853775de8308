//! Requests that are refused before anybody works on them: under which route they are counted, and how seldom the log speaks of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Shortest time between two lines of the log.
const QUIET: Duration = Duration::from_secs(1);

/// The patterns of the routes that this process has served. A request that is refused never meets the router; what it asked for is found among these.
#[derive(Default)]
pub struct Routes(RwLock<HashSet<String>>);

impl Routes {
    /// Remembers a route. There are only as many as the router knows.
    pub fn note(&self, pattern: &str) {
        if !self.0.read().unwrap_or_else(PoisonError::into_inner).contains(pattern) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(pattern.to_owned());
        }
    }

    /// The route of a path: of those that match, the one that says most of it in so many words, from its beginning. `None` when none was served yet.
    pub fn find(&self, path: &str) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(|pattern| Some((likeness(pattern, path)?, pattern))).max().map(|(_, pattern)| pattern.clone())
    }
}

/// How a pattern matches a path, part by part: 2 by the same words, 1 by a parameter, 0 by whatever follows. `None` when it does not.
fn likeness(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let mut parts = path.split('/');
    let mut how = Vec::new();
    for wanted in pattern.split('/') {
        if wanted.starts_with('*') {
            how.push(0);
            return Some(how);
        }
        let part = parts.next()?;
        how.push(if part == wanted {
            2
        } else if !part.is_empty() && wanted.starts_with([':', '<']) {
            1
        } else {
            return None;
        });
    }
    parts.next().is_none().then_some(how)
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
