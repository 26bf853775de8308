//! Work in the background that survives the death of its worker.
//!
//! A row of work names who works at it, when they last gave a sign, and how often it was taken up. Whoever takes it up does so with one UPDATE that names what it
//! expects, so of several instances one wins; every further write names the worker, so one that was overtaken changes nothing. A claim without a sign for
//! [`Rules::silent_seconds`] is dead. Signs are compared by the clocks of the instances, which must agree much better than that.
//!
//! An engine that is away kills no worker: see [`steadily`]. An instance that stops lets go of what it works at, so that another one goes on at once: see
//! [`take_up_until_stopped`] and [`Begun`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use crate::config::Rules;
use crate::error::{Code, Error, Result};

/// How often work is begun by itself: what kills its worker each time must not go on killing.
pub const ATTEMPTS: i64 = 3;
/// For how long work waits for an engine that is away.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// Longest time between two looks for work that nobody does.
const LOOK: Duration = Duration::from_secs(5);

/// Work at which nobody has been for so long is not taken up by itself either: somebody has to look.
pub const STUCK: TimeDelta = TimeDelta::seconds(300);

/// Claims whose last sign is older are dead.
pub fn silent_before(rules: &Rules, now: DateTime<Utc>) -> DateTime<Utc> {
    now - chrono::Duration::seconds(i64::from(rules.silent_seconds))
}

/// How often whoever works gives a sign: some may be late or lost.
pub fn sign_of_life(rules: &Rules) -> Duration {
    Duration::from_millis(u64::from(rules.silent_seconds.max(1)) * 1_000 / 6)
}

/// Time between two looks for work that nobody does.
pub fn pause(rules: &Rules) -> Duration {
    sign_of_life(rules).min(LOOK)
}

/// What a worker is told when another one has taken the work over.
pub fn overtaken() -> Error {
    Error::new(Code::Conflict, "另一处已经接着处理。")
}

/// Does some work, and gives a sign of it from time to time. Ends with the work, or with a sign that says why the work must end; a database that does not
/// answer a sign is asked again.
///
/// Both go on side by side, because a sign may have to wait for what the work holds.
pub async fn while_alive<T, S>(work: impl Future<Output = Result<T>>, every: Duration, sign: impl Fn() -> S) -> Result<T>
where
    S: Future<Output = Result<()>>,
{
    let signs = async {
        loop {
            tokio::time::sleep(every).await;
            match sign().await {
                Ok(()) => {}
                Err(error) if error.code == Code::Unavailable => {
                    tracing::warn!(cause = error.cause_chain(), "a sign of life was not heard; it is given again");
                }
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        error = signs => Err(error),
    }
}

/// Does some work, and does it again from its beginning while an engine is away, with a pause in between: whoever works keeps their claim, because to begin with
/// another one would not bring the engine back, and would use up a try. Ends with the failure after an hour of it, so that what only looks like an engine that is
/// away, a content that nobody can read for instance, keeps no other work waiting for ever. `what` names the work in the log.
pub async fn steadily<T, W>(what: &str, pause: Duration, work: impl Fn() -> W) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    steadily_for(PATIENCE, what, pause, work).await
}

async fn steadily_for<T, W>(patience: Duration, what: &str, pause: Duration, work: impl Fn() -> W) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let mut since: Option<Instant> = None;
    loop {
        match work().await {
            Err(error) if error.code == Code::Unavailable => {
                if since.get_or_insert_with(Instant::now).elapsed() >= patience {
                    return Err(error);
                }
                tracing::warn!(what, cause = error.cause_chain(), "an engine is away from work in the background; it is tried again");
                tokio::time::sleep(pause).await;
            }
            done => return done,
        }
    }
}

/// Ends when the instance stops.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    while !*stopping.borrow_and_update() {
        if stopping.changed().await.is_err() {
            return;
        }
    }
}

/// Works at what is claimed until it is done or the instance stops; what is not done by then is cut off, as a kill would, and let go. Says whether it is done.
pub async fn unless_stopped(
    what: &str,
    stopping: &mut watch::Receiver<bool>,
    work: impl Future<Output = ()>,
    let_go: impl Future<Output = Result<()>>,
) -> bool {
    let is_done = tokio::select! {
        biased;
        () = work => true,
        () = stopped(stopping) => false,
    };
    if !is_done && let Err(error) = let_go.await {
        tracing::warn!(what, cause = error.cause_chain(), "work could not be let go; it is taken up after a while");
    }
    is_done
}

/// Work that requests of this instance began, which goes on by itself beside what is taken up.
#[derive(Clone, Debug)]
pub struct Begun(Arc<watch::Sender<bool>>);

impl Default for Begun {
    fn default() -> Self {
        Begun(Arc::new(watch::channel(false).0))
    }
}

impl Begun {
    /// Begins some work, which hears when the instance stops, and must end then: see [`unless_stopped`].
    pub fn begin<F>(&self, work: impl FnOnce(watch::Receiver<bool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(work(self.0.subscribe()));
    }

    /// Tells all of it that the instance stops, and waits for its end. What begins later ends at once.
    pub async fn stop(&self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

/// Takes up what nobody works at, one after the other, until it is told to stop; what is not finished by then is let go, so that another instance goes on at once. A
/// failure is logged and tried again after a pause.
pub async fn take_up_until_stopped<T, C, W, L>(
    what: &str,
    pause: Duration,
    mut stopping: watch::Receiver<bool>,
    claim: impl Fn() -> C,
    work: impl Fn(T) -> W,
    let_go: impl Fn(T) -> L,
) where
    T: Clone,
    C: Future<Output = Result<Option<T>>>,
    W: Future<Output = ()>,
    L: Future<Output = Result<()>>,
{
    while !*stopping.borrow_and_update() {
        match claim().await {
            Ok(Some(taken)) => {
                if !unless_stopped(what, &mut stopping, work(taken.clone()), let_go(taken)).await {
                    return;
                }
                // There may be more of it.
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(
                    what,
                    error = error.code.slug(),
                    cause = error.cause_chain(),
                    "work that nobody does could not be taken up; it is tried again"
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = stopping.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn long_work_gives_signs_of_life() {
        let signs = AtomicUsize::new(0);
        let sign = || {
            // The first one is not heard, and does no harm.
            let is_first = signs.fetch_add(1, Ordering::Relaxed) == 0;
            std::future::ready(if is_first { Err(Error::new(Code::Unavailable, "")) } else { Ok(()) })
        };
        let every = Duration::from_millis(10);
        let work = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(7)
        };
        assert_eq!(while_alive(work, every, sign).await.unwrap(), 7);
        assert!(signs.load(Ordering::Relaxed) > 3, "{signs:?}");
        // Whoever was overtaken does not wait for the end.
        let work = std::future::pending::<Result<()>>();
        assert_eq!(while_alive(work, every, || std::future::ready(Err(overtaken()))).await.unwrap_err().code, Code::Conflict);
    }

    #[tokio::test]
    async fn a_sign_may_wait_for_what_the_work_holds() {
        let writer = tokio::sync::Mutex::new(0);
        let work = async {
            for _ in 0..10 {
                let mut held = writer.lock().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                *held += 1;
            }
            Ok(())
        };
        let sign = || async {
            drop(writer.lock().await);
            Ok(())
        };
        let done = tokio::time::timeout(Duration::from_secs(20), while_alive(work, Duration::from_millis(5), sign)).await;
        assert!(done.is_ok(), "the sign waits for the work, and the work for the sign");
    }

    #[tokio::test]
    async fn work_outlasts_an_engine_that_is_away() {
        let tries = AtomicUsize::new(0);
        let work = |fails: usize, code: Code| {
            let is_over = tries.fetch_add(1, Ordering::Relaxed) >= fails;
            std::future::ready(if is_over { Ok(7) } else { Err(Error::new(code, "")) })
        };
        let pause = Duration::from_millis(5);
        assert_eq!(steadily("a test", pause, || work(3, Code::Unavailable)).await.unwrap(), 7);
        assert_eq!(tries.swap(0, Ordering::Relaxed), 4);
        // What else goes wrong would go wrong again.
        assert_eq!(steadily("a test", pause, || work(1, Code::Internal)).await.unwrap_err().code, Code::Internal);
        assert_eq!(tries.swap(0, Ordering::Relaxed), 1);
        // Nobody waits for ever.
        let away = steadily_for(Duration::from_millis(40), "a test", pause, || work(usize::MAX, Code::Unavailable));
        assert_eq!(away.await.unwrap_err().code, Code::Unavailable);
        assert!(tries.swap(0, Ordering::Relaxed) > 1);
        // Whoever is overtaken while the engine is away does not wait for it.
        let away = steadily("a test", pause, || work(usize::MAX, Code::Unavailable));
        let ended = while_alive(away, Duration::from_millis(40), || std::future::ready(Err(overtaken()))).await;
        assert_eq!(ended.unwrap_err().code, Code::Conflict);
    }

    #[tokio::test]
    async fn a_stop_lets_go_of_what_is_not_done_and_waits_for_it() {
        let (begun, let_go) = (Begun::default(), Arc::new(AtomicUsize::new(0)));
        let begin = |work: Option<Duration>| {
            let count = let_go.clone();
            begun.begin(move |mut stopping| async move {
                let work = async move {
                    match work {
                        Some(time) => tokio::time::sleep(time).await,
                        None => std::future::pending().await,
                    }
                };
                let let_go = async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    count.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                };
                unless_stopped("a test", &mut stopping, work, let_go).await;
            });
        };
        begin(Some(Duration::ZERO));
        begin(None);
        tokio::time::sleep(Duration::from_millis(200)).await;
        begin(None);
        let stopped = tokio::time::timeout(Duration::from_secs(20), begun.stop()).await;
        assert!(stopped.is_ok(), "work does not end with its instance");
        assert_eq!(let_go.load(Ordering::Relaxed), 2, "what was done is not let go, and the others are");
        // A request that was slow.
        begin(None);
        begun.stop().await;
        assert_eq!(let_go.load(Ordering::Relaxed), 3);
        // With nothing to do there is nothing to wait for.
        Begun::default().stop().await;
    }

    #[test]
    fn several_signs_fit_into_a_silence() {
        let rules = Rules::default();
        assert_eq!((sign_of_life(&rules), pause(&rules)), (Duration::from_secs(10), Duration::from_secs(5)));
        assert!(sign_of_life(&Rules { silent_seconds: 0, ..Rules::default() }) > Duration::ZERO);
    }
}
