//! The index as the rest of the product uses it: searching without blocking, following the change feed, rebuilding while the old one serves,
//! saying how far it is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, mpsc, watch};

use super::query::TitleCatalogue;
use super::{Built, Condition, SearchIndex, SearchRequest, SearchResponse, WorkChange};
use crate::corpus::indexing::{self, IndexedDocument};
use crate::error::{Code, Error, Result};
use crate::ids::Clock;
use crate::storage::Db;

/// Changes taken in by one commit.
const CHANGES_PER_COMMIT: i64 = 200;
/// From this many waiting changes on, building anew is quicker than following.
const REBUILD_FROM: i64 = 2_000;
/// How often the follower looks at the feed.
const POLL: Duration = Duration::from_millis(500);
/// Works read ahead of the writer while building.
const READ_AHEAD: usize = 64;
/// How often the words for corrections are made anew while entries change.
const NEW_WORDS: Duration = Duration::from_secs(10);
/// An index is called behind when a change has waited for more than so many seconds.
const BEHIND_FROM_S: i64 = 60;
/// Longest that a search waits for a change that it is to find.
const PATIENCE: Duration = Duration::from_secs(2);
/// Searches that wait at a time; whoever comes then is answered at once. Each holds the turn of a reader, of which a small machine has eight, and anybody may
/// ask to wait.
const WAITING_SEARCHES: usize = 4;
/// Fewest searches that work at a time.
const SEARCHES_AT_LEAST: usize = 2;
/// Seconds after which a search may be tried again that came before there was an index.
const BUILT_RETRY_S: u64 = 5;

/// How the index of this process stands to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// There is none yet: searches are refused.
    Building,
    /// It answers, and since the process began it has not once been where the data was.
    CatchingUp,
    /// It has followed.
    Current,
    /// It answers, and a change has waited for more than a minute.
    Behind,
}

impl IndexState {
    /// Name in `/health/ready`.
    pub fn as_str(self) -> &'static str {
        match self {
            IndexState::Building => "building",
            IndexState::CatchingUp => "catching up",
            IndexState::Current => "ok",
            IndexState::Behind => "behind",
        }
    }

    /// Whether requests may be sent to this process. One that falls behind goes on: a large import would make all of them fall behind at once.
    pub fn may_serve(self) -> bool {
        matches!(self, IndexState::Current | IndexState::Behind)
    }
}

/// The search index of one process. Cheap to clone.
#[derive(Clone)]
pub struct SearchService {
    index: Arc<SearchIndex>,
    /// Why the index must be built before it can answer; `None` when it serves.
    waiting: Arc<Mutex<Option<String>>>,
    /// Whether the index has been where the data was since the process began.
    has_caught_up: Arc<AtomicBool>,
    /// Since when a change has waited, as of the follower's last look.
    behind_since: Arc<Mutex<Option<DateTime<Utc>>>>,
    /// Number of the last change that the index holds, for those who wait for one.
    position: watch::Sender<i64>,
    seats: Arc<Semaphore>,
    /// Turns of searches, as many as there are cores: a search only computes. It goes on to its end when nobody waits for it any more, so its turn is
    /// its own and not its caller's; those who ask and leave would otherwise fill all cores with what nobody reads.
    turns: Arc<Semaphore>,
}

impl SearchService {
    /// Opens the index of a directory; a damaged or outdated one is rebuilt by the first [`SearchService::catch_up`].
    pub fn open(directory: &Path) -> Result<SearchService> {
        let (index, condition) = SearchIndex::open(directory)?;
        let waiting = match condition {
            Condition::Ready => None,
            Condition::MustRebuild(reason) => Some(reason),
        };
        let (position, _) = watch::channel(index.position());
        Ok(SearchService {
            index: Arc::new(index),
            waiting: Arc::new(Mutex::new(waiting)),
            has_caught_up: Arc::default(),
            behind_since: Arc::default(),
            position,
            seats: Arc::new(Semaphore::new(WAITING_SEARCHES)),
            turns: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(0, |cores| cores.get()).max(SEARCHES_AT_LEAST))),
        })
    }

    /// How the index stands to the data.
    pub fn state(&self, now: DateTime<Utc>) -> IndexState {
        if !self.is_ready() {
            IndexState::Building
        } else if !self.has_caught_up.load(Ordering::Relaxed) {
            IndexState::CatchingUp
        } else if self.lag_seconds(now) > BEHIND_FROM_S {
            IndexState::Behind
        } else {
            IndexState::Current
        }
    }

    /// Seconds that the oldest change not taken in has waited for this process; 0 when none waits.
    pub fn lag_seconds(&self, now: DateTime<Utc>) -> i64 {
        let since = *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(0, |since| (now - since).num_seconds().max(0))
    }

    /// Whether searches find what a change of the feed brought.
    pub fn holds(&self, seq: i64) -> bool {
        self.is_ready() && self.index.position() >= seq
    }

    /// Waits for a change of the feed, at most two seconds. Gives whether searches find what it brought; a number that no change has yet is not
    /// waited for.
    async fn wait_for(&self, db: &Db, seq: i64) -> Result<bool> {
        if self.holds(seq) {
            return Ok(true);
        }
        if !self.is_ready() || indexing::last_change(db).await? < seq {
            return Ok(false);
        }
        let Ok(_seat) = self.seats.try_acquire() else { return Ok(false) };
        let mut position = self.position.subscribe();
        Ok(tokio::time::timeout(PATIENCE, position.wait_for(|at| *at >= seq)).await.is_ok_and(|reached| reached.is_ok()))
    }

    /// Tells those who wait where the index is now.
    fn tell_position(&self) {
        self.position.send_replace(self.index.position());
    }

    /// Whether searches find what there is.
    pub fn is_ready(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The index itself, for measuring.
    pub fn index(&self) -> &SearchIndex {
        &self.index
    }

    /// The titles, or a refusal while there is no index: for answers that would be wrong without them.
    pub fn ready_titles(&self) -> Result<Arc<TitleCatalogue>> {
        if self.is_ready() { Ok(self.titles()) } else { Err(building()) }
    }

    /// Titles, aliases and document numbers under which works are found; none while there is no index.
    pub fn titles(&self) -> Arc<TitleCatalogue> {
        self.index.titles()
    }

    /// Answers a search on a thread of its own, when it is its turn.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse> {
        if !self.is_ready() {
            return Err(building());
        }
        let index = self.index.clone();
        in_turn(&self.turns, move || index.search(&request)).await
    }

    /// Answers a search that is to find what a change of the feed brought: waits for it a little, and says so when it has not come.
    pub async fn search_after(&self, db: &Db, request: SearchRequest, seq: Option<i64>) -> Result<SearchResponse> {
        let is_behind = match seq {
            Some(seq) => !self.wait_for(db, seq).await?,
            None => false,
        };
        Ok(SearchResponse { is_behind, ..self.search(request).await? })
    }

    /// Builds a new index from the database while the old one goes on serving.
    pub async fn rebuild(&self, db: &Db, clock: &Clock, progress: impl FnMut(Built) + Send + 'static) -> Result<Built> {
        self.rebuild_unless(&never(), db, clock, progress).await
    }

    async fn rebuild_unless(
        &self,
        stopping: &watch::Receiver<bool>,
        db: &Db,
        clock: &Clock,
        mut progress: impl FnMut(Built) + Send + 'static,
    ) -> Result<Built> {
        // Taken before the first document is read: what changes meanwhile is followed afterwards.
        let position = indexing::last_change(db).await?;
        let (sender, mut receiver) = mpsc::channel::<Result<IndexedDocument>>(READ_AHEAD);
        let index = self.index.clone();
        let building = tokio::task::spawn_blocking(move || {
            index.rebuild(position, std::iter::from_fn(move || receiver.blocking_recv()), &mut progress)
        });
        let reading = read_everything(stopping, db, clock, &sender).await;
        if let Err(problem) = reading {
            // The builder gives up with this problem, for half of the data must never serve; when it is gone already, its own problem is the
            // one to tell.
            drop(sender.send(Err(problem)).await);
        }
        drop(sender);
        let built = building.await.map_err(|e| Error::internal("building the index broke", e))??;
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.tell_position();
        Ok(built)
    }

    /// Takes in every change of the feed, or builds anew when that is needed or quicker. Gives the number of changes that were waiting.
    pub async fn catch_up(&self, db: &Db, clock: &Clock) -> Result<i64> {
        self.catch_up_unless(&never(), db, clock).await
    }

    async fn catch_up_unless(&self, stopping: &watch::Receiver<bool>, db: &Db, clock: &Clock) -> Result<i64> {
        let behind = indexing::last_change(db).await? - self.index.position();
        let reason = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if reason.is_some() || !(0..REBUILD_FROM).contains(&behind) {
            let reason = reason.unwrap_or_else(|| format!("{behind} changes are waiting"));
            tracing::info!(reason, "building the search index");
            let built = self.rebuild_unless(stopping, db, clock, |_| {}).await?;
            tracing::info!(documents = built.documents, provisions = built.provisions, "the search index is built");
        }
        loop {
            check_going_on(stopping)?;
            // What changed while a new index was built comes as any other change does.
            let changes = indexing::changes_since(db, self.index.position(), CHANGES_PER_COMMIT).await?;
            let mut batch: Vec<WorkChange> = Vec::with_capacity(changes.len());
            for change in &changes {
                // Of several changes of one work only the last needs its text: it is what the database says now.
                if changes.iter().any(|later| later.work_id == change.work_id && later.seq > change.seq) {
                    continue;
                }
                let documents = indexing::for_indexing(db, change.work_id, clock.today()).await?;
                batch.push(WorkChange { seq: change.seq, work_id: change.work_id.0, documents });
            }
            let index = self.index.clone();
            run_blocking(move || index.follow(&batch)).await?;
            self.tell_position();
            // Fewer than asked for were all that there were.
            if (changes.len() as i64) < CHANGES_PER_COMMIT {
                self.has_caught_up.store(true, Ordering::Relaxed);
                return Ok(behind);
            }
        }
    }

    /// Looks how far the index is behind, and tells `report`. Nothing has waited for longer than since `began`, when the process began to follow.
    async fn look(&self, db: &Db, began: DateTime<Utc>, report: &impl Fn(i64, i64)) {
        let waiting = indexing::waiting_since(db, self.index.position()).await;
        let lag = match waiting {
            Ok((lag, since)) => {
                *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner) = since.map(|since| since.max(began));
                lag
            }
            Err(_) => -1,
        };
        report(lag, i64::try_from(self.index.size().provisions).unwrap_or(i64::MAX));
    }
}

fn building() -> Error {
    Error::new(Code::Unavailable, "检索索引正在建立，请稍后再试。").retry_after(BUILT_RETRY_S)
}

/// For work that nobody stops.
fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

fn check_going_on(stopping: &watch::Receiver<bool>) -> Result<()> {
    if *stopping.borrow() { Err(Error::new(Code::Unavailable, "服务正在停止。")) } else { Ok(()) }
}

/// Follows the change feed until told to stop; a build that is under way then is given up. `report` is told the changes waiting and the entries
/// that can be found.
pub async fn follow(service: SearchService, db: Db, clock: Clock, mut stopping: watch::Receiver<bool>, report: impl Fn(i64, i64)) {
    let began = clock.now();
    let mut failing = false;
    let mut words_made = Instant::now();
    while !*stopping.borrow() {
        // Before as well as after: a build takes its time, and is to be seen meanwhile.
        service.look(&db, began, &report).await;
        let caught_up = service.catch_up_unless(&stopping, &db, &clock).await;
        let is_stopping = *stopping.borrow();
        match caught_up {
            Ok(0) => failing = false,
            Ok(_) => {
                failing = false;
                service.look(&db, began, &report).await;
            }
            Err(_) if is_stopping => return,
            // Logged once per outage, not at every look.
            Err(problem) if !failing => {
                failing = true;
                tracing::error!(
                    error = problem.code.slug(),
                    cause = problem.cause_chain(),
                    "the search index cannot follow the data; trying again"
                );
            }
            Err(_) => {}
        }
        if !failing && words_made.elapsed() >= NEW_WORDS {
            let index = service.index.clone();
            // Corrections go on with the words they have when this breaks.
            drop(
                run_blocking(move || {
                    index.renew_vocabulary();
                    Ok(())
                })
                .await,
            );
            words_made = Instant::now();
        }
        tokio::select! {
            _ = stopping.changed() => {}
            () = tokio::time::sleep(if failing { POLL * 10 } else { POLL }) => {}
        }
    }
}

async fn read_everything(
    stopping: &watch::Receiver<bool>,
    db: &Db,
    clock: &Clock,
    sender: &mpsc::Sender<Result<IndexedDocument>>,
) -> Result<()> {
    let today = clock.today();
    let mut after = None;
    loop {
        let works = indexing::works_after(db, after, 200).await?;
        let Some(last) = works.last().copied() else { return Ok(()) };
        for work in works {
            check_going_on(stopping)?;
            for document in indexing::for_indexing(db, work, today).await? {
                if sender.send(Ok(document)).await.is_err() {
                    // The builder stopped; it tells why.
                    return Ok(());
                }
            }
        }
        after = Some(last);
    }
}

/// Does work that keeps its turn until it has ended, whether or not its caller still waits. Whoever leaves before it is their turn costs nothing.
async fn in_turn<T: Send + 'static>(turns: &Arc<Semaphore>, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let turn = turns.clone().acquire_owned().await.map_err(|e| Error::internal("the turns of searches are closed", e))?;
    run_blocking(move || {
        let done = work();
        drop(turn);
        done
    })
    .await
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("a search thread broke", e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_search_that_nobody_waits_for_keeps_its_turn_to_its_end() {
        let turns = Arc::new(Semaphore::new(1));
        let (finish, finishing) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        let of_first = turns.clone();
        let first = tokio::spawn(async move {
            in_turn(&of_first, move || {
                begin.send(()).unwrap();
                finishing.recv().unwrap();
                Ok(())
            })
            .await
        });
        begun.await.unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let mut second = Box::pin(in_turn(&turns, || Ok(7)));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err(), "the first still works");
        finish.send(()).unwrap();
        assert_eq!(second.await.unwrap(), 7);
        assert!(in_turn::<()>(&turns, || Err(building())).await.is_err());
        assert_eq!(turns.available_permits(), 1);
    }
}
